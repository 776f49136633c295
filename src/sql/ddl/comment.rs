//! COMMENT ON.

use super::alter::{find_index, kind_words};
use super::naming::{check_owner, find_relation};
use super::rename::{range_of, single};
use super::{function, types};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::{Persistence, RelKind, UserTypeKind};
use crate::sql::catalog::{Change, CommentKey};
use crate::sql::parser::ast::{CommentStmt, ObjectRef, ObjectType, QualName};
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;
use smol_str::SmolStr;

/// Catalogs that comments are filed under.
const PG_CLASS: Oid = Oid(1259);
const PG_TYPE: Oid = Oid(1247);
const PG_PROC: Oid = Oid(1255);
const PG_CONSTRAINT: Oid = Oid(2606);
const PG_NAMESPACE: Oid = Oid(2615);
const PG_DATABASE: Oid = Oid(1262);
const PG_AUTHID: Oid = Oid(1260);

fn must_own(core: &SessionCore, owner: Oid, what: &str, name: &str) -> Result<()> {
    let view = core.view();
    if view.has_role_privileges(view.user, owner) {
        return Ok(());
    }
    Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of {what} {name}"))
}

/// COMMENT ON
pub fn execute(core: &SessionCore, stmt: &CommentStmt) -> Result<()> {
    let (key, temporary) = target(core, stmt)?;
    let text = stmt.comment.as_deref().filter(|t| !t.is_empty()).map(SmolStr::from);
    core.change(Change::Comment(key, text), temporary)
}

fn target(core: &SessionCore, stmt: &CommentStmt) -> Result<(CommentKey, bool)> {
    let view = core.view();
    let at = |class: Oid, object: Oid| (CommentKey { class, object, column: 0 }, false);
    Ok(match (stmt.object_type, &stmt.object) {
        (ObjectType::Table | ObjectType::View | ObjectType::MatView | ObjectType::Sequence | ObjectType::ForeignTable, object) => {
            relation(core, stmt.object_type, object)?
        }
        (ObjectType::Index, object) => {
            let range = range_of(object)?;
            let Some((table, i)) = find_index(core, &range) else {
                if super::naming::try_find_relation(core, &range)?.is_some() {
                    return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not an index", range.name));
                }
                return Err(super::naming::undefined(&range));
            };
            check_owner(core, &table)?;
            at(PG_CLASS, table.indexes[i].oid)
        }
        (ObjectType::Column, object) => column(core, object)?,
        (ObjectType::TabConstraint, ObjectRef::Part { relation, name, .. }) => {
            let table = find_relation(core, &range_of(&ObjectRef::Name(relation.clone()))?)?;
            check_owner(core, &table)?;
            let found = table.constraints.iter().find(|c| c.name == *name).ok_or_else(|| {
                err!(SqlState::UNDEFINED_OBJECT, "constraint \"{name}\" for table \"{}\" does not exist", table.name)
            })?;
            at(PG_CONSTRAINT, found.oid)
        }
        (ObjectType::DomConstraint, ObjectRef::DomainConstraint { domain, name }) => {
            let ty = types::named_type(core, domain)?;
            let missing = || err!(SqlState::UNDEFINED_OBJECT, "constraint \"{name}\" for domain {} does not exist", ty.name);
            let UserTypeKind::Domain { checks, .. } = &ty.kind else { return Err(missing()) };
            at(PG_CONSTRAINT, checks.iter().find(|c| c.name == *name).ok_or_else(missing)?.oid)
        }
        (ObjectType::Type | ObjectType::Domain, object) => {
            let ty = types::from_object(core, object)?;
            types::check_type_owner(core, &ty)?;
            if stmt.object_type == ObjectType::Domain && !matches!(ty.kind, UserTypeKind::Domain { .. }) {
                return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a domain", ty.name));
            }
            at(PG_TYPE, ty.oid)
        }
        (ObjectType::Function | ObjectType::Procedure | ObjectType::Routine, ObjectRef::Routine(name)) => {
            let found =
                function::find(core, name, stmt.object_type)?.ok_or_else(|| function::undefined(core, name, stmt.object_type))?;
            must_own(core, found.owner, "function", &found.name)?;
            at(PG_PROC, found.oid)
        }
        (ObjectType::Schema, object) => {
            let name = single(object)?;
            let schema = view.catalog.schema_named(&name);
            let schema = schema.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"))?;
            must_own(core, schema.owner, "schema", &name)?;
            at(PG_NAMESPACE, schema.oid)
        }
        (ObjectType::Database, object) => {
            let name = single(object)?;
            let database = view.shared.database_named(&name);
            let database = database.ok_or_else(|| err!(SqlState::INVALID_CATALOG_NAME, "database \"{name}\" does not exist"))?;
            must_own(core, database.owner, "database", &name)?;
            at(PG_DATABASE, database.oid)
        }
        (ObjectType::Role, object) => {
            let name = single(object)?;
            let role = view.shared.role_named(&name);
            let role = role.ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "role \"{name}\" does not exist"))?;
            at(PG_AUTHID, role.oid)
        }
        (kind, _) => return Err(SqlError::unsupported(format!("COMMENT ON {}", crate::sql::parser::object_words(kind)))),
    })
}

fn relation(core: &SessionCore, kind: ObjectType, object: &ObjectRef) -> Result<(CommentKey, bool)> {
    let range = range_of(object)?;
    let found = find_relation(core, &range)?;
    let fits = match kind {
        ObjectType::Table => found.kind == RelKind::Table,
        ObjectType::View => found.kind == RelKind::View,
        ObjectType::MatView => found.kind == RelKind::MatView,
        ObjectType::Sequence => found.kind == RelKind::Sequence,
        _ => false,
    };
    if !fits {
        let wanted = match kind {
            ObjectType::Table => kind_words(RelKind::Table).1,
            ObjectType::View => kind_words(RelKind::View).1,
            ObjectType::MatView => kind_words(RelKind::MatView).1,
            ObjectType::Sequence => kind_words(RelKind::Sequence).1,
            _ => "a foreign table",
        };
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not {wanted}", found.name));
    }
    check_owner(core, &found)?;
    let key = CommentKey { class: PG_CLASS, object: found.oid, column: 0 };
    Ok((key, found.persistence == Persistence::Temporary))
}

fn column(core: &SessionCore, object: &ObjectRef) -> Result<(CommentKey, bool)> {
    let (relation, name) = match object {
        ObjectRef::Part { relation, name, .. } => (relation.clone(), name.clone()),
        ObjectRef::Name(n) if n.parts.len() > 1 => {
            let table = QualName { parts: n.parts[..n.parts.len() - 1].to_vec(), pos: n.pos };
            (table, n.last().clone())
        }
        _ => return Err(err!(SqlState::SYNTAX_ERROR, "column name must be qualified")),
    };
    let found = find_relation(core, &range_of(&ObjectRef::Name(relation))?)?;
    if found.kind == RelKind::Sequence {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot set comment on relation \"{}\"", found.name)
            .detail("This operation is not supported for sequences."));
    }
    check_owner(core, &found)?;
    let position = found
        .column(&name)
        .ok_or_else(|| err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", found.name))?;
    let key = CommentKey { class: PG_CLASS, object: found.oid, column: position as i32 + 1 };
    Ok((key, found.persistence == Persistence::Temporary))
}
