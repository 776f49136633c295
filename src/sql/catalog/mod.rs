//! Schema objects: what they are (`objects`), one consistent view of them (`snapshot`), how a transaction changes them
//! (`change`), where they are kept (`store`), and what is known about tables' contents (`statistics`).
//!
//! A statement works on one immutable `Catalog`; cloning it shares everything. DDL appends `Change`s to its transaction, which
//! sees them at once through a catalog of its own; COMMIT writes them with the rest of the transaction's batch and then publishes
//! them on top of whatever is current.

pub mod change;
pub mod lookup;
pub mod objects;
pub mod snapshot;
pub mod statistics;
pub mod store;
#[cfg(test)]
pub mod testing;

pub use change::{Change, CommentKey};
pub use snapshot::{Catalog, SharedCatalog};
pub use store::{CatalogStore, OidAllocator};

use crate::sql::types::Oid;

/// OIDs of the schemas every database has.
pub mod schema_oid {
    use super::Oid;
    /// pg_catalog
    pub const PG_CATALOG: Oid = Oid(11);
    /// pg_toast
    pub const PG_TOAST: Oid = Oid(99);
    /// public
    pub const PUBLIC: Oid = Oid(2200);
    /// information_schema
    pub const INFORMATION_SCHEMA: Oid = Oid(13207);
}

/// OID of the bootstrap superuser, which also owns built-in objects.
pub const BOOTSTRAP_ROLE: Oid = Oid(10);
/// `pg_database_owner`: its only member is the owner of the database at hand.
pub const DATABASE_OWNER_ROLE: Oid = Oid(6171);
