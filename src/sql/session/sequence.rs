//! nextval, setval and currval's checks, from a sequence's catalog entry to the sequences of the transaction layer.

use super::SessionCore;
use super::view::{SessionView, bits, denied};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::lookup::acl;
use crate::sql::catalog::objects::{Relation, RelationRef};
use crate::sql::types::Oid;
use crate::txn::SequenceParams;

/// A sequence's definition as the transaction layer wants it.
pub fn params(relation: &Relation) -> Result<SequenceParams> {
    let s =
        relation.sequence.as_ref().ok_or_else(|| err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a sequence", relation.name))?;
    Ok(SequenceParams { start: s.start, increment: s.increment, min: s.min, max: s.max, cycle: s.cycle })
}

fn find(view: &SessionView, oid: Oid) -> Result<RelationRef> {
    let relation = view.catalog.relation(oid).cloned();
    relation.ok_or_else(|| err!(SqlState::UNDEFINED_TABLE, "could not open relation with OID {oid}"))
}

fn check(view: &SessionView, relation: &Relation, wanted: u32) -> Result<()> {
    if view.granted(view.user, relation.owner, relation.acl.as_ref(), 0) & wanted != 0 {
        Ok(())
    } else {
        Err(denied("sequence", &relation.name))
    }
}

/// 42501 unless the user may read the sequence.
pub fn check_usage(core: &SessionCore, oid: Oid) -> Result<()> {
    let view = core.view();
    let relation = find(&view, oid)?;
    params(&relation)?;
    check(&view, &relation, bits::USAGE | acl::SELECT)
}

/// The next value.
pub fn nextval(core: &SessionCore, oid: Oid) -> Result<i64> {
    let view = core.view();
    let relation = find(&view, oid)?;
    let params = params(&relation)?;
    check(&view, &relation, bits::USAGE | acl::UPDATE)?;
    let txn = core.txn()?;
    if txn.is_read_only() {
        return Err(err!(SqlState::READ_ONLY_SQL_TRANSACTION, "cannot execute nextval() in a read-only transaction"));
    }
    txn.nextval(relation.storage.0, &params, &relation.name)
}

/// setval
pub fn setval(core: &SessionCore, oid: Oid, value: i64, called: bool) -> Result<()> {
    let view = core.view();
    let relation = find(&view, oid)?;
    let params = params(&relation)?;
    check(&view, &relation, acl::UPDATE)?;
    let txn = core.txn()?;
    if txn.is_read_only() {
        return Err(err!(SqlState::READ_ONLY_SQL_TRANSACTION, "cannot execute setval() in a read-only transaction"));
    }
    core.server.txns.sequences().set(relation.storage.0, &params, &relation.name, value, called)?;
    txn.require_sync();
    Ok(())
}
