//! From text to `Node`, with the lexical rules, escapes and errors of PostgreSQL's `regcomp.c` and `regc_lex.c`.

use super::ast::{Anchor, Node, Preference};
use super::class::{Class, Item, Named};
use super::invalid;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::Datum;

/// Largest bound in braces.
const REPEAT_MAX: u32 = 255;
/// Deepest nesting of parentheses.
const DEPTH_MAX: usize = 200;

/// Matching options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `i`
    pub icase: bool,
    /// `.` and complemented sets do not match newline (`n`, `p`).
    pub newline_stop: bool,
    /// `^` and `$` match at lines' ends (`n`, `w`).
    pub newline_anchors: bool,
    /// `x`: white space and comments are ignored.
    pub expanded: bool,
    /// `q`: a literal string.
    pub literal: bool,
    /// `b`: a basic expression.
    pub basic: bool,
    /// `e`: an extended expression, without escapes of the advanced ones.
    pub extended: bool,
}

impl Options {
    /// From a flags argument; the second result is `g`. Errors: 22023.
    pub fn from_flags(flags: &Datum) -> Result<(Self, bool)> {
        let Datum::Text(flags) = flags else { return Ok((Self::default(), false)) };
        let (mut options, mut global) = (Self::default(), false);
        for c in flags.chars() {
            if c == 'g' {
                global = true;
            } else if !options.apply(c)? {
                return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid regular expression option: \"{c}\""));
            }
        }
        Ok((options, global))
    }

    /// Applies one option letter; false when there is no such letter.
    fn apply(&mut self, c: char) -> Result<bool> {
        match c {
            'b' => (self.basic, self.extended) = (true, false),
            'c' => self.icase = false,
            'e' => (self.extended, self.basic) = (true, false),
            'i' => self.icase = true,
            'm' | 'n' => (self.newline_stop, self.newline_anchors) = (true, true),
            'p' => (self.newline_stop, self.newline_anchors) = (true, false),
            'q' => self.literal = true,
            's' => (self.newline_stop, self.newline_anchors) = (false, false),
            't' => self.expanded = false,
            'w' => (self.newline_stop, self.newline_anchors) = (false, true),
            'x' => self.expanded = true,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A parsed expression with the options in force after its own prefixes.
pub struct Parsed {
    pub root: Node,
    pub options: Options,
    pub groups: usize,
}

/// Parses a pattern.
pub fn parse(pattern: &str, options: Options) -> Result<Parsed> {
    let mut p = Parser { chars: pattern.chars().collect(), at: 0, options, groups: Vec::new(), depth: 0, in_look: false };
    if !p.options.literal {
        p.prefixes()?;
    }
    if p.options.literal {
        let root = Node::Concat(p.chars[p.at..].iter().map(|c| Node::Char(*c)).collect());
        return Ok(Parsed { root, options: p.options, groups: 0 });
    }
    if p.options.basic {
        p.chars = advanced_from_basic(&p.chars[p.at..]);
        p.at = 0;
    }
    let root = p.alternatives()?;
    if p.at < p.chars.len() {
        return Err(invalid("parentheses () not balanced"));
    }
    Ok(Parsed { root, options: p.options, groups: p.groups.len() })
}

/// A basic expression in the advanced syntax: there `\( \) \{ \}` are operators and `( ) { } | + ?` are literal.
fn advanced_from_basic(basic: &[char]) -> Vec<char> {
    let (mut out, mut at, mut fresh) = (Vec::new(), 0, true);
    while let Some(&c) = basic.get(at) {
        let next = basic.get(at + 1).copied();
        let was_fresh = std::mem::replace(&mut fresh, false);
        match (c, next) {
            ('\\', Some(n)) => {
                at += 1;
                match n {
                    '(' | ')' | '{' | '}' => out.push(n),
                    '<' => out.extend(['\\', 'm']),
                    '>' => out.extend(['\\', 'M']),
                    n if n.is_ascii_digit() || !n.is_ascii_alphanumeric() => out.extend(['\\', n]),
                    n => out.push(n),
                }
                fresh = n == '(';
            }
            ('(' | ')' | '{' | '}' | '|' | '+' | '?', _) => out.extend(['\\', c]),
            ('*', _) if was_fresh => out.extend(['\\', '*']),
            ('^', _) => {
                if was_fresh {
                    out.push('^');
                    fresh = true;
                } else {
                    out.extend(['\\', '^']);
                }
            }
            ('$', n) => {
                let at_end = n.is_none() || (n == Some('\\') && basic.get(at + 2) == Some(&')'));
                if at_end { out.push('$') } else { out.extend(['\\', '$']) }
            }
            ('[', _) => {
                let body = 1 + usize::from(next == Some('^'));
                let first = at + body + usize::from(basic.get(at + body) == Some(&']'));
                let end = basic[first.min(basic.len())..].iter().position(|c| *c == ']').map_or(basic.len(), |i| first + i + 1);
                for &inner in &basic[at..end] {
                    if inner == '\\' {
                        out.push('\\');
                    }
                    out.push(inner);
                }
                at = end;
                continue;
            }
            (c, _) => out.push(c),
        }
        at += 1;
    }
    out
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    options: Options,
    /// Finished groups' expressions; `None` while open.
    groups: Vec<Option<Node>>,
    depth: usize,
    in_look: bool,
}

/// What an escape stands for.
enum Escape {
    Char(char),
    Class(Class),
    Anchor(Anchor),
    Backref(usize),
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn rest_is(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c))
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest_is(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    /// `***:`, `***=` and `(?options)` at the beginning.
    fn prefixes(&mut self) -> Result<()> {
        if self.eat("***") {
            match self.peek() {
                Some(':') => self.options.extended = false,
                Some('=') => self.options.literal = true,
                _ => return Err(invalid("quantifier operand invalid")),
            }
            self.at += 1;
            if self.options.literal {
                return Ok(());
            }
        }
        let letters = self.rest_is("(?") && self.chars.get(self.at + 2).is_some_and(char::is_ascii_alphabetic);
        if self.options.extended || !letters {
            return Ok(());
        }
        self.at += 2;
        while let Some(c) = self.peek().filter(char::is_ascii_alphabetic) {
            if !self.options.apply(c)? {
                return Err(invalid("invalid embedded option"));
            }
            self.at += 1;
        }
        if !self.eat(")") {
            return Err(invalid("invalid embedded option"));
        }
        Ok(())
    }

    /// Skips what the expanded syntax ignores, and `(?#...)` comments.
    fn skip(&mut self) {
        loop {
            let start = self.at;
            if self.options.expanded {
                while self.peek().is_some_and(char::is_whitespace) {
                    self.at += 1;
                }
                if self.peek() == Some('#') {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
            }
            if !self.options.extended && self.eat("(?#") {
                while self.peek().is_some_and(|c| c != ')') {
                    self.at += 1;
                }
                self.at = (self.at + 1).min(self.chars.len());
            }
            if self.at == start {
                return;
            }
        }
    }

    fn alternatives(&mut self) -> Result<Node> {
        let mut branches = vec![self.branch()?];
        while self.eat("|") {
            branches.push(self.branch()?);
        }
        Ok(if branches.len() == 1 { branches.swap_remove(0) } else { Node::Alt(branches) })
    }

    fn branch(&mut self) -> Result<Node> {
        let mut parts = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                None | Some('|') => break,
                Some(')') if self.depth > 0 => break,
                Some(')') => return Err(invalid("parentheses () not balanced")),
                Some(_) => parts.push(self.quantified()?),
            }
        }
        Ok(match parts.len() {
            0 => Node::Empty,
            1 => parts.swap_remove(0),
            _ => Node::Concat(parts),
        })
    }

    fn quantified(&mut self) -> Result<Node> {
        let atom = self.atom()?;
        if matches!(atom, Node::Anchor(_) | Node::Look { .. }) {
            return Ok(atom);
        }
        self.skip();
        let Some((min, max, prefer)) = self.quantifier()? else { return Ok(atom) };
        Ok(repeated(atom, min, max, prefer))
    }

    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>, Preference)>> {
        let (min, max, exact) = match self.peek() {
            Some('*') => (0, None, false),
            Some('+') => (1, None, false),
            Some('?') => (0, Some(1), false),
            Some('{') if self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit) => self.bounds()?,
            _ => return Ok(None),
        };
        self.at += 1;
        let lazy = !self.options.extended && self.eat("?");
        let prefer = match (exact, lazy) {
            (true, _) => Preference::None,
            (false, true) => Preference::Shorter,
            (false, false) => Preference::Longer,
        };
        Ok(Some((min, max, prefer)))
    }

    /// `{m}`, `{m,}`, `{m,n}`; stops on the closing brace.
    fn bounds(&mut self) -> Result<(u32, Option<u32>, bool)> {
        self.at += 1;
        let min = self.bound()?;
        let (max, exact) = if self.eat(",") {
            if self.peek() == Some('}') { (None, false) } else { (Some(self.bound()?), false) }
        } else {
            (Some(min), true)
        };
        match self.peek() {
            Some('}') if max.is_none_or(|max| min <= max) => Ok((min, max, exact)),
            None => Err(invalid("braces {} not balanced")),
            _ => Err(invalid("invalid repetition count(s)")),
        }
    }

    fn bound(&mut self) -> Result<u32> {
        let mut n = 0u32;
        let start = self.at;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            n = n.saturating_mul(10).saturating_add(digit);
            self.at += 1;
        }
        if self.peek().is_none() {
            return Err(invalid("braces {} not balanced"));
        }
        if self.at == start || n > REPEAT_MAX {
            return Err(invalid("invalid repetition count(s)"));
        }
        Ok(n)
    }

    fn atom(&mut self) -> Result<Node> {
        let c = self.chars[self.at];
        self.at += 1;
        match c {
            '^' => Ok(Node::Anchor(Anchor::LineStart)),
            '$' => Ok(Node::Anchor(Anchor::LineEnd)),
            '.' => Ok(Node::Class(Class { negated: true, no_newline: self.options.newline_stop, ..Class::default() })),
            '*' | '+' | '?' => Err(invalid("quantifier operand invalid")),
            '{' if self.peek().is_some_and(|c| c.is_ascii_digit()) => Err(invalid("quantifier operand invalid")),
            '(' => self.group(),
            '[' => self.bracket(),
            '\\' if self.options.extended => match self.peek() {
                None => Err(invalid("invalid escape \\ sequence")),
                Some(c) => {
                    self.at += 1;
                    Ok(Node::Char(c))
                }
            },
            '\\' => self.escaped_atom(),
            c => Ok(Node::Char(c)),
        }
    }

    fn escaped_atom(&mut self) -> Result<Node> {
        Ok(match self.escape()? {
            Escape::Char(c) => Node::Char(c),
            Escape::Class(class) => Node::Class(class),
            Escape::Anchor(anchor) => Node::Anchor(anchor),
            Escape::Backref(n) => match self.groups.get(n.wrapping_sub(1)) {
                Some(Some(node)) if !self.in_look => Node::Backref(n, Box::new(node.without_groups())),
                _ => return Err(invalid("invalid backreference number")),
            },
        })
    }

    fn group(&mut self) -> Result<Node> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(invalid("regular expression is too complex"));
        }
        let node = if !self.options.extended && self.peek() == Some('?') { self.special_group()? } else { self.capture()? };
        if !self.eat(")") {
            return Err(invalid("parentheses () not balanced"));
        }
        self.depth -= 1;
        Ok(node)
    }

    fn capture(&mut self) -> Result<Node> {
        if self.in_look {
            return self.alternatives();
        }
        let index = self.groups.len();
        self.groups.push(None);
        let inner = self.alternatives()?;
        self.groups[index] = Some(inner.clone());
        Ok(Node::Group(index + 1, Box::new(inner)))
    }

    fn special_group(&mut self) -> Result<Node> {
        if self.eat("?:") {
            return self.alternatives();
        }
        let (ahead, negated) = match () {
            () if self.eat("?=") => (true, false),
            () if self.eat("?!") => (true, true),
            () if self.eat("?<=") => (false, false),
            () if self.eat("?<!") => (false, true),
            () => return Err(invalid("quantifier operand invalid")),
        };
        let outer = std::mem::replace(&mut self.in_look, true);
        let node = Box::new(self.alternatives()?);
        self.in_look = outer;
        Ok(Node::Look { ahead, negated, node })
    }

    fn digits(&mut self, radix: u32, min: usize, max: usize) -> Result<char> {
        let (start, mut value) = (self.at, 0u32);
        while let Some(digit) = self.peek().filter(|_| self.at - start < max).and_then(|c| c.to_digit(radix)) {
            if radix == 8 && value * 8 + digit > 0xff {
                break;
            }
            value = value.saturating_mul(radix).saturating_add(digit);
            self.at += 1;
        }
        if self.at - start < min {
            return Err(invalid("invalid escape \\ sequence"));
        }
        char::from_u32(value).ok_or_else(|| invalid("invalid escape \\ sequence"))
    }

    fn escape(&mut self) -> Result<Escape> {
        let Some(c) = self.peek() else { return Err(invalid("invalid escape \\ sequence")) };
        self.at += 1;
        let complement = |named, negated| {
            let no_newline = negated && self.options.newline_stop;
            Escape::Class(Class { no_newline, ..Class::named(named, negated) })
        };
        Ok(match c {
            'a' => Escape::Char('\u{7}'),
            'A' => Escape::Anchor(Anchor::TextStart),
            'b' => Escape::Char('\u{8}'),
            'B' => Escape::Char('\\'),
            'c' => {
                let Some(control) = self.peek() else { return Err(invalid("invalid escape \\ sequence")) };
                self.at += 1;
                Escape::Char(char::from((control as u32 & 0x1f) as u8))
            }
            'd' => complement(Named::Digit, false),
            'D' => complement(Named::Digit, true),
            'e' => Escape::Char('\u{1b}'),
            'f' => Escape::Char('\u{c}'),
            'm' => Escape::Anchor(Anchor::WordStart),
            'M' => Escape::Anchor(Anchor::WordEnd),
            'n' => Escape::Char('\n'),
            'r' => Escape::Char('\r'),
            's' => complement(Named::Space, false),
            'S' => complement(Named::Space, true),
            't' => Escape::Char('\t'),
            'u' => Escape::Char(self.digits(16, 4, 4)?),
            'U' => Escape::Char(self.digits(16, 8, 8)?),
            'v' => Escape::Char('\u{b}'),
            'w' => complement(Named::Word, false),
            'W' => complement(Named::Word, true),
            'x' => Escape::Char(self.digits(16, 1, 255)?),
            'y' => Escape::Anchor(Anchor::WordEdge),
            'Y' => Escape::Anchor(Anchor::NotWordEdge),
            'Z' => Escape::Anchor(Anchor::TextEnd),
            '0' => {
                self.at -= 1;
                Escape::Char(self.digits(8, 1, 3)?)
            }
            '1'..='9' => self.backref_or_octal()?,
            c if c.is_ascii_alphanumeric() => return Err(invalid("invalid escape \\ sequence")),
            c => Escape::Char(c),
        })
    }

    /// One digit is a back reference; several are one when that many groups exist, else an octal character.
    fn backref_or_octal(&mut self) -> Result<Escape> {
        self.at -= 1;
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        let number: usize = self.chars[start..self.at].iter().collect::<String>().parse().unwrap_or(usize::MAX);
        if self.at - start == 1 || number <= self.groups.len() {
            return Ok(Escape::Backref(number));
        }
        self.at = start;
        Ok(Escape::Char(self.digits(8, 1, 3)?))
    }

    fn bracket(&mut self) -> Result<Node> {
        if self.eat("[:<:]]") {
            return Ok(Node::Anchor(Anchor::WordStart));
        }
        if self.eat("[:>:]]") {
            return Ok(Node::Anchor(Anchor::WordEnd));
        }
        let negated = self.eat("^");
        let mut class = Class { negated, no_newline: negated && self.options.newline_stop, ..Class::default() };
        let mut first = true;
        loop {
            match self.peek() {
                None => return Err(invalid("brackets [] not balanced")),
                Some(']') if !first => break,
                Some('-') if !first && self.chars.get(self.at + 1) != Some(&']') => {
                    return Err(invalid("invalid character range"));
                }
                Some(_) => self.bracket_part(&mut class)?,
            }
            first = false;
        }
        self.at += 1;
        Ok(Node::Class(class))
    }

    fn bracket_part(&mut self, class: &mut Class) -> Result<()> {
        let low = match self.bracket_element()? {
            Element::Char(c) => c,
            Element::Named(item) => {
                class.items.push(item);
                return Ok(());
            }
        };
        let is_range = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']');
        if !is_range {
            class.items.push(Item::Range(low, low));
            return Ok(());
        }
        self.at += 1;
        match self.bracket_element()? {
            Element::Char(high) if low <= high => class.items.push(Item::Range(low, high)),
            _ => return Err(invalid("invalid character range")),
        }
        Ok(())
    }

    fn bracket_element(&mut self) -> Result<Element> {
        let Some(c) = self.peek() else { return Err(invalid("brackets [] not balanced")) };
        self.at += 1;
        if c == '\\' && !self.options.extended {
            return match self.escape()? {
                Escape::Char(c) => Ok(Element::Char(c)),
                Escape::Class(Class { mut items, .. }) if items.len() == 1 => Ok(Element::Named(items.swap_remove(0))),
                _ => Err(invalid("invalid escape \\ sequence")),
            };
        }
        let Some(kind) = self.peek().filter(|k| c == '[' && matches!(k, '.' | '=' | ':')) else { return Ok(Element::Char(c)) };
        self.at += 1;
        let start = self.at;
        while !self.rest_is(&format!("{kind}]")) {
            if self.at >= self.chars.len() {
                return Err(invalid("brackets [] not balanced"));
            }
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        self.at += 2;
        if kind == ':' {
            let named = Named::by_name(&name).ok_or_else(|| invalid("invalid character class"))?;
            return Ok(Element::Named(Item::Named(named, false)));
        }
        let mut letters = name.chars();
        match (letters.next(), letters.next(), kind) {
            (Some(c), None, '.') => Ok(Element::Char(c)),
            (Some(c), None, _) => Ok(Element::Named(Item::Range(c, c))),
            _ => Err(invalid("invalid collating element")),
        }
    }
}

/// A member between brackets.
enum Element {
    Char(char),
    Named(Item),
}

/// Applies a quantifier. With groups inside, `x{m,n}` is `x{m-1,n-1}x`, so that the groups show the last repetition.
fn repeated(atom: Node, min: u32, max: Option<u32>, prefer: Preference) -> Node {
    let own = atom.preference();
    if max == Some(0) {
        return Node::Empty;
    }
    if (min, max) == (1, Some(1)) && (prefer == Preference::None || own == Preference::None || own == prefer) {
        return atom;
    }
    if min > 0 && !atom.has_backrefs() && (atom.has_groups() || (min, max) == (1, Some(1))) {
        let before = Node::Repeat { node: Box::new(atom.without_groups()), min: min - 1, max: max.map(|m| m - 1), prefer };
        return Node::Concat(vec![before, atom]);
    }
    Node::Repeat { node: Box::new(atom), min, max, prefer }
}
