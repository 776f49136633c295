//! Text to values, for the forms that loads consist of: plain integers, decimals, ISO dates and timestamps, text that fits.
//!
//! A form not known here is no error: the type's own input function is asked then, which accepts all that PostgreSQL accepts and
//! makes the error messages.

use crate::sql::types::numeric::Numeric;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;

/// How a column's values are read.
#[derive(Clone, Copy, Debug)]
pub enum FastInput {
    /// smallint
    Int2,
    /// integer
    Int4,
    /// bigint
    Int8,
    /// text, varchar of at most so many characters
    Text(usize),
    /// char of exactly so many characters
    Bpchar(usize),
    /// boolean
    Bool,
    /// double precision
    Float8,
    /// date
    Date,
    /// timestamp
    Timestamp,
    /// timestamptz
    TimestampTz,
    /// numeric with precision and scale
    Numeric(u32, u32),
    /// Anything else.
    Other,
}

const POWERS: [i64; 19] = {
    let mut powers = [1i64; 19];
    let mut i = 1;
    while i < 19 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

impl FastInput {
    /// For a column's type.
    pub fn of(ty: Type) -> Self {
        let length = (ty.typmod - 4).max(0) as usize;
        match (ty.oid, ty.typmod) {
            (Oid::INT2, _) => Self::Int2,
            (Oid::INT4, _) => Self::Int4,
            (Oid::INT8, _) => Self::Int8,
            (Oid::TEXT, _) | (Oid::VARCHAR, -1) => Self::Text(usize::MAX),
            (Oid::VARCHAR, _) => Self::Text(length),
            (Oid::BPCHAR, m) if m > 4 => Self::Bpchar(length),
            (Oid::BOOL, _) => Self::Bool,
            (Oid::FLOAT8, _) => Self::Float8,
            (Oid::DATE, _) => Self::Date,
            (Oid::TIMESTAMP, -1) => Self::Timestamp,
            (Oid::TIMESTAMPTZ, -1) => Self::TimestampTz,
            (Oid::NUMERIC, m) if m >= 4 => {
                let (precision, scale) = (((m - 4) >> 16) & 0xffff, (m - 4) & 0x7ff);
                if precision <= 18 && scale <= precision { Self::Numeric(precision as u32, scale as u32) } else { Self::Other }
            }
            _ => Self::Other,
        }
    }

    /// The value, if it is written in a form known here. The bytes must hold no zero byte for text.
    #[inline]
    pub fn read(self, bytes: &[u8]) -> Option<Datum> {
        match self {
            Self::Int4 => integer(bytes).and_then(|v| i32::try_from(v).ok()).map(Datum::Int4),
            Self::Int8 => integer(bytes).map(Datum::Int8),
            Self::Int2 => integer(bytes).and_then(|v| i16::try_from(v).ok()).map(Datum::Int2),
            Self::Text(most) if bytes.len() <= most => text(bytes),
            Self::Bpchar(length) if bytes.len() <= length && bytes.is_ascii() => padded(bytes, length),
            Self::Bool => match bytes {
                b"t" | b"true" => Some(Datum::Bool(true)),
                b"f" | b"false" => Some(Datum::Bool(false)),
                _ => None,
            },
            Self::Float8 => float(bytes),
            Self::Date if bytes.len() == 10 => date(bytes).map(Datum::Date),
            Self::Timestamp => match timestamp(bytes)? {
                (micros, b"") => Some(Datum::Timestamp(micros)),
                _ => None,
            },
            Self::TimestampTz => {
                let (micros, zone) = timestamp(bytes)?;
                Some(Datum::TimestampTz(micros - zone_offset(zone)?))
            }
            Self::Numeric(precision, scale) => numeric(bytes, precision, scale),
            _ => None,
        }
    }
}

fn text(bytes: &[u8]) -> Option<Datum> {
    if memchr::memchr(0, bytes).is_some() {
        return None;
    }
    std::str::from_utf8(bytes).ok().map(|s| Datum::Text(SmolStr::new(s)))
}

/// ASCII text blank-padded.
fn padded(bytes: &[u8], length: usize) -> Option<Datum> {
    let mut room = [b' '; 256];
    if length > room.len() {
        return None;
    }
    room[..bytes.len()].copy_from_slice(bytes);
    text(&room[..length])
}

fn digits(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 18 {
        return None;
    }
    let mut value = 0i64;
    for &b in bytes {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

#[inline]
fn integer(bytes: &[u8]) -> Option<i64> {
    match bytes.first()? {
        b'-' => digits(&bytes[1..]).map(|v| -v),
        _ => digits(bytes),
    }
}

fn float(bytes: &[u8]) -> Option<Datum> {
    let plain = |b: &u8| b.is_ascii_digit() || *b == b'.';
    let body = bytes.strip_prefix(b"-").unwrap_or(bytes);
    // Neither exponents nor so many digits that the value could leave the range.
    if body.is_empty() || body.len() > 40 || !body.iter().all(plain) || !body.iter().any(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok().map(Datum::Float8)
}

fn numeric(bytes: &[u8], precision: u32, scale: u32) -> Option<Datum> {
    let (negative, body) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let (whole, fraction) = match memchr::memchr(b'.', body) {
        Some(at) => (&body[..at], &body[at + 1..]),
        None => (body, &body[..0]),
    };
    let scale = scale as usize;
    if fraction.len() > scale || whole.len() + scale > 18 {
        return None;
    }
    let mut value = digits(whole)? * POWERS[scale];
    if !fraction.is_empty() {
        value += digits(fraction)? * POWERS[scale - fraction.len()];
    }
    if value >= POWERS[precision as usize] {
        return None;
    }
    Some(Datum::Numeric(Numeric::Small(if negative { -value } else { value }, scale as u16)))
}

/// Two digits at a place.
#[inline]
fn two(bytes: &[u8], at: usize) -> Option<i32> {
    let (a, b) = (bytes.get(at)?.wrapping_sub(b'0'), bytes.get(at + 1)?.wrapping_sub(b'0'));
    (a <= 9 && b <= 9).then(|| i32::from(a) * 10 + i32::from(b))
}

/// `YYYY-MM-DD` as days since 2000-01-01.
fn date(bytes: &[u8]) -> Option<i32> {
    let (year, month, day) = (two(bytes, 0)? * 100 + two(bytes, 2)?, two(bytes, 5)?, two(bytes, 8)?);
    if bytes[4] != b'-' || bytes[7] != b'-' || year == 0 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const LENGTHS: [i32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = LENGTHS[month as usize - 1] + i32::from(leap && month == 2);
    if day > length {
        return None;
    }
    // Days before March 1st of year 0 in a calendar whose years begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    Some(days - 730_425)
}

/// `YYYY-MM-DD HH:MM:SS[.ffffff]` as microseconds since 2000-01-01, and what follows.
fn timestamp(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let day = date(bytes.get(..10)?)?;
    let clock = bytes.get(10..19)?;
    let (hour, minute, second) = (two(clock, 1)?, two(clock, 4)?, two(clock, 7)?);
    let separated = (clock[0] == b' ' || clock[0] == b'T') && clock[3] == b':' && clock[6] == b':';
    if !separated || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (mut micros, mut rest) = (0, &bytes[19..]);
    if let Some(fraction) = rest.strip_prefix(b".") {
        let n = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if n == 0 || n > 6 {
            return None;
        }
        micros = digits(&fraction[..n])? * POWERS[6 - n];
        rest = &fraction[n..];
    }
    let seconds = i64::from(day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some((seconds * 1_000_000 + micros, rest))
}

/// `+HH`, `-HH`, `+HH:MM` or `Z` in microseconds east of UTC.
fn zone_offset(zone: &[u8]) -> Option<i64> {
    let sign = match zone.first()? {
        b'+' => 1,
        b'-' => -1,
        b'Z' if zone.len() == 1 => return Some(0),
        _ => return None,
    };
    let minutes = match zone.len() {
        3 => 0,
        6 if zone[3] == b':' => two(zone, 4)?,
        _ => return None,
    };
    let hours = two(zone, 1)?;
    (hours <= 14 && minutes <= 59).then(|| sign * i64::from(hours * 60 + minutes) * 60_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ty: Type, text: &str) -> Option<String> {
        FastInput::of(ty).read(text.as_bytes()).map(|d| format!("{d:?}"))
    }

    #[test]
    fn common_forms_are_read_and_others_left_alone() {
        let plain = |oid| Type { oid, typmod: -1 };
        assert_eq!(shown(plain(Oid::INT4), "-2147483648"), Some("Int4(-2147483648)".into()));
        assert_eq!(shown(plain(Oid::INT4), "2147483648"), None);
        assert_eq!(shown(plain(Oid::INT4), " 1"), None);
        assert_eq!(shown(plain(Oid::INT8), "123456789012345678"), Some("Int8(123456789012345678)".into()));
        assert_eq!(shown(plain(Oid::DATE), "2000-01-01"), Some("Date(0)".into()));
        assert_eq!(shown(plain(Oid::DATE), "2024-02-29"), Some("Date(8825)".into()));
        assert_eq!(shown(plain(Oid::DATE), "1999-12-31"), Some("Date(-1)".into()));
        assert_eq!(shown(plain(Oid::DATE), "2023-02-29"), None);
        assert_eq!(shown(plain(Oid::TIMESTAMP), "2000-01-01 00:00:01.5"), Some("Timestamp(1500000)".into()));
        assert_eq!(shown(plain(Oid::TIMESTAMP), "2000-01-01 00:00:01.5+00"), None);
        assert_eq!(shown(plain(Oid::TIMESTAMPTZ), "2000-01-01 01:00:00+01"), Some("TimestampTz(0)".into()));
        assert_eq!(shown(plain(Oid::TIMESTAMPTZ), "2000-01-01 01:00:00"), None);
        assert_eq!(shown(plain(Oid::FLOAT8), "-1.5"), Some("Float8(-1.5)".into()));
        assert_eq!(shown(plain(Oid::FLOAT8), "1e400"), None);
        let money = Type { oid: Oid::NUMERIC, typmod: ((12 << 16) | 2) + 4 };
        assert_eq!(shown(money, "-12.5"), Some("Numeric(Small(-1250, 2))".into()));
        assert_eq!(shown(money, "12.345"), None);
        assert_eq!(shown(money, "10000000000"), None);
        assert_eq!(shown(Type { oid: Oid::VARCHAR, typmod: 7 }, "abcd"), None);
        assert_eq!(shown(Type { oid: Oid::BPCHAR, typmod: 7 }, "ab"), Some("Text(\"ab \")".into()));
        assert_eq!(shown(Type { oid: Oid::BPCHAR, typmod: 7 }, "abcd"), None);
    }
}
