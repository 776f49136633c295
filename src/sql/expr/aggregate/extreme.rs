//! min and max by the type's btree order.

use super::{Accumulator, Input};
use crate::error::{Result, SqlError};
use crate::sql::executor::batch::{Column, ColumnKind, Data};
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::order;
use crate::sql::types::{Datum, Oid};
use std::any::Any;
use std::cmp::Ordering;

/// The accumulator of min or max over an argument type.
pub fn create(max: bool, arg: Oid) -> Box<dyn Accumulator> {
    let kind = ColumnKind::of(arg);
    match kind {
        ColumnKind::Int2
        | ColumnKind::Int4
        | ColumnKind::Int8
        | ColumnKind::Date
        | ColumnKind::Time
        | ColumnKind::Timestamp
        | ColumnKind::TimestampTz
        | ColumnKind::Money
        | ColumnKind::Oid => Box::new(Ints { max, kind, best: Vec::new() }),
        _ => {
            let last = matches!(arg, Oid::NUMERIC | Oid::INTERVAL | Oid::FLOAT4 | Oid::FLOAT8 | Oid::TIMETZ);
            Box::new(Values { want: if max { Ordering::Greater } else { Ordering::Less }, kind, last, best: Vec::new() })
        }
    }
}

/// Extremes of integer-like values.
struct Ints {
    max: bool,
    kind: ColumnKind,
    best: Vec<Option<i64>>,
}

impl Ints {
    #[inline]
    fn take(&mut self, group: usize, value: i64) {
        let best = &mut self.best[group];
        *best = Some(match *best {
            Some(b) if self.max => b.max(value),
            Some(b) => b.min(value),
            None => value,
        });
    }
}

impl Accumulator for Ints {
    fn resize(&mut self, groups: usize) {
        self.best.resize(groups, None);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let column = &input.args[0];
        match column.data() {
            Data::I32(v) if column.validity().is_none() => input.each(|row, group| self.take(group, v[row].into())),
            Data::I64(v) if column.validity().is_none() => input.each(|row, group| self.take(group, v[row])),
            _ => input.each(|row, group| {
                if let Some(value) = column.get_i64(row) {
                    self.take(group, value);
                }
            }),
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, map: &[u32]) -> Result<()> {
        let other = other.into_any().downcast::<Self>().map_err(|_| SqlError::internal("aggregate states of different kinds"))?;
        for (&to, best) in map.iter().zip(other.best) {
            if let Some(value) = best {
                self.take(to as usize, value);
            }
        }
        Ok(())
    }

    fn mergeable(&self) -> bool {
        true
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        let Some(value) = self.best[group] else { return Ok(Datum::Null) };
        Ok(match self.kind {
            ColumnKind::Int2 => Datum::Int2(value as i16),
            ColumnKind::Int4 => Datum::Int4(value as i32),
            ColumnKind::Date => Datum::Date(value as i32),
            ColumnKind::Oid => Datum::Oid(Oid(value as u32)),
            kind => crate::sql::executor::batch::wide_datum(kind, value),
        })
    }

    fn memory(&self) -> usize {
        self.best.len() * 16
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// Extremes of any other type.
struct Values {
    want: Ordering,
    kind: ColumnKind,
    /// Of equal values (1.5 and 1.50) the last one is the answer, not the first.
    last: bool,
    best: Vec<Datum>,
}

impl Values {
    fn wins(&self, order: Ordering) -> bool {
        order == self.want || (self.last && order == Ordering::Equal)
    }

    fn beats(&self, group: usize, column: &Column, row: usize) -> bool {
        match (&self.best[group], column.get_bytes(row)) {
            (Datum::Null, _) => true,
            (Datum::Text(best), Some(bytes)) => {
                crate::sql::executor::batch::compare_bytes(self.kind, bytes, best.as_bytes()) == self.want
            }
            (best, _) => self.wins(order::compare(self.kind, &column.get(row), best)),
        }
    }
}

impl Accumulator for Values {
    fn resize(&mut self, groups: usize) {
        self.best.resize(groups, Datum::Null);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let column = &input.args[0];
        input.each(|row, group| {
            if !column.is_null(row) && self.beats(group, column, row) {
                self.best[group] = column.get(row);
            }
        });
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, map: &[u32]) -> Result<()> {
        let other = other.into_any().downcast::<Self>().map_err(|_| SqlError::internal("aggregate states of different kinds"))?;
        for (&to, value) in map.iter().zip(other.best) {
            let best = &self.best[to as usize];
            if !value.is_null() && (best.is_null() || self.wins(order::compare(self.kind, &value, best))) {
                self.best[to as usize] = value;
            }
        }
        Ok(())
    }

    fn mergeable(&self) -> bool {
        true
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        Ok(self.best[group].clone())
    }

    fn memory(&self) -> usize {
        self.best.len() * 48
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
