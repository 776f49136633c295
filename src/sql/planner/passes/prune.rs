//! Drops columns nobody reads: unread scan columns, projections' expressions, aggregates, window calls; and projections that only
//! hand on what they get.
//!
//! Where columns are matched by position (set operations, CTEs, DISTINCT over all columns) all of them are needed.

use super::PassCx;
use crate::sql::plan::{AggCall, ColId, Expr, ExprKind, JoinKind, Modify, ModifyAction, Output, Rel};
use crate::sql::planner::walk::{self, ColSet, Replacements};

/// Prunes a statement's plan; all of its own outputs are needed.
pub fn run(rel: Rel, _cx: &mut PassCx<'_>) -> Rel {
    whole(rel)
}

fn whole(rel: Rel) -> Rel {
    let needed = walk::output_ids(&rel);
    prune(rel, &needed)
}

/// Columns read by a node's own expressions.
fn read_by(rel: &Rel) -> ColSet {
    let mut all = ColSet::new();
    walk::each_expr(rel, &mut |e| all.extend(walk::expr_columns(e)));
    all
}

fn subqueries(rel: &mut Rel) {
    walk::each_expr_mut(rel, &mut |e| expr_subqueries(e));
}

fn expr_subqueries(expr: &mut Expr) {
    walk::rewrite(expr, &mut |e| {
        if let ExprKind::Subquery(s) = &mut e.kind {
            s.plan = whole(walk::take(&mut s.plan));
        }
    });
}

fn prune(rel: Rel, needed: &ColSet) -> Rel {
    match rel {
        Rel::Scan(mut scan) => {
            scan.columns.retain(|(o, _)| needed.contains(&o.id));
            Rel::Scan(scan)
        }
        Rel::Project { input, exprs } => prune_project(*input, exprs, needed),
        Rel::Aggregate { input, group, sets, grouping, mut aggs } => {
            aggs.retain(|(o, _): &(Output, AggCall)| needed.contains(&o.id));
            let mut node = Rel::Aggregate { input, group, sets, grouping, aggs };
            subqueries(&mut node);
            let below = read_by(&node);
            with_inputs(node, &below)
        }
        Rel::Window { input, windows, mut calls } => {
            calls.retain(|(o, _)| needed.contains(&o.id));
            let used: Vec<bool> = (0..windows.len()).map(|i| calls.iter().any(|(_, c)| c.window == i)).collect();
            if calls.is_empty() {
                return prune(*input, needed);
            }
            let position: Vec<usize> = used
                .iter()
                .scan(0, |n, &u| {
                    let at = *n;
                    *n += usize::from(u);
                    Some(at)
                })
                .collect();
            calls.iter_mut().for_each(|(_, c)| c.window = position[c.window]);
            let windows = windows.into_iter().zip(used).filter(|(_, u)| *u).map(|(w, _)| w).collect();
            pass_needed(Rel::Window { input, windows, calls }, needed)
        }
        Rel::Join { kind, left, right, on, lateral } => prune_join(kind, *left, *right, on, lateral, needed),
        Rel::Distinct { input, on: None } => {
            let input = whole(*input);
            Rel::Distinct { input: Box::new(input), on: None }
        }
        Rel::SetOp { kind, all, left, right, columns } => {
            Rel::SetOp { kind, all, left: Box::new(whole(*left)), right: Box::new(whole(*right)), columns }
        }
        Rel::With { ctes, body } => {
            let ctes = ctes
                .into_iter()
                .map(|mut cte| {
                    cte.plan = whole(cte.plan);
                    cte.recursive = cte.recursive.map(|(step, all)| (whole(step), all));
                    cte
                })
                .collect();
            Rel::With { ctes, body: Box::new(prune(*body, needed)) }
        }
        Rel::LockRows { input, locks } => {
            let mut below = needed.clone();
            below.extend(locks.iter().map(|l| l.row_key));
            below.extend(condition_columns(&input));
            Rel::LockRows { input: Box::new(prune(*input, &below)), locks }
        }
        Rel::Modify(modify) => Rel::Modify(Box::new(prune_modify(*modify))),
        Rel::Filter { .. } | Rel::Sort { .. } | Rel::Limit { .. } | Rel::Distinct { .. } | Rel::ProjectSet { .. } => {
            pass_needed(rel, needed)
        }
        mut leaf @ (Rel::Values { .. } | Rel::FunctionScan { .. } | Rel::CteScan { .. } | Rel::Empty { .. } | Rel::Planned(..)) => {
            subqueries(&mut leaf);
            leaf
        }
    }
}

/// A node that hands its input's columns on: what it reads itself is needed too.
fn pass_needed(mut node: Rel, needed: &ColSet) -> Rel {
    subqueries(&mut node);
    let mut below = read_by(&node);
    below.extend(needed);
    with_inputs(node, &below)
}

fn with_inputs(mut node: Rel, needed: &ColSet) -> Rel {
    for child in walk::children_mut(&mut node) {
        *child = prune(walk::take(child), needed);
    }
    node
}

fn prune_project(input: Rel, mut exprs: Vec<(Output, Expr)>, needed: &ColSet) -> Rel {
    exprs.retain(|(o, e)| needed.contains(&o.id) || walk::is_volatile(e));
    exprs.iter_mut().for_each(|(_, e)| expr_subqueries(e));
    // A projection over a projection: one is enough when nothing is computed twice.
    let input = match input {
        Rel::Project { input: below, exprs: inner } if mergeable(&exprs, &inner) => {
            let with: Replacements = inner.into_iter().map(|(o, e)| (o.id, e)).collect();
            exprs.iter_mut().for_each(|(_, e)| walk::substitute(e, &with));
            return prune_project(*below, exprs, needed);
        }
        other => other,
    };
    let mut below = ColSet::new();
    exprs.iter().for_each(|(_, e)| below.extend(walk::expr_columns(e)));
    let input = prune(input, &below);
    let have = walk::outputs(&input);
    let same = have.len() == exprs.len() && have.iter().zip(&exprs).all(|(o, (out, e))| o.id == out.id && walk::is_column(e, o.id));
    if same { input } else { Rel::Project { input: Box::new(input), exprs } }
}

/// Whether the inner projection's expressions may move into the outer one.
fn mergeable(outer: &[(Output, Expr)], inner: &[(Output, Expr)]) -> bool {
    inner.iter().all(|(o, e)| {
        let trivial = matches!(e.kind, ExprKind::Column(_) | ExprKind::Const(_) | ExprKind::Param(_));
        trivial || (!walk::is_volatile(e) && !walk::has_subquery(e) && mentions(outer, o.id) <= 1)
    })
}

fn mentions(exprs: &[(Output, Expr)], id: ColId) -> usize {
    let mut count = 0;
    for (_, e) in exprs {
        let mut inside_subquery = false;
        walk::any(e, &mut |part| {
            match &part.kind {
                ExprKind::Column(c) if *c == id => count += 1,
                ExprKind::Subquery(s) => inside_subquery |= walk::free_columns(&s.plan).contains(&id),
                _ => {}
            }
            false
        });
        count += if inside_subquery { 2 } else { 0 };
    }
    count
}

fn prune_join(kind: JoinKind, left: Rel, right: Rel, mut on: Vec<Expr>, lateral: bool, needed: &ColSet) -> Rel {
    on.iter_mut().for_each(expr_subqueries);
    let mut all = if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
        needed.intersection(&walk::output_ids(&left)).copied().collect()
    } else {
        needed.clone()
    };
    on.iter().for_each(|e| all.extend(walk::expr_columns(e)));
    if lateral {
        all.extend(walk::free_columns(&right));
    }
    // A left join whose right side gives at most one row and whose columns nobody reads does nothing.
    if kind == JoinKind::Left && useless(&left, &right, &on, needed) {
        return prune(left, needed);
    }
    let (left, right) = (prune(left, &all), prune(right, &all));
    Rel::Join { kind, left: Box::new(left), right: Box::new(right), on, lateral }
}

fn useless(left: &Rel, right: &Rel, on: &[Expr], needed: &ColSet) -> bool {
    let (in_left, in_right) = (walk::output_ids(left), walk::output_ids(right));
    if !needed.is_disjoint(&in_right) || walk::rel_is_volatile(right) {
        return false;
    }
    let mut keys = ColSet::new();
    for condition in on {
        if let Some((_, key, _)) = crate::sql::planner::props::equi(condition, &in_left, &in_right) {
            keys.extend(crate::sql::planner::props::as_column(key));
        }
    }
    crate::sql::planner::props::unique_on(right, &keys)
}

fn prune_modify(mut modify: Modify) -> Modify {
    let mut needed = ColSet::new();
    walk::modify_exprs_mut(&mut modify, &mut |e| {
        expr_subqueries(e);
        needed.extend(walk::expr_columns(e));
    });
    match &modify.action {
        ModifyAction::Insert { columns, .. } => {
            needed.extend(columns.iter().filter_map(|c| match c {
                crate::sql::plan::InsertColumn::Source(id) => Some(*id),
                _ => None,
            }));
        }
        ModifyAction::Update { row_key, old_row, .. }
        | ModifyAction::Delete { row_key, old_row }
        | ModifyAction::Merge { row_key, old_row, .. } => {
            needed.insert(*row_key);
            needed.extend(old_row.iter().flatten());
        }
    }
    if !matches!(modify.action, ModifyAction::Insert { .. }) {
        needed.extend(condition_columns(&modify.source));
    }
    let source = std::mem::replace(&mut modify.source, Rel::Empty { columns: Vec::new() });
    modify.source = prune(source, &needed);
    modify
}

/// Columns that conditions of a plan read: a row that changed meanwhile is read again and must still meet them.
fn condition_columns(rel: &Rel) -> ColSet {
    let mut all = ColSet::new();
    if matches!(rel, Rel::Filter { .. } | Rel::Join { .. }) {
        all.extend(read_by(rel));
    }
    if matches!(rel, Rel::Filter { .. } | Rel::Join { .. } | Rel::Project { .. } | Rel::Sort { .. } | Rel::Limit { .. }) {
        walk::children(rel).into_iter().for_each(|c| all.extend(condition_columns(c)));
    }
    all
}
