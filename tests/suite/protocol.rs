//! The protocol as a driver speaks it: simple and extended queries, binary values, portals, pipelining, cancel, COPY.

use crate::process::{Server, Setup};
use futures_util::{SinkExt, StreamExt, future::try_join_all};
use std::time::{Duration, SystemTime};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, error::SqlState};

pub async fn connect(server: &Server) -> Client {
    let target = format!("host=127.0.0.1 port={} user=orbit dbname=actors", server.port);
    let (client, connection) = tokio_postgres::connect(&target, NoTls).await.expect("the server accepts");
    tokio::spawn(connection);
    client
}

/// A server in memory, a client of it, and a test.
fn with_client<F: Future<Output = ()>>(test: impl FnOnce(Client) -> F) {
    let tmp = tempfile::tempdir().unwrap();
    let server = Setup::new(tmp.path()).arg("--engine").arg("memory").start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { test(connect(&server).await).await });
}

pub fn code(error: &tokio_postgres::Error) -> SqlState {
    error.code().cloned().unwrap_or_else(|| panic!("not an error of the server: {error}"))
}

#[test]
fn a_simple_query_answers_statement_by_statement() {
    with_client(|c| async move {
        let answers = c.simple_query("SELECT 1 AS a; SELECT 'x' AS b WHERE false; SELECT 2, 3").await.unwrap();
        let rows: Vec<_> =
            answers.iter().filter_map(|m| if let SimpleQueryMessage::Row(r) = m { r.get(0) } else { None }).collect();
        assert_eq!(rows, ["1", "2"]);
        let ends = answers.iter().filter(|m| matches!(m, SimpleQueryMessage::CommandComplete(_))).count();
        assert_eq!(ends, 3);
        c.batch_execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)").await.unwrap();
        let failed = c.batch_execute("INSERT INTO t VALUES (3); SELECT 1/0").await.unwrap_err();
        assert_eq!(code(&failed), SqlState::DIVISION_BY_ZERO);
        let count: i64 = c.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
        assert_eq!(count, 2, "statements of one message are one transaction");
    });
}

#[test]
fn values_travel_in_binary() {
    with_client(|c| async move {
        let sql = "SELECT $1::int2, $2::int4, $3::int8, $4::float8, $5::text, $6::bool, $7::bytea, $8::int4[], $9::text, $10::timestamptz";
        let moment = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456);
        let (bytes, list, none) = (b"\0\xff".to_vec(), vec![Some(1), None, Some(-3)], None::<String>);
        let row =
            c.query_one(sql, &[&-2i16, &7i32, &-9_000_000_000i64, &0.1f64, &"grün", &true, &bytes, &list, &none, &moment]).await;
        let row = row.unwrap();
        assert_eq!((row.get::<_, i16>(0), row.get::<_, i32>(1), row.get::<_, i64>(2)), (-2, 7, -9_000_000_000));
        assert_eq!((row.get::<_, f64>(3), row.get::<_, &str>(4), row.get::<_, bool>(5)), (0.1, "grün", true));
        assert_eq!((row.get::<_, Vec<u8>>(6), row.get::<_, Vec<Option<i32>>>(7)), (bytes, list));
        assert_eq!((row.get::<_, Option<String>>(8), row.get::<_, SystemTime>(9)), (none, moment));
    });
}

#[test]
fn a_prepared_statement_describes_itself_and_runs_many_times() {
    with_client(|c| async move {
        c.batch_execute("CREATE TABLE p (id int PRIMARY KEY, name text)").await.unwrap();
        let insert = c.prepare("INSERT INTO p VALUES ($1, $2)").await.unwrap();
        let types: Vec<_> = insert.params().iter().map(|t| t.name()).collect();
        assert_eq!(types, ["int4", "text"]);
        for i in 0..50 {
            assert_eq!(c.execute(&insert, &[&i, &format!("n{i}")]).await.unwrap(), 1);
        }
        let select = c.prepare("SELECT id, name FROM p WHERE id >= $1 ORDER BY id").await.unwrap();
        let columns: Vec<_> = select.columns().iter().map(|c| (c.name(), c.type_().name())).collect();
        assert_eq!(columns, [("id", "int4"), ("name", "text")]);
        let rows = c.query(&select, &[&48]).await.unwrap();
        assert_eq!(rows.iter().map(|r| r.get::<_, &str>(1)).collect::<Vec<_>>(), ["n48", "n49"]);
        assert_eq!(c.execute("UPDATE p SET name = 'x' WHERE id < $1", &[&10]).await.unwrap(), 10);
    });
}

#[test]
fn errors_carry_their_sqlstate_and_leave_the_session_usable() {
    with_client(|c| async move {
        c.batch_execute("CREATE TABLE e (id int PRIMARY KEY, n int NOT NULL CHECK (n > 0)); INSERT INTO e VALUES (1, 1)")
            .await
            .unwrap();
        for (sql, expected) in [
            ("SELECT * FROM nowhere", SqlState::UNDEFINED_TABLE),
            ("SELECT nothing FROM e", SqlState::UNDEFINED_COLUMN),
            ("SELEC 1", SqlState::SYNTAX_ERROR),
            ("SELECT 1/0", SqlState::DIVISION_BY_ZERO),
            ("INSERT INTO e VALUES (1, 2)", SqlState::UNIQUE_VIOLATION),
            ("INSERT INTO e VALUES (2, 0)", SqlState::CHECK_VIOLATION),
            ("INSERT INTO e VALUES (2)", SqlState::NOT_NULL_VIOLATION),
            ("SELECT 'x'::int", SqlState::INVALID_TEXT_REPRESENTATION),
            ("SELECT 2147483647 + 1", SqlState::NUMERIC_VALUE_OUT_OF_RANGE),
            ("SELECT no_such_function(1)", SqlState::UNDEFINED_FUNCTION),
        ] {
            assert_eq!(code(&c.query(sql, &[]).await.unwrap_err()), expected, "{sql}");
        }
        c.batch_execute("BEGIN").await.unwrap();
        assert!(c.query("SELECT 1/0", &[]).await.is_err());
        assert_eq!(code(&c.query("SELECT 1", &[]).await.unwrap_err()), SqlState::IN_FAILED_SQL_TRANSACTION);
        c.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(c.query_one("SELECT n FROM e", &[]).await.unwrap().get::<_, i32>(0), 1);
        let error = c.query("INSERT INTO e VALUES (1, 2)", &[]).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!((error.constraint(), error.table()), (Some("e_pkey"), Some("e")));
        assert_eq!(error.detail(), Some("Key (id)=(1) already exists."));
    });
}

#[test]
fn a_portal_hands_out_its_rows_a_few_at_a_time() {
    with_client(|mut c| async move {
        let t = c.transaction().await.unwrap();
        let portal = t.bind("SELECT g FROM generate_series(1, $1::int4) g", &[&5]).await.unwrap();
        let mut sizes = Vec::new();
        for _ in 0..3 {
            sizes.push(t.query_portal(&portal, 2).await.unwrap().len());
        }
        assert_eq!(sizes, [2, 2, 1]);
        t.commit().await.unwrap();
    });
}

#[test]
fn pipelined_queries_answer_in_order() {
    with_client(|c| async move {
        let statement = c.prepare("SELECT $1::int8 * 2").await.unwrap();
        let (c, statement) = (&c, &statement);
        let asked = (0..200i64).map(|i| async move { c.query_one(statement, &[&i]).await.map(|r| r.get::<_, i64>(0)) });
        let answers = try_join_all(asked).await.unwrap();
        assert_eq!(answers, (0..200).map(|i| i * 2).collect::<Vec<i64>>());
    });
}

#[test]
fn cancel_ends_the_statement_not_the_session() {
    with_client(|c| async move {
        let token = c.cancel_token();
        let canceller = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            token.cancel_query(NoTls).await
        });
        let begun = std::time::Instant::now();
        let error = c.query("SELECT pg_sleep(30)", &[]).await.unwrap_err();
        assert_eq!(code(&error), SqlState::QUERY_CANCELED);
        assert!(begun.elapsed() < Duration::from_secs(10));
        canceller.await.unwrap().unwrap();
        assert_eq!(c.query_one("SELECT 1", &[]).await.unwrap().get::<_, i32>(0), 1);
    });
}

#[test]
fn a_timeout_ends_statements_of_both_protocols() {
    with_client(|c| async move {
        c.batch_execute("SET statement_timeout = 100").await.unwrap();
        for failed in [c.batch_execute("SELECT pg_sleep(30)").await, c.execute("SELECT pg_sleep(30)", &[]).await.map(|_| ())] {
            let failed = failed.unwrap_err();
            assert_eq!(code(&failed), SqlState::QUERY_CANCELED);
            assert_eq!(failed.as_db_error().unwrap().message(), "canceling statement due to statement timeout");
        }
        c.execute("SELECT 1", &[]).await.unwrap();
    });
}

#[test]
fn copy_goes_in_and_out() {
    with_client(|c| async move {
        c.batch_execute("CREATE TABLE c (a int, b text)").await.unwrap();
        let sink = c.copy_in("COPY c FROM STDIN").await.unwrap();
        futures_util::pin_mut!(sink);
        for i in 0..1000 {
            sink.send(bytes::Bytes::from(format!("{i}\tline {i}\n"))).await.unwrap();
        }
        assert_eq!(sink.finish().await.unwrap(), 1000);
        let stream = c.copy_out("COPY (SELECT a, b FROM c WHERE a < 3 ORDER BY a) TO STDOUT (FORMAT csv)").await.unwrap();
        let text = stream.map(|chunk| chunk.unwrap().to_vec()).concat().await;
        assert_eq!(String::from_utf8(text).unwrap(), "0,line 0\n1,line 1\n2,line 2\n");
        let sink = c.copy_in("COPY c FROM STDIN").await.unwrap();
        futures_util::pin_mut!(sink);
        sink.send(bytes::Bytes::from_static(b"1\tx\nno number\ty\n")).await.unwrap();
        assert_eq!(code(&sink.finish().await.unwrap_err()), SqlState::INVALID_TEXT_REPRESENTATION);
        assert_eq!(c.query_one("SELECT count(*) FROM c", &[]).await.unwrap().get::<_, i64>(0), 1000);
    });
}
