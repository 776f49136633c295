//! The numbers inside date and time text: runs of digits whose meaning depends on what was seen before them, times with colons,
//! numeric zones (PostgreSQL's `DecodeNumber`, `DecodeNumberField`, `DecodeTime`, `DecodeTimezone`, `DecodeDate`).

use super::calendar::Fields;
use super::tokens::{Word, date_word};
use super::{DateError, DateOrder, mask};
use crate::sql::types::typename::interval_mask;

/// A date being put together.
pub(super) struct Partial {
    pub(super) order: DateOrder,
    pub(super) fields: Fields,
    /// Day of the year, where the date was written as year and day.
    pub(super) year_day: i32,
    /// The year was written with one or two digits.
    pub(super) two_digits: bool,
}

/// C's `strtoint`: an optional sign and digits from the front; the rest. Out of range is an error.
pub(super) fn leading_int(text: &str) -> Result<(i32, &str), DateError> {
    let (value, rest) = leading_i64(text)?;
    Ok((i32::try_from(value).map_err(|_| DateError::FieldOverflow)?, rest))
}

/// As `leading_int`, 64 bits wide.
pub(super) fn leading_i64(text: &str) -> Result<(i64, &str), DateError> {
    let signed = usize::from(text.starts_with(['-', '+']));
    let digits = text.as_bytes()[signed..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 {
        return Ok((0, text));
    }
    let (number, rest) = text.split_at(signed + digits);
    Ok((number.parse().map_err(|_| DateError::FieldOverflow)?, rest))
}

/// C's `atoi` of digits.
fn digits(text: &str) -> i32 {
    text.parse().unwrap_or(0)
}

/// A fraction `.123` as part of one; a lone point is 0.
pub(super) fn fraction(text: &str) -> Result<f64, DateError> {
    match text {
        "." => Ok(0.0),
        _ => text.parse().map_err(|_| DateError::BadFormat),
    }
}

/// A fraction of a second in microseconds.
pub(super) fn fractional_second(text: &str) -> Result<i32, DateError> {
    Ok((fraction(text)? * 1_000_000.0).round_ties_even() as i32)
}

/// `hh:mm[:ss[.fff]]`, or `mm:ss.fff`: hours (any size), minutes, seconds and microseconds.
pub(super) fn clock(text: &str, range: i32) -> Result<(i64, i32, i32, i32), DateError> {
    let (mut hour, rest) = leading_i64(text)?;
    let rest = rest.strip_prefix(':').ok_or(DateError::BadFormat)?;
    let (mut minute, rest) = leading_int(rest)?;
    let (mut second, mut micros) = (0, 0);
    match rest.as_bytes().first() {
        None => {
            if range == interval_mask::MINUTE | interval_mask::SECOND {
                (second, minute, hour) = (minute, hour as i32, 0);
            }
        }
        Some(b'.') => {
            micros = fractional_second(rest)?;
            (second, minute, hour) = (minute, hour as i32, 0);
        }
        Some(b':') => {
            let (s, rest) = leading_int(&rest[1..])?;
            second = s;
            match rest.as_bytes().first() {
                None => {}
                Some(b'.') => micros = fractional_second(rest)?,
                Some(_) => return Err(DateError::BadFormat),
            }
        }
        Some(_) => return Err(DateError::BadFormat),
    }
    let sane = hour >= 0 && (0..60).contains(&minute) && (0..=60).contains(&second) && (0..=1_000_000).contains(&micros);
    if sane { Ok((hour, minute, second, micros)) } else { Err(DateError::FieldOverflow) }
}

/// `+hh[:mm[:ss]]` or `+hhmm` in seconds WEST of UTC.
pub(super) fn zone_displacement(text: &str) -> Result<i32, DateError> {
    let displaced = |_| DateError::ZoneDisplacement;
    if !text.starts_with(['+', '-']) {
        return Err(DateError::BadFormat);
    }
    let (mut hour, mut rest) = leading_int(&text[1..]).map_err(displaced)?;
    let (mut minute, mut second) = (0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (minute, rest) = leading_int(after).map_err(displaced)?;
        if let Some(after) = rest.strip_prefix(':') {
            (second, rest) = leading_int(after).map_err(displaced)?;
        }
    } else if rest.is_empty() && text.len() > 3 {
        (hour, minute) = (hour / 100, hour % 100);
    }
    if !(0..=15).contains(&hour) || !(0..60).contains(&minute) || !(0..60).contains(&second) {
        return Err(DateError::ZoneDisplacement);
    }
    let east = (hour * 60 + minute) * 60 + second;
    if !rest.is_empty() {
        return Err(DateError::BadFormat);
    }
    Ok(if text.starts_with('-') { east } else { -east })
}

impl Partial {
    /// Takes a single number, deciding by the fields already seen (`seen`) what it is; returns the fields it fills.
    pub(super) fn number(&mut self, text: &str, text_month: bool, seen: u32) -> Result<u32, DateError> {
        let (value, rest) = leading_int(text)?;
        let int_digits = text.len() - rest.len();
        if int_digits == 0 {
            return Err(DateError::BadFormat);
        }
        if rest.starts_with('.') {
            if int_digits > 2 {
                return self.number_field(text, seen | mask::DATE);
            }
            self.fields.micros = fractional_second(rest)?;
        } else if !rest.is_empty() {
            return Err(DateError::BadFormat);
        }
        let long = text.len() >= 3;
        if text.len() == 3 && seen & mask::DATE == mask::YEAR && (1..=366).contains(&value) {
            self.year_day = value;
            return Ok(mask::DAY_OF_YEAR | mask::MONTH | mask::DAY);
        }
        const YEAR_MONTH: u32 = mask::YEAR | mask::MONTH;
        const MONTH_DAY: u32 = mask::MONTH | mask::DAY;
        let filled = match seen & mask::DATE {
            0 if long || self.order == DateOrder::Ymd => mask::YEAR,
            0 if self.order == DateOrder::Dmy => mask::DAY,
            0 => mask::MONTH,
            mask::YEAR | mask::DAY => mask::MONTH,
            mask::MONTH if text_month && (long || self.order == DateOrder::Ymd) => mask::YEAR,
            mask::MONTH => mask::DAY,
            YEAR_MONTH if text_month && long && self.two_digits => {
                // The first number was the day after all.
                self.fields.day = self.fields.year;
                self.fields.year = value;
                self.two_digits = false;
                return Ok(mask::DAY);
            }
            YEAR_MONTH => mask::DAY,
            MONTH_DAY => mask::YEAR,
            mask::DATE => return self.number_field(text, seen),
            _ => return Err(DateError::BadFormat),
        };
        match filled {
            mask::YEAR => {
                self.fields.year = value;
                self.two_digits = text.len() <= 2;
            }
            mask::MONTH => self.fields.month = value,
            _ => self.fields.day = value,
        }
        Ok(filled)
    }

    /// Takes a run of digits without separators: `yyyymmdd`, `hhmmss[.fff]` or `hhmm`; returns the fields it fills.
    pub(super) fn number_field(&mut self, text: &str, seen: u32) -> Result<u32, DateError> {
        let mut body = text;
        if let Some(point) = text.find('.') {
            // `strtod` of a lone point is 0.
            let part: f64 = if text.len() == point + 1 { 0.0 } else { text[point..].parse().map_err(|_| DateError::BadFormat)? };
            self.fields.micros = (part * 1_000_000.0).round_ties_even() as i32;
            body = &text[..point];
        } else if seen & mask::DATE != mask::DATE && body.len() >= 6 {
            let (year, rest) = body.split_at(body.len() - 4);
            self.fields.day = digits(&rest[2..]);
            self.fields.month = digits(&rest[..2]);
            self.fields.year = digits(year);
            if year.len() == 2 {
                self.two_digits = true;
            }
            return Ok(mask::DATE);
        }
        if seen & mask::TIME != mask::TIME && matches!(body.len(), 4 | 6) && body.is_ascii() {
            self.fields.hour = digits(&body[..2]);
            self.fields.minute = digits(&body[2..4]);
            self.fields.second = digits(&body[4..]);
            return Ok(mask::TIME);
        }
        Err(DateError::BadFormat)
    }

    /// Takes a date with separators; returns the fields it fills.
    pub(super) fn date(&mut self, text: &str, seen: u32) -> Result<u32, DateError> {
        let parts = date_parts(text)?;
        let (mut seen, mut filled, mut text_month) = (seen, 0, false);
        for word in parts.iter().filter(|p| p.starts_with(|c: char| c.is_ascii_alphabetic())) {
            match date_word(word) {
                Some(Word::Ignored) => continue,
                Some(Word::Month(month)) if seen & mask::MONTH == 0 => self.fields.month = month,
                _ => return Err(DateError::BadFormat),
            }
            text_month = true;
            seen |= mask::MONTH;
            filled |= mask::MONTH;
        }
        for number in parts.iter().filter(|p| p.starts_with(|c: char| c.is_ascii_digit())) {
            let part = self.number(number, text_month, seen)?;
            if seen & part != 0 {
                return Err(DateError::BadFormat);
            }
            seen |= part;
            filled |= part;
        }
        if seen & !(mask::DAY_OF_YEAR | mask::ZONE) == mask::DATE { Ok(filled) } else { Err(DateError::BadFormat) }
    }

    /// Final checks of year, month and day once all fields are known.
    pub(super) fn validate(&mut self, seen: u32, julian: bool, bc: bool) -> Result<(), DateError> {
        let f = &mut self.fields;
        if seen & mask::YEAR != 0 && !julian {
            if bc {
                if f.year <= 0 {
                    return Err(DateError::FieldOverflow);
                }
                f.year = 1 - f.year;
            } else if self.two_digits {
                match f.year {
                    ..0 => return Err(DateError::FieldOverflow),
                    0..70 => f.year += 2000,
                    70..100 => f.year += 1900,
                    _ => {}
                }
            } else if f.year <= 0 {
                return Err(DateError::FieldOverflow);
            }
        }
        if seen & mask::DAY_OF_YEAR != 0 {
            let day = super::calendar::julian(f.year, 1, 1) + self.year_day - 1;
            (f.year, f.month, f.day) = super::calendar::from_julian(day);
        }
        if (seen & mask::MONTH != 0 && !(1..=12).contains(&f.month)) || (seen & mask::DAY != 0 && !(1..=31).contains(&f.day)) {
            return Err(DateError::MonthDayOverflow);
        }
        if seen & mask::DATE == mask::DATE && f.day > super::calendar::month_days(f.year, f.month) {
            return Err(DateError::FieldOverflow);
        }
        Ok(())
    }
}

/// Splits a date into runs of digits or letters; the character after each run is dropped.
fn date_parts(text: &str) -> Result<Vec<&str>, DateError> {
    let bytes = text.as_bytes();
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        while at < bytes.len() && !bytes[at].is_ascii_alphanumeric() {
            at += 1;
        }
        if at == bytes.len() {
            return Err(DateError::BadFormat);
        }
        let digit = bytes[at].is_ascii_digit();
        let same = |b: &u8| if digit { b.is_ascii_digit() } else { b.is_ascii_alphabetic() };
        let end = at + bytes[at..].iter().take_while(|b| same(b)).count();
        parts.push(&text[at..end]);
        at = end + 1;
    }
    Ok(parts)
}
