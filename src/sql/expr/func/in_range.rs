//! in_range: whether a value lies within a window frame's RANGE offset of another, for integers and date types.

use super::support::*;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::compare::{compare, interval_span};
use crate::sql::types::datetime as dt;
use std::cmp::Ordering;

macro_rules! integers {
    ($($symbol:literal)*) => {
        /// Integer forms.
        pub const INTEGERS: &[Entry] = &[$(f($symbol, |_, a| integer(a)),)*];
    };
}

integers! {
    "in_range_int8_int8" "in_range_int4_int8" "in_range_int4_int4" "in_range_int4_int2" "in_range_int2_int8" "in_range_int2_int4"
    "in_range_int2_int2"
}

/// Forms with an interval.
pub const INTERVALS: &[Entry] = &[
    f("in_range_date_interval", |_, a| {
        let base = dt::date_to_timestamp(a[1].as_date())?;
        let bound = moved(a, |i| if a[3].as_bool() { dt::timestamp_sub(base, i) } else { dt::timestamp_add(base, i) })?;
        verdict(a, dt::date_to_timestamp(a[0].as_date())?.cmp(&bound))
    }),
    f("in_range_timestamp_interval", |_, a| {
        let base = a[1].as_timestamp();
        let bound = moved(a, |i| if a[3].as_bool() { dt::timestamp_sub(base, i) } else { dt::timestamp_add(base, i) })?;
        verdict(a, a[0].as_timestamp().cmp(&bound))
    }),
    f("in_range_timestamptz_interval", |cx, a| {
        let (base, zone) = (a[1].as_timestamptz(), cx.io.time_zone);
        let bound =
            moved(a, |i| if a[3].as_bool() { dt::timestamptz_sub(base, i, zone) } else { dt::timestamptz_add(base, i, zone) })?;
        verdict(a, a[0].as_timestamptz().cmp(&bound))
    }),
    f("in_range_interval_interval", |_, a| {
        let base = a[1].as_interval();
        let bound = moved(a, |i| if a[3].as_bool() { base.sub(i) } else { base.add(i) })?;
        verdict(a, compare(&a[0], &Datum::Interval(bound)))
    }),
    f("in_range_time_interval", |_, a| {
        let base = a[1].as_time();
        let bound = time_bound(a, base)?;
        verdict(a, i128::from(a[0].as_time()).cmp(&bound))
    }),
    f("in_range_timetz_interval", |_, a| {
        let (Datum::TimeTz(value, value_west), Datum::TimeTz(base, base_west)) = (&a[0], &a[1]) else { return Ok(Datum::Null) };
        let utc = |west: &i32| i128::from(*west) * 1_000_000;
        let bound = time_bound(a, *base)? + utc(base_west);
        verdict(a, (i128::from(*value) + utc(value_west)).cmp(&bound).then(value_west.cmp(base_west)))
    }),
];

#[cold]
fn invalid_offset() -> SqlError {
    SqlError::new(SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE, "invalid preceding or following size in window function")
}

fn wide(d: &Datum) -> i128 {
    match d {
        Datum::Int2(v) => (*v).into(),
        Datum::Int4(v) => (*v).into(),
        other => other.as_int8().into(),
    }
}

fn verdict(a: &[Datum], order: Ordering) -> Result<Datum> {
    boolean(if a[4].as_bool() { order.is_le() } else { order.is_ge() })
}

fn integer(a: &[Datum]) -> Result<Datum> {
    let offset = wide(&a[2]);
    if offset < 0 {
        return Err(invalid_offset());
    }
    let bound = if a[3].as_bool() { wide(&a[1]) - offset } else { wide(&a[1]) + offset };
    verdict(a, wide(&a[0]).cmp(&bound))
}

fn moved<T>(a: &[Datum], by: impl FnOnce(&crate::sql::types::interval::Interval) -> Result<T>) -> Result<T> {
    let offset = a[2].as_interval();
    if interval_span(&offset) < 0 {
        return Err(invalid_offset());
    }
    by(&offset)
}

fn time_bound(a: &[Datum], base: i64) -> Result<i128> {
    let offset = a[2].as_interval().micros;
    if offset < 0 {
        return Err(invalid_offset());
    }
    Ok(if a[3].as_bool() { i128::from(base) - i128::from(offset) } else { i128::from(base) + i128::from(offset) })
}
