//! Ranges and multiranges as text, `[1,10)` and `{[1,3),[5,)}`, and in binary.

use super::array_io::receive_framed;
use super::compare::Bound;
use super::io::{IoContext, Reader, TypeKind, framed, invalid_binary, is_space, type_info};
use super::range::{Multirange, Range};
use super::record::{quote_from, unquote};
use super::{Datum, Oid, Type, family};
use crate::err;
use crate::error::{Result, SqlError, SqlState};

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

#[cold]
fn malformed(text: &str, detail: &str) -> SqlError {
    err!(SqlState::INVALID_TEXT_REPRESENTATION, "malformed range literal: \"{text}\"").detail(detail)
}

#[cold]
fn malformed_multirange(text: &str, detail: &str) -> SqlError {
    err!(SqlState::INVALID_TEXT_REPRESENTATION, "malformed multirange literal: \"{text}\"").detail(detail)
}

/// What a range type ranges over.
pub fn subtype(cx: &IoContext<'_>, range: Oid) -> Result<Oid> {
    match type_info(cx.types, range)?.kind {
        TypeKind::Range { subtype } => Ok(subtype),
        _ => Err(SqlError::internal(format!("type {range} is not a range type"))),
    }
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8))
}

/// Parses range text. Errors: 22P02 `malformed range literal`, 22000, and the bounds' own.
pub(super) fn parse_range(cx: &IoContext<'_>, text: &str, ty: Oid, subtype: Oid) -> Result<Range> {
    let body = trim_start(text);
    if body.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("empty")) {
        return match trim_start(&body[5..]) {
            "" => Ok(Range::empty(ty)),
            _ => Err(malformed(text, "Junk after \"empty\" key word.")),
        };
    }
    let lower_inclusive = match body.as_bytes().first() {
        Some(b'[') => true,
        Some(b'(') => false,
        _ => return Err(malformed(text, "Missing left parenthesis or bracket.")),
    };
    let bound = |start: usize| -> Result<(Option<String>, usize)> {
        match text.as_bytes().get(start) {
            Some(b',' | b')' | b']') => Ok((None, start)),
            _ => unquote(text, start, |c| matches!(c, ',' | ')' | ']' | '(' | '['), malformed).map(|(s, end)| (Some(s), end)),
        }
    };
    let (lower, at) = bound(text.len() - body.len() + 1)?;
    if !text[at..].starts_with(',') {
        return Err(malformed(text, "Missing comma after lower bound."));
    }
    let (upper, at) = bound(at + 1)?;
    let upper_inclusive = match text.as_bytes().get(at) {
        Some(b']') => true,
        Some(b')') => false,
        _ => return Err(malformed(text, "Too many commas.")),
    };
    if !trim_start(&text[at + 1..]).is_empty() {
        return Err(malformed(text, "Junk after right parenthesis or bracket."));
    }
    let read = |text: Option<String>, inside: bool| -> Result<Bound> {
        text.map(|t| Ok((family::input(cx, &t, Type::new(subtype))?, inside))).transpose()
    };
    Range::new(ty, read(lower, lower_inclusive)?, read(upper, upper_inclusive)?)
}

/// Appends range text.
pub(super) fn write_range(cx: &IoContext<'_>, range: &Range, out: &mut Vec<u8>) {
    if range.empty {
        return out.extend_from_slice(b"empty");
    }
    let subtype = subtype(cx, range.ty).unwrap_or(Oid::TEXT);
    let bound = |value: &Datum, out: &mut Vec<u8>| {
        let start = out.len();
        family::output(cx, value, Type::new(subtype), out);
        quote_from(out, start, |b| matches!(b, b'(' | b')' | b'[' | b']' | b','));
    };
    out.push(if matches!(range.lower, Some((_, true))) { b'[' } else { b'(' });
    if let Some((value, _)) = &range.lower {
        bound(value, out);
    }
    out.push(b',');
    if let Some((value, _)) = &range.upper {
        bound(value, out);
    }
    out.push(if matches!(range.upper, Some((_, true))) { b']' } else { b')' });
}

/// Reads a range's binary form.
pub(super) fn receive_range(cx: &IoContext<'_>, r: &mut Reader<'_>, ty: Oid, subtype: Oid) -> Result<Range> {
    let flags = r.u8()?;
    if flags & EMPTY != 0 {
        return Ok(Range::empty(ty));
    }
    let mut bound = |infinite: u8, inclusive: u8| -> Result<Bound> {
        if flags & infinite != 0 {
            return Ok(None);
        }
        Ok(Some((receive_framed(cx, r, Type::new(subtype))?, flags & inclusive != 0)))
    };
    let lower = bound(LOWER_INFINITE, LOWER_INCLUSIVE)?;
    let upper = bound(UPPER_INFINITE, UPPER_INCLUSIVE)?;
    Range::new(ty, lower, upper)
}

/// Appends a range's binary form.
pub(super) fn send_range(cx: &IoContext<'_>, range: &Range, out: &mut Vec<u8>) -> Result<()> {
    if range.empty {
        out.push(EMPTY);
        return Ok(());
    }
    let flag = |bound: &Bound, infinite: u8, inclusive: u8| match bound {
        None => infinite,
        Some((_, true)) => inclusive,
        Some((_, false)) => 0,
    };
    out.push(flag(&range.lower, LOWER_INFINITE, LOWER_INCLUSIVE) | flag(&range.upper, UPPER_INFINITE, UPPER_INCLUSIVE));
    let subtype = Type::new(subtype(cx, range.ty)?);
    for (value, _) in [&range.lower, &range.upper].into_iter().flatten() {
        framed(out, |out| family::send(cx, value, subtype, out))?;
    }
    Ok(())
}

/// Parses multirange text. Errors: 22P02 `malformed multirange literal`, and the ranges' own.
pub(super) fn parse_multirange(cx: &IoContext<'_>, text: &str, ty: Oid, range: Oid) -> Result<Multirange> {
    let subtype = subtype(cx, range)?;
    let mut rest = trim_start(text);
    rest = rest.strip_prefix('{').ok_or_else(|| malformed_multirange(text, "Missing left brace."))?;
    let mut ranges = Vec::new();
    loop {
        rest = trim_start(rest);
        match rest.as_bytes().first() {
            Some(b'}') if ranges.is_empty() => break,
            Some(b'[' | b'(') => {
                let end = range_end(text, rest)?;
                ranges.push(parse_range(cx, &rest[..end], range, subtype)?);
                rest = trim_start(&rest[end..]);
            }
            Some(_) if rest.get(..5).is_some_and(|w| w.eq_ignore_ascii_case("empty")) => {
                ranges.push(Range::empty(range));
                rest = trim_start(&rest[5..]);
            }
            Some(_) => return Err(malformed_multirange(text, "Expected range start.")),
            None => return Err(malformed_multirange(text, "Unexpected end of input.")),
        }
        match rest.as_bytes().first() {
            Some(b',') => rest = &rest[1..],
            Some(b'}') => break,
            Some(_) => return Err(malformed_multirange(text, "Expected comma or end of multirange.")),
            None => return Err(malformed_multirange(text, "Unexpected end of input.")),
        }
    }
    if !trim_start(&rest[1..]).is_empty() {
        return Err(malformed_multirange(text, "Junk after closing right brace."));
    }
    Ok(Multirange::new(ty, ranges))
}

/// Length of the range text at the front of `rest`.
fn range_end(text: &str, rest: &str) -> Result<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ')' | ']' if !quoted => return Ok(at + 1),
            _ => {}
        }
    }
    Err(malformed_multirange(text, "Unexpected end of input."))
}

/// Appends multirange text.
pub(super) fn write_multirange(cx: &IoContext<'_>, multirange: &Multirange, out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, range) in multirange.ranges.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_range(cx, range, out);
    }
    out.push(b'}');
}

/// Reads a multirange's binary form.
pub(super) fn receive_multirange(cx: &IoContext<'_>, r: &mut Reader<'_>, ty: Oid, range: Oid) -> Result<Multirange> {
    let subtype = subtype(cx, range)?;
    let count = r.i32()?;
    let mut ranges = Vec::new();
    for _ in 0..count {
        let len = usize::try_from(r.i32()?).map_err(|_| invalid_binary("insufficient data left in message"))?;
        let mut part = Reader::new(r.bytes(len)?);
        ranges.push(receive_range(cx, &mut part, range, subtype)?);
    }
    Ok(Multirange::new(ty, ranges))
}

/// Appends a multirange's binary form.
pub(super) fn send_multirange(cx: &IoContext<'_>, multirange: &Multirange, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&(multirange.ranges.len() as i32).to_be_bytes());
    for range in &multirange.ranges {
        framed(out, |out| send_range(cx, range, out))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::compare::compare_ranges;

    /// Every operator over every pair of a few ranges, as PostgreSQL 15 answered.
    #[test]
    fn operators_as_recorded() {
        let cx = IoContext::plain();
        let read = |text: &str| parse_range(&cx, text, Oid::NUMRANGE, Oid::NUMERIC).unwrap();
        let show = |r: &Range| {
            let mut out = Vec::new();
            write_range(&cx, r, &mut out);
            String::from_utf8(out).unwrap()
        };
        let or_message = |r: Result<Range>| r.map_or_else(|e| e.message().to_string(), |r| show(&r));
        let multi = |r: &Range| Multirange::new(Oid::NUMMULTIRANGE, vec![r.clone()]);
        let show_multi = |m: Multirange| {
            let mut out = Vec::new();
            write_multirange(&cx, &m, &mut out);
            String::from_utf8(out).unwrap()
        };
        for line in include_str!("ranges.tsv").lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            let (a, b) = (read(parts[0]), read(parts[1]));
            let order = compare_ranges(&a, &b);
            let tests = [
                a.contains(&b),
                a.overlaps(&b),
                a.before(&b),
                a.after(&b),
                a.over_left(&b),
                a.over_right(&b),
                a.adjacent(&b),
                order.is_lt(),
                order.is_eq(),
            ];
            let bits: String = tests.iter().map(|t| if *t { '1' } else { '0' }).collect();
            let (ma, mb) = (multi(&a), multi(&b));
            let got = [
                bits,
                or_message(a.union(&b)),
                show(&a.intersect(&b)),
                or_message(a.minus(&b)),
                show(&a.merge(&b)),
                show_multi(ma.union(&mb)),
                show_multi(ma.minus(&mb)),
                show_multi(ma.intersect(&mb)),
            ];
            assert_eq!(got.as_slice(), &parts[2..], "{} and {}", parts[0], parts[1]);
        }
    }
}
