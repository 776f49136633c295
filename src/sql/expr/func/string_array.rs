//! Between strings and arrays or sets of strings: string_to_array, array_to_string, parse_ident, Unicode normal forms.

use super::support::*;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::{Datum, Oid, io};
use unicode_normalization::{UnicodeNormalization, is_nfc, is_nfd, is_nfkc, is_nfkd};

/// Entries by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("text_to_array", |_, a| Ok(fields(a).map_or(Datum::Null, |v| array_of(Oid::TEXT, v)))),
    f("text_to_array_null", |_, a| Ok(fields(a).map_or(Datum::Null, |v| array_of(Oid::TEXT, v)))),
    set("text_to_table", |_, a| Ok(column(fields(a).unwrap_or_default().into_iter()))),
    set("text_to_table_null", |_, a| Ok(column(fields(a).unwrap_or_default().into_iter()))),
    f("array_to_text", |cx, a| join(cx, a)),
    f("array_to_text_null", |cx, a| if a[0].is_null() || a[1].is_null() { Ok(Datum::Null) } else { join(cx, a) }),
    f("parse_ident", |_, a| Ok(text_array(parse_ident(a[0].as_str(), a[1].as_bool())?))),
    f("unicode_normalize_func", |_, a| {
        let s = a[0].as_str();
        text(match form(a[1].as_str())? {
            Form::Nfc => s.nfc().collect::<String>(),
            Form::Nfd => s.nfd().collect(),
            Form::Nfkc => s.nfkc().collect(),
            Form::Nfkd => s.nfkd().collect(),
        })
    }),
    f("unicode_is_normalized", |_, a| {
        let s = a[0].as_str();
        boolean(match form(a[1].as_str())? {
            Form::Nfc => is_nfc(s),
            Form::Nfd => is_nfd(s),
            Form::Nfkc => is_nfkc(s),
            Form::Nfkd => is_nfkd(s),
        })
    }),
];

/// The fields of a string; `None` for a NULL string. A NULL separator splits into characters.
fn fields(a: &[Datum]) -> Option<Vec<Datum>> {
    let Datum::Text(s) = &a[0] else { return None };
    let null = match a.get(2) {
        Some(Datum::Text(null)) => Some(null.as_str()),
        _ => None,
    };
    let field = |s: &str| if Some(s) == null { Datum::Null } else { Datum::text(s) };
    if s.is_empty() {
        return Some(Vec::new());
    }
    Some(match &a[1] {
        Datum::Text(separator) if separator.is_empty() => vec![field(s)],
        Datum::Text(separator) => s.split(separator.as_str()).map(field).collect(),
        _ => s.chars().map(|c| field(c.encode_utf8(&mut [0; 4]))).collect(),
    })
}

fn join(cx: &FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    let array = a[0].as_array();
    let null = match a.get(2) {
        Some(Datum::Text(null)) => Some(null.as_str()),
        _ => None,
    };
    let pieces: Vec<String> = array
        .values
        .iter()
        .filter_map(|v| match v {
            Datum::Null => null.map(str::to_owned),
            other => Some(io::output_string(cx.io, other, array.elem.into())),
        })
        .collect();
    text(pieces.join(a[1].as_str()))
}

enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

fn form(name: &str) -> Result<Form> {
    Ok(match name.to_ascii_uppercase().as_str() {
        "NFC" => Form::Nfc,
        "NFD" => Form::Nfd,
        "NFKC" => Form::Nfkc,
        "NFKD" => Form::Nfkd,
        _ => return Err(invalid_parameter(format!("invalid normalization form: {name}"))),
    })
}

/// The parts of a qualified name, unquoted ones folded to lower case.
fn parse_ident(whole: &str, strict: bool) -> Result<Vec<String>> {
    let invalid = |detail: Option<String>| {
        let e = err!(SqlState::INVALID_PARAMETER_VALUE, "string is not a valid identifier: \"{whole}\"");
        match detail {
            Some(detail) => e.detail(detail),
            None => e,
        }
    };
    let space = |c: char| c.is_ascii() && io::is_space(c as u8);
    let (mut parts, mut rest, mut after_dot) = (Vec::new(), whole.trim_start_matches(space), false);
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (name, tail) = quoted_part(quoted).ok_or_else(|| invalid(Some("String has unclosed double quotes.".into())))?;
            if name.is_empty() {
                return Err(invalid(Some("Quoted identifier must not be empty.".into())));
            }
            parts.push(name);
            rest = tail;
        } else {
            let start = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
            let inner = |c: char| start(c) || c.is_ascii_digit() || c == '$';
            if !rest.starts_with(start) {
                return Err(match rest.chars().next() {
                    Some('.') => invalid(Some("No valid identifier before \".\".".into())),
                    _ if after_dot => invalid(Some("No valid identifier after \".\".".into())),
                    _ => invalid(None),
                });
            }
            let end = rest.find(|c| !inner(c)).unwrap_or(rest.len());
            parts.push(rest[..end].to_ascii_lowercase());
            rest = &rest[end..];
        }
        rest = rest.trim_start_matches(space);
        match rest.chars().next() {
            Some('.') => {
                after_dot = true;
                rest = rest[1..].trim_start_matches(space);
            }
            None => return Ok(parts),
            Some(_) if strict => return Err(invalid(None)),
            Some(_) => return Ok(parts),
        }
    }
}

/// The content of a quoted part and what follows its closing quote.
fn quoted_part(s: &str) -> Option<(String, &str)> {
    let (mut name, mut from) = (String::new(), 0);
    loop {
        let at = from + s[from..].find('"')?;
        name.push_str(&s[from..at]);
        if s[at + 1..].starts_with('"') {
            name.push('"');
            from = at + 2;
        } else {
            return Some((name, &s[at + 1..]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits() {
        let shown = |s: &str, separator: Datum, null: Datum| {
            let fields = fields(&[Datum::text(s), separator, null]).unwrap();
            fields.iter().map(|d| if d.is_null() { "NULL".into() } else { d.as_str().to_owned() }).collect::<Vec<_>>()
        };
        assert_eq!(shown("xx~~yy~~zz", Datum::text("~~"), Datum::text("yy")), ["xx", "NULL", "zz"]);
        assert_eq!(shown("abc", Datum::Null, Datum::Null), ["a", "b", "c"]);
        assert_eq!(shown("abc", Datum::text(""), Datum::Null), ["abc"]);
        assert!(shown("", Datum::text(","), Datum::Null).is_empty());
    }

    #[test]
    fn identifiers() {
        assert_eq!(parse_ident("\"SomeSchema\".someTable", true).unwrap(), ["SomeSchema", "sometable"]);
        assert_eq!(parse_ident("foo.boo[]", false).unwrap(), ["foo", "boo"]);
        let detail = |s: &str| parse_ident(s, true).unwrap_err().fields().detail.clone().unwrap_or_default();
        assert_eq!(detail("\"abc"), "String has unclosed double quotes.");
        assert_eq!(detail("a."), "No valid identifier after \".\".");
        assert_eq!(detail(".a"), "No valid identifier before \".\".");
    }
}
