//! Copying a table's rows into a new shape, and looking at all of them.

use super::{current, put};
use crate::error::{Result, SqlError};
use crate::sql::catalog::objects::{Persistence, Relation, RelationRef, StorageId};
use crate::sql::executor::ExecCx;
use crate::sql::session::SessionCore;
use crate::sql::session::exprs::SessionExprs;
use crate::sql::session::server::TEMPORARY_STORAGE;
use crate::sql::session::storage::with_modifier;
use crate::sql::table::ModifyState;
use crate::sql::table::build::for_each_row;
use crate::sql::types::Datum;

/// Storage for a relation's next version.
pub fn new_storage(core: &SessionCore, relation: &Relation) -> Result<StorageId> {
    let temporary = relation.persistence == Persistence::Temporary;
    Ok(StorageId(core.server.catalogs.oids.allocate()?.0 | if temporary { TEMPORARY_STORAGE } else { 0 }))
}

/// Records `new` as the table's next version and copies every row into it, `convert` making each new row.
/// Errors: those of INSERT without foreign keys.
pub fn rewrite(
    core: &SessionCore,
    old: &RelationRef,
    mut new: Relation,
    mut convert: impl FnMut(&mut ExecCx<'_>, Vec<Datum>) -> Result<Vec<Datum>>,
) -> Result<RelationRef> {
    new.storage = new_storage(core, old)?;
    for column in &mut new.columns {
        column.missing = None;
    }
    let new = put(core, new)?;
    core.txn()?.start_command();
    let exprs = SessionExprs::new(core);
    exprs.evaluate(|cx| {
        with_modifier(core, &mut ModifyState::default(), |m| {
            m.rewrite(old, &new, |row| convert(cx, row))?;
            m.finish()
        })
    })?;
    Ok(new)
}

/// Copies the rows unchanged: for changes of the layout alone.
pub fn relayout(core: &SessionCore, old: &RelationRef, new: Relation) -> Result<RelationRef> {
    rewrite(core, old, new, |_, row| Ok(row))
}

/// Calls `work` for every row a table has.
pub fn each_row(core: &SessionCore, relation: &RelationRef, mut work: impl FnMut(Vec<Datum>) -> Result<()>) -> Result<()> {
    core.txn()?.start_command();
    with_modifier(core, &mut ModifyState::default(), |m| for_each_row(&m.cx, relation, |_, row| work(row)))
}

/// Whether a table has no rows.
pub fn is_empty(core: &SessionCore, relation: &RelationRef) -> Result<bool> {
    let mut any = false;
    let stop = each_row(core, relation, |_| {
        any = true;
        Err(SqlError::internal("one row is enough"))
    });
    if any { Ok(false) } else { stop.map(|()| true) }
}

/// Fills the indexes that are new in the current version of a table.
pub fn build_indexes(core: &SessionCore, table: crate::sql::types::Oid, indexes: &[crate::sql::types::Oid]) -> Result<()> {
    let relation = current(core, table)?;
    for index in indexes {
        crate::sql::session::storage::build_index(core, &relation, *index)?;
    }
    Ok(())
}
