//! The compact stored form of `numeric`, display scale included.
//!
//! The first byte says what follows; the length of the whole comes from outside:
//!
//! | first byte | rest |
//! |---|---|
//! | `00`-`3F` | that scale; mantissa, little endian two's complement, as few bytes as hold it (none for zero) |
//! | `40` | scale as u16, then the mantissa the same way, up to 8 bytes |
//! | `41` | scale as u16, then a longer mantissa |
//! | `42` `43` `44` | NaN, infinity, -infinity |
//!
//! `12.34` is `02 D2 04`.

use super::damaged;
use crate::error::Result;
use crate::sql::types::numeric::Numeric;
use num_bigint::BigInt;

const INLINE_SCALES: u16 = 0x40;
const SMALL: u8 = 0x40;
const BIG: u8 = 0x41;
const NAN: u8 = 0x42;
const INFINITY: u8 = 0x43;
const NEG_INFINITY: u8 = 0x44;

/// Appends the stored form.
pub fn put(out: &mut Vec<u8>, value: &Numeric) {
    match value {
        Numeric::Small(mantissa, scale) => {
            if *scale < INLINE_SCALES {
                out.push(*scale as u8);
            } else {
                out.push(SMALL);
                out.extend_from_slice(&scale.to_le_bytes());
            }
            let bits = 65 - (if *mantissa < 0 { !*mantissa } else { *mantissa }).leading_zeros() as usize;
            let len = if *mantissa == 0 { 0 } else { bits.div_ceil(8) };
            out.extend_from_slice(&mantissa.to_le_bytes()[..len]);
        }
        Numeric::Big(big) => {
            out.push(BIG);
            out.extend_from_slice(&big.scale.to_le_bytes());
            out.extend_from_slice(&big.mantissa.to_signed_bytes_le());
        }
        Numeric::NaN => out.push(NAN),
        Numeric::Infinity => out.push(INFINITY),
        Numeric::NegInfinity => out.push(NEG_INFINITY),
    }
}

/// Mantissa and scale where the mantissa fits a word: the fast path, no allocation. `None` for every other number.
#[inline]
pub fn small(bytes: &[u8]) -> Result<Option<(i64, u16)>> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Err(damaged("empty numeric"));
    };
    let (scale, mantissa) = if u16::from(first) < INLINE_SCALES {
        (u16::from(first), rest)
    } else if first == SMALL {
        let (scale, mantissa) = rest.split_first_chunk::<2>().ok_or_else(|| damaged("numeric scale"))?;
        (u16::from_le_bytes(*scale), mantissa)
    } else {
        return Ok(None);
    };
    if mantissa.len() > 8 {
        return Err(damaged("numeric mantissa"));
    }
    let fill = if mantissa.last().is_some_and(|b| b & 0x80 != 0) { 0xff } else { 0 };
    let mut word = [fill; 8];
    word[..mantissa.len()].copy_from_slice(mantissa);
    Ok(Some((i64::from_le_bytes(word), scale)))
}

/// Reads the stored form.
pub fn get(bytes: &[u8]) -> Result<Numeric> {
    if let Some((mantissa, scale)) = small(bytes)? {
        return Ok(Numeric::Small(mantissa, scale));
    }
    match bytes {
        [NAN] => Ok(Numeric::NaN),
        [INFINITY] => Ok(Numeric::Infinity),
        [NEG_INFINITY] => Ok(Numeric::NegInfinity),
        [BIG, low, high, mantissa @ ..] if !mantissa.is_empty() => {
            Ok(Numeric::from_big(BigInt::from_signed_bytes_le(mantissa), u16::from_le_bytes([*low, *high])))
        }
        _ => Err(damaged("numeric form")),
    }
}
