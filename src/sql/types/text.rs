//! text, varchar, bpchar, name, "char" and bool: input with length limits, and blank-padded comparison.

use super::{Datum, Type};
use crate::err;
use crate::error::{Result, SqlState};
use smol_str::SmolStr;

/// Longest `name` in bytes (NAMEDATALEN - 1).
pub const NAME_MAX: usize = 63;

/// Byte offset just past the first `n` characters, `None` when the text has no more than that.
fn after_chars(text: &str, n: usize) -> Option<usize> {
    if text.len() <= n {
        return None;
    }
    text.char_indices().nth(n).map(|(at, _)| at)
}

/// Applies `varchar(n)`: an explicit cast cuts, an assignment errs (22001) unless only blanks are lost.
pub fn varchar(text: &str, typmod: i32, explicit: bool) -> Result<SmolStr> {
    let limit = (typmod - 4).max(0) as usize;
    let Some(cut) = after_chars(text, limit).filter(|_| typmod >= 4) else { return Ok(text.into()) };
    if !explicit && text[cut..].bytes().any(|b| b != b' ') {
        return Err(err!(SqlState::STRING_DATA_RIGHT_TRUNCATION, "value too long for type character varying({limit})"));
    }
    Ok(text[..cut].into())
}

/// Applies `char(n)`: cuts as `varchar` does, and pads with blanks.
pub fn bpchar(text: &str, typmod: i32, explicit: bool) -> Result<SmolStr> {
    if typmod < 4 {
        return Ok(text.into());
    }
    let limit = (typmod - 4) as usize;
    if let Some(cut) = after_chars(text, limit) {
        if !explicit && text[cut..].bytes().any(|b| b != b' ') {
            return Err(err!(SqlState::STRING_DATA_RIGHT_TRUNCATION, "value too long for type character({limit})"));
        }
        return Ok(text[..cut].into());
    }
    let chars = text.chars().count();
    if chars == limit {
        return Ok(text.into());
    }
    let mut padded = String::with_capacity(text.len() + limit - chars);
    padded.push_str(text);
    padded.extend(std::iter::repeat_n(' ', limit - chars));
    Ok(padded.into())
}

/// A bpchar without its padding: what comparison, hashing and casts to text see.
pub fn bpchar_trim(text: &str) -> &str {
    text.trim_end_matches(' ')
}

/// Cuts to 63 bytes on a character boundary, as identifiers are cut.
pub fn name(text: &str) -> SmolStr {
    let mut cut = text.len().min(NAME_MAX);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    text[..cut].into()
}

/// Text to "char": its first byte (0 for none), or `\ooo`.
pub fn char_in(text: &str) -> u8 {
    match text.as_bytes() {
        [b'\\', a @ b'0'..=b'7', b @ b'0'..=b'7', c @ b'0'..=b'7'] => ((a & 3) << 6) | ((b - b'0') << 3) | (c - b'0'),
        [first, ..] => *first,
        [] => 0,
    }
}

/// Appends a "char": nothing for 0, `\ooo` for a byte above 127.
pub fn char_out(byte: u8, out: &mut Vec<u8>) {
    if byte >= 0x80 {
        out.extend_from_slice(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
    } else if byte != 0 {
        out.push(byte);
    }
}

/// Text to boolean: unique prefixes of true, false, yes, no; on, off; 1, 0. Errors: 22P02.
pub fn bool_in(text: &str) -> Result<bool> {
    let word = super::io::trim_space(text).to_ascii_lowercase();
    let prefix = |full: &str| !word.is_empty() && full.starts_with(word.as_str());
    if prefix("true") || prefix("yes") || word == "on" || word == "1" {
        Ok(true)
    } else if prefix("false") || prefix("no") || word == "of" || word == "off" || word == "0" {
        Ok(false)
    } else {
        Err(super::io::invalid_syntax("boolean", text))
    }
}

/// Text input of a text family type.
pub(super) fn input(text: &str, ty: Type) -> Result<Datum> {
    use super::Oid;
    Ok(match ty.oid {
        Oid::VARCHAR => Datum::Text(varchar(text, ty.typmod, false)?),
        Oid::BPCHAR => Datum::Text(bpchar(text, ty.typmod, false)?),
        Oid::NAME => Datum::Text(name(text)),
        _ => Datum::text(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert_eq!(varchar("abc  ", 7, false).unwrap(), "abc");
        assert_eq!(varchar("abcd", 7, false).unwrap_err().message(), "value too long for type character varying(3)");
        assert_eq!(varchar("äöüß", 7, true).unwrap(), "äöü");
        assert_eq!(bpchar("é", 7, false).unwrap(), "é  ");
        assert_eq!(bpchar("abcd", 7, false).unwrap_err().message(), "value too long for type character(3)");
        assert_eq!(name(&"é".repeat(40)).len(), 62);
    }

    #[test]
    fn booleans() {
        for word in ["t", "TRUE", " yes ", "y", "on", "1", "tr"] {
            assert!(bool_in(word).unwrap(), "{word}");
        }
        for word in ["f", "n", "of", "off", "0", "fal"] {
            assert!(!bool_in(word).unwrap(), "{word}");
        }
        for word in ["", "o", "2", "truey"] {
            assert_eq!(bool_in(word).unwrap_err().message(), format!("invalid input syntax for type boolean: \"{word}\""));
        }
    }

    #[test]
    fn single_bytes() {
        assert_eq!(char_in("\\101"), b'A');
        let mut out = Vec::new();
        char_out(0xFF, &mut out);
        assert_eq!(out, b"\\377");
    }
}
