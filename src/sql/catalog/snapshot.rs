//! One consistent view of a database's schema objects, and of the objects all databases share.

use super::change::{Change, CommentKey};
use super::objects::{AclItem, Database, DomainCheck, RelKind, RelationRef, Role, Schema, UserFunction, UserType, UserTypeKind};
use super::statistics::TableStatistics;
use super::{BOOTSTRAP_ROLE, DATABASE_OWNER_ROLE, schema_oid};
use crate::sql::types::{Oid, Type};
use imbl::{HashMap, OrdMap};
use smol_str::SmolStr;
use std::sync::Arc;

/// Where an index name leads: the table and the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexPlace {
    /// The table.
    pub table: Oid,
    /// The index.
    pub index: Oid,
}

/// What a type OID of a user type leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TypePlace {
    /// A user type itself.
    Own(Oid),
    /// The array over a user type.
    ArrayOf(Oid),
    /// A range type's multirange (or its array).
    MultirangeOf(Oid),
    /// The row type of a relation.
    Row(Oid),
    /// The array over a relation's row type.
    RowArray(Oid),
}

/// The schema objects of one database at one moment. Cheap to clone.
#[derive(Clone, Default)]
pub struct Catalog {
    /// Grows with every published change.
    pub version: u64,
    relations: OrdMap<Oid, RelationRef>,
    names: HashMap<(Oid, SmolStr), Oid>,
    indexes: HashMap<Oid, IndexPlace>,
    schemas: OrdMap<Oid, Arc<Schema>>,
    schema_names: HashMap<SmolStr, Oid>,
    types: OrdMap<Oid, Arc<UserType>>,
    type_names: HashMap<(Oid, SmolStr), Oid>,
    type_places: HashMap<Oid, TypePlace>,
    labels: HashMap<Oid, SmolStr>,
    functions: OrdMap<Oid, Arc<UserFunction>>,
    function_names: HashMap<(Oid, SmolStr), Vec<Oid>>,
    comments: OrdMap<CommentKey, SmolStr>,
    statistics: OrdMap<Oid, Arc<TableStatistics>>,
}

/// What a type OID names, for user types.
#[derive(Clone, Debug)]
pub enum TypeEntry {
    /// A user type.
    User(Arc<UserType>),
    /// An array over a user type.
    Array(Arc<UserType>),
    /// The multirange of a range type (`array` for the array over it).
    Multirange { range: Arc<UserType>, array: bool },
    /// The row type of a relation.
    Row(RelationRef),
    /// The array over a relation's row type.
    RowArray(RelationRef),
}

impl Catalog {
    /// The schemas and system relations of a new database.
    pub fn bootstrap() -> Self {
        let mut catalog = Self::default();
        for (oid, name) in [
            (schema_oid::PG_CATALOG, "pg_catalog"),
            (schema_oid::PG_TOAST, "pg_toast"),
            (schema_oid::PUBLIC, "public"),
            (schema_oid::INFORMATION_SCHEMA, "information_schema"),
        ] {
            let owner = if oid == schema_oid::PUBLIC { DATABASE_OWNER_ROLE } else { BOOTSTRAP_ROLE };
            // USAGE and CREATE for the owner, USAGE for PUBLIC.
            let item = |grantee, bits| AclItem { grantee, grantor: owner, bits };
            let acl = (oid != schema_oid::PG_TOAST).then(|| vec![item(owner, 0x300), item(Oid::INVALID, 0x100)]);
            catalog.put_schema(Arc::new(Schema { oid, name: name.into(), owner, acl }));
        }
        for (oid, array_oid, name, base, typmod, check) in super::super::system::INFORMATION_DOMAINS {
            let checks = check.iter().map(|sql| DomainCheck {
                oid: Oid(oid.0 + 1),
                name: SmolStr::from(if *name == "yes_or_no" {
                    "yes_or_no_check".to_owned()
                } else {
                    format!("{name}_domain_check")
                }),
                sql: (*sql).to_owned(),
                validated: true,
            });
            let base = Type { oid: *base, typmod: *typmod };
            let kind =
                UserTypeKind::Domain { base, not_null: false, default: None, checks: checks.collect(), collation: Oid::INVALID };
            let (schema, owner) = (schema_oid::INFORMATION_SCHEMA, BOOTSTRAP_ROLE);
            catalog.put_type(Arc::new(UserType {
                oid: *oid,
                array_oid: *array_oid,
                schema,
                name: (*name).into(),
                owner,
                kind,
                acl: None,
            }));
        }
        for relation in super::super::system::relations() {
            catalog.put_relation(Arc::clone(relation));
        }
        catalog
    }

    /// Applies one change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Relation(r) => {
                self.remove_relation(r.oid);
                self.put_relation(Arc::clone(r));
            }
            Change::DropRelation(oid) => {
                self.remove_relation(*oid);
                self.statistics.remove(oid);
            }
            // Of a table dropped meanwhile nothing is kept.
            Change::Statistics(s) if !self.relations.contains_key(&s.relation) => {}
            Change::Statistics(s) => {
                self.statistics.insert(s.relation, Arc::clone(s));
            }
            Change::DropStatistics(oid) => {
                self.statistics.remove(oid);
            }
            Change::Schema(s) => {
                self.remove_schema(s.oid);
                self.put_schema(Arc::clone(s));
            }
            Change::DropSchema(oid) => self.remove_schema(*oid),
            Change::Type(t) => {
                self.remove_type(t.oid);
                self.put_type(Arc::clone(t));
            }
            Change::DropType(oid) => self.remove_type(*oid),
            Change::Function(f) => {
                self.remove_function(f.oid);
                self.put_function(Arc::clone(f));
            }
            Change::DropFunction(oid) => self.remove_function(*oid),
            Change::Comment(at, Some(text)) => {
                self.comments.insert(*at, text.clone());
            }
            Change::Comment(at, None) => {
                self.comments.remove(at);
            }
            Change::Role(_) | Change::DropRole(_) | Change::Database(_) | Change::DropDatabase(_) => {}
        }
    }

    fn put_relation(&mut self, relation: RelationRef) {
        let oid = relation.oid;
        self.names.insert((relation.schema, relation.name.clone()), oid);
        for index in &relation.indexes {
            self.names.insert((relation.schema, index.name.clone()), index.oid);
            self.indexes.insert(index.oid, IndexPlace { table: oid, index: index.oid });
        }
        if relation.row_type.is_valid() && relation.kind != RelKind::Composite {
            self.type_places.insert(relation.row_type, TypePlace::Row(oid));
            self.type_names.insert((relation.schema, relation.name.clone()), relation.row_type);
        }
        if relation.row_array_type.is_valid() && relation.kind != RelKind::Composite {
            self.type_places.insert(relation.row_array_type, TypePlace::RowArray(oid));
            let name = array_name(&relation.name);
            self.type_names.insert((relation.schema, name), relation.row_array_type);
        }
        self.relations.insert(oid, relation);
    }

    fn remove_relation(&mut self, oid: Oid) {
        let Some(relation) = self.relations.remove(&oid) else { return };
        self.names.remove(&(relation.schema, relation.name.clone()));
        for index in &relation.indexes {
            self.names.remove(&(relation.schema, index.name.clone()));
            self.indexes.remove(&index.oid);
        }
        if relation.kind != RelKind::Composite {
            self.type_places.remove(&relation.row_type);
            self.type_places.remove(&relation.row_array_type);
            self.type_names.remove(&(relation.schema, relation.name.clone()));
            self.type_names.remove(&(relation.schema, array_name(&relation.name)));
        }
    }

    fn put_schema(&mut self, schema: Arc<Schema>) {
        self.schema_names.insert(schema.name.clone(), schema.oid);
        self.schemas.insert(schema.oid, schema);
    }

    fn remove_schema(&mut self, oid: Oid) {
        if let Some(schema) = self.schemas.remove(&oid) {
            self.schema_names.remove(&schema.name);
        }
    }

    fn put_type(&mut self, ty: Arc<UserType>) {
        self.type_names.insert((ty.schema, ty.name.clone()), ty.oid);
        self.type_places.insert(ty.oid, TypePlace::Own(ty.oid));
        if ty.array_oid.is_valid() {
            self.type_names.insert((ty.schema, array_name(&ty.name)), ty.array_oid);
            self.type_places.insert(ty.array_oid, TypePlace::ArrayOf(ty.oid));
        }
        if let UserTypeKind::Range { multirange, multirange_array, multirange_name, .. } = &ty.kind {
            self.type_names.insert((ty.schema, multirange_name.clone()), *multirange);
            self.type_places.insert(*multirange, TypePlace::MultirangeOf(ty.oid));
            self.type_places.insert(*multirange_array, TypePlace::MultirangeOf(ty.oid));
        }
        if let UserTypeKind::Enum(labels) = &ty.kind {
            for label in labels {
                self.labels.insert(label.oid, label.label.clone());
            }
        }
        self.types.insert(ty.oid, ty);
    }

    fn remove_type(&mut self, oid: Oid) {
        let Some(ty) = self.types.remove(&oid) else { return };
        self.type_names.remove(&(ty.schema, ty.name.clone()));
        self.type_names.remove(&(ty.schema, array_name(&ty.name)));
        self.type_places.remove(&ty.oid);
        self.type_places.remove(&ty.array_oid);
        if let UserTypeKind::Range { multirange, multirange_array, multirange_name, .. } = &ty.kind {
            self.type_names.remove(&(ty.schema, multirange_name.clone()));
            self.type_places.remove(multirange);
            self.type_places.remove(multirange_array);
        }
    }

    fn put_function(&mut self, function: Arc<UserFunction>) {
        self.function_names.entry((function.schema, function.name.clone())).or_default().push(function.oid);
        self.functions.insert(function.oid, function);
    }

    fn remove_function(&mut self, oid: Oid) {
        let Some(function) = self.functions.remove(&oid) else { return };
        let key = (function.schema, function.name.clone());
        if let Some(oids) = self.function_names.get_mut(&key) {
            oids.retain(|o| *o != oid);
        }
    }

    /// A relation by OID.
    pub fn relation(&self, oid: Oid) -> Option<&RelationRef> {
        self.relations.get(&oid)
    }

    /// A relation by schema and name; None for an index's name.
    pub fn relation_named(&self, schema: Oid, name: &str) -> Option<&RelationRef> {
        self.relations.get(self.names.get(&(schema, SmolStr::new(name)))?)
    }

    /// The OID a relation or index name stands for in a schema.
    pub fn class_oid(&self, schema: Oid, name: &str) -> Option<Oid> {
        self.names.get(&(schema, SmolStr::new(name))).copied()
    }

    /// The table of an index.
    pub fn index(&self, oid: Oid) -> Option<(&RelationRef, &super::objects::Index)> {
        let table = self.relations.get(&self.indexes.get(&oid)?.table)?;
        table.indexes.iter().find(|i| i.oid == oid).map(|i| (table, i))
    }

    /// Every relation in OID order.
    pub fn relations(&self) -> impl DoubleEndedIterator<Item = &RelationRef> {
        self.relations.values()
    }

    /// A schema by OID.
    pub fn schema(&self, oid: Oid) -> Option<&Arc<Schema>> {
        self.schemas.get(&oid)
    }

    /// A schema by name.
    pub fn schema_named(&self, name: &str) -> Option<&Arc<Schema>> {
        self.schemas.get(self.schema_names.get(name)?)
    }

    /// Every schema in OID order.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        self.schemas.values()
    }

    /// A user type, row type, or array over one, by OID.
    pub fn type_entry(&self, oid: Oid) -> Option<TypeEntry> {
        Some(match *self.type_places.get(&oid)? {
            TypePlace::Own(t) => TypeEntry::User(Arc::clone(self.types.get(&t)?)),
            TypePlace::ArrayOf(t) => TypeEntry::Array(Arc::clone(self.types.get(&t)?)),
            TypePlace::MultirangeOf(t) => {
                let range = Arc::clone(self.types.get(&t)?);
                let array = matches!(&range.kind, UserTypeKind::Range { multirange_array, .. } if *multirange_array == oid);
                TypeEntry::Multirange { range, array }
            }
            TypePlace::Row(r) => TypeEntry::Row(Arc::clone(self.relations.get(&r)?)),
            TypePlace::RowArray(r) => TypeEntry::RowArray(Arc::clone(self.relations.get(&r)?)),
        })
    }

    /// A user type by OID.
    pub fn user_type(&self, oid: Oid) -> Option<&Arc<UserType>> {
        self.types.get(&oid)
    }

    /// The OID of a user type, row type or array over one by schema and name.
    pub fn type_named(&self, schema: Oid, name: &str) -> Option<Oid> {
        self.type_names.get(&(schema, SmolStr::new(name))).copied()
    }

    /// An enum label's text by its OID.
    pub fn enum_label(&self, oid: Oid) -> Option<SmolStr> {
        self.labels.get(&oid).cloned()
    }

    /// Every user type in OID order.
    pub fn types(&self) -> impl Iterator<Item = &Arc<UserType>> {
        self.types.values()
    }

    /// A user function by OID.
    pub fn function(&self, oid: Oid) -> Option<&Arc<UserFunction>> {
        self.functions.get(&oid)
    }

    /// User functions of a schema and name.
    pub fn functions_named(&self, schema: Oid, name: &str) -> impl Iterator<Item = &Arc<UserFunction>> {
        let oids = self.function_names.get(&(schema, SmolStr::new(name)));
        oids.into_iter().flatten().filter_map(|oid| self.functions.get(oid))
    }

    /// Every user function in OID order.
    pub fn functions(&self) -> impl Iterator<Item = &Arc<UserFunction>> {
        self.functions.values()
    }

    /// A comment.
    pub fn comment(&self, at: CommentKey) -> Option<&SmolStr> {
        self.comments.get(&at)
    }

    /// What is known about a table's contents.
    pub fn statistics(&self, table: Oid) -> Option<&Arc<TableStatistics>> {
        self.statistics.get(&table)
    }

    /// Statistics of all tables in OID order.
    pub fn all_statistics(&self) -> impl Iterator<Item = &Arc<TableStatistics>> {
        self.statistics.values()
    }

    /// Every comment.
    pub fn comments(&self) -> impl Iterator<Item = (&CommentKey, &SmolStr)> {
        self.comments.iter()
    }
}

/// The name PostgreSQL gives the array type over `name`: an underscore in front, 63 bytes at most.
pub fn array_name(name: &str) -> SmolStr {
    let mut end = name.len().min(62);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    SmolStr::from(format!("_{}", &name[..end]))
}

/// Roles and databases.
#[derive(Clone, Default)]
pub struct SharedCatalog {
    /// Grows with every published change.
    pub version: u64,
    roles: OrdMap<Oid, Arc<Role>>,
    databases: OrdMap<Oid, Arc<Database>>,
}

impl SharedCatalog {
    /// Applies one change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Role(r) => {
                self.roles.insert(r.oid, Arc::clone(r));
            }
            Change::DropRole(oid) => {
                self.roles.remove(oid);
            }
            Change::Database(d) => {
                self.databases.insert(d.oid, Arc::clone(d));
            }
            Change::DropDatabase(oid) => {
                self.databases.remove(oid);
            }
            _ => {}
        }
    }

    /// A role by OID.
    pub fn role(&self, oid: Oid) -> Option<&Arc<Role>> {
        self.roles.get(&oid)
    }

    /// A role by name.
    pub fn role_named(&self, name: &str) -> Option<&Arc<Role>> {
        self.roles.values().find(|r| r.name == name)
    }

    /// Every role in OID order.
    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values()
    }

    /// A database by OID.
    pub fn database(&self, oid: Oid) -> Option<&Arc<Database>> {
        self.databases.get(&oid)
    }

    /// A database by name.
    pub fn database_named(&self, name: &str) -> Option<&Arc<Database>> {
        self.databases.values().find(|d| d.name == name)
    }

    /// Every database in OID order.
    pub fn databases(&self) -> impl Iterator<Item = &Arc<Database>> {
        self.databases.values()
    }
}
