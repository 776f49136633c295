//! The first packets of a connection: encryption requests, a cancel request, or the start-up packet.
//!
//! At most one SSLRequest and one GSSENCRequest are answered (with `N`: not here). Bytes sent along with such a request were sent
//! before the client could know the answer: they may have been slipped in on the way, so they end the connection.

use crate::error::{Severity, SqlError, SqlState};
use crate::wire::Out;
use crate::wire::frontend::DecodeError;
use crate::wire::startup::{Parameters, Startup, StartupCodec, unsupported_protocol};
use bytes::BufMut;

/// Why a client does not get in.
#[derive(Debug)]
pub enum Refusal {
    /// It is gone, or speaks something else altogether: close without a word.
    Silent,
    /// Tell it why.
    Say(SqlError),
}

impl From<SqlError> for Refusal {
    fn from(e: SqlError) -> Self {
        Self::Say(e.severity(Severity::Fatal))
    }
}

impl From<DecodeError> for Refusal {
    fn from(e: DecodeError) -> Self {
        match e {
            DecodeError::Sql(e) => e.into(),
            DecodeError::BadLength(_) | DecodeError::Io(_) => Self::Silent,
        }
    }
}

/// What a client wants.
#[derive(Debug)]
pub enum Request {
    /// A session.
    Session(Parameters),
    /// Another session's statement cancelled.
    Cancel {
        /// That session's number.
        pid: i32,
        /// Its secret.
        key: i32,
    },
}

/// Reads packets until the client has said what it wants.
pub async fn handshake(out: &mut Out) -> Result<Request, Refusal> {
    let mut codec = StartupCodec::default();
    loop {
        match out.buffered_startup(&mut codec)? {
            None => more(out).await?,
            Some(Startup::SslRequest) => {
                codec.ssl_done = true;
                decline(out, "received unencrypted data after SSL request").await?;
            }
            Some(Startup::GssEncRequest) => {
                codec.gss_done = true;
                decline(out, "received unencrypted data after GSSAPI encryption request").await?;
            }
            Some(Startup::Unsupported { major, minor }) => return Err(unsupported_protocol(major, minor).into()),
            Some(Startup::Cancel { pid, key }) => return Ok(Request::Cancel { pid, key }),
            Some(Startup::Session(parameters)) => return Ok(Request::Session(parameters)),
        }
    }
}

async fn decline(out: &mut Out, smuggled: &str) -> Result<(), Refusal> {
    out.buffer().put_u8(b'N');
    out.flush().await?;
    if out.has_buffered_input() {
        return Err(SqlError::new(SqlState::PROTOCOL_VIOLATION, smuggled)
            .detail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.")
            .into());
    }
    Ok(())
}

/// Waits for more bytes.
pub async fn more(out: &mut Out) -> Result<(), Refusal> {
    match out.fill().await {
        Ok(n) if n > 0 => Ok(()),
        _ => Err(Refusal::Silent),
    }
}
