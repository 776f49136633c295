//! Sort: orders its input, in memory while it fits, else by sorted runs in temporary files that are merged; with a row bound it
//! keeps the best rows only.
//!
//! Rows are compared by an eight-byte prefix of the first key before anything else: its byte order is the value order, with DESC
//! and NULLS FIRST folded in, so most comparisons touch one word. Equal rows keep their input order.

use super::batch::{BATCH_ROWS, Data};
use super::spill::{Run, RunWriter};
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::types::Datum;
use std::cmp::Ordering;

/// One sort key.
pub struct SortColumn {
    /// What to sort by.
    pub expr: CompiledExpr,
    /// Descending.
    pub desc: bool,
    /// NULLs before everything else.
    pub nulls_first: bool,
}

/// Direction of one key.
#[derive(Clone, Copy, Debug)]
pub struct SortOrder {
    /// Descending.
    pub desc: bool,
    /// NULLs first.
    pub nulls_first: bool,
}

/// Orders row `i` of `a` against row `j` of `b` by key columns.
pub fn compare_rows(orders: &[SortOrder], a: &[Column], i: usize, b: &[Column], j: usize) -> Ordering {
    for ((order, x), y) in orders.iter().zip(a).zip(b) {
        let ordering = match (x.is_null(i), y.is_null(j)) {
            (false, false) if order.desc => y.compare(j, x, i),
            (false, false) => x.compare(i, y, j),
            (true, true) => Ordering::Equal,
            (null, _) => {
                if null == order.nulls_first {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    Ordering::Equal
}

/// A word whose order agrees with the key's, as far as it goes.
fn prefix(order: SortOrder, column: &Column, i: usize) -> u64 {
    if column.is_null(i) {
        return if order.nulls_first { 0 } else { u64::MAX };
    }
    let signed = |v: i64| (v as u64) ^ (1 << 63);
    let word = match column.data() {
        Data::I16(v) => signed(v[i].into()),
        Data::I32(v) => signed(v[i].into()),
        Data::I64(v) | Data::Decimal(v, _) => signed(v[i]),
        Data::U32(v) => v[i].into(),
        Data::Bool(v) => v[i].into(),
        Data::F64(v) if !v[i].is_nan() => {
            let bits = (v[i] + 0.0).to_bits();
            if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
        }
        Data::F64(_) => u64::MAX,
        Data::Bytes(v) if column.kind() != ColumnKind::Bpchar => {
            let bytes = v.get(i);
            let mut word = [0; 8];
            let n = bytes.len().min(8);
            word[..n].copy_from_slice(&bytes[..n]);
            u64::from_be_bytes(word)
        }
        _ => return 1,
    };
    // The outermost words stand for NULLs; values that would reach them share their neighbours and are told apart later.
    (if order.desc { !word } else { word }).clamp(1, u64::MAX - 1)
}

/// The order of `len` rows by key columns; equal rows keep their order.
pub fn sorted_rows(orders: &[SortOrder], keys: &[Column], len: usize) -> Vec<u32> {
    let Some(first) = keys.first() else { return (0..len as u32).collect() };
    let mut rows: Vec<(u64, u32)> = (0..len).map(|i| (prefix(orders[0], first, i), i as u32)).collect();
    rows.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| compare_rows(orders, keys, a.1 as usize, keys, b.1 as usize)).then_with(|| a.1.cmp(&b.1))
    });
    rows.into_iter().map(|(_, i)| i).collect()
}

/// Rows in memory: payload columns and key columns side by side.
#[derive(Default)]
struct Buffer {
    batches: Vec<Batch>,
    rows: usize,
    memory: usize,
}

/// How many rows of a sort are wanted at most.
pub struct TopRows {
    /// LIMIT; NULL is no limit.
    pub limit: CompiledExpr,
    /// OFFSET
    pub offset: Option<CompiledExpr>,
}

impl TopRows {
    /// Rows to keep. A negative number is left to `Limit` to complain about.
    fn count(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<usize>> {
        let number = |value: Datum| match value {
            Datum::Int8(n) => usize::try_from(n).ok(),
            Datum::Int4(n) => usize::try_from(n).ok(),
            _ => None,
        };
        let limit = number(self.limit.eval_row(cx, &[])?);
        let offset = match &mut self.offset {
            Some(e) => number(e.eval_row(cx, &[])?).unwrap_or(0),
            None => 0,
        };
        Ok(limit.map(|l| l.saturating_add(offset)))
    }
}

/// ORDER BY.
pub struct Sort {
    input: BoxOperator,
    keys: Vec<SortColumn>,
    orders: Vec<SortOrder>,
    top: Option<TopRows>,
    /// Only this many rows are asked for, this time.
    limit: Option<usize>,
    width: usize,
    output: Option<Output>,
}

enum Output {
    /// Sorted rows, cut into batches.
    Memory {
        columns: Vec<Column>,
        rows: Vec<u32>,
        at: usize,
    },
    Merge(Merge),
}

impl Sort {
    /// Orders `input` of `width` columns; `top` says how many rows are wanted at most.
    pub fn new(input: BoxOperator, keys: Vec<SortColumn>, width: usize, top: Option<TopRows>) -> Self {
        let orders = keys.iter().map(|k| SortOrder { desc: k.desc, nulls_first: k.nulls_first }).collect();
        Self { input, keys, orders, top, limit: None, width, output: None }
    }

    fn fill(&mut self, cx: &mut ExecCx<'_>) -> Result<Output> {
        let mut buffer = Buffer::default();
        let mut runs = Vec::new();
        self.limit = match &mut self.top {
            Some(top) => top.count(cx)?,
            None => None,
        };
        let prune_at = self.limit.map(|n| n.saturating_mul(4).max(8 * BATCH_ROWS));
        while let Some(batch) = self.input.next(cx)? {
            cx.check_interrupts()?;
            let mut batch = batch.compact();
            if batch.len == 0 {
                continue;
            }
            for key in &mut self.keys {
                let column = key.expr.eval(cx, &batch)?;
                batch.columns.push(column);
            }
            buffer.rows += batch.len;
            buffer.memory += batch.memory() + batch.len * 12;
            buffer.batches.push(batch);
            if prune_at.is_some_and(|n| buffer.rows > n) {
                let (columns, mut rows) = self.sort(std::mem::take(&mut buffer));
                rows.truncate(self.limit.unwrap_or(usize::MAX));
                let columns: Vec<Column> = columns.iter().map(|c| c.gather(&rows)).collect();
                buffer = Buffer { memory: columns.iter().map(Column::memory).sum(), rows: rows.len(), batches: Vec::new() };
                buffer.batches.push(Batch::new(columns, rows.len()));
            } else if buffer.memory > cx.work_mem && buffer.rows > BATCH_ROWS {
                let (columns, rows) = self.sort(std::mem::take(&mut buffer));
                runs.push(write_run(&columns, &rows)?);
            }
        }
        if runs.is_empty() {
            let (columns, mut rows) = self.sort(buffer);
            rows.truncate(self.limit.unwrap_or(usize::MAX));
            return Ok(Output::Memory { columns, rows, at: 0 });
        }
        if buffer.rows > 0 {
            let (columns, rows) = self.sort(buffer);
            runs.push(write_run(&columns, &rows)?);
        }
        Ok(Output::Merge(Merge::new(runs, self.orders.clone(), self.width, self.limit)?))
    }

    /// The buffered rows as whole columns, and their order.
    fn sort(&self, buffer: Buffer) -> (Vec<Column>, Vec<u32>) {
        let Some(first) = buffer.batches.first() else { return (Vec::new(), Vec::new()) };
        let kinds: Vec<ColumnKind> = first.columns.iter().map(Column::kind).collect();
        let columns: Vec<Column> = kinds
            .iter()
            .enumerate()
            .map(|(c, &kind)| Column::concat(kind, &buffer.batches.iter().map(|b| b.columns[c].clone()).collect::<Vec<_>>()))
            .collect();
        let rows = sorted_rows(&self.orders, &columns[self.width..], buffer.rows);
        (columns, rows)
    }
}

pub(super) fn write_run(columns: &[Column], rows: &[u32]) -> Result<Run> {
    let mut writer = RunWriter::create()?;
    for chunk in rows.chunks(BATCH_ROWS) {
        writer.write(&Batch::new(columns.iter().map(|c| c.gather(chunk)).collect(), chunk.len()))?;
    }
    writer.finish()
}

impl Operator for Sort {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if self.output.is_none() {
            let output = self.fill(cx)?;
            self.output = Some(output);
        }
        match &mut self.output {
            Some(Output::Memory { columns, rows, at }) => {
                if *at >= rows.len() {
                    return Ok(None);
                }
                let chunk = &rows[*at..(*at + BATCH_ROWS).min(rows.len())];
                *at += chunk.len();
                let columns = columns[..self.width].iter().map(|c| c.gather(chunk)).collect();
                Ok(Some(Batch::new(columns, chunk.len())))
            }
            Some(Output::Merge(merge)) => merge.next(),
            None => Ok(None),
        }
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.output = None;
        self.input.rescan(cx)
    }
}

/// Merges sorted runs.
pub(super) struct Merge {
    runs: Vec<MergeRun>,
    orders: Vec<SortOrder>,
    width: usize,
    left: usize,
}

struct MergeRun {
    run: Run,
    batch: Batch,
    at: usize,
}

impl Merge {
    /// Merges runs whose columns past `width` are the sort keys; only the first `width` come out.
    pub(super) fn new(runs: Vec<Run>, orders: Vec<SortOrder>, width: usize, limit: Option<usize>) -> Result<Self> {
        let mut open = Vec::with_capacity(runs.len());
        for mut run in runs {
            if let Some(batch) = run.next()? {
                open.push(MergeRun { run, batch, at: 0 });
            }
        }
        Ok(Self { runs: open, orders, width, left: limit.unwrap_or(usize::MAX) })
    }

    /// The run whose next row comes first; earlier runs win ties.
    fn smallest(&self) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (n, run) in self.runs.iter().enumerate() {
            let smaller = best.is_none_or(|b| {
                let other = &self.runs[b];
                let (mine, theirs) = (&run.batch.columns[self.width..], &other.batch.columns[self.width..]);
                compare_rows(&self.orders, mine, run.at, theirs, other.at).is_lt()
            });
            if smaller {
                best = Some(n);
            }
        }
        best
    }

    /// The next rows in order.
    pub(super) fn next(&mut self) -> Result<Option<Batch>> {
        let Some(first) = self.runs.first() else { return Ok(None) };
        let kinds: Vec<ColumnKind> = first.batch.columns[..self.width].iter().map(Column::kind).collect();
        let mut builders: Vec<super::ColumnBuilder> = kinds.iter().map(|&k| super::ColumnBuilder::new(k, BATCH_ROWS)).collect();
        let mut len = 0;
        while len < BATCH_ROWS.min(self.left) {
            let Some(n) = self.smallest() else { break };
            let run = &mut self.runs[n];
            for (builder, column) in builders.iter_mut().zip(&run.batch.columns) {
                builder.push_from(column, run.at);
            }
            len += 1;
            run.at += 1;
            if run.at == run.batch.len {
                match run.run.next()? {
                    Some(batch) => (run.batch, run.at) = (batch, 0),
                    None => {
                        self.runs.remove(n);
                    }
                }
            }
        }
        self.left -= len;
        if len == 0 {
            return Ok(None);
        }
        Ok(Some(Batch::new(builders.into_iter().map(super::ColumnBuilder::finish).collect(), len)))
    }
}
