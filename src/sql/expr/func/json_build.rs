//! Functions that make JSON out of SQL values: to_json, array_to_json, row_to_json, json_build_object and _array, json_object.

use super::json_value::{key_text, to_jsonb, write_json};
use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::json::write_string;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// Entries by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("to_json", |cx, a| json(cx, &a[0], false)),
    f("array_to_json", |cx, a| json(cx, &a[0], false)),
    f("array_to_json_pretty", |cx, a| json(cx, &a[0], a[1].as_bool())),
    f("row_to_json", |cx, a| json(cx, &a[0], false)),
    f("row_to_json_pretty", |cx, a| json(cx, &a[0], a[1].as_bool())),
    f("to_jsonb", |cx, a| jsonb(to_jsonb(cx, &a[0], cx.site.arg_types[0])?)),
    f("json_build_array", |cx, a| build_array(cx, a)),
    f("json_build_array_noargs", |_, _| text("[]")),
    f("json_build_object", |cx, a| build_object(cx, a)),
    f("json_build_object_noargs", |_, _| text("{}")),
    f("jsonb_build_array", |cx, a| {
        let Some(args) = arguments(cx, a) else { return Ok(Datum::Null) };
        jsonb(Jsonb::Array(args.iter().map(|(v, t)| to_jsonb(cx, v, *t)).collect::<Result<Vec<_>>>()?))
    }),
    f("jsonb_build_array_noargs", |_, _| jsonb(Jsonb::Array(Vec::new()))),
    f("jsonb_build_object", |cx, a| build_jsonb_object(cx, a)),
    f("jsonb_build_object_noargs", |_, _| jsonb(Jsonb::Object(Vec::new()))),
    f("json_object", |_, a| object_text(pairs(&a[0])?)),
    f("json_object_two_arg", |_, a| object_text(zipped(&a[0], &a[1])?)),
    f("jsonb_object", |_, a| object_jsonb(pairs(&a[0])?)),
    f("jsonb_object_two_arg", |_, a| object_jsonb(zipped(&a[0], &a[1])?)),
];

fn jsonb(v: Jsonb) -> Result<Datum> {
    Ok(Datum::Jsonb(Arc::new(v)))
}

fn json_text(out: Vec<u8>) -> Result<Datum> {
    text(String::from_utf8(out).map_err(|_| SqlError::internal("JSON text is not UTF-8"))?)
}

fn json(cx: &FnCx<'_>, value: &Datum, lines: bool) -> Result<Datum> {
    let mut out = Vec::new();
    write_json(cx, value, cx.site.arg_types[0], lines, &mut out)?;
    json_text(out)
}

/// The call's arguments with types; VARIADIC spreads an array, and a NULL array makes the result NULL.
fn arguments(cx: &FnCx<'_>, a: &[Datum]) -> Option<Vec<(Datum, Type)>> {
    if !cx.site.variadic {
        return Some(a.iter().cloned().zip(cx.site.arg_types.iter().copied()).collect());
    }
    match a.first() {
        Some(Datum::Array(array)) => Some(array.values.iter().map(|v| (v.clone(), array.elem.into())).collect()),
        _ => None,
    }
}

fn build_array(cx: &FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let Some(args) = arguments(cx, a) else { return Ok(Datum::Null) };
    let mut out = vec![b'['];
    for (i, (value, ty)) in args.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        write_json(cx, value, *ty, false, &mut out)?;
    }
    out.push(b']');
    json_text(out)
}

fn even(args: &[(Datum, Type)], function: &str) -> Result<()> {
    if args.len() % 2 == 1 {
        return Err(invalid_parameter("argument list must have even number of elements")
            .hint(format!("The arguments of {function}() must consist of alternating keys and values.")));
    }
    Ok(())
}

fn scalar_key(value: &Datum, ty: Type) -> Result<()> {
    if matches!(value, Datum::Array(_) | Datum::Record(_) | Datum::Jsonb(_)) || ty.oid == Oid::JSON {
        return Err(invalid_parameter("key value must be scalar, not array, composite, or json"));
    }
    Ok(())
}

fn build_object(cx: &FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let Some(args) = arguments(cx, a) else { return Ok(Datum::Null) };
    even(&args, "json_build_object")?;
    let mut out = vec![b'{'];
    for (i, pair) in args.chunks(2).enumerate() {
        let (key, key_type) = &pair[0];
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        if key.is_null() {
            return Err(invalid_parameter(format!("argument {} cannot be null", i * 2 + 1)).hint("Object keys should be text."));
        }
        scalar_key(key, *key_type)?;
        write_string(&key_text(cx.io, key, *key_type), &mut out);
        out.extend_from_slice(b" : ");
        write_json(cx, &pair[1].0, pair[1].1, false, &mut out)?;
    }
    out.push(b'}');
    json_text(out)
}

fn build_jsonb_object(cx: &FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let Some(args) = arguments(cx, a) else { return Ok(Datum::Null) };
    even(&args, "jsonb_build_object")?;
    let mut members = Vec::with_capacity(args.len() / 2);
    for (i, pair) in args.chunks(2).enumerate() {
        let (key, key_type) = &pair[0];
        if key.is_null() {
            return Err(invalid_parameter(format!("argument {}: key must not be null", i * 2 + 1)));
        }
        scalar_key(key, *key_type)?;
        members.push((SmolStr::new(key_text(cx.io, key, *key_type)), to_jsonb(cx, &pair[1].0, pair[1].1)?));
    }
    jsonb(Jsonb::object(members))
}

type Pairs<'d> = Vec<(&'d str, Option<&'d str>)>;

fn null_key() -> SqlError {
    err!(SqlState::NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key")
}

fn optional(d: &Datum) -> Option<&str> {
    if d.is_null() { None } else { Some(d.as_str()) }
}

/// Keys and values from one array: alternating, or two columns.
fn pairs(d: &Datum) -> Result<Pairs<'_>> {
    let array = d.as_array();
    let subscript = |message: &str| Err(SqlError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message));
    match array.dims[..] {
        [] => return Ok(Vec::new()),
        [one] if one.len % 2 == 1 => return subscript("array must have even number of elements"),
        [_] => {}
        [_, second] if second.len != 2 => return subscript("array must have two columns"),
        [_, _] => {}
        _ => return subscript("wrong number of array subscripts"),
    }
    array.values.chunks(2).map(|p| Ok((optional(&p[0]).ok_or_else(null_key)?, optional(&p[1])))).collect()
}

fn zipped<'d>(keys: &'d Datum, values: &'d Datum) -> Result<Pairs<'d>> {
    let (keys, values) = (keys.as_array(), values.as_array());
    if keys.dims.len() > 1 || keys.dims.len() != values.dims.len() {
        return Err(SqlError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"));
    }
    if keys.len() != values.len() {
        return Err(SqlError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, "mismatched array dimensions"));
    }
    keys.values.iter().zip(&values.values).map(|(k, v)| Ok((optional(k).ok_or_else(null_key)?, optional(v)))).collect()
}

fn object_text(pairs: Pairs<'_>) -> Result<Datum> {
    let mut out = vec![b'{'];
    for (i, (key, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        write_string(key, &mut out);
        out.extend_from_slice(b" : ");
        match value {
            Some(value) => write_string(value, &mut out),
            None => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
    json_text(out)
}

fn object_jsonb(pairs: Pairs<'_>) -> Result<Datum> {
    let value = |v: Option<&str>| v.map_or(Jsonb::Null, |s| Jsonb::String(s.into()));
    jsonb(Jsonb::object(pairs.into_iter().map(|(k, v)| (k.into(), value(v))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_from_arrays() {
        let object = object_text(pairs(&text_array(["a", "1", "b", "x\"y"])).unwrap()).unwrap();
        assert_eq!(object.as_str(), "{\"a\" : \"1\", \"b\" : \"x\\\"y\"}");
        assert_eq!(pairs(&text_array(["a"])).unwrap_err().message(), "array must have even number of elements");
        let error = zipped(&text_array(["a"]), &text_array(["1", "2"])).unwrap_err();
        assert_eq!(error.message(), "mismatched array dimensions");
    }
}
