//! Rows as one statement of a session sees them: stored tables through `sql::table`, system relations and sequences from code.

use super::SessionCore;
use super::exprs::SessionExprs;
use super::server::Server;
use super::view::SessionView;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Catalog;
use crate::sql::catalog::objects::{ConstraintKind, RelKind, Relation, RelationRef};
use crate::sql::catalog::statistics::TableStatistics;
use crate::sql::executor::ExecCx;
use crate::sql::executor::batch::Batch;
use crate::sql::executor::source::{Access, BatchSource, LockOutcome, LookupRequest, MemorySource, Piece, ScanRequest, Storage};
use crate::sql::parser::ast::SetConstraintsStmt;
use crate::sql::plan::{LockStrength, ScanColumn, WaitPolicy};
use crate::sql::planner::Stats;
use crate::sql::system::{self, Figures, SystemCx};
use crate::sql::table::storage as stored;
use crate::sql::table::{Deferred, Modifier, ModifyState, Rows, TableCx, TableExprs, outgoing};
use crate::sql::types::datum::Record;
use crate::sql::types::io::IoContext;
use crate::sql::types::{Datum, Oid};
use crate::txn::Txn;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Storage of one statement.
pub struct SessionStorage<'a> {
    core: &'a SessionCore,
    io: &'a IoContext<'a>,
    view: Arc<SessionView>,
    txn: Option<Arc<Txn>>,
    exprs: SessionExprs<'a>,
}

impl<'a> SessionStorage<'a> {
    /// For the running statement.
    pub fn new(core: &'a SessionCore, io: &'a IoContext<'a>, view: Arc<SessionView>) -> Self {
        Self { core, io, view, txn: core.txn().ok(), exprs: SessionExprs::new(core) }
    }

    fn cx(&self) -> Result<TableCx<'_>> {
        let txn = self.txn.as_ref().ok_or_else(|| SqlError::internal("no transaction is running"))?;
        Ok(TableCx { txn, tables: &self.core.server.tables, catalog: &self.view.catalog, io: self.io })
    }

    /// Rows of a relation answered by code, reduced to the requested columns.
    fn code_rows(&self, relation: &RelationRef, columns: &[ScanColumn]) -> Result<Vec<Vec<Datum>>> {
        let rows = match relation.kind {
            RelKind::Sequence => vec![self.sequence_row(relation)?],
            _ => self.system_rows(relation)?,
        };
        Ok(rows.into_iter().enumerate().map(|(n, row)| pick(relation, &row, n, columns)).collect())
    }

    fn sequence_row(&self, relation: &Relation) -> Result<Vec<Datum>> {
        let params = super::sequence::params(relation)?;
        let state = self.core.server.txns.sequences().state(relation.storage.0, &params)?;
        Ok(vec![Datum::Int8(state.last_value), Datum::Int8(state.log_count), Datum::Bool(state.is_called)])
    }

    fn system_rows(&self, relation: &Relation) -> Result<Vec<Vec<Datum>>> {
        let view = self.core.view();
        let figures = SessionFigures(self.core);
        let cx = SystemCx { catalog: &view.catalog, shared: &view.shared, database: view.database.0, figures: &figures };
        system::rows(&cx, relation)
    }
}

fn pick(relation: &RelationRef, row: &[Datum], n: usize, columns: &[ScanColumn]) -> Vec<Datum> {
    let one = |c: &ScanColumn| match c {
        ScanColumn::Column(i) => row[*i as usize].clone(),
        ScanColumn::TableOid => Datum::Oid(relation.oid),
        ScanColumn::Ctid => Datum::Tid((n / 100) as u32, (n % 100) as u16 + 1),
        ScanColumn::Xmin => Datum::Oid(Oid(1)),
        ScanColumn::Xmax | ScanColumn::Cmin | ScanColumn::Cmax => Datum::Oid(Oid(0)),
        ScanColumn::RowKey => Datum::bytea(&(n as u64).to_be_bytes()),
        ScanColumn::WholeRow => whole_row(relation, row),
    };
    columns.iter().map(one).collect()
}

/// Whether the relation's rows are in the store.
pub fn is_stored(relation: &Relation) -> bool {
    matches!(relation.kind, RelKind::Table | RelKind::MatView)
}

impl Storage for SessionStorage<'_> {
    fn scan(&self, _cx: &mut ExecCx<'_>, relation: &RelationRef, request: &ScanRequest) -> Result<Box<dyn BatchSource>> {
        if is_stored(relation) {
            return stored::scan(&self.cx()?, relation, request);
        }
        let mut rows = self.code_rows(relation, &request.columns)?;
        if request.reverse {
            rows.reverse();
        }
        Ok(Box::new(MemorySource::new(request.kinds.clone(), rows)))
    }

    fn lookup(
        &self,
        _cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        request: &LookupRequest,
        keys: &[Vec<Datum>],
    ) -> Result<(Batch, Vec<u32>)> {
        crate::sql::table::lookup(&self.cx()?, relation, request, keys)
    }

    fn fetch_latest(
        &self,
        _cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        columns: &[ScanColumn],
        row_key: &[u8],
    ) -> Result<Option<Vec<Datum>>> {
        stored::fetch_latest(&self.cx()?, relation, columns, row_key)
    }

    fn lock_row(
        &self,
        _cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        row_key: &[u8],
        strength: LockStrength,
        wait: WaitPolicy,
    ) -> Result<LockOutcome> {
        stored::lock_row(&self.cx()?, relation, row_key, strength, wait)
    }

    fn split(&self, _cx: &ExecCx<'_>, relation: &RelationRef, access: &Access, pieces: usize) -> Result<Vec<Piece>> {
        if is_stored(relation) { stored::split(&self.cx()?, relation, access, pieces) } else { Ok(Vec::new()) }
    }

    fn table(&self) -> Result<TableCx<'_>> {
        self.cx()
    }

    fn exprs(&self) -> &dyn TableExprs {
        &self.exprs
    }
}

/// Row counts for the planner.
pub struct SessionStats<'a>(&'a SessionCore);

impl<'a> SessionStats<'a> {
    /// For one planning.
    pub fn new(core: &'a SessionCore) -> Self {
        Self(core)
    }
}

impl Stats for SessionStats<'_> {
    fn rows(&self, relation: &Relation) -> f64 {
        if !is_stored(relation) {
            return match relation.name.as_str() {
                "pg_proc" => 2500.0,
                "pg_attribute" => 3000.0,
                "pg_type" => 600.0,
                _ => 300.0,
            };
        }
        let view = self.0.view();
        let rows = stored_rows(&self.0.server, &view.catalog, relation);
        let known = view.catalog.statistics(relation.oid).is_some_and(|s| s.storage == relation.storage);
        if !known && relation.populated {
            // PostgreSQL takes a table that was never analyzed to have ten pages at least: it will grow.
            return rows.max(ten_pages(relation));
        }
        rows
    }

    fn table(&self, relation: &Relation) -> Option<Arc<TableStatistics>> {
        self.0.view().catalog.statistics(relation.oid).cloned()
    }
}

fn ten_pages(relation: &Relation) -> f64 {
    let width: u32 = relation.live_columns().map(|(_, c)| crate::sql::planner::estimate::type_width(c.ty)).sum();
    10.0 * (8168.0 / f64::from(width.next_multiple_of(8) + 28)).floor()
}

/// About how many rows a table has: analyzed, or else guessed from its size on disk, and changes counted since.
pub fn stored_rows(server: &Server, catalog: &Catalog, relation: &Relation) -> f64 {
    let statistics = catalog.statistics(relation.oid).filter(|s| s.storage == relation.storage);
    server.tables.activity(relation.storage).rows(|| match statistics {
        Some(s) => Rows::AtStart(s.rows),
        None => {
            let range = crate::kv::KeyRange::prefix(&crate::encoding::table_prefix(relation.storage.0, 0));
            let bytes = server.store.approximate_size(crate::kv::Keyspace::Data, &range).unwrap_or(0);
            let width: u32 = relation.live_columns().map(|(_, c)| crate::sql::planner::estimate::type_width(c.ty)).sum();
            // Keys and headers add to a row, compression takes off.
            Rows::Now(bytes as f64 / (f64::from(width) * 0.6 + 12.0))
        }
    })
}

struct SessionFigures<'a>(&'a SessionCore);

impl Figures for SessionFigures<'_> {
    fn sequence_state(&self, relation: &Relation) -> Result<(i64, bool)> {
        let params = super::sequence::params(relation)?;
        let state = self.0.server.txns.sequences().state(relation.storage.0, &params)?;
        Ok((state.last_value, state.is_called))
    }
}

/// A system relation's row as one value.
fn whole_row(relation: &RelationRef, row: &[Datum]) -> Datum {
    let fields = relation.columns.iter().zip(row).map(|(c, v)| (c.ty, v.clone())).collect();
    let names = relation.columns.iter().map(|c| c.name.clone()).collect();
    Datum::Record(Arc::new(Record { ty: relation.row_type, fields, names }))
}

/// Works on stored tables outside a plan: DDL, COMMIT, COPY.
pub fn with_modifier<R>(
    core: &SessionCore,
    state: &mut ModifyState,
    work: impl FnOnce(&mut Modifier<'_>) -> Result<R>,
) -> Result<R> {
    let view = core.view();
    let io = core.io();
    let context = io.context(core.transaction_start.load(Ordering::Relaxed), &*view);
    let txn = core.txn()?;
    let exprs = SessionExprs::new(core);
    let cx = TableCx { txn: &txn, tables: &core.server.tables, catalog: &view.catalog, io: &context };
    work(&mut Modifier::new(cx, &exprs, state))
}

/// Fills a new index from the table's rows. Errors: 23505.
pub fn build_index(core: &SessionCore, relation: &RelationRef, index: Oid) -> Result<()> {
    if relation.indexes.iter().any(|i| i.oid == index && !i.is_stored()) {
        return Ok(());
    }
    core.txn()?.start_command();
    with_modifier(core, &mut ModifyState::default(), |m| m.build_index(relation, index).map(|_| ()))
}

/// Checks a new constraint against the rows a table has. Errors: 23503, 23514.
pub fn validate_constraint(core: &SessionCore, relation: &RelationRef, constraint: Oid) -> Result<()> {
    core.txn()?.start_command();
    let view = core.view();
    let Some(c) = relation.constraints.iter().find(|c| c.oid == constraint) else { return Ok(()) };
    match &c.kind {
        ConstraintKind::ForeignKey(_) => {
            let found = outgoing(&view.catalog, relation).into_iter().find(|f| f.constraint.oid == constraint);
            let Some(fk) = found else { return Ok(()) };
            with_modifier(core, &mut ModifyState::default(), |m| m.validate_foreign_key(&fk))
        }
        ConstraintKind::Check { .. } => {
            let exprs = SessionExprs::new(core);
            with_modifier(core, &mut ModifyState::default(), |m| {
                crate::sql::table::build::for_each_row(&m.cx, relation, |_, row| {
                    exprs.check(relation, &row).map_err(|_| {
                        let message =
                            format!("check constraint \"{}\" of relation \"{}\" is violated by some row", c.name, relation.name);
                        let e = SqlError::new(SqlState::CHECK_VIOLATION, message);
                        crate::sql::table::messages::about(e, &view.catalog, relation).constraint(c.name.as_str())
                    })
                })
            })
        }
        ConstraintKind::Exclude { .. } => with_modifier(core, &mut ModifyState::default(), |m| m.validate_exclusion(relation, c)),
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } => Ok(()),
    }
}

/// SET CONSTRAINTS. Errors: 42704, 42809; 23503 and 23505 for what becomes immediate.
pub fn set_constraints(core: &SessionCore, stmt: &SetConstraintsStmt) -> Result<()> {
    let txn = core.txn()?;
    let mut oids = Vec::new();
    let view = core.view();
    for name in &stmt.constraints {
        let found: Vec<_> = view
            .path
            .iter()
            .flat_map(|s| view.catalog.relations().filter(move |r| r.schema == *s))
            .flat_map(|r| r.constraints.iter().filter(|c| c.name == name.name))
            .collect();
        if found.is_empty() {
            return Err(err!(SqlState::UNDEFINED_OBJECT, "constraint \"{}\" does not exist", name.name));
        }
        for c in found {
            if !c.deferrable {
                return Err(err!(SqlState::WRONG_OBJECT_TYPE, "constraint \"{}\" is not deferrable", c.name));
            }
            oids.push(c.oid);
        }
    }
    let which = (!stmt.constraints.is_empty()).then_some(oids.as_slice());
    Deferred::set(&txn, which, stmt.deferred);
    if stmt.deferred {
        return Ok(());
    }
    with_modifier(core, &mut ModifyState::default(), |m| m.check_deferred(which))
}

/// Deferred constraints, before COMMIT. Errors: 23503, 23505.
pub fn run_deferred(core: &SessionCore) -> Result<()> {
    let Ok(txn) = core.txn() else { return Ok(()) };
    if !Deferred::is_pending(&txn) {
        return Ok(());
    }
    core.refresh_view()?;
    txn.start_command();
    with_modifier(core, &mut ModifyState::default(), |m| m.check_deferred(None))
}
