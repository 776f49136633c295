//! Window functions.
//!
//! The input arrives sorted by PARTITION BY and ORDER BY; each partition is taken whole, its peer groups found, and every call
//! answered for all of its rows at once. An aggregate over a frame that only grows (the default) runs once over the partition.
//!
//! | part | what |
//! |---|---|
//! | `partition` | rows of a partition, peers |
//! | `frame` | where each row's frame starts and ends |
//! | `shift` | RANGE offsets |
//! | `rank` | row_number .. nth_value |
//! | `over` | aggregates over frames |

mod frame;
mod over;
mod partition;
mod rank;
mod shift;

pub use frame::{Bound, FrameSpec};
pub use over::WindowAggregate;
pub use rank::RankFunction;

use super::batch::BATCH_ROWS;
use super::sort::SortColumn;
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;
use partition::Partition;

/// Whether a window function (by `pg_proc.prosrc`) is implemented.
pub fn is_available(symbol: &str) -> bool {
    RankFunction::of_symbol(symbol).is_some()
}

/// What a window call runs.
pub enum WindowFunction {
    /// A window function proper.
    Rank(RankFunction),
    /// An aggregate over the frame.
    Aggregate(WindowAggregate),
}

/// One window call.
pub struct WindowCall {
    /// What it runs.
    pub function: WindowFunction,
    /// Arguments.
    pub args: Vec<CompiledExpr>,
    /// FILTER of an aggregate.
    pub filter: Option<CompiledExpr>,
    /// Vector kind of the result.
    pub kind: ColumnKind,
}

/// Calls over one window. The input is sorted by `partition`, then `order`.
pub struct Window {
    input: BoxOperator,
    partition: Vec<CompiledExpr>,
    order: Vec<SortColumn>,
    frame: FrameSpec,
    calls: Vec<WindowCall>,
    /// Rows read but not yet part of a complete partition.
    pending: Option<Batch>,
    output: Vec<Batch>,
    input_done: bool,
}

impl Window {
    /// Adds a column per call to `input`'s.
    pub fn new(
        input: BoxOperator,
        partition: Vec<CompiledExpr>,
        order: Vec<SortColumn>,
        frame: FrameSpec,
        calls: Vec<WindowCall>,
    ) -> Self {
        Self { input, partition, order, frame, calls, pending: None, output: Vec::new(), input_done: false }
    }

    /// The next whole partition's rows.
    fn next_partition(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        let mut parts: Vec<Batch> = Vec::new();
        let mut first_keys: Option<Vec<Column>> = None;
        loop {
            let batch = match self.pending.take() {
                Some(batch) => batch,
                None if self.input_done => break,
                None => match self.input.next(cx)? {
                    Some(batch) => batch.compact(),
                    None => {
                        self.input_done = true;
                        break;
                    }
                },
            };
            cx.check_interrupts()?;
            if batch.len == 0 {
                continue;
            }
            let keys = self.partition.iter_mut().map(|k| k.eval(cx, &batch)).collect::<Result<Vec<_>>>()?;
            let first = first_keys.get_or_insert_with(|| keys.iter().map(|k| k.gather(&[0])).collect());
            let end = (0..batch.len).find(|&i| !keys.iter().zip(first.iter()).all(|(k, f)| k.same(i, f, 0)));
            match end {
                None => parts.push(batch),
                Some(end) => {
                    let slice = |from: usize, to: usize| {
                        let rows: Vec<u32> = (from as u32..to as u32).collect();
                        Batch::new(batch.columns.iter().map(|c| c.gather(&rows)).collect(), to - from)
                    };
                    if end > 0 {
                        parts.push(slice(0, end));
                    }
                    self.pending = Some(slice(end, batch.len));
                    break;
                }
            }
        }
        let Some(first) = parts.first() else { return Ok(None) };
        let len = parts.iter().map(|p| p.len).sum();
        let columns = (0..first.columns.len())
            .map(|c| Column::concat(first.columns[c].kind(), &parts.iter().map(|p| p.columns[c].clone()).collect::<Vec<_>>()))
            .collect();
        Ok(Some(Batch::new(columns, len)))
    }

    fn compute(&mut self, cx: &mut ExecCx<'_>, rows: Batch) -> Result<Batch> {
        let order = self.order.iter_mut().map(|k| k.expr.eval(cx, &rows)).collect::<Result<Vec<_>>>()?;
        let partition = Partition::new(rows.len, order, &self.order);
        let needs_frame = self.calls.iter().any(|c| match &c.function {
            WindowFunction::Rank(r) => r.uses_frame(),
            WindowFunction::Aggregate(_) => true,
        });
        let frames = if needs_frame { Some(self.frame.resolve(cx, &partition)?) } else { None };
        let mut columns = rows.columns.clone();
        for call in &mut self.calls {
            let args = call.args.iter_mut().map(|a| a.eval(cx, &rows)).collect::<Result<Vec<_>>>()?;
            let filter = call.filter.as_mut().map(|f| f.filter(cx, &rows)).transpose()?;
            columns.push(match &mut call.function {
                WindowFunction::Rank(function) => function.run(call.kind, &partition, frames.as_ref(), &args)?,
                WindowFunction::Aggregate(aggregate) => match &frames {
                    Some(frames) => aggregate.run(cx, call.kind, rows.len, frames, &args, filter.as_deref())?,
                    None => Column::nulls(call.kind, rows.len),
                },
            });
        }
        Ok(Batch::new(columns, rows.len))
    }
}

impl Operator for Window {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if let Some(batch) = self.output.pop() {
            return Ok(Some(batch));
        }
        let Some(rows) = self.next_partition(cx)? else { return Ok(None) };
        let result = self.compute(cx, rows)?;
        if result.len <= BATCH_ROWS {
            return Ok(Some(result));
        }
        let all: Vec<u32> = (0..result.len as u32).collect();
        for chunk in all.chunks(BATCH_ROWS) {
            self.output.push(Batch::new(result.columns.iter().map(|c| c.gather(chunk)).collect(), chunk.len()));
        }
        self.output.reverse();
        Ok(self.output.pop())
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.pending, self.input_done) = (None, false);
        self.output.clear();
        self.input.rescan(cx)
    }
}
