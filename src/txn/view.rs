//! Reading through a transaction: the store's snapshot with the transaction's own writes on top.
//!
//! A `ReadView` is two reference counts; it can be cloned into every thread of a parallel scan. Where the transaction wrote
//! nothing in the range, a scan is the store's own cursor.

use super::merge::Merge;
use super::serial::Reads;
use super::writes::{Lookup, Writes};
use crate::error::{Result, SqlError};
use crate::kv::{self, Answer, Block, Cursor, Direction, FillLimit, KeyRange, Keyspace, ScanHints, Snapshot};
use std::cmp::Ordering;
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
        let overlay = Merge::new(Arc::clone(writes), ks, range.clone(), direction);
        Ok(Box::new(MergeCursor { inner, block: Block::default(), at: 0, inner_done: false, overlay }))
    }

    /// What the transaction's own writes say of a key.
    pub(super) fn own(&self, ks: Keyspace, key: &[u8]) -> Result<Lookup> {
        self.writes.as_ref().map_or(Ok(Lookup::Unknown), |w| w.lookup(ks, key))
    }

    /// The committed values of many keys, sorted ascending.
    pub(super) fn committed_many(&self, ks: Keyspace, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        Ok(self.snapshot.multi_get(ks, keys).wait()?)
    }

    /// A scan of committed entries only.
    pub(super) fn committed_scan(&self, ks: Keyspace, range: &KeyRange, hints: ScanHints) -> Result<Box<dyn Cursor>> {
        Ok(self.snapshot.scan(ks, range, Direction::Forward, hints)?)
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

/// The store's cursor and the overlay, merged.
struct MergeCursor {
    inner: Box<dyn Cursor>,
    block: Block,
    at: usize,
    inner_done: bool,
    overlay: Merge,
}

fn failed(e: SqlError) -> kv::Error {
    kv::Error::Engine(e.message().to_owned())
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
            let direction = self.overlay.direction;
            let stored = (self.at < self.block.len()).then(|| self.block.entry(self.at));
            let own = self.overlay.peek().map_err(failed)?;
            let order = match (stored, own) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((key, _)), Some((own, _))) if direction == Direction::Forward => key.cmp(own),
                (Some((key, _)), Some((own, _))) => own.cmp(key),
            };
            if order.is_ge()
                && let Some((key, value)) = own
            {
                if let Some(value) = value {
                    out.push(key, value);
                }
                self.overlay.advance().map_err(failed)?;
            }
            if let (Some((key, value)), Ordering::Less) = (stored, order)
                && !self.overlay.space().store_hidden(key)
            {
                out.push(key, value);
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
