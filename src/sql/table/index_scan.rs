//! Scans through an index: entries first, then the rows they name, unless the entries alone hold every column asked for.
//!
//! Rows are read in key order, many at once, because neighbours then share blocks. Where nobody asked for the index's order, the
//! entries of the whole range (as far as memory goes) are gathered and sorted by row key before the first row is read: the way
//! PostgreSQL's bitmap scans read a heap.

use super::decode::Stored;
use super::def::{IndexDef, TableDef};
use super::key::PREFIX;
use super::scan::{Columns, Entries};
use crate::encoding::RowReader;
use crate::encoding::row::Cell;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{Block, Keyspace};
use crate::sql::executor::batch::BATCH_ROWS;
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::source::{BatchSource, RowFilter, ScanRequest};
use crate::sql::executor::{Batch, ColumnBuilder};
use crate::sql::plan::ScanColumn;
use crate::sql::types::Datum;
use crate::txn::ReadView;
use std::sync::Arc;

const KS: Keyspace = Keyspace::Data;

/// Memory a gathered row key takes, about.
const GATHERED_BYTES: usize = 48;

/// A scan through an index.
pub(super) struct IndexScan {
    def: Arc<TableDef>,
    at: usize,
    entries: Entries,
    columns: Columns,
    covering: Option<Covering>,
    block: Block,
    /// Rows may come in any order, and most will be asked for.
    gathers: bool,
    keys: RowKeys,
}

/// Keys of rows, back to back, to be read in key order.
#[derive(Default)]
struct RowKeys {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// The first bytes behind the table's prefix as a number, and which key: sorted.
    order: Vec<(u64, u32)>,
    /// How many were read, in that order.
    read: usize,
}

/// Rows by gathered keys: a part of them, in key order.
struct KeyedRows {
    def: Arc<TableDef>,
    at: usize,
    view: ReadView,
    columns: Columns,
    keys: Arc<RowKeys>,
    next: usize,
    end: usize,
    block: Block,
}

impl BatchSource for KeyedRows {
    fn next(&mut self, cx: &mut ExecCx<'_>, filter: Option<&mut dyn RowFilter>) -> Result<Option<Batch>> {
        cx.check_interrupts()?;
        if self.next == self.end {
            return Ok(None);
        }
        let to = (self.next + BATCH_ROWS).min(self.end);
        let wanted = self.keys.slice(self.next, to);
        self.next = to;
        self.view.pick(KS, &wanted, &mut self.block)?;
        if self.block.len() < wanted.len() {
            return Err(orphan(&self.def, &self.def.indexes[self.at]));
        }
        self.columns.batch_of(&self.def, cx, &self.block, filter).map(Some)
    }
}

impl RowKeys {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.order.clear();
        self.read = 0;
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, prefix: &[u8], suffix: &[u8]) {
        let mut word = [0; 8];
        let n = suffix.len().min(8);
        word[..n].copy_from_slice(&suffix[..n]);
        self.order.push((u64::from_be_bytes(word), self.ends.len() as u32));
        self.bytes.extend_from_slice(prefix);
        self.bytes.extend_from_slice(suffix);
        self.ends.push(self.bytes.len() as u32);
    }

    fn key(&self, i: u32) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i as usize - 1] as usize };
        &self.bytes[start..self.ends[i as usize] as usize]
    }

    fn sort(&mut self) {
        let mut order = std::mem::take(&mut self.order);
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.key(a.1).cmp(self.key(b.1))));
        self.order = order;
    }

    /// Some of the keys in order.
    fn slice(&self, from: usize, to: usize) -> Vec<&[u8]> {
        self.order[from..to].iter().map(|&(_, i)| self.key(i)).collect()
    }

    /// The next keys in order.
    fn chunk(&mut self) -> Vec<&[u8]> {
        let from = self.read;
        self.read = (from + BATCH_ROWS).min(self.order.len());
        self.slice(from, self.read)
    }
}

impl IndexScan {
    /// `few`: only the first rows will be asked for.
    pub(super) fn new(def: Arc<TableDef>, at: usize, entries: Entries, columns: Columns, request: &ScanRequest, few: bool) -> Self {
        let covering = Covering::new(&def, at, &request.columns);
        let gathers = request.any_order && !few;
        Self { def, at, entries, columns, covering, block: Block::default(), gathers, keys: RowKeys::default() }
    }

    /// Takes the row keys of the block's entries.
    fn take_keys(&mut self) -> Result<()> {
        let index = &self.def.indexes[self.at];
        for (key, value) in self.block.iter() {
            self.keys.push(&self.def.prefix, index.split(key, value)?.1);
        }
        Ok(())
    }

    /// Gathers the row keys of further entries when all are read; `false` at the end.
    fn gather(&mut self, cx: &mut ExecCx<'_>) -> Result<bool> {
        if self.keys.read < self.keys.len() {
            return Ok(true);
        }
        self.keys.clear();
        let most = (2 * cx.work_mem / GATHERED_BYTES).clamp(BATCH_ROWS, 1 << 20);
        while self.keys.len() < most && self.entries.fill(&mut self.block)? {
            cx.check_interrupts()?;
            self.take_keys()?;
        }
        self.keys.sort();
        Ok(self.keys.len() > 0)
    }

    /// Reads the rows of the next keys into the block, in key order.
    fn read_rows(&mut self) -> Result<()> {
        let wanted = self.keys.chunk();
        self.entries.view.pick(KS, &wanted, &mut self.block)?;
        if self.block.len() < wanted.len() {
            return Err(orphan(&self.def, &self.def.indexes[self.at]));
        }
        Ok(())
    }
}

impl BatchSource for IndexScan {
    fn next(&mut self, cx: &mut ExecCx<'_>, filter: Option<&mut dyn RowFilter>) -> Result<Option<Batch>> {
        cx.check_interrupts()?;
        if let Some(covering) = &self.covering {
            if !self.entries.fill(&mut self.block)? {
                return Ok(None);
            }
            let mut batch = covering.batch(&self.def, &self.def.indexes[self.at], &self.columns, &self.block)?;
            if let Some(filter) = filter {
                filter.apply(cx, &mut batch)?;
            }
            return Ok(Some(batch));
        }
        if self.gathers {
            if !self.gather(cx)? {
                return Ok(None);
            }
            self.read_rows()?;
            return self.columns.batch_of(&self.def, cx, &self.block, filter).map(Some);
        }
        if !self.entries.fill(&mut self.block)? {
            return Ok(None);
        }
        self.keys.clear();
        self.take_keys()?;
        self.keys.sort();
        self.read_rows()?;
        let mut rows = vec![Stored { key: &[], value: &[] }; self.block.len()];
        for ((key, value), &(_, at)) in self.block.iter().zip(&self.keys.order) {
            rows[at as usize] = Stored { key, value };
        }
        self.columns.batch(&self.def, cx, &rows, filter).map(Some)
    }

    /// Row keys are gathered together and shared out in key order: each part has its rows next to one another. What does not fit
    /// in memory at once is the rest.
    fn share(&mut self, cx: &mut ExecCx<'_>, parts: usize) -> Result<Option<Vec<Box<dyn BatchSource>>>> {
        if !self.gathers || self.covering.is_some() {
            return Ok(None);
        }
        self.gather(cx)?;
        let keys = Arc::new(std::mem::take(&mut self.keys));
        let count = keys.len();
        let step = count.div_ceil(parts.max(1)).max(BATCH_ROWS);
        let part = |from: usize| KeyedRows {
            def: Arc::clone(&self.def),
            at: self.at,
            view: self.entries.view.clone(),
            columns: self.columns.clone(),
            keys: Arc::clone(&keys),
            next: from,
            end: (from + step).min(count),
            block: Block::default(),
        };
        Ok(Some((0..count).step_by(step).map(|from| Box::new(part(from)) as Box<dyn BatchSource>).collect()))
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
pub(super) struct Covering {
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
        Self::of(def, &def.indexes[at], columns)
    }

    /// `None` if some column is not in the index.
    pub(super) fn of(def: &TableDef, index: &IndexDef, columns: &[ScanColumn]) -> Option<Self> {
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

    /// The columns of a block of entries.
    pub(super) fn batch(&self, def: &TableDef, index: &IndexDef, columns: &Columns, block: &Block) -> Result<Batch> {
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
