//! The six comparison operators of every type: one row a type, its btree order applied.
//!
//! Text compares by bytes (the database's collation is C), `bpchar` without trailing blanks; mixed types (int4 with int8, date with
//! timestamp) compare as the wider of both.

use super::support::*;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::Datum;
use crate::sql::types::compare::{compare, equal};
use crate::sql::types::float::{float4, float8};
use crate::sql::types::text::bpchar_trim;
use std::cmp::Ordering;

macro_rules! comparisons {
    ($($order:path: $eq:literal $ne:literal $lt:literal $le:literal $gt:literal $ge:literal;)*) => {
        /// Comparison functions by symbol.
        pub const FUNCTIONS: &[Entry] = &[$(
            f($eq, |_, a| Ok(Datum::Bool($order(a).is_eq()))),
            f($ne, |_, a| Ok(Datum::Bool($order(a).is_ne()))),
            f($lt, |_, a| Ok(Datum::Bool($order(a).is_lt()))),
            f($le, |_, a| Ok(Datum::Bool($order(a).is_le()))),
            f($gt, |_, a| Ok(Datum::Bool($order(a).is_gt()))),
            f($ge, |_, a| Ok(Datum::Bool($order(a).is_ge()))),
        )*];
    };
}

fn any(a: &[Datum]) -> Ordering {
    compare(&a[0], &a[1])
}

fn bpchar(a: &[Datum]) -> Ordering {
    bpchar_trim(a[0].as_str()).as_bytes().cmp(bpchar_trim(a[1].as_str()).as_bytes())
}

fn long(d: &Datum) -> i64 {
    match d {
        Datum::Int2(v) => (*v).into(),
        Datum::Int4(v) => (*v).into(),
        other => other.as_int8(),
    }
}

fn integers(a: &[Datum]) -> Ordering {
    long(&a[0]).cmp(&long(&a[1]))
}

fn int4s(a: &[Datum]) -> Ordering {
    a[0].as_int4().cmp(&a[1].as_int4())
}

fn int8s(a: &[Datum]) -> Ordering {
    a[0].as_int8().cmp(&a[1].as_int8())
}

fn texts(a: &[Datum]) -> Ordering {
    a[0].as_str().as_bytes().cmp(a[1].as_str().as_bytes())
}

fn float4s(a: &[Datum]) -> Ordering {
    float4::compare(a[0].as_float4(), a[1].as_float4())
}

fn double(d: &Datum) -> f64 {
    match d {
        Datum::Float4(v) => (*v).into(),
        other => other.as_float8(),
    }
}

fn floats(a: &[Datum]) -> Ordering {
    float8::compare(double(&a[0]), double(&a[1]))
}

comparisons! {
    integers: "int2eq" "int2ne" "int2lt" "int2le" "int2gt" "int2ge";
    int4s: "int4eq" "int4ne" "int4lt" "int4le" "int4gt" "int4ge";
    int8s: "int8eq" "int8ne" "int8lt" "int8le" "int8gt" "int8ge";
    integers: "int24eq" "int24ne" "int24lt" "int24le" "int24gt" "int24ge";
    integers: "int42eq" "int42ne" "int42lt" "int42le" "int42gt" "int42ge";
    integers: "int28eq" "int28ne" "int28lt" "int28le" "int28gt" "int28ge";
    integers: "int82eq" "int82ne" "int82lt" "int82le" "int82gt" "int82ge";
    integers: "int48eq" "int48ne" "int48lt" "int48le" "int48gt" "int48ge";
    integers: "int84eq" "int84ne" "int84lt" "int84le" "int84gt" "int84ge";
    float4s: "float4eq" "float4ne" "float4lt" "float4le" "float4gt" "float4ge";
    floats: "float8eq" "float8ne" "float8lt" "float8le" "float8gt" "float8ge";
    floats: "float48eq" "float48ne" "float48lt" "float48le" "float48gt" "float48ge";
    floats: "float84eq" "float84ne" "float84lt" "float84le" "float84gt" "float84ge";
    any: "numeric_eq" "numeric_ne" "numeric_lt" "numeric_le" "numeric_gt" "numeric_ge";
    any: "oideq" "oidne" "oidlt" "oidle" "oidgt" "oidge";
    any: "booleq" "boolne" "boollt" "boolle" "boolgt" "boolge";
    any: "chareq" "charne" "charlt" "charle" "chargt" "charge";
    any: "cash_eq" "cash_ne" "cash_lt" "cash_le" "cash_gt" "cash_ge";
    texts: "texteq" "textne" "text_lt" "text_le" "text_gt" "text_ge";
    texts: "nameeq" "namene" "namelt" "namele" "namegt" "namege";
    texts: "nameeqtext" "namenetext" "namelttext" "nameletext" "namegttext" "namegetext";
    texts: "texteqname" "textnename" "textltname" "textlename" "textgtname" "textgename";
    bpchar: "bpchareq" "bpcharne" "bpcharlt" "bpcharle" "bpchargt" "bpcharge";
    any: "byteaeq" "byteane" "bytealt" "byteale" "byteagt" "byteage";
    any: "date_eq" "date_ne" "date_lt" "date_le" "date_gt" "date_ge";
    any: "time_eq" "time_ne" "time_lt" "time_le" "time_gt" "time_ge";
    any: "timetz_eq" "timetz_ne" "timetz_lt" "timetz_le" "timetz_gt" "timetz_ge";
    any: "timestamp_eq" "timestamp_ne" "timestamp_lt" "timestamp_le" "timestamp_gt" "timestamp_ge";
    any: "timestamptz_eq" "timestamptz_ne" "timestamptz_lt" "timestamptz_le" "timestamptz_gt" "timestamptz_ge";
    any: "interval_eq" "interval_ne" "interval_lt" "interval_le" "interval_gt" "interval_ge";
    any: "uuid_eq" "uuid_ne" "uuid_lt" "uuid_le" "uuid_gt" "uuid_ge";
    any: "biteq" "bitne" "bitlt" "bitle" "bitgt" "bitge";
    any: "network_eq" "network_ne" "network_lt" "network_le" "network_gt" "network_ge";
    any: "macaddr_eq" "macaddr_ne" "macaddr_lt" "macaddr_le" "macaddr_gt" "macaddr_ge";
    any: "macaddr8_eq" "macaddr8_ne" "macaddr8_lt" "macaddr8_le" "macaddr8_gt" "macaddr8_ge";
    any: "jsonb_eq" "jsonb_ne" "jsonb_lt" "jsonb_le" "jsonb_gt" "jsonb_ge";
    any: "enum_eq" "enum_ne" "enum_lt" "enum_le" "enum_gt" "enum_ge";
    any: "range_eq" "range_ne" "range_lt" "range_le" "range_gt" "range_ge";
    any: "multirange_eq" "multirange_ne" "multirange_lt" "multirange_le" "multirange_gt" "multirange_ge";
    any: "tideq" "tidne" "tidlt" "tidle" "tidgt" "tidge";
    any: "xid8eq" "xid8ne" "xid8lt" "xid8le" "xid8gt" "xid8ge";
    any: "pg_lsn_eq" "pg_lsn_ne" "pg_lsn_lt" "pg_lsn_le" "pg_lsn_gt" "pg_lsn_ge";
    any: "oidvectoreq" "oidvectorne" "oidvectorlt" "oidvectorle" "oidvectorgt" "oidvectorge";
    any: "tsvector_eq" "tsvector_ne" "tsvector_lt" "tsvector_le" "tsvector_gt" "tsvector_ge";
    any: "tsquery_eq" "tsquery_ne" "tsquery_lt" "tsquery_le" "tsquery_gt" "tsquery_ge";
}

/// Comparisons that check their operands' shapes first, equality of types without order, and the larger of two.
pub const OTHERS: &[Entry] = &[
    f("array_eq", |_, a| arrays(a).map(|o| Datum::Bool(o.is_eq()))),
    f("array_ne", |_, a| arrays(a).map(|o| Datum::Bool(o.is_ne()))),
    f("array_lt", |_, a| arrays(a).map(|o| Datum::Bool(o.is_lt()))),
    f("array_le", |_, a| arrays(a).map(|o| Datum::Bool(o.is_le()))),
    f("array_gt", |_, a| arrays(a).map(|o| Datum::Bool(o.is_gt()))),
    f("array_ge", |_, a| arrays(a).map(|o| Datum::Bool(o.is_ge()))),
    f("array_larger", |_, a| Ok(a[usize::from(!arrays(a)?.is_gt())].clone())),
    f("array_smaller", |_, a| Ok(a[usize::from(!arrays(a)?.is_lt())].clone())),
    f("record_eq", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_eq()))),
    f("record_ne", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_ne()))),
    f("record_lt", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_lt()))),
    f("record_le", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_le()))),
    f("record_gt", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_gt()))),
    f("record_ge", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_ge()))),
    f("record_image_eq", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_eq()))),
    f("record_image_ne", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_ne()))),
    f("record_image_lt", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_lt()))),
    f("record_image_le", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_le()))),
    f("record_image_gt", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_gt()))),
    f("record_image_ge", |cx, a| records(cx, a).map(|o| Datum::Bool(o.is_ge()))),
    f("xideq", |_, a| boolean(equal(&a[0], &a[1]))),
    f("xidneq", |_, a| boolean(!equal(&a[0], &a[1]))),
    f("xideqint4", |_, a| boolean(a[0].as_oid().0 == a[1].as_int4() as u32)),
    f("xidneqint4", |_, a| boolean(a[0].as_oid().0 != a[1].as_int4() as u32)),
    f("cideq", |_, a| boolean(equal(&a[0], &a[1]))),
    f("date_larger", larger),
    f("date_smaller", smaller),
    f("time_larger", larger),
    f("time_smaller", smaller),
    f("timetz_larger", larger),
    f("timetz_smaller", smaller),
    f("timestamp_larger", larger),
    f("timestamp_smaller", smaller),
    f("interval_larger", larger),
    f("interval_smaller", smaller),
    f("cashlarger", larger),
    f("cashsmaller", smaller),
    f("numeric_larger", larger),
    f("numeric_smaller", smaller),
    f("enum_larger", larger),
    f("enum_smaller", smaller),
    f("tidlarger", larger),
    f("tidsmaller", smaller),
    f("network_larger", larger),
    f("network_smaller", smaller),
    f("pg_lsn_larger", larger),
    f("pg_lsn_smaller", smaller),
    f("xid8_larger", larger),
    f("xid8_smaller", smaller),
];

fn larger(_: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    Ok(a[usize::from(!any(a).is_gt())].clone())
}

fn smaller(_: &mut FnCx<'_>, a: &[Datum]) -> Result<Datum> {
    Ok(a[usize::from(!any(a).is_lt())].clone())
}

/// Arrays' order; element types must be the same.
fn arrays(a: &[Datum]) -> Result<Ordering> {
    if a[0].as_array().elem != a[1].as_array().elem {
        return Err(err!(SqlState::DATATYPE_MISMATCH, "cannot compare arrays of different element types"));
    }
    Ok(any(a))
}

/// Records' order; column types and counts must be the same.
fn records(cx: &FnCx<'_>, a: &[Datum]) -> Result<Ordering> {
    let (left, right) = (a[0].as_record(), a[1].as_record());
    for (i, ((x, _), (y, _))) in left.fields.iter().zip(&right.fields).enumerate() {
        if x.oid != y.oid {
            let name = |oid| crate::sql::types::typename::format_type_be(cx.io.types, oid);
            return Err(err!(
                SqlState::DATATYPE_MISMATCH,
                "cannot compare dissimilar column types {} and {} at record column {}",
                name(x.oid),
                name(y.oid),
                i + 1
            ));
        }
    }
    if left.fields.len() != right.fields.len() {
        return Err(err!(SqlState::DATATYPE_MISMATCH, "cannot compare record types with different numbers of columns"));
    }
    Ok(any(a))
}
