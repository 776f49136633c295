//! Interval output in the four interval styles.

use super::IntervalStyle;
use super::calendar::{USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC};
use super::output::{seconds, two};
use crate::sql::types::int;
use crate::sql::types::interval::Interval;

/// An interval's fields; all of `hour` down have the sign of the time.
#[derive(Clone, Copy)]
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
}

impl Parts {
    fn of(i: &Interval) -> Self {
        Self {
            year: i64::from(i.months / 12),
            month: i64::from(i.months % 12),
            day: i64::from(i.days),
            hour: i.micros / USECS_PER_HOUR,
            minute: i.micros % USECS_PER_HOUR / USECS_PER_MINUTE,
            second: i.micros % USECS_PER_MINUTE / USECS_PER_SEC,
            micros: i.micros % USECS_PER_SEC,
        }
    }

    fn has_time(&self) -> bool {
        self.hour != 0 || self.minute != 0 || self.second != 0 || self.micros != 0
    }

    fn time_negative(&self) -> bool {
        self.hour < 0 || self.minute < 0 || self.second < 0 || self.micros < 0
    }
}

/// Appends an interval.
pub fn write_interval(i: &Interval, style: IntervalStyle, out: &mut Vec<u8>) {
    let p = Parts::of(i);
    match style {
        IntervalStyle::Postgres => postgres(&p, out),
        IntervalStyle::PostgresVerbose => verbose(&p, out),
        IntervalStyle::SqlStandard => sql_standard(i, p, out),
        IntervalStyle::Iso8601 => iso_8601(&p, out),
    }
}

fn postgres(p: &Parts, out: &mut Vec<u8>) {
    let start = out.len();
    // A negative field makes the next positive one carry its sign.
    let mut after_negative = false;
    for (value, name) in [(p.year, "year"), (p.month, "mon"), (p.day, "day")] {
        if value == 0 {
            continue;
        }
        if out.len() > start {
            out.push(b' ');
        }
        if after_negative && value > 0 {
            out.push(b'+');
        }
        int::write(value, out);
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        if value != 1 {
            out.push(b's');
        }
        after_negative = value < 0;
    }
    if out.len() > start && !p.has_time() {
        return;
    }
    if out.len() > start {
        out.push(b' ');
    }
    if p.time_negative() {
        out.push(b'-');
    } else if after_negative {
        out.push(b'+');
    }
    clock(p, true, out);
}

/// Appends `[h]h:mm:ss[.ffffff]` without a sign.
fn clock(p: &Parts, pad_hour: bool, out: &mut Vec<u8>) {
    if pad_hour {
        two(p.hour.abs(), out);
    } else {
        int::write(p.hour.abs(), out);
    }
    out.push(b':');
    two(p.minute.abs(), out);
    out.push(b':');
    seconds(p.second, p.micros, true, out);
}

fn verbose(p: &Parts, out: &mut Vec<u8>) {
    out.push(b'@');
    let (mut zero, mut ago) = (true, false);
    for (value, name) in [(p.year, "year"), (p.month, "mon"), (p.day, "day"), (p.hour, "hour"), (p.minute, "min")] {
        if value == 0 {
            continue;
        }
        let mut shown = value;
        if zero {
            ago = value < 0;
            shown = value.abs();
        } else if ago {
            shown = -value;
        }
        out.push(b' ');
        int::write(shown, out);
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        if shown != 1 {
            out.push(b's');
        }
        zero = false;
    }
    if p.second != 0 || p.micros != 0 {
        out.push(b' ');
        let negative = p.second < 0 || (p.second == 0 && p.micros < 0);
        if negative && zero {
            ago = true;
        } else if negative != ago {
            out.push(b'-');
        }
        seconds(p.second, p.micros, false, out);
        out.extend_from_slice(if p.second.abs() != 1 || p.micros != 0 { b" secs" } else { b" sec" });
        zero = false;
    }
    if zero {
        out.extend_from_slice(b" 0");
    }
    if ago {
        out.extend_from_slice(b" ago");
    }
}

fn sql_standard(i: &Interval, mut p: Parts, out: &mut Vec<u8>) {
    let negative = i.months < 0 || i.days < 0 || i.micros < 0;
    let positive = i.months > 0 || i.days > 0 || i.micros > 0;
    let year_month = i.months != 0;
    let day_time = i.days != 0 || i.micros != 0;
    if !negative && !positive {
        return out.push(b'0');
    }
    if (negative && positive) || (year_month && day_time) {
        let sign = |minus: bool, out: &mut Vec<u8>| out.push(if minus { b'-' } else { b'+' });
        sign(i.months < 0, out);
        int::write(p.year.abs(), out);
        out.push(b'-');
        int::write(p.month.abs(), out);
        out.push(b' ');
        sign(i.days < 0, out);
        int::write(p.day.abs(), out);
        out.push(b' ');
        sign(p.time_negative(), out);
        return clock(&p, false, out);
    }
    if negative {
        out.push(b'-');
        (p.year, p.month, p.day) = (-p.year, -p.month, -p.day);
    }
    if year_month {
        int::write(p.year, out);
        out.push(b'-');
        return int::write(p.month, out);
    }
    if p.day != 0 {
        int::write(p.day, out);
        out.push(b' ');
    }
    clock(&p, false, out);
}

fn iso_8601(p: &Parts, out: &mut Vec<u8>) {
    if p.year == 0 && p.month == 0 && p.day == 0 && !p.has_time() {
        return out.extend_from_slice(b"PT0S");
    }
    let part = |value: i64, unit: u8, out: &mut Vec<u8>| {
        if value != 0 {
            int::write(value, out);
            out.push(unit);
        }
    };
    out.push(b'P');
    part(p.year, b'Y', out);
    part(p.month, b'M', out);
    part(p.day, b'D', out);
    if p.has_time() {
        out.push(b'T');
    }
    part(p.hour, b'H', out);
    part(p.minute, b'M', out);
    if p.second != 0 || p.micros != 0 {
        if p.second < 0 || p.micros < 0 {
            out.push(b'-');
        }
        seconds(p.second, p.micros, false, out);
        out.push(b'S');
    }
}
