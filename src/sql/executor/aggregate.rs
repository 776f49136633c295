//! Aggregation: GROUP BY with grouping sets, and aggregates over everything.
//!
//! Rows are numbered by their group in a hash table and their argument columns fed to accumulators, a batch at a time. A call
//! with DISTINCT first passes its arguments through a table of its own; one with ORDER BY (or WITHIN GROUP) keeps its rows until
//! the end and feeds them in order.
//!
//! When the hash table of a grouping set is full, the groups it has go on growing, but rows of further groups are dealt out to files
//! by the hash of their key and aggregated after the others, a file at a time. Where groups arrive one after the other, those that are
//! complete come out first instead, and the table starts anew. What DISTINCT has seen and what ORDER BY keeps goes
//! to files in the same manner (`aggregate_input`).
//!
//! A big scan can be aggregated by several threads, each over its share of the scan's pieces; their partial states are merged.

use super::aggregate_input::{Kept, Seen};
use super::batch::BATCH_ROWS;
use super::group_table::{GroupTable, Missing};
use super::partition::{Partitions, hash_budget};
use super::sort::SortColumn;
use super::spill::Run;
use super::{Batch, BoxOperator, Column, ColumnBuilder, ColumnKind, ExecCx, Operator};
use crate::error::Result;
use crate::sql::expr::aggregate::{Accumulator, Input};
use crate::sql::expr::eval::CompiledExpr;
use std::sync::Arc;

/// Makes fresh accumulators of a call.
pub type MakeAccumulator = Arc<dyn Fn() -> Result<Box<dyn Accumulator>> + Send + Sync>;

/// One aggregate call.
pub struct AggregateCall {
    /// Fresh states.
    pub make: MakeAccumulator,
    /// Arguments.
    pub args: Vec<CompiledExpr>,
    /// FILTER.
    pub filter: Option<CompiledExpr>,
    /// DISTINCT.
    pub distinct: bool,
    /// ORDER BY inside the call, or WITHIN GROUP.
    pub order: Vec<SortColumn>,
    /// Vector kind of the result.
    pub kind: ColumnKind,
}

/// State of a call within one grouping set.
struct CallState {
    accumulator: Box<dyn Accumulator>,
    /// `(group, arguments)` seen, for DISTINCT.
    seen: Option<Seen>,
    /// Rows kept for ORDER BY: group, arguments, sort keys.
    kept: Option<Kept>,
}

/// One grouping set at work.
struct SetState {
    /// Its number.
    set: usize,
    /// Which of the group columns it groups by.
    members: Vec<usize>,
    table: GroupTable,
    calls: Vec<CallState>,
    /// Rows of groups there was no room for.
    overflow: Option<Partitions>,
    /// Groups arrive one after the other: rows of further groups, when there is no room.
    sorted: bool,
    rest: Option<Vec<u32>>,
    /// How often these rows were dealt out before.
    level: u32,
    /// Batches until memory is looked at again.
    unchecked: u32,
}

/// Rows of a grouping set to be aggregated later.
struct Later {
    set: usize,
    level: u32,
    runs: Vec<Run>,
}

/// GROUP BY and plain aggregates.
pub struct Aggregate {
    input: BoxOperator,
    group: Vec<CompiledExpr>,
    sets: Vec<Vec<usize>>,
    /// GROUPING(...) columns: which group columns each asks about.
    grouping: Vec<Vec<usize>>,
    calls: Vec<AggregateCall>,
    /// The same aggregation over further parts of the input, for threads of their own. All calls are mergeable then.
    workers: Vec<Aggregate>,
    states: Option<Vec<SetState>>,
    later: Vec<Later>,
    /// Groups arrive one after the other.
    sorted: bool,
    /// Rows read whose groups had no room, when they do.
    pending: Option<Batch>,
    /// Grouping set and group that come out next.
    at: (usize, usize),
}

impl Aggregate {
    /// Groups `input` by each of `sets` (indexes into `group`). Output: group columns, grouping columns, aggregates.
    pub fn new(
        input: BoxOperator,
        group: Vec<CompiledExpr>,
        sets: Vec<Vec<usize>>,
        grouping: Vec<Vec<usize>>,
        calls: Vec<AggregateCall>,
    ) -> Self {
        Self {
            input,
            group,
            sets,
            grouping,
            calls,
            workers: Vec::new(),
            states: None,
            later: Vec::new(),
            sorted: false,
            pending: None,
            at: (0, 0),
        }
    }

    /// Adds workers: the same aggregation, built again over an input that shares the scan's `Pieces`.
    #[must_use]
    pub fn with_workers(mut self, workers: Vec<Aggregate>) -> Self {
        self.workers = workers;
        self
    }

    /// Says that rows of one group arrive one after the other; there is one grouping set then.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.sorted = true;
        self
    }

    /// Whether partial results of several workers can be put together.
    pub fn mergeable(&self) -> Result<bool> {
        for call in &self.calls {
            if !call.mergeable()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn fresh_state(&self, set: usize, level: u32) -> Result<SetState> {
        let members = self.sets[set].clone();
        let kinds: Vec<ColumnKind> = members.iter().map(|&m| self.group[m].kind).collect();
        let calls = self.calls.iter().map(CallState::new).collect::<Result<Vec<_>>>()?;
        Ok(SetState {
            set,
            members,
            table: GroupTable::new(&kinds),
            calls,
            overflow: None,
            sorted: self.sorted,
            rest: None,
            level,
            unchecked: 0,
        })
    }

    /// Reads the input to its end or, when groups arrive one after the other, until the table is full.
    fn collect(&mut self, cx: &mut ExecCx<'_>) -> Result<Vec<SetState>> {
        let mut states = (0..self.sets.len()).map(|set| self.fresh_state(set, 0)).collect::<Result<Vec<_>>>()?;
        loop {
            let next = match self.pending.take() {
                Some(batch) => Some(batch),
                None => self.input.next(cx)?,
            };
            let Some(mut batch) = next else { return Ok(states) };
            cx.check_interrupts()?;
            self.take(cx, &batch, &mut states)?;
            if let Some(rest) = states.iter_mut().find_map(|s| s.rest.take()) {
                batch.selection = Some(rest);
                self.pending = Some(batch);
                return Ok(states);
            }
        }
    }

    /// Takes a batch into states.
    fn take(&mut self, cx: &mut ExecCx<'_>, batch: &Batch, states: &mut [SetState]) -> Result<()> {
        let rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let mut keys = Vec::with_capacity(self.group.len());
        for expr in &mut self.group {
            keys.push(expr.eval(cx, batch)?);
        }
        let mut inputs = Vec::with_capacity(self.calls.len());
        for call in &mut self.calls {
            inputs.push(CallInput::evaluate(cx, call, batch, &rows)?);
        }
        states.iter_mut().try_for_each(|state| state.take(cx, batch, &keys, &rows, &inputs))
    }

    /// What states that are complete put off.
    fn put_off(&mut self, states: &mut [SetState]) -> Result<()> {
        for state in states {
            let Some(overflow) = state.overflow.take() else { continue };
            let later = |(_, run)| Later { set: state.set, level: state.level + 1, runs: vec![run] };
            self.later.extend(overflow.finish()?.into_iter().map(later));
        }
        Ok(())
    }

    /// Aggregates rows put off.
    fn catch_up(&mut self, cx: &mut ExecCx<'_>, later: Later) -> Result<Vec<SetState>> {
        let mut states = vec![self.fresh_state(later.set, later.level)?];
        for mut run in later.runs {
            while let Some(batch) = run.next()? {
                cx.check_interrupts()?;
                self.take(cx, &batch, &mut states)?;
            }
        }
        self.complete(cx, states)
    }

    /// After the last row.
    fn complete(&mut self, cx: &mut ExecCx<'_>, mut states: Vec<SetState>) -> Result<Vec<SetState>> {
        self.put_off(&mut states)?;
        for state in &mut states {
            // An empty grouping set has its one group even without rows.
            if state.members.is_empty() {
                state.resize(1);
            }
            for (call, spec) in state.calls.iter_mut().zip(&self.calls) {
                call.finish_input(cx, spec)?;
            }
        }
        Ok(states)
    }

    fn fill(&mut self, cx: &mut ExecCx<'_>) -> Result<Vec<SetState>> {
        let states = if self.workers.is_empty() || cx.parallelism < 2 { self.collect(cx)? } else { self.collect_in_parallel(cx)? };
        self.complete(cx, states)
    }

    /// Every worker on a thread of its own, this operator's input on the caller's; then the partial states are merged.
    fn collect_in_parallel(&mut self, cx: &mut ExecCx<'_>) -> Result<Vec<SetState>> {
        self.input.prepare(cx)?;
        let mut workers = std::mem::take(&mut self.workers);
        let shared = cx.share();
        let (own, others) = std::thread::scope(|scope| {
            let running: Vec<_> = workers
                .iter_mut()
                .take(cx.parallelism - 1)
                .map(|worker| {
                    let mut state = cx.state.clone();
                    scope.spawn(move || worker.collect(&mut shared.with(&mut state)))
                })
                .collect();
            let own = self.collect(cx);
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<Vec<SetState>>>| {
                thread.join().unwrap_or_else(|_| Err(crate::error::SqlError::internal("a parallel worker failed")))
            };
            (own, running.into_iter().map(join).collect::<Vec<_>>())
        });
        self.workers = workers;
        let mut states = own?;
        let mut spilled = Vec::new();
        for other in others {
            for (state, mut partial) in states.iter_mut().zip(other?) {
                spilled.extend(partial.overflow.take().map(|overflow| (partial.set, overflow)));
                state.merge(partial)?;
            }
        }
        // What one worker had no room for may belong to a group of another: all of it is looked at again.
        spilled.extend(states.iter_mut().filter_map(|s| s.overflow.take().map(|overflow| (s.set, overflow))));
        for (set, overflow) in spilled {
            for (_, mut run) in overflow.finish()? {
                while let Some(batch) = run.next()? {
                    self.take(cx, &batch, &mut states[set..=set])?;
                }
            }
        }
        Ok(states)
    }
}

impl AggregateCall {
    /// Whether partial results of several workers can be put together.
    fn mergeable(&self) -> Result<bool> {
        Ok(!self.distinct && self.order.is_empty() && (self.make)()?.mergeable())
    }
}

/// A call's argument columns over a batch.
struct CallInput {
    rows: Option<Vec<u32>>,
    args: Vec<Column>,
    keys: Vec<Column>,
}

impl CallInput {
    fn evaluate(cx: &mut ExecCx<'_>, call: &mut AggregateCall, batch: &Batch, rows: &[u32]) -> Result<Self> {
        let filtered = match &mut call.filter {
            Some(filter) => Some(filter.filter(cx, batch)?),
            None => None,
        };
        let selection = filtered.as_deref().or((rows.len() < batch.len).then_some(rows));
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &mut call.args {
            args.push(arg.eval_on(cx, &batch.columns, batch.len, selection)?);
        }
        let mut keys = Vec::with_capacity(call.order.len());
        for key in &mut call.order {
            keys.push(key.expr.eval_on(cx, &batch.columns, batch.len, selection)?);
        }
        Ok(Self { rows: filtered, args, keys })
    }
}

impl SetState {
    fn resize(&mut self, groups: usize) {
        self.calls.iter_mut().for_each(|c| c.accumulator.resize(groups));
    }

    /// Memory held, about.
    fn memory(&self) -> usize {
        self.table.memory() + self.calls.iter().map(|c| c.accumulator.memory()).sum::<usize>()
    }

    /// Whether rows of new groups have to go elsewhere.
    fn is_full(&mut self, work_mem: usize) -> bool {
        if self.overflow.is_some() {
            return true;
        }
        // Adding up what accumulators hold may take a look at each group.
        self.unchecked += 1;
        if self.unchecked < 8 || self.table.len() < 2 {
            return false;
        }
        self.unchecked = 0;
        let full = self.memory() > hash_budget(work_mem, self.level);
        if full && !self.sorted {
            self.overflow = Some(Partitions::new(self.level));
        }
        full
    }

    /// Takes a batch's rows in.
    fn take(&mut self, cx: &mut ExecCx<'_>, batch: &Batch, keys: &[Column], rows: &[u32], inputs: &[CallInput]) -> Result<()> {
        let mut groups = Vec::new();
        let mut known = None;
        if self.members.is_empty() {
            self.resize(1);
        } else {
            let own: Vec<Column>;
            let keys = if self.members.iter().enumerate().all(|(i, &m)| i == m) {
                &keys[..self.members.len()]
            } else {
                own = self.members.iter().map(|&m| keys[m].clone()).collect();
                &own
            };
            if self.is_full(cx.work_mem) {
                let (mut found, mut missing) = (rows.to_vec(), Missing::default());
                self.table.number_known(keys, &mut found, &mut groups, &mut missing);
                match &mut self.overflow {
                    Some(overflow) => overflow.deal(&batch.columns, &missing.rows, &missing.hashes)?,
                    None => self.rest = Some(missing.rows).filter(|rows| !rows.is_empty()),
                }
                known = Some(found);
            } else {
                self.table.number(keys, rows, &mut groups);
            }
            let count = self.table.len();
            self.resize(count);
        }
        let all = known.as_deref().unwrap_or(rows);
        for (call, input) in self.calls.iter_mut().zip(inputs) {
            match &input.rows {
                None => call.take(cx, input, all, &groups)?,
                Some(chosen) => {
                    let both: Vec<u32>;
                    let chosen = if known.is_some() {
                        both = intersection(chosen, all);
                        &both
                    } else {
                        chosen
                    };
                    let chosen_groups = pick_groups(all, &groups, chosen);
                    call.take(cx, input, chosen, &chosen_groups)?;
                }
            }
        }
        Ok(())
    }

    /// Takes in another worker's groups.
    fn merge(&mut self, other: Self) -> Result<()> {
        let count = other.len();
        let mut map = vec![0; count];
        if !self.members.is_empty() {
            let keys: Vec<Column> = (0..self.members.len()).map(|n| other.table.key_column(n, 0..count)).collect();
            let rows: Vec<u32> = (0..count as u32).collect();
            self.table.number(&keys, &rows, &mut map);
        }
        let groups = self.len();
        self.resize(groups);
        for (call, mut partial) in self.calls.iter_mut().zip(other.calls) {
            partial.accumulator.resize(count);
            call.accumulator.merge(partial.accumulator, &map)?;
        }
        Ok(())
    }

    fn len(&self) -> usize {
        if self.members.is_empty() { 1 } else { self.table.len() }
    }
}

/// What two ascending lists have in common.
fn intersection(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut b = b.iter().copied().peekable();
    let common = |x: &u32| {
        while b.next_if(|y| y < x).is_some() {}
        b.peek() == Some(x)
    };
    a.iter().copied().filter(common).collect()
}

/// The groups of the rows `chosen` (a subsequence of `rows`); empty when there is one group only.
fn pick_groups(rows: &[u32], groups: &[u32], chosen: &[u32]) -> Vec<u32> {
    if groups.is_empty() {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(chosen.len());
    let mut at = 0;
    for &row in chosen {
        while rows[at] != row {
            at += 1;
        }
        out.push(groups[at]);
    }
    out
}

impl CallState {
    fn new(call: &AggregateCall) -> Result<Self> {
        let kinds: Vec<ColumnKind> = call.args.iter().map(|a| a.kind).collect();
        Ok(Self {
            accumulator: (call.make)()?,
            seen: call.distinct.then(|| Seen::new(&kinds)),
            kept: (!call.order.is_empty()).then(|| Kept::new(call)),
        })
    }

    fn take(&mut self, cx: &mut ExecCx<'_>, input: &CallInput, rows: &[u32], groups: &[u32]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let Some(seen) = &mut self.seen else { return self.pass_on(cx, &input.args, &input.keys, rows, groups) };
        let (rows, groups) = seen.fresh(cx.work_mem, &input.args, &input.keys, rows, groups)?;
        self.pass_on(cx, &input.args, &input.keys, &rows, &groups)
    }

    /// To the accumulator, or where rows wait to be sorted.
    fn pass_on(&mut self, cx: &mut ExecCx<'_>, args: &[Column], keys: &[Column], rows: &[u32], groups: &[u32]) -> Result<()> {
        match &mut self.kept {
            _ if rows.is_empty() => Ok(()),
            None => self.accumulator.update(cx, &Input { rows, groups, args }),
            Some(kept) => kept.push(cx.work_mem, args, keys, rows, groups),
        }
    }

    /// The last row is in: takes in what DISTINCT put off, then what was kept, in order.
    fn finish_input(&mut self, cx: &mut ExecCx<'_>, call: &AggregateCall) -> Result<()> {
        if let Some(mut seen) = self.seen.take() {
            while let Some(late) = seen.late(cx.work_mem, call.args.len())? {
                cx.check_interrupts()?;
                self.pass_on(cx, &late.args, &late.keys, &late.rows, &late.groups)?;
            }
        }
        let Some(kept) = self.kept.take() else { return Ok(()) };
        let accumulator = &mut self.accumulator;
        kept.in_order(call, |rows, groups, args| accumulator.update(cx, &Input { rows, groups, args }))
    }
}

/// Bits of GROUPING(...): one per asked column, set where the set does not group by it.
fn grouping_bits(asked: &[usize], members: &[usize]) -> i32 {
    asked.iter().fold(0, |bits, column| bits << 1 | i32::from(!members.contains(column)))
}

impl Operator for Aggregate {
    fn next(&mut self, cx: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        if self.states.is_none() {
            self.states = Some(self.fill(cx)?);
        }
        // Past the last set come the rows put off.
        while self.states.as_ref().is_some_and(|s| self.at.0 >= s.len()) {
            let next = match self.later.pop() {
                Some(later) => self.catch_up(cx, later)?,
                None if self.pending.is_some() => self.fill(cx)?,
                None => return Ok(None),
            };
            self.states = Some(next);
            self.at = (0, 0);
        }
        let Some(states) = &mut self.states else { return Ok(None) };
        let (set, group) = self.at;
        let Some(state) = states.get_mut(set) else { return Ok(None) };
        let range = group..(group + BATCH_ROWS).min(state.len());
        let len = range.len();
        let mut columns = Vec::with_capacity(self.group.len() + self.grouping.len() + self.calls.len());
        for (n, expr) in self.group.iter().enumerate() {
            columns.push(match state.members.iter().position(|&m| m == n) {
                Some(key) => state.table.key_column(key, range.clone()),
                None => Column::nulls(expr.kind, len),
            });
        }
        for asked in &self.grouping {
            let bits = grouping_bits(asked, &state.members);
            columns.push(Column::constant(ColumnKind::Int4, crate::sql::types::Datum::Int4(bits), len));
        }
        for (call, spec) in state.calls.iter_mut().zip(&self.calls) {
            let mut builder = ColumnBuilder::new(spec.kind, len);
            for group in range.clone() {
                builder.push(call.accumulator.finish(cx, group)?);
            }
            columns.push(builder.finish());
        }
        self.at = if range.end >= state.len() { (set + 1, 0) } else { (set, range.end) };
        Ok(Some(Batch::new(columns, len)))
    }

    fn rescan(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        (self.states, self.at) = (None, (0, 0));
        self.later.clear();
        self.pending = None;
        self.workers.iter_mut().try_for_each(|w| w.input.rescan(cx))?;
        self.input.rescan(cx)
    }
}
