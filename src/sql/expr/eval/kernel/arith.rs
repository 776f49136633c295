//! Integer, float and date arithmetic.
//!
//! A vector is computed with wrapping arithmetic while an "it overflowed somewhere" flag is collected; only when it is set are
//! the selected, valid rows looked at one by one, and the caller lets the scalar function raise its error.

use super::operand::{Operand, and_validity, any_selected, map2};
use super::{ArithOp, Kernel};
use crate::sql::executor::batch::{Column, ColumnKind, Data};
use crate::sql::types::Datum;
use std::sync::Arc;

/// The kernel of an arithmetic function symbol.
pub(super) fn of_symbol(symbol: &str) -> Option<Kernel> {
    let op = |suffix: &str| {
        Some(match suffix {
            "pl" | "add" => ArithOp::Add,
            "mi" | "sub" => ArithOp::Sub,
            "mul" => ArithOp::Mul,
            "div" => ArithOp::Div,
            "mod" => ArithOp::Mod,
            _ => return None,
        })
    };
    for family in ["int24", "int42", "int28", "int82", "int48", "int84", "int2", "int4", "int8"] {
        if let Some(found) = symbol.strip_prefix(family).and_then(op) {
            return Some(Kernel::Int(found));
        }
    }
    if let Some(found) = symbol.strip_prefix("float8").and_then(op) {
        return (found != ArithOp::Mod).then_some(Kernel::Float(found));
    }
    if let Some(found) = symbol.strip_prefix("numeric_").and_then(op) {
        return matches!(found, ArithOp::Add | ArithOp::Sub | ArithOp::Mul).then_some(Kernel::Decimal(found));
    }
    match symbol {
        "date_pli" => Some(Kernel::DateShift(ArithOp::Add)),
        "date_mii" => Some(Kernel::DateShift(ArithOp::Sub)),
        _ => None,
    }
}

/// A column as 64-bit integers.
fn wide<'a>(column: &'a Column, widened: &'a mut Vec<i64>) -> Option<Operand<'a, i64>> {
    match column.data() {
        Data::I64(v) => return Some(Operand::Vector(v)),
        Data::I32(v) => *widened = v.iter().map(|&x| x.into()).collect(),
        Data::I16(v) => *widened = v.iter().map(|&x| x.into()).collect(),
        Data::Const(v) => {
            return Some(Operand::Const(match **v {
                Datum::Int2(x) => x.into(),
                Datum::Int4(x) => x.into(),
                Datum::Int8(x) => x,
                Datum::Null => 0,
                _ => return None,
            }));
        }
        _ => return None,
    }
    Some(Operand::Vector(widened))
}

fn compute(op: ArithOp, x: i64, y: i64) -> (i64, bool) {
    match op {
        ArithOp::Add => x.overflowing_add(y),
        ArithOp::Sub => x.overflowing_sub(y),
        ArithOp::Mul => x.overflowing_mul(y),
        ArithOp::Div if y == 0 => (0, true),
        ArithOp::Div => x.overflowing_div(y),
        ArithOp::Mod if y == 0 => (0, true),
        ArithOp::Mod => (x.wrapping_rem(y), false),
    }
}

/// Integer arithmetic with the result type's range; `None` when a row that counts overflows or divides by zero.
pub(super) fn run_int(op: ArithOp, a: &Column, b: &Column, rows: Option<&[u32]>, kind: ColumnKind) -> Option<Column> {
    let len = a.len();
    let valid = and_validity(a, b);
    if let (Data::I32(x), Data::I32(y), ColumnKind::Int4) = (a.data(), b.data(), kind)
        && let Some(column) = run_int4(op, Operand::Vector(x), Operand::Vector(y), len, &valid)
    {
        return Some(column);
    }
    let (mut wx, mut wy) = (Vec::new(), Vec::new());
    let (x, y) = (wide(a, &mut wx)?, wide(b, &mut wy)?);
    let range = match kind {
        ColumnKind::Int2 => i64::from(i16::MIN)..=i64::from(i16::MAX),
        ColumnKind::Int4 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        ColumnKind::Int8 => i64::MIN..=i64::MAX,
        _ => return None,
    };
    let mut bad = false;
    let mut one = |x: i64, y: i64| {
        let (value, overflowed) = compute(op, x, y);
        bad |= overflowed | !range.contains(&value);
        value
    };
    let values = match op {
        ArithOp::Add | ArithOp::Sub | ArithOp::Mul | ArithOp::Div | ArithOp::Mod => map2(x, y, len, &mut one),
    };
    if bad {
        let fails = |i: usize| {
            let (value, overflowed) = compute(op, x.get(i), y.get(i));
            overflowed || !range.contains(&value)
        };
        if any_selected(rows, len, &valid, fails) {
            return None;
        }
    }
    let data = match kind {
        ColumnKind::Int2 => Data::I16(Arc::new(values.into_iter().map(|v| v as i16).collect())),
        ColumnKind::Int4 => Data::I32(Arc::new(values.into_iter().map(|v| v as i32).collect())),
        _ => Data::I64(Arc::new(values)),
    };
    Some(Column::new(kind, data, valid))
}

/// The narrow loop for integer addition, subtraction and multiplication that nowhere overflows.
fn run_int4(
    op: ArithOp,
    x: Operand<'_, i32>,
    y: Operand<'_, i32>,
    len: usize,
    valid: &crate::sql::executor::batch::Validity,
) -> Option<Column> {
    let mut bad = false;
    let values = match op {
        ArithOp::Add => map2(x, y, len, |x: i32, y: i32| {
            let (v, o) = x.overflowing_add(y);
            bad |= o;
            v
        }),
        ArithOp::Sub => map2(x, y, len, |x: i32, y: i32| {
            let (v, o) = x.overflowing_sub(y);
            bad |= o;
            v
        }),
        ArithOp::Mul => map2(x, y, len, |x: i32, y: i32| {
            let (v, o) = x.overflowing_mul(y);
            bad |= o;
            v
        }),
        ArithOp::Div | ArithOp::Mod => return None,
    };
    (!bad).then(|| Column::new(ColumnKind::Int4, Data::I32(Arc::new(values)), valid.clone()))
}

fn float(column: &Column) -> Option<Operand<'_, f64>> {
    match column.data() {
        Data::F64(v) => Some(Operand::Vector(v)),
        Data::Const(v) => match **v {
            Datum::Float8(x) => Some(Operand::Const(x)),
            Datum::Null => Some(Operand::Const(0.0)),
            _ => None,
        },
        _ => None,
    }
}

/// Double precision arithmetic; `None` when a row that counts overflows, underflows or divides by zero.
pub(super) fn run_float(op: ArithOp, a: &Column, b: &Column, rows: Option<&[u32]>) -> Option<Column> {
    let len = a.len();
    let (x, y) = (float(a)?, float(b)?);
    let values = match op {
        ArithOp::Add => map2(x, y, len, |x, y| x + y),
        ArithOp::Sub => map2(x, y, len, |x, y| x - y),
        ArithOp::Mul => map2(x, y, len, |x, y| x * y),
        ArithOp::Div => map2(x, y, len, |x, y| x / y),
        ArithOp::Mod => return None,
    };
    let valid = and_validity(a, b);
    // A suspicious result is for the scalar function to judge: infinities that were not there before, zeros out of nothing.
    let suspicious = |i: usize| {
        let (value, x, y) = (values[i], x.get(i), y.get(i));
        (!value.is_finite() && (x.is_finite() || y.is_finite()))
            || (op == ArithOp::Div && y == 0.0)
            || (value == 0.0 && matches!(op, ArithOp::Mul | ArithOp::Div) && x != 0.0 && y != 0.0)
    };
    if any_selected(rows, len, &valid, suspicious) {
        return None;
    }
    Some(Column::new(ColumnKind::Float8, Data::F64(Arc::new(values)), valid))
}

/// date plus or minus days; `None` near the ends of the calendar and for infinite dates.
pub(super) fn run_date_shift(op: ArithOp, a: &Column, b: &Column, rows: Option<&[u32]>) -> Option<Column> {
    let (Data::I32(days), len) = (a.data(), a.len()) else { return None };
    let mut widened = Vec::new();
    let y = wide(b, &mut widened)?;
    let valid = and_validity(a, b);
    let shift = |x: i64, y: i64| if op == ArithOp::Add { x + y } else { x - y };
    let unusual = |i: usize| {
        let x = i64::from(days[i]);
        x.abs() > 700_000 || y.get(i).abs() > 700_000
    };
    if any_selected(rows, len, &valid, unusual) {
        return None;
    }
    let values = map2(Operand::Vector(days), y, len, |x, y| shift(i64::from(x), y) as i32);
    Some(Column::new(ColumnKind::Date, Data::I32(Arc::new(values)), valid))
}
