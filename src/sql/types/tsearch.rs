//! Text search vectors and queries: their values and text forms.

use super::io::{Reader, invalid_binary};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use std::cmp::Ordering;
use std::io::Write;

/// A sorted list of distinct lexemes with positions.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TsVector {
    /// Lexeme and its positions with weights (`A` = 3 .. `D` = 0).
    pub lexemes: Vec<(String, Vec<(u16, u8)>)>,
}

/// A text search query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TsQuery {
    /// Matches nothing.
    Empty,
    /// Lexeme, allowed weights as a bit mask (0 for any), prefix match.
    Lexeme(String, u8, bool),
    /// `!`
    Not(Box<TsQuery>),
    /// `&`
    And(Box<TsQuery>, Box<TsQuery>),
    /// `|`
    Or(Box<TsQuery>, Box<TsQuery>),
    /// `<n>`
    Phrase(Box<TsQuery>, Box<TsQuery>, u16),
}

/// Highest position kept.
pub const MAX_POSITION: u16 = 16383;
/// Most positions of one lexeme.
const MAX_POSITIONS: usize = 255;
/// Longest lexeme in bytes.
const MAX_LEXEME: usize = 2047;

impl TsVector {
    /// From lexemes in any order: sorted, positions of equal ones joined, the highest weight winning.
    pub fn new(mut lexemes: Vec<(String, Vec<(u16, u8)>)>) -> Self {
        lexemes.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        lexemes.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1.append(&mut next.1);
            }
            same
        });
        for (_, positions) in &mut lexemes {
            positions.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
            positions.dedup_by_key(|p| p.0);
            positions.truncate(MAX_POSITIONS);
        }
        Self { lexemes }
    }

    /// Parses `'lexeme':1A,2 other`. Errors: 42601, 54000.
    pub fn parse(text: &str) -> Result<Self> {
        let mut scan = Scan { whole: text, rest: text, kind: "tsvector" };
        let mut lexemes = Vec::new();
        while scan.skip_space() {
            let (word, _) = scan.lexeme(|c| c == ':')?;
            let positions = if scan.accept(':') { scan.positions()? } else { Vec::new() };
            if word.len() > MAX_LEXEME {
                return Err(err!(
                    SqlState::PROGRAM_LIMIT_EXCEEDED,
                    "word is too long ({} bytes, max {} bytes)",
                    word.len(),
                    MAX_LEXEME - 1
                ));
            }
            lexemes.push((word, positions));
        }
        Ok(Self::new(lexemes))
    }

    /// Appends the text.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (i, (word, positions)) in self.lexemes.iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            write_lexeme(word, out);
            for (j, (position, weight)) in positions.iter().enumerate() {
                out.push(if j == 0 { b':' } else { b',' });
                super::int::write(*position, out);
                if *weight > 0 {
                    out.push(b'D' - weight);
                }
            }
        }
    }

    /// Reads the binary form. Errors: 22P03.
    pub fn receive(r: &mut Reader<'_>) -> Result<Self> {
        let count = r.i32()?;
        let mut lexemes = Vec::new();
        for _ in 0..count {
            let word = r.c_string()?.to_string();
            let mut positions = Vec::new();
            for _ in 0..r.u16()? {
                let packed = r.u16()?;
                positions.push((packed & MAX_POSITION, (packed >> 14) as u8));
            }
            lexemes.push((word, positions));
        }
        Ok(Self::new(lexemes))
    }

    /// Appends the binary form.
    pub fn send(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.lexemes.len() as i32).to_be_bytes());
        for (word, positions) in &self.lexemes {
            out.extend_from_slice(word.as_bytes());
            out.push(0);
            out.extend_from_slice(&(positions.len() as u16).to_be_bytes());
            for (position, weight) in positions {
                out.extend_from_slice(&(position | u16::from(*weight) << 14).to_be_bytes());
            }
        }
    }

    /// The btree order: fewer lexemes first, then lexeme by lexeme.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.lexemes.len().cmp(&other.lexemes.len()).then_with(|| self.lexemes.cmp(&other.lexemes))
    }
}

fn write_lexeme(word: &str, out: &mut Vec<u8>) {
    out.push(b'\'');
    for b in word.bytes() {
        if matches!(b, b'\'' | b'\\') {
            out.push(b);
        }
        out.push(b);
    }
    out.push(b'\'');
}

/// A walk over vector or query text.
struct Scan<'a> {
    whole: &'a str,
    rest: &'a str,
    kind: &'static str,
}

impl Scan<'_> {
    #[cold]
    fn syntax_error(&self) -> SqlError {
        err!(SqlState::SYNTAX_ERROR, "syntax error in {}: \"{}\"", self.kind, self.whole)
    }

    /// Skips white space; false at the end.
    fn skip_space(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        !self.rest.is_empty()
    }

    fn accept(&mut self, c: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(c) else { return false };
        self.rest = rest;
        true
    }

    /// A word up to white space or an end character, or one in single quotes (which then is true).
    fn lexeme(&mut self, ends: impl Fn(char) -> bool) -> Result<(String, bool)> {
        let mut word = String::new();
        let quoted = self.accept('\'');
        loop {
            let Some(c) = self.rest.chars().next() else {
                if quoted || word.is_empty() {
                    return Err(self.syntax_error());
                }
                return Ok((word, quoted));
            };
            if !quoted && (c.is_whitespace() || ends(c)) {
                return if word.is_empty() { Err(self.syntax_error()) } else { Ok((word, quoted)) };
            }
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                '\\' => {
                    let Some(escaped) = self.rest.chars().next() else {
                        return Err(err!(SqlState::SYNTAX_ERROR, "there is no escaped character: \"{}\"", self.whole));
                    };
                    self.rest = &self.rest[escaped.len_utf8()..];
                    word.push(escaped);
                }
                '\'' if quoted && self.accept('\'') => word.push('\''),
                '\'' if quoted => return if word.is_empty() { Err(self.syntax_error()) } else { Ok((word, quoted)) },
                c => word.push(c),
            }
        }
    }

    /// `1A,2,3B` after the colon.
    fn positions(&mut self) -> Result<Vec<(u16, u8)>> {
        let mut positions = Vec::new();
        loop {
            let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return Err(self.syntax_error());
            }
            let position = self.rest[..digits].parse::<u32>().unwrap_or(u32::MAX).min(MAX_POSITION.into()) as u16;
            if position == 0 {
                return Err(err!(SqlState::SYNTAX_ERROR, "wrong position info in tsvector: \"{}\"", self.whole));
            }
            self.rest = &self.rest[digits..];
            let weight = match self.rest.bytes().next() {
                Some(b'A' | b'a' | b'*') => 3,
                Some(b'B' | b'b') => 2,
                Some(b'C' | b'c') => 1,
                Some(b'D' | b'd') => 0,
                _ => u8::MAX,
            };
            if weight != u8::MAX {
                self.rest = &self.rest[1..];
            }
            positions.push((position, if weight == u8::MAX { 0 } else { weight }));
            if !self.accept(',') {
                break;
            }
        }
        match self.rest.chars().next() {
            Some(c) if !c.is_whitespace() => Err(self.syntax_error()),
            _ => Ok(positions),
        }
    }
}

/// Deepest nesting of a query.
const MAX_DEPTH: usize = 2000;

/// Parses a query by precedence: `|` < `&` < `<n>` < `!`.
struct QueryParser<'a> {
    scan: Scan<'a>,
    depth: usize,
}

impl QueryParser<'_> {
    fn or(&mut self) -> Result<TsQuery> {
        let mut left = self.and()?;
        while self.scan.skip_space() && self.scan.accept('|') {
            left = TsQuery::Or(left.into(), self.and()?.into());
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<TsQuery> {
        let mut left = self.phrase()?;
        while self.scan.skip_space() && self.scan.accept('&') {
            left = TsQuery::And(left.into(), self.phrase()?.into());
        }
        Ok(left)
    }

    fn phrase(&mut self) -> Result<TsQuery> {
        let mut left = self.not()?;
        while self.scan.skip_space() && self.scan.accept('<') {
            let distance = self.distance()?;
            left = TsQuery::Phrase(left.into(), self.not()?.into(), distance);
        }
        Ok(left)
    }

    fn distance(&mut self) -> Result<u16> {
        if self.scan.rest.starts_with("->") {
            self.scan.rest = &self.scan.rest[2..];
            return Ok(1);
        }
        let Some((number, rest)) = self.scan.rest.split_once('>') else { return Err(self.scan.syntax_error()) };
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.scan.syntax_error());
        }
        let distance = number.parse::<u16>().ok().filter(|d| *d <= 16384);
        self.scan.rest = rest;
        distance.ok_or_else(|| {
            err!(
                SqlState::INVALID_PARAMETER_VALUE,
                "distance in phrase operator must be an integer value between zero and 16384 inclusive"
            )
        })
    }

    fn not(&mut self) -> Result<TsQuery> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(err!(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        if !self.scan.skip_space() {
            return Err(err!(SqlState::SYNTAX_ERROR, "no operand in tsquery: \"{}\"", self.scan.whole));
        }
        let found = if self.scan.accept('!') {
            TsQuery::Not(self.not()?.into())
        } else if self.scan.accept('(') {
            let inner = self.or()?;
            if !self.scan.accept(')') {
                return Err(self.scan.syntax_error());
            }
            inner
        } else {
            self.operand()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn operand(&mut self) -> Result<TsQuery> {
        let (word, _) = self.scan.lexeme(|c| matches!(c, ':' | '&' | '|' | '!' | '(' | ')' | '<'))?;
        let (mut weights, mut prefix) = (0, false);
        if self.scan.accept(':') {
            while let Some(b) = self.scan.rest.bytes().next() {
                match b {
                    b'*' => prefix = true,
                    b'A' | b'a' => weights |= 8,
                    b'B' | b'b' => weights |= 4,
                    b'C' | b'c' => weights |= 2,
                    b'D' | b'd' => weights |= 1,
                    _ => break,
                }
                self.scan.rest = &self.scan.rest[1..];
            }
        }
        Ok(TsQuery::Lexeme(word, weights, prefix))
    }
}

impl TsQuery {
    /// Parses `a & (b | !c) <-> d:*A`. Errors: 42601, 22023.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = QueryParser { scan: Scan { whole: text, rest: text, kind: "tsquery" }, depth: 0 };
        if !parser.scan.skip_space() {
            return Ok(Self::Empty);
        }
        let found = parser.or()?;
        if parser.scan.skip_space() { Err(parser.scan.syntax_error()) } else { Ok(found) }
    }

    fn priority(&self) -> u8 {
        match self {
            Self::Or(..) => 1,
            Self::And(..) => 2,
            Self::Phrase(..) => 3,
            _ => 4,
        }
    }

    /// Appends the text, with parentheses where precedence needs them.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_inside(0, false, out);
    }

    fn write_inside(&self, parent: u8, right_of_phrase: bool, out: &mut Vec<u8>) {
        let priority = self.priority();
        let phrase = matches!(self, Self::Phrase(..));
        let wrapped = !matches!(self, Self::Lexeme(..) | Self::Empty) && (priority < parent || (phrase && right_of_phrase));
        if wrapped {
            out.extend_from_slice(b"( ");
        }
        match self {
            Self::Empty => {}
            Self::Lexeme(word, weights, prefix) => {
                write_lexeme(word, out);
                if *weights != 0 || *prefix {
                    out.push(b':');
                }
                if *prefix {
                    out.push(b'*');
                }
                out.extend(
                    [(8, b'A'), (4, b'B'), (2, b'C'), (1, b'D')].iter().filter(|(bit, _)| weights & bit != 0).map(|(_, c)| *c),
                );
            }
            Self::Not(inner) => {
                out.push(b'!');
                inner.write_inside(priority, false, out);
            }
            Self::And(a, b) | Self::Or(a, b) | Self::Phrase(a, b, _) => {
                a.write_inside(priority, false, out);
                match self {
                    Self::And(..) => out.extend_from_slice(b" & "),
                    Self::Or(..) => out.extend_from_slice(b" | "),
                    Self::Phrase(_, _, distance) if *distance != 1 => {
                        let _ = write!(out, " <{distance}> ");
                    }
                    _ => out.extend_from_slice(b" <-> "),
                }
                b.write_inside(priority, phrase, out);
            }
        }
        if wrapped {
            out.extend_from_slice(b" )");
        }
    }

    /// Number of lexemes and operators.
    pub fn node_count(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Lexeme(..) => 1,
            Self::Not(inner) => 1 + inner.node_count(),
            Self::And(a, b) | Self::Or(a, b) | Self::Phrase(a, b, _) => 1 + a.node_count() + b.node_count(),
        }
    }

    /// The btree order: by number of nodes, then by text.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.node_count().cmp(&other.node_count()).then_with(|| self.to_string().cmp(&other.to_string()))
    }

    /// Reads the binary form. Errors: 22P03.
    pub fn receive(r: &mut Reader<'_>) -> Result<Self> {
        if r.u32()? == 0 { Ok(Self::Empty) } else { Self::receive_node(r, 0) }
    }

    fn receive_node(r: &mut Reader<'_>, depth: usize) -> Result<Self> {
        if depth > MAX_DEPTH {
            return Err(err!(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        match r.u8()? {
            1 => {
                let (weights, prefix) = (r.u8()?, r.u8()? != 0);
                if weights > 0xF {
                    return Err(invalid_binary("invalid tsquery: invalid weight bitmap"));
                }
                Ok(Self::Lexeme(r.c_string()?.to_string(), weights, prefix))
            }
            2 => {
                let operator = r.u8()?;
                let distance = if operator == 4 { r.u16()? } else { 0 };
                let right = Box::new(Self::receive_node(r, depth + 1)?);
                if operator == 1 {
                    return Ok(Self::Not(right));
                }
                let left = Box::new(Self::receive_node(r, depth + 1)?);
                match operator {
                    2 => Ok(Self::And(left, right)),
                    3 => Ok(Self::Or(left, right)),
                    4 => Ok(Self::Phrase(left, right, distance)),
                    other => Err(invalid_binary(format!("invalid tsquery: unrecognized operator type: {other}"))),
                }
            }
            other => Err(invalid_binary(format!("unrecognized tsquery node type: {other}"))),
        }
    }

    /// Appends the binary form.
    pub fn send(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.node_count() as u32).to_be_bytes());
        self.send_node(out);
    }

    fn send_node(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::Lexeme(word, weights, prefix) => {
                out.extend_from_slice(&[1, *weights, u8::from(*prefix)]);
                out.extend_from_slice(word.as_bytes());
                out.push(0);
            }
            Self::Not(inner) => {
                out.extend_from_slice(&[2, 1]);
                inner.send_node(out);
            }
            Self::And(a, b) | Self::Or(a, b) | Self::Phrase(a, b, _) => {
                match self {
                    Self::And(..) => out.extend_from_slice(&[2, 2]),
                    Self::Or(..) => out.extend_from_slice(&[2, 3]),
                    Self::Phrase(_, _, distance) => {
                        out.extend_from_slice(&[2, 4]);
                        out.extend_from_slice(&distance.to_be_bytes());
                    }
                    _ => {}
                }
                b.send_node(out);
                a.send_node(out);
            }
        }
    }
}

impl std::fmt::Display for TsQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}
