//! Views in FROM: the stored query, bound in place with its owner's rights and nothing of the outer query in sight.

use super::scope::{RteKind, Scope};
use super::select::Purpose;
use super::{Binder, Bound};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::RelationRef;
use crate::sql::parser::ast::{Alias, SelectStmt, Statement};
use crate::sql::parser::parse;
use crate::sql::plan::Output;

/// The query of a view's SQL text.
pub(super) fn parse_view(sql: &str) -> Result<SelectStmt> {
    let mut statements = parse(sql)?;
    match statements.pop() {
        Some(raw) if statements.is_empty() => match raw.stmt {
            Statement::Select(select) => Ok(*select),
            _ => Err(SqlError::internal("a view's text is not a query")),
        },
        _ => Err(SqlError::internal("a view's text is not one query")),
    }
}

impl Binder<'_> {
    pub(super) fn range_view(&mut self, view: &RelationRef, alias: Option<&Alias>) -> Result<u32> {
        let name = alias.map_or_else(|| view.name.clone(), |a| a.name.clone());
        self.pending_locks = self.locks_for(&name);
        let query = parse_view(view.view.as_ref().map_or("", |v| &v.sql)).map_err(|e| without_position(e, view))?;
        let bound = self.isolated(view, |b| b.select(&query, Purpose::Sub));
        self.pending_locks.clear();
        let (rel, outputs) = bound?.into_exact();
        // The view's own column names, which ALTER VIEW may have changed.
        let named: Vec<Output> =
            outputs.into_iter().zip(&view.columns).map(|(o, c)| Output { name: c.name.clone(), ..o }).collect();
        let rte = self.add_plan(rel, &named, name, alias, Some(RelationRef::clone(view)))?;
        for (i, output) in named.iter().enumerate() {
            self.cols[output.id.0 as usize].origin = Some((view.oid, i as i16 + 1));
        }
        debug_assert!(matches!(self.rtes[rte as usize].kind, RteKind::Plan { .. }));
        Ok(rte)
    }

    /// Runs `f` as the view's owner, without the outer query's names. Errors: 42P17 for a view inside itself.
    pub(super) fn isolated(&mut self, view: &RelationRef, f: impl FnOnce(&mut Self) -> Result<Bound>) -> Result<Bound> {
        if self.views.contains(&view.oid) {
            return Err(err!(
                SqlState::INVALID_OBJECT_DEFINITION,
                "infinite recursion detected in rules for relation \"{}\"",
                view.name
            ));
        }
        let role = self.role;
        let invoker =
            view.options.iter().any(|(n, v)| n == "security_invoker" && matches!(v.as_str(), "true" | "on" | "1" | "yes"));
        if !invoker {
            self.role = Some(view.owner);
        }
        let ctes = std::mem::take(&mut self.ctes);
        self.views.push(view.oid);
        let result = self.in_scope(Scope { barrier: true, ..Scope::new() }, f);
        self.views.pop();
        self.ctes = ctes;
        self.role = role;
        result.map_err(|e| without_position(e, view))
    }
}

/// Positions inside a view's text mean nothing in the statement's.
fn without_position(mut error: SqlError, _view: &RelationRef) -> SqlError {
    error.fields_mut().position = None;
    error
}
