//! Work on whole tables: building an index over existing rows, rewriting a table, dropping its storage, validating a constraint.
//!
//! The caller holds the table lock that keeps writers out. What is written goes through the transaction like any row, so a failed
//! statement leaves nothing behind and a large table spills to disk.

use super::messages;
use super::tables::{ForeignKeyRef, TableCx};
use super::write::{KS, Modifier, Target};
use crate::encoding::table_prefix;
use crate::error::{Result, SqlError};
use crate::kv::{Block, Direction, FillLimit, KeyRange, ScanHints};
use crate::sql::catalog::objects::{RelationRef, StorageId};
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// Runs over every row of a table in key order, own writes included: key and row (one datum per column position).
pub fn for_each_row(cx: &TableCx<'_>, relation: &RelationRef, mut work: impl FnMut(&[u8], Vec<Datum>) -> Result<()>) -> Result<()> {
    let def = cx.tables.def(relation, cx.io)?;
    let range = KeyRange::prefix(&def.prefix);
    let mut cursor = cx.txn.latest_view().scan(KS, &range, Direction::Forward, ScanHints { bulk: true, ..ScanHints::default() })?;
    let mut block = Block::default();
    loop {
        cursor.fill(&mut block, FillLimit { entries: 1024, bytes: 1 << 20 }).wait()?;
        cx.txn.proc().interrupt.check()?;
        if block.is_empty() {
            return Ok(());
        }
        for (key, value) in block.iter() {
            work(key, def.decode_row(key, value)?)?;
        }
    }
}

/// Every key of a storage id, rows and index entries.
pub fn storage_range(storage: StorageId) -> KeyRange {
    KeyRange::prefix(&storage.0.to_be_bytes())
}

/// Removes all rows and index entries of a storage (DROP TABLE, TRUNCATE after the table got a new one).
pub fn drop_storage(cx: &TableCx<'_>, storage: StorageId) -> Result<()> {
    cx.txn.delete_range(KS, storage_range(storage))
}

/// Removes the entries of one index (DROP INDEX).
pub fn drop_index(cx: &TableCx<'_>, storage: StorageId, number: u16) -> Result<()> {
    cx.txn.delete_range(KS, KeyRange::prefix(&table_prefix(storage.0, number)))
}

impl Modifier<'_> {
    /// Fills an index, which `relation` has already, from the table's rows; answers their number. 23505 if it is unique and
    /// they are not.
    pub fn build_index(&mut self, relation: &RelationRef, index: Oid) -> Result<u64> {
        let def = self.cx.tables.def(relation, self.cx.io)?;
        let index = def.index(index).ok_or_else(|| SqlError::internal("the clustering index is built by a rewrite"))?;
        let at = messages::catalog_index(&def, index);
        let mut count = 0;
        let cx = self.cx;
        for_each_row(&cx, relation, |key, row| {
            count += 1;
            let Some((entry, exprs)) = self.entry(&def, index, &row, key)? else { return Ok(()) };
            let unique = if index.deferrable { index.unique_key(&index.key_values(&row, &exprs))? } else { None };
            let taken = match &unique {
                Some(prefix) => self.has_entry(prefix)?,
                None => entry.exclusive && self.cx.txn.get_latest(KS, &entry.key, &mut Vec::new())?,
            };
            if taken {
                let values = index.key_values(&row, &exprs);
                return Err(messages::cannot_build_unique(self.cx.catalog, self.cx.io, relation, at, &values));
            }
            self.cx.txn.put(KS, &entry.key, &entry.value)
        })?;
        Ok(count)
    }

    fn has_entry(&self, prefix: &[u8]) -> Result<bool> {
        let range = KeyRange::prefix(prefix);
        let mut cursor = self.cx.txn.latest_view().scan(KS, &range, Direction::Forward, ScanHints::default())?;
        let mut block = Block::default();
        cursor.fill(&mut block, FillLimit { entries: 1, bytes: 1 }).wait()?;
        Ok(!block.is_empty())
    }

    /// Copies every row of `old` into `new`, the same table with another storage id (and columns, keys, indexes as they will
    /// be), and removes the old storage. `convert` makes the new row. NOT NULL, CHECK and uniqueness hold for the new rows;
    /// foreign keys are not looked at.
    pub fn rewrite(
        &mut self,
        old: &RelationRef,
        new: &RelationRef,
        mut convert: impl FnMut(Vec<Datum>) -> Result<Vec<Datum>>,
    ) -> Result<u64> {
        let target = Target { def: self.cx.tables.def(new, self.cx.io)?, outgoing: Arc::new([]), incoming: Arc::new([]) };
        let mut count = 0;
        let cx = TableCx { ..self.cx };
        // The old layout is asked for first: both versions of the relation have one OID.
        let old_def = super::def::TableDef::new(old, self.cx.io)?;
        let range = KeyRange::prefix(&old_def.prefix);
        let mut cursor =
            cx.txn.latest_view().scan(KS, &range, Direction::Forward, ScanHints { bulk: true, ..ScanHints::default() })?;
        let mut block = Block::default();
        loop {
            cursor.fill(&mut block, FillLimit { entries: 1024, bytes: 1 << 20 }).wait()?;
            cx.txn.proc().interrupt.check()?;
            if block.is_empty() {
                break;
            }
            for (key, value) in block.iter() {
                let row = convert(old_def.decode_row(key, value)?)?;
                self.insert(&target, &row)?;
                count += 1;
            }
        }
        drop_storage(&cx, old.storage)?;
        Ok(count)
    }

    /// Looks for a parent of every child row (ADD FOREIGN KEY, VALIDATE CONSTRAINT). 23503 for the first row without.
    pub fn validate_foreign_key(&mut self, fk: &Arc<ForeignKeyRef>) -> Result<()> {
        let cx = self.cx;
        for_each_row(&cx, &fk.child, |key, row| {
            self.check_reference(fk, key, &row)?;
            // Nothing changes meanwhile: what was put on the list has no parent.
            self.finish()
        })
    }
}
