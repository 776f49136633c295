//! Batch evaluation: kernels where there are any, row by row inside the batch otherwise.

use super::kernel::and_validity;
use super::node::{CallNode, CompiledExpr, Node};
use super::row::{Row, is_null};
use crate::error::Result;
use crate::sql::executor::batch::{Column, ColumnBuilder, ColumnKind};
use crate::sql::executor::context::ExecCx;
use crate::sql::types::Datum;

/// Calls `each` for every selected position.
pub(super) fn for_rows(len: usize, rows: Option<&[u32]>, mut each: impl FnMut(usize) -> Result<()>) -> Result<()> {
    match rows {
        Some(rows) => rows.iter().try_for_each(|&i| each(i as usize)),
        None => (0..len).try_for_each(each),
    }
}

/// Builds a column of physical length `len` from a value per selected row; other positions are NULL.
pub(super) fn build_rows(
    kind: ColumnKind,
    len: usize,
    rows: Option<&[u32]>,
    mut value: impl FnMut(usize) -> Result<Datum>,
) -> Result<Column> {
    let mut builder = ColumnBuilder::new(kind, len);
    for_rows(len, rows, |i| {
        while builder.len() < i {
            builder.push_null();
        }
        builder.push(value(i)?);
        Ok(())
    })?;
    while builder.len() < len {
        builder.push_null();
    }
    Ok(builder.finish())
}

impl CompiledExpr {
    /// Evaluates over `rows` (ascending positions; `None` for all) of `columns` of length `len`.
    pub(crate) fn eval_on(&mut self, cx: &mut ExecCx<'_>, columns: &[Column], len: usize, rows: Option<&[u32]>) -> Result<Column> {
        let kind = self.kind;
        match &mut self.node {
            Node::Const(value) => Ok(Column::constant(kind, value.clone(), len)),
            Node::Slot(slot) if *slot < columns.len() => {
                let column = &columns[*slot];
                Ok(if column.kind() == kind { column.clone() } else { column.clone().relabel(kind) })
            }
            Node::Outer(_) | Node::Param(_) | Node::SessionValue(_) => {
                let value = self.eval_at(cx, Row::of(&[]))?;
                Ok(Column::constant(kind, value, len))
            }
            Node::Call(call) => call_on(call, cx, kind, columns, len, rows),
            Node::And(arms) => super::logic::connective(cx, arms, false, columns, len, rows),
            Node::Or(arms) => super::logic::connective(cx, arms, true, columns, len, rows),
            Node::Not(arg) => {
                let value = arg.eval_on(cx, columns, len, rows)?;
                Ok(super::logic::negate(&value))
            }
            Node::IsNull { arg, negated, row } => {
                let value = arg.eval_on(cx, columns, len, rows)?;
                Ok(null_test(&value, *negated, *row))
            }
            Node::BoolTest { arg, value, negated } => {
                let column = arg.eval_on(cx, columns, len, rows)?;
                let values = (0..len).map(|i| (column.get_bool(i) == *value) != *negated).collect();
                Ok(Column::bools(values, None))
            }
            Node::Case { .. } => super::logic::case(self, cx, columns, len, rows),
            Node::Coalesce(args) => super::logic::coalesce(cx, kind, args, columns, len, rows),
            Node::InList(list) => list.eval_on(cx, columns, len, rows),
            Node::Relabel(arg) => Ok(arg.eval_on(cx, columns, len, rows)?.relabel(kind)),
            Node::Subquery(plan) if plan.is_uncorrelated_scalar() => {
                let value = plan.eval_at(cx, Row::of(&[]))?;
                Ok(Column::constant(kind, value, len))
            }
            _ => self.one_by_one(cx, columns, len, rows),
        }
    }

    /// Every selected row by itself.
    fn one_by_one(&mut self, cx: &mut ExecCx<'_>, columns: &[Column], len: usize, rows: Option<&[u32]>) -> Result<Column> {
        let kind = self.kind;
        build_rows(kind, len, rows, |i| self.eval_at(cx, Row::at(columns, i)))
    }
}

fn null_test(value: &Column, negated: bool, by_field: bool) -> Column {
    let len = value.len();
    if by_field {
        let values = (0..len).map(|i| is_null(&value.get(i), negated, true)).collect();
        return Column::bools(values, None);
    }
    match value.valid_flags() {
        None => Column::constant(ColumnKind::Bool, Datum::Bool(negated), len),
        Some(valid) => Column::bools(valid.iter().map(|&v| v == negated).collect(), None),
    }
}

fn call_on(
    call: &mut CallNode,
    cx: &mut ExecCx<'_>,
    kind: ColumnKind,
    columns: &[Column],
    len: usize,
    rows: Option<&[u32]>,
) -> Result<Column> {
    let mut args = Vec::with_capacity(call.args.len());
    for arg in &mut call.args {
        args.push(arg.eval_on(cx, columns, len, rows)?);
    }
    let selected = rows.map_or(len, <[u32]>::len);
    if selected == 0 {
        return Ok(Column::nulls(kind, len));
    }
    if !call.volatile && args.iter().all(|a| a.constant_value().is_some()) {
        call.values.clear();
        call.values.extend(args.iter().map(|a| a.get(0)));
        let value = call.invoke(cx)?;
        return Ok(Column::constant(kind, value, len));
    }
    if call.strict && args.iter().any(|a| a.constant_value().is_some_and(Datum::is_null)) {
        return Ok(Column::nulls(kind, len));
    }
    if let Some(kernel) = &call.kernel
        && let Some(column) = kernel.run(&args, rows, kind)
    {
        return Ok(column);
    }
    if call.strict && args.len() == 2 {
        let valid = and_validity(&args[0], &args[1]);
        return build_rows(kind, len, rows, |i| {
            if valid.as_ref().is_some_and(|v| !v[i]) {
                return Ok(Datum::Null);
            }
            call.invoke_pair(cx, args[0].get(i), args[1].get(i))
        });
    }
    build_rows(kind, len, rows, |i| {
        call.values.clear();
        call.values.extend(args.iter().map(|a| a.get(i)));
        call.invoke(cx)
    })
}
