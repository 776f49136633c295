//! Decimal text and PostgreSQL's base-10000 binary form, in and out, and the `(precision, scale)` modifier.

use super::{MAX_SCALE, MAX_WHOLE_DIGITS, Numeric, overflow, pow10};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::io::{Reader, invalid_binary, invalid_syntax, trim_space};
use num_bigint::BigInt;
use num_traits::Signed;

const SIGN_NEGATIVE: u16 = 0x4000;
const SIGN_NAN: u16 = 0xC000;
const SIGN_INFINITY: u16 = 0xD000;
const SIGN_NEG_INFINITY: u16 = 0xF000;

/// Precision and scale inside a numeric typmod.
pub fn typmod_parts(typmod: i32) -> (i32, i32) {
    let packed = typmod - 4;
    ((packed >> 16) & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024)
}

impl Numeric {
    /// Parses decimal text, white space around it allowed. Errors: 22P02, 22003.
    pub fn parse(text: &str) -> Result<Self> {
        let body = trim_space(text);
        let (negative, unsigned) = match body.as_bytes() {
            [b'-', ..] => (true, &body[1..]),
            [b'+', ..] => (false, &body[1..]),
            _ => (false, body),
        };
        if !matches!(unsigned.as_bytes().first(), Some(b'0'..=b'9' | b'.')) {
            return Self::parse_word(body, unsigned, negative).ok_or_else(|| invalid_syntax("numeric", text));
        }
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return Err(invalid_syntax("numeric", text));
        }
        let exponent = match exponent {
            None => 0,
            Some(e) => {
                let unsigned = e.strip_prefix(['-', '+']).unwrap_or(e);
                if unsigned.is_empty() || !digits(unsigned) {
                    return Err(invalid_syntax("numeric", text));
                }
                e.parse::<i64>().ok().filter(|e| e.abs() < i64::from(i32::MAX / 2)).ok_or_else(overflow)?
            }
        };
        Self::from_digits(negative, whole, fraction, exponent)
    }

    fn parse_word(body: &str, unsigned: &str, negative: bool) -> Option<Self> {
        if body.eq_ignore_ascii_case("nan") {
            return Some(Self::NaN);
        }
        let infinite = unsigned.eq_ignore_ascii_case("infinity") || unsigned.eq_ignore_ascii_case("inf");
        infinite.then_some(if negative { Self::NegInfinity } else { Self::Infinity })
    }

    fn from_digits(negative: bool, whole: &str, fraction: &str, exponent: i64) -> Result<Self> {
        let scale = fraction.len() as i64 - exponent;
        let shown = scale.max(0);
        if whole.len() + fraction.len() <= 18 && scale >= 0 && scale <= i64::from(MAX_SCALE) {
            let m = whole.bytes().chain(fraction.bytes()).fold(0i64, |m, b| m * 10 + i64::from(b - b'0'));
            return Ok(Self::Small(if negative { -m } else { m }, scale as u16));
        }
        let text = [whole, fraction].concat();
        let digits = text.trim_start_matches('0');
        if digits.is_empty() {
            return Self::checked(BigInt::ZERO, shown);
        }
        // Refuse before building a number of absurd size.
        if digits.len() as i64 - scale > MAX_WHOLE_DIGITS || shown > i64::from(MAX_SCALE) {
            return Err(overflow());
        }
        let mut m = BigInt::parse_bytes(digits.as_bytes(), 10).ok_or_else(|| invalid_syntax("numeric", &text))?;
        if scale < 0 {
            m *= pow10((-scale) as u32);
        }
        Self::checked(if negative { -m } else { m }, shown)
    }

    /// Appends the decimal text.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Small(m, 0) => crate::sql::types::int::write(*m, out),
            Self::Small(m, s) => {
                if *m < 0 {
                    out.push(b'-');
                }
                place_point(itoa::Buffer::new().format(m.unsigned_abs()).as_bytes(), usize::from(*s), out);
            }
            Self::Big(b) => {
                if b.mantissa.is_negative() {
                    out.push(b'-');
                }
                place_point(b.mantissa.magnitude().to_string().as_bytes(), usize::from(b.scale), out);
            }
            Self::NaN => out.extend_from_slice(b"NaN"),
            Self::Infinity => out.extend_from_slice(b"Infinity"),
            Self::NegInfinity => out.extend_from_slice(b"-Infinity"),
        }
    }

    /// Applies `numeric(precision, scale)`. Errors: 22003 `numeric field overflow` with its DETAIL.
    pub fn apply_typmod(&self, typmod: i32) -> Result<Self> {
        if typmod < 4 {
            return Ok(self.clone());
        }
        let (precision, scale) = typmod_parts(typmod);
        match self {
            Self::NaN => return Ok(Self::NaN),
            Self::Infinity | Self::NegInfinity => {
                return Err(err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
                    .detail(format!("A field with precision {precision}, scale {scale} cannot hold an infinite value.")));
            }
            _ => {}
        }
        let rounded = self.rescale(scale, true)?;
        let most = precision - scale;
        if rounded.exponent().is_some_and(|e| e + 1 > i64::from(most)) {
            let limit = if most != 0 { format!("10^{most}") } else { "1".into() };
            return Err(err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").detail(format!(
                "A field with precision {precision}, scale {scale} must round to an absolute value less than {limit}."
            )));
        }
        Ok(rounded)
    }

    /// Reads the binary form. Errors: 22P03, 22003.
    pub fn receive(reader: &mut Reader<'_>) -> Result<Self> {
        let (count, weight, sign, scale) = (reader.u16()?, reader.i16()?, reader.u16()?, reader.u16()?);
        let finite = match sign {
            0 | SIGN_NEGATIVE => true,
            SIGN_NAN | SIGN_INFINITY | SIGN_NEG_INFINITY => false,
            _ => return Err(invalid_binary("invalid sign in external \"numeric\" value")),
        };
        if scale & !MAX_SCALE != 0 {
            return Err(invalid_binary("invalid scale in external \"numeric\" value"));
        }
        let mut bytes = Vec::with_capacity(usize::from(count) * 4);
        for _ in 0..count {
            let digit = reader.u16()?;
            if digit > 9999 {
                return Err(invalid_binary("invalid digit in external \"numeric\" value"));
            }
            bytes.extend([digit / 1000, digit / 100 % 10, digit / 10 % 10, digit % 10].map(|d| d as u8));
        }
        if !finite {
            return Ok(match sign {
                SIGN_NAN => Self::NaN,
                SIGN_INFINITY => Self::Infinity,
                _ => Self::NegInfinity,
            });
        }
        let mantissa = BigInt::from_radix_be(num_bigint::Sign::Plus, &bytes, 10).unwrap_or(BigInt::ZERO);
        let mantissa = if sign == SIGN_NEGATIVE { -mantissa } else { mantissa };
        // The digits stand at 10000^weight downwards; digits past the display scale are cut, as PostgreSQL cuts them.
        let shift = i64::from(scale) - 4 * (i64::from(count) - 1 - i64::from(weight));
        let value = if shift >= 0 { mantissa * pow10(shift as u32) } else { mantissa / pow10((-shift) as u32) };
        Self::checked(value, i64::from(scale))
    }

    /// Appends the binary form.
    pub fn send(&self, out: &mut Vec<u8>) {
        let (negative, scale, digits) = match self {
            Self::NaN => return header(0, 0, SIGN_NAN, 0, out),
            Self::Infinity => return header(0, 0, SIGN_INFINITY, 0, out),
            Self::NegInfinity => return header(0, 0, SIGN_NEG_INFINITY, 0, out),
            Self::Small(m, s) => (*m < 0, *s, itoa::Buffer::new().format(m.unsigned_abs()).as_bytes().to_vec()),
            Self::Big(b) => (b.mantissa.is_negative(), b.scale, b.mantissa.magnitude().to_string().into_bytes()),
        };
        let groups = base_10000(&digits, usize::from(scale));
        let first = groups.iter().position(|g| *g != 0);
        let last = groups.iter().rposition(|g| *g != 0);
        let (Some(first), Some(last)) = (first, last) else { return header(0, 0, 0, scale, out) };
        let fraction_groups = usize::from(scale).div_ceil(4);
        let weight = groups.len() as i64 - fraction_groups as i64 - 1 - first as i64;
        let sign = if negative { SIGN_NEGATIVE } else { 0 };
        header((last - first + 1) as u16, weight as i16, sign, scale, out);
        for group in &groups[first..=last] {
            out.extend_from_slice(&group.to_be_bytes());
        }
    }
}

fn header(count: u16, weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(&count.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
}

/// Decimal digits with `scale` of them after the point, grouped by four on both sides of it.
fn base_10000(digits: &[u8], scale: usize) -> Vec<u16> {
    let whole = digits.len().saturating_sub(scale);
    let lead = (4 - whole % 4) % 4;
    let missing = scale.saturating_sub(digits.len());
    let tail = (4 - scale % 4) % 4;
    let zeros = |n| std::iter::repeat_n(0u8, n);
    let all: Vec<u8> = zeros(lead).chain(zeros(missing)).chain(digits.iter().map(|d| d - b'0')).chain(zeros(tail)).collect();
    all.chunks(4).map(|c| c.iter().fold(0, |v, d| v * 10 + u16::from(*d))).collect()
}

fn place_point(digits: &[u8], scale: usize, out: &mut Vec<u8>) {
    if scale == 0 {
        return out.extend_from_slice(digits);
    }
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.extend(std::iter::repeat_n(b'0', scale - digits.len()));
        out.extend_from_slice(digits);
    }
}

impl std::fmt::Display for Numeric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}
