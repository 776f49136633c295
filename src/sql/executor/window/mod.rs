//! Window functions.
//!
//! The input arrives sorted by PARTITION BY and ORDER BY; each partition is taken whole, its peer groups found, and every call
//! answered for all of its rows at once; the rows themselves wait in a file meanwhile if they are many. An aggregate over a frame that only grows (the default) runs once over the partition.
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

use super::sort::SortColumn;
use super::spill::BatchStore;
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
    output: Option<Computed>,
    input_done: bool,
}

/// A partition being read: its rows, past work_mem in a file, and what the calls need of them.
struct Gathered {
    rows: BatchStore,
    lens: Vec<usize>,
    len: usize,
    /// ORDER BY columns, a piece a batch.
    order: Vec<Vec<Column>>,
    /// Arguments of each call.
    args: Vec<Vec<Vec<Column>>>,
    /// Rows each call's FILTER lets pass.
    filters: Vec<Option<Vec<u32>>>,
}

/// A partition on its way out.
struct Computed {
    rows: BatchStore,
    lens: Vec<usize>,
    /// A column a call over the whole partition.
    results: Vec<Column>,
    /// Batch that comes next, and its first row.
    at: usize,
    start: usize,
}

fn joined(kind: ColumnKind, pieces: &[Column]) -> Column {
    match pieces {
        [one] => one.clone(),
        pieces => Column::concat(kind, pieces),
    }
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
        Self { input, partition, order, frame, calls, pending: None, output: None, input_done: false }
    }

    /// Takes in a batch of the partition's rows.
    fn gather(&mut self, cx: &mut ExecCx<'_>, into: &mut Gathered, batch: Batch) -> Result<()> {
        for (pieces, key) in into.order.iter_mut().zip(&mut self.order) {
            pieces.push(key.expr.eval(cx, &batch)?);
        }
        for ((args, filter), call) in into.args.iter_mut().zip(&mut into.filters).zip(&mut self.calls) {
            for (pieces, arg) in args.iter_mut().zip(&mut call.args) {
                pieces.push(arg.eval(cx, &batch)?);
            }
            if let (Some(rows), Some(condition)) = (filter, &mut call.filter) {
                rows.extend(condition.filter(cx, &batch)?.iter().map(|&row| row + into.len as u32));
            }
        }
        into.len += batch.len;
        into.lens.push(batch.len);
        into.rows.push(batch, cx.work_mem)
    }

    /// The next whole partition.
    fn next_partition(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Gathered>> {
        let mut gathered = Gathered {
            rows: BatchStore::default(),
            lens: Vec::new(),
            len: 0,
            order: vec![Vec::new(); self.order.len()],
            args: self.calls.iter().map(|c| vec![Vec::new(); c.args.len()]).collect(),
            filters: self.calls.iter().map(|c| c.filter.as_ref().map(|_| Vec::new())).collect(),
        };
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
            let Some(end) = end else {
                self.gather(cx, &mut gathered, batch)?;
                continue;
            };
            let slice = |from: usize, to: usize| {
                let rows: Vec<u32> = (from as u32..to as u32).collect();
                Batch::new(batch.columns.iter().map(|c| c.gather(&rows)).collect(), to - from)
            };
            self.pending = Some(slice(end, batch.len));
            if end > 0 {
                self.gather(cx, &mut gathered, slice(0, end))?;
            }
            break;
        }
        Ok((gathered.len > 0).then_some(gathered))
    }

    fn compute(&mut self, cx: &mut ExecCx<'_>, gathered: Gathered) -> Result<Computed> {
        let Gathered { rows, lens, len, order, args, filters } = gathered;
        let order = order.iter().zip(&self.order).map(|(pieces, key)| joined(key.expr.kind, pieces)).collect();
        let partition = Partition::new(len, order, &self.order);
        let needs_frame = self.calls.iter().any(|c| match &c.function {
            WindowFunction::Rank(r) => r.uses_frame(),
            WindowFunction::Aggregate(_) => true,
        });
        let frames = if needs_frame { Some(self.frame.resolve(cx, &partition)?) } else { None };
        let mut results = Vec::with_capacity(self.calls.len());
        for ((call, args), filter) in self.calls.iter_mut().zip(args).zip(filters) {
            let args: Vec<Column> = args.iter().zip(&call.args).map(|(pieces, arg)| joined(arg.kind, pieces)).collect();
            results.push(match &mut call.function {
                WindowFunction::Rank(function) => function.run(call.kind, &partition, frames.as_ref(), &args)?,
                WindowFunction::Aggregate(aggregate) => match &frames {
                    Some(frames) => aggregate.run(cx, call.kind, len, frames, &args, filter.as_deref())?,
                    None => Column::nulls(call.kind, len),
                },
            });
        }
        Ok(Computed { rows, lens, results, at: 0, start: 0 })
    }
}

impl Computed {
    /// The partition's next rows with their results.
    fn next(&mut self) -> Result<Option<Batch>> {
        let (Some(mut batch), Some(&len)) = (self.rows.get(self.at)?, self.lens.get(self.at)) else { return Ok(None) };
        let rows: Vec<u32> = (self.start as u32..(self.start + len) as u32).collect();
        let whole = self.lens.len() == 1;
        batch.columns.extend(self.results.iter().map(|c| if whole { c.clone() } else { c.gather(&rows) }));
        self.at += 1;
        self.start += len;
        Ok(Some(batch))
    }
}

impl Operator for Window {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        loop {
            if let Some(output) = &mut self.output {
                if let Some(batch) = output.next()? {
                    return Ok(Some(batch));
                }
                self.output = None;
            }
            let Some(gathered) = self.next_partition(cx)? else { return Ok(None) };
            self.output = Some(self.compute(cx, gathered)?);
        }
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.pending, self.output, self.input_done) = (None, None, false);
        self.input.rescan(cx)
    }
}
