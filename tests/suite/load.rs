//! Loads too large for memory: whole or not at all through kill -9, duplicates found wherever they are, memory bounded.

use crate::process::{Server, Setup};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const ROWS: u32 = 150_000;

const TABLE: &str = "CREATE TABLE load (id bigint PRIMARY KEY, n int, name text, at timestamptz);
                     CREATE INDEX load_n ON load (n);";

/// Rows in an order of their own, so that neither index is filled in order.
fn rows(from: u32, to: u32) -> String {
    let mut out = String::new();
    for i in from..to {
        let id = (u64::from(i) * 7919) % 1_000_003;
        let n = (u64::from(i) * 104_729) % 50_021;
        writeln!(out, "{id}\t{n}\tname number {id:08}\t2024-02-{:02} 12:34:56.{:06}+00", i % 28 + 1, i).unwrap();
    }
    out
}

fn copy_from(server: &Server, folder: &std::path::Path, data: &str) -> Result<String, String> {
    let path = folder.join("rows.tsv");
    std::fs::write(&path, data).unwrap();
    server.try_sql(&format!("COPY load FROM '{}'", path.display()))
}

fn counts(server: &Server) -> String {
    server.sql(
        "SELECT count(*), sum(n), (SELECT count(*) FROM load WHERE n BETWEEN 100 AND 199), (SELECT name FROM load WHERE id = 7919)
         FROM load",
    )
}

fn expected() -> String {
    let n = |i: u32| (u64::from(i) * 104_729) % 50_021;
    let sum: u64 = (0..ROWS).map(n).sum();
    let some = (0..ROWS).filter(|&i| (100..200).contains(&n(i))).count();
    format!("{ROWS}|{sum}|{some}|name number 00007919")
}

fn check(folder: &std::path::Path) {
    let output = Setup::new(folder).arg("check").run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_large_load_is_there_as_a_whole_or_not_at_all() {
    let tmp = tempfile::tempdir().unwrap();
    let mut server = Setup::new(tmp.path()).start();
    server.sql(TABLE);
    // Killed while rows are read, sorted, spilled.
    let path = tmp.path().join("rows.tsv");
    std::fs::write(&path, rows(0, ROWS)).unwrap();
    let copy = format!("COPY load FROM '{}'", path.display());
    let done = std::thread::scope(|scope| {
        let load = scope.spawn(|| server.try_sql(&copy));
        std::thread::sleep(Duration::from_millis(400));
        server.signal(libc::SIGKILL);
        load.join().unwrap().is_ok()
    });
    server.wait();
    let mut server = Setup::new(tmp.path()).start();
    let left = if done { ROWS } else { 0 };
    assert_eq!(server.sql("SELECT count(*) FROM load"), left.to_string());
    // Rolled back.
    server.sql("TRUNCATE load");
    server.sql(&format!("BEGIN; {copy}; ROLLBACK"));
    assert_eq!(server.sql("SELECT count(*) FROM load"), "0");
    // Committed, and killed at once.
    assert_eq!(server.sql(&format!("BEGIN; {copy}; SELECT count(*) FROM load; COMMIT")), ROWS.to_string());
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).and_then(|l| l.split_whitespace().next()).unwrap();
    assert!(peak.parse::<u64>().unwrap() < 512 << 10, "{peak} KiB");
    server.kill();
    let mut server = Setup::new(tmp.path()).start();
    assert_eq!(counts(&server), expected());
    assert!(server.stop().success());
    check(tmp.path());
}

#[test]
fn duplicates_are_found_wherever_they_are() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).start();
    server.sql(TABLE);
    // Within one load, far apart: the second row is the one at fault.
    let mut data = rows(0, ROWS);
    data.push_str("7919\t1\tagain\t2024-01-01 00:00:00+00\n");
    let e = copy_from(&server, tmp.path(), &data).expect_err("a duplicate");
    assert!(e.contains("duplicate key value violates unique constraint \"load_pkey\""), "{e}");
    assert!(e.contains("Key (id)=(7919) already exists."), "{e}");
    assert!(e.contains(&format!("COPY load, line {}", ROWS + 1)), "{e}");
    assert_eq!(server.sql("SELECT count(*) FROM load"), "0");
    // Against what is stored, and against what the transaction wrote before.
    copy_from(&server, tmp.path(), &rows(0, ROWS)).unwrap();
    let e = copy_from(&server, tmp.path(), &rows(ROWS - 1, ROWS + 10)).expect_err("a duplicate");
    assert!(e.contains("COPY load, line 1") && e.contains("already exists"), "{e}");
    let path = tmp.path().join("rows.tsv");
    let own = format!(
        "BEGIN; TRUNCATE load; INSERT INTO load VALUES (7919, 1, 'own', now()); COPY load FROM '{}'; COMMIT",
        path.display()
    );
    std::fs::write(&path, rows(0, ROWS)).unwrap();
    let e = server.try_sql(&own).expect_err("a duplicate");
    assert!(e.contains("COPY load, line 2") && e.contains("Key (id)=(7919) already exists."), "{e}");
    assert_eq!(counts(&server), expected());
    // A unique index over rows that are not, and one over rows that are.
    let e = server.try_sql("CREATE UNIQUE INDEX ON load (n)").expect_err("duplicates");
    assert!(e.contains("could not create unique index \"load_n_idx\"") && e.contains("is duplicated."), "{e}");
    server.sql("CREATE UNIQUE INDEX load_name ON load (name)");
    assert_eq!(server.sql("SELECT id FROM load WHERE name = 'name number 00007919'"), "7919");
}

#[test]
fn foreign_keys_of_large_tables_are_validated() {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).start();
    server.sql(
        "CREATE TABLE parent (a int, b int, PRIMARY KEY (b, a));
         CREATE TABLE child (id int PRIMARY KEY, x int, y bigint);
         INSERT INTO parent SELECT i, i % 10 FROM generate_series(1, 20000) AS g(i);
         INSERT INTO child SELECT i, i % 20000 + 1, (i % 20000 + 1) % 10 FROM generate_series(1, 100000) AS g(i);
         INSERT INTO child VALUES (200001, NULL, 3);
         ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES parent (a, b);",
    );
    server.sql("ALTER TABLE child DROP CONSTRAINT fk; INSERT INTO child VALUES (300001, 5, 6)");
    let e =
        server.try_sql("ALTER TABLE child ADD CONSTRAINT fk FOREIGN KEY (x, y) REFERENCES parent (a, b)").expect_err("no parent");
    assert!(e.contains("violates foreign key constraint \"fk\"") && e.contains("Key (x, y)=(5, 6) is not present"), "{e}");
}

#[test]
fn rows_deleted_in_bulk_do_not_slow_scans_down() {
    let tmp = tempfile::tempdir().unwrap();
    let mut server = Setup::new(tmp.path()).start();
    server.sql(TABLE);
    copy_from(&server, tmp.path(), &rows(0, ROWS)).unwrap();
    let scan = |server: &Server| {
        let start = Instant::now();
        let count = server.sql("SELECT count(*) FROM load");
        (count, start.elapsed())
    };
    let (_, before) = scan(&server);
    server.sql("BEGIN; DELETE FROM load WHERE id % 2 = 0; ROLLBACK");
    assert_eq!(counts(&server), expected());
    let even = server.sql("SELECT count(*) FROM load WHERE id % 2 = 0");
    assert_eq!(server.sql("BEGIN; DELETE FROM load WHERE id % 2 = 0; SELECT count(*) FROM load; COMMIT"), {
        let even: u32 = even.parse().unwrap();
        (ROWS - even).to_string()
    });
    assert_eq!(server.sql("SELECT count(*) FROM load WHERE id % 2 = 0"), "0");
    assert_eq!(server.sql("SELECT count(*) FROM load WHERE n BETWEEN 0 AND 60000 AND id % 2 = 0"), "0");
    server.sql("DELETE FROM load");
    let (count, after) = scan(&server);
    assert_eq!(count, "0");
    assert!(after < before * 5 + Duration::from_millis(500), "an empty table took {after:?}, a full one {before:?}");
    copy_from(&server, tmp.path(), &rows(0, ROWS)).unwrap();
    assert_eq!(counts(&server), expected());
    assert!(server.stop().success());
    check(tmp.path());
}
