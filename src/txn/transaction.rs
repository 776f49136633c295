//! One transaction: its snapshots, its writes, its savepoints, its locks, its end.
//!
//! All methods take `&self`: the handle is shared by the session, its operators and its scanning threads. Dropping it without
//! `commit` rolls it back.

use super::blocking::{block_on, off_reactor};
use super::commit::{Ending, Hook};
use super::lock::{HeldLocks, Outcome, RowMode, TableMode, Tag, WaitPolicy};
use super::proc::Proc;
use super::serial::Reads;
use super::spill::{SpillFile, SpillRun};
use super::view::{ReadView, answer};
use super::writes::Writes;
use super::{BeginOptions, Isolation, Transactions};
use crate::err;
use crate::error::{Result, SqlState};
use crate::kv::{Durability, KeyRange, Keyspace, Snapshot};
use parking_lot::{Mutex, MutexGuard};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Something that lives with a transaction and follows its savepoints (the queue of deferred constraints).
pub trait Attachment: Any + Send {
    /// A mark to roll back to.
    fn mark(&mut self) -> usize;
    /// Undoes what happened since a mark.
    fn rollback_to(&mut self, mark: usize);
    /// For downcasts.
    fn as_any(&mut self) -> &mut dyn Any;
}

/// A transaction.
pub struct Txn {
    pub(super) server: Arc<Transactions>,
    pub(super) proc: Arc<Proc>,
    isolation: Isolation,
    read_only: AtomicBool,
    started_at: i64,
    /// A serializable transaction's id among its kind, and what it has read.
    serial: Option<(u64, Arc<Reads>)>,
    pub(super) state: Mutex<State>,
    pub(super) held: Mutex<HeldLocks>,
}

/// A snapshot and the pipeline's quiet point when it was taken.
#[derive(Clone)]
pub(super) struct Pinned {
    pub snapshot: Arc<dyn Snapshot>,
    pub quiet: Option<u64>,
}

/// The transaction's own writes as its running command sees them.
#[derive(Clone, Default)]
pub(super) enum Frozen {
    /// The command wrote nothing yet: as they are.
    #[default]
    Live,
    /// None when the command began.
    Empty,
    /// These.
    At(Arc<Writes>),
}

struct Savepoint {
    writes: Writes,
    attachments: Vec<usize>,
}

#[derive(Default)]
pub(super) struct State {
    pub writes: Writes,
    pub frozen: Frozen,
    pub pinned: Option<Pinned>,
    spill: Option<Arc<SpillFile>>,
    savepoints: Vec<Savepoint>,
    attachments: Vec<Box<dyn Attachment>>,
    hooks: Vec<Hook>,
    /// Something outside the buffer (a sequence's record) must be durable when the transaction commits.
    must_sync: bool,
    ended: bool,
}

/// A command interrupted by a nested one, to be resumed.
pub struct SavedCommand {
    frozen: Frozen,
    pinned: Option<Pinned>,
}

impl State {
    /// The buffer as the running command sees it.
    pub fn visible(&self) -> Option<&Writes> {
        match &self.frozen {
            Frozen::Live => Some(&self.writes),
            Frozen::Empty => None,
            Frozen::At(w) => Some(w),
        }
    }

    fn freeze(&mut self) {
        if matches!(self.frozen, Frozen::Live) {
            self.frozen = if self.writes.is_empty() { Frozen::Empty } else { Frozen::At(Arc::new(self.writes.clone())) };
        }
    }
}

impl Txn {
    pub(super) fn new(server: Arc<Transactions>, proc: Arc<Proc>, options: BeginOptions) -> Self {
        proc.transaction_began(options.started_at, options.isolation);
        let serial = (options.isolation == Isolation::Serializable).then(|| server.serials.begin(options.read_only));
        Self {
            serial,
            server,
            proc,
            isolation: options.isolation,
            read_only: AtomicBool::new(options.read_only),
            started_at: options.started_at,
            state: Mutex::default(),
            held: Mutex::default(),
        }
    }

    /// Isolation level.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Whether it was begun READ ONLY.
    pub fn is_read_only(&self) -> bool {
        self.read_only.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// SET TRANSACTION READ ONLY / READ WRITE.
    pub fn set_read_only(&self, read_only: bool) {
        self.read_only.store(read_only, std::sync::atomic::Ordering::Relaxed);
    }

    /// Start, microseconds since 2000-01-01 UTC.
    pub fn started_at(&self) -> i64 {
        self.started_at
    }

    /// The session.
    pub fn proc(&self) -> &Arc<Proc> {
        &self.proc
    }

    /// The server's transactions.
    pub fn server(&self) -> &Arc<Transactions> {
        &self.server
    }

    /// The transaction's id, assigned now if it has none.
    pub fn txid(&self) -> u64 {
        self.server.txids.of(&self.proc)
    }

    // ---- commands ----

    /// Begins a statement: it sees what the transaction has written so far and, at READ COMMITTED, what others have committed so
    /// far; not what it writes itself. Answers the interrupted command, to be given to `resume_command` after a nested one.
    pub fn start_command(&self) -> SavedCommand {
        let mut state = self.state.lock();
        let frozen = std::mem::take(&mut state.frozen);
        let pinned = if self.isolation.per_transaction() { state.pinned.clone() } else { state.pinned.take() };
        SavedCommand { frozen, pinned }
    }

    /// Goes back to the view of an interrupted command.
    pub fn resume_command(&self, saved: SavedCommand) {
        let mut state = self.state.lock();
        state.frozen = saved.frozen;
        state.pinned = saved.pinned.or_else(|| if self.isolation.per_transaction() { state.pinned.take() } else { None });
    }

    pub(super) fn pin(&self, state: &mut State) -> Pinned {
        state
            .pinned
            .get_or_insert_with(|| {
                let quiet = self.server.committer.quiet_point();
                Pinned { snapshot: self.server.store.snapshot(), quiet }
            })
            .clone()
    }

    /// What the running command sees: for scans, and for more than one read.
    pub fn view(&self) -> ReadView {
        let mut state = self.state.lock();
        let snapshot = self.pin(&mut state).snapshot;
        state.freeze();
        let writes = match &state.frozen {
            Frozen::At(w) => Some(Arc::clone(w)),
            Frozen::Live | Frozen::Empty => None,
        };
        ReadView::new(snapshot, writes, self.serial.as_ref().map(|(_, reads)| Arc::clone(reads)))
    }

    /// Everything: what is committed now and all of the transaction's writes, the running command's included. For checks of
    /// constraints.
    pub fn latest_view(&self) -> ReadView {
        let state = self.state.lock();
        let writes = (!state.writes.is_empty()).then(|| Arc::new(state.writes.clone()));
        ReadView::new(self.server.store.snapshot(), writes, None)
    }

    /// Reads one key as the running command sees it: `out` is cleared and, if the key is there, filled. A READ COMMITTED command
    /// that reads nothing but one key takes no snapshot at all.
    pub fn get(&self, ks: Keyspace, key: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        let pinned = {
            let mut state = self.state.lock();
            if let Some(writes) = state.visible().filter(|w| !w.is_empty())
                && let Some(found) = answer(writes.lookup(ks, key)?, out)
            {
                return Ok(found);
            }
            if let Some((_, reads)) = &self.serial {
                reads.key(ks, key);
            }
            if self.isolation.per_transaction() { Some(self.pin(&mut state)) } else { state.pinned.clone() }
        };
        Ok(match pinned {
            Some(p) => p.snapshot.get(ks, key, out).wait()?,
            None => self.server.store.get(ks, key, out).wait()?,
        })
    }

    /// Reads one key as it is now: all own writes, and what is committed. For checks under a lock.
    pub fn get_latest(&self, ks: Keyspace, key: &[u8], out: &mut Vec<u8>) -> Result<bool> {
        {
            let state = self.state.lock();
            if !state.writes.is_empty()
                && let Some(found) = answer(state.writes.lookup(ks, key)?, out)
            {
                return Ok(found);
            }
        }
        Ok(self.server.store.get(ks, key, out).wait()?)
    }

    // ---- writes ----

    fn begin_write(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        if state.ended {
            return Err(err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress"));
        }
        if self.is_read_only() {
            return Err(err!(SqlState::READ_ONLY_SQL_TRANSACTION, "cannot write in a read-only transaction"));
        }
        state.freeze();
        Ok(state)
    }

    fn write(&self, change: impl FnOnce(&mut Writes)) -> Result<()> {
        let mut state = self.begin_write()?;
        change(&mut state.writes);
        if state.writes.bytes() > self.server.options.write_buffer { self.spill(&mut state) } else { Ok(()) }
    }

    fn spill(&self, state: &mut State) -> Result<()> {
        let file = match &state.spill {
            Some(file) => Arc::clone(file),
            None => Arc::clone(state.spill.insert(Arc::new(SpillFile::create(&self.server.options.spill_folder)?))),
        };
        state.writes.spill(&file)
    }

    /// Adds runs, newer than everything written so far.
    pub(super) fn add_spill_runs(&self, ks: Keyspace, runs: Vec<SpillRun>) -> Result<()> {
        let mut state = self.begin_write()?;
        if runs.iter().any(|r| state.writes.map_touches(ks, r)) {
            self.spill(&mut state)?;
        }
        runs.into_iter().for_each(|run| state.writes.add_run(ks, run));
        Ok(())
    }

    /// Sets a key.
    pub fn put(&self, ks: Keyspace, key: &[u8], value: &[u8]) -> Result<()> {
        self.write(|w| w.set(ks, key, Some(Arc::from(value))))
    }

    /// Deletes a key; absent keys are fine.
    pub fn delete(&self, ks: Keyspace, key: &[u8]) -> Result<()> {
        self.write(|w| w.set(ks, key, None))
    }

    /// Sets many keys in one go (bulk loads).
    pub fn put_many<'a>(&self, ks: Keyspace, entries: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<()> {
        self.write(|w| {
            for (key, value) in entries {
                w.set(ks, key, Some(Arc::from(value)));
            }
        })
    }

    /// Deletes many keys in one go.
    pub fn delete_many<'a>(&self, ks: Keyspace, keys: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        self.write(|w| keys.for_each(|key| w.set(ks, key, None)))
    }

    /// Deletes every key of a range (DROP, TRUNCATE).
    pub fn delete_range(&self, ks: Keyspace, range: KeyRange) -> Result<()> {
        self.write(|w| w.delete_range(ks, range))
    }

    /// Demands a durable commit although nothing may be in the buffer (a sequence was advanced).
    pub fn require_sync(&self) {
        self.state.lock().must_sync = true;
    }

    // ---- savepoints ----

    /// Sets a savepoint; answers its level (0 for the outermost).
    pub fn savepoint(&self) -> usize {
        let mut state = self.state.lock();
        let attachments = state.attachments.iter_mut().map(|a| a.mark()).collect();
        let writes = state.writes.clone();
        state.savepoints.push(Savepoint { writes, attachments });
        self.held.lock().mark();
        state.savepoints.len() - 1
    }

    /// Number of savepoints set.
    pub fn savepoint_depth(&self) -> usize {
        self.state.lock().savepoints.len()
    }

    /// Undoes what happened since the savepoint, which stays; those above it are gone.
    pub fn rollback_to(&self, level: usize) {
        let mut state = self.state.lock();
        let Some(savepoint) = state.savepoints.get(level) else { return };
        let (writes, marks) = (savepoint.writes.clone(), savepoint.attachments.clone());
        state.savepoints.truncate(level + 1);
        state.writes = writes;
        state.frozen = Frozen::Live;
        for (i, attachment) in state.attachments.iter_mut().enumerate() {
            attachment.rollback_to(marks.get(i).copied().unwrap_or(0));
        }
        self.held.lock().rollback_to(&self.server.locks, self.proc.slot, level);
    }

    /// Forgets the savepoint and those above it; what happened since stays.
    pub fn release(&self, level: usize) {
        self.state.lock().savepoints.truncate(level);
        self.held.lock().release_marks(level);
    }

    /// Works on the attachment of type `T`, made on first use.
    pub fn with_attachment<T: Attachment + Default, R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut state = self.state.lock();
        let at = state.attachments.iter_mut().position(|a| a.as_any().is::<T>()).unwrap_or_else(|| {
            state.attachments.push(Box::<T>::default());
            state.attachments.len() - 1
        });
        work(state.attachments[at].as_any().downcast_mut().expect("found by its type"))
    }

    /// Looks at the attachment of type `T`, if there is one.
    pub fn look_at_attachment<T: Attachment, R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let mut state = self.state.lock();
        state.attachments.iter_mut().find_map(|a| a.as_any().downcast_ref::<T>()).map(look)
    }

    /// Does something when the transaction has become visible, before its locks are released; nothing if it rolls back.
    pub fn on_commit(&self, hook: Hook) {
        self.state.lock().hooks.push(hook);
    }

    // ---- locks ----

    /// Locks a row (or a key about to be inserted). See [`Locks::row`](super::Locks::row).
    pub fn lock_row(&self, ks: Keyspace, key: &[u8], mode: RowMode, policy: WaitPolicy) -> Result<Outcome> {
        self.server.locks.row(&self.proc, &self.held, Tag::row(ks, key), mode, policy)
    }

    /// As `lock_row` with `WaitPolicy::Block`, without holding up the thread.
    pub async fn wait_for_row(&self, ks: Keyspace, key: &[u8], mode: RowMode) -> Result<Outcome> {
        self.server.locks.wait_for_row(&self.proc, &self.held, Tag::row(ks, key), mode).await
    }

    /// Number of locks held.
    pub fn lock_count(&self) -> usize {
        self.held.lock().len()
    }

    /// Gives up the lock on a row that was locked last and turned out not to be wanted.
    pub fn unlock_last_row(&self, ks: Keyspace, key: &[u8]) {
        self.held.lock().release_last(&self.server.locks, self.proc.slot, Tag::row(ks, key));
    }

    /// Locks a table, object, name or advisory key until the transaction ends.
    pub fn lock(&self, tag: Tag, mode: TableMode, policy: WaitPolicy) -> Result<Outcome> {
        self.server.locks.acquire(&self.proc, &self.held, tag, mode, policy)
    }

    // ---- the end ----

    /// Commits. Returns once it is as durable as asked for and visible, and its locks are released. On an error it is rolled back
    /// (or, after a failed sync, of unknown outcome until the server restarts).
    pub async fn commit(&self, durability: Durability) -> Result<()> {
        let (writes, must_sync, mut ending) = self.take_end()?;
        let writes = Arc::new(writes);
        if let Some((id, _)) = self.serial {
            if let Err(e) = self.server.serials.check(id, &writes) {
                self.end_serial();
                ending.finish(&self.server.locks, false);
                return Err(e);
            }
            let server = Arc::clone(&self.server);
            ending.hooks.push(Box::new(move || server.serials.visible(id)));
        }
        if writes.is_empty() && !must_sync {
            ending.finish(&self.server.locks, true);
            return Ok(());
        }
        let store = &*self.server.store;
        let made = if writes.has_runs() { off_reactor(|| writes.into_batch(store)) } else { writes.into_batch(store) };
        let mut batch = match made {
            Ok(batch) => batch,
            Err(e) => {
                self.end_serial();
                ending.finish(&self.server.locks, false);
                return Err(e);
            }
        };
        if batch.is_empty() {
            // Something already logged must become durable: any record behind it in the log will do.
            batch.put(Keyspace::Metadata, b"txn/sync".to_vec(), Vec::new());
        }
        let result = self.server.committer.commit(batch, durability, ending).await;
        if result.is_err() {
            self.end_serial();
        }
        result
    }

    fn end_serial(&self) {
        if let Some((id, _)) = self.serial {
            self.server.serials.remove(id);
        }
    }

    /// As `commit`, from synchronous code.
    pub fn commit_blocking(&self, durability: Durability) -> Result<()> {
        block_on(self.commit(durability))
    }

    /// Rolls back.
    pub fn rollback(&self) {
        if let Ok((_, _, ending)) = self.take_end() {
            self.end_serial();
            ending.finish(&self.server.locks, false);
        }
    }

    fn take_end(&self) -> Result<(Writes, bool, Ending)> {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.ended, true) {
            return Err(err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress"));
        }
        let old = std::mem::take(&mut *state);
        state.ended = true;
        let held = std::mem::take(&mut *self.held.lock());
        let ending = Ending { proc: Arc::clone(&self.proc), held, hooks: old.hooks };
        Ok((old.writes, old.must_sync, ending))
    }
}

impl Drop for Txn {
    fn drop(&mut self) {
        self.rollback();
    }
}
