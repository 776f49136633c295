//! EXPLAIN: a physical plan in PostgreSQL's shape.
//!
//! The plan becomes a tree of `Shown` nodes with PostgreSQL's node names, properties and parent relationships; `render` prints it
//! as text, JSON, YAML or XML. Operators PostgreSQL has no node for are folded into their neighbours: projections and filters
//! belong to the node below them, a lookup join is a nested loop over an index scan.

mod names;
mod render;
mod show;

pub use names::{Print, Printer};
pub use render::render;

use super::Planned;
use super::physical::Estimate;

/// Output formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Indented lines.
    #[default]
    Text,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// XML
    Xml,
}

/// EXPLAIN's options that concern the plan.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// VERBOSE
    pub verbose: bool,
    /// COSTS
    pub costs: bool,
    /// FORMAT
    pub format: Format,
    /// ANALYZE
    pub analyze: bool,
    /// TIMING
    pub timing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { verbose: false, costs: true, format: Format::Text, analyze: false, timing: true }
    }
}

/// What a node did: how often it was run, and of all runs the rows and milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Actual {
    /// Runs.
    pub loops: u64,
    /// Rows.
    pub rows: u64,
    /// Until the first row.
    pub startup: f64,
    /// Until the last row.
    pub total: f64,
}

/// What the nodes of a plan did, by their address in it (plus one: the looked-up side of a lookup join).
pub type Actuals = std::collections::HashMap<usize, Actual>;

/// A property's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One text.
    Text(String),
    /// A list, comma-separated in text form.
    List(Vec<String>),
    /// A truth value.
    Bool(bool),
}

/// A node as EXPLAIN shows it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The text form's first line, without costs.
    pub headline: String,
    /// "Node Type" of the other formats.
    pub node_type: &'static str,
    /// Properties only the other formats have, before the costs.
    pub details: Vec<(&'static str, Value)>,
    /// Properties all formats have.
    pub properties: Vec<(String, Value)>,
    /// What it is expected to cost.
    pub estimate: Estimate,
    /// What it did.
    pub actual: Option<Actual>,
    /// Inputs and subplans.
    pub children: Vec<Child>,
}

/// An input or subplan of a node.
#[derive(Clone, Debug)]
pub struct Child {
    /// "Outer", "Inner", "Member", "InitPlan", "SubPlan", "Subquery".
    pub relationship: &'static str,
    /// "SubPlan 1", "InitPlan 1 (returns $0)", "CTE x".
    pub name: Option<String>,
    /// The node.
    pub node: Shown,
}

/// EXPLAIN's lines (one line for the formats other than text, with line breaks inside).
pub fn explain(planned: &Planned, printer: &dyn Print, options: &Options, actuals: Option<&Actuals>) -> Vec<String> {
    let shown = show::show(planned, printer, options, actuals);
    render(&shown, options)
}
