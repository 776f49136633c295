//! Numbering rows by key: equal keys get the same number, numbers count up from zero.
//!
//! The heart of hash aggregation, DISTINCT and set operations. Keys are kept as typed vectors; the table itself holds
//! `(hash, group)` pairs in one open-addressed array, so a probe is one cache line and one key comparison.

use super::batch::{Data, compare_bytes, hash_datum};
use super::{Column, ColumnBuilder, ColumnKind};
use crate::sql::executor::order;
use crate::sql::types::Datum;

/// One key column's values by group.
enum KeyStore {
    /// Integers of any width, dates, timestamps, booleans.
    Ints(Vec<i64>),
    Bytes(super::batch::ByteVec),
    Datums(Vec<Datum>),
}

struct KeyColumn {
    kind: ColumnKind,
    store: KeyStore,
    null: Vec<bool>,
}

/// Where an integer-like value stands at a position of a column; used for whole-column loops.
#[inline]
fn int_at(column: &Column, i: usize) -> Option<i64> {
    match column.data() {
        Data::I32(v) => Some(v[i].into()),
        Data::I64(v) => Some(v[i]),
        Data::I16(v) => Some(v[i].into()),
        Data::U32(v) => Some(v[i].into()),
        Data::Bool(v) => Some(v[i].into()),
        Data::Const(_) | Data::Datum(_) => match column.get(i) {
            Datum::Bool(b) => Some(b.into()),
            _ => column.get_i64(i),
        },
        _ => None,
    }
}

impl KeyColumn {
    fn new(kind: ColumnKind) -> Self {
        let store = match kind {
            ColumnKind::Float4 | ColumnKind::Float8 | ColumnKind::Numeric | ColumnKind::Datum => KeyStore::Datums(Vec::new()),
            ColumnKind::Text | ColumnKind::Bpchar | ColumnKind::Bytea => KeyStore::Bytes(super::batch::ByteVec::default()),
            _ => KeyStore::Ints(Vec::new()),
        };
        Self { kind, store, null: Vec::new() }
    }

    #[inline]
    fn matches(&self, group: usize, column: &Column, i: usize) -> bool {
        let null = column.is_null(i);
        if null || self.null[group] {
            return null == self.null[group];
        }
        match &self.store {
            KeyStore::Ints(v) => int_at(column, i) == Some(v[group]),
            KeyStore::Bytes(v) => match column.get_bytes(i) {
                Some(bytes) if self.kind == ColumnKind::Bpchar => compare_bytes(self.kind, v.get(group), bytes).is_eq(),
                Some(bytes) => v.get(group) == bytes,
                None => false,
            },
            KeyStore::Datums(v) => order::compare(self.kind, &v[group], &column.get(i)).is_eq(),
        }
    }

    fn push(&mut self, column: &Column, i: usize) {
        let null = column.is_null(i);
        self.null.push(null);
        match &mut self.store {
            KeyStore::Ints(v) => v.push(if null { 0 } else { int_at(column, i).unwrap_or(0) }),
            KeyStore::Bytes(v) => v.push(column.get_bytes(i).unwrap_or(b"")),
            KeyStore::Datums(v) => v.push(column.get(i)),
        }
    }

    fn push_to(&self, group: usize, out: &mut ColumnBuilder) {
        if self.null[group] {
            return out.push_null();
        }
        match &self.store {
            KeyStore::Bytes(v) => out.push_bytes(v.get(group)),
            KeyStore::Datums(v) => out.push(v[group].clone()),
            KeyStore::Ints(v) => match self.kind {
                ColumnKind::Bool => out.push_bool(v[group] != 0),
                ColumnKind::Int2 => out.push_i16(v[group] as i16),
                ColumnKind::Int4 | ColumnKind::Date => out.push_i32(v[group] as i32),
                ColumnKind::Oid => out.push_u32(v[group] as u32),
                _ => out.push_i64(v[group]),
            },
        }
    }

    fn memory(&self) -> usize {
        self.null.len()
            + match &self.store {
                KeyStore::Ints(v) => v.len() * 8,
                KeyStore::Bytes(v) => v.bytes.len() + v.len() * 4,
                KeyStore::Datums(v) => v.len() * 40,
            }
    }
}

const EMPTY: u32 = u32::MAX;

/// Rows a full table has no group for.
#[derive(Default)]
pub struct Missing {
    /// Positions in the batch.
    pub rows: Vec<u32>,
    /// Hashes of their keys.
    pub hashes: Vec<u64>,
}

/// Keys and their numbers.
pub struct GroupTable {
    columns: Vec<KeyColumn>,
    /// `(upper hash bits, group)`; a power of two of them.
    slots: Vec<(u32, u32)>,
    hashes: Vec<u64>,
    scratch: Vec<u64>,
}

impl GroupTable {
    /// An empty table over key columns of these kinds.
    pub fn new(kinds: &[ColumnKind]) -> Self {
        Self {
            columns: kinds.iter().map(|&k| KeyColumn::new(k)).collect(),
            slots: vec![(0, EMPTY); 256],
            hashes: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 4;
        self.slots.clear();
        self.slots.resize(size, (0, EMPTY));
        for (group, &hash) in self.hashes.iter().enumerate() {
            let mut at = hash as usize & (size - 1);
            while self.slots[at].1 != EMPTY {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = ((hash >> 32) as u32, group as u32);
        }
    }

    /// Numbers the keys at `rows` of `keys`, making new groups as needed; `groups` gets one number a row.
    pub fn number(&mut self, keys: &[Column], rows: &[u32], groups: &mut Vec<u32>) {
        let mut hashes = std::mem::take(&mut self.scratch);
        hashes.clear();
        hashes.resize(rows.len(), 0);
        for key in keys {
            key.hash_into(rows.iter().map(|&r| r as usize), &mut hashes);
        }
        groups.clear();
        groups.reserve(rows.len());
        for (&row, &hash) in rows.iter().zip(&hashes) {
            groups.push(self.find_or_add(keys, row as usize, hash));
        }
        self.scratch = hashes;
    }

    /// As `number`, but makes no new groups: rows without one go to `missing`, with the hashes of their keys. Rows that have one
    /// stay in `rows`.
    pub fn number_known(&mut self, keys: &[Column], rows: &mut Vec<u32>, groups: &mut Vec<u32>, missing: &mut Missing) {
        missing.rows.clear();
        missing.hashes.clear();
        groups.clear();
        let mut hashes = std::mem::take(&mut self.scratch);
        hashes.clear();
        hashes.resize(rows.len(), 0);
        for key in keys {
            key.hash_into(rows.iter().map(|&r| r as usize), &mut hashes);
        }
        let mut kept = 0;
        for i in 0..rows.len() {
            let row = rows[i];
            match self.find_hashed(keys, row as usize, hashes[i]) {
                Some(group) => {
                    groups.push(group);
                    rows[kept] = row;
                    kept += 1;
                }
                None => {
                    missing.rows.push(row);
                    missing.hashes.push(hashes[i]);
                }
            }
        }
        rows.truncate(kept);
        self.scratch = hashes;
    }

    #[inline]
    fn find_or_add(&mut self, keys: &[Column], row: usize, hash: u64) -> u32 {
        let mask = self.slots.len() - 1;
        let tag = (hash >> 32) as u32;
        let mut at = hash as usize & mask;
        loop {
            let (seen, group) = self.slots[at];
            if group == EMPTY {
                break;
            }
            if seen == tag && self.columns.iter().zip(keys).all(|(c, k)| c.matches(group as usize, k, row)) {
                return group;
            }
            at = (at + 1) & mask;
        }
        let group = self.hashes.len() as u32;
        self.slots[at] = (tag, group);
        self.hashes.push(hash);
        for (column, key) in self.columns.iter_mut().zip(keys) {
            column.push(key, row);
        }
        if self.hashes.len() * 2 > self.slots.len() {
            self.grow();
        }
        group
    }

    /// The group of a key, if it is there.
    pub fn find(&self, keys: &[Column], row: usize) -> Option<u32> {
        let mut hash = [0];
        for key in keys {
            key.hash_into(std::iter::once(row), &mut hash);
        }
        self.find_hashed(keys, row, hash[0])
    }

    #[inline]
    fn find_hashed(&self, keys: &[Column], row: usize, hash: u64) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let tag = (hash >> 32) as u32;
        let mut at = hash as usize & mask;
        loop {
            let (seen, group) = self.slots[at];
            if group == EMPTY {
                return None;
            }
            if seen == tag && self.columns.iter().zip(keys).all(|(c, k)| c.matches(group as usize, k, row)) {
                return Some(group);
            }
            at = (at + 1) & mask;
        }
    }

    /// Key column `n` of the given groups.
    pub fn key_column(&self, n: usize, groups: impl Iterator<Item = usize>) -> Column {
        let column = &self.columns[n];
        let mut builder = ColumnBuilder::new(column.kind, groups.size_hint().0);
        groups.for_each(|g| column.push_to(g, &mut builder));
        builder.finish()
    }

    /// Rough heap size.
    pub fn memory(&self) -> usize {
        self.slots.len() * 8 + self.hashes.len() * 8 + self.columns.iter().map(KeyColumn::memory).sum::<usize>()
    }
}

/// Hash of one row of datums under the given kinds, as `Column::hash_into` would make it.
pub fn hash_row(kinds: &[ColumnKind], row: &[Datum]) -> u64 {
    kinds.iter().zip(row).fold(0, |h, (&k, v)| super::batch::hash_combine(h, hash_datum(k, v)))
}
