//! Hash join: the right input is built into a hash table, the left one probes it.
//!
//! Every join kind works with either input as build side, because rows of the build side remember whether they matched:
//!
//! | mode | comes out |
//! |---|---|
//! | Inner, Left, Semi, Anti | as named, from the probe side's view |
//! | Right, Full | plus unmatched build rows with NULLs for the probe side |
//! | BuildSemi, BuildAnti | build rows with (without) a match |
//!
//! `hash_table` has the build side. Rows with a NULL key match nothing. Conditions beyond key equality are checked on candidate pairs before a row counts as
//! matched. A build side that outgrows the memory budget is dealt out, with the probe side, to partitions in temporary files that
//! are joined one by one.

use super::batch::BATCH_ROWS;
use super::hash_table::{BuildSide, Built, END, SharedBuild, Table};
use super::spill::{Run, RunWriter};
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;
use std::sync::Arc;

/// What comes out of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinMode {
    /// Matching pairs.
    Inner,
    /// Pairs, and unmatched probe rows.
    Left,
    /// Pairs, and unmatched build rows.
    Right,
    /// Pairs, and unmatched rows of both.
    Full,
    /// Probe rows with a match.
    Semi,
    /// Probe rows without.
    Anti,
    /// Build rows with a match.
    BuildSemi,
    /// Build rows without.
    BuildAnti,
}

impl JoinMode {
    /// Whether it matters which build rows found a match. Copies of such a join on several threads would each know a part only.
    pub fn marks_build_rows(self) -> bool {
        matches!(self, Self::Right | Self::Full | Self::BuildSemi | Self::BuildAnti)
    }
}

/// A column of a join's output.
#[derive(Clone, Copy, Debug)]
pub enum JoinColumn {
    /// From the left (probe) input.
    Probe(usize),
    /// From the right (build) input.
    Build(usize),
}

/// What a join is made of besides its inputs.
pub struct JoinSpec {
    /// What comes out.
    pub mode: JoinMode,
    /// Equality keys over the probe input.
    pub probe_keys: Vec<CompiledExpr>,
    /// Conditions over probe columns followed by build columns.
    pub residual: Option<CompiledExpr>,
    /// Columns of the inputs.
    pub probe_kinds: Vec<ColumnKind>,
    /// Columns of the build input.
    pub build_kinds: Vec<ColumnKind>,
    /// Output columns in order.
    pub output: Vec<JoinColumn>,
}

/// A probe batch being worked on.
struct Probe {
    batch: Batch,
    rows: Vec<u32>,
    /// First build row with the same key, for each of `rows`.
    heads: Vec<u32>,
    matched: Vec<bool>,
    /// Next row (index into `rows`), and where its chain stands if it was left half-way.
    at: usize,
    chain: Option<u32>,
    /// Its unmatched (for Semi, matched) rows are out.
    flushed: bool,
}

/// A hash join.
pub struct HashJoin {
    probe: BoxOperator,
    /// Shared with copies on other threads.
    build: SharedBuild,
    spec: JoinSpec,
    table: Option<Arc<Table>>,
    /// Build rows with a match, for the modes that ask.
    matched: Vec<bool>,
    current: Option<Probe>,
    /// Next build row to look at for unmatched (or matched) build rows.
    leftover: usize,
    probe_done: bool,
    /// Partitions still to be joined, when the build side did not fit: build rows and probe rows.
    partitions: Vec<(Run, Run)>,
    /// Probe rows of the partition at work.
    probe_run: Option<Run>,
}

/// Partitions of a join that spills.
const PARTITIONS: usize = 32;

/// The partition of a row: by the hash bits that buckets do not use.
fn partition_of(hash: u64) -> usize {
    (hash >> 59) as usize
}

/// Rows being dealt out to partitions.
struct Dealer {
    writers: Vec<RunWriter>,
}

impl Dealer {
    fn new() -> Result<Self> {
        Ok(Self { writers: (0..PARTITIONS).map(|_| RunWriter::create()).collect::<Result<_>>()? })
    }

    fn deal(&mut self, cx: &mut ExecCx<'_>, batch: &Batch, keys: &mut [CompiledExpr]) -> Result<()> {
        let rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
        let mut hashes = vec![0; rows.len()];
        for key in keys {
            key.eval(cx, batch)?.hash_into(rows.iter().map(|&r| r as usize), &mut hashes);
        }
        let mut chosen: Vec<Vec<u32>> = vec![Vec::new(); PARTITIONS];
        rows.iter().zip(&hashes).for_each(|(&row, &hash)| chosen[partition_of(hash)].push(row));
        for (writer, rows) in self.writers.iter_mut().zip(chosen) {
            if !rows.is_empty() {
                writer.write(&Batch::new(batch.columns.iter().map(|c| c.gather(&rows)).collect(), rows.len()))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Run>> {
        self.writers.into_iter().map(RunWriter::finish).collect()
    }
}

impl HashJoin {
    /// Joins `probe` (left) with a build side (right), which copies of the join on other threads may share.
    pub fn new(probe: BoxOperator, build: SharedBuild, spec: JoinSpec) -> Self {
        Self {
            probe,
            build,
            spec,
            table: None,
            matched: Vec::new(),
            current: None,
            leftover: 0,
            probe_done: false,
            partitions: Vec::new(),
            probe_run: None,
        }
    }

    /// The table: made by the first to ask. When the build side is too big for memory, both sides are dealt out to partitions and
    /// joined here; copies on other threads then have nothing to do.
    fn build_table(&mut self, cx: &mut ExecCx<'_>) -> Result<Arc<Table>> {
        let build = Arc::clone(&self.build);
        let mut build = build.lock();
        match build.get(cx)? {
            Built::Table(table) => Ok(table),
            Built::Elsewhere => {
                self.probe_done = true;
                build.empty(cx)
            }
            Built::TooBig(read) => {
                let runs = spill_build(cx, &mut build, read)?;
                let mut probe = Dealer::new()?;
                while let Some(batch) = self.probe.next(cx)? {
                    cx.check_interrupts()?;
                    probe.deal(cx, &batch, &mut self.spec.probe_keys)?;
                }
                self.partitions = runs.into_iter().zip(probe.finish()?).collect();
                self.next_partition(cx, &mut build)
            }
        }
    }

    /// The table of the next partition, whose probe rows come from its run.
    fn next_partition(&mut self, cx: &mut ExecCx<'_>, build: &mut BuildSide) -> Result<Arc<Table>> {
        let mut batches = Vec::new();
        if let Some((mut rows, probe)) = self.partitions.pop() {
            while let Some(batch) = rows.next()? {
                batches.push(batch);
            }
            self.probe_run = Some(probe);
        }
        (self.current, self.leftover, self.probe_done) = (None, 0, false);
        build.table_of(cx, batches)
    }

    /// The next probe batch, hashed.
    fn next_probe(&mut self, cx: &mut ExecCx<'_>, table: &Table) -> Result<Option<Probe>> {
        let next = match &mut self.probe_run {
            Some(run) => run.next()?,
            None => self.probe.next(cx)?,
        };
        let Some(batch) = next else { return Ok(None) };
        let mut keys = Vec::with_capacity(self.spec.probe_keys.len());
        for key in &mut self.spec.probe_keys {
            keys.push(key.eval(cx, &batch)?);
        }
        let rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
        let heads = table.find(&keys, &rows);
        let matched = vec![false; batch.len];
        Ok(Some(Probe { batch, rows, heads, matched, at: 0, chain: None, flushed: false }))
    }

    /// Output rows from pairs; END on either side stands for NULLs.
    fn emit(&self, probe: Option<&Batch>, table: &Table, probe_rows: &[u32], build_rows: &[u32]) -> Batch {
        let len = probe_rows.len().max(build_rows.len());
        // Every probe row, each once: the columns stay as they are.
        let whole = probe.is_some_and(|b| b.len == len) && probe_rows.iter().zip(0..).all(|(&r, i)| r == i);
        let columns = self
            .spec
            .output
            .iter()
            .map(|column| match (*column, probe) {
                (JoinColumn::Probe(c), Some(batch)) if whole => batch.columns[c].clone(),
                (JoinColumn::Probe(c), Some(batch)) => batch.columns[c].gather(probe_rows),
                (JoinColumn::Probe(c), None) => Column::nulls(self.spec.probe_kinds[c], len),
                (JoinColumn::Build(c), _) if build_rows.is_empty() => Column::nulls(self.spec.build_kinds[c], len),
                (JoinColumn::Build(c), _) => table.columns[c].gather_or_null(build_rows),
            })
            .collect();
        Batch { columns, len, selection: None }
    }

    /// Works on the current probe batch until there is something to hand on; `None` when it is used up.
    fn advance(&mut self, cx: &mut ExecCx<'_>, table: &Table, probe: &mut Probe) -> Result<Option<Batch>> {
        let mode = self.spec.mode;
        let first_match_only = matches!(mode, JoinMode::Semi | JoinMode::Anti) && self.spec.residual.is_none();
        while probe.at < probe.rows.len() {
            let (mut left, mut right) = (Vec::with_capacity(BATCH_ROWS), Vec::with_capacity(BATCH_ROWS));
            pairs(table, probe, &mut left, &mut right, first_match_only);
            if let Some(residual) = &mut self.spec.residual {
                keep_passing(cx, residual, &probe.batch, table, &mut left, &mut right)?;
            }
            left.iter().for_each(|&r| probe.matched[r as usize] = true);
            if mode.marks_build_rows() {
                self.matched.resize(table.rows, false);
                right.iter().for_each(|&r| self.matched[r as usize] = true);
            }
            let pairs_come_out = matches!(mode, JoinMode::Inner | JoinMode::Left | JoinMode::Right | JoinMode::Full);
            if pairs_come_out && !left.is_empty() {
                return Ok(Some(self.emit(Some(&probe.batch), table, &left, &right)));
            }
        }
        let want = match mode {
            JoinMode::Left | JoinMode::Full | JoinMode::Anti => false,
            JoinMode::Semi => true,
            _ => return Ok(None),
        };
        if std::mem::replace(&mut probe.flushed, true) {
            return Ok(None);
        }
        let rows: Vec<u32> = probe.rows.iter().copied().filter(|&r| probe.matched[r as usize] == want).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.emit(Some(&probe.batch), table, &rows, &[])))
    }

    /// Build rows that come out by themselves once all probe rows are through.
    fn build_leftovers(&mut self, table: &Table) -> Option<Batch> {
        let want = match self.spec.mode {
            JoinMode::Right | JoinMode::Full | JoinMode::BuildAnti => false,
            JoinMode::BuildSemi => true,
            _ => return None,
        };
        self.matched.resize(table.rows, false);
        let mut rows = Vec::with_capacity(BATCH_ROWS);
        while self.leftover < table.rows && rows.len() < BATCH_ROWS {
            if self.matched[self.leftover] == want {
                rows.push(self.leftover as u32);
            }
            self.leftover += 1;
        }
        if rows.is_empty() {
            return None;
        }
        Some(self.emit(None, table, &[], &rows))
    }
}

/// Drops the candidate pairs for which the residual condition is not true.
fn keep_passing(
    cx: &mut ExecCx<'_>,
    residual: &mut CompiledExpr,
    probe: &Batch,
    table: &Table,
    left: &mut Vec<u32>,
    right: &mut Vec<u32>,
) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let mut columns: Vec<Column> = probe.columns.iter().map(|c| c.gather(left)).collect();
    columns.extend(table.columns.iter().map(|c| c.gather(right)));
    let passing = residual.filter(cx, &Batch::new(columns, left.len()))?;
    if passing.len() < left.len() {
        *left = passing.iter().map(|&i| left[i as usize]).collect();
        *right = passing.iter().map(|&i| right[i as usize]).collect();
    }
    Ok(())
}

/// Collects matching pairs until about a batch of them is there or the probe batch is used up.
fn pairs(table: &Table, probe: &mut Probe, left: &mut Vec<u32>, right: &mut Vec<u32>, first_match_only: bool) {
    while probe.at < probe.rows.len() {
        let row = probe.rows[probe.at];
        let mut chain = probe.chain.take().unwrap_or(probe.heads[probe.at]);
        while chain != END {
            if left.len() >= BATCH_ROWS {
                probe.chain = Some(chain);
                return;
            }
            left.push(row);
            right.push(chain);
            chain = if first_match_only { END } else { table.next(chain) };
        }
        probe.at += 1;
    }
}

/// Deals the whole build side out to partitions: what was read of it, then the rest.
fn spill_build(cx: &mut ExecCx<'_>, build: &mut BuildSide, read: Vec<Batch>) -> Result<Vec<Run>> {
    let mut dealer = Dealer::new()?;
    let [first, ..] = &mut build.workers[..] else { return dealer.finish() };
    for batch in read {
        dealer.deal(cx, &batch, &mut first.keys)?;
    }
    for worker in &mut build.workers {
        while let Some(batch) = worker.input.next(cx)? {
            cx.check_interrupts()?;
            dealer.deal(cx, &batch, &mut worker.keys)?;
        }
    }
    dealer.finish()
}

/// Equality of key values, integers and floats of different widths included; NULL equals NULL.
#[inline]
pub(super) fn equal_across(a: &Column, i: usize, b: &Column, j: usize) -> bool {
    if a.kind() == b.kind() {
        return a.same(i, b, j);
    }
    if a.is_null(i) || b.is_null(j) {
        return a.is_null(i) && b.is_null(j);
    }
    match (a.get_i64(i), b.get_i64(j)) {
        (Some(x), Some(y)) => x == y,
        _ => super::order::compare(a.kind(), &a.get(i), &b.get(j)).is_eq(),
    }
}

impl Operator for HashJoin {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        let mut table = match self.table.take() {
            Some(table) => table,
            None => self.build_table(cx)?,
        };
        let mut result = self.next_from(cx, &table);
        while matches!(result, Ok(None)) && !self.partitions.is_empty() {
            let build = Arc::clone(&self.build);
            self.matched.clear();
            table = self.next_partition(cx, &mut build.lock())?;
            result = self.next_from(cx, &table);
        }
        self.table = Some(table);
        result
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.table, self.current, self.leftover, self.probe_done) = (None, None, 0, false);
        (self.partitions, self.probe_run) = (Vec::new(), None);
        self.matched.clear();
        self.probe.rescan(cx)?;
        self.build.lock().rescan(cx)
    }

    fn prepare(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.build.lock().make(cx)?;
        self.probe.prepare(cx)
    }
}

impl HashJoin {
    fn next_from(&mut self, cx: &mut ExecCx<'_>, table: &Table) -> Result<Option<Batch>> {
        let nothing_matches = table.rows == 0
            && matches!(
                self.spec.mode,
                JoinMode::Inner | JoinMode::Semi | JoinMode::Right | JoinMode::BuildSemi | JoinMode::BuildAnti
            );
        if nothing_matches {
            return Ok(None);
        }
        while !self.probe_done {
            let mut probe = match self.current.take() {
                Some(probe) => probe,
                None => match self.next_probe(cx, table)? {
                    Some(probe) => probe,
                    None => {
                        self.probe_done = true;
                        break;
                    }
                },
            };
            if let Some(batch) = self.advance(cx, table, &mut probe)? {
                self.current = Some(probe);
                return Ok(Some(batch));
            }
        }
        Ok(self.build_leftovers(table))
    }
}
