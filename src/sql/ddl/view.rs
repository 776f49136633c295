//! CREATE VIEW and what is known about the queries of views.
//!
//! A view is stored as text in which every name is qualified. When something it names is renamed, the text is made again: what
//! the names mean is found out before the change, and printed after it.

use super::naming::{check_owner, claim_name, target_schema};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::{self, Trace};
use crate::sql::catalog::objects::{CheckOption, Column, OnCommit, Persistence, RelKind, Relation, RelationRef, ViewDef};
use crate::sql::deparse::{query_text, stored_query_text};
use crate::sql::parser::ast::{self, SelectBody, SelectStmt, Statement, ViewStmt};
use crate::sql::parser::parse;
use crate::sql::plan::{Query, Rel};
use crate::sql::session::SessionCore;
use crate::sql::types::{Oid, typename};
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;

/// A view's query, parsed, and what its names mean.
pub struct Resolved {
    /// The query.
    pub stmt: SelectStmt,
    /// Its names.
    pub trace: Trace,
}

/// The query a view's text holds.
pub fn parse_query(sql: &str) -> Result<SelectStmt> {
    match parse(sql)?.pop().map(|raw| raw.stmt) {
        Some(Statement::Select(select)) => Ok(*select),
        _ => Err(SqlError::internal("a view's text is not a query")),
    }
}

/// Finds out what the names of a stored view mean.
pub fn resolve(core: &SessionCore, sql: &str) -> Result<Resolved> {
    let stmt = parse_query(sql)?;
    let (_, trace) = core.with_bind(|cx| binder::bind_traced(cx, &stmt))?;
    Ok(Resolved { stmt, trace })
}

/// The text of a query as it is stored: names qualified, stars expanded, outputs called `names`.
pub fn stored_query(core: &SessionCore, stmt: &SelectStmt, trace: &Trace, names: &[SmolStr]) -> String {
    stored_query_text(&core.view().without_path(), trace, stmt, names)
}

/// The definition of a view as pg_get_viewdef shows it, with its semicolon; the stored text when it cannot be bound.
pub fn shown_query(core: &SessionCore, relation: &Relation, pretty: bool) -> String {
    let Some(def) = &relation.view else { return String::new() };
    let names: Vec<SmolStr> = relation.columns.iter().map(|c| c.name.clone()).collect();
    match resolve(core, &def.sql) {
        Ok(r) => query_text(&core.view(), &r.trace, &r.stmt, &names, pretty) + ";",
        Err(_) => format!("{};", def.sql),
    }
}

/// Views that read a column of a relation.
pub fn views_using_column(core: &SessionCore, relation: Oid, position: u16) -> Result<Vec<Oid>> {
    let view = core.view();
    let mut out = Vec::new();
    for r in view.catalog.relations() {
        let Some(def) = r.view.as_ref().filter(|d| d.depends.contains(&relation)) else { continue };
        if resolve(core, &def.sql)?.trace.uses(relation, position) {
            out.push(r.oid);
        }
    }
    Ok(out)
}

/// What a query depends on: relations, user functions and user types.
pub fn dependencies(core: &SessionCore, trace: &Trace) -> Vec<Oid> {
    let view = core.view();
    let mut out: Vec<Oid> = trace.relations.values().copied().filter(|o| *o >= Oid::FIRST_NORMAL).collect();
    for (schema, name) in trace.functions.values() {
        out.extend(view.catalog.functions_named(*schema, name).map(|f| f.oid));
    }
    let types = trace.types.values().chain(trace.literals.values().map(|l| &l.ty)).chain(trace.casts.values());
    out.extend(types.map(|t| t.oid).filter(|o| *o >= Oid::FIRST_NORMAL));
    out.sort_unstable();
    out.dedup();
    out
}

/// The columns of a query's result. Errors: 42P16 for too many names, 42701 for a name twice.
pub fn result_columns(core: &SessionCore, query: &Query, names: &[SmolStr], too_many: &str) -> Result<Vec<Column>> {
    if names.len() > query.outputs.len() {
        return Err(err!(SqlState::SYNTAX_ERROR, "{too_many}"));
    }
    let view = core.view();
    let mut columns: Vec<Column> = Vec::with_capacity(query.outputs.len());
    for (i, output) in query.outputs.iter().enumerate() {
        let name = names.get(i).unwrap_or(&output.name).clone();
        if columns.iter().any(|c| c.name == name) {
            return Err(err!(SqlState::DUPLICATE_COLUMN, "column \"{name}\" specified more than once"));
        }
        if typename::is_pseudo(output.ty.oid) {
            let shown = typename::format_type_be(&*view, output.ty.oid);
            return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "column \"{name}\" has pseudo-type {shown}"));
        }
        let mut column = super::create_table::plain_column(name, output.ty);
        if output.collation.is_valid() {
            column.collation = output.collation;
        }
        columns.push(column);
    }
    Ok(columns)
}

/// CREATE VIEW
pub fn create(core: &SessionCore, stmt: &ViewStmt) -> Result<()> {
    if let SelectBody::Select(select) = &stmt.query.body
        && select.into.is_some()
    {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "views must not contain SELECT INTO"));
    }
    if stmt.query.with.as_ref().is_some_and(|w| w.ctes.iter().any(|c| !matches!(&*c.query, Statement::Select(_)))) {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "views must not contain data-modifying statements in WITH"));
    }
    let select = numbered(stmt);
    let (query, trace) = core.with_bind(|cx| binder::bind_traced(cx, &select))?;
    let columns = result_columns(core, &query, &stmt.columns, "CREATE VIEW specifies more column names than columns")?;
    let temporary = stmt.relation.persistence == ast::Persistence::Temporary || reads_temporary(core, &query);
    if temporary && stmt.relation.persistence != ast::Persistence::Temporary {
        super::notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("view \"{}\" will be a temporary view", stmt.relation.name));
    }
    let persistence = if temporary { ast::Persistence::Temporary } else { ast::Persistence::Permanent };
    let schema = target_schema(core, stmt.relation.schema.as_ref(), persistence)?;
    let mut options = super::create_table::storage_options(&stmt.options)?;
    if let Some(kind) = stmt.check_option {
        let word = if kind == ast::CheckOption::Local { "local" } else { "cascaded" };
        options.push(("check_option".into(), word.into()));
    }
    let check_option = check_option(stmt, &options)?;
    let names: Vec<SmolStr> = columns.iter().map(|c| c.name.clone()).collect();
    let sql = stored_query(core, &select, &trace, &names);
    let def = ViewDef { sql, check_option, depends: dependencies(core, &trace) };
    if check_option.is_some() {
        let why = not_updatable(&select, &query.plan);
        if !why.is_empty() || !reads_updatable(core, &trace) {
            let e = err!(SqlState::FEATURE_NOT_SUPPORTED, "WITH CHECK OPTION is supported only on automatically updatable views");
            let reason = if why.is_empty() {
                "Views that do not select from a single table or view are not automatically updatable."
            } else {
                why
            };
            return Err(e.hint(reason));
        }
    }
    if stmt.or_replace
        && let Some(old) = core.view().catalog.relation_named(schema, &stmt.relation.name).cloned()
    {
        return replace(core, &old, columns, def, options);
    }
    claim_name(core, schema, &stmt.relation.name)?;
    let kept = if temporary { Persistence::Temporary } else { Persistence::Permanent };
    let mut relation =
        super::create_table::new_relation(core, schema, stmt.relation.name.clone(), kept, RelKind::View, OnCommit::PreserveRows)?;
    relation.columns = columns;
    relation.view = Some(def);
    relation.options = options;
    super::alter::put(core, relation).map(|_| ())
}

fn reads_temporary(core: &SessionCore, query: &Query) -> bool {
    let temporary = core.view().temp_schema;
    query.uses_temp || query.relations.iter().any(|(r, _)| Some(r.schema) == temporary && temporary.is_some())
}

fn check_option(stmt: &ViewStmt, options: &[(SmolStr, SmolStr)]) -> Result<Option<CheckOption>> {
    match stmt.check_option {
        Some(ast::CheckOption::Local) => return Ok(Some(CheckOption::Local)),
        Some(ast::CheckOption::Cascaded) => return Ok(Some(CheckOption::Cascaded)),
        None => {}
    }
    match options.iter().find(|(n, _)| n == "check_option").map(|(_, v)| v.as_str()) {
        None => Ok(None),
        Some("local") => Ok(Some(CheckOption::Local)),
        Some("cascaded") => Ok(Some(CheckOption::Cascaded)),
        Some(other) => {
            let e = err!(SqlState::INVALID_PARAMETER_VALUE, "invalid value for enum option \"check_option\": {other}");
            Err(e.detail("Valid values are \"local\" and \"cascaded\"."))
        }
    }
}

/// Why a query is not updatable; empty when it is.
fn not_updatable(query: &SelectStmt, plan: &Rel) -> &'static str {
    let SelectBody::Select(core) = &query.body else {
        return "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.";
    };
    if query.with.is_some() {
        "Views containing WITH are not automatically updatable."
    } else if query.limit.count.is_some() || query.limit.offset.is_some() {
        "Views containing LIMIT or OFFSET are not automatically updatable."
    } else if core.distinct != ast::Distinct::No {
        "Views containing DISTINCT are not automatically updatable."
    } else if !core.group_by.is_empty() {
        "Views containing GROUP BY are not automatically updatable."
    } else if core.having.is_some() {
        "Views containing HAVING are not automatically updatable."
    } else if !matches!(core.from.as_slice(), [ast::FromItem::Table(_)]) {
        "Views that do not select from a single table or view are not automatically updatable."
    } else {
        calls_of(plan)
    }
}

/// The calls of a select list that make a view read-only.
fn calls_of(plan: &Rel) -> &'static str {
    match plan {
        Rel::Aggregate { .. } => "Views that return aggregate functions are not automatically updatable.",
        Rel::Window { .. } => "Views that return window functions are not automatically updatable.",
        Rel::ProjectSet { .. } => "Views that return set-returning functions are not automatically updatable.",
        Rel::Project { input, .. } | Rel::Sort { input, .. } | Rel::Filter { input, .. } => calls_of(input),
        _ => "",
    }
}

/// The statement's query; the select list that RECURSIVE makes up gets places of its own to be traced by.
fn numbered(stmt: &ViewStmt) -> SelectStmt {
    let mut query = SelectStmt::clone(&stmt.query);
    if stmt.recursive
        && let SelectBody::Select(core) = &mut query.body
    {
        for (i, target) in core.targets.iter_mut().enumerate() {
            target.expr.pos = usize::try_from(u32::MAX).unwrap_or(usize::MAX) - 1 - i;
        }
    }
    query
}

fn reads_updatable(core: &SessionCore, trace: &Trace) -> bool {
    let view = core.view();
    let fits = |oid: &Oid| view.catalog.relation(*oid).is_some_and(|r| matches!(r.kind, RelKind::Table | RelKind::View));
    trace.relations.values().all(fits)
}

/// OR REPLACE: the columns it had must stay as they are. Errors: 42P16, 42809.
fn replace(
    core: &SessionCore,
    old: &RelationRef,
    columns: Vec<Column>,
    def: ViewDef,
    options: Vec<(SmolStr, SmolStr)>,
) -> Result<()> {
    if old.kind != RelKind::View {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a view", old.name));
    }
    check_owner(core, old)?;
    core.txn()?.lock(Tag::relation(old.oid.0), TableMode::AccessExclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    if columns.len() < old.columns.len() {
        return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "cannot drop columns from view"));
    }
    let view = core.view();
    for (had, has) in old.columns.iter().zip(&columns) {
        if had.name != has.name {
            let message = format!("cannot change name of view column \"{}\" to \"{}\"", had.name, has.name);
            let hint = "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.";
            return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message).hint(hint));
        }
        if had.ty != has.ty {
            let (from, to) = (typename::format_type(&*view, had.ty), typename::format_type(&*view, has.ty));
            let message = format!("cannot change data type of view column \"{}\" from {from} to {to}", had.name);
            return Err(SqlError::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
    }
    if def.depends.contains(&old.oid) {
        let message = format!("infinite recursion detected in rules for relation \"{}\"", old.name);
        return Err(SqlError::new(SqlState::INVALID_OBJECT_DEFINITION, message));
    }
    let mut changed = Relation::clone(old);
    for (position, mut column) in columns.into_iter().enumerate() {
        if let Some(had) = old.columns.get(position) {
            (column.default, column.acl) = (had.default.clone(), had.acl.clone());
            changed.columns[position] = column;
        } else {
            changed.columns.push(column);
        }
    }
    (changed.view, changed.options) = (Some(def), options);
    super::alter::put(core, changed).map(|_| ())
}
