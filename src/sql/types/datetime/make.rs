//! `make_date`, `make_time`, `make_timestamp`, `make_timestamptz` and `make_interval`.

use super::arith::interval_out_of_range;
use super::calendar::{Fields, USECS_PER_DAY, USECS_PER_HOUR, USECS_PER_MINUTE, is_valid_julian, month_days};
use super::number::zone_displacement;
use super::{DateError, convert, zone};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::interval::Interval;
use jiff::tz::TimeZone;

/// Checked year, month and day; a negative year is BC. Errors: 22008.
fn date_fields(year: i32, month: i32, day: i32) -> Result<Fields> {
    let refuse = || err!(SqlState::DATETIME_FIELD_OVERFLOW, "date field value out of range: {year}-{month:02}-{day:02}");
    let astronomical = match year {
        0 => return Err(refuse()),
        ..0 => year.checked_add(1).ok_or_else(refuse)?,
        _ => year,
    };
    if !(1..=12).contains(&month) || day < 1 || !is_valid_julian(astronomical, month) || day > month_days(astronomical, month) {
        return Err(refuse());
    }
    Ok(Fields { year: astronomical, month, day, ..Fields::default() })
}

/// A date from its parts. Errors: 22008.
pub fn make_date(year: i32, month: i32, day: i32) -> Result<i32> {
    let date = date_fields(year, month, day)?.date();
    if super::calendar::is_valid_date(date) {
        return Ok(date);
    }
    Err(err!(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range: {year}-{month:02}-{day:02}"))
}

/// A time of day from its parts. Errors: 22008.
pub fn make_time(hour: i32, minute: i32, second: f64) -> Result<i64> {
    let refuse = || {
        let mut shown = Vec::new();
        crate::sql::types::float::write_g(second, 6, &mut shown);
        let shown = String::from_utf8_lossy(&shown);
        err!(SqlState::DATETIME_FIELD_OVERFLOW, "time field value out of range: {hour}:{minute:02}:{shown:0>2}")
    };
    if second.is_nan() || !(0..=24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..=60.0).contains(&second) {
        return Err(refuse());
    }
    let micros = (second * 1_000_000.0).round_ties_even() as i64;
    let time = i64::from(hour) * USECS_PER_HOUR + i64::from(minute) * USECS_PER_MINUTE + micros;
    if time > USECS_PER_DAY || micros > USECS_PER_MINUTE { Err(refuse()) } else { Ok(time) }
}

/// A timestamp from its parts. Errors: 22008.
pub fn make_timestamp(year: i32, month: i32, day: i32, hour: i32, minute: i32, second: f64) -> Result<i64> {
    let date = date_fields(year, month, day)?.date();
    let time = make_time(hour, minute, second)?;
    let ts = i64::from(date).checked_mul(USECS_PER_DAY).and_then(|d| d.checked_add(time));
    ts.filter(|ts| super::calendar::is_valid_timestamp(*ts)).ok_or_else(|| {
        let mut shown = Vec::new();
        crate::sql::types::float::write_g(second, 6, &mut shown);
        let shown = String::from_utf8_lossy(&shown);
        err!(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range: {year}-{month:02}-{day:02} {hour}:{minute:02}:{shown:0>2}")
    })
}

/// A timestamptz from local parts in the session's zone. Errors: 22008.
pub fn make_timestamptz(parts: (i32, i32, i32, i32, i32, f64), time_zone: &TimeZone) -> Result<i64> {
    let (year, month, day, hour, minute, second) = parts;
    convert::timestamp_to_timestamptz(make_timestamp(year, month, day, hour, minute, second)?, time_zone)
}

/// A timestamptz from local parts in a named zone or at a signed displacement. Errors: 22008, 22023.
pub fn make_timestamptz_at(parts: (i32, i32, i32, i32, i32, f64), zone_name: &str) -> Result<i64> {
    let (year, month, day, hour, minute, second) = parts;
    let ts = make_timestamp(year, month, day, hour, minute, second)?;
    if zone_name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid input syntax for type numeric time zone: \"{zone_name}\"")
            .hint("Numeric time zones must have \"-\" or \"+\" as first character."));
    }
    match zone_displacement(zone_name) {
        Ok(west) => zone::fixed(west).map_or(Ok(ts), |z| convert::timestamp_to_timestamptz(ts, &z)),
        Err(DateError::ZoneDisplacement) => {
            Err(err!(SqlState::INVALID_PARAMETER_VALUE, "numeric time zone \"{zone_name}\" out of range"))
        }
        Err(_) => convert::timestamp_at_zone(ts, zone_name),
    }
}

/// An interval from its parts. Errors: 22008.
pub fn make_interval(years: i32, months: i32, weeks: i32, days: i32, hours: i32, minutes: i32, seconds: f64) -> Result<Interval> {
    let whole = || {
        Some((
            years.checked_mul(12)?.checked_add(months)?,
            weeks.checked_mul(7)?.checked_add(days)?,
            i64::from(hours) * USECS_PER_HOUR + i64::from(minutes) * USECS_PER_MINUTE,
        ))
    };
    let (months, days, time) = whole().ok_or_else(interval_out_of_range)?;
    let micros = crate::sql::types::float::to_i64(seconds * 1_000_000.0).ok_or_else(interval_out_of_range)?;
    let micros = time.checked_add(micros).ok_or_else(interval_out_of_range)?;
    Ok(Interval { micros, days, months })
}
