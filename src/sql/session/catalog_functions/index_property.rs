//! pg_indexam_has_property, pg_index_has_property, pg_index_column_has_property (amutils.c).

use super::Call;
use crate::error::Result;
use crate::sql::system::access_method_name;
use crate::sql::types::Datum;

/// Functions of this family; None for others.
pub fn call(c: &Call<'_>) -> Result<Option<Datum>> {
    let answer = match c.symbol {
        "pg_indexam_has_property" => access_method_name(c.oid(0)).and_then(|am| of_method(am, &property(c, 1))),
        "pg_index_has_property" => method_of(c).and_then(|am| of_index(&am, &property(c, 1))),
        "pg_index_column_has_property" => of_column(c),
        "_pg_index_position/26 21" => return Ok(Some(position(c))),
        _ => return Ok(None),
    };
    Ok(Some(answer.map_or(Datum::Null, Datum::Bool)))
}

/// The place of a table's column among an index's keys (information_schema's helper).
fn position(c: &Call<'_>) -> Datum {
    let view = c.core.view();
    let Some((_, index)) = view.catalog.index(c.oid(0)) else { return Datum::Null };
    let wanted = u16::try_from(c.int(1) - 1).ok();
    let at = index.keys.iter().position(|k| k.column.is_some() && k.column == wanted);
    at.map_or(Datum::Null, |at| Datum::Int4(at as i32 + 1))
}

fn property(c: &Call<'_>, at: usize) -> String {
    c.text(at).to_ascii_lowercase()
}

fn method_of(c: &Call<'_>) -> Option<String> {
    c.core.view().catalog.index(c.oid(0)).map(|(_, i)| i.method.to_string())
}

fn of_method(am: &str, property: &str) -> Option<bool> {
    Some(match property {
        "can_order" | "can_unique" => am == "btree",
        "can_multi_col" => matches!(am, "btree" | "gist" | "gin" | "brin"),
        "can_exclude" => matches!(am, "btree" | "hash" | "gist" | "spgist"),
        "can_include" => matches!(am, "btree" | "gist" | "spgist"),
        _ => return None,
    })
}

fn of_index(am: &str, property: &str) -> Option<bool> {
    Some(match property {
        "clusterable" => matches!(am, "btree" | "gist"),
        "index_scan" => !matches!(am, "gin" | "brin"),
        "bitmap_scan" => true,
        "backward_scan" => am == "btree",
        _ => return None,
    })
}

fn of_column(c: &Call<'_>) -> Option<bool> {
    let view = c.core.view();
    let (_, index) = view.catalog.index(c.oid(0))?;
    let number = usize::try_from(c.int(1)).ok()?.checked_sub(1)?;
    if number >= index.keys.len() + index.include.len() {
        return None;
    }
    let am = index.method.as_str();
    let key = index.keys.get(number);
    let ordered = am == "btree";
    Some(match property(c, 2).as_str() {
        // An included column is in no order.
        "asc" => ordered && !key?.desc,
        "desc" => ordered && key?.desc,
        "nulls_first" => ordered && key?.nulls_first,
        "nulls_last" => ordered && !key?.nulls_first,
        "orderable" => key.is_some() && ordered,
        "distance_orderable" => false,
        "returnable" => key.is_none() || ordered,
        "search_array" => key.is_some() && ordered,
        "search_nulls" => key.is_some() && !matches!(am, "hash" | "gin"),
        _ => return None,
    })
}
