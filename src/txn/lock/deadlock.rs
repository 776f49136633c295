//! Deadlock search: a waiter that has waited for `deadlock_timeout` looks for a cycle through itself in the wait-for graph.
//!
//! An edge leads from a waiter to every session that holds an excluding mode of what it waits for, and to every earlier waiter
//! of the same queue that wants one. The waiter that finds the cycle is its only victim: the others then go on.

use super::mode::Tag;
use super::table::{Frozen, Lock};
use crate::err;
use crate::error::{SqlError, SqlState};
use crate::txn::proc::Procs;
use crate::txn::txid::Txids;
use std::collections::{HashMap, HashSet};

/// One edge of the cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub waiter: u32,
    pub tag: Tag,
    pub mode: u8,
    pub blocker: u32,
}

/// The sessions that keep `slot` waiting for `mode` on this lock.
pub(super) fn blockers(tag: Tag, lock: &Lock, slot: u32, mode: u8) -> Vec<u32> {
    let conflicts = tag.conflicts(mode);
    let mut out: Vec<u32> = lock.holders.iter().filter(|h| h.slot != slot && conflicts & h.modes() != 0).map(|h| h.slot).collect();
    for w in lock.waiters() {
        if w.slot == slot {
            break;
        }
        if conflicts & (1 << w.mode) != 0 && !out.contains(&w.slot) {
            out.push(w.slot);
        }
    }
    out
}

/// The cycle through `start`, if there is one.
pub(super) fn find_cycle(table: &Frozen<'_>, start: u32) -> Option<Vec<Edge>> {
    let mut waits: HashMap<u32, (Tag, u8, &Lock)> = HashMap::new();
    for (tag, lock) in table.iter() {
        for w in lock.waiters() {
            waits.insert(w.slot, (*tag, w.mode, lock));
        }
    }
    let mut path = Vec::new();
    let mut seen = HashSet::new();
    search(&waits, start, start, &mut path, &mut seen).then_some(path)
}

fn search(waits: &HashMap<u32, (Tag, u8, &Lock)>, start: u32, at: u32, path: &mut Vec<Edge>, seen: &mut HashSet<u32>) -> bool {
    let Some(&(tag, mode, lock)) = waits.get(&at) else { return false };
    for blocker in blockers(tag, lock, at, mode) {
        path.push(Edge { waiter: at, tag, mode, blocker });
        if blocker == start || (seen.insert(blocker) && search(waits, start, blocker, path, seen)) {
            return true;
        }
        path.pop();
    }
    false
}

/// 40P01 with PostgreSQL's DETAIL and HINT.
pub(super) fn error(cycle: &[Edge], procs: &Procs, txids: &Txids) -> SqlError {
    let pid = |slot| procs.by_slot(slot).map_or(0, |p| p.pid);
    let lines: Vec<String> = cycle
        .iter()
        .map(|e| {
            let blocker = procs.by_slot(e.blocker);
            let txid = blocker.as_ref().map_or(0, |p| txids.of(p));
            let database = blocker.as_ref().map_or(0, |p| p.database);
            let mode = if matches!(e.tag.kind, super::TagKind::Row | super::TagKind::AllRows) {
                "ShareLock"
            } else {
                e.tag.mode_name(e.mode)
            };
            format!(
                "Process {} waits for {mode} on {}; blocked by process {}.",
                pid(e.waiter),
                e.tag.describe(database, txid),
                pid(e.blocker)
            )
        })
        .collect();
    err!(SqlState::DEADLOCK_DETECTED, "deadlock detected").detail(lines.join("\n")).hint("See server log for query details.")
}
