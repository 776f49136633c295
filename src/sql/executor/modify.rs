//! INSERT, UPDATE, DELETE, MERGE: rows of the source change rows of the target, one by one; RETURNING rows are answered after the
//! last change, when the statement's constraints hold.
//!
//! A row to be changed is locked first. If another transaction changed it meanwhile (READ COMMITTED), the statement looks again at
//! that row alone: the source's target columns are replaced by the row as it is now, the condition is evaluated again, and only
//! then is the change computed - PostgreSQL's EvalPlanQual.

use super::batch::{Batch, ColumnKind};
use super::context::ExecCx;
use super::spill::BatchStore;
use super::{BoxOperator, Operator};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::RelationRef;
use crate::sql::expr::eval::{CompileEnv, CompiledExpr, Scope, compile};
use crate::sql::plan::{ColId, Expr, InsertColumn, MergeAction, Modify, ModifyAction};
use crate::sql::table::bulk::{BulkDelete, BulkRows};
use crate::sql::table::{Inserted, Locked, Modifier, ModifyState, Target};
use crate::sql::types::Datum;
use crate::txn::WaitPolicy;
use smol_str::SmolStr;

/// Columns set by an UPDATE, each with its new value.
type SetList = Vec<(usize, CompiledExpr)>;

/// Where an inserted column's value comes from.
enum Input {
    Slot(usize),
    Expr(CompiledExpr),
    Null,
}

/// One WHEN of MERGE.
struct When {
    matched: bool,
    condition: Option<CompiledExpr>,
    action: WhenAction,
}

enum WhenAction {
    Update(SetList),
    Delete,
    Insert(Vec<Option<CompiledExpr>>),
    Nothing,
}

/// What happens on a conflict.
struct Conflict {
    arbiters: Vec<crate::sql::types::Oid>,
    /// DO UPDATE: values and condition over existing row ++ proposed row.
    update: Option<(SetList, Option<CompiledExpr>)>,
}

enum Action {
    Insert { columns: Vec<Input>, conflict: Option<Conflict> },
    Update { place: Place, set: SetList },
    Delete { place: Place },
    Merge { place: Place, whens: Vec<When> },
}

/// Where the target row stands in a source row.
struct Place {
    row_key: usize,
    /// Source slot of each table column.
    columns: Vec<Option<usize>>,
}

/// A view's WITH CHECK OPTION.
struct ViewCheck {
    view: SmolStr,
    expr: CompiledExpr,
}

/// The operator.
pub struct ModifyOperator {
    source: BoxOperator,
    relation: RelationRef,
    action: Action,
    /// The condition a row changed by others must still meet.
    recheck: Option<CompiledExpr>,
    generated: SetList,
    view_checks: Vec<ViewCheck>,
    /// RETURNING over target row ++ source row.
    returning: Vec<CompiledExpr>,
    kinds: Vec<ColumnKind>,
    /// RETURNING's rows of the source batch at work, and all those before.
    returned: Vec<Vec<Datum>>,
    kept: BatchStore,
    emitted: usize,
    done: bool,
    state: ModifyState,
    /// Whether this statement's changes count for the command tag.
    counts: bool,
    /// No target row comes twice.
    each_once: bool,
}

fn compile_set(set: &[(u16, Expr)], scope: &Scope, env: &mut dyn CompileEnv) -> Result<SetList> {
    set.iter().map(|(column, e)| Ok((usize::from(*column), compile(e, scope, env)?))).collect()
}

/// Ids of a row's columns; positions without one get an id nothing refers to.
fn row_ids(ids: &[Option<ColId>]) -> impl Iterator<Item = ColId> + '_ {
    ids.iter().map(|id| id.unwrap_or(ColId(u32::MAX)))
}

fn slot(scope: &Scope, id: ColId) -> Result<usize> {
    scope.slot(id).ok_or_else(|| SqlError::internal("a modified row's column is missing from its source"))
}

fn place(scope: &Scope, row_key: ColId, old_row: &[Option<ColId>]) -> Result<Place> {
    let columns = old_row.iter().map(|id| id.map(|id| slot(scope, id)).transpose()).collect::<Result<_>>()?;
    Ok(Place { row_key: slot(scope, row_key)?, columns })
}

impl ModifyOperator {
    /// Builds the operator. `source_ids` are the source's output columns; `recheck` is the condition on the target's rows that a
    /// row changed meanwhile must still meet; `counts` is false for data-modifying CTEs.
    pub fn new(
        modify: &Modify,
        source: BoxOperator,
        source_ids: &[ColId],
        recheck: Option<&Expr>,
        counts: bool,
        env: &mut dyn CompileEnv,
    ) -> Result<Self> {
        let scope = Scope::new(source_ids.iter().copied());
        let mut row_scope = Scope::new(row_ids(&modify.new_row));
        if let Some(id) = modify.table_oid_col {
            // Its value is put behind the row's columns.
            row_scope.extend([id]);
        } else {
            row_scope.extend([ColId(u32::MAX)]);
        }
        let generated = compile_set(&modify.generated, &row_scope, env)?;
        let mut view_checks = Vec::new();
        for check in &modify.checks {
            if let Some(view) = &check.view {
                view_checks.push(ViewCheck { view: view.clone(), expr: compile(&check.expr, &row_scope, env)? });
            }
        }
        let mut returning_scope = row_scope.clone();
        returning_scope.extend(source_ids.iter().copied());
        let mut returning = Vec::new();
        for (_, e) in &modify.returning {
            returning.push(compile(e, &returning_scope, env)?);
        }
        Ok(Self {
            source,
            relation: modify.relation.clone(),
            action: compile_action(&modify.action, &scope, env)?,
            recheck: recheck.map(|e| compile(e, &scope, env)).transpose()?,
            generated,
            view_checks,
            returning,
            kinds: modify.returning.iter().map(|(o, _)| ColumnKind::of(o.ty.oid)).collect(),
            returned: Vec::new(),
            kept: BatchStore::default(),
            emitted: 0,
            done: false,
            state: ModifyState::default(),
            counts,
            each_once: false,
        })
    }

    /// Says that the source has no target row twice.
    #[must_use]
    pub fn each_once(mut self, each_once: bool) -> Self {
        self.each_once = each_once;
        self
    }

    fn run(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        let (tables, exprs) = (cx.storage.table()?, cx.storage.exprs());
        let (mut bulk, mut removal, mut total) = (None, None, 0);
        let each_once = self.each_once;
        while let Some(batch) = self.source.next(cx)? {
            cx.check_interrupts()?;
            let (mut work, action, state) = self.parts();
            let mut modifier = Modifier::new(tables, exprs, state);
            let target = modifier.target(work.relation)?;
            (work.bulk, work.removal) = (bulk, removal);
            let plain = matches!(action, Action::Insert { conflict: None, .. });
            if work.bulk.is_none() && plain && total >= MANY && BulkRows::suits(&target) {
                work.bulk = Some(BulkRows::new(&modifier, target.clone(), false));
            }
            if work.removal.is_none() && matches!(action, Action::Delete { .. }) && each_once && total >= MANY {
                work.removal = Some(BulkDelete::new(&modifier, target.clone()));
            }
            for i in 0..batch.rows() {
                let row = batch.row(batch.position(i));
                work.apply(cx, &mut modifier, &target, row, action)?;
            }
            (bulk, removal) = (work.bulk.take(), work.removal.take());
            let changed = work.changed;
            total += changed;
            if self.counts {
                cx.state.processed += changed;
            }
            if !self.returned.is_empty() {
                let batch = Batch::from_rows(&self.kinds, &std::mem::take(&mut self.returned));
                self.kept.push(batch, cx.work_mem)?;
            }
        }
        let mut modifier = Modifier::new(tables, exprs, &mut self.state);
        if let Some(bulk) = &mut bulk {
            bulk.finish(&mut modifier)?;
        }
        if let Some(removal) = &mut removal {
            removal.finish(&modifier)?;
        }
        modifier.finish()
    }

    /// Runs the whole statement for one source row. `locked`: the target row it has is locked and as it is now. Answers how many
    /// rows changed; RETURNING's row is in `returned`. May be called again for the next execution of the statement.
    pub fn run_row(&mut self, cx: &mut ExecCx<'_>, row: Vec<Datum>, locked: bool) -> Result<u64> {
        self.returned.clear();
        self.state.forget_rows();
        let (tables, exprs) = (cx.storage.table()?, cx.storage.exprs());
        let (mut work, action, state) = self.parts();
        work.locked = locked;
        let mut modifier = Modifier::new(tables, exprs, state);
        let target = modifier.target(work.relation)?;
        work.apply(cx, &mut modifier, &target, row, action)?;
        modifier.finish()?;
        Ok(work.changed)
    }

    /// RETURNING's rows of `run_row`.
    pub fn returned(&self) -> &[Vec<Datum>] {
        &self.returned
    }

    fn parts(&mut self) -> (Work<'_>, &mut Action, &mut ModifyState) {
        let work = Work {
            relation: &self.relation,
            recheck: self.recheck.as_mut(),
            generated: &mut self.generated,
            view_checks: &mut self.view_checks,
            returning: &mut self.returning,
            returned: &mut self.returned,
            locked: false,
            changed: 0,
            bulk: None,
            removal: None,
        };
        (work, &mut self.action, &mut self.state)
    }
}

fn compile_action(action: &ModifyAction, scope: &Scope, env: &mut dyn CompileEnv) -> Result<Action> {
    Ok(match action {
        ModifyAction::Insert { columns, on_conflict } => {
            let mut inputs = Vec::with_capacity(columns.len());
            for column in columns {
                inputs.push(match column {
                    InsertColumn::Source(id) => Input::Slot(slot(scope, *id)?),
                    InsertColumn::Default(Some(e)) => Input::Expr(compile(e, &Scope::default(), env)?),
                    InsertColumn::Default(None) | InsertColumn::Dropped => Input::Null,
                });
            }
            let conflict = match on_conflict {
                None => None,
                Some(c) => {
                    let update = match &c.update {
                        None => None,
                        Some(u) => {
                            let mut both = Scope::new(row_ids(&u.existing));
                            both.extend(row_ids(&u.excluded));
                            let condition = u.predicate.as_ref().map(|p| compile(p, &both, env)).transpose()?;
                            Some((compile_set(&u.set, &both, env)?, condition))
                        }
                    };
                    Some(Conflict { arbiters: c.arbiters.clone(), update })
                }
            };
            Action::Insert { columns: inputs, conflict }
        }
        ModifyAction::Update { row_key, old_row, set } => {
            Action::Update { place: place(scope, *row_key, old_row)?, set: compile_set(set, scope, env)? }
        }
        ModifyAction::Delete { row_key, old_row } => Action::Delete { place: place(scope, *row_key, old_row)? },
        ModifyAction::Merge { row_key, old_row, whens } => {
            let mut compiled = Vec::with_capacity(whens.len());
            for w in whens {
                let action = match &w.action {
                    MergeAction::Update(set) => WhenAction::Update(compile_set(set, scope, env)?),
                    MergeAction::Delete => WhenAction::Delete,
                    MergeAction::Insert(values) => {
                        let each = values.iter().map(|v| v.as_ref().map(|e| compile(e, scope, env)).transpose());
                        WhenAction::Insert(each.collect::<Result<_>>()?)
                    }
                    MergeAction::Nothing => WhenAction::Nothing,
                };
                let condition = w.condition.as_ref().map(|c| compile(c, scope, env)).transpose()?;
                compiled.push(When { matched: w.matched, condition, action });
            }
            Action::Merge { place: place(scope, *row_key, old_row)?, whens: compiled }
        }
    })
}

fn is_true(value: &Datum) -> bool {
    matches!(value, Datum::Bool(true))
}

fn key_of(row: &[Datum], place: &Place) -> Option<Vec<u8>> {
    match &row[place.row_key] {
        Datum::Bytea(key) => Some(key.to_vec()),
        _ => None,
    }
}

fn target_row(row: &[Datum], place: &Place) -> Vec<Datum> {
    place.columns.iter().map(|slot| slot.map_or(Datum::Null, |s| row[s].clone())).collect()
}

fn replace_target(row: &mut [Datum], place: &Place, now: &[Datum]) {
    for (slot, value) in place.columns.iter().zip(now) {
        if let Some(s) = slot {
            row[*s] = value.clone();
        }
    }
}

/// The parts of the operator a row's work needs.
struct Work<'a> {
    relation: &'a RelationRef,
    recheck: Option<&'a mut CompiledExpr>,
    generated: &'a mut SetList,
    view_checks: &'a mut Vec<ViewCheck>,
    returning: &'a mut Vec<CompiledExpr>,
    returned: &'a mut Vec<Vec<Datum>>,
    /// The target row is locked and the source row holds it as it is now.
    locked: bool,
    changed: u64,
    /// The way in for INSERT's further rows, once there are many.
    bulk: Option<BulkRows>,
    /// And the way out for DELETE's.
    removal: Option<BulkDelete>,
}

/// Rows after which INSERT and DELETE go on in bulk.
const MANY: u64 = 2048;

/// A target row locked for a change: the source row (with the target's columns as they are now) and the row itself.
struct Found {
    key: Vec<u8>,
    source: Vec<Datum>,
    old: Vec<Datum>,
}

impl Work<'_> {
    /// What the statement does with one source row.
    fn apply(
        &mut self,
        cx: &mut ExecCx<'_>,
        modifier: &mut Modifier<'_>,
        target: &Target,
        row: Vec<Datum>,
        action: &mut Action,
    ) -> Result<()> {
        match action {
            Action::Insert { columns, conflict } => self.insert(cx, modifier, target, &row, columns, conflict.as_mut()),
            Action::Update { place, set } => self.update(cx, modifier, target, row, place, set),
            Action::Delete { place } => self.delete(cx, modifier, target, row, place),
            Action::Merge { place, whens } => self.merge(cx, modifier, target, row, place, whens),
        }
    }

    fn with_oid(&self, row: &[Datum]) -> Vec<Datum> {
        let mut out = row.to_vec();
        out.push(Datum::Oid(self.relation.oid));
        out
    }

    /// Computes generated columns and checks view options of a row about to be stored.
    fn complete(&mut self, cx: &mut ExecCx<'_>, row: &mut [Datum]) -> Result<()> {
        if !self.generated.is_empty() {
            let before = self.with_oid(row);
            for (column, e) in self.generated.iter_mut() {
                row[*column] = e.eval_row(cx, &before)?;
            }
        }
        if self.view_checks.is_empty() {
            return Ok(());
        }
        let full = self.with_oid(row);
        for check in self.view_checks.iter_mut() {
            if !is_true(&check.expr.eval_row(cx, &full)?) {
                let e = err!(SqlState::WITH_CHECK_OPTION_VIOLATION, "new row violates check option for view \"{}\"", check.view);
                return Err(e.detail(crate::sql::table::messages::failing_row(cx.io, self.relation, row)));
            }
        }
        Ok(())
    }

    fn give(&mut self, cx: &mut ExecCx<'_>, row: &[Datum], source: &[Datum]) -> Result<()> {
        self.changed += 1;
        if self.returning.is_empty() {
            return Ok(());
        }
        let mut full = self.with_oid(row);
        full.extend_from_slice(source);
        let out = self.returning.iter_mut().map(|e| e.eval_row(cx, &full)).collect::<Result<_>>()?;
        self.returned.push(out);
        Ok(())
    }

    fn insert(
        &mut self,
        cx: &mut ExecCx<'_>,
        modifier: &mut Modifier<'_>,
        target: &Target,
        source: &[Datum],
        columns: &mut [Input],
        conflict: Option<&mut Conflict>,
    ) -> Result<()> {
        let mut row = Vec::with_capacity(columns.len());
        for input in columns {
            row.push(match input {
                Input::Slot(s) => source[*s].clone(),
                Input::Expr(e) => e.eval_row(cx, &[])?,
                Input::Null => Datum::Null,
            });
        }
        self.complete(cx, &mut row)?;
        let Some(conflict) = conflict else {
            match &mut self.bulk {
                Some(bulk) => bulk.add(modifier, &row, 0)?,
                None => modifier.insert(target, &row).map(drop)?,
            }
            return self.give(cx, &row, source);
        };
        let lock = conflict.update.as_ref().map(|(set, _)| Modifier::update_mode(target, set.iter().map(|(c, _)| *c as u16)));
        match modifier.insert_on_conflict(target, &row, &conflict.arbiters, lock)? {
            Inserted::Done(_) => self.give(cx, &row, source),
            Inserted::Conflict { key, row: existing } => {
                let Some((set, condition)) = &mut conflict.update else { return Ok(()) };
                let mut both = existing.clone();
                both.extend_from_slice(&row);
                if let Some(c) = condition
                    && !is_true(&c.eval_row(cx, &both)?)
                {
                    return Ok(());
                }
                let mut new = existing.clone();
                for (column, e) in set.iter_mut() {
                    new[*column] = e.eval_row(cx, &both)?;
                }
                self.complete(cx, &mut new)?;
                modifier.update(target, &key, &existing, &new)?;
                self.give(cx, &new, source)
            }
        }
    }

    /// Locks the target row of a source row; None when it is gone or no longer wanted.
    fn find(
        &mut self,
        cx: &mut ExecCx<'_>,
        modifier: &mut Modifier<'_>,
        target: &Target,
        mut source: Vec<Datum>,
        place: &Place,
        mode: crate::txn::RowMode,
    ) -> Result<Option<Found>> {
        let Some(key) = key_of(&source, place) else { return Ok(None) };
        let old = target_row(&source, place);
        if self.locked {
            return Ok(Some(Found { key, source, old }));
        }
        match modifier.lock(target, &key, &old, mode, WaitPolicy::Block)? {
            Locked::Same => Ok(Some(Found { key, source, old })),
            Locked::Changed(now) => {
                replace_target(&mut source, place, &now);
                if let Some(condition) = self.recheck.as_mut()
                    && !is_true(&condition.eval_row(cx, &source)?)
                {
                    return Ok(None);
                }
                Ok(Some(Found { key, source, old: now }))
            }
            Locked::Gone | Locked::SelfModified | Locked::NotAvailable => Ok(None),
        }
    }

    fn update(
        &mut self,
        cx: &mut ExecCx<'_>,
        modifier: &mut Modifier<'_>,
        target: &Target,
        source: Vec<Datum>,
        place: &Place,
        set: &mut SetList,
    ) -> Result<()> {
        let mode = Modifier::update_mode(target, set.iter().map(|(c, _)| *c as u16));
        match self.find(cx, modifier, target, source, place, mode)? {
            Some(found) => self.store(cx, modifier, target, &found, set),
            None => Ok(()),
        }
    }

    fn store(
        &mut self,
        cx: &mut ExecCx<'_>,
        modifier: &mut Modifier<'_>,
        target: &Target,
        found: &Found,
        set: &mut SetList,
    ) -> Result<()> {
        let mut new = found.old.clone();
        for (column, e) in set.iter_mut() {
            new[*column] = e.eval_row(cx, &found.source)?;
        }
        self.complete(cx, &mut new)?;
        modifier.update(target, &found.key, &found.old, &new)?;
        self.give(cx, &new, &found.source)
    }

    fn delete(
        &mut self,
        cx: &mut ExecCx<'_>,
        modifier: &mut Modifier<'_>,
        target: &Target,
        source: Vec<Datum>,
        place: &Place,
    ) -> Result<()> {
        let Some(found) = self.find(cx, modifier, target, source, place, crate::txn::RowMode::Update)? else { return Ok(()) };
        match &mut self.removal {
            Some(removal) => removal.delete(modifier, &found.key, &found.old)?,
            None => modifier.delete(target, &found.key, &found.old)?,
        }
        self.give(cx, &found.old, &found.source)
    }

    fn merge(
        &mut self,
        cx: &mut ExecCx<'_>,
        modifier: &mut Modifier<'_>,
        target: &Target,
        source: Vec<Datum>,
        place: &Place,
        whens: &mut [When],
    ) -> Result<()> {
        let matched = !source[place.row_key].is_null();
        for when in whens.iter_mut().filter(|w| w.matched == matched) {
            if let Some(c) = &mut when.condition
                && !is_true(&c.eval_row(cx, &source)?)
            {
                continue;
            }
            match &mut when.action {
                WhenAction::Nothing => {}
                WhenAction::Insert(values) => {
                    let mut row = Vec::with_capacity(values.len());
                    for v in values {
                        row.push(v.as_mut().map_or(Ok(Datum::Null), |e| e.eval_row(cx, &source))?);
                    }
                    self.complete(cx, &mut row)?;
                    modifier.insert(target, &row)?;
                    self.give(cx, &row, &source)?;
                }
                WhenAction::Update(set) => {
                    let mode = Modifier::update_mode(target, set.iter().map(|(c, _)| *c as u16));
                    let found = self.merge_target(cx, modifier, target, source, place, mode)?;
                    if let Some(found) = found {
                        self.store(cx, modifier, target, &found, set)?;
                    }
                }
                WhenAction::Delete => {
                    let found = self.merge_target(cx, modifier, target, source, place, crate::txn::RowMode::Update)?;
                    if let Some(found) = found {
                        modifier.delete(target, &found.key, &found.old)?;
                        self.give(cx, &found.old, &found.source)?;
                    }
                }
            }
            return Ok(());
        }
        Ok(())
    }

    /// As `find`, but a row this MERGE has changed already is 21000.
    fn merge_target(
        &mut self,
        cx: &mut ExecCx<'_>,
        modifier: &mut Modifier<'_>,
        target: &Target,
        source: Vec<Datum>,
        place: &Place,
        mode: crate::txn::RowMode,
    ) -> Result<Option<Found>> {
        if let Some(key) = key_of(&source, place) {
            let old = target_row(&source, place);
            if matches!(modifier.lock(target, &key, &old, mode, WaitPolicy::Block)?, Locked::SelfModified) {
                return Err(err!(SqlState::CARDINALITY_VIOLATION, "MERGE command cannot affect row a second time")
                    .hint("Ensure that not more than one source row matches any one target row."));
            }
        }
        self.find(cx, modifier, target, source, place, mode)
    }
}

impl Operator for ModifyOperator {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if !self.done {
            self.done = true;
            self.run(cx)?;
        }
        self.emitted += 1;
        self.kept.get(self.emitted - 1)
    }

    fn rescan(&mut self, _cx: &mut ExecCx<'_>) -> Result<()> {
        Err(SqlError::internal("a data-modifying statement runs once"))
    }
}
