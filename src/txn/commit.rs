//! The commit pipeline: every durable commit of the server goes through one thread, which merges all batches that wait into one
//! store commit and one sync.
//!
//! While the thread is inside the sync, further commits queue up; they are the next group. So a lone commit waits for nobody,
//! and the group grows with the load by itself. The thread releases a transaction's locks as soon as its batch is visible (which
//! the store makes it only once it is durable), then wakes the session; a session that went away meanwhile leaves nothing
//! behind.
//!
//! A commit that may be lost in a crash (`synchronous_commit = off`) is applied by the session itself, without a sync; the thread
//! syncs it within `FLUSH_AFTER`.

use super::lock::{HeldLocks, Locks};
use super::proc::Proc;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{self, Durability, Store, WriteBatch};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a commit without a sync may stay out of stable storage.
const FLUSH_AFTER: Duration = Duration::from_millis(200);
/// A group takes no further batch once it holds this many bytes.
const GROUP_BYTES: usize = 16 << 20;

/// What is done once a transaction is visible, before its locks are released.
pub type Hook = Box<dyn FnOnce() + Send>;

/// A transaction's end, prepared.
pub(super) struct Ending {
    pub proc: Arc<Proc>,
    pub held: HeldLocks,
    pub hooks: Vec<Hook>,
}

struct Request {
    batch: WriteBatch,
    ending: Ending,
    done: oneshot::Sender<Result<()>>,
}

#[derive(Default)]
struct Queue {
    requests: Vec<Request>,
    /// Something was applied without a sync.
    unsynced: bool,
    stop: bool,
}

struct Shared {
    store: Arc<dyn Store>,
    locks: Arc<Locks>,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Store commits begun and ended; equal when none is under way.
    begun: AtomicU64,
    ended: AtomicU64,
    groups: AtomicU64,
    commits: AtomicU64,
    broken: AtomicBool,
}

/// The pipeline.
pub(super) struct Committer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    pub fn start(store: Arc<dyn Store>, locks: Arc<Locks>) -> Self {
        let shared = Arc::new(Shared {
            store,
            locks,
            queue: Mutex::default(),
            wake: Condvar::new(),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("committer".into()).spawn(move || theirs.run());
        Self { shared, thread: Mutex::new(Some(thread.expect("a thread can be started"))) }
    }

    /// Commits; returns once the batch is as durable as asked, visible, and its locks are released.
    pub async fn commit(&self, batch: WriteBatch, durability: Durability, ending: Ending) -> Result<()> {
        let shared = &self.shared;
        if durability == Durability::Buffered {
            let result = shared.apply(batch, Durability::Buffered);
            ending.finish(&shared.locks, result.is_ok());
            let mut queue = shared.queue.lock();
            queue.unsynced = true;
            shared.wake.notify_one();
            return result;
        }
        let (done, answer) = oneshot::channel();
        {
            let mut queue = shared.queue.lock();
            if queue.stop {
                drop(queue);
                ending.finish(&shared.locks, false);
                return Err(stopped());
            }
            queue.requests.push(Request { batch, ending, done });
            shared.wake.notify_one();
        }
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Number of the last store commit begun, if none is under way: as long as it stays the same, nothing changes in the store.
    pub fn quiet_point(&self) -> Option<u64> {
        let begun = self.shared.begun.load(SeqCst);
        (self.shared.ended.load(SeqCst) == begun).then_some(begun)
    }

    /// Whether a store commit has begun since `quiet_point` answered `point`.
    pub fn moved_since(&self, point: u64) -> bool {
        self.shared.begun.load(SeqCst) != point
    }

    /// Commits and groups so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.shared.commits.load(SeqCst), self.shared.groups.load(SeqCst))
    }

    /// Finishes what waits and ends the thread.
    pub fn stop(&self) {
        self.shared.queue.lock().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // A panic there was reported when it happened.
            drop(thread.join());
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn stopped() -> SqlError {
    err!(SqlState::ADMIN_SHUTDOWN, "the server is shutting down")
}

impl Ending {
    /// Runs the hooks if the transaction committed, and releases its locks.
    pub fn finish(mut self, locks: &Locks, committed: bool) {
        if committed {
            for hook in self.hooks.drain(..) {
                // The transaction is committed whatever a hook does, and the pipeline must go on.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(hook)).is_err() {
                    tracing::error!("a commit's after-effect panicked");
                }
            }
        }
        self.held.release_all(locks, self.proc.slot);
        self.proc.transaction_ended();
    }
}

impl Shared {
    fn run(&self) {
        while let Some(group) = self.next_group() {
            self.commit_group(group);
        }
    }

    /// The requests to commit together; `None` at the end. Syncs what was applied without a sync when there is nothing to do.
    fn next_group(&self) -> Option<Vec<Request>> {
        let mut queue = self.queue.lock();
        loop {
            if !queue.requests.is_empty() {
                let mut bytes = 0;
                let fits = queue.requests.iter().take_while(|r| {
                    let room = bytes < GROUP_BYTES;
                    bytes += r.batch.bytes;
                    room
                });
                let n = fits.count();
                queue.unsynced = false;
                if n == queue.requests.len() {
                    return Some(std::mem::take(&mut queue.requests));
                }
                return Some(queue.requests.drain(..n).collect());
            }
            let stop = queue.stop;
            if queue.unsynced && (stop || self.wake.wait_for(&mut queue, FLUSH_AFTER).timed_out()) {
                queue.unsynced = false;
                drop(queue);
                if let Err(e) = self.store.flush() {
                    tracing::error!("could not sync commits: {e}");
                }
                queue = self.queue.lock();
                continue;
            }
            if stop {
                return None;
            }
            if !queue.unsynced {
                self.wake.wait(&mut queue);
            }
        }
    }

    fn commit_group(&self, group: Vec<Request>) {
        let mut batch = WriteBatch::default();
        let mut waiting = Vec::with_capacity(group.len());
        for request in group {
            if batch.is_empty() {
                batch = request.batch;
            } else {
                batch.append(request.batch);
            }
            waiting.push((request.ending, request.done));
        }
        self.groups.fetch_add(1, SeqCst);
        self.commits.fetch_add(waiting.len() as u64, SeqCst);
        let result = self.apply(batch, Durability::Sync);
        for (ending, done) in waiting {
            ending.finish(&self.locks, result.is_ok());
            // The session may be gone; its transaction is committed all the same.
            drop(done.send(result.clone()));
        }
    }

    fn apply(&self, batch: WriteBatch, durability: Durability) -> Result<()> {
        if self.broken.load(SeqCst) {
            return Err(err!(SqlState::IO_ERROR, "the server stopped accepting writes after a failed commit")
                .hint("Restart the server: it recovers every acknowledged commit."));
        }
        self.begun.fetch_add(1, SeqCst);
        let result = self.store.commit(batch, durability);
        self.ended.fetch_add(1, SeqCst);
        result.map_err(|e| {
            if matches!(e, kv::Error::Poisoned(_) | kv::Error::Io { .. }) {
                tracing::error!("commit failed, refusing further writes: {e}");
                self.broken.store(true, SeqCst);
            }
            SqlError::from(e)
        })
    }
}
