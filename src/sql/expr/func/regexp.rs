//! The regular expression operators and functions: `~`, `substring`, `regexp_replace`, `regexp_matches` and their kin, SIMILAR TO.

use super::regex::{Captures, Options, Regex};
use super::support::*;
use super::text::{chars, offset_of};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// Entries by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("textregexeq", |cx, a| matches(cx, a, "").map(Datum::Bool)),
    f("textregexne", |cx, a| matches(cx, a, "").map(|m| Datum::Bool(!m))),
    f("texticregexeq", |cx, a| matches(cx, a, "i").map(Datum::Bool)),
    f("texticregexne", |cx, a| matches(cx, a, "i").map(|m| Datum::Bool(!m))),
    f("nameregexeq", |cx, a| matches(cx, a, "").map(Datum::Bool)),
    f("nameregexne", |cx, a| matches(cx, a, "").map(|m| Datum::Bool(!m))),
    f("nameicregexeq", |cx, a| matches(cx, a, "i").map(Datum::Bool)),
    f("nameicregexne", |cx, a| matches(cx, a, "i").map(|m| Datum::Bool(!m))),
    f("textregexsubstr", substring),
    f("substring/25 25 25", |cx, a| {
        let pattern = similar_to_regex(a[1].as_str(), Some(a[2].as_str()))?;
        substring(cx, &[a[0].clone(), Datum::text(pattern)])
    }),
    f("similar_to_escape_1", |_, a| text(similar_to_regex(a[0].as_str(), Some("\\"))?)),
    f("similar_to_escape_2", |_, a| text(similar_to_regex(a[0].as_str(), Some(a[1].as_str()))?)),
    f("similar_escape", |_, a| {
        if a[0].is_null() {
            return Ok(Datum::Null);
        }
        text(similar_to_regex(a[0].as_str(), Some(if a[1].is_null() { "\\" } else { a[1].as_str() }))?)
    }),
    f("textregexreplace_noopt", |cx, a| replace(cx, a, 1, 1, &Datum::Null)),
    f("textregexreplace", |cx, a| {
        let flags = a[3].as_str();
        if flags.starts_with(|c: char| c.is_ascii_digit()) {
            let first = flags.chars().next().unwrap_or_default();
            return Err(invalid_option(first).hint(
                "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.",
            ));
        }
        let n = i32::from(!Options::from_flags(&a[3])?.1);
        replace(cx, a, 1, n, &a[3])
    }),
    f("textregexreplace_extended", |cx, a| {
        let (start, n) = (start_argument(&a[3])?, at_least_zero(&a[4])?);
        replace(cx, a, start, n, &a[5])
    }),
    f("textregexreplace_extended_no_flags", |cx, a| {
        let (start, n) = (start_argument(&a[3])?, at_least_zero(&a[4])?);
        replace(cx, a, start, n, &Datum::Null)
    }),
    f("textregexreplace_extended_no_n", |cx, a| replace(cx, a, start_argument(&a[3])?, 1, &Datum::Null)),
    f("regexp_match", first_match),
    f("regexp_match_no_flags", first_match),
    set("regexp_matches", all_matches),
    set("regexp_matches_no_flags", all_matches),
    set("regexp_split_to_table", |cx, a| Ok(column(split(cx, a, "regexp_split_to_table()")?.into_iter().map(Datum::text)))),
    set("regexp_split_to_table_no_flags", |cx, a| {
        Ok(column(split(cx, a, "regexp_split_to_table()")?.into_iter().map(Datum::text)))
    }),
    f("regexp_split_to_array", |cx, a| Ok(text_array(split(cx, a, "regexp_split_to_array()")?))),
    f("regexp_split_to_array_no_flags", |cx, a| Ok(text_array(split(cx, a, "regexp_split_to_array()")?))),
    f("regexp_like", like),
    f("regexp_like_no_flags", like),
    f("regexp_count", count),
    f("regexp_count_no_start", count),
    f("regexp_count_no_flags", count),
    f("regexp_instr", instr),
    f("regexp_instr_no_start", instr),
    f("regexp_instr_no_n", instr),
    f("regexp_instr_no_endoption", instr),
    f("regexp_instr_no_flags", instr),
    f("regexp_instr_no_subexpr", instr),
    f("regexp_substr", substr),
    f("regexp_substr_no_start", substr),
    f("regexp_substr_no_n", substr),
    f("regexp_substr_no_flags", substr),
    f("regexp_substr_no_subexpr", substr),
];

#[cold]
fn invalid_option(c: char) -> SqlError {
    err!(SqlState::INVALID_PARAMETER_VALUE, "invalid regular expression option: \"{c}\"")
}

#[cold]
fn no_global(function: &str) -> SqlError {
    err!(SqlState::INVALID_PARAMETER_VALUE, "{function} does not support the \"global\" option")
}

fn compile(cx: &mut FnCx<'_>, pattern: &str, flags: &str) -> Result<Arc<Regex>> {
    cached(cx, pattern, flags, || Regex::new(pattern, Options::from_flags(&Datum::text(flags))?.0))
}

fn flags_text(flags: Option<&Datum>) -> String {
    match flags {
        Some(Datum::Text(s)) => s.to_string(),
        _ => String::new(),
    }
}

fn matches(cx: &mut FnCx<'_>, a: &[Datum], flags: &str) -> Result<bool> {
    Ok(compile(cx, a[1].as_str(), flags)?.is_match(a[0].as_str()))
}

fn like(cx: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let flags = flags_text(a.get(2));
    if flags.contains('g') {
        Options::from_flags(&a[2])?;
        return Err(no_global("regexp_like()"));
    }
    matches(cx, a, &flags).map(Datum::Bool)
}

fn substring(cx: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let re = compile(cx, a[1].as_str(), "")?;
    let s = a[0].as_str();
    let found = re.find_at(s, 0, true);
    Ok(match found.and_then(|c| c[usize::from(re.groups > 0)]) {
        Some((from, to)) => Datum::text(&s[from..to]),
        None => Datum::Null,
    })
}

fn start_argument(v: &Datum) -> Result<i32> {
    match v.as_int4() {
        n if n <= 0 => Err(invalid_parameter(format!("invalid value for parameter \"start\": {n}"))),
        n => Ok(n),
    }
}

fn at_least_zero(v: &Datum) -> Result<i32> {
    match v.as_int4() {
        n if n < 0 => Err(invalid_parameter(format!("invalid value for parameter \"n\": {n}"))),
        n => Ok(n),
    }
}

/// Replaces the `n`-th match at or after character `start` (every one for n = 0).
fn replace(cx: &mut FnCx<'_>, a: &[Datum], start: i32, n: i32, flags: &Datum) -> Result<Datum> {
    Options::from_flags(flags)?;
    let re = compile(cx, a[1].as_str(), &flags_text(Some(flags)))?;
    let (s, replacement) = (a[0].as_str(), a[2].as_str());
    if start as usize > chars(s) + 1 {
        return Ok(a[0].clone());
    }
    let pieces = replacement_pieces(replacement);
    let needs_groups = pieces.iter().any(|p| matches!(p, Piece::Group(n) if *n > 0));
    let (mut out, mut copied, mut at, mut seen) = (String::with_capacity(s.len()), 0, offset_of(s, start as usize - 1), 0);
    while let Some(found) = re.find_at(s, at, needs_groups) {
        let (from, to) = found[0].unwrap_or_default();
        seen += 1;
        if n > 0 && seen < n {
            at = next_search(s, from, to);
            if at > s.len() {
                break;
            }
            continue;
        }
        out.push_str(&s[copied..from]);
        for piece in &pieces {
            match piece {
                Piece::Text(t) => out.push_str(t),
                Piece::Group(g) => {
                    if let Some(Some((x, y))) = found.get(*g) {
                        out.push_str(&s[*x..*y]);
                    }
                }
            }
        }
        copied = to;
        at = next_search(s, from, to);
        if n > 0 || at > s.len() {
            break;
        }
    }
    out.push_str(&s[copied..]);
    text(out)
}

/// Where to look on after a match: one character further when it was empty; past the end when nothing is left.
fn next_search(s: &str, from: usize, to: usize) -> usize {
    if to > from { to } else { to + s[to..].chars().next().map_or(1, char::len_utf8) }
}

enum Piece {
    Text(String),
    Group(usize),
}

/// `\1`..`\9`, `\&` and `\\` in a replacement.
fn replacement_pieces(replacement: &str) -> Vec<Piece> {
    let (mut pieces, mut literal) = (Vec::new(), String::new());
    let mut rest = replacement.chars().peekable();
    while let Some(c) = rest.next() {
        let group = match rest.peek() {
            Some('&') if c == '\\' => Some(0),
            Some(d @ '1'..='9') if c == '\\' => d.to_digit(10),
            _ => None,
        };
        if let Some(group) = group {
            rest.next();
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
            pieces.push(Piece::Group(group as usize));
        } else {
            literal.push(c);
            if c == '\\' && rest.peek() == Some(&'\\') {
                rest.next();
            }
        }
    }
    pieces.push(Piece::Text(literal));
    pieces
}

/// All matches, or the first.
fn find_all(re: &Regex, s: &str, start: usize, all: bool, captures: bool) -> Vec<Captures> {
    let (mut found, mut at) = (Vec::new(), start);
    while at <= s.len() {
        let Some(captured) = re.find_at(s, at, captures) else { break };
        let (from, to) = captured[0].unwrap_or_default();
        at = next_search(s, from, to);
        found.push(captured);
        if !all {
            break;
        }
    }
    found
}

fn groups_array(re: &Regex, s: &str, captures: &Captures) -> Datum {
    let spans = if re.groups == 0 { &captures[..1] } else { &captures[1..] };
    array_of(Oid::TEXT, spans.iter().map(|span| span.map_or(Datum::Null, |(a, b)| Datum::text(&s[a..b]))).collect())
}

fn first_match(cx: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let flags = flags_text(a.get(2));
    if Options::from_flags(&Datum::text(&flags))?.1 {
        return Err(no_global("regexp_match()").hint("Use the regexp_matches function instead."));
    }
    let re = compile(cx, a[1].as_str(), &flags)?;
    let s = a[0].as_str();
    Ok(re.find_at(s, 0, true).map_or(Datum::Null, |c| groups_array(&re, s, &c)))
}

fn all_matches(cx: &mut FnCx<'_>, a: &[Datum]) -> Result<Rows> {
    let flags = flags_text(a.get(2));
    let all = Options::from_flags(&Datum::text(&flags))?.1;
    let re = compile(cx, a[1].as_str(), &flags)?;
    let s = a[0].as_str();
    let rows: Vec<Datum> = find_all(&re, s, 0, all, true).iter().map(|c| groups_array(&re, s, c)).collect();
    Ok(column(rows.into_iter()))
}

/// The pieces between matches; empty matches at the ends of the text or of the previous match do not split.
fn split(cx: &mut FnCx<'_>, a: &[Datum], function: &str) -> Result<Vec<String>> {
    let flags = flags_text(a.get(2));
    if Options::from_flags(&Datum::text(&flags))?.1 {
        return Err(no_global(function));
    }
    let re = compile(cx, a[1].as_str(), &flags)?;
    let s = a[0].as_str();
    let (mut pieces, mut piece_start, mut at, mut previous_end) = (Vec::new(), 0, 0, 0);
    while at <= s.len() {
        let Some((from, to)) = re.find_at(s, at, false).and_then(|c| c[0]) else { break };
        if from < s.len() && to > previous_end {
            pieces.push(s[piece_start..from].to_owned());
            piece_start = to;
        }
        previous_end = to;
        at = next_search(s, from, to);
    }
    pieces.push(s[piece_start..].to_owned());
    Ok(pieces)
}

fn count(cx: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let start = a.get(2).map_or(Ok(1), start_argument)?;
    let flags = flags_text(a.get(3));
    if Options::from_flags(&Datum::text(&flags))?.1 {
        return Err(no_global("regexp_count()"));
    }
    let re = compile(cx, a[1].as_str(), &flags)?;
    let s = a[0].as_str();
    if start as usize > chars(s) + 1 {
        return Ok(Datum::Int4(0));
    }
    int4(find_all(&re, s, offset_of(s, start as usize - 1), true, false).len())
}

/// The span of group `subexpr` in the `n`-th match.
fn nth(
    cx: &mut FnCx<'_>,
    a: &[Datum],
    start: Option<&Datum>,
    n: Option<&Datum>,
    flags: Option<&Datum>,
    subexpr: Option<&Datum>,
    function: &str,
) -> Result<Option<(usize, usize)>> {
    let start = start.map_or(Ok(1), start_argument)?;
    let n = match n.map_or(1, Datum::as_int4) {
        n if n <= 0 => return Err(invalid_parameter(format!("invalid value for parameter \"n\": {n}"))),
        n => n as usize,
    };
    let flags = flags_text(flags);
    if Options::from_flags(&Datum::text(&flags))?.1 {
        return Err(no_global(function));
    }
    let subexpr = match subexpr.map_or(0, Datum::as_int4) {
        n if n < 0 => return Err(invalid_parameter(format!("invalid value for parameter \"subexpr\": {n}"))),
        n => n as usize,
    };
    let re = compile(cx, a[1].as_str(), &flags)?;
    let s = a[0].as_str();
    if subexpr > re.groups || start as usize > chars(s) + 1 {
        return Ok(None);
    }
    let found = find_all(&re, s, offset_of(s, start as usize - 1), true, subexpr > 0);
    Ok(found.get(n - 1).and_then(|c| c[subexpr]))
}

fn instr(cx: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let end = match a.get(4).map_or(0, Datum::as_int4) {
        n @ (0 | 1) => n == 1,
        n => return Err(invalid_parameter(format!("invalid value for parameter \"endoption\": {n}"))),
    };
    let found = nth(cx, a, a.get(2), a.get(3), a.get(5), a.get(6), "regexp_instr()")?;
    let s = a[0].as_str();
    int4(found.map_or(0, |(from, to)| chars(&s[..if end { to } else { from }]) + 1))
}

fn substr(cx: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let found = nth(cx, a, a.get(2), a.get(3), a.get(4), a.get(5), "regexp_substr()")?;
    opt_text(found.map(|(from, to)| &a[0].as_str()[from..to]))
}

/// SIMILAR TO's pattern as a regular expression, as PostgreSQL rewrites it.
fn similar_to_regex(pattern: &str, escape: Option<&str>) -> Result<String> {
    let mut letters = escape.unwrap_or("\\").chars();
    let escape = letters.next();
    if letters.next().is_some() {
        return Err(SqlError::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
            .hint("Escape string must be empty or one character."));
    }
    let mut out = String::from("^(?:");
    let (mut after_escape, mut in_class, mut quotes) = (false, false, 0);
    for c in pattern.chars() {
        if after_escape {
            if c == '"' && !in_class {
                match quotes {
                    0 => out.push_str("){1,1}?("),
                    1 => out.push_str("){1,1}(?:"),
                    _ => {
                        return Err(SqlError::new(
                            SqlState::INVALID_ESCAPE_SEQUENCE,
                            "SQL regular expression may not contain more than two escape-double-quote separators",
                        ));
                    }
                }
                quotes += 1;
            } else {
                out.push('\\');
                out.push(c);
            }
            after_escape = false;
        } else if Some(c) == escape {
            after_escape = true;
        } else if in_class {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            in_class = c != ']';
        } else {
            match c {
                '[' => {
                    out.push(c);
                    in_class = true;
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(c),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_to() {
        assert_eq!(similar_to_regex("_b%", None).unwrap(), "^(?:.b.*)$");
        assert_eq!(similar_to_regex("a#\"%#\"g", Some("#")).unwrap(), "^(?:a){1,1}?(.*){1,1}(?:g)$");
    }
}
