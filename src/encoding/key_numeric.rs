//! The key form of `numeric`: order-preserving, and equal for values that differ only in display scale.
//!
//! A class byte orders -infinity, negative numbers, zero, positive numbers, infinity, NaN. A finite number other than zero
//! follows as `0.d1 d2 d3 ... * 100^exponent` with base-100 digits, the first and the last of them not zero: the exponent (one
//! byte where it is small, an escape and four bytes else), then each digit as `2d + 1`, the last as `2d`, which ends the number
//! and sorts a prefix first. For negative numbers all of that is inverted.
//!
//! `12.5` is `0.125 * 100^1`: class `20`, exponent `41`, digits `19 64`.

use super::damaged;
use super::key::take;
use crate::error::Result;
use crate::sql::types::numeric::Numeric;
use num_bigint::{BigInt, BigUint, Sign};
use smallvec::SmallVec;

const NEG_INFINITY: u8 = 0x08;
const NEGATIVE: u8 = 0x10;
const ZERO: u8 = 0x18;
const POSITIVE: u8 = 0x20;
const INFINITY: u8 = 0x28;
const NAN: u8 = 0x30;

const EXPONENT_BIAS: i32 = 64;
const LARGE_EXPONENT: u8 = 0xff;
const TINY_EXPONENT: u8 = 0x01;
/// Beyond PostgreSQL's 131072 digits before the point.
const MAX_EXPONENT: i32 = 70_000;

/// Appends the key form.
pub(super) fn encode(out: &mut Vec<u8>, value: &Numeric) {
    match value {
        Numeric::NaN => out.push(NAN),
        Numeric::Infinity => out.push(INFINITY),
        Numeric::NegInfinity => out.push(NEG_INFINITY),
        Numeric::Small(0, _) => out.push(ZERO),
        Numeric::Small(mantissa, scale) => encode_small(out, *mantissa, *scale),
        Numeric::Big(big) => {
            let mut magnitude = big.mantissa.magnitude().clone();
            if big.scale % 2 == 1 {
                magnitude *= 10u32;
            }
            let digits = magnitude.to_radix_be(100);
            let exponent = digits.len() as i32 - i32::from(big.scale).div_euclid(2) - i32::from(big.scale % 2);
            put_finite(out, big.mantissa.sign() == Sign::Minus, exponent, &digits);
        }
    }
}

fn encode_small(out: &mut Vec<u8>, mantissa: i64, scale: u16) {
    let mut magnitude = u128::from(mantissa.unsigned_abs());
    let mut scale = i32::from(scale);
    if scale % 2 == 1 {
        magnitude *= 10;
        scale += 1;
    }
    let mut digits = [0u8; 11];
    let mut at = digits.len();
    while magnitude > 0 {
        at -= 1;
        digits[at] = (magnitude % 100) as u8;
        magnitude /= 100;
    }
    let digits = &digits[at..];
    put_finite(out, mantissa < 0, digits.len() as i32 - scale / 2, digits);
}

/// Appends a finite number other than zero.
fn put_finite(out: &mut Vec<u8>, negative: bool, exponent: i32, digits: &[u8]) {
    let last = digits.iter().rposition(|d| *d != 0).unwrap_or(0);
    out.push(if negative { NEGATIVE } else { POSITIVE });
    let start = out.len();
    let biased = exponent + EXPONENT_BIAS;
    match u8::try_from(biased) {
        Ok(byte) if byte > TINY_EXPONENT && byte < LARGE_EXPONENT => out.push(byte),
        _ => {
            out.push(if exponent > 0 { LARGE_EXPONENT } else { TINY_EXPONENT });
            out.extend_from_slice(&((exponent as u32) ^ 0x8000_0000).to_be_bytes());
        }
    }
    out.extend(digits[..last].iter().map(|d| 2 * d + 1));
    out.push(2 * digits[last]);
    if negative {
        for b in &mut out[start..] {
            *b = !*b;
        }
    }
}

/// Takes a number off the front of `input`, with the smallest display scale that holds it.
pub(super) fn decode(input: &mut &[u8], mask: u8) -> Result<Numeric> {
    let negative = match take::<1>(input, mask)?[0] {
        NAN => return Ok(Numeric::NaN),
        INFINITY => return Ok(Numeric::Infinity),
        NEG_INFINITY => return Ok(Numeric::NegInfinity),
        ZERO => return Ok(Numeric::Small(0, 0)),
        POSITIVE => false,
        NEGATIVE => true,
        _ => return Err(damaged("numeric class in key")),
    };
    let mask = if negative { !mask } else { mask };
    let exponent = match take::<1>(input, mask)?[0] {
        LARGE_EXPONENT | TINY_EXPONENT => (u32::from_be_bytes(take(input, mask)?) ^ 0x8000_0000) as i32,
        byte => i32::from(byte) - EXPONENT_BIAS,
    };
    let mut digits: SmallVec<[u8; 16]> = SmallVec::new();
    loop {
        let byte = take::<1>(input, mask)?[0];
        if byte >= 200 {
            return Err(damaged("numeric digit in key"));
        }
        digits.push(byte / 2);
        if byte % 2 == 0 {
            break;
        }
    }
    assemble(negative, exponent, &digits)
}

fn assemble(negative: bool, exponent: i32, digits: &[u8]) -> Result<Numeric> {
    let scale = 2 * (digits.len() as i64 - i64::from(exponent));
    if exponent.abs() > MAX_EXPONENT || scale > 16_384 {
        return Err(damaged("numeric exponent in key"));
    }
    let odd_zero = digits.last().is_some_and(|d| d % 10 == 0) && scale > 0;
    if digits.len() <= 9 && scale >= 0 {
        let mut magnitude = digits.iter().fold(0i64, |m, d| m * 100 + i64::from(*d));
        if odd_zero {
            magnitude /= 10;
        }
        let mantissa = if negative { -magnitude } else { magnitude };
        return Ok(Numeric::Small(mantissa, (scale - i64::from(odd_zero)) as u16));
    }
    let mut magnitude = BigUint::from_radix_be(digits, 100).ok_or_else(|| damaged("numeric digits in key"))?;
    if odd_zero {
        magnitude /= 10u32;
    }
    if scale < 0 {
        magnitude *= BigUint::from(10u32).pow(scale.unsigned_abs() as u32);
    }
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    let scale = (scale - i64::from(odd_zero)).max(0) as u16;
    Ok(Numeric::from_big(BigInt::from_biguint(sign, magnitude), scale))
}
