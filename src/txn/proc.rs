//! A session as transactions and locks know it (PostgreSQL's `PGPROC`): its process id, its timeouts, how to interrupt it, and
//! what it is doing, for `pg_stat_activity` and `pg_locks`.

use super::Isolation;
use super::lock::Tag;
use crate::wire::interrupt::Interrupt;
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// One session (or background worker). At most one transaction of it runs at a time.
#[derive(Debug)]
pub struct Proc {
    /// Distinguishes lock owners; never reused while the server runs.
    pub(super) slot: u32,
    /// Process id as clients see it.
    pub pid: i32,
    /// Database OID, for lock descriptions.
    pub database: u32,
    /// How the session is told to stop waiting.
    pub interrupt: Arc<Interrupt>,
    lock_timeout_ms: AtomicU64,
    deadlock_timeout_ms: AtomicU64,
    /// Transaction id if the running transaction has one, else 0.
    txid: AtomicU64,
    activity: Mutex<Activity>,
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Activity {
    /// Start of the running transaction, microseconds since 2000-01-01 UTC.
    pub transaction_start: Option<i64>,
    /// Its isolation level.
    pub isolation: Isolation,
    /// What it waits to lock, and in which mode.
    pub waiting: Option<(Tag, u8)>,
}

impl Proc {
    /// Limits every lock wait; zero means no limit (`lock_timeout`).
    pub fn set_lock_timeout(&self, limit: Duration) {
        self.lock_timeout_ms.store(limit.as_millis() as u64, Relaxed);
    }

    /// How long to wait before looking for a deadlock (`deadlock_timeout`).
    pub fn set_deadlock_timeout(&self, after: Duration) {
        self.deadlock_timeout_ms.store((after.as_millis() as u64).max(1), Relaxed);
    }

    pub(super) fn lock_timeout(&self) -> Option<Duration> {
        match self.lock_timeout_ms.load(Relaxed) {
            0 => None,
            ms => Some(Duration::from_millis(ms)),
        }
    }

    pub(super) fn deadlock_timeout(&self) -> Duration {
        Duration::from_millis(self.deadlock_timeout_ms.load(Relaxed))
    }

    /// The running transaction's id, if one was assigned.
    pub fn txid(&self) -> Option<u64> {
        Some(self.txid.load(Relaxed)).filter(|&t| t != 0)
    }

    pub(super) fn txid_or_assign(&self, assign: impl FnOnce() -> u64) -> u64 {
        match self.txid.load(Relaxed) {
            0 => {
                let id = assign();
                self.txid.compare_exchange(0, id, Relaxed, Relaxed).map_or_else(|other| other, |_| id)
            }
            id => id,
        }
    }

    /// What the session is doing now.
    pub fn activity(&self) -> Activity {
        *self.activity.lock()
    }

    pub(super) fn transaction_began(&self, start: i64, isolation: Isolation) {
        *self.activity.lock() = Activity { transaction_start: Some(start), isolation, waiting: None };
    }

    pub(super) fn transaction_ended(&self) {
        self.activity.lock().transaction_start = None;
        self.txid.store(0, Relaxed);
    }

    pub(super) fn set_waiting(&self, what: Option<(Tag, u8)>) {
        self.activity.lock().waiting = what;
    }
}

/// Every session of the server.
#[derive(Debug, Default)]
pub struct Procs {
    by_slot: RwLock<BTreeMap<u32, Arc<Proc>>>,
    next: AtomicU32,
}

impl Procs {
    /// Adds a session.
    pub fn register(&self, pid: i32, database: u32, interrupt: Arc<Interrupt>) -> Arc<Proc> {
        let slot = self.next.fetch_add(1, Relaxed) + 1;
        let proc = Arc::new(Proc {
            slot,
            pid,
            database,
            interrupt,
            lock_timeout_ms: AtomicU64::new(0),
            deadlock_timeout_ms: AtomicU64::new(1000),
            txid: AtomicU64::new(0),
            activity: Mutex::default(),
        });
        self.by_slot.write().insert(slot, Arc::clone(&proc));
        proc
    }

    /// Removes a session.
    pub(super) fn remove(&self, proc: &Proc) {
        self.by_slot.write().remove(&proc.slot);
    }

    /// All sessions, oldest first.
    pub fn list(&self) -> Vec<Arc<Proc>> {
        self.by_slot.read().values().cloned().collect()
    }

    pub(super) fn by_slot(&self, slot: u32) -> Option<Arc<Proc>> {
        self.by_slot.read().get(&slot).cloned()
    }

    /// The session with this process id.
    pub fn by_pid(&self, pid: i32) -> Option<Arc<Proc>> {
        self.by_slot.read().values().find(|p| p.pid == pid).cloned()
    }
}
