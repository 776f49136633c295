//! The database a server runs on: opened by configuration, closed in order.

use crate::config::{Compression, Config, Provider, Rocks, StartError};
use crate::error::Result;
use crate::kv::memory::MemoryStore;
use crate::kv::rocks::{self, RocksOptions};
use crate::kv::{self, Store};
use crate::server::DataDir;
use crate::server::backend::{ConnectInfo, Engine, RoleAuth};
use crate::server::start::Database;
use crate::sql::session::{OrbitEngine, Server, Session};
use crate::txn::{self, Transactions};
use std::path::Path;
use std::sync::Arc;

/// Opens the store the configuration names; `dir` is the locked data folder, needed by all but the one in memory.
pub fn open_store(config: &Config, dir: Option<&DataDir>) -> Result<Arc<dyn Store>, StartError> {
    match (config.persistence.provider, dir) {
        (Provider::Memory, _) => Ok(MemoryStore::new()),
        (Provider::RocksDb, Some(dir)) => {
            let options = rocks_options(&config.rocksdb);
            options.validate().map_err(|e| StartError::new(format!("persistence.rocksdb.{e}")))?;
            let path = dir.store();
            let store = rocks::open(&path, &options);
            store
                .map(|s| s as Arc<dyn Store>)
                .map_err(|e| StartError::new(format!("cannot open the store {}: {e}", path.display())))
        }
        (Provider::RocksDb, None) => Err(StartError::new("persistence.provider = \"rocksdb\" needs a data folder")),
    }
}

fn rocks_options(c: &Rocks) -> RocksOptions {
    RocksOptions {
        enable_wal: c.enable_wal,
        write_buffer_size: c.write_buffer_size.get(),
        max_write_buffer_number: c.max_write_buffer_number,
        min_write_buffer_number_to_merge: c.min_write_buffer_number_to_merge,
        level0_file_num_compaction_trigger: c.level0_file_num_compaction_trigger,
        target_file_size_base: c.target_file_size_base.0,
        max_background_jobs: c.max_background_jobs,
        block_cache_size: c.block_cache_size.get(),
        enable_statistics: c.enable_statistics,
        compression_type: match c.compression_type {
            Compression::None => rocks::Compression::None,
            Compression::Lz4 => rocks::Compression::Lz4,
        },
        cache_index_and_filter_blocks: c.cache_index_and_filter_blocks,
        pin_l0_filter_and_index_blocks: c.pin_l0_filter_and_index_blocks,
        bloom_filter_bits_per_key: c.bloom_filter_bits_per_key,
        enable_pipelined_write: c.enable_pipelined_write,
        allow_concurrent_memtable_write: c.allow_concurrent_memtable_write,
        block_size: c.block_size.get(),
    }
}

fn store_failed(what: &str) -> impl FnOnce(kv::Error) -> StartError {
    move |e| StartError::new(format!("{what} the store: {e}"))
}

/// The whole database: store, transactions, catalogs, sessions.
pub struct Orbit {
    engine: OrbitEngine,
    store: Arc<dyn Store>,
}

impl Orbit {
    /// Opens it on a store. `spill` is where large transactions keep what memory does not hold.
    fn on(config: &Config, store: Arc<dyn Store>, spill: &Path) -> Result<Self> {
        let options = txn::Options { spill_folder: spill.to_owned(), ..txn::Options::default() };
        let txns = Transactions::open(Arc::clone(&store), options)?;
        let server = Server::open(Arc::clone(&store), txns, session_defaults(config))?;
        crate::sql::session::analyze::start(&server);
        Ok(Self { engine: OrbitEngine(server), store })
    }
}

/// Settings every session starts with.
fn session_defaults(config: &Config) -> Vec<(String, String)> {
    let s = &config.server;
    vec![
        ("statement_timeout".into(), s.statement_timeout.0.as_millis().to_string()),
        ("work_mem".into(), (s.work_mem.get() / 1024).to_string()),
        ("max_connections".into(), s.max_connections.to_string()),
        ("port".into(), config.protocols.postgres_port.to_string()),
        ("listen_addresses".into(), config.protocols.postgres_bind_address.clone()),
        ("unix_socket_directories".into(), config.protocols.unix_socket_directory.display().to_string()),
    ]
}

impl Database for Orbit {
    type Engine = Orbit;

    async fn open(config: &Config, dir: Option<&DataDir>) -> Result<Arc<Orbit>, StartError> {
        let store = open_store(config, dir)?;
        let spill = dir.map_or_else(std::env::temp_dir, |d| d.store());
        let opened = Orbit::on(config, store, &spill);
        opened.map(Arc::new).map_err(|e| StartError::new(format!("cannot open the database: {e}")))
    }

    async fn close(engine: Arc<Orbit>) -> Result<(), StartError> {
        engine.engine.0.txns.shutdown();
        engine.store.flush().map_err(store_failed("cannot flush"))?;
        engine.store.close().map_err(store_failed("cannot close"))
    }

    async fn check(config: &Config, dir: &DataDir) -> Result<(), StartError> {
        let store = open_store(config, Some(dir))?;
        store.verify().map_err(store_failed("the check found damage in"))?;
        let orbit = Orbit::on(config, Arc::clone(&store), &dir.store());
        let orbit = orbit.map_err(|e| StartError::new(format!("cannot open the database: {e}")))?;
        let report = crate::sql::session::check::check_all(&orbit.engine.0);
        let report = report.map_err(|e| StartError::new(format!("the check could not go on: {e}")))?;
        println!("{report}");
        orbit.engine.0.txns.shutdown();
        store.close().map_err(store_failed("cannot close"))?;
        match report.faults.len() {
            0 => Ok(()),
            n => Err(StartError::new(format!("the check found {n} fault(s)"))),
        }
    }
}

impl Engine for Orbit {
    type Backend = Session;

    async fn role_auth(&self, user: &str) -> Result<RoleAuth> {
        self.engine.role_auth(user).await
    }

    async fn connect(&self, info: ConnectInfo) -> Result<Session> {
        self.engine.connect(info).await
    }
}
