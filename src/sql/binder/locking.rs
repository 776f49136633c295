//! FOR UPDATE, FOR SHARE (transformLockingClause): which scans' rows are locked, and where that is not allowed.

use super::Binder;
use super::scope::RteKind;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::objects::{RelKind, RelationRef};
use crate::sql::parser::ast::{self, LockWait, LockingClause, SelectCore};
use crate::sql::plan::{LockStrength, RowLock, ScanColumn, WaitPolicy};
use smol_str::SmolStr;

/// A locking clause; `tables` empty means all.
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub strength: ast::LockStrength,
    pub wait: LockWait,
    pub tables: Vec<(SmolStr, usize, bool)>,
}

/// Clauses of a level, with those its parents pass down.
pub(super) type Pushed = Vec<Lock>;

impl From<&LockingClause> for Lock {
    fn from(clause: &LockingClause) -> Self {
        let tables = clause.relations.iter().map(|r| (r.name.clone(), r.pos, r.schema.is_some() || r.catalog.is_some())).collect();
        Self { strength: clause.strength, wait: clause.wait, tables }
    }
}

/// As the clause is written.
pub(super) fn strength_name(strength: ast::LockStrength) -> &'static str {
    match strength {
        ast::LockStrength::KeyShare => "FOR KEY SHARE",
        ast::LockStrength::Share => "FOR SHARE",
        ast::LockStrength::NoKeyUpdate => "FOR NO KEY UPDATE",
        ast::LockStrength::Update => "FOR UPDATE",
    }
}

impl Binder<'_> {
    /// Clauses that a subquery in FROM of this alias inherits.
    pub(super) fn locks_for(&self, alias: &str) -> Pushed {
        let applies = |l: &&Lock| l.tables.is_empty() || l.tables.iter().any(|(n, _, _)| n == alias);
        let pass = |l: &Lock| Lock { strength: l.strength, wait: l.wait, tables: Vec::new() };
        self.scope().locking.iter().filter(applies).map(pass).collect()
    }

    /// The level's row locks. Errors: 0A000, 42P01, 42601.
    pub(super) fn row_locks(&mut self, core: &SelectCore, grouped: bool) -> Result<Vec<RowLock>> {
        let clauses = std::mem::take(&mut self.scope_mut().locking);
        let Some(first) = clauses.first() else { return Ok(Vec::new()) };
        let name = strength_name(first.strength);
        let with = if core.distinct != ast::Distinct::No {
            "DISTINCT clause"
        } else if !core.group_by.is_empty() {
            "GROUP BY clause"
        } else if core.having.is_some() {
            "HAVING clause"
        } else if grouped {
            "aggregate functions"
        } else if !self.scope().calls.is_empty() {
            "window functions"
        } else if !self.scope().srfs.is_empty() {
            "set-returning functions in the target list"
        } else {
            ""
        };
        if !with.is_empty() {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "{name} is not allowed with {with}"));
        }
        let mut locks: Vec<RowLock> = Vec::new();
        let rtes = self.scope().rtes.clone();
        for clause in &clauses {
            if clause.tables.is_empty() {
                for &rte in &rtes {
                    self.lock_entry(rte, clause, &mut locks);
                }
                continue;
            }
            for (table, pos, qualified) in &clause.tables {
                let name = strength_name(clause.strength);
                if *qualified {
                    return Err(err!(SqlState::SYNTAX_ERROR, "{name} must specify unqualified relation names").at(*pos));
                }
                let found = rtes.iter().copied().find(|r| self.rtes[*r as usize].alias == *table && self.in_namespace(*r));
                let Some(rte) = found else {
                    return Err(
                        err!(SqlState::UNDEFINED_TABLE, "relation \"{table}\" in {name} clause not found in FROM clause").at(*pos)
                    );
                };
                let bad = match &self.rtes[rte as usize].kind {
                    RteKind::Join => "a join",
                    RteKind::Function { .. } => "a function",
                    _ => "",
                };
                if !bad.is_empty() {
                    return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "{name} cannot be applied to {bad}").at(*pos));
                }
                self.lock_entry(rte, clause, &mut locks);
            }
        }
        if locks.iter().any(|l| self.scope().nullable.contains(&l.rte)) {
            let message = format!("{name} cannot be applied to the nullable side of an outer join");
            return Err(crate::error::SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        Ok(locks)
    }

    fn in_namespace(&self, rte: u32) -> bool {
        self.scope().ns.iter().any(|i| i.rte == rte) || !matches!(self.rtes[rte as usize].kind, RteKind::Row { .. })
    }

    /// Adds or strengthens the lock of one scan; entries without rows of their own are passed over.
    fn lock_entry(&mut self, rte: u32, clause: &Lock, locks: &mut Vec<RowLock>) {
        let RteKind::Relation { relation, .. } = &self.rtes[rte as usize].kind else { return };
        if !matches!(relation.kind, RelKind::Table | RelKind::MatView) {
            return;
        }
        let relation = RelationRef::clone(relation);
        let strength = match clause.strength {
            ast::LockStrength::KeyShare => LockStrength::KeyShare,
            ast::LockStrength::Share => LockStrength::Share,
            ast::LockStrength::NoKeyUpdate => LockStrength::NoKeyUpdate,
            ast::LockStrength::Update => LockStrength::Update,
        };
        let wait = match clause.wait {
            LockWait::Block => WaitPolicy::Block,
            LockWait::Skip => WaitPolicy::SkipLocked,
            LockWait::NoWait => WaitPolicy::NoWait,
        };
        self.use_relation(&relation, 1);
        if let Some(lock) = locks.iter_mut().find(|l| l.rte == rte) {
            lock.strength = lock.strength.max(strength);
            // NOWAIT beats SKIP LOCKED beats waiting.
            if wait == WaitPolicy::NoWait || (wait == WaitPolicy::SkipLocked && lock.wait == WaitPolicy::Block) {
                lock.wait = wait;
            }
            return;
        }
        let row_key = self.rte_system(rte, ScanColumn::RowKey);
        locks.push(RowLock { rte, row_key, relation, strength, wait });
    }
}
