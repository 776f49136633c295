//! The seam between a connection and SQL.
//!
//! `server::session` runs the protocol's state machine and owns the socket; a [`Backend`] is one session's SQL. The session
//! frames messages, keeps the order of answers, skips to Sync after an error, writes ErrorResponse and ReadyForQuery. The
//! backend parses, plans, runs, and writes result messages (RowDescription, DataRow, CommandComplete, ...) straight into the
//! connection's buffer through [`Out`].
//!
//! ```text
//! Query          -> simple_query                          (on Err: ErrorResponse), ReadyForQuery
//! Parse          -> parse                                 ParseComplete
//! Bind           -> bind                                  BindComplete
//! Describe S / P -> describe_statement / describe_portal  (the backend writes the descriptions)
//! Execute        -> execute                               (backend writes rows and tag; session writes PortalSuspended)
//! Close S / P    -> close_statement / close_portal        CloseComplete
//! Sync           -> sync                                  ReadyForQuery
//! any error      -> failed, then skip to Sync (extended) or ReadyForQuery (simple)
//! ```
//!
//! Futures returned here are stored inline in the session's task, which every idle connection pays for: implementations keep
//! the common path small and `Box::pin` what is large and rare.

use super::{Bind, Interrupt, Out};
use crate::error::{Result, SqlError};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The database server as the listener sees it: finds roles, opens sessions.
pub trait Engine: Send + Sync + 'static {
    /// One session's SQL.
    type Backend: Backend;

    /// How `user` must prove who it is. Never fails for an unknown role: that is [`RoleAuth::Unknown`].
    fn role_auth(&self, user: &str) -> impl Future<Output = Result<RoleAuth>> + Send;

    /// Opens a session for an authenticated user. Errors are sent as FATAL: 3D000 `database "x" does not exist`, 42501 for a
    /// missing CONNECT privilege, 22023 for a bad start-up setting.
    fn connect(&self, info: ConnectInfo) -> impl Future<Output = Result<Self::Backend>> + Send;
}

/// How a role logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleAuth {
    /// No such role.
    Unknown,
    /// The role exists but may not log in: 28000 `role "x" is not permitted to log in`.
    NoLogin,
    /// The role has no password: trusted from this machine, refused from elsewhere.
    NoPassword,
    /// The role's verifier, `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
    Scram(String),
}

/// Where a client came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over the Unix socket.
    Unix,
}

impl Peer {
    /// Whether the client runs on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(a) => a.ip().to_canonical().is_loopback(),
            Self::Unix => true,
        }
    }
}

/// Everything known about a client once it is let in.
#[derive(Clone, Debug)]
pub struct ConnectInfo {
    /// Role name, authenticated.
    pub user: String,
    /// Database asked for (the user's name if the client named none).
    pub database: String,
    /// Settings of the start-up packet in order of application: the `-c name=value` of `options` first, then the others
    /// (`application_name`, `client_encoding`, `DateStyle`, ...).
    pub settings: Vec<(String, String)>,
    /// Where the client is.
    pub peer: Peer,
    /// Session number: `pg_backend_pid()`.
    pub pid: i32,
    /// How cancel and terminate requests reach the running statement; `pg_cancel_backend` raises it too.
    pub interrupt: Arc<Interrupt>,
}

/// Transaction state byte of ReadyForQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TxStatus {
    /// Not in a transaction block.
    Idle = b'I',
    /// In a transaction block.
    InBlock = b'T',
    /// In a failed transaction block.
    Failed = b'E',
}

/// How an Execute ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executed {
    /// The portal ran to its end; the backend wrote CommandComplete or EmptyQueryResponse.
    Completed,
    /// The row limit was reached first; the session writes PortalSuspended.
    Suspended,
}

/// How long a session may wait for its client's next command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleLimit {
    /// `idle_in_transaction_session_timeout`: 25P03 when it passes.
    InTransaction(Duration),
    /// `idle_session_timeout`: 57P05 when it passes.
    Session(Duration),
}

/// One session's SQL. Methods are called one at a time, in the order of the client's messages.
///
/// Every `Err` becomes an ErrorResponse; a severity of FATAL ends the connection after it. Error positions are byte offsets
/// into the text handed in (`simple_query`, `parse`) or into [`Backend::source_text`] (everything else).
pub trait Backend: Send {
    /// Calls `report(name, value)` for every parameter PostgreSQL reports at start (`server_version`, `client_encoding`, ...).
    fn parameters(&self, report: &mut dyn FnMut(&str, &str));

    /// Calls `report(name, value)` for every reported parameter that changed since the last call. Asked before each
    /// ReadyForQuery, so it must cost next to nothing when nothing changed.
    fn parameter_changes(&mut self, report: &mut dyn FnMut(&str, &str));

    /// State for ReadyForQuery.
    fn transaction_status(&self) -> TxStatus;

    /// Text that positions of errors from `bind`, `execute` and `describe_*` refer to: the source of the statement touched last.
    fn source_text(&self) -> &str {
        ""
    }

    /// Runs a query string: any number of statements in one implicit transaction, each writing its RowDescription, rows and
    /// CommandComplete; EmptyQueryResponse for none. Messages written before an error stay; the implicit transaction commits
    /// before `Ok` is returned.
    fn simple_query(&mut self, sql: &str, out: &mut Out) -> impl Future<Output = Result<()>> + Send;

    /// Prepares a statement; the empty name is the unnamed one. Parameter types of 0 are to be inferred.
    fn parse(&mut self, name: &str, sql: &str, param_types: &[u32]) -> impl Future<Output = Result<()>> + Send;

    /// Binds parameters to a statement as a portal. The message's slices live only during the call.
    fn bind(&mut self, bind: &Bind<'_>) -> impl Future<Output = Result<()>> + Send;

    /// Writes ParameterDescription and RowDescription or NoData.
    fn describe_statement(&mut self, name: &str, out: &mut Out) -> impl Future<Output = Result<()>> + Send;

    /// Writes RowDescription or NoData.
    fn describe_portal(&mut self, name: &str, out: &mut Out) -> impl Future<Output = Result<()>> + Send;

    /// Runs a portal for at most `max_rows` rows (0: all), writing DataRows and, at its end, CommandComplete.
    fn execute(&mut self, portal: &str, max_rows: u32, out: &mut Out) -> impl Future<Output = Result<Executed>> + Send;

    /// Forgets a statement and the portals made from it; no error if there is none.
    fn close_statement(&mut self, name: &str) -> impl Future<Output = Result<()>> + Send;

    /// Forgets a portal; no error if there is none.
    fn close_portal(&mut self, name: &str) -> impl Future<Output = Result<()>> + Send;

    /// Sync: commits the implicit transaction. After an error it was already rolled back by `failed`.
    fn sync(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Called after every error reported to the client, whoever raised it: rolls back the implicit transaction or marks the
    /// block failed. Must not fail; calling it twice changes nothing.
    fn failed(&mut self, error: &SqlError) -> impl Future<Output = ()> + Send;

    /// Writes pending NotificationResponse messages; asked outside transactions before ReadyForQuery and whenever
    /// [`Interrupt::wake`] was called while idle.
    fn notifications(&mut self, _out: &mut Out) {}

    /// How long the session may now wait for its client, if that is limited.
    fn idle_limit(&self) -> Option<IdleLimit> {
        None
    }

    /// The client is gone or asked to end: rolls back, drops temporary objects. `Drop` alone must do for a lost task.
    fn close(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}
