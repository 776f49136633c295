//! Attributes that change nothing about rows: storage hints, statistics targets, persistence; and ALTER INDEX.

use super::{column_of, current, put};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{Persistence, RelKind, Relation, RelationRef};
use crate::sql::ddl::create_table::storage_options;
use crate::sql::ddl::naming::{check_owner, undefined};
use crate::sql::ddl::notice;
use crate::sql::parser::ast::{AlterTableCmd as Cmd, AlterTableStmt, ColumnKey, DefElem, DefValue, RangeVar, ReplicaIdentity};
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;
use smol_str::SmolStr;

fn change(core: &SessionCore, table: Oid, work: impl FnOnce(&mut Relation) -> Result<()>) -> Result<()> {
    let mut changed = Relation::clone(&*current(core, table)?);
    work(&mut changed)?;
    put(core, changed).map(|_| ())
}

/// SET STATISTICS.
pub fn statistics(core: &SessionCore, table: Oid, column: &ColumnKey, target: i32) -> Result<()> {
    let relation = current(core, table)?;
    let position = match column {
        ColumnKey::Name(name) => column_of(&relation, name)?,
        ColumnKey::Number(_) => {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot refer to non-index column by number"));
        }
    };
    if target < -1 {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "statistics target {target} is too low"));
    }
    let kept = target.min(10_000);
    if kept != target {
        core.queue_notice(
            err!(SqlState::INVALID_PARAMETER_VALUE, "lowering statistics target to {kept}")
                .severity(crate::error::Severity::Warning),
        );
    }
    change(core, table, |r| {
        r.columns[position].statistics = (kept >= 0).then_some(kept);
        Ok(())
    })
}

/// SET STORAGE.
pub fn storage(core: &SessionCore, table: Oid, name: &str, storage: &str) -> Result<()> {
    let relation = current(core, table)?;
    let letter = match storage.to_ascii_lowercase().as_str() {
        "plain" => 'p',
        "external" => 'e',
        "extended" => 'x',
        "main" => 'm',
        _ => return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid storage type \"{storage}\"")),
    };
    let position = column_of(&relation, name)?;
    let ty = relation.columns[position].ty.oid;
    let fixed = crate::sql::types::typename::builtin(ty).is_some_and(|t| t.len > 0);
    if fixed && letter != 'p' {
        let shown = crate::sql::types::typename::format_type_be(&*core.view(), ty);
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "column data type {shown} can only have storage PLAIN"));
    }
    change(core, table, |r| {
        r.columns[position].storage = Some(letter);
        Ok(())
    })
}

/// SET COMPRESSION.
pub fn compression(core: &SessionCore, table: Oid, name: &str, method: &SmolStr) -> Result<()> {
    let position = column_of(&*current(core, table)?, name)?;
    if !matches!(method.as_str(), "pglz" | "lz4" | "default") {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid compression method \"{method}\""));
    }
    change(core, table, |r| {
        r.columns[position].compression = (method != "default").then(|| method.clone());
        Ok(())
    })
}

/// ALTER COLUMN SET (...) and RESET (...): n_distinct and its sibling replace what ANALYZE would estimate.
pub fn column_options(core: &SessionCore, table: Oid, name: &str, list: &[DefElem], reset: bool) -> Result<()> {
    let position = column_of(&*current(core, table)?, name)?;
    if let Some(o) = list.iter().find(|o| !matches!(o.name.as_str(), "n_distinct" | "n_distinct_inherited")) {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "unrecognized parameter \"{}\"", o.name));
    }
    let given = if reset { Vec::new() } else { option_values(list) };
    for (option, value) in &given {
        let number: f64 = value.parse().map_err(|_| {
            err!(SqlState::INVALID_PARAMETER_VALUE, "invalid value for floating point option \"{option}\": {value}")
        })?;
        if number < -1.0 {
            let e = err!(SqlState::INVALID_PARAMETER_VALUE, "value {value} out of bounds for option \"{option}\"");
            return Err(e.detail(format!("Valid values are between \"-1.000000\" and \"{:.6}\".", f64::MAX)));
        }
    }
    change(core, table, |r| {
        let options = &mut r.columns[position].options;
        options.retain(|(n, _)| !list.iter().any(|o| o.name == *n));
        options.extend(given);
        Ok(())
    })
}

/// Options as they are shown.
fn option_values(list: &[DefElem]) -> Vec<(SmolStr, SmolStr)> {
    let value = |o: &DefElem| match &o.value {
        Some(DefValue::Integer(i)) => i.to_string().into(),
        Some(DefValue::String(s) | DefValue::Float(s)) => s.clone(),
        _ => SmolStr::new_static("true"),
    };
    list.iter().map(|o| (o.name.clone(), value(o))).collect()
}

/// SET (...).
pub fn set(core: &SessionCore, table: Oid, list: &[DefElem]) -> Result<()> {
    let options = storage_options(list)?;
    change(core, table, |r| {
        for (name, value) in options {
            if name == "check_option" {
                use crate::sql::catalog::objects::CheckOption;
                if let Some(view) = &mut r.view {
                    view.check_option = Some(match value.as_str() {
                        "local" => CheckOption::Local,
                        "cascaded" => CheckOption::Cascaded,
                        _ => {
                            let e =
                                err!(SqlState::INVALID_PARAMETER_VALUE, "invalid value for enum option \"check_option\": {value}");
                            return Err(e.detail("Valid values are \"local\" and \"cascaded\"."));
                        }
                    });
                }
            }
            r.options.retain(|(n, _)| *n != name);
            r.options.push((name, value));
        }
        Ok(())
    })
}

/// RESET (...).
pub fn reset(core: &SessionCore, table: Oid, list: &[DefElem]) -> Result<()> {
    storage_options(
        &list.iter().map(|o| DefElem { value: None, ..o.clone() }).filter(|o| o.name != "fillfactor").collect::<Vec<_>>(),
    )?;
    change(core, table, |r| {
        r.options.retain(|(n, _)| !list.iter().any(|o| o.name == *n));
        if list.iter().any(|o| o.name == "check_option")
            && let Some(view) = &mut r.view
        {
            view.check_option = None;
        }
        Ok(())
    })
}

/// The index of a table by name. Errors: 42704.
fn index_of<'r>(relation: &'r Relation, name: &str) -> Result<&'r crate::sql::catalog::objects::Index> {
    relation
        .indexes
        .iter()
        .find(|i| i.name == name)
        .ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "index \"{name}\" for table \"{}\" does not exist", relation.name))
}

/// Changes a relation's notes.
pub fn change_notes(
    core: &SessionCore,
    table: Oid,
    change: impl FnOnce(&mut crate::sql::catalog::objects::RelationNotes),
) -> Result<()> {
    let mut changed = Relation::clone(&*current(core, table)?);
    change(&mut changed.notes);
    put(core, changed).map(|_| ())
}

/// CLUSTER ON: the index the table would be clustered by.
pub fn cluster_on(core: &SessionCore, table: Oid, name: &str) -> Result<()> {
    let relation = current(core, table)?;
    let index = index_of(&relation, name)?;
    let why = if !matches!(index.method.as_str(), "btree" | "gist") {
        Some(format!("cannot cluster on index \"{name}\" because access method does not support clustering"))
    } else if index.predicate.is_some() {
        Some(format!("cannot cluster on partial index \"{name}\""))
    } else {
        None
    };
    if let Some(message) = why {
        return Err(SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    change_notes(core, table, |n| n.clustered_on = Some(index.oid))
}

/// REPLICA IDENTITY. Errors: 42704, 42809 for an index that does not tell rows apart.
pub fn replica_identity(core: &SessionCore, table: Oid, identity: &ReplicaIdentity) -> Result<()> {
    let relation = current(core, table)?;
    let (kind, index) = match identity {
        ReplicaIdentity::Default => (None, None),
        ReplicaIdentity::Nothing => (Some('n'), None),
        ReplicaIdentity::Full => (Some('f'), None),
        ReplicaIdentity::Index(name) => {
            let index = index_of(&relation, name)?;
            let nullable = index.keys.iter().filter_map(|k| k.column).find(|c| !relation.columns[usize::from(*c)].not_null);
            let message = if !index.unique {
                format!("cannot use non-unique index \"{name}\" as replica identity")
            } else if index.keys.iter().any(|k| k.column.is_none()) {
                format!("cannot use expression index \"{name}\" as replica identity")
            } else if index.predicate.is_some() {
                format!("cannot use partial index \"{name}\" as replica identity")
            } else if let Some(c) = nullable {
                let column = &relation.columns[usize::from(c)].name;
                format!("index \"{name}\" cannot be used as replica identity because column \"{column}\" is nullable")
            } else {
                String::new()
            };
            if !message.is_empty() {
                return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message));
            }
            (Some('i'), Some(index.oid))
        }
    };
    change_notes(core, table, |n| (n.replica_identity, n.replica_index) = (kind, index))
}

/// SET LOGGED, SET UNLOGGED.
pub fn persistence(core: &SessionCore, table: Oid, wanted: Persistence) -> Result<()> {
    let relation = current(core, table)?;
    if relation.persistence == Persistence::Temporary {
        let e = err!(
            SqlState::INVALID_TABLE_DEFINITION,
            "cannot change logged status of table \"{}\" because it is temporary",
            relation.name
        );
        return Err(e);
    }
    change(core, table, |r| {
        r.persistence = wanted;
        Ok(())
    })
}

/// SET TABLESPACE.
pub fn tablespace(name: &str) -> Result<()> {
    match name {
        "pg_default" => Ok(()),
        "pg_global" => Err(err!(SqlState::INVALID_PARAMETER_VALUE, "only shared relations can be placed in pg_global tablespace")),
        _ => Err(err!(SqlState::UNDEFINED_OBJECT, "tablespace \"{name}\" does not exist")),
    }
}

/// Finds an index by name: its table and position.
pub fn find_index(core: &SessionCore, name: &RangeVar) -> Option<(RelationRef, usize)> {
    let view = core.view();
    let schemas: Vec<Oid> = match &name.schema {
        Some(s) => view.schema_oid(s).into_iter().collect(),
        None => view.search_path().to_vec(),
    };
    let oid = schemas.iter().find_map(|s| view.catalog.class_oid(*s, &name.name))?;
    let table = view.catalog.index(oid)?.0.clone();
    let at = table.indexes.iter().position(|i| i.oid == oid)?;
    Some((table, at))
}

/// ALTER INDEX ... SET (...) and the like.
pub fn alter_index(core: &SessionCore, stmt: &AlterTableStmt) -> Result<()> {
    let Some((table, at)) = find_index(core, &stmt.relation) else {
        if let Some(other) = crate::sql::ddl::naming::try_find_relation(core, &stmt.relation)? {
            return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not an index", other.name));
        }
        if stmt.if_exists {
            notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("relation \"{}\" does not exist, skipping", stmt.relation.name));
            return Ok(());
        }
        return Err(undefined(&stmt.relation));
    };
    check_owner(core, &table)?;
    for command in &stmt.commands {
        match command {
            Cmd::SetOptions(list) => {
                let options = storage_options(list)?;
                change(core, table.oid, |r| {
                    let index = &mut r.indexes[at];
                    index.options.retain(|(n, _)| !options.iter().any(|(o, _)| o == n));
                    index.options.extend(options);
                    Ok(())
                })?;
            }
            Cmd::ResetOptions(list) => change(core, table.oid, |r| {
                r.indexes[at].options.retain(|(n, _)| !list.iter().any(|o| o.name == *n));
                Ok(())
            })?,
            Cmd::SetTablespace(name) => tablespace(name)?,
            // How finely an expression is sampled changes no answer.
            Cmd::SetStatistics { .. } => {}
            Cmd::AttachPartition { .. } => return Err(SqlError::unsupported("table partitioning")),
            _ => {
                let name = &table.indexes[at].name;
                let e = err!(SqlState::WRONG_OBJECT_TYPE, "ALTER action cannot be performed on relation \"{name}\"");
                return Err(e.detail("This operation is not supported for indexes."));
            }
        }
    }
    debug_assert!(matches!(table.kind, RelKind::Table | RelKind::MatView));
    Ok(())
}
