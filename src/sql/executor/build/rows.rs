//! Row locks, and the conditions a row that changed meanwhile must still meet.

use super::{Builder, kinds, scope};
use crate::error::{Result, SqlError};
use crate::sql::executor::BoxOperator;
use crate::sql::executor::lock_rows::{LockRows, LockTarget};
use crate::sql::plan::{ColId, Expr, JoinKind, RowLock, ScanColumn};
use crate::sql::planner::physical::{AccessPath, Node, Physical, ScanNode};
use crate::sql::planner::walk;

/// Conditions every row of a plan meets, those that its outputs suffice to check again.
pub(super) fn recheckable(plan: &Physical) -> Vec<Expr> {
    let have = plan.ids().collect();
    let mut all = Vec::new();
    collect(plan, &mut all);
    all.retain(|e| !walk::has_subquery(e) && walk::expr_columns(e).is_subset(&have) && !walk::is_volatile(e));
    all
}

fn of_scan(scan: &ScanNode, into: &mut Vec<Expr>) {
    into.extend(scan.filter.iter().cloned());
    if let AccessPath::Index(path) = &scan.access {
        into.extend(path.conditions.iter().cloned());
    }
}

fn collect(plan: &Physical, into: &mut Vec<Expr>) {
    match &plan.node {
        Node::Scan(scan) => of_scan(scan, into),
        Node::Filter { input, conditions } => {
            into.extend(conditions.iter().cloned());
            collect(input, into);
        }
        Node::Project { input, .. } | Node::Sort { input, .. } | Node::Limit { input, .. } | Node::LockRows { input, .. } => {
            collect(input, into);
        }
        Node::HashJoin(join) => {
            if join.kind == JoinKind::Inner {
                into.extend(join.keys.iter().map(|k| k.condition.clone()).chain(join.residual.iter().cloned()));
                collect(&join.right, into);
            }
            if !matches!(join.kind, JoinKind::Right | JoinKind::Full) {
                collect(&join.left, into);
            }
        }
        Node::NestedLoop(join) => {
            if join.kind == JoinKind::Inner {
                into.extend(join.on.iter().cloned());
                collect(&join.right, into);
            }
            collect(&join.left, into);
        }
        Node::LookupJoin(join) => {
            if join.kind == JoinKind::Inner {
                into.extend(join.conditions.iter().chain(&join.residual).cloned());
                of_scan(&join.inner, into);
            }
            collect(&join.left, into);
        }
        _ => {}
    }
}

/// The columns a plan's scans read, by range table entry.
fn scanned(plan: &Physical, into: &mut Vec<(u32, ColId, ScanColumn)>) {
    match &plan.node {
        Node::Scan(scan) => into.extend(plan.ids().zip(&scan.columns).map(|(id, c)| (scan.rte, id, *c))),
        Node::LookupJoin(join) => {
            into.extend(join.inner_outputs.iter().zip(&join.inner.columns).map(|(o, c)| (join.inner.rte, o.id, *c)));
        }
        _ => {}
    }
    plan.children().into_iter().for_each(|c| scanned(c, into));
}

impl Builder<'_> {
    pub(super) fn lock_rows(&mut self, input: &Physical, locks: &[RowLock]) -> Result<BoxOperator> {
        let child = self.sequentially(true, |b| b.operator(input))?;
        let scope = scope(input);
        let conditions = recheckable(input);
        let mut read = Vec::new();
        scanned(input, &mut read);
        let mut targets = Vec::with_capacity(locks.len());
        for lock in locks {
            let row_key = scope
                .slot(lock.row_key)
                .ok_or_else(|| SqlError::internal("the row key of a locked table is missing from its plan"))?;
            let columns = read
                .iter()
                .filter(|(rte, ..)| *rte == lock.rte)
                .filter_map(|(_, id, column)| Some((scope.slot(*id)?, *column)))
                .collect();
            targets.push(LockTarget {
                relation: lock.relation.clone(),
                row_key,
                strength: lock.strength,
                wait: lock.wait,
                columns,
                recheck: self.condition(&conditions, &scope)?,
            });
        }
        Ok(Box::new(LockRows::new(child, targets, kinds(&input.outputs))))
    }
}
