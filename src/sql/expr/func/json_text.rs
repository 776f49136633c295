//! json (text): access by key, index and path, deconstruction. The value's own spelling - spaces, number forms, duplicate keys - is
//! kept, so everything here works on slices of the text, which is known to be valid.

use super::support::*;
use crate::error::Result;
use crate::sql::types::Datum;
use crate::sql::types::json::write_string;
use crate::sql::types::jsonb::Jsonb;

/// The outermost level of a JSON text.
pub enum Raw<'t> {
    /// Keys (unescaped) and values, in order, duplicates included.
    Object(Vec<(String, &'t str)>),
    /// Elements.
    Array(Vec<&'t str>),
    /// Anything else, as written.
    Scalar(&'t str),
}

/// json functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("json_object_field", |_, a| opt_text(field(a[0].as_str(), a[1].as_str())?)),
    f("json_object_field_text", |_, a| plain_text(field(a[0].as_str(), a[1].as_str())?)),
    f("json_array_element", |_, a| opt_text(element(a[0].as_str(), a[1].as_int4().into())?)),
    f("json_array_element_text", |_, a| plain_text(element(a[0].as_str(), a[1].as_int4().into())?)),
    f("json_extract_path", |_, a| opt_text(follow(a)?)),
    f("json_extract_path_text", |_, a| plain_text(follow(a)?)),
    f("json_array_length", |_, a| match open(a[0].as_str())? {
        Raw::Array(values) => int4(values.len()),
        Raw::Object(_) => Err(invalid_parameter("cannot get array length of a non-array")),
        Raw::Scalar(_) => Err(invalid_parameter("cannot get array length of a scalar")),
    }),
    f("json_typeof", |_, a| text(type_name(a[0].as_str()))),
    f("json_strip_nulls", |_, a| {
        let mut out = Vec::new();
        strip_nulls(a[0].as_str(), &mut out)?;
        text(String::from_utf8_lossy(&out))
    }),
    set("json_array_elements", |_, a| {
        let values: Vec<Datum> = elements(a, "json_array_elements")?.into_iter().map(Datum::text).collect();
        Ok(column(values.into_iter()))
    }),
    set("json_array_elements_text", |_, a| {
        let values = elements(a, "json_array_elements_text")?;
        Ok(column(values.into_iter().map(|v| plain_text(Some(v))).collect::<Result<Vec<_>>>()?.into_iter()))
    }),
    set("json_each", |_, a| {
        let rows: Vec<_> = members(a)?.into_iter().map(|(k, v)| Ok(vec![Datum::text(k), Datum::text(v)])).collect();
        Ok(Box::new(rows.into_iter()))
    }),
    set("json_each_text", |_, a| {
        let rows: Vec<_> = members(a)?.into_iter().map(|(k, v)| Ok(vec![Datum::text(k), plain_text(Some(v))?])).collect();
        Ok(Box::new(rows.into_iter()))
    }),
    set("json_object_keys", |_, a| match open(a[0].as_str())? {
        Raw::Object(pairs) => Ok(column(pairs.into_iter().map(|(k, _)| Datum::text(k)).collect::<Vec<_>>().into_iter())),
        Raw::Array(_) => Err(invalid_parameter("cannot call json_object_keys on an array")),
        Raw::Scalar(_) => Err(invalid_parameter("cannot call json_object_keys on a scalar")),
    }),
];

/// Splits a valid JSON text at its outermost level. Errors: 22P05 for keys that cannot be text.
pub fn open(text: &str) -> Result<Raw<'_>> {
    let text = text.trim_matches(is_space);
    match text.as_bytes().first() {
        Some(b'[') => Ok(Raw::Array(parts(&text[1..text.len() - 1]))),
        Some(b'{') => {
            let split = |part: &'_ str| -> (usize, usize) {
                let key_end = string_end(part);
                let colon = key_end + part[key_end..].find(':').unwrap_or(0);
                (key_end, colon + 1)
            };
            let pairs = parts(&text[1..text.len() - 1]).into_iter().map(|part| {
                let (key_end, value) = split(part);
                Ok((unquoted(&part[..key_end])?, part[value..].trim_matches(is_space)))
            });
            Ok(Raw::Object(pairs.collect::<Result<Vec<_>>>()?))
        }
        _ => Ok(Raw::Scalar(text)),
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Where the string a text begins with ends.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The comma-separated parts between brackets or braces.
fn parts(inner: &str) -> Vec<&str> {
    let bytes = inner.as_bytes();
    let (mut found, mut start, mut at, mut depth) = (Vec::new(), 0, 0, 0usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += string_end(&inner[at..]);
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.push(inner[start..at].trim_matches(is_space));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    let last = inner[start..].trim_matches(is_space);
    if !last.is_empty() {
        found.push(last);
    }
    found
}

/// A JSON string's content.
fn unquoted(text: &str) -> Result<String> {
    if !text.contains('\\') && text.len() >= 2 {
        return Ok(text[1..text.len() - 1].to_owned());
    }
    match Jsonb::parse(text)? {
        Jsonb::String(s) => Ok(s.to_string()),
        _ => Ok(text.to_owned()),
    }
}

/// A value as text: strings without quotes and escapes, null as SQL NULL, all else as written.
pub fn plain_text(raw: Option<&str>) -> Result<Datum> {
    match raw.map(|r| r.trim_matches(is_space)) {
        None | Some("null") => Ok(Datum::Null),
        Some(s) if s.starts_with('"') => text(unquoted(s)?),
        Some(s) => text(s),
    }
}

/// What json_typeof says.
pub fn type_name(text: &str) -> &'static str {
    match text.trim_start_matches(is_space).as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

/// The last value of that key.
fn field<'t>(text: &'t str, key: &str) -> Result<Option<&'t str>> {
    match open(text)? {
        Raw::Object(pairs) => Ok(pairs.into_iter().rfind(|(k, _)| k == key).map(|(_, v)| v)),
        _ => Ok(None),
    }
}

fn element(text: &str, index: i64) -> Result<Option<&str>> {
    match open(text)? {
        Raw::Array(values) => {
            let at = if index < 0 { index + values.len() as i64 } else { index };
            Ok(usize::try_from(at).ok().and_then(|i| values.get(i).copied()))
        }
        _ => Ok(None),
    }
}

fn follow(a: &[Datum]) -> Result<Option<&str>> {
    let mut at = a[0].as_str().trim_matches(is_space);
    for step in &a[1].as_array().values {
        let Datum::Text(step) = step else { return Ok(None) };
        let next = match at.as_bytes().first() {
            Some(b'{') => field(at, step)?,
            Some(b'[') => match step.trim_start().parse::<i32>() {
                Ok(i) => element(at, i.into())?,
                Err(_) => None,
            },
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn elements<'t>(a: &'t [Datum], function: &str) -> Result<Vec<&'t str>> {
    match open(a[0].as_str())? {
        Raw::Array(values) => Ok(values),
        Raw::Object(_) => Err(invalid_parameter(format!("cannot call {function} on a non-array"))),
        Raw::Scalar(_) => Err(invalid_parameter(format!("cannot call {function} on a scalar"))),
    }
}

fn members(a: &[Datum]) -> Result<Vec<(String, &str)>> {
    match open(a[0].as_str())? {
        Raw::Object(pairs) => Ok(pairs),
        Raw::Array(_) => Err(invalid_parameter("cannot deconstruct an array as an object")),
        Raw::Scalar(_) => Err(invalid_parameter("cannot deconstruct a scalar")),
    }
}

fn strip_nulls(text: &str, out: &mut Vec<u8>) -> Result<()> {
    match open(text)? {
        Raw::Scalar(s) => out.extend_from_slice(s.as_bytes()),
        Raw::Array(values) => {
            out.push(b'[');
            for (i, value) in values.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                strip_nulls(value, out)?;
            }
            out.push(b']');
        }
        Raw::Object(pairs) => {
            out.push(b'{');
            for (i, (key, value)) in pairs.into_iter().filter(|(_, v)| *v != "null").enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(&key, out);
                out.push(b':');
                strip_nulls(value, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_keep_their_spelling() {
        let doc = " {\"a\": [1, {\"x\":  1.50}],\"b\":\"q,\\\"]\" , \"a\" : 2e1} ";
        assert_eq!(field(doc, "a").unwrap(), Some("2e1"));
        assert_eq!(plain_text(field(doc, "b").unwrap()).unwrap().as_str(), "q,\"]");
        let mut out = Vec::new();
        strip_nulls("{\"a\" : null, \"b\": [null, {\"c\":null}]}", &mut out).unwrap();
        assert_eq!(out, b"{\"b\":[null,{}]}");
        assert_eq!(element("[1, [2,3] ,4]", -2).unwrap(), Some("[2,3]"));
    }
}
