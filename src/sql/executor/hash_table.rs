//! The build side of a hash join: read once, by several threads where it is big, and shared by every copy of the join.
//!
//! The table is one open-addressed array of `(tag, row)`; a slot stands for one key and leads to its first row, further rows of
//! the same key follow in a chain in input order. A single integer key is kept as a plain vector, so that a probe touches the slot
//! and the key and nothing else.

use super::batch::{Data, hash_u64};
use super::dynamic::{JoinKeys, KeyFilter};
use super::parallel::on_threads;
use super::{Batch, BoxOperator, Column, ColumnKind, ExecCx};
use crate::error::Result;
use crate::sql::expr::eval::CompiledExpr;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// No row.
pub const END: u32 = u32::MAX;

/// An input of the build side and the keys over it.
pub struct BuildWorker {
    /// The rows; shared out among the workers by pieces of a scan.
    pub input: BoxOperator,
    /// Keys, pairwise of kinds that hash and compare like the probe side's.
    pub keys: Vec<CompiledExpr>,
}

/// The build side of a join and what was made of it.
pub struct BuildSide {
    /// At least one.
    pub workers: Vec<BuildWorker>,
    kinds: Vec<ColumnKind>,
    /// Keys (by position) for which NULL equals NULL; missing entries are false.
    null_safe: Vec<bool>,
    /// Told the keys of this position, for the scan of the probe side.
    filter: Option<(usize, JoinKeys)>,
    state: State,
}

/// A build side shared by the copies of a join.
pub type SharedBuild = Arc<Mutex<BuildSide>>;

enum State {
    Unread,
    Made(Arc<Table>),
    /// It does not fit: what was read so far.
    TooBig(Vec<Batch>),
    /// One of the joins has it.
    Taken,
}

/// What a join gets.
pub enum Built {
    /// The table.
    Table(Arc<Table>),
    /// The build side does not fit in memory: what was read of it so far. The rest is for the taker to read.
    TooBig(Vec<Batch>),
    /// Another copy joins it by partitions.
    Elsewhere,
}

impl BuildSide {
    /// A build side over `workers`, whose rows have columns of `kinds`.
    pub fn new(workers: Vec<BuildWorker>, kinds: Vec<ColumnKind>, null_safe: Vec<bool>) -> Self {
        Self { workers, kinds, null_safe, filter: None, state: State::Unread }
    }

    /// Tells the values of key `at` once they are known.
    pub fn tell_keys(&mut self, at: usize, keys: JoinKeys) {
        self.filter = Some((at, keys));
    }

    /// For the only copy of a join.
    pub fn shared(self) -> SharedBuild {
        Arc::new(Mutex::new(self))
    }

    /// Reads the input and makes the table, unless that is done.
    pub fn make(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        if !matches!(self.state, State::Unread) {
            return Ok(());
        }
        if self.workers.len() > 1 {
            self.workers[0].input.prepare(cx)?;
        }
        // As PostgreSQL's hash_mem_multiplier: hash tables may take twice work_mem, for each process that reads.
        let readers = self.workers.len().min(cx.parallelism.max(1));
        let budget = cx.work_mem.saturating_mul(2 * readers);
        let used = AtomicUsize::new(0);
        let over = || used.load(Ordering::Relaxed) > budget;
        let parts = on_threads(cx, &mut self.workers, |cx, worker| {
            let mut batches = Vec::new();
            while let Some(batch) = worker.input.next(cx)? {
                cx.check_interrupts()?;
                let batch = batch.compact();
                used.fetch_add(batch.memory() + batch.len * 24, Ordering::Relaxed);
                batches.push(batch);
                if over() && !worker.keys.is_empty() {
                    break;
                }
            }
            Ok(batches)
        })?;
        let batches: Vec<Batch> = parts.into_iter().flatten().collect();
        self.state = if over() && !self.workers[0].keys.is_empty() {
            State::TooBig(batches)
        } else {
            let table = self.table_of(cx, batches)?;
            if let Some((at, keys)) = &self.filter {
                *keys.write() = table.key_filter(*at).map(Arc::new);
            }
            State::Made(table)
        };
        Ok(())
    }

    /// The table, or the rows when they are too many.
    pub fn get(&mut self, cx: &mut ExecCx<'_>) -> Result<Built> {
        self.make(cx)?;
        Ok(match std::mem::replace(&mut self.state, State::Taken) {
            State::Made(table) => {
                self.state = State::Made(Arc::clone(&table));
                Built::Table(table)
            }
            State::TooBig(read) => Built::TooBig(read),
            State::Unread | State::Taken => Built::Elsewhere,
        })
    }

    /// A table of no rows.
    pub fn empty(&mut self, cx: &mut ExecCx<'_>) -> Result<Arc<Table>> {
        self.table_of(cx, Vec::new())
    }

    /// Forgets what was made.
    pub fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        self.state = State::Unread;
        if let Some((_, keys)) = &self.filter {
            *keys.write() = None;
        }
        self.workers.iter_mut().try_for_each(|w| w.input.rescan(cx))
    }

    /// A table of these rows.
    pub fn table_of(&mut self, cx: &mut ExecCx<'_>, batches: Vec<Batch>) -> Result<Arc<Table>> {
        let exprs = &mut self.workers[0].keys;
        let mut parts: Vec<Vec<Column>> = vec![Vec::new(); self.kinds.len()];
        let mut key_parts: Vec<Vec<Column>> = vec![Vec::new(); exprs.len()];
        let mut rows = 0;
        for batch in batches {
            for (part, key) in key_parts.iter_mut().zip(exprs.iter_mut()) {
                part.push(key.eval(cx, &batch)?);
            }
            rows += batch.len;
            for (part, column) in parts.iter_mut().zip(batch.columns) {
                part.push(column);
            }
        }
        let whole = |kind: ColumnKind, parts: Vec<Column>| {
            if parts.is_empty() { Column::nulls(kind, 0).flatten() } else { Column::concat(kind, &parts) }
        };
        let columns = self.kinds.iter().zip(parts).map(|(&k, p)| whole(k, p)).collect();
        let keys: Vec<Column> = exprs.iter().zip(key_parts).map(|(k, p)| whole(k.kind, p)).collect();
        let strict = (0..keys.len()).filter(|&k| !self.null_safe.get(k).copied().unwrap_or(false)).collect();
        Ok(Arc::new(Table::new(columns, keys, strict, rows)))
    }
}

/// The rows of a build side, by key.
pub struct Table {
    /// Columns of the build input.
    pub columns: Vec<Column>,
    /// Number of rows.
    pub rows: usize,
    keys: Vec<Column>,
    /// Keys that NULL does not match, by position.
    strict: Vec<usize>,
    /// The values of the only key, if it is of integers and NULL matches nothing.
    ints: Option<Vec<i64>>,
    /// Upper hash bits and first row; a power of two of them.
    slots: Vec<(u32, u32)>,
    /// The next row of the same key; empty when every key has one row.
    next: Vec<u32>,
}

/// An integer-like column as plain integers.
fn integers(column: &Column) -> Option<Vec<i64>> {
    Some(match column.data() {
        Data::I16(v) => v.iter().map(|&v| v.into()).collect(),
        Data::I32(v) => v.iter().map(|&v| v.into()).collect(),
        Data::I64(v) => v.to_vec(),
        Data::U32(v) => v.iter().map(|&v| v.into()).collect(),
        _ => return None,
    })
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Table {
    fn new(columns: Vec<Column>, keys: Vec<Column>, strict: Vec<usize>, rows: usize) -> Self {
        let ints = match (&keys[..], &strict[..]) {
            ([key], [0]) => integers(key),
            _ => None,
        };
        let slots = vec![(0, END); (rows * 2).next_power_of_two().max(16)];
        let mut table = Self { columns, rows, keys, strict, ints, slots, next: Vec::new() };
        table.link();
        table
    }

    /// Puts the rows in, the last first, so that chains keep the input's order.
    fn link(&mut self) {
        let hashes: Vec<u64> = match &self.ints {
            Some(ints) => ints.iter().map(|&v| hash_u64(v as u64)).collect(),
            None => {
                let mut hashes = vec![0; self.rows];
                self.keys.iter().for_each(|key| key.hash_into(0..self.rows, &mut hashes));
                hashes
            }
        };
        let nullable: Vec<Column> = self.strict.iter().map(|&k| &self.keys[k]).filter(|k| k.may_have_nulls()).cloned().collect();
        let mask = self.slots.len() - 1;
        for row in (0..self.rows).rev() {
            if nullable.iter().any(|k| k.is_null(row)) {
                continue;
            }
            let mut at = hashes[row] as usize & mask;
            loop {
                let (seen, head) = self.slots[at];
                if head == END {
                    self.slots[at] = (tag(hashes[row]), row as u32);
                    break;
                }
                if seen == tag(hashes[row]) && self.same_key(row, head as usize) {
                    if self.next.is_empty() {
                        self.next = vec![END; self.rows];
                    }
                    self.next[row] = head;
                    self.slots[at].1 = row as u32;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
    }

    fn same_key(&self, a: usize, b: usize) -> bool {
        match &self.ints {
            Some(ints) => ints[a] == ints[b],
            None => self.keys.iter().all(|k| k.same(a, k, b)),
        }
    }

    /// The row after this one with the same key.
    #[inline]
    pub fn next(&self, row: u32) -> u32 {
        self.next.get(row as usize).copied().unwrap_or(END)
    }

    /// The first row with the same key, for each of `rows` of the probe side.
    pub fn find(&self, keys: &[Column], rows: &[u32]) -> Vec<u32> {
        if let (Some(ints), [key]) = (&self.ints, keys) {
            let valid = key.validity().as_deref();
            let holds = |row: u32| valid.is_none_or(|v| v[row as usize]);
            match key.data() {
                Data::I16(v) => return self.find_ints(ints, rows, |r| holds(r).then(|| v[r as usize].into())),
                Data::I32(v) => return self.find_ints(ints, rows, |r| holds(r).then(|| v[r as usize].into())),
                Data::I64(v) => return self.find_ints(ints, rows, |r| holds(r).then(|| v[r as usize])),
                Data::U32(v) => return self.find_ints(ints, rows, |r| holds(r).then(|| v[r as usize].into())),
                _ => {}
            }
        }
        let mut hashes = vec![0; rows.len()];
        if self.ints.is_some() {
            let ints = rows.iter().map(|&r| keys.first().and_then(|k| k.get_i64(r as usize)));
            hashes.iter_mut().zip(ints).for_each(|(hash, key)| *hash = hash_u64(key.unwrap_or(0) as u64));
        } else {
            keys.iter().for_each(|key| key.hash_into(rows.iter().map(|&r| r as usize), &mut hashes));
        }
        let head = |(&row, &hash): (&u32, &u64)| {
            if self.strict.iter().any(|&k| keys[k].is_null(row as usize)) {
                return END;
            }
            self.search(hash, |head| {
                self.keys.iter().zip(keys).all(|(b, p)| super::hash_join::equal_across(p, row as usize, b, head as usize))
            })
        };
        rows.iter().zip(&hashes).map(head).collect()
    }

    /// As `find` for one integer key. The slots are read in a loop of their own: the reads do not wait for one another.
    fn find_ints(&self, ints: &[i64], rows: &[u32], key: impl Fn(u32) -> Option<i64>) -> Vec<u32> {
        let mask = self.slots.len() - 1;
        let first: Vec<(u64, (u32, u32))> = rows
            .iter()
            .map(|&row| {
                let hash = hash_u64(key(row).unwrap_or(0) as u64);
                (hash, self.slots[hash as usize & mask])
            })
            .collect();
        let head = |(&row, &(hash, (seen, head))): (&u32, &(u64, (u32, u32)))| {
            let Some(key) = key(row).filter(|_| head != END) else { return END };
            if seen == tag(hash) && ints[head as usize] == key {
                return head;
            }
            self.search(hash, |head| ints[head as usize] == key)
        };
        rows.iter().zip(&first).map(head).collect()
    }

    #[inline]
    fn search(&self, hash: u64, same: impl Fn(u32) -> bool) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (seen, head) = self.slots[at];
            if head == END || (seen == tag(hash) && same(head)) {
                return head;
            }
            at = (at + 1) & mask;
        }
    }

    /// A filter of the values of key `at`, if they are integers.
    fn key_filter(&self, at: usize) -> Option<KeyFilter> {
        let column = self.keys.get(at)?;
        let ints = integers(column)?;
        let present = ints.iter().enumerate().filter(|(i, _)| !column.is_null(*i)).map(|(_, &v)| v);
        Some(KeyFilter::new(present, self.rows))
    }
}
