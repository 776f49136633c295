//! Scans of tables and indexes as sources of batches.
//!
//! A table scan decodes blocks of rows: first the columns a filter needs, then the others for the rows that passed. Scans through
//! other indexes than the table's own are `index_scan`'s.

use super::decode::{Decoder, Stored, decoders};
use super::def::TableDef;
use super::index_scan::{IndexScan, fetch};
use super::range::{intersect, key_range};
use crate::error::{Result, SqlError};
use crate::kv::{Block, Cursor, Direction, FillLimit, KeyRange, Keyspace, ScanHints};
use crate::sql::executor::batch::BATCH_ROWS;
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::source::{Access, BatchSource, RowFilter, ScanRequest};
use crate::sql::executor::{Batch, Column};
use crate::sql::types::Datum;
use crate::txn::{ReadView, Txn};
use std::collections::VecDeque;
use std::sync::Arc;

const KS: Keyspace = Keyspace::Data;

/// Bytes of entries fetched at once.
const FILL_BYTES: usize = 1 << 20;

/// Rows fetched in the first batch of a scan that will be asked for few.
const FIRST_ROWS: usize = 32;

/// Opens a scan over a stored table as the transaction's running command sees it. Whole primary keys become point reads; a
/// single one is read at once and needs no snapshot.
pub fn open(def: &Arc<TableDef>, txn: &Txn, request: &ScanRequest) -> Result<Box<dyn BatchSource>> {
    if let Some(keys) = point_keys(def, request)? {
        let rows = match &keys[..] {
            [key] => {
                let mut value = Vec::new();
                vec![txn.get(KS, key, &mut value)?.then_some(value)]
            }
            _ => fetch(&txn.view(), &keys)?,
        };
        let rows = keys.into_iter().zip(rows).filter_map(|(key, value)| Some((key, value?))).collect();
        return Ok(Box::new(PointScan { def: Arc::clone(def), columns: Columns::new(def, request), rows }));
    }
    let view = txn.view();
    let direction = if request.reverse { Direction::Backward } else { Direction::Forward };
    let (index, mut ranges) = ranges(def, &request.access)?;
    if let Some(piece) = &request.piece {
        ranges = ranges.iter().filter_map(|r| intersect(r, &piece.start, &piece.end)).collect();
    }
    // Contradictory bounds leave nothing.
    ranges.retain(|r| r.end.is_empty() || r.start < r.end);
    if request.reverse {
        ranges.reverse();
    }
    let few = request.limit_hint.is_some_and(|n| n < BATCH_ROWS as u64);
    let columns = Columns::new(def, request);
    let hints = ScanHints {
        bulk: !few && index.is_none(),
        parts: request.piece.as_ref().map_or(1, |p| p.of),
        keys_only: index.is_none() && !columns.need_values(),
    };
    let rows = if few { FIRST_ROWS } else { BATCH_ROWS };
    let entries = Entries { view, ranges: ranges.into(), direction, hints, cursor: None, rows };
    Ok(match index {
        None => Box::new(TableScan { def: Arc::clone(def), entries, columns, block: Block::default() }),
        Some(at) => Box::new(IndexScan::new(Arc::clone(def), at, entries, columns, request, few)),
    })
}

/// Where a scan looks: in which index (none for the table itself) and which ranges of its keys.
pub fn ranges(def: &TableDef, access: &Access) -> Result<(Option<usize>, Vec<KeyRange>)> {
    let (index, wanted) = match access {
        Access::Table => return Ok((None, vec![KeyRange::prefix(&def.prefix)])),
        Access::Index { index, ranges } if def.is_clustering(*index) => (None, ranges),
        Access::Index { index, ranges } => (Some(position(def, *index)?), ranges),
    };
    let (prefix, keys) = match index {
        None => (&def.prefix, &def.key_columns[..]),
        Some(at) => (&def.indexes[at].prefix, &def.indexes[at].keys[..]),
    };
    let ranges = wanted.iter().map(|range| key_range(prefix, keys, range)).collect::<Result<_>>()?;
    Ok((index, ranges))
}

/// The row keys of a scan that asks for whole primary keys only, in scan order.
fn point_keys(def: &TableDef, request: &ScanRequest) -> Result<Option<Vec<Vec<u8>>>> {
    let Access::Index { index, ranges } = &request.access else { return Ok(None) };
    let whole = !ranges.is_empty()
        && ranges.len() <= BATCH_ROWS
        && request.piece.is_none()
        && def.is_clustering(*index)
        && ranges.iter().all(|r| r.equal.len() == def.key_columns.len());
    if !whole {
        return Ok(None);
    }
    let mut keys = Vec::with_capacity(ranges.len());
    for range in ranges.iter().filter(|r| !r.equal.iter().any(Datum::is_null)) {
        let mut key = def.prefix.to_vec();
        super::key::encode_columns(&def.key_columns, &range.equal, &mut key)?;
        keys.push(key);
    }
    if request.reverse {
        keys.reverse();
    }
    Ok(Some(keys))
}

fn position(def: &TableDef, index: crate::sql::types::Oid) -> Result<usize> {
    let found = def.indexes.iter().position(|i| def.relation.indexes[i.at].oid == index);
    found.ok_or_else(|| SqlError::internal(format!("could not open index with OID {index}")))
}

/// Entries of several ranges, one after another.
pub(super) struct Entries {
    pub(super) view: ReadView,
    ranges: VecDeque<KeyRange>,
    direction: Direction,
    hints: ScanHints,
    cursor: Option<Box<dyn Cursor>>,
    /// How many to fetch next; grows.
    rows: usize,
}

impl Entries {
    /// Fills `block`; `false` at the end.
    pub(super) fn fill(&mut self, block: &mut Block) -> Result<bool> {
        loop {
            if self.cursor.is_none() {
                let Some(range) = self.ranges.pop_front() else { return Ok(false) };
                self.cursor = Some(self.view.scan(KS, &range, self.direction, self.hints)?);
            }
            if let Some(cursor) = &mut self.cursor {
                cursor.fill(block, FillLimit { entries: self.rows, bytes: FILL_BYTES }).wait()?;
                if !block.is_empty() {
                    self.rows = (self.rows * 4).min(BATCH_ROWS);
                    return Ok(true);
                }
            }
            self.cursor = None;
        }
    }
}

/// The output columns and which of them a filter reads.
#[derive(Clone)]
pub(super) struct Columns {
    pub(super) decoders: Vec<Decoder>,
    pub(super) kinds: Vec<crate::sql::executor::ColumnKind>,
    early: Vec<bool>,
}

impl Columns {
    fn new(def: &TableDef, request: &ScanRequest) -> Self {
        let mut early = vec![false; request.columns.len()];
        request.filter_columns.iter().for_each(|&i| early[i] = true);
        Self { decoders: decoders(def, &request.columns), kinds: request.kinds.clone(), early }
    }

    /// All of these columns, without a filter.
    pub(super) fn of(def: &TableDef, columns: &[crate::sql::plan::ScanColumn], kinds: &[crate::sql::executor::ColumnKind]) -> Self {
        Self { decoders: decoders(def, columns), kinds: kinds.to_vec(), early: vec![false; columns.len()] }
    }

    /// Whether any column is read from the rows' values.
    fn need_values(&self) -> bool {
        self.decoders.iter().any(Decoder::needs_value)
    }

    /// Decodes rows into a batch of those that pass the filter.
    pub(super) fn batch(
        &self,
        def: &TableDef,
        cx: &mut ExecCx<'_>,
        rows: &[Stored<'_>],
        filter: Option<&mut dyn RowFilter>,
    ) -> Result<Batch> {
        let decode = |i: usize, rows: &[Stored<'_>]| self.decoders[i].decode(def, self.kinds[i], rows);
        let n = self.decoders.len();
        let Some(filter) = filter else {
            let columns = (0..n).map(|i| decode(i, rows)).collect::<Result<Vec<_>>>()?;
            return Ok(Batch::new(columns, rows.len()));
        };
        let blank = |i: usize| Column::nulls(self.kinds[i], rows.len());
        let early = (0..n).map(|i| if self.early[i] { decode(i, rows) } else { Ok(blank(i)) });
        let mut batch = Batch::new(early.collect::<Result<Vec<_>>>()?, rows.len());
        filter.apply(cx, &mut batch)?;
        let late = |batch: &mut Batch, rows: &[Stored<'_>]| -> Result<()> {
            for i in (0..n).filter(|&i| !self.early[i]) {
                batch.columns[i] = decode(i, rows)?;
            }
            Ok(())
        };
        match &batch.selection {
            None => late(&mut batch, rows)?,
            Some(selection) if selection.is_empty() => return Ok(Batch { len: rows.len(), ..batch }),
            Some(selection) => {
                let some_rows: Vec<Stored<'_>> = selection.iter().map(|&i| rows[i as usize]).collect();
                batch = batch.compact();
                late(&mut batch, &some_rows)?;
            }
        }
        Ok(batch)
    }

    /// The batch of a block of rows.
    pub(super) fn batch_of(
        &self,
        def: &TableDef,
        cx: &mut ExecCx<'_>,
        block: &Block,
        filter: Option<&mut dyn RowFilter>,
    ) -> Result<Batch> {
        if self.decoders.is_empty() && filter.is_none() {
            return Ok(Batch::new(Vec::new(), block.len()));
        }
        let rows: Vec<Stored<'_>> = block.iter().map(|(key, value)| Stored { key, value }).collect();
        self.batch(def, cx, &rows, filter)
    }
}

/// Rows found by their whole primary keys.
struct PointScan {
    def: Arc<TableDef>,
    columns: Columns,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
}

impl BatchSource for PointScan {
    fn next(&mut self, cx: &mut ExecCx<'_>, filter: Option<&mut dyn RowFilter>) -> Result<Option<Batch>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let found = std::mem::take(&mut self.rows);
        let rows: Vec<Stored<'_>> = found.iter().map(|(key, value)| Stored { key, value }).collect();
        self.columns.batch(&self.def, cx, &rows, filter).map(Some)
    }
}

/// A scan in the table's own order.
struct TableScan {
    def: Arc<TableDef>,
    entries: Entries,
    columns: Columns,
    block: Block,
}

impl BatchSource for TableScan {
    fn next(&mut self, cx: &mut ExecCx<'_>, filter: Option<&mut dyn RowFilter>) -> Result<Option<Batch>> {
        cx.check_interrupts()?;
        if !self.entries.fill(&mut self.block)? {
            return Ok(None);
        }
        self.columns.batch_of(&self.def, cx, &self.block, filter).map(Some)
    }
}
