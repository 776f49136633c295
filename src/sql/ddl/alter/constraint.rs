//! Constraints of a table: ADD, ALTER, VALIDATE, DROP.

use super::column::{refuse_second_primary, verify_not_null};
use super::rewrite::{build_indexes, relayout};
use super::{current, put};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::{Constraint, ConstraintKind, Relation};
use crate::sql::ddl::create_table::check_constraint;
use crate::sql::ddl::index::{self, KeySpec};
use crate::sql::ddl::{drop as dropping, foreign_key, notice};
use crate::sql::parser::ast::{self, DropBehavior};
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;
use smol_str::SmolStr;

/// ADD CONSTRAINT.
pub fn add(core: &SessionCore, table: Oid, c: &ast::Constraint, source: &str) -> Result<()> {
    use ast::ConstraintKind as K;
    match &c.kind {
        K::Check(_) => add_check(core, table, c),
        K::PrimaryKey(i) | K::Unique { index: i, .. } => match &i.existing_index {
            Some(name) => adopt_index(core, table, c, name),
            None => add_key(core, table, c, &i.columns),
        },
        K::Foreign(f) => foreign_key::add(core, table, c, f, source),
        K::Exclude { .. } => add_exclusion(core, table, c),
        _ => Err(SqlError::internal("column constraint on a table")),
    }
}

fn add_check(core: &SessionCore, table: Oid, c: &ast::Constraint) -> Result<()> {
    let mut changed = Relation::clone(&*current(core, table)?);
    let made = check_constraint(core, &changed, c, None)?;
    let (oid, check) = (made.oid, made.validated);
    changed.constraints.push(made);
    let changed = put(core, changed)?;
    if check { crate::sql::session::storage::validate_constraint(core, &changed, oid) } else { Ok(()) }
}

fn add_exclusion(core: &SessionCore, table: Oid, c: &ast::Constraint) -> Result<()> {
    let mut changed = Relation::clone(&*current(core, table)?);
    let (index, constraint) = crate::sql::ddl::exclude::make(core, &changed, c)?;
    let (index_oid, oid) = (index.oid, constraint.oid);
    changed.indexes.push(index);
    changed.constraints.push(constraint);
    let changed = put(core, changed)?;
    build_indexes(core, table, &[index_oid])?;
    crate::sql::session::storage::validate_constraint(core, &changed, oid)
}

fn add_key(core: &SessionCore, table: Oid, c: &ast::Constraint, columns: &[SmolStr]) -> Result<()> {
    let relation = current(core, table)?;
    let spec = KeySpec::from_constraint(c, columns)?;
    let mut changed = Relation::clone(&relation);
    if spec.primary {
        refuse_second_primary(&relation)?;
        index::mark_not_null(&mut changed, &spec)?;
        for name in &spec.columns {
            if let Some(position) = relation.column(name).filter(|&p| !relation.columns[p].not_null) {
                verify_not_null(core, &relation, position)?;
            }
        }
    }
    let made = index::attach(core, &mut changed, spec)?;
    if index::cluster_by(&mut changed, made) {
        return relayout(core, &relation, changed).map(|_| ()).map_err(as_index_build);
    }
    put(core, changed)?;
    build_indexes(core, table, &[made])
}

/// Two rows with one key: what an index build says of them.
fn as_index_build(mut e: SqlError) -> SqlError {
    if e.code() == SqlState::UNIQUE_VIOLATION {
        let fields = e.fields_mut();
        let index = fields.constraint.clone().unwrap_or_default();
        fields.message = format!("could not create unique index \"{index}\"");
        if let Some(detail) = &mut fields.detail {
            *detail = detail.replace(" already exists.", " is duplicated.");
        }
    }
    e
}

/// ADD CONSTRAINT ... USING INDEX.
fn adopt_index(core: &SessionCore, table: Oid, c: &ast::Constraint, name: &SmolStr) -> Result<()> {
    let relation = current(core, table)?;
    let primary = matches!(c.kind, ast::ConstraintKind::PrimaryKey(_));
    let view = core.view();
    let Some(found) = relation.indexes.iter().position(|i| i.name == *name) else {
        let known = view.catalog.class_oid(relation.schema, name).and_then(|oid| view.catalog.index(oid)).is_some();
        return Err(if known {
            err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "index \"{name}\" does not belong to table \"{}\"", relation.name)
                .at(c.pos)
        } else {
            err!(SqlState::UNDEFINED_OBJECT, "index \"{name}\" does not exist").at(c.pos)
        });
    };
    let index = &relation.indexes[found];
    if index.constraint.is_some() {
        let message = format!("index \"{name}\" is already associated with a constraint");
        return Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message).at(c.pos));
    }
    let detail = "Cannot create a primary key or unique constraint using such an index.";
    let refuse = |what: &str| err!(SqlState::WRONG_OBJECT_TYPE, "{what}").detail(detail).at(c.pos);
    if !index.unique {
        return Err(refuse(&format!("\"{name}\" is not a unique index")));
    }
    if index.keys.iter().any(|k| k.expr.is_some()) {
        return Err(refuse(&format!("index \"{name}\" contains expressions")));
    }
    if index.predicate.is_some() {
        return Err(refuse(&format!("\"{name}\" is a partial index")));
    }
    if index.keys.iter().any(|k| k.desc || k.nulls_first) {
        return Err(refuse(&format!("index \"{name}\" column number 1 does not have default sorting behavior")));
    }
    let mut changed = Relation::clone(&relation);
    if primary {
        refuse_second_primary(&relation)?;
        for position in index.keys.iter().filter_map(|k| k.column).map(usize::from) {
            if !relation.columns[position].not_null {
                verify_not_null(core, &relation, position)?;
                changed.columns[position].not_null = true;
            }
        }
    }
    let constraint = c.name.clone().unwrap_or_else(|| name.clone());
    if relation.constraints.iter().any(|o| o.name == constraint) {
        let message = format!("constraint \"{constraint}\" for relation \"{}\" already exists", relation.name);
        return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
    }
    if constraint != *name {
        let message = format!("ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"{name}\" to \"{constraint}\"");
        notice(core, SqlState::SUCCESSFUL_COMPLETION, message);
    }
    let oid = core.server.catalogs.oids.allocate()?;
    let taken = &mut changed.indexes[found];
    (taken.name, taken.primary, taken.constraint) = (constraint.clone(), primary, Some(oid));
    let index = taken.oid;
    changed.constraints.push(Constraint {
        oid,
        name: constraint,
        kind: if primary { ConstraintKind::PrimaryKey { index } } else { ConstraintKind::Unique { index } },
        deferrable: c.deferrable,
        deferred: c.initially_deferred,
        validated: true,
        no_inherit: false,
    });
    put(core, changed).map(|_| ())
}

fn find<'r>(relation: &'r Relation, name: &str) -> Result<(usize, &'r Constraint)> {
    relation
        .constraints
        .iter()
        .enumerate()
        .find(|(_, c)| c.name == name)
        .ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "constraint \"{name}\" of relation \"{}\" does not exist", relation.name))
}

/// ALTER CONSTRAINT: whether and how a foreign key is deferred.
pub fn alter(core: &SessionCore, table: Oid, name: &str, deferrable: bool, deferred: bool) -> Result<()> {
    let relation = current(core, table)?;
    let (at, c) = find(&relation, name)?;
    if !matches!(c.kind, ConstraintKind::ForeignKey(_)) {
        let message = format!("constraint \"{name}\" of relation \"{}\" is not a foreign key constraint", relation.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    let mut changed = Relation::clone(&relation);
    changed.constraints[at].deferrable = deferrable || deferred;
    changed.constraints[at].deferred = deferred;
    put(core, changed).map(|_| ())
}

/// VALIDATE CONSTRAINT.
pub fn validate(core: &SessionCore, table: Oid, name: &str) -> Result<()> {
    let relation = current(core, table)?;
    let (at, c) = find(&relation, name)?;
    if !matches!(c.kind, ConstraintKind::ForeignKey(_) | ConstraintKind::Check { .. }) {
        let message = format!("constraint \"{name}\" of relation \"{}\" is not a foreign key or check constraint", relation.name);
        return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
    }
    if c.validated {
        return Ok(());
    }
    crate::sql::session::storage::validate_constraint(core, &relation, c.oid)?;
    let mut changed = Relation::clone(&relation);
    changed.constraints[at].validated = true;
    put(core, changed).map(|_| ())
}

/// DROP CONSTRAINT, with foreign keys that rely on a dropped key (CASCADE).
pub fn drop(core: &SessionCore, table: Oid, name: &str, if_exists: bool, behavior: DropBehavior) -> Result<()> {
    let relation = current(core, table)?;
    match find(&relation, name) {
        Ok((_, c)) => dropping::drop_constraint_with_dependents(core, table, c.oid, behavior),
        Err(_) if if_exists => {
            let message = format!("constraint \"{name}\" of relation \"{}\" does not exist, skipping", relation.name);
            notice(core, SqlState::SUCCESSFUL_COMPLETION, message);
            Ok(())
        }
        Err(e) => Err(e),
    }
}
