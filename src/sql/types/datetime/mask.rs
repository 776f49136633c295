//! Which fields of a date and time have been seen, one bit each.

pub(super) const MONTH: u32 = 1;
pub(super) const YEAR: u32 = 1 << 1;
pub(super) const DAY: u32 = 1 << 2;
pub(super) const HOUR: u32 = 1 << 3;
pub(super) const MINUTE: u32 = 1 << 4;
pub(super) const SECOND: u32 = 1 << 5;
pub(super) const MILLISECOND: u32 = 1 << 6;
pub(super) const MICROSECOND: u32 = 1 << 7;
pub(super) const ZONE: u32 = 1 << 8;
pub(super) const DAYLIGHT: u32 = 1 << 9;
pub(super) const DST_MODIFIER: u32 = 1 << 10;
pub(super) const DYNAMIC_ZONE: u32 = 1 << 11;
pub(super) const AM_PM: u32 = 1 << 12;
pub(super) const ERA: u32 = 1 << 13;
pub(super) const WEEKDAY: u32 = 1 << 14;
pub(super) const DAY_OF_YEAR: u32 = 1 << 15;
pub(super) const WEEK: u32 = 1 << 16;
pub(super) const DECADE: u32 = 1 << 17;
pub(super) const CENTURY: u32 = 1 << 18;
pub(super) const MILLENNIUM: u32 = 1 << 19;
/// Year, month and day
pub(super) const DATE: u32 = YEAR | MONTH | DAY;
/// Seconds and their fractions
pub(super) const ALL_SECONDS: u32 = SECOND | MILLISECOND | MICROSECOND;
/// Hour, minute and second
pub(super) const TIME: u32 = HOUR | MINUTE | ALL_SECONDS;
