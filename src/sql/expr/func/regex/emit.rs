//! Translation for the `regex` crate, for questions on which every semantics agrees. `None` where it has no equal: lookaround,
//! back references, some classes.

use super::ast::{Anchor, Node};
use super::class::{Class, Item};
use super::parse::Options;
use std::fmt::Write;

/// The pattern.
pub fn pattern(root: &Node, options: &Options) -> Option<String> {
    let mut out = String::from(if options.icase { "(?i)" } else { "" });
    node(root, options, &mut out)?;
    Some(out)
}

fn literal(c: char, out: &mut String) {
    let _ = write!(out, "\\x{{{:x}}}", c as u32);
}

fn class(class: &Class, out: &mut String) -> Option<()> {
    if class.items.is_empty() {
        out.push_str(match (class.negated, class.no_newline) {
            (true, false) => "(?s:.)",
            (true, true) => "[^\\n]",
            (false, _) => "[^\\x00-\\x{10ffff}]",
        });
        return Some(());
    }
    out.push_str(match (class.no_newline, class.negated) {
        (false, false) => "[",
        (false, true) => "[^",
        (true, false) => "[[^\\n]&&[",
        (true, true) => "[[^\\n]&&[^",
    });
    for item in &class.items {
        match item {
            Item::Range(low, high) => {
                literal(*low, out);
                out.push('-');
                literal(*high, out);
            }
            Item::Named(named, false) => out.push_str(named.emitted()?),
            Item::Named(named, true) => {
                let _ = write!(out, "[^{}]", named.emitted()?);
            }
        }
    }
    out.push_str(if class.no_newline { "]]" } else { "]" });
    Some(())
}

fn node(n: &Node, options: &Options, out: &mut String) -> Option<()> {
    match n {
        Node::Empty => {}
        Node::Char(c) => literal(*c, out),
        Node::Class(set) => class(set, out)?,
        Node::Anchor(anchor) => out.push_str(match anchor {
            Anchor::LineStart if options.newline_anchors => "(?m:^)",
            Anchor::LineEnd if options.newline_anchors => "(?m:$)",
            Anchor::LineStart | Anchor::TextStart => "\\A",
            Anchor::LineEnd | Anchor::TextEnd => "\\z",
            Anchor::WordStart => "\\b{start}",
            Anchor::WordEnd => "\\b{end}",
            Anchor::WordEdge => "\\b",
            Anchor::NotWordEdge => "\\B",
        }),
        Node::Look { .. } | Node::Backref(..) => return None,
        Node::Group(_, inner) => {
            out.push_str("(?:");
            node(inner, options, out)?;
            out.push(')');
        }
        Node::Concat(parts) => {
            for part in parts {
                node(part, options, out)?;
            }
        }
        Node::Alt(parts) => {
            out.push_str("(?:");
            for (i, part) in parts.iter().enumerate() {
                if i > 0 {
                    out.push('|');
                }
                node(part, options, out)?;
            }
            out.push(')');
        }
        Node::Repeat { node: inner, min, max, .. } => {
            out.push_str("(?:");
            node(inner, options, out)?;
            let _ = match max {
                Some(max) => write!(out, "){{{min},{max}}}"),
                None => write!(out, "){{{min},}}"),
            };
        }
    }
    Some(())
}
