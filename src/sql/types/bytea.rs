//! bytea and uuid: hex and escape text forms.

use super::io::{ByteaOutput, invalid_syntax};
use crate::err;
use crate::error::{Result, SqlState};

const HEX: &[u8; 16] = b"0123456789abcdef";

fn hex_digit(b: u8) -> Option<u8> {
    (b as char).to_digit(16).map(|d| d as u8)
}

/// Appends two lower-case hex digits a byte.
pub fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 2);
    for b in bytes {
        out.push(HEX[usize::from(b >> 4)]);
        out.push(HEX[usize::from(b & 15)]);
    }
}

/// Hex digits, white space between pairs allowed, to bytes. Errors: 22023 with PostgreSQL's messages.
pub fn decode_hex(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut chars = text.chars();
    let digit = |c: char| {
        let value = c.to_digit(16).map(|d| d as u8);
        value.ok_or_else(|| err!(SqlState::INVALID_PARAMETER_VALUE, "invalid hexadecimal digit: \"{c}\""))
    };
    while let Some(c) = chars.next() {
        if matches!(c, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let high = digit(c)?;
        let Some(next) = chars.next() else {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid hexadecimal data: odd number of digits"));
        };
        out.push((high << 4) | digit(next)?);
    }
    Ok(out)
}

/// Text to bytea: `\x...`, or escape format. Errors: 22P02, 22023.
pub fn parse(text: &str) -> Result<Vec<u8>> {
    if let Some(hex) = text.strip_prefix("\\x") {
        return decode_hex(hex);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Ok(out),
            [b'\\', b'\\', tail @ ..] => {
                out.push(b'\\');
                tail
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                out.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
                tail
            }
            [b'\\', ..] => return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea")),
            [b, tail @ ..] => {
                out.push(*b);
                tail
            }
        }
    }
}

/// Appends a bytea in the session's format.
pub fn write(bytes: &[u8], format: ByteaOutput, out: &mut Vec<u8>) {
    match format {
        ByteaOutput::Hex => {
            out.extend_from_slice(b"\\x");
            write_hex(bytes, out);
        }
        ByteaOutput::Escape => write_escape(bytes, out),
    }
}

fn write_escape(bytes: &[u8], out: &mut Vec<u8>) {
    for &b in bytes {
        match b {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x20..=0x7E => out.push(b),
            _ => out.extend_from_slice(&[b'\\', b'0' + (b >> 6), b'0' + (b >> 3 & 7), b'0' + (b & 7)]),
        }
    }
}

/// Text to uuid: 32 hex digits, hyphens after any group of four, optional braces. Errors: 22P02.
pub fn parse_uuid(text: &str) -> Result<[u8; 16]> {
    uuid_bytes(text.as_bytes()).ok_or_else(|| invalid_syntax("uuid", text))
}

fn uuid_bytes(text: &[u8]) -> Option<[u8; 16]> {
    let mut rest = match text {
        [b'{', inner @ .., b'}'] => inner,
        plain => plain,
    };
    let mut out = [0u8; 16];
    for (i, slot) in out.iter_mut().enumerate() {
        let [high, low, tail @ ..] = rest else { return None };
        *slot = (hex_digit(*high)? << 4) | hex_digit(*low)?;
        rest = match tail {
            [b'-', after @ ..] if i % 2 == 1 && i < 15 => after,
            tail => tail,
        };
    }
    rest.is_empty().then_some(out)
}

/// Appends a uuid as 8-4-4-4-12 hex digits.
pub fn write_uuid(uuid: &[u8; 16], out: &mut Vec<u8>) {
    for (i, part) in [0..4, 4..6, 6..8, 8..10, 10..16].into_iter().enumerate() {
        if i > 0 {
            out.push(b'-');
        }
        write_hex(&uuid[part], out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats() {
        assert_eq!(parse("\\xDE ad").unwrap(), [0xDE, 0xAD]);
        assert_eq!(parse("a\\\\b\\001").unwrap(), b"a\\b\x01");
        assert_eq!(parse("\\x0").unwrap_err().message(), "invalid hexadecimal data: odd number of digits");
        assert_eq!(parse("\\xzz").unwrap_err().message(), "invalid hexadecimal digit: \"z\"");
        assert_eq!(parse("a\\9").unwrap_err().message(), "invalid input syntax for type bytea");
        let mut out = Vec::new();
        write(b"a\\\x01\xff", ByteaOutput::Escape, &mut out);
        assert_eq!(out, b"a\\\\\\001\\377");
    }

    #[test]
    fn uuids() {
        let mut out = Vec::new();
        write_uuid(&parse_uuid("{A0EEBC99-9C0B4EF8-bb6d-6bb9-bd38-0a11}").unwrap(), &mut out);
        assert_eq!(out, b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
        assert_eq!(parse_uuid("a0").unwrap_err().message(), "invalid input syntax for type uuid: \"a0\"");
    }
}
