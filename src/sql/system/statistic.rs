//! pg_statistic: what ANALYZE found, in PostgreSQL's slots (1 most common values, 2 histogram, 3 correlation).

use super::Producer;
use super::rows::{Rows, SystemCx, array};
use crate::error::Result;
use crate::sql::catalog::objects::Column;
use crate::sql::catalog::statistics::ColumnStatistics;
use crate::sql::types::{Datum, Oid};

pub const PRODUCERS: &[(&str, Producer)] = &[("pg_statistic", statistics)];

const SLOTS: [[&str; 5]; 5] = [
    ["stakind1", "staop1", "stacoll1", "stanumbers1", "stavalues1"],
    ["stakind2", "staop2", "stacoll2", "stanumbers2", "stavalues2"],
    ["stakind3", "staop3", "stacoll3", "stanumbers3", "stavalues3"],
    ["stakind4", "staop4", "stacoll4", "stanumbers4", "stavalues4"],
    ["stakind5", "staop5", "stacoll5", "stanumbers5", "stavalues5"],
];

fn statistics(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for table in cx.catalog.all_statistics() {
        let Some(relation) = cx.catalog.relation(table.relation) else { continue };
        for &position in table.columns.keys() {
            if let Some(found) = table.column(relation, position) {
                row(relation.oid, position, &relation.columns[usize::from(position)], found, out);
            }
        }
    }
    Ok(())
}

/// The operator a slot's values were compared with: `=` or `<` of the type's default btree class.
fn operator(symbol: &str, ty: Oid) -> Oid {
    let registry = crate::sql::expr::registry::registry();
    let class = if ty == Oid::VARCHAR { Oid::TEXT } else { ty };
    registry.operators_named(symbol).find(|o| o.left == class && o.right == class).map_or(Oid::INVALID, |o| o.oid)
}

fn row(table: Oid, position: u16, column: &Column, found: &ColumnStatistics, out: &mut Rows<'_>) {
    out.oid("starelid", table).int2("staattnum", position as i16 + 1).bool("stainherit", false);
    out.set("stanullfrac", Datum::Float4(found.null_fraction)).int4("stawidth", found.width);
    out.set("stadistinct", Datum::Float4(found.distinct));
    let numbers = |list: &[f32]| array(Oid::FLOAT4, list.iter().map(|f| Datum::Float4(*f)).collect());
    let ty = column.ty.oid;
    let mut slots: Vec<(i16, &str, Option<Datum>, Option<Datum>)> = Vec::new();
    if !found.common.is_empty() {
        slots.push((1, "=", Some(numbers(&found.frequencies)), Some(array(ty, found.common.to_vec()))));
    }
    if !found.histogram.is_empty() {
        slots.push((2, "<", None, Some(array(ty, found.histogram.to_vec()))));
    }
    if let Some(correlation) = found.correlation {
        slots.push((3, "<", Some(numbers(&[correlation])), None));
    }
    for ((kind, symbol, numbers, values), [stakind, staop, stacoll, stanumbers, stavalues]) in slots.into_iter().zip(SLOTS) {
        out.int2(stakind, kind).oid(staop, operator(symbol, ty)).oid(stacoll, column.collation);
        out.set(stanumbers, numbers.unwrap_or(Datum::Null)).set(stavalues, values.unwrap_or(Datum::Null));
    }
    out.push();
}
