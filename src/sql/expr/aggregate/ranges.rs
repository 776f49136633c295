//! range_agg (the union as a multirange) and range_intersect_agg, over ranges and multiranges.

use super::{Accumulator, Input};
use crate::error::Result;
use crate::sql::executor::context::ExecCx;
use crate::sql::types::range::{Multirange, Range};
use crate::sql::types::{Datum, Oid};
use std::any::Any;
use std::sync::Arc;

/// States of both.
pub struct Ranges {
    union: bool,
    ty: Oid,
    unions: Vec<Option<Vec<Range>>>,
    intersections: Vec<Datum>,
}

impl Ranges {
    /// `ty` is the result type.
    pub fn new(union: bool, ty: Oid) -> Self {
        Self { union, ty, unions: Vec::new(), intersections: Vec::new() }
    }
}

fn intersect(a: &Datum, b: &Datum) -> Datum {
    match (a, b) {
        (Datum::Range(x), Datum::Range(y)) => Datum::Range(Arc::new(x.intersect(y))),
        (Datum::Multirange(x), Datum::Multirange(y)) => Datum::Multirange(Arc::new(x.intersect(y))),
        _ => b.clone(),
    }
}

impl Accumulator for Ranges {
    fn resize(&mut self, groups: usize) {
        self.unions.resize_with(groups, || None);
        self.intersections.resize(groups, Datum::Null);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.each(|row, group| {
            let value = input.args[0].get(row);
            match &value {
                Datum::Null => {}
                _ if !self.union => self.intersections[group] = intersect(&self.intersections[group], &value),
                Datum::Range(range) => self.unions[group].get_or_insert_default().push((**range).clone()),
                Datum::Multirange(many) => self.unions[group].get_or_insert_default().extend(many.ranges.iter().cloned()),
                _ => {}
            }
        });
        Ok(())
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        if !self.union {
            return Ok(self.intersections[group].clone());
        }
        Ok(match &self.unions[group] {
            Some(ranges) => Datum::Multirange(Arc::new(Multirange::new(self.ty, ranges.clone()))),
            None => Datum::Null,
        })
    }

    fn memory(&self) -> usize {
        self.unions.iter().flatten().map(|r| r.len() * 96).sum()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
