//! Common table expressions: rows computed once and read by every reference; recursive ones iterated to a fixpoint. Rows past
//! work_mem lie in a temporary file.

use super::group_table::GroupTable;
use super::spill::BatchStore;
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use parking_lot::Mutex;
use std::sync::Arc;

/// One materialised CTE of a WITH: its slot and how its rows are made. Rows are made as they are asked for, so a LIMIT above an
/// endless recursion ends.
pub struct CteProducer {
    /// Slot in `ExecState::ctes`.
    pub slot: usize,
    /// The query; for a recursive CTE the non-recursive term.
    pub plan: BoxOperator,
    /// The recursive term, reading the working slot.
    pub recursive: Option<RecursiveTerm>,
    /// Kinds of its columns.
    pub kinds: Vec<ColumnKind>,
    /// Run to the end even when nothing reads it (data-modifying statements).
    pub eager: bool,
    /// Rows seen, for recursive UNION.
    pub seen: Option<GroupTable>,
    /// Where production stands.
    pub stage: Stage,
}

/// The recursive term of a CTE.
pub struct RecursiveTerm {
    /// Its plan.
    pub plan: BoxOperator,
    /// UNION instead of UNION ALL: rows seen before are dropped.
    pub distinct: bool,
    /// Slot of the working table the term reads.
    pub working: usize,
}

/// Where a CTE's production stands.
#[derive(Default)]
pub enum Stage {
    /// Not a row yet.
    #[default]
    Fresh,
    /// Running the query, or a round of the recursive term (`first` false); the rows of this round so far.
    Round {
        /// Running the non-recursive term.
        first: bool,
        /// Rows of this round: the next round's working table.
        rows: BatchStore,
    },
    /// All rows are there.
    Done,
}

/// A producer shared by the WITH that owns it and the scans that read it.
pub type SharedProducer = Arc<Mutex<CteProducer>>;

impl CteProducer {
    /// Makes at least one more batch, or finishes.
    fn step(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        if matches!(self.stage, Stage::Fresh) {
            self.seen = self.recursive.as_ref().filter(|r| r.distinct).map(|_| GroupTable::new(&self.kinds));
            self.stage = Stage::Round { first: true, rows: BatchStore::default() };
            *cx.cte(self.slot) = super::context::CteRows { kinds: Arc::from(self.kinds.as_slice()), ..Default::default() };
        }
        loop {
            cx.check_interrupts()?;
            let Stage::Round { first, rows } = &mut self.stage else { return Ok(()) };
            let plan = match &mut self.recursive {
                Some(term) if !*first => &mut term.plan,
                _ => &mut self.plan,
            };
            if let Some(batch) = plan.next(cx)? {
                let batch = tidy(batch, &self.kinds);
                let batch = match &mut self.seen {
                    Some(seen) => new_rows(seen, batch),
                    None => (batch.len > 0).then_some(batch),
                };
                let Some(batch) = batch else { continue };
                let budget = cx.work_mem;
                if self.recursive.is_some() {
                    rows.push(batch.clone(), budget)?;
                }
                return cx.cte(self.slot).batches.push(batch, budget);
            }
            let rows = std::mem::take(rows);
            match &mut self.recursive {
                Some(term) if !rows.is_empty() => {
                    let working = cx.cte(term.working);
                    working.batches = rows;
                    working.complete = true;
                    term.plan.rescan(cx)?;
                    self.stage = Stage::Round { first: false, rows: BatchStore::default() };
                }
                _ => {
                    cx.cte(self.slot).complete = true;
                    self.stage = Stage::Done;
                    return Ok(());
                }
            }
        }
    }
}

/// Batches with columns brought to the CTE's kinds, selections resolved.
fn tidy(batch: Batch, kinds: &[ColumnKind]) -> Batch {
    let mut batch = batch.compact();
    for (column, &kind) in batch.columns.iter_mut().zip(kinds) {
        if column.kind() != kind {
            *column = column.clone().relabel(kind);
        }
    }
    batch
}

/// WITH: owns the CTEs of its body.
pub struct With {
    producers: Vec<SharedProducer>,
    body: BoxOperator,
    started: bool,
    finished: bool,
}

impl With {
    /// `body` over the CTEs made by `producers`, in order.
    pub fn new(producers: Vec<SharedProducer>, body: BoxOperator) -> Self {
        Self { producers, body, started: false, finished: false }
    }

    /// Runs data-modifying CTEs to their ends.
    fn run_eager(&self, cx: &mut ExecCx<'_>) -> Result<()> {
        for producer in &self.producers {
            let mut producer = producer.lock();
            while producer.eager && !matches!(producer.stage, Stage::Done) {
                producer.step(cx)?;
            }
        }
        Ok(())
    }
}

/// The rows of `batch` not seen before.
fn new_rows(seen: &mut GroupTable, mut batch: Batch) -> Option<Batch> {
    let rows: Vec<u32> = (0..batch.len as u32).collect();
    let mut next = seen.len() as u32;
    let mut groups = Vec::new();
    seen.number(&batch.columns, &rows, &mut groups);
    let mut kept = Vec::new();
    for (row, group) in rows.into_iter().zip(groups) {
        if group == next {
            kept.push(row);
            next += 1;
        }
    }
    if kept.is_empty() {
        return None;
    }
    batch.selection = Some(kept);
    Some(batch.compact())
}

impl Operator for With {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        self.started = true;
        match self.body.next(cx)? {
            Some(batch) => Ok(Some(batch)),
            None if self.finished => Ok(None),
            None => {
                self.finished = true;
                self.run_eager(cx)?;
                Ok(None)
            }
        }
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        if self.started {
            for producer in &self.producers {
                let mut producer = producer.lock();
                producer.plan.rescan(cx)?;
                producer.stage = Stage::Fresh;
                *cx.cte(producer.slot) = super::context::CteRows::default();
            }
        }
        (self.started, self.finished) = (false, false);
        self.body.rescan(cx)
    }
}

/// Rows of a CTE slot.
pub struct CteScan {
    slot: usize,
    /// Makes more rows; `None` for a recursive term's working table.
    producer: Option<SharedProducer>,
    /// Which of the CTE's columns come out.
    columns: Vec<usize>,
    at: usize,
}

impl CteScan {
    /// `columns` of the CTE in `slot`.
    pub fn new(slot: usize, producer: Option<SharedProducer>, columns: Vec<usize>) -> Self {
        Self { slot, producer, columns, at: 0 }
    }
}

impl Operator for CteScan {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        cx.check_interrupts()?;
        loop {
            let store = cx.cte(self.slot);
            if let Some(batch) = store.batches.get(self.at)? {
                self.at += 1;
                let columns: Vec<Column> = self.columns.iter().map(|&c| batch.columns[c].clone()).collect();
                return Ok(Some(Batch { columns, len: batch.len, selection: batch.selection.clone() }));
            }
            match &self.producer {
                Some(producer) if !store.complete => producer.lock().step(cx)?,
                _ => return Ok(None),
            }
        }
    }

    fn rescan(&mut self, _: &mut ExecCx<'_>) -> Result<()> {
        self.at = 0;
        Ok(())
    }
}
