//! INSERT, UPDATE, DELETE, MERGE (analyze.c, rewriteHandler.c): targets, assignments, defaults, and the expressions a changed
//! row must satisfy.

mod assign;
mod conflict;
mod insert;
mod merge;
mod rules;
mod update;
mod view;

pub use view::updatable_columns;

use super::from::visible;
use super::scope::{ColSource, RteCol, RteKind, Scope};
use super::{Binder, Bound};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::{RelKind, Relation, RelationRef};
use crate::sql::parser::ast::{Alias, RangeVar, WithClause};
use crate::sql::plan::{ColId, Expr, Modify, Output, Rel};
use smol_str::SmolStr;

/// What a statement does to its target, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Insert,
    Update,
    Delete,
}

/// The target of a data-modifying statement: a table, perhaps seen through views.
pub(super) struct TargetEntry {
    /// The table whose rows change.
    pub base: RelationRef,
    /// The range table entry of the table's rows.
    pub base_rte: u32,
    /// The entry the statement's names refer to: the table's, or the outermost view's.
    pub seen_rte: u32,
    /// The relation that was named.
    pub seen: RelationRef,
    /// Table column of each column of `seen`.
    pub map: Vec<Option<u16>>,
    /// The views' conditions over the table's columns, with the views' names.
    pub quals: Vec<(SmolStr, Expr)>,
    /// WITH CHECK OPTION conditions: the view's name and its condition over the table's columns.
    pub checks: Vec<(SmolStr, Expr)>,
}

impl Binder<'_> {
    /// Looks up the relation to change. Errors: 42P01, 42809, 42501.
    pub(super) fn target_relation(&mut self, table: &RangeVar) -> Result<RelationRef> {
        let relation = self.open_relation(table)?;
        let name = &relation.name;
        let cannot = |what: &str| Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot change {what} \"{name}\""));
        match relation.kind {
            RelKind::Table | RelKind::View => {}
            RelKind::MatView => return cannot("materialized view"),
            RelKind::Sequence => return cannot("sequence"),
            RelKind::Composite => {
                return Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot open relation \"{name}\"")
                    .detail("This operation is not supported for composite types."));
            }
            RelKind::System if relation.view.is_none() && relation.schema == crate::sql::catalog::schema_oid::PG_CATALOG => {
                return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied: \"{name}\" is a system catalog"));
            }
            RelKind::System => return cannot("view"),
        }
        self.use_relation(&relation, 2);
        Ok(relation)
    }

    /// A level for a data-modifying statement: its scope and WITH queries around `f`.
    pub(super) fn modify_level(&mut self, with: Option<&WithClause>, f: impl FnOnce(&mut Self) -> Result<Modify>) -> Result<Bound> {
        let as_with_query = !self.scopes.is_empty();
        self.in_scope(Scope::new(), |b| {
            let mark = b.ctes.len();
            let ctes = with.map(|w| b.with_clause(w, !as_with_query)).transpose()?;
            let modify = f(b)?;
            let outputs: Vec<Output> = modify.returning.iter().map(|(o, _)| o.clone()).collect();
            let bound = Bound { rel: Rel::Modify(Box::new(modify)), outputs, exact: true };
            Ok(match ctes {
                Some(ctes) => b.wrap_with(ctes, mark, bound),
                None => bound,
            })
        })
    }

    /// An entry for a row that is not scanned (new rows, `excluded`), all live columns with ids.
    pub(super) fn row_entry(&mut self, relation: &RelationRef, alias: SmolStr, aliased: bool) -> (u32, Vec<Option<ColId>>) {
        let rte = self.rtes.len() as u32;
        let column = |c: &crate::sql::catalog::objects::Column| RteCol {
            name: c.name.clone(),
            ty: c.ty,
            collation: c.collation,
            source: if c.dropped { ColSource::Dropped } else { ColSource::Unused },
        };
        let cols = relation.columns.iter().map(column).collect();
        self.add_rte(alias, aliased, RteKind::Row { relation: RelationRef::clone(relation) }, cols);
        let ids = self.all_columns(rte);
        (rte, ids)
    }

    /// Allocates every live column of an entry.
    pub(super) fn all_columns(&mut self, rte: u32) -> Vec<Option<ColId>> {
        let count = self.rtes[rte as usize].cols.len();
        let mut ids = Vec::with_capacity(count);
        for attr in 0..count {
            if !matches!(self.rtes[rte as usize].cols[attr].source, ColSource::Dropped) {
                self.rte_column(rte, attr);
            }
            ids.push(match self.rtes[rte as usize].cols[attr].source {
                ColSource::Id(id) => Some(id),
                _ => None,
            });
        }
        ids
    }

    /// The entry of the target to scan (UPDATE, DELETE, MERGE), in the namespace but out of reach of FROM's subqueries.
    pub(super) fn scanned_target(&mut self, relation: &RelationRef, alias: Option<&Alias>, change: Change) -> Result<TargetEntry> {
        let target = if relation.kind == RelKind::View {
            self.view_target(relation, alias, change, false)?
        } else {
            let rte = self.add_relation(RelationRef::clone(relation), alias)?;
            plain_target(relation, rte)
        };
        let mut item = visible(target.seen_rte);
        item.lateral_only = true;
        item.lateral_ok = false;
        self.scope_mut().ns.push(item);
        self.scope_mut().target = Some(target.seen_rte);
        Ok(target)
    }

    /// Opens the target to the clauses after FROM.
    pub(super) fn release_target(&mut self) {
        for item in &mut self.scope_mut().ns {
            item.lateral_only = false;
            item.lateral_ok = true;
        }
    }

    /// 42703 for a column to assign that the relation lacks.
    pub(super) fn no_target_column(relation: &Relation, name: &str, pos: usize) -> SqlError {
        err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", relation.name).at(pos)
    }
}

/// A table as its own target.
pub(super) fn plain_target(relation: &RelationRef, rte: u32) -> TargetEntry {
    let map = relation.columns.iter().enumerate().map(|(i, c)| (!c.dropped).then_some(i as u16)).collect();
    TargetEntry {
        base: RelationRef::clone(relation),
        base_rte: rte,
        seen_rte: rte,
        seen: RelationRef::clone(relation),
        map,
        quals: Vec::new(),
        checks: Vec::new(),
    }
}
