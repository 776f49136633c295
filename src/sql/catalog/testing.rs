//! A catalog for tests: no roles, every privilege, `pg_catalog` and `public` in the path.

use super::lookup::CatalogView;
use super::objects::{Relation, RelationRef, UserFunction, UserTypeKind};
use super::snapshot::TypeEntry;
use super::{Catalog, schema_oid};
use crate::error::Result;
use crate::sql::types::Oid;
use crate::sql::types::datum::EnumValue;
use crate::sql::types::io::{self, TypeInfo, TypeKind, TypeLookup};
use smol_str::SmolStr;
use std::sync::Arc;

/// The catalog and nothing around it.
pub struct View {
    /// Its objects.
    pub catalog: Catalog,
}

impl Default for View {
    fn default() -> Self {
        Self { catalog: Catalog::bootstrap() }
    }
}

impl CatalogView for View {
    fn schema_oid(&self, name: &str) -> Option<Oid> {
        self.catalog.schema_named(name).map(|s| s.oid)
    }
    fn schema_name(&self, oid: Oid) -> Option<SmolStr> {
        self.catalog.schema(oid).map(|s| s.name.clone())
    }
    fn search_path(&self) -> &[Oid] {
        &[schema_oid::PG_CATALOG, schema_oid::PUBLIC]
    }
    fn relation_in(&self, schema: Oid, name: &str) -> Option<RelationRef> {
        self.catalog.relation_named(schema, name).cloned()
    }
    fn class_oid(&self, schema: Oid, name: &str) -> Option<Oid> {
        self.catalog.class_oid(schema, name)
    }
    fn relation(&self, oid: Oid) -> Option<RelationRef> {
        self.catalog.relation(oid).cloned()
    }
    fn type_in(&self, schema: Oid, name: &str) -> Option<Oid> {
        self.catalog.type_named(schema, name)
    }
    fn type_object(&self, oid: Oid) -> Option<TypeEntry> {
        self.catalog.type_entry(oid)
    }
    fn functions_in(&self, schema: Oid, name: &str) -> Vec<Arc<UserFunction>> {
        self.catalog.functions_named(schema, name).cloned().collect()
    }
    fn function(&self, oid: Oid) -> Option<Arc<UserFunction>> {
        self.catalog.function(oid).cloned()
    }
    fn identity_sequence(&self, relation: Oid, _column: usize) -> Option<Oid> {
        Some(Oid(relation.0 + 900))
    }
    fn collation_in(&self, _schema: Oid, name: &str) -> Option<Oid> {
        match name {
            "C" => Some(Oid(950)),
            "POSIX" => Some(Oid(951)),
            _ => None,
        }
    }
    fn collation_name(&self, oid: Oid) -> Option<SmolStr> {
        Some(if oid == Oid(950) { "C" } else { "POSIX" }.into())
    }
    fn database_name(&self) -> &str {
        "db"
    }
    fn check_schema(&self, _role: Option<Oid>, _schema: Oid) -> Result<()> {
        Ok(())
    }
    fn check_relation(&self, _role: Option<Oid>, _relation: &Relation, _bits: u32, _columns: &[u16]) -> Result<()> {
        Ok(())
    }
    fn check_function(&self, _role: Option<Oid>, _function: &UserFunction) -> Result<()> {
        Ok(())
    }
}

impl TypeLookup for View {
    fn type_info(&self, oid: Oid) -> Option<TypeInfo> {
        let (name, kind) = match self.catalog.type_entry(oid)? {
            TypeEntry::User(t) => {
                let kind = match &t.kind {
                    UserTypeKind::Enum(_) => TypeKind::Enum,
                    UserTypeKind::Domain { base, .. } => TypeKind::Domain(*base),
                    _ => TypeKind::Composite(Arc::from([])),
                };
                (t.name.clone(), kind)
            }
            TypeEntry::Array(t) => (t.name.clone(), TypeKind::Array(t.oid)),
            TypeEntry::Row(r) => (r.name.clone(), TypeKind::Composite(Arc::from([]))),
            TypeEntry::RowArray(r) => (r.name.clone(), TypeKind::Array(r.row_type)),
            TypeEntry::Multirange { .. } => return None,
        };
        Some(TypeInfo { oid, name, kind, delim: b',' })
    }
    fn enum_value(&self, _ty: Oid, label: &str) -> Option<EnumValue> {
        ["sad", "ok"].iter().position(|l| *l == label).map(|i| EnumValue { label: Oid(30001 + i as u32), order: i as f32 })
    }
    fn enum_label(&self, _label: Oid) -> Option<SmolStr> {
        None
    }
    fn reg_in(&self, kind: Oid, text: &str) -> Result<Oid> {
        io::BuiltinTypes.reg_in(kind, text)
    }
    fn reg_out(&self, _kind: Oid, _oid: Oid) -> Option<String> {
        None
    }
}
