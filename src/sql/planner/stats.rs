//! What the planner knows about sizes: live row counts, and PostgreSQL's default guesses where nothing is known.

use crate::sql::catalog::objects::{RelKind, Relation};
use crate::sql::catalog::statistics::TableStatistics;
use std::sync::Arc;

/// Selectivity of `=` when nothing is known.
pub const EQ_SELECTIVITY: f64 = 0.005;
/// Selectivity of `<`, `>` and friends.
pub const INEQ_SELECTIVITY: f64 = 1.0 / 3.0;
/// Selectivity of a range with both bounds.
pub const RANGE_SELECTIVITY: f64 = 0.005;
/// Selectivity of LIKE and other pattern matches.
pub const MATCH_SELECTIVITY: f64 = 0.005;
/// Selectivity of IS NULL.
pub const NULL_SELECTIVITY: f64 = 0.005;
/// Selectivity of any other condition.
pub const OTHER_SELECTIVITY: f64 = 0.5;
/// Distinct values of a column nothing is known about.
pub const DEFAULT_DISTINCT: f64 = 200.0;
/// Rows of a table whose size is not known.
pub const DEFAULT_ROWS: f64 = 1000.0;

/// Sizes of relations.
pub trait Stats {
    /// About how many rows a relation has.
    fn rows(&self, relation: &Relation) -> f64;
    /// What ANALYZE found; `None` for a table never analyzed.
    fn table(&self, relation: &Relation) -> Option<Arc<TableStatistics>> {
        let _ = relation;
        None
    }
}

/// Guesses without any knowledge.
pub struct DefaultStats;

impl Stats for DefaultStats {
    fn rows(&self, relation: &Relation) -> f64 {
        if relation.kind == RelKind::System { 300.0 } else { DEFAULT_ROWS }
    }
}
