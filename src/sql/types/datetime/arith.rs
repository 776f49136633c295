//! Arithmetic on dates, times and intervals.

use super::calendar::{
    Fields, USECS_PER_DAY, USECS_PER_SEC, date_out_of_range, from_julian, is_valid_date, is_valid_timestamp, julian, month_days,
    timestamp_fields, timestamp_out_of_range,
};
use super::{is_finite, is_finite_date, zone};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::interval::Interval;
use jiff::tz::TimeZone;

/// 22008 `interval out of range`
#[cold]
pub fn interval_out_of_range() -> SqlError {
    err!(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range")
}

impl Interval {
    /// -self. Errors: 22008.
    pub fn neg(&self) -> Result<Self> {
        let negate = || {
            Some(Self { micros: self.micros.checked_neg()?, days: self.days.checked_neg()?, months: self.months.checked_neg()? })
        };
        negate().ok_or_else(interval_out_of_range)
    }

    /// self + other. Errors: 22008.
    pub fn add(&self, other: &Self) -> Result<Self> {
        let add = || {
            Some(Self {
                micros: self.micros.checked_add(other.micros)?,
                days: self.days.checked_add(other.days)?,
                months: self.months.checked_add(other.months)?,
            })
        };
        add().ok_or_else(interval_out_of_range)
    }

    /// self - other. Errors: 22008.
    pub fn sub(&self, other: &Self) -> Result<Self> {
        let sub = || {
            Some(Self {
                micros: self.micros.checked_sub(other.micros)?,
                days: self.days.checked_sub(other.days)?,
                months: self.months.checked_sub(other.months)?,
            })
        };
        sub().ok_or_else(interval_out_of_range)
    }

    /// self * factor, fractions of months and days carried into days and time. Errors: 22008.
    pub fn mul(&self, factor: f64) -> Result<Self> {
        self.scale(|v| v * factor)
    }

    /// self / factor. Errors: 22012, 22008.
    pub fn div(&self, factor: f64) -> Result<Self> {
        if factor == 0.0 {
            return Err(crate::sql::types::int::division_by_zero());
        }
        self.scale(|v| v / factor)
    }

    fn scale(&self, apply: impl Fn(f64) -> f64) -> Result<Self> {
        const SECS_PER_DAY: f64 = 86_400.0;
        let round = |v: f64| (v * 1_000_000.0).round_ties_even() / 1_000_000.0;
        let whole = |v: f64| {
            let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&v);
            if fits { Ok(v as i32) } else { Err(interval_out_of_range()) }
        };
        let months = whole(apply(f64::from(self.months)))?;
        let mut days = whole(apply(f64::from(self.days)))?;
        let month_days = round((apply(f64::from(self.months)) - f64::from(months)) * 30.0);
        let mut seconds = round((apply(f64::from(self.days)) - f64::from(days) + month_days - month_days.trunc()) * SECS_PER_DAY);
        if seconds.abs() >= SECS_PER_DAY {
            let extra = (seconds / SECS_PER_DAY).trunc();
            days = days.checked_add(extra as i32).ok_or_else(interval_out_of_range)?;
            seconds -= extra * SECS_PER_DAY;
        }
        days = days.checked_add(month_days as i32).ok_or_else(interval_out_of_range)?;
        let micros = apply(self.micros as f64) + seconds * 1_000_000.0;
        let micros = crate::sql::types::float::to_i64(micros).ok_or_else(interval_out_of_range)?;
        Ok(Self { micros, days, months })
    }

    /// Turns 24-hour periods into days. Errors: 22008.
    pub fn justify_hours(&self) -> Result<Self> {
        let days = i64::from(self.days) + self.micros / USECS_PER_DAY;
        let days = i32::try_from(days).map_err(|_| interval_out_of_range())?;
        Ok(Self { micros: self.micros % USECS_PER_DAY, days, months: self.months }.same_sign_time())
    }

    /// Turns 30-day periods into months. Errors: 22008.
    pub fn justify_days(&self) -> Result<Self> {
        let mut r = self.carry_days()?;
        if r.months > 0 && r.days < 0 {
            (r.days, r.months) = (r.days + 30, r.months - 1);
        } else if r.months < 0 && r.days > 0 {
            (r.days, r.months) = (r.days - 30, r.months + 1);
        }
        Ok(r)
    }

    /// Both, with signs adjusted. Errors: 22008.
    pub fn justify_interval(&self) -> Result<Self> {
        let mut r = *self;
        if (r.days > 0 && r.micros > 0) || (r.days < 0 && r.micros < 0) {
            r = r.carry_days()?;
        }
        r.days += (r.micros / USECS_PER_DAY) as i32;
        r.micros %= USECS_PER_DAY;
        r = r.carry_days()?;
        if r.months > 0 && (r.days < 0 || (r.days == 0 && r.micros < 0)) {
            (r.days, r.months) = (r.days + 30, r.months - 1);
        } else if r.months < 0 && (r.days > 0 || (r.days == 0 && r.micros > 0)) {
            (r.days, r.months) = (r.days - 30, r.months + 1);
        }
        Ok(r.same_sign_time())
    }

    fn carry_days(&self) -> Result<Self> {
        let months = self.months.checked_add(self.days / 30).ok_or_else(interval_out_of_range)?;
        Ok(Self { micros: self.micros, days: self.days % 30, months })
    }

    fn same_sign_time(mut self) -> Self {
        if self.days > 0 && self.micros < 0 {
            (self.micros, self.days) = (self.micros + USECS_PER_DAY, self.days - 1);
        } else if self.days < 0 && self.micros > 0 {
            (self.micros, self.days) = (self.micros - USECS_PER_DAY, self.days + 1);
        }
        self
    }
}

/// Adds months to local fields, keeping the day within the month.
fn add_months(f: &mut Fields, months: i32) -> Option<()> {
    let total = i64::from(f.year) * 12 + i64::from(f.month - 1) + i64::from(months);
    f.year = i32::try_from(total.div_euclid(12)).ok()?;
    f.month = total.rem_euclid(12) as i32 + 1;
    f.day = f.day.min(month_days(f.year, f.month));
    Some(())
}

/// Adds days to local fields.
fn add_days(f: &mut Fields, days: i32) -> Option<()> {
    let day = julian(f.year, f.month, f.day).checked_add(days).filter(|d| *d >= 0)?;
    (f.year, f.month, f.day) = from_julian(day);
    Some(())
}

/// timestamp + interval. Errors: 22008.
pub fn timestamp_add(ts: i64, i: &Interval) -> Result<i64> {
    let add = || {
        let mut ts = ts;
        if i.months != 0 || i.days != 0 {
            let mut f = timestamp_fields(ts);
            if i.months != 0 {
                add_months(&mut f, i.months)?;
                f.timestamp()?;
            }
            if i.days != 0 {
                add_days(&mut f, i.days)?;
            }
            ts = f.timestamp()?;
        }
        ts.checked_add(i.micros).filter(|ts| is_valid_timestamp(*ts))
    };
    if is_finite(ts) { add().ok_or_else(timestamp_out_of_range) } else { Ok(ts) }
}

/// timestamptz + interval: months and days in local time of the zone, the rest in absolute time. Errors: 22008.
pub fn timestamptz_add(ts: i64, i: &Interval, time_zone: &TimeZone) -> Result<i64> {
    let local = |ts: i64| timestamp_fields(ts + i64::from(zone::offset_at(time_zone, ts)) * USECS_PER_SEC);
    let absolute = |f: &Fields| {
        f.timestamp()?;
        f.timestamp_tz(zone::west_of_local(time_zone, f))
    };
    let add = || {
        let mut ts = ts;
        if i.months != 0 {
            let mut f = local(ts);
            add_months(&mut f, i.months)?;
            ts = absolute(&f)?;
        }
        if i.days != 0 {
            let mut f = local(ts);
            add_days(&mut f, i.days)?;
            ts = absolute(&f)?;
        }
        ts.checked_add(i.micros).filter(|ts| is_valid_timestamp(*ts))
    };
    if is_finite(ts) { add().ok_or_else(timestamp_out_of_range) } else { Ok(ts) }
}

/// timestamp - interval. Errors: 22008.
pub fn timestamp_sub(ts: i64, i: &Interval) -> Result<i64> {
    timestamp_add(ts, &i.neg()?)
}

/// timestamptz - interval. Errors: 22008.
pub fn timestamptz_sub(ts: i64, i: &Interval, time_zone: &TimeZone) -> Result<i64> {
    timestamptz_add(ts, &i.neg()?, time_zone)
}

/// timestamp - timestamp (either kind): days and time. Errors: 22008.
pub fn timestamp_diff(a: i64, b: i64) -> Result<Interval> {
    if !is_finite(a) || !is_finite(b) {
        return Err(err!(SqlState::DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps"));
    }
    let micros = a.checked_sub(b).ok_or_else(interval_out_of_range)?;
    Interval { micros, days: 0, months: 0 }.justify_hours()
}

/// date + days. Errors: 22008.
pub fn date_add(date: i32, days: i32) -> Result<i32> {
    if !is_finite_date(date) {
        return Ok(date);
    }
    date.checked_add(days).filter(|d| is_valid_date(*d)).ok_or_else(date_out_of_range)
}

/// date - days. Errors: 22008.
pub fn date_sub(date: i32, days: i32) -> Result<i32> {
    if !is_finite_date(date) {
        return Ok(date);
    }
    date.checked_sub(days).filter(|d| is_valid_date(*d)).ok_or_else(date_out_of_range)
}

/// date - date in days. Errors: 22008.
pub fn date_diff(a: i32, b: i32) -> Result<i32> {
    if !is_finite_date(a) || !is_finite_date(b) {
        return Err(err!(SqlState::DATETIME_FIELD_OVERFLOW, "cannot subtract infinite dates"));
    }
    Ok(a - b)
}

/// time + interval (its time part, around the clock); negate the interval to subtract.
pub fn time_add(time: i64, micros: i64) -> i64 {
    (time + micros % USECS_PER_DAY).rem_euclid(USECS_PER_DAY)
}

/// The symbolic difference in years, months and days between two local timestamps. Errors: 22008.
pub fn age(a: i64, b: i64) -> Result<Interval> {
    if !is_finite(a) || !is_finite(b) {
        return Err(timestamp_out_of_range());
    }
    let (later, earlier) = if a >= b { (a, b) } else { (b, a) };
    let (x, y) = (timestamp_fields(later), timestamp_fields(earlier));
    let (mut months, mut days) = ((x.year - y.year) * 12 + x.month - y.month, x.day - y.day);
    let mut micros = x.time() - y.time();
    if micros < 0 {
        micros += USECS_PER_DAY;
        days -= 1;
    }
    while days < 0 {
        // The month that is not complete is the one the earlier date lies in.
        days += month_days(y.year, y.month);
        months -= 1;
    }
    let span = Interval { micros, days, months };
    if a >= b { Ok(span) } else { span.neg() }
}

/// The start of the `stride`-long bin, counted from `origin`, a timestamp falls in. Errors: 22008, 0A000.
pub fn date_bin(stride: &Interval, ts: i64, origin: i64) -> Result<i64> {
    if !is_finite(ts) {
        return Ok(ts);
    }
    if !is_finite(origin) {
        return Err(err!(SqlState::DATETIME_FIELD_OVERFLOW, "origin out of range"));
    }
    if stride.months != 0 {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "timestamps cannot be binned into intervals containing months or years"));
    }
    let width = i64::from(stride.days).checked_mul(USECS_PER_DAY).and_then(|d| d.checked_add(stride.micros));
    let width = width.ok_or_else(interval_out_of_range)?;
    if width <= 0 {
        return Err(err!(SqlState::DATETIME_FIELD_OVERFLOW, "stride must be greater than zero"));
    }
    let distance = ts.checked_sub(origin).ok_or_else(interval_out_of_range)?;
    origin.checked_add(distance.div_euclid(width) * width).filter(|t| is_valid_timestamp(*t)).ok_or_else(timestamp_out_of_range)
}

/// SQL's OVERLAPS of two periods given by ends in any order; a period without length is a point.
pub fn overlaps<T: PartialOrd + Copy>((s1, e1): (T, T), (s2, e2): (T, T)) -> bool {
    let order = |s: T, e: T| if s <= e { (s, e) } else { (e, s) };
    let ((s1, e1), (s2, e2)) = (order(s1, e1), order(s2, e2));
    if s1 == s2 {
        return true;
    }
    if s1 > s2 { s1 < e2 } else { s2 < e1 }
}
