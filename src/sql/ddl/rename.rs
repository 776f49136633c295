//! ALTER ... RENAME.

use super::alter::{check_kind, column_of, current, kind_words, put};
use super::naming::{check_owner, try_find_relation, undefined};
use super::restate::capture;
use super::{function, notice};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{Database, RelKind, Relation, RelationRef, Role, Schema, UserFunction, UserType, UserTypeKind};
use crate::sql::parser::ast::{ObjectRef, ObjectType, QualName, RangeVar, RenameStmt};
use crate::sql::session::SessionCore;
use crate::sql::session::view::{bits, denied};
use crate::sql::types::Oid;
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;
use std::sync::Arc;

/// ALTER ... RENAME; the caller makes the tag.
pub fn execute(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    use ObjectType as O;
    match stmt.object_type {
        O::Table | O::View | O::MatView | O::Sequence | O::Index | O::ForeignTable => rename_relation(core, stmt),
        O::Column | O::Attribute => rename_column(core, stmt),
        O::TabConstraint => rename_constraint(core, stmt),
        O::DomConstraint => rename_domain_constraint(core, stmt),
        O::Type | O::Domain => rename_type(core, stmt),
        O::Schema => rename_schema(core, stmt),
        O::Role => rename_role(core, stmt),
        O::Database => rename_database(core, stmt),
        O::Function | O::Procedure | O::Routine => rename_routine(core, stmt),
        _ => Err(SqlError::unsupported(crate::sql::parser::command_tag(&crate::sql::parser::ast::Statement::Rename(Box::new(
            stmt.clone(),
        ))))),
    }
}

/// A name as a relation's.
pub fn range_of(object: &ObjectRef) -> Result<RangeVar> {
    let from = |name: &QualName| RangeVar { schema: name.schema().cloned(), ..RangeVar::bare(name.last().clone(), name.pos) };
    match object {
        ObjectRef::Relation(r) => Ok(r.clone()),
        ObjectRef::Name(n) => Ok(from(n)),
        ObjectRef::Part { relation, .. } => Ok(from(relation)),
        _ => Err(SqlError::internal("not the name of a relation")),
    }
}

/// A single name.
pub fn single(object: &ObjectRef) -> Result<SmolStr> {
    match object {
        ObjectRef::Name(n) => Ok(n.last().clone()),
        ObjectRef::Relation(r) => Ok(r.name.clone()),
        _ => Err(SqlError::internal("not a name")),
    }
}

fn lock_name(core: &SessionCore, class: u32, name: &str) -> Result<()> {
    core.txn()?.lock(Tag::name(class, name), TableMode::Exclusive, WaitPolicy::Block)?;
    core.refresh_view()
}

/// 42501 unless the user may create in a schema.
pub fn check_create(core: &SessionCore, role: Oid, schema: Oid) -> Result<()> {
    let view = core.view();
    let Some(s) = view.catalog.schema(schema) else { return Ok(()) };
    if Some(schema) == view.temp_schema || view.granted(role, s.owner, s.acl.as_ref(), 0) & bits::CREATE != 0 {
        return Ok(());
    }
    Err(denied("schema", &s.name))
}

fn locked(core: &SessionCore, relation: &RelationRef) -> Result<RelationRef> {
    check_owner(core, relation)?;
    core.txn()?.lock(Tag::relation(relation.oid.0), TableMode::AccessExclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    current(core, relation.oid)
}

fn rename_relation(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let range = range_of(&stmt.object)?;
    let Some(relation) = try_find_relation(core, &range)? else {
        if let Some((table, at)) = super::alter::find_index(core, &range) {
            if !matches!(stmt.object_type, ObjectType::Index | ObjectType::Table) {
                let what = if stmt.object_type == ObjectType::View { "a view" } else { "a sequence" };
                return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not {what}", range.name));
            }
            return rename_index(core, &table, at, &stmt.new_name);
        }
        if stmt.if_exists {
            notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("relation \"{}\" does not exist, skipping", range.name));
            return Ok(());
        }
        return Err(undefined(&range));
    };
    if stmt.object_type == ObjectType::Index {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not an index", relation.name));
    }
    check_kind(&relation, stmt.object_type)?;
    let relation = locked(core, &relation)?;
    check_create(core, core.view().user, relation.schema)?;
    let taken = core.view().catalog.class_oid(relation.schema, &stmt.new_name).is_some();
    super::naming::claim_name(core, relation.schema, &stmt.new_name)
        .map_err(|e| if taken { err!(SqlState::DUPLICATE_TABLE, "relation \"{}\" already exists", stmt.new_name) } else { e })?;
    if core.view().catalog.type_named(relation.schema, &stmt.new_name).is_some() && relation.row_type.is_valid() {
        return Err(err!(SqlState::DUPLICATE_OBJECT, "type \"{}\" already exists", stmt.new_name));
    }
    let texts = capture(core, &relation.name);
    let mut changed = Relation::clone(&relation);
    changed.name = stmt.new_name.clone();
    put(core, changed)?;
    texts.restate(core)
}

fn rename_index(core: &SessionCore, table: &RelationRef, at: usize, name: &SmolStr) -> Result<()> {
    check_owner(core, table)?;
    super::naming::claim_name(core, table.schema, name)?;
    let mut changed = Relation::clone(&*current(core, table.oid)?);
    changed.indexes[at].name = name.clone();
    let oid = changed.indexes[at].oid;
    rename_key_constraint(&mut changed, oid, name);
    put(core, changed).map(|_| ())
}

fn rename_key_constraint(relation: &mut Relation, index: Oid, name: &SmolStr) {
    let Some(constraint) = relation.indexes.iter().find(|i| i.oid == index).and_then(|i| i.constraint) else { return };
    for c in relation.constraints.iter_mut().filter(|c| c.oid == constraint) {
        c.name = name.clone();
    }
}

fn rename_column(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let range = range_of(&stmt.object)?;
    let Some(relation) = super::alter::find(core, &range, stmt.if_exists)? else { return Ok(()) };
    let old = stmt.subname.as_ref().ok_or_else(|| SqlError::internal("column without a name"))?;
    if stmt.object_type == ObjectType::Attribute && relation.kind != RelKind::Composite {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a composite type", relation.name));
    }
    if relation.kind == RelKind::Sequence {
        let (word, _) = kind_words(relation.kind);
        let e = err!(SqlState::WRONG_OBJECT_TYPE, "cannot rename columns of relation \"{}\"", relation.name);
        return Err(e.detail(format!("This operation is not supported for {word}s.")));
    }
    let relation = if relation.kind == RelKind::Composite { relation } else { locked(core, &relation)? };
    if matches!(old.as_str(), "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "tableoid") {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot rename system column \"{old}\""));
    }
    let position = relation.column(old).ok_or_else(|| err!(SqlState::UNDEFINED_COLUMN, "column \"{old}\" does not exist"))?;
    let new = &stmt.new_name;
    if matches!(new.as_str(), "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "tableoid") {
        return Err(err!(SqlState::DUPLICATE_COLUMN, "column name \"{new}\" conflicts with a system column name"));
    }
    if relation.column(new).is_some() {
        let message = format!("column \"{new}\" of relation \"{}\" already exists", relation.name);
        return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
    }
    let texts = capture(core, old);
    let mut changed = Relation::clone(&relation);
    changed.columns[position].name = new.clone();
    put(core, changed)?;
    debug_assert!(column_of(&*current(core, relation.oid)?, new).is_ok());
    texts.restate(core)
}

fn rename_constraint(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let range = range_of(&stmt.object)?;
    let Some(relation) = super::alter::find(core, &range, stmt.if_exists)? else { return Ok(()) };
    let relation = locked(core, &relation)?;
    let old = stmt.subname.as_deref().unwrap_or("");
    let new = &stmt.new_name;
    let at =
        relation.constraints.iter().position(|c| c.name == old).ok_or_else(|| {
            err!(SqlState::UNDEFINED_OBJECT, "constraint \"{old}\" for table \"{}\" does not exist", relation.name)
        })?;
    if relation.constraints.iter().any(|c| c.name == *new) {
        let message = format!("constraint \"{new}\" for relation \"{}\" already exists", relation.name);
        return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
    }
    let mut changed = Relation::clone(&relation);
    let oid = changed.constraints[at].oid;
    if let Some(i) = changed.indexes.iter().position(|i| i.constraint == Some(oid)) {
        super::naming::claim_name(core, relation.schema, new)?;
        changed.indexes[i].name = new.clone();
    }
    changed.constraints[at].name = new.clone();
    put(core, changed).map(|_| ())
}

fn rename_domain_constraint(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let ty = super::types::from_object(core, &stmt.object)?;
    super::types::check_type_owner(core, &ty)?;
    let mut changed = UserType::clone(&ty);
    let UserTypeKind::Domain { checks, .. } = &mut changed.kind else {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a domain", ty.name));
    };
    let old = stmt.subname.clone().unwrap_or_default();
    if checks.iter().any(|c| c.name == stmt.new_name) {
        let message = format!("constraint \"{}\" for domain {} already exists", stmt.new_name, ty.name);
        return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
    }
    let check = checks
        .iter_mut()
        .find(|c| c.name == old)
        .ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "constraint \"{old}\" for domain {} does not exist", ty.name))?;
    check.name = stmt.new_name.clone();
    core.change(Change::Type(Arc::new(changed)), false)
}

fn rename_type(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let ty = super::types::from_object(core, &stmt.object)?;
    super::types::check_type_owner(core, &ty)?;
    if stmt.object_type == ObjectType::Domain && !matches!(ty.kind, UserTypeKind::Domain { .. }) {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a domain", ty.name));
    }
    let new = &stmt.new_name;
    lock_name(core, ty.schema.0, new)?;
    if core.view().catalog.type_named(ty.schema, new).is_some() {
        return Err(err!(SqlState::DUPLICATE_OBJECT, "type \"{new}\" already exists"));
    }
    let texts = capture(core, &ty.name);
    let mut changed = UserType::clone(&ty);
    changed.name = new.clone();
    if let UserTypeKind::Composite { relation } = &changed.kind {
        let mut shape = Relation::clone(&*current(core, *relation)?);
        shape.name = new.clone();
        put(core, shape)?;
    }
    core.change(Change::Type(Arc::new(changed)), false)?;
    texts.restate(core)
}

fn rename_schema(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let (old, new) = (single(&stmt.object)?, &stmt.new_name);
    lock_name(core, 2615, new)?;
    let view = core.view();
    let schema = view.catalog.schema_named(&old).cloned();
    let schema = schema.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{old}\" does not exist"))?;
    if view.catalog.schema_named(new).is_some() {
        return Err(err!(SqlState::DUPLICATE_SCHEMA, "schema \"{new}\" already exists"));
    }
    if !view.has_role_privileges(view.user, schema.owner) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of schema {old}"));
    }
    if new.starts_with("pg_") {
        return Err(err!(SqlState::RESERVED_NAME, "unacceptable schema name \"{new}\"")
            .detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    let texts = capture(core, &old);
    let mut changed = Schema::clone(&schema);
    changed.name = new.clone();
    core.change(Change::Schema(Arc::new(changed)), false)?;
    texts.restate(core)
}

fn rename_role(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let (old, new) = (single(&stmt.object)?, &stmt.new_name);
    lock_name(core, 1260, new)?;
    let view = core.view();
    let role = view.shared.role_named(&old).cloned();
    let role = role.ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "role \"{old}\" does not exist"))?;
    let users = core.users.read().clone();
    if role.oid == users.session {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "session user cannot be renamed"));
    }
    if role.oid == users.current {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "current user cannot be renamed"));
    }
    if new.starts_with("pg_") || new == "public" || new == "none" {
        return Err(err!(SqlState::RESERVED_NAME, "role name \"{new}\" is reserved")
            .detail("Role names starting with \"pg_\" are reserved."));
    }
    if view.shared.role_named(new).is_some() {
        return Err(err!(SqlState::DUPLICATE_OBJECT, "role \"{new}\" already exists"));
    }
    let may = view.shared.role(view.user).is_some_and(|u| u.superuser || (u.create_role && !role.superuser));
    if !may {
        let message = if role.superuser { "must be superuser to rename superusers" } else { "permission denied to rename role" };
        return Err(SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    core.change(Change::Role(Arc::new(Role { name: new.clone(), ..Role::clone(&role) })), false)
}

fn rename_database(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let (old, new) = (single(&stmt.object)?, &stmt.new_name);
    lock_name(core, 1262, new)?;
    let view = core.view();
    let database = view.shared.database_named(&old).cloned();
    let database = database.ok_or_else(|| err!(SqlState::INVALID_CATALOG_NAME, "database \"{old}\" does not exist"))?;
    if !view.has_role_privileges(view.user, database.owner) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of database {old}"));
    }
    if view.shared.database_named(new).is_some() {
        return Err(err!(SqlState::DUPLICATE_DATABASE, "database \"{new}\" already exists"));
    }
    if database.oid == core.entry.database {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "current database cannot be renamed"));
    }
    core.change(Change::Database(Arc::new(Database { name: new.clone(), ..Database::clone(&database) })), false)
}

fn rename_routine(core: &SessionCore, stmt: &RenameStmt) -> Result<()> {
    let ObjectRef::Routine(name) = &stmt.object else { return Err(SqlError::internal("not a routine")) };
    let found = function::find(core, name, stmt.object_type)?.ok_or_else(|| function::undefined(core, name, stmt.object_type))?;
    let view = core.view();
    if !view.has_role_privileges(view.user, found.owner) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of function {}", found.name));
    }
    let new = &stmt.new_name;
    if view.catalog.functions_named(found.schema, new).any(|f| f.arg_types == found.arg_types) {
        let types: Vec<String> = found.arg_types.iter().map(|t| crate::sql::types::typename::format_type_be(&*view, *t)).collect();
        let schema = view.catalog.schema(found.schema).map(|s| s.name.clone()).unwrap_or_default();
        let message = format!("function {new}({}) already exists in schema \"{schema}\"", types.join(", "));
        return Err(SqlError::new(SqlState::DUPLICATE_FUNCTION, message));
    }
    let texts = capture(core, &found.name);
    core.change(Change::Function(Arc::new(UserFunction { name: new.clone(), ..UserFunction::clone(&found) })), false)?;
    texts.restate(core)
}
