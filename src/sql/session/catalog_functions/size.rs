//! Sizes, from the engine's own figures.

use super::Call;
use crate::error::{Result, SqlError};
use crate::kv::{KeyRange, Keyspace};
use crate::sql::catalog::Catalog;
use crate::sql::catalog::objects::Relation;
use crate::sql::types::io::TypeLookup;
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// Functions of this family; None for others.
pub fn call(c: &Call<'_>) -> Result<Option<Datum>> {
    let view = c.core.view();
    let oid = c.oid(0);
    let sized = |n: Option<u64>| n.map_or(Datum::Null, |n| Datum::Int8(n as i64));
    Ok(Some(match c.symbol {
        "pg_relation_size" | "pg_relation_size/2205" => {
            if c.args.len() > 1 && c.text(1) != "main" {
                return Ok(Some(Datum::Int8(0)));
            }
            sized(relation(c, &view.catalog, oid)?)
        }
        "pg_table_size" => sized(relation(c, &view.catalog, oid)?),
        "pg_indexes_size" => match view.catalog.relation(oid) {
            Some(r) => {
                let mut sum = 0;
                for i in r.indexes.iter() {
                    sum += index_size(c, r, i.number)?;
                }
                sized(Some(sum))
            }
            None => Datum::Null,
        },
        "pg_total_relation_size" => match view.catalog.relation(oid) {
            Some(r) if r.storage.0 != 0 => sized(Some(range(c, r, None)? + PAGE * r.indexes.len() as u64)),
            Some(_) => Datum::Int8(0),
            None => sized(relation(c, &view.catalog, oid)?),
        },
        "pg_database_size_oid" => sized(Some(database(c, oid)?)),
        "pg_database_size_name" => match view.shared.database_named(c.text(0)) {
            Some(d) => sized(Some(database(c, d.oid)?)),
            None => {
                let message = format!("database \"{}\" does not exist", c.text(0));
                return Err(SqlError::new(crate::error::SqlState::INVALID_CATALOG_NAME, message));
            }
        },
        "pg_tablespace_size_oid" | "pg_tablespace_size_name" => {
            let everything = KeyRange::default();
            Datum::Int8(c.core.server.store.approximate_size(Keyspace::Data, &everything).map_err(SqlError::from)? as i64)
        }
        "pg_relation_filenode" => {
            let known = view.catalog.relation(oid).map(|r| r.oid).or_else(|| view.catalog.index(oid).map(|(_, i)| i.oid));
            known.map_or(Datum::Null, Datum::Oid)
        }
        "pg_relation_filepath" => {
            let known = view.reg_out(Oid::REGCLASS, oid);
            known.map_or(Datum::Null, |_| Datum::text(format!("base/{}/{oid}", view.database.0)))
        }
        _ => return Ok(None),
    }))
}

fn range(c: &Call<'_>, r: &Relation, index: Option<u16>) -> Result<u64> {
    let mut prefix = r.storage.0.to_be_bytes().to_vec();
    if let Some(number) = index {
        prefix.extend_from_slice(&number.to_be_bytes());
    }
    c.core.server.store.approximate_size(Keyspace::Data, &KeyRange::prefix(&prefix)).map_err(SqlError::from)
}

/// PostgreSQL's page: what the smallest index takes there.
const PAGE: u64 = 8192;

/// An index's entries and a page of its own; the clustering one's entries are the rows.
fn index_size(c: &Call<'_>, r: &Relation, number: u16) -> Result<u64> {
    Ok(PAGE + if number == 0 { 0 } else { range(c, r, Some(number))? })
}

fn relation(c: &Call<'_>, catalog: &Arc<Catalog>, oid: Oid) -> Result<Option<u64>> {
    if let Some(r) = catalog.relation(oid) {
        return if r.storage.0 == 0 { Ok(Some(0)) } else { range(c, r, Some(0)).map(Some) };
    }
    match catalog.index(oid) {
        Some((table, index)) => index_size(c, table, index.number).map(Some),
        None => Ok(None),
    }
}

fn database(c: &Call<'_>, oid: Oid) -> Result<u64> {
    let slot = c.core.server.catalogs.database(oid)?;
    let catalog = Arc::clone(&slot.read());
    let mut sum = 0;
    for r in catalog.relations().filter(|r| r.storage.0 != 0) {
        sum += range(c, r, None)?;
    }
    Ok(sum)
}
