//! Work on whole tables: building an index over existing rows, rewriting a table, dropping its storage, validating a constraint.
//!
//! The caller holds the table lock that keeps writers out. What is written goes through the transaction like any row, so a failed
//! statement leaves nothing behind and a large table spills to disk.

use super::bulk::BulkRows;
use super::def::{IndexDef, KeySource, TableDef};
use super::fk::ParentKey;
use super::messages;
use super::tables::{ForeignKeyRef, TableCx};
use super::write::{KS, Modifier, Target};
use crate::error::{Result, SqlError};
use crate::kv::{Block, Direction, FillLimit, KeyRange, ScanHints};
use crate::sql::catalog::objects::{RelationRef, StorageId};
use crate::sql::types::{Datum, Oid};
use crate::txn::ReadView;
use crate::txn::bulk::{Sorted, Sorter, Stage};
use std::sync::Arc;

/// Memory of a stage that is handed to the sorter.
const FULL: usize = 12 << 20;
/// Memory of a stage that is not worth a file of its own.
const SMALL: usize = 4 << 20;
/// Parents looked up at a time.
const LOOKUPS: usize = 1024;

/// Runs over every row of a table in key order, own writes included: key and row (one datum per column position).
pub fn for_each_row(cx: &TableCx<'_>, relation: &RelationRef, mut work: impl FnMut(&[u8], Vec<Datum>) -> Result<()>) -> Result<()> {
    let def = cx.tables.def(relation, cx.io)?;
    for_each_entry(cx, &def, |key, value| work(key, def.decode_row(key, value)?))
}

/// Runs over every row of a table in key order, own writes included: key and value as stored.
fn for_each_entry(cx: &TableCx<'_>, def: &TableDef, mut work: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let range = KeyRange::prefix(&def.prefix);
    let mut cursor = cx.txn.latest_view().scan(KS, &range, Direction::Forward, ScanHints { bulk: true, ..ScanHints::default() })?;
    let mut block = Block::default();
    loop {
        cursor.fill(&mut block, FillLimit { entries: 4096, bytes: 1 << 20 }).wait()?;
        cx.txn.proc().interrupt.check()?;
        if block.is_empty() {
            return Ok(());
        }
        for (key, value) in block.iter() {
            work(key, value)?;
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

impl Modifier<'_> {
    /// Fills an index, which `relation` has already, from the table's rows; answers their number. 23505 if it is unique and
    /// they are not.
    pub fn build_index(&mut self, relation: &RelationRef, index: Oid) -> Result<u64> {
        let def = self.cx.tables.def(relation, self.cx.io)?;
        let index = def.index(index).ok_or_else(|| SqlError::internal("the clustering index is built by a rewrite"))?;
        if index.deferrable {
            return self.build_deferrable(&def, index);
        }
        let mut build = IndexBuild { def: &def, index, sorter: Sorter::new(self.cx.txn), spare: None };
        let mut stage = Stage::new(index.unique);
        let columns = wanted_columns(&def, index);
        let mut row = vec![Datum::Null; def.kinds.len()];
        let (cx, mut count) = (self.cx, 0);
        for_each_entry(&cx, &def, |key, value| {
            count += 1;
            def.decode_columns(key, value, &columns, &mut row)?;
            let exprs = match index.computed {
                false => Vec::new(),
                true => match self.exprs.index_values(relation, messages::catalog_index(&def, index), &row)? {
                    Some(values) => values,
                    None => return Ok(()),
                },
            };
            let number = stage.len() as u32;
            stage.push(number, |out| index.put_entry(&row, &exprs, key, out))?;
            if stage.byte_len() >= FULL { build.hand_over(self, &mut stage) } else { Ok(()) }
        })?;
        build.finish(self, stage)?;
        Ok(count)
    }

    /// An index whose uniqueness is checked later: its entries differ by their rows.
    fn build_deferrable(&mut self, def: &TableDef, index: &IndexDef) -> Result<u64> {
        let (cx, mut count) = (self.cx, 0);
        for_each_row(&cx, &def.relation, |key, row| {
            count += 1;
            let Some((entry, exprs)) = self.entry(def, index, &row, key)? else { return Ok(()) };
            let values = index.key_values(&row, &exprs);
            if let Some(prefix) = index.unique_key(&values)?
                && self.has_entry(&prefix)?
            {
                let at = messages::catalog_index(def, index);
                return Err(messages::cannot_build_unique(self.cx.catalog, self.cx.io, &def.relation, at, &values));
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
        let old_def = TableDef::new(old, self.cx.io)?;
        let mut bulk = BulkRows::suits(&target).then(|| BulkRows::new(self, target.clone(), true));
        for_each_entry(&cx, &old_def, |key, value| {
            let row = convert(old_def.decode_row(key, value)?)?;
            count += 1;
            match &mut bulk {
                Some(bulk) => bulk.add(self, &row, 0),
                None => self.insert(&target, &row).map(drop),
            }
        })?;
        if let Some(bulk) = &mut bulk {
            bulk.finish(self)?;
        }
        drop_storage(&cx, old.storage)?;
        Ok(count)
    }

    /// Looks for a parent of every child row (ADD FOREIGN KEY, VALIDATE CONSTRAINT). 23503 for the first row without.
    pub fn validate_foreign_key(&mut self, fk: &Arc<ForeignKeyRef>) -> Result<()> {
        if self.all_have_parents(fk)? {
            return Ok(());
        }
        // Some row has none: the first one is looked for.
        let cx = self.cx;
        for_each_row(&cx, &fk.child, |key, row| {
            self.check_reference(fk, key, &row)?;
            // Nothing changes meanwhile: what was put on the list has no parent.
            self.finish()
        })
    }

    /// Looks up the keys of all parents referred to, sorted, many at a time. False also where a row cannot be judged that way.
    fn all_have_parents(&mut self, fk: &ForeignKeyRef) -> Result<bool> {
        let cx = self.cx;
        let (child, parent) = (cx.tables.def(&fk.child, cx.io)?, cx.tables.def(&fk.parent, cx.io)?);
        let view = cx.txn.latest_view();
        let mut stage = Stage::new(false);
        let mut row = vec![Datum::Null; child.kinds.len()];
        let mut all = true;
        for_each_entry(&cx, &child, |key, value| {
            child.decode_columns(key, value, &fk.key.columns, &mut row)?;
            match self.parent_key(fk, &parent, &row)? {
                ParentKey::None => {}
                ParentKey::Unknown => all = false,
                ParentKey::Key(parent_key) => {
                    let number = stage.len() as u32;
                    stage.push(number, |out| {
                        out.extend_from_slice(&parent_key);
                        Ok(out.len())
                    })?;
                }
            }
            if stage.byte_len() >= FULL {
                all &= all_exist(&view, &mut stage)?;
            }
            if all { Ok(()) } else { Err(SqlError::internal("a row without its parent")) }
        })
        .or_else(|e| if all { Err(e) } else { Ok(()) })?;
        Ok(all && all_exist(&view, &mut stage)?)
    }
}

/// Whether every key of the stage exists; empties it.
fn all_exist(view: &ReadView, stage: &mut Stage) -> Result<bool> {
    stage.sort();
    let mut keys: Vec<&[u8]> = Vec::with_capacity(LOOKUPS);
    for i in 0..stage.len() {
        let key = stage.entry(i).0;
        if keys.last() == Some(&key) {
            continue;
        }
        if keys.len() == LOOKUPS {
            if view.multi_get(KS, &keys)?.iter().any(Option::is_none) {
                return Ok(false);
            }
            keys.clear();
        }
        keys.push(key);
    }
    let found = view.multi_get(KS, &keys)?.iter().all(Option::is_some);
    stage.clear();
    Ok(found)
}

/// The columns an index needs of a row.
fn wanted_columns(def: &TableDef, index: &IndexDef) -> Vec<u16> {
    if index.computed {
        return (0..def.kinds.len() as u16).collect();
    }
    let of_source = |s: &KeySource| match *s {
        KeySource::Column(c) => Some(c),
        KeySource::Expr(_) => None,
    };
    let mut columns: Vec<u16> = index.sources.iter().filter_map(of_source).chain(index.include.iter().copied()).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// An index being filled.
struct IndexBuild<'d> {
    def: &'d TableDef,
    index: &'d IndexDef,
    sorter: Sorter,
    spare: Option<Stage>,
}

impl IndexBuild<'_> {
    fn hand_over(&mut self, m: &mut Modifier<'_>, stage: &mut Stage) -> Result<()> {
        let empty = self.spare.take().unwrap_or_else(|| stage.another());
        let full = std::mem::replace(stage, empty);
        match self.sorter.submit(vec![full])? {
            Some(sorted) => self.settle(m, sorted),
            None => Ok(()),
        }
    }

    fn finish(&mut self, m: &mut Modifier<'_>, mut stage: Stage) -> Result<()> {
        if !self.sorter.is_started() && stage.byte_len() < SMALL {
            stage.sort();
            self.check(m, &stage)?;
            return m.cx.txn.put_stages(KS, &[stage]);
        }
        self.hand_over(m, &mut stage)?;
        while let Some(sorted) = self.sorter.take()? {
            self.settle(m, sorted)?;
        }
        Ok(())
    }

    fn settle(&mut self, m: &mut Modifier<'_>, mut sorted: Sorted) -> Result<()> {
        for stage in &sorted.stages {
            self.check(m, stage)?;
        }
        m.cx.txn.add_runs(KS, &mut sorted)?;
        self.spare = sorted.stages.pop();
        self.spare.iter_mut().for_each(Stage::clear);
        Ok(())
    }

    /// Nobody else writes to the table, and the index held nothing before.
    fn check(&self, m: &mut Modifier<'_>, stage: &Stage) -> Result<()> {
        if !self.index.unique {
            return Ok(());
        }
        let found = match stage.duplicate() {
            Some(at) => Some(at),
            None => m.cx.txn.find_existing(KS, stage, true)?,
        };
        let Some(at) = found else { return Ok(()) };
        let key = self.def.key_of_unique(stage.entry(at).1)?;
        let mut value = Vec::new();
        m.cx.txn.get_latest(KS, &key, &mut value)?;
        let row = self.def.decode_row(&key, &value)?;
        let catalog_index = messages::catalog_index(self.def, self.index);
        let exprs = match self.index.computed {
            true => m.exprs.index_values(&self.def.relation, catalog_index, &row)?.unwrap_or_default(),
            false => Vec::new(),
        };
        let values = self.index.key_values(&row, &exprs);
        Err(messages::cannot_build_unique(m.cx.catalog, m.cx.io, &self.def.relation, catalog_index, &values))
    }
}
