//! EXPLAIN.

use super::Session;
use super::utility::output;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::Params;
use crate::sql::parser::RawStatement;
use crate::sql::parser::ast::{DefElem, DefValue, ExplainStmt, Statement};
use crate::sql::plan::Output;
use crate::sql::planner::explain::{ExplainFormat, ExplainOptions};
use crate::sql::types::{Datum, Oid};
use crate::wire::Out;
use std::sync::Arc;
use std::time::Instant;

fn flag(o: &DefElem) -> Result<bool> {
    let text = match &o.value {
        None => return Ok(true),
        Some(DefValue::Boolean(b)) => return Ok(*b),
        Some(DefValue::Integer(i @ (0 | 1))) => return Ok(*i == 1),
        Some(DefValue::String(s)) => s.to_string(),
        Some(DefValue::Name(n)) => n.to_string(),
        Some(_) => String::new(),
    };
    super::settings::parse_bool(&text).ok_or_else(|| err!(SqlState::SYNTAX_ERROR, "{} requires a Boolean value", o.name))
}

/// What the options ask for. Errors: 42601, 22023.
fn options(list: &[DefElem]) -> Result<ExplainOptions> {
    let mut out = ExplainOptions { costs: true, ..ExplainOptions::default() };
    let (mut timing, mut summary) = (None, None);
    for o in list {
        match o.name.as_str() {
            "analyze" => out.analyze = flag(o)?,
            "verbose" => out.verbose = flag(o)?,
            "costs" => out.costs = flag(o)?,
            "buffers" | "wal" | "settings" => {
                let _ = flag(o)?;
            }
            "timing" => timing = Some(flag(o)?),
            "summary" => summary = Some(flag(o)?),
            "format" => {
                let text = match &o.value {
                    Some(DefValue::String(s)) => s.to_string(),
                    Some(DefValue::Name(n)) => n.to_string(),
                    _ => String::new(),
                };
                out.format = match text.as_str() {
                    "text" => ExplainFormat::Text,
                    "xml" => ExplainFormat::Xml,
                    "json" => ExplainFormat::Json,
                    "yaml" => ExplainFormat::Yaml,
                    other => {
                        let message = format!("unrecognized value for EXPLAIN option \"format\": \"{other}\"");
                        return Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message).at(o.pos));
                    }
                };
            }
            other => return Err(err!(SqlState::SYNTAX_ERROR, "unrecognized EXPLAIN option \"{other}\"").at(o.pos)),
        }
    }
    if timing == Some(true) && !out.analyze {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "EXPLAIN option TIMING requires ANALYZE"));
    }
    out.timing = timing.unwrap_or(out.analyze);
    out.summary = summary.unwrap_or(out.analyze);
    Ok(out)
}

/// The result column.
pub fn outputs(stmt: &ExplainStmt) -> Vec<Output> {
    let ty = match options(&stmt.options).map(|o| o.format) {
        Ok(ExplainFormat::Json) => Oid::JSON,
        Ok(ExplainFormat::Xml) => Oid::XML,
        _ => Oid::TEXT,
    };
    vec![output("QUERY PLAN", ty)]
}

impl Session {
    /// EXPLAIN [ANALYZE]
    pub(super) async fn explain(&mut self, stmt: &ExplainStmt, out: &mut Out) -> Result<()> {
        let options = options(&stmt.options)?;
        let started = Instant::now();
        let (plan, params) = match &stmt.query {
            Statement::Execute(e) => self.execute_plan(e)?,
            Statement::CreateTableAs(c) => {
                let raw = RawStatement { stmt: c.query.clone(), start: 0, end: 0 };
                (Arc::new(self.core.plan(&raw, &mut Params::none())?), Vec::new())
            }
            Statement::DeclareCursor(d) => {
                let raw = RawStatement { stmt: Statement::Select(d.query.clone()), start: 0, end: 0 };
                (Arc::new(self.core.plan(&raw, &mut Params::none())?), Vec::new())
            }
            query => {
                let raw = RawStatement { stmt: query.clone(), start: 0, end: 0 };
                (Arc::new(self.core.plan(&raw, &mut Params::none())?), Vec::new())
            }
        };
        let planning = started.elapsed();
        let mut actual = None;
        if options.analyze {
            let core = Arc::clone(&self.core);
            let begun = Instant::now();
            let mut running = core.start(Arc::clone(&plan), params)?;
            let mut rows = 0;
            while let Some(batch) = crate::txn::blocking::off_reactor(|| core.with_exec(&mut running, |cx, op| op.next(cx)))? {
                rows += batch.rows() as u64;
            }
            actual = Some((rows, begun.elapsed()));
        }
        let view = self.core.view();
        let io = self.core.io();
        let cx = io.context(0, &*view);
        let mut text = crate::sql::planner::explain::explain(&plan.plan, &plan.query, &options, &cx, &*view, actual);
        if options.summary && options.format == ExplainFormat::Text {
            text.push_str(&format!("\nPlanning Time: {:.3} ms", planning.as_secs_f64() * 1000.0));
            if let Some((_, took)) = actual {
                text.push_str(&format!("\nExecution Time: {:.3} ms", took.as_secs_f64() * 1000.0));
            }
        }
        let rows: Vec<Vec<Datum>> = match options.format {
            ExplainFormat::Text => text.lines().map(|l| vec![Datum::text(l)]).collect(),
            _ => vec![vec![Datum::text(text)]],
        };
        self.send_text_rows(&outputs(stmt), &rows, out)
    }
}
