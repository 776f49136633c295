//! gcd, lcm, factorial and width_bucket.

use super::{Numeric, overflow};
use crate::err;
use crate::error::{Result, SqlState};
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, Zero};

impl Numeric {
    /// Greatest common divisor, at the larger scale.
    pub fn gcd(&self, other: &Self) -> Self {
        match self.aligned_parts(other) {
            Some((a, b, s)) => Self::from_big(a.gcd(&b), s),
            None => Self::NaN,
        }
    }

    /// Least common multiple, at the larger scale. Errors: 22003.
    pub fn lcm(&self, other: &Self) -> Result<Self> {
        match self.aligned_parts(other) {
            Some((a, b, s)) if a.is_zero() || b.is_zero() => Ok(Self::Small(0, s)),
            Some((a, b, s)) => Self::checked((&a / a.gcd(&b) * b).abs(), i64::from(s)),
            None => Ok(Self::NaN),
        }
    }

    fn aligned_parts(&self, other: &Self) -> Option<(BigInt, BigInt, u16)> {
        let ((a, s), (b, t)) = (self.parts()?, other.parts()?);
        let scale = s.max(t);
        Some((a * super::pow10(u32::from(scale - s)), b * super::pow10(u32::from(scale - t)), scale))
    }
}

/// n! Errors: 22003.
pub fn factorial(n: i64) -> Result<Numeric> {
    if n < 0 {
        return Err(err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "factorial of a negative number is undefined"));
    }
    // The largest factorial that has fewer than 131072 digits.
    if n > 32177 {
        return Err(overflow());
    }
    // Products of similar sizes keep the multiplication fast.
    fn product(from: i64, to: i64) -> BigInt {
        if to - from < 8 {
            return (from..=to).fold(BigInt::from(1), |p, i| p * i);
        }
        let middle = from.midpoint(to);
        product(from, middle) * product(middle + 1, to)
    }
    Numeric::checked(product(1, n), 0)
}

/// Which of `count` equal buckets between two bounds a value falls in. Errors: 2201G, 22003.
pub fn width_bucket(operand: &Numeric, low: &Numeric, high: &Numeric, count: i32) -> Result<i32> {
    let invalid = |message: &str| Err(err!(SqlState::INVALID_ARGUMENT_FOR_WIDTH_BUCKET, "{message}"));
    if count <= 0 {
        return invalid("count must be greater than zero");
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return invalid("operand, lower bound, and upper bound cannot be NaN");
    }
    if !low.is_finite() || !high.is_finite() {
        return invalid("lower and upper bounds must be finite");
    }
    let (below, above, span, offset) = match low.cmp(high) {
        std::cmp::Ordering::Equal => return invalid("lower bound cannot equal upper bound"),
        std::cmp::Ordering::Less => (operand < low, operand >= high, high.sub(low)?, operand.sub(low)?),
        std::cmp::Ordering::Greater => (operand > low, operand <= high, low.sub(high)?, low.sub(operand)?),
    };
    if below {
        return Ok(0);
    }
    if above {
        return count.checked_add(1).ok_or_else(|| crate::sql::types::int::overflow("integer"));
    }
    let bucket = offset.mul(&Numeric::from(count))?.div_trunc(&span)?;
    bucket.increment()?.to_i32()
}
