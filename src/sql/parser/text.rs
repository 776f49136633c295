//! The text of a token: identifiers folded and cut, strings with their escapes resolved.

use smol_str::SmolStr;

use super::lexer::{T, Token, syntax};
use crate::err;
use crate::error::{Result, SqlError, SqlState};

/// Longest identifier in bytes; longer ones are cut (NAMEDATALEN - 1).
pub const MAX_IDENTIFIER: usize = 63;

/// Cuts an identifier to 63 bytes at a character's edge.
pub fn truncate(name: &str) -> &str {
    if name.len() <= MAX_IDENTIFIER {
        return name;
    }
    let mut end = MAX_IDENTIFIER;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// The name an identifier token stands for.
pub fn identifier(source: &str, token: Token) -> Result<SmolStr> {
    let raw = &source[token.start as usize..token.end as usize];
    if token.kind == T::UnicodeIdent {
        let decoded = unicode(source, token)?;
        return Ok(SmolStr::new(truncate(&decoded)));
    }
    if let Some(quoted) = raw.strip_prefix('"') {
        let inner = &quoted[..quoted.len() - 1];
        if inner.contains('"') {
            return Ok(SmolStr::new(truncate(&inner.replace("\"\"", "\""))));
        }
        return Ok(SmolStr::new(truncate(inner)));
    }
    Ok(fold(raw))
}

/// Folds the letters A to Z to lower case and cuts the result.
pub fn fold(raw: &str) -> SmolStr {
    let raw = truncate(raw);
    let bytes = raw.as_bytes();
    if !bytes.iter().any(u8::is_ascii_uppercase) {
        return SmolStr::new(raw);
    }
    let mut folded = [0u8; MAX_IDENTIFIER];
    for (to, from) in folded.iter_mut().zip(bytes) {
        *to = from.to_ascii_lowercase();
    }
    SmolStr::new(std::str::from_utf8(&folded[..bytes.len()]).unwrap_or(raw))
}

/// The value of a string token of any kind.
pub fn string(source: &str, token: Token) -> Result<SmolStr> {
    let raw = &source[token.start as usize..token.end as usize];
    match token.kind {
        T::Str => Ok(plain(source, token.start as usize + 1, token.end as usize)),
        T::BitStr | T::HexStr => {
            let mut value = String::from(if token.kind == T::BitStr { "b" } else { "x" });
            value.push_str(&plain(source, token.start as usize + 2, token.end as usize));
            Ok(SmolStr::from(value))
        }
        T::DollarStr => {
            let tag = raw[1..].find('$').map_or(1, |i| i + 2);
            Ok(SmolStr::new(&raw[tag..raw.len() - tag]))
        }
        T::EscapeStr => decode_escapes(source.as_bytes(), token.start as usize, token.end as usize).map(SmolStr::from),
        _ => unicode(source, token).map(SmolStr::from),
    }
}

/// The inside of a quoted string from `start` (behind the opening quote) to `end` (behind the last closing one).
fn plain(source: &str, start: usize, end: usize) -> SmolStr {
    let body = &source[start..end - 1];
    if !body.contains('\'') {
        return SmolStr::new(body);
    }
    let mut value = String::with_capacity(body.len());
    for_each_segment(source.as_bytes(), start, end, &mut |from, to| {
        value.push_str(&source[from..to].replace("''", "'"));
    });
    SmolStr::from(value)
}

/// Calls `segment` with the inside of every quoted part of a string continued over lines.
fn for_each_segment(src: &[u8], start: usize, end: usize, segment: &mut dyn FnMut(usize, usize)) {
    let mut from = start;
    let mut at = start;
    while at < end {
        if src[at] != b'\'' {
            at += 1;
        } else if at + 1 < end && src[at + 1] == b'\'' {
            at += 2;
        } else {
            segment(from, at);
            match continuation(src, at + 1) {
                Some(next) if next <= end => {
                    from = next;
                    at = next;
                }
                _ => return,
            }
        }
    }
}

/// After a closing quote at `at`: where the string goes on, when white space with a line break and a quote follow.
pub fn continuation(src: &[u8], mut at: usize) -> Option<usize> {
    let mut newline = false;
    loop {
        match src.get(at)? {
            b'\n' | b'\r' => {
                newline = true;
                at += 1;
            }
            b' ' | b'\t' | 12 => at += 1,
            b'-' if src.get(at + 1) == Some(&b'-') => {
                while at < src.len() && !matches!(src[at], b'\n' | b'\r') {
                    at += 1;
                }
            }
            b'\'' if newline => return Some(at + 1),
            _ => return None,
        }
    }
}

/// Decodes `E'...'` between `start` (at the E) and `end` (behind the closing quote, or the end of the source).
pub fn decode_escapes(src: &[u8], start: usize, end: usize) -> Result<String> {
    let mut out = Vec::with_capacity(end - start);
    let mut at = start + 2;
    let mut high_surrogate: Option<u32> = None;
    let near = |message: &str, from: usize, to: usize| syntax(message, &String::from_utf8_lossy(&src[..end]), from, to.min(end));
    while at < end {
        let c = src[at];
        let escape = at;
        let unicode = c == b'\\' && at + 1 < end && matches!(src[at + 1], b'u' | b'U');
        if high_surrogate.is_some() && !unicode {
            return Err(near("invalid Unicode surrogate pair", escape, escape + char_len(c)));
        }
        match c {
            b'\'' if at + 1 < end && src[at + 1] == b'\'' => {
                out.push(b'\'');
                at += 2;
            }
            b'\'' => match continuation(src, at + 1) {
                Some(next) if next <= end => at = next,
                _ => break,
            },
            b'\\' if unicode => {
                let digits = if src[at + 1] == b'u' { 4 } else { 8 };
                let Some(code) = hex(src, at + 2, digits, end) else {
                    return Err(err!(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid Unicode escape")
                        .hint("Unicode escapes must be \\uXXXX or \\UXXXXXXXX.")
                        .at(escape));
                };
                at += 2 + digits;
                push_code_point(&mut out, code, &mut high_surrogate, &|message| near(message, escape, at))?;
            }
            b'\\' if at + 1 < end => at = simple_escape(src, at + 1, end, &mut out),
            _ => {
                out.push(c);
                at += 1;
            }
        }
    }
    if high_surrogate.is_some() {
        return Err(near("invalid Unicode surrogate pair", at, at + 1));
    }
    verify(out)
}

fn char_len(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// `\n`, `\101`, `\x41`, or the character itself; returns where reading goes on.
fn simple_escape(src: &[u8], at: usize, end: usize, out: &mut Vec<u8>) -> usize {
    let c = src[at];
    let plain = match c {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0'..=b'7' => {
            let digits = src[at..end].iter().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            let value = src[at..at + digits].iter().fold(0u32, |v, d| v * 8 + u32::from(d - b'0'));
            out.push(value as u8);
            return at + digits;
        }
        b'x' => {
            let digits = src[at + 1..end].iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count();
            if digits == 0 {
                out.push(b'x');
                return at + 1;
            }
            out.push(hex(src, at + 1, digits, end).unwrap_or(0) as u8);
            return at + 1 + digits;
        }
        other => other,
    };
    out.push(plain);
    at + 1
}

fn hex(src: &[u8], at: usize, digits: usize, end: usize) -> Option<u32> {
    if at + digits > end {
        return None;
    }
    src[at..at + digits].iter().try_fold(0u32, |v, b| Some((v << 4) | char::from(*b).to_digit(16)?))
}

/// Adds a code point, pairing surrogates.
fn push_code_point(out: &mut Vec<u8>, code: u32, high: &mut Option<u32>, fail: &dyn Fn(&str) -> SqlError) -> Result<()> {
    let code = match high.take() {
        Some(first) if (0xdc00..0xe000).contains(&code) => 0x10000 + ((first & 0x3ff) << 10) + (code & 0x3ff),
        Some(_) => return Err(fail("invalid Unicode surrogate pair")),
        None if (0xd800..0xdc00).contains(&code) => {
            *high = Some(code);
            return Ok(());
        }
        None if (0xdc00..0xe000).contains(&code) => return Err(fail("invalid Unicode surrogate pair")),
        None => code,
    };
    match char::from_u32(code) {
        Some(c) if code != 0 => {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(())
        }
        _ => Err(fail("invalid Unicode escape value")),
    }
}

/// Bytes written by escapes must be valid UTF-8 without zero.
fn verify(bytes: Vec<u8>) -> Result<String> {
    let zero = bytes.iter().position(|&b| b == 0);
    if zero.is_some_and(|zero| std::str::from_utf8(&bytes[..zero]).is_ok()) {
        return Err(err!(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let bytes = error.as_bytes();
        let at = error.utf8_error().valid_up_to();
        let shown: Vec<String> = bytes[at..].iter().take(char_len(bytes[at])).map(|b| format!("0x{b:02x}")).collect();
        err!(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "))
    })
}

/// Whether a character may be named by UESCAPE.
pub fn is_escape_char(c: u8) -> bool {
    !(c.is_ascii_hexdigit() || c == b'+' || c == b'\'' || c == b'"' || c == b' ' || (9..=13).contains(&c))
}

/// Decodes `U&'...'` or `U&"..."`, reading the escape character from a UESCAPE clause behind it.
fn unicode(source: &str, token: Token) -> Result<String> {
    let (start, end) = (token.start as usize, token.end as usize);
    let raw = &source[start..end];
    let quote = raw.as_bytes()[2];
    // Without UESCAPE the token ends with its own closing quote; the clause ends with `'c'`.
    let mut close = start + 3;
    let src = source.as_bytes();
    let mut body = String::new();
    let mut starts: Vec<(usize, usize)> = Vec::new();
    if quote == b'"' {
        while !(src[close] == quote && src.get(close + 1) != Some(&quote)) {
            close += if src[close] == quote { 2 } else { 1 };
        }
        starts.push((start + 3, close));
    } else {
        for_each_segment(src, start + 3, end, &mut |from, to| starts.push((from, to)));
        close = starts.last().map_or(close, |s| s.1);
    }
    let escape = if close + 1 < end { char::from(src[end - 2]) } else { '\\' };
    for (from, to) in starts {
        body.push_str(&if quote == b'"' { source[from..to].replace("\"\"", "\"") } else { source[from..to].replace("''", "'") });
    }
    resolve_unicode(&body, escape, start + 3)
}

fn resolve_unicode(body: &str, escape: char, offset: usize) -> Result<String> {
    let bytes = body.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut high = None;
    let mut at = 0;
    let fail = |message: &str, at: usize| err!(SqlState::SYNTAX_ERROR, "{message}").at(offset + at);
    while at < bytes.len() {
        if bytes[at] != escape as u8 {
            if high.is_some() {
                return Err(fail("invalid Unicode surrogate pair", at));
            }
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        if bytes.get(at + 1) == Some(&(escape as u8)) {
            if high.is_some() {
                return Err(fail("invalid Unicode surrogate pair", at));
            }
            out.push(escape as u8);
            at += 2;
            continue;
        }
        let (skip, digits) = if bytes.get(at + 1) == Some(&b'+') { (2, 6) } else { (1, 4) };
        let Some(code) = hex(bytes, at + skip, digits, bytes.len()) else {
            return Err(fail("invalid Unicode escape", at).hint("Unicode escapes must be \\XXXX or \\+XXXXXX."));
        };
        push_code_point(&mut out, code, &mut high, &|message| fail(message, at))?;
        at += skip + digits;
    }
    if high.is_some() {
        return Err(fail("invalid Unicode surrogate pair", at));
    }
    verify(out)
}
