//! Comparison of columns by btree order.

use super::operand::{Operand, and_validity, map2, sparse_rows};
use crate::sql::executor::batch::{Column, ColumnKind, Data, compare_bytes};
use crate::sql::executor::order;
use crate::sql::types::Datum;
use crate::sql::types::numeric::Numeric;
use std::cmp::Ordering;

/// Runs `test` over each position's pair.
macro_rules! by_op {
    ($op:expr, $a:expr, $b:expr, $len:expr) => {
        match $op {
            CmpOp::Eq => map2($a, $b, $len, |x, y| x == y),
            CmpOp::Ne => map2($a, $b, $len, |x, y| x != y),
            CmpOp::Lt => map2($a, $b, $len, |x, y| x < y),
            CmpOp::Le => map2($a, $b, $len, |x, y| x <= y),
            CmpOp::Gt => map2($a, $b, $len, |x, y| x > y),
            CmpOp::Ge => map2($a, $b, $len, |x, y| x >= y),
        }
    };
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CmpOp {
    /// =
    Eq,
    /// <>
    Ne,
    /// <
    Lt,
    /// <=
    Le,
    /// >
    Gt,
    /// >=
    Ge,
}

impl CmpOp {
    /// Whether an ordering satisfies it.
    #[inline]
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
        }
    }

    /// With its operands exchanged.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            same => same,
        }
    }
}

/// Function symbols that compare by the types' default order, without their suffix.
const FAMILIES: [&str; 34] = [
    "int2",
    "int4",
    "int8",
    "int24",
    "int42",
    "int28",
    "int82",
    "int48",
    "int84",
    "oid",
    "bool",
    "date_",
    "time_",
    "timestamp_",
    "timestamptz_",
    "cash_",
    "float4",
    "float8",
    "float48",
    "float84",
    "numeric_",
    "text_",
    "text",
    "name",
    "bpchar",
    "bytea",
    "char",
    "uuid_",
    "interval_",
    "timetz_",
    "jsonb_",
    "enum_",
    "array_",
    "record_",
];

/// The comparison a function symbol stands for.
pub fn of_symbol(symbol: &str) -> Option<CmpOp> {
    let (family, op) = symbol.split_at_checked(symbol.len().checked_sub(2)?)?;
    let op = named(op)?;
    FAMILIES.contains(&family).then_some(op)
}

fn named(op: &str) -> Option<CmpOp> {
    Some(match op {
        "eq" => CmpOp::Eq,
        "ne" => CmpOp::Ne,
        "lt" => CmpOp::Lt,
        "le" => CmpOp::Le,
        "gt" => CmpOp::Gt,
        "ge" => CmpOp::Ge,
        _ => return None,
    })
}

/// The comparison of a date with a timestamp that a symbol stands for, and whether the timestamp comes first.
pub fn date_with_timestamp(symbol: &str) -> Option<(CmpOp, bool)> {
    if let Some(op) = symbol.strip_prefix("date_").and_then(|s| s.strip_suffix("_timestamp")) {
        return Some((named(op)?, false));
    }
    Some((named(symbol.strip_prefix("timestamp_")?.strip_suffix("_date")?)?, true))
}

/// Dates against timestamps; `None` where a date has no timestamp.
pub fn run_dates(op: CmpOp, dates: &Column, timestamps: &Column) -> Option<Column> {
    const DAY: i64 = 86_400_000_000;
    /// Days that every timestamp's range holds.
    const MOST: i32 = 2_400_000;
    let midnights = match dates.data() {
        Data::I32(v) if v.iter().all(|d| (-MOST..MOST).contains(d)) => v.iter().map(|&d| i64::from(d) * DAY).collect::<Vec<i64>>(),
        _ => return None,
    };
    let times = match timestamps.data() {
        Data::I64(v) => Operand::Vector(v.as_slice()),
        Data::Const(v) => match **v {
            Datum::Timestamp(t) => Operand::Const(t),
            _ => return None,
        },
        _ => return None,
    };
    let values = by_op!(op, Operand::Vector(&midnights), times, midnights.len());
    Some(Column::bools(values, and_validity(dates, timestamps)))
}

fn ints(column: &Column) -> Option<Vec<i64>> {
    Some(match column.data() {
        Data::I16(v) => v.iter().map(|&x| x.into()).collect(),
        Data::I32(v) => v.iter().map(|&x| x.into()).collect(),
        Data::U32(v) => v.iter().map(|&x| x.into()).collect(),
        _ => return None,
    })
}

/// A boolean column of `a op b`; NULL where either is.
pub fn run(op: CmpOp, a: &Column, b: &Column, rows: Option<&[u32]>) -> Column {
    let len = a.len();
    if a.constant_value().is_some_and(Datum::is_null) || b.constant_value().is_some_and(Datum::is_null) {
        return Column::nulls(ColumnKind::Bool, len);
    }
    let values = same_width(op, a, b, len)
        .or_else(|| wide_integers(op, a, b, len))
        .or_else(|| decimals(op, a, b, len))
        .or_else(|| floats(op, a, b, len));
    if let Some(values) = values {
        return Column::bools(values, and_validity(a, b));
    }
    one_by_one(op, a, b, rows)
}

/// Vectors of one shape, or a vector and a constant that fits it.
fn same_width(op: CmpOp, a: &Column, b: &Column, len: usize) -> Option<Vec<bool>> {
    use Operand::{Const, Vector};
    Some(match (a.data(), b.data()) {
        (Data::I32(x), Data::I32(y)) => by_op!(op, Vector(x), Vector(y), len),
        (Data::I64(x), Data::I64(y)) => by_op!(op, Vector(x), Vector(y), len),
        (Data::I16(x), Data::I16(y)) => by_op!(op, Vector(x), Vector(y), len),
        (Data::U32(x), Data::U32(y)) => by_op!(op, Vector(x), Vector(y), len),
        (Data::Bool(x), Data::Bool(y)) => by_op!(op, Vector(x), Vector(y), len),
        (Data::I32(x), Data::Const(_)) => {
            let y = i32::try_from(b.get_i64(0).or_else(|| constant_int(b))?).ok()?;
            by_op!(op, Vector(x), Const(y), len)
        }
        (Data::I64(x), Data::Const(_)) => by_op!(op, Vector(x), Const(constant_int(b)?), len),
        (Data::U32(x), Data::Const(_)) => {
            let y = u32::try_from(constant_int(b)?).ok()?;
            by_op!(op, Vector(x), Const(y), len)
        }
        (Data::Const(_), Data::I32(_) | Data::I64(_) | Data::U32(_)) => return same_width(op.flipped(), b, a, len),
        _ => return None,
    })
}

fn constant_int(column: &Column) -> Option<i64> {
    Some(match column.constant_value()? {
        Datum::Int2(v) => (*v).into(),
        Datum::Int4(v) | Datum::Date(v) => (*v).into(),
        Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) | Datum::Money(v) => *v,
        Datum::Oid(v) => v.0.into(),
        _ => return None,
    })
}

/// Integers of different widths.
fn wide_integers(op: CmpOp, a: &Column, b: &Column, len: usize) -> Option<Vec<bool>> {
    fn operand<'a>(column: &'a Column, widened: &'a mut Vec<i64>) -> Option<Operand<'a, i64>> {
        if let Data::I64(v) = column.data() {
            return Some(Operand::Vector(v));
        }
        if let Some(value) = constant_int(column) {
            return Some(Operand::Const(value));
        }
        *widened = ints(column)?;
        Some(Operand::Vector(widened))
    }
    let (mut x, mut y) = (Vec::new(), Vec::new());
    let (x, y) = (operand(a, &mut x)?, operand(b, &mut y)?);
    Some(by_op!(op, x, y, len))
}

/// Numerics of one scale each, brought to a common one.
fn decimals(op: CmpOp, a: &Column, b: &Column, len: usize) -> Option<Vec<bool>> {
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
    let ((x, s), (y, t)) = (parts(a)?, parts(b)?);
    if s == t {
        return Some(by_op!(op, x, y, len));
    }
    let lift = |from: u16, to: u16| 10_i128.checked_pow(u32::from(to.saturating_sub(from))).filter(|p| *p < i128::from(i64::MAX));
    let (p, q) = (lift(s, t)?, lift(t, s)?);
    Some(map2(x, y, len, |x, y| op.holds((i128::from(x) * p).cmp(&(i128::from(y) * q)))))
}

fn order_floats(x: f64, y: f64) -> Ordering {
    x.partial_cmp(&y).unwrap_or_else(|| x.is_nan().cmp(&y.is_nan()))
}

/// Floats; NaN equals itself and is greater than all else.
fn floats(op: CmpOp, a: &Column, b: &Column, len: usize) -> Option<Vec<bool>> {
    fn operand<'a>(column: &'a Column, widened: &'a mut Vec<f64>) -> Option<Operand<'a, f64>> {
        match column.data() {
            Data::F64(v) => return Some(Operand::Vector(v)),
            Data::F32(v) => *widened = v.iter().map(|&x| x.into()).collect(),
            Data::Const(v) => match **v {
                Datum::Float8(x) => return Some(Operand::Const(x)),
                Datum::Float4(x) => return Some(Operand::Const(x.into())),
                _ => return None,
            },
            _ => return None,
        }
        Some(Operand::Vector(widened))
    }
    let (mut x, mut y) = (Vec::new(), Vec::new());
    let (x, y) = (operand(a, &mut x)?, operand(b, &mut y)?);
    Some(map2(x, y, len, |x, y| op.holds(order_floats(x, y))))
}

/// Text against one text.
fn texts(op: CmpOp, a: &Column, b: &Column, rows: Option<&[u32]>) -> Option<Column> {
    let (Data::Bytes(v), Data::Const(_)) = (a.data(), b.data()) else {
        return matches!((a.data(), b.data()), (Data::Const(_), Data::Bytes(_))).then(|| texts(op.flipped(), b, a, rows)).flatten();
    };
    let padded = a.kind() == ColumnKind::Bpchar && b.kind() == ColumnKind::Bpchar;
    if !padded && (a.kind() == ColumnKind::Bpchar || b.kind() == ColumnKind::Bpchar) {
        return None;
    }
    let kind = a.kind();
    let value = b.get_bytes(0)?;
    let mut values = vec![false; a.len()];
    let mut each = |i: usize| {
        values[i] = match op {
            CmpOp::Eq if !padded => v.get(i) == value,
            CmpOp::Ne if !padded => v.get(i) != value,
            _ => op.holds(compare_bytes(kind, v.get(i), value)),
        };
    };
    match sparse_rows(rows, a.len()) {
        Some(rows) => rows.iter().for_each(|&i| each(i as usize)),
        None => (0..a.len()).for_each(each),
    }
    Some(Column::bools(values, a.validity().clone()))
}

/// Text and everything without a vector of its own.
fn one_by_one(op: CmpOp, a: &Column, b: &Column, rows: Option<&[u32]>) -> Column {
    if let Some(column) = texts(op, a, b, rows) {
        return column;
    }
    let len = a.len();
    let kind = if b.kind() == ColumnKind::Bpchar && a.kind() == ColumnKind::Bpchar { ColumnKind::Bpchar } else { a.kind() };
    let mut values = vec![false; len];
    let valid = and_validity(a, b);
    let textual = matches!(kind, ColumnKind::Text | ColumnKind::Bpchar | ColumnKind::Bytea);
    let mut each = |i: usize| {
        if valid.as_ref().is_some_and(|v| !v[i]) {
            return;
        }
        values[i] = match (textual, a.get_bytes(i), b.get_bytes(i)) {
            (true, Some(x), Some(y)) if kind != ColumnKind::Bpchar && op == CmpOp::Eq => x == y,
            (true, Some(x), Some(y)) => op.holds(compare_bytes(kind, x, y)),
            _ => op.holds(order::compare(kind, &a.get(i), &b.get(i))),
        };
    };
    match sparse_rows(rows, len).or(rows) {
        Some(rows) => rows.iter().for_each(|&i| each(i as usize)),
        None => (0..len).for_each(each),
    }
    Column::bools(values, valid)
}
