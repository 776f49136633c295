//! Arbitrary-precision decimal numbers with a display scale.
//!
//! A finite value is `mantissa * 10^-scale`; the scale is also how many digits are displayed, so `1.50` keeps its zero. Nearly
//! every value met in practice fits a machine word and takes the `Small` path; results that do not fit become `Big`, and
//! results that fit again become `Small`: a value has one representation for each scale.
//!
//! - `text`: decimal text and binary in and out, type modifiers
//! - `arith`: + - * / %, rounding, scales
//! - `math`: sqrt, exp, ln, log, power
//! - `functions`: gcd, lcm, factorial, width_bucket
//! - `convert`: integers and floats in and out

mod arith;
mod convert;
mod functions;
mod math;
mod text;

#[cfg(test)]
mod tests;

pub use functions::{factorial, width_bucket};
pub use text::typmod_parts;

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Most digits after the decimal point (`NUMERIC_DSCALE_MAX`).
pub const MAX_SCALE: u16 = 16383;
/// Most digits before the decimal point.
const MAX_WHOLE_DIGITS: i64 = 131_072;
/// Significant digits a division, root or logarithm yields at least (`NUMERIC_MIN_SIG_DIGITS`).
const MIN_SIG_DIGITS: i64 = 16;
/// Most digits after the point such a result displays (`NUMERIC_MAX_DISPLAY_SCALE`).
const MAX_DISPLAY_SCALE: i64 = 1000;

/// A numeric value: `mantissa * 10^-scale`, or NaN and the infinities.
#[derive(Clone, Debug)]
pub enum Numeric {
    /// Mantissa fits a machine word: the fast path. Scale is 0..=16383.
    Small(i64, u16),
    /// Anything larger: never holds what `Small` could.
    Big(Arc<BigNumeric>),
    /// Not a number; equal to itself and greater than all else.
    NaN,
    /// Infinity
    Infinity,
    /// -Infinity
    NegInfinity,
}

/// A decimal too large for a machine word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigNumeric {
    /// Digits with sign.
    pub mantissa: BigInt,
    /// Digits after the point.
    pub scale: u16,
}

/// 22003 `value overflows numeric format`
#[cold]
fn overflow() -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

/// 10^n
fn pow10(n: u32) -> BigInt {
    match POW10.get(n as usize) {
        Some(p) => BigInt::from(*p),
        None => BigInt::from(10).pow(n),
    }
}

/// 10^0 ..= 10^38
const POW10: [i128; 39] = {
    let mut table = [1i128; 39];
    let mut i = 1;
    while i < 39 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

/// Number of decimal digits; 0 for 0.
fn digit_count(mantissa: &BigInt) -> i64 {
    match mantissa.magnitude().to_u128() {
        Some(0) => 0,
        Some(m) => i64::from(m.ilog10()) + 1,
        None => {
            // bits * log10(2) is off by at most one.
            let estimate = ((mantissa.bits() - 1) as f64 * std::f64::consts::LOG10_2) as u32;
            let magnitude = BigInt::from(mantissa.magnitude().clone());
            i64::from(estimate) + i64::from(magnitude >= pow10(estimate)) + i64::from(magnitude >= pow10(estimate + 1))
        }
    }
}

/// Divides and rounds half away from zero.
fn div_round(a: &BigInt, b: &BigInt) -> BigInt {
    let (q, r) = a.div_rem(b);
    if (r.magnitude() << 1usize) >= *b.magnitude() {
        let away = if (a.sign() == Sign::Minus) == (b.sign() == Sign::Minus) { 1 } else { -1 };
        q + away
    } else {
        q
    }
}

/// Same for machine words.
fn div_round_i128(a: i128, b: i128) -> i128 {
    let (q, r) = (a / b, a % b);
    if r.unsigned_abs() >= b.unsigned_abs() - r.unsigned_abs() { q + if (a < 0) == (b < 0) { 1 } else { -1 } } else { q }
}

impl Numeric {
    /// 0
    pub const ZERO: Numeric = Numeric::Small(0, 0);
    /// 1
    pub const ONE: Numeric = Numeric::Small(1, 0);

    /// `mantissa * 10^-scale`; the scale is at most 16383.
    #[inline]
    pub fn from_i128(mantissa: i128, scale: u16) -> Self {
        match i64::try_from(mantissa) {
            Ok(m) => Self::Small(m, scale),
            Err(_) => Self::Big(Arc::new(BigNumeric { mantissa: mantissa.into(), scale })),
        }
    }

    /// `mantissa * 10^-scale` without checking PostgreSQL's limits: for values known to be within them.
    pub fn from_big(mantissa: BigInt, scale: u16) -> Self {
        match mantissa.to_i64() {
            Some(m) => Self::Small(m, scale),
            None => Self::Big(Arc::new(BigNumeric { mantissa, scale })),
        }
    }

    /// `mantissa * 10^-scale`. Errors: 22003 `value overflows numeric format`.
    pub fn checked(mantissa: BigInt, scale: i64) -> Result<Self> {
        let Some(scale) = u16::try_from(scale).ok().filter(|s| *s <= MAX_SCALE) else { return Err(overflow()) };
        if mantissa.bits() > 430_000 && digit_count(&mantissa) - i64::from(scale) > MAX_WHOLE_DIGITS {
            return Err(overflow());
        }
        Ok(Self::from_big(mantissa, scale))
    }

    /// Mantissa and scale of a finite value.
    pub fn parts(&self) -> Option<(BigInt, u16)> {
        match self {
            Self::Small(m, s) => Some((BigInt::from(*m), *s)),
            Self::Big(b) => Some((b.mantissa.clone(), b.scale)),
            _ => None,
        }
    }

    /// Digits displayed after the point; 0 for NaN and the infinities.
    pub fn scale(&self) -> u16 {
        match self {
            Self::Small(_, s) => *s,
            Self::Big(b) => b.scale,
            _ => 0,
        }
    }

    /// Whether NaN.
    pub fn is_nan(&self) -> bool {
        matches!(self, Self::NaN)
    }

    /// Whether neither NaN nor an infinity.
    pub fn is_finite(&self) -> bool {
        matches!(self, Self::Small(..) | Self::Big(_))
    }

    /// -1, 0 or 1; 0 for NaN.
    pub fn signum(&self) -> i32 {
        match self {
            Self::Small(m, _) => m.signum() as i32,
            Self::Big(b) if b.mantissa.is_negative() => -1,
            Self::Big(_) | Self::Infinity => 1,
            Self::NaN => 0,
            Self::NegInfinity => -1,
        }
    }

    /// Whether it equals 0.
    pub fn is_zero(&self) -> bool {
        matches!(self, Self::Small(0, _))
    }

    /// Whether finite without a fractional part.
    pub fn is_integral(&self) -> bool {
        match self {
            Self::Small(m, s) => match POW10.get(usize::from(*s)) {
                Some(p) => i128::from(*m) % p == 0,
                None => *m == 0,
            },
            Self::Big(b) => (&b.mantissa % pow10(u32::from(b.scale))).is_zero(),
            _ => false,
        }
    }

    /// Where the first digit stands: floor(log10(|x|)); `None` for 0 and the non-finite.
    fn exponent(&self) -> Option<i64> {
        match self {
            Self::Small(0, _) => None,
            Self::Small(m, s) => Some(i64::from(m.unsigned_abs().ilog10()) - i64::from(*s)),
            Self::Big(b) => Some(digit_count(&b.mantissa) - 1 - i64::from(b.scale)),
            _ => None,
        }
    }

    fn rank(&self) -> i8 {
        match self {
            Self::NegInfinity => 0,
            Self::Small(..) | Self::Big(_) => 1,
            Self::Infinity => 2,
            Self::NaN => 3,
        }
    }
}

impl PartialEq for Numeric {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Numeric {}

impl PartialOrd for Numeric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By value whatever the scale: -Infinity, finite, Infinity, NaN.
impl Ord for Numeric {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Small(a, s), Self::Small(b, t)) if s == t => a.cmp(b),
            (Self::Small(a, s), Self::Small(b, t)) => compare_scaled(*a, *s, *b, *t),
            (Self::Small(..) | Self::Big(_), Self::Small(..) | Self::Big(_)) => self.compare_big(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

fn compare_scaled(a: i64, s: u16, b: i64, t: u16) -> Ordering {
    if a.signum() != b.signum() {
        return a.cmp(&b);
    }
    // A word times 10^19 always fits; beyond that the side with more integer digits wins outright.
    let shift = usize::from(s.abs_diff(t));
    let (finer, coarser, flip) = if s > t { (a, b, false) } else { (b, a, true) };
    let order = match (coarser, POW10.get(shift).filter(|_| shift <= 19)) {
        (0, _) => i128::from(finer).cmp(&0),
        (_, Some(p)) => i128::from(finer).cmp(&(i128::from(coarser) * p)),
        (_, None) => 0i64.cmp(&coarser),
    };
    if flip { order.reverse() } else { order }
}

impl Numeric {
    fn compare_big(&self, other: &Self) -> Ordering {
        let by_sign = self.signum().cmp(&other.signum());
        if by_sign.is_ne() {
            return by_sign;
        }
        let by_size = self.exponent().cmp(&other.exponent());
        if by_size.is_ne() {
            return if self.signum() < 0 { by_size.reverse() } else { by_size };
        }
        let (Some((a, s)), Some((b, t))) = (self.parts(), other.parts()) else { return Ordering::Equal };
        let (s, t) = (u32::from(s), u32::from(t));
        if s < t { (a * pow10(t - s)).cmp(&b) } else { a.cmp(&(b * pow10(s - t))) }
    }

    /// The same value with no trailing zeros after the point.
    #[must_use]
    pub fn trim_scale(&self) -> Self {
        match self {
            Self::Small(0, _) => Self::ZERO,
            Self::Small(m, s) => {
                let (mut m, mut s) = (*m, *s);
                while s > 0 && m % 10 == 0 {
                    m /= 10;
                    s -= 1;
                }
                Self::Small(m, s)
            }
            Self::Big(b) if b.scale > 0 => {
                let (mut m, mut s) = (b.mantissa.clone(), b.scale);
                let mut step = 1u16 << 13;
                while step > 0 {
                    if step <= s {
                        let (q, r) = m.div_rem(&pow10(u32::from(step)));
                        if r.is_zero() {
                            (m, s) = (q, s - step);
                            continue;
                        }
                    }
                    step >>= 1;
                }
                Self::from_big(m, s)
            }
            other => other.clone(),
        }
    }

    /// Fewest digits after the point that hold the value; `None` for NaN and the infinities.
    pub fn min_scale(&self) -> Option<u16> {
        self.is_finite().then(|| self.trim_scale().scale())
    }
}

/// Equal values hash alike whatever their scale.
impl Hash for Numeric {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Small(..) | Self::Big(_) => match self.trim_scale() {
                Self::Small(m, s) => (m, s).hash(state),
                Self::Big(b) => (&b.mantissa, b.scale).hash(state),
                _ => {}
            },
            special => special.rank().hash(state),
        }
    }
}
