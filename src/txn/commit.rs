//! The commit pipeline: durable commits that wait at the same time go into one store commit and one sync.
//!
//! A session that wants to commit queues its batch. If nobody is committing, it leads: on its own thread it takes everything that
//! waits, merges it into one batch, commits and syncs that, releases the transactions' locks, wakes their sessions, and makes the
//! first of those that queued meanwhile the next leader. So a lone commit costs no change of threads, the group grows with the
//! load by itself, and never more than one thread of the server waits for the log. What may take long - large batches, and
//! whatever a session left behind that went away - a thread of its own commits.
//!
//! Locks are released as soon as the batch is visible, which the store makes it only once it is durable.
//!
//! A commit that may be lost in a crash (`synchronous_commit = off`) is applied by the session itself, without a sync; the thread
//! syncs it within `FLUSH_AFTER`.

use super::lock::{HeldLocks, Locks};
use super::proc::Proc;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{self, Durability, Store, WriteBatch};
use futures_util::task::AtomicWaker;
use parking_lot::{Condvar, Mutex};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a commit without a sync may stay out of stable storage.
const FLUSH_AFTER: Duration = Duration::from_millis(200);
/// A group takes no further batch once it holds this many bytes.
const GROUP_BYTES: usize = 16 << 20;
/// A larger batch is not committed on a session's thread, which other sessions share.
const LARGE: usize = 256 << 10;

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
    seat: Arc<Seat>,
}

impl Request {
    fn is_large(&self) -> bool {
        self.batch.bytes > LARGE || self.batch.has_runs()
    }
}

/// What a waiting session is told.
enum Word {
    /// Its transaction has ended so.
    Done(Result<()>),
    /// It is to commit the next group.
    Lead(Lead),
}

/// Where a session waits for its commit.
#[derive(Default)]
struct Seat {
    word: Mutex<Option<Word>>,
    waker: AtomicWaker,
    /// The session went away: its transaction is committed all the same, but it cannot lead.
    left: AtomicBool,
}

impl Seat {
    fn tell(&self, word: Word) {
        let old = self.word.lock().replace(word);
        drop(old);
        self.waker.wake();
    }

    async fn word(&self) -> Word {
        poll_fn(|cx| {
            if let Some(word) = self.word.lock().take() {
                return Poll::Ready(word);
            }
            self.waker.register(cx.waker());
            self.word.lock().take().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// A session on its seat; gets up when dropped.
struct Sitting(Arc<Seat>);

impl Drop for Sitting {
    fn drop(&mut self) {
        self.0.left.store(true, SeqCst);
        // Leadership it was given and did not take up goes on to the next.
        let word = self.0.word.lock().take();
        drop(word);
    }
}

/// The right to commit the next group; passed on when dropped.
struct Lead(Arc<Shared>);

impl Lead {
    fn commit_next(self) {
        let group = self.0.take_group(&mut self.0.queue.lock());
        self.0.commit_group(group);
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

#[derive(Default)]
struct Queue {
    requests: Vec<Request>,
    /// Somebody commits a group, or was told to.
    led: bool,
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
        let sitting = Sitting(Arc::default());
        let request = Request { batch, ending, seat: Arc::clone(&sitting.0) };
        let lead = {
            let mut queue = shared.queue.lock();
            if queue.stop {
                drop(queue);
                request.ending.finish(&shared.locks, false);
                return Err(stopped());
            }
            let lead = !queue.led && !request.is_large();
            queue.requests.push(request);
            if lead {
                queue.led = true;
            } else if !queue.led {
                shared.wake.notify_one();
            }
            lead
        };
        if lead {
            Lead(Arc::clone(shared)).commit_next();
        }
        loop {
            match sitting.0.word().await {
                Word::Done(result) => return result,
                Word::Lead(lead) => lead.commit_next(),
            }
        }
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
    fn run(self: &Arc<Self>) {
        while let Some(group) = self.next_group() {
            let lead = Lead(Arc::clone(self));
            self.commit_group(group);
            drop(lead);
        }
    }

    /// The requests the thread is to commit together; `None` at the end. Syncs what was applied without a sync when there is
    /// nothing to do.
    fn next_group(&self) -> Option<Vec<Request>> {
        let mut queue = self.queue.lock();
        loop {
            if !queue.requests.is_empty() && !queue.led {
                queue.led = true;
                return Some(self.take_group(&mut queue));
            }
            let stop = queue.stop && !queue.led;
            if queue.unsynced {
                // Whoever wakes it early has changed the queue: it is looked at anew.
                if !stop && !self.wake.wait_for(&mut queue, FLUSH_AFTER).timed_out() {
                    continue;
                }
                queue.unsynced = false;
                drop(queue);
                if let Err(e) = self.store.flush() {
                    tracing::error!("could not sync commits: {e}");
                }
                queue = self.queue.lock();
            } else if stop {
                return None;
            } else {
                self.wake.wait(&mut queue);
            }
        }
    }

    /// The requests at the head of the queue that are committed together.
    fn take_group(&self, queue: &mut Queue) -> Vec<Request> {
        let mut bytes = 0;
        let fits = queue.requests.iter().take_while(|r| {
            let room = bytes < GROUP_BYTES;
            bytes += r.batch.bytes;
            room
        });
        let n = fits.count();
        queue.unsynced = false;
        if n == queue.requests.len() {
            return std::mem::take(&mut queue.requests);
        }
        queue.requests.drain(..n).collect()
    }

    /// A group is committed: the next leader is the first session that waits, or the thread.
    fn pass_on(self: &Arc<Self>) {
        let next = {
            let mut queue = self.queue.lock();
            let next = queue.requests.first().filter(|r| !r.is_large() && !r.seat.left.load(SeqCst));
            let next = next.filter(|_| !queue.stop).map(|r| Arc::clone(&r.seat));
            if next.is_none() {
                queue.led = false;
                if !queue.requests.is_empty() || queue.stop {
                    self.wake.notify_one();
                }
            }
            next
        };
        if let Some(seat) = next {
            seat.tell(Word::Lead(Lead(Arc::clone(self))));
            if seat.left.load(SeqCst) {
                let word = seat.word.lock().take();
                drop(word);
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
            waiting.push((request.ending, request.seat));
        }
        self.groups.fetch_add(1, SeqCst);
        self.commits.fetch_add(waiting.len() as u64, SeqCst);
        let result = self.apply(batch, Durability::Sync);
        for (ending, seat) in waiting {
            ending.finish(&self.locks, result.is_ok());
            seat.tell(Word::Done(result.clone()));
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
