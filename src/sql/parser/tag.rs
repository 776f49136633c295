//! Command tags: what a statement is called in `CommandComplete` and in messages such as `cannot execute X in a read-only
//! transaction`.

use super::ast::{ObjectType, SelectBody, Statement, TransactionStmt, VariableSet};

/// The words of a kind of object: `TABLE`, `MATERIALIZED VIEW`.
pub fn object_words(kind: ObjectType) -> &'static str {
    use ObjectType as O;
    match kind {
        O::AccessMethod => "ACCESS METHOD",
        O::Aggregate => "AGGREGATE",
        O::Attribute | O::Type => "TYPE",
        O::Cast => "CAST",
        O::Column | O::TabConstraint | O::Table => "TABLE",
        O::Collation => "COLLATION",
        O::Conversion => "CONVERSION",
        O::Database => "DATABASE",
        O::DomConstraint | O::Domain => "DOMAIN",
        O::EventTrigger => "EVENT TRIGGER",
        O::Extension => "EXTENSION",
        O::Fdw => "FOREIGN DATA WRAPPER",
        O::ForeignServer => "SERVER",
        O::ForeignTable => "FOREIGN TABLE",
        O::Function => "FUNCTION",
        O::Index => "INDEX",
        O::Language => "LANGUAGE",
        O::LargeObject => "LARGE OBJECT",
        O::MatView => "MATERIALIZED VIEW",
        O::Opclass => "OPERATOR CLASS",
        O::Operator => "OPERATOR",
        O::Opfamily => "OPERATOR FAMILY",
        O::ParameterAcl => "PARAMETER",
        O::Policy => "POLICY",
        O::Procedure => "PROCEDURE",
        O::Publication => "PUBLICATION",
        O::Role => "ROLE",
        O::Routine => "ROUTINE",
        O::Rule => "RULE",
        O::Schema => "SCHEMA",
        O::Sequence => "SEQUENCE",
        O::Statistic => "STATISTICS",
        O::Subscription => "SUBSCRIPTION",
        O::Tablespace => "TABLESPACE",
        O::Transform => "TRANSFORM",
        O::Trigger => "TRIGGER",
        O::TsConfiguration => "TEXT SEARCH CONFIGURATION",
        O::TsDictionary => "TEXT SEARCH DICTIONARY",
        O::TsParser => "TEXT SEARCH PARSER",
        O::TsTemplate => "TEXT SEARCH TEMPLATE",
        O::UserMapping => "USER MAPPING",
        O::View => "VIEW",
    }
}

/// The command tag of a statement, without row counts.
pub fn command_tag(stmt: &Statement) -> String {
    use Statement as S;
    let fixed = match stmt {
        S::Select(s) if matches!(&s.body, SelectBody::Select(core) if core.into.is_some()) => "SELECT INTO",
        S::Select(_) => "SELECT",
        S::Insert(_) => "INSERT",
        S::Update(_) => "UPDATE",
        S::Delete(_) => "DELETE",
        S::Merge(_) => "MERGE",
        S::Copy(_) => "COPY",
        S::Truncate(_) => "TRUNCATE TABLE",
        S::CreateTable(t) if t.foreign.is_some() => "CREATE FOREIGN TABLE",
        S::CreateTable(_) => "CREATE TABLE",
        S::CreateTableAs(c) if c.materialized_view => "CREATE MATERIALIZED VIEW",
        S::CreateTableAs(_) => "CREATE TABLE AS",
        S::CreateIndex(_) => "CREATE INDEX",
        S::CreateView(_) => "CREATE VIEW",
        S::RefreshMatView(_) => "REFRESH MATERIALIZED VIEW",
        S::CreateSequence(_) => "CREATE SEQUENCE",
        S::CreateSchema(_) => "CREATE SCHEMA",
        S::CreateDatabase(_) => "CREATE DATABASE",
        S::CreateTablespace(_) => "CREATE TABLESPACE",
        S::CreateType(_) => "CREATE TYPE",
        S::CreateDomain(_) => "CREATE DOMAIN",
        S::CreateExtension(_) => "CREATE EXTENSION",
        S::CreateRole(_) => "CREATE ROLE",
        S::CreateFunction(f) if f.is_procedure => "CREATE PROCEDURE",
        S::CreateFunction(_) => "CREATE FUNCTION",
        S::CreateTrigger(_) => "CREATE TRIGGER",
        S::CreateEventTrigger(_) => "CREATE EVENT TRIGGER",
        S::CreateRule(_) => "CREATE RULE",
        S::CreatePolicy(_) => "CREATE POLICY",
        S::CreateCast(_) => "CREATE CAST",
        S::CreateStatistics(_) => "CREATE STATISTICS",
        S::CreatePublication(_) => "CREATE PUBLICATION",
        S::CreateSubscription(_) => "CREATE SUBSCRIPTION",
        S::AlterTableMoveAll(_) => "ALTER TABLE",
        S::AlterSequence(_) => "ALTER SEQUENCE",
        S::AlterDomain(_) => "ALTER DOMAIN",
        S::AlterEnum(_) | S::AlterType(_) => "ALTER TYPE",
        S::AlterRole(_) | S::AlterRoleSet(_) => "ALTER ROLE",
        S::AlterDatabase(_) | S::AlterDatabaseSet(_) => "ALTER DATABASE",
        S::AlterExtension(_) => "ALTER EXTENSION",
        S::AlterPolicy(_) => "ALTER POLICY",
        S::AlterStatistics(_) => "ALTER STATISTICS",
        S::AlterPublication(_) => "ALTER PUBLICATION",
        S::AlterSubscription(_) => "ALTER SUBSCRIPTION",
        S::AlterSystem(_) => "ALTER SYSTEM",
        S::AlterDefaultPrivileges(_) => "ALTER DEFAULT PRIVILEGES",
        S::AlterEventTrigger(_) => "ALTER EVENT TRIGGER",
        S::DropRole(_) => "DROP ROLE",
        S::DropDatabase(_) => "DROP DATABASE",
        S::DropOwned(_) => "DROP OWNED",
        S::ReassignOwned(_) => "REASSIGN OWNED",
        S::Comment(_) => "COMMENT",
        S::SecurityLabel(_) => "SECURITY LABEL",
        S::Grant(g) => grant_word(g.is_grant),
        S::GrantRole(g) if g.is_grant => "GRANT ROLE",
        S::GrantRole(_) => "REVOKE ROLE",
        S::Transaction(t) => transaction_tag(t),
        S::Set(s) if matches!(s.kind, VariableSet::Reset { .. } | VariableSet::ResetAll) => "RESET",
        S::Set(_) => "SET",
        S::Show(_) => "SHOW",
        S::SetConstraints(_) => "SET CONSTRAINTS",
        S::Prepare(_) => "PREPARE",
        S::Execute(_) => "EXECUTE",
        S::Deallocate(Some(_)) => "DEALLOCATE",
        S::Deallocate(None) => "DEALLOCATE ALL",
        S::DeclareCursor(_) => "DECLARE CURSOR",
        S::Fetch(f) if f.is_move => "MOVE",
        S::Fetch(_) => "FETCH",
        S::ClosePortal(Some(_)) => "CLOSE CURSOR",
        S::ClosePortal(None) => "CLOSE CURSOR ALL",
        S::Explain(_) => "EXPLAIN",
        S::Vacuum(v) if v.is_vacuum => "VACUUM",
        S::Vacuum(_) => "ANALYZE",
        S::Cluster(_) => "CLUSTER",
        S::Reindex(_) => "REINDEX",
        S::CheckPoint => "CHECKPOINT",
        S::Discard(_) => "DISCARD",
        S::Lock(_) => "LOCK TABLE",
        S::Listen(_) => "LISTEN",
        S::Notify(_) => "NOTIFY",
        S::Unlisten(_) => "UNLISTEN",
        S::Do(_) => "DO",
        S::Call(_) => "CALL",
        S::Load(_) => "LOAD",
        S::Return(_) => "RETURN",
        other => return composed(other),
    };
    fixed.to_owned()
}

fn grant_word(is_grant: bool) -> &'static str {
    if is_grant { "GRANT" } else { "REVOKE" }
}

fn transaction_tag(stmt: &TransactionStmt) -> &'static str {
    use TransactionStmt as T;
    match stmt {
        T::Begin { .. } => "BEGIN",
        T::Start { .. } => "START TRANSACTION",
        T::Commit { .. } => "COMMIT",
        T::Rollback { .. } | T::RollbackTo(_) => "ROLLBACK",
        T::Savepoint(_) => "SAVEPOINT",
        T::Release(_) => "RELEASE",
        T::PrepareTransaction(_) => "PREPARE TRANSACTION",
        T::CommitPrepared(_) => "COMMIT PREPARED",
        T::RollbackPrepared(_) => "ROLLBACK PREPARED",
    }
}

/// Tags made of a verb and the kind of object.
fn composed(stmt: &Statement) -> String {
    use Statement as S;
    let (verb, words) = match stmt {
        S::Define(d) => ("CREATE", object_words(d.kind)),
        S::CreateOther(o) => ("CREATE", o.kind),
        S::AlterOther(o) => ("ALTER", o.kind),
        S::AlterTable(a) => ("ALTER", object_words(a.object_type)),
        S::AlterFunction(f) => ("ALTER", object_words(f.object_type)),
        S::Rename(r) => ("ALTER", object_words(r.relation_type.unwrap_or(r.object_type))),
        S::AlterOwner(a) => ("ALTER", object_words(a.object_type)),
        S::AlterObjectSchema(a) => ("ALTER", object_words(a.object_type)),
        S::AlterObjectDepends(a) => ("ALTER", object_words(a.object_type)),
        S::Drop(d) => ("DROP", object_words(d.object_type)),
        _ => return "???".to_owned(),
    };
    format!("{verb} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (sql, tag) in [
            ("create function f() returns int language sql as ''", "CREATE FUNCTION"),
            ("alter materialized view v rename to w", "ALTER MATERIALIZED VIEW"),
            ("alter table t rename column a to b", "ALTER TABLE"),
            ("drop table t", "DROP TABLE"),
            ("create collation c (locale = 'C')", "CREATE COLLATION"),
            ("revoke all on t from public", "REVOKE"),
        ] {
            assert_eq!(command_tag(&super::super::parse(sql).unwrap()[0].stmt), tag);
        }
    }
}
