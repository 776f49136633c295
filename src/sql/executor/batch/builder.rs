//! Growing a column, by datums or by typed values.

use super::column::datum_memory;
use super::{ByteVec, Column, ColumnKind, Data};
use crate::sql::types::Datum;
use crate::sql::types::numeric::Numeric;
use std::sync::Arc;

/// The vector being grown.
enum Growing {
    Bool(Vec<bool>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U32(Vec<u32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// Mantissas; the scale is known from the first value on.
    Decimal(Vec<i64>, Option<u16>),
    Bytes(ByteVec),
    Datum(Vec<Datum>),
}

/// Builds one column. A value that does not fit the kind's vector (a numeric of another scale, a datum of another variant) turns
/// the column into one of datums; nothing is lost.
pub struct ColumnBuilder {
    kind: ColumnKind,
    growing: Growing,
    valid: Option<Vec<bool>>,
    len: usize,
    datum_bytes: usize,
}

macro_rules! typed_pushers {
    ($($(#[$doc:meta])* $name:ident($ty:ty) => $variant:ident, $datum:expr;)*) => {
        impl ColumnBuilder {
            $(
                $(#[$doc])*
                #[inline]
                pub fn $name(&mut self, value: $ty) {
                    match &mut self.growing {
                        Growing::$variant(v) => {
                            v.push(value);
                            self.valid_one();
                        }
                        _ => self.push(($datum)(self.kind, value)),
                    }
                }
            )*
        }
    };
}

typed_pushers! {
    /// Appends a boolean.
    push_bool(bool) => Bool, |_, v| Datum::Bool(v);
    /// Appends a smallint.
    push_i16(i16) => I16, |_, v| Datum::Int2(v);
    /// Appends an integer or date.
    push_i32(i32) => I32, |kind, v| if kind == ColumnKind::Date { Datum::Date(v) } else { Datum::Int4(v) };
    /// Appends a bigint, time, timestamp or money.
    push_i64(i64) => I64, super::column::wide;
    /// Appends an oid.
    push_u32(u32) => U32, |_, v| Datum::Oid(crate::sql::types::Oid(v));
    /// Appends a real.
    push_f32(f32) => F32, |_, v| Datum::Float4(v);
    /// Appends a double precision.
    push_f64(f64) => F64, |_, v| Datum::Float8(v);
}

impl ColumnBuilder {
    /// An empty column with room for `capacity` values.
    pub fn new(kind: ColumnKind, capacity: usize) -> Self {
        let growing = match kind {
            ColumnKind::Bool => Growing::Bool(Vec::with_capacity(capacity)),
            ColumnKind::Int2 => Growing::I16(Vec::with_capacity(capacity)),
            ColumnKind::Int4 | ColumnKind::Date => Growing::I32(Vec::with_capacity(capacity)),
            ColumnKind::Int8 | ColumnKind::Time | ColumnKind::Timestamp | ColumnKind::TimestampTz | ColumnKind::Money => {
                Growing::I64(Vec::with_capacity(capacity))
            }
            ColumnKind::Oid => Growing::U32(Vec::with_capacity(capacity)),
            ColumnKind::Float4 => Growing::F32(Vec::with_capacity(capacity)),
            ColumnKind::Float8 => Growing::F64(Vec::with_capacity(capacity)),
            ColumnKind::Numeric => Growing::Decimal(Vec::with_capacity(capacity), None),
            ColumnKind::Text | ColumnKind::Bpchar | ColumnKind::Bytea => {
                Growing::Bytes(ByteVec::with_capacity(capacity, capacity * 16))
            }
            ColumnKind::Datum => Growing::Datum(Vec::with_capacity(capacity)),
        };
        Self { kind, growing, valid: None, len: 0, datum_bytes: 0 }
    }

    /// Its kind.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// Values so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn valid_one(&mut self) {
        if let Some(v) = &mut self.valid {
            v.push(true);
        }
        self.len += 1;
    }

    /// Appends NULL.
    #[inline]
    pub fn push_null(&mut self) {
        match &mut self.growing {
            Growing::Bool(v) => v.push(false),
            Growing::I16(v) => v.push(0),
            Growing::I32(v) => v.push(0),
            Growing::I64(v) | Growing::Decimal(v, _) => v.push(0),
            Growing::U32(v) => v.push(0),
            Growing::F32(v) => v.push(0.0),
            Growing::F64(v) => v.push(0.0),
            Growing::Bytes(v) => v.push(b""),
            Growing::Datum(v) => {
                v.push(Datum::Null);
                self.len += 1;
                return;
            }
        }
        let len = self.len;
        self.valid.get_or_insert_with(|| vec![true; len]).push(false);
        self.len += 1;
    }

    /// Appends text or bytea.
    #[inline]
    pub fn push_bytes(&mut self, value: &[u8]) {
        match &mut self.growing {
            Growing::Bytes(v) if v.bytes.len() + value.len() <= u32::MAX as usize => {
                v.push(value);
                self.valid_one();
            }
            _ if self.kind == ColumnKind::Bytea => self.push_spilled(Datum::bytea(value)),
            _ => self.push_spilled(Datum::text(String::from_utf8_lossy(value))),
        }
    }

    /// Appends a numeric that fits a machine word: `mantissa * 10^-scale`.
    #[inline]
    pub fn push_decimal(&mut self, mantissa: i64, scale: u16) {
        match &mut self.growing {
            Growing::Decimal(v, known) if known.is_none_or(|k| k == scale) => {
                *known = Some(scale);
                v.push(mantissa);
                self.valid_one();
            }
            _ => self.push_spilled(Datum::Numeric(Numeric::Small(mantissa, scale))),
        }
    }

    /// Appends any value.
    pub fn push(&mut self, value: Datum) {
        match (&mut self.growing, &value) {
            (_, Datum::Null) => return self.push_null(),
            (Growing::Bool(v), Datum::Bool(x)) => v.push(*x),
            (Growing::I16(v), Datum::Int2(x)) => v.push(*x),
            (Growing::I32(v), Datum::Int4(x)) if self.kind == ColumnKind::Int4 => v.push(*x),
            (Growing::I32(v), Datum::Date(x)) if self.kind == ColumnKind::Date => v.push(*x),
            (Growing::I64(v), Datum::Int8(x)) if self.kind == ColumnKind::Int8 => v.push(*x),
            (Growing::I64(v), Datum::Time(x)) if self.kind == ColumnKind::Time => v.push(*x),
            (Growing::I64(v), Datum::Timestamp(x)) if self.kind == ColumnKind::Timestamp => v.push(*x),
            (Growing::I64(v), Datum::TimestampTz(x)) if self.kind == ColumnKind::TimestampTz => v.push(*x),
            (Growing::I64(v), Datum::Money(x)) if self.kind == ColumnKind::Money => v.push(*x),
            (Growing::U32(v), Datum::Oid(x)) => v.push(x.0),
            (Growing::F32(v), Datum::Float4(x)) => v.push(*x),
            (Growing::F64(v), Datum::Float8(x)) => v.push(*x),
            (Growing::Decimal(..), Datum::Numeric(Numeric::Small(m, s))) => return self.push_decimal(*m, *s),
            (Growing::Bytes(_), Datum::Text(s)) if self.kind != ColumnKind::Bytea => return self.push_bytes(s.as_bytes()),
            (Growing::Bytes(_), Datum::Bytea(b)) if self.kind == ColumnKind::Bytea => return self.push_bytes(b),
            _ => return self.push_spilled(value),
        }
        self.valid_one();
    }

    /// Appends to the datum form, changing to it first if need be.
    fn push_spilled(&mut self, value: Datum) {
        if !matches!(self.growing, Growing::Datum(_)) {
            let kind = self.kind;
            let built = std::mem::replace(self, Self::new(kind, 0)).finish();
            self.growing = Growing::Datum((0..built.len()).map(|i| built.get(i)).collect());
            self.len = built.len();
        }
        self.datum_bytes += datum_memory(&value);
        if let Growing::Datum(v) = &mut self.growing {
            v.push(value);
            self.len += 1;
        }
    }

    /// Appends position `i` of another column.
    #[inline]
    pub fn push_from(&mut self, column: &Column, i: usize) {
        if column.is_null(i) {
            return self.push_null();
        }
        match (column.data(), &mut self.growing) {
            (Data::Bytes(v), Growing::Bytes(_)) => self.push_bytes(v.get(i)),
            (Data::I32(v), Growing::I32(_)) if self.kind == column.kind() => self.push_i32(v[i]),
            (Data::I64(v), Growing::I64(_)) if self.kind == column.kind() => self.push_i64(v[i]),
            (Data::Decimal(v, scale), Growing::Decimal(..)) => self.push_decimal(v[i], *scale),
            _ => self.push(column.get(i)),
        }
    }

    /// Rough heap size.
    pub fn memory(&self) -> usize {
        let values = match &self.growing {
            Growing::Bytes(v) => v.bytes.len() + v.offsets.len() * 4,
            Growing::Datum(v) => v.len() * 24 + self.datum_bytes,
            _ => self.len * 8,
        };
        values + self.valid.as_ref().map_or(0, Vec::len)
    }

    /// The finished column.
    pub fn finish(self) -> Column {
        let data = match self.growing {
            Growing::Bool(v) => Data::Bool(Arc::new(v)),
            Growing::I16(v) => Data::I16(Arc::new(v)),
            Growing::I32(v) => Data::I32(Arc::new(v)),
            Growing::I64(v) => Data::I64(Arc::new(v)),
            Growing::U32(v) => Data::U32(Arc::new(v)),
            Growing::F32(v) => Data::F32(Arc::new(v)),
            Growing::F64(v) => Data::F64(Arc::new(v)),
            Growing::Decimal(v, scale) => Data::Decimal(Arc::new(v), scale.unwrap_or(0)),
            Growing::Bytes(v) => Data::Bytes(Arc::new(v)),
            Growing::Datum(v) => return Column::new(self.kind, Data::Datum(Arc::new(v)), None),
        };
        Column::new(self.kind, data, self.valid.map(Arc::new))
    }

    /// Takes what was built and starts over.
    pub fn take(&mut self) -> Column {
        let kind = self.kind;
        std::mem::replace(self, Self::new(kind, 0)).finish()
    }
}
