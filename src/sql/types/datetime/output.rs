//! Text output of date, time, timetz, timestamp and timestamptz in the four date styles.

use super::calendar::{self, DATE_INFINITY, DATE_NEG_INFINITY, Fields, INFINITY, NEG_INFINITY, USECS_PER_SEC};
use super::{DateFormat, DateOrder, DateStyle, zone};
use crate::sql::types::int;
use jiff::tz::TimeZone;

/// English month names, three letters.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// English day names, three letters, Sunday first.
pub const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Appends a number with at least two digits.
pub(super) fn two(n: i64, out: &mut Vec<u8>) {
    if (0..100).contains(&n) {
        out.extend_from_slice(&[b'0' + (n / 10) as u8, b'0' + (n % 10) as u8]);
    } else {
        int::write(n, out);
    }
}

/// Appends seconds and, trailing zeros dropped, microseconds.
pub(super) fn seconds(second: i64, micros: i64, pad: bool, out: &mut Vec<u8>) {
    if pad {
        two(second.abs(), out);
    } else {
        int::write(second.abs(), out);
    }
    if micros != 0 {
        let mut digits = [b'0'; 6];
        let mut rest = micros.unsigned_abs();
        for slot in digits.iter_mut().rev() {
            *slot = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let end = digits.iter().rposition(|d| *d != b'0').map_or(0, |at| at + 1);
        out.push(b'.');
        out.extend_from_slice(&digits[..end]);
    }
}

fn clock(f: &Fields, out: &mut Vec<u8>) {
    two(i64::from(f.hour), out);
    out.push(b':');
    two(i64::from(f.minute), out);
    out.push(b':');
    seconds(i64::from(f.second), i64::from(f.micros), true, out);
}

/// Appends a zone as `+HH[:MM[:SS]]`.
fn zone_offset(west: i32, out: &mut Vec<u8>) {
    out.push(if west <= 0 { b'+' } else { b'-' });
    let s = i64::from(west.abs());
    two(s / 3600, out);
    if s % 3600 != 0 {
        out.push(b':');
        two(s / 60 % 60, out);
    }
    if s % 60 != 0 {
        out.push(b':');
        two(s % 60, out);
    }
}

fn year(y: i32, out: &mut Vec<u8>) {
    let shown = if y > 0 { y } else { 1 - y };
    for limit in [1000, 100, 10] {
        if shown < limit {
            out.push(b'0');
        }
    }
    int::write(shown, out);
}

fn era(y: i32, out: &mut Vec<u8>) {
    if y <= 0 {
        out.extend_from_slice(b" BC");
    }
}

/// Appends day and month in the order asked for, with a separator after each.
fn day_month(f: &Fields, day_first: bool, separator: u8, out: &mut Vec<u8>) {
    let (first, second) = if day_first { (f.day, f.month) } else { (f.month, f.day) };
    two(i64::from(first), out);
    out.push(separator);
    two(i64::from(second), out);
    out.push(separator);
}

fn date_fields(f: &Fields, style: DateStyle, out: &mut Vec<u8>) {
    let day_first = style.order == DateOrder::Dmy;
    match style.format {
        DateFormat::Iso => {
            year(f.year, out);
            out.push(b'-');
            two(i64::from(f.month), out);
            out.push(b'-');
            two(i64::from(f.day), out);
            return;
        }
        DateFormat::Sql => day_month(f, day_first, b'/', out),
        DateFormat::German => day_month(f, true, b'.', out),
        DateFormat::Postgres => day_month(f, day_first, b'-', out),
    }
    year(f.year, out);
}

/// Appends a date.
pub fn write_date(date: i32, style: DateStyle, out: &mut Vec<u8>) {
    match date {
        DATE_INFINITY => out.extend_from_slice(b"infinity"),
        DATE_NEG_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => {
            let f = calendar::date_fields(date);
            date_fields(&f, style, out);
            era(f.year, out);
        }
    }
}

/// Appends a time of day.
pub fn write_time(time: i64, out: &mut Vec<u8>) {
    clock(&calendar::time_fields(time), out);
}

/// Appends a time of day with its zone.
pub fn write_timetz(time: i64, west: i32, out: &mut Vec<u8>) {
    write_time(time, out);
    zone_offset(west, out);
}

fn special(ts: i64, out: &mut Vec<u8>) -> bool {
    match ts {
        INFINITY => out.extend_from_slice(b"infinity"),
        NEG_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => return false,
    }
    true
}

/// Appends a timestamp.
pub fn write_timestamp(ts: i64, style: DateStyle, out: &mut Vec<u8>) {
    if !special(ts, out) {
        date_time(&calendar::timestamp_fields(ts), ts, style, None, out);
    }
}

/// Appends a timestamptz in the session's zone.
pub fn write_timestamptz(ts: i64, style: DateStyle, time_zone: &TimeZone, out: &mut Vec<u8>) {
    if special(ts, out) {
        return;
    }
    let (east, name) = if style.format == DateFormat::Iso {
        (zone::offset_at(time_zone, ts), None)
    } else {
        let local = zone::local_at(time_zone, ts);
        (local.east, Some(local.abbreviation))
    };
    let local = ts.saturating_add(i64::from(east) * USECS_PER_SEC);
    date_time(&calendar::timestamp_fields(local), local, style, Some((east, name)), out);
}

fn date_time(f: &Fields, local: i64, style: DateStyle, shown_zone: Option<(i32, Option<String>)>, out: &mut Vec<u8>) {
    if style.format == DateFormat::Postgres {
        out.extend_from_slice(DAYS[calendar::weekday(local.div_euclid(calendar::USECS_PER_DAY)) as usize].as_bytes());
        out.push(b' ');
        let month = MONTHS[(f.month - 1).clamp(0, 11) as usize].as_bytes();
        if style.order == DateOrder::Dmy {
            two(i64::from(f.day), out);
            out.push(b' ');
            out.extend_from_slice(month);
        } else {
            out.extend_from_slice(month);
            out.push(b' ');
            two(i64::from(f.day), out);
        }
        out.push(b' ');
        clock(f, out);
        out.push(b' ');
        year(f.year, out);
    } else {
        date_fields(f, style, out);
        out.push(b' ');
        clock(f, out);
    }
    match shown_zone {
        None => {}
        Some((_, Some(name))) => {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
        }
        Some((east, None)) => zone_offset(-east, out),
    }
    era(f.year, out);
}
