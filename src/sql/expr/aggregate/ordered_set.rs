//! Ordered-set and hypothetical-set aggregates. Rows arrive in WITHIN GROUP's order, one group after another.

use super::{Accumulator, AggregateSpec, Input};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::executor::batch::ColumnKind;
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::order;
use crate::sql::executor::sort::SortOrder;
use crate::sql::expr::eval::flat_array;
use crate::sql::types::array::Array;
use crate::sql::types::interval::Interval;
use crate::sql::types::{Datum, Oid, Type};
use std::any::Any;
use std::cmp::Ordering;
use std::sync::Arc;

#[derive(Clone, Default)]
struct Group {
    /// Values of the direct arguments.
    direct: Option<Vec<Datum>>,
    /// Sorted values: one list of values a row.
    rows: Vec<Vec<Datum>>,
}

/// percentile_cont, percentile_disc, mode, rank, dense_rank, percent_rank, cume_dist.
pub struct OrderedSet {
    name: &'static str,
    direct: usize,
    ty: Type,
    orders: Vec<SortOrder>,
    kinds: Vec<ColumnKind>,
    groups: Vec<Group>,
}

impl OrderedSet {
    pub fn new(spec: &AggregateSpec<'_>) -> Self {
        let kinds = spec.arg_types[spec.direct..].iter().map(|t| ColumnKind::of(t.oid)).collect();
        Self { name: spec.func.name, direct: spec.direct, ty: spec.ty, orders: spec.orders.clone(), kinds, groups: Vec::new() }
    }

    fn hypothetical(&self) -> bool {
        matches!(self.name, "rank" | "dense_rank" | "percent_rank" | "cume_dist")
    }

    fn compare(&self, a: &[Datum], b: &[Datum]) -> Ordering {
        for (n, order) in self.orders.iter().enumerate() {
            let (x, y) = (&a[n], &b[n]);
            let ordering = match (x.is_null(), y.is_null()) {
                (false, false) => {
                    let o = order::compare(self.kinds[n], x, y);
                    if order.desc { o.reverse() } else { o }
                }
                (true, true) => Ordering::Equal,
                (null, _) if null == order.nulls_first => Ordering::Less,
                _ => Ordering::Greater,
            };
            if ordering.is_ne() {
                return ordering;
            }
        }
        Ordering::Equal
    }

    fn hypothetical_rank(&self, group: &Group) -> Datum {
        let Some(row) = &group.direct else {
            return match self.name {
                "percent_rank" => Datum::Float8(0.0),
                "cume_dist" => Datum::Float8(1.0),
                _ => Datum::Int8(1),
            };
        };
        let before = group.rows.iter().filter(|r| self.compare(r, row).is_lt()).count();
        let count = group.rows.len();
        match self.name {
            "rank" => Datum::Int8(before as i64 + 1),
            "percent_rank" if count == 0 => Datum::Float8(0.0),
            "percent_rank" => Datum::Float8(before as f64 / count as f64),
            "cume_dist" => {
                let peers = group.rows.iter().filter(|r| self.compare(r, row).is_eq()).count();
                Datum::Float8((before + peers + 1) as f64 / (count + 1) as f64)
            }
            _ => {
                let smaller = &group.rows[..before];
                let distinct = smaller.chunk_by(|a, b| self.compare(a, b).is_eq()).count();
                Datum::Int8(distinct as i64 + 1)
            }
        }
    }

    fn percentile(&self, values: &[&Datum], fraction: f64) -> Result<Datum> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "percentile value {fraction} is not between 0 and 1"));
        }
        let n = values.len();
        if self.name == "percentile_disc" {
            let at = ((fraction * n as f64).ceil() as usize).max(1) - 1;
            return Ok(values[at.min(n - 1)].clone());
        }
        let place = fraction * (n - 1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        if low == high {
            return Ok(values[low].clone());
        }
        Ok(interpolate(values[low], values[high], place - low as f64))
    }

    fn percentiles(&self, group: &Group) -> Result<Datum> {
        let values: Vec<&Datum> = group.rows.iter().map(|r| &r[0]).filter(|v| !v.is_null()).collect();
        let Some(fraction) = group.direct.as_ref().map(|d| &d[0]) else { return Ok(Datum::Null) };
        if values.is_empty() {
            return Ok(Datum::Null);
        }
        match fraction {
            Datum::Float8(f) => self.percentile(&values, *f),
            Datum::Array(fractions) => {
                let mut out = Vec::with_capacity(fractions.values.len());
                for fraction in &fractions.values {
                    out.push(match fraction {
                        Datum::Float8(f) => self.percentile(&values, *f)?,
                        _ => Datum::Null,
                    });
                }
                let elem = crate::sql::expr::eval::builtin_element(self.ty.oid).unwrap_or(Oid::INVALID);
                if fractions.values.is_empty() {
                    return Ok(flat_array(elem, out));
                }
                Ok(Datum::Array(Arc::new(Array { elem, dims: fractions.dims.clone(), values: out })))
            }
            _ => Ok(Datum::Null),
        }
    }

    fn mode(&self, group: &Group) -> Datum {
        let values: Vec<&Datum> = group.rows.iter().map(|r| &r[0]).filter(|v| !v.is_null()).collect();
        let kind = self.kinds[0];
        let mut best: (usize, Datum) = (0, Datum::Null);
        for run in values.chunk_by(|a, b| order::compare(kind, a, b).is_eq()) {
            if run.len() > best.0 {
                best = (run.len(), run[0].clone());
            }
        }
        best.1
    }
}

fn interpolate(low: &Datum, high: &Datum, fraction: f64) -> Datum {
    match (low, high) {
        (Datum::Float8(a), Datum::Float8(b)) => Datum::Float8(a + fraction * (b - a)),
        (Datum::Interval(a), Datum::Interval(b)) => {
            let part = |a: f64, b: f64| a + fraction * (b - a);
            let months = part(a.months.into(), b.months.into());
            let days = part(a.days.into(), b.days.into()) + months.fract() * 30.0;
            let micros = part(a.micros as f64, b.micros as f64) + days.fract() * 86_400_000_000.0;
            Datum::Interval(Interval { months: months.trunc() as i32, days: days.trunc() as i32, micros: micros.round() as i64 })
        }
        _ => low.clone(),
    }
}

impl Accumulator for OrderedSet {
    fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups, Group::default);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let direct = self.direct;
        input.each(|row, group| {
            let group = &mut self.groups[group];
            if group.direct.is_none() {
                group.direct = Some(input.args[..direct].iter().map(|c| c.get(row)).collect());
            }
            group.rows.push(input.args[direct..].iter().map(|c| c.get(row)).collect());
        });
        Ok(())
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let group = &self.groups[group];
        if self.hypothetical() {
            return Ok(self.hypothetical_rank(group));
        }
        match self.name {
            "mode" => Ok(self.mode(group)),
            _ => self.percentiles(group),
        }
    }

    fn memory(&self) -> usize {
        self.groups.iter().map(|g| g.rows.len() * 56).sum()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
