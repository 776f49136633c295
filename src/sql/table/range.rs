//! From a scan's bounds on key columns to ranges of keys.

use crate::encoding::KeyColumn;
use crate::error::Result;
use crate::kv::KeyRange;
use crate::sql::executor::source::IndexRange;

/// Tag bytes of a key column: NULL before all values, a value, NULL after all values.
const VALUE: u8 = 1;
const AFTER_VALUES: u8 = 2;

/// The keys of an index (or of a table by its primary key) that an `IndexRange` covers.
pub fn key_range(prefix: &[u8], keys: &[KeyColumn], range: &IndexRange) -> Result<KeyRange> {
    let mut base = prefix.to_vec();
    super::key::encode_columns(keys, &range.equal, &mut base)?;
    let Some(next) = keys.get(range.equal.len()) else { return Ok(KeyRange::prefix(&base)) };
    if range.lower.is_none() && range.upper.is_none() && !range.not_null {
        return Ok(KeyRange::prefix(&base));
    }
    let (first, last) = if next.desc { (&range.upper, &range.lower) } else { (&range.lower, &range.upper) };
    let with = |tail: &[u8]| [&base[..], tail].concat();
    let start = match first {
        None => with(&[VALUE]),
        Some((value, inclusive)) => {
            let mut key = base.clone();
            next.encode(&mut key, value)?;
            if *inclusive { key } else { KeyRange::prefix(&key).end }
        }
    };
    let end = match last {
        None => with(&[AFTER_VALUES]),
        Some((value, inclusive)) => {
            let mut key = base.clone();
            next.encode(&mut key, value)?;
            if *inclusive { KeyRange::prefix(&key).end } else { key }
        }
    };
    Ok(KeyRange { start, end })
}

/// The common part of two ranges; `None` when there is none.
pub fn intersect(a: &KeyRange, start: &[u8], end: &[u8]) -> Option<KeyRange> {
    let start = a.start.as_slice().max(start).to_vec();
    let end = match (a.end.is_empty(), end.is_empty()) {
        (true, _) => end.to_vec(),
        (_, true) => a.end.clone(),
        _ => a.end.as_slice().min(end).to_vec(),
    };
    (end.is_empty() || start < end).then_some(KeyRange { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::PhysKind;
    use crate::sql::types::Datum;

    fn key(column: KeyColumn, value: Datum) -> Vec<u8> {
        let mut out = vec![7];
        column.encode(&mut out, &value).expect("encodes");
        out
    }

    #[test]
    fn bounds_hold_whatever_the_direction() {
        for desc in [false, true] {
            for nulls_first in [false, true] {
                let column = KeyColumn { kind: PhysKind::Int4, desc, nulls_first };
                let request = IndexRange {
                    lower: Some((Datum::Int4(3), false)),
                    upper: Some((Datum::Int4(6), true)),
                    not_null: true,
                    ..IndexRange::default()
                };
                let range = key_range(&[7], &[column], &request).expect("a range");
                let inside: Vec<i32> = (0..10).filter(|&i| range.contains(&key(column, Datum::Int4(i)))).collect();
                assert_eq!(inside, [4, 5, 6]);
                assert!(!range.contains(&key(column, Datum::Null)));
                let open = IndexRange { lower: Some((Datum::Int4(8), true)), not_null: true, ..IndexRange::default() };
                let range = key_range(&[7], &[column], &open).expect("a range");
                let inside: Vec<i32> = (0..10).filter(|&i| range.contains(&key(column, Datum::Int4(i)))).collect();
                assert_eq!(inside, [8, 9]);
                assert!(!range.contains(&key(column, Datum::Null)));
            }
        }
    }
}
