//! real and double precision: arithmetic with PostgreSQL's overflow and underflow errors, and casts among numbers.
//!
//! A result that became infinite, or zero, from operands that were neither, is an error (22003), as in PostgreSQL's `float.h`; the arithmetic itself is `types::float`.

use super::support::*;
use crate::sql::types::Datum;
use crate::sql::types::float::{float4 as f4, float8 as f8, to_f32};

/// To an integer of `bits` bits, rounding half to even; NaN and what does not fit is `None`.
fn to_int(v: f64, bits: u32) -> Option<i64> {
    let r = v.round_ties_even();
    let limit = 2f64.powi(bits as i32 - 1);
    (r >= -limit && r < limit).then_some(r as i64)
}

macro_rules! arithmetic {
    ($($pl:literal $mi:literal $mul:literal $div:literal: $left:ident $right:ident $module:ident $ty:ty as $variant:ident;)*) => {
        /// Sums, differences, products and quotients of the float types.
        pub const ARITHMETIC: &[Entry] = &[$(
            f($pl, |_, a| $module::add(<$ty>::from(a[0].$left()), <$ty>::from(a[1].$right())).map(Datum::$variant)),
            f($mi, |_, a| $module::sub(<$ty>::from(a[0].$left()), <$ty>::from(a[1].$right())).map(Datum::$variant)),
            f($mul, |_, a| $module::mul(<$ty>::from(a[0].$left()), <$ty>::from(a[1].$right())).map(Datum::$variant)),
            f($div, |_, a| $module::div(<$ty>::from(a[0].$left()), <$ty>::from(a[1].$right())).map(Datum::$variant)),
        )*];
    };
}

arithmetic! {
    "float4pl" "float4mi" "float4mul" "float4div": as_float4 as_float4 f4 f32 as Float4;
    "float8pl" "float8mi" "float8mul" "float8div": as_float8 as_float8 f8 f64 as Float8;
    "float48pl" "float48mi" "float48mul" "float48div": as_float4 as_float8 f8 f64 as Float8;
    "float84pl" "float84mi" "float84mul" "float84div": as_float8 as_float4 f8 f64 as Float8;
}

/// Signs and casts.
pub const FUNCTIONS: &[Entry] = &[
    f("float4um", |_, a| Ok(Datum::Float4(-a[0].as_float4()))),
    f("float8um", |_, a| Ok(Datum::Float8(-a[0].as_float8()))),
    f("float4up", |_, a| Ok(a[0].clone())),
    f("float8up", |_, a| Ok(a[0].clone())),
    f("float4abs", |_, a| Ok(Datum::Float4(a[0].as_float4().abs()))),
    f("float8abs", |_, a| Ok(Datum::Float8(a[0].as_float8().abs()))),
    f("float4larger", |_, a| Ok(pick(a, f4::compare(a[0].as_float4(), a[1].as_float4()).is_gt()))),
    f("float4smaller", |_, a| Ok(pick(a, f4::compare(a[0].as_float4(), a[1].as_float4()).is_lt()))),
    f("float8larger", |_, a| Ok(pick(a, f8::compare(a[0].as_float8(), a[1].as_float8()).is_gt()))),
    f("float8smaller", |_, a| Ok(pick(a, f8::compare(a[0].as_float8(), a[1].as_float8()).is_lt()))),
    f("ftod", |_, a| Ok(Datum::Float8(a[0].as_float4().into()))),
    f("dtof", |_, a| to_f32(a[0].as_float8()).map(Datum::Float4)),
    f("i2tof", |_, a| Ok(Datum::Float4(a[0].as_int2().into()))),
    f("i4tof", |_, a| Ok(Datum::Float4(a[0].as_int4() as f32))),
    f("i8tof", |_, a| Ok(Datum::Float4(a[0].as_int8() as f32))),
    f("i2tod", |_, a| Ok(Datum::Float8(a[0].as_int2().into()))),
    f("i4tod", |_, a| Ok(Datum::Float8(a[0].as_int4().into()))),
    f("i8tod", |_, a| Ok(Datum::Float8(a[0].as_int8() as f64))),
    f("ftoi2", |_, a| i2(to_int(a[0].as_float4().into(), 16).map(|v| v as i16))),
    f("ftoi4", |_, a| i4(to_int(a[0].as_float4().into(), 32).map(|v| v as i32))),
    f("ftoi8", |_, a| i8(to_int(a[0].as_float4().into(), 64))),
    f("dtoi2", |_, a| i2(to_int(a[0].as_float8(), 16).map(|v| v as i16))),
    f("dtoi4", |_, a| i4(to_int(a[0].as_float8(), 32).map(|v| v as i32))),
    f("dtoi8", |_, a| i8(to_int(a[0].as_float8(), 64))),
];

fn pick(args: &[Datum], first: bool) -> Datum {
    args[usize::from(!first)].clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_to_even() {
        assert_eq!(to_int(2.5, 32), Some(2));
        assert_eq!(to_int(-3.5, 32), Some(-4));
        assert_eq!(to_int(32767.5, 16), None);
        assert_eq!(to_int(f64::NAN, 64), None);
    }
}
