//! Small types: "char", money, uuid, tid, xid, pg_lsn; casts that apply a length; functions that count NULLs or name types.

use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::numeric::Numeric;
use crate::sql::types::text as limits;
use crate::sql::types::{Datum, Oid, Type, io, typename};

/// Functions of small types by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("booltext", |_, a| text(if a[0].as_bool() { "true" } else { "false" })),
    f("booland_statefunc", |_, a| boolean(a[0].as_bool() && a[1].as_bool())),
    f("boolor_statefunc", |_, a| boolean(a[0].as_bool() || a[1].as_bool())),
    f("chartoi4", |_, a| Ok(Datum::Int4(i32::from(char_of(&a[0]) as i8)))),
    f("i4tochar", |_, a| {
        let v = i8::try_from(a[0].as_int4()).map_err(|_| out_of_range("\"char\""))?;
        Ok(Datum::Char(v as u8))
    }),
    f("text_char", |_, a| Ok(Datum::Char(limits::char_in(a[0].as_str())))),
    f("char_text", |_, a| text(char_text(&a[0]))),
    f("char_bpchar", |_, a| text(char_text(&a[0]))),
    f("varchar", |_, a| Ok(Datum::Text(limits::varchar(a[0].as_str(), a[1].as_int4(), a[2].as_bool())?))),
    f("bpchar", |_, a| Ok(Datum::Text(limits::bpchar(a[0].as_str(), a[1].as_int4(), a[2].as_bool())?))),
    f("gen_random_uuid", |_, _| {
        let mut bytes: [u8; 16] = rand::random();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Ok(Datum::Uuid(bytes.into()))
    }),
    f("xid8toxid", |_, a| Ok(Datum::Oid(Oid(u64_of(&a[0]) as u32)))),
    f("pg_lsn_mi", |_, a| Ok(Datum::Numeric((i128::from(u64_of(&a[0])) - i128::from(u64_of(&a[1]))).into()))),
    f("pg_wal_lsn_diff", |_, a| Ok(Datum::Numeric((i128::from(u64_of(&a[0])) - i128::from(u64_of(&a[1]))).into()))),
    f("pg_lsn_pli", |_, a| lsn_move(&a[0], a[1].as_numeric(), 1)),
    f("pg_lsn_mii", |_, a| lsn_move(&a[0], a[1].as_numeric(), -1)),
    f("numeric_pl_pg_lsn/1700 3220", |_, a| lsn_move(&a[1], a[0].as_numeric(), 1)),
    f("numeric_pg_lsn", |_, a| lsn(a[0].as_numeric())),
    f("pg_num_nulls", |cx, a| count_nulls(cx, a, true)),
    f("pg_num_nonnulls", |cx, a| count_nulls(cx, a, false)),
    f("pg_typeof", |cx, _| Ok(Datum::Oid(cx.site.arg_types.first().map_or(Oid::UNKNOWN, |t| t.oid)))),
    f("pg_column_size", |cx, a| {
        if a[0].is_null() {
            return Ok(Datum::Null);
        }
        int4(stored_size(&a[0], cx, cx.site.arg_types[0]))
    }),
    f("pg_column_compression", |_, _| Ok(Datum::Null)),
    f("format_type", |cx, a| match &a[0] {
        Datum::Null => Ok(Datum::Null),
        ty if a[1].is_null() => text(typename::format_type_be(cx.io.types, ty.as_oid())),
        ty => text(typename::format_type(cx.io.types, Type { oid: ty.as_oid(), typmod: a[1].as_int4() })),
    }),
    f("oidvectortypes", |cx, a| {
        let names = a[0].as_array().values.iter().map(|t| typename::format_type_be(cx.io.types, t.as_oid()));
        text(names.collect::<Vec<_>>().join(", "))
    }),
    f("text_regclass", |cx, a| io::input(cx.io, a[0].as_str(), Oid::REGCLASS.into())),
    f("unistr", |_, a| text(unistr(a[0].as_str())?)),
    f("pg_size_pretty", |_, a| text(size_pretty(a[0].as_int8().into()))),
    f("pg_size_pretty_numeric", |_, a| text(size_pretty_numeric(a[0].as_numeric())?)),
    f("pg_size_bytes", |_, a| size_bytes(a[0].as_str()).map(Datum::Int8)),
];

fn char_of(d: &Datum) -> u8 {
    match d {
        Datum::Char(c) => *c,
        _ => 0,
    }
}

fn u64_of(d: &Datum) -> u64 {
    match d {
        Datum::U64(v) => *v,
        _ => 0,
    }
}

fn char_text(d: &Datum) -> String {
    let mut out = Vec::new();
    limits::char_out(char_of(d), &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn lsn(v: &Numeric) -> Result<Datum> {
    if v.is_nan() {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot convert NaN to pg_lsn"));
    }
    let whole = v.to_bigint().and_then(|b| u64::try_from(b).ok());
    whole.map(Datum::U64).ok_or_else(|| out_of_range("pg_lsn"))
}

fn lsn_move(base: &Datum, by: &Numeric, sign: i64) -> Result<Datum> {
    if by.is_nan() {
        let verb = if sign > 0 { "add NaN to" } else { "subtract NaN from" };
        return Err(err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "cannot {verb} pg_lsn"));
    }
    lsn(&Numeric::from(u64_of(base)).add(&by.mul(&sign.into())?)?)
}

fn count_nulls(cx: &FnCx<'_>, a: &[Datum], nulls: bool) -> Result<Datum> {
    let values = match a.first() {
        Some(Datum::Array(array)) if cx.site.variadic => &array.values[..],
        Some(Datum::Null) if cx.site.variadic => return Ok(Datum::Null),
        _ => a,
    };
    int4(values.iter().filter(|v| v.is_null() == nulls).count())
}

/// Bytes PostgreSQL's storage would take.
fn stored_size(d: &Datum, cx: &FnCx<'_>, ty: Type) -> usize {
    let with_header = |n: usize| if n < 127 { n + 1 } else { n + 4 };
    match d {
        Datum::Null => 0,
        Datum::Bool(_) | Datum::Char(_) => 1,
        Datum::Int2(_) => 2,
        Datum::Int4(_) | Datum::Oid(_) | Datum::Float4(_) | Datum::Date(_) | Datum::Enum(_) => 4,
        Datum::Int8(_) | Datum::Float8(_) | Datum::Time(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => 8,
        Datum::Money(_) | Datum::U64(_) => 8,
        Datum::TimeTz(..) => 12,
        Datum::Interval(_) | Datum::Uuid(_) => 16,
        Datum::Tid(..) | Datum::MacAddr(_) => 6,
        Datum::Text(_) if ty.oid == Oid::NAME => 64,
        // A constant keeps its four-byte header; only stored rows have the short one.
        Datum::Text(s) => s.len() + 4,
        Datum::Bytea(b) => b.len() + 4,
        Datum::Numeric(v) => numeric_size(v),
        Datum::Array(v) => {
            let nulls = if v.values.iter().any(Datum::is_null) { v.values.len().div_ceil(8) } else { 0 };
            let head = 16 + v.dims.len() * 8 + nulls;
            let body = |x: &Datum| stored_size(x, cx, v.elem.into()).next_multiple_of(alignment(x));
            (if nulls > 0 { head.next_multiple_of(8) } else { head }) + v.values.iter().map(body).sum::<usize>()
        }
        other => with_header(io::output_string(cx.io, other, ty).len()),
    }
}

fn alignment(d: &Datum) -> usize {
    match d {
        Datum::Bool(_) | Datum::Char(_) | Datum::Uuid(_) => 1,
        Datum::Int2(_) => 2,
        Datum::Int8(_) | Datum::Float8(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => 8,
        _ => 4,
    }
}

/// Header and base-10000 digits.
fn numeric_size(v: &Numeric) -> usize {
    let Some((mantissa, scale)) = v.parts() else { return 6 };
    if v.is_zero() {
        return 6;
    }
    let digits = mantissa.magnitude().to_string();
    let whole = digits.len().saturating_sub(scale.into());
    let padded = format!("{}{digits}", "0".repeat(usize::from(scale).saturating_sub(digits.len())));
    let fraction = padded[padded.len() - usize::from(scale)..].to_owned();
    let leading: String = "0".repeat((4 - whole % 4) % 4) + &digits[..whole];
    let trailing = format!("{fraction}{}", "0".repeat((4 - fraction.len() % 4) % 4));
    let groups = leading + &trailing;
    let chunks: Vec<&[u8]> = groups.as_bytes().chunks(4).collect();
    let significant = |c: &&&[u8]| **c != b"0000";
    let first = chunks.iter().position(|c| significant(&c)).unwrap_or(0);
    let last = chunks.iter().rposition(|c| significant(&c)).unwrap_or(0);
    6 + 2 * (last + 1 - first)
}

const SIZE_UNITS: [(&str, u32, i128, bool); 6] = [
    ("bytes", 0, 10 * 1024, false),
    ("kB", 10, 20 * 1024 - 1, true),
    ("MB", 20, 20 * 1024 - 1, true),
    ("GB", 30, 20 * 1024 - 1, true),
    ("TB", 40, 20 * 1024 - 1, true),
    ("PB", 50, 20 * 1024 - 1, true),
];

/// Sizes stay in a unit while they are below its limit; each step keeps one more bit, so that halves round.
fn size_pretty(bytes: i128) -> String {
    let mut size = bytes;
    for (i, (unit, bits, limit, round)) in SIZE_UNITS.iter().enumerate() {
        let next = SIZE_UNITS.get(i + 1);
        if next.is_none() || size.abs() < *limit {
            let half = |v: i128| (v + if v < 0 { -1 } else { 1 }) / 2;
            return format!("{} {unit}", if *round { half(size) } else { size });
        }
        let next_bits = next.map_or(0, |u| u.1);
        let shift = next_bits - bits - u32::from(next.is_some_and(|u| u.3)) + u32::from(*round);
        size /= 1 << shift;
    }
    String::new()
}

fn size_pretty_numeric(v: &Numeric) -> Result<String> {
    // Below the first limit a fraction is shown as it is.
    if v.abs() < Numeric::from(10 * 1024i64) || !v.is_finite() {
        return Ok(format!("{v} bytes"));
    }
    let whole = v.trunc(0)?.to_bigint().and_then(|b| i128::try_from(b).ok());
    whole.map(size_pretty).ok_or_else(|| SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format"))
}

fn size_bytes(s: &str) -> Result<i64> {
    let invalid = || invalid_parameter(format!("invalid size: \"{s}\""));
    let trimmed = s.trim();
    let mut end = 0;
    let bytes = trimmed.as_bytes();
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    if matches!(bytes.first(), Some(b'+' | b'-')) {
        end = 1;
    }
    let whole_end = digits(end);
    let mut any = whole_end > end;
    end = whole_end;
    if bytes.get(end) == Some(&b'.') {
        let fraction_end = digits(end + 1);
        any |= fraction_end > end + 1;
        end = fraction_end;
    }
    if !any {
        return Err(invalid());
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if digits(sign) > sign {
            end = digits(sign);
        }
    }
    let number = Numeric::parse(&trimmed[..end])?;
    let unit = trimmed[end..].trim();
    let bits = match unit.to_ascii_lowercase().as_str() {
        "" | "bytes" | "b" => 0,
        "kb" => 10,
        "mb" => 20,
        "gb" => 30,
        "tb" => 40,
        "pb" => 50,
        _ => {
            return Err(invalid()
                .detail(format!("Invalid size unit: \"{unit}\"."))
                .hint("Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\"."));
        }
    };
    number.mul(&Numeric::from(1i64 << bits))?.to_i64()
}

/// `\XXXX`, `\+XXXXXX`, `\uXXXX`, `\UXXXXXXXX` and `\\`.
fn unistr(s: &str) -> Result<String> {
    let invalid = || {
        SqlError::new(SqlState::SYNTAX_ERROR, "invalid Unicode escape")
            .hint("Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.")
    };
    let pair = || SqlError::new(SqlState::SYNTAX_ERROR, "invalid Unicode surrogate pair");
    let (mut out, mut rest, mut high) = (String::with_capacity(s.len()), s, None::<u32>);
    while let Some(c) = rest.chars().next() {
        if c != '\\' || rest[1..].starts_with('\\') {
            if high.is_some() {
                return Err(pair());
            }
            out.push(c);
            rest = &rest[c.len_utf8() + usize::from(c == '\\')..];
            continue;
        }
        let (skip, len) = match rest.as_bytes().get(1) {
            Some(b'+') => (2, 6),
            Some(b'u') => (2, 4),
            Some(b'U') => (2, 8),
            _ => (1, 4),
        };
        let hex = rest.get(skip..skip + len).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(invalid)?;
        let code = u32::from_str_radix(hex, 16).map_err(|_| invalid())?;
        rest = &rest[skip + len..];
        let code = match (high.take(), code) {
            (None, 0xD800..=0xDBFF) => {
                high = Some(code);
                continue;
            }
            (Some(h), 0xDC00..=0xDFFF) => 0x1_0000 + ((h - 0xD800) << 10) + (code - 0xDC00),
            (Some(_), _) | (None, 0xDC00..=0xDFFF) => return Err(pair()),
            (None, code) => code,
        };
        out.push(
            char::from_u32(code)
                .filter(|c| *c != '\0')
                .ok_or_else(|| SqlError::new(SqlState::SYNTAX_ERROR, format!("invalid Unicode code point: {code:04X}")))?,
        );
    }
    if high.is_some() { Err(pair()) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let shown = [0, 1, 10239, 10240, 1_000_000, 1_000_000_000, -1_000_000, 12_345_678_901_234].map(size_pretty);
        assert_eq!(shown, ["0 bytes", "1 bytes", "10239 bytes", "10 kB", "977 kB", "954 MB", "-977 kB", "11 TB"]);
        assert_eq!(size_bytes("1.5 GB").unwrap(), 1_610_612_736);
        assert_eq!(size_bytes("1 AB").unwrap_err().message(), "invalid size: \"1 AB\"");
        assert_eq!(numeric_size(&Numeric::parse("12345.678").unwrap()), 12);
    }

    #[test]
    fn unicode_escapes() {
        assert_eq!(unistr("d\\0061t\\+000061 \\u0061 \\\\ \\D83D\\DE00").unwrap(), "data a \\ 😀");
        assert_eq!(unistr("\\D83Dx").unwrap_err().message(), "invalid Unicode surrogate pair");
    }
}
