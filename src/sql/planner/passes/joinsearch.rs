//! The cheapest order of a group of joins.
//!
//! Up to [`EXHAUSTIVE`] inputs all orders are considered (dynamic programming over subsets, bushy trees included), beyond that the
//! join with the smallest result is taken again and again. A join is priced as the cheaper of a hash join with either side hashed
//! and, where one side is an indexed table, a lookup join; the prices are those of `cost`, by which the physical plan is made, too.

use super::joinorder::{Group, Role};
use crate::sql::catalog::objects::Index;
use crate::sql::plan::{ColId, Expr, ExprKind, JoinKind, Rel, Scan, ScanColumn};
use crate::sql::planner::cost::{self, Lookup, Side};
use crate::sql::planner::estimate::Estimator;
use crate::sql::planner::lower::scan_cost;
use crate::sql::planner::props;
use crate::sql::planner::walk::{self, ColSet};
use std::collections::HashMap;

/// Largest group all orders of which are considered.
const EXHAUSTIVE: usize = 11;
/// As `EXHAUSTIVE`, where nothing connects some of the inputs.
const EXHAUSTIVE_APART: usize = 7;

/// A join tree over input numbers. A semi or anti join's input is always a leaf on the right.
#[derive(Clone)]
pub enum Tree {
    /// An input.
    Leaf(usize),
    /// A join.
    Join(Box<Tree>, Box<Tree>),
}

/// A condition of the group: which inputs it reads, how selective it is, and whether a hash join can use it.
struct Condition {
    mask: u64,
    selectivity: f64,
    hashes: bool,
}

/// Columns of different inputs that are all equal.
pub struct Class {
    members: Vec<Member>,
    /// The conditions that say so.
    conditions: Vec<Expr>,
}

/// A column in a class.
struct Member {
    column: ColId,
    input: usize,
    /// Distinct values.
    distinct: f64,
}

/// A way to look an input up: the inputs that give the key, and what a lookup costs.
struct Path {
    need: u64,
    each: f64,
}

/// What is known about an input.
struct Leaf {
    side: Side,
    /// For a semi or anti join: the part of the other rows that stays, and the inputs its conditions read.
    filters: Option<(f64, u64)>,
    paths: Vec<Path>,
}

/// The best way found to join a set of inputs.
#[derive(Clone)]
struct Best {
    side: Side,
    tree: Tree,
}

/// A search over one group.
pub struct Search {
    leaves: Vec<Leaf>,
    conditions: Vec<Condition>,
    classes: Vec<Class>,
    /// Corrections for multi-column keys: both inputs, factor.
    corrections: Vec<(u64, f64)>,
    /// All semi and anti joins' inputs.
    filtering: u64,
    /// For each input those it is connected with.
    neighbours: Vec<u64>,
}

/// An equality that can be used to look up `column` of one input: inputs of the other side, and the whole condition.
struct Key {
    column: ColId,
    from: u64,
    condition: Expr,
}

impl Search {
    /// Prepares a search. Equalities between columns leave the group's conditions and become classes.
    pub fn new(group: &mut Group, estimator: &Estimator<'_>) -> Self {
        let columns: Vec<ColSet> = group.inputs.iter().map(|i| walk::output_ids(&i.rel)).collect();
        let sides: Vec<Side> = group.inputs.iter().map(|i| side(&i.rel, estimator)).collect();
        let classes = classes(group, &columns, estimator, &sides);
        let mask_of =
            |set: &ColSet| -> u64 { columns.iter().enumerate().filter(|(_, c)| !c.is_disjoint(set)).map(|(i, _)| 1u64 << i).sum() };
        let mut keys: Vec<Vec<Key>> = columns.iter().map(|_| Vec::new()).collect();
        let mut search = Self {
            leaves: Vec::new(),
            conditions: Vec::new(),
            classes,
            corrections: Vec::new(),
            filtering: 0,
            neighbours: Vec::new(),
        };
        search.class_keys(&mut keys);
        search.correct(estimator);
        for condition in &group.conditions {
            let mask = mask_of(&walk::expr_columns(condition));
            let mut found = Condition { mask, selectivity: estimator.selectivity(condition), hashes: false };
            if mask.count_ones() == 2 {
                let (i, j) = (mask.trailing_zeros() as usize, 63 - mask.leading_zeros() as usize);
                if let Some((l, r, hashes)) = props::equi(condition, &columns[i], &columns[j]) {
                    found.selectivity = estimator.join_selectivity(l, r, sides[i].rows, sides[j].rows);
                    found.hashes = hashes;
                    for (at, other, key) in [(i, j, l), (j, i, r)] {
                        let key = props::as_column(key);
                        keys[at].extend(key.map(|column| Key { column, from: 1 << other, condition: condition.clone() }));
                    }
                }
            }
            search.conditions.push(found);
        }
        let mut filters: Vec<Option<(f64, u64)>> = Vec::new();
        for (i, input) in group.inputs.iter().enumerate() {
            filters.push(match &input.role {
                Role::Inner => None,
                Role::Semi(on) => Some(filter_of((JoinKind::Semi, on, i), (&columns, &sides), estimator, &mask_of, &mut keys)),
                Role::Anti(on) => Some(filter_of((JoinKind::Anti, on, i), (&columns, &sides), estimator, &mask_of, &mut keys)),
            });
        }
        for (i, ((side, filters), keys)) in sides.iter().zip(filters).zip(&keys).enumerate() {
            if filters.is_some() {
                search.filtering |= 1 << i;
            }
            let paths = paths(&group.inputs[i].rel, keys, side.cost, estimator);
            search.leaves.push(Leaf { side: *side, filters, paths });
        }
        search.neighbours = search.connections();
        search
    }

    /// Every member of a class can be looked up by every other.
    fn class_keys(&self, keys: &mut [Vec<Key>]) {
        for class in &self.classes {
            for (a, one) in class.members.iter().enumerate() {
                for (b, other) in class.members.iter().enumerate() {
                    if a != b {
                        let condition = class.condition(a, b);
                        keys[one.input].push(Key { column: one.column, from: 1 << other.input, condition });
                    }
                }
            }
        }
    }

    /// Equalities on a whole key of several columns are not independent.
    fn correct(&mut self, estimator: &Estimator<'_>) {
        let mut pairs: HashMap<(usize, usize), (ColSet, ColSet, f64)> = HashMap::new();
        for class in &self.classes {
            for (a, one) in class.members.iter().enumerate() {
                for other in &class.members[a + 1..] {
                    let (low, high) = if one.input < other.input { (one, other) } else { (other, one) };
                    let entry = pairs.entry((low.input, high.input)).or_insert((ColSet::new(), ColSet::new(), 1.0));
                    entry.0.insert(low.column);
                    entry.1.insert(high.column);
                    entry.2 /= low.distinct.max(high.distinct);
                }
            }
        }
        for ((i, j), (left, right, equal)) in pairs {
            let factor = estimator.key_correction(&left, equal).max(estimator.key_correction(&right, equal));
            if factor > 1.0 {
                self.corrections.push(((1 << i) | (1 << j), factor));
            }
        }
    }

    /// The equalities that joining two sets of inputs establishes.
    pub fn equalities(&self, left: u64, right: u64) -> Vec<Expr> {
        let joining: Vec<&Class> = self.classes.iter().filter(|c| c.connects(left, right)).collect();
        // Two inputs that several classes join may be a table and its key of several columns: those are compared.
        let shared = |a: usize, b: usize| {
            let pair = (1u64 << a) | (1 << b);
            joining.iter().filter(|c| c.mask(&c.members) & pair == pair).count()
        };
        joining.iter().filter_map(|c| c.between(left, right, &shared)).collect()
    }

    fn connections(&self) -> Vec<u64> {
        let mut edges: Vec<u64> = self.conditions.iter().map(|c| c.mask).collect();
        edges.extend(self.classes.iter().map(|c| c.mask(&c.members)));
        edges.extend(self.leaves.iter().enumerate().filter_map(|(i, l)| l.filters.map(|(_, need)| need | (1 << i))));
        let of = |i: usize| edges.iter().filter(|e| **e & (1 << i) != 0).fold(0, |all, e| all | e) & !(1 << i);
        (0..self.leaves.len()).map(of).collect()
    }

    /// Whether conditions lead from every input of a set to every other.
    fn is_connected(&self, set: u64) -> bool {
        let mut reached = set & set.wrapping_neg();
        loop {
            let next = (reached | bits(reached).fold(0, |all, i| all | self.neighbours[i])) & set;
            if next == reached {
                return reached == set;
            }
            reached = next;
        }
    }

    /// Which inputs each condition of the group reads.
    pub fn condition_masks(&self) -> Vec<u64> {
        self.conditions.iter().map(|c| c.mask).collect()
    }

    /// The best tree.
    pub fn best(&self) -> Tree {
        let n = self.leaves.len();
        let connected = n <= EXHAUSTIVE && self.is_connected((1 << n) - 1);
        // Where products are needed every subset counts: fewer inputs are enough work then.
        if connected || n <= EXHAUSTIVE_APART { self.exhaustive(connected) } else { self.greedy() }
    }

    /// Rows of the join of a set of inputs.
    fn rows(&self, set: u64) -> f64 {
        let mut rows = 1.0;
        for i in bits(set) {
            rows *= self.leaves[i].filters.map_or(self.leaves[i].side.rows, |(part, _)| part);
        }
        for c in &self.conditions {
            if c.mask & !set == 0 && c.mask.count_ones() > 1 {
                rows *= c.selectivity;
            }
        }
        for class in &self.classes {
            rows *= class.selectivity(set);
        }
        for (mask, factor) in &self.corrections {
            if mask & !set == 0 {
                rows *= factor;
            }
        }
        rows.max(1.0)
    }

    fn width(&self, set: u64) -> f64 {
        bits(set & !self.filtering).map(|i| self.leaves[i].side.width).sum()
    }

    fn leaf(&self, i: usize) -> Best {
        Best { side: self.leaves[i].side, tree: Tree::Leaf(i) }
    }

    /// Whether a set is a single semi or anti join's input: what it needs first.
    fn filter(&self, set: u64) -> Option<u64> {
        if set.count_ones() != 1 || set & self.filtering == 0 {
            return None;
        }
        self.leaves[set.trailing_zeros() as usize].filters.map(|(_, need)| need)
    }

    fn lookup(&self, outer: (u64, Side), inner: u64, rows: f64) -> f64 {
        if inner.count_ones() != 1 {
            return f64::INFINITY;
        }
        let leaf = &self.leaves[inner.trailing_zeros() as usize];
        let usable = leaf.paths.iter().filter(|p| p.need & !outer.0 == 0);
        usable.map(|p| outer.1.cost + outer.1.rows * p.each + rows * cost::JOINED).fold(f64::INFINITY, f64::min)
    }

    /// Cost of joining two parts; the second is true when the first belongs on the right. `None`: they cannot be joined yet.
    fn price(&self, left: (u64, Side), right: (u64, Side), rows: f64) -> Option<(f64, bool)> {
        match (self.filter(left.0), self.filter(right.0)) {
            (Some(_), Some(_)) => return None,
            (Some(_), None) => return self.price(right, left, rows).map(|(cost, _)| (cost, true)),
            (None, Some(need)) => {
                if need & !left.0 != 0 {
                    return None;
                }
                let hash = cost::hash_join(left.1, right.1, 1, rows).1.min(cost::hash_join(right.1, left.1, 1, rows).1);
                return Some((hash.min(self.lookup(left, right.0, rows)), false));
            }
            (None, None) => {}
        }
        let between = |mask: u64| mask & left.0 != 0 && mask & right.0 != 0 && mask & !(left.0 | right.0) == 0;
        let hashed = self.conditions.iter().filter(|c| c.hashes && between(c.mask)).count();
        let keys = hashed + self.classes.iter().filter(|c| c.connects(left.0, right.0)).count();
        if keys == 0 {
            let checked = self.conditions.iter().filter(|c| between(c.mask)).count();
            let product = cost::nested_loop(left.1, right.1, checked, rows);
            return Some((product, right.1.rows > left.1.rows));
        }
        let forward = cost::hash_join(left.1, right.1, keys, rows).1.min(self.lookup(left, right.0, rows));
        let backward = cost::hash_join(right.1, left.1, keys, rows).1.min(self.lookup(right, left.0, rows));
        Some(if backward < forward { (backward, true) } else { (forward, false) })
    }

    fn combine(&self, left: (u64, &Best), right: (u64, &Best), rows: f64) -> Option<Best> {
        let (cost, exchange) = self.price((left.0, left.1.side), (right.0, right.1.side), rows)?;
        let (l, r) = if exchange { (right.1, left.1) } else { (left.1, right.1) };
        let side = Side { rows, width: self.width(left.0 | right.0), cost };
        Some(Best { side, tree: Tree::Join(Box::new(l.tree.clone()), Box::new(r.tree.clone())) })
    }

    /// `connected`: products need not be considered.
    fn exhaustive(&self, connected: bool) -> Tree {
        let n = self.leaves.len();
        let full = (1usize << n) - 1;
        let mut best: Vec<Option<Best>> = vec![None; full + 1];
        for i in 0..n {
            best[1 << i] = Some(self.leaf(i));
        }
        for set in 1..=full {
            if set.count_ones() < 2 || (connected && !self.is_connected(set as u64)) {
                continue;
            }
            let rows = self.rows(set as u64);
            let mut winner: Option<(f64, usize)> = None;
            let mut part = (set - 1) & set;
            while part > 0 {
                let other = set & !part;
                if part > other
                    && let (Some(l), Some(r)) = (&best[part], &best[other])
                    && let Some((cost, _)) = self.price((part as u64, l.side), (other as u64, r.side), rows)
                    && winner.is_none_or(|(c, _)| cost < c)
                {
                    winner = Some((cost, part));
                }
                part = (part - 1) & set;
            }
            if let Some((_, part)) = winner
                && let (Some(l), Some(r)) = (&best[part], &best[set & !part])
            {
                best[set] = self.combine((part as u64, l), ((set & !part) as u64, r), rows);
            }
        }
        best[full].take().map_or(Tree::Leaf(0), |b| b.tree)
    }

    fn greedy(&self) -> Tree {
        let mut parts: Vec<(u64, Best)> = (0..self.leaves.len()).map(|i| (1 << i, self.leaf(i))).collect();
        while parts.len() > 1 {
            let mut winner: Option<(f64, usize, usize)> = None;
            for i in 0..parts.len() {
                for j in i + 1..parts.len() {
                    let (left, right) = (&parts[i], &parts[j]);
                    let rows = self.rows(left.0 | right.0);
                    if self.price((left.0, left.1.side), (right.0, right.1.side), rows).is_none() {
                        continue;
                    }
                    let apart = self.filter(left.0).is_none()
                        && self.filter(right.0).is_none()
                        && !self.conditions.iter().any(|c| c.mask & left.0 != 0 && c.mask & right.0 != 0)
                        && !self.classes.iter().any(|c| c.connects(left.0, right.0));
                    let price = if apart { rows * 1e6 } else { rows };
                    if winner.is_none_or(|(c, _, _)| price < c) {
                        winner = Some((price, i, j));
                    }
                }
            }
            let Some((_, i, j)) = winner else { break };
            let right = parts.swap_remove(j);
            let left = parts.swap_remove(i);
            let set = left.0 | right.0;
            let Some(joined) = self.combine((left.0, &left.1), (right.0, &right.1), self.rows(set)) else { break };
            parts.push((set, joined));
        }
        parts.pop().map_or(Tree::Leaf(0), |(_, b)| b.tree)
    }
}

impl Class {
    fn mask(&self, members: &[Member]) -> u64 {
        members.iter().map(|m| 1u64 << m.input).sum()
    }

    fn connects(&self, left: u64, right: u64) -> bool {
        let mine = self.mask(&self.members);
        mine & left != 0 && mine & right != 0
    }

    /// The part of the pairs of rows of a set's inputs for which its members are equal: the one with fewest values stays.
    fn selectivity(&self, set: u64) -> f64 {
        let (mut product, mut least, mut count) = (1.0, f64::INFINITY, 0);
        for member in self.members.iter().filter(|m| set & (1 << m.input) != 0) {
            product /= member.distinct;
            least = f64::min(least, member.distinct);
            count += 1;
        }
        if count < 2 { 1.0 } else { product * least }
    }

    /// `a = b` for two members: as written where it was, else made from another condition of the class.
    fn condition(&self, a: usize, b: usize) -> Expr {
        let (a, b) = (self.members[a].column, self.members[b].column);
        let says = |e: &&Expr| {
            let columns = walk::expr_columns(e);
            columns.contains(&a) && columns.contains(&b)
        };
        if let Some(written) = self.conditions.iter().find(says) {
            return written.clone();
        }
        let mut made = self.conditions[0].clone();
        let operands: HashMap<ColId, Expr> = self.conditions.iter().flat_map(operands).collect();
        if let ExprKind::Call { args, .. } = &mut made.kind {
            args.clear();
            args.extend([a, b].iter().filter_map(|id| operands.get(id).cloned()));
        }
        made
    }

    /// The equality that joins two sets of inputs, if the class has members in both.
    fn between(&self, left: u64, right: u64, shared: &dyn Fn(usize, usize) -> usize) -> Option<Expr> {
        let within = |set: u64| (0..self.members.len()).filter(move |&m| set & (1 << self.members[m].input) != 0);
        let written = |a: usize, b: usize| {
            let (a, b) = (self.members[a].column, self.members[b].column);
            self.conditions.iter().any(|e| {
                let columns = walk::expr_columns(e);
                columns.contains(&a) && columns.contains(&b)
            })
        };
        let pairs = within(left).flat_map(|a| within(right).map(move |b| (a, b)));
        let rank = |(a, b): &(usize, usize)| {
            let together = shared(self.members[*a].input, self.members[*b].input);
            (std::cmp::Reverse(together), !written(*a, *b))
        };
        let (a, b) = pairs.min_by_key(rank)?;
        Some(self.condition(a, b))
    }
}

/// The columns an equality compares, by id.
fn operands(condition: &Expr) -> Vec<(ColId, Expr)> {
    match props::binary(condition) {
        Some(b) => [b.left, b.right].into_iter().filter_map(|e| Some((props::as_column(e)?, e.clone()))).collect(),
        None => Vec::new(),
    }
}

/// Takes equalities between plain columns of one type out of the group's conditions and gathers them into classes. A class has at
/// most one column of each input: an equality that would add another stays a condition.
fn classes(group: &mut Group, columns: &[ColSet], estimator: &Estimator<'_>, sides: &[Side]) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    let conditions = std::mem::take(&mut group.conditions);
    for condition in conditions {
        let Some((left, right)) = column_pair(&condition, group, columns, estimator, sides) else {
            group.conditions.push(condition);
            continue;
        };
        let of = |m: &Member| classes.iter().position(|c| c.members.iter().any(|x| x.column == m.column));
        let (a, b) = (of(&left), of(&right));
        let has = |c: &Class, input: usize| c.members.iter().any(|m| m.input == input);
        match (a, b) {
            (None, None) => classes.push(Class { members: vec![left, right], conditions: vec![condition] }),
            (Some(a), Some(b)) if a == b => classes[a].conditions.push(condition),
            (Some(a), None) if !has(&classes[a], right.input) && same_type(&classes[a].conditions[0], &condition) => {
                classes[a].members.push(right);
                classes[a].conditions.push(condition);
            }
            (None, Some(b)) if !has(&classes[b], left.input) && same_type(&classes[b].conditions[0], &condition) => {
                classes[b].members.push(left);
                classes[b].conditions.push(condition);
            }
            (Some(a), Some(b))
                if !classes[a].members.iter().any(|m| has(&classes[b], m.input))
                    && same_type(&classes[a].conditions[0], &classes[b].conditions[0]) =>
            {
                let other = classes.swap_remove(a.max(b));
                let into = &mut classes[a.min(b)];
                into.members.extend(other.members);
                into.conditions.extend(other.conditions);
                into.conditions.push(condition);
            }
            _ => group.conditions.push(condition),
        }
    }
    classes
}

fn same_type(a: &Expr, b: &Expr) -> bool {
    let shape = |e: &Expr| props::binary(e).map(|x| (x.operator.oid, e.collation));
    shape(a) == shape(b)
}

/// The columns of two inputs a condition says are equal.
fn column_pair(
    condition: &Expr,
    group: &Group,
    columns: &[ColSet],
    estimator: &Estimator<'_>,
    sides: &[Side],
) -> Option<(Member, Member)> {
    let binary = props::binary(condition).filter(|b| b.symbol == "=" && b.operator.hashes)?;
    if binary.left.ty.oid != binary.right.ty.oid || binary.left.collation != binary.right.collation {
        return None;
    }
    let member = |e: &Expr| {
        let column = props::as_column(e)?;
        let input = columns.iter().position(|c| c.contains(&column))?;
        if !matches!(group.inputs[input].role, Role::Inner) {
            return None;
        }
        let unique = props::unique_on(&group.inputs[input].rel, &ColSet::from([column]));
        let base = || estimator.base_rows(&group.inputs[input].rel);
        let distinct = if unique { base() } else { estimator.distinct_for_join(e, sides[input].rows) };
        Some(Member { column, input, distinct: distinct.max(1.0) })
    };
    let (left, right) = (member(binary.left)?, member(binary.right)?);
    (left.input != right.input).then_some((left, right))
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

/// An input by itself.
fn side(rel: &Rel, estimator: &Estimator<'_>) -> Side {
    let width = f64::from(estimator.row_width(&walk::outputs(rel)));
    Side { rows: estimator.rows(rel), width, cost: read_cost(rel, estimator) }
}

/// The part of the rows a semi or anti join keeps and the inputs it needs; notes by which keys its input could be looked up.
fn filter_of(
    (kind, on, at): (JoinKind, &[Expr], usize),
    (columns, sides): (&[ColSet], &[Side]),
    estimator: &Estimator<'_>,
    mask_of: &dyn Fn(&ColSet) -> u64,
    keys: &mut [Vec<Key>],
) -> (f64, u64) {
    let mut read = ColSet::new();
    on.iter().for_each(|e| read.extend(walk::expr_columns(e)));
    let need = mask_of(&read) & !(1 << at);
    let others: ColSet = bits(need).flat_map(|i| columns[i].iter().copied()).collect();
    for condition in on {
        if let Some((l, r, _)) = props::equi(condition, &others, &columns[at]) {
            let from = mask_of(&walk::expr_columns(l));
            keys[at].extend(props::as_column(r).map(|column| Key { column, from, condition: condition.clone() }));
        }
    }
    let rows = bits(need).map(|i| sides[i].rows).fold(1.0, f64::max);
    let found = estimator.matched_part((&others, rows), (&columns[at], sides[at].rows), on);
    (if kind == JoinKind::Semi { found } else { (1.0 - found).max(0.05) }, need)
}

/// Ways to look an input up by the keys the group's equalities give.
fn paths(rel: &Rel, keys: &[Key], whole: f64, estimator: &Estimator<'_>) -> Vec<Path> {
    let (scan, conditions) = match rel {
        Rel::Scan(scan) => (scan, 0),
        Rel::Filter { input, predicate } => match &**input {
            Rel::Scan(scan) if !walk::has_subquery(predicate) && !walk::is_volatile(predicate) => (scan, 1),
            _ => return Vec::new(),
        },
        _ => return applied(rel, keys, whole, estimator),
    };
    if scan.relation.kind == crate::sql::catalog::objects::RelKind::System || scan.sample.is_some() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for index in &scan.relation.indexes {
        if index.predicate.is_some() || !matches!(index.method.as_str(), "btree" | "hash" | "") {
            continue;
        }
        index_paths(scan, index, keys, conditions, estimator, &mut out);
    }
    out
}

/// Running a grouped input once for each outer row, restricted to the groups that can match it.
fn applied(rel: &Rel, keys: &[Key], whole: f64, estimator: &Estimator<'_>) -> Vec<Path> {
    if keys.is_empty() || !crate::sql::planner::lower::can_apply(rel) {
        return Vec::new();
    }
    let mut givers: Vec<u64> = keys.iter().map(|k| k.from).collect();
    givers.sort_unstable();
    givers.dedup();
    let path = |from: u64| {
        let conditions: Vec<Expr> = keys.iter().filter(|k| k.from == from).map(|k| k.condition.clone()).collect();
        let each = read_cost(&super::pushdown::push(rel.clone(), conditions), estimator) + cost::APPLY;
        (each < whole * 0.5).then_some(Path { need: from, each })
    };
    givers.into_iter().filter_map(path).collect()
}

/// Paths through one index: one for every way to give its first columns.
fn index_paths(scan: &Scan, index: &Index, keys: &[Key], conditions: usize, estimator: &Estimator<'_>, out: &mut Vec<Path>) {
    let rows = estimator.table_rows(&scan.relation);
    let covering = crate::sql::planner::lower::covers(scan, index);
    let clustered = index.number == 0 && index.primary;
    let mut prefixes: Vec<(u64, f64)> = vec![(0, rows)];
    for (n, key) in index.keys.iter().enumerate() {
        let Some(position) = key.column else { return };
        let Some((output, _)) = scan.columns.iter().find(|(_, c)| *c == ScanColumn::Column(position)) else { return };
        let column = walk::column_of(output);
        let one = estimator.join_selectivity(&column, &column, f64::INFINITY, rows);
        let givers: Vec<u64> = keys.iter().filter(|k| k.column == output.id).map(|k| k.from).collect();
        let mut longer: Vec<(u64, f64)> =
            prefixes.iter().flat_map(|(need, left)| givers.iter().map(move |from| (need | from, left * one))).collect();
        longer.truncate(8);
        if longer.is_empty() {
            return;
        }
        let unique = (index.unique || index.primary) && n + 1 == index.keys.len();
        for (need, matches) in &longer {
            let matches = if unique { 1.0 } else { matches.max(1.0) };
            let how = Lookup { matches, unique, clustered, covering };
            out.push(Path { need: *need, each: cost::lookup(&how).1 + matches * cost::OPERATOR * conditions as f64 });
        }
        prefixes = longer;
    }
}

/// What reading an input costs.
fn read_cost(rel: &Rel, estimator: &Estimator<'_>) -> f64 {
    match rel {
        Rel::Scan(scan) => scan_cost(estimator, scan, &[]),
        Rel::Filter { input, predicate } => {
            if let Rel::Scan(scan) = &**input {
                let mut conditions = Vec::new();
                walk::conjuncts(predicate.clone(), &mut conditions);
                return scan_cost(estimator, scan, &conditions);
            }
            read_cost(input, estimator) + estimator.rows(input) * cost::OPERATOR
        }
        other => {
            let below: f64 = walk::children(other)
                .into_iter()
                .map(|c| read_cost(c, estimator) + estimator.rows(c) * (cost::PROBE + cost::OPERATOR))
                .sum();
            below + estimator.rows(other) * cost::JOINED
        }
    }
}
