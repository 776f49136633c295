//! One client's session: from statements to answers.
//!
//! | part | what |
//! |---|---|
//! | `server` | the server all sessions share; what the listener talks to |
//! | `core` | what functions and operators may reach of a session while a statement runs |
//! | `view`, `lookup`, `ddl_state` | the catalog as a statement sees it |
//! | `transaction` | blocks, savepoints, COMMIT and ROLLBACK |
//! | `statement` | which statement goes where |
//! | `point` | statements about one row by key |
//! | `query`, `portal`, `prepared` | planning, running, row limits, extended protocol |
//! | `cursor`, `copy`, `explain`, `utility` | the statements of those names |
//! | `settings`, `io_state`, `encode` | SET and SHOW, what they mean for values, rows on the wire |
//!
//! The life of a statement: the whole string is parsed; each statement gets a transaction (implicit or the block's) and a view
//! of the catalog; queries are bound, planned (or found in the plan cache), locked and run, batch by batch, into the connection's
//! buffer; everything else goes to `sql::ddl` or the modules here.

pub mod analyze;
mod catalog_functions;
pub mod check;
mod copy;
pub mod core;
mod cursor;
mod cursor_rows;
mod ddl_state;
mod encode;
mod explain;
pub mod exprs;
mod io_state;
mod load;
mod lookup;
mod point;
pub mod portal;
mod prepared;
pub mod query;
mod routines;
mod sequence;
pub use sequence::params as sequence_params;
pub mod server;
pub mod settings;
pub mod sql_function;
mod statement;
pub mod stats;
pub mod storage;
mod transaction;
mod utility;
pub mod view;

pub use core::SessionCore;
pub use server::{OrbitEngine, Server};

use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use crate::sql::types::Oid;
use crate::wire::{Backend, Bind, ConnectInfo, Executed, IdleLimit, Out, TxStatus};
use futures_util::FutureExt;
use portal::Portal;
use prepared::Prepared;
use server::SessionEntry;
use settings::Settings;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use transaction::Block;
use view::SessionView;

/// Things of a session by name: looked up for every message, so with a quick hash.
type ByName<T> = hashbrown::HashMap<String, T, foldhash::fast::RandomState>;

/// One client's session.
pub struct Session {
    core: Arc<SessionCore>,
    block: Block,
    prepared: ByName<Arc<Prepared>>,
    portals: ByName<Portal>,
    /// Plans of simple-protocol statements by text.
    plans: query::PlanCache,
    /// Point statements of the simple protocol by shape.
    shapes: point::Shapes,
    /// Text that positions of errors refer to.
    source: Arc<str>,
    /// Settings generation whose reported parameters the client knows.
    reported: u64,
    reported_values: Vec<(&'static str, String)>,
    /// Settings generation at which the settings of the transaction modes showed the defaults.
    modes_shown_at: u64,
    /// The running transaction has read or written something.
    queried: bool,
    closed: bool,
}

impl Session {
    /// Opens a session for an authenticated user. Errors: 3D000, 42501, 53300, 22023.
    pub fn connect(server: Arc<Server>, info: ConnectInfo) -> Result<Self> {
        let shared = server.catalogs.shared();
        let role = shared
            .role_named(&info.user)
            .ok_or_else(|| fatal(err!(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "role \"{}\" does not exist", info.user)))?;
        let database = shared
            .database_named(&info.database)
            .ok_or_else(|| fatal(err!(SqlState::INVALID_CATALOG_NAME, "database \"{}\" does not exist", info.database)))?;
        if !database.allow_connections {
            let message = format!("database \"{}\" is not currently accepting connections", info.database);
            return Err(fatal(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)));
        }
        let mut settings = Settings::default();
        for (name, value) in &server.defaults {
            settings.set_by_server(name, value)?;
        }
        for (name, value) in database.settings.iter().chain(&role.settings) {
            settings.set_initial(name, value)?;
        }
        for (name, value) in &info.settings {
            settings.set_initial(name, value).map_err(fatal)?;
        }
        settings.force("session_authorization", &role.name);
        settings.force("is_superuser", if role.superuser { "on" } else { "off" });
        let published = server.catalogs.database(database.oid)?;
        let catalog = Arc::clone(&published.read());
        let path = SessionView::effective_path(&catalog, settings.get("search_path").unwrap_or(""), &role.name, None);
        let view = SessionView {
            catalog,
            shared: Arc::clone(&shared),
            database: (database.oid, database.name.clone()),
            user: role.oid,
            path,
            temp_schema: None,
        };
        let database_acl = database.acl.as_ref();
        let public = view::bits::CONNECT | view::bits::TEMP;
        if view.granted(role.oid, database.owner, database_acl, public) & view::bits::CONNECT == 0 {
            let e = view::denied("database", &database.name).detail("User does not have CONNECT privilege.");
            return Err(fatal(e));
        }
        let entry = Arc::new(SessionEntry {
            pid: info.pid,
            database: database.oid,
            user: role.name.clone(),
            interrupt: Arc::clone(&info.interrupt),
            activity: parking_lot::Mutex::new(server::Activity {
                application: settings.get("application_name").unwrap_or_default().to_owned(),
                ..server::Activity::default()
            }),
            started: server::now(),
        });
        server.enter(Arc::clone(&entry));
        let proc = server.txns.register(info.pid, database.oid.0, Arc::clone(&info.interrupt));
        let core = Arc::new(SessionCore::new(server, entry, proc, settings, view, role.oid, published));
        let mut session = Self {
            core,
            block: Block::None,
            prepared: ByName::default(),
            portals: ByName::default(),
            plans: query::PlanCache::default(),
            shapes: point::Shapes::default(),
            source: Arc::from(""),
            reported: 0,
            reported_values: Vec::new(),
            modes_shown_at: u64::MAX,
            queried: false,
            closed: false,
        };
        session.remember_reported();
        Ok(session)
    }

    fn reported_value(settings: &Settings, name: &str) -> String {
        settings.show(name).unwrap_or_default()
    }

    fn remember_reported(&mut self) {
        let settings = self.core.settings.lock();
        self.reported = settings.generation();
        self.reported_values = settings::REPORTED.iter().map(|n| (*n, Self::reported_value(&settings, n))).collect();
    }

    /// Sends queued notices.
    fn send_notices(&self, out: &mut Out) {
        let mut queued = self.core.notices.lock();
        for notice in queued.drain(..) {
            out.notice_at(&notice, &self.source);
        }
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.portals.clear();
        self.abort();
        self.drop_temporary_objects();
        self.core.server.txns.unregister(&self.core.proc);
        self.core.server.leave(self.core.entry.pid);
    }

    fn drop_temporary_objects(&mut self) {
        let temporary = std::mem::take(&mut self.core.ddl.lock().temporary);
        let mut batch = crate::kv::WriteBatch::default();
        for change in temporary {
            if let crate::sql::catalog::Change::Relation(r) = change
                && r.storage.0 >= server::TEMPORARY_STORAGE
            {
                batch.delete_range(crate::kv::Keyspace::Data, crate::kv::KeyRange::prefix(&r.storage.0.to_be_bytes()));
            }
        }
        if !batch.is_empty()
            && let Err(e) = self.core.server.store.commit(batch, crate::kv::Durability::Buffered)
        {
            tracing::warn!("temporary tables of session {} were not removed: {e}", self.core.entry.pid);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

/// A session without a client, in a transaction of its own: for checks at rest.
/// The transaction lasts as long as the session does.
pub fn maintenance(server: &Arc<Server>, database: &crate::sql::catalog::objects::Database) -> Result<Session> {
    let info = ConnectInfo {
        user: server::FIRST_ROLE.into(),
        database: database.name.to_string(),
        settings: Vec::new(),
        peer: crate::wire::Peer::Unix,
        pid: 0,
        interrupt: Arc::default(),
    };
    let mut session = Session::connect(Arc::clone(server), info)?;
    session.ensure_transaction();
    session.start_command()?;
    Ok(session)
}

/// Turns a panic, which is a mistake of ours, into XX000: the statement fails, the session lives.
async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(SqlError::internal(text.unwrap_or("the statement met an internal error")))
        }
    }
}

/// The same error, ending the connection.
fn fatal(e: SqlError) -> SqlError {
    e.severity(Severity::Fatal)
}

impl Backend for Session {
    fn parameters(&self, report: &mut dyn FnMut(&str, &str)) {
        for (name, value) in &self.reported_values {
            report(name, value);
        }
    }

    fn parameter_changes(&mut self, report: &mut dyn FnMut(&str, &str)) {
        if self.core.generation() == self.reported {
            return;
        }
        let settings = self.core.settings.lock();
        self.reported = settings.generation();
        for (name, known) in &mut self.reported_values {
            let value = Self::reported_value(&settings, name);
            if value != *known {
                report(name, &value);
                *known = value;
            }
        }
    }

    fn transaction_status(&self) -> TxStatus {
        match self.block {
            Block::None | Block::Implicit => TxStatus::Idle,
            Block::Explicit => TxStatus::InBlock,
            Block::Failed => TxStatus::Failed,
        }
    }

    fn source_text(&self) -> &str {
        &self.source
    }

    async fn simple_query(&mut self, sql: &str, out: &mut Out) -> Result<()> {
        caught(self.run_script(sql, out)).await
    }

    async fn parse(&mut self, name: &str, sql: &str, param_types: &[u32]) -> Result<()> {
        let types: Vec<Oid> = param_types.iter().map(|&t| Oid(t)).collect();
        caught(async { self.prepare_wire(name, sql, &types) }).await
    }

    async fn bind(&mut self, bind: &Bind<'_>) -> Result<()> {
        caught(async { self.bind_portal(bind) }).await
    }

    async fn describe_statement(&mut self, name: &str, out: &mut Out) -> Result<()> {
        self.describe_prepared(name, out)
    }

    async fn describe_portal(&mut self, name: &str, out: &mut Out) -> Result<()> {
        self.describe_bound(name, out)
    }

    async fn execute(&mut self, portal: &str, max_rows: u32, out: &mut Out) -> Result<Executed> {
        caught(self.execute_portal(portal, max_rows, out)).await
    }

    async fn close_statement(&mut self, name: &str) -> Result<()> {
        self.prepared.remove(name);
        self.list_prepared();
        Ok(())
    }

    async fn close_portal(&mut self, name: &str) -> Result<()> {
        self.portals.remove(name);
        self.list_cursors();
        Ok(())
    }

    async fn sync(&mut self) -> Result<()> {
        let result = if self.block == Block::Implicit { self.commit_transaction().await } else { Ok(()) };
        self.end_activity();
        result
    }

    async fn failed(&mut self, _error: &SqlError) {
        self.statement_failed();
    }

    fn idle_limit(&self) -> Option<IdleLimit> {
        let limits = self.core.io().limits;
        match self.block {
            Block::Explicit | Block::Failed => limits.idle_in_transaction.map(IdleLimit::InTransaction),
            Block::None | Block::Implicit => limits.idle_session.map(IdleLimit::Session),
        }
    }

    async fn close(&mut self) {
        self.end();
    }
}
