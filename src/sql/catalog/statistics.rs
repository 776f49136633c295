//! What ANALYZE found out about a table: `pg_statistic` and the size columns of `pg_class`.
//!
//! Statistics are catalog objects of their own (class letter `s`, keyed by the table's OID), so that they are durable, change
//! with the transaction that made them, and every plan is made again when they change. Values are kept in the self-describing
//! form of `encoding::value`, as base64 inside the JSON.

use super::objects::{Relation, StorageId};
use crate::encoding::value;
use crate::sql::types::{Datum, Oid};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Statistics of one table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableStatistics {
    /// The table.
    pub relation: Oid,
    /// The storage the rows were in: TRUNCATE and rewrites make another.
    pub storage: StorageId,
    /// `pg_class.reltuples`
    pub rows: f64,
    /// `pg_class.relpages`: the pages PostgreSQL's heap would take.
    pub pages: u32,
    /// When they were made, timestamptz microseconds.
    pub at: i64,
    /// By column position.
    pub columns: BTreeMap<u16, Arc<ColumnStatistics>>,
    /// By index: entries and pages.
    #[serde(default)]
    pub indexes: BTreeMap<Oid, (f64, u32)>,
}

/// Statistics of one column, under PostgreSQL's conventions (`pg_statistic`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ColumnStatistics {
    /// The column's type then: with another these say nothing.
    pub ty: Oid,
    /// Part of the rows in which it is NULL.
    pub null_fraction: f32,
    /// Average bytes of a value.
    pub width: i32,
    /// Distinct values: a number, or when negative the part of the rows. 0 when not known.
    pub distinct: f32,
    /// Most common values with their part of the rows, most common first.
    pub common: Values,
    /// Their parts of the rows.
    pub frequencies: Vec<f32>,
    /// Bounds of equally full ranges of the other values.
    pub histogram: Values,
    /// Correlation of the values' order with the rows'.
    pub correlation: Option<f32>,
}

/// Values that serialise themselves.
#[derive(Clone, Debug, Default)]
pub struct Values(pub Vec<Datum>);

impl std::ops::Deref for Values {
    type Target = [Datum];

    fn deref(&self) -> &[Datum] {
        &self.0
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|datum| {
            let mut bytes = Vec::new();
            // What cannot be encoded reads back as NULL, which no statistic contains otherwise.
            if value::encode(&mut bytes, datum).is_err() {
                bytes.clear();
            }
            BASE64.encode(bytes)
        }))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let one = |text: String| BASE64.decode(text).ok().and_then(|bytes| value::decode(&bytes).ok()).unwrap_or(Datum::Null);
        Ok(Self(texts.into_iter().map(one).collect()))
    }
}

impl TableStatistics {
    /// Statistics of a column as it is now.
    pub fn column(&self, relation: &Relation, position: u16) -> Option<&Arc<ColumnStatistics>> {
        let column = relation.columns.get(usize::from(position)).filter(|c| !c.dropped)?;
        self.columns.get(&position).filter(|s| s.ty == column.ty.oid)
    }
}

impl ColumnStatistics {
    /// Distinct values among `rows` rows; `None` when not known.
    pub fn distinct_of(&self, rows: f64) -> Option<f64> {
        match f64::from(self.distinct) {
            d if d > 0.0 => Some(d),
            d if d < 0.0 => Some((-d * rows).round().max(1.0)),
            _ => None,
        }
    }
}

/// Pages of 8 kB that `rows` rows of this average width take in PostgreSQL's heap.
pub fn heap_pages(rows: f64, width: f64) -> u32 {
    const HEADER: f64 = 24.0;
    const ITEM: f64 = 4.0;
    const USABLE: f64 = 8192.0 - 24.0;
    if rows <= 0.0 {
        return 0;
    }
    let tuple = HEADER + (width / 8.0).ceil() * 8.0 + ITEM;
    let per_page = (USABLE / tuple).floor().max(1.0);
    (rows / per_page).ceil() as u32
}

/// Pages of 8 kB that an index over `rows` rows with keys of this width takes in PostgreSQL.
pub fn index_pages(rows: f64, width: f64) -> u32 {
    const USABLE: f64 = 8152.0 * 0.9;
    let tuple = 8.0 + (width / 8.0).ceil() * 8.0 + 4.0;
    let per_page = (USABLE / tuple).floor().max(1.0);
    (rows / per_page).ceil() as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_survive_persistence() {
        let column = ColumnStatistics {
            ty: Oid::INT4,
            null_fraction: 0.25,
            width: 4,
            distinct: -0.5,
            common: Values(vec![Datum::Int4(7), Datum::text("x")]),
            frequencies: vec![0.5, 0.125],
            histogram: Values(vec![Datum::Date(1), Datum::Date(9)]),
            correlation: Some(-1.0),
        };
        let table = TableStatistics {
            relation: Oid(16400),
            storage: StorageId(7),
            rows: 1000.0,
            pages: 5,
            at: 0,
            columns: BTreeMap::from([(2, Arc::new(column))]),
            indexes: BTreeMap::from([(Oid(16401), (1000.0, 4))]),
        };
        let back: TableStatistics = serde_json::from_slice(&serde_json::to_vec(&table).unwrap()).unwrap();
        let column = &back.columns[&2];
        assert!(matches!(column.common[0], Datum::Int4(7)) && matches!(column.histogram[1], Datum::Date(9)));
        assert_eq!((column.correlation, column.distinct_of(1000.0)), (Some(-1.0), Some(500.0)));
        assert_eq!(back.indexes[&Oid(16401)], (1000.0, 4));
    }

    #[test]
    fn pages_are_those_of_a_heap() {
        // 10 000 rows of one integer: 45 pages (44.2 full ones) in PostgreSQL.
        assert_eq!(heap_pages(10_000.0, 4.0), 45);
    }
}
