//! Taking a lock: at once where nobody is in the way, else waiting for it - for at most `lock_timeout`, interruptible, and with
//! a deadlock search after `deadlock_timeout`.
//!
//! The calls block the calling thread (telling tokio so first) only when the lock is not free.

use super::Locks;
use super::deadlock;
use super::held::{HeldLocks, whole_mode};
use super::mode::{RowMode, TableMode, Tag};
use super::table::{Attempt, Waiter};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::txn::blocking::block_on;
use crate::txn::proc::Proc;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What to do when a lock is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPolicy {
    /// Wait.
    Block,
    /// Answer `Outcome::NotAvailable` at once (NOWAIT, SKIP LOCKED, `try` functions).
    Try,
}

/// What became of a lock request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Granted at once.
    Granted,
    /// Granted after a wait.
    GrantedAfterWait,
    /// Another session is in the way (`WaitPolicy::Try` only).
    NotAvailable,
}

impl Outcome {
    /// Whether the lock is held now.
    pub fn granted(self) -> bool {
        self != Self::NotAvailable
    }
}

impl Locks {
    /// Locks a row until the end of the transaction that owns `held`. Errors: 40P01, 55P03 (lock_timeout), 57014, 57P01.
    pub fn row(&self, proc: &Proc, held: &Mutex<HeldLocks>, tag: Tag, mode: RowMode, policy: WaitPolicy) -> Result<Outcome> {
        let outcome = self.try_row(proc, held, tag, mode)?;
        if outcome.granted() || policy == WaitPolicy::Try {
            return Ok(outcome);
        }
        block_on(self.wait_for_row(proc, held, tag, mode))
    }

    /// Locks a row if nobody is in the way.
    fn try_row(&self, proc: &Proc, held: &Mutex<HeldLocks>, tag: Tag, mode: RowMode) -> Result<Outcome> {
        let mode = mode as u8;
        let covered = held.lock().covers(tag.table, mode);
        // All rows are ours: only a row lock that another session got before can be in the way.
        if covered && !self.table.is_excluded(tag, proc.slot, mode) {
            return Ok(Outcome::Granted);
        }
        match self.table.request(tag, proc.slot, mode, false, false) {
            Attempt::Granted(false) => return Ok(Outcome::Granted),
            Attempt::Granted(true) => {}
            Attempt::Busy | Attempt::Queued(_) => return Ok(Outcome::NotAvailable),
        }
        if !covered && self.table.rows_excluded(Tag::all_rows(tag.table), proc.slot, whole_mode(mode) as u8) {
            self.table.release(tag, proc.slot, 1 << mode, false);
            return Ok(Outcome::NotAvailable);
        }
        held.lock().add_row(self, proc.slot, tag, mode);
        Ok(Outcome::Granted)
    }

    /// As `row`, waiting in line without holding up the thread.
    pub async fn wait_for_row(&self, proc: &Proc, held: &Mutex<HeldLocks>, tag: Tag, mode: RowMode) -> Result<Outcome> {
        let mode = mode as u8;
        let covered = held.lock().covers(tag.table, mode);
        let (all_rows, whole) = (Tag::all_rows(tag.table), whole_mode(mode) as u8);
        let mut outcome = Outcome::Granted;
        loop {
            match self.table.request(tag, proc.slot, mode, false, true) {
                Attempt::Granted(false) => return Ok(outcome),
                Attempt::Granted(true) => {}
                Attempt::Busy => return Ok(Outcome::NotAvailable),
                Attempt::Queued(waiter) => {
                    self.wait(proc, tag, &waiter).await?;
                    outcome = Outcome::GrantedAfterWait;
                }
            }
            if covered || !self.table.rows_excluded(all_rows, proc.slot, whole) {
                held.lock().add_row(self, proc.slot, tag, mode);
                return Ok(outcome);
            }
            self.table.release(tag, proc.slot, 1 << mode, false);
            let new = match self.table.request(all_rows, proc.slot, whole, false, true) {
                Attempt::Granted(new) => new,
                Attempt::Busy => return Ok(Outcome::NotAvailable),
                Attempt::Queued(waiter) => {
                    self.wait(proc, all_rows, &waiter).await?;
                    true
                }
            };
            if new {
                self.table.release(all_rows, proc.slot, 1 << whole, false);
            }
            outcome = Outcome::GrantedAfterWait;
        }
    }

    /// Locks a table, object, name or advisory key until the end of the transaction that owns `held`. Errors as `row`.
    pub fn acquire(&self, proc: &Proc, held: &Mutex<HeldLocks>, tag: Tag, mode: TableMode, policy: WaitPolicy) -> Result<Outcome> {
        let (outcome, new) = self.obtain(proc, tag, mode as u8, false, policy)?;
        if new {
            held.lock().add(tag, mode as u8);
        }
        Ok(outcome)
    }

    /// Takes a session-level advisory lock, once more if it is held already. Errors as `row`.
    pub fn acquire_session(&self, proc: &Proc, tag: Tag, mode: TableMode, policy: WaitPolicy) -> Result<Outcome> {
        let (outcome, _) = self.obtain(proc, tag, mode as u8, true, policy)?;
        if outcome.granted() {
            self.count_session(proc, tag, mode as u8);
        }
        Ok(outcome)
    }

    fn obtain(&self, proc: &Proc, tag: Tag, mode: u8, session: bool, policy: WaitPolicy) -> Result<(Outcome, bool)> {
        match self.table.request(tag, proc.slot, mode, session, policy == WaitPolicy::Block) {
            Attempt::Granted(new) => Ok((Outcome::Granted, new)),
            Attempt::Busy => Ok((Outcome::NotAvailable, false)),
            Attempt::Queued(waiter) => {
                block_on(self.wait(proc, tag, &waiter))?;
                Ok((Outcome::GrantedAfterWait, true))
            }
        }
    }

    /// Waits in the queue until granted.
    async fn wait(&self, proc: &Proc, tag: Tag, waiter: &Arc<Waiter>) -> Result<()> {
        proc.set_waiting(Some((tag, waiter.mode)));
        let place = Place { locks: self, proc, tag, waiter, settled: false };
        let start = Instant::now();
        let limit = proc.lock_timeout().map(|d| start + d);
        let mut deadlock_check = Some(start + proc.deadlock_timeout());
        loop {
            if waiter.is_granted() {
                place.settle();
                return Ok(());
            }
            let next = [limit, deadlock_check].into_iter().flatten().min().unwrap_or(start + Duration::from_secs(3600));
            tokio::select! {
                biased;
                () = waiter.wake.notified() => {}
                e = proc.interrupt.raised() => return Err(e),
                () = tokio::time::sleep_until(next) => {
                    let now = Instant::now();
                    if limit.is_some_and(|l| l <= now) {
                        return Err(err!(SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout"));
                    }
                    if deadlock_check.is_some_and(|d| d <= now) {
                        deadlock_check = None;
                        self.break_deadlock(proc, tag, waiter)?;
                    }
                }
            }
        }
    }

    /// If this waiter closes a cycle, takes it out of its queue and fails with 40P01.
    fn break_deadlock(&self, proc: &Proc, tag: Tag, waiter: &Arc<Waiter>) -> Result<(), SqlError> {
        // One search at a time, until its victim is out: two members of one cycle must not both fall.
        let _searching = self.searching.lock();
        let cycle = deadlock::find_cycle(&self.table.freeze(), proc.slot);
        match cycle {
            Some(cycle) if self.table.abandon(tag, waiter) => Err(deadlock::error(&cycle, &self.procs, &self.txids)),
            _ => Ok(()),
        }
    }
}

/// A waiter's place in a queue, given up when the wait ends in an error or its future is dropped.
struct Place<'a> {
    locks: &'a Locks,
    proc: &'a Proc,
    tag: Tag,
    waiter: &'a Arc<Waiter>,
    settled: bool,
}

impl Place<'_> {
    fn settle(mut self) {
        self.settled = true;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.proc.set_waiting(None);
        if !self.settled && !self.locks.table.abandon(self.tag, self.waiter) {
            self.locks.table.release(self.tag, self.waiter.slot, 1 << self.waiter.mode, self.waiter.session);
        }
    }
}
