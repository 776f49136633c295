//! Statements about one row by key, run without operators or batches.
//!
//! A prepared statement's plan is compiled once; every execution then computes the key, reads (and for a change locks) the row,
//! and evaluates what is left of the statement over that row's values. What a change does to its row is the modifying operator's
//! own code, given one source row.
//!
//! A change of a row that another transaction holds has to wait. The waiting is asynchronous, so the work is cut in two: `find`
//! says what became of the row, and `finish` goes on once it is locked.

use super::context::ExecCx;
use super::modify::ModifyOperator;
use crate::error::Result;
use crate::sql::expr::eval::{CompiledExpr, Scope};
use crate::sql::plan::{Modify, ModifyAction, ScanColumn};
use crate::sql::planner::point::{PointPlan, PointRead};
use crate::sql::table::{PointReader, Tables};
use crate::sql::types::io::{IoContext, TypeLookup};
use crate::sql::types::{Datum, Oid};
use crate::txn::{RowMode, Txn};

/// How a row is found.
pub struct Finder {
    /// Reads it.
    pub reader: PointReader,
    key: Vec<CompiledExpr>,
    key_types: Vec<Oid>,
    values: Vec<Datum>,
    filter: Vec<CompiledExpr>,
    row: Vec<Datum>,
}

/// What is done with it.
enum Action {
    Select { find: Finder, outputs: Vec<CompiledExpr> },
    Change { find: Finder, source: Vec<CompiledExpr>, modify: Box<ModifyOperator>, mode: RowMode },
    Insert { source: Vec<CompiledExpr>, modify: Box<ModifyOperator> },
}

/// A compiled statement about one row.
pub struct PointStatement {
    action: Action,
    answer: Vec<Datum>,
}

/// Where an execution stands.
pub enum Progress {
    /// Done: so many rows were returned or changed.
    Done(u64),
    /// Another transaction holds the row: wait for its lock (`PointStatement::lock`), then call `finish`.
    Locked(RowMode),
}

/// Surroundings of the compilation.
pub struct PointCx<'a> {
    /// Layouts.
    pub tables: &'a Tables,
    /// For values of added columns.
    pub io: &'a IoContext<'a>,
    /// Types.
    pub types: &'a dyn TypeLookup,
}

impl PointStatement {
    /// Compiles a plan; `outputs` are positions of the result columns among the plan's. `None` when it is to run the general way.
    pub fn new(plan: &PointPlan, outputs: &[usize], cx: &PointCx<'_>) -> Result<Option<Self>> {
        let action = match plan {
            PointPlan::Select { read, exprs } => {
                let Some((find, scope)) = Finder::new(read, cx)? else { return Ok(None) };
                let outputs = outputs.iter().map(|&o| cx.compile(&exprs[o], &scope)).collect::<Result<_>>()?;
                Action::Select { find, outputs }
            }
            PointPlan::Change { read, modify, source } => {
                let Some((find, scope)) = Finder::new(read, cx)? else { return Ok(None) };
                let mode = match &modify.action {
                    ModifyAction::Update { set, .. } => find.reader.update_mode(set.iter().map(|(c, _)| *c)),
                    _ => RowMode::Update,
                };
                if !find.reader.is_clustering() || !is_plain(modify, outputs) {
                    return Ok(None);
                }
                let ids: Vec<_> = source.iter().map(|(o, _)| o.id).collect();
                let source = source.iter().map(|(_, e)| cx.compile(e, &scope)).collect::<Result<_>>()?;
                Action::Change { find, source, modify: Box::new(super::build::modify_alone(modify, &ids, cx.types)?), mode }
            }
            PointPlan::Insert { modify, source } => {
                if !is_plain(modify, outputs) {
                    return Ok(None);
                }
                let ids: Vec<_> = source.iter().map(|(o, _)| o.id).collect();
                let source = source.iter().map(|(_, e)| cx.compile(e, &Scope::default())).collect::<Result<_>>()?;
                Action::Insert { source, modify: Box::new(super::build::modify_alone(modify, &ids, cx.types)?) }
            }
        };
        Ok(Some(Self { action, answer: Vec::new() }))
    }

    /// Whether it changes a row it has to find first.
    pub fn is_change(&self) -> bool {
        matches!(self.action, Action::Change { .. })
    }

    /// Runs it, unless the row is held by another transaction.
    pub fn start(&mut self, cx: &mut ExecCx<'_>, txn: &Txn) -> Result<Progress> {
        match &mut self.action {
            Action::Select { find, outputs } => {
                if !find.seek(cx)? || !find.reader.read(txn, &mut find.row)? || !find.passes(cx)? {
                    return Ok(Progress::Done(0));
                }
                self.answer.clear();
                for e in outputs {
                    self.answer.push(e.eval_row(cx, &find.row)?);
                }
                Ok(Progress::Done(1))
            }
            Action::Insert { source, modify } => {
                let row = source.iter_mut().map(|e| e.eval_row(cx, &[])).collect::<Result<Vec<_>>>()?;
                modify.run_row(cx, row, false).map(Progress::Done)
            }
            Action::Change { find, mode, .. } => {
                if !find.seek(cx)? {
                    return Ok(Progress::Done(0));
                }
                if find.reader.try_lock(txn, *mode)? {
                    return self.finish(cx, txn).map(Progress::Done);
                }
                // Whoever holds the key may only be about to insert it: such a row is not there to wait for.
                if !find.reader.read(txn, &mut find.row)? || !find.passes(cx)? {
                    return Ok(Progress::Done(0));
                }
                Ok(Progress::Locked(*mode))
            }
        }
    }

    /// Waits for the lock of the row that `start` found held.
    pub async fn lock(&mut self, txn: &Txn, mode: RowMode) -> Result<()> {
        match &mut self.action {
            Action::Change { find, .. } => find.reader.wait(txn, mode).await,
            Action::Select { .. } | Action::Insert { .. } => Ok(()),
        }
    }

    /// Changes the row, whose key is locked: as it is now, if it still meets the conditions.
    pub fn finish(&mut self, cx: &mut ExecCx<'_>, txn: &Txn) -> Result<u64> {
        let Action::Change { find, source, modify, .. } = &mut self.action else { return Ok(0) };
        if !find.reader.read_latest(txn, &mut find.row)? {
            find.reader.unlock(txn);
            return Ok(0);
        }
        if !find.passes(cx)? {
            find.reader.unlock(txn);
            return Ok(0);
        }
        let mut row = Vec::with_capacity(source.len());
        for e in source {
            row.push(e.eval_row(cx, &find.row)?);
        }
        modify.run_row(cx, row, true)
    }

    /// The rows to send of the last execution: the row read, or RETURNING's. `returned` is what it answered.
    pub fn rows(&self, returned: u64) -> &[Vec<Datum>] {
        match &self.action {
            Action::Select { .. } if returned == 0 => &[],
            Action::Select { .. } => std::slice::from_ref(&self.answer),
            Action::Change { modify, .. } | Action::Insert { modify, .. } => modify.returned(),
        }
    }
}

/// Whether RETURNING answers exactly the result columns in order.
fn is_plain(modify: &Modify, outputs: &[usize]) -> bool {
    outputs.len() == modify.returning.len() && outputs.iter().enumerate().all(|(i, &o)| i == o)
}

impl PointCx<'_> {
    fn compile(&self, e: &crate::sql::plan::Expr, scope: &Scope) -> Result<CompiledExpr> {
        super::build::compile_alone(e, scope, self.types)
    }
}

impl Finder {
    fn new(read: &PointRead, cx: &PointCx<'_>) -> Result<Option<(Self, Scope)>> {
        let columns: Vec<ScanColumn> = read.columns.iter().map(|(_, c)| *c).collect();
        if read.key_types.iter().any(|t| matches!(*t, Oid::FLOAT4 | Oid::FLOAT8)) {
            return Ok(None);
        }
        let Some(reader) = PointReader::new(cx.tables, cx.io, &read.relation, read.index, &columns)? else { return Ok(None) };
        let scope = Scope::new(read.columns.iter().map(|(o, _)| o.id));
        let key = read.key.iter().map(|e| cx.compile(e, &Scope::default())).collect::<Result<_>>()?;
        let filter = read.filter.iter().map(|e| cx.compile(e, &scope)).collect::<Result<_>>()?;
        let (values, row) = (Vec::new(), Vec::new());
        Ok(Some((Self { reader, key, key_types: read.key_types.clone(), values, filter, row }, scope)))
    }

    /// Works the key out; `false` when no row can have it (NULL, or a number its type cannot hold).
    fn seek(&mut self, cx: &mut ExecCx<'_>) -> Result<bool> {
        self.values.clear();
        for (e, &ty) in self.key.iter_mut().zip(&self.key_types) {
            match fitted(ty, e.eval_row(cx, &[])?) {
                Some(value) => self.values.push(value),
                None => return Ok(false),
            }
        }
        self.reader.seek(&self.values)?;
        Ok(true)
    }

    fn passes(&mut self, cx: &mut ExecCx<'_>) -> Result<bool> {
        for e in &mut self.filter {
            if !matches!(e.eval_row(cx, &self.row)?, Datum::Bool(true)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A value brought to a key column's integer width; `None` for NULL and for what the column cannot hold.
fn fitted(ty: Oid, value: Datum) -> Option<Datum> {
    let wide = match value {
        Datum::Null => return None,
        Datum::Int2(v) => i64::from(v),
        Datum::Int4(v) => i64::from(v),
        Datum::Int8(v) => v,
        other => return Some(other),
    };
    match ty {
        Oid::INT2 => i16::try_from(wide).ok().map(Datum::Int2),
        Oid::INT4 => i32::try_from(wide).ok().map(Datum::Int4),
        Oid::INT8 => Some(Datum::Int8(wide)),
        _ => Some(value),
    }
}
