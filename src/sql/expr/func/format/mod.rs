//! to_char, to_number, to_date and to_timestamp: PostgreSQL's `formatting.c`.
//!
//! A template is cut into nodes (`template`): patterns with modifiers, and literal characters. `number` walks them with a number's
//! digits, `date_out` and `date_in` with the fields of a date.

mod date_in;
mod date_out;
pub mod dates;
pub mod number;
mod number_in;
mod number_out;
mod template;
