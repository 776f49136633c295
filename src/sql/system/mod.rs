//! pg_catalog and information_schema: relations answered by code.
//!
//! Their columns are PostgreSQL 15's own (`catalog/data/system_*.tsv`). Base relations get their rows from a producer in one of
//! the files here, keyed by name; views are PostgreSQL's own definitions over them (`catalog/data/system_view.sql`, under the
//! PostgreSQL licence), expanded like any other view.

mod class;
mod constraint;
mod proc;
mod role;
mod rows;
mod statistic;
mod types;

pub use class::{access_method, access_method_name};
pub use proc::{OperatorClass, io_function_name, is_default_opclass, operator_classes_of};
pub use rows::{Figures, Rows, SystemCx, acl as acl_array, array, text_list};
pub use types::{INFORMATION_DOMAINS, information_domain, shape};

use crate::error::Result;
use crate::sql::types::Datum;

use crate::sql::catalog::BOOTSTRAP_ROLE;
use crate::sql::catalog::objects::{Column, RelKind, Relation, RelationRef, ViewDef};
use crate::sql::types::{Oid, Type};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

const RELATIONS: &str = include_str!("../catalog/data/system_relation.tsv");
const COLUMNS: &str = include_str!("../catalog/data/system_column.tsv");
const VIEWS: &str = include_str!("../catalog/data/system_view.sql");

/// Makes a base relation's rows.
type Producer = fn(&SystemCx<'_>, &mut Rows<'_>) -> Result<()>;

/// The rows of a base system relation, one datum per column. Relations about things this server never has are empty.
pub fn rows(cx: &SystemCx<'_>, relation: &Relation) -> Result<Vec<Vec<Datum>>> {
    static ALL: OnceLock<HashMap<&'static str, Producer>> = OnceLock::new();
    let producers = ALL.get_or_init(|| {
        [class::PRODUCERS, constraint::PRODUCERS, proc::PRODUCERS, role::PRODUCERS, statistic::PRODUCERS, types::PRODUCERS]
            .into_iter()
            .flatten()
            .copied()
            .collect()
    });
    let mut out = Rows::new(relation);
    if let Some(producer) = producers.get(relation.name.as_str()) {
        producer(cx, &mut out)?;
    }
    Ok(out.finish())
}

/// Every system relation.
pub fn relations() -> &'static [RelationRef] {
    static ALL: OnceLock<Vec<RelationRef>> = OnceLock::new();
    ALL.get_or_init(load)
}

fn number<T: std::str::FromStr + Default>(field: &str) -> T {
    field.parse().unwrap_or_default()
}

fn load() -> Vec<RelationRef> {
    let mut columns: HashMap<u32, Vec<Column>> = HashMap::new();
    for line in COLUMNS.lines() {
        let f: Vec<&str> = line.split('\t').collect();
        columns.entry(number(f[0])).or_default().push(Column {
            not_null: f[5] == "t",
            ..Column::new(f[2], Type { oid: Oid(number(f[3])), typmod: number(f[4]) }, Oid(number(f[6])))
        });
    }
    let mut views: HashMap<u32, String> = HashMap::new();
    for text in VIEWS.split("\n-- ").map(|t| t.trim_start_matches("-- ")) {
        if let Some((head, sql)) = text.split_once('\n') {
            let oid = head.split(' ').next().unwrap_or_default();
            views.insert(number(oid), sql.trim().trim_end_matches(';').to_owned());
        }
    }
    let schema = |name: &str| match name {
        "pg_catalog" => crate::sql::catalog::schema_oid::PG_CATALOG,
        _ => crate::sql::catalog::schema_oid::INFORMATION_SCHEMA,
    };
    RELATIONS
        .lines()
        .map(|line| {
            let f: Vec<&str> = line.split('\t').collect();
            let oid: u32 = number(f[0]);
            let kind = if views.contains_key(&oid) { RelKind::View } else { RelKind::System };
            let view = views.remove(&oid).map(|sql| ViewDef { sql, check_option: None, depends: Vec::new() });
            Arc::new(Relation {
                row_type: Oid(number(f[4])),
                row_array_type: Oid(number(f[5])),
                columns: columns.remove(&oid).unwrap_or_default(),
                view,
                ..Relation::new(Oid(oid), schema(f[1]), f[2], BOOTSTRAP_ROLE, kind)
            })
        })
        .collect()
}
