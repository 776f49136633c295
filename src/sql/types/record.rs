//! Row values as text, `(1,"a b",)`, and in binary.

use super::array_io::receive_framed;
use super::datum::Record;
use super::io::{IoContext, Reader, TypeKind, framed, is_space, type_info};
use super::typename::format_type_be;
use super::{Datum, Oid, Type, family};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use smol_str::SmolStr;

#[cold]
fn malformed(text: &str, detail: &str) -> SqlError {
    err!(SqlState::INVALID_TEXT_REPRESENTATION, "malformed record literal: \"{text}\"").detail(detail)
}

/// The fields of a composite type. Errors: 0A000 for an anonymous one.
fn fields_of(cx: &IoContext<'_>, ty: Oid) -> Result<std::sync::Arc<[(SmolStr, Type)]>> {
    match type_info(cx.types, ty)?.kind {
        TypeKind::Composite(fields) => Ok(fields),
        _ => Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "input of anonymous composite types is not implemented")),
    }
}

/// Parses row text as a composite type. Errors: 22P02 `malformed record literal`, and the fields' own.
pub(super) fn input(cx: &IoContext<'_>, text: &str, ty: Oid) -> Result<Datum> {
    let types = fields_of(cx, ty)?;
    let skip = |s: &str| s.len() - s.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8)).len();
    let start = skip(text);
    if !text[start..].starts_with('(') {
        return Err(malformed(text, "Missing left parenthesis."));
    }
    let mut at = start + 1;
    let mut fields = Vec::with_capacity(types.len());
    for (i, (_, field_type)) in types.iter().enumerate() {
        if i > 0 {
            if !text[at..].starts_with(',') {
                return Err(malformed(text, "Too few columns."));
            }
            at += 1;
        }
        let value = match text.as_bytes().get(at) {
            Some(b',' | b')') => Datum::Null,
            _ => {
                let (item, end) = unquote(text, at, |c| matches!(c, ',' | ')'), malformed)?;
                at = end;
                family::input(cx, &item, *field_type)?
            }
        };
        fields.push((*field_type, value));
    }
    if !text[at..].starts_with(')') {
        return Err(malformed(text, "Too many columns."));
    }
    if skip(&text[at + 1..]) != text.len() - at - 1 {
        return Err(malformed(text, "Junk after right parenthesis."));
    }
    Ok(Datum::Record(Record { ty, fields, names: std::sync::Arc::from([]) }.into()))
}

/// Reads one item of a row or range up to an unquoted end character: double quotes (doubled inside), backslash escapes. Returns
/// it and where it ends.
pub(super) fn unquote(
    text: &str,
    start: usize,
    ends: impl Fn(char) -> bool,
    malformed: impl Fn(&str, &str) -> SqlError,
) -> Result<(String, usize)> {
    let mut item = String::new();
    let mut quoted = false;
    let mut chars = text[start..].char_indices().peekable();
    loop {
        let Some((at, c)) = chars.next() else { return Err(malformed(text, "Unexpected end of input.")) };
        match c {
            '\\' => match chars.next() {
                Some((_, escaped)) => item.push(escaped),
                None => return Err(malformed(text, "Unexpected end of input.")),
            },
            '"' if !quoted => quoted = true,
            '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                item.push('"');
                chars.next();
            }
            '"' => quoted = false,
            c if !quoted && ends(c) => return Ok((item, start + at)),
            c => item.push(c),
        }
    }
}

/// Quotes what was appended since `start` if row or range text needs it quoted.
pub(super) fn quote_from(out: &mut Vec<u8>, start: usize, special: impl Fn(u8) -> bool) {
    let item = &out[start..];
    if !item.is_empty() && !item.iter().any(|b| special(*b) || matches!(b, b'"' | b'\\') || is_space(*b)) {
        return;
    }
    let item = item.to_vec();
    out.truncate(start);
    out.push(b'"');
    for b in item {
        if matches!(b, b'"' | b'\\') {
            out.push(b);
        }
        out.push(b);
    }
    out.push(b'"');
}

/// Appends row text.
pub(super) fn output(cx: &IoContext<'_>, record: &Record, out: &mut Vec<u8>) {
    out.push(b'(');
    for (i, (ty, value)) in record.fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if !value.is_null() {
            let start = out.len();
            family::output(cx, value, *ty, out);
            quote_from(out, start, |b| matches!(b, b'(' | b')' | b','));
        }
    }
    // Attributes added since the value was made are NULL.
    if record.ty >= Oid::FIRST_NORMAL
        && let Ok(types) = fields_of(cx, record.ty)
    {
        let missing = types.len().saturating_sub(record.fields.len());
        out.extend(std::iter::repeat_n(b',', missing));
    }
    out.push(b')');
}

/// Reads the binary form of a composite type. Errors: 42804, and the fields' own.
pub(super) fn receive(cx: &IoContext<'_>, r: &mut Reader<'_>, ty: Oid) -> Result<Datum> {
    let types = fields_of(cx, ty)?;
    let count = r.i32()?;
    if count as usize != types.len() {
        return Err(err!(SqlState::DATATYPE_MISMATCH, "wrong number of columns: {count}, expected {}", types.len()));
    }
    let mut fields = Vec::with_capacity(types.len());
    for (i, (_, field_type)) in types.iter().enumerate() {
        let found = Oid(r.u32()?);
        if found != field_type.oid {
            let (have, want) = (format_type_be(cx.types, found), format_type_be(cx.types, field_type.oid));
            return Err(err!(
                SqlState::DATATYPE_MISMATCH,
                "binary data has type {found} ({have}) instead of expected {} ({want}) in record column {}",
                field_type.oid,
                i + 1
            ));
        }
        fields.push((*field_type, receive_framed(cx, r, *field_type)?));
    }
    Ok(Datum::Record(Record { ty, fields, names: std::sync::Arc::from([]) }.into()))
}

/// Appends the binary form.
pub(super) fn send(cx: &IoContext<'_>, record: &Record, out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&(record.fields.len() as i32).to_be_bytes());
    for (ty, value) in &record.fields {
        out.extend_from_slice(&ty.oid.0.to_be_bytes());
        if value.is_null() {
            out.extend_from_slice(&(-1i32).to_be_bytes());
        } else {
            framed(out, |out| family::send(cx, value, *ty, out))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::datum::EnumValue;
    use crate::sql::types::io::{self, TypeInfo, TypeLookup};

    /// A catalog with one composite type, `pair(a integer, b text)`.
    struct Pair;
    const PAIR: Oid = Oid(20000);

    impl TypeLookup for Pair {
        fn type_info(&self, oid: Oid) -> Option<TypeInfo> {
            let fields: [(SmolStr, Type); 2] = [("a".into(), Oid::INT4.into()), ("b".into(), Oid::TEXT.into())];
            (oid == PAIR).then(|| TypeInfo { oid, name: "pair".into(), kind: TypeKind::Composite(fields.into()), delim: b',' })
        }
        fn enum_value(&self, _: Oid, _: &str) -> Option<EnumValue> {
            None
        }
        fn enum_label(&self, _: Oid) -> Option<SmolStr> {
            None
        }
        fn reg_in(&self, _: Oid, _: &str) -> Result<Oid> {
            Ok(Oid::INVALID)
        }
        fn reg_out(&self, _: Oid, _: Oid) -> Option<String> {
            None
        }
    }

    #[test]
    fn text_as_postgres() {
        let cx = IoContext { types: &Pair, ..IoContext::plain() };
        let show = |text: &str| match io::input(&cx, text, PAIR.into()) {
            Ok(d) => {
                let mut bytes = Vec::new();
                io::send(&cx, &d, PAIR.into(), &mut bytes).unwrap();
                let back = io::receive(&cx, &bytes, PAIR.into()).unwrap();
                assert!(crate::sql::types::compare::equal(&d, &back));
                io::output_string(&cx, &d, PAIR.into())
            }
            Err(e) => e.fields().detail.clone().unwrap_or_else(|| e.message().into()),
        };
        let cases = [
            ("(1,a)", "(1,a)"),
            (" (,) ", "(,)"),
            ("(1,\"\")", "(1,\"\")"),
            ("(1,\"a \"\"b\"\" \\\\c\")", "(1,\"a \"\"b\"\" \\\\c\")"),
            ("(1)", "Too few columns."),
            ("(1,a,b)", "Too many columns."),
            ("1,a", "Missing left parenthesis."),
            ("(1,a", "Unexpected end of input."),
            ("(1,a) x", "Junk after right parenthesis."),
            ("(x,a)", "invalid input syntax for type integer: \"x\""),
        ];
        for (text, expected) in cases {
            assert_eq!(show(text), expected, "{text}");
        }
    }
}
