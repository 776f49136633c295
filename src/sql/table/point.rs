//! One row by a unique key: prepared once for a statement and a version of the table, then read without batches.
//!
//! With the primary key's values the row is one read of the store; through another unique index it is two, both of the same
//! snapshot. A reader keeps its buffers, so that a read allocates only what the values themselves need.

use super::decode::{Decoder, Stored, decoders};
use super::def::TableDef;
use super::key::encode_columns;
use super::tables::Tables;
use super::write::KS;
use crate::error::Result;
use crate::sql::catalog::objects::RelationRef;
use crate::sql::plan::ScanColumn;
use crate::sql::types::io::IoContext;
use crate::sql::types::{Datum, Oid};
use crate::txn::{Outcome, RowMode, Txn, WaitPolicy};
use std::sync::Arc;

/// Reads rows of one table by one of its unique keys.
pub struct PointReader {
    def: Arc<TableDef>,
    /// The index, unless it is the one rows are clustered by.
    index: Option<Oid>,
    decoders: Vec<Decoder>,
    key: Vec<u8>,
    value: Vec<u8>,
    /// The lock on the row was taken by `try_lock`, not by an earlier statement.
    fresh_lock: bool,
}

impl PointReader {
    /// A reader of `columns` by the unique index `index`. `None` when the index cannot be read so (entries that need evaluation).
    pub fn new(
        tables: &Tables,
        io: &IoContext<'_>,
        relation: &RelationRef,
        index: Oid,
        columns: &[ScanColumn],
    ) -> Result<Option<Self>> {
        let def = tables.def(relation, io)?;
        let index = if def.is_clustering(index) {
            None
        } else {
            match def.index(index) {
                Some(i) if i.unique && !i.computed => Some(index),
                _ => return Ok(None),
            }
        };
        let decoders = decoders(&def, columns);
        Ok(Some(Self { def, index, decoders, key: Vec::new(), value: Vec::new(), fresh_lock: false }))
    }

    /// Whether the key is the one rows are clustered by.
    pub fn is_clustering(&self) -> bool {
        self.index.is_none()
    }

    /// The lock an UPDATE of these columns takes.
    pub fn update_mode(&self, columns: impl IntoIterator<Item = u16>) -> RowMode {
        let key = columns.into_iter().any(|c| self.def.key_like[usize::from(c)]);
        if key { RowMode::Update } else { RowMode::NoKeyUpdate }
    }

    /// Sets the key to look for: values of the key columns, of their own types, none of them NULL.
    pub fn seek(&mut self, values: &[Datum]) -> Result<()> {
        let index = self.index.and_then(|oid| self.def.index(oid));
        let (prefix, columns) = index.map_or((&self.def.prefix, &self.def.key_columns), |i| (&i.prefix, &i.keys));
        self.key.clear();
        self.key.extend_from_slice(prefix);
        encode_columns(columns, values, &mut self.key)
    }

    /// Reads the row as the running command sees it; `row` is filled with the columns' values. `false`: there is none.
    pub fn read(&mut self, txn: &Txn, row: &mut Vec<Datum>) -> Result<bool> {
        if self.index.is_none() {
            return Ok(txn.get(KS, &self.key, &mut self.value)? && self.decode(row)?);
        }
        let view = txn.view();
        if !view.get(KS, &self.key, &mut self.value)? {
            return Ok(false);
        }
        self.key = self.def.key_of_unique(&self.value)?;
        Ok(view.get(KS, &self.key, &mut self.value)? && self.decode(row)?)
    }

    /// Locks the row's key if nobody is in the way (clustering key only).
    pub fn try_lock(&mut self, txn: &Txn, mode: RowMode) -> Result<bool> {
        let before = txn.lock_count();
        let granted = txn.lock_row(KS, &self.key, mode, WaitPolicy::Try).map(Outcome::granted)?;
        self.fresh_lock = txn.lock_count() > before;
        Ok(granted)
    }

    /// Locks the row's key, waiting in line for it.
    pub async fn wait(&mut self, txn: &Txn, mode: RowMode) -> Result<()> {
        txn.wait_for_row(KS, &self.key, mode).await.map(|_| ())
    }

    /// Gives a lock that `try_lock` took up again: the row is not there, or not wanted.
    pub fn unlock(&mut self, txn: &Txn) {
        if std::mem::take(&mut self.fresh_lock) {
            txn.unlock_last_row(KS, &self.key);
        }
    }

    /// Reads the row as it is now, own writes included: for use under its lock.
    pub fn read_latest(&mut self, txn: &Txn, row: &mut Vec<Datum>) -> Result<bool> {
        Ok(txn.get_latest(KS, &self.key, &mut self.value)? && self.decode(row)?)
    }

    fn decode(&self, row: &mut Vec<Datum>) -> Result<bool> {
        row.clear();
        let stored = Stored { key: &self.key, value: &self.value };
        for decoder in &self.decoders {
            row.push(decoder.datum(&self.def, stored)?);
        }
        Ok(true)
    }
}
