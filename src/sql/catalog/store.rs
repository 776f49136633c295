//! The current catalogs of the server: loaded at start, published after commits, OIDs handed out.

use super::change::{Change, database_prefix};
use super::snapshot::{Catalog, SharedCatalog};
use crate::error::{Result, SqlError};
use crate::kv::{Block, Direction, FillLimit, KeyRange, Keyspace, ScanHints, Store};
use crate::sql::types::Oid;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The server's catalogs: one per database, loaded when first used, and the shared one.
pub struct CatalogStore {
    store: Arc<dyn Store>,
    shared: RwLock<Arc<SharedCatalog>>,
    databases: RwLock<HashMap<Oid, Arc<RwLock<Arc<Catalog>>>>>,
    versions: AtomicU64,
    /// OID allocation.
    pub oids: OidAllocator,
}

impl CatalogStore {
    /// Loads the shared catalog and the OID counter.
    pub fn open(store: Arc<dyn Store>) -> Result<Self> {
        let mut shared = SharedCatalog::default();
        for change in load(&*store, Oid::INVALID)? {
            shared.apply(&change);
        }
        let oids = OidAllocator::open(Arc::clone(&store))?;
        Ok(Self { store, shared: RwLock::new(Arc::new(shared)), databases: RwLock::default(), versions: AtomicU64::new(1), oids })
    }

    /// Roles and databases now.
    pub fn shared(&self) -> Arc<SharedCatalog> {
        Arc::clone(&self.shared.read())
    }

    /// The catalog of a database now.
    pub fn database(&self, oid: Oid) -> Result<Arc<RwLock<Arc<Catalog>>>> {
        if let Some(found) = self.databases.read().get(&oid) {
            return Ok(Arc::clone(found));
        }
        let mut databases = self.databases.write();
        if let Some(found) = databases.get(&oid) {
            return Ok(Arc::clone(found));
        }
        let mut catalog = Catalog::bootstrap();
        for change in load(&*self.store, oid)? {
            catalog.apply(&change);
        }
        catalog.version = self.versions.fetch_add(1, Ordering::Relaxed);
        let slot = Arc::new(RwLock::new(Arc::new(catalog)));
        databases.insert(oid, Arc::clone(&slot));
        Ok(slot)
    }

    /// The catalogs of the databases in use.
    pub fn loaded(&self) -> Vec<(Oid, Arc<Catalog>)> {
        self.databases.read().iter().map(|(oid, slot)| (*oid, Arc::clone(&slot.read()))).collect()
    }

    /// Makes committed changes visible to every session. Call after the commit is durable, before its locks are released.
    pub fn publish(&self, database: Oid, changes: &[Change]) -> Result<()> {
        if changes.iter().any(Change::is_shared) {
            let mut current = self.shared.write();
            let mut next = SharedCatalog::clone(&current);
            changes.iter().for_each(|c| next.apply(c));
            next.version = self.versions.fetch_add(1, Ordering::Relaxed);
            *current = Arc::new(next);
        }
        if changes.iter().any(|c| !c.is_shared()) {
            let slot = self.database(database)?;
            let mut current = slot.write();
            let mut next = Catalog::clone(&current);
            changes.iter().for_each(|c| next.apply(c));
            next.version = self.versions.fetch_add(1, Ordering::Relaxed);
            *current = Arc::new(next);
        }
        for change in changes {
            if let Change::DropDatabase(oid) = change {
                self.databases.write().remove(oid);
            }
        }
        Ok(())
    }

    /// A fresh version number for a catalog private to a transaction.
    pub fn private_version(&self) -> u64 {
        self.versions.fetch_add(1, Ordering::Relaxed)
    }
}

/// Every persisted object of a database (INVALID: the shared ones) as changes to an empty catalog.
pub fn load(store: &dyn Store, database: Oid) -> Result<Vec<Change>> {
    let range = KeyRange::prefix(&database_prefix(database));
    let mut cursor =
        store.snapshot().scan(Keyspace::Tables, &range, Direction::Forward, ScanHints::default()).map_err(SqlError::from)?;
    let mut block = Block::default();
    let mut changes = Vec::new();
    loop {
        cursor.fill(&mut block, FillLimit { entries: 1024, bytes: 1 << 20 }).wait().map_err(SqlError::from)?;
        if block.is_empty() {
            return Ok(changes);
        }
        for (key, value) in block.iter() {
            changes.push(Change::load(key, value)?);
        }
    }
}

/// Hands out OIDs and storage ids; never the same twice, also after a crash: a block is logged before its first number is used.
pub struct OidAllocator {
    store: Arc<dyn Store>,
    next: AtomicU32,
    logged: Mutex<u32>,
}

const COUNTER_KEY: &[u8] = b"oid_counter";
const BLOCK: u32 = 8192;

impl OidAllocator {
    fn open(store: Arc<dyn Store>) -> Result<Self> {
        let mut value = Vec::new();
        let found = store.get(Keyspace::Metadata, COUNTER_KEY, &mut value).wait().map_err(SqlError::from)?;
        let start = match <[u8; 4]>::try_from(value.as_slice()) {
            Ok(bytes) if found => u32::from_be_bytes(bytes),
            _ => Oid::FIRST_NORMAL.0,
        };
        Ok(Self { store, next: AtomicU32::new(start), logged: Mutex::new(start) })
    }

    /// The next free OID.
    pub fn allocate(&self) -> Result<Oid> {
        let oid = self.next.fetch_add(1, Ordering::Relaxed);
        let mut logged = self.logged.lock();
        if oid >= *logged {
            let limit = oid.checked_add(BLOCK).ok_or_else(|| SqlError::internal("object identifiers are used up"))?;
            let mut batch = crate::kv::WriteBatch::default();
            batch.put(Keyspace::Metadata, COUNTER_KEY.to_vec(), limit.to_be_bytes().to_vec());
            self.store.commit(batch, crate::kv::Durability::Sync).map_err(SqlError::from)?;
            *logged = limit;
        }
        Ok(Oid(oid))
    }
}
