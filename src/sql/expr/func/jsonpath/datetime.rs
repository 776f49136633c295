//! Dates in path expressions: `.datetime()` recognises ISO 8601 forms, or reads through a template; comparison between the types.

use super::exec::Item;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::func::format::dates;
use crate::sql::types::datetime::{self as dt, DateFormat, DateStyle, calendar};
use crate::sql::types::io::{IoContext, output_string};
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::{Datum, Oid};
use jiff::tz::TimeZone;
use std::cmp::Ordering;

/// What `.type()` says of a date.
pub fn type_name(v: &Datum) -> &'static str {
    match v {
        Datum::Date(_) => "date",
        Datum::Time(_) => "time without time zone",
        Datum::TimeTz(..) => "time with time zone",
        Datum::Timestamp(_) => "timestamp without time zone",
        _ => "timestamp with time zone",
    }
}

fn short_name(v: &Datum) -> &'static str {
    match v {
        Datum::Date(_) => "date",
        Datum::Time(_) => "time",
        Datum::TimeTz(..) => "timetz",
        Datum::Timestamp(_) => "timestamp",
        _ => "timestamptz",
    }
}

fn zone_text(west: i32) -> String {
    let (sign, east) = if west <= 0 { ('+', -west) } else { ('-', west) };
    format!("{sign}{:02}:{:02}", east / 3600, east % 3600 / 60)
}

/// ISO 8601 text.
pub fn text(v: &Datum, west: i32) -> String {
    let io = IoContext { date_style: DateStyle { format: DateFormat::Iso, ..DateStyle::default() }, ..IoContext::plain() };
    match v {
        Datum::Date(_) => output_string(&io, v, Oid::DATE.into()),
        Datum::Time(_) => output_string(&io, v, Oid::TIME.into()),
        Datum::TimeTz(time, west) => output_string(&io, &Datum::Time(*time), Oid::TIME.into()) + &zone_text(*west),
        Datum::Timestamp(_) => output_string(&io, v, Oid::TIMESTAMP.into()).replacen(' ', "T", 1),
        Datum::TimestampTz(ts) => {
            let local = Datum::Timestamp(ts - i64::from(west) * calendar::USECS_PER_SEC);
            output_string(&io, &local, Oid::TIMESTAMP.into()).replacen(' ', "T", 1) + &zone_text(west)
        }
        _ => String::new(),
    }
}

/// `.datetime()` of a string. Errors: 22031, 22007.
pub fn parse(value: &Item, template: Option<&str>, io: &IoContext<'_>) -> Result<Item> {
    let refuse = || {
        err!(
            SqlState::INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
            "jsonpath item method .datetime() can only be applied to a string"
        )
    };
    let Item::Json(document) = value else { return Err(refuse()) };
    let Jsonb::String(s) = &**document else { return Err(refuse()) };
    if let Some(template) = template {
        return through_template(s, template, io);
    }
    recognise(s).ok_or_else(|| {
        err!(SqlState::INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION, "datetime format is not recognized: \"{s}\"")
            .hint("Use a datetime template argument to specify the input data format.")
    })
}

fn through_template(s: &str, template: &str, io: &IoContext<'_>) -> Result<Item> {
    let template = dates::parse(template);
    let (has_date, has_time, has_zone) = dates::contents(&template);
    let read = dates::read_strict(s, &template)?;
    let local = || read.fields.timestamp().ok_or_else(calendar::timestamp_out_of_range);
    let west = || read.west.unwrap_or_else(|| dt::zone::west_of_local(io.time_zone, &read.fields));
    match (has_date, has_time, has_zone) {
        (true, false, _) => Ok(Item::Date(Datum::Date(read.fields.date()), 0)),
        (false, true, false) => Ok(Item::Date(Datum::Time(read.fields.time()), 0)),
        (false, true, true) => Ok(Item::Date(Datum::TimeTz(read.fields.time(), west()), 0)),
        (true, true, false) => Ok(Item::Date(Datum::Timestamp(local()?), 0)),
        (true, true, true) => {
            let ts = read.fields.timestamp_tz(west()).ok_or_else(calendar::timestamp_out_of_range)?;
            Ok(Item::Date(Datum::TimestampTz(ts), west()))
        }
        (false, false, _) => Err(SqlError::new(SqlState::INVALID_DATETIME_FORMAT, "datetime format is not dated and not timed")),
    }
}

struct Cursor<'s>(&'s str);

impl Cursor<'_> {
    fn digits(&mut self, n: usize) -> Option<i32> {
        let head = self.0.get(..n).filter(|h| h.bytes().all(|b| b.is_ascii_digit()))?;
        self.0 = &self.0[n..];
        head.parse().ok()
    }

    fn eat(&mut self, c: char) -> Option<()> {
        self.0 = self.0.strip_prefix(c)?;
        Some(())
    }
}

fn date_part(c: &mut Cursor<'_>) -> Option<i32> {
    let (year, (), month, (), day) = (c.digits(4)?, c.eat('-')?, c.digits(2)?, c.eat('-')?, c.digits(2)?);
    dt::make_date(year, month, day).ok()
}

fn time_part(c: &mut Cursor<'_>) -> Option<i64> {
    let (hour, (), minute, (), second) = (c.digits(2)?, c.eat(':')?, c.digits(2)?, c.eat(':')?, c.digits(2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = 0;
    if c.eat('.').is_some() {
        let n = c.0.bytes().take_while(u8::is_ascii_digit).count();
        let kept = n.min(6);
        micros = c.0.get(..kept)?.parse::<i64>().ok()? * 10i64.pow(6 - kept as u32);
        c.0 = &c.0[n..];
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Some(seconds * calendar::USECS_PER_SEC + micros)
}

/// Seconds west; the outer `None` is a malformed zone, the inner one none at all.
fn zone_part(c: &mut Cursor<'_>) -> Option<Option<i32>> {
    if c.0.is_empty() {
        return Some(None);
    }
    c.0 = c.0.trim_start_matches(' ');
    let sign = if c.eat('+').is_some() { -1 } else { c.eat('-').map(|()| 1)? };
    let hours = c.digits(2)?;
    let minutes = if c.eat(':').is_some() { c.digits(2)? } else { 0 };
    c.0.is_empty().then_some(Some(sign * (hours * 3600 + minutes * 60)))
}

fn recognise(s: &str) -> Option<Item> {
    let mut c = Cursor(s);
    let Some(date) = date_part(&mut c) else {
        let mut c = Cursor(s);
        let time = time_part(&mut c)?;
        return Some(Item::Date(zone_part(&mut c)?.map_or(Datum::Time(time), |west| Datum::TimeTz(time, west)), 0));
    };
    if c.0.is_empty() {
        return Some(Item::Date(Datum::Date(date), 0));
    }
    if c.eat('T').is_none() {
        c.eat(' ')?;
    }
    let local = dt::date_plus_time(date, time_part(&mut c)?).ok()?;
    Some(match zone_part(&mut c)? {
        None => Item::Date(Datum::Timestamp(local), 0),
        Some(west) => Item::Date(Datum::TimestampTz(local + i64::from(west) * calendar::USECS_PER_SEC), west),
    })
}

/// Order of two dates; `None` when the types have nothing in common. Errors: 0A000 where a zone would be needed.
pub fn compare(x: &Item, y: &Item, zoned: bool, zone: &TimeZone) -> Result<Option<Ordering>> {
    let (Item::Date(x, _), Item::Date(y, _)) = (x, y) else { return Ok(None) };
    let needs_zone = |from: &Datum, to: &Datum| -> Result<()> {
        if zoned {
            return Ok(());
        }
        Err(err!(
            SqlState::FEATURE_NOT_SUPPORTED,
            "cannot convert value from {} to {} without time zone usage",
            short_name(from),
            short_name(to)
        )
        .hint("Use *_tz() function for time zone support."))
    };
    let instant = |d: &Datum| match d {
        Datum::Date(v) => dt::date_to_timestamptz(*v, zone),
        Datum::Timestamp(v) => dt::timestamp_to_timestamptz(*v, zone),
        Datum::TimestampTz(v) => Ok(*v),
        _ => Ok(0),
    };
    let local = |d: &Datum| match d {
        Datum::Date(v) => dt::date_to_timestamp(*v),
        Datum::Timestamp(v) => Ok(*v),
        _ => Ok(0),
    };
    Ok(Some(match (x, y) {
        (Datum::Date(_) | Datum::Timestamp(_), Datum::Date(_) | Datum::Timestamp(_)) => local(x)?.cmp(&local(y)?),
        (Datum::TimestampTz(a), Datum::TimestampTz(b)) => a.cmp(b),
        (Datum::TimestampTz(_), Datum::Date(_) | Datum::Timestamp(_)) => {
            needs_zone(y, x)?;
            instant(x)?.cmp(&instant(y)?)
        }
        (Datum::Date(_) | Datum::Timestamp(_), Datum::TimestampTz(_)) => {
            needs_zone(x, y)?;
            instant(x)?.cmp(&instant(y)?)
        }
        (Datum::Time(a), Datum::Time(b)) => a.cmp(b),
        (Datum::TimeTz(..), Datum::TimeTz(..)) => crate::sql::types::compare::compare(x, y),
        (Datum::Time(_), Datum::TimeTz(..)) => {
            needs_zone(x, y)?;
            crate::sql::types::compare::compare(&with_zone(x, zone), y)
        }
        (Datum::TimeTz(..), Datum::Time(_)) => {
            needs_zone(y, x)?;
            crate::sql::types::compare::compare(x, &with_zone(y, zone))
        }
        _ => return Ok(None),
    }))
}

fn with_zone(time: &Datum, zone: &TimeZone) -> Datum {
    let (time, west) = dt::time_to_timetz(time.as_time(), super::super::server::clock(), zone);
    Datum::TimeTz(time, west)
}
