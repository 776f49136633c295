//! Order, equality and hashing of datums, as PostgreSQL's default btree and hash operator classes have them.
//!
//! Text compares by bytes (the C collation). `compare`/`equal`/`hash` look at the physical kind alone; `bpchar` shares its kind
//! with `text` but ignores trailing blanks, so where the type may be `bpchar` use the `_as` forms. NULLs are the caller's
//! business at the top; inside arrays and records NULL is greater than everything and equal to itself.

use super::array::Array;
use super::datum::Record;
use super::float::{float4, float8};
use super::inet::Inet;
use super::interval::Interval;
use super::range::{Multirange, Range};
use super::{Datum, Oid};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// The btree order of two non-NULL datums of the same kind.
#[inline]
pub fn compare(a: &Datum, b: &Datum) -> Ordering {
    match (a, b) {
        (Datum::Int4(a), Datum::Int4(b)) => a.cmp(b),
        (Datum::Int8(a), Datum::Int8(b)) => a.cmp(b),
        (Datum::Text(a), Datum::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        _ => compare_other(a, b),
    }
}

fn compare_other(a: &Datum, b: &Datum) -> Ordering {
    match (a, b) {
        (Datum::Bool(a), Datum::Bool(b)) => a.cmp(b),
        (Datum::Int2(a), Datum::Int2(b)) => a.cmp(b),
        (Datum::Float4(a), Datum::Float4(b)) => float4::compare(*a, *b),
        (Datum::Float8(a), Datum::Float8(b)) => float8::compare(*a, *b),
        (Datum::Numeric(a), Datum::Numeric(b)) => a.cmp(b),
        (Datum::Oid(a), Datum::Oid(b)) => a.cmp(b),
        (Datum::Char(a), Datum::Char(b)) => a.cmp(b),
        (Datum::Bytea(a), Datum::Bytea(b)) => a.cmp(b),
        (Datum::Date(a), Datum::Date(b)) => a.cmp(b),
        (Datum::Time(a), Datum::Time(b)) | (Datum::Timestamp(a), Datum::Timestamp(b)) => a.cmp(b),
        (Datum::TimestampTz(a), Datum::TimestampTz(b)) | (Datum::Money(a), Datum::Money(b)) => a.cmp(b),
        (Datum::TimeTz(a, za), Datum::TimeTz(b, zb)) => {
            (a + i64::from(*za) * 1_000_000).cmp(&(b + i64::from(*zb) * 1_000_000)).then(za.cmp(zb))
        }
        (Datum::Interval(a), Datum::Interval(b)) => interval_span(a).cmp(&interval_span(b)),
        (Datum::Uuid(a), Datum::Uuid(b)) => a.cmp(b),
        (Datum::Jsonb(a), Datum::Jsonb(b)) => a.compare(b),
        (Datum::Array(a), Datum::Array(b)) => compare_arrays(a, b),
        (Datum::Record(a), Datum::Record(b)) => compare_records(a, b),
        (Datum::Enum(a), Datum::Enum(b)) => float4::compare(a.order, b.order),
        (Datum::Bit(a), Datum::Bit(b)) => a.bytes.cmp(&b.bytes).then(a.len.cmp(&b.len)),
        (Datum::Inet(a), Datum::Inet(b)) => compare_inet(a, b),
        (Datum::MacAddr(a), Datum::MacAddr(b)) => a.cmp(b),
        (Datum::Tid(a, x), Datum::Tid(b, y)) => (a, x).cmp(&(b, y)),
        (Datum::U64(a), Datum::U64(b)) => a.cmp(b),
        (Datum::Range(a), Datum::Range(b)) => compare_ranges(a, b),
        (Datum::Multirange(a), Datum::Multirange(b)) => compare_multiranges(a, b),
        (Datum::TsVector(a), Datum::TsVector(b)) => a.compare(b),
        (Datum::TsQuery(a), Datum::TsQuery(b)) => a.compare(b),
        (Datum::Geo(a), Datum::Geo(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        _ => with_nulls_last(a, b, |_, _| kind(a).cmp(&kind(b))),
    }
}

/// Stable number of a datum's kind: orders values of different kinds, which only a broken plan compares.
fn kind(d: &Datum) -> u8 {
    match d {
        Datum::Null => 255,
        Datum::Bool(_) => 0,
        Datum::Int2(_) => 1,
        Datum::Int4(_) => 2,
        Datum::Int8(_) => 3,
        Datum::Float4(_) => 4,
        Datum::Float8(_) => 5,
        Datum::Numeric(_) => 6,
        Datum::Text(_) => 7,
        _ => 8,
    }
}

/// Orders with NULL after everything and equal to NULL.
#[inline]
pub fn with_nulls_last(a: &Datum, b: &Datum, order: impl FnOnce(&Datum, &Datum) -> Ordering) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (false, false) => order(a, b),
        (a, b) => a.cmp(&b),
    }
}

/// The btree order of two non-NULL datums of a type: as `compare`, but `bpchar` ignores trailing blanks.
#[inline]
pub fn compare_as(a: &Datum, b: &Datum, ty: Oid) -> Ordering {
    match (a, b) {
        (Datum::Text(a), Datum::Text(b)) if ty == Oid::BPCHAR => {
            super::text::bpchar_trim(a).as_bytes().cmp(super::text::bpchar_trim(b).as_bytes())
        }
        _ => compare(a, b),
    }
}

/// Whether two non-NULL datums of the same kind are equal.
#[inline]
pub fn equal(a: &Datum, b: &Datum) -> bool {
    match (a, b) {
        (Datum::Text(a), Datum::Text(b)) => a == b,
        (Datum::TsVector(a), Datum::TsVector(b)) => a == b,
        (Datum::TsQuery(a), Datum::TsQuery(b)) => a == b,
        (Datum::Geo(a), Datum::Geo(b)) => a == b,
        (Datum::Enum(a), Datum::Enum(b)) => a.label == b.label,
        _ => compare(a, b).is_eq(),
    }
}

/// As `equal`, but `bpchar` ignores trailing blanks.
#[inline]
pub fn equal_as(a: &Datum, b: &Datum, ty: Oid) -> bool {
    if ty == Oid::BPCHAR { compare_as(a, b, ty).is_eq() } else { equal(a, b) }
}

/// The length of an interval in microseconds, a month being 30 days and a day 24 hours: what intervals compare by.
pub fn interval_span(i: &Interval) -> i128 {
    const DAY: i128 = 86_400_000_000;
    i128::from(i.months) * 30 * DAY + i128::from(i.days) * DAY + i128::from(i.micros)
}

fn compare_arrays(a: &Array, b: &Array) -> Ordering {
    for (x, y) in a.values.iter().zip(&b.values) {
        let order = with_nulls_last(x, y, |x, y| compare_as(x, y, a.elem));
        if order.is_ne() {
            return order;
        }
    }
    let lengths = || a.dims.iter().map(|d| d.len).cmp(b.dims.iter().map(|d| d.len));
    let bounds = || a.dims.iter().map(|d| d.lower).cmp(b.dims.iter().map(|d| d.lower));
    a.values.len().cmp(&b.values.len()).then(a.dims.len().cmp(&b.dims.len())).then_with(lengths).then_with(bounds)
}

fn compare_records(a: &Record, b: &Record) -> Ordering {
    for ((ty, x), (_, y)) in a.fields.iter().zip(&b.fields) {
        let order = with_nulls_last(x, y, |x, y| compare_as(x, y, ty.oid));
        if order.is_ne() {
            return order;
        }
    }
    a.fields.len().cmp(&b.fields.len())
}

/// Family, then the common prefix, then netmask length, then the whole address.
fn compare_inet(a: &Inet, b: &Inet) -> Ordering {
    use std::net::IpAddr;
    let bits = |i: &Inet| match i.addr {
        IpAddr::V4(v) => u128::from(u32::from(v)) << 96,
        IpAddr::V6(v) => u128::from(v),
    };
    let common = a.bits.min(b.bits);
    let prefix = |v: u128| if common == 0 { 0 } else { v >> (128 - u32::from(common)) };
    a.addr
        .is_ipv6()
        .cmp(&b.addr.is_ipv6())
        .then_with(|| prefix(bits(a)).cmp(&prefix(bits(b))))
        .then(a.bits.cmp(&b.bits))
        .then_with(|| bits(a).cmp(&bits(b)))
}

/// Empty first, then by lower bound, then by upper bound.
pub fn compare_ranges(a: &Range, b: &Range) -> Ordering {
    match (a.empty, b.empty) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare_lower(&a.lower, &b.lower).then_with(|| compare_upper(&a.upper, &b.upper)),
    }
}

/// A range's bound: the value and whether it is inside; `None` is unbounded.
pub type Bound = Option<(Datum, bool)>;

/// Order of two lower bounds: unbounded first, an inclusive bound before an exclusive one at the same value.
pub fn compare_lower(a: &Bound, b: &Bound) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some((x, inside_x)), Some((y, inside_y))) => compare(x, y).then(inside_y.cmp(inside_x)),
    }
}

/// Order of two upper bounds: unbounded last, an exclusive bound before an inclusive one at the same value.
pub fn compare_upper(a: &Bound, b: &Bound) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Greater,
        (_, None) => Ordering::Less,
        (Some((x, inside_x)), Some((y, inside_y))) => compare(x, y).then(inside_x.cmp(inside_y)),
    }
}

fn compare_multiranges(a: &Multirange, b: &Multirange) -> Ordering {
    for (x, y) in a.ranges.iter().zip(&b.ranges) {
        let order = compare_ranges(x, y);
        if order.is_ne() {
            return order;
        }
    }
    a.ranges.len().cmp(&b.ranges.len())
}

/// Hashes so that `equal` datums hash alike.
pub fn hash(d: &Datum, state: &mut impl Hasher) {
    match d {
        Datum::Null => 0u8.hash(state),
        Datum::Bool(v) => v.hash(state),
        Datum::Int2(v) => v.hash(state),
        Datum::Int4(v) => v.hash(state),
        Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) | Datum::Money(v) => v.hash(state),
        Datum::Float4(v) => hash_float(f64::from(*v), state),
        Datum::Float8(v) => hash_float(*v, state),
        Datum::Numeric(v) => v.hash(state),
        Datum::Oid(v) => v.hash(state),
        Datum::Char(v) => v.hash(state),
        Datum::Text(v) => v.as_str().hash(state),
        Datum::Bytea(v) => v.hash(state),
        Datum::Date(v) => v.hash(state),
        Datum::TimeTz(v, zone) => (v, zone).hash(state),
        Datum::Interval(v) => interval_span(v).hash(state),
        Datum::Uuid(v) => v.hash(state),
        Datum::Jsonb(v) => v.hash(state),
        Datum::Array(v) => v.values.iter().for_each(|e| hash_as(e, v.elem, state)),
        Datum::Record(v) => v.fields.iter().for_each(|(ty, f)| hash_as(f, ty.oid, state)),
        Datum::Enum(v) => v.label.hash(state),
        Datum::Bit(v) => v.hash(state),
        Datum::Inet(v) => v.hash(state),
        Datum::MacAddr(v) => v.hash(state),
        Datum::Tid(block, offset) => (block, offset).hash(state),
        Datum::U64(v) => v.hash(state),
        Datum::Range(v) => hash_range(v, state),
        Datum::Multirange(v) => v.ranges.iter().for_each(|r| hash_range(r, state)),
        Datum::TsVector(v) => v.lexemes.hash(state),
        Datum::TsQuery(v) => v.to_string().hash(state),
        Datum::Geo(_) => 1u8.hash(state),
    }
}

/// As `hash`, but `bpchar` ignores trailing blanks.
pub fn hash_as(d: &Datum, ty: Oid, state: &mut impl Hasher) {
    match d {
        Datum::Text(v) if ty == Oid::BPCHAR => super::text::bpchar_trim(v).hash(state),
        _ => hash(d, state),
    }
}

fn hash_float(v: f64, state: &mut impl Hasher) {
    let canonical = if v.is_nan() { f64::NAN } else { v + 0.0 };
    canonical.to_bits().hash(state);
}

fn hash_range(r: &Range, state: &mut impl Hasher) {
    r.empty.hash(state);
    for (value, inside) in [&r.lower, &r.upper].into_iter().flatten() {
        inside.hash(state);
        hash(value, state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::numeric::Numeric;
    use std::hash::DefaultHasher;

    fn hashed(d: &Datum) -> u64 {
        let mut h = DefaultHasher::new();
        hash(d, &mut h);
        h.finish()
    }

    #[test]
    fn equal_hash_alike() {
        let pairs = [
            (Datum::Float8(0.0), Datum::Float8(-0.0)),
            (Datum::Float8(f64::NAN), Datum::Float8(-f64::NAN)),
            (Datum::Numeric(Numeric::Small(10, 1)), Datum::Numeric(Numeric::Small(1, 0))),
            (
                Datum::Interval(Interval { micros: 0, days: 30, months: 0 }),
                Datum::Interval(Interval { micros: 0, days: 0, months: 1 }),
            ),
        ];
        for (a, b) in pairs {
            assert!(equal(&a, &b), "{a:?} {b:?}");
            assert_eq!(hashed(&a), hashed(&b));
        }
        assert!(equal_as(&Datum::text("a "), &Datum::text("a"), Oid::BPCHAR));
        assert!(!equal(&Datum::text("a "), &Datum::text("a")));
    }
}
