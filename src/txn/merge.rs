//! A transaction's own writes in key order: the map in memory and the sorted runs, merged; the newest version of each key wins.
//!
//! Sources are the map and the runs, newest first. Each holds some entries decoded ahead (`BlockEntries`); a heap of sources
//! says whose next key comes first, so an entry costs about log2(sources) comparisons, and one where runs do not overlap.

use super::spill::BlockEntries;
use super::writes::{Key, Space, Writes, bounds};
use crate::error::Result;
use crate::kv::{Direction, KeyRange, Keyspace};
use std::cmp::Ordering;
use std::ops::Bound;
use std::sync::Arc;

/// Entries of the map copied at a time.
const CHUNK: usize = 256;

/// Where entries come from: the map (`run` is `None`) or a run; `ready` holds the next ones in scan order.
struct Source {
    run: Option<usize>,
    ready: BlockEntries,
    at: usize,
    /// Next block of the run.
    next_block: Option<usize>,
    /// The map is read on from here.
    last: Option<Key>,
    done: bool,
}

impl Source {
    fn new(run: Option<usize>, next_block: Option<usize>) -> Self {
        Self { run, ready: BlockEntries::default(), at: 0, next_block, last: None, done: false }
    }

    fn key(&self) -> &[u8] {
        self.ready.key(self.at)
    }

    fn is_empty(&self) -> bool {
        self.at >= self.ready.entries.len()
    }

    /// Makes sure that an entry is ready, if there is one left.
    fn refill(&mut self, space: &Space, range: &KeyRange, direction: Direction) -> Result<()> {
        while self.is_empty() && !self.done {
            self.at = 0;
            self.ready.clear();
            match self.run {
                None => self.refill_from_map(space, range, direction),
                Some(run) => self.refill_from_run(space, run, range, direction)?,
            }
        }
        Ok(())
    }

    fn refill_from_map(&mut self, space: &Space, range: &KeyRange, direction: Direction) {
        let (mut low, mut high) = bounds(range);
        match (&self.last, direction) {
            (Some(last), Direction::Forward) => low = Bound::Excluded(last),
            (Some(last), Direction::Backward) => high = Bound::Excluded(last),
            (None, _) => {}
        }
        let entries = space.map.range::<_, [u8]>((low, high));
        let mut last = None;
        let ready = &mut self.ready;
        let mut take = |k: &Key, v: &super::writes::Value| {
            ready.push(k, v.as_deref());
            last = Some(Arc::clone(k));
        };
        match direction {
            Direction::Forward => entries.take(CHUNK).for_each(|(k, v)| take(k, v)),
            Direction::Backward => entries.rev().take(CHUNK).for_each(|(k, v)| take(k, v)),
        }
        self.done = self.ready.entries.len() < CHUNK;
        self.last = last;
    }

    fn refill_from_run(&mut self, space: &Space, number: usize, range: &KeyRange, direction: Direction) -> Result<()> {
        let Some(block) = self.next_block else {
            self.done = true;
            return Ok(());
        };
        let run = &space.runs()[number];
        run.read(block, &mut self.ready)?;
        let ready = &mut self.ready;
        let inside = |bytes: &[u8], e: &super::spill::EntryAt| {
            let key = &bytes[e.key as usize..e.value as usize];
            range.contains(key) && !space.run_hidden(number, key)
        };
        // Most blocks lie inside as a whole.
        let whole = match ready.entries.len().checked_sub(1) {
            None => true,
            Some(end) => {
                let (first, last) = (ready.key(0), ready.key(end));
                range.contains(first) && range.contains(last) && !space.hides_between(number, first, last)
            }
        };
        if !whole {
            let mut entries = std::mem::take(&mut ready.entries);
            entries.retain(|e| inside(&ready.bytes, e));
            ready.entries = entries;
        }
        self.next_block = match direction {
            Direction::Forward => Some(block + 1).filter(|b| *b < run.blocks()),
            Direction::Backward => {
                ready.entries.reverse();
                block.checked_sub(1)
            }
        };
        // Past the range nothing follows.
        let past = |b: usize| run.first_key(b).is_some_and(|first| !range.end.is_empty() && first >= range.end.as_slice());
        if direction == Direction::Forward && self.next_block.is_some_and(past) {
            self.next_block = None;
        }
        Ok(())
    }
}

/// A key and, unless it is deleted, its value.
type Entry<'a> = (&'a [u8], Option<&'a [u8]>);

/// The merged writes of a range in scan order, deletions included, newest version of each key.
pub(super) struct Merge {
    writes: Arc<Writes>,
    ks: Keyspace,
    pub range: KeyRange,
    pub direction: Direction,
    /// Newest first.
    sources: Vec<Source>,
    /// Sources that have entries, as a heap by next key, the newer source first among equals.
    heap: Vec<u32>,
    opened: bool,
    /// Entries the source at the top has ready, after its next one, that come before all others'.
    ahead: usize,
    passed: Vec<u8>,
}

impl Merge {
    pub fn new(writes: Arc<Writes>, ks: Keyspace, range: KeyRange, direction: Direction) -> Self {
        Self { writes, ks, range, direction, sources: Vec::new(), heap: Vec::new(), opened: false, ahead: 0, passed: Vec::new() }
    }

    /// The space merged.
    pub fn space(&self) -> &Space {
        self.writes.space(self.ks)
    }

    fn open(&mut self) -> Result<()> {
        self.opened = true;
        self.ahead = 0;
        let space = self.writes.space(self.ks);
        self.sources.clear();
        self.sources.push(Source::new(None, None));
        for (i, run) in space.runs().iter().enumerate().rev().filter(|(_, r)| r.overlaps(&self.range)) {
            let first = match self.direction {
                Direction::Forward => run.block_of(&self.range.start),
                Direction::Backward if self.range.end.is_empty() => run.blocks() - 1,
                Direction::Backward => run.block_of(&self.range.end),
            };
            self.sources.push(Source::new(Some(i), Some(first)));
        }
        self.heap.clear();
        for i in 0..self.sources.len() {
            self.sources[i].refill(space, &self.range, self.direction)?;
            if !self.sources[i].is_empty() {
                self.heap.push(i as u32);
            }
        }
        for i in (0..self.heap.len() / 2).rev() {
            self.sift(i);
        }
        Ok(())
    }

    /// Whether source `a` comes before source `b`.
    fn before(&self, a: u32, b: u32) -> bool {
        let order = self.sources[a as usize].key().cmp(self.sources[b as usize].key());
        let order = if self.direction == Direction::Forward { order } else { order.reverse() };
        order.then(a.cmp(&b)) == Ordering::Less
    }

    fn sift(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.before(self.heap[child], self.heap[least]) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }

    /// Moves the source at the top on.
    fn step(&mut self) -> Result<()> {
        let Some(&top) = self.heap.first() else { return Ok(()) };
        let source = &mut self.sources[top as usize];
        source.at += 1;
        if self.ahead > 0 {
            self.ahead -= 1;
            return Ok(());
        }
        if source.is_empty() {
            source.refill(self.writes.space(self.ks), &self.range, self.direction)?;
            if self.sources[top as usize].is_empty() {
                self.heap.swap_remove(0);
            }
        }
        self.sift(0);
        self.look_ahead();
        Ok(())
    }

    /// Where runs do not overlap, whole blocks need no further comparisons.
    fn look_ahead(&mut self) {
        let Some(&top) = self.heap.first() else { return };
        let source = &self.sources[top as usize];
        if source.at > 0 {
            return;
        }
        let end = source.ready.entries.len() - 1;
        let last = source.ready.key(end);
        let before = |other: &u32| {
            let order = last.cmp(self.sources[*other as usize].key());
            (if self.direction == Direction::Forward { order } else { order.reverse() }).is_lt()
        };
        if self.heap.iter().skip(1).take(2).all(before) {
            self.ahead = end - source.at;
        }
    }

    /// The next entry: its key and, unless deleted, its value.
    pub fn peek(&mut self) -> Result<Option<Entry<'_>>> {
        if !self.opened {
            self.open()?;
        }
        Ok(self.heap.first().map(|&top| {
            let source = &self.sources[top as usize];
            (source.key(), source.ready.value(source.at))
        }))
    }

    /// Passes the entry `peek` answered, and older versions of it.
    pub fn advance(&mut self) -> Result<()> {
        let Some(&top) = self.heap.first() else { return Ok(()) };
        if self.heap.len() == 1 || self.ahead > 0 {
            return self.step();
        }
        let mut passed = std::mem::take(&mut self.passed);
        passed.clear();
        passed.extend_from_slice(self.sources[top as usize].key());
        self.step()?;
        while let Some(&next) = self.heap.first()
            && self.sources[next as usize].key() == passed.as_slice()
        {
            self.step()?;
        }
        self.passed = passed;
        Ok(())
    }

    /// Goes on at the first key at or past `key`; never back.
    pub fn seek(&mut self, key: &[u8]) {
        match self.direction {
            Direction::Forward if key > self.range.start.as_slice() => self.range.start = key.to_vec(),
            Direction::Backward if self.range.end.is_empty() || key < self.range.end.as_slice() => {
                self.range.end = key.to_vec();
                self.range.end.push(0);
            }
            _ => return,
        }
        self.opened = false;
    }
}
