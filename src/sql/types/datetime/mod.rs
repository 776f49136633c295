//! Dates, times and intervals.
//!
//! Values are PostgreSQL's: days or microseconds since 2000-01-01, `MIN`/`MAX` for the infinities; zones are seconds WEST of UTC
//! where a value stores one. Text is cut into fields (`lex`), fields are given meaning (`decode`, `number`, with the words of
//! `tokens` and `abbrevs`), and the result becomes a value (`input`, `interval_in`).

mod abbrevs;
mod arith;
mod binary;
pub mod calendar;
mod convert;
mod decode;
mod extract;
mod input;
mod interval_in;
mod interval_out;
mod lex;
mod make;
mod mask;
mod number;
mod output;
mod tokens;
mod trunc;
pub mod zone;

#[cfg(test)]
mod tests;

pub use abbrevs::{Abbreviation, TABLE as ABBREVIATIONS};
pub use arith::{
    age, date_add, date_bin, date_diff, date_sub, interval_out_of_range, overlaps, time_add, timestamp_add, timestamp_diff,
    timestamp_sub, timestamptz_add, timestamptz_sub,
};
pub use binary::*;
pub use convert::*;
pub use extract::{
    extract_date, extract_interval, extract_time, extract_timestamp, extract_timestamptz, extract_timetz, iso_week, iso_week_start,
};
use input::DateError;
pub use input::{parse_date, parse_time, parse_timestamp, parse_timestamptz, parse_timetz};
pub use interval_in::{apply_interval_typmod, parse_interval};
pub use interval_out::write_interval;
pub use make::{make_date, make_interval, make_time, make_timestamp, make_timestamptz, make_timestamptz_at};
pub use output::{DAYS, MONTHS, write_date, write_time, write_timestamp, write_timestamptz, write_timetz};
pub use tokens::{Unit, unit};
pub use trunc::{trunc_interval, trunc_timestamp, trunc_timestamptz, trunc_timestamptz_zone};

/// Whether a timestamp of either kind is no infinity.
pub fn is_finite(ts: i64) -> bool {
    ts != calendar::INFINITY && ts != calendar::NEG_INFINITY
}

/// Whether a date is no infinity.
pub fn is_finite_date(date: i32) -> bool {
    date != calendar::DATE_INFINITY && date != calendar::DATE_NEG_INFINITY
}

/// How dates are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateFormat {
    /// `1997-12-17 07:37:16-08`
    #[default]
    Iso,
    /// `12/17/1997 07:37:16.00 PST`
    Sql,
    /// `Wed Dec 17 07:37:16 1997 PST`
    Postgres,
    /// `17.12.1997 07:37:16.00 PST`
    German,
}

/// Which of day, month and year an ambiguous date has first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DateOrder {
    /// Month, day, year
    #[default]
    Mdy,
    /// Day, month, year
    Dmy,
    /// Year, month, day
    Ymd,
}

/// `DateStyle`: format and order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateStyle {
    /// Output format.
    pub format: DateFormat,
    /// Field order of ambiguous input, and of `Sql` and `Postgres` output.
    pub order: DateOrder,
}

/// `IntervalStyle`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntervalStyle {
    /// `1 year 2 mons 3 days 04:05:06`
    #[default]
    Postgres,
    /// `@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs`
    PostgresVerbose,
    /// `1-2 3 4:05:06`
    SqlStandard,
    /// `P1Y2M3DT4H5M6S`
    Iso8601,
}
