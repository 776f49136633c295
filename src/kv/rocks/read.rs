//! Snapshots: reads are answered at once.

use super::cursor::RocksCursor;
use super::raw::Snap;
use super::{cursor, write};
use crate::kv::{Answer, Block, Cursor, Direction, Error, KeyRange, Keyspace, Result, ScanHints, Snapshot};
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

    fn pick<'a>(&'a self, ks: Keyspace, keys: &[&[u8]], out: &'a mut Block) -> Answer<'a, Result<()>> {
        let read = |snap: &Arc<Snap>| cursor::pick(snap.clone(), ks, keys, out).map_err(|e| write::error(e, &self.path));
        Answer::Ready(self.usable().and_then(read))
    }

    fn scan(&self, ks: Keyspace, range: &KeyRange, direction: Direction, hints: ScanHints) -> Result<Box<dyn Cursor>> {
        let opened = RocksCursor::new(self.usable()?.clone(), ks, range, direction, hints, self.path.clone());
        opened.map(|cursor| Box::new(cursor) as Box<dyn Cursor>).map_err(|e| write::error(e, &self.path))
    }
}
