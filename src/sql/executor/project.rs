//! Project: computes each output column from the input's.

use super::{Batch, BoxOperator, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;

/// A select list.
pub struct Project {
    input: BoxOperator,
    exprs: Vec<CompiledExpr>,
}

impl Project {
    /// `exprs` over each row of `input`.
    pub fn new(input: BoxOperator, exprs: Vec<CompiledExpr>) -> Self {
        Self { input, exprs }
    }
}

impl Operator for Project {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        let Some(batch) = self.input.next(cx)? else { return Ok(None) };
        let mut columns = Vec::with_capacity(self.exprs.len());
        for expr in &mut self.exprs {
            columns.push(expr.eval(cx, &batch)?);
        }
        Ok(Some(Batch { columns, len: batch.len, selection: batch.selection }))
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.input.rescan(cx)
    }

    fn prepare(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.input.prepare(cx)
    }
}
