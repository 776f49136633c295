//! The seam between operators and what holds rows: stored tables and system relations.
//!
//! A scan names columns, an access path and a direction; the source answers batches in key order. A filter is handed to every
//! `next` call so that the source can decode the filter's columns first and the others only for the rows that pass.

use super::batch::{BATCH_ROWS, Batch, ColumnKind};
use super::context::ExecCx;
use crate::error::Result;
use crate::sql::catalog::objects::RelationRef;
use crate::sql::plan::{LockStrength, ScanColumn, WaitPolicy};
use crate::sql::types::{Datum, Oid};

/// Where in an index a scan looks: equality on the first key columns, then at most one range on the next.
///
/// Values are of the key columns' own types. A NULL in `equal` means IS NULL (it matches nothing in a plain comparison; the
/// planner never puts one there for `=`).
#[derive(Clone, Debug, Default)]
pub struct IndexRange {
    /// Values of the first key columns.
    pub equal: Vec<Datum>,
    /// Lower bound of the next key column and whether it is inclusive (in value order, whatever DESC says).
    pub lower: Option<(Datum, bool)>,
    /// Upper bound of the next key column and whether it is inclusive.
    pub upper: Option<(Datum, bool)>,
    /// Leave out NULLs of the next key column (set when a bound exists, or for IS NOT NULL).
    pub not_null: bool,
}

/// How rows are found.
#[derive(Clone, Debug)]
pub enum Access {
    /// The whole table in its own order.
    Table,
    /// Through an index (the primary key's included): the union of the ranges, each row once. The ranges are disjoint and in
    /// index order; one empty range is the whole index.
    Index {
        /// `pg_class.oid` of the index.
        index: Oid,
        /// Where to look.
        ranges: Vec<IndexRange>,
    },
}

/// What a scan wants.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// Output columns in order.
    pub columns: Vec<ScanColumn>,
    /// Their vector kinds.
    pub kinds: Vec<ColumnKind>,
    /// How rows are found.
    pub access: Access,
    /// Descending order.
    pub reverse: bool,
    /// Positions in `columns` the filter reads; the others may be decoded after it.
    pub filter_columns: Vec<usize>,
    /// About how many rows will be asked for, when few.
    pub limit_hint: Option<u64>,
    /// One piece of a split scan.
    pub piece: Option<Piece>,
    /// The rows may come in any order.
    pub any_order: bool,
}

/// A part of what a scan reads: keys in `[start, end)` (an empty end is no bound) of the table or the index it goes through.
#[derive(Clone, Debug)]
pub struct Piece {
    /// First key.
    pub start: Vec<u8>,
    /// First key past it.
    pub end: Vec<u8>,
    /// How many pieces there are.
    pub of: u32,
}

/// Decides which rows of a batch go on.
pub trait RowFilter {
    /// Shrinks `batch`'s selection. Columns not in `ScanRequest::filter_columns` are not looked at.
    fn apply(&mut self, cx: &mut ExecCx<'_>, batch: &mut Batch) -> Result<()>;
}

/// A running scan.
pub trait BatchSource: Send {
    /// The next rows that pass `filter`, `None` at the end. A batch may have a selection, and may have no rows.
    fn next(&mut self, cx: &mut ExecCx<'_>, filter: Option<&mut dyn RowFilter>) -> Result<Option<Batch>>;
    /// Hands over about `parts` parts of its rows, for threads of their own, and keeps the rest; `None` where cutting the range
    /// of its keys ([`Storage::split`]) does as well.
    fn share(&mut self, _cx: &mut ExecCx<'_>, _parts: usize) -> Result<Option<Vec<Box<dyn BatchSource>>>> {
        Ok(None)
    }
}

/// Equality lookups of many keys at once.
#[derive(Clone, Debug)]
pub struct LookupRequest {
    /// Output columns in order.
    pub columns: Vec<ScanColumn>,
    /// Their vector kinds.
    pub kinds: Vec<ColumnKind>,
    /// The index; keys give its first `n` columns.
    pub index: Oid,
}

/// What happened to a row that was to be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOutcome {
    /// Locked; it is as the scan saw it.
    Locked,
    /// Locked, but another transaction changed it meanwhile: read it again and re-check the conditions.
    Changed,
    /// Gone, or SKIP LOCKED: leave it out.
    Skip,
}

/// Stored tables and system relations as one statement sees them.
pub trait Storage: Sync {
    /// Starts a scan.
    fn scan(&self, cx: &mut ExecCx<'_>, relation: &RelationRef, request: &ScanRequest) -> Result<Box<dyn BatchSource>>;
    /// Finds the rows of every key. Answers the rows and, for each, the position of its key in `keys`; ascending.
    /// A key with a NULL finds nothing.
    fn lookup(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        request: &LookupRequest,
        keys: &[Vec<Datum>],
    ) -> Result<(Batch, Vec<u32>)>;
    /// Reads rows by row key in their newest committed state (or the transaction's own): `None` where it is gone.
    fn fetch_latest(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        columns: &[ScanColumn],
        row_key: &[u8],
    ) -> Result<Option<Vec<Datum>>>;
    /// Locks a row. Waits as told. Errors: 55P03, 40001, 40P01.
    fn lock_row(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        row_key: &[u8],
        strength: LockStrength,
        wait: WaitPolicy,
    ) -> Result<LockOutcome>;
    /// What writing to stored tables needs.
    fn table(&self) -> Result<crate::sql::table::TableCx<'_>> {
        Err(crate::error::SqlError::internal("there are no stored tables here"))
    }
    /// Checks, index expressions, defaults and generated columns of stored tables.
    fn exprs(&self) -> &dyn crate::sql::table::TableExprs {
        &crate::sql::table::NoExprs
    }
    /// Cuts what a scan reads into about `pieces` parts of equal size; fewer (or none) when it is small.
    fn split(&self, cx: &ExecCx<'_>, relation: &RelationRef, access: &Access, pieces: usize) -> Result<Vec<Piece>>;
}

/// Rows held in memory as a source: system relations, tests.
pub struct MemorySource {
    kinds: Vec<ColumnKind>,
    rows: std::vec::IntoIter<Vec<Datum>>,
}

impl MemorySource {
    /// A source of `rows`, each with one datum per kind.
    pub fn new(kinds: Vec<ColumnKind>, rows: Vec<Vec<Datum>>) -> Self {
        Self { kinds, rows: rows.into_iter() }
    }
}

impl BatchSource for MemorySource {
    fn next(&mut self, cx: &mut ExecCx<'_>, filter: Option<&mut dyn RowFilter>) -> Result<Option<Batch>> {
        let rows: Vec<Vec<Datum>> = self.rows.by_ref().take(BATCH_ROWS).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let mut batch = Batch::from_rows(&self.kinds, &rows);
        if let Some(filter) = filter {
            filter.apply(cx, &mut batch)?;
        }
        Ok(Some(batch))
    }
}
