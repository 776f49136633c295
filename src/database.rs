//! The database a server runs on: opened by configuration, closed in order.

use crate::config::{Compression, Config, Provider, Rocks, StartError};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::memory::MemoryStore;
use crate::kv::rocks::{self, RocksOptions};
use crate::kv::{self, Store};
use crate::server::DataDir;
use crate::server::backend::{Backend, ConnectInfo, Engine, Executed, RoleAuth, TxStatus};
use crate::server::start::Database;
use crate::wire::{Bind, Out};
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

/// A server without SQL: lets everybody in and answers 57P03.
pub struct Bare(Arc<dyn Store>);

impl Database for Bare {
    type Engine = Bare;

    async fn open(config: &Config, dir: Option<&DataDir>) -> Result<Arc<Bare>, StartError> {
        Ok(Arc::new(Bare(open_store(config, dir)?)))
    }

    async fn close(engine: Arc<Bare>) -> Result<(), StartError> {
        engine.0.close().map_err(store_failed("cannot close"))
    }

    async fn check(config: &Config, dir: &DataDir) -> Result<(), StartError> {
        let store = open_store(config, Some(dir))?;
        store.verify().map_err(store_failed("the check found damage in"))?;
        store.close().map_err(store_failed("cannot close"))
    }
}

impl Engine for Bare {
    type Backend = NoSession;

    async fn role_auth(&self, _user: &str) -> Result<RoleAuth> {
        Ok(RoleAuth::NoPassword)
    }

    async fn connect(&self, _info: ConnectInfo) -> Result<NoSession> {
        Err(err!(SqlState::CANNOT_CONNECT_NOW, "the database system is starting up"))
    }
}

/// There is none.
pub enum NoSession {}

impl Backend for NoSession {
    fn parameters(&self, _report: &mut dyn FnMut(&str, &str)) {
        match *self {}
    }
    fn parameter_changes(&mut self, _report: &mut dyn FnMut(&str, &str)) {
        match *self {}
    }
    fn transaction_status(&self) -> TxStatus {
        match *self {}
    }
    async fn simple_query(&mut self, _sql: &str, _out: &mut Out) -> Result<()> {
        match *self {}
    }
    async fn parse(&mut self, _name: &str, _sql: &str, _param_types: &[u32]) -> Result<()> {
        match *self {}
    }
    async fn bind(&mut self, _bind: &Bind<'_>) -> Result<()> {
        match *self {}
    }
    async fn describe_statement(&mut self, _name: &str, _out: &mut Out) -> Result<()> {
        match *self {}
    }
    async fn describe_portal(&mut self, _name: &str, _out: &mut Out) -> Result<()> {
        match *self {}
    }
    async fn execute(&mut self, _portal: &str, _max_rows: u32, _out: &mut Out) -> Result<Executed> {
        match *self {}
    }
    async fn close_statement(&mut self, _name: &str) -> Result<()> {
        match *self {}
    }
    async fn close_portal(&mut self, _name: &str) -> Result<()> {
        match *self {}
    }
    async fn sync(&mut self) -> Result<()> {
        match *self {}
    }
    async fn failed(&mut self, _error: &SqlError) {
        match *self {}
    }
}
