//! Join methods: hash join on equalities, lookup join where few outer rows meet an indexed table, nested loop for the rest and for
//! LATERAL. Of those possible the cheapest is taken.

use super::access::covers;
use super::{Lower, Want};
use crate::sql::executor::batch::ColumnKind;
use crate::sql::expr::registry::registry;
use crate::sql::plan::{CallForm, Callee, ColId, Expr, ExprKind, JoinKind, Output, Rel, Scan, ScanColumn};
use crate::sql::planner::cost::{self, Lookup, Side};
use crate::sql::planner::physical::{
    AccessPath, Estimate, HashJoinNode, JoinKey, LookupJoinNode, NestedLoopNode, Node, Physical, ScanNode,
};
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
        let rows = self.est.join_rows(kind, (&left, self.est.rows(&left)), (&right, self.est.rows(&right)), &on).max(1.0);
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
        let all = || conditions.keys.iter().map(|k| &k.condition).chain(&conditions.rest);
        let needed = want.with(all());
        let plain = Want { needed: needed.clone(), ..left_only_want(want, &left) };
        let (left_rel, right_rel) = (left.clone(), right.clone());
        let left = self.lower(left, &plain);
        let right = self.lower(right, &Want { needed, ..Want::default() });
        let forward = self.lookup_choice(kind, &left, &right_rel, &conditions, rows, want);
        let mirrored = mirror(&conditions);
        let backward = match kind {
            JoinKind::Inner => self.lookup_choice(kind, &right, &left_rel, &mirrored, rows, &Want::default()),
            _ => None,
        };
        let hashes = conditions.keys.iter().any(|k| hashable(&k.condition));
        let hashed = match hashes {
            true => cheaper_hash(&left, &right, conditions.keys.len(), rows).1,
            false => f64::INFINITY,
        };
        let price = |c: &Option<Choice>| c.as_ref().map_or(f64::INFINITY, |c| c.price);
        let least = hashed.min(price(&forward)).min(price(&backward));
        if let Some(applied) = self.applied(kind, (&left, &right_rel), &conditions, rows, least) {
            return applied;
        }
        if kind == JoinKind::Inner
            && let Some(applied) = self.applied(kind, (&right, &left_rel), &mirrored, rows, least)
        {
            return applied;
        }
        if price(&forward) < hashed.min(price(&backward))
            && let Some(choice) = forward
        {
            return self.lookup_join(kind, left, choice, &conditions, rows, want);
        }
        if price(&backward) < hashed
            && let Some(choice) = backward
        {
            return self.lookup_join(kind, right, choice, &mirrored, rows, want);
        }
        let conditions =
            Conditions { keys: conditions.keys.into_iter().map(|k| self.key(k)).collect(), rest: self.exprs(conditions.rest) };
        if hashes {
            return self.hash_join(kind, left, right, conditions, rows, want);
        }
        let on = conditions.keys.into_iter().map(|k| k.condition).chain(conditions.rest).collect();
        self.loop_node(kind, left, right, on, Vec::new(), rows)
    }

    /// A nested loop that runs a grouped right side once for each left row, restricted to what can match it, when that costs less
    /// than `least`.
    fn applied(
        &mut self,
        kind: JoinKind,
        (left, right): (&Physical, &Rel),
        conditions: &Conditions,
        rows: f64,
        least: f64,
    ) -> Option<Physical> {
        let fits = matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti) && can_apply(right);
        if !fits || left.estimate.rows * cost::APPLY > least || conditions.keys.iter().any(|k| k.null_safe) {
            return None;
        }
        let all: Vec<Expr> = conditions.keys.iter().map(|k| k.condition.clone()).collect();
        let pushed = crate::sql::planner::passes::pushdown::push(right.clone(), all);
        let mine: ColSet = left.ids().collect();
        let mut params: Vec<ColId> = walk::free_columns(&pushed).intersection(&mine).copied().collect();
        params.sort();
        let right = self.lower(pushed, &Want::default());
        let price = left.estimate.total + left.estimate.rows * (right.estimate.total + cost::APPLY) + rows * cost::JOINED;
        if price >= least || params.is_empty() {
            return None;
        }
        let on = self.exprs(conditions.rest.clone());
        Some(self.loop_node(kind, left.clone(), right, on, params, rows))
    }

    fn key(&mut self, key: JoinKey) -> JoinKey {
        JoinKey { left: self.expr(key.left), right: self.expr(key.right), condition: self.expr(key.condition), ..key }
    }

    fn hash_join(
        &mut self,
        kind: JoinKind,
        left: Physical,
        right: Physical,
        conditions: Conditions,
        rows: f64,
        want: &Want,
    ) -> Physical {
        let (keys, checked): (Vec<JoinKey>, Vec<JoinKey>) = conditions.keys.into_iter().partition(|k| hashable(&k.condition));
        let mut residual = conditions.rest;
        residual.extend(checked.into_iter().map(|k| k.condition));
        let mut outputs = joined_outputs(kind, &left, &right);
        if keys.is_empty() {
            return self.loop_node(kind, left, right, residual, Vec::new(), rows);
        }
        if let Some(needed) = &want.needed {
            outputs.retain(|o| needed.contains(&o.id));
        }
        let (build_left, (startup, total)) = hash_costs(&left, &right, keys.len(), rows);
        let total = total + rows * cost::OPERATOR * residual.len() as f64;
        let node = HashJoinNode { kind, left: Box::new(left), right: Box::new(right), keys, residual, build_left };
        self.node(Node::HashJoin(node), outputs, rows, startup, total)
    }

    /// How a lookup join would find the inner side's rows, and what it would cost; `None` when no index can.
    fn lookup_choice(
        &mut self,
        kind: JoinKind,
        outer: &Physical,
        inner: &Rel,
        conditions: &Conditions,
        rows: f64,
        want: &Want,
    ) -> Option<Choice> {
        if !matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti) {
            return None;
        }
        let (mut scan, filter) = scan_of(inner)?;
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
        let (index, positions, unique) = self.est.lookup_index(&scan, &columns)?;
        let index = index.clone();
        let used: Vec<usize> = positions.iter().map(|&p| keys[p].0).collect();
        let table_rows = self.est.table_rows(&scan.relation);
        let found = table_rows * self.key_selectivity(conditions, &used, outer.estimate.rows);
        let matches = if unique { 1.0 } else { found.max(1.0) };
        let inner_names = scan.columns.iter().map(|(o, c)| (o.id, *c)).collect();
        drop_unread(&mut scan, kind, &filter, (conditions, &used), want);
        let how = Lookup { matches, unique, clustered: index.number == 0 && index.primary, covering: covers(&scan, &index) };
        let outer_rows = match want.limit {
            Some(limit) if rows > limit => outer.estimate.rows * (limit / rows).min(1.0),
            _ => outer.estimate.rows,
        };
        let side = Side { rows: outer_rows, ..side(outer) };
        let price = cost::lookup_join(side, &how, filter.len(), rows);
        let key_types = positions.iter().enumerate().map(|(at, _)| index.keys[at].ty.oid).collect();
        let keys = positions.iter().map(|&p| keys[p].3.clone()).collect();
        Some(Choice { scan, filter, index: (index.oid, index.name.clone()), how, used, keys, key_types, inner_names, price })
    }

    fn lookup_join(
        &mut self,
        kind: JoinKind,
        outer: Physical,
        choice: Choice,
        conditions: &Conditions,
        rows: f64,
        want: &Want,
    ) -> Physical {
        let Choice { scan, mut filter, index, how, used, keys, key_types, inner_names, .. } = choice;
        let unused = conditions.keys.iter().enumerate().filter(|(i, _)| !used.contains(i)).map(|(_, k)| k.condition.clone());
        let residual = self.exprs(unused.chain(conditions.rest.iter().cloned()).collect());
        filter.iter_mut().for_each(|e| self.expr_mut(e));
        let inner_outputs: Vec<Output> = scan.columns.iter().map(|(o, _)| o.clone()).collect();
        let (startup, total) = cost::lookup(&how);
        let width = self.est.row_width(&inner_outputs);
        let inner_rows = how.matches * self.est.all(&filter);
        let inner_estimate = Estimate { rows: inner_rows.max(1.0), width, startup, total };
        let total = cost::lookup_join(side(&outer), &how, filter.len(), rows) + rows * cost::OPERATOR * residual.len() as f64;
        let startup = outer.estimate.startup + startup;
        let mut outputs = outer.outputs.clone();
        if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            outputs.extend(inner_outputs.iter().cloned());
        }
        if let Some(needed) = &want.needed {
            outputs.retain(|o| needed.contains(&o.id));
        }
        let node = LookupJoinNode {
            kind,
            left: Box::new(outer),
            index: index.0,
            index_name: index.1,
            key_types,
            keys,
            conditions: used.iter().map(|&i| index_condition(&conditions.keys[i])).collect(),
            inner: inner_scan(&scan, filter),
            inner_outputs,
            inner_names,
            residual,
            unique: how.unique,
            only: how.covering && !how.clustered,
            inner_estimate,
        };
        self.node(Node::LookupJoin(Box::new(node)), outputs, rows, startup, total)
    }

    fn key_selectivity(&self, conditions: &Conditions, used: &[usize], outer_rows: f64) -> f64 {
        used.iter()
            .map(|&i| {
                let key = &conditions.keys[i];
                self.est.join_selectivity(&key.right, &key.right, outer_rows, f64::INFINITY)
            })
            .product()
    }

    fn nested_loop(&mut self, kind: JoinKind, left: Rel, right: Rel, on: Vec<Expr>, rows: f64, want: &Want) -> Physical {
        let needed = want.with(&on);
        let plain = Want { needed: needed.clone(), ..left_only_want(want, &left) };
        let left = self.lower(left, &plain);
        let right = self.lower(right, &Want { needed, ..Want::default() });
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
            let total = l.total + r.total + l.rows * r.rows * cost::PAIR;
            return self.node(Node::HashJoin(node), outputs, rows, r.total, total);
        }
        if kind == JoinKind::Right {
            let swapped = self.loop_node(JoinKind::Left, right, left, on, params, rows);
            return self.shaped(swapped, &outputs);
        }
        // The kept side of a plain nested loop is the smaller one.
        if kind == JoinKind::Inner && params.is_empty() && l.rows < r.rows * 0.5 {
            let node = NestedLoopNode { kind, left: Box::new(right), right: Box::new(left), on, params };
            let total = cost::nested_loop(side(&node.left), side(&node.right), node.on.len(), rows);
            let swapped = joined_outputs(kind, &node.left, &node.right);
            return self.node(Node::NestedLoop(node), swapped, rows, l.startup + r.startup, total);
        }
        let total = match params.is_empty() {
            true => cost::nested_loop(side(&left), side(&right), on.len(), rows),
            false => l.total + l.rows.max(1.0) * (r.total + cost::APPLY) + rows * cost::JOINED,
        };
        let node = NestedLoopNode { kind, left: Box::new(left), right: Box::new(right), on, params };
        self.node(Node::NestedLoop(node), outputs, rows, l.startup + r.startup, total)
    }
}

/// Whether a plan groups, so that conditions on its groups spare most of its work, and may be run many times.
pub fn can_apply(rel: &Rel) -> bool {
    let mut plain = true;
    walk::each_expr(rel, &mut |e| plain = plain && !walk::has_subquery(e) && !walk::is_volatile(e));
    plain
        && match rel {
            Rel::Aggregate { group, sets: None, .. } => !group.is_empty(),
            Rel::Distinct { .. } => true,
            Rel::Project { input, .. } | Rel::Filter { input, .. } => can_apply(input),
            _ => false,
        }
}

/// A lookup join in the making.
struct Choice {
    scan: Scan,
    filter: Vec<Expr>,
    index: (Oid, smol_str::SmolStr),
    how: Lookup,
    /// Numbers of the equalities the keys stand for.
    used: Vec<usize>,
    keys: Vec<Expr>,
    key_types: Vec<Oid>,
    inner_names: Vec<(ColId, ScanColumn)>,
    price: f64,
}

fn side(plan: &Physical) -> Side {
    Side { rows: plan.estimate.rows, width: f64::from(plan.estimate.width), cost: plan.estimate.total }
}

/// Whether the left side of a hash join is better hashed, and what the join costs then.
fn cheaper_hash(left: &Physical, right: &Physical, keys: usize, rows: f64) -> (bool, f64) {
    let (build_left, (_, total)) = hash_costs(left, right, keys, rows);
    (build_left, total)
}

/// As `cheaper_hash`, with the cost before the first row, too.
fn hash_costs(left: &Physical, right: &Physical, keys: usize, rows: f64) -> (bool, (f64, f64)) {
    let forward = cost::hash_join(side(left), side(right), keys, rows);
    let backward = cost::hash_join(side(right), side(left), keys, rows);
    if backward.1 < forward.1 { (true, backward) } else { (false, forward) }
}

/// A key's condition with the index's column on the left.
fn index_condition(key: &JoinKey) -> Expr {
    match props::as_column(&key.right) {
        Some(column) => props::column_first(&key.condition, column),
        None => key.condition.clone(),
    }
}

/// A lookup by a column needs the column's value no more, unless a condition or somebody above reads it.
fn drop_unread(scan: &mut Scan, kind: JoinKind, filter: &[Expr], (conditions, used): (&Conditions, &[usize]), want: &Want) {
    let Some(needed) = &want.needed else { return };
    let mut read = if matches!(kind, JoinKind::Semi | JoinKind::Anti) { ColSet::new() } else { needed.clone() };
    let unused = conditions.keys.iter().enumerate().filter(|(i, _)| !used.contains(i)).map(|(_, k)| &k.condition);
    filter.iter().chain(unused).chain(&conditions.rest).for_each(|e| read.extend(walk::expr_columns(e)));
    scan.columns.retain(|(o, _)| read.contains(&o.id));
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
