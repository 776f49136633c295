//! Whole-column row work: gather, concatenate, hash, compare.
//!
//! Hashes agree wherever the types' equality does: integers of any width hash alike, `1.0` and `1.00` do, `-0` and `0` do, and
//! trailing blanks of blank-padded text do not count.

use super::{ByteVec, Column, ColumnBuilder, ColumnKind, Data};
use crate::sql::executor::order;
use crate::sql::types::Datum;
use std::cmp::Ordering;
use std::sync::Arc;

/// Hash given to NULL.
const NULL_HASH: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes one word.
#[inline]
pub fn hash_u64(value: u64) -> u64 {
    let wide = u128::from(value ^ 0x2d35_8dcc_aa6c_78a5) * 0x8bb8_4b93_962e_acc9_u128;
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Folds another column's hash into a row's.
#[inline]
pub fn hash_combine(seed: u64, hash: u64) -> u64 {
    hash_u64(seed.rotate_left(23) ^ hash)
}

/// Hashes a byte string.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = hash_u64(bytes.len() as u64);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        hash = hash_combine(hash, u64::from_le_bytes(word));
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = hash_combine(hash, u64::from_le_bytes(word));
    }
    hash
}

/// Orders text by its bytes; blank-padded text without its padding.
#[inline]
pub fn compare_bytes(kind: ColumnKind, a: &[u8], b: &[u8]) -> Ordering {
    if kind == ColumnKind::Bpchar { unpadded(a).cmp(unpadded(b)) } else { a.cmp(b) }
}

#[inline]
pub(super) fn unpadded(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&b| b != b' ').map_or(0, |i| i + 1);
    &bytes[..end]
}

#[inline]
fn hash_f64(value: f64) -> u64 {
    let canonical = if value == 0.0 {
        0.0
    } else if value.is_nan() {
        f64::NAN
    } else {
        value
    };
    hash_u64(canonical.to_bits())
}

/// Hash of `mantissa * 10^-scale`, the same for every way to write the number.
#[inline]
pub(crate) fn hash_decimal(mut mantissa: i64, mut scale: u16) -> u64 {
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    let scale = if mantissa == 0 { 0 } else { scale };
    hash_combine(hash_u64(mantissa as u64), u64::from(scale))
}

fn picked<T: Copy>(values: &[T], rows: &[u32]) -> Arc<Vec<T>> {
    Arc::new(rows.iter().map(|&i| values[i as usize]).collect())
}

impl Column {
    /// The values at `rows`, in that order.
    #[must_use]
    pub fn gather(&self, rows: &[u32]) -> Self {
        let data = match self.data() {
            Data::Const(v) => return Self::constant(self.kind(), (**v).clone(), rows.len()),
            Data::Bool(v) => Data::Bool(picked(v, rows)),
            Data::I16(v) => Data::I16(picked(v, rows)),
            Data::I32(v) => Data::I32(picked(v, rows)),
            Data::I64(v) => Data::I64(picked(v, rows)),
            Data::U32(v) => Data::U32(picked(v, rows)),
            Data::F32(v) => Data::F32(picked(v, rows)),
            Data::F64(v) => Data::F64(picked(v, rows)),
            Data::Decimal(v, scale) => Data::Decimal(picked(v, rows), *scale),
            Data::Bytes(v) => Data::Bytes(Arc::new(gather_bytes(v, rows))),
            Data::Datum(v) => Data::Datum(Arc::new(rows.iter().map(|&i| v[i as usize].clone()).collect())),
        };
        let validity = self.validity().as_ref().map(|v| picked(v, rows));
        Self::new(self.kind(), data, validity)
    }

    /// As `gather`, with `u32::MAX` standing for NULL (the unmatched side of an outer join).
    #[must_use]
    pub fn gather_or_null(&self, rows: &[u32]) -> Self {
        if !rows.contains(&u32::MAX) {
            return self.gather(rows);
        }
        let mut builder = ColumnBuilder::new(self.kind(), rows.len());
        for &row in rows {
            if row == u32::MAX { builder.push_null() } else { builder.push_from(self, row as usize) }
        }
        builder.finish()
    }

    /// All parts one after the other. They must be of kind `kind`.
    pub fn concat(kind: ColumnKind, parts: &[Column]) -> Self {
        match parts {
            [one] => return one.flatten(),
            parts => {
                if let Some(column) = concat_plain(kind, parts) {
                    return column;
                }
            }
        }
        let mut builder = ColumnBuilder::new(kind, parts.iter().map(Column::len).sum());
        for part in parts {
            for i in 0..part.len() {
                builder.push_from(part, i);
            }
        }
        builder.finish()
    }

    /// Folds this column's hash of each position in `rows` into `hashes` (as long as `rows`).
    pub fn hash_into(&self, rows: impl Iterator<Item = usize>, hashes: &mut [u64]) {
        let valid = self.validity().as_deref();
        let mut fold = |each: &mut dyn FnMut(usize) -> u64, rows: &mut dyn Iterator<Item = usize>| {
            for (hash, row) in hashes.iter_mut().zip(rows) {
                let value = if valid.is_some_and(|v| !v[row]) { NULL_HASH } else { each(row) };
                *hash = hash_combine(*hash, value);
            }
        };
        let mut rows = rows;
        match self.data() {
            Data::Bool(v) => fold(&mut |i| hash_u64(v[i].into()), &mut rows),
            Data::I16(v) => fold(&mut |i| hash_u64(i64::from(v[i]) as u64), &mut rows),
            Data::I32(v) if valid.is_none() => {
                for (hash, row) in hashes.iter_mut().zip(rows) {
                    *hash = hash_combine(*hash, hash_u64(i64::from(v[row]) as u64));
                }
            }
            Data::I32(v) => fold(&mut |i| hash_u64(i64::from(v[i]) as u64), &mut rows),
            Data::I64(v) if valid.is_none() => {
                for (hash, row) in hashes.iter_mut().zip(rows) {
                    *hash = hash_combine(*hash, hash_u64(v[row] as u64));
                }
            }
            Data::I64(v) => fold(&mut |i| hash_u64(v[i] as u64), &mut rows),
            Data::U32(v) => fold(&mut |i| hash_u64(v[i].into()), &mut rows),
            Data::F32(v) => fold(&mut |i| hash_f64(v[i].into()), &mut rows),
            Data::F64(v) => fold(&mut |i| hash_f64(v[i]), &mut rows),
            Data::Decimal(v, scale) => fold(&mut |i| hash_decimal(v[i], *scale), &mut rows),
            Data::Bytes(v) if self.kind() == ColumnKind::Bpchar => fold(&mut |i| hash_bytes(unpadded(v.get(i))), &mut rows),
            Data::Bytes(v) => fold(&mut |i| hash_bytes(v.get(i)), &mut rows),
            Data::Datum(v) => fold(&mut |i| hash_datum(self.kind(), &v[i]), &mut rows),
            Data::Const(v) => {
                let one = hash_datum(self.kind(), v);
                fold(&mut |_| one, &mut rows);
            }
        }
    }

    /// Orders position `i` against position `j` of a column of the same kind; neither may be NULL.
    #[inline]
    pub fn compare(&self, i: usize, other: &Self, j: usize) -> Ordering {
        match (self.data(), other.data()) {
            (Data::I32(a), Data::I32(b)) => a[i].cmp(&b[j]),
            (Data::I64(a), Data::I64(b)) => a[i].cmp(&b[j]),
            (Data::Bytes(a), Data::Bytes(b)) => compare_bytes(self.kind(), a.get(i), b.get(j)),
            (Data::Decimal(a, s), Data::Decimal(b, t)) if s == t => a[i].cmp(&b[j]),
            (Data::I16(a), Data::I16(b)) => a[i].cmp(&b[j]),
            (Data::U32(a), Data::U32(b)) => a[i].cmp(&b[j]),
            (Data::Bool(a), Data::Bool(b)) => a[i].cmp(&b[j]),
            (Data::Datum(a), Data::Datum(b)) => order::compare(self.kind(), &a[i], &b[j]),
            _ => order::compare(self.kind(), &self.get(i), &other.get(j)),
        }
    }

    /// Whether position `i` equals position `j` of a column of the same kind; NULLs equal one another.
    #[inline]
    pub fn same(&self, i: usize, other: &Self, j: usize) -> bool {
        match (self.is_null(i), other.is_null(j)) {
            (false, false) => match (self.data(), other.data()) {
                (Data::I32(a), Data::I32(b)) => a[i] == b[j],
                (Data::I64(a), Data::I64(b)) => a[i] == b[j],
                (Data::Bytes(a), Data::Bytes(b)) if self.kind() != ColumnKind::Bpchar => a.get(i) == b.get(j),
                _ => self.compare(i, other, j) == Ordering::Equal,
            },
            (a, b) => a == b,
        }
    }
}

/// Hash of one value of a column kind, as `Column::hash_into` folds it.
pub(crate) fn hash_datum(kind: ColumnKind, value: &Datum) -> u64 {
    match value {
        Datum::Null => NULL_HASH,
        Datum::Bool(v) => hash_u64((*v).into()),
        Datum::Int2(v) => hash_u64(i64::from(*v) as u64),
        Datum::Int4(v) | Datum::Date(v) => hash_u64(i64::from(*v) as u64),
        Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) | Datum::Money(v) => hash_u64(*v as u64),
        Datum::Oid(v) => hash_u64(v.0.into()),
        Datum::Float4(v) => hash_f64((*v).into()),
        Datum::Float8(v) => hash_f64(*v),
        Datum::Text(s) if kind == ColumnKind::Bpchar => hash_bytes(unpadded(s.as_bytes())),
        Datum::Text(s) => hash_bytes(s.as_bytes()),
        Datum::Bytea(b) => hash_bytes(b),
        other => order::hash(other),
    }
}

fn gather_bytes(from: &ByteVec, rows: &[u32]) -> ByteVec {
    let bytes = rows.iter().map(|&i| (from.offsets[i as usize + 1] - from.offsets[i as usize]) as usize).sum();
    let mut out = ByteVec::with_capacity(rows.len(), bytes);
    for &i in rows {
        out.push(from.get(i as usize));
    }
    out
}

/// Concatenates vectors of one shape.
fn concat_plain(kind: ColumnKind, parts: &[Column]) -> Option<Column> {
    macro_rules! joined {
        ($variant:ident) => {{
            let mut all = Vec::with_capacity(parts.iter().map(Column::len).sum());
            for part in parts {
                match part.data() {
                    Data::$variant(v) => all.extend_from_slice(v),
                    _ => return None,
                }
            }
            Data::$variant(Arc::new(all))
        }};
    }
    let data = match parts.first()?.data() {
        Data::Bool(_) => joined!(Bool),
        Data::I16(_) => joined!(I16),
        Data::I32(_) => joined!(I32),
        Data::I64(_) => joined!(I64),
        Data::U32(_) => joined!(U32),
        Data::F32(_) => joined!(F32),
        Data::F64(_) => joined!(F64),
        Data::Bytes(_) => Data::Bytes(Arc::new(concat_bytes(parts)?)),
        Data::Decimal(_, scale) => {
            let mut all = Vec::with_capacity(parts.iter().map(Column::len).sum());
            for part in parts {
                match part.data() {
                    Data::Decimal(v, s) if s == scale => all.extend_from_slice(v),
                    _ => return None,
                }
            }
            Data::Decimal(Arc::new(all), *scale)
        }
        _ => return None,
    };
    let validity = parts.iter().any(|p| p.validity().is_some()).then(|| {
        let mut all = Vec::with_capacity(parts.iter().map(Column::len).sum());
        for part in parts {
            match part.validity() {
                Some(valid) => all.extend_from_slice(valid),
                None => all.resize(all.len() + part.len(), true),
            }
        }
        Arc::new(all)
    });
    Some(Column::new(kind, data, validity))
}

/// Byte strings of several columns behind one another; `None` where they are too long for one vector.
fn concat_bytes(parts: &[Column]) -> Option<ByteVec> {
    let mut bytes = 0;
    for part in parts {
        let Data::Bytes(v) = part.data() else { return None };
        bytes += v.bytes.len();
    }
    if u32::try_from(bytes).is_err() {
        return None;
    }
    let mut out = ByteVec::with_capacity(parts.iter().map(Column::len).sum(), bytes);
    for part in parts {
        let Data::Bytes(v) = part.data() else { return None };
        let start = out.bytes.len() as u32;
        out.bytes.extend_from_slice(&v.bytes);
        out.offsets.extend(v.offsets[1..].iter().map(|end| end + start));
    }
    Some(out)
}
