//! The order of joins.
//!
//! A tree of inner joins is a set of inputs and a set of conditions; a semi or anti join on top or inside of it is one more input
//! that can only come after those its conditions read. Which order is best `joinsearch` finds; here the tree is taken apart and
//! put together again.
//!
//! A LEFT join whose right columns no condition of the group mentions is applied after the group, so that the group can be
//! ordered freely. Joins with LATERAL references stay as written.

use super::PassCx;
use super::joinsearch::{Search, Tree};
use crate::sql::plan::{Expr, JoinKind, Rel};
use crate::sql::planner::estimate::Estimator;
use crate::sql::planner::props;
use crate::sql::planner::walk::{self, ColSet};

/// Inputs of a group that are ordered at most.
const MOST: usize = 60;

/// Orders every group of joins.
pub fn run(rel: Rel, cx: &mut PassCx<'_>) -> Rel {
    let estimator = Estimator::new(cx.stats, &rel);
    order(rel, &estimator)
}

/// Whether a join can take part in a group.
fn joins(rel: &Rel) -> bool {
    matches!(rel, Rel::Join { kind: JoinKind::Inner | JoinKind::Semi | JoinKind::Anti, lateral: false, .. })
}

fn order(rel: Rel, estimator: &Estimator<'_>) -> Rel {
    if !joins(&rel) {
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
    for input in &mut group.inputs {
        input.rel = order(walk::take(&mut input.rel), estimator);
        if let Role::Semi(on) | Role::Anti(on) = &mut input.role {
            on.iter_mut().for_each(|e| order_subqueries(e, estimator));
        }
    }
    let mut ordered = group.join(estimator);
    for (right, on) in after {
        let right = order(right, estimator);
        ordered = Rel::Join { kind: JoinKind::Left, left: Box::new(ordered), right: Box::new(right), on, lateral: false };
    }
    let same = walk::outputs(&ordered).iter().map(|o| o.id).eq(columns.iter().map(|o| o.id));
    if same { ordered } else { walk::pass_through(ordered, columns) }
}

fn order_subqueries(expr: &mut Expr, estimator: &Estimator<'_>) {
    walk::rewrite(expr, &mut |e| {
        if let crate::sql::plan::ExprKind::Subquery(s) = &mut e.kind {
            s.plan = order(walk::take(&mut s.plan), estimator);
        }
    });
}

/// What an input does in its group.
pub enum Role {
    /// Joins.
    Inner,
    /// Keeps the rows that have a match under these conditions.
    Semi(Vec<Expr>),
    /// Keeps the rows that have none.
    Anti(Vec<Expr>),
}

/// An input of a group.
pub struct Input {
    /// Its rows.
    pub rel: Rel,
    /// What it does.
    pub role: Role,
}

/// Inputs and conditions of a tree of joins.
#[derive(Default)]
pub struct Group {
    /// The inputs.
    pub inputs: Vec<Input>,
    /// Conditions of the inner joins.
    pub conditions: Vec<Expr>,
}

impl Group {
    fn flatten(&mut self, rel: Rel) {
        match rel {
            Rel::Join { kind: JoinKind::Inner, left, right, on, lateral: false } => {
                self.flatten(*left);
                self.flatten(*right);
                on.into_iter().for_each(|c| walk::conjuncts(c, &mut self.conditions));
            }
            Rel::Join { kind: kind @ (JoinKind::Semi | JoinKind::Anti), left, right, on, lateral: false } => {
                self.flatten(*left);
                if kind == JoinKind::Semi && one_match(&right, &on) {
                    on.into_iter().for_each(|c| walk::conjuncts(c, &mut self.conditions));
                    self.flatten(*right);
                    return;
                }
                let role = if kind == JoinKind::Semi { Role::Semi(on) } else { Role::Anti(on) };
                self.inputs.push(Input { rel: *right, role });
            }
            // A projection that only hands columns on does not separate groups.
            Rel::Project { input, exprs } if joins(&input) && exprs.iter().all(|(o, e)| walk::is_column(e, o.id)) => {
                self.flatten(*input);
            }
            other => self.inputs.push(Input { rel: other, role: Role::Inner }),
        }
    }

    /// Columns that conditions of the group read.
    fn used(&self) -> ColSet {
        let mut used = ColSet::new();
        self.conditions.iter().for_each(|c| used.extend(walk::expr_columns(c)));
        for input in &self.inputs {
            if let Role::Semi(on) | Role::Anti(on) = &input.role {
                on.iter().for_each(|c| used.extend(walk::expr_columns(c)));
            }
        }
        used
    }

    /// Takes LEFT joins out of the inputs: their right sides and conditions, innermost first.
    fn postpone_left_joins(&mut self) -> Vec<(Rel, Vec<Expr>)> {
        let used = self.used();
        let mut after = Vec::new();
        for input in self.inputs.iter_mut().filter(|i| matches!(i.role, Role::Inner)) {
            let mut mine = Vec::new();
            loop {
                match walk::take(&mut input.rel) {
                    Rel::Join { kind: JoinKind::Left, left, right, on, lateral: false }
                        if used.is_disjoint(&walk::output_ids(&right)) =>
                    {
                        mine.push((*right, on));
                        input.rel = *left;
                    }
                    Rel::Project { input: below, exprs }
                        if exprs.iter().all(|(o, e)| walk::is_column(e, o.id))
                            && matches!(*below, Rel::Join { kind: JoinKind::Left, lateral: false, .. }) =>
                    {
                        input.rel = *below;
                    }
                    other => {
                        input.rel = other;
                        break;
                    }
                }
            }
            mine.reverse();
            after.extend(mine);
        }
        // The left side of a postponed join may itself be a group.
        let inputs = std::mem::take(&mut self.inputs);
        for input in inputs {
            match input.role {
                Role::Inner => self.flatten(input.rel),
                _ => self.inputs.push(input),
            }
        }
        after
    }

    fn join(mut self, estimator: &Estimator<'_>) -> Rel {
        let n = self.inputs.len();
        if n == 1 {
            let mut inputs = self.inputs;
            let only = inputs.pop().map_or(Rel::Empty { columns: Vec::new() }, |i| i.rel);
            return walk::filtered(only, self.conditions);
        }
        if n > MOST {
            return self.in_written_order();
        }
        let search = Search::new(&mut self, estimator);
        let tree = search.best();
        let mut inputs: Vec<Option<Input>> = self.inputs.into_iter().map(Some).collect();
        let masks = search.condition_masks();
        let mut conditions: Vec<(u64, Option<Expr>)> = masks.into_iter().zip(self.conditions.into_iter().map(Some)).collect();
        let (rel, _) = build(&tree, &search, &mut inputs, &mut conditions);
        walk::filtered(rel, conditions.into_iter().filter_map(|(_, c)| c).collect())
    }

    fn in_written_order(self) -> Rel {
        let mut inputs = self.inputs.into_iter();
        let first = inputs.next().map_or(Rel::Empty { columns: Vec::new() }, |i| i.rel);
        let mut conditions = self.conditions;
        inputs.fold(first, |left, right| {
            let (kind, on) = match right.role {
                Role::Semi(on) => (JoinKind::Semi, on),
                Role::Anti(on) => (JoinKind::Anti, on),
                Role::Inner => {
                    let have: ColSet = walk::output_ids(&left).union(&walk::output_ids(&right.rel)).copied().collect();
                    let (on, rest): (Vec<Expr>, Vec<Expr>) =
                        std::mem::take(&mut conditions).into_iter().partition(|c| walk::expr_columns(c).is_subset(&have));
                    conditions = rest;
                    (JoinKind::Inner, on)
                }
            };
            Rel::Join { kind, left: Box::new(left), right: Box::new(right.rel), on, lateral: false }
        })
    }
}

/// Whether a semi join finds at most one match for a row: it is an inner join then, which can be ordered more freely.
fn one_match(right: &Rel, on: &[Expr]) -> bool {
    let inner = walk::output_ids(right);
    let mut keys = ColSet::new();
    for condition in on {
        let outer: ColSet = walk::expr_columns(condition).difference(&inner).copied().collect();
        match props::equi(condition, &outer, &inner) {
            // Several NULLs may equal one.
            Some(_) if props::is_null_safe(condition) => {}
            Some((_, key, _)) => keys.extend(props::as_column(key)),
            None if walk::has_subquery(condition) || walk::is_volatile(condition) => return false,
            None => {}
        }
    }
    !keys.is_empty() && props::unique_on(right, &keys)
}

/// The join a tree describes, and the set of its inputs.
fn build(tree: &Tree, search: &Search, inputs: &mut [Option<Input>], conditions: &mut [(u64, Option<Expr>)]) -> (Rel, u64) {
    match tree {
        Tree::Leaf(i) => (inputs[*i].take().map_or(Rel::Empty { columns: Vec::new() }, |i| i.rel), 1 << i),
        Tree::Join(l, r) => {
            let (left, have) = build(l, search, inputs, conditions);
            if let Tree::Leaf(i) = **r
                && let Some(role) = inputs[i].as_mut().map(|i| std::mem::replace(&mut i.role, Role::Inner))
                && let (kind, Some(on)) = match role {
                    Role::Semi(on) => (JoinKind::Semi, Some(on)),
                    Role::Anti(on) => (JoinKind::Anti, Some(on)),
                    Role::Inner => (JoinKind::Inner, None),
                }
            {
                let (right, mask) = build(r, search, inputs, conditions);
                return (Rel::Join { kind, left: Box::new(left), right: Box::new(right), on, lateral: false }, have | mask);
            }
            let (right, mask) = build(r, search, inputs, conditions);
            let mut on = search.equalities(have, mask);
            let have = have | mask;
            on.extend(conditions.iter_mut().filter(|(mask, _)| mask & !have == 0).filter_map(|(_, c)| c.take()));
            (Rel::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on, lateral: false }, have)
        }
    }
}
