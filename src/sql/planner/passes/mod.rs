//! Rewrites of the logical plan: small passes in one ordered list.
//!
//! | pass | what it does |
//! |---|---|
//! | `fold` | computes immutable calls on constants; what would raise an error stays as it is |
//! | `cte` | puts a CTE's query where it is read, when it is read once or asked to |
//! | `unnest` | turns EXISTS, IN, NOT EXISTS, NOT IN and scalar subqueries into joins |
//! | `pushdown` | moves conditions towards the scans, weakens outer joins that a condition makes inner ones |
//! | `joinorder` | orders inner, semi and anti joins by estimated costs |
//! | `prune` | drops columns nobody reads, and projections that do nothing |

pub mod cte;
pub mod fold;
pub mod joinorder;
mod joinsearch;
pub mod prune;
pub mod pushdown;
pub mod unnest;

use super::stats::Stats;
use crate::sql::plan::{ColId, Rel};

/// What passes share.
pub struct PassCx<'a> {
    /// Sizes of relations.
    pub stats: &'a dyn Stats,
    /// Next free column id.
    pub next_col: u32,
}

impl PassCx<'_> {
    /// A new column id.
    pub fn fresh(&mut self) -> ColId {
        let id = ColId(self.next_col);
        self.next_col += 1;
        id
    }
}

/// One rewrite.
pub struct Pass {
    /// Its name, for tests and traces.
    pub name: &'static str,
    run: fn(Rel, &mut PassCx<'_>) -> Rel,
}

/// The passes in the order they run.
pub const PASSES: &[Pass] = &[
    Pass { name: "fold", run: fold::run },
    Pass { name: "cte", run: cte::run },
    Pass { name: "unnest", run: unnest::run },
    Pass { name: "pushdown", run: pushdown::run },
    Pass { name: "joinorder", run: joinorder::run },
    Pass { name: "prune", run: prune::run },
];

/// Runs all passes.
pub fn run_all(mut rel: Rel, cx: &mut PassCx<'_>) -> Rel {
    for pass in PASSES {
        rel = (pass.run)(rel, cx);
    }
    rel
}
