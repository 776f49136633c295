//! Writing a date, time or interval through a template.

use super::dates::{Case, DAYS, Field, Key, MONTHS, ROMAN};
use super::number_out::ordinal_suffix;
use super::template::{Affixes, Node};
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::datetime::{self as dt, calendar};
use crate::sql::types::interval::Interval;
use jiff::tz::TimeZone;

/// What is shown: fields wide enough for intervals, whose hours and days are unbounded.
pub struct Moment {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// 0 is Sunday.
    weekday: usize,
    day_of_year: i64,
    /// Seconds east of UTC.
    east: i32,
    zone: Option<String>,
    is_interval: bool,
}

impl Moment {
    /// A local timestamp.
    pub fn of_timestamp(ts: i64) -> Self {
        let f = calendar::timestamp_fields(ts);
        let julian = calendar::julian(f.year, f.month, f.day);
        Self {
            year: f.year.into(),
            month: f.month.into(),
            day: f.day.into(),
            hour: f.hour.into(),
            minute: f.minute.into(),
            second: f.second.into(),
            micros: f.micros.into(),
            weekday: calendar::weekday(f.date().into()) as usize,
            day_of_year: i64::from(julian - calendar::julian(f.year, 1, 1)) + 1,
            east: 0,
            zone: None,
            is_interval: false,
        }
    }

    /// An instant in a zone.
    pub fn of_timestamptz(ts: i64, time_zone: &TimeZone) -> Self {
        let local = dt::zone::local_at(time_zone, ts);
        let moment = Self::of_timestamp(dt::timestamptz_to_timestamp(ts, time_zone));
        Self { east: local.east, zone: Some(local.abbreviation), ..moment }
    }

    /// An interval.
    pub fn of_interval(i: &Interval) -> Self {
        let (year, month, day) = (i64::from(i.months / 12), i64::from(i.months % 12), i64::from(i.days));
        Self {
            year,
            month,
            day,
            hour: i.micros / calendar::USECS_PER_HOUR,
            minute: i.micros / calendar::USECS_PER_MINUTE % 60,
            second: i.micros / calendar::USECS_PER_SEC % 60,
            micros: i.micros % calendar::USECS_PER_SEC,
            weekday: 0,
            day_of_year: (year * 12 + month) * 30 + day,
            east: 0,
            zone: None,
            is_interval: true,
        }
    }

    fn calendar_only(&self) -> Result<()> {
        if self.is_interval {
            return Err(SqlError::new(SqlState::INVALID_DATETIME_FORMAT, "invalid format specification for an interval value")
                .hint("Intervals are not tied to specific calendar dates."));
        }
        Ok(())
    }

    /// The year as people count it: 1 BC is 1.
    fn shown_year(&self, year: i64) -> i64 {
        if !self.is_interval && year <= 0 { 1 - year } else { year }
    }

    fn iso(&self) -> (i64, i64) {
        let (year, week) = dt::iso_week(self.year as i32, self.month as i32, self.day as i32);
        (year.into(), week.into())
    }
}

/// Renders a template. Errors: 22007 for calendar patterns on an interval.
pub fn write(nodes: &[Node<Key>], m: &Moment) -> Result<String> {
    let mut out = String::new();
    for node in nodes {
        match node {
            Node::Pattern(key, affixes) => {
                let start = out.len();
                if pattern(key.field, *affixes, m, &mut out)? && affixes.ordinal() {
                    let suffix = ordinal_suffix(&out.as_bytes()[start..]);
                    out.push_str(&if affixes.ordinal_upper { suffix.to_uppercase() } else { suffix.to_owned() });
                }
            }
            Node::Literal(c) | Node::Separator(c) | Node::Space(c) => out.push(*c),
        }
    }
    Ok(out)
}

fn cased(s: &str, case: Case) -> String {
    match case {
        Case::Upper => s.to_ascii_uppercase(),
        Case::Title => s.to_owned(),
        Case::Lower => s.to_ascii_lowercase(),
    }
}

/// A number padded to a width, one more for a minus sign; FM pads nothing.
fn padded(v: i64, width: usize, a: Affixes, out: &mut String) {
    if a.fill_mode {
        out.push_str(&v.to_string());
    } else {
        out.push_str(&format!("{v:0w$}", w = if v < 0 { width + 1 } else { width }));
    }
}

fn name(s: String, width: usize, a: Affixes, out: &mut String) {
    if a.fill_mode || a.translate {
        out.push_str(&s);
    } else {
        out.push_str(&format!("{s:<width$}"));
    }
}

/// Appends a pattern's text; whether it is a number that may take an ordinal suffix.
fn pattern(field: Field, a: Affixes, m: &Moment, out: &mut String) -> Result<bool> {
    match field {
        Field::AmDots(case) => out.push_str(&cased(if m.hour.rem_euclid(24) >= 12 { "P.M." } else { "A.M." }, case)),
        Field::Am(case) => out.push_str(&cased(if m.hour.rem_euclid(24) >= 12 { "PM" } else { "AM" }, case)),
        Field::Hour12 => {
            let hour = if m.hour % 12 == 0 { 12 } else { m.hour % 12 };
            padded_as(hour, m.hour, 2, a, out);
            return Ok(true);
        }
        Field::Hour24 => return number(m.hour, 2, a, out),
        Field::Minute => return number(m.minute, 2, a, out),
        Field::Second => return number(m.second, 2, a, out),
        Field::Fraction(digits) => return fraction(m.micros, digits.into(), out),
        Field::Millisecond => return fraction(m.micros, 3, out),
        Field::Microsecond => return fraction(m.micros, 6, out),
        Field::SecondOfDay => {
            out.push_str(&(m.hour * 3600 + m.minute * 60 + m.second).to_string());
            return Ok(true);
        }
        Field::Zone(_) | Field::ZoneHour | Field::ZoneMinute | Field::Offset => zone(field, a, m, out)?,
        Field::Exact => {}
        other => return calendar_pattern(other, a, m, out),
    }
    Ok(false)
}

fn number(v: i64, width: usize, a: Affixes, out: &mut String) -> Result<bool> {
    padded(v, width, a, out);
    Ok(true)
}

/// A number in exactly this width, a minus sign included.
fn plain(v: i64, width: usize, a: Affixes, out: &mut String) -> Result<bool> {
    out.push_str(&if a.fill_mode { v.to_string() } else { format!("{v:0width$}") });
    Ok(true)
}

/// As `padded`, with the width decided by the sign of another value.
fn padded_as(v: i64, sign: i64, width: usize, a: Affixes, out: &mut String) {
    if a.fill_mode {
        out.push_str(&v.to_string());
    } else {
        out.push_str(&format!("{v:0w$}", w = if sign < 0 { width + 1 } else { width }));
    }
}

fn fraction(micros: i64, digits: usize, out: &mut String) -> Result<bool> {
    let shown = micros / 10i64.pow(6 - digits as u32);
    out.push_str(&format!("{shown:0digits$}"));
    Ok(true)
}

fn zone(field: Field, a: Affixes, m: &Moment, out: &mut String) -> Result<()> {
    m.calendar_only()?;
    let (sign, east) = (if m.east >= 0 { '+' } else { '-' }, m.east.abs());
    match field {
        Field::Zone(case) => {
            let name = m.zone.clone().unwrap_or_default();
            out.push_str(&if case == Case::Lower { name.to_ascii_lowercase() } else { name });
        }
        Field::ZoneHour => out.push_str(&format!("{sign}{:02}", east / 3600)),
        Field::ZoneMinute => out.push_str(&format!("{:02}", east % 3600 / 60)),
        _ => {
            out.push(sign);
            out.push_str(&if a.fill_mode { (east / 3600).to_string() } else { format!("{:02}", east / 3600) });
            if east % 3600 != 0 {
                out.push_str(&format!(":{:02}", east % 3600 / 60));
            }
        }
    }
    Ok(())
}

fn calendar_pattern(field: Field, a: Affixes, m: &Moment, out: &mut String) -> Result<bool> {
    match field {
        Field::AdDots(_)
        | Field::Ad(_)
        | Field::Month(_)
        | Field::ShortMonth(_)
        | Field::Day(_)
        | Field::ShortDay(_)
        | Field::DayOfWeek
        | Field::IsoDayOfWeek => m.calendar_only()?,
        _ => {}
    }
    match field {
        Field::AdDots(case) => out.push_str(&cased(if m.year <= 0 { "B.C." } else { "A.D." }, case)),
        Field::Ad(case) => out.push_str(&cased(if m.year <= 0 { "BC" } else { "AD" }, case)),
        Field::Month(case) => name(cased(MONTHS[m.month as usize - 1], case), 9, a, out),
        Field::ShortMonth(case) => out.push_str(&cased(dt::MONTHS[m.month as usize - 1], case)),
        Field::Day(case) => name(cased(DAYS[m.weekday], case), 9, a, out),
        Field::ShortDay(case) => out.push_str(&cased(dt::DAYS[m.weekday], case)),
        Field::RomanMonth(case) => roman_month(case, a, m, out),
        Field::MonthNumber => return number(m.month, 2, a, out),
        Field::DayOfYear => return plain(m.day_of_year, 3, a, out),
        Field::IsoDayOfYear => return plain(iso_day_of_year(m), 3, a, out),
        Field::DayOfMonth => return plain(m.day, 2, a, out),
        Field::DayOfWeek => return number(m.weekday as i64 + 1, 1, a, out),
        Field::IsoDayOfWeek => return number(if m.weekday == 0 { 7 } else { m.weekday as i64 }, 1, a, out),
        Field::WeekOfYear => return plain((m.day_of_year - 1) / 7 + 1, 2, a, out),
        Field::IsoWeek => return plain(m.iso().1, 2, a, out),
        Field::Quarter if m.month != 0 => return number((m.month - 1) / 3 + 1, 1, a, out),
        Field::WeekOfMonth => return number((m.day - 1) / 7 + 1, 1, a, out),
        Field::Julian => {
            let julian = calendar::julian(m.year as i32, m.month as i32, m.day as i32);
            out.push_str(&julian.to_string());
            return Ok(true);
        }
        Field::Century => return number(century(m), 2, a, out),
        Field::YearWithComma => {
            let year = m.shown_year(m.year);
            out.push_str(&format!("{},{:03}", year / 1000, year - year / 1000 * 1000));
            return Ok(true);
        }
        Field::Year(digits) => return year(m.shown_year(m.year), digits, a, out),
        Field::IsoYear(digits) => return year(m.shown_year(m.iso().0), digits, a, out),
        _ => {}
    }
    Ok(false)
}

fn year(v: i64, digits: u8, a: Affixes, out: &mut String) -> Result<bool> {
    let shown = if digits == 4 { v } else { v % 10i64.pow(digits.into()) };
    padded_as(shown, v, digits.into(), a, out);
    Ok(true)
}

fn century(m: &Moment) -> i64 {
    match m.year {
        year if m.is_interval => year / 100,
        year if year > 0 => (year - 1) / 100 + 1,
        year => year / 100 - 1,
    }
}

fn iso_day_of_year(m: &Moment) -> i64 {
    let (iso_year, _) = m.iso();
    let (y, mo, d) = dt::iso_week_start(iso_year as i32, 1);
    i64::from(calendar::julian(m.year as i32, m.month as i32, m.day as i32) - calendar::julian(y, mo, d)) + 1
}

fn roman_month(case: Case, a: Affixes, m: &Moment, out: &mut String) {
    if m.month == 0 && m.year == 0 {
        return;
    }
    let index = match m.month {
        0 if m.year >= 0 => 0,
        0 => 11,
        month if month < 0 => -(month + 1),
        month => 12 - month,
    };
    name(cased(ROMAN[index as usize], case), 4, Affixes { translate: false, ..a }, out);
}

#[cfg(test)]
mod tests {
    use super::super::dates::parse;
    use super::*;

    #[test]
    fn patterns() {
        let moment = Moment::of_timestamp(dt::make_timestamp(1997, 2, 16, 20, 38, 40.012_345).unwrap());
        let cases = [
            (
                "DAY Day day DY Dy dy MONTH Month month RM MON Mon mon",
                "SUNDAY    Sunday    sunday    SUN Sun sun FEBRUARY  February  february  II   FEB Feb feb",
            ),
            ("FMDAY FMDay FMMonth FMRM", "SUNDAY Sunday February II"),
            ("Y,YYY YYYY YYY YY Y CC Q MM WW DDD DD D J", "1,997 1997 997 97 7 20 1 02 07 047 16 1 2450496"),
            ("HH HH12 HH24 MI SS SSSS MS US FF1 AM", "08 08 20 38 40 74320 012 012345 0 PM"),
            ("IYYY IYY IY I IW IDDD ID", "1997 997 97 7 07 049 7"),
            ("\"text\" FMDDth HH24\"h\" TZH OF", "text 16th 20h +00 +00"),
        ];
        for (template, want) in cases {
            assert_eq!(write(&parse(template), &moment).unwrap(), want);
        }
        let interval = Moment::of_interval(&Interval { micros: 54_000_000_000_000 / 1000 * 15, days: 15, months: 2 });
        assert_eq!(write(&parse("MM DD HH24"), &interval).unwrap(), "02 15 225");
        assert!(write(&parse("Day"), &interval).is_err());
    }
}
