//! Character sets: ranges, named classes, complement, case-insensitive membership.

use crate::sql::expr::func::case::{lower_char, upper_char};

/// A named class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of [:name:]")]
pub enum Named {
    Alnum,
    Alpha,
    Ascii,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Xdigit,
    Word,
}

impl Named {
    /// By the name inside `[: :]`.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "alnum" => Self::Alnum,
            "alpha" => Self::Alpha,
            "ascii" => Self::Ascii,
            "blank" => Self::Blank,
            "cntrl" => Self::Cntrl,
            "digit" => Self::Digit,
            "graph" => Self::Graph,
            "lower" => Self::Lower,
            "print" => Self::Print,
            "punct" => Self::Punct,
            "space" => Self::Space,
            "upper" => Self::Upper,
            "xdigit" => Self::Xdigit,
            "word" => Self::Word,
            _ => return None,
        })
    }

    /// Whether a character belongs.
    pub fn contains(self, c: char) -> bool {
        match self {
            Self::Alnum => c.is_alphanumeric(),
            Self::Alpha => c.is_alphabetic(),
            Self::Ascii => c.is_ascii(),
            Self::Blank => c == ' ' || c == '\t',
            Self::Cntrl => c.is_control(),
            Self::Digit => c.is_ascii_digit(),
            Self::Graph => !c.is_control() && !c.is_whitespace(),
            Self::Lower => c.is_lowercase(),
            Self::Print => !c.is_control(),
            Self::Punct => {
                c.is_ascii_punctuation() || (!c.is_ascii() && !c.is_alphanumeric() && !c.is_control() && !c.is_whitespace())
            }
            Self::Space => c.is_whitespace(),
            Self::Upper => c.is_uppercase(),
            Self::Xdigit => c.is_ascii_hexdigit(),
            Self::Word => is_word(c),
        }
    }

    /// The class in the `regex` crate's syntax, for use between brackets; `None` where it has no equal.
    pub fn emitted(self) -> Option<&'static str> {
        Some(match self {
            Self::Alnum => "\\p{Alphabetic}\\p{N}",
            Self::Alpha => "\\p{Alphabetic}",
            Self::Ascii => "\\x00-\\x7f",
            Self::Blank => " \\t",
            Self::Cntrl => "\\p{Cc}",
            Self::Digit => "0-9",
            Self::Lower => "\\p{Lowercase}",
            Self::Space => "\\s",
            Self::Upper => "\\p{Uppercase}",
            Self::Xdigit => "0-9a-fA-F",
            Self::Word => "\\p{Alphabetic}\\p{N}_",
            Self::Graph | Self::Print | Self::Punct => return None,
        })
    }
}

/// What `\w` and the word anchors count as a word's character.
pub fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// One member of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// From one character to another.
    Range(char, char),
    /// A named class, or its complement.
    Named(Named, bool),
}

impl Item {
    fn contains(&self, c: char) -> bool {
        match self {
            Self::Range(low, high) => (*low..=*high).contains(&c),
            Self::Named(class, negated) => class.contains(c) != *negated,
        }
    }
}

/// A set of characters.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Class {
    /// Members.
    pub items: Vec<Item>,
    /// `[^...]`
    pub negated: bool,
    /// A newline is never a member (complements under newline-sensitive matching).
    pub no_newline: bool,
}

impl Class {
    /// A set of one named class.
    pub fn named(class: Named, negated: bool) -> Self {
        Self { items: vec![Item::Named(class, negated)], ..Self::default() }
    }

    /// Whether a character belongs.
    pub fn contains(&self, c: char, icase: bool) -> bool {
        if self.no_newline && c == '\n' {
            return false;
        }
        let mut inside = self.items.iter().any(|i| i.contains(c));
        if !inside && icase {
            let (lower, upper) = (lower_char(c), upper_char(c));
            inside = self.items.iter().any(|i| i.contains(lower) || i.contains(upper));
        }
        inside != self.negated
    }
}
