//! VALUES, "FROM nothing" and the empty relation.

use super::batch::{BATCH_ROWS, ColumnBuilder};
use super::{Batch, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;

/// Literal rows.
pub struct Values {
    kinds: Vec<ColumnKind>,
    rows: Vec<Vec<CompiledExpr>>,
    at: usize,
}

impl Values {
    /// `rows`, each with one expression per kind; no rows make the empty relation.
    pub fn new(kinds: Vec<ColumnKind>, rows: Vec<Vec<CompiledExpr>>) -> Self {
        Self { kinds, rows, at: 0 }
    }
}

impl Operator for Values {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if self.at >= self.rows.len() {
            return Ok(None);
        }
        let end = (self.at + BATCH_ROWS).min(self.rows.len());
        let mut builders: Vec<ColumnBuilder> = self.kinds.iter().map(|&k| ColumnBuilder::new(k, end - self.at)).collect();
        for row in &mut self.rows[self.at..end] {
            for (expr, builder) in row.iter_mut().zip(&mut builders) {
                builder.push(expr.eval_row(cx, &[])?);
            }
        }
        let len = end - self.at;
        self.at = end;
        Ok(Some(Batch::new(builders.into_iter().map(ColumnBuilder::finish).collect(), len)))
    }

    fn rescan(&mut self, _: &mut ExecCx<'_>) -> Result<()> {
        self.at = 0;
        Ok(())
    }
}
