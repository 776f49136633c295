//! A context for unit tests: no tables but in-memory ones, no functions of users.

use super::context::{DomainDef, ExecCx, ExecState, Routines, RowIter};
use super::source::{Access, BatchSource, LockOutcome, LookupRequest, MemorySource, Piece, ScanRequest, Storage};
use super::{Batch, ColumnKind};
use crate::error::{Result, SqlError};
use crate::sql::catalog::objects::{RelationRef, UserFunction};
use crate::sql::expr::context::{CallSite, SessionServices};
use crate::sql::expr::registry::Function;
use crate::sql::plan::{LockStrength, ScanColumn, WaitPolicy};
use crate::sql::types::io::IoContext;
use crate::sql::types::{Datum, Oid};
use std::collections::HashMap;
use std::sync::Arc;

/// Tables by OID: rows of all their columns.
#[derive(Default)]
pub struct MemoryTables(pub HashMap<Oid, Vec<Vec<Datum>>>);

struct NoSession;

impl Storage for MemoryTables {
    fn scan(&self, _: &mut ExecCx<'_>, relation: &RelationRef, request: &ScanRequest) -> Result<Box<dyn BatchSource>> {
        let rows = self.0.get(&relation.oid).cloned().unwrap_or_default();
        let picked = rows
            .into_iter()
            .map(|row| {
                let pick = |c: &ScanColumn| match c {
                    ScanColumn::Column(n) => row[usize::from(*n)].clone(),
                    _ => Datum::Null,
                };
                request.columns.iter().map(pick).collect()
            })
            .collect();
        let kinds: Vec<ColumnKind> = request.kinds.clone();
        Ok(Box::new(MemorySource::new(kinds, picked)))
    }

    fn lookup(&self, _: &mut ExecCx<'_>, _: &RelationRef, _: &LookupRequest, _: &[Vec<Datum>]) -> Result<(Batch, Vec<u32>)> {
        Err(SqlError::unsupported("lookup"))
    }

    fn fetch_latest(&self, _: &mut ExecCx<'_>, _: &RelationRef, _: &[ScanColumn], _: &[u8]) -> Result<Option<Vec<Datum>>> {
        Ok(None)
    }

    fn lock_row(&self, _: &mut ExecCx<'_>, _: &RelationRef, _: &[u8], _: LockStrength, _: WaitPolicy) -> Result<LockOutcome> {
        Ok(LockOutcome::Locked)
    }

    fn split(&self, _: &ExecCx<'_>, _: &RelationRef, _: &Access, _: usize) -> Result<Vec<Piece>> {
        Ok(Vec::new())
    }
}

impl Routines for NoSession {
    fn call(&self, _: &Arc<UserFunction>, _: &[Datum], _: &CallSite) -> Result<Datum> {
        Err(SqlError::unsupported("a user function"))
    }

    fn call_set(&self, _: &Arc<UserFunction>, _: &[Datum], _: &CallSite) -> Result<RowIter> {
        Err(SqlError::unsupported("a user function"))
    }

    fn call_sql(&self, _: &'static Function, _: &'static str, _: &[Datum], _: &CallSite) -> Result<Datum> {
        Err(SqlError::unsupported("an SQL function"))
    }

    fn domain(&self, _: Oid) -> Result<Option<Arc<DomainDef>>> {
        Ok(None)
    }

    fn cursor_row(&self, _: &str, _: Oid) -> Result<Option<Datum>> {
        Ok(None)
    }
}

impl SessionServices for NoSession {
    fn setting(&self, _: &str) -> Option<String> {
        None
    }

    fn set_setting(&self, _: &str, _: Option<&str>, _: bool) -> Result<String> {
        Err(SqlError::unsupported("set_config"))
    }

    fn nextval(&self, _: Oid) -> Result<i64> {
        Ok(1)
    }

    fn currval(&self, _: Oid) -> Result<i64> {
        Ok(1)
    }

    fn lastval(&self) -> Result<i64> {
        Ok(1)
    }

    fn setval(&self, _: Oid, value: i64, _: bool) -> Result<i64> {
        Ok(value)
    }

    fn statement_timestamp(&self) -> i64 {
        0
    }

    fn current_user(&self) -> (String, Oid) {
        ("orbit".into(), Oid(10))
    }

    fn session_user(&self) -> (String, Oid) {
        ("orbit".into(), Oid(10))
    }

    fn database(&self) -> (String, Oid) {
        ("actors".into(), Oid(1))
    }

    fn search_path(&self, _: bool) -> Vec<String> {
        vec!["public".into()]
    }

    fn backend_pid(&self) -> i32 {
        1
    }

    fn random(&self) -> f64 {
        0.5
    }

    fn set_seed(&self, _: f64) {}

    fn catalog_call(&self, symbol: &'static str, _: &[Datum], _: &CallSite) -> Result<Datum> {
        Err(SqlError::unsupported(symbol))
    }

    fn notice(&self, _: SqlError) {}

    fn check_interrupts(&self) -> Result<()> {
        Ok(())
    }

    fn sleep(&self, _: f64) -> Result<()> {
        Ok(())
    }
}

/// Runs `f` in a fresh context over no tables.
pub fn with_cx<R>(f: impl FnOnce(&mut ExecCx<'_>) -> R) -> R {
    with_tables(&MemoryTables::default(), f)
}

/// Runs `f` in a fresh context over `tables`.
pub fn with_tables<R>(tables: &MemoryTables, f: impl FnOnce(&mut ExecCx<'_>) -> R) -> R {
    let io = IoContext::plain();
    let mut state = ExecState::default();
    let mut cx = ExecCx {
        io: &io,
        session: &NoSession,
        storage: tables,
        routines: &NoSession,
        params: &[],
        work_mem: 4 << 20,
        parallelism: 1,
        state: &mut state,
    };
    f(&mut cx)
}
