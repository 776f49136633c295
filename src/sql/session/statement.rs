//! Which statement goes where.

use super::Session;
use super::server::now;
use super::transaction::{Block, aborted};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::parser::{self, RawStatement, ast::Statement};
use crate::wire::{Out, encode};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Whether a statement returns or changes rows and so is bound, planned and run as a query.
pub fn is_query(stmt: &Statement) -> bool {
    if let Statement::Select(s) = stmt {
        return !matches!(&s.body, parser::ast::SelectBody::Select(core) if core.into.is_some());
    }
    matches!(stmt, Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_))
}

/// Whether a failed block still takes the statement.
fn ends_block(stmt: &Statement) -> bool {
    use crate::sql::parser::ast::TransactionStmt as T;
    matches!(stmt, Statement::Transaction(t) if matches!(**t, T::Commit { .. } | T::Rollback { .. } | T::RollbackTo(_) | T::PrepareTransaction(_)))
}

/// Statements that cannot run inside a transaction block, by the name errors give them.
fn must_stand_alone(stmt: &Statement) -> Option<&'static str> {
    match stmt {
        Statement::CreateDatabase(_) => Some("CREATE DATABASE"),
        Statement::DropDatabase(_) => Some("DROP DATABASE"),
        Statement::Vacuum(v) if v.is_vacuum => Some("VACUUM"),
        Statement::AlterSystem(_) => Some("ALTER SYSTEM"),
        Statement::CreateTablespace(_) => Some("CREATE TABLESPACE"),
        Statement::Discard(parser::ast::DiscardMode::All) => Some("DISCARD ALL"),
        Statement::CreateIndex(i) if i.concurrently => Some("CREATE INDEX CONCURRENTLY"),
        _ => None,
    }
}

impl Session {
    /// Runs a query string of the simple protocol.
    pub(super) async fn run_script(&mut self, sql: &str, out: &mut Out) -> Result<()> {
        if *self.source != *sql {
            self.source = Arc::from(sql);
        }
        self.begin_activity();
        let guard = self.arm_timeout();
        let result = self.run_statements(sql, out).await;
        drop(guard);
        self.send_notices(out);
        self.end_activity();
        result
    }

    async fn run_statements(&mut self, sql: &str, out: &mut Out) -> Result<()> {
        self.core.interrupt.begin_command();
        if let Some(done) = self.run_cached(sql, out).await {
            return done;
        }
        if let Some(done) = self.run_shaped(sql, out).await {
            return done;
        }
        let statements = parser::parse(sql)?;
        if statements.is_empty() {
            encode::empty_query_response(out.buffer());
            return Ok(());
        }
        let alone = statements.len() == 1;
        let count = statements.len();
        for (i, statement) in statements.into_iter().enumerate() {
            self.run_one(statement, alone, i + 1 == count, out).await?;
            self.send_notices(out);
        }
        if self.block == Block::Implicit {
            self.commit_transaction().await?;
        }
        Ok(())
    }

    /// Runs a statement. A definition's implicit transaction is committed before its tag is sent: a failing COMMIT leaves none.
    async fn run_one(&mut self, raw: RawStatement, alone: bool, last: bool, out: &mut Out) -> Result<()> {
        self.admit(&raw.stmt, alone)?;
        let stmt = Arc::new(raw);
        if is_query(&stmt.stmt) {
            return self.run_query_statement(&stmt, alone, out).await;
        }
        let tag = Box::pin(self.run_utility(&stmt, out)).await?;
        if let Some(tag) = tag {
            if last && self.block == Block::Implicit {
                self.commit_transaction().await?;
            }
            encode::command_complete(out.buffer(), &tag);
        }
        Ok(())
    }

    /// Refuses what the state of the transaction does not allow.
    pub(super) fn admit(&mut self, stmt: &Statement, alone: bool) -> Result<()> {
        if self.block == Block::Failed && !ends_block(stmt) {
            return Err(aborted());
        }
        if let Some(name) = must_stand_alone(stmt) {
            if self.block == Block::Explicit {
                return Err(err!(SqlState::ACTIVE_SQL_TRANSACTION, "{name} cannot run inside a transaction block"));
            }
            if !alone {
                return Err(err!(SqlState::ACTIVE_SQL_TRANSACTION, "{name} cannot be executed within a pipeline"));
            }
        }
        Ok(())
    }

    /// Runs anything that is not a plain query; answers its command tag unless it wrote one itself.
    pub(super) async fn run_utility(&mut self, raw: &Arc<RawStatement>, out: &mut Out) -> Result<Option<String>> {
        let tag = |t: &str| Ok(Some(t.to_owned()));
        match &raw.stmt {
            Statement::Transaction(t) => return self.transaction_statement(t).await.map(|t| Some(t.to_owned())),
            Statement::Show(s) => return self.show(s, out).map(|()| Some("SHOW".to_owned())),
            _ => {}
        }
        self.ensure_transaction();
        self.core.statement_start.store(now(), Ordering::Relaxed);
        self.start_command()?;
        match &raw.stmt {
            Statement::Set(s) => return self.set(s).map(|t| Some(t.to_owned())),
            Statement::SetConstraints(s) => {
                self.set_constraints(s)?;
                return tag("SET CONSTRAINTS");
            }
            _ => self.queried = true,
        }
        match &raw.stmt {
            Statement::Prepare(p) => self.prepare_statement(p).and_then(|()| tag("PREPARE")),
            Statement::Execute(e) => self.execute_statement(e, out).await.map(|()| None),
            Statement::Deallocate(name) => self.deallocate(name.as_deref()).map(|t| Some(t.to_owned())),
            Statement::DeclareCursor(d) => self.declare_cursor(d).and_then(|()| tag("DECLARE CURSOR")),
            Statement::Fetch(f) => self.fetch(f, out).await.map(Some),
            Statement::ClosePortal(name) => self.close_cursor(name.as_deref()).map(|t| Some(t.to_owned())),
            Statement::Copy(c) => self.copy(c, out).await.map(Some),
            Statement::Explain(e) => self.explain(e, out).await.map(|()| Some("EXPLAIN".to_owned())),
            Statement::Discard(mode) => self.discard(*mode).map(|t| Some(t.to_owned())),
            Statement::Lock(l) => self.lock_tables(l).and_then(|()| tag("LOCK TABLE")),
            Statement::Vacuum(v) => self.vacuum(v).map(|t| Some(t.to_owned())),
            Statement::CheckPoint => self.checkpoint().and_then(|()| tag("CHECKPOINT")),
            Statement::CreateTableAs(c) if matches!(c.query, Statement::Execute(_)) => self.create_from_prepared(c).map(Some),
            stmt => self.define(stmt).map(Some),
        }
    }

    /// CREATE TABLE AS EXECUTE
    fn create_from_prepared(&mut self, stmt: &crate::sql::parser::ast::CreateTableAsStmt) -> Result<String> {
        let Statement::Execute(execute) = &stmt.query else { return Err(SqlError::internal("not CREATE TABLE AS EXECUTE")) };
        let (plan, params) = self.execute_plan(execute)?;
        let core = Arc::clone(&self.core);
        crate::txn::blocking::off_reactor(|| crate::sql::ddl::create_from_prepared(&core, stmt, plan, params))
    }

    /// DDL: blocking work, off the reactor.
    fn define(&mut self, stmt: &Statement) -> Result<String> {
        let core = Arc::clone(&self.core);
        let source = Arc::clone(&self.source);
        crate::txn::blocking::off_reactor(|| crate::sql::ddl::execute(&core, stmt, &source))
    }

    /// Starts the clock of `statement_timeout`, if there is one.
    pub(super) fn arm_timeout(&self) -> Option<TimeoutGuard> {
        let limit = self.core.io().limits.statement_timeout?;
        Some(TimeoutGuard::arm(Arc::clone(&self.core.interrupt), limit))
    }

    /// Notes for pg_stat_activity that the statement in `self.source` runs.
    pub(super) fn begin_activity(&mut self) {
        let at = now();
        self.core.statement_start.store(at, Ordering::Relaxed);
        let mut activity = self.core.entry.activity.lock();
        if !Arc::ptr_eq(&activity.query, &self.source) {
            activity.query = Arc::clone(&self.source);
        }
        activity.state = "active";
        activity.query_start = at;
        activity.state_change = at;
    }

    pub(super) fn end_activity(&mut self) {
        let mut activity = self.core.entry.activity.lock();
        activity.state = match self.block {
            Block::None | Block::Implicit => "idle",
            Block::Explicit => "idle in transaction",
            Block::Failed => "idle in transaction (aborted)",
        };
        activity.xact_start = (self.block != Block::None).then(|| self.core.transaction_start.load(Ordering::Relaxed));
    }
}

/// Raises the timeout interrupt unless dropped before.
pub struct TimeoutGuard(tokio::task::JoinHandle<()>);

impl TimeoutGuard {
    /// Starts the clock.
    pub fn arm(interrupt: Arc<crate::wire::Interrupt>, limit: Duration) -> Self {
        Self(tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            interrupt.statement_timeout();
        }))
    }
}

impl Drop for TimeoutGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl super::SessionCore {
    /// Records a catalog change: visible to this transaction at once, to others after COMMIT.
    pub fn change(&self, change: Change, temporary: bool) -> Result<()> {
        if !temporary {
            let (key, value) = change.persist(self.entry.database)?;
            let txn = self.txn()?;
            match value {
                Some(v) => txn.put(crate::kv::Keyspace::Tables, &key, &v)?,
                None => txn.delete(crate::kv::Keyspace::Tables, &key)?,
            }
        }
        self.ddl.lock().changes.push(super::ddl_state::Entry { change, temporary });
        self.refresh_view()
    }

    /// Brings the session's view of the catalog up to date with published changes, own changes and settings.
    pub fn refresh_view(&self) -> Result<()> {
        let (published, shared) = (Arc::clone(&self.published.read()), self.server.catalogs.shared());
        let (user, generation) = (self.users.read().current, self.generation());
        let mut ddl = self.ddl.lock();
        let (catalog, shared) = ddl.view(&published, &shared, || self.server.catalogs.private_version());
        let (temp_schema, creating) = (ddl.temp_schema, ddl.creating);
        drop(ddl);
        let old = self.view();
        let same = Arc::ptr_eq(&old.catalog, &catalog) && Arc::ptr_eq(&old.shared, &shared) && old.user == user;
        if same && old.temp_schema == temp_schema && self.view_generation.load(Ordering::Relaxed) == generation {
            return Ok(());
        }
        let user_name = shared.role(user).map(|r| r.name.clone()).unwrap_or_default();
        let setting = self.settings.lock().get("search_path").unwrap_or("").to_owned();
        let mut path = super::view::SessionView::effective_path(&catalog, &setting, &user_name, temp_schema);
        if let Some(first) = creating {
            path = std::iter::once(first).chain(path.iter().copied()).collect();
        }
        let view = super::view::SessionView { catalog, shared, database: old.database.clone(), user, path, temp_schema };
        *self.view.write() = Arc::new(view);
        self.view_generation.store(generation, Ordering::Relaxed);
        Ok(())
    }
}
