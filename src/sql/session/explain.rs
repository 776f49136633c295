//! EXPLAIN.

use super::Session;
use super::utility::output;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::Params;
use crate::sql::ddl::stored_expr::RelationNames;
use crate::sql::deparse::Names;
use crate::sql::executor::instrument::Instruments;
use crate::sql::parser::RawStatement;
use crate::sql::parser::ast::{DefElem, DefValue, ExplainStmt, Statement};
use crate::sql::plan::{ColId, Expr, Output};
use crate::sql::planner::explain::{Format, Options, Print, explain};
use crate::sql::session::view::SessionView;
use crate::sql::types::io::IoContext;
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

/// What EXPLAIN was asked for.
#[derive(Default)]
struct Asked {
    plan: Options,
    analyze: bool,
    summary: bool,
}

/// What the options ask for. Errors: 42601, 22023.
fn options(list: &[DefElem]) -> Result<Asked> {
    let mut out = Asked::default();
    let (mut timing, mut summary) = (None, None);
    for o in list {
        match o.name.as_str() {
            "analyze" => out.analyze = flag(o)?,
            "verbose" => out.plan.verbose = flag(o)?,
            "costs" => out.plan.costs = flag(o)?,
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
                out.plan.format = match text.as_str() {
                    "text" => Format::Text,
                    "xml" => Format::Xml,
                    "json" => Format::Json,
                    "yaml" => Format::Yaml,
                    other => {
                        let message = format!("unrecognized value for EXPLAIN option \"format\": \"{other}\"");
                        return Err(SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message).at(o.pos));
                    }
                };
            }
            other => return Err(err!(SqlState::SYNTAX_ERROR, "unrecognized EXPLAIN option \"{other}\"").at(o.pos)),
        }
    }
    out.plan.analyze = out.analyze;
    out.plan.timing = timing.unwrap_or(true);
    if timing == Some(true) && !out.analyze {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "EXPLAIN option TIMING requires ANALYZE"));
    }
    out.summary = summary.unwrap_or(out.analyze);
    Ok(out)
}

/// The result column.
pub fn outputs(stmt: &ExplainStmt) -> Vec<Output> {
    let ty = match options(&stmt.options).map(|o| o.plan.format) {
        Ok(Format::Json) => Oid::JSON,
        Ok(Format::Xml) => Oid::XML,
        _ => Oid::TEXT,
    };
    vec![output("QUERY PLAN", ty)]
}

impl Session {
    /// EXPLAIN \[ANALYZE\]
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
            let instruments = Arc::new(Instruments::default());
            let mut running = core.start_watched(Arc::clone(&plan), params, &instruments)?;
            while crate::txn::blocking::off_reactor(|| core.next_batch(&mut running))?.is_some() {}
            actual = Some((instruments.actuals(), begun.elapsed()));
        }
        let view = self.core.view();
        let io = self.core.io();
        let cx = io.context(0, &*view);
        let printer = Printer { io: &cx, view: &view };
        let mut lines = explain(&plan.plan, &printer, &options.plan, actual.as_ref().map(|(a, _)| a));
        if options.plan.format == Format::Text && options.summary {
            lines.push(format!("Planning Time: {:.3} ms", planning.as_secs_f64() * 1000.0));
            lines.extend(actual.map(|(_, took)| format!("Execution Time: {:.3} ms", took.as_secs_f64() * 1000.0)));
        }
        let rows: Vec<Vec<Datum>> = lines.into_iter().map(|l| vec![Datum::text(l)]).collect();
        self.send_text_rows(&outputs(stmt), &rows, out)
    }
}

/// Prints a plan's expressions with the session's names.
struct Printer<'a> {
    io: &'a IoContext<'a>,
    view: &'a SessionView,
}

/// A plan's columns by the names EXPLAIN found for them, everything else by the catalog's.
struct PlanNames<'a> {
    column: &'a dyn Fn(ColId) -> Option<String>,
    catalog: RelationNames<'a>,
}

impl Names for PlanNames<'_> {
    fn column(&self, id: ColId) -> Option<String> {
        (self.column)(id)
    }

    fn function(&self, schema: Oid, name: &str) -> String {
        self.catalog.function(schema, name)
    }

    fn relation(&self, oid: Oid) -> String {
        self.catalog.relation(oid)
    }

    fn collation(&self, oid: Oid) -> String {
        self.catalog.collation(oid)
    }
}

impl Print for Printer<'_> {
    fn print(&self, expr: &Expr, column: &dyn Fn(ColId) -> Option<String>) -> String {
        let catalog = RelationNames { view: self.view, relation: None };
        crate::sql::deparse::expression(self.io, &PlanNames { column, catalog }, expr, false)
    }
}
