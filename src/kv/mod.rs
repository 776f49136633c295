//! The store seam: an ordered map of byte strings in a few keyspaces, whichever engine keeps it.
//!
//! | part | what |
//! |---|---|
//! | `batch` | `WriteBatch`, the unit of atomic change |
//! | `memory` | engine that lives and dies with the process |
//! | `rocks` | RocksDB, tuned by the configuration |
//! | `mirror` | two engines at once, every answer compared (tests) |
//! | `conformance` | the suite every engine passes (tests) |
//!
//! # Contract every engine keeps (checked by one conformance suite)
//! - Keys order as unsigned bytes. A keyspace is independent of the others but a batch is atomic across all of them.
//! - `commit` returns after the batch is visible and, with `Durability::Sync`, after it is on stable storage. Visible order is
//!   log order. After a failed log write or sync the store refuses further writes (`Error::Poisoned`) and goes on reading.
//! - A snapshot sees exactly the commits that returned before it was taken, plus possibly ones in flight, each whole or not at all.
//! - Reads never block on writers. A read may answer at once or later (`Answer`): local engines always answer at once.

pub mod batch;
#[cfg(test)]
pub mod conformance;
pub mod memory;
pub mod mirror;
pub mod rocks;

pub use batch::{Op, WriteBatch};

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

/// A named, independent key range of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Keyspace {
    /// Schema objects.
    Tables = 0,
    /// Rows and index entries.
    Data = 1,
    /// Settings, sequences, statistics, cluster identity.
    Metadata = 2,
}

impl Keyspace {
    /// All keyspaces, in id order.
    pub const ALL: [Keyspace; 3] = [Keyspace::Tables, Keyspace::Data, Keyspace::Metadata];

    /// The on-disk name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tables => "pg_tables",
            Self::Data => "pg_data",
            Self::Metadata => "pg_metadata",
        }
    }
}

/// What can go wrong in an engine.
#[derive(Debug, thiserror::Error, Clone)]
pub enum Error {
    /// The operating system refused an I/O operation.
    #[error("could not {action} \"{path}\": {reason}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// No space left on device.
    #[error("no space left on device: {0}")]
    DiskFull(String),
    /// A checksum or structure is wrong.
    #[error("storage is corrupted: {0}")]
    Corruption(String),
    /// An earlier write failed; nothing is accepted until the store is opened again.
    #[error("the store stopped accepting writes: {0}")]
    Poisoned(String),
    /// Another process holds the folder.
    #[error("data folder \"{0}\" is in use by another process")]
    Locked(PathBuf),
    /// The engine cannot do this (see `Caps`).
    #[error("the storage engine does not support {0}")]
    Unsupported(&'static str),
    /// Anything else the engine reports.
    #[error("storage engine error: {0}")]
    Engine(String),
}

impl From<Error> for crate::error::SqlError {
    fn from(e: Error) -> Self {
        use crate::error::SqlState;
        let code = match &e {
            Error::DiskFull(_) => SqlState::DISK_FULL,
            Error::Corruption(_) => SqlState::DATA_CORRUPTED,
            Error::Unsupported(_) => SqlState::FEATURE_NOT_SUPPORTED,
            Error::Locked(_) => SqlState::OBJECT_IN_USE,
            Error::Io { .. } | Error::Poisoned(_) | Error::Engine(_) => SqlState::IO_ERROR,
        };
        Self::new(code, e.to_string())
    }
}

/// Result of the store layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An answer that is there already, or comes later.
pub enum Answer<'a, T> {
    /// Here it is.
    Ready(T),
    /// Await it.
    Pending(Pin<Box<dyn Future<Output = T> + Send + 'a>>),
}

impl<T> Answer<'_, T> {
    /// Waits for the answer on this thread. Must not run on an async worker unless inside `block_in_place`.
    pub fn wait(self) -> T {
        match self {
            Self::Ready(t) => t,
            Self::Pending(f) => tokio::runtime::Handle::current().block_on(f),
        }
    }

    /// Awaits the answer.
    pub async fn resolve(self) -> T {
        match self {
            Self::Ready(t) => t,
            Self::Pending(f) => f.await,
        }
    }
}

/// Scan direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// A half-open key range `[start, end)`; an empty `end` means "to the end of the keyspace".
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct KeyRange {
    /// First key inside.
    pub start: Vec<u8>,
    /// First key outside; empty for no bound.
    pub end: Vec<u8>,
}

impl KeyRange {
    /// Every key that starts with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut end = prefix.to_vec();
        while let Some(last) = end.last_mut() {
            if *last < 0xff {
                *last += 1;
                break;
            }
            end.pop();
        }
        Self { start: prefix.to_vec(), end }
    }

    /// Whether `key` lies inside.
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && (self.end.is_empty() || key < self.end.as_slice())
    }
}

/// Bounds on one `Cursor::fill` call.
#[derive(Clone, Copy, Debug)]
pub struct FillLimit {
    /// At most this many entries.
    pub entries: usize,
    /// Stop after the entry that passes this many bytes.
    pub bytes: usize,
}

/// Entries of a scan, many per call: keys and values back to back in one buffer.
#[derive(Default, Debug, Clone)]
pub struct Block {
    bytes: Vec<u8>,
    /// End offsets of each entry: its key's, its value's.
    ends: Vec<[u32; 2]>,
}

impl Block {
    /// Forgets the entries, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Appends an entry.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len() as u32;
        self.bytes.extend_from_slice(value);
        self.ends.push([key_end, self.bytes.len() as u32]);
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes held.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The `i`-th key and value.
    #[inline]
    pub fn entry(&self, i: usize) -> (&[u8], &[u8]) {
        let start = if i == 0 { 0 } else { self.ends[i - 1][1] as usize };
        let [key_end, end] = self.ends[i];
        (&self.bytes[start..key_end as usize], &self.bytes[key_end as usize..end as usize])
    }

    /// All entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&[key_end, end]| {
            let (key_end, end) = (key_end as usize, end as usize);
            let entry = (&self.bytes[start..key_end], &self.bytes[key_end..end]);
            start = end;
            entry
        })
    }
}

/// A position in a scan.
pub trait Cursor: Send {
    /// Clears `block` and fills it with the next entries. Leaves it empty at the end of the range.
    fn fill<'a>(&'a mut self, block: &'a mut Block, limit: FillLimit) -> Answer<'a, Result<()>>;
    /// Moves forward (in scan direction) so that the next entry is the first at or past `key`. Never moves back.
    fn seek<'a>(&'a mut self, key: &'a [u8]) -> Answer<'a, Result<()>>;
}

/// Hints for a scan.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScanHints {
    /// All of the range will be read: if it is large, do not displace the cache.
    pub bulk: bool,
    /// With `bulk`: the range is one of about so many equal parts of what will be read (0 is 1).
    pub parts: u32,
    /// Values are not wanted: they come empty.
    pub keys_only: bool,
}

/// A consistent read view. Cheap to take; pins nothing but history.
pub trait Snapshot: Send + Sync {
    /// Reads one key: `out` is cleared and, if present, filled; answers whether the key is there.
    fn get<'a>(&'a self, ks: Keyspace, key: &[u8], out: &'a mut Vec<u8>) -> Answer<'a, Result<bool>>;
    /// Reads many keys (sorted ascending). `out[i]` is `None` where the key is absent.
    fn multi_get<'a>(&'a self, ks: Keyspace, keys: &[&[u8]]) -> Answer<'a, Result<Vec<Option<Vec<u8>>>>>;
    /// Reads many keys (sorted ascending, each once) into a block: the entries that are there, in order.
    fn pick<'a>(&'a self, ks: Keyspace, keys: &[&[u8]], out: &'a mut Block) -> Answer<'a, Result<()>> {
        out.clear();
        Answer::Ready(self.multi_get(ks, keys).wait().map(|values| {
            for (key, value) in keys.iter().zip(values) {
                if let Some(value) = value {
                    out.push(key, &value);
                }
            }
        }))
    }
    /// Opens a scan. The cursor keeps the snapshot alive.
    fn scan(&self, ks: Keyspace, range: &KeyRange, direction: Direction, hints: ScanHints) -> Result<Box<dyn Cursor>>;
}

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// On stable storage.
    Sync,
    /// In the log's buffer; a crash of the machine or process may lose it, never reorder it.
    Buffered,
}

/// What an engine can do.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Range deletes are one cheap operation.
    pub range_delete: bool,
    /// Sorted runs can be ingested.
    pub ingest: bool,
    /// Data survives the process.
    pub durable: bool,
}

/// How an engine is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Reads and writes.
    Serving,
    /// Reads only, and why.
    ReadOnly(String),
}

/// A sorted run being built outside the store's visible state, for `WriteBatch::ingest`.
pub trait RunWriter: Send {
    /// Adds an entry; keys must be strictly ascending within the run.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()>;
    /// Adds the removal of a key, in order with the entries.
    fn delete(&mut self, key: &[u8]) -> Result<()>;
    /// Completes the run (synced to disk where that means anything).
    fn finish(self: Box<Self>) -> Result<SortedRun>;
}

/// A finished sorted run: files or memory owned by the engine that made it. Dropping it unused removes it.
pub struct SortedRun {
    /// Keyspace it belongs to.
    pub keyspace: Keyspace,
    /// Engine-private content.
    pub payload: Box<dyn std::any::Any + Send + Sync>,
    /// Number of entries and removals.
    pub entries: u64,
}

impl fmt::Debug for SortedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SortedRun({}, {} entries)", self.keyspace.name(), self.entries)
    }
}

/// One engine figure: name, value.
pub type Metric = (String, f64);

/// An ordered map of byte strings with atomic, durable batches. See the module's contract.
pub trait Store: Send + Sync {
    /// Engine name as in the configuration.
    fn name(&self) -> &'static str;
    /// What it can do.
    fn caps(&self) -> Caps;
    /// How it is.
    fn state(&self) -> State;
    /// A consistent view of now.
    fn snapshot(&self) -> Arc<dyn Snapshot>;
    /// Reads the latest committed value without a snapshot object; as `Snapshot::get`.
    fn get<'a>(&'a self, ks: Keyspace, key: &[u8], out: &'a mut Vec<u8>) -> Answer<'a, Result<bool>>;
    /// Applies a batch atomically. Blocking: the commit pipeline calls it on a thread of its own.
    fn commit(&self, batch: WriteBatch, durability: Durability) -> Result<()>;
    /// Starts a sorted run.
    fn run_writer(&self, ks: Keyspace) -> Result<Box<dyn RunWriter>>;
    /// Approximate bytes on disk of a range.
    fn approximate_size(&self, ks: Keyspace, range: &KeyRange) -> Result<u64>;
    /// Keys that cut the range into about `pieces` equal parts (fewer, possibly none, when it is small).
    fn split_points(&self, ks: Keyspace, range: &KeyRange, pieces: usize) -> Result<Vec<Vec<u8>>>;
    /// A consistent copy into `folder` (which must not exist), by hard links where possible.
    fn checkpoint(&self, folder: &Path) -> Result<()>;
    /// Reads everything and checks checksums and order.
    fn verify(&self) -> Result<()>;
    /// Flushes buffered writes to stable storage.
    fn flush(&self) -> Result<()>;
    /// Engine figures.
    fn metrics(&self) -> Vec<Metric>;
    /// Merges files of a range (VACUUM, after bulk deletes).
    fn compact(&self, ks: Keyspace, range: &KeyRange) -> Result<()>;
    /// Clean shutdown.
    fn close(&self) -> Result<()>;
}
