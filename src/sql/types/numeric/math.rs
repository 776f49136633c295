//! Roots, exponentials and logarithms.
//!
//! The scale of each result follows PostgreSQL's estimates (at least 16 significant digits); the value itself is computed in
//! fixed point with guard digits and rounded once, which is what those estimates promise.

use super::{MAX_DISPLAY_SCALE, MIN_SIG_DIGITS, Numeric, div_round, overflow, pow10};
use crate::err;
use crate::error::{Result, SqlState};
use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive, Zero};
use std::f64::consts::{LN_10, LOG10_E};

/// Beyond this argument `exp` surely overflows (`NUMERIC_MAX_RESULT_SCALE * 3`).
const MAX_EXPONENT: f64 = 6000.0;

impl Numeric {
    /// Square root. Errors: 2201F.
    pub fn sqrt(&self) -> Result<Self> {
        match self {
            Self::NaN | Self::Infinity => return Ok(self.clone()),
            _ if self.signum() < 0 => {
                return Err(err!(SqlState::INVALID_ARGUMENT_FOR_POWER, "cannot take square root of a negative number"));
            }
            _ => {}
        }
        let scale = MIN_SIG_DIGITS - (self.leading().weight * 2 + 1);
        let scale = scale.max(i64::from(self.scale())).clamp(0, MAX_DISPLAY_SCALE);
        let Some((m, s)) = self.parts() else { return Ok(self.clone()) };
        // One digit more than asked for, truncated, decides the rounding: a root is never an exact tie.
        let root = (m * pow10((2 * (scale + 1) - i64::from(s)).max(0) as u32)).sqrt();
        Self::checked(div_round(&root, &BigInt::from(10)), scale)
    }

    /// e^self. Errors: 22003.
    pub fn exp(&self) -> Result<Self> {
        match self {
            Self::NaN | Self::Infinity => return Ok(self.clone()),
            Self::NegInfinity => return Ok(Self::ZERO),
            _ => {}
        }
        let weight = (self.to_f64_lossy() * LOG10_E).clamp(-2000.0, 2000.0);
        let scale = (MIN_SIG_DIGITS - weight as i64).max(i64::from(self.scale())).clamp(0, MAX_DISPLAY_SCALE);
        exp_to_scale(self, scale)
    }

    /// Natural logarithm. Errors: 2201E.
    pub fn ln(&self) -> Result<Self> {
        if let Some(special) = self.check_log()? {
            return Ok(special);
        }
        let scale = MIN_SIG_DIGITS - self.ln_weight();
        let scale = scale.max(i64::from(self.scale())).clamp(0, MAX_DISPLAY_SCALE);
        ln_to_scale(self, scale)
    }

    /// Base-10 logarithm. Errors: 2201E.
    pub fn log10(&self) -> Result<Self> {
        Self::Small(10, 0).log(self)
    }

    /// Logarithm of `num` to the base self. Errors: 2201E, 22012 for base 1.
    pub fn log(&self, num: &Self) -> Result<Self> {
        if self.is_nan() || num.is_nan() {
            return Ok(Self::NaN);
        }
        match (self.check_log()?, num.check_log()?) {
            (None, None) => {}
            (Some(_), Some(_)) => return Ok(Self::NaN),
            (Some(_), None) => return Ok(Self::ZERO),
            (None, Some(infinity)) => return Ok(if *self < Self::ONE { infinity.neg() } else { infinity }),
        }
        let (base_weight, num_weight) = (self.ln_weight(), num.ln_weight());
        let weight = num_weight - base_weight;
        let scale = MIN_SIG_DIGITS - weight;
        let scale = scale.max(i64::from(self.scale())).max(i64::from(num.scale())).clamp(0, MAX_DISPLAY_SCALE);
        let base_scale = (scale + weight - base_weight + 8).max(0);
        let num_scale = (scale + weight - num_weight + 8).max(0);
        let (base, num) = (ln_to_scale(self, base_scale)?, ln_to_scale(num, num_scale)?);
        if base.is_zero() {
            return Err(crate::sql::types::int::division_by_zero());
        }
        num.div_to_scale(&base, scale)
    }

    /// Refuses what has no logarithm; NaN and Infinity answer themselves.
    fn check_log(&self) -> Result<Option<Self>> {
        match self.signum() {
            _ if self.is_nan() => Ok(Some(Self::NaN)),
            -1 => Err(err!(SqlState::INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of a negative number")),
            0 => Err(err!(SqlState::INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero")),
            _ => Ok((!self.is_finite()).then_some(Self::Infinity)),
        }
    }

    /// Roughly the decimal weight of this positive number's logarithm (`estimate_ln_dweight`).
    fn ln_weight(&self) -> i64 {
        if self.signum() <= 0 {
            return 0;
        }
        if *self >= Self::Small(9, 1) && *self <= Self::Small(11, 1) {
            let Ok(x) = self.sub(&Self::ONE) else { return 0 };
            if x.is_zero() {
                return 0;
            }
            let leading = x.leading();
            return leading.weight * 4 + (leading.digit as f64).log10() as i64;
        }
        let leading = self.leading();
        let second_digit = self.parts().is_some_and(|(m, s)| {
            let below = i64::from(s) + (leading.weight * 4);
            below > 0 && !(m % pow10(below as u32)).is_zero()
        });
        let (digits, weight) = if second_digit {
            let exponent = self.exponent().unwrap_or(0) - 4 * leading.weight + 1;
            (self.leading_digits(exponent + 4), leading.weight * 4 - 4)
        } else {
            (leading.digit, leading.weight * 4)
        };
        let ln = (digits as f64).ln() + weight as f64 * LN_10;
        ln.abs().log10() as i64
    }

    /// self ^ exponent. Errors: 2201F, 22003, 22012.
    pub fn power(&self, exponent: &Self) -> Result<Self> {
        if (self.is_nan() || exponent.is_nan()) && self.is_finite() | exponent.is_finite() {
            let one = (self.is_finite() && *self == Self::ONE) || exponent.is_zero();
            return Ok(if one { Self::ONE } else { Self::NaN });
        }
        if self.is_nan() || exponent.is_nan() {
            return Ok(Self::NaN);
        }
        if self.is_zero() && exponent.signum() < 0 {
            return Err(err!(SqlState::INVALID_ARGUMENT_FOR_POWER, "zero raised to a negative power is undefined"));
        }
        if self.signum() < 0 && exponent.is_finite() && !exponent.is_integral() {
            return Err(err!(
                SqlState::INVALID_ARGUMENT_FOR_POWER,
                "a negative number raised to a non-integer power yields a complex result"
            ));
        }
        if self.is_finite() && exponent.is_finite() { self.power_finite(exponent) } else { Ok(self.power_infinite(exponent)) }
    }

    /// POSIX `pow` where a side is infinite and neither is NaN.
    fn power_infinite(&self, exponent: &Self) -> Self {
        if *self == Self::ONE || exponent.is_zero() {
            return Self::ONE;
        }
        if self.is_zero() {
            return Self::ZERO;
        }
        if !exponent.is_finite() {
            if *self == Self::Small(-1, 0) {
                return Self::ONE;
            }
            let grows = (self.abs() > Self::ONE) == (exponent.signum() > 0);
            return if grows { Self::Infinity } else { Self::ZERO };
        }
        match (self, exponent.signum() > 0) {
            (_, false) => Self::ZERO,
            (Self::NegInfinity, true) if exponent.is_odd() => Self::NegInfinity,
            _ => Self::Infinity,
        }
    }

    fn is_odd(&self) -> bool {
        self.is_integral() && self.to_bigint().is_some_and(|m| m.bit(0))
    }

    fn power_finite(&self, exponent: &Self) -> Result<Self> {
        if exponent.is_integral()
            && let Some(n) = exponent.to_bigint().and_then(|m| m.to_i32())
        {
            let scale = MIN_SIG_DIGITS.max(i64::from(self.scale())).clamp(0, MAX_DISPLAY_SCALE);
            return self.power_int(n, scale);
        }
        if self.is_zero() {
            return Ok(Self::Small(0, MIN_SIG_DIGITS as u16));
        }
        let negative = self.signum() < 0 && exponent.is_odd();
        let base = self.abs();
        let ln_weight = base.ln_weight();
        let estimate = ln_to_scale(&base, (8 - ln_weight).max(0))?.mul(exponent)?.to_f64_lossy();
        if estimate.abs() > MAX_EXPONENT * 1.003_333 {
            return if estimate > 0.0 { Err(overflow()) } else { Ok(Self::Small(0, MAX_DISPLAY_SCALE as u16)) };
        }
        let weight = (estimate * LOG10_E) as i64;
        let scale = (MIN_SIG_DIGITS - weight).max(i64::from(self.scale())).max(i64::from(exponent.scale()));
        let scale = scale.clamp(0, MAX_DISPLAY_SCALE);
        let significant = (scale + weight).max(0);
        let argument = ln_to_scale(&base, (significant - ln_weight + 8).max(0) + 8)?.mul(exponent)?;
        let result = exp_to_scale(&argument, scale)?;
        Ok(if negative { result.neg() } else { result })
    }

    fn power_int(&self, n: i32, scale: i64) -> Result<Self> {
        match n {
            0 => return Self::ONE.rescale(scale as i32, true),
            1 => return self.rescale(scale as i32, true),
            -1 => return Self::ONE.div_to_scale(self, scale),
            2 => return self.mul(self)?.rescale(scale as i32, true),
            _ if self.is_zero() => return Ok(Self::Small(0, scale as u16)),
            _ => {}
        }
        let first = self.exponent().unwrap_or(0);
        let size = f64::from(n) * ((self.leading_digits(16) as f64).log10() + (first - 15) as f64);
        if size > 3.0 * 32767.0 * 4.0 {
            return Err(overflow());
        }
        if size + 1.0 < -(scale as f64) {
            return Ok(Self::Small(0, scale as u16));
        }
        let keep = (1 + scale + size as i64).max(1) + f64::from(n).abs().ln() as i64 + 8;
        let (m, s) = self.parts().unwrap_or_default();
        let power = power_rounded(m, i64::from(s), n.unsigned_abs(), keep + 8);
        let (m, s) = if n < 0 { reciprocal(&power, scale + 1) } else { power };
        let m = if s >= scale { div_round(&m, &pow10((s - scale) as u32)) } else { m * pow10((scale - s) as u32) };
        Self::checked(m, scale)
    }
}

/// `(m * 10^-s) ^ n`, keeping about `keep` significant digits on the way.
fn power_rounded(m: BigInt, s: i64, n: u32, keep: i64) -> (BigInt, i64) {
    let shorten = |(m, s): (BigInt, i64)| {
        let excess = super::digit_count(&m) - keep;
        if excess > 0 { (m / pow10(excess as u32), s - excess) } else { (m, s) }
    };
    let (mut base, mut result) = ((m, s), (BigInt::one(), 0));
    for bit in 0..32 {
        if n >> bit & 1 == 1 {
            result = shorten((result.0 * &base.0, result.1 + base.1));
        }
        if n >> bit <= 1 {
            break;
        }
        base = shorten((&base.0 * &base.0, base.1 * 2));
    }
    result
}

/// 1/x to `scale` digits after the point and a few more.
fn reciprocal((m, s): &(BigInt, i64), scale: i64) -> (BigInt, i64) {
    let shown = scale + 8;
    // 10^(shown + s) / m has `shown` digits after the point.
    let shift = shown + s;
    if shift < 0 { (BigInt::zero(), shown) } else { (pow10(shift as u32) / m, shown) }
}

/// e^x rounded to a scale. Errors: 22003.
fn exp_to_scale(x: &Numeric, scale: i64) -> Result<Numeric> {
    let value = x.to_f64_lossy();
    if value.abs() >= MAX_EXPONENT {
        return if value > 0.0 { Err(overflow()) } else { Ok(Numeric::Small(0, scale as u16)) };
    }
    let halvings = if value.abs() < 0.01 { 4 } else { value.abs().log2().ceil().max(0.0) as i64 + 8 };
    let digits = scale + (value.abs() * LOG10_E) as i64 + halvings / 3 + 15;
    let (m, s) = x.parts().unwrap_or_default();
    let one = pow10(digits as u32);
    let argument = (m.abs() * &one / pow10(u32::from(s))) >> halvings as usize;
    let (mut sum, mut term, mut n) = (one.clone(), one.clone(), 1u32);
    while !term.is_zero() {
        term = term * &argument / (&one * n);
        sum += &term;
        n += 1;
    }
    for _ in 0..halvings {
        sum = &sum * &sum / &one;
    }
    if value < 0.0 {
        sum = &one * &one / sum;
    }
    Numeric::checked(div_round(&sum, &pow10((digits - scale) as u32)), scale)
}

/// ln(x) of a positive finite number, rounded to a scale.
fn ln_to_scale(x: &Numeric, scale: i64) -> Result<Numeric> {
    let digits = scale + 18;
    let one = pow10(digits as u32);
    let (m, s) = x.parts().unwrap_or_default();
    // x = y * 10^exponent with y in [0.5, 5): near 1 nothing is split off and no digits cancel.
    let first = x.exponent().unwrap_or(0);
    let exponent = if x.leading_digits(1) >= 5 { first + 1 } else { first };
    let shift = digits - i64::from(s) - exponent;
    let y = if shift >= 0 { m * pow10(shift as u32) } else { m / pow10((-shift) as u32) };
    let mut sum = ln_near_one(&y, &one);
    if exponent != 0 {
        sum += ln_ten(digits) * exponent;
    }
    Numeric::checked(div_round(&sum, &pow10((digits - scale) as u32)), scale)
}

/// ln(10) with that many digits after the point.
fn ln_ten(digits: i64) -> BigInt {
    thread_local! {
        static CACHED: std::cell::RefCell<(i64, BigInt)> = std::cell::RefCell::new((0, BigInt::from(LN_10 as i64)));
    }
    CACHED.with_borrow_mut(|(have, value)| {
        if *have < digits {
            // ln 10 = 3 ln 2 + ln 1.25
            let one = pow10(digits as u32 + 8);
            let two = ln_near_one(&(&one * 2), &one);
            let rest = ln_near_one(&(&one * 5 / 4), &one);
            (*have, *value) = (digits, (two * 3 + rest) / pow10(8));
        }
        &*value / pow10((*have - digits) as u32)
    })
}

/// ln(y / one) for y around `one`: square roots bring it near 1, then the series of 2 artanh((y-1)/(y+1)).
fn ln_near_one(y: &BigInt, one: &BigInt) -> BigInt {
    const ROOTS: usize = 4;
    // The roots are taken with extra digits, as the final doubling multiplies their error.
    let guard = BigInt::from(1_000_000);
    let one = one * &guard;
    let mut y = y * &guard;
    for _ in 0..ROOTS {
        y = (y * &one).sqrt();
    }
    let z = (&y - &one) * &one / (&y + &one);
    let square = &z * &z / &one;
    let (mut sum, mut power, mut n) = (BigInt::zero(), z, 1u32);
    while !power.is_zero() {
        sum += &power / n;
        power = power * &square / &one;
        n += 2;
    }
    (sum << (ROOTS + 1)) / guard
}
