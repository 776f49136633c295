//! Live counters: commits and rollbacks by database.

use crate::sql::types::Oid;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Counters of one database.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatabaseCounters {
    /// Transactions committed.
    pub commits: u64,
    /// Transactions rolled back.
    pub rollbacks: u64,
}

/// The server's live statistics.
#[derive(Default)]
pub struct Stats {
    databases: Mutex<HashMap<Oid, DatabaseCounters>>,
}

impl Stats {
    /// A transaction committed.
    pub fn commit(&self, database: Oid) {
        self.databases.lock().entry(database).or_default().commits += 1;
    }

    /// A transaction rolled back.
    pub fn rollback(&self, database: Oid) {
        self.databases.lock().entry(database).or_default().rollbacks += 1;
    }

    /// A database's counters.
    pub fn database(&self, database: Oid) -> DatabaseCounters {
        self.databases.lock().get(&database).copied().unwrap_or_default()
    }
}

/// A row of pg_lock_status().
pub fn lock_row(lock: &crate::txn::lock::LockInfo) -> Vec<crate::sql::types::Datum> {
    use crate::sql::types::Datum;
    let mut row = vec![Datum::Null; 16];
    row[0] = Datum::text(lock.tag.type_name());
    row[10] = Datum::text(format!("{}/1", lock.pid));
    row[11] = Datum::Int4(lock.pid);
    row[12] = Datum::text(lock.mode);
    row[13] = Datum::Bool(lock.granted);
    row[14] = Datum::Bool(false);
    match lock.tag.kind {
        crate::txn::TagKind::Relation => row[2] = Datum::Oid(Oid(lock.tag.table)),
        crate::txn::TagKind::Object => {
            row[7] = Datum::Oid(Oid(lock.tag.table));
            row[8] = Datum::Oid(Oid(lock.tag.key as u32));
        }
        crate::txn::TagKind::Advisory | crate::txn::TagKind::AdvisoryPair => {
            row[1] = Datum::Oid(Oid(lock.tag.table));
            row[7] = Datum::Oid(Oid((lock.tag.key >> 32) as u32));
            row[8] = Datum::Oid(Oid(lock.tag.key as u32));
            row[9] = Datum::Int2(if lock.tag.kind == crate::txn::TagKind::Advisory { 1 } else { 2 });
        }
        crate::txn::TagKind::Row | crate::txn::TagKind::AllRows => {}
    }
    row
}
