//! Binary input of dates, times and intervals: PostgreSQL's own integers, checked for range.

use super::calendar::{
    USECS_PER_DAY, apply_time_typmod, apply_timestamp_typmod, date_out_of_range, is_valid_date, is_valid_timestamp,
};
use super::{apply_interval_typmod, calendar, is_finite, is_finite_date};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::interval::Interval;
use crate::sql::types::io::Reader;

/// Reads a date. Errors: 22008.
pub fn receive_date(r: &mut Reader<'_>) -> Result<i32> {
    let date = r.i32()?;
    if !is_finite_date(date) || is_valid_date(date) { Ok(date) } else { Err(date_out_of_range()) }
}

/// Reads a time of day. Errors: 22008.
pub fn receive_time(r: &mut Reader<'_>, typmod: i32) -> Result<i64> {
    let time = r.i64()?;
    if !(0..=USECS_PER_DAY).contains(&time) {
        return Err(err!(SqlState::DATETIME_FIELD_OVERFLOW, "time out of range"));
    }
    Ok(apply_time_typmod(time, typmod))
}

/// Reads a time of day with its zone. Errors: 22008, 22009.
pub fn receive_timetz(r: &mut Reader<'_>, typmod: i32) -> Result<(i64, i32)> {
    let time = receive_time(r, typmod)?;
    let west = r.i32()?;
    if west.abs() >= 16 * 3600 {
        return Err(err!(SqlState::INVALID_TIME_ZONE_DISPLACEMENT, "time zone displacement out of range"));
    }
    Ok((time, west))
}

/// Reads a timestamp of either kind. Errors: 22008.
pub fn receive_timestamp(r: &mut Reader<'_>, typmod: i32) -> Result<i64> {
    let ts = r.i64()?;
    if is_finite(ts) && !is_valid_timestamp(ts) {
        return Err(calendar::timestamp_out_of_range());
    }
    apply_timestamp_typmod(ts, typmod)
}

/// Reads an interval.
pub fn receive_interval(r: &mut Reader<'_>, typmod: i32) -> Result<Interval> {
    let (micros, days, months) = (r.i64()?, r.i32()?, r.i32()?);
    Ok(apply_interval_typmod(Interval { micros, days, months }, typmod))
}

/// Appends an interval's binary form.
pub fn send_interval(i: &Interval, out: &mut Vec<u8>) {
    out.extend_from_slice(&i.micros.to_be_bytes());
    out.extend_from_slice(&i.days.to_be_bytes());
    out.extend_from_slice(&i.months.to_be_bytes());
}
