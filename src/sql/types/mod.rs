//! SQL data types: what a value is (`Datum`), what a type is (`Type`), and one file a type family for text and binary
//! input and output, comparison, hashing and key encoding.

pub mod array;
pub mod array_io;
pub mod bit;
pub mod bytea;
pub mod compare;
pub mod datetime;
pub mod datum;
mod family;
pub mod float;
pub mod geo;
pub mod inet;
pub mod int;
pub mod interval;
pub mod io;
pub mod json;
pub mod jsonb;
pub mod jsonpath;
pub mod money;
pub mod numeric;
pub mod oid;
pub mod range;
pub mod range_io;
pub mod record;
pub mod sysid;
pub mod text;
pub mod tsearch;
pub mod typename;

#[cfg(test)]
mod golden;

pub use datum::Datum;
pub use oid::Oid;

/// A type with its modifier, as expressions and columns carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Type {
    /// `pg_type.oid`.
    pub oid: Oid,
    /// PostgreSQL's `atttypmod`: -1 for none; `varchar(n)` is n+4; `numeric(p,s)` is ((p<<16)|s)+4.
    pub typmod: i32,
}

impl Type {
    /// A type without modifier.
    pub const fn new(oid: Oid) -> Self {
        Self { oid, typmod: -1 }
    }
}

impl From<Oid> for Type {
    fn from(oid: Oid) -> Self {
        Self::new(oid)
    }
}
