//! Settings kept with roles and databases, database options, extensions.

use super::notice;
use super::schema::role as role_of;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{Database, Role};
use crate::sql::parser::ast::{
    AlterDatabaseAction, AlterDatabaseSetStmt, AlterDatabaseStmt, AlterRoleSetStmt, CreateExtensionStmt, DefElem, DefValue,
    VariableSet, VariableSetStmt,
};
use crate::sql::session::SessionCore;
use smol_str::SmolStr;
use std::sync::Arc;

/// Applies SET or RESET to a stored list. Errors: those of SET.
pub(super) fn change(core: &SessionCore, list: &mut Vec<(SmolStr, String)>, set: &VariableSetStmt) -> Result<()> {
    let (name, value) = match &set.kind {
        VariableSet::Value { name, values } => (name, Some(core.set_text(name, values)?)),
        VariableSet::Current { name } => (name, Some(core.settings.lock().show(name)?)),
        VariableSet::Default { name } | VariableSet::Reset { name } => (name, None),
        VariableSet::ResetAll => {
            list.clear();
            return Ok(());
        }
        _ => return Err(SqlError::unsupported("this form of SET with a role or database")),
    };
    let lower = SmolStr::from(name.to_lowercase());
    if let Some(value) = &value {
        // The same checks as SET's.
        crate::sql::session::settings::Settings::default().set(&lower, value, false, 1)?;
    } else {
        core.settings.lock().show(&lower)?;
    }
    list.retain(|(n, _)| *n != lower);
    list.extend(value.map(|v| (lower, v)));
    Ok(())
}

/// ALTER ROLE ... SET
pub fn role(core: &SessionCore, stmt: &AlterRoleSetStmt) -> Result<()> {
    if stmt.database.is_some() {
        return Err(SqlError::unsupported("ALTER ROLE ... IN DATABASE"));
    }
    let Some(spec) = &stmt.role else { return Err(SqlError::unsupported("ALTER ROLE ALL")) };
    let oid = role_of(core, spec)?;
    let view = core.view();
    let old = view.shared.role(oid).cloned().ok_or_else(|| SqlError::internal("role vanished"))?;
    let me = view.shared.role(view.user);
    let may = me.is_some_and(|u| u.superuser || (!old.superuser && (u.create_role || u.oid == oid)));
    if !may {
        let message = if old.superuser { "must be superuser to alter superusers" } else { "permission denied" };
        return Err(SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
    }
    let mut changed = Role::clone(&old);
    change(core, &mut changed.settings, &stmt.set)?;
    core.change(Change::Role(Arc::new(changed)), false)
}

fn owned_database(core: &SessionCore, name: &str) -> Result<Arc<Database>> {
    let view = core.view();
    let database = view.shared.database_named(name).cloned();
    let database = database.ok_or_else(|| err!(SqlState::INVALID_CATALOG_NAME, "database \"{name}\" does not exist"))?;
    if view.has_role_privileges(view.user, database.owner) {
        return Ok(database);
    }
    Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of database {name}"))
}

/// ALTER DATABASE ... SET
pub fn database_set(core: &SessionCore, stmt: &AlterDatabaseSetStmt) -> Result<()> {
    let mut changed = Database::clone(&*owned_database(core, &stmt.name)?);
    change(core, &mut changed.settings, &stmt.set)?;
    core.change(Change::Database(Arc::new(changed)), false)
}

/// ALTER DATABASE ... options
pub fn database(core: &SessionCore, stmt: &AlterDatabaseStmt) -> Result<()> {
    let mut changed = Database::clone(&*owned_database(core, &stmt.name)?);
    match &stmt.action {
        AlterDatabaseAction::Options(options) => options.iter().try_for_each(|o| option(&mut changed, o))?,
        AlterDatabaseAction::RefreshCollationVersion => {
            notice(core, SqlState::SUCCESSFUL_COMPLETION, "version has not changed".into());
            return Ok(());
        }
        AlterDatabaseAction::SetTablespace(name) if name == "pg_default" => return Ok(()),
        AlterDatabaseAction::SetTablespace(name) => {
            return Err(err!(SqlState::UNDEFINED_OBJECT, "tablespace \"{name}\" does not exist"));
        }
    }
    core.change(Change::Database(Arc::new(changed)), false)
}

fn option(database: &mut Database, o: &DefElem) -> Result<()> {
    let flag = || match &o.value {
        None | Some(DefValue::Boolean(true)) => Ok(true),
        Some(DefValue::Boolean(false)) => Ok(false),
        Some(DefValue::String(s)) if matches!(s.as_str(), "true" | "on" | "1") => Ok(true),
        Some(DefValue::String(s)) if matches!(s.as_str(), "false" | "off" | "0") => Ok(false),
        Some(DefValue::Integer(n)) if matches!(n, 0 | 1) => Ok(*n == 1),
        _ => Err(err!(SqlState::SYNTAX_ERROR, "{} requires a Boolean value", o.name)),
    };
    match o.name.as_str() {
        "is_template" => database.is_template = flag()?,
        "allow_connections" => database.allow_connections = flag()?,
        "connection_limit" => match &o.value {
            Some(DefValue::Integer(n)) if *n >= -1 => database.connection_limit = *n,
            Some(DefValue::Integer(n)) => return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid connection limit: {n}")),
            _ => return Err(err!(SqlState::SYNTAX_ERROR, "connection_limit requires a numeric value")),
        },
        other => return Err(err!(SqlState::SYNTAX_ERROR, "option \"{other}\" not recognized").at(o.pos)),
    }
    Ok(())
}

/// CREATE EXTENSION: plpgsql is there from the start, no other is available.
pub fn extension(core: &SessionCore, stmt: &CreateExtensionStmt) -> Result<()> {
    let name = &stmt.name;
    if name == "plpgsql" {
        if stmt.if_not_exists {
            notice(core, SqlState::DUPLICATE_OBJECT, format!("extension \"{name}\" already exists, skipping"));
            return Ok(());
        }
        return Err(err!(SqlState::DUPLICATE_OBJECT, "extension \"{name}\" already exists"));
    }
    let path = format!("/usr/share/postgresql/15/extension/{name}.control");
    Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "extension \"{name}\" is not available")
        .detail(format!("Could not open extension control file \"{path}\": No such file or directory."))
        .hint("The extension must first be installed on the system where PostgreSQL is running."))
}
