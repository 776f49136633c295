//! Buffers, savepoints, spilling, commits and sequences over the in-memory store.

use super::*;
use crate::kv::memory::MemoryStore;
use crate::kv::{Block, Direction, Durability, FillLimit, KeyRange, Keyspace, ScanHints};

const KS: Keyspace = Keyspace::Data;

pub(super) fn server_with(options: Options) -> Arc<Transactions> {
    Transactions::open(MemoryStore::new(), options).expect("opens")
}

pub(super) fn server() -> Arc<Transactions> {
    server_with(Options::default())
}

pub(super) fn session(server: &Arc<Transactions>, pid: i32) -> Arc<Proc> {
    server.register(pid, 5, Arc::new(Interrupt::new()))
}

pub(super) fn begin(server: &Arc<Transactions>, pid: i32, isolation: Isolation) -> Txn {
    let proc = session(server, pid);
    server.begin(&proc, BeginOptions { isolation, ..BeginOptions::default() })
}

/// A key of table 1.
pub(super) fn k(name: &str) -> Vec<u8> {
    [&[0, 0, 0, 1, 0, 0], name.as_bytes()].concat()
}

pub(super) fn get(txn: &Txn, name: &str) -> Option<String> {
    let mut out = Vec::new();
    txn.get(KS, &k(name), &mut out).expect("reads").then(|| String::from_utf8(out).expect("text"))
}

pub(super) fn put(txn: &Txn, name: &str, value: &str) {
    txn.put(KS, &k(name), value.as_bytes()).expect("writes");
}

fn scan(view: &ReadView, direction: Direction) -> Vec<(String, String)> {
    let mut cursor = view.scan(KS, &KeyRange::prefix(&k("")), direction, ScanHints::default()).expect("scans");
    let (mut block, mut out) = (Block::default(), Vec::new());
    loop {
        cursor.fill(&mut block, FillLimit { entries: 3, bytes: 1 << 20 }).wait().expect("fills");
        if block.is_empty() {
            return out;
        }
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        out.extend(block.iter().map(|(key, v)| (text(&key[6..]), text(v))));
    }
}

fn names(view: &ReadView, direction: Direction) -> String {
    scan(view, direction).into_iter().map(|(key, v)| format!("{key}{v}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_command_does_not_see_its_own_writes() {
    let server = server();
    let txn = begin(&server, 1, Isolation::ReadCommitted);
    txn.start_command();
    put(&txn, "a", "1");
    assert_eq!(get(&txn, "a"), None);
    assert_eq!(names(&txn.view(), Direction::Forward), "");
    assert_eq!(names(&txn.latest_view(), Direction::Forward), "a1");
    txn.start_command();
    let view = txn.view();
    put(&txn, "b", "2");
    put(&txn, "a", "3");
    assert_eq!(names(&view, Direction::Forward), "a1");
    let outer = txn.start_command();
    assert_eq!(names(&txn.view(), Direction::Forward), "a3 b2");
    txn.resume_command(outer);
    assert_eq!(get(&txn, "a").as_deref(), Some("1"));
}

#[test]
fn scans_merge_own_writes_both_ways() {
    let server = server();
    let txn = begin(&server, 1, Isolation::ReadCommitted);
    for name in ["a", "c", "e", "g", "i", "m"] {
        put(&txn, name, "0");
    }
    txn.commit_blocking(Durability::Sync).expect("commits");
    let txn = begin(&server, 2, Isolation::ReadCommitted);
    put(&txn, "b", "1");
    put(&txn, "c", "1");
    txn.delete(KS, &k("e")).expect("deletes");
    txn.delete_range(KS, KeyRange { start: k("h"), end: k("j") }).expect("deletes");
    put(&txn, "n", "1");
    txn.start_command();
    let view = txn.view();
    assert_eq!(names(&view, Direction::Forward), "a0 b1 c1 g0 m0 n1");
    assert_eq!(names(&view, Direction::Backward), "n1 m0 g0 c1 b1 a0");
    let (b, g, i) = (k("b"), k("g"), k("i"));
    let many = view.multi_get(KS, &[&b, &g, &i]).expect("reads");
    assert_eq!(many, vec![Some(b"1".to_vec()), Some(b"0".to_vec()), None]);
    let mut cursor = view.scan(KS, &KeyRange::prefix(&k("")), Direction::Forward, ScanHints::default()).expect("scans");
    cursor.seek(&k("d")).wait().expect("seeks");
    let mut block = Block::default();
    cursor.fill(&mut block, FillLimit { entries: 1, bytes: 100 }).wait().expect("fills");
    assert_eq!(block.entry(0).0, &k("g")[..]);
}

#[test]
fn savepoints_undo_writes_and_locks() {
    let server = server();
    let txn = begin(&server, 1, Isolation::ReadCommitted);
    put(&txn, "a", "1");
    let outer = txn.savepoint();
    put(&txn, "a", "2");
    let inner = txn.savepoint();
    put(&txn, "b", "1");
    txn.lock_row(KS, &k("b"), RowMode::Update, WaitPolicy::Block).expect("locks");
    txn.rollback_to(inner);
    txn.start_command();
    assert_eq!((get(&txn, "a").as_deref(), get(&txn, "b")), (Some("2"), None));
    let other = begin(&server, 2, Isolation::ReadCommitted);
    assert!(other.lock_row(KS, &k("b"), RowMode::Update, WaitPolicy::Try).expect("locks").granted());
    txn.release(inner);
    put(&txn, "c", "1");
    txn.rollback_to(outer);
    txn.rollback_to(outer);
    txn.start_command();
    assert_eq!(names(&txn.view(), Direction::Forward), "a1");
    txn.commit_blocking(Durability::Sync).expect("commits");
    let check = begin(&server, 3, Isolation::ReadCommitted);
    assert_eq!(names(&check.view(), Direction::Forward), "a1");
}

#[test]
fn a_spilled_transaction_reads_and_commits_itself() {
    let server = server_with(Options { write_buffer: 8 << 10, ..Options::default() });
    let txn = begin(&server, 1, Isolation::ReadCommitted);
    let value = "x".repeat(40);
    for i in 0..2000 {
        put(&txn, &format!("{:05}", (i * 7919) % 2000), &value);
    }
    let level = txn.savepoint();
    for i in (0..2000).step_by(2) {
        txn.delete(KS, &k(&format!("{i:05}"))).expect("deletes");
    }
    txn.start_command();
    let found = scan(&txn.view(), Direction::Forward);
    assert_eq!(found.len(), 1000);
    assert!(found.iter().zip((1..2000).step_by(2)).all(|((key, _), i)| *key == format!("{i:05}")));
    let mut backward = scan(&txn.view(), Direction::Backward);
    backward.reverse();
    assert_eq!(found, backward);
    assert_eq!(get(&txn, "00004"), None);
    txn.rollback_to(level);
    txn.start_command();
    assert_eq!(get(&txn, "00004").as_deref(), Some(&*value));
    txn.delete_range(KS, KeyRange { start: k("00100"), end: k("00200") }).expect("deletes");
    put(&txn, "00150", "new");
    txn.commit_blocking(Durability::Sync).expect("commits");
    let check = begin(&server, 2, Isolation::ReadCommitted);
    assert_eq!(scan(&check.view(), Direction::Forward).len(), 1901);
    assert_eq!(get(&check, "00150").as_deref(), Some("new"));
}

#[test]
fn many_sessions_commit_in_groups_and_lose_nothing() {
    let server = server();
    std::thread::scope(|s| {
        for t in 0..8 {
            let server = &server;
            s.spawn(move || {
                for i in 0..50 {
                    let txn = begin(server, t, Isolation::ReadCommitted);
                    put(&txn, &format!("{t}-{i:02}"), "v");
                    let how = if i % 5 == 0 { Durability::Buffered } else { Durability::Sync };
                    txn.commit_blocking(how).expect("commits");
                }
            });
        }
    });
    let check = begin(&server, 99, Isolation::ReadCommitted);
    assert_eq!(scan(&check.view(), Direction::Forward).len(), 400);
    let (commits, groups) = server.commit_counts();
    assert_eq!(commits, 320);
    assert!(groups <= commits);
}

#[test]
fn hooks_run_when_visible_and_only_then() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let server = server();
    let count = Arc::new(AtomicU32::new(0));
    for commits in [true, false] {
        let txn = begin(&server, 1, Isolation::ReadCommitted);
        put(&txn, "a", "1");
        let theirs = Arc::clone(&count);
        txn.on_commit(Box::new(move || {
            theirs.fetch_add(1, Ordering::SeqCst);
        }));
        if commits { txn.commit_blocking(Durability::Sync).expect("commits") } else { txn.rollback() }
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[test]
fn sequences_skip_values_in_a_crash_and_never_repeat_them() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let params = SequenceParams { start: 1, increment: 1, min: 1, max: 40, cycle: false };
    let first = Transactions::open(Arc::clone(&store), Options::default()).expect("opens");
    let values: Vec<i64> = (0..3).map(|_| first.sequences().next(7, &params, "s").expect("next").0).collect();
    assert_eq!(values, [1, 2, 3]);
    assert_eq!(first.sequences().state(7, &params).expect("state").last_value, 3);
    // Another layer over the same store knows only what was logged.
    let second = Transactions::open(store, Options::default()).expect("opens");
    assert_eq!(second.sequences().next(7, &params, "s").expect("next").0, 34);
    for _ in 35..=40 {
        second.sequences().next(7, &params, "s").expect("next");
    }
    let e = second.sequences().next(7, &params, "s").expect_err("at the limit");
    assert_eq!(e.message(), "nextval: reached maximum value of sequence \"s\" (40)");
    let cycling = SequenceParams { cycle: true, ..params };
    assert_eq!(second.sequences().next(7, &cycling, "s").expect("next").0, 1);
    let e = second.sequences().set(7, &params, "s", 0, true).expect_err("out of bounds");
    assert_eq!(e.message(), "setval: value 0 is out of bounds for sequence \"s\" (1..40)");
    second.sequences().set(7, &params, "s", 10, false).expect("sets");
    assert_eq!(second.sequences().next(7, &params, "s").expect("next").0, 10);
    let down = SequenceParams { start: -1, increment: -1, min: i64::MIN, max: -1, cycle: false };
    assert_eq!((0..3).map(|_| second.sequences().next(8, &down, "d").expect("next").0).collect::<Vec<_>>(), [-1, -2, -3]);
}

#[test]
fn transaction_ids_grow_across_restarts() {
    let store: Arc<dyn Store> = MemoryStore::new();
    let first = Transactions::open(Arc::clone(&store), Options::default()).expect("opens");
    let txn = begin(&first, 1, Isolation::ReadCommitted);
    let id = txn.txid();
    assert_eq!(txn.txid(), id);
    let second = Transactions::open(store, Options::default()).expect("opens");
    assert!(begin(&second, 1, Isolation::ReadCommitted).txid() > id);
}
