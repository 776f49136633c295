//! Sort: orders its input, in memory while it fits, else by sorted runs in temporary files that are merged; with a row bound it
//! keeps the best rows only.
//!
//! Rows are compared by an eight-byte prefix of the first key before anything else: its byte order is the value order, with DESC
//! and NULLS FIRST folded in, so most comparisons touch one word. Equal rows keep their input order.
//!
//! With a row bound, the word of the worst row kept tells at once that most further rows do not count; the scan below is told it,
//! too. A big input is read by several threads: each sorts what it reads, then the sorted parts are merged.

use super::batch::{BATCH_ROWS, Data};
use super::dynamic::SortBound;
use super::parallel::on_threads;
use super::spill::{Run, RunWriter};
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::types::Datum;
use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as AtomicOrdering};

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

/// Words whose order agrees with the key's, as far as it goes: one for each position of the column.
pub fn sort_prefixes(order: SortOrder, column: &Column, words: &mut Vec<u64>) {
    let signed = |v: i64| (v as u64) ^ (1 << 63);
    words.clear();
    match column.data() {
        Data::I16(v) => words.extend(v.iter().map(|&v| signed(v.into()))),
        Data::I32(v) => words.extend(v.iter().map(|&v| signed(v.into()))),
        Data::I64(v) | Data::Decimal(v, _) => words.extend(v.iter().map(|&v| signed(v))),
        Data::U32(v) => words.extend(v.iter().map(|&v| u64::from(v))),
        Data::Bool(v) => words.extend(v.iter().map(|&v| u64::from(v))),
        Data::F64(v) => words.extend(v.iter().map(|&v| float_word(v))),
        Data::Bytes(v) if column.kind() != ColumnKind::Bpchar => words.extend((0..v.len()).map(|i| first_bytes(v.get(i)))),
        // Nothing is known of them but whether they are NULL.
        _ => words.extend((0..column.len()).map(|i| match (column.is_null(i), order.nulls_first) {
            (false, _) => 1,
            (true, true) => 0,
            (true, false) => u64::MAX,
        })),
    }
    if !matches!(column.data(), Data::F32(_) | Data::Datum(_) | Data::Const(_)) && !is_padded(column) {
        // The outermost words stand for NULLs; values that would reach them share their neighbours and are told apart later.
        words.iter_mut().for_each(|w| *w = (if order.desc { !*w } else { *w }).clamp(1, u64::MAX - 1));
    }
    if let Some(valid) = column.validity() {
        let null = if order.nulls_first { 0 } else { u64::MAX };
        words.iter_mut().zip(valid.iter()).filter(|(_, valid)| !**valid).for_each(|(w, _)| *w = null);
    }
}

fn is_padded(column: &Column) -> bool {
    matches!(column.data(), Data::Bytes(_)) && column.kind() == ColumnKind::Bpchar
}

fn float_word(v: f64) -> u64 {
    if v.is_nan() {
        return u64::MAX;
    }
    let bits = (v + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn first_bytes(bytes: &[u8]) -> u64 {
    if let Some(word) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(*word);
    }
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_be_bytes(word)
}

/// The order of `len` rows by key columns; equal rows keep their order.
pub fn sorted_rows(orders: &[SortOrder], keys: &[Column], len: usize) -> Vec<u32> {
    let Some(first) = keys.first() else { return (0..len as u32).collect() };
    let mut words = Vec::with_capacity(len);
    sort_prefixes(orders[0], first, &mut words);
    let mut rows: Vec<(u64, u32)> = words.into_iter().take(len).zip(0..).collect();
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

/// A bound that keeps nothing back.
pub fn unbounded() -> SortBound {
    Arc::new(AtomicU64::new(u64::MAX))
}

/// An input and the keys over it.
struct Worker {
    input: BoxOperator,
    keys: Vec<SortColumn>,
}

/// ORDER BY.
pub struct Sort {
    /// More than one where the input is read by several threads.
    workers: Vec<Worker>,
    orders: Vec<SortOrder>,
    top: Option<TopRows>,
    /// Tells the scan below which rows cannot be among the first any more.
    bound: SortBound,
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

/// What a worker made of its input: rows in memory, in order, and sorted runs of those before.
#[derive(Default)]
struct Part {
    columns: Vec<Column>,
    rows: Vec<u32>,
    runs: Vec<Run>,
}

impl Sort {
    /// Orders `input` of `width` columns; `top` says how many rows are wanted at most.
    pub fn new(input: BoxOperator, keys: Vec<SortColumn>, width: usize, top: Option<TopRows>) -> Self {
        let orders = keys.iter().map(|k| SortOrder { desc: k.desc, nulls_first: k.nulls_first }).collect();
        Self { workers: vec![Worker { input, keys }], orders, top, bound: unbounded(), limit: None, width, output: None }
    }

    /// Adds copies of the input, which share its pieces, each with its keys.
    #[must_use]
    pub fn with_workers(mut self, more: impl IntoIterator<Item = (BoxOperator, Vec<SortColumn>)>) -> Self {
        self.workers.extend(more.into_iter().map(|(input, keys)| Worker { input, keys }));
        self
    }

    /// Uses a bound that the scan below looks at.
    #[must_use]
    pub fn with_bound(mut self, bound: SortBound) -> Self {
        self.bound = bound;
        self
    }

    fn fill(&mut self, cx: &mut ExecCx<'_>) -> Result<Output> {
        self.limit = match &mut self.top {
            Some(top) => top.count(cx)?,
            None => None,
        };
        self.bound.store(u64::MAX, AtomicOrdering::Relaxed);
        let order = Order { orders: &self.orders, limit: self.limit, width: self.width, bound: &self.bound };
        if self.workers.len() > 1 {
            self.workers[0].input.prepare(cx)?;
        }
        let mut parts = on_threads(cx, &mut self.workers, |cx, worker| order.collect(cx, worker))?;
        if parts.iter().any(|p| !p.runs.is_empty()) {
            let mut runs = Vec::new();
            for part in parts {
                runs.extend(part.runs);
                if !part.rows.is_empty() {
                    runs.push(write_run(&part.columns, &part.rows)?);
                }
            }
            return Ok(Output::Merge(Merge::new(runs, self.orders.clone(), self.width, self.limit)?));
        }
        parts.retain(|p| !p.rows.is_empty());
        let part = if parts.len() > 1 { order.join(parts) } else { parts.pop().unwrap_or_default() };
        Ok(Output::Memory { columns: part.columns, rows: part.rows, at: 0 })
    }
}

/// How rows are ordered, for any thread.
struct Order<'a> {
    orders: &'a [SortOrder],
    limit: Option<usize>,
    width: usize,
    bound: &'a SortBound,
}

impl Order<'_> {
    /// Reads a worker's input to its end.
    fn collect(&self, cx: &mut ExecCx<'_>, worker: &mut Worker) -> Result<Part> {
        let mut buffer = Buffer::default();
        let mut runs = Vec::new();
        let prune_at = self.limit.map(|n| n.saturating_mul(2).max(2 * BATCH_ROWS));
        let mut words = Vec::new();
        while let Some(batch) = worker.input.next(cx)? {
            cx.check_interrupts()?;
            let mut batch = batch.compact();
            if batch.len == 0 {
                continue;
            }
            let mut keys = Vec::with_capacity(worker.keys.len());
            for key in &mut worker.keys {
                keys.push(key.expr.eval(cx, &batch)?);
            }
            batch.columns.extend(keys);
            if self.limit.is_some() && !self.keep_possible(&mut batch, &mut words) {
                continue;
            }
            buffer.rows += batch.len;
            buffer.memory += batch.memory() + batch.len * 12;
            buffer.batches.push(batch);
            if prune_at.is_some_and(|n| buffer.rows > n) {
                buffer = self.prune(buffer);
            } else if buffer.memory > cx.work_mem && buffer.rows > BATCH_ROWS {
                let (columns, rows) = self.sort(std::mem::take(&mut buffer));
                runs.push(write_run(&columns, &rows)?);
            }
        }
        let (columns, mut rows) = self.sort(buffer);
        rows.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(Part { columns, rows, runs })
    }

    /// Drops the rows that cannot be among the first; `false` when none is left.
    fn keep_possible(&self, batch: &mut Batch, words: &mut Vec<u64>) -> bool {
        let most = self.bound.load(AtomicOrdering::Relaxed);
        if most == u64::MAX {
            return true;
        }
        sort_prefixes(self.orders[0], &batch.columns[self.width], words);
        let rows: Vec<u32> = words.iter().zip(0..).filter(|(word, _)| **word <= most).map(|(_, i)| i).collect();
        if rows.len() < batch.len {
            batch.selection = Some(rows);
            *batch = std::mem::take(batch).compact();
        }
        batch.len > 0
    }

    /// The first rows of the buffer, and the bound they set.
    fn prune(&self, buffer: Buffer) -> Buffer {
        let (columns, mut rows) = self.sort(buffer);
        let limit = self.limit.unwrap_or(usize::MAX);
        rows.truncate(limit);
        let columns: Vec<Column> = columns.iter().map(|c| c.gather(&rows)).collect();
        // The words of numerics depend on the scale of their batch.
        let sets_bound = |k: &&Column| {
            rows.len() == limit && limit > 0 && !matches!(k.data(), Data::Decimal(..) | Data::Datum(_) | Data::F32(_))
        };
        if let Some(key) = columns.get(self.width).filter(sets_bound) {
            let mut words = Vec::new();
            sort_prefixes(self.orders[0], &key.gather(&[limit as u32 - 1]), &mut words);
            self.bound.fetch_min(words[0], AtomicOrdering::Relaxed);
        }
        let memory = columns.iter().map(Column::memory).sum();
        Buffer { memory, rows: rows.len(), batches: vec![Batch::new(columns, rows.len())] }
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
        let rows = sorted_rows(self.orders, &columns[self.width..], buffer.rows);
        (columns, rows)
    }

    /// One part out of several: their columns behind one another, their orders merged.
    fn join(&self, parts: Vec<Part>) -> Part {
        let kinds: Vec<ColumnKind> = parts[0].columns.iter().map(Column::kind).collect();
        let columns: Vec<Column> = kinds
            .iter()
            .enumerate()
            .map(|(c, &kind)| Column::concat(kind, &parts.iter().map(|p| p.columns[c].clone()).collect::<Vec<_>>()))
            .collect();
        let keys = &columns[self.width..];
        let mut words = Vec::new();
        if let Some(first) = keys.first() {
            sort_prefixes(self.orders[0], first, &mut words);
        }
        let word = |row: u32| words.get(row as usize).copied().unwrap_or(0);
        let before = |a: u32, b: u32| {
            let by_word = word(a).cmp(&word(b));
            by_word.then_with(|| compare_rows(self.orders, keys, a as usize, keys, b as usize)).is_le()
        };
        let mut start = 0;
        let mut rows: Vec<u32> = Vec::new();
        for part in &parts {
            let own: Vec<u32> = part.rows.iter().map(|r| r + start).collect();
            start += part.columns.first().map_or(0, Column::len) as u32;
            rows = merged(&rows, &own, &before);
            rows.truncate(self.limit.unwrap_or(usize::MAX));
        }
        Part { columns, rows, runs: Vec::new() }
    }
}

/// Two ordered lists as one.
fn merged(a: &[u32], b: &[u32], before: &impl Fn(u32, u32) -> bool) -> Vec<u32> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if before(a[i], b[j]) {
            out.push(a[i]);
            i += 1;
        } else {
            out.push(b[j]);
            j += 1;
        }
    }
    out.extend_from_slice(&a[i..]);
    out.extend_from_slice(&b[j..]);
    out
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
        self.workers.iter_mut().try_for_each(|w| w.input.rescan(cx))
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
