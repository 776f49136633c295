//! Templates: the longest pattern at each place, with its prefixes and suffixes; quoted text and all other characters are literal.

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Node<K> {
    /// A pattern with its modifiers.
    Pattern(K, Affixes),
    /// Literal text, character by character.
    Literal(char),
    /// A separator outside quotes (dates only): matched leniently on input.
    Separator(char),
    /// White space outside quotes (dates only).
    Space(char),
}

/// Modifiers of a date pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Affixes {
    /// `FM`: no padding.
    pub fill_mode: bool,
    /// `TM`: translated names.
    pub translate: bool,
    /// `TH`: an ordinal suffix, upper case.
    pub ordinal_upper: bool,
    /// `th`: an ordinal suffix, lower case.
    pub ordinal_lower: bool,
    /// `SP`: spell mode.
    pub spell: bool,
}

impl Affixes {
    /// Whether an ordinal suffix was asked for.
    pub fn ordinal(self) -> bool {
        self.ordinal_upper || self.ordinal_lower
    }
}

fn date_prefixes(rest: &mut &str) -> Affixes {
    let mut affixes = Affixes::default();
    for (text, fill) in [("FM", true), ("TM", false), ("fm", true), ("tm", false)] {
        if let Some(tail) = rest.strip_prefix(text) {
            if fill {
                affixes.fill_mode = true;
            } else {
                affixes.translate = true;
            }
            *rest = tail;
            break;
        }
    }
    affixes
}

fn date_suffixes(rest: &mut &str, affixes: &mut Affixes) {
    for (text, flag) in [("TH", 0), ("th", 1), ("SP", 2)] {
        if let Some(tail) = rest.strip_prefix(text) {
            match flag {
                0 => affixes.ordinal_upper = true,
                1 => affixes.ordinal_lower = true,
                _ => affixes.spell = true,
            }
            *rest = tail;
            return;
        }
    }
}

/// Cuts a template. `dates` adds prefixes, suffixes and separators; `keywords` lists patterns, longer ones before their prefixes.
pub fn parse<K: Copy>(template: &str, keywords: &[(&str, K)], dates: bool) -> Vec<Node<K>> {
    let mut nodes = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let before = rest;
        let mut affixes = if dates { date_prefixes(&mut rest) } else { Affixes::default() };
        if let Some((word, key)) = keywords.iter().find(|(word, _)| rest.starts_with(word)) {
            rest = &rest[word.len()..];
            if dates {
                date_suffixes(&mut rest, &mut affixes);
            }
            nodes.push(Node::Pattern(*key, affixes));
            continue;
        }
        if rest.len() < before.len() && rest.is_empty() {
            break;
        }
        rest = literal(rest, dates, &mut nodes);
    }
    nodes
}

fn literal<'t, K>(rest: &'t str, dates: bool, nodes: &mut Vec<Node<K>>) -> &'t str {
    let mut chars = rest.chars();
    let Some(c) = chars.next() else { return rest };
    if c == '"' {
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => {
                    if let Some(escaped) = chars.next() {
                        nodes.push(Node::Literal(escaped));
                    }
                }
                c => nodes.push(Node::Literal(c)),
            }
        }
        return chars.as_str();
    }
    if c == '\\' && chars.as_str().starts_with('"') {
        nodes.push(Node::Literal('"'));
        return &chars.as_str()[1..];
    }
    let printable_separator = c.is_ascii_punctuation();
    nodes.push(match c {
        c if dates && printable_separator => Node::Separator(c),
        c if dates && c.is_ascii_whitespace() => Node::Space(c),
        c => Node::Literal(c),
    });
    chars.as_str()
}
