//! The catalog as one statement of a session sees it: schema objects, roles, the effective search path, privileges.

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{AclItem, RelKind, Relation, RelationRef, UserFunction};
use crate::sql::catalog::snapshot::TypeEntry;
use crate::sql::catalog::{Catalog, DATABASE_OWNER_ROLE, SharedCatalog, schema_oid};
use crate::sql::types::Oid;
use smol_str::SmolStr;
use std::collections::HashSet;
use std::sync::Arc;

/// One statement's view of the catalog. Immutable; shared by binder, executor and functions.
#[derive(Clone)]
pub struct SessionView {
    /// Schema objects of the database, the transaction's own changes included.
    pub catalog: Arc<Catalog>,
    /// Roles and databases.
    pub shared: Arc<SharedCatalog>,
    /// Database OID and name.
    pub database: (Oid, SmolStr),
    /// Role whose privileges count.
    pub user: Oid,
    /// Effective search path, implicit schemas included.
    pub path: Arc<[Oid]>,
    /// The session's temporary schema, once it has one.
    pub temp_schema: Option<Oid>,
}

/// Privilege bits beyond those of `lookup::acl`.
pub mod bits {
    /// TRUNCATE
    pub const TRUNCATE: u32 = 1 << 4;
    /// REFERENCES
    pub const REFERENCES: u32 = 1 << 5;
    /// TRIGGER
    pub const TRIGGER: u32 = 1 << 6;
    /// EXECUTE
    pub const EXECUTE: u32 = 1 << 7;
    /// USAGE
    pub const USAGE: u32 = 1 << 8;
    /// CREATE
    pub const CREATE: u32 = 1 << 9;
    /// TEMPORARY
    pub const TEMP: u32 = 1 << 10;
    /// CONNECT
    pub const CONNECT: u32 = 1 << 11;
}

impl SessionView {
    /// Computes the effective search path: pg_temp and pg_catalog first unless named, unknown schemas left out.
    pub fn effective_path(catalog: &Catalog, setting: &str, user_name: &str, temp: Option<Oid>) -> Arc<[Oid]> {
        let mut named: Vec<Oid> = Vec::new();
        for element in split_identifiers(setting) {
            let oid = match element.as_str() {
                "$user" => catalog.schema_named(user_name).map(|s| s.oid),
                "pg_temp" => temp,
                name => catalog.schema_named(name).map(|s| s.oid),
            };
            if let Some(oid) = oid
                && !named.contains(&oid)
            {
                named.push(oid);
            }
        }
        let mut path = Vec::with_capacity(named.len() + 2);
        if let Some(temp) = temp
            && !named.contains(&temp)
        {
            path.push(temp);
        }
        if !named.contains(&schema_oid::PG_CATALOG) {
            path.push(schema_oid::PG_CATALOG);
        }
        path.extend(named);
        path.into()
    }

    /// The schema new objects go to: the first explicit one of the path. Errors: 3F000.
    pub fn creation_schema(&self) -> Result<Oid> {
        self.path
            .iter()
            .copied()
            .find(|&s| s != schema_oid::PG_CATALOG && Some(s) != self.temp_schema)
            .ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "no schema has been selected to create in"))
    }

    /// The same catalog with no schema but pg_catalog in the path: names come out qualified.
    pub fn without_path(&self) -> Self {
        Self { path: Arc::from([schema_oid::PG_CATALOG]), ..self.clone() }
    }

    /// Whether a role is a superuser.
    pub fn is_superuser(&self, role: Oid) -> bool {
        self.shared.role(role).is_some_and(|r| r.superuser)
    }

    /// Whether `member` is `role` or has its privileges by membership (INHERIT honoured).
    pub fn has_role_privileges(&self, member: Oid, role: Oid) -> bool {
        self.is_superuser(member) || self.reaches(member, role, true)
    }

    /// Whether `member` is `role` or a member of it, directly or not.
    pub fn is_member(&self, member: Oid, role: Oid) -> bool {
        self.is_superuser(member) || self.reaches(member, role, false)
    }

    fn reaches(&self, member: Oid, role: Oid, inherit: bool) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![member];
        while let Some(current) = open.pop() {
            if current == role {
                return true;
            }
            if role == DATABASE_OWNER_ROLE && self.shared.database(self.database.0).is_some_and(|d| d.owner == current) {
                return true;
            }
            let Some(r) = self.shared.role(current) else { continue };
            if seen.insert(current) && (!inherit || r.inherit) {
                open.extend(r.member_of.iter().map(|m| m.0));
            }
        }
        false
    }

    /// The privileges `role` has through an object's grants; owners have all.
    pub fn granted(&self, role: Oid, owner: Oid, acl: Option<&Vec<AclItem>>, default_public: u32) -> u32 {
        if self.has_role_privileges(role, owner) {
            return u32::MAX;
        }
        match acl {
            None => default_public,
            Some(items) => items
                .iter()
                .filter(|i| !i.grantee.is_valid() || self.has_role_privileges(role, i.grantee))
                .fold(0, |all, i| all | i.bits),
        }
    }

    /// A role's name; its number when it is gone.
    pub fn role_name(&self, role: Oid) -> SmolStr {
        self.shared.role(role).map_or_else(|| SmolStr::from(role.to_string()), |r| r.name.clone())
    }

    /// Whether a relation is found by its bare name.
    pub fn relation_is_visible(&self, schema: Oid, name: &str) -> bool {
        self.path.iter().find(|&&s| self.catalog.class_oid(s, name).is_some()) == Some(&schema)
    }

    /// Whether a user type is found by its bare name.
    pub fn type_is_visible(&self, schema: Oid, name: &str) -> bool {
        let first = self.path.iter().find(|&&s| {
            self.catalog.type_named(s, name).is_some()
                || (s == schema_oid::PG_CATALOG && crate::sql::types::typename::TYPES.iter().any(|t| t.name == name))
        });
        first == Some(&schema)
    }

    /// A relation's (or index's) name as `regclass` prints it: qualified when not visible, quoted where needed.
    pub fn class_name(&self, oid: Oid) -> Option<String> {
        let (schema, name) = match self.catalog.relation(oid) {
            Some(r) => (r.schema, r.name.clone()),
            None => self.catalog.index(oid).map(|(t, i)| (t.schema, i.name.clone()))?,
        };
        Some(self.qualified(schema, &name, self.relation_is_visible(schema, &name)))
    }

    /// `name`, with its schema in front unless `visible`.
    pub fn qualified(&self, schema: Oid, name: &str, visible: bool) -> String {
        let name = quote_identifier(name);
        match self.schema_name(schema) {
            Some(s) if !visible => format!("{}.{name}", quote_identifier(&s)),
            _ => name.into_owned(),
        }
    }
}

impl CatalogView for SessionView {
    fn schema_oid(&self, name: &str) -> Option<Oid> {
        if name == "pg_temp" {
            return self.temp_schema;
        }
        self.catalog.schema_named(name).map(|s| s.oid)
    }

    fn schema_name(&self, oid: Oid) -> Option<SmolStr> {
        self.catalog.schema(oid).map(|s| s.name.clone())
    }

    fn search_path(&self) -> &[Oid] {
        &self.path
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

    fn identity_sequence(&self, relation: Oid, column: usize) -> Option<Oid> {
        let owned =
            |r: &&RelationRef| r.sequence.as_ref().is_some_and(|s| s.identity && s.owned_by == Some((relation, column as u16)));
        self.catalog.relations().find(owned).map(|r| r.oid)
    }

    fn collation_in(&self, schema: Oid, name: &str) -> Option<Oid> {
        let (_, oid) = COLLATIONS.iter().find(|(n, _)| *n == name)?;
        (schema == schema_oid::PG_CATALOG).then_some(*oid)
    }

    fn collation_name(&self, oid: Oid) -> Option<SmolStr> {
        COLLATIONS.iter().find(|(_, o)| *o == oid).map(|(n, _)| SmolStr::new_static(n))
    }

    fn database_name(&self) -> &str {
        &self.database.1
    }

    fn check_schema(&self, role: Option<Oid>, schema: Oid) -> Result<()> {
        let Some(s) = self.catalog.schema(schema) else { return Ok(()) };
        if schema == schema_oid::PG_CATALOG || Some(schema) == self.temp_schema {
            return Ok(());
        }
        let public = if schema == schema_oid::PUBLIC || schema == schema_oid::INFORMATION_SCHEMA { bits::USAGE } else { 0 };
        if self.granted(role.unwrap_or(self.user), s.owner, s.acl.as_ref(), public) & bits::USAGE != 0 {
            return Ok(());
        }
        Err(denied("schema", &s.name))
    }

    fn check_relation(&self, role: Option<Oid>, relation: &Relation, wanted: u32, columns: &[u16]) -> Result<()> {
        use crate::sql::catalog::lookup::acl::SELECT;
        let role = role.unwrap_or(self.user);
        let public = if relation.oid < Oid::FIRST_NORMAL && relation.name != "pg_authid" { SELECT } else { 0 };
        let have = self.granted(role, relation.owner, relation.acl.as_ref(), public);
        let missing = wanted & !have;
        if missing == 0 {
            return Ok(());
        }
        let column_has = |c: &u16| {
            let acl = relation.columns.get(*c as usize).and_then(|c| c.acl.as_ref());
            acl.is_some_and(|items| self.granted(role, Oid::INVALID, Some(items), 0) & missing == missing)
        };
        if !columns.is_empty() && columns.iter().all(column_has) {
            return Ok(());
        }
        Err(denied(relation_word(relation), &relation.name))
    }

    fn check_function(&self, role: Option<Oid>, function: &UserFunction) -> Result<()> {
        let role = role.unwrap_or(self.user);
        if self.granted(role, function.owner, function.acl.as_ref(), bits::EXECUTE) & bits::EXECUTE != 0 {
            return Ok(());
        }
        Err(denied(if function.kind == 'p' { "procedure" } else { "function" }, &function.name))
    }
}

/// What error messages call a relation.
pub fn relation_word(relation: &Relation) -> &'static str {
    match relation.kind {
        RelKind::Table | RelKind::System | RelKind::Composite => "table",
        RelKind::View => "view",
        RelKind::MatView => "materialized view",
        RelKind::Sequence => "sequence",
    }
}

/// 42501 `permission denied for table x`.
pub fn denied(kind: &str, name: &str) -> SqlError {
    err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied for {kind} {name}")
}

/// Collations every database has; all compare by code point.
const COLLATIONS: &[(&str, Oid)] = &[
    ("default", Oid(100)),
    ("C", Oid(950)),
    ("POSIX", Oid(951)),
    ("ucs_basic", Oid(12340)),
    ("C.utf8", Oid(12341)),
    ("C.UTF-8", Oid(12341)),
];

/// Splits a list of identifiers as `search_path` holds it: commas, optional double quotes, folding of the rest.
pub fn split_identifiers(list: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut chars = list.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace() || *c == ',').is_some() {}
        let mut name = String::new();
        match chars.peek() {
            None => return out,
            Some('"') => {
                chars.next();
                while let Some(c) = chars.next() {
                    if c == '"' && chars.next_if_eq(&'"').is_none() {
                        break;
                    }
                    name.push(c);
                }
            }
            Some(_) => {
                while let Some(c) = chars.next_if(|c| *c != ',') {
                    name.extend(c.to_lowercase());
                }
                name.truncate(name.trim_end().len());
            }
        }
        out.push(name);
    }
}

/// An identifier quoted where PostgreSQL's quote_identifier() would.
pub fn quote_identifier(name: &str) -> std::borrow::Cow<'_, str> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !crate::sql::parser::is_quoted_keyword(name);
    if plain { name.into() } else { format!("\"{}\"", name.replace('"', "\"\"")).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_path_elements() {
        assert_eq!(split_identifiers("\"$user\", Public,\"A\"\"b\""), ["$user", "public", "A\"b"]);
        assert!(split_identifiers("").is_empty());
    }
}
