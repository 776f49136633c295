//! The lock manager: rows, tables, objects, advisory keys; one per server, in memory.
//!
//! | part | what |
//! |---|---|
//! | `mode` | tags (what is locked), modes, conflict matrices |
//! | `table` | holders and fair queues, sharded |
//! | `wait` | waiting: timeouts, interrupts, deadlocks |
//! | `deadlock` | the search for a cycle |
//! | `held` | what one transaction holds: savepoints, escalation, release |
//!
//! An uncontended lock or unlock is one short critical section and no allocation beyond the map's entry.

mod deadlock;
mod held;
mod mode;
mod table;
mod wait;

#[cfg(test)]
mod tests;

pub use held::HeldLocks;
pub use mode::{RowMode, TableMode, Tag, TagKind};
pub use wait::{Outcome, WaitPolicy};

use super::proc::{Proc, Procs};
use super::txid::Txids;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use table::LockTable;

/// All locks of the server.
#[derive(Debug)]
pub struct Locks {
    table: LockTable,
    procs: Arc<Procs>,
    txids: Arc<Txids>,
    /// Nesting counts of session-level advisory locks, by session and lock.
    session_counts: Mutex<HashMap<(u32, Tag, u8), u32>>,
    /// Held while a deadlock is looked for.
    searching: Mutex<()>,
    /// Row locks of one table after which a transaction locks the table's rows as a whole.
    escalate_after: usize,
}

/// One line of `pg_locks`.
#[derive(Clone, Debug)]
pub struct LockInfo {
    /// What is locked.
    pub tag: Tag,
    /// `pg_locks.mode`
    pub mode: &'static str,
    /// Held, or waited for.
    pub granted: bool,
    /// The session.
    pub pid: i32,
    /// Waiting since.
    pub since: Option<Instant>,
}

impl Locks {
    /// No locks.
    pub(super) fn new(procs: Arc<Procs>, txids: Arc<Txids>, escalate_after: usize) -> Self {
        let session_counts = Mutex::default();
        Self { table: LockTable::new(), procs, txids, session_counts, searching: Mutex::default(), escalate_after }
    }

    /// Every lock held or waited for.
    pub fn list(&self) -> Vec<LockInfo> {
        let frozen = self.table.freeze();
        let mut out = Vec::new();
        let pid = |slot| self.procs.by_slot(slot).map_or(0, |p| p.pid);
        for (tag, lock) in frozen.iter() {
            for h in &lock.holders {
                for m in (0..8u8).filter(|m| h.modes() & (1 << m) != 0) {
                    out.push(LockInfo { tag: *tag, mode: tag.mode_name(m), granted: true, pid: pid(h.slot), since: None });
                }
            }
            for w in lock.waiters() {
                let mode = tag.mode_name(w.mode);
                out.push(LockInfo { tag: *tag, mode, granted: false, pid: pid(w.slot), since: Some(w.since) });
            }
        }
        out
    }

    /// `pg_blocking_pids`: the sessions that keep this one waiting; empty if it does not wait.
    pub fn blocking_pids(&self, pid: i32) -> Vec<i32> {
        let Some(proc) = self.procs.by_pid(pid) else { return Vec::new() };
        let frozen = self.table.freeze();
        for (tag, lock) in frozen.iter() {
            if let Some(w) = lock.waiters().find(|w| w.slot == proc.slot) {
                let slots = deadlock::blockers(*tag, lock, proc.slot, w.mode);
                return slots.into_iter().filter_map(|s| self.procs.by_slot(s)).map(|p| p.pid).collect();
            }
        }
        Vec::new()
    }

    /// Releases a session-level advisory lock once; `false` if the session does not hold it.
    pub fn unlock_session(&self, proc: &Proc, tag: Tag, mode: TableMode) -> bool {
        let mut counts = self.session_counts.lock();
        let at = (proc.slot, tag, mode as u8);
        let Some(n) = counts.get_mut(&at) else { return false };
        *n -= 1;
        if *n == 0 {
            counts.remove(&at);
            drop(counts);
            self.table.release(tag, proc.slot, 1 << mode as u8, true);
        }
        true
    }

    /// Releases every session-level lock of a session (`pg_advisory_unlock_all`, end of session).
    pub fn unlock_session_all(&self, proc: &Proc) {
        let mut released = Vec::new();
        self.session_counts.lock().retain(|at, _| {
            if at.0 == proc.slot {
                released.push((at.1, at.2));
                return false;
            }
            true
        });
        for (tag, mode) in released {
            self.table.release(tag, proc.slot, 1 << mode, true);
        }
    }

    fn count_session(&self, proc: &Proc, tag: Tag, mode: u8) {
        *self.session_counts.lock().entry((proc.slot, tag, mode)).or_insert(0) += 1;
    }
}
