//! Aggregation: GROUP BY with grouping sets, and aggregates over everything.
//!
//! Rows are numbered by their group in a hash table and their argument columns fed to accumulators, a batch at a time. A call
//! with DISTINCT first passes its arguments through a table of its own; one with ORDER BY (or WITHIN GROUP) keeps its rows until
//! the end and feeds them in order.
//!
//! A big scan can be aggregated by several threads, each over its share of the scan's pieces; their partial states are merged.

use super::batch::BATCH_ROWS;
use super::group_table::GroupTable;
use super::sort::{SortColumn, SortOrder, sorted_rows};
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
    seen: Option<GroupTable>,
    /// Rows kept for ORDER BY: group, arguments, sort keys.
    kept: Option<Kept>,
}

/// Rows kept until the end.
#[derive(Default)]
struct Kept {
    groups: Vec<u32>,
    args: Vec<Vec<Column>>,
    keys: Vec<Vec<Column>>,
}

/// One grouping set at work.
struct SetState {
    /// Which of the group columns it groups by.
    members: Vec<usize>,
    table: GroupTable,
    calls: Vec<CallState>,
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
        Self { input, group, sets, grouping, calls, workers: Vec::new(), states: None, at: (0, 0) }
    }

    /// Adds workers: the same aggregation, built again over an input that shares the scan's `Pieces`.
    #[must_use]
    pub fn with_workers(mut self, workers: Vec<Aggregate>) -> Self {
        self.workers = workers;
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

    fn fresh_states(&self) -> Result<Vec<SetState>> {
        self.sets
            .iter()
            .map(|members| {
                let kinds: Vec<ColumnKind> = members.iter().map(|&m| self.group[m].kind).collect();
                let calls = self.calls.iter().map(CallState::new).collect::<Result<Vec<_>>>()?;
                Ok(SetState { members: members.clone(), table: GroupTable::new(&kinds), calls })
            })
            .collect()
    }

    /// Reads the input to its end.
    fn collect(&mut self, cx: &mut ExecCx<'_>) -> Result<Vec<SetState>> {
        let mut states = self.fresh_states()?;
        let mut groups = Vec::new();
        while let Some(batch) = self.input.next(cx)? {
            cx.check_interrupts()?;
            let rows: Vec<u32> = batch.positions().map(|i| i as u32).collect();
            if rows.is_empty() {
                continue;
            }
            let mut keys = Vec::with_capacity(self.group.len());
            for expr in &mut self.group {
                keys.push(expr.eval(cx, &batch)?);
            }
            let mut inputs = Vec::with_capacity(self.calls.len());
            for call in &mut self.calls {
                inputs.push(CallInput::evaluate(cx, call, &batch, &rows)?);
            }
            for state in &mut states {
                state.take(cx, &keys, &rows, &inputs, &mut groups)?;
            }
        }
        Ok(states)
    }

    fn fill(&mut self, cx: &mut ExecCx<'_>) -> Result<Vec<SetState>> {
        let mut states =
            if self.workers.is_empty() || cx.parallelism < 2 { self.collect(cx)? } else { self.collect_in_parallel(cx)? };
        for state in &mut states {
            // An empty grouping set has its one group even without rows.
            if state.members.is_empty() {
                state.resize(1);
            }
            for (call, spec) in state.calls.iter_mut().zip(&self.calls) {
                call.feed_kept(cx, spec)?;
            }
        }
        Ok(states)
    }

    /// Every worker on a thread of its own, this operator's input on the caller's; then the partial states are merged.
    fn collect_in_parallel(&mut self, cx: &mut ExecCx<'_>) -> Result<Vec<SetState>> {
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
        for other in others {
            for (state, partial) in states.iter_mut().zip(other?) {
                state.merge(partial)?;
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

    /// Takes a batch's rows in.
    fn take(
        &mut self,
        cx: &mut ExecCx<'_>,
        keys: &[Column],
        rows: &[u32],
        inputs: &[CallInput],
        groups: &mut Vec<u32>,
    ) -> Result<()> {
        groups.clear();
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
            self.table.number(keys, rows, groups);
            let count = self.table.len();
            self.resize(count);
        }
        for (call, input) in self.calls.iter_mut().zip(inputs) {
            match &input.rows {
                None => call.take(cx, input, rows, groups)?,
                Some(chosen) => {
                    let chosen_groups = pick_groups(rows, groups, chosen);
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
        let seen = call.distinct.then(|| {
            let mut kinds = vec![ColumnKind::Int8];
            kinds.extend(call.args.iter().map(|a| a.kind));
            GroupTable::new(&kinds)
        });
        Ok(Self { accumulator: (call.make)()?, seen, kept: (!call.order.is_empty()).then(Kept::default) })
    }

    fn take(&mut self, cx: &mut ExecCx<'_>, input: &CallInput, rows: &[u32], groups: &[u32]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let Some(seen) = &mut self.seen else { return self.pass_on(cx, input, rows, groups) };
        let len = rows.iter().max().map_or(0, |&m| m as usize + 1).max(input.args.first().map_or(0, Column::len));
        let mut by_row = vec![0_i64; len];
        if !groups.is_empty() {
            rows.iter().zip(groups).for_each(|(&r, &g)| by_row[r as usize] = i64::from(g));
        }
        let mut keys = vec![Column::new(ColumnKind::Int8, super::batch::Data::I64(Arc::new(by_row)), None)];
        keys.extend(input.args.iter().cloned());
        let mut next = seen.len() as u32;
        let mut numbers = Vec::new();
        seen.number(&keys, rows, &mut numbers);
        let (mut new_rows, mut new_groups) = (Vec::new(), Vec::new());
        for (i, &number) in numbers.iter().enumerate() {
            if number == next {
                next += 1;
                new_rows.push(rows[i]);
                if !groups.is_empty() {
                    new_groups.push(groups[i]);
                }
            }
        }
        self.pass_on(cx, input, &new_rows, &new_groups)
    }

    fn pass_on(&mut self, cx: &mut ExecCx<'_>, input: &CallInput, rows: &[u32], groups: &[u32]) -> Result<()> {
        let Some(kept) = &mut self.kept else {
            return self.accumulator.update(cx, &Input { rows, groups, args: &input.args });
        };
        if groups.is_empty() {
            kept.groups.resize(kept.groups.len() + rows.len(), 0);
        } else {
            kept.groups.extend_from_slice(groups);
        }
        kept.args.push(input.args.iter().map(|c| c.gather(rows)).collect());
        kept.keys.push(input.keys.iter().map(|c| c.gather(rows)).collect());
        Ok(())
    }

    /// Sorts the kept rows by group and key and takes them in.
    fn feed_kept(&mut self, cx: &mut ExecCx<'_>, call: &AggregateCall) -> Result<()> {
        let Some(kept) = self.kept.take() else { return Ok(()) };
        if kept.groups.is_empty() {
            return Ok(());
        }
        let whole = |parts: &[Vec<Column>], n: usize, kind: ColumnKind| {
            Column::concat(kind, &parts.iter().map(|p| p[n].clone()).collect::<Vec<_>>())
        };
        let args: Vec<Column> = call.args.iter().enumerate().map(|(n, a)| whole(&kept.args, n, a.kind)).collect();
        let rows = kept.groups.len();
        let by_group = kept.groups.iter().map(|&g| i64::from(g)).collect();
        let mut keys = vec![Column::new(ColumnKind::Int8, super::batch::Data::I64(Arc::new(by_group)), None)];
        keys.extend(call.order.iter().enumerate().map(|(n, k)| whole(&kept.keys, n, k.expr.kind)));
        let mut orders = vec![SortOrder { desc: false, nulls_first: false }];
        orders.extend(call.order.iter().map(|k| SortOrder { desc: k.desc, nulls_first: k.nulls_first }));
        let order = sorted_rows(&orders, &keys, rows);
        let groups: Vec<u32> = order.iter().map(|&r| kept.groups[r as usize]).collect();
        self.accumulator.update(cx, &Input { rows: &order, groups: &groups, args: &args })
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
        self.workers.iter_mut().try_for_each(|w| w.input.rescan(cx))?;
        self.input.rescan(cx)
    }
}
