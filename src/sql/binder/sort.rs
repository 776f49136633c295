//! ORDER BY, DISTINCT, LIMIT (parse_clause.c): keys are entries of the target list.

use super::Binder;
use super::same::{at, location, same};
use super::scope::Place;
use super::target::Target;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::parser::ast::{self, Distinct, ExprNode, Literal, SortBy};
use crate::sql::plan::{Expr, ExprKind};
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;

/// A sort key: a target and its direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortRef {
    pub target: usize,
    pub desc: bool,
    pub nulls_first: bool,
}

/// DISTINCT of a query level.
#[derive(Clone, Debug, Default)]
pub(super) enum DistinctRefs {
    #[default]
    No,
    All,
    /// Targets.
    On(Vec<usize>),
}

/// LIMIT and OFFSET.
#[derive(Clone, Debug, Default)]
pub(super) struct BoundLimit {
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    pub with_ties: bool,
}

impl Binder<'_> {
    /// `findTargetlistEntrySQL92`: output names and positions first, then expressions. Adds a junk target if need be.
    pub(super) fn target_for(&mut self, e: &ast::Expr, targets: &mut Vec<Target>, place: Place) -> Result<usize> {
        match &e.node {
            ExprNode::Column(c) if c.names.len() == 1 && !c.star => {
                let name = &c.names[0];
                let from_first = place == Place::GroupBy && self.is_local_column(name, e.pos)?;
                if !from_first && let Some(found) = self.target_named(name, targets, place, e.pos)? {
                    self.check_group_target(&targets[found], place, e.pos)?;
                    return Ok(found);
                }
            }
            ExprNode::Literal(Literal::Integer(n)) => {
                let visible = targets.iter().filter(|t| !t.junk).count();
                if *n < 1 || *n as usize > visible {
                    let name = place.name();
                    return Err(err!(SqlState::INVALID_COLUMN_REFERENCE, "{name} position {n} is not in select list").at(e.pos));
                }
                let found = *n as usize - 1;
                self.check_group_target(&targets[found], place, e.pos)?;
                return Ok(found);
            }
            ExprNode::Literal(_) => {
                return Err(err!(SqlState::SYNTAX_ERROR, "non-integer constant in {}", place.name()).at(e.pos));
            }
            _ => {}
        }
        self.target_equal(e, targets, place)
    }

    fn target_named(&self, name: &SmolStr, targets: &[Target], place: Place, pos: usize) -> Result<Option<usize>> {
        let mut found: Option<usize> = None;
        for (i, target) in targets.iter().enumerate().filter(|(_, t)| !t.junk && t.name == *name) {
            match found {
                Some(other) if !same(&targets[other].expr, &target.expr) => {
                    return Err(err!(SqlState::AMBIGUOUS_COLUMN, "{} \"{name}\" is ambiguous", place.name()).at(pos));
                }
                Some(_) => {}
                None => found = Some(i),
            }
        }
        Ok(found)
    }

    /// Whether an unqualified name is a column of this level's FROM.
    fn is_local_column(&self, name: &str, pos: usize) -> Result<bool> {
        let scope = self.scope();
        let mut found = false;
        for item in scope.ns.iter().filter(|i| i.cols_visible && !i.lateral_only) {
            if self.scan_columns(item.rte, name, pos)?.is_some() {
                if found {
                    return Err(super::names::ambiguous_column(name, pos));
                }
                found = true;
            }
        }
        Ok(found)
    }

    /// `checkTargetlistEntrySQL92`: GROUP BY may not name an output with aggregates or window functions.
    fn check_group_target(&self, target: &Target, place: Place, pos: usize) -> Result<()> {
        if place != Place::GroupBy {
            return Ok(());
        }
        use super::scope::What;
        let depth = self.scopes.len() as u32;
        let (mut aggregate, mut window) = (false, false);
        self.visit_columns(&target.expr, &mut |col, _| {
            if col.depth == depth {
                aggregate |= col.what == What::Aggregate;
                window |= col.what == What::Window;
            }
        });
        let pos = super::same::first_column(&target.expr).unwrap_or(pos as u32);
        if aggregate {
            let error = err!(SqlState::GROUPING_ERROR, "aggregate functions are not allowed in GROUP BY");
            return Err(at(error, Some(pos)));
        }
        if window {
            return Err(at(err!(SqlState::WINDOWING_ERROR, "window functions are not allowed in GROUP BY"), Some(pos)));
        }
        Ok(())
    }

    /// `findTargetlistEntrySQL99`.
    fn target_equal(&mut self, e: &ast::Expr, targets: &mut Vec<Target>, place: Place) -> Result<usize> {
        let bound = self.expr_at(e, place)?;
        if let Some(i) = targets.iter().position(|t| same(strip(&t.expr), strip(&bound)) && t.expr.ty.oid == bound.ty.oid) {
            return Ok(i);
        }
        targets.push(Target { name: super::colname::column_name(e), expr: bound, junk: true });
        Ok(targets.len() - 1)
    }

    fn text_if_unknown(&mut self, target: &mut Target) -> Result<()> {
        if target.expr.ty.oid == Oid::UNKNOWN {
            self.replace(&mut target.expr, |b, e| b.implicit(e, Type::new(Oid::TEXT)))?;
        }
        Ok(())
    }

    /// `transformSortClause`.
    pub(super) fn order_by(&mut self, order: &[SortBy], targets: &mut Vec<Target>) -> Result<Vec<SortRef>> {
        let mut keys: Vec<SortRef> = Vec::with_capacity(order.len());
        for sort in order {
            let target = self.target_for(&sort.expr, targets, Place::OrderBy)?;
            self.text_if_unknown(&mut targets[target])?;
            let (desc, nulls_first) = self.sort_direction(&targets[target].expr, sort).map_err(|e| e.at(sort.expr.pos))?;
            if !keys.iter().any(|k| k.target == target) {
                keys.push(SortRef { target, desc, nulls_first });
            }
        }
        Ok(keys)
    }

    /// A GROUP BY expression's target.
    pub(super) fn group_target(&mut self, e: &ast::Expr, targets: &mut Vec<Target>) -> Result<usize> {
        let target = self.target_for(e, targets, Place::GroupBy)?;
        self.text_if_unknown(&mut targets[target])?;
        self.check_comparable(targets[target].expr.ty.oid, Some(e.location() as u32))?;
        Ok(target)
    }

    /// DISTINCT and DISTINCT ON.
    pub(super) fn distinct_clause(
        &mut self,
        distinct: &Distinct,
        targets: &mut Vec<Target>,
        order: &[SortRef],
    ) -> Result<DistinctRefs> {
        match distinct {
            Distinct::No => Ok(DistinctRefs::No),
            Distinct::Yes => {
                for target in targets.iter_mut().filter(|t| !t.junk) {
                    self.text_if_unknown(target)?;
                    self.check_comparable(target.expr.ty.oid, location(&target.expr))?;
                }
                if let Some(key) = order.iter().find(|k| targets[k.target].junk) {
                    let error = err!(
                        SqlState::INVALID_COLUMN_REFERENCE,
                        "for SELECT DISTINCT, ORDER BY expressions must appear in select list"
                    );
                    return Err(at(error, location(&targets[key.target].expr)));
                }
                Ok(DistinctRefs::All)
            }
            Distinct::On(list) => self.distinct_on(list, targets, order),
        }
    }

    fn distinct_on(&mut self, list: &[ast::Expr], targets: &mut Vec<Target>, order: &[SortRef]) -> Result<DistinctRefs> {
        let mut on: Vec<usize> = Vec::with_capacity(list.len());
        for e in list {
            let target = self.target_for(e, targets, Place::DistinctOn)?;
            self.text_if_unknown(&mut targets[target])?;
            self.check_comparable(targets[target].expr.ty.oid, Some(e.location() as u32))?;
            if !on.contains(&target) {
                on.push(target);
            }
        }
        // The first ORDER BY keys must be the DISTINCT ON expressions.
        let mut skipped = false;
        let mut matched = 0;
        let mismatch = |targets: &[Target], target: usize| {
            let error =
                err!(SqlState::INVALID_COLUMN_REFERENCE, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
            at(error, location(&targets[target].expr))
        };
        for key in order.iter() {
            if on.contains(&key.target) {
                if skipped {
                    return Err(mismatch(targets, key.target));
                }
                matched += 1;
            } else {
                skipped = true;
            }
        }
        if skipped
            && matched < on.len()
            && let Some(target) = on.iter().find(|t| !order.iter().any(|k| k.target == **t))
        {
            return Err(mismatch(targets, *target));
        }
        Ok(DistinctRefs::On(on))
    }

    /// LIMIT, OFFSET, FETCH.
    pub(super) fn limit_clause(&mut self, limit: &ast::Limit, ordered: bool) -> Result<BoundLimit> {
        let offset = limit.offset.as_deref().map(|e| self.limit_expr(e, Place::Offset, "OFFSET")).transpose()?;
        let count = limit.count.as_deref().map(|e| self.limit_expr(e, Place::Limit, "LIMIT")).transpose()?;
        if limit.with_ties {
            if let Some(Expr { kind: ExprKind::Const(Datum::Null), .. }) = count {
                return Err(err!(
                    SqlState::INVALID_ROW_COUNT_IN_LIMIT,
                    "row count cannot be null in FETCH FIRST ... WITH TIES clause"
                ));
            }
            if !ordered {
                return Err(err!(SqlState::SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause"));
            }
        }
        // LIMIT ALL and LIMIT NULL are no limit.
        let real = |e: Option<Expr>| e.filter(|e| !matches!(e.kind, ExprKind::Const(Datum::Null)));
        Ok(BoundLimit { limit: real(count), offset: real(offset), with_ties: limit.with_ties })
    }

    fn limit_expr(&mut self, e: &ast::Expr, place: Place, name: &str) -> Result<Expr> {
        let bound = self.expr_at(e, place)?;
        let bound = self.coerce_to_specific(bound, Oid::INT8, name)?;
        self.check_variable_free(&bound, name)?;
        Ok(fold_int8(bound))
    }
}

/// An integer literal as LIMIT needs no cast at run time.
fn fold_int8(e: Expr) -> Expr {
    if let ExprKind::Call { args, .. } = &e.kind
        && let [Expr { kind: ExprKind::Const(Datum::Int4(n)), .. }] = &args[..]
    {
        let value = Datum::Int8(i64::from(*n));
        return Expr { kind: ExprKind::Const(value), ty: e.ty, collation: e.collation, pos: e.pos };
    }
    e
}

/// Without implicit casts on top.
fn strip(e: &Expr) -> &Expr {
    use crate::sql::plan::CallForm::ImplicitCast;
    match &e.kind {
        ExprKind::Relabel(arg, ImplicitCast) | ExprKind::CoerceViaIo(arg, ImplicitCast) => strip(arg),
        ExprKind::Call { args, form: ImplicitCast, .. } if !args.is_empty() => strip(&args[0]),
        _ => e,
    }
}
