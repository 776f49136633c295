//! What one transaction holds: the list that ROLLBACK TO and the transaction's end release, and lock escalation.
//!
//! A transaction that holds more than `escalate_after` row locks of one table (200,000 unless configured) locks the table's rows
//! as a whole (`Tag::all_rows`, in the strongest row mode among them) and forgets the single ones, so that memory stays bounded
//! whatever a statement touches. From then on other sessions' row locks of that table that this mode excludes wait for it to end;
//! locks they had before are still respected.
//!
//! Nobody else keeps `all_rows` locked: a session takes its row lock first and looks at `all_rows` after, the escalating one locks
//! `all_rows` first and forgets its row locks after. So one of the two always sees the other.

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
    /// By table: single row locks, and the strongest row mode among them.
    rows: SmallVec<[(u32, usize, u8); 4]>,
    /// Tables whose rows are locked as a whole, and the row mode.
    escalated: SmallVec<[(u32, u8); 1]>,
}

/// The mode of `Tag::all_rows` that stands for a row mode: these four exclude one another just as the row modes do.
pub(super) fn whole_mode(row_mode: u8) -> TableMode {
    match row_mode {
        0 => TableMode::RowShare,
        1 => TableMode::Share,
        2 => TableMode::ShareRowExclusive,
        _ => TableMode::AccessExclusive,
    }
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

    /// Whether all rows of the table are locked in this row mode or a stronger one.
    pub(super) fn covers(&self, table: u32, mode: u8) -> bool {
        self.escalated.iter().any(|(t, m)| *t == table && *m >= mode)
    }

    pub(super) fn add(&mut self, tag: Tag, mode: u8) {
        self.locks.push((tag, mode));
    }

    pub(super) fn add_row(&mut self, locks: &Locks, slot: u32, tag: Tag, mode: u8) {
        self.locks.push((tag, mode));
        let (count, strongest) = match self.rows.iter_mut().find(|(t, ..)| *t == tag.table) {
            Some((_, count, strongest)) => {
                *count += 1;
                *strongest = mode.max(*strongest);
                (*count, *strongest)
            }
            None => {
                self.rows.push((tag.table, 1, mode));
                (1, mode)
            }
        };
        if count.is_multiple_of(locks.escalate_after) {
            self.escalate(locks, slot, tag.table, strongest);
        }
    }

    /// Locks all rows of the table if nobody is in the way, and forgets the single locks.
    fn escalate(&mut self, locks: &Locks, slot: u32, table: u32, mode: u8) {
        let whole = whole_mode(mode) as u8;
        let Attempt::Granted(new) = locks.table.request(Tag::all_rows(table), slot, whole, false, false) else { return };
        if new {
            locks.table.add_escalation();
            self.escalated.push((table, mode));
        }
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
        if let Some((_, count, _)) = self.rows.iter_mut().find(|(t, ..)| *t == table) {
            *count = 0;
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
                && let Some((_, count, _)) = self.rows.iter_mut().find(|(t, ..)| *t == tag.table)
            {
                *count = count.saturating_sub(1);
            }
            locks.table.release(tag, slot, 1 << mode, false);
        }
    }

    /// Releases the lock taken last, if it is this one.
    pub(in crate::txn) fn release_last(&mut self, locks: &Locks, slot: u32, tag: Tag) {
        if self.marks.last().is_none_or(|&m| m < self.locks.len())
            && let Some((_, mode)) = self.locks.pop_if(|(t, _)| *t == tag)
        {
            if let Some((_, count, _)) = self.rows.iter_mut().find(|(t, ..)| *t == tag.table) {
                *count = count.saturating_sub(1);
            }
            locks.table.release(tag, slot, 1 << mode, false);
        }
    }

    /// Releases everything.
    pub(in crate::txn) fn release_all(&mut self, locks: &Locks, slot: u32) {
        for (tag, mode) in self.locks.drain(..).rev() {
            locks.table.release(tag, slot, 1 << mode, false);
        }
        for (table, mode) in self.escalated.drain(..) {
            locks.table.release(Tag::all_rows(table), slot, 1 << whole_mode(mode) as u8, false);
            locks.table.remove_escalation();
        }
        self.marks.clear();
        self.rows.clear();
    }
}
