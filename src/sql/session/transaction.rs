//! Transaction blocks (PostgreSQL manual, chapter 3.4; xact.c for what is said when).

use super::Session;
use super::server::now;
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::parser::ast::{IsolationLevel, TransactionMode, TransactionStmt};
use crate::txn::{BeginOptions, Isolation};
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Where the session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// No transaction.
    None,
    /// A transaction of the current message alone.
    Implicit,
    /// In a block.
    Explicit,
    /// In a block that failed.
    Failed,
}

/// A savepoint.
#[derive(Clone, Debug)]
pub struct Savepoint {
    name: SmolStr,
    level: usize,
    ddl_mark: usize,
}

/// What a transaction remembers beyond `Txn`.
#[derive(Default)]
pub struct Savepoints(Vec<Savepoint>);

impl crate::txn::Attachment for Savepoints {
    fn mark(&mut self) -> usize {
        self.0.len()
    }

    fn rollback_to(&mut self, mark: usize) {
        // The savepoint rolled back to stays; the session trims those above it.
        let _ = mark;
    }

    fn as_any(&mut self) -> &mut dyn std::any::Any {
        self
    }
}

/// 25P02
pub fn aborted() -> SqlError {
    err!(SqlState::IN_FAILED_SQL_TRANSACTION, "current transaction is aborted, commands ignored until end of transaction block")
}

fn isolation_name(level: IsolationLevel) -> &'static str {
    match level {
        IsolationLevel::ReadUncommitted => "read uncommitted",
        IsolationLevel::ReadCommitted => "read committed",
        IsolationLevel::RepeatableRead => "repeatable read",
        IsolationLevel::Serializable => "serializable",
    }
}

impl Session {
    /// Makes sure a transaction runs: an implicit one if none does.
    pub(super) fn ensure_transaction(&mut self) {
        if self.block == Block::None {
            self.start_transaction();
            self.block = Block::Implicit;
        }
    }

    fn start_transaction(&mut self) {
        let started_at = now();
        let super::io_state::Limits { isolation, read_only, .. } = self.core.io().limits;
        if self.modes_shown_at != self.core.generation() {
            self.show_modes(isolation, read_only);
        }
        self.core.transaction_start.store(started_at, Ordering::Relaxed);
        let txn = self.core.server.txns.begin(&self.core.proc, BeginOptions { isolation, read_only, started_at });
        *self.core.txn.write() = Some(Arc::new(txn));
        self.queried = false;
        self.core.depth.store(1, Ordering::Relaxed);
    }

    /// Lets `transaction_isolation` and `transaction_read_only` say what a new transaction begins with.
    fn show_modes(&mut self, isolation: Isolation, read_only: bool) {
        let mut settings = self.core.settings.lock();
        if settings.get("transaction_isolation") != Some(isolation_text(isolation)) {
            settings.force("transaction_isolation", isolation_text(isolation));
        }
        if settings.bool("transaction_read_only") != read_only {
            settings.force("transaction_read_only", if read_only { "on" } else { "off" });
        }
        self.modes_shown_at = settings.generation();
    }

    /// Begins a statement: refreshes the view of the catalog and the transaction's command.
    pub(super) fn start_command(&mut self) -> Result<()> {
        self.core.refresh_view()?;
        self.core.txn()?.start_command();
        Ok(())
    }

    /// Commits the running transaction, implicit or explicit.
    pub(super) async fn commit_transaction(&mut self) -> Result<()> {
        let Some(txn) = self.core.txn.read().clone() else {
            self.block = Block::None;
            return Ok(());
        };
        self.before_commit().await?;
        let durability = self.core.io().limits.durability;
        let changes = self.core.ddl.lock().commit();
        let database = self.core.entry.database;
        if !changes.is_empty() {
            let server = Arc::clone(&self.core.server);
            txn.on_commit(Box::new(move || {
                if let Err(e) = server.catalogs.publish(database, &changes) {
                    tracing::error!("committed catalog changes could not be published: {e}");
                }
            }));
        }
        let result = txn.commit(durability).await;
        *self.core.txn.write() = None;
        self.core.depth.store(0, Ordering::Relaxed);
        self.block = Block::None;
        match result {
            Ok(()) => {
                self.core.settings.lock().commit();
                self.core.server.stats.commit(database);
                self.portals.retain(|_, p| p.is_holdable());
                self.list_cursors();
                Ok(())
            }
            Err(e) => {
                self.core.settings.lock().rollback(0);
                self.portals.clear();
                self.list_cursors();
                Err(e)
            }
        }
    }

    /// Deferred work of COMMIT: constraints, ON COMMIT actions, holdable cursors.
    async fn before_commit(&mut self) -> Result<()> {
        let outcome = self.run_deferred_constraints().and_then(|()| self.on_commit_actions()).and_then(|()| self.hold_cursors());
        if let Err(e) = outcome {
            self.abort();
            return Err(e);
        }
        Ok(())
    }

    fn on_commit_actions(&mut self) -> Result<()> {
        use crate::sql::catalog::objects::OnCommit;
        let has_temporary = {
            let ddl = self.core.ddl.lock();
            !ddl.temporary.is_empty() || ddl.changes.iter().any(|e| e.temporary)
        };
        if !has_temporary {
            return Ok(());
        }
        self.core.refresh_view()?;
        let view = self.core.view();
        let relations: Vec<_> = view.catalog.relations().filter(|r| r.on_commit != OnCommit::PreserveRows).cloned().collect();
        for relation in relations {
            match relation.on_commit {
                OnCommit::DeleteRows => self.truncate_storage(&relation)?,
                OnCommit::Drop => self.drop_temporary(&relation)?,
                OnCommit::PreserveRows => {}
            }
        }
        Ok(())
    }

    fn truncate_storage(&self, relation: &crate::sql::catalog::objects::Relation) -> Result<()> {
        let range = crate::kv::KeyRange::prefix(&relation.storage.0.to_be_bytes());
        self.core.txn()?.delete_range(crate::kv::Keyspace::Data, range)
    }

    fn drop_temporary(&self, relation: &crate::sql::catalog::objects::Relation) -> Result<()> {
        self.truncate_storage(relation)?;
        self.core.change(Change::DropRelation(relation.oid), true)
    }

    /// Rolls everything back and leaves any block.
    pub(super) fn abort(&mut self) {
        if let Some(txn) = self.core.txn.write().take() {
            txn.rollback();
            self.core.server.stats.rollback(self.core.entry.database);
        }
        self.core.ddl.lock().rollback();
        self.core.settings.lock().rollback(0);
        self.core.depth.store(0, Ordering::Relaxed);
        self.portals.retain(|_, p| p.is_held());
        self.list_cursors();
        self.block = Block::None;
    }

    /// A statement failed: an implicit transaction is gone, a block waits for its end.
    pub(super) fn statement_failed(&mut self) {
        match self.block {
            Block::None | Block::Failed => {}
            Block::Implicit => self.abort(),
            Block::Explicit => {
                self.block = Block::Failed;
                // What was opened before the innermost savepoint lives on: ROLLBACK TO may bring the block back.
                let depth = self.core.depth.load(Ordering::Relaxed);
                self.portals.retain(|_, p| !p.is_running() || p.created_at_depth() < depth);
                self.list_cursors();
                // Locks and snapshot go at once unless a savepoint may bring the block back.
                let keep = self.core.txn().is_ok_and(|t| t.savepoint_depth() > 0);
                if !keep {
                    self.release_failed();
                }
            }
        }
    }

    fn release_failed(&mut self) {
        if let Some(txn) = self.core.txn.write().take() {
            txn.rollback();
        }
        self.core.ddl.lock().rollback();
        self.core.settings.lock().rollback(0);
    }

    /// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and their relatives. Answers the command tag.
    pub(super) async fn transaction_statement(&mut self, stmt: &TransactionStmt) -> Result<&'static str> {
        match stmt {
            TransactionStmt::Begin { modes } => self.begin(modes).map(|()| "BEGIN"),
            TransactionStmt::Start { modes } => self.begin(modes).map(|()| "START TRANSACTION"),
            TransactionStmt::Commit { chain } => self.commit_statement(*chain).await,
            TransactionStmt::Rollback { chain } => self.rollback_statement(*chain),
            TransactionStmt::Savepoint(name) => self.savepoint(name).map(|()| "SAVEPOINT"),
            TransactionStmt::Release(name) => self.release(name).map(|()| "RELEASE"),
            TransactionStmt::RollbackTo(name) => self.rollback_to(name).map(|()| "ROLLBACK"),
            TransactionStmt::PrepareTransaction(_) => self.prepare_transaction(),
            TransactionStmt::CommitPrepared(gid) | TransactionStmt::RollbackPrepared(gid) => {
                Err(err!(SqlState::UNDEFINED_OBJECT, "prepared transaction with identifier \"{gid}\" does not exist"))
            }
        }
    }

    /// PREPARE TRANSACTION: there is none, and the attempt ends the block.
    fn prepare_transaction(&mut self) -> Result<&'static str> {
        match self.block {
            Block::Explicit => {
                self.abort();
                Err(prepared_transactions_disabled())
            }
            Block::Failed => {
                self.abort();
                Ok("ROLLBACK")
            }
            Block::None | Block::Implicit => {
                let notice = err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
                self.core.queue_notice(notice.severity(Severity::Warning));
                Ok("ROLLBACK")
            }
        }
    }

    fn begin(&mut self, modes: &[TransactionMode]) -> Result<()> {
        match self.block {
            Block::None => self.start_transaction(),
            Block::Implicit => {}
            Block::Explicit => {
                let notice = err!(SqlState::ACTIVE_SQL_TRANSACTION, "there is already a transaction in progress");
                self.core.queue_notice(notice.severity(Severity::Warning));
            }
            Block::Failed => return Err(aborted()),
        }
        self.block = Block::Explicit;
        self.set_modes(modes)
    }

    /// SET TRANSACTION, and the modes of BEGIN. Errors: 25001 after the first query.
    pub(super) fn set_modes(&mut self, modes: &[TransactionMode]) -> Result<()> {
        if modes.is_empty() {
            return Ok(());
        }
        let old = self.core.txn()?;
        let seen = self.queried;
        let mut isolation = old.isolation();
        let mut read_only = old.is_read_only();
        for mode in modes {
            match *mode {
                TransactionMode::Isolation { level, .. } => {
                    let wanted = isolation_of(isolation_name(level));
                    if wanted != isolation && seen {
                        let message = "SET TRANSACTION ISOLATION LEVEL must be called before any query";
                        return Err(SqlError::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
                    }
                    isolation = wanted;
                    self.core.settings.lock().force("transaction_isolation", isolation_name(level));
                }
                TransactionMode::ReadOnly { value, .. } => {
                    if !value && read_only && seen {
                        let message = "transaction read-write mode must be set before any query";
                        return Err(SqlError::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
                    }
                    read_only = value;
                    self.core.settings.lock().force("transaction_read_only", if value { "on" } else { "off" });
                }
                TransactionMode::Deferrable { value, .. } => {
                    self.core.settings.lock().force("transaction_deferrable", if value { "on" } else { "off" });
                }
            }
        }
        self.replace_transaction(isolation, read_only)
    }

    /// A transaction that did nothing yet is begun again with other properties.
    fn replace_transaction(&mut self, isolation: Isolation, read_only: bool) -> Result<()> {
        let old = self.core.txn()?;
        if old.isolation() == isolation && old.is_read_only() == read_only {
            return Ok(());
        }
        if self.queried {
            old.set_read_only(read_only);
            return Ok(());
        }
        let options = BeginOptions { isolation, read_only, started_at: old.started_at() };
        old.rollback();
        *self.core.txn.write() = Some(Arc::new(self.core.server.txns.begin(&self.core.proc, options)));
        Ok(())
    }

    async fn commit_statement(&mut self, chain: bool) -> Result<&'static str> {
        match self.block {
            Block::None | Block::Implicit => {
                if chain {
                    return Err(err!(
                        SqlState::NO_ACTIVE_SQL_TRANSACTION,
                        "COMMIT AND CHAIN can only be used in transaction blocks"
                    ));
                }
                self.warn_no_transaction();
                if self.block == Block::Implicit {
                    self.commit_transaction().await?;
                }
                Ok("COMMIT")
            }
            Block::Failed => {
                self.abort();
                self.chain(chain)?;
                Ok("ROLLBACK")
            }
            Block::Explicit => {
                let modes = self.core.txn().map(|t| (t.isolation(), t.is_read_only()))?;
                self.commit_transaction().await?;
                self.chain_with(chain, modes)?;
                Ok("COMMIT")
            }
        }
    }

    fn warn_no_transaction(&self) {
        let notice = err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "there is no transaction in progress");
        self.core.queue_notice(notice.severity(Severity::Warning));
    }

    fn chain(&mut self, chain: bool) -> Result<()> {
        let modes = {
            let settings = self.core.settings.lock();
            (isolation_of(settings.get("transaction_isolation").unwrap_or("")), settings.bool("transaction_read_only"))
        };
        self.chain_with(chain, modes)
    }

    fn chain_with(&mut self, chain: bool, (isolation, read_only): (Isolation, bool)) -> Result<()> {
        if !chain {
            return Ok(());
        }
        self.start_transaction();
        self.block = Block::Explicit;
        self.replace_transaction(isolation, read_only)?;
        let mut settings = self.core.settings.lock();
        settings.force("transaction_isolation", isolation_text(isolation));
        settings.force("transaction_read_only", if read_only { "on" } else { "off" });
        Ok(())
    }

    fn rollback_statement(&mut self, chain: bool) -> Result<&'static str> {
        match self.block {
            Block::None | Block::Implicit => {
                if chain {
                    return Err(err!(
                        SqlState::NO_ACTIVE_SQL_TRANSACTION,
                        "ROLLBACK AND CHAIN can only be used in transaction blocks"
                    ));
                }
                self.warn_no_transaction();
                self.abort();
            }
            Block::Explicit | Block::Failed => {
                let modes = {
                    let settings = self.core.settings.lock();
                    (isolation_of(settings.get("transaction_isolation").unwrap_or("")), settings.bool("transaction_read_only"))
                };
                self.abort();
                self.chain_with(chain, modes)?;
            }
        }
        Ok("ROLLBACK")
    }

    fn in_block(&self, what: &str) -> Result<()> {
        match self.block {
            Block::Explicit | Block::Failed => Ok(()),
            Block::None | Block::Implicit => {
                Err(err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "{what} can only be used in transaction blocks"))
            }
        }
    }

    fn savepoint(&mut self, name: &SmolStr) -> Result<()> {
        self.in_block("SAVEPOINT")?;
        if self.block == Block::Failed {
            return Err(aborted());
        }
        let txn = self.core.txn()?;
        let level = txn.savepoint();
        let ddl_mark = self.core.ddl.lock().changes.len();
        let depth = txn.with_attachment::<Savepoints, _>(|s| {
            s.0.push(Savepoint { name: name.clone(), level, ddl_mark });
            s.0.len()
        });
        self.core.depth.store(depth + 1, Ordering::Relaxed);
        Ok(())
    }

    fn find_savepoint(&self, name: &str) -> Result<(usize, Savepoint)> {
        let missing = || err!(SqlState::INVALID_SAVEPOINT_SPECIFICATION, "savepoint \"{name}\" does not exist");
        let txn = self.core.txn().map_err(|_| missing())?;
        txn.with_attachment::<Savepoints, _>(|s| s.0.iter().rposition(|p| p.name == name).map(|i| (i, s.0[i].clone())))
            .ok_or_else(missing)
    }

    fn release(&mut self, name: &str) -> Result<()> {
        self.in_block("RELEASE SAVEPOINT")?;
        if self.block == Block::Failed {
            return Err(aborted());
        }
        let (at, savepoint) = self.find_savepoint(name)?;
        let txn = self.core.txn()?;
        txn.release(savepoint.level);
        txn.with_attachment::<Savepoints, _>(|s| s.0.truncate(at));
        self.core.settings.lock().release(at + 2);
        self.core.depth.store(at + 1, Ordering::Relaxed);
        Ok(())
    }

    fn rollback_to(&mut self, name: &str) -> Result<()> {
        self.in_block("ROLLBACK TO SAVEPOINT")?;
        let (at, savepoint) = self.find_savepoint(name)?;
        let txn = self.core.txn()?;
        txn.rollback_to(savepoint.level);
        txn.with_attachment::<Savepoints, _>(|s| s.0.truncate(at + 1));
        self.core.ddl.lock().truncate(savepoint.ddl_mark);
        self.core.settings.lock().rollback(at + 2);
        self.core.depth.store(at + 2, Ordering::Relaxed);
        self.portals.retain(|_, p| p.created_at_depth() < at + 2);
        self.list_cursors();
        self.block = Block::Explicit;
        Ok(())
    }
}

/// The isolation level a setting's text names.
pub fn isolation_of(text: &str) -> Isolation {
    match text {
        "serializable" => Isolation::Serializable,
        "repeatable read" => Isolation::RepeatableRead,
        _ => Isolation::ReadCommitted,
    }
}

fn isolation_text(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Serializable => "serializable",
        Isolation::RepeatableRead => "repeatable read",
        Isolation::ReadCommitted => "read committed",
    }
}

fn prepared_transactions_disabled() -> SqlError {
    err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "prepared transactions are disabled")
        .hint("Set max_prepared_transactions to a nonzero value.")
}
