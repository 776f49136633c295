//! Portals: bound statements on their way, with the rows not yet asked for.

use super::encode::Formats;
use super::query::CachedPlan;
use crate::sql::executor::{Batch, BoxOperator, ExecState};
use crate::sql::parser::RawStatement;
use crate::sql::plan::QueryTag;
use crate::sql::types::{Datum, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// A query being run.
pub struct Running {
    /// Its plan.
    pub plan: Arc<CachedPlan>,
    /// The root operator.
    pub operator: BoxOperator,
    /// Parameter values.
    pub params: Vec<Datum>,
    /// The operators' shared state.
    pub state: ExecState,
    /// Bytes an operator may hold.
    pub work_mem: usize,
    /// Threads a scan may use.
    pub parallelism: usize,
    /// A batch partly sent: the next row to send.
    pub pending: Option<(Batch, usize)>,
    /// Rows handed out so far.
    pub sent: u64,
}

impl Running {
    /// A query about to start.
    pub fn new(plan: Arc<CachedPlan>, operator: BoxOperator, params: Vec<Datum>, work_mem: usize) -> Self {
        let parallelism = crate::sql::executor::parallelism();
        Self { plan, operator, params, state: ExecState::default(), work_mem, parallelism, pending: None, sent: 0 }
    }

    /// Whether it is quick enough to run on the reactor's own thread.
    pub fn is_cheap(&self) -> bool {
        self.plan.plan.is_cheap()
    }

    /// The number for the command tag: rows returned, or rows changed.
    pub fn affected(&self, returned: u64) -> u64 {
        if self.plan.query.tag == QueryTag::Select { returned } else { self.state.processed }
    }
}

/// What a portal runs.
pub enum PortalKind {
    /// A query; `None` until the first Execute.
    Query { params: Vec<Datum>, running: Option<Box<Running>> },
    /// A query all of whose rows were sent.
    Done,
    /// Anything else, run once.
    Utility { done: bool },
    /// The empty query.
    Empty,
    /// A cursor of DECLARE: rows kept so that it can move both ways.
    Cursor(Box<Cursor>),
}

/// A cursor's rows and position.
pub struct Cursor {
    /// The query; dropped when it ended or was made holdable.
    pub running: Option<Box<Running>>,
    /// Rows fetched so far.
    pub rows: Vec<Vec<Datum>>,
    /// Position: 0 before the first row, n on row n, `rows.len() + 1` after the last.
    pub position: usize,
    /// Result column types; rows have the keys of their tables' rows behind these.
    pub types: Vec<Type>,
    /// May move backward.
    pub scroll: bool,
    /// Survives COMMIT.
    pub hold: bool,
    /// Already survived one: belongs to no transaction.
    pub held: bool,
}

/// A portal.
pub struct Portal {
    /// Name.
    pub name: SmolStr,
    /// The statement.
    pub statement: Option<Arc<RawStatement>>,
    /// Its text.
    pub source: Arc<str>,
    /// The plan of a query.
    pub plan: Option<Arc<CachedPlan>>,
    /// Result formats.
    pub formats: Formats,
    /// What it runs.
    pub kind: PortalKind,
    /// Savepoint depth at which it was made.
    pub depth: usize,
}

impl Portal {
    /// Whether it survives COMMIT.
    pub fn is_holdable(&self) -> bool {
        matches!(&self.kind, PortalKind::Cursor(c) if c.hold)
    }

    /// Whether it survived one already.
    pub fn is_held(&self) -> bool {
        matches!(&self.kind, PortalKind::Cursor(c) if c.held)
    }

    /// Whether it has operators of the failed transaction.
    pub fn is_running(&self) -> bool {
        match &self.kind {
            PortalKind::Query { running, .. } => running.is_some(),
            PortalKind::Cursor(c) => !c.held,
            PortalKind::Done | PortalKind::Utility { .. } | PortalKind::Empty => false,
        }
    }

    /// Savepoint depth at which it was made.
    pub fn created_at_depth(&self) -> usize {
        if self.is_held() { 0 } else { self.depth }
    }
}
