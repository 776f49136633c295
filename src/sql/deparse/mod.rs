//! From bound expressions back to SQL text, as PostgreSQL's ruleutils.c prints it: what the catalog stores for defaults, checks
//! and index expressions, what pg_get_expr and its relatives answer, what EXPLAIN shows.
//!
//! Two forms, as in PostgreSQL: plain, with parentheses around every operator, and pretty, without the needless ones.

mod constant;
mod expr;
mod query;

pub use constant::{constant_text, quote_literal};
pub use expr::{Deparser, Names};
pub use query::{query_text, stored_query_text};

use crate::sql::plan::Expr;
use crate::sql::types::io::IoContext;

/// The text of an expression.
pub fn expression(io: &IoContext<'_>, names: &dyn Names, expr: &Expr, pretty: bool) -> String {
    Deparser::new(io, names, pretty).top(expr)
}
