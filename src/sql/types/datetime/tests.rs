//! PostgreSQL 15's recorded answers for arithmetic, `extract`, truncation, construction and zones, at America/New_York.

use super::*;
use crate::error::Result;
use crate::sql::types::interval::Interval;
use crate::sql::types::io::IoContext;
use crate::sql::types::numeric::Numeric;
use jiff::tz::TimeZone;

fn new_york() -> TimeZone {
    zone::lookup("America/New_York").unwrap()
}

fn ts(text: &str) -> i64 {
    parse_timestamp(&IoContext::plain(), text, -1).unwrap()
}

fn tz(text: &str) -> i64 {
    let zone = new_york();
    parse_timestamptz(&IoContext { time_zone: &zone, ..IoContext::plain() }, text, -1).unwrap()
}

fn iv(text: &str) -> Interval {
    parse_interval(text, IntervalStyle::Postgres, -1).unwrap()
}

fn day(text: &str) -> i32 {
    parse_date(&IoContext::plain(), text).unwrap()
}

fn text_of(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).unwrap()
}

fn or_message<T>(r: Result<T>, show: impl FnOnce(T) -> String) -> String {
    r.map_or_else(|e| e.message().to_string(), show)
}

fn show_ts(r: Result<i64>) -> String {
    or_message(r, |v| text_of(|out| write_timestamp(v, DateStyle::default(), out)))
}

fn show_tz(r: Result<i64>) -> String {
    or_message(r, |v| text_of(|out| write_timestamptz(v, DateStyle::default(), &new_york(), out)))
}

fn show_iv(r: Result<Interval>) -> String {
    or_message(r, |v| text_of(|out| write_interval(&v, IntervalStyle::Postgres, out)))
}

fn show_date(r: Result<i32>) -> String {
    or_message(r, |v| text_of(|out| write_date(v, DateStyle::default(), out)))
}

fn show_time(r: Result<i64>) -> String {
    or_message(r, |v| text_of(|out| write_time(v, out)))
}

fn show_n(r: Result<Option<Numeric>>) -> String {
    or_message(r, |v| v.map_or("NULL".into(), |v| v.to_string()))
}

#[test]
fn adding_intervals() {
    assert_eq!(show_ts(timestamp_add(ts("2001-01-31"), &iv("1 month"))), "2001-02-28 00:00:00");
    assert_eq!(show_ts(timestamp_sub(ts("2000-02-29"), &iv("1 year"))), "1999-02-28 00:00:00");
    assert_eq!(show_ts(timestamp_sub(ts("2001-03-31 10:00"), &iv("1 mon 1 day 01:00"))), "2001-02-27 09:00:00");
    assert_eq!(show_ts(timestamp_add(ts("294276-12-31"), &iv("1 day"))), "timestamp out of range");
    assert_eq!(show_ts(timestamp_add(ts("infinity"), &iv("1 day"))), "infinity");
    let add = |t: &str, i: &str| show_tz(timestamptz_add(tz(t), &iv(i), &new_york()));
    assert_eq!(add("2020-03-07 12:00", "1 day"), "2020-03-08 12:00:00-04");
    assert_eq!(add("2020-03-07 12:00", "24 hours"), "2020-03-08 13:00:00-04");
    assert_eq!(add("2020-03-07 02:30", "1 day"), "2020-03-08 03:30:00-04");
    assert_eq!(show_time(Ok(time_add(3_600_000_000, -7_200_000_000))), "23:00:00");
    assert_eq!(show_date(date_add(day("2001-09-28"), 7)), "2001-10-05");
    assert_eq!(show_ts(date_plus_time(day("2001-09-28"), 10_800_000_000)), "2001-09-28 03:00:00");
}

#[test]
fn differences() {
    assert_eq!(show_iv(timestamp_diff(ts("2001-01-10 05:00"), ts("2001-01-01 10:30"))), "8 days 18:30:00");
    assert_eq!(show_iv(age(ts("2001-04-10"), ts("1957-06-13"))), "43 years 9 mons 27 days");
    assert_eq!(show_iv(age(ts("2001-03-31"), ts("2001-04-30 01:00"))), "-30 days -01:00:00");
    assert_eq!(show_iv(age(ts("2000-03-01"), ts("2000-01-31"))), "1 mon 1 day");
}

#[test]
fn scaling_and_justifying_intervals() {
    assert_eq!(show_iv(iv("1 month 15 days").mul(1.5)), "1 mon 37 days 12:00:00");
    assert_eq!(show_iv(iv("1 year").div(7.0)), "1 mon 21 days 10:17:08.5344");
    assert_eq!(show_iv(iv("1 day").mul(0.3)), "07:12:00");
    assert_eq!(show_iv(iv("-1 mon 3 days 10:00").mul(-2.7)), "2 mons 13 days -29:24:00");
    assert_eq!(show_iv(iv("1 mon").div(3.0)), "10 days");
    assert_eq!(show_iv(iv("100 days").mul(0.333)), "33 days 07:12:00");
    assert_eq!(show_iv(iv("178956970 years").add(&iv("1 year"))), "interval out of range");
    assert_eq!(show_iv(iv("27 hours").justify_hours()), "1 day 03:00:00");
    assert_eq!(show_iv(iv("35 days").justify_days()), "1 mon 5 days");
    assert_eq!(show_iv(iv("1 mon -1 hour").justify_interval()), "29 days 23:00:00");
    assert_eq!(show_iv(iv("-1 mon 40 days 30:00").justify_interval()), "11 days 06:00:00");
}

#[test]
fn truncation() {
    let cases = [
        ("week", "2001-02-16 20:38:40", "2001-02-12 00:00:00"),
        ("quarter", "2001-08-16 20:38:40", "2001-07-01 00:00:00"),
        ("century", "2001-02-16", "2001-01-01 00:00:00"),
        ("millennium", "0055-08-10 BC", "1000-01-01 00:00:00 BC"),
        ("decade", "2001-02-16", "2000-01-01 00:00:00"),
        ("week", "2005-01-01", "2004-12-27 00:00:00"),
        ("milliseconds", "2001-02-16 20:38:40.123456", "2001-02-16 20:38:40.123"),
        ("foo", "2001-02-16", "unit \"foo\" not recognized for type timestamp without time zone"),
    ];
    for (unit, text, expected) in cases {
        assert_eq!(show_ts(trunc_timestamp(unit, ts(text))), expected, "{unit} of {text}");
    }
    assert_eq!(show_tz(trunc_timestamptz("day", tz("2020-03-08 12:00"), &new_york())), "2020-03-08 00:00:00-05");
    let sydney = trunc_timestamptz_zone("day", tz("2001-02-16 20:38:40-05"), "Australia/Sydney");
    assert_eq!(show_tz(sydney), "2001-02-16 08:00:00-05");
    assert_eq!(show_iv(trunc_interval("hour", &iv("3 days 02:47:33"))), "3 days 02:00:00");
    assert_eq!(show_iv(trunc_interval("month", &iv("14 months 5 days"))), "1 year 2 mons");
    assert_eq!(show_iv(trunc_interval("week", &iv("1 day"))), "unit \"week\" not supported for type interval");
    let bin = |i: &str, t: &str, origin: &str| show_ts(date_bin(&iv(i), ts(t), ts(origin)));
    assert_eq!(bin("15 minutes", "2020-02-11 15:44:17", "2001-01-01"), "2020-02-11 15:30:00");
    assert_eq!(bin("2 hours", "1999-12-31 23:00", "2001-01-01 00:30"), "1999-12-31 22:30:00");
    assert_eq!(bin("1 month", "2001-01-01", "2001-01-01"), "timestamps cannot be binned into intervals containing months or years");
}

#[test]
fn extraction() {
    let from = |unit: &str, text: &str| show_n(extract_timestamp(unit, ts(text)));
    assert_eq!(from("week", "2005-01-01"), "53");
    assert_eq!(from("decade", "0001-01-01 BC"), "0");
    assert_eq!(from("second", "2001-02-16 20:38:40.12"), "40.120000");
    assert_eq!(from("julian", "2006-06-15 17:00"), "2453902.70833333333333333333");
    assert_eq!(from("year", "0044-03-15 BC"), "-44");
    assert_eq!(from("epoch", "infinity"), "Infinity");
    assert_eq!(from("hour", "infinity"), "NULL");
    assert_eq!(from("timezone", "2001-01-01"), "unit \"timezone\" not supported for type timestamp without time zone");
    let zoned = |unit: &str, text: &str| show_n(extract_timestamptz(unit, tz(text), &new_york()));
    assert_eq!(zoned("epoch", "2001-02-16 20:38:40.12-08"), "982384720.120000");
    assert_eq!(zoned("timezone_hour", "2001-02-16"), "-5");
    assert_eq!(zoned("hour", "2020-07-01 00:30Z"), "20");
    let date = |unit: &str, text: &str| show_n(extract_date(unit, day(text)));
    assert_eq!(date("isoyear", "2006-01-01"), "2005");
    assert_eq!(date("century", "0001-12-31 BC"), "-1");
    assert_eq!((date("dow", "2001-02-18"), date("isodow", "2001-02-18")), ("0".into(), "7".into()));
    assert_eq!((date("doy", "2000-12-31"), date("epoch", "2000-01-01")), ("366".into(), "946684800".into()));
    assert_eq!(date("hour", "2000-12-31"), "unit \"hour\" not supported for type date");
    let interval = |unit: &str, text: &str| show_n(extract_interval(unit, &iv(text)).map(Some));
    assert_eq!(interval("epoch", "5 days 3 hours"), "442800.000000");
    assert_eq!(interval("epoch", "1 year 1 mon 1.5 sec"), "34149601.500000");
    assert_eq!((interval("microseconds", "1.5 sec"), interval("quarter", "-5 mons")), ("1500000".into(), "0".into()));
    assert_eq!(show_n(extract_time("milliseconds", 61_948_500_000).map(Some)), "28500.000");
    assert_eq!(show_n(extract_timetz("epoch", 36_000_000_000, 18_000).map(Some)), "54000.000000");
}

#[test]
fn construction() {
    assert_eq!(show_date(make_date(-44, 3, 15)), "0044-03-15 BC");
    assert_eq!(show_date(make_date(2001, 2, 30)), "date field value out of range: 2001-02-30");
    assert_eq!(show_time(make_time(8, 15, 23.5)), "08:15:23.5");
    assert_eq!(show_time(make_time(25, 0, 0.0)), "time field value out of range: 25:00:00");
    let parts = (2013, 7, 15, 8, 15, 23.5);
    assert_eq!(show_ts(make_timestamp(2013, 7, 15, 8, 15, 23.5)), "2013-07-15 08:15:23.5");
    assert_eq!(show_tz(make_timestamptz(parts, &new_york())), "2013-07-15 08:15:23.5-04");
    assert_eq!(show_tz(make_timestamptz_at(parts, "+02")), "2013-07-15 02:15:23.5-04");
    assert_eq!(show_tz(make_timestamptz_at(parts, "Europe/Berlin")), "2013-07-15 02:15:23.5-04");
    assert_eq!(show_tz(make_timestamptz_at(parts, "2")), "invalid input syntax for type numeric time zone: \"2\"");
    assert_eq!(show_iv(make_interval(1, 2, 3, 4, 5, 6, 7.8)), "1 year 2 mons 25 days 05:06:07.8");
    assert_eq!(show_tz(epoch_to_timestamptz(1_284_352_323.5)), "2010-09-13 00:32:03.5-04");
}

#[test]
fn zones() {
    assert_eq!(show_tz(timestamp_at_zone(ts("2001-02-16 20:38:40"), "America/Denver")), "2001-02-16 22:38:40-05");
    let at = |zone: &str, year: &str| show_ts(timestamptz_at_zone(tz(&format!("{year}-02-16 20:38:40-05")), zone));
    assert_eq!(at("America/Denver", "2001"), "2001-02-16 18:38:40");
    assert_eq!((at("MSK", "2001"), at("MSK", "2012")), ("2001-02-17 04:38:40".into(), "2012-02-17 05:38:40".into()));
    assert_eq!((at("UTC-3", "2001"), at("<+03>-3", "2001")), ("2001-02-17 04:38:40".into(), "2001-02-17 04:38:40".into()));
    assert_eq!(at("EST", "2001"), "2001-02-16 20:38:40");
    assert_eq!(at("Foo/Bar", "2001"), "time zone \"Foo/Bar\" not recognized");
    let west = iv("-08:00");
    assert_eq!(show_ts(timestamptz_at_interval(tz("2001-02-16 20:38:40-05"), &west)), "2001-02-16 17:38:40");
    assert_eq!(show_tz(timestamp_at_interval(ts("2001-02-16 20:38:40"), &west)), "2001-02-16 23:38:40-05");
    assert_eq!(timetz_at_zone((36_000_000_000, 18_000), "UTC", 0).unwrap(), (54_000_000_000, 0));
    assert_eq!(timestamptz_to_timetz(tz("2020-07-01 12:00"), &new_york()), Some((43_200_000_000, 14_400)));
}

#[test]
fn overlapping_periods() {
    assert!(overlaps((1, 5), (4, 8)) && !overlaps((1, 4), (4, 8)) && overlaps((4, 4), (4, 8)) && overlaps((8, 4), (5, 6)));
}
