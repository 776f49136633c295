//! INSERT: column lists, VALUES rows with DEFAULT, queries as source, RETURNING.

use super::assign::Value;
use super::{Binder, Change, TargetEntry, plain_target};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::binder::from::visible;
use crate::sql::binder::scope::Place;
use crate::sql::binder::select::{Purpose, nothing, project_sets};
use crate::sql::binder::{Bound, output_ref};
use crate::sql::catalog::lookup::acl;
use crate::sql::catalog::objects::RelKind;
use crate::sql::parser::ast::{self, ColumnTarget, Indirection, InsertStmt, Overriding, SelectBody, SelectStmt};
use crate::sql::plan::{ColId, Expr, ExprKind, InsertColumn, Modify, ModifyAction, Output, Rel};
use crate::sql::types::{Datum, Oid};

/// A column to insert into: its position in the named relation, path of a part, place.
pub(super) struct IntoColumn<'s> {
    pub column: usize,
    pub path: &'s [Indirection],
    pub pos: usize,
}

/// Values by table column: one expression (or DEFAULT) a row.
pub(super) struct ColumnValues {
    pub attr: u16,
    pub column: usize,
    pub cells: Vec<Option<Expr>>,
}

impl Binder<'_> {
    pub(crate) fn insert(&mut self, stmt: &InsertStmt) -> Result<Bound> {
        self.modify_level(stmt.with.as_deref(), |b| b.insert_body(stmt))
    }

    fn insert_body(&mut self, stmt: &InsertStmt) -> Result<Modify> {
        let relation = self.target_relation(&stmt.relation)?;
        let alias = stmt.relation.alias.as_ref();
        let target = if relation.kind == RelKind::View {
            self.view_target(&relation, alias, Change::Insert, true)?
        } else {
            let name = alias.map_or_else(|| relation.name.clone(), |a| a.name.clone());
            let (rte, _) = self.row_entry(&relation, name, alias.is_some());
            plain_target(&relation, rte)
        };
        let new_row = self.all_columns(target.base_rte);
        let columns = self.insert_columns(&target, &stmt.columns)?;
        let explicit = !stmt.columns.is_empty();
        let (source, action_columns) = match &stmt.source {
            None => (nothing(), self.insert_plan(&target, Vec::new())?),
            Some(source) => match plain_values(source) {
                Some(rows) => self.insert_rows(&target, columns, explicit, rows, stmt.overriding)?,
                None => self.insert_query(&target, columns, explicit, source, stmt.overriding)?,
            },
        };
        let used: Vec<u16> =
            (0..action_columns.len() as u16).filter(|i| matches!(action_columns[*i as usize], InsertColumn::Source(_))).collect();
        self.check_target_privilege(&target, acl::INSERT, &used)?;
        let on_conflict = match &stmt.on_conflict {
            Some(clause) => Some(self.on_conflict(clause, &target, alias)?),
            None => None,
        };
        self.scope_mut().ns = vec![visible(target.seen_rte)];
        let returning = self.returning_list(&stmt.returning)?;
        if !returning.is_empty() {
            self.check_target_privilege(&target, acl::SELECT, &[])?;
        }
        let rules = self.row_rules(&target.base, &new_row, target.checks)?;
        Ok(Modify {
            relation: target.base,
            action: ModifyAction::Insert { columns: action_columns, on_conflict },
            source,
            returning,
            new_row,
            checks: rules.checks,
            generated: rules.generated,
            index_exprs: rules.index_exprs,
            table_oid_col: None,
        })
    }

    /// Privileges on the named relation, and of a view's owner on its table.
    pub(super) fn check_target_privilege(&self, target: &TargetEntry, bits: u32, columns: &[u16]) -> Result<()> {
        if std::sync::Arc::ptr_eq(&target.seen, &target.base) {
            return self.cx.catalog.check_relation(self.role, &target.base, bits, columns);
        }
        self.cx.catalog.check_relation(self.role, &target.seen, bits, &[])?;
        self.cx.catalog.check_relation(Some(target.seen.owner), &target.base, bits, columns)
    }

    /// `checkInsertTargets`. Errors: 42703, 42701.
    pub(super) fn insert_columns<'s>(&self, target: &TargetEntry, list: &'s [ColumnTarget]) -> Result<Vec<IntoColumn<'s>>> {
        if list.is_empty() {
            return Ok(target.seen.live_columns().map(|(column, _)| IntoColumn { column, path: &[], pos: 0 }).collect());
        }
        let mut columns: Vec<IntoColumn<'s>> = Vec::with_capacity(list.len());
        for item in list {
            let column = self.assigned_column(target, item)?;
            // Parts of one column may come separately.
            let clash = columns.iter().any(|c| c.column == column && (c.path.is_empty() || item.path.is_empty()));
            if clash {
                return Err(err!(SqlState::DUPLICATE_COLUMN, "column \"{}\" specified more than once", item.name).at(item.pos));
            }
            columns.push(IntoColumn { column, path: &item.path, pos: item.pos });
        }
        Ok(columns)
    }

    /// Errors: 42601 unless a row has as many values as there are columns.
    fn check_row_width(
        columns: &mut Vec<IntoColumn<'_>>,
        explicit: bool,
        values: usize,
        extra_pos: Option<u32>,
        single_row: bool,
    ) -> Result<()> {
        if values > columns.len() {
            let error = err!(SqlState::SYNTAX_ERROR, "INSERT has more expressions than target columns");
            return Err(crate::sql::binder::same::at(error, extra_pos));
        }
        if values < columns.len() {
            if explicit {
                let error = err!(SqlState::SYNTAX_ERROR, "INSERT has more target columns than expressions").at(columns[values].pos);
                return Err(if single_row {
                    error.hint(
                        "The insertion source is a row expression containing the same number of columns expected by the INSERT. \
                         Did you accidentally use extra parentheses?",
                    )
                } else {
                    error
                });
            }
            columns.truncate(values);
        }
        Ok(())
    }

    /// VALUES rows as source.
    fn insert_rows(
        &mut self,
        target: &TargetEntry,
        columns: Vec<IntoColumn<'_>>,
        explicit: bool,
        rows: &[Vec<ast::Expr>],
        overriding: Option<Overriding>,
    ) -> Result<(Rel, Vec<InsertColumn>)> {
        let mut columns = columns;
        let single = rows.len() == 1;
        let place = self.enter(if single { Place::ValuesSingle } else { Place::Values });
        let width = rows.first().map_or(0, Vec::len);
        let mut bound: Vec<Vec<Value>> = Vec::with_capacity(rows.len());
        for row in rows {
            if !single && row.len() != width {
                let pos = row.first().map_or(0, ast::Expr::location);
                return Err(err!(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length").at(pos));
            }
            bound.push(self.value_list(row)?);
        }
        let first = &bound[0];
        let extra = match first.get(columns.len()) {
            Some(Value::Expr(e)) => crate::sql::binder::same::location(e),
            _ => rows[0].get(columns.len()).map(|e| e.location() as u32),
        };
        let count = columns.len();
        let row_of_all =
            matches!(&first[..], [Value::Expr(Expr { kind: ExprKind::Row { fields, .. }, .. })] if fields.len() == count);
        Self::check_row_width(&mut columns, explicit, first.len(), extra, row_of_all)?;
        let mut values: Vec<ColumnValues> = Vec::new();
        for (r, row) in bound.into_iter().enumerate() {
            self.insert_row(target, &columns, row, r, &mut values)?;
        }
        self.enter(place);
        self.rows_plan(target, values, rows.len(), overriding)
    }

    fn value_list(&mut self, row: &[ast::Expr]) -> Result<Vec<Value>> {
        let mut out = Vec::with_capacity(row.len());
        for e in row {
            match &e.node {
                ast::ExprNode::Column(c) if c.star => {
                    out.extend(self.expr_list(std::slice::from_ref(e))?.into_iter().map(Value::Expr))
                }
                _ => out.push(self.value(e)?),
            }
        }
        Ok(out)
    }

    /// Adds one row's values to their columns, coerced.
    pub(super) fn insert_row(
        &mut self,
        target: &TargetEntry,
        columns: &[IntoColumn<'_>],
        row: Vec<Value>,
        r: usize,
        values: &mut Vec<ColumnValues>,
    ) -> Result<()> {
        for (into, value) in columns.iter().zip(row) {
            let attr = self.base_column(target, into.column, Change::Insert)?;
            let slot = match values.iter().position(|v| v.attr == attr) {
                Some(i) => i,
                None => {
                    values.push(ColumnValues { attr, column: into.column, cells: Vec::new() });
                    values.len() - 1
                }
            };
            let cell = match value {
                Value::Default => {
                    Self::check_default_path(into.path, into.pos)?;
                    None
                }
                Value::Expr(e) => {
                    let old = if values[slot].cells.len() > r { values[slot].cells.pop().flatten() } else { None };
                    Some(self.assign(target, into.column, into.path, e, old, into.pos)?)
                }
            };
            values[slot].cells.push(cell);
        }
        Ok(())
    }

    /// Rows of expressions: the plan, and where each table column comes from.
    fn rows_plan(
        &mut self,
        target: &TargetEntry,
        values: Vec<ColumnValues>,
        rows: usize,
        overriding: Option<Overriding>,
    ) -> Result<(Rel, Vec<InsertColumn>)> {
        let mut sources: Vec<(u16, ColId)> = Vec::with_capacity(values.len());
        let mut outputs = Vec::with_capacity(values.len());
        let mut cells: Vec<Vec<Expr>> = (0..rows).map(|_| Vec::with_capacity(values.len())).collect();
        for column in values {
            let all_default = column.cells.iter().all(Option::is_none);
            if Self::check_inserted(target, column.attr, all_default, overriding)? {
                continue;
            }
            let definition = &target.base.columns[column.attr as usize];
            let (name, ty, collation) = (definition.name.clone(), definition.ty, definition.collation);
            let output = self.new_output(name, ty, collation);
            for (row, cell) in cells.iter_mut().zip(column.cells) {
                row.push(match cell {
                    Some(e) => e,
                    None => match self.default_value(target, column.column)? {
                        Some(e) => e,
                        None => Expr::constant(Datum::Null, ty),
                    },
                });
            }
            sources.push((column.attr, output.id));
            outputs.push(output);
        }
        let srfs = std::mem::take(&mut self.scope_mut().srfs);
        let rel = if srfs.is_empty() {
            Rel::Values { columns: outputs, rows: cells }
        } else {
            let exprs = outputs.into_iter().zip(cells.pop().unwrap_or_default()).collect();
            Rel::Project { input: Box::new(project_sets(nothing(), srfs)), exprs }
        };
        Ok((rel, self.insert_plan(target, sources)?))
    }

    /// A query as source.
    fn insert_query(
        &mut self,
        target: &TargetEntry,
        columns: Vec<IntoColumn<'_>>,
        explicit: bool,
        source: &SelectStmt,
        overriding: Option<Overriding>,
    ) -> Result<(Rel, Vec<InsertColumn>)> {
        let (rel, outputs) = self.select(source, Purpose::Open)?.into_exact();
        let mut columns = columns;
        let extra = crate::sql::binder::setop::column_pos(&rel, columns.len());
        let row_of_all = false;
        Self::check_row_width(&mut columns, explicit, outputs.len(), extra, row_of_all)?;
        let mut values: Vec<ColumnValues> = Vec::new();
        let row: Vec<Value> = outputs.iter().enumerate().map(|(i, o)| Value::Expr(open_literal(&rel, i, o))).collect();
        self.insert_row(target, &columns, row, 0, &mut values)?;
        let mut sources = Vec::with_capacity(values.len());
        let mut exprs: Vec<(Output, Expr)> = Vec::with_capacity(values.len());
        for column in values {
            if Self::check_inserted(target, column.attr, false, overriding)? {
                continue;
            }
            let Some(e) = column.cells.into_iter().next().flatten() else { continue };
            let definition = &target.base.columns[column.attr as usize];
            let output = self.new_output(definition.name.clone(), definition.ty, definition.collation);
            sources.push((column.attr, output.id));
            exprs.push((output, e));
        }
        let rel = Rel::Project { input: Box::new(rel), exprs };
        Ok((rel, self.insert_plan(target, sources)?))
    }

    /// Where each table column's value comes from, defaults included.
    pub(super) fn insert_plan(&mut self, target: &TargetEntry, sources: Vec<(u16, ColId)>) -> Result<Vec<InsertColumn>> {
        let count = target.base.columns.len();
        let mut out = Vec::with_capacity(count);
        for attr in 0..count {
            if target.base.columns[attr].dropped {
                out.push(InsertColumn::Dropped);
            } else if let Some((_, id)) = sources.iter().find(|(a, _)| *a as usize == attr) {
                out.push(InsertColumn::Source(*id));
            } else {
                let shown = target.map.iter().position(|m| *m == Some(attr as u16));
                let default = match shown {
                    Some(column) => self.default_value(target, column)?,
                    None => self.column_default(&target.base, attr)?,
                };
                out.push(InsertColumn::Default(default));
            }
        }
        Ok(out)
    }
}

/// The rows of a bare VALUES.
fn plain_values(source: &SelectStmt) -> Option<&[Vec<ast::Expr>]> {
    let bare = source.with.is_none()
        && source.order_by.is_empty()
        && source.locking.is_empty()
        && source.limit.count.is_none()
        && source.limit.offset.is_none();
    match &source.body {
        SelectBody::Values(rows) if bare => Some(rows),
        _ => None,
    }
}

/// An output of the source; a literal of unknown type stands for itself, so that it takes the column's type.
fn open_literal(rel: &Rel, i: usize, output: &Output) -> Expr {
    if output.ty.oid == Oid::UNKNOWN
        && let Rel::Project { exprs, .. } = rel
        && let Some((_, e)) = exprs.get(i)
        && matches!(e.kind, ExprKind::Const(_) | ExprKind::Param(_))
    {
        return e.clone();
    }
    let mut e = output_ref(output);
    e.pos = crate::sql::binder::setop::column_pos(rel, i);
    e
}
