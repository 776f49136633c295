//! `date_trunc`.

use super::calendar::{Fields, USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC, timestamp_fields, timestamp_out_of_range};
use super::extract::{iso_week, iso_week_start, not_recognized, not_supported};
use super::tokens::{Unit, unit};
use super::zone::{self, Named};
use super::{convert, is_finite};
use crate::error::Result;
use crate::sql::types::interval::Interval;
use jiff::tz::TimeZone;

/// Cuts local fields to a unit; `None` for a unit that does not apply.
fn cut(f: &mut Fields, unit: Unit) -> Option<()> {
    // Units from coarse to fine; each also clears everything finer.
    let level = match unit {
        Unit::Millennium | Unit::Century | Unit::Decade | Unit::Year => 8,
        Unit::Quarter => 7,
        Unit::Month => 6,
        Unit::Week => 5,
        Unit::Day => 4,
        Unit::Hour => 3,
        Unit::Minute => 2,
        Unit::Second => 1,
        Unit::Millisecond => {
            f.micros = f.micros / 1000 * 1000;
            return Some(());
        }
        Unit::Microsecond => return Some(()),
        _ => return None,
    };
    let y = f.year;
    match unit {
        Unit::Millennium if y > 0 => f.year = (y + 999) / 1000 * 1000 - 999,
        Unit::Millennium => f.year = -((999 - (y - 1)) / 1000) * 1000 + 1,
        Unit::Century if y > 0 => f.year = (y + 99) / 100 * 100 - 99,
        Unit::Century => f.year = -((99 - (y - 1)) / 100) * 100 + 1,
        Unit::Decade if y > 0 => f.year = y / 10 * 10,
        Unit::Decade => f.year = -((8 - (y - 1)) / 10) * 10,
        Unit::Week => {
            let (year, week) = iso_week(f.year, f.month, f.day);
            (f.year, f.month, f.day) = iso_week_start(year, week);
        }
        _ => {}
    }
    if level >= 8 {
        f.month = 1;
    } else if level == 7 {
        f.month = 3 * ((f.month - 1) / 3) + 1;
    }
    if level >= 6 {
        f.day = 1;
    }
    if level >= 4 {
        f.hour = 0;
    }
    if level >= 3 {
        f.minute = 0;
    }
    if level >= 2 {
        f.second = 0;
    }
    f.micros = 0;
    Some(())
}

/// `date_trunc` of a timestamp. Errors: 0A000, 22023, 22008.
pub fn trunc_timestamp(name: &str, ts: i64) -> Result<i64> {
    const TYPE: &str = "timestamp without time zone";
    let unit = unit(name).ok_or_else(|| not_recognized(name, TYPE))?;
    if !is_finite(ts) {
        return Ok(ts);
    }
    let mut f = timestamp_fields(ts);
    cut(&mut f, unit).ok_or_else(|| not_supported(name, TYPE))?;
    f.timestamp().ok_or_else(timestamp_out_of_range)
}

/// `date_trunc` of a timestamptz in the session's zone. Errors: 0A000, 22023, 22008.
pub fn trunc_timestamptz(name: &str, ts: i64, time_zone: &TimeZone) -> Result<i64> {
    trunc_in(name, ts, -zone::offset_at(time_zone, ts), |f| zone::west_of_local(time_zone, f))
}

/// `date_trunc(unit, timestamptz, zone)`. Errors: 0A000, 22023, 22008.
pub fn trunc_timestamptz_zone(name: &str, ts: i64, zone_name: &str) -> Result<i64> {
    let named: Named = convert::resolve_zone(zone_name)?;
    trunc_in(name, ts, named.west_at(ts), |f| named.west_of_local(f))
}

fn trunc_in(name: &str, ts: i64, west: i32, west_of: impl Fn(&Fields) -> i32) -> Result<i64> {
    const TYPE: &str = "timestamp with time zone";
    let unit = unit(name).ok_or_else(|| not_recognized(name, TYPE))?;
    if !is_finite(ts) {
        return Ok(ts);
    }
    let mut f = timestamp_fields(ts - i64::from(west) * USECS_PER_SEC);
    cut(&mut f, unit).ok_or_else(|| not_supported(name, TYPE))?;
    // From days up the offset may be another one at the start of the unit.
    let fine = matches!(unit, Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond | Unit::Microsecond);
    let west = if fine { west } else { west_of(&f) };
    f.timestamp_tz(west).ok_or_else(timestamp_out_of_range)
}

/// `date_trunc` of an interval. Errors: 0A000, 22023.
pub fn trunc_interval(name: &str, i: &Interval) -> Result<Interval> {
    let unit = unit(name).ok_or_else(|| not_recognized(name, "interval"))?;
    let months = |n: i32| Interval { months: i.months / n * n, days: 0, micros: 0 };
    let micros = |n: i64| Interval { micros: i.micros / n * n, ..*i };
    Ok(match unit {
        Unit::Millennium => months(12_000),
        Unit::Century => months(1200),
        Unit::Decade => months(120),
        Unit::Year => months(12),
        Unit::Quarter => months(3),
        Unit::Month => months(1),
        Unit::Day => Interval { micros: 0, ..*i },
        Unit::Hour => micros(USECS_PER_HOUR),
        Unit::Minute => micros(USECS_PER_MINUTE),
        Unit::Second => micros(USECS_PER_SEC),
        Unit::Millisecond => micros(1000),
        Unit::Microsecond => *i,
        Unit::Week => return Err(not_supported(name, "interval").detail("Months usually have fractional weeks.")),
        _ => return Err(not_supported(name, "interval")),
    })
}
