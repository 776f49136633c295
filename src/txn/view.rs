//! Reading through a transaction: the store's snapshot with the transaction's own writes on top.
//!
//! A `ReadView` is two reference counts; it can be cloned into every thread of a parallel scan. Where the transaction wrote
//! nothing in the range, a scan is the store's own cursor.

use super::serial::Reads;
use super::writes::{Key, Lookup, Value, Writes, bounds};
use crate::error::Result;
use crate::kv::{self, Answer, Block, Cursor, Direction, FillLimit, KeyRange, Keyspace, ScanHints, Snapshot};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;

/// A consistent view: committed data as of a moment, and the transaction's own writes as of a moment.
#[derive(Clone)]
pub struct ReadView {
    snapshot: Arc<dyn Snapshot>,
    writes: Option<Arc<Writes>>,
    /// Where a serializable transaction remembers its reads.
    reads: Option<Arc<Reads>>,
}

impl ReadView {
    pub(super) fn new(snapshot: Arc<dyn Snapshot>, writes: Option<Arc<Writes>>, reads: Option<Arc<Reads>>) -> Self {
        Self { snapshot, writes, reads }
    }

    /// Committed data only.
    pub fn committed(snapshot: Arc<dyn Snapshot>) -> Self {
        Self { snapshot, writes: None, reads: None }
    }

    /// Reads one key: `out` is cleared and, if the key is there, filled.
    pub fn get(&self, ks: Keyspace, key: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        if let Some(reads) = &self.reads {
            reads.key(ks, key);
        }
        if let Some(writes) = &self.writes
            && let Some(found) = answer(writes.lookup(ks, key)?, out)
        {
            return Ok(found);
        }
        Ok(self.snapshot.get(ks, key, out).wait()?)
    }

    /// Reads many keys, sorted ascending. `None` where a key is absent.
    pub fn multi_get(&self, ks: Keyspace, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        if let Some(reads) = &self.reads {
            keys.iter().for_each(|key| reads.key(ks, key));
        }
        let Some(writes) = self.writes.as_ref().filter(|w| !w.space(ks).is_empty()) else {
            return Ok(self.snapshot.multi_get(ks, keys).wait()?);
        };
        let mut out = vec![None; keys.len()];
        let mut asked = Vec::new();
        for (i, key) in keys.iter().enumerate() {
            match writes.lookup(ks, key)? {
                Lookup::Put(v) => out[i] = Some(v.to_vec()),
                Lookup::Deleted => {}
                Lookup::Unknown => asked.push(i),
            }
        }
        let missing: Vec<&[u8]> = asked.iter().map(|&i| keys[i]).collect();
        for (i, value) in asked.into_iter().zip(self.snapshot.multi_get(ks, &missing).wait()?) {
            out[i] = value;
        }
        Ok(out)
    }

    /// Reads many keys, sorted ascending and each once, into a block: the entries that are there, in order.
    pub fn pick(&self, ks: Keyspace, keys: &[&[u8]], out: &mut Block) -> Result<()> {
        if self.writes.as_ref().is_none_or(|w| w.space(ks).is_empty()) {
            if let Some(reads) = &self.reads {
                keys.iter().for_each(|key| reads.key(ks, key));
            }
            return Ok(self.snapshot.pick(ks, keys, out).wait()?);
        }
        out.clear();
        for (key, value) in keys.iter().zip(self.multi_get(ks, keys)?) {
            if let Some(value) = value {
                out.push(key, &value);
            }
        }
        Ok(())
    }

    /// Opens a scan. Its cursor always answers at once or blocks; it keeps the view alive.
    pub fn scan(&self, ks: Keyspace, range: &KeyRange, direction: Direction, hints: ScanHints) -> Result<Box<dyn Cursor>> {
        if let Some(reads) = &self.reads {
            reads.range(ks, range);
        }
        let inner = self.snapshot.scan(ks, range, direction, hints)?;
        let Some(writes) = self.writes.as_ref().filter(|w| w.space(ks).touches(range)) else { return Ok(inner) };
        let overlay = Overlay::new(Arc::clone(writes), ks, range.clone(), direction);
        Ok(Box::new(MergeCursor { inner, block: Block::default(), at: 0, inner_done: false, overlay }))
    }

    /// Whether the transaction itself changed anything in the range (a split of the range then has nothing to say about it).
    pub fn has_own_writes(&self, ks: Keyspace, range: &KeyRange) -> bool {
        self.writes.as_ref().is_some_and(|w| w.space(ks).touches(range))
    }
}

/// Turns what the buffer knows into an answer, unless the store must be asked.
pub(super) fn answer(lookup: Lookup, out: &mut Vec<u8>) -> Option<bool> {
    out.clear();
    match lookup {
        Lookup::Put(v) => {
            out.extend_from_slice(&v);
            Some(true)
        }
        Lookup::Deleted => Some(false),
        Lookup::Unknown => None,
    }
}

/// Where entries of the overlay come from: the map (`run` is `None`) or a run; `ready` holds the next ones in scan order.
struct Source {
    run: Option<usize>,
    ready: VecDeque<(Key, Value)>,
    /// Next block of the run.
    next_block: Option<usize>,
    /// The map is read on from here.
    last: Option<Key>,
    done: bool,
}

/// A transaction's own writes of a range in scan order, deletions included, newest version of each key.
pub(super) struct Overlay {
    writes: Arc<Writes>,
    ks: Keyspace,
    range: KeyRange,
    direction: Direction,
    /// Newest first.
    sources: Vec<Source>,
}

impl Overlay {
    pub fn new(writes: Arc<Writes>, ks: Keyspace, range: KeyRange, direction: Direction) -> Self {
        let mut overlay = Self { writes, ks, range, direction, sources: Vec::new() };
        overlay.open();
        overlay
    }

    fn open(&mut self) {
        let source = |run, next_block| Source { run, ready: VecDeque::new(), next_block, last: None, done: false };
        let space = self.writes.space(self.ks);
        self.sources = vec![source(None, None)];
        for (i, run) in space.runs().iter().enumerate().rev().filter(|(_, r)| r.overlaps(&self.range)) {
            let first = match self.direction {
                Direction::Forward => run.block_of(&self.range.start),
                Direction::Backward if self.range.end.is_empty() => run.blocks() - 1,
                Direction::Backward => run.block_of(&self.range.end),
            };
            self.sources.push(source(Some(i), Some(first)));
        }
    }

    /// Goes on at the first key at or past `key`.
    fn seek(&mut self, key: &[u8]) {
        match self.direction {
            Direction::Forward if key > self.range.start.as_slice() => self.range.start = key.to_vec(),
            Direction::Backward if self.range.end.is_empty() || key < self.range.end.as_slice() => {
                self.range.end = key.to_vec();
                self.range.end.push(0);
            }
            _ => return,
        }
        self.open();
    }

    fn refill(&mut self, i: usize) -> Result<()> {
        const CHUNK: usize = 256;
        let space = self.writes.space(self.ks);
        let source = &mut self.sources[i];
        while source.ready.is_empty() && !source.done {
            let Some(run) = source.run else {
                let (mut low, mut high) = bounds(&self.range);
                let entry = |(k, v): (&Key, &Value)| (Arc::clone(k), v.clone());
                match (&source.last, self.direction) {
                    (Some(last), Direction::Forward) => low = Bound::Excluded(last),
                    (Some(last), Direction::Backward) => high = Bound::Excluded(last),
                    (None, _) => {}
                }
                let range = space.map.range::<_, [u8]>((low, high));
                source.ready = match self.direction {
                    Direction::Forward => range.take(CHUNK).map(entry).collect(),
                    Direction::Backward => range.rev().take(CHUNK).map(entry).collect(),
                };
                source.done = source.ready.len() < CHUNK;
                source.last = source.ready.back().map(|(k, _)| Arc::clone(k));
                continue;
            };
            let Some(block) = source.next_block else {
                source.done = true;
                continue;
            };
            let run_ref = &space.runs()[run];
            let mut entries = run_ref.read(block)?;
            entries.retain(|(k, _)| self.range.contains(k) && !space.run_hidden(run, k));
            source.next_block = match self.direction {
                Direction::Forward => Some(block + 1).filter(|b| *b < run_ref.blocks()),
                Direction::Backward => {
                    entries.reverse();
                    block.checked_sub(1)
                }
            };
            source.ready = entries.into();
        }
        Ok(())
    }

    /// Index of the source with the next key; older versions of that key are dropped.
    fn front(&mut self) -> Result<Option<usize>> {
        let mut best: Option<usize> = None;
        for i in 0..self.sources.len() {
            self.refill(i)?;
            let Some((key, _)) = self.sources[i].ready.front() else { continue };
            let Some(b) = best else {
                best = Some(i);
                continue;
            };
            let order = key.cmp(&self.sources[b].ready[0].0);
            match if self.direction == Direction::Forward { order } else { order.reverse() } {
                Ordering::Less => best = Some(i),
                Ordering::Equal => {
                    self.sources[i].ready.pop_front();
                }
                Ordering::Greater => {}
            }
        }
        Ok(best)
    }

    /// Takes the next entry.
    pub fn next(&mut self) -> Result<Option<(Key, Value)>> {
        Ok(self.front()?.and_then(|i| self.sources[i].ready.pop_front()))
    }
}

/// The store's cursor and the overlay, merged.
struct MergeCursor {
    inner: Box<dyn Cursor>,
    block: Block,
    at: usize,
    inner_done: bool,
    overlay: Overlay,
}

impl MergeCursor {
    fn fill_now(&mut self, out: &mut Block, limit: FillLimit) -> Result<(), kv::Error> {
        out.clear();
        while out.len() < limit.entries && (out.is_empty() || out.byte_len() < limit.bytes) {
            if self.at == self.block.len() && !self.inner_done {
                self.inner.fill(&mut self.block, limit).wait()?;
                self.at = 0;
                self.inner_done = self.block.is_empty();
            }
            let stored = (self.at < self.block.len()).then(|| self.block.entry(self.at));
            let front = self.overlay.front().map_err(|e| kv::Error::Engine(e.message().to_owned()))?;
            let own = front.map(|i| &self.overlay.sources[i].ready[0].0);
            let order = match (stored, own) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((key, _)), Some(own)) if self.overlay.direction == Direction::Forward => key.cmp(own),
                (Some((key, _)), Some(own)) => (**own).cmp(key),
            };
            if let (Some((key, value)), Ordering::Less) = (stored, order)
                && !self.overlay.writes.space(self.overlay.ks).store_hidden(key)
            {
                out.push(key, value);
            }
            if order.is_ge()
                && let Some((key, value)) = front.and_then(|i| self.overlay.sources[i].ready.pop_front())
                && let Some(value) = value
            {
                out.push(&key, &value);
            }
            self.at += usize::from(stored.is_some() && order.is_le());
        }
        Ok(())
    }

    fn seek_now(&mut self, key: &[u8]) -> Result<(), kv::Error> {
        let before = |k: &[u8]| match self.overlay.direction {
            Direction::Forward => k < key,
            Direction::Backward => k > key,
        };
        while self.at < self.block.len() && before(self.block.entry(self.at).0) {
            self.at += 1;
        }
        if self.at == self.block.len() && !self.inner_done {
            self.inner.seek(key).wait()?;
        }
        self.overlay.seek(key);
        Ok(())
    }
}

impl Cursor for MergeCursor {
    fn fill<'a>(&'a mut self, block: &'a mut Block, limit: FillLimit) -> Answer<'a, kv::Result<()>> {
        Answer::Ready(self.fill_now(block, limit))
    }

    fn seek<'a>(&'a mut self, key: &'a [u8]) -> Answer<'a, kv::Result<()>> {
        Answer::Ready(self.seek_now(key))
    }
}
