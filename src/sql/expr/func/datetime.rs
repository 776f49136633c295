//! Dates, times, timestamps and intervals: operators, casts, construction, truncation, zones, series. The arithmetic is
//! `types::datetime`; here symbols meet it, with the session's zone where one is needed.

use super::server::clock;
use super::support::*;
use crate::error::Result;
use crate::sql::expr::context::FnCx;
use crate::sql::types::Datum;
use crate::sql::types::compare::interval_span;
use crate::sql::types::datetime as dt;
use crate::sql::types::interval::Interval;

fn ts(d: &Datum) -> i64 {
    match d {
        Datum::Timestamp(v) | Datum::TimestampTz(v) => *v,
        other => other.as_timestamp(),
    }
}

fn iv(d: &Datum) -> Interval {
    d.as_interval()
}

fn timestamp(v: Result<i64>) -> Result<Datum> {
    v.map(Datum::Timestamp)
}

fn timestamptz(v: Result<i64>) -> Result<Datum> {
    v.map(Datum::TimestampTz)
}

fn interval(v: Result<Interval>) -> Result<Datum> {
    v.map(Datum::Interval)
}

fn timetz(d: &Datum) -> (i64, i32) {
    match d {
        Datum::TimeTz(time, west) => (*time, *west),
        other => (other.as_time(), 0),
    }
}

/// Operators and casts by symbol.
pub const OPERATORS: &[Entry] = &[
    f("date_pli", |_, a| dt::date_add(a[0].as_date(), a[1].as_int4()).map(Datum::Date)),
    f("integer_pl_date/23 1082", |_, a| dt::date_add(a[1].as_date(), a[0].as_int4()).map(Datum::Date)),
    f("date_mii", |_, a| dt::date_sub(a[0].as_date(), a[1].as_int4()).map(Datum::Date)),
    f("date_mi", |_, a| dt::date_diff(a[0].as_date(), a[1].as_date()).map(Datum::Int4)),
    f("date_pl_interval", |_, a| timestamp(dt::timestamp_add(dt::date_to_timestamp(a[0].as_date())?, &iv(&a[1])))),
    f("interval_pl_date/1186 1082", |_, a| timestamp(dt::timestamp_add(dt::date_to_timestamp(a[1].as_date())?, &iv(&a[0])))),
    f("date_mi_interval", |_, a| timestamp(dt::timestamp_sub(dt::date_to_timestamp(a[0].as_date())?, &iv(&a[1])))),
    f("datetime_timestamp", |_, a| timestamp(dt::date_plus_time(a[0].as_date(), a[1].as_time()))),
    f("timedate_pl/1083 1082", |_, a| timestamp(dt::date_plus_time(a[1].as_date(), a[0].as_time()))),
    f("datetimetz_timestamptz", |_, a| date_and_timetz(&a[0], &a[1])),
    f("timetzdate_pl/1266 1082", |_, a| date_and_timetz(&a[1], &a[0])),
    f("timestamptz/1082 1083", |cx, a| {
        timestamptz(dt::timestamp_to_timestamptz(dt::date_plus_time(a[0].as_date(), a[1].as_time())?, cx.io.time_zone))
    }),
    f("time_pl_interval", |_, a| Ok(Datum::Time(dt::time_add(a[0].as_time(), iv(&a[1]).micros)))),
    f("interval_pl_time/1186 1083", |_, a| Ok(Datum::Time(dt::time_add(a[1].as_time(), iv(&a[0]).micros)))),
    f("time_mi_interval", |_, a| Ok(Datum::Time(dt::time_add(a[0].as_time(), iv(&a[1]).micros.wrapping_neg())))),
    f("time_mi_time", |_, a| interval(Ok(Interval { micros: a[0].as_time() - a[1].as_time(), ..Interval::default() }))),
    f("timetz_pl_interval", |_, a| timetz_moved(&a[0], iv(&a[1]).micros)),
    f("interval_pl_timetz/1186 1266", |_, a| timetz_moved(&a[1], iv(&a[0]).micros)),
    f("timetz_mi_interval", |_, a| timetz_moved(&a[0], iv(&a[1]).micros.wrapping_neg())),
    f("timestamp_pl_interval", |_, a| timestamp(dt::timestamp_add(ts(&a[0]), &iv(&a[1])))),
    f("interval_pl_timestamp/1186 1114", |_, a| timestamp(dt::timestamp_add(ts(&a[1]), &iv(&a[0])))),
    f("timestamp_mi_interval", |_, a| timestamp(dt::timestamp_sub(ts(&a[0]), &iv(&a[1])))),
    f("timestamptz_pl_interval", |cx, a| timestamptz(dt::timestamptz_add(ts(&a[0]), &iv(&a[1]), cx.io.time_zone))),
    f("interval_pl_timestamptz/1186 1184", |cx, a| timestamptz(dt::timestamptz_add(ts(&a[1]), &iv(&a[0]), cx.io.time_zone))),
    f("timestamptz_mi_interval", |cx, a| timestamptz(dt::timestamptz_sub(ts(&a[0]), &iv(&a[1]), cx.io.time_zone))),
    f("timestamp_mi", |_, a| interval(dt::timestamp_diff(ts(&a[0]), ts(&a[1])))),
    f("interval_um", |_, a| interval(iv(&a[0]).neg())),
    f("interval_pl", |_, a| interval(iv(&a[0]).add(&iv(&a[1])))),
    f("interval_mi", |_, a| interval(iv(&a[0]).sub(&iv(&a[1])))),
    f("interval_mul", |_, a| interval(iv(&a[0]).mul(a[1].as_float8()))),
    f("mul_d_interval", |_, a| interval(iv(&a[1]).mul(a[0].as_float8()))),
    f("interval_div", |_, a| interval(iv(&a[0]).div(a[1].as_float8()))),
    f("date_timestamp", |_, a| timestamp(dt::date_to_timestamp(a[0].as_date()))),
    f("date_timestamptz", |cx, a| timestamptz(dt::date_to_timestamptz(a[0].as_date(), cx.io.time_zone))),
    f("timestamp_date", |_, a| Ok(Datum::Date(dt::timestamp_to_date(ts(&a[0]))))),
    f("timestamptz_date", |cx, a| Ok(Datum::Date(dt::timestamp_to_date(local(cx, &a[0]))))),
    f("timestamp_time", |_, a| Ok(dt::timestamp_to_time(ts(&a[0])).map_or(Datum::Null, Datum::Time))),
    f("timestamptz_time", |cx, a| Ok(dt::timestamp_to_time(local(cx, &a[0])).map_or(Datum::Null, Datum::Time))),
    f("timestamptz_timetz", |cx, a| {
        Ok(dt::timestamptz_to_timetz(ts(&a[0]), cx.io.time_zone).map_or(Datum::Null, |(t, z)| Datum::TimeTz(t, z)))
    }),
    f("timestamp_timestamptz", |cx, a| timestamptz(dt::timestamp_to_timestamptz(ts(&a[0]), cx.io.time_zone))),
    f("timestamptz_timestamp", |cx, a| Ok(Datum::Timestamp(local(cx, &a[0])))),
    f("time_interval", |_, a| interval(Ok(Interval { micros: a[0].as_time(), ..Interval::default() }))),
    f("interval_time", |_, a| Ok(Datum::Time(dt::interval_to_time(&iv(&a[0]))))),
    f("time_timetz", |cx, a| {
        let (time, west) = dt::time_to_timetz(a[0].as_time(), cx.io.now, cx.io.time_zone);
        Ok(Datum::TimeTz(time, west))
    }),
    f("timetz_time", |_, a| Ok(Datum::Time(timetz(&a[0]).0))),
    f("time_scale", |_, a| Ok(Datum::Time(dt::calendar::apply_time_typmod(a[0].as_time(), a[1].as_int4())))),
    f("timetz_scale", |_, a| {
        let (time, west) = timetz(&a[0]);
        Ok(Datum::TimeTz(dt::calendar::apply_time_typmod(time, a[1].as_int4()), west))
    }),
    f("timestamp_scale", |_, a| timestamp(dt::calendar::apply_timestamp_typmod(ts(&a[0]), a[1].as_int4()))),
    f("timestamptz_scale", |_, a| timestamptz(dt::calendar::apply_timestamp_typmod(ts(&a[0]), a[1].as_int4()))),
    f("interval_scale", |_, a| interval(Ok(dt::apply_interval_typmod(iv(&a[0]), a[1].as_int4())))),
];

/// Functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("make_date", |_, a| dt::make_date(a[0].as_int4(), a[1].as_int4(), a[2].as_int4()).map(Datum::Date)),
    f("make_time", |_, a| dt::make_time(a[0].as_int4(), a[1].as_int4(), a[2].as_float8()).map(Datum::Time)),
    f("make_timestamp", |_, a| {
        let (y, mo, d, h, mi, s) = parts(a);
        timestamp(dt::make_timestamp(y, mo, d, h, mi, s))
    }),
    f("make_timestamptz", |cx, a| timestamptz(dt::make_timestamptz(parts(a), cx.io.time_zone))),
    f("make_timestamptz_at_timezone", |_, a| timestamptz(dt::make_timestamptz_at(parts(a), a[6].as_str()))),
    f("make_interval", |_, a| {
        let n = |i: usize| a[i].as_int4();
        interval(dt::make_interval(n(0), n(1), n(2), n(3), n(4), n(5), a[6].as_float8()))
    }),
    f("interval_justify_hours", |_, a| interval(iv(&a[0]).justify_hours())),
    f("interval_justify_days", |_, a| interval(iv(&a[0]).justify_days())),
    f("interval_justify_interval", |_, a| interval(iv(&a[0]).justify_interval())),
    f("float8_timestamptz", |_, a| timestamptz(dt::epoch_to_timestamptz(a[0].as_float8()))),
    f("timestamp_age", |_, a| interval(dt::age(ts(&a[0]), ts(&a[1])))),
    f("timestamptz_age", |cx, a| interval(dt::age(local(cx, &a[0]), local(cx, &a[1])))),
    f("age/1114", |cx, a| interval(dt::age(today(cx)?, ts(&a[0])))),
    f("age/1184", |cx, a| interval(dt::age(today(cx)?, local(cx, &a[0])))),
    f("timestamp_trunc", |_, a| timestamp(dt::trunc_timestamp(a[0].as_str(), ts(&a[1])))),
    f("timestamptz_trunc", |cx, a| timestamptz(dt::trunc_timestamptz(a[0].as_str(), ts(&a[1]), cx.io.time_zone))),
    f("timestamptz_trunc_zone", |_, a| timestamptz(dt::trunc_timestamptz_zone(a[0].as_str(), ts(&a[1]), a[2].as_str()))),
    f("interval_trunc", |_, a| interval(dt::trunc_interval(a[0].as_str(), &iv(&a[1])))),
    f("timestamp_bin", |_, a| timestamp(dt::date_bin(&iv(&a[0]), ts(&a[1]), ts(&a[2])))),
    f("timestamptz_bin", |_, a| timestamptz(dt::date_bin(&iv(&a[0]), ts(&a[1]), ts(&a[2])))),
    f("date_finite", |_, a| boolean(dt::is_finite_date(a[0].as_date()))),
    f("timestamp_finite", |_, a| boolean(dt::is_finite(ts(&a[0])))),
    f("interval_finite", |_, _| boolean(true)),
    f("timestamptz_zone", |_, a| timestamp(dt::timestamptz_at_zone(ts(&a[1]), a[0].as_str()))),
    f("timestamp_zone", |_, a| timestamptz(dt::timestamp_at_zone(ts(&a[1]), a[0].as_str()))),
    f("timestamptz_izone", |_, a| timestamp(dt::timestamptz_at_interval(ts(&a[1]), &iv(&a[0])))),
    f("timestamp_izone", |_, a| timestamptz(dt::timestamp_at_interval(ts(&a[1]), &iv(&a[0])))),
    f("timetz_zone", |cx, a| {
        let (time, west) = dt::timetz_at_zone(timetz(&a[1]), a[0].as_str(), cx.io.now)?;
        Ok(Datum::TimeTz(time, west))
    }),
    f("timetz_izone", |_, a| {
        let ((time, west), east) = (timetz(&a[1]), dt::interval_zone(&iv(&a[0]))?);
        let moved = dt::time_add(time, i64::from(west + east) * dt::calendar::USECS_PER_SEC);
        Ok(Datum::TimeTz(moved, -east))
    }),
    f("timeofday", |cx, _| {
        let now = clock();
        let zone = dt::zone::local_at(cx.io.time_zone, now);
        let local = now + i64::from(zone.east) * dt::calendar::USECS_PER_SEC;
        let fields = dt::calendar::timestamp_fields(local);
        let day = dt::calendar::weekday(fields.date().into()) as usize;
        text(format!(
            "{} {} {:02} {:02}:{:02}:{:02}.{:06} {:04} {}",
            dt::DAYS[day],
            dt::MONTHS[fields.month as usize - 1],
            fields.day,
            fields.hour,
            fields.minute,
            fields.second,
            fields.micros,
            fields.year,
            zone.abbreviation
        ))
    }),
    f("pg_sleep_for/1186", |cx, a| {
        let now = clock();
        let end = dt::timestamptz_add(now, &iv(&a[0]), cx.io.time_zone)?;
        sleep_until(cx, now, end)
    }),
    f("pg_sleep_until/1184", |cx, a| sleep_until(cx, clock(), ts(&a[0]))),
    set("generate_series_timestamp", |_, a| series(&a[0], &a[1], iv(&a[2]), dt::timestamp_add, Datum::Timestamp)),
    set("generate_series_timestamptz", |cx, a| {
        let zone = cx.io.time_zone.clone();
        series(&a[0], &a[1], iv(&a[2]), move |v, step| dt::timestamptz_add(v, step, &zone), Datum::TimestampTz)
    }),
];

fn local(cx: &FnCx<'_>, d: &Datum) -> i64 {
    dt::timestamptz_to_timestamp(ts(d), cx.io.time_zone)
}

/// Today's midnight, local.
fn today(cx: &FnCx<'_>) -> Result<i64> {
    let now = dt::timestamptz_to_timestamp(cx.io.now, cx.io.time_zone);
    dt::date_to_timestamp(dt::timestamp_to_date(now))
}

fn parts(a: &[Datum]) -> (i32, i32, i32, i32, i32, f64) {
    let n = |i: usize| a[i].as_int4();
    (n(0), n(1), n(2), n(3), n(4), a[5].as_float8())
}

fn date_and_timetz(date: &Datum, time: &Datum) -> Result<Datum> {
    let (time, west) = timetz(time);
    timestamptz(dt::date_plus_timetz(date.as_date(), time, west))
}

fn timetz_moved(d: &Datum, micros: i64) -> Result<Datum> {
    let (time, west) = timetz(d);
    Ok(Datum::TimeTz(dt::time_add(time, micros), west))
}

fn sleep_until(cx: &FnCx<'_>, now: i64, end: i64) -> Result<Datum> {
    cx.session.sleep((end.saturating_sub(now) as f64 / 1e6).max(0.0))?;
    Ok(Datum::text(""))
}

fn series(
    start: &Datum,
    end: &Datum,
    step: Interval,
    add: impl Fn(i64, &Interval) -> Result<i64> + Send + 'static,
    wrap: fn(i64) -> Datum,
) -> Result<Rows> {
    let (mut next, end) = (Some(ts(start)), ts(end));
    let up = match interval_span(&step) {
        0 => return Err(invalid_parameter("step size cannot equal zero")),
        span => span > 0,
    };
    let rows = std::iter::from_fn(move || {
        let current = next?;
        if if up { current > end } else { current < end } {
            next = None;
            return None;
        }
        match add(current, &step) {
            Ok(following) => next = Some(following),
            Err(e) => {
                next = None;
                return Some(Err(e));
            }
        }
        Some(Ok(vec![wrap(current)]))
    });
    Ok(Box::new(rows))
}
