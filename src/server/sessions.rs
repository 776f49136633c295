//! Who is connected: session numbers, cancel keys, and how to reach every session.
//!
//! A CancelRequest comes on a connection of its own and proves itself by a session's 32-bit key only, so keys come from the
//! system's generator, are compared in constant time, and a wrong one is answered (by closing) only after a pause.

use crate::wire::Interrupt;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The sessions of a server.
#[derive(Debug)]
pub struct Sessions {
    max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last_pid: i32,
    stopping: bool,
    entries: HashMap<i32, Entry>,
}

#[derive(Debug)]
struct Entry {
    key: i32,
    interrupt: Arc<Interrupt>,
}

impl Sessions {
    /// No sessions yet, and room for `max`.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, inner: Mutex::default() })
    }

    /// A new session, if there is room.
    pub fn enter(self: &Arc<Self>, interrupt: Arc<Interrupt>) -> Option<Slot> {
        let mut inner = self.inner.lock();
        if inner.entries.len() >= self.max {
            return None;
        }
        let mut pid = inner.last_pid;
        loop {
            pid = pid.checked_add(1).unwrap_or(1);
            if !inner.entries.contains_key(&pid) {
                break;
            }
        }
        inner.last_pid = pid;
        if inner.stopping {
            interrupt.terminate();
        }
        let key = rand::random();
        inner.entries.insert(pid, Entry { key, interrupt });
        Some(Slot { sessions: self.clone(), pid, key })
    }

    /// Cancels what session `pid` runs if the key is its own.
    pub fn cancel(&self, pid: i32, key: i32) -> bool {
        let inner = self.inner.lock();
        let Some(entry) = inner.entries.get(&pid) else { return false };
        let known: bool = entry.key.ct_eq(&key).into();
        if known {
            entry.interrupt.cancel();
        }
        known
    }

    /// Tells every session, and every one that still comes, to end.
    pub fn stop(&self) {
        let mut inner = self.inner.lock();
        inner.stopping = true;
        inner.entries.values().for_each(|e| e.interrupt.terminate());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.inner.lock().entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A session's place; dropping it gives it free.
#[derive(Debug)]
pub struct Slot {
    sessions: Arc<Sessions>,
    /// Session number.
    pub pid: i32,
    /// The secret a CancelRequest must name.
    pub key: i32,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.sessions.inner.lock().entries.remove(&self.pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_cancels_and_places_are_given_back() {
        let sessions = Sessions::new(1);
        let interrupt = Arc::new(Interrupt::new());
        let slot = sessions.enter(interrupt.clone()).unwrap();
        assert!(sessions.enter(Arc::default()).is_none());
        assert!(!sessions.cancel(slot.pid, slot.key.wrapping_add(1)) && interrupt.check().is_ok());
        assert!(!sessions.cancel(slot.pid + 1, slot.key));
        assert!(sessions.cancel(slot.pid, slot.key) && interrupt.check().is_err());
        drop(slot);
        assert!(sessions.is_empty() && sessions.enter(Arc::default()).is_some());
    }

    #[test]
    fn a_stop_reaches_those_who_come_late() {
        let sessions = Sessions::new(5);
        let early = Arc::new(Interrupt::new());
        let _slot = sessions.enter(early.clone());
        sessions.stop();
        let late = Arc::new(Interrupt::new());
        let _slot = sessions.enter(late.clone());
        assert!(early.is_terminated() && late.is_terminated());
    }
}
