//! to_tsvector for text, json and jsonb.

use super::config::Config;
use super::tokens::tokens;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::expr::func::support::*;
use crate::sql::types::Datum;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::tsearch::{MAX_POSITION, TsVector};
use std::sync::Arc;

/// Entries by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("to_tsvector", |cx, a| vector(text_vector(Config::default(cx)?, a[0].as_str()))),
    f("to_tsvector_byid", |cx, a| vector(text_vector(Config::of(cx, &a[0])?, a[1].as_str()))),
    f("jsonb_string_to_tsvector", |cx, a| strings(Config::default(cx)?, &a[0])),
    f("jsonb_string_to_tsvector_byid", |cx, a| strings(Config::of(cx, &a[0])?, &a[1])),
    f("json_string_to_tsvector", |cx, a| strings(Config::default(cx)?, &a[0])),
    f("json_string_to_tsvector_byid", |cx, a| strings(Config::of(cx, &a[0])?, &a[1])),
    f("jsonb_to_tsvector", |cx, a| selected(Config::default(cx)?, &a[0], &a[1])),
    f("jsonb_to_tsvector_byid", |cx, a| selected(Config::of(cx, &a[0])?, &a[1], &a[2])),
    f("json_to_tsvector", |cx, a| selected(Config::default(cx)?, &a[0], &a[1])),
    f("json_to_tsvector_byid", |cx, a| selected(Config::of(cx, &a[0])?, &a[1], &a[2])),
    f("get_current_ts_config", |cx, _| Config::default_oid(cx)),
];

fn vector(v: TsVector) -> Result<Datum> {
    Ok(Datum::TsVector(Arc::new(v)))
}

/// Adds a text's lexemes, positions after `position`; the last position used.
fn add(config: Config, text: &str, mut position: u32, lexemes: &mut Vec<(String, Vec<(u16, u8)>)>) -> u32 {
    for token in tokens(text) {
        let Some(lexeme) = config.lexeme(token.kind, token.text) else { continue };
        position += 1;
        if let Some(lexeme) = lexeme.filter(|l| !l.is_empty()) {
            lexemes.push((lexeme, vec![(position.min(MAX_POSITION.into()) as u16, 0)]));
        }
    }
    position
}

/// A document's vector.
pub fn text_vector(config: Config, text: &str) -> TsVector {
    let mut lexemes = Vec::new();
    add(config, text, 0, &mut lexemes);
    TsVector::new(lexemes)
}

/// What of a JSON document is indexed.
#[derive(Clone, Copy, Default)]
struct Wanted {
    strings: bool,
    numbers: bool,
    booleans: bool,
    keys: bool,
}

fn document(d: &Datum) -> Result<Arc<Jsonb>> {
    match d {
        Datum::Jsonb(v) => Ok(v.clone()),
        other => Ok(Arc::new(Jsonb::parse(other.as_str())?)),
    }
}

fn walk(v: &Jsonb, wanted: Wanted, found: &mut Vec<String>) {
    match v {
        Jsonb::String(s) if wanted.strings => found.push(s.to_string()),
        Jsonb::Number(n) if wanted.numbers => found.push(n.to_string()),
        Jsonb::Bool(b) if wanted.booleans => found.push(b.to_string()),
        Jsonb::Array(values) => values.iter().for_each(|v| walk(v, wanted, found)),
        Jsonb::Object(pairs) => {
            for (key, value) in pairs {
                if wanted.keys {
                    found.push(key.to_string());
                }
                walk(value, wanted, found);
            }
        }
        _ => {}
    }
}

fn indexed(config: Config, d: &Datum, wanted: Wanted) -> Result<Datum> {
    let mut found = Vec::new();
    walk(&*document(d)?, wanted, &mut found);
    let (mut lexemes, mut position) = (Vec::new(), 0);
    for text in found {
        let last = add(config, &text, position, &mut lexemes);
        // A gap keeps phrases from matching across values.
        position = if last > position { last + 1 } else { last };
    }
    vector(TsVector::new(lexemes))
}

fn strings(config: Config, d: &Datum) -> Result<Datum> {
    indexed(config, d, Wanted { strings: true, ..Wanted::default() })
}

fn selected(config: Config, d: &Datum, flags: &Datum) -> Result<Datum> {
    let refuse = |message: &str| Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message));
    let mut wanted = Wanted::default();
    let flags = match &**flags.as_jsonb() {
        Jsonb::Array(values) => values.clone(),
        one @ Jsonb::String(_) => vec![one.clone()],
        _ => return refuse("wrong flag type, only arrays and scalars are allowed"),
    };
    for flag in &flags {
        let Jsonb::String(flag) = flag else {
            return Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, "flag array element is not a string")
                .hint("Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\"."));
        };
        match flag.to_ascii_lowercase().as_str() {
            "all" => wanted = Wanted { strings: true, numbers: true, booleans: true, keys: true },
            "key" => wanted.keys = true,
            "string" => wanted.strings = true,
            "numeric" => wanted.numbers = true,
            "boolean" => wanted.booleans = true,
            _ => {
                return Err(invalid_parameter(format!("wrong flag in flag array: \"{flag}\""))
                    .hint("Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\"."));
            }
        }
    }
    indexed(config, d, wanted)
}

/// The configuration a call with or without its own uses.
pub fn configured<'d>(cx: &FnCx<'_>, a: &'d [Datum], with: usize) -> Result<(Config, &'d [Datum])> {
    if a.len() == with { Ok((Config::of(cx, &a[0])?, &a[1..])) } else { Ok((Config::default(cx)?, a)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_documents() {
        let mut out = Vec::new();
        text_vector(Config::English, "The quick brown foxes jumped over the lazy dogs").write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "'brown':3 'dog':9 'fox':4 'jump':5 'lazi':8 'quick':2");
    }
}
