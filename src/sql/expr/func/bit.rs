//! Bit strings: operators, parts, single bits, casts. The strings themselves are `types::bit`.

use super::support::*;
use super::text::window;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::bit::BitString;
use crate::sql::types::{Datum, Oid, Type};
use std::sync::Arc;

fn bits(v: BitString) -> Result<Datum> {
    Ok(Datum::Bit(Arc::new(v)))
}

fn b(d: &Datum) -> &BitString {
    d.as_bit()
}

/// Bit string functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("bit_and", |_, a| b(&a[0]).and(b(&a[1])).and_then(bits)),
    f("bit_or", |_, a| b(&a[0]).or(b(&a[1])).and_then(bits)),
    f("bitxor", |_, a| b(&a[0]).xor(b(&a[1])).and_then(bits)),
    f("bitnot", |_, a| bits(b(&a[0]).not())),
    f("bitcat", |_, a| bits(b(&a[0]).concat(b(&a[1])))),
    f("bitshiftleft", |_, a| bits(b(&a[0]).shift(a[1].as_int4().into()))),
    f("bitshiftright", |_, a| bits(b(&a[0]).shift(-i64::from(a[1].as_int4())))),
    f("bit", |_, a| resized(a, Oid::BIT)),
    f("varbit", |_, a| resized(a, Oid::VARBIT)),
    f("bitfromint4", |_, a| bits(BitString::from_i64(a[0].as_int4().into(), a[1].as_int4().max(1) as u32))),
    f("bitfromint8", |_, a| bits(BitString::from_i64(a[0].as_int8(), a[1].as_int4().max(1) as u32))),
    f("bittoint4", |_, a| b(&a[0]).to_int(32).map(|v| Datum::Int4(v as i32))),
    f("bittoint8", |_, a| b(&a[0]).to_int(64).map(Datum::Int8)),
    f("bitlength", |_, a| int4(b(&a[0]).len as usize)),
    f("bit_length/1560", |_, a| int4(b(&a[0]).len as usize)),
    f("bitoctetlength", |_, a| int4(b(&a[0]).bytes.len())),
    f("bit_bit_count", |_, a| Ok(Datum::Int8(b(&a[0]).bits().filter(|bit| *bit).count() as i64))),
    f("bitsubstr", |_, a| bits(part(b(&a[0]), a[1].as_int4(), Some(a[2].as_int4()))?)),
    f("bitsubstr_no_len", |_, a| bits(part(b(&a[0]), a[1].as_int4(), None)?)),
    f("bitposition", |_, a| int4(position(b(&a[0]), b(&a[1])))),
    f("bitoverlay", |_, a| overlay(b(&a[0]), b(&a[1]), a[2].as_int4(), a[3].as_int4())),
    f("bitoverlay_no_len", |_, a| overlay(b(&a[0]), b(&a[1]), a[2].as_int4(), b(&a[1]).len as i32)),
    f("bitgetbit", |_, a| {
        let at = index(b(&a[0]), a[1].as_int4())?;
        Ok(Datum::Int4(b(&a[0]).bit(at).into()))
    }),
    f("bitsetbit", |_, a| {
        let at = index(b(&a[0]), a[1].as_int4())?;
        let new = match a[2].as_int4() {
            0 => false,
            1 => true,
            _ => return Err(invalid_parameter("new bit must be 0 or 1")),
        };
        bits(BitString::from_bits(b(&a[0]).bits().enumerate().map(|(i, old)| if i == at as usize { new } else { old })))
    }),
];

fn resized(a: &[Datum], oid: Oid) -> Result<Datum> {
    let ty = Type { oid, typmod: a[1].as_int4() };
    if a[2].as_bool() { bits(b(&a[0]).resize(ty)) } else { bits(b(&a[0]).clone().apply_typmod(ty)?) }
}

fn part(v: &BitString, start: i32, len: Option<i32>) -> Result<BitString> {
    let (from, to) = window(start, len, v.len as usize)?;
    Ok(BitString::from_bits((from..to).map(|i| v.bit(i as u32))))
}

fn overlay(v: &BitString, new: &BitString, start: i32, len: i32) -> Result<Datum> {
    if start <= 0 {
        return Err(SqlError::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed"));
    }
    let after = start.checked_add(len).ok_or_else(|| out_of_range("integer"))?;
    bits(part(v, 1, Some(start - 1))?.concat(new).concat(&part(v, after, None)?))
}

fn position(v: &BitString, wanted: &BitString) -> usize {
    if v.len == 0 || wanted.len > v.len {
        return 0;
    }
    let matches = |from: &u32| (0..wanted.len).all(|i| v.bit(from + i) == wanted.bit(i));
    (0..=v.len - wanted.len).find(matches).map_or(0, |at| at as usize + 1)
}

fn index(v: &BitString, at: i32) -> Result<u32> {
    match u32::try_from(at) {
        Ok(at) if at < v.len => Ok(at),
        _ => Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "bit index {at} out of valid range (0..{})", i64::from(v.len) - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_bit_strings() {
        let v = BitString::parse("0101011").unwrap();
        let shown = |v: &BitString| v.bits().map(|b| if b { '1' } else { '0' }).collect::<String>();
        assert_eq!(shown(&part(&v, 2, Some(3)).unwrap()), "101");
        assert_eq!(position(&v, &BitString::parse("011").unwrap()), 5);
        assert_eq!(index(&v, 7).unwrap_err().message(), "bit index 7 out of valid range (0..6)");
    }
}
