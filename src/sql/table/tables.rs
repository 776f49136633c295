//! What the server remembers about stored tables between statements: layouts, foreign keys by referenced table, row numbers.

use super::def::TableDef;
use super::key::PREFIX;
use crate::encoding::table_prefix;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{Block, Direction, FillLimit, KeyRange, Keyspace, ScanHints};
use crate::sql::catalog::Catalog;
use crate::sql::catalog::objects::{Constraint, ConstraintKind, ForeignKey, RelationRef, StorageId};
use crate::sql::types::Oid;
use crate::sql::types::io::IoContext;
use crate::txn::Txn;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Layouts kept at most before all are forgotten and made again.
const MAX_DEFS: usize = 4096;

/// A foreign key with both its tables as of one catalog version.
#[derive(Debug)]
pub struct ForeignKeyRef {
    /// The constraint.
    pub constraint: Constraint,
    /// Its definition.
    pub key: ForeignKey,
    /// Referencing table.
    pub child: RelationRef,
    /// Referenced table.
    pub parent: RelationRef,
}

/// Foreign keys by referenced table.
type Incoming = HashMap<Oid, Arc<[Arc<ForeignKeyRef>]>>;

/// Per-server state of stored tables.
#[derive(Default)]
pub struct Tables {
    defs: RwLock<HashMap<Oid, Arc<TableDef>>>,
    incoming: Mutex<Option<(u64, Arc<Incoming>)>>,
    row_numbers: RwLock<HashMap<StorageId, Arc<AtomicU64>>>,
}

/// What a statement needs to reach stored tables.
#[derive(Clone, Copy)]
pub struct TableCx<'a> {
    /// The transaction.
    pub txn: &'a Txn,
    /// Per-server state.
    pub tables: &'a Tables,
    /// The catalog as the statement sees it.
    pub catalog: &'a Catalog,
    /// For defaults of added columns, and error texts.
    pub io: &'a IoContext<'a>,
}

impl Tables {
    /// Nothing remembered.
    pub fn new() -> Self {
        Self::default()
    }

    /// The layout of a relation.
    pub fn def(&self, relation: &RelationRef, io: &IoContext<'_>) -> Result<Arc<TableDef>> {
        if let Some(def) = self.defs.read().get(&relation.oid)
            && Arc::ptr_eq(&def.relation, relation)
        {
            return Ok(Arc::clone(def));
        }
        let def = Arc::new(TableDef::new(relation, io)?);
        let mut defs = self.defs.write();
        if defs.len() >= MAX_DEFS {
            defs.clear();
        }
        defs.insert(relation.oid, Arc::clone(&def));
        Ok(def)
    }

    /// The foreign keys that refer to a table.
    pub fn incoming(&self, catalog: &Catalog, table: Oid) -> Arc<[Arc<ForeignKeyRef>]> {
        let mut cached = self.incoming.lock();
        let map = match &*cached {
            Some((version, map)) if *version == catalog.version => Arc::clone(map),
            _ => {
                let map = Arc::new(all_incoming(catalog));
                *cached = Some((catalog.version, Arc::clone(&map)));
                map
            }
        };
        map.get(&table).cloned().unwrap_or_else(|| Arc::new([]))
    }

    /// A new hidden row number for a table without a primary key; continues after the last row the first time.
    pub fn next_row_number(&self, txn: &Txn, storage: StorageId) -> Result<u64> {
        if let Some(counter) = self.row_numbers.read().get(&storage) {
            return Ok(counter.fetch_add(1, Relaxed));
        }
        let mut counters = self.row_numbers.write();
        if let Some(counter) = counters.get(&storage) {
            return Ok(counter.fetch_add(1, Relaxed));
        }
        let range = KeyRange::prefix(&table_prefix(storage.0, 0));
        let mut cursor = txn.latest_view().scan(Keyspace::Data, &range, Direction::Backward, ScanHints::default())?;
        let mut block = Block::default();
        cursor.fill(&mut block, FillLimit { entries: 1, bytes: 1 }).wait()?;
        let last = match block.iter().next() {
            None => 0,
            Some((key, _)) => key
                .get(PREFIX..)
                .and_then(|b| b.first_chunk::<8>())
                .map(|b| u64::from_be_bytes(*b))
                .ok_or_else(|| SqlError::new(SqlState::DATA_CORRUPTED, "stored data is damaged: row number"))?,
        };
        counters.insert(storage, Arc::new(AtomicU64::new(last + 2)));
        Ok(last + 1)
    }

    /// Forgets a dropped or replaced storage.
    pub fn forget_storage(&self, storage: StorageId) {
        self.row_numbers.write().remove(&storage);
    }
}

/// The foreign keys a relation declares.
pub fn outgoing(catalog: &Catalog, child: &RelationRef) -> Vec<Arc<ForeignKeyRef>> {
    let resolve = |constraint: &Constraint| {
        let ConstraintKind::ForeignKey(key) = &constraint.kind else { return None };
        let parent = if key.target == child.oid { child } else { catalog.relation(key.target)? };
        Some(Arc::new(ForeignKeyRef {
            constraint: constraint.clone(),
            key: key.clone(),
            child: Arc::clone(child),
            parent: Arc::clone(parent),
        }))
    };
    child.constraints.iter().filter_map(resolve).collect()
}

fn all_incoming(catalog: &Catalog) -> Incoming {
    let mut lists: HashMap<Oid, Vec<Arc<ForeignKeyRef>>> = HashMap::new();
    for relation in catalog.relations() {
        for fk in outgoing(catalog, relation) {
            lists.entry(fk.parent.oid).or_default().push(fk);
        }
    }
    lists
        .into_iter()
        .map(|(oid, mut list)| {
            list.sort_by_key(|fk| fk.constraint.oid);
            (oid, list.into())
        })
        .collect()
}
