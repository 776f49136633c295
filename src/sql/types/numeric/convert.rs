//! Numerics from and to integers and floats.

use super::{Numeric, POW10};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use num_bigint::BigInt;
use num_traits::ToPrimitive;

impl From<i64> for Numeric {
    fn from(v: i64) -> Self {
        Self::Small(v, 0)
    }
}

impl From<i32> for Numeric {
    fn from(v: i32) -> Self {
        Self::Small(v.into(), 0)
    }
}

impl From<i16> for Numeric {
    fn from(v: i16) -> Self {
        Self::Small(v.into(), 0)
    }
}

impl From<i128> for Numeric {
    fn from(v: i128) -> Self {
        Self::from_i128(v, 0)
    }
}

impl From<u64> for Numeric {
    fn from(v: u64) -> Self {
        Self::from_i128(v.into(), 0)
    }
}

/// Integers a numeric rounds to, with the SQL name errors use.
macro_rules! to_integer {
    ($($name:ident, $ty:ty, $sql:literal;)*) => {
        impl Numeric {
            $(
                #[doc = concat!("Rounds to `", $sql, "`. Errors: 22003, 0A000 for NaN and the infinities.")]
                pub fn $name(&self) -> Result<$ty> {
                    let whole = self.rounded($sql)?;
                    whole.and_then(|v| <$ty>::try_from(v).ok()).ok_or_else(|| crate::sql::types::int::overflow($sql))
                }
            )*
        }
    };
}

to_integer! {
    to_i16, i16, "smallint";
    to_i32, i32, "integer";
    to_i64, i64, "bigint";
}

impl Numeric {
    fn rounded(&self, ty: &str) -> Result<Option<i64>> {
        match self {
            Self::NaN => Err(cannot_convert("NaN", ty)),
            Self::Infinity | Self::NegInfinity => Err(cannot_convert("infinity", ty)),
            Self::Small(m, 0) => Ok(Some(*m)),
            finite => Ok(finite.rescale(0, true)?.parts().and_then(|(m, _)| m.to_i64())),
        }
    }

    /// Rounds a finite value to an integer of any size; `None` for NaN and the infinities.
    pub fn to_bigint(&self) -> Option<BigInt> {
        self.rescale(0, true).ok()?.parts().map(|(m, _)| m)
    }

    /// The nearest double. Errors: 22003 when it is out of range.
    pub fn to_f64(&self) -> Result<f64> {
        match self {
            Self::NaN => Ok(f64::NAN),
            Self::Infinity => Ok(f64::INFINITY),
            Self::NegInfinity => Ok(f64::NEG_INFINITY),
            // Both sides are exact doubles, so one division rounds correctly.
            Self::Small(m, s) if m.unsigned_abs() < 1 << 53 && *s <= 22 => Ok(*m as f64 / POW10[usize::from(*s)] as f64),
            finite => crate::sql::types::float::parse_f64(&finite.to_string()),
        }
    }

    /// The nearest single-precision float. Errors: 22003 when it is out of range.
    pub fn to_f32(&self) -> Result<f32> {
        match self {
            Self::NaN => Ok(f32::NAN),
            Self::Infinity => Ok(f32::INFINITY),
            Self::NegInfinity => Ok(f32::NEG_INFINITY),
            finite => crate::sql::types::float::parse_f32(&finite.to_string()),
        }
    }

    /// As `to_f64`, saturating instead of failing.
    pub(super) fn to_f64_lossy(&self) -> f64 {
        match self {
            Self::NaN => f64::NAN,
            Self::Infinity => f64::INFINITY,
            Self::NegInfinity => f64::NEG_INFINITY,
            finite => finite.to_string().parse().unwrap_or(f64::NAN),
        }
    }

    /// From a double, to 15 significant digits.
    pub fn from_f64(v: f64) -> Result<Self> {
        Self::from_float(v, 15)
    }

    /// From a single-precision float, to 6 significant digits.
    pub fn from_f32(v: f32) -> Result<Self> {
        Self::from_float(f64::from(v), 6)
    }

    fn from_float(v: f64, digits: usize) -> Result<Self> {
        if v.is_nan() {
            return Ok(Self::NaN);
        }
        if v.is_infinite() {
            return Ok(if v > 0.0 { Self::Infinity } else { Self::NegInfinity });
        }
        let mut text = Vec::new();
        crate::sql::types::float::write_g(v, digits, &mut text);
        Self::parse(&String::from_utf8_lossy(&text))
    }
}

#[cold]
fn cannot_convert(what: &str, ty: &str) -> SqlError {
    err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot convert {what} to {ty}")
}
