//! Splitting date, time and interval text into fields (PostgreSQL's `ParseDateTime`).

use super::DateError;
use super::tokens::date_word;
use crate::sql::types::io::is_space;

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    String,
    Date,
    Time,
    Zone,
    Special,
}

/// One field of the text, lower-cased.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) text: String,
}

const MAX_FIELDS: usize = 25;
/// Longest text read, as PostgreSQL's work buffer allows.
const MAX_LENGTH: usize = 128 + MAX_FIELDS;

struct Cursor<'a> {
    rest: &'a [u8],
    text: String,
}

impl Cursor<'_> {
    fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(0)
    }

    fn take(&mut self) {
        self.text.push(char::from(self.peek().to_ascii_lowercase()));
        self.rest = &self.rest[1..];
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) {
        while !self.rest.is_empty() && accept(self.peek()) {
            self.take();
        }
    }
}

/// Splits text into fields.
pub(super) fn split(text: &str) -> Result<Vec<Field>, DateError> {
    if text.len() > MAX_LENGTH {
        return Err(DateError::BadFormat);
    }
    let mut cursor = Cursor { rest: text.as_bytes(), text: String::new() };
    let mut fields = Vec::new();
    while let Some(&b) = cursor.rest.first() {
        if is_space(b) {
            cursor.rest = &cursor.rest[1..];
            continue;
        }
        if fields.len() >= MAX_FIELDS {
            return Err(DateError::BadFormat);
        }
        let kind = match b {
            b'0'..=b'9' => number_like(&mut cursor),
            b'.' => {
                cursor.take();
                cursor.take_while(|b| b.is_ascii_digit());
                Kind::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' => word_like(&mut cursor),
            b'+' | b'-' => signed(&mut cursor)?,
            b if b.is_ascii_punctuation() => {
                cursor.rest = &cursor.rest[1..];
                continue;
            }
            _ => return Err(DateError::BadFormat),
        };
        fields.push(Field { kind, text: std::mem::take(&mut cursor.text) });
    }
    Ok(fields)
}

fn number_like(c: &mut Cursor<'_>) -> Kind {
    c.take_while(|b| b.is_ascii_digit());
    match c.peek() {
        b':' => {
            c.take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.'));
            Kind::Time
        }
        delimiter @ (b'-' | b'/' | b'.') => {
            c.take();
            if !c.peek().is_ascii_digit() {
                // A month name may follow: 08-Jan-1999.
                c.take_while(|b| b.is_ascii_alphanumeric() || b == delimiter);
                return Kind::Date;
            }
            c.take_while(|b| b.is_ascii_digit());
            if c.peek() == delimiter {
                c.take_while(|b| b.is_ascii_digit() || b == delimiter);
                Kind::Date
            } else if delimiter == b'.' {
                Kind::Number
            } else {
                Kind::Date
            }
        }
        _ => Kind::Number,
    }
}

/// A word; with punctuation or digits attached it is a date with a month name, or a zone name.
fn word_like(c: &mut Cursor<'_>) -> Kind {
    c.take_while(|b| b.is_ascii_alphabetic());
    let date = match c.peek() {
        b'-' | b'/' | b'.' => true,
        b'+' | b'0'..=b'9' => date_word(&c.text).is_none(),
        _ => false,
    };
    if !date {
        return Kind::String;
    }
    c.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'/' | b'_' | b'.' | b':'));
    Kind::Date
}

fn signed(c: &mut Cursor<'_>) -> Result<Kind, DateError> {
    c.take();
    while is_space(c.peek()) {
        c.rest = &c.rest[1..];
    }
    match c.peek() {
        b'0'..=b'9' => {
            c.take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'-'));
            Ok(Kind::Zone)
        }
        b if b.is_ascii_alphabetic() => {
            c.take_while(|b| b.is_ascii_alphabetic());
            Ok(Kind::Special)
        }
        _ => Err(DateError::BadFormat),
    }
}
