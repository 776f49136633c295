//! How a column's values are laid out, whatever SQL type they have.
//!
//! A type of the catalog maps to one kind: domains to their base type's, every enum to `Enum`, every array to `Array`,
//! composite types to `Record`, range types to `Range`. Built-in types are known here by OID.

use crate::sql::types::{Datum, Oid};

/// Physical kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "one kind per datum kind, see `Datum`")]
pub enum PhysKind {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Oid,
    Char,
    /// Text ordered as its bytes.
    Text,
    /// Blank-padded text: trailing blanks do not count in comparisons.
    Bpchar,
    Bytea,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Jsonb,
    Array,
    Record,
    Enum,
    Bit,
    Inet,
    MacAddr,
    Money,
    Tid,
    U64,
    Range,
    Multirange,
    TsVector,
    TsQuery,
    Geo,
    /// The column has no bytes in the row: its value stands in the key.
    Unstored,
}

impl PhysKind {
    /// Bytes of a fixed-width kind; `None` for a variable one.
    pub const fn width(self) -> Option<usize> {
        Some(match self {
            Self::Unstored => 0,
            Self::Bool | Self::Char => 1,
            Self::Int2 => 2,
            Self::Int4 | Self::Float4 | Self::Oid | Self::Date => 4,
            Self::Tid => 6,
            Self::Int8 | Self::Float8 | Self::Time | Self::Timestamp | Self::TimestampTz => 8,
            Self::Enum | Self::MacAddr | Self::Money | Self::U64 => 8,
            Self::TimeTz => 12,
            Self::Interval | Self::Uuid => 16,
            _ => return None,
        })
    }

    /// Whether a key column of this kind gives back exactly the value that went in. Where not, the row keeps the column too.
    pub const fn key_is_lossless(self) -> bool {
        match self {
            Self::Bool | Self::Int2 | Self::Int4 | Self::Int8 | Self::Oid | Self::Char | Self::Text | Self::Bytea => true,
            Self::Date | Self::Time | Self::TimeTz | Self::Timestamp | Self::TimestampTz | Self::Uuid | Self::Enum => true,
            Self::Bit | Self::Inet | Self::MacAddr | Self::Money | Self::Tid | Self::U64 => true,
            // Negative zero, display scale, trailing blanks, the split in months and days, subscripts and so on get lost.
            _ => false,
        }
    }

    /// Whether values of this kind can be key columns at all.
    pub const fn has_key_form(self) -> bool {
        !matches!(self, Self::TsVector | Self::TsQuery | Self::Geo | Self::Unstored)
    }

    /// The kind of a built-in type; `None` where the catalog has to say (and for pseudo-types).
    pub fn of_builtin(ty: Oid) -> Option<Self> {
        Some(match ty {
            Oid::BOOL => Self::Bool,
            Oid::INT2 => Self::Int2,
            Oid::INT4 => Self::Int4,
            Oid::INT8 => Self::Int8,
            Oid::FLOAT4 => Self::Float4,
            Oid::FLOAT8 => Self::Float8,
            Oid::NUMERIC => Self::Numeric,
            Oid::CHAR => Self::Char,
            Oid::BPCHAR => Self::Bpchar,
            Oid::BYTEA => Self::Bytea,
            Oid::DATE => Self::Date,
            Oid::TIME => Self::Time,
            Oid::TIMETZ => Self::TimeTz,
            Oid::TIMESTAMP => Self::Timestamp,
            Oid::TIMESTAMPTZ => Self::TimestampTz,
            Oid::INTERVAL => Self::Interval,
            Oid::UUID => Self::Uuid,
            Oid::JSONB => Self::Jsonb,
            Oid::RECORD => Self::Record,
            Oid::BIT | Oid::VARBIT => Self::Bit,
            Oid::INET | Oid::CIDR => Self::Inet,
            Oid::MACADDR | Oid::MACADDR8 => Self::MacAddr,
            Oid::MONEY => Self::Money,
            Oid::TID => Self::Tid,
            Oid::XID8 | Oid::PG_LSN => Self::U64,
            Oid::TSVECTOR => Self::TsVector,
            Oid::TSQUERY => Self::TsQuery,
            _ => return Self::of_builtin_family(ty),
        })
    }

    fn of_builtin_family(ty: Oid) -> Option<Self> {
        Some(match ty {
            Oid::TEXT | Oid::VARCHAR | Oid::NAME | Oid::JSON | Oid::XML | Oid::UNKNOWN | Oid::CSTRING => Self::Text,
            Oid::REFCURSOR | Oid::JSONPATH | Oid::PG_NODE_TREE | Oid::ACLITEM => Self::Text,
            Oid::OID | Oid::XID | Oid::CID | Oid::REGPROC | Oid::REGPROCEDURE | Oid::REGOPER | Oid::REGOPERATOR => Self::Oid,
            Oid::REGCLASS | Oid::REGTYPE | Oid::REGCONFIG | Oid::REGDICTIONARY => Self::Oid,
            Oid::REGNAMESPACE | Oid::REGROLE | Oid::REGCOLLATION => Self::Oid,
            Oid::POINT | Oid::LSEG | Oid::PATH | Oid::BOX | Oid::POLYGON | Oid::LINE | Oid::CIRCLE => Self::Geo,
            Oid::INT4RANGE | Oid::NUMRANGE | Oid::TSRANGE | Oid::TSTZRANGE | Oid::DATERANGE | Oid::INT8RANGE => Self::Range,
            Oid::INT4MULTIRANGE | Oid::NUMMULTIRANGE | Oid::TSMULTIRANGE => Self::Multirange,
            Oid::TSTZMULTIRANGE | Oid::DATEMULTIRANGE | Oid::INT8MULTIRANGE => Self::Multirange,
            Oid::INT2VECTOR | Oid::OIDVECTOR => Self::Array,
            other if is_builtin_array(other) => Self::Array,
            _ => return None,
        })
    }

    /// The kind a datum has by itself; `Text` for blank-padded text, `None` for NULL.
    pub fn of_datum(value: &Datum) -> Option<Self> {
        Some(match value {
            Datum::Null => return None,
            Datum::Bool(_) => Self::Bool,
            Datum::Int2(_) => Self::Int2,
            Datum::Int4(_) => Self::Int4,
            Datum::Int8(_) => Self::Int8,
            Datum::Float4(_) => Self::Float4,
            Datum::Float8(_) => Self::Float8,
            Datum::Numeric(_) => Self::Numeric,
            Datum::Oid(_) => Self::Oid,
            Datum::Char(_) => Self::Char,
            Datum::Text(_) => Self::Text,
            Datum::Bytea(_) => Self::Bytea,
            Datum::Date(_) => Self::Date,
            Datum::Time(_) => Self::Time,
            Datum::TimeTz(..) => Self::TimeTz,
            Datum::Timestamp(_) => Self::Timestamp,
            Datum::TimestampTz(_) => Self::TimestampTz,
            Datum::Interval(_) => Self::Interval,
            Datum::Uuid(_) => Self::Uuid,
            Datum::Jsonb(_) => Self::Jsonb,
            Datum::Array(_) => Self::Array,
            Datum::Record(_) => Self::Record,
            Datum::Enum(_) => Self::Enum,
            Datum::Bit(_) => Self::Bit,
            Datum::Inet(_) => Self::Inet,
            Datum::MacAddr(_) => Self::MacAddr,
            Datum::Money(_) => Self::Money,
            Datum::Tid(..) => Self::Tid,
            Datum::U64(_) => Self::U64,
            Datum::Range(_) => Self::Range,
            Datum::Multirange(_) => Self::Multirange,
            Datum::TsVector(_) => Self::TsVector,
            Datum::TsQuery(_) => Self::TsQuery,
            Datum::Geo(_) => Self::Geo,
        })
    }

    /// The kind of a value nested in an array, record or range whose type is `ty`.
    pub(super) fn of_nested(ty: Oid, value: &Datum) -> Option<Self> {
        Self::of_builtin(ty).or_else(|| Self::of_datum(value))
    }
}

/// Array types of `pg_type` whose OIDs are fixed.
fn is_builtin_array(ty: Oid) -> bool {
    matches!(ty.0, 143 | 199 | 271 | 629 | 651 | 719 | 775 | 791 | 1034 | 1040 | 1041 | 1115 | 1182 | 1183 | 1185 | 1187)
        || matches!(ty.0, 1000..=1003 | 1005..=1022 | 1027 | 1028 | 1231 | 1263 | 1270 | 1561 | 1563 | 2201 | 2207..=2211 | 2287)
        || matches!(ty.0, 2949 | 2951 | 3221 | 3643..=3645 | 3735 | 3770 | 3807 | 3905 | 3907 | 3909 | 3911 | 3913 | 3927)
        || matches!(ty.0, 4073 | 4090 | 4097 | 4192 | 5039 | 6150..=6153 | 6155 | 6157)
}
