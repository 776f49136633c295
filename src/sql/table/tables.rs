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
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

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
    activity: RwLock<HashMap<StorageId, Arc<Activity>>>,
}

/// How many rows of one storage were written since the server started. Counted when they are written: what a rollback takes back
/// is not taken off, so these are estimates, for the planner and for deciding when to analyze a table again.
#[derive(Debug)]
pub struct Activity {
    inserted: AtomicU64,
    updated: AtomicU64,
    deleted: AtomicU64,
    /// Rows there were before the first of them; `UNKNOWN` until somebody asks.
    base: AtomicI64,
    /// Changes when the table was analyzed last.
    analyzed: AtomicU64,
}

const UNKNOWN: i64 = i64::MIN;

impl Default for Activity {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self { inserted: zero(), updated: zero(), deleted: zero(), base: AtomicI64::new(UNKNOWN), analyzed: zero() }
    }
}

impl Activity {
    /// Rows were inserted.
    #[inline]
    pub fn inserted(&self, rows: u64) {
        self.inserted.fetch_add(rows, Relaxed);
    }

    /// Rows were updated.
    #[inline]
    pub fn updated(&self, rows: u64) {
        self.updated.fetch_add(rows, Relaxed);
    }

    /// Rows were deleted.
    #[inline]
    pub fn deleted(&self, rows: u64) {
        self.deleted.fetch_add(rows, Relaxed);
    }

    fn net(&self) -> i64 {
        self.inserted.load(Relaxed) as i64 - self.deleted.load(Relaxed) as i64
    }

    /// About how many rows there are. `before` says how many there were when the server started or, if it cannot tell, how many
    /// there are now; it is asked once.
    pub fn rows(&self, before: impl FnOnce() -> Rows) -> f64 {
        let net = self.net();
        let mut base = self.base.load(Relaxed);
        if base == UNKNOWN {
            base = match before() {
                Rows::AtStart(rows) => rows as i64,
                Rows::Now(rows) => (rows as i64 - net).max(0),
            };
            self.base.store(base, Relaxed);
        }
        (base + net).max(0) as f64
    }

    /// All changes since the server started.
    pub fn total(&self) -> u64 {
        self.inserted.load(Relaxed) + self.updated.load(Relaxed) + self.deleted.load(Relaxed)
    }

    /// Changes since the last ANALYZE.
    pub fn changes(&self) -> u64 {
        self.total().saturating_sub(self.analyzed.load(Relaxed))
    }

    /// The table was analyzed: its rows, and `total()` from before it was read.
    pub fn analyzed(&self, rows: f64, total: u64) {
        self.base.store(rows as i64 - self.net(), Relaxed);
        self.analyzed.store(total, Relaxed);
    }
}

/// A number of rows and what moment it is of.
#[derive(Clone, Copy, Debug)]
pub enum Rows {
    /// When the server started.
    AtStart(f64),
    /// Now.
    Now(f64),
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
        let def = Arc::new(TableDef { activity: self.activity(relation.storage), ..TableDef::new(relation, io)? });
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
        Ok(self.next_row_numbers(txn, storage, 1)?.start)
    }

    /// As many new row numbers.
    pub fn next_row_numbers(&self, txn: &Txn, storage: StorageId, count: u64) -> Result<Range<u64>> {
        let take = |counter: &AtomicU64| {
            let first = counter.fetch_add(count, Relaxed);
            first..first + count
        };
        if let Some(counter) = self.row_numbers.read().get(&storage) {
            return Ok(take(counter));
        }
        let mut counters = self.row_numbers.write();
        if let Some(counter) = counters.get(&storage) {
            return Ok(take(counter));
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
        counters.insert(storage, Arc::new(AtomicU64::new(last + 1 + count)));
        Ok(last + 1..last + 1 + count)
    }

    /// What happened to a storage.
    pub fn activity(&self, storage: StorageId) -> Arc<Activity> {
        if let Some(activity) = self.activity.read().get(&storage) {
            return Arc::clone(activity);
        }
        Arc::clone(self.activity.write().entry(storage).or_default())
    }

    /// What happened to a storage, if anything did.
    pub fn known_activity(&self, storage: StorageId) -> Option<Arc<Activity>> {
        self.activity.read().get(&storage).cloned()
    }

    /// Forgets a dropped or replaced storage.
    pub fn forget_storage(&self, storage: StorageId) {
        self.row_numbers.write().remove(&storage);
        self.activity.write().remove(&storage);
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
