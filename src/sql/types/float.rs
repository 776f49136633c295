//! real and double precision: text input and output, the arithmetic that checks for overflow, and the order with NaN last.
//!
//! Output is the shortest decimal that reads back the same (`extra_float_digits` > 0), laid out as PostgreSQL does:
//! `1e+15`, `1e-05`, `123456.7`. Below that, `%.*g` with 15 (or 6) digits plus the setting.

use super::io::{invalid_syntax, is_space};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use std::cmp::Ordering;
use std::io::Write;

/// Text to `double precision`. Errors: 22P02, 22003.
pub fn parse_f64(text: &str) -> Result<f64> {
    let number = scan(text, "double precision")?;
    match number {
        Scanned::Special(v) => Ok(v),
        Scanned::Decimal(digits) => {
            let v: f64 = digits.parse().map_err(|_| invalid_syntax("double precision", text))?;
            if v.is_infinite() || (v == 0.0 && has_nonzero_digit(digits)) {
                return Err(out_of_range(digits, "double precision"));
            }
            Ok(v)
        }
    }
}

/// Text to `real`. Errors: 22P02, 22003.
pub fn parse_f32(text: &str) -> Result<f32> {
    match scan(text, "real")? {
        Scanned::Special(v) => Ok(v as f32),
        Scanned::Decimal(digits) => {
            let v: f32 = digits.parse().map_err(|_| invalid_syntax("real", text))?;
            if v.is_infinite() || (v == 0.0 && has_nonzero_digit(digits)) {
                return Err(out_of_range(digits, "real"));
            }
            Ok(v)
        }
    }
}

enum Scanned<'a> {
    Special(f64),
    Decimal(&'a str),
}

fn scan<'a>(text: &'a str, ty: &str) -> Result<Scanned<'a>> {
    let body = super::io::trim_space(text);
    let unsigned = body.strip_prefix(['-', '+']).unwrap_or(body);
    let sign = if body.starts_with('-') { -1.0 } else { 1.0 };
    if unsigned.eq_ignore_ascii_case("nan") {
        return Ok(Scanned::Special(f64::NAN));
    }
    if unsigned.eq_ignore_ascii_case("infinity") || unsigned.eq_ignore_ascii_case("inf") {
        return Ok(Scanned::Special(sign * f64::INFINITY));
    }
    if let Some(hex) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        return parse_hex(hex).map(|v| Scanned::Special(sign * v)).ok_or_else(|| invalid_syntax(ty, text));
    }
    // Rust's grammar for finite decimals is strtod's, once words are excluded.
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return Err(invalid_syntax(ty, text));
    }
    Ok(Scanned::Decimal(body))
}

/// C99 hexadecimal floats, which `strtod` reads: `1.8p3`.
fn parse_hex(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.find(['p', 'P']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut v = 0.0f64;
    for c in whole.chars().chain(fraction.chars()) {
        v = v * 16.0 + f64::from(c.to_digit(16)?);
    }
    Some(v * 2f64.powi(exponent.saturating_sub(4 * fraction.len() as i32)))
}

fn has_nonzero_digit(text: &str) -> bool {
    text.bytes().take_while(|b| !matches!(b, b'e' | b'E')).any(|b| matches!(b, b'1'..=b'9'))
}

#[cold]
fn out_of_range(text: &str, ty: &str) -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "\"{text}\" is out of range for type {ty}")
}

/// Appends a `double precision`.
pub fn write_f64(v: f64, extra_float_digits: i32, out: &mut Vec<u8>) {
    if write_special(v, out) {
        return;
    }
    if extra_float_digits > 0 {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(v);
        let tie = v.abs() >= 9e15 && v.abs() < 1e38 && {
            let ulp = u128::from((v.abs() as u128).max(1).ilog2().saturating_sub(52));
            on_boundary(text, v.abs() as u128, 1u128 << ulp)
        };
        if tie {
            let longer = shortest_inside(|p| format!("{v:.p$e}"), |t| t.parse() == Ok(v), v.abs() as u128, 52);
            return lay_out(&longer, 15, out);
        }
        lay_out(text, 15, out);
    } else {
        write_g(v, (15 + extra_float_digits).max(1) as usize, out);
    }
}

/// Appends a `real`.
pub fn write_f32(v: f32, extra_float_digits: i32, out: &mut Vec<u8>) {
    if write_special(f64::from(v), out) {
        return;
    }
    if extra_float_digits > 0 {
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(v);
        let tie = v.abs() >= 1.6e7 && {
            let ulp = (v.abs() as u128).max(1).ilog2().saturating_sub(23);
            on_boundary(text, v.abs() as u128, 1u128 << ulp)
        };
        if tie {
            let longer = shortest_inside(|p| format!("{v:.p$e}"), |t| t.parse() == Ok(v), v.abs() as u128, 23);
            return lay_out(&longer, 6, out);
        }
        lay_out(text, 6, out);
    } else {
        write_g(f64::from(v), (6 + extra_float_digits).max(1) as usize, out);
    }
}

fn write_special(v: f64, out: &mut Vec<u8>) -> bool {
    let word: &[u8] = match v {
        v if v.is_nan() => b"NaN",
        f64::INFINITY => b"Infinity",
        f64::NEG_INFINITY => b"-Infinity",
        _ => return false,
    };
    out.extend_from_slice(word);
    true
}

/// Whether the shortest decimal lies exactly half way to a neighbouring float: PostgreSQL does not trust readers to round such
/// a tie to even, and prints more digits.
fn on_boundary(text: &str, value: u128, ulp: u128) -> bool {
    let Some(decimal) = decimal_value(text) else { return false };
    let off = decimal.abs_diff(value);
    off != 0 && (off * 2 == ulp || off * 4 == ulp && value.is_power_of_two())
}

/// The integer a decimal in `d.ddde+N` form stands for; `None` when it is none.
fn decimal_value(text: &str) -> Option<u128> {
    let text = text.trim_start_matches('-');
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let shift = exponent.parse::<i32>().ok()? - fraction.len() as i32;
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    digits.checked_mul(10u128.checked_pow(u32::try_from(shift).ok()?)?)
}

fn shortest_inside(format: impl Fn(usize) -> String, reads_back: impl Fn(&str) -> bool, value: u128, mantissa_bits: u32) -> String {
    let ulp = 1u128 << value.ilog2().saturating_sub(mantissa_bits);
    let inside = |t: &String| reads_back(t) && decimal_value(t).is_none_or(|d| d.abs_diff(value) * 2 != ulp);
    (0..17usize).map(format).find(inside).unwrap_or_else(|| value.to_string())
}

/// Lays a shortest decimal (any of ryu's forms) out as PostgreSQL does: fixed for exponents -4..limit, else scientific.
fn lay_out(text: &str, limit: i32, out: &mut Vec<u8>) {
    let mut digits = [0u8; 32];
    let (mut n, mut exponent, mut seen_point, mut leading) = (0usize, -1i32, false, true);
    let mut bytes = text.as_bytes();
    if let [b'-', rest @ ..] = bytes {
        out.push(b'-');
        bytes = rest;
    }
    for (i, b) in bytes.iter().enumerate() {
        match b {
            b'.' => seen_point = true,
            b'e' => {
                exponent += text[text.len() - bytes.len() + i + 1..].parse::<i32>().unwrap_or(0);
                break;
            }
            b => {
                if leading && *b == b'0' {
                    if seen_point {
                        exponent -= 1;
                    }
                    continue;
                }
                leading = false;
                digits[n] = *b;
                n += 1;
                if !seen_point {
                    exponent += 1;
                }
            }
        }
    }
    while n > 1 && digits[n - 1] == b'0' {
        n -= 1;
    }
    if n == 0 {
        out.push(b'0');
        return;
    }
    place(&digits[..n], exponent, limit, out);
}

/// Writes significant digits whose first stands at `10^exponent`.
fn place(digits: &[u8], exponent: i32, limit: i32, out: &mut Vec<u8>) {
    if !(-4..limit).contains(&exponent) {
        out.push(digits[0]);
        if digits.len() > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        let _ = write!(out, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs());
    } else if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', (-1 - exponent) as usize));
        out.extend_from_slice(digits);
    } else {
        let whole = exponent as usize + 1;
        if digits.len() <= whole {
            out.extend_from_slice(digits);
            out.extend(std::iter::repeat_n(b'0', whole - digits.len()));
        } else {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
        }
    }
}

/// C's `%.*g`.
pub fn write_g(v: f64, precision: usize, out: &mut Vec<u8>) {
    if write_special(v, out) {
        return;
    }
    let precision = precision.max(1);
    if v == 0.0 {
        out.extend_from_slice(if v.is_sign_negative() { b"-0" } else { b"0" });
        return;
    }
    lay_out(&format!("{v:.*e}", precision - 1), precision as i32, out);
}

/// 22003 `value out of range: overflow`
#[cold]
pub fn overflow() -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
}

/// 22003 `value out of range: underflow`
#[cold]
pub fn underflow() -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow")
}

macro_rules! arithmetic {
    ($($module:ident, $ty:ty, $sql:literal;)*) => {
        $(
            #[doc = concat!("Checked `", $sql, "` arithmetic and order. Errors: 22003, 22012.")]
            pub mod $module {
                use super::{Ordering, Result, overflow, underflow};

                /// a + b
                #[inline]
                pub fn add(a: $ty, b: $ty) -> Result<$ty> {
                    let r = a + b;
                    if r.is_infinite() && !a.is_infinite() && !b.is_infinite() { Err(overflow()) } else { Ok(r) }
                }
                /// a - b
                #[inline]
                pub fn sub(a: $ty, b: $ty) -> Result<$ty> {
                    let r = a - b;
                    if r.is_infinite() && !a.is_infinite() && !b.is_infinite() { Err(overflow()) } else { Ok(r) }
                }
                /// a * b
                #[inline]
                pub fn mul(a: $ty, b: $ty) -> Result<$ty> {
                    let r = a * b;
                    if r.is_infinite() && !a.is_infinite() && !b.is_infinite() {
                        return Err(overflow());
                    }
                    if r == 0.0 && a != 0.0 && b != 0.0 { Err(underflow()) } else { Ok(r) }
                }
                /// a / b
                #[inline]
                pub fn div(a: $ty, b: $ty) -> Result<$ty> {
                    if b == 0.0 && !a.is_nan() {
                        return Err(crate::sql::types::int::division_by_zero());
                    }
                    let r = a / b;
                    if r.is_infinite() && !a.is_infinite() {
                        return Err(overflow());
                    }
                    if r == 0.0 && a != 0.0 && !b.is_infinite() { Err(underflow()) } else { Ok(r) }
                }
                /// The btree order: NaN equals itself and is greater than everything.
                #[inline]
                pub fn compare(a: $ty, b: $ty) -> Ordering {
                    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
                }
            }
        )*
    };
}

arithmetic! {
    float4, f32, "real";
    float8, f64, "double precision";
}

/// double precision to real. Errors: 22003.
pub fn to_f32(v: f64) -> Result<f32> {
    let r = v as f32;
    if r.is_infinite() && !v.is_infinite() {
        return Err(overflow());
    }
    if r == 0.0 && v != 0.0 { Err(underflow()) } else { Ok(r) }
}

/// Rounds half to even and converts; `None` when it does not fit.
pub fn to_i64(v: f64) -> Option<i64> {
    let r = v.round_ties_even();
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&r).then_some(r as i64)
}

/// Skips C white space, reads one `double precision`, and returns it with the rest of the text: how geometric types read.
pub fn parse_prefix<'a>(text: &'a str, ty: &str, whole: &str) -> Result<(f64, &'a str)> {
    let start = text.len() - text.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8)).len();
    let bytes = text.as_bytes();
    let mut end = start;
    let mut previous = 0u8;
    while let Some(&b) = bytes.get(end) {
        let sign = matches!(b, b'+' | b'-') && (end == start || matches!(previous, b'e' | b'E'));
        if !(sign || b.is_ascii_alphanumeric() || b == b'.') {
            break;
        }
        previous = b;
        end += 1;
    }
    let number = &text[start..end];
    match parse_f64(number) {
        Ok(v) => Ok((v, &text[end..])),
        Err(e) if e.code() == SqlState::NUMERIC_VALUE_OUT_OF_RANGE => Err(e),
        Err(_) => Err(invalid_syntax(ty, whole)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(v: f64) -> String {
        let mut out = Vec::new();
        write_f64(v, 1, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn show32(v: f32) -> String {
        let mut out = Vec::new();
        write_f32(v, 1, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn shortest_as_postgres() {
        let expected = [
            (1e23, "9.999999999999999e+22"),
            (2e23, "1.9999999999999998e+23"),
            (8.41e21, "8.409999999999999e+21"),
            (9.223372036854776e18, "9.223372036854776e+18"),
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (5e-324, "5e-324"),
            (-0.0, "-0"),
            (100.0, "100"),
            (0.1 + 0.2, "0.30000000000000004"),
            (5.764607523034235e+39, "5.764607523034235e+39"),
        ];
        for (v, text) in expected {
            assert_eq!(show(v), text);
        }
        for (v, text) in [
            (123456.0, "123456"),
            (1234567.0, "1.234567e+06"),
            (33554432.0, "3.3554432e+07"),
            (8.589_935e9, "8.589935e+09"),
            (30_000_001_024.0, "3.0000001e+10"),
        ] {
            assert_eq!(show32(v), text);
        }
    }

    #[test]
    fn percent_g() {
        let g = |v: f64, p: usize| {
            let mut out = Vec::new();
            write_g(v, p, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(g(0.1 + 0.2, 15), "0.3");
        assert_eq!(g(1e15, 15), "1e+15");
        assert_eq!(g(123456.0, 6), "123456");
        assert_eq!(g(999999.9, 6), "1e+06");
    }

    #[test]
    fn input_messages() {
        assert_eq!(parse_f64("1e400").unwrap_err().message(), "\"1e400\" is out of range for type double precision");
        assert_eq!(parse_f32("1e-50").unwrap_err().message(), "\"1e-50\" is out of range for type real");
        assert_eq!(parse_f64("abc").unwrap_err().message(), "invalid input syntax for type double precision: \"abc\"");
        assert_eq!(parse_f64(" -Infinity ").unwrap(), f64::NEG_INFINITY);
        assert!(parse_f64("nan").unwrap().is_nan());
        assert_eq!(parse_f64("0x1.8p3").unwrap(), 12.0);
    }
}
