//! Which tables a query mentions by bare name, and in what context: how WITH RECURSIVE finds dependencies and ill-formed
//! recursion before anything is bound (`makeDependencyGraph`, `checkWellFormedRecursion`).

use crate::sql::parser::ast::{
    Expr, ExprNode, FromItem, GroupItem, Indirection, JoinKind, SelectBody, SelectStmt, SetOperator, Statement, SubLink, Target,
    WindowDef, WithClause,
};
use smol_str::SmolStr;

/// What surrounds a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// Nothing special.
    Ok,
    Subquery,
    OuterJoin,
    Intersect,
    Except,
}

/// A reference to a table by bare name.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub name: SmolStr,
    pub around: Around,
    pub pos: usize,
}

/// Collects references; names that inner WITH clauses define are not among them.
#[derive(Default)]
pub(super) struct References {
    pub found: Vec<Reference>,
    hidden: Vec<SmolStr>,
    around: Option<Around>,
}

impl References {
    /// All references of a statement.
    pub fn of(stmt: &Statement) -> Vec<Reference> {
        let mut refs = Self::default();
        refs.statement(stmt);
        refs.found
    }

    /// All references of a query.
    pub fn of_select(stmt: &SelectStmt) -> Vec<Reference> {
        let mut refs = Self::default();
        refs.select(stmt);
        refs.found
    }

    fn within(&mut self, around: Around, f: impl FnOnce(&mut Self)) {
        let before = self.around;
        // The outermost special surrounding is the one to tell.
        if before.is_none() {
            self.around = Some(around);
        }
        f(self);
        self.around = before;
    }

    fn table(&mut self, name: &SmolStr, pos: usize) {
        if !self.hidden.contains(name) {
            self.found.push(Reference { name: name.clone(), around: self.around.unwrap_or(Around::Ok), pos });
        }
    }

    fn statement(&mut self, stmt: &Statement) {
        match stmt {
            Statement::Select(s) => self.select(s),
            Statement::Insert(s) => self.with(s.with.as_deref(), |r| {
                if let Some(source) = &s.source {
                    r.select(source);
                }
                r.targets(&s.returning);
            }),
            Statement::Update(s) => self.with(s.with.as_deref(), |r| {
                s.from.iter().for_each(|f| r.from(f));
                for set in &s.set {
                    match set {
                        crate::sql::parser::ast::SetClause::Single { value, .. } => r.expr(value),
                        crate::sql::parser::ast::SetClause::Multiple { source, .. } => r.expr(source),
                    }
                }
                s.where_clause.iter().for_each(|e| r.expr(e));
                r.targets(&s.returning);
            }),
            Statement::Delete(s) => self.with(s.with.as_deref(), |r| {
                s.using.iter().for_each(|f| r.from(f));
                s.where_clause.iter().for_each(|e| r.expr(e));
                r.targets(&s.returning);
            }),
            Statement::Merge(s) => self.with(s.with.as_deref(), |r| {
                r.from(&s.source);
                r.expr(&s.on);
            }),
            _ => {}
        }
    }

    fn with(&mut self, with: Option<&WithClause>, f: impl FnOnce(&mut Self)) {
        let mark = self.hidden.len();
        if let Some(with) = with {
            if with.recursive {
                self.hidden.extend(with.ctes.iter().map(|c| c.name.clone()));
            }
            for cte in &with.ctes {
                self.within(Around::Subquery, |r| r.statement(&cte.query));
                if !with.recursive {
                    self.hidden.push(cte.name.clone());
                }
            }
        }
        f(self);
        self.hidden.truncate(mark);
    }

    fn select(&mut self, stmt: &SelectStmt) {
        self.with(stmt.with.as_deref(), |r| {
            match &stmt.body {
                SelectBody::Select(core) => {
                    core.from.iter().for_each(|f| r.from(f));
                    r.targets(&core.targets);
                    core.where_clause.iter().for_each(|e| r.expr(e));
                    core.having.iter().for_each(|e| r.expr(e));
                    core.group_by.iter().for_each(|g| r.group(g));
                    core.windows.iter().for_each(|w| r.window(w));
                }
                SelectBody::Values(rows) => rows.iter().flatten().for_each(|e| r.expr(e)),
                SelectBody::SetOperation(op) => match op.op {
                    SetOperator::Union => {
                        r.select(&op.left);
                        r.select(&op.right);
                    }
                    SetOperator::Intersect => r.within(Around::Intersect, |r| {
                        r.select(&op.left);
                        r.select(&op.right);
                    }),
                    SetOperator::Except => {
                        r.select(&op.left);
                        r.within(Around::Except, |r| r.select(&op.right));
                    }
                },
            }
            stmt.order_by.iter().for_each(|s| r.expr(&s.expr));
            stmt.limit.count.iter().for_each(|e| r.expr(e));
            stmt.limit.offset.iter().for_each(|e| r.expr(e));
        });
    }

    fn targets(&mut self, targets: &[Target]) {
        targets.iter().for_each(|t| self.expr(&t.expr));
    }

    fn group(&mut self, item: &GroupItem) {
        match item {
            GroupItem::Expr(e) => self.expr(e),
            GroupItem::Empty { .. } => {}
            GroupItem::Rollup { items, .. } | GroupItem::Cube { items, .. } => items.iter().for_each(|e| self.expr(e)),
            GroupItem::Sets { items, .. } => items.iter().for_each(|i| self.group(i)),
        }
    }

    fn window(&mut self, window: &WindowDef) {
        window.partition_by.iter().for_each(|e| self.expr(e));
        window.order_by.iter().for_each(|s| self.expr(&s.expr));
    }

    fn from(&mut self, item: &FromItem) {
        match item {
            FromItem::Table(t) if t.schema.is_none() => self.table(&t.name, t.pos),
            FromItem::Table(_) => {}
            FromItem::Subquery(sub) => self.select(&sub.query),
            FromItem::Function(f) => f.functions.iter().for_each(|i| self.expr(&i.function)),
            FromItem::TableSample(s) => {
                if s.relation.schema.is_none() {
                    self.table(&s.relation.name, s.relation.pos);
                }
                s.args.iter().for_each(|e| self.expr(e));
            }
            FromItem::XmlTable(x) => {
                self.expr(&x.row_expr);
                self.expr(&x.doc_expr);
            }
            FromItem::Join(join) => {
                let (left, right) = match join.kind {
                    JoinKind::Inner => (false, false),
                    JoinKind::Left => (false, true),
                    JoinKind::Right => (true, false),
                    JoinKind::Full => (true, true),
                };
                for (item, nullable) in [(&join.left, left), (&join.right, right)] {
                    if nullable { self.within(Around::OuterJoin, |r| r.from(item)) } else { self.from(item) }
                }
                join.on.iter().for_each(|e| self.expr(e));
            }
        }
    }

    fn sublink(&mut self, link: &SubLink) {
        link.test.iter().for_each(|e| self.expr(e));
        self.within(Around::Subquery, |r| r.select(&link.query));
    }

    fn all(&mut self, list: &[Expr]) {
        list.iter().for_each(|e| self.expr(e));
    }

    fn expr(&mut self, e: &Expr) {
        use ExprNode as N;
        match &e.node {
            N::Column(_) | N::Param(_) | N::Literal(_) | N::SqlValue { .. } | N::CurrentOf(_) | N::Default => {}
            N::Indirection { base, path } => {
                self.expr(base);
                for step in path {
                    match step {
                        Indirection::Index(e) => self.expr(e),
                        Indirection::Slice(a, b) => a.iter().chain(b).for_each(|e| self.expr(e)),
                        Indirection::Field(_) | Indirection::Star => {}
                    }
                }
            }
            N::Cast { arg, .. } | N::Collate { arg, .. } | N::Not(arg) | N::NullTest { arg, .. } | N::BooleanTest { arg, .. } => {
                self.expr(arg);
            }
            N::Function(call) => {
                call.args.iter().for_each(|a| self.expr(&a.value));
                call.order_by.iter().for_each(|s| self.expr(&s.expr));
                call.filter.iter().for_each(|e| self.expr(e));
                call.over.iter().for_each(|w| self.window(w));
            }
            N::Operator { left, right, .. } => {
                left.iter().for_each(|e| self.expr(e));
                self.expr(right);
            }
            N::And(list)
            | N::Or(list)
            | N::Coalesce(list)
            | N::Greatest(list)
            | N::Least(list)
            | N::Array(list)
            | N::Grouping(list) => {
                self.all(list);
            }
            N::OpArray { left, right, .. }
            | N::IsDistinct { left, right, .. }
            | N::NullIf { left, right }
            | N::Like { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            N::InList { left, list, .. } => {
                self.expr(left);
                self.all(list);
            }
            N::Between { arg, low, high, .. } => {
                self.expr(arg);
                self.expr(low);
                self.expr(high);
            }
            N::Case(case) => {
                case.arg.iter().for_each(|e| self.expr(e));
                for when in &case.whens {
                    self.expr(&when.condition);
                    self.expr(&when.result);
                }
                case.default.iter().for_each(|e| self.expr(e));
            }
            N::Row { fields, .. } => self.all(fields),
            N::SubLink(link) => self.sublink(link),
            N::Xml(xml) => {
                self.all(&xml.args);
                self.targets(&xml.named_args);
            }
        }
    }
}
