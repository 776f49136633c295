//! Dates, times and intervals.
//!
//! Values are PostgreSQL's: days or microseconds since 2000-01-01, `MIN`/`MAX` for the infinities.

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
