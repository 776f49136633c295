//! enum_first, enum_last, enum_range.

use super::Call;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::objects::UserTypeKind;
use crate::sql::types::datum::EnumValue;
use crate::sql::types::{Datum, Oid};

/// Functions of this family; None for others.
pub fn call(c: &Call<'_>) -> Result<Option<Datum>> {
    if !matches!(c.symbol, "enum_first" | "enum_last" | "enum_range_all" | "enum_range_bounds") {
        return Ok(None);
    }
    let Some(ty) = c.site.arg_types.first().map(|t| t.oid) else { return Ok(None) };
    let values = values(c, ty)?;
    let datum = |v: &EnumValue| Datum::Enum(*v);
    Ok(Some(match c.symbol {
        "enum_first" => values.first().map_or(Datum::Null, datum),
        "enum_last" => values.last().map_or(Datum::Null, datum),
        _ => {
            let order = |i: usize| match c.args.get(i) {
                Some(Datum::Enum(e)) if c.symbol == "enum_range_bounds" => Some(e.order),
                _ => None,
            };
            let (low, high) = (order(0), order(1));
            let inside = values.iter().filter(|v| low.is_none_or(|l| v.order >= l) && high.is_none_or(|h| v.order <= h));
            crate::sql::system::array(ty, inside.map(datum).collect())
        }
    }))
}

fn values(c: &Call<'_>, ty: Oid) -> Result<Vec<EnumValue>> {
    let view = c.core.view();
    match view.catalog.user_type(ty).map(|t| &t.kind) {
        Some(UserTypeKind::Enum(labels)) => Ok(labels.iter().map(|l| EnumValue { label: l.oid, order: l.order }).collect()),
        _ => Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "could not determine actual enum type")),
    }
}
