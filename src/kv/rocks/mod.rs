//! RocksDB as a store: one database folder, one column family a keyspace.
//!
//! | part | what |
//! |---|---|
//! | `options` | the configuration section and RocksDB's options made from it |
//! | `raw` | the C calls: reads into the caller's buffer, owned snapshots and iterators |
//! | `read` | snapshots |
//! | `cursor` | scans: blocks of entries by one call each; half of it is C++ on RocksDB's internal iterator |
//! | `write` | batches, failure states, RocksDB's errors in the store's terms |
//! | `ingest` | sorted runs, and how a batch with runs stays atomic through a crash |
//! | `measure` | sizes, split points, metrics, verification |
//!
//! The folder holds RocksDB's own files and `ingest/`, where sorted runs wait for their commit. Nothing in it may be touched
//! while a server runs; RocksDB's LOCK file keeps a second one out.

mod cursor;
mod ingest;
mod measure;
mod options;
mod raw;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use options::{Compression, RocksOptions};

use super::{Answer, Caps, Durability, Error, KeyRange, Keyspace, Metric, Result, RunWriter, Snapshot, State, Store, WriteBatch};
use parking_lot::RwLock;
use raw::{Db, ReadOptions, Snap};
use rocksdb::{ColumnFamilyDescriptor, Options, WriteOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store in a RocksDB folder.
pub struct RocksStore {
    db: Arc<Db>,
    path: PathBuf,
    /// Kept for its counters.
    options: Arc<Options>,
    wal: bool,
    /// Size at which a run's file is full.
    run_file_size: u64,
    latest: ReadOptions,
    synced: WriteOptions,
    buffered: WriteOptions,
    /// Taken shared by reads and exclusively while a batch with runs becomes visible part by part. Inside: why what is visible
    /// is not whole, after such a batch failed half-way.
    gate: RwLock<Option<String>>,
    /// Taken shared by ordinary commits, exclusively by those with runs.
    writers: RwLock<()>,
    health: write::Health,
    runs: Arc<ingest::RunFolder>,
}

/// Opens the store in `path`, creating it if it is not there, and finishes what a crash left half done.
pub fn open(path: &Path, options: &RocksOptions) -> Result<Arc<RocksStore>> {
    options.validate().map_err(Error::Engine)?;
    if !options.enable_wal {
        tracing::warn!("enable_wal is off: commits since the last flush are lost in a crash, whatever synchronous_commit says");
    }
    let runs = Arc::new(ingest::RunFolder::open(&path.join("ingest"))?);
    let built = Arc::new(options.build());
    let families = Keyspace::ALL.map(|ks| ColumnFamilyDescriptor::new(ks.name(), (*built).clone()));
    let db = rocksdb::DB::open_cf_descriptors(&built, path, families).map_err(|e| write::error(e.into_string(), path))?;
    let db = Arc::new(Db::new(db, options.block_cache_size).map_err(|e| write::error(e, path))?);
    let write_options = |sync: bool| {
        let mut o = WriteOptions::default();
        o.set_sync(sync && options.enable_wal);
        o.disable_wal(!options.enable_wal);
        o
    };
    let store = RocksStore {
        db,
        path: path.to_owned(),
        options: built,
        wal: options.enable_wal,
        run_file_size: options.target_file_size_base,
        latest: ReadOptions::new(),
        synced: write_options(true),
        buffered: write_options(false),
        gate: RwLock::new(None),
        writers: RwLock::new(()),
        health: write::Health::default(),
        runs,
    };
    store.finish_ingestions()?;
    Ok(Arc::new(store))
}

impl RocksStore {
    fn error(&self, text: String) -> Error {
        write::error(text, &self.path)
    }
}

impl Store for RocksStore {
    fn name(&self) -> &'static str {
        "rocksdb"
    }

    fn caps(&self) -> Caps {
        Caps { range_delete: true, ingest: true, durable: self.wal }
    }

    fn state(&self) -> State {
        self.current_state()
    }

    fn snapshot(&self) -> Arc<dyn Snapshot> {
        let gate = self.gate.read();
        Arc::new(read::RocksSnapshot::new(Arc::new(Snap::new(self.db.clone())), gate.clone(), &self.path))
    }

    fn get<'a>(&'a self, ks: Keyspace, key: &[u8], out: &'a mut Vec<u8>) -> Answer<'a, Result<bool>> {
        let gate = self.gate.read();
        Answer::Ready(match &*gate {
            None => self.db.get(ks, key, &self.latest, out).map_err(|e| self.error(e)),
            Some(reason) => Err(Error::Poisoned(reason.clone())),
        })
    }

    fn commit(&self, batch: WriteBatch, durability: Durability) -> Result<()> {
        self.commit_batch(batch, durability)
    }

    fn run_writer(&self, ks: Keyspace) -> Result<Box<dyn RunWriter>> {
        Ok(Box::new(ingest::RocksRun::new(ks, self.runs.clone(), self.options.clone(), self.run_file_size)))
    }

    fn approximate_size(&self, ks: Keyspace, range: &KeyRange) -> Result<u64> {
        measure::approximate_size(&self.db, ks, range).map_err(|e| self.error(e))
    }

    fn split_points(&self, ks: Keyspace, range: &KeyRange, pieces: usize) -> Result<Vec<Vec<u8>>> {
        measure::split_points(&self.db, ks, range, pieces).map_err(|e| self.error(e))
    }

    fn checkpoint(&self, folder: &Path) -> Result<()> {
        let _whole = self.gate.read();
        let checkpoint = rocksdb::checkpoint::Checkpoint::new(&**self.db);
        let made = checkpoint.and_then(|c| c.create_checkpoint(folder));
        made.map_err(|e| write::error(e.into_string(), folder))
    }

    fn verify(&self) -> Result<()> {
        measure::verify(&self.db).map_err(|e| self.error(e))
    }

    fn flush(&self) -> Result<()> {
        self.flush_log()
    }

    fn metrics(&self) -> Vec<Metric> {
        measure::metrics(&self.db, &self.options)
    }

    fn compact(&self, ks: Keyspace, range: &KeyRange) -> Result<()> {
        measure::compact(&self.db, ks, range).map_err(|e| self.error(e))
    }

    fn close(&self) -> Result<()> {
        self.shut_down()
    }
}
