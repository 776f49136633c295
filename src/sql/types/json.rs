//! JSON text: one strict scanner for `json` validation and `jsonb` parsing, with PostgreSQL's DETAIL and CONTEXT lines.
//!
//! The scanner pulls tokens and drives a `Sink`; validation uses a sink that ignores everything, jsonb one that builds values.

use super::jsonb::Jsonb;
use super::numeric::Numeric;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use smol_str::SmolStr;

/// Deepest nesting read.
const MAX_DEPTH: usize = 6400;

/// Checks that text is one JSON value. Errors: 22P02.
pub fn validate(text: &str) -> Result<()> {
    let mut parser = Parser::new(text, false);
    parser.document().map(|_| ())
}

/// Parses text to jsonb: keys in order, last duplicate wins. Errors: 22P02, 22P05.
pub fn parse_jsonb(text: &str) -> Result<Jsonb> {
    let mut parser = Parser::new(text, true);
    parser.document()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Start of the token looked at.
    token: usize,
    build: bool,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    String,
    Number,
    True,
    False,
    Null,
    End,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, build: bool) -> Self {
        Self { text, at: 0, token: 0, build, depth: 0 }
    }

    fn document(&mut self) -> Result<Jsonb> {
        let value = self.value("Expected JSON value, but found ")?;
        let next = self.next()?;
        if next.0 != Token::End {
            return Err(self.unexpected(next.0, "Expected end of input, but found "));
        }
        Ok(value)
    }

    /// 22P02 with a detail and the CONTEXT line pointing at the end of what was read.
    #[cold]
    fn fail(&self, detail: String) -> SqlError {
        err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json").detail(detail).context(self.context())
    }

    /// `JSON data, line N: ...text` up to and including the offending token, 50 characters at most either side.
    fn context(&self) -> String {
        let bytes = self.text.as_bytes();
        let token = self.token.min(bytes.len());
        let line_start = self.text[..token].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[..token].matches('\n').count() + 1;
        let mut start = line_start;
        let end = self.at.min(bytes.len());
        while end - start >= 50 {
            // Skip whole characters, as long as fifty bytes or more remain.
            start += 1;
            while !self.text.is_char_boundary(start) {
                start += 1;
            }
        }
        if start - line_start <= 3 {
            start = line_start;
        }
        let prefix = if start > line_start { "..." } else { "" };
        let line_goes_on = end < bytes.len() && !matches!(bytes[end], b'\n' | b'\r');
        let suffix = if line_goes_on { "..." } else { "" };
        format!("JSON data, line {line}: {prefix}{}{suffix}", &self.text[start..end])
    }

    #[cold]
    fn unexpected(&self, token: Token, expected: &str) -> SqlError {
        if token == Token::End {
            return self.fail("The input string ended unexpectedly.".into());
        }
        self.fail(format!("{expected}\"{}\".", &self.text[self.token..self.at]))
    }

    fn value(&mut self, expected: &str) -> Result<Jsonb> {
        let token = self.next()?;
        self.value_from(token, expected)
    }

    fn value_from(&mut self, (token, string): (Token, Option<SmolStr>), expected: &str) -> Result<Jsonb> {
        Ok(match token {
            Token::ObjectStart => self.nested(Self::object)?,
            Token::ArrayStart => self.nested(Self::array)?,
            Token::String => Jsonb::String(string.unwrap_or_default()),
            Token::Number if self.build => Jsonb::Number(Numeric::parse(&self.text[self.token..self.at])?),
            Token::Number | Token::Null => Jsonb::Null,
            Token::True => Jsonb::Bool(true),
            Token::False => Jsonb::Bool(false),
            other => return Err(self.unexpected(other, expected)),
        })
    }

    fn nested(&mut self, body: impl FnOnce(&mut Self) -> Result<Jsonb>) -> Result<Jsonb> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(err!(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
                .hint("Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's stack depth limit is adequate."));
        }
        let value = body(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Jsonb> {
        let mut pairs = Vec::new();
        let mut token = self.next()?;
        if token.0 == Token::ObjectEnd {
            return Ok(Jsonb::Object(pairs));
        }
        let mut expected = "Expected string or \"}\", but found ";
        loop {
            if token.0 != Token::String {
                return Err(self.unexpected(token.0, expected));
            }
            let key = token.1.unwrap_or_default();
            let colon = self.next()?;
            if colon.0 != Token::Colon {
                return Err(self.unexpected(colon.0, "Expected \":\", but found "));
            }
            let value = self.value("Expected JSON value, but found ")?;
            if self.build {
                pairs.push((key, value));
            }
            token = self.next()?;
            match token.0 {
                Token::Comma => token = self.next()?,
                Token::ObjectEnd => break,
                other => return Err(self.unexpected(other, "Expected \",\" or \"}\", but found ")),
            }
            expected = "Expected string, but found ";
        }
        Ok(Jsonb::object(pairs))
    }

    fn array(&mut self) -> Result<Jsonb> {
        let mut values = Vec::new();
        let token = self.next()?;
        if token.0 == Token::ArrayEnd {
            return Ok(Jsonb::Array(values));
        }
        let mut value = self.value_from(token, "Expected JSON value, but found ")?;
        loop {
            if self.build {
                values.push(value);
            }
            let token = self.next()?.0;
            match token {
                Token::Comma => value = self.value("Expected JSON value, but found ")?,
                Token::ArrayEnd => return Ok(Jsonb::Array(values)),
                other => return Err(self.unexpected(other, "Expected \",\" or \"]\", but found ")),
            }
        }
    }

    /// The next token; a string comes with its unescaped text when values are built.
    fn next(&mut self) -> Result<(Token, Option<SmolStr>)> {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && matches!(bytes[self.at], b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        self.token = self.at;
        let Some(first) = bytes.get(self.at) else { return Ok((Token::End, None)) };
        let single = match first {
            b'{' => Token::ObjectStart,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayStart,
            b']' => Token::ArrayEnd,
            b',' => Token::Comma,
            b':' => Token::Colon,
            b'"' => return Ok((Token::String, self.string()?)),
            b'-' | b'0'..=b'9' => return self.number().map(|()| (Token::Number, None)),
            _ => return self.word().map(|t| (t, None)),
        };
        self.at += 1;
        Ok((single, None))
    }

    fn word(&mut self) -> Result<Token> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().take_while(|b| is_word(**b)).count();
        if len == 0 {
            // One whole character, so that the message shows it intact.
            self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8);
            return Err(self.invalid_token());
        }
        self.at += len;
        match &rest[..len] {
            b"true" => Ok(Token::True),
            b"false" => Ok(Token::False),
            b"null" => Ok(Token::Null),
            _ => Err(self.invalid_token()),
        }
    }

    #[cold]
    fn invalid_token(&self) -> SqlError {
        self.fail(format!("Token \"{}\" is invalid.", &self.text[self.token..self.at]))
    }

    fn number(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let mut at = self.at + usize::from(bytes[self.at] == b'-');
        let mut good = true;
        match bytes.get(at) {
            Some(b'0') => at += 1,
            Some(b'1'..=b'9') => at = digits(at),
            _ => good = false,
        }
        if bytes.get(at) == Some(&b'.') {
            let end = digits(at + 1);
            good &= end > at + 1;
            at = end;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let start = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            at = digits(start);
            good &= at > start;
        }
        let end = at + bytes[at..].iter().take_while(|b| is_word(**b)).count();
        self.at = end;
        if good && end == at { Ok(()) } else { Err(self.invalid_token()) }
    }

    fn string(&mut self) -> Result<Option<SmolStr>> {
        let bytes = self.text.as_bytes();
        let mut built = String::new();
        let (mut at, mut run) = (self.at + 1, self.at + 1);
        loop {
            match bytes.get(at) {
                None => {
                    self.at = bytes.len();
                    return Err(self.invalid_token());
                }
                Some(b'"') => break,
                Some(b'\\') => {
                    built.push_str(&self.text[run..at]);
                    self.at = at + 1;
                    self.escape(&mut built)?;
                    at = self.at;
                    run = at;
                }
                Some(b) if *b < 0x20 => {
                    self.at = at;
                    return Err(self.fail(format!("Character with value 0x{b:02x} must be escaped.")));
                }
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        if !self.build {
            return Ok(None);
        }
        Ok(Some(if built.is_empty() {
            SmolStr::new(&self.text[run..at])
        } else {
            built.push_str(&self.text[run..at]);
            built.into()
        }))
    }

    /// Reads what follows a backslash.
    fn escape(&mut self, out: &mut String) -> Result<()> {
        let Some(c) = self.text[self.at..].chars().next() else {
            return Err(self.invalid_token());
        };
        self.at += c.len_utf8();
        let plain = match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{C}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(out),
            other => return Err(self.fail(format!("Escape sequence \"\\{other}\" is invalid."))),
        };
        out.push(plain);
        Ok(())
    }

    fn unicode(&mut self, out: &mut String) -> Result<()> {
        let unit = self.code_unit()?;
        if unit == 0 && self.build {
            return Err(err!(SqlState::UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence")
                .detail("\\u0000 cannot be converted to text.")
                .context(self.context()));
        }
        if !self.build {
            return Ok(());
        }
        let low_missing = "Unicode low surrogate must follow a high surrogate.";
        let code = match unit {
            0xD800..=0xDBFF => {
                let follows = self.text.as_bytes()[self.at..].starts_with(b"\\u");
                if !follows {
                    self.at += self.text[self.at..].chars().next().map_or(0, char::len_utf8);
                    return Err(self.fail(low_missing.into()));
                }
                self.at += 2;
                let low = self.code_unit()?;
                if (0xD800..=0xDBFF).contains(&low) {
                    return Err(self.fail("Unicode high surrogate must not follow a high surrogate.".into()));
                }
                if !(0xDC00..=0xDFFF).contains(&low) {
                    return Err(self.fail(low_missing.into()));
                }
                0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
            }
            0xDC00..=0xDFFF => return Err(self.fail(low_missing.into())),
            other => other,
        };
        out.extend(char::from_u32(code));
        Ok(())
    }

    fn code_unit(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let c = self.text[self.at..].chars().next();
            self.at += c.map_or(0, char::len_utf8);
            let Some(digit) = c.and_then(|c| c.to_digit(16)) else {
                return Err(self.fail("\"\\u\" must be followed by four hexadecimal digits.".into()));
            };
            code = code * 16 + digit;
        }
        Ok(code)
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80
}

/// Appends a JSON string literal.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut run = 0;
    for (i, b) in bytes.iter().enumerate() {
        let escape: &[u8] = match b {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            0x08 => b"\\b",
            0x0C => b"\\f",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..0x20 => {
                out.extend_from_slice(&bytes[run..i]);
                out.extend_from_slice(b"\\u00");
                super::bytea::write_hex(&[*b], out);
                run = i + 1;
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[run..i]);
        out.extend_from_slice(escape);
        run = i + 1;
    }
    out.extend_from_slice(&bytes[run..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_as_postgres() {
        let long = format!("{{\"c\":\"{}\", \"b\":xx, \"d\": 5}}", "a".repeat(82));
        let shown = format!("...{}\", \"b\":xx...", "a".repeat(39));
        let cases: [(&str, &str, &str); 12] = [
            ("{\"a\":1,}", "Expected string, but found \"}\".", "{\"a\":1,}"),
            ("{\"a\" 1}", "Expected \":\", but found \"1\".", "{\"a\" 1..."),
            ("[1,2", "The input string ended unexpectedly.", "[1,2"),
            ("", "The input string ended unexpectedly.", ""),
            ("{\"a\":tru}", "Token \"tru\" is invalid.", "{\"a\":tru..."),
            ("\"abc", "Token \"\"abc\" is invalid.", "\"abc"),
            ("\"a\\qb\"", "Escape sequence \"\\q\" is invalid.", "\"a\\q..."),
            ("\"a\nb\"", "Character with value 0x0a must be escaped.", "\"a"),
            ("01", "Token \"01\" is invalid.", "01"),
            ("[}", "Expected JSON value, but found \"}\".", "[}"),
            ("{\"a\":1 \"b\"}", "Expected \",\" or \"}\", but found \"\"b\"\".", "{\"a\":1 \"b\"..."),
            ("\"\\uzzzz\"", "\"\\u\" must be followed by four hexadecimal digits.", "\"\\uz..."),
        ];
        for (text, detail, context) in cases {
            let e = validate(text).unwrap_err();
            assert_eq!(e.fields().detail.as_deref(), Some(detail));
            assert_eq!(e.fields().context.as_deref(), Some(format!("JSON data, line 1: {context}").as_str()));
        }
        let e = parse_jsonb(&long).unwrap_err();
        let context = e.fields().context.clone().unwrap_or_default();
        assert!(context.ends_with("aaa\", \"b\":xx...") && context.starts_with("JSON data, line 1: ...aaa"), "{context} {shown}");
        let e = parse_jsonb("\"\\ud800\"").unwrap_err();
        assert_eq!(e.fields().context.as_deref(), Some("JSON data, line 1: \"\\ud800\""));
        assert!(validate("\"\\ud800\"").is_ok());
    }
}
