//! Time zones: names to zones, offsets at an instant, and offsets of local times.
//!
//! The tz database knows years up to 9999 here; later years use the rules of the same year in the 400-year cycle, which has the
//! same weekdays and leap years.

use super::abbrevs::{Abbreviation, abbreviation};
use super::calendar::{Fields, UNIX_TO_2000, USECS_PER_SEC};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, civil};

/// Seconds in 400 years.
const CYCLE: i64 = 146_097 * 86_400;

/// What a zone has at an instant.
#[derive(Clone, Debug)]
pub struct Local {
    /// Seconds east of UTC.
    pub east: i32,
    /// The abbreviation in use, e.g. `EST` or `+03`.
    pub abbreviation: String,
    /// Whether daylight saving time.
    pub dst: bool,
}

/// The zone a name stands for: a tz database name in any case, or a POSIX specification such as `EST5EDT` or `<+03>-3`.
pub fn lookup(name: &str) -> Option<TimeZone> {
    if name.is_empty() || name.len() > 255 {
        return None;
    }
    if name.bytes().all(|b| b.is_ascii_alphabetic()) && matches!(name.to_ascii_uppercase().as_str(), "UTC" | "GMT" | "UCT" | "ZULU")
    {
        return if name.eq_ignore_ascii_case("utc") { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() };
    }
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    if !name.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    // POSIX abbreviations keep their case in output; a daylight name without rules uses the United States'.
    let upper = name.to_ascii_uppercase();
    let zone = TimeZone::posix(&upper).or_else(|_| TimeZone::posix(&format!("{upper},M3.2.0,M11.1.0"))).ok();
    zone.or_else(|| fixed(posix_west(&upper)?))
}

/// Seconds west of UTC of a POSIX specification without daylight saving whose name is empty or quoted: `-03`, `<+05:30>-05:30`.
fn posix_west(spec: &str) -> Option<i32> {
    let offset = match spec.strip_prefix('<') {
        Some(quoted) => quoted.split_once('>')?.1,
        None => spec,
    };
    let (sign, digits) = match offset.as_bytes().first()? {
        b'-' => (-1, &offset[1..]),
        b'+' => (1, &offset[1..]),
        _ => (1, offset),
    };
    let mut west = 0;
    for (n, part) in digits.split(':').enumerate() {
        let limit = *[167, 59, 59].get(n)?;
        let number: i32 = part.parse().ok().filter(|v| (0..=limit).contains(v) && part.as_bytes()[0].is_ascii_digit())?;
        west += number * [3600, 60, 1][n];
    }
    Some(sign * west)
}

/// A zone at a fixed offset, seconds west of UTC.
pub fn fixed(west: i32) -> Option<TimeZone> {
    jiff::tz::Offset::from_seconds(-west).ok().map(TimeZone::fixed)
}

/// Moves an instant (seconds since 1970) into the years the tz database answers for.
fn instant(ts: i64) -> Timestamp {
    let mut seconds = ts.div_euclid(USECS_PER_SEC) + UNIX_TO_2000;
    if seconds > 253_402_200_000 {
        seconds -= ((seconds - 253_402_200_000) / CYCLE + 1) * CYCLE;
    }
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Seconds east of UTC at a timestamptz.
pub fn offset_at(zone: &TimeZone, ts: i64) -> i32 {
    if *zone == TimeZone::UTC {
        return 0;
    }
    zone.to_offset(instant(ts)).seconds()
}

/// Offset, abbreviation and daylight saving at a timestamptz.
pub fn local_at(zone: &TimeZone, ts: i64) -> Local {
    if *zone == TimeZone::UTC {
        return Local { east: 0, abbreviation: "UTC".into(), dst: false };
    }
    let found = zone.to_offset_info(instant(ts));
    Local { east: found.offset().seconds(), abbreviation: found.abbreviation().to_string(), dst: found.dst().is_dst() }
}

/// Seconds WEST of UTC of a local time. A time skipped by a change takes the offset before it, a repeated one that after it.
pub fn west_of_local(zone: &TimeZone, local: &Fields) -> i32 {
    if *zone == TimeZone::UTC {
        return 0;
    }
    let year = if local.year > 9998 { 9600 + (local.year - 9600) % 400 - 400 } else { local.year };
    let (hour, minute, second) = match local.hour {
        0..=23 => (local.hour as i8, local.minute.clamp(0, 59) as i8, local.second.clamp(0, 59) as i8),
        _ => (23, 59, 59),
    };
    let Ok(time) = civil::DateTime::new(year as i16, local.month as i8, local.day as i8, hour, minute, second, 0) else { return 0 };
    let offset = match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } => before,
        AmbiguousOffset::Fold { after, .. } => after,
    };
    -offset.seconds()
}

/// Seconds WEST of UTC an abbreviation stands for at a local time.
pub fn west_of_abbreviation(word: &str, zone: &TimeZone, local: &Fields) -> i32 {
    let west = west_of_local(zone, local);
    let Some(ts) = local.timestamp_tz(west) else { return west };
    let at = instant(ts);
    if zone.to_offset_info(at).abbreviation().eq_ignore_ascii_case(word) {
        return west;
    }
    let mut earlier = zone.preceding(at).filter(|t| t.abbreviation().eq_ignore_ascii_case(word));
    if let Some(found) = earlier.next() {
        return -found.offset().seconds();
    }
    let mut later = zone.following(at).take(400).filter(|t| t.abbreviation().eq_ignore_ascii_case(word));
    later.next().map_or(west, |found| -found.offset().seconds())
}

/// Whether a zone never changes its offset; that offset in seconds east.
pub fn fixed_offset(zone: &TimeZone) -> Option<i32> {
    if let Ok(offset) = zone.to_fixed_offset() {
        return Some(offset.seconds());
    }
    let end = Timestamp::from_second(253_000_000_000).unwrap_or(Timestamp::UNIX_EPOCH);
    let current = zone.to_offset(end);
    zone.preceding(end).all(|t| t.offset() == current).then(|| current.seconds())
}

/// What the `zone` argument of `AT TIME ZONE` names: an abbreviation, or a zone.
pub enum Named {
    /// A fixed offset, seconds WEST of UTC.
    Fixed(i32),
    /// An abbreviation with a history in this zone.
    Dynamic(String, TimeZone),
    /// A zone.
    Zone(TimeZone),
}

/// Resolves a zone name as `AT TIME ZONE` does: abbreviations first.
pub fn resolve(name: &str) -> Option<Named> {
    let lower = name.to_ascii_lowercase();
    match abbreviation(&lower) {
        Some(Abbreviation::Standard(east) | Abbreviation::Daylight(east)) => Some(Named::Fixed(-east)),
        Some(Abbreviation::Zone(zone)) => Some(Named::Dynamic(lower, lookup(zone)?)),
        None => lookup(name).map(Named::Zone),
    }
}

impl Named {
    /// Seconds WEST of UTC at a local time.
    pub fn west_of_local(&self, local: &Fields) -> i32 {
        match self {
            Self::Fixed(west) => *west,
            Self::Dynamic(word, zone) => west_of_abbreviation(word, zone, local),
            Self::Zone(zone) => west_of_local(zone, local),
        }
    }

    /// Seconds WEST of UTC at an instant.
    pub fn west_at(&self, ts: i64) -> i32 {
        match self {
            Self::Fixed(west) => *west,
            Self::Dynamic(word, zone) => {
                let local = super::calendar::timestamp_fields(ts.saturating_add(i64::from(offset_at(zone, ts)) * USECS_PER_SEC));
                west_of_abbreviation(word, zone, &local)
            }
            Self::Zone(zone) => -offset_at(zone, ts),
        }
    }
}
