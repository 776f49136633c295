//! numeric: operators, functions, casts and series. The arithmetic is `types::numeric`; here symbols meet it.

use super::float_math;
use super::support::*;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::numeric::Numeric;
use crate::sql::types::numeric::{factorial, width_bucket};

fn n(d: &Datum) -> &Numeric {
    d.as_numeric()
}

fn number(v: Result<Numeric>) -> Result<Datum> {
    v.map(Datum::Numeric)
}

/// numeric functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("numeric_add", |_, a| number(n(&a[0]).add(n(&a[1])))),
    f("numeric_sub", |_, a| number(n(&a[0]).sub(n(&a[1])))),
    f("numeric_mul", |_, a| number(n(&a[0]).mul(n(&a[1])))),
    f("numeric_div", |_, a| number(n(&a[0]).div(n(&a[1])))),
    f("numeric_div_trunc", |_, a| number(n(&a[0]).div_trunc(n(&a[1])))),
    f("numeric_mod", |_, a| number(n(&a[0]).rem(n(&a[1])))),
    f("numeric_uminus", |_, a| number(Ok(n(&a[0]).neg()))),
    f("numeric_uplus", |_, a| Ok(a[0].clone())),
    f("numeric_abs", |_, a| number(Ok(n(&a[0]).abs()))),
    f("numeric_sign", |_, a| number(Ok(n(&a[0]).sign()))),
    f("numeric_round", |_, a| number(n(&a[0]).round(a[1].as_int4()))),
    f("numeric_trunc", |_, a| number(n(&a[0]).trunc(a[1].as_int4()))),
    f("round/1700", |_, a| number(n(&a[0]).round(0))),
    f("trunc/1700", |_, a| number(n(&a[0]).trunc(0))),
    f("numeric_ceil", |_, a| number(n(&a[0]).ceil())),
    f("numeric_floor", |_, a| number(n(&a[0]).floor())),
    f("numeric_sqrt", |_, a| number(n(&a[0]).sqrt())),
    f("numeric_exp", |_, a| number(n(&a[0]).exp())),
    f("numeric_ln", |_, a| number(n(&a[0]).ln())),
    f("numeric_log", |_, a| number(n(&a[0]).log(n(&a[1])))),
    f("log/1700", |_, a| number(n(&a[0]).log10())),
    f("log10/1700", |_, a| number(n(&a[0]).log10())),
    f("numeric_power", |_, a| number(n(&a[0]).power(n(&a[1])))),
    f("numeric_inc", |_, a| number(n(&a[0]).increment())),
    f("numeric_gcd", |_, a| number(Ok(n(&a[0]).gcd(n(&a[1]))))),
    f("numeric_lcm", |_, a| number(n(&a[0]).lcm(n(&a[1])))),
    f("numeric_fac", |_, a| number(factorial(a[0].as_int8()))),
    f("numeric_scale", |_, a| Ok(if n(&a[0]).is_finite() { Datum::Int4(n(&a[0]).scale().into()) } else { Datum::Null })),
    f("numeric_min_scale", |_, a| Ok(n(&a[0]).min_scale().map_or(Datum::Null, |s| Datum::Int4(s.into())))),
    f("numeric_trim_scale", |_, a| number(Ok(n(&a[0]).trim_scale()))),
    f("width_bucket_numeric", |_, a| width_bucket(n(&a[0]), n(&a[1]), n(&a[2]), a[3].as_int4()).map(Datum::Int4)),
    f("numeric", |_, a| number(n(&a[0]).apply_typmod(a[1].as_int4()))),
    f("int2_numeric", |_, a| number(Ok(a[0].as_int2().into()))),
    f("int4_numeric", |_, a| number(Ok(a[0].as_int4().into()))),
    f("int8_numeric", |_, a| number(Ok(a[0].as_int8().into()))),
    f("float4_numeric", |_, a| number(Numeric::from_f32(a[0].as_float4()))),
    f("float8_numeric", |_, a| number(Numeric::from_f64(a[0].as_float8()))),
    f("numeric_int2", |_, a| n(&a[0]).to_i16().map(Datum::Int2)),
    f("numeric_int4", |_, a| n(&a[0]).to_i32().map(Datum::Int4)),
    f("numeric_int8", |_, a| n(&a[0]).to_i64().map(Datum::Int8)),
    f("numeric_float4", |_, a| n(&a[0]).to_f32().map(Datum::Float4)),
    f("numeric_float8", |_, a| n(&a[0]).to_f64().map(Datum::Float8)),
    f("in_range_numeric_numeric", |_, a| in_range(n(&a[0]), n(&a[1]), n(&a[2]), a[3].as_bool(), a[4].as_bool()).map(Datum::Bool)),
    set("generate_series_numeric", |_, a| series(n(&a[0]), n(&a[1]), &Numeric::ONE)),
    set("generate_series_step_numeric", |_, a| series(n(&a[0]), n(&a[1]), n(&a[2]))),
];

fn in_range(value: &Numeric, base: &Numeric, offset: &Numeric, sub: bool, less: bool) -> Result<bool> {
    if offset.is_nan() || offset.signum() < 0 {
        return Err(SqlError::new(
            SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
            "invalid preceding or following size in window function",
        ));
    }
    if !(value.is_finite() && base.is_finite() && offset.is_finite()) {
        let double = |v: &Numeric| v.to_f64();
        return float_math::in_range(double(value)?, double(base)?, double(offset)?, sub, less);
    }
    let bound = if sub { base.sub(offset)? } else { base.add(offset)? };
    Ok(if less { *value <= bound } else { *value >= bound })
}

fn series(start: &Numeric, stop: &Numeric, step: &Numeric) -> Result<Rows> {
    for (value, name) in [(start, "start"), (stop, "stop"), (step, "step size")] {
        let kind = match (value, name) {
            (Numeric::NaN, "step size") => "step size cannot be NaN".to_owned(),
            (Numeric::NaN, name) => format!("{name} value cannot be NaN"),
            (Numeric::Infinity | Numeric::NegInfinity, "step size") => "step size cannot be infinity".to_owned(),
            (Numeric::Infinity | Numeric::NegInfinity, name) => format!("{name} value cannot be infinity"),
            _ => continue,
        };
        return Err(invalid_parameter(kind));
    }
    if step.is_zero() {
        return Err(invalid_parameter("step size cannot equal zero"));
    }
    let (stop, step, up) = (stop.clone(), step.clone(), step.signum() > 0);
    let rows = std::iter::successors(Some(start.clone()), move |v| v.add(&step).ok());
    Ok(column(rows.take_while(move |v| if up { *v <= stop } else { *v >= stop }).map(Datum::Numeric)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_keeps_the_scale_of_its_sum() {
        let parse = |s: &str| Numeric::parse(s).unwrap();
        let rows: Vec<String> =
            series(&parse("1.0"), &parse("2"), &parse("0.5")).unwrap().map(|r| r.unwrap()[0].as_numeric().to_string()).collect();
        assert_eq!(rows, ["1.0", "1.5", "2.0"]);
        let error = series(&Numeric::NaN, &parse("2"), &parse("1")).err().unwrap();
        assert_eq!(error.message(), "start value cannot be NaN");
    }
}
