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
//! Rows with a NULL key match nothing. Conditions beyond key equality are checked on candidate pairs before a row counts as
//! matched. A build side that outgrows the memory budget is dealt out, with the probe side, to partitions in temporary files that
//! are joined one by one.

use super::batch::BATCH_ROWS;
use super::spill::{Run, RunWriter};
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;

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
    /// Keys over the build input, pairwise of kinds that hash and compare alike.
    pub build_keys: Vec<CompiledExpr>,
    /// Keys (by position) for which NULL equals NULL; missing entries are false.
    pub null_safe: Vec<bool>,
    /// Conditions over probe columns followed by build columns.
    pub residual: Option<CompiledExpr>,
    /// Columns of the inputs.
    pub probe_kinds: Vec<ColumnKind>,
    /// Columns of the build input.
    pub build_kinds: Vec<ColumnKind>,
    /// Output columns in order.
    pub output: Vec<JoinColumn>,
}

const END: u32 = u32::MAX;

/// The build side.
struct Table {
    columns: Vec<Column>,
    keys: Vec<Column>,
    /// Keys that NULL does not match, by position.
    strict: Vec<usize>,
    rows: usize,
    hashes: Vec<u64>,
    /// First row of each bucket.
    heads: Vec<u32>,
    /// Next row in the same bucket.
    next: Vec<u32>,
    matched: Vec<bool>,
}

/// A probe batch being worked on.
struct Probe {
    batch: Batch,
    keys: Vec<Column>,
    rows: Vec<u32>,
    hashes: Vec<u64>,
    matched: Vec<bool>,
    /// Next row (index into `rows`) and where its chain stands.
    at: usize,
    chain: u32,
    /// Its unmatched (for Semi, matched) rows are out.
    flushed: bool,
}

/// A hash join.
pub struct HashJoin {
    probe: BoxOperator,
    build: BoxOperator,
    spec: JoinSpec,
    table: Option<Table>,
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
    /// Joins `probe` (left) with `build` (right).
    pub fn new(probe: BoxOperator, build: BoxOperator, spec: JoinSpec) -> Self {
        Self {
            probe,
            build,
            spec,
            table: None,
            current: None,
            leftover: 0,
            probe_done: false,
            partitions: Vec::new(),
            probe_run: None,
        }
    }

    /// Reads the build side: into a table, or when it is too big, both sides into partitions.
    fn build_table(&mut self, cx: &mut ExecCx<'_>) -> Result<Table> {
        let mut batches = Vec::new();
        let mut memory = 0;
        // As PostgreSQL's hash_mem_multiplier: hash tables may take twice work_mem.
        let budget = cx.work_mem.saturating_mul(2);
        while let Some(batch) = self.build.next(cx)? {
            cx.check_interrupts()?;
            let batch = batch.compact();
            memory += batch.memory() + batch.len * 24;
            batches.push(batch);
            if memory > budget && !self.spec.build_keys.is_empty() {
                self.spill(cx, batches)?;
                return self.next_partition(cx);
            }
        }
        self.make_table(cx, batches)
    }

    /// Deals both sides out to partitions.
    fn spill(&mut self, cx: &mut ExecCx<'_>, read: Vec<Batch>) -> Result<()> {
        let mut build = Dealer::new()?;
        for batch in read {
            build.deal(cx, &batch, &mut self.spec.build_keys)?;
        }
        while let Some(batch) = self.build.next(cx)? {
            cx.check_interrupts()?;
            build.deal(cx, &batch, &mut self.spec.build_keys)?;
        }
        let mut probe = Dealer::new()?;
        while let Some(batch) = self.probe.next(cx)? {
            cx.check_interrupts()?;
            probe.deal(cx, &batch, &mut self.spec.probe_keys)?;
        }
        self.partitions = build.finish()?.into_iter().zip(probe.finish()?).collect();
        Ok(())
    }

    /// The table of the next partition, whose probe rows come from its run.
    fn next_partition(&mut self, cx: &mut ExecCx<'_>) -> Result<Table> {
        let mut batches = Vec::new();
        if let Some((mut build, probe)) = self.partitions.pop() {
            while let Some(batch) = build.next()? {
                batches.push(batch);
            }
            self.probe_run = Some(probe);
        }
        (self.current, self.leftover, self.probe_done) = (None, 0, false);
        self.make_table(cx, batches)
    }

    fn make_table(&mut self, cx: &mut ExecCx<'_>, batches: Vec<Batch>) -> Result<Table> {
        let mut parts: Vec<Vec<Column>> = vec![Vec::new(); self.spec.build_kinds.len()];
        let mut key_parts: Vec<Vec<Column>> = vec![Vec::new(); self.spec.build_keys.len()];
        let mut rows = 0;
        for batch in batches {
            for (part, key) in key_parts.iter_mut().zip(&mut self.spec.build_keys) {
                part.push(key.eval(cx, &batch)?);
            }
            rows += batch.len;
            for (part, column) in parts.iter_mut().zip(batch.columns) {
                part.push(column);
            }
        }
        let whole = |kind: ColumnKind, parts: Vec<Column>| {
            if parts.is_empty() { Column::nulls(kind, 0) } else { Column::concat(kind, &parts) }
        };
        let columns: Vec<Column> = self.spec.build_kinds.iter().zip(parts).map(|(&k, p)| whole(k, p)).collect();
        let keys: Vec<Column> = self.spec.build_keys.iter().zip(key_parts).map(|(k, p)| whole(k.kind, p)).collect();
        let mut hashes = vec![0; rows];
        for key in &keys {
            key.hash_into(0..rows, &mut hashes);
        }
        let null_safe = &self.spec.null_safe;
        let strict = (0..keys.len()).filter(|&k| !null_safe.get(k).copied().unwrap_or(false)).collect();
        let size = (rows * 2).next_power_of_two().max(16);
        let mut table = Table {
            heads: vec![END; size],
            next: vec![END; rows],
            matched: vec![false; rows],
            columns,
            keys,
            strict,
            rows,
            hashes,
        };
        table.link();
        Ok(table)
    }

    /// The next probe batch, hashed.
    fn next_probe(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Probe>> {
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
        let mut hashes = vec![0; rows.len()];
        for key in &keys {
            key.hash_into(rows.iter().map(|&r| r as usize), &mut hashes);
        }
        let matched = vec![false; batch.len];
        Ok(Some(Probe { batch, keys, rows, hashes, matched, at: 0, chain: END, flushed: false }))
    }

    /// Output rows from pairs; END on either side stands for NULLs.
    fn emit(&self, probe: Option<&Batch>, table: &Table, probe_rows: &[u32], build_rows: &[u32]) -> Batch {
        let len = probe_rows.len().max(build_rows.len());
        let columns = self
            .spec
            .output
            .iter()
            .map(|column| match (*column, probe) {
                (JoinColumn::Probe(c), Some(batch)) => batch.columns[c].gather(probe_rows),
                (JoinColumn::Probe(c), None) => Column::nulls(self.spec.probe_kinds[c], len),
                (JoinColumn::Build(c), _) if build_rows.is_empty() => Column::nulls(self.spec.build_kinds[c], len),
                (JoinColumn::Build(c), _) => table.columns[c].gather_or_null(build_rows),
            })
            .collect();
        Batch { columns, len, selection: None }
    }

    /// Works on the current probe batch until there is something to hand on; `None` when it is used up.
    fn advance(&mut self, cx: &mut ExecCx<'_>, table: &mut Table, probe: &mut Probe) -> Result<Option<Batch>> {
        let mode = self.spec.mode;
        let first_match_only = matches!(mode, JoinMode::Semi | JoinMode::Anti) && self.spec.residual.is_none();
        while probe.at < probe.rows.len() {
            let (mut left, mut right) = (Vec::with_capacity(BATCH_ROWS), Vec::with_capacity(BATCH_ROWS));
            table.pairs(probe, &mut left, &mut right, first_match_only);
            if let Some(residual) = &mut self.spec.residual {
                keep_passing(cx, residual, &probe.batch, table, &mut left, &mut right)?;
            }
            left.iter().for_each(|&r| probe.matched[r as usize] = true);
            if matches!(mode, JoinMode::Right | JoinMode::Full | JoinMode::BuildSemi | JoinMode::BuildAnti) {
                right.iter().for_each(|&r| table.matched[r as usize] = true);
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
        let mut rows = Vec::with_capacity(BATCH_ROWS);
        while self.leftover < table.rows && rows.len() < BATCH_ROWS {
            if table.matched[self.leftover] == want {
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

impl Table {
    /// Chains the rows into buckets; later rows first put in, so that chains keep the input's order.
    fn link(&mut self) {
        let mask = self.heads.len() - 1;
        let nullable: Vec<&Column> = self.strict.iter().map(|&k| &self.keys[k]).filter(|k| k.may_have_nulls()).collect();
        for row in (0..self.rows).rev() {
            if nullable.iter().any(|k| k.is_null(row)) {
                continue;
            }
            let bucket = self.hashes[row] as usize & mask;
            self.next[row] = self.heads[bucket];
            self.heads[bucket] = row as u32;
        }
    }

    #[inline]
    fn matches(&self, row: u32, probe: &Probe, probe_row: u32, hash: u64) -> bool {
        self.hashes[row as usize] == hash
            && self.keys.iter().zip(&probe.keys).all(|(b, p)| equal_across(p, probe_row as usize, b, row as usize))
    }

    /// Collects matching pairs until about a batch of them is there or the probe batch is used up.
    fn pairs(&self, probe: &mut Probe, left: &mut Vec<u32>, right: &mut Vec<u32>, first_match_only: bool) {
        let mask = self.heads.len() - 1;
        while probe.at < probe.rows.len() && left.len() < BATCH_ROWS {
            let row = probe.rows[probe.at];
            let hash = probe.hashes[probe.at];
            let mut chain = probe.chain;
            if chain == END {
                chain = self.heads[hash as usize & mask];
                if chain != END && self.strict.iter().any(|&k| probe.keys[k].is_null(row as usize)) {
                    chain = END;
                }
            }
            while chain != END {
                if self.matches(chain, probe, row, hash) {
                    left.push(row);
                    right.push(chain);
                    if first_match_only {
                        chain = END;
                        break;
                    }
                    if left.len() >= BATCH_ROWS {
                        chain = self.next[chain as usize];
                        break;
                    }
                }
                chain = self.next[chain as usize];
            }
            probe.chain = chain;
            if chain == END {
                probe.at += 1;
            }
        }
    }
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
        let mut result = self.next_from(cx, &mut table);
        while matches!(result, Ok(None)) && !self.partitions.is_empty() {
            table = self.next_partition(cx)?;
            result = self.next_from(cx, &mut table);
        }
        self.table = Some(table);
        result
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.table, self.current, self.leftover, self.probe_done) = (None, None, 0, false);
        (self.partitions, self.probe_run) = (Vec::new(), None);
        self.probe.rescan(cx)?;
        self.build.rescan(cx)
    }
}

impl HashJoin {
    fn next_from(&mut self, cx: &mut ExecCx<'_>, table: &mut Table) -> Result<Option<Batch>> {
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
                None => match self.next_probe(cx)? {
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
