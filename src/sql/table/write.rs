//! Inserting, updating and deleting rows: the row, its index entries, and everything a constraint wants to know.
//!
//! A key that must be unique is locked before it is looked for; whoever inserted or removed it and has not finished is waited
//! for. Entries a row gives up are locked too, so that nobody takes a key whose release may still be rolled back. Foreign keys
//! are looked at when the row is written and, if they do not hold then, again when the statement (or transaction) ends.

use super::def::{IndexDef, TableDef};
use super::fk::Event;
use super::key::Entry;
use super::messages;
use super::tables::{ForeignKeyRef, TableCx, outgoing};
use crate::encoding::RowReader;
use crate::error::Result;
use crate::kv::Keyspace;
use crate::sql::catalog::objects::{Index, RelationRef};
use crate::sql::types::{Datum, Oid};
use crate::txn::{LockedRow, RowMode, WaitPolicy};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

pub(super) const KS: Keyspace = Keyspace::Data;

/// What only the executor can compute about a row. Rows have one datum per column position (NULL where dropped).
pub trait TableExprs {
    /// The values of an index's expression keys in key order; `None` where its predicate is not true. Asked only for indexes
    /// with expressions or a predicate.
    fn index_values(&self, relation: &RelationRef, index: &Index, row: &[Datum]) -> Result<Option<Vec<Datum>>>;
    /// Whether two rows with these key values exclude one another under a constraint.
    fn excludes(
        &self,
        _relation: &RelationRef,
        _constraint: &crate::sql::catalog::objects::Constraint,
        _a: &[Datum],
        _b: &[Datum],
    ) -> Result<bool> {
        Ok(false)
    }
    /// CHECK constraints: 23514 (see `messages::check_failed`).
    fn check(&self, relation: &RelationRef, row: &[Datum]) -> Result<()>;
    /// A column's default (ON DELETE SET DEFAULT).
    fn default_value(&self, relation: &RelationRef, column: u16) -> Result<Datum>;
    /// Computes stored generated columns of a row changed by a referential action.
    fn generate(&self, relation: &RelationRef, row: &mut [Datum]) -> Result<()>;
}

/// A table being written, with its foreign keys both ways.
#[derive(Clone)]
pub struct Target {
    /// Layout.
    pub def: Arc<TableDef>,
    /// Foreign keys it declares.
    pub outgoing: Arc<[Arc<ForeignKeyRef>]>,
    /// Foreign keys that refer to it.
    pub incoming: Arc<[Arc<ForeignKeyRef>]>,
}

/// What a data-modifying statement remembers between rows.
#[derive(Default)]
pub struct ModifyState {
    pub(super) targets: HashMap<Oid, Target>,
    pub(super) events: VecDeque<Event>,
    /// Referenced rows found and locked by this statement.
    pub(super) parents_seen: HashSet<Vec<u8>>,
}

impl ModifyState {
    /// Makes it ready for the next execution of the same statement.
    pub fn forget_rows(&mut self) {
        self.events.clear();
        self.parents_seen.clear();
    }
}

/// What a row turned out to be under its lock.
#[derive(Clone, Debug)]
pub enum Locked {
    /// As the statement saw it.
    Same,
    /// Another transaction changed it: its row now. Check again whether the statement wants it (READ COMMITTED).
    Changed(Vec<Datum>),
    /// Another transaction deleted it (or gave it another key).
    Gone,
    /// This statement changed it already: leave it alone.
    SelfModified,
    /// Locked by somebody else (`WaitPolicy::Try`).
    NotAvailable,
}

/// Writes rows on behalf of one statement.
pub struct Modifier<'a> {
    /// The statement's surroundings.
    pub cx: TableCx<'a>,
    /// The executor's part.
    pub exprs: &'a dyn TableExprs,
    /// What the statement remembers.
    pub state: &'a mut ModifyState,
}

impl<'a> Modifier<'a> {
    /// A writer; `state` belongs to the statement.
    pub fn new(cx: TableCx<'a>, exprs: &'a dyn TableExprs, state: &'a mut ModifyState) -> Self {
        Self { cx, exprs, state }
    }

    /// The table to write to.
    pub fn target(&mut self, relation: &RelationRef) -> Result<Target> {
        if let Some(target) = self.state.targets.get(&relation.oid)
            && Arc::ptr_eq(&target.def.relation, relation)
        {
            return Ok(target.clone());
        }
        let target = Target {
            def: self.cx.tables.def(relation, self.cx.io)?,
            outgoing: outgoing(self.cx.catalog, relation).into(),
            incoming: self.cx.tables.incoming(self.cx.catalog, relation.oid),
        };
        self.state.targets.insert(relation.oid, target.clone());
        Ok(target)
    }

    /// Inserts a row; answers its key. Errors: 23502, 23514, 23505, 23503 (MATCH FULL), those of locks.
    pub fn insert(&mut self, target: &Target, row: &[Datum]) -> Result<Vec<u8>> {
        self.check_row(target, row)?;
        self.insert_checked(target, row)
    }

    /// Inserts a row whose NOT NULL and CHECK constraints hold.
    pub(super) fn insert_checked(&mut self, target: &Target, row: &[Datum]) -> Result<Vec<u8>> {
        let def = &*target.def;
        let key = self.key_for(def, row)?;
        if !def.has_row_numbers() && self.claim(&key)?.is_some() {
            return Err(self.duplicate_row(def, row));
        }
        let mut entries = Vec::with_capacity(def.indexes.len());
        for index in &def.indexes {
            if let Some((entry, values)) = self.entry(def, index, row, &key)? {
                self.claim_entry(def, index, &entry, &values, row, &key)?;
                entries.push(entry);
            }
        }
        self.put_row(def, &key, row)?;
        for entry in &entries {
            self.cx.txn.put(KS, &entry.key, &entry.value)?;
        }
        def.activity.inserted(1);
        messages::log_inserted(&def.relation, &key);
        self.row_inserted(target, &key, row)?;
        Ok(key)
    }

    /// Inserts many rows.
    pub fn insert_many<'r>(&mut self, target: &Target, rows: impl Iterator<Item = &'r [Datum]>) -> Result<u64> {
        let mut count = 0;
        for row in rows {
            self.insert(target, row)?;
            count += 1;
        }
        Ok(count)
    }

    /// The lock an UPDATE of these columns needs.
    pub fn update_mode(target: &Target, columns: impl IntoIterator<Item = u16>) -> RowMode {
        let key = columns.into_iter().any(|c| target.def.key_like[usize::from(c)]);
        if key { RowMode::Update } else { RowMode::NoKeyUpdate }
    }

    /// Locks a row the statement saw as `old`. Errors: those of locks, 40001 above READ COMMITTED.
    pub fn lock(&mut self, target: &Target, key: &[u8], old: &[Datum], mode: RowMode, wait: WaitPolicy) -> Result<Locked> {
        let def = &*target.def;
        let same = |now: &[u8]| {
            let mut seen = Vec::with_capacity(now.len());
            def.encode_row(old, &mut seen)?;
            if seen == now {
                return Ok(true);
            }
            // Rows from before a column was added or dropped differ in bytes though not in what the statement saw.
            let current = RowReader::new(&def.layout, now)?.count() == def.layout.len();
            if current && !def.relation.columns.iter().any(|c| c.dropped) {
                return Ok(false);
            }
            let mut rewritten = Vec::with_capacity(seen.len());
            def.encode_row(&def.decode_row(key, now)?, &mut rewritten)?;
            Ok(seen == rewritten)
        };
        Ok(match self.cx.txn.lock_row_seen_as(key, same, mode, wait)? {
            LockedRow::Same => Locked::Same,
            LockedRow::Changed(now) => Locked::Changed(def.decode_row(key, &now)?),
            LockedRow::Gone => Locked::Gone,
            LockedRow::SelfModified => Locked::SelfModified,
            LockedRow::NotAvailable => Locked::NotAvailable,
        })
    }

    /// Replaces a locked row; answers its key, which changes with the primary key. Errors as `insert`.
    pub fn update(&mut self, target: &Target, key: &[u8], old: &[Datum], new: &[Datum]) -> Result<Vec<u8>> {
        self.check_row(target, new)?;
        let def = &*target.def;
        let new_key = if def.has_row_numbers() { key.to_vec() } else { self.key_for(def, new)? };
        let moved = new_key != key;
        if moved && self.claim(&new_key)?.is_some() {
            return Err(self.duplicate_row(def, new));
        }
        let changed: Vec<bool> = old.iter().zip(new).map(|(a, b)| !identical(a, b)).collect();
        let mut puts = Vec::new();
        let mut deletes = Vec::new();
        for index in def.indexes.iter().filter(|i| moved || affected(i, &changed)) {
            let before = self.entry(def, index, old, key)?;
            let after = self.entry(def, index, new, &new_key)?;
            if let Some((entry, values)) = &after
                && before.as_ref().is_none_or(|(b, _)| b.key != entry.key)
            {
                self.claim_entry(def, index, entry, values, new, &new_key)?;
            }
            if let Some((entry, _)) = before
                && after.as_ref().is_none_or(|(a, _)| a.key != entry.key)
            {
                self.give_up(&entry)?;
                deletes.push(entry.key);
            }
            puts.extend(after.map(|(entry, _)| entry));
        }
        for gone in &deletes {
            self.cx.txn.delete(KS, gone)?;
        }
        if moved {
            self.cx.txn.delete(KS, key)?;
        }
        self.put_row(def, &new_key, new)?;
        for entry in &puts {
            self.cx.txn.put(KS, &entry.key, &entry.value)?;
        }
        def.activity.updated(1);
        self.row_updated(target, &new_key, old, new)?;
        Ok(new_key)
    }

    /// Deletes a locked row.
    pub fn delete(&mut self, target: &Target, key: &[u8], old: &[Datum]) -> Result<()> {
        let def = &*target.def;
        for index in &def.indexes {
            if let Some((entry, _)) = self.entry(def, index, old, key)? {
                self.give_up(&entry)?;
                self.cx.txn.delete(KS, &entry.key)?;
            }
        }
        self.cx.txn.delete(KS, key)?;
        def.activity.deleted(1);
        self.row_deleted(target, old)
    }

    /// NOT NULL (23502) and CHECK (23514).
    pub(super) fn check_row(&self, target: &Target, row: &[Datum]) -> Result<()> {
        let relation = &target.def.relation;
        for (i, column) in relation.live_columns() {
            if column.not_null && row[i].is_null() {
                return Err(messages::null_value(self.cx.catalog, self.cx.io, relation, i, row));
            }
        }
        self.exprs.check(relation, row)
    }

    fn key_for(&self, def: &TableDef, row: &[Datum]) -> Result<Vec<u8>> {
        if def.has_row_numbers() {
            let number = self.cx.tables.next_row_number(self.cx.txn, def.relation.storage)?;
            return Ok(def.numbered_key(number));
        }
        let mut key = Vec::with_capacity(24);
        def.encode_row_key(row, &mut key)?;
        Ok(key)
    }

    fn put_row(&self, def: &TableDef, key: &[u8], row: &[Datum]) -> Result<()> {
        let mut value = Vec::with_capacity(64);
        def.encode_row(row, &mut value)?;
        self.cx.txn.put(KS, key, &value)
    }

    /// The entry of a row in an index and the values of its key columns; `None` outside a partial index.
    pub(super) fn entry(&self, def: &TableDef, index: &IndexDef, row: &[Datum], key: &[u8]) -> Result<Option<(Entry, Vec<Datum>)>> {
        let exprs = if index.computed {
            match self.exprs.index_values(&def.relation, messages::catalog_index(def, index), row)? {
                Some(values) => values,
                None => return Ok(None),
            }
        } else {
            Vec::new()
        };
        Ok(Some((index.entry(row, &exprs, key)?, exprs)))
    }

    /// Locks a key about to be inserted and answers what is there now.
    pub(super) fn claim(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.cx.txn.lock_row(KS, key, RowMode::Update, WaitPolicy::Block)?;
        let mut value = Vec::new();
        Ok(self.cx.txn.get_latest(KS, key, &mut value)?.then_some(value))
    }

    /// Makes sure that an entry can be inserted: 23505 if not. Deferrable uniqueness is looked at later.
    fn claim_entry(
        &mut self,
        def: &TableDef,
        index: &IndexDef,
        entry: &Entry,
        exprs: &[Datum],
        row: &[Datum],
        key: &[u8],
    ) -> Result<()> {
        if entry.exclusive && self.claim(&entry.key)?.is_some() {
            let values = index.key_values(row, exprs);
            let at = messages::catalog_index(def, index);
            return Err(messages::duplicate(self.cx.catalog, self.cx.io, &def.relation, at, &values));
        }
        if index.deferrable {
            let values = index.key_values(row, exprs);
            if let Some(unique) = index.unique_key(&values)? {
                self.cx.txn.lock_row(KS, &unique, RowMode::Update, WaitPolicy::Block)?;
                self.unique_written(def, index, key, values)?;
            }
        }
        Ok(())
    }

    /// Locks the key of an entry about to be removed.
    pub(super) fn give_up(&self, entry: &Entry) -> Result<()> {
        if entry.exclusive {
            self.cx.txn.lock_row(KS, &entry.key, RowMode::Update, WaitPolicy::Block)?;
        }
        Ok(())
    }

    #[cold]
    pub(super) fn duplicate_row(&self, def: &TableDef, row: &[Datum]) -> crate::error::SqlError {
        let index = &def.relation.indexes[def.clustering.unwrap_or(0)];
        messages::duplicate(self.cx.catalog, self.cx.io, &def.relation, index, &messages::clustering_values(def, row))
    }
}

/// Whether an UPDATE of these columns can change the index's entries.
fn affected(index: &IndexDef, changed: &[bool]) -> bool {
    let source = |s: &super::def::KeySource| matches!(*s, super::def::KeySource::Column(c) if changed[usize::from(c)]);
    index.computed || index.sources.iter().any(source) || index.include.iter().any(|&c| changed[usize::from(c)])
}

/// Whether two values are certainly stored alike; `false` where it would take longer to find out.
fn identical(a: &Datum, b: &Datum) -> bool {
    match (a, b) {
        (Datum::Null, Datum::Null) => true,
        (Datum::Bool(x), Datum::Bool(y)) => x == y,
        (Datum::Int2(x), Datum::Int2(y)) => x == y,
        (Datum::Int4(x), Datum::Int4(y)) | (Datum::Date(x), Datum::Date(y)) => x == y,
        (Datum::Int8(x), Datum::Int8(y)) | (Datum::Timestamp(x), Datum::Timestamp(y)) => x == y,
        (Datum::TimestampTz(x), Datum::TimestampTz(y)) | (Datum::Time(x), Datum::Time(y)) => x == y,
        (Datum::Text(x), Datum::Text(y)) => x == y,
        (Datum::Bytea(x), Datum::Bytea(y)) => x == y,
        (Datum::Uuid(x), Datum::Uuid(y)) => x == y,
        _ => false,
    }
}
