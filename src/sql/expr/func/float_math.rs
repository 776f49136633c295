//! Mathematical functions of double precision: powers, logarithms, rounding, trigonometry in radians and degrees.
//!
//! The degree versions are exact at multiples of 30 and 45 degrees: they are computed inside the first quadrant from constants
//! measured with the same library calls, as PostgreSQL's `float.c` does.

use super::support::*;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::float::{float8 as f8, overflow, underflow};
use std::cmp::Ordering;

fn d(v: f64) -> Result<Datum> {
    Ok(Datum::Float8(v))
}

fn x(args: &[Datum]) -> f64 {
    args[0].as_float8()
}

/// double precision functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("dround", |_, a| d(x(a).round_ties_even())),
    f("dceil", |_, a| d(x(a).ceil())),
    f("dfloor", |_, a| d(x(a).floor())),
    f("dtrunc", |_, a| d(if x(a) >= 0.0 { x(a).floor() } else { -(-x(a)).floor() })),
    f("dsign", |_, a| {
        d(if x(a) > 0.0 {
            1.0
        } else if x(a) < 0.0 {
            -1.0
        } else {
            0.0
        })
    }),
    f("dsqrt", |_, a| square_root(x(a)).and_then(d)),
    f("dcbrt", |_, a| d(x(a).cbrt())),
    f("dpow", |_, a| power(x(a), a[1].as_float8()).and_then(d)),
    f("dexp", |_, a| exponential(x(a)).and_then(d)),
    f("dlog1", |_, a| logarithm(x(a), f64::ln).and_then(d)),
    f("dlog10", |_, a| logarithm(x(a), f64::log10).and_then(d)),
    f("dpi", |_, _| d(std::f64::consts::PI)),
    f("degrees", |_, a| f8::div(x(a), RADIANS_PER_DEGREE).and_then(d)),
    f("radians", |_, a| f8::mul(x(a), RADIANS_PER_DEGREE).and_then(d)),
    f("dsin", |_, a| finite(x(a)).map(f64::sin).and_then(d)),
    f("dcos", |_, a| finite(x(a)).map(f64::cos).and_then(d)),
    f("dtan", |_, a| finite(x(a)).map(f64::tan).and_then(d)),
    f("dcot", |_, a| finite(x(a)).and_then(|v| f8::div(1.0, v.tan()).or_else(|_| Ok(1.0 / v.tan()))).and_then(d)),
    f("dasin", |_, a| unit(x(a)).map(f64::asin).and_then(d)),
    f("dacos", |_, a| unit(x(a)).map(f64::acos).and_then(d)),
    f("datan", |_, a| d(x(a).atan())),
    f("datan2", |_, a| d(x(a).atan2(a[1].as_float8()))),
    f("dsinh", |_, a| d(x(a).sinh())),
    f("dcosh", |_, a| d(x(a).cosh())),
    f("dtanh", |_, a| d(x(a).tanh())),
    f("dasinh", |_, a| d(x(a).asinh())),
    f("dacosh", |_, a| if x(a) < 1.0 { Err(input_range()) } else { d(x(a).acosh()) }),
    f("datanh", |_, a| inverse_tanh(x(a)).and_then(d)),
    f("dsind", |_, a| degrees_of(x(a), sine_degrees).and_then(d)),
    f("dcosd", |_, a| degrees_of(x(a), cosine_degrees).and_then(d)),
    f("dtand", |_, a| degrees_of(x(a), tangent_degrees).and_then(d)),
    f("dcotd", |_, a| degrees_of(x(a), cotangent_degrees).and_then(d)),
    f("dasind", |_, a| unit(x(a)).map(|v| if v >= 0.0 { asind_q1(v) } else { -asind_q1(-v) }).and_then(d)),
    f("dacosd", |_, a| unit(x(a)).map(|v| if v >= 0.0 { acosd_q1(v) } else { 90.0 + asind_q1(-v) }).and_then(d)),
    f("datand", |_, a| d(x(a).atan() / 1f64.atan() * 45.0)),
    f("datan2d", |_, a| d(x(a).atan2(a[1].as_float8()) / 1f64.atan() * 45.0)),
    f("drandom", |cx, _| d(cx.session.random())),
    f("setseed", |cx, a| {
        let seed = x(a);
        if !(-1.0..=1.0).contains(&seed) {
            return Err(invalid_parameter(format!("setseed parameter {} is out of allowed range [-1,1]", short(seed))));
        }
        cx.session.set_seed(seed);
        Ok(Datum::text(""))
    }),
    f("width_bucket_float8", |_, a| {
        let bucket = width_bucket(x(a), a[1].as_float8(), a[2].as_float8(), a[3].as_int4())?;
        Ok(Datum::Int4(bucket))
    }),
    f("in_range_float8_float8", |_, a| {
        in_range(x(a), a[1].as_float8(), a[2].as_float8(), a[3].as_bool(), a[4].as_bool()).map(Datum::Bool)
    }),
    f("in_range_float4_float8", |_, a| {
        let (value, base) = (a[0].as_float4().into(), a[1].as_float4().into());
        in_range(value, base, a[2].as_float8(), a[3].as_bool(), a[4].as_bool()).map(Datum::Bool)
    }),
];

const RADIANS_PER_DEGREE: f64 = 0.017_453_292_519_943_295;

fn short(v: f64) -> String {
    if v.is_nan() { "nan".into() } else { format!("{v}") }
}

#[cold]
fn input_range() -> SqlError {
    SqlError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range")
}

/// Trigonometry refuses infinities.
fn finite(v: f64) -> Result<f64> {
    if v.is_infinite() { Err(input_range()) } else { Ok(v) }
}

/// Inverse sine and cosine refuse what lies outside [-1, 1].
fn unit(v: f64) -> Result<f64> {
    if !(-1.0..=1.0).contains(&v) && !v.is_nan() { Err(input_range()) } else { Ok(v) }
}

/// sqrt with 2201F below zero.
fn square_root(v: f64) -> Result<f64> {
    if v < 0.0 {
        return Err(SqlError::new(SqlState::INVALID_ARGUMENT_FOR_POWER, "cannot take square root of a negative number"));
    }
    Ok(v.sqrt())
}

fn exponential(v: f64) -> Result<f64> {
    let r = v.exp();
    if r.is_infinite() && !v.is_infinite() {
        return Err(overflow());
    }
    if r == 0.0 && !v.is_infinite() { Err(underflow()) } else { Ok(r) }
}

fn logarithm(v: f64, log: fn(f64) -> f64) -> Result<f64> {
    if v == 0.0 {
        return Err(SqlError::new(SqlState::INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero"));
    }
    if v < 0.0 {
        return Err(SqlError::new(SqlState::INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of a negative number"));
    }
    Ok(log(v))
}

/// `power` with the SQL standard's errors and POSIX's special cases.
pub fn power(base: f64, exponent: f64) -> Result<f64> {
    let domain = |message: &str| Err(SqlError::new(SqlState::INVALID_ARGUMENT_FOR_POWER, message));
    if base.is_nan() {
        return Ok(if exponent == 0.0 { 1.0 } else { f64::NAN });
    }
    if exponent.is_nan() {
        return Ok(if base == 1.0 { 1.0 } else { f64::NAN });
    }
    if base == 0.0 && exponent < 0.0 {
        return domain("zero raised to a negative power is undefined");
    }
    if base < 0.0 && exponent.floor() != exponent {
        return domain("a negative number raised to a non-integer power yields a complex result");
    }
    let r = base.powf(exponent);
    if base.is_infinite() || exponent.is_infinite() {
        return Ok(r);
    }
    if r.is_infinite() {
        return Err(overflow());
    }
    if r == 0.0 && base != 0.0 { Err(underflow()) } else { Ok(r) }
}

fn inverse_tanh(v: f64) -> Result<f64> {
    match v {
        v if !(-1.0..=1.0).contains(&v) && !v.is_nan() => Err(input_range()),
        -1.0 => Ok(f64::NEG_INFINITY),
        1.0 => Ok(f64::INFINITY),
        v => Ok(v.atanh()),
    }
}

fn degrees_of(v: f64, function: fn(f64) -> f64) -> Result<f64> {
    finite(v).map(|v| if v.is_nan() { v } else { function(v) })
}

fn sind_0_to_30(v: f64) -> f64 {
    (v * RADIANS_PER_DEGREE).sin() / (30.0 * RADIANS_PER_DEGREE).sin() / 2.0
}

fn cosd_0_to_60(v: f64) -> f64 {
    let one_minus_cos_60 = 1.0 - (60.0 * RADIANS_PER_DEGREE).cos();
    1.0 - (1.0 - (v * RADIANS_PER_DEGREE).cos()) / one_minus_cos_60 / 2.0
}

fn sind_q1(v: f64) -> f64 {
    if v <= 30.0 { sind_0_to_30(v) } else { cosd_0_to_60(90.0 - v) }
}

fn cosd_q1(v: f64) -> f64 {
    if v <= 60.0 { cosd_0_to_60(v) } else { sind_0_to_30(90.0 - v) }
}

fn asind_q1(v: f64) -> f64 {
    if v <= 0.5 { v.asin() / 0.5f64.asin() * 30.0 } else { 90.0 - v.acos() / 0.5f64.acos() * 60.0 }
}

fn acosd_q1(v: f64) -> f64 {
    if v <= 0.5 { 90.0 - v.asin() / 0.5f64.asin() * 30.0 } else { v.acos() / 0.5f64.acos() * 60.0 }
}

fn sine_degrees(v: f64) -> f64 {
    let (mut v, mut sign) = (v % 360.0, 1.0);
    if v < 0.0 {
        (v, sign) = (-v, -sign);
    }
    if v > 180.0 {
        (v, sign) = (360.0 - v, -sign);
    }
    if v > 90.0 {
        v = 180.0 - v;
    }
    sign * sind_q1(v)
}

fn cosine_degrees(v: f64) -> f64 {
    let (mut v, mut sign) = ((v % 360.0).abs(), 1.0);
    if v > 180.0 {
        v = 360.0 - v;
    }
    if v > 90.0 {
        (v, sign) = (180.0 - v, -sign);
    }
    sign * cosd_q1(v)
}

/// Brings an angle into the first quadrant; tangent and cotangent change sign with each reflection.
fn quadrant(v: f64) -> (f64, f64) {
    let (mut v, mut sign) = (v % 360.0, 1.0);
    if v < 0.0 {
        (v, sign) = (-v, -sign);
    }
    if v > 180.0 {
        (v, sign) = (360.0 - v, -sign);
    }
    if v > 90.0 {
        (v, sign) = (180.0 - v, -sign);
    }
    (v, sign)
}

fn tangent_degrees(v: f64) -> f64 {
    let (v, sign) = quadrant(v);
    let r = sign * ((sind_q1(v) / cosd_q1(v)) / (sind_q1(45.0) / cosd_q1(45.0)));
    if r == 0.0 { 0.0 } else { r }
}

fn cotangent_degrees(v: f64) -> f64 {
    let (v, sign) = quadrant(v);
    let r = sign * ((cosd_q1(v) / sind_q1(v)) / (cosd_q1(45.0) / sind_q1(45.0)));
    if r == 0.0 { 0.0 } else { r }
}

/// Which of `count` equal buckets between two bounds a value falls into (0 and count+1 outside).
fn width_bucket(operand: f64, low: f64, high: f64, count: i32) -> Result<i32> {
    let refuse = |message: &str| Err(SqlError::new(SqlState::INVALID_ARGUMENT_FOR_WIDTH_BUCKET, message));
    if count <= 0 {
        return refuse("count must be greater than zero");
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return refuse("operand, lower bound, and upper bound cannot be NaN");
    }
    if low.is_infinite() || high.is_infinite() {
        return refuse("lower and upper bounds must be finite");
    }
    let above = count.checked_add(1).ok_or_else(|| out_of_range("integer"));
    let inside = |share: f64| -> i32 { ((f64::from(count) * share) as i32).min(count - 1) + 1 };
    match low.partial_cmp(&high) {
        Some(Ordering::Less) if operand < low => Ok(0),
        Some(Ordering::Less) if operand >= high => above,
        Some(Ordering::Less) if (high - low).is_infinite() => Ok(inside((operand / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0))),
        Some(Ordering::Less) => Ok(inside((operand - low) / (high - low))),
        Some(Ordering::Greater) if operand > low => Ok(0),
        Some(Ordering::Greater) if operand <= high => above,
        Some(Ordering::Greater) if (low - high).is_infinite() => Ok(inside((low / 2.0 - operand / 2.0) / (low / 2.0 - high / 2.0))),
        Some(Ordering::Greater) => Ok(inside((low - operand) / (low - high))),
        _ => refuse("lower bound cannot equal upper bound"),
    }
}

/// Whether a value lies within a window frame's RANGE bound.
pub fn in_range(value: f64, base: f64, offset: f64, sub: bool, less: bool) -> Result<bool> {
    if offset.is_nan() || offset < 0.0 {
        return Err(SqlError::new(
            SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
            "invalid preceding or following size in window function",
        ));
    }
    if value.is_nan() {
        return Ok(if base.is_nan() { true } else { !less });
    }
    if base.is_nan() {
        return Ok(less);
    }
    if offset.is_infinite() && base.is_infinite() && (if sub { base > 0.0 } else { base < 0.0 }) {
        return Ok(true);
    }
    let bound = if sub { base - offset } else { base + offset };
    Ok(if less { f8::compare(value, bound).is_le() } else { f8::compare(value, bound).is_ge() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_exact() {
        assert_eq!([0.0, 30.0, 90.0, 150.0, 210.0, 330.0].map(sine_degrees), [0.0, 0.5, 1.0, 0.5, -0.5, -0.5]);
        assert_eq!([0.0, 60.0, 90.0, 120.0, 180.0].map(cosine_degrees), [1.0, 0.5, 0.0, -0.5, -1.0]);
        assert_eq!(tangent_degrees(45.0), 1.0);
        assert_eq!(asind_q1(0.5), 30.0);
    }

    #[test]
    fn powers() {
        assert_eq!(power(0.0, -1.0).unwrap_err().message(), "zero raised to a negative power is undefined");
        assert_eq!(power(10.0, 400.0).unwrap_err().message(), "value out of range: overflow");
        assert_eq!(power(f64::NAN, 0.0).unwrap(), 1.0);
        assert_eq!(power(2.0, f64::NEG_INFINITY).unwrap(), 0.0);
    }

    #[test]
    fn buckets() {
        assert_eq!(width_bucket(5.35, 0.024, 10.06, 5).unwrap(), 3);
        assert_eq!(width_bucket(10.06, 0.024, 10.06, 5).unwrap(), 6);
        assert_eq!(width_bucket(3.0, 4.0, 0.0, 4).unwrap(), 2);
    }
}
