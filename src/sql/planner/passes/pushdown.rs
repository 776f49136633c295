//! Conditions move towards the scans.
//!
//! Through projections (by substitution), into the sides of joins, through grouping on group keys, into both sides of set
//! operations. On the way an outer join whose NULL-extended rows a condition would drop becomes a weaker one:
//! `a LEFT JOIN b ON ... WHERE b.x > 1` is an inner join. A RIGHT join becomes a LEFT join with its sides exchanged, and one of
//! which only the rows without a match are wanted (`WHERE b.id IS NULL`) an anti join. Constants spread over equalities:
//! `a.id = b.id AND a.id = 5` also says `b.id = 5`.
//!
//! Volatile conditions stay where they were written.

use super::PassCx;
use super::fold;
use crate::sql::plan::{Expr, ExprKind, JoinKind, Output, Rel, SetOpKind};
use crate::sql::planner::props;
use crate::sql::planner::walk::{self, ColSet, Replacements};
use crate::sql::types::Datum;

/// Pushes every condition down.
pub fn run(rel: Rel, _cx: &mut PassCx<'_>) -> Rel {
    push(rel, Vec::new())
}

/// `rel` under `conditions`, with the conditions as deep as they go.
pub fn push(rel: Rel, conditions: Vec<Expr>) -> Rel {
    match rel {
        Rel::Filter { input, predicate } => push_filter(*input, predicate, conditions),
        Rel::Project { input, exprs } => push_project(*input, exprs, conditions),
        Rel::ProjectSet { input, exprs } => {
            let below = walk::output_ids(&input);
            let set: ColSet = exprs.iter().map(|(o, _)| o.id).collect();
            let (down, up) = split(conditions, |c| c.is_disjoint(&set) && !c.is_disjoint(&below));
            let exprs = exprs.into_iter().map(|(o, e)| (o, subqueries(e))).collect();
            walk::filtered(Rel::ProjectSet { input: Box::new(push(*input, down)), exprs }, finish(up))
        }
        Rel::Join { kind, left, right, on, lateral } => push_join(kind, *left, *right, on, lateral, conditions),
        Rel::Aggregate { input, group, sets, grouping, aggs } => {
            let with: Replacements = group.iter().map(|(o, e)| (o.id, e.clone())).collect();
            let pure = sets.is_none() && !group.is_empty() && group.iter().all(|(_, e)| movable(e));
            let own: ColSet = group.iter().map(|(o, _)| o.id).chain(aggs.iter().map(|(o, _)| o.id)).collect();
            let grouped = |c: &ColSet| c.iter().all(|id| with.contains_key(id) || !own.contains(id));
            let (down, up) = split(conditions, |c| pure && grouping.is_empty() && !c.is_disjoint(&own) && grouped(c));
            let down = replaced(down, &with);
            let mut node = Rel::Aggregate { input: Box::new(push(*input, down)), group, sets, grouping, aggs };
            own_subqueries(&mut node);
            walk::filtered(node, finish(up))
        }
        Rel::Window { input, windows, calls } => {
            let own: ColSet = walk::output_ids(&input);
            let partitions: Vec<ColSet> =
                windows.iter().map(|w| w.partition.iter().filter_map(props::as_column).collect()).collect();
            let (down, up) = split(conditions, |c| {
                let mine: Vec<_> = c.intersection(&own).collect();
                !mine.is_empty() && c.is_subset(&own) && partitions.iter().all(|p| mine.iter().all(|id| p.contains(id)))
            });
            let mut node = Rel::Window { input: Box::new(push(*input, down)), windows, calls };
            own_subqueries(&mut node);
            walk::filtered(node, finish(up))
        }
        Rel::Sort { input, keys } => {
            let mut node = Rel::Sort { input: Box::new(push(*input, conditions)), keys };
            own_subqueries(&mut node);
            node
        }
        Rel::Distinct { input, on: None } => Rel::Distinct { input: Box::new(push(*input, conditions)), on: None },
        Rel::Distinct { input, on: Some(on) } => {
            let keys: ColSet = on.iter().filter_map(props::as_column).collect();
            let (down, up) = split(conditions, |c| !c.is_empty() && c.is_subset(&keys));
            walk::filtered(Rel::Distinct { input: Box::new(push(*input, down)), on: Some(on) }, finish(up))
        }
        Rel::SetOp { kind, all, left, right, columns } => push_set(kind, all, *left, *right, columns, conditions),
        Rel::With { ctes, body } => {
            let ctes = ctes
                .into_iter()
                .map(|mut cte| {
                    cte.plan = push(cte.plan, Vec::new());
                    cte.recursive = cte.recursive.map(|(step, all)| (push(step, Vec::new()), all));
                    cte
                })
                .collect();
            Rel::With { ctes, body: Box::new(push(*body, conditions)) }
        }
        Rel::Empty { columns } => Rel::Empty { columns },
        mut other => {
            for child in walk::children_mut(&mut other) {
                *child = push(walk::take(child), Vec::new());
            }
            own_subqueries(&mut other);
            walk::filtered(other, finish(conditions))
        }
    }
}

/// Pushes within the subqueries of an expression.
fn subqueries(mut expr: Expr) -> Expr {
    walk::rewrite(&mut expr, &mut |e| {
        if let ExprKind::Subquery(s) = &mut e.kind {
            s.plan = push(walk::take(&mut s.plan), Vec::new());
        }
    });
    expr
}

fn own_subqueries(rel: &mut Rel) {
    walk::each_expr_mut(rel, &mut |e| {
        let moved = std::mem::replace(e, Expr::constant(Datum::Null, crate::sql::types::Oid::UNKNOWN));
        *e = subqueries(moved);
    });
}

/// Conditions that have come to their place.
fn finish(conditions: Vec<Expr>) -> Vec<Expr> {
    conditions.into_iter().map(subqueries).collect()
}

fn split(conditions: Vec<Expr>, mut down: impl FnMut(&ColSet) -> bool) -> (Vec<Expr>, Vec<Expr>) {
    conditions.into_iter().partition(|c| !walk::is_volatile(c) && down(&walk::expr_columns(c)))
}

fn replaced(mut conditions: Vec<Expr>, with: &Replacements) -> Vec<Expr> {
    for c in &mut conditions {
        walk::substitute(c, with);
        fold::fold(c);
    }
    conditions
}

/// Whether an expression may be computed somewhere else, or twice.
fn movable(expr: &Expr) -> bool {
    !walk::is_volatile(expr) && !walk::any(expr, &mut |e| matches!(e.kind, ExprKind::Subquery(_) | ExprKind::SetReturning { .. }))
}

fn push_filter(input: Rel, predicate: Expr, conditions: Vec<Expr>) -> Rel {
    let mut mine = Vec::new();
    walk::conjuncts(predicate, &mut mine);
    if mine.iter().any(|c| matches!(fold::constant(c), Some(Datum::Bool(false) | Datum::Null))) {
        return Rel::Empty { columns: walk::outputs(&input) };
    }
    mine.retain(|c| !matches!(fold::constant(c), Some(Datum::Bool(true))));
    let (volatile, stable): (Vec<Expr>, Vec<Expr>) = mine.into_iter().partition(walk::is_volatile);
    if volatile.is_empty() {
        // A view's own conditions come first: what is asked of its rows may fail on others.
        let mut all = stable;
        all.extend(conditions);
        return push(input, all);
    }
    // What was above stays above; what was beside a volatile condition may still go down.
    let (up, down): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(walk::is_volatile);
    let mut below = stable;
    below.extend(down);
    walk::filtered(push(input, below), finish(volatile.into_iter().chain(up).collect()))
}

fn push_project(input: Rel, exprs: Vec<(Output, Expr)>, conditions: Vec<Expr>) -> Rel {
    let with: Replacements = exprs.iter().filter(|(_, e)| movable(e)).map(|(o, e)| (o.id, e.clone())).collect();
    let own: ColSet = exprs.iter().map(|(o, _)| o.id).collect();
    let (down, up) = split(conditions, |c| c.iter().all(|id| with.contains_key(id) || !own.contains(id)));
    let down = replaced(down, &with);
    let exprs = exprs.into_iter().map(|(o, e)| (o, subqueries(e))).collect();
    walk::filtered(Rel::Project { input: Box::new(push(input, down)), exprs }, finish(up))
}

fn push_set(kind: SetOpKind, all: bool, left: Rel, right: Rel, columns: Vec<Output>, conditions: Vec<Expr>) -> Rel {
    let (down, up) = split(conditions, |c| columns.iter().any(|o| c.contains(&o.id)));
    let (down, up) =
        if down.iter().any(walk::has_subquery) { (Vec::new(), down.into_iter().chain(up).collect()) } else { (down, up) };
    let side = |rel: Rel| {
        let with: Replacements = columns.iter().zip(walk::outputs(&rel)).map(|(o, from)| (o.id, walk::column_of(&from))).collect();
        push(rel, replaced(down.clone(), &with))
    };
    let (left, right) = (side(left), side(right));
    walk::filtered(Rel::SetOp { kind, all, left: Box::new(left), right: Box::new(right), columns }, finish(up))
}

/// The join a condition above leaves of an outer join.
fn weakened(kind: JoinKind, rejects_left: bool, rejects_right: bool) -> JoinKind {
    match kind {
        JoinKind::Left if rejects_right => JoinKind::Inner,
        JoinKind::Full => match (rejects_left, rejects_right) {
            (true, true) => JoinKind::Inner,
            (true, false) => JoinKind::Left,
            (false, true) => JoinKind::Right,
            (false, false) => JoinKind::Full,
        },
        other => other,
    }
}

fn push_join(kind: JoinKind, left: Rel, right: Rel, on: Vec<Expr>, lateral: bool, conditions: Vec<Expr>) -> Rel {
    if kind == JoinKind::Right {
        let columns: Vec<Output> = walk::outputs(&left).into_iter().chain(walk::outputs(&right)).collect();
        let swapped = push_join(JoinKind::Left, right, left, on, lateral, conditions);
        return walk::pass_through(swapped, columns);
    }
    let (in_left, in_right) = (walk::output_ids(&left), walk::output_ids(&right));
    let rejected: ColSet = conditions.iter().filter(|c| !walk::is_volatile(c)).flat_map(props::rejecting_columns).collect();
    let weaker = weakened(kind, !rejected.is_disjoint(&in_left), !rejected.is_disjoint(&in_right));
    if weaker == JoinKind::Right {
        return push_join(JoinKind::Right, left, right, on, lateral, conditions);
    }
    let kind = weaker;
    let lateral = lateral && !walk::free_columns(&right).is_disjoint(&in_left);
    let mut own = Vec::new();
    on.into_iter().for_each(|c| walk::conjuncts(c, &mut own));
    own.retain(|c| !matches!(fold::constant(c), Some(Datum::Bool(true))));
    let only = |side: &ColSet, other: &ColSet, c: &ColSet| c.is_disjoint(other) && (!c.is_disjoint(side));
    match kind {
        JoinKind::Inner => {
            own.extend(conditions);
            spread_constants(&mut own);
            if own.iter().any(|c| matches!(fold::constant(c), Some(Datum::Bool(false) | Datum::Null))) {
                let columns = walk::outputs(&left).into_iter().chain(walk::outputs(&right)).collect();
                return Rel::Empty { columns };
            }
            let (mut to_left, rest) = split(own, |c| c.is_disjoint(&in_right));
            let (mut to_right, both) = split(rest, |c| only(&in_right, &in_left, c));
            to_left.extend(both.iter().filter_map(|c| implied(c, &in_left)));
            to_right.extend(both.iter().filter_map(|c| implied(c, &in_right)));
            rebuild(kind, push(left, to_left), push(right, to_right), both, lateral)
        }
        JoinKind::Left if !lateral && conditions.iter().any(|c| wants_unmatched(c, &in_right, &own)) => {
            unmatched(left, right, own, conditions, &in_right)
        }
        JoinKind::Left => {
            let (to_left, up) = split(conditions, |c| only(&in_left, &in_right, c));
            let (to_right, both) = split(own, |c| only(&in_right, &in_left, c));
            walk::filtered(rebuild(kind, push(left, to_left), push(right, to_right), both, lateral), finish(up))
        }
        JoinKind::Semi => {
            let (above_left, up) = split(conditions, |c| only(&in_left, &in_right, c));
            let (to_left, rest) = split(own, |c| only(&in_left, &in_right, c));
            let (to_right, both) = split(rest, |c| only(&in_right, &in_left, c));
            let to_left = to_left.into_iter().chain(above_left).collect();
            walk::filtered(rebuild(kind, push(left, to_left), push(right, to_right), both, lateral), finish(up))
        }
        JoinKind::Anti => {
            let (to_left, up) = split(conditions, |c| only(&in_left, &in_right, c));
            let (to_right, both) = split(own, |c| only(&in_right, &in_left, c));
            walk::filtered(rebuild(kind, push(left, to_left), push(right, to_right), both, lateral), finish(up))
        }
        JoinKind::Full | JoinKind::Right => {
            walk::filtered(rebuild(kind, push(left, Vec::new()), push(right, Vec::new()), own, lateral), finish(conditions))
        }
    }
}

/// Whether a condition above a left join leaves only the rows without a match: it asks for the NULL of a right column that the
/// join's own conditions keep from being NULL in a match.
fn wants_unmatched(condition: &Expr, in_right: &ColSet, on: &[Expr]) -> bool {
    let ExprKind::IsNull { arg, negated: false, row: false } = &condition.kind else { return false };
    props::as_column(arg).is_some_and(|id| in_right.contains(&id) && on.iter().any(|c| props::rejecting_columns(c).contains(&id)))
}

/// A left join of which only the rows without a match are wanted: an anti join, with NULLs for the right columns.
fn unmatched(left: Rel, right: Rel, on: Vec<Expr>, mut conditions: Vec<Expr>, in_right: &ColSet) -> Rel {
    conditions.retain(|c| !wants_unmatched(c, in_right, &on));
    let kept = walk::outputs(&left).into_iter().map(|o| (o.clone(), walk::column_of(&o)));
    let nulls = walk::outputs(&right).into_iter().map(|o| {
        let null = Expr { collation: o.collation, ..Expr::constant(Datum::Null, o.ty) };
        (o, null)
    });
    let exprs = kept.chain(nulls).collect();
    let join = Rel::Join { kind: JoinKind::Anti, left: Box::new(left), right: Box::new(right), on, lateral: false };
    push(Rel::Project { input: Box::new(join), exprs }, conditions)
}

/// What an OR over both sides says about one of them: `(l.a AND r.b) OR (l.c AND r.d)` implies `l.a OR l.c`.
fn implied(condition: &Expr, side: &ColSet) -> Option<Expr> {
    let ExprKind::Or(arms) = &condition.kind else { return None };
    let mut implied = Vec::with_capacity(arms.len());
    for arm in arms {
        let mut list = Vec::new();
        walk::conjuncts(arm.clone(), &mut list);
        list.retain(|e| {
            let columns = walk::expr_columns(e);
            !columns.is_empty() && columns.is_subset(side) && movable(e)
        });
        implied.push(walk::conjunction(list)?);
    }
    Some(Expr::new(ExprKind::Or(implied), crate::sql::types::Oid::BOOL))
}

fn rebuild(kind: JoinKind, left: Rel, right: Rel, on: Vec<Expr>, lateral: bool) -> Rel {
    if kind == JoinKind::Inner && (matches!(left, Rel::Empty { .. }) || matches!(right, Rel::Empty { .. })) {
        let columns = walk::outputs(&left).into_iter().chain(walk::outputs(&right)).collect();
        return Rel::Empty { columns };
    }
    Rel::Join { kind, left: Box::new(left), right: Box::new(right), on: finish(on), lateral }
}

/// `x = y AND x = constant`: `y = constant` as well, when `x` and `y` are columns of one type.
fn spread_constants(conditions: &mut Vec<Expr>) {
    loop {
        let mut found = None;
        'search: for c in conditions.iter() {
            let Some(equal) = props::binary(c).filter(|b| b.symbol == "=") else { continue };
            let (Some(x), Some(y)) = (props::as_column(equal.left), props::as_column(equal.right)) else { continue };
            if equal.left.ty.oid != equal.right.ty.oid || equal.left.collation != equal.right.collation {
                continue;
            }
            for (known, other, replacement) in [(x, y, equal.right), (y, x, equal.left)] {
                if let Some(derived) = derive(conditions, known, other, replacement) {
                    found = Some(derived);
                    break 'search;
                }
            }
        }
        match found {
            Some(derived) => conditions.push(derived),
            None => return,
        }
    }
}

fn is_fixed(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Const(_) | ExprKind::Param(_))
}

fn derive(conditions: &[Expr], known: crate::sql::plan::ColId, other: crate::sql::plan::ColId, replacement: &Expr) -> Option<Expr> {
    let fixes = |c: &Expr, id| {
        props::binary(c).is_some_and(|b| b.symbol == "=" && props::as_column(b.left) == Some(id) && is_fixed(b.right))
    };
    if conditions.iter().any(|c| fixes(c, other)) {
        return None;
    }
    let source = conditions.iter().find(|c| fixes(c, known))?;
    let mut derived = source.clone();
    if let ExprKind::Call { args, .. } = &mut derived.kind {
        let original = args.first()?;
        if original.ty.oid != replacement.ty.oid {
            return None;
        }
        args[0] = replacement.clone();
    }
    Some(derived)
}
