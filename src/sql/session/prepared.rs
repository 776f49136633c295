//! Prepared statements, of the protocol and of PREPARE.

use super::encode::{self, Formats};
use super::portal::{Portal, PortalKind};
use super::query::CachedPlan;
use super::server::now;
use super::statement::is_query;
use super::transaction::{Block, aborted};
use super::{Session, SessionCore};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::{self, Params};
use crate::sql::parser::{self, RawStatement};
use crate::sql::plan::QueryTag;
use crate::sql::types::{Datum, Oid, Type, io};
use crate::wire::{Bind, Executed, Out, encode as wire};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A prepared statement.
pub struct Prepared {
    /// Name; empty for the unnamed one.
    pub name: String,
    /// Text.
    pub source: Arc<str>,
    /// The statement; `None` for an empty string.
    pub statement: Option<Arc<RawStatement>>,
    /// Parameter types, given or inferred.
    pub params: Vec<Type>,
    /// The plan of a query.
    pub plan: Mutex<Option<Arc<CachedPlan>>>,
    /// Made by PREPARE.
    pub from_sql: bool,
    /// When.
    pub prepared_at: i64,
}

impl Prepared {
    /// A plan that is valid now, made again if the catalog or settings changed. Errors: 0A000 when its result would change.
    pub fn plan(&self, core: &SessionCore) -> Result<Option<Arc<CachedPlan>>> {
        let Some(raw) = self.statement.as_ref().filter(|s| is_query(&s.stmt)) else { return Ok(None) };
        let mut slot = self.plan.lock();
        if let Some(plan) = slot.as_ref().filter(|p| p.is_valid(core)) {
            return Ok(Some(Arc::clone(plan)));
        }
        let mut params = Params::fixed(self.params.iter().copied());
        let fresh = Arc::new(core.plan(raw, &mut params)?);
        if let Some(old) = slot.as_ref() {
            let shape = |p: &CachedPlan| p.query.outputs.iter().map(|o| (o.name.clone(), o.ty)).collect::<Vec<_>>();
            if shape(old) != shape(&fresh) {
                return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cached plan must not change result type"));
            }
        }
        *slot = Some(Arc::clone(&fresh));
        Ok(Some(fresh))
    }
}

impl Session {
    /// Makes a prepared statement from parsed text. Binds queries at once, so that errors come now.
    pub(super) fn make_prepared(
        &mut self,
        name: &str,
        source: Arc<str>,
        raw: Option<RawStatement>,
        given: &[Oid],
        from_sql: bool,
    ) -> Result<Prepared> {
        let statement = raw.map(Arc::new);
        let mut params = Params::inferred(given.iter().copied());
        let mut plan = None;
        if let Some(raw) = &statement {
            self.admit(&raw.stmt, true)?;
            if is_query(&raw.stmt) {
                self.ensure_transaction();
                self.start_command()?;
                plan = Some(Arc::new(self.core.plan(raw, &mut params)?));
            }
        }
        let params = params.types();
        Ok(Prepared { name: name.to_owned(), source, statement, params, plan: Mutex::new(plan), from_sql, prepared_at: now() })
    }

    /// Parse message.
    pub(super) fn prepare_wire(&mut self, name: &str, sql: &str, given: &[Oid]) -> Result<()> {
        self.source = Arc::from(sql);
        let mut statements = parser::parse(sql)?;
        if statements.len() > 1 {
            return Err(err!(SqlState::SYNTAX_ERROR, "cannot insert multiple commands into a prepared statement"));
        }
        if !name.is_empty() && self.prepared.contains_key(name) {
            return Err(err!(SqlState::DUPLICATE_PREPARED_STATEMENT, "prepared statement \"{name}\" already exists"));
        }
        let source = Arc::clone(&self.source);
        let prepared = self.make_prepared(name, source, statements.pop(), given, false)?;
        self.prepared.insert(name.to_owned(), Arc::new(prepared));
        self.list_prepared();
        Ok(())
    }

    /// Keeps pg_prepared_statements' list.
    pub(super) fn list_prepared(&self) {
        let list = self.prepared.values().filter(|p| !p.name.is_empty());
        let rows = list.map(|p| {
            let types = p.params.iter().map(|t| t.oid).collect();
            (p.name.clone(), Arc::clone(&p.source), p.prepared_at, types, p.from_sql)
        });
        self.core.listing.lock().statements = rows.collect();
    }

    pub(super) fn find_prepared(&self, name: &str) -> Result<Arc<Prepared>> {
        self.prepared.get(name).cloned().ok_or_else(|| {
            let message = if name.is_empty() {
                "unnamed prepared statement does not exist".to_owned()
            } else {
                format!("prepared statement \"{name}\" does not exist")
            };
            SqlError::new(SqlState::INVALID_SQL_STATEMENT_NAME, message)
        })
    }

    /// Bind message.
    pub(super) fn bind_portal(&mut self, bind: &Bind<'_>) -> Result<()> {
        let prepared = self.find_prepared(bind.statement_name()?)?;
        if *self.source != *prepared.source {
            self.source = Arc::clone(&prepared.source);
        }
        let portal_name = bind.portal_name()?;
        if !portal_name.is_empty() && self.portals.contains_key(portal_name) {
            return Err(err!(SqlState::DUPLICATE_CURSOR, "cursor \"{portal_name}\" already exists"));
        }
        if let Some(raw) = &prepared.statement {
            self.admit(&raw.stmt, true)?;
        }
        let expected = prepared.params.len();
        let formats = bind.param_formats;
        if formats.len() > 1 && formats.len() != bind.param_count() {
            let message = format!("bind message has {} parameter formats but {} parameters", formats.len(), bind.param_count());
            return Err(SqlError::new(SqlState::PROTOCOL_VIOLATION, message));
        }
        if bind.param_count() != expected {
            let message = format!(
                "bind message supplies {} parameters, but prepared statement \"{}\" requires {expected}",
                bind.param_count(),
                bind.statement_name()?
            );
            return Err(SqlError::new(SqlState::PROTOCOL_VIOLATION, message));
        }
        self.ensure_transaction();
        self.start_command()?;
        let params = self.read_parameters(bind, &prepared.params)?;
        let plan = prepared.plan(&self.core)?;
        let result_formats: Formats = Formats(bind.result_formats.iter().collect());
        if let Some(p) = &plan
            && result_formats.0.len() > 1
            && result_formats.0.len() != p.query.outputs.len()
        {
            let (have, need) = (result_formats.0.len(), p.query.outputs.len());
            let message = format!("bind message has {have} result formats but query has {need} columns");
            return Err(SqlError::new(SqlState::PROTOCOL_VIOLATION, message));
        }
        let kind = match &prepared.statement {
            None => PortalKind::Empty,
            Some(_) if plan.is_some() => PortalKind::Query { params, running: None },
            Some(_) => PortalKind::Utility { done: false },
        };
        let portal = Portal {
            name: portal_name.into(),
            statement: prepared.statement.clone(),
            source: Arc::clone(&prepared.source),
            plan,
            formats: result_formats,
            kind,
            depth: self.core.depth.load(Ordering::Relaxed),
        };
        self.portals.insert(portal_name.to_owned(), portal);
        Ok(())
    }

    fn read_parameters(&self, bind: &Bind<'_>, types: &[Type]) -> Result<Vec<Datum>> {
        let view = self.core.view();
        let state = self.core.io();
        let cx = state.context(self.core.transaction_start.load(Ordering::Relaxed), &*view);
        let mut out = Vec::with_capacity(types.len());
        for (i, (value, ty)) in bind.params().zip(types).enumerate() {
            let datum = match value {
                None => Datum::Null,
                Some(bytes) if bind.param_formats.get(i) == 1 => {
                    io::receive(&cx, bytes, *ty).map_err(|e| binary_parameter(e, i))?
                }
                Some(bytes) => {
                    let text = std::str::from_utf8(bytes).map_err(|e| invalid_utf8(bytes, e.valid_up_to()))?;
                    if let Some(at) = memchr::memchr(0, bytes) {
                        return Err(invalid_utf8(bytes, at));
                    }
                    io::input(&cx, text, *ty)?
                }
            };
            out.push(datum);
        }
        Ok(out)
    }

    /// Describe of a statement.
    pub(super) fn describe_prepared(&mut self, name: &str, out: &mut Out) -> Result<()> {
        let prepared = self.find_prepared(name)?;
        if self.block == Block::Failed && prepared.plan.lock().as_ref().is_some_and(|p| p.query.returns_rows()) {
            return Err(aborted());
        }
        wire::parameter_description(out.buffer(), prepared.params.iter().map(|t| t.oid.0));
        if self.block != Block::Failed {
            self.ensure_transaction();
            self.start_command()?;
        }
        let plan = if self.block == Block::Failed { None } else { prepared.plan(&self.core)? };
        match plan {
            Some(plan) if plan.query.returns_rows() => {
                encode::row_description(
                    out.buffer(),
                    &*self.core.view(),
                    &plan.query.outputs,
                    &plan.query.origins,
                    &Formats::default(),
                );
            }
            _ => self.describe_utility(prepared.statement.as_deref(), &Formats::default(), out)?,
        }
        Ok(())
    }

    /// Describe of a portal.
    pub(super) fn describe_bound(&mut self, name: &str, out: &mut Out) -> Result<()> {
        let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
        match &portal.plan {
            Some(plan) if plan.query.returns_rows() => {
                encode::row_description(
                    out.buffer(),
                    &*self.core.view(),
                    &plan.query.outputs,
                    &plan.query.origins,
                    &portal.formats,
                );
                Ok(())
            }
            _ => {
                let (statement, formats) = (portal.statement.clone(), portal.formats.clone());
                self.describe_utility(statement.as_deref(), &formats, out)
            }
        }
    }

    fn describe_utility(&self, raw: Option<&RawStatement>, formats: &Formats, out: &mut Out) -> Result<()> {
        match raw.map(|r| &r.stmt) {
            Some(stmt) => match self.utility_outputs(stmt)? {
                Some((outputs, origins)) => encode::row_description(out.buffer(), &*self.core.view(), &outputs, &origins, formats),
                None => wire::no_data(out.buffer()),
            },
            None => wire::no_data(out.buffer()),
        }
        Ok(())
    }

    /// Execute of a portal.
    pub(super) async fn execute_portal(&mut self, name: &str, max_rows: u32, out: &mut Out) -> Result<Executed> {
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        if *self.source != *portal.source {
            self.source = Arc::clone(&portal.source);
        }
        let guard = self.arm_timeout();
        let result = self.execute_taken(&mut portal, max_rows, out).await;
        drop(guard);
        self.send_notices(out);
        if result.is_ok() {
            self.portals.insert(name.to_owned(), portal);
        }
        result
    }

    async fn execute_taken(&mut self, portal: &mut Portal, max_rows: u32, out: &mut Out) -> Result<Executed> {
        if let Some(raw) = &portal.statement {
            self.admit(&raw.stmt, true)?;
        }
        match &mut portal.kind {
            PortalKind::Empty => {
                wire::empty_query_response(out.buffer());
                Ok(Executed::Completed)
            }
            PortalKind::Cursor(_) => {
                Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "Execute of a cursor made by DECLARE is not supported"))
            }
            PortalKind::Done if portal.plan.as_ref().is_some_and(|p| p.query.tag == QueryTag::Select) => {
                wire::command_complete_rows(out.buffer(), super::query::verb(QueryTag::Select), 0);
                Ok(Executed::Completed)
            }
            PortalKind::Done | PortalKind::Utility { done: true } => {
                let message = format!("portal \"{}\" cannot be run", portal.name);
                Err(SqlError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message))
            }
            PortalKind::Utility { done } => {
                *done = true;
                let Some(raw) = portal.statement.clone() else { return Ok(Executed::Completed) };
                self.begin_activity();
                self.core.interrupt.begin_command();
                if let Some(tag) = Box::pin(self.run_utility(&raw, out)).await? {
                    wire::command_complete(out.buffer(), &tag);
                }
                Ok(Executed::Completed)
            }
            PortalKind::Query { params, running } => {
                let plan = portal.plan.clone().ok_or_else(|| SqlError::internal("portal without a plan"))?;
                if running.is_none() {
                    self.ensure_transaction();
                    self.core.interrupt.begin_command();
                    self.begin_activity();
                    self.start_command()?;
                    self.queried = true;
                    if max_rows == 0 && self.run_point(&plan, params, &portal.formats, out).await? {
                        portal.kind = PortalKind::Done;
                        return Ok(Executed::Completed);
                    }
                    *running = Some(Box::new(self.core.start(plan, std::mem::take(params))?));
                }
                let Some(run) = running.as_mut() else { return Err(SqlError::internal("portal lost its query")) };
                let limit = if max_rows == 0 { u64::MAX } else { u64::from(max_rows) };
                let (rows, ended) = self.send_rows(run, &portal.formats, limit, out).await?;
                if !ended {
                    return Ok(Executed::Suspended);
                }
                let count = run.affected(rows);
                wire::command_complete_rows(out.buffer(), super::query::verb(run.plan.query.tag), count);
                Ok(Executed::Completed)
            }
        }
    }

    /// PREPARE
    pub(super) fn prepare_statement(&mut self, p: &crate::sql::parser::ast::PrepareStmt) -> Result<()> {
        if self.prepared.contains_key(p.name.as_str()) {
            return Err(err!(SqlState::DUPLICATE_PREPARED_STATEMENT, "prepared statement \"{}\" already exists", p.name));
        }
        let types = p.arg_types.iter().map(|t| self.core.resolve_type(t).map(|t| t.oid)).collect::<Result<Vec<_>>>()?;
        let source = Arc::clone(&self.source);
        let raw = RawStatement { stmt: p.query.clone(), start: p.query_range.0, end: p.query_range.1 };
        let prepared = self.make_prepared(&p.name, source, Some(raw), &types, true)?;
        self.prepared.insert(p.name.to_string(), Arc::new(prepared));
        self.list_prepared();
        Ok(())
    }

    /// EXECUTE
    pub(super) async fn execute_statement(&mut self, e: &crate::sql::parser::ast::ExecuteStmt, out: &mut Out) -> Result<()> {
        let (plan, params) = self.execute_plan(e)?;
        if plan.query.returns_rows() {
            encode::row_description(
                out.buffer(),
                &*self.core.view(),
                &plan.query.outputs,
                &plan.query.origins,
                &Formats::default(),
            );
        }
        let mut running = self.core.start(plan, params)?;
        let (rows, _) = self.send_rows(&mut running, &Formats::default(), u64::MAX, out).await?;
        let count = running.affected(rows);
        wire::command_complete_rows(out.buffer(), super::query::verb(running.plan.query.tag), count);
        Ok(())
    }

    /// The plan and argument values of an EXECUTE.
    pub(super) fn execute_plan(&mut self, e: &crate::sql::parser::ast::ExecuteStmt) -> Result<(Arc<CachedPlan>, Vec<Datum>)> {
        let prepared = self.find_prepared(&e.name)?;
        if e.params.len() != prepared.params.len() {
            let message = format!("wrong number of parameters for prepared statement \"{}\"", e.name);
            let detail = format!("Expected {} parameters but got {}.", prepared.params.len(), e.params.len());
            return Err(SqlError::new(SqlState::SYNTAX_ERROR, message).detail(detail));
        }
        let mut params = Vec::with_capacity(e.params.len());
        for (i, (arg, ty)) in e.params.iter().zip(&prepared.params).enumerate() {
            let value = self.core.evaluate_as(arg, *ty);
            params.push(value.map_err(|error| self.parameter_error(error, i, arg, *ty))?);
        }
        let plan = prepared.plan(&self.core)?.ok_or_else(|| SqlError::unsupported("EXECUTE of a utility statement"))?;
        Ok((plan, params))
    }

    /// An EXECUTE argument of a type that does not become the parameter's.
    fn parameter_error(&self, error: SqlError, index: usize, arg: &crate::sql::parser::ast::Expr, want: Type) -> SqlError {
        if error.code() != SqlState::CANNOT_COERCE {
            return error;
        }
        let bound =
            self.core.with_bind(|cx| binder::bind_scalar(cx, arg, None, binder::Standing::ExecuteParameter, &mut Params::none()));
        let Ok(bound) = bound else { return error };
        let view = self.core.view();
        let text = |oid| crate::sql::types::typename::format_type_be(&*view, oid);
        err!(
            SqlState::DATATYPE_MISMATCH,
            "parameter ${} of type {} cannot be coerced to the expected type {}",
            index + 1,
            text(bound.ty.oid),
            text(want.oid)
        )
        .hint("You will need to rewrite or cast the expression.")
        .at(arg.pos)
    }

    /// DEALLOCATE
    pub(super) fn deallocate(&mut self, name: Option<&str>) -> Result<&'static str> {
        let tag = match name {
            Some(name) => {
                self.find_prepared(name)?;
                self.prepared.remove(name);
                "DEALLOCATE"
            }
            None => {
                self.prepared.clear();
                "DEALLOCATE ALL"
            }
        };
        self.list_prepared();
        Ok(tag)
    }
}

/// 34000
pub fn no_portal(name: &str) -> SqlError {
    err!(SqlState::INVALID_CURSOR_NAME, "portal \"{name}\" does not exist")
}

fn binary_parameter(e: SqlError, i: usize) -> SqlError {
    if e.message() == "incorrect binary data format" {
        return err!(SqlState::INVALID_BINARY_REPRESENTATION, "incorrect binary data format in bind parameter {}", i + 1);
    }
    e
}

/// 22021 with the bytes at fault.
pub fn invalid_utf8(bytes: &[u8], at: usize) -> SqlError {
    let shown: Vec<String> = bytes[at..].iter().take(4).map(|b| format!("0x{b:02x}")).collect();
    let first = bytes.get(at).copied().unwrap_or(0);
    let count = if first < 0x80 { 1 } else { shown.len().min(first.leading_ones().clamp(1, 4) as usize) };
    err!(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": {}", shown[..count].join(" "))
}
