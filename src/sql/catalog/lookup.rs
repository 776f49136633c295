//! What name resolution asks of the catalog: one consistent view of schemas, relations, types, functions and privileges.
//!
//! Built-in types and functions are not asked for here; they are static data (`types::typename`, `expr::registry`).

use super::objects::{Relation, RelationRef, UserFunction};
use super::snapshot::TypeEntry;
use crate::error::Result;
use crate::sql::types::Oid;
use smol_str::SmolStr;
use std::sync::Arc;

/// Privilege bits (`ACL_*` of PostgreSQL), for `CatalogView::check_relation`.
pub mod acl {
    /// INSERT
    pub const INSERT: u32 = 1;
    /// SELECT
    pub const SELECT: u32 = 1 << 1;
    /// UPDATE
    pub const UPDATE: u32 = 1 << 2;
    /// DELETE
    pub const DELETE: u32 = 1 << 3;
}

/// The catalog as one statement sees it.
pub trait CatalogView {
    /// A schema by name (`pg_temp` is the session's own).
    fn schema_oid(&self, name: &str) -> Option<Oid>;
    /// A schema's name.
    fn schema_name(&self, oid: Oid) -> Option<SmolStr>;
    /// The effective search path, in order, with the temporary schema and pg_catalog in their places.
    fn search_path(&self) -> &[Oid];
    /// A relation of a schema, system relations included.
    fn relation_in(&self, schema: Oid, name: &str) -> Option<RelationRef>;
    /// The OID of a relation or index of a schema.
    fn class_oid(&self, schema: Oid, name: &str) -> Option<Oid>;
    /// A relation by OID.
    fn relation(&self, oid: Oid) -> Option<RelationRef>;
    /// A type of a schema that is not built in: user types, row types, and the array types of both.
    fn type_in(&self, schema: Oid, name: &str) -> Option<Oid>;
    /// What a type OID that is not built in is.
    fn type_object(&self, oid: Oid) -> Option<TypeEntry>;
    /// User functions of a name in a schema.
    fn functions_in(&self, schema: Oid, name: &str) -> Vec<Arc<UserFunction>>;
    /// A user function by OID.
    fn function(&self, oid: Oid) -> Option<Arc<UserFunction>>;
    /// The sequence behind an identity column (position).
    fn identity_sequence(&self, relation: Oid, column: usize) -> Option<Oid>;
    /// A collation of a schema.
    fn collation_in(&self, schema: Oid, name: &str) -> Option<Oid>;
    /// A collation's name.
    fn collation_name(&self, oid: Oid) -> Option<SmolStr>;
    /// The database's name, which a three-part name may repeat.
    fn database_name(&self) -> &str;
    /// 42501 unless the role (None: the current one) may look into the schema.
    fn check_schema(&self, role: Option<Oid>, schema: Oid) -> Result<()>;
    /// 42501 unless the role has every privilege of `bits` on the relation, or on each of `columns` (positions).
    fn check_relation(&self, role: Option<Oid>, relation: &Relation, bits: u32, columns: &[u16]) -> Result<()>;
    /// 42501 unless the role may execute the function.
    fn check_function(&self, role: Option<Oid>, function: &UserFunction) -> Result<()>;
}
