//! User-defined types as a catalog alone knows them: enough to lay out rows and to read stored defaults back.

use crate::error::{Result, SqlError};
use crate::sql::catalog::Catalog;
use crate::sql::catalog::objects::UserTypeKind;
use crate::sql::catalog::snapshot::TypeEntry;
use crate::sql::types::datum::EnumValue;
use crate::sql::types::io::{TypeInfo, TypeKind, TypeLookup};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

/// A catalog as a type lookup. Names are not schema-qualified.
pub struct CatalogTypes<'a>(pub &'a Catalog);

impl CatalogTypes<'_> {
    fn composite(&self, relation: Oid) -> TypeKind {
        let fields: Vec<(SmolStr, Type)> = match self.0.relation(relation) {
            Some(r) => r.live_columns().map(|(_, c)| (c.name.clone(), c.ty)).collect(),
            None => Vec::new(),
        };
        TypeKind::Composite(fields.into())
    }
}

impl TypeLookup for CatalogTypes<'_> {
    fn type_info(&self, oid: Oid) -> Option<TypeInfo> {
        let (name, kind) = match self.0.type_entry(oid)? {
            TypeEntry::User(t) => {
                let kind = match &t.kind {
                    UserTypeKind::Enum(_) => TypeKind::Enum,
                    UserTypeKind::Domain { base, .. } => TypeKind::Domain(*base),
                    UserTypeKind::Composite { relation } => self.composite(*relation),
                    UserTypeKind::Range { subtype, .. } => TypeKind::Range { subtype: subtype.oid },
                    UserTypeKind::Shell => TypeKind::Pseudo,
                };
                (t.name.clone(), kind)
            }
            TypeEntry::Array(t) => (t.name.clone(), TypeKind::Array(t.oid)),
            TypeEntry::Multirange { range, array: false } => (range.name.clone(), TypeKind::Multirange { range: range.oid }),
            TypeEntry::Multirange { range, array: true } => (range.name.clone(), TypeKind::Array(range.oid)),
            TypeEntry::Row(r) => (r.name.clone(), self.composite(r.oid)),
            TypeEntry::RowArray(r) => (r.name.clone(), TypeKind::Array(r.row_type)),
        };
        Some(TypeInfo { oid, name, kind, delim: b',' })
    }

    fn enum_value(&self, ty: Oid, label: &str) -> Option<EnumValue> {
        let UserTypeKind::Enum(labels) = &self.0.user_type(ty)?.kind else { return None };
        labels.iter().find(|l| l.label == label).map(|l| EnumValue { label: l.oid, order: l.order })
    }

    fn enum_label(&self, label: Oid) -> Option<SmolStr> {
        self.0.types().find_map(|t| match &t.kind {
            UserTypeKind::Enum(labels) => labels.iter().find(|l| l.oid == label).map(|l| l.label.clone()),
            _ => None,
        })
    }

    fn reg_in(&self, _kind: Oid, text: &str) -> Result<Oid> {
        Err(SqlError::internal(format!("cannot look up \"{text}\" here")))
    }

    fn reg_out(&self, _kind: Oid, _oid: Oid) -> Option<String> {
        None
    }
}
