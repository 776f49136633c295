//! The part of a session that functions, operators and other threads may reach while a statement runs.

use super::io_state::IoState;
use super::server::{Server, SessionEntry, now};
use super::settings::Settings;
use super::view::SessionView;
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use crate::sql::catalog::Catalog;
use crate::sql::expr::context::{CallSite, SessionServices};
use crate::sql::types::{Datum, Oid};
use crate::txn::{Proc, Txn};
use crate::wire::Interrupt;
use parking_lot::{Mutex, RwLock};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Shared state of one session.
pub struct SessionCore {
    /// The server.
    pub server: Arc<Server>,
    /// This session's entry in the list of sessions.
    pub entry: Arc<SessionEntry>,
    /// The session in the lock manager.
    pub proc: Arc<Proc>,
    /// Cancel and terminate requests.
    pub interrupt: Arc<Interrupt>,
    /// Settings.
    pub settings: Mutex<Settings>,
    /// Parsed I/O settings.
    pub io: RwLock<Arc<IoState>>,
    /// The running statement's view of the catalog.
    pub view: RwLock<Arc<SessionView>>,
    /// The transaction, while there is one.
    pub txn: RwLock<Option<Arc<Txn>>>,
    /// Grows with every change of the settings.
    generation: Arc<AtomicU64>,
    /// Settings generation `view` was made from.
    pub view_generation: AtomicU64,
    /// The database's catalog as committed.
    pub published: Arc<RwLock<Arc<Catalog>>>,
    /// Notices waiting to be sent.
    pub notices: Mutex<Vec<SqlError>>,
    /// Start of the transaction and of the statement, timestamptz microseconds.
    pub transaction_start: AtomicI64,
    /// Start of the statement.
    pub statement_start: AtomicI64,
    /// Savepoint depth: 0 outside a block, 1 in a block.
    pub depth: AtomicUsize,
    /// Session user and current user.
    pub users: RwLock<Users>,
    /// Values of currval by sequence, and the last one.
    pub sequences: Mutex<SequenceMemory>,
    random: Mutex<SmallRng>,
    /// Catalog changes of the running transaction.
    pub ddl: Mutex<super::ddl_state::DdlState>,
    /// Compiled expressions of tables.
    pub exprs: super::exprs::ExprCache,
    /// Prepared statements and cursors as pg_prepared_statements and pg_cursors show them.
    pub listing: Mutex<Listing>,
}

/// Who the session is.
#[derive(Clone, Debug)]
pub struct Users {
    /// Who logged in.
    pub authenticated: Oid,
    /// SESSION_USER
    pub session: Oid,
    /// CURRENT_USER
    pub current: Oid,
}

/// What currval and lastval remember.
#[derive(Debug, Default)]
pub struct SequenceMemory {
    /// By sequence.
    pub values: HashMap<Oid, i64>,
    /// The sequence nextval was called on last.
    pub last: Option<Oid>,
}

/// (name, statement, prepared at, parameter types, from SQL)
pub type ListedStatement = (String, Arc<str>, i64, Vec<Oid>, bool);

/// Names and texts of prepared statements and cursors.
#[derive(Debug, Default)]
pub struct Listing {
    /// Prepared statements.
    pub statements: Vec<ListedStatement>,
    /// Cursors.
    pub cursors: Vec<super::cursor::Listed>,
}

impl SessionCore {
    /// Shared state for a new session.
    pub fn new(
        server: Arc<Server>,
        entry: Arc<SessionEntry>,
        proc: Arc<Proc>,
        settings: Settings,
        view: SessionView,
        user: Oid,
        published: Arc<RwLock<Arc<Catalog>>>,
    ) -> Self {
        let start = now();
        Self {
            server,
            interrupt: Arc::clone(&entry.interrupt),
            entry,
            proc,
            io: RwLock::new(Arc::new(IoState::new(&settings))),
            generation: settings.generation_counter(),
            settings: Mutex::new(settings),
            published,
            view: RwLock::new(Arc::new(view)),
            view_generation: AtomicU64::new(0),
            txn: RwLock::new(None),
            notices: Mutex::default(),
            transaction_start: AtomicI64::new(start),
            statement_start: AtomicI64::new(start),
            depth: AtomicUsize::new(0),
            users: RwLock::new(Users { authenticated: user, session: user, current: user }),
            sequences: Mutex::default(),
            random: Mutex::new(SmallRng::from_os_rng()),
            ddl: Mutex::default(),
            exprs: Default::default(),
            listing: Mutex::default(),
        }
    }

    /// Generation of the settings: grows with every change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The statement's view of the catalog.
    pub fn view(&self) -> Arc<SessionView> {
        Arc::clone(&self.view.read())
    }

    /// Parsed I/O settings, current.
    pub fn io(&self) -> Arc<IoState> {
        let current = Arc::clone(&self.io.read());
        if current.is_current(self.generation()) {
            return current;
        }
        let settings = self.settings.lock();
        let fresh = Arc::new(IoState::new(&settings));
        *self.io.write() = Arc::clone(&fresh);
        fresh
    }

    /// The running transaction. Errors: XX000 outside one.
    pub fn txn(&self) -> Result<Arc<Txn>> {
        self.txn.read().clone().ok_or_else(|| SqlError::internal("no transaction is running"))
    }

    /// Queues a notice when client_min_messages lets it through.
    pub fn queue_notice(&self, notice: SqlError) {
        let level = notice.fields().severity;
        let least = match self.settings.lock().get("client_min_messages") {
            Some("error") => 4,
            Some("warning") => 3,
            Some("log") => 1,
            Some(d) if d.starts_with("debug") => 0,
            _ => 2,
        };
        let rank = match level {
            Severity::Warning => 3,
            Severity::Notice => 2,
            Severity::Log => 1,
            Severity::Debug => 0,
            _ => 5,
        };
        if rank >= least {
            self.notices.lock().push(notice);
        }
    }

    fn sequence_name(&self, sequence: Oid) -> String {
        self.view().catalog.relation(sequence).map_or_else(|| sequence.to_string(), |r| r.name.to_string())
    }
}

impl SessionServices for SessionCore {
    fn setting(&self, name: &str) -> Option<String> {
        self.settings.lock().show(name).ok()
    }

    fn set_setting(&self, name: &str, value: Option<&str>, local: bool) -> Result<String> {
        let depth = self.depth.load(Ordering::Relaxed).max(1);
        let mut settings = self.settings.lock();
        match value {
            Some(v) => settings.set(name, v, local, depth)?,
            None => settings.reset(name, depth)?,
        }
        settings.show(name)
    }

    fn nextval(&self, sequence: Oid) -> Result<i64> {
        let value = super::sequence::nextval(self, sequence)?;
        let mut memory = self.sequences.lock();
        memory.values.insert(sequence, value);
        memory.last = Some(sequence);
        Ok(value)
    }

    fn currval(&self, sequence: Oid) -> Result<i64> {
        super::sequence::check_usage(self, sequence)?;
        self.sequences.lock().values.get(&sequence).copied().ok_or_else(|| {
            let name = self.sequence_name(sequence);
            err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "currval of sequence \"{name}\" is not yet defined in this session")
        })
    }

    fn lastval(&self) -> Result<i64> {
        let memory = self.sequences.lock();
        memory
            .last
            .and_then(|s| memory.values.get(&s).copied())
            .ok_or_else(|| err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "lastval is not yet defined in this session"))
    }

    fn setval(&self, sequence: Oid, value: i64, called: bool) -> Result<i64> {
        super::sequence::setval(self, sequence, value, called)?;
        if called {
            self.sequences.lock().values.insert(sequence, value);
        }
        Ok(value)
    }

    fn statement_timestamp(&self) -> i64 {
        self.statement_start.load(Ordering::Relaxed)
    }

    fn current_user(&self) -> (String, Oid) {
        let oid = self.users.read().current;
        (self.view().role_name(oid).to_string(), oid)
    }

    fn session_user(&self) -> (String, Oid) {
        let oid = self.users.read().session;
        (self.view().role_name(oid).to_string(), oid)
    }

    fn database(&self) -> (String, Oid) {
        let view = self.view();
        (view.database.1.to_string(), view.database.0)
    }

    fn search_path(&self, implicit: bool) -> Vec<String> {
        let view = self.view();
        let explicit: Vec<String> = match self.settings.lock().get("search_path") {
            Some(path) => super::view::split_identifiers(path),
            None => Vec::new(),
        };
        let (user, _) = self.current_user();
        view.path
            .iter()
            .filter_map(|oid| view.catalog.schema(*oid).map(|s| s.name.to_string()))
            .filter(|name| implicit || explicit.iter().any(|e| e == name || (e == "$user" && *name == user)))
            .collect()
    }

    fn backend_pid(&self) -> i32 {
        self.entry.pid
    }

    fn random(&self) -> f64 {
        self.random.lock().random::<f64>()
    }

    fn set_seed(&self, seed: f64) {
        *self.random.lock() = SmallRng::seed_from_u64(seed.to_bits());
    }

    fn catalog_call(&self, symbol: &'static str, args: &[Datum], site: &CallSite) -> Result<Datum> {
        super::catalog_functions::call(self, symbol, args, site)
    }

    fn catalog_rows(&self, symbol: &'static str, args: &[Datum], site: &CallSite) -> Result<Vec<Vec<Datum>>> {
        super::catalog_functions::rows(self, symbol, args, site)
    }

    fn notice(&self, notice: SqlError) {
        self.queue_notice(notice);
    }

    fn check_interrupts(&self) -> Result<()> {
        self.interrupt.check()
    }

    fn sleep(&self, seconds: f64) -> Result<()> {
        let wanted = Duration::try_from_secs_f64(seconds.clamp(0.0, 1e9)).unwrap_or_default();
        crate::txn::blocking::block_on(async {
            tokio::select! {
                () = tokio::time::sleep(wanted) => Ok(()),
                stop = self.interrupt.raised() => Err(stop),
            }
        })
    }
}
