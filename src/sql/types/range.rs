//! Ranges and multiranges: canonical form, order of bounds, and the set operations.
//!
//! Ranges over integers and dates are kept as `[a,b)`. `int4range`'s `[1,3]` and `[1,4)` are one value; `numrange`'s are two.

use super::compare::compare;
use super::compare::{Bound, compare_lower, compare_ranges, compare_upper};
use super::{Datum, Oid, datetime};
use crate::err;
use crate::error::{Result, SqlState};
use std::cmp::Ordering;

/// A range value in canonical form.
#[derive(Clone, Debug)]
pub struct Range {
    /// The range type.
    pub ty: Oid,
    /// No point lies inside.
    pub empty: bool,
    /// Lower bound and whether it is inclusive; `None` for unbounded.
    pub lower: Option<(Datum, bool)>,
    /// Upper bound and whether it is inclusive; `None` for unbounded.
    pub upper: Option<(Datum, bool)>,
}

/// An ordered list of disjoint, non-adjacent, non-empty ranges.
#[derive(Clone, Debug)]
pub struct Multirange {
    /// The multirange type.
    pub ty: Oid,
    /// The ranges.
    pub ranges: Vec<Range>,
}

/// The value after a discrete one; `None` for a continuous type or an infinite date. Errors: 22003, 22008.
fn successor(value: &Datum) -> Result<Option<Datum>> {
    Ok(match value {
        Datum::Int4(v) => Some(Datum::Int4(super::int::int4::add(*v, 1)?)),
        Datum::Int8(v) => Some(Datum::Int8(super::int::int8::add(*v, 1)?)),
        Datum::Date(v) if datetime::is_finite_date(*v) => Some(Datum::Date(datetime::date_add(*v, 1)?)),
        _ => None,
    })
}

/// Whether a lower bound lies before (or with) the point where an upper bound ends: something may lie between.
fn lower_reaches_upper(lower: &Bound, upper: &Bound) -> bool {
    match (lower, upper) {
        (Some((l, inside_l)), Some((u, inside_u))) => match compare(l, u) {
            Ordering::Less => true,
            Ordering::Equal => *inside_l && *inside_u,
            Ordering::Greater => false,
        },
        _ => true,
    }
}

impl Range {
    /// The empty range.
    pub fn empty(ty: Oid) -> Self {
        Self { ty, empty: true, lower: None, upper: None }
    }

    /// A range in canonical form. Errors: 22000 for bounds in the wrong order, 22003, 22008.
    pub fn new(ty: Oid, lower: Bound, upper: Bound) -> Result<Self> {
        if let (Some((l, _)), Some((u, _))) = (&lower, &upper)
            && compare(l, u).is_gt()
        {
            return Err(err!(SqlState::DATA_EXCEPTION, "range lower bound must be less than or equal to range upper bound"));
        }
        Self::canonical(ty, lower, upper)
    }

    fn canonical(ty: Oid, mut lower: Bound, mut upper: Bound) -> Result<Self> {
        if !lower_reaches_upper(&lower, &upper) {
            return Ok(Self::empty(ty));
        }
        if matches!(ty, Oid::INT4RANGE | Oid::INT8RANGE | Oid::DATERANGE) {
            if let Some((value, false)) = &lower
                && let Some(next) = successor(value)?
            {
                lower = Some((next, true));
            }
            if let Some((value, true)) = &upper
                && let Some(next) = successor(value)?
            {
                upper = Some((next, false));
            }
            if !lower_reaches_upper(&lower, &upper) {
                return Ok(Self::empty(ty));
            }
        }
        Ok(Self { ty, empty: false, lower, upper })
    }

    /// As `canonical` for bounds taken from canonical ranges, which cannot fail.
    fn of_bounds(ty: Oid, lower: Bound, upper: Bound) -> Self {
        let empty = !lower_reaches_upper(&lower, &upper);
        if empty { Self::empty(ty) } else { Self { ty, empty, lower, upper } }
    }

    /// Whether a value lies inside.
    pub fn contains_value(&self, value: &Datum) -> bool {
        let above = |(l, inside): &(Datum, bool)| match compare(l, value) {
            Ordering::Less => true,
            Ordering::Equal => *inside,
            Ordering::Greater => false,
        };
        let below = |(u, inside): &(Datum, bool)| match compare(value, u) {
            Ordering::Less => true,
            Ordering::Equal => *inside,
            Ordering::Greater => false,
        };
        !self.empty && self.lower.as_ref().is_none_or(above) && self.upper.as_ref().is_none_or(below)
    }

    /// `@>`
    pub fn contains(&self, other: &Self) -> bool {
        if other.empty || self.empty {
            return other.empty;
        }
        compare_lower(&self.lower, &other.lower).is_le() && compare_upper(&self.upper, &other.upper).is_ge()
    }

    /// `&&`
    pub fn overlaps(&self, other: &Self) -> bool {
        let neither = !self.empty && !other.empty;
        neither && lower_reaches_upper(&self.lower, &other.upper) && lower_reaches_upper(&other.lower, &self.upper)
    }

    /// `<<`: strictly left of.
    pub fn before(&self, other: &Self) -> bool {
        !self.empty && !other.empty && !lower_reaches_upper(&other.lower, &self.upper)
    }

    /// `>>`: strictly right of.
    pub fn after(&self, other: &Self) -> bool {
        other.before(self)
    }

    /// `&<`: does not extend to the right of.
    pub fn over_left(&self, other: &Self) -> bool {
        !self.empty && !other.empty && compare_upper(&self.upper, &other.upper).is_le()
    }

    /// `&>`: does not extend to the left of.
    pub fn over_right(&self, other: &Self) -> bool {
        !self.empty && !other.empty && compare_lower(&self.lower, &other.lower).is_ge()
    }

    /// `-|-`: touches without overlap.
    pub fn adjacent(&self, other: &Self) -> bool {
        if self.empty || other.empty {
            return false;
        }
        let touch = |upper: &Bound, lower: &Bound| match (upper, lower) {
            (Some((u, inside_u)), Some((l, inside_l))) => compare(u, l).is_eq() && inside_u != inside_l,
            _ => false,
        };
        touch(&self.upper, &other.lower) || touch(&other.upper, &self.lower)
    }

    /// The smallest range that includes both.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        if self.empty {
            return other.clone();
        }
        if other.empty {
            return self.clone();
        }
        let lower = if compare_lower(&self.lower, &other.lower).is_le() { &self.lower } else { &other.lower };
        let upper = if compare_upper(&self.upper, &other.upper).is_ge() { &self.upper } else { &other.upper };
        Self { ty: self.ty, empty: false, lower: lower.clone(), upper: upper.clone() }
    }

    /// `+`. Errors: 22000 when the result would have a gap.
    pub fn union(&self, other: &Self) -> Result<Self> {
        if !self.empty && !other.empty && !self.overlaps(other) && !self.adjacent(other) {
            return Err(err!(SqlState::DATA_EXCEPTION, "result of range union would not be contiguous"));
        }
        Ok(self.merge(other))
    }

    /// `*`
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        if !self.overlaps(other) {
            return Self::empty(self.ty);
        }
        let lower = if compare_lower(&self.lower, &other.lower).is_ge() { &self.lower } else { &other.lower };
        let upper = if compare_upper(&self.upper, &other.upper).is_le() { &self.upper } else { &other.upper };
        Self { ty: self.ty, empty: false, lower: lower.clone(), upper: upper.clone() }
    }

    /// What is left of other's start and right of its end.
    fn split_around(&self, other: &Self) -> (Self, Self) {
        let flip = |b: &Bound| b.as_ref().map(|(v, inside)| (v.clone(), !inside));
        let side = |keep: bool, lower: Bound, upper: Bound| {
            if keep { Self::of_bounds(self.ty, lower, upper) } else { Self::empty(self.ty) }
        };
        let left =
            side(compare_lower(&self.lower, &other.lower).is_lt() && other.lower.is_some(), self.lower.clone(), flip(&other.lower));
        let right =
            side(compare_upper(&self.upper, &other.upper).is_gt() && other.upper.is_some(), flip(&other.upper), self.upper.clone());
        (left, right)
    }

    /// `-`. Errors: 22000 when the result would be two ranges.
    pub fn minus(&self, other: &Self) -> Result<Self> {
        if !self.overlaps(other) {
            return Ok(self.clone());
        }
        match self.split_around(other) {
            (left, right) if right.empty => Ok(left),
            (left, right) if left.empty => Ok(right),
            _ => Err(err!(SqlState::DATA_EXCEPTION, "result of range difference would not be contiguous")),
        }
    }
}

impl Multirange {
    /// From ranges in any order: sorted, joined where they meet, without empty ones.
    pub fn new(ty: Oid, mut ranges: Vec<Range>) -> Self {
        ranges.retain(|r| !r.empty);
        ranges.sort_by(compare_ranges);
        let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(last) if last.overlaps(&range) || last.adjacent(&range) => *last = last.merge(&range),
                _ => joined.push(range),
            }
        }
        Self { ty, ranges: joined }
    }

    /// Whether a value lies in one of the ranges.
    pub fn contains_value(&self, value: &Datum) -> bool {
        self.ranges.iter().any(|r| r.contains_value(value))
    }

    /// `@>` a range.
    pub fn contains_range(&self, range: &Range) -> bool {
        range.empty || self.ranges.iter().any(|r| r.contains(range))
    }

    /// `@>` a multirange.
    pub fn contains(&self, other: &Self) -> bool {
        other.ranges.iter().all(|r| self.contains_range(r))
    }

    /// `&&` a range.
    pub fn overlaps_range(&self, range: &Range) -> bool {
        self.ranges.iter().any(|r| r.overlaps(range))
    }

    /// `&&` a multirange.
    pub fn overlaps(&self, other: &Self) -> bool {
        other.ranges.iter().any(|r| self.overlaps_range(r))
    }

    /// The range from the first lower to the last upper bound.
    pub fn span(&self, range_type: Oid) -> Range {
        match (self.ranges.first(), self.ranges.last()) {
            (Some(first), Some(last)) => first.merge(last),
            _ => Range::empty(range_type),
        }
    }

    /// `+`
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::new(self.ty, self.ranges.iter().chain(&other.ranges).cloned().collect())
    }

    /// `*`
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let parts = self.ranges.iter().flat_map(|a| other.ranges.iter().map(|b| a.intersect(b)));
        Self::new(self.ty, parts.collect())
    }

    /// `-`
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = self.ranges.clone();
        for cut in &other.ranges {
            let pieces = |r: Range| match r.overlaps(cut) {
                true => <[Range; 2]>::from(r.split_around(cut)).to_vec(),
                false => vec![r],
            };
            left = left.into_iter().flat_map(pieces).filter(|r| !r.empty).collect();
        }
        Self::new(self.ty, left)
    }
}
