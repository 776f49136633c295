//! bytea: parts, bits and bytes, search, encodings, digests, and conversions between encodings and text.

use super::support::*;
use super::text::window;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::{Datum, bytea as hex, io};
use base64::Engine;
use sha2::Digest;

/// bytea functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("byteaoctetlen", |_, a| int4(a[0].as_bytes().len())),
    f("bit_length/17", |_, a| int4(a[0].as_bytes().len() * 8)),
    f("byteacat", |_, a| bytea([a[0].as_bytes(), a[1].as_bytes()].concat())),
    f("bytea_substr", |_, a| slice(a[0].as_bytes(), a[1].as_int4(), Some(a[2].as_int4())).and_then(bytea)),
    f("bytea_substr_no_len", |_, a| slice(a[0].as_bytes(), a[1].as_int4(), None).and_then(bytea)),
    f("byteapos", |_, a| int4(memchr::memmem::find(a[0].as_bytes(), a[1].as_bytes()).map_or(0, |at| at + 1))),
    f("byteaoverlay", |_, a| overlay(a[0].as_bytes(), a[1].as_bytes(), a[2].as_int4(), a[3].as_int4())),
    f("byteaoverlay_no_len", |_, a| overlay(a[0].as_bytes(), a[1].as_bytes(), a[2].as_int4(), a[1].as_bytes().len() as i32)),
    f("byteatrim", |_, a| bytea(trim(a[0].as_bytes(), a[1].as_bytes(), true, true))),
    f("bytealtrim", |_, a| bytea(trim(a[0].as_bytes(), a[1].as_bytes(), true, false))),
    f("byteartrim", |_, a| bytea(trim(a[0].as_bytes(), a[1].as_bytes(), false, true))),
    f("byteaGetByte", |_, a| {
        let at = index(a[1].as_int4().into(), a[0].as_bytes().len())?;
        Ok(Datum::Int4(a[0].as_bytes()[at].into()))
    }),
    f("byteaSetByte", |_, a| {
        let mut bytes = a[0].as_bytes().to_vec();
        let at = index(a[1].as_int4().into(), bytes.len())?;
        bytes[at] = a[2].as_int4() as u8;
        bytea(bytes)
    }),
    f("byteaGetBit", |_, a| {
        let at = index(a[1].as_int8(), a[0].as_bytes().len() * 8)?;
        Ok(Datum::Int4((a[0].as_bytes()[at / 8] >> (at % 8) & 1).into()))
    }),
    f("byteaSetBit", |_, a| {
        let mut bytes = a[0].as_bytes().to_vec();
        let at = index(a[1].as_int8(), bytes.len() * 8)?;
        match a[2].as_int4() {
            0 => bytes[at / 8] &= !(1 << (at % 8)),
            1 => bytes[at / 8] |= 1 << (at % 8),
            _ => return Err(invalid_parameter("new bit must be 0 or 1")),
        }
        bytea(bytes)
    }),
    f("bytea_bit_count", |_, a| Ok(Datum::Int8(a[0].as_bytes().iter().map(|b| i64::from(b.count_ones())).sum()))),
    f("binary_encode", |_, a| text(encode(a[0].as_bytes(), a[1].as_str())?)),
    f("binary_decode", |_, a| bytea(decode(a[0].as_str(), a[1].as_str())?)),
    f("md5_text", |_, a| text(hex_text(&md5::Md5::digest(a[0].as_str().as_bytes())))),
    f("md5_bytea", |_, a| text(hex_text(&md5::Md5::digest(a[0].as_bytes())))),
    f("sha224_bytea", |_, a| bytea(sha2::Sha224::digest(a[0].as_bytes()))),
    f("sha256_bytea", |_, a| bytea(sha2::Sha256::digest(a[0].as_bytes()))),
    f("sha384_bytea", |_, a| bytea(sha2::Sha384::digest(a[0].as_bytes()))),
    f("sha512_bytea", |_, a| bytea(sha2::Sha512::digest(a[0].as_bytes()))),
    f("pg_convert_from", |_, a| text(from_encoding(a[0].as_bytes(), a[1].as_str())?)),
    f("pg_convert_to", |_, a| bytea(to_encoding(a[0].as_str(), a[1].as_str())?)),
    f("pg_convert", |_, a| {
        let decoded = from_encoding(a[0].as_bytes(), a[1].as_str())?;
        bytea(to_encoding(&decoded, a[2].as_str())?)
    }),
    f("length_in_encoding", |_, a| int4(from_encoding(a[0].as_bytes(), a[1].as_str())?.chars().count())),
];

fn slice(bytes: &[u8], start: i32, len: Option<i32>) -> Result<&[u8]> {
    let (from, to) = window(start, len, bytes.len())?;
    Ok(&bytes[from..to])
}

fn overlay(bytes: &[u8], new: &[u8], start: i32, len: i32) -> Result<Datum> {
    if start <= 0 {
        return Err(SqlError::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
    }
    let after = start.checked_add(len).ok_or_else(|| out_of_range("integer"))?;
    bytea([slice(bytes, 1, Some(start - 1))?, new, slice(bytes, after, None)?].concat())
}

fn trim<'a>(bytes: &'a [u8], set: &[u8], start: bool, end: bool) -> &'a [u8] {
    let mut bytes = bytes;
    while let ([first, rest @ ..], true) = (bytes, start) {
        if !set.contains(first) {
            break;
        }
        bytes = rest;
    }
    while let ([rest @ .., last], true) = (bytes, end) {
        if !set.contains(last) {
            break;
        }
        bytes = rest;
    }
    bytes
}

/// A checked 0-based index. Errors: 2202E.
pub fn index(at: i64, len: usize) -> Result<usize> {
    match usize::try_from(at) {
        Ok(at) if at < len => Ok(at),
        _ => Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "index {at} out of valid range, 0..{}", len as i64 - 1)),
    }
}

fn hex_text(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    for b in bytes {
        out.extend_from_slice(format!("{b:02x}").as_bytes());
    }
    String::from_utf8(out).unwrap_or_default()
}

fn unknown_format(name: &str) -> SqlError {
    invalid_parameter(format!("unrecognized encoding: \"{name}\""))
}

fn encode(bytes: &[u8], format: &str) -> Result<String> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => Ok(hex_text(bytes)),
        "base64" => {
            let all = base64::engine::general_purpose::STANDARD.encode(bytes);
            let lines: Vec<&str> = (0..all.len()).step_by(76).map(|i| &all[i..all.len().min(i + 76)]).collect();
            Ok(lines.join("\n"))
        }
        "escape" => Ok(bytes.iter().fold(String::with_capacity(bytes.len()), |mut out, b| {
            match b {
                b'\\' => out.push_str("\\\\"),
                0 | 0x80.. => out.push_str(&format!("\\{b:03o}")),
                b => out.push(char::from(*b)),
            }
            out
        })),
        _ => Err(unknown_format(format)),
    }
}

fn decode(s: &str, format: &str) -> Result<Vec<u8>> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => hex::decode_hex(s),
        "base64" => decode_base64(s),
        "escape" => decode_escape(s.as_bytes()),
        _ => Err(unknown_format(format)),
    }
}

fn decode_base64(s: &str) -> Result<Vec<u8>> {
    let (mut out, mut buffer, mut filled, mut end) = (Vec::with_capacity(s.len() * 3 / 4), 0u32, 0, 0);
    for c in s.chars() {
        let value = match c {
            ' ' | '\t' | '\n' | '\r' => continue,
            '=' => {
                if end == 0 {
                    end = match filled {
                        2 => 1,
                        3 => 2,
                        _ => return Err(invalid_parameter("unexpected \"=\" while decoding base64 sequence")),
                    };
                }
                0
            }
            'A'..='Z' => c as u32 - 'A' as u32,
            'a'..='z' => c as u32 - 'a' as u32 + 26,
            '0'..='9' => c as u32 - '0' as u32 + 52,
            '+' => 62,
            '/' => 63,
            c => return Err(invalid_parameter(format!("invalid symbol \"{c}\" found while decoding base64 sequence"))),
        };
        buffer = (buffer << 6) | value;
        filled += 1;
        if filled == 4 {
            let bytes = buffer.to_be_bytes();
            out.push(bytes[1]);
            out.extend_from_slice(&bytes[2..if end == 0 { 4 } else { 2 + end - 1 }]);
            (buffer, filled) = (0, 0);
        }
    }
    if filled != 0 {
        return Err(invalid_parameter("invalid base64 end sequence")
            .hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
    }
    Ok(out)
}

fn decode_escape(s: &[u8]) -> Result<Vec<u8>> {
    let (mut out, mut rest) = (Vec::with_capacity(s.len()), s);
    while let Some((&first, tail)) = rest.split_first() {
        rest = match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                out.push(((a - b'0') << 6) | ((b - b'0') << 3) | (c - b'0'));
                tail
            }
            (b'\\', [b'\\', tail @ ..]) => {
                out.push(b'\\');
                tail
            }
            (b'\\', _) => return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea")),
            (b, tail) => {
                out.push(b);
                tail
            }
        };
    }
    Ok(out)
}

/// The encodings known by name; others are refused.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Latin1,
    Ascii,
    Latin9,
    Win1252,
}

fn encoding(name: &str, role: &str) -> Result<Encoding> {
    let key: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    Ok(match key.as_str() {
        "utf8" | "unicode" => Encoding::Utf8,
        "latin1" | "iso88591" => Encoding::Latin1,
        "sqlascii" => Encoding::Ascii,
        "latin9" | "iso885915" => Encoding::Latin9,
        "win1252" | "windows1252" => Encoding::Win1252,
        _ => return Err(invalid_parameter(format!("invalid {role} encoding name \"{name}\""))),
    })
}

const LATIN9: [(u8, char); 8] =
    [(0xA4, '€'), (0xA6, 'Š'), (0xA8, 'š'), (0xB4, 'Ž'), (0xB8, 'ž'), (0xBC, 'Œ'), (0xBD, 'œ'), (0xBE, 'Ÿ')];
const WIN1252: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

fn from_encoding(bytes: &[u8], name: &str) -> Result<String> {
    Ok(match encoding(name, "source")? {
        Encoding::Utf8 | Encoding::Ascii => io::utf8(bytes)?.to_owned(),
        Encoding::Latin1 => bytes.iter().map(|b| char::from(*b)).collect(),
        Encoding::Latin9 => {
            bytes.iter().map(|b| LATIN9.iter().find(|(code, _)| code == b).map_or(char::from(*b), |(_, c)| *c)).collect()
        }
        Encoding::Win1252 => {
            bytes
                .iter()
                .map(|b| {
                    if (0x80..0xA0).contains(b) {
                        WIN1252.chars().nth(usize::from(b - 0x80)).unwrap_or('?')
                    } else {
                        char::from(*b)
                    }
                })
                .collect()
        }
    })
}

fn to_encoding(s: &str, name: &str) -> Result<Vec<u8>> {
    let encoding = encoding(name, "destination")?;
    let shown = match encoding {
        Encoding::Utf8 | Encoding::Ascii => return Ok(s.as_bytes().to_vec()),
        Encoding::Latin1 => "LATIN1",
        Encoding::Latin9 => "LATIN9",
        Encoding::Win1252 => "WIN1252",
    };
    s.chars()
        .map(|c| {
            let special = match encoding {
                Encoding::Latin9 => LATIN9.iter().find(|(_, d)| *d == c).map(|(code, _)| *code),
                Encoding::Win1252 => WIN1252.chars().position(|d| d == c).map(|i| 0x80 + i as u8),
                _ => None,
            };
            special.or_else(|| u8::try_from(c as u32).ok()).ok_or_else(|| {
                let mut buffer = [0; 4];
                let bytes: Vec<String> = c.encode_utf8(&mut buffer).bytes().map(|b| format!("0x{b:02x}")).collect();
                err!(
                    SqlState::UNTRANSLATABLE_CHARACTER,
                    "character with byte sequence {} in encoding \"UTF8\" has no equivalent in encoding \"{shown}\"",
                    bytes.join(" ")
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(encode(b"\x00a\\\xff", "escape").unwrap(), "\\000a\\\\\\377");
        assert_eq!(decode("MTIzAAE=", "base64").unwrap(), b"123\x00\x01");
        assert_eq!(decode("MTIzA", "base64").unwrap_err().message(), "invalid base64 end sequence");
        assert_eq!(encode(&[7; 60], "base64").unwrap().find('\n'), Some(76));
        assert_eq!(encode(b"", "rot13").unwrap_err().message(), "unrecognized encoding: \"rot13\"");
        assert_eq!(to_encoding("é", "LATIN1").unwrap(), [0xe9]);
        assert_eq!(to_encoding("€", "latin9").unwrap(), [0xa4]);
        assert_eq!(
            to_encoding("€", "latin1").unwrap_err().message(),
            "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\""
        );
    }

    #[test]
    fn indexes() {
        assert_eq!(index(5, 5).unwrap_err().message(), "index 5 out of valid range, 0..4");
    }
}
