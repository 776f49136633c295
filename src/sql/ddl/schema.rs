//! CREATE SCHEMA, ALTER SCHEMA.

use super::notice;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::Schema;
use crate::sql::parser::ast::{ConstraintKind, CreateSchemaStmt, RoleKind, RoleSpec, Statement, TableElement};
use crate::sql::session::SessionCore;
use crate::sql::session::view::{bits, denied};
use crate::sql::types::Oid;
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;
use std::sync::Arc;

/// The role a RoleSpec names. Errors: 42704.
pub fn role(core: &SessionCore, spec: &RoleSpec) -> Result<Oid> {
    let view = core.view();
    let users = core.users.read();
    match &spec.kind {
        RoleKind::Named(name) => view
            .shared
            .role_named(name)
            .map(|r| r.oid)
            .ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "role \"{name}\" does not exist")),
        RoleKind::CurrentRole | RoleKind::CurrentUser => Ok(users.current),
        RoleKind::SessionUser => Ok(users.session),
        RoleKind::Public => Err(err!(SqlState::UNDEFINED_OBJECT, "role \"public\" does not exist")),
    }
}

/// CREATE SCHEMA
pub fn create(core: &SessionCore, stmt: &CreateSchemaStmt, source: &str) -> Result<()> {
    let view = core.view();
    let owner = stmt.authorization.as_ref().map_or(Ok(view.user), |r| role(core, r))?;
    let name = stmt.name.clone().unwrap_or_else(|| view.role_name(owner));
    let database = view.shared.database(view.database.0).cloned();
    let (owner_of_database, acl) = database.map_or((Oid::INVALID, None), |d| (d.owner, d.acl.clone()));
    if view.granted(view.user, owner_of_database, acl.as_ref(), 0) & bits::CREATE == 0 {
        return Err(denied("database", &view.database.1));
    }
    if !view.is_member(view.user, owner) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be member of role \"{}\"", view.role_name(owner)));
    }
    if name.starts_with("pg_") {
        return Err(err!(SqlState::RESERVED_NAME, "unacceptable schema name \"{name}\"")
            .detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    core.txn()?.lock(Tag::name(2615, &name), TableMode::Exclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    if core.view().catalog.schema_named(&name).is_some() {
        if stmt.if_not_exists {
            notice(core, SqlState::DUPLICATE_SCHEMA, format!("schema \"{name}\" already exists, skipping"));
            return Ok(());
        }
        return Err(err!(SqlState::DUPLICATE_SCHEMA, "schema \"{name}\" already exists"));
    }
    let oid = core.server.catalogs.oids.allocate()?;
    core.change(
        Change::Schema(Arc::new(Schema {
            oid,
            name: name.clone(),
            owner,
            acl: super::grant::initial_acl(core, 'n', Oid::INVALID),
        })),
        false,
    )?;
    if stmt.elements.is_empty() {
        return Ok(());
    }
    look_first_in(core, Some(oid))?;
    let made = make_elements(core, stmt, &name, source);
    look_first_in(core, None)?;
    made
}

/// Puts a schema in front of the search path while its elements are made.
fn look_first_in(core: &SessionCore, schema: Option<Oid>) -> Result<()> {
    core.ddl.lock().creating = schema;
    core.view_generation.store(u64::MAX, std::sync::atomic::Ordering::Relaxed);
    core.refresh_view()
}

/// Elements in the order in which they may need one another: sequences, tables, views, indexes, triggers, grants.
fn make_elements(core: &SessionCore, stmt: &CreateSchemaStmt, name: &SmolStr, source: &str) -> Result<()> {
    let rank = |s: &Statement| match s {
        Statement::CreateSequence(_) => 0,
        Statement::CreateTable(_) => 1,
        Statement::CreateView(_) => 2,
        Statement::CreateIndex(_) => 3,
        Statement::CreateTrigger(_) => 4,
        _ => 5,
    };
    let mut ordered: Vec<&Statement> = stmt.elements.iter().collect();
    ordered.sort_by_key(|s| rank(s));
    ordered.into_iter().try_for_each(|element| super::execute(core, &naming_in_schema(element, name)?, source).map(|_| ()))
}

/// An element of CREATE SCHEMA with what it makes put into the schema. Errors: 42P15 when it names another one.
pub fn naming_in_schema(element: &Statement, schema: &SmolStr) -> Result<Statement> {
    let place = |named: &mut Option<SmolStr>| match named {
        Some(other) if other != schema => Err(err!(
            SqlState::INVALID_SCHEMA_DEFINITION,
            "CREATE specifies a schema ({other}) different from the one being created ({schema})"
        )),
        _ => {
            *named = Some(schema.clone());
            Ok(())
        }
    };
    let mut element = element.clone();
    match &mut element {
        Statement::CreateTable(s) => {
            place(&mut s.relation.schema)?;
            let foreign = s.elements.iter_mut().flat_map(|e| match e {
                TableElement::Column(c) => c.constraints.iter_mut().collect::<Vec<_>>(),
                TableElement::Constraint(c) => vec![c],
                TableElement::Like(_) => Vec::new(),
            });
            for c in foreign {
                if let ConstraintKind::Foreign(f) = &mut c.kind
                    && f.table.schema.is_none()
                {
                    f.table.schema = Some(schema.clone());
                }
            }
        }
        Statement::CreateIndex(s) => place(&mut s.relation.schema)?,
        Statement::CreateView(s) => place(&mut s.relation.schema)?,
        Statement::CreateSequence(s) => place(&mut s.relation.schema)?,
        Statement::CreateTrigger(s) => place(&mut s.relation.schema)?,
        _ => {}
    }
    Ok(element)
}
