//! Strings: length, parts, padding, trimming, search and replacement, case, code points.
//!
//! Positions and lengths count characters, 1-based, with the SQL standard's rule that a window may start before the string:
//! `substring('hello', 0, 3)` is `he`. Bytes are only looked at where that cannot be seen.

use super::case;
use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::text::{bpchar_trim, name};
use crate::sql::types::{Datum, Oid, io};
use std::borrow::Cow;

/// String functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("textlen", |_, a| int4(chars(a[0].as_str()))),
    f("bpcharlen", |_, a| int4(chars(bpchar_trim(a[0].as_str())))),
    f("textoctetlen", |_, a| int4(a[0].as_str().len())),
    f("bpcharoctetlen", |_, a| int4(a[0].as_str().len())),
    f("bit_length/25", |_, a| int4(a[0].as_str().len() * 8)),
    f("textcat", |_, a| concat2(a[0].as_str(), a[1].as_str())),
    f("text_larger", |_, a| Ok(a[usize::from(a[0].as_str() < a[1].as_str())].clone())),
    f("text_smaller", |_, a| Ok(a[usize::from(a[0].as_str() > a[1].as_str())].clone())),
    f("bpchar_larger", |_, a| Ok(a[usize::from(bpchar_trim(a[0].as_str()) < bpchar_trim(a[1].as_str()))].clone())),
    f("bpchar_smaller", |_, a| Ok(a[usize::from(bpchar_trim(a[0].as_str()) > bpchar_trim(a[1].as_str()))].clone())),
    f("lower", |cx, a| text(case::lower(a[0].as_str(), cx.site.collation))),
    f("upper", |cx, a| text(case::upper(a[0].as_str(), cx.site.collation))),
    f("initcap", |cx, a| text(case::initcap(a[0].as_str(), cx.site.collation))),
    f("text_substr", |_, a| text(substring(a[0].as_str(), a[1].as_int4(), Some(a[2].as_int4()))?)),
    f("text_substr_no_len", |_, a| text(substring(a[0].as_str(), a[1].as_int4(), None)?)),
    f("textoverlay", |_, a| text(overlay(a[0].as_str(), a[1].as_str(), a[2].as_int4(), a[3].as_int4())?)),
    f("textoverlay_no_len", |_, a| {
        let (new, len) = (a[1].as_str(), chars(a[1].as_str()) as i32);
        text(overlay(a[0].as_str(), new, a[2].as_int4(), len)?)
    }),
    f("textpos", |_, a| int4(position(a[0].as_str(), a[1].as_str()))),
    f("text_left", |_, a| text(left(a[0].as_str(), a[1].as_int4()))),
    f("text_right", |_, a| text(right(a[0].as_str(), a[1].as_int4()))),
    f("text_reverse", |_, a| text(a[0].as_str().chars().rev().collect::<String>())),
    f("lpad", |_, a| text(pad(a[0].as_str(), a[1].as_int4(), a[2].as_str(), true)?)),
    f("rpad", |_, a| text(pad(a[0].as_str(), a[1].as_int4(), a[2].as_str(), false)?)),
    f("lpad/25 23", |_, a| text(pad(a[0].as_str(), a[1].as_int4(), " ", true)?)),
    f("rpad/25 23", |_, a| text(pad(a[0].as_str(), a[1].as_int4(), " ", false)?)),
    f("btrim", |_, a| text(trim(a[0].as_str(), a[1].as_str(), true, true))),
    f("btrim1", |_, a| text(a[0].as_str().trim_matches(' '))),
    f("ltrim", |_, a| text(trim(a[0].as_str(), a[1].as_str(), true, false))),
    f("ltrim1", |_, a| text(a[0].as_str().trim_start_matches(' '))),
    f("rtrim", |_, a| text(trim(a[0].as_str(), a[1].as_str(), false, true))),
    f("rtrim1", |_, a| text(a[0].as_str().trim_end_matches(' '))),
    f("translate", |_, a| text(translate(a[0].as_str(), a[1].as_str(), a[2].as_str()))),
    f("replace_text", |_, a| text(replace(a[0].as_str(), a[1].as_str(), a[2].as_str())?)),
    f("split_part", |_, a| text(split_part(a[0].as_str(), a[1].as_str(), a[2].as_int4())?)),
    f("repeat", |_, a| text(repeat(a[0].as_str(), a[1].as_int4())?)),
    f("ascii", |_, a| Ok(Datum::Int4(a[0].as_str().chars().next().map_or(0, |c| c as i32)))),
    f("chr", |_, a| text(chr(a[0].as_int4())?)),
    f("text_starts_with", |_, a| boolean(a[0].as_str().starts_with(a[1].as_str()))),
    f("to_hex32", |_, a| text(format!("{:x}", a[0].as_int4()))),
    f("to_hex64", |_, a| text(format!("{:x}", a[0].as_int8()))),
    f("text_concat", |cx, a| concat(cx, a, 0, "")),
    f("text_concat_ws", |cx, a| if a[0].is_null() { Ok(Datum::Null) } else { concat(cx, a, 1, a[0].as_str()) }),
    f("textanycat/25 2776", |cx, a| concat2(a[0].as_str(), &cast_to_text(cx, a, 1))),
    f("anytextcat/2776 25", |cx, a| concat2(&cast_to_text(cx, a, 0), a[1].as_str())),
    f("name_text", |_, a| Ok(a[0].clone())),
    f("text_name", |_, a| Ok(Datum::Text(name(a[0].as_str())))),
    f("bpchar_name", |_, a| Ok(Datum::Text(name(bpchar_trim(a[0].as_str()))))),
    f("name_bpchar", |_, a| Ok(a[0].clone())),
    f("nameconcatoid", |_, a| {
        let suffix = format!("_{}", a[1].as_oid());
        let mut cut = a[0].as_str().len().min(63 - suffix.len());
        while !a[0].as_str().is_char_boundary(cut) {
            cut -= 1;
        }
        text(format!("{}{suffix}", &a[0].as_str()[..cut]))
    }),
];

/// Number of characters.
pub fn chars(s: &str) -> usize {
    if s.is_ascii() { s.len() } else { s.chars().count() }
}

/// Byte offset of the `n`-th character (0-based), or the string's end.
pub fn offset_of(s: &str, n: usize) -> usize {
    if s.is_ascii() {
        return n.min(s.len());
    }
    s.char_indices().nth(n).map_or(s.len(), |(at, _)| at)
}

/// The text form of argument `i`, by its own type.
pub fn shown(cx: &FnCx<'_>, args: &[Datum], i: usize) -> String {
    match &args[i] {
        Datum::Text(s) => s.to_string(),
        other => io::output_string(cx.io, other, cx.site.arg_types[i]),
    }
}

/// Argument `i` as a cast to text gives it, which for some types is not their output.
pub fn cast_to_text(cx: &FnCx<'_>, args: &[Datum], i: usize) -> String {
    match &args[i] {
        Datum::Bool(v) => v.to_string(),
        Datum::Text(s) if cx.site.arg_types[i].oid == Oid::BPCHAR => bpchar_trim(s).to_owned(),
        Datum::Inet(v) => format!("{}/{}", v.addr, v.bits),
        _ => shown(cx, args, i),
    }
}

fn concat2(a: &str, b: &str) -> Result<Datum> {
    check_size(a.len() + b.len())?;
    let mut out = String::with_capacity(a.len() + b.len());
    out.push_str(a);
    out.push_str(b);
    text(out)
}

/// concat and concat_ws: NULLs are skipped; VARIADIC spreads an array's elements.
fn concat(cx: &mut FnCx<'_>, args: &[Datum], from: usize, separator: &str) -> Result<Datum> {
    let mut out = String::new();
    let mut first = true;
    let mut add = |piece: Cow<'_, str>| {
        if !std::mem::take(&mut first) {
            out.push_str(separator);
        }
        out.push_str(&piece);
    };
    if cx.site.variadic {
        let Some(Datum::Array(array)) = args.last() else { return Ok(Datum::Null) };
        for value in array.values.iter().filter(|v| !v.is_null()) {
            match value {
                Datum::Text(s) => add(Cow::Borrowed(s)),
                other => add(Cow::Owned(io::output_string(cx.io, other, array.elem.into()))),
            }
        }
    } else {
        for (arg, ty) in args.iter().zip(&cx.site.arg_types).skip(from) {
            match arg {
                Datum::Null => {}
                Datum::Text(s) => add(Cow::Borrowed(s)),
                Datum::Bool(b) => add(Cow::Borrowed(if *b { "t" } else { "f" })),
                other => add(Cow::Owned(io::output_string(cx.io, other, *ty))),
            }
        }
    }
    text(out)
}

/// The window `[start, start + len)` of a string of `total` units, 0-based and clamped. Errors: 22011 for a negative length.
pub fn window(start: i32, len: Option<i32>, total: usize) -> Result<(usize, usize)> {
    let from = i64::from(start) - 1;
    let to = match len {
        Some(len) if len < 0 => return Err(SqlError::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed")),
        Some(len) => from + i64::from(len),
        None => i64::MAX,
    };
    let clamp = |v: i64| v.clamp(0, total as i64) as usize;
    Ok((clamp(from), clamp(to).max(clamp(from))))
}

fn substring(s: &str, start: i32, len: Option<i32>) -> Result<&str> {
    let (from, to) = window(start, len, s.len())?;
    if s.is_ascii() {
        return Ok(&s[from..to]);
    }
    let rest = &s[offset_of(s, from)..];
    Ok(&rest[..offset_of(rest, to - from)])
}

fn overlay(s: &str, new: &str, start: i32, len: i32) -> Result<String> {
    if start <= 0 {
        return Err(SqlError::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
    }
    let after = start.checked_add(len).ok_or_else(|| out_of_range("integer"))?;
    Ok(format!("{}{new}{}", substring(s, 1, Some(start - 1))?, substring(s, after, None)?))
}

fn position(s: &str, needle: &str) -> usize {
    memchr::memmem::find(s.as_bytes(), needle.as_bytes()).map_or(0, |at| chars(&s[..at]) + 1)
}

fn left(s: &str, n: i32) -> &str {
    let keep = if n >= 0 { n as usize } else { chars(s).saturating_sub(n.unsigned_abs() as usize) };
    &s[..offset_of(s, keep)]
}

fn right(s: &str, n: i32) -> &str {
    let skip = if n >= 0 { chars(s).saturating_sub(n as usize) } else { n.unsigned_abs() as usize };
    &s[offset_of(s, skip)..]
}

fn pad(s: &str, len: i32, fill: &str, at_left: bool) -> Result<String> {
    let len = len.max(0) as usize;
    check_size(len)?;
    let have = chars(s).min(len);
    let body = &s[..offset_of(s, have)];
    if fill.is_empty() {
        return Ok(body.to_owned());
    }
    let padding: String = fill.chars().cycle().take(len - have).collect();
    Ok(if at_left { padding + body } else { format!("{body}{padding}") })
}

fn trim<'a>(s: &'a str, set: &str, start: bool, end: bool) -> &'a str {
    let mut s = s;
    if start {
        s = s.trim_start_matches(|c| set.contains(c));
    }
    if end {
        s = s.trim_end_matches(|c| set.contains(c));
    }
    s
}

fn translate(s: &str, from: &str, to: &str) -> String {
    s.chars()
        .filter_map(|c| match from.chars().position(|f| f == c) {
            Some(i) => to.chars().nth(i),
            None => Some(c),
        })
        .collect()
}

fn replace(s: &str, from: &str, to: &str) -> Result<String> {
    if from.is_empty() {
        return Ok(s.to_owned());
    }
    let hits = memchr::memmem::find_iter(s.as_bytes(), from.as_bytes()).count();
    check_size(s.len() - hits * from.len() + hits.saturating_mul(to.len()))?;
    Ok(s.replace(from, to))
}

fn split_part<'a>(s: &'a str, separator: &str, n: i32) -> Result<&'a str> {
    if n == 0 {
        return Err(invalid_parameter("field position must not be zero"));
    }
    let index = n.unsigned_abs() as usize - 1;
    if s.is_empty() {
        return Ok("");
    }
    if separator.is_empty() {
        return Ok(if index == 0 { s } else { "" });
    }
    let found = if n > 0 { s.split(separator).nth(index) } else { split_backwards(s, separator, index) };
    Ok(found.unwrap_or(""))
}

/// Fields from the end are those found scanning forward, so that overlapping separators split alike.
fn split_backwards<'a>(s: &'a str, separator: &str, index: usize) -> Option<&'a str> {
    let fields: Vec<&str> = s.split(separator).collect();
    fields.len().checked_sub(index + 1).map(|i| fields[i])
}

fn repeat(s: &str, n: i32) -> Result<String> {
    let n = n.max(0) as usize;
    check_size(s.len().saturating_mul(n))?;
    Ok(s.repeat(n))
}

fn chr(code: i32) -> Result<String> {
    let refuse = |message: String| Err(SqlError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message));
    if code < 0 {
        return Err(err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "character number must be positive"));
    }
    if code == 0 {
        return refuse("null character not permitted".into());
    }
    match char::from_u32(code as u32) {
        Some(c) => Ok(c.to_string()),
        None if code > 0x10_ffff => refuse(format!("requested character too large for encoding: {code}")),
        None => refuse(format!("requested character not valid for encoding: {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_may_start_early() {
        assert_eq!(substring("hello", 0, Some(3)).unwrap(), "he");
        assert_eq!(substring("hello", -5, Some(3)).unwrap(), "");
        assert_eq!(substring("héllo", 2, Some(2)).unwrap(), "él");
        assert_eq!(substring("hello", 1, Some(-1)).unwrap_err().code(), SqlState::SUBSTRING_ERROR);
        assert_eq!(overlay("Txxxxas", "hom", 2, 4).unwrap(), "Thomas");
    }

    #[test]
    fn parts() {
        assert_eq!(split_part("a,b,c", ",", -1).unwrap(), "c");
        assert_eq!(split_part("a,b,c", ",", 4).unwrap(), "");
        assert_eq!((left("héllo", -2), right("héllo", 3), right("abc", -1)), ("hél", "llo", "bc"));
        assert_eq!(pad("hi", 5, "xy", true).unwrap(), "xyxhi");
        assert_eq!(pad("hello", 3, "x", false).unwrap(), "hel");
        assert_eq!(translate("12345", "143", "ax"), "a2x5");
        assert_eq!(position("Thomas", "om"), 3);
        assert_eq!(chr(0).unwrap_err().message(), "null character not permitted");
    }
}
