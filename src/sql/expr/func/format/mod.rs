//! to_char, to_number, to_date and to_timestamp: PostgreSQL's `formatting.c`.
//!
//! A template is cut into nodes (`template`): patterns with modifiers, and literal characters. `number` walks them with a number's
//! digits, `datetime_out` and `datetime_in` with the fields of a date.

pub mod number;
mod number_in;
mod number_out;
mod template;
