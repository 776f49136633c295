//! Statements about one row by key: what they see and wait for when several sessions want the same row.

use crate::process::{Server, Setup};
use crate::protocol::{code, connect};
use futures_util::future::try_join_all;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, SimpleQueryMessage};

fn with_server<F: Future<Output = ()>>(test: impl FnOnce(Server) -> F) {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test(server));
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[test]
fn no_update_of_a_contended_row_is_lost() {
    with_server(|server| async move {
        let admin = connect(&server).await;
        admin.batch_execute("CREATE TABLE c (id int PRIMARY KEY, n bigint); INSERT INTO c VALUES (1, 0), (2, 0)").await.unwrap();
        let work = (0..8).map(|worker| {
            let server = &server;
            async move {
                let client = connect(server).await;
                let add = client.prepare("UPDATE c SET n = n + $1 WHERE id = $2").await?;
                for i in 0..50i32 {
                    let changed = if worker % 2 == 0 {
                        client.execute(&add, &[&1i64, &(1 + i % 2)]).await?
                    } else {
                        let answers = client.simple_query(&format!("UPDATE c SET n = n + 1 WHERE id = {}", 1 + i % 2)).await?;
                        match answers[..] {
                            [SimpleQueryMessage::CommandComplete(n)] => n,
                            _ => 0,
                        }
                    };
                    assert_eq!(changed, 1);
                }
                Ok::<(), tokio_postgres::Error>(())
            }
        });
        try_join_all(work).await.unwrap();
        assert_eq!(number(&admin, "SELECT sum(n)::bigint FROM c").await, 400);
    });
}

#[test]
fn an_update_waits_for_the_holder_and_looks_again() {
    with_server(|server| async move {
        let (a, b) = (connect(&server).await, connect(&server).await);
        a.batch_execute("CREATE TABLE w (id int PRIMARY KEY, n int, open bool); INSERT INTO w VALUES (1, 1, true)").await.unwrap();
        a.batch_execute("BEGIN; UPDATE w SET open = false WHERE id = 1").await.unwrap();
        let update = b.prepare("UPDATE w SET n = 2 WHERE id = $1 AND open").await.unwrap();
        let waiting = b.execute(&update, &[&1i32]);
        tokio::pin!(waiting);
        assert!(timeout(Duration::from_millis(200), &mut waiting).await.is_err(), "the row is held");
        a.batch_execute("COMMIT").await.unwrap();
        assert_eq!(waiting.await.unwrap(), 0, "the row no longer meets the condition");
        assert_eq!(number(&a, "SELECT n::bigint FROM w").await, 1);
    });
}

#[test]
fn a_row_that_is_only_being_inserted_is_not_waited_for() {
    with_server(|server| async move {
        let (a, b) = (connect(&server).await, connect(&server).await);
        a.batch_execute("CREATE TABLE i (id int PRIMARY KEY, n int)").await.unwrap();
        a.batch_execute("BEGIN; INSERT INTO i VALUES (1, 1)").await.unwrap();
        for sql in ["UPDATE i SET n = 2 WHERE id = $1", "DELETE FROM i WHERE id = $1"] {
            let key: &(dyn ToSql + Sync) = &1i32;
            let changed = timeout(Duration::from_secs(20), b.execute(sql, &[key])).await.expect("nothing to wait for").unwrap();
            assert_eq!(changed, 0);
        }
        b.batch_execute("DELETE FROM i WHERE id = 2").await.unwrap();
        // A row that is not there is not locked either.
        b.batch_execute("BEGIN; DELETE FROM i WHERE id = 3").await.unwrap();
        timeout(Duration::from_secs(20), a.batch_execute("INSERT INTO i VALUES (3, 3); COMMIT")).await.expect("free").unwrap();
        b.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(number(&b, "SELECT count(*) FROM i").await, 2);
    });
}

#[test]
fn stricter_isolation_refuses_a_row_changed_meanwhile() {
    with_server(|server| async move {
        let (a, b) = (connect(&server).await, connect(&server).await);
        a.batch_execute("CREATE TABLE r (id int PRIMARY KEY, n int); INSERT INTO r VALUES (1, 1)").await.unwrap();
        let update = b.prepare("UPDATE r SET n = n + 1 WHERE id = $1").await.unwrap();
        b.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT n FROM r WHERE id = 1").await.unwrap();
        a.batch_execute("UPDATE r SET n = 10 WHERE id = 1").await.unwrap();
        let failed = b.execute(&update, &[&1i32]).await.unwrap_err();
        assert_eq!(code(&failed), SqlState::T_R_SERIALIZATION_FAILURE);
        b.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(b.execute(&update, &[&1i32]).await.unwrap(), 1);
        assert_eq!(b.query_one("SELECT n FROM r WHERE id = 1", &[]).await.unwrap().get::<_, i32>(0), 11);
    });
}

#[test]
fn a_shape_learned_before_a_table_changed_follows_it() {
    with_server(|server| async move {
        let c = connect(&server).await;
        let one = |answers: Vec<SimpleQueryMessage>| {
            answers.iter().find_map(|m| if let SimpleQueryMessage::Row(r) = m { r.get(0).map(str::to_owned) } else { None })
        };
        assert!(c.simple_query("SELECT v FROM s WHERE id = 1").await.is_err());
        c.batch_execute("CREATE TABLE s (id bigint PRIMARY KEY, v text); INSERT INTO s VALUES (1, 'it''s'), (2, 'b')")
            .await
            .unwrap();
        assert_eq!(one(c.simple_query("SELECT v FROM s WHERE id = 1").await.unwrap()).as_deref(), Some("it's"));
        assert_eq!(one(c.simple_query("SELECT id FROM s WHERE id = 2 AND v = 'b'").await.unwrap()).as_deref(), Some("2"));
        assert_eq!(one(c.simple_query("SELECT id FROM s WHERE id = 2 AND v = 'c'").await.unwrap()), None);
        c.batch_execute("ALTER TABLE s DROP COLUMN v; ALTER TABLE s ADD COLUMN v int DEFAULT 7").await.unwrap();
        assert_eq!(one(c.simple_query("SELECT v FROM s WHERE id = 1").await.unwrap()).as_deref(), Some("7"));
        let failed = c.simple_query("SELECT id FROM s WHERE id = 2 AND v = 'x'").await.unwrap_err();
        let error = failed.as_db_error().unwrap();
        assert_eq!(error.message(), "invalid input syntax for type integer: \"x\"");
        assert_eq!(error.position(), Some(&tokio_postgres::error::ErrorPosition::Original(39)));
        assert_eq!(one(c.simple_query("SELECT v FROM s WHERE id = 99999999").await.unwrap()), None);
    });
}
