//! Variance, deviation, correlation and regression.
//!
//! Integers and numerics are exact: sums of values and squares as numerics. Floats use the Youngs-Cramer recurrence, operation
//! for operation as PostgreSQL does, so that results agree to the last digit.

use super::{Accumulator, Input};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::executor::context::ExecCx;
use crate::sql::types::numeric::Numeric;
use crate::sql::types::{Datum, Oid};
use std::any::Any;

/// What a deviation aggregate answers.
#[derive(Clone, Copy)]
struct Deviation {
    population: bool,
    root: bool,
}

/// The accumulator of a variance or standard deviation.
pub fn deviation(name: &str, arg: Oid) -> Box<dyn Accumulator> {
    let which = Deviation { population: name.ends_with("_pop"), root: name.starts_with("stddev") };
    match arg {
        Oid::FLOAT4 | Oid::FLOAT8 => Box::new(FloatDeviation { which, states: Vec::new() }),
        _ => Box::new(ExactDeviation { which, states: Vec::new() }),
    }
}

#[derive(Clone)]
struct Exact {
    count: i64,
    sum: Numeric,
    squares: Numeric,
}

struct ExactDeviation {
    which: Deviation,
    states: Vec<Exact>,
}

impl Accumulator for ExactDeviation {
    fn resize(&mut self, groups: usize) {
        self.states.resize(groups, Exact { count: 0, sum: Numeric::ZERO, squares: Numeric::ZERO });
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.try_each(|row, group| {
            let value = match input.args[0].get(row) {
                Datum::Null => return Ok(()),
                Datum::Int2(v) => Numeric::Small(v.into(), 0),
                Datum::Int4(v) => Numeric::Small(v.into(), 0),
                Datum::Int8(v) => Numeric::Small(v, 0),
                Datum::Numeric(n) => n,
                _ => return Err(SqlError::internal("a deviation over something that is no number")),
            };
            let state = &mut self.states[group];
            state.count += 1;
            state.sum = state.sum.add(&value)?;
            state.squares = state.squares.add(&value.mul(&value)?)?;
            Ok(())
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let Exact { count, sum, squares } = &self.states[group];
        let least = if self.which.population { 1 } else { 2 };
        if *count < least {
            return Ok(Datum::Null);
        }
        if !sum.is_finite() || !squares.is_finite() {
            return Ok(Datum::Numeric(Numeric::NaN));
        }
        let n = Numeric::Small(*count, 0);
        let spread = squares.mul(&n)?.sub(&sum.mul(sum)?)?;
        if spread.signum() <= 0 {
            return Ok(Datum::Numeric(Numeric::ZERO));
        }
        let divisor = if self.which.population { n.mul(&n)? } else { n.mul(&Numeric::Small(count - 1, 0))? };
        let variance = spread.div(&divisor)?;
        if !self.which.root {
            return Ok(Datum::Numeric(variance));
        }
        Ok(Datum::Numeric(variance.sqrt()?.round(variance.scale().into())?))
    }

    fn memory(&self) -> usize {
        self.states.len() * size_of::<Exact>()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

fn overflow() -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
}

fn float(value: &Datum) -> Option<f64> {
    match value {
        Datum::Float8(v) => Some(*v),
        Datum::Float4(v) => Some((*v).into()),
        _ => None,
    }
}

/// N, Sx, Sxx.
#[derive(Clone, Copy, Default)]
struct Spread {
    n: f64,
    sx: f64,
    sxx: f64,
}

impl Spread {
    fn add(&mut self, value: f64) -> Result<()> {
        let before = *self;
        self.n += 1.0;
        self.sx += value;
        if before.n > 0.0 {
            let tmp = value * self.n - self.sx;
            self.sxx += tmp * tmp / (self.n * before.n);
            if self.sx.is_infinite() || self.sxx.is_infinite() {
                if before.sx.is_finite() && value.is_finite() {
                    return Err(overflow());
                }
                self.sxx = f64::NAN;
            }
        } else if !value.is_finite() {
            self.sxx = f64::NAN;
        }
        Ok(())
    }
}

struct FloatDeviation {
    which: Deviation,
    states: Vec<Spread>,
}

impl Accumulator for FloatDeviation {
    fn resize(&mut self, groups: usize) {
        self.states.resize(groups, Spread::default());
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.try_each(|row, group| match float(&input.args[0].get(row)) {
            Some(value) => self.states[group].add(value),
            None => Ok(()),
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let Spread { n, sxx, .. } = self.states[group];
        let (least, divisor) = if self.which.population { (1.0, n) } else { (2.0, n - 1.0) };
        if n < least {
            return Ok(Datum::Null);
        }
        let variance = sxx / divisor;
        Ok(Datum::Float8(if self.which.root { variance.sqrt() } else { variance }))
    }

    fn memory(&self) -> usize {
        self.states.len() * 24
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// N, Sx, Sxx, Sy, Syy, Sxy.
#[derive(Clone, Copy, Default)]
struct Pairs {
    n: f64,
    sx: f64,
    sxx: f64,
    sy: f64,
    syy: f64,
    sxy: f64,
}

impl Pairs {
    fn add(&mut self, y: f64, x: f64) -> Result<()> {
        let before = *self;
        self.n += 1.0;
        self.sx += x;
        self.sy += y;
        if before.n > 0.0 {
            let (dx, dy) = (x * self.n - self.sx, y * self.n - self.sy);
            let scale = 1.0 / (self.n * before.n);
            self.sxx += dx * dx * scale;
            self.syy += dy * dy * scale;
            self.sxy += dx * dy * scale;
            let all = [self.sx, self.sxx, self.sy, self.syy, self.sxy];
            if all.iter().any(|v| v.is_infinite()) {
                if [before.sx, before.sy, x, y].iter().all(|v| v.is_finite()) {
                    return Err(overflow());
                }
                (self.sxx, self.syy, self.sxy) = (f64::NAN, f64::NAN, f64::NAN);
            }
        } else {
            let poison = |v: f64| if v.is_finite() { 0.0 } else { f64::NAN };
            (self.sxx, self.syy) = (poison(x), poison(y));
            self.sxy = if x.is_finite() && y.is_finite() { 0.0 } else { f64::NAN };
        }
        Ok(())
    }
}

type Answer = fn(&Pairs) -> Option<f64>;

struct Regression {
    answer: Answer,
    /// regr_count answers a bigint.
    counts: bool,
    states: Vec<Pairs>,
}

/// The accumulator of a two-argument statistic.
pub fn regression(name: &str) -> Option<Box<dyn Accumulator>> {
    let answer: Answer = match name {
        "regr_count" => |s| Some(s.n),
        "regr_sxx" => |s| (s.n >= 1.0).then_some(s.sxx),
        "regr_syy" => |s| (s.n >= 1.0).then_some(s.syy),
        "regr_sxy" => |s| (s.n >= 1.0).then_some(s.sxy),
        "regr_avgx" => |s| (s.n >= 1.0).then(|| s.sx / s.n),
        "regr_avgy" => |s| (s.n >= 1.0).then(|| s.sy / s.n),
        "covar_pop" => |s| (s.n >= 1.0).then(|| s.sxy / s.n),
        "covar_samp" => |s| (s.n >= 2.0).then(|| s.sxy / (s.n - 1.0)),
        "corr" => |s| (s.n >= 1.0 && s.sxx != 0.0 && s.syy != 0.0).then(|| s.sxy / (s.sxx * s.syy).sqrt()),
        "regr_r2" => |s| (s.n >= 1.0 && s.sxx != 0.0).then(|| if s.syy == 0.0 { 1.0 } else { (s.sxy * s.sxy) / (s.sxx * s.syy) }),
        "regr_slope" => |s| (s.n >= 1.0 && s.sxx != 0.0).then(|| s.sxy / s.sxx),
        "regr_intercept" => |s| (s.n >= 1.0 && s.sxx != 0.0).then(|| (s.sy - s.sx * s.sxy / s.sxx) / s.n),
        _ => return None,
    };
    Some(Box::new(Regression { answer, counts: name == "regr_count", states: Vec::new() }))
}

impl Accumulator for Regression {
    fn resize(&mut self, groups: usize) {
        self.states.resize(groups, Pairs::default());
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.try_each(|row, group| match (float(&input.args[0].get(row)), float(&input.args[1].get(row))) {
            (Some(y), Some(x)) => self.states[group].add(y, x),
            _ => Ok(()),
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let state = &self.states[group];
        if self.counts {
            return Ok(Datum::Int8(state.n as i64));
        }
        Ok((self.answer)(state).map_or(Datum::Null, Datum::Float8))
    }

    fn memory(&self) -> usize {
        self.states.len() * size_of::<Pairs>()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
