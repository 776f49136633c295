//! DROP and TRUNCATE: what depends on the dropped objects goes with them (CASCADE) or stops the statement (RESTRICT).

use super::naming::{check_owner, find_relation, try_find_relation, with_article};
use super::notice;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::kv::{KeyRange, Keyspace};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{ConstraintKind, Persistence, RelKind, Relation, RelationRef, StorageId, UserTypeKind};
use crate::sql::catalog::{BOOTSTRAP_ROLE, Change};
use crate::sql::parser::ast::{
    DropBehavior, DropStmt, ObjectRef, ObjectType, Persistence as AstPersistence, QualName, RangeVar, TruncateStmt,
};
use crate::sql::session::SessionCore;
use crate::sql::session::server::TEMPORARY_STORAGE;
use crate::sql::session::view::relation_word;
use crate::sql::types::Oid;
use crate::txn::{TableMode, Tag, WaitPolicy};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something to be dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Relation(Oid),
    Index(Oid),
    Constraint(Oid, Oid),
    Default(Oid, u16),
    Column(Oid, u16),
    Type(Oid),
    /// The array type over a user type.
    Array(Oid),
    Schema(Oid),
    Function(Oid),
}

fn range_var(name: &QualName) -> RangeVar {
    let n = name.parts.len();
    RangeVar {
        catalog: n.checked_sub(3).map(|i| name.parts[i].clone()),
        schema: n.checked_sub(2).map(|i| name.parts[i].clone()),
        name: name.parts[n - 1].clone(),
        inherit: true,
        persistence: AstPersistence::Permanent,
        alias: None,
        pos: name.pos,
    }
}

/// DROP TABLE, VIEW, INDEX, SEQUENCE, MATERIALIZED VIEW, SCHEMA, TYPE, DOMAIN, FUNCTION...; answers the command tag.
pub fn execute(core: &SessionCore, stmt: &DropStmt) -> Result<String> {
    let (word, kind) = match stmt.object_type {
        ObjectType::Table => ("TABLE", Some(RelKind::Table)),
        ObjectType::View => ("VIEW", Some(RelKind::View)),
        ObjectType::MatView => ("MATERIALIZED VIEW", Some(RelKind::MatView)),
        ObjectType::Sequence => ("SEQUENCE", Some(RelKind::Sequence)),
        ObjectType::Index => ("INDEX", None),
        ObjectType::Schema => ("SCHEMA", None),
        ObjectType::Type => ("TYPE", None),
        ObjectType::Domain => ("DOMAIN", None),
        ObjectType::Function => ("FUNCTION", None),
        ObjectType::Procedure => ("PROCEDURE", None),
        ObjectType::Routine => ("ROUTINE", None),
        other => return Err(SqlError::unsupported(format!("DROP {}", crate::sql::parser::object_words(other)))),
    };
    let mut targets = Vec::new();
    for object in &stmt.objects {
        let found = match (object, kind, stmt.object_type) {
            (ObjectRef::Name(name), Some(kind), _) => relation_target(core, name, kind, stmt)?,
            (ObjectRef::Name(name), None, ObjectType::Index) => index_target(core, name, stmt)?,
            (ObjectRef::Name(name), None, ObjectType::Schema) => schema_target(core, name, stmt)?,
            (ObjectRef::Type(name), None, ObjectType::Type | ObjectType::Domain) => {
                let domain = stmt.object_type == ObjectType::Domain;
                type_target(core, name, domain, stmt)?
            }
            (ObjectRef::Routine(r), ..) => super::function::drop_target(core, r, stmt)?.map(Target::Function),
            _ => return Err(SqlError::unsupported(format!("DROP {word} of this form"))),
        };
        targets.extend(found);
    }
    let tag = format!("DROP {word}");
    if targets.is_empty() {
        return Ok(tag);
    }
    lock_all(core, &targets)?;
    drop_targets(core, &targets, stmt.behavior)?;
    Ok(tag)
}

fn missing(core: &SessionCore, stmt: &DropStmt, code: SqlState, what: &str, name: &str) -> Result<Option<Target>> {
    if stmt.if_exists {
        notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("{what} \"{name}\" does not exist, skipping"));
        return Ok(None);
    }
    Err(err!(code, "{what} \"{name}\" does not exist"))
}

fn relation_target(core: &SessionCore, name: &QualName, kind: RelKind, stmt: &DropStmt) -> Result<Option<Target>> {
    let range = range_var(name);
    if let Some(schema) = &range.schema
        && core.view().schema_oid(schema).is_none()
    {
        if stmt.if_exists {
            notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("schema \"{schema}\" does not exist, skipping"));
            return Ok(None);
        }
        return Err(err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist"));
    }
    let word = match kind {
        RelKind::Table | RelKind::System => "table",
        RelKind::View => "view",
        RelKind::MatView => "materialized view",
        RelKind::Sequence => "sequence",
        RelKind::Composite => "type",
    };
    let Some(relation) = try_find_relation(core, &range)? else {
        if index_place(core, &range).is_some() {
            return Err(wrong_kind(&range.name, word, "an index", "DROP INDEX"));
        }
        return missing(core, stmt, SqlState::UNDEFINED_TABLE, word, &range.name);
    };
    if relation.kind != kind && !(relation.kind == RelKind::System && kind == RelKind::Table) {
        let article = with_article(relation.kind);
        let command = format!("DROP {}", relation_word(&relation).to_uppercase());
        let hint_article = article;
        return Err(wrong_kind_with(&range.name, word, hint_article, &command));
    }
    check_owner(core, &relation)?;
    if kind == RelKind::Sequence
        && let Some((table, column)) = relation.sequence.as_ref().filter(|s| s.identity).and_then(|s| s.owned_by)
        && let Some(t) = core.view().catalog.relation(table)
    {
        let message = format!(
            "cannot drop sequence {} because column {} of table {} requires it",
            relation.name, t.columns[column as usize].name, t.name
        );
        let hint = format!("You can drop column {} of table {} instead.", t.columns[column as usize].name, t.name);
        return Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message).hint(hint));
    }
    Ok(Some(Target::Relation(relation.oid)))
}

fn wrong_kind(name: &str, wanted: &str, is: &str, command: &str) -> SqlError {
    wrong_kind_with(name, wanted, is, command)
}

fn wrong_kind_with(name: &str, wanted: &str, is: &str, command: &str) -> SqlError {
    let article = if wanted.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    err!(SqlState::WRONG_OBJECT_TYPE, "\"{name}\" is not {article} {wanted}").hint(format!("Use {command} to remove {is}."))
}

fn index_place(core: &SessionCore, name: &RangeVar) -> Option<(RelationRef, Oid)> {
    let view = core.view();
    let schemas: Vec<Oid> = match &name.schema {
        Some(s) => view.schema_oid(s).into_iter().collect(),
        None => view.search_path().to_vec(),
    };
    let oid = schemas.iter().find_map(|s| view.catalog.class_oid(*s, &name.name))?;
    view.catalog.index(oid).map(|(t, i)| (Arc::clone(t), i.oid))
}

fn index_target(core: &SessionCore, name: &QualName, stmt: &DropStmt) -> Result<Option<Target>> {
    let range = range_var(name);
    let Some((table, index)) = index_place(core, &range) else {
        if let Some(relation) = try_find_relation(core, &range)? {
            let command = format!("DROP {}", relation_word(&relation).to_uppercase());
            return Err(wrong_kind_with(&range.name, "index", with_article(relation.kind), &command));
        }
        return missing(core, stmt, SqlState::UNDEFINED_OBJECT, "index", &range.name);
    };
    check_owner(core, &table)?;
    let found = table.indexes.iter().find(|i| i.oid == index);
    if let Some(constraint) = found.and_then(|i| i.constraint).and_then(|c| table.constraints.iter().find(|k| k.oid == c)) {
        let message =
            format!("cannot drop index {} because constraint {} on table {} requires it", range.name, constraint.name, table.name);
        let hint = format!("You can drop constraint {} on table {} instead.", constraint.name, table.name);
        return Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message).hint(hint));
    }
    Ok(Some(Target::Index(index)))
}

fn schema_target(core: &SessionCore, name: &QualName, stmt: &DropStmt) -> Result<Option<Target>> {
    let view = core.view();
    let Some(schema) = view.catalog.schema_named(name.last()) else {
        return missing(core, stmt, SqlState::INVALID_SCHEMA_NAME, "schema", name.last());
    };
    if !view.has_role_privileges(view.user, schema.owner) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of schema {}", schema.name));
    }
    if schema.oid < Oid::FIRST_NORMAL && schema.owner == BOOTSTRAP_ROLE && schema.name != "public" {
        let message = format!("cannot drop schema {} because it is required by the database system", schema.name);
        return Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
    }
    Ok(Some(Target::Schema(schema.oid)))
}

fn type_target(
    core: &SessionCore,
    name: &crate::sql::parser::ast::TypeName,
    domain: bool,
    stmt: &DropStmt,
) -> Result<Option<Target>> {
    let shown: Vec<&str> = name.names.iter().map(|n| n.as_str()).collect();
    let oid = match core.resolve_type(name) {
        Ok(ty) => ty.oid,
        Err(e) if e.code() == SqlState::UNDEFINED_OBJECT => {
            return missing(core, stmt, SqlState::UNDEFINED_OBJECT, "type", &shown.join("."));
        }
        Err(e) => return Err(e),
    };
    let view = core.view();
    let Some(ty) = view.catalog.user_type(oid).filter(|t| t.oid >= Oid::FIRST_NORMAL) else {
        let name = crate::sql::types::typename::format_type_be(&*view, oid);
        if let Some(crate::sql::catalog::snapshot::TypeEntry::Row(r)) = view.catalog.type_entry(oid) {
            let message = format!("cannot drop type {name} because table {} requires it", r.name);
            return Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .hint(format!("You can drop table {} instead.", r.name)));
        }
        let message = format!("cannot drop type {name} because it is required by the database system");
        return Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
    };
    if domain && !matches!(ty.kind, UserTypeKind::Domain { .. }) {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a domain", ty.name));
    }
    if !view.has_role_privileges(view.user, ty.owner) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of type {}", ty.name));
    }
    Ok(Some(Target::Type(oid)))
}

fn lock_all(core: &SessionCore, targets: &[Target]) -> Result<()> {
    let txn = core.txn()?;
    for target in targets {
        let oid = match target {
            Target::Relation(oid) => *oid,
            Target::Index(oid) => core.view().catalog.index(*oid).map_or(*oid, |(t, _)| t.oid),
            _ => continue,
        };
        txn.lock(Tag::relation(oid.0), TableMode::AccessExclusive, WaitPolicy::Block)?;
    }
    core.refresh_view()
}

/// Adds a target and what depends on it. `notices` gathers `(dependent, on what)` for messages.
fn collect(core: &SessionCore, target: Target, asked: &[Target], planned: &mut Vec<Target>, notices: &mut Vec<(String, String)>) {
    if planned.contains(&target) {
        return;
    }
    planned.push(target.clone());
    for (dependent, automatic) in dependents(core, &target) {
        // What is part of a relation that goes anyway needs no mention of its own.
        let part_of = match &dependent {
            Target::Constraint(table, _) | Target::Default(table, _) | Target::Column(table, _) => Some(Target::Relation(*table)),
            _ => None,
        };
        if part_of.is_some_and(|whole| planned.contains(&whole) || asked.contains(&whole)) {
            continue;
        }
        if !automatic && !asked.contains(&dependent) && !planned.contains(&dependent) {
            notices.push((describe(core, &dependent), describe(core, &target)));
        }
        collect(core, dependent, asked, planned, notices);
    }
}

/// What must go when `target` goes; the flag says whether silently.
fn dependents(core: &SessionCore, target: &Target) -> Vec<(Target, bool)> {
    let view = core.view();
    let catalog = &view.catalog;
    let mut out = Vec::new();
    match target {
        Target::Relation(oid) => {
            let row_type = catalog.relation(*oid).map_or(Oid::INVALID, |r| r.row_type);
            for r in catalog.relations().filter(|r| r.oid >= Oid::FIRST_NORMAL) {
                if r.view.as_ref().is_some_and(|v| v.depends.contains(oid)) {
                    out.push((Target::Relation(r.oid), false));
                }
                if r.sequence.as_ref().and_then(|s| s.owned_by).is_some_and(|(t, _)| t == *oid) {
                    out.push((Target::Relation(r.oid), true));
                }
                for c in &r.constraints {
                    if r.oid != *oid && matches!(&c.kind, ConstraintKind::ForeignKey(f) if f.target == *oid) {
                        out.push((Target::Constraint(r.oid, c.oid), false));
                    }
                }
                let name = view.without_path().class_name(*oid).unwrap_or_default().replace('\'', "''");
                for (i, c) in r.columns.iter().enumerate() {
                    let uses =
                        c.default.as_ref().is_some_and(|d| d.sql.starts_with("nextval(") && d.sql.contains(&format!("'{name}'")));
                    if uses && r.oid != *oid && catalog.relation(*oid).is_some_and(|s| s.kind == RelKind::Sequence) {
                        out.push((Target::Default(r.oid, i as u16), false));
                    }
                    if row_type.is_valid() && c.ty.oid == row_type && r.oid != *oid && !c.dropped {
                        out.push((Target::Column(r.oid, i as u16), false));
                    }
                }
            }
        }
        Target::Type(oid) => {
            out.push((Target::Array(*oid), true));
            let multirange = catalog.user_type(*oid).and_then(|t| match &t.kind {
                UserTypeKind::Range { multirange, .. } => Some(*multirange),
                _ => None,
            });
            for r in catalog.relations().filter(|r| r.view.as_ref().is_some_and(|v| v.depends.contains(oid))) {
                out.push((Target::Relation(r.oid), false));
            }
            for t in catalog.types() {
                if matches!(&t.kind, UserTypeKind::Domain { base, .. } if base.oid == *oid) {
                    out.push((Target::Type(t.oid), false));
                }
            }
            for r in catalog.relations().filter(|r| r.notes.of_type == Some(*oid)) {
                out.push((Target::Relation(r.oid), false));
            }
            for r in catalog.relations() {
                for (i, c) in r.columns.iter().enumerate() {
                    if !c.dropped && (c.ty.oid == *oid || multirange.is_some_and(|m| c.ty.oid == m)) {
                        out.push((Target::Column(r.oid, i as u16), false));
                    }
                }
            }
            for f in catalog.functions() {
                if f.returns == *oid || multirange == Some(f.returns) || f.arg_types.contains(oid) {
                    out.push((Target::Function(f.oid), f.language == "internal"));
                }
            }
        }
        Target::Schema(oid) => {
            for r in catalog.relations().filter(|r| r.schema == *oid && r.kind != RelKind::Composite) {
                out.push((Target::Relation(r.oid), false));
            }
            out.extend(catalog.types().filter(|t| t.schema == *oid).map(|t| (Target::Type(t.oid), false)));
            out.extend(catalog.functions().filter(|f| f.schema == *oid).map(|f| (Target::Function(f.oid), false)));
        }
        Target::Index(oid) => {
            for r in catalog.relations() {
                for c in &r.constraints {
                    if matches!(&c.kind, ConstraintKind::ForeignKey(f) if f.target_index == *oid) {
                        out.push((Target::Constraint(r.oid, c.oid), false));
                    }
                }
            }
        }
        Target::Constraint(table, oid) => {
            let constraint = catalog.relation(*table).and_then(|r| r.constraints.iter().find(|c| c.oid == *oid));
            if let Some(
                ConstraintKind::PrimaryKey { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index, .. },
            ) = constraint.map(|c| &c.kind)
            {
                out.push((Target::Index(*index), true));
            }
        }
        Target::Column(table, column) => out = column_dependents(core, *table, *column),
        Target::Function(oid) => {
            for r in catalog.relations().filter(|r| r.view.as_ref().is_some_and(|v| v.depends.contains(oid))) {
                out.push((Target::Relation(r.oid), false));
            }
        }
        Target::Array(oid) => {
            let array = catalog.user_type(*oid).map_or(Oid::INVALID, |t| t.array_oid);
            for t in catalog.types() {
                if array.is_valid() && matches!(&t.kind, UserTypeKind::Domain { base, .. } if base.oid == array) {
                    out.push((Target::Type(t.oid), false));
                }
            }
            for r in catalog.relations() {
                for (i, _) in r.live_columns().filter(|(_, c)| array.is_valid() && c.ty.oid == array) {
                    out.push((Target::Column(r.oid, i as u16), false));
                }
            }
        }
        Target::Default(..) => {}
    }
    out
}

/// Views that read the column, columns generated from it, foreign keys that rely on a key over it.
fn column_dependents(core: &SessionCore, table: Oid, column: u16) -> Vec<(Target, bool)> {
    let view = core.view();
    let mut out = Vec::new();
    let Some(relation) = view.catalog.relation(table) else { return out };
    for (i, c) in relation.live_columns().filter(|(i, c)| c.generated && *i != usize::from(column)) {
        let used = c.default.as_ref().and_then(|d| {
            let ast = crate::sql::parser::parse_expression(&d.sql).ok()?;
            let bound = super::stored_expr::bind_over(core, relation, &ast, None, crate::sql::binder::Standing::Other).ok()?;
            Some(super::stored_expr::used_columns(&bound).contains(&column))
        });
        if used == Some(true) {
            out.push((Target::Column(table, i as u16), false));
        }
    }
    for index in relation.indexes.iter().filter(|i| i.keys.iter().any(|k| k.column == Some(column))) {
        for r in view.catalog.relations() {
            for c in &r.constraints {
                if matches!(&c.kind, ConstraintKind::ForeignKey(f) if f.target_index == index.oid) && r.oid != table {
                    out.push((Target::Constraint(r.oid, c.oid), false));
                }
            }
        }
    }
    for oid in super::view::views_using_column(core, table, column).unwrap_or_default() {
        out.push((Target::Relation(oid), false));
    }
    out
}

/// Drops targets with what depends on them.
fn drop_targets(core: &SessionCore, targets: &[Target], behavior: DropBehavior) -> Result<()> {
    let (mut planned, mut notices) = (Vec::new(), Vec::new());
    for target in targets {
        collect(core, target.clone(), targets, &mut planned, &mut notices);
    }
    report(core, behavior, targets, &notices, planned.len())?;
    // Dependents first: what they need while they go is still there.
    planned.iter().rev().try_for_each(|target| remove(core, target))
}

/// ALTER TABLE ... DROP COLUMN.
pub fn drop_column_with_dependents(core: &SessionCore, table: Oid, column: u16, behavior: DropBehavior) -> Result<()> {
    drop_targets(core, &[Target::Column(table, column)], behavior)
}

/// ALTER TABLE ... DROP CONSTRAINT.
pub fn drop_constraint_with_dependents(core: &SessionCore, table: Oid, constraint: Oid, behavior: DropBehavior) -> Result<()> {
    drop_targets(core, &[Target::Constraint(table, constraint)], behavior)
}

/// DROP OWNED: relations, types, functions and schemas together.
pub fn drop_owned_objects(
    core: &SessionCore,
    relations: &[Oid],
    types: &[Oid],
    functions: &[Oid],
    schemas: &[Oid],
    behavior: DropBehavior,
) -> Result<()> {
    let mut targets: Vec<Target> = relations.iter().map(|o| Target::Relation(*o)).collect();
    targets.extend(types.iter().map(|o| Target::Type(*o)));
    targets.extend(functions.iter().map(|o| Target::Function(*o)));
    targets.extend(schemas.iter().map(|o| Target::Schema(*o)));
    drop_targets(core, &targets, behavior)
}

/// Removes the entries of an index.
pub fn erase_index(core: &SessionCore, table: &Relation, index: &crate::sql::catalog::objects::Index) -> Result<()> {
    let prefix = crate::encoding::table_prefix(table.storage.0, index.number);
    core.txn()?.delete_range(Keyspace::Data, KeyRange::prefix(&prefix))
}

fn describe(core: &SessionCore, target: &Target) -> String {
    let view = core.view();
    let class = |oid: Oid| view.class_name(oid).unwrap_or_else(|| oid.to_string());
    match target {
        Target::Relation(oid) => {
            let word = view.catalog.relation(*oid).map_or("relation", |r| relation_word(r));
            format!("{word} {}", class(*oid))
        }
        Target::Index(oid) => format!("index {}", class(*oid)),
        Target::Constraint(table, oid) => {
            let name =
                view.catalog.relation(*table).and_then(|r| r.constraints.iter().find(|c| c.oid == *oid)).map(|c| c.name.clone());
            format!("constraint {} on table {}", name.unwrap_or_default(), class(*table))
        }
        Target::Default(table, column) | Target::Column(table, column) => {
            let name = view.catalog.relation(*table).map(|r| r.columns[*column as usize].name.clone()).unwrap_or_default();
            let what = if matches!(target, Target::Default(..)) { "default value for column" } else { "column" };
            let kind = view.catalog.relation(*table).map_or("table", |r| super::alter::kind_words(r.kind).0);
            format!("{what} {name} of {kind} {}", class(*table))
        }
        Target::Type(oid) => format!("type {}", crate::sql::types::typename::format_type_be(&*view, *oid)),
        Target::Array(oid) => format!("type {}[]", crate::sql::types::typename::format_type_be(&*view, *oid)),
        Target::Schema(oid) => format!("schema {}", view.schema_name(*oid).unwrap_or_default()),
        Target::Function(oid) => {
            use crate::sql::types::io::TypeLookup;
            format!("function {}", view.reg_out(Oid::REGPROCEDURE, *oid).unwrap_or_default())
        }
    }
}

/// RESTRICT: an error naming the dependents. CASCADE: notices.
fn report(
    core: &SessionCore,
    behavior: DropBehavior,
    asked: &[Target],
    dependents: &[(String, String)],
    _total: usize,
) -> Result<()> {
    if dependents.is_empty() {
        return Ok(());
    }
    if behavior == DropBehavior::Restrict {
        let lines: Vec<String> = dependents.iter().map(|(a, b)| format!("{a} depends on {b}")).collect();
        let message = match asked {
            [one] => format!("cannot drop {} because other objects depend on it", describe(core, one)),
            _ => "cannot drop desired object(s) because other objects depend on them".to_owned(),
        };
        return Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
            .detail(lines.join("\n"))
            .hint("Use DROP ... CASCADE to drop the dependent objects too."));
    }
    if let [(one, _)] = dependents {
        notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to {one}"));
    } else {
        let lines: Vec<String> = dependents.iter().map(|(a, _)| format!("drop cascades to {a}")).collect();
        let e = err!(SqlState::SUCCESSFUL_COMPLETION, "drop cascades to {} other objects", dependents.len());
        core.queue_notice(e.detail(lines.join("\n")).severity(crate::error::Severity::Notice));
    }
    Ok(())
}

fn remove(core: &SessionCore, target: &Target) -> Result<()> {
    let view = core.view();
    match target {
        Target::Relation(oid) => match view.catalog.relation(*oid).cloned() {
            Some(relation) => remove_relation(core, &relation),
            None => Ok(()),
        },
        Target::Index(oid) => {
            let Some((table, index)) = view.catalog.index(*oid).map(|(t, i)| (Arc::clone(t), i.clone())) else { return Ok(()) };
            let mut changed = Relation::clone(&table);
            changed.indexes.retain(|i| i.oid != *oid);
            if index.primary && index.number == 0 {
                return super::alter::rewrite::relayout(core, &table, changed).map(|_| ());
            }
            erase_index(core, &table, &index)?;
            put(core, changed)
        }
        Target::Constraint(table, oid) => change_table(core, *table, |r| r.constraints.retain(|c| c.oid != *oid)),
        Target::Default(table, column) => change_table(core, *table, |r| r.columns[*column as usize].default = None),
        Target::Column(table, column) => super::alter::drop_column(core, *table, *column),
        Target::Type(oid) => {
            if let Some(t) = view.catalog.user_type(*oid).cloned()
                && let UserTypeKind::Composite { relation } = t.kind
            {
                core.change(Change::DropRelation(relation), false)?;
            }
            core.change(Change::DropType(*oid), false)
        }
        Target::Schema(oid) => core.change(Change::DropSchema(*oid), false),
        Target::Function(oid) => core.change(Change::DropFunction(*oid), false),
        Target::Array(_) => Ok(()),
    }
}

fn change_table(core: &SessionCore, table: Oid, change: impl FnOnce(&mut Relation)) -> Result<()> {
    let Some(relation) = core.view().catalog.relation(table).cloned() else { return Ok(()) };
    let mut changed = Relation::clone(&relation);
    change(&mut changed);
    put(core, changed)
}

fn put(core: &SessionCore, relation: Relation) -> Result<()> {
    let temporary = relation.persistence == Persistence::Temporary;
    core.change(Change::Relation(Arc::new(relation)), temporary)
}

fn remove_relation(core: &SessionCore, relation: &RelationRef) -> Result<()> {
    if relation.storage.0 != 0 && matches!(relation.kind, RelKind::Table | RelKind::MatView) {
        core.txn()?.delete_range(Keyspace::Data, KeyRange::prefix(&relation.storage.0.to_be_bytes()))?;
    }
    let comments: Vec<_> = core.view().catalog.comments().map(|(k, _)| *k).filter(|k| k.object == relation.oid).collect();
    let temporary = relation.persistence == Persistence::Temporary;
    for key in comments {
        core.change(Change::Comment(key, None), temporary)?;
    }
    if core.view().catalog.statistics(relation.oid).is_some() {
        core.change(Change::DropStatistics(relation.oid), temporary)?;
    }
    core.change(Change::DropRelation(relation.oid), temporary)
}

/// TRUNCATE: each table gets new, empty storage; the old rows go in one range delete.
pub fn truncate(core: &SessionCore, stmt: &TruncateStmt) -> Result<()> {
    let mut tables: BTreeSet<Oid> = BTreeSet::new();
    let mut queue = Vec::new();
    for name in &stmt.relations {
        let relation = find_relation(core, name)?;
        if relation.kind != RelKind::Table {
            return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a table", relation.name));
        }
        let view = core.view();
        let have = view.granted(view.user, relation.owner, relation.acl.as_ref(), 0);
        if have & crate::sql::session::view::bits::TRUNCATE == 0 {
            return Err(crate::sql::session::view::denied("table", &relation.name));
        }
        if tables.insert(relation.oid) {
            queue.push(relation.oid);
        }
    }
    while let Some(oid) = queue.pop() {
        core.txn()?.lock(Tag::relation(oid.0), TableMode::AccessExclusive, WaitPolicy::Block)?;
        core.refresh_view()?;
        let view = core.view();
        let target = view.catalog.relation(oid).cloned().ok_or_else(|| SqlError::internal("table vanished"))?;
        for r in view.catalog.relations().filter(|r| !tables.contains(&r.oid)).cloned().collect::<Vec<_>>() {
            for c in &r.constraints {
                if !matches!(&c.kind, ConstraintKind::ForeignKey(f) if f.target == oid) {
                    continue;
                }
                if stmt.behavior == DropBehavior::Restrict {
                    return Err(err!(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        "cannot truncate a table referenced in a foreign key constraint"
                    )
                    .detail(format!("Table \"{}\" references \"{}\".", r.name, target.name))
                    .hint(format!("Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.", r.name)));
                }
                if tables.insert(r.oid) {
                    notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("truncate cascades to table \"{}\"", r.name));
                    queue.push(r.oid);
                }
            }
        }
    }
    for oid in tables {
        empty(core, oid, stmt.restart_identity)?;
    }
    Ok(())
}

fn empty(core: &SessionCore, table: Oid, restart: bool) -> Result<()> {
    let view = core.view();
    let relation = view.catalog.relation(table).cloned().ok_or_else(|| SqlError::internal("table vanished"))?;
    let txn = core.txn()?;
    txn.delete_range(Keyspace::Data, KeyRange::prefix(&relation.storage.0.to_be_bytes()))?;
    let temporary = relation.persistence == Persistence::Temporary;
    let mut changed = Relation::clone(&relation);
    changed.storage = StorageId(core.server.catalogs.oids.allocate()?.0 | if temporary { TEMPORARY_STORAGE } else { 0 });
    put(core, changed)?;
    if restart {
        let owned =
            view.catalog.relations().filter(|r| r.sequence.as_ref().and_then(|s| s.owned_by).is_some_and(|(t, _)| t == table));
        for sequence in owned.cloned().collect::<Vec<_>>() {
            super::sequence::restart(core, &sequence, None)?;
        }
    }
    Ok(())
}
