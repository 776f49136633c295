//! The way out of a connection, shared between the statement that writes answers and the task that runs it.
//!
//! Answers of a pipeline gather so that they leave in one write. But when the next statement of the pipeline has to wait - for a
//! lock, a disk, a timer - the answers before it must not wait with it: the client may need them to end that very wait. So
//! complete answers are sealed into the outlet before a statement starts, and [`Outlet::drive`] sends them as soon as the
//! statement is found waiting. A statement that never waits costs nothing.

use super::stream::WriteHalf;
use bytes::BytesMut;
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::Poll;

/// The socket's write half, and complete answers not yet sent.
#[derive(Debug)]
pub struct Outlet {
    socket: WriteHalf,
    sealed: Mutex<BytesMut>,
}

impl Outlet {
    pub(super) fn new(socket: WriteHalf) -> Self {
        Self { socket, sealed: Mutex::new(BytesMut::new()) }
    }

    /// Moves complete answers in, behind those already there.
    pub(super) fn seal(&self, answers: &mut BytesMut) {
        let mut sealed = self.sealed.lock();
        if sealed.is_empty() {
            std::mem::swap(&mut *sealed, answers);
        } else {
            sealed.extend_from_slice(answers);
            answers.clear();
        }
    }

    /// Takes back what was sealed and not sent, to be sent together with what follows it.
    pub(super) fn take(&self) -> BytesMut {
        std::mem::take(&mut *self.sealed.lock())
    }

    /// Sends bytes; the caller has taken what was sealed before them.
    pub(super) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes).await
    }

    /// Runs a statement; whenever it waits, sends what was sealed before it as far as the client takes it.
    pub async fn drive<F: Future>(&self, mut statement: Pin<&mut F>) -> F::Output {
        let mut writable: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>>> = None;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(result) = statement.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            loop {
                if let Some(wait) = &mut writable {
                    match wait.as_mut().poll(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(_) => writable = None,
                    }
                }
                if self.send_some() {
                    return Poll::Pending;
                }
                writable = Some(Box::pin(self.socket.writable()));
            }
        })
        .await
    }

    /// Sends what fits of the sealed answers; whether nothing is left to send. A broken socket shows at the next flush.
    fn send_some(&self) -> bool {
        let mut sealed = self.sealed.lock();
        while !sealed.is_empty() {
            match self.socket.try_write(&sealed) {
                Ok(n) if n > 0 => bytes::Buf::advance(&mut *sealed, n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        true
    }
}
