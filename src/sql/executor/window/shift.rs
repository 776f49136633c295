//! RANGE offsets: an ordering value moved by an offset, as the types' `in_range` support functions do.
//!
//! Integers are compared as bigints and never overflow; dates are compared as timestamps; times do not wrap around midnight.

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::executor::ExecCx;
use crate::sql::expr::context::CallSite;
use crate::sql::expr::registry::{Implementation, registry};
use crate::sql::types::Datum;
use crate::sql::types::interval::Interval;
use crate::sql::types::numeric::Numeric;

const DAY: i64 = 86_400_000_000;

/// The form a value is compared in.
pub(super) fn comparable(value: Datum) -> Datum {
    match value {
        Datum::Int2(v) => Datum::Int8(v.into()),
        Datum::Int4(v) => Datum::Int8(v.into()),
        Datum::Float4(v) => Datum::Float8(v.into()),
        Datum::Date(i32::MAX) => Datum::Timestamp(i64::MAX),
        Datum::Date(i32::MIN) => Datum::Timestamp(i64::MIN),
        Datum::Date(v) => Datum::Timestamp(i64::from(v) * DAY),
        other => other,
    }
}

fn negated(i: Interval) -> Interval {
    Interval { micros: i.micros.wrapping_neg(), days: i.days.wrapping_neg(), months: i.months.wrapping_neg() }
}

/// A comparable value plus (or minus) an offset.
pub(super) fn shifted(cx: &mut ExecCx<'_>, value: &Datum, by: &Datum, add: bool) -> Result<Datum> {
    Ok(match (value, comparable(by.clone())) {
        (Datum::Int8(v), Datum::Int8(by)) => Datum::Int8(if add { v.saturating_add(by) } else { v.saturating_sub(by) }),
        (Datum::Float8(v), Datum::Float8(by)) => {
            let sum = if add { v + by } else { v - by };
            // Infinity less infinity frames everything on that side.
            let everything = sum.is_nan() && !v.is_nan();
            Datum::Float8(if everything { if add { f64::INFINITY } else { f64::NEG_INFINITY } } else { sum })
        }
        (Datum::Numeric(v), Datum::Numeric(by)) => Datum::Numeric(moved(v, &by, add)?),
        (Datum::Time(v), Datum::Interval(by)) => {
            Datum::Time(if add { v.saturating_add(by.micros) } else { v.saturating_sub(by.micros) })
        }
        (Datum::Timestamp(i64::MAX | i64::MIN) | Datum::TimestampTz(i64::MAX | i64::MIN), Datum::Interval(_)) => value.clone(),
        (Datum::Timestamp(_) | Datum::TimestampTz(_) | Datum::Interval(_), Datum::Interval(by)) => {
            let symbol = match value {
                Datum::Timestamp(_) => "timestamp_pl_interval",
                Datum::TimestampTz(_) => "timestamptz_pl_interval",
                _ => "interval_pl",
            };
            call(cx, symbol, &[value.clone(), Datum::Interval(if add { by } else { negated(by) })])?
        }
        _ => {
            return Err(err!(
                SqlState::FEATURE_NOT_SUPPORTED,
                "RANGE with offset PRECEDING/FOLLOWING is not supported for this column type and offset type"
            ));
        }
    })
}

fn moved(value: &Numeric, by: &Numeric, add: bool) -> Result<Numeric> {
    if add { value.add(by) } else { value.sub(by) }
}

/// Calls a built-in by its symbol.
fn call(cx: &mut ExecCx<'_>, symbol: &str, args: &[Datum]) -> Result<Datum> {
    let code = registry().functions().find(|f| f.symbol == symbol).map(|f| f.implementation);
    match code {
        Some(Implementation::Scalar(code)) => code(&mut cx.function(&mut CallSite::default()), args),
        _ => Err(SqlError::internal(format!("function {symbol} is missing"))),
    }
}
