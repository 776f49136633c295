//! Memcomparable key columns: comparing encoded bytes gives the order PostgreSQL's btree comparison gives.
//!
//! A column is a tag byte (NULL before or after values, as the index says) and the value's bytes; `DESC` inverts the value's
//! bytes. Every encoding is self-delimiting, so columns follow each other without lengths:
//!
//! | kind | bytes |
//! |---|---|
//! | integers, date, time, timestamps, money | big endian, sign bit flipped |
//! | oid, xid8, "char", uuid, macaddr, tid | big endian |
//! | floats | IEEE bits, all inverted if negative, else sign flipped; -0 is 0, NaN above infinity |
//! | enum | sort order as a float, then the label's OID |
//! | text, bytea | bytes with `00` escaped as `00 FF`, then `00 01`; bpchar without its trailing blanks |
//! | bit, varbit | as bytea, then the length in bits |
//! | inet | family, network part, mask length, whole address |
//! | interval | its length in microseconds (30-day months), 16 bytes |
//! | numeric, arrays, records, ranges, jsonb | see `key_numeric` and `key_compound` |
//!
//! A whole key is `table_prefix(table, index)` and its columns.

use super::key_compound as compound;
use super::key_numeric;
use super::{PhysKind, damaged};
use crate::error::{Result, SqlError};
use crate::sql::types::datum::EnumValue;
use crate::sql::types::inet::Inet;
use crate::sql::types::{Datum, Oid, bit::BitString, interval::Interval};
use std::net::IpAddr;
use std::sync::Arc;

const TAG_NULL_FIRST: u8 = 0;
const TAG_VALUE: u8 = 1;
const TAG_NULL_LAST: u8 = 2;

const ESCAPE: u8 = 0x00;
const ESCAPED_ZERO: u8 = 0xff;
const END: u8 = 0x01;

/// One column of a key: what it holds and how it sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// What it holds.
    pub kind: PhysKind,
    /// Descending.
    pub desc: bool,
    /// NULL sorts before every value.
    pub nulls_first: bool,
}

impl KeyColumn {
    /// Ascending, NULLs last: PostgreSQL's default.
    pub const fn asc(kind: PhysKind) -> Self {
        Self { kind, desc: false, nulls_first: false }
    }

    /// Appends the column. See [`encode_column`].
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>, value: &Datum) -> Result<()> {
        encode_column(out, value, self.kind, self.desc, self.nulls_first)
    }

    /// Takes the column off the front of `input`. See [`decode_column`].
    #[inline]
    pub fn decode(&self, input: &mut &[u8]) -> Result<Datum> {
        decode_column(input, self.kind, self.desc)
    }

    /// Steps over the column. See [`skip_column`].
    #[inline]
    pub fn skip(&self, input: &mut &[u8]) -> Result<()> {
        skip_column(input, self.kind, self.desc)
    }
}

/// The first bytes of every key of an index (index 0 is the table's own rows).
#[inline]
pub fn table_prefix(table: u32, index: u16) -> [u8; 6] {
    let (t, i) = (table.to_be_bytes(), index.to_be_bytes());
    [t[0], t[1], t[2], t[3], i[0], i[1]]
}

/// Whether a key column of this built-in type gives back exactly the value that went in.
pub fn key_is_lossless(ty: Oid) -> bool {
    PhysKind::of_builtin(ty).is_some_and(PhysKind::key_is_lossless)
}

/// Appends one key column. 0A000 for types without an order; XX000 if the datum is not of `kind` (a planner's mistake).
#[inline]
pub fn encode_column(out: &mut Vec<u8>, value: &Datum, kind: PhysKind, desc: bool, nulls_first: bool) -> Result<()> {
    if value.is_null() {
        out.push(if nulls_first { TAG_NULL_FIRST } else { TAG_NULL_LAST });
        return Ok(());
    }
    out.push(TAG_VALUE);
    let start = out.len();
    encode_value(out, value, kind)?;
    if desc {
        for b in &mut out[start..] {
            *b = !*b;
        }
    }
    Ok(())
}

/// Appends a value that is not NULL, ascending.
pub(super) fn encode_value(out: &mut Vec<u8>, value: &Datum, kind: PhysKind) -> Result<()> {
    match (kind, value) {
        (PhysKind::Int4, Datum::Int4(v)) | (PhysKind::Date, Datum::Date(v)) => put_i32(out, *v),
        (PhysKind::Int8, Datum::Int8(v))
        | (PhysKind::Time, Datum::Time(v))
        | (PhysKind::Timestamp, Datum::Timestamp(v))
        | (PhysKind::TimestampTz, Datum::TimestampTz(v))
        | (PhysKind::Money, Datum::Money(v)) => put_i64(out, *v),
        (PhysKind::Text, Datum::Text(s)) => put_bytes(out, s.as_bytes()),
        (PhysKind::Bpchar, Datum::Text(s)) => put_bytes(out, s.trim_end_matches(' ').as_bytes()),
        (PhysKind::Bytea, Datum::Bytea(b)) => put_bytes(out, b),
        (PhysKind::Uuid, Datum::Uuid(u)) => out.extend_from_slice(&u[..]),
        (PhysKind::Bool, Datum::Bool(b)) => out.push(u8::from(*b)),
        (PhysKind::Char, Datum::Char(c)) => out.push(*c),
        (PhysKind::Int2, Datum::Int2(v)) => out.extend_from_slice(&((*v as u16) ^ 0x8000).to_be_bytes()),
        (PhysKind::Oid, Datum::Oid(v)) => out.extend_from_slice(&v.0.to_be_bytes()),
        (PhysKind::U64, Datum::U64(v)) => out.extend_from_slice(&v.to_be_bytes()),
        (PhysKind::Float4, Datum::Float4(v)) => out.extend_from_slice(&f32_bits(*v).to_be_bytes()),
        (PhysKind::Float8, Datum::Float8(v)) => out.extend_from_slice(&f64_bits(*v).to_be_bytes()),
        (PhysKind::Numeric, Datum::Numeric(v)) => key_numeric::encode(out, v),
        (PhysKind::TimeTz, Datum::TimeTz(micros, zone)) => {
            put_i64(out, micros.wrapping_add(i64::from(*zone) * 1_000_000));
            put_i32(out, *zone);
        }
        (PhysKind::Interval, Datum::Interval(v)) => put_interval(out, v),
        (PhysKind::Enum, Datum::Enum(v)) => {
            out.extend_from_slice(&f32_bits(v.order).to_be_bytes());
            out.extend_from_slice(&v.label.0.to_be_bytes());
        }
        (PhysKind::Bit, Datum::Bit(v)) => {
            put_bytes(out, &v.bytes);
            out.extend_from_slice(&v.len.to_be_bytes());
        }
        (PhysKind::Inet, Datum::Inet(v)) => put_inet(out, v),
        (PhysKind::MacAddr, Datum::MacAddr(v)) => out.extend_from_slice(v),
        (PhysKind::Tid, Datum::Tid(block, offset)) => {
            out.extend_from_slice(&block.to_be_bytes());
            out.extend_from_slice(&offset.to_be_bytes());
        }
        (PhysKind::Array, Datum::Array(v)) => put_escaped(out, |inner| compound::put_array(inner, v))?,
        (PhysKind::Record, Datum::Record(v)) => put_escaped(out, |inner| compound::put_record(inner, v))?,
        (PhysKind::Range, Datum::Range(v)) => put_escaped(out, |inner| compound::put_range(inner, v))?,
        (PhysKind::Multirange, Datum::Multirange(v)) => put_escaped(out, |inner| compound::put_multirange(inner, v))?,
        (PhysKind::Jsonb, Datum::Jsonb(v)) => put_escaped(out, |inner| compound::put_jsonb(inner, v))?,
        (kind, value) => return Err(cannot_encode(kind, value)),
    }
    Ok(())
}

#[cold]
fn cannot_encode(kind: PhysKind, value: &Datum) -> SqlError {
    if kind.has_key_form() {
        SqlError::internal(format!("key column of kind {kind:?} got {value:?}"))
    } else {
        SqlError::unsupported(format!("an index on a column of kind {kind:?}"))
    }
}

#[inline]
fn put_i32(out: &mut Vec<u8>, v: i32) {
    out.extend_from_slice(&((v as u32) ^ 0x8000_0000).to_be_bytes());
}

#[inline]
fn put_i64(out: &mut Vec<u8>, v: i64) {
    out.extend_from_slice(&((v as u64) ^ (1 << 63)).to_be_bytes());
}

/// IEEE bits in an order that unsigned comparison follows.
#[inline]
fn f32_bits(v: f32) -> u32 {
    let v = if v.is_nan() { f32::NAN.abs() } else { v + 0.0 };
    let bits = v.to_bits();
    if bits >> 31 == 1 { !bits } else { bits ^ 0x8000_0000 }
}

/// As `f32_bits`.
#[inline]
fn f64_bits(v: f64) -> u64 {
    let v = if v.is_nan() { f64::NAN.abs() } else { v + 0.0 };
    let bits = v.to_bits();
    if bits >> 63 == 1 { !bits } else { bits ^ (1 << 63) }
}

fn put_interval(out: &mut Vec<u8>, v: &Interval) {
    let days = i128::from(v.months) * 30 + i128::from(v.days);
    let span = days * 86_400_000_000 + i128::from(v.micros);
    out.extend_from_slice(&((span as u128) ^ (1 << 127)).to_be_bytes());
}

/// Comparing masked addresses, then mask lengths, then whole addresses is `network_cmp`.
fn put_inet(out: &mut Vec<u8>, v: &Inet) {
    let mut put = |family: u8, addr: &[u8]| {
        out.push(family);
        for (i, byte) in addr.iter().enumerate() {
            let kept = usize::from(v.bits).saturating_sub(i * 8).min(8);
            out.push(if kept == 0 { 0 } else { byte & (0xff << (8 - kept)) });
        }
        out.push(v.bits);
        out.extend_from_slice(addr);
    };
    match v.addr {
        IpAddr::V4(a) => put(4, &a.octets()),
        IpAddr::V6(a) => put(6, &a.octets()),
    }
}

/// Appends bytes of any content so that they end by themselves and a prefix sorts first.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[ESCAPE, ESCAPED_ZERO]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&[ESCAPE, END]);
}

/// Appends what `fill` writes, escaped as one byte string, so that skipping needs no knowledge of its inside.
fn put_escaped(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let mut inner = Vec::with_capacity(64);
    fill(&mut inner)?;
    put_bytes(out, &inner);
    Ok(())
}

/// Takes one column off the front of `input`. Kinds whose key is not lossless answer an equal value where one can be rebuilt
/// (float, numeric, bpchar), else XX000: the row keeps those columns. XX001 on damaged bytes.
pub fn decode_column(input: &mut &[u8], kind: PhysKind, desc: bool) -> Result<Datum> {
    match take::<1>(input, 0)?[0] {
        TAG_NULL_FIRST | TAG_NULL_LAST => return Ok(Datum::Null),
        TAG_VALUE => {}
        _ => return Err(damaged("key tag")),
    }
    let mask = if desc { 0xff } else { 0 };
    Ok(match kind {
        PhysKind::Int4 => Datum::Int4(get_i32(input, mask)?),
        PhysKind::Int8 => Datum::Int8(get_i64(input, mask)?),
        PhysKind::Text | PhysKind::Bpchar => Datum::Text(get_text(input, mask)?),
        PhysKind::Bytea => Datum::Bytea(get_bytes(input, mask)?.into()),
        PhysKind::Uuid => Datum::Uuid(Arc::new(take::<16>(input, mask)?)),
        PhysKind::Bool => Datum::Bool(take::<1>(input, mask)?[0] != 0),
        PhysKind::Char => Datum::Char(take::<1>(input, mask)?[0]),
        PhysKind::Int2 => Datum::Int2((u16::from_be_bytes(take(input, mask)?) ^ 0x8000) as i16),
        PhysKind::Oid => Datum::Oid(Oid(u32::from_be_bytes(take(input, mask)?))),
        PhysKind::U64 => Datum::U64(u64::from_be_bytes(take(input, mask)?)),
        PhysKind::Float4 => Datum::Float4(get_f32(input, mask)?),
        PhysKind::Float8 => Datum::Float8(get_f64(input, mask)?),
        PhysKind::Numeric => Datum::Numeric(key_numeric::decode(input, mask)?),
        PhysKind::Date => Datum::Date(get_i32(input, mask)?),
        PhysKind::Time => Datum::Time(get_i64(input, mask)?),
        PhysKind::Timestamp => Datum::Timestamp(get_i64(input, mask)?),
        PhysKind::TimestampTz => Datum::TimestampTz(get_i64(input, mask)?),
        PhysKind::Money => Datum::Money(get_i64(input, mask)?),
        PhysKind::TimeTz => {
            let utc = get_i64(input, mask)?;
            let zone = get_i32(input, mask)?;
            Datum::TimeTz(utc.wrapping_sub(i64::from(zone) * 1_000_000), zone)
        }
        PhysKind::Enum => {
            let order = get_f32(input, mask)?;
            Datum::Enum(EnumValue { label: Oid(u32::from_be_bytes(take(input, mask)?)), order })
        }
        PhysKind::Bit => get_bits(input, mask)?,
        PhysKind::Inet => get_inet(input, mask)?,
        PhysKind::MacAddr => Datum::MacAddr(take(input, mask)?),
        PhysKind::Tid => Datum::Tid(u32::from_be_bytes(take(input, mask)?), u16::from_be_bytes(take(input, mask)?)),
        other => return Err(SqlError::internal(format!("a key column of kind {other:?} cannot be read back from the key"))),
    })
}

/// Steps over one column.
pub fn skip_column(input: &mut &[u8], kind: PhysKind, desc: bool) -> Result<()> {
    match take::<1>(input, 0)?[0] {
        TAG_NULL_FIRST | TAG_NULL_LAST => return Ok(()),
        TAG_VALUE => {}
        _ => return Err(damaged("key tag")),
    }
    let mask = if desc { 0xff } else { 0 };
    match kind {
        PhysKind::Numeric => key_numeric::decode(input, mask).map(drop),
        PhysKind::Inet => {
            let len = inet_len(take::<1>(input, mask)?[0])?;
            skip(input, 2 * len + 1)
        }
        PhysKind::Bit => {
            skip_bytes(input, mask)?;
            skip(input, 4)
        }
        kind => match kind.width() {
            Some(width) => skip(input, width),
            None => skip_bytes(input, mask),
        },
    }
}

fn skip(input: &mut &[u8], n: usize) -> Result<()> {
    *input = input.get(n..).ok_or_else(|| damaged("key ends early"))?;
    Ok(())
}

/// The next `N` bytes, inverted where `mask` is `0xff`.
#[inline]
pub(super) fn take<const N: usize>(input: &mut &[u8], mask: u8) -> Result<[u8; N]> {
    let (head, rest) = input.split_first_chunk::<N>().ok_or_else(|| damaged("key ends early"))?;
    *input = rest;
    let mut bytes = *head;
    for b in &mut bytes {
        *b ^= mask;
    }
    Ok(bytes)
}

fn get_i32(input: &mut &[u8], mask: u8) -> Result<i32> {
    Ok((u32::from_be_bytes(take(input, mask)?) ^ 0x8000_0000) as i32)
}

fn get_i64(input: &mut &[u8], mask: u8) -> Result<i64> {
    Ok((u64::from_be_bytes(take(input, mask)?) ^ (1 << 63)) as i64)
}

fn get_f32(input: &mut &[u8], mask: u8) -> Result<f32> {
    let bits = u32::from_be_bytes(take(input, mask)?);
    Ok(f32::from_bits(if bits >> 31 == 1 { bits ^ 0x8000_0000 } else { !bits }))
}

fn get_f64(input: &mut &[u8], mask: u8) -> Result<f64> {
    let bits = u64::from_be_bytes(take(input, mask)?);
    Ok(f64::from_bits(if bits >> 63 == 1 { bits ^ (1 << 63) } else { !bits }))
}

/// Splits an escaped byte string off the front: its raw body (still escaped and masked) without the terminator.
fn split_escaped<'a>(input: &mut &'a [u8], mask: u8) -> Result<&'a [u8]> {
    let bytes: &'a [u8] = input;
    let mut at = 0;
    while let Some(found) = memchr::memchr(ESCAPE ^ mask, &bytes[at..]) {
        let next = at + found + 1;
        match bytes.get(next).map(|b| b ^ mask) {
            Some(END) => {
                *input = &bytes[next + 1..];
                return Ok(&bytes[..next - 1]);
            }
            Some(ESCAPED_ZERO) => at = next + 1,
            _ => break,
        }
    }
    Err(damaged("key string without an end"))
}

fn skip_bytes(input: &mut &[u8], mask: u8) -> Result<()> {
    split_escaped(input, mask).map(drop)
}

fn get_bytes(input: &mut &[u8], mask: u8) -> Result<Vec<u8>> {
    let body = split_escaped(input, mask)?;
    let mut out = Vec::with_capacity(body.len());
    let mut i = 0;
    while i < body.len() {
        let b = body[i] ^ mask;
        out.push(b);
        i += if b == ESCAPE { 2 } else { 1 };
    }
    Ok(out)
}

fn get_text(input: &mut &[u8], mask: u8) -> Result<smol_str::SmolStr> {
    if mask == 0 {
        let mut ahead = *input;
        let body = split_escaped(&mut ahead, 0)?;
        // Text never holds a zero byte, so the body is the text itself.
        let text = std::str::from_utf8(body).map_err(|_| damaged("key text is not UTF-8"))?;
        *input = ahead;
        return Ok(text.into());
    }
    let bytes = get_bytes(input, mask)?;
    Ok(std::str::from_utf8(&bytes).map_err(|_| damaged("key text is not UTF-8"))?.into())
}

fn get_bits(input: &mut &[u8], mask: u8) -> Result<Datum> {
    let bytes = get_bytes(input, mask)?;
    let len = u32::from_be_bytes(take(input, mask)?);
    if bytes.len() != (len as usize).div_ceil(8) {
        return Err(damaged("bit string length in key"));
    }
    Ok(Datum::Bit(Arc::new(BitString { len, bytes })))
}

fn inet_len(family: u8) -> Result<usize> {
    match family {
        4 => Ok(4),
        6 => Ok(16),
        _ => Err(damaged("address family in key")),
    }
}

fn get_inet(input: &mut &[u8], mask: u8) -> Result<Datum> {
    let len = inet_len(take::<1>(input, mask)?[0])?;
    skip(input, len)?;
    let bits = take::<1>(input, mask)?[0];
    if usize::from(bits) > len * 8 {
        return Err(damaged("mask length in key"));
    }
    let addr = if len == 4 { IpAddr::from(take::<4>(input, mask)?) } else { IpAddr::from(take::<16>(input, mask)?) };
    Ok(Datum::Inet(Arc::new(Inet { addr, bits })))
}
