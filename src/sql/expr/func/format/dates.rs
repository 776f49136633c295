//! Date templates: their patterns, and the functions that use them.

use super::super::support::*;
use super::template::{self, Node};
use super::{date_in, date_out};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::Datum;
use crate::sql::types::datetime as dt;
use std::sync::Arc;

/// Letter case of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Upper,
    Title,
    Lower,
}

/// Which calendar a pattern belongs to; both may not be mixed on input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    None,
    Gregorian,
    IsoWeek,
}

/// What a pattern shows or reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    AdDots(Case),
    AmDots(Case),
    Ad(Case),
    Am(Case),
    Century,
    Day(Case),
    DayOfYear,
    DayOfMonth,
    ShortDay(Case),
    DayOfWeek,
    /// `FF1` to `FF6`
    Fraction(u8),
    Exact,
    Hour24,
    Hour12,
    IsoDayOfYear,
    IsoDayOfWeek,
    IsoWeek,
    /// The last 1 to 4 digits.
    IsoYear(u8),
    Julian,
    Minute,
    MonthNumber,
    Month(Case),
    ShortMonth(Case),
    Millisecond,
    Offset,
    Quarter,
    RomanMonth(Case),
    SecondOfDay,
    Second,
    ZoneHour,
    ZoneMinute,
    Zone(Case),
    Microsecond,
    WeekOfYear,
    WeekOfMonth,
    YearWithComma,
    /// The last 1 to 4 digits.
    Year(u8),
}

/// A pattern: as written, whether it reads digits, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: &'static str,
    pub is_digit: bool,
    pub mode: Mode,
    pub field: Field,
}

/// Full month names.
pub const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
/// Full day names.
pub const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Roman months, December first.
pub const ROMAN: [&str; 12] = ["XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"];

#[rustfmt::skip]
const KEYWORDS: &[(&str, Key)] = &[
    ("A.D.", Key { name: "A.D.", is_digit: false, mode: Mode::None, field: Field::AdDots(Case::Upper) }),
    ("A.M.", Key { name: "A.M.", is_digit: false, mode: Mode::None, field: Field::AmDots(Case::Upper) }),
    ("AD", Key { name: "AD", is_digit: false, mode: Mode::None, field: Field::Ad(Case::Upper) }),
    ("AM", Key { name: "AM", is_digit: false, mode: Mode::None, field: Field::Am(Case::Upper) }),
    ("B.C.", Key { name: "B.C.", is_digit: false, mode: Mode::None, field: Field::AdDots(Case::Upper) }),
    ("BC", Key { name: "BC", is_digit: false, mode: Mode::None, field: Field::Ad(Case::Upper) }),
    ("CC", Key { name: "CC", is_digit: true, mode: Mode::None, field: Field::Century }),
    ("DAY", Key { name: "DAY", is_digit: false, mode: Mode::None, field: Field::Day(Case::Upper) }),
    ("DDD", Key { name: "DDD", is_digit: true, mode: Mode::Gregorian, field: Field::DayOfYear }),
    ("DD", Key { name: "DD", is_digit: true, mode: Mode::Gregorian, field: Field::DayOfMonth }),
    ("DY", Key { name: "DY", is_digit: false, mode: Mode::None, field: Field::ShortDay(Case::Upper) }),
    ("Day", Key { name: "Day", is_digit: false, mode: Mode::None, field: Field::Day(Case::Title) }),
    ("Dy", Key { name: "Dy", is_digit: false, mode: Mode::None, field: Field::ShortDay(Case::Title) }),
    ("D", Key { name: "D", is_digit: true, mode: Mode::Gregorian, field: Field::DayOfWeek }),
    ("FF1", Key { name: "FF1", is_digit: false, mode: Mode::None, field: Field::Fraction(1) }),
    ("FF2", Key { name: "FF2", is_digit: false, mode: Mode::None, field: Field::Fraction(2) }),
    ("FF3", Key { name: "FF3", is_digit: false, mode: Mode::None, field: Field::Fraction(3) }),
    ("FF4", Key { name: "FF4", is_digit: false, mode: Mode::None, field: Field::Fraction(4) }),
    ("FF5", Key { name: "FF5", is_digit: false, mode: Mode::None, field: Field::Fraction(5) }),
    ("FF6", Key { name: "FF6", is_digit: false, mode: Mode::None, field: Field::Fraction(6) }),
    ("FX", Key { name: "FX", is_digit: false, mode: Mode::None, field: Field::Exact }),
    ("HH24", Key { name: "HH24", is_digit: true, mode: Mode::None, field: Field::Hour24 }),
    ("HH12", Key { name: "HH12", is_digit: true, mode: Mode::None, field: Field::Hour12 }),
    ("HH", Key { name: "HH", is_digit: true, mode: Mode::None, field: Field::Hour12 }),
    ("IDDD", Key { name: "IDDD", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoDayOfYear }),
    ("ID", Key { name: "ID", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoDayOfWeek }),
    ("IW", Key { name: "IW", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoWeek }),
    ("IYYY", Key { name: "IYYY", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoYear(4) }),
    ("IYY", Key { name: "IYY", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoYear(3) }),
    ("IY", Key { name: "IY", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoYear(2) }),
    ("I", Key { name: "I", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoYear(1) }),
    ("J", Key { name: "J", is_digit: true, mode: Mode::None, field: Field::Julian }),
    ("MI", Key { name: "MI", is_digit: true, mode: Mode::None, field: Field::Minute }),
    ("MM", Key { name: "MM", is_digit: true, mode: Mode::Gregorian, field: Field::MonthNumber }),
    ("MONTH", Key { name: "MONTH", is_digit: false, mode: Mode::Gregorian, field: Field::Month(Case::Upper) }),
    ("MON", Key { name: "MON", is_digit: false, mode: Mode::Gregorian, field: Field::ShortMonth(Case::Upper) }),
    ("MS", Key { name: "MS", is_digit: true, mode: Mode::None, field: Field::Millisecond }),
    ("Month", Key { name: "Month", is_digit: false, mode: Mode::Gregorian, field: Field::Month(Case::Title) }),
    ("Mon", Key { name: "Mon", is_digit: false, mode: Mode::Gregorian, field: Field::ShortMonth(Case::Title) }),
    ("OF", Key { name: "OF", is_digit: false, mode: Mode::None, field: Field::Offset }),
    ("P.M.", Key { name: "P.M.", is_digit: false, mode: Mode::None, field: Field::AmDots(Case::Upper) }),
    ("PM", Key { name: "PM", is_digit: false, mode: Mode::None, field: Field::Am(Case::Upper) }),
    ("Q", Key { name: "Q", is_digit: true, mode: Mode::None, field: Field::Quarter }),
    ("RM", Key { name: "RM", is_digit: false, mode: Mode::Gregorian, field: Field::RomanMonth(Case::Upper) }),
    ("SSSSS", Key { name: "SSSSS", is_digit: true, mode: Mode::None, field: Field::SecondOfDay }),
    ("SSSS", Key { name: "SSSS", is_digit: true, mode: Mode::None, field: Field::SecondOfDay }),
    ("SS", Key { name: "SS", is_digit: true, mode: Mode::None, field: Field::Second }),
    ("TZH", Key { name: "TZH", is_digit: false, mode: Mode::None, field: Field::ZoneHour }),
    ("TZM", Key { name: "TZM", is_digit: true, mode: Mode::None, field: Field::ZoneMinute }),
    ("TZ", Key { name: "TZ", is_digit: false, mode: Mode::None, field: Field::Zone(Case::Upper) }),
    ("US", Key { name: "US", is_digit: true, mode: Mode::None, field: Field::Microsecond }),
    ("WW", Key { name: "WW", is_digit: true, mode: Mode::Gregorian, field: Field::WeekOfYear }),
    ("W", Key { name: "W", is_digit: true, mode: Mode::Gregorian, field: Field::WeekOfMonth }),
    ("Y,YYY", Key { name: "Y,YYY", is_digit: true, mode: Mode::Gregorian, field: Field::YearWithComma }),
    ("YYYY", Key { name: "YYYY", is_digit: true, mode: Mode::Gregorian, field: Field::Year(4) }),
    ("YYY", Key { name: "YYY", is_digit: true, mode: Mode::Gregorian, field: Field::Year(3) }),
    ("YY", Key { name: "YY", is_digit: true, mode: Mode::Gregorian, field: Field::Year(2) }),
    ("Y", Key { name: "Y", is_digit: true, mode: Mode::Gregorian, field: Field::Year(1) }),
    ("a.d.", Key { name: "a.d.", is_digit: false, mode: Mode::None, field: Field::AdDots(Case::Lower) }),
    ("a.m.", Key { name: "a.m.", is_digit: false, mode: Mode::None, field: Field::AmDots(Case::Lower) }),
    ("ad", Key { name: "ad", is_digit: false, mode: Mode::None, field: Field::Ad(Case::Lower) }),
    ("am", Key { name: "am", is_digit: false, mode: Mode::None, field: Field::Am(Case::Lower) }),
    ("b.c.", Key { name: "b.c.", is_digit: false, mode: Mode::None, field: Field::AdDots(Case::Lower) }),
    ("bc", Key { name: "bc", is_digit: false, mode: Mode::None, field: Field::Ad(Case::Lower) }),
    ("cc", Key { name: "cc", is_digit: true, mode: Mode::None, field: Field::Century }),
    ("day", Key { name: "day", is_digit: false, mode: Mode::None, field: Field::Day(Case::Lower) }),
    ("ddd", Key { name: "ddd", is_digit: true, mode: Mode::Gregorian, field: Field::DayOfYear }),
    ("dd", Key { name: "dd", is_digit: true, mode: Mode::Gregorian, field: Field::DayOfMonth }),
    ("dy", Key { name: "dy", is_digit: false, mode: Mode::None, field: Field::ShortDay(Case::Lower) }),
    ("d", Key { name: "d", is_digit: true, mode: Mode::Gregorian, field: Field::DayOfWeek }),
    ("ff1", Key { name: "ff1", is_digit: false, mode: Mode::None, field: Field::Fraction(1) }),
    ("ff2", Key { name: "ff2", is_digit: false, mode: Mode::None, field: Field::Fraction(2) }),
    ("ff3", Key { name: "ff3", is_digit: false, mode: Mode::None, field: Field::Fraction(3) }),
    ("ff4", Key { name: "ff4", is_digit: false, mode: Mode::None, field: Field::Fraction(4) }),
    ("ff5", Key { name: "ff5", is_digit: false, mode: Mode::None, field: Field::Fraction(5) }),
    ("ff6", Key { name: "ff6", is_digit: false, mode: Mode::None, field: Field::Fraction(6) }),
    ("fx", Key { name: "fx", is_digit: false, mode: Mode::None, field: Field::Exact }),
    ("hh24", Key { name: "hh24", is_digit: true, mode: Mode::None, field: Field::Hour24 }),
    ("hh12", Key { name: "hh12", is_digit: true, mode: Mode::None, field: Field::Hour12 }),
    ("hh", Key { name: "hh", is_digit: true, mode: Mode::None, field: Field::Hour12 }),
    ("iddd", Key { name: "iddd", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoDayOfYear }),
    ("id", Key { name: "id", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoDayOfWeek }),
    ("iw", Key { name: "iw", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoWeek }),
    ("iyyy", Key { name: "iyyy", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoYear(4) }),
    ("iyy", Key { name: "iyy", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoYear(3) }),
    ("iy", Key { name: "iy", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoYear(2) }),
    ("i", Key { name: "i", is_digit: true, mode: Mode::IsoWeek, field: Field::IsoYear(1) }),
    ("j", Key { name: "j", is_digit: true, mode: Mode::None, field: Field::Julian }),
    ("mi", Key { name: "mi", is_digit: true, mode: Mode::None, field: Field::Minute }),
    ("mm", Key { name: "mm", is_digit: true, mode: Mode::Gregorian, field: Field::MonthNumber }),
    ("month", Key { name: "month", is_digit: false, mode: Mode::Gregorian, field: Field::Month(Case::Lower) }),
    ("mon", Key { name: "mon", is_digit: false, mode: Mode::Gregorian, field: Field::ShortMonth(Case::Lower) }),
    ("ms", Key { name: "ms", is_digit: true, mode: Mode::None, field: Field::Millisecond }),
    ("of", Key { name: "of", is_digit: false, mode: Mode::None, field: Field::Offset }),
    ("p.m.", Key { name: "p.m.", is_digit: false, mode: Mode::None, field: Field::AmDots(Case::Lower) }),
    ("pm", Key { name: "pm", is_digit: false, mode: Mode::None, field: Field::Am(Case::Lower) }),
    ("q", Key { name: "q", is_digit: true, mode: Mode::None, field: Field::Quarter }),
    ("rm", Key { name: "rm", is_digit: false, mode: Mode::Gregorian, field: Field::RomanMonth(Case::Lower) }),
    ("sssss", Key { name: "sssss", is_digit: true, mode: Mode::None, field: Field::SecondOfDay }),
    ("ssss", Key { name: "ssss", is_digit: true, mode: Mode::None, field: Field::SecondOfDay }),
    ("ss", Key { name: "ss", is_digit: true, mode: Mode::None, field: Field::Second }),
    ("tzh", Key { name: "tzh", is_digit: false, mode: Mode::None, field: Field::ZoneHour }),
    ("tzm", Key { name: "tzm", is_digit: true, mode: Mode::None, field: Field::ZoneMinute }),
    ("tz", Key { name: "tz", is_digit: false, mode: Mode::None, field: Field::Zone(Case::Lower) }),
    ("us", Key { name: "us", is_digit: true, mode: Mode::None, field: Field::Microsecond }),
    ("ww", Key { name: "ww", is_digit: true, mode: Mode::Gregorian, field: Field::WeekOfYear }),
    ("w", Key { name: "w", is_digit: true, mode: Mode::Gregorian, field: Field::WeekOfMonth }),
    ("y,yyy", Key { name: "y,yyy", is_digit: true, mode: Mode::Gregorian, field: Field::YearWithComma }),
    ("yyyy", Key { name: "yyyy", is_digit: true, mode: Mode::Gregorian, field: Field::Year(4) }),
    ("yyy", Key { name: "yyy", is_digit: true, mode: Mode::Gregorian, field: Field::Year(3) }),
    ("yy", Key { name: "yy", is_digit: true, mode: Mode::Gregorian, field: Field::Year(2) }),
    ("y", Key { name: "y", is_digit: true, mode: Mode::Gregorian, field: Field::Year(1) }),
];

/// A parsed date template.
pub type Template = Vec<Node<Key>>;

/// Cuts a date template.
pub fn parse(text: &str) -> Template {
    template::parse(text, KEYWORDS, true)
}

/// Whether a template has date, time and zone patterns.
pub fn contents(template: &Template) -> (bool, bool, bool) {
    let (mut date, mut time, mut zone) = (false, false, false);
    for node in template {
        let Node::Pattern(key, _) = node else { continue };
        match key.field {
            Field::Exact => {}
            Field::Hour12
            | Field::Hour24
            | Field::Minute
            | Field::Second
            | Field::SecondOfDay
            | Field::Millisecond
            | Field::Microsecond
            | Field::Fraction(_)
            | Field::Am(_)
            | Field::AmDots(_) => time = true,
            Field::ZoneHour | Field::ZoneMinute | Field::Zone(_) | Field::Offset => zone = true,
            _ => date = true,
        }
    }
    (date, time, zone)
}

/// Reads text that must end where the template does. Errors: 22007, 22008.
pub fn read_strict(s: &str, template: &Template) -> Result<date_in::Read> {
    let read = date_in::read(s, template)?;
    if !read.rest_is_empty {
        return Err(err!(SqlState::INVALID_DATETIME_FORMAT, "trailing characters remain in input string after datetime format"));
    }
    Ok(read)
}

fn parsed(cx: &mut FnCx<'_>, text: &str) -> Result<Arc<Template>> {
    cached(cx, text, "", || Ok(parse(text)))
}

/// Date formatting functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("timestamp_to_char", |cx, a| {
        let ts = a[0].as_timestamp();
        if a[1].as_str().is_empty() || !dt::is_finite(ts) {
            return Ok(Datum::Null);
        }
        let template = parsed(cx, a[1].as_str())?;
        text(date_out::write(&template, &date_out::Moment::of_timestamp(ts))?)
    }),
    f("timestamptz_to_char", |cx, a| {
        let ts = a[0].as_timestamptz();
        if a[1].as_str().is_empty() || !dt::is_finite(ts) {
            return Ok(Datum::Null);
        }
        let template = parsed(cx, a[1].as_str())?;
        text(date_out::write(&template, &date_out::Moment::of_timestamptz(ts, cx.io.time_zone))?)
    }),
    f("interval_to_char", |cx, a| {
        if a[1].as_str().is_empty() {
            return Ok(Datum::Null);
        }
        let template = parsed(cx, a[1].as_str())?;
        text(date_out::write(&template, &date_out::Moment::of_interval(&a[0].as_interval()))?)
    }),
    f("to_timestamp", |cx, a| {
        let template = parsed(cx, a[1].as_str())?;
        date_in::to_timestamp(a[0].as_str(), &template, cx.io.time_zone).map(Datum::TimestampTz)
    }),
    f("to_date", |cx, a| {
        let template = parsed(cx, a[1].as_str())?;
        let fields = date_in::read(a[0].as_str(), &template)?.fields;
        let refuse = || err!(SqlState::DATETIME_FIELD_OVERFLOW, "date out of range: \"{}\"", a[0].as_str());
        if !dt::calendar::is_valid_julian(fields.year, fields.month) {
            return Err(refuse());
        }
        Some(fields.date()).filter(|d| dt::calendar::is_valid_date(*d)).map(Datum::Date).ok_or_else(refuse)
    }),
];
