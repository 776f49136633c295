//! COPY FROM STDIN, as the statement that runs it sees it: a stream of chunks.
//!
//! The client sends CopyData until CopyDone or CopyFail. Flush and Sync in between are ignored (drivers using the extended
//! protocol send them), anything else breaks the protocol. A statement that fails half-way just drops the reader: the session
//! ignores the CopyData still under way, as PostgreSQL does.

use super::Out;
use super::frontend::{DecodeError, Frontend};
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use bytes::Bytes;

/// The data a client copies in.
pub struct CopyReader<'a> {
    out: &'a mut Out,
    done: bool,
}

impl<'a> CopyReader<'a> {
    pub(super) fn new(out: &'a mut Out) -> Self {
        Self { out, done: false }
    }

    /// The next chunk as the client cut it (not necessarily at line ends); `None` after CopyDone.
    ///
    /// Errors: 57014 for CopyFail, a cancel or a termination; 08P01 for another message; FATAL 08006 if the client is gone.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.done {
            match self.out.buffered_frame() {
                Ok(Some(frame)) => {
                    if let Some(chunk) = self.accept(frame)? {
                        return Ok(Some(chunk));
                    }
                }
                Ok(None) => self.more().await?,
                Err(DecodeError::Sql(e)) => return Err(e),
                Err(_) => return Err(gone()),
            }
        }
        Ok(None)
    }

    /// Appends chunks to `data` until at least `enough` bytes came or the client is done; false when nothing came any more.
    /// Errors: as `next`.
    pub async fn gather(&mut self, data: &mut Vec<u8>, enough: usize) -> Result<bool> {
        let start = data.len();
        loop {
            if self.done {
                return Ok(data.len() > start);
            }
            match self.out.buffered_frame() {
                Ok(Some(frame)) => {
                    if let Some(chunk) = self.accept(frame)? {
                        data.extend_from_slice(&chunk);
                        if data.len() - start >= enough {
                            return Ok(true);
                        }
                    }
                }
                Ok(None) => self.more().await?,
                Err(DecodeError::Sql(e)) => return Err(e),
                Err(_) => return Err(gone()),
            }
        }
    }

    /// The connection, for notices.
    pub fn out(&mut self) -> &mut Out {
        self.out
    }

    fn accept(&mut self, frame: super::Frame) -> Result<Option<Bytes>> {
        match frame.parse()? {
            Frontend::CopyData => return Ok(Some(frame.into_body())),
            Frontend::CopyDone => self.done = true,
            Frontend::CopyFail(reason) => {
                let reason = String::from_utf8_lossy(reason);
                return Err(err!(SqlState::QUERY_CANCELED, "COPY from stdin failed: {reason}"));
            }
            Frontend::Flush | Frontend::Sync => {}
            _ => {
                let tag = frame.tag();
                return Err(err!(SqlState::PROTOCOL_VIOLATION, "unexpected message type 0x{tag:02X} during COPY from stdin"));
            }
        }
        Ok(None)
    }

    async fn more(&mut self) -> Result<()> {
        let interrupt = self.out.interrupt().clone();
        tokio::select! {
            biased;
            read = self.out.fill() => match read {
                Ok(n) if n > 0 => interrupt.check(),
                _ => Err(gone()),
            },
            stop = interrupt.raised() => Err(stop),
        }
    }
}

fn gone() -> SqlError {
    err!(SqlState::CONNECTION_FAILURE, "unexpected EOF on client connection with an open transaction").severity(Severity::Fatal)
}
