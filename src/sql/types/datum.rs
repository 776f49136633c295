//! One SQL value in memory.
//!
//! A `Datum` does not know its SQL type, only its physical kind: `text`, `varchar`, `bpchar`, `name`, `json` are all `Text`;
//! `oid` and every `reg*` are `Oid`; `date` is days since 2000-01-01, timestamps are microseconds since 2000-01-01 00:00
//! (UTC for `timestamptz`), with `MIN`/`MAX` for -infinity/infinity. Whoever handles a datum knows its `Type` from the plan.

use super::array::Array;
use super::bit::BitString;
use super::geo::Geometry;
use super::inet::Inet;
use super::interval::Interval;
use super::jsonb::Jsonb;
use super::numeric::Numeric;
use super::oid::Oid;
use super::range::{Multirange, Range};
use super::tsearch::{TsQuery, TsVector};
use smol_str::SmolStr;
use std::sync::Arc;

/// One SQL value; NULL is `Null` whatever the type. 24 bytes; clones are cheap (inline or reference-counted).
#[derive(Clone, Debug, Default)]
pub enum Datum {
    /// SQL NULL.
    #[default]
    Null,
    /// boolean
    Bool(bool),
    /// smallint
    Int2(i16),
    /// integer
    Int4(i32),
    /// bigint
    Int8(i64),
    /// real
    Float4(f32),
    /// double precision
    Float8(f64),
    /// numeric
    Numeric(Numeric),
    /// oid, reg*, xid, cid
    Oid(Oid),
    /// "char": one byte
    Char(u8),
    /// text, varchar, bpchar (blank-padded), name, json, xml, unknown, cstring, refcursor
    Text(SmolStr),
    /// bytea
    Bytea(Arc<[u8]>),
    /// date: days since 2000-01-01
    Date(i32),
    /// time: microseconds since midnight
    Time(i64),
    /// timetz: microseconds since midnight, zone in seconds WEST of UTC (PostgreSQL's sign)
    TimeTz(i64, i32),
    /// timestamp: microseconds since 2000-01-01 00:00
    Timestamp(i64),
    /// timestamptz: microseconds since 2000-01-01 00:00 UTC
    TimestampTz(i64),
    /// interval
    Interval(Interval),
    /// uuid
    Uuid(Arc<[u8; 16]>),
    /// jsonb
    Jsonb(Arc<Jsonb>),
    /// Any array, int2vector and oidvector included
    Array(Arc<Array>),
    /// A row value (composite or anonymous record): its fields, in order, with their types
    Record(Arc<Record>),
    /// An enum value
    Enum(EnumValue),
    /// bit, varbit
    Bit(Arc<BitString>),
    /// inet, cidr
    Inet(Arc<Inet>),
    /// macaddr (first 6 bytes used) and macaddr8
    MacAddr([u8; 8]),
    /// money: hundredths
    Money(i64),
    /// tid: block, offset
    Tid(u32, u16),
    /// xid8, pg_lsn
    U64(u64),
    /// Any range
    Range(Arc<Range>),
    /// Any multirange
    Multirange(Arc<Multirange>),
    /// tsvector
    TsVector(Arc<TsVector>),
    /// tsquery
    TsQuery(Arc<TsQuery>),
    /// point, line, lseg, box, path, polygon, circle
    Geo(Arc<Geometry>),
}

/// An enum value: its label's OID and sort position; the label's text is in the catalog (`pg_enum`).
#[derive(Clone, Copy, Debug)]
pub struct EnumValue {
    /// `pg_enum.oid`
    pub label: Oid,
    /// `pg_enum.enumsortorder`; never changes once given
    pub order: f32,
}

/// A row value.
#[derive(Clone, Debug)]
pub struct Record {
    /// The composite type, or `RECORD` for an anonymous one.
    pub ty: Oid,
    /// Each field with its type.
    pub fields: Vec<(super::Type, Datum)>,
    /// Field names where they are known (anonymous records of a subquery); empty otherwise.
    pub names: Arc<[SmolStr]>,
}

impl Datum {
    /// Whether this is NULL.
    #[inline]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// A text datum.
    pub fn text(s: impl Into<SmolStr>) -> Self {
        Self::Text(s.into())
    }

    /// A bytea datum.
    pub fn bytea(b: &[u8]) -> Self {
        Self::Bytea(b.into())
    }
}

macro_rules! accessors {
    ($($name:ident: $variant:ident($ty:ty);)*) => {
        /// Typed access where the plan guarantees the kind; panics on another kind (a planner bug, not user input).
        impl Datum {
            $(
                #[doc = concat!("The `", stringify!($variant), "` inside.")]
                #[inline]
                #[track_caller]
                pub fn $name(&self) -> $ty {
                    match self {
                        Self::$variant(v) => *v,
                        other => wrong_kind(stringify!($variant), other),
                    }
                }
            )*
        }
    };
}

#[cold]
#[track_caller]
fn wrong_kind(want: &str, got: &Datum) -> ! {
    panic!("expected a datum of kind {want}, got {got:?}")
}

accessors! {
    as_bool: Bool(bool);
    as_int2: Int2(i16);
    as_int4: Int4(i32);
    as_int8: Int8(i64);
    as_float4: Float4(f32);
    as_float8: Float8(f64);
    as_oid: Oid(Oid);
    as_date: Date(i32);
    as_time: Time(i64);
    as_timestamp: Timestamp(i64);
    as_timestamptz: TimestampTz(i64);
    as_interval: Interval(Interval);
    as_money: Money(i64);
}

macro_rules! ref_accessors {
    ($($name:ident: $variant:ident -> $ty:ty;)*) => {
        /// Borrowing access where the plan guarantees the kind; panics on another kind (a planner bug, not user input).
        impl Datum {
            $(
                #[doc = concat!("The `", stringify!($variant), "` inside.")]
                #[inline]
                #[track_caller]
                pub fn $name(&self) -> $ty {
                    match self {
                        Self::$variant(v) => v,
                        other => wrong_kind(stringify!($variant), other),
                    }
                }
            )*
        }
    };
}

ref_accessors! {
    as_str: Text -> &str;
    as_bytes: Bytea -> &[u8];
    as_numeric: Numeric -> &Numeric;
    as_array: Array -> &Arc<Array>;
    as_record: Record -> &Arc<Record>;
    as_jsonb: Jsonb -> &Arc<Jsonb>;
    as_bit: Bit -> &BitString;
    as_inet: Inet -> &Inet;
    as_range: Range -> &Arc<Range>;
    as_multirange: Multirange -> &Arc<Multirange>;
    as_uuid: Uuid -> &[u8; 16];
}
