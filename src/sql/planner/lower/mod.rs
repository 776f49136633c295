//! From the rewritten logical plan to the physical one.
//!
//! A node is lowered knowing what its parent would like: an order, and how many rows will be asked for. A scan may answer the
//! order through an index; a sort above then has nothing to do and is left out.

mod access;
mod aggregate;
mod join;
mod order;
mod set;

pub use access::{covers, scan_cost};
pub use join::can_apply;
pub use order::{Ordering, ordering};

use super::cost;
use super::estimate::{Estimator, limited};
use super::physical::{Estimate, Node, Physical, SubplanNode, TopRows};
use super::props;
use super::walk::{self, ColSet, Replacements};
use crate::sql::plan::{ColId, CteId, Expr, ExprKind, Output, Rel, SortKey, SubqueryKind};
use std::collections::HashMap;

/// What a parent would like.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// This order.
    pub order: Vec<SortKey>,
    /// About this many rows will be read.
    pub limit: Option<f64>,
    /// Only these columns will be read; `None` for all.
    pub needed: Option<ColSet>,
}

impl Want {
    /// The same, with the columns of these expressions.
    fn with<'e>(&self, exprs: impl IntoIterator<Item = &'e Expr>) -> Option<ColSet> {
        let mut needed = self.needed.clone()?;
        exprs.into_iter().for_each(|e| needed.extend(walk::expr_columns(e)));
        Some(needed)
    }
}

/// The columns of these expressions.
fn columns_of<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Option<ColSet> {
    Some(exprs.into_iter().flat_map(walk::expr_columns).collect())
}

/// Slots of a CTE: its rows, and inside its recursive term the working table.
#[derive(Clone, Copy)]
struct CteSlots {
    rows: usize,
    working: Option<usize>,
}

/// Lowers one statement.
pub struct Lower<'a> {
    est: Estimator<'a>,
    slots: HashMap<CteId, CteSlots>,
    next_slot: usize,
    /// Subqueries in expressions, by number.
    pub subplans: Vec<SubplanNode>,
}

impl<'a> Lower<'a> {
    /// A lowering of plans whose columns `est` knows.
    pub fn new(est: Estimator<'a>) -> Self {
        Self { est, slots: HashMap::new(), next_slot: 0, subplans: Vec::new() }
    }

    /// Number of CTE slots used.
    pub fn slot_count(&self) -> usize {
        self.next_slot
    }

    /// Lowers a plan.
    pub fn lower(&mut self, rel: Rel, want: &Want) -> Physical {
        match rel {
            Rel::Scan(scan) => self.scan(scan, Vec::new(), want),
            Rel::Filter { input, predicate } => self.filter(*input, predicate, want),
            Rel::Project { input, exprs } => self.project(*input, exprs, want),
            Rel::Sort { input, keys } => self.sort(*input, keys, want),
            Rel::Limit { input, limit, offset, with_ties } => self.limit(*input, limit, offset, with_ties, want),
            Rel::Join { kind, left, right, on, lateral } => self.join(kind, *left, *right, on, lateral, want),
            Rel::Aggregate { input, group, sets, grouping, aggs } => self.aggregate(*input, group, sets, grouping, aggs),
            Rel::Window { input, windows, calls } => self.window(*input, windows, calls),
            Rel::Distinct { input, on } => self.distinct(*input, on, want),
            Rel::SetOp { kind, all, left, right, columns } => self.set_op(kind, all, *left, *right, columns),
            Rel::With { ctes, body } => self.with(ctes, *body, want),
            Rel::CteScan { cte, columns, name } => self.cte_scan(cte, columns, name),
            Rel::Values { columns, rows } => {
                let rows: Vec<Vec<Expr>> = rows.into_iter().map(|r| self.exprs(r)).collect();
                let count = rows.len() as f64;
                self.node(Node::Values(rows), columns, count, 0.0, count * cost::ROW)
            }
            Rel::FunctionScan { mut functions, columns, ordinality } => {
                let rows = functions.iter().map(|f| super::estimate::function_rows(&f.call)).fold(1.0, f64::max);
                functions.iter_mut().for_each(|f| self.expr_mut(&mut f.call));
                self.node(Node::FunctionScan { functions, ordinality }, columns, rows, 0.0, rows * cost::ROW)
            }
            Rel::ProjectSet { input, exprs } => self.project_set(*input, exprs),
            Rel::LockRows { input, locks } => {
                // Rows are locked by columns nobody above reads.
                let input = self.lower(*input, &Want { needed: None, ..want.clone() });
                let (outputs, e) = (input.outputs.clone(), input.estimate);
                self.node(
                    Node::LockRows { input: Box::new(input), locks },
                    outputs,
                    e.rows,
                    e.startup,
                    e.total + e.rows * cost::ROW,
                )
            }
            Rel::Modify(modify) => self.modify(*modify),
            Rel::Empty { columns } => self.node(Node::Empty, columns, 0.0, 0.0, 0.0),
            Rel::Planned(_, columns) => self.node(Node::Empty, columns, 0.0, 0.0, 0.0),
        }
    }

    fn node(&self, node: Node, outputs: Vec<Output>, rows: f64, startup: f64, total: f64) -> Physical {
        let width = self.est.row_width(&outputs);
        Physical { node, outputs, estimate: Estimate { rows: rows.max(0.0), width, startup, total: total.max(startup) } }
    }

    /// Plans the subqueries of an expression.
    fn expr_mut(&mut self, expr: &mut Expr) {
        walk::rewrite(expr, &mut |e| {
            let ExprKind::Subquery(s) = &mut e.kind else { return };
            if matches!(s.plan, Rel::Planned(..)) {
                return;
            }
            let plan = walk::take(&mut s.plan);
            let outputs = walk::outputs(&plan);
            let mut correlations: Vec<ColId> = walk::free_columns(&plan).into_iter().collect();
            correlations.sort();
            let volatile = walk::rel_is_volatile(&plan);
            let limit = matches!(s.kind, SubqueryKind::Exists).then_some(1.0);
            let plan = self.lower(plan, &Want { limit, ..Want::default() });
            let plan = self.shaped(plan, &outputs);
            self.subplans.push(SubplanNode { plan, correlations, volatile });
            s.plan = Rel::Planned(self.subplans.len() - 1, outputs);
        });
    }

    fn expr(&mut self, mut expr: Expr) -> Expr {
        self.expr_mut(&mut expr);
        expr
    }

    fn exprs(&mut self, exprs: Vec<Expr>) -> Vec<Expr> {
        exprs.into_iter().map(|e| self.expr(e)).collect()
    }

    fn keys(&mut self, keys: Vec<SortKey>) -> Vec<SortKey> {
        keys.into_iter().map(|k| SortKey { expr: self.expr(k.expr), ..k }).collect()
    }

    /// Exactly these outputs in this order.
    pub fn shaped(&self, plan: Physical, outputs: &[Output]) -> Physical {
        if plan.outputs.len() == outputs.len() && plan.outputs.iter().zip(outputs).all(|(a, b)| a.id == b.id) {
            return plan;
        }
        let e = plan.estimate;
        let exprs = outputs.iter().map(walk::column_of).collect();
        self.node(Node::Project { input: Box::new(plan), exprs }, outputs.to_vec(), e.rows, e.startup, e.total)
    }

    fn filter(&mut self, input: Rel, predicate: Expr, want: &Want) -> Physical {
        let mut conditions = Vec::new();
        walk::conjuncts(predicate, &mut conditions);
        if let Rel::Scan(scan) = input {
            return self.scan(scan, conditions, want);
        }
        let selectivity = self.est.all(&conditions);
        let want = Want {
            order: want.order.clone(),
            limit: want.limit.map(|l| l / selectivity.max(1e-6)),
            needed: want.with(&conditions),
        };
        let input = self.lower(input, &want);
        let conditions = self.exprs(conditions);
        let (outputs, e) = (input.outputs.clone(), input.estimate);
        let total = e.total + e.rows * cost::OPERATOR * conditions.len() as f64;
        self.node(Node::Filter { input: Box::new(input), conditions }, outputs, (e.rows * selectivity).max(1.0), e.startup, total)
    }

    fn project(&mut self, input: Rel, exprs: Vec<(Output, Expr)>, want: &Want) -> Physical {
        let with: Replacements = exprs.iter().map(|(o, e)| (o.id, e.clone())).collect();
        let mut below = want.clone();
        for key in &mut below.order {
            walk::substitute(&mut key.expr, &with);
        }
        below.needed = columns_of(exprs.iter().map(|(_, e)| e));
        let input = self.lower(input, &below);
        let (outputs, exprs): (Vec<Output>, Vec<Expr>) = exprs.into_iter().unzip();
        let exprs = self.exprs(exprs);
        let e = input.estimate;
        let computed = exprs.iter().filter(|e| props::as_column(e).is_none()).count() as f64;
        let total = e.total + e.rows * cost::OPERATOR * computed;
        self.node(Node::Project { input: Box::new(input), exprs }, outputs, e.rows, e.startup, total)
    }

    fn project_set(&mut self, input: Rel, exprs: Vec<(Output, Expr)>) -> Physical {
        let factor = exprs.iter().map(|(_, e)| super::estimate::function_rows(e)).fold(1.0, f64::max);
        let input = self.lower(input, &Want::default());
        let (added, exprs): (Vec<Output>, Vec<Expr>) = exprs.into_iter().unzip();
        let exprs = self.exprs(exprs);
        let mut outputs = input.outputs.clone();
        outputs.extend(added);
        let e = input.estimate;
        let rows = e.rows * factor;
        self.node(Node::ProjectSet { input: Box::new(input), exprs }, outputs, rows, e.startup, e.total + rows * cost::ROW)
    }

    fn sort(&mut self, input: Rel, keys: Vec<SortKey>, want: &Want) -> Physical {
        let needed = want.with(keys.iter().map(|k| &k.expr));
        let below = Want { order: keys.clone(), limit: want.limit, needed };
        let input = self.lower(input, &below);
        if ordering(&input).satisfies(&keys, &|id| self.est.is_not_null(id)) {
            return input;
        }
        self.sorted(input, keys)
    }

    /// A sort node.
    fn sorted(&mut self, input: Physical, keys: Vec<SortKey>) -> Physical {
        let keys = self.keys(keys);
        let (outputs, e) = (input.outputs.clone(), input.estimate);
        let startup = e.total + 2.0 * cost::OPERATOR * e.rows * e.rows.max(2.0).log2();
        let total = startup + e.rows * cost::OPERATOR;
        self.node(Node::Sort { input: Box::new(input), keys, top: None }, outputs, e.rows, startup, total)
    }

    fn limit(
        &mut self,
        input: Rel,
        limit: Option<Expr>,
        offset: Option<Expr>,
        with_ties: Option<Vec<SortKey>>,
        want: &Want,
    ) -> Physical {
        let skip = offset.as_ref().map_or(Some(0), props::const_int).unwrap_or(0).max(0) as f64;
        let wanted = limit.as_ref().and_then(props::const_int).map(|n| n.max(0) as f64 + skip);
        let needed = want.with(with_ties.iter().flatten().map(|k| &k.expr));
        let rows = wanted.or(limit.as_ref().map(|_| 1000.0));
        let mut input = self.lower(input, &Want { order: Vec::new(), limit: rows, needed });
        let limit = limit.map(|e| self.expr(e));
        let offset = offset.map(|e| self.expr(e));
        let with_ties = with_ties.map(|k| self.keys(k));
        if let (Some(limit), None) = (&limit, &with_ties) {
            bound(&mut input, &TopRows { limit: limit.clone(), offset: offset.clone() });
        }
        let (outputs, e) = (input.outputs.clone(), input.estimate);
        let rows = limited((e.rows - skip).max(0.0), limit.as_ref());
        let part = if e.rows > 0.0 { ((rows + skip) / e.rows).min(1.0) } else { 1.0 };
        let total = e.startup + (e.total - e.startup) * part;
        self.node(Node::Limit { input: Box::new(input), limit, offset, with_ties }, outputs, rows, e.startup, total)
    }

    fn distinct(&mut self, input: Rel, on: Option<Vec<Expr>>, want: &Want) -> Physical {
        // DISTINCT ON's rows come sorted by its expressions first, if by anything.
        let (input, demanded) = match (input, &on) {
            (Rel::Sort { input, mut keys }, Some(on)) => {
                if keys.len() < on.len() {
                    keys.extend(on.iter().map(|e| SortKey { expr: e.clone(), desc: false, nulls_first: false }));
                }
                (Rel::Sort { input, keys }, true)
            }
            (input, _) => (input, false),
        };
        let input = self.lower(input, &Want { order: want.order.clone(), ..Want::default() });
        let on = match on {
            Some(on) => self.exprs(on),
            None => input.outputs.iter().map(walk::column_of).collect(),
        };
        let columns: Option<Vec<ColId>> = on.iter().map(props::as_column).collect();
        let sorted = demanded || columns.is_some_and(|c| !c.is_empty() && ordering(&input).groups(&c));
        let (outputs, e) = (input.outputs.clone(), input.estimate);
        let rows = self.est.groups(&on, e.rows);
        let total = e.total + e.rows * cost::OPERATOR * on.len() as f64;
        self.node(Node::Distinct { input: Box::new(input), on, sorted }, outputs, rows, e.startup, total)
    }

    fn modify(&mut self, mut modify: crate::sql::plan::Modify) -> Physical {
        let source = std::mem::replace(&mut modify.source, Rel::Empty { columns: Vec::new() });
        let source = self.lower(source, &Want::default());
        let outputs: Vec<Output> = modify.returning.iter().map(|(o, _)| o.clone()).collect();
        walk::modify_exprs_mut(&mut modify, &mut |e| self.expr_mut(e));
        let e = source.estimate;
        let total = e.total + e.rows * cost::ROW;
        let mut node =
            self.node(Node::Modify { modify: Box::new(modify), source: Box::new(source) }, outputs, e.rows, e.startup, total);
        if node.outputs.is_empty() {
            node.estimate.rows = 0.0;
        }
        node
    }
}

/// Tells a sort below (through nodes that keep rows one to one) and a scan that only the first rows count.
fn bound(plan: &mut Physical, rows: &TopRows) {
    let count = props::const_int(&rows.limit).map(|n| n.max(0));
    let skip = rows.offset.as_ref().map_or(Some(0), props::const_int).map(|n| n.max(0));
    match &mut plan.node {
        Node::Sort { top, .. } => *top = Some(rows.clone()),
        Node::Project { input, .. } => bound(input, rows),
        Node::Scan(scan) => {
            if let (Some(count), Some(skip)) = (count, skip) {
                scan.limit_hint = Some((count + skip) as u64);
            }
        }
        _ => {}
    }
}
