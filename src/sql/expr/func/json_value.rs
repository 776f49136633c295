//! SQL values as JSON: what to_json, json_build_object, row_to_json and jsonb's versions of them write.
//!
//! Numbers stay numbers (NaN and the infinities become strings), booleans and NULL map directly, dates and timestamps are
//! ISO 8601, json and jsonb go in as they are, arrays and rows recurse; all else is its text form as a string.

use crate::error::Result;
use crate::sql::expr::context::FnCx;
use crate::sql::types::datetime::{DateFormat, DateStyle};
use crate::sql::types::datum::Record;
use crate::sql::types::io::{IoContext, TypeKind, output_string, type_info};
use crate::sql::types::json::write_string;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::numeric::Numeric;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;

/// Field names of a record: its own, its type's, or f1, f2, ...
pub fn field_names(io: &IoContext<'_>, record: &Record) -> Vec<SmolStr> {
    if record.names.len() == record.fields.len() {
        return record.names.to_vec();
    }
    if let Ok(info) = type_info(io.types, record.ty)
        && let TypeKind::Composite(attributes) = info.kind
    {
        return attributes.iter().map(|(name, _)| name.clone()).collect();
    }
    (1..=record.fields.len()).map(|i| SmolStr::new(format!("f{i}"))).collect()
}

/// Text form; dates and times as ISO 8601 whatever DateStyle says.
fn text_form(io: &IoContext<'_>, value: &Datum, ty: Type) -> String {
    match value {
        Datum::Date(_) | Datum::Timestamp(_) | Datum::TimestampTz(_) => {
            let iso = IoContext { date_style: DateStyle { format: DateFormat::Iso, order: io.date_style.order }, ..*io };
            iso_8601(output_string(&iso, value, ty), matches!(value, Datum::TimestampTz(_)))
        }
        Datum::Bool(v) => v.to_string(),
        other => output_string(io, other, ty),
    }
}

/// `2020-01-02 03:04:05+00` to `2020-01-02T03:04:05+00:00`.
fn iso_8601(text: String, zoned: bool) -> String {
    let Some((date, rest)) = text.split_once(' ') else { return text };
    let (clock, era) = match rest.split_once(' ') {
        Some((clock, era)) => (clock, format!(" {era}")),
        None => (rest, String::new()),
    };
    let short_zone = zoned && clock.len() >= 3 && matches!(clock.as_bytes()[clock.len() - 3], b'+' | b'-');
    format!("{date}T{clock}{}{era}", if short_zone { ":00" } else { "" })
}

/// A number JSON can write as it is.
fn json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

/// How a value is written as an object's key.
pub fn key_text(io: &IoContext<'_>, value: &Datum, ty: Type) -> String {
    text_form(io, value, ty)
}

/// Appends a value as JSON text. Line feeds go between the elements or fields of the outermost array or row.
pub fn write_json(cx: &FnCx<'_>, value: &Datum, ty: Type, lines: bool, out: &mut Vec<u8>) -> Result<()> {
    match value {
        Datum::Null => out.extend_from_slice(b"null"),
        Datum::Bool(v) => out.extend_from_slice(if *v { b"true" } else { b"false" }),
        Datum::Int2(_) | Datum::Int4(_) | Datum::Int8(_) | Datum::Float4(_) | Datum::Float8(_) | Datum::Numeric(_) => {
            let text = output_string(cx.io, value, ty);
            if json_number(&text) {
                out.extend_from_slice(text.as_bytes());
            } else {
                write_string(&text, out);
            }
        }
        Datum::Text(s) if ty.oid == Oid::JSON => out.extend_from_slice(s.as_bytes()),
        Datum::Jsonb(v) => v.write(out),
        Datum::Array(array) if !matches!(ty.oid, Oid::INT2VECTOR | Oid::OIDVECTOR) => {
            if array.values.is_empty() {
                out.extend_from_slice(b"[]");
            } else {
                let lengths: Vec<usize> = array.dims.iter().map(|d| d.len as usize).collect();
                write_array(cx, &array.values, &lengths, array.elem, lines, out)?;
            }
        }
        Datum::Record(record) => {
            out.push(b'{');
            for (i, (name, (ty, value))) in field_names(cx.io, record).iter().zip(&record.fields).enumerate() {
                if i > 0 {
                    out.extend_from_slice(if lines { b",\n " } else { b"," });
                }
                write_string(name, out);
                out.push(b':');
                write_json(cx, value, *ty, false, out)?;
            }
            out.push(b'}');
        }
        other => write_string(&text_form(cx.io, other, ty), out),
    }
    Ok(())
}

fn write_array(cx: &FnCx<'_>, values: &[Datum], lengths: &[usize], elem: Oid, lines: bool, out: &mut Vec<u8>) -> Result<()> {
    let [len, inner @ ..] = lengths else { return Ok(()) };
    let size = values.len() / len;
    out.push(b'[');
    for (i, part) in values.chunks(size).enumerate() {
        if i > 0 {
            out.extend_from_slice(if lines { b",\n " } else { b"," });
        }
        if inner.is_empty() {
            write_json(cx, &part[0], elem.into(), false, out)?;
        } else {
            write_array(cx, part, inner, elem, false, out)?;
        }
    }
    out.push(b']');
    Ok(())
}

/// A value as jsonb. Errors: those of parsing a json value.
pub fn to_jsonb(cx: &FnCx<'_>, value: &Datum, ty: Type) -> Result<Jsonb> {
    Ok(match value {
        Datum::Null => Jsonb::Null,
        Datum::Bool(v) => Jsonb::Bool(*v),
        Datum::Int2(v) => Jsonb::Number((*v).into()),
        Datum::Int4(v) => Jsonb::Number((*v).into()),
        Datum::Int8(v) => Jsonb::Number((*v).into()),
        Datum::Float4(_) | Datum::Float8(_) | Datum::Numeric(_) => {
            let text = output_string(cx.io, value, ty);
            if json_number(&text) { Jsonb::Number(Numeric::parse(&text)?) } else { Jsonb::String(text.into()) }
        }
        Datum::Text(s) if ty.oid == Oid::JSON => Jsonb::parse(s)?,
        Datum::Text(s) => Jsonb::String(s.clone()),
        Datum::Jsonb(v) => (**v).clone(),
        Datum::Array(array) if !matches!(ty.oid, Oid::INT2VECTOR | Oid::OIDVECTOR) => {
            if array.values.is_empty() {
                return Ok(Jsonb::Array(Vec::new()));
            }
            let lengths: Vec<usize> = array.dims.iter().map(|d| d.len as usize).collect();
            array_jsonb(cx, &array.values, &lengths, array.elem)?
        }
        Datum::Record(record) => {
            let names = field_names(cx.io, record);
            let pairs = names.into_iter().zip(&record.fields);
            Jsonb::object(pairs.map(|(name, (ty, v))| Ok((name, to_jsonb(cx, v, *ty)?))).collect::<Result<Vec<_>>>()?)
        }
        other => Jsonb::String(text_form(cx.io, other, ty).into()),
    })
}

fn array_jsonb(cx: &FnCx<'_>, values: &[Datum], lengths: &[usize], elem: Oid) -> Result<Jsonb> {
    let [len, inner @ ..] = lengths else { return Ok(Jsonb::Null) };
    let part = |part: &[Datum]| match inner {
        [] => to_jsonb(cx, &part[0], elem.into()),
        _ => array_jsonb(cx, part, inner, elem),
    };
    Ok(Jsonb::Array(values.chunks(values.len() / len).map(part).collect::<Result<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_iso_8601() {
        assert_eq!(iso_8601("2020-01-02 03:04:05.5+00".into(), true), "2020-01-02T03:04:05.5+00:00");
        assert_eq!(iso_8601("2020-01-02 03:04:05+05:30".into(), true), "2020-01-02T03:04:05+05:30");
        assert_eq!(iso_8601("2020-01-02".into(), false), "2020-01-02");
        assert!(json_number("-1.5") && !json_number("NaN") && !json_number("-Infinity"));
    }
}
