//! SET, SHOW, DISCARD, LOCK, SET CONSTRAINTS, VACUUM, CHECKPOINT, CREATE TABLE AS, and what utility statements return.

use super::encode::{self, Formats};
use super::settings::{self, definitions};
use super::transaction::Block;
use super::{Session, SessionCore};
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use crate::sql::binder::{self, BindContext, Params, Standing};
use crate::sql::parser::ast::{
    DiscardMode, Expr, LockMode, LockStmt, SetConstraintsStmt, SetValue, Statement, TypeName, VacuumStmt, VariableSet,
    VariableSetStmt, VariableShowStmt,
};
use crate::sql::plan::{ColId, Output};
use crate::sql::types::{Datum, Oid, Type};
use crate::txn::{TableMode, Tag, WaitPolicy};
use crate::wire::Out;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Result columns of a utility statement, with their origins.
pub type Outputs = (Vec<Output>, Vec<Option<(Oid, i16)>>);

/// A result column of a utility statement.
pub fn output(name: &str, ty: Oid) -> Output {
    Output { id: ColId(0), name: name.into(), ty: Type::new(ty), collation: Oid::INVALID }
}

/// Whether a setting is a list of names, which SET quotes one by one.
pub fn is_string_list(name: &str) -> bool {
    matches!(
        name.to_ascii_lowercase().as_str(),
        "search_path" | "datestyle" | "temp_tablespaces" | "session_preload_libraries" | "local_preload_libraries"
    )
}

impl SessionCore {
    /// Resolves a type name under the current view.
    pub fn resolve_type(&self, name: &TypeName) -> Result<Type> {
        self.with_bind(|cx| binder::resolve_type(cx, name))
    }

    /// Binds something under the current view.
    pub fn with_bind<R>(&self, work: impl FnOnce(&BindContext<'_>) -> Result<R>) -> Result<R> {
        let view = self.view();
        let io = self.io();
        let context = io.context(self.transaction_start.load(Ordering::Relaxed), &*view);
        work(&BindContext { catalog: &*view, io: &context, names: None })
    }

    /// Evaluates an expression without columns as a value of a type (EXECUTE's arguments, CALL, DEFAULT of partitions).
    pub fn evaluate_as(&self, expr: &Expr, ty: Type) -> Result<Datum> {
        let bound =
            self.with_bind(|cx| binder::bind_scalar(cx, expr, Some(ty), Standing::ExecuteParameter, &mut Params::none()))?;
        super::exprs::SessionExprs::new(self).constant(&bound)
    }

    /// The text of the values of SET.
    pub fn set_text(&self, name: &str, values: &[SetValue]) -> Result<String> {
        let mut parts = Vec::with_capacity(values.len());
        for value in values {
            parts.push(match value {
                SetValue::String(s) if is_string_list(name) && !name.eq_ignore_ascii_case("datestyle") => {
                    super::view::quote_identifier(s).into_owned()
                }
                SetValue::String(s) | SetValue::Float(s) => s.to_string(),
                SetValue::Integer(i) => i.to_string(),
                SetValue::Interval(e) => self.interval_zone(e)?,
            });
        }
        if parts.len() > 1 && !is_string_list(name) {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "SET {name} takes only one argument"));
        }
        Ok(parts.join(", "))
    }

    /// SET TIME ZONE INTERVAL: hours as text.
    fn interval_zone(&self, expr: &Expr) -> Result<String> {
        let Datum::Interval(i) = self.evaluate_as(expr, Type::new(Oid::INTERVAL))? else {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "interval is missing"));
        };
        if i.months != 0 {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "cannot specify months in time zone interval"));
        }
        if i.days != 0 {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "cannot specify days in time zone interval"));
        }
        Ok(format!("{}", i.micros as f64 / 3_600_000_000.0))
    }
}

impl Session {
    /// SET and RESET.
    pub(super) fn set(&mut self, stmt: &VariableSetStmt) -> Result<&'static str> {
        let depth = self.core.depth.load(Ordering::Relaxed);
        if stmt.local && self.block != Block::Explicit {
            let notice = err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET LOCAL can only be used in transaction blocks");
            self.core.queue_notice(notice.severity(Severity::Warning));
        }
        match &stmt.kind {
            VariableSet::Value { name, values } => {
                let text = self.core.set_text(name, values)?;
                self.set_one(name, Some(&text), stmt.local, depth)?;
            }
            VariableSet::Default { name } => self.set_one(name, None, stmt.local, depth)?,
            VariableSet::Reset { name } => {
                self.set_one(name, None, false, depth)?;
                return Ok("RESET");
            }
            VariableSet::ResetAll => {
                self.core.settings.lock().reset_all(depth);
                return Ok("RESET");
            }
            VariableSet::Current { name } => {
                let value = self.core.settings.lock().show(name)?;
                self.set_one(name, Some(&value), stmt.local, depth)?;
            }
            VariableSet::Transaction(modes) => {
                if self.block != Block::Explicit {
                    let notice =
                        err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET TRANSACTION can only be used in transaction blocks");
                    self.core.queue_notice(notice.severity(Severity::Warning));
                }
                self.set_modes(modes)?;
            }
            VariableSet::SessionCharacteristics(modes) => self.set_characteristics(modes, depth)?,
            VariableSet::TransactionSnapshot(_) => return Err(SqlError::unsupported("SET TRANSACTION SNAPSHOT")),
        }
        Ok("SET")
    }

    fn set_characteristics(&mut self, modes: &[crate::sql::parser::ast::TransactionMode], depth: usize) -> Result<()> {
        use crate::sql::parser::ast::{IsolationLevel, TransactionMode};
        let on_off = |b: bool| if b { "on" } else { "off" };
        for mode in modes {
            let (name, value) = match *mode {
                TransactionMode::Isolation { level, .. } => (
                    "default_transaction_isolation",
                    match level {
                        IsolationLevel::ReadUncommitted => "read uncommitted",
                        IsolationLevel::ReadCommitted => "read committed",
                        IsolationLevel::RepeatableRead => "repeatable read",
                        IsolationLevel::Serializable => "serializable",
                    },
                ),
                TransactionMode::ReadOnly { value, .. } => ("default_transaction_read_only", on_off(value)),
                TransactionMode::Deferrable { value, .. } => ("default_transaction_deferrable", on_off(value)),
            };
            self.core.settings.lock().set(name, value, false, depth)?;
        }
        Ok(())
    }

    fn set_one(&mut self, name: &str, value: Option<&str>, local: bool, depth: usize) -> Result<()> {
        match name {
            "role" => return self.set_role(value, local, depth),
            "session_authorization" => return self.set_session_authorization(value, local, depth),
            "transaction_isolation" => {
                if let Some(text) = value {
                    return self.set_isolation(text);
                }
            }
            _ => {}
        }
        let mut settings = self.core.settings.lock();
        match value {
            Some(v) => settings.set(name, v, local, depth),
            None => settings.reset(name, depth),
        }?;
        drop(settings);
        match name {
            "application_name" => {
                self.core.entry.activity.lock().application = self.core.settings.lock().show(name)?;
            }
            "lock_timeout" | "deadlock_timeout" => self.apply_lock_settings(),
            _ => {}
        }
        Ok(())
    }

    fn apply_lock_settings(&self) {
        let settings = self.core.settings.lock();
        let ms = |name: &str| std::time::Duration::from_millis(settings.int(name).max(0) as u64);
        self.core.proc.set_lock_timeout(ms("lock_timeout"));
        self.core.proc.set_deadlock_timeout(ms("deadlock_timeout"));
    }

    fn set_isolation(&mut self, text: &str) -> Result<()> {
        use crate::sql::parser::ast::{IsolationLevel as L, TransactionMode};
        let level = match text.to_ascii_lowercase().as_str() {
            "read uncommitted" => L::ReadUncommitted,
            "read committed" => L::ReadCommitted,
            "repeatable read" => L::RepeatableRead,
            "serializable" => L::Serializable,
            _ => {
                let message = format!("invalid value for parameter \"transaction_isolation\": \"{text}\"");
                return Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
                    .hint("Available values: serializable, repeatable read, read committed, read uncommitted."));
            }
        };
        self.set_modes(&[TransactionMode::Isolation { level, pos: 0 }])
    }

    fn set_role(&mut self, value: Option<&str>, local: bool, depth: usize) -> Result<()> {
        let view = self.core.view();
        let session = self.core.users.read().session;
        let target = match value {
            None | Some("none") => session,
            Some(name) => {
                let role = view.shared.role_named(name);
                let role = role.ok_or_else(|| err!(SqlState::INVALID_PARAMETER_VALUE, "role \"{name}\" does not exist"))?;
                if !view.is_member(session, role.oid) {
                    return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to set role \"{name}\""));
                }
                role.oid
            }
        };
        self.core.settings.lock().set_unchecked("role", value.unwrap_or("none"), local, depth);
        self.core.users.write().current = target;
        let superuser = if view.is_superuser(target) { "on" } else { "off" };
        self.core.settings.lock().force("is_superuser", superuser);
        self.core.refresh_view()
    }

    fn set_session_authorization(&mut self, value: Option<&str>, _local: bool, _depth: usize) -> Result<()> {
        let view = self.core.view();
        let authenticated = self.core.users.read().authenticated;
        let target = match value {
            None => authenticated,
            Some(name) => {
                let role = view.shared.role_named(name);
                let role = role.ok_or_else(|| err!(SqlState::INVALID_PARAMETER_VALUE, "role \"{name}\" does not exist"))?.oid;
                if role != authenticated && !view.is_superuser(authenticated) {
                    return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to set session authorization"));
                }
                role
            }
        };
        {
            let mut users = self.core.users.write();
            users.session = target;
            users.current = target;
        }
        let name = view.role_name(target);
        let mut settings = self.core.settings.lock();
        settings.force("session_authorization", &name);
        settings.force("is_superuser", if view.is_superuser(target) { "on" } else { "off" });
        settings.force("role", "none");
        drop(settings);
        self.core.refresh_view()
    }

    /// SHOW
    pub(super) fn show(&mut self, stmt: &VariableShowStmt, out: &mut Out) -> Result<()> {
        let (outputs, _) = self.show_outputs(&stmt.name)?;
        let rows = self.show_rows(&stmt.name)?;
        self.send_text_rows(&outputs, &rows, out)
    }

    fn show_outputs(&self, name: &str) -> Result<Outputs> {
        let outputs = if name.eq_ignore_ascii_case("all") {
            vec![output("name", Oid::TEXT), output("setting", Oid::TEXT), output("description", Oid::TEXT)]
        } else {
            self.core.settings.lock().show(name)?;
            vec![output(&settings::display_name(name), Oid::TEXT)]
        };
        let origins = vec![None; outputs.len()];
        Ok((outputs, origins))
    }

    fn show_rows(&self, name: &str) -> Result<Vec<Vec<Datum>>> {
        let settings = self.core.settings.lock();
        if !name.eq_ignore_ascii_case("all") {
            return Ok(vec![vec![Datum::text(settings.show(name)?)]]);
        }
        let mut all: Vec<_> = definitions().values().collect();
        all.sort_by_key(|d| d.name.to_ascii_lowercase());
        let row = |d: &&settings::Definition| {
            vec![Datum::text(d.name), Datum::text(settings.show(d.name).unwrap_or_default()), Datum::text(d.description)]
        };
        Ok(all.iter().map(row).collect())
    }

    /// Sends a small result as text rows.
    pub(super) fn send_text_rows(&self, outputs: &[Output], rows: &[Vec<Datum>], out: &mut Out) -> Result<()> {
        let formats = Formats::default();
        encode::row_description(out.buffer(), &*self.core.view(), outputs, &[], &formats);
        let types: Vec<Type> = outputs.iter().map(|o| o.ty).collect();
        let view = self.core.view();
        let io = self.core.io();
        let cx = io.context(self.core.transaction_start.load(Ordering::Relaxed), &*view);
        for row in rows {
            encode::datum_row(out.buffer(), &cx, row, &types, &formats)?;
        }
        Ok(())
    }

    /// What a utility statement will return, for Describe.
    pub(super) fn utility_outputs(&self, stmt: &Statement) -> Result<Option<Outputs>> {
        match stmt {
            Statement::Show(s) => self.show_outputs(&s.name).map(Some),
            Statement::Explain(e) => Ok(Some((super::explain::outputs(e), vec![None]))),
            Statement::Execute(e) => {
                let prepared = self.find_prepared(&e.name)?;
                let plan = prepared.plan(&self.core)?;
                Ok(plan.filter(|p| p.query.returns_rows()).map(|p| (p.query.outputs.clone(), p.query.origins.clone())))
            }
            Statement::Fetch(f) if !f.is_move => Ok(self.cursor_outputs(&f.cursor)),
            _ => Ok(None),
        }
    }

    /// DISCARD
    pub(super) fn discard(&mut self, mode: DiscardMode) -> Result<&'static str> {
        match mode {
            DiscardMode::All => {
                self.close_cursor(None)?;
                self.prepared.clear();
                self.list_prepared();
                self.plans = Default::default();
                self.set_session_authorization(None, false, 0)?;
                self.core.settings.lock().reset_all(0);
                self.core.server.txns.locks().unlock_session_all(&self.core.proc);
                *self.core.sequences.lock() = Default::default();
                self.discard_temporary()?;
                Ok("DISCARD ALL")
            }
            DiscardMode::Temp => self.discard_temporary().map(|()| "DISCARD TEMP"),
            DiscardMode::Plans => {
                self.plans = Default::default();
                for p in self.prepared.values() {
                    *p.plan.lock() = None;
                }
                Ok("DISCARD PLANS")
            }
            DiscardMode::Sequences => {
                *self.core.sequences.lock() = Default::default();
                Ok("DISCARD SEQUENCES")
            }
        }
    }

    fn discard_temporary(&mut self) -> Result<()> {
        use crate::sql::catalog::Change;
        let Some(schema) = self.core.ddl.lock().temp_schema else { return Ok(()) };
        let view = self.core.view();
        let relations: Vec<_> = view.catalog.relations().filter(|r| r.schema == schema).cloned().collect();
        for r in relations {
            self.core.change(Change::DropRelation(r.oid), true)?;
            let range = crate::kv::KeyRange::prefix(&r.storage.0.to_be_bytes());
            self.core.txn()?.delete_range(crate::kv::Keyspace::Data, range)?;
        }
        Ok(())
    }

    /// LOCK TABLE
    pub(super) fn lock_tables(&mut self, stmt: &LockStmt) -> Result<()> {
        if self.block != Block::Explicit {
            return Err(err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "LOCK TABLE can only be used in transaction blocks"));
        }
        let mode = match stmt.mode {
            LockMode::AccessShare => 0,
            LockMode::RowShare => 1,
            LockMode::RowExclusive => 2,
            LockMode::ShareUpdateExclusive => 3,
            LockMode::Share => 4,
            LockMode::ShareRowExclusive => 5,
            LockMode::Exclusive => 6,
            LockMode::AccessExclusive => 7,
        };
        for name in &stmt.relations {
            let relation = crate::sql::ddl::find_relation(&self.core, name)?;
            let view = self.core.view();
            use crate::sql::catalog::lookup::acl;
            let wanted = if mode == 0 { acl::SELECT } else { acl::INSERT | acl::UPDATE | acl::DELETE };
            let have = view.granted(view.user, relation.owner, relation.acl.as_ref(), 0);
            if have & (wanted | acl::UPDATE | acl::DELETE) == 0 {
                return Err(super::view::denied(super::view::relation_word(&relation), &relation.name));
            }
            let policy = if stmt.nowait { WaitPolicy::Try } else { WaitPolicy::Block };
            let outcome = self.core.txn()?.lock(Tag::relation(relation.oid.0), TableMode::from_number(mode), policy)?;
            if !outcome.granted() {
                return Err(err!(SqlState::LOCK_NOT_AVAILABLE, "could not obtain lock on relation \"{}\"", relation.name));
            }
        }
        Ok(())
    }

    /// SET CONSTRAINTS
    pub(super) fn set_constraints(&mut self, stmt: &SetConstraintsStmt) -> Result<()> {
        if self.block != Block::Explicit {
            let notice = err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET CONSTRAINTS can only be used in transaction blocks");
            self.core.queue_notice(notice.severity(Severity::Warning));
        }
        super::storage::set_constraints(&self.core, stmt)
    }

    /// Deferred constraints at COMMIT.
    pub(super) fn run_deferred_constraints(&mut self) -> Result<()> {
        super::storage::run_deferred(&self.core)
    }

    /// VACUUM and ANALYZE.
    pub(super) fn vacuum(&mut self, stmt: &VacuumStmt) -> Result<&'static str> {
        super::analyze::statement(&self.core, stmt)?;
        Ok(if stmt.is_vacuum { "VACUUM" } else { "ANALYZE" })
    }

    /// CHECKPOINT: everything buffered goes to tables.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        let store = Arc::clone(&self.core.server.store);
        crate::txn::blocking::off_reactor(|| store.flush()).map_err(SqlError::from)
    }
}
