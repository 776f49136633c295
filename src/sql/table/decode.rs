//! From stored bytes to typed columns, without datums for the common types.
//!
//! A scan's output column is one `Decoder`. Rows arrive as borrowed key and value bytes; each decoder runs over all rows of a
//! block before the next one does. Primary key columns are read from the key: at a fixed offset while only fixed-width columns
//! stand before them.

use super::def::TableDef;
use super::key::PREFIX;
use crate::encoding::row::{Cell, Common, numeric_small};
use crate::encoding::{KeyColumn, PhysKind, RowReader};
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::Relation;
use crate::sql::executor::batch::Data;
use crate::sql::executor::{Column, ColumnBuilder, ColumnKind};
use crate::sql::plan::ScanColumn;
use crate::sql::types::datum::Record;
use crate::sql::types::{Datum, Oid, Type};
use std::sync::Arc;

/// The transaction id every stored row shows as its `xmin`: frozen.
const FROZEN: Oid = Oid(2);

/// How one output column is made.
#[derive(Clone, Debug)]
pub enum Decoder {
    /// From the row's value.
    Stored {
        /// Column position.
        column: usize,
        /// How it is laid out.
        kind: PhysKind,
    },
    /// From the key: the n-th column, at a fixed offset if one is known.
    Key {
        /// Which key column.
        n: usize,
        /// Offset of its tag byte in the whole key.
        offset: Option<usize>,
        /// Its encoding.
        key: KeyColumn,
    },
    /// The same everywhere.
    Constant(Datum),
    /// The row's key.
    RowKey,
    /// A made-up place.
    Ctid,
    /// The whole row.
    WholeRow,
}

/// One row as stored.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// Whole key.
    pub key: &'a [u8],
    /// Value.
    pub value: &'a [u8],
}

/// Decoders of a scan's columns.
pub fn decoders(def: &TableDef, columns: &[ScanColumn]) -> Vec<Decoder> {
    columns.iter().map(|c| decoder(def, *c)).collect()
}

fn decoder(def: &TableDef, column: ScanColumn) -> Decoder {
    match column {
        ScanColumn::Column(c) => {
            let column = usize::from(c);
            match def.in_key[column] {
                Some(n) => Decoder::Key { n, offset: fixed_offset(&def.key_columns, n), key: def.key_columns[n] },
                None => Decoder::Stored { column, kind: def.kinds[column] },
            }
        }
        ScanColumn::TableOid => Decoder::Constant(Datum::Oid(def.relation.oid)),
        ScanColumn::Xmin => Decoder::Constant(Datum::Oid(FROZEN)),
        ScanColumn::Xmax | ScanColumn::Cmin | ScanColumn::Cmax => Decoder::Constant(Datum::Oid(Oid(0))),
        ScanColumn::Ctid => Decoder::Ctid,
        ScanColumn::RowKey => Decoder::RowKey,
        ScanColumn::WholeRow => Decoder::WholeRow,
    }
}

/// Where key column `n` begins in the key, if every column before it has a fixed width. Primary key columns are never NULL, so
/// each takes its tag byte and its width.
pub fn fixed_offset(keys: &[KeyColumn], n: usize) -> Option<usize> {
    let mut at = PREFIX;
    for key in &keys[..n] {
        at += 1 + match key.kind {
            PhysKind::Inet | PhysKind::Bit | PhysKind::Numeric | PhysKind::Interval => return None,
            kind => kind.width()?,
        };
    }
    Some(at)
}

#[cold]
fn damaged() -> SqlError {
    SqlError::new(SqlState::DATA_CORRUPTED, "stored data is damaged: row key is too short")
}

impl Decoder {
    /// Whether the row's value is needed.
    pub fn needs_value(&self) -> bool {
        matches!(self, Self::Stored { .. } | Self::WholeRow)
    }

    /// Decodes the column for all rows.
    pub fn decode(&self, def: &TableDef, kind: ColumnKind, rows: &[Stored<'_>]) -> Result<Column> {
        match self {
            Self::Constant(value) => return Ok(Column::constant(kind, value.clone(), rows.len())),
            Self::Stored { column, kind: stored } => {
                if let Some(column) = whole_fixed(def, *column, *stored, kind, rows) {
                    return Ok(column);
                }
            }
            _ => {}
        }
        let mut out = ColumnBuilder::new(kind, rows.len());
        match self {
            Self::Stored { column, kind } => stored(def, *column, *kind, rows, &mut out)?,
            Self::Key { n, offset, key } => from_key(def, *n, *offset, *key, rows, &mut out)?,
            Self::RowKey => rows.iter().for_each(|r| out.push_bytes(r.key)),
            Self::Ctid => rows.iter().for_each(|r| out.push(ctid(r.key))),
            Self::WholeRow => {
                for row in rows {
                    out.push(stored_whole_row(def, *row)?);
                }
            }
            Self::Constant(_) => {}
        }
        Ok(out.finish())
    }

    /// The column's value of one row.
    pub fn datum(&self, def: &TableDef, row: Stored<'_>) -> Result<Datum> {
        Ok(match self {
            Self::Stored { column, .. } => match RowReader::new(&def.layout, row.value)?.datum(*column)? {
                Cell::Value(v) => v,
                Cell::Missing => def.missing[*column].clone(),
            },
            Self::Key { n, offset, key } => key_datum(def, *n, *offset, *key, row.key)?,
            Self::Constant(v) => v.clone(),
            Self::RowKey => Datum::bytea(row.key),
            Self::Ctid => ctid(row.key),
            Self::WholeRow => stored_whole_row(def, row)?,
        })
    }
}

/// A `ctid` that stays the same as long as the row's key does.
fn ctid(key: &[u8]) -> Datum {
    let suffix = &key[PREFIX.min(key.len())..];
    if let Ok(number) = <[u8; 8]>::try_from(suffix) {
        let number = u64::from_be_bytes(number);
        return Datum::Tid((number / 256) as u32, (number % 256) as u16 + 1);
    }
    let hash = crate::sql::executor::batch::hash_bytes(suffix);
    Datum::Tid((hash >> 32) as u32, (hash as u16) | 1)
}

fn stored_whole_row(def: &TableDef, row: Stored<'_>) -> Result<Datum> {
    Ok(whole_row(&def.relation, &def.decode_row(row.key, row.value)?))
}

/// A row (one datum per column position) as a value of the relation's row type.
pub fn whole_row(relation: &Relation, row: &[Datum]) -> Datum {
    let fields: Vec<(Type, Datum)> = relation.live_columns().map(|(i, c)| (c.ty, row[i].clone())).collect();
    Datum::Record(Arc::new(Record { ty: relation.row_type, fields, names: Arc::new([]) }))
}

/// A fixed column of rows that all have the common shape and no NULL there, which is most columns of most blocks.
fn whole_fixed(def: &TableDef, c: usize, stored: PhysKind, kind: ColumnKind, rows: &[Stored<'_>]) -> Option<Column> {
    let place = def.layout.place(c);
    macro_rules! whole {
        ($variant:ident, $bytes:literal, $read:expr) => {{
            let mut values = Vec::with_capacity(rows.len());
            for row in rows {
                let Common::Value(bytes) = place.fixed::<$bytes>(row.value) else { return None };
                values.push($read(bytes));
            }
            Data::$variant(Arc::new(values))
        }};
    }
    let data = match (stored, kind) {
        (PhysKind::Int4, ColumnKind::Int4) | (PhysKind::Date, ColumnKind::Date) => whole!(I32, 4, i32::from_le_bytes),
        (PhysKind::Int8, ColumnKind::Int8)
        | (PhysKind::Time, ColumnKind::Time)
        | (PhysKind::Timestamp, ColumnKind::Timestamp)
        | (PhysKind::TimestampTz, ColumnKind::TimestampTz)
        | (PhysKind::Money, ColumnKind::Money) => whole!(I64, 8, i64::from_le_bytes),
        (PhysKind::Int2, ColumnKind::Int2) => whole!(I16, 2, i16::from_le_bytes),
        (PhysKind::Float4, ColumnKind::Float4) => whole!(F32, 4, f32::from_le_bytes),
        (PhysKind::Float8, ColumnKind::Float8) => whole!(F64, 8, f64::from_le_bytes),
        _ => return None,
    };
    Some(Column::new(kind, data, None))
}

/// A row that has not the common shape: taken apart for this one column.
#[cold]
fn uncommon(def: &TableDef, column: usize, row: &[u8]) -> Result<Datum> {
    Ok(match RowReader::new(&def.layout, row)?.datum(column)? {
        Cell::Value(v) => v,
        Cell::Missing => def.missing[column].clone(),
    })
}

fn stored(def: &TableDef, c: usize, kind: PhysKind, rows: &[Stored<'_>], out: &mut ColumnBuilder) -> Result<()> {
    let place = def.layout.place(c);
    macro_rules! each {
        ($read:expr, |$value:ident| $push:expr) => {
            for row in rows {
                match $read(row.value) {
                    Common::Value($value) => $push,
                    Common::Null => out.push_null(),
                    Common::Other => out.push(uncommon(def, c, row.value)?),
                }
            }
        };
    }
    // The typed pushes fit the vector of the column's own kind only (a domain's values travel as datums).
    match (kind, out.kind()) {
        (PhysKind::Int4, ColumnKind::Int4) | (PhysKind::Date, ColumnKind::Date) => {
            each!(|r| place.fixed::<4>(r), |v| out.push_i32(i32::from_le_bytes(v)));
        }
        (PhysKind::Int8, ColumnKind::Int8)
        | (PhysKind::Time, ColumnKind::Time)
        | (PhysKind::Timestamp, ColumnKind::Timestamp)
        | (PhysKind::TimestampTz, ColumnKind::TimestampTz)
        | (PhysKind::Money, ColumnKind::Money) => each!(|r| place.fixed::<8>(r), |v| out.push_i64(i64::from_le_bytes(v))),
        (PhysKind::Int2, ColumnKind::Int2) => each!(|r| place.fixed::<2>(r), |v| out.push_i16(i16::from_le_bytes(v))),
        (PhysKind::Bool, ColumnKind::Bool) => each!(|r| place.fixed::<1>(r), |v| out.push_bool(v[0] != 0)),
        (PhysKind::Float4, ColumnKind::Float4) => each!(|r| place.fixed::<4>(r), |v| out.push_f32(f32::from_le_bytes(v))),
        (PhysKind::Float8, ColumnKind::Float8) => each!(|r| place.fixed::<8>(r), |v| out.push_f64(f64::from_le_bytes(v))),
        (PhysKind::Text, ColumnKind::Text) | (PhysKind::Bpchar, ColumnKind::Bpchar) | (PhysKind::Bytea, ColumnKind::Bytea) => {
            each!(|r| place.bytes(r), |v| out.push_bytes(v));
        }
        (PhysKind::Numeric, ColumnKind::Numeric) => {
            for row in rows {
                match place.bytes(row.value) {
                    Common::Value(bytes) => match numeric_small(bytes)? {
                        Some((mantissa, scale)) => out.push_decimal(mantissa, scale),
                        None => out.push(uncommon(def, c, row.value)?),
                    },
                    Common::Null => out.push_null(),
                    Common::Other => out.push(uncommon(def, c, row.value)?),
                }
            }
        }
        _ => {
            for row in rows {
                out.push(uncommon(def, c, row.value)?);
            }
        }
    }
    Ok(())
}

fn from_key(
    def: &TableDef,
    n: usize,
    offset: Option<usize>,
    key: KeyColumn,
    rows: &[Stored<'_>],
    out: &mut ColumnBuilder,
) -> Result<()> {
    match (key.kind, out.kind(), offset) {
        (PhysKind::Int4, ColumnKind::Int4, Some(at)) if !key.desc => {
            for row in rows {
                let bytes = row.key.get(at + 1..).and_then(|b| b.first_chunk::<4>()).ok_or_else(damaged)?;
                out.push_i32((u32::from_be_bytes(*bytes) ^ 0x8000_0000) as i32);
            }
        }
        (PhysKind::Int8, ColumnKind::Int8, Some(at)) if !key.desc => {
            for row in rows {
                let bytes = row.key.get(at + 1..).and_then(|b| b.first_chunk::<8>()).ok_or_else(damaged)?;
                out.push_i64((u64::from_be_bytes(*bytes) ^ (1 << 63)) as i64);
            }
        }
        _ => {
            for row in rows {
                out.push(key_datum(def, n, offset, key, row.key)?);
            }
        }
    }
    Ok(())
}

fn key_datum(def: &TableDef, n: usize, offset: Option<usize>, key: KeyColumn, bytes: &[u8]) -> Result<Datum> {
    let mut rest = bytes.get(offset.unwrap_or(PREFIX)..).ok_or_else(damaged)?;
    if offset.is_none() {
        for before in &def.key_columns[..n] {
            before.skip(&mut rest)?;
        }
    }
    key.decode(&mut rest)
}
