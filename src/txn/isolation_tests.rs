//! The named anomalies: which level allows what (see Adya, and PostgreSQL's manual, section 13.2).

use super::tests::{begin, get, k, put, server};
use super::*;
use crate::kv::{Durability, Keyspace};

const KS: Keyspace = Keyspace::Data;

fn seeded(values: &[(&str, &str)]) -> Arc<Transactions> {
    let server = server();
    let txn = begin(&server, 1, Isolation::ReadCommitted);
    for (name, value) in values {
        put(&txn, name, value);
    }
    txn.commit_blocking(Durability::Sync).expect("commits");
    server
}

/// UPDATE ... SET value WHERE key: sees the row, locks it, writes.
fn update(txn: &Txn, name: &str, value: &str) -> Result<LockedRow> {
    txn.start_command();
    let mut seen = Vec::new();
    txn.view().get(KS, &k(name), &mut seen)?;
    let row = txn.lock_seen_row(&k(name), &seen, RowMode::NoKeyUpdate, WaitPolicy::Block)?;
    if matches!(row, LockedRow::Same | LockedRow::Changed(_)) {
        put(txn, name, value);
    }
    Ok(row)
}

fn read(txn: &Txn, name: &str) -> String {
    txn.start_command();
    get(txn, name).unwrap_or_default()
}

#[test]
fn g0_and_g1_writes_are_neither_mixed_nor_seen_early() {
    let server = seeded(&[("x", "10"), ("y", "20")]);
    let one = begin(&server, 2, Isolation::ReadCommitted);
    update(&one, "x", "11").expect("updates");
    let reader = begin(&server, 3, Isolation::ReadCommitted);
    assert_eq!(read(&reader, "x"), "10", "G1a/G1b: nothing uncommitted is seen");
    std::thread::scope(|s| {
        let second = s.spawn(|| {
            let two = begin(&server, 4, Isolation::ReadCommitted);
            let row = update(&two, "x", "12").expect("updates after a wait");
            update(&two, "y", "22").expect("updates");
            two.commit_blocking(Durability::Sync).expect("commits");
            row
        });
        while server.locks().blocking_pids(4).is_empty() {
            std::thread::yield_now();
        }
        update(&one, "y", "21").expect("updates");
        one.commit_blocking(Durability::Sync).expect("commits");
        assert_eq!(second.join().expect("no panic"), LockedRow::Changed(b"11".to_vec()));
    });
    assert_eq!((read(&reader, "x"), read(&reader, "y")), ("12".into(), "22".into()));
}

#[test]
fn otv_a_transaction_never_vanishes_from_a_later_view() {
    let server = seeded(&[("x", "10"), ("y", "20")]);
    let one = begin(&server, 2, Isolation::ReadCommitted);
    update(&one, "x", "11").expect("updates");
    update(&one, "y", "19").expect("updates");
    let reader = begin(&server, 3, Isolation::ReadCommitted);
    assert_eq!(read(&reader, "x"), "10");
    one.commit_blocking(Durability::Sync).expect("commits");
    assert_eq!((read(&reader, "x"), read(&reader, "y")), ("11".into(), "19".into()));
}

#[test]
fn p4_lost_update_is_refused_above_read_committed() {
    let server = seeded(&[("x", "10")]);
    let late = begin(&server, 2, Isolation::RepeatableRead);
    assert_eq!(read(&late, "x"), "10");
    let early = begin(&server, 3, Isolation::RepeatableRead);
    update(&early, "x", "11").expect("updates");
    early.commit_blocking(Durability::Sync).expect("commits");
    assert_eq!(read(&late, "x"), "10", "G-single: the snapshot stays");
    let e = update(&late, "x", "12").expect_err("lost update");
    assert_eq!((e.code().as_str(), e.message()), ("40001", "could not serialize access due to concurrent update"));
    late.rollback();
    let third = begin(&server, 4, Isolation::RepeatableRead);
    assert_eq!(read(&third, "x"), "11");
    let deleter = begin(&server, 5, Isolation::ReadCommitted);
    deleter.delete(KS, &k("x")).expect("deletes");
    deleter.commit_blocking(Durability::Sync).expect("commits");
    let e = update(&third, "x", "12").expect_err("deleted");
    assert_eq!(e.message(), "could not serialize access due to concurrent delete");
}

#[test]
fn g2_write_skew_is_allowed_at_repeatable_read() {
    let server = seeded(&[("x", "10"), ("y", "20")]);
    let one = begin(&server, 2, Isolation::RepeatableRead);
    let two = begin(&server, 3, Isolation::RepeatableRead);
    assert_eq!((read(&one, "x"), read(&one, "y")), (read(&two, "x"), read(&two, "y")));
    update(&one, "x", "11").expect("updates");
    update(&two, "y", "21").expect("updates");
    one.commit_blocking(Durability::Sync).expect("commits");
    two.commit_blocking(Durability::Sync).expect("commits");
}

#[test]
fn a_row_changed_by_the_command_itself_is_left_alone() {
    let server = seeded(&[("x", "10")]);
    let txn = begin(&server, 2, Isolation::ReadCommitted);
    txn.start_command();
    let row = |txn: &Txn, seen: &[u8]| txn.lock_seen_row(&k("x"), seen, RowMode::Update, WaitPolicy::Block).expect("locks");
    assert_eq!(row(&txn, b"10"), LockedRow::Same);
    put(&txn, "x", "11");
    assert_eq!(row(&txn, b"10"), LockedRow::SelfModified);
    txn.start_command();
    assert_eq!(row(&txn, b"11"), LockedRow::Same);
}
