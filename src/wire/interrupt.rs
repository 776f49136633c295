//! Interrupts: how a cancel request, `pg_terminate_backend` or a server stop reaches a running statement.
//!
//! One atomic word per session. A running statement calls [`Interrupt::check`] at every batch (one relaxed load when nothing is
//! pending) and, where it waits for a lock or the client, selects on [`Interrupt::raised`]. A cancel that arrives while the
//! session is idle is forgotten when the next command begins, as in PostgreSQL.

use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use std::sync::atomic::{AtomicU32, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};
use tokio::sync::Notify;

const CANCEL: u32 = 1;
const TIMEOUT: u32 = 2;
const TERMINATE: u32 = 4;
const WAKE: u32 = 8;
const STOPS: u32 = CANCEL | TIMEOUT | TERMINATE;

/// A session's pending interrupts.
#[derive(Debug, Default)]
pub struct Interrupt {
    pending: AtomicU32,
    notify: Notify,
}

impl Interrupt {
    /// No interrupt pending.
    pub fn new() -> Self {
        Self::default()
    }

    fn raise(&self, bit: u32) {
        self.pending.fetch_or(bit, AcqRel);
        self.notify.notify_waiters();
        self.notify.notify_one();
    }

    /// Cancels the running statement: 57014 `canceling statement due to user request`.
    pub fn cancel(&self) {
        self.raise(CANCEL);
    }

    /// Cancels the running statement: 57014 `canceling statement due to statement timeout`.
    pub fn statement_timeout(&self) {
        self.raise(TIMEOUT);
    }

    /// Ends the session: FATAL 57P01.
    pub fn terminate(&self) {
        self.raise(TERMINATE);
    }

    /// Wakes an idle session so that it asks its backend for notifications.
    pub fn wake(&self) {
        self.raise(WAKE);
    }

    /// Fails if the statement must stop now.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if self.pending.load(Relaxed) & STOPS == 0 { Ok(()) } else { self.stop() }
    }

    /// Waits until the statement must stop, and says why.
    pub async fn raised(&self) -> SqlError {
        loop {
            let notified = self.notify.notified();
            if let Err(e) = self.check() {
                return e;
            }
            notified.await;
        }
    }

    /// A new command begins: whatever was meant for the previous one is forgotten; a termination is not.
    pub fn begin_command(&self) {
        if self.pending.load(Relaxed) & (CANCEL | TIMEOUT) != 0 {
            self.pending.fetch_and(!(CANCEL | TIMEOUT), AcqRel);
        }
    }

    /// Whether the session is to end.
    pub fn is_terminated(&self) -> bool {
        self.pending.load(Acquire) & TERMINATE != 0
    }

    /// Waits, while idle, for a termination or a wake-up; clears the latter.
    pub async fn idle_event(&self) {
        loop {
            let notified = self.notify.notified();
            if self.pending.load(Acquire) & TERMINATE != 0 || self.pending.fetch_and(!WAKE, AcqRel) & WAKE != 0 {
                return;
            }
            notified.await;
        }
    }

    #[cold]
    fn stop(&self) -> Result<()> {
        let pending = self.pending.load(Acquire);
        if pending & TERMINATE != 0 {
            return Err(terminated());
        }
        let taken = self.pending.fetch_and(!(CANCEL | TIMEOUT), AcqRel);
        if taken & CANCEL != 0 {
            Err(err!(SqlState::QUERY_CANCELED, "canceling statement due to user request"))
        } else if taken & TIMEOUT != 0 {
            Err(err!(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout"))
        } else {
            Ok(())
        }
    }
}

/// What a session told to end says last.
pub fn terminated() -> SqlError {
    err!(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command").severity(Severity::Fatal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_is_reported_once_and_forgotten_when_idle() {
        let i = Interrupt::new();
        assert!(i.check().is_ok());
        i.cancel();
        assert_eq!(i.check().unwrap_err().message(), "canceling statement due to user request");
        assert!(i.check().is_ok());
        i.statement_timeout();
        i.begin_command();
        assert!(i.check().is_ok());
    }

    #[test]
    fn a_termination_stays() {
        let i = Interrupt::new();
        i.terminate();
        i.begin_command();
        assert_eq!(i.check().unwrap_err().code(), SqlState::ADMIN_SHUTDOWN);
        assert!(i.check().is_err() && i.is_terminated());
    }

    #[tokio::test]
    async fn a_waiter_wakes() {
        let i = std::sync::Arc::new(Interrupt::new());
        let j = i.clone();
        let waiter = tokio::spawn(async move { j.raised().await });
        tokio::task::yield_now().await;
        i.cancel();
        assert_eq!(waiter.await.unwrap().code(), SqlState::QUERY_CANCELED);
    }
}
