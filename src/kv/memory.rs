//! The engine that lives and dies with the process: persistent ordered maps, so that a snapshot is one cheap clone.
//!
//! Tests and scratch servers run on it; it keeps every promise of the store contract except durability.

use super::{
    Answer, Block, Caps, Cursor, Direction, Durability, Error, FillLimit, KeyRange, Keyspace, Metric, Op, Result, RunWriter,
    ScanHints, Snapshot, SortedRun, State, Store, WriteBatch,
};
use parking_lot::RwLock;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

type Map = imbl::OrdMap<Arc<[u8]>, Arc<[u8]>>;

/// All keyspaces at one moment.
#[derive(Clone, Default)]
struct Maps([Map; Keyspace::ALL.len()]);

impl Maps {
    fn of(&self, ks: Keyspace) -> &Map {
        &self.0[ks as usize]
    }

    fn apply(&mut self, op: Op) -> Result<()> {
        match op {
            Op::Put(ks, key, value) => {
                self.0[ks as usize].insert(key.into(), value.into());
            }
            Op::Delete(ks, key) => {
                self.0[ks as usize].remove(key.as_slice());
            }
            Op::DeleteRange(ks, range) => {
                let map = &mut self.0[ks as usize];
                let doomed: Vec<_> = entries(map, &range).map(|(k, _)| k.clone()).collect();
                for key in doomed {
                    map.remove(&key);
                }
            }
            Op::Ingest(run) => {
                let entries = run.payload.downcast::<Run>().map_err(|_| Error::Engine("sorted run of another engine".into()))?;
                let map = &mut self.0[run.keyspace as usize];
                for (key, value) in *entries {
                    match value {
                        Some(value) => drop(map.insert(key, value)),
                        None => drop(map.remove(&key)),
                    }
                }
            }
        }
        Ok(())
    }
}

type Run = Vec<(Arc<[u8]>, Option<Arc<[u8]>>)>;

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// Bounds of a key range, or `None` for one that is empty by its bounds (which the map's own range would refuse).
fn bounds(range: &KeyRange) -> Option<Bounds<'_>> {
    if range.end.is_empty() {
        return Some((Bound::Included(&range.start), Bound::Unbounded));
    }
    (range.start < range.end).then_some((Bound::Included(&range.start), Bound::Excluded(&range.end)))
}

fn entries<'a>(map: &'a Map, range: &'a KeyRange) -> impl DoubleEndedIterator<Item = (&'a Arc<[u8]>, &'a Arc<[u8]>)> {
    bounds(range).map(|b| map.range::<_, [u8]>(b)).into_iter().flatten()
}

/// The in-memory engine.
#[derive(Default)]
pub struct MemoryStore {
    maps: RwLock<Maps>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }
}

fn read(map: &Map, key: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    match map.get(key) {
        Some(value) => {
            out.extend_from_slice(value);
            true
        }
        None => false,
    }
}

impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn caps(&self) -> Caps {
        Caps { range_delete: true, ingest: true, durable: false }
    }

    fn state(&self) -> State {
        State::Serving
    }

    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::new(MemorySnapshot(self.maps.read().clone()))
    }

    fn get<'a>(&'a self, ks: Keyspace, key: &[u8], out: &'a mut Vec<u8>) -> Answer<'a, Result<bool>> {
        Answer::Ready(Ok(read(self.maps.read().of(ks), key, out)))
    }

    fn commit(&self, batch: WriteBatch, _durability: Durability) -> Result<()> {
        let mut maps = self.maps.write();
        let mut next = maps.clone();
        batch.ops.into_iter().try_for_each(|op| next.apply(op))?;
        *maps = next;
        Ok(())
    }

    fn run_writer(&self, ks: Keyspace) -> Result<Box<dyn RunWriter>> {
        Ok(Box::new(MemoryRun { keyspace: ks, entries: Vec::new() }))
    }

    fn approximate_size(&self, ks: Keyspace, range: &KeyRange) -> Result<u64> {
        let maps = self.maps.read().clone();
        Ok(entries(maps.of(ks), range).map(|(k, v)| (k.len() + v.len()) as u64).sum())
    }

    fn split_points(&self, ks: Keyspace, range: &KeyRange, pieces: usize) -> Result<Vec<Vec<u8>>> {
        let maps = self.maps.read().clone();
        let count = entries(maps.of(ks), range).count();
        if pieces < 2 || count < pieces {
            return Ok(Vec::new());
        }
        let step = count.div_ceil(pieces);
        Ok(entries(maps.of(ks), range).step_by(step).skip(1).map(|(k, _)| k.to_vec()).collect())
    }

    fn checkpoint(&self, _folder: &Path) -> Result<()> {
        Err(Error::Unsupported("checkpoints"))
    }

    fn verify(&self) -> Result<()> {
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn metrics(&self) -> Vec<Metric> {
        let maps = self.maps.read().clone();
        Keyspace::ALL.iter().map(|ks| (format!("{}_keys", ks.name()), maps.of(*ks).len() as f64)).collect()
    }

    fn compact(&self, _ks: Keyspace, _range: &KeyRange) -> Result<()> {
        Ok(())
    }

    fn close(&self) -> Result<()> {
        Ok(())
    }
}

struct MemorySnapshot(Maps);

impl Snapshot for MemorySnapshot {
    fn get<'a>(&'a self, ks: Keyspace, key: &[u8], out: &'a mut Vec<u8>) -> Answer<'a, Result<bool>> {
        Answer::Ready(Ok(read(self.0.of(ks), key, out)))
    }

    fn multi_get<'a>(&'a self, ks: Keyspace, keys: &[&[u8]]) -> Answer<'a, Result<Vec<Option<Vec<u8>>>>> {
        let map = self.0.of(ks);
        Answer::Ready(Ok(keys.iter().map(|key| map.get(*key).map(|v| v.to_vec())).collect()))
    }

    fn scan(&self, ks: Keyspace, range: &KeyRange, direction: Direction, hints: ScanHints) -> Result<Box<dyn Cursor>> {
        let (start, end) = match bounds(range) {
            Some((_, Bound::Unbounded)) => (range.start.clone(), None),
            Some(_) => (range.start.clone(), Some(range.end.clone())),
            None => (Vec::new(), Some(Vec::new())),
        };
        Ok(Box::new(MemoryCursor { map: self.0.of(ks).clone(), direction, keys_only: hints.keys_only, start, end }))
    }
}

/// What is left of a scan: `[start, end)`, no end for "to the last key".
struct MemoryCursor {
    map: Map,
    direction: Direction,
    keys_only: bool,
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl MemoryCursor {
    fn take(&self, block: &mut Block, limit: FillLimit) {
        if self.end.as_ref().is_some_and(|end| *end <= self.start) {
            return;
        }
        let end = self.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.map.range::<_, [u8]>((Bound::Included(self.start.as_slice()), end));
        let mut fill = |entries: &mut dyn Iterator<Item = (&Arc<[u8]>, &Arc<[u8]>)>| {
            for (key, value) in entries.take(limit.entries.max(1)) {
                block.push(key, if self.keys_only { &[] } else { value });
                if block.byte_len() >= limit.bytes {
                    break;
                }
            }
        };
        match self.direction {
            Direction::Forward => fill(&mut range.into_iter()),
            Direction::Backward => fill(&mut range.rev()),
        }
    }
}

impl Cursor for MemoryCursor {
    fn fill<'a>(&'a mut self, block: &'a mut Block, limit: FillLimit) -> Answer<'a, Result<()>> {
        block.clear();
        self.take(block, limit);
        match block.len().checked_sub(1).map(|last| block.entry(last).0) {
            None => self.end = Some(Vec::new()),
            Some(last) if self.direction == Direction::Backward => self.end = Some(last.to_vec()),
            Some(last) => {
                self.start.clear();
                self.start.extend_from_slice(last);
                self.start.push(0);
            }
        }
        Answer::Ready(Ok(()))
    }

    fn seek<'a>(&'a mut self, key: &'a [u8]) -> Answer<'a, Result<()>> {
        match self.direction {
            Direction::Forward if key > self.start.as_slice() => self.start = key.to_vec(),
            Direction::Backward => {
                let mut end = key.to_vec();
                end.push(0);
                if self.end.as_ref().is_none_or(|current| end < *current) {
                    self.end = Some(end);
                }
            }
            Direction::Forward => {}
        }
        Answer::Ready(Ok(()))
    }
}

struct MemoryRun {
    keyspace: Keyspace,
    entries: Run,
}

impl MemoryRun {
    fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        if self.entries.last().is_some_and(|(last, _)| **last >= *key) {
            return Err(Error::Engine("keys of a sorted run must ascend".into()));
        }
        self.entries.push((key.into(), value.map(Arc::from)));
        Ok(())
    }
}

impl RunWriter for MemoryRun {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.push(key, Some(value))
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.push(key, None)
    }

    fn finish(self: Box<Self>) -> Result<SortedRun> {
        let entries = self.entries.len() as u64;
        Ok(SortedRun { keyspace: self.keyspace, payload: Box::new(self.entries), entries })
    }
}
