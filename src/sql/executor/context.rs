//! What running operators can reach, and the state of one running statement.
//!
//! Operators own everything they need between calls, so a portal can keep them while the session makes a fresh `ExecCx` for each
//! call. `ExecState` is the part that lives as long as the operators do.

use super::batch::{Column, ColumnKind};
use super::source::Storage;
use super::spill::BatchStore;
use crate::error::Result;
use crate::sql::catalog::objects::UserFunction;
use crate::sql::expr::context::{CallSite, FnCx, SessionServices};
use crate::sql::expr::registry::Function;
use crate::sql::plan::Expr;
use crate::sql::types::io::IoContext;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// Rows of a set-returning function: one datum per output column.
pub type RowIter = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

/// Everything operators and expressions reach while they run. Shareable but for `state`.
pub struct ExecCx<'a> {
    /// Text input and output settings.
    pub io: &'a IoContext<'a>,
    /// The session.
    pub session: &'a dyn SessionServices,
    /// Stored tables and system relations as this statement sees them.
    pub storage: &'a dyn Storage,
    /// Functions written in SQL or PL/pgSQL, domains, cursors.
    pub routines: &'a dyn Routines,
    /// Statement parameters.
    pub params: &'a [Datum],
    /// Bytes one operator may hold before it spills.
    pub work_mem: usize,
    /// How many threads a big scan may use.
    pub parallelism: usize,
    /// State of this statement's run.
    pub state: &'a mut ExecState,
}

/// What a running statement remembers between batches.
#[derive(Clone, Default)]
pub struct ExecState {
    /// Values of outer columns for correlated subplans and lateral joins, by slot.
    pub outer: Vec<Datum>,
    /// Bumped whenever a slot of `outer` changes, so that caches notice.
    pub outer_version: u64,
    /// Working tables of recursive queries and materialised CTEs, by CTE slot.
    pub ctes: Vec<CteRows>,
    /// Operands of the CASE expressions being evaluated, innermost last.
    pub(crate) case_operands: Vec<Local>,
    /// Values under a domain check or an element coercion, innermost last.
    pub(crate) values: Vec<Datum>,
    /// Rows inserted, updated, deleted or merged so far by the statement's top-level command.
    pub processed: u64,
}

/// A value known to a part of an expression only.
#[derive(Clone)]
pub(crate) enum Local {
    /// While one row is evaluated.
    Value(Datum),
    /// While a batch is evaluated: one value a position.
    Column(Column),
}

/// Rows of a CTE slot.
#[derive(Clone, Default)]
pub struct CteRows {
    /// Kinds of its columns.
    pub kinds: Arc<[ColumnKind]>,
    /// The rows so far.
    pub batches: BatchStore,
    /// No more rows will come.
    pub complete: bool,
}

/// A domain's constraints, bound. Checks are over `ExprKind::Value`.
#[derive(Debug)]
pub struct DomainDef {
    /// Domain name as error messages print it.
    pub name: SmolStr,
    /// Its schema's name.
    pub schema: SmolStr,
    /// The type below (possibly a domain itself).
    pub base: Type,
    /// NOT NULL.
    pub not_null: bool,
    /// Constraint names and conditions, in the order PostgreSQL checks them (by name).
    pub checks: Vec<(SmolStr, Expr)>,
}

/// What needs the session's catalog and language runtimes. `Sync` because scans run on several threads.
pub trait Routines: Sync {
    /// Calls a user-defined function for one value.
    fn call(&self, function: &Arc<UserFunction>, args: &[Datum], site: &CallSite) -> Result<Datum>;
    /// Calls a user-defined set-returning function.
    fn call_set(&self, function: &Arc<UserFunction>, args: &[Datum], site: &CallSite) -> Result<RowIter>;
    /// Calls a built-in whose body is SQL.
    fn call_sql(&self, function: &'static Function, body: &'static str, args: &[Datum], site: &CallSite) -> Result<Datum>;
    /// A domain's constraints; `None` when the type is no domain.
    fn domain(&self, ty: Oid) -> Result<Option<Arc<DomainDef>>>;
    /// The row key a cursor stands on for WHERE CURRENT OF. Errors: 34000, 24000.
    fn cursor_row(&self, cursor: &str, table: Oid) -> Result<Option<Datum>>;
}

/// The part of a context that threads share.
#[derive(Clone, Copy)]
pub struct SharedCx<'a> {
    io: &'a IoContext<'a>,
    session: &'a dyn SessionServices,
    storage: &'a dyn Storage,
    routines: &'a dyn Routines,
    params: &'a [Datum],
    work_mem: usize,
}

impl<'a> SharedCx<'a> {
    /// A context for a worker with its own state.
    pub fn with<'b>(self, state: &'b mut ExecState) -> ExecCx<'b>
    where
        'a: 'b,
    {
        let Self { io, session, storage, routines, params, work_mem } = self;
        ExecCx { io, session, storage, routines, params, work_mem, parallelism: 1, state }
    }
}

impl<'a> ExecCx<'a> {
    /// What worker threads get of this context.
    pub fn share(&self) -> SharedCx<'a> {
        let Self { io, session, storage, routines, params, work_mem, .. } = *self;
        SharedCx { io, session, storage, routines, params, work_mem }
    }

    /// A context for a built-in function's call.
    #[inline]
    pub fn function<'b>(&'b self, site: &'b mut CallSite) -> FnCx<'b>
    where
        'a: 'b,
    {
        FnCx { io: self.io, session: self.session, site }
    }

    /// Error if the statement was cancelled or timed out.
    #[inline]
    pub fn check_interrupts(&self) -> Result<()> {
        self.session.check_interrupts()
    }

    /// Sets an outer slot.
    pub fn set_outer(&mut self, slot: usize, value: Datum) {
        let state = &mut *self.state;
        if state.outer.len() <= slot {
            state.outer.resize(slot + 1, Datum::Null);
        }
        state.outer[slot] = value;
        state.outer_version += 1;
    }

    /// The rows of a CTE slot.
    pub fn cte(&mut self, slot: usize) -> &mut CteRows {
        let ctes = &mut self.state.ctes;
        if ctes.len() <= slot {
            ctes.resize_with(slot + 1, CteRows::default);
        }
        &mut ctes[slot]
    }
}
