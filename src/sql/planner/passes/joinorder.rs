//! The order of inner joins.
//!
//! A tree of inner joins is a set of inputs and a set of conditions. Up to ten inputs all orders are considered (dynamic
//! programming over subsets), beyond that the join with the smallest result is taken again and again. Costs are in rows touched:
//! a hash join touches both inputs, a lookup join pays a fixed price per outer row and spares the scan of its inner table.
//!
//! A LEFT join whose right columns no condition of the group mentions is applied after the group, so that the group can be
//! ordered freely. Joins with LATERAL references stay as written.

use super::PassCx;
use crate::sql::plan::{Expr, JoinKind, Rel, ScanColumn};
use crate::sql::planner::estimate::Estimator;
use crate::sql::planner::props;
use crate::sql::planner::walk::{self, ColSet};

/// Largest group all orders of which are considered.
const EXHAUSTIVE: usize = 10;
/// What a lookup costs, in rows of a scan.
const LOOKUP: f64 = 30.0;

/// Orders every group of inner joins.
pub fn run(rel: Rel, cx: &mut PassCx<'_>) -> Rel {
    let estimator = Estimator::new(cx.stats, &rel);
    order(rel, &estimator)
}

fn order(rel: Rel, estimator: &Estimator<'_>) -> Rel {
    let rel = sink_semi(rel, estimator);
    if !matches!(rel, Rel::Join { kind: JoinKind::Inner, lateral: false, .. }) {
        let mut rel = rel;
        for child in walk::children_mut(&mut rel) {
            *child = order(walk::take(child), estimator);
        }
        walk::each_expr_mut(&mut rel, &mut |e| order_subqueries(e, estimator));
        return rel;
    }
    let columns = walk::outputs(&rel);
    let mut group = Group::default();
    group.flatten(rel);
    group.conditions.iter_mut().for_each(|e| order_subqueries(e, estimator));
    let after = group.postpone_left_joins();
    group.inputs = group.inputs.into_iter().map(|r| order(r, estimator)).collect();
    let mut ordered = group.join(estimator);
    for (right, on) in after {
        let right = order(right, estimator);
        ordered = Rel::Join { kind: JoinKind::Left, left: Box::new(ordered), right: Box::new(right), on, lateral: false };
    }
    let same = walk::outputs(&ordered).iter().map(|o| o.id).eq(columns.iter().map(|o| o.id));
    if same { ordered } else { walk::pass_through(ordered, columns) }
}

/// Part of the rows of its input a semi join may leave to be done before the input's other joins.
const SINK: f64 = 0.3;

/// A semi join whose conditions read one input of a group of inner joins, and that leaves few of its rows, goes down to it.
fn sink_semi(rel: Rel, estimator: &Estimator<'_>) -> Rel {
    let Rel::Join { kind: JoinKind::Semi, left, right, on, lateral: false } = rel else { return rel };
    let mut read = ColSet::new();
    on.iter().for_each(|e| read.extend(walk::expr_columns(e)));
    let mut left = *left;
    let right_rows = estimator.rows(&right);
    let mut sink = Some((*right, on));
    sink_into(&mut left, &read, &mut sink, right_rows, estimator);
    match sink {
        None => left,
        Some((right, on)) => Rel::Join { kind: JoinKind::Semi, left: Box::new(left), right: Box::new(right), on, lateral: false },
    }
}

fn sink_into(rel: &mut Rel, read: &ColSet, sink: &mut Option<(Rel, Vec<Expr>)>, right_rows: f64, estimator: &Estimator<'_>) {
    let Rel::Join { kind: JoinKind::Inner, left, right, lateral: false, .. } = rel else { return };
    for side in [left, right] {
        let mine = walk::output_ids(side);
        let Some((below, on)) = sink else { return };
        if !read.iter().any(|id| mine.contains(id))
            || !read.iter().all(|id| mine.contains(id) || walk::output_ids(below).contains(id))
        {
            continue;
        }
        if matches!(**side, Rel::Join { kind: JoinKind::Inner, lateral: false, .. }) {
            sink_into(side, read, sink, right_rows, estimator);
            continue;
        }
        let rows = estimator.rows(side);
        if estimator.join_rows(JoinKind::Semi, (side, rows), (below, right_rows), on) > rows * SINK {
            continue;
        }
        if let Some((right, on)) = sink.take() {
            let left = Box::new(walk::take(side));
            **side = Rel::Join { kind: JoinKind::Semi, left, right: Box::new(right), on, lateral: false };
        }
    }
}

fn order_subqueries(expr: &mut Expr, estimator: &Estimator<'_>) {
    walk::rewrite(expr, &mut |e| {
        if let crate::sql::plan::ExprKind::Subquery(s) = &mut e.kind {
            s.plan = order(walk::take(&mut s.plan), estimator);
        }
    });
}

/// Inputs and conditions of a tree of inner joins.
#[derive(Default)]
struct Group {
    inputs: Vec<Rel>,
    conditions: Vec<Expr>,
}

impl Group {
    fn flatten(&mut self, rel: Rel) {
        match rel {
            Rel::Join { kind: JoinKind::Inner, left, right, on, lateral: false } => {
                self.flatten(*left);
                self.flatten(*right);
                on.into_iter().for_each(|c| walk::conjuncts(c, &mut self.conditions));
            }
            // A projection that only hands columns on does not separate groups.
            Rel::Project { input, exprs }
                if matches!(*input, Rel::Join { kind: JoinKind::Inner, lateral: false, .. })
                    && exprs.iter().all(|(o, e)| walk::is_column(e, o.id)) =>
            {
                self.flatten(*input);
            }
            other => self.inputs.push(other),
        }
    }

    /// Takes LEFT joins out of the inputs: their right sides and conditions, innermost first.
    fn postpone_left_joins(&mut self) -> Vec<(Rel, Vec<Expr>)> {
        let mut used = ColSet::new();
        self.conditions.iter().for_each(|c| used.extend(walk::expr_columns(c)));
        let mut after = Vec::new();
        for input in &mut self.inputs {
            let mut mine = Vec::new();
            loop {
                match walk::take(input) {
                    Rel::Join { kind: JoinKind::Left, left, right, on, lateral: false }
                        if used.is_disjoint(&walk::output_ids(&right)) =>
                    {
                        mine.push((*right, on));
                        *input = *left;
                    }
                    Rel::Project { input: below, exprs }
                        if exprs.iter().all(|(o, e)| walk::is_column(e, o.id))
                            && matches!(*below, Rel::Join { kind: JoinKind::Left, lateral: false, .. }) =>
                    {
                        *input = *below;
                    }
                    other => {
                        *input = other;
                        break;
                    }
                }
            }
            mine.reverse();
            after.extend(mine);
        }
        // The left side of a postponed join may itself be a group of inner joins.
        let inputs = std::mem::take(&mut self.inputs);
        inputs.into_iter().for_each(|i| self.flatten(i));
        after
    }

    fn join(self, estimator: &Estimator<'_>) -> Rel {
        let n = self.inputs.len();
        if n == 1 {
            let mut inputs = self.inputs;
            return walk::filtered(inputs.pop().unwrap_or(Rel::Empty { columns: Vec::new() }), self.conditions);
        }
        if n > 60 {
            return self.in_written_order();
        }
        let search = Search::new(&self, estimator);
        let tree = if n <= EXHAUSTIVE { search.exhaustive(n) } else { search.greedy(n) };
        let mut inputs: Vec<Option<Rel>> = self.inputs.into_iter().map(Some).collect();
        let mut conditions: Vec<(u64, Option<Expr>)> =
            search.conditions.iter().map(|c| c.mask).zip(self.conditions.into_iter().map(Some)).collect();
        let rel = build(&tree, &mut inputs, &mut conditions);
        walk::filtered(rel, conditions.into_iter().filter_map(|(_, c)| c).collect())
    }

    fn in_written_order(self) -> Rel {
        let mut inputs = self.inputs.into_iter();
        let first = inputs.next().unwrap_or(Rel::Empty { columns: Vec::new() });
        let mut conditions = self.conditions;
        inputs.fold(first, |left, right| {
            let have: ColSet = walk::output_ids(&left).union(&walk::output_ids(&right)).copied().collect();
            let (on, rest): (Vec<Expr>, Vec<Expr>) =
                std::mem::take(&mut conditions).into_iter().partition(|c| walk::expr_columns(c).is_subset(&have));
            conditions = rest;
            Rel::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on, lateral: false }
        })
    }
}

/// A condition of the group: which inputs it reads and how selective it is.
struct Condition {
    mask: u64,
    selectivity: f64,
}

/// An input: its rows, what reading it costs, and with which inputs it can be looked up.
struct Input {
    rows: f64,
    cost: f64,
    /// Sets of inputs that together give an index's first column.
    lookup: Vec<u64>,
}

/// A join tree over input numbers.
#[derive(Clone)]
enum Tree {
    Leaf(usize),
    Join(Box<Tree>, Box<Tree>),
}

#[derive(Clone)]
struct Best {
    cost: f64,
    rows: f64,
    tree: Tree,
}

struct Search {
    inputs: Vec<Input>,
    conditions: Vec<Condition>,
    /// Corrections for multi-column keys: both inputs, factor.
    corrections: Vec<(u64, f64)>,
}

impl Search {
    fn new(group: &Group, estimator: &Estimator<'_>) -> Self {
        let columns: Vec<ColSet> = group.inputs.iter().map(walk::output_ids).collect();
        let rows: Vec<f64> = group.inputs.iter().map(|r| estimator.rows(r)).collect();
        let mask_of =
            |set: &ColSet| -> u64 { columns.iter().enumerate().filter(|(_, c)| !c.is_disjoint(set)).map(|(i, _)| 1u64 << i).sum() };
        let mut inputs: Vec<Input> = group
            .inputs
            .iter()
            .zip(&rows)
            .map(|(rel, &rows)| Input { rows, cost: read_cost(rel, estimator), lookup: Vec::new() })
            .collect();
        let mut conditions = Vec::new();
        let mut keys: std::collections::HashMap<(usize, usize), (ColSet, ColSet, f64)> = std::collections::HashMap::new();
        for condition in &group.conditions {
            let mask = mask_of(&walk::expr_columns(condition));
            let mut selectivity = estimator.selectivity(condition);
            if mask.count_ones() == 2 {
                let (i, j) = (mask.trailing_zeros() as usize, 63 - mask.leading_zeros() as usize);
                if let Some((l, r, _)) = props::equi(condition, &columns[i], &columns[j]) {
                    selectivity = estimator.join_selectivity(l, r, rows[i], rows[j]);
                    let key_rows = |rel: &Rel, e: &Expr| {
                        let key: ColSet = props::as_column(e).into_iter().collect();
                        (!key.is_empty() && props::unique_on(rel, &key)).then(|| estimator.base_rows(rel))
                    };
                    if let Some(base) =
                        key_rows(&group.inputs[i], l).into_iter().chain(key_rows(&group.inputs[j], r)).reduce(f64::max)
                    {
                        selectivity = selectivity.min(1.0 / base);
                    }
                    let entry = keys.entry((i, j)).or_insert((ColSet::new(), ColSet::new(), 1.0));
                    entry.0.extend(props::as_column(l));
                    entry.1.extend(props::as_column(r));
                    entry.2 *= selectivity;
                    for (at, other, key) in [(i, j, l), (j, i, r)] {
                        if props::as_column(key).is_some_and(|id| indexed(&group.inputs[at], id)) {
                            inputs[at].lookup.push(1 << other);
                        }
                    }
                }
            }
            conditions.push(Condition { mask, selectivity });
        }
        let corrections = keys
            .into_iter()
            .map(|((i, j), (left, right, equal))| {
                let factor = estimator.key_correction(&group.inputs[i], &left, equal).max(estimator.key_correction(
                    &group.inputs[j],
                    &right,
                    equal,
                ));
                ((1 << i) | (1 << j), factor)
            })
            .filter(|(_, factor)| *factor > 1.0)
            .collect();
        Self { inputs, conditions, corrections }
    }

    /// Rows of the join of a set of inputs.
    fn rows(&self, set: u64) -> f64 {
        let mut rows: f64 = bits(set).map(|i| self.inputs[i].rows).product();
        for c in &self.conditions {
            if c.mask & !set == 0 && c.mask.count_ones() > 1 {
                rows *= c.selectivity;
            }
        }
        for (mask, factor) in &self.corrections {
            if mask & !set == 0 {
                rows *= factor;
            }
        }
        rows.max(1.0)
    }

    fn leaf(&self, i: usize) -> Best {
        Best { cost: self.inputs[i].cost, rows: self.inputs[i].rows, tree: Tree::Leaf(i) }
    }

    /// Cost of joining two parts, with the better side on the right; the second is true when sides should be exchanged.
    fn price(&self, left: (u64, &Best), right: (u64, &Best), rows: f64) -> (f64, bool) {
        let hash = |probe: &Best, built: &Best| probe.cost + built.cost + probe.rows * 0.5 + built.rows * 1.5 + rows;
        let lookup = |outer: (u64, &Best), inner: (u64, &Best)| {
            let one = inner.0.count_ones() == 1;
            let input = &self.inputs[inner.0.trailing_zeros() as usize];
            let possible = one && input.lookup.iter().any(|need| need & !outer.0 == 0);
            if possible { outer.1.cost + outer.1.rows * LOOKUP + rows } else { f64::INFINITY }
        };
        let connected = self.conditions.iter().any(|c| c.mask & left.0 != 0 && c.mask & right.0 != 0);
        if !connected {
            let product = left.1.cost + right.1.cost + left.1.rows * right.1.rows * 2.0;
            return (product, right.1.rows > left.1.rows);
        }
        let forward = hash(left.1, right.1).min(lookup(left, right));
        let backward = hash(right.1, left.1).min(lookup(right, left));
        if backward < forward { (backward, true) } else { (forward, false) }
    }

    fn combine(&self, left: (u64, &Best), right: (u64, &Best), rows: f64) -> Best {
        let (cost, exchange) = self.price(left, right, rows);
        let (l, r) = if exchange { (right.1, left.1) } else { (left.1, right.1) };
        Best { cost, rows, tree: Tree::Join(Box::new(l.tree.clone()), Box::new(r.tree.clone())) }
    }

    fn exhaustive(&self, n: usize) -> Tree {
        let full = (1usize << n) - 1;
        let mut best: Vec<Option<Best>> = vec![None; full + 1];
        for i in 0..n {
            best[1 << i] = Some(self.leaf(i));
        }
        for set in 1..=full {
            if set.count_ones() < 2 {
                continue;
            }
            let rows = self.rows(set as u64);
            let mut winner: Option<(f64, bool, usize)> = None;
            let mut part = (set - 1) & set;
            while part > 0 {
                let other = set & !part;
                if part > other
                    && let (Some(l), Some(r)) = (&best[part], &best[other])
                {
                    let (cost, exchange) = self.price((part as u64, l), (other as u64, r), rows);
                    if winner.is_none_or(|(c, _, _)| cost < c) {
                        winner = Some((cost, exchange, part));
                    }
                }
                part = (part - 1) & set;
            }
            if let Some((_, _, part)) = winner
                && let (Some(l), Some(r)) = (&best[part], &best[set & !part])
            {
                let found = self.combine((part as u64, l), ((set & !part) as u64, r), rows);
                best[set] = Some(found);
            }
        }
        best[full].take().map_or(Tree::Leaf(0), |b| b.tree)
    }

    fn greedy(&self, n: usize) -> Tree {
        let mut parts: Vec<(u64, Best)> = (0..n).map(|i| (1 << i, self.leaf(i))).collect();
        while parts.len() > 1 {
            let mut winner: Option<(f64, usize, usize)> = None;
            for i in 0..parts.len() {
                for j in i + 1..parts.len() {
                    let rows = self.rows(parts[i].0 | parts[j].0);
                    let connected = self.conditions.iter().any(|c| c.mask & parts[i].0 != 0 && c.mask & parts[j].0 != 0);
                    let price = if connected { rows } else { rows * 1e6 };
                    if winner.is_none_or(|(c, _, _)| price < c) {
                        winner = Some((price, i, j));
                    }
                }
            }
            let Some((_, i, j)) = winner else { break };
            let right = parts.swap_remove(j);
            let left = parts.swap_remove(i);
            let set = left.0 | right.0;
            let joined = self.combine((left.0, &left.1), (right.0, &right.1), self.rows(set));
            parts.push((set, joined));
        }
        parts.pop().map_or(Tree::Leaf(0), |(_, b)| b.tree)
    }
}

fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (set != 0).then(|| {
            let i = set.trailing_zeros() as usize;
            set &= set - 1;
            i
        })
    })
}

/// What reading an input costs, in rows: a condition on an index's first column spares the rest of the table.
fn read_cost(rel: &Rel, estimator: &Estimator<'_>) -> f64 {
    match rel {
        Rel::Filter { input, predicate } => {
            if let Rel::Scan(_) = **input {
                let mut fixed = ColSet::new();
                props::fixed_columns(predicate, &walk::output_ids(input), &mut fixed);
                if fixed.iter().any(|&id| indexed(input, id)) {
                    return estimator.rows(rel) * 5.0;
                }
            }
            read_cost(input, estimator)
        }
        Rel::Scan(scan) => estimator.table_rows(&scan.relation),
        other => estimator.rows(other) + walk::children(other).into_iter().map(|c| read_cost(c, estimator)).sum::<f64>(),
    }
}

/// Whether an index of the scanned table starts with this column.
fn indexed(rel: &Rel, id: crate::sql::plan::ColId) -> bool {
    match rel {
        Rel::Filter { input, .. } => indexed(input, id),
        Rel::Scan(scan) => {
            let position = scan.columns.iter().find(|(o, _)| o.id == id).map(|(_, c)| *c);
            let Some(ScanColumn::Column(position)) = position else { return false };
            scan.relation
                .indexes
                .iter()
                .any(|i| i.predicate.is_none() && i.keys.first().is_some_and(|k| k.column == Some(position)))
        }
        _ => false,
    }
}

fn mask_of_tree(tree: &Tree) -> u64 {
    match tree {
        Tree::Leaf(i) => 1 << i,
        Tree::Join(l, r) => mask_of_tree(l) | mask_of_tree(r),
    }
}

fn build(tree: &Tree, inputs: &mut [Option<Rel>], conditions: &mut [(u64, Option<Expr>)]) -> Rel {
    match tree {
        Tree::Leaf(i) => inputs[*i].take().unwrap_or(Rel::Empty { columns: Vec::new() }),
        Tree::Join(l, r) => {
            let left = build(l, inputs, conditions);
            let right = build(r, inputs, conditions);
            let have = mask_of_tree(tree);
            let on = conditions.iter_mut().filter(|(mask, _)| mask & !have == 0).filter_map(|(_, c)| c.take()).collect();
            Rel::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on, lateral: false }
        }
    }
}
