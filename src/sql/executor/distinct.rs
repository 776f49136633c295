//! DISTINCT and DISTINCT ON: passes on the first row of each key.
//!
//! Where equal rows arrive together, only the last key is remembered. Otherwise the keys go into a hash table; when that is full,
//! rows with keys it does not hold are dealt out to files by their key's hash and looked at once the input has ended, a file
//! (whose keys fit, or which is dealt out again) at a time.

use super::group_table::{GroupTable, Missing};
use super::partition::{Partitions, hash_budget};
use super::spill::Run;
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;

/// The first row of each distinct key, in input order as long as the keys fit in memory or arrive sorted.
pub struct Distinct {
    input: BoxOperator,
    keys: Vec<CompiledExpr>,
    kinds: Vec<ColumnKind>,
    /// Equal rows arrive together: the last row's key.
    sorted: bool,
    last: Option<Vec<Column>>,
    seen: GroupTable,
    groups: Vec<u32>,
    missing: Missing,
    /// Rows without room, and the level they are dealt out at.
    overflow: Option<Partitions>,
    level: u32,
    /// The partition being read; `None` while the input is.
    run: Option<Run>,
    waiting: Vec<(u32, Run)>,
}

impl Distinct {
    /// Rows of `input` distinct by `keys`; `sorted` if equal rows arrive together.
    pub fn new(input: BoxOperator, keys: Vec<CompiledExpr>, sorted: bool) -> Self {
        let kinds: Vec<ColumnKind> = keys.iter().map(|k| k.kind).collect();
        let seen = GroupTable::new(&kinds);
        Self {
            input,
            keys,
            kinds,
            sorted,
            last: None,
            seen,
            groups: Vec::new(),
            missing: Missing::default(),
            overflow: None,
            level: 0,
            run: None,
            waiting: Vec::new(),
        }
    }

    /// The next batch of the input or, after it, of the partitions.
    fn read(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        loop {
            let next = match &mut self.run {
                Some(run) => run.next()?,
                None => self.input.next(cx)?,
            };
            if next.is_some() {
                return Ok(next);
            }
            if let Some(overflow) = self.overflow.take() {
                let level = self.level + 1;
                self.waiting.extend(overflow.finish()?.into_iter().map(|(_, run)| (level, run)));
            }
            let Some((level, run)) = self.waiting.pop() else { return Ok(None) };
            (self.level, self.run) = (level, Some(run));
            self.seen = GroupTable::new(&self.kinds);
        }
    }

    /// The rows whose key is not the row's before.
    fn changes(&mut self, keys: &[Column], rows: &[u32]) -> Vec<u32> {
        let mut kept = Vec::new();
        let mut before: Option<u32> = None;
        for &row in rows {
            let same = match (before, &self.last) {
                (Some(b), _) => keys.iter().all(|k| k.same(row as usize, k, b as usize)),
                (None, Some(last)) => keys.iter().zip(last).all(|(k, l)| k.same(row as usize, l, 0)),
                (None, None) => false,
            };
            if !same {
                kept.push(row);
            }
            before = Some(row);
        }
        if let Some(last) = before {
            self.last = Some(keys.iter().map(|k| k.gather(&[last])).collect());
        }
        kept
    }

    /// The rows whose key was not seen before; those of keys without room go to their partitions.
    fn unseen(&mut self, cx: &ExecCx<'_>, batch: &Batch, keys: &[Column], mut rows: Vec<u32>) -> Result<Vec<u32>> {
        if self.overflow.is_none() && self.seen.memory() > hash_budget(cx.work_mem, self.level) {
            self.overflow = Some(Partitions::new(self.level));
        }
        if let Some(overflow) = &mut self.overflow {
            self.seen.number_known(keys, &mut rows, &mut self.groups, &mut self.missing);
            overflow.deal(&batch.columns, &self.missing.rows, &self.missing.hashes)?;
            return Ok(Vec::new());
        }
        let mut next = self.seen.len() as u32;
        self.seen.number(keys, &rows, &mut self.groups);
        let mut kept = Vec::new();
        for (&row, &group) in rows.iter().zip(&self.groups) {
            if group == next {
                kept.push(row);
                next += 1;
            }
        }
        Ok(kept)
    }
}

impl Operator for Distinct {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        while let Some(mut batch) = self.read(cx)? {
            cx.check_interrupts()?;
            let mut keys = Vec::with_capacity(self.keys.len());
            for key in &mut self.keys {
                keys.push(key.eval(cx, &batch)?);
            }
            let rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
            let kept = if self.sorted { self.changes(&keys, &rows) } else { self.unseen(cx, &batch, &keys, rows)? };
            if kept.is_empty() {
                continue;
            }
            batch.selection = Some(kept);
            return Ok(Some(batch.compact_if_sparse()));
        }
        Ok(None)
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.seen = GroupTable::new(&self.kinds);
        (self.last, self.overflow, self.run, self.level) = (None, None, None, 0);
        self.waiting.clear();
        self.input.rescan(cx)
    }
}
