//! Subqueries in conditions and select lists become joins.
//!
//! - EXISTS and `= ANY` become semi joins, their negations anti joins; the subquery's conditions on outer columns become the
//!   join's. `x NOT IN (...)` keeps its three-valued meaning: as an anti join only where no NULL can appear.
//! - A correlated scalar aggregate (`(select sum(a) from t where t.k = outer.k)`) becomes a left join with the aggregate grouped
//!   by the correlation's keys; `count` of no rows is 0 again through COALESCE.
//! - A correlated scalar lookup by a unique key becomes a left join.
//!
//! Everything else stays a subquery of its expression: without correlation it runs once, with correlation once per distinct
//! outer values.

use super::PassCx;
use crate::sql::plan::{ColId, Expr, ExprKind, JoinKind, Output, Rel, Subquery, SubqueryKind};
use crate::sql::planner::props;
use crate::sql::planner::walk::{self, ColSet, Replacements};
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;

/// Unnests everywhere.
pub fn run(rel: Rel, cx: &mut PassCx<'_>) -> Rel {
    walk::transform(rel, &mut |node| match node {
        Rel::Filter { input, predicate } => filter(*input, predicate, cx),
        Rel::Project { input, exprs } => project(*input, exprs, cx),
        Rel::Join { kind: JoinKind::Inner, left, right, on, lateral } if on.iter().any(walk::has_subquery) => {
            let (inside, above) = on.into_iter().partition(|e| !walk::has_subquery(e));
            let join = Rel::Join { kind: JoinKind::Inner, left, right, on: inside, lateral };
            match walk::conjunction(above) {
                Some(predicate) => filter(join, predicate, cx),
                None => join,
            }
        }
        other => other,
    })
}

fn filter(input: Rel, predicate: Expr, cx: &mut PassCx<'_>) -> Rel {
    if !walk::has_subquery(&predicate) {
        return Rel::Filter { input: Box::new(input), predicate };
    }
    let visible = walk::outputs(&input);
    let mut conditions = Vec::new();
    walk::conjuncts(predicate, &mut conditions);
    let (with, mut plain): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(walk::has_subquery);
    // Conditions without subqueries first: they make the joins smaller.
    let mut rel = walk::filtered(input, std::mem::take(&mut plain));
    let mut widened = false;
    for mut condition in with {
        rel = match as_join(rel, &condition) {
            Ok(joined) => joined,
            Err(rel) => {
                let (rel, changed) = scalars(*rel, &mut condition, cx);
                widened |= changed;
                plain.push(condition);
                rel
            }
        };
    }
    rel = walk::filtered(rel, plain);
    if widened { walk::pass_through(rel, visible) } else { rel }
}

fn project(input: Rel, mut exprs: Vec<(Output, Expr)>, cx: &mut PassCx<'_>) -> Rel {
    let mut rel = input;
    for (_, e) in &mut exprs {
        if walk::has_subquery(e) {
            rel = scalars(rel, e, cx).0;
        }
    }
    Rel::Project { input: Box::new(rel), exprs }
}

/// EXISTS, IN and their negations as a join of `left`; gives `left` back when it cannot be.
fn as_join(left: Rel, condition: &Expr) -> Result<Rel, Box<Rel>> {
    let (subquery, negated) = match &condition.kind {
        ExprKind::Subquery(s) => (s, false),
        ExprKind::Not(arg) => match &arg.kind {
            ExprKind::Subquery(s) => (s, true),
            _ => return Err(Box::new(left)),
        },
        _ => return Err(Box::new(left)),
    };
    match semi_sides(&left, subquery, negated) {
        Some((right, on)) => {
            let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
            Ok(Rel::Join { kind, left: Box::new(left), right: Box::new(right), on, lateral: false })
        }
        None => Err(Box::new(left)),
    }
}

/// The right side and the conditions of a semi or anti join.
fn semi_sides(left: &Rel, subquery: &Subquery, negated: bool) -> Option<(Rel, Vec<Expr>)> {
    if walk::rel_is_volatile(&subquery.plan) {
        return None;
    }
    let outer = walk::output_ids(left);
    let mut tests = Vec::new();
    let mut plan = strip(subquery.plan.clone());
    match &subquery.kind {
        SubqueryKind::Exists => {
            while let Rel::Project { input, .. } = plan {
                plan = strip(*input);
            }
        }
        SubqueryKind::Quantified { any: true, test } => {
            let mut test = (**test).clone();
            if walk::has_subquery(&test) || walk::is_volatile(&test) {
                return None;
            }
            if negated && !never_unknown(&test, left, &subquery.plan) {
                return None;
            }
            while let Rel::Project { input, exprs } = plan {
                if exprs.iter().any(|(_, e)| walk::has_subquery(e)) {
                    plan = Rel::Project { input, exprs };
                    break;
                }
                let with: Replacements = exprs.into_iter().map(|(o, e)| (o.id, e)).collect();
                walk::substitute(&mut test, &with);
                plan = strip(*input);
            }
            walk::conjuncts(test, &mut tests);
        }
        _ => return None,
    }
    let (right, mut on) = pull(plan, &outer)?;
    on.extend(tests);
    let usable = !on.is_empty() && walk::free_columns(&right).is_disjoint(&outer);
    let reads_left = on.iter().any(|e| !walk::expr_columns(e).is_disjoint(&outer));
    (usable && reads_left).then_some((right, on))
}

/// Whether an equality (or conjunction of them) is never unknown: no side can be NULL.
fn never_unknown(test: &Expr, left: &Rel, right: &Rel) -> bool {
    match &test.kind {
        ExprKind::And(arms) => arms.iter().all(|a| never_unknown(a, left, right)),
        _ => props::binary(test).is_some_and(|b| {
            b.symbol == "="
                && [b.left, b.right].into_iter().all(|e| props::expr_never_null(e, left) || props::expr_never_null(e, right))
        }),
    }
}

/// Removes what does not change whether a row exists: order, duplicates, a limit of at least one row.
fn strip(rel: Rel) -> Rel {
    match rel {
        Rel::Sort { input, .. } | Rel::Distinct { input, on: None } => strip(*input),
        Rel::Limit { input, limit: Some(limit), offset: None, .. } if props::const_int(&limit).is_some_and(|n| n > 0) => {
            strip(*input)
        }
        other => other,
    }
}

/// Takes the conditions on `outer` columns out of a plan, for a join above to apply. `None` when that cannot be done.
fn pull(rel: Rel, outer: &ColSet) -> Option<(Rel, Vec<Expr>)> {
    if walk::free_columns(&rel).is_disjoint(outer) {
        return Some((rel, Vec::new()));
    }
    match rel {
        Rel::Filter { input, predicate } => {
            let (input, mut pulled) = pull(*input, outer)?;
            let mut conditions = Vec::new();
            walk::conjuncts(predicate, &mut conditions);
            let (mine, theirs): (Vec<Expr>, Vec<Expr>) =
                conditions.into_iter().partition(|c| walk::expr_columns(c).is_disjoint(outer));
            if theirs.iter().any(walk::has_subquery) {
                return None;
            }
            pulled.extend(theirs);
            Some((walk::filtered(input, mine), pulled))
        }
        Rel::Project { input, mut exprs } => {
            if exprs.iter().any(|(_, e)| !walk::expr_columns(e).is_disjoint(outer)) {
                return None;
            }
            let (input, pulled) = pull(*input, outer)?;
            let below = walk::outputs(&input);
            for condition in &pulled {
                for id in walk::expr_columns(condition) {
                    if let Some(o) = below.iter().find(|o| o.id == id)
                        && !exprs.iter().any(|(have, _)| have.id == id)
                    {
                        exprs.push((o.clone(), walk::column_of(o)));
                    }
                }
            }
            Some((Rel::Project { input: Box::new(input), exprs }, pulled))
        }
        Rel::Join { kind: JoinKind::Inner, left, right, on, lateral } => {
            let (left, mut pulled) = pull(*left, outer)?;
            let (right, more) = pull(*right, outer)?;
            pulled.extend(more);
            let (mine, theirs): (Vec<Expr>, Vec<Expr>) = on.into_iter().partition(|c| walk::expr_columns(c).is_disjoint(outer));
            if theirs.iter().any(walk::has_subquery) {
                return None;
            }
            pulled.extend(theirs);
            let join = Rel::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on: mine, lateral };
            Some((join, pulled))
        }
        Rel::Join { kind: kind @ (JoinKind::Left | JoinKind::Semi | JoinKind::Anti), left, right, on, lateral } => {
            let (left, pulled) = pull(*left, outer)?;
            Some((Rel::Join { kind, left: Box::new(left), right, on, lateral }, pulled))
        }
        Rel::Aggregate { input, group, sets: None, grouping, aggs } if !group.is_empty() => {
            pull_grouped(*input, group, grouping, aggs, outer)
        }
        Rel::Sort { input, .. } => pull(*input, outer),
        _ => None,
    }
}

type Groups = Vec<(Output, Expr)>;
type Grouping = Vec<(Output, Vec<usize>)>;
type Aggs = Vec<(Output, crate::sql::plan::AggCall)>;

/// Conditions on columns that are grouped by may be applied after the grouping.
fn pull_grouped(input: Rel, group: Groups, grouping: Grouping, aggs: Aggs, outer: &ColSet) -> Option<(Rel, Vec<Expr>)> {
    let (input, pulled) = pull(input, outer)?;
    let inner = walk::output_ids(&input);
    let mut after = Vec::new();
    for mut condition in pulled {
        let with: Replacements = group
            .iter()
            .filter_map(|(o, e)| match e.kind {
                ExprKind::Column(id) => Some((id, walk::column_of(o))),
                _ => None,
            })
            .collect();
        if walk::expr_columns(&condition).iter().any(|id| inner.contains(id) && !with.contains_key(id)) {
            return None;
        }
        walk::substitute(&mut condition, &with);
        after.push(condition);
    }
    Some((Rel::Aggregate { input: Box::new(input), group, sets: None, grouping, aggs }, after))
}

/// Replaces scalar subqueries in `expr` by columns of a wider `rel` where possible; says whether it did.
fn scalars(rel: Rel, expr: &mut Expr, cx: &mut PassCx<'_>) -> (Rel, bool) {
    let mut rel = Some(rel);
    let mut changed = false;
    walk::rewrite(expr, &mut |e| {
        let ExprKind::Subquery(s) = &e.kind else { return };
        if !matches!(s.kind, SubqueryKind::Scalar) || walk::rel_is_volatile(&s.plan) {
            return;
        }
        let Some(left) = rel.take() else { return };
        match scalar(&left, &s.plan, cx) {
            Some((right, on, mut value)) => {
                value.ty = e.ty;
                *e = value;
                changed = true;
                rel = Some(Rel::Join { kind: JoinKind::Left, left: Box::new(left), right: Box::new(right), on, lateral: false });
            }
            None => rel = Some(left),
        }
    });
    (rel.unwrap_or(Rel::Empty { columns: Vec::new() }), changed)
}

/// The right side and conditions of a left join, and the value over its columns.
fn scalar(left: &Rel, plan: &Rel, cx: &mut PassCx<'_>) -> Option<(Rel, Vec<Expr>, Expr)> {
    let outer = walk::output_ids(left);
    if walk::free_columns(plan).is_disjoint(&outer) {
        return None;
    }
    let mut value = walk::column_of(walk::outputs(plan).first()?);
    let mut rel = plan.clone();
    let mut conditions = Vec::new();
    loop {
        rel = match rel {
            Rel::Project { input, exprs } => {
                if exprs.iter().any(|(_, e)| walk::has_subquery(e)) {
                    return None;
                }
                let with: Replacements = exprs.into_iter().map(|(o, e)| (o.id, e)).collect();
                walk::substitute(&mut value, &with);
                conditions.iter_mut().for_each(|c| walk::substitute(c, &with));
                *input
            }
            Rel::Filter { input, predicate } if matches!(*input, Rel::Aggregate { .. }) => {
                if walk::has_subquery(&predicate) {
                    return None;
                }
                conditions.push(predicate);
                *input
            }
            other => break aggregate_or_lookup(other, value, conditions, &outer, cx),
        }
    }
}

fn aggregate_or_lookup(
    rel: Rel,
    mut value: Expr,
    having: Vec<Expr>,
    outer: &ColSet,
    cx: &mut PassCx<'_>,
) -> Option<(Rel, Vec<Expr>, Expr)> {
    let Rel::Aggregate { input, group, sets: None, grouping, aggs } = rel else {
        return lookup(rel, value, outer, cx);
    };
    if !group.is_empty() || !grouping.is_empty() {
        return None;
    }
    let (input, pulled) = pull(*input, outer)?;
    let inner = walk::output_ids(&input);
    let arguments_are_local = aggs.iter().all(|(_, a)| {
        a.args.iter().chain(&a.filter).chain(a.order_by.iter().map(|k| &k.expr)).all(|e| walk::expr_columns(e).is_disjoint(outer))
    });
    if pulled.is_empty() || !arguments_are_local || !walk::free_columns(&input).is_disjoint(outer) {
        return None;
    }
    let mut keys: Vec<(Output, Expr)> = Vec::new();
    let mut on = Vec::new();
    for mut condition in pulled {
        let (_, key, hashes) = props::equi(&condition, outer, &inner)?;
        if !hashes || props::is_null_safe(&condition) {
            return None;
        }
        let key = key.clone();
        let id = cx.fresh();
        let output = Output { id, name: SmolStr::new_static("key"), ty: key.ty, collation: key.collation };
        replace_operand(&mut condition, &inner, &walk::column_of(&output));
        on.push(condition);
        keys.push((output, key));
    }
    let empty_counts: Replacements =
        aggs.iter().filter(|(_, a)| matches!(a.func.name, "count" | "regr_count")).map(|(o, _)| (o.id, count_or_zero(o))).collect();
    walk::substitute(&mut value, &empty_counts);
    if let Some(mut condition) = walk::conjunction(having) {
        walk::substitute(&mut condition, &empty_counts);
        let (ty, collation) = (value.ty, value.collation);
        let kind = ExprKind::Case { operand: None, whens: vec![(condition, value)], otherwise: None };
        value = Expr { kind, ty, collation, pos: None };
    }
    let right = Rel::Aggregate { input: Box::new(input), group: keys, sets: None, grouping, aggs };
    Some((right, on, value))
}

fn count_or_zero(output: &Output) -> Expr {
    let zero = Expr::constant(Datum::Int8(0), Type::new(Oid::INT8));
    Expr::new(ExprKind::Coalesce(vec![walk::column_of(output), zero]), output.ty)
}

/// Replaces the operand of an equality that reads only `inner` columns.
fn replace_operand(condition: &mut Expr, inner: &ColSet, with: &Expr) {
    walk::each_child_mut(condition, &mut |operand| {
        let columns = walk::expr_columns(operand);
        if !columns.is_empty() && columns.is_subset(inner) {
            *operand = with.clone();
        }
    });
}

/// A lookup of at most one row.
fn lookup(rel: Rel, value: Expr, outer: &ColSet, cx: &mut PassCx<'_>) -> Option<(Rel, Vec<Expr>, Expr)> {
    if !walk::expr_columns(&value).is_disjoint(outer) {
        return None;
    }
    let (input, on) = pull(rel, outer)?;
    let inner = walk::output_ids(&input);
    let mut keys = ColSet::new();
    for condition in &on {
        if let Some((_, key, _)) = props::equi(condition, outer, &inner) {
            keys.extend(props::as_column(key));
        }
    }
    if on.is_empty() || !props::unique_on(&input, &keys) || !walk::free_columns(&input).is_disjoint(outer) {
        return None;
    }
    let needed: Vec<ColId> = on.iter().flat_map(walk::expr_columns).filter(|c| inner.contains(c)).collect();
    let mut exprs: Vec<(Output, Expr)> =
        walk::outputs(&input).into_iter().filter(|o| needed.contains(&o.id)).map(|o| (o.clone(), walk::column_of(&o))).collect();
    let output = Output { id: cx.fresh(), name: SmolStr::new_static("value"), ty: value.ty, collation: value.collation };
    let result = walk::column_of(&output);
    exprs.push((output, value));
    Some((Rel::Project { input: Box::new(input), exprs }, on, result))
}
