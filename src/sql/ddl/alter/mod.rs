//! ALTER TABLE and the forms of ALTER INDEX, VIEW, SEQUENCE, MATERIALIZED VIEW and TYPE that share its grammar.
//!
//! The commands of a statement run in PostgreSQL's passes (drops, type changes, new columns, constraints, the rest), so that one
//! statement may drop a column and add another of the same name. Each command works on the table as the one before left it.

mod attribute;
mod column;
mod column_type;
mod constraint;
mod identity;
mod options;
pub(super) mod rewrite;

pub use column::drop_column;
pub use options::find_index;

use super::naming::{check_owner, try_find_relation, undefined};
use super::notice;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{Persistence, RelKind, Relation, RelationRef};
use crate::sql::parser::ast::{AlterTableCmd as Cmd, AlterTableStmt, ObjectType, RangeVar};
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;
use crate::txn::{TableMode, Tag, WaitPolicy};
use std::sync::Arc;

/// What PostgreSQL calls the kind of relation a statement is about, without and with its article.
pub fn kind_words(kind: RelKind) -> (&'static str, &'static str) {
    match kind {
        RelKind::Table | RelKind::System => ("table", "a table"),
        RelKind::View => ("view", "a view"),
        RelKind::MatView => ("materialized view", "a materialized view"),
        RelKind::Sequence => ("sequence", "a sequence"),
        RelKind::Composite => ("composite type", "a composite type"),
    }
}

/// The table as it is now. Errors: XX000.
pub fn current(core: &SessionCore, table: Oid) -> Result<RelationRef> {
    core.view().catalog.relation(table).cloned().ok_or_else(|| SqlError::internal("table vanished"))
}

/// Records a changed relation.
pub fn put(core: &SessionCore, relation: Relation) -> Result<RelationRef> {
    let temporary = relation.persistence == Persistence::Temporary;
    let relation = Arc::new(relation);
    core.change(Change::Relation(Arc::clone(&relation)), temporary)?;
    Ok(relation)
}

/// The position of a live column. Errors: 42703 `column "x" of relation "t" does not exist`.
pub fn column_of(relation: &Relation, name: &str) -> Result<usize> {
    if matches!(name, "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "tableoid") {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot alter system column \"{name}\""));
    }
    relation
        .column(name)
        .ok_or_else(|| err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", relation.name))
}

/// ALTER TABLE | INDEX | VIEW | SEQUENCE | MATERIALIZED VIEW | TYPE.
pub fn execute(core: &SessionCore, stmt: &AlterTableStmt, source: &str) -> Result<()> {
    if stmt.object_type == ObjectType::Index {
        return options::alter_index(core, stmt);
    }
    let Some(relation) = find(core, &stmt.relation, stmt.if_exists)? else { return Ok(()) };
    check_kind(&relation, stmt.object_type)?;
    check_owner(core, &relation)?;
    core.txn()?.lock(Tag::relation(relation.oid.0), lock_mode(&stmt.commands), WaitPolicy::Block)?;
    core.refresh_view()?;
    let table = relation.oid;
    for command in &stmt.commands {
        check_command(&*current(core, table)?, command)?;
    }
    let mut ordered: Vec<&Cmd> = stmt.commands.iter().collect();
    ordered.sort_by_key(|c| pass(c));
    for command in ordered {
        run(core, table, command, source)?;
    }
    Ok(())
}

/// The relation a statement names; None (after a notice) when it is missing and may be.
pub fn find(core: &SessionCore, name: &RangeVar, if_exists: bool) -> Result<Option<RelationRef>> {
    if let Some(found) = try_find_relation(core, name)? {
        return Ok(Some(found));
    }
    if !if_exists {
        return Err(undefined(name));
    }
    notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("relation \"{}\" does not exist, skipping", name.name));
    Ok(None)
}

/// 42809 unless a statement about `wanted` may be used on the relation: ALTER TABLE takes any kind, the others their own.
pub fn check_kind(relation: &Relation, wanted: ObjectType) -> Result<()> {
    let fits = match wanted {
        ObjectType::View => relation.kind == RelKind::View,
        ObjectType::MatView => relation.kind == RelKind::MatView,
        ObjectType::Sequence => relation.kind == RelKind::Sequence,
        ObjectType::Type => relation.kind == RelKind::Composite,
        ObjectType::ForeignTable => false,
        ObjectType::Table if relation.kind == RelKind::Composite => {
            let e = err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is a composite type", relation.name);
            return Err(e.hint("Use ALTER TYPE instead."));
        }
        _ => true,
    };
    if fits {
        return Ok(());
    }
    let what = match wanted {
        ObjectType::View => "a view",
        ObjectType::MatView => "a materialized view",
        ObjectType::Sequence => "a sequence",
        ObjectType::Type => "a composite type",
        _ => "a foreign table",
    };
    Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not {what}", relation.name))
}

/// The weakest lock that serves all commands.
fn lock_mode(commands: &[Cmd]) -> TableMode {
    let mode = |c: &Cmd| match c {
        Cmd::SetStatistics { .. } | Cmd::ClusterOn { .. } | Cmd::SetWithoutCluster | Cmd::ValidateConstraint { .. } => {
            TableMode::ShareUpdateExclusive
        }
        Cmd::SetOptions(_) | Cmd::ResetOptions(_) | Cmd::SetColumnOptions { .. } | Cmd::ResetColumnOptions { .. } => {
            TableMode::ShareUpdateExclusive
        }
        Cmd::AddConstraint(c) if matches!(c.kind, crate::sql::parser::ast::ConstraintKind::Foreign(_)) => {
            TableMode::ShareRowExclusive
        }
        Cmd::Trigger { .. } | Cmd::TriggersAll { .. } | Cmd::TriggersUser { .. } => TableMode::ShareRowExclusive,
        _ => TableMode::AccessExclusive,
    };
    commands.iter().map(mode).max().unwrap_or(TableMode::AccessExclusive)
}

/// In which pass a command runs.
fn pass(command: &Cmd) -> u8 {
    match command {
        Cmd::DropColumn { .. } | Cmd::DropConstraint { .. } | Cmd::DropNotNull { .. } | Cmd::DropExpression { .. } => 0,
        Cmd::DropIdentity { .. } | Cmd::DropAttribute { .. } | Cmd::DropDefault { .. } => 0,
        Cmd::AlterColumnType { .. } | Cmd::AlterAttributeType { .. } => 1,
        Cmd::AddColumn { .. } | Cmd::AddAttribute { .. } => 2,
        Cmd::SetDefault { .. } | Cmd::AddIdentity { .. } => 3,
        Cmd::SetNotNull { .. } | Cmd::SetStatistics { .. } | Cmd::SetStorage { .. } | Cmd::SetIdentity { .. } => 4,
        Cmd::AddConstraint(c) => match c.kind {
            crate::sql::parser::ast::ConstraintKind::Foreign(_) => 7,
            crate::sql::parser::ast::ConstraintKind::Check(_) => 6,
            _ => 5,
        },
        _ => 8,
    }
}

/// What kinds of relation a command is for, and what errors call it.
fn check_command(relation: &Relation, command: &Cmd) -> Result<()> {
    use RelKind::{Composite, MatView, Sequence, System, Table, View};
    if relation.notes.of_type.is_some() {
        let tied = match command {
            Cmd::AddColumn { .. } => "cannot add column to typed table",
            Cmd::DropColumn { .. } => "cannot drop column from typed table",
            Cmd::AlterColumnType { .. } => "cannot alter column type of typed table",
            _ => "",
        };
        if !tied.is_empty() {
            return Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, tied));
        }
    }
    let (name, kinds): (&str, &[RelKind]) = match command {
        Cmd::AddColumn { .. } => ("ADD COLUMN", &[Table]),
        Cmd::AddAttribute { .. } | Cmd::DropAttribute { .. } | Cmd::AlterAttributeType { .. } => ("ALTER ATTRIBUTE", &[Composite]),
        Cmd::DropColumn { .. } => ("DROP COLUMN", &[Table]),
        Cmd::AlterColumnType { .. } => ("ALTER COLUMN ... SET DATA TYPE", &[Table]),
        Cmd::SetDefault { .. } | Cmd::DropDefault { .. } => ("ALTER COLUMN ... SET DEFAULT", &[Table, View]),
        Cmd::SetNotNull { .. } => ("ALTER COLUMN ... SET NOT NULL", &[Table]),
        Cmd::DropNotNull { .. } => ("ALTER COLUMN ... DROP NOT NULL", &[Table]),
        Cmd::DropExpression { .. } => ("ALTER COLUMN ... DROP EXPRESSION", &[Table]),
        Cmd::AddIdentity { .. } => ("ALTER COLUMN ... ADD IDENTITY", &[Table]),
        Cmd::SetIdentity { .. } => ("ALTER COLUMN ... SET", &[Table]),
        Cmd::DropIdentity { .. } => ("ALTER COLUMN ... DROP IDENTITY", &[Table]),
        Cmd::AddConstraint(_) => ("ADD CONSTRAINT", &[Table]),
        Cmd::AlterConstraint { .. } => ("ALTER CONSTRAINT", &[Table]),
        Cmd::ValidateConstraint { .. } => ("VALIDATE CONSTRAINT", &[Table]),
        Cmd::DropConstraint { .. } => ("DROP CONSTRAINT", &[Table]),
        Cmd::ClusterOn { .. } => ("CLUSTER ON", &[Table, MatView]),
        Cmd::ReplicaIdentity(_) => ("REPLICA IDENTITY", &[Table, MatView]),
        Cmd::TriggersAll { enable: true } => ("ENABLE TRIGGER ALL", &[Table]),
        Cmd::TriggersAll { enable: false } => ("DISABLE TRIGGER ALL", &[Table]),
        _ => ("", &[Table, View, MatView, Sequence, Composite, System]),
    };
    if kinds.contains(&relation.kind) {
        return Ok(());
    }
    let (word, _) = kind_words(relation.kind);
    let message = format!("ALTER action {name} cannot be performed on relation \"{}\"", relation.name);
    Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, message).detail(format!("This operation is not supported for {word}s.")))
}

fn run(core: &SessionCore, table: Oid, command: &Cmd, source: &str) -> Result<()> {
    match command {
        Cmd::AddColumn { column, if_not_exists } => column::add(core, table, column, *if_not_exists, source),
        Cmd::DropColumn { name, if_exists, behavior } => column::drop(core, table, name, *if_exists, *behavior),
        Cmd::AlterColumnType { name, type_name, collation, using, pos } => {
            let change =
                column_type::TypeChange { name, type_name, collation: collation.as_ref(), using: using.as_ref(), pos: *pos };
            column_type::alter(core, table, &change)
        }
        Cmd::SetDefault { name, expr } => column::set_default(core, table, name, Some(expr)),
        Cmd::DropDefault { name } => column::set_default(core, table, name, None),
        Cmd::SetNotNull { name } => column::set_not_null(core, table, name),
        Cmd::DropNotNull { name } => column::drop_not_null(core, table, name),
        Cmd::DropExpression { name, if_exists } => column::drop_expression(core, table, name, *if_exists),
        Cmd::AddIdentity { name, always, options, .. } => identity::add(core, table, name, *always, options),
        Cmd::SetIdentity { name, options } => identity::set(core, table, name, options),
        Cmd::DropIdentity { name, if_exists } => identity::drop(core, table, name, *if_exists),
        Cmd::SetStatistics { column, target } => options::statistics(core, table, column, *target),
        Cmd::SetStorage { name, storage } => options::storage(core, table, name, storage),
        Cmd::SetCompression { name, compression } => options::compression(core, table, name, compression),
        Cmd::SetColumnOptions { name, options: list } => options::column_options(core, table, name, list, false),
        Cmd::ResetColumnOptions { name, options: list } => options::column_options(core, table, name, list, true),
        Cmd::AddConstraint(c) => constraint::add(core, table, c, source),
        Cmd::AlterConstraint { name, deferrable, initially_deferred, .. } => {
            constraint::alter(core, table, name, *deferrable, *initially_deferred)
        }
        Cmd::ValidateConstraint { name } => constraint::validate(core, table, name),
        Cmd::DropConstraint { name, if_exists, behavior } => constraint::drop(core, table, name, *if_exists, *behavior),
        Cmd::ChangeOwner(role) => super::owner::change_relation_owner(core, table, role),
        Cmd::SetOptions(list) => options::set(core, table, list),
        Cmd::ResetOptions(list) => options::reset(core, table, list),
        Cmd::ClusterOn { index } => options::cluster_on(core, table, index),
        Cmd::SetWithoutCluster => options::change_notes(core, table, |n| n.clustered_on = None),
        Cmd::NotOf => options::change_notes(core, table, |n| n.of_type = None),
        Cmd::SetWithoutOids => Ok(()),
        Cmd::SetLogged => options::persistence(core, table, Persistence::Permanent),
        Cmd::SetUnlogged => options::persistence(core, table, Persistence::Unlogged),
        Cmd::SetTablespace(name) => options::tablespace(name),
        Cmd::SetAccessMethod(name) if name == "heap" => Ok(()),
        Cmd::SetAccessMethod(name) => Err(err!(SqlState::UNDEFINED_OBJECT, "access method \"{name}\" does not exist")),
        Cmd::ReplicaIdentity(identity) => options::replica_identity(core, table, identity),
        Cmd::AddAttribute { column, behavior } => attribute::add(core, table, column, *behavior),
        Cmd::DropAttribute { name, if_exists, behavior } => attribute::drop(core, table, name, *if_exists, *behavior),
        Cmd::AlterAttributeType { name, type_name, collation, behavior, .. } => {
            attribute::alter_type(core, table, name, type_name, collation.as_ref(), *behavior)
        }
        other => Err(SqlError::unsupported(unbuilt(other))),
    }
}

/// What an unbuilt command is called.
fn unbuilt(command: &Cmd) -> &'static str {
    match command {
        Cmd::Inherit(_) | Cmd::NoInherit(_) => "table inheritance",
        Cmd::OfType(_) => "ALTER TABLE OF",
        Cmd::RowSecurity(_) => "row-level security",
        Cmd::AttachPartition { .. } | Cmd::DetachPartition { .. } | Cmd::DetachPartitionFinalize { .. } => "table partitioning",
        Cmd::FdwOptions(_) | Cmd::AlterColumnFdwOptions { .. } => "foreign tables",
        Cmd::Rule { .. } => "rules",
        Cmd::Trigger { .. } | Cmd::TriggersAll { .. } | Cmd::TriggersUser { .. } => "ENABLE or DISABLE TRIGGER",
        _ => "this form of ALTER TABLE",
    }
}
