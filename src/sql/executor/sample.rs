//! TABLESAMPLE: each row stays with the asked probability.
//!
//! The choice is a hash of the seed and the row's number, so REPEATABLE gives the same rows as long as the table is the same.
//! SYSTEM chooses by rows too: there are no blocks to choose by.

use super::batch::{hash_combine, hash_u64};
use super::{Batch, BoxOperator, ExecCx, Operator};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::types::Datum;

/// Some of the input's rows.
pub struct Sample {
    input: BoxOperator,
    percent: CompiledExpr,
    seed: Option<CompiledExpr>,
    /// Threshold and seed of this run, and the rows seen.
    running: Option<(u64, u64, u64)>,
}

impl Sample {
    /// About `percent` of `input`'s rows.
    pub fn new(input: BoxOperator, percent: CompiledExpr, seed: Option<CompiledExpr>) -> Self {
        Self { input, percent, seed, running: None }
    }

    fn start(&mut self, cx: &mut ExecCx<'_>) -> Result<(u64, u64, u64)> {
        let percent = match self.percent.eval_row(cx, &[])? {
            Datum::Float4(p) => f64::from(p),
            Datum::Float8(p) => p,
            _ => return Err(err!(SqlState::INVALID_TABLESAMPLE_ARGUMENT, "TABLESAMPLE parameter cannot be null")),
        };
        if !(0.0..=100.0).contains(&percent) {
            return Err(err!(SqlState::INVALID_TABLESAMPLE_ARGUMENT, "sample percentage must be between 0 and 100"));
        }
        let seed = match &mut self.seed {
            None => (cx.session.random() * 9e15) as u64,
            Some(seed) => match seed.eval_row(cx, &[])? {
                Datum::Float8(s) => s.to_bits(),
                _ => {
                    return Err(err!(SqlState::INVALID_TABLESAMPLE_REPEAT, "TABLESAMPLE REPEATABLE parameter cannot be null"));
                }
            },
        };
        let threshold = if percent >= 100.0 { u64::MAX } else { (percent / 100.0 * u64::MAX as f64) as u64 };
        Ok((threshold, hash_u64(seed), 0))
    }
}

impl Operator for Sample {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        let (threshold, seed, mut seen) = match self.running {
            Some(running) => running,
            None => self.start(cx)?,
        };
        let Some(mut batch) = self.input.next(cx)? else { return Ok(None) };
        let mut rows = Vec::new();
        for position in batch.positions() {
            seen += 1;
            if threshold == u64::MAX || hash_combine(seed, hash_u64(seen)) < threshold {
                rows.push(position as u32);
            }
        }
        self.running = Some((threshold, seed, seen));
        batch.selection = Some(rows);
        Ok(Some(batch))
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.running = None;
        self.input.rescan(cx)
    }
}
