//! Reading a date through a template, as PostgreSQL's `DCH_from_char` and `do_to_timestamp` do.

use super::dates::{DAYS, Field, Key, MONTHS, Mode, ROMAN};
use super::template::{Affixes, Node};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::datetime as dt;
use crate::sql::types::datetime::calendar::{self, Fields};
use crate::sql::types::io::is_space;
use jiff::tz::TimeZone;

/// What was read.
pub struct Read {
    /// Date and time; the year defaults to 0, month and day to 1.
    pub fields: Fields,
    /// Seconds west of UTC where the template had a zone.
    pub west: Option<i32>,
    /// Fractional digits where the template had `FF1` to `FF6`.
    pub precision: Option<i32>,
    /// Whether the template used up the text.
    pub rest_is_empty: bool,
}

/// to_timestamp(text, text). Errors: 22007, 22008.
pub fn to_timestamp(s: &str, template: &[Node<Key>], time_zone: &TimeZone) -> Result<i64> {
    let read = read(s, template)?;
    let west = read.west.unwrap_or_else(|| dt::zone::west_of_local(time_zone, &read.fields));
    let ts = read.fields.timestamp_tz(west).ok_or_else(calendar::timestamp_out_of_range)?;
    match read.precision {
        Some(precision) => calendar::apply_timestamp_typmod(ts, precision),
        None => Ok(ts),
    }
}

/// Fields as found; 0 means not given.
#[derive(Default)]
struct Found {
    mode: Option<Mode>,
    hh: i32,
    pm: i32,
    clock12: bool,
    mi: i32,
    ss: i32,
    ssss: i32,
    d: i32,
    dd: i32,
    ddd: i32,
    mm: i32,
    ms: i32,
    year: i32,
    year_size: u8,
    bc: i32,
    ww: i32,
    w: i32,
    cc: i32,
    j: i32,
    us: i32,
    ff: i32,
    zone_sign: i32,
    zone_hour: i32,
    zone_minute: i32,
}

#[cold]
fn invalid(message: String) -> SqlError {
    SqlError::new(SqlState::INVALID_DATETIME_FORMAT, message)
}

struct Scanner<'s> {
    rest: &'s str,
    exact: bool,
    extra_skip: i32,
    last_skipped: Option<char>,
    found: Found,
}

fn spaces(s: &str) -> usize {
    s.bytes().take_while(|b| is_space(*b)).count()
}

/// Reads all fields a template asks for.
pub fn read(s: &str, template: &[Node<Key>]) -> Result<Read> {
    let mut scanner = Scanner { rest: s, exact: false, extra_skip: 0, last_skipped: None, found: Found::default() };
    for (i, node) in template.iter().enumerate() {
        if scanner.rest.is_empty() {
            break;
        }
        if !scanner.exact && (i == 0 || matches!(node, Node::Pattern(..))) {
            scanner.skip_spaces();
        }
        match node {
            Node::Pattern(key, affixes) => {
                let separated = affixes.ordinal() || followed_by_separator(&template[i + 1..]);
                scanner.pattern(*key, *affixes, separated)?;
                if !scanner.exact {
                    scanner.extra_skip = 0;
                    scanner.skip_spaces();
                }
            }
            Node::Space(_) | Node::Separator(_) => scanner.separator(),
            Node::Literal(_) => scanner.literal(),
        }
    }
    let rest_is_empty = scanner.rest.trim().is_empty();
    Ok(Read { rest_is_empty, ..finish(s, scanner.found)? })
}

/// Whether a number may take all digits there are, because no digit follows it in the template.
fn followed_by_separator(rest: &[Node<Key>]) -> bool {
    match rest.first() {
        Some(Node::Pattern(key, _)) => !key.is_digit,
        Some(Node::Literal(c) | Node::Separator(c) | Node::Space(c)) => !c.is_ascii_digit(),
        None => true,
    }
}

impl<'s> Scanner<'s> {
    fn skip_spaces(&mut self) {
        let n = spaces(self.rest);
        self.advance(n);
        self.extra_skip += n as i32;
    }

    fn advance(&mut self, bytes: usize) {
        if bytes > 0 {
            self.last_skipped = self.rest[..bytes].chars().next_back();
            self.rest = &self.rest[bytes..];
        }
    }

    fn one(&mut self) {
        let n = self.rest.chars().next().map_or(0, char::len_utf8);
        self.advance(n);
    }

    fn separator(&mut self) {
        if self.exact {
            self.one();
            return;
        }
        self.extra_skip -= 1;
        let matches = self.rest.bytes().next().is_some_and(|b| is_space(b) || b.is_ascii_punctuation());
        if matches {
            self.one();
            self.extra_skip += 1;
        }
    }

    fn literal(&mut self) {
        if !self.exact && self.extra_skip > 0 {
            self.extra_skip -= 1;
        } else {
            self.one();
        }
    }

    fn skip_ordinal(&mut self, affixes: Affixes) {
        if affixes.ordinal() {
            let n = self.rest.chars().take(2).map(char::len_utf8).sum();
            self.advance(n);
        }
    }

    /// An integer of at most `len` digits, or of any length when nothing numeric follows. Also how many characters it took.
    fn int(&mut self, key: Key, affixes: Affixes, separated: bool, len: usize) -> Result<(i32, usize)> {
        let before = self.rest;
        let lead = spaces(self.rest);
        self.advance(lead);
        let copy: String = self.rest.chars().take(len).collect();
        let (value, used) = if affixes.fill_mode || separated {
            strtol(self.rest)
        } else {
            if self.rest.len() < len {
                return Err(invalid(format!("source string too short for \"{}\" formatting field", key.name))
                    .detail(format!("Field requires {len} characters, but only {} remain.", self.rest.len()))
                    .hint("If your source string is not fixed-width, try using the \"FM\" modifier."));
            }
            let (value, used) = strtol(&copy);
            if used > 0 && used < len {
                return Err(invalid(format!("invalid value \"{copy}\" for \"{}\"", key.name))
                    .detail(format!("Field requires {len} characters, but only {used} could be parsed."))
                    .hint("If your source string is not fixed-width, try using the \"FM\" modifier."));
            }
            (value, used)
        };
        self.advance(used);
        if self.rest.len() == before.len() || used == 0 {
            return Err(invalid(format!("invalid value \"{copy}\" for \"{}\"", key.name)).detail("Value must be an integer."));
        }
        let Some(value) = value.and_then(|v| i32::try_from(v).ok()) else {
            return Err(err!(SqlState::DATETIME_FIELD_OVERFLOW, "value for \"{}\" in source string is out of range", key.name)
                .detail(format!("Value must be in the range {} to {}.", i32::MIN, i32::MAX)));
        };
        Ok((value, before.len() - self.rest.len()))
    }

    /// The index of the name the rest begins with.
    fn word(&mut self, key: Key, names: &[&str]) -> Result<usize> {
        for (i, name) in names.iter().enumerate() {
            if self.rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
                self.advance(name.len());
                return Ok(i);
            }
        }
        let shown = self.rest.split(|c: char| c.is_ascii() && is_space(c as u8)).next().unwrap_or_default();
        Err(invalid(format!("invalid value \"{shown}\" for \"{}\"", key.name))
            .detail("The given value did not match any of the allowed values for this field."))
    }

    fn pattern(&mut self, key: Key, affixes: Affixes, separated: bool) -> Result<()> {
        if key.mode != Mode::None {
            match self.found.mode {
                None => self.found.mode = Some(key.mode),
                Some(mode) if mode != key.mode => {
                    return Err(invalid("invalid combination of date conventions".into())
                        .hint("Do not mix Gregorian and ISO week date conventions in a formatting template."));
                }
                Some(_) => {}
            }
        }
        match key.field {
            Field::Exact => self.exact = true,
            Field::Zone(_) | Field::Offset => {
                return Err(err!(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "formatting field \"{}\" is only supported in to_char",
                    key.name
                ));
            }
            Field::Am(_) | Field::AmDots(_) | Field::Ad(_) | Field::AdDots(_) => self.era_or_half(key)?,
            Field::Month(_) | Field::ShortMonth(_) | Field::RomanMonth(_) | Field::Day(_) | Field::ShortDay(_) => self.name(key)?,
            Field::ZoneHour => self.zone_hour(key, affixes, separated)?,
            Field::YearWithComma => self.year_with_comma(key)?,
            _ => {
                self.numeric(key, affixes, separated)?;
                self.skip_ordinal(affixes);
            }
        }
        Ok(())
    }

    fn era_or_half(&mut self, key: Key) -> Result<()> {
        match key.field {
            Field::Am(_) | Field::AmDots(_) => {
                let names = if matches!(key.field, Field::Am(_)) { ["AM", "PM"] } else { ["A.M.", "P.M."] };
                let value = self.word(key, &names)? as i32;
                set(&mut self.found.pm, value, key)?;
                self.found.clock12 = true;
            }
            _ => {
                let names = if matches!(key.field, Field::Ad(_)) { ["AD", "BC"] } else { ["A.D.", "B.C."] };
                let value = self.word(key, &names)? as i32;
                set(&mut self.found.bc, value, key)?;
            }
        }
        Ok(())
    }

    fn name(&mut self, key: Key) -> Result<()> {
        match key.field {
            Field::Month(_) => {
                let i = self.word(key, &MONTHS)?;
                set(&mut self.found.mm, i as i32 + 1, key)
            }
            Field::ShortMonth(_) => {
                let i = self.word(key, &dt::MONTHS)?;
                set(&mut self.found.mm, i as i32 + 1, key)
            }
            Field::RomanMonth(_) => {
                let i = self.word(key, &ROMAN)?;
                set(&mut self.found.mm, 12 - i as i32, key)
            }
            Field::Day(_) => {
                let i = self.word(key, &DAYS)?;
                set(&mut self.found.d, i as i32 + 1, key)
            }
            _ => {
                let i = self.word(key, &dt::DAYS)?;
                set(&mut self.found.d, i as i32 + 1, key)
            }
        }
    }

    fn zone_hour(&mut self, key: Key, affixes: Affixes, separated: bool) -> Result<()> {
        self.found.zone_sign = match self.rest.as_bytes().first() {
            Some(sign @ (b'+' | b'-' | b' ')) => {
                let negative = *sign == b'-';
                self.advance(1);
                if negative { -1 } else { 1 }
            }
            // The minus may have been taken for a separator.
            _ if self.extra_skip > 0 && self.last_skipped == Some('-') => -1,
            _ => 1,
        };
        let (value, _) = self.int(key, affixes, separated, 2)?;
        set(&mut self.found.zone_hour, value, key)
    }

    fn year_with_comma(&mut self, key: Key) -> Result<()> {
        let refuse = || invalid("invalid input string for \"Y,YYY\"".into());
        let (Some(thousands), used) = strtol(self.rest) else { return Err(refuse()) };
        let tail = self.rest.get(used..).and_then(|t| t.strip_prefix(',')).filter(|_| used > 0).ok_or_else(refuse)?;
        let digits = tail.bytes().take(3).take_while(u8::is_ascii_digit).count();
        let years: i64 = tail[..digits].parse().map_err(|_| refuse())?;
        self.advance(used + 1 + digits);
        self.found.year_size = 4;
        set(&mut self.found.year, (thousands * 1000 + years) as i32, key)
    }

    fn numeric(&mut self, key: Key, affixes: Affixes, separated: bool) -> Result<()> {
        let len = match key.field {
            Field::Hour12 | Field::Hour24 | Field::ZoneMinute => 2,
            Field::Millisecond | Field::IsoDayOfYear => 3,
            Field::Microsecond => 6,
            Field::Fraction(digits) => digits.into(),
            Field::IsoDayOfWeek => 1,
            _ => key.name.len(),
        };
        let (value, used) = self.int(key, affixes, separated, len)?;
        let found = &mut self.found;
        match key.field {
            Field::Hour12 => {
                found.clock12 = true;
                set(&mut found.hh, value, key)
            }
            Field::Hour24 => set(&mut found.hh, value, key),
            Field::Minute => set(&mut found.mi, value, key),
            Field::Second => set(&mut found.ss, value, key),
            Field::SecondOfDay => set(&mut found.ssss, value, key),
            Field::Millisecond => set(&mut found.ms, value.saturating_mul(10i32.pow(3u32.saturating_sub(used as u32))), key),
            Field::Microsecond | Field::Fraction(_) => {
                if let Field::Fraction(digits) = key.field {
                    found.ff = digits.into();
                }
                set(&mut found.us, value.saturating_mul(10i32.pow(6u32.saturating_sub(used as u32))), key)
            }
            Field::ZoneMinute => {
                if found.zone_sign == 0 {
                    found.zone_sign = 1;
                }
                set(&mut found.zone_minute, value, key)
            }
            Field::MonthNumber => set(&mut found.mm, value, key),
            Field::DayOfYear | Field::IsoDayOfYear => set(&mut found.ddd, value, key),
            Field::DayOfMonth => set(&mut found.dd, value, key),
            Field::DayOfWeek => set(&mut found.d, value, key),
            Field::IsoDayOfWeek => set(&mut found.d, if value + 1 > 7 { 1 } else { value + 1 }, key),
            Field::WeekOfYear | Field::IsoWeek => set(&mut found.ww, value, key),
            Field::WeekOfMonth => set(&mut found.w, value, key),
            Field::Century => set(&mut found.cc, value, key),
            Field::Julian => set(&mut found.j, value, key),
            Field::Year(size) | Field::IsoYear(size) => {
                found.year_size = size;
                let year = if size < 4 && used < 4 { near_2020(value) } else { value };
                set(&mut found.year, year, key)
            }
            _ => Ok(()),
        }
    }
}

fn set(field: &mut i32, value: i32, key: Key) -> Result<()> {
    if *field != 0 && *field != value {
        return Err(invalid(format!("conflicting values for \"{}\" field in formatting string", key.name))
            .detail("This value contradicts a previous setting for the same field type."));
    }
    *field = value;
    Ok(())
}

/// C's strtol: the value (`None` when it overflows) and how many bytes it took.
fn strtol(s: &str) -> (Option<i64>, usize) {
    let lead = spaces(s);
    let sign = usize::from(matches!(s.as_bytes().get(lead), Some(b'+' | b'-')));
    let digits = s[lead + sign..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return (Some(0), 0);
    }
    let end = lead + sign + digits;
    (s[lead..end].trim_start_matches('+').parse().ok(), end)
}

fn near_2020(year: i32) -> i32 {
    match year {
        ..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

fn field_overflow(s: &str) -> SqlError {
    err!(SqlState::DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"{s}\"")
}

/// Turns what was found into a date and time.
fn finish(s: &str, found: Found) -> Result<Read> {
    let mut fields = Fields { year: 0, month: 1, day: 1, ..Fields::default() };
    clock(&found, &mut fields)?;
    let (has_year, has_month, has_day) = date(&found, &mut fields)?;
    fields.micros = found.ms.saturating_mul(1000).saturating_add(found.us);
    let whole = has_year && has_month && has_day;
    let bad_date = (has_month && !(1..=12).contains(&fields.month))
        || (has_day && !(1..=31).contains(&fields.day))
        || (whole && fields.day > calendar::month_days(fields.year, fields.month));
    let bad_time = !(0..24).contains(&fields.hour)
        || !(0..60).contains(&fields.minute)
        || !(0..60).contains(&fields.second)
        || !(0..1_000_000).contains(&fields.micros);
    if bad_date || bad_time {
        return Err(field_overflow(s));
    }
    let west = if found.zone_sign == 0 {
        None
    } else {
        if !(0..=15).contains(&found.zone_hour) || !(0..60).contains(&found.zone_minute) {
            return Err(field_overflow(s));
        }
        Some(-found.zone_sign * (found.zone_hour * 3600 + found.zone_minute * 60))
    };
    Ok(Read { fields, west, precision: (found.ff > 0).then_some(found.ff), rest_is_empty: true })
}

fn clock(found: &Found, fields: &mut Fields) -> Result<()> {
    if found.ssss != 0 {
        fields.hour = found.ssss / 3600;
        fields.minute = found.ssss % 3600 / 60;
        fields.second = found.ssss % 60;
    }
    for (value, field) in [(found.ss, &mut fields.second), (found.mi, &mut fields.minute), (found.hh, &mut fields.hour)] {
        if value != 0 {
            *field = value;
        }
    }
    if found.clock12 {
        if !(1..=12).contains(&fields.hour) {
            return Err(invalid(format!("hour \"{}\" is invalid for the 12-hour clock", fields.hour))
                .hint("Use the 24-hour clock, or give an hour between 1 and 12."));
        }
        if found.pm != 0 && fields.hour < 12 {
            fields.hour += 12;
        } else if found.pm == 0 && fields.hour == 12 {
            fields.hour = 0;
        }
    }
    Ok(())
}

/// The year of a century and its own last digits, eras considered.
fn year(found: &Found) -> Option<i32> {
    let signed_century = if found.bc != 0 { -found.cc } else { found.cc };
    if found.year != 0 && found.cc != 0 && found.year_size <= 2 {
        let short = found.year % 100;
        return Some(match (short, signed_century >= 0) {
            (0, true) => signed_century * 100,
            (0, false) => signed_century * 100 + 1,
            (short, true) => short + (signed_century - 1) * 100,
            (short, false) => (signed_century + 1) * 100 - short + 1,
        });
    }
    if found.year != 0 {
        let year = if found.bc != 0 { -found.year } else { found.year };
        return Some(if year < 0 { year + 1 } else { year });
    }
    if found.cc == 0 {
        return None;
    }
    Some(if signed_century >= 0 { (signed_century - 1) * 100 + 1 } else { signed_century * 100 + 1 })
}

/// Sets the date; says which of year, month and day were given.
fn date(found: &Found, fields: &mut Fields) -> Result<(bool, bool, bool)> {
    let iso = found.mode == Some(Mode::IsoWeek);
    let (mut has_year, mut has_month, mut has_day) = (false, false, false);
    if let Some(year) = year(found) {
        (fields.year, has_year) = (year, true);
    }
    if found.j != 0 {
        (fields.year, fields.month, fields.day) = calendar::from_julian(found.j);
        (has_year, has_month, has_day) = (true, true, true);
    }
    let mut ddd = found.ddd;
    if found.ww != 0 && iso {
        let (y, m, d) = dt::iso_week_start(fields.year, found.ww);
        // Days count from Sunday = 1; the week begins on Monday.
        let after_monday = match found.d {
            0 => 0,
            1 => 6,
            d => d - 2,
        };
        (fields.year, fields.month, fields.day) = calendar::from_julian(calendar::julian(y, m, d) + after_monday);
        (has_year, has_month, has_day) = (true, true, true);
    } else if found.ww != 0 {
        ddd = (found.ww - 1) * 7 + 1;
    }
    let dd = if found.w != 0 { (found.w - 1) * 7 + 1 } else { found.dd };
    if dd != 0 {
        (fields.day, has_day) = (dd, true);
    }
    if found.mm != 0 {
        (fields.month, has_month) = (found.mm, true);
    }
    if ddd != 0 && (fields.month <= 1 || fields.day <= 1) {
        if fields.year == 0 && found.bc == 0 {
            return Err(invalid("cannot calculate day of year without year information".into()));
        }
        if iso {
            let (y, m, d) = dt::iso_week_start(fields.year, 1);
            (fields.year, fields.month, fields.day) = calendar::from_julian(calendar::julian(y, m, d) - 1 + ddd);
            has_year = true;
        } else {
            day_of_year(ddd, fields);
        }
        (has_month, has_day) = (true, true);
    }
    Ok((has_year, has_month, has_day))
}

fn day_of_year(ddd: i32, fields: &mut Fields) {
    let (mut month, mut before) = (1, 0);
    while month <= 12 && ddd > before + calendar::month_days(fields.year, month) {
        before += calendar::month_days(fields.year, month);
        month += 1;
    }
    if fields.month <= 1 {
        fields.month = month;
    }
    if fields.day <= 1 {
        fields.day = ddd - before;
    }
}

#[cfg(test)]
mod tests {
    use super::super::dates::parse;
    use super::*;

    fn shown(s: &str, template: &str) -> String {
        match read(s, &parse(template)) {
            Ok(r) => {
                let f = r.fields;
                format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", f.year, f.month, f.day, f.hour, f.minute, f.second, f.micros)
            }
            Err(e) => e.message().to_owned(),
        }
    }

    #[test]
    fn dates_from_text() {
        let cases = [
            ("0097/Feb/16 --> 08:14:30", "YYYY/Mon/DD --> HH:MI:SS", "0097-02-16 08:14:30.000000"),
            ("97/2/16 8:14:30", "FMYYYY/FMMM/FMDD FMHH:FMMI:FMSS", "0097-02-16 08:14:30.000000"),
            ("2011$03!18 23_38_15", "YYYY-MM-DD HH24:MI:SS", "2011-03-18 23:38:15.000000"),
            ("1985 January 12", "YYYY FMMonth DD", "1985-01-12 00:00:00.000000"),
            ("20000-1116", "YYYY-MMDD", "20000-11-16 00:00:00.000000"),
            ("95-1116", "YY-MMDD", "1995-11-16 00:00:00.000000"),
            ("2005-52-7", "IYYY-IW-ID", "2006-01-01 00:00:00.000000"),
            ("2005 364", "YYYY DDD", "2005-12-30 00:00:00.000000"),
            ("2454833", "J", "2009-01-01 00:00:00.000000"),
            ("44-02-01 11:12:13 BC", "YYYY-MM-DD HH24:MI:SS BC", "-043-02-01 11:12:13.000000"),
            (
                "15 \"text between quote marks\" 98 54 45",
                "HH24 \"\\\"text between quote marks\\\"\" YY MI SS",
                "1998-01-01 15:54:45.000000",
            ),
            ("2011-12-18 11:38 PM", "YYYY-MM-DD HH12:MI PM", "2011-12-18 23:38:00.000000"),
            ("2016-02-30", "YYYY-MM-DD", "date/time field value out of range: \"2016-02-30\""),
            ("199711xy", "YYYYMMDD", "invalid value \"xy\" for \"DD\""),
            ("1997 Foo", "YYYY Mon", "invalid value \"Foo\" for \"Mon\""),
            ("2005-13", "YYYY-IW", "invalid combination of date conventions"),
            ("20", "HH12", "hour \"20\" is invalid for the 12-hour clock"),
        ];
        for (s, template, want) in cases {
            assert_eq!(shown(s, template), want, "'{s}' with '{template}'");
        }
    }
}
