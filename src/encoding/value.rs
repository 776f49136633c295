//! Self-describing form of any value, for what has no layout of its own: arrays, jsonb, ranges, records and their elements.
//!
//! A version byte, then a tagged value: the tag says the datum's kind, numbers are little endian, lengths and counts are
//! LEB128 and checked against what is left, nesting is bounded by [`MAX_DEPTH`]. Reading damaged bytes answers XX001.
//!
//! `ARRAY[1, NULL]` is `01 | tag, element type, 1 dimension (2 from 1), values: tag 1 | tag NULL`.

use super::value_tree as tree;
use super::{damaged, numeric};
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::array::{Array, Dim};
use crate::sql::types::bit::BitString;
use crate::sql::types::datum::{EnumValue, Record};
use crate::sql::types::inet::Inet;
use crate::sql::types::interval::Interval;
use crate::sql::types::range::{Multirange, Range};
use crate::sql::types::{Datum, Oid, Type};
use std::net::IpAddr;
use std::sync::Arc;

/// Nesting beyond this is refused on write (54001) and taken for damage on read.
pub const MAX_DEPTH: usize = 1000;

const VERSION: u8 = 1;

/// Appends the versioned form of `value`, NULL included.
pub fn encode(out: &mut Vec<u8>, value: &Datum) -> Result<()> {
    out.push(VERSION);
    Writer { out, depth: 0 }.value(value)
}

/// Reads what [`encode`] wrote; all of `bytes` must belong to the value.
pub fn decode(bytes: &[u8]) -> Result<Datum> {
    let mut reader = Reader { bytes, depth: 0 };
    if reader.u8()? != VERSION {
        return Err(damaged("value version"));
    }
    let value = reader.value()?;
    if !reader.bytes.is_empty() {
        return Err(damaged("bytes after a value"));
    }
    Ok(value)
}

macro_rules! tags {
    ($($name:ident = $n:literal;)*) => { $(const $name: u8 = $n;)* };
}

// Part of the stored format: a number once given stays.
tags! {
    NULL = 0; FALSE = 1; TRUE = 2; INT2 = 3; INT4 = 4; INT8 = 5; FLOAT4 = 6; FLOAT8 = 7; NUMERIC = 8; OID = 9; CHAR = 10;
    TEXT = 11; BYTEA = 12; DATE = 13; TIME = 14; TIMETZ = 15; TIMESTAMP = 16; TIMESTAMPTZ = 17; INTERVAL = 18; UUID = 19;
    JSONB = 20; ARRAY = 21; RECORD = 22; ENUM = 23; BIT = 24; INET4 = 25; INET6 = 26; MACADDR = 27; MONEY = 28; TID = 29;
    U64 = 30; RANGE = 31; MULTIRANGE = 32; TSVECTOR = 33; TSQUERY = 34; GEO = 35;
}

/// Writes tagged values.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) depth: usize,
}

impl Writer<'_> {
    pub(super) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SqlError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        Ok(())
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn count(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.out.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.out.push(n as u8);
    }

    pub(super) fn blob(&mut self, bytes: &[u8]) {
        self.count(bytes.len() as u64);
        self.raw(bytes);
    }

    pub(super) fn number(&mut self, value: &crate::sql::types::numeric::Numeric) {
        let mut form = Vec::with_capacity(16);
        numeric::put(&mut form, value);
        self.blob(&form);
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.raw(bytes);
    }

    fn value(&mut self, value: &Datum) -> Result<()> {
        match value {
            Datum::Null => self.out.push(NULL),
            Datum::Bool(v) => self.out.push(if *v { TRUE } else { FALSE }),
            Datum::Int2(v) => self.tagged(INT2, &v.to_le_bytes()),
            Datum::Int4(v) => self.tagged(INT4, &v.to_le_bytes()),
            Datum::Int8(v) => self.tagged(INT8, &v.to_le_bytes()),
            Datum::Float4(v) => self.tagged(FLOAT4, &v.to_le_bytes()),
            Datum::Float8(v) => self.tagged(FLOAT8, &v.to_le_bytes()),
            Datum::Oid(v) => self.tagged(OID, &v.0.to_le_bytes()),
            Datum::Char(v) => self.tagged(CHAR, &[*v]),
            Datum::Date(v) => self.tagged(DATE, &v.to_le_bytes()),
            Datum::Time(v) => self.tagged(TIME, &v.to_le_bytes()),
            Datum::Timestamp(v) => self.tagged(TIMESTAMP, &v.to_le_bytes()),
            Datum::TimestampTz(v) => self.tagged(TIMESTAMPTZ, &v.to_le_bytes()),
            Datum::Money(v) => self.tagged(MONEY, &v.to_le_bytes()),
            Datum::U64(v) => self.tagged(U64, &v.to_le_bytes()),
            Datum::Uuid(v) => self.tagged(UUID, &v[..]),
            Datum::MacAddr(v) => self.tagged(MACADDR, v),
            Datum::TimeTz(micros, zone) => {
                self.tagged(TIMETZ, &micros.to_le_bytes());
                self.raw(&zone.to_le_bytes());
            }
            Datum::Tid(block, offset) => {
                self.tagged(TID, &block.to_le_bytes());
                self.raw(&offset.to_le_bytes());
            }
            Datum::Interval(v) => {
                self.tagged(INTERVAL, &v.micros.to_le_bytes());
                self.raw(&v.days.to_le_bytes());
                self.raw(&v.months.to_le_bytes());
            }
            Datum::Enum(v) => {
                self.tagged(ENUM, &v.label.0.to_le_bytes());
                self.raw(&v.order.to_le_bytes());
            }
            other => return self.variable(other),
        }
        Ok(())
    }

    fn variable(&mut self, value: &Datum) -> Result<()> {
        match value {
            Datum::Text(v) => {
                self.out.push(TEXT);
                self.blob(v.as_bytes());
            }
            Datum::Bytea(v) => {
                self.out.push(BYTEA);
                self.blob(v);
            }
            Datum::Numeric(v) => {
                self.out.push(NUMERIC);
                self.number(v);
            }
            Datum::Bit(v) => {
                self.tagged(BIT, &v.len.to_le_bytes());
                self.blob(&v.bytes);
            }
            Datum::Inet(v) => match v.addr {
                IpAddr::V4(a) => {
                    self.tagged(INET4, &[v.bits]);
                    self.raw(&a.octets());
                }
                IpAddr::V6(a) => {
                    self.tagged(INET6, &[v.bits]);
                    self.raw(&a.octets());
                }
            },
            Datum::Jsonb(v) => {
                self.out.push(JSONB);
                tree::put_jsonb(self, v)?;
            }
            Datum::TsVector(v) => {
                self.out.push(TSVECTOR);
                tree::put_tsvector(self, v);
            }
            Datum::TsQuery(v) => {
                self.out.push(TSQUERY);
                tree::put_tsquery(self, v)?;
            }
            Datum::Geo(v) => {
                self.out.push(GEO);
                tree::put_geo(self, v);
            }
            nested => {
                self.enter()?;
                self.nested(nested)?;
                self.depth -= 1;
            }
        }
        Ok(())
    }

    fn nested(&mut self, value: &Datum) -> Result<()> {
        match value {
            Datum::Array(v) => {
                self.tagged(ARRAY, &v.elem.0.to_le_bytes());
                self.out.push(v.dims.len() as u8);
                for dim in &v.dims {
                    self.raw(&dim.len.to_le_bytes());
                    self.raw(&dim.lower.to_le_bytes());
                }
                self.count(v.values.len() as u64);
                v.values.iter().try_for_each(|element| self.value(element))
            }
            Datum::Record(v) => {
                self.tagged(RECORD, &v.ty.0.to_le_bytes());
                self.count(v.fields.len() as u64);
                for (ty, field) in &v.fields {
                    self.raw(&ty.oid.0.to_le_bytes());
                    self.raw(&ty.typmod.to_le_bytes());
                    self.value(field)?;
                }
                self.count(v.names.len() as u64);
                v.names.iter().for_each(|name| self.blob(name.as_bytes()));
                Ok(())
            }
            Datum::Range(v) => {
                self.out.push(RANGE);
                self.range(v)
            }
            Datum::Multirange(v) => {
                self.tagged(MULTIRANGE, &v.ty.0.to_le_bytes());
                self.count(v.ranges.len() as u64);
                v.ranges.iter().try_for_each(|range| self.range(range))
            }
            other => Err(SqlError::internal(format!("no stored form for {other:?}"))),
        }
    }

    /// Type, then a byte: 1 empty, 2 lower inclusive, 4 upper inclusive, 8 lower infinite, 16 upper infinite; then the bounds.
    fn range(&mut self, range: &Range) -> Result<()> {
        self.raw(&range.ty.0.to_le_bytes());
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let inclusive = |bound: &Option<(Datum, bool)>| bound.as_ref().is_some_and(|(_, inclusive)| *inclusive);
        self.out.push(
            flag(range.empty, 1)
                | flag(inclusive(&range.lower), 2)
                | flag(inclusive(&range.upper), 4)
                | flag(range.lower.is_none(), 8)
                | flag(range.upper.is_none(), 16),
        );
        for (bound, _) in [&range.lower, &range.upper].into_iter().flatten() {
            self.value(bound)?;
        }
        Ok(())
    }
}

/// Reads tagged values off the front of `bytes`.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH + 1 { Err(damaged("value nested too deeply")) } else { Ok(()) }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or_else(|| damaged("value ends early"))?;
        self.bytes = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn oid(&mut self) -> Result<Oid> {
        Ok(Oid(u32::from_le_bytes(self.array()?)))
    }

    /// A count of things that take at least a byte each: never more than there are bytes left.
    pub(super) fn count(&mut self) -> Result<usize> {
        let mut n = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.u8()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(n).ok().filter(|n| *n <= self.bytes.len()).ok_or_else(|| damaged("count in a value"));
            }
        }
        Err(damaged("count in a value"))
    }

    pub(super) fn blob(&mut self) -> Result<&'a [u8]> {
        let len = self.count()?;
        let (head, rest) = self.bytes.split_at(len);
        self.bytes = rest;
        Ok(head)
    }

    pub(super) fn str(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.blob()?).map_err(|_| damaged("text is not UTF-8"))
    }

    fn value(&mut self) -> Result<Datum> {
        Ok(match self.u8()? {
            NULL => Datum::Null,
            FALSE => Datum::Bool(false),
            TRUE => Datum::Bool(true),
            INT2 => Datum::Int2(i16::from_le_bytes(self.array()?)),
            INT4 => Datum::Int4(self.i32()?),
            INT8 => Datum::Int8(self.i64()?),
            FLOAT4 => Datum::Float4(f32::from_le_bytes(self.array()?)),
            FLOAT8 => Datum::Float8(f64::from_le_bytes(self.array()?)),
            NUMERIC => Datum::Numeric(numeric::get(self.blob()?)?),
            OID => Datum::Oid(self.oid()?),
            CHAR => Datum::Char(self.u8()?),
            TEXT => Datum::Text(self.str()?.into()),
            BYTEA => Datum::Bytea(self.blob()?.into()),
            DATE => Datum::Date(self.i32()?),
            TIME => Datum::Time(self.i64()?),
            TIMETZ => Datum::TimeTz(self.i64()?, self.i32()?),
            TIMESTAMP => Datum::Timestamp(self.i64()?),
            TIMESTAMPTZ => Datum::TimestampTz(self.i64()?),
            INTERVAL => Datum::Interval(Interval { micros: self.i64()?, days: self.i32()?, months: self.i32()? }),
            UUID => Datum::Uuid(Arc::new(self.array()?)),
            ENUM => Datum::Enum(EnumValue { label: self.oid()?, order: f32::from_le_bytes(self.array()?) }),
            BIT => self.bits()?,
            INET4 => self.inet::<4>(32)?,
            INET6 => self.inet::<16>(128)?,
            MACADDR => Datum::MacAddr(self.array()?),
            MONEY => Datum::Money(self.i64()?),
            TID => Datum::Tid(u32::from_le_bytes(self.array()?), u16::from_le_bytes(self.array()?)),
            U64 => Datum::U64(u64::from_le_bytes(self.array()?)),
            JSONB => Datum::Jsonb(Arc::new(tree::get_jsonb(self)?)),
            TSVECTOR => Datum::TsVector(Arc::new(tree::get_tsvector(self)?)),
            TSQUERY => Datum::TsQuery(Arc::new(tree::get_tsquery(self)?)),
            GEO => Datum::Geo(Arc::new(tree::get_geo(self)?)),
            tag => {
                self.enter()?;
                let value = self.nested(tag)?;
                self.depth -= 1;
                value
            }
        })
    }

    fn nested(&mut self, tag: u8) -> Result<Datum> {
        Ok(match tag {
            ARRAY => Datum::Array(Arc::new(self.elements()?)),
            RECORD => Datum::Record(Arc::new(self.record()?)),
            RANGE => Datum::Range(Arc::new(self.range()?)),
            MULTIRANGE => {
                let ty = self.oid()?;
                let count = self.count()?;
                let ranges = (0..count).map(|_| self.range()).collect::<Result<_>>()?;
                Datum::Multirange(Arc::new(Multirange { ty, ranges }))
            }
            _ => return Err(damaged("value tag")),
        })
    }

    fn bits(&mut self) -> Result<Datum> {
        let len = u32::from_le_bytes(self.array()?);
        let bytes = self.blob()?.to_vec();
        if bytes.len() != (len as usize).div_ceil(8) {
            return Err(damaged("bit string length"));
        }
        Ok(Datum::Bit(Arc::new(BitString { len, bytes })))
    }

    fn inet<const N: usize>(&mut self, max: u8) -> Result<Datum>
    where
        IpAddr: From<[u8; N]>,
    {
        let bits = self.u8()?;
        if bits > max {
            return Err(damaged("network mask length"));
        }
        Ok(Datum::Inet(Arc::new(Inet { addr: IpAddr::from(self.array::<N>()?), bits })))
    }

    fn elements(&mut self) -> Result<Array> {
        let elem = self.oid()?;
        let dimensions = self.u8()?;
        let dims = (0..dimensions).map(|_| Ok(Dim { len: self.i32()?, lower: self.i32()? })).collect::<Result<Vec<_>>>()?;
        let count = self.count()?;
        let product = dims.iter().try_fold(1i64, |n, d| n.checked_mul(i64::from(d.len)).filter(|n| *n > 0));
        let expected = if dims.is_empty() { Some(0) } else { product };
        if expected != Some(count as i64) {
            return Err(damaged("array dimensions"));
        }
        let values = (0..count).map(|_| self.value()).collect::<Result<_>>()?;
        Ok(Array { elem, dims, values })
    }

    fn record(&mut self) -> Result<Record> {
        let ty = self.oid()?;
        let count = self.count()?;
        let fields = (0..count)
            .map(|_| {
                let ty = Type { oid: self.oid()?, typmod: self.i32()? };
                Ok((ty, self.value()?))
            })
            .collect::<Result<_>>()?;
        let names = self.count()?;
        let names = (0..names).map(|_| self.str().map(smol_str::SmolStr::from)).collect::<Result<_>>()?;
        Ok(Record { ty, fields, names })
    }

    fn range(&mut self) -> Result<Range> {
        let ty = self.oid()?;
        let flags = self.u8()?;
        let mut bound = |infinite: u8, inclusive: u8| {
            if flags & infinite != 0 { Ok(None) } else { self.value().map(|v| Some((v, flags & inclusive != 0))) }
        };
        let lower = bound(8, 2)?;
        let upper = bound(16, 4)?;
        Ok(Range { ty, empty: flags & 1 != 0, lower, upper })
    }
}
