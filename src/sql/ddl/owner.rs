//! ALTER ... OWNER TO and ALTER ... SET SCHEMA.

use super::alter::{check_kind, current, find, put};
use super::function;
use super::naming::check_owner;
use super::rename::{check_create, range_of, single};
use super::restate::capture;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{Database, RelKind, Relation, Schema, UserFunction, UserType, UserTypeKind};
use crate::sql::catalog::{Change, schema_oid};
use crate::sql::parser::ast::{AlterObjectSchemaStmt, AlterOwnerStmt, ObjectRef, ObjectType, RoleSpec};
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;
use crate::txn::{TableMode, Tag, WaitPolicy};
use std::sync::Arc;

/// Demands that the user may give something to a role. Errors: 42501.
fn check_new_owner(core: &SessionCore, role: Oid) -> Result<()> {
    let view = core.view();
    if view.is_member(view.user, role) {
        return Ok(());
    }
    Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be member of role \"{}\"", view.role_name(role)))
}

/// Grants of the old owner become the new one's.
pub fn move_grants(acl: &mut Option<Vec<crate::sql::catalog::objects::AclItem>>, from: Oid, to: Oid) {
    for item in acl.iter_mut().flatten() {
        if item.grantor == from {
            item.grantor = to;
        }
        if item.grantee == from {
            item.grantee = to;
        }
    }
}

/// Gives a relation, and the sequences of its columns, to a role; no checks.
pub fn give_relation(core: &SessionCore, oid: Oid, role: Oid) -> Result<()> {
    let relation = current(core, oid)?;
    let mut changed = Relation::clone(&relation);
    changed.owner = role;
    move_grants(&mut changed.acl, relation.owner, role);
    for column in &mut changed.columns {
        move_grants(&mut column.acl, relation.owner, role);
    }
    put(core, changed)?;
    let view = core.view();
    let owned: Vec<Oid> = view
        .catalog
        .relations()
        .filter(|r| r.sequence.as_ref().and_then(|s| s.owned_by).is_some_and(|(t, _)| t == oid) && r.owner != role)
        .map(|r| r.oid)
        .collect();
    owned.into_iter().try_for_each(|s| give_relation(core, s, role))
}

/// ALTER TABLE ... OWNER TO.
pub fn change_relation_owner(core: &SessionCore, table: Oid, spec: &RoleSpec) -> Result<()> {
    let role = super::schema::role(core, spec)?;
    let relation = current(core, table)?;
    if relation.owner == role {
        return Ok(());
    }
    if let Some((owner, _)) = relation.sequence.as_ref().and_then(|s| s.owned_by) {
        let table = current(core, owner)?.name.clone();
        let e = err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot change owner of sequence \"{}\"", relation.name);
        return Err(e.detail(format!("Sequence \"{}\" is linked to table \"{table}\".", relation.name)));
    }
    let view = core.view();
    if !view.is_superuser(view.user) {
        check_new_owner(core, role)?;
        check_create(core, role, relation.schema)?;
    }
    give_relation(core, table, role)
}

/// Gives a type to a role; no checks.
pub fn give_type(core: &SessionCore, ty: &UserType, role: Oid) -> Result<()> {
    let mut changed = UserType::clone(ty);
    changed.owner = role;
    move_grants(&mut changed.acl, ty.owner, role);
    if let UserTypeKind::Composite { relation } = &changed.kind {
        let mut shape = Relation::clone(&*current(core, *relation)?);
        shape.owner = role;
        put(core, shape)?;
    }
    core.change(Change::Type(Arc::new(changed)), false)
}

/// Gives a schema to a role; no checks.
pub fn give_schema(core: &SessionCore, schema: &Schema, role: Oid) -> Result<()> {
    let mut changed = Schema::clone(schema);
    changed.owner = role;
    move_grants(&mut changed.acl, schema.owner, role);
    core.change(Change::Schema(Arc::new(changed)), false)
}

/// Gives a function to a role; no checks.
pub fn give_function(core: &SessionCore, f: &UserFunction, role: Oid) -> Result<()> {
    let mut changed = UserFunction::clone(f);
    changed.owner = role;
    move_grants(&mut changed.acl, f.owner, role);
    core.change(Change::Function(Arc::new(changed)), false)
}

/// ALTER ... OWNER TO for everything that is no relation.
pub fn execute(core: &SessionCore, stmt: &AlterOwnerStmt) -> Result<()> {
    let role = super::schema::role(core, &stmt.owner)?;
    let view = core.view();
    let must_own = |owner: Oid, what: &str, name: &str| {
        if view.has_role_privileges(view.user, owner) {
            return Ok(());
        }
        Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of {what} {name}"))
    };
    match (stmt.object_type, &stmt.object) {
        (ObjectType::Schema, object) => {
            let name = single(object)?;
            let schema = view.catalog.schema_named(&name).cloned();
            let schema = schema.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"))?;
            must_own(schema.owner, "schema", &name)?;
            check_new_owner(core, role)?;
            give_schema(core, &schema, role)
        }
        (ObjectType::Database, object) => {
            let name = single(object)?;
            let database = view.shared.database_named(&name).cloned();
            let database = database.ok_or_else(|| err!(SqlState::INVALID_CATALOG_NAME, "database \"{name}\" does not exist"))?;
            must_own(database.owner, "database", &name)?;
            check_new_owner(core, role)?;
            let mut changed = Database::clone(&database);
            changed.owner = role;
            move_grants(&mut changed.acl, database.owner, role);
            core.change(Change::Database(Arc::new(changed)), false)
        }
        (ObjectType::Type | ObjectType::Domain, object) => {
            let ty = super::types::from_object(core, object)?;
            super::types::check_type_owner(core, &ty)?;
            check_new_owner(core, role)?;
            check_create(core, role, ty.schema)?;
            give_type(core, &ty, role)
        }
        (ObjectType::Function | ObjectType::Procedure | ObjectType::Routine, ObjectRef::Routine(name)) => {
            let found =
                function::find(core, name, stmt.object_type)?.ok_or_else(|| function::undefined(core, name, stmt.object_type))?;
            must_own(found.owner, "function", &found.name)?;
            check_new_owner(core, role)?;
            check_create(core, role, found.schema)?;
            give_function(core, &found, role)
        }
        (ObjectType::Table | ObjectType::View | ObjectType::MatView | ObjectType::Sequence, object) => {
            let Some(relation) = find(core, &range_of(object)?, false)? else { return Ok(()) };
            check_kind(&relation, stmt.object_type)?;
            check_owner(core, &relation)?;
            change_relation_owner(core, relation.oid, &stmt.owner)
        }
        (kind, _) => Err(SqlError::unsupported(format!("ALTER {} OWNER TO", crate::sql::parser::object_words(kind)))),
    }
}

/// The schema something is moved to. Errors: 3F000, 0A000, 42501.
fn destination(core: &SessionCore, name: &str, from: Oid) -> Result<Oid> {
    let view = core.view();
    let to = view.schema_oid(name).ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"))?;
    let temporary = |s: Oid| Some(s) == view.temp_schema;
    if temporary(to) || temporary(from) {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot move objects into or out of temporary schemas"));
    }
    if to == schema_oid::PG_TOAST {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot move objects into or out of TOAST schema"));
    }
    if to == schema_oid::PG_CATALOG {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied for schema pg_catalog"));
    }
    check_create(core, view.user, to)?;
    Ok(to)
}

/// ALTER ... SET SCHEMA.
pub fn set_schema(core: &SessionCore, stmt: &AlterObjectSchemaStmt) -> Result<()> {
    match (stmt.object_type, &stmt.object) {
        (ObjectType::Table | ObjectType::View | ObjectType::MatView | ObjectType::Sequence | ObjectType::ForeignTable, object) => {
            let Some(relation) = find(core, &range_of(object)?, stmt.if_exists)? else { return Ok(()) };
            check_kind(&relation, stmt.object_type)?;
            check_owner(core, &relation)?;
            core.txn()?.lock(Tag::relation(relation.oid.0), TableMode::AccessExclusive, WaitPolicy::Block)?;
            core.refresh_view()?;
            if let Some((table, _)) = relation.sequence.as_ref().and_then(|s| s.owned_by) {
                let table = current(core, table)?.name.clone();
                let e = err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot move an owned sequence into another schema");
                return Err(e.detail(format!("Sequence \"{}\" is linked to table \"{table}\".", relation.name)));
            }
            let to = destination(core, &stmt.schema, relation.schema)?;
            if to == relation.schema {
                return Ok(());
            }
            let texts = capture(core, &relation.name);
            move_relation(core, relation.oid, to, &stmt.schema)?;
            texts.restate(core)
        }
        (ObjectType::Type | ObjectType::Domain, object) => {
            let ty = super::types::from_object(core, object)?;
            super::types::check_type_owner(core, &ty)?;
            let to = destination(core, &stmt.schema, ty.schema)?;
            if to == ty.schema {
                return Ok(());
            }
            if core.view().catalog.type_named(to, &ty.name).is_some() {
                let message = format!("type \"{}\" already exists in schema \"{}\"", ty.name, stmt.schema);
                return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
            }
            let texts = capture(core, &ty.name);
            let mut changed = UserType::clone(&ty);
            changed.schema = to;
            if let UserTypeKind::Composite { relation } = &changed.kind {
                let mut shape = Relation::clone(&*current(core, *relation)?);
                shape.schema = to;
                put(core, shape)?;
            }
            core.change(Change::Type(Arc::new(changed)), false)?;
            texts.restate(core)
        }
        (ObjectType::Function | ObjectType::Procedure | ObjectType::Routine, ObjectRef::Routine(name)) => {
            let found =
                function::find(core, name, stmt.object_type)?.ok_or_else(|| function::undefined(core, name, stmt.object_type))?;
            let view = core.view();
            if !view.has_role_privileges(view.user, found.owner) {
                return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of function {}", found.name));
            }
            let to = destination(core, &stmt.schema, found.schema)?;
            let texts = capture(core, &found.name);
            core.change(Change::Function(Arc::new(UserFunction { schema: to, ..UserFunction::clone(&found) })), false)?;
            texts.restate(core)
        }
        (kind, _) => Err(SqlError::unsupported(format!("ALTER {} SET SCHEMA", crate::sql::parser::object_words(kind)))),
    }
}

/// Moves a relation with its indexes and owned sequences. Errors: 42P07.
fn move_relation(core: &SessionCore, oid: Oid, to: Oid, schema: &str) -> Result<()> {
    let relation = current(core, oid)?;
    let view = core.view();
    for name in relation.indexes.iter().map(|i| &i.name).chain(std::iter::once(&relation.name)) {
        if view.catalog.class_oid(to, name).is_some() {
            return Err(err!(SqlState::DUPLICATE_TABLE, "relation \"{name}\" already exists in schema \"{schema}\""));
        }
    }
    let mut changed = Relation::clone(&relation);
    changed.schema = to;
    put(core, changed)?;
    let owned: Vec<Oid> = view
        .catalog
        .relations()
        .filter(|r| r.kind == RelKind::Sequence && r.sequence.as_ref().and_then(|s| s.owned_by).is_some_and(|(t, _)| t == oid))
        .map(|r| r.oid)
        .collect();
    for sequence in owned {
        let texts = capture(core, &current(core, sequence)?.name);
        move_relation(core, sequence, to, schema)?;
        texts.restate(core)?;
    }
    Ok(())
}
