//! Commits, what failed ones leave behind, and RocksDB's errors in the store's terms.
//!
//! A full disk makes the store read-only until a write succeeds again: RocksDB looks every five seconds whether there is room for
//! a memtable and resumes by itself; asking for the state tries a write, so it tells the truth without traffic. Any other
//! failed write or sync poisons it: nothing is known about what reached the disk, so nothing more is accepted until the store
//! is opened again and has replayed its log.

use super::RocksStore;
use crate::kv::{Durability, Error, Keyspace, Op, Result, SortedRun, State, WriteBatch};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether writes are accepted, and why not.
#[derive(Default)]
pub(super) struct Health {
    /// Set when `trouble` is: the way past without a lock.
    troubled: AtomicBool,
    trouble: Mutex<Option<Error>>,
}

impl Health {
    pub(super) fn state(&self) -> State {
        match &*self.trouble.lock() {
            None => State::Serving,
            Some(error) => State::ReadOnly(error.to_string()),
        }
    }

    /// Refuses if an earlier failure forbids writes. A full disk does not: the write is tried.
    pub(super) fn writable(&self) -> Result<()> {
        if !self.troubled.load(Ordering::Acquire) {
            return Ok(());
        }
        match &*self.trouble.lock() {
            Some(error @ Error::Poisoned(_)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn is_full(&self) -> bool {
        self.troubled.load(Ordering::Acquire) && matches!(*self.trouble.lock(), Some(Error::DiskFull(_)))
    }

    /// Notes how a write went.
    pub(super) fn note(&self, outcome: &Result<()>) {
        match outcome {
            Ok(()) if !self.troubled.load(Ordering::Acquire) => {}
            Ok(()) => {
                let mut trouble = self.trouble.lock();
                if matches!(*trouble, Some(Error::DiskFull(_))) {
                    *trouble = None;
                    self.troubled.store(false, Ordering::Release);
                    tracing::info!("there is room on the disk again: writes are accepted");
                }
            }
            Err(error) => {
                let mut trouble = self.trouble.lock();
                if !matches!(*trouble, Some(Error::Poisoned(_))) {
                    tracing::error!("a write failed: {error}");
                    *trouble = Some(match error {
                        full @ Error::DiskFull(_) => full.clone(),
                        other => Error::Poisoned(other.to_string()),
                    });
                    self.troubled.store(true, Ordering::Release);
                }
            }
        }
    }

    /// Refuses writes from now on.
    pub(super) fn poison(&self, reason: &str) {
        *self.trouble.lock() = Some(Error::Poisoned(reason.to_owned()));
        self.troubled.store(true, Ordering::Release);
    }
}

/// A key nobody sets; removing it tells whether writes are accepted.
const PROBE_KEY: &[u8] = b"\0probe";

impl RocksStore {
    /// How the store is; while the disk was full at the last write, whether it still is.
    pub(super) fn current_state(&self) -> State {
        if self.health.is_full()
            && let Ok(metadata) = self.db.family(Keyspace::Metadata)
        {
            let mut probe = rocksdb::WriteBatch::default();
            probe.delete_cf(metadata, PROBE_KEY);
            let _shared = self.writers.read();
            // The outcome is noted and read back below.
            let _ = self.write(probe, Durability::Buffered);
        }
        self.health.state()
    }

    pub(super) fn commit_batch(&self, batch: WriteBatch, durability: Durability) -> Result<()> {
        self.health.writable()?;
        let (writes, runs) = self.translate(batch)?;
        if runs.iter().any(|run| run.entries > 0) {
            return self.commit_with_runs(writes, runs);
        }
        let _shared = self.writers.read();
        self.write(writes, durability)
    }

    /// Writes a batch of ordinary keys.
    pub(super) fn write(&self, writes: rocksdb::WriteBatch, durability: Durability) -> Result<()> {
        let options = if durability == Durability::Sync { &self.synced } else { &self.buffered };
        let outcome = self.db.write_opt(writes, options).map_err(|e| self.error(e.into_string()));
        self.health.note(&outcome);
        outcome
    }

    fn translate(&self, batch: WriteBatch) -> Result<(rocksdb::WriteBatch, Vec<SortedRun>)> {
        let mut writes = rocksdb::WriteBatch::with_capacity_bytes(batch.bytes + 12 * batch.ops.len() + 16);
        let mut runs = Vec::new();
        let mut family = None;
        for op in batch.ops {
            let ks = match &op {
                Op::Put(ks, ..) | Op::Delete(ks, _) | Op::DeleteRange(ks, _) => *ks,
                Op::Ingest(run) => run.keyspace,
            };
            let handle = match family {
                Some((known, handle)) if known == ks => handle,
                _ => self.db.family(ks).map_err(|e| self.error(e))?,
            };
            family = Some((ks, handle));
            match op {
                Op::Put(_, key, value) => writes.put_cf(handle, key, value),
                Op::Delete(_, key) => writes.delete_cf(handle, key),
                Op::DeleteRange(_, range) => {
                    let end = end_of(range.end);
                    if range.start < end {
                        writes.delete_range_cf(handle, range.start, end);
                    }
                }
                Op::Ingest(run) => runs.push(run),
            }
        }
        Ok((writes, runs))
    }

    /// Makes everything committed so far durable.
    pub(super) fn flush_log(&self) -> Result<()> {
        let flushed = if self.wal { self.db.flush_wal(true) } else { self.flush_memtables() };
        let outcome = flushed.map_err(|e| self.error(e.into_string()));
        self.health.note(&outcome);
        outcome
    }

    fn flush_memtables(&self) -> std::result::Result<(), rocksdb::Error> {
        let families: Vec<_> = Keyspace::ALL.iter().filter_map(|ks| self.db.cf_handle(ks.name())).collect();
        self.db.flush_cfs_opt(&families, &rocksdb::FlushOptions::default())
    }

    /// Flushes, so that the next start has no log to replay, and stops background work. Reads go on.
    pub(super) fn shut_down(&self) -> Result<()> {
        let _alone = self.writers.write();
        self.health.writable()?;
        self.flush_log()?;
        self.flush_memtables().map_err(|e| self.error(e.into_string()))?;
        self.health.poison("it is closed");
        self.db.cancel_all_background_work(true);
        Ok(())
    }
}

/// The end of a range to delete; for one to the end of the keyspace, a key past all keys.
fn end_of(end: Vec<u8>) -> Vec<u8> {
    // No key begins with that many `ff` bytes: table ids, names and setting keys never do.
    if end.is_empty() { vec![0xff; 64] } else { end }
}

/// RocksDB's words as a store error about `path`.
pub(super) fn error(text: String, path: &Path) -> Error {
    if text.contains("No space left on device") || text.contains("Disk quota exceeded") {
        return Error::DiskFull(text);
    }
    if text.contains("While lock file") || text.contains("lock hold by current process") {
        return Error::Locked(path.to_owned());
    }
    if let Some(what) = text.strip_prefix("Corruption: ") {
        return Error::Corruption(what.to_owned());
    }
    if let Some(reason) = text.strip_prefix("IO error: ") {
        return Error::Io { action: "read or write", path: path.to_owned(), reason: reason.to_owned() };
    }
    Error::Engine(text)
}
