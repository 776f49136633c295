//! pg_catalog and information_schema: relations answered by code.
//!
//! Their columns are PostgreSQL 15's own (`catalog/data/system_*.tsv`); each relation's rows come from a producer in one of the
//! files here, keyed by `schema.name`.

use crate::sql::catalog::BOOTSTRAP_ROLE;
use crate::sql::catalog::objects::{Column, OnCommit, Persistence, RelKind, Relation, RelationRef, StorageId};
use crate::sql::types::{Oid, Type};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

const RELATIONS: &str = include_str!("../catalog/data/system_relation.tsv");
const COLUMNS: &str = include_str!("../catalog/data/system_column.tsv");

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
            name: f[2].into(),
            ty: Type { oid: Oid(number(f[3])), typmod: number(f[4]) },
            collation: Oid(number(f[6])),
            not_null: f[5] == "t",
            default: None,
            identity: None,
            generated: false,
            dropped: false,
            missing: None,
            storage: None,
            compression: None,
            statistics: None,
            acl: None,
        });
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
            Arc::new(Relation {
                oid: Oid(oid),
                schema: schema(f[1]),
                name: f[2].into(),
                owner: BOOTSTRAP_ROLE,
                kind: RelKind::System,
                persistence: Persistence::Permanent,
                row_type: Oid(number(f[4])),
                row_array_type: Oid(number(f[5])),
                columns: columns.remove(&oid).unwrap_or_default(),
                storage: StorageId(0),
                indexes: Vec::new(),
                constraints: Vec::new(),
                view: None,
                sequence: None,
                options: Vec::new(),
                acl: None,
                on_commit: OnCommit::PreserveRows,
                populated: true,
            })
        })
        .collect()
}
