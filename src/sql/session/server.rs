//! The database server: the store, its transactions and catalogs, and the sessions on them.

use super::Session;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::Store;
use crate::sql::catalog::objects::{Database, Role};
use crate::sql::catalog::{BOOTSTRAP_ROLE, CatalogStore, Change};
use crate::sql::types::Oid;
use crate::txn::Transactions;
use crate::wire::{ConnectInfo, Engine, Interrupt, RoleAuth};
use parking_lot::Mutex;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A connected session as other sessions see it (pg_stat_activity, pg_cancel_backend, DROP DATABASE).
pub struct SessionEntry {
    /// `pg_backend_pid()`
    pub pid: i32,
    /// Its database.
    pub database: Oid,
    /// Its user.
    pub user: SmolStr,
    /// Its interrupts.
    pub interrupt: Arc<Interrupt>,
    /// What it does.
    pub activity: Mutex<Activity>,
    /// When it connected, timestamptz microseconds.
    pub started: i64,
}

/// What a session does, for pg_stat_activity.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// application_name
    pub application: String,
    /// The statement running or run last.
    pub query: Arc<str>,
    /// `active`, `idle`, `idle in transaction`, `idle in transaction (aborted)`.
    pub state: &'static str,
    /// When the statement started.
    pub query_start: i64,
    /// When the transaction started.
    pub xact_start: Option<i64>,
    /// When the state changed.
    pub state_change: i64,
}

/// One server on one store.
pub struct Server {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its transactions.
    pub txns: Arc<Transactions>,
    /// Its catalogs.
    pub catalogs: CatalogStore,
    /// Connected sessions by pid.
    pub sessions: Mutex<BTreeMap<i32, Arc<SessionEntry>>>,
    /// Start of the server, timestamptz microseconds.
    pub started: i64,
    /// Settings the configuration gives every session: name, value.
    pub defaults: Vec<(String, String)>,
    /// Layouts of stored tables.
    pub tables: Arc<crate::sql::table::Tables>,
    /// Live statistics.
    pub stats: super::stats::Stats,
}

/// The role and database every new data folder has.
pub const FIRST_ROLE: &str = "orbit";
/// The database clients connect to by default.
pub const FIRST_DATABASE: &str = "actors";

impl Server {
    /// Opens the server on a store, making roles and databases on an empty one.
    pub fn open(store: Arc<dyn Store>, txns: Arc<Transactions>, defaults: Vec<(String, String)>) -> Result<Arc<Self>> {
        let catalogs = CatalogStore::open(Arc::clone(&store))?;
        let server = Self {
            store,
            catalogs,
            sessions: Mutex::default(),
            started: now(),
            defaults,
            tables: txns.extension(),
            stats: super::stats::Stats::default(),
            txns,
        };
        if server.catalogs.shared().databases().next().is_none() {
            server.bootstrap()?;
        }
        server.remove_temporary_rows()?;
        Ok(Arc::new(server))
    }

    fn bootstrap(&self) -> Result<()> {
        let role = Role {
            oid: BOOTSTRAP_ROLE,
            name: FIRST_ROLE.into(),
            superuser: true,
            inherit: true,
            create_role: true,
            create_db: true,
            login: true,
            replication: true,
            bypass_rls: true,
            connection_limit: -1,
            password: None,
            valid_until: None,
            member_of: Vec::new(),
            settings: Vec::new(),
        };
        let database = |oid: Oid, name: &str, template: bool, connect: bool| {
            Change::Database(Arc::new(Database {
                oid,
                name: name.into(),
                owner: BOOTSTRAP_ROLE,
                is_template: template,
                allow_connections: connect,
                connection_limit: -1,
                acl: None,
                settings: Vec::new(),
                default_acls: Vec::new(),
            }))
        };
        let mut changes = vec![
            Change::Role(Arc::new(role)),
            database(Oid(1), "template1", true, true),
            database(Oid(4), "template0", true, false),
            database(Oid(5), "postgres", false, true),
        ];
        for (oid, name) in PREDEFINED_ROLES {
            changes.push(Change::Role(Arc::new(predefined(Oid(*oid), name))));
        }
        changes.push(database(self.catalogs.oids.allocate()?, FIRST_DATABASE, false, true));
        let mut batch = crate::kv::WriteBatch::default();
        for change in &changes {
            let (key, value) = change.persist(Oid::INVALID)?;
            batch.put(crate::kv::Keyspace::Tables, key, value.unwrap_or_default());
        }
        self.store.commit(batch, crate::kv::Durability::Sync).map_err(SqlError::from)?;
        self.catalogs.publish(Oid::INVALID, &changes)
    }

    /// Temporary tables' rows left by a crash: their storage ids have the top bit set.
    fn remove_temporary_rows(&self) -> Result<()> {
        let range = crate::kv::KeyRange { start: TEMPORARY_STORAGE.to_be_bytes().to_vec(), end: Vec::new() };
        if self.store.approximate_size(crate::kv::Keyspace::Data, &range).unwrap_or(1) == 0 {
            return Ok(());
        }
        let mut batch = crate::kv::WriteBatch::default();
        batch.delete_range(crate::kv::Keyspace::Data, range);
        self.store.commit(batch, crate::kv::Durability::Sync).map_err(SqlError::from)
    }

    /// Registers a session. Errors: none; the listener has counted connections already.
    pub fn enter(&self, entry: Arc<SessionEntry>) {
        self.sessions.lock().insert(entry.pid, entry);
    }

    /// A session ended.
    pub fn leave(&self, pid: i32) {
        self.sessions.lock().remove(&pid);
    }
}

/// Storage ids from here on belong to temporary tables.
pub const TEMPORARY_STORAGE: u32 = 0x8000_0000;

const PREDEFINED_ROLES: &[(u32, &str)] = &[
    (6171, "pg_database_owner"),
    (6181, "pg_read_all_data"),
    (6182, "pg_write_all_data"),
    (3373, "pg_monitor"),
    (3374, "pg_read_all_settings"),
    (3375, "pg_read_all_stats"),
    (3377, "pg_stat_scan_tables"),
    (4569, "pg_read_server_files"),
    (4570, "pg_write_server_files"),
    (4571, "pg_execute_server_program"),
    (4200, "pg_signal_backend"),
    (4544, "pg_checkpoint"),
];

fn predefined(oid: Oid, name: &str) -> Role {
    let member_of = if name == "pg_monitor" {
        [3374, 3375, 3377].iter().map(|&r| (Oid(r), false, BOOTSTRAP_ROLE)).collect()
    } else {
        Vec::new()
    };
    Role {
        oid,
        name: name.into(),
        superuser: false,
        inherit: true,
        create_role: false,
        create_db: false,
        login: false,
        replication: false,
        bypass_rls: false,
        connection_limit: -1,
        password: None,
        valid_until: None,
        member_of,
        settings: Vec::new(),
    }
}

/// Microseconds since 2000-01-01 00:00 UTC.
pub fn now() -> i64 {
    const UNIX_TO_2000: i64 = 946_684_800_000_000;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| d.as_micros() as i64) - UNIX_TO_2000
}

/// The server as the listener sees it.
#[derive(Clone)]
pub struct OrbitEngine(pub Arc<Server>);

impl Engine for OrbitEngine {
    type Backend = Session;

    async fn role_auth(&self, user: &str) -> Result<RoleAuth> {
        let shared = self.0.catalogs.shared();
        Ok(match shared.role_named(user) {
            None => RoleAuth::Unknown,
            Some(r) if !r.login => RoleAuth::NoLogin,
            Some(r) => match &r.password {
                Some(verifier) if r.valid_until.is_none_or(|t| t > now()) => RoleAuth::Scram(verifier.clone()),
                Some(_) => return Err(err!(SqlState::INVALID_PASSWORD, "password authentication failed for user \"{user}\"")),
                None => RoleAuth::NoPassword,
            },
        })
    }

    async fn connect(&self, info: ConnectInfo) -> Result<Session> {
        Session::connect(Arc::clone(&self.0), info)
    }
}
