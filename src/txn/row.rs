//! Locking a row that a statement found, and learning what became of it meanwhile.
//!
//! Another transaction may have changed a row between the statement's snapshot and our lock. Under the lock the latest committed
//! version is read again - unless the commit pipeline has stood still since the snapshot - and compared. READ COMMITTED goes on
//! with the new version (after checking again that the statement wants it); the stricter levels fail with 40001.

use super::lock::{RowMode, WaitPolicy};
use super::transaction::Txn;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::Keyspace;

/// What a locked row turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockedRow {
    /// Still the version the statement saw.
    Same,
    /// Another transaction changed it; this is the version now.
    Changed(Vec<u8>),
    /// Another transaction deleted it.
    Gone,
    /// The running command itself has changed or deleted it already.
    SelfModified,
    /// Somebody else holds it (`WaitPolicy::Try`).
    NotAvailable,
}

impl Txn {
    /// Locks the row `key`, which the running command saw as `seen`. Errors: those of the lock; 40001 above READ COMMITTED if the
    /// row has changed.
    pub fn lock_seen_row(&self, key: &[u8], seen: &[u8], mode: RowMode, policy: WaitPolicy) -> Result<LockedRow> {
        self.lock_row_seen_as(key, |now| Ok(now == seen), mode, policy)
    }

    /// As `lock_seen_row`; `same` says whether a newer version is the one the command saw.
    pub fn lock_row_seen_as(
        &self,
        key: &[u8],
        same: impl FnOnce(&[u8]) -> Result<bool>,
        mode: RowMode,
        policy: WaitPolicy,
    ) -> Result<LockedRow> {
        const KS: Keyspace = Keyspace::Data;
        if !self.lock_row(KS, key, mode, policy)?.granted() {
            return Ok(LockedRow::NotAvailable);
        }
        {
            let state = self.state.lock();
            if !state.writes.is_empty() {
                if state.writes.changed_since(state.visible(), KS, key)? {
                    return Ok(LockedRow::SelfModified);
                }
                if !matches!(state.writes.lookup(KS, key)?, super::writes::Lookup::Unknown) {
                    return Ok(LockedRow::Same);
                }
            }
            let quiet = state.pinned.as_ref().and_then(|p| p.quiet);
            if quiet.is_some_and(|point| !self.server.committer.moved_since(point)) {
                return Ok(LockedRow::Same);
            }
        }
        let mut now = Vec::new();
        let found = self.server.store.get(KS, key, &mut now).wait()?;
        if found && same(&now)? {
            return Ok(LockedRow::Same);
        }
        if self.isolation().per_transaction() {
            return Err(serialization_failure(found));
        }
        Ok(if found { LockedRow::Changed(now) } else { LockedRow::Gone })
    }
}

/// 40001 because a row was updated (or deleted) by a transaction this one does not see.
pub fn serialization_failure(updated: bool) -> SqlError {
    let what = if updated { "update" } else { "delete" };
    err!(SqlState::SERIALIZATION_FAILURE, "could not serialize access due to concurrent {what}")
}
