//! jsonb: access by key, index and path, containment, change, and casts to SQL types.

use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::jsonb::Jsonb;
use smol_str::SmolStr;
use std::sync::Arc;

fn j(d: &Datum) -> &Jsonb {
    d.as_jsonb()
}

fn jsonb(v: Jsonb) -> Result<Datum> {
    Ok(Datum::Jsonb(Arc::new(v)))
}

fn opt(v: Option<&Jsonb>) -> Result<Datum> {
    Ok(v.map_or(Datum::Null, |v| Datum::Jsonb(Arc::new(v.clone()))))
}

/// The value as text: a string without quotes, JSON null as SQL NULL.
pub fn plain_text(v: Option<&Jsonb>) -> Datum {
    match v {
        None | Some(Jsonb::Null) => Datum::Null,
        Some(Jsonb::String(s)) => Datum::Text(s.clone()),
        Some(other) => Datum::text(to_text(other)),
    }
}

/// The value as JSON text.
pub fn to_text(v: &Jsonb) -> String {
    let mut out = Vec::new();
    v.write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// The non-NULL strings of a text array.
pub fn strings(d: &Datum) -> Vec<&str> {
    d.as_array().values.iter().filter(|v| !v.is_null()).map(Datum::as_str).collect()
}

/// jsonb functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("jsonb_object_field", |_, a| opt(j(&a[0]).get(a[1].as_str()))),
    f("jsonb_object_field_text", |_, a| Ok(plain_text(j(&a[0]).get(a[1].as_str())))),
    f("jsonb_array_element", |_, a| opt(j(&a[0]).at(a[1].as_int4().into()))),
    f("jsonb_array_element_text", |_, a| Ok(plain_text(j(&a[0]).at(a[1].as_int4().into())))),
    f("jsonb_extract_path", |_, a| Ok(follow(a)?.map_or(Datum::Null, |v| Datum::Jsonb(Arc::new(v.clone()))))),
    f("jsonb_extract_path_text", |_, a| Ok(plain_text(follow(a)?))),
    f("jsonb_contains", |_, a| boolean(j(&a[0]).contains(j(&a[1])))),
    f("jsonb_contained", |_, a| boolean(j(&a[1]).contains(j(&a[0])))),
    f("jsonb_exists", |_, a| boolean(j(&a[0]).exists(a[1].as_str()))),
    f("jsonb_exists_any", |_, a| boolean(strings(&a[1]).iter().any(|k| j(&a[0]).exists(k)))),
    f("jsonb_exists_all", |_, a| boolean(strings(&a[1]).iter().all(|k| j(&a[0]).exists(k)))),
    f("jsonb_concat", |_, a| jsonb(concat(j(&a[0]), j(&a[1])))),
    f("jsonb_delete", |_, a| delete_keys(&a[0], &[a[1].as_str()])),
    f("jsonb_delete_array", |_, a| delete_keys(&a[0], &strings(&a[1]))),
    f("jsonb_delete_idx", |_, a| delete_index(&a[0], a[1].as_int4())),
    f("jsonb_delete_path", |_, a| {
        if j(&a[0]).is_scalar() {
            return Err(scalar_error("cannot delete path in scalar"));
        }
        change(&a[0], &a[1], Change::Delete)
    }),
    f("jsonb_set", |_, a| {
        if j(&a[0]).is_scalar() {
            return Err(scalar_error("cannot set path in scalar"));
        }
        change(&a[0], &a[1], Change::Set(j(&a[2]), a[3].as_bool()))
    }),
    f("jsonb_set_lax", |_, a| set_lax(a)),
    f("jsonb_insert", |_, a| {
        if j(&a[0]).is_scalar() {
            return Err(scalar_error("cannot set path in scalar"));
        }
        change(&a[0], &a[1], Change::Insert(j(&a[2]), a[3].as_bool()))
    }),
    f("jsonb_typeof", |_, a| text(j(&a[0]).type_name())),
    f("jsonb_array_length", |_, a| match j(&a[0]) {
        Jsonb::Array(values) => int4(values.len()),
        Jsonb::Object(_) => Err(scalar_error("cannot get array length of a non-array")),
        _ => Err(scalar_error("cannot get array length of a scalar")),
    }),
    f("jsonb_strip_nulls", |_, a| jsonb(strip_nulls(j(&a[0])))),
    f("jsonb_pretty", |_, a| {
        let mut out = Vec::new();
        j(&a[0]).write_pretty(0, &mut out);
        text(String::from_utf8_lossy(&out))
    }),
    f("jsonb_bool", |_, a| match j(&a[0]) {
        Jsonb::Bool(v) => boolean(*v),
        other => Err(cannot_cast(other, "boolean")),
    }),
    f("jsonb_numeric", |_, a| Ok(Datum::Numeric(number(j(&a[0]), "numeric")?))),
    f("jsonb_int2", |_, a| number(j(&a[0]), "smallint")?.to_i16().map(Datum::Int2)),
    f("jsonb_int4", |_, a| number(j(&a[0]), "integer")?.to_i32().map(Datum::Int4)),
    f("jsonb_int8", |_, a| number(j(&a[0]), "bigint")?.to_i64().map(Datum::Int8)),
    f("jsonb_float4", |_, a| number(j(&a[0]), "real")?.to_f32().map(Datum::Float4)),
    f("jsonb_float8", |_, a| number(j(&a[0]), "double precision")?.to_f64().map(Datum::Float8)),
    set("jsonb_array_elements", |_, a| {
        let values = elements(&a[0])?.to_vec();
        Ok(column(values.into_iter().map(|v| Datum::Jsonb(Arc::new(v)))))
    }),
    set("jsonb_array_elements_text", |_, a| {
        let values: Vec<Datum> = elements(&a[0])?.iter().map(|v| plain_text(Some(v))).collect();
        Ok(column(values.into_iter()))
    }),
    set("jsonb_each", |_, a| {
        let pairs = members(&a[0], "jsonb_each")?.to_vec();
        Ok(Box::new(pairs.into_iter().map(|(k, v)| Ok(vec![Datum::Text(k), Datum::Jsonb(Arc::new(v))]))))
    }),
    set("jsonb_each_text", |_, a| {
        let pairs = members(&a[0], "jsonb_each_text")?.to_vec();
        Ok(Box::new(pairs.into_iter().map(|(k, v)| Ok(vec![Datum::Text(k), plain_text(Some(&v))]))))
    }),
    set("jsonb_object_keys", |_, a| match j(&a[0]) {
        Jsonb::Object(pairs) => {
            let keys: Vec<SmolStr> = pairs.iter().map(|(k, _)| k.clone()).collect();
            Ok(column(keys.into_iter().map(Datum::Text)))
        }
        Jsonb::Array(_) => Err(scalar_error("cannot call jsonb_object_keys on an array")),
        _ => Err(scalar_error("cannot call jsonb_object_keys on a scalar")),
    }),
];

#[cold]
fn scalar_error(message: &str) -> SqlError {
    invalid_parameter(message)
}

#[cold]
fn cannot_cast(v: &Jsonb, ty: &str) -> SqlError {
    let kind = match v {
        Jsonb::Number(_) => "numeric",
        other => other.type_name(),
    };
    invalid_parameter(format!("cannot cast jsonb {kind} to type {ty}"))
}

fn number(v: &Jsonb, ty: &str) -> Result<crate::sql::types::numeric::Numeric> {
    match v {
        Jsonb::Number(n) => Ok(n.clone()),
        other => Err(cannot_cast(other, ty)),
    }
}

fn elements(d: &Datum) -> Result<&[Jsonb]> {
    match j(d) {
        Jsonb::Array(values) => Ok(values),
        Jsonb::Object(_) => Err(scalar_error("cannot extract elements from an object")),
        _ => Err(scalar_error("cannot extract elements from a scalar")),
    }
}

fn members<'d>(d: &'d Datum, function: &str) -> Result<&'d [(SmolStr, Jsonb)]> {
    match j(d) {
        Jsonb::Object(pairs) => Ok(pairs),
        _ => Err(scalar_error(&format!("cannot call {function} on a non-object"))),
    }
}

/// An array index written as text.
fn text_index(s: &str) -> Option<i64> {
    let s = s.trim_start();
    s.parse::<i32>().ok().map(i64::from)
}

/// The value at a path; `None` where it leads nowhere or holds a NULL.
fn follow(a: &[Datum]) -> Result<Option<&Jsonb>> {
    if a[1].as_array().values.iter().any(Datum::is_null) {
        return Ok(None);
    }
    let mut at = Some(j(&a[0]));
    for step in strings(&a[1]) {
        at = match at {
            Some(object @ Jsonb::Object(_)) => object.get(step),
            Some(array @ Jsonb::Array(_)) => text_index(step).and_then(|i| array.at(i)),
            _ => None,
        };
    }
    Ok(at)
}

fn concat(x: &Jsonb, y: &Jsonb) -> Jsonb {
    match (x, y) {
        (Jsonb::Object(a), Jsonb::Object(b)) => Jsonb::object(a.iter().chain(b).cloned().collect()),
        _ => {
            let parts = |v: &Jsonb| match v {
                Jsonb::Array(values) => values.clone(),
                other => vec![other.clone()],
            };
            let mut all = parts(x);
            all.extend(parts(y));
            Jsonb::Array(all)
        }
    }
}

fn delete_keys(d: &Datum, keys: &[&str]) -> Result<Datum> {
    jsonb(match j(d) {
        Jsonb::Object(pairs) => Jsonb::Object(pairs.iter().filter(|(k, _)| !keys.contains(&k.as_str())).cloned().collect()),
        Jsonb::Array(values) => {
            let named = |v: &&Jsonb| matches!(v, Jsonb::String(s) if keys.contains(&s.as_str()));
            Jsonb::Array(values.iter().filter(|v| !named(v)).cloned().collect())
        }
        _ => return Err(scalar_error("cannot delete from scalar")),
    })
}

fn delete_index(d: &Datum, index: i32) -> Result<Datum> {
    match j(d) {
        Jsonb::Array(values) => {
            let at = if index < 0 { i64::from(index) + values.len() as i64 } else { index.into() };
            let kept = values.iter().enumerate().filter(|(i, _)| *i as i64 != at).map(|(_, v)| v.clone());
            jsonb(Jsonb::Array(kept.collect()))
        }
        Jsonb::Object(_) => Err(scalar_error("cannot delete from object using integer index")),
        _ => Err(scalar_error("cannot delete from scalar")),
    }
}

fn strip_nulls(v: &Jsonb) -> Jsonb {
    match v {
        Jsonb::Object(pairs) => Jsonb::Object(
            pairs.iter().filter(|(_, v)| !matches!(v, Jsonb::Null)).map(|(k, v)| (k.clone(), strip_nulls(v))).collect(),
        ),
        Jsonb::Array(values) => Jsonb::Array(values.iter().map(strip_nulls).collect()),
        other => other.clone(),
    }
}

/// What to do at the end of a path.
#[derive(Clone, Copy)]
enum Change<'v> {
    Delete,
    /// Replace, or create when missing and allowed.
    Set(&'v Jsonb, bool),
    /// Insert into an array before or after, or a new key.
    Insert(&'v Jsonb, bool),
}

fn change(d: &Datum, path: &Datum, how: Change<'_>) -> Result<Datum> {
    if path.as_array().dims.len() > 1 {
        return Err(SqlError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts"));
    }
    let steps = &path.as_array().values;
    if steps.is_empty() || (j(d).is_scalar()) {
        return Ok(d.clone());
    }
    let empty = matches!(j(d), Jsonb::Array(v) if v.is_empty()) || matches!(j(d), Jsonb::Object(v) if v.is_empty());
    if empty && !matches!(how, Change::Set(_, true) | Change::Insert(..)) {
        return Ok(d.clone());
    }
    jsonb(changed(j(d), steps, 0, how)?)
}

fn changed(v: &Jsonb, steps: &[Datum], level: usize, how: Change<'_>) -> Result<Jsonb> {
    let Datum::Text(step) = &steps[level] else {
        return Err(err!(SqlState::NULL_VALUE_NOT_ALLOWED, "path element at position {} is null", level + 1));
    };
    match v {
        Jsonb::Object(pairs) => change_object(pairs, step, steps, level, how),
        Jsonb::Array(values) => change_array(values, step, steps, level, how),
        scalar => Ok(scalar.clone()),
    }
}

fn change_object(pairs: &[(SmolStr, Jsonb)], key: &str, steps: &[Datum], level: usize, how: Change<'_>) -> Result<Jsonb> {
    let last = level + 1 == steps.len();
    let mut pairs = pairs.to_vec();
    match (pairs.iter().position(|(k, _)| k == key), how) {
        (Some(i), _) if !last => pairs[i].1 = changed(&pairs[i].1, steps, level + 1, how)?,
        (Some(i), Change::Delete) => {
            pairs.remove(i);
        }
        (Some(i), Change::Set(value, _)) => pairs[i].1 = value.clone(),
        (Some(_), Change::Insert(..)) => {
            return Err(
                invalid_parameter("cannot replace existing key").hint("Try using the function jsonb_set to replace key value.")
            );
        }
        (None, Change::Set(value, true) | Change::Insert(value, _)) if last => pairs.push((key.into(), value.clone())),
        (None, _) => {}
    }
    Ok(Jsonb::object(pairs))
}

fn change_array(values: &[Jsonb], step: &str, steps: &[Datum], level: usize, how: Change<'_>) -> Result<Jsonb> {
    let last = level + 1 == steps.len();
    let Some(index) = text_index(step) else {
        return Err(err!(
            SqlState::INVALID_TEXT_REPRESENTATION,
            "path element at position {} is not an integer: \"{step}\"",
            level + 1
        ));
    };
    let len = values.len() as i64;
    let at = if index < 0 { index + len } else { index };
    let inside = (0..len).contains(&at);
    let mut values = values.to_vec();
    match how {
        _ if inside && !last => values[at as usize] = changed(&values[at as usize], steps, level + 1, how)?,
        _ if !last => {}
        Change::Delete if inside => {
            values.remove(at as usize);
        }
        Change::Set(value, _) if inside => values[at as usize] = value.clone(),
        Change::Insert(value, after) if inside => values.insert(at as usize + usize::from(after), value.clone()),
        Change::Set(value, true) | Change::Insert(value, _) => {
            if at < 0 {
                values.insert(0, value.clone());
            } else {
                values.push(value.clone());
            }
        }
        Change::Delete | Change::Set(_, false) => {}
    }
    Ok(Jsonb::Array(values))
}

fn set_lax(a: &[Datum]) -> Result<Datum> {
    if a[0].is_null() || a[1].is_null() || a[3].is_null() {
        return Ok(Datum::Null);
    }
    let Datum::Text(treatment) = &a[4] else {
        return Err(invalid_parameter(
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
        ));
    };
    if !a[2].is_null() {
        if j(&a[0]).is_scalar() {
            return Err(scalar_error("cannot set path in scalar"));
        }
        return change(&a[0], &a[1], Change::Set(j(&a[2]), a[3].as_bool()));
    }
    match treatment.as_str() {
        "raise_exception" => Err(SqlError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "JSON value must not be null")
            .detail("Exception was raised because null_value_treatment is \"raise_exception\".")
            .hint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.")),
        "use_json_null" => change(&a[0], &a[1], Change::Set(&Jsonb::Null, a[3].as_bool())),
        "delete_key" => change(&a[0], &a[1], Change::Delete),
        "return_target" => Ok(a[0].clone()),
        _ => Err(invalid_parameter(
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(s: &str) -> Datum {
        Datum::Jsonb(Arc::new(Jsonb::parse(s).unwrap()))
    }

    fn set(target: &str, path: &[&str], value: &str, create: bool) -> String {
        let value = Jsonb::parse(value).unwrap();
        to_text(j(&change(&doc(target), &text_array(path), Change::Set(&value, create)).unwrap()))
    }

    #[test]
    fn sets_along_a_path() {
        assert_eq!(
            set("[{\"f1\":1,\"f2\":null},2,null,3]", &["0", "f1"], "[2,3,4]", false),
            "[{\"f1\": [2, 3, 4], \"f2\": null}, 2, null, 3]"
        );
        assert_eq!(set("{\"a\":1}", &["b"], "2", true), "{\"a\": 1, \"b\": 2}");
        assert_eq!(set("{\"a\":1}", &["b", "c"], "2", true), "{\"a\": 1}");
        assert_eq!(set("[1,2]", &["-5"], "0", true), "[0, 1, 2]");
        let error = change(&doc("[1]"), &text_array(["x"]), Change::Delete).unwrap_err();
        assert_eq!(error.message(), "path element at position 1 is not an integer: \"x\"");
    }

    #[test]
    fn joins() {
        assert_eq!(to_text(&concat(j(&doc("{\"a\":1}")), j(&doc("{\"a\":2,\"b\":3}")))), "{\"a\": 2, \"b\": 3}");
        assert_eq!(to_text(&concat(j(&doc("1")), j(&doc("[2]")))), "[1, 2]");
    }
}
