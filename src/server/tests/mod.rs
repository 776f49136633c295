//! The protocol over real sockets, against a backend of a few words.

mod fake;
mod hostile;

use super::listener::{Limits, Listeners, serve};
use fake::FakeEngine;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

const LIMITS: Limits = Limits { max_connections: 4, authentication_timeout: Duration::from_secs(20), max_message_size: 1 << 20 };

/// A running server; dropping `stop` stops it.
struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    done: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
    unix: std::path::PathBuf,
}

fn start(limits: Limits) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let listeners = Listeners::bind("127.0.0.1", 0, Some(folder.path())).unwrap();
    let address = listeners.addresses()[0];
    let unix = listeners.unix_path().unwrap().to_owned();
    let (stop, stopped) = oneshot::channel::<()>();
    let done = tokio::spawn(serve(Arc::new(FakeEngine::default()), listeners, limits, async {
        let _ = stopped.await;
    }));
    Server { address, stop: Some(stop), done, _folder: folder, unix }
}

/// A client that speaks bytes.
struct Client {
    socket: TcpStream,
    seen: Vec<u8>,
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut m = vec![tag];
    m.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
    m.extend_from_slice(body);
    m
}

fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

fn parse(sql: &str) -> Vec<u8> {
    message(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat())
}

fn startup(pairs: &str) -> Vec<u8> {
    let body = [&196_608i32.to_be_bytes()[..], pairs.as_bytes(), b"\0"].concat();
    [&(body.len() as i32 + 4).to_be_bytes()[..], &body].concat()
}

const BIND: &[u8] = b"B\0\0\0\x0c\0\0\0\0\0\0\0\0";
const EXECUTE: &[u8] = b"E\0\0\0\x09\0\0\0\0\0";
const SYNC: &[u8] = b"S\0\0\0\x04";

impl Client {
    async fn raw(server: &Server) -> Self {
        Self { socket: TcpStream::connect(server.address).await.unwrap(), seen: Vec::new() }
    }

    /// Connects as `ann` and reads the greeting.
    async fn ready(server: &Server) -> Self {
        let mut c = Self::raw(server).await;
        c.send(&startup("user\0ann\0")).await;
        c.until_ready(1).await;
        c
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    async fn read_some(&mut self) -> usize {
        self.seen.reserve(64 * 1024);
        timeout(Duration::from_secs(10), self.socket.read_buf(&mut self.seen)).await.expect("no answer").unwrap_or(0)
    }

    /// Reads until `n` ReadyForQuery came; the messages as `tag` or `tag(text)`, space-separated.
    async fn until_ready(&mut self, n: usize) -> String {
        loop {
            let (shown, ready, used) = show(&self.seen);
            if ready >= n {
                self.seen.drain(..used);
                return shown;
            }
            assert!(self.read_some().await > 0, "closed after {shown}");
        }
    }

    /// Reads until the server closes.
    async fn until_closed(&mut self) -> String {
        while self.read_some().await > 0 {}
        show(&self.seen).0
    }
}

/// Messages in readable form, how many ReadyForQuery, how many bytes.
fn show(mut bytes: &[u8]) -> (String, usize, usize) {
    let (mut shown, mut ready, mut used) = (Vec::new(), 0, 0);
    while let Some(len) = bytes.get(1..5) {
        let len = i32::from_be_bytes(len.try_into().unwrap()) as usize;
        let Some(body) = bytes.get(5..=len) else { break };
        let tag = bytes[0] as char;
        let text = |b: &[u8]| String::from_utf8_lossy(b).trim_end_matches('\0').to_owned();
        ready += usize::from(tag == 'Z');
        match tag {
            'E' | 'N' => {
                let field =
                    |k: u8| body.split(|b| *b == 0).find(|f| f.first() == Some(&k)).map(|f| text(&f[1..])).unwrap_or_default();
                shown.push(
                    format!("{tag}({} {} {})", field(b'S'), field(b'C'), field(b'M'))
                        + &match field(b'P').as_str() {
                            "" => String::new(),
                            p => format!("@{p}"),
                        },
                );
            }
            'C' | 'Z' => shown.push(format!("{tag}({})", text(body))),
            _ => shown.push(tag.to_string()),
        }
        used += len + 1;
        bytes = &bytes[len + 1..];
    }
    (shown.join(" "), ready, used)
}

#[tokio::test]
async fn simple_queries() {
    let s = start(LIMITS);
    let mut c = Client::raw(&s).await;
    c.send(&startup("user\0ann\0application_name\0x\0")).await;
    assert_eq!(c.until_ready(1).await, "R S S K Z(I)");
    c.send(&query("one;one")).await;
    assert_eq!(c.until_ready(1).await, "T D C(SELECT 1) T D C(SELECT 1) Z(I)");
    c.send(&query("")).await;
    assert_eq!(c.until_ready(1).await, "I Z(I)");
    c.send(&query("begin;ähm")).await;
    assert_eq!(c.until_ready(1).await, "C(BEGIN) E(ERROR 42601 syntax error at or near \"ähm\")@7 Z(E)");
    c.send(&query("end")).await;
    assert_eq!(c.until_ready(1).await, "C(COMMIT) S Z(I)");
    c.send(b"X\0\0\0\x04").await;
    assert_eq!(c.until_closed().await, "");
}

#[tokio::test]
async fn extended_queries_skip_to_sync_after_an_error() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    c.send(&[&parse("one")[..], BIND, EXECUTE, SYNC].concat()).await;
    assert_eq!(c.until_ready(1).await, "1 2 T D C(SELECT 1) Z(I)");
    c.send(&[&parse("x $1")[..], BIND, EXECUTE, &query("one"), SYNC, &query("one")].concat()).await;
    assert_eq!(c.until_ready(2).await, "E(ERROR 42P02 there is no parameter $1)@3 Z(I) T D C(SELECT 1) Z(I)");
    c.send(&[&parse("oops")[..], BIND, b"D\0\0\0\x06S\0", EXECUTE, EXECUTE, SYNC].concat()).await;
    assert_eq!(c.until_ready(1).await, "1 2 t n E(ERROR 42601 syntax error at or near \"oops\")@1 Z(I)");
    c.send(&[&b"C\0\0\0\x06S\0"[..], b"C\0\0\0\x06P\0", b"D\0\0\0\x06P\0", SYNC].concat()).await;
    assert_eq!(c.until_ready(1).await, "3 3 n Z(I)");
}

#[tokio::test]
async fn a_row_limit_suspends_the_portal() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    let two = b"E\0\0\0\x09\0\0\0\0\x02";
    c.send(&[&parse("cursor 3")[..], BIND, two, two, SYNC].concat()).await;
    assert_eq!(c.until_ready(1).await, "1 2 D D s D C(SELECT 3) Z(I)");
}

#[tokio::test]
async fn flush_sends_what_there_is_without_sync() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    c.send(&[&parse("one")[..], b"H\0\0\0\x04"].concat()).await;
    c.read_some().await;
    assert_eq!(show(&c.seen).0, "1");
}

#[tokio::test]
async fn a_pipelines_answers_leave_in_one_piece() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    let one = [&parse("one")[..], BIND, EXECUTE, SYNC].concat();
    c.send(&one.repeat(20)).await;
    // All requests arrive in one packet, so all answers come in the first read.
    c.read_some().await;
    assert_eq!(show(&c.seen).1, 20);
}

#[tokio::test]
async fn answers_before_a_waiting_statement_do_not_wait_with_it() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    c.send(&[query("one"), query("locked"), query("one")].concat()).await;
    assert_eq!(c.until_ready(1).await, "T D C(SELECT 1) Z(I)");
    let mut other = Client::ready(&s).await;
    other.send(&query("unlock")).await;
    assert_eq!(c.until_ready(2).await, "C(LOCK) Z(I) T D C(SELECT 1) Z(I)");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_only_itself() {
    let s = start(LIMITS);
    let mut slow = Client::ready(&s).await;
    slow.send(&query("rows 50000")).await;
    let mut other = Client::ready(&s).await;
    other.send(&query("one")).await;
    assert_eq!(other.until_ready(1).await, "T D C(SELECT 1) Z(I)");
    assert!(slow.until_ready(1).await.ends_with("D C(SELECT 50000) Z(I)"));
}

#[tokio::test]
async fn copying_in_and_out() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    let data = |text: &str| message(b'd', text.as_bytes());
    c.send(&[query("copyin"), data("a\n"), SYNC.to_vec(), data("bc\n"), message(b'c', b"")].concat()).await;
    assert_eq!(c.until_ready(1).await, "G C(COPY 5) Z(I)");
    c.send(&[query("copyin"), data("a"), message(b'f', b"no more\0")].concat()).await;
    assert_eq!(c.until_ready(1).await, "G E(ERROR 57014 COPY from stdin failed: no more) Z(I)");
    c.send(&[query("copyin"), query("one"), data("late"), message(b'c', b""), query("one")].concat()).await;
    assert_eq!(
        c.until_ready(2).await,
        "G E(ERROR 08P01 unexpected message type 0x51 during COPY from stdin) Z(I) T D C(SELECT 1) Z(I)"
    );
    c.send(&query("copyout 2")).await;
    assert_eq!(c.until_ready(1).await, "H d d c C(COPY 2) Z(I)");
}

#[tokio::test]
async fn cancel_requests_need_the_key() {
    let s = start(LIMITS);
    let mut c = Client::raw(&s).await;
    c.send(&startup("user\0ann\0")).await;
    while show(&c.seen).1 == 0 {
        c.read_some().await;
    }
    let at = c.seen.len() - 6 - 8;
    let key = c.seen[at..at + 8].to_vec();
    c.seen.clear();
    c.send(&query("wait")).await;
    let cancel = |key: &[u8]| [&16i32.to_be_bytes()[..], &80_877_102i32.to_be_bytes(), key].concat();
    let mut wrong = Client::raw(&s).await;
    wrong.send(&cancel(&[&key[..4], b"\0\0\0\0"].concat())).await;
    assert_eq!(wrong.until_closed().await, "");
    let mut right = Client::raw(&s).await;
    right.send(&cancel(&key)).await;
    assert_eq!(c.until_ready(1).await, "E(ERROR 57014 canceling statement due to user request) Z(I)");
}

#[tokio::test]
async fn who_does_not_get_in_is_told_why() {
    let s = start(LIMITS);
    for (user, answer) in [
        ("user\0eve\0", "E(FATAL 28000 role \"eve\" does not exist)"),
        ("user\0nologin\0", "E(FATAL 28000 role \"nologin\" is not permitted to log in)"),
        ("user\0ann\0database\0missing\0", "R E(FATAL 3D000 database \"missing\" does not exist)"),
        ("database\0x\0", "E(FATAL 28000 no PostgreSQL user name specified in startup packet)"),
        ("user\0ann\0replication\0true\0", "E(FATAL 0A000 replication is not supported)"),
    ] {
        let mut c = Client::raw(&s).await;
        c.send(&startup(user)).await;
        assert_eq!(c.until_closed().await, answer);
    }
    let mut clients = Vec::new();
    for _ in 0..LIMITS.max_connections {
        clients.push(Client::ready(&s).await);
    }
    let mut c = Client::raw(&s).await;
    c.send(&startup("user\0ann\0")).await;
    assert_eq!(c.until_closed().await, "E(FATAL 53300 sorry, too many clients already)");
}

#[tokio::test]
async fn passwords_are_checked_by_scram() {
    let s = start(LIMITS);
    let connect = |password: &'static str| {
        let config = format!("host=127.0.0.1 port={} user=sam password={password} sslmode=disable", s.address.port());
        async move { tokio_postgres::connect(&config, tokio_postgres::NoTls).await.map(drop) }
    };
    connect("säsam").await.unwrap();
    let e = connect("wrong").await.unwrap_err();
    let db = e.as_db_error().unwrap();
    assert_eq!((db.code().code(), db.message()), ("28P01", "password authentication failed for user \"sam\""));
}

#[tokio::test]
async fn the_unix_socket_serves_too_and_goes_with_the_server() {
    let mut s = start(LIMITS);
    let mut socket = tokio::net::UnixStream::connect(&s.unix).await.unwrap();
    socket.write_all(&startup("user\0ann\0")).await.unwrap();
    assert_eq!(socket.read_u8().await.unwrap(), b'R');
    drop(socket);
    s.stop.take();
    (&mut s.done).await.unwrap();
    assert!(!s.unix.exists());
}

#[tokio::test]
async fn a_panic_ends_one_session_only() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    c.send(&query("panic")).await;
    assert!(c.until_closed().await.starts_with("E(FATAL XX000 "));
    Client::ready(&s).await.send(&query("one")).await;
}

#[tokio::test]
async fn a_stop_ends_idle_busy_and_deaf_sessions() {
    let mut s = start(LIMITS);
    let mut idle = Client::ready(&s).await;
    let mut busy = Client::ready(&s).await;
    busy.send(&query("wait")).await;
    let mut deaf = Client::ready(&s).await;
    deaf.send(&query("rows 100000")).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    s.stop.take();
    let farewell = "E(FATAL 57P01 terminating connection due to administrator command)";
    assert_eq!(idle.until_closed().await, farewell);
    assert_eq!(busy.until_closed().await, farewell);
    timeout(Duration::from_secs(5), &mut s.done).await.expect("stops in time").unwrap();
}

#[tokio::test]
async fn silence_has_limits() {
    let s = start(Limits { authentication_timeout: Duration::from_millis(100), ..LIMITS });
    let mut c = Client::raw(&s).await;
    assert_eq!(c.until_closed().await, "");
    let mut c = Client::raw(&s).await;
    c.send(&startup("user\0sam\0")).await;
    assert_eq!(c.until_closed().await, "R E(FATAL 57014 canceling authentication due to timeout)");
    let mut c = Client::raw(&s).await;
    c.send(&startup("user\0ann\0impatient\0on\0")).await;
    assert_eq!(c.until_closed().await, "R S S K Z(I) E(FATAL 57P05 terminating connection due to idle-session timeout)");
}
