//! The settings text input and output depend on, kept ready between statements.

use super::settings::Settings;
use crate::sql::types::datetime::{DateFormat, DateOrder, DateStyle, IntervalStyle};
use crate::sql::types::io::{ByteaOutput, IoContext, TypeLookup};
use jiff::tz::TimeZone;

/// Parsed I/O settings, valid for one generation of the session's settings.
#[derive(Clone)]
pub struct IoState {
    generation: u64,
    date_style: DateStyle,
    interval_style: IntervalStyle,
    time_zone: TimeZone,
    extra_float_digits: i32,
    bytea_output: ByteaOutput,
}

impl IoState {
    /// Reads the settings.
    pub fn new(settings: &Settings) -> Self {
        let date = settings.get("DateStyle").unwrap_or("ISO, MDY");
        let (style, order) = date.split_once(", ").unwrap_or((date, "MDY"));
        let date_style = DateStyle {
            format: match style {
                "SQL" => DateFormat::Sql,
                "German" => DateFormat::German,
                "Postgres" => DateFormat::Postgres,
                _ => DateFormat::Iso,
            },
            order: match order {
                "DMY" => DateOrder::Dmy,
                "YMD" => DateOrder::Ymd,
                _ => DateOrder::Mdy,
            },
        };
        let interval_style = match settings.get("IntervalStyle") {
            Some("postgres_verbose") => IntervalStyle::PostgresVerbose,
            Some("sql_standard") => IntervalStyle::SqlStandard,
            Some("iso_8601") => IntervalStyle::Iso8601,
            _ => IntervalStyle::Postgres,
        };
        Self {
            generation: settings.generation,
            date_style,
            interval_style,
            time_zone: time_zone(settings.get("TimeZone").unwrap_or("UTC")),
            extra_float_digits: settings.int("extra_float_digits") as i32,
            bytea_output: if settings.get("bytea_output") == Some("escape") { ByteaOutput::Escape } else { ByteaOutput::Hex },
        }
    }

    /// Whether it still says what the settings say.
    pub fn is_current(&self, settings: &Settings) -> bool {
        self.generation == settings.generation
    }

    /// A context for one statement. `now`: transaction start in microseconds since 2000-01-01 UTC.
    pub fn context<'a>(&'a self, now: i64, types: &'a dyn TypeLookup) -> IoContext<'a> {
        IoContext {
            date_style: self.date_style,
            interval_style: self.interval_style,
            time_zone: &self.time_zone,
            extra_float_digits: self.extra_float_digits,
            bytea_output: self.bytea_output,
            now,
            types,
        }
    }
}

/// The zone a validated TimeZone setting names: an IANA name, a POSIX specification, or `<+02>-02`.
pub fn time_zone(name: &str) -> TimeZone {
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("gmt") {
        return TimeZone::UTC;
    }
    crate::sql::types::datetime::zone::lookup(name).unwrap_or(TimeZone::UTC)
}
