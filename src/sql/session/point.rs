//! Point statements: one row by its key, without operators.
//!
//! A plan recognised by the planner (`Planned::point`) is compiled when it is first run and kept with the cached plan. An
//! execution locks the table, computes the key, reads or changes the row and writes the answer. It runs on the reactor's own
//! thread, and where it must wait for another transaction's row lock it waits as a task.
//!
//! Statements of the simple protocol that differ only in their literals share such a plan: `parser::lift` takes the literals
//! out, and what is left is the key of the session's plan cache.

use super::encode::{self, Formats};
use super::query::{CachedPlan, verb};
use super::{Session, SessionCore};
use crate::error::Result;
use crate::sql::binder::Params;
use crate::sql::executor::point::{PointCx, PointStatement, Progress};
use crate::sql::executor::{ExecCx, ExecState};
use crate::sql::parser::lift::{Lifted, LiteralKind, lift_literals};
use crate::sql::parser::{self, RawStatement};
use crate::sql::types::{Datum, Oid, Type, io};
use crate::txn::{Isolation, Txn};
use crate::wire::{Out, encode as wire};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Shapes of statements kept per session.
const SHAPES: usize = 256;

/// What is known of a statement's shape.
#[derive(Clone)]
pub(super) enum Shape {
    /// A point statement whose parameters are the literals.
    Point(Arc<RawStatement>, Arc<CachedPlan>),
    /// Nothing to be gained under this version of the catalog: it runs as it stands.
    Other(u64),
}

/// For each literal of a statement, whether it is a string.
type Kinds = SmallVec<[bool; 8]>;

/// Statement shapes by lifted text and kinds of literals.
#[derive(Default)]
pub(super) struct Shapes(HashMap<String, Vec<(Kinds, Shape)>>);

impl Shapes {
    fn find(&self, lifted: &Lifted) -> Option<&Shape> {
        let same = |kinds: &[bool]| kinds.iter().copied().eq(lifted.literals.iter().map(|l| is_string(l.kind)));
        self.0.get(&lifted.key)?.iter().find(|(kinds, _)| same(kinds)).map(|(_, shape)| shape)
    }

    fn keep(&mut self, lifted: Lifted, shape: Shape) {
        if self.0.len() >= SHAPES {
            self.0.clear();
        }
        let kinds: Kinds = lifted.literals.iter().map(|l| is_string(l.kind)).collect();
        let shapes = self.0.entry(lifted.key).or_default();
        shapes.retain(|(known, _)| *known != kinds);
        shapes.push((kinds, shape));
    }
}

fn is_string(kind: LiteralKind) -> bool {
    matches!(kind, LiteralKind::String)
}

impl SessionCore {
    /// Compiles a plan's point statement, if it is one that can run so.
    pub(super) fn compile_point(&self, plan: &CachedPlan) -> Result<Option<Box<PointStatement>>> {
        let Some(point) = plan.plan.point.as_ref().filter(|_| plan.plan.subplans.is_empty() && !plan.plan.may_wait) else {
            return Ok(None);
        };
        let (view, io) = (self.view(), self.io());
        let context = io.context(self.transaction_start.load(Ordering::Relaxed), &*view);
        let cx = PointCx { tables: &self.server.tables, io: &context, types: &*view };
        Ok(PointStatement::new(point, &plan.plan.outputs, &cx)?.map(Box::new))
    }

    /// Runs one step of a point statement.
    fn with_point<R>(&self, params: &[Datum], work: impl FnOnce(&mut ExecCx<'_>) -> Result<R>) -> Result<R> {
        let (view, io) = (self.view(), self.io());
        let context = io.context(self.transaction_start.load(Ordering::Relaxed), &*view);
        let storage = super::storage::SessionStorage::new(self, &context, Arc::clone(&view));
        let routines = super::routines::SessionRoutines::new(self);
        let mut state = ExecState::default();
        let mut cx = ExecCx {
            io: &context,
            session: self,
            storage: &storage,
            routines: &routines,
            params,
            work_mem: io.limits.work_mem,
            parallelism: 1,
            state: &mut state,
        };
        work(&mut cx)
    }
}

impl Session {
    /// Runs a plan as a point statement: writes its rows and command tag. `false` when it is none, or has to run the general way.
    pub(super) async fn run_point(
        &mut self,
        plan: &CachedPlan,
        params: &[Datum],
        formats: &Formats,
        out: &mut Out,
    ) -> Result<bool> {
        if plan.plan.point.is_none() {
            return Ok(false);
        }
        let Some(mut statement) = plan.take_point(&self.core)? else { return Ok(false) };
        let result = self.execute_point(plan, &mut statement, params, formats, out).await;
        plan.keep_point(statement);
        result
    }

    async fn execute_point(
        &mut self,
        plan: &CachedPlan,
        statement: &mut PointStatement,
        params: &[Datum],
        formats: &Formats,
        out: &mut Out,
    ) -> Result<bool> {
        let txn = self.core.txn()?;
        if statement.is_change() && txn.isolation() != Isolation::ReadCommitted {
            return Ok(false);
        }
        self.core.lock_relations(&plan.query)?;
        let count = self.core.step_point(statement, params, &txn).await?;
        if plan.query.returns_rows() {
            let (view, io) = (self.core.view(), self.core.io());
            let context = io.context(self.core.transaction_start.load(Ordering::Relaxed), &*view);
            for row in statement.rows(count) {
                encode::datum_row(out.buffer(), &context, row, &plan.types, formats)?;
            }
        }
        wire::command_complete_rows(out.buffer(), verb(plan.query.tag), count);
        Ok(true)
    }

    /// Runs a statement of the simple protocol through the plan of its shape. `None`: not that way.
    pub(super) async fn run_shaped(&mut self, sql: &str, out: &mut Out) -> Option<Result<()>> {
        let lifted = lift_literals(sql)?;
        let (raw, plan) = match self.shapes.find(&lifted) {
            Some(Shape::Point(raw, plan)) => (Arc::clone(raw), Arc::clone(plan)),
            Some(Shape::Other(version)) if *version == self.core.view().catalog.version => return None,
            _ => self.learn_shape(&lifted)?,
        };
        if let Err(e) = self.admit(&raw.stmt, true) {
            return Some(Err(e));
        }
        self.ensure_transaction();
        if let Err(e) = self.start_command() {
            return Some(Err(e));
        }
        let (raw, plan) = if plan.is_valid(&self.core) { (raw, plan) } else { self.learn_shape(&lifted)? };
        drop(raw);
        // A literal its type does not take fails the general way, which knows its place.
        let params = self.literals(sql, &lifted, &plan.param_types)?;
        self.queried = true;
        Some(self.run_shaped_plan(&plan, &params, out).await)
    }

    async fn run_shaped_plan(&mut self, plan: &Arc<CachedPlan>, params: &[Datum], out: &mut Out) -> Result<()> {
        let formats = Formats::default();
        if plan.query.returns_rows() {
            encode::row_description(out.buffer(), &*self.core.view(), &plan.query.outputs, &plan.query.origins, &formats);
        }
        if !self.run_point(plan, params, &formats, out).await? {
            self.run_general(Arc::clone(plan), params.to_vec(), &formats, out).await?;
        }
        if self.block == super::transaction::Block::Implicit {
            self.commit_transaction().await?;
        }
        Ok(())
    }

    /// Plans a shape met for the first time. `None`: it is no point statement, or wrong.
    fn learn_shape(&mut self, lifted: &Lifted) -> Option<(Arc<RawStatement>, Arc<CachedPlan>)> {
        if self.block == super::transaction::Block::Failed {
            return None;
        }
        let planned = self.plan_shape(lifted);
        let shape = match &planned {
            Some((raw, plan)) => Shape::Point(Arc::clone(raw), Arc::clone(plan)),
            None => Shape::Other(self.core.view().catalog.version),
        };
        self.shapes.keep(lifted.clone(), shape);
        planned
    }

    fn plan_shape(&mut self, lifted: &Lifted) -> Option<(Arc<RawStatement>, Arc<CachedPlan>)> {
        let mut statements = parser::parse(&lifted.key).ok()?;
        let raw = Arc::new(statements.pop().filter(|_| statements.is_empty())?);
        self.ensure_transaction();
        self.start_command().ok()?;
        let given = lifted.literals.iter().map(|l| if is_string(l.kind) { Oid::INVALID } else { Oid::INT4 });
        let mut params = Params::inferred(given);
        let plan = self.core.plan(&raw, &mut params).ok()?;
        let usable = plan.plan.point.is_some() && !plan.query.uses_temp && plan.param_types.len() == lifted.literals.len();
        usable.then(|| (raw, Arc::new(plan)))
    }

    /// The literals as values of the parameters' types.
    fn literals(&self, sql: &str, lifted: &Lifted, types: &[Type]) -> Option<Vec<Datum>> {
        let mut values = Vec::with_capacity(types.len());
        for (literal, ty) in lifted.literals.iter().zip(types) {
            values.push(match literal.kind {
                LiteralKind::Integer(v) if ty.oid == Oid::INT4 => Datum::Int4(v),
                LiteralKind::Integer(_) => return None,
                LiteralKind::String => {
                    let text = sql.get(literal.start as usize + 1..literal.end as usize - 1)?;
                    let text = if text.contains('\'') { text.replace("''", "'").into() } else { std::borrow::Cow::Borrowed(text) };
                    if ty.oid == Oid::TEXT {
                        Datum::text(&*text)
                    } else {
                        let (view, io_state) = (self.core.view(), self.core.io());
                        let cx = io_state.context(self.core.transaction_start.load(Ordering::Relaxed), &*view);
                        io::input(&cx, &text, *ty).ok()?
                    }
                }
            });
        }
        Some(values)
    }
}

impl SessionCore {
    async fn step_point(&self, statement: &mut PointStatement, params: &[Datum], txn: &Txn) -> Result<u64> {
        match self.with_point(params, |cx| statement.start(cx, txn))? {
            Progress::Done(count) => Ok(count),
            Progress::Locked(mode) => {
                statement.lock(txn, mode).await?;
                self.with_point(params, |cx| statement.finish(cx, txn))
            }
        }
    }
}
