//! Batches of rows as typed columns.
//!
//! An operator hands on about a thousand rows at a time: one `Column` per output column, all of the batch's physical length, and
//! optionally a selection - the positions that count, in order. A filter therefore moves no data: it shrinks the selection.
//!
//! | part | what |
//! |---|---|
//! | `kind` | `ColumnKind`: which vector a SQL type gets |
//! | `column` | `Column`: a shared vector plus validity; reading, constants |
//! | `builder` | `ColumnBuilder`: growing a column by datums or typed values |
//! | `rows` | gather, concatenate, hash, compare |

mod builder;
mod column;
mod kind;
mod rows;

#[cfg(test)]
mod tests;

pub use builder::ColumnBuilder;
pub(crate) use column::wide as wide_datum;
pub use column::{ByteVec, Column, Data, Validity};
pub use kind::ColumnKind;
pub use rows::{compare_bytes, hash_bytes, hash_combine, hash_u64};
pub(crate) use rows::{hash_datum, hash_decimal};

use crate::sql::types::Datum;

/// Rows in a full batch.
pub const BATCH_ROWS: usize = 1024;

/// Rows as columns.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// One per output column, each of length `len`.
    pub columns: Vec<Column>,
    /// Physical rows, selected or not.
    pub len: usize,
    /// Positions of the rows that count, ascending unless an operator says otherwise; `None` for all.
    pub selection: Option<Vec<u32>>,
}

impl Batch {
    /// A batch of all rows of `columns`.
    pub fn new(columns: Vec<Column>, len: usize) -> Self {
        debug_assert!(columns.iter().all(|c| c.len() == len), "columns of unequal length");
        Self { columns, len, selection: None }
    }

    /// Builds a batch from rows of datums.
    pub fn from_rows<R: AsRef<[Datum]>>(kinds: &[ColumnKind], rows: &[R]) -> Self {
        let columns = kinds
            .iter()
            .enumerate()
            .map(|(i, &kind)| {
                let mut builder = ColumnBuilder::new(kind, rows.len());
                for row in rows {
                    builder.push(row.as_ref()[i].clone());
                }
                builder.finish()
            })
            .collect();
        Self::new(columns, rows.len())
    }

    /// Number of rows that count.
    #[inline]
    pub fn rows(&self) -> usize {
        self.selection.as_ref().map_or(self.len, Vec::len)
    }

    /// Physical position of the `i`-th row that counts.
    #[inline]
    pub fn position(&self, i: usize) -> usize {
        self.selection.as_ref().map_or(i, |s| s[i] as usize)
    }

    /// Physical positions of the rows that count.
    pub fn positions(&self) -> Positions<'_> {
        match &self.selection {
            Some(s) => Positions::Some(s.iter()),
            None => Positions::All(0..self.len as u32),
        }
    }

    /// The row at physical position `at`.
    pub fn row(&self, at: usize) -> Vec<Datum> {
        self.columns.iter().map(|c| c.get(at)).collect()
    }

    /// The same rows without a selection.
    #[must_use]
    pub fn compact(self) -> Self {
        match &self.selection {
            None => self,
            Some(s) => Self { columns: self.columns.iter().map(|c| c.gather(s)).collect(), len: s.len(), selection: None },
        }
    }

    /// Compacts when so few rows are left that later kernels would mostly work for nothing.
    #[must_use]
    pub fn compact_if_sparse(self) -> Self {
        match &self.selection {
            Some(s) if s.len() * 4 < self.len => self.compact(),
            _ => self,
        }
    }

    /// Rough heap size.
    pub fn memory(&self) -> usize {
        self.columns.iter().map(Column::memory).sum()
    }
}

/// Iterator over the physical positions of a batch's rows.
pub enum Positions<'a> {
    /// Every row.
    All(std::ops::Range<u32>),
    /// Selected rows.
    Some(std::slice::Iter<'a, u32>),
}

impl Iterator for Positions<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        match self {
            Self::All(range) => range.next().map(|i| i as usize),
            Self::Some(iter) => iter.next().map(|&i| i as usize),
        }
    }
}
