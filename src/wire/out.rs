//! A connection's buffers and socket: where answers are written, and where messages are read from.
//!
//! Answers gather in one buffer and leave in one write: when input runs dry, at Sync and Flush, or when the buffer passes
//! [`HIGH_WATER`]. A producer of many rows calls [`Out::flush_if_full`] after each row (or batch); only there a client that
//! stops reading holds it up - itself, nobody else. Reading happens here too because COPY FROM STDIN reads from inside a
//! statement.
//!
//! Memory: an idle connection waits for readability without holding a read buffer, and large buffers are given back once
//! they are empty.

use super::copy::CopyReader;
use super::frontend::{DecodeError, Frame, FrontendCodec};
use super::{Interrupt, Stream, encode, report};
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use bytes::BytesMut;
use std::io;
use std::sync::Arc;
use tokio_util::codec::Decoder;

/// Bytes of answers after which a producer must let the socket take them.
pub const HIGH_WATER: usize = 64 * 1024;
/// Room made for one read.
const READ_CHUNK: usize = 8 * 1024;
/// Room made for one read while a large message arrives.
const LARGE_READ: usize = 128 * 1024;
/// Write buffers above this are given back when empty.
const KEEP_WRITE: usize = 2 * HIGH_WATER;

/// One connection's way in and out.
pub struct Out {
    stream: Stream,
    read: BytesMut,
    write: BytesMut,
    codec: FrontendCodec,
    interrupt: Arc<Interrupt>,
    large_read: bool,
    broken: bool,
}

impl Out {
    /// Wraps a socket after start-up; `read` holds what arrived already.
    pub fn new(stream: Stream, read: BytesMut, codec: FrontendCodec, interrupt: Arc<Interrupt>) -> Self {
        Self { stream, read, write: BytesMut::new(), codec, interrupt, large_read: false, broken: false }
    }

    /// The answers not yet sent, to append to.
    #[inline]
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.write
    }

    /// The session's interrupts.
    pub fn interrupt(&self) -> &Arc<Interrupt> {
        &self.interrupt
    }

    /// Whether enough has gathered that it should be sent before more is produced.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.write.len() >= HIGH_WATER
    }

    /// Sends what gathered once it passes [`HIGH_WATER`]; otherwise answers at once.
    #[inline]
    pub async fn flush_if_full(&mut self) -> Result<()> {
        if self.is_full() { self.flush().await } else { Ok(()) }
    }

    /// Sends everything written so far. Fails with FATAL 08006 if the client is gone.
    pub async fn flush(&mut self) -> Result<()> {
        if self.broken {
            return Err(lost());
        }
        let mut sent = 0;
        while sent < self.write.len() {
            match self.stream.try_write(&self.write[sent..]) {
                Ok(0) => return self.lose(),
                Ok(n) => sent += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    if self.stream.writable().await.is_err() {
                        return self.lose();
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.lose(),
            }
        }
        if self.write.capacity() > KEEP_WRITE {
            self.write = BytesMut::new();
        } else {
            self.write.clear();
        }
        Ok(())
    }

    fn lose(&mut self) -> Result<()> {
        self.broken = true;
        self.write = BytesMut::new();
        Err(lost())
    }

    /// Whether the client is gone, so that nothing more need be said.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Appends a notice that has no position. `client_min_messages` is the caller's business.
    pub fn notice(&mut self, notice: &SqlError) {
        report::notice_response(&mut self.write, notice, "");
    }

    /// Appends a notice whose position refers to `source`.
    pub fn notice_at(&mut self, notice: &SqlError, source: &str) {
        report::notice_response(&mut self.write, notice, source);
    }

    /// Begins COPY FROM STDIN: tells the client to send, and hands out what it sends.
    pub async fn copy_in(&mut self, binary: bool, columns: usize) -> Result<CopyReader<'_>> {
        encode::copy_in_response(&mut self.write, binary, columns);
        self.flush().await?;
        Ok(CopyReader::new(self))
    }

    /// Begins COPY TO STDOUT; follow with [`Out::copy_data`] or `encode` calls on the buffer, and [`Out::copy_done`].
    pub fn copy_out(&mut self, binary: bool, columns: usize) {
        encode::copy_out_response(&mut self.write, binary, columns);
    }

    /// Appends one CopyData message that `write` fills (a line of text, a binary tuple).
    #[inline]
    pub fn copy_data<R>(&mut self, write: impl FnOnce(&mut BytesMut) -> R) -> R {
        let m = encode::begin(&mut self.write, b'd');
        let result = write(&mut self.write);
        encode::finish(&mut self.write, m);
        result
    }

    /// Ends COPY TO STDOUT.
    pub fn copy_done(&mut self) {
        encode::copy_done(&mut self.write);
    }

    /// The next message, if the whole of it was read already.
    pub fn buffered_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        self.codec.decode(&mut self.read)
    }

    /// Takes in what the client sent, waiting for it if need be; `Ok(0)` means it is gone. Safe to cancel: nothing is lost.
    pub async fn fill(&mut self) -> io::Result<usize> {
        self.make_room();
        loop {
            match self.stream.try_read_buf(&mut self.read) {
                Ok(n) => return Ok(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            }
            if self.read.is_empty() && self.read.capacity() > 0 && !self.interrupt.is_terminated() {
                self.rest().await?;
            } else {
                self.stream.readable().await?;
            }
            self.make_room();
        }
    }

    /// Waits for input; after a moment of silence the read buffer is given back.
    async fn rest(&mut self) -> io::Result<()> {
        if self.large_read {
            self.read = BytesMut::new();
            self.large_read = false;
        }
        self.stream.readable().await
    }

    /// Makes room for the next read: a little while messages are small, more while a large one arrives, never ahead of what
    /// has arrived by more than one step.
    fn make_room(&mut self) {
        let missing = self.codec.missing(&self.read);
        let room = if missing > READ_CHUNK {
            self.large_read = true;
            missing.min(LARGE_READ.max(self.read.len()))
        } else {
            READ_CHUNK
        };
        if self.read.capacity() - self.read.len() < READ_CHUNK.min(room) {
            self.read.reserve(room);
        }
    }

    /// Whether bytes of a message not yet complete wait in the buffer.
    pub fn has_partial_input(&self) -> bool {
        !self.read.is_empty()
    }
}

fn lost() -> SqlError {
    err!(SqlState::CONNECTION_FAILURE, "connection to client lost").severity(Severity::Fatal)
}
