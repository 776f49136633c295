//! Subqueries inside expressions.
//!
//! A plan without correlation runs once and its answer is kept. A correlated one runs again for every distinct set of outer
//! values (answers are remembered). `= ANY` over an uncorrelated subquery becomes a hash set of its rows.

use super::kernel::CmpOp;
use super::node::{CompiledExpr, Node};
use super::row::{Row, is_true};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::executor::Operator;
use crate::sql::executor::batch::{ColumnKind, hash_combine, hash_datum};
use crate::sql::executor::context::ExecCx;
use crate::sql::executor::order;
use crate::sql::types::datum::Record;
use crate::sql::types::{Datum, Oid, Type};
use hashbrown::HashMap;
use smol_str::SmolStr;
use std::sync::Arc;

/// How many remembered answers a correlated subquery keeps.
const REMEMBERED: usize = 4096;

/// How the subquery's rows become a value.
pub enum SubPlanKind {
    /// One row, one column.
    Scalar,
    /// Whether there is a row.
    Exists,
    /// All rows of one column as an array with this element type; `nested` when the column is an array itself.
    Array { elem: Oid, nested: bool },
    /// `test` over the outer row and the subquery's columns, ANY or ALL.
    /// The outer row is `width` columns wide; the subquery's columns follow.
    Quantified { any: bool, test: Box<CompiledExpr>, width: usize },
    /// One row as a record with these field types and names.
    Row { types: Vec<Type>, names: Arc<[SmolStr]> },
}

/// An outer value the plan refers to.
pub struct Correlation {
    /// Slot in `ExecState::outer`.
    pub slot: usize,
    /// Where the value comes from: a column of this expression's input, or `None` when an outer plan has set it already.
    pub from: Option<CompiledExpr>,
}

/// A subquery's plan with what it needs to run.
pub struct SubPlan {
    kind: SubPlanKind,
    plan: Box<dyn Operator>,
    correlations: Vec<Correlation>,
    volatile: bool,
    started: bool,
    once: Option<Datum>,
    remembered: HashMap<u64, Vec<(Vec<Datum>, Datum)>, foldhash::fast::FixedState>,
    remembered_count: usize,
    rows: Option<HashedRows>,
}

/// The rows of an uncorrelated `= ANY` subquery.
struct HashedRows {
    kind: ColumnKind,
    buckets: HashMap<u64, Vec<Datum>, foldhash::fast::FixedState>,
    has_null: bool,
    empty: bool,
}

impl SubPlan {
    /// A subquery over a built plan. `volatile` when it calls volatile functions: its answers are not remembered per key.
    pub fn new(kind: SubPlanKind, plan: Box<dyn Operator>, correlations: Vec<Correlation>, volatile: bool) -> Self {
        Self {
            kind,
            plan,
            correlations,
            volatile,
            started: false,
            once: None,
            remembered: HashMap::default(),
            remembered_count: 0,
            rows: None,
        }
    }

    /// Whether it is one value for the whole statement.
    pub(super) fn is_uncorrelated_scalar(&self) -> bool {
        self.correlations.is_empty() && !matches!(self.kind, SubPlanKind::Quantified { .. })
    }

    /// The value for one outer row.
    pub(super) fn eval_at(&mut self, cx: &mut ExecCx<'_>, row: Row<'_>) -> Result<Datum> {
        if self.correlations.is_empty() {
            if let Some(answer) = self.hashed(cx, row)? {
                return Ok(answer);
            }
            if !matches!(self.kind, SubPlanKind::Quantified { .. }) {
                if self.once.is_none() {
                    let value = self.run(cx, row)?;
                    self.once = Some(value);
                }
                return Ok(self.once.clone().unwrap_or_default());
            }
            return self.run(cx, row);
        }
        let mut key = Vec::with_capacity(self.correlations.len());
        for correlation in &mut self.correlations {
            match &mut correlation.from {
                Some(from) => {
                    let value = from.eval_at(cx, row)?;
                    cx.set_outer(correlation.slot, value.clone());
                    key.push(value);
                }
                None => key.push(cx.state.outer.get(correlation.slot).cloned().unwrap_or_default()),
            }
        }
        if self.volatile || matches!(self.kind, SubPlanKind::Quantified { .. }) {
            return self.run(cx, row);
        }
        let hash = key.iter().fold(0, |h, v| hash_combine(h, hash_datum(ColumnKind::Datum, v)));
        let known = self.remembered.get(&hash).and_then(|bucket| bucket.iter().find(|(k, _)| same_key(k, &key)));
        if let Some((_, value)) = known {
            return Ok(value.clone());
        }
        let value = self.run(cx, row)?;
        if self.remembered_count >= REMEMBERED {
            self.remembered.clear();
            self.remembered_count = 0;
        }
        self.remembered.entry(hash).or_default().push((key, value.clone()));
        self.remembered_count += 1;
        Ok(value)
    }

    fn start(&mut self, cx: &mut ExecCx<'_>) -> Result<()> {
        if self.started {
            self.plan.rescan(cx)?;
        }
        self.started = true;
        Ok(())
    }

    fn run(&mut self, cx: &mut ExecCx<'_>, row: Row<'_>) -> Result<Datum> {
        self.start(cx)?;
        match &mut self.kind {
            SubPlanKind::Exists => exists(&mut *self.plan, cx),
            SubPlanKind::Scalar => {
                Ok(single_row(&mut *self.plan, cx)?.and_then(|values| values.into_iter().next()).unwrap_or_default())
            }
            SubPlanKind::Row { types, names } => Ok(match single_row(&mut *self.plan, cx)? {
                Some(values) => Datum::Record(Arc::new(Record {
                    ty: Oid::RECORD,
                    fields: types.iter().copied().zip(values).collect(),
                    names: Arc::clone(names),
                })),
                None => Datum::Null,
            }),
            SubPlanKind::Array { elem, nested } => {
                let mut values = Vec::new();
                while let Some(batch) = self.plan.next(cx)? {
                    values.extend(batch.positions().map(|i| batch.columns[0].get(i)));
                }
                if *nested { super::forms::nested_array(*elem, values) } else { Ok(super::forms::flat_array(*elem, values)) }
            }
            SubPlanKind::Quantified { any, test, .. } => quantified(&mut *self.plan, cx, row, *any, test),
        }
    }

    /// Answers `x = ANY (uncorrelated)` from a hash set; `None` when the test has another shape.
    fn hashed(&mut self, cx: &mut ExecCx<'_>, row: Row<'_>) -> Result<Option<Datum>> {
        let SubPlanKind::Quantified { any, test, width } = &mut self.kind else { return Ok(None) };
        let want = if *any { CmpOp::Eq } else { CmpOp::Ne };
        let Node::Call(call) = &mut test.node else { return Ok(None) };
        let hashable = call.kernel.as_ref().is_some_and(|k| matches!(k, super::kernel::Kernel::Compare(op) if *op == want));
        let [left, right] = &mut call.args[..] else { return Ok(None) };
        if !hashable || right.as_slot().is_none_or(|slot| slot < *width) || left.reads_extra(*width) {
            return Ok(None);
        }
        let (any, kind) = (*any, right.kind);
        if self.rows.is_none() {
            self.rows = Some(HashedRows::collect(&mut *self.plan, cx, kind)?);
            self.started = true;
        }
        let SubPlanKind::Quantified { test, .. } = &mut self.kind else { return Ok(None) };
        let Node::Call(call) = &mut test.node else { return Ok(None) };
        let value = call.args[0].eval_at(cx, row)?;
        let found = self.rows.as_ref().and_then(|rows| rows.find(&value));
        Ok(Some(match found {
            Some(found) => Datum::Bool(found == any),
            None => Datum::Null,
        }))
    }
}

impl CompiledExpr {
    /// Whether the expression may read columns past the outer row's. Only the plainest forms are looked into.
    fn reads_extra(&self, width: usize) -> bool {
        match &self.node {
            Node::Relabel(arg) => arg.reads_extra(width),
            Node::Slot(slot) => *slot >= width,
            Node::Const(_) | Node::Param(_) | Node::Outer(_) => false,
            Node::Call(call) => call.args.iter().any(|a| a.reads_extra(width)),
            _ => true,
        }
    }
}

impl HashedRows {
    fn collect(plan: &mut dyn Operator, cx: &mut ExecCx<'_>, kind: ColumnKind) -> Result<Self> {
        let mut rows = Self { kind, buckets: HashMap::default(), has_null: false, empty: true };
        while let Some(batch) = plan.next(cx)? {
            for i in batch.positions() {
                rows.empty = false;
                let value = batch.columns[0].get(i);
                if value.is_null() {
                    rows.has_null = true;
                    continue;
                }
                let bucket = rows.buckets.entry(hash_datum(kind, &value)).or_default();
                if !bucket.iter().any(|v| order::compare(kind, v, &value).is_eq()) {
                    bucket.push(value);
                }
            }
        }
        Ok(rows)
    }

    /// Whether the value is among the rows; `None` for unknown.
    fn find(&self, value: &Datum) -> Option<bool> {
        if self.empty {
            return Some(false);
        }
        if value.is_null() {
            return None;
        }
        let bucket = self.buckets.get(&hash_datum(self.kind, value));
        match bucket.is_some_and(|b| b.iter().any(|v| order::compare(self.kind, v, value).is_eq())) {
            true => Some(true),
            false if self.has_null => None,
            false => Some(false),
        }
    }
}

fn same_key(a: &[Datum], b: &[Datum]) -> bool {
    a.iter().zip(b).all(|(x, y)| match (x.is_null(), y.is_null()) {
        (false, false) => order::compare(ColumnKind::Datum, x, y).is_eq(),
        (x, y) => x == y,
    })
}

fn exists(plan: &mut dyn Operator, cx: &mut ExecCx<'_>) -> Result<Datum> {
    while let Some(batch) = plan.next(cx)? {
        if batch.rows() > 0 {
            return Ok(Datum::Bool(true));
        }
    }
    Ok(Datum::Bool(false))
}

fn single_row(plan: &mut dyn Operator, cx: &mut ExecCx<'_>) -> Result<Option<Vec<Datum>>> {
    let mut found = None;
    while let Some(batch) = plan.next(cx)? {
        if batch.rows() + usize::from(found.is_some()) > 1 {
            return Err(err!(SqlState::CARDINALITY_VIOLATION, "more than one row returned by a subquery used as an expression"));
        }
        if batch.rows() == 1 {
            found = Some(batch.row(batch.position(0)));
        }
    }
    Ok(found)
}

fn quantified(plan: &mut dyn Operator, cx: &mut ExecCx<'_>, row: Row<'_>, any: bool, test: &mut CompiledExpr) -> Result<Datum> {
    let mut unknown = false;
    while let Some(batch) = plan.next(cx)? {
        for i in batch.positions() {
            let inner = batch.row(i);
            let value = test.eval_at(cx, row.with_extra(&inner))?;
            if value.is_null() {
                unknown = true;
            } else if is_true(&value) == any {
                return Ok(Datum::Bool(any));
            }
        }
    }
    Ok(if unknown { Datum::Null } else { Datum::Bool(!any) })
}
