//! Many rows into one table (COPY, INSERT, table rewrites) or out of it (DELETE).
//!
//! Rows and index entries are encoded into stages (`txn::bulk`); when those are full they are sorted beside the statement that
//! goes on filling the next ones, then looked through for duplicates and added to the transaction as sorted runs. Everything
//! INSERT checks is checked: NOT NULL, CHECK and foreign keys row by row, uniqueness a stage at a time - the row reported is
//! the first one that INSERT would have refused. Keys are locked unless nobody else can know the table. A load that fits one
//! small stage ends in the transaction's buffer like any INSERT's.

use super::messages;
use super::write::{KS, Modifier, Target};
use crate::error::{Result, SqlError};
use crate::sql::types::Datum;
use crate::txn::bulk::{Sorted, Sorter, Stage};
use crate::txn::{RowMode, WaitPolicy};
use std::collections::VecDeque;
use std::ops::Range;

/// Memory of stages that are handed to the sorter: little at first, more where otherwise there would be very many runs.
const FULL: [usize; 2] = [12 << 20, 24 << 20];
/// Times stages of the first size are handed over.
const FIRST: usize = 8;
/// Row numbers taken at a time.
const NUMBERS: u64 = 1024;
/// Memory of stages that are not worth files of their own.
const SMALL: usize = 4 << 20;

/// A load in progress.
pub struct BulkRows {
    target: Target,
    fresh: bool,
    /// Rows, then the entries of each index.
    stages: Vec<Stage>,
    /// Where each staged row came from.
    lines: Vec<u64>,
    sorting: VecDeque<Vec<u64>>,
    spare: Vec<Vec<Stage>>,
    sorter: Sorter,
    failed: Option<u64>,
    /// Row numbers taken and not given out.
    numbers: Range<u64>,
    full: usize,
    handed: usize,
}

impl BulkRows {
    /// Whether a table can be loaded this way: not where uniqueness is checked later, row by row.
    pub fn suits(target: &Target) -> bool {
        !target.def.excludes && !target.def.indexes.iter().any(|i| i.deferrable)
    }

    /// A load into a table; `fresh` if nobody else can have written to its storage, nor can until this transaction ends.
    pub fn new(m: &Modifier<'_>, target: Target, fresh: bool) -> Self {
        let stages = Self::new_stages(&target);
        Self {
            target,
            fresh,
            stages,
            lines: Vec::new(),
            sorting: VecDeque::new(),
            spare: Vec::new(),
            sorter: Sorter::new(m.cx.txn),
            failed: None,
            numbers: 0..0,
            full: FULL[0],
            handed: 0,
        }
    }

    fn new_stages(target: &Target) -> Vec<Stage> {
        let indexes = target.def.indexes.iter().map(|i| Stage::new(i.unique));
        std::iter::once(Stage::new(true)).chain(indexes).collect()
    }

    /// The line given with the row that an error of `add` or `finish` is about, where it is about another one than the last.
    pub fn failed_line(&self) -> Option<u64> {
        self.failed
    }

    /// Adds a row. Errors: those of INSERT, about this row or an earlier one.
    pub fn add(&mut self, m: &mut Modifier<'_>, row: &[Datum], line: u64) -> Result<()> {
        m.check_row(&self.target, row)?;
        let def = &*self.target.def;
        let number = self.lines.len() as u32;
        let row_number = match def.has_row_numbers() {
            true => {
                if self.numbers.is_empty() {
                    self.numbers = m.cx.tables.next_row_numbers(m.cx.txn, def.relation.storage, NUMBERS)?;
                }
                self.numbers.next()
            }
            false => None,
        };
        let (rows, indexes) = self.stages.split_at_mut(1);
        let at = rows[0].push(number, |out| {
            let start = out.len();
            match row_number {
                Some(n) => {
                    out.extend_from_slice(&def.prefix);
                    out.extend_from_slice(&n.to_be_bytes());
                }
                None => def.encode_row_key(row, out)?,
            }
            let middle = out.len();
            messages::log_inserted(&def.relation, &out[start..middle]);
            def.encode_row(row, out)?;
            Ok(middle)
        })?;
        let key = rows[0].bytes(at);
        for (index, stage) in def.indexes.iter().zip(indexes) {
            let exprs = match index.computed {
                false => Vec::new(),
                true => match m.exprs.index_values(&def.relation, messages::catalog_index(def, index), row)? {
                    Some(values) => values,
                    None => continue,
                },
            };
            stage.push(number, |out| index.put_entry(row, &exprs, key, out))?;
        }
        self.lines.push(line);
        self.target.def.activity.inserted(1);
        if !self.target.outgoing.is_empty() {
            let key = key.to_vec();
            m.row_inserted(&self.target, &key, row)?;
        }
        if self.bytes() >= self.full { self.hand_over(m) } else { Ok(()) }
    }

    fn bytes(&self) -> usize {
        self.stages.iter().map(Stage::byte_len).sum()
    }

    /// Gives full stages to the sorter and looks through those it has done.
    fn hand_over(&mut self, m: &mut Modifier<'_>) -> Result<()> {
        m.cx.txn.proc().interrupt.check()?;
        self.handed += 1;
        self.full = FULL[usize::from(self.handed >= FIRST)];
        let empty = self.spare.pop().unwrap_or_else(|| self.stages.iter().map(Stage::another).collect());
        let stages = std::mem::replace(&mut self.stages, empty);
        let earlier = self.sorting.pop_front();
        self.sorting.push_back(std::mem::take(&mut self.lines));
        match (self.sorter.submit(stages)?, earlier) {
            (Some(sorted), Some(lines)) => self.settle(m, sorted, &lines),
            _ => Ok(()),
        }
    }

    /// The last row is in. Errors as `add`.
    pub fn finish(&mut self, m: &mut Modifier<'_>) -> Result<()> {
        if !self.sorter.is_started() && self.bytes() < SMALL {
            self.stages.iter_mut().for_each(Stage::sort);
            let (stages, lines) = (std::mem::take(&mut self.stages), std::mem::take(&mut self.lines));
            self.check(m, &stages, &lines)?;
            return m.cx.txn.put_stages(KS, &stages);
        }
        self.hand_over(m)?;
        while let Some(sorted) = self.sorter.take()? {
            let lines = self.sorting.pop_front().unwrap_or_default();
            self.settle(m, sorted, &lines)?;
        }
        Ok(())
    }

    fn settle(&mut self, m: &mut Modifier<'_>, mut sorted: Sorted, lines: &[u64]) -> Result<()> {
        self.check(m, &sorted.stages, lines)?;
        m.cx.txn.add_runs(KS, &mut sorted)?;
        let mut stages = sorted.stages;
        stages.iter_mut().for_each(Stage::clear);
        self.spare.push(stages);
        Ok(())
    }

    /// Looks for duplicates in sorted stages: among themselves, in what the transaction wrote before, in the store.
    fn check(&mut self, m: &mut Modifier<'_>, stages: &[Stage], lines: &[u64]) -> Result<()> {
        let def = &*self.target.def;
        let mut first: Option<(u32, usize)> = None;
        for (i, stage) in stages.iter().enumerate() {
            let unique = if i == 0 { !def.has_row_numbers() } else { def.indexes[i - 1].unique };
            if !unique || stage.is_empty() {
                continue;
            }
            if !self.fresh {
                for (key, value, _) in (0..stage.len()).map(|e| stage.entry(e)) {
                    if i == 0 || def.indexes[i - 1].value_is_exclusive(value) {
                        m.cx.txn.lock_row(KS, key, RowMode::Update, WaitPolicy::Block)?;
                    }
                }
            }
            let found = [stage.duplicate(), m.cx.txn.find_existing(KS, stage, self.fresh)?];
            for row in found.into_iter().flatten().map(|e| stage.entry(e).2) {
                if first.is_none_or(|f| (row, i) < f) {
                    first = Some((row, i));
                }
            }
        }
        let Some((row, stage)) = first else { return Ok(()) };
        self.failed = lines.get(row as usize).copied();
        Err(self.duplicate(m, stages, row, stage)?)
    }

    /// 23505 for a row.
    #[cold]
    fn duplicate(&self, m: &Modifier<'_>, stages: &[Stage], row: u32, stage: usize) -> Result<SqlError> {
        let def = &*self.target.def;
        let (key, value) = stages[0].of_row(row).ok_or_else(|| SqlError::internal("a staged row is gone"))?;
        let datums = def.decode_row(key, value)?;
        if stage == 0 {
            return Ok(m.duplicate_row(def, &datums));
        }
        let index = &def.indexes[stage - 1];
        let at = messages::catalog_index(def, index);
        let exprs = match index.computed {
            true => m.exprs.index_values(&def.relation, at, &datums)?.unwrap_or_default(),
            false => Vec::new(),
        };
        let values = index.key_values(&datums, &exprs);
        Ok(messages::duplicate(m.cx.catalog, m.cx.io, &def.relation, at, &values))
    }
}

/// Many rows out of one table: DELETE. The rows are locked by the caller, and each is given once.
pub struct BulkDelete {
    target: Target,
    /// Keys of rows, then of the entries of each index.
    stages: Vec<Stage>,
    sorter: Sorter,
    spare: Vec<Vec<Stage>>,
}

impl BulkDelete {
    /// Nothing deleted.
    pub fn new(m: &Modifier<'_>, target: Target) -> Self {
        let indexes = target.def.indexes.iter().map(|i| Stage::of_removed(i.unique));
        let stages = std::iter::once(Stage::of_removed(true)).chain(indexes).collect();
        Self { target, stages, sorter: Sorter::new(m.cx.txn), spare: Vec::new() }
    }

    /// Deletes a locked row.
    pub fn delete(&mut self, m: &mut Modifier<'_>, key: &[u8], old: &[Datum]) -> Result<()> {
        let def = &*self.target.def;
        let (rows, indexes) = self.stages.split_at_mut(1);
        let number = rows[0].len() as u32;
        let put = |bytes: &[u8]| {
            let bytes = bytes.to_vec();
            move |out: &mut Vec<u8>| {
                out.extend_from_slice(&bytes);
                Ok(out.len())
            }
        };
        for (index, stage) in def.indexes.iter().zip(indexes) {
            if let Some((entry, _)) = m.entry(def, index, old, key)? {
                m.give_up(&entry)?;
                stage.push(number, put(&entry.key))?;
            }
        }
        rows[0].push(number, put(key))?;
        def.activity.deleted(1);
        m.row_deleted(&self.target, old)?;
        if self.stages.iter().map(Stage::byte_len).sum::<usize>() >= FULL[0] { self.hand_over(m) } else { Ok(()) }
    }

    fn hand_over(&mut self, m: &Modifier<'_>) -> Result<()> {
        let empty = self.spare.pop().unwrap_or_else(|| self.stages.iter().map(Stage::another).collect());
        let stages = std::mem::replace(&mut self.stages, empty);
        match self.sorter.submit(stages)? {
            Some(sorted) => self.settle(m, sorted),
            None => Ok(()),
        }
    }

    fn settle(&mut self, m: &Modifier<'_>, mut sorted: Sorted) -> Result<()> {
        m.cx.txn.add_runs(KS, &mut sorted)?;
        sorted.stages.iter_mut().for_each(Stage::clear);
        self.spare.push(sorted.stages);
        Ok(())
    }

    /// The last row is out.
    pub fn finish(&mut self, m: &Modifier<'_>) -> Result<()> {
        if !self.sorter.is_started() && self.stages.iter().map(Stage::byte_len).sum::<usize>() < SMALL {
            return m.cx.txn.put_stages(KS, &std::mem::take(&mut self.stages));
        }
        self.hand_over(m)?;
        while let Some(sorted) = self.sorter.take()? {
            self.settle(m, sorted)?;
        }
        Ok(())
    }
}
