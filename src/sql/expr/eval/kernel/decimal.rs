//! numeric addition, subtraction and multiplication on mantissas of one scale.
//!
//! PostgreSQL's result scales: the larger of both for `+` and `-`, the sum for `*`.

use super::ArithOp;
use super::operand::{Operand, and_validity, any_selected, map2};
use crate::sql::executor::batch::{Column, ColumnKind, Data};
use crate::sql::types::Datum;
use crate::sql::types::numeric::Numeric;
use std::sync::Arc;

fn parts(column: &Column) -> Option<(Operand<'_, i64>, u16)> {
    match column.data() {
        Data::Decimal(v, scale) => Some((Operand::Vector(v), *scale)),
        Data::Const(v) => match &**v {
            Datum::Numeric(Numeric::Small(m, s)) => Some((Operand::Const(*m), *s)),
            _ => None,
        },
        _ => None,
    }
}

/// `a op b`; `None` for other representations or when a row that counts does not fit a machine word.
pub(super) fn run(op: ArithOp, a: &Column, b: &Column, rows: Option<&[u32]>) -> Option<Column> {
    let len = a.len();
    let ((x, s), (y, t)) = (parts(a)?, parts(b)?);
    let scale = if op == ArithOp::Mul { s.checked_add(t)? } else { s.max(t) };
    if scale > 18 {
        return None;
    }
    let (p, q) = if op == ArithOp::Mul { (1, 1) } else { (10_i64.pow(u32::from(scale - s)), 10_i64.pow(u32::from(scale - t))) };
    let compute = |x: i64, y: i64| -> (i64, bool) {
        if op == ArithOp::Mul {
            return x.overflowing_mul(y);
        }
        let ((x, o1), (y, o2)) = (x.overflowing_mul(p), y.overflowing_mul(q));
        let (v, o3) = if op == ArithOp::Add { x.overflowing_add(y) } else { x.overflowing_sub(y) };
        (v, o1 | o2 | o3)
    };
    let mut bad = false;
    let values = map2(x, y, len, |x, y| {
        let (v, overflowed) = compute(x, y);
        bad |= overflowed;
        v
    });
    let valid = and_validity(a, b);
    if bad && any_selected(rows, len, &valid, |i| compute(x.get(i), y.get(i)).1) {
        return None;
    }
    Some(Column::new(ColumnKind::Numeric, Data::Decimal(Arc::new(values), scale), valid))
}
