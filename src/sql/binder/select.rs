//! Query levels (transformSelectStmt, transformValuesClause) and how their parts become a plan.

use super::grouping::Grouping;
use super::scope::{Place, Scope, Srf, What};
use super::sort::{BoundLimit, DistinctRefs, SortRef};
use super::target::Target;
use super::{Binder, Bound, output_ref};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::parser::ast::{self, SelectBody, SelectCore, SelectStmt};
use crate::sql::plan::{Expr, ExprKind, Output, Rel, SortKey, WindowSpec};
use smol_str::SmolStr;

/// What a query is bound for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A statement's own query.
    Top,
    /// A subquery.
    Sub,
    /// Rows to insert or a set operation's branch: unknown literals stay open for the target's types.
    Open,
}

/// A query level bound, before it is a plan.
pub(super) struct Level {
    /// Rows in: FROM, WHERE, grouping.
    pub input: Rel,
    pub targets: Vec<Target>,
    pub order: Vec<SortRef>,
    pub distinct: DistinctRefs,
    pub limit: BoundLimit,
    pub locks: Vec<crate::sql::plan::RowLock>,
}

impl Binder<'_> {
    /// Binds a query as a new level.
    pub(super) fn select(&mut self, stmt: &SelectStmt, purpose: Purpose) -> Result<Bound> {
        self.nested(|b| b.in_scope(Scope::new(), |b| b.select_level(stmt, purpose)))
    }

    /// Runs `f` in a new query level; WITH queries it adds go with it.
    pub(super) fn in_scope<T>(&mut self, scope: Scope, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let mark = self.ctes.len();
        self.scopes.push(scope);
        let result = f(self);
        self.scopes.pop();
        self.ctes.truncate(mark);
        result
    }

    fn select_level(&mut self, stmt: &SelectStmt, purpose: Purpose) -> Result<Bound> {
        let mark = self.ctes.len();
        let locks = std::mem::take(&mut self.pending_locks);
        let ctes = match &stmt.with {
            Some(with) => Some(self.with_clause(with, purpose == Purpose::Top)?),
            None => None,
        };
        let bound = match &stmt.body {
            SelectBody::Select(core) => self.select_core(stmt, core, purpose, locks)?,
            SelectBody::Values(rows) => self.values(stmt, rows, purpose)?,
            SelectBody::SetOperation(op) => self.set_operation(stmt, op, purpose)?,
        };
        Ok(match ctes {
            Some(ctes) => self.wrap_with(ctes, mark, bound),
            None => bound,
        })
    }

    fn select_core(
        &mut self,
        stmt: &SelectStmt,
        core: &SelectCore,
        purpose: Purpose,
        mut pushed: super::locking::Pushed,
    ) -> Result<Bound> {
        if core.into.is_some() && purpose != Purpose::Top {
            let pos = core.into.as_ref().map_or(0, |i| i.relation.pos);
            return Err(err!(SqlState::SYNTAX_ERROR, "SELECT ... INTO is not allowed here").at(pos));
        }
        pushed.extend(stmt.locking.iter().map(super::locking::Lock::from));
        self.scope_mut().locking = pushed;
        let from = self.bind_from(&core.from)?;
        self.window_clause(&core.windows)?;
        let mut targets = self.target_list(&core.targets, Place::SelectTarget)?;
        let filter = core.where_clause.as_ref().map(|e| self.condition(e, Place::Where, "WHERE")).transpose()?;
        let having = core.having.as_ref().map(|e| self.condition(e, Place::Having, "HAVING")).transpose()?;
        let order = self.order_by(&stmt.order_by, &mut targets)?;
        let grouping = self.group_by(&core.group_by, core.group_distinct, &mut targets)?;
        let distinct = self.distinct_clause(&core.distinct, &mut targets, &order)?;
        let limit = self.limit_clause(&stmt.limit, !stmt.order_by.is_empty())?;
        if purpose != Purpose::Open {
            self.resolve_unknown_targets(&mut targets)?;
        }
        for target in &mut targets {
            self.assign_collations(&mut target.expr)?;
        }
        let has_groups =
            !core.group_by.is_empty() || having.is_some() || !self.scope().aggs.is_empty() || !self.scope().groupings.is_empty();
        if self.scope().self_reference && !self.scope().aggs.is_empty() {
            let pos = targets.iter().find_map(|t| self.aggregate_pos(&t.expr));
            let message = "aggregate functions are not allowed in a recursive query's recursive term";
            return Err(super::same::at(crate::error::SqlError::new(SqlState::INVALID_RECURSION, message), pos));
        }
        let locks = self.row_locks(core, has_groups)?;
        let mut input = self.plan_from(from)?;
        if let Some(predicate) = filter {
            input = Rel::Filter { input: Box::new(input), predicate };
        }
        if has_groups {
            input = self.group(input, grouping, &mut targets, having)?;
        }
        let input = self.window_plan(input);
        let level = Level { input, targets, order, distinct, limit, locks };
        self.assemble(level)
    }

    /// Grouping and HAVING; everything above is rewritten to grouped columns.
    fn group(&mut self, input: Rel, grouping: Grouping, targets: &mut [Target], having: Option<Expr>) -> Result<Rel> {
        let mut input = input;
        let mut grouped = self.grouped(&grouping, targets);
        // Set-returning calls that are grouped by run below.
        let below: Vec<_> = grouped
            .keys
            .iter()
            .map(|(_, e)| {
                let mut ids = Vec::new();
                self.visit_columns(e, &mut |col, id| {
                    if matches!(col.what, What::Srf(_)) && col.depth as usize == self.scopes.len() {
                        ids.push(id);
                    }
                });
                ids
            })
            .collect::<Vec<_>>()
            .concat();
        if !below.is_empty() {
            let all = std::mem::take(&mut self.scope_mut().srfs);
            let (now, later): (Vec<Srf>, Vec<Srf>) = all.into_iter().partition(|s| below.contains(&s.output.id));
            self.scope_mut().srfs = later;
            input = project_sets(input, now);
        }
        let columns = self.grouping_columns(&grouped)?;
        for target in targets.iter_mut() {
            self.above_grouping(&mut target.expr, &mut grouped, false)?;
        }
        let mut having = having;
        if let Some(e) = &mut having {
            self.above_grouping(e, &mut grouped, false)?;
        }
        let mut scope_windows = std::mem::take(&mut self.scope_mut().windows);
        for window in &mut scope_windows {
            for e in &mut window.spec.partition {
                self.above_grouping(e, &mut grouped, false)?;
            }
            for key in &mut window.spec.order {
                self.above_grouping(&mut key.expr, &mut grouped, false)?;
            }
        }
        self.scope_mut().windows = scope_windows;
        let mut calls = std::mem::take(&mut self.scope_mut().calls);
        let mut failed = Ok(());
        for (_, call) in &mut calls {
            call.each_expr_mut(&mut |e| {
                if failed.is_ok() {
                    failed = self.above_grouping(e, &mut grouped, false);
                }
            });
        }
        self.scope_mut().calls = calls;
        let mut srfs = std::mem::take(&mut self.scope_mut().srfs);
        for srf in &mut srfs {
            srf.call.each_child_mut(&mut |e| {
                if failed.is_ok() {
                    failed = self.above_grouping(e, &mut grouped, false);
                }
            });
        }
        self.scope_mut().srfs = srfs;
        failed?;
        self.check_direct_arguments(&mut grouped)?;
        let mut plan = self.aggregate_plan(input, grouped, grouping, columns);
        if let Some(predicate) = having {
            plan = Rel::Filter { input: Box::new(plan), predicate };
        }
        Ok(plan)
    }

    /// Direct arguments of ordered-set aggregates may use only grouped columns.
    fn check_direct_arguments(&mut self, grouped: &mut super::grouping::Grouped) -> Result<()> {
        let mut direct: Vec<Expr> = Vec::new();
        for (_, agg) in &self.scope().aggs {
            direct.extend_from_slice(&agg.args[..agg.direct]);
        }
        for mut e in direct {
            self.above_grouping(&mut e, grouped, false)
                .map_err(|e| e.detail("Direct arguments of an ordered-set aggregate must use only grouped columns."))?;
        }
        Ok(())
    }

    fn window_plan(&mut self, input: Rel) -> Rel {
        let calls = std::mem::take(&mut self.scope_mut().calls);
        if calls.is_empty() {
            return input;
        }
        let windows: Vec<WindowSpec> = std::mem::take(&mut self.scope_mut().windows).into_iter().map(|w| w.spec).collect();
        // Named windows without calls are checked, not run.
        let mut used: Vec<usize> = calls.iter().map(|(_, c)| c.window).collect();
        used.sort_unstable();
        used.dedup();
        let mut calls = calls;
        for (_, call) in &mut calls {
            call.window = used.iter().position(|w| *w == call.window).unwrap_or(0);
        }
        let windows = windows.into_iter().enumerate().filter(|(i, _)| used.contains(i)).map(|(_, w)| w).collect();
        Rel::Window { input: Box::new(input), windows, calls }
    }

    /// Targets, DISTINCT, ORDER BY, row locks and LIMIT on top of a level's input.
    pub(super) fn assemble(&mut self, level: Level) -> Result<Bound> {
        let Level { input, targets, order, distinct, limit, locks } = level;
        let srfs = std::mem::take(&mut self.scope_mut().srfs);
        let input = project_sets(input, srfs);
        // SELECT DISTINCT compares what is selected; what it sorts by is among it.
        let plain = matches!(distinct, DistinctRefs::All);
        let junk = !plain && targets.iter().any(|t| t.junk);
        let mut all = Vec::with_capacity(targets.len());
        let mut exprs = Vec::with_capacity(targets.len());
        for target in targets {
            let output = self.target_output(&target);
            all.push(output.clone());
            exprs.push((output, target.expr, target.junk));
        }
        let outputs: Vec<Output> = exprs.iter().filter(|(_, _, junk)| !junk).map(|(o, _, _)| o.clone()).collect();
        let exprs: Vec<(Output, Expr)> =
            exprs.into_iter().filter(|(_, _, junk)| !(plain && *junk)).map(|(o, e, _)| (o, e)).collect();
        // Row locks need the scans' row keys next to the targets.
        let mut exprs = exprs;
        for lock in &locks {
            let output = Output {
                id: lock.row_key,
                name: SmolStr::new_static("row key"),
                ty: crate::sql::types::Oid::BYTEA.into(),
                collation: crate::sql::types::Oid::INVALID,
            };
            let e = output_ref(&output);
            exprs.push((output, e));
        }
        let exact = !junk && locks.is_empty();
        let mut rel = Rel::Project { input: Box::new(input), exprs };
        let keys = |order: &[SortRef]| -> Vec<SortKey> {
            order.iter().map(|k| SortKey { expr: output_ref(&all[k.target]), desc: k.desc, nulls_first: k.nulls_first }).collect()
        };
        if let DistinctRefs::All = distinct {
            rel = Rel::Distinct { input: Box::new(rel), on: None };
        }
        if !order.is_empty() {
            rel = Rel::Sort { input: Box::new(rel), keys: keys(&order) };
        }
        if let DistinctRefs::On(on) = distinct {
            let on = on.iter().map(|t| output_ref(&all[*t])).collect();
            rel = Rel::Distinct { input: Box::new(rel), on: Some(on) };
        }
        if !locks.is_empty() {
            rel = Rel::LockRows { input: Box::new(rel), locks };
        }
        if limit.limit.is_some() || limit.offset.is_some() {
            let with_ties = limit.with_ties.then(|| keys(&order));
            rel = Rel::Limit { input: Box::new(rel), limit: limit.limit, offset: limit.offset, with_ties };
        }
        Ok(Bound { rel, outputs, exact })
    }

    /// VALUES as a query.
    fn values(&mut self, stmt: &SelectStmt, rows: &[Vec<ast::Expr>], purpose: Purpose) -> Result<Bound> {
        if !stmt.locking.is_empty() {
            let name = super::locking::strength_name(stmt.locking[0].strength);
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "{name} cannot be applied to VALUES"));
        }
        let single = rows.len() == 1 && stmt.order_by.is_empty() && stmt.limit == ast::Limit::default();
        if single {
            return self.single_values(&rows[0], purpose);
        }
        let (rel, columns) = self.values_rows(rows)?;
        if stmt.order_by.is_empty() && stmt.limit == ast::Limit::default() {
            return Ok(Bound { rel, outputs: columns, exact: true });
        }
        self.order_outputs(stmt, rel, columns, "*VALUES*", None)
    }

    /// One row of VALUES is a SELECT without FROM.
    fn single_values(&mut self, row: &[ast::Expr], purpose: Purpose) -> Result<Bound> {
        let exprs = self.at_place(Place::ValuesSingle, |b| b.expr_list(row))?;
        let name = |i: usize| SmolStr::from(format!("column{}", i + 1));
        let mut targets: Vec<Target> =
            exprs.into_iter().enumerate().map(|(i, expr)| Target { name: name(i), expr, junk: false }).collect();
        if purpose != Purpose::Open {
            self.resolve_unknown_targets(&mut targets)?;
        }
        for target in &mut targets {
            self.assign_collations(&mut target.expr)?;
        }
        let input = nothing();
        let (order, distinct, limit) = (Vec::new(), DistinctRefs::No, BoundLimit::default());
        self.assemble(Level { input, targets, order, distinct, limit, locks: Vec::new() })
    }

    /// The rows of VALUES with one type per column.
    pub(super) fn values_rows(&mut self, rows: &[Vec<ast::Expr>]) -> Result<(Rel, Vec<Output>)> {
        let mut bound: Vec<Vec<Expr>> = Vec::with_capacity(rows.len());
        for row in rows {
            let exprs = self.at_place(Place::Values, |b| b.expr_list(row))?;
            if bound.first().is_some_and(|first| first.len() != exprs.len()) {
                let pos = row.first().map_or(0, ast::Expr::location);
                return Err(err!(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length").at(pos));
            }
            bound.push(exprs);
        }
        self.unify_rows(bound)
    }

    /// Gives each column of several rows one type.
    pub(super) fn unify_rows(&mut self, mut rows: Vec<Vec<Expr>>) -> Result<(Rel, Vec<Output>)> {
        let width = rows.first().map_or(0, Vec::len);
        let mut columns = Vec::with_capacity(width);
        for i in 0..width {
            let mut column: Vec<Expr> = rows.iter_mut().map(|r| std::mem::replace(&mut r[i], placeholder())).collect();
            let ty = self.unify(&mut column, "VALUES")?;
            for e in &mut column {
                self.assign_collations(e)?;
            }
            let collations: Vec<_> = column.iter().map(|e| (self.result_collation(e), e.pos)).collect();
            let collation = self.common_collation(ty, &collations, true)?;
            for (row, e) in rows.iter_mut().zip(column) {
                row[i] = e;
            }
            columns.push(self.new_output(SmolStr::from(format!("column{}", i + 1)), ty, collation));
        }
        Ok((Rel::Values { columns: columns.clone(), rows }, columns))
    }

    /// ORDER BY, LIMIT over finished rows, by their column names (`set` is the set operation that made them).
    pub(super) fn order_outputs(
        &mut self,
        stmt: &SelectStmt,
        rel: Rel,
        columns: Vec<Output>,
        alias: &str,
        set: Option<&str>,
    ) -> Result<Bound> {
        use super::scope::{NsItem, RteKind};
        let cols = Self::output_cols(&columns);
        let rte = self.add_rte(SmolStr::new(alias), false, RteKind::Plan { rel: None, view: None }, cols);
        let visible = set.is_none();
        self.scope_mut().ns.push(NsItem { rte, rel_visible: visible, cols_visible: true, lateral_only: false, lateral_ok: true });
        let mut targets: Vec<Target> =
            columns.iter().map(|o| Target { name: o.name.clone(), expr: output_ref(o), junk: false }).collect();
        let order = self.order_by(&stmt.order_by, &mut targets)?;
        if let (Some(set), Some(junk)) = (set, targets.get(columns.len())) {
            let error = err!(SqlState::FEATURE_NOT_SUPPORTED, "invalid {set} ORDER BY clause")
                .detail("Only result column names can be used, not expressions or functions.")
                .hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
            return Err(super::same::at(error, super::same::location(&junk.expr)));
        }
        let limit = self.limit_clause(&stmt.limit, !stmt.order_by.is_empty())?;
        let mut rel = rel;
        let exact = targets.len() == columns.len();
        if !exact {
            let level = Level { input: rel, targets, order, distinct: DistinctRefs::No, limit, locks: Vec::new() };
            return self.assemble(level);
        }
        let keys = |order: &[SortRef]| -> Vec<SortKey> {
            order
                .iter()
                .map(|k| SortKey { expr: output_ref(&columns[k.target]), desc: k.desc, nulls_first: k.nulls_first })
                .collect()
        };
        if !order.is_empty() {
            rel = Rel::Sort { input: Box::new(rel), keys: keys(&order) };
        }
        if limit.limit.is_some() || limit.offset.is_some() {
            let with_ties = limit.with_ties.then(|| keys(&order));
            rel = Rel::Limit { input: Box::new(rel), limit: limit.limit, offset: limit.offset, with_ties };
        }
        Ok(Bound { rel, outputs: columns, exact: true })
    }
}

/// Set-returning calls, innermost first.
pub(super) fn project_sets(input: Rel, srfs: Vec<Srf>) -> Rel {
    let mut input = input;
    let mut srfs = srfs;
    let mut level = 1;
    while !srfs.is_empty() {
        let (now, later): (Vec<Srf>, Vec<Srf>) = srfs.into_iter().partition(|s| s.level <= level);
        srfs = later;
        level += 1;
        if !now.is_empty() {
            let exprs = now.into_iter().map(|s| (s.output, s.call)).collect();
            input = Rel::ProjectSet { input: Box::new(input), exprs };
        }
    }
    input
}

/// FROM nothing: one row without columns.
pub(super) fn nothing() -> Rel {
    Rel::Values { columns: Vec::new(), rows: vec![Vec::new()] }
}

fn placeholder() -> Expr {
    Expr::new(ExprKind::Const(crate::sql::types::Datum::Null), crate::sql::types::Oid::UNKNOWN)
}
