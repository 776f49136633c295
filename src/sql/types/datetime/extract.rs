//! `extract(unit from ...)`: exact numerics with PostgreSQL 15's scales. `date_part` is the same number as double precision.

use super::calendar::{
    self, Fields, INFINITY, NEG_INFINITY, UNIX_TO_2000, USECS_PER_DAY, USECS_PER_SEC, from_julian, julian, timestamp_fields,
    weekday,
};
use super::tokens::{Unit, unit};
use super::{is_finite, is_finite_date, zone};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::interval::Interval;
use crate::sql::types::numeric::Numeric;
use jiff::tz::TimeZone;

#[cold]
pub(super) fn not_supported(name: &str, ty: &str) -> SqlError {
    err!(SqlState::FEATURE_NOT_SUPPORTED, "unit \"{}\" not supported for type {ty}", name.to_lowercase())
}

#[cold]
pub(super) fn not_recognized(name: &str, ty: &str) -> SqlError {
    err!(SqlState::INVALID_PARAMETER_VALUE, "unit \"{}\" not recognized for type {ty}", name.to_lowercase())
}

/// Monday of the first ISO week of a year, as a Julian day.
fn first_iso_monday(year: i32) -> i32 {
    let fourth = julian(year, 1, 4);
    fourth - (fourth.rem_euclid(7))
}

/// ISO 8601 year and week of a date.
pub fn iso_week(year: i32, month: i32, day: i32) -> (i32, i32) {
    let date = julian(year, month, day);
    let mut iso_year = year;
    let mut monday = first_iso_monday(year);
    if date < monday {
        iso_year -= 1;
        monday = first_iso_monday(iso_year);
    } else {
        let next = first_iso_monday(year + 1);
        if date >= next {
            iso_year += 1;
            monday = next;
        }
    }
    (iso_year, (date - monday) / 7 + 1)
}

/// The Monday of an ISO week as year, month and day.
pub fn iso_week_start(iso_year: i32, week: i32) -> (i32, i32, i32) {
    from_julian(first_iso_monday(iso_year) + (week - 1) * 7)
}

fn int(v: impl Into<i64>) -> Numeric {
    Numeric::from(v.into())
}

fn micros_scaled(micros: i64, scale: u16) -> Numeric {
    Numeric::Small(micros, scale)
}

/// Units of the time of day, shared by all types that have one.
fn time_unit(unit: Unit, micros_of_day: i64) -> Option<Numeric> {
    let second = micros_of_day % calendar::USECS_PER_MINUTE;
    Some(match unit {
        Unit::Microsecond => int(second),
        Unit::Millisecond => micros_scaled(second, 3),
        Unit::Second => micros_scaled(second, 6),
        Unit::Minute => int(micros_of_day % calendar::USECS_PER_HOUR / calendar::USECS_PER_MINUTE),
        Unit::Hour => int(micros_of_day / calendar::USECS_PER_HOUR),
        _ => return None,
    })
}

/// Units of the date.
fn date_unit(unit: Unit, f: &Fields) -> Option<Numeric> {
    let y = f.year;
    let bc = y - 1;
    let dow = || weekday(i64::from(f.date()));
    Some(int(match unit {
        Unit::Day => f.day,
        Unit::Month => f.month,
        Unit::Quarter => (f.month - 1) / 3 + 1,
        Unit::Week => iso_week(y, f.month, f.day).1,
        Unit::Year => {
            if y > 0 {
                y
            } else {
                bc
            }
        }
        Unit::Decade => {
            if y >= 0 {
                y / 10
            } else {
                -((8 - bc) / 10)
            }
        }
        Unit::Century => {
            if y > 0 {
                (y + 99) / 100
            } else {
                -((99 - bc) / 100)
            }
        }
        Unit::Millennium => {
            if y > 0 {
                (y + 999) / 1000
            } else {
                -((999 - bc) / 1000)
            }
        }
        Unit::IsoYear => match iso_week(y, f.month, f.day).0 {
            year if year <= 0 => year - 1,
            year => year,
        },
        Unit::Dow => dow(),
        Unit::IsoDow => {
            if dow() == 0 {
                7
            } else {
                dow()
            }
        }
        Unit::Doy => julian(y, f.month, f.day) - julian(y, 1, 1) + 1,
        _ => return None,
    }))
}

/// What a unit is of an infinite value: an infinity for those that grow for ever, NULL for the others.
fn of_infinity(unit: Unit, negative: bool) -> Option<Numeric> {
    let grows =
        matches!(unit, Unit::Year | Unit::Decade | Unit::Century | Unit::Millennium | Unit::Julian | Unit::IsoYear | Unit::Epoch);
    grows.then_some(if negative { Numeric::NegInfinity } else { Numeric::Infinity })
}

fn julian_with_time(f: &Fields) -> Result<Numeric> {
    let day = int(julian(f.year, f.month, f.day));
    day.add(&int(f.time()).div(&int(USECS_PER_DAY))?)
}

/// `extract` from timestamp; `None` is NULL. Errors: 0A000, 22023.
pub fn extract_timestamp(name: &str, ts: i64) -> Result<Option<Numeric>> {
    const TYPE: &str = "timestamp without time zone";
    let unit = unit(name).ok_or_else(|| not_recognized(name, TYPE))?;
    local_unit(unit, ts)?.ok_or_else(|| not_supported(name, TYPE))
}

/// Any unit of a local timestamp; the outer `None` is a unit it does not have.
fn local_unit(unit: Unit, ts: i64) -> Result<Option<Option<Numeric>>> {
    if matches!(unit, Unit::Timezone | Unit::TimezoneHour | Unit::TimezoneMinute) {
        return Ok(None);
    }
    if !is_finite(ts) {
        return Ok(Some(of_infinity(unit, ts == NEG_INFINITY)));
    }
    let f = timestamp_fields(ts);
    let found = match unit {
        Unit::Epoch => Some(epoch(ts)),
        Unit::Julian => Some(julian_with_time(&f)?),
        _ => time_unit(unit, ts.rem_euclid(USECS_PER_DAY)).or_else(|| date_unit(unit, &f)),
    };
    Ok(found.map(Some))
}

fn epoch(ts: i64) -> Numeric {
    Numeric::from_i128(i128::from(ts) + i128::from(UNIX_TO_2000 * USECS_PER_SEC), 6)
}

/// `extract` from timestamptz in a zone; `None` is NULL. Errors: 0A000, 22023.
pub fn extract_timestamptz(name: &str, ts: i64, time_zone: &TimeZone) -> Result<Option<Numeric>> {
    const TYPE: &str = "timestamp with time zone";
    let unit = unit(name).ok_or_else(|| not_recognized(name, TYPE))?;
    if ts == INFINITY || ts == NEG_INFINITY {
        return Ok(of_infinity(unit, ts == NEG_INFINITY));
    }
    let east = zone::offset_at(time_zone, ts);
    if let Some(found) = zone_unit(unit, east) {
        return Ok(Some(found));
    }
    if unit == Unit::Epoch {
        return Ok(Some(epoch(ts)));
    }
    local_unit(unit, ts + i64::from(east) * USECS_PER_SEC)?.ok_or_else(|| not_supported(name, TYPE))
}

fn zone_unit(unit: Unit, east: i32) -> Option<Numeric> {
    Some(int(match unit {
        Unit::Timezone => east,
        Unit::TimezoneHour => east / 3600,
        Unit::TimezoneMinute => east / 60 % 60,
        _ => return None,
    }))
}

/// `extract` from date; `None` is NULL. Errors: 0A000, 22023.
pub fn extract_date(name: &str, date: i32) -> Result<Option<Numeric>> {
    let unit = unit(name).ok_or_else(|| not_recognized(name, "date"))?;
    if matches!(
        unit,
        Unit::Microsecond
            | Unit::Millisecond
            | Unit::Second
            | Unit::Minute
            | Unit::Hour
            | Unit::Timezone
            | Unit::TimezoneHour
            | Unit::TimezoneMinute
    ) {
        return Err(not_supported(name, "date"));
    }
    if !is_finite_date(date) {
        return Ok(of_infinity(unit, date == calendar::DATE_NEG_INFINITY));
    }
    let found = match unit {
        Unit::Epoch => Some(int(i64::from(date) * 86_400 + UNIX_TO_2000)),
        Unit::Julian => Some(int(date + calendar::EPOCH_JULIAN)),
        _ => date_unit(unit, &calendar::date_fields(date)),
    };
    found.map(Some).ok_or_else(|| not_supported(name, "date"))
}

/// `extract` from time. Errors: 0A000, 22023.
pub fn extract_time(name: &str, time: i64) -> Result<Numeric> {
    const TYPE: &str = "time without time zone";
    let unit = unit(name).ok_or_else(|| not_recognized(name, TYPE))?;
    match unit {
        Unit::Epoch => Ok(micros_scaled(time, 6)),
        _ => time_unit(unit, time).ok_or_else(|| not_supported(name, TYPE)),
    }
}

/// `extract` from timetz. Errors: 0A000, 22023.
pub fn extract_timetz(name: &str, time: i64, west: i32) -> Result<Numeric> {
    const TYPE: &str = "time with time zone";
    let unit = unit(name).ok_or_else(|| not_recognized(name, TYPE))?;
    match unit {
        Unit::Epoch => Ok(micros_scaled(time + i64::from(west) * USECS_PER_SEC, 6)),
        _ => zone_unit(unit, -west).or_else(|| time_unit(unit, time)).ok_or_else(|| not_supported(name, TYPE)),
    }
}

/// `extract` from interval. Errors: 0A000, 22023.
pub fn extract_interval(name: &str, i: &Interval) -> Result<Numeric> {
    let unit = unit(name).ok_or_else(|| not_recognized(name, "interval"))?;
    let (years, months) = (i.months / 12, i.months % 12);
    Ok(match unit {
        Unit::Day => int(i.days),
        Unit::Month => int(months),
        Unit::Quarter => int(months / 3 + 1),
        Unit::Year => int(years),
        Unit::Decade => int(years / 10),
        Unit::Century => int(years / 100),
        Unit::Millennium => int(years / 1000),
        Unit::Epoch => {
            // A year is 365.25 days and a month 30: quarters of days keep that whole.
            let quarters = i64::from(years) * 1461 + i64::from(months) * 120 + i64::from(i.days) * 4;
            Numeric::from_i128(i128::from(quarters) * 21_600_000_000 + i128::from(i.micros), 6)
        }
        _ => time_unit(unit, i.micros).ok_or_else(|| not_supported(name, "interval"))?,
    })
}
