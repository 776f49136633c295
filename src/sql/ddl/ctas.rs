//! CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW, REFRESH MATERIALIZED VIEW: a query's rows become a stored relation's.

use super::alter::{current, put, rewrite::new_storage};
use super::create_table::{new_relation, storage_options};
use super::naming::{check_owner, claim_name, find_relation, target_schema};
use super::notice;
use super::view::{dependencies, parse_query, result_columns, stored_query};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::{self, Params};
use crate::sql::catalog::objects::{OnCommit, Persistence, RelKind, Relation, RelationRef, ViewDef};
use crate::sql::parser::ast::{self, CreateTableAsStmt, IntoClause, RefreshMatViewStmt, SelectBody, SelectStmt, Statement};
use crate::sql::session::SessionCore;
use crate::sql::session::query::CachedPlan;
use crate::sql::session::storage::with_modifier;
use crate::sql::table::ModifyState;
use crate::sql::table::bulk::BulkRows;
use crate::sql::types::{Datum, Oid, typename};
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;
use std::sync::Arc;

/// CREATE TABLE AS and CREATE MATERIALIZED VIEW; answers the command tag.
pub fn create(core: &SessionCore, stmt: &CreateTableAsStmt) -> Result<String> {
    match &stmt.query {
        Statement::Select(query) => make(core, &stmt.into, &Source::Query(query), stmt.materialized_view, stmt.if_not_exists),
        _ => Err(SqlError::internal("CREATE TABLE AS of no query")),
    }
}

/// SELECT INTO; answers the command tag.
pub fn select_into(core: &SessionCore, stmt: &SelectStmt) -> Result<String> {
    let mut query = stmt.clone();
    let into = match &mut query.body {
        SelectBody::Select(select) => select.into.take(),
        _ => None,
    };
    let into = into.ok_or_else(|| SqlError::internal("SELECT without INTO"))?;
    make(core, &into, &Source::Query(&query), false, false)
}

/// CREATE TABLE AS EXECUTE: the rows of a prepared statement.
pub fn create_from_prepared(
    core: &SessionCore,
    stmt: &CreateTableAsStmt,
    plan: Arc<CachedPlan>,
    params: Vec<Datum>,
) -> Result<String> {
    make(core, &stmt.into, &Source::Prepared(plan, params), false, stmt.if_not_exists)
}

/// Where the rows come from.
enum Source<'a> {
    Query(&'a SelectStmt),
    Prepared(Arc<CachedPlan>, Vec<Datum>),
}

fn make(core: &SessionCore, into: &IntoClause, source: &Source<'_>, materialized: bool, if_not_exists: bool) -> Result<String> {
    let persistence = match into.relation.persistence {
        ast::Persistence::Temporary => Persistence::Temporary,
        ast::Persistence::Unlogged => Persistence::Unlogged,
        ast::Persistence::Permanent => Persistence::Permanent,
    };
    if into.on_commit != ast::OnCommit::NoOp && persistence != Persistence::Temporary {
        return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables"));
    }
    let word = if materialized { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" };
    let schema = target_schema(core, into.relation.schema.as_ref(), into.relation.persistence)?;
    let name = &into.relation.name;
    if core.view().catalog.class_oid(schema, name).is_some() && if_not_exists {
        notice(core, SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists, skipping"));
        return Ok(word.to_owned());
    }
    let traced = match source {
        Source::Query(query) => Some((*query, core.with_bind(|cx| binder::bind_traced(cx, query))?)),
        Source::Prepared(..) => None,
    };
    claim_name(core, schema, name)?;
    let too_many = "too many column names were specified";
    let bound = match (&traced, source) {
        (Some((_, (bound, _))), _) => bound,
        (None, Source::Prepared(plan, _)) => &plan.query,
        (None, Source::Query(_)) => return Err(SqlError::internal("a query was not bound")),
    };
    let mut columns = result_columns(core, bound, &into.columns, too_many)?;
    for column in &mut columns {
        if column.ty.oid == Oid::UNKNOWN {
            column.ty = crate::sql::types::Type::new(Oid::TEXT);
            column.collation = typename::collation_of(Oid::TEXT);
        }
    }
    let on_commit = match into.on_commit {
        ast::OnCommit::DeleteRows => OnCommit::DeleteRows,
        ast::OnCommit::Drop => OnCommit::Drop,
        _ => OnCommit::PreserveRows,
    };
    let kind = if materialized { RelKind::MatView } else { RelKind::Table };
    let mut relation = new_relation(core, schema, name.clone(), persistence, kind, on_commit)?;
    relation.options = storage_options(&into.options)?;
    if let Some((query, (_, trace))) = traced.as_ref().filter(|_| materialized) {
        let names: Vec<SmolStr> = columns.iter().map(|c| c.name.clone()).collect();
        let depends = dependencies(core, trace);
        relation.view = Some(ViewDef { sql: stored_query(core, query, trace, &names), check_option: None, depends });
        relation.populated = !into.skip_data;
    }
    relation.columns = columns;
    if into.skip_data {
        put(core, relation)?;
        return Ok(word.to_owned());
    }
    // The query is planned before its result's table exists: it must not see it.
    let count = {
        let running = match source {
            Source::Query(query) => start(core, query)?,
            Source::Prepared(plan, params) => core.start(Arc::clone(plan), params.clone())?,
        };
        let relation = put(core, relation)?;
        fill(core, running, &relation)?
    };
    Ok(format!("SELECT {count}"))
}

fn start(core: &SessionCore, query: &SelectStmt) -> Result<crate::sql::session::portal::Running> {
    // Checked as any query is: the trace is bound without privileges.
    let bound = core.with_bind(|cx| binder::bind_select(cx, query, &mut Params::none()))?;
    let plan = Arc::new(core.plan_bound(bound)?);
    core.start(plan, Vec::new())
}

/// Inserts a query's rows into a relation whose storage is new; answers how many.
fn fill(core: &SessionCore, mut running: crate::sql::session::portal::Running, relation: &RelationRef) -> Result<u64> {
    let mut state = ModifyState::default();
    let mut bulk = with_modifier(core, &mut state, |m| {
        let target = m.target(relation)?;
        Ok(BulkRows::new(m, target, relation.persistence != Persistence::Temporary))
    })?;
    let mut count = 0;
    while let Some(batch) = core.next_batch(&mut running)? {
        core.interrupt.check()?;
        with_modifier(core, &mut state, |m| {
            for i in 0..batch.rows() {
                count += 1;
                bulk.add(m, &batch.row(batch.position(i)), count)?;
            }
            Ok(())
        })?;
    }
    with_modifier(core, &mut state, |m| {
        bulk.finish(m)?;
        m.finish()
    })?;
    Ok(count)
}

/// REFRESH MATERIALIZED VIEW: new storage is filled, the old one removed.
pub fn refresh(core: &SessionCore, stmt: &RefreshMatViewStmt) -> Result<()> {
    let relation = find_relation(core, &stmt.relation)?;
    if relation.kind != RelKind::MatView {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a materialized view", relation.name));
    }
    check_owner(core, &relation)?;
    if stmt.concurrently && stmt.skip_data {
        return Err(err!(SqlState::SYNTAX_ERROR, "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together"));
    }
    let mode = if stmt.concurrently { TableMode::Exclusive } else { TableMode::AccessExclusive };
    core.txn()?.lock(Tag::relation(relation.oid.0), mode, WaitPolicy::Block)?;
    core.refresh_view()?;
    let old = current(core, relation.oid)?;
    if stmt.concurrently {
        if !old.populated {
            return Err(err!(
                SqlState::FEATURE_NOT_SUPPORTED,
                "CONCURRENTLY cannot be used when the materialized view is not populated"
            ));
        }
        let plain = |i: &&crate::sql::catalog::objects::Index| {
            i.unique && i.predicate.is_none() && i.keys.iter().all(|k| k.column.is_some())
        };
        if old.indexes.iter().find(plain).is_none() {
            let shown = core.view().without_path().class_name(old.oid).unwrap_or_default();
            let e = err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot refresh materialized view \"{shown}\" concurrently");
            return Err(e.hint("Create a unique index with no WHERE clause on one or more columns of the materialized view."));
        }
    }
    let sql = old.view.as_ref().map(|v| v.sql.clone()).unwrap_or_default();
    let query = parse_query(&sql)?;
    let mut changed = Relation::clone(&old);
    changed.storage = new_storage(core, &old)?;
    changed.populated = !stmt.skip_data;
    let running = if stmt.skip_data { None } else { Some(start(core, &query)?) };
    let changed = put(core, changed)?;
    if let Some(running) = running {
        fill(core, running, &changed)?;
    }
    core.txn()?.delete_range(crate::kv::Keyspace::Data, crate::sql::table::build::storage_range(old.storage))
}
