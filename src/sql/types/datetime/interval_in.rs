//! Interval input: PostgreSQL's traditional words, SQL's `1-2 3 4:05:06`, ISO 8601's `P1Y2M`, and the field restriction of the
//! type modifier.

use super::calendar::{USECS_PER_DAY, USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC, round_micros};
use super::lex::{Field, Kind, split};
use super::number::{clock, fraction, leading_i64, leading_int};
use super::tokens::{DeltaWord, Unit, date_word, delta_word};
use super::{DateError, IntervalStyle, mask};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::interval::Interval;
use crate::sql::types::typename::interval_mask::{DAY, FULL_PRECISION, FULL_RANGE, HOUR, MINUTE, MONTH, SECOND, YEAR};

/// An interval being put together; years apart from months so that neither overflows early.
#[derive(Clone, Copy, Default)]
struct Parts {
    micros: i64,
    days: i32,
    months: i32,
    years: i32,
}

const OVERFLOW: DateError = DateError::FieldOverflow;

fn narrow(v: i64) -> Result<i32, DateError> {
    i32::try_from(v).map_err(|_| OVERFLOW)
}

impl Parts {
    fn add_micros(&mut self, value: i64, part: f64, unit: i64) -> Result<(), DateError> {
        let product = value.checked_mul(unit).ok_or(OVERFLOW)?;
        self.micros = self.micros.checked_add(product).ok_or(OVERFLOW)?;
        self.add_fraction(part, unit)
    }

    /// A fraction of a unit, rounded to microseconds.
    fn add_fraction(&mut self, part: f64, unit: i64) -> Result<(), DateError> {
        if part == 0.0 {
            return Ok(());
        }
        let scaled = part * unit as f64;
        let mut micros = scaled as i64;
        let rest = scaled - micros as f64;
        if rest > 0.5 {
            micros += 1;
        } else if rest < -0.5 {
            micros -= 1;
        }
        self.micros = self.micros.checked_add(micros).ok_or(OVERFLOW)?;
        Ok(())
    }

    fn add_days(&mut self, value: i64, unit: i32) -> Result<(), DateError> {
        let days = narrow(value)?.checked_mul(unit).ok_or(OVERFLOW)?;
        self.days = self.days.checked_add(days).ok_or(OVERFLOW)?;
        Ok(())
    }

    fn add_fraction_days(&mut self, part: f64, unit: i32) -> Result<(), DateError> {
        if part == 0.0 {
            return Ok(());
        }
        let scaled = part * f64::from(unit);
        let days = scaled as i32;
        self.days = self.days.checked_add(days).ok_or(OVERFLOW)?;
        self.add_fraction(scaled - f64::from(days), USECS_PER_DAY)
    }

    fn add_months(&mut self, value: i64) -> Result<(), DateError> {
        self.months = self.months.checked_add(narrow(value)?).ok_or(OVERFLOW)?;
        Ok(())
    }

    fn add_years(&mut self, value: i64, part: f64, unit: i32) -> Result<(), DateError> {
        let years = narrow(value)?.checked_mul(unit).ok_or(OVERFLOW)?;
        self.years = self.years.checked_add(years).ok_or(OVERFLOW)?;
        let months = (part * f64::from(unit) * 12.0).round_ties_even() as i32;
        self.months = self.months.checked_add(months).ok_or(OVERFLOW)?;
        Ok(())
    }

    /// Adds a value in a unit; returns the mask bits it fills.
    fn add(&mut self, value: i64, part: f64, unit: Unit) -> Result<u32, DateError> {
        match unit {
            Unit::Microsecond => self.add_micros(value, part, 1).map(|()| mask::MICROSECOND),
            Unit::Millisecond => self.add_micros(value, part, 1000).map(|()| mask::MILLISECOND),
            Unit::Second => {
                self.add_micros(value, part, USECS_PER_SEC)?;
                Ok(if part == 0.0 { mask::SECOND } else { mask::ALL_SECONDS })
            }
            Unit::Minute => self.add_micros(value, part, USECS_PER_MINUTE).map(|()| mask::MINUTE),
            Unit::Hour => self.add_micros(value, part, USECS_PER_HOUR).map(|()| mask::HOUR),
            Unit::Day => {
                self.add_days(value, 1)?;
                self.add_fraction(part, USECS_PER_DAY).map(|()| mask::DAY)
            }
            Unit::Week => {
                self.add_days(value, 7)?;
                self.add_fraction_days(part, 7).map(|()| mask::WEEK)
            }
            Unit::Month => {
                self.add_months(value)?;
                self.add_fraction_days(part, 30).map(|()| mask::MONTH)
            }
            Unit::Year => self.add_years(value, part, 1).map(|()| mask::YEAR),
            Unit::Decade => self.add_years(value, part, 10).map(|()| mask::DECADE),
            Unit::Century => self.add_years(value, part, 100).map(|()| mask::CENTURY),
            Unit::Millennium => self.add_years(value, part, 1000).map(|()| mask::MILLENNIUM),
            _ => Err(DateError::BadFormat),
        }
    }

    fn negate(&mut self) -> Result<(), DateError> {
        self.micros = self.micros.checked_neg().ok_or(OVERFLOW)?;
        self.days = self.days.checked_neg().ok_or(OVERFLOW)?;
        self.months = self.months.checked_neg().ok_or(OVERFLOW)?;
        self.years = self.years.checked_neg().ok_or(OVERFLOW)?;
        Ok(())
    }
}

/// Text to interval; the modifier restricts fields and precision. Errors: 22007, 22008, 22015.
pub fn parse_interval(text: &str, style: IntervalStyle, typmod: i32) -> Result<Interval> {
    let range = if typmod < 0 { FULL_RANGE } else { typmod >> 16 & FULL_RANGE };
    let words = split(text).and_then(|fields| decode(&fields, range, style));
    let parts = match words {
        Err(DateError::BadFormat) => decode_iso(text),
        other => other,
    };
    let parts = parts.map_err(|e| match e {
        DateError::FieldOverflow => DateError::IntervalOverflow.into_sql(text, "interval"),
        e => e.into_sql(text, "interval"),
    })?;
    let months = i32::try_from(i64::from(parts.years) * 12 + i64::from(parts.months));
    let months = months.map_err(|_| err!(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range"))?;
    Ok(apply_interval_typmod(Interval { micros: parts.micros, days: parts.days, months }, typmod))
}

/// What the rightmost bare number counts under a field restriction.
fn default_unit(range: i32) -> Unit {
    const TO_MONTH: i32 = YEAR | MONTH;
    const TO_HOUR: i32 = DAY | HOUR;
    const TO_MINUTE: i32 = DAY | HOUR | MINUTE;
    const HOUR_MINUTE: i32 = HOUR | MINUTE;
    match range {
        YEAR => Unit::Year,
        MONTH | TO_MONTH => Unit::Month,
        DAY => Unit::Day,
        HOUR | TO_HOUR => Unit::Hour,
        MINUTE | HOUR_MINUTE | TO_MINUTE => Unit::Minute,
        _ => Unit::Second,
    }
}

/// What a number's unit is when reading from right to left.
#[derive(Clone, Copy)]
enum Next {
    Unknown,
    Unit(Unit),
    /// A word that is no unit stands there.
    Invalid,
}

fn decode(fields: &[Field], range: i32, style: IntervalStyle) -> Result<Parts, DateError> {
    let mut parts = Parts::default();
    let explicit = |f: &Field| f.text.starts_with(['-', '+']);
    // SQL's leading sign counts for all fields, unless others have their own.
    let force_negative = style == IntervalStyle::SqlStandard
        && fields.first().is_some_and(|f| f.text.starts_with('-'))
        && !fields[1..].iter().any(explicit);
    let (mut seen, mut next, mut ago) = (0u32, Next::Unknown, false);
    for field in fields.iter().rev() {
        let filled = match field.kind {
            Kind::Time => {
                parts.micros = clock_micros(&field.text, range)?;
                if force_negative && parts.micros > 0 {
                    parts.micros = -parts.micros;
                }
                next = Next::Unit(Unit::Day);
                mask::TIME
            }
            Kind::Zone if field.text[1..].contains(':') && clock_micros(&field.text[1..], range).is_ok() => {
                let micros = clock_micros(&field.text[1..], range)?;
                parts.micros = if field.text.starts_with('-') || force_negative { -micros } else { micros };
                next = Next::Unit(Unit::Day);
                mask::TIME
            }
            Kind::Zone | Kind::Date | Kind::Number => number(&field.text, &mut next, range, force_negative, &mut parts)?,
            Kind::String | Kind::Special => match delta_word(&field.text) {
                Some(DeltaWord::Ignored) => continue,
                Some(DeltaWord::Unit(unit)) => {
                    next = Next::Unit(unit);
                    0
                }
                Some(DeltaWord::Ago) => {
                    ago = true;
                    next = Next::Invalid;
                    0
                }
                None if date_word(&field.text) == Some(super::tokens::Word::Ignored) => continue,
                None => return Err(DateError::BadFormat),
            },
        };
        if filled & seen != 0 {
            return Err(DateError::BadFormat);
        }
        seen |= filled;
    }
    if seen == 0 {
        return Err(DateError::BadFormat);
    }
    if ago {
        parts.negate()?;
    }
    Ok(parts)
}

fn clock_micros(text: &str, range: i32) -> Result<i64, DateError> {
    let (hour, minute, second, micros) = clock(text, range)?;
    let rest = (i64::from(minute) * 60 + i64::from(second)) * USECS_PER_SEC + i64::from(micros);
    hour.checked_mul(USECS_PER_HOUR).and_then(|h| h.checked_add(rest)).ok_or(OVERFLOW)
}

/// Takes one number in the unit to its right.
fn number(text: &str, next: &mut Next, range: i32, force_negative: bool, parts: &mut Parts) -> Result<u32, DateError> {
    let mut unit = match *next {
        Next::Unknown => default_unit(range),
        Next::Unit(unit) => unit,
        Next::Invalid => return Err(DateError::BadFormat),
    };
    *next = Next::Unit(unit);
    let negative = text.starts_with('-');
    let (mut value, rest) = leading_i64(text)?;
    let mut part = 0.0;
    match rest.as_bytes().first() {
        None => {}
        Some(b'-') => {
            // SQL's years-months
            let (months, rest) = leading_int(&rest[1..])?;
            if !(0..12).contains(&months) {
                return Err(OVERFLOW);
            }
            if !rest.is_empty() {
                return Err(DateError::BadFormat);
            }
            unit = Unit::Month;
            *next = Next::Unit(unit);
            let months = i64::from(if negative { -months } else { months });
            value = value.checked_mul(12).and_then(|v| v.checked_add(months)).ok_or(OVERFLOW)?;
        }
        Some(b'.') => part = if negative { -fraction(rest)? } else { fraction(rest)? },
        Some(_) => return Err(DateError::BadFormat),
    }
    if force_negative {
        value = -value.abs();
        part = -part.abs();
    }
    let filled = parts.add(value, part, unit)?;
    if unit == Unit::Hour {
        *next = Next::Unit(Unit::Day);
    }
    Ok(filled)
}

/// A number with optional sign and fraction from the front of ISO 8601 text.
fn iso_number(text: &str) -> Result<(i64, f64, &str), DateError> {
    let bytes = text.as_bytes();
    if !matches!(bytes.first(), Some(b'0'..=b'9' | b'-' | b'+' | b'.')) {
        return Err(DateError::BadFormat);
    }
    let signed = usize::from(matches!(bytes[0], b'-' | b'+'));
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole_end = digits(signed);
    let value = if whole_end > signed { text[..whole_end].parse::<i64>().map_err(|_| OVERFLOW)? } else { 0 };
    let (mut end, mut part) = (whole_end, 0.0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
        part = fraction(&text[whole_end..end])?;
    }
    if end == signed || (end == whole_end + 1 && whole_end == signed) {
        return Err(DateError::BadFormat);
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        return Err(DateError::BadFormat);
    }
    Ok((value, if bytes[0] == b'-' { -part } else { part }, &text[end..]))
}

fn integer_width(text: &str) -> usize {
    text.trim_start_matches('-').bytes().take_while(u8::is_ascii_digit).count()
}

fn decode_iso(text: &str) -> Result<Parts, DateError> {
    let mut parts = Parts::default();
    let mut rest = text.strip_prefix('P').filter(|r| !r.is_empty()).ok_or(DateError::BadFormat)?;
    let (mut date_part, mut have_field) = (true, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            (date_part, have_field, rest) = (false, false, after);
            continue;
        }
        let start = rest;
        let (value, part, after) = iso_number(rest)?;
        let designator = after.bytes().next();
        rest = after.get(1..).unwrap_or("");
        let unit = match (date_part, designator) {
            (true, Some(b'Y')) => Unit::Year,
            (true, Some(b'M')) => Unit::Month,
            (true, Some(b'W')) => Unit::Week,
            (true, Some(b'D')) => Unit::Day,
            (false, Some(b'H')) => Unit::Hour,
            (false, Some(b'M')) => Unit::Minute,
            (false, Some(b'S')) => Unit::Second,
            _ => {
                let done = iso_alternative(&mut parts, start, (value, part, after), date_part, have_field)?;
                let Some(time) = done else { return Ok(parts) };
                (date_part, have_field, rest) = (false, false, time);
                continue;
            }
        };
        parts.add(value, part, unit)?;
        have_field = true;
    }
    Ok(parts)
}

/// ISO 8601's alternative format, `P0001-02-03T04:05:06` or `P00010203T040506`. Returns what follows the `T`, or `None` at the end.
fn iso_alternative<'a>(
    parts: &mut Parts,
    start: &str,
    (value, part, after): (i64, f64, &'a str),
    date_part: bool,
    have_field: bool,
) -> Result<Option<&'a str>, DateError> {
    let (width, separator, units) =
        if date_part { (8, '-', [Unit::Year, Unit::Month, Unit::Day]) } else { (6, ':', [Unit::Hour, Unit::Minute, Unit::Second]) };
    let ended = after.is_empty() || (date_part && after.starts_with('T'));
    let following = after.strip_prefix('T');
    if ended && integer_width(start) == width && !have_field {
        let (a, b, c) = (value / 10_000, value / 100 % 100, value % 100);
        parts.add(a, 0.0, units[0])?;
        parts.add(b, 0.0, units[1])?;
        parts.add(c, part, units[2])?;
        return Ok(following);
    }
    if have_field || !(ended || after.starts_with(separator)) {
        return Err(DateError::BadFormat);
    }
    let (mut value, mut part, mut after) = (value, part, after);
    for (i, unit) in units.into_iter().enumerate() {
        parts.add(value, part, unit)?;
        if after.is_empty() {
            return Ok(None);
        }
        if date_part && let Some(time) = after.strip_prefix('T') {
            return Ok(Some(time));
        }
        if i == 2 {
            break;
        }
        let next = after.strip_prefix(separator).ok_or(DateError::BadFormat)?;
        (value, part, after) = iso_number(next)?;
    }
    Err(DateError::BadFormat)
}

/// Cuts an interval to its type's fields and precision.
pub fn apply_interval_typmod(mut i: Interval, typmod: i32) -> Interval {
    if typmod < 0 {
        return i;
    }
    const TO_MONTH: i32 = YEAR | MONTH;
    const TO_HOUR: i32 = DAY | HOUR;
    const TO_MINUTE: i32 = DAY | HOUR | MINUTE;
    const HOUR_MINUTE: i32 = HOUR | MINUTE;
    match typmod >> 16 & FULL_RANGE {
        YEAR => i = Interval { months: i.months / 12 * 12, days: 0, micros: 0 },
        MONTH | TO_MONTH => (i.days, i.micros) = (0, 0),
        DAY => i.micros = 0,
        HOUR | TO_HOUR => i.micros = i.micros / USECS_PER_HOUR * USECS_PER_HOUR,
        MINUTE | HOUR_MINUTE | TO_MINUTE => i.micros = i.micros / USECS_PER_MINUTE * USECS_PER_MINUTE,
        _ => {}
    }
    let precision = typmod & FULL_PRECISION;
    if precision != FULL_PRECISION && typmod >> 16 & SECOND != 0 {
        i.micros = round_micros(i.micros, precision);
    }
    i
}
