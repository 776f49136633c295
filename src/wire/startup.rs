//! Start-up packets: the first bytes of a connection, before any message has a tag.
//!
//! ```text
//! i32 length, itself included, 8..=10,000 | i32 code | body
//! code 196608 + minor   start-up: name \0 value \0 ... \0
//! code 80877102         CancelRequest: i32 pid, i32 key
//! code 80877103         SSLRequest
//! code 80877104         GSSENCRequest
//! ```
//!
//! A length outside the bounds is no start-up packet at all (HTTP, a port scan): the connection is closed without an answer.

use super::frontend::{DecodeError, SMALL_MESSAGE};
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::Decoder;

/// Protocol 3.0, the newest spoken.
pub const PROTOCOL_3_0: i32 = 3 << 16;
const CANCEL: i32 = (1234 << 16) | 5678;
const SSL: i32 = (1234 << 16) | 5679;
const GSSENC: i32 = (1234 << 16) | 5680;
/// Longest identifier PostgreSQL keeps: names are cut to it.
const NAME_LEN: usize = 63;

/// A start-up packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Startup {
    /// The client asks for TLS.
    SslRequest,
    /// The client asks for GSSAPI encryption.
    GssEncRequest,
    /// Cancel what session `pid` runs.
    Cancel {
        /// Session number.
        pid: i32,
        /// Its secret.
        key: i32,
    },
    /// A session is wanted.
    Session(Parameters),
    /// Another protocol version, or a second encryption request.
    Unsupported {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
}

/// What a client wants its session to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Role.
    pub user: String,
    /// Database.
    pub database: String,
    /// `options` split into settings, then the remaining parameters, in order.
    pub settings: Vec<(String, String)>,
    /// Minor protocol version above the one spoken, or `_pq_.` options: the client must be told.
    pub negotiate: Option<Vec<String>>,
    /// `replication` was asked for.
    pub replication: bool,
}

/// Cuts and reads start-up packets.
#[derive(Debug, Default)]
pub struct StartupCodec {
    /// An SSLRequest was answered: another one is a protocol error.
    pub ssl_done: bool,
    /// A GSSENCRequest was answered.
    pub gss_done: bool,
}

impl Decoder for StartupCodec {
    type Item = Startup;
    type Error = DecodeError;

    fn decode(&mut self, read: &mut BytesMut) -> Result<Option<Startup>, DecodeError> {
        let Some(head) = read.first_chunk::<4>() else { return Ok(None) };
        let len = i32::from_be_bytes(*head);
        let Some(total) = usize::try_from(len).ok().filter(|n| (8..=SMALL_MESSAGE + 4).contains(n)) else {
            return Err(DecodeError::BadLength(i64::from(len)));
        };
        if read.len() < total {
            return Ok(None);
        }
        let mut packet = read.split_to(total).freeze();
        packet.advance(4);
        self.packet(packet).map(Some)
    }
}

impl StartupCodec {
    fn packet(&self, mut packet: Bytes) -> Result<Startup, DecodeError> {
        let code = packet.get_i32();
        match code {
            CANCEL if packet.len() == 8 => Ok(Startup::Cancel { pid: packet.get_i32(), key: packet.get_i32() }),
            CANCEL => Err(DecodeError::BadLength(packet.len() as i64 + 8)),
            SSL if !self.ssl_done => Ok(Startup::SslRequest),
            GSSENC if !self.gss_done => Ok(Startup::GssEncRequest),
            _ if code >> 16 == 3 => parameters(code, &packet).map(Startup::Session).map_err(DecodeError::Sql),
            _ => Ok(Startup::Unsupported { major: (code as u32 >> 16) as u16, minor: code as u16 }),
        }
    }
}

/// FATAL for a protocol version that is not spoken.
pub fn unsupported_protocol(major: u16, minor: u16) -> SqlError {
    fatal(SqlState::FEATURE_NOT_SUPPORTED, &format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.0"))
}

fn parameters(code: i32, body: &[u8]) -> Result<Parameters> {
    let layout = || fatal(SqlState::PROTOCOL_VIOLATION, "invalid startup packet layout: expected terminator as last byte");
    let Some((0, mut rest)) = body.split_last().map(|(l, r)| (*l, r)) else { return Err(layout()) };
    let mut p = Parameters::default();
    let mut unknown = Vec::new();
    let mut others = Vec::new();
    while !rest.is_empty() {
        let (name, value);
        (name, rest) = cstr(rest).filter(|(n, _)| !n.is_empty()).ok_or_else(layout)?;
        (value, rest) = cstr(rest).ok_or_else(layout)?;
        let value = text(value)?;
        match text(name)? {
            "user" => p.user = name_of(value),
            "database" => p.database = name_of(value),
            "options" => split_options(value, &mut p.settings)?,
            "replication" => p.replication = !matches!(value, "false" | "off" | "no" | "0"),
            n if n.starts_with("_pq_.") => unknown.push(n.to_owned()),
            n => others.push((n.to_owned(), value.to_owned())),
        }
    }
    p.settings.append(&mut others);
    if code != PROTOCOL_3_0 || !unknown.is_empty() {
        p.negotiate = Some(unknown);
    }
    if p.user.is_empty() {
        return Err(fatal(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "no PostgreSQL user name specified in startup packet"));
    }
    if p.database.is_empty() {
        p.database.clone_from(&p.user);
    }
    Ok(p)
}

fn text(bytes: &[u8]) -> Result<&str> {
    super::frontend::text(bytes).map_err(|e| e.severity(Severity::Fatal))
}

fn cstr(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, bytes)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn name_of(value: &str) -> String {
    value[..value.floor_char_boundary(NAME_LEN)].to_owned()
}

/// Splits the `options` parameter: words separated by blanks, backslash takes the next character as it is; each word is
/// `-c name=value`, `-cname=value` or `--name=value`.
fn split_options(options: &str, settings: &mut Vec<(String, String)>) -> Result<()> {
    let mut words = split_words(options).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("--") {
            Some(a) => a.to_owned(),
            None => match word.strip_prefix("-c") {
                Some("") => words.next().ok_or_else(|| invalid_argument(&word))?,
                Some(a) => a.to_owned(),
                None => return Err(invalid_argument(&word)),
            },
        };
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(err!(SqlState::SYNTAX_ERROR, "-c {assignment} requires a value").severity(Severity::Fatal));
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(())
}

fn split_words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn invalid_argument(word: &str) -> SqlError {
    fatal(SqlState::SYNTAX_ERROR, &format!("invalid command-line argument for server process: {word}"))
}

fn fatal(code: SqlState, message: &str) -> SqlError {
    SqlError::new(code, message).severity(Severity::Fatal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: i32, body: &[u8]) -> BytesMut {
        let mut p = BytesMut::new();
        p.extend_from_slice(&(body.len() as i32 + 8).to_be_bytes());
        p.extend_from_slice(&code.to_be_bytes());
        p.extend_from_slice(body);
        p
    }

    fn session(code: i32, body: &[u8]) -> Result<Startup, DecodeError> {
        StartupCodec::default().decode(&mut packet(code, body)).map(Option::unwrap)
    }

    #[test]
    fn options_come_before_other_settings_and_the_database_defaults_to_the_user() {
        let body = b"user\0ann\0DateStyle\0ISO\0options\0-c a=1\\ 2 --work-mem=4MB -cgeqo=off\0\0";
        let Startup::Session(p) = session(PROTOCOL_3_0, body).unwrap() else { panic!("not a session") };
        assert_eq!((p.user.as_str(), p.database.as_str(), p.negotiate), ("ann", "ann", None));
        let settings: Vec<_> = p.settings.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(settings, [("a", "1 2"), ("work_mem", "4MB"), ("geqo", "off"), ("DateStyle", "ISO")]);
    }

    #[test]
    fn newer_minors_and_unknown_protocol_options_are_negotiated() {
        let Startup::Session(p) = session(PROTOCOL_3_0 + 2, b"user\0a\0_pq_.x\x001\0\0").unwrap() else { panic!("not a session") };
        assert_eq!(p.negotiate, Some(vec!["_pq_.x".to_owned()]));
    }

    #[test]
    fn what_is_no_start_up_packet_is_refused_by_its_length() {
        for bytes in [&b"\0\0\0\x03"[..], b"\0\x01\x86\xa0", b"GET / HTTP/1.0\r\n\r\n", b"\xff\xff\xff\xff"] {
            assert!(matches!(StartupCodec::default().decode(&mut BytesMut::from(bytes)), Err(DecodeError::BadLength(_))));
        }
    }

    #[test]
    fn a_second_encryption_request_is_an_unknown_version() {
        let mut codec = StartupCodec { ssl_done: true, gss_done: false };
        let got = codec.decode(&mut packet(SSL, b"")).unwrap();
        assert_eq!(got, Some(Startup::Unsupported { major: 1234, minor: 5679 }));
    }

    #[test]
    fn broken_layouts_are_named() {
        for body in [&b"user\0a\0"[..], b"user\0a\0x", b"user\0", b"\0a\0\0"] {
            let Err(DecodeError::Sql(e)) = session(PROTOCOL_3_0, body) else { panic!("accepted {body:?}") };
            assert_eq!((e.code(), e.fields().severity), (SqlState::PROTOCOL_VIOLATION, Severity::Fatal), "{body:?}");
        }
        let Err(DecodeError::Sql(e)) = session(PROTOCOL_3_0, b"\0") else { panic!("accepted no user") };
        assert_eq!(e.message(), "no PostgreSQL user name specified in startup packet");
    }
}
