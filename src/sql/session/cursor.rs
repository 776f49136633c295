//! DECLARE, FETCH, MOVE, CLOSE.
//!
//! Rows a cursor has handed out are kept, so that it can move backward and be positioned; the query runs only as far as asked.

use super::encode::{self, Formats};
use super::portal::{Cursor, Portal, PortalKind};
use super::server::now;
use super::transaction::Block;
use super::{Session, SessionCore};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::Params;
use crate::sql::parser::RawStatement;
use crate::sql::parser::ast::{DeclareCursorStmt, FetchDirection, FetchStmt, Statement};
use crate::sql::types::Type;
use crate::wire::Out;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
        let raw = RawStatement { stmt: Statement::Select(d.query.clone()), start: d.query_range.0, end: d.query_range.1 };
        let plan = Arc::new(self.core.plan(&raw, &mut Params::none())?);
        let types: Vec<Type> = plan.query.outputs.iter().map(|o| o.ty).collect();
        let running = self.core.start(Arc::clone(&plan), Vec::new())?;
        let cursor = Cursor {
            running: Some(Box::new(running)),
            rows: Vec::new(),
            position: 0,
            types,
            scroll: d.scroll != Some(false),
            hold: d.hold,
            held: false,
        };
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
        let shown = (d.name.to_string(), Arc::clone(&self.source), d.hold, d.binary, d.scroll != Some(false), now());
        self.core.listing.lock().cursors.push(shown);
        self.portals.insert(d.name.to_string(), portal);
        Ok(())
    }

    /// FETCH and MOVE; answers the command tag.
    pub(super) async fn fetch(&mut self, f: &FetchStmt, out: &mut Out) -> Result<String> {
        let mut portal = self.portals.remove(f.cursor.as_str()).ok_or_else(|| no_cursor(&f.cursor))?;
        let result = self.fetch_from(&mut portal, f, out).await;
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
            encode::row_description(out.buffer(), &*self.core.view(), &plan.query.outputs, &plan.query.origins, &portal.formats);
        }
        for n in &passed {
            {
                let view = core.view();
                let io = core.io();
                let cx = io.context(core.transaction_start.load(Ordering::Relaxed), &*view);
                encode::datum_row(out.buffer(), &cx, &cursor.rows[n - 1], &cursor.types, &portal.formats)?;
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
                self.core.listing.lock().cursors.retain(|c| c.0 != name);
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
        core.listing.lock().cursors.retain(|c| c.2);
        Ok(())
    }

    /// Result columns of a cursor, for Describe of FETCH.
    pub(super) fn cursor_outputs(&self, name: &str) -> Option<super::utility::Outputs> {
        let plan = self.portals.get(name)?.plan.as_ref()?;
        Some((plan.query.outputs.clone(), plan.query.origins.clone()))
    }
}

fn no_cursor(name: &str) -> SqlError {
    err!(SqlState::INVALID_CURSOR_NAME, "cursor \"{name}\" does not exist")
}
