//! Identity of a column: ADD, SET, DROP.

use super::{column_of, current, put};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{Identity, Persistence, Relation, RelationRef};
use crate::sql::ddl::create_table::{Builder, PendingSequence};
use crate::sql::ddl::{notice, sequence};
use crate::sql::parser::ast::{DefElem, DefValue};
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;

/// The sequence behind an identity column.
fn identity_sequence(core: &SessionCore, table: Oid, position: usize) -> Result<RelationRef> {
    let view = core.view();
    let owns = |r: &&RelationRef| r.sequence.as_ref().is_some_and(|s| s.identity && s.owned_by == Some((table, position as u16)));
    view.catalog.relations().find(owns).cloned().ok_or_else(|| SqlError::internal("no owned sequence found"))
}

fn not_identity(relation: &Relation, name: &str) -> String {
    format!("column \"{name}\" of relation \"{}\" is not an identity column", relation.name)
}

/// ADD GENERATED ... AS IDENTITY.
pub fn add(core: &SessionCore, table: Oid, name: &str, always: bool, options: &[DefElem]) -> Result<()> {
    let relation = current(core, table)?;
    let position = column_of(&relation, name)?;
    let column = &relation.columns[position];
    let wrong =
        |what: &str| err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "column \"{name}\" of relation \"{}\" {what}", relation.name);
    if !column.not_null {
        return Err(wrong("must be declared NOT NULL before identity can be added"));
    }
    if column.identity.is_some() {
        return Err(wrong("is already an identity column"));
    }
    if column.default.is_some() {
        return Err(wrong("already has a default value"));
    }
    let mut builder = Builder::new(core, Relation::clone(&relation));
    builder.relation.columns[position].identity = Some(if always { Identity::Always } else { Identity::ByDefault });
    let pending = PendingSequence { column: position, identity: true, options: options.to_vec() };
    let link = builder.make_sequence(&pending)?;
    let temporary = relation.persistence == Persistence::Temporary;
    put(core, builder.relation)?;
    core.change(link, temporary)
}

/// SET GENERATED and SET sequence options, RESTART.
pub fn set(core: &SessionCore, table: Oid, name: &str, options: &[DefElem]) -> Result<()> {
    let relation = current(core, table)?;
    let position = column_of(&relation, name)?;
    if relation.columns[position].identity.is_none() {
        return Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, not_identity(&relation, name)));
    }
    let mut rest = Vec::new();
    for o in options {
        if o.name == "generated" {
            let always = matches!(o.value, Some(DefValue::Boolean(true)) | Some(DefValue::Integer(97)));
            let mut changed = Relation::clone(&*current(core, table)?);
            changed.columns[position].identity = Some(if always { Identity::Always } else { Identity::ByDefault });
            put(core, changed)?;
        } else {
            rest.push(o.clone());
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    let sequence = identity_sequence(core, table, position)?;
    sequence::alter(core, &sequence, &rest)
}

/// DROP IDENTITY.
pub fn drop(core: &SessionCore, table: Oid, name: &str, if_exists: bool) -> Result<()> {
    let relation = current(core, table)?;
    let position = column_of(&relation, name)?;
    if relation.columns[position].identity.is_none() {
        let message = not_identity(&relation, name);
        if if_exists {
            notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("{message}, skipping"));
            return Ok(());
        }
        return Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
    }
    let sequence = identity_sequence(core, table, position)?;
    let mut changed = Relation::clone(&relation);
    changed.columns[position].identity = None;
    put(core, changed)?;
    core.change(Change::DropRelation(sequence.oid), relation.persistence == Persistence::Temporary)
}
