//! quote_ident, quote_literal and format(): text that is safe inside a statement.

use super::support::*;
use super::text::cast_to_text;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::{Datum, Type, io};
use std::borrow::Cow;

/// Entries by symbol, and by name and argument types for those PostgreSQL writes in SQL.
pub const FUNCTIONS: &[Entry] = &[
    f("quote_ident", |_, a| text(identifier(a[0].as_str()))),
    f("quote_literal", |_, a| text(literal(a[0].as_str()))),
    f("quote_literal/2283", |cx, a| text(literal(&cast_to_text(cx, a, 0)))),
    f("quote_nullable", |_, a| if a[0].is_null() { text("NULL") } else { text(literal(a[0].as_str())) }),
    f("quote_nullable/2283", |cx, a| if a[0].is_null() { text("NULL") } else { text(literal(&cast_to_text(cx, a, 0))) }),
    f("text_format", format),
    f("text_format_nv", format),
];

/// Words that must be quoted to be names: every keyword of PostgreSQL that is reserved in some place.
const KEYWORDS: &str = " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both \
case cast char character check coalesce collate collation column concurrently constraint create cross current_catalog \
current_date current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc \
distinct do else end except exists extract false fetch float for foreign freeze from full grant greatest group grouping having \
ilike in initially inner inout int integer intersect interval into is isnull join lateral leading least left like limit \
localtime localtimestamp national natural nchar none normalize not notnull null nullif numeric offset on only or order out \
outer overlaps overlay placing position precision primary real references returning right row select session_user setof \
similar smallint some substring symmetric table tablesample then time timestamp to trailing treat trim true union unique user \
using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest \
xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable ";

/// A name as SQL text: quoted when it is not plain lower case or is a keyword.
pub fn identifier(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let plain = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain && !KEYWORDS.contains(&format!(" {name} ")) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A string as an SQL literal; `E'...'` when it holds a backslash.
pub fn literal(s: &str) -> String {
    let prefix = if s.contains('\\') { "E" } else { "" };
    format!("{prefix}'{}'", s.replace('\\', "\\\\").replace('\'', "''"))
}

/// One `%` directive.
struct Directive {
    /// `n$`
    argument: Option<i32>,
    left: bool,
    width: Width,
    kind: char,
}

enum Width {
    None,
    Fixed(i32),
    /// `*` or `*n$`
    Argument(Option<i32>),
}

struct Format<'f> {
    rest: std::iter::Peekable<std::str::Chars<'f>>,
}

fn unterminated() -> SqlError {
    invalid_parameter("unterminated format() type specifier").hint("For a single \"%\" use \"%%\".")
}

impl Format<'_> {
    fn peek(&mut self) -> Result<char> {
        self.rest.peek().copied().ok_or_else(unterminated)
    }

    fn number(&mut self) -> Result<Option<i32>> {
        let mut value: Option<i32> = None;
        while let Some(digit) = self.peek()?.to_digit(10) {
            let next = value.unwrap_or(0).checked_mul(10).and_then(|v| v.checked_add(digit as i32));
            value = Some(next.ok_or_else(|| err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range"))?);
            self.rest.next();
        }
        Ok(value)
    }

    fn position(n: i32) -> Result<i32> {
        if n == 0 {
            return Err(invalid_parameter("format specifies argument 0, but arguments are numbered from 1"));
        }
        Ok(n)
    }

    fn directive(&mut self) -> Result<Directive> {
        let mut d = Directive { argument: None, left: false, width: Width::None, kind: 's' };
        if let Some(n) = self.number()? {
            if self.peek()? == '$' {
                self.rest.next();
                d.argument = Some(Self::position(n)?);
            } else {
                d.width = Width::Fixed(n);
            }
        }
        if matches!(d.width, Width::None) {
            while self.peek()? == '-' {
                d.left = true;
                self.rest.next();
            }
            if self.peek()? == '*' {
                self.rest.next();
                let argument = self.number()?;
                if let Some(n) = argument {
                    if self.peek()? != '$' {
                        return Err(invalid_parameter("width argument position must be ended by \"$\""));
                    }
                    self.rest.next();
                    Self::position(n)?;
                }
                d.width = Width::Argument(argument);
            } else if let Some(n) = self.number()? {
                d.width = Width::Fixed(n);
            }
        }
        d.kind = self.peek()?;
        self.rest.next();
        if !matches!(d.kind, 's' | 'I' | 'L') {
            return Err(invalid_parameter(format!("unrecognized format() type specifier \"{}\"", d.kind))
                .hint("For a single \"%\" use \"%%\"."));
        }
        Ok(d)
    }
}

/// The arguments after the format string, with their types; VARIADIC spreads an array.
fn arguments(cx: &FnCx<'_>, a: &[Datum]) -> Vec<(Datum, Type)> {
    if cx.site.variadic {
        return match a.last() {
            Some(Datum::Array(array)) => array.values.iter().map(|v| (v.clone(), array.elem.into())).collect(),
            _ => Vec::new(),
        };
    }
    a[1..].iter().cloned().zip(cx.site.arg_types[1..].iter().copied()).collect()
}

fn format(cx: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    if a[0].is_null() {
        return Ok(Datum::Null);
    }
    let args = arguments(cx, a);
    let mut format = Format { rest: a[0].as_str().chars().peekable() };
    let (mut out, mut next) = (String::new(), 1);
    while let Some(c) = format.rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if format.peek()? == '%' {
            format.rest.next();
            out.push('%');
            continue;
        }
        let d = format.directive()?;
        let take = |n: i32| {
            let too_few = || invalid_parameter("too few arguments for format()");
            args.get(n as usize - 1).ok_or_else(too_few)
        };
        let (width, mut left) = match d.width {
            Width::None => (0, d.left),
            Width::Fixed(n) => (n, d.left),
            Width::Argument(position) => {
                let n = position.unwrap_or(next);
                next = n + 1;
                (width_value(cx, take(n)?)?, d.left)
            }
        };
        left |= width < 0;
        let n = d.argument.unwrap_or(next);
        next = n + 1;
        let piece = convert(cx, take(n)?, d.kind)?;
        let missing = (width.unsigned_abs() as usize).saturating_sub(piece.chars().count());
        let fill = std::iter::repeat_n(' ', missing);
        if left {
            out.push_str(&piece);
            out.extend(fill);
        } else {
            out.extend(fill);
            out.push_str(&piece);
        }
    }
    text(out)
}

fn width_value(cx: &FnCx<'_>, (value, ty): &(Datum, Type)) -> Result<i32> {
    match value {
        Datum::Null => Ok(0),
        Datum::Int4(n) => Ok(*n),
        Datum::Int2(n) => Ok((*n).into()),
        other => Ok(io::input(cx.io, &io::output_string(cx.io, other, *ty), crate::sql::types::Oid::INT4.into())?.as_int4()),
    }
}

fn convert(cx: &FnCx<'_>, (value, ty): &(Datum, Type), kind: char) -> Result<String> {
    if value.is_null() {
        return match kind {
            's' => Ok(String::new()),
            'L' => Ok("NULL".into()),
            _ => Err(err!(SqlState::NULL_VALUE_NOT_ALLOWED, "null values cannot be formatted as an SQL identifier")),
        };
    }
    let shown = io::output_string(cx.io, value, *ty);
    Ok(match kind {
        'I' => identifier(&shown).into_owned(),
        'L' => literal(&shown),
        _ => shown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        assert_eq!(
            ["foo", "Foo", "select", "a\"b", "1a", "", "a$b"].map(|n| identifier(n).into_owned()),
            ["foo", "\"Foo\"", "\"select\"", "\"a\"\"b\"", "\"1a\"", "\"\"", "\"a$b\""]
        );
        assert_eq!(literal("O'Reilly"), "'O''Reilly'");
        assert_eq!(literal("a\\b"), "E'a\\\\b'");
    }
}
