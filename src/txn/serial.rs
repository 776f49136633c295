//! SERIALIZABLE: serialisable snapshot isolation (Cahill, Röhm, Fekete 2008; Ports, Grittner 2012), decided at commit.
//!
//! Snapshot isolation allows an anomaly only where a transaction `pivot` read something that a concurrent `out` overwrote, while a
//! concurrent `in` read something that `pivot` overwrote, and `out` committed first of the three. Every serializable transaction
//! therefore remembers what it read - keys, and ranges with their gaps - and, once committed, what it wrote, for as long as a
//! transaction that overlaps it runs. A commit that would complete such a structure fails with 40001:
//!
//! ```text
//!   in --rw--> pivot --rw--> out      committing as pivot: some `in` overlaps, some `out` has committed
//!                                     committing as in:    `pivot` has committed, after its own `out`
//! ```
//!
//! Committing as `out` is harmless: the pivot is stopped when its turn comes. A reader that wrote nothing is in danger only if
//! `out` had committed before the reader's snapshot.
//!
//! Memory is bounded: a transaction's keys and ranges beyond a few thousand become whole tables and indexes. Reads for
//! constraint checks, and of the catalog, are not remembered: locks guard them.

use super::writes::{Lookup, Writes};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{KeyRange, Keyspace};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

const KS: Keyspace = Keyspace::Data;
/// Keys a transaction remembers one by one.
const MAX_KEYS: usize = 4096;
/// Ranges it remembers as they are.
const MAX_RANGES: usize = 512;
/// Table and index: the first bytes of every key.
const PREFIX: usize = 6;
/// Not visible yet.
const NEVER: u64 = u64::MAX;

/// What a transaction has read.
#[derive(Debug, Default)]
struct ReadSet {
    keys: HashSet<Box<[u8]>>,
    ranges: Vec<KeyRange>,
    /// Whole tables and indexes.
    whole: HashSet<Box<[u8]>>,
}

impl ReadSet {
    fn is_whole(&self, key: &[u8]) -> bool {
        key.get(..PREFIX).is_some_and(|p| self.whole.contains(p))
    }

    fn coarsen(&mut self) {
        let prefix = |key: &[u8]| Box::from(&key[..PREFIX.min(key.len())]);
        self.whole.extend(self.keys.drain().map(|k| prefix(&k)));
        self.whole.extend(self.ranges.drain(..).map(|r| prefix(&r.start)));
    }

    /// Whether something read was written.
    fn meets(&self, writes: &Writes) -> Result<bool> {
        for key in &self.keys {
            if !matches!(writes.lookup(KS, key)?, Lookup::Unknown) {
                return Ok(true);
            }
        }
        let space = writes.space(KS);
        let whole = self.whole.iter().any(|p| space.touches(&KeyRange::prefix(p)));
        Ok(whole || self.ranges.iter().any(|r| space.touches(r)))
    }
}

/// The reads of one serializable transaction; shared with its read views.
#[derive(Debug, Default)]
pub(super) struct Reads(Mutex<ReadSet>);

impl Reads {
    /// Remembers a key, present or not.
    pub fn key(&self, ks: Keyspace, key: &[u8]) {
        let mut set = self.0.lock();
        if ks != KS || set.is_whole(key) {
            return;
        }
        set.keys.insert(key.into());
        if set.keys.len() > MAX_KEYS {
            set.coarsen();
        }
    }

    /// Remembers a range.
    pub fn range(&self, ks: Keyspace, range: &KeyRange) {
        let mut set = self.0.lock();
        if ks != KS || set.is_whole(&range.start) || set.ranges.contains(range) {
            return;
        }
        set.ranges.push(range.clone());
        if set.ranges.len() > MAX_RANGES {
            set.coarsen();
        }
    }
}

/// A serializable transaction as the others see it.
#[derive(Debug)]
struct Record {
    /// Transactions visible up to here are before it; later ones overlap it.
    begin: u64,
    reads: Arc<Reads>,
    /// Set when it has passed its commit check.
    committed: Option<Committed>,
    read_only: bool,
}

#[derive(Debug)]
struct Committed {
    /// Place in the order of commits.
    order: u64,
    /// When its writes became visible; `NEVER` until they have.
    visible: u64,
    writes: Arc<Writes>,
    /// The earliest visibility among the transactions that overwrote something it read and committed before it.
    out: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Counts commits in order, and those visible.
    order: u64,
    visible: u64,
    records: BTreeMap<u64, Record>,
}

/// The server's serializable transactions, running or overlapping a running one.
#[derive(Debug, Default)]
pub(super) struct Serials(Mutex<State>);

impl Serials {
    /// A transaction begins (before it takes its snapshot).
    pub fn begin(&self, read_only: bool) -> (u64, Arc<Reads>) {
        let mut state = self.0.lock();
        state.next += 1;
        let (id, begin, reads) = (state.next, state.visible, Arc::<Reads>::default());
        state.records.insert(id, Record { begin, reads: Arc::clone(&reads), committed: None, read_only });
        (id, reads)
    }

    /// A transaction wants to commit: 40001 if that could make the whole not serialisable. Afterwards it counts as committed.
    pub fn check(&self, id: u64, writes: &Arc<Writes>) -> Result<()> {
        let mut state = self.0.lock();
        let Some(me) = state.records.get(&id) else { return Ok(()) };
        let begin = me.begin;
        let silent = writes.space(KS).is_empty();
        let mine = me.reads.0.lock();
        let mut outs: Vec<&Committed> = Vec::new();
        for (_, other) in state.records.iter().filter(|(i, _)| **i != id) {
            if let Some(c) = other.committed.as_ref().filter(|c| c.visible > begin)
                && mine.meets(&c.writes)?
            {
                // As `in`: the pivot has committed, after the transaction that overwrote what it read.
                if c.out.is_some_and(|out| !silent || out <= begin) {
                    return Err(failure("Canceled on conflict out to pivot, during commit attempt."));
                }
                outs.push(c);
            }
        }
        drop(mine);
        if !outs.is_empty() && !silent {
            for (_, reader) in state.records.iter().filter(|(i, _)| **i != id) {
                let overlaps = reader.committed.as_ref().is_none_or(|c| c.visible > begin);
                if overlaps && endangers(reader, &outs) && reader.reads.0.lock().meets(writes)? {
                    return Err(failure("Canceled on identification as a pivot, during commit attempt."));
                }
            }
        }
        let out = outs.iter().map(|c| c.visible).min();
        state.order += 1;
        let committed = Committed { order: state.order, visible: NEVER, writes: Arc::clone(writes), out };
        if let Some(me) = state.records.get_mut(&id) {
            me.read_only |= silent;
            me.committed = Some(committed);
        }
        Ok(())
    }

    /// A committed transaction has become visible.
    pub fn visible(&self, id: u64) {
        let mut state = self.0.lock();
        state.visible += 1;
        let now = state.visible;
        if let Some(committed) = state.records.get_mut(&id).and_then(|r| r.committed.as_mut()) {
            committed.visible = now;
        }
        state.forget();
    }

    /// A transaction was rolled back.
    pub fn remove(&self, id: u64) {
        let mut state = self.0.lock();
        state.records.remove(&id);
        state.forget();
    }
}

/// Whether `reader`, reading what the committing transaction overwrites, completes a dangerous structure with one of `outs`.
fn endangers(reader: &Record, outs: &[&Committed]) -> bool {
    outs.iter().any(|out| {
        let first = reader.committed.as_ref().is_none_or(|c| out.order <= c.order);
        first && (!reader.read_only || out.visible <= reader.begin)
    })
}

impl State {
    /// Drops committed transactions that no running one overlaps.
    fn forget(&mut self) {
        let oldest = self.records.values().filter(|r| r.committed.is_none()).map(|r| r.begin).min().unwrap_or(NEVER);
        self.records.retain(|_, r| r.committed.as_ref().is_none_or(|c| c.visible > oldest || c.visible == NEVER));
    }
}

#[cold]
fn failure(reason: &str) -> SqlError {
    err!(SqlState::SERIALIZATION_FAILURE, "could not serialize access due to read/write dependencies among transactions")
        .detail(format!("Reason code: {reason}"))
        .hint("The transaction might succeed if retried.")
}
