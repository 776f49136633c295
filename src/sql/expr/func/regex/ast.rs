//! The parsed form of a regular expression, with what the matcher asks of each part: does it hold groups, what does it prefer.

use super::class::Class;

/// What a part prefers when several lengths match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preference {
    /// No quantifier inside decides.
    None,
    /// As long as possible.
    Longer,
    /// As short as possible.
    Shorter,
}

impl Preference {
    /// This one, or the other where this has none.
    pub fn or(self, other: Self) -> Self {
        if self == Self::None { other } else { self }
    }
}

/// A zero-width condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// `^`
    LineStart,
    /// `$`
    LineEnd,
    /// `\A`
    TextStart,
    /// `\Z`
    TextEnd,
    /// `\m`
    WordStart,
    /// `\M`
    WordEnd,
    /// `\y`
    WordEdge,
    /// `\Y`
    NotWordEdge,
}

/// A part of a regular expression.
#[derive(Clone, Debug)]
pub enum Node {
    /// Matches the empty string.
    Empty,
    /// One character.
    Char(char),
    /// One character of a set.
    Class(Class),
    /// Zero-width condition.
    Anchor(Anchor),
    /// `(?=` `(?!` `(?<=` `(?<!`
    Look { ahead: bool, negated: bool, node: Box<Node> },
    /// A capturing group, numbered from 1.
    Group(usize, Box<Node>),
    /// `\n`: the group's number and its own expression, which bounds what it can match.
    Backref(usize, Box<Node>),
    /// One after the other.
    Concat(Vec<Node>),
    /// One of these, earlier ones first.
    Alt(Vec<Node>),
    /// `min` to `max` times (`None`: any number).
    Repeat { node: Box<Node>, min: u32, max: Option<u32>, prefer: Preference },
}

impl Node {
    /// What the part prefers: its first quantifier's greediness; an alternation always the longest.
    pub fn preference(&self) -> Preference {
        match self {
            Self::Alt(_) => Preference::Longer,
            Self::Group(_, node) => node.preference(),
            Self::Concat(parts) => parts.iter().fold(Preference::None, |p, n| p.or(n.preference())),
            Self::Repeat { node, prefer, .. } => prefer.or(node.preference()),
            Self::Backref(_, node) => node.preference(),
            _ => Preference::None,
        }
    }

    /// Whether dividing a match matters: groups or back references inside.
    pub fn has_groups(&self) -> bool {
        match self {
            Self::Group(..) | Self::Backref(..) => true,
            Self::Concat(parts) | Self::Alt(parts) => parts.iter().any(Self::has_groups),
            Self::Repeat { node, .. } => node.has_groups(),
            _ => false,
        }
    }

    /// Whether a back reference is inside.
    pub fn has_backrefs(&self) -> bool {
        match self {
            Self::Backref(..) => true,
            Self::Group(_, node) | Self::Repeat { node, .. } => node.has_backrefs(),
            Self::Concat(parts) | Self::Alt(parts) => parts.iter().any(Self::has_backrefs),
            _ => false,
        }
    }

    /// The same expression without capturing.
    pub fn without_groups(&self) -> Self {
        match self {
            Self::Group(_, node) => node.without_groups(),
            Self::Concat(parts) => Self::Concat(parts.iter().map(Self::without_groups).collect()),
            Self::Alt(parts) => Self::Alt(parts.iter().map(Self::without_groups).collect()),
            Self::Repeat { node, min, max, prefer } => {
                Self::Repeat { node: Box::new(node.without_groups()), min: *min, max: *max, prefer: *prefer }
            }
            other => other.clone(),
        }
    }
}
