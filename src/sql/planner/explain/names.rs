//! What columns and subqueries are called in EXPLAIN.

use crate::sql::plan::{AggCall, ColId, Expr, ExprKind, Rel, SubqueryKind, WindowCall, WindowFunc};
use crate::sql::planner::physical::{Node, Physical, ScanNode, SubplanNode};
use crate::sql::planner::walk;
use std::collections::HashMap;

/// Prints expressions: `column` says what a column is called.
pub trait Print {
    /// The text of an expression.
    fn print(&self, expr: &Expr, column: &dyn Fn(ColId) -> Option<String>) -> String;
}

/// A printer made of a function.
pub struct Printer<F>(pub F);

impl<F: Fn(&Expr, &dyn Fn(ColId) -> Option<String>) -> String> Print for Printer<F> {
    fn print(&self, expr: &Expr, column: &dyn Fn(ColId) -> Option<String>) -> String {
        (self.0)(expr, column)
    }
}

/// Where a column comes from.
enum Origin {
    Base { alias: String, name: String },
    Computed(Expr),
    Aggregate(AggCall),
    Window(WindowCall),
}

/// Ids that stand for subqueries while an expression is printed: counted down from here.
const SUBPLAN_IDS: u32 = u32::MAX - 1;

/// Names of a plan's columns.
pub struct Names<'a> {
    printer: &'a dyn Print,
    origins: HashMap<ColId, Origin>,
    subplans: &'a [SubplanNode],
    qualify: bool,
}

/// An identifier, quoted where needed.
pub fn identifier(name: &str) -> String {
    let plain = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$');
    if plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

impl<'a> Names<'a> {
    /// Names of everything in a statement.
    pub fn new(root: &Physical, subplans: &'a [SubplanNode], printer: &'a dyn Print, verbose: bool) -> Self {
        let mut names = Self { printer, origins: HashMap::new(), subplans, qualify: verbose };
        let mut tables = names.learn(root);
        for subplan in subplans {
            tables += names.learn(&subplan.plan);
        }
        names.qualify |= tables > 1;
        names
    }

    /// Learns a plan's columns; answers how many range table entries it reads.
    fn learn(&mut self, plan: &Physical) -> usize {
        let mut tables: usize = plan.children().into_iter().map(|c| self.learn(c)).sum();
        match &plan.node {
            Node::Scan(scan) => {
                self.scan(scan, plan);
                tables += 1;
            }
            Node::LookupJoin(join) => {
                for (id, column) in &join.inner_names {
                    let name = column_name(&join.inner, *column);
                    self.base(*id, &join.inner.alias, &name);
                }
                tables += 1;
            }
            Node::Values(rows) => {
                let alone = rows.len() <= 1;
                for (n, output) in plan.outputs.iter().enumerate() {
                    match (alone, rows.first().and_then(|r| r.get(n))) {
                        (true, Some(e)) => {
                            self.origins.insert(output.id, Origin::Computed(e.clone()));
                        }
                        _ => self.base(output.id, "*VALUES*", &format!("column{}", n + 1)),
                    }
                }
                tables += usize::from(!alone);
            }
            Node::FunctionScan { functions, .. } => {
                let alias = function_name(functions.first().map(|f| &f.call));
                plan.outputs.iter().for_each(|o| self.base(o.id, &alias, &o.name));
                tables += 1;
            }
            Node::CteScan { name, .. } => {
                plan.outputs.iter().for_each(|o| self.base(o.id, name, &o.name));
                tables += 1;
            }
            Node::Project { exprs, .. } => self.computed(&plan.outputs, exprs),
            Node::ProjectSet { exprs, .. } => {
                let from = plan.outputs.len() - exprs.len();
                self.computed(&plan.outputs[from..], exprs);
            }
            Node::Aggregate(aggregate) => {
                self.computed(&plan.outputs[..aggregate.group.len()], &aggregate.group);
                let from = plan.outputs.len() - aggregate.aggs.len();
                for (output, agg) in plan.outputs[from..].iter().zip(&aggregate.aggs) {
                    self.origins.insert(output.id, Origin::Aggregate(agg.clone()));
                }
            }
            Node::Window { calls, .. } => {
                let from = plan.outputs.len() - calls.len();
                for (output, call) in plan.outputs[from..].iter().zip(calls) {
                    self.origins.insert(output.id, Origin::Window(call.clone()));
                }
            }
            Node::Append(inputs) => {
                if let Some(first) = inputs.first() {
                    let exprs: Vec<Expr> = first.outputs.iter().map(walk::column_of).collect();
                    self.computed(&plan.outputs, &exprs);
                }
            }
            Node::SetOp { left, .. } => {
                let exprs: Vec<Expr> = left.outputs.iter().map(walk::column_of).collect();
                self.computed(&plan.outputs, &exprs);
            }
            _ => {}
        }
        tables
    }

    fn base(&mut self, id: ColId, alias: &str, name: &str) {
        self.origins.insert(id, Origin::Base { alias: alias.to_string(), name: name.to_string() });
    }

    fn scan(&mut self, scan: &ScanNode, plan: &Physical) {
        for (output, column) in plan.outputs.iter().zip(&scan.columns) {
            let name = column_name(scan, *column);
            self.base(output.id, &scan.alias, &name);
        }
    }

    fn computed(&mut self, outputs: &[crate::sql::plan::Output], exprs: &[Expr]) {
        for (output, e) in outputs.iter().zip(exprs) {
            if !walk::is_column(e, output.id) {
                self.origins.insert(output.id, Origin::Computed(e.clone()));
            }
        }
    }

    /// Text of an expression; aggregates among `own` are this node's and need no parentheses.
    pub fn text(&self, expr: &Expr, own: &[ColId]) -> String {
        let mut expr = expr.clone();
        let mut subplans: Vec<String> = Vec::new();
        walk::rewrite(&mut expr, &mut |e| {
            if let ExprKind::Subquery(s) = &e.kind
                && let Rel::Planned(number, _) = &s.plan
            {
                subplans.push(self.subplan(*number, &s.kind));
                e.kind = ExprKind::Column(ColId(SUBPLAN_IDS - subplans.len() as u32 + 1));
            }
        });
        self.printer.print(&expr, &|id| {
            let place = SUBPLAN_IDS.wrapping_sub(id.0) as usize;
            match subplans.get(place) {
                Some(text) => Some(text.clone()),
                None => Some(self.column(id, own)),
            }
        })
    }

    fn subplan(&self, number: usize, kind: &SubqueryKind) -> String {
        let alone = self.subplans.get(number).is_some_and(|s| s.correlations.is_empty());
        match kind {
            SubqueryKind::Quantified { .. } if alone => format!("(hashed SubPlan {})", number + 1),
            SubqueryKind::Scalar | SubqueryKind::Exists | SubqueryKind::Array if alone => format!("${number}"),
            _ => format!("(SubPlan {})", number + 1),
        }
    }

    /// Name of a column as upper nodes refer to it.
    pub fn column(&self, id: ColId, own: &[ColId]) -> String {
        match self.origins.get(&id) {
            Some(Origin::Base { alias, name }) if self.qualify => format!("{}.{}", identifier(alias), identifier(name)),
            Some(Origin::Base { name, .. }) => identifier(name),
            Some(Origin::Computed(e)) => match &e.kind {
                ExprKind::Column(below) if *below != id => self.column(*below, own),
                ExprKind::Const(_) => self.text(e, own),
                _ => parenthesised(self.text(e, &[])),
            },
            Some(Origin::Aggregate(agg)) => {
                let text = self.aggregate(agg);
                if own.contains(&id) { text } else { format!("({text})") }
            }
            Some(Origin::Window(call)) => {
                let text = self.window(call);
                if own.contains(&id) { text } else { format!("({text})") }
            }
            None => format!("${}", id.0),
        }
    }

    fn aggregate(&self, agg: &AggCall) -> String {
        self.text(&Expr::new(ExprKind::Aggregate(Box::new(agg.clone())), agg.ty), &[])
    }

    fn window(&self, call: &WindowCall) -> String {
        let name = match &call.func {
            WindowFunc::Window(f) | WindowFunc::Aggregate(f) => f.name,
        };
        let args: Vec<String> = call.args.iter().map(|a| self.text(a, &[])).collect();
        let args = if call.star { "*".to_string() } else { args.join(", ") };
        format!("{name}({args}) OVER (?)")
    }
}

fn parenthesised(text: String) -> String {
    if text.starts_with('(') && text.ends_with(')') { text } else { format!("({text})") }
}

fn column_name(scan: &ScanNode, column: crate::sql::plan::ScanColumn) -> String {
    use crate::sql::plan::ScanColumn as C;
    match column {
        C::Column(p) => scan.relation.columns.get(p as usize).map_or_else(String::new, |c| c.name.to_string()),
        C::TableOid => "tableoid".into(),
        C::Ctid | C::RowKey => "ctid".into(),
        C::Xmin => "xmin".into(),
        C::Xmax => "xmax".into(),
        C::Cmin => "cmin".into(),
        C::Cmax => "cmax".into(),
        C::WholeRow => "*".into(),
    }
}

/// Name of a function in FROM.
pub fn function_name(call: Option<&Expr>) -> String {
    use crate::sql::plan::Callee;
    match call.map(|c| &c.kind) {
        Some(ExprKind::Call { callee, .. } | ExprKind::SetReturning { callee, .. }) => match callee {
            Callee::Builtin(f) => f.name.to_string(),
            Callee::User(f) => f.name.to_string(),
        },
        _ => "function".to_string(),
    }
}
