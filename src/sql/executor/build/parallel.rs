//! Which parts of a plan are built once for each thread, and what scans learn from operators above them.

use super::Builder;
use crate::error::Result;
use crate::sql::executor::ColumnKind;
use crate::sql::executor::dynamic::{DynamicFilter, JoinKeys, SortBound};
use crate::sql::executor::scan::Pieces;
use crate::sql::executor::sort::SortOrder;
use crate::sql::plan::{Callee, ColId, Expr, ExprKind, JoinKind};
use crate::sql::planner::physical::{HashJoinNode, Node, Physical, ScanNode};
use crate::sql::planner::{props, walk};
use std::sync::Arc;

/// Cost of handing on a row from one thread to another.
const HANDED_ON_COST: f64 = 0.05;

/// A filter for the scan that reads a column.
#[derive(Clone)]
pub(super) enum Learnt {
    First(SortOrder, SortBound),
    Joins(JoinKeys),
}

/// Whether threads other than the session's may compute an expression.
pub(super) fn is_parallel_safe(expr: &Expr) -> bool {
    !walk::any(expr, &mut |e| match &e.kind {
        ExprKind::Call { callee: Callee::Builtin(f), .. } => f.parallel != 's' || f.volatility == 'v',
        ExprKind::Call { callee: Callee::User(_), .. } | ExprKind::Subquery(_) | ExprKind::NextVal(_) => true,
        ExprKind::CoerceToDomain(..) | ExprKind::CurrentOf(..) => true,
        _ => false,
    })
}

/// The probe side of a join whose copies can share the build side: none depends on what others matched.
fn shared_probe(join: &HashJoinNode) -> Option<&Physical> {
    use JoinKind::{Anti, Inner, Left, Right, Semi};
    let copies = matches!((join.kind, join.build_left), (Inner, _) | (Left | Semi | Anti, false) | (Right, true));
    copies.then_some(if join.build_left { &*join.right } else { &*join.left })
}

/// Whether a plan reads one big table, in pieces that any thread may take.
pub(super) fn splits(plan: &Physical) -> bool {
    match &plan.node {
        Node::Scan(scan) => {
            scan.parallel
                && !scan.ordered
                && scan.sample.is_none()
                && scan.limit_hint.is_none()
                && scan.filter.iter().all(is_parallel_safe)
        }
        Node::Filter { input, conditions } => conditions.iter().all(is_parallel_safe) && splits(input),
        Node::Project { input, exprs } => exprs.iter().all(is_parallel_safe) && splits(input),
        Node::HashJoin(join) => {
            let own = join.keys.iter().flat_map(|k| [&k.left, &k.right]).chain(&join.residual);
            !join.keys.is_empty() && own.into_iter().all(is_parallel_safe) && shared_probe(join).is_some_and(splits)
        }
        Node::LookupJoin(join) => {
            let own = join.keys.iter().chain(&join.residual).chain(&join.inner.filter);
            own.into_iter().all(is_parallel_safe) && splits(&join.left)
        }
        _ => false,
    }
}

/// The scan whose rows an operator above may leave out by a column's value, and the column's kind there.
fn source(plan: &Physical, id: ColId) -> Option<(ColId, ColumnKind)> {
    let at = plan.position(id)?;
    match &plan.node {
        Node::Scan(ScanNode { sample: None, .. }) => Some((id, ColumnKind::of(plan.outputs[at].ty.oid))),
        Node::Filter { input, .. } => source(input, id),
        Node::Project { input, exprs } => source(input, props::as_column(&exprs[at])?),
        Node::HashJoin(join) => source(shared_probe(join)?, id),
        Node::LookupJoin(join) => source(&join.left, id),
        _ => None,
    }
}

/// Whether a sort can tell a scan of a column of this kind which rows come too late.
fn bounded(kind: ColumnKind) -> bool {
    !matches!(kind, ColumnKind::Numeric | ColumnKind::Datum | ColumnKind::Float4 | ColumnKind::Bpchar)
}

/// The scan column behind a sort's first key.
pub(super) fn sort_source(input: &Physical, key: &Expr) -> Option<ColId> {
    let (id, kind) = source(input, props::as_column(key)?)?;
    (kind == ColumnKind::of(key.ty.oid) && bounded(kind)).then_some(id)
}

/// The scan column behind a key of a join's probe side, of integers on both sides, where rows without a match do not come out.
pub(super) fn join_source(join: &HashJoinNode) -> Option<(usize, ColId)> {
    let drops = match (join.kind, join.build_left) {
        (JoinKind::Inner | JoinKind::Semi, _) | (JoinKind::Right, false) | (JoinKind::Left, true) => true,
        (JoinKind::Anti, left) => left,
        _ => false,
    };
    if !drops {
        return None;
    }
    let probe = if join.build_left { &*join.right } else { &*join.left };
    let integers = |kind| matches!(kind, ColumnKind::Int2 | ColumnKind::Int4 | ColumnKind::Int8 | ColumnKind::Date);
    join.keys.iter().enumerate().filter(|(_, k)| !k.null_safe).find_map(|(at, key)| {
        let (probed, built) = if join.build_left { (&key.right, &key.left) } else { (&key.left, &key.right) };
        let (id, kind) = source(probe, props::as_column(probed)?)?;
        (integers(kind) && integers(ColumnKind::of(built.ty.oid))).then_some((at, id))
    })
}

impl Builder<'_> {
    /// Builds what reads `plan` once for each thread that may read a part of it, or once.
    pub(super) fn copies<T>(&mut self, plan: &Physical, mut build: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let threads = crate::sql::executor::parallelism();
        if threads < 2 || self.pieces.is_some() || self.sequential || !splits(plan) {
            return Ok(vec![build(self)?]);
        }
        let builds = std::mem::take(&mut self.builds);
        self.pieces = Some((Arc::new(Pieces::default()), threads));
        let built = (0..threads).map(|_| build(self)).collect();
        self.pieces = None;
        self.builds = builds;
        built
    }

    /// Whether several threads should run a plan whose rows are then handed on one by one: as in PostgreSQL, only if they are
    /// few compared with the work of finding them.
    pub(super) fn gathers(&self, plan: &Physical) -> bool {
        let few = plan.estimate.rows * HANDED_ON_COST < plan.estimate.total;
        self.pieces.is_none() && !self.sequential && few && splits(plan) && crate::sql::executor::parallelism() > 1
    }

    /// Builds a plan that no threads may take part in, if `alone`.
    pub(super) fn sequentially<T>(&mut self, alone: bool, build: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.sequential;
        self.sequential |= alone;
        let built = build(self);
        self.sequential = before;
        built
    }

    /// Builds `plan`, whose scan of column `id` learns something from an operator above.
    pub(super) fn learning<T>(&mut self, learnt: Option<(ColId, Learnt)>, build: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.learnt.len();
        self.learnt.extend(learnt);
        let built = build(self);
        self.learnt.truncate(before);
        built
    }

    /// What a scan with these columns learns.
    pub(super) fn dynamic_filters(&self, plan: &Physical) -> Vec<DynamicFilter> {
        let filter = |(id, learnt): &(ColId, Learnt)| {
            let slot = plan.position(*id)?;
            Some(match learnt {
                Learnt::First(order, bound) => DynamicFilter::First { slot, order: *order, bound: Arc::clone(bound) },
                Learnt::Joins(keys) => DynamicFilter::Joins { slot, keys: Arc::clone(keys), tested: (0, 0) },
            })
        };
        self.learnt.iter().filter_map(filter).collect()
    }
}
