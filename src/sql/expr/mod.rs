//! Typed expressions at work: the function registry, vectorised evaluation, one file a function family.

pub mod context;
pub mod eval;
pub mod func;
pub mod registry;

use crate::sql::types::Oid;
use registry::Implementation;
use std::collections::HashMap;

/// Code by internal symbol (by `name/argument OIDs` for what PostgreSQL writes in SQL), collected from the family files.
fn implementations() -> HashMap<&'static str, Implementation> {
    func::all().copied().collect()
}

/// Whether an aggregate (by its function's OID) is implemented.
fn aggregate_is_available(_function: Oid) -> bool {
    false
}

/// Whether a window function (by symbol) is implemented.
fn window_is_available(_symbol: &str) -> bool {
    false
}

/// Whether a built-in with a SQL body can run.
fn sql_body_is_available(_name: &str) -> bool {
    false
}
