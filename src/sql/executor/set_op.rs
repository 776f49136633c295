//! INTERSECT and EXCEPT, with and without ALL.
//!
//! Both sides are counted per distinct row; the counts say how often a row comes out. UNION is `Append`, with `Distinct` above it
//! unless ALL.

use super::batch::BATCH_ROWS;
use super::group_table::GroupTable;
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;

/// Which rows come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOpMode {
    /// INTERSECT
    Intersect,
    /// INTERSECT ALL
    IntersectAll,
    /// EXCEPT
    Except,
    /// EXCEPT ALL
    ExceptAll,
}

/// INTERSECT or EXCEPT of two inputs with columns of the same kinds.
pub struct SetOp {
    left: BoxOperator,
    right: BoxOperator,
    mode: SetOpMode,
    kinds: Vec<ColumnKind>,
    output: Option<(GroupTable, Vec<u32>, usize)>,
}

impl SetOp {
    /// The set operation over rows of `kinds`.
    pub fn new(left: BoxOperator, right: BoxOperator, mode: SetOpMode, kinds: Vec<ColumnKind>) -> Self {
        Self { left, right, mode, kinds, output: None }
    }

    fn fill(&mut self, cx: &mut ExecCx<'_>) -> Result<(GroupTable, Vec<u32>, usize)> {
        let mut table = GroupTable::new(&self.kinds);
        let mut counts: Vec<(u64, u64)> = Vec::new();
        let mut groups = Vec::new();
        for side in 0..2 {
            let input = if side == 0 { &mut self.left } else { &mut self.right };
            while let Some(batch) = input.next(cx)? {
                let rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
                let columns: Vec<Column> = batch.columns.iter().zip(&self.kinds).map(|(c, &k)| c.clone().relabel(k)).collect();
                table.number(&columns, &rows, &mut groups);
                counts.resize(table.len(), (0, 0));
                for &group in &groups {
                    let count = &mut counts[group as usize];
                    if side == 0 { count.0 += 1 } else { count.1 += 1 }
                }
            }
        }
        let mut rows = Vec::new();
        for (group, &(left, right)) in counts.iter().enumerate() {
            let times = match self.mode {
                SetOpMode::Intersect => u64::from(left > 0 && right > 0),
                SetOpMode::IntersectAll => left.min(right),
                SetOpMode::Except => u64::from(left > 0 && right == 0),
                SetOpMode::ExceptAll => left.saturating_sub(right),
            };
            rows.extend((0..times).map(|_| group as u32));
        }
        Ok((table, rows, 0))
    }
}

impl Operator for SetOp {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if self.output.is_none() {
            self.output = Some(self.fill(cx)?);
        }
        let Some((table, rows, at)) = &mut self.output else { return Ok(None) };
        if *at >= rows.len() {
            return Ok(None);
        }
        let chunk = &rows[*at..(*at + BATCH_ROWS).min(rows.len())];
        *at += chunk.len();
        let columns = (0..self.kinds.len()).map(|n| table.key_column(n, chunk.iter().map(|&g| g as usize))).collect();
        Ok(Some(Batch::new(columns, chunk.len())))
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.output = None;
        self.left.rescan(cx)?;
        self.right.rescan(cx)
    }
}
