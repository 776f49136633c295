//! Several threads at one input.
//!
//! The part of a plan between a big scan and the operator that must see all its rows (an aggregate, a sort, the build side of a
//! join) is built once for each thread. The copies' scans share one list of pieces, so each row comes out of one copy. Threads
//! live for one call: they are started when an operator drains its input and have ended when it has.

use super::context::ExecCx;
use crate::error::{Result, SqlError};

/// Does `work` with every worker, the first on this thread and each other one on a thread of its own; without further threads
/// only with the first, which then takes all pieces. Answers what those that ran made.
pub fn on_threads<T: Send, S: Send>(
    cx: &mut ExecCx<'_>,
    workers: &mut [T],
    work: impl Fn(&mut ExecCx<'_>, &mut T) -> Result<S> + Sync,
) -> Result<Vec<S>> {
    let Some((first, others)) = workers.split_first_mut() else { return Ok(Vec::new()) };
    let helpers = others.len().min(cx.parallelism.saturating_sub(1));
    if helpers == 0 {
        return Ok(vec![work(cx, first)?]);
    }
    let shared = cx.share();
    let work = &work;
    let (own, others) = std::thread::scope(|scope| {
        let running: Vec<_> = others
            .iter_mut()
            .take(helpers)
            .map(|worker| {
                let mut state = cx.state.clone();
                scope.spawn(move || work(&mut shared.with(&mut state), worker))
            })
            .collect();
        let own = work(cx, first);
        let ended = running.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(SqlError::internal("a parallel worker failed"))));
        (own, ended.collect::<Vec<_>>())
    });
    let mut all = vec![own?];
    for other in others {
        all.push(other?);
    }
    Ok(all)
}
