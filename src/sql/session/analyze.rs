//! ANALYZE, and the server doing so by itself.
//!
//! The statement works in its transaction: statistics become the catalog's when it commits, and every plan is made again then. The
//! server's own thread looks once a second for tables with more changes than PostgreSQL's autovacuum allows (50 rows and a tenth
//! of the table). A bulk load is analyzed as soon as it is quiet, smaller changes after a minute. It reads a snapshot and takes
//! no locks, so no statement waits for it.

use super::SessionCore;
use super::server::{Server, now};
use super::storage::is_stored;
use super::view::SessionView;
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use crate::kv::{Durability, Keyspace, WriteBatch};
use crate::sql::catalog::objects::{Persistence, Relation, RelationRef};
use crate::sql::catalog::statistics::TableStatistics;
use crate::sql::catalog::{Catalog, Change};
use crate::sql::parser::ast::VacuumStmt;
use crate::sql::table::{AnalyzeRequest, CatalogTypes, analyze};
use crate::sql::types::Oid;
use crate::sql::types::io::IoContext;
use crate::txn::{ReadView, blocking};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// What a statement wants analyzed: a relation and the columns, all when none are named.
type Wanted = (RelationRef, Option<Vec<u16>>);

/// VACUUM and ANALYZE. VACUUM by itself refreshes row counts only: space is reclaimed by compaction on its own.
pub fn statement(core: &SessionCore, stmt: &VacuumStmt) -> Result<()> {
    let mut wanted = Vec::new();
    for named in &stmt.relations {
        let relation = crate::sql::ddl::find_relation(core, &named.relation)?;
        let columns = positions(&relation, &named.columns)?;
        if !is_stored(&relation) {
            skip(core, &relation, stmt.is_vacuum);
            continue;
        }
        wanted.push((relation, columns));
    }
    let view = core.view();
    if stmt.relations.is_empty() {
        let all = view.catalog.relations().filter(|r| r.oid >= Oid::FIRST_NORMAL && is_stored(r));
        wanted.extend(all.map(|r| (Arc::clone(r), None)));
    }
    let analyzes = !stmt.is_vacuum || stmt.options.iter().any(|o| matches!(o.name.as_str(), "analyze"));
    if !analyzes {
        wanted.iter_mut().for_each(|(_, columns)| *columns = Some(Vec::new()));
    }
    wanted.retain(|(relation, _)| may_analyze(core, &view, relation, stmt.is_vacuum));
    blocking::off_reactor(|| wanted.iter().try_for_each(|w| one(core, w)))
}

fn positions(relation: &Relation, names: &[smol_str::SmolStr]) -> Result<Option<Vec<u16>>> {
    let mut columns: Vec<u16> = Vec::with_capacity(names.len());
    for name in names {
        let Some(position) = relation.column(name) else {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", relation.name);
            return Err(SqlError::new(SqlState::UNDEFINED_COLUMN, message));
        };
        if columns.contains(&(position as u16)) {
            let message = format!("column \"{name}\" of relation \"{}\" appears more than once", relation.name);
            return Err(SqlError::new(SqlState::DUPLICATE_COLUMN, message));
        }
        columns.push(position as u16);
    }
    Ok((!columns.is_empty()).then_some(columns))
}

fn warn(core: &SessionCore, message: String) {
    core.queue_notice(err!(SqlState::WARNING, "{message}").severity(Severity::Warning));
}

fn skip(core: &SessionCore, relation: &Relation, vacuum: bool) {
    if relation.oid < Oid::FIRST_NORMAL {
        return;
    }
    let what = if vacuum { "vacuum" } else { "analyze" };
    warn(core, format!("skipping \"{}\" --- cannot {what} non-tables or special system tables", relation.name));
}

fn may_analyze(core: &SessionCore, view: &SessionView, relation: &Relation, vacuum: bool) -> bool {
    if view.has_role_privileges(view.user, relation.owner) {
        return true;
    }
    let what = if vacuum { "vacuum" } else { "analyze" };
    warn(core, format!("skipping \"{}\" --- only table or database owner can {what} it", relation.name));
    false
}

fn one(core: &SessionCore, (relation, columns): &Wanted) -> Result<()> {
    let view = core.view();
    let io = core.io();
    let context = io.context(0, &*view);
    let def = core.server.tables.def(relation, &context)?;
    let target = core.settings.lock().get("default_statistics_target").and_then(|t| t.parse().ok()).unwrap_or(100);
    let before = def.activity.total();
    let found = analyze(&AnalyzeRequest {
        def: &def,
        view: &core.txn()?.view(),
        store: &*core.server.store,
        columns: columns.as_deref(),
        known: view.catalog.statistics(relation.oid).map(|s| &**s),
        target,
        now: now(),
        check: &|| core.interrupt.check(),
    })?;
    def.activity.analyzed(found.rows, before);
    let temporary = relation.persistence == Persistence::Temporary;
    if core.txn()?.is_read_only() && !temporary {
        // Statistics are not what a read-only transaction may not write: they are kept beside it.
        return publish(&core.server, core.entry.database, found);
    }
    core.change(Change::Statistics(Arc::new(found)), temporary)
}

/// How often the server looks for tables to analyze.
const ROUND: Duration = Duration::from_secs(1);
/// Changes that make a bulk load.
const BULK: u64 = 10_000;
/// How long smaller changes wait (`autovacuum_naptime`).
const NAP: Duration = Duration::from_secs(60);
/// `autovacuum_analyze_threshold`, `autovacuum_analyze_scale_factor`
const THRESHOLD: (f64, f64) = (50.0, 0.1);

/// A table with too many changes: since when, how many at the last look, and how often what was read was not what was expected.
struct Due {
    since: Instant,
    total: u64,
    attempts: u32,
}

/// Starts the thread that analyzes tables by itself. It ends with the server.
pub fn start(server: &Arc<Server>) {
    if server.defaults.iter().any(|(name, value)| name == "autovacuum" && matches!(value.as_str(), "off" | "false" | "no" | "0")) {
        return;
    }
    let weak = Arc::downgrade(server);
    let run = move || {
        let mut due = HashMap::new();
        loop {
            std::thread::sleep(ROUND);
            if !round(&weak, &mut due) {
                return;
            }
        }
    };
    if let Err(e) = std::thread::Builder::new().name("analyze".into()).spawn(run) {
        tracing::warn!("tables will not be analyzed automatically: {e}");
    }
}

/// One look at every table; `false` when the server is gone.
fn round(weak: &Weak<Server>, due: &mut HashMap<u32, Due>) -> bool {
    let Some(server) = weak.upgrade() else { return false };
    for (database, catalog) in server.catalogs.loaded() {
        for relation in catalog.relations().filter(|r| r.oid >= Oid::FIRST_NORMAL && is_stored(r)) {
            let storage = relation.storage.0;
            let Some(activity) = server.tables.known_activity(relation.storage) else { continue };
            if !is_due(relation, activity.changes(), catalog.statistics(relation.oid).map_or(0.0, |s| s.rows)) {
                due.remove(&storage);
                continue;
            }
            let total = activity.total();
            let entry = due.entry(storage).or_insert(Due { since: Instant::now(), total: u64::MAX, attempts: 0 });
            let quiet = entry.total == total;
            entry.total = total;
            let waited = entry.since.elapsed();
            let bulk = activity.changes() >= BULK && quiet && waited >= ROUND * entry.attempts * 10;
            if !bulk && waited < NAP {
                continue;
            }
            match by_itself(&server, database, &catalog, relation, entry.attempts >= 3) {
                Ok(true) => {
                    due.remove(&storage);
                }
                Ok(false) => entry.attempts += 1,
                Err(e) => {
                    tracing::debug!("\"{}\" could not be analyzed: {e}", relation.name);
                    due.remove(&storage);
                }
            }
        }
    }
    true
}

fn is_due(relation: &Relation, changes: u64, rows: f64) -> bool {
    let option = |name: &str| relation.options.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    if option("autovacuum_enabled").is_some_and(|v| matches!(v, "false" | "off")) {
        return false;
    }
    let number = |name: &str, default: f64| option(name).and_then(|v| v.parse().ok()).unwrap_or(default);
    let threshold = number("autovacuum_analyze_threshold", THRESHOLD.0);
    let factor = number("autovacuum_analyze_scale_factor", THRESHOLD.1);
    changes as f64 > threshold + factor * rows
}

/// Analyzes a table outside any session. `false` when what it read is far from what was written: the writer has not committed.
fn by_itself(server: &Server, database: Oid, catalog: &Catalog, relation: &RelationRef, anyway: bool) -> Result<bool> {
    let types = CatalogTypes(catalog);
    let io = IoContext { types: &types, ..IoContext::plain() };
    let def = server.tables.def(relation, &io)?;
    let before = def.activity.total();
    let expected = super::storage::stored_rows(server, catalog, relation);
    let view = ReadView::committed(server.store.snapshot());
    let found = analyze(&AnalyzeRequest {
        def: &def,
        view: &view,
        store: &*server.store,
        columns: None,
        known: None,
        target: 100,
        now: now(),
        check: &|| {
            // Statements come first.
            std::thread::yield_now();
            Ok(())
        },
    })?;
    if !anyway && expected > 1000.0 && found.rows < expected * 0.8 {
        return Ok(false);
    }
    def.activity.analyzed(found.rows, before);
    publish(server, database, found)?;
    Ok(true)
}

fn publish(server: &Server, database: Oid, found: TableStatistics) -> Result<()> {
    let change = Change::Statistics(Arc::new(found));
    let (key, value) = change.persist(database)?;
    let mut batch = WriteBatch::default();
    batch.put(Keyspace::Tables, key, value.unwrap_or_default());
    server.store.commit(batch, Durability::Buffered).map_err(SqlError::from)?;
    server.catalogs.publish(database, &[change])
}
