//! DISTINCT and DISTINCT ON: passes on the first row of each key.

use super::group_table::GroupTable;
use super::{Batch, BoxOperator, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;

/// The first row of each distinct key, in input order.
pub struct Distinct {
    input: BoxOperator,
    keys: Vec<CompiledExpr>,
    kinds: Vec<ColumnKind>,
    seen: GroupTable,
    groups: Vec<u32>,
}

impl Distinct {
    /// Rows of `input` distinct by `keys`.
    pub fn new(input: BoxOperator, keys: Vec<CompiledExpr>) -> Self {
        let kinds: Vec<ColumnKind> = keys.iter().map(|k| k.kind).collect();
        let seen = GroupTable::new(&kinds);
        Self { input, keys, kinds, seen, groups: Vec::new() }
    }
}

impl Operator for Distinct {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        while let Some(mut batch) = self.input.next(cx)? {
            let mut keys = Vec::with_capacity(self.keys.len());
            for key in &mut self.keys {
                keys.push(key.eval(cx, &batch)?);
            }
            let rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
            let mut next = self.seen.len() as u32;
            self.seen.number(&keys, &rows, &mut self.groups);
            let mut kept = Vec::new();
            for (&row, &group) in rows.iter().zip(&self.groups) {
                if group == next {
                    kept.push(row);
                    next += 1;
                }
            }
            if kept.is_empty() {
                continue;
            }
            batch.selection = Some(kept);
            return Ok(Some(batch.compact_if_sparse()));
        }
        Ok(None)
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.seen = GroupTable::new(&self.kinds);
        self.input.rescan(cx)
    }
}
