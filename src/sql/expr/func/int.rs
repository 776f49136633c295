//! smallint, integer, bigint: arithmetic with overflow errors, bit operators, gcd/lcm, series, and casts among numbers.
//!
//! `int24pl` takes (int2, int4), `int82mi` (int8, int2); the result has the wider type, as in PostgreSQL's `int.c`/`int8.c`.

use super::support::*;
use crate::error::Result;
use crate::sql::types::{Datum, Oid};

macro_rules! arithmetic {
    ($($pl:literal $mi:literal $mul:literal $div:literal: $left:ident $right:ident as $ty:ty => $done:ident;)*) => {
        /// Sums, differences, products and quotients of every pair of integer types.
        pub const ARITHMETIC: &[Entry] = &[$(
            f($pl, |_, a| $done(<$ty>::from(a[0].$left()).checked_add(<$ty>::from(a[1].$right())))),
            f($mi, |_, a| $done(<$ty>::from(a[0].$left()).checked_sub(<$ty>::from(a[1].$right())))),
            f($mul, |_, a| $done(<$ty>::from(a[0].$left()).checked_mul(<$ty>::from(a[1].$right())))),
            f($div, |_, a| {
                let divisor = <$ty>::from(a[1].$right());
                if divisor == 0 {
                    return Err(division_by_zero());
                }
                $done(<$ty>::from(a[0].$left()).checked_div(divisor))
            }),
        )*];
    };
}

arithmetic! {
    "int2pl" "int2mi" "int2mul" "int2div": as_int2 as_int2 as i16 => i2;
    "int4pl" "int4mi" "int4mul" "int4div": as_int4 as_int4 as i32 => i4;
    "int8pl" "int8mi" "int8mul" "int8div": as_int8 as_int8 as i64 => i8;
    "int24pl" "int24mi" "int24mul" "int24div": as_int2 as_int4 as i32 => i4;
    "int42pl" "int42mi" "int42mul" "int42div": as_int4 as_int2 as i32 => i4;
    "int28pl" "int28mi" "int28mul" "int28div": as_int2 as_int8 as i64 => i8;
    "int82pl" "int82mi" "int82mul" "int82div": as_int8 as_int2 as i64 => i8;
    "int48pl" "int48mi" "int48mul" "int48div": as_int4 as_int8 as i64 => i8;
    "int84pl" "int84mi" "int84mul" "int84div": as_int8 as_int4 as i64 => i8;
}

macro_rules! single_type {
    ($($name:ident: $get:ident $variant:ident $done:ident $modulo:literal $and:literal $or:literal $xor:literal $not:literal
        $um:literal $up:literal $abs:literal $larger:literal $smaller:literal;)*) => {
        /// Operators on one integer type.
        pub const SAME_TYPE: &[Entry] = &[$(
            f($modulo, |_, a| {
                if a[1].$get() == 0 {
                    return Err(division_by_zero());
                }
                Ok(Datum::$variant(a[0].$get().wrapping_rem(a[1].$get())))
            }),
            f($and, |_, a| Ok(Datum::$variant(a[0].$get() & a[1].$get()))),
            f($or, |_, a| Ok(Datum::$variant(a[0].$get() | a[1].$get()))),
            f($xor, |_, a| Ok(Datum::$variant(a[0].$get() ^ a[1].$get()))),
            f($not, |_, a| Ok(Datum::$variant(!a[0].$get()))),
            f($um, |_, a| $done(a[0].$get().checked_neg())),
            f($up, |_, a| Ok(a[0].clone())),
            f($abs, |_, a| $done(a[0].$get().checked_abs())),
            f($larger, |_, a| Ok(Datum::$variant(a[0].$get().max(a[1].$get())))),
            f($smaller, |_, a| Ok(Datum::$variant(a[0].$get().min(a[1].$get())))),
        )*];
    };
}

single_type! {
    int2: as_int2 Int2 i2 "int2mod" "int2and" "int2or" "int2xor" "int2not" "int2um" "int2up" "int2abs" "int2larger" "int2smaller";
    int4: as_int4 Int4 i4 "int4mod" "int4and" "int4or" "int4xor" "int4not" "int4um" "int4up" "int4abs" "int4larger" "int4smaller";
    int8: as_int8 Int8 i8 "int8mod" "int8and" "int8or" "int8xor" "int8not" "int8um" "int8up" "int8abs" "int8larger" "int8smaller";
}

/// Shifts, gcd and lcm, series, casts.
pub const FUNCTIONS: &[Entry] = &[
    f("int2shl", |_, a| Ok(Datum::Int2(i32::from(a[0].as_int2()).wrapping_shl(a[1].as_int4() as u32) as i16))),
    f("int2shr", |_, a| Ok(Datum::Int2(i32::from(a[0].as_int2()).wrapping_shr(a[1].as_int4() as u32) as i16))),
    f("int4shl", |_, a| Ok(Datum::Int4(a[0].as_int4().wrapping_shl(a[1].as_int4() as u32)))),
    f("int4shr", |_, a| Ok(Datum::Int4(a[0].as_int4().wrapping_shr(a[1].as_int4() as u32)))),
    f("int8shl", |_, a| Ok(Datum::Int8(a[0].as_int8().wrapping_shl(a[1].as_int4() as u32)))),
    f("int8shr", |_, a| Ok(Datum::Int8(a[0].as_int8().wrapping_shr(a[1].as_int4() as u32)))),
    f("int4inc", |_, a| i4(a[0].as_int4().checked_add(1))),
    f("int8inc", |_, a| i8(a[0].as_int8().checked_add(1))),
    f("int8dec", |_, a| i8(a[0].as_int8().checked_sub(1))),
    f("int4gcd", |_, a| i4(gcd(a[0].as_int4().into(), a[1].as_int4().into()).try_into().ok())),
    f("int8gcd", |_, a| i8(gcd(a[0].as_int8(), a[1].as_int8()).try_into().ok())),
    f("int4lcm", |_, a| i4(lcm(a[0].as_int4().into(), a[1].as_int4().into()).and_then(|v| v.try_into().ok()))),
    f("int8lcm", |_, a| i8(lcm(a[0].as_int8(), a[1].as_int8()).and_then(|v| v.try_into().ok()))),
    f("i2toi4", |_, a| Ok(Datum::Int4(a[0].as_int2().into()))),
    f("i4toi2", |_, a| i2(a[0].as_int4().try_into().ok())),
    f("int28", |_, a| Ok(Datum::Int8(a[0].as_int2().into()))),
    f("int82", |_, a| i2(a[0].as_int8().try_into().ok())),
    f("int48", |_, a| Ok(Datum::Int8(a[0].as_int4().into()))),
    f("int84", |_, a| i4(a[0].as_int8().try_into().ok())),
    f("i8tooid", |_, a| {
        let v = u32::try_from(a[0].as_int8()).map_err(|_| out_of_range("OID"))?;
        Ok(Datum::Oid(Oid(v)))
    }),
    f("oidtoi8", |_, a| Ok(Datum::Int8(a[0].as_oid().0.into()))),
    f("oidlarger", |_, a| Ok(Datum::Oid(a[0].as_oid().max(a[1].as_oid())))),
    f("oidsmaller", |_, a| Ok(Datum::Oid(a[0].as_oid().min(a[1].as_oid())))),
    f("int4_bool", |_, a| boolean(a[0].as_int4() != 0)),
    f("bool_int4", |_, a| Ok(Datum::Int4(a[0].as_bool().into()))),
    set("generate_series_int4", |_, a| {
        let rows = series(a[0].as_int4().into(), a[1].as_int4().into(), 1)?;
        Ok(column(rows.map(|v| Datum::Int4(v as i32))))
    }),
    set("generate_series_step_int4", |_, a| {
        let rows = series(a[0].as_int4().into(), a[1].as_int4().into(), a[2].as_int4().into())?;
        Ok(column(rows.map(|v| Datum::Int4(v as i32))))
    }),
    set("generate_series_int8", |_, a| Ok(column(series(a[0].as_int8(), a[1].as_int8(), 1)?.map(Datum::Int8)))),
    set("generate_series_step_int8", |_, a| Ok(column(series(a[0].as_int8(), a[1].as_int8(), a[2].as_int8())?.map(Datum::Int8)))),
];

/// From `start` to `end` by `step`, both ends included; stops silently where the type's range ends.
fn series(start: i64, end: i64, step: i64) -> Result<impl Iterator<Item = i64> + Send + 'static> {
    if step == 0 {
        return Err(invalid_parameter("step size cannot equal zero"));
    }
    let within = move |v: &i64| if step > 0 { *v <= end } else { *v >= end };
    Ok(std::iter::successors(Some(start), move |v| v.checked_add(step)).take_while(within))
}

fn gcd(a: i64, b: i64) -> u64 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn lcm(a: i64, b: i64) -> Option<u64> {
    if a == 0 || b == 0 {
        return Some(0);
    }
    (a.unsigned_abs() / gcd(a, b)).checked_mul(b.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_stops_at_the_end_of_the_type() {
        assert_eq!(series(i64::MAX - 1, i64::MAX, 1).unwrap().count(), 2);
        assert_eq!(series(5, 1, -2).unwrap().collect::<Vec<_>>(), [5, 3, 1]);
        assert_eq!(series(1, 5, 0).err().unwrap().message(), "step size cannot equal zero");
    }

    #[test]
    fn common_divisors() {
        assert_eq!(gcd(-12, 18), 6);
        assert_eq!(lcm(-4, 6), Some(12));
        assert_eq!(gcd(i64::MIN, 0), 1 << 63);
    }
}
