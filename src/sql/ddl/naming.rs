//! Where new objects go, what they are called, and how existing ones are found.

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{RelKind, RelationRef, Schema};
use crate::sql::catalog::{Change, schema_oid};
use crate::sql::parser::ast::{Persistence, RangeVar};
use crate::sql::session::SessionCore;
use crate::sql::session::view::{bits, denied};
use crate::sql::types::Oid;
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;
use std::sync::Arc;

/// Finds a relation by name. Errors: 42P01 (with position), 3F000 handled as a missing relation.
pub fn find_relation(core: &SessionCore, name: &RangeVar) -> Result<RelationRef> {
    try_find_relation(core, name)?.ok_or_else(|| undefined(name))
}

/// 42P01 for a name.
pub fn undefined(name: &RangeVar) -> SqlError {
    let shown = match &name.schema {
        Some(s) => format!("{s}.{}", name.name),
        None => name.name.to_string(),
    };
    err!(SqlState::UNDEFINED_TABLE, "relation \"{shown}\" does not exist")
}

/// Finds a relation by name, if there is one.
pub fn try_find_relation(core: &SessionCore, name: &RangeVar) -> Result<Option<RelationRef>> {
    let view = core.view();
    if let Some(catalog) = &name.catalog
        && *catalog != view.database.1
    {
        let shown = format!("{catalog}.{}.{}", name.schema.as_deref().unwrap_or(""), name.name);
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cross-database references are not implemented: \"{shown}\""));
    }
    Ok(match &name.schema {
        Some(s) => match view.schema_oid(s) {
            Some(oid) => {
                view.check_schema(None, oid)?;
                view.relation_in(oid, &name.name)
            }
            None => None,
        },
        None => view.search_path().iter().find_map(|s| view.relation_in(*s, &name.name)),
    })
}

/// The schema a new object goes to, checked for CREATE privilege. Makes the temporary schema on first use.
pub fn target_schema(core: &SessionCore, schema: Option<&SmolStr>, persistence: Persistence) -> Result<Oid> {
    let temporary = persistence == Persistence::Temporary;
    if temporary {
        if schema.is_some_and(|s| s != "pg_temp" && !s.starts_with("pg_temp_")) {
            return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "cannot create temporary relation in non-temporary schema"));
        }
        return temporary_schema(core);
    }
    let view = core.view();
    let oid = match schema {
        Some(name) if name == "pg_temp" => return temporary_schema(core),
        Some(name) => {
            view.schema_oid(name).ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"))?
        }
        None => view.creation_schema()?,
    };
    let schema = view.catalog.schema(oid).ok_or_else(|| SqlError::internal("schema vanished"))?;
    if oid == schema_oid::PG_CATALOG {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied for schema pg_catalog")
            .detail("System catalog modifications are currently disallowed."));
    }
    if view.granted(view.user, schema.owner, schema.acl.as_ref(), 0) & bits::CREATE == 0 {
        return Err(denied("schema", &schema.name));
    }
    Ok(oid)
}

fn temporary_schema(core: &SessionCore) -> Result<Oid> {
    if let Some(oid) = core.ddl.lock().temp_schema {
        return Ok(oid);
    }
    let oid = core.server.catalogs.oids.allocate()?;
    let name = format!("pg_temp_{}", core.entry.pid).into();
    let owner = core.view().user;
    {
        let mut ddl = core.ddl.lock();
        ddl.temp_schema = Some(oid);
        ddl.temporary.push(Change::Schema(Arc::new(Schema { oid, name, owner, acl: None })));
        ddl.cached = None;
    }
    core.refresh_view()?;
    Ok(oid)
}

/// Takes the lock on a relation name that keeps two transactions from creating it at once, then checks that it is free.
/// Errors: 42P07, 42710 for a type of that name.
pub fn claim_name(core: &SessionCore, schema: Oid, name: &str) -> Result<()> {
    let txn = core.txn()?;
    txn.lock(Tag::name(schema.0, name), TableMode::Exclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    let view = core.view();
    if view.catalog.class_oid(schema, name).is_some() {
        return Err(err!(SqlState::DUPLICATE_TABLE, "relation \"{name}\" already exists"));
    }
    Ok(())
}

/// Builds `first_second_label`, cut to 63 bytes as PostgreSQL's makeObjectName cuts it (the longer part first).
pub fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(second.is_some());
    let available = 63usize.saturating_sub(overhead);
    let (mut a, mut b) = (first.len(), second.map_or(0, str::len));
    while a + b > available {
        if a > b { a -= 1 } else { b -= 1 }
    }
    let cut = |s: &str, mut n: usize| {
        while !s.is_char_boundary(n) {
            n -= 1;
        }
        s[..n].to_owned()
    };
    match second {
        Some(s) => format!("{}_{}_{label}", cut(first, a), cut(s, b)),
        None => format!("{}_{label}", cut(first, a)),
    }
}

/// A free name of the form `first_second_label`, with a number added until it is free (ChooseRelationName).
pub fn choose_name(taken: impl Fn(&str) -> bool, first: &str, second: Option<&str>, label: &str) -> SmolStr {
    let mut name = object_name(first, second, label);
    let mut n = 0;
    while taken(&name) {
        n += 1;
        name = object_name(first, second, &format!("{label}{n}"));
    }
    name.into()
}

/// Demands that the user owns the relation. Errors: 42501 `must be owner of table x`.
pub fn check_owner(core: &SessionCore, relation: &crate::sql::catalog::objects::Relation) -> Result<()> {
    let view = core.view();
    if relation.oid < Oid::FIRST_NORMAL {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied: \"{}\" is a system catalog", relation.name));
    }
    if view.has_role_privileges(view.user, relation.owner) {
        return Ok(());
    }
    let word = crate::sql::session::view::relation_word(relation);
    Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of {word} {}", relation.name))
}

/// What PostgreSQL calls a relation kind with its article.
pub fn with_article(kind: RelKind) -> &'static str {
    match kind {
        RelKind::Table | RelKind::System => "a table",
        RelKind::View => "a view",
        RelKind::MatView => "a materialized view",
        RelKind::Sequence => "a sequence",
        RelKind::Composite => "a composite type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_as_postgresql_cuts_them() {
        assert_eq!(object_name("t", Some("a"), "key"), "t_a_key");
        let long = "x".repeat(70);
        let made = object_name(&long, Some("column"), "idx");
        assert_eq!((made.len(), made.ends_with("_column_idx")), (63, true));
        assert_eq!(choose_name(|n| n == "t_pkey", "t", None, "pkey"), "t_pkey1");
    }
}
