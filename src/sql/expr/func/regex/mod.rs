//! PostgreSQL's advanced regular expressions.
//!
//! A match starts as far left as possible and is then as long as possible - or as short, when the first quantifier of the
//! expression is non-greedy; inside it each part takes as much (or as little) as its own first quantifier says, left to right.
//! That is Henry Spencer's semantics, which neither Perl's engines nor POSIX's have, so the matcher is our own (`matcher`): it
//! computes the set of ends a part can reach and divides the match top-down. The `regex` crate, given a translation (`emit`),
//! answers "does it match at all" and "where is the leftmost start", on which all semantics agree.
//!
//! `parse` turns text into `ast::Node`; `class` holds character sets.

mod ast;
mod class;
mod emit;
mod matcher;
mod parse;

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use ast::Node;

pub use parse::Options;

/// A compiled regular expression.
pub struct Regex {
    root: Node,
    fast: Option<regex::Regex>,
    /// Number of capturing groups.
    pub groups: usize,
    icase: bool,
    newline_anchors: bool,
}

/// Byte spans: the whole match, then each group; `None` for a group that took no part.
pub type Captures = Vec<Option<(usize, usize)>>;

/// 2201B `invalid regular expression: ...`
#[cold]
fn invalid(what: &str) -> SqlError {
    err!(SqlState::INVALID_REGULAR_EXPRESSION, "invalid regular expression: {what}")
}

impl Regex {
    /// Compiles a pattern. Errors: 2201B with PostgreSQL's texts.
    pub fn new(pattern: &str, options: Options) -> Result<Self> {
        let parsed = parse::parse(pattern, options)?;
        let fast = emit::pattern(&parsed.root, &parsed.options)
            .and_then(|p| regex::RegexBuilder::new(&p).size_limit(32 << 20).build().ok());
        Ok(Self {
            root: parsed.root,
            fast,
            groups: parsed.groups,
            icase: parsed.options.icase,
            newline_anchors: parsed.options.newline_anchors,
        })
    }

    /// Whether the text contains a match.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.fast {
            Some(fast) => fast.is_match(text),
            None => self.find_at(text, 0, false).is_some(),
        }
    }

    /// The leftmost match that starts at byte `from` or later; groups are filled in only when asked for.
    pub fn find_at(&self, text: &str, from: usize, captures: bool) -> Option<Captures> {
        let matcher = matcher::Matcher::new(text, self.groups, self.icase, self.newline_anchors);
        let mut at = from;
        loop {
            if let Some(fast) = &self.fast {
                at = fast.find_at(text, at)?.start();
            }
            if let Some(found) = matcher.match_at(&self.root, at, captures) {
                return Some(found);
            }
            at += text[at..].chars().next()?.len_utf8();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> Vec<String> {
        let re = Regex::new(pattern, Options::default()).unwrap();
        match re.find_at(text, 0, true) {
            None => vec!["no match".into()],
            Some(c) => c.iter().map(|s| s.map_or("NULL".into(), |(a, b)| text[a..b].to_owned())).collect(),
        }
    }

    fn error(pattern: &str) -> String {
        match Regex::new(pattern, Options::default()) {
            Ok(_) => "compiled".into(),
            Err(e) => e.message().replace("invalid regular expression: ", ""),
        }
    }

    #[test]
    fn length_follows_the_first_quantifier() {
        assert_eq!(found("Y*([0-9]{1,3})", "XY1234Z"), ["Y123", "123"]);
        assert_eq!(found("Y*?([0-9]{1,3})", "XY1234Z"), ["Y1", "1"]);
        assert_eq!(found("(a|ab)(c|bcd)(d*)", "abcd"), ["abcd", "ab", "c", "d"]);
        assert_eq!(found("(.*)([0-9]+)(.*)", "abc01234xyz"), ["abc01234xyz", "abc0123", "4", "xyz"]);
        assert_eq!(found("(.*?)([0-9]+)(.*)", "abc01234xyz"), ["abc0", "abc", "0", ""]);
        assert_eq!(found("(?:(.*?)([0-9]+)(.*)){1,1}", "abc01234xyz"), ["abc01234xyz", "abc", "01234", "xyz"]);
        assert_eq!(found("a?(ab)?", "ab"), ["ab", "ab"]);
    }

    #[test]
    fn constraints_and_backreferences() {
        assert_eq!(found("(b).*\\1", "abbbc"), ["bbb", "b"]);
        assert_eq!(found("\\mfoo\\M", "food foo"), ["foo"]);
        assert_eq!(found("foo(?!d)", "food foo"), ["foo"]);
        assert_eq!(found("(?<=x)b(?=c)", "bc xbc"), ["b"]);
        assert_eq!(found("^$", "a\n\nb"), ["no match"]);
        assert_eq!(found("(?n)^$", "a\n\nb"), [""]);
        assert_eq!(found("(?i)ÀB", "xàb"), ["àb"]);
    }

    #[test]
    fn errors() {
        assert_eq!(error("a**"), "quantifier operand invalid");
        assert_eq!(error("(a"), "parentheses () not balanced");
        assert_eq!(error("a)"), "parentheses () not balanced");
        assert_eq!(error("[a"), "brackets [] not balanced");
        assert_eq!(error("[b-a]"), "invalid character range");
        assert_eq!(error("[[:foo:]]"), "invalid character class");
        assert_eq!(error("a{2,1}"), "invalid repetition count(s)");
        assert_eq!(error("a{1"), "braces {} not balanced");
        assert_eq!(error("a\\"), "invalid escape \\ sequence");
        assert_eq!(error("\\1"), "invalid backreference number");
        assert_eq!(error("(?z)a"), "invalid embedded option");
    }
}
