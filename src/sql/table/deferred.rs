//! Constraints checked at COMMIT or SET CONSTRAINTS: a list that follows the transaction's savepoints.

use super::fk::Event;
use super::write::Modifier;
use crate::error::Result;
use crate::sql::catalog::objects::Constraint;
use crate::sql::types::Oid;
use crate::txn::{Attachment, Txn};
use std::any::Any;

/// One entry of the list.
enum Item {
    /// Something to check, and the constraint it belongs to.
    Check(Oid, Event),
    /// Checked, or the place of a SET CONSTRAINTS.
    Done,
}

/// SET CONSTRAINTS for one constraint or ALL.
struct Setting {
    /// Position in the list, for savepoints.
    at: usize,
    constraint: Option<Oid>,
    deferred: bool,
}

/// What a transaction has put off.
#[derive(Default)]
pub struct Deferred {
    items: Vec<Item>,
    settings: Vec<Setting>,
}

impl Attachment for Deferred {
    fn mark(&mut self) -> usize {
        self.items.len()
    }

    fn rollback_to(&mut self, mark: usize) {
        self.items.truncate(mark);
        self.settings.retain(|s| s.at < mark);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Deferred {
    /// Whether a constraint is checked at the end of the transaction now.
    pub fn is_deferred(txn: &Txn, constraint: &Constraint) -> bool {
        constraint.deferrable
            && txn.with_attachment::<Self, _>(|d| {
                let said = d.settings.iter().rev().find(|s| s.constraint.is_none_or(|oid| oid == constraint.oid));
                said.map_or(constraint.deferred, |s| s.deferred)
            })
    }

    pub(super) fn push(&mut self, constraint: Oid, event: Event) {
        self.items.push(Item::Check(constraint, event));
    }

    /// SET CONSTRAINTS for these constraints (`None` for ALL). When they become immediate, call `Modifier::check_deferred` next.
    pub fn set(txn: &Txn, constraints: Option<&[Oid]>, deferred: bool) {
        let which: Vec<Option<Oid>> = constraints.map_or_else(|| vec![None], |oids| oids.iter().copied().map(Some).collect());
        txn.with_attachment::<Self, _>(|d| {
            for constraint in which {
                d.settings.push(Setting { at: d.items.len(), constraint, deferred });
                d.items.push(Item::Done);
            }
        });
    }

    /// Whether anything waits to be checked.
    pub fn is_pending(txn: &Txn) -> bool {
        txn.look_at_attachment::<Self, _>(|d| d.items.iter().any(|i| matches!(i, Item::Check(..)))).unwrap_or(false)
    }

    fn take(&mut self, constraints: Option<&[Oid]>) -> Vec<Event> {
        let mut out = Vec::new();
        for item in &mut self.items {
            if matches!(item, Item::Check(oid, _) if constraints.is_none_or(|c| c.contains(oid)))
                && let Item::Check(_, event) = std::mem::replace(item, Item::Done)
            {
                out.push(event);
            }
        }
        out
    }
}

impl Modifier<'_> {
    /// Checks what was put off for these constraints (`None`: all; before COMMIT and after SET CONSTRAINTS ALL IMMEDIATE).
    /// Errors: 23503, 23505.
    pub fn check_deferred(&mut self, constraints: Option<&[Oid]>) -> Result<()> {
        loop {
            let events = self.cx.txn.with_attachment::<Deferred, _>(|d| d.take(constraints));
            if events.is_empty() {
                return Ok(());
            }
            self.state.parents_seen.clear();
            for event in events {
                self.process(event)?;
            }
            self.finish()?;
        }
    }
}
