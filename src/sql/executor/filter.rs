//! Filter: shrinks each batch's selection to the rows for which the condition is true.

use super::{Batch, BoxOperator, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;

/// WHERE, HAVING and conditions that could not go lower.
pub struct Filter {
    input: BoxOperator,
    predicate: CompiledExpr,
}

impl Filter {
    /// Rows of `input` that satisfy `predicate`.
    pub fn new(input: BoxOperator, predicate: CompiledExpr) -> Self {
        Self { input, predicate }
    }
}

impl Operator for Filter {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        while let Some(mut batch) = self.input.next(cx)? {
            let rows = self.predicate.filter(cx, &batch)?;
            if rows.is_empty() {
                continue;
            }
            if rows.len() < batch.len {
                batch.selection = Some(rows);
            }
            return Ok(Some(batch.compact_if_sparse()));
        }
        Ok(None)
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.input.rescan(cx)
    }

    fn prepare(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.input.prepare(cx)
    }
}
