//! ErrorResponse and NoticeResponse.
//!
//! Inside the server an error's position is a byte offset into the statement; clients count characters from 1. The text is at
//! hand only where the message is written, so the translation happens here and nowhere else.

use super::encode::{begin, finish, put_cstr};
use crate::error::SqlError;
use bytes::{BufMut, BytesMut};

/// Writes an ErrorResponse; `source` is the text its position refers to.
pub fn error_response(buf: &mut BytesMut, error: &SqlError, source: &str) {
    report(buf, b'E', error, source);
}

/// Writes a NoticeResponse; `source` is the text its position refers to.
pub fn notice_response(buf: &mut BytesMut, notice: &SqlError, source: &str) {
    report(buf, b'N', notice, source);
}

fn report(buf: &mut BytesMut, tag: u8, error: &SqlError, source: &str) {
    let f = error.fields();
    let m = begin(buf, tag);
    let mut put = |kind: u8, text: &str| {
        buf.put_u8(kind);
        put_cstr(buf, text);
    };
    put(b'S', f.severity.as_str());
    put(b'V', f.severity.as_str());
    put(b'C', f.code.as_str());
    put(b'M', &f.message);
    let mut optional = |kind: u8, text: &Option<String>| {
        if let Some(t) = text {
            put(kind, t);
        }
    };
    optional(b'D', &f.detail);
    optional(b'H', &f.hint);
    optional(b'P', &f.position.filter(|_| !source.is_empty()).map(|p| character_position(source, p).to_string()));
    if let Some((query, at)) = &f.internal {
        put(b'p', &character_position(query, *at).to_string());
        put(b'q', query);
    }
    let mut optional = |kind: u8, text: &Option<String>| {
        if let Some(t) = text {
            put(kind, t);
        }
    };
    optional(b'W', &f.context);
    optional(b's', &f.schema);
    optional(b't', &f.table);
    optional(b'c', &f.column);
    optional(b'd', &f.datatype);
    optional(b'n', &f.constraint);
    buf.put_u8(0);
    finish(buf, m);
}

/// The 1-based character position of byte `offset` in `text`; past the end counts as just after the last character.
pub fn character_position(text: &str, offset: usize) -> usize {
    let bytes = &text.as_bytes()[..offset.min(text.len())];
    1 + bytes.iter().filter(|b| (**b as i8) >= -0x40).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::SqlState;

    #[test]
    fn positions_count_characters_from_one() {
        let text = "SELECT 'ä', x";
        assert_eq!(character_position(text, text.find('x').unwrap()), 13);
        assert_eq!(character_position(text, 0), 1);
        assert_eq!(character_position(text, 1000), 14);
    }

    #[test]
    fn fields_are_written_in_postgresqls_order() {
        let e =
            SqlError::new(SqlState::UNIQUE_VIOLATION, "m").detail("d").hint("h").at(2).context("w").table("s", "t").constraint("n");
        let mut buf = BytesMut::new();
        error_response(&mut buf, &e, "äx");
        assert_eq!(&buf[5..], b"SERROR\0VERROR\0C23505\0Mm\0Dd\0Hh\0P2\0Ww\0ss\0tt\0nn\0\0");
        assert_eq!(buf[0], b'E');
    }
}
