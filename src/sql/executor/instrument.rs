//! What an operator really does, for EXPLAIN ANALYZE: a wrapper counts its runs, its rows and its time.
//!
//! Counters are shared: the twins of an operator that several threads run add up. A node is known by its address in the plan,
//! which stays where it is while the statement runs.

use super::{Batch, BoxOperator, ExecCx, Operator};
use crate::error::Result;
use crate::sql::planner::explain::{Actual, Actuals};
use crate::sql::planner::physical::Physical;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Counters of a node while it runs; times in nanoseconds.
#[derive(Debug, Default)]
pub struct Counters {
    loops: AtomicU64,
    rows: AtomicU64,
    startup: AtomicU64,
    total: AtomicU64,
}

impl Counters {
    /// Runs by somebody else: the looked-up side of a lookup join.
    pub fn add(&self, loops: u64, rows: u64, nanoseconds: u64) {
        self.loops.fetch_add(loops, Relaxed);
        self.rows.fetch_add(rows, Relaxed);
        self.total.fetch_add(nanoseconds, Relaxed);
    }

    fn actual(&self) -> Actual {
        let ms = |n: &AtomicU64| n.load(Relaxed) as f64 / 1e6;
        Actual {
            loops: self.loops.load(Relaxed),
            rows: self.rows.load(Relaxed),
            startup: ms(&self.startup),
            total: ms(&self.total),
        }
    }
}

/// The number by which a node is known.
pub fn node_key(plan: &Physical) -> usize {
    std::ptr::from_ref(plan) as usize
}

/// Counters of all nodes of a statement.
#[derive(Debug, Default)]
pub struct Instruments(Mutex<HashMap<usize, Arc<Counters>>>);

impl Instruments {
    /// The counters of a node.
    pub fn counters(&self, key: usize) -> Arc<Counters> {
        Arc::clone(self.0.lock().entry(key).or_default())
    }

    /// What every node did.
    pub fn actuals(&self) -> Actuals {
        self.0.lock().iter().map(|(key, counters)| (*key, counters.actual())).collect()
    }
}

/// An operator being watched.
pub struct Instrumented {
    inner: BoxOperator,
    counters: Arc<Counters>,
    /// Time of the current run before its first rows; `None` once they came.
    waiting: Option<u64>,
    running: bool,
}

impl Instrumented {
    /// Watches an operator.
    pub fn new(inner: BoxOperator, counters: Arc<Counters>) -> Self {
        Self { inner, counters, waiting: Some(0), running: false }
    }
}

impl Operator for Instrumented {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if !self.running {
            self.running = true;
            self.counters.loops.fetch_add(1, Relaxed);
        }
        let begun = Instant::now();
        let batch = self.inner.next(cx);
        let took = begun.elapsed().as_nanos() as u64;
        self.counters.total.fetch_add(took, Relaxed);
        if let Ok(Some(batch)) = &batch {
            self.counters.rows.fetch_add(batch.rows() as u64, Relaxed);
        }
        if let Some(before) = self.waiting.take() {
            match &batch {
                Ok(Some(batch)) if batch.rows() == 0 => self.waiting = Some(before + took),
                _ => {
                    self.counters.startup.fetch_add(before + took, Relaxed);
                }
            }
        }
        batch
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.running = false;
        self.waiting = Some(0);
        self.inner.rescan(cx)
    }

    fn prepare(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.inner.prepare(cx)
    }
}
