//! UPDATE and DELETE: SET lists, FROM and USING, RETURNING.

use super::assign::Value;
use super::{Binder, Change, TargetEntry};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::Bound;
use crate::sql::binder::from::FromTree;
use crate::sql::binder::scope::{NsItem, Place};
use crate::sql::catalog::lookup::acl;
use crate::sql::parser::ast::{self, ColumnTarget, DeleteStmt, ExprNode, FromItem, SetClause, SubLinkKind, UpdateStmt};
use crate::sql::plan::{Expr, ExprKind, JoinKind, Modify, ModifyAction, Output, Rel, ScanColumn, Subquery, SubqueryKind};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

/// One-row plans that compute the right sides of `(a, b) = (SELECT ...)`.
pub(super) type RowSources = Vec<(Output, Expr)>;

impl Binder<'_> {
    pub(crate) fn update(&mut self, stmt: &UpdateStmt) -> Result<Bound> {
        self.modify_level(stmt.with.as_deref(), |b| b.update_body(stmt))
    }

    fn update_body(&mut self, stmt: &UpdateStmt) -> Result<Modify> {
        let relation = self.target_relation(&stmt.relation)?;
        let alias = stmt.relation.alias.as_ref();
        let target = self.scanned_target(&relation, alias, Change::Update)?;
        let from = self.target_from(&stmt.from)?;
        let filter = stmt.where_clause.as_ref().map(|e| self.wanted_rows(&target, e)).transpose()?;
        let mut rows = RowSources::new();
        let set = self.set_list(&target, &stmt.set, Some(&mut rows))?;
        let columns: Vec<u16> = set.iter().map(|(a, _)| *a).collect();
        self.check_target_privilege(&target, acl::UPDATE, &columns)?;
        self.check_target_reads(&target)?;
        // The changed row, as RETURNING and the checks see it.
        let new = if std::sync::Arc::ptr_eq(&target.seen, &target.base) {
            let name = self.rtes[target.seen_rte as usize].alias.clone();
            let (rte, _) = self.row_entry(&target.base, name, alias.is_some());
            super::plain_target(&target.base, rte)
        } else {
            self.view_target(&relation, alias, Change::Update, true)?
        };
        let new_row = self.all_columns(new.base_rte);
        self.swap_target(target.seen_rte, new.seen_rte);
        let returning = self.returning_list(&stmt.returning)?;
        let rules = self.row_rules(&target.base, &new_row, new.checks)?;
        let row_key = self.rte_system(target.base_rte, ScanColumn::RowKey);
        let old_row = self.all_columns(target.base_rte);
        let source = self.target_source(&target, from, filter, rows)?;
        Ok(Modify {
            relation: target.base,
            action: ModifyAction::Update { row_key, old_row, set },
            source,
            returning,
            new_row,
            checks: rules.checks,
            generated: rules.generated,
            index_exprs: rules.index_exprs,
            table_oid_col: None,
        })
    }

    pub(crate) fn delete(&mut self, stmt: &DeleteStmt) -> Result<Bound> {
        self.modify_level(stmt.with.as_deref(), |b| b.delete_body(stmt))
    }

    fn delete_body(&mut self, stmt: &DeleteStmt) -> Result<Modify> {
        let relation = self.target_relation(&stmt.relation)?;
        let target = self.scanned_target(&relation, stmt.relation.alias.as_ref(), Change::Delete)?;
        let from = self.target_from(&stmt.using)?;
        let filter = stmt.where_clause.as_ref().map(|e| self.wanted_rows(&target, e)).transpose()?;
        let returning = self.returning_list(&stmt.returning)?;
        self.check_target_privilege(&target, acl::DELETE, &[])?;
        self.check_target_reads(&target)?;
        let row_key = self.rte_system(target.base_rte, ScanColumn::RowKey);
        let old_row = self.all_columns(target.base_rte);
        let source = self.target_source(&target, from, filter, RowSources::new())?;
        let new_row = vec![None; target.base.columns.len()];
        Ok(Modify {
            relation: target.base,
            action: ModifyAction::Delete { row_key, old_row },
            source,
            returning,
            new_row,
            checks: Vec::new(),
            generated: Vec::new(),
            index_exprs: Vec::new(),
            table_oid_col: None,
        })
    }

    /// WHERE, or WHERE CURRENT OF: the target row whose key is that of the cursor's row.
    fn wanted_rows(&mut self, target: &TargetEntry, condition: &ast::Expr) -> Result<Expr> {
        let ExprNode::CurrentOf(cursor) = &condition.node else {
            return self.condition(condition, Place::Where, "WHERE");
        };
        if !std::sync::Arc::ptr_eq(&target.seen, &target.base) {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "WHERE CURRENT OF on a view is not implemented"));
        }
        let key = Expr::column(self.rte_system(target.base_rte, ScanColumn::RowKey), Oid::BYTEA);
        let here = Expr::new(ExprKind::CurrentOf(cursor.clone(), target.base.oid), Oid::BYTEA);
        self.make_binary(&ast::OperatorName::bare("="), key, here, condition.pos)
    }

    /// FROM or USING beside the target.
    fn target_from(&mut self, items: &[FromItem]) -> Result<FromTree> {
        let mut tree = FromTree::Nothing;
        for item in items {
            tree = self.join_item(tree, item)?;
        }
        self.release_target();
        Ok(tree)
    }

    /// SELECT privilege on the columns of the target that the statement mentions.
    pub(super) fn check_target_reads(&self, target: &TargetEntry) -> Result<()> {
        use crate::sql::binder::scope::ColSource;
        let entry = &self.rtes[target.base_rte as usize];
        let read = |(i, c): (usize, &crate::sql::binder::scope::RteCol)| matches!(c.source, ColSource::Id(_)).then_some(i as u16);
        let columns: Vec<u16> = entry.cols.iter().enumerate().filter_map(read).collect();
        if columns.is_empty() && entry.system.is_empty() {
            return Ok(());
        }
        self.check_target_privilege(target, acl::SELECT, &columns)
    }

    /// RETURNING's names mean the changed row.
    fn swap_target(&mut self, old: u32, new: u32) {
        for item in &mut self.scope_mut().ns {
            if item.rte == old {
                item.rte = new;
            }
        }
    }

    /// Rows to change: the target joined with FROM, filtered.
    pub(super) fn target_source(
        &mut self,
        target: &TargetEntry,
        from: FromTree,
        filter: Option<Expr>,
        rows: RowSources,
    ) -> Result<Rel> {
        let scan = self.rte_plan(target.base_rte);
        let mut source = match from {
            FromTree::Nothing => scan,
            from => {
                let right = Box::new(self.plan_from(from)?);
                Rel::Join { kind: JoinKind::Inner, left: Box::new(scan), right, on: Vec::new(), lateral: false }
            }
        };
        for predicate in target.quals.iter().map(|(_, q)| q.clone()).chain(filter) {
            source = Rel::Filter { input: Box::new(source), predicate };
        }
        for (output, e) in rows {
            let one = crate::sql::binder::select::nothing();
            let right = Rel::Project { input: Box::new(one), exprs: vec![(output, e)] };
            source =
                Rel::Join { kind: JoinKind::Inner, left: Box::new(source), right: Box::new(right), on: Vec::new(), lateral: true };
        }
        Ok(source)
    }

    /// SET: changed table columns and their values. Errors: 42601 for a column set twice.
    pub(super) fn set_list(
        &mut self,
        target: &TargetEntry,
        list: &[SetClause],
        mut rows: Option<&mut RowSources>,
    ) -> Result<Vec<(u16, Expr)>> {
        let place = self.enter(Place::UpdateSource);
        let mut set: Vec<(u16, Expr)> = Vec::with_capacity(list.len());
        let mut whole: Vec<u16> = Vec::new();
        for clause in list {
            match clause {
                SetClause::Single { target: column, value } => {
                    let value = self.value(value)?;
                    self.set_one(target, column, value, &mut set, &mut whole)?;
                }
                SetClause::Multiple { targets, source } => {
                    let values = self.row_values(source, targets.len(), rows.as_deref_mut())?;
                    for (column, value) in targets.iter().zip(values) {
                        self.set_one(target, column, value, &mut set, &mut whole)?;
                    }
                }
            }
        }
        self.enter(place);
        Ok(set)
    }

    fn set_one(
        &mut self,
        target: &TargetEntry,
        to: &ColumnTarget,
        value: Value,
        set: &mut Vec<(u16, Expr)>,
        whole: &mut Vec<u16>,
    ) -> Result<()> {
        let column = self.assigned_column(target, to)?;
        let attr = self.base_column(target, column, Change::Update)?;
        let earlier = set.iter().position(|(a, _)| *a == attr);
        if whole.contains(&attr) || (earlier.is_some() && to.path.is_empty()) {
            let name = &target.seen.columns[column].name;
            return Err(err!(SqlState::SYNTAX_ERROR, "multiple assignments to same column \"{name}\""));
        }
        if to.path.is_empty() {
            whole.push(attr);
        }
        Self::check_updated(&target.base.columns[attr as usize], value.is_default())?;
        let e = match value {
            Value::Default => {
                Self::check_default_path(&to.path, to.pos)?;
                if target.base.columns[attr as usize].generated {
                    return Ok(());
                }
                let ty = target.seen.columns[column].ty;
                let default = self.default_value(target, column)?;
                default.unwrap_or_else(|| Expr::constant(crate::sql::types::Datum::Null, ty))
            }
            Value::Expr(e) => {
                let old = match (earlier, to.path.is_empty()) {
                    (_, true) => None,
                    (Some(i), false) => Some(set.remove(i).1),
                    (None, false) => Some(self.rte_column(target.base_rte, attr as usize)),
                };
                self.assign(target, column, &to.path, e, old, to.pos)?
            }
        };
        set.push((attr, e));
        Ok(())
    }

    /// The right side of `(a, b) = ...`.
    fn row_values(&mut self, source: &ast::Expr, count: usize, rows: Option<&mut RowSources>) -> Result<Vec<Value>> {
        let mismatch = || err!(SqlState::SYNTAX_ERROR, "number of columns does not match number of values").at(source.pos);
        match &source.node {
            ExprNode::Row { fields, .. } => {
                if fields.len() != count {
                    return Err(mismatch());
                }
                fields.iter().map(|f| self.value(f)).collect()
            }
            ExprNode::SubLink(link) if link.kind == SubLinkKind::Scalar => {
                let (plan, outputs) = self.sub_select(&link.query)?;
                if outputs.len() != count {
                    return Err(mismatch());
                }
                let kind = ExprKind::Subquery(Box::new(Subquery { kind: SubqueryKind::Row, plan }));
                let record = Expr { kind, ty: Type::new(Oid::RECORD), collation: Oid::INVALID, pos: Some(source.pos as u32) };
                // One evaluation for all columns, where the rows to change can carry it.
                let whole = match rows {
                    Some(rows) => {
                        let output = self.new_output(SmolStr::new_static("row"), Type::new(Oid::RECORD), Oid::INVALID);
                        let whole = Expr::column(output.id, Oid::RECORD);
                        rows.push((output, record));
                        whole
                    }
                    None => record,
                };
                let field = |(index, o): (usize, &Output)| {
                    let arg = Box::new(whole.clone());
                    Value::Expr(Expr { kind: ExprKind::Field { arg, index }, ty: o.ty, collation: o.collation, pos: None })
                };
                Ok(outputs.iter().enumerate().map(field).collect())
            }
            _ => Err(SqlError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
            )
            .at(source.pos)),
        }
    }

    /// Makes an entry the only one in sight.
    pub(super) fn only(&mut self, items: &[NsItem]) {
        self.scope_mut().ns = items.to_vec();
    }
}
