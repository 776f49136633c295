//! Element access and assignment: arrays with any number of dimensions, jsonb by key and position.

use super::node::SubscriptNode;
use super::row::Row;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::executor::context::ExecCx;
use crate::sql::types::array::{Array, Dim};
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// Most elements of an array (PostgreSQL's MaxArraySize).
const MAX_ELEMENTS: i64 = 134_217_727;

/// An evaluated subscript.
pub(super) enum Index {
    At(Datum),
    /// Bounds; `None` where left out.
    Slice(Option<Datum>, Option<Datum>),
}

/// Evaluates the subscripts of one row.
pub(super) fn evaluate(cx: &mut ExecCx<'_>, row: Row<'_>, indices: &mut [SubscriptNode]) -> Result<Vec<Index>> {
    indices
        .iter_mut()
        .map(|index| {
            Ok(match index {
                SubscriptNode::Index(e) => Index::At(e.eval_at(cx, row)?),
                SubscriptNode::Slice(lower, upper) => {
                    let lower = lower.as_mut().map(|e| e.eval_at(cx, row)).transpose()?;
                    let upper = upper.as_mut().map(|e| e.eval_at(cx, row)).transpose()?;
                    Index::Slice(lower, upper)
                }
            })
        })
        .collect()
}

fn integer(value: &Datum) -> Option<i32> {
    match value {
        Datum::Int4(v) => Some(*v),
        Datum::Int2(v) => Some((*v).into()),
        Datum::Int8(v) => i32::try_from(*v).ok(),
        _ => None,
    }
}

/// `value[indices]`; NULL for anything out of bounds.
pub(super) fn fetch(value: &Datum, indices: Vec<Index>) -> Result<Datum> {
    match value {
        Datum::Array(array) if indices.iter().any(|i| matches!(i, Index::Slice(..))) => Ok(fetch_slice(array, &indices)),
        Datum::Array(array) => Ok(fetch_element(array, &indices)),
        Datum::Jsonb(json) => Ok(fetch_json(json, &indices)),
        Datum::Geo(shape) => Ok(coordinate(shape, &indices)),
        // A name is an array of 64 characters, counted from 0.
        Datum::Text(name) => Ok(match indices.as_slice() {
            [Index::At(at)] => match integer(at).and_then(|i| usize::try_from(i).ok()).filter(|i| *i < 64) {
                Some(i) => Datum::Char(name.as_bytes().get(i).copied().unwrap_or(0)),
                None => Datum::Null,
            },
            _ => Datum::Null,
        }),
        _ => Ok(Datum::Null),
    }
}

/// Points and lines are arrays of numbers counted from 0, segments and boxes of points.
fn coordinate(shape: &crate::sql::types::geo::Geometry, indices: &[Index]) -> Datum {
    use crate::sql::types::geo::Geometry as G;
    let [Index::At(at)] = indices else { return Datum::Null };
    let Some(at) = integer(at).and_then(|i| usize::try_from(i).ok()) else { return Datum::Null };
    let numbers = |list: &[f64]| list.get(at).map_or(Datum::Null, |v| Datum::Float8(*v));
    match shape {
        G::Point(x, y) => numbers(&[*x, *y]),
        G::Line(a, b, c) => numbers(&[*a, *b, *c]),
        G::Segment(ends) | G::Box(ends) => ends.get(at).map_or(Datum::Null, |p| Datum::Geo(G::Point(p.0, p.1).into())),
        _ => Datum::Null,
    }
}

fn fetch_element(array: &Array, indices: &[Index]) -> Datum {
    if indices.len() != array.dims.len() {
        return Datum::Null;
    }
    let mut offset = 0;
    for (index, dim) in indices.iter().zip(&array.dims) {
        let Index::At(at) = index else { return Datum::Null };
        let Some(at) = integer(at) else { return Datum::Null };
        let place = i64::from(at) - i64::from(dim.lower);
        if place < 0 || place >= i64::from(dim.len) {
            return Datum::Null;
        }
        offset = offset * dim.len as usize + place as usize;
    }
    array.values.get(offset).cloned().unwrap_or_default()
}

/// Bounds per dimension, clipped to the array; `None` for a NULL subscript.
fn slice_bounds(array: &Array, indices: &[Index]) -> Option<Vec<(i32, i32)>> {
    let mut bounds = Vec::with_capacity(array.dims.len());
    for (n, dim) in array.dims.iter().enumerate() {
        let (first, last) = (dim.lower, dim.lower + dim.len - 1);
        let (lower, upper) = match indices.get(n) {
            None => (first, last),
            Some(Index::At(at)) => (1, integer(at)?),
            Some(Index::Slice(lower, upper)) => {
                (lower.as_ref().map_or(Some(first), integer)?, upper.as_ref().map_or(Some(last), integer)?)
            }
        };
        bounds.push((lower.max(first), upper.min(last)));
    }
    Some(bounds)
}

fn fetch_slice(array: &Array, indices: &[Index]) -> Datum {
    let Some(bounds) = slice_bounds(array, indices) else { return Datum::Null };
    let empty = || Datum::Array(Arc::new(Array { elem: array.elem, dims: Vec::new(), values: Vec::new() }));
    if indices.len() > array.dims.len() || bounds.is_empty() || bounds.iter().any(|(l, u)| l > u) {
        return empty();
    }
    let dims = bounds.iter().map(|(l, u)| Dim { len: u - l + 1, lower: 1 }).collect();
    let mut values = Vec::new();
    collect_slice(array, &bounds, 0, 0, &mut values);
    Datum::Array(Arc::new(Array { elem: array.elem, dims, values }))
}

fn collect_slice(array: &Array, bounds: &[(i32, i32)], depth: usize, offset: usize, out: &mut Vec<Datum>) {
    if depth == bounds.len() {
        out.push(array.values[offset].clone());
        return;
    }
    let dim = array.dims[depth];
    for at in bounds[depth].0..=bounds[depth].1 {
        let place = (at - dim.lower) as usize;
        collect_slice(array, bounds, depth + 1, offset * dim.len as usize + place, out);
    }
}

fn json_child<'a>(json: &'a Jsonb, at: &Datum) -> Option<&'a Jsonb> {
    match (json, at) {
        (Jsonb::Object(members), Datum::Text(key)) => members.iter().find(|(k, _)| k == key).map(|(_, v)| v),
        (Jsonb::Array(items), at) => {
            let n = match at {
                Datum::Text(text) => text.parse::<i32>().ok()?,
                other => integer(other)?,
            };
            let place = if n < 0 { items.len() as i64 + i64::from(n) } else { n.into() };
            items.get(usize::try_from(place).ok()?)
        }
        (Jsonb::Object(members), at) => {
            let key = integer(at)?.to_string();
            members.iter().find(|(k, _)| *k == key).map(|(_, v)| v)
        }
        _ => None,
    }
}

fn fetch_json(json: &Jsonb, indices: &[Index]) -> Datum {
    let mut at = json;
    for index in indices {
        let Index::At(key) = index else { return Datum::Null };
        match json_child(at, key) {
            Some(child) => at = child,
            None => return Datum::Null,
        }
    }
    Datum::Jsonb(Arc::new(at.clone()))
}

/// The container with `[indices]` replaced by `value`. Errors: 22004 for a NULL subscript, 2202E for one that does not fit.
pub(super) fn assign(elem: Oid, container: Datum, indices: Vec<Index>, value: Datum) -> Result<Datum> {
    if elem == Oid::JSONB && !matches!(container, Datum::Array(_)) {
        return assign_json(&container, &indices, &value);
    }
    if indices.iter().any(|i| matches!(i, Index::Slice(..))) {
        return assign_slice(elem, container, &indices, &value);
    }
    let mut at = Vec::with_capacity(indices.len());
    for index in &indices {
        let Index::At(position) = index else { continue };
        at.push(integer(position).ok_or_else(null_subscript)?);
    }
    let array = match container {
        Datum::Array(a) if !a.dims.is_empty() => a,
        _ => {
            let dims = at.iter().map(|&lower| Dim { len: 1, lower }).collect();
            return Ok(Datum::Array(Arc::new(Array { elem, dims, values: vec![value] })));
        }
    };
    if array.dims.len() != at.len() {
        return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"));
    }
    let mut array = Arc::unwrap_or_clone(array);
    if at.len() == 1 {
        grow(&mut array, at[0], at[0])?;
    }
    let mut offset = 0;
    for (&position, dim) in at.iter().zip(&array.dims) {
        let place = i64::from(position) - i64::from(dim.lower);
        if place < 0 || place >= i64::from(dim.len) {
            return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "array subscript out of range"));
        }
        offset = offset * dim.len as usize + place as usize;
    }
    array.values[offset] = value;
    Ok(Datum::Array(Arc::new(array)))
}

fn null_subscript() -> crate::error::SqlError {
    err!(SqlState::NULL_VALUE_NOT_ALLOWED, "array subscript in assignment must not be null")
}

/// Extends a one-dimensional array with NULLs so that `lower..=upper` lies inside.
fn grow(array: &mut Array, lower: i32, upper: i32) -> Result<()> {
    let dim = array.dims[0];
    let first = i64::from(dim.lower).min(lower.into());
    let last = (i64::from(dim.lower) + i64::from(dim.len) - 1).max(upper.into());
    if last - first + 1 > MAX_ELEMENTS {
        return Err(err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed ({MAX_ELEMENTS})"));
    }
    let before = (i64::from(dim.lower) - first) as usize;
    if before > 0 {
        array.values.splice(0..0, std::iter::repeat_n(Datum::Null, before));
    }
    array.values.resize((last - first + 1) as usize, Datum::Null);
    array.dims[0] = Dim { len: (last - first + 1) as i32, lower: first as i32 };
    Ok(())
}

fn assign_slice(elem: Oid, container: Datum, indices: &[Index], value: &Datum) -> Result<Datum> {
    let Datum::Array(source) = value else { return Ok(container) };
    let [Index::Slice(lower, upper)] = indices else { return assign_block(elem, container, indices, source) };
    let bound = |b: &Option<Datum>| b.as_ref().map(|d| integer(d).ok_or_else(null_subscript)).transpose();
    let (lower, upper) = (bound(lower)?, bound(upper)?);
    let mut array = match container {
        Datum::Array(a) if !a.dims.is_empty() => Arc::unwrap_or_clone(a),
        _ => {
            let (Some(l), Some(u)) = (lower, upper) else {
                return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "array slice subscript must provide both boundaries")
                    .detail("When assigning to a slice of an empty array value, slice boundaries must be fully specified."));
            };
            let len = (i64::from(u) - i64::from(l) + 1).clamp(0, MAX_ELEMENTS) as usize;
            Array { elem, dims: vec![Dim { len: len as i32, lower: l }], values: vec![Datum::Null; len] }
        }
    };
    if array.dims.len() != 1 {
        return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"));
    }
    let dim = array.dims[0];
    let (l, u) = (lower.unwrap_or(dim.lower), upper.unwrap_or(dim.lower + dim.len - 1));
    if l > u {
        return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "upper bound cannot be less than lower bound"));
    }
    let wanted = (i64::from(u) - i64::from(l) + 1) as usize;
    if source.values.len() < wanted {
        return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "source array too small"));
    }
    grow(&mut array, l, u)?;
    let start = (l - array.dims[0].lower) as usize;
    array.values[start..start + wanted].clone_from_slice(&source.values[..wanted]);
    Ok(Datum::Array(Arc::new(array)))
}

/// A slice of several dimensions: a single subscript `n` among slices means `1:n`. The array does not grow.
fn assign_block(elem: Oid, container: Datum, indices: &[Index], source: &Array) -> Result<Datum> {
    let bound = |b: Option<&Datum>| b.map(|d| integer(d).ok_or_else(null_subscript)).transpose();
    let mut wanted = Vec::with_capacity(indices.len());
    for index in indices {
        wanted.push(match index {
            Index::At(at) => (Some(1), bound(Some(at))?),
            Index::Slice(lower, upper) => (bound(lower.as_ref())?, bound(upper.as_ref())?),
        });
    }
    let mut array = match container {
        Datum::Array(a) if !a.dims.is_empty() => Arc::unwrap_or_clone(a),
        _ => new_block(elem, &wanted)?,
    };
    if array.dims.len() != wanted.len() {
        return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"));
    }
    let mut bounds = Vec::with_capacity(wanted.len());
    for (dim, (lower, upper)) in array.dims.iter().zip(wanted) {
        let last = dim.lower + dim.len - 1;
        let (l, u) = (lower.unwrap_or(dim.lower), upper.unwrap_or(last));
        if l > u {
            return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "upper bound cannot be less than lower bound"));
        }
        if l < dim.lower || u > last {
            return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "array subscript out of range"));
        }
        bounds.push((l, u));
    }
    let mut places = Vec::new();
    collect_places(&array.dims, &bounds, 0, &mut places);
    if source.values.len() < places.len() {
        return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "source array too small"));
    }
    for (place, value) in places.into_iter().zip(&source.values) {
        array.values[place] = value.clone();
    }
    Ok(Datum::Array(Arc::new(array)))
}

/// An array of NULLs with the given bounds.
fn new_block(elem: Oid, wanted: &[(Option<i32>, Option<i32>)]) -> Result<Array> {
    let mut dims = Vec::with_capacity(wanted.len());
    let mut count: i64 = 1;
    for bounds in wanted {
        let (Some(lower), Some(upper)) = *bounds else {
            return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "array slice subscript must provide both boundaries")
                .detail("When assigning to a slice of an empty array value, slice boundaries must be fully specified."));
        };
        let len = (i64::from(upper) - i64::from(lower) + 1).max(0);
        count = count.saturating_mul(len);
        if count > MAX_ELEMENTS {
            return Err(err!(SqlState::PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed ({MAX_ELEMENTS})"));
        }
        dims.push(Dim { len: len as i32, lower });
    }
    Ok(Array { elem, dims, values: vec![Datum::Null; count as usize] })
}

/// Offsets of the elements inside `bounds`, in row-major order.
fn collect_places(dims: &[Dim], bounds: &[(i32, i32)], offset: usize, out: &mut Vec<usize>) {
    let ([dim, inner @ ..], [(lower, upper), rest @ ..]) = (dims, bounds) else {
        out.push(offset);
        return;
    };
    for at in *lower..=*upper {
        collect_places(inner, rest, offset * dim.len as usize + (at - dim.lower) as usize, out);
    }
}

fn assign_json(container: &Datum, indices: &[Index], value: &Datum) -> Result<Datum> {
    let new = match value {
        Datum::Jsonb(json) => (**json).clone(),
        _ => Jsonb::Null,
    };
    let old = match container {
        Datum::Jsonb(json) => Some((**json).clone()),
        _ => None,
    };
    Ok(Datum::Jsonb(Arc::new(put_json(old, indices, new)?)))
}

/// jsonb with the path set; missing containers are made: an array where the subscript is a number, else an object.
fn put_json(old: Option<Jsonb>, path: &[Index], new: Jsonb) -> Result<Jsonb> {
    let Some((Index::At(key), rest)) = path.split_first() else { return Ok(new) };
    if key.is_null() {
        return Err(err!(SqlState::NULL_VALUE_NOT_ALLOWED, "jsonb subscript in assignment must not be null"));
    }
    let numbered = integer(key);
    match (old, numbered) {
        (Some(Jsonb::Array(items)), _) => put_item(items, key, rest, new),
        (Some(Jsonb::Object(mut members)), _) => {
            let name = match key {
                Datum::Text(text) => text.clone(),
                other => integer(other).unwrap_or_default().to_string().into(),
            };
            match members.iter_mut().find(|(k, _)| *k == name) {
                Some((_, slot)) => *slot = put_json(Some(std::mem::replace(slot, Jsonb::Null)), rest, new)?,
                None => {
                    let child = put_json(None, rest, new)?;
                    let at = members.partition_point(|(k, _)| (k.len(), k.as_bytes()) < (name.len(), name.as_bytes()));
                    members.insert(at, (name, child));
                }
            }
            Ok(Jsonb::Object(members))
        }
        (None, Some(_)) => put_item(Vec::new(), key, rest, new),
        (None, None) => put_json(Some(Jsonb::Object(Vec::new())), path, new),
        (Some(_), _) => Err(err!(SqlState::INVALID_PARAMETER_VALUE, "cannot replace existing key")
            .detail("The path assumes key is a composite object, but it is a scalar value.")),
    }
}

fn put_item(mut items: Vec<Jsonb>, key: &Datum, rest: &[Index], new: Jsonb) -> Result<Jsonb> {
    let n = match key {
        Datum::Text(text) => text
            .parse::<i32>()
            .map_err(|_| err!(SqlState::INVALID_TEXT_REPRESENTATION, "path element at position 1 is not an integer: \"{text}\""))?,
        other => integer(other).unwrap_or_default(),
    };
    let place = if n < 0 { items.len() as i64 + i64::from(n) } else { n.into() };
    let Ok(place) = usize::try_from(place) else {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "path element at position 1 is out of range: {n}"));
    };
    let old = (place < items.len()).then(|| std::mem::replace(&mut items[place], Jsonb::Null));
    while items.len() <= place {
        items.push(Jsonb::Null);
    }
    items[place] = put_json(old, rest, new)?;
    Ok(Jsonb::Array(items))
}
