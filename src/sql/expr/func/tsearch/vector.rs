//! Vector functions: joining, weights, deletion, arrays, and reading a document's tokens.

use super::config::stem;
use super::tokens::{KINDS, tokens};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::func::support::*;
use crate::sql::types::tsearch::{MAX_POSITION, TsVector};
use crate::sql::types::{Datum, Oid, io};
use std::sync::Arc;

fn v(d: &Datum) -> Result<&TsVector> {
    match d {
        Datum::TsVector(v) => Ok(v),
        _ => Err(SqlError::internal("not a tsvector")),
    }
}

fn vector(v: TsVector) -> Result<Datum> {
    Ok(Datum::TsVector(Arc::new(v)))
}

/// Entries by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("tsvector_length", |_, a| int4(v(&a[0])?.lexemes.len())),
    f("tsvector_strip", |_, a| {
        vector(TsVector { lexemes: v(&a[0])?.lexemes.iter().map(|(l, _)| (l.clone(), Vec::new())).collect() })
    }),
    f("tsvector_concat", |_, a| concat(v(&a[0])?, v(&a[1])?)),
    f("tsvector_setweight", |_, a| weighted(v(&a[0])?, weight(&a[1])?, None)),
    f("tsvector_setweight_by_filter", |_, a| {
        let wanted = names(&a[2])?;
        weighted(v(&a[0])?, weight(&a[1])?, Some(&wanted))
    }),
    f("tsvector_delete_str", |_, a| without(v(&a[0])?, &[a[1].as_str().to_owned()])),
    f("tsvector_delete_arr", |_, a| without(v(&a[0])?, &names(&a[1])?)),
    f("tsvector_to_array", |_, a| Ok(text_array(v(&a[0])?.lexemes.iter().map(|(l, _)| l)))),
    f("array_to_tsvector", |_, a| {
        let lexemes = names(&a[0])?;
        if lexemes.iter().any(String::is_empty) {
            return Err(err!(SqlState::ZERO_LENGTH_CHARACTER_STRING, "lexeme array may not contain empty strings"));
        }
        vector(TsVector::new(lexemes.into_iter().map(|l| (l, Vec::new())).collect()))
    }),
    f("tsvector_filter", |_, a| filtered(v(&a[0])?, &a[1])),
    f("ts_lexize", |cx, a| {
        let name = io::output_string(cx.io, &a[0], Oid::REGDICTIONARY.into());
        let word = crate::sql::expr::func::case::lower(a[1].as_str(), Oid::INVALID);
        let stemmed = if name.ends_with("english_stem") { stem(&word) } else { Some(word) };
        Ok(text_array(stemmed))
    }),
    set("tsvector_unnest", |_, a| {
        let rows: Vec<_> = v(&a[0])?.lexemes.iter().map(|entry| Ok(unnested(entry))).collect();
        Ok(Box::new(rows.into_iter()))
    }),
    set("ts_token_type_byid", |_, _| Ok(token_types())),
    set("ts_token_type_byname", |_, _| Ok(token_types())),
    set("ts_parse_byid", |_, a| Ok(parsed(a[1].as_str()))),
    set("ts_parse_byname", |_, a| Ok(parsed(a[1].as_str()))),
];

fn token_types() -> Rows {
    Box::new(KINDS.iter().map(|(id, alias, text)| Ok(vec![Datum::Int4(*id), Datum::text(*alias), Datum::text(*text)])))
}

fn parsed(document: &str) -> Rows {
    let rows: Vec<_> = tokens(document).iter().map(|t| Ok(vec![Datum::Int4(t.kind as i32), Datum::text(t.text)])).collect();
    Box::new(rows.into_iter())
}

fn unnested((lexeme, positions): &(String, Vec<(u16, u8)>)) -> Vec<Datum> {
    if positions.is_empty() {
        return vec![Datum::text(lexeme), Datum::Null, Datum::Null];
    }
    let numbers = positions.iter().map(|(p, _)| Datum::Int2(*p as i16)).collect();
    let weights = positions.iter().map(|(_, w)| Datum::text(["D", "C", "B", "A"][usize::from(*w & 3)])).collect();
    vec![Datum::text(lexeme), array_of(Oid::INT2, numbers), array_of(Oid::TEXT, weights)]
}

fn weight(d: &Datum) -> Result<u8> {
    let c = match d {
        Datum::Char(c) => *c,
        _ => 0,
    };
    match c.to_ascii_uppercase() {
        b'A' => Ok(3),
        b'B' => Ok(2),
        b'C' => Ok(1),
        b'D' => Ok(0),
        _ => Err(err!(SqlState::INTERNAL_ERROR, "unrecognized weight: {c}")),
    }
}

fn names(d: &Datum) -> Result<Vec<String>> {
    let refuse = || err!(SqlState::NULL_VALUE_NOT_ALLOWED, "lexeme array may not contain nulls");
    d.as_array().values.iter().map(|x| if x.is_null() { Err(refuse()) } else { Ok(x.as_str().to_owned()) }).collect()
}

fn weighted(v: &TsVector, weight: u8, only: Option<&[String]>) -> Result<Datum> {
    let changed = v.lexemes.iter().map(|(lexeme, positions)| {
        let applies = only.is_none_or(|only| only.contains(lexeme));
        let positions = positions.iter().map(|(p, w)| (*p, if applies { weight } else { *w })).collect();
        (lexeme.clone(), positions)
    });
    vector(TsVector { lexemes: changed.collect() })
}

fn without(v: &TsVector, gone: &[String]) -> Result<Datum> {
    vector(TsVector { lexemes: v.lexemes.iter().filter(|(l, _)| !gone.contains(l)).cloned().collect() })
}

/// The second vector's positions follow the first's last.
fn concat(x: &TsVector, y: &TsVector) -> Result<Datum> {
    let last = x.lexemes.iter().flat_map(|(_, p)| p).map(|(p, _)| *p).max().unwrap_or(0);
    let moved = y.lexemes.iter().map(|(lexeme, positions)| {
        let positions = positions.iter().map(|(p, w)| (p.saturating_add(last).min(MAX_POSITION), *w)).collect();
        (lexeme.clone(), positions)
    });
    vector(TsVector::new(x.lexemes.iter().cloned().chain(moved).collect()))
}

fn filtered(v: &TsVector, weights: &Datum) -> Result<Datum> {
    let mut mask = 0u8;
    for w in &weights.as_array().values {
        let Datum::Char(c) = w else {
            return Err(err!(SqlState::NULL_VALUE_NOT_ALLOWED, "weight array may not contain nulls"));
        };
        let weight = weight(w).map_err(|_| invalid_parameter(format!("unrecognized weight: \"{}\"", char::from(*c))))?;
        mask |= 1 << weight;
    }
    let kept = v.lexemes.iter().filter_map(|(lexeme, positions)| {
        let kept: Vec<(u16, u8)> = positions.iter().filter(|(_, w)| mask & (1 << w) != 0).copied().collect();
        (!kept.is_empty()).then(|| (lexeme.clone(), kept))
    });
    vector(TsVector { lexemes: kept.collect() })
}
