//! Three-valued logic and conditional forms over selections.
//!
//! Each arm runs only on the rows still open: for AND those not yet false, for OR those not yet true, for CASE those no earlier
//! WHEN took, for COALESCE those still NULL. Errors in a later arm therefore never come from rows an earlier one decided.

use super::node::{CompiledExpr, Node};
use crate::error::Result;
use crate::sql::executor::batch::{Column, ColumnBuilder, ColumnKind, Data};
use crate::sql::executor::context::{ExecCx, Local};
use crate::sql::types::Datum;
use std::sync::Arc;

fn all_rows(len: usize) -> Vec<u32> {
    (0..len as u32).collect()
}

/// NOT
pub(super) fn negate(value: &Column) -> Column {
    match (value.data(), value.constant_value()) {
        (Data::Bool(v), _) => Column::bools(v.iter().map(|b| !b).collect(), value.validity().clone()),
        (_, Some(Datum::Bool(b))) => Column::constant(ColumnKind::Bool, Datum::Bool(!b), value.len()),
        (_, Some(_)) => value.clone(),
        _ => Column::from_datums(
            ColumnKind::Bool,
            (0..value.len()).map(|i| value.get_bool(i).map_or(Datum::Null, |b| Datum::Bool(!b))),
        ),
    }
}

/// AND (`decisive` false) and OR (`decisive` true).
pub(super) fn connective(
    cx: &mut ExecCx<'_>,
    arms: &mut [CompiledExpr],
    decisive: bool,
    columns: &[Column],
    len: usize,
    rows: Option<&[u32]>,
) -> Result<Column> {
    let mut values = vec![!decisive; len];
    let mut valid: Option<Vec<bool>> = None;
    let mut open: Option<Vec<u32>> = None;
    for arm in arms {
        let selection = open.as_deref().or(rows);
        if selection.is_some_and(<[u32]>::is_empty) {
            break;
        }
        let result = arm.eval_on(cx, columns, len, selection)?;
        let mut still_open = Vec::with_capacity(selection.map_or(len, <[u32]>::len));
        let mut each = |i: usize| match result.get_bool(i) {
            Some(b) if b == decisive => {
                values[i] = decisive;
                if let Some(valid) = &mut valid {
                    valid[i] = true;
                }
            }
            Some(_) => still_open.push(i as u32),
            None => {
                valid.get_or_insert_with(|| vec![true; len])[i] = false;
                still_open.push(i as u32);
            }
        };
        match selection {
            Some(rows) => rows.iter().for_each(|&i| each(i as usize)),
            None => (0..len).for_each(each),
        }
        open = Some(still_open);
    }
    Ok(Column::bools(values, valid.map(Arc::new)))
}

impl CompiledExpr {
    /// The selected positions where the condition is true, found conjunct by conjunct.
    pub(crate) fn true_rows(
        &mut self,
        cx: &mut ExecCx<'_>,
        columns: &[Column],
        len: usize,
        rows: Option<&[u32]>,
    ) -> Result<Vec<u32>> {
        if let Node::And(arms) = &mut self.node {
            let mut open: Option<Vec<u32>> = None;
            for arm in arms {
                let selection = open.as_deref().or(rows);
                if selection.is_some_and(<[u32]>::is_empty) {
                    break;
                }
                let next = arm.true_rows(cx, columns, len, selection)?;
                open = Some(next);
            }
            return Ok(open.unwrap_or_else(|| rows.map_or_else(|| all_rows(len), <[u32]>::to_vec)));
        }
        let result = self.eval_on(cx, columns, len, rows)?;
        Ok(selected_true(&result, len, rows))
    }
}

fn selected_true(result: &Column, len: usize, rows: Option<&[u32]>) -> Vec<u32> {
    match (result.data(), result.validity(), rows) {
        (Data::Const(v), _, _) => match (&**v, rows) {
            (Datum::Bool(true), Some(rows)) => rows.to_vec(),
            (Datum::Bool(true), None) => all_rows(len),
            _ => Vec::new(),
        },
        (Data::Bool(v), None, None) => {
            // Without branches: write the position always, advance only past the ones that count.
            let mut out = vec![0; len];
            let mut count = 0;
            for (i, &b) in v.iter().enumerate() {
                out[count] = i as u32;
                count += usize::from(b);
            }
            out.truncate(count);
            out
        }
        (Data::Bool(v), None, Some(rows)) => rows.iter().copied().filter(|&i| v[i as usize]).collect(),
        (_, _, Some(rows)) => rows.iter().copied().filter(|&i| result.get_bool(i as usize) == Some(true)).collect(),
        (_, _, None) => (0..len as u32).filter(|&i| result.get_bool(i as usize) == Some(true)).collect(),
    }
}

/// `rows` without those in `taken` (both ascending).
fn without(rows: &[u32], taken: &[u32]) -> Vec<u32> {
    let mut taken = taken.iter().peekable();
    rows.iter()
        .copied()
        .filter(|r| {
            while taken.next_if(|t| *t < r).is_some() {}
            taken.next_if(|t| *t == r).is_none()
        })
        .collect()
}

/// Puts pieces of several columns together: row `i` comes from `parts[from[i]]`; `NONE` is NULL.
fn assemble(kind: ColumnKind, len: usize, parts: &[Column], from: &[u16]) -> Column {
    let mut builder = ColumnBuilder::new(kind, len);
    for (i, &part) in from.iter().enumerate() {
        if part == NONE { builder.push_null() } else { builder.push_from(&parts[usize::from(part)], i) }
    }
    builder.finish()
}

const NONE: u16 = u16::MAX;

/// CASE
pub(super) fn case(
    expr: &mut CompiledExpr,
    cx: &mut ExecCx<'_>,
    columns: &[Column],
    len: usize,
    rows: Option<&[u32]>,
) -> Result<Column> {
    let kind = expr.kind;
    let Node::Case { operand, whens, otherwise } = &mut expr.node else { return Ok(Column::nulls(kind, len)) };
    let pushed = operand.is_some();
    if let Some(operand) = operand {
        let value = operand.eval_on(cx, columns, len, rows)?;
        cx.state.case_operands.push(Local::Column(value));
    }
    let result = case_arms(cx, kind, whens, otherwise.as_deref_mut(), columns, len, rows);
    if pushed {
        cx.state.case_operands.pop();
    }
    result
}

fn case_arms(
    cx: &mut ExecCx<'_>,
    kind: ColumnKind,
    whens: &mut [(CompiledExpr, CompiledExpr)],
    otherwise: Option<&mut CompiledExpr>,
    columns: &[Column],
    len: usize,
    rows: Option<&[u32]>,
) -> Result<Column> {
    let mut open = rows.map_or_else(|| all_rows(len), <[u32]>::to_vec);
    let mut from = vec![NONE; len];
    let mut parts = Vec::with_capacity(whens.len() + 1);
    for (when, then) in whens {
        if open.is_empty() {
            break;
        }
        let taken = when.true_rows(cx, columns, len, Some(&open))?;
        if taken.is_empty() {
            continue;
        }
        parts.push(then.eval_on(cx, columns, len, Some(&taken))?);
        taken.iter().for_each(|&i| from[i as usize] = (parts.len() - 1) as u16);
        open = without(&open, &taken);
    }
    if let Some(otherwise) = otherwise
        && !open.is_empty()
    {
        parts.push(otherwise.eval_on(cx, columns, len, Some(&open))?);
        open.iter().for_each(|&i| from[i as usize] = (parts.len() - 1) as u16);
    }
    Ok(assemble(kind, len, &parts, &from))
}

/// COALESCE
pub(super) fn coalesce(
    cx: &mut ExecCx<'_>,
    kind: ColumnKind,
    args: &mut [CompiledExpr],
    columns: &[Column],
    len: usize,
    rows: Option<&[u32]>,
) -> Result<Column> {
    let mut open = rows.map_or_else(|| all_rows(len), <[u32]>::to_vec);
    let mut from = vec![NONE; len];
    let mut parts = Vec::with_capacity(args.len());
    for arg in args {
        if open.is_empty() {
            break;
        }
        let column = arg.eval_on(cx, columns, len, Some(&open))?;
        if parts.is_empty() && column.kind() == kind && !column.may_have_nulls() {
            return Ok(column);
        }
        let at = parts.len() as u16;
        open.retain(|&i| {
            let null = column.is_null(i as usize);
            if !null {
                from[i as usize] = at;
            }
            null
        });
        parts.push(column);
    }
    Ok(assemble(kind, len, &parts, &from))
}
