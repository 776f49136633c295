//! REINDEX and CLUSTER: rows and index entries are always in key order, so both only check what they name.

use super::alter::find_index;
use super::naming::{check_owner, find_relation};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::objects::RelKind;
use crate::sql::parser::ast::{ClusterStmt, ReindexStmt, ReindexTarget};
use crate::sql::session::SessionCore;

/// REINDEX
pub fn reindex(core: &SessionCore, stmt: &ReindexStmt) -> Result<()> {
    let view = core.view();
    match &stmt.target {
        ReindexTarget::Index(name) => match find_index(core, name) {
            Some((table, _)) => check_owner(core, &table),
            None if super::naming::try_find_relation(core, name)?.is_some() => {
                Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not an index", name.name))
            }
            None => Err(super::naming::undefined(name)),
        },
        ReindexTarget::Table(name) => {
            let relation = find_relation(core, name)?;
            if !matches!(relation.kind, RelKind::Table | RelKind::MatView) {
                return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a table or materialized view", relation.name));
            }
            check_owner(core, &relation)
        }
        ReindexTarget::Schema(name) => match view.catalog.schema_named(name) {
            Some(schema) if view.has_role_privileges(view.user, schema.owner) => Ok(()),
            Some(_) => Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of schema {name}")),
            None => Err(err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist")),
        },
        ReindexTarget::System(name) | ReindexTarget::Database(name) => {
            if *name != view.database.1 {
                return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "can only reindex the currently open database"));
            }
            Ok(())
        }
    }
}

/// CLUSTER
pub fn cluster(core: &SessionCore, stmt: &ClusterStmt) -> Result<()> {
    let Some(name) = &stmt.relation else { return Ok(()) };
    let relation = find_relation(core, name)?;
    if !matches!(relation.kind, RelKind::Table | RelKind::MatView) {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a table or materialized view", relation.name));
    }
    check_owner(core, &relation)?;
    match &stmt.index {
        Some(index) if relation.indexes.iter().any(|i| i.name == *index) => Ok(()),
        Some(index) => Err(err!(SqlState::UNDEFINED_OBJECT, "index \"{index}\" for table \"{}\" does not exist", relation.name)),
        None => Err(err!(SqlState::UNDEFINED_OBJECT, "there is no previously clustered index for table \"{}\"", relation.name)),
    }
}
