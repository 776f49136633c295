//! Bit strings: `bit(n)` and `bit varying(n)`.

use super::io::{Reader, invalid_binary};
use super::{Oid, Type};
use crate::err;
use crate::error::{Result, SqlError, SqlState};

/// A bit string, most significant bit of the first byte first; unused bits are zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BitString {
    /// Number of bits.
    pub len: u32,
    /// The bits, `(len + 7) / 8` bytes.
    pub bytes: Vec<u8>,
}

impl BitString {
    /// All zeros.
    pub fn zeros(len: u32) -> Self {
        Self { len, bytes: vec![0; (len as usize).div_ceil(8)] }
    }

    /// From bits in order.
    pub fn from_bits(bits: impl IntoIterator<Item = bool>) -> Self {
        let mut out = Self { len: 0, bytes: Vec::new() };
        for bit in bits {
            if out.len.is_multiple_of(8) {
                out.bytes.push(0);
            }
            if bit {
                out.bytes[(out.len / 8) as usize] |= 0x80 >> (out.len % 8);
            }
            out.len += 1;
        }
        out
    }

    /// The bit at a position counted from 0 on the left.
    pub fn bit(&self, at: u32) -> bool {
        self.bytes[(at / 8) as usize] & (0x80 >> (at % 8)) != 0
    }

    /// The bits in order.
    pub fn bits(&self) -> impl DoubleEndedIterator<Item = bool> + '_ {
        (0..self.len).map(|i| self.bit(i))
    }

    /// Parses binary digits, or hexadecimal ones after `x`. Errors: 22P02.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(hex) = text.strip_prefix(['x', 'X']) {
            let mut bits = Vec::with_capacity(hex.len() * 4);
            for c in hex.chars() {
                let digit = c.to_digit(16).ok_or_else(|| bad_digit(c, "hexadecimal"))?;
                bits.extend((0..4).rev().map(|i| digit >> i & 1 == 1));
            }
            return Ok(Self::from_bits(bits));
        }
        let digits = text.strip_prefix(['b', 'B']).unwrap_or(text);
        let mut bits = Vec::with_capacity(digits.len());
        for c in digits.chars() {
            bits.push(match c {
                '0' => false,
                '1' => true,
                other => return Err(bad_digit(other, "binary")),
            });
        }
        Ok(Self::from_bits(bits))
    }

    /// Checks the length against `bit(n)` or `bit varying(n)`. Errors: 22026, 22001.
    pub fn apply_typmod(self, ty: Type) -> Result<Self> {
        let limit = ty.typmod;
        if limit <= 0 {
            return Ok(self);
        }
        if ty.oid == Oid::VARBIT && i64::from(self.len) > i64::from(limit) {
            return Err(err!(SqlState::STRING_DATA_RIGHT_TRUNCATION, "bit string too long for type bit varying({limit})"));
        }
        if ty.oid == Oid::BIT && i64::from(self.len) != i64::from(limit) {
            return Err(err!(
                SqlState::STRING_DATA_LENGTH_MISMATCH,
                "bit string length {} does not match type bit({limit})",
                self.len
            ));
        }
        Ok(self)
    }

    /// Explicit cast to `bit(n)`: cut or padded with zeros on the right; `bit varying(n)`: cut.
    #[must_use]
    pub fn resize(&self, ty: Type) -> Self {
        let limit = ty.typmod;
        if limit <= 0 || (ty.oid == Oid::VARBIT && self.len <= limit as u32) {
            return self.clone();
        }
        Self::from_bits((0..limit as u32).map(|i| i < self.len && self.bit(i)))
    }

    /// Appends binary digits.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.bits().map(|b| if b { b'1' } else { b'0' }));
    }

    /// Reads the binary form. Errors: 22P03, and the modifier's.
    pub fn receive(r: &mut Reader<'_>, ty: Type) -> Result<Self> {
        let len = u32::try_from(r.i32()?).map_err(|_| invalid_binary("invalid length in external bit string"))?;
        let mut out = Self { len, bytes: r.bytes((len as usize).div_ceil(8))?.to_vec() };
        out.clear_tail();
        out.apply_typmod(ty)
    }

    fn clear_tail(&mut self) {
        if !self.len.is_multiple_of(8)
            && let Some(last) = self.bytes.last_mut()
        {
            *last &= !(0xFF >> (self.len % 8));
        }
    }

    /// Appends the binary form.
    pub fn send(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len as i32).to_be_bytes());
        out.extend_from_slice(&self.bytes);
    }

    fn zip(&self, other: &Self, word: &str, op: impl Fn(u8, u8) -> u8) -> Result<Self> {
        if self.len != other.len {
            return Err(err!(SqlState::STRING_DATA_LENGTH_MISMATCH, "cannot {word} bit strings of different sizes"));
        }
        Ok(Self { len: self.len, bytes: self.bytes.iter().zip(&other.bytes).map(|(a, b)| op(*a, *b)).collect() })
    }

    /// self & other. Errors: 22026.
    pub fn and(&self, other: &Self) -> Result<Self> {
        self.zip(other, "AND", |a, b| a & b)
    }

    /// self | other. Errors: 22026.
    pub fn or(&self, other: &Self) -> Result<Self> {
        self.zip(other, "OR", |a, b| a | b)
    }

    /// self # other. Errors: 22026.
    pub fn xor(&self, other: &Self) -> Result<Self> {
        self.zip(other, "XOR", |a, b| a ^ b)
    }

    /// ~self
    #[must_use]
    pub fn not(&self) -> Self {
        let mut out = Self { len: self.len, bytes: self.bytes.iter().map(|b| !b).collect() };
        out.clear_tail();
        out
    }

    /// Shifts left (positive) or right (negative) keeping the length.
    #[must_use]
    pub fn shift(&self, by: i64) -> Self {
        let source = |i: u32| u32::try_from(i64::from(i) + by).ok().filter(|at| *at < self.len);
        Self::from_bits((0..self.len).map(|i| source(i).is_some_and(|at| self.bit(at))))
    }

    /// self || other
    #[must_use]
    pub fn concat(&self, other: &Self) -> Self {
        Self::from_bits(self.bits().chain(other.bits()))
    }

    /// The low bits of an integer, `len` of them, sign-extended.
    pub fn from_i64(v: i64, len: u32) -> Self {
        Self::from_bits((0..len).rev().map(|i| (v >> i.min(63)) & 1 == 1))
    }

    /// The bits as a signed integer of `width` bits. Errors: 22003.
    pub fn to_int(&self, width: u32) -> Result<i64> {
        if self.len > width {
            let ty = if width == 32 { "integer" } else { "bigint" };
            return Err(super::int::overflow(ty));
        }
        let value = self.bits().fold(0i64, |v, b| v << 1 | i64::from(b));
        // A full-width string's first bit is the sign.
        Ok(if width == 32 { i64::from(value as i32) } else { value })
    }
}

#[cold]
fn bad_digit(c: char, base: &str) -> SqlError {
    err!(SqlState::INVALID_TEXT_REPRESENTATION, "\"{c}\" is not a valid {base} digit")
}
