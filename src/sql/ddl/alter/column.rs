//! Columns of a table: ADD, DROP, defaults, NOT NULL, generation expressions.

use super::rewrite::{build_indexes, each_row, is_empty, rewrite};
use super::{column_of, current, put};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{ConstraintKind, DefaultDef, Persistence, RelKind, Relation, RelationRef};
use crate::sql::ddl::create_table::{Builder, check_constraint};
use crate::sql::ddl::{drop as dropping, foreign_key, index, notice, stored_expr};
use crate::sql::parser::ast::{ColumnDef, DropBehavior, Expr};
use crate::sql::session::SessionCore;
use crate::sql::session::exprs::SessionExprs;
use crate::sql::table::TableExprs;
use crate::sql::types::io::{IoContext, output_string};
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// 23502 of a table that has NULLs where there must be none.
fn contains_nulls(core: &SessionCore, relation: &Relation, position: usize) -> SqlError {
    let column = &relation.columns[position].name;
    let e = err!(SqlState::NOT_NULL_VIOLATION, "column \"{column}\" of relation \"{}\" contains null values", relation.name);
    crate::sql::table::messages::about(e, &core.view().catalog, relation).column(column.as_str())
}

/// ADD COLUMN.
pub fn add(core: &SessionCore, table: Oid, def: &ColumnDef, if_not_exists: bool, source: &str) -> Result<()> {
    let old = current(core, table)?;
    if old.column(&def.name).is_some() {
        let message = format!("column \"{}\" of relation \"{}\" already exists", def.name, old.name);
        if if_not_exists {
            notice(core, SqlState::DUPLICATE_COLUMN, format!("{message}, skipping"));
            return Ok(());
        }
        return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
    }
    let position = old.columns.len();
    let mut builder = Builder::new(core, Relation::clone(&old));
    builder.add_column(def)?;
    let mut links = Vec::new();
    for pending in std::mem::take(&mut builder.sequences) {
        links.push(builder.make_sequence(&pending)?);
    }
    for (position, expr) in std::mem::take(&mut builder.generated) {
        let shape = Arc::new(builder.relation.clone());
        let sql = stored_expr::generated_text(core, &shape, &expr, position)?;
        builder.relation.columns[position].default = Some(DefaultDef { oid: core.server.catalogs.oids.allocate()?, sql });
    }
    let temporary = old.persistence == Persistence::Temporary;
    let keys = std::mem::take(&mut builder.keys);
    if keys.iter().any(|k| k.primary) {
        refuse_second_primary(&old)?;
        builder.relation.columns[position].not_null = true;
    }
    fill(core, &old, builder.relation.clone(), position)?;
    for link in links {
        core.change(link, temporary)?;
    }
    for c in &builder.checks {
        let mut changed = Relation::clone(&*current(core, table)?);
        let made = check_constraint(core, &changed, c, Some(&def.name))?;
        let (oid, check) = (made.oid, made.validated);
        changed.constraints.push(made);
        let changed = put(core, changed)?;
        if check {
            crate::sql::session::storage::validate_constraint(core, &changed, oid)?;
        }
    }
    for key in keys {
        let mut changed = Relation::clone(&*current(core, table)?);
        let made = index::attach(core, &mut changed, key)?;
        put(core, changed)?;
        build_indexes(core, table, &[made])?;
    }
    for (constraint, key) in &builder.foreign {
        foreign_key::add(core, table, constraint, key, source)?;
    }
    Ok(())
}

/// 42P16 when the table has a primary key already.
pub fn refuse_second_primary(relation: &Relation) -> Result<()> {
    if relation.primary_key().is_none() {
        return Ok(());
    }
    Err(err!(SqlState::INVALID_TABLE_DEFINITION, "multiple primary keys for table \"{}\" are not allowed", relation.name))
}

/// Gives the rows a table has their value of the new column: by remembering one constant, or by a rewrite.
fn fill(core: &SessionCore, old: &RelationRef, mut new: Relation, position: usize) -> Result<()> {
    let column = &new.columns[position];
    if column.generated || is_volatile(core, &new, position)? {
        let shape = Arc::new(new.clone());
        let exprs = SessionExprs::new(core);
        // The default may call nextval of a sequence that the catalog must show already.
        put(core, Relation { storage: old.storage, ..Relation::clone(old) })?;
        rewrite(core, old, new, |_, mut row| {
            row.truncate(position);
            row.resize(position + 1, Datum::Null);
            if !shape.columns[position].generated {
                row[position] = exprs.default_value(&shape, position as u16)?;
            }
            exprs.generate(&shape, &mut row)?;
            if shape.columns[position].not_null && row[position].is_null() {
                return Err(contains_nulls(core, &shape, position));
            }
            Ok(row)
        })?;
        return Ok(());
    }
    let shape = Arc::new(new.clone());
    let value = match SessionExprs::new(core).default_value(&shape, position as u16) {
        Ok(value) => value,
        // A domain may refuse its own default: no matter while there are no rows.
        Err(e) if !is_empty(core, old)? => return Err(e),
        Err(_) => Datum::Null,
    };
    if value.is_null() {
        if column.not_null && !is_empty(core, old)? {
            return Err(contains_nulls(core, &new, position));
        }
    } else {
        let view = core.view().without_path();
        let io = IoContext { types: &view, ..IoContext::plain() };
        let ty = Type::new(column.ty.oid);
        new.columns[position].missing = Some(output_string(&io, &value, ty));
    }
    put(core, new)?;
    Ok(())
}

/// Whether each row needs a value of its own.
fn is_volatile(core: &SessionCore, relation: &Relation, position: usize) -> Result<bool> {
    let column = &relation.columns[position];
    if column.identity.is_some() {
        return Ok(true);
    }
    let Some(default) = &column.default else { return Ok(false) };
    let ast = crate::sql::parser::parse_expression(&default.sql)?;
    let bound = stored_expr::bind_default(core, &ast, &column.name, column.ty)?;
    Ok(stored_expr::volatility(&bound) == 'v')
}

/// DROP COLUMN with what depends on it.
pub fn drop(core: &SessionCore, table: Oid, name: &str, if_exists: bool, behavior: DropBehavior) -> Result<()> {
    let relation = current(core, table)?;
    if relation.column(name).is_none() && if_exists {
        let message = format!("column \"{name}\" of relation \"{}\" does not exist, skipping", relation.name);
        notice(core, SqlState::SUCCESSFUL_COMPLETION, message);
        return Ok(());
    }
    if matches!(name, "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "tableoid") {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot drop system column \"{name}\""));
    }
    let position = column_of(&relation, name)?;
    dropping::drop_column_with_dependents(core, table, position as u16, behavior)
}

/// Whether an index needs a column.
fn index_uses(core: &SessionCore, relation: &RelationRef, at: usize, column: u16) -> Result<bool> {
    let index = &relation.indexes[at];
    if index.include.contains(&column) || index.keys.iter().any(|k| k.column == Some(column)) {
        return Ok(true);
    }
    for sql in index.keys.iter().filter_map(|k| k.expr.as_ref()).chain(&index.predicate) {
        let ast = crate::sql::parser::parse_expression(sql)?;
        let bound = stored_expr::bind_over(core, relation, &ast, None, crate::sql::binder::Standing::Other)?;
        if stored_expr::used_columns(&bound).contains(&column) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes a column a dropped one, together with the indexes and constraints over it. What else depends on it is the caller's.
pub fn drop_column(core: &SessionCore, table: Oid, column: u16) -> Result<()> {
    let old = current(core, table)?;
    let position = usize::from(column);
    if old.columns[position].dropped {
        return Ok(());
    }
    let mut gone = Vec::new();
    for at in 0..old.indexes.len() {
        if index_uses(core, &old, at, column)? {
            gone.push(old.indexes[at].clone());
        }
    }
    let mut new = Relation::clone(&old);
    new.indexes.retain(|i| !gone.iter().any(|g| g.oid == i.oid));
    new.constraints.retain(|c| match &c.kind {
        ConstraintKind::Check { columns, .. } => !columns.contains(&column),
        ConstraintKind::PrimaryKey { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index, .. } => {
            !gone.iter().any(|g| g.oid == *index)
        }
        ConstraintKind::ForeignKey(f) => !f.columns.contains(&column),
    });
    let dropped = &mut new.columns[position];
    let user_type = dropped.ty.oid >= Oid::FIRST_NORMAL;
    dropped.name = SmolStr::from(format!("........pg.dropped.{}........", position + 1));
    dropped.dropped = true;
    dropped.not_null = false;
    (dropped.default, dropped.identity, dropped.generated, dropped.acl) = (None, None, false, None);
    if user_type {
        // The type may be dropped later: no row shall need it.
        dropped.ty = Type::new(Oid::INT4);
        dropped.missing = None;
    }
    let clustering_gone = gone.iter().any(|i| i.primary && i.number == 0);
    if old.kind == RelKind::Composite {
        put(core, new)?;
    } else if user_type || clustering_gone {
        rewrite(core, &old, new, |_, mut row| {
            row[position] = Datum::Null;
            Ok(row)
        })?;
    } else {
        for index in &gone {
            dropping::erase_index(core, &old, index)?;
        }
        put(core, new)?;
    }
    forget_column(core, &old, position)
}

/// Comments on a dropped column, and sequences it owned, go with it.
fn forget_column(core: &SessionCore, old: &Relation, position: usize) -> Result<()> {
    let view = core.view();
    let temporary = old.persistence == Persistence::Temporary;
    let at = crate::sql::catalog::CommentKey { class: Oid(1259), object: old.oid, column: position as i32 + 1 };
    if view.catalog.comment(at).is_some() {
        core.change(Change::Comment(at, None), temporary)?;
    }
    for sequence in view.catalog.relations() {
        if sequence.sequence.as_ref().and_then(|s| s.owned_by) == Some((old.oid, position as u16)) {
            core.change(Change::DropRelation(sequence.oid), temporary)?;
        }
    }
    Ok(())
}

/// SET DEFAULT, or (None) DROP DEFAULT.
pub fn set_default(core: &SessionCore, table: Oid, name: &str, expr: Option<&Expr>) -> Result<()> {
    let relation = current(core, table)?;
    let position = column_of(&relation, name)?;
    let column = &relation.columns[position];
    if column.identity.is_some() {
        let e = err!(SqlState::SYNTAX_ERROR, "column \"{name}\" of relation \"{}\" is an identity column", relation.name);
        return Err(if expr.is_none() { e.hint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.") } else { e });
    }
    if column.generated {
        let e = err!(SqlState::SYNTAX_ERROR, "column \"{name}\" of relation \"{}\" is a generated column", relation.name);
        return Err(if expr.is_none() { e.hint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.") } else { e });
    }
    let text = expr.map(|e| stored_expr::default_text(core, e, name, column.ty)).transpose()?.flatten();
    let default = match text {
        Some(sql) => Some(DefaultDef { oid: core.server.catalogs.oids.allocate()?, sql }),
        None => None,
    };
    let mut changed = Relation::clone(&relation);
    changed.columns[position].default = default;
    put(core, changed).map(|_| ())
}

/// Demands that no row has NULL in a column.
pub fn verify_not_null(core: &SessionCore, relation: &RelationRef, position: usize) -> Result<()> {
    each_row(core, relation, |row| if row[position].is_null() { Err(contains_nulls(core, relation, position)) } else { Ok(()) })
}

/// SET NOT NULL.
pub fn set_not_null(core: &SessionCore, table: Oid, name: &str) -> Result<()> {
    let relation = current(core, table)?;
    let position = column_of(&relation, name)?;
    if relation.columns[position].not_null {
        return Ok(());
    }
    verify_not_null(core, &relation, position)?;
    let mut changed = Relation::clone(&relation);
    changed.columns[position].not_null = true;
    put(core, changed).map(|_| ())
}

/// DROP NOT NULL.
pub fn drop_not_null(core: &SessionCore, table: Oid, name: &str) -> Result<()> {
    let relation = current(core, table)?;
    let position = column_of(&relation, name)?;
    if relation.columns[position].identity.is_some() {
        return Err(err!(SqlState::SYNTAX_ERROR, "column \"{name}\" of relation \"{}\" is an identity column", relation.name));
    }
    let key = relation.primary_key();
    if key.is_some_and(|k| k.keys.iter().any(|k| k.column == Some(position as u16))) {
        return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "column \"{name}\" is in a primary key"));
    }
    let mut changed = Relation::clone(&relation);
    changed.columns[position].not_null = false;
    put(core, changed).map(|_| ())
}

/// DROP EXPRESSION: a generated column becomes an ordinary one.
pub fn drop_expression(core: &SessionCore, table: Oid, name: &str, if_exists: bool) -> Result<()> {
    let relation = current(core, table)?;
    let position = column_of(&relation, name)?;
    if !relation.columns[position].generated {
        let message = format!("column \"{name}\" of relation \"{}\" is not a stored generated column", relation.name);
        if if_exists {
            notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("{message}, skipping"));
            return Ok(());
        }
        return Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
    }
    let mut changed = Relation::clone(&relation);
    changed.columns[position].generated = false;
    changed.columns[position].default = None;
    put(core, changed).map(|_| ())
}
