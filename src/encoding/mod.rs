//! Order-preserving keys and the row format: what a row looks like in the store.
//!
//! | part | what |
//! |---|---|
//! | `kind` | `PhysKind`, how a column's values are laid out |
//! | `key` | memcomparable key columns: byte order is PostgreSQL's btree order |
//! | `key_numeric` | the key form of `numeric` |
//! | `key_compound` | the key form of arrays, records, ranges and jsonb |
//! | `row` | row values: O(1) access to each column, borrowed from the block |
//! | `numeric` | the compact stored form of `numeric` |
//! | `value`, `value_tree` | self-describing form of any value: arrays, jsonb, ranges, records ... |
//!
//! Every format carries a version. Whatever the bytes, reading answers a value or XX001 (`DATA_CORRUPTED`), never a panic.

pub mod key;
mod key_compound;
mod key_numeric;
mod kind;
pub mod numeric;
pub mod row;
pub mod value;
mod value_tree;

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod row_tests;

pub use key::{KeyColumn, decode_column, encode_column, key_is_lossless, skip_column, table_prefix};
pub use kind::PhysKind;
pub use row::{RowLayout, RowReader};

use crate::error::{SqlError, SqlState};

/// XX001 with what was being read.
#[cold]
pub(crate) fn damaged(what: &str) -> SqlError {
    SqlError::new(SqlState::DATA_CORRUPTED, format!("stored data is damaged: {what}"))
}
