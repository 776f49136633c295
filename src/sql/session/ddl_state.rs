//! A transaction's catalog changes, and what else happens when it commits.

use crate::sql::catalog::{Catalog, Change, SharedCatalog};
use crate::sql::types::Oid;
use std::sync::Arc;

/// Changes made by the running transaction, in order.
#[derive(Default)]
pub struct DdlState {
    /// The changes; truncated by ROLLBACK TO SAVEPOINT.
    pub changes: Vec<Entry>,
    /// Objects of the session's temporary schema that outlive the transaction.
    pub temporary: Vec<Change>,
    /// The catalogs with the changes applied, and the versions of the published ones they are based on.
    pub cached: Option<Cached>,
    /// The session's temporary schema.
    pub temp_schema: Option<Oid>,
    /// The schema whose CREATE SCHEMA is running: first in the search path.
    pub creating: Option<Oid>,
}

/// One change and whether it is temporary (never persisted).
#[derive(Clone)]
pub struct Entry {
    /// The change.
    pub change: Change,
    /// Belongs to the session's temporary schema.
    pub temporary: bool,
}

/// Catalogs as this transaction sees them.
#[derive(Clone)]
pub struct Cached {
    /// Published versions they are based on: database's, shared.
    pub base: (u64, u64),
    /// How many changes are applied.
    pub applied: usize,
    /// The database's.
    pub catalog: Arc<Catalog>,
    /// The shared one.
    pub shared: Arc<SharedCatalog>,
}

impl DdlState {
    /// The catalogs with this session's temporary objects and this transaction's changes on top of the published ones.
    pub fn view(
        &mut self,
        catalog: &Arc<Catalog>,
        shared: &Arc<SharedCatalog>,
        fresh_version: impl Fn() -> u64,
    ) -> (Arc<Catalog>, Arc<SharedCatalog>) {
        if self.changes.is_empty() && self.temporary.is_empty() {
            self.cached = None;
            return (Arc::clone(catalog), Arc::clone(shared));
        }
        let base = (catalog.version, shared.version);
        if let Some(c) = &self.cached
            && c.base == base
            && c.applied == self.changes.len()
        {
            return (Arc::clone(&c.catalog), Arc::clone(&c.shared));
        }
        let mut own = Catalog::clone(catalog);
        let mut own_shared = SharedCatalog::clone(shared);
        for change in self.temporary.iter().chain(self.changes.iter().map(|e| &e.change)) {
            own.apply(change);
            own_shared.apply(change);
        }
        own.version = fresh_version();
        if self.changes.iter().any(|e| e.change.is_shared()) {
            own_shared.version = own.version;
        }
        let cached = Cached { base, applied: self.changes.len(), catalog: Arc::new(own), shared: Arc::new(own_shared) };
        self.cached = Some(cached.clone());
        (cached.catalog, cached.shared)
    }

    /// Forgets changes made after a savepoint.
    pub fn truncate(&mut self, mark: usize) {
        if self.changes.len() > mark {
            self.changes.truncate(mark);
            self.cached = None;
        }
    }

    /// The transaction committed: temporary objects stay with the session, the others are published by the caller.
    pub fn commit(&mut self) -> Vec<Change> {
        let (temporary, lasting): (Vec<Entry>, Vec<Entry>) =
            std::mem::take(&mut self.changes).into_iter().partition(|e| e.temporary);
        self.temporary.extend(temporary.into_iter().map(|e| e.change));
        self.cached = None;
        lasting.into_iter().map(|e| e.change).collect()
    }

    /// The transaction rolled back.
    pub fn rollback(&mut self) {
        self.changes.clear();
        self.cached = None;
    }
}
