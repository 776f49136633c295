//! Conflicts, fairness, deadlocks, timeouts, escalation.

use crate::kv::Keyspace;
use crate::txn::tests::{begin, k, server, server_with, session};
use crate::txn::{Isolation, Options, RowMode, TableMode, Tag, Transactions, Txn, WaitPolicy};
use std::sync::{Arc, mpsc};
use std::time::Duration;

fn lock(txn: &Txn, name: &str, mode: RowMode) -> crate::error::Result<crate::txn::Outcome> {
    txn.lock_row(Keyspace::Data, &k(name), mode, WaitPolicy::Block)
}

fn try_lock(txn: &Txn, name: &str, mode: RowMode) -> bool {
    txn.lock_row(Keyspace::Data, &k(name), mode, WaitPolicy::Try).expect("no error").granted()
}

fn until_waiting(server: &Arc<Transactions>, pid: i32) {
    while server.locks().blocking_pids(pid).is_empty() {
        std::thread::yield_now();
    }
}

fn rc(server: &Arc<Transactions>, pid: i32) -> Txn {
    begin(server, pid, Isolation::ReadCommitted)
}

#[test]
fn key_share_goes_with_no_key_update_only() {
    let server = server();
    let (one, two) = (rc(&server, 1), rc(&server, 2));
    lock(&one, "a", RowMode::NoKeyUpdate).expect("locks");
    assert!(try_lock(&two, "a", RowMode::KeyShare));
    assert!(!try_lock(&two, "a", RowMode::Share));
    assert!(!try_lock(&one, "a", RowMode::Update));
    drop(two);
    assert!(try_lock(&one, "a", RowMode::Update));
}

#[test]
fn waiters_are_served_in_order() {
    let server = server();
    let holder = rc(&server, 1);
    lock(&holder, "a", RowMode::Share).expect("locks");
    let (order, served) = mpsc::channel();
    std::thread::scope(|s| {
        for (pid, mode) in [(2, RowMode::Update), (3, RowMode::Share), (4, RowMode::Update)] {
            let (server, order) = (&server, order.clone());
            s.spawn(move || {
                let txn = rc(server, pid);
                lock(&txn, "a", mode).expect("locks");
                order.send(pid).expect("receiver lives");
            });
            // A share lock would be compatible with the holder, but not with the writer that came before it.
            until_waiting(server, pid);
        }
        assert_eq!(server.locks().list().iter().filter(|l| !l.granted).count(), 3);
        drop(holder);
    });
    assert_eq!(served.try_iter().collect::<Vec<_>>(), [2, 3, 4]);
    assert!(server.locks().list().is_empty());
}

#[test]
fn a_deadlock_has_one_victim() {
    let server = server();
    let (one, two) = (rc(&server, 101), rc(&server, 102));
    for txn in [&one, &two] {
        txn.proc().set_deadlock_timeout(Duration::from_millis(50));
    }
    lock(&one, "a", RowMode::Update).expect("locks");
    lock(&two, "b", RowMode::Update).expect("locks");
    let outcomes = std::thread::scope(|s| {
        let run = |txn: Txn, name: &'static str| {
            move || {
                let outcome = lock(&txn, name, RowMode::Update);
                drop(txn);
                outcome
            }
        };
        let (first, second) = (s.spawn(run(one, "b")), s.spawn(run(two, "a")));
        [first.join().expect("no panic"), second.join().expect("no panic")]
    });
    let errors: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    let fields = errors[0].fields();
    assert_eq!((fields.code.as_str(), &*fields.message), ("40P01", "deadlock detected"));
    let detail = fields.detail.as_deref().unwrap_or_default();
    assert_eq!(detail.lines().count(), 2);
    assert!(detail.contains("Process 101 waits for ShareLock on transaction "), "{detail}");
    assert!(detail.contains("; blocked by process 101."), "{detail}");
    assert_eq!(fields.hint.as_deref(), Some("See server log for query details."));
}

#[test]
fn lock_timeout_and_cancel_leave_the_queue() {
    let server = server();
    let holder = rc(&server, 1);
    let table = Tag::relation(42);
    holder.lock(table, TableMode::AccessExclusive, WaitPolicy::Block).expect("locks");
    let waiter = rc(&server, 2);
    waiter.proc().set_lock_timeout(Duration::from_millis(20));
    let e = waiter.lock(table, TableMode::AccessShare, WaitPolicy::Block).expect_err("times out");
    assert_eq!((e.code().as_str(), e.message()), ("55P03", "canceling statement due to lock timeout"));
    waiter.proc().set_lock_timeout(Duration::ZERO);
    std::thread::scope(|s| {
        s.spawn(|| {
            until_waiting(&server, 2);
            waiter.proc().interrupt.cancel();
        });
        let e = waiter.lock(table, TableMode::AccessShare, WaitPolicy::Block).expect_err("is cancelled");
        assert_eq!(e.message(), "canceling statement due to user request");
    });
    assert_eq!(server.locks().list().len(), 1);
}

#[test]
fn session_advisory_locks_nest_and_outlive_transactions() {
    let server = server();
    let (proc, other) = (session(&server, 1), session(&server, 2));
    let (locks, tag) = (server.locks(), Tag::advisory(5, 77));
    let take = |p| locks.acquire_session(p, tag, TableMode::Exclusive, WaitPolicy::Try).expect("no error").granted();
    assert!(take(&proc) && take(&proc) && !take(&other));
    assert!(locks.unlock_session(&proc, tag, TableMode::Exclusive));
    assert!(!take(&other));
    assert!(locks.unlock_session(&proc, tag, TableMode::Exclusive));
    assert!(!locks.unlock_session(&proc, tag, TableMode::Exclusive));
    assert!(take(&other));
    server.unregister(&other);
    assert!(take(&proc));
}

#[test]
fn an_escalated_share_lock_lets_sharers_in() {
    let server = server_with(Options { row_locks_per_table: 100, ..Options::default() });
    let (big, other) = (rc(&server, 1), rc(&server, 2));
    for i in 0..150 {
        lock(&big, &format!("{i}"), RowMode::KeyShare).expect("locks");
    }
    assert!(server.locks().list().len() < 60);
    assert!(try_lock(&other, "7", RowMode::NoKeyUpdate));
    assert!(!try_lock(&other, "8", RowMode::Update));
    // A stronger mode than the escalated one is taken singly.
    lock(&big, "9", RowMode::Update).expect("locks");
    assert!(!try_lock(&other, "9", RowMode::KeyShare));
    drop((big, other));
    assert!(server.locks().list().is_empty());
}

#[test]
fn many_row_locks_become_one_and_still_exclude() {
    let server = server_with(Options { row_locks_per_table: 100, ..Options::default() });
    let (big, other) = (rc(&server, 1), rc(&server, 2));
    assert!(try_lock(&other, "theirs", RowMode::Update));
    let level = big.savepoint();
    for i in 0..250 {
        lock(&big, &format!("{i}"), RowMode::Update).expect("locks");
    }
    assert!(server.locks().list().len() < 10);
    assert!(!try_lock(&other, "7", RowMode::KeyShare));
    assert!(!try_lock(&other, "unrelated", RowMode::Update));
    assert!(!try_lock(&big, "theirs", RowMode::Share));
    let elsewhere = [&[0, 0, 0, 2], &b"x"[..]].concat();
    assert!(other.lock_row(Keyspace::Data, &elsewhere, RowMode::Update, WaitPolicy::Try).expect("locks").granted());
    big.rollback_to(level);
    assert!(!try_lock(&other, "7", RowMode::Update));
    big.rollback();
    assert!(try_lock(&other, "7", RowMode::Update));
    other.rollback();
    assert!(server.locks().list().is_empty());
}
