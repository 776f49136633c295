//! Rows as one statement of a session sees them: stored tables through `sql::table`, system relations and sequences from code.

use super::SessionCore;
use crate::error::{Result, SqlError};
use crate::sql::catalog::objects::{RelKind, Relation, RelationRef};
use crate::sql::executor::batch::{Batch, ColumnKind};
use crate::sql::executor::source::{
    Access, BatchSource, IndexRange, LockOutcome, LookupRequest, MemorySource, ScanRequest, Storage,
};
use crate::sql::executor::{ExecCx, ModifyTarget};
use crate::sql::parser::ast::SetConstraintsStmt;
use crate::sql::plan::{LockStrength, ScanColumn, WaitPolicy};
use crate::sql::planner::Stats;
use crate::sql::system::{self, Figures, SystemCx};
use crate::sql::table::{self, TableStorage};
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// Storage of one statement.
pub struct SessionStorage<'a> {
    core: &'a SessionCore,
    tables: Option<TableStorage>,
}

impl<'a> SessionStorage<'a> {
    /// For the running statement.
    pub fn new(core: &'a SessionCore) -> Self {
        let tables = core.txn().ok().map(|txn| TableStorage::new(txn, core.view().catalog.clone()));
        Self { core, tables }
    }

    fn tables(&self) -> Result<&TableStorage> {
        self.tables.as_ref().ok_or_else(|| SqlError::internal("no transaction is running"))
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
        ScanColumn::WholeRow => table::whole_row(relation, row),
    };
    columns.iter().map(one).collect()
}

fn is_stored(relation: &Relation) -> bool {
    matches!(relation.kind, RelKind::Table | RelKind::MatView)
}

impl Storage for SessionStorage<'_> {
    fn scan(&self, cx: &mut ExecCx<'_>, relation: &RelationRef, request: &ScanRequest) -> Result<Box<dyn BatchSource>> {
        if is_stored(relation) {
            return self.tables()?.scan(cx, relation, request);
        }
        let mut rows = self.code_rows(relation, &request.columns)?;
        if request.reverse {
            rows.reverse();
        }
        Ok(Box::new(MemorySource::new(request.kinds.clone(), rows)))
    }

    fn lookup(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        request: &LookupRequest,
        keys: &[Vec<Datum>],
    ) -> Result<(Batch, Vec<u32>)> {
        self.tables()?.lookup(cx, relation, request, keys)
    }

    fn fetch_latest(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        columns: &[ScanColumn],
        row_key: &[u8],
    ) -> Result<Option<Vec<Datum>>> {
        self.tables()?.fetch_latest(cx, relation, columns, row_key)
    }

    fn lock_row(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        row_key: &[u8],
        strength: LockStrength,
        wait: WaitPolicy,
    ) -> Result<LockOutcome> {
        self.tables()?.lock_row(cx, relation, row_key, strength, wait)
    }

    fn split(&self, relation: &RelationRef, pieces: usize) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        if is_stored(relation) { self.tables()?.split(relation, pieces) } else { Ok(Vec::new()) }
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
        row_estimate(self.0, relation)
    }
}

/// About how many rows a table has: counted since start where known, else from its size on disk.
fn row_estimate(core: &SessionCore, relation: &Relation) -> f64 {
    if let Some(rows) = core.server.stats.rows(relation.storage.0) {
        return rows as f64;
    }
    let range = crate::kv::KeyRange::prefix(&table::row_prefix(relation));
    let bytes = core.server.store.approximate_size(crate::kv::Keyspace::Data, &range).unwrap_or(0);
    (bytes as f64 / 60.0).max(1.0)
}

struct SessionFigures<'a>(&'a SessionCore);

impl Figures for SessionFigures<'_> {
    fn row_estimate(&self, relation: &Relation) -> f64 {
        if !is_stored(relation) {
            return 0.0;
        }
        self.0.server.stats.rows(relation.storage.0).map_or(-1.0, |n| n as f64)
    }

    fn sequence_state(&self, relation: &Relation) -> Result<(i64, bool)> {
        let params = super::sequence::params(relation)?;
        let state = self.0.server.txns.sequences().state(relation.storage.0, &params)?;
        Ok((state.last_value, state.is_called))
    }
}
