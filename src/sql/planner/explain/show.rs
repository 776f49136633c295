//! From physical nodes to the nodes EXPLAIN shows.

use super::names::{Names, Print, function_name, identifier};
use super::{Actual, Actuals, Child, Options, Shown, Value};
use crate::sql::plan::{ColId, Expr, ExprKind, JoinKind, ModifyAction, Rel, SetOpKind, SortKey, SubqueryKind};
use crate::sql::planner::Planned;
use crate::sql::planner::physical::{
    AccessPath, AggStrategy, AggregateNode, CteNode, Estimate, HashJoinNode, LookupJoinNode, NestedLoopNode, Node, Physical,
    ScanNode,
};
use crate::sql::planner::walk;

/// The tree EXPLAIN shows.
pub fn show(planned: &Planned, printer: &dyn Print, options: &Options, actuals: Option<&Actuals>) -> Shown {
    let names = Names::new(&planned.root, &planned.subplans, printer, options.verbose);
    Shower { names, planned, verbose: options.verbose, actuals }.node(&planned.root)
}

struct Shower<'a> {
    names: Names<'a>,
    planned: &'a Planned,
    verbose: bool,
    actuals: Option<&'a Actuals>,
}

fn simple(headline: impl Into<String>, node_type: &'static str, estimate: Estimate) -> Shown {
    Shown {
        headline: headline.into(),
        node_type,
        details: Vec::new(),
        properties: Vec::new(),
        estimate,
        actual: None,
        children: Vec::new(),
    }
}

fn outer(node: Shown) -> Child {
    Child { relationship: "Outer", name: None, node }
}

fn inner(node: Shown) -> Child {
    Child { relationship: "Inner", name: None, node }
}

fn join_type(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "Inner",
        JoinKind::Left => "Left",
        JoinKind::Right => "Right",
        JoinKind::Full => "Full",
        JoinKind::Semi => "Semi",
        JoinKind::Anti => "Anti",
    }
}

impl Shower<'_> {
    fn node(&self, plan: &Physical) -> Shown {
        let mut shown = self.operator(plan);
        if self.verbose && !matches!(plan.node, Node::Filter { .. }) && !shown.properties.iter().any(|(k, _)| k == "Output") {
            let output = self.output(plan);
            if !output.is_empty() {
                shown.properties.insert(0, ("Output".into(), Value::List(output)));
            }
        }
        shown
    }

    /// The node, with what it did.
    fn operator(&self, plan: &Physical) -> Shown {
        let mut shown = self.bare_operator(plan);
        if let Some(actual) = self.actual(plan, 0) {
            shown.actual = Some(actual);
        }
        shown
    }

    fn actual(&self, plan: &Physical, side: usize) -> Option<Actual> {
        Some(self.actuals?.get(&(std::ptr::from_ref(plan) as usize + side)).copied().unwrap_or_default())
    }

    fn bare_operator(&self, plan: &Physical) -> Shown {
        let e = plan.estimate;
        match &plan.node {
            Node::Scan(scan) => self.scan(scan, e),
            Node::Values(rows) if rows.len() <= 1 => {
                let mut shown = simple("Result", "Result", e);
                self.attach(&mut shown, rows.iter().flatten());
                shown
            }
            Node::Values(_) => {
                let mut shown = simple("Values Scan on \"*VALUES*\"", "Values Scan", e);
                shown.details.push(("Alias", Value::Text("*VALUES*".into())));
                shown
            }
            Node::FunctionScan { functions, .. } => {
                let name = function_name(functions.first().map(|f| &f.call));
                let mut shown = simple(format!("Function Scan on {}", identifier(&name)), "Function Scan", e);
                shown.details.push(("Function Name", Value::Text(name.clone())));
                shown.details.push(("Alias", Value::Text(name)));
                self.attach(&mut shown, functions.iter().map(|f| &f.call));
                shown
            }
            Node::Filter { input, conditions } => self.filter(input, conditions, e),
            Node::Project { input, exprs } => {
                let mut shown = self.operator(input);
                if self.verbose {
                    shown.properties.retain(|(k, _)| k != "Output");
                    let output = exprs.iter().map(|x| self.names.text(x, &self.own(input))).collect();
                    shown.properties.insert(0, ("Output".into(), Value::List(output)));
                }
                shown.estimate.width = e.width;
                self.attach(&mut shown, exprs.iter());
                shown
            }
            Node::ProjectSet { input, exprs } => {
                let mut shown = simple("ProjectSet", "ProjectSet", e);
                shown.children.push(outer(self.node(input)));
                self.attach(&mut shown, exprs.iter());
                shown
            }
            Node::HashJoin(join) => self.hash_join(join, e),
            Node::NestedLoop(join) => self.nested_loop(join, e),
            Node::LookupJoin(join) => self.lookup_join(plan, join, e),
            Node::Aggregate(aggregate) => self.aggregate(aggregate, e),
            Node::Window { input, calls, .. } => {
                let mut shown = simple("WindowAgg", "WindowAgg", e);
                shown.children.push(outer(self.node(input)));
                self.attach(&mut shown, calls.iter().flat_map(|c| &c.args));
                shown
            }
            Node::Sort { input, keys, .. } => {
                let mut shown = simple("Sort", "Sort", e);
                shown.properties.push(("Sort Key".into(), Value::List(keys.iter().map(|k| self.sort_key(k)).collect())));
                shown.children.push(outer(self.node(input)));
                shown
            }
            Node::Limit { input, limit, offset, .. } => {
                let mut shown = simple("Limit", "Limit", e);
                shown.children.push(outer(self.node(input)));
                self.attach(&mut shown, limit.iter().chain(offset));
                shown
            }
            Node::Distinct { input, on, sorted } => self.distinct(plan, input, on, *sorted),
            Node::Append(inputs) => {
                let mut shown = simple("Append", "Append", e);
                shown.children = inputs.iter().map(|i| Child { relationship: "Member", name: None, node: self.node(i) }).collect();
                shown
            }
            Node::SetOp { kind, all, left, right } => self.set_op(*kind, *all, left, right, e),
            Node::With { ctes, body } => {
                let mut shown = self.node(body);
                shown.estimate = Estimate { rows: shown.estimate.rows, width: shown.estimate.width, ..e };
                let plans: Vec<Child> = ctes.iter().map(|c| self.cte(c)).collect();
                shown.children.splice(0..0, plans);
                shown
            }
            Node::CteScan { name, working, .. } => {
                let (kind, label) = if *working { ("WorkTable Scan", "WorkTable Scan") } else { ("CTE Scan", "CTE Scan") };
                let mut shown = simple(format!("{label} on {}", identifier(name)), kind, e);
                shown.details.push(("CTE Name", Value::Text(name.to_string())));
                shown.details.push(("Alias", Value::Text(name.to_string())));
                shown
            }
            Node::LockRows { input, .. } => {
                let mut shown = simple("LockRows", "LockRows", e);
                shown.children.push(outer(self.node(input)));
                shown
            }
            Node::Modify { modify, source } => {
                let verb = match modify.action {
                    ModifyAction::Insert { .. } => "Insert",
                    ModifyAction::Update { .. } => "Update",
                    ModifyAction::Delete { .. } => "Delete",
                    ModifyAction::Merge { .. } => "Merge",
                };
                let mut shown = simple(format!("{verb} on {}", identifier(&modify.relation.name)), "ModifyTable", e);
                shown.details.push(("Operation", Value::Text(verb.into())));
                shown.details.push(("Relation Name", Value::Text(modify.relation.name.to_string())));
                shown.details.push(("Alias", Value::Text(modify.relation.name.to_string())));
                if modify.returning.is_empty() {
                    shown.estimate = Estimate { rows: 0.0, width: 0, ..e };
                }
                shown.children.push(outer(self.node(source)));
                shown
            }
            Node::Empty => {
                let mut shown = simple("Result", "Result", e);
                shown.properties.push(("One-Time Filter".into(), Value::Text("false".into())));
                shown
            }
        }
    }

    /// Aggregates and window calls of a node: printed without parentheses in its own properties.
    fn own(&self, plan: &Physical) -> Vec<ColId> {
        match &plan.node {
            Node::Aggregate(a) => plan.outputs[plan.outputs.len() - a.aggs.len()..].iter().map(|o| o.id).collect(),
            Node::Window { calls, .. } => plan.outputs[plan.outputs.len() - calls.len()..].iter().map(|o| o.id).collect(),
            Node::Filter { input, .. } => self.own(input),
            _ => Vec::new(),
        }
    }

    fn output(&self, plan: &Physical) -> Vec<String> {
        let own = self.own(plan);
        plan.outputs.iter().map(|o| self.names.column(o.id, &own)).collect()
    }

    fn conditions(&self, conditions: &[Expr], own: &[ColId]) -> Option<Value> {
        let all = walk::conjunction(conditions.to_vec())?;
        Some(Value::Text(self.names.text(&all, own)))
    }

    fn property(&self, shown: &mut Shown, key: &str, conditions: &[Expr], own: &[ColId]) {
        if let Some(value) = self.conditions(conditions, own) {
            shown.properties.push((key.into(), value));
        }
        self.attach(shown, conditions.iter());
    }

    /// Subqueries of a node's expressions.
    fn attach<'e>(&self, shown: &mut Shown, exprs: impl Iterator<Item = &'e Expr>) {
        for e in exprs {
            walk::any(e, &mut |part| {
                if let ExprKind::Subquery(s) = &part.kind
                    && let Rel::Planned(number, _) = &s.plan
                    && let Some(subplan) = self.planned.subplans.get(*number)
                {
                    let alone = subplan.correlations.is_empty() && !matches!(s.kind, SubqueryKind::Quantified { .. });
                    let (relationship, name) = if alone {
                        ("InitPlan", format!("InitPlan {} (returns ${number})", number + 1))
                    } else {
                        ("SubPlan", format!("SubPlan {}", number + 1))
                    };
                    let known = shown.children.iter().any(|c| c.name.as_ref() == Some(&name));
                    if !known {
                        shown.children.push(Child { relationship, name: Some(name), node: self.node(&subplan.plan) });
                    }
                }
                false
            });
        }
    }

    fn sort_key(&self, key: &SortKey) -> String {
        let mut text = self.names.text(&key.expr, &[]);
        if key.desc {
            text += " DESC";
        }
        match (key.desc, key.nulls_first) {
            (true, false) => text += " NULLS LAST",
            (false, true) => text += " NULLS FIRST",
            _ => {}
        }
        text
    }

    fn filter(&self, input: &Physical, conditions: &[Expr], e: Estimate) -> Shown {
        let mut shown = self.operator(input);
        let key = match input.node {
            _ if conditions.iter().all(|c| walk::expr_columns(c).is_empty()) => "One-Time Filter",
            _ => "Filter",
        };
        self.property(&mut shown, key, conditions, &self.own(input));
        shown.estimate = Estimate { startup: shown.estimate.startup, ..e };
        shown
    }

    fn relation(&self, scan: &ScanNode, prefix: &str) -> String {
        let mut text = prefix.to_string();
        if self.verbose && !scan.schema.is_empty() {
            text += &format!("{}.", identifier(&scan.schema));
        }
        text += &identifier(&scan.relation.name);
        if scan.alias != scan.relation.name {
            text += &format!(" {}", identifier(&scan.alias));
        }
        text
    }

    fn scan_details(&self, scan: &ScanNode, shown: &mut Shown) {
        shown.details.push(("Relation Name", Value::Text(scan.relation.name.to_string())));
        if self.verbose {
            shown.details.push(("Schema", Value::Text(scan.schema.to_string())));
        }
        shown.details.push(("Alias", Value::Text(scan.alias.to_string())));
    }

    fn scan(&self, scan: &ScanNode, e: Estimate) -> Shown {
        let mut shown = match &scan.access {
            AccessPath::Table if scan.sample.is_some() => simple(self.relation(scan, "Sample Scan on "), "Sample Scan", e),
            AccessPath::Table if scan.reverse => {
                let index = scan.relation.primary_key().map_or_else(String::new, |i| identifier(&i.name));
                simple(self.relation(scan, &format!("Index Scan Backward using {index} on ")), "Index Scan", e)
            }
            AccessPath::Table => simple(self.relation(scan, "Seq Scan on "), "Seq Scan", e),
            AccessPath::Index(path) => {
                let node_type = if path.only { "Index Only Scan" } else { "Index Scan" };
                let back = if scan.reverse { " Backward" } else { "" };
                let head = format!("{node_type}{back} using {} on ", identifier(&path.name));
                let mut shown = simple(self.relation(scan, &head), node_type, e);
                let direction = if scan.reverse { "Backward" } else { "Forward" };
                shown.details.push(("Scan Direction", Value::Text(direction.into())));
                shown.details.push(("Index Name", Value::Text(path.name.to_string())));
                shown
            }
        };
        self.scan_details(scan, &mut shown);
        if let AccessPath::Index(path) = &scan.access {
            self.property(&mut shown, "Index Cond", &path.conditions, &[]);
        }
        self.property(&mut shown, "Filter", &scan.filter, &[]);
        shown
    }

    fn hash_join(&self, join: &HashJoinNode, e: Estimate) -> Shown {
        let (probe, built) = if join.build_left { (&join.right, &join.left) } else { (&join.left, &join.right) };
        let (word, kind) = match (join.kind, join.build_left) {
            (JoinKind::Inner, _) => ("", "Inner"),
            (JoinKind::Left, false) | (JoinKind::Right, true) => ("Left ", "Left"),
            (JoinKind::Right, false) | (JoinKind::Left, true) => ("Right ", "Right"),
            (JoinKind::Full, _) => ("Full ", "Full"),
            (JoinKind::Semi, false) => ("Semi ", "Semi"),
            (JoinKind::Semi, true) => ("Right Semi ", "Right Semi"),
            (JoinKind::Anti, false) => ("Anti ", "Anti"),
            (JoinKind::Anti, true) => ("Right Anti ", "Right Anti"),
        };
        let mut shown = simple(format!("Hash {word}Join"), "Hash Join", e);
        shown.details.push(("Join Type", Value::Text(kind.into())));
        let keys: Vec<Expr> = join.keys.iter().map(|k| k.condition.clone()).collect();
        shown.children.push(outer(self.node(probe)));
        let b = built.estimate;
        let mut hash = simple("Hash", "Hash", Estimate { startup: b.total, ..b });
        if self.verbose {
            hash.properties.push(("Output".into(), Value::List(self.output(built))));
        }
        hash.actual = self.actual(built, 0).map(|a| Actual { startup: a.total, ..a });
        hash.children.push(outer(self.node(built)));
        shown.children.push(inner(hash));
        self.property(&mut shown, "Hash Cond", &keys, &[]);
        self.property(&mut shown, "Join Filter", &join.residual, &[]);
        shown
    }

    fn loop_headline(kind: JoinKind) -> String {
        match kind {
            JoinKind::Inner => "Nested Loop".to_string(),
            other => format!("Nested Loop {} Join", join_type(other)),
        }
    }

    fn nested_loop(&self, join: &NestedLoopNode, e: Estimate) -> Shown {
        let mut shown = simple(Self::loop_headline(join.kind), "Nested Loop", e);
        shown.details.push(("Join Type", Value::Text(join_type(join.kind).into())));
        shown.children.push(outer(self.node(&join.left)));
        let right = self.node(&join.right);
        if join.params.is_empty() && join.left.estimate.rows > 1.0 && join.right.estimate.rows > 1.0 {
            let r = join.right.estimate;
            let mut kept = simple("Materialize", "Materialize", r);
            if self.verbose {
                kept.properties.push(("Output".into(), Value::List(self.output(&join.right))));
            }
            kept.actual = right.actual;
            kept.children.push(outer(right));
            shown.children.push(inner(kept));
        } else {
            shown.children.push(inner(right));
        }
        self.property(&mut shown, "Join Filter", &join.on, &[]);
        shown
    }

    fn lookup_join(&self, plan: &Physical, join: &LookupJoinNode, e: Estimate) -> Shown {
        let mut shown = simple(Self::loop_headline(join.kind), "Nested Loop", e);
        shown.details.push(("Join Type", Value::Text(join_type(join.kind).into())));
        shown.children.push(outer(self.node(&join.left)));
        let node_type = if join.only { "Index Only Scan" } else { "Index Scan" };
        let head = format!("{node_type} using {} on ", identifier(&join.index_name));
        let mut scan = simple(self.relation(&join.inner, &head), node_type, join.inner_estimate);
        scan.actual = self.actual(plan, 1);
        scan.details.push(("Scan Direction", Value::Text("Forward".into())));
        scan.details.push(("Index Name", Value::Text(join.index_name.to_string())));
        self.scan_details(&join.inner, &mut scan);
        if self.verbose {
            let output = join.inner_outputs.iter().map(|o| self.names.column(o.id, &[])).collect();
            scan.properties.push(("Output".into(), Value::List(output)));
        }
        self.property(&mut scan, "Index Cond", &join.conditions, &[]);
        self.property(&mut scan, "Filter", &join.inner.filter, &[]);
        shown.children.push(inner(scan));
        self.property(&mut shown, "Join Filter", &join.residual, &[]);
        shown
    }

    fn aggregate(&self, node: &AggregateNode, e: Estimate) -> Shown {
        let (headline, strategy) = match (node.strategy, &node.sets) {
            (AggStrategy::Plain, _) => ("Aggregate", "Plain"),
            (_, Some(sets)) if sets.iter().any(Vec::is_empty) => ("MixedAggregate", "Mixed"),
            (AggStrategy::Sorted, _) if node.aggs.is_empty() => ("Group", "Sorted"),
            (AggStrategy::Sorted, _) => ("GroupAggregate", "Sorted"),
            (AggStrategy::Hashed, _) => ("HashAggregate", "Hashed"),
        };
        let mut shown = simple(headline, "Aggregate", e);
        shown.details.push(("Strategy", Value::Text(strategy.into())));
        shown.details.push(("Partial Mode", Value::Text("Simple".into())));
        let key = |members: &[usize]| -> Vec<String> { members.iter().map(|&m| self.names.text(&node.group[m], &[])).collect() };
        match &node.sets {
            Some(sets) => {
                for set in sets {
                    let (label, keys) = if set.is_empty() { ("Group Key", vec!["()".to_string()]) } else { ("Hash Key", key(set)) };
                    shown.properties.push((label.into(), Value::List(keys)));
                }
            }
            None if !node.group.is_empty() => {
                let all: Vec<usize> = (0..node.group.len()).collect();
                shown.properties.push(("Group Key".into(), Value::List(key(&all))));
            }
            None => {}
        }
        shown.children.push(outer(self.node(&node.input)));
        self.attach(&mut shown, node.aggs.iter().flat_map(|a| a.args.iter().chain(&a.filter)));
        shown
    }

    fn distinct(&self, plan: &Physical, input: &Physical, on: &[Expr], sorted: bool) -> Shown {
        let all = on.len() == input.outputs.len() && on.iter().zip(&input.outputs).all(|(x, o)| walk::is_column(x, o.id));
        if sorted || !all {
            let mut shown = simple("Unique", "Unique", plan.estimate);
            shown.children.push(outer(self.node(input)));
            return shown;
        }
        let mut shown = simple("HashAggregate", "Aggregate", plan.estimate);
        shown.details.push(("Strategy", Value::Text("Hashed".into())));
        shown.details.push(("Partial Mode", Value::Text("Simple".into())));
        let keys = on.iter().map(|x| self.names.text(x, &[])).collect();
        shown.properties.push(("Group Key".into(), Value::List(keys)));
        shown.children.push(outer(self.node(input)));
        shown
    }

    fn set_op(&self, kind: SetOpKind, all: bool, left: &Physical, right: &Physical, e: Estimate) -> Shown {
        let command = match (kind, all) {
            (SetOpKind::Intersect, false) => "Intersect",
            (SetOpKind::Intersect, true) => "Intersect All",
            (_, false) => "Except",
            (_, true) => "Except All",
        };
        let mut shown = simple(format!("HashSetOp {command}"), "SetOp", e);
        shown.details.push(("Strategy", Value::Text("Hashed".into())));
        shown.details.push(("Command", Value::Text(command.into())));
        let (l, r) = (left.estimate, right.estimate);
        let both = Estimate { rows: l.rows + r.rows, width: l.width, startup: l.startup, total: l.total + r.total };
        let mut append = simple("Append", "Append", both);
        append.children =
            [left, right].map(|side| Child { relationship: "Member", name: None, node: self.node(side) }).into_iter().collect();
        shown.children.push(outer(append));
        shown
    }

    fn cte(&self, cte: &CteNode) -> Child {
        let plan = self.node(&cte.plan);
        let node = match &cte.recursive {
            None => plan,
            Some((step, _)) => {
                let mut union = simple("Recursive Union", "Recursive Union", cte.plan.estimate);
                union.children.push(outer(plan));
                union.children.push(inner(self.node(step)));
                union
            }
        };
        Child { relationship: "InitPlan", name: Some(format!("CTE {}", cte.name)), node }
    }
}
