//! EXCLUDE constraints: no two rows for which every operator of the constraint is true.
//!
//! Writers of such a table take turns: the first row a transaction writes locks the constraint until the transaction ends. A row
//! is then compared with every other row of the table, at once or, for a deferrable constraint, when the statement or transaction
//! ends.

use super::build::for_each_row;
use super::def::TableDef;
use super::fk::Event;
use super::messages;
use super::write::{KS, Modifier, Target};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::{Constraint, ConstraintKind, Index, RelationRef};
use crate::sql::types::{Datum, Oid};
use crate::txn::{RowMode, WaitPolicy};

/// The constraint's index.
fn index_of<'r>(relation: &'r RelationRef, c: &Constraint) -> Option<&'r Index> {
    let ConstraintKind::Exclude { index, .. } = c.kind else { return None };
    relation.indexes.iter().find(|i| i.oid == index)
}

impl Modifier<'_> {
    /// The values of an index's keys for a row; `None` outside its predicate.
    fn key_values(&self, relation: &RelationRef, index: &Index, row: &[Datum]) -> Result<Option<Vec<Datum>>> {
        let computed = index.predicate.is_some() || index.keys.iter().any(|k| k.column.is_none());
        let mut exprs = if computed {
            match self.exprs.index_values(relation, index, row)? {
                Some(values) => values.into_iter(),
                None => return Ok(None),
            }
        } else {
            Vec::new().into_iter()
        };
        let value = |k: &crate::sql::catalog::objects::IndexKey| match k.column {
            Some(c) => row[usize::from(c)].clone(),
            None => exprs.next().unwrap_or_default(),
        };
        Ok(Some(index.keys.iter().map(value).collect()))
    }

    /// A row was written: what exclusion constraints say of it. Errors: 23P01.
    pub(super) fn exclusions_written(&mut self, target: &Target, key: &[u8], row: &[Datum]) -> Result<()> {
        let relation = target.def.relation.clone();
        for c in relation.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::Exclude { .. })) {
            self.take_turn(&target.def, c)?;
            if c.deferrable {
                let event = Event::Excluded { table: relation.oid, constraint: c.oid, row_key: key.to_vec() };
                self.put_off(event, c);
            } else if let Some((mine, other)) = self.in_the_way(&relation, c, Some(key), row)? {
                return Err(self.excluded(&relation, c, &mine, &other));
            }
        }
        Ok(())
    }

    /// Whether a row about to be inserted is excluded by a row the table has.
    pub(super) fn is_excluded(&self, target: &Target, row: &[Datum], arbiters: &[Oid]) -> Result<bool> {
        let relation = &target.def.relation;
        for c in &relation.constraints {
            let ConstraintKind::Exclude { index, .. } = c.kind else { continue };
            if arbiters.is_empty() || arbiters.contains(&index) {
                self.take_turn(&target.def, c)?;
                if self.in_the_way(relation, c, None, row)?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn take_turn(&self, def: &TableDef, c: &Constraint) -> Result<()> {
        let mut key = def.prefix.to_vec();
        key.extend_from_slice(b"\xffexclude");
        key.extend_from_slice(&c.oid.0.to_be_bytes());
        self.cx.txn.lock_row(KS, &key, RowMode::Update, WaitPolicy::Block)?;
        Ok(())
    }

    /// The key values of a row and of another one that excludes it.
    fn in_the_way(
        &self,
        relation: &RelationRef,
        c: &Constraint,
        own_key: Option<&[u8]>,
        row: &[Datum],
    ) -> Result<Option<(Vec<Datum>, Vec<Datum>)>> {
        let Some(index) = index_of(relation, c) else { return Ok(None) };
        let Some(mine) = self.key_values(relation, index, row)? else { return Ok(None) };
        if mine.iter().any(Datum::is_null) {
            return Ok(None);
        }
        let mut found = None;
        for_each_row(&self.cx, relation, |key, other| {
            if found.is_none()
                && own_key != Some(key)
                && let Some(theirs) = self.key_values(relation, index, &other)?
                && !theirs.iter().any(Datum::is_null)
                && self.exprs.excludes(relation, c, &mine, &theirs)?
            {
                found = Some(theirs);
            }
            Ok(())
        })?;
        Ok(found.map(|theirs| (mine, theirs)))
    }

    #[cold]
    fn excluded(&self, relation: &RelationRef, c: &Constraint, mine: &[Datum], other: &[Datum]) -> SqlError {
        let e = err!(SqlState::EXCLUSION_VIOLATION, "conflicting key value violates exclusion constraint \"{}\"", c.name);
        let Some(index) = index_of(relation, c) else { return e };
        let text = |values: &[Datum]| messages::key_text(self.cx.io, relation, index, values);
        let existing = text(other).replacen("Key", "key", 1);
        let e = e.detail(format!("{} conflicts with existing {existing}.", text(mine)));
        messages::about(e, self.cx.catalog, relation).constraint(c.name.as_str())
    }

    /// What was put off: the row as it is now, if it is still there.
    pub(super) fn check_excluded(&mut self, table: Oid, constraint: Oid, row_key: &[u8]) -> Result<()> {
        let Some(relation) = self.cx.catalog.relation(table).cloned() else { return Ok(()) };
        let Some(c) = relation.constraints.iter().find(|c| c.oid == constraint) else { return Ok(()) };
        let mut value = Vec::new();
        if !self.cx.txn.latest_view().get(KS, row_key, &mut value)? {
            return Ok(());
        }
        let row = self.cx.tables.def(&relation, self.cx.io)?.decode_row(row_key, &value)?;
        match self.in_the_way(&relation, c, Some(row_key), &row)? {
            Some((mine, other)) => Err(self.excluded(&relation, c, &mine, &other)),
            None => Ok(()),
        }
    }

    /// Checks a new constraint against the rows a table has. Errors: 23P01.
    pub fn validate_exclusion(&mut self, relation: &RelationRef, constraint: &Constraint) -> Result<()> {
        let Some(index) = index_of(relation, constraint) else { return Ok(()) };
        let mut all: Vec<Vec<Datum>> = Vec::new();
        for_each_row(&self.cx, relation, |_, row| {
            let values = self.key_values(relation, index, &row)?;
            all.extend(values.filter(|v| !v.iter().any(Datum::is_null)));
            Ok(())
        })?;
        for (at, mine) in all.iter().enumerate() {
            for theirs in all.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, v)| v) {
                if self.exprs.excludes(relation, constraint, mine, theirs)? {
                    let text = |values: &[Datum]| messages::key_text(self.cx.io, relation, index, values);
                    let other = text(theirs).replacen("Key", "key", 1);
                    let e = err!(SqlState::EXCLUSION_VIOLATION, "could not create exclusion constraint \"{}\"", constraint.name)
                        .detail(format!("{} conflicts with {other}.", text(mine)));
                    return Err(messages::about(e, self.cx.catalog, relation).constraint(constraint.name.as_str()));
                }
            }
        }
        Ok(())
    }
}
