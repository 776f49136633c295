//! Rows and values come back as they went in; older rows miss columns; damage is an error and never a panic.

use super::row::Cell;
use super::*;
use crate::sql::types::array::{Array, Dim};
use crate::sql::types::datum::{EnumValue, Record};
use crate::sql::types::geo::Geometry;
use crate::sql::types::inet::Inet;
use crate::sql::types::interval::Interval;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::numeric::Numeric;
use crate::sql::types::range::{Multirange, Range};
use crate::sql::types::tsearch::{TsQuery, TsVector};
use crate::sql::types::{Datum, Oid, Type, bit::BitString};
use num_bigint::BigInt;
use proptest::prelude::*;
use std::sync::Arc;

/// One datum of every kind.
fn samples() -> Vec<Datum> {
    let json = Jsonb::Object(vec![
        ("a".into(), Jsonb::Array(vec![Jsonb::Null, Jsonb::Bool(true), Jsonb::Number(Numeric::Small(-150, 2))])),
        ("bb".into(), Jsonb::String("tëxt".into())),
    ]);
    let range = |lower| Range { ty: Oid::INT4RANGE, empty: false, lower: Some((Datum::Int4(lower), true)), upper: None };
    let query = TsQuery::And(
        Box::new(TsQuery::Not(Box::new(TsQuery::Lexeme("cat".into(), 3, true)))),
        Box::new(TsQuery::Phrase(Box::new(TsQuery::Empty), Box::new(TsQuery::Lexeme("b".into(), 0, false)), 2)),
    );
    vec![
        Datum::Bool(true),
        Datum::Int2(-2),
        Datum::Int4(i32::MIN),
        Datum::Int8(i64::MAX),
        Datum::Float4(-1.5),
        Datum::Float8(f64::INFINITY),
        Datum::Numeric(Numeric::Small(-12_345, 3)),
        Datum::Numeric(Numeric::from_big(BigInt::from(-10).pow(41), 300)),
        Datum::Numeric(Numeric::NegInfinity),
        Datum::Oid(Oid(77)),
        Datum::Char(200),
        Datum::text("héllo"),
        Datum::bytea(&[0, 255, 1]),
        Datum::Date(i32::MAX),
        Datum::Time(86_399_999_999),
        Datum::TimeTz(5, -3600),
        Datum::Timestamp(i64::MIN),
        Datum::TimestampTz(1),
        Datum::Interval(Interval { micros: -1, days: 2, months: -3 }),
        Datum::Uuid(Arc::new([7; 16])),
        Datum::Jsonb(Arc::new(json)),
        Datum::Array(Arc::new(Array {
            elem: Oid::TEXT,
            dims: vec![Dim { len: 1, lower: 0 }, Dim { len: 2, lower: 1 }],
            values: vec![Datum::text("x"), Datum::Null],
        })),
        Datum::Record(Arc::new(Record {
            ty: Oid::RECORD,
            fields: vec![(Type { oid: Oid::VARCHAR, typmod: 9 }, Datum::text("f")), (Type::new(Oid::INT4), Datum::Null)],
            names: Arc::from(["a".into(), "b".into()]),
        })),
        Datum::Enum(EnumValue { label: Oid(16_400), order: 1.5 }),
        Datum::Bit(Arc::new(BitString { len: 9, bytes: vec![0xaa, 0x80] })),
        Datum::Inet(Arc::new(Inet { addr: "fe80::1".parse().unwrap(), bits: 64 })),
        Datum::Inet(Arc::new(Inet { addr: "10.0.0.1".parse().unwrap(), bits: 8 })),
        Datum::MacAddr([1, 2, 3, 4, 5, 6, 0, 0]),
        Datum::Money(-5),
        Datum::Tid(4, 2),
        Datum::U64(u64::MAX),
        Datum::Range(Arc::new(range(3))),
        Datum::Multirange(Arc::new(Multirange { ty: Oid::INT4MULTIRANGE, ranges: vec![range(1), range(5)] })),
        Datum::TsVector(Arc::new(TsVector { lexemes: vec![("cat".into(), vec![(1, 3), (9, 0)]), ("dog".into(), vec![])] })),
        Datum::TsQuery(Arc::new(query)),
        Datum::Geo(Arc::new(Geometry::Polygon(vec![(1.0, 2.0), (3.0, 4.0)]))),
        Datum::Geo(Arc::new(Geometry::Circle((0.5, -0.5), 2.0))),
    ]
}

fn show(value: &Datum) -> String {
    format!("{value:?}")
}

fn kinds(values: &[Datum]) -> Vec<PhysKind> {
    values.iter().map(|v| PhysKind::of_datum(v).unwrap()).collect()
}

fn read(layout: &RowLayout, row: &[u8]) -> Vec<String> {
    let reader = RowReader::new(layout, row).unwrap();
    (0..layout.len())
        .map(|i| match reader.datum(i).unwrap() {
            Cell::Value(v) => show(&v),
            Cell::Missing => "missing".to_owned(),
        })
        .collect()
}

#[test]
fn every_kind_comes_back() {
    let values = samples();
    let layout = RowLayout::new(&kinds(&values));
    let mut row = vec![0xee];
    layout.encode(&values, &mut row).unwrap();
    assert_eq!(read(&layout, &row[1..]), values.iter().map(show).collect::<Vec<_>>());
    for value in values.iter().chain([&Datum::Null]) {
        let mut bytes = Vec::new();
        value::encode(&mut bytes, value).unwrap();
        assert_eq!(show(&value::decode(&bytes).unwrap()), show(value));
    }
}

#[test]
fn nulls_unstored_and_missing_columns() {
    let old = [PhysKind::Int4, PhysKind::Text, PhysKind::Unstored, PhysKind::Numeric];
    let mut row = Vec::new();
    let values = [Datum::Null, Datum::text("t"), Datum::Int8(5), Datum::Null];
    RowLayout::new(&old).encode(&values, &mut row).unwrap();
    let mut now = old.to_vec();
    now.extend([PhysKind::Int8, PhysKind::Text]);
    let layout = RowLayout::new(&now);
    assert_eq!(read(&layout, &row), ["Null", &show(&values[1]), "Null", "Null", "missing", "missing"]);
    let reader = RowReader::new(&layout, &row).unwrap();
    assert!(reader.is_null(0) && !reader.is_null(2) && !reader.is_null(4) && reader.is_missing(4));
    assert_eq!(RowReader::new(&RowLayout::new(&old[..2]), &row).unwrap_err().code().as_str(), "XX001");
}

#[test]
fn large_rows_widen_their_offsets() {
    let layout = RowLayout::new(&[PhysKind::Text, PhysKind::Int4, PhysKind::Bytea, PhysKind::Text]);
    let big = "x".repeat(70_000);
    let values = [Datum::text(&big), Datum::Int4(3), Datum::bytea(b"tail"), Datum::text("end")];
    let mut row = Vec::new();
    layout.encode(&values, &mut row).unwrap();
    let reader = RowReader::new(&layout, &row).unwrap();
    assert_eq!((reader.text(0).unwrap(), reader.fixed_i32(1)), (big.as_str(), 3));
    assert_eq!((reader.bytes(2).unwrap(), reader.text(3).unwrap()), (&b"tail"[..], "end"));
}

#[test]
fn small_numbers_take_few_bytes() {
    let stored = |m, s| {
        let mut out = Vec::new();
        numeric::put(&mut out, &Numeric::Small(m, s));
        assert_eq!(numeric::small(&out).unwrap(), Some((m, s)));
        out
    };
    assert_eq!(stored(1234, 2), [2, 0xd2, 0x04]);
    assert_eq!(stored(0, 0), [0]);
    assert_eq!(stored(-1, 5), [5, 0xff]);
    assert_eq!(stored(127, 0).len(), 2);
    assert_eq!(stored(128, 0).len(), 3);
    assert_eq!(stored(i64::MIN, 900).len(), 11);
}

#[test]
fn deep_nesting_is_refused() {
    let mut json = Jsonb::Null;
    for _ in 0..value::MAX_DEPTH + 1 {
        json = Jsonb::Array(vec![json]);
    }
    let error = value::encode(&mut Vec::new(), &Datum::Jsonb(Arc::new(json))).unwrap_err();
    assert_eq!(error.code().as_str(), "54001");
    let mut bytes = vec![1, 20];
    bytes.extend([5, 1].repeat(100_000));
    assert_eq!(value::decode(&bytes).unwrap_err().code().as_str(), "XX001");
}

proptest! {
    #[test]
    fn numbers_come_back(m in any::<i64>(), shift in 0u32..64, scale in 0u16..400) {
        let number = Numeric::Small(m >> shift, scale);
        let mut out = Vec::new();
        numeric::put(&mut out, &number);
        prop_assert_eq!(format!("{:?}", numeric::get(&out).unwrap()), format!("{number:?}"));
    }

    #[test]
    fn damage_is_an_error(at in 0usize..900, byte in any::<u8>(), cut in 0usize..900) {
        let values = samples();
        let layout = RowLayout::new(&kinds(&values));
        let mut row = Vec::new();
        layout.encode(&values, &mut row).unwrap();
        let len = row.len();
        row[at % len] = byte;
        row.truncate(len - cut % 3 * (cut % len) / 2);
        if let Ok(reader) = RowReader::new(&layout, &row) {
            for i in 0..layout.len() {
                let _ = reader.datum(i);
            }
        }
        for value in &values {
            let mut bytes = Vec::new();
            value::encode(&mut bytes, value).unwrap();
            let len = bytes.len();
            bytes[at % len] = byte;
            bytes.truncate(len - cut % 2 * (cut % len));
            let _ = value::decode(&bytes);
        }
    }
}
