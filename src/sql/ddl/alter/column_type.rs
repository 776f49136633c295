//! ALTER COLUMN ... TYPE: every row gets its new value, and what is stored about the column is made again for the new type.

use super::rewrite::rewrite;
use super::{column_of, current, put};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::Standing;
use crate::sql::catalog::objects::{ConstraintKind, DefaultDef, Relation, RelationRef};
use crate::sql::ddl::create_table::{collation, column_shape};
use crate::sql::ddl::{index, stored_expr};
use crate::sql::parser::ast::{ColumnDef, ColumnRef, Expr, ExprNode, QualNameParts, TypeName};
use crate::sql::parser::parse_expression;
use crate::sql::plan::{Expr as Bound, ExprKind};
use crate::sql::session::SessionCore;
use crate::sql::table::kind_of;
use crate::sql::types::{Oid, Type, typename};
use smol_str::SmolStr;
use std::sync::Arc;

/// The command's parts.
pub struct TypeChange<'a> {
    /// Column.
    pub name: &'a SmolStr,
    /// New type.
    pub type_name: &'a TypeName,
    /// COLLATE and its position.
    pub collation: Option<&'a (QualNameParts, usize)>,
    /// USING.
    pub using: Option<&'a Expr>,
    /// Where the column is named.
    pub pos: usize,
}

/// ALTER COLUMN ... TYPE.
pub fn alter(core: &SessionCore, table: Oid, change: &TypeChange<'_>) -> Result<()> {
    let old = current(core, table)?;
    let position = column_of(&old, change.name)?;
    let column = &old.columns[position];
    if column.generated && change.using.is_some() {
        return Err(err!(SqlState::INVALID_COLUMN_DEFINITION, "cannot specify USING when altering type of generated column"));
    }
    refuse_dependents(core, &old, position)?;
    let def = ColumnDef {
        name: change.name.clone(),
        type_name: Some(change.type_name.clone()),
        collation: change.collation.cloned(),
        compression: None,
        constraints: Vec::new(),
        options: Vec::new(),
        pos: change.pos,
    };
    let shape = column_shape(core, &def)?;
    let mut new = Relation::clone(&old);
    new.columns[position].ty = shape.ty;
    new.columns[position].collation = match change.collation {
        Some((name, pos)) => collation(core, name, *pos)?,
        None => shape.collation,
    };
    let conversion = conversion(core, &old, change, position, shape.ty)?;
    restate(core, &old, &mut new, position)?;
    let view = core.view();
    let same_layout = kind_of(&*view, column.ty.oid)? == kind_of(&*view, shape.ty.oid)?;
    let unchanged = match &conversion.kind {
        ExprKind::Column(_) => true,
        ExprKind::Relabel(arg, _) => matches!(arg.kind, ExprKind::Column(_)),
        _ => false,
    };
    let generated = old.columns.iter().any(|c| c.generated && !c.dropped);
    if same_layout && unchanged && !generated && column.missing.is_none() {
        put(core, new)?;
    } else {
        let mut compiled = stored_expr::compiled(core, Some(&old), &conversion)?;
        let next = Arc::new(new.clone());
        let exprs = crate::sql::session::exprs::SessionExprs::new(core);
        rewrite(core, &old, new, |cx, mut row| {
            let value = compiled.eval_row(cx, &row)?;
            row[position] = value;
            crate::sql::table::TableExprs::generate(&exprs, &next, &mut row)?;
            Ok(row)
        })?;
    }
    recheck_foreign_keys(core, table, position)
}

/// What may not depend on a column whose type changes: views and generated columns. Errors: 0A000, 42601.
fn refuse_dependents(core: &SessionCore, relation: &RelationRef, position: usize) -> Result<()> {
    let name = &relation.columns[position].name;
    for other in core.view().catalog.relations().filter(|r| r.oid != relation.oid) {
        for (_, c) in other.live_columns() {
            if relation.row_type.is_valid() && (c.ty.oid == relation.row_type || c.ty.oid == relation.row_array_type) {
                let message = format!(
                    "cannot alter table \"{}\" because column \"{}.{}\" uses its row type",
                    relation.name, other.name, c.name
                );
                return Err(SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            }
        }
    }
    let used = crate::sql::ddl::view::views_using_column(core, relation.oid, position as u16)?;
    if let Some(view) = used.first() {
        let shown = core.view().class_name(*view).unwrap_or_default();
        let e = err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot alter type of a column used by a view or rule");
        return Err(e.detail(format!("rule _RETURN on view {shown} depends on column \"{name}\"")));
    }
    for (i, c) in relation.live_columns().filter(|(_, c)| c.generated) {
        let Some(default) = &c.default else { continue };
        let bound = stored_expr::bind_over(core, relation, &parse_expression(&default.sql)?, None, Standing::Other)?;
        if i != position && stored_expr::used_columns(&bound).contains(&(position as u16)) {
            let e = err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot alter type of a column used by a generated column");
            return Err(e.detail(format!("Column \"{name}\" is used by generated column \"{}\".", c.name)));
        }
    }
    Ok(())
}

/// The new value from the old row: USING, or the old value cast by assignment. Errors: 42804.
fn conversion(core: &SessionCore, old: &RelationRef, change: &TypeChange<'_>, position: usize, ty: Type) -> Result<Bound> {
    let plain = Expr::new(ExprNode::Column(ColumnRef { names: vec![change.name.clone()], star: false }), change.pos);
    let generated = old.columns[position].generated;
    let expr = match (change.using, &old.columns[position].default) {
        (Some(e), _) => e.clone(),
        (None, Some(d)) if generated => parse_expression(&d.sql)?,
        _ => plain,
    };
    match stored_expr::bind_over(core, old, &expr, Some(ty), Standing::AlterUsing) {
        Err(e) if e.code() == SqlState::CANNOT_COERCE => {
            let view = core.view();
            let shown = typename::format_type_be(&*view, ty.oid);
            let name = change.name;
            if change.using.is_some() {
                let message = format!("result of USING clause for column \"{name}\" cannot be cast automatically to type {shown}");
                return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message).hint("You might need to add an explicit cast."));
            }
            let message = format!("column \"{name}\" cannot be cast automatically to type {shown}");
            let e = SqlError::new(SqlState::DATATYPE_MISMATCH, message);
            let column = crate::sql::session::view::quote_identifier(name);
            let full = typename::format_type(&*view, ty);
            Err(if generated { e } else { e.hint(format!("You might need to specify \"USING {column}::{full}\".")) })
        }
        other => other,
    }
}

/// Default, checks and indexes of the column for its new type. Errors: 42804 for a default that cannot be cast.
fn restate(core: &SessionCore, old: &RelationRef, new: &mut Relation, position: usize) -> Result<()> {
    let shape = Arc::new(new.clone());
    let (name, ty) = (new.columns[position].name.clone(), new.columns[position].ty);
    if let Some(default) = &new.columns[position].default {
        let ast = parse_expression(&default.sql)?;
        let sql = if new.columns[position].generated {
            Some(stored_expr::generated_text(core, &shape, &ast, position)?)
        } else {
            stored_expr::default_text(core, &ast, &name, ty).map_err(|_| {
                let shown = typename::format_type_be(&*core.view(), ty.oid);
                err!(SqlState::DATATYPE_MISMATCH, "default for column \"{name}\" cannot be cast automatically to type {shown}")
            })?
        };
        new.columns[position].default = sql.map(|sql| DefaultDef { oid: default.oid, sql });
    }
    for c in &mut new.constraints {
        if let ConstraintKind::Check { sql, columns } = &mut c.kind
            && columns.contains(&(position as u16))
        {
            (*sql, *columns) = stored_expr::check_text(core, &shape, &parse_expression(sql)?)?;
        }
    }
    let _ = old;
    for i in &mut new.indexes {
        for key in &mut i.keys {
            match (&key.column, &key.expr) {
                (Some(c), _) if usize::from(*c) == position => {
                    index::check_ordered(core, ty, &i.method)?;
                    (key.ty, key.collation) = (ty, shape.columns[position].collation);
                }
                (None, Some(sql)) => {
                    let (sql, ty, collation) =
                        stored_expr::over_relation(core, &shape, &parse_expression(sql)?, Standing::IndexExpression)?;
                    (key.expr, key.ty, key.collation) = (Some(sql), ty, collation);
                }
                _ => {}
            }
        }
        if let Some(p) = &i.predicate {
            i.predicate = Some(stored_expr::over_relation(core, &shape, &parse_expression(p)?, Standing::IndexPredicate)?.0);
        }
    }
    Ok(())
}

/// Foreign keys from and to the column must still compare what they compare. Errors: 42804.
fn recheck_foreign_keys(core: &SessionCore, table: Oid, position: usize) -> Result<()> {
    let view = core.view();
    let position = position as u16;
    for child in view.catalog.relations() {
        for c in &child.constraints {
            let ConstraintKind::ForeignKey(f) = &c.kind else { continue };
            let touched = (child.oid == table && f.columns.contains(&position))
                || (f.target == table && f.target_columns.contains(&position));
            if touched && let Some(target) = view.catalog.relation(f.target) {
                crate::sql::ddl::foreign_key::check_types(core, &c.name, child, target, &f.columns, &f.target_columns)?;
            }
        }
    }
    Ok(())
}
