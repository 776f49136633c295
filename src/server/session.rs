//! The protocol's state machine.
//!
//! Every message that is already in the read buffer is processed before anything is written; answers leave in one write when the
//! input runs dry or much has gathered. The states are few: ready, or skipping to Sync after an error in the extended
//! protocol; whether a transaction is open is the backend's knowledge.
//!
//! ```text
//!  simple      Query ... -> answers | ErrorResponse -> ReadyForQuery
//!  extended    Parse Bind Describe Execute Close -> answers        Sync -> ReadyForQuery
//!                        `-- error -> ErrorResponse, skip until ---^
//! ```

use super::backend::{Backend, Executed, IdleLimit, TxStatus};
use crate::err;
use crate::error::{Severity, SqlError, SqlState};
use crate::wire::frontend::{DecodeError, Frame, Frontend, Oids, Target, text};
use crate::wire::interrupt::terminated;
use crate::wire::outlet::Outlet;
use crate::wire::{Bind, Out, encode, report};
use smallvec::SmallVec;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long an ending session waits for its client to take the last message.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whether the session goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    End,
}

/// One client's session.
pub struct Session<'o, B> {
    out: &'o mut Out,
    backend: B,
    /// An extended-protocol message failed: nothing counts until Sync.
    skip_to_sync: bool,
}

impl<'o, B: Backend> Session<'o, B> {
    /// A session whose greeting is in the buffer.
    pub fn new(out: &'o mut Out, backend: B) -> Self {
        Self { out, backend, skip_to_sync: false }
    }

    /// Serves the client until it leaves or is sent away.
    pub async fn run(mut self) {
        while self.step().await == Flow::Continue {}
        self.backend.close().await;
        if !self.out.is_broken() {
            // The client may be gone, or not listening: then there is nobody to tell.
            let _ = timeout(FAREWELL, self.out.flush()).await;
        }
    }

    /// Answers all that is in the read buffer, then waits for more.
    async fn step(&mut self) -> Flow {
        loop {
            let frame = match self.out.buffered_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(DecodeError::Sql(e)) => return self.end(e),
                Err(_) => return Flow::End,
            };
            if self.message(&frame).await == Flow::End || self.out.flush_if_full().await.is_err() {
                return Flow::End;
            }
        }
        match self.out.flush().await {
            Ok(()) => self.wait().await,
            Err(_) => Flow::End,
        }
    }

    /// Waits for input, a notification, a termination or the end of patience.
    async fn wait(&mut self) -> Flow {
        let limit = self.backend.idle_limit();
        let interrupt = self.out.interrupt().clone();
        tokio::select! {
            biased;
            read = self.out.fill() => match read {
                Ok(n) if n > 0 => {
                    interrupt.begin_command();
                    Flow::Continue
                }
                _ => Flow::End,
            },
            () = interrupt.idle_event() => {
                if interrupt.is_terminated() {
                    return self.end(terminated());
                }
                if self.backend.transaction_status() == TxStatus::Idle {
                    self.backend.notifications(self.out);
                }
                Flow::Continue
            }
            e = patience(limit) => self.end(e),
        }
    }

    /// Says why the session ends.
    fn end(&mut self, error: SqlError) -> Flow {
        report::error_response(self.out.buffer(), &error.severity(Severity::Fatal), "");
        Flow::End
    }

    async fn message(&mut self, frame: &Frame) -> Flow {
        if self.skip_to_sync && !matches!(frame.tag(), b'S' | b'X') {
            return Flow::Continue;
        }
        let message = match frame.parse() {
            Ok(message) => message,
            Err(e) if matches!(frame.tag(), b'P' | b'B' | b'D' | b'C' | b'E' | b'H') => return self.skip(e, "").await,
            Err(e) => {
                self.skip_to_sync = false;
                return self.failed_query(e, "").await;
            }
        };
        match message {
            Frontend::Query(sql) => self.query(sql).await,
            Frontend::Parse { name, sql, types } => self.parse(name, sql, types).await,
            Frontend::Bind(bind) => self.bind(&bind).await,
            Frontend::Describe(target) => self.describe(target).await,
            Frontend::Execute { portal, max_rows } => self.execute(portal, max_rows).await,
            Frontend::Close(target) => self.close(target).await,
            Frontend::Sync => self.sync().await,
            Frontend::Flush => {
                self.out.mark_complete();
                Flow::Continue
            }
            Frontend::FunctionCall => self.failed_query(SqlError::unsupported("the fast-path function call"), "").await,
            // What is still under way of a COPY that failed.
            Frontend::CopyData | Frontend::CopyDone | Frontend::CopyFail(_) => Flow::Continue,
            Frontend::Terminate => Flow::End,
        }
    }

    async fn query(&mut self, sql: &[u8]) -> Flow {
        let sql = match text(sql) {
            Ok(sql) => sql,
            Err(e) => return self.failed_query(e, "").await,
        };
        let outlet = self.out.seal_complete();
        let result = drive(outlet, pin!(self.backend.simple_query(sql, self.out))).await;
        match result {
            Ok(()) => {
                self.ready();
                Flow::Continue
            }
            Err(e) => self.failed_query(e, sql).await,
        }
    }

    async fn parse(&mut self, name: &[u8], sql: &[u8], types: Oids<'_>) -> Flow {
        let (name, sql) = match text(name).and_then(|n| Ok((n, text(sql)?))) {
            Ok(texts) => texts,
            Err(e) => return self.skip(e, "").await,
        };
        let types: SmallVec<[u32; 16]> = types.iter().collect();
        let outlet = self.out.seal_complete();
        let result = drive(outlet, pin!(self.backend.parse(name, sql, &types))).await;
        match result {
            Ok(()) => {
                encode::parse_complete(self.out.buffer());
                Flow::Continue
            }
            Err(e) => self.skip(e, sql).await,
        }
    }

    async fn bind(&mut self, bind: &Bind<'_>) -> Flow {
        let outlet = self.out.seal_complete();
        let result = drive(outlet, pin!(self.backend.bind(bind))).await;
        match result {
            Ok(()) => {
                encode::bind_complete(self.out.buffer());
                Flow::Continue
            }
            Err(e) => self.skip_executed(e).await,
        }
    }

    async fn describe(&mut self, target: Target<'_>) -> Flow {
        let outlet = self.out.seal_complete();
        let result = match target {
            Target::Statement(name) => match text(name) {
                Ok(name) => drive(outlet, pin!(self.backend.describe_statement(name, self.out))).await,
                Err(e) => Err(e),
            },
            Target::Portal(name) => match text(name) {
                Ok(name) => drive(outlet, pin!(self.backend.describe_portal(name, self.out))).await,
                Err(e) => Err(e),
            },
        };
        match result {
            Ok(()) => Flow::Continue,
            Err(e) => self.skip_executed(e).await,
        }
    }

    async fn execute(&mut self, portal: &[u8], max_rows: u32) -> Flow {
        let portal = match text(portal) {
            Ok(portal) => portal,
            Err(e) => return self.skip(e, "").await,
        };
        let outlet = self.out.seal_complete();
        let result = drive(outlet, pin!(self.backend.execute(portal, max_rows, self.out))).await;
        match result {
            Ok(Executed::Completed) => Flow::Continue,
            Ok(Executed::Suspended) => {
                encode::portal_suspended(self.out.buffer());
                Flow::Continue
            }
            Err(e) => self.skip_executed(e).await,
        }
    }

    async fn close(&mut self, target: Target<'_>) -> Flow {
        let result = match target {
            Target::Statement(name) => match text(name) {
                Ok(name) => self.backend.close_statement(name).await,
                Err(e) => Err(e),
            },
            Target::Portal(name) => match text(name) {
                Ok(name) => self.backend.close_portal(name).await,
                Err(e) => Err(e),
            },
        };
        match result {
            Ok(()) => {
                encode::close_complete(self.out.buffer());
                Flow::Continue
            }
            Err(e) => self.skip(e, "").await,
        }
    }

    async fn sync(&mut self) -> Flow {
        self.skip_to_sync = false;
        let outlet = self.out.seal_complete();
        let result = drive(outlet, pin!(self.backend.sync())).await;
        match result {
            Ok(()) => {
                self.ready();
                Flow::Continue
            }
            Err(e) => self.failed_query(e, "").await,
        }
    }

    /// Reports an error and is ready again: the simple protocol.
    async fn failed_query(&mut self, error: SqlError, source: &str) -> Flow {
        report::error_response(self.out.buffer(), &error, source);
        let flow = self.failed(error).await;
        if flow == Flow::Continue {
            self.ready();
        }
        flow
    }

    /// Reports an error and skips to Sync: the extended protocol.
    async fn skip(&mut self, error: SqlError, source: &str) -> Flow {
        self.skip_to_sync = true;
        report::error_response(self.out.buffer(), &error, source);
        self.failed(error).await
    }

    /// Like `skip`, for errors whose position refers to a statement prepared earlier.
    async fn skip_executed(&mut self, error: SqlError) -> Flow {
        self.skip_to_sync = true;
        report::error_response(self.out.buffer(), &error, self.backend.source_text());
        self.failed(error).await
    }

    async fn failed(&mut self, error: SqlError) -> Flow {
        self.backend.failed(&error).await;
        match error.fields().severity {
            Severity::Fatal | Severity::Panic => Flow::End,
            _ => Flow::Continue,
        }
    }

    /// ReadyForQuery, and what PostgreSQL says just before it.
    fn ready(&mut self) {
        let status = self.backend.transaction_status();
        if status == TxStatus::Idle {
            self.backend.notifications(self.out);
        }
        let buffer = self.out.buffer();
        self.backend.parameter_changes(&mut |name, value| encode::parameter_status(buffer, name, value));
        encode::ready_for_query(buffer, status);
        self.out.mark_complete();
    }
}

/// Runs a statement; complete answers sealed before it leave should it have to wait.
async fn drive<F: Future>(outlet: Option<Arc<Outlet>>, statement: Pin<&mut F>) -> F::Output {
    match outlet {
        None => statement.await,
        Some(outlet) => outlet.drive(statement).await,
    }
}

/// Returns what the session says when its client has been silent too long; never, without a limit.
async fn patience(limit: Option<IdleLimit>) -> SqlError {
    match limit {
        Some(IdleLimit::InTransaction(time)) => {
            sleep(time).await;
            err!(SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT, "terminating connection due to idle-in-transaction timeout")
        }
        Some(IdleLimit::Session(time)) => {
            sleep(time).await;
            err!(SqlState::IDLE_SESSION_TIMEOUT, "terminating connection due to idle-session timeout")
        }
        None => std::future::pending().await,
    }
}
