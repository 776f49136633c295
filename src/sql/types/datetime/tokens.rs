//! The words dates and intervals are written with (PostgreSQL's `datetktbl` and `deltatktbl`).

/// A unit of time, as input, `extract` and `date_trunc` name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the units' own")]
pub enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Julian,
    Dow,
    Doy,
    IsoDow,
    IsoYear,
    Epoch,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

/// What a word in a date means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// `infinity`
    Infinity,
    /// `-infinity`
    NegInfinity,
    /// `epoch`
    Epoch,
    /// `now`
    Now,
    /// `today`, `tomorrow`, `yesterday`: days from today
    Day(i32),
    /// `allballs`: midnight UTC
    AllBalls,
    /// Month 1..=12
    Month(i32),
    /// Day of the week, ignored
    Weekday,
    /// `ad`, `bc` (true)
    Era(bool),
    /// `am`, `pm` (true)
    AmPm(bool),
    /// `dst`
    Dst,
    /// A label for the next field, or a unit of `extract`
    Unit(Unit),
    /// `t`: the next field is an ISO time
    IsoTime,
    /// `at`, `on`
    Ignored,
}

/// Words are told apart by their first ten bytes.
const SIGNIFICANT: usize = 10;

fn significant(word: &str) -> &str {
    word.get(..SIGNIFICANT).unwrap_or(word)
}

/// Looks up a lower-case word of a date.
pub fn date_word(word: &str) -> Option<Word> {
    Some(match significant(word) {
        "-infinity" => Word::NegInfinity,
        "ad" => Word::Era(false),
        "allballs" => Word::AllBalls,
        "am" => Word::AmPm(false),
        "apr" | "april" => Word::Month(4),
        "at" | "on" => Word::Ignored,
        "aug" | "august" => Word::Month(8),
        "bc" => Word::Era(true),
        "d" => Word::Unit(Unit::Day),
        "dec" | "december" => Word::Month(12),
        "dow" => Word::Unit(Unit::Dow),
        "doy" => Word::Unit(Unit::Doy),
        "dst" => Word::Dst,
        "epoch" => Word::Epoch,
        "feb" | "february" => Word::Month(2),
        "h" => Word::Unit(Unit::Hour),
        "infinity" => Word::Infinity,
        "isodow" => Word::Unit(Unit::IsoDow),
        "isoyear" => Word::Unit(Unit::IsoYear),
        "j" | "jd" | "julian" => Word::Unit(Unit::Julian),
        "jan" | "january" => Word::Month(1),
        "jul" | "july" => Word::Month(7),
        "jun" | "june" => Word::Month(6),
        "m" => Word::Unit(Unit::Month),
        "mar" | "march" => Word::Month(3),
        "may" => Word::Month(5),
        "mm" => Word::Unit(Unit::Minute),
        "nov" | "november" => Word::Month(11),
        "now" => Word::Now,
        "oct" | "october" => Word::Month(10),
        "pm" => Word::AmPm(true),
        "s" => Word::Unit(Unit::Second),
        "sep" | "sept" | "september" => Word::Month(9),
        "sun" | "sunday" | "mon" | "monday" | "tue" | "tues" | "tuesday" | "wed" | "weds" | "wednesday" | "thu" | "thur"
        | "thurs" | "thursday" | "fri" | "friday" | "sat" | "saturday" => Word::Weekday,
        "t" => Word::IsoTime,
        "today" => Word::Day(0),
        "tomorrow" => Word::Day(1),
        "y" => Word::Unit(Unit::Year),
        "yesterday" => Word::Day(-1),
        _ => return None,
    })
}

/// What a word in an interval means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaWord {
    /// A unit
    Unit(Unit),
    /// `ago`
    Ago,
    /// `@`
    Ignored,
}

/// Looks up a lower-case word of an interval.
pub fn delta_word(word: &str) -> Option<DeltaWord> {
    let unit = match significant(word) {
        "@" => return Some(DeltaWord::Ignored),
        "ago" => return Some(DeltaWord::Ago),
        "c" | "cent" | "centuries" | "century" => Unit::Century,
        "d" | "day" | "days" => Unit::Day,
        "dec" | "decade" | "decades" | "decs" => Unit::Decade,
        "h" | "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "microsecon" | "us" | "usec" | "usecs" | "useconds" => Unit::Microsecond,
        "mil" | "mils" | "millennia" | "millennium" => Unit::Millennium,
        "millisecon" | "ms" | "msec" | "msecs" | "mseconds" => Unit::Millisecond,
        "mon" | "mons" | "month" | "months" => Unit::Month,
        "qtr" | "quarter" => Unit::Quarter,
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "timezone" => Unit::Timezone,
        "timezone_h" => Unit::TimezoneHour,
        "timezone_m" => Unit::TimezoneMinute,
        "w" | "week" | "weeks" => Unit::Week,
        "y" | "year" | "years" | "yr" | "yrs" => Unit::Year,
        _ => return None,
    };
    Some(DeltaWord::Unit(unit))
}

/// The unit `extract` or `date_trunc` is asked for, in any case.
pub fn unit(name: &str) -> Option<Unit> {
    let lower = name.to_ascii_lowercase();
    match (delta_word(&lower), date_word(&lower)) {
        (Some(DeltaWord::Unit(unit)), _) | (None, Some(Word::Unit(unit))) => Some(unit),
        (None, Some(Word::Epoch)) => Some(Unit::Epoch),
        _ => None,
    }
}
