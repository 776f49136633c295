//! Typed expressions and logical plans: what the binder makes, the planner rewrites and the executor's plans are built from.
//!
//! Columns are named by `ColId`, unique within one statement: every operator says which ids it outputs, an expression refers to
//! ids, and a reference to an id that the expression's own input does not produce is a correlation with an outer query. Rewrites
//! therefore move expressions freely; positions appear only in physical plans.

pub mod expr;
pub mod logical;
pub mod walk;

pub use expr::*;
pub use logical::*;
