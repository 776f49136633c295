//! Inputs meant to break a server: each is answered as PostgreSQL answers it, and the server goes on.

use super::*;

async fn answer(server: &Server, bytes: &[u8]) -> String {
    let mut c = Client::raw(server).await;
    c.send(bytes).await;
    // Some are told to wait for more by design: they end with their input.
    let _ = c.socket.shutdown().await;
    c.until_closed().await
}

async fn session_answer(server: &Server, bytes: &[u8]) -> String {
    let mut c = Client::ready(server).await;
    c.send(bytes).await;
    let _ = c.socket.shutdown().await;
    c.until_closed().await
}

#[tokio::test]
async fn start_up_abuse() {
    let s = start(LIMITS);
    for bytes in
        [&b"\0\0\0\x03"[..], b"\0\x01\x86\xa0\0\x03\0\0", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0", b"\0"]
    {
        assert_eq!(answer(&s, bytes).await, "", "{bytes:?}");
    }
    let ssl = b"\0\0\0\x08\x04\xd2\x16\x2f";
    let mut c = Client::raw(&s).await;
    c.send(ssl).await;
    c.read_some().await;
    assert_eq!(c.seen, b"N");
    c.seen.clear();
    c.send(ssl).await;
    assert_eq!(c.until_closed().await, "E(FATAL 0A000 unsupported frontend protocol 1234.5679: server supports 3.0 to 3.0)");

    let mut c = Client::raw(&s).await;
    c.send(&[&ssl[..], &startup("user\0ann\0")].concat()).await;
    while c.read_some().await > 0 {}
    assert_eq!(c.seen[0], b'N');
    assert_eq!(show(&c.seen[1..]).0, "E(FATAL 08P01 received unencrypted data after SSL request)");

    let v2 = [&8i32.to_be_bytes()[..], &(2i32 << 16).to_be_bytes()].concat();
    assert_eq!(answer(&s, &v2).await, "E(FATAL 0A000 unsupported frontend protocol 2.0: server supports 3.0 to 3.0)");
    let broken = [&13i32.to_be_bytes()[..], &196_608i32.to_be_bytes(), b"user\0"].concat();
    assert!(answer(&s, &broken).await.starts_with("E(FATAL 08P01 invalid startup packet layout"));

    let mut newer = startup("user\0ann\0_pq_.extra\0x\0");
    newer[7] = 2;
    let mut c = Client::raw(&s).await;
    c.send(&newer).await;
    assert_eq!(c.until_ready(1).await, "v R S S K Z(I)");
}

#[tokio::test]
async fn framing_abuse_closes_the_connection() {
    let s = start(LIMITS);
    for bytes in [&b"Q\0\0\0\x03"[..], b"Q\xff\xff\xff\xff", b"Q\x7f\xff\xff\xff", b"S\0\0\x4e\x20", b"Q\0\0"] {
        assert_eq!(session_answer(&s, bytes).await, "", "{bytes:?}");
    }
    assert_eq!(session_answer(&s, b"\xff\0\0\0\x04").await, "E(FATAL 08P01 invalid frontend message type 255)");
    assert_eq!(session_answer(&s, b"p\0\0\0\x04").await, "E(FATAL 08P01 invalid frontend message type 112)");
    let over = [&b"Q"[..], &(LIMITS.max_message_size as i32 + 5).to_be_bytes()].concat();
    assert_eq!(session_answer(&s, &over).await, "E(FATAL 54000 message of 1048581 bytes exceeds the limit of 1048576 bytes)");
}

#[tokio::test]
async fn broken_bodies_are_errors_and_the_session_lives() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    let bind = |body: &[u8]| [message(b'B', body), SYNC.to_vec()].concat();
    for (bytes, answer) in [
        (message(b'Q', b"one"), "E(ERROR 08P01 invalid string in message) Z(I)"),
        (message(b'Q', b"one\0x"), "E(ERROR 08P01 invalid message format) Z(I)"),
        (message(b'Q', b"\xff\xfe\0"), "E(ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0xff) Z(I)"),
        (bind(b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"), "E(ERROR 08P01 insufficient data left in message) Z(I)"),
        (bind(b"\0\0\0\0\xff\xff\0\0\0\0"), "E(ERROR 08P01 insufficient data left in message) Z(I)"),
        (
            bind(b"\0\0\0\x02\0\0\0\0\0\x01\0\0\0\0\0\0"),
            "E(ERROR 08P01 bind message has 2 parameter formats but 1 parameters) Z(I)",
        ),
        (bind(b"\0\0\0\x01\0\x07\0\0\0\0"), "E(ERROR 22023 unsupported format code: 7) Z(I)"),
        ([message(b'D', b"x\0"), SYNC.to_vec()].concat(), "E(ERROR 08P01 invalid DESCRIBE message subtype 120) Z(I)"),
        ([message(b'P', b"\0one\0\x7f\xff"), SYNC.to_vec()].concat(), "E(ERROR 08P01 insufficient data left in message) Z(I)"),
        (message(b'F', b""), "E(ERROR 0A000 the fast-path function call is not supported) Z(I)"),
        ([message(b'd', b"x"), message(b'c', b""), query("one")].concat(), "T D C(SELECT 1) Z(I)"),
    ] {
        c.send(&bytes).await;
        assert_eq!(c.until_ready(1).await, answer, "{bytes:?}");
    }
}

#[tokio::test]
async fn authentication_abuse() {
    let s = start(LIMITS);
    let login = startup("user\0sam\0");
    for (bytes, answer) in [
        (query("one"), "R E(FATAL 08P01 expected password response, got message type 81)"),
        (b"p\0\x01\0\0".to_vec(), "R"),
        (message(b'p', b"MD5\0\0\0\0\0"), "R E(FATAL 08P01 client selected an invalid SASL authentication mechanism)"),
        (message(b'p', b"SCRAM-SHA-256\0\x7f\xff\xff\xffn,,n=,r=x"), "R E(FATAL 08P01 invalid message format)"),
        (message(b'p', b"SCRAM-SHA-256\0\0\0\0\x03x,,"), "R E(FATAL 08P01 malformed SCRAM message)"),
    ] {
        let mut c = Client::raw(&s).await;
        c.send(&[&login[..], &bytes].concat()).await;
        assert_eq!(c.until_closed().await, answer, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_claimed_length_takes_no_memory() {
    let s = start(Limits { max_message_size: 1 << 30, ..LIMITS });
    let mut c = Client::ready(&s).await;
    let before = resident();
    c.send(b"Q\x3f\xff\xff\x00").await;
    c.send(&vec![b'x'; 100_000]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(resident() < before + (64 << 20), "took memory ahead of the bytes");
}

#[tokio::test]
async fn large_messages_arrive_whole() {
    let s = start(LIMITS);
    let mut c = Client::ready(&s).await;
    let long = "y".repeat(900_000);
    for _ in 0..3 {
        c.send(&query(&format!("one;{long}"))).await;
        let got = c.until_ready(1).await;
        assert!(got.starts_with("T D C(SELECT 1) E(ERROR 42601 "), "{}", &got[..80.min(got.len())]);
    }
}

/// Bytes of memory this process holds.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
