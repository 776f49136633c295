//! SQL: from text to rows.

pub mod parser;
pub mod types;
