//! Set operations and common table expressions.

use super::{CteSlots, Lower, Want};
use crate::sql::plan::{Cte, CteId, Output, Rel, SetOpKind};
use crate::sql::planner::cost;
use crate::sql::planner::passes::cte::contains_modify;
use crate::sql::planner::physical::{CteNode, Node, Physical};
use crate::sql::planner::walk;
use smol_str::SmolStr;

impl Lower<'_> {
    pub(super) fn set_op(&mut self, kind: SetOpKind, all: bool, left: Rel, right: Rel, columns: Vec<Output>) -> Physical {
        if kind == SetOpKind::Union {
            return self.union(all, left, right, columns);
        }
        let left = self.exactly(left);
        let right = self.exactly(right);
        let (l, r) = (left.estimate, right.estimate);
        let rows = if kind == SetOpKind::Intersect { l.rows.min(r.rows) } else { l.rows };
        let total = l.total + r.total + (l.rows + r.rows) * (cost::ROW + cost::OPERATOR * columns.len() as f64);
        let node = Node::SetOp { kind, all, left: Box::new(left), right: Box::new(right) };
        self.node(node, columns, rows, total, total + rows * cost::ROW)
    }

    fn union(&mut self, all: bool, left: Rel, right: Rel, columns: Vec<Output>) -> Physical {
        let mut inputs = Vec::new();
        for side in [left, right] {
            self.branches(side, all, &mut inputs);
        }
        let rows: f64 = inputs.iter().map(|i| i.estimate.rows).sum();
        let total: f64 = inputs.iter().map(|i| i.estimate.total).sum();
        let startup = inputs.first().map_or(0.0, |i| i.estimate.startup);
        let append = self.node(Node::Append(inputs), columns.clone(), rows, startup, total + rows * cost::ROW * 0.5);
        if all {
            return append;
        }
        let on: Vec<_> = columns.iter().map(walk::column_of).collect();
        let e = append.estimate;
        let total = e.total + e.rows * cost::OPERATOR * on.len() as f64;
        self.node(Node::Distinct { input: Box::new(append), on, sorted: false }, columns, e.rows, e.startup, total)
    }

    /// A union's inputs, those of nested unions among them where that means the same.
    fn branches(&mut self, rel: Rel, all: bool, into: &mut Vec<Physical>) {
        match rel {
            Rel::SetOp { kind: SetOpKind::Union, all: inner, left, right, .. } if inner || !all => {
                self.branches(*left, all, into);
                self.branches(*right, all, into);
            }
            other => {
                let plan = self.exactly(other);
                into.push(plan);
            }
        }
    }

    /// Lowers a plan to exactly its logical outputs, in order.
    pub(super) fn exactly(&mut self, rel: Rel) -> Physical {
        let outputs = walk::outputs(&rel);
        let plan = self.lower(rel, &Want::default());
        self.shaped(plan, &outputs)
    }

    pub(super) fn with(&mut self, ctes: Vec<Cte>, body: Rel, want: &Want) -> Physical {
        let mut nodes = Vec::new();
        let mut cost = 0.0;
        let mut shadowed = Vec::new();
        for cte in ctes {
            let plan = self.exactly(cte.plan.clone());
            let slot = self.slot();
            let working = cte.recursive.is_some().then(|| self.slot());
            shadowed.push((cte.id, self.slots.insert(cte.id, CteSlots { rows: slot, working })));
            let recursive = cte.recursive.map(|(step, all)| (self.exactly(step), all));
            // Readers outside the recursive term see the rows, not the working table.
            self.slots.insert(cte.id, CteSlots { rows: slot, working: None });
            cost += plan.estimate.total + recursive.as_ref().map_or(0.0, |(s, _)| s.estimate.total * 10.0);
            nodes.push(CteNode { slot, working, name: cte.name, plan, recursive, modifies: contains_modify(&cte.plan) });
        }
        let body = self.lower(body, want);
        for (id, before) in shadowed {
            match before {
                Some(slots) => self.slots.insert(id, slots),
                None => self.slots.remove(&id),
            };
        }
        let (outputs, e) = (body.outputs.clone(), body.estimate);
        self.node(Node::With { ctes: nodes, body: Box::new(body) }, outputs, e.rows, e.startup + cost, e.total + cost)
    }

    fn slot(&mut self) -> usize {
        self.next_slot += 1;
        self.next_slot - 1
    }

    pub(super) fn cte_scan(&mut self, cte: CteId, columns: Vec<Output>, name: SmolStr) -> Physical {
        let slots = self.slots.get(&cte).copied().unwrap_or(CteSlots { rows: 0, working: None });
        let (slot, working) = match slots.working {
            Some(working) => (working, true),
            None => (slots.rows, false),
        };
        let rows = self.est.cte_rows(cte);
        self.node(Node::CteScan { slot, name, working }, columns, rows, 0.0, rows * cost::ROW)
    }
}
