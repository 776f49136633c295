//! JSON objects as rows: json_populate_record, json_to_record and their set forms, for json and jsonb alike.

use super::json_text::{self, Raw};
use super::json_value::field_names;
use super::jsonb::{plain_text, to_text};
use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::array::{Array, Dim};
use crate::sql::types::datum::Record;
use crate::sql::types::io::{self, TypeKind, type_info};
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// Entries by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("json_populate_record", |cx, a| populate_record(cx, a, "json_populate_record")),
    f("jsonb_populate_record", |cx, a| populate_record(cx, a, "jsonb_populate_record")),
    f("json_to_record", |cx, a| to_record(cx, a, "json_to_record")),
    f("jsonb_to_record", |cx, a| to_record(cx, a, "jsonb_to_record")),
    set("json_populate_recordset", |cx, a| populate_set(cx, a, "json_populate_recordset")),
    set("jsonb_populate_recordset", |cx, a| populate_set(cx, a, "jsonb_populate_recordset")),
    set("json_to_recordset", |cx, a| to_set(cx, a, "json_to_recordset")),
    set("jsonb_to_recordset", |cx, a| to_set(cx, a, "jsonb_to_recordset")),
];

/// A JSON value of either type.
#[derive(Clone, Copy)]
enum Value<'v> {
    Text(&'v str),
    Binary(&'v Jsonb),
}

impl<'v> Value<'v> {
    fn of(d: &'v Datum) -> Self {
        match d {
            Datum::Jsonb(v) => Self::Binary(v),
            other => Self::Text(other.as_str()),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Text(s) => json_text::type_name(s),
            Self::Binary(v) => v.type_name(),
        }
    }

    /// Members of an object; the last of equal keys counts.
    fn get(self, key: &str) -> Result<Option<Value<'v>>> {
        Ok(match self {
            Self::Binary(v) => v.get(key).map(Value::Binary),
            Self::Text(s) => match json_text::open(s)? {
                Raw::Object(pairs) => pairs.into_iter().rfind(|(k, _)| k == key).map(|(_, v)| Value::Text(v)),
                _ => None,
            },
        })
    }

    fn elements(self) -> Result<Vec<Value<'v>>> {
        Ok(match self {
            Self::Binary(Jsonb::Array(values)) => values.iter().map(Value::Binary).collect(),
            Self::Text(s) => match json_text::open(s)? {
                Raw::Array(values) => values.into_iter().map(Value::Text).collect(),
                _ => Vec::new(),
            },
            Self::Binary(_) => Vec::new(),
        })
    }

    fn json_text(self) -> String {
        match self {
            Self::Text(s) => s.trim().to_owned(),
            Self::Binary(v) => to_text(v),
        }
    }

    fn plain(self) -> Result<Datum> {
        match self {
            Self::Text(s) => json_text::plain_text(Some(s)),
            Self::Binary(v) => Ok(plain_text(Some(v))),
        }
    }
}

type Columns = Arc<[(SmolStr, Type)]>;

fn not_an_object(value: Value<'_>, function: &str) -> SqlError {
    let what = if value.kind() == "array" { "an array" } else { "a scalar" };
    invalid_parameter(format!("cannot call {function} on {what}"))
}

/// One value as a column's type.
fn convert(cx: &FnCx<'_>, value: Value<'_>, ty: Type, name: &str) -> Result<Datum> {
    let kind = value.kind();
    match ty.oid {
        Oid::JSON if kind != "null" => return text(value.json_text()),
        Oid::JSONB if kind != "null" => return io::input(cx.io, &value.json_text(), ty),
        _ => {}
    }
    if kind == "null" {
        return Ok(Datum::Null);
    }
    let info = type_info(cx.io.types, ty.oid)?;
    match info.kind {
        TypeKind::Domain(base) => convert(cx, value, base, name),
        TypeKind::Array(elem) if kind != "string" => {
            if kind != "array" {
                return Err(expected_array(&[], name));
            }
            convert_array(cx, value, Type { oid: elem, typmod: ty.typmod }, name)
        }
        TypeKind::Composite(columns) if kind != "string" => {
            if kind != "object" {
                return Err(not_an_object(value, "populate_composite"));
            }
            Ok(record(ty.oid, &columns, row(cx, value, &columns, None)?))
        }
        _ => {
            let plain = value.plain()?;
            io::input(cx.io, plain.as_str(), ty)
        }
    }
}

fn expected_array(indices: &[usize], name: &str) -> SqlError {
    let place: String = indices.iter().map(|i| format!("[{i}]")).collect();
    let hint = if indices.is_empty() {
        format!("See the value of key \"{name}\".")
    } else {
        format!("See the array element {place} of key \"{name}\".")
    };
    err!(SqlState::INVALID_TEXT_REPRESENTATION, "expected JSON array").hint(hint)
}

/// Nested JSON arrays are dimensions when the elements at a level are arrays and the element type is not JSON.
fn convert_array(cx: &FnCx<'_>, value: Value<'_>, elem: Type, name: &str) -> Result<Datum> {
    let mut lengths: Vec<usize> = Vec::new();
    let mut level = vec![value];
    loop {
        let rows: Vec<Vec<Value<'_>>> = level.iter().map(|v| v.elements()).collect::<Result<_>>()?;
        let len = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|r| r.len() != len) {
            return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "malformed JSON array")
                .detail("Multidimensional arrays must have sub-arrays with matching dimensions."));
        }
        lengths.push(len);
        level = rows.into_iter().flatten().collect();
        let nested = !matches!(elem.oid, Oid::JSON | Oid::JSONB) && level.first().is_some_and(|v| v.kind() == "array");
        if !nested {
            break;
        }
        if let Some(i) = level.iter().position(|v| v.kind() != "array") {
            return Err(expected_array(&[i], name));
        }
    }
    if level.is_empty() {
        return Ok(Datum::Array(Array::empty(elem.oid).into()));
    }
    let values = level.into_iter().map(|v| convert(cx, v, elem, name)).collect::<Result<Vec<_>>>()?;
    let dims = lengths.into_iter().map(|len| Dim { len: len as i32, lower: 1 }).collect();
    Ok(Datum::Array(Array { elem: elem.oid, dims, values }.into()))
}

/// The columns of an object; missing keys keep the base row's values.
fn row(cx: &FnCx<'_>, value: Value<'_>, columns: &[(SmolStr, Type)], base: Option<&Record>) -> Result<Vec<Datum>> {
    let mut out = Vec::with_capacity(columns.len());
    for (i, (name, ty)) in columns.iter().enumerate() {
        out.push(match value.get(name)? {
            Some(v) => convert(cx, v, *ty, name)?,
            None => base.and_then(|b| b.fields.get(i)).map_or(Datum::Null, |(_, v)| v.clone()),
        });
    }
    Ok(out)
}

fn record(ty: Oid, columns: &[(SmolStr, Type)], values: Vec<Datum>) -> Datum {
    let fields = columns.iter().map(|(_, ty)| *ty).zip(values).collect();
    Datum::Record(Arc::new(Record { ty, fields, names: columns.iter().map(|(n, _)| n.clone()).collect() }))
}

/// The row type of a populate function: its first argument's.
fn base_columns(cx: &FnCx<'_>, a: &[Datum], function: &str) -> Result<(Oid, Columns)> {
    let ty = cx.site.arg_types.first().map_or(Oid::UNKNOWN, |t| t.oid);
    let mut named = ty;
    while let Ok(info) = type_info(cx.io.types, named) {
        match info.kind {
            TypeKind::Composite(columns) => return Ok((ty, columns)),
            TypeKind::Domain(base) => named = base.oid,
            _ => break,
        }
    }
    if let Datum::Record(record) = &a[0] {
        let names = field_names(cx.io, record);
        return Ok((record.ty, names.into_iter().zip(record.fields.iter().map(|(t, _)| *t)).collect()));
    }
    if ty == Oid::RECORD && !cx.site.columns.is_empty() {
        return Ok((ty, cx.site.columns.clone().into()));
    }
    if ty == Oid::RECORD {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "could not determine row type for result of {function}")
            .hint("Provide a non-null record argument, or call the function in the FROM clause using a column definition list."));
    }
    Err(err!(SqlState::DATATYPE_MISMATCH, "first argument of {function} must be a row type"))
}

fn populate_record(cx: &FnCx<'_>, a: &[Datum], function: &str) -> Result<Datum> {
    let (ty, columns) = base_columns(cx, a, function)?;
    if a[1].is_null() {
        return Ok(a[0].clone());
    }
    let value = Value::of(&a[1]);
    if value.kind() != "object" {
        return Err(not_an_object(value, function));
    }
    let base = if let Datum::Record(base) = &a[0] { Some(&**base) } else { None };
    Ok(record(ty, &columns, row(cx, value, &columns, base)?))
}

fn to_record(cx: &FnCx<'_>, a: &[Datum], function: &str) -> Result<Datum> {
    if cx.site.columns.is_empty() {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "could not determine row type for result of {function}")
            .hint("Call the function in the FROM clause using a column definition list."));
    }
    let value = Value::of(&a[0]);
    if value.kind() != "object" {
        return Err(not_an_object(value, function));
    }
    Ok(record(Oid::RECORD, &cx.site.columns, row(cx, value, &cx.site.columns, None)?))
}

fn rows(cx: &FnCx<'_>, json: &Datum, columns: &[(SmolStr, Type)], base: Option<&Record>, function: &str) -> Result<Rows> {
    let value = Value::of(json);
    match value.kind() {
        "array" => {}
        "object" => return Err(invalid_parameter(format!("cannot call {function} on an object"))),
        _ if matches!(value, Value::Binary(_)) => {
            return Err(invalid_parameter(format!("cannot call {function} on a non-array")));
        }
        _ => return Err(invalid_parameter(format!("cannot call {function} on a scalar"))),
    }
    let mut out = Vec::new();
    for element in value.elements()? {
        if element.kind() != "object" {
            return Err(invalid_parameter(format!("argument of {function} must be an array of objects")));
        }
        out.push(Ok(row(cx, element, columns, base)?));
    }
    Ok(Box::new(out.into_iter()))
}

fn populate_set(cx: &FnCx<'_>, a: &[Datum], function: &str) -> Result<Rows> {
    let (_, columns) = base_columns(cx, a, function)?;
    if a[1].is_null() {
        return Ok(Box::new(std::iter::empty()));
    }
    let base = if let Datum::Record(base) = &a[0] { Some(&**base) } else { None };
    rows(cx, &a[1], &columns, base, function)
}

fn to_set(cx: &FnCx<'_>, a: &[Datum], function: &str) -> Result<Rows> {
    if a[0].is_null() {
        return Ok(Box::new(std::iter::empty()));
    }
    if cx.site.columns.is_empty() {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "could not determine row type for result of {function}")
            .hint("Call the function in the FROM clause using a column definition list."));
    }
    rows(cx, &a[0], &cx.site.columns, None, function)
}
