//! Stored tables as the executor asks for them.

use super::decode::{Stored, decoders};
use super::lookup::lookup;
use super::scan;
use super::tables::{TableCx, Tables};
use super::write::KS;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::Catalog;
use crate::sql::catalog::objects::{Relation, RelationRef};
use crate::sql::executor::Batch;
use crate::sql::executor::ExecCx;
use crate::sql::executor::source::{Access, BatchSource, LockOutcome, LookupRequest, Piece, ScanRequest};
use crate::sql::plan::{LockStrength, ScanColumn, WaitPolicy};
use crate::sql::types::Datum;
use crate::sql::types::io::IoContext;
use crate::txn::{self, LockedRow, RowMode, Txn};
use std::sync::Arc;

/// The row lock mode of a locking clause.
pub fn row_mode(strength: LockStrength) -> RowMode {
    match strength {
        LockStrength::KeyShare => RowMode::KeyShare,
        LockStrength::Share => RowMode::Share,
        LockStrength::NoKeyUpdate => RowMode::NoKeyUpdate,
        LockStrength::Update => RowMode::Update,
    }
}

/// Starts a scan of a stored table as the running command sees it.
pub fn scan(cx: &TableCx<'_>, relation: &RelationRef, request: &ScanRequest) -> Result<Box<dyn BatchSource>> {
    let def = cx.tables.def(relation, cx.io)?;
    scan::open(&def, cx.txn, request)
}

/// Reads a row by key in its newest state; `None` where it is gone.
pub fn fetch_latest(
    cx: &TableCx<'_>,
    relation: &RelationRef,
    columns: &[ScanColumn],
    row_key: &[u8],
) -> Result<Option<Vec<Datum>>> {
    let def = cx.tables.def(relation, cx.io)?;
    let mut value = Vec::new();
    if !cx.txn.get_latest(KS, row_key, &mut value)? {
        return Ok(None);
    }
    let row = Stored { key: row_key, value: &value };
    decoders(&def, columns).iter().map(|d| d.datum(&def, row)).collect::<Result<Vec<_>>>().map(Some)
}

/// Locks a row that a scan found. Errors: 55P03 (NOWAIT, lock_timeout), 40001, 40P01.
pub fn lock_row(
    cx: &TableCx<'_>,
    relation: &RelationRef,
    row_key: &[u8],
    strength: LockStrength,
    wait: WaitPolicy,
) -> Result<LockOutcome> {
    let policy = if wait == WaitPolicy::Block { txn::WaitPolicy::Block } else { txn::WaitPolicy::Try };
    let mut seen = Vec::new();
    let same = |now: &[u8]| Ok(cx.txn.view().get(KS, row_key, &mut seen)? && now == seen);
    Ok(match cx.txn.lock_row_seen_as(row_key, same, row_mode(strength), policy)? {
        // PostgreSQL leaves out rows that the statement itself has changed.
        LockedRow::Gone | LockedRow::SelfModified => LockOutcome::Skip,
        LockedRow::Same => LockOutcome::Locked,
        LockedRow::Changed(_) => LockOutcome::Changed,
        LockedRow::NotAvailable if wait == WaitPolicy::SkipLocked => LockOutcome::Skip,
        LockedRow::NotAvailable => {
            return Err(err!(SqlState::LOCK_NOT_AVAILABLE, "could not obtain lock on row in relation \"{}\"", relation.name));
        }
    })
}

/// Cuts what a scan reads into about `pieces` parts; none when it is small.
pub fn split(cx: &TableCx<'_>, relation: &RelationRef, access: &Access, pieces: usize) -> Result<Vec<Piece>> {
    let def = cx.tables.def(relation, cx.io)?;
    let (_, ranges) = scan::ranges(&def, access)?;
    let [range] = &ranges[..] else { return Ok(Vec::new()) };
    if !range.end.is_empty() && range.start >= range.end {
        return Ok(Vec::new());
    }
    let cuts = cx.txn.server().store().split_points(KS, range, pieces)?;
    if cuts.is_empty() {
        return Ok(Vec::new());
    }
    let of = cuts.len() as u32 + 1;
    let starts = std::iter::once(range.start.clone()).chain(cuts.iter().cloned());
    let ends = cuts.iter().cloned().chain(std::iter::once(range.end.clone()));
    Ok(starts.zip(ends).map(|(start, end)| Piece { start, end, of }).collect())
}

/// First bytes of the keys of a table's rows.
pub fn row_prefix(relation: &Relation) -> [u8; 6] {
    crate::encoding::table_prefix(relation.storage.0, 0)
}

/// Stored tables as one statement sees them, owning what it needs.
#[derive(Clone)]
pub struct TableStorage {
    txn: Arc<Txn>,
    catalog: Arc<Catalog>,
    tables: Arc<Tables>,
}

impl TableStorage {
    /// For a statement of `txn` under `catalog`.
    pub fn new(txn: Arc<Txn>, catalog: Arc<Catalog>) -> Self {
        let tables = txn.server().extension::<Tables>();
        Self { txn, catalog, tables }
    }

    /// The statement's surroundings, for `Modifier` and the functions of `build`.
    pub fn cx<'a>(&'a self, io: &'a IoContext<'a>) -> TableCx<'a> {
        TableCx { txn: &self.txn, tables: &self.tables, catalog: &self.catalog, io }
    }

    /// See [`scan()`].
    pub fn scan(&self, cx: &mut ExecCx<'_>, relation: &RelationRef, request: &ScanRequest) -> Result<Box<dyn BatchSource>> {
        scan(&self.cx(cx.io), relation, request)
    }

    /// See [`lookup`].
    pub fn lookup(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        request: &LookupRequest,
        keys: &[Vec<Datum>],
    ) -> Result<(Batch, Vec<u32>)> {
        lookup(&self.cx(cx.io), relation, request, keys)
    }

    /// See [`fetch_latest`].
    pub fn fetch_latest(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        columns: &[ScanColumn],
        row_key: &[u8],
    ) -> Result<Option<Vec<Datum>>> {
        fetch_latest(&self.cx(cx.io), relation, columns, row_key)
    }

    /// See [`lock_row`].
    pub fn lock_row(
        &self,
        cx: &mut ExecCx<'_>,
        relation: &RelationRef,
        row_key: &[u8],
        strength: LockStrength,
        wait: WaitPolicy,
    ) -> Result<LockOutcome> {
        lock_row(&self.cx(cx.io), relation, row_key, strength, wait)
    }

    /// See [`split`].
    pub fn split(&self, cx: &ExecCx<'_>, relation: &RelationRef, access: &Access, pieces: usize) -> Result<Vec<Piece>> {
        split(&self.cx(cx.io), relation, access, pieces)
    }
}
