//! Text input of date, time, timetz, timestamp and timestamptz.

use super::calendar::{
    self, DATE_INFINITY, DATE_NEG_INFINITY, INFINITY, NEG_INFINITY, UNIX_TO_2000, USECS_PER_SEC, apply_time_typmod,
    apply_timestamp_typmod,
};
use super::decode::{self, Decoded};
use super::lex::split;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::io::IoContext;

/// Why date, time or interval text is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DateError {
    BadFormat,
    FieldOverflow,
    /// A month or day out of range: perhaps the order is another.
    MonthDayOverflow,
    IntervalOverflow,
    ZoneDisplacement,
    UnknownZone(String),
}

impl DateError {
    /// The SQL error for this text read as this type.
    #[cold]
    pub(super) fn into_sql(self, text: &str, ty: &str) -> SqlError {
        match self {
            Self::BadFormat => err!(SqlState::INVALID_DATETIME_FORMAT, "invalid input syntax for type {ty}: \"{text}\""),
            Self::FieldOverflow => err!(SqlState::DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"{text}\""),
            Self::MonthDayOverflow => err!(SqlState::DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"{text}\"")
                .hint("Perhaps you need a different \"datestyle\" setting."),
            Self::IntervalOverflow => err!(SqlState::INTERVAL_FIELD_OVERFLOW, "interval field value out of range: \"{text}\""),
            Self::ZoneDisplacement => {
                err!(SqlState::INVALID_TIME_ZONE_DISPLACEMENT, "time zone displacement out of range: \"{text}\"")
            }
            Self::UnknownZone(name) => err!(SqlState::INVALID_PARAMETER_VALUE, "time zone \"{name}\" not recognized"),
        }
    }
}

/// The common form `YYYY-MM-DD[ HH:MM:SS[.ffffff][+HH[:MM]]]` without the general machinery: the local timestamp and, where
/// written, the zone's seconds WEST of UTC. `None` for everything else, valid or not.
fn quick(text: &str) -> Option<(calendar::Fields, Option<i32>)> {
    let b = text.as_bytes();
    let two = |at: usize| match b.get(at..at + 2)? {
        [t @ b'0'..=b'9', u @ b'0'..=b'9'] => Some(i32::from(t - b'0') * 10 + i32::from(u - b'0')),
        _ => None,
    };
    let is = |at: usize, c: u8| b.get(at) == Some(&c);
    let mut f = calendar::Fields { year: two(0)? * 100 + two(2)?, month: two(5)?, day: two(8)?, ..Default::default() };
    let sound = is(4, b'-') && is(7, b'-') && f.year > 0 && (1..=12).contains(&f.month);
    if !sound || !(1..=calendar::month_days(f.year, f.month)).contains(&f.day) {
        return None;
    }
    if b.len() == 10 {
        return Some((f, None));
    }
    (f.hour, f.minute, f.second) = (two(11)?, two(14)?, two(17)?);
    if !(is(10, b' ') || is(10, b'T')) || !is(13, b':') || !is(16, b':') || f.hour > 23 || f.minute > 59 || f.second > 59 {
        return None;
    }
    let mut at = 19;
    if is(at, b'.') {
        at += 1;
        let mut unit = 100_000;
        while let Some(d @ b'0'..=b'9') = b.get(at) {
            if unit == 0 {
                return None;
            }
            f.micros += i32::from(d - b'0') * unit;
            unit /= 10;
            at += 1;
        }
    }
    let sign = match b.get(at) {
        None => return Some((f, None)),
        Some(b'+') => -1,
        Some(b'-') => 1,
        Some(b'Z') if at + 1 == b.len() => return Some((f, Some(0))),
        _ => return None,
    };
    let hours = two(at + 1)?;
    let minutes = match b.len() - at {
        3 => 0,
        6 if is(at + 3, b':') => two(at + 4)?,
        _ => return None,
    };
    (hours <= 15 && minutes < 60).then_some((f, Some(sign * (hours * 3600 + minutes * 60))))
}

fn decode(cx: &IoContext<'_>, text: &str, ty: &str) -> Result<Decoded> {
    let decoded = split(text).and_then(|fields| decode::date_time(cx, &fields));
    decoded.map_err(|e| e.into_sql(text, ty))
}

/// Text to date: days since 2000-01-01. Errors: 22007, 22008.
pub fn parse_date(cx: &IoContext<'_>, text: &str) -> Result<i32> {
    if let Some((fields, None)) = quick(text) {
        return Ok(fields.date());
    }
    match decode(cx, text, "date")? {
        Decoded::Infinity => Ok(DATE_INFINITY),
        Decoded::NegInfinity => Ok(DATE_NEG_INFINITY),
        Decoded::Epoch => Ok(calendar::julian(1970, 1, 1) - calendar::EPOCH_JULIAN),
        Decoded::At(f, _) => {
            let date = calendar::is_valid_julian(f.year, f.month).then(|| f.date()).filter(|d| calendar::is_valid_date(*d));
            date.ok_or_else(|| err!(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range: \"{text}\""))
        }
    }
}

fn decode_time(cx: &IoContext<'_>, text: &str, ty: &str) -> Result<(i64, i32)> {
    let decoded = split(text).and_then(|fields| decode::time_only(cx, &fields)).map_err(|e| e.into_sql(text, ty))?;
    match decoded {
        Decoded::At(fields, west) => Ok((fields.time(), west)),
        _ => Err(DateError::BadFormat.into_sql(text, ty)),
    }
}

/// Text to time: microseconds since midnight. Errors: 22007, 22008.
pub fn parse_time(cx: &IoContext<'_>, text: &str, typmod: i32) -> Result<i64> {
    Ok(apply_time_typmod(decode_time(cx, text, "time")?.0, typmod))
}

/// Text to timetz: microseconds since midnight, seconds WEST of UTC. Errors: 22007, 22008, 22009.
pub fn parse_timetz(cx: &IoContext<'_>, text: &str, typmod: i32) -> Result<(i64, i32)> {
    let (time, west) = decode_time(cx, text, "time with time zone")?;
    Ok((apply_time_typmod(time, typmod), west))
}

#[cold]
fn out_of_range(text: &str) -> SqlError {
    err!(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"{text}\"")
}

/// Text to timestamp: microseconds since 2000-01-01. A zone is read and ignored. Errors: 22007, 22008.
pub fn parse_timestamp(cx: &IoContext<'_>, text: &str, typmod: i32) -> Result<i64> {
    let decoded = match quick(text) {
        Some((fields, _)) => Decoded::At(fields, 0),
        None => decode(cx, text, "timestamp")?,
    };
    let ts = match decoded {
        Decoded::At(fields, _) => fields.timestamp().ok_or_else(|| out_of_range(text))?,
        other => fixed_point(&other),
    };
    apply_timestamp_typmod(ts, typmod)
}

/// Text to timestamptz: microseconds since 2000-01-01 UTC. Errors: 22007, 22008, 22009.
pub fn parse_timestamptz(cx: &IoContext<'_>, text: &str, typmod: i32) -> Result<i64> {
    let decoded = match quick(text) {
        Some((fields, Some(west))) => Decoded::At(fields, west),
        Some((fields, None)) => Decoded::At(fields, super::zone::west_of_local(cx.time_zone, &fields)),
        None => decode(cx, text, "timestamp with time zone")?,
    };
    let ts = match decoded {
        Decoded::At(fields, west) => fields.timestamp_tz(west).ok_or_else(|| out_of_range(text))?,
        other => fixed_point(&other),
    };
    apply_timestamp_typmod(ts, typmod)
}

fn fixed_point(decoded: &Decoded) -> i64 {
    match decoded {
        Decoded::Infinity => INFINITY,
        Decoded::NegInfinity => NEG_INFINITY,
        _ => -UNIX_TO_2000 * USECS_PER_SEC,
    }
}
