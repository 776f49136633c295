//! The canonical text: keys quoted, binary operators in parentheses where precedence asks for them.

use super::{Arithmetic, Comparison, Item, Kind, Path};
use crate::sql::types::json::write_string;
use std::fmt::{Display, Formatter, Result, Write};

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if !self.lax {
            f.write_str("strict ")?;
        }
        print(&self.root, f, false, true)
    }
}

fn quoted(s: &str, f: &mut Formatter<'_>) -> Result {
    let mut out = Vec::new();
    write_string(s, &mut out);
    f.write_str(&String::from_utf8_lossy(&out))
}

/// Binding strength, weakest first.
fn priority(kind: &Kind) -> u8 {
    match kind {
        Kind::Or(..) => 0,
        Kind::And(..) => 1,
        Kind::Compare(..) | Kind::StartsWith(..) => 2,
        Kind::Arithmetic(Arithmetic::Add | Arithmetic::Subtract, ..) => 3,
        Kind::Arithmetic(..) => 4,
        Kind::Sign(..) => 5,
        _ => 6,
    }
}

fn infix(item: &Item, left: &Item, op: &str, right: &Item, f: &mut Formatter<'_>, brackets: bool) -> Result {
    let own = priority(&item.kind);
    if brackets {
        f.write_char('(')?;
    }
    print(left, f, false, priority(&left.kind) <= own)?;
    write!(f, " {op} ")?;
    print(right, f, false, priority(&right.kind) <= own)?;
    if brackets { f.write_char(')') } else { Ok(()) }
}

fn print(item: &Item, f: &mut Formatter<'_>, in_key: bool, brackets: bool) -> Result {
    let dot = if in_key { "." } else { "" };
    match &item.kind {
        Kind::Null => f.write_str("null")?,
        Kind::Bool(v) => write!(f, "{v}")?,
        Kind::Number(v) if item.next.is_some() => write!(f, "({v})")?,
        Kind::Number(v) => write!(f, "{v}")?,
        Kind::String(s) => quoted(s, f)?,
        Kind::Variable(name) => {
            f.write_char('$')?;
            quoted(name, f)?;
        }
        Kind::Root => f.write_char('$')?,
        Kind::Current => f.write_char('@')?,
        Kind::Last => f.write_str("last")?,
        Kind::Key(key) => {
            f.write_str(dot)?;
            quoted(key, f)?;
        }
        Kind::AnyKey => write!(f, "{dot}*")?,
        Kind::AnyElement => f.write_str("[*]")?,
        Kind::Elements(all) => subscripts(all, f)?,
        Kind::Any(first, last) => {
            f.write_str(dot)?;
            levels(*first, *last, f)?;
        }
        Kind::Method(method) => write!(f, ".{}()", method.name())?,
        Kind::Datetime(template) => {
            f.write_str(".datetime(")?;
            if let Some(template) = template {
                quoted(template, f)?;
            }
            f.write_char(')')?;
        }
        Kind::Filter(inner) => wrapped("?(", inner, ")", f)?,
        Kind::Not(inner) => wrapped("!(", inner, ")", f)?,
        Kind::IsUnknown(inner) => wrapped("(", inner, ") is unknown", f)?,
        Kind::Exists(inner) => wrapped("exists (", inner, ")", f)?,
        operator => print_operator(item, operator, f, brackets)?,
    }
    item.next.as_ref().map_or(Ok(()), |next| print(next, f, true, true))
}

fn wrapped(open: &str, inner: &Item, close: &str, f: &mut Formatter<'_>) -> Result {
    f.write_str(open)?;
    print(inner, f, false, false)?;
    f.write_str(close)
}

fn print_operator(item: &Item, kind: &Kind, f: &mut Formatter<'_>, brackets: bool) -> Result {
    match kind {
        Kind::And(a, b) => infix(item, a, "&&", b, f, brackets),
        Kind::Or(a, b) => infix(item, a, "||", b, f, brackets),
        Kind::Compare(op, a, b) => {
            let op = match op {
                Comparison::Equal => "==",
                Comparison::NotEqual => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            infix(item, a, op, b, f, brackets)
        }
        Kind::Arithmetic(op, a, b) => infix(item, a, arithmetic(*op), b, f, brackets),
        Kind::StartsWith(a, b) => infix(item, a, "starts with", b, f, brackets),
        Kind::Sign(minus, inner) => {
            let (open, close) = if brackets { ("(", ")") } else { ("", "") };
            write!(f, "{open}{}", if *minus { '-' } else { '+' })?;
            print(inner, f, false, priority(&inner.kind) <= priority(kind))?;
            f.write_str(close)
        }
        Kind::LikeRegex(inner, pattern, flags) => {
            let (open, close) = if brackets { ("(", ")") } else { ("", "") };
            f.write_str(open)?;
            print(inner, f, false, priority(&inner.kind) <= priority(kind))?;
            f.write_str(" like_regex ")?;
            quoted(pattern, f)?;
            if !flags.is_empty() {
                write!(f, " flag \"{flags}\"")?;
            }
            f.write_str(close)
        }
        _ => Ok(()),
    }
}

/// An arithmetic operator's symbol.
pub fn arithmetic(op: Arithmetic) -> &'static str {
    match op {
        Arithmetic::Add => "+",
        Arithmetic::Subtract => "-",
        Arithmetic::Multiply => "*",
        Arithmetic::Divide => "/",
        Arithmetic::Modulo => "%",
    }
}

fn subscripts(all: &[(Item, Option<Item>)], f: &mut Formatter<'_>) -> Result {
    f.write_char('[')?;
    for (i, (from, to)) in all.iter().enumerate() {
        if i > 0 {
            f.write_char(',')?;
        }
        print(from, f, false, false)?;
        if let Some(to) = to {
            f.write_str(" to ")?;
            print(to, f, false, false)?;
        }
    }
    f.write_char(']')
}

fn levels(first: u32, last: u32, f: &mut Formatter<'_>) -> Result {
    const LAST: u32 = u32::MAX;
    match (first, last) {
        (0, LAST) => f.write_str("**"),
        (LAST, LAST) => f.write_str("**{last}"),
        (a, b) if a == b => write!(f, "**{{{a}}}"),
        (LAST, b) => write!(f, "**{{last to {b}}}"),
        (a, LAST) => write!(f, "**{{{a} to last}}"),
        (a, b) => write!(f, "**{{{a} to {b}}}"),
    }
}
