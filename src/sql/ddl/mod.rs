//! Data definition: statements that change schema objects. One file a kind of object.
//!
//! Every statement works inside the session's transaction: it takes the locks PostgreSQL takes, checks names and dependencies
//! against the transaction's own view of the catalog, and records `Change`s, which are visible at once to this transaction and
//! to others after COMMIT. Row data (index builds, rewrites, DROP) goes through the same transaction's write buffer.

pub mod alter;
mod comment;
mod configure;
mod create_table;
mod ctas;
mod database;
mod domain;
mod drop;
pub mod exclude;
mod foreign_key;
mod function;
mod grant;
mod index;
mod maintain;
mod naming;
mod opclass;
mod owned;
mod owner;
mod rename;
mod restate;
mod role;
mod routine;
mod schema;
mod sequence;
pub mod stored_expr;
mod types;
pub mod view;

pub use ctas::create_from_prepared;
pub use exclude::operator_names;
pub use naming::{choose_name, find_relation, target_schema};
pub use schema::naming_in_schema;

use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use crate::sql::parser::ast::Statement;
use crate::sql::session::SessionCore;

/// Runs a definition statement; answers its command tag. `source` is the text its positions refer to.
pub fn execute(core: &SessionCore, stmt: &Statement, source: &str) -> Result<String> {
    let tag = |t: &str| t.to_owned();
    if core.txn()?.is_read_only() {
        let what = super::parser::command_tag(stmt);
        return Err(err!(SqlState::READ_ONLY_SQL_TRANSACTION, "cannot execute {what} in a read-only transaction"));
    }
    match stmt {
        Statement::CreateTable(s) => create_table::create_table(core, s, source).map(|()| tag("CREATE TABLE")),
        Statement::CreateIndex(s) => index::create_index(core, s).map(|()| tag("CREATE INDEX")),
        Statement::CreateSequence(s) => sequence::create(core, s).map(|()| tag("CREATE SEQUENCE")),
        Statement::CreateSchema(s) => schema::create(core, s, source).map(|()| tag("CREATE SCHEMA")),
        Statement::CreateDatabase(s) => database::create(core, s).map(|()| tag("CREATE DATABASE")),
        Statement::DropDatabase(s) => database::drop(core, s).map(|()| tag("DROP DATABASE")),
        Statement::Drop(s) => drop::execute(core, s),
        Statement::Truncate(s) => drop::truncate(core, s).map(|()| tag("TRUNCATE TABLE")),
        Statement::CreateTableAs(s) => ctas::create(core, s),
        Statement::Select(s) => ctas::select_into(core, s),
        Statement::RefreshMatView(s) => ctas::refresh(core, s).map(|()| tag("REFRESH MATERIALIZED VIEW")),
        Statement::CreateView(s) => view::create(core, s).map(|()| tag("CREATE VIEW")),
        Statement::CreateType(s) => types::create(core, s).map(|()| tag("CREATE TYPE")),
        Statement::CreateFunction(s) => routine::create(core, s).map(|()| tag("CREATE FUNCTION")),
        Statement::CreateDomain(s) => domain::create(core, s).map(|()| tag("CREATE DOMAIN")),
        Statement::AlterTable(s) => alter::execute(core, s, source).map(|()| super::parser::command_tag(stmt)),
        Statement::AlterSequence(s) => sequence::alter_statement(core, s).map(|()| tag("ALTER SEQUENCE")),
        Statement::AlterDomain(s) => domain::alter(core, s).map(|()| tag("ALTER DOMAIN")),
        Statement::AlterEnum(s) => types::alter_enum(core, s).map(|()| tag("ALTER TYPE")),
        Statement::Rename(s) => rename::execute(core, s).map(|()| super::parser::command_tag(stmt)),
        Statement::AlterOwner(s) => owner::execute(core, s).map(|()| super::parser::command_tag(stmt)),
        Statement::AlterObjectSchema(s) => owner::set_schema(core, s).map(|()| super::parser::command_tag(stmt)),
        Statement::Reindex(s) => maintain::reindex(core, s).map(|()| tag("REINDEX")),
        Statement::Cluster(s) => maintain::cluster(core, s).map(|()| tag("CLUSTER")),
        Statement::Comment(s) => comment::execute(core, s).map(|()| tag("COMMENT")),
        Statement::Grant(s) => grant::execute(core, s).map(|()| super::parser::command_tag(stmt)),
        Statement::GrantRole(s) => role::grant(core, s).map(|()| super::parser::command_tag(stmt)),
        Statement::AlterDefaultPrivileges(s) => grant::alter_default(core, s).map(|()| tag("ALTER DEFAULT PRIVILEGES")),
        Statement::CreateRole(s) => role::create(core, s).map(|()| tag("CREATE ROLE")),
        Statement::AlterRole(s) => role::alter(core, s).map(|()| tag("ALTER ROLE")),
        Statement::DropRole(s) => role::drop(core, s).map(|()| tag("DROP ROLE")),
        Statement::DropOwned(s) => owned::drop_owned(core, s).map(|()| tag("DROP OWNED")),
        Statement::ReassignOwned(s) => owned::reassign(core, s).map(|()| tag("REASSIGN OWNED")),
        Statement::AlterRoleSet(s) => configure::role(core, s).map(|()| tag("ALTER ROLE")),
        Statement::AlterDatabaseSet(s) => configure::database_set(core, s).map(|()| tag("ALTER DATABASE")),
        Statement::AlterDatabase(s) => configure::database(core, s).map(|()| tag("ALTER DATABASE")),
        Statement::CreateExtension(s) => configure::extension(core, s).map(|()| tag("CREATE EXTENSION")),
        other => Err(SqlError::unsupported(super::parser::command_tag(other))),
    }
}

/// Queues a NOTICE.
pub fn notice(core: &SessionCore, code: SqlState, message: String) {
    core.queue_notice(SqlError::new(code, message).severity(Severity::Notice));
}
