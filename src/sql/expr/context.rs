//! What a function call can see: output settings, the session's services, and a cache of its own call site.

use crate::error::Result;
use crate::sql::types::io::IoContext;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::any::Any;

/// The context of one function call.
pub struct FnCx<'a> {
    /// Settings for text input and output, time zone, transaction start, user types.
    pub io: &'a IoContext<'a>,
    /// What only the session can answer or do.
    pub session: &'a dyn SessionServices,
    /// This call's place in the expression: types and a cache that lives as long as the running statement.
    pub site: &'a mut CallSite,
}

/// One call's place in an expression.
#[derive(Default)]
pub struct CallSite {
    /// Actual argument types (polymorphic and "any" functions need them).
    pub arg_types: Vec<Type>,
    /// Result type.
    pub returns: Option<Type>,
    /// Input collation.
    pub collation: Oid,
    /// VARIADIC was written: the last argument is an array to be spread.
    pub variadic: bool,
    /// Output columns of a call with a column definition list (`AS t(a int, b text)`).
    pub columns: Vec<(SmolStr, Type)>,
    /// Compiled patterns, parsed formats, lookups: whatever the function keeps between rows.
    pub cache: Option<Box<dyn Any + Send>>,
}

/// Session-level services for functions. Implemented by the session; `Sync` because scans run on several threads.
pub trait SessionServices: Sync {
    /// A setting's value as SHOW prints it; `None` when there is no such setting.
    fn setting(&self, name: &str) -> Option<String>;
    /// SET through set_config().
    fn set_setting(&self, name: &str, value: Option<&str>, local: bool) -> Result<String>;
    /// nextval
    fn nextval(&self, sequence: Oid) -> Result<i64>;
    /// currval
    fn currval(&self, sequence: Oid) -> Result<i64>;
    /// lastval
    fn lastval(&self) -> Result<i64>;
    /// setval
    fn setval(&self, sequence: Oid, value: i64, called: bool) -> Result<i64>;
    /// Statement start, clock and transaction start as timestamptz microseconds.
    fn statement_timestamp(&self) -> i64;
    /// Name of the current and session user, and their OIDs.
    fn current_user(&self) -> (String, Oid);
    /// Session user.
    fn session_user(&self) -> (String, Oid);
    /// Database name and OID.
    fn database(&self) -> (String, Oid);
    /// Schemas of the effective search path (implicit ones included where asked).
    fn search_path(&self, implicit: bool) -> Vec<String>;
    /// The backend's process id as shown to clients.
    fn backend_pid(&self) -> i32;
    /// Random number source of the session: uniform in [0, 1).
    fn random(&self) -> f64;
    /// setseed
    fn set_seed(&self, seed: f64);
    /// Functions about the catalog and the server (pg_get_viewdef, pg_relation_size, advisory locks, txid...), by symbol.
    fn catalog_call(&self, symbol: &'static str, args: &[Datum], site: &CallSite) -> Result<Datum>;
    /// As `catalog_call`, for functions that return sets: one datum per output column.
    fn catalog_rows(&self, symbol: &'static str, args: &[Datum], site: &CallSite) -> Result<Vec<Vec<Datum>>> {
        let _ = (args, site);
        Err(crate::error::SqlError::unsupported(format!("function {symbol}")))
    }
    /// Emits a NOTICE or WARNING to the client.
    fn notice(&self, notice: crate::error::SqlError);
    /// Error if the statement was cancelled or timed out. Long loops call it.
    fn check_interrupts(&self) -> Result<()>;
    /// Sleeps, waking for cancellation.
    fn sleep(&self, seconds: f64) -> Result<()>;
}
