//! Waiting from synchronous code. The executor is synchronous; where it must wait (locks, commits) the thread blocks, after
//! telling tokio so that the other tasks of its worker go on elsewhere.

use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// Runs a future to its end on this thread. Not for use inside a current-thread runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(|| handle.block_on(future))
        }
        _ => outside().block_on(future),
    }
}

/// Runs work that may take long or wait on this thread, after telling tokio so; other tasks go on elsewhere.
pub fn off_reactor<R>(work: impl FnOnce() -> R) -> R {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// The timers that threads outside any runtime wait with.
fn outside() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(1).enable_time().thread_name("timers").build().expect("a thread can be started")
    })
}
