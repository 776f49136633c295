//! jsonb: parsed JSON with PostgreSQL's key order (length, then bytes) and last-key-wins duplicates.

use super::numeric::Numeric;
use smol_str::SmolStr;

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Jsonb {
    /// null
    Null,
    /// true, false
    Bool(bool),
    /// A number, with its display scale
    Number(Numeric),
    /// A string
    String(SmolStr),
    /// An array
    Array(Vec<Jsonb>),
    /// An object: unique keys in jsonb order
    Object(Vec<(SmolStr, Jsonb)>),
}
