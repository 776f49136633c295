//! Query functions: making queries, `@@`, query algebra, ranking, headlines.

use super::config::Config;
use super::document::{configured, text_vector};
use super::{headline, matching, query, rank};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::func::support::*;
use crate::sql::types::Datum;
use crate::sql::types::tsearch::{TsQuery, TsVector};
use std::sync::Arc;

fn v(d: &Datum) -> Result<&TsVector> {
    match d {
        Datum::TsVector(v) => Ok(v),
        _ => Err(SqlError::internal("not a tsvector")),
    }
}

fn q(d: &Datum) -> Result<&TsQuery> {
    match d {
        Datum::TsQuery(q) => Ok(q),
        _ => Err(SqlError::internal("not a tsquery")),
    }
}

fn tsquery(q: TsQuery) -> Result<Datum> {
    Ok(Datum::TsQuery(Arc::new(q)))
}

/// Entries by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("to_tsquery", |cx, a| tsquery(query::from_operators(Config::default(cx)?, a[0].as_str())?)),
    f("to_tsquery_byid", |cx, a| tsquery(query::from_operators(Config::of(cx, &a[0])?, a[1].as_str())?)),
    f("plainto_tsquery", |cx, a| tsquery(query::all_words(Config::default(cx)?, a[0].as_str()))),
    f("plainto_tsquery_byid", |cx, a| tsquery(query::all_words(Config::of(cx, &a[0])?, a[1].as_str()))),
    f("phraseto_tsquery", |cx, a| tsquery(query::phrase(Config::default(cx)?, a[0].as_str()))),
    f("phraseto_tsquery_byid", |cx, a| tsquery(query::phrase(Config::of(cx, &a[0])?, a[1].as_str()))),
    f("websearch_to_tsquery", |cx, a| tsquery(query::web(Config::default(cx)?, a[0].as_str()))),
    f("websearch_to_tsquery_byid", |cx, a| tsquery(query::web(Config::of(cx, &a[0])?, a[1].as_str()))),
    f("ts_match_vq", |_, a| boolean(matching::matches(v(&a[0])?, q(&a[1])?))),
    f("ts_match_qv", |_, a| boolean(matching::matches(v(&a[1])?, q(&a[0])?))),
    f("ts_match_tt", |cx, a| {
        let config = Config::default(cx)?;
        boolean(matching::matches(&text_vector(config, a[0].as_str()), &query::all_words(config, a[1].as_str())))
    }),
    f("ts_match_tq", |cx, a| boolean(matching::matches(&text_vector(Config::default(cx)?, a[0].as_str()), q(&a[1])?))),
    f("tsquery_and", |_, a| join(q(&a[0])?, q(&a[1])?, TsQuery::And)),
    f("tsquery_or", |_, a| join(q(&a[0])?, q(&a[1])?, TsQuery::Or)),
    f("tsquery_not", |_, a| match q(&a[0])? {
        TsQuery::Empty => tsquery(TsQuery::Empty),
        other => tsquery(TsQuery::Not(Box::new(other.clone()))),
    }),
    f("tsquery_phrase", |_, a| join(q(&a[0])?, q(&a[1])?, |a, b| TsQuery::Phrase(a, b, 1))),
    f("tsquery_phrase_distance", |_, a| {
        let distance = a[2].as_int4();
        if !(0..=16384).contains(&distance) {
            return Err(invalid_parameter("distance in phrase operator must be an integer value between zero and 16384 inclusive"));
        }
        join(q(&a[0])?, q(&a[1])?, |a, b| TsQuery::Phrase(a, b, distance as u16))
    }),
    f("tsquery_numnode", |_, a| int4(q(&a[0])?.node_count())),
    f("tsquerytree", |_, a| text(tree(q(&a[0])?))),
    f("tsq_mcontains", |_, a| contains(q(&a[0])?, q(&a[1])?)),
    f("tsq_mcontained", |_, a| contains(q(&a[1])?, q(&a[0])?)),
    f("tsquery_rewrite", |_, a| {
        let rewritten = rewrite(q(&a[0])?, q(&a[1])?, q(&a[2])?);
        tsquery(rewritten.unwrap_or(TsQuery::Empty))
    }),
    f("ts_rank_wttf", |_, a| ranked(weights(&a[0])?, &a[1..], a[3].as_int4())),
    f("ts_rank_wtt", |_, a| ranked(weights(&a[0])?, &a[1..], 0)),
    f("ts_rank_ttf", |_, a| ranked(rank::WEIGHTS, a, a[2].as_int4())),
    f("ts_rank_tt", |_, a| ranked(rank::WEIGHTS, a, 0)),
    f("ts_headline", |cx, a| headlined(cx, a, 3)),
    f("ts_headline_byid", |cx, a| headlined(cx, a, 3)),
    f("ts_headline_opt", |cx, a| headlined(cx, a, 4)),
    f("ts_headline_byid_opt", |cx, a| headlined(cx, a, 4)),
];

fn headlined(cx: &crate::sql::expr::context::FnCx<'_>, a: &[Datum], with_config: usize) -> Result<Datum> {
    let (config, rest) = configured(cx, a, with_config)?;
    let options = if let Some(Datum::Text(o)) = rest.get(2) { headline::Options::parse(o)? } else { headline::Options::default() };
    text(headline::headline(config, rest[0].as_str(), q(&rest[1])?, &options))
}

fn join(a: &TsQuery, b: &TsQuery, make: impl Fn(Box<TsQuery>, Box<TsQuery>) -> TsQuery) -> Result<Datum> {
    tsquery(match (a, b) {
        (TsQuery::Empty, other) | (other, TsQuery::Empty) => other.clone(),
        (a, b) => make(Box::new(a.clone()), Box::new(b.clone())),
    })
}

/// The lexemes a query names, sorted.
pub fn operands(q: &TsQuery) -> Vec<&TsQuery> {
    match q {
        TsQuery::Empty => Vec::new(),
        leaf @ TsQuery::Lexeme(..) => vec![leaf],
        TsQuery::Not(inner) => operands(inner),
        TsQuery::And(a, b) | TsQuery::Or(a, b) | TsQuery::Phrase(a, b, _) => {
            let mut all = operands(a);
            all.extend(operands(b));
            all
        }
    }
}

fn contains(outer: &TsQuery, inner: &TsQuery) -> Result<Datum> {
    let words =
        |q| operands(q).into_iter().map(|l| if let TsQuery::Lexeme(w, ..) = l { w.as_str() } else { "" }).collect::<Vec<_>>();
    let outer: Vec<&str> = words(outer);
    boolean(words(inner).iter().all(|w| outer.contains(w)))
}

/// The part of a query an index can search: without negations; `T` when nothing is left.
fn tree(q: &TsQuery) -> String {
    fn positive(q: &TsQuery) -> Option<TsQuery> {
        match q {
            TsQuery::Empty | TsQuery::Not(_) => None,
            leaf @ TsQuery::Lexeme(..) => Some(leaf.clone()),
            TsQuery::Or(a, b) => Some(TsQuery::Or(Box::new(positive(a)?), Box::new(positive(b)?))),
            TsQuery::And(a, b) => match (positive(a), positive(b)) {
                (Some(a), Some(b)) => Some(TsQuery::And(Box::new(a), Box::new(b))),
                (one, other) => one.or(other),
            },
            TsQuery::Phrase(a, b, n) => match (positive(a), positive(b)) {
                (Some(a), Some(b)) => Some(TsQuery::Phrase(Box::new(a), Box::new(b), *n)),
                (one, other) => one.or(other),
            },
        }
    }
    if *q == TsQuery::Empty {
        return String::new();
    }
    match positive(q) {
        None => "T".into(),
        Some(q) => {
            let mut out = Vec::new();
            q.write(&mut out);
            String::from_utf8(out).unwrap_or_default()
        }
    }
}

/// A query with every occurrence of `target` replaced; `None` when nothing is left.
fn rewrite(q: &TsQuery, target: &TsQuery, substitute: &TsQuery) -> Option<TsQuery> {
    if *target == TsQuery::Empty {
        return Some(q.clone());
    }
    if q == target {
        return (*substitute != TsQuery::Empty).then(|| substitute.clone());
    }
    let both = |a: &TsQuery, b: &TsQuery, make: &dyn Fn(Box<TsQuery>, Box<TsQuery>) -> TsQuery| match (
        rewrite(a, target, substitute),
        rewrite(b, target, substitute),
    ) {
        (Some(a), Some(b)) => Some(make(Box::new(a), Box::new(b))),
        (one, other) => one.or(other),
    };
    match q {
        TsQuery::Not(inner) => rewrite(inner, target, substitute).map(|q| TsQuery::Not(Box::new(q))),
        TsQuery::And(a, b) => both(a, b, &TsQuery::And),
        TsQuery::Or(a, b) => both(a, b, &TsQuery::Or),
        TsQuery::Phrase(a, b, n) => both(a, b, &|a, b| TsQuery::Phrase(a, b, *n)),
        other => Some(other.clone()),
    }
}

fn weights(d: &Datum) -> Result<[f32; 4]> {
    let array = d.as_array();
    let subscript = |message: &str| Err(SqlError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, message));
    if array.dims.len() != 1 {
        return subscript("array of weight must be one-dimensional");
    }
    if array.values.len() < 4 {
        return subscript("array of weight is too short");
    }
    if array.values.iter().any(Datum::is_null) {
        return Err(err!(SqlState::NULL_VALUE_NOT_ALLOWED, "array of weight must not contain nulls"));
    }
    let mut out = rank::WEIGHTS;
    for (slot, value) in out.iter_mut().zip(&array.values) {
        let given = value.as_float4();
        if given > 1.0 {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "weight out of range"));
        }
        if given >= 0.0 {
            *slot = given;
        }
    }
    Ok(out)
}

fn ranked(weights: [f32; 4], a: &[Datum], normalization: i32) -> Result<Datum> {
    Ok(Datum::Float4(rank::rank(weights, v(&a[0])?, q(&a[1])?, normalization)))
}
