//! Kill -9 under load: what was acknowledged is there after the restart, whole, and every index agrees with its table.
//!
//! Each writer moves money between accounts and writes the transfer down in the same transaction, so a balance that is not what
//! the transfers say is a transaction that was torn. The writers remember which commits were acknowledged.

use crate::process::{Server, Setup};
use rand::Rng;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

const WRITERS: i32 = 6;
const ACCOUNTS: i32 = 24;
const START_BALANCE: i64 = 1_000_000;

async fn connect(port: u16) -> Result<Client, tokio_postgres::Error> {
    let target = format!("host=127.0.0.1 port={port} user=orbit dbname=actors");
    let (client, connection) = tokio_postgres::connect(&target, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// One transfer; the accounts are updated in order of their ids, so that writers never wait for each other in a circle.
async fn transfer(client: &mut Client, writer: i32, n: i32) -> Result<(), tokio_postgres::Error> {
    let (from, to, amount) = {
        let mut random = rand::rng();
        let from = random.random_range(0..ACCOUNTS);
        (from, (from + random.random_range(1..ACCOUNTS)) % ACCOUNTS, random.random_range(1..100i64))
    };
    let t = client.transaction().await?;
    let mut steps = [(from, -amount), (to, amount)];
    steps.sort_unstable();
    for (id, change) in steps {
        t.execute("UPDATE account SET balance = balance + $2 WHERE id = $1", &[&id, &change]).await?;
    }
    let sql = "INSERT INTO transfer (writer, n, source, target, amount, label) VALUES ($1, $2, $3, $4, $5, $6)";
    t.execute(sql, &[&writer, &n, &from, &to, &amount, &format!("{writer}/{n}")]).await?;
    t.commit().await
}

/// Writes until the server is gone; the numbers whose COMMIT was answered.
async fn write(port: u16, writer: i32, first: i32) -> Vec<i32> {
    let mut acknowledged = Vec::new();
    let Ok(mut client) = connect(port).await else { return acknowledged };
    for n in first.. {
        match transfer(&mut client, writer, n).await {
            Ok(()) => acknowledged.push(n),
            Err(e) if e.as_db_error().is_some() => panic!("writer {writer}: {e:?}"),
            Err(_) => break,
        }
    }
    acknowledged
}

fn create(server: &Server) {
    server.sql(&format!(
        "CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL);
         CREATE TABLE transfer (writer int, n int, source int, target int, amount bigint, label text UNIQUE, PRIMARY KEY (writer, n));
         CREATE INDEX ON transfer (source, amount);
         INSERT INTO account SELECT g, {START_BALANCE} FROM generate_series(0, {ACCOUNTS} - 1) g;"
    ));
}

fn verify(server: &Server, acknowledged: &HashSet<(i32, i32)>) {
    let stored = server.sql("SELECT writer || ' ' || n FROM transfer");
    let stored: HashSet<(i32, i32)> = stored
        .lines()
        .map(|l| l.split_once(' ').and_then(|(w, n)| Some((w.parse().ok()?, n.parse().ok()?))).expect("two numbers"))
        .collect();
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "{} acknowledged commits are lost: {lost:?}", lost.len());
    // The one that was under way when the server died may be there or not.
    assert!(stored.len() <= acknowledged.len() + WRITERS as usize * rounds(), "{} stored", stored.len());
    assert_eq!(server.sql("SELECT sum(balance) FROM account"), (i64::from(ACCOUNTS) * START_BALANCE).to_string());
    let torn = server.sql(&format!(
        "SELECT count(*) FROM account a WHERE balance <> {START_BALANCE}
             + coalesce((SELECT sum(amount) FROM transfer WHERE target = a.id), 0)
             - coalesce((SELECT sum(amount) FROM transfer WHERE source = a.id), 0)"
    ));
    assert_eq!(torn, "0", "accounts that are not what their transfers say");
}

fn check(folder: &Path) {
    let output = Setup::new(folder).arg("check").run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn rounds() -> usize {
    std::env::var("ORBIT_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3)
}

#[test]
fn no_acknowledged_commit_is_lost_or_torn() {
    let tmp = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut acknowledged = HashSet::new();
    for round in 0..rounds() {
        let mut server = Setup::new(tmp.path()).start();
        if round == 0 {
            create(&server);
        }
        let first = i32::try_from(round).unwrap() * 1_000_000;
        let writers: Vec<_> = (0..WRITERS).map(|w| runtime.spawn(write(server.port, w, first))).collect();
        let life = rand::rng().random_range(300..1500);
        std::thread::sleep(Duration::from_millis(life));
        server.kill();
        let before = acknowledged.len();
        for (w, writer) in (0..WRITERS).zip(writers) {
            acknowledged.extend(runtime.block_on(writer).unwrap().into_iter().map(|n| (w, n)));
        }
        assert!(acknowledged.len() > before, "nothing was committed in {life} ms");
        let mut server = Setup::new(tmp.path()).start();
        verify(&server, &acknowledged);
        assert!(server.stop().success());
        check(tmp.path());
    }
    println!("{} rounds of kill -9: {} commits acknowledged, 0 lost", rounds(), acknowledged.len());
}
