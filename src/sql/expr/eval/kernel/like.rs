//! LIKE with a pattern that does not change: cut into pieces once, matched with substring search.
//!
//! `%` separates pieces; a piece of plain text is searched for by `memmem`, one with `_` character by character.

use super::CompiledExpr;
use crate::sql::executor::batch::{Column, ColumnKind};
use crate::sql::types::Datum;
use memchr::memmem;

/// One character class of a piece with wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unit {
    /// `_`
    Any,
    /// This character's bytes.
    Bytes(Vec<u8>),
}

enum Piece {
    Plain(Box<memmem::Finder<'static>>),
    Wild(Vec<Unit>),
}

/// A LIKE pattern ready to match.
pub struct LikePattern {
    pieces: Vec<Piece>,
    /// Whether the pattern begins and ends with `%`.
    open_start: bool,
    open_end: bool,
}

impl LikePattern {
    /// Compiles a pattern with backslash as escape; `None` when the escape is at its end (the function raises the error).
    pub fn new(pattern: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut units: Vec<Unit> = Vec::new();
        let mut open_start = false;
        let mut open_end = false;
        let mut chars = pattern.chars();
        let mut first = true;
        while let Some(c) = chars.next() {
            open_end = false;
            match c {
                '%' => {
                    open_start |= first;
                    open_end = true;
                    if !units.is_empty() {
                        pieces.push(piece(std::mem::take(&mut units)));
                    }
                }
                '_' => units.push(Unit::Any),
                '\\' => units.push(Unit::Bytes(chars.next()?.to_string().into_bytes())),
                c => units.push(Unit::Bytes(c.to_string().into_bytes())),
            }
            first = false;
        }
        if !units.is_empty() {
            pieces.push(piece(units));
        }
        Some(Self { pieces, open_start, open_end })
    }

    /// The plain text every match starts with.
    pub fn prefix(&self) -> Option<&[u8]> {
        match self.pieces.first() {
            Some(Piece::Plain(finder)) if !self.open_start => Some(finder.needle()),
            _ => None,
        }
    }

    /// Whether `text` matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        let Some((last, rest)) = self.pieces.split_last() else {
            return self.open_start || text.is_empty();
        };
        let mut at = 0;
        for (n, piece) in rest.iter().enumerate() {
            let found = if n == 0 && !self.open_start { piece.at_start(text) } else { piece.find(&text[at..]).map(|e| at + e) };
            match found {
                Some(end) => at = end,
                None => return false,
            }
        }
        match (rest.is_empty() && !self.open_start, self.open_end) {
            (true, true) => last.at_start(text).is_some(),
            (true, false) => last.at_start(text) == Some(text.len()),
            (false, true) => last.find(&text[at..]).is_some(),
            (false, false) => last.at_end(&text[at..]),
        }
    }
}

fn piece(units: Vec<Unit>) -> Piece {
    if units.contains(&Unit::Any) {
        return Piece::Wild(units);
    }
    let bytes: Vec<u8> = units
        .into_iter()
        .flat_map(|u| match u {
            Unit::Bytes(b) => b,
            Unit::Any => Vec::new(),
        })
        .collect();
    Piece::Plain(Box::new(memmem::Finder::new(&bytes).into_owned()))
}

fn char_len(first: u8) -> usize {
    match first {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    }
}

fn wild_at(units: &[Unit], text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for unit in units {
        match unit {
            Unit::Any => at += char_len(*text.get(at)?),
            Unit::Bytes(b) => {
                if !text.get(at..)?.starts_with(b) {
                    return None;
                }
                at += b.len();
            }
        }
    }
    (at <= text.len()).then_some(at)
}

impl Piece {
    /// End of a match at the start of `text`.
    fn at_start(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Plain(finder) => text.starts_with(finder.needle()).then(|| finder.needle().len()),
            Self::Wild(units) => wild_at(units, text),
        }
    }

    /// End of the first match anywhere in `text`.
    fn find(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Plain(finder) => finder.find(text).map(|start| start + finder.needle().len()),
            Self::Wild(units) => {
                let mut start = 0;
                loop {
                    if let Some(length) = wild_at(units, &text[start..]) {
                        return Some(start + length);
                    }
                    start += char_len(*text.get(start)?);
                    if start > text.len() {
                        return None;
                    }
                }
            }
        }
    }

    /// Whether `text` ends with a match.
    fn at_end(&self, text: &[u8]) -> bool {
        match self {
            Self::Plain(finder) => text.ends_with(finder.needle()),
            Self::Wild(units) => {
                let chars: Vec<usize> = (0..text.len()).filter(|&i| text[i] & 0xc0 != 0x80).collect();
                if units.len() > chars.len() {
                    return false;
                }
                let start = chars[chars.len() - units.len()];
                wild_at(units, &text[start..]) == Some(text.len() - start)
            }
        }
    }
}

/// LIKE or NOT LIKE by a constant.
pub struct LikeKernel {
    pattern: LikePattern,
    negated: bool,
}

/// The kernel of a LIKE function whose pattern is constant.
pub(super) fn of_symbol(symbol: &str, args: &[CompiledExpr]) -> Option<LikeKernel> {
    let negated = match symbol {
        "textlike" => false,
        "textnlike" => true,
        _ => return None,
    };
    let Datum::Text(pattern) = args[1].as_const()? else { return None };
    Some(LikeKernel { pattern: LikePattern::new(pattern)?, negated })
}

impl LikeKernel {
    pub(super) fn run(&self, column: &Column, rows: Option<&[u32]>) -> Option<Column> {
        if !matches!(column.kind(), ColumnKind::Text | ColumnKind::Bpchar) {
            return None;
        }
        let mut values = vec![false; column.len()];
        let mut each = |i: usize| {
            if let Some(text) = column.get_bytes(i) {
                values[i] = self.pattern.matches(text) != self.negated;
            }
        };
        match rows {
            Some(rows) => rows.iter().for_each(|&i| each(i as usize)),
            None => (0..column.len()).for_each(each),
        }
        Some(Column::bools(values, column.valid_flags()))
    }
}
