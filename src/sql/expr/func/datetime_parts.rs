//! Parts of dates and times (`extract`, `date_part`), OVERLAPS, and comparisons between different date types.

use super::support::*;
use crate::error::Result;
use crate::sql::expr::context::FnCx;
use crate::sql::types::Datum;
use crate::sql::types::compare::compare;
use crate::sql::types::datetime as dt;
use crate::sql::types::numeric::Numeric;
use std::cmp::Ordering;

/// `extract`, by symbol.
pub const EXTRACT: &[Entry] = &[
    f("extract_date", |_, a| exact(dt::extract_date(a[0].as_str(), a[1].as_date()))),
    f("extract_time", |_, a| exact(dt::extract_time(a[0].as_str(), a[1].as_time()).map(Some))),
    f("extract_timetz", |_, a| exact(timetz_part(a).map(Some))),
    f("extract_timestamp", |_, a| exact(dt::extract_timestamp(a[0].as_str(), a[1].as_timestamp()))),
    f("extract_timestamptz", |cx, a| exact(dt::extract_timestamptz(a[0].as_str(), a[1].as_timestamptz(), cx.io.time_zone))),
    f("extract_interval", |_, a| exact(dt::extract_interval(a[0].as_str(), &a[1].as_interval()).map(Some))),
    f("time_part", |_, a| float(dt::extract_time(a[0].as_str(), a[1].as_time()).map(Some))),
    f("timetz_part", |_, a| float(timetz_part(a).map(Some))),
    f("timestamp_part", |_, a| float(dt::extract_timestamp(a[0].as_str(), a[1].as_timestamp()))),
    f("timestamptz_part", |cx, a| float(dt::extract_timestamptz(a[0].as_str(), a[1].as_timestamptz(), cx.io.time_zone))),
    f("interval_part", |_, a| float(dt::extract_interval(a[0].as_str(), &a[1].as_interval()).map(Some))),
    f("date_part/25 1082", |_, a| float(dt::extract_timestamp(a[0].as_str(), dt::date_to_timestamp(a[1].as_date())?))),
];

fn exact(v: Result<Option<Numeric>>) -> Result<Datum> {
    Ok(v?.map_or(Datum::Null, Datum::Numeric))
}

fn float(v: Result<Option<Numeric>>) -> Result<Datum> {
    v?.map_or(Ok(Datum::Null), |n| n.to_f64().map(Datum::Float8))
}

fn timetz_part(a: &[Datum]) -> Result<Numeric> {
    match &a[1] {
        Datum::TimeTz(time, west) => dt::extract_timetz(a[0].as_str(), *time, *west),
        other => dt::extract_time(a[0].as_str(), other.as_time()),
    }
}

macro_rules! mixed {
    ($($order:path: $eq:literal $ne:literal $lt:literal $le:literal $gt:literal $ge:literal;)*) => {
        /// Comparisons of different date types, by symbol.
        pub const MIXED: &[Entry] = &[$(
            f($eq, |cx, a| boolean($order(cx, &a[0], &a[1]).is_eq())),
            f($ne, |cx, a| boolean($order(cx, &a[0], &a[1]).is_ne())),
            f($lt, |cx, a| boolean($order(cx, &a[0], &a[1]).is_lt())),
            f($le, |cx, a| boolean($order(cx, &a[0], &a[1]).is_le())),
            f($gt, |cx, a| boolean($order(cx, &a[0], &a[1]).is_gt())),
            f($ge, |cx, a| boolean($order(cx, &a[0], &a[1]).is_ge())),
        )*];
    };
}

mixed! {
    date_timestamp: "date_eq_timestamp" "date_ne_timestamp" "date_lt_timestamp" "date_le_timestamp" "date_gt_timestamp" "date_ge_timestamp";
    timestamp_date: "timestamp_eq_date" "timestamp_ne_date" "timestamp_lt_date" "timestamp_le_date" "timestamp_gt_date" "timestamp_ge_date";
    date_timestamptz: "date_eq_timestamptz" "date_ne_timestamptz" "date_lt_timestamptz" "date_le_timestamptz" "date_gt_timestamptz"
        "date_ge_timestamptz";
    timestamptz_date: "timestamptz_eq_date" "timestamptz_ne_date" "timestamptz_lt_date" "timestamptz_le_date" "timestamptz_gt_date"
        "timestamptz_ge_date";
    timestamp_timestamptz: "timestamp_eq_timestamptz" "timestamp_ne_timestamptz" "timestamp_lt_timestamptz" "timestamp_le_timestamptz"
        "timestamp_gt_timestamptz" "timestamp_ge_timestamptz";
    timestamptz_timestamp: "timestamptz_eq_timestamp" "timestamptz_ne_timestamp" "timestamptz_lt_timestamp" "timestamptz_le_timestamp"
        "timestamptz_gt_timestamp" "timestamptz_ge_timestamp";
}

/// A converted value against another; what cannot be converted lies beyond every finite value on its own side.
fn against(converted: Result<i64>, above: bool, other: i64) -> Ordering {
    match converted {
        Ok(v) => v.cmp(&other),
        Err(_) if above && other == i64::MAX => Ordering::Less,
        Err(_) if above => Ordering::Greater,
        Err(_) if other == i64::MIN => Ordering::Greater,
        Err(_) => Ordering::Less,
    }
}

fn date_timestamp(_: &FnCx<'_>, date: &Datum, ts: &Datum) -> Ordering {
    against(dt::date_to_timestamp(date.as_date()), date.as_date() > 0, ts.as_timestamp())
}

fn timestamp_date(cx: &FnCx<'_>, ts: &Datum, date: &Datum) -> Ordering {
    date_timestamp(cx, date, ts).reverse()
}

fn date_timestamptz(cx: &FnCx<'_>, date: &Datum, ts: &Datum) -> Ordering {
    against(dt::date_to_timestamptz(date.as_date(), cx.io.time_zone), date.as_date() > 0, ts.as_timestamptz())
}

fn timestamptz_date(cx: &FnCx<'_>, ts: &Datum, date: &Datum) -> Ordering {
    date_timestamptz(cx, date, ts).reverse()
}

fn timestamp_timestamptz(cx: &FnCx<'_>, ts: &Datum, tz: &Datum) -> Ordering {
    against(dt::timestamp_to_timestamptz(ts.as_timestamp(), cx.io.time_zone), ts.as_timestamp() > 0, tz.as_timestamptz())
}

fn timestamptz_timestamp(cx: &FnCx<'_>, tz: &Datum, ts: &Datum) -> Ordering {
    timestamp_timestamptz(cx, ts, tz).reverse()
}

/// OVERLAPS in all its forms, by symbol, or name and argument types where PostgreSQL writes it in SQL.
pub const OVERLAPS: &[Entry] = &[
    f("overlaps_timestamp", |_, a| overlaps(a)),
    f("overlaps_time", |_, a| overlaps(a)),
    f("overlaps_timetz", |_, a| overlaps(a)),
    f("overlaps/1184 1186 1184 1186", |cx, a| with_lengths(cx, a, true, true)),
    f("overlaps/1184 1184 1184 1186", |cx, a| with_lengths(cx, a, false, true)),
    f("overlaps/1184 1186 1184 1184", |cx, a| with_lengths(cx, a, true, false)),
    f("overlaps/1083 1186 1083 1186", |cx, a| with_lengths(cx, a, true, true)),
    f("overlaps/1083 1083 1083 1186", |cx, a| with_lengths(cx, a, false, true)),
    f("overlaps/1083 1186 1083 1083", |cx, a| with_lengths(cx, a, true, false)),
    f("overlaps/1114 1186 1114 1186", |cx, a| with_lengths(cx, a, true, true)),
    f("overlaps/1114 1114 1114 1186", |cx, a| with_lengths(cx, a, false, true)),
    f("overlaps/1114 1186 1114 1114", |cx, a| with_lengths(cx, a, true, false)),
];

fn with_lengths(cx: &FnCx<'_>, a: &[Datum], first: bool, second: bool) -> Result<Datum> {
    let end = |start: &Datum, end: &Datum, is_length: bool| -> Result<Datum> {
        if !is_length || start.is_null() || end.is_null() {
            return Ok(if is_length { Datum::Null } else { end.clone() });
        }
        let length = end.as_interval();
        Ok(match start {
            Datum::Timestamp(v) => Datum::Timestamp(dt::timestamp_add(*v, &length)?),
            Datum::TimestampTz(v) => Datum::TimestampTz(dt::timestamptz_add(*v, &length, cx.io.time_zone)?),
            other => Datum::Time(dt::time_add(other.as_time(), length.micros)),
        })
    };
    overlaps(&[a[0].clone(), end(&a[0], &a[1], first)?, a[2].clone(), end(&a[2], &a[3], second)?])
}

/// A period as its earlier and later end; one missing end leaves the other as the start, both missing is unknown.
fn period<'d>(a: &'d Datum, b: &'d Datum) -> Option<(&'d Datum, Option<&'d Datum>)> {
    match (a.is_null(), b.is_null()) {
        (true, true) => None,
        (true, false) => Some((b, None)),
        (false, true) => Some((a, None)),
        (false, false) if compare(a, b).is_gt() => Some((b, Some(a))),
        (false, false) => Some((a, Some(b))),
    }
}

fn overlaps(a: &[Datum]) -> Result<Datum> {
    let (Some((s1, e1)), Some((s2, e2))) = (period(&a[0], &a[1]), period(&a[2], &a[3])) else { return Ok(Datum::Null) };
    let (earlier_end, later_start, later_end) = match compare(s1, s2) {
        Ordering::Equal => return Ok(if e1.is_some() && e2.is_some() { Datum::Bool(true) } else { Datum::Null }),
        Ordering::Greater => (e2, s1, e1),
        Ordering::Less => (e1, s2, e2),
    };
    Ok(match earlier_end {
        None => Datum::Null,
        Some(end) if compare(later_start, end).is_lt() => Datum::Bool(true),
        Some(_) if later_end.is_none() => Datum::Null,
        Some(_) => Datum::Bool(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_periods() {
        let ts = |v: i64| Datum::Timestamp(v);
        let check = |v: [Datum; 4]| overlaps(&v).unwrap();
        assert!(check([ts(1), ts(5), ts(4), ts(9)]).as_bool());
        assert!(!check([ts(1), ts(4), ts(4), ts(9)]).as_bool());
        assert!(check([ts(4), ts(4), ts(4), ts(9)]).as_bool());
        assert!(check([ts(9), Datum::Null, ts(1), ts(5)]).is_null());
        assert!(check([Datum::Null, Datum::Null, ts(1), ts(5)]).is_null());
    }
}
