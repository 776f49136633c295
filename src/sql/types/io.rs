//! The type-directed doors of the type system: text in, text out, binary in, binary out.
//!
//! Everything that depends on a session (date style, time zone, ...) or on the catalog (enum labels, composite fields, `reg*`
//! names) arrives through `IoContext`; the families below know nothing else of the server.

use super::datetime::{DateStyle, IntervalStyle};
use super::datum::EnumValue;
use super::{Datum, Oid, Type, family, typename};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use jiff::tz::TimeZone;
use smol_str::SmolStr;
use std::sync::Arc;

/// `bytea_output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByteaOutput {
    /// `\xDEADBEEF`
    #[default]
    Hex,
    /// Printable bytes as they are, others as `\ooo`.
    Escape,
}

/// What text input and output depend on besides the value and its type.
#[derive(Clone, Copy)]
pub struct IoContext<'a> {
    /// `DateStyle`
    pub date_style: DateStyle,
    /// `IntervalStyle`
    pub interval_style: IntervalStyle,
    /// `TimeZone`
    pub time_zone: &'a TimeZone,
    /// `extra_float_digits`
    pub extra_float_digits: i32,
    /// `bytea_output`
    pub bytea_output: ByteaOutput,
    /// Start of the transaction, microseconds since 2000-01-01 UTC: what `'now'` and `'today'` mean.
    pub now: i64,
    /// The catalog's answers about types that are not built in.
    pub types: &'a dyn TypeLookup,
}

impl IoContext<'static> {
    /// PostgreSQL's defaults, UTC, built-in types only; `now` is 2000-01-01.
    pub fn plain() -> Self {
        static UTC: TimeZone = TimeZone::UTC;
        Self {
            date_style: DateStyle::default(),
            interval_style: IntervalStyle::default(),
            time_zone: &UTC,
            extra_float_digits: 1,
            bytea_output: ByteaOutput::default(),
            now: 0,
            types: &BuiltinTypes,
        }
    }
}

/// What a type is, for types the static table does not know.
#[derive(Clone, Debug)]
pub struct TypeInfo {
    /// `pg_type.oid`
    pub oid: Oid,
    /// The name as `format_type()` prints it: quoted and schema-qualified where needed.
    pub name: SmolStr,
    /// What kind of type it is.
    pub kind: TypeKind,
    /// `typdelim`: separates its values inside an array's text.
    pub delim: u8,
}

/// The kinds of types with what their input and output need.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// A built-in scalar.
    Base,
    /// A pseudo-type.
    Pseudo,
    /// An enum.
    Enum,
    /// A domain over this type.
    Domain(Type),
    /// A composite type: its live attributes in order.
    Composite(Arc<[(SmolStr, Type)]>),
    /// A range.
    Range {
        /// What it ranges over.
        subtype: Oid,
    },
    /// A multirange.
    Multirange {
        /// Its range type.
        range: Oid,
    },
    /// An array of this element type.
    Array(Oid),
}

/// The catalog's answers. Built-in types are never asked for, except through `reg_in` and `reg_out`. `Sync` because scans run on
/// several threads.
pub trait TypeLookup: Sync {
    /// What the type is.
    fn type_info(&self, oid: Oid) -> Option<TypeInfo>;
    /// The value of an enum's label.
    fn enum_value(&self, ty: Oid, label: &str) -> Option<EnumValue>;
    /// The text of a label by its OID.
    fn enum_label(&self, label: Oid) -> Option<SmolStr>;
    /// The object a `reg*` type's text names (neither a number nor `-`); errors as PostgreSQL's, e.g. 42P01.
    fn reg_in(&self, kind: Oid, text: &str) -> Result<Oid>;
    /// The name a `reg*` type prints for an object; `None` prints the number.
    fn reg_out(&self, kind: Oid, oid: Oid) -> Option<String>;
}

/// A catalog that knows built-in types only.
pub struct BuiltinTypes;

impl TypeLookup for BuiltinTypes {
    fn type_info(&self, _oid: Oid) -> Option<TypeInfo> {
        None
    }

    fn enum_value(&self, _ty: Oid, _label: &str) -> Option<EnumValue> {
        None
    }

    fn enum_label(&self, _label: Oid) -> Option<SmolStr> {
        None
    }

    fn reg_in(&self, kind: Oid, text: &str) -> Result<Oid> {
        match typename::TYPES
            .iter()
            .find(|t| kind == Oid::REGTYPE && (t.name == text || typename::format_type_be(self, t.oid) == text))
        {
            Some(found) => Ok(found.oid),
            None => Err(err!(SqlState::UNDEFINED_OBJECT, "\"{text}\" does not exist")),
        }
    }

    fn reg_out(&self, kind: Oid, oid: Oid) -> Option<String> {
        (kind == Oid::REGTYPE && typename::builtin(oid).is_some()).then(|| typename::format_type_be(self, oid))
    }
}

/// What a type is, built in or not. Errors: XX000 for an OID that names no type.
pub fn type_info(types: &dyn TypeLookup, oid: Oid) -> Result<TypeInfo> {
    if let Some(row) = typename::builtin(oid) {
        let kind = if row.is_array() {
            TypeKind::Array(row.elem)
        } else if let Some(r) = typename::builtin_range(oid) {
            TypeKind::Range { subtype: r.subtype }
        } else if let Some(r) = typename::builtin_multirange(oid) {
            TypeKind::Multirange { range: r.range }
        } else if row.kind == b'p' {
            TypeKind::Pseudo
        } else {
            TypeKind::Base
        };
        return Ok(TypeInfo { oid, name: typename::format_type_be(types, oid).into(), kind, delim: row.delim });
    }
    types.type_info(oid).ok_or_else(|| SqlError::internal(format!("cache lookup failed for type {oid}")))
}

/// 22P02 `invalid input syntax for type T: "x"`.
#[cold]
pub fn invalid_syntax(ty: &str, text: &str) -> SqlError {
    err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type {ty}: \"{text}\"")
}

/// 22P03 for binary input that makes no sense.
#[cold]
pub fn invalid_binary(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::INVALID_BINARY_REPRESENTATION, message)
}

/// Parses text as PostgreSQL's input functions do and applies the type's modifier. A domain's base type is read; its
/// constraints are the caller's.
pub fn input(cx: &IoContext<'_>, text: &str, ty: Type) -> Result<Datum> {
    family::input(cx, text, ty)
}

/// Appends the text form of a value; NULL appends nothing.
pub fn output(cx: &IoContext<'_>, value: &Datum, ty: Type, out: &mut Vec<u8>) {
    family::output(cx, value, ty, out);
}

/// The text form of a value.
pub fn output_string(cx: &IoContext<'_>, value: &Datum, ty: Type) -> String {
    let mut out = Vec::new();
    family::output(cx, value, ty, &mut out);
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Reads a value's whole binary form and applies the type's modifier.
pub fn receive(cx: &IoContext<'_>, bytes: &[u8], ty: Type) -> Result<Datum> {
    let mut reader = Reader::new(bytes);
    let value = family::receive(cx, &mut reader, ty)?;
    if !reader.is_empty() {
        return Err(invalid_binary("incorrect binary data format"));
    }
    Ok(value)
}

/// Appends the binary form of a value (not NULL). Errors: 42883 for a type that has none.
pub fn send(cx: &IoContext<'_>, value: &Datum, ty: Type, out: &mut Vec<u8>) -> Result<()> {
    family::send(cx, value, ty, out)
}

/// Reads big-endian fields from a binary value.
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! reads {
    ($($name:ident -> $ty:ty;)*) => {
        $(
            #[doc = concat!("The next big-endian `", stringify!($ty), "`.")]
            pub fn $name(&mut self) -> Result<$ty> {
                let bytes = self.bytes(size_of::<$ty>())?;
                Ok(<$ty>::from_be_bytes(bytes.try_into().expect("asked for exactly that many bytes")))
            }
        )*
    };
}

impl<'a> Reader<'a> {
    /// Over these bytes.
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes. Errors: 08P01 when fewer are left.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        if n > self.rest.len() {
            return Err(err!(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message"));
        }
        let (head, tail) = self.rest.split_at(n);
        self.rest = tail;
        Ok(head)
    }

    /// All that is left.
    pub fn remaining(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The remaining bytes as UTF-8 text. Errors: 22021.
    pub fn text(&mut self) -> Result<&'a str> {
        utf8(self.remaining())
    }

    /// Text up to a zero byte.
    pub fn c_string(&mut self) -> Result<&'a str> {
        let Some(end) = self.rest.iter().position(|b| *b == 0) else {
            return Err(err!(SqlState::PROTOCOL_VIOLATION, "invalid string in message"));
        };
        let text = utf8(self.bytes(end)?)?;
        self.bytes(1)?;
        Ok(text)
    }

    reads! {
        u8 -> u8;
        u16 -> u16;
        u32 -> u32;
        u64 -> u64;
        i16 -> i16;
        i32 -> i32;
        i64 -> i64;
        f32 -> f32;
        f64 -> f64;
    }
}

/// Checks that bytes are UTF-8 text without NUL. Errors: 22021 naming the offending bytes.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    let bad = match std::str::from_utf8(bytes) {
        Ok(s) => match memchr::memchr(0, bytes) {
            None => return Ok(s),
            Some(at) => at..at + 1,
        },
        Err(e) => {
            let at = e.valid_up_to();
            let len = utf8_length(bytes[at]).min(bytes.len() - at);
            at..at + len
        }
    };
    let shown: Vec<String> = bytes[bad].iter().map(|b| format!("0x{b:02x}")).collect();
    Err(err!(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")))
}

/// Bytes a UTF-8 sequence with this first byte claims.
fn utf8_length(first: u8) -> usize {
    match first {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 1,
    }
}

/// Writes a length word, then what `body` appends, as binary containers (arrays, records, ranges) frame their parts.
pub fn framed(out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out)?;
    let len = (out.len() - start - 4) as i32;
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    Ok(())
}

/// What C's `isspace` accepts.
pub fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | 0x0B | 0x0C | b'\r')
}

/// Without leading and trailing C white space.
pub fn trim_space(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8))
}
