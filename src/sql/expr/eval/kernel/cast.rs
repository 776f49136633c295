//! Conversions between numbers that need no more than a loop.

use super::operand::any_selected;
use crate::sql::executor::batch::{Column, ColumnKind, Data};
use std::sync::Arc;

/// A conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// To an integer of this kind.
    Int(ColumnKind),
    /// Integer to double precision.
    Float,
    /// Integer to numeric of scale 0.
    Numeric,
    /// numeric to double precision.
    NumericFloat,
    /// real to double precision.
    Widen,
}

/// The conversion a function symbol stands for.
pub(super) fn of_symbol(symbol: &str) -> Option<Cast> {
    Some(match symbol {
        "i2toi4" | "int84" => Cast::Int(ColumnKind::Int4),
        "int28" | "int48" => Cast::Int(ColumnKind::Int8),
        "i4toi2" | "int82" => Cast::Int(ColumnKind::Int2),
        "i2tod" | "i4tod" | "i8tod" => Cast::Float,
        "int2_numeric" | "int4_numeric" | "int8_numeric" => Cast::Numeric,
        "numeric_float8" => Cast::NumericFloat,
        "ftod" => Cast::Widen,
        _ => return None,
    })
}

fn integers(column: &Column) -> Option<Vec<i64>> {
    Some(match column.data() {
        Data::I16(v) => v.iter().map(|&x| x.into()).collect(),
        Data::I32(v) => v.iter().map(|&x| x.into()).collect(),
        Data::I64(v) => v.to_vec(),
        _ => return None,
    })
}

/// Runs a conversion; `None` for a constant, an unknown shape or a value out of range.
pub(super) fn run(cast: Cast, a: &Column, rows: Option<&[u32]>) -> Option<Column> {
    let valid = a.validity().clone();
    match cast {
        Cast::NumericFloat => match a.data() {
            // Exact mantissas divided by an exact power of ten round once, as parsing the decimal text would.
            Data::Decimal(v, scale) if *scale <= 15 => {
                let power = 10_f64.powi(i32::from(*scale));
                if any_selected(rows, a.len(), &valid, |i| v[i].unsigned_abs() > 1 << 53) {
                    return None;
                }
                let values = v.iter().map(|&m| m as f64 / power).collect();
                Some(Column::new(ColumnKind::Float8, Data::F64(Arc::new(values)), valid))
            }
            _ => None,
        },
        Cast::Widen => match a.data() {
            Data::F32(v) => {
                let values = v.iter().map(|&x| x.into()).collect();
                Some(Column::new(ColumnKind::Float8, Data::F64(Arc::new(values)), valid))
            }
            _ => None,
        },
        Cast::Float => {
            let values = integers(a)?.into_iter().map(|x| x as f64).collect();
            Some(Column::new(ColumnKind::Float8, Data::F64(Arc::new(values)), valid))
        }
        Cast::Numeric => Some(Column::new(ColumnKind::Numeric, Data::Decimal(Arc::new(integers(a)?), 0), valid)),
        Cast::Int(kind) => {
            let values = integers(a)?;
            let data = match kind {
                ColumnKind::Int2 => {
                    if any_selected(rows, a.len(), &valid, |i| i16::try_from(values[i]).is_err()) {
                        return None;
                    }
                    Data::I16(Arc::new(values.into_iter().map(|v| v as i16).collect()))
                }
                ColumnKind::Int4 => {
                    if any_selected(rows, a.len(), &valid, |i| i32::try_from(values[i]).is_err()) {
                        return None;
                    }
                    Data::I32(Arc::new(values.into_iter().map(|v| v as i32).collect()))
                }
                _ => Data::I64(Arc::new(values)),
            };
            Some(Column::new(kind, data, valid))
        }
    }
}
