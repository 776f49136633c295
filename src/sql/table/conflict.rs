//! INSERT ... ON CONFLICT: inserting a row unless one of the arbiter indexes holds its key already.

use super::messages;
use super::write::{KS, Modifier, Target};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::types::{Datum, Oid};
use crate::txn::{LockedRow, RowMode, WaitPolicy, serialization_failure};

/// What became of the row.
#[derive(Clone, Debug)]
pub enum Inserted {
    /// It is in, under this key.
    Done(Vec<u8>),
    /// Another row is in its way: its key and, locked for DO UPDATE, the row as it is now.
    Conflict {
        /// Row key.
        key: Vec<u8>,
        /// The existing row.
        row: Vec<Datum>,
    },
}

impl Modifier<'_> {
    /// Inserts a row unless an arbiter index (any unique index if there are none) has its key. `lock` is how an existing row is
    /// locked for DO UPDATE (see `update_mode`); `None` for DO NOTHING. Errors: as `insert`; 21000 if the existing row was
    /// written by this command; 40001 above READ COMMITTED if it is not visible.
    pub fn insert_on_conflict(
        &mut self,
        target: &Target,
        row: &[Datum],
        arbiters: &[Oid],
        lock: Option<RowMode>,
    ) -> Result<Inserted> {
        self.check_row(target, row)?;
        if target.def.excludes && lock.is_none() && self.is_excluded(target, row, arbiters)? {
            return Ok(Inserted::Conflict { key: Vec::new(), row: Vec::new() });
        }
        loop {
            let keys = self.arbiter_keys(target, row, arbiters)?;
            let mut found = self.occupied(target, &keys)?;
            if found.is_none() {
                for (key, _) in &keys {
                    if self.claim(key)?.is_some() {
                        found = self.occupied(target, &keys)?;
                        break;
                    }
                }
            }
            let Some(key) = found else { return self.insert_checked(target, row).map(Inserted::Done) };
            match lock {
                None => {
                    self.must_see(&key)?;
                    return Ok(Inserted::Conflict { key, row: Vec::new() });
                }
                Some(mode) => {
                    if let Some(row) = self.lock_existing(target, &key, mode)?
                        && self.occupied(target, &keys)?.as_ref() == Some(&key)
                    {
                        return Ok(Inserted::Conflict { key, row });
                    }
                }
            }
        }
    }

    /// The keys to look for: those of rows, and of unique entries.
    fn arbiter_keys(&self, target: &Target, row: &[Datum], arbiters: &[Oid]) -> Result<Vec<(Vec<u8>, bool)>> {
        let def = &*target.def;
        let wanted = |oid: Oid| arbiters.is_empty() || arbiters.contains(&oid);
        let mut keys = Vec::new();
        if let Some(at) = def.clustering
            && wanted(def.relation.indexes[at].oid)
        {
            let mut key = Vec::new();
            def.encode_row_key(row, &mut key)?;
            keys.push((key, true));
        }
        for index in def.indexes.iter().filter(|i| wanted(def.relation.indexes[i.at].oid)) {
            if index.deferrable {
                let name = def.relation.indexes[index.at].name.as_str();
                let e = err!(
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters"
                );
                return Err(messages::about(e, self.cx.catalog, &def.relation).constraint(name));
            }
            // The row suffix does not matter: only exclusive entries are looked for.
            if let Some((entry, _)) = self.entry(def, index, row, &def.prefix)?
                && entry.exclusive
            {
                keys.push((entry.key, false));
            }
        }
        Ok(keys)
    }

    /// The key of a row that holds one of the keys.
    fn occupied(&self, target: &Target, keys: &[(Vec<u8>, bool)]) -> Result<Option<Vec<u8>>> {
        let mut value = Vec::new();
        for (key, is_row) in keys {
            if self.cx.txn.get_latest(KS, key, &mut value)? {
                return Ok(Some(if *is_row { key.clone() } else { target.def.key_of_unique(&value)? }));
            }
        }
        Ok(None)
    }

    /// 40001 if the transaction's snapshot does not have the row.
    fn must_see(&self, key: &[u8]) -> Result<()> {
        let mut value = Vec::new();
        if self.cx.txn.isolation().per_transaction()
            && !self.cx.txn.view().get(KS, key, &mut value)?
            && self.cx.txn.lock_row_seen_as(key, |_| Ok(false), RowMode::KeyShare, WaitPolicy::Block)? != LockedRow::SelfModified
        {
            return Err(serialization_failure(true));
        }
        Ok(())
    }

    /// Locks the row in the way and reads it; `None` if it has gone.
    fn lock_existing(&self, target: &Target, key: &[u8], mode: RowMode) -> Result<Option<Vec<Datum>>> {
        let strict = self.cx.txn.isolation().per_transaction();
        let mut seen = Vec::new();
        let visible = strict && self.cx.txn.view().get(KS, key, &mut seen)?;
        let same = |now: &[u8]| Ok(!strict || (visible && now == seen));
        match self.cx.txn.lock_row_seen_as(key, same, mode, WaitPolicy::Block)? {
            LockedRow::SelfModified => {
                Err(err!(SqlState::CARDINALITY_VIOLATION, "ON CONFLICT DO UPDATE command cannot affect row a second time")
                    .hint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values."))
            }
            LockedRow::Gone | LockedRow::NotAvailable => Ok(None),
            LockedRow::Same | LockedRow::Changed(_) => {
                let mut now = Vec::new();
                let found = self.cx.txn.get_latest(KS, key, &mut now)?;
                found.then(|| target.def.decode_row(key, &now)).transpose()
            }
        }
    }
}
