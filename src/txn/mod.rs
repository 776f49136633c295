//! Transactions over any store: snapshots, write buffers, savepoints, locks, the commit pipeline, sequences.
//!
//! | part | what |
//! |---|---|
//! | `transaction` | `Txn`: reads, writes, savepoints, the end |
//! | `view` | `ReadView`: what a command sees, for any number of threads |
//! | `writes`, `spill`, `merge` | the write buffer, in memory and past its budget |
//! | `bulk` | many entries at once: gathered, sorted on a thread of their own, added as sorted runs |
//! | `row` | locking a row that was found, READ COMMITTED's second look |
//! | `lock` | the lock manager |
//! | `serial` | SERIALIZABLE |
//! | `commit` | group commit |
//! | `sequence` | sequences |
//! | `proc`, `txid` | sessions and transaction ids, for views and messages |
//! | `blocking` | waiting from synchronous code |
//!
//! A session's life with it:
//!
//! ```text
//! let server = Transactions::open(store, Options::default())?;      // one per server
//! let proc = server.register(pid, database_oid, interrupt);         // one per session; server.unregister(&proc) at its end
//! let txn = server.begin(&proc, BeginOptions { isolation, read_only, started_at });   // wrap in Arc to share
//! txn.lock(Tag::relation(oid), TableMode::RowExclusive, WaitPolicy::Block)?;
//! txn.start_command();                                              // before every statement
//! let view = txn.view();                                            // scans, joins: Send + Sync + Clone
//! view.scan(Keyspace::Data, &range, Direction::Forward, hints)?;    // Box<dyn kv::Cursor>
//! txn.get(Keyspace::Data, key, &mut out)?;                          // a single point read, without a snapshot
//! txn.lock_seen_row(key, seen, RowMode::NoKeyUpdate, WaitPolicy::Block)?;             // -> LockedRow
//! txn.lock_row(Keyspace::Data, key, RowMode::Update, WaitPolicy::Block)?;             // a key to insert, then
//! txn.get_latest(Keyspace::Data, key, &mut out)?;                   // ... whether it is there
//! txn.put(Keyspace::Data, key, value)?;                             // put_many, delete, delete_range
//! let level = txn.savepoint();                                      // txn.rollback_to(level), txn.release(level)
//! txn.nextval(storage, &params, "name")?;
//! txn.on_commit(Box::new(move || publish()));                       // visible, locks still held
//! txn.commit(Durability::Sync).await?;                              // or commit_blocking, rollback, drop
//! ```

pub mod blocking;
pub mod bulk;
mod commit;
pub mod lock;
mod merge;
mod proc;
mod row;
pub mod sequence;
mod serial;
mod spill;
mod transaction;
mod txid;
mod view;
mod writes;

#[cfg(test)]
mod isolation_tests;
#[cfg(test)]
mod tests;

pub use commit::Hook;
pub use lock::{Locks, Outcome, RowMode, TableMode, Tag, TagKind, WaitPolicy};
pub use proc::{Activity, Proc, Procs};
pub use row::{LockedRow, serialization_failure};
pub use sequence::{SequenceParams, SequenceState, Sequences};
pub use transaction::{Attachment, SavedCommand, Txn};
pub use txid::Txids;
pub use view::ReadView;

use crate::error::Result;
use crate::kv::Store;
use crate::wire::interrupt::Interrupt;
use parking_lot::Mutex;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Isolation levels; READ UNCOMMITTED is READ COMMITTED.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// A snapshot per statement.
    #[default]
    ReadCommitted,
    /// A snapshot per transaction; a row changed since then cannot be changed (40001).
    RepeatableRead,
    /// As `RepeatableRead`; a commit that no serial order explains fails with 40001.
    Serializable,
}

impl Isolation {
    /// Whether the snapshot lasts for the whole transaction.
    pub fn per_transaction(self) -> bool {
        self != Self::ReadCommitted
    }
}

/// Limits of the transaction layer.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a transaction's writes kept in memory before they spill to a temporary file.
    pub write_buffer: usize,
    /// Where temporary files go.
    pub spill_folder: PathBuf,
    /// Row locks of one table a transaction takes singly before it locks the table's rows as a whole.
    pub row_locks_per_table: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { write_buffer: 64 << 20, spill_folder: std::env::temp_dir(), row_locks_per_table: 200_000 }
    }
}

/// How a transaction begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct BeginOptions {
    /// Isolation level.
    pub isolation: Isolation,
    /// READ ONLY.
    pub read_only: bool,
    /// Now, microseconds since 2000-01-01 UTC.
    pub started_at: i64,
}

/// The server's transactions: one per open store.
pub struct Transactions {
    store: Arc<dyn Store>,
    options: Options,
    procs: Arc<Procs>,
    txids: Arc<Txids>,
    locks: Arc<Locks>,
    sequences: Sequences,
    committer: commit::Committer,
    serials: serial::Serials,
    extensions: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Transactions {
    /// Starts the transaction layer over a store.
    pub fn open(store: Arc<dyn Store>, options: Options) -> Result<Arc<Self>> {
        let procs = Arc::new(Procs::default());
        let txids = Arc::new(Txids::open(Arc::clone(&store))?);
        let locks = Arc::new(Locks::new(Arc::clone(&procs), Arc::clone(&txids), options.row_locks_per_table.max(1)));
        let sequences = Sequences::new(Arc::clone(&store));
        let committer = commit::Committer::start(Arc::clone(&store), Arc::clone(&locks));
        let extensions = Mutex::default();
        let serials = serial::Serials::default();
        Ok(Arc::new(Self { store, options, procs, txids, locks, sequences, committer, serials, extensions }))
    }

    /// Adds a session.
    pub fn register(&self, pid: i32, database: u32, interrupt: Arc<Interrupt>) -> Arc<Proc> {
        self.procs.register(pid, database, interrupt)
    }

    /// Removes a session and its session-level locks.
    pub fn unregister(&self, proc: &Proc) {
        self.locks.unlock_session_all(proc);
        self.procs.remove(proc);
    }

    /// Begins a transaction.
    pub fn begin(self: &Arc<Self>, proc: &Arc<Proc>, options: BeginOptions) -> Txn {
        Txn::new(Arc::clone(self), Arc::clone(proc), options)
    }

    /// The store below.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// All sessions.
    pub fn procs(&self) -> &Procs {
        &self.procs
    }

    /// The lock manager, for views and session-level locks.
    pub fn locks(&self) -> &Locks {
        &self.locks
    }

    /// Transaction ids.
    pub fn txids(&self) -> &Txids {
        &self.txids
    }

    /// Sequences.
    pub fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    /// What an upper floor keeps once per server beside its transactions; made on first use.
    pub fn extension<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut extensions = self.extensions.lock();
        let found = extensions.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        Arc::clone(found).downcast().expect("kept under its own type")
    }

    /// Durable commits and the groups they travelled in, since the start.
    pub fn commit_counts(&self) -> (u64, u64) {
        self.committer.counts()
    }

    /// Finishes waiting commits and stops the commit pipeline; later commits fail.
    pub fn shutdown(&self) {
        self.committer.stop();
    }
}

impl Txn {
    /// The next value of a sequence (see [`Sequences::next`]); the commit becomes durable if a record was logged for it.
    pub fn nextval(&self, storage: u32, params: &SequenceParams, name: &str) -> Result<i64> {
        let (value, logged) = self.server().sequences.next(storage, params, name)?;
        if logged {
            self.require_sync();
        }
        Ok(value)
    }
}
