//! A transaction's write buffer: what it has changed and not committed, in key order.
//!
//! The buffer is a persistent map: a clone shares everything and costs a few reference counts. Savepoints, the buffer as it was
//! when a statement began (which hides the statement's own writes from its own scans) and what several scanning threads read are
//! all simply clones.
//!
//! Past the transaction's memory budget the map moves into a sorted run in a temporary file (`spill`); lookups ask the map, then
//! the runs from the newest to the oldest. A range delete drops what the map holds of the range, hides what older runs and the
//! store hold of it, and leaves later writes alone.

use super::merge::Merge;
use super::spill::{SpillFile, SpillRun};
use crate::error::Result;
use crate::kv::{Direction, KeyRange, Keyspace, Store, WriteBatch};
use imbl::OrdMap;
use std::ops::Bound;
use std::sync::Arc;

/// A key in the buffer.
pub(super) type Key = Arc<[u8]>;
/// A new value, or `None` for a deletion.
pub(super) type Value = Option<Arc<[u8]>>;

/// Memory an entry takes beyond its bytes, about.
const ENTRY_OVERHEAD: usize = 120;

/// A deleted range; `hides` runs existed when it was deleted.
#[derive(Clone, Debug)]
struct DeletedRange {
    range: KeyRange,
    hides: usize,
}

/// Writes within one keyspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    pub map: OrdMap<Key, Value>,
    deleted: Option<Arc<Vec<DeletedRange>>>,
    pub runs: Option<Arc<Vec<Arc<SpillRun>>>>,
}

/// All writes of a transaction.
#[derive(Clone, Debug, Default)]
pub(super) struct Writes {
    spaces: [Space; 3],
    /// Memory held by the maps, about.
    bytes: usize,
}

/// What the buffer knows of a key.
pub(super) enum Lookup {
    /// Written: its value.
    Put(Arc<[u8]>),
    /// Deleted.
    Deleted,
    /// Not touched: ask the store.
    Unknown,
}

impl Space {
    /// Whether run number `run` is hidden at `key` by a later range delete.
    pub fn run_hidden(&self, run: usize, key: &[u8]) -> bool {
        self.deleted.iter().flat_map(|d| d.iter()).any(|d| d.hides > run && d.range.contains(key))
    }

    /// Whether the store's value at `key` is hidden by a range delete.
    pub fn store_hidden(&self, key: &[u8]) -> bool {
        self.deleted.iter().flat_map(|d| d.iter()).any(|d| d.range.contains(key))
    }

    /// Whether run number `run` may be hidden somewhere between two keys by a later range delete.
    pub fn hides_between(&self, run: usize, first: &[u8], last: &[u8]) -> bool {
        let meets = |range: &KeyRange| last >= range.start.as_slice() && (range.end.is_empty() || first < range.end.as_slice());
        self.deleted.iter().flat_map(|d| d.iter()).any(|d| d.hides > run && meets(&d.range))
    }

    pub fn runs(&self) -> &[Arc<SpillRun>] {
        self.runs.as_ref().map_or(&[], |r| r)
    }

    pub fn is_empty(&self) -> bool {
        self.map.is_empty() && self.deleted.is_none() && self.runs.is_none()
    }

    /// Whether anything in `range` differs from the store.
    pub fn touches(&self, range: &KeyRange) -> bool {
        self.map.range::<_, [u8]>(bounds(range)).next().is_some()
            || self.runs().iter().any(|r| r.overlaps(range))
            || self.deleted.iter().flat_map(|d| d.iter()).any(|d| overlap(&d.range, range))
    }
}

/// The range as bounds.
pub(super) fn bounds(range: &KeyRange) -> (Bound<&[u8]>, Bound<&[u8]>) {
    let end = if range.end.is_empty() { Bound::Unbounded } else { Bound::Excluded(range.end.as_slice()) };
    match end {
        // An inverted range holds nothing; ordered maps refuse it.
        Bound::Excluded(e) if range.start.as_slice() >= e => (Bound::Included(e), Bound::Excluded(e)),
        end => (Bound::Included(range.start.as_slice()), end),
    }
}

fn overlap(a: &KeyRange, b: &KeyRange) -> bool {
    (b.end.is_empty() || a.start < b.end) && (a.end.is_empty() || b.start < a.end)
}

impl Writes {
    pub fn is_empty(&self) -> bool {
        self.spaces.iter().all(Space::is_empty)
    }

    pub fn space(&self, ks: Keyspace) -> &Space {
        &self.spaces[ks as usize]
    }

    /// Whether something was spilled or loaded in bulk.
    pub fn has_runs(&self) -> bool {
        self.spaces.iter().any(|s| s.runs.is_some())
    }

    /// Memory held, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets (`Some`) or deletes a key.
    pub fn set(&mut self, ks: Keyspace, key: &[u8], value: Value) {
        let size = value.as_ref().map_or(0, |v| v.len());
        self.bytes += key.len() + size + ENTRY_OVERHEAD;
        if let Some(old) = self.spaces[ks as usize].map.insert(Arc::from(key), value) {
            let gone = key.len() + old.map_or(0, |v| v.len()) + ENTRY_OVERHEAD;
            self.bytes = self.bytes.saturating_sub(gone);
        }
    }

    /// Deletes every key of a range.
    pub fn delete_range(&mut self, ks: Keyspace, range: KeyRange) {
        let space = &mut self.spaces[ks as usize];
        let inside: Vec<Key> = space.map.range::<_, [u8]>(bounds(&range)).map(|(k, _)| Arc::clone(k)).collect();
        for key in inside {
            if let Some(old) = space.map.remove(&*key) {
                self.bytes = self.bytes.saturating_sub(key.len() + old.map_or(0, |v| v.len()) + ENTRY_OVERHEAD);
            }
        }
        let hides = space.runs().len();
        Arc::make_mut(space.deleted.get_or_insert_default()).push(DeletedRange { range, hides });
    }

    /// What the buffer knows of a key.
    pub fn lookup(&self, ks: Keyspace, key: &[u8]) -> Result<Lookup> {
        let space = self.space(ks);
        if let Some(value) = space.map.get(key) {
            return Ok(value.as_ref().map_or(Lookup::Deleted, |v| Lookup::Put(Arc::clone(v))));
        }
        for (i, run) in space.runs().iter().enumerate().rev() {
            if let Some(value) = run.get(key)? {
                if space.run_hidden(i, key) {
                    return Ok(Lookup::Deleted);
                }
                return Ok(value.map_or(Lookup::Deleted, Lookup::Put));
            }
        }
        Ok(if space.store_hidden(key) { Lookup::Deleted } else { Lookup::Unknown })
    }

    /// Whether `key` was written since `earlier`, a former clone of this buffer.
    pub fn changed_since(&self, earlier: Option<&Writes>, ks: Keyspace, key: &[u8]) -> Result<bool> {
        let now = self.lookup(ks, key)?;
        let then = earlier.map_or(Ok(Lookup::Unknown), |w| w.lookup(ks, key))?;
        Ok(match (now, then) {
            (Lookup::Put(a), Lookup::Put(b)) => !Arc::ptr_eq(&a, &b) && a != b,
            (Lookup::Deleted, Lookup::Deleted) | (Lookup::Unknown, Lookup::Unknown) => false,
            _ => true,
        })
    }

    /// Moves what memory holds into runs of the temporary file.
    pub fn spill(&mut self, file: &Arc<SpillFile>) -> Result<()> {
        for space in &mut self.spaces {
            if space.map.is_empty() {
                continue;
            }
            let run = SpillRun::write(file, space.map.len(), true, space.map.iter().map(|(k, v)| (&**k, v.as_deref())))?;
            Arc::make_mut(space.runs.get_or_insert_default()).push(Arc::new(run));
            space.map = OrdMap::new();
        }
        self.bytes = 0;
        Ok(())
    }

    /// Whether the map holds something a run with this range of keys would have to come after.
    pub fn map_touches(&self, ks: Keyspace, run: &SpillRun) -> bool {
        let Some(first) = run.first_key(0) else { return false };
        let inside = (Bound::Included(first), Bound::Included(run.last_key()));
        self.space(ks).map.range::<_, [u8]>(inside).next().is_some()
    }

    /// Adds a run, newer than all others; the map must hold nothing of its range.
    pub fn add_run(&mut self, ks: Keyspace, run: SpillRun) {
        Arc::make_mut(self.spaces[ks as usize].runs.get_or_insert_default()).push(Arc::new(run));
    }

    /// The batch that makes these writes permanent. Runs are merged into sorted runs of the store; what fits the budget
    /// travels in the batch itself.
    pub fn into_batch(self: Arc<Self>, store: &dyn Store) -> Result<WriteBatch> {
        let mut batch = WriteBatch::default();
        for ks in Keyspace::ALL {
            let space = self.space(ks);
            for d in space.deleted.iter().flat_map(|d| d.iter()) {
                batch.delete_range(ks, d.range.clone());
            }
            if space.runs.is_some() {
                self.merge_runs(store, ks, &mut batch)?;
                continue;
            }
            for (key, value) in &space.map {
                match value {
                    Some(v) => batch.put(ks, key.to_vec(), v.to_vec()),
                    None => batch.delete(ks, key.to_vec()),
                }
            }
        }
        Ok(batch)
    }

    /// Merges the runs of a keyspace, each core a part of the keys.
    fn merge_runs(self: &Arc<Self>, store: &dyn Store, ks: Keyspace, batch: &mut WriteBatch) -> Result<()> {
        let ranges = self.space(ks).parts(std::thread::available_parallelism().map_or(1, usize::from).min(8));
        let merge = |range: KeyRange| merge_range(self, store, ks, range);
        let parts: Vec<Result<WriteBatch>> = match <[KeyRange; 1]>::try_from(ranges) {
            Ok([range]) => vec![merge(range)],
            Err(ranges) => std::thread::scope(|scope| {
                let threads: Vec<_> = ranges.into_iter().map(|range| scope.spawn(|| merge(range))).collect();
                let panicked = || Err(crate::error::SqlError::internal("a merging thread panicked"));
                threads.into_iter().map(|t| t.join().unwrap_or_else(|_| panicked())).collect()
            }),
        };
        for part in parts {
            batch.append(part?);
        }
        Ok(())
    }
}

/// Bytes of runs worth a thread of their own.
const PART: u64 = 8 << 20;

impl Space {
    /// Ranges that together cover all keys and hold about equally many bytes of the runs.
    fn parts(&self, most: usize) -> Vec<KeyRange> {
        let mut blocks: Vec<(&[u8], u32)> = self.runs().iter().flat_map(|r| r.block_keys()).collect();
        let total: u64 = blocks.iter().map(|b| u64::from(b.1)).sum();
        let wanted = (total / PART).clamp(1, most as u64);
        blocks.sort_unstable();
        let (mut ranges, mut start, mut seen) = (Vec::new(), Vec::new(), 0);
        for (key, len) in blocks {
            seen += u64::from(len);
            if seen * wanted > total * (ranges.len() as u64 + 1) && ranges.len() as u64 + 1 < wanted && key > start.as_slice() {
                ranges.push(KeyRange { start: std::mem::replace(&mut start, key.to_vec()), end: key.to_vec() });
            }
        }
        ranges.push(KeyRange { start, end: Vec::new() });
        ranges
    }
}

/// Merges a range of a keyspace's writes into a sorted run of the store.
fn merge_range(writes: &Arc<Writes>, store: &dyn Store, ks: Keyspace, range: KeyRange) -> Result<WriteBatch> {
    let mut batch = WriteBatch::default();
    let mut merge = Merge::new(Arc::clone(writes), ks, range, Direction::Forward);
    let mut run = if store.caps().ingest { Some(store.run_writer(ks)?) } else { None };
    let mut filled = false;
    while let Some((key, value)) = merge.peek()? {
        match (value, &mut run) {
            (Some(v), Some(run)) => {
                run.put(key, v)?;
                filled = true;
            }
            (None, Some(run)) => {
                run.delete(key)?;
                filled = true;
            }
            (Some(v), None) => batch.put(ks, key.to_vec(), v.to_vec()),
            (None, None) => batch.delete(ks, key.to_vec()),
        }
        merge.advance()?;
    }
    if let Some(run) = run.filter(|_| filled) {
        batch.ingest(run.finish()?);
    }
    Ok(batch)
}
