//! One column of a batch: a typed vector, shared by reference, plus validity.

use super::ColumnKind;
use crate::sql::types::numeric::Numeric;
use crate::sql::types::{Datum, Oid};
use smol_str::SmolStr;
use std::sync::Arc;

/// Which positions hold a value; `None` when all do.
pub type Validity = Option<Arc<Vec<bool>>>;

/// Byte strings back to back: string `i` is `bytes[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Debug)]
pub struct ByteVec {
    /// One more than there are strings.
    pub offsets: Vec<u32>,
    /// The strings.
    pub bytes: Vec<u8>,
}

impl Default for ByteVec {
    fn default() -> Self {
        Self::with_capacity(0, 0)
    }
}

impl ByteVec {
    /// Room for `rows` strings of `bytes` bytes together.
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self { offsets, bytes: Vec::with_capacity(bytes) }
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// String `i`.
    #[inline]
    pub fn get(&self, i: usize) -> &[u8] {
        &self.bytes[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }

    /// Appends a string.
    #[inline]
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.offsets.push(self.bytes.len() as u32);
    }
}

/// The vectors. Values at NULL positions are unspecified.
#[derive(Clone, Debug)]
pub enum Data {
    /// Bool
    Bool(Arc<Vec<bool>>),
    /// Int2
    I16(Arc<Vec<i16>>),
    /// Int4, Date
    I32(Arc<Vec<i32>>),
    /// Int8, Time, Timestamp, TimestampTz, Money
    I64(Arc<Vec<i64>>),
    /// Oid
    U32(Arc<Vec<u32>>),
    /// Float4
    F32(Arc<Vec<f32>>),
    /// Float8
    F64(Arc<Vec<f64>>),
    /// Numeric: mantissas of one scale
    Decimal(Arc<Vec<i64>>, u16),
    /// Text, Bpchar, Bytea
    Bytes(Arc<ByteVec>),
    /// Datum, or a Numeric column whose values do not share one scale
    Datum(Arc<Vec<Datum>>),
    /// One value (possibly NULL) at every position
    Const(Arc<Datum>),
}

/// A column: cheap to clone, never changed once made.
#[derive(Clone, Debug)]
pub struct Column {
    kind: ColumnKind,
    data: Data,
    validity: Validity,
    len: usize,
}

impl Column {
    /// A column over a vector. `data` must be a vector of `kind`'s shape and `validity` as long as it.
    pub fn new(kind: ColumnKind, data: Data, validity: Validity) -> Self {
        let len = match &data {
            Data::Bool(v) => v.len(),
            Data::I16(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::I64(v) | Data::Decimal(v, _) => v.len(),
            Data::U32(v) => v.len(),
            Data::F32(v) => v.len(),
            Data::F64(v) => v.len(),
            Data::Bytes(v) => v.len(),
            Data::Datum(v) => v.len(),
            Data::Const(_) => panic!("a constant column says its length: use Column::constant"),
        };
        debug_assert!(validity.as_ref().is_none_or(|v| v.len() == len), "validity of another length");
        Self { kind, data, validity, len }
    }

    /// The same value at `len` positions.
    pub fn constant(kind: ColumnKind, value: Datum, len: usize) -> Self {
        Self { kind, data: Data::Const(Arc::new(value)), validity: None, len }
    }

    /// All NULL.
    pub fn nulls(kind: ColumnKind, len: usize) -> Self {
        Self::constant(kind, Datum::Null, len)
    }

    /// A boolean column.
    pub fn bools(values: Vec<bool>, validity: Validity) -> Self {
        Self::new(ColumnKind::Bool, Data::Bool(Arc::new(values)), validity)
    }

    /// A column of datums, packed into `kind`'s vector.
    pub fn from_datums(kind: ColumnKind, values: impl IntoIterator<Item = Datum>) -> Self {
        let values = values.into_iter();
        let mut builder = super::ColumnBuilder::new(kind, values.size_hint().0);
        for value in values {
            builder.push(value);
        }
        builder.finish()
    }

    /// Its kind.
    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// The same values read as another kind of the same shape (binary-coercible casts).
    #[must_use]
    pub fn relabel(mut self, kind: ColumnKind) -> Self {
        if kind == self.kind {
            return self;
        }
        let same_shape = match (&self.data, kind) {
            (Data::Bytes(_), ColumnKind::Text | ColumnKind::Bpchar | ColumnKind::Bytea) => true,
            (Data::U32(_), ColumnKind::Oid) => true,
            (Data::Const(_) | Data::Datum(_), ColumnKind::Datum) => true,
            (Data::Const(v), ColumnKind::Text | ColumnKind::Bpchar) => matches!(**v, Datum::Text(_) | Datum::Null),
            (Data::Const(v), _) => v.is_null(),
            _ => false,
        };
        if same_shape {
            self.kind = kind;
            return self;
        }
        Self::from_datums(kind, (0..self.len).map(|i| kind.relabel(self.get(i))).collect::<Vec<_>>())
    }

    /// The vector.
    #[inline]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Validity; a constant column has none, ask `constant_value`.
    #[inline]
    pub fn validity(&self) -> &Validity {
        &self.validity
    }

    /// Number of positions.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no positions.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a constant column.
    pub fn constant_value(&self) -> Option<&Datum> {
        match &self.data {
            Data::Const(v) => Some(v),
            _ => None,
        }
    }

    /// Whether position `i` is NULL.
    #[inline]
    pub fn is_null(&self, i: usize) -> bool {
        match &self.data {
            Data::Const(v) => v.is_null(),
            Data::Datum(v) => v[i].is_null(),
            _ => self.validity.as_ref().is_some_and(|v| !v[i]),
        }
    }

    /// Whether any position may be NULL.
    pub fn may_have_nulls(&self) -> bool {
        match &self.data {
            Data::Const(v) => v.is_null(),
            Data::Datum(v) => v.iter().any(Datum::is_null),
            _ => self.validity.is_some(),
        }
    }

    /// Validity as one flag a position, whatever the representation; `None` when no position is NULL.
    pub fn valid_flags(&self) -> Validity {
        match &self.data {
            Data::Const(v) if v.is_null() => Some(Arc::new(vec![false; self.len])),
            Data::Datum(v) if v.iter().any(Datum::is_null) => Some(Arc::new(v.iter().map(|d| !d.is_null()).collect())),
            Data::Const(_) | Data::Datum(_) => None,
            _ => self.validity.clone(),
        }
    }

    /// The value at position `i`.
    #[inline]
    pub fn get(&self, i: usize) -> Datum {
        if let Some(v) = &self.validity
            && !v[i]
        {
            return Datum::Null;
        }
        match &self.data {
            Data::Bool(v) => Datum::Bool(v[i]),
            Data::I16(v) => Datum::Int2(v[i]),
            Data::I32(v) if self.kind == ColumnKind::Date => Datum::Date(v[i]),
            Data::I32(v) => Datum::Int4(v[i]),
            Data::I64(v) => wide(self.kind, v[i]),
            Data::U32(v) => Datum::Oid(Oid(v[i])),
            Data::F32(v) => Datum::Float4(v[i]),
            Data::F64(v) => Datum::Float8(v[i]),
            Data::Decimal(v, scale) => Datum::Numeric(Numeric::Small(v[i], *scale)),
            Data::Bytes(v) if self.kind == ColumnKind::Bytea => Datum::bytea(v.get(i)),
            Data::Bytes(v) => Datum::Text(text(v.get(i))),
            Data::Datum(v) => v[i].clone(),
            Data::Const(v) => (**v).clone(),
        }
    }

    /// The bytes of a Text, Bpchar or Bytea value; `None` for NULL.
    #[inline]
    pub fn get_bytes(&self, i: usize) -> Option<&[u8]> {
        match &self.data {
            Data::Bytes(v) => match &self.validity {
                Some(valid) if !valid[i] => None,
                _ => Some(v.get(i)),
            },
            Data::Const(v) => datum_bytes(v),
            Data::Datum(v) => datum_bytes(&v[i]),
            _ => None,
        }
    }

    /// A boolean position: `None` for NULL.
    #[inline]
    pub fn get_bool(&self, i: usize) -> Option<bool> {
        match &self.data {
            Data::Bool(v) => match &self.validity {
                Some(valid) if !valid[i] => None,
                _ => Some(v[i]),
            },
            _ => match self.get(i) {
                Datum::Bool(b) => Some(b),
                _ => None,
            },
        }
    }

    /// An integer, date, time or oid position as i64: `None` for NULL or another kind.
    #[inline]
    pub fn get_i64(&self, i: usize) -> Option<i64> {
        if self.validity.as_ref().is_some_and(|v| !v[i]) {
            return None;
        }
        match &self.data {
            Data::I16(v) => Some(v[i].into()),
            Data::I32(v) => Some(v[i].into()),
            Data::I64(v) => Some(v[i]),
            Data::U32(v) => Some(v[i].into()),
            Data::Const(v) => datum_i64(v),
            Data::Datum(v) => datum_i64(&v[i]),
            _ => None,
        }
    }

    /// A vector instead of a constant.
    #[must_use]
    pub fn flatten(&self) -> Self {
        match &self.data {
            Data::Const(v) => Self::from_datums(self.kind, std::iter::repeat_n((**v).clone(), self.len)),
            _ => self.clone(),
        }
    }

    /// Rough heap size.
    pub fn memory(&self) -> usize {
        let values = match &self.data {
            Data::Bool(v) => v.len(),
            Data::I16(v) => v.len() * 2,
            Data::I32(v) => v.len() * 4,
            Data::U32(v) => v.len() * 4,
            Data::F32(v) => v.len() * 4,
            Data::I64(v) | Data::Decimal(v, _) => v.len() * 8,
            Data::F64(v) => v.len() * 8,
            Data::Bytes(v) => v.bytes.len() + v.offsets.len() * 4,
            Data::Datum(v) => v.iter().map(datum_memory).sum(),
            Data::Const(_) => 64,
        };
        values + self.validity.as_ref().map_or(0, |v| v.len())
    }
}

/// Rough size of a datum with its heap part.
pub(crate) fn datum_memory(value: &Datum) -> usize {
    24 + match value {
        Datum::Text(s) if s.is_heap_allocated() => s.len(),
        Datum::Bytea(b) => b.len(),
        Datum::Array(a) => 32 + a.values.iter().map(datum_memory).sum::<usize>(),
        Datum::Record(r) => 32 + r.fields.iter().map(|(_, d)| datum_memory(d)).sum::<usize>(),
        Datum::Jsonb(_) | Datum::TsVector(_) | Datum::Range(_) => 128,
        _ => 0,
    }
}

/// A datum of an i64-shaped kind.
#[inline]
pub(crate) fn wide(kind: ColumnKind, value: i64) -> Datum {
    match kind {
        ColumnKind::Time => Datum::Time(value),
        ColumnKind::Timestamp => Datum::Timestamp(value),
        ColumnKind::TimestampTz => Datum::TimestampTz(value),
        ColumnKind::Money => Datum::Money(value),
        _ => Datum::Int8(value),
    }
}

fn text(bytes: &[u8]) -> SmolStr {
    match std::str::from_utf8(bytes) {
        Ok(s) => SmolStr::new(s),
        Err(_) => SmolStr::new(String::from_utf8_lossy(bytes)),
    }
}

fn datum_bytes(value: &Datum) -> Option<&[u8]> {
    match value {
        Datum::Text(s) => Some(s.as_bytes()),
        Datum::Bytea(b) => Some(b),
        _ => None,
    }
}

fn datum_i64(value: &Datum) -> Option<i64> {
    Some(match value {
        Datum::Int2(v) => (*v).into(),
        Datum::Int4(v) | Datum::Date(v) => (*v).into(),
        Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) | Datum::Money(v) => *v,
        Datum::Oid(v) => v.0.into(),
        _ => return None,
    })
}
