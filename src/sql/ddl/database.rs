//! CREATE and DROP DATABASE: a database is its own catalog and its own storage ids; a new one is empty like template1.

use super::notice;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{KeyRange, Keyspace};
use crate::sql::catalog::Change;
use crate::sql::catalog::change::database_prefix;
use crate::sql::catalog::objects::Database;
use crate::sql::parser::ast::{CreateDatabaseStmt, DefElem, DefValue, DropDatabaseStmt};
use crate::sql::session::SessionCore;
use crate::txn::{TableMode, Tag, WaitPolicy};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn word(option: &DefElem) -> String {
    match &option.value {
        Some(DefValue::String(s) | DefValue::Float(s)) => s.to_string(),
        Some(DefValue::Integer(i)) => i.to_string(),
        Some(DefValue::Boolean(b)) => b.to_string(),
        Some(DefValue::Name(n)) => n.to_string(),
        Some(DefValue::TypeName(t)) => t.names.last().map(ToString::to_string).unwrap_or_default(),
        _ => String::new(),
    }
}

/// CREATE DATABASE
pub fn create(core: &SessionCore, stmt: &CreateDatabaseStmt) -> Result<()> {
    let view = core.view();
    let user = view.shared.role(view.user).cloned();
    if !user.is_some_and(|r| r.superuser || r.create_db) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to create database"));
    }
    let mut database = Database {
        oid: core.server.catalogs.oids.allocate()?,
        name: stmt.name.clone(),
        owner: view.user,
        is_template: false,
        allow_connections: true,
        connection_limit: -1,
        acl: None,
        settings: Vec::new(),
        default_acls: Vec::new(),
    };
    let mut template = "template1".to_owned();
    for option in &stmt.options {
        let value = word(option);
        match option.name.as_str() {
            "owner" => {
                let role = view.shared.role_named(&value).map(|r| r.oid);
                database.owner = role.ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "role \"{value}\" does not exist"))?;
            }
            "template" => template = value,
            "encoding" => {
                let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
                if !matches!(plain.as_str(), "utf8" | "unicode" | "6" | "default" | "") {
                    return Err(SqlError::unsupported(format!("database encoding \"{value}\"")));
                }
            }
            "allow_connections" => database.allow_connections = value != "false",
            "is_template" => database.is_template = value == "true",
            "connection_limit" => database.connection_limit = value.parse().unwrap_or(-1),
            "locale" | "lc_collate" | "lc_ctype" => {
                if !matches!(value.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.utf8" | "") {
                    return Err(SqlError::unsupported(format!("locale \"{value}\"")));
                }
            }
            "tablespace" if value == "pg_default" => {}
            "strategy" | "collation_version" | "oid" => {}
            other => return Err(SqlError::unsupported(format!("database option \"{other}\""))),
        }
    }
    core.txn()?.lock(Tag::name(1262, &stmt.name), TableMode::Exclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    let view = core.view();
    if view.shared.database_named(&stmt.name).is_some() {
        return Err(err!(SqlState::DUPLICATE_DATABASE, "database \"{}\" already exists", stmt.name));
    }
    let source = view.shared.database_named(&template);
    let source = source.ok_or_else(|| err!(SqlState::INVALID_CATALOG_NAME, "template database \"{template}\" does not exist"))?;
    let is_empty = crate::sql::catalog::store::load(&*core.server.store, source.oid)?.is_empty();
    if !is_empty {
        return Err(SqlError::unsupported(format!("copying the non-empty template database \"{template}\"")));
    }
    core.change(Change::Database(Arc::new(database)), false)
}

/// DROP DATABASE
pub fn drop(core: &SessionCore, stmt: &DropDatabaseStmt) -> Result<()> {
    core.txn()?.lock(Tag::name(1262, &stmt.name), TableMode::Exclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    let view = core.view();
    let Some(database) = view.shared.database_named(&stmt.name).cloned() else {
        if stmt.if_exists {
            notice(core, SqlState::UNDEFINED_OBJECT, format!("database \"{}\" does not exist, skipping", stmt.name));
            return Ok(());
        }
        return Err(err!(SqlState::INVALID_CATALOG_NAME, "database \"{}\" does not exist", stmt.name));
    };
    if !view.has_role_privileges(view.user, database.owner) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of database {}", stmt.name));
    }
    if database.is_template {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "cannot drop a template database"));
    }
    if database.oid == core.entry.database {
        return Err(err!(SqlState::OBJECT_IN_USE, "cannot drop the currently open database"));
    }
    disconnect_others(core, &database, stmt.options.iter().any(|o| o.name == "force"))?;
    let catalog = core.server.catalogs.database(database.oid)?;
    let catalog = Arc::clone(&catalog.read());
    let txn = core.txn()?;
    for relation in catalog.relations().filter(|r| r.storage.0 != 0) {
        txn.delete_range(Keyspace::Data, KeyRange::prefix(&relation.storage.0.to_be_bytes()))?;
    }
    txn.delete_range(Keyspace::Tables, KeyRange::prefix(&database_prefix(database.oid)))?;
    core.change(Change::DropDatabase(database.oid), false)
}

/// Waits a moment for sessions to leave, or ends them. Errors: 55006.
fn disconnect_others(core: &SessionCore, database: &Database, force: bool) -> Result<()> {
    let others = || {
        let sessions = core.server.sessions.lock();
        sessions.values().filter(|s| s.database == database.oid).cloned().collect::<Vec<_>>()
    };
    if force {
        others().iter().for_each(|s| s.interrupt.terminate());
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let count = others().len();
        if count == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            let detail = match count {
                1 => "There is 1 other session using the database.".to_owned(),
                n => format!("There are {n} other sessions using the database."),
            };
            let message = format!("database \"{}\" is being accessed by other users", database.name);
            return Err(SqlError::new(SqlState::OBJECT_IN_USE, message).detail(detail));
        }
        core.interrupt.check()?;
        std::thread::sleep(Duration::from_millis(20));
    }
}
