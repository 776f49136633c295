//! Comparing and hashing single values by their btree and hash operator classes' rules.
//!
//! Integers of different widths compare with one another, so do floats; everything else compares within its own kind.

use super::batch::{ColumnKind, compare_bytes, hash_bytes, hash_combine, hash_u64};
use crate::sql::types::Datum;
use crate::sql::types::compare as types;
use crate::sql::types::numeric::Numeric;
use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};

/// Orders two values of one column kind, neither NULL.
pub fn compare(kind: ColumnKind, a: &Datum, b: &Datum) -> Ordering {
    match (a, b) {
        (Datum::Text(x), Datum::Text(y)) => compare_bytes(kind, x.as_bytes(), y.as_bytes()),
        _ => compare_values(a, b),
    }
}

/// Orders two values with NULL last.
pub fn compare_nulls_last(kind: ColumnKind, a: &Datum, b: &Datum) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (false, false) => compare(kind, a, b),
        (x, y) => x.cmp(&y),
    }
}

fn integer(v: &Datum) -> Option<i64> {
    Some(match v {
        Datum::Int2(v) => (*v).into(),
        Datum::Int4(v) => (*v).into(),
        Datum::Int8(v) => *v,
        _ => return None,
    })
}

fn float(v: &Datum) -> Option<f64> {
    Some(match v {
        Datum::Float4(v) => (*v).into(),
        Datum::Float8(v) => *v,
        _ => return None,
    })
}

fn compare_values(a: &Datum, b: &Datum) -> Ordering {
    match (a, b) {
        (Datum::Bool(x), Datum::Bool(y)) => x.cmp(y),
        (Datum::Date(x), Datum::Date(y)) => x.cmp(y),
        (Datum::Time(x), Datum::Time(y)) | (Datum::Timestamp(x), Datum::Timestamp(y)) => x.cmp(y),
        (Datum::TimestampTz(x), Datum::TimestampTz(y)) | (Datum::Money(x), Datum::Money(y)) => x.cmp(y),
        (Datum::Oid(x), Datum::Oid(y)) => x.cmp(y),
        (Datum::Char(x), Datum::Char(y)) => x.cmp(y),
        (Datum::Bytea(x), Datum::Bytea(y)) => x.cmp(y),
        (Datum::Uuid(x), Datum::Uuid(y)) => x.cmp(y),
        (Datum::Numeric(x), Datum::Numeric(y)) => compare_numeric(x, y),
        (Datum::Enum(x), Datum::Enum(y)) => x.order.total_cmp(&y.order),
        _ => {
            if let (Some(x), Some(y)) = (integer(a), integer(b)) {
                return x.cmp(&y);
            }
            if let (Some(x), Some(y)) = (float(a), float(b)) {
                return x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()));
            }
            types::compare(a, b)
        }
    }
}

/// Orders numerics: -Infinity, numbers, Infinity, NaN.
#[inline]
pub fn compare_numeric(a: &Numeric, b: &Numeric) -> Ordering {
    match (a, b) {
        (Numeric::Small(x, s), Numeric::Small(y, t)) if s == t => x.cmp(y),
        _ => a.cmp(b),
    }
}

/// Hash of a value that has no vector kind of its own.
pub fn hash(value: &Datum) -> u64 {
    match value {
        Datum::Numeric(Numeric::Small(m, s)) => super::batch::hash_decimal(*m, *s),
        Datum::Uuid(u) => hash_bytes(&u[..]),
        Datum::Char(c) => hash_u64((*c).into()),
        Datum::Array(a) => a
            .values
            .iter()
            .fold(hash_u64(a.dims.len() as u64), |h, v| hash_combine(h, super::batch::hash_datum(ColumnKind::Datum, v))),
        Datum::Record(r) => r.fields.iter().fold(7, |h, (_, v)| hash_combine(h, super::batch::hash_datum(ColumnKind::Datum, v))),
        Datum::Enum(e) => hash_u64(e.label.0.into()),
        other => {
            let mut state = foldhash::fast::FixedState::with_seed(0).build_hasher();
            types::hash(other, &mut state);
            state.finish()
        }
    }
}
