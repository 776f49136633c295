//! From batches to DataRow messages: typed columns are written straight into the connection's buffer.

use crate::error::Result;
use crate::sql::executor::batch::{Batch, Column, ColumnKind, Data};
use crate::sql::plan::Output;
use crate::sql::types::io::{self, IoContext, TypeKind, TypeLookup};
use crate::sql::types::{Datum, Oid, Type};
use crate::wire::{DataRow, Field, RowDescription};
use bytes::BytesMut;

/// Formats of result columns: none given is all text, one is for all, else one each.
#[derive(Clone, Debug, Default)]
pub struct Formats(pub smallvec::SmallVec<[i16; 4]>);

impl Formats {
    /// The format of column `i`: 0 text, 1 binary.
    pub fn of(&self, i: usize) -> i16 {
        match self.0.len() {
            0 => 0,
            1 => self.0[0],
            _ => self.0.get(i).copied().unwrap_or(0),
        }
    }
}

/// Writes RowDescription.
pub fn row_description(
    buffer: &mut BytesMut,
    types: &dyn TypeLookup,
    outputs: &[Output],
    origins: &[Option<(Oid, i16)>],
    formats: &Formats,
) {
    let mut description = RowDescription::begin(buffer, outputs.len());
    for (i, o) in outputs.iter().enumerate() {
        let (table, column) = origins.get(i).copied().flatten().unwrap_or_default();
        // Clients are told a domain's base type.
        let mut ty = o.ty;
        if let Some(base) = crate::sql::system::information_domain(ty.oid) {
            ty = base;
        }
        while let Some(TypeKind::Domain(base)) =
            (ty.oid >= Oid::FIRST_NORMAL).then(|| types.type_info(ty.oid)).flatten().map(|t| t.kind)
        {
            ty = base;
        }
        description.field(&Field {
            name: &o.name,
            table: table.0,
            column,
            type_oid: ty.oid.0,
            type_len: crate::sql::system::shape(ty.oid).len,
            typmod: ty.typmod,
            format: formats.of(i),
        });
    }
    description.finish();
}

/// Writes one row of datums.
pub fn datum_row(buffer: &mut BytesMut, cx: &IoContext<'_>, row: &[Datum], types: &[Type], formats: &Formats) -> Result<()> {
    let mut message = DataRow::begin(buffer, row.len());
    for (i, value) in row.iter().enumerate() {
        if value.is_null() {
            message.null();
            continue;
        }
        let mark = message.begin_column();
        if let Err(e) = write_datum(message.buffer(), cx, value, types[i], formats.of(i)) {
            message.discard();
            return Err(e);
        }
        message.end_column(mark);
    }
    message.finish()
}

fn write_datum(out: &mut BytesMut, cx: &IoContext<'_>, value: &Datum, ty: Type, format: i16) -> Result<()> {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        if format == 1 {
            io::send(cx, value, ty, scratch)?;
        } else {
            io::output(cx, value, ty, scratch);
        }
        out.extend_from_slice(scratch);
        scratch.shrink_to(1 << 16);
        Ok(())
    })
}

thread_local! {
    /// Where values are formed before they go into a connection's buffer; kept per thread so that rows allocate nothing.
    static SCRATCH: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Writes the rows `from..to` (counted among the batch's selected rows).
pub fn batch_rows(
    buffer: &mut BytesMut,
    cx: &IoContext<'_>,
    batch: &Batch,
    range: std::ops::Range<usize>,
    types: &[Type],
    formats: &Formats,
) -> Result<()> {
    for i in range {
        let at = batch.position(i);
        let mut message = DataRow::begin(buffer, batch.columns.len());
        for (c, column) in batch.columns.iter().enumerate() {
            if column.is_null(at) {
                message.null();
                continue;
            }
            let mark = message.begin_column();
            if let Err(e) = write_column(message.buffer(), cx, column, at, types[c], formats.of(c)) {
                message.discard();
                return Err(e);
            }
            message.end_column(mark);
        }
        message.finish()?;
    }
    Ok(())
}

fn write_column(out: &mut BytesMut, cx: &IoContext<'_>, column: &Column, at: usize, ty: Type, format: i16) -> Result<()> {
    match (column.data(), column.kind()) {
        (Data::I32(v), ColumnKind::Int4) => integer(out, i64::from(v[at]), &v[at].to_be_bytes(), format),
        (Data::I64(v), ColumnKind::Int8) => integer(out, v[at], &v[at].to_be_bytes(), format),
        (Data::I16(v), ColumnKind::Int2) => integer(out, i64::from(v[at]), &v[at].to_be_bytes(), format),
        (Data::Bytes(v), ColumnKind::Text | ColumnKind::Bpchar) if is_plain_text(ty.oid) => out.extend_from_slice(v.get(at)),
        _ => return write_datum(out, cx, &column.get(at), ty, format),
    }
    Ok(())
}

/// Types whose text and binary forms are the characters themselves.
fn is_plain_text(ty: Oid) -> bool {
    matches!(ty, Oid::TEXT | Oid::VARCHAR | Oid::BPCHAR | Oid::NAME | Oid::UNKNOWN)
}

#[inline]
fn integer(out: &mut BytesMut, value: i64, binary: &[u8], format: i16) {
    if format == 1 {
        out.extend_from_slice(binary);
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}
