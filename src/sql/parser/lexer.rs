//! Tokens, one at a time, by the rules of PostgreSQL's `scan.l`.
//!
//! A token is 16 bytes: what it is and its byte range. Nothing is copied while scanning; the text of identifiers, strings and
//! numbers is made from the range when the grammar takes it (`text.rs`). Errors are tokens too, so that looking ahead never
//! reports a fault the grammar would not have reached.

use super::keywords::Kw;
use super::text;
use crate::err;
use crate::error::{SqlError, SqlState};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum T {
    /// End of the source.
    Eof,
    /// An identifier that is no keyword, plain or quoted.
    Ident,
    /// `U&"..."`, with its UESCAPE clause if it has one.
    UnicodeIdent,
    Kw(Kw),
    /// NULLS before FIRST or LAST, where it is no name (made by the cursor).
    NullsLa,
    /// WITH before TIME or ORDINALITY (made by the cursor).
    WithLa,
    /// NOT before BETWEEN, IN, LIKE, ILIKE or SIMILAR, where it belongs to that word (made by the cursor).
    NotLa,
    /// An integer that fits i32.
    Int(i32),
    /// Any other number.
    Float,
    /// `'...'`, continued over lines or not.
    Str,
    /// `E'...'`.
    EscapeStr,
    /// `U&'...'`, with its UESCAPE clause if it has one.
    UnicodeStr,
    /// `$tag$...$tag$`.
    DollarStr,
    /// `B'...'`.
    BitStr,
    /// `X'...'`.
    HexStr,
    /// `$1`.
    Param(i32),
    /// An operator that is not one of the single characters or pairs below.
    Op,
    /// `::`
    TypeCast,
    /// `..`
    DotDot,
    /// `:=`
    ColonEquals,
    /// `=>`
    EqualsGreater,
    /// `<=`
    LessEquals,
    /// `>=`
    GreaterEquals,
    /// `<>` and `!=`
    NotEquals,
    /// One character that stands for itself.
    Ch(u8),
    /// Something `Lexer::error_of` has a message for.
    Bad(Fault),
}

/// Why no token could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Comment,
    QuotedIdent,
    QuotedString,
    BitString,
    HexString,
    DollarString,
    ZeroLengthIdent,
    NumberJunk,
    ParamJunk,
    OperatorLength,
    /// An escape sequence; the message is found by decoding the string again.
    Escape,
    /// UESCAPE without a proper string behind it.
    Uescape,
    /// UESCAPE with a character that cannot be one.
    UescapeChar,
}

/// A token and its byte range.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    pub kind: T,
    pub start: u32,
    pub end: u32,
}

/// The scanner's state: a place in the source.
#[derive(Clone)]
pub struct Lexer<'a> {
    src: &'a [u8],
    pos: usize,
    /// Where a UESCAPE clause went wrong.
    uescape_fault: usize,
}

const IDENT_START: u8 = 1;
const IDENT_CONT: u8 = 2;
const OPERATOR: u8 = 4;
const SPACE: u8 = 8;

/// Classes of every byte.
static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut t = [0u8; 256];
    let mut c = 0;
    while c < 256 {
        let b = c as u8;
        t[c] = match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 128..=255 => IDENT_START | IDENT_CONT,
            b'0'..=b'9' | b'$' => IDENT_CONT,
            b' ' | b'\t' | b'\n' | b'\r' | 12 => SPACE,
            b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>'
            | b'=' => OPERATOR,
            _ => 0,
        };
        c += 1;
    }
    t
}

#[inline]
fn is(class: u8, byte: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// Longest operator name.
const MAX_OPERATOR: usize = 63;

impl<'a> Lexer<'a> {
    /// Starts at the beginning of the source.
    pub fn new(src: &'a str) -> Self {
        Self { src: src.as_bytes(), pos: 0, uescape_fault: 0 }
    }

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        match self.src.get(at) {
            Some(&b) => b,
            None => 0,
        }
    }

    /// Reads the next token.
    #[inline]
    pub fn next_token(&mut self) -> Token {
        if let Some(fault) = self.skip_space() {
            return fault;
        }
        let start = self.pos;
        let Some(&c) = self.src.get(start) else {
            return Token { kind: T::Eof, start: start as u32, end: start as u32 };
        };
        let kind = if is(IDENT_START, c) {
            self.word(c)
        } else {
            match c {
                b'\'' => self.string(1, Fault::QuotedString, T::Str),
                b'0'..=b'9' => self.number(),
                b'.' if self.byte(start + 1).is_ascii_digit() => self.number(),
                b'"' => self.quoted_ident(1, T::Ident),
                b'$' => self.dollar(),
                b'.' if self.byte(start + 1) == b'.' => self.pair(T::DotDot),
                b':' if self.byte(start + 1) == b':' => self.pair(T::TypeCast),
                b':' if self.byte(start + 1) == b'=' => self.pair(T::ColonEquals),
                _ if is(OPERATOR, c) => self.operator(c),
                _ => {
                    self.pos += 1;
                    T::Ch(c)
                }
            }
        };
        let start = if matches!(kind, T::Bad(Fault::Uescape | Fault::UescapeChar)) { self.uescape_fault } else { start };
        Token { kind, start: start as u32, end: self.pos as u32 }
    }

    fn pair(&mut self, kind: T) -> T {
        self.pos += 2;
        kind
    }

    /// Skips white space and comments; an unterminated comment is a token.
    #[inline]
    fn skip_space(&mut self) -> Option<Token> {
        loop {
            let c = self.byte(self.pos);
            if is(SPACE, c) {
                self.pos += 1;
            } else if c == b'-' && self.byte(self.pos + 1) == b'-' {
                self.skip_line_comment();
            } else if c == b'/' && self.byte(self.pos + 1) == b'*' {
                let start = self.pos;
                if !self.skip_block_comment() {
                    return Some(Token { kind: T::Bad(Fault::Comment), start: start as u32, end: self.pos as u32 });
                }
            } else {
                return None;
            }
        }
    }

    fn skip_line_comment(&mut self) {
        while self.pos < self.src.len() && !matches!(self.src[self.pos], b'\n' | b'\r') {
            self.pos += 1;
        }
    }

    fn skip_block_comment(&mut self) -> bool {
        self.pos += 2;
        let mut depth = 1;
        while self.pos < self.src.len() {
            match (self.src[self.pos], self.byte(self.pos + 1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.pos += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.pos += 2;
                    if depth == 0 {
                        return true;
                    }
                }
                _ => self.pos += 1,
            }
        }
        false
    }

    #[inline]
    fn word(&mut self, c: u8) -> T {
        let start = self.pos;
        let quote = self.byte(start + 1);
        if quote == b'\'' {
            match c {
                b'e' | b'E' => return self.escape_string(),
                b'b' | b'B' => return self.string(2, Fault::BitString, T::BitStr),
                b'x' | b'X' => return self.string(2, Fault::HexString, T::HexStr),
                b'n' | b'N' => {
                    self.pos += 1;
                    return T::Kw(Kw::Nchar);
                }
                _ => {}
            }
        } else if quote == b'&' && matches!(c, b'u' | b'U') {
            match self.byte(start + 2) {
                b'\'' => return self.unicode_string(),
                b'"' => return self.unicode_ident(),
                _ => {}
            }
        }
        let mut end = start + 1;
        while end < self.src.len() && is(IDENT_CONT, self.src[end]) {
            end += 1;
        }
        self.pos = end;
        match Kw::lookup(&self.src[start..end]) {
            Some(kw) => T::Kw(kw),
            None => T::Ident,
        }
    }

    /// A quoted string whose opening is `open` bytes long; follows it over line breaks.
    fn string(&mut self, open: usize, fault: Fault, kind: T) -> T {
        self.pos += open;
        loop {
            if !self.skip_to_quote(false) {
                return T::Bad(fault);
            }
            if !self.continued() {
                return kind;
            }
        }
    }

    /// Moves behind the closing quote (a doubled one is inside the string); false at the end of the source.
    fn skip_to_quote(&mut self, escapes: bool) -> bool {
        while self.pos < self.src.len() {
            match self.src[self.pos] {
                b'\'' if self.byte(self.pos + 1) == b'\'' => self.pos += 2,
                b'\'' => {
                    self.pos += 1;
                    return true;
                }
                b'\\' if escapes => self.pos += 2,
                _ => self.pos += 1,
            }
        }
        self.pos = self.src.len();
        false
    }

    /// After a closing quote: whether white space with a line break and another quote follow; then moves behind that quote.
    fn continued(&mut self) -> bool {
        match text::continuation(self.src, self.pos) {
            Some(at) => {
                self.pos = at;
                true
            }
            None => false,
        }
    }

    fn escape_string(&mut self) -> T {
        let start = self.pos;
        self.pos += 2;
        loop {
            if !self.skip_to_quote(true) {
                // A broken escape is found before the missing quote.
                return T::Bad(if text::decode_escapes(self.src, start, self.pos).is_err() {
                    Fault::Escape
                } else {
                    Fault::QuotedString
                });
            }
            if !self.continued() {
                break;
            }
        }
        if text::decode_escapes(self.src, start, self.pos).is_err() { T::Bad(Fault::Escape) } else { T::EscapeStr }
    }

    fn unicode_string(&mut self) -> T {
        match self.string(3, Fault::QuotedString, T::UnicodeStr) {
            T::UnicodeStr => self.uescape(T::UnicodeStr),
            other => other,
        }
    }

    fn unicode_ident(&mut self) -> T {
        match self.quoted_ident(3, T::UnicodeIdent) {
            T::UnicodeIdent => self.uescape(T::UnicodeIdent),
            other => other,
        }
    }

    /// Takes `UESCAPE 'c'` behind a Unicode string or identifier.
    fn uescape(&mut self, kind: T) -> T {
        let mut ahead = self.clone();
        if ahead.next_token().kind != T::Kw(Kw::Uescape) {
            return kind;
        }
        let escape = ahead.next_token();
        self.pos = ahead.pos;
        self.uescape_fault = escape.start as usize;
        if escape.kind != T::Str {
            return T::Bad(Fault::Uescape);
        }
        let body = &self.src[escape.start as usize..escape.end as usize];
        match body {
            [b'\'', c, b'\''] if text::is_escape_char(*c) => kind,
            _ => T::Bad(Fault::UescapeChar),
        }
    }

    fn quoted_ident(&mut self, open: usize, kind: T) -> T {
        let body = self.pos + open;
        self.pos = body;
        while self.pos < self.src.len() {
            if self.src[self.pos] != b'"' {
                self.pos += 1;
            } else if self.byte(self.pos + 1) == b'"' {
                self.pos += 2;
            } else {
                self.pos += 1;
                return if self.pos - 1 == body { T::Bad(Fault::ZeroLengthIdent) } else { kind };
            }
        }
        T::Bad(Fault::QuotedIdent)
    }

    fn digits(&mut self) {
        while self.byte(self.pos).is_ascii_digit() {
            self.pos += 1;
        }
    }

    fn number(&mut self) -> T {
        let start = self.pos;
        self.digits();
        let mut integer = true;
        // `1..2` is an integer and a range operator.
        if self.byte(self.pos) == b'.' && !(self.pos > start && self.byte(self.pos + 1) == b'.') {
            integer = false;
            self.pos += 1;
            self.digits();
        }
        if matches!(self.byte(self.pos), b'e' | b'E') {
            let signed = usize::from(matches!(self.byte(self.pos + 1), b'+' | b'-'));
            if self.byte(self.pos + 1 + signed).is_ascii_digit() {
                integer = false;
                self.pos += 1 + signed;
                self.digits();
            } else if signed == 1 {
                self.pos += 2;
                return T::Bad(Fault::NumberJunk);
            }
        }
        if self.junk() {
            return T::Bad(Fault::NumberJunk);
        }
        if !integer {
            return T::Float;
        }
        let mut value: i64 = 0;
        for &d in &self.src[start..self.pos] {
            value = value * 10 + i64::from(d - b'0');
            if value > i64::from(i32::MAX) {
                return T::Float;
            }
        }
        T::Int(value as i32)
    }

    /// Takes an identifier stuck to a number.
    fn junk(&mut self) -> bool {
        if !is(IDENT_START, self.byte(self.pos)) {
            return false;
        }
        while is(IDENT_CONT, self.byte(self.pos)) {
            self.pos += 1;
        }
        true
    }

    fn dollar(&mut self) -> T {
        let start = self.pos;
        if self.byte(start + 1).is_ascii_digit() {
            self.pos += 1;
            self.digits();
            if self.junk() {
                return T::Bad(Fault::ParamJunk);
            }
            let number =
                self.src[start + 1..self.pos].iter().fold(0i64, |n, d| n.wrapping_mul(10).wrapping_add(i64::from(d - b'0')));
            return T::Param(number as i32);
        }
        let mut tag_end = start + 1;
        while tag_end < self.src.len() && self.src[tag_end] != b'$' && is(IDENT_CONT, self.src[tag_end]) {
            tag_end += 1;
        }
        if self.byte(tag_end) != b'$' {
            self.pos += 1;
            return T::Ch(b'$');
        }
        let tag = &self.src[start..=tag_end];
        let body = tag_end + 1;
        let mut at = body;
        while at + tag.len() <= self.src.len() {
            if self.src[at] == b'$' && &self.src[at..at + tag.len()] == tag {
                self.pos = at + tag.len();
                return T::DollarStr;
            }
            at += 1;
        }
        self.pos = self.src.len();
        T::Bad(Fault::DollarString)
    }

    #[inline]
    fn operator(&mut self, first: u8) -> T {
        let start = self.pos;
        let mut end = start + 1;
        while end < self.src.len() && is(OPERATOR, self.src[end]) {
            // A comment ends the operator.
            if matches!((self.src[end - 1], self.src[end]), (b'/', b'*') | (b'-', b'-')) {
                end -= 1;
                break;
            }
            end += 1;
        }
        if end - start > 1 && matches!(self.src[end - 1], b'+' | b'-') {
            // A trailing sign stays only in operators with a character that makes clear it is no SQL one.
            let special = |b: &u8| matches!(b, b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%');
            if !self.src[start..end - 1].iter().any(special) {
                while end - start > 1 && matches!(self.src[end - 1], b'+' | b'-') {
                    end -= 1;
                }
            }
        }
        self.pos = end;
        match end - start {
            1 if matches!(first, b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'<' | b'>' | b'=') => T::Ch(first),
            2 => match (first, self.src[start + 1]) {
                (b'=', b'>') => T::EqualsGreater,
                (b'<', b'=') => T::LessEquals,
                (b'>', b'=') => T::GreaterEquals,
                (b'<', b'>') | (b'!', b'=') => T::NotEquals,
                _ => T::Op,
            },
            n if n > MAX_OPERATOR => T::Bad(Fault::OperatorLength),
            _ => T::Op,
        }
    }
}

/// The error of a token that is `T::Bad`.
pub fn fault_error(source: &str, fault: Fault, token: Token) -> SqlError {
    let (start, end) = (token.start as usize, token.end as usize);
    let near = |message: &str| syntax(message, source, start, end);
    match fault {
        Fault::Comment => near("unterminated /* comment"),
        Fault::QuotedIdent => near("unterminated quoted identifier"),
        Fault::QuotedString => near("unterminated quoted string"),
        Fault::BitString => near("unterminated bit string literal"),
        Fault::HexString => near("unterminated hexadecimal string literal"),
        Fault::DollarString => near("unterminated dollar-quoted string"),
        Fault::ZeroLengthIdent => near("zero-length delimited identifier"),
        Fault::NumberJunk => near("trailing junk after numeric literal"),
        Fault::ParamJunk => near("trailing junk after parameter"),
        Fault::OperatorLength => near("operator too long"),
        Fault::Escape => match text::decode_escapes(source.as_bytes(), start, end) {
            Err(error) => error,
            Ok(_) => near("syntax error"),
        },
        Fault::Uescape => syntax("UESCAPE must be followed by a simple string literal", source, start, end),
        Fault::UescapeChar => syntax("invalid Unicode escape character", source, start, end),
    }
}

/// `message at or near "text"`, or `message at end of input`.
pub fn syntax(message: &str, source: &str, start: usize, end: usize) -> SqlError {
    match source.get(start..end) {
        Some(text) if !text.is_empty() => err!(SqlState::SYNTAX_ERROR, "{message} at or near \"{text}\"").at(start),
        _ => err!(SqlState::SYNTAX_ERROR, "{message} at end of input").at(start),
    }
}
