//! Constants as SQL text: decorated with their type where reading the text back would give another one.

use crate::sql::types::io::{IoContext, output_string};
use crate::sql::types::{Datum, Oid, Type, typename};

/// A string literal; backslashes stand for themselves.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a type name is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowType {
    /// Never: a cast around the constant says it.
    Never,
    /// Where the text alone would be read as another type.
    AsNeeded,
}

/// A constant's text.
pub fn constant(io: &IoContext<'_>, value: &Datum, ty: Type, show: ShowType) -> String {
    let (shown, label) = constant_text(io, value, ty);
    if label && show == ShowType::AsNeeded { format!("{shown}::{}", typename::format_type(io.types, ty)) } else { shown }
}

/// A constant's text without a type, and whether it needs one to be read as that type again.
pub fn constant_text(io: &IoContext<'_>, value: &Datum, ty: Type) -> (String, bool) {
    if value.is_null() {
        return ("NULL".into(), true);
    }
    let text = output_string(io, value, Type::new(ty.oid));
    let (shown, mut label) = match ty.oid {
        Oid::INT4 if !text.starts_with('-') => (text, false),
        Oid::NUMERIC if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['e', 'E', '.']) => (text, false),
        Oid::INT4 | Oid::NUMERIC => (format!("'{text}'"), true),
        Oid::BOOL => (if value.as_bool() { "true".into() } else { "false".into() }, false),
        Oid::UNKNOWN => (quote_literal(&text), false),
        _ => (quote_literal(&text), true),
    };
    if ty.oid == Oid::NUMERIC && ty.typmod >= 0 {
        label = true;
    }
    (shown, label)
}
