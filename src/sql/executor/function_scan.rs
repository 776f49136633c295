//! Functions in FROM, zipped when there are several, and set-returning functions in a select list.

use super::batch::{BATCH_ROWS, ColumnBuilder};
use super::context::RowIter;
use super::{Batch, BoxOperator, ColumnKind, ExecCx, Operator};
use crate::error::{Result, SqlError};
use crate::sql::catalog::objects::UserFunction;
use crate::sql::expr::context::CallSite;
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::expr::registry::SetFn;
use crate::sql::types::datum::Record;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// Names and types of a row's values.
pub type RecordColumns = Arc<[(SmolStr, Type)]>;

/// What makes the rows of one function in FROM.
pub enum RowMaker {
    /// A built-in set-returning function.
    Set { code: SetFn, args: Vec<CompiledExpr>, strict: bool, site: CallSite },
    /// A user-defined set-returning function.
    UserSet { function: Arc<UserFunction>, args: Vec<CompiledExpr>, site: CallSite },
    /// Any other expression: one row.
    Single(CompiledExpr),
}

/// One function of a function scan or a select list.
pub struct SetCall {
    /// How its rows are made.
    pub maker: RowMaker,
    /// How many columns it contributes.
    pub width: usize,
    /// Spread a composite value over the columns.
    pub expand: bool,
    /// Names and types of the values of a row that are to become one composite value.
    pub record: Option<RecordColumns>,
}

impl SetCall {
    /// Starts the function for a row.
    fn start(&mut self, cx: &mut ExecCx<'_>, row: &[Datum]) -> Result<RowIter> {
        match &mut self.maker {
            RowMaker::Single(expr) => {
                let value = expr.eval_row(cx, row)?;
                Ok(Box::new(std::iter::once(Ok(vec![value]))))
            }
            RowMaker::Set { code, args, strict, site } => {
                let values = args.iter_mut().map(|a| a.eval_row(cx, row)).collect::<Result<Vec<_>>>()?;
                if *strict && values.iter().any(Datum::is_null) {
                    return Ok(Box::new(std::iter::empty()));
                }
                code(&mut cx.function(site), &values)
            }
            RowMaker::UserSet { function, args, site } => {
                let values = args.iter_mut().map(|a| a.eval_row(cx, row)).collect::<Result<Vec<_>>>()?;
                if function.strict && values.iter().any(Datum::is_null) {
                    return Ok(Box::new(std::iter::empty()));
                }
                cx.routines.call_set(function, &values, site)
            }
        }
    }

    /// Appends a row's values, `width` of them.
    fn spread(&self, values: Vec<Datum>, out: &mut Vec<Datum>) -> Result<()> {
        if values.len() == self.width && !(self.expand && self.width == 1 && matches!(values[0], Datum::Record(_))) {
            out.extend(values);
            return Ok(());
        }
        if let Some(columns) = self.record.as_ref().filter(|columns| self.width == 1 && columns.len() == values.len()) {
            let fields = columns.iter().map(|(_, ty)| *ty).zip(values).collect();
            let names = columns.iter().map(|(name, _)| name.clone()).collect();
            out.push(Datum::Record(Arc::new(Record { ty: Oid::RECORD, fields, names })));
            return Ok(());
        }
        match values.first() {
            Some(Datum::Record(record)) if self.expand => {
                let fields = record.fields.iter().map(|(_, v)| v.clone()).chain(std::iter::repeat(Datum::Null));
                out.extend(fields.take(self.width));
            }
            Some(Datum::Null) => out.extend(std::iter::repeat_n(Datum::Null, self.width)),
            _ => return Err(SqlError::internal("a set-returning function answered rows of another width")),
        }
        Ok(())
    }
}

/// The next row of several functions in lockstep; NULLs for those that ended, `None` when all have.
fn lockstep(calls: &[SetCall], running: &mut [Option<RowIter>]) -> Result<Option<Vec<Datum>>> {
    let mut row = Vec::new();
    let mut alive = false;
    for (call, iter) in calls.iter().zip(running) {
        match iter.as_mut().and_then(Iterator::next) {
            Some(values) => {
                alive = true;
                call.spread(values?, &mut row)?;
            }
            None => {
                *iter = None;
                row.extend(std::iter::repeat_n(Datum::Null, call.width));
            }
        }
    }
    Ok(alive.then_some(row))
}

/// Functions in FROM.
pub struct FunctionScan {
    calls: Vec<SetCall>,
    kinds: Vec<ColumnKind>,
    ordinality: bool,
    running: Option<Vec<Option<RowIter>>>,
    count: i64,
    done: bool,
}

impl FunctionScan {
    /// Rows of `calls` side by side; with `ordinality` a row number at the end.
    pub fn new(calls: Vec<SetCall>, kinds: Vec<ColumnKind>, ordinality: bool) -> Self {
        Self { calls, kinds, ordinality, running: None, count: 0, done: false }
    }
}

impl Operator for FunctionScan {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if self.done {
            return Ok(None);
        }
        cx.check_interrupts()?;
        if self.running.is_none() {
            let running = self.calls.iter_mut().map(|c| c.start(cx, &[]).map(Some)).collect::<Result<Vec<_>>>()?;
            self.running = Some(running);
        }
        let Some(running) = &mut self.running else { return Ok(None) };
        let mut builders: Vec<ColumnBuilder> = self.kinds.iter().map(|&k| ColumnBuilder::new(k, 64)).collect();
        let mut len = 0;
        while len < BATCH_ROWS {
            let Some(mut row) = lockstep(&self.calls, running)? else {
                self.done = true;
                break;
            };
            if self.ordinality {
                self.count += 1;
                row.push(Datum::Int8(self.count));
            }
            for (builder, value) in builders.iter_mut().zip(row) {
                builder.push(value);
            }
            len += 1;
        }
        Ok(Some(Batch::new(builders.into_iter().map(ColumnBuilder::finish).collect(), len)))
    }

    fn rescan(&mut self, _: &mut ExecCx<'_>) -> Result<()> {
        (self.running, self.count, self.done) = (None, 0, false);
        Ok(())
    }
}

/// Set-returning functions in a select list: each input row once per row of its longest set, the columns of the sets appended.
pub struct ProjectSet {
    input: BoxOperator,
    calls: Vec<SetCall>,
    kinds: Vec<ColumnKind>,
    current: Option<Batch>,
    row: usize,
    running: Option<Vec<Option<RowIter>>>,
}

impl ProjectSet {
    /// `calls` over each row of `input`; `kinds` are those of all output columns.
    pub fn new(input: BoxOperator, calls: Vec<SetCall>, kinds: Vec<ColumnKind>) -> Self {
        Self { input, calls, kinds, current: None, row: 0, running: None }
    }

    /// Fills `builders` from the current batch; false when it is used up.
    fn fill(&mut self, cx: &mut ExecCx<'_>, input: &Batch, builders: &mut [ColumnBuilder]) -> Result<bool> {
        let width = input.columns.len();
        while self.row < input.rows() {
            let position = input.position(self.row);
            let mut running = match self.running.take() {
                Some(running) => running,
                None => {
                    let values = input.row(position);
                    self.calls.iter_mut().map(|c| c.start(cx, &values).map(Some)).collect::<Result<Vec<_>>>()?
                }
            };
            while let Some(row) = lockstep(&self.calls, &mut running)? {
                for (builder, column) in builders.iter_mut().zip(&input.columns) {
                    builder.push_from(column, position);
                }
                for (builder, value) in builders[width..].iter_mut().zip(row) {
                    builder.push(value);
                }
                if builders.first().is_some_and(|b| b.len() >= BATCH_ROWS) {
                    self.running = Some(running);
                    return Ok(true);
                }
            }
            self.row += 1;
        }
        Ok(false)
    }
}

impl Operator for ProjectSet {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        let mut builders: Vec<ColumnBuilder> = self.kinds.iter().map(|&k| ColumnBuilder::new(k, 64)).collect();
        loop {
            let input = match self.current.take() {
                Some(input) => input,
                None => match self.input.next(cx)? {
                    Some(input) => {
                        self.row = 0;
                        input
                    }
                    None => break,
                },
            };
            if self.fill(cx, &input, &mut builders)? {
                self.current = Some(input);
                break;
            }
        }
        let len = builders.first().map_or(0, ColumnBuilder::len);
        if len == 0 {
            return Ok(None);
        }
        Ok(Some(Batch::new(builders.into_iter().map(ColumnBuilder::finish).collect(), len)))
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.current, self.running, self.row) = (None, None, 0);
        self.input.rescan(cx)
    }
}
