//! Addition, subtraction, multiplication, division, remainder and rounding, with PostgreSQL's rules for the result's scale.

use super::{MAX_DISPLAY_SCALE, MAX_SCALE, MIN_SIG_DIGITS, Numeric, POW10, div_round, div_round_i128, pow10};
use crate::error::Result;
use crate::sql::types::int::division_by_zero;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::Zero;

/// Where a number's first base-10000 digit stands and what it is, as PostgreSQL stores numbers: its choice of scales for
/// inexact results depends on them. Zero has weight 0 and digit 0.
pub(super) struct Leading {
    pub(super) weight: i64,
    pub(super) digit: i64,
}

impl Numeric {
    /// The number's leading base-10000 digit.
    pub(super) fn leading(&self) -> Leading {
        let Some(exponent) = self.exponent() else { return Leading { weight: 0, digit: 0 } };
        let weight = exponent.div_euclid(4);
        let wanted = exponent - 4 * weight + 1;
        Leading { weight, digit: self.leading_digits(wanted) }
    }

    /// The first `wanted` decimal digits (at most 17) as a number, zeros following where there are no more.
    pub(super) fn leading_digits(&self, wanted: i64) -> i64 {
        if let Self::Small(m, _) = self {
            let m = u128::from(m.unsigned_abs());
            let have = m.checked_ilog10().map_or(0, |d| i64::from(d) + 1);
            let factor = POW10[(have - wanted).unsigned_abs() as usize] as u128;
            return (if have >= wanted { m / factor } else { m * factor }) as i64;
        }
        let Some((m, _)) = self.parts() else { return 0 };
        let have = super::digit_count(&m);
        let m = BigInt::from(m.magnitude().clone());
        let cut = if have >= wanted { m / pow10((have - wanted) as u32) } else { m * pow10((wanted - have) as u32) };
        i64::try_from(cut).unwrap_or(0)
    }

    /// Both mantissas at the larger of the two scales.
    fn aligned(&self, other: &Self) -> Option<(BigInt, BigInt, u16)> {
        let ((a, s), (b, t)) = (self.parts()?, other.parts()?);
        let scale = s.max(t);
        Some((a * pow10(u32::from(scale - s)), b * pow10(u32::from(scale - t)), scale))
    }

    /// Both mantissas at the larger scale when words suffice.
    #[inline]
    fn aligned_small(&self, other: &Self) -> Option<(i128, i128, u16)> {
        let (Self::Small(a, s), Self::Small(b, t)) = (self, other) else { return None };
        if s == t {
            return Some((i128::from(*a), i128::from(*b), *s));
        }
        let shift = usize::from(s.abs_diff(*t));
        let factor = *POW10.get(shift).filter(|_| shift <= 19)?;
        let (a, b) = (i128::from(*a), i128::from(*b));
        Some(if s < t { (a * factor, b, *t) } else { (a, b * factor, *s) })
    }

    /// self + other
    #[inline]
    pub fn add(&self, other: &Self) -> Result<Self> {
        if let (Self::Small(a, s), Self::Small(b, t)) = (self, other)
            && s == t
            && let Some(sum) = a.checked_add(*b)
        {
            return Ok(Self::Small(sum, *s));
        }
        if let Some((a, b, s)) = self.aligned_small(other) {
            return Ok(Self::from_i128(a + b, s));
        }
        if let Some((a, b, s)) = self.aligned(other) {
            return Self::checked(a + b, i64::from(s));
        }
        Ok(match (self, other) {
            (Self::NaN, _) | (_, Self::NaN) | (Self::Infinity, Self::NegInfinity) | (Self::NegInfinity, Self::Infinity) => {
                Self::NaN
            }
            (Self::Infinity, _) | (_, Self::Infinity) => Self::Infinity,
            _ => Self::NegInfinity,
        })
    }

    /// self - other
    #[inline]
    pub fn sub(&self, other: &Self) -> Result<Self> {
        if let Some((a, b, s)) = self.aligned_small(other) {
            return Ok(Self::from_i128(a - b, s));
        }
        self.add(&other.neg())
    }

    /// -self
    #[must_use]
    pub fn neg(&self) -> Self {
        match self {
            Self::Small(m, s) => Self::from_i128(-i128::from(*m), *s),
            Self::Big(b) => Self::from_big(-&b.mantissa, b.scale),
            Self::NaN => Self::NaN,
            Self::Infinity => Self::NegInfinity,
            Self::NegInfinity => Self::Infinity,
        }
    }

    /// |self|
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.signum() < 0 { self.neg() } else { self.clone() }
    }

    /// self * other; the scale is the sum of the scales.
    #[inline]
    pub fn mul(&self, other: &Self) -> Result<Self> {
        if let (Self::Small(a, s), Self::Small(b, t)) = (self, other)
            && s + t <= MAX_SCALE
        {
            return Ok(Self::from_i128(i128::from(*a) * i128::from(*b), s + t));
        }
        if let (Some((a, s)), Some((b, t))) = (self.parts(), other.parts()) {
            let scale = u32::from(s) + u32::from(t);
            let excess = scale.saturating_sub(u32::from(MAX_SCALE));
            let product = if excess > 0 { div_round(&(a * b), &pow10(excess)) } else { a * b };
            return Self::checked(product, i64::from(scale - excess));
        }
        Ok(match (self.is_nan() || other.is_nan(), self.signum() * other.signum()) {
            (true, _) | (_, 0) => Self::NaN,
            (_, 1) => Self::Infinity,
            _ => Self::NegInfinity,
        })
    }

    /// The scale PostgreSQL gives a quotient: at least 16 significant digits, no fewer than either side displays.
    fn div_scale(&self, other: &Self) -> i64 {
        let (a, b) = (self.leading(), other.leading());
        let mut weight = a.weight - b.weight;
        if a.digit <= b.digit {
            weight -= 1;
        }
        let scale = MIN_SIG_DIGITS - weight * 4;
        scale.max(i64::from(self.scale())).max(i64::from(other.scale())).clamp(0, MAX_DISPLAY_SCALE)
    }

    /// self / other. Errors: 22012.
    pub fn div(&self, other: &Self) -> Result<Self> {
        if self.is_finite() && other.is_finite() {
            if other.is_zero() {
                return Err(division_by_zero());
            }
            return self.div_to_scale(other, self.div_scale(other));
        }
        self.div_special(other, false)
    }

    /// The quotient of finite numbers rounded to a scale; the divisor is not zero.
    pub(super) fn div_to_scale(&self, other: &Self, scale: i64) -> Result<Self> {
        let shift = scale + i64::from(other.scale()) - i64::from(self.scale());
        if let (Self::Small(a, _), Self::Small(b, _)) = (self, other)
            && let Some(factor) = usize::try_from(shift).ok().and_then(|n| POW10.get(n))
            && let Some(dividend) = i128::from(*a).checked_mul(*factor)
        {
            return Ok(Self::from_i128(div_round_i128(dividend, i128::from(*b)), scale as u16));
        }
        let (Some((a, _)), Some((b, _))) = (self.parts(), other.parts()) else { return Ok(Self::NaN) };
        let quotient =
            if shift >= 0 { div_round(&(a * pow10(shift as u32)), &b) } else { div_round(&a, &(b * pow10((-shift) as u32))) };
        Self::checked(quotient, scale)
    }

    fn div_special(&self, other: &Self, remainder: bool) -> Result<Self> {
        if self.is_nan() || other.is_nan() {
            return Ok(Self::NaN);
        }
        if other.is_zero() {
            return Err(division_by_zero());
        }
        Ok(match (self.is_finite(), other.is_finite()) {
            (true, false) if remainder => self.clone(),
            (true, false) => Self::ZERO,
            (false, false) => Self::NaN,
            _ if remainder => Self::NaN,
            _ if self.signum() == other.signum() => Self::Infinity,
            _ => Self::NegInfinity,
        })
    }

    /// The quotient truncated to an integer: SQL's `div()`. Errors: 22012.
    pub fn div_trunc(&self, other: &Self) -> Result<Self> {
        match self.aligned(other) {
            Some((_, b, _)) if b.is_zero() => Err(division_by_zero()),
            Some((a, b, _)) => Self::checked(a / b, 0),
            None => self.div_special(other, false),
        }
    }

    /// self % other, with the sign of self. Errors: 22012.
    pub fn rem(&self, other: &Self) -> Result<Self> {
        if let Some((a, b, s)) = self.aligned_small(other) {
            return if b == 0 { Err(division_by_zero()) } else { Ok(Self::from_i128(a % b, s)) };
        }
        match self.aligned(other) {
            Some((_, b, _)) if b.is_zero() => Err(division_by_zero()),
            Some((a, b, s)) => Ok(Self::from_big(a % b, s)),
            None => self.div_special(other, true),
        }
    }

    /// Rounds half away from zero to `scale` digits after the point (negative: before it), displaying that many.
    pub fn round(&self, scale: i32) -> Result<Self> {
        self.rescale(scale.clamp(-2000, 2000), true)
    }

    /// Cuts to `scale` digits after the point (negative: before it), displaying that many.
    pub fn trunc(&self, scale: i32) -> Result<Self> {
        self.rescale(scale.clamp(-2000, 2000), false)
    }

    /// As `round` or `trunc`, for any scale.
    pub(super) fn rescale(&self, scale: i32, round: bool) -> Result<Self> {
        if !self.is_finite() {
            return Ok(self.clone());
        }
        let shown = scale.max(0) as u16;
        let shift = scale - i32::from(self.scale());
        if shift == 0 {
            return Ok(self.clone());
        }
        if let Self::Small(m, _) = self
            && let Some(factor) = POW10.get(shift.unsigned_abs() as usize).filter(|_| shift.abs() <= 19)
        {
            let m = i128::from(*m);
            let whole = match (shift > 0, round) {
                (true, _) => return Ok(Self::from_i128(m * factor, shown)),
                (false, true) => div_round_i128(m, *factor),
                (false, false) => m / factor,
            };
            return Ok(Self::from_i128(whole * POW10[scale.min(0).unsigned_abs() as usize], shown));
        }
        let Some((m, _)) = self.parts() else { return Ok(self.clone()) };
        let factor = pow10(shift.unsigned_abs());
        if shift > 0 {
            return Self::checked(m * factor, i64::from(shown));
        }
        let cut = if round { div_round(&m, &factor) } else { m / factor };
        Self::checked(cut * pow10(scale.min(0).unsigned_abs()), i64::from(shown))
    }

    /// Smallest integer not below.
    pub fn ceil(&self) -> Result<Self> {
        self.to_integer(|m, d| m.div_ceil(d))
    }

    /// Largest integer not above.
    pub fn floor(&self) -> Result<Self> {
        self.to_integer(|m, d| m.div_floor(d))
    }

    fn to_integer(&self, divide: impl Fn(&BigInt, &BigInt) -> BigInt) -> Result<Self> {
        if let Self::Small(_, 0) = self {
            return Ok(self.clone());
        }
        match self.parts() {
            Some((m, s)) => Self::checked(divide(&m, &pow10(u32::from(s))), 0),
            None => Ok(self.clone()),
        }
    }

    /// -1, 0, 1, or NaN.
    #[must_use]
    pub fn sign(&self) -> Self {
        if self.is_nan() { Self::NaN } else { Self::Small(i64::from(self.signum()), 0) }
    }

    /// self + 1, as `inc` aggregates and loops need it.
    pub fn increment(&self) -> Result<Self> {
        self.add(&Self::ONE)
    }
}
