//! The proleptic Gregorian calendar as day numbers, and the ranges PostgreSQL's types allow.

use crate::err;
use crate::error::{Result, SqlError, SqlState};

/// Microseconds in a second.
pub const USECS_PER_SEC: i64 = 1_000_000;
/// Microseconds in a minute.
pub const USECS_PER_MINUTE: i64 = 60 * USECS_PER_SEC;
/// Microseconds in an hour.
pub const USECS_PER_HOUR: i64 = 60 * USECS_PER_MINUTE;
/// Microseconds in a day.
pub const USECS_PER_DAY: i64 = 24 * USECS_PER_HOUR;
/// Seconds from 1970-01-01 to 2000-01-01.
pub const UNIX_TO_2000: i64 = 946_684_800;

/// `date` 'infinity'
pub const DATE_INFINITY: i32 = i32::MAX;
/// `date` '-infinity'
pub const DATE_NEG_INFINITY: i32 = i32::MIN;
/// `timestamp` 'infinity'
pub const INFINITY: i64 = i64::MAX;
/// `timestamp` '-infinity'
pub const NEG_INFINITY: i64 = i64::MIN;

/// Julian day of 2000-01-01.
pub const EPOCH_JULIAN: i32 = 2_451_545;
/// First timestamp: 4714-11-24 BC.
pub const MIN_TIMESTAMP: i64 = -211_813_488_000_000_000;
/// First timestamp past the range: 294277-01-01.
pub const END_TIMESTAMP: i64 = 9_223_371_331_200_000_000;
/// First date past the range, as days since 2000: 5874898-01-01.
const END_DATE: i32 = 2_147_483_494 - EPOCH_JULIAN;

/// Broken-down date and time; the year is astronomical (0 is 1 BC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Year
    pub year: i32,
    /// 1..=12
    pub month: i32,
    /// 1..=31
    pub day: i32,
    /// 0..=24
    pub hour: i32,
    /// 0..=59
    pub minute: i32,
    /// 0..=60
    pub second: i32,
    /// Microseconds
    pub micros: i32,
}

/// Julian day of a date; months beyond 1..=12 are not normalised.
pub fn julian(year: i32, month: i32, day: i32) -> i32 {
    let (mut y, mut m) = (year, month);
    if m > 2 {
        m += 1;
        y = y.wrapping_add(4800);
    } else {
        m += 13;
        y = y.wrapping_add(4799);
    }
    let century = y / 100;
    let mut jd = y.wrapping_mul(365).wrapping_sub(32167);
    jd = jd.wrapping_add(y / 4 - century + century / 4);
    jd.wrapping_add(7834 * m / 256 + day)
}

/// Year, month and day of a Julian day.
pub fn from_julian(jd: i32) -> (i32, i32, i32) {
    let mut jd = (jd as u32).wrapping_add(32044);
    let mut quad = jd / 146_097;
    let extra = (jd - quad * 146_097) * 4 + 3;
    jd = jd.wrapping_add(60 + quad * 3 + extra / 146_097);
    quad = jd / 1461;
    jd -= quad * 1461;
    let mut y = (jd * 4 / 1461) as i32;
    jd = (if y != 0 { (jd + 305) % 365 } else { (jd + 306) % 366 }) + 123;
    y += (quad * 4) as i32;
    let q = (jd * 2141 / 65536) as i32;
    (y - 4800, (q + 10) % 12 + 1, jd as i32 - 7834 * q / 256)
}

/// Day of the week, 0 is Sunday, of a date counted from 2000-01-01.
pub fn weekday(date: i64) -> i32 {
    (date + 6).rem_euclid(7) as i32
}

/// Whether a year has 366 days.
pub fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days in a month, 1..=12.
pub fn month_days(year: i32, month: i32) -> i32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether `julian` of these fields does not overflow.
pub fn is_valid_julian(year: i32, month: i32) -> bool {
    (year > -4713 || (year == -4713 && month >= 11)) && (year < 5_874_898 || (year == 5_874_898 && month < 6))
}

/// Whether a finite date is in range.
pub fn is_valid_date(date: i32) -> bool {
    (-EPOCH_JULIAN..END_DATE).contains(&date)
}

/// Whether a finite timestamp is in range.
pub fn is_valid_timestamp(ts: i64) -> bool {
    (MIN_TIMESTAMP..END_TIMESTAMP).contains(&ts)
}

/// 22008 `timestamp out of range`
#[cold]
pub fn timestamp_out_of_range() -> SqlError {
    err!(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

/// 22008 `date out of range`
#[cold]
pub fn date_out_of_range() -> SqlError {
    err!(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range")
}

/// Fields of a day count from 2000-01-01, at midnight.
pub fn date_fields(date: i32) -> Fields {
    let (year, month, day) = from_julian(date.wrapping_add(EPOCH_JULIAN));
    Fields { year, month, day, ..Fields::default() }
}

/// Fields of a time of day.
pub fn time_fields(time: i64) -> Fields {
    let (hour, rest) = (time / USECS_PER_HOUR, time % USECS_PER_HOUR);
    let (minute, rest) = (rest / USECS_PER_MINUTE, rest % USECS_PER_MINUTE);
    Fields {
        hour: hour as i32,
        minute: minute as i32,
        second: (rest / USECS_PER_SEC) as i32,
        micros: (rest % USECS_PER_SEC) as i32,
        ..Fields::default()
    }
}

/// Fields of a finite timestamp (local time).
pub fn timestamp_fields(ts: i64) -> Fields {
    let (days, time) = (ts.div_euclid(USECS_PER_DAY), ts.rem_euclid(USECS_PER_DAY));
    let date = date_fields(days as i32);
    Fields { year: date.year, month: date.month, day: date.day, ..time_fields(time) }
}

impl Fields {
    /// The day count from 2000-01-01; the date must be valid for `julian`.
    pub fn date(&self) -> i32 {
        julian(self.year, self.month, self.day) - EPOCH_JULIAN
    }

    /// Microseconds since midnight.
    pub fn time(&self) -> i64 {
        ((i64::from(self.hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second)) * USECS_PER_SEC
            + i64::from(self.micros)
    }

    /// The timestamp in local time; `None` out of range.
    pub fn timestamp(&self) -> Option<i64> {
        if !is_valid_julian(self.year, self.month) {
            return None;
        }
        let ts = i64::from(self.date()).checked_mul(USECS_PER_DAY)?.checked_add(self.time())?;
        is_valid_timestamp(ts).then_some(ts)
    }

    /// The timestamp in UTC of local fields `west` seconds west of it; `None` out of range.
    pub fn timestamp_tz(&self, west: i32) -> Option<i64> {
        if !is_valid_julian(self.year, self.month) {
            return None;
        }
        let ts = i64::from(self.date()).checked_mul(USECS_PER_DAY)?.checked_add(self.time())?;
        let ts = ts.checked_add(i64::from(west) * USECS_PER_SEC)?;
        is_valid_timestamp(ts).then_some(ts)
    }

    /// Whether hour, minute and second are past 24:00:00 or out of their ranges.
    pub fn time_overflows(&self) -> bool {
        !(0..=24).contains(&self.hour)
            || !(0..60).contains(&self.minute)
            || !(0..=60).contains(&self.second)
            || !(0..=1_000_000).contains(&self.micros)
            || self.time() > USECS_PER_DAY
    }
}

/// Rounds microseconds to `precision` (0..=6) fractional digits, half away from zero.
pub fn round_micros(micros: i64, precision: i32) -> i64 {
    let scale = 10i64.pow((6 - precision.clamp(0, 6)) as u32);
    if scale == 1 {
        return micros;
    }
    let half = scale / 2;
    if micros >= 0 { micros.saturating_add(half) / scale * scale } else { -((-micros).saturating_add(half) / scale * scale) }
}

/// A timestamp at its type's precision. Errors: 22008.
pub fn apply_timestamp_typmod(ts: i64, typmod: i32) -> Result<i64> {
    if !(0..6).contains(&typmod) || ts == INFINITY || ts == NEG_INFINITY {
        return Ok(ts);
    }
    let rounded = round_micros(ts, typmod);
    if is_valid_timestamp(rounded) { Ok(rounded) } else { Err(timestamp_out_of_range()) }
}

/// A time of day at its type's precision.
pub fn apply_time_typmod(time: i64, typmod: i32) -> i64 {
    if (0..6).contains(&typmod) { round_micros(time, typmod) } else { time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_round_trip() {
        for (y, m, d, jd) in
            [(2000, 1, 1, 2_451_545), (-4713, 11, 24, 0), (1970, 1, 1, 2_440_588), (5_874_897, 12, 31, 2_147_483_493)]
        {
            assert_eq!(julian(y, m, d), jd);
            assert_eq!(from_julian(jd), (y, m, d));
        }
        assert_eq!(weekday(0), 6);
    }
}
