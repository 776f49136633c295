//! Scans of tables and indexes as sources of batches.
//!
//! A table scan decodes blocks of rows: first the columns a filter needs, then the others for the rows that passed. An index scan
//! reads entries, then fetches their rows in key order (`multi_get`) unless the entries alone hold every column asked for.

use super::decode::{Decoder, Stored, decoders};
use super::def::{IndexDef, TableDef};
use super::key::PREFIX;
use super::range::{intersect, key_range};
use crate::encoding::RowReader;
use crate::encoding::row::Cell;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{Block, Cursor, Direction, FillLimit, KeyRange, Keyspace, ScanHints};
use crate::sql::executor::batch::BATCH_ROWS;
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::source::{Access, BatchSource, RowFilter, ScanRequest};
use crate::sql::executor::{Batch, Column, ColumnBuilder};
use crate::sql::plan::ScanColumn;
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
    let index = match &request.access {
        Access::Table => None,
        Access::Index { index, .. } if def.is_clustering(*index) => None,
        Access::Index { index, .. } => Some(position(def, *index)?),
    };
    let (prefix, keys) = match index {
        None => (&def.prefix, &def.key_columns[..]),
        Some(at) => (&def.indexes[at].prefix, &def.indexes[at].keys[..]),
    };
    let mut ranges = Vec::new();
    match &request.access {
        Access::Index { ranges: wanted, .. } => {
            for range in wanted {
                ranges.push(key_range(prefix, keys, range)?);
            }
        }
        Access::Table => ranges.push(KeyRange::prefix(prefix)),
    }
    if let Some((start, end)) = &request.piece {
        ranges = ranges.iter().filter_map(|r| intersect(r, start, end)).collect();
    }
    // Contradictory bounds leave nothing.
    ranges.retain(|r| r.end.is_empty() || r.start < r.end);
    if request.reverse {
        ranges.reverse();
    }
    let few = request.limit_hint.is_some_and(|n| n < BATCH_ROWS as u64);
    let entries = Entries {
        view,
        ranges: ranges.into(),
        direction,
        bulk: !few && index.is_none(),
        cursor: None,
        rows: if few { FIRST_ROWS } else { BATCH_ROWS },
    };
    let columns = Columns::new(def, request);
    Ok(match index {
        None => Box::new(TableScan { def: Arc::clone(def), entries, columns, block: Block::default() }),
        Some(at) => {
            let covering = Covering::new(def, at, &request.columns);
            Box::new(IndexScan { def: Arc::clone(def), at, entries, columns, covering, block: Block::default() })
        }
    })
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
struct Entries {
    view: ReadView,
    ranges: VecDeque<KeyRange>,
    direction: Direction,
    bulk: bool,
    cursor: Option<Box<dyn Cursor>>,
    /// How many to fetch next; grows.
    rows: usize,
}

impl Entries {
    /// Fills `block`; `false` at the end.
    fn fill(&mut self, block: &mut Block) -> Result<bool> {
        loop {
            if self.cursor.is_none() {
                let Some(range) = self.ranges.pop_front() else { return Ok(false) };
                self.cursor = Some(self.view.scan(KS, &range, self.direction, ScanHints { bulk: self.bulk })?);
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
struct Columns {
    decoders: Vec<Decoder>,
    kinds: Vec<crate::sql::executor::ColumnKind>,
    early: Vec<bool>,
}

impl Columns {
    fn new(def: &TableDef, request: &ScanRequest) -> Self {
        let mut early = vec![false; request.columns.len()];
        request.filter_columns.iter().for_each(|&i| early[i] = true);
        Self { decoders: decoders(def, &request.columns), kinds: request.kinds.clone(), early }
    }

    /// Decodes rows into a batch of those that pass the filter.
    fn batch(&self, def: &TableDef, cx: &mut ExecCx<'_>, rows: &[Stored<'_>], filter: Option<&mut dyn RowFilter>) -> Result<Batch> {
        let readers = self.readers(def, rows)?;
        let decode =
            |i: usize, rows: &[Stored<'_>], readers: &[RowReader<'_>]| self.decoders[i].decode(def, self.kinds[i], rows, readers);
        let n = self.decoders.len();
        let Some(filter) = filter else {
            let columns = (0..n).map(|i| decode(i, rows, &readers)).collect::<Result<Vec<_>>>()?;
            return Ok(Batch::new(columns, rows.len()));
        };
        let blank = |i: usize| Column::nulls(self.kinds[i], rows.len());
        let early = (0..n).map(|i| if self.early[i] { decode(i, rows, &readers) } else { Ok(blank(i)) });
        let mut batch = Batch::new(early.collect::<Result<Vec<_>>>()?, rows.len());
        filter.apply(cx, &mut batch)?;
        let late = |batch: &mut Batch, rows: &[Stored<'_>], readers: &[RowReader<'_>]| -> Result<()> {
            for i in (0..n).filter(|&i| !self.early[i]) {
                batch.columns[i] = decode(i, rows, readers)?;
            }
            Ok(())
        };
        match &batch.selection {
            None => late(&mut batch, rows, &readers)?,
            Some(selection) if selection.is_empty() => return Ok(Batch { len: rows.len(), ..batch }),
            Some(selection) => {
                let some_rows: Vec<Stored<'_>> = selection.iter().map(|&i| rows[i as usize]).collect();
                let some_readers: Vec<RowReader<'_>> =
                    if readers.is_empty() { Vec::new() } else { selection.iter().map(|&i| readers[i as usize]).collect() };
                batch = batch.compact();
                late(&mut batch, &some_rows, &some_readers)?;
            }
        }
        Ok(batch)
    }

    fn readers<'a>(&self, def: &'a TableDef, rows: &[Stored<'a>]) -> Result<Vec<RowReader<'a>>> {
        if !self.decoders.iter().any(Decoder::needs_value) {
            return Ok(Vec::new());
        }
        rows.iter().map(|r| RowReader::new(&def.layout, r.value)).collect()
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
        let rows: Vec<Stored<'_>> = self.block.iter().map(|(key, value)| Stored { key, value }).collect();
        self.columns.batch(&self.def, cx, &rows, filter).map(Some)
    }
}

/// A scan through an index.
struct IndexScan {
    def: Arc<TableDef>,
    at: usize,
    entries: Entries,
    columns: Columns,
    covering: Option<Covering>,
    block: Block,
}

impl BatchSource for IndexScan {
    fn next(&mut self, cx: &mut ExecCx<'_>, filter: Option<&mut dyn RowFilter>) -> Result<Option<Batch>> {
        cx.check_interrupts()?;
        if !self.entries.fill(&mut self.block)? {
            return Ok(None);
        }
        let index = &self.def.indexes[self.at];
        if let Some(covering) = &self.covering {
            let mut batch = covering.batch(&self.def, index, &self.columns, &self.block)?;
            if let Some(filter) = filter {
                filter.apply(cx, &mut batch)?;
            }
            return Ok(Some(batch));
        }
        let mut keys = Vec::with_capacity(self.block.len());
        for (key, value) in self.block.iter() {
            keys.push(self.def.key_from_suffix(index.split(key, value)?.1));
        }
        let values = fetch(&self.entries.view, &keys)?;
        let mut rows = Vec::with_capacity(keys.len());
        for (key, value) in keys.iter().zip(&values) {
            let value = value.as_ref().ok_or_else(|| orphan(&self.def, index))?;
            rows.push(Stored { key, value });
        }
        self.columns.batch(&self.def, cx, &rows, filter).map(Some)
    }
}

#[cold]
fn orphan(def: &TableDef, index: &IndexDef) -> SqlError {
    err!(SqlState::INDEX_CORRUPTED, "index \"{}\" contains an entry without a row", def.relation.indexes[index.at].name)
}

/// Reads rows by key, in the order asked for.
pub fn fetch(view: &ReadView, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    if !keys.is_sorted() {
        order.sort_unstable_by(|&a, &b| keys[a as usize].cmp(&keys[b as usize]));
    }
    let sorted: Vec<&[u8]> = order.iter().map(|&i| keys[i as usize].as_slice()).collect();
    let mut out = vec![None; keys.len()];
    for (i, value) in order.into_iter().zip(view.multi_get(KS, &sorted)?) {
        out[i as usize] = value;
    }
    Ok(out)
}

/// Where an index-only scan finds its columns.
struct Covering {
    columns: Vec<Place>,
}

enum Place {
    /// The n-th key column of the index.
    Key(usize),
    /// The n-th included column.
    Included(usize),
    /// The row's key holds it.
    Row,
}

impl Covering {
    /// `None` if some column is not in the index.
    fn new(def: &TableDef, at: usize, columns: &[ScanColumn]) -> Option<Self> {
        let index = &def.indexes[at];
        let place = |column: &ScanColumn| match column {
            ScanColumn::Column(c) => {
                let source = super::def::KeySource::Column(*c);
                let key = index.sources.iter().zip(&index.keys).position(|(s, k)| *s == source && k.kind.key_is_lossless());
                key.map(Place::Key)
                    .or_else(|| index.include.iter().position(|i| i == c).map(Place::Included))
                    .or_else(|| def.in_key[usize::from(*c)].map(|_| Place::Row))
            }
            ScanColumn::WholeRow => None,
            _ => Some(Place::Row),
        };
        columns.iter().map(place).collect::<Option<Vec<_>>>().map(|columns| Self { columns })
    }

    fn batch(&self, def: &TableDef, index: &IndexDef, columns: &Columns, block: &Block) -> Result<Batch> {
        let mut out: Vec<ColumnBuilder> = columns.kinds.iter().map(|&k| ColumnBuilder::new(k, block.len())).collect();
        let last_key = self.columns.iter().filter_map(|p| if let Place::Key(n) = p { Some(*n + 1) } else { None }).max();
        let needs_row = self.columns.iter().any(|p| matches!(p, Place::Row));
        let mut keys = Vec::new();
        for (key, value) in block.iter() {
            let (mut key_bytes, suffix, included) = index.split(key, value)?;
            keys.clear();
            for column in &index.keys[..last_key.unwrap_or(0)] {
                keys.push(if column.kind.key_is_lossless() {
                    column.decode(&mut key_bytes)?
                } else {
                    column.skip(&mut key_bytes)?;
                    Datum::Null
                });
            }
            let row_key = if needs_row { def.key_from_suffix(suffix) } else { Vec::new() };
            for (i, place) in self.columns.iter().enumerate() {
                out[i].push(match place {
                    Place::Key(n) => keys[*n].clone(),
                    Place::Included(n) => match RowReader::new(&index.include_layout, included)?.datum(*n)? {
                        Cell::Value(v) => v,
                        Cell::Missing => Datum::Null,
                    },
                    Place::Row => columns.decoders[i].datum(def, Stored { key: &row_key, value: &[] })?,
                });
            }
        }
        debug_assert!(def.prefix.len() == PREFIX);
        Ok(Batch::new(out.into_iter().map(ColumnBuilder::finish).collect(), block.len()))
    }
}
