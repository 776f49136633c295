//! Statistics of a column from a sample of its values: PostgreSQL's `compute_scalar_stats` and `compute_trivial_stats`
//! (analyze.c), value for value.
//!
//! The sample is in the rows' physical order. Sorted by value it shows which values repeat: those that do so beyond doubt become
//! the most common values, the others are cut into equally full ranges (the histogram), and how far sorting moved them is the
//! correlation. The number of distinct values in the whole table comes from Haas and Stokes' Duj1 estimator:
//! `n d / (n - f1 + f1 n / N)` for `d` distinct values in a sample of `n` out of `N` rows, `f1` of them seen once.

use crate::sql::catalog::objects::Column;
use crate::sql::catalog::statistics::{ColumnStatistics, Values};
use crate::sql::types::compare::{compare_as, equal_as};
use crate::sql::types::{Datum, Oid};

/// Most common values and histogram bins of a column without a target of its own.
pub const DEFAULT_TARGET: i32 = 100;

/// Values wider than this are counted, not kept.
const WIDTH_THRESHOLD: usize = 1024;

/// A run of equal values in the sorted sample.
#[derive(Clone, Copy)]
struct Run {
    first: usize,
    count: usize,
}

/// Statistics of a column: `values` is its sample in physical order, `rows` the size of the whole table, `target` its statistics
/// target.
pub fn summarise(column: &Column, values: &[Datum], rows: f64, target: usize) -> ColumnStatistics {
    let mut out = ColumnStatistics { ty: column.ty.oid, ..ColumnStatistics::default() };
    if values.is_empty() {
        return out;
    }
    let fixed = crate::sql::types::typename::builtin(column.ty.oid).filter(|t| t.len > 0).map(|t| i32::from(t.len));
    let ordered = has_order(column.ty.oid, values);
    let (mut nulls, mut wide, mut bytes) = (0usize, 0usize, 0f64);
    // Value and place in the sample.
    let mut kept: Vec<(&Datum, usize)> = Vec::with_capacity(values.len());
    for value in values {
        if value.is_null() {
            nulls += 1;
            continue;
        }
        let width = stored_width(value);
        bytes += width as f64;
        if width > WIDTH_THRESHOLD {
            wide += 1;
            continue;
        }
        kept.push((value, kept.len()));
    }
    let present = values.len() - nulls;
    out.null_fraction = (nulls as f64 / values.len() as f64) as f32;
    out.width = match fixed {
        Some(width) => width,
        None if present == 0 => 0,
        None => (bytes / present as f64) as i32,
    };
    if present == 0 || !ordered {
        return out;
    }
    if kept.is_empty() {
        out.distinct = -(1.0 - out.null_fraction);
        return out;
    }
    let ty = column.ty.oid;
    kept.sort_by(|a, b| compare_as(a.0, b.0, ty).then(a.1.cmp(&b.1)));
    scalar(&mut out, &kept, &Shape { ty, rows, sampled: values.len(), nulls, wide, target });
    out
}

/// What the summary of a sorted sample depends on besides the sample.
struct Shape {
    ty: Oid,
    rows: f64,
    sampled: usize,
    nulls: usize,
    wide: usize,
    target: usize,
}

fn scalar(out: &mut ColumnStatistics, sorted: &[(&Datum, usize)], shape: &Shape) {
    let runs = runs(sorted, shape.ty);
    let multiple = runs.iter().filter(|r| r.count > 1).count();
    out.distinct = distinct(out, runs.len(), multiple, shape);
    let mut common: Vec<Run> = runs.iter().copied().filter(|r| r.count > 1).collect();
    common.sort_by(|a, b| b.count.cmp(&a.count).then(a.first.cmp(&b.first)));
    common.truncate(shape.target);
    // Every value was seen several times and fits: the list is complete.
    let complete = common.len() == runs.len() && shape.wide == 0 && out.distinct > 0.0;
    if !complete {
        let counts: Vec<usize> = common.iter().map(|r| r.count).collect();
        common.truncate(beyond_doubt(&counts, out, shape));
    }
    out.common = Values(common.iter().map(|r| sorted[r.first].0.clone()).collect());
    out.frequencies = common.iter().map(|r| (r.count as f64 / shape.sampled as f64) as f32).collect();
    out.histogram = Values(histogram(sorted, &common, runs.len(), shape.target));
    out.correlation = correlation(sorted);
}

fn runs(sorted: &[(&Datum, usize)], ty: Oid) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (i, (value, _)) in sorted.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if equal_as(sorted[run.first].0, value, ty) => run.count += 1,
            _ => runs.push(Run { first: i, count: 1 }),
        }
    }
    runs
}

fn distinct(out: &ColumnStatistics, seen: usize, multiple: usize, shape: &Shape) -> f32 {
    let present_part = 1.0 - f64::from(out.null_fraction);
    if multiple == 0 {
        return -present_part as f32;
    }
    let estimate = if shape.wide == 0 && multiple == seen {
        seen as f64
    } else {
        let once = (seen - multiple + shape.wide) as f64;
        let d = once + multiple as f64;
        let n = (shape.sampled - shape.nulls) as f64;
        let all = shape.rows * present_part;
        let duj1 = if all > 0.0 { n * d / ((n - once) + once * n / all) } else { 0.0 };
        (duj1.max(d).min(all) + 0.5).floor()
    };
    // A number that grows with the table is kept as a part of its rows.
    if estimate > 0.1 * shape.rows { -(estimate / shape.rows) as f32 } else { estimate as f32 }
}

/// How many of the most frequent values are certainly more frequent than the others on average (`analyze_mcv_list`).
fn beyond_doubt(counts: &[usize], out: &ColumnStatistics, shape: &Shape) -> usize {
    let (n, all) = (shape.sampled as f64, shape.rows);
    if n >= all || all <= 1.0 {
        return counts.len();
    }
    let distinct = out.distinct_of(all).unwrap_or(0.0);
    let mut kept = counts.len();
    let mut sum: f64 = counts.iter().rev().skip(1).map(|&c| c as f64).sum();
    while kept > 0 {
        let mut rest = (1.0 - sum / n - f64::from(out.null_fraction)).clamp(0.0, 1.0);
        let others = distinct - (kept as f64 - 1.0);
        if others > 1.0 {
            rest /= others;
        }
        let count = counts[kept - 1] as f64;
        let k = all * count / n;
        let variance = n * k * (all - k) * (all - n) / (all * all * (all - 1.0));
        if count > rest * n + 2.0 * variance.max(0.0).sqrt() + 0.5 {
            break;
        }
        kept -= 1;
        if kept > 0 {
            sum -= counts[kept - 1] as f64;
        }
    }
    kept
}

fn histogram(sorted: &[(&Datum, usize)], common: &[Run], distinct: usize, target: usize) -> Vec<Datum> {
    let bounds = (distinct - common.len()).min(target + 1);
    if bounds < 2 {
        return Vec::new();
    }
    let mut skipped = common.to_vec();
    skipped.sort_by_key(|r| r.first);
    let mut rest: Vec<&Datum> = Vec::with_capacity(sorted.len());
    let mut at = 0;
    for run in &skipped {
        rest.extend(sorted[at..run.first].iter().map(|(v, _)| *v));
        at = run.first + run.count;
    }
    rest.extend(sorted[at..].iter().map(|(v, _)| *v));
    let last = rest.len() - 1;
    (0..bounds).map(|i| rest[i * last / (bounds - 1)].clone()).collect()
}

fn correlation(sorted: &[(&Datum, usize)]) -> Option<f32> {
    if sorted.len() < 2 {
        return None;
    }
    let n = sorted.len() as f64;
    let products: f64 = sorted.iter().enumerate().map(|(i, (_, place))| i as f64 * *place as f64).sum();
    let sum = (n - 1.0) * n / 2.0;
    let squares = (n - 1.0) * n * (2.0 * n - 1.0) / 6.0;
    Some(((n * products - sum * sum) / (n * squares - sum * sum)) as f32)
}

/// Whether the type has a btree order.
fn has_order(ty: Oid, values: &[Datum]) -> bool {
    let unordered = matches!(ty, Oid::JSON | Oid::XML | Oid::XID | Oid::CID | Oid::ACLITEM);
    !unordered && !values.iter().any(|v| matches!(v, Datum::Geo(_)))
}

/// Bytes of a value in PostgreSQL's heap: variable-length ones with their one- or four-byte header.
pub fn stored_width(value: &Datum) -> usize {
    let varlena = |n: usize| if n <= 126 { n + 1 } else { n + 4 };
    match value {
        Datum::Null => 0,
        Datum::Bool(_) | Datum::Char(_) => 1,
        Datum::Int2(_) => 2,
        Datum::Int4(_) | Datum::Float4(_) | Datum::Date(_) | Datum::Oid(_) | Datum::Enum(_) => 4,
        Datum::Int8(_) | Datum::Float8(_) | Datum::Time(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) | Datum::Money(_) => 8,
        Datum::U64(_) => 8,
        Datum::Tid(..) => 6,
        Datum::TimeTz(..) => 12,
        Datum::Uuid(_) | Datum::Interval(_) => 16,
        Datum::MacAddr(_) => 6,
        Datum::Text(s) => varlena(s.len()),
        Datum::Bytea(b) => varlena(b.len()),
        Datum::Bit(b) => varlena(4 + b.bytes.len()),
        Datum::Inet(i) => varlena(if i.addr.is_ipv6() { 18 } else { 6 }),
        Datum::Numeric(n) => varlena(2 + 2 * numeric_groups(&n.to_string())),
        Datum::Array(a) => varlena(20 + a.values.iter().map(|v| stored_width(v).next_multiple_of(4)).sum::<usize>()),
        Datum::Record(r) => varlena(24 + r.fields.iter().map(|(_, v)| stored_width(v)).sum::<usize>()),
        other => {
            let mut bytes = Vec::new();
            match crate::encoding::value::encode(&mut bytes, other) {
                Ok(()) => varlena(bytes.len()),
                Err(_) => 32,
            }
        }
    }
}

/// Base-10000 digits PostgreSQL stores of a number's text.
fn numeric_groups(text: &str) -> usize {
    let text = text.trim_start_matches('-');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0').len().div_ceil(4);
    let fraction = fraction.trim_end_matches('0').len().div_ceil(4);
    whole + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(values: impl Iterator<Item = i32>) -> Vec<Datum> {
        values.map(Datum::Int4).collect()
    }

    fn column() -> Column {
        crate::sql::system::relations().iter().flat_map(|r| &r.columns).find(|c| c.ty.oid == Oid::INT4).unwrap().clone()
    }

    /// `create table t as select i % 10 as a from generate_series(1, 1000) i`: PostgreSQL finds ten values of 0.1 each.
    #[test]
    fn few_values_are_all_common() {
        let found = summarise(&column(), &ints((1..=1000).map(|i| i % 10)), 1000.0, 100);
        assert_eq!((found.distinct, found.common.len(), found.histogram.len()), (10.0, 10, 0));
        assert!(found.frequencies.iter().all(|f| (*f - 0.1).abs() < 1e-6));
    }

    /// A unique column in insertion order: -1, no common values, 101 bounds, correlation 1.
    #[test]
    fn a_key_is_all_histogram() {
        let found = summarise(&column(), &ints(1..=10_000), 10_000.0, 100);
        assert_eq!((found.distinct, found.common.len(), found.histogram.len()), (-1.0, 0, 101));
        assert_eq!(found.correlation, Some(1.0));
        assert!(matches!(
            (&found.histogram[0], &found.histogram[1], &found.histogram[100]),
            (Datum::Int4(1), Datum::Int4(100), Datum::Int4(10_000))
        ));
    }

    #[test]
    fn nulls_count_apart() {
        let values: Vec<Datum> = (0..100).map(|i| if i % 4 == 0 { Datum::Null } else { Datum::Int4(i) }).collect();
        let found = summarise(&column(), &values, 100.0, 100);
        assert_eq!((found.null_fraction, found.distinct, found.width), (0.25, -0.75, 4));
    }
}
