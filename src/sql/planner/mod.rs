//! The planner: from a bound statement to a physical plan.
//!
//! 1. `passes` rewrite the logical plan: fold constants, inline CTEs, turn subqueries into joins, push conditions down, order
//!    joins, drop unread columns.
//! 2. `lower` chooses operators: access paths, join methods, what is sorted and what comes in order by itself.
//! 3. `point` recognises statements about one row by key, which run without batches.
//!
//! `explain` prints the result in PostgreSQL's shape; `executor::build` turns it into operators.

pub mod cost;
pub mod estimate;
pub mod explain;
mod joinsel;
pub mod lower;
pub mod passes;
pub mod physical;
pub mod point;
pub mod props;
mod selectivity;
pub mod stats;
pub mod walk;

#[cfg(test)]
mod tests;

pub use physical::{Estimate, Node, Physical};
pub use point::PointPlan;
pub use stats::{DefaultStats, Stats};

use crate::error::{Result, SqlError};
use crate::sql::plan::{Output, Query};
use estimate::Estimator;
use lower::{Lower, Want};
use passes::PassCx;
use physical::SubplanNode;

/// Cost below which a statement may run where others wait for it.
const CHEAP: f64 = 100.0;

/// A planned statement.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub root: Physical,
    /// Positions of the result columns among the root's outputs, in result order.
    pub outputs: Vec<usize>,
    /// The result columns.
    pub columns: Vec<Output>,
    /// Subqueries in expressions, by number.
    pub subplans: Vec<SubplanNode>,
    /// Number of CTE slots.
    pub cte_slots: usize,
    /// The statement is about one row by key.
    pub point: Option<PointPlan>,
    /// It waits or may take long whatever its size: row locks, functions written by users.
    pub may_wait: bool,
}

impl Planned {
    /// Few rows expected and nothing to wait for: may run without leaving the reactor's thread.
    pub fn is_cheap(&self) -> bool {
        !self.may_wait && (self.point.is_some() || self.root.estimate.total + self.subplan_cost() < CHEAP)
    }

    fn subplan_cost(&self) -> f64 {
        self.subplans.iter().map(|s| s.plan.estimate.total).sum()
    }
}

/// Plans a statement.
pub fn plan(query: &Query, stats: &dyn Stats) -> Result<Planned> {
    let mut cx = PassCx { stats, next_col: query.next_col };
    let rel = passes::run_all(query.plan.clone(), &mut cx);
    let may_wait = point::may_wait(&rel);
    let mut lower = Lower::new(Estimator::new(stats, &rel));
    let root = lower.lower(rel, &Want::default());
    let outputs = query
        .outputs
        .iter()
        .map(|o| root.position(o.id).ok_or_else(|| SqlError::internal(format!("result column \"{}\" is not in the plan", o.name))))
        .collect::<Result<Vec<usize>>>()?;
    let cte_slots = lower.slot_count();
    let subplans = std::mem::take(&mut lower.subplans);
    let point = if subplans.is_empty() { point::recognise(&root) } else { None };
    Ok(Planned { root, outputs, columns: query.outputs.clone(), subplans, cte_slots, point, may_wait })
}
