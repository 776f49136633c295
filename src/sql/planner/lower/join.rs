//! Join methods: hash join on equalities with the smaller side hashed, lookup join where few outer rows meet an indexed table,
//! nested loop for the rest and for LATERAL.

use super::access::{covers, lookup_estimate};
use super::{Lower, OPERATOR_COST, ROW_COST, Want};
use crate::sql::executor::batch::ColumnKind;
use crate::sql::expr::registry::registry;
use crate::sql::plan::{CallForm, Callee, ColId, Expr, ExprKind, JoinKind, Output, Rel, Scan};
use crate::sql::planner::physical::{AccessPath, HashJoinNode, JoinKey, LookupJoinNode, NestedLoopNode, Node, Physical, ScanNode};
use crate::sql::planner::props;
use crate::sql::planner::walk::{self, ColSet};
use crate::sql::types::Oid;

/// Conditions of a join, sorted by what they are good for.
struct Conditions {
    keys: Vec<JoinKey>,
    rest: Vec<Expr>,
}

impl Lower<'_> {
    pub(super) fn join(&mut self, kind: JoinKind, left: Rel, right: Rel, on: Vec<Expr>, lateral: bool, want: &Want) -> Physical {
        let (in_left, in_right) = (walk::output_ids(&left), walk::output_ids(&right));
        let rows = self.est.join_rows(kind, (&left, self.est.rows(&left)), (&right, self.est.rows(&right)), &on);
        let params: Vec<ColId> =
            if lateral { walk::free_columns(&right).intersection(&in_left).copied().collect() } else { Vec::new() };
        if !params.is_empty() {
            return self.apply(kind, left, right, on, params, rows, want);
        }
        let conditions = split(on, &in_left, &in_right);
        if conditions.keys.is_empty() {
            return self.nested_loop(kind, left, right, conditions.rest, rows, want);
        }
        self.keyed(kind, left, right, conditions, rows, want)
    }

    /// A join with equalities.
    fn keyed(&mut self, kind: JoinKind, left: Rel, right: Rel, conditions: Conditions, rows: f64, want: &Want) -> Physical {
        let inner = matches!(kind, JoinKind::Inner);
        let plain = left_only_want(want, &left);
        let (left_rel, right_rel) = (left.clone(), right.clone());
        let left = self.lower(left, &plain);
        if let Some(join) = self.lookup_join(kind, &left, &right_rel, &conditions, rows, want) {
            return join;
        }
        let right = self.lower(right, &Want::default());
        if inner
            && let Some(join) = {
                let mirrored = mirror(&conditions);
                self.lookup_join(kind, &right, &left_rel, &mirrored, rows, &Want::default())
            }
        {
            return join;
        }
        let conditions =
            Conditions { keys: conditions.keys.into_iter().map(|k| self.key(k)).collect(), rest: self.exprs(conditions.rest) };
        if conditions.keys.iter().any(|k| hashable(&k.condition)) {
            return self.hash_join(kind, left, right, conditions, rows);
        }
        let on = conditions.keys.into_iter().map(|k| k.condition).chain(conditions.rest).collect();
        self.loop_node(kind, left, right, on, Vec::new(), rows)
    }

    fn key(&mut self, key: JoinKey) -> JoinKey {
        JoinKey { left: self.expr(key.left), right: self.expr(key.right), condition: self.expr(key.condition), ..key }
    }

    fn hash_join(&mut self, kind: JoinKind, left: Physical, right: Physical, conditions: Conditions, rows: f64) -> Physical {
        let (keys, checked): (Vec<JoinKey>, Vec<JoinKey>) = conditions.keys.into_iter().partition(|k| hashable(&k.condition));
        let mut residual = conditions.rest;
        residual.extend(checked.into_iter().map(|k| k.condition));
        let outputs = joined_outputs(kind, &left, &right);
        if keys.is_empty() {
            return self.loop_node(kind, left, right, residual, Vec::new(), rows);
        }
        let build_left = left.estimate.rows < right.estimate.rows * 0.7;
        let (l, r) = (left.estimate, right.estimate);
        let (probe, built) = if build_left { (r, l) } else { (l, r) };
        let startup = built.total + built.rows * (ROW_COST + OPERATOR_COST);
        let total = startup + probe.total + probe.rows * OPERATOR_COST * keys.len() as f64 + rows * ROW_COST;
        let node = HashJoinNode { kind, left: Box::new(left), right: Box::new(right), keys, residual, build_left };
        self.node(Node::HashJoin(node), outputs, rows, startup, total)
    }

    /// A lookup join when the inner side is an indexed table and few outer rows make it cheaper than reading all of it.
    fn lookup_join(
        &mut self,
        kind: JoinKind,
        outer: &Physical,
        inner: &Rel,
        conditions: &Conditions,
        rows: f64,
        want: &Want,
    ) -> Option<Physical> {
        if !matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti) {
            return None;
        }
        let (scan, mut filter) = scan_of(inner)?;
        if scan.relation.kind == crate::sql::catalog::objects::RelKind::System || scan.sample.is_some() {
            return None;
        }
        if filter.iter().any(|f| walk::has_subquery(f) || walk::is_volatile(f)) {
            return None;
        }
        let keys: Vec<(usize, ColId, ColumnKind, Expr)> = conditions
            .keys
            .iter()
            .enumerate()
            .filter(|(_, k)| !k.null_safe)
            .filter_map(|(i, k)| {
                let id = props::as_column(&k.right)?;
                let key = k.right_key_type();
                Some((i, id, ColumnKind::of(key), widened(k.left.clone(), key)?))
            })
            .collect();
        let columns: Vec<(ColId, ColumnKind)> = keys.iter().map(|(_, id, kind, _)| (*id, *kind)).collect();
        let (index, positions, unique) = self.lookup_index(&scan, &columns)?;
        let used: Vec<usize> = positions.iter().map(|&p| keys[p].0).collect();
        let table_rows = self.est.table_rows(&scan.relation);
        let matched =
            if unique { 1.0 } else { (table_rows * self.key_selectivity(conditions, &used, outer.estimate.rows)).max(1.0) };
        let only = covers(&scan, index);
        let outputs_inner: Vec<Output> = scan.columns.iter().map(|(o, _)| o.clone()).collect();
        let one = lookup_estimate(matched, only, index.number == 0, self.est.row_width(&outputs_inner));
        let outer_rows = match want.limit {
            Some(limit) if rows > limit => outer.estimate.rows * (limit / rows).min(1.0),
            _ => outer.estimate.rows,
        };
        let by_lookup = outer_rows * one.total;
        let by_hash = self.lower_cost(&scan, &filter) + outer_rows * OPERATOR_COST;
        if by_lookup >= by_hash {
            return None;
        }
        let mut residual: Vec<Expr> = conditions
            .keys
            .iter()
            .enumerate()
            .filter(|(i, _)| !used.contains(i))
            .map(|(_, k)| k.condition.clone())
            .chain(conditions.rest.iter().cloned())
            .collect();
        residual = self.exprs(residual);
        filter.iter_mut().for_each(|e| self.expr_mut(e));
        let node = LookupJoinNode {
            kind,
            left: Box::new(outer.clone()),
            index: index.oid,
            index_name: index.name.clone(),
            key_types: positions.iter().enumerate().map(|(at, _)| index.keys[at].ty.oid).collect(),
            keys: positions.iter().map(|&p| keys[p].3.clone()).collect(),
            conditions: used.iter().map(|&i| conditions.keys[i].condition.clone()).collect(),
            inner: inner_scan(&scan, filter),
            inner_outputs: outputs_inner,
            residual,
            unique,
            only,
            inner_estimate: one,
        };
        let mut outputs = outer.outputs.clone();
        if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            outputs.extend(node.inner_outputs.iter().cloned());
        }
        let total = outer.estimate.total + outer.estimate.rows * one.total + rows * ROW_COST;
        Some(self.node(Node::LookupJoin(node), outputs, rows, outer.estimate.startup + one.startup, total))
    }

    fn key_selectivity(&self, conditions: &Conditions, used: &[usize], outer_rows: f64) -> f64 {
        used.iter()
            .map(|&i| {
                let key = &conditions.keys[i];
                self.est.join_selectivity(&key.right, &key.right, outer_rows, f64::INFINITY)
            })
            .product()
    }

    /// Cost of reading a table by itself.
    fn lower_cost(&mut self, scan: &Scan, filter: &[Expr]) -> f64 {
        let plan = self.scan(scan.clone(), filter.to_vec(), &Want::default());
        plan.estimate.total + plan.estimate.rows * (ROW_COST + OPERATOR_COST)
    }

    fn nested_loop(&mut self, kind: JoinKind, left: Rel, right: Rel, on: Vec<Expr>, rows: f64, want: &Want) -> Physical {
        let plain = left_only_want(want, &left);
        let left = self.lower(left, &plain);
        let right = self.lower(right, &Want::default());
        let on = self.exprs(on);
        self.loop_node(kind, left, right, on, Vec::new(), rows)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one join")]
    fn apply(
        &mut self,
        kind: JoinKind,
        left: Rel,
        right: Rel,
        on: Vec<Expr>,
        mut params: Vec<ColId>,
        rows: f64,
        want: &Want,
    ) -> Physical {
        params.sort();
        let plain = left_only_want(want, &left);
        let left = self.lower(left, &plain);
        let right = self.lower(right, &Want::default());
        let on = self.exprs(on);
        self.loop_node(kind, left, right, on, params, rows)
    }

    /// A nested loop. RIGHT joins exchange their sides; FULL joins need an equality and are hashed with none.
    fn loop_node(
        &mut self,
        kind: JoinKind,
        left: Physical,
        right: Physical,
        on: Vec<Expr>,
        params: Vec<ColId>,
        rows: f64,
    ) -> Physical {
        let outputs = joined_outputs(kind, &left, &right);
        let (l, r) = (left.estimate, right.estimate);
        if kind == JoinKind::Full {
            let node = HashJoinNode {
                kind,
                left: Box::new(left),
                right: Box::new(right),
                keys: Vec::new(),
                residual: on,
                build_left: false,
            };
            return self.node(Node::HashJoin(node), outputs, rows, r.total, l.total + r.total + l.rows * r.rows * ROW_COST);
        }
        if kind == JoinKind::Right {
            let swapped = self.loop_node(JoinKind::Left, right, left, on, params, rows);
            return self.shaped(swapped, &outputs);
        }
        // The kept side of a plain nested loop is the smaller one.
        if kind == JoinKind::Inner && params.is_empty() && l.rows < r.rows * 0.5 {
            let node = NestedLoopNode { kind, left: Box::new(right), right: Box::new(left), on, params };
            let total = l.total + r.total + l.rows * r.rows * (OPERATOR_COST + ROW_COST);
            let swapped = joined_outputs(kind, &node.left, &node.right);
            return self.node(Node::NestedLoop(node), swapped, rows, l.startup + r.startup, total);
        }
        let again = if params.is_empty() { r.rows * (OPERATOR_COST + ROW_COST) } else { r.total };
        let total = l.total + r.total + l.rows * again;
        let node = NestedLoopNode { kind, left: Box::new(left), right: Box::new(right), on, params };
        self.node(Node::NestedLoop(node), outputs, rows, l.startup + r.startup, total)
    }
}

impl JoinKey {
    /// Type of the right side's column.
    fn right_key_type(&self) -> Oid {
        let mut e = &self.right;
        while let ExprKind::Relabel(arg, _) | ExprKind::Collate(arg) = &e.kind {
            e = arg;
        }
        e.ty.oid
    }
}

/// What the left input of an order-preserving join is asked for: the order when all its columns are the left's.
fn left_only_want(want: &Want, left: &Rel) -> Want {
    let mine = walk::output_ids(left);
    let all = want.order.iter().all(|k| props::as_column(&k.expr).is_some_and(|id| mine.contains(&id)));
    if all && !want.order.is_empty() { want.clone() } else { Want::default() }
}

fn joined_outputs(kind: JoinKind, left: &Physical, right: &Physical) -> Vec<Output> {
    let mut outputs = left.outputs.clone();
    if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
        outputs.extend(right.outputs.iter().cloned());
    }
    outputs
}

fn split(on: Vec<Expr>, left: &ColSet, right: &ColSet) -> Conditions {
    let mut conditions = Conditions { keys: Vec::new(), rest: Vec::new() };
    for condition in on {
        match props::equi(&condition, left, right) {
            Some((l, r, _)) => {
                let (left, right, null_safe) = (l.clone(), r.clone(), props::is_null_safe(&condition));
                conditions.keys.push(JoinKey { left, right, condition, null_safe });
            }
            None => conditions.rest.push(condition),
        }
    }
    conditions
}

fn mirror(conditions: &Conditions) -> Conditions {
    let keys = conditions.keys.iter().map(|k| JoinKey { left: k.right.clone(), right: k.left.clone(), ..k.clone() }).collect();
    Conditions { keys, rest: conditions.rest.clone() }
}

fn hashable(condition: &Expr) -> bool {
    match &condition.kind {
        ExprKind::Distinct { eq, .. } => props::binary(eq).is_some_and(|b| b.operator.hashes),
        _ => props::binary(condition).is_some_and(|b| b.operator.hashes),
    }
}

/// A scan under a filter.
fn scan_of(rel: &Rel) -> Option<(Scan, Vec<Expr>)> {
    match rel {
        Rel::Scan(scan) => Some((scan.clone(), Vec::new())),
        Rel::Filter { input, predicate } => match &**input {
            Rel::Scan(scan) => {
                let mut conditions = Vec::new();
                walk::conjuncts(predicate.clone(), &mut conditions);
                Some((scan.clone(), conditions))
            }
            _ => None,
        },
        _ => None,
    }
}

fn inner_scan(scan: &Scan, filter: Vec<Expr>) -> ScanNode {
    ScanNode {
        relation: scan.relation.clone(),
        schema: scan.schema.clone(),
        alias: scan.alias.clone(),
        rte: scan.rte,
        columns: scan.columns.iter().map(|(_, c)| *c).collect(),
        access: AccessPath::Table,
        reverse: false,
        filter,
        sample: None,
        limit_hint: None,
        parallel: false,
        ordered: false,
    }
}

/// The expression as a value of the key column's vector kind, when that loses nothing.
fn widened(expr: Expr, key: Oid) -> Option<Expr> {
    use ColumnKind as K;
    let (from, to) = (ColumnKind::of(expr.ty.oid), ColumnKind::of(key));
    match (from, to) {
        (K::Datum, K::Datum) => (expr.ty.oid == key).then_some(expr),
        (a, b) if a == b => Some(expr),
        // The lookup brings integers to the key's width.
        (K::Int2 | K::Int4 | K::Int8, K::Int2 | K::Int4 | K::Int8) => Some(expr),
        (K::Float4, K::Float8) => {
            let cast = registry().cast(expr.ty.oid, key)?;
            let callee = Callee::Builtin(cast.function?);
            let kind = ExprKind::Call { callee, args: vec![expr], form: CallForm::ImplicitCast, variadic: false };
            Some(Expr::new(kind, key))
        }
        _ => None,
    }
}
