//! One-row evaluation of every expression form.

use super::node::{CallNode, CompiledExpr, Node, Target};
use crate::error::{Result, SqlError};
use crate::sql::executor::batch::Column;
use crate::sql::executor::context::{ExecCx, Local};
use crate::sql::executor::order;
use crate::sql::plan::{RowOp, SessionValue};
use crate::sql::types::{Datum, Type, io};
use std::cmp::Ordering;

/// The row an expression looks at: an operator's input row, and to its right the columns of a subquery's row.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    cells: Cells<'a>,
    extra: &'a [Datum],
}

#[derive(Clone, Copy)]
enum Cells<'a> {
    Datums(&'a [Datum]),
    Batch(&'a [Column], usize),
}

impl<'a> Row<'a> {
    /// A row of datums.
    pub fn of(datums: &'a [Datum]) -> Self {
        Self { cells: Cells::Datums(datums), extra: &[] }
    }

    /// A position of a batch.
    pub fn at(columns: &'a [Column], position: usize) -> Self {
        Self { cells: Cells::Batch(columns, position), extra: &[] }
    }

    /// The same row with more columns on the right.
    #[must_use]
    pub fn with_extra<'b>(self, extra: &'b [Datum]) -> Row<'b>
    where
        'a: 'b,
    {
        Row { cells: self.cells, extra }
    }

    /// The value of a column.
    #[inline]
    pub fn get(&self, slot: usize) -> Datum {
        match self.cells {
            Cells::Datums(d) if slot < d.len() => d[slot].clone(),
            Cells::Datums(d) => self.extra[slot - d.len()].clone(),
            Cells::Batch(columns, at) if slot < columns.len() => columns[slot].get(at),
            Cells::Batch(columns, _) => self.extra[slot - columns.len()].clone(),
        }
    }

    fn position(&self) -> usize {
        match self.cells {
            Cells::Datums(_) => 0,
            Cells::Batch(_, at) => at,
        }
    }
}

impl CallNode {
    /// Runs the function on the argument values in `self.values`; NULL for a strict function with a NULL argument.
    pub(crate) fn invoke(&mut self, cx: &mut ExecCx<'_>) -> Result<Datum> {
        if self.strict && self.values.iter().any(Datum::is_null) {
            return Ok(Datum::Null);
        }
        match &self.target {
            Target::Scalar(code) => code(&mut cx.function(&mut self.site), &self.values),
            Target::Sql(function, body) => cx.routines.call_sql(function, body, &self.values, &self.site),
            Target::User(function) => cx.routines.call(function, &self.values, &self.site),
        }
    }

    /// Runs the function on two values given.
    pub(crate) fn invoke_pair(&mut self, cx: &mut ExecCx<'_>, left: Datum, right: Datum) -> Result<Datum> {
        self.values.clear();
        self.values.push(left);
        self.values.push(right);
        self.invoke(cx)
    }

    fn call_at(&mut self, cx: &mut ExecCx<'_>, row: Row<'_>) -> Result<Datum> {
        self.values.clear();
        for arg in &mut self.args {
            let value = arg.eval_at(cx, row)?;
            self.values.push(value);
        }
        self.invoke(cx)
    }
}

impl CompiledExpr {
    /// Evaluates for one row.
    pub(crate) fn eval_at(&mut self, cx: &mut ExecCx<'_>, row: Row<'_>) -> Result<Datum> {
        match &mut self.node {
            Node::Const(value) => Ok(value.clone()),
            Node::Slot(slot) => Ok(row.get(*slot)),
            Node::Outer(slot) => Ok(cx.state.outer.get(*slot).cloned().unwrap_or_default()),
            Node::Param(n) => param(cx, *n),
            Node::CaseOperand => Ok(match cx.state.case_operands.last() {
                Some(Local::Value(value)) => value.clone(),
                Some(Local::Column(column)) => column.get(row.position()),
                None => Datum::Null,
            }),
            Node::Value => Ok(cx.state.values.last().cloned().unwrap_or_default()),
            Node::Call(call) => call.call_at(cx, row),
            Node::And(arms) => connective(cx, row, arms, false),
            Node::Or(arms) => connective(cx, row, arms, true),
            Node::Not(arg) => Ok(match arg.eval_at(cx, row)? {
                Datum::Bool(b) => Datum::Bool(!b),
                _ => Datum::Null,
            }),
            Node::IsNull { arg, negated, row: by_field } => {
                let value = arg.eval_at(cx, row)?;
                Ok(Datum::Bool(is_null(&value, *negated, *by_field)))
            }
            Node::BoolTest { arg, value, negated } => {
                let got = match arg.eval_at(cx, row)? {
                    Datum::Bool(b) => Some(b),
                    _ => None,
                };
                Ok(Datum::Bool((got == *value) != *negated))
            }
            Node::Distinct { eq, negated } => {
                let (left, right) = (eq.args[0].eval_at(cx, row)?, eq.args[1].eval_at(cx, row)?);
                let distinct = distinct(cx, eq, left, right)?;
                Ok(Datum::Bool(distinct != *negated))
            }
            Node::NullIf(eq) => {
                let left = eq.args[0].eval_at(cx, row)?;
                let right = eq.args[1].eval_at(cx, row)?;
                let equal = !left.is_null() && !right.is_null() && is_true(&eq.invoke_pair(cx, left.clone(), right)?);
                Ok(if equal { Datum::Null } else { left })
            }
            Node::Case { operand, whens, otherwise } => {
                let pushed = operand.is_some();
                if let Some(operand) = operand {
                    let value = operand.eval_at(cx, row)?;
                    cx.state.case_operands.push(Local::Value(value));
                }
                let result = case_at(cx, row, whens, otherwise.as_deref_mut());
                if pushed {
                    cx.state.case_operands.pop();
                }
                result
            }
            Node::Coalesce(args) => {
                for arg in args {
                    let value = arg.eval_at(cx, row)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Ok(Datum::Null)
            }
            Node::MinMax { greatest, args } => min_max(cx, row, *greatest, args),
            Node::InList(list) => list.eval_at(cx, row),
            Node::RowCompare { op, left, right } => row_compare(cx, row, *op, left, right),
            Node::Relabel(arg) => arg.eval_at(cx, row).map(|value| self.kind.relabel(value)),
            Node::Subquery(plan) => plan.eval_at(cx, row),
            Node::SessionValue(value) => session_value(cx, *value, self.ty),
            Node::CurrentOf(cursor, table) => Ok(cx.routines.cursor_row(cursor, *table)?.unwrap_or_default()),
            Node::NextVal(sequence) => sequence_value(cx.session.nextval(*sequence)?, self.ty),
            _ => self.compound_at(cx, row),
        }
    }
}

/// Whether a condition's value lets a row pass.
#[inline]
pub(crate) fn is_true(value: &Datum) -> bool {
    matches!(value, Datum::Bool(true))
}

fn param(cx: &ExecCx<'_>, n: usize) -> Result<Datum> {
    let value = cx.params.get(n).cloned();
    value.ok_or_else(|| SqlError::internal(format!("no value for parameter ${}", n + 1)))
}

/// AND (`decisive` false) or OR (`decisive` true): stops at the first decisive arm.
fn connective(cx: &mut ExecCx<'_>, row: Row<'_>, arms: &mut [CompiledExpr], decisive: bool) -> Result<Datum> {
    let mut unknown = false;
    for arm in arms {
        match arm.eval_at(cx, row)? {
            Datum::Bool(b) if b == decisive => return Ok(Datum::Bool(decisive)),
            Datum::Bool(_) => {}
            _ => unknown = true,
        }
    }
    Ok(if unknown { Datum::Null } else { Datum::Bool(!decisive) })
}

/// `IS [NOT] NULL`; for a row value by its fields: IS NULL when all are, IS NOT NULL when none is.
pub(crate) fn is_null(value: &Datum, negated: bool, by_field: bool) -> bool {
    match value {
        Datum::Record(record) if by_field => {
            if negated {
                record.fields.iter().all(|(_, v)| !v.is_null())
            } else {
                record.fields.iter().all(|(_, v)| v.is_null())
            }
        }
        other => other.is_null() != negated,
    }
}

pub(crate) fn distinct(cx: &mut ExecCx<'_>, eq: &mut CallNode, left: Datum, right: Datum) -> Result<bool> {
    match (left.is_null(), right.is_null()) {
        (false, false) => Ok(!is_true(&eq.invoke_pair(cx, left, right)?)),
        (a, b) => Ok(a != b),
    }
}

fn case_at(
    cx: &mut ExecCx<'_>,
    row: Row<'_>,
    whens: &mut [(CompiledExpr, CompiledExpr)],
    otherwise: Option<&mut CompiledExpr>,
) -> Result<Datum> {
    for (when, then) in whens {
        if is_true(&when.eval_at(cx, row)?) {
            return then.eval_at(cx, row);
        }
    }
    otherwise.map_or(Ok(Datum::Null), |e| e.eval_at(cx, row))
}

fn min_max(cx: &mut ExecCx<'_>, row: Row<'_>, greatest: bool, args: &mut [CompiledExpr]) -> Result<Datum> {
    let want = if greatest { Ordering::Greater } else { Ordering::Less };
    let mut best = Datum::Null;
    for arg in args {
        let value = arg.eval_at(cx, row)?;
        if !value.is_null() && (best.is_null() || order::compare(arg.kind, &value, &best) == want) {
            best = value;
        }
    }
    Ok(best)
}

fn row_compare(
    cx: &mut ExecCx<'_>,
    row: Row<'_>,
    op: RowOp,
    left: &mut [CompiledExpr],
    right: &mut [CompiledExpr],
) -> Result<Datum> {
    let mut ordering = Ordering::Equal;
    for (l, r) in left.iter_mut().zip(right) {
        let (a, b) = (l.eval_at(cx, row)?, r.eval_at(cx, row)?);
        if a.is_null() || b.is_null() {
            return Ok(Datum::Null);
        }
        ordering = order::compare(l.kind, &a, &b);
        if ordering != Ordering::Equal {
            break;
        }
    }
    Ok(Datum::Bool(match op {
        RowOp::Lt => ordering.is_lt(),
        RowOp::Le => ordering.is_le(),
        RowOp::Ge => ordering.is_ge(),
        RowOp::Gt => ordering.is_gt(),
    }))
}

/// nextval under the column's integer type.
fn sequence_value(value: i64, ty: Type) -> Result<Datum> {
    use crate::sql::types::Oid;
    let out_of_range = |name: &str| crate::err!(crate::error::SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "{name} out of range");
    match ty.oid {
        Oid::INT2 => i16::try_from(value).map(Datum::Int2).map_err(|_| out_of_range("smallint")),
        Oid::INT4 => i32::try_from(value).map(Datum::Int4).map_err(|_| out_of_range("integer")),
        _ => Ok(Datum::Int8(value)),
    }
}

/// CURRENT_DATE and friends: from the transaction's start, in the session's zone, rounded to the type's precision.
fn session_value(cx: &ExecCx<'_>, value: SessionValue, ty: Type) -> Result<Datum> {
    match value {
        SessionValue::CurrentTimestamp | SessionValue::LocalTimestamp | SessionValue::CurrentTime | SessionValue::LocalTime => {
            io::input(cx.io, "now", ty)
        }
        SessionValue::CurrentDate => io::input(cx.io, "today", ty),
        SessionValue::CurrentUser => Ok(Datum::text(cx.session.current_user().0)),
        SessionValue::SessionUser => Ok(Datum::text(cx.session.session_user().0)),
        SessionValue::CurrentCatalog => Ok(Datum::text(cx.session.database().0)),
        SessionValue::CurrentSchema => Ok(cx.session.search_path(false).first().map_or(Datum::Null, Datum::text)),
    }
}
