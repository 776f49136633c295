//! Planning and running queries.

use super::encode::{self, Formats};
use super::portal::Running;
use super::server::now;
use super::{Session, SessionCore};
use crate::error::{Result, SqlError};
use crate::sql::binder::{self, BindContext, Params};
use crate::sql::executor::point::PointStatement;
use crate::sql::executor::{self, ExecCx};
use crate::sql::parser::RawStatement;
use crate::sql::plan::{ExprKind, Query, QueryTag, Rel};
use crate::sql::planner::{self, Planned};
use crate::sql::types::{Datum, Oid, Type};
use crate::txn::{TableMode, Tag, WaitPolicy};
use crate::wire::{Out, encode as wire};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A planned query and what its validity depends on.
pub struct CachedPlan {
    /// The bound query.
    pub query: Query,
    /// Its physical plan.
    pub plan: Planned,
    /// Catalog version it was made for.
    pub version: u64,
    /// Role it was checked for.
    pub user: Oid,
    /// Search path it was bound under.
    pub path: Arc<[Oid]>,
    /// Settings generation it was planned under.
    pub generation: u64,
    /// Types of the result columns.
    pub types: Vec<Type>,
    /// Types of the parameters, as given or inferred.
    pub param_types: Vec<Type>,
    /// The compiled point statement, while it is not running.
    point: Mutex<Point>,
}

/// A plan's point statement.
enum Point {
    /// Not compiled yet.
    Unknown,
    /// It cannot run so, or is running now.
    None,
    /// Ready.
    Ready(Box<PointStatement>),
}

/// Plans of simple-protocol statements by their text, bounded.
#[derive(Default)]
pub struct PlanCache {
    entries: HashMap<Arc<str>, (Arc<RawStatement>, Arc<CachedPlan>)>,
}

/// Statements longer than this are not kept.
const CACHED_TEXT: usize = 4096;
/// Entries kept per session.
const CACHED_PLANS: usize = 256;

/// The verb of a command tag.
pub fn verb(tag: QueryTag) -> &'static str {
    match tag {
        QueryTag::Select => "SELECT",
        QueryTag::Insert => "INSERT 0",
        QueryTag::Update => "UPDATE",
        QueryTag::Delete => "DELETE",
        QueryTag::Merge => "MERGE",
    }
}

impl CachedPlan {
    /// Takes the compiled point statement, to be given back by `keep_point`; `None` when the plan cannot run so.
    pub(super) fn take_point(&self, core: &SessionCore) -> Result<Option<Box<PointStatement>>> {
        match std::mem::replace(&mut *self.point.lock(), Point::None) {
            Point::Ready(statement) => Ok(Some(statement)),
            Point::None => Ok(None),
            Point::Unknown => core.compile_point(self),
        }
    }

    /// Keeps the compiled point statement for the next execution.
    pub(super) fn keep_point(&self, statement: Box<PointStatement>) {
        *self.point.lock() = Point::Ready(statement);
    }

    /// Whether it may still be run by this session.
    pub fn is_valid(&self, core: &SessionCore) -> bool {
        let view = core.view();
        self.version == view.catalog.version
            && self.user == view.user
            && (Arc::ptr_eq(&self.path, &view.path) || self.path == view.path)
            && self.generation == core.generation()
    }
}

impl SessionCore {
    /// Binds and plans a query under the current view.
    pub fn plan(&self, raw: &RawStatement, params: &mut Params) -> Result<CachedPlan> {
        let view = self.view();
        let io = self.io();
        let context = io.context(self.transaction_start.load(Ordering::Relaxed), &*view);
        let cx = BindContext { catalog: &*view, io: &context, names: None };
        let query = binder::bind_query(&cx, &raw.stmt, params)?;
        let mut plan = self.plan_bound(query)?;
        plan.param_types = params.types();
        Ok(plan)
    }

    /// Plans a bound query.
    pub fn plan_bound(&self, query: Query) -> Result<CachedPlan> {
        let view = self.view();
        let stats = super::storage::SessionStats::new(self);
        let plan = planner::plan(&query, &stats)?;
        let generation = self.generation();
        Ok(CachedPlan {
            types: query.outputs.iter().map(|o| o.ty).collect(),
            query,
            plan,
            version: view.catalog.version,
            user: view.user,
            path: Arc::clone(&view.path),
            generation,
            param_types: Vec::new(),
            point: Mutex::new(Point::Unknown),
        })
    }

    /// Takes the table locks a query needs. Errors: 55P03, 40P01, 25006.
    pub fn lock_relations(&self, query: &Query) -> Result<()> {
        let txn = self.txn()?;
        for (relation, mode) in &query.relations {
            if relation.oid < Oid::FIRST_NORMAL {
                continue;
            }
            if !relation.populated {
                let message = format!("materialized view \"{}\" has not been populated", relation.name);
                return Err(SqlError::new(crate::error::SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
                    .hint("Use the REFRESH MATERIALIZED VIEW command."));
            }
            let mode = TableMode::from_number(*mode);
            if txn.is_read_only() && mode >= TableMode::RowShare && relation.storage.0 < super::server::TEMPORARY_STORAGE {
                let what = match query.tag {
                    QueryTag::Insert => "INSERT",
                    QueryTag::Update => "UPDATE",
                    QueryTag::Delete => "DELETE",
                    QueryTag::Merge => "MERGE",
                    QueryTag::Select => "SELECT FOR UPDATE",
                };
                let message = format!("cannot execute {what} in a read-only transaction");
                return Err(SqlError::new(crate::error::SqlState::READ_ONLY_SQL_TRANSACTION, message));
            }
            txn.lock(Tag::relation(relation.oid.0), mode, WaitPolicy::Block)?;
        }
        Ok(())
    }

    /// Runs `work` with an execution context for a running statement.
    pub fn with_exec<R>(&self, running: &mut Running, work: impl FnOnce(&mut ExecCx<'_>, &mut executor::BoxOperator) -> R) -> R {
        let view = self.view();
        let io = self.io();
        let context = io.context(self.transaction_start.load(Ordering::Relaxed), &*view);
        let storage = super::storage::SessionStorage::new(self, &context, Arc::clone(&view));
        let routines = super::routines::SessionRoutines::new(self);
        let mut cx = ExecCx {
            io: &context,
            session: self,
            storage: &storage,
            routines: &routines,
            params: &running.params,
            work_mem: running.work_mem,
            parallelism: running.parallelism,
            state: &mut running.state,
        };
        work(&mut cx, &mut running.operator)
    }

    /// The next rows, with exactly the result columns.
    pub fn next_batch(&self, running: &mut Running) -> Result<Option<crate::sql::executor::Batch>> {
        let batch = self.with_exec(running, |cx, op| op.next(cx))?;
        let outputs = &running.plan.plan.outputs;
        Ok(batch.map(|mut b| {
            if outputs.len() != b.columns.len() || outputs.iter().enumerate().any(|(i, &o)| i != o) {
                b.columns = outputs.iter().map(|&o| b.columns[o].clone()).collect();
            }
            b
        }))
    }

    /// Starts a planned query: locks, operators, state.
    pub fn start(&self, plan: Arc<CachedPlan>, params: Vec<Datum>) -> Result<Running> {
        self.lock_relations(&plan.query)?;
        self.check_cursor(&plan.query)?;
        let operator = executor::build::build(&plan.plan, &*self.view())?;
        Ok(Running::new(plan, operator, params, self.io().limits.work_mem))
    }

    /// As `start`, with every operator watched.
    pub fn start_watched(
        &self,
        plan: Arc<CachedPlan>,
        params: Vec<Datum>,
        instruments: &Arc<executor::instrument::Instruments>,
    ) -> Result<Running> {
        self.lock_relations(&plan.query)?;
        let operator = executor::build::build_watched(&plan.plan, &*self.view(), instruments)?;
        let work_mem = usize::try_from(self.settings.lock().int("work_mem")).unwrap_or(4096) * 1024;
        Ok(Running::new(plan, operator, params, work_mem))
    }

    /// WHERE CURRENT OF: the cursor must stand on a row, whatever rows the table has. Errors: 34000, 24000.
    fn check_cursor(&self, query: &Query) -> Result<()> {
        use crate::sql::executor::context::Routines;
        let Rel::Modify(modify) = &query.plan else { return Ok(()) };
        let Rel::Filter { predicate, .. } = &modify.source else { return Ok(()) };
        let ExprKind::Call { args, .. } = &predicate.kind else { return Ok(()) };
        match args.last().map(|a| &a.kind) {
            Some(ExprKind::CurrentOf(cursor, table)) => {
                super::routines::SessionRoutines::new(self).cursor_row(cursor, *table).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// Runs a query to its end and answers all its rows (utility statements, SQL functions).
    pub fn run_to_end(&self, running: &mut Running) -> Result<Vec<Vec<Datum>>> {
        let mut rows = Vec::new();
        while let Some(batch) = self.next_batch(running)? {
            rows.extend((0..batch.rows()).map(|i| batch.row(batch.position(i))));
        }
        Ok(rows)
    }
}

impl Session {
    /// Runs a plain query of the simple protocol.
    pub(super) async fn run_query_statement(&mut self, raw: &Arc<RawStatement>, alone: bool, out: &mut Out) -> Result<()> {
        self.ensure_transaction();
        self.core.statement_start.store(now(), Ordering::Relaxed);
        self.start_command()?;
        self.queried = true;
        let mut params = Params::none();
        let plan = Arc::new(self.core.plan(raw, &mut params)?);
        if alone && self.source.len() <= CACHED_TEXT && !plan.query.uses_temp {
            if self.plans.entries.len() >= CACHED_PLANS {
                self.plans.entries.clear();
            }
            self.plans.entries.insert(Arc::clone(&self.source), (Arc::clone(raw), Arc::clone(&plan)));
        }
        self.run_plan(plan, out).await
    }

    /// Runs a statement whose text was planned before; None when there is no such plan.
    pub(super) async fn run_cached(&mut self, sql: &str, out: &mut Out) -> Option<Result<()>> {
        let (raw, plan) = self.plans.entries.get(sql).map(|(r, p)| (Arc::clone(r), Arc::clone(p)))?;
        if let Err(e) = self.admit(&raw.stmt, true) {
            return Some(Err(e));
        }
        self.ensure_transaction();
        if let Err(e) = self.start_command() {
            return Some(Err(e));
        }
        if !plan.is_valid(&self.core) {
            self.plans.entries.remove(sql);
            return None;
        }
        if *self.source != *sql {
            self.source = Arc::from(sql);
        }
        self.queried = true;
        if let Err(e) = self.run_plan(plan, out).await {
            return Some(Err(e));
        }
        if self.block == super::transaction::Block::Implicit
            && let Err(e) = self.commit_transaction().await
        {
            return Some(Err(e));
        }
        Some(Ok(()))
    }

    async fn run_plan(&mut self, plan: Arc<CachedPlan>, out: &mut Out) -> Result<()> {
        let formats = Formats::default();
        if plan.query.returns_rows() {
            encode::row_description(out.buffer(), &*self.core.view(), &plan.query.outputs, &plan.query.origins, &formats);
        }
        if self.run_point(&plan, &[], &formats, out).await? {
            return Ok(());
        }
        self.run_general(plan, Vec::new(), &formats, out).await
    }

    /// Runs a plan with operators: rows and command tag.
    pub(super) async fn run_general(
        &mut self,
        plan: Arc<CachedPlan>,
        params: Vec<Datum>,
        formats: &Formats,
        out: &mut Out,
    ) -> Result<()> {
        let mut running = self.core.start(plan, params)?;
        let (rows, _) = self.send_rows(&mut running, formats, u64::MAX, out).await?;
        let count = running.affected(rows);
        wire::command_complete_rows(out.buffer(), verb(running.plan.query.tag), count);
        Ok(())
    }

    /// Sends up to `limit` rows; answers how many, and whether the query came to its end.
    pub(super) async fn send_rows(
        &mut self,
        running: &mut Running,
        formats: &Formats,
        limit: u64,
        out: &mut Out,
    ) -> Result<(u64, bool)> {
        let mut sent = 0;
        let plan = Arc::clone(&running.plan);
        loop {
            if !self.core.notices.lock().is_empty() {
                self.send_notices(out);
            }
            if running.pending.is_none() {
                let core = Arc::clone(&self.core);
                let step = |running: &mut Running| core.next_batch(running);
                running.pending = if running.is_cheap() {
                    step(running)?.map(|b| (b, 0))
                } else {
                    crate::txn::blocking::off_reactor(|| step(running))?.map(|b| (b, 0))
                };
            }
            let Some((batch, from)) = running.pending.take() else { return Ok((sent, true)) };
            if !running.plan.query.returns_rows() {
                sent += batch.rows() as u64;
                continue;
            }
            let take = ((batch.rows() - from) as u64).min(limit - sent) as usize;
            let view = self.core.view();
            let io = self.core.io();
            let context = io.context(self.core.transaction_start.load(Ordering::Relaxed), &*view);
            let mut at = from;
            while at < from + take {
                let end = (at + 256).min(from + take);
                encode::batch_rows(out.buffer(), &context, &batch, at..end, &plan.types, formats)?;
                at = end;
                if out.is_full() {
                    break;
                }
            }
            sent += (at - from) as u64;
            if at < batch.rows() {
                running.pending = Some((batch, at));
            }
            drop((view, io));
            out.flush_if_full().await?;
            if sent >= limit {
                return Ok((sent, false));
            }
        }
    }
}
