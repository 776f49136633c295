//! Fields to a date and time (PostgreSQL's `DecodeDateTime` and `DecodeTimeOnly`).

use super::abbrevs::{Abbreviation, abbreviation};
use super::calendar::{Fields, USECS_PER_DAY, USECS_PER_SEC, from_julian, julian, time_fields, timestamp_fields};
use super::lex::{Field, Kind};
use super::number::{Partial, clock, fraction, leading_int, zone_displacement};
use super::tokens::{Unit, Word, date_word};
use super::{DateError, mask, zone};
use crate::sql::types::io::IoContext;
use crate::sql::types::typename::interval_mask;
use jiff::tz::TimeZone;

/// What a date and time text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// Local fields and the zone's seconds WEST of UTC.
    At(Fields, i32),
    /// 1970-01-01 00:00 UTC
    Epoch,
    /// infinity
    Infinity,
    /// -infinity
    NegInfinity,
}

/// A field's meaning announced by the field before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Julian,
    Time,
    /// `y2001 m02 d03 h04 mm05 s06`
    Unit(Unit),
}

struct Decoder<'a> {
    cx: &'a IoContext<'a>,
    time_only: bool,
    fields: &'a [Field],
    partial: Partial,
    seen: u32,
    text_month: bool,
    julian: bool,
    bc: bool,
    pm: Option<bool>,
    prefix: Option<Prefix>,
    special: Option<Decoded>,
    west: i32,
    named: Option<TimeZone>,
    dynamic: Option<(String, TimeZone)>,
}

/// Reads a date with or without time and zone; the session's zone where none is given.
pub(super) fn date_time(cx: &IoContext<'_>, fields: &[Field]) -> Result<Decoded, DateError> {
    let mut d = Decoder::new(cx, fields, false);
    d.walk()?;
    if let Some(special) = d.special {
        return Ok(special);
    }
    d.partial.validate(d.seen, d.julian, d.bc)?;
    d.twelve_hours()?;
    if d.seen & mask::DATE != mask::DATE {
        return Err(DateError::BadFormat);
    }
    let local = d.partial.fields;
    let zone = d.named.as_ref().map(|z| zone::west_of_local(z, &local));
    let zone = zone.or_else(|| d.dynamic.as_ref().map(|(word, z)| zone::west_of_abbreviation(word, z, &local)));
    d.finish_zone(zone, || Ok(zone::west_of_local(cx.time_zone, &local)))
}

/// Reads a time of day with or without date and zone; the session's zone (today, where no date is given) if none is given.
pub(super) fn time_only(cx: &IoContext<'_>, fields: &[Field]) -> Result<Decoded, DateError> {
    let mut d = Decoder::new(cx, fields, true);
    d.walk()?;
    d.partial.validate(d.seen, d.julian, d.bc)?;
    d.twelve_hours()?;
    if d.partial.fields.time_overflows() {
        return Err(DateError::FieldOverflow);
    }
    if d.seen & mask::TIME != mask::TIME {
        return Err(DateError::BadFormat);
    }
    let local = d.partial.fields;
    let dated = d.seen & mask::DATE == mask::DATE;
    let zone = match &d.named {
        Some(z) => match zone::fixed_offset(z) {
            Some(east) => Some(-east),
            None if dated => Some(zone::west_of_local(z, &local)),
            None => return Err(DateError::BadFormat),
        },
        None => None,
    };
    let today = now_fields(cx).0;
    let on_date = if dated { local } else { Fields { year: today.year, month: today.month, day: today.day, ..local } };
    let zone = zone.or_else(|| d.dynamic.as_ref().map(|(word, z)| zone::west_of_abbreviation(word, z, &on_date)));
    let any_date = d.seen & mask::DATE != 0;
    d.finish_zone(zone, || {
        if any_date && !dated { Err(DateError::BadFormat) } else { Ok(zone::west_of_local(cx.time_zone, &on_date)) }
    })
}

/// The session's local time of the transaction's start, and its zone's seconds WEST of UTC.
pub(super) fn now_fields(cx: &IoContext<'_>) -> (Fields, i32) {
    let east = zone::offset_at(cx.time_zone, cx.now);
    (timestamp_fields(cx.now + i64::from(east) * USECS_PER_SEC), -east)
}

impl<'a> Decoder<'a> {
    fn new(cx: &'a IoContext<'a>, fields: &'a [Field], time_only: bool) -> Self {
        let partial = Partial { order: cx.date_style.order, fields: Fields::default(), year_day: 0, two_digits: false };
        Self {
            cx,
            time_only,
            fields,
            partial,
            seen: 0,
            text_month: false,
            julian: false,
            bc: false,
            pm: None,
            prefix: None,
            special: None,
            west: 0,
            named: None,
            dynamic: None,
        }
    }

    fn walk(&mut self) -> Result<(), DateError> {
        let fields = self.fields;
        for (i, field) in fields.iter().enumerate() {
            let filled = match field.kind {
                Kind::Date => self.date_field(i, &field.text)?,
                Kind::Time => self.time_field(&field.text)?,
                Kind::Zone => {
                    self.west = zone_displacement(&field.text)?;
                    mask::ZONE
                }
                Kind::Number => self.number_field(i, &field.text)?,
                Kind::String | Kind::Special => match self.word(i, &field.text)? {
                    Some(filled) => filled,
                    None => continue,
                },
            };
            if filled & self.seen != 0 {
                return Err(DateError::BadFormat);
            }
            self.seen |= filled;
        }
        Ok(())
    }

    /// Fields that a run of digits may not fill any more: in a bare time, the date's.
    fn seen_for_digits(&self) -> u32 {
        if self.time_only { self.seen | mask::DATE } else { self.seen }
    }

    fn date_field(&mut self, i: usize, text: &str) -> Result<u32, DateError> {
        if self.time_only {
            let n = self.fields.len();
            if i == 0 && n >= 2 && (self.fields[n - 1].kind == Kind::Date || self.fields[1].kind == Kind::Time) {
                return self.partial.date(text, self.seen);
            }
            return self.zone_or_time_with_zone(text);
        }
        if self.prefix == Some(Prefix::Julian) {
            let (day, rest) = leading_int(text)?;
            self.set_julian(day)?;
            self.west = zone_displacement(rest)?;
            self.prefix = None;
            return Ok(mask::DATE | mask::TIME | mask::ZONE);
        }
        const MONTH_DAY: u32 = mask::MONTH | mask::DAY;
        if self.prefix.is_some() || self.seen & MONTH_DAY == MONTH_DAY {
            return self.zone_or_time_with_zone(text);
        }
        self.partial.date(text, self.seen)
    }

    /// A zone name with punctuation, or `hhmmss-zz`.
    fn zone_or_time_with_zone(&mut self, text: &str) -> Result<u32, DateError> {
        if !text.starts_with(|c: char| c.is_ascii_digit()) && (self.time_only || self.prefix.is_none()) {
            self.named = Some(zone::lookup(text).ok_or_else(|| DateError::UnknownZone(text.to_string()))?);
            return Ok(mask::ZONE);
        }
        if !self.time_only
            && let Some(prefix) = self.prefix.take()
            && prefix != Prefix::Time
        {
            return Err(DateError::BadFormat);
        }
        if self.seen & mask::TIME == mask::TIME {
            return Err(DateError::BadFormat);
        }
        let (time, zone) = text.split_at(text.find('-').ok_or(DateError::BadFormat)?);
        self.west = zone_displacement(zone)?;
        Ok(self.partial.number_field(time, self.seen_for_digits())? | mask::ZONE)
    }

    fn time_field(&mut self, text: &str) -> Result<u32, DateError> {
        if let Some(prefix) = self.prefix.take()
            && prefix != Prefix::Time
        {
            return Err(DateError::BadFormat);
        }
        let (hour, minute, second, micros) = clock(text, interval_mask::FULL_RANGE)?;
        let f = &mut self.partial.fields;
        f.hour = i32::try_from(hour).map_err(|_| DateError::FieldOverflow)?;
        (f.minute, f.second, f.micros) = (minute, second, micros);
        if !self.time_only && f.time_overflows() {
            return Err(DateError::FieldOverflow);
        }
        Ok(mask::TIME)
    }

    fn number_field(&mut self, i: usize, text: &str) -> Result<u32, DateError> {
        if let Some(prefix) = self.prefix.take() {
            return self.prefixed_number(prefix, text);
        }
        let before_point = text.find('.');
        let all_seen = self.seen_for_digits();
        if self.time_only {
            let n = self.fields.len();
            return match before_point {
                Some(_) if i == 0 && n >= 2 && self.fields[n - 1].kind == Kind::Date => self.partial.date(text, self.seen),
                Some(digits) if digits > 2 => self.partial.number_field(text, all_seen),
                Some(_) => Err(DateError::BadFormat),
                None if text.len() > 4 => self.partial.number_field(text, all_seen),
                None => self.partial.number(text, false, all_seen),
            };
        }
        match before_point {
            Some(_) if self.seen & mask::DATE == 0 => self.partial.date(text, self.seen),
            Some(digits) if digits > 2 => self.partial.number_field(text, self.seen),
            None if text.len() >= 6 && (self.seen & mask::DATE == 0 || self.seen & mask::TIME == 0) => {
                self.partial.number_field(text, self.seen)
            }
            _ => self.partial.number(text, self.text_month, self.seen),
        }
    }

    fn prefixed_number(&mut self, prefix: Prefix, text: &str) -> Result<u32, DateError> {
        let (value, rest) = leading_int(text)?;
        let whole_only = prefix != Prefix::Unit(Unit::Second) && !matches!(prefix, Prefix::Julian | Prefix::Time);
        if !rest.is_empty() && (!rest.starts_with('.') || whole_only) {
            return Err(DateError::BadFormat);
        }
        match prefix {
            Prefix::Julian => {
                self.set_julian(value)?;
                if rest.is_empty() {
                    return Ok(mask::DATE);
                }
                let time = time_fields((fraction(rest)? * USECS_PER_DAY as f64) as i64);
                let f = &mut self.partial.fields;
                (f.hour, f.minute, f.second, f.micros) = (time.hour, time.minute, time.second, time.micros);
                Ok(mask::DATE | mask::TIME)
            }
            Prefix::Time => match self.partial.number_field(text, self.seen | mask::DATE)? {
                mask::TIME => Ok(mask::TIME),
                _ => Err(DateError::BadFormat),
            },
            Prefix::Unit(unit) => self.labelled(unit, value, rest),
        }
    }

    /// A number after a unit's letter.
    fn labelled(&mut self, unit: Unit, value: i32, fraction: &str) -> Result<u32, DateError> {
        const MONTH_HOUR: u32 = mask::MONTH | mask::HOUR;
        let f = &mut self.partial.fields;
        let (field, filled) = match unit {
            Unit::Year => (&mut f.year, mask::YEAR),
            Unit::Month if self.seen & MONTH_HOUR == MONTH_HOUR => (&mut f.minute, mask::MINUTE),
            Unit::Month => (&mut f.month, mask::MONTH),
            Unit::Day => (&mut f.day, mask::DAY),
            Unit::Hour => (&mut f.hour, mask::HOUR),
            Unit::Minute => (&mut f.minute, mask::MINUTE),
            Unit::Second if fraction.is_empty() => (&mut f.second, mask::SECOND),
            Unit::Second => (&mut f.second, mask::ALL_SECONDS),
            _ => return Err(DateError::BadFormat),
        };
        *field = value;
        if !fraction.is_empty() {
            f.micros = super::number::fractional_second(fraction)?;
        }
        Ok(filled)
    }

    fn set_julian(&mut self, day: i32) -> Result<(), DateError> {
        if day < 0 {
            return Err(DateError::FieldOverflow);
        }
        let f = &mut self.partial.fields;
        (f.year, f.month, f.day) = from_julian(day);
        self.julian = true;
        Ok(())
    }

    /// Takes a word; `None` when it says nothing.
    fn word(&mut self, i: usize, text: &str) -> Result<Option<u32>, DateError> {
        match abbreviation(text) {
            Some(Abbreviation::Standard(east)) => {
                self.west = -east;
                return Ok(Some(mask::ZONE));
            }
            Some(Abbreviation::Daylight(east)) => {
                self.west = -east;
                return Ok(Some(mask::ZONE | mask::DAYLIGHT));
            }
            Some(Abbreviation::Zone(name)) => {
                let zone = zone::lookup(name).ok_or_else(|| DateError::UnknownZone(name.to_string()))?;
                self.dynamic = Some((text.to_string(), zone));
                return Ok(Some(mask::ZONE | mask::DYNAMIC_ZONE));
            }
            None => {}
        }
        let Some(word) = date_word(text) else {
            self.named = Some(zone::lookup(text).ok_or(DateError::BadFormat)?);
            return Ok(Some(mask::ZONE));
        };
        if word == Word::Ignored {
            return Ok(None);
        }
        self.known_word(i, word).map(Some)
    }

    fn known_word(&mut self, i: usize, word: Word) -> Result<u32, DateError> {
        Ok(match word {
            Word::Now if self.time_only => {
                self.set_now_time();
                mask::TIME
            }
            Word::AllBalls => {
                let f = &mut self.partial.fields;
                (f.hour, f.minute, f.second, self.west) = (0, 0, 0, 0);
                mask::TIME | mask::ZONE
            }
            Word::Dst => {
                self.west -= 3600;
                mask::DST_MODIFIER | mask::DAYLIGHT
            }
            Word::AmPm(pm) => {
                self.pm = Some(pm);
                mask::AM_PM
            }
            Word::Era(bc) => {
                self.bc = bc;
                mask::ERA
            }
            Word::Unit(unit) => {
                self.prefix = Some(if unit == Unit::Julian { Prefix::Julian } else { Prefix::Unit(unit) });
                0
            }
            Word::IsoTime => {
                let dated = self.time_only || self.seen & mask::DATE == mask::DATE;
                let followed = self.fields.get(i + 1).is_some_and(|f| matches!(f.kind, Kind::Number | Kind::Time | Kind::Date));
                if !dated || !followed {
                    return Err(DateError::BadFormat);
                }
                self.prefix = Some(Prefix::Time);
                0
            }
            _ if self.time_only => return Err(DateError::BadFormat),
            word => return self.dated_word(word),
        })
    }

    /// Words that only make sense with a date.
    fn dated_word(&mut self, word: Word) -> Result<u32, DateError> {
        const ALL: u32 = mask::DATE | mask::TIME | mask::ZONE;
        Ok(match word {
            Word::Now => {
                (self.partial.fields, self.west) = now_fields(self.cx);
                ALL
            }
            Word::Day(offset) => {
                let today = now_fields(self.cx).0;
                let f = &mut self.partial.fields;
                (f.year, f.month, f.day) = from_julian(julian(today.year, today.month, today.day) + offset);
                mask::DATE
            }
            Word::Infinity | Word::NegInfinity | Word::Epoch => {
                self.special = Some(match word {
                    Word::Infinity => Decoded::Infinity,
                    Word::NegInfinity => Decoded::NegInfinity,
                    _ => Decoded::Epoch,
                });
                ALL
            }
            Word::Month(month) => {
                let number = self.partial.fields.month;
                let mut filled = mask::MONTH;
                // A number before the month's name was the day.
                if self.seen & (mask::MONTH | mask::DAY) == mask::MONTH && !self.text_month && (1..=31).contains(&number) {
                    self.partial.fields.day = number;
                    filled = mask::DAY;
                }
                self.text_month = true;
                self.partial.fields.month = month;
                filled
            }
            Word::Weekday => mask::WEEKDAY,
            _ => return Err(DateError::BadFormat),
        })
    }

    fn set_now_time(&mut self) {
        let now = now_fields(self.cx).0;
        let f = &mut self.partial.fields;
        (f.hour, f.minute, f.second, f.micros) = (now.hour, now.minute, now.second, now.micros);
    }

    fn twelve_hours(&mut self) -> Result<(), DateError> {
        let hour = &mut self.partial.fields.hour;
        match self.pm {
            Some(_) if *hour > 12 => return Err(DateError::FieldOverflow),
            Some(false) if *hour == 12 => *hour = 0,
            Some(true) if *hour != 12 => *hour += 12,
            _ => {}
        }
        Ok(())
    }

    /// The zone once the local time is known: a named one, a written one, or the session's.
    fn finish_zone(self, named: Option<i32>, session: impl FnOnce() -> Result<i32, DateError>) -> Result<Decoded, DateError> {
        let modified = self.seen & mask::DST_MODIFIER != 0;
        let west = match named {
            Some(_) if modified => return Err(DateError::BadFormat),
            Some(west) => west,
            None if self.seen & mask::ZONE != 0 => self.west,
            None if modified => return Err(DateError::BadFormat),
            None => session()?,
        };
        Ok(Decoded::At(self.partial.fields, west))
    }
}
