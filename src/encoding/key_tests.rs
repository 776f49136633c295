//! Byte order is comparison order: random pairs against a reference comparison, and lists sorted by PostgreSQL 15 itself.

use super::*;
use crate::sql::types::array::{Array, Dim};
use crate::sql::types::bit::BitString;
use crate::sql::types::compare::compare;
use crate::sql::types::datum::{EnumValue, Record};
use crate::sql::types::inet::Inet;
use crate::sql::types::interval::Interval;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::numeric::Numeric;
use crate::sql::types::range::Range;
use crate::sql::types::{Datum, Oid, Type};
use num_bigint::BigInt;
use proptest::prelude::*;
use std::cmp::Ordering;
use std::sync::Arc;

fn key(value: &Datum, kind: PhysKind, desc: bool, nulls_first: bool) -> Vec<u8> {
    let mut out = Vec::new();
    encode_column(&mut out, value, kind, desc, nulls_first).unwrap();
    out
}

/// Checks order in both directions, that a longer key orders the same way, skipping, and decoding where it is promised.
fn check(kind: PhysKind, a: &Datum, b: &Datum, expected: Ordering) {
    if kind != PhysKind::Bpchar {
        assert_eq!(compare(a, b), expected, "executor's comparison of {a:?} and {b:?}");
    }
    for desc in [false, true] {
        let (mut ka, mut kb) = (key(a, kind, desc, false), key(b, kind, desc, false));
        let want = if desc { expected.reverse() } else { expected };
        assert_eq!(ka.cmp(&kb), want, "{kind:?} desc={desc}: {a:?} against {b:?}");
        for nulls_first in [false, true] {
            let null = key(&Datum::Null, kind, desc, nulls_first);
            assert_eq!(null.cmp(&ka), if nulls_first { Ordering::Less } else { Ordering::Greater });
        }
        if want != Ordering::Equal {
            ka.push(0xff);
            kb.push(0x00);
            assert_eq!(ka.cmp(&kb), want, "{kind:?} with more columns after it");
        } else {
            ka.push(0x55);
        }
        let mut rest = ka.as_slice();
        skip_column(&mut rest, kind, desc).unwrap();
        assert_eq!(rest.len(), 1, "{kind:?} skipped wrongly");
        if kind.key_is_lossless() || matches!(kind, PhysKind::Numeric | PhysKind::Float8 | PhysKind::Bpchar) {
            let mut rest = ka.as_slice();
            let back = decode_column(&mut rest, kind, desc).unwrap();
            assert_eq!(rest.len(), 1);
            assert_eq!(key(&back, kind, desc, false), ka[..ka.len() - 1], "{kind:?}: {a:?} came back as {back:?}");
            if kind.key_is_lossless() {
                assert_eq!(format!("{back:?}"), format!("{a:?}"));
            }
        }
    }
}

fn sorted(kind: PhysKind, values: &[Datum]) {
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate() {
            check(kind, a, b, i.cmp(&j));
        }
    }
}

fn exact(n: &Numeric) -> Option<(BigInt, u32)> {
    match n {
        Numeric::Small(m, s) => Some((BigInt::from(*m), u32::from(*s))),
        Numeric::Big(b) => Some((b.mantissa.clone(), u32::from(b.scale))),
        _ => None,
    }
}

fn numeric_order(a: &Numeric, b: &Numeric) -> Ordering {
    let rank = |n: &Numeric| match n {
        Numeric::NegInfinity => 0,
        Numeric::Infinity => 2,
        Numeric::NaN => 3,
        _ => 1,
    };
    match (exact(a), exact(b)) {
        (Some((ma, sa)), Some((mb, sb))) => {
            (ma * BigInt::from(10).pow(sb.saturating_sub(sa))).cmp(&(mb * BigInt::from(10).pow(sa.saturating_sub(sb))))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

fn any_numeric() -> impl Strategy<Value = Numeric> {
    prop_oneof![
        (any::<i64>(), 0u16..40).prop_map(|(m, s)| Numeric::Small(m, s)),
        (-2000i64..2000, 0u16..6).prop_map(|(m, s)| Numeric::Small(m, s)),
        (any::<i128>(), 0u16..80, 0u32..300).prop_map(|(m, s, e)| Numeric::from_big(BigInt::from(m) * BigInt::from(10).pow(e), s)),
        Just(Numeric::NaN),
        Just(Numeric::Infinity),
        Just(Numeric::NegInfinity),
    ]
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xff), any::<u8>()], 0..6)
}

fn float_order(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => a.partial_cmp(&b).unwrap(),
    }
}

fn span(v: &Interval) -> i128 {
    (i128::from(v.months) * 30 + i128::from(v.days)) * 86_400_000_000 + i128::from(v.micros)
}

proptest! {
    #[test]
    fn integers(a in any::<i64>(), b in any::<i64>()) {
        check(PhysKind::Int8, &Datum::Int8(a), &Datum::Int8(b), a.cmp(&b));
        check(PhysKind::TimestampTz, &Datum::TimestampTz(a), &Datum::TimestampTz(b), a.cmp(&b));
        let (c, d) = (a as i32, b as i32);
        check(PhysKind::Int4, &Datum::Int4(c), &Datum::Int4(d), c.cmp(&d));
        check(PhysKind::Date, &Datum::Date(c), &Datum::Date(d), c.cmp(&d));
        check(PhysKind::Int2, &Datum::Int2(c as i16), &Datum::Int2(d as i16), (c as i16).cmp(&(d as i16)));
        check(PhysKind::Oid, &Datum::Oid(Oid(c as u32)), &Datum::Oid(Oid(d as u32)), (c as u32).cmp(&(d as u32)));
        check(PhysKind::U64, &Datum::U64(a as u64), &Datum::U64(b as u64), (a as u64).cmp(&(b as u64)));
        check(PhysKind::Char, &Datum::Char(a as u8), &Datum::Char(b as u8), (a as u8).cmp(&(b as u8)));
        let (t, u) = ((c as u32, a as u16), (d as u32, b as u16));
        check(PhysKind::Tid, &Datum::Tid(t.0, t.1), &Datum::Tid(u.0, u.1), t.cmp(&u));
    }

    #[test]
    fn floats(a in any::<f64>(), b in any::<f64>()) {
        check(PhysKind::Float8, &Datum::Float8(a), &Datum::Float8(b), float_order(a, b));
        let (c, d) = (a as f32, b as f32);
        check(PhysKind::Float4, &Datum::Float4(c), &Datum::Float4(d), float_order(c.into(), d.into()));
    }

    #[test]
    fn numerics(a in any_numeric(), b in any_numeric()) {
        check(PhysKind::Numeric, &Datum::Numeric(a.clone()), &Datum::Numeric(b.clone()), numeric_order(&a, &b));
    }

    #[test]
    fn strings(a in any_bytes(), b in any_bytes(), s in "[ a\u{e9}z]{0,5}", t in "[ a\u{e9}z]{0,5}") {
        check(PhysKind::Bytea, &Datum::bytea(&a), &Datum::bytea(&b), a.cmp(&b));
        check(PhysKind::Text, &Datum::text(&s), &Datum::text(&t), s.cmp(&t));
        let order = s.trim_end_matches(' ').cmp(t.trim_end_matches(' '));
        check(PhysKind::Bpchar, &Datum::text(&s), &Datum::text(&t), order);
    }

    #[test]
    fn times(m in -400i32..400, d in -400i32..400, u in any::<i64>(), n in -400i32..400, e in -400i32..400, v in any::<i64>()) {
        let (a, b) = (Interval { micros: u, days: d, months: m }, Interval { micros: v, days: e, months: n });
        check(PhysKind::Interval, &Datum::Interval(a), &Datum::Interval(b), span(&a).cmp(&span(&b)));
        let (t, w) = (u.rem_euclid(86_400_000_000), v.rem_euclid(86_400_000_000));
        let order = (t + i64::from(m) * 1_000_000).cmp(&(w + i64::from(n) * 1_000_000)).then(m.cmp(&n));
        check(PhysKind::TimeTz, &Datum::TimeTz(t, m), &Datum::TimeTz(w, n), order);
    }

    #[test]
    fn damaged_keys_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), desc in any::<bool>()) {
        for kind in [PhysKind::Numeric, PhysKind::Text, PhysKind::Bit, PhysKind::Inet, PhysKind::Int8, PhysKind::Jsonb] {
            let mut with_tag = vec![1];
            with_tag.extend_from_slice(&bytes);
            for input in [&bytes, &with_tag] {
                let _ = decode_column(&mut input.as_slice(), kind, desc);
                let _ = skip_column(&mut input.as_slice(), kind, desc);
            }
        }
    }
}

#[test]
fn signed_zeros_are_equal_and_nan_is_greatest() {
    check(PhysKind::Float8, &Datum::Float8(-0.0), &Datum::Float8(0.0), Ordering::Equal);
    check(PhysKind::Float8, &Datum::Float8(f64::NAN), &Datum::Float8(-f64::NAN), Ordering::Equal);
    check(PhysKind::Float8, &Datum::Float8(f64::INFINITY), &Datum::Float8(f64::NAN), Ordering::Less);
    check(PhysKind::Numeric, &Datum::Numeric(Numeric::Small(100, 2)), &Datum::Numeric(Numeric::Small(1, 0)), Ordering::Equal);
    let extreme = Numeric::from_big(BigInt::from(10).pow(131_071), 0);
    check(PhysKind::Numeric, &Datum::Numeric(Numeric::Small(1, 16_383)), &Datum::Numeric(extreme), Ordering::Less);
}

fn inet(text: &str) -> Datum {
    let (addr, bits) = text.split_once('/').unwrap();
    Datum::Inet(Arc::new(Inet { addr: addr.parse().unwrap(), bits: bits.parse().unwrap() }))
}

#[test]
fn networks_in_postgres_order() {
    let order = [
        "0.0.0.0/0",
        "9.255.0.0/16",
        "10.0.0.0/8",
        "10.0.0.1/8",
        "10.0.0.0/16",
        "10.0.0.0/32",
        "10.0.0.5/32",
        "10.1.0.0/16",
        "10.128.0.0/9",
        "128.0.0.0/1",
        "255.255.255.255/1",
        "::/0",
        "fe80::/10",
        "fe80::1/64",
    ];
    sorted(PhysKind::Inet, &order.map(inet));
}

fn json(text: &str) -> Jsonb {
    fn convert(v: &serde_json::Value) -> Jsonb {
        match v {
            serde_json::Value::Null => Jsonb::Null,
            serde_json::Value::Bool(b) => Jsonb::Bool(*b),
            serde_json::Value::Number(n) => Jsonb::Number(Numeric::Small(n.as_i64().unwrap(), 0)),
            serde_json::Value::String(s) => Jsonb::String(s.into()),
            serde_json::Value::Array(a) => Jsonb::Array(a.iter().map(convert).collect()),
            serde_json::Value::Object(o) => {
                let mut members: Vec<_> = o.iter().map(|(k, v)| (k.as_str().into(), convert(v))).collect();
                members.sort_by(|a: &(smol_str::SmolStr, _), b| (a.0.len(), &a.0).cmp(&(b.0.len(), &b.0)));
                Jsonb::Object(members)
            }
        }
    }
    convert(&serde_json::from_str(text).unwrap())
}

#[test]
fn jsonb_in_postgres_order() {
    let order = JSONB_ORDER.map(|text| Datum::Jsonb(Arc::new(json(text))));
    sorted(PhysKind::Jsonb, &order);
}

fn array(values: &[Option<i32>], lower: i32) -> Datum {
    let dims = if values.is_empty() { vec![] } else { vec![Dim { len: values.len() as i32, lower }] };
    let values = values.iter().map(|v| v.map_or(Datum::Null, Datum::Int4)).collect();
    Datum::Array(Arc::new(Array { elem: Oid::INT4, dims, values }))
}

#[test]
fn arrays_and_records_in_postgres_order() {
    let order = [
        array(&[], 1),
        array(&[Some(-1), Some(5)], 1),
        array(&[Some(1)], 0),
        array(&[Some(1)], 1),
        array(&[Some(1), Some(0)], 1),
        array(&[Some(1), None], 1),
        array(&[Some(2)], 1),
        array(&[None], 1),
    ];
    sorted(PhysKind::Array, &order);
    let record = |fields: &[Datum]| {
        let fields = fields.iter().map(|f| (Type::new(Oid::INT4), f.clone())).collect();
        Datum::Record(Arc::new(Record { ty: Oid::RECORD, fields, names: Arc::from([]) }))
    };
    let order = [
        record(&[Datum::Int4(1), Datum::Int4(9)]),
        record(&[Datum::Int4(2), Datum::Int4(-9)]),
        record(&[Datum::Int4(2), Datum::Null]),
        record(&[Datum::Null, Datum::Int4(0)]),
    ];
    sorted(PhysKind::Record, &order);
}

#[test]
fn ranges_in_postgres_order() {
    let bound = |v: Option<(i64, bool)>| v.map(|(n, inclusive)| (Datum::Numeric(Numeric::Small(n, 0)), inclusive));
    let range =
        |lower, upper| Datum::Range(Arc::new(Range { ty: Oid::NUMRANGE, empty: false, lower: bound(lower), upper: bound(upper) }));
    let empty = Datum::Range(Arc::new(Range { ty: Oid::NUMRANGE, empty: true, lower: None, upper: None }));
    let order = [
        empty,
        range(None, Some((3, false))),
        range(None, None),
        range(Some((1, true)), Some((2, false))),
        range(Some((1, true)), Some((2, true))),
        range(Some((1, true)), None),
        range(Some((1, false)), Some((2, false))),
        range(Some((1, false)), Some((2, true))),
    ];
    sorted(PhysKind::Range, &order);
}

#[test]
fn enums_and_bits() {
    let label = |label, order| Datum::Enum(EnumValue { label: Oid(label), order });
    sorted(PhysKind::Enum, &[label(9, -1.0), label(7, 1.0), label(8, 1.5), label(5, 2.0)]);
    let bits = |len, bytes: &[u8]| Datum::Bit(Arc::new(BitString { len, bytes: bytes.to_vec() }));
    let order = [bits(0, &[]), bits(1, &[0]), bits(8, &[0]), bits(9, &[0, 0]), bits(1, &[0x80]), bits(9, &[0x80, 0])];
    sorted(PhysKind::Bit, &order);
}

#[test]
fn wrong_kind_and_orderless_types_are_errors() {
    let mut out = Vec::new();
    let wrong = encode_column(&mut out, &Datum::Int4(1), PhysKind::Int8, false, false).unwrap_err();
    assert_eq!(wrong.code().as_str(), "XX000");
    let point = Datum::Geo(Arc::new(crate::sql::types::geo::Geometry::Point(0.0, 0.0)));
    let orderless = encode_column(&mut out, &point, PhysKind::Geo, false, false).unwrap_err();
    assert_eq!(orderless.code().as_str(), "0A000");
}

/// `ORDER BY` of PostgreSQL 15.
const JSONB_ORDER: [&str; 26] = [
    "[]",
    "null",
    "\"a\"",
    "\"ab\"",
    "\"b\"",
    "-5",
    "1",
    "false",
    "true",
    "[null]",
    "[\"a\"]",
    "[1]",
    "[true]",
    "[[]]",
    "[[1]]",
    "[{}]",
    "[1, 2]",
    "[2, 1]",
    "{}",
    "{\"a\": null}",
    "{\"a\": 1}",
    "{\"a\": []}",
    "{\"a\": {}}",
    "{\"b\": 0}",
    "{\"a\": 1, \"b\": 2}",
    "{\"b\": 2, \"aa\": 1}",
];
