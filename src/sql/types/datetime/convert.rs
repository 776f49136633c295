//! Conversions between dates, times, timestamps and zones.

use super::arith::interval_out_of_range;
use super::calendar::{
    self, DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, NEG_INFINITY, USECS_PER_DAY, USECS_PER_SEC, is_valid_timestamp,
    timestamp_fields, timestamp_out_of_range,
};
use super::is_finite;
use super::zone::{self, Named};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::interval::Interval;
use jiff::tz::TimeZone;

/// date to timestamp at midnight. Errors: 22008.
pub fn date_to_timestamp(date: i32) -> Result<i64> {
    match date {
        DATE_INFINITY => Ok(INFINITY),
        DATE_NEG_INFINITY => Ok(NEG_INFINITY),
        _ => {
            let ts = i64::from(date).checked_mul(USECS_PER_DAY).filter(|ts| is_valid_timestamp(*ts));
            ts.ok_or_else(|| err!(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range for timestamp"))
        }
    }
}

/// date to timestamptz at the zone's midnight. Errors: 22008.
pub fn date_to_timestamptz(date: i32, time_zone: &TimeZone) -> Result<i64> {
    timestamp_to_timestamptz(date_to_timestamp(date)?, time_zone)
        .map_err(|_| err!(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range for timestamp"))
}

/// Local time to timestamptz. Errors: 22008.
pub fn timestamp_to_timestamptz(ts: i64, time_zone: &TimeZone) -> Result<i64> {
    if !is_finite(ts) {
        return Ok(ts);
    }
    let f = timestamp_fields(ts);
    f.timestamp_tz(zone::west_of_local(time_zone, &f)).ok_or_else(timestamp_out_of_range)
}

/// timestamptz to local time.
pub fn timestamptz_to_timestamp(ts: i64, time_zone: &TimeZone) -> i64 {
    if is_finite(ts) { ts + i64::from(zone::offset_at(time_zone, ts)) * USECS_PER_SEC } else { ts }
}

/// timestamp to its date.
pub fn timestamp_to_date(ts: i64) -> i32 {
    match ts {
        INFINITY => DATE_INFINITY,
        NEG_INFINITY => DATE_NEG_INFINITY,
        _ => ts.div_euclid(USECS_PER_DAY) as i32,
    }
}

/// timestamp to its time of day; `None` (NULL) for the infinities.
pub fn timestamp_to_time(ts: i64) -> Option<i64> {
    is_finite(ts).then(|| ts.rem_euclid(USECS_PER_DAY))
}

/// timestamptz to local time of day and the zone's seconds WEST of UTC; `None` (NULL) for the infinities.
pub fn timestamptz_to_timetz(ts: i64, time_zone: &TimeZone) -> Option<(i64, i32)> {
    let west = -zone::offset_at(time_zone, ts);
    is_finite(ts).then(|| ((ts - i64::from(west) * USECS_PER_SEC).rem_euclid(USECS_PER_DAY), west))
}

/// time to timetz: the zone's seconds WEST of UTC at that time today.
pub fn time_to_timetz(time: i64, now: i64, time_zone: &TimeZone) -> (i64, i32) {
    let today = timestamp_fields(timestamptz_to_timestamp(now, time_zone));
    let clock = calendar::time_fields(time);
    let local = calendar::Fields { year: today.year, month: today.month, day: today.day, ..clock };
    (time, zone::west_of_local(time_zone, &local))
}

/// date + time. Errors: 22008.
pub fn date_plus_time(date: i32, time: i64) -> Result<i64> {
    let ts = date_to_timestamp(date)?;
    if !is_finite(ts) {
        return Ok(ts);
    }
    ts.checked_add(time).filter(|ts| is_valid_timestamp(*ts)).ok_or_else(timestamp_out_of_range)
}

/// date + timetz. Errors: 22008.
pub fn date_plus_timetz(date: i32, time: i64, west: i32) -> Result<i64> {
    date_plus_time(date, time + i64::from(west) * USECS_PER_SEC)
}

/// interval to time: its time part around the clock.
pub fn interval_to_time(i: &Interval) -> i64 {
    i.micros.rem_euclid(USECS_PER_DAY)
}

/// The zone an `AT TIME ZONE` argument names. Errors: 22023.
pub fn resolve_zone(name: &str) -> Result<Named> {
    zone::resolve(name).ok_or_else(|| err!(SqlState::INVALID_PARAMETER_VALUE, "time zone \"{name}\" not recognized"))
}

/// timestamp AT TIME ZONE name: local time there to timestamptz. Errors: 22023, 22008.
pub fn timestamp_at_zone(ts: i64, name: &str) -> Result<i64> {
    let named = resolve_zone(name)?;
    if !is_finite(ts) {
        return Ok(ts);
    }
    let f = timestamp_fields(ts);
    f.timestamp_tz(named.west_of_local(&f)).ok_or_else(timestamp_out_of_range)
}

/// timestamptz AT TIME ZONE name: local time there. Errors: 22023, 22008.
pub fn timestamptz_at_zone(ts: i64, name: &str) -> Result<i64> {
    let named = resolve_zone(name)?;
    if !is_finite(ts) {
        return Ok(ts);
    }
    let local = ts - i64::from(named.west_at(ts)) * USECS_PER_SEC;
    if is_valid_timestamp(local) { Ok(local) } else { Err(timestamp_out_of_range()) }
}

/// timetz AT TIME ZONE name, with the zone's offset now. Errors: 22023.
pub fn timetz_at_zone((time, west): (i64, i32), name: &str, now: i64) -> Result<(i64, i32)> {
    let there = resolve_zone(name)?.west_at(now);
    Ok(((time + i64::from(west - there) * USECS_PER_SEC).rem_euclid(USECS_PER_DAY), there))
}

/// The displacement an interval means as a zone, seconds EAST of UTC. Errors: 22023.
pub fn interval_zone(i: &Interval) -> Result<i32> {
    if i.months != 0 || i.days != 0 {
        let mut shown = Vec::new();
        super::interval_out::write_interval(i, super::IntervalStyle::Postgres, &mut shown);
        let shown = String::from_utf8_lossy(&shown);
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "interval time zone \"{shown}\" must not include months or days"));
    }
    i32::try_from(i.micros / USECS_PER_SEC).map_err(|_| interval_out_of_range())
}

/// timestamp AT TIME ZONE interval. Errors: 22023, 22008.
pub fn timestamp_at_interval(ts: i64, i: &Interval) -> Result<i64> {
    shift(ts, -i64::from(interval_zone(i)?))
}

/// timestamptz AT TIME ZONE interval. Errors: 22023, 22008.
pub fn timestamptz_at_interval(ts: i64, i: &Interval) -> Result<i64> {
    shift(ts, i64::from(interval_zone(i)?))
}

fn shift(ts: i64, seconds: i64) -> Result<i64> {
    if !is_finite(ts) {
        return Ok(ts);
    }
    ts.checked_add(seconds * USECS_PER_SEC).filter(|ts| is_valid_timestamp(*ts)).ok_or_else(timestamp_out_of_range)
}

/// `to_timestamp(double precision)`: seconds since 1970 to timestamptz. Errors: 22008.
pub fn epoch_to_timestamptz(seconds: f64) -> Result<i64> {
    let refuse = || err!(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"{seconds}\"");
    if seconds.is_nan() {
        return Err(err!(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Ok(if seconds > 0.0 { INFINITY } else { NEG_INFINITY });
    }
    let micros = (seconds - calendar::UNIX_TO_2000 as f64) * USECS_PER_SEC as f64;
    crate::sql::types::float::to_i64(micros).filter(|ts| is_valid_timestamp(*ts)).ok_or_else(refuse)
}
