//! What every family file uses: entry constructors, the common errors, and small readers of arguments.

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::expr::registry::{Implementation, ScalarFn, SetFn};
use crate::sql::types::array::{Array, Dim};
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// One function: internal symbol and code.
pub type Entry = (&'static str, Implementation);

/// Rows of a set-returning function.
pub type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

/// An entry of a scalar function.
pub const fn f(symbol: &'static str, code: ScalarFn) -> Entry {
    (symbol, Implementation::Scalar(code))
}

/// An entry of a set-returning function.
pub const fn set(symbol: &'static str, code: SetFn) -> Entry {
    (symbol, Implementation::Set(code))
}

/// 22003 with PostgreSQL's text for a type, e.g. `integer out of range`.
#[cold]
pub fn out_of_range(ty: &str) -> SqlError {
    err!(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "{ty} out of range")
}

/// 22012
#[cold]
pub fn division_by_zero() -> SqlError {
    SqlError::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

/// 22023
#[cold]
pub fn invalid_parameter(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// smallint, or its overflow error.
#[inline]
pub fn i2(v: Option<i16>) -> Result<Datum> {
    v.map(Datum::Int2).ok_or_else(|| out_of_range("smallint"))
}

/// integer, or its overflow error.
#[inline]
pub fn i4(v: Option<i32>) -> Result<Datum> {
    v.map(Datum::Int4).ok_or_else(|| out_of_range("integer"))
}

/// bigint, or its overflow error.
#[inline]
pub fn i8(v: Option<i64>) -> Result<Datum> {
    v.map(Datum::Int8).ok_or_else(|| out_of_range("bigint"))
}

/// boolean
#[inline]
pub fn boolean(v: bool) -> Result<Datum> {
    Ok(Datum::Bool(v))
}

/// text
#[inline]
pub fn text(v: impl AsRef<str>) -> Result<Datum> {
    Ok(Datum::text(v.as_ref()))
}

/// NULL when there is nothing.
pub fn opt_text(v: Option<impl AsRef<str>>) -> Result<Datum> {
    Ok(v.map_or(Datum::Null, |s| Datum::text(s.as_ref())))
}

/// bytea
pub fn bytea(v: impl AsRef<[u8]>) -> Result<Datum> {
    Ok(Datum::bytea(v.as_ref()))
}

/// integer
#[inline]
pub fn int4(v: usize) -> Result<Datum> {
    i4(i32::try_from(v).ok())
}

/// A set of single-column rows.
pub fn column(values: impl Iterator<Item = Datum> + Send + 'static) -> Rows {
    Box::new(values.map(|v| Ok(vec![v])))
}

/// A one-dimensional array with lower bound 1; empty when there are no values.
pub fn array_of(elem: Oid, values: Vec<Datum>) -> Datum {
    let dims = if values.is_empty() { Vec::new() } else { vec![Dim { len: values.len() as i32, lower: 1 }] };
    Datum::Array(Arc::new(Array { elem, dims, values }))
}

/// text[] of strings.
pub fn text_array<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Datum {
    array_of(Oid::TEXT, values.into_iter().map(|s| Datum::text(s.as_ref())).collect())
}

/// Whether PostgreSQL could build a value of that many bytes (its 1 GB limit on a field).
pub fn check_size(bytes: usize) -> Result<()> {
    if bytes >= 0x3fff_ffff - 4 {
        return Err(err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "requested length too large"));
    }
    Ok(())
}

/// What the call site keeps between rows: made once for a pair of strings (pattern and flags, format and locale).
pub fn cached<V: Send + Sync + 'static>(cx: &mut FnCx<'_>, a: &str, b: &str, make: impl FnOnce() -> Result<V>) -> Result<Arc<V>> {
    if let Some((ka, kb, value)) = cx.site.cache.as_ref().and_then(|c| c.downcast_ref::<(String, String, Arc<V>)>())
        && ka == a
        && kb == b
    {
        return Ok(value.clone());
    }
    let value = Arc::new(make()?);
    cx.site.cache = Some(Box::new((a.to_owned(), b.to_owned(), value.clone())));
    Ok(value)
}
