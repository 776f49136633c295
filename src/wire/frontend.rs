//! Front-end messages.
//!
//! [`FrontendCodec`] cuts the byte stream into [`Frame`]s: a tag and a body that shares the read buffer (no copy). A length is
//! judged before anything is allocated for it, against the limit of its message type; memory follows the bytes that arrive.
//! [`Frame::parse`] then gives a [`Frontend`] that borrows from the body; every count in it has been checked against the bytes
//! that are there, so walking it cannot fail.
//!
//! ```text
//! frame:  tag (1) | i32 length, itself included | body (length - 4)
//! Bind:   portal \0 | statement \0 | i16 n, n x i16 format | i16 n, n x (i32 length or -1, bytes) | i16 n, n x i16 format
//! ```
//!
//! What breaks the framing ends the connection (PostgreSQL: silently for a bad length, FATAL 08P01 for an unknown type); what is
//! wrong inside a well-framed message is an ERROR 08P01 and the session lives.

use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use bytes::{Buf, Bytes, BytesMut};
use std::io;
use tokio_util::codec::Decoder;

/// Longest body of messages that carry no data, and of everything before authentication.
pub const SMALL_MESSAGE: usize = 10_000;
/// PostgreSQL's own limit on any message.
pub const LARGE_MESSAGE: usize = 0x3fff_ffff - 1;

/// Why the stream cannot be read on.
#[derive(Debug)]
pub enum DecodeError {
    /// The length makes no sense: close without a word, as PostgreSQL does.
    BadLength(i64),
    /// Tell the client (FATAL), then close.
    Sql(SqlError),
    /// The socket failed.
    Io(io::Error),
}

impl From<io::Error> for DecodeError {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// Cuts the stream into frames.
#[derive(Clone, Debug)]
pub struct FrontendCodec {
    max_message: usize,
    authenticating: bool,
}

impl FrontendCodec {
    /// A codec for an authenticated session that takes messages of up to `max_message` bytes.
    pub fn new(max_message: usize) -> Self {
        Self { max_message: max_message.min(LARGE_MESSAGE), authenticating: false }
    }

    /// A codec for the authentication exchange: only `p` messages of up to 10,000 bytes.
    pub fn authenticating() -> Self {
        Self { max_message: SMALL_MESSAGE, authenticating: true }
    }

    /// How many bytes the message at the start of `read` still lacks; 0 if that is not known or nothing is.
    pub fn missing(&self, read: &BytesMut) -> usize {
        match self.head(read) {
            Ok(Some((_, len))) => (len + 1).saturating_sub(read.len()),
            _ => 0,
        }
    }

    /// Tag and length (itself included) of the message at the start of `read`, checked.
    fn head(&self, read: &[u8]) -> Result<Option<(u8, usize)>, DecodeError> {
        let Some(&tag) = read.first() else { return Ok(None) };
        let limit = self.limit(tag)?;
        let Some(len) = read.get(1..5) else { return Ok(None) };
        let len = i32::from_be_bytes([len[0], len[1], len[2], len[3]]);
        match usize::try_from(len) {
            Ok(n) if n >= 4 && n - 4 <= limit => Ok(Some((tag, n))),
            Ok(n) if (4..=LARGE_MESSAGE).contains(&n) && limit > SMALL_MESSAGE => Err(self.too_long(n)),
            _ => Err(DecodeError::BadLength(i64::from(len))),
        }
    }

    fn limit(&self, tag: u8) -> Result<usize, DecodeError> {
        match tag {
            b'p' if self.authenticating => Ok(SMALL_MESSAGE),
            _ if self.authenticating => Err(DecodeError::Sql(fatal(format!("expected password response, got message type {tag}")))),
            b'Q' | b'P' | b'B' | b'F' | b'd' => Ok(self.max_message),
            b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' => Ok(SMALL_MESSAGE),
            _ => Err(DecodeError::Sql(fatal(format!("invalid frontend message type {tag}")))),
        }
    }

    #[cold]
    fn too_long(&self, len: usize) -> DecodeError {
        DecodeError::Sql(
            err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "message of {len} bytes exceeds the limit of {} bytes", self.max_message)
                .hint("Raise \"max_message_size\" in the [server] section of the configuration.")
                .severity(Severity::Fatal),
        )
    }
}

impl Decoder for FrontendCodec {
    type Item = Frame;
    type Error = DecodeError;

    #[inline]
    fn decode(&mut self, read: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        match self.head(read)? {
            Some((tag, len)) if read.len() > len => {
                let mut body = read.split_to(len + 1).freeze();
                body.advance(5);
                Ok(Some(Frame { tag, body }))
            }
            _ => Ok(None),
        }
    }
}

fn fatal(message: String) -> SqlError {
    SqlError::new(SqlState::PROTOCOL_VIOLATION, message).severity(Severity::Fatal)
}

/// One framed message.
#[derive(Clone, Debug)]
pub struct Frame {
    tag: u8,
    body: Bytes,
}

impl Frame {
    /// The message type byte.
    #[inline]
    pub fn tag(&self) -> u8 {
        self.tag
    }

    /// The body, without tag and length.
    pub fn into_body(self) -> Bytes {
        self.body
    }

    /// The body, without tag and length.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Reads the body. Errors are ERROR 08P01 in PostgreSQL's words.
    #[inline]
    pub fn parse(&self) -> Result<Frontend<'_>> {
        let mut r = Reader(&self.body);
        let message = match self.tag {
            b'Q' => Frontend::Query(r.cstr()?),
            b'P' => Frontend::Parse { name: r.cstr()?, sql: r.cstr()?, types: Oids(r.counted(4)?) },
            b'B' => Frontend::Bind(r.bind()?),
            b'D' => Frontend::Describe(r.target("DESCRIBE")?),
            b'C' => Frontend::Close(r.target("CLOSE")?),
            b'E' => Frontend::Execute { portal: r.cstr()?, max_rows: r.max_rows()? },
            b'F' => return Ok(Frontend::FunctionCall),
            b'd' => return Ok(Frontend::CopyData),
            b'c' => return Ok(Frontend::CopyDone),
            b'f' => Frontend::CopyFail(r.cstr()?),
            b'H' => Frontend::Flush,
            b'S' => Frontend::Sync,
            b'X' => return Ok(Frontend::Terminate),
            tag => return Err(err!(SqlState::PROTOCOL_VIOLATION, "invalid frontend message type {tag}")),
        };
        r.end()?;
        Ok(message)
    }
}

/// A front-end message, borrowing from its frame.
#[derive(Debug)]
pub enum Frontend<'a> {
    /// Simple query; text not yet checked for its encoding.
    Query(&'a [u8]),
    /// Parse.
    Parse {
        /// Statement name, empty for the unnamed.
        name: &'a [u8],
        /// Its text.
        sql: &'a [u8],
        /// Parameter types given.
        types: Oids<'a>,
    },
    /// Bind.
    Bind(Bind<'a>),
    /// Describe a statement or portal.
    Describe(Target<'a>),
    /// Close a statement or portal.
    Close(Target<'a>),
    /// Execute.
    Execute {
        /// Portal name, empty for the unnamed.
        portal: &'a [u8],
        /// Row limit, 0 for none.
        max_rows: u32,
    },
    /// Fast-path function call.
    FunctionCall,
    /// Copied data; the frame's body is the chunk.
    CopyData,
    /// End of copied data.
    CopyDone,
    /// The client gives up copying, and says why.
    CopyFail(&'a [u8]),
    /// Flush.
    Flush,
    /// Sync.
    Sync,
    /// Terminate.
    Terminate,
}

/// What Describe and Close name.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A prepared statement.
    Statement(&'a [u8]),
    /// A portal.
    Portal(&'a [u8]),
}

/// Type OIDs of a Parse message.
#[derive(Clone, Copy, Debug)]
pub struct Oids<'a>(&'a [u8]);

impl<'a> Oids<'a> {
    /// Each type, 0 where it is to be inferred.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.0.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }
}

/// Formats of parameters or result columns: none (all text), one for all, or one each. 0 text, 1 binary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Formats<'a>(&'a [u8]);

impl<'a> Formats<'a> {
    /// How many were given: 0, 1, or one each.
    pub fn len(&self) -> usize {
        self.0.len() / 2
    }

    /// Whether none was given (all text).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The codes as sent.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i16> + use<'a> {
        self.0.chunks_exact(2).map(|b| i16::from_be_bytes([b[0], b[1]]))
    }

    /// The code that applies to item `i`.
    #[inline]
    pub fn get(&self, i: usize) -> i16 {
        let at = if self.0.len() == 2 { 0 } else { i * 2 };
        self.0.get(at..at + 2).map_or(0, |b| i16::from_be_bytes([b[0], b[1]]))
    }
}

/// A Bind message; every length in it has been checked.
#[derive(Clone, Copy, Debug)]
pub struct Bind<'a> {
    /// Portal name bytes, empty for the unnamed.
    pub portal: &'a [u8],
    /// Statement name bytes, empty for the unnamed.
    pub statement: &'a [u8],
    /// Formats of the parameters.
    pub param_formats: Formats<'a>,
    /// Formats of the result columns.
    pub result_formats: Formats<'a>,
    values: &'a [u8],
    count: u16,
}

impl<'a> Bind<'a> {
    /// Portal name.
    pub fn portal_name(&self) -> Result<&'a str> {
        text(self.portal)
    }

    /// Statement name.
    pub fn statement_name(&self) -> Result<&'a str> {
        text(self.statement)
    }

    /// Number of parameter values.
    #[inline]
    pub fn param_count(&self) -> usize {
        usize::from(self.count)
    }

    /// The parameter values in order, `None` for NULL.
    #[inline]
    pub fn params(&self) -> Params<'a> {
        Params { rest: self.values, left: self.count }
    }
}

/// Iterates over a Bind's values.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    rest: &'a [u8],
    left: u16,
}

impl<'a> Iterator for Params<'a> {
    type Item = Option<&'a [u8]>;

    #[inline]
    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        self.left = self.left.checked_sub(1)?;
        let (len, rest) = self.rest.split_first_chunk::<4>()?;
        match usize::try_from(i32::from_be_bytes(*len)) {
            Ok(n) => {
                let (value, rest) = rest.split_at_checked(n)?;
                self.rest = rest;
                Some(Some(value))
            }
            Err(_) => {
                self.rest = rest;
                Some(None)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

impl ExactSizeIterator for Params<'_> {}

/// Bytes of a message as text: 22021 if they are not valid UTF-8, naming the first sequence that is not, as PostgreSQL does.
#[inline]
pub fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| invalid_utf8(&bytes[e.valid_up_to()..]))
}

#[cold]
fn invalid_utf8(rest: &[u8]) -> SqlError {
    let claimed = match rest[0] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    };
    let shown: Vec<String> = rest.iter().take(claimed).map(|b| format!("0x{b:02x}")).collect();
    err!(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "))
}

/// Walks a message body.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn cstr(&mut self) -> Result<&'a [u8]> {
        let end = memchr::memchr(0, self.0).ok_or_else(|| violation("invalid string in message"))?;
        let (text, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Ok(text)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(|| violation("insufficient data left in message"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or_else(|| violation("insufficient data left in message"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// An i16 count and that many items of `size` bytes.
    fn counted(&mut self, size: usize) -> Result<&'a [u8]> {
        let n = self.u16()?;
        self.take(usize::from(n) * size)
    }

    fn max_rows(&mut self) -> Result<u32> {
        let n = i32::from_be_bytes(self.array()?);
        Ok(u32::try_from(n).unwrap_or(0))
    }

    fn target(&mut self, what: &str) -> Result<Target<'a>> {
        let [kind] = self.array()?;
        let name = self.cstr()?;
        match kind {
            b'S' => Ok(Target::Statement(name)),
            b'P' => Ok(Target::Portal(name)),
            other => Err(err!(SqlState::PROTOCOL_VIOLATION, "invalid {what} message subtype {other}")),
        }
    }

    fn bind(&mut self) -> Result<Bind<'a>> {
        let portal = self.cstr()?;
        let statement = self.cstr()?;
        let param_formats = Formats(self.counted(2)?);
        let count = self.u16()?;
        if param_formats.len() > 1 && param_formats.len() != usize::from(count) {
            let formats = param_formats.len();
            return Err(err!(SqlState::PROTOCOL_VIOLATION, "bind message has {formats} parameter formats but {count} parameters"));
        }
        let start = self.0;
        for _ in 0..count {
            match i32::from_be_bytes(self.array()?) {
                -1 => {}
                n => {
                    let n = usize::try_from(n).map_err(|_| violation("insufficient data left in message"))?;
                    self.take(n)?;
                }
            }
        }
        let values = &start[..start.len() - self.0.len()];
        let result_formats = Formats(self.counted(2)?);
        if let Some(bad) = param_formats.iter().chain(result_formats.iter()).find(|f| !matches!(f, 0 | 1)) {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "unsupported format code: {bad}"));
        }
        Ok(Bind { portal, statement, param_formats, result_formats, values, count })
    }

    fn end(&self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(violation("invalid message format")) }
    }
}

#[cold]
fn violation(message: &str) -> SqlError {
    SqlError::new(SqlState::PROTOCOL_VIOLATION, message)
}
