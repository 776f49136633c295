//! Gather: rows of copies of a plan that several threads run, in no particular order.
//!
//! Threads live for one round: each copy runs until it has made some rows, then the round's batches are handed on one by one.
//! Rounds grow, so that a query that wants a few rows only does not read much more than those.

use super::batch::{BATCH_ROWS, Batch};
use super::parallel::on_threads;
use super::{BoxOperator, ExecCx, Operator};
use crate::error::Result;
use std::collections::VecDeque;

/// Most rows and bytes a copy makes in one round.
const ROUND_ROWS: usize = 32 * BATCH_ROWS;
const ROUND_BYTES: usize = 4 << 20;

struct Copy {
    input: BoxOperator,
    done: bool,
}

/// Rows of all copies.
pub struct Gather {
    copies: Vec<Copy>,
    ready: VecDeque<Batch>,
    prepared: bool,
    /// Rows a copy makes in the next round.
    rows: usize,
}

impl Gather {
    /// Over copies whose scans share their pieces.
    pub fn new(copies: Vec<BoxOperator>) -> Self {
        let copies = copies.into_iter().map(|input| Copy { input, done: false }).collect();
        Self { copies, ready: VecDeque::new(), prepared: false, rows: BATCH_ROWS }
    }

    fn round(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        let most = self.rows;
        self.rows = (self.rows * 4).min(ROUND_ROWS);
        let made = on_threads(cx, &mut self.copies, |cx, copy| {
            let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
            while !copy.done && rows < most && bytes < ROUND_BYTES {
                match copy.input.next(cx)? {
                    Some(batch) => {
                        let batch = batch.compact_if_sparse();
                        rows += batch.rows();
                        bytes += batch.memory();
                        batches.push(batch);
                    }
                    None => copy.done = true,
                }
            }
            Ok(batches)
        })?;
        self.ready.extend(made.into_iter().flatten().filter(|b| b.rows() > 0));
        Ok(())
    }
}

impl Operator for Gather {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            // Without further threads the first copy takes all pieces.
            if cx.parallelism < 2 {
                return self.copies[0].input.next(cx);
            }
            if self.copies.iter().take(cx.parallelism).all(|c| c.done) {
                return Ok(None);
            }
            if !std::mem::replace(&mut self.prepared, true) {
                self.copies[0].input.prepare(cx)?;
            }
            cx.check_interrupts()?;
            self.round(cx)?;
        }
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.prepared, self.rows) = (false, BATCH_ROWS);
        self.ready.clear();
        self.copies.iter_mut().try_for_each(|copy| {
            copy.done = false;
            copy.input.rescan(cx)
        })
    }
}
