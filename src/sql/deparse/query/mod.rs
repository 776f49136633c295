//! Queries to text in the layout of pg_get_viewdef (ruleutils.c, `get_query_def`): from the syntax tree and what its names
//! turned out to mean.
//!
//! With a view of the catalog whose path holds pg_catalog alone every name comes out qualified: that is what is stored for a
//! view. With the session's own view it is what pg_get_viewdef shows.

mod expr;
mod from;

use crate::sql::binder::{Trace, TracedColumn};
use crate::sql::parser::ast::{
    Distinct, Expr, ExprNode, FromItem, GroupItem, Literal, LockStrength, LockWait, NullsOrder, RangeVar, SelectBody, SelectCore,
    SelectStmt, SetOperator, SortBy, SortDirection, Statement, Target, WindowDef, WithClause,
};
use crate::sql::session::view::{SessionView, quote_identifier};
use std::fmt::Write;

/// One step of indentation, and PostgreSQL's deeper ones.
const STEP: i32 = 8;
const VARIABLE: i32 = 4;

/// Prints one query.
pub struct QueryPrinter<'a> {
    view: &'a SessionView,
    trace: &'a Trace,
    pretty: bool,
    out: String,
    indent: i32,
    /// To be kept, not shown: forms that would not be read as they were are left as written.
    stored: bool,
    /// Whether the names of output columns matter where the query being printed stands.
    visible: bool,
}

/// The text of a query; `names` are its result columns' names, when the view gives them others. `pretty` leaves out needless
/// parentheses.
pub fn query_text(view: &SessionView, trace: &Trace, stmt: &SelectStmt, names: &[smol_str::SmolStr], pretty: bool) -> String {
    let mut printer = QueryPrinter { view, trace, pretty, out: String::new(), indent: 0, stored: false, visible: true };
    printer.query(stmt, names, true);
    printer.out
}

/// The text of a query to be kept and read again.
pub fn stored_query_text(view: &SessionView, trace: &Trace, stmt: &SelectStmt, names: &[smol_str::SmolStr]) -> String {
    let mut printer = QueryPrinter { view, trace, pretty: false, out: String::new(), indent: 0, stored: true, visible: true };
    printer.query(stmt, names, true);
    printer.out
}

impl QueryPrinter<'_> {
    /// `appendContextKeyword`: a new line, indented, with a word on it.
    fn keyword(&mut self, word: &str, before: i32, after: i32, plus: i32) {
        self.indent += before;
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        self.out.push('\n');
        let base = self.indent.max(0);
        let amount = if base < 40 { base + plus } else { (40 + (base - 40) / (STEP / 2)) % 40 + plus };
        self.out.extend(std::iter::repeat_n(' ', amount.max(0) as usize));
        self.out.push_str(word);
        self.indent = (self.indent + after).max(0);
    }

    fn name(&mut self, name: &str) {
        self.out.push_str(&quote_identifier(name));
    }

    fn names(&mut self, list: &[smol_str::SmolStr]) {
        for (i, n) in list.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.name(n);
        }
    }

    /// A query at the current indentation, which it leaves as it was.
    fn query(&mut self, stmt: &SelectStmt, names: &[smol_str::SmolStr], visible: bool) {
        let (indent, before) = (self.indent, self.visible);
        self.visible = visible;
        if let Some(with) = &stmt.with {
            self.with(with);
        }
        let set = matches!(stmt.body, SelectBody::SetOperation(_));
        match &stmt.body {
            SelectBody::Select(core) => self.select(core, names),
            SelectBody::Values(rows) => self.values(rows, names),
            SelectBody::SetOperation(_) => self.set_operation(stmt, names),
        }
        if set {
            // The keywords behind a set operation stand where a SELECT's would.
            self.indent += STEP;
        }
        self.tail(stmt);
        (self.indent, self.visible) = (indent, before);
    }

    fn tail(&mut self, stmt: &SelectStmt) {
        if !stmt.order_by.is_empty() {
            self.keyword(" ORDER BY ", -STEP, STEP, 1);
            match &stmt.body {
                SelectBody::Select(core) => self.order(&stmt.order_by, &core.targets),
                _ => self.order_by_number(&stmt.order_by, leftmost_targets(stmt)),
            }
        }
        if let Some(offset) = &stmt.limit.offset {
            self.keyword(" OFFSET ", -STEP, STEP, 0);
            self.bare_expr(offset);
        }
        if let Some(count) = &stmt.limit.count {
            if stmt.limit.with_ties {
                self.keyword(" FETCH FIRST ", -STEP, STEP, 0);
                self.out.push('(');
                self.bare_expr(count);
                self.out.push_str(") ROWS WITH TIES");
            } else {
                self.keyword(" LIMIT ", -STEP, STEP, 0);
                match &count.node {
                    ExprNode::Literal(Literal::Null) => self.out.push_str("ALL"),
                    _ => self.bare_expr(count),
                }
            }
        }
        for lock in &stmt.locking {
            let word = match lock.strength {
                LockStrength::KeyShare => " FOR KEY SHARE",
                LockStrength::Share => " FOR SHARE",
                LockStrength::NoKeyUpdate => " FOR NO KEY UPDATE",
                LockStrength::Update => " FOR UPDATE",
            };
            let named: Vec<smol_str::SmolStr> = lock.relations.iter().map(|r| r.name.clone()).collect();
            let names = match &stmt.body {
                SelectBody::Select(core) if named.is_empty() => core.from.iter().flat_map(locked_names).collect(),
                _ => named,
            };
            for name in names {
                self.keyword(word, -STEP, STEP, 0);
                self.out.push_str(" OF ");
                self.name(&name);
                self.out.push_str(match lock.wait {
                    LockWait::Block => "",
                    LockWait::Skip => " SKIP LOCKED",
                    LockWait::NoWait => " NOWAIT",
                });
            }
        }
    }

    /// ORDER BY of a set operation: output columns by number.
    fn order_by_number(&mut self, list: &[SortBy], targets: &[Target]) {
        for (i, key) in list.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            let named = |c: &smol_str::SmolStr| {
                targets.iter().position(|t| t.name.clone().unwrap_or_else(|| crate::sql::binder::column_name(&t.expr)) == *c)
            };
            match &key.expr.node {
                ExprNode::Column(c) if c.names.len() == 1 => match named(&c.names[0]) {
                    Some(at) => {
                        let _ = write!(self.out, "{}", at + 1);
                    }
                    None => self.expr(&key.expr),
                },
                _ => self.expr(&key.expr),
            }
            self.direction(key);
        }
    }

    pub(super) fn order(&mut self, list: &[SortBy], targets: &[Target]) {
        for (i, key) in list.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.sort_expr(&key.expr, targets);
            self.direction(key);
        }
    }

    fn direction(&mut self, key: &SortBy) {
        let desc = match &key.direction {
            SortDirection::Desc => {
                self.out.push_str(" DESC");
                true
            }
            SortDirection::Using(op) => {
                let _ = write!(self.out, " USING {}", op.symbol);
                false
            }
            _ => false,
        };
        match key.nulls {
            NullsOrder::First if !desc => self.out.push_str(" NULLS FIRST"),
            NullsOrder::Last if desc => self.out.push_str(" NULLS LAST"),
            _ => {}
        }
    }

    fn with(&mut self, with: &WithClause) {
        self.indent += STEP;
        self.out.push(' ');
        for (i, cte) in with.ctes.iter().enumerate() {
            self.out.push_str(match (i, with.recursive) {
                (0, true) => "WITH RECURSIVE ",
                (0, false) => "WITH ",
                _ => ", ",
            });
            self.name(&cte.name);
            if !cte.columns.is_empty() {
                self.out.push('(');
                self.names(&cte.columns);
                self.out.push(')');
            }
            self.out.push_str(match cte.materialized {
                None => " AS ",
                Some(true) => " AS MATERIALIZED ",
                Some(false) => " AS NOT MATERIALIZED ",
            });
            self.out.push('(');
            self.keyword("", 0, 0, 0);
            if let Statement::Select(s) = &*cte.query {
                self.query(s, &[], true);
            }
            self.keyword("", 0, 0, 0);
            self.out.push(')');
            if let Some(search) = &cte.search {
                let order = if search.breadth_first { "BREADTH" } else { "DEPTH" };
                let _ = write!(self.out, " SEARCH {order} FIRST BY ");
                self.names(&search.columns);
                let _ = write!(self.out, " SET {}", quote_identifier(&search.seq_column));
            }
            if let Some(cycle) = &cte.cycle {
                self.out.push_str(" CYCLE ");
                self.names(&cycle.columns);
                let _ = write!(self.out, " SET {} TO ", quote_identifier(&cycle.mark_column));
                self.expr(&cycle.mark_value);
                self.out.push_str(" DEFAULT ");
                self.expr(&cycle.mark_default);
                let _ = write!(self.out, " USING {}", quote_identifier(&cycle.path_column));
            }
        }
        self.indent -= STEP;
        self.keyword("", 0, 0, 0);
    }

    fn select(&mut self, core: &SelectCore, names: &[smol_str::SmolStr]) {
        self.indent += STEP;
        self.out.push_str(" SELECT");
        match &core.distinct {
            Distinct::No => {}
            Distinct::Yes => self.out.push_str(" DISTINCT"),
            Distinct::On(list) => {
                self.out.push_str(" DISTINCT ON (");
                for (i, e) in list.iter().enumerate() {
                    if i > 0 {
                        self.out.push_str(", ");
                    }
                    self.sort_expr(e, &core.targets);
                }
                self.out.push(')');
            }
        }
        self.targets(&core.targets, names);
        self.from(&core.from);
        if let Some(condition) = &core.where_clause {
            self.keyword(" WHERE ", -STEP, STEP, 1);
            self.expr(condition);
        }
        if !core.group_by.is_empty() {
            self.keyword(" GROUP BY ", -STEP, STEP, 1);
            if core.group_distinct {
                self.out.push_str("DISTINCT ");
            }
            self.groups(&core.group_by, &core.targets);
        }
        if let Some(having) = &core.having {
            self.keyword(" HAVING ", -STEP, STEP, 0);
            self.expr(having);
        }
        for (i, w) in core.windows.iter().enumerate() {
            if i == 0 {
                self.keyword(" WINDOW ", -STEP, STEP, 1);
            } else {
                self.out.push_str(", ");
            }
            self.name(w.name.as_deref().unwrap_or(""));
            self.out.push_str(" AS ");
            self.window(w);
        }
    }

    fn groups(&mut self, items: &[GroupItem], targets: &[Target]) {
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            match item {
                GroupItem::Expr(e) => self.sort_expr(e, targets),
                GroupItem::Empty { .. } => self.out.push_str("()"),
                GroupItem::Rollup { items, .. } => self.grouping("ROLLUP(", items),
                GroupItem::Cube { items, .. } => self.grouping("CUBE(", items),
                GroupItem::Sets { items, .. } => {
                    self.out.push_str("GROUPING SETS (");
                    for (i, item) in items.iter().enumerate() {
                        if i > 0 {
                            self.out.push_str(", ");
                        }
                        match item {
                            GroupItem::Expr(e) => self.grouping("(", row_items(e)),
                            other => self.groups(std::slice::from_ref(other), targets),
                        }
                    }
                    self.out.push(')');
                }
            }
        }
    }

    /// A key of ORDER BY or GROUP BY: what an output's number or name stands for, calls in parentheses.
    fn sort_expr(&mut self, e: &Expr, targets: &[Target]) {
        let named = |name: &smol_str::SmolStr| {
            let output = |t: &&Target| match &t.name {
                Some(alias) => alias == name,
                None => crate::sql::binder::column_name(&t.expr) == *name,
            };
            targets.iter().find(output).map(|t| &t.expr)
        };
        let meant = match &e.node {
            ExprNode::Literal(Literal::Integer(n)) => targets.get(usize::try_from(*n - 1).unwrap_or(usize::MAX)).map(|t| &t.expr),
            ExprNode::Column(c) if c.names.len() == 1 && !self.trace.columns.contains_key(&e.pos) => named(&c.names[0]),
            _ => None,
        };
        let e = match meant {
            Some(t) if !matches!(&t.node, ExprNode::Column(c) if c.star) => t,
            _ => e,
        };
        // What is a call to PostgreSQL stands in parentheses, casts by function included.
        let cast = matches!(e.node, ExprNode::Cast { .. } | ExprNode::Column(_)) && self.trace.calls.contains(&e.pos);
        let call = self.pretty && !matches!(e.node, ExprNode::Column(_) | ExprNode::Literal(_))
            || cast
            || matches!(e.node, ExprNode::Function(_));
        if call {
            self.out.push('(');
        }
        self.expr(e);
        if call {
            self.out.push(')');
        }
    }

    fn grouping(&mut self, word: &str, items: &[Expr]) {
        self.out.push_str(word);
        self.list(items);
        self.out.push(')');
    }

    /// The select list: stars expanded, every output named as it is named now.
    fn targets(&mut self, targets: &[Target], names: &[smol_str::SmolStr]) {
        let mut n = 0;
        for target in targets {
            let star = self.trace.stars.get(&target.expr.pos);
            if let (ExprNode::Column(c), Some(list)) = (&target.expr.node, star)
                && c.star
            {
                for (name, column) in list {
                    self.begin_target(n, false);
                    let wanted = names.get(n).unwrap_or(name).clone();
                    let shown = self.column(column);
                    if shown != wanted {
                        let _ = write!(self.out, " AS {}", quote_identifier(&wanted));
                    }
                    n += 1;
                }
                continue;
            }
            self.begin_target(n, matches!(target.expr.node, ExprNode::Case(_)));
            let written = target.name.clone().unwrap_or_else(|| crate::sql::binder::column_name(&target.expr));
            let wanted = names.get(n).cloned().unwrap_or(written);
            let whole = self.trace.columns.get(&target.expr.pos).filter(|c| c.position.is_none()).and_then(|c| c.entry);
            let row = whole.filter(|_| !self.stored).and_then(|e| self.trace.entries.get(e as usize)?.relation);
            if let (ExprNode::Column(_), Some(class)) = (&target.expr.node, row.and_then(|oid| self.view.class_name(oid))) {
                self.expr(&target.expr);
                let _ = write!(self.out, ".*::{class} AS {}", quote_identifier(&wanted));
                n += 1;
                continue;
            }
            let shown = match (&target.expr.node, self.trace.columns.get(&target.expr.pos)) {
                (ExprNode::Column(_), Some(c)) if c.position.is_some() || c.entry.is_none() => Some(self.current_name(c)),
                _ => None,
            };
            self.expr(&target.expr);
            let silent = match &shown {
                Some(shown) => *shown == wanted,
                None => !self.visible && wanted == "?column?",
            };
            if !silent {
                let _ = write!(self.out, " AS {}", quote_identifier(&wanted));
            }
            n += 1;
        }
    }

    fn begin_target(&mut self, n: usize, own_line: bool) {
        if n == 0 {
            self.out.push(' ');
        } else {
            self.out.push_str(", ");
            if !own_line {
                self.keyword("", -STEP, STEP, VARIABLE);
            }
        }
    }

    /// A column's name as it is now: the relation may have renamed it.
    fn current_name(&self, column: &TracedColumn) -> smol_str::SmolStr {
        let entry = column.entry.and_then(|e| self.trace.entries.get(e as usize));
        let now = entry.zip(column.position).and_then(|(entry, position)| {
            let relation = self.view.catalog.relation(entry.relation?)?;
            let then = entry.columns.get(usize::from(position))?;
            // An alias list keeps its own names.
            let renamed = entry.aliased && *then != column.name;
            (!renamed).then(|| relation.columns.get(usize::from(position)).map(|c| c.name.clone()))?
        });
        now.unwrap_or_else(|| column.name.clone())
    }

    /// Prints a column reference; answers the column's name.
    fn column(&mut self, column: &TracedColumn) -> smol_str::SmolStr {
        let name = self.current_name(column);
        match column.entry.and_then(|e| self.trace.entries.get(e as usize)) {
            Some(entry) => {
                let qualifier = match entry.relation.filter(|_| !entry.aliased).and_then(|oid| self.view.catalog.relation(oid)) {
                    Some(relation) => relation.name.clone(),
                    None => entry.alias.clone(),
                };
                if column.position.is_none() {
                    // A whole row.
                    self.name(&qualifier);
                    return name;
                }
                if !qualifier.is_empty() {
                    self.name(&qualifier);
                    self.out.push('.');
                }
                self.name(&name);
            }
            None => self.name(&name),
        }
        name
    }

    fn values(&mut self, rows: &[Vec<Expr>], names: &[smol_str::SmolStr]) {
        self.indent += STEP;
        let own = |i: usize| format!("column{}", i + 1);
        if names.iter().enumerate().any(|(i, n)| *n != own(i)) {
            self.out.push_str(" SELECT");
            for (i, name) in names.iter().enumerate() {
                self.begin_target(i, false);
                let _ = write!(self.out, "\"*VALUES*\".{}", own(i));
                if *name != own(i) {
                    let _ = write!(self.out, " AS {}", quote_identifier(name));
                }
            }
            self.keyword(" FROM ", -STEP, STEP, 2);
            self.out.push('(');
            self.value_rows(rows);
            self.out.push_str(") \"*VALUES*\"");
            return;
        }
        self.out.push(' ');
        self.value_rows(rows);
    }

    pub(super) fn value_rows(&mut self, rows: &[Vec<Expr>]) {
        self.out.push_str("VALUES ");
        for (i, row) in rows.iter().enumerate() {
            self.out.push_str(if i == 0 { "(" } else { ", (" });
            for (j, e) in row.iter().enumerate() {
                if j > 0 {
                    self.out.push(',');
                }
                self.expr(e);
            }
            self.out.push(')');
        }
    }

    fn set_operation(&mut self, stmt: &SelectStmt, names: &[smol_str::SmolStr]) {
        let SelectBody::SetOperation(set) = &stmt.body else { return self.leaf(stmt, names) };
        let same = matches!(&set.left.body, SelectBody::SetOperation(l) if l.op == set.op && l.all == set.all);
        let parens = is_set(&set.left) && !same;
        if parens {
            self.out.push('(');
            self.keyword("", STEP, 0, 0);
        }
        self.operand(&set.left, names);
        if parens {
            self.keyword(") ", -STEP, 0, 0);
        } else {
            self.keyword("", 0, 0, 0);
        }
        self.out.push_str(match set.op {
            SetOperator::Union => "UNION ",
            SetOperator::Intersect => "INTERSECT ",
            SetOperator::Except => "EXCEPT ",
        });
        if set.all {
            self.out.push_str("ALL ");
        }
        let parens = is_set(&set.right);
        if parens {
            self.out.push('(');
        }
        self.keyword("", if parens { STEP } else { 0 }, 0, 0);
        let before = std::mem::replace(&mut self.visible, false);
        self.operand(&set.right, names);
        self.visible = before;
        if parens {
            self.indent -= STEP;
            self.keyword(")", 0, 0, 0);
        }
    }

    fn operand(&mut self, stmt: &SelectStmt, names: &[smol_str::SmolStr]) {
        if is_set(stmt) && is_plain(stmt) { self.set_operation(stmt, names) } else { self.leaf(stmt, names) }
    }

    fn leaf(&mut self, stmt: &SelectStmt, names: &[smol_str::SmolStr]) {
        let parens = !is_plain(stmt);
        if parens {
            self.out.push('(');
        }
        self.query(stmt, names, self.visible);
        if parens {
            self.out.push(')');
        }
    }

    fn window(&mut self, w: &WindowDef) {
        self.out.push('(');
        let mut sep = "";
        if let Some(base) = &w.ref_name {
            self.name(base);
            sep = " ";
        }
        if !w.partition_by.is_empty() {
            let _ = write!(self.out, "{sep}PARTITION BY ");
            self.list(&w.partition_by);
            sep = " ";
        }
        if !w.order_by.is_empty() {
            let _ = write!(self.out, "{sep}ORDER BY ");
            self.order(&w.order_by, &[]);
            sep = " ";
        }
        if let Some(frame) = &w.frame {
            self.out.push_str(sep);
            self.frame(frame);
        }
        self.out.push(')');
    }
}

/// What a locking clause without names locks.
fn locked_names(item: &FromItem) -> Vec<smol_str::SmolStr> {
    let of_table = |t: &RangeVar| t.alias.as_ref().map_or_else(|| t.name.clone(), |a| a.name.clone());
    match item {
        FromItem::Table(table) => vec![of_table(table)],
        FromItem::TableSample(sample) => vec![of_table(&sample.relation)],
        FromItem::Subquery(sub) => sub.alias.iter().map(|a| a.name.clone()).collect(),
        FromItem::Join(join) => [locked_names(&join.left), locked_names(&join.right)].concat(),
        FromItem::Function(_) | FromItem::XmlTable(_) => Vec::new(),
    }
}

/// The select list that names a set operation's columns.
fn leftmost_targets(stmt: &SelectStmt) -> &[Target] {
    match &stmt.body {
        SelectBody::SetOperation(set) => leftmost_targets(&set.left),
        SelectBody::Select(core) => &core.targets,
        SelectBody::Values(_) => &[],
    }
}

/// The expressions of a grouping set written as a row, or the one it is.
fn row_items(e: &Expr) -> &[Expr] {
    match &e.node {
        ExprNode::Row { fields, .. } => fields,
        _ => std::slice::from_ref(e),
    }
}

fn is_set(stmt: &SelectStmt) -> bool {
    matches!(stmt.body, SelectBody::SetOperation(_))
}

/// Whether a query has nothing but its body.
fn is_plain(stmt: &SelectStmt) -> bool {
    stmt.with.is_none()
        && stmt.order_by.is_empty()
        && stmt.limit.count.is_none()
        && stmt.limit.offset.is_none()
        && stmt.locking.is_empty()
}
