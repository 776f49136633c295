//! money: arithmetic in hundredths, casts, and the amount in words.

use super::support::*;
use crate::error::{Result, SqlError};
use crate::sql::types::Datum;
use crate::sql::types::numeric::Numeric;

fn m(d: &Datum) -> i64 {
    d.as_money()
}

fn money(v: Option<i64>) -> Result<Datum> {
    v.map(Datum::Money).ok_or_else(|| out_of_range("money"))
}

fn rounded(v: f64) -> Result<Datum> {
    let r = v.round_ties_even();
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&r);
    money(fits.then_some(r as i64))
}

fn divide(amount: &Datum, by: f64) -> Result<Datum> {
    if by == 0.0 { Err(division_by_zero()) } else { rounded(m(amount) as f64 / by) }
}

fn divide_whole(amount: &Datum, by: i64) -> Result<Datum> {
    if by == 0 { Err(division_by_zero()) } else { money(m(amount).checked_div(by)) }
}

/// money functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("cash_pl", |_, a| money(m(&a[0]).checked_add(m(&a[1])))),
    f("cash_mi", |_, a| money(m(&a[0]).checked_sub(m(&a[1])))),
    f("cash_mul_flt8", |_, a| rounded(m(&a[0]) as f64 * a[1].as_float8())),
    f("flt8_mul_cash", |_, a| rounded(m(&a[1]) as f64 * a[0].as_float8())),
    f("cash_mul_flt4", |_, a| rounded(m(&a[0]) as f64 * f64::from(a[1].as_float4()))),
    f("flt4_mul_cash", |_, a| rounded(m(&a[1]) as f64 * f64::from(a[0].as_float4()))),
    f("cash_div_flt8", |_, a| divide(&a[0], a[1].as_float8())),
    f("cash_div_flt4", |_, a| divide(&a[0], a[1].as_float4().into())),
    f("cash_mul_int8", |_, a| money(m(&a[0]).checked_mul(a[1].as_int8()))),
    f("int8_mul_cash", |_, a| money(m(&a[1]).checked_mul(a[0].as_int8()))),
    f("cash_mul_int4", |_, a| money(m(&a[0]).checked_mul(a[1].as_int4().into()))),
    f("int4_mul_cash", |_, a| money(m(&a[1]).checked_mul(a[0].as_int4().into()))),
    f("cash_mul_int2", |_, a| money(m(&a[0]).checked_mul(a[1].as_int2().into()))),
    f("int2_mul_cash", |_, a| money(m(&a[1]).checked_mul(a[0].as_int2().into()))),
    f("cash_div_int8", |_, a| divide_whole(&a[0], a[1].as_int8())),
    f("cash_div_int4", |_, a| divide_whole(&a[0], a[1].as_int4().into())),
    f("cash_div_int2", |_, a| divide_whole(&a[0], a[1].as_int2().into())),
    f("cash_div_cash", |_, a| {
        if m(&a[1]) == 0 {
            return Err(division_by_zero());
        }
        Ok(Datum::Float8(m(&a[0]) as f64 / m(&a[1]) as f64))
    }),
    f("cash_numeric", |_, a| Ok(Datum::Numeric(Numeric::Small(m(&a[0]), 2)))),
    f("numeric_cash", |_, a| {
        let cents = a[0].as_numeric().mul(&Numeric::from(100i64))?.to_i64();
        cents.map(Datum::Money)
    }),
    f("int4_cash", |_, a| Ok(Datum::Money(i64::from(a[0].as_int4()) * 100))),
    f("int8_cash", |_, a| a[0].as_int8().checked_mul(100).map(Datum::Money).ok_or_else(too_big)),
    f("cash_words", |_, a| text(words(m(&a[0])))),
];

#[cold]
fn too_big() -> SqlError {
    out_of_range("bigint")
}

const SMALL: [&str; 28] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
];

/// A number below 1000.
fn below_thousand(v: u64) -> String {
    let (hundreds, rest) = (v / 100, v % 100);
    let tens = |v: u64| match (v / 10, v % 10) {
        (0 | 1, _) => SMALL[v as usize].to_owned(),
        (t, 0) => SMALL[18 + t as usize].to_owned(),
        (t, ones) => format!("{} {}", SMALL[18 + t as usize], SMALL[ones as usize]),
    };
    match (hundreds, rest) {
        (0, rest) => tens(rest),
        (h, 0) => format!("{} hundred", SMALL[h as usize]),
        (h, rest @ 1..=9) => format!("{} hundred and {}", SMALL[h as usize], SMALL[rest as usize]),
        (h, rest) => format!("{} hundred {}", SMALL[h as usize], tens(rest)),
    }
}

/// The amount as on a cheque.
fn words(cents: i64) -> String {
    let value = cents.unsigned_abs();
    let dollars = value / 100;
    let mut out = String::from(if cents < 0 { "minus " } else { "" });
    let scales = [(1_000_000_000_000_000, "quadrillion"), (1_000_000_000_000, "trillion"), (1_000_000_000, "billion")];
    for (size, name) in scales.into_iter().chain([(1_000_000, "million"), (1000, "thousand")]) {
        let part = dollars / size % 1000;
        if part > 0 {
            out.push_str(&format!("{} {name} ", below_thousand(part)));
        }
    }
    if dollars == 0 || !dollars.is_multiple_of(1000) {
        out.push_str(&format!("{} ", below_thousand(dollars % 1000)));
    }
    out.push_str(if dollars == 1 { "dollar and " } else { "dollars and " });
    out.push_str(&below_thousand(value % 100));
    out.push_str(if value % 100 == 1 { " cent" } else { " cents" });
    let mut letters = out.chars();
    letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_words() {
        assert_eq!(words(123_456), "One thousand two hundred thirty four dollars and fifty six cents");
        assert_eq!(words(101), "One dollar and one cent");
    }
}
