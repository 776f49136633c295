//! Errors of constraints, in PostgreSQL's words.

use super::def::{IndexDef, TableDef};
use crate::err;
use crate::error::{SqlError, SqlState};
use crate::sql::catalog::Catalog;
use crate::sql::catalog::objects::{Index, Relation};
use crate::sql::expr::func::quote::identifier;
use crate::sql::types::io::{self, IoContext};
use crate::sql::types::{Datum, Type};

/// Longest value shown of a failing row.
const SHOWN: usize = 64;

fn show(io: &IoContext<'_>, value: &Datum, ty: Type) -> String {
    if value.is_null() { "null".to_owned() } else { io::output_string(io, value, ty) }
}

/// Adds the schema and table fields.
pub fn about(e: SqlError, catalog: &Catalog, relation: &Relation) -> SqlError {
    let schema = catalog.schema(relation.schema).map_or_else(String::new, |s| s.name.to_string());
    e.table(schema, relation.name.as_str())
}

/// `Failing row contains (1, null, ...).`
pub fn failing_row(io: &IoContext<'_>, relation: &Relation, row: &[Datum]) -> String {
    let values: Vec<String> = relation
        .live_columns()
        .map(|(i, column)| {
            let mut text = show(io, &row[i], column.ty);
            if text.len() > SHOWN {
                let mut end = SHOWN;
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                text.truncate(end);
                text.push_str("...");
            }
            text
        })
        .collect();
    format!("Failing row contains ({}).", values.join(", "))
}

/// 23502
pub fn null_value(catalog: &Catalog, io: &IoContext<'_>, relation: &Relation, column: usize, row: &[Datum]) -> SqlError {
    let name = &relation.columns[column].name;
    let e = err!(
        SqlState::NOT_NULL_VIOLATION,
        "null value in column \"{name}\" of relation \"{}\" violates not-null constraint",
        relation.name
    );
    about(e.detail(failing_row(io, relation, row)), catalog, relation).column(name.as_str())
}

/// 23514
pub fn check_failed(catalog: &Catalog, io: &IoContext<'_>, relation: &Relation, constraint: &str, row: &[Datum]) -> SqlError {
    let e =
        err!(SqlState::CHECK_VIOLATION, "new row for relation \"{}\" violates check constraint \"{constraint}\"", relation.name);
    about(e.detail(failing_row(io, relation, row)), catalog, relation).constraint(constraint)
}

/// The columns of an index as `pg_get_indexdef` prints them.
fn index_columns(relation: &Relation, index: &Index) -> String {
    let column = |key: &crate::sql::catalog::objects::IndexKey| match (key.column, &key.expr) {
        (Some(c), _) => identifier(&relation.columns[usize::from(c)].name).into_owned(),
        (None, Some(sql)) if sql.ends_with(')') => sql.clone(),
        (None, Some(sql)) => format!("({sql})"),
        (None, None) => String::new(),
    };
    index.keys.iter().map(column).collect::<Vec<_>>().join(", ")
}

/// `Key (a, b)=(1, x)`
pub fn key_text(io: &IoContext<'_>, relation: &Relation, index: &Index, values: &[Datum]) -> String {
    let shown: Vec<String> = index.keys.iter().zip(values).map(|(k, v)| show(io, v, k.ty)).collect();
    format!("Key ({})=({})", index_columns(relation, index), shown.join(", "))
}

/// 23505
pub fn duplicate(catalog: &Catalog, io: &IoContext<'_>, relation: &Relation, index: &Index, values: &[Datum]) -> SqlError {
    let e = err!(SqlState::UNIQUE_VIOLATION, "duplicate key value violates unique constraint \"{}\"", index.name)
        .detail(format!("{} already exists.", key_text(io, relation, index, values)));
    about(e, catalog, relation).constraint(index.name.as_str())
}

/// 23505 while an index is built.
pub fn cannot_build_unique(
    catalog: &Catalog,
    io: &IoContext<'_>,
    relation: &Relation,
    index: &Index,
    values: &[Datum],
) -> SqlError {
    let e = err!(SqlState::UNIQUE_VIOLATION, "could not create unique index \"{}\"", index.name)
        .detail(format!("{} is duplicated.", key_text(io, relation, index, values)));
    about(e, catalog, relation).constraint(index.name.as_str())
}

/// The values of the clustering key's columns.
pub fn clustering_values(def: &TableDef, row: &[Datum]) -> Vec<Datum> {
    def.key_positions.iter().map(|&p| row[usize::from(p)].clone()).collect()
}

/// The catalog's index of an index layout.
pub fn catalog_index<'a>(def: &'a TableDef, index: &IndexDef) -> &'a Index {
    &def.relation.indexes[index.at]
}

/// `(a, b)=(1, x)` for foreign keys: plain names.
pub fn columns_text(io: &IoContext<'_>, relation: &Relation, columns: &[u16], values: &[Datum]) -> String {
    let names: Vec<&str> = columns.iter().map(|&c| relation.columns[usize::from(c)].name.as_str()).collect();
    let shown: Vec<String> = columns.iter().zip(values).map(|(&c, v)| show(io, v, relation.columns[usize::from(c)].ty)).collect();
    format!("({})=({})", names.join(", "), shown.join(", "))
}

/// Where each inserted row is logged: off unless asked for, and then under the name operators know.
const ROWS: &str = "orbit_protocols::postgres_wire::persistent_storage::rows";

/// Logs an inserted row by its key, in hexadecimal.
#[inline]
pub fn log_inserted(relation: &Relation, key: &[u8]) {
    if tracing::enabled!(target: ROWS, tracing::Level::INFO) {
        let key: String = key.iter().map(|b| format!("{b:02x}")).collect();
        tracing::info!(target: ROWS, "Inserted row {key} into table {}", relation.name);
    }
}
