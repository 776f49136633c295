//! The lock table: who holds what, who waits, in fair order. Sharded by tag; every operation touches one shard.
//!
//! A request is granted at once when no other session holds or (earlier in the queue) waits for an excluding mode. A session that
//! already holds a lock the queue waits for goes before those waiters, as queueing behind them would deadlock at once.
//! Release grants waiters in queue order: a later waiter passes an earlier one only if it is compatible with it.

use super::mode::Tag;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry as MapEntry;
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Acquire, Ordering::Release, Ordering::SeqCst};
use std::time::Instant;
use tokio::sync::Notify;

const SHARDS: usize = 64;

/// One session's hold on a tag: masks of modes, for the transaction and (advisory locks) for the session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub slot: u32,
    pub transaction: u8,
    pub session: u8,
}

impl Holder {
    pub fn modes(&self) -> u8 {
        self.transaction | self.session
    }
}

/// A queued request.
#[derive(Debug)]
pub(super) struct Waiter {
    pub slot: u32,
    pub mode: u8,
    pub session: bool,
    pub since: Instant,
    granted: AtomicBool,
    pub wake: Notify,
}

impl Waiter {
    pub fn is_granted(&self) -> bool {
        self.granted.load(Acquire)
    }
}

#[derive(Debug, Default)]
pub(super) struct Lock {
    pub holders: SmallVec<[Holder; 1]>,
    #[expect(clippy::box_collection, reason = "most locks have no queue: keeps the map's entries small")]
    pub queue: Option<Box<VecDeque<Arc<Waiter>>>>,
}

impl Lock {
    /// Modes held by sessions other than `slot`.
    pub fn held_by_others(&self, slot: u32) -> u8 {
        self.holders.iter().filter(|h| h.slot != slot).fold(0, |m, h| m | h.modes())
    }

    pub fn held_by(&self, slot: u32) -> u8 {
        self.holders.iter().find(|h| h.slot == slot).map_or(0, Holder::modes)
    }

    pub fn waiters(&self) -> impl Iterator<Item = &Arc<Waiter>> {
        self.queue.iter().flat_map(|q| q.iter())
    }

    /// Adds a mode to the session's hold; answers whether it is new there.
    fn grant(&mut self, slot: u32, mode: u8, session: bool) -> bool {
        let at = self.holders.iter().position(|h| h.slot == slot).unwrap_or_else(|| {
            self.holders.push(Holder { slot, transaction: 0, session: 0 });
            self.holders.len() - 1
        });
        let mask = if session { &mut self.holders[at].session } else { &mut self.holders[at].transaction };
        let new = *mask & (1 << mode) == 0;
        *mask |= 1 << mode;
        new
    }

    fn ungrant(&mut self, slot: u32, modes: u8, session: bool) {
        if let Some(at) = self.holders.iter().position(|h| h.slot == slot) {
            let holder = &mut self.holders[at];
            let mask = if session { &mut holder.session } else { &mut holder.transaction };
            *mask &= !modes;
            if holder.modes() == 0 {
                self.holders.swap_remove(at);
            }
        }
    }

    /// Where in the queue a request of `slot` belongs, or `None` if it need not queue.
    fn queue_place(&self, tag: Tag, slot: u32, mode: u8) -> Option<usize> {
        let conflicts = tag.conflicts(mode);
        let mine = self.held_by(slot);
        let mut place = None;
        let mut ahead = 0u8;
        for (i, w) in self.waiters().enumerate() {
            if mine != 0 && tag.conflicts(w.mode) & mine != 0 {
                place = Some(i);
                break;
            }
            ahead |= 1 << w.mode;
        }
        let blocked = conflicts & (self.held_by_others(slot) | ahead) != 0;
        blocked.then(|| place.unwrap_or_else(|| self.queue.as_ref().map_or(0, |q| q.len())))
    }

    /// Grants whoever can be granted now.
    fn wake(&mut self, tag: Tag) {
        let Some(mut queue) = self.queue.take() else { return };
        let mut ahead = 0u8;
        queue.retain(|w| {
            let conflicts = tag.conflicts(w.mode);
            if conflicts & (ahead | self.held_by_others(w.slot)) != 0 {
                ahead |= 1 << w.mode;
                return true;
            }
            self.grant(w.slot, w.mode, w.session);
            w.granted.store(true, Release);
            w.wake.notify_one();
            false
        });
        if !queue.is_empty() {
            self.queue = Some(queue);
        }
    }

    fn is_free(&self) -> bool {
        self.holders.is_empty() && self.queue.is_none()
    }
}

type Shard = HashMap<Tag, Lock, foldhash::fast::FixedState>;

/// What became of a request.
pub(super) enum Attempt {
    /// Granted; `true` if the session did not hold this mode before.
    Granted(bool),
    /// Another session excludes it.
    Busy,
    /// Waits in the queue.
    Queued(Arc<Waiter>),
}

/// The lock table.
#[derive(Debug)]
pub(super) struct LockTable {
    shards: Box<[Mutex<Shard>]>,
    /// Number of tables whose rows are locked as a whole.
    escalations: AtomicUsize,
}

impl LockTable {
    pub fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), escalations: AtomicUsize::new(0) }
    }

    fn shard(&self, tag: Tag) -> &Mutex<Shard> {
        let mixed = (tag.key ^ u64::from(tag.table).wrapping_mul(0x9e37_79b9)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.shards[(mixed >> 58) as usize % SHARDS]
    }

    /// Requests a lock. `queue`: wait in line if it is excluded.
    pub fn request(&self, tag: Tag, slot: u32, mode: u8, session: bool, queue: bool) -> Attempt {
        let mut shard = self.shard(tag).lock();
        let lock = match shard.entry(tag) {
            MapEntry::Vacant(v) => {
                let mut lock = Lock::default();
                lock.grant(slot, mode, session);
                v.insert(lock);
                return Attempt::Granted(true);
            }
            MapEntry::Occupied(o) => o.into_mut(),
        };
        let mine = lock.holders.iter().find(|h| h.slot == slot).map_or(0, |h| if session { h.session } else { h.transaction });
        if mine & (1 << mode) != 0 {
            return Attempt::Granted(false);
        }
        let Some(place) = lock.queue_place(tag, slot, mode) else {
            return Attempt::Granted(lock.grant(slot, mode, session));
        };
        if !queue {
            return Attempt::Busy;
        }
        let waiter =
            Arc::new(Waiter { slot, mode, session, since: Instant::now(), granted: AtomicBool::new(false), wake: Notify::new() });
        lock.queue.get_or_insert_default().insert(place, Arc::clone(&waiter));
        Attempt::Queued(waiter)
    }

    /// Whether another session excludes this mode, without locking anything.
    pub fn is_excluded(&self, tag: Tag, slot: u32, mode: u8) -> bool {
        self.shard(tag).lock().get(&tag).is_some_and(|l| tag.conflicts(mode) & l.held_by_others(slot) != 0)
    }

    /// Leaves the queue. Answers `false` if the lock was granted meanwhile.
    pub fn abandon(&self, tag: Tag, waiter: &Arc<Waiter>) -> bool {
        let mut shard = self.shard(tag).lock();
        if waiter.is_granted() {
            return false;
        }
        if let Some(lock) = shard.get_mut(&tag) {
            if let Some(queue) = &mut lock.queue {
                queue.retain(|w| !Arc::ptr_eq(w, waiter));
            }
            lock.wake(tag);
            if lock.is_free() {
                shard.remove(&tag);
            }
        }
        true
    }

    /// Gives up modes of a session on a tag.
    pub fn release(&self, tag: Tag, slot: u32, modes: u8, session: bool) {
        let mut shard = self.shard(tag).lock();
        let MapEntry::Occupied(mut entry) = shard.entry(tag) else { return };
        let lock = entry.get_mut();
        lock.ungrant(slot, modes, session);
        if lock.queue.is_some() {
            lock.wake(tag);
        }
        if lock.is_free() {
            entry.remove();
        }
    }

    /// Forgets a session's row lock without letting anybody in, if nobody waits for it or shares it (escalation).
    pub fn forget(&self, tag: Tag, slot: u32) -> bool {
        let mut shard = self.shard(tag).lock();
        let MapEntry::Occupied(entry) = shard.entry(tag) else { return true };
        let lock = entry.get();
        let alone = lock.queue.is_none() && lock.holders.iter().all(|h| h.slot == slot);
        if alone {
            entry.remove();
        }
        alone
    }

    /// Whether another session has locked all rows of a table in a mode that excludes this one.
    pub fn rows_excluded(&self, tag: Tag, slot: u32, whole_mode: u8) -> bool {
        self.escalations.load(SeqCst) > 0 && self.is_excluded(tag, slot, whole_mode)
    }

    /// Counts one more table locked as a whole.
    pub fn add_escalation(&self) {
        self.escalations.fetch_add(1, SeqCst);
    }

    /// Counts one less.
    pub fn remove_escalation(&self) {
        self.escalations.fetch_sub(1, SeqCst);
    }

    /// Every shard at once, in order: a consistent picture for deadlock search and `pg_locks`.
    pub fn freeze(&self) -> Frozen<'_> {
        Frozen { shards: self.shards.iter().map(|s| s.lock()).collect() }
    }
}

/// The whole table, held still.
pub(super) struct Frozen<'a> {
    shards: Vec<MutexGuard<'a, Shard>>,
}

impl Frozen<'_> {
    /// All locks.
    pub fn iter(&self) -> impl Iterator<Item = (&Tag, &Lock)> {
        self.shards.iter().flat_map(|s| s.iter())
    }
}
