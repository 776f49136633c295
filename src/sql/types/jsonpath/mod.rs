//! SQL/JSON path expressions: parsing, and the canonical text `jsonpath` values are kept as.
//!
//! A path is a chain of items: `$.a[*] ? (@ > 1)` is root, key, all elements, filter. Operators and predicates are items whose
//! operands are chains of their own. Evaluation lives with the functions.

mod lex;
mod parse;
mod print;

pub use print::arithmetic;

use super::numeric::Numeric;
use crate::error::Result;

/// A whole path.
#[derive(Clone, Debug)]
pub struct Path {
    /// `lax` (default) or `strict`.
    pub lax: bool,
    /// The first item.
    pub root: Item,
}

/// A step with what follows it.
#[derive(Clone, Debug)]
pub struct Item {
    /// What it does.
    pub kind: Kind,
    /// The next step.
    pub next: Option<Box<Item>>,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Arithmetic operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// Item methods without arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the methods'")]
pub enum Method {
    Type,
    Size,
    Abs,
    Floor,
    Ceiling,
    Double,
    KeyValue,
}

impl Method {
    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Size => "size",
            Self::Abs => "abs",
            Self::Floor => "floor",
            Self::Ceiling => "ceiling",
            Self::Double => "double",
            Self::KeyValue => "keyvalue",
        }
    }
}

/// Steps, literals, operators, predicates.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Number(Numeric),
    /// A string.
    String(String),
    /// `$name`
    Variable(String),
    /// `$`
    Root,
    /// `@`
    Current,
    /// `last`
    Last,
    /// `.key`
    Key(String),
    /// `.*`
    AnyKey,
    /// `[*]`
    AnyElement,
    /// `[from to to, ...]`
    Elements(Vec<(Item, Option<Item>)>),
    /// `.**{first to last}`; `u32::MAX` is `last`.
    Any(u32, u32),
    /// `.name()`
    Method(Method),
    /// `.datetime(template)`
    Datetime(Option<String>),
    /// `? (predicate)`
    Filter(Box<Item>),
    /// `left op right`
    Arithmetic(Arithmetic, Box<Item>, Box<Item>),
    /// `+x` (true for minus)
    Sign(bool, Box<Item>),
    /// `&&`
    And(Box<Item>, Box<Item>),
    /// `||`
    Or(Box<Item>, Box<Item>),
    /// `!`
    Not(Box<Item>),
    /// `is unknown`
    IsUnknown(Box<Item>),
    /// `exists (x)`
    Exists(Box<Item>),
    /// Comparison.
    Compare(Comparison, Box<Item>, Box<Item>),
    /// `starts with`
    StartsWith(Box<Item>, Box<Item>),
    /// `like_regex`, pattern, flags in the order `ismxq`.
    LikeRegex(Box<Item>, String, String),
}

impl Kind {
    /// Whether this yields true, false or unknown.
    pub fn is_predicate(&self) -> bool {
        matches!(
            self,
            Self::And(..)
                | Self::Or(..)
                | Self::Not(_)
                | Self::IsUnknown(_)
                | Self::Exists(_)
                | Self::Compare(..)
                | Self::StartsWith(..)
                | Self::LikeRegex(..)
        )
    }
}

impl From<Kind> for Item {
    fn from(kind: Kind) -> Self {
        Self { kind, next: None }
    }
}

impl Path {
    /// Parses a path. Errors: 42601, 22P02.
    pub fn parse(text: &str) -> Result<Self> {
        parse::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts() {
        let cases = [
            ("($.a + 2) * -3", "(($.\"a\" + 2) * -3)"),
            ("$ ? (@.x like_regex \"^a\" flag \"i\")", "$?(@.\"x\" like_regex \"^a\" flag \"i\")"),
            ("$.**{2 to 3}.c", "$.**{2 to 3}.\"c\""),
            ("$ ? (exists (@.y) && !(@.z == null))", "$?(exists (@.\"y\") && !(@.\"z\" == null))"),
            ("(1).type()", "(1).type()"),
            ("$.a.datetime(\"DD\")", "$.\"a\".datetime(\"DD\")"),
            ("-1", "-1"),
            ("$x.y", "$\"x\".\"y\""),
            ("1.50e2", "150"),
            ("\"a\\u0041\\n\"", "\"aA\\n\""),
            ("strict $[0 to last, 3]", "strict $[0 to last,3]"),
            ("$ ? ((@ > 0) is unknown)", "$?((@ > 0) is unknown)"),
        ];
        for (text, want) in cases {
            assert_eq!(Path::parse(text).unwrap().to_string(), want);
        }
    }

    #[test]
    fn errors() {
        let message = |s: &str| Path::parse(s).err().map(|e| e.message().to_owned()).unwrap_or_default();
        assert_eq!(message("$.a["), "syntax error at end of jsonpath input");
        assert_eq!(message(""), "invalid input syntax for type jsonpath: \"\"");
        assert_eq!(message("@.a"), "@ is not allowed in root expressions");
        assert_eq!(message("last"), "LAST is allowed only in array subscripts");
        assert_eq!(message("$.a == 1 == 2"), "syntax error at or near \"==\" of jsonpath input");
    }
}
