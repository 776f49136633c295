//! One partition: its ordering columns and peer groups (rows equal by ORDER BY).

use crate::sql::executor::Column;
use crate::sql::executor::sort::{SortColumn, SortOrder};

/// A partition's order.
pub(super) struct Partition {
    pub len: usize,
    /// ORDER BY columns.
    pub order: Vec<Column>,
    /// Their directions.
    pub orders: Vec<SortOrder>,
    /// First row of each peer group, and the end.
    pub starts: Vec<usize>,
    /// Peer group of each row.
    pub group: Vec<u32>,
}

impl Partition {
    pub fn new(len: usize, order: Vec<Column>, keys: &[SortColumn]) -> Self {
        let mut starts = vec![0];
        let mut group = Vec::with_capacity(len);
        for row in 0..len {
            if row > 0 && !order.iter().all(|c| c.same(row, c, row - 1)) {
                starts.push(row);
            }
            group.push(starts.len() as u32 - 1);
        }
        starts.push(len);
        let orders = keys.iter().map(|k| SortOrder { desc: k.desc, nulls_first: k.nulls_first }).collect();
        Self { len, order, orders, starts, group }
    }

    /// Rows of the peer group of `row`.
    pub fn peers(&self, row: usize) -> (usize, usize) {
        let group = self.group[row] as usize;
        (self.starts[group], self.starts[group + 1])
    }

    /// Number of peer groups.
    pub fn groups(&self) -> usize {
        self.starts.len() - 1
    }
}
