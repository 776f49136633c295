//! The key form of values made of values: arrays as `array_cmp` orders them, records as `record_cmp`, ranges as `range_cmp`,
//! jsonb as `compareJsonbContainers`. Inner values are encoded ascending; the caller escapes the whole as one byte string.
//!
//! An array is its elements (`02` and the value, `03` for NULL, which is greater than any value), an end byte that sorts the
//! shorter array first, then what breaks ties: number of dimensions, lengths, lower bounds.

use super::key::{encode_value, put_bytes};
use super::value::MAX_DEPTH;
use super::{PhysKind, key_numeric};
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::array::Array;
use crate::sql::types::datum::Record;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::range::{Multirange, Range};
use crate::sql::types::{Datum, Oid};

const END: u8 = 1;
const ELEMENT: u8 = 2;
const NULL: u8 = 3;

fn put_nested(out: &mut Vec<u8>, value: &Datum, ty: Oid) -> Result<()> {
    match PhysKind::of_nested(ty, value) {
        Some(kind) if !value.is_null() => {
            out.push(ELEMENT);
            encode_value(out, value, kind)
        }
        _ => {
            out.push(NULL);
            Ok(())
        }
    }
}

fn put_i32(out: &mut Vec<u8>, v: i32) {
    out.extend_from_slice(&((v as u32) ^ 0x8000_0000).to_be_bytes());
}

/// Elements first, then shape.
pub(super) fn put_array(out: &mut Vec<u8>, array: &Array) -> Result<()> {
    for value in &array.values {
        put_nested(out, value, array.elem)?;
    }
    out.push(END);
    out.push(array.dims.len() as u8);
    array.dims.iter().for_each(|d| put_i32(out, d.len));
    array.dims.iter().for_each(|d| put_i32(out, d.lower));
    Ok(())
}

/// Fields in order; a record that is a prefix of another sorts first.
pub(super) fn put_record(out: &mut Vec<u8>, record: &Record) -> Result<()> {
    for (ty, value) in &record.fields {
        put_nested(out, value, ty.oid)?;
    }
    out.push(END);
    Ok(())
}

/// Empty ranges first, then by lower bound, then by upper bound.
pub(super) fn put_range(out: &mut Vec<u8>, range: &Range) -> Result<()> {
    if range.empty {
        out.push(0);
        return Ok(());
    }
    out.push(1);
    match &range.lower {
        None => out.push(0),
        Some((value, inclusive)) => {
            out.push(1);
            put_bound(out, value, range.ty)?;
            out.push(u8::from(!inclusive));
        }
    }
    match &range.upper {
        None => out.push(2),
        Some((value, inclusive)) => {
            out.push(1);
            put_bound(out, value, range.ty)?;
            out.push(u8::from(*inclusive));
        }
    }
    Ok(())
}

fn put_bound(out: &mut Vec<u8>, value: &Datum, range_ty: Oid) -> Result<()> {
    let kind = PhysKind::of_datum(value).ok_or_else(|| SqlError::internal(format!("NULL bound in a range of type {range_ty}")))?;
    encode_value(out, value, kind)
}

/// Range by range; a multirange that is a prefix of another sorts first.
pub(super) fn put_multirange(out: &mut Vec<u8>, multirange: &Multirange) -> Result<()> {
    for range in &multirange.ranges {
        out.push(ELEMENT);
        put_range(out, range)?;
    }
    out.push(END);
    Ok(())
}

/// PostgreSQL keeps a top-level scalar as a one-element array, which puts an empty top-level array before every scalar.
pub(super) fn put_jsonb(out: &mut Vec<u8>, value: &Jsonb) -> Result<()> {
    match value {
        Jsonb::Array(elements) if elements.is_empty() => {
            out.push(0);
            Ok(())
        }
        other => put_json(out, other, 0),
    }
}

/// Null < String < Number < Bool < Array < Object; containers by size, then member by member.
fn put_json(out: &mut Vec<u8>, value: &Jsonb, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(SqlError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
    }
    match value {
        Jsonb::Null => out.push(1),
        Jsonb::String(s) => {
            out.push(2);
            put_bytes(out, s.as_bytes());
        }
        Jsonb::Number(n) => {
            out.push(3);
            key_numeric::encode(out, n);
        }
        Jsonb::Bool(b) => out.extend_from_slice(&[4, u8::from(*b)]),
        Jsonb::Array(elements) => {
            out.push(5);
            out.extend_from_slice(&(elements.len() as u32).to_be_bytes());
            for element in elements {
                put_json(out, element, depth + 1)?;
            }
        }
        Jsonb::Object(members) => {
            out.push(6);
            out.extend_from_slice(&(members.len() as u32).to_be_bytes());
            for (key, member) in members {
                put_bytes(out, key.as_bytes());
                put_json(out, member, depth + 1)?;
            }
        }
    }
    Ok(())
}
