//! Which vector a SQL type's values travel in.

use crate::sql::types::{Datum, Oid};

/// The vector kind of a column: which `Datum` variant `Column::get` answers and how values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// boolean
    Bool,
    /// smallint
    Int2,
    /// integer
    Int4,
    /// bigint
    Int8,
    /// oid, reg*
    Oid,
    /// date
    Date,
    /// time
    Time,
    /// timestamp
    Timestamp,
    /// timestamptz
    TimestampTz,
    /// money
    Money,
    /// real
    Float4,
    /// double precision
    Float8,
    /// numeric
    Numeric,
    /// text, varchar, name, json...
    Text,
    /// Blank-padded text: trailing blanks do not count in comparisons.
    Bpchar,
    /// bytea
    Bytea,
    /// Everything else, as datums.
    Datum,
}

impl ColumnKind {
    /// The kind for a type OID. Types not listed travel as datums.
    pub fn of(ty: Oid) -> Self {
        match ty {
            Oid::BOOL => Self::Bool,
            Oid::INT2 => Self::Int2,
            Oid::INT4 => Self::Int4,
            Oid::INT8 => Self::Int8,
            Oid::OID | Oid::XID | Oid::CID | Oid::REGPROC | Oid::REGPROCEDURE | Oid::REGOPER | Oid::REGOPERATOR => Self::Oid,
            Oid::REGCLASS | Oid::REGTYPE | Oid::REGCONFIG | Oid::REGDICTIONARY => Self::Oid,
            Oid::REGNAMESPACE | Oid::REGROLE | Oid::REGCOLLATION => Self::Oid,
            Oid::DATE => Self::Date,
            Oid::TIME => Self::Time,
            Oid::TIMESTAMP => Self::Timestamp,
            Oid::TIMESTAMPTZ => Self::TimestampTz,
            Oid::MONEY => Self::Money,
            Oid::FLOAT4 => Self::Float4,
            Oid::FLOAT8 => Self::Float8,
            Oid::NUMERIC => Self::Numeric,
            Oid::TEXT | Oid::VARCHAR | Oid::NAME | Oid::JSON | Oid::XML | Oid::UNKNOWN | Oid::CSTRING | Oid::REFCURSOR => {
                Self::Text
            }
            Oid::BPCHAR => Self::Bpchar,
            Oid::BYTEA => Self::Bytea,
            _ => Self::Datum,
        }
    }

    /// The value a binary-coercible cast to a type of this kind makes: integer and oid share their 32 bits.
    pub fn relabel(self, value: Datum) -> Datum {
        match (self, value) {
            (Self::Oid, Datum::Int4(v)) => Datum::Oid(Oid(v as u32)),
            (Self::Int4, Datum::Oid(v)) => Datum::Int4(v.0 as i32),
            (_, value) => value,
        }
    }
}
