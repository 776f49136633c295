//! jsonb_path_query and its family: `exec` walks a path over a document, `datetime` handles its dates.

mod datetime;
mod exec;
mod predicate;

use super::support::*;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::Datum;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::jsonpath::Path;
use exec::{Exec, Item, Outcome};
use std::sync::Arc;

/// Path functions by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("jsonb_path_exists", |cx, a| exists(cx, a, false)),
    f("jsonb_path_exists_tz", |cx, a| exists(cx, a, true)),
    f("jsonb_path_exists_opr", |cx, a| exists(cx, a, false)),
    f("jsonb_path_match", |cx, a| matches(cx, a, false)),
    f("jsonb_path_match_tz", |cx, a| matches(cx, a, true)),
    f("jsonb_path_match_opr", |cx, a| matches(cx, a, false)),
    f("jsonb_path_query_first", |cx, a| Ok(query(cx, a, false)?.into_iter().next().map_or(Datum::Null, jsonb))),
    f("jsonb_path_query_first_tz", |cx, a| Ok(query(cx, a, true)?.into_iter().next().map_or(Datum::Null, jsonb))),
    f("jsonb_path_query_array", |cx, a| Ok(jsonb(Jsonb::Array(query(cx, a, false)?)))),
    f("jsonb_path_query_array_tz", |cx, a| Ok(jsonb(Jsonb::Array(query(cx, a, true)?)))),
    set("jsonb_path_query", |cx, a| Ok(column(query(cx, a, false)?.into_iter().map(jsonb)))),
    set("jsonb_path_query_tz", |cx, a| Ok(column(query(cx, a, true)?.into_iter().map(jsonb)))),
];

fn jsonb(v: Jsonb) -> Datum {
    Datum::Jsonb(Arc::new(v))
}

/// Runs the path; the operator forms have neither variables nor errors. `collect` false only asks whether there is anything.
fn run(cx: &mut FnCx<'_>, a: &[Datum], zoned: bool, collect: bool) -> Result<(Outcome, Vec<Jsonb>)> {
    let path = cached(cx, a[1].as_str(), "", || Path::parse(a[1].as_str()))?;
    let variables = match a.get(2) {
        None => None,
        Some(Datum::Jsonb(v)) if matches!(**v, Jsonb::Object(_)) => Some(v.clone()),
        Some(_) => {
            return Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, "\"vars\" argument is not an object")
                .detail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object."));
        }
    };
    let silent = a.get(3).is_none_or(Datum::as_bool);
    let root = Item::Json(a[0].as_jsonb().clone());
    let mut exec = Exec::new(&path, root.clone(), variables.as_deref(), !silent, zoned, cx.io);
    let mut found = Vec::new();
    let outcome = if collect || !path.lax {
        let outcome = exec.item(&path.root, &root, Some(&mut found))?;
        if outcome == Outcome::Ok && found.is_empty() { Outcome::NotFound } else { outcome }
    } else {
        exec.item(&path.root, &root, None)?
    };
    Ok((outcome, found.iter().map(Item::to_jsonb).collect()))
}

fn exists(cx: &mut FnCx<'_>, a: &[Datum], zoned: bool) -> Result<Datum> {
    Ok(match run(cx, a, zoned, false)?.0 {
        Outcome::Error => Datum::Null,
        outcome => Datum::Bool(outcome == Outcome::Ok),
    })
}

fn matches(cx: &mut FnCx<'_>, a: &[Datum], zoned: bool) -> Result<Datum> {
    let (outcome, found) = run(cx, a, zoned, true)?;
    if outcome != Outcome::Error {
        match found[..] {
            [Jsonb::Bool(v)] => return boolean(v),
            [Jsonb::Null] => return Ok(Datum::Null),
            _ => {}
        }
    }
    if a.get(3).is_some_and(|silent| !silent.as_bool()) {
        return Err(SqlError::new(SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED, "single boolean result is expected"));
    }
    Ok(Datum::Null)
}

fn query(cx: &mut FnCx<'_>, a: &[Datum], zoned: bool) -> Result<Vec<Jsonb>> {
    Ok(run(cx, a, zoned, true)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::io::IoContext;

    fn query(doc: &str, path: &str) -> String {
        let (path, io) = (Path::parse(path).unwrap(), IoContext::plain());
        let root = Item::Json(Jsonb::parse(doc).unwrap().into());
        let mut exec = Exec::new(&path, root.clone(), None, true, false, &io);
        let mut found = Vec::new();
        match exec.item(&path.root, &root, Some(&mut found)) {
            Ok(_) => super::super::jsonb::to_text(&Jsonb::Array(found.iter().map(Item::to_jsonb).collect())),
            Err(e) => e.message().to_owned(),
        }
    }

    #[test]
    fn paths() {
        let cases = [
            ("[1,[2,3],{\"a\":4}]", "$[*]", "[1, [2, 3], {\"a\": 4}]"),
            ("{\"w\":[10,20,30,40]}", "$.w[1 to 2]", "[20, 30]"),
            ("{\"w\":[10,20,30]}", "$.w[last - 1]", "[20]"),
            ("{\"a\":{\"x\":1,\"y\":{\"x\":2}}}", "$.**.x", "[1, 2]"),
            ("[{\"a\":1},{\"a\":2},5]", "$.a", "[1, 2]"),
            ("[\"abc\",\"aXc\",\"b\"]", "$[*] ? (@ like_regex \"^a.C$\" flag \"i\")", "[\"abc\", \"aXc\"]"),
            ("[1,\"1\",null]", "$[*] ? ((@ > 0) is unknown)", "[\"1\"]"),
            ("[1,2,3,4]", "$[*] ? (!(@ == 2) && @ < 4)", "[1, 3]"),
            ("[1,\"a\",null,true,{},[]]", "$[*].type()", "[\"number\", \"string\", \"null\", \"boolean\", \"object\", \"array\"]"),
            ("{\"k\":1,\"l\":\"x\"}", "$.keyvalue().key", "[\"k\", \"l\"]"),
            ("[7]", "$[0] / 2", "[3.5000000000000000]"),
            ("[1,2,3]", "-$[*]", "[-1, -2, -3]"),
            ("{\"a\":2}", "$.a > \"x\"", "[null]"),
            ("[\"2024-03-05\",\"2023-01-01\"]", "$[*] ? (@.datetime() >= \"2024-01-01\".datetime())", "[\"2024-03-05\"]"),
            ("\"2024-03-05 10:20:30 +02\"", "$.datetime()", "[\"2024-03-05T10:20:30+02:00\"]"),
            ("\"05/03/2024\"", "$.datetime(\"DD/MM/YYYY\")", "[\"2024-03-05\"]"),
            ("{\"a\":1}", "lax $.b.c", "[]"),
            ("{\"a\":1}", "strict $.b", "JSON object does not contain key \"b\""),
            ("[-2.7]", "$[0].floor()", "[-3]"),
            ("[\"3.5\"]", "$[0].double()", "[3.5]"),
            ("1", "$x", "could not find jsonpath variable \"x\""),
            ("\"x\"", "$.datetime()", "datetime format is not recognized: \"x\""),
        ];
        for (doc, path, want) in cases {
            assert_eq!(query(doc, path), want, "{path}");
        }
    }
}
