//! Text search vectors and queries.

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

impl TsVector {
    /// The btree order: fewer lexemes first, then lexeme by lexeme.
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        self.lexemes.len().cmp(&other.lexemes.len()).then_with(|| self.lexemes.cmp(&other.lexemes))
    }
}

impl TsQuery {
    /// The btree order: by number of nodes, then by text.
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        self.to_string().cmp(&other.to_string())
    }
}

impl std::fmt::Display for TsQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}
