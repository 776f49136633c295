//! Typed expressions at work: the function registry, vectorised evaluation, one file a function family.

pub mod aggregate;
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

/// Whether an aggregate of this name and argument types is implemented.
fn aggregate_is_available(name: &str, args: &[Oid]) -> bool {
    aggregate::is_available(name, args)
}

/// Whether a window function (by symbol) is implemented.
fn window_is_available(symbol: &str) -> bool {
    crate::sql::executor::window::is_available(symbol)
}

/// Whether a built-in with a SQL body can run.
fn sql_body_is_available(_name: &str) -> bool {
    false
}
