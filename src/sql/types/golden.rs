//! Text input and output against PostgreSQL 15's recorded answers (`golden.tsv`), and binary forms there and back.

use super::datetime::{DateFormat, DateOrder, DateStyle, IntervalStyle, zone};
use super::io::{self, BuiltinTypes, IoContext};
use super::typename::{builtin_by_name, format_type_be, interval_mask, typmod_in};
use super::{Oid, Type};

fn unescape(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, false) => out.push(c),
            _ => match chars.next() {
                Some('t') => out.push('\t'),
                Some('n') => out.push('\n'),
                Some(other) => out.push(other),
                None => {}
            },
        }
    }
    out
}

/// A type as the recorded file spells it.
fn type_named(name: &str) -> Type {
    let (base, array) = name.strip_suffix("[]").map_or((name, false), |b| (b, true));
    let (word, args) = match base.split_once('(') {
        Some((word, args)) => (word, args.trim_end_matches(')').split(',').collect::<Vec<_>>()),
        None => (base, Vec::new()),
    };
    if let Some(fields) = word.strip_prefix("interval") {
        return interval_type(fields.trim(), &args);
    }
    // SQL's char is bpchar; pg_type's "char" is another type.
    let word = if word == "char" { "bpchar" } else { word };
    let found =
        builtin_by_name(word).or_else(|| super::typename::TYPES.iter().find(|t| format_type_be(&BuiltinTypes, t.oid) == word));
    let row = found.unwrap_or_else(|| panic!("no type {word}"));
    let typmod = if args.is_empty() { -1 } else { typmod_in(row.oid, &args).unwrap() };
    Type { oid: if array { row.array } else { row.oid }, typmod }
}

fn interval_type(fields: &str, args: &[&str]) -> Type {
    use interval_mask::{DAY, FULL_RANGE, HOUR, MINUTE, MONTH, SECOND, YEAR};
    let order = [("year", YEAR), ("month", MONTH), ("day", DAY), ("hour", HOUR), ("minute", MINUTE), ("second", SECOND)];
    let at = |word: &str| order.iter().position(|(w, _)| *w == word).unwrap();
    let mask = match fields.split_once(" to ") {
        _ if fields.is_empty() => FULL_RANGE,
        Some((from, to)) => order[at(from)..=at(to)].iter().map(|(_, m)| m).sum(),
        None => order[at(fields)].1,
    };
    let mask = mask.to_string();
    let list: Vec<&str> = std::iter::once(mask.as_str()).chain(args.iter().copied()).collect();
    let typmod = if fields.is_empty() && args.is_empty() { -1 } else { typmod_in(Oid::INTERVAL, &list).unwrap() };
    Type { oid: Oid::INTERVAL, typmod }
}

fn answer(cx: &IoContext<'_>, ty: Type, text: &str) -> String {
    let value = match io::input(cx, text, ty) {
        Ok(value) => value,
        Err(e) => {
            let f = e.fields();
            let extra = |t: &Option<String>| t.as_ref().map_or(String::new(), |t| format!(" | {t}"));
            return format!("ERROR {}: {}{}{}", e.code().as_str(), e.message(), extra(&f.detail), extra(&f.hint));
        }
    };
    let mut bytes = Vec::new();
    if io::send(cx, &value, ty, &mut bytes).is_ok() {
        let back = io::receive(cx, &bytes, ty).unwrap_or_else(|e| panic!("{text} as {ty:?} from binary: {e}"));
        let (there, here) = (io::output_string(cx, &back, ty), io::output_string(cx, &value, ty));
        assert_eq!(there, here, "{text} as {ty:?}: {value:?} became {back:?} in binary");
    }
    io::output_string(cx, &value, ty)
}

#[test]
fn answers_as_recorded() {
    let mut style = (DateStyle::default(), IntervalStyle::default(), jiff::tz::TimeZone::UTC);
    let mut wrong = Vec::new();
    for line in include_str!("golden.tsv").lines().filter(|l| !l.starts_with('#')) {
        let parts: Vec<&str> = line.split('\t').collect();
        if parts[0] == "set" {
            let (format, order) = parts[1].split_once(", ").unwrap();
            let format = match format {
                "ISO" => DateFormat::Iso,
                "SQL" => DateFormat::Sql,
                "German" => DateFormat::German,
                _ => DateFormat::Postgres,
            };
            let order = match order {
                "MDY" => DateOrder::Mdy,
                "DMY" => DateOrder::Dmy,
                _ => DateOrder::Ymd,
            };
            let interval = match parts[2] {
                "postgres" => IntervalStyle::Postgres,
                "postgres_verbose" => IntervalStyle::PostgresVerbose,
                "sql_standard" => IntervalStyle::SqlStandard,
                _ => IntervalStyle::Iso8601,
            };
            style = (DateStyle { format, order }, interval, zone::lookup(parts[3]).unwrap());
            continue;
        }
        let cx = IoContext { date_style: style.0, interval_style: style.1, time_zone: &style.2, ..IoContext::plain() };
        let got = answer(&cx, type_named(parts[0]), &unescape(parts[1]));
        let want = unescape(parts[2]);
        if got != want {
            wrong.push(format!("{} {:?}\n   got {got}\n  want {want}", parts[0], parts[1]));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(3000))]

    /// No text, however odd, does more than fail; what is read can be written and read again.
    #[test]
    fn any_text_is_survived(parts in proptest::collection::vec(piece(), 0..9), pick in 0usize..1000) {
        let text = parts.concat();
        let readable: Vec<_> = super::typename::TYPES.iter().filter(|t| t.kind != b'p').collect();
        let ty = Type::new(readable[pick % readable.len()].oid);
        let cx = IoContext::plain();
        if let Ok(value) = io::input(&cx, &text, ty) {
            let written = io::output_string(&cx, &value, ty);
            let again = io::input(&cx, &written, ty);
            proptest::prop_assert!(again.is_ok(), "{text:?} as {} wrote {written:?}: {again:?}", format_type_be(&BuiltinTypes, ty.oid));
            proptest::prop_assert_eq!(io::output_string(&cx, &again.unwrap(), ty), written);
            let _ = io::send(&cx, &value, ty, &mut Vec::new());
        }
        let _ = io::receive(&cx, text.as_bytes(), ty);
    }
}

/// Fragments of what the types' grammars are made of.
fn piece() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    const WORDS: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ",",
        "\"",
        "\\",
        "'",
        ":",
        "-",
        "+",
        ".",
        "/",
        "<",
        ">",
        "<->",
        "&",
        "|",
        "!",
        " ",
        "T",
        "P",
        "Z",
        "e",
        "NULL",
        "empty",
        "infinity",
        "nan",
        "2001-02-03",
        "04:05:06",
        "1 day",
        "mon",
        "year",
        "ago",
        "BC",
        "PM",
        "J",
        "x",
        "0x",
        "b",
        "$",
        "true",
        "null",
        "é",
        "America/New_York",
        "EST",
        "1",
        "0",
        "10.1.2.3",
        "::1",
        "ff",
        "99999999999999999999",
        "\t",
        "@",
        "\\x",
        "u00e9",
    ];
    prop_oneof![proptest::sample::select(WORDS).prop_map(String::from), "[0-9]{1,9}", "[a-z]{1,3}", "\\PC{0,2}"]
}
