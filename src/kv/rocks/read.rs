//! Snapshots and cursors: reads are answered at once, blocks of a scan are filled without leaving RocksDB's iterator.

use super::raw::{Iter, Snap};
use super::write;
use crate::kv::{Answer, Block, Cursor, Direction, Error, FillLimit, KeyRange, Keyspace, Result, ScanHints, Snapshot};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A consistent view of the database.
pub(super) struct RocksSnapshot {
    snap: Arc<Snap>,
    /// Set where the view would show half of a failed batch: every read answers it.
    broken: Option<Error>,
    path: PathBuf,
}

impl RocksSnapshot {
    pub(super) fn new(snap: Arc<Snap>, broken: Option<String>, path: &Path) -> Self {
        Self { snap, broken: broken.map(Error::Poisoned), path: path.to_owned() }
    }

    fn usable(&self) -> Result<&Arc<Snap>> {
        match &self.broken {
            None => Ok(&self.snap),
            Some(error) => Err(error.clone()),
        }
    }
}

impl Snapshot for RocksSnapshot {
    fn get<'a>(&'a self, ks: Keyspace, key: &[u8], out: &'a mut Vec<u8>) -> Answer<'a, Result<bool>> {
        let read = |snap: &Arc<Snap>| snap.db.get(ks, key, &snap.options, out).map_err(|e| write::error(e, &self.path));
        Answer::Ready(self.usable().and_then(read))
    }

    fn multi_get<'a>(&'a self, ks: Keyspace, keys: &[&[u8]]) -> Answer<'a, Result<Vec<Option<Vec<u8>>>>> {
        let read = |snap: &Arc<Snap>| snap.db.multi_get(ks, keys, &snap.options).map_err(|e| write::error(e, &self.path));
        Answer::Ready(self.usable().and_then(read))
    }

    fn scan(&self, ks: Keyspace, range: &KeyRange, direction: Direction, hints: ScanHints) -> Result<Box<dyn Cursor>> {
        let snap = self.usable()?;
        let empty = !range.end.is_empty() && range.start >= range.end;
        Ok(Box::new(RocksCursor {
            iter: Iter::new(snap.clone(), ks, range, hints.bulk),
            direction,
            place: if empty { Place::End } else { Place::Start },
            path: self.path.clone(),
        }))
    }
}

/// Where a cursor stands. The step past the last entry handed out is taken only when more is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// On an entry not yet handed out, or past the end.
    Fresh,
    /// On the last entry handed out.
    Used,
    End,
}

struct RocksCursor {
    iter: Iter,
    direction: Direction,
    place: Place,
    path: PathBuf,
}

impl RocksCursor {
    fn step(&mut self) {
        match self.direction {
            Direction::Forward => self.iter.next(),
            Direction::Backward => self.iter.prev(),
        }
    }

    /// Moves onto the next entry to hand out.
    fn advance(&mut self) {
        match (self.place, self.direction) {
            (Place::Start, Direction::Forward) => self.iter.seek_to_first(),
            (Place::Start, Direction::Backward) => self.iter.seek_to_last(),
            (Place::Used, _) => self.step(),
            (Place::Fresh | Place::End, _) => {}
        }
        self.place = Place::Fresh;
    }

    fn take(&mut self, block: &mut Block, limit: FillLimit) -> Result<()> {
        if self.place == Place::End {
            return Ok(());
        }
        self.advance();
        loop {
            let Some((key, value)) = self.iter.entry() else {
                self.place = Place::End;
                return self.iter.status().map_err(|e| write::error(e, &self.path));
            };
            block.push(key, value);
            if block.len() >= limit.entries || block.byte_len() >= limit.bytes {
                self.place = Place::Used;
                return Ok(());
            }
            self.step();
        }
    }

    fn go(&mut self, target: &[u8]) {
        let before = match (self.place, self.iter.entry()) {
            (Place::Start, _) => true,
            (Place::End, _) | (_, None) => false,
            (_, Some((key, _))) if self.direction == Direction::Forward => key < target,
            (_, Some((key, _))) => key > target,
        };
        if before {
            match self.direction {
                Direction::Forward => self.iter.seek(target),
                Direction::Backward => self.iter.seek_for_prev(target),
            }
            self.place = Place::Fresh;
        }
    }
}

impl Cursor for RocksCursor {
    fn fill<'a>(&'a mut self, block: &'a mut Block, limit: FillLimit) -> Answer<'a, Result<()>> {
        block.clear();
        Answer::Ready(self.take(block, limit))
    }

    fn seek<'a>(&'a mut self, key: &'a [u8]) -> Answer<'a, Result<()>> {
        self.go(key);
        Answer::Ready(Ok(()))
    }
}
