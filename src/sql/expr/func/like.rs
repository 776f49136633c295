//! LIKE and ILIKE on text, bpchar, name and bytea, and the rewriting of an ESCAPE clause into the default backslash form.
//!
//! The matcher walks pattern and value byte-wise in UTF-8 (`_` advances a whole character), recursing only at `%`, as
//! PostgreSQL's `like_match.c` does.

use super::case;
use super::support::*;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::Datum;
use crate::sql::types::text::bpchar_trim;

fn like(a: &[Datum]) -> Result<bool> {
    matches(a[0].as_str().as_bytes(), a[1].as_str().as_bytes(), true)
}

fn ilike(cx: &FnCx<'_>, a: &[Datum]) -> Result<bool> {
    let collation = cx.site.collation;
    let (value, pattern) = (case::lower(a[0].as_str(), collation), case::lower(a[1].as_str(), collation));
    matches(value.as_bytes(), pattern.as_bytes(), true)
}

/// Entries by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("textlike", |_, a| like(a).map(Datum::Bool)),
    f("textnlike", |_, a| like(a).map(|m| Datum::Bool(!m))),
    f("namelike", |_, a| like(a).map(Datum::Bool)),
    f("namenlike", |_, a| like(a).map(|m| Datum::Bool(!m))),
    f("bytealike", |_, a| matches(a[0].as_bytes(), a[1].as_bytes(), false).map(Datum::Bool)),
    f("byteanlike", |_, a| matches(a[0].as_bytes(), a[1].as_bytes(), false).map(|m| Datum::Bool(!m))),
    f("texticlike", |cx, a| ilike(cx, a).map(Datum::Bool)),
    f("texticnlike", |cx, a| ilike(cx, a).map(|m| Datum::Bool(!m))),
    f("nameiclike", |cx, a| ilike(cx, a).map(Datum::Bool)),
    f("nameicnlike", |cx, a| ilike(cx, a).map(|m| Datum::Bool(!m))),
    f("like_escape", |_, a| text(String::from_utf8_lossy(&escape(a[0].as_str().as_bytes(), a[1].as_str().as_bytes(), true)?))),
    f("like_escape_bytea", |_, a| bytea(escape(a[0].as_bytes(), a[1].as_bytes(), false)?)),
    f("text_pattern_lt", |_, a| boolean(a[0].as_str() < a[1].as_str())),
    f("text_pattern_le", |_, a| boolean(a[0].as_str() <= a[1].as_str())),
    f("text_pattern_gt", |_, a| boolean(a[0].as_str() > a[1].as_str())),
    f("text_pattern_ge", |_, a| boolean(a[0].as_str() >= a[1].as_str())),
    f("bpchar_pattern_lt", |_, a| boolean(bpchar_trim(a[0].as_str()) < bpchar_trim(a[1].as_str()))),
    f("bpchar_pattern_le", |_, a| boolean(bpchar_trim(a[0].as_str()) <= bpchar_trim(a[1].as_str()))),
    f("bpchar_pattern_gt", |_, a| boolean(bpchar_trim(a[0].as_str()) > bpchar_trim(a[1].as_str()))),
    f("bpchar_pattern_ge", |_, a| boolean(bpchar_trim(a[0].as_str()) >= bpchar_trim(a[1].as_str()))),
];

#[cold]
fn dangling_escape() -> SqlError {
    SqlError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character")
}

/// Bytes of the character that starts here.
fn step(s: &[u8], utf8: bool) -> usize {
    let n = match s[0] {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0.. => 4,
        _ => 1,
    };
    if utf8 { n.min(s.len()) } else { 1 }
}

/// What a match attempt found: `Abort` means that no later start can match either.
#[derive(PartialEq)]
enum Outcome {
    Match,
    NoMatch,
    Abort,
}

/// Whether `value` matches the LIKE pattern (escape character backslash).
pub fn matches(value: &[u8], pattern: &[u8], utf8: bool) -> Result<bool> {
    if pattern == b"%" {
        return Ok(true);
    }
    Ok(walk(value, pattern, utf8)? == Outcome::Match)
}

fn walk(mut t: &[u8], mut p: &[u8], utf8: bool) -> Result<Outcome> {
    while let (Some(_), Some(&c)) = (t.first(), p.first()) {
        match c {
            b'\\' => {
                p = &p[1..];
                let Some(&literal) = p.first() else { return Err(dangling_escape()) };
                if literal != t[0] {
                    return Ok(Outcome::NoMatch);
                }
                t = &t[1..];
                p = &p[1..];
            }
            b'%' => return after_percent(t, p, utf8),
            b'_' => {
                t = &t[step(t, utf8)..];
                p = &p[1..];
            }
            c if c != t[0] => return Ok(Outcome::NoMatch),
            _ => {
                t = &t[1..];
                p = &p[1..];
            }
        }
    }
    if !t.is_empty() {
        return Ok(Outcome::NoMatch);
    }
    Ok(if p.iter().all(|c| *c == b'%') { Outcome::Match } else { Outcome::Abort })
}

/// The pattern begins with `%`: swallows wildcards, then tries the rest at each place where its first byte occurs.
fn after_percent(mut t: &[u8], mut p: &[u8], utf8: bool) -> Result<Outcome> {
    while let Some(&c) = p.first() {
        match c {
            b'%' => {}
            b'_' => {
                if t.is_empty() {
                    return Ok(Outcome::Abort);
                }
                t = &t[step(t, utf8)..];
            }
            _ => break,
        }
        p = &p[1..];
    }
    let first = match p {
        [] => return Ok(Outcome::Match),
        [b'\\'] => return Err(dangling_escape()),
        [b'\\', next, ..] => *next,
        [c, ..] => *c,
    };
    while let Some(at) = memchr::memchr(first, t) {
        t = &t[at..];
        let outcome = walk(t, p, utf8)?;
        if outcome != Outcome::NoMatch {
            return Ok(outcome);
        }
        t = &t[1..];
    }
    Ok(Outcome::Abort)
}

/// Rewrites a pattern with its own escape character to one that uses backslash.
fn escape(pattern: &[u8], escape: &[u8], utf8: bool) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(pattern.len() + 8);
    if escape.is_empty() {
        for &b in pattern {
            if b == b'\\' {
                out.push(b'\\');
            }
            out.push(b);
        }
        return Ok(out);
    }
    if step(escape, utf8) != escape.len() {
        return Err(SqlError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
            .hint("Escape string must be empty or one character."));
    }
    if escape == b"\\" {
        return Ok(pattern.to_vec());
    }
    let (mut rest, mut after_escape) = (pattern, false);
    while !rest.is_empty() {
        let n = step(rest, utf8);
        if &rest[..n] == escape && !after_escape {
            out.push(b'\\');
            after_escape = true;
        } else {
            if rest[0] == b'\\' && !after_escape {
                out.push(b'\\');
            }
            out.extend_from_slice(&rest[..n]);
            after_escape = false;
        }
        rest = &rest[n..];
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn m(value: &str, pattern: &str) -> bool {
        matches(value.as_bytes(), pattern.as_bytes(), true).unwrap()
    }

    #[test]
    fn wildcards() {
        assert!(m("abc", "a%") && m("abc", "_b_") && !m("abc", "c") && m("", "%") && m("a%c", "a\\%c") && !m("abc", "a\\%c"));
        assert!(m("héllo", "h_llo") && m("aXbXc", "%X%c") && !m("abc", "%d%") && m("ééé", "___") && !m("ab", "___"));
        assert!(matches(b"ab", b"a\\", true).is_err());
    }

    #[test]
    fn escape_clause() {
        assert_eq!(escape(b"a#%b\\", b"#", true).unwrap(), b"a\\%b\\\\");
        assert_eq!(escape(b"a", b"##", true).unwrap_err().message(), "invalid escape string");
    }
}
