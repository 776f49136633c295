//! smallint, integer, bigint: text input and the arithmetic that checks for overflow.

use super::io::{invalid_syntax, is_space};
use crate::err;
use crate::error::{Result, SqlError, SqlState};

macro_rules! parsers {
    ($($name:ident, $ty:ty, $sql:literal;)*) => {
        $(
            #[doc = concat!("Text to `", $sql, "`, white space around it allowed. Errors: 22P02, 22003.")]
            pub fn $name(text: &str) -> Result<$ty> {
                match parse_digits(text.as_bytes()) {
                    Parsed::Value(v) => <$ty>::try_from(v).map_err(|_| out_of_range(text, $sql)),
                    Parsed::TooLarge => Err(out_of_range(text, $sql)),
                    Parsed::Malformed => Err(invalid_syntax($sql, text)),
                }
            }
        )*
    };
}

parsers! {
    parse_i16, i16, "smallint";
    parse_i32, i32, "integer";
    parse_i64, i64, "bigint";
}

enum Parsed {
    Value(i128),
    TooLarge,
    Malformed,
}

fn parse_digits(text: &[u8]) -> Parsed {
    let mut rest = text;
    while let [b, tail @ ..] = rest
        && is_space(*b)
    {
        rest = tail;
    }
    let negative = match rest {
        [b'-', tail @ ..] => {
            rest = tail;
            true
        }
        [b'+', tail @ ..] => {
            rest = tail;
            false
        }
        _ => false,
    };
    let (mut value, mut any, mut overflow) = (0i128, false, false);
    while let [b @ b'0'..=b'9', tail @ ..] = rest {
        any = true;
        value = value * 10 + i128::from(b - b'0');
        if value > i128::from(u64::MAX) {
            overflow = true;
            value = 0;
        }
        rest = tail;
    }
    if !any || !rest.iter().all(|b| is_space(*b)) {
        return Parsed::Malformed;
    }
    match (overflow, negative) {
        (true, _) => Parsed::TooLarge,
        (false, true) => Parsed::Value(-value),
        (false, false) => Parsed::Value(value),
    }
}

#[cold]
fn out_of_range(text: &str, ty: &str) -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value \"{text}\" is out of range for type {ty}")
}

/// 22003 `integer out of range`, for any integer type's SQL name.
#[cold]
pub fn overflow(ty: &str) -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "{ty} out of range")
}

/// 22012
#[cold]
pub fn division_by_zero() -> SqlError {
    err!(SqlState::DIVISION_BY_ZERO, "division by zero")
}

macro_rules! arithmetic {
    ($($module:ident, $ty:ty, $sql:literal;)*) => {
        $(
            #[doc = concat!("Checked `", $sql, "` arithmetic. Errors: 22003, 22012.")]
            pub mod $module {
                use super::{Result, division_by_zero, overflow};

                /// a + b
                #[inline]
                pub fn add(a: $ty, b: $ty) -> Result<$ty> {
                    a.checked_add(b).ok_or_else(|| overflow($sql))
                }
                /// a - b
                #[inline]
                pub fn sub(a: $ty, b: $ty) -> Result<$ty> {
                    a.checked_sub(b).ok_or_else(|| overflow($sql))
                }
                /// a * b
                #[inline]
                pub fn mul(a: $ty, b: $ty) -> Result<$ty> {
                    a.checked_mul(b).ok_or_else(|| overflow($sql))
                }
                /// a / b, truncated
                #[inline]
                pub fn div(a: $ty, b: $ty) -> Result<$ty> {
                    if b == 0 {
                        return Err(division_by_zero());
                    }
                    a.checked_div(b).ok_or_else(|| overflow($sql))
                }
                /// a % b, sign of a
                #[inline]
                pub fn rem(a: $ty, b: $ty) -> Result<$ty> {
                    if b == 0 {
                        return Err(division_by_zero());
                    }
                    Ok(a.wrapping_rem(b))
                }
                /// -a
                #[inline]
                pub fn neg(a: $ty) -> Result<$ty> {
                    a.checked_neg().ok_or_else(|| overflow($sql))
                }
                /// |a|
                #[inline]
                pub fn abs(a: $ty) -> Result<$ty> {
                    a.checked_abs().ok_or_else(|| overflow($sql))
                }
                /// Greatest common divisor, never negative.
                pub fn gcd(a: $ty, b: $ty) -> Result<$ty> {
                    let (mut x, mut y) = (a.unsigned_abs(), b.unsigned_abs());
                    while y != 0 {
                        (x, y) = (y, x % y);
                    }
                    <$ty>::try_from(x).map_err(|_| overflow($sql))
                }
                /// Least common multiple, never negative.
                pub fn lcm(a: $ty, b: $ty) -> Result<$ty> {
                    if a == 0 || b == 0 {
                        return Ok(0);
                    }
                    let g = gcd(a, b)?;
                    (a / g).checked_mul(b).and_then(<$ty>::checked_abs).ok_or_else(|| overflow($sql))
                }
            }
        )*
    };
}

arithmetic! {
    int2, i16, "smallint";
    int4, i32, "integer";
    int8, i64, "bigint";
}

/// Appends a decimal integer.
#[inline]
pub fn write(v: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_messages() {
        assert_eq!(parse_i32("  -42 ").unwrap(), -42);
        assert_eq!(parse_i64("-9223372036854775808").unwrap(), i64::MIN);
        let message = |r: Result<i32>| r.unwrap_err().message().to_string();
        assert_eq!(message(parse_i32("2147483648")), "value \"2147483648\" is out of range for type integer");
        assert!(message(parse_i32(&"9".repeat(50))).ends_with("is out of range for type integer"));
        assert_eq!(message(parse_i32("4 2")), "invalid input syntax for type integer: \"4 2\"");
        assert_eq!(message(parse_i32("")), "invalid input syntax for type integer: \"\"");
        assert_eq!(int4::lcm(21, -6).unwrap(), 42);
        assert_eq!(int4::rem(i32::MIN, -1).unwrap(), 0);
    }
}
