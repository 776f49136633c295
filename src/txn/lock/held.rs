//! What one transaction holds: the list that ROLLBACK TO and the transaction's end release, and lock escalation.
//!
//! A transaction that holds more than `escalate_after` row locks of one table (200,000 unless configured) locks the table's rows
//! as a whole (`Tag::all_rows`) and forgets the single ones, so that memory stays bounded whatever a statement touches. From
//! then on other sessions' row locks of that table wait for it to end; locks they had before are still respected.

use super::Locks;
use super::mode::{TableMode, Tag, TagKind};
use super::table::Attempt;
use smallvec::SmallVec;

/// Locks of one transaction in the order they were taken.
#[derive(Debug, Default)]
pub struct HeldLocks {
    locks: Vec<(Tag, u8)>,
    /// Lengths of `locks` at each savepoint.
    marks: Vec<usize>,
    /// Row locks by table.
    rows: SmallVec<[(u32, usize); 4]>,
    /// Tables whose rows are locked as a whole.
    escalated: SmallVec<[u32; 1]>,
    /// Tables of which `Tag::all_rows` is held shared: single row locks may be taken although some table is escalated.
    passed: SmallVec<[u32; 1]>,
}

impl HeldLocks {
    /// Number of locks.
    pub fn len(&self) -> usize {
        self.locks.len() + self.escalated.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn covers(&self, table: u32) -> bool {
        self.escalated.contains(&table)
    }

    pub(super) fn passed(&self, table: u32) -> bool {
        self.passed.contains(&table)
    }

    pub(super) fn pass(&mut self, table: u32) {
        if !self.passed(table) {
            self.passed.push(table);
        }
    }

    pub(super) fn add(&mut self, tag: Tag, mode: u8) {
        self.locks.push((tag, mode));
    }

    pub(super) fn add_row(&mut self, locks: &Locks, slot: u32, tag: Tag, mode: u8) {
        self.locks.push((tag, mode));
        let count = match self.rows.iter_mut().find(|(t, _)| *t == tag.table) {
            Some((_, n)) => n,
            None => {
                self.rows.push((tag.table, 0));
                &mut self.rows.last_mut().expect("just pushed").1
            }
        };
        *count += 1;
        if *count % locks.escalate_after == 0 && !self.covers(tag.table) {
            self.escalate(locks, slot, tag.table);
        }
    }

    /// Locks all rows of the table if nobody else did, and forgets the single locks.
    fn escalate(&mut self, locks: &Locks, slot: u32, table: u32) {
        let tag = Tag::all_rows(table);
        if !matches!(locks.table.request(tag, slot, TableMode::AccessExclusive as u8, false, false, true), Attempt::Granted(_)) {
            return;
        }
        locks.table.add_escalation();
        self.escalated.push(table);
        let mut marks = self.marks.iter_mut().peekable();
        let (mut seen, mut kept) = (0, 0);
        self.locks.retain(|(tag, _)| {
            while let Some(mark) = marks.next_if(|m| **m <= seen) {
                *mark = kept;
            }
            seen += 1;
            let keep = tag.kind != TagKind::Row || tag.table != table || !locks.table.forget(*tag, slot);
            kept += usize::from(keep);
            keep
        });
        for mark in marks {
            *mark = kept;
        }
        self.locks.shrink_to_fit();
        if let Some((_, n)) = self.rows.iter_mut().find(|(t, _)| *t == table) {
            *n = 0;
        }
    }

    /// Remembers the present as a savepoint.
    pub(in crate::txn) fn mark(&mut self) {
        self.marks.push(self.locks.len());
    }

    /// Forgets savepoints `level` and above; their locks stay.
    pub(in crate::txn) fn release_marks(&mut self, level: usize) {
        self.marks.truncate(level);
    }

    /// Releases what was locked since savepoint `level`; forgets the savepoints above it.
    pub(in crate::txn) fn rollback_to(&mut self, locks: &Locks, slot: u32, level: usize) {
        let Some(&keep) = self.marks.get(level) else { return };
        self.marks.truncate(level + 1);
        for (tag, mode) in self.locks.drain(keep..).rev() {
            if tag.kind == TagKind::Row
                && let Some((_, n)) = self.rows.iter_mut().find(|(t, _)| *t == tag.table)
            {
                *n = n.saturating_sub(1);
            }
            if tag.kind == TagKind::AllRows {
                self.passed.retain(|t| *t != tag.table);
            }
            locks.table.release(tag, slot, 1 << mode, false);
        }
    }

    /// Releases everything.
    pub(in crate::txn) fn release_all(&mut self, locks: &Locks, slot: u32) {
        for (tag, mode) in self.locks.drain(..).rev() {
            locks.table.release(tag, slot, 1 << mode, false);
        }
        for table in self.escalated.drain(..) {
            locks.table.release(Tag::all_rows(table), slot, 1 << TableMode::AccessExclusive as u8, false);
            locks.table.remove_escalation();
        }
        self.marks.clear();
        self.rows.clear();
        self.passed.clear();
    }
}
