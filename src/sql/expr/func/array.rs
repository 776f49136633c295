//! Arrays: building, joining, bounds, search, containment, removal and replacement.

use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::array::{Array, Dim, MAX_DIMS, MAX_ELEMENTS};
use crate::sql::types::array_io::element_type;
use crate::sql::types::compare::{compare_as, equal_as};
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// Array functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("array_append", |cx, a| push(cx, &a[0], &a[1], false)),
    f("array_prepend", |cx, a| push(cx, &a[1], &a[0], true)),
    f("array_cat", |_, a| match (&a[0], &a[1]) {
        (Datum::Array(x), Datum::Array(y)) => concatenate(x, y),
        (Datum::Null, other) | (other, _) => Ok(other.clone()),
    }),
    f("array_dims", |_, a| {
        let dims = &a[0].as_array().dims;
        opt_text((!dims.is_empty()).then(|| dims.iter().map(|d| format!("[{}:{}]", d.lower, d.upper())).collect::<String>()))
    }),
    f("array_ndims", |_, a| {
        Ok(if a[0].as_array().dims.is_empty() { Datum::Null } else { Datum::Int4(a[0].as_array().dims.len() as i32) })
    }),
    f("array_length", |_, a| Ok(dimension(a).map_or(Datum::Null, |d| Datum::Int4(d.len)))),
    f("array_lower", |_, a| Ok(dimension(a).map_or(Datum::Null, |d| Datum::Int4(d.lower)))),
    f("array_upper", |_, a| Ok(dimension(a).map_or(Datum::Null, |d| Datum::Int4(d.upper())))),
    f("array_cardinality", |_, a| int4(a[0].as_array().len())),
    f("array_position", |_, a| position(a, None)),
    f("array_position_start", |_, a| {
        if a[2].is_null() && !a[0].is_null() {
            return Err(null_not_allowed("initial position must not be null"));
        }
        position(a, a.get(2).filter(|d| !d.is_null()).map(Datum::as_int4))
    }),
    f("array_positions", |_, a| positions(a)),
    f("array_remove", |_, a| remove(a)),
    f("array_replace", |_, a| replace(a)),
    f("array_fill", |cx, a| fill(cx, &a[0], &a[1], None)),
    f("array_fill_with_lower_bounds", |cx, a| fill(cx, &a[0], &a[1], Some(&a[2]))),
    f("trim_array", |_, a| trim(a[0].as_array(), a[1].as_int4())),
    f("arraycontains", |_, a| contains(a[0].as_array(), a[1].as_array()).map(Datum::Bool)),
    f("arraycontained", |_, a| contains(a[1].as_array(), a[0].as_array()).map(Datum::Bool)),
    f("arrayoverlap", |_, a| overlaps(a[0].as_array(), a[1].as_array()).map(Datum::Bool)),
    f("width_bucket_array", |_, a| bucket(&a[0], a[1].as_array())),
    set("array_unnest", |_, a| {
        let array = a[0].as_array().clone();
        Ok(column((0..array.len()).map(move |i| array.values[i].clone())))
    }),
    // information_schema: elements with their numbers from 1.
    set("_pg_expandarray/2277", |_, a| {
        let array = a[0].as_array().clone();
        Ok(Box::new((1..).zip(array.values.clone()).map(|(n, value)| Ok(vec![value, Datum::Int4(n)]))))
    }),
    set("generate_subscripts", |_, a| subscripts(a, a[2].as_bool())),
    set("generate_subscripts_nodir", |_, a| subscripts(a, false)),
];

#[cold]
fn null_not_allowed(message: &str) -> SqlError {
    SqlError::new(SqlState::NULL_VALUE_NOT_ALLOWED, message)
}

#[cold]
fn subscript_error(message: &str) -> SqlError {
    SqlError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message)
}

fn array(v: Array) -> Result<Datum> {
    Ok(Datum::Array(Arc::new(v)))
}

/// The element type of the call's array result.
pub fn result_element(cx: &FnCx<'_>) -> Oid {
    cx.site.returns.and_then(|t| element_type(cx.io, t.oid)).unwrap_or(Oid::UNKNOWN)
}

fn push(cx: &FnCx<'_>, base: &Datum, value: &Datum, front: bool) -> Result<Datum> {
    let (elem, values, lower) = match base {
        Datum::Array(v) => match v.dims[..] {
            [] => (v.elem, Vec::new(), 1),
            [dim] => (v.elem, v.values.clone(), dim.lower),
            _ => return Err(SqlError::new(SqlState::DATA_EXCEPTION, "argument must be empty or one-dimensional array")),
        },
        _ => (result_element(cx), Vec::new(), 1),
    };
    let mut values = values;
    if front {
        values.insert(0, value.clone())
    } else {
        values.push(value.clone())
    }
    lower.checked_add(values.len() as i32).ok_or_else(|| out_of_range("integer"))?;
    array(Array::with_lower_bound(elem, values, lower))
}

fn concatenate(x: &Arc<Array>, y: &Arc<Array>) -> Result<Datum> {
    if x.dims.is_empty() {
        return Ok(Datum::Array(y.clone()));
    }
    if y.dims.is_empty() {
        return Ok(Datum::Array(x.clone()));
    }
    let incompatible = |detail: String| Err(subscript_error("cannot concatenate incompatible arrays").detail(detail));
    let (nx, ny) = (x.dims.len(), y.dims.len());
    let dims = if nx == ny {
        if x.dims[1..] != y.dims[1..] {
            return incompatible("Arrays with differing element dimensions are not compatible for concatenation.".into());
        }
        let mut dims = x.dims.clone();
        dims[0].len += y.dims[0].len;
        dims
    } else if nx + 1 == ny || ny + 1 == nx {
        let (outer, inner) = if nx > ny { (x, y) } else { (y, x) };
        if outer.dims[1..] != inner.dims[..] {
            return incompatible("Arrays with differing dimensions are not compatible for concatenation.".into());
        }
        let mut dims = outer.dims.clone();
        dims[0].len += 1;
        dims
    } else {
        return incompatible(format!("Arrays of {nx} and {ny} dimensions are not compatible for concatenation."));
    };
    let values = x.values.iter().chain(&y.values).cloned().collect();
    array(Array { elem: x.elem, dims, values })
}

fn dimension(a: &[Datum]) -> Option<Dim> {
    let n = usize::try_from(a[1].as_int4()).ok()?.checked_sub(1)?;
    a[0].as_array().dims.get(n).copied()
}

/// Equal, or both NULL.
fn same(x: &Datum, y: &Datum, elem: Oid) -> bool {
    match (x.is_null(), y.is_null()) {
        (false, false) => equal_as(x, y, elem),
        (x, y) => x && y,
    }
}

fn searched(array: &Array) -> Result<()> {
    if array.dims.len() > 1 {
        return Err(SqlError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "searching for elements in multidimensional arrays is not supported",
        ));
    }
    Ok(())
}

fn position(a: &[Datum], start: Option<i32>) -> Result<Datum> {
    let Datum::Array(array) = &a[0] else { return Ok(Datum::Null) };
    searched(array)?;
    let lower = array.dims.first().map_or(1, |d| d.lower);
    let skip = start.map_or(0, |s| (i64::from(s) - i64::from(lower)).max(0) as usize);
    let found = array.values.iter().enumerate().skip(skip).find(|(_, v)| same(v, &a[1], array.elem));
    Ok(found.map_or(Datum::Null, |(i, _)| Datum::Int4(lower + i as i32)))
}

fn positions(a: &[Datum]) -> Result<Datum> {
    let Datum::Array(array) = &a[0] else { return Ok(Datum::Null) };
    searched(array)?;
    let lower = array.dims.first().map_or(1, |d| d.lower);
    let hits = array.values.iter().enumerate().filter(|(_, v)| same(v, &a[1], array.elem));
    Ok(array_of(Oid::INT4, hits.map(|(i, _)| Datum::Int4(lower + i as i32)).collect()))
}

fn remove(a: &[Datum]) -> Result<Datum> {
    let Datum::Array(v) = &a[0] else { return Ok(Datum::Null) };
    if v.dims.len() > 1 {
        return Err(SqlError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "removing elements from multidimensional arrays is not supported",
        ));
    }
    let values: Vec<Datum> = v.values.iter().filter(|x| !same(x, &a[1], v.elem)).cloned().collect();
    if values.len() == v.len() {
        return Ok(a[0].clone());
    }
    array(Array::with_lower_bound(v.elem, values, v.dims.first().map_or(1, |d| d.lower)))
}

fn replace(a: &[Datum]) -> Result<Datum> {
    let Datum::Array(v) = &a[0] else { return Ok(Datum::Null) };
    let values = v.values.iter().map(|x| if same(x, &a[1], v.elem) { a[2].clone() } else { x.clone() }).collect();
    array(Array { elem: v.elem, dims: v.dims.clone(), values })
}

fn fill_numbers(v: &Datum) -> Result<Vec<i32>> {
    let Datum::Array(numbers) = v else {
        return Err(null_not_allowed("dimension array or low bound array cannot be null"));
    };
    if numbers.dims.len() > 1 {
        return Err(subscript_error("wrong number of array subscripts").detail("Dimension array must be one dimensional."));
    }
    if numbers.values.iter().any(Datum::is_null) {
        return Err(null_not_allowed("dimension values cannot be null"));
    }
    Ok(numbers.values.iter().map(Datum::as_int4).collect())
}

fn fill(cx: &FnCx<'_>, value: &Datum, lengths: &Datum, lowers: Option<&Datum>) -> Result<Datum> {
    if lengths.is_null() || lowers.is_some_and(Datum::is_null) {
        return Err(null_not_allowed("dimension array or low bound array cannot be null"));
    }
    let lengths = fill_numbers(lengths)?;
    if lengths.len() > MAX_DIMS {
        let n = lengths.len();
        return Err(err!(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "number of array dimensions ({n}) exceeds the maximum allowed ({MAX_DIMS})"
        ));
    }
    let lowers = match lowers {
        None => vec![1; lengths.len()],
        Some(lowers) => fill_numbers(lowers)?,
    };
    if lowers.len() != lengths.len() {
        return Err(
            subscript_error("wrong number of array subscripts").detail("Low bound array has different size than dimensions array.")
        );
    }
    let too_big = || err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed ({MAX_ELEMENTS})");
    let mut total = usize::from(!lengths.is_empty());
    for len in &lengths {
        let len = usize::try_from(*len).map_err(|_| too_big())?;
        total = total.checked_mul(len).filter(|t| *t <= MAX_ELEMENTS).ok_or_else(too_big)?;
    }
    let elem = result_element(cx);
    if total == 0 {
        return array(Array::empty(elem));
    }
    let dims = lengths.into_iter().zip(lowers).map(|(len, lower)| Dim { len, lower }).collect();
    array(Array { elem, dims, values: vec![value.clone(); total] })
}

fn trim(v: &Arc<Array>, n: i32) -> Result<Datum> {
    let len = v.dims.first().map_or(0, |d| d.len);
    if n < 0 || n > len {
        return Err(subscript_error(&format!("number of elements to trim must be between 0 and {len}")));
    }
    if n == len {
        return array(Array::empty(v.elem));
    }
    let mut dims = v.dims.clone();
    dims[0].len -= n;
    // As a slice, the result's bounds start at 1.
    for dim in &mut dims {
        dim.lower = 1;
    }
    let keep = v.len() / len as usize * (len - n) as usize;
    array(Array { elem: v.elem, dims, values: v.values[..keep].to_vec() })
}

fn same_element_type(x: &Array, y: &Array) -> Result<()> {
    if x.elem != y.elem {
        return Err(SqlError::new(SqlState::DATATYPE_MISMATCH, "cannot compare arrays of different element types"));
    }
    Ok(())
}

/// Whether every element of `inner` occurs in `outer`; a NULL occurs nowhere.
fn contains(outer: &Array, inner: &Array) -> Result<bool> {
    same_element_type(outer, inner)?;
    let occurs = |want: &Datum| !want.is_null() && outer.values.iter().any(|v| !v.is_null() && equal_as(v, want, outer.elem));
    Ok(inner.values.iter().all(occurs))
}

fn overlaps(x: &Array, y: &Array) -> Result<bool> {
    same_element_type(x, y)?;
    let occurs = |want: &Datum| !want.is_null() && x.values.iter().any(|v| !v.is_null() && equal_as(v, want, x.elem));
    Ok(y.values.iter().any(occurs))
}

fn bucket(value: &Datum, thresholds: &Array) -> Result<Datum> {
    if thresholds.dims.len() > 1 {
        return Err(subscript_error("thresholds must be one-dimensional array"));
    }
    if thresholds.values.iter().any(Datum::is_null) {
        return Err(null_not_allowed("thresholds array must not contain NULLs"));
    }
    int4(thresholds.values.partition_point(|t| compare_as(t, value, thresholds.elem).is_le()))
}

fn subscripts(a: &[Datum], reverse: bool) -> Result<Rows> {
    let Some(dim) = dimension(a) else { return Ok(column(std::iter::empty())) };
    let all = dim.lower..=dim.upper();
    Ok(if reverse { column(all.rev().map(Datum::Int4)) } else { column(all.map(Datum::Int4)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(values: &[i32]) -> Arc<Array> {
        Arc::new(Array::one_dim(Oid::INT4, values.iter().map(|v| Datum::Int4(*v)).collect()))
    }

    #[test]
    fn joins_by_shape() {
        let Ok(Datum::Array(both)) = concatenate(&ints(&[1, 2]), &ints(&[3])) else { panic!("no array") };
        assert_eq!(both.dims, [Dim { len: 3, lower: 1 }]);
        let square = Arc::new(Array {
            elem: Oid::INT4,
            dims: vec![Dim { len: 1, lower: 1 }, Dim { len: 2, lower: 1 }],
            values: ints(&[1, 2]).values.clone(),
        });
        let Ok(Datum::Array(taller)) = concatenate(&square, &ints(&[3, 4])) else { panic!("no array") };
        assert_eq!(taller.dims[0].len, 2);
        let error = concatenate(&square, &ints(&[3])).unwrap_err();
        assert_eq!(
            error.fields().detail.as_deref(),
            Some("Arrays with differing dimensions are not compatible for concatenation.")
        );
    }

    #[test]
    fn trims_and_contains() {
        assert_eq!(trim(&ints(&[1, 2, 3]), 4).unwrap_err().message(), "number of elements to trim must be between 0 and 3");
        assert!(contains(&ints(&[1, 2, 3]), &ints(&[3, 1, 1])).unwrap());
        assert!(!overlaps(&ints(&[1]), &ints(&[2])).unwrap());
    }
}
