//! Arbitrary-precision decimal numbers with a display scale.

use num_bigint::BigInt;
use std::sync::Arc;

/// A numeric value: `mantissa * 10^-scale`, or NaN and the infinities.
#[derive(Clone, Debug)]
pub enum Numeric {
    /// Mantissa fits a machine word: the fast path. Scale is 0..=16383.
    Small(i64, u16),
    /// Anything larger: never holds what `Small` could.
    Big(Arc<BigNumeric>),
    /// Not a number; equal to itself and greater than all else.
    NaN,
    /// Infinity
    Infinity,
    /// -Infinity
    NegInfinity,
}

/// A decimal too large for a machine word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigNumeric {
    /// Digits with sign.
    pub mantissa: BigInt,
    /// Digits after the point.
    pub scale: u16,
}
