//! FOREIGN KEY: checking and recording a reference (tablecmds.c, ATAddForeignKeyConstraint).

use super::naming::{choose_name, find_relation};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{Constraint, ConstraintKind, FkAction, ForeignKey, Persistence, RelKind, Relation};
use crate::sql::parser::ast;
use crate::sql::session::SessionCore;
use crate::sql::types::{Oid, typename};
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;
use std::sync::Arc;

fn action(a: ast::FkAction) -> FkAction {
    match a {
        ast::FkAction::NoAction => FkAction::NoAction,
        ast::FkAction::Restrict => FkAction::Restrict,
        ast::FkAction::Cascade => FkAction::Cascade,
        ast::FkAction::SetNull => FkAction::SetNull,
        ast::FkAction::SetDefault => FkAction::SetDefault,
    }
}

fn positions(relation: &Relation, names: &[SmolStr]) -> Result<Vec<u16>> {
    let find = |name: &SmolStr| {
        let missing = || err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" referenced in foreign key constraint does not exist");
        relation.column(name).map(|p| p as u16).ok_or_else(missing)
    };
    names.iter().map(find).collect()
}

/// The target's key columns and index. Errors: 42704 without a primary key, 42830 without a matching unique constraint.
fn target_key(target: &Relation, columns: &[SmolStr]) -> Result<(Vec<u16>, Oid)> {
    if columns.is_empty() {
        let key = target
            .primary_key()
            .ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "there is no primary key for referenced table \"{}\"", target.name))?;
        return Ok((key.keys.iter().filter_map(|k| k.column).collect(), key.oid));
    }
    let wanted = positions(target, columns)?;
    for (i, c) in wanted.iter().enumerate() {
        if wanted[..i].contains(c) {
            return Err(err!(SqlState::INVALID_FOREIGN_KEY, "foreign key referenced-columns list must not contain duplicates"));
        }
    }
    let matches = |i: &&crate::sql::catalog::objects::Index| {
        i.unique
            && i.predicate.is_none()
            && i.keys.len() == wanted.len()
            && i.keys.iter().all(|k| k.column.is_some_and(|c| wanted.contains(&c)))
    };
    let found = target.indexes.iter().find(matches).ok_or_else(|| {
        err!(
            SqlState::INVALID_FOREIGN_KEY,
            "there is no unique constraint matching given keys for referenced table \"{}\"",
            target.name
        )
    })?;
    Ok((wanted, found.oid))
}

/// Whether values of the two types can be compared by one `=`.
fn comparable(a: Oid, b: Oid) -> bool {
    let class = |t: Oid| match t {
        Oid::INT2 | Oid::INT4 | Oid::INT8 => 1,
        Oid::NUMERIC => 2,
        Oid::FLOAT4 | Oid::FLOAT8 => 3,
        Oid::TEXT | Oid::VARCHAR => 10,
        Oid::BPCHAR => 11,
        Oid::NAME => 12,
        Oid::DATE => 20,
        Oid::TIMESTAMP => 21,
        Oid::TIMESTAMPTZ => 22,
        other => other.0 + 1000,
    };
    let (x, y) = (class(a), class(b));
    // The referencing side may be cast implicitly to the referenced one.
    x == y || (x < y && y <= 3) || (x == 11 && y == 10) || (x == 12 && y == 10) || (20..=22).contains(&x) && (20..=22).contains(&y)
}

/// Demands that each pair of columns can be compared. Errors: 42804.
pub fn check_types(
    core: &SessionCore,
    name: &str,
    relation: &Relation,
    target: &Relation,
    columns: &[u16],
    target_columns: &[u16],
) -> Result<()> {
    let view = core.view();
    for (&from, &to) in columns.iter().zip(target_columns) {
        let (a, b) = (&relation.columns[from as usize], &target.columns[to as usize]);
        let base = |t: Oid| typename::base_type(&*view, t);
        if comparable(base(a.ty.oid), base(b.ty.oid)) {
            continue;
        }
        let show = |t: Oid| typename::format_type_be(&*view, t);
        let (left, right) = (show(a.ty.oid), show(b.ty.oid));
        let detail = format!("Key columns \"{}\" and \"{}\" are of incompatible types: {left} and {right}.", a.name, b.name);
        let message = format!("foreign key constraint \"{name}\" cannot be implemented");
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message).detail(detail));
    }
    Ok(())
}

/// Adds a foreign key to a table and checks the rows it has.
pub fn add(core: &SessionCore, table: Oid, c: &ast::Constraint, key: &ast::ForeignKey, _source: &str) -> Result<()> {
    let target = find_relation(core, &key.table)?;
    let view = core.view();
    let relation = view.catalog.relation(table).cloned().ok_or_else(|| SqlError::internal("table vanished"))?;
    if target.kind != RelKind::Table {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "referenced relation \"{}\" is not a table", target.name));
    }
    let temporary = relation.persistence == Persistence::Temporary;
    if temporary != (target.persistence == Persistence::Temporary) {
        let (a, b) = if temporary { ("temporary", "temporary") } else { ("permanent", "permanent") };
        return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "constraints on {a} tables may reference only {b} tables"));
    }
    if key.matching == ast::FkMatch::Partial {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "MATCH PARTIAL not yet implemented").at(c.pos));
    }
    core.txn()?.lock(Tag::relation(target.oid.0), TableMode::ShareRowExclusive, WaitPolicy::Block)?;
    let columns = positions(&relation, &key.columns)?;
    let (target_columns, target_index) = target_key(&target, &key.ref_columns)?;
    if columns.len() != target_columns.len() {
        return Err(err!(SqlState::INVALID_FOREIGN_KEY, "number of referencing and referenced columns for foreign key disagree"));
    }
    let name = constraint_name(&relation, c, &columns)?;
    check_types(core, &name, &relation, &target, &columns, &target_columns)?;
    let delete_set_columns = positions(&relation, &key.delete_columns)?;
    for (name, position) in key.delete_columns.iter().zip(&delete_set_columns) {
        if !columns.contains(position) {
            let message = format!("column \"{name}\" referenced in ON DELETE SET action must be part of foreign key");
            return Err(SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message));
        }
    }
    let constraint = Constraint {
        oid: core.server.catalogs.oids.allocate()?,
        name,
        kind: ConstraintKind::ForeignKey(ForeignKey {
            columns,
            target: target.oid,
            target_columns,
            target_index,
            on_update: action(key.on_update),
            on_delete: action(key.on_delete),
            match_full: key.matching == ast::FkMatch::Full,
            delete_set_columns,
        }),
        deferrable: c.deferrable,
        deferred: c.initially_deferred,
        validated: !c.not_valid,
        no_inherit: false,
    };
    let oid = constraint.oid;
    let mut changed = Relation::clone(&relation);
    changed.constraints.push(constraint);
    let changed = Arc::new(changed);
    core.change(Change::Relation(Arc::clone(&changed)), temporary)?;
    if c.not_valid { Ok(()) } else { crate::sql::session::storage::validate_constraint(core, &changed, oid) }
}

fn constraint_name(relation: &Relation, c: &ast::Constraint, columns: &[u16]) -> Result<SmolStr> {
    if let Some(name) = &c.name {
        if relation.constraints.iter().any(|o| o.name == *name) {
            let message = format!("constraint \"{name}\" for relation \"{}\" already exists", relation.name);
            return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
        }
        return Ok(name.clone());
    }
    let names: Vec<&str> = columns.iter().map(|&c| relation.columns[c as usize].name.as_str()).collect();
    Ok(choose_name(|n| relation.constraints.iter().any(|o| o.name == n), &relation.name, Some(&names.join("_")), "fkey"))
}
