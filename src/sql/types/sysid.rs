//! System identifiers: oid and the reg* types, xid, cid, xid8, tid, pg_lsn, oidvector and int2vector.

use super::array::Array;
use super::io::{IoContext, invalid_syntax, is_space, trim_space};
use super::{Datum, Oid};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use std::io::Write;

#[cold]
fn out_of_range(text: &str, ty: &str) -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value \"{text}\" is out of range for type {ty}")
}

/// Text to oid: unsigned decimal; negatives wrap as in PostgreSQL. Errors: 22P02, 22003.
pub fn parse_oid(text: &str) -> Result<Oid> {
    parse_u32(text, "oid").map(Oid)
}

/// What C's `strtoul` reads into 32 bits.
fn parse_u32(text: &str, ty: &str) -> Result<u32> {
    let body = trim_space(text);
    let digits = body.strip_prefix(['-', '+']).unwrap_or(body);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid_syntax(ty, text));
    }
    let value: i64 = body.parse().map_err(|_| out_of_range(text, ty))?;
    u32::try_from(value).or_else(|_| i32::try_from(value).map(|v| v as u32)).map_err(|_| out_of_range(text, ty))
}

/// Text to xid or cid: leading decimal digits, anything else is 0, as `strtoul` without checks reads.
pub fn parse_xid(text: &str) -> u64 {
    let body = text.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
    let end = body.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(body.len());
    body[..end].parse().unwrap_or(if end == 0 { 0 } else { u64::MAX })
}

/// Text to a `reg*` OID: `-`, a number, or a name the catalog resolves.
pub fn parse_reg(cx: &IoContext<'_>, text: &str, kind: Oid) -> Result<Oid> {
    if text == "-" {
        return Ok(Oid::INVALID);
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return parse_oid(text);
    }
    cx.types.reg_in(kind, text)
}

/// Appends a `reg*` value: the object's name, `-` for none, the number for an unknown one.
pub fn write_reg(cx: &IoContext<'_>, oid: Oid, kind: Oid, out: &mut Vec<u8>) {
    if !oid.is_valid() {
        let none: &[u8] = if matches!(kind, Oid::REGOPER | Oid::REGOPERATOR) { b"0" } else { b"-" };
        return out.extend_from_slice(none);
    }
    match cx.types.reg_out(kind, oid) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => super::int::write(oid.0, out),
    }
}

/// Text `(block,offset)` to tid. Errors: 22P02.
pub fn parse_tid(text: &str) -> Result<(u32, u16)> {
    let parse = || {
        let inner = text.trim_start().strip_prefix('(')?.split_once(')')?.0;
        let (block, offset) = inner.split_once(',')?;
        Some((block.trim().parse().ok()?, offset.trim().parse().ok()?))
    };
    parse().ok_or_else(|| invalid_syntax("tid", text))
}

/// Appends `(block,offset)`.
pub fn write_tid(block: u32, offset: u16, out: &mut Vec<u8>) {
    let _ = write!(out, "({block},{offset})");
}

/// Text `XXXXXXXX/XXXXXXXX` to a log position. Errors: 22P02.
pub fn parse_lsn(text: &str) -> Result<u64> {
    let parse = || {
        let (high, low) = text.split_once('/')?;
        let part = |s: &str| {
            let hex = (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_hexdigit());
            hex.then(|| u64::from_str_radix(s, 16).ok()).flatten()
        };
        Some(part(high)? << 32 | part(low)?)
    };
    parse().ok_or_else(|| invalid_syntax("pg_lsn", text))
}

/// Appends a log position.
pub fn write_lsn(v: u64, out: &mut Vec<u8>) {
    let _ = write!(out, "{:X}/{:X}", v >> 32, v as u32);
}

/// Text to oidvector or int2vector: numbers separated by blanks, in a zero-based array.
pub fn parse_vector(text: &str, elem: Oid) -> Result<Array> {
    let parse = |word: &str| match elem {
        Oid::INT2 => super::int::parse_i16(word).map(Datum::Int2),
        _ => parse_oid(word).map(Datum::Oid),
    };
    let values = text.split_ascii_whitespace().map(parse).collect::<Result<Vec<_>>>()?;
    Ok(Array::with_lower_bound(elem, values, 0))
}

/// Appends an oidvector or int2vector.
pub fn write_vector(array: &Array, out: &mut Vec<u8>) {
    for (i, value) in array.values.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        match value {
            Datum::Int2(v) => super::int::write(*v, out),
            Datum::Oid(v) => super::int::write(v.0, out),
            _ => {}
        }
    }
}

/// Whether a type stores an OID and prints a name.
pub fn is_reg(ty: Oid) -> bool {
    matches!(
        ty,
        Oid::REGPROC
            | Oid::REGPROCEDURE
            | Oid::REGOPER
            | Oid::REGOPERATOR
            | Oid::REGCLASS
            | Oid::REGTYPE
            | Oid::REGCONFIG
            | Oid::REGDICTIONARY
            | Oid::REGNAMESPACE
            | Oid::REGROLE
            | Oid::REGCOLLATION
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oids_and_positions() {
        assert_eq!(parse_oid("4294967295").unwrap(), Oid(u32::MAX));
        assert_eq!(parse_oid("-1").unwrap(), Oid(u32::MAX));
        assert_eq!(parse_oid("4294967296").unwrap_err().message(), "value \"4294967296\" is out of range for type oid");
        assert_eq!(parse_lsn("16/B374D848").unwrap(), 0x16_B374_D848);
        assert_eq!(parse_tid("(1,2)").unwrap(), (1, 2));
        assert_eq!(parse_tid("(1,99999)").unwrap_err().message(), "invalid input syntax for type tid: \"(1,99999)\"");
    }
}
