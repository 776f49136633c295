//! count, sum and avg.
//!
//! Integers add up in 128 bits and numerics of one scale do too; only a sum that leaves those becomes an arbitrary-precision
//! number. `sum(int4)` is bigint, `sum(int8)` and every integer `avg` numeric, as in PostgreSQL.

use super::{Accumulator, Input};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::executor::batch::Data;
use crate::sql::executor::context::ExecCx;
use crate::sql::types::interval::Interval;
use crate::sql::types::numeric::Numeric;
use crate::sql::types::{Datum, Oid};
use std::any::Any;

fn same_kind<T: 'static>(other: Box<dyn Accumulator>) -> Result<Box<T>> {
    other.into_any().downcast::<T>().map_err(|_| SqlError::internal("aggregate states of different kinds"))
}

/// count(*) and count(x).
pub struct Count {
    star: bool,
    counts: Vec<i64>,
}

impl Count {
    pub fn new(star: bool) -> Self {
        Self { star, counts: Vec::new() }
    }
}

impl Accumulator for Count {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let everything = self.star || !input.args[0].may_have_nulls();
        if everything && input.groups.is_empty() {
            self.counts[0] += input.rows.len() as i64;
        } else if everything {
            input.groups.iter().for_each(|&g| self.counts[g as usize] += 1);
        } else {
            input.each(|row, group| self.counts[group] += i64::from(!input.args[0].is_null(row)));
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, map: &[u32]) -> Result<()> {
        let other = same_kind::<Self>(other)?;
        map.iter().zip(other.counts).for_each(|(&to, count)| self.counts[to as usize] += count);
        Ok(())
    }

    fn mergeable(&self) -> bool {
        true
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        Ok(Datum::Int8(self.counts[group]))
    }

    fn memory(&self) -> usize {
        self.counts.len() * 8
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The accumulator of sum or avg over an argument type.
pub fn create(average: bool, arg: Oid) -> Option<Box<dyn Accumulator>> {
    Some(match arg {
        Oid::INT2 | Oid::INT4 | Oid::INT8 => {
            let result = match (average, arg) {
                (true, _) => IntResult::Average,
                (false, Oid::INT8) => IntResult::Numeric,
                _ => IntResult::Int8,
            };
            Box::new(Ints { result, sums: Vec::new(), counts: Vec::new() })
        }
        Oid::MONEY if !average => Box::new(Ints { result: IntResult::Money, sums: Vec::new(), counts: Vec::new() }),
        Oid::NUMERIC => Box::new(Numerics { average, states: Vec::new() }),
        Oid::FLOAT4 | Oid::FLOAT8 => {
            Box::new(Floats { average, single: arg == Oid::FLOAT4 && !average, sums: Vec::new(), counts: Vec::new() })
        }
        Oid::INTERVAL => Box::new(Intervals { average, sums: Vec::new(), counts: Vec::new() }),
        _ => return None,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IntResult {
    Int8,
    Numeric,
    Money,
    Average,
}

/// Sums of integers.
struct Ints {
    result: IntResult,
    sums: Vec<i128>,
    counts: Vec<i64>,
}

impl Accumulator for Ints {
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, 0);
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let column = &input.args[0];
        let plain = column.validity().is_none();
        match column.data() {
            Data::I32(v) if plain && input.groups.is_empty() => {
                let sum: i64 = input.rows.iter().map(|&r| i64::from(v[r as usize])).sum();
                self.sums[0] += i128::from(sum);
                self.counts[0] += input.rows.len() as i64;
            }
            Data::I32(v) if plain => input.each(|row, group| {
                self.sums[group] += i128::from(v[row]);
                self.counts[group] += 1;
            }),
            Data::I64(v) if plain => input.each(|row, group| {
                self.sums[group] += i128::from(v[row]);
                self.counts[group] += 1;
            }),
            _ => input.each(|row, group| {
                if let Some(value) = column.get_i64(row) {
                    self.sums[group] += i128::from(value);
                    self.counts[group] += 1;
                }
            }),
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, map: &[u32]) -> Result<()> {
        let other = same_kind::<Self>(other)?;
        for ((&to, sum), count) in map.iter().zip(other.sums).zip(other.counts) {
            self.sums[to as usize] += sum;
            self.counts[to as usize] += count;
        }
        Ok(())
    }

    fn mergeable(&self) -> bool {
        true
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let (sum, count) = (self.sums[group], self.counts[group]);
        if count == 0 {
            return Ok(Datum::Null);
        }
        let narrow = |what: &str| i64::try_from(sum).map_err(|_| err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "{what} out of range"));
        Ok(match self.result {
            IntResult::Int8 => Datum::Int8(narrow("bigint")?),
            IntResult::Money => Datum::Money(narrow("money")?),
            IntResult::Numeric => Datum::Numeric(Numeric::from_i128(sum, 0)),
            IntResult::Average => Datum::Numeric(Numeric::from_i128(sum, 0).div(&Numeric::Small(count, 0))?),
        })
    }

    fn memory(&self) -> usize {
        self.sums.len() * 24
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// A sum of numerics: `sum * 10^-scale`, plus `rest` for what did not fit.
#[derive(Clone, Default)]
struct NumericState {
    sum: i128,
    scale: u16,
    count: i64,
    rest: Option<Numeric>,
}

impl NumericState {
    #[inline]
    fn add_small(&mut self, mantissa: i64, scale: u16) -> Result<()> {
        self.count += 1;
        if scale == self.scale
            && let Some(sum) = self.sum.checked_add(mantissa.into())
        {
            self.sum = sum;
            return Ok(());
        }
        self.add_unequal(mantissa.into(), scale)
    }

    fn add_unequal(&mut self, mantissa: i128, scale: u16) -> Result<()> {
        let lift = |value: i128, by: u16| 10_i128.checked_pow(by.into()).and_then(|p| value.checked_mul(p));
        let aligned = if scale > self.scale {
            lift(self.sum, scale - self.scale).map(|sum| (sum, mantissa, scale))
        } else {
            lift(mantissa, self.scale - scale).map(|m| (self.sum, m, self.scale))
        };
        if let Some((sum, mantissa, scale)) = aligned
            && let Some(total) = sum.checked_add(mantissa)
        {
            (self.sum, self.scale) = (total, scale);
            return Ok(());
        }
        self.add_rest(&Numeric::from_i128(mantissa, scale))
    }

    fn add_rest(&mut self, value: &Numeric) -> Result<()> {
        self.rest = Some(match &self.rest {
            Some(rest) => rest.add(value)?,
            None => value.clone(),
        });
        Ok(())
    }

    fn add(&mut self, value: &Numeric) -> Result<()> {
        match value {
            Numeric::Small(m, s) => self.add_small(*m, *s),
            other => {
                self.count += 1;
                self.add_rest(other)
            }
        }
    }

    fn total(&self) -> Result<Numeric> {
        let sum = Numeric::from_i128(self.sum, self.scale);
        match &self.rest {
            Some(rest) => sum.add(rest),
            None => Ok(sum),
        }
    }
}

/// Sums of numerics.
struct Numerics {
    average: bool,
    states: Vec<NumericState>,
}

impl Accumulator for Numerics {
    fn resize(&mut self, groups: usize) {
        self.states.resize(groups, NumericState::default());
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let column = &input.args[0];
        match column.data() {
            Data::Decimal(v, scale) => {
                let valid = column.validity().as_deref();
                input.try_each(|row, group| match valid {
                    Some(valid) if !valid[row] => Ok(()),
                    _ => self.states[group].add_small(v[row], *scale),
                })
            }
            _ => input.try_each(|row, group| match column.get(row) {
                Datum::Numeric(n) => self.states[group].add(&n),
                _ => Ok(()),
            }),
        }
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, map: &[u32]) -> Result<()> {
        let other = same_kind::<Self>(other)?;
        for (&to, state) in map.iter().zip(other.states) {
            let into = &mut self.states[to as usize];
            into.count += state.count;
            into.add_unequal(state.sum, state.scale)?;
            if let Some(rest) = &state.rest {
                into.add_rest(rest)?;
            }
        }
        Ok(())
    }

    fn mergeable(&self) -> bool {
        true
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let state = &self.states[group];
        if state.count == 0 {
            return Ok(Datum::Null);
        }
        let total = state.total()?;
        Ok(Datum::Numeric(if self.average { total.div(&Numeric::Small(state.count, 0))? } else { total }))
    }

    fn memory(&self) -> usize {
        self.states.len() * size_of::<NumericState>()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// Sums of floats.
struct Floats {
    average: bool,
    /// The result is real.
    single: bool,
    sums: Vec<f64>,
    counts: Vec<i64>,
}

impl Floats {
    fn add(&mut self, group: usize, value: f64) -> Result<()> {
        let sum = self.sums[group] + value;
        if sum.is_infinite() && self.sums[group].is_finite() && value.is_finite() {
            return Err(err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow"));
        }
        self.sums[group] = if self.single { f64::from(sum as f32) } else { sum };
        self.counts[group] += 1;
        Ok(())
    }
}

impl Accumulator for Floats {
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, 0.0);
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let column = &input.args[0];
        input.try_each(|row, group| match column.get(row) {
            Datum::Float8(v) => self.add(group, v),
            Datum::Float4(v) => self.add(group, v.into()),
            _ => Ok(()),
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let (sum, count) = (self.sums[group], self.counts[group]);
        Ok(match (count, self.average, self.single) {
            (0, ..) => Datum::Null,
            (_, true, _) => Datum::Float8(sum / count as f64),
            (_, false, true) => Datum::Float4(sum as f32),
            (_, false, false) => Datum::Float8(sum),
        })
    }

    fn memory(&self) -> usize {
        self.sums.len() * 16
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// Sums of intervals, part by part.
struct Intervals {
    average: bool,
    sums: Vec<Interval>,
    counts: Vec<i64>,
}

impl Accumulator for Intervals {
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, Interval::default());
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let overflow = || err!(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range");
        input.try_each(|row, group| {
            if let Datum::Interval(v) = input.args[0].get(row) {
                let sum = &mut self.sums[group];
                sum.micros = sum.micros.checked_add(v.micros).ok_or_else(overflow)?;
                sum.days = sum.days.checked_add(v.days).ok_or_else(overflow)?;
                sum.months = sum.months.checked_add(v.months).ok_or_else(overflow)?;
                self.counts[group] += 1;
            }
            Ok(())
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let (sum, count) = (self.sums[group], self.counts[group]);
        Ok(match (count, self.average) {
            (0, _) => Datum::Null,
            (_, true) => Datum::Interval(divide(sum, count as f64)),
            (_, false) => Datum::Interval(sum),
        })
    }

    fn memory(&self) -> usize {
        self.sums.len() * 24
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// interval / double precision: fractions of months go down to days (30 a month), of days to microseconds.
fn divide(value: Interval, by: f64) -> Interval {
    const DAY: f64 = 86_400_000_000.0;
    let months = f64::from(value.months) / by;
    let days = f64::from(value.days) / by;
    let (whole_months, whole_days) = (months.trunc(), days.trunc());
    let month_days = (months - whole_months) * 30.0;
    let month_days = (month_days * 1_000_000.0).round() / 1_000_000.0;
    let fraction = (days - whole_days) + (month_days - month_days.trunc());
    let fraction = (fraction * 86_400.0 * 1_000_000.0).round() / DAY;
    Interval {
        months: whole_months as i32,
        days: whole_days as i32 + month_days.trunc() as i32 + fraction.trunc() as i32,
        micros: (value.micros as f64 / by + fraction.fract() * DAY).round() as i64,
    }
}
