//! DECLARE, FETCH, MOVE, CLOSE.
//!
//! Rows a cursor has handed out are kept, so that it can move backward and be positioned; the query runs only as far as asked.

use super::cursor_rows::{self, RowSource};
use super::encode::{self, Formats};
use super::portal::{Cursor, Portal, PortalKind};
use super::server::now;
use super::transaction::Block;
use super::{Session, SessionCore};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::{self, Params};
use crate::sql::parser::ast::{DeclareCursorStmt, FetchDirection, FetchStmt, Statement};
use crate::sql::types::{Datum, Oid, Type};
use crate::wire::Out;
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A cursor as other parts of the session know it: pg_cursors, WHERE CURRENT OF.
#[derive(Debug)]
pub struct Listed {
    /// Name.
    pub name: String,
    /// The DECLARE statement.
    pub statement: Arc<str>,
    /// WITH HOLD
    pub hold: bool,
    /// BINARY
    pub binary: bool,
    /// May move backward.
    pub scroll: bool,
    /// When it was declared, microseconds.
    pub created: i64,
    /// Tables whose rows its rows are made of.
    pub sources: Vec<RowSource>,
    /// The keys of those rows where it stands now; `None` when it stands on no row.
    pub place: Option<Vec<Datum>>,
    /// Made in a transaction that is over.
    pub held: bool,
}

impl Listed {
    /// The key of the row of `table` it stands on (execCurrentOf). Errors: 24000.
    pub fn row_of(&self, table: Oid, table_name: impl Fn() -> SmolStr) -> Result<Option<Datum>> {
        let name = &self.name;
        let bad = |message: String| Err(SqlError::new(SqlState::INVALID_CURSOR_STATE, message));
        if self.held {
            return bad(format!("cursor \"{name}\" is held from a previous transaction"));
        }
        let locking = self.sources.iter().any(|s| s.locked);
        let mut fitting = self.sources.iter().enumerate().filter(|(_, s)| s.table == table && s.locked == locking);
        let (Some((at, _)), further) = (fitting.next(), fitting.next()) else {
            return bad(if locking {
                format!("cursor \"{name}\" does not have a FOR UPDATE/SHARE reference to table \"{}\"", table_name())
            } else {
                format!("cursor \"{name}\" is not a simply updatable scan of table \"{}\"", table_name())
            });
        };
        if further.is_some() {
            return bad(if locking {
                format!("cursor \"{name}\" has multiple FOR UPDATE/SHARE references to table \"{}\"", table_name())
            } else {
                format!("cursor \"{name}\" is not a simply updatable scan of table \"{}\"", table_name())
            });
        }
        match &self.place {
            Some(keys) => Ok(keys.get(at).cloned()),
            None => bad(format!("cursor \"{name}\" is not positioned on a row")),
        }
    }
}

/// What cannot be declared (transformDeclareCursorStmt). Errors: 0A000, 42P11.
fn check_declaration(d: &DeclareCursorStmt) -> Result<()> {
    let modifies = |c: &crate::sql::parser::ast::Cte| !matches!(*c.query, Statement::Select(_));
    if d.query.with.as_ref().is_some_and(|w| w.ctes.iter().any(modifies)) {
        let message = "DECLARE CURSOR must not contain data-modifying statements in WITH";
        return Err(SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    let Some(lock) = d.query.locking.first() else { return Ok(()) };
    let strength = crate::sql::binder::lock_strength_name(lock.strength);
    let (state, message, kind) = if d.hold {
        (SqlState::FEATURE_NOT_SUPPORTED, format!("DECLARE CURSOR WITH HOLD ... {strength} is not supported"), "Holdable")
    } else if d.scroll == Some(true) {
        (SqlState::FEATURE_NOT_SUPPORTED, format!("DECLARE SCROLL CURSOR ... {strength} is not supported"), "Scrollable")
    } else if d.insensitive {
        (SqlState::INVALID_CURSOR_DEFINITION, format!("DECLARE INSENSITIVE CURSOR ... {strength} is not valid"), "Insensitive")
    } else {
        return Ok(());
    };
    Err(SqlError::new(state, message).detail(format!("{kind} cursors must be READ ONLY.")))
}

impl Cursor {
    /// Makes row `n` (from 1) available if there is one. Runs the query as far as needed.
    fn reach(&mut self, core: &SessionCore, n: usize) -> Result<bool> {
        while self.rows.len() < n {
            let Some(running) = self.running.as_mut() else { return Ok(false) };
            match core.next_batch(running)? {
                Some(batch) => self.rows.extend((0..batch.rows()).map(|i| batch.row(batch.position(i)))),
                None => self.running = None,
            }
        }
        Ok(true)
    }

    fn backward_refused(&self) -> SqlError {
        err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
            .hint("Declare it with SCROLL option to enable backward scan.")
    }

    /// Steps `count` rows on and answers the range of rows (from 1) passed over.
    fn forward(&mut self, core: &SessionCore, count: usize) -> Result<Vec<usize>> {
        let mut passed = Vec::new();
        while passed.len() < count {
            let next = self.position + 1;
            if !self.reach(core, next)? {
                self.position = self.rows.len() + 1;
                break;
            }
            self.position = next;
            passed.push(next);
        }
        Ok(passed)
    }

    fn backward(&mut self, count: usize) -> Vec<usize> {
        let mut passed = Vec::new();
        while passed.len() < count && self.position > 0 {
            self.position -= 1;
            if self.position == 0 {
                break;
            }
            passed.push(self.position);
        }
        passed
    }

    fn absolute(&mut self, core: &SessionCore, n: i64) -> Result<Vec<usize>> {
        let target = if n < 0 {
            self.reach(core, usize::MAX)?;
            let from_end = self.rows.len() as i64 + n + 1;
            from_end.max(0) as usize
        } else {
            n as usize
        };
        if target < self.position && !self.scroll {
            return Err(self.backward_refused());
        }
        if target > 0 && self.reach(core, target)? {
            self.position = target;
            return Ok(vec![target]);
        }
        self.position = if target == 0 { 0 } else { self.rows.len() + 1 };
        Ok(Vec::new())
    }

    fn run(&mut self, core: &SessionCore, direction: FetchDirection) -> Result<Vec<usize>> {
        use FetchDirection as D;
        let count = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
        match direction {
            D::Forward(0) | D::Backward(0) | D::Relative(0) => {
                let here = self.position;
                Ok(if here > 0 && here <= self.rows.len() { vec![here] } else { Vec::new() })
            }
            D::Forward(n) if n > 0 => self.forward(core, count(n)),
            D::Backward(n) if n < 0 && n != i64::MIN => self.forward(core, count(-n)),
            _ if !self.scroll && !matches!(direction, D::Absolute(_) | D::Relative(1..)) => Err(self.backward_refused()),
            D::Forward(n) => Ok(self.backward(count(n.saturating_neg()))),
            D::Backward(n) => Ok(self.backward(count(n))),
            D::Absolute(n) => self.absolute(core, n),
            D::Relative(n) => {
                let target = self.position as i64 + n;
                if target <= 0 {
                    self.position = 0;
                    return Ok(Vec::new());
                }
                self.absolute(core, target)
            }
        }
    }
}

impl Session {
    /// DECLARE CURSOR
    pub(super) fn declare_cursor(&mut self, d: &DeclareCursorStmt) -> Result<()> {
        if !d.hold && self.block != Block::Explicit {
            return Err(err!(SqlState::NO_ACTIVE_SQL_TRANSACTION, "DECLARE CURSOR can only be used in transaction blocks"));
        }
        if self.portals.contains_key(d.name.as_str()) {
            return Err(err!(SqlState::DUPLICATE_CURSOR, "cursor \"{}\" already exists", d.name));
        }
        check_declaration(d)?;
        let mut query = self.core.with_bind(|cx| binder::bind_select(cx, &d.query, &mut Params::none()))?;
        let types: Vec<Type> = query.outputs.iter().map(|o| o.ty).collect();
        let sources = cursor_rows::expose_row_keys(&mut query);
        let scroll = d.scroll.unwrap_or_else(|| d.query.locking.is_empty() && cursor_rows::runs_backward(&query.plan));
        let plan = Arc::new(self.core.plan_bound(query)?);
        let running = self.core.start(Arc::clone(&plan), Vec::new())?;
        let cursor =
            Cursor { running: Some(Box::new(running)), rows: Vec::new(), position: 0, types, scroll, hold: d.hold, held: false };
        let formats = if d.binary { Formats(smallvec::smallvec![1]) } else { Formats::default() };
        let portal = Portal {
            name: d.name.clone(),
            statement: None,
            source: Arc::clone(&self.source),
            plan: Some(plan),
            formats,
            kind: PortalKind::Cursor(Box::new(cursor)),
            depth: self.core.depth.load(Ordering::Relaxed),
        };
        let listed = Listed {
            name: d.name.to_string(),
            statement: Arc::clone(&self.source),
            hold: d.hold,
            binary: d.binary,
            scroll,
            created: now(),
            sources,
            place: None,
            held: false,
        };
        self.list_cursors();
        self.core.listing.lock().cursors.push(listed);
        self.portals.insert(d.name.to_string(), portal);
        Ok(())
    }

    /// FETCH and MOVE; answers the command tag.
    pub(super) async fn fetch(&mut self, f: &FetchStmt, out: &mut Out) -> Result<String> {
        let mut portal = self.portals.remove(f.cursor.as_str()).ok_or_else(|| no_cursor(&f.cursor))?;
        let result = self.fetch_from(&mut portal, f, out).await;
        if let PortalKind::Cursor(cursor) = &portal.kind
            && let Some(listed) = self.core.listing.lock().cursors.iter_mut().find(|c| c.name == f.cursor)
        {
            let row = cursor.position.checked_sub(1).and_then(|at| cursor.rows.get(at));
            listed.place = row.map(|r| r[cursor.types.len()..].to_vec());
        }
        // After an error the transaction's end decides what becomes of it; a held cursor stays.
        self.portals.insert(f.cursor.to_string(), portal);
        let count = result?;
        Ok(format!("{} {count}", if f.is_move { "MOVE" } else { "FETCH" }))
    }

    async fn fetch_from(&mut self, portal: &mut Portal, f: &FetchStmt, out: &mut Out) -> Result<usize> {
        let core = Arc::clone(&self.core);
        let plan = portal.plan.clone();
        let PortalKind::Cursor(cursor) = &mut portal.kind else { return Err(no_cursor(&f.cursor)) };
        let passed = crate::txn::blocking::off_reactor(|| cursor.run(&core, f.direction))?;
        if f.is_move {
            return Ok(passed.len());
        }
        if let Some(plan) = plan {
            let (outputs, origins) = (&plan.query.outputs[..cursor.types.len()], &plan.query.origins[..cursor.types.len()]);
            encode::row_description(out.buffer(), &*self.core.view(), outputs, origins, &portal.formats);
        }
        for n in &passed {
            {
                let view = core.view();
                let io = core.io();
                let cx = io.context(core.transaction_start.load(Ordering::Relaxed), &*view);
                encode::datum_row(out.buffer(), &cx, &cursor.rows[n - 1][..cursor.types.len()], &cursor.types, &portal.formats)?;
            }
            out.flush_if_full().await?;
        }
        Ok(passed.len())
    }

    /// CLOSE
    pub(super) fn close_cursor(&mut self, name: Option<&str>) -> Result<&'static str> {
        match name {
            Some(name) => {
                self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
                self.core.listing.lock().cursors.retain(|c| c.name != name);
                Ok("CLOSE CURSOR")
            }
            None => {
                self.portals.retain(|_, p| !matches!(p.kind, PortalKind::Cursor(_)));
                self.core.listing.lock().cursors.clear();
                Ok("CLOSE CURSOR ALL")
            }
        }
    }

    /// COMMIT with holdable cursors: what is left of their queries is run now.
    pub(super) fn hold_cursors(&mut self) -> Result<()> {
        let core = Arc::clone(&self.core);
        for portal in self.portals.values_mut() {
            if let PortalKind::Cursor(cursor) = &mut portal.kind
                && cursor.hold
                && !cursor.held
            {
                cursor.reach(&core, usize::MAX)?;
                cursor.held = true;
            }
        }
        core.listing.lock().cursors.iter_mut().for_each(|c| c.held = c.hold);
        Ok(())
    }

    /// Forgets cursors whose portals are gone.
    pub(super) fn list_cursors(&self) {
        let mut listing = self.core.listing.lock();
        if !listing.cursors.is_empty() {
            listing.cursors.retain(|c| self.portals.contains_key(&c.name));
        }
    }

    /// Result columns of a cursor, for Describe of FETCH.
    pub(super) fn cursor_outputs(&self, name: &str) -> Option<super::utility::Outputs> {
        let portal = self.portals.get(name)?;
        let PortalKind::Cursor(cursor) = &portal.kind else { return None };
        let plan = portal.plan.as_ref()?;
        let shown = cursor.types.len();
        Some((plan.query.outputs[..shown].to_vec(), plan.query.origins[..shown].to_vec()))
    }
}

/// No cursor of that name.
pub(super) fn no_cursor(name: &str) -> SqlError {
    err!(SqlState::INVALID_CURSOR_NAME, "cursor \"{name}\" does not exist")
}
