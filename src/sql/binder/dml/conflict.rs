//! ON CONFLICT: which unique indexes arbitrate, and what DO UPDATE changes.

use super::{Binder, Change, TargetEntry};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::from::visible;
use crate::sql::binder::same::same;
use crate::sql::binder::scope::Place;
use crate::sql::binder::stored::{RelationColumns, Standing};
use crate::sql::catalog::lookup::acl;
use crate::sql::catalog::objects::{ConstraintKind, Index};
use crate::sql::parser::ast::{self, Alias, ConflictAction, ConflictTarget, IndexElem, NullsOrder, SortDirection};
use crate::sql::plan::{ColId, ConflictUpdate, Expr, OnConflict};
use crate::sql::types::Oid;
use smol_str::SmolStr;

impl Binder<'_> {
    pub(super) fn on_conflict(
        &mut self,
        clause: &ast::OnConflict,
        target: &TargetEntry,
        alias: Option<&Alias>,
    ) -> Result<OnConflict> {
        if clause.target.is_none() && !matches!(clause.action, ConflictAction::Nothing) {
            return Err(err!(SqlState::SYNTAX_ERROR, "ON CONFLICT DO UPDATE requires inference specification or constraint name")
                .hint("For example, ON CONFLICT (column_name).")
                .at(clause.pos));
        }
        let arbiters = match &clause.target {
            None => Vec::new(),
            Some(ConflictTarget::Constraint { name, .. }) => {
                let update = !matches!(clause.action, ConflictAction::Nothing);
                vec![constraint_index(target, name, update)?]
            }
            Some(ConflictTarget::Index { elements, predicate, .. }) => self.infer_arbiters(target, elements, predicate.as_ref())?,
        };
        let update = match &clause.action {
            ConflictAction::Nothing => None,
            ConflictAction::Update { set, where_clause } => {
                Some(self.conflict_update(target, alias, set, where_clause.as_ref())?)
            }
        };
        Ok(OnConflict { arbiters, update })
    }

    fn conflict_update(
        &mut self,
        target: &TargetEntry,
        alias: Option<&Alias>,
        set: &[ast::SetClause],
        filter: Option<&ast::Expr>,
    ) -> Result<ConflictUpdate> {
        let seen_through_view = !std::sync::Arc::ptr_eq(&target.seen, &target.base);
        let excluded_alias = Alias { name: SmolStr::new_static("excluded"), columns: Vec::new() };
        let (old, excluded) = if seen_through_view {
            (
                self.view_target(&target.seen, alias, Change::Update, true)?,
                self.view_target(&target.seen, Some(&excluded_alias), Change::Update, true)?,
            )
        } else {
            let name = alias.map_or_else(|| target.base.name.clone(), |a| a.name.clone());
            let (old, _) = self.row_entry(&target.base, name, alias.is_some());
            let (new, _) = self.row_entry(&target.base, excluded_alias.name, true);
            (super::plain_target(&target.base, old), super::plain_target(&target.base, new))
        };
        let existing = self.all_columns(old.base_rte);
        let excluded_ids = self.all_columns(excluded.base_rte);
        self.scope_mut().ns = vec![visible(old.seen_rte), visible(excluded.seen_rte)];
        let set = self.set_list(&old, set, None)?;
        let columns: Vec<u16> = set.iter().map(|(a, _)| *a).collect();
        self.check_target_privilege(target, acl::UPDATE, &columns)?;
        let predicate = filter.map(|e| self.condition(e, Place::Where, "WHERE")).transpose()?;
        Ok(ConflictUpdate { existing, excluded: excluded_ids, set, predicate })
    }

    /// `infer_arbiter_indexes`. Errors: 42P10.
    fn infer_arbiters(&mut self, target: &TargetEntry, elements: &[IndexElem], predicate: Option<&ast::Expr>) -> Result<Vec<Oid>> {
        let rte = target.base_rte;
        let ids = self.all_columns(rte);
        let mut columns: Vec<u16> = Vec::new();
        let mut exprs: Vec<Expr> = Vec::new();
        let saved = std::mem::replace(&mut self.scope_mut().ns, vec![visible(target.seen_rte)]);
        for element in elements {
            self.infer_element(target, element, &mut columns, &mut exprs)?;
        }
        let predicate = predicate.map(|e| self.condition(e, Place::IndexPredicate, "WHERE")).transpose()?;
        self.scope_mut().ns = saved;
        let mut found = Vec::new();
        let base = crate::sql::catalog::objects::RelationRef::clone(&target.base);
        for index in base.indexes.iter().filter(|i| i.unique) {
            if self.index_matches(&base, index, &ids, &columns, &exprs, predicate.as_ref())? {
                found.push(index.oid);
            }
        }
        if found.is_empty() {
            return Err(err!(
                SqlState::INVALID_COLUMN_REFERENCE,
                "there is no unique or exclusion constraint matching the ON CONFLICT specification"
            ));
        }
        Ok(found)
    }

    fn infer_element(
        &mut self,
        target: &TargetEntry,
        element: &IndexElem,
        columns: &mut Vec<u16>,
        exprs: &mut Vec<Expr>,
    ) -> Result<()> {
        let wrong = |message: &str| Err(SqlError::new(SqlState::INVALID_COLUMN_REFERENCE, message).at(element.pos));
        if element.direction != SortDirection::Default {
            return wrong("ASC/DESC is not allowed in ON CONFLICT clause");
        }
        if element.nulls != NullsOrder::Default {
            return wrong("NULLS FIRST/LAST is not allowed in ON CONFLICT clause");
        }
        let e = match (&element.column, &element.expr) {
            (Some(name), _) => {
                let found = self.find_column(name, element.pos)?;
                let found = found.ok_or_else(|| self.missing_column(None, name, element.pos))?;
                self.found(found, element.pos)
            }
            (None, Some(e)) => self.expr_at(e, Place::IndexExpression)?,
            (None, None) => return Ok(()),
        };
        let mut e = e;
        self.assign_collations(&mut e)?;
        if let crate::sql::plan::ExprKind::Column(id) = e.kind {
            let col = &self.cols[id.0 as usize];
            if col.rte == target.base_rte && col.attr != u16::MAX {
                if !columns.contains(&col.attr) {
                    columns.push(col.attr);
                }
                return Ok(());
            }
        }
        exprs.push(e);
        Ok(())
    }

    fn index_matches(
        &mut self,
        base: &crate::sql::catalog::objects::RelationRef,
        index: &Index,
        ids: &[Option<ColId>],
        columns: &[u16],
        exprs: &[Expr],
        predicate: Option<&Expr>,
    ) -> Result<bool> {
        let plain = index.keys.iter().filter_map(|k| k.column);
        let mut count = 0;
        for column in plain {
            if !columns.contains(&column) {
                return Ok(false);
            }
            count += 1;
        }
        if count != columns.len() {
            return Ok(false);
        }
        let over = RelationColumns { relation: base, ids, alias: None };
        let mut keys = Vec::new();
        for sql in index.keys.iter().filter_map(|k| k.expr.as_ref()) {
            keys.push(self.stored(over, sql, None, Standing::IndexExpression)?);
        }
        if keys.len() != exprs.len() || !exprs.iter().all(|e| keys.iter().any(|k| same(k, e))) {
            return Ok(false);
        }
        // A partial index serves only where the given predicate implies its own.
        let Some(sql) = &index.predicate else { return Ok(true) };
        let Some(given) = predicate else { return Ok(false) };
        let own = self.stored(over, sql, None, Standing::IndexPredicate)?;
        let given = crate::sql::binder::join::conjuncts(given.clone());
        Ok(crate::sql::binder::join::conjuncts(own).iter().all(|part| given.iter().any(|g| same(g, part))))
    }
}

fn constraint_index(target: &TargetEntry, name: &str, update: bool) -> Result<Oid> {
    let found = target.base.constraints.iter().find(|c| c.name == name);
    match found.map(|c| &c.kind) {
        Some(ConstraintKind::PrimaryKey { index } | ConstraintKind::Unique { index }) => Ok(*index),
        Some(ConstraintKind::Exclude { index, .. }) if !update => Ok(*index),
        Some(ConstraintKind::Exclude { .. }) => {
            Err(err!(SqlState::WRONG_OBJECT_TYPE, "ON CONFLICT DO UPDATE not supported with exclusion constraints"))
        }
        Some(_) => Err(err!(SqlState::WRONG_OBJECT_TYPE, "constraint in ON CONFLICT clause has no associated index")),
        None => {
            let table = &target.base.name;
            Err(err!(SqlState::UNDEFINED_OBJECT, "constraint \"{name}\" for table \"{table}\" does not exist"))
        }
    }
}
