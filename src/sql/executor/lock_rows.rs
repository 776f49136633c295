//! FOR UPDATE and its weaker kin: locks the rows that come by.
//!
//! A row another transaction changed meanwhile is read again; it comes out as it is now, if it still meets the conditions.

use super::source::LockOutcome;
use super::{Batch, BoxOperator, ColumnBuilder, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::catalog::objects::RelationRef;
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::plan::{LockStrength, ScanColumn, WaitPolicy};
use crate::sql::types::Datum;

/// What is locked of each row: one table's part.
pub struct LockTarget {
    /// The table.
    pub relation: RelationRef,
    /// Input column with the row key; NULL where an outer join has no row.
    pub row_key: usize,
    /// Strength.
    pub strength: LockStrength,
    /// What to do when it is locked by another transaction.
    pub wait: WaitPolicy,
    /// Input columns that come from the table, to be read again when the row changed.
    pub columns: Vec<(usize, ScanColumn)>,
    /// Conditions over the input that a changed row must still meet.
    pub recheck: Option<CompiledExpr>,
}

/// Locks rows.
pub struct LockRows {
    input: BoxOperator,
    targets: Vec<LockTarget>,
    kinds: Vec<ColumnKind>,
}

impl LockRows {
    /// Rows of `input` (with columns of `kinds`) locked as `targets` say.
    pub fn new(input: BoxOperator, targets: Vec<LockTarget>, kinds: Vec<ColumnKind>) -> Self {
        Self { input, targets, kinds }
    }

    /// Locks one row; false when it is left out. `row` is brought up to date.
    fn lock(&mut self, cx: &mut ExecCx<'_>, row: &mut [Datum]) -> Result<bool> {
        for target in &mut self.targets {
            let Datum::Bytea(key) = row[target.row_key].clone() else { continue };
            match cx.storage.lock_row(cx, &target.relation, &key, target.strength, target.wait)? {
                LockOutcome::Locked => {}
                LockOutcome::Skip => return Ok(false),
                LockOutcome::Changed => {
                    let wanted: Vec<ScanColumn> = target.columns.iter().map(|(_, c)| *c).collect();
                    let Some(now) = cx.storage.fetch_latest(cx, &target.relation, &wanted, &key)? else { return Ok(false) };
                    for ((position, _), value) in target.columns.iter().zip(now) {
                        row[*position] = value;
                    }
                    if let Some(recheck) = &mut target.recheck
                        && !matches!(recheck.eval_row(cx, row)?, Datum::Bool(true))
                    {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

impl Operator for LockRows {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        let Some(batch) = self.input.next(cx)? else { return Ok(None) };
        let mut builders: Vec<ColumnBuilder> = self.kinds.iter().map(|&k| ColumnBuilder::new(k, batch.rows())).collect();
        let mut len = 0;
        for position in batch.positions() {
            cx.check_interrupts()?;
            let mut row = batch.row(position);
            if self.lock(cx, &mut row)? {
                len += 1;
                builders.iter_mut().zip(row).for_each(|(b, v)| b.push(v));
            }
        }
        Ok(Some(Batch::new(builders.into_iter().map(ColumnBuilder::finish).collect(), len)))
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.input.rescan(cx)
    }
}
