//! Foreign keys and deferrable uniqueness: what a change of a row owes, and paying it.
//!
//! A written child row looks for its parent at once and locks it (KEY SHARE); only a failure is put on the statement's list, to be
//! looked at again when the statement ends - or, for a deferred constraint, when the transaction does. A changed or deleted
//! parent row goes on the list once per foreign key that refers to it: NO ACTION and RESTRICT look for children, the other
//! actions change them, which may put more on the list. Everything here reads the newest committed state, whatever the snapshot.

use super::def::TableDef;
use super::deferred::Deferred;
use super::index_scan::fetch;
use super::messages;
use super::tables::ForeignKeyRef;
use super::write::{KS, Modifier, Target};
use crate::encoding::{KeyColumn, PhysKind};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{Block, Direction, FillLimit, KeyRange, ScanHints};
use crate::sql::catalog::objects::{FkAction, RelationRef};
use crate::sql::types::numeric::Numeric;
use crate::sql::types::{Datum, Oid};
use crate::txn::{Outcome, ReadView, RowMode, WaitPolicy};
use std::sync::Arc;

/// Something to look at later.
#[derive(Clone, Debug)]
pub enum Event {
    /// The child row at this key had no parent for these values of the foreign key's columns.
    Child { fk: Arc<ForeignKeyRef>, row_key: Vec<u8>, values: Vec<Datum> },
    /// A parent row lost these values of the referenced columns; it has new ones, or is gone.
    Parent { fk: Arc<ForeignKeyRef>, old: Vec<Datum>, new: Option<Vec<Datum>> },
    /// A row with these values was written under a deferrable unique constraint.
    Unique { table: Oid, index: Oid, row_key: Vec<u8>, values: Vec<Datum> },
    /// A row was written under a deferrable exclusion constraint.
    Excluded { table: Oid, constraint: Oid, row_key: Vec<u8> },
}

/// Where a child row's parent would be.
pub(super) enum ParentKey {
    /// It needs none: NULLs.
    None,
    /// At this key.
    Key(Vec<u8>),
    /// It has none, or that needs a closer look.
    Unknown,
}

/// Parents remembered by one statement at most.
const MAX_PARENTS_SEEN: usize = 10_000;

fn pick(row: &[Datum], columns: &[u16]) -> Vec<Datum> {
    columns.iter().map(|&c| row[usize::from(c)].clone()).collect()
}

/// Whether two lists of values of the same columns are equal as keys; NULLs never are.
fn same_key(def: &TableDef, columns: &[u16], a: &[Datum], b: &[Datum]) -> Result<bool> {
    if a.iter().chain(b).any(Datum::is_null) {
        return Ok(false);
    }
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for ((&column, a), b) in columns.iter().zip(a).zip(b) {
        let key = KeyColumn::asc(def.kinds[usize::from(column)]);
        key.encode(&mut x, a)?;
        key.encode(&mut y, b)?;
    }
    Ok(x == y)
}

/// The value as the referenced column's kind; `None` if that kind has no such value.
fn convert(value: &Datum, kind: PhysKind) -> Option<Datum> {
    let integer = match value {
        Datum::Int2(v) => Some(i64::from(*v)),
        Datum::Int4(v) => Some(i64::from(*v)),
        Datum::Int8(v) => Some(*v),
        Datum::Numeric(Numeric::Small(v, 0)) => Some(*v),
        _ => None,
    };
    match (kind, integer, value) {
        (PhysKind::Int2, Some(v), _) => i16::try_from(v).ok().map(Datum::Int2),
        (PhysKind::Int4, Some(v), _) => i32::try_from(v).ok().map(Datum::Int4),
        (PhysKind::Int8, Some(v), _) => Some(Datum::Int8(v)),
        (PhysKind::Numeric, Some(v), _) => Some(Datum::Numeric(Numeric::Small(v, 0))),
        (PhysKind::Float8, _, Datum::Float4(v)) => Some(Datum::Float8((*v).into())),
        (PhysKind::Float4, _, Datum::Float8(v)) => Some(Datum::Float4(*v as f32)).filter(|_| f64::from(*v as f32) == *v),
        _ => Some(value.clone()),
    }
}

impl Modifier<'_> {
    pub(super) fn row_inserted(&mut self, target: &Target, key: &[u8], row: &[Datum]) -> Result<()> {
        if target.def.excludes {
            self.exclusions_written(target, key, row)?;
        }
        for fk in target.outgoing.iter() {
            self.child_written(fk, key, pick(row, &fk.key.columns))?;
        }
        Ok(())
    }

    pub(super) fn row_updated(&mut self, target: &Target, key: &[u8], old: &[Datum], new: &[Datum]) -> Result<()> {
        if target.def.excludes {
            self.exclusions_written(target, key, new)?;
        }
        for fk in target.outgoing.iter() {
            let (before, after) = (pick(old, &fk.key.columns), pick(new, &fk.key.columns));
            if !same_key(&target.def, &fk.key.columns, &before, &after)? {
                self.child_written(fk, key, after)?;
            }
        }
        for fk in target.incoming.iter() {
            let (before, after) = (pick(old, &fk.key.target_columns), pick(new, &fk.key.target_columns));
            let lost = !before.iter().any(Datum::is_null);
            if lost && !same_key(&target.def, &fk.key.target_columns, &before, &after)? {
                self.parent_lost(fk, before, Some(after));
            }
        }
        Ok(())
    }

    pub(super) fn row_deleted(&mut self, target: &Target, old: &[Datum]) -> Result<()> {
        for fk in target.incoming.iter() {
            let before = pick(old, &fk.key.target_columns);
            if !before.iter().any(Datum::is_null) {
                self.parent_lost(fk, before, None);
            }
        }
        Ok(())
    }

    pub(super) fn unique_written(
        &mut self,
        def: &TableDef,
        index: &super::def::IndexDef,
        key: &[u8],
        values: Vec<Datum>,
    ) -> Result<()> {
        let oid = def.relation.indexes[index.at].oid;
        let constraint = def.relation.constraints.iter().find(|c| {
            use crate::sql::catalog::objects::ConstraintKind::{PrimaryKey, Unique};
            matches!(c.kind, Unique { index } | PrimaryKey { index } if index == oid)
        });
        let event = Event::Unique { table: def.relation.oid, index: oid, row_key: key.to_vec(), values };
        let deferred = constraint.is_some_and(|c| Deferred::is_deferred(self.cx.txn, c));
        self.later(event, constraint.map_or(Oid::INVALID, |c| c.oid), deferred);
        Ok(())
    }

    /// Looks at a deferrable constraint when the statement ends, or the transaction.
    pub(super) fn put_off(&mut self, event: Event, constraint: &crate::sql::catalog::objects::Constraint) {
        let deferred = Deferred::is_deferred(self.cx.txn, constraint);
        self.later(event, constraint.oid, deferred);
    }

    fn later(&mut self, event: Event, constraint: Oid, deferred: bool) {
        if deferred {
            self.cx.txn.with_attachment::<Deferred, _>(|d| d.push(constraint, event));
        } else {
            self.state.events.push_back(event);
        }
    }

    fn parent_lost(&mut self, fk: &Arc<ForeignKeyRef>, old: Vec<Datum>, new: Option<Vec<Datum>>) {
        let action = if new.is_some() { fk.key.on_update } else { fk.key.on_delete };
        let deferred = action == FkAction::NoAction && Deferred::is_deferred(self.cx.txn, &fk.constraint);
        self.later(Event::Parent { fk: Arc::clone(fk), old, new }, fk.constraint.oid, deferred);
    }

    fn child_written(&mut self, fk: &Arc<ForeignKeyRef>, key: &[u8], values: Vec<Datum>) -> Result<()> {
        let nulls = values.iter().filter(|v| v.is_null()).count();
        if nulls == values.len() || (nulls > 0 && !fk.key.match_full) {
            return Ok(());
        }
        if nulls > 0 {
            return Err(child_error(self, fk, "MATCH FULL does not allow mixing of null and nonnull key values.".to_owned()));
        }
        if self.parent_exists(fk, &values)? {
            return Ok(());
        }
        let deferred = Deferred::is_deferred(self.cx.txn, &fk.constraint);
        self.later(Event::Child { fk: Arc::clone(fk), row_key: key.to_vec(), values }, fk.constraint.oid, deferred);
        Ok(())
    }

    /// Looks for the parent of a row that is there already.
    pub(super) fn check_reference(&mut self, fk: &Arc<ForeignKeyRef>, key: &[u8], row: &[Datum]) -> Result<()> {
        self.child_written(fk, key, pick(row, &fk.key.columns))
    }

    /// The key under which a child row's parent is found: of its row, or of its unique entry.
    pub(super) fn parent_key(&self, fk: &ForeignKeyRef, def: &TableDef, child: &[Datum]) -> Result<ParentKey> {
        let nulls = fk.key.columns.iter().filter(|&&c| child[usize::from(c)].is_null()).count();
        if nulls > 0 {
            let whole = nulls < fk.key.columns.len() && fk.key.match_full;
            return Ok(if whole { ParentKey::Unknown } else { ParentKey::None });
        }
        let value_of = |position: u16| {
            let at = fk.key.target_columns.iter().position(|&c| c == position)?;
            convert(&child[usize::from(fk.key.columns[at])], def.kinds[usize::from(position)])
        };
        if def.is_clustering(fk.key.target_index) {
            let mut key = def.prefix.to_vec();
            for (column, &position) in def.key_columns.iter().zip(&def.key_positions) {
                let Some(value) = value_of(position) else { return Ok(ParentKey::Unknown) };
                column.encode(&mut key, &value)?;
            }
            return Ok(ParentKey::Key(key));
        }
        let Some(index) = def.index(fk.key.target_index) else { return Ok(ParentKey::Unknown) };
        let mut wanted = Vec::with_capacity(index.sources.len());
        for source in &index.sources {
            let super::def::KeySource::Column(position) = *source else { return Ok(ParentKey::Unknown) };
            let Some(value) = value_of(position) else { return Ok(ParentKey::Unknown) };
            wanted.push(value);
        }
        Ok(index.unique_key(&wanted)?.map_or(ParentKey::Unknown, ParentKey::Key))
    }

    /// Whether a parent row has these values; if so it is locked so that it keeps them until the transaction ends.
    fn parent_exists(&mut self, fk: &ForeignKeyRef, values: &[Datum]) -> Result<bool> {
        let def = self.cx.tables.def(&fk.parent, self.cx.io)?;
        let value_of = |position: u16| {
            let at = fk.key.target_columns.iter().position(|&c| c == position)?;
            convert(&values[at], def.kinds[usize::from(position)])
        };
        if def.is_clustering(fk.key.target_index) {
            let mut key = def.prefix.to_vec();
            for (column, &position) in def.key_columns.iter().zip(&def.key_positions) {
                let Some(value) = value_of(position) else { return Ok(false) };
                column.encode(&mut key, &value)?;
            }
            return self.parent_row(key);
        }
        let index = def.index(fk.key.target_index).ok_or_else(|| SqlError::internal("foreign key without its index"))?;
        let mut wanted = Vec::with_capacity(index.sources.len());
        for source in &index.sources {
            let super::def::KeySource::Column(position) = *source else { return Ok(false) };
            let Some(value) = value_of(position) else { return Ok(false) };
            wanted.push(value);
        }
        let Some(entry) = index.unique_key(&wanted)? else { return Ok(false) };
        let (mut value, mut again) = (Vec::new(), Vec::new());
        while self.cx.txn.get_latest(KS, &entry, &mut value)? {
            let row = def.key_of_unique(&value)?;
            if self.parent_row(row)? && self.cx.txn.get_latest(KS, &entry, &mut again)? && again == value {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn parent_row(&mut self, key: Vec<u8>) -> Result<bool> {
        if self.state.parents_seen.contains(&key) {
            return Ok(true);
        }
        let mut value = Vec::new();
        let outcome = self.cx.txn.lock_row(KS, &key, RowMode::KeyShare, WaitPolicy::Try)?;
        if outcome == Outcome::NotAvailable {
            // A row that is being inserted does not exist yet, whatever its inserter holds.
            if !self.cx.txn.get_latest(KS, &key, &mut value)? {
                return Ok(false);
            }
            self.cx.txn.lock_row(KS, &key, RowMode::KeyShare, WaitPolicy::Block)?;
        }
        let found = self.cx.txn.get_latest(KS, &key, &mut value)?;
        if found && self.state.parents_seen.len() < MAX_PARENTS_SEEN {
            self.state.parents_seen.insert(key);
        }
        Ok(found)
    }

    /// Looks at everything on the statement's list. Call once at the end of the statement. Errors: 23503, 23505.
    pub fn finish(&mut self) -> Result<()> {
        // What earlier rows saw may have been deleted by later ones.
        self.state.parents_seen.clear();
        while let Some(event) = self.state.events.pop_front() {
            self.process(event)?;
        }
        Ok(())
    }

    pub(super) fn process(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Child { fk, row_key, values } => self.check_child(&fk, &row_key, &values),
            Event::Parent { fk, old, new } => self.parent_changed(&fk, &old, new.as_deref()),
            Event::Unique { table, index, row_key, values } => self.check_unique(table, index, &row_key, &values),
            Event::Excluded { table, constraint, row_key } => self.check_excluded(table, constraint, &row_key),
        }
    }

    fn check_child(&mut self, fk: &ForeignKeyRef, row_key: &[u8], values: &[Datum]) -> Result<()> {
        let mut value = Vec::new();
        if !self.cx.txn.get_latest(KS, row_key, &mut value)? {
            return Ok(());
        }
        let def = self.cx.tables.def(&fk.child, self.cx.io)?;
        let row = def.decode_row(row_key, &value)?;
        if !same_key(&def, &fk.key.columns, &pick(&row, &fk.key.columns), values)? || self.parent_exists(fk, values)? {
            return Ok(());
        }
        let key = messages::columns_text(self.cx.io, &fk.child, &fk.key.columns, values);
        Err(child_error(self, fk, format!("Key {key} is not present in table \"{}\".", fk.parent.name)))
    }

    fn parent_changed(&mut self, fk: &Arc<ForeignKeyRef>, old: &[Datum], new: Option<&[Datum]>) -> Result<()> {
        let action = if new.is_some() { fk.key.on_update } else { fk.key.on_delete };
        if action == FkAction::NoAction && self.parent_has_again(fk, old)? {
            return Ok(());
        }
        let Some(child) = self.cx.catalog.relation(fk.child.oid).cloned() else { return Ok(()) };
        let restricts = matches!(action, FkAction::NoAction | FkAction::Restrict);
        let children = self.children(fk, &child, old, restricts)?;
        if restricts {
            return if children.is_empty() { Ok(()) } else { Err(parent_error(self, fk, old)) };
        }
        let target = self.target(&child)?;
        for (key, _) in children {
            self.change_child(fk, &target, &key, old, new, action)?;
        }
        // A default may be the very key that was lost.
        if action == FkAction::SetDefault && !self.children(fk, &child, old, true)?.is_empty() && !self.parent_has_again(fk, old)? {
            return Err(parent_error(self, fk, old));
        }
        Ok(())
    }

    /// Whether another parent row has taken the place of the lost one.
    fn parent_has_again(&mut self, fk: &ForeignKeyRef, old: &[Datum]) -> Result<bool> {
        self.state.parents_seen.clear();
        self.parent_exists(fk, old)
    }

    fn change_child(
        &mut self,
        fk: &ForeignKeyRef,
        target: &Target,
        key: &[u8],
        old: &[Datum],
        new: Option<&[Datum]>,
        action: FkAction,
    ) -> Result<()> {
        let def = Arc::clone(&target.def);
        let deletes = action == FkAction::Cascade && new.is_none();
        let mode = if deletes { RowMode::Update } else { Self::update_mode(target, fk.key.columns.iter().copied()) };
        self.cx.txn.lock_row(KS, key, mode, WaitPolicy::Block)?;
        let mut value = Vec::new();
        if !self.cx.txn.get_latest(KS, key, &mut value)? {
            return Ok(());
        }
        let row = def.decode_row(key, &value)?;
        if !refers(&def, fk, &row, old)? {
            return Ok(());
        }
        if deletes {
            return self.delete(target, key, &row);
        }
        let mut changed = row.clone();
        let set = if new.is_none() && !fk.key.delete_set_columns.is_empty() { &fk.key.delete_set_columns } else { &fk.key.columns };
        for &column in set {
            changed[usize::from(column)] = match (action, new) {
                (FkAction::SetDefault, _) => self.exprs.default_value(&def.relation, column)?,
                (FkAction::Cascade, Some(new)) => {
                    let at = fk.key.columns.iter().position(|&c| c == column).unwrap_or(0);
                    convert(&new[at], def.kinds[usize::from(column)]).unwrap_or(Datum::Null)
                }
                _ => Datum::Null,
            };
        }
        self.exprs.generate(&def.relation, &mut changed)?;
        self.update(target, key, &row, &changed).map(drop)
    }

    /// Child rows that refer to these values; one is enough if `any`.
    fn children(
        &mut self,
        fk: &ForeignKeyRef,
        child: &RelationRef,
        values: &[Datum],
        any: bool,
    ) -> Result<Vec<(Vec<u8>, Vec<Datum>)>> {
        let def = self.cx.tables.def(child, self.cx.io)?;
        let view = self.cx.txn.latest_view();
        let mut out = Vec::new();
        let mut path = Path::find(&def, fk, values)?;
        let Some(path) = &mut path else { return Ok(out) };
        let mut cursor = view.scan(KS, &path.range, Direction::Forward, ScanHints::default())?;
        let mut block = Block::default();
        loop {
            let entries = if any { 64 } else { 1024 };
            cursor.fill(&mut block, FillLimit { entries, bytes: 1 << 20 }).wait()?;
            if block.is_empty() {
                return Ok(out);
            }
            for (key, row) in path.rows(&def, &view, &block)? {
                if refers(&def, fk, &row, values)? {
                    out.push((key, row));
                    if any {
                        return Ok(out);
                    }
                }
            }
        }
    }

    fn check_unique(&mut self, table: Oid, index: Oid, row_key: &[u8], values: &[Datum]) -> Result<()> {
        let Some(relation) = self.cx.catalog.relation(table).cloned() else { return Ok(()) };
        let def = self.cx.tables.def(&relation, self.cx.io)?;
        let Some(index) = def.index(index) else { return Ok(()) };
        let Some(prefix) = index.unique_key(values)? else { return Ok(()) };
        let view = self.cx.txn.latest_view();
        let mut cursor = view.scan(KS, &KeyRange::prefix(&prefix), Direction::Forward, ScanHints::default())?;
        let mut block = Block::default();
        cursor.fill(&mut block, FillLimit { entries: 2, bytes: 1 << 20 }).wait()?;
        let suffix = &row_key[super::key::PREFIX..];
        let mine = block.iter().any(|(key, _)| &key[prefix.len()..] == suffix);
        if block.len() > 1 && (mine || view.get(KS, row_key, &mut Vec::new())?) {
            let at = messages::catalog_index(&def, index);
            return Err(messages::duplicate(self.cx.catalog, self.cx.io, &relation, at, values));
        }
        Ok(())
    }
}

/// Whether a child row refers to these values of the referenced columns.
fn refers(def: &TableDef, fk: &ForeignKeyRef, row: &[Datum], values: &[Datum]) -> Result<bool> {
    let mut wanted = Vec::with_capacity(values.len());
    for (&column, value) in fk.key.columns.iter().zip(values) {
        match convert(value, def.kinds[usize::from(column)]) {
            Some(v) => wanted.push(v),
            None => return Ok(false),
        }
    }
    same_key(def, &fk.key.columns, &pick(row, &fk.key.columns), &wanted)
}

/// How child rows are found.
struct Path {
    range: KeyRange,
    /// Position of the index among `TableDef::indexes`; `None` for the rows themselves.
    index: Option<usize>,
}

impl Path {
    /// The best way to rows that refer to `values`; `None` if there cannot be any.
    fn find(def: &TableDef, fk: &ForeignKeyRef, values: &[Datum]) -> Result<Option<Self>> {
        let n = fk.key.columns.len();
        let value_of = |position: u16| {
            let at = fk.key.columns.iter().position(|&c| c == position)?;
            Some(convert(&values[at], def.kinds[usize::from(position)]))
        };
        let mut candidates: Vec<(Option<usize>, Vec<u16>)> = vec![(None, def.key_positions.clone())];
        for (i, index) in def.indexes.iter().enumerate().filter(|(_, i)| !i.computed) {
            let column = |s: &super::def::KeySource| match *s {
                super::def::KeySource::Column(c) => c,
                super::def::KeySource::Expr(_) => u16::MAX,
            };
            candidates.push((Some(i), index.sources.iter().map(column).collect()));
        }
        for (index, columns) in candidates {
            if columns.len() < n || !columns[..n].iter().all(|c| fk.key.columns.contains(c)) {
                continue;
            }
            let (prefix, keys) = match index {
                None => (&def.prefix, &def.key_columns),
                Some(i) => (&def.indexes[i].prefix, &def.indexes[i].keys),
            };
            let mut start = prefix.to_vec();
            for (key, &position) in keys.iter().zip(&columns[..n]) {
                let Some(Some(value)) = value_of(position) else { return Ok(None) };
                key.encode(&mut start, &value)?;
            }
            return Ok(Some(Self { range: KeyRange::prefix(&start), index }));
        }
        Ok(Some(Self { range: KeyRange::prefix(&def.prefix), index: None }))
    }

    fn rows(&self, def: &TableDef, view: &ReadView, block: &Block) -> Result<Vec<(Vec<u8>, Vec<Datum>)>> {
        let mut out = Vec::with_capacity(block.len());
        let Some(index) = self.index.map(|i| &def.indexes[i]) else {
            for (key, value) in block.iter() {
                out.push((key.to_vec(), def.decode_row(key, value)?));
            }
            return Ok(out);
        };
        let mut keys = Vec::with_capacity(block.len());
        for (key, value) in block.iter() {
            keys.push(def.key_from_suffix(index.split(key, value)?.1));
        }
        let values = fetch(view, &keys)?;
        for (key, value) in keys.into_iter().zip(values) {
            if let Some(value) = value {
                let row = def.decode_row(&key, &value)?;
                out.push((key, row));
            }
        }
        Ok(out)
    }
}

#[cold]
fn child_error(modifier: &Modifier<'_>, fk: &ForeignKeyRef, detail: String) -> SqlError {
    let e = err!(
        SqlState::FOREIGN_KEY_VIOLATION,
        "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
        fk.child.name,
        fk.constraint.name
    );
    messages::about(e.detail(detail), modifier.cx.catalog, &fk.child).constraint(fk.constraint.name.as_str())
}

#[cold]
fn parent_error(modifier: &Modifier<'_>, fk: &ForeignKeyRef, old: &[Datum]) -> SqlError {
    let key = messages::columns_text(modifier.cx.io, &fk.parent, &fk.key.target_columns, old);
    let e = err!(
        SqlState::FOREIGN_KEY_VIOLATION,
        "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
        fk.parent.name,
        fk.constraint.name,
        fk.child.name
    )
    .detail(format!("Key {key} is still referenced from table \"{}\".", fk.child.name));
    messages::about(e, modifier.cx.catalog, &fk.child).constraint(fk.constraint.name.as_str())
}
