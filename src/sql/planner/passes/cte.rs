//! Puts a CTE's query where it is read: when it is read once (and not MATERIALIZED), or NOT MATERIALIZED was asked for.
//!
//! A recursive CTE, one that changes data or calls volatile functions stays. A CTE nobody reads goes, unless it changes data.

use super::PassCx;
use crate::sql::plan::{ColId, Cte, CteId, ExprKind, Rel, ScanColumn};
use crate::sql::planner::walk;
use std::collections::HashMap;

/// Inlines CTEs everywhere.
pub fn run(rel: Rel, cx: &mut PassCx<'_>) -> Rel {
    walk::transform(rel, &mut |node| match node {
        Rel::With { ctes, body } => inline(ctes, *body, cx),
        other => other,
    })
}

fn inline(ctes: Vec<Cte>, mut body: Rel, cx: &mut PassCx<'_>) -> Rel {
    let mut rest: std::collections::VecDeque<Cte> = ctes.into();
    let mut kept: Vec<Cte> = Vec::new();
    while let Some(cte) = rest.pop_front() {
        let changes = contains_modify(&cte.plan);
        let reads: usize =
            rest.iter().map(|c| reads_of_cte(c, cte.id)).chain(kept.iter().map(|c| reads_of_cte(c, cte.id))).sum::<usize>()
                + reads(&body, cte.id);
        if reads == 0 && !changes {
            continue;
        }
        let inlinable = cte.recursive.is_none() && !changes && !walk::rel_is_volatile(&cte.plan);
        let wanted = match cte.materialized {
            Some(true) => false,
            Some(false) => true,
            None => reads == 1,
        };
        if !inlinable || !wanted {
            kept.push(cte);
            continue;
        }
        for later in &mut rest {
            later.plan = replace(walk::take(&mut later.plan), &cte, cx);
            if let Some((step, _)) = &mut later.recursive {
                *step = replace(walk::take(step), &cte, cx);
            }
        }
        body = replace(body, &cte, cx);
    }
    if kept.is_empty() { body } else { Rel::With { ctes: kept, body: Box::new(body) } }
}

/// Whether a plan changes data or locks rows.
pub fn contains_modify(rel: &Rel) -> bool {
    matches!(rel, Rel::Modify(_) | Rel::LockRows { .. }) || walk::children(rel).into_iter().any(contains_modify)
}

fn reads_of_cte(cte: &Cte, id: CteId) -> usize {
    reads(&cte.plan, id) + cte.recursive.as_ref().map_or(0, |(step, _)| reads(step, id))
}

/// How often a plan reads a CTE, subqueries included.
fn reads(rel: &Rel, id: CteId) -> usize {
    let mut count = usize::from(matches!(rel, Rel::CteScan { cte, .. } if *cte == id));
    walk::each_expr(rel, &mut |e| {
        let mut inside = 0;
        walk::any(e, &mut |part| {
            if let ExprKind::Subquery(s) = &part.kind {
                inside += reads(&s.plan, id);
            }
            false
        });
        count += inside;
    });
    count + walk::children(rel).into_iter().map(|c| reads(c, id)).sum::<usize>()
}

fn replace(rel: Rel, cte: &Cte, cx: &mut PassCx<'_>) -> Rel {
    walk::transform(rel, &mut |node| match node {
        Rel::CteScan { cte: id, columns, .. } if id == cte.id => {
            let plan = copy(&cte.plan, cx);
            let exprs = columns.into_iter().zip(walk::outputs(&plan)).map(|(o, from)| (o, walk::column_of(&from))).collect();
            Rel::Project { input: Box::new(plan), exprs }
        }
        other => other,
    })
}

/// A copy of a plan under column ids of its own.
pub fn copy(rel: &Rel, cx: &mut PassCx<'_>) -> Rel {
    let mut copy = rel.clone();
    let mut ids: HashMap<ColId, ColId> = HashMap::new();
    rename_definitions(&mut copy, &mut |id| *ids.entry(id).or_insert_with(|| cx.fresh()));
    rename_references(&mut copy, &ids);
    copy
}

fn rename_definitions(rel: &mut Rel, new: &mut dyn FnMut(ColId) -> ColId) {
    match rel {
        Rel::Scan(scan) => scan.columns.iter_mut().for_each(|(o, _): &mut (_, ScanColumn)| o.id = new(o.id)),
        Rel::Values { columns, .. }
        | Rel::FunctionScan { columns, .. }
        | Rel::SetOp { columns, .. }
        | Rel::CteScan { columns, .. }
        | Rel::Empty { columns }
        | Rel::Planned(_, columns) => columns.iter_mut().for_each(|o| o.id = new(o.id)),
        Rel::Project { exprs, .. } | Rel::ProjectSet { exprs, .. } => exprs.iter_mut().for_each(|(o, _)| o.id = new(o.id)),
        Rel::Aggregate { group, grouping, aggs, .. } => {
            group.iter_mut().for_each(|(o, _)| o.id = new(o.id));
            grouping.iter_mut().for_each(|(o, _)| o.id = new(o.id));
            aggs.iter_mut().for_each(|(o, _)| o.id = new(o.id));
        }
        Rel::Window { calls, .. } => calls.iter_mut().for_each(|(o, _)| o.id = new(o.id)),
        Rel::With { ctes, .. } => ctes.iter_mut().for_each(|c| c.columns.iter_mut().for_each(|o| o.id = new(o.id))),
        _ => {}
    }
    walk::each_expr_mut(rel, &mut |e| {
        walk::rewrite(e, &mut |part| {
            if let ExprKind::Subquery(s) = &mut part.kind {
                rename_definitions(&mut s.plan, new);
            }
        });
    });
    for child in walk::children_mut(rel) {
        rename_definitions(child, new);
    }
}

fn rename_references(rel: &mut Rel, ids: &HashMap<ColId, ColId>) {
    walk::each_expr_mut(rel, &mut |e| {
        walk::rewrite(e, &mut |part| match &mut part.kind {
            ExprKind::Column(id) => *id = ids.get(id).copied().unwrap_or(*id),
            ExprKind::Subquery(s) => rename_references(&mut s.plan, ids),
            _ => {}
        });
    });
    for child in walk::children_mut(rel) {
        rename_references(child, ids);
    }
}
