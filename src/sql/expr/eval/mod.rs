//! Running typed expressions: over a batch, or over one row.
//!
//! `compile` turns a plan's expression into a `CompiledExpr` whose columns are positions in the operator's input. It runs in two
//! ways that agree:
//! - `eval` over a batch: kernels on whole vectors for the common types and operators; everything else row by row inside the
//!   batch. The result has the batch's physical length; only selected positions mean anything.
//! - `eval_row` over one row of datums, without building a batch: point statements, constraint checks, rare expression forms.
//!
//! AND, OR, CASE and COALESCE evaluate a later arm only for the rows the earlier ones left open, so `x <> 0 AND 1 / x > 2` never
//! divides by zero.
//!
//! | part | what |
//! |---|---|
//! | `compile` | `plan::Expr` to `CompiledExpr` |
//! | `node` | the compiled forms |
//! | `row` | one-row evaluation of every form |
//! | `forms`, `subscript` | arrays, records, casts, domains; element access and assignment |
//! | `vector` | batch evaluation |
//! | `logic` | AND, OR, NOT, CASE, COALESCE over selections |
//! | `kernel` | loops over vectors |
//! | `in_list` | `= ANY (constants)` by hash |
//! | `subquery` | subqueries in expressions |

mod compile;
mod forms;
mod in_list;
pub mod kernel;
mod logic;
mod node;
mod row;
mod subquery;
mod subscript;
mod vector;

pub use compile::{CompileEnv, Scope, compile};
pub(crate) use forms::{builtin_element, flat_array, nested_array};
pub use node::CompiledExpr;

pub use row::Row;

pub use subquery::{Correlation, SubPlan, SubPlanKind};

use crate::error::Result;
use crate::sql::executor::batch::{Batch, Column};
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::source::RowFilter;
use crate::sql::types::Datum;

impl CompiledExpr {
    /// Evaluates over a batch's rows. The column is as long as the batch; positions outside the selection mean nothing.
    pub fn eval(&mut self, cx: &mut ExecCx<'_>, batch: &Batch) -> Result<Column> {
        self.eval_on(cx, &batch.columns, batch.len, batch.selection.as_deref())
    }

    /// Evaluates for one row.
    pub fn eval_row(&mut self, cx: &mut ExecCx<'_>, row: &[Datum]) -> Result<Datum> {
        self.eval_at(cx, Row::of(row))
    }

    /// The positions of the batch's rows for which the condition is true.
    pub fn filter(&mut self, cx: &mut ExecCx<'_>, batch: &Batch) -> Result<Vec<u32>> {
        self.true_rows(cx, &batch.columns, batch.len, batch.selection.as_deref())
    }
}

impl RowFilter for CompiledExpr {
    fn apply(&mut self, cx: &mut ExecCx<'_>, batch: &mut Batch) -> Result<()> {
        let rows = self.filter(cx, batch)?;
        batch.selection = (rows.len() < batch.len).then_some(rows);
        Ok(())
    }
}
