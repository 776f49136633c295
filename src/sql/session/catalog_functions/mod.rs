//! Functions about the catalog and the server, by internal symbol: what `SessionServices::catalog_call` and `catalog_rows` answer.
//!
//! | file | functions |
//! |---|---|
//! | `definition` | pg_get_constraintdef, pg_get_indexdef, pg_get_viewdef, pg_get_expr... |
//! | `visibility` | pg_table_is_visible..., to_reg*, comments, names |
//! | `privilege` | has_*_privilege, pg_has_role, aclexplode, acldefault |
//! | `locks` | advisory locks, transaction ids, backends |
//! | `size` | pg_relation_size and its relatives |
//! | `index_property` | pg_index*_has_property |
//! | `function_definition` | pg_get_functiondef, pg_get_function_arguments... |
//! | `enums` | enum_first, enum_last, enum_range |
//! | `rows` | set-returning ones |

mod definition;
mod enums;
mod function_definition;
mod index_property;
mod locks;
mod privilege;
mod rows;
mod size;
mod visibility;

use super::SessionCore;
use crate::error::{Result, SqlError};
use crate::sql::expr::context::CallSite;
use crate::sql::types::{Datum, Oid};

pub use rows::call as rows;

/// One call.
pub struct Call<'a> {
    /// The session.
    pub core: &'a SessionCore,
    /// The function's symbol.
    pub symbol: &'static str,
    /// Arguments; NULLs only for functions that are not strict.
    pub args: &'a [Datum],
    /// Types of the call.
    pub site: &'a CallSite,
}

impl Call<'_> {
    fn text(&self, i: usize) -> &str {
        match self.args.get(i) {
            Some(Datum::Text(t)) => t,
            _ => "",
        }
    }

    fn oid(&self, i: usize) -> Oid {
        match self.args.get(i) {
            Some(Datum::Oid(o)) => *o,
            Some(Datum::Int4(n)) => Oid(*n as u32),
            Some(Datum::Int8(n)) => Oid(*n as u32),
            _ => Oid::INVALID,
        }
    }

    fn bool(&self, i: usize) -> bool {
        matches!(self.args.get(i), Some(Datum::Bool(true)))
    }

    fn int(&self, i: usize) -> i64 {
        match self.args.get(i) {
            Some(Datum::Int2(n)) => i64::from(*n),
            Some(Datum::Int4(n)) => i64::from(*n),
            Some(Datum::Int8(n)) => *n,
            _ => 0,
        }
    }
}

/// Runs a function. Errors: its own, or 0A000 for one that is not built.
pub fn call(core: &SessionCore, symbol: &'static str, args: &[Datum], site: &CallSite) -> Result<Datum> {
    let call = Call { core, symbol, args, site };
    let families =
        [definition::call, visibility::call, privilege::call, locks::call, size::call, enums::call, index_property::call];
    for family in families {
        if let Some(answer) = family(&call)? {
            return Ok(answer);
        }
    }
    Err(SqlError::unsupported(format!("function {symbol}")))
}
