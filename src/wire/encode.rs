//! Back-end messages, one function each, appended to a `BytesMut`.
//!
//! Every message is `tag | i32 length (itself included) | body`; [`begin`] leaves room for the length and [`finish`] patches it.

use super::backend::TxStatus;
use bytes::{BufMut, BytesMut};

/// Starts a message; hand the result to [`finish`].
#[inline]
pub fn begin(buf: &mut BytesMut, tag: u8) -> usize {
    let start = buf.len();
    buf.put_slice(&[tag, 0, 0, 0, 0]);
    start
}

/// Patches the length of the message begun at `start`.
#[inline]
pub fn finish(buf: &mut BytesMut, start: usize) {
    let len = (buf.len() - start - 1) as u32;
    buf[start + 1..start + 5].copy_from_slice(&len.to_be_bytes());
}

/// Appends a C string. A NUL inside would cut the message short, so the text ends there.
pub fn put_cstr(buf: &mut BytesMut, text: &str) {
    let bytes = text.as_bytes();
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    buf.put_slice(&bytes[..end]);
    buf.put_u8(0);
}

/// AuthenticationOk.
pub fn authentication_ok(buf: &mut BytesMut) {
    buf.put_slice(b"R\0\0\0\x08\0\0\0\0");
}

/// AuthenticationSASL with the mechanisms offered.
pub fn authentication_sasl(buf: &mut BytesMut, mechanisms: &[&str]) {
    let m = begin(buf, b'R');
    buf.put_i32(10);
    mechanisms.iter().for_each(|name| put_cstr(buf, name));
    buf.put_u8(0);
    finish(buf, m);
}

/// AuthenticationSASLContinue.
pub fn authentication_sasl_continue(buf: &mut BytesMut, challenge: &[u8]) {
    sasl(buf, 11, challenge);
}

/// AuthenticationSASLFinal.
pub fn authentication_sasl_final(buf: &mut BytesMut, outcome: &[u8]) {
    sasl(buf, 12, outcome);
}

fn sasl(buf: &mut BytesMut, kind: i32, payload: &[u8]) {
    let m = begin(buf, b'R');
    buf.put_i32(kind);
    buf.put_slice(payload);
    finish(buf, m);
}

/// NegotiateProtocolVersion: the newest version spoken and the options not known.
pub fn negotiate_protocol_version(buf: &mut BytesMut, newest: i32, unknown_options: &[String]) {
    let m = begin(buf, b'v');
    buf.put_i32(newest);
    buf.put_i32(unknown_options.len() as i32);
    unknown_options.iter().for_each(|name| put_cstr(buf, name));
    finish(buf, m);
}

/// BackendKeyData: what a CancelRequest must name.
pub fn backend_key_data(buf: &mut BytesMut, pid: i32, key: i32) {
    let m = begin(buf, b'K');
    buf.put_i32(pid);
    buf.put_i32(key);
    finish(buf, m);
}

/// ParameterStatus.
pub fn parameter_status(buf: &mut BytesMut, name: &str, value: &str) {
    let m = begin(buf, b'S');
    put_cstr(buf, name);
    put_cstr(buf, value);
    finish(buf, m);
}

/// ReadyForQuery.
#[inline]
pub fn ready_for_query(buf: &mut BytesMut, status: TxStatus) {
    buf.put_slice(&[b'Z', 0, 0, 0, 5, status as u8]);
}

/// CommandComplete with its tag, e.g. `INSERT 0 1`.
#[inline]
pub fn command_complete(buf: &mut BytesMut, tag: &str) {
    let m = begin(buf, b'C');
    put_cstr(buf, tag);
    finish(buf, m);
}

/// CommandComplete of a command that counts rows: `SELECT 3`, `INSERT 0 1` (verb `INSERT 0`), `UPDATE 7`.
#[inline]
pub fn command_complete_rows(buf: &mut BytesMut, verb: &str, rows: u64) {
    let m = begin(buf, b'C');
    buf.put_slice(verb.as_bytes());
    buf.put_u8(b' ');
    buf.put_slice(itoa::Buffer::new().format(rows).as_bytes());
    buf.put_u8(0);
    finish(buf, m);
}

/// EmptyQueryResponse.
pub fn empty_query_response(buf: &mut BytesMut) {
    buf.put_slice(b"I\0\0\0\x04");
}

/// ParseComplete.
#[inline]
pub fn parse_complete(buf: &mut BytesMut) {
    buf.put_slice(b"1\0\0\0\x04");
}

/// BindComplete.
#[inline]
pub fn bind_complete(buf: &mut BytesMut) {
    buf.put_slice(b"2\0\0\0\x04");
}

/// CloseComplete.
#[inline]
pub fn close_complete(buf: &mut BytesMut) {
    buf.put_slice(b"3\0\0\0\x04");
}

/// NoData.
#[inline]
pub fn no_data(buf: &mut BytesMut) {
    buf.put_slice(b"n\0\0\0\x04");
}

/// PortalSuspended.
#[inline]
pub fn portal_suspended(buf: &mut BytesMut) {
    buf.put_slice(b"s\0\0\0\x04");
}

/// ParameterDescription: the OID of each parameter's type.
pub fn parameter_description(buf: &mut BytesMut, types: impl ExactSizeIterator<Item = u32>) {
    let m = begin(buf, b't');
    buf.put_i16(types.len() as i16);
    types.for_each(|oid| buf.put_u32(oid));
    finish(buf, m);
}

/// CopyInResponse for `columns` columns, all text or all binary.
pub fn copy_in_response(buf: &mut BytesMut, binary: bool, columns: usize) {
    copy_response(buf, b'G', binary, columns);
}

/// CopyOutResponse for `columns` columns, all text or all binary.
pub fn copy_out_response(buf: &mut BytesMut, binary: bool, columns: usize) {
    copy_response(buf, b'H', binary, columns);
}

fn copy_response(buf: &mut BytesMut, tag: u8, binary: bool, columns: usize) {
    let m = begin(buf, tag);
    buf.put_u8(u8::from(binary));
    buf.put_i16(columns as i16);
    (0..columns).for_each(|_| buf.put_i16(i16::from(binary)));
    finish(buf, m);
}

/// CopyData around bytes that exist already.
pub fn copy_data(buf: &mut BytesMut, chunk: &[u8]) {
    let m = begin(buf, b'd');
    buf.put_slice(chunk);
    finish(buf, m);
}

/// CopyDone.
pub fn copy_done(buf: &mut BytesMut) {
    buf.put_slice(b"c\0\0\0\x04");
}

/// NotificationResponse: who notified, on which channel, with what.
pub fn notification_response(buf: &mut BytesMut, pid: i32, channel: &str, payload: &str) {
    let m = begin(buf, b'A');
    buf.put_i32(pid);
    put_cstr(buf, channel);
    put_cstr(buf, payload);
    finish(buf, m);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_themselves_and_the_body() {
        let mut buf = BytesMut::new();
        command_complete_rows(&mut buf, "INSERT 0", 12);
        parameter_status(&mut buf, "a", "b\0c");
        ready_for_query(&mut buf, TxStatus::Failed);
        assert_eq!(&buf[..], b"C\0\0\0\x10INSERT 0 12\0S\0\0\0\x08a\0b\0Z\0\0\0\x05E");
    }

    #[test]
    fn copy_responses_name_the_format_of_every_column() {
        let mut buf = BytesMut::new();
        copy_in_response(&mut buf, true, 2);
        assert_eq!(&buf[..], b"G\0\0\0\x0b\x01\0\x02\0\x01\0\x01");
    }
}
