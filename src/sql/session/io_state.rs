//! The settings text input and output depend on, kept ready between statements.

use super::settings::Settings;
use super::transaction::isolation_of;
use crate::kv::Durability;
use crate::sql::types::datetime::{DateFormat, DateOrder, DateStyle, IntervalStyle};
use crate::sql::types::io::{ByteaOutput, IoContext, TypeLookup};
use crate::txn::Isolation;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Parsed I/O settings, valid for one generation of the session's settings.
#[derive(Clone)]
pub struct IoState {
    generation: u64,
    date_style: DateStyle,
    interval_style: IntervalStyle,
    time_zone: TimeZone,
    extra_float_digits: i32,
    bytea_output: ByteaOutput,
    /// What every statement asks of the settings.
    pub limits: Limits,
}

/// The settings every statement and transaction looks at.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `default_transaction_isolation`
    pub isolation: Isolation,
    /// `default_transaction_read_only`
    pub read_only: bool,
    /// `synchronous_commit`: off means that a crash may lose the last commits.
    pub durability: Durability,
    /// `statement_timeout`
    pub statement_timeout: Option<Duration>,
    /// `idle_in_transaction_session_timeout`
    pub idle_in_transaction: Option<Duration>,
    /// `idle_session_timeout`
    pub idle_session: Option<Duration>,
    /// `work_mem`, in bytes.
    pub work_mem: usize,
}

impl Limits {
    fn new(settings: &Settings) -> Self {
        let time = |name: &str| match settings.int(name) {
            ms if ms > 0 => Some(Duration::from_millis(ms as u64)),
            _ => None,
        };
        Self {
            isolation: isolation_of(settings.get("default_transaction_isolation").unwrap_or("")),
            read_only: settings.bool("default_transaction_read_only"),
            durability: if settings.get("synchronous_commit") == Some("off") { Durability::Buffered } else { Durability::Sync },
            statement_timeout: time("statement_timeout"),
            idle_in_transaction: time("idle_in_transaction_session_timeout"),
            idle_session: time("idle_session_timeout"),
            work_mem: usize::try_from(settings.int("work_mem")).unwrap_or(4096) * 1024,
        }
    }
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
            generation: settings.generation(),
            date_style,
            interval_style,
            time_zone: time_zone(settings.get("TimeZone").unwrap_or("UTC")),
            extra_float_digits: settings.int("extra_float_digits") as i32,
            bytea_output: if settings.get("bytea_output") == Some("escape") { ByteaOutput::Escape } else { ByteaOutput::Hex },
            limits: Limits::new(settings),
        }
    }

    /// Whether it still says what the settings of this generation say.
    pub fn is_current(&self, generation: u64) -> bool {
        self.generation == generation
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
