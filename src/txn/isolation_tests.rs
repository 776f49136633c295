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

/// One transaction reads x and writes y, the other reads y and writes x.
fn skew(first: &Txn, second: &Txn) -> [Result<()>; 2] {
    read(first, "x");
    read(second, "y");
    update(first, "y", "1").expect("updates");
    update(second, "x", "1").expect("updates");
    [first.commit_blocking(Durability::Sync), second.commit_blocking(Durability::Sync)]
}

#[test]
fn g2_item_write_skew_is_refused_at_serializable() {
    let server = seeded(&[("x", "0"), ("y", "0")]);
    let (one, two) = (begin(&server, 2, Isolation::Serializable), begin(&server, 3, Isolation::Serializable));
    let [first, second] = skew(&one, &two);
    first.expect("the first commits");
    let e = second.expect_err("the second is a pivot");
    assert_eq!(e.message(), "could not serialize access due to read/write dependencies among transactions");
    assert_eq!(e.code().as_str(), "40001");
    // Nothing is remembered once nobody runs; the same work in sequence goes through.
    drop((one, two));
    for pid in [4, 5] {
        let txn = begin(&server, pid, Isolation::Serializable);
        read(&txn, "x");
        update(&txn, "y", "2").expect("updates");
        txn.commit_blocking(Durability::Sync).expect("commits");
    }
}

#[test]
fn g2_gaps_count_as_read() {
    let server = seeded(&[("a", "0")]);
    let scan = |txn: &Txn| {
        txn.start_command();
        let range = crate::kv::KeyRange::prefix(&k(""));
        let mut cursor = txn.view().scan(KS, &range, crate::kv::Direction::Forward, Default::default()).expect("scans");
        let mut block = crate::kv::Block::default();
        cursor.fill(&mut block, crate::kv::FillLimit { entries: 100, bytes: 1 << 20 }).wait().expect("fills");
        block.len()
    };
    let (one, two) = (begin(&server, 2, Isolation::Serializable), begin(&server, 3, Isolation::Serializable));
    assert_eq!((scan(&one), scan(&two)), (1, 1));
    put(&one, "b", "1");
    put(&two, "c", "1");
    one.commit_blocking(Durability::Sync).expect("commits");
    assert_eq!(two.commit_blocking(Durability::Sync).expect_err("phantom").code().as_str(), "40001");
}

#[test]
fn a_read_only_transaction_that_saw_too_much_is_refused() {
    // Fekete, O'Neil, O'Neil 2004: the reader sees the deposit's receipt number move on, but not the report's last receipt.
    let server = seeded(&[("batch", "1"), ("receipts", "0")]);
    let deposit = begin(&server, 2, Isolation::Serializable);
    assert_eq!(read(&deposit, "batch"), "1");
    let close = begin(&server, 3, Isolation::Serializable);
    update(&close, "batch", "2").expect("updates");
    close.commit_blocking(Durability::Sync).expect("commits");
    let report = begin(&server, 4, Isolation::Serializable);
    assert_eq!((read(&report, "batch"), read(&report, "receipts")), ("2".into(), "0".into()));
    report.commit_blocking(Durability::Sync).expect("commits");
    update(&deposit, "receipts", "1").expect("updates");
    assert!(deposit.commit_blocking(Durability::Sync).is_err(), "the report excluded receipts of batch 1");
}

#[test]
fn unrelated_serializable_transactions_go_through() {
    let server = seeded(&[("x", "0"), ("y", "0"), ("z", "0")]);
    let (one, two) = (begin(&server, 2, Isolation::Serializable), begin(&server, 3, Isolation::Serializable));
    read(&one, "x");
    read(&two, "z");
    update(&one, "y", "1").expect("updates");
    update(&two, "x", "1").expect("updates");
    // one -> two only: a single dependency is no cycle.
    two.commit_blocking(Durability::Sync).expect("commits");
    one.commit_blocking(Durability::Sync).expect("commits");
}
