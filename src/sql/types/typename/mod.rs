//! Built-in types' catalog rows, the names `format_type()` prints, and type modifiers.
//!
//! `builtin(Oid::INT4)` is the row PostgreSQL 15 has in `pg_type`; `format_type` turns a `Type` into SQL spelling
//! (`character varying(10)`, `integer[]`); `typmod_in`/`typmod_out` pack and unpack `(p, s)` lists.

mod table;
mod typmod;

use super::io::TypeLookup;
use super::{Oid, Type};
use std::fmt::Write;
pub use table::{RANGES, TYPES};
pub use typmod::{interval_mask, typmod_in, typmod_out};

/// One row of `pg_type`.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinType {
    /// `oid`
    pub oid: Oid,
    /// `typname`
    pub name: &'static str,
    /// `typlen`: bytes, -1 for variable length, -2 for a C string
    pub len: i16,
    /// `typbyval`
    pub byval: bool,
    /// `typtype`: b, p, r, m
    pub kind: u8,
    /// `typcategory`
    pub category: u8,
    /// `typdelim`
    pub delim: u8,
    /// `typispreferred`
    pub preferred: bool,
    /// `typelem`
    pub elem: Oid,
    /// `typarray`
    pub array: Oid,
    /// `typalign`
    pub align: u8,
    /// `typstorage`
    pub storage: u8,
    /// `typcollation`
    pub collation: Oid,
    /// Support functions: input, output, receive, send, typmodin, typmodout, analyze, subscript; empty for none.
    pub functions: [&'static str; 8],
}

impl BuiltinType {
    /// Whether this is a true array type (int2vector and oidvector are not).
    pub fn is_array(&self) -> bool {
        self.functions[7] == "array_subscript_handler" && self.storage != b'p'
    }
}

/// One row of `pg_range`.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinRange {
    /// The range type.
    pub range: Oid,
    /// What it ranges over.
    pub subtype: Oid,
    /// Its multirange type.
    pub multirange: Oid,
    /// Canonicalisation function; empty for none.
    pub canonical: &'static str,
    /// Subtype difference function.
    pub subdiff: &'static str,
}

/// The `pg_type` row of a built-in type.
pub fn builtin(oid: Oid) -> Option<&'static BuiltinType> {
    TYPES.binary_search_by_key(&oid, |t| t.oid).ok().map(|i| &TYPES[i])
}

/// The built-in type of that `typname` (not the SQL spelling).
pub fn builtin_by_name(name: &str) -> Option<&'static BuiltinType> {
    TYPES.iter().find(|t| t.name == name)
}

/// The `pg_range` row of a built-in range type.
pub fn builtin_range(range: Oid) -> Option<&'static BuiltinRange> {
    RANGES.iter().find(|r| r.range == range)
}

/// The `pg_range` row of a built-in multirange type.
pub fn builtin_multirange(multirange: Oid) -> Option<&'static BuiltinRange> {
    RANGES.iter().find(|r| r.multirange == multirange)
}

/// The element type of a built-in true array type.
pub fn builtin_elem(array: Oid) -> Option<Oid> {
    builtin(array).filter(|t| t.is_array()).map(|t| t.elem)
}

/// `typcollation` of a built-in type; `INVALID` for types without and for those that are not built in.
pub fn collation_of(oid: Oid) -> Oid {
    builtin(oid).map_or(Oid::INVALID, |t| t.collation)
}

/// Whether no column can have the type.
pub fn is_pseudo(oid: Oid) -> bool {
    builtin(oid).is_some_and(|t| t.kind == b'p')
}

/// The type below all domains.
pub fn base_type(types: &dyn TypeLookup, oid: Oid) -> Oid {
    if builtin(oid).is_some() {
        return oid;
    }
    match types.type_info(oid).map(|t| t.kind) {
        Some(super::io::TypeKind::Domain(base)) => base_type(types, base.oid),
        _ => oid,
    }
}

/// `format_type(oid, typmod)`: the type as SQL spells it, with its modifier.
pub fn format_type(types: &dyn TypeLookup, ty: Type) -> String {
    format_extended(types, ty.oid, Some(ty.typmod))
}

/// `format_type(oid, NULL)`: the type's name without any modifier, as error messages spell it.
pub fn format_type_be(types: &dyn TypeLookup, oid: Oid) -> String {
    format_extended(types, oid, None)
}

fn format_extended(types: &dyn TypeLookup, oid: Oid, typmod: Option<i32>) -> String {
    if !oid.is_valid() {
        return "-".into();
    }
    if let Some(elem) = builtin_elem(oid) {
        return format_extended(types, elem, typmod) + "[]";
    }
    if let Some(row) = builtin(oid) {
        return format_builtin(row, typmod);
    }
    match types.type_info(oid) {
        None => "???".into(),
        Some(found) => match found.kind {
            super::io::TypeKind::Array(elem) => format_extended(types, elem, typmod) + "[]",
            _ => found.name.to_string(),
        },
    }
}

fn format_builtin(row: &BuiltinType, typmod: Option<i32>) -> String {
    let modified = typmod.unwrap_or(-1);
    let given = typmod.is_some();
    let name = match row.oid {
        Oid::BIT if given && modified < 0 => "\"bit\"",
        Oid::BPCHAR if given && modified < 0 => "bpchar",
        Oid::BIT => "bit",
        Oid::BOOL => "boolean",
        Oid::BPCHAR => "character",
        Oid::FLOAT4 => "real",
        Oid::FLOAT8 => "double precision",
        Oid::INT2 => "smallint",
        Oid::INT4 => "integer",
        Oid::INT8 => "bigint",
        Oid::VARBIT => "bit varying",
        Oid::VARCHAR => "character varying",
        Oid::TIME | Oid::TIMESTAMP | Oid::TIMETZ | Oid::TIMESTAMPTZ => return format_time(row.oid, modified),
        Oid::CHAR => "\"char\"",
        Oid::ANY => "\"any\"",
        _ => row.name,
    };
    let mut out = String::from(name);
    out.push_str(&typmod_out(Type { oid: row.oid, typmod: modified }));
    out
}

fn format_time(oid: Oid, typmod: i32) -> String {
    let (base, zone) = match oid {
        Oid::TIME => ("time", "without"),
        Oid::TIMETZ => ("time", "with"),
        Oid::TIMESTAMP => ("timestamp", "without"),
        _ => ("timestamp", "with"),
    };
    let mut out = String::from(base);
    if typmod >= 0 {
        let _ = write!(out, "({typmod})");
    }
    let _ = write!(out, " {zone} time zone");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::types::io::BuiltinTypes;

    #[test]
    fn table_is_sorted_and_linked() {
        assert!(TYPES.windows(2).all(|w| w[0].oid < w[1].oid));
        for t in &TYPES {
            if t.array.is_valid() {
                assert_eq!(builtin_elem(t.array), Some(t.oid), "{}", t.name);
            }
        }
    }

    #[test]
    fn formats_as_postgres() {
        let f = |oid, typmod| format_type(&BuiltinTypes, Type { oid, typmod });
        assert_eq!(f(Oid::VARCHAR, 14), "character varying(10)");
        assert_eq!(f(Oid::VARCHAR_ARRAY, 14), "character varying(10)[]");
        assert_eq!(f(Oid::NUMERIC, ((10 << 16) | 2) + 4), "numeric(10,2)");
        assert_eq!(f(Oid::NUMERIC, typmod_in(Oid::NUMERIC, &["3", "-2"]).unwrap()), "numeric(3,-2)");
        assert_eq!(f(Oid::TIMESTAMPTZ, 3), "timestamp(3) with time zone");
        assert_eq!(f(Oid::BPCHAR, -1), "bpchar");
        assert_eq!(format_type_be(&BuiltinTypes, Oid::BPCHAR), "character");
        assert_eq!(f(Oid::CHAR, -1), "\"char\"");
        assert_eq!(f(Oid::INTERVAL, (4 << 16) | 0xFFFF), "interval year");
        assert_eq!(f(Oid::INTERVAL, (0x1C00 << 16) | 3), "interval hour to second(3)");
        assert_eq!(f(Oid::OIDVECTOR, -1), "oidvector");
    }
}
