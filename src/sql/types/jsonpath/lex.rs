//! Tokens of path expressions.

use crate::err;
use crate::error::{Result, SqlError, SqlState};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A word outside quotes.
    Word(String),
    /// `"..."`
    String(String),
    /// `$name`
    Variable(String),
    /// A number as written.
    Number(String),
    /// An operator or bracket.
    Symbol(&'static str),
}

const SYMBOLS: [&str; 32] = [
    "&&", "||", "!=", "<>", "<=", ">=", "==", "**", "!", "<", ">", "=", "?", "%", ".", "[", "]", "{", "}", "(", ")", "@", "#", ",",
    "*", "-", "+", "/", "$", ":", "|", "&",
];

/// 42601 in the wording of path expressions.
#[cold]
pub fn error_at(what: &str, rest: &str) -> SqlError {
    if rest.is_empty() {
        err!(SqlState::SYNTAX_ERROR, "{what} at end of jsonpath input")
    } else {
        err!(SqlState::SYNTAX_ERROR, "{what} at or near \"{rest}\" of jsonpath input")
    }
}

fn ends_word(c: char) -> bool {
    c.is_ascii_whitespace() || "?%.[]{}|&!=<>@#,*:-+/()$\"".contains(c)
}

/// Cuts a path into tokens, each with its place.
pub fn tokens(text: &str) -> Result<Vec<(Token, usize)>> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c.is_ascii_whitespace() {
            at += 1;
        } else if let Some(comment) = rest.strip_prefix("/*") {
            let end = comment.find("*/").ok_or_else(|| error_at("unexpected end of comment", ""))?;
            at += end + 4;
        } else if c == '"' {
            let (value, used) = string(rest)?;
            out.push((Token::String(value), at));
            at += used;
        } else if c == '$' && rest[1..].starts_with('"') {
            let (value, used) = string(&rest[1..])?;
            out.push((Token::Variable(value), at));
            at += used + 1;
        } else if c == '$' && rest[1..].starts_with(|c: char| !ends_word(c)) {
            let len = rest[1..].find(ends_word).unwrap_or(rest.len() - 1);
            out.push((Token::Variable(rest[1..=len].to_owned()), at));
            at += len + 1;
        } else if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let len = number(rest)?;
            out.push((Token::Number(rest[..len].to_owned()), at));
            at += len;
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            out.push((Token::Symbol(symbol), at));
            at += symbol.len();
        } else {
            let (value, used) = word(rest)?;
            out.push((Token::Word(value), at));
            at += used;
        }
    }
    Ok(out)
}

/// Length of the number the text begins with.
fn number(text: &str) -> Result<usize> {
    let bytes = text.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let mut end = digits(0);
    let leading_zero = end > 1 && bytes[0] == b'0';
    if bytes.get(end) == Some(&b'.')
        && (bytes.get(end + 1).is_none_or(|b| b.is_ascii_digit() || !b.is_ascii_alphabetic() && *b != b'*'))
    {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if digits(sign) > sign {
            end = digits(sign);
        }
    }
    let junk = text[end..].chars().next().filter(|c| !ends_word(*c));
    if leading_zero || junk.is_some() {
        let shown = end + junk.map_or(0, char::len_utf8);
        return Err(error_at("trailing junk after numeric literal", &text[..shown]));
    }
    Ok(end)
}

fn word(text: &str) -> Result<(String, usize)> {
    let mut out = String::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c == '\\' {
            let (value, used) = escape(&text[at..])?;
            out.push(value);
            at += used;
        } else if ends_word(c) {
            break;
        } else {
            out.push(c);
            at += c.len_utf8();
        }
    }
    Ok((out, at))
}

/// A quoted string's value and its length with quotes.
fn string(text: &str) -> Result<(String, usize)> {
    let mut out = String::new();
    let mut at = 1;
    loop {
        match text[at..].chars().next() {
            None => return Err(error_at("unexpected end of quoted string", "")),
            Some('"') => return Ok((out, at + 1)),
            Some('\\') => {
                let (value, used) = escape(&text[at..])?;
                out.push(value);
                at += used;
            }
            Some(c) => {
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
}

/// One escape sequence, surrogate pairs included.
fn escape(text: &str) -> Result<(char, usize)> {
    let Some(c) = text[1..].chars().next() else { return Err(error_at("unexpected end after backslash", "")) };
    let simple = match c {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => return hex(text, 2, 2).ok_or_else(|| error_at("invalid hexadecimal character sequence", "")),
        'u' => return unicode(text),
        other => other,
    };
    Ok((simple, 1 + c.len_utf8()))
}

fn hex(text: &str, from: usize, len: usize) -> Option<(char, usize)> {
    let code = u32::from_str_radix(text.get(from..from + len)?, 16).ok()?;
    Some((char::from_u32(code)?, from + len))
}

fn unicode(text: &str) -> Result<(char, usize)> {
    let invalid = || error_at("invalid Unicode escape sequence", "");
    if text[2..].starts_with('{') {
        let end = text.find('}').ok_or_else(invalid)?;
        let code = u32::from_str_radix(&text[3..end], 16).map_err(|_| invalid())?;
        return Ok((char::from_u32(code).ok_or_else(invalid)?, end + 1));
    }
    let unit = |from: usize| text.get(from..from + 4).and_then(|h| u32::from_str_radix(h, 16).ok());
    let high = unit(2).ok_or_else(invalid)?;
    if (0xD800..0xDC00).contains(&high) && text[6..].starts_with("\\u") {
        let low = unit(8).filter(|l| (0xDC00..0xE000).contains(l)).ok_or_else(invalid)?;
        let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return Ok((char::from_u32(code).ok_or_else(invalid)?, 12));
    }
    if high == 0 {
        return Err(SqlError::new(SqlState::UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence")
            .detail("\\u0000 cannot be converted to text."));
    }
    Ok((char::from_u32(high).ok_or_else(invalid)?, 6))
}
