//! A connection's buffers and socket: where answers are written, and where messages are read from.
//!
//! Answers gather in one buffer and leave in one write: when input runs dry, or when the buffer passes [`HIGH_WATER`]. A
//! producer of many rows calls [`Out::flush_if_full`] after each row (or batch); only there a client that stops reading holds
//! it up - itself, nobody else. Reading happens here too because COPY FROM STDIN reads from inside a statement.
//!
//! Memory: an idle connection keeps a read buffer of [`READ_CHUNK`] bytes; larger ones are given back once they are empty.

use super::copy::CopyReader;
use super::frontend::{DecodeError, Frame, FrontendCodec};
use super::outlet::Outlet;
use super::startup::{Startup, StartupCodec};
use super::stream::{ReadHalf, Stream};
use super::{Interrupt, encode, report};
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use bytes::BytesMut;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncReadExt;
use tokio_util::codec::Decoder;

/// Bytes of answers after which a producer must let the socket take them.
pub const HIGH_WATER: usize = 64 * 1024;
/// Room made for one read before the client is known.
const FIRST_READ: usize = 1024;
/// Room made for one read at rest.
pub const READ_CHUNK: usize = 8 * 1024;
/// Room made for one read while much arrives.
const LARGE_READ: usize = 128 * 1024;
/// Write buffers above this are given back when empty.
const KEEP_WRITE: usize = 2 * HIGH_WATER;

/// One connection's way in and out.
pub struct Out {
    outlet: Arc<Outlet>,
    write: BytesMut,
    /// The answers in `write` up to here are complete: their client may be waiting for them.
    complete: bool,
    /// Bytes sealed in the outlet since the last flush; the outlet may have sent some of them.
    sealed: usize,
    input: ReadHalf,
    read: BytesMut,
    chunk: usize,
    /// The read buffer grew beyond a chunk since it was last given back.
    grown: bool,
    codec: FrontendCodec,
    interrupt: Arc<Interrupt>,
    broken: bool,
}

impl Out {
    /// Wraps a socket just accepted.
    pub fn new(stream: Stream, interrupt: Arc<Interrupt>) -> Self {
        let (input, output) = stream.split();
        Self {
            outlet: Arc::new(Outlet::new(output)),
            write: BytesMut::new(),
            complete: false,
            sealed: 0,
            input,
            read: BytesMut::new(),
            chunk: FIRST_READ,
            grown: false,
            codec: FrontendCodec::authenticating(),
            interrupt,
            broken: false,
        }
    }

    /// The client is authenticated: takes messages of up to `max_message` bytes from now on.
    pub fn begin_session(&mut self, max_message: usize) {
        self.codec = FrontendCodec::new(max_message);
        self.chunk = READ_CHUNK;
        if self.read.is_empty() {
            self.read = BytesMut::new();
        }
    }

    /// The answers not yet sent, to append to.
    #[inline]
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.write
    }

    /// The session's interrupts.
    #[inline]
    pub fn interrupt(&self) -> &Arc<Interrupt> {
        &self.interrupt
    }

    /// Whether enough has gathered that it should be sent before more is produced.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.write.len() + self.sealed >= HIGH_WATER
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
        if self.sealed > 0 {
            let mut sealed = self.outlet.take();
            sealed.extend_from_slice(&self.write);
            self.write = sealed;
            self.sealed = 0;
        }
        self.complete = false;
        if self.outlet.send(&self.write).await.is_err() {
            self.broken = true;
            self.write = BytesMut::new();
            return Err(lost());
        }
        if self.write.capacity() > KEEP_WRITE {
            self.write = BytesMut::new();
        } else {
            self.write.clear();
        }
        Ok(())
    }

    /// Everything written so far answers complete requests: the client may wait for it.
    #[inline]
    pub fn mark_complete(&mut self) {
        self.complete = true;
    }

    /// If complete answers are unsent, seals them and returns the outlet that is to send them should the next statement wait.
    #[inline]
    pub fn seal_complete(&mut self) -> Option<Arc<Outlet>> {
        if !self.complete {
            return None;
        }
        self.complete = false;
        self.sealed += self.write.len();
        self.outlet.seal(&mut self.write);
        Some(self.outlet.clone())
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
    #[inline]
    pub fn buffered_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        self.codec.decode(&mut self.read)
    }

    /// The next start-up packet, if the whole of it was read already.
    pub fn buffered_startup(&mut self, codec: &mut StartupCodec) -> Result<Option<Startup>, DecodeError> {
        codec.decode(&mut self.read)
    }

    /// Whether bytes wait that no message was cut from yet.
    pub fn has_buffered_input(&self) -> bool {
        !self.read.is_empty()
    }

    /// Takes in what the client sent, waiting for it if need be; `Ok(0)` means it is gone. Dropping the future loses nothing.
    pub async fn fill(&mut self) -> io::Result<usize> {
        self.make_room();
        poll_fn(|cx| {
            let polled = self.poll_fill(cx);
            if polled.is_pending() && self.grown && self.read.is_empty() {
                self.shrink();
            }
            polled
        })
        .await
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.read.capacity() == self.read.len() {
            self.make_room();
        }
        let room = self.read.capacity() - self.read.len();
        let polled = pin!(self.input.read_buf(&mut self.read)).poll(cx);
        if matches!(polled, Poll::Ready(Ok(n)) if n == room) {
            self.chunk = (self.chunk * 2).min(LARGE_READ);
        }
        polled
    }

    /// Makes room for the next read: little while messages are small, more while much arrives, and never more than what has
    /// arrived already (or one large read) ahead of the bytes of a message whose length is only claimed.
    fn make_room(&mut self) {
        let missing = self.codec.missing(&self.read);
        let room = if missing > self.chunk { missing.min(LARGE_READ.max(self.read.len())) } else { self.chunk };
        if self.read.capacity() - self.read.len() < room.min(self.chunk) / 2 {
            self.grown |= room > READ_CHUNK;
            self.read.reserve(room);
        }
    }

    /// Gives a grown and now empty read buffer back.
    fn shrink(&mut self) {
        self.chunk = READ_CHUNK;
        self.grown = false;
        self.read = BytesMut::with_capacity(READ_CHUNK);
    }
}

fn lost() -> SqlError {
    err!(SqlState::CONNECTION_FAILURE, "connection to client lost").severity(Severity::Fatal)
}
