//! SELECT, VALUES, TABLE, set operations and what follows them.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use super::names::{is_bare_label, is_col_id};
use crate::err;
use crate::error::{Result, SqlError, SqlState};

impl Parser<'_> {
    /// `select_with_parens`.
    pub(super) fn select_with_parens(&mut self) -> Result<SelectStmt> {
        self.expect_ch(b'(')?;
        let query = self.select_no_parens()?;
        self.expect_ch(b')')?;
        Ok(query)
    }

    /// A query that starts at the current token; a parenthesised one may be all of it.
    pub(super) fn select_no_parens(&mut self) -> Result<SelectStmt> {
        let with = if self.at_any_with() { Some(self.with_clause()?) } else { None };
        self.select_after_with(with)
    }

    /// The query behind a WITH clause.
    pub(super) fn select_after_with(&mut self, with: Option<Box<WithClause>>) -> Result<SelectStmt> {
        self.enter()?;
        let outer = std::mem::take(&mut self.height);
        let left = self.select_operand()?;
        let left = self.set_operations(left, 1)?;
        let query = self.select_tail(left, with)?;
        self.height = self.height.max(outer);
        self.leave();
        Ok(query)
    }

    /// A parenthesised query turned out to be the first operand of a longer one.
    pub(super) fn select_after_parens(&mut self, first: SelectStmt) -> Result<SelectStmt> {
        let left = self.set_operations(first, 1)?;
        self.select_tail(left, None)
    }

    /// Whether the current token continues a query behind its closing parenthesis.
    pub(super) fn at_select_continuation(&self) -> bool {
        matches!(self.tok.kind, T::Kw(K::Union | K::Intersect | K::Except | K::Order | K::Limit | K::Offset | K::Fetch | K::For))
    }

    /// What a set operation joins.
    fn select_operand(&mut self) -> Result<SelectStmt> {
        let body = match self.kind() {
            T::Kw(K::Select) => SelectBody::Select(Box::new(self.simple_select()?)),
            T::Kw(K::Values) => SelectBody::Values(self.values()?),
            T::Kw(K::Table) => {
                self.bump();
                let pos = self.pos();
                let relation = self.relation_expr()?;
                let core = SelectCore {
                    targets: vec![Target::star(pos)],
                    from: vec![FromItem::Table(Box::new(relation))],
                    ..Default::default()
                };
                SelectBody::Select(Box::new(core))
            }
            _ => return self.select_with_parens(),
        };
        Ok(SelectStmt { with: None, body, order_by: Vec::new(), limit: Limit::default(), locking: Vec::new() })
    }

    fn values(&mut self) -> Result<Vec<Vec<Expr>>> {
        self.expect(K::Values)?;
        self.list(|p| p.paren_list(Self::expr))
    }

    /// UNION and EXCEPT (level 1), INTERSECT (level 2), all to the left.
    fn set_operations(&mut self, mut left: SelectStmt, min: u8) -> Result<SelectStmt> {
        loop {
            let (op, level) = match self.kind() {
                T::Kw(K::Union) => (SetOperator::Union, 1),
                T::Kw(K::Except) => (SetOperator::Except, 1),
                T::Kw(K::Intersect) => (SetOperator::Intersect, 2),
                _ => return Ok(left),
            };
            if level < min {
                return Ok(left);
            }
            self.bump();
            let all = self.eat(K::All);
            if !all {
                self.eat(K::Distinct);
            }
            let height = std::mem::take(&mut self.height);
            let right = self.select_operand()?;
            let right = self.set_operations(right, level + 1)?;
            self.height = self.grow(height.max(self.height))?;
            let body = SelectBody::SetOperation(Box::new(SetOperation { op, all, left, right }));
            left = SelectStmt { with: None, body, order_by: Vec::new(), limit: Limit::default(), locking: Vec::new() };
        }
    }

    /// ORDER BY, LIMIT, FOR UPDATE, and the WITH clause before, put onto the query they belong to.
    fn select_tail(&mut self, mut query: SelectStmt, with: Option<Box<WithClause>>) -> Result<SelectStmt> {
        if self.at(K::Order) {
            let order = self.sort_clause()?;
            if !query.order_by.is_empty() {
                let at = order.first().map_or(0, |sort| sort.expr.location());
                return Err(multiple("ORDER BY clauses", Some(at)));
            }
            query.order_by = order;
        }
        let mut locking = Vec::new();
        let mut limit = None;
        for _ in 0..2 {
            match self.kind() {
                T::Kw(K::For) if locking.is_empty() => {
                    if self.for_read_only()? {
                        continue;
                    }
                    while self.at(K::For) {
                        locking.push(self.locking_clause()?);
                    }
                }
                T::Kw(K::Limit | K::Offset | K::Fetch) if limit.is_none() => limit = Some(self.select_limit()?),
                _ => break,
            }
        }
        query.locking.extend(locking);
        if let Some(limit) = limit {
            put_limit(&mut query, limit)?;
        }
        if let Some(with) = with {
            if query.with.is_some() {
                return Err(multiple("WITH clauses", Some(with.pos)));
            }
            query.with = Some(with);
        }
        Ok(query)
    }

    fn for_read_only(&mut self) -> Result<bool> {
        if !self.at2(K::For, K::Read) {
            return Ok(false);
        }
        self.bump();
        self.bump();
        self.expect(K::Only)?;
        Ok(true)
    }

    fn locking_clause(&mut self) -> Result<LockingClause> {
        self.expect(K::For)?;
        let strength = match self.one_of(&[K::Update, K::Share, K::No, K::Key]) {
            Some(0) => LockStrength::Update,
            Some(1) => LockStrength::Share,
            Some(2) => {
                self.expect_all(&[K::Key, K::Update])?;
                LockStrength::NoKeyUpdate
            }
            Some(_) => {
                self.expect(K::Share)?;
                LockStrength::KeyShare
            }
            None => return Err(self.unexpected()),
        };
        let relations = if self.eat(K::Of) { self.list(Self::qualified_name)? } else { Vec::new() };
        let wait = if self.eat(K::Nowait) {
            LockWait::NoWait
        } else if self.eat(K::Skip) {
            self.expect(K::Locked)?;
            LockWait::Skip
        } else {
            LockWait::Block
        };
        Ok(LockingClause { strength, relations, wait })
    }

    /// LIMIT / FETCH and OFFSET, in either order.
    fn select_limit(&mut self) -> Result<Limit> {
        let mut limit = Limit::default();
        for _ in 0..2 {
            match self.kind() {
                T::Kw(K::Limit) if limit.count.is_none() => self.limit_clause(&mut limit)?,
                T::Kw(K::Fetch) if limit.count.is_none() => self.fetch_first(&mut limit)?,
                T::Kw(K::Offset) if limit.offset.is_none() => {
                    self.bump();
                    let offset = self.expr()?;
                    let operand = !matches!(offset.node, ExprNode::Operator { left: Some(_), .. });
                    if operand {
                        let _ = self.one_of(&[K::Row, K::Rows]);
                    }
                    limit.offset = Some(Box::new(offset));
                }
                _ => break,
            }
        }
        Ok(limit)
    }

    fn limit_clause(&mut self, limit: &mut Limit) -> Result<()> {
        let pos = self.pos();
        self.bump();
        let at = self.pos();
        let count = if self.eat(K::All) { Expr::new(ExprNode::Literal(Literal::Null), at) } else { self.expr()? };
        if self.eat_ch(b',') {
            self.expr()?;
            return Err(err!(SqlState::SYNTAX_ERROR, "LIMIT #,# syntax is not supported")
                .hint("Use separate LIMIT and OFFSET clauses.")
                .at(pos));
        }
        limit.count = Some(Box::new(count));
        Ok(())
    }

    /// `FETCH FIRST [n] ROWS ONLY | WITH TIES`.
    fn fetch_first(&mut self, limit: &mut Limit) -> Result<()> {
        self.bump();
        if self.one_of(&[K::First, K::Next]).is_none() {
            return Err(self.unexpected());
        }
        let pos = self.pos();
        let no_count = matches!(self.tok.kind, T::Kw(K::Row | K::Rows)) && matches!(self.peek(), T::Kw(K::Only | K::With));
        let count = if no_count {
            Expr::new(ExprNode::Literal(Literal::Integer(1)), pos)
        } else if matches!(self.tok.kind, T::Ch(b'+' | b'-')) {
            let node = match self.numeric_only()? {
                DefValue::Integer(value) => Literal::Integer(value),
                DefValue::Float(digits) => Literal::Float(digits),
                _ => Literal::Null,
            };
            Expr::new(ExprNode::Literal(node), pos)
        } else {
            self.primary()?
        };
        if self.one_of(&[K::Row, K::Rows]).is_none() {
            return Err(self.unexpected());
        }
        if self.eat(K::With) {
            self.expect(K::Ties)?;
            limit.with_ties = true;
        } else {
            self.expect(K::Only)?;
        }
        limit.count = Some(Box::new(count));
        Ok(())
    }

    fn simple_select(&mut self) -> Result<SelectCore> {
        self.expect(K::Select)?;
        let mut core = SelectCore { distinct: self.distinct_clause()?, ..Default::default() };
        if core.distinct != Distinct::No || !self.at_target_list_end() {
            core.targets = self.target_list()?;
        }
        if self.eat(K::Into) {
            core.into = Some(Box::new(self.select_into()?));
        }
        if self.eat(K::From) {
            core.from = self.table_refs()?;
        }
        core.where_clause = self.where_clause()?;
        if self.eat(K::Group) {
            self.expect(K::By)?;
            core.group_distinct = self.eat(K::Distinct);
            if !core.group_distinct {
                self.eat(K::All);
            }
            core.group_by = self.list(Self::group_item)?;
        }
        if self.eat(K::Having) {
            core.having = Some(self.expr()?);
        }
        if self.eat(K::Window) {
            core.windows = self.list(Self::window_definition)?;
        }
        Ok(core)
    }

    fn distinct_clause(&mut self) -> Result<Distinct> {
        if self.eat(K::Distinct) {
            if self.eat(K::On) {
                return Ok(Distinct::On(self.paren_list(Self::expr)?));
            }
            return Ok(Distinct::Yes);
        }
        self.eat(K::All);
        Ok(Distinct::No)
    }

    /// Whether SELECT has no output columns.
    fn at_target_list_end(&self) -> bool {
        self.at_select_continuation()
            || matches!(
                self.tok.kind,
                T::Eof
                    | T::Ch(b';' | b')')
                    | T::Kw(
                        K::Into
                            | K::From
                            | K::Where
                            | K::Group
                            | K::Having
                            | K::Window
                            | K::On
                            | K::Returning
                            | K::With
                            | K::Create
                            | K::Grant
                    )
            )
    }

    /// Output columns.
    pub(super) fn target_list(&mut self) -> Result<Vec<Target>> {
        self.list(Self::target)
    }

    fn target(&mut self) -> Result<Target> {
        let pos = self.pos();
        if self.eat_ch(b'*') {
            return Ok(Target::star(pos));
        }
        let expr = self.target_expr()?;
        let labelled = self.eat(K::As) || is_bare_label(self.tok.kind);
        let name = if labelled { Some(self.col_label()?) } else { None };
        Ok(Target { name, expr, pos })
    }

    /// WHERE, if it is there.
    pub(super) fn where_clause(&mut self) -> Result<Option<Expr>> {
        if self.eat(K::Where) { self.expr().map(Some) } else { Ok(None) }
    }

    fn group_item(&mut self) -> Result<GroupItem> {
        let pos = self.pos();
        match self.kind() {
            T::Ch(b'(') if self.peek() == T::Ch(b')') => {
                self.bump();
                self.bump();
                Ok(GroupItem::Empty { pos })
            }
            T::Kw(K::Rollup) if self.peek() == T::Ch(b'(') => {
                self.bump();
                Ok(GroupItem::Rollup { items: self.paren_list(Self::expr)?, pos })
            }
            T::Kw(K::Cube) if self.peek() == T::Ch(b'(') => {
                self.bump();
                Ok(GroupItem::Cube { items: self.paren_list(Self::expr)?, pos })
            }
            T::Kw(K::Grouping) if self.peek() == T::Kw(K::Sets) => {
                self.bump();
                self.bump();
                self.enter()?;
                let items = self.paren_list(Self::group_item)?;
                self.leave();
                Ok(GroupItem::Sets { items, pos })
            }
            _ => Ok(GroupItem::Expr(self.expr()?)),
        }
    }

    fn window_definition(&mut self) -> Result<WindowDef> {
        let name = self.col_id()?;
        self.expect(K::As)?;
        let mut window = self.window_specification()?;
        window.name = Some(name);
        Ok(window)
    }

    /// The target of SELECT INTO.
    fn select_into(&mut self) -> Result<IntoClause> {
        let persistence = self.temp_table_words()?;
        self.eat(K::Table);
        let mut relation = self.qualified_name()?;
        relation.persistence = persistence;
        Ok(IntoClause {
            relation,
            columns: Vec::new(),
            access_method: None,
            options: Vec::new(),
            on_commit: OnCommit::NoOp,
            tablespace: None,
            skip_data: false,
        })
    }

    /// TEMP, LOCAL TEMPORARY, UNLOGGED ... before a table's name.
    fn temp_table_words(&mut self) -> Result<Persistence> {
        let named = |t: T| is_col_id(t) || t == T::Kw(K::Table);
        let kind = match self.kind() {
            T::Kw(K::Temporary | K::Temp) if named(self.peek()) => Persistence::Temporary,
            T::Kw(K::Unlogged) if named(self.peek()) => Persistence::Unlogged,
            T::Kw(K::Local | K::Global) if matches!(self.peek(), T::Kw(K::Temporary | K::Temp)) => {
                self.bump();
                Persistence::Temporary
            }
            _ => return Ok(Persistence::Permanent),
        };
        self.bump();
        Ok(kind)
    }

    /// `WITH [RECURSIVE] a AS (...), ...`
    pub(super) fn with_clause(&mut self) -> Result<Box<WithClause>> {
        let pos = self.pos();
        self.expect_any_with()?;
        let recursive = self.at(K::Recursive) && !matches!(self.peek(), T::Kw(K::As) | T::Ch(b'('));
        if recursive {
            self.bump();
        }
        let ctes = self.list(Self::cte)?;
        Ok(Box::new(WithClause { recursive, ctes, pos }))
    }

    fn cte(&mut self) -> Result<Cte> {
        let pos = self.pos();
        let name = self.col_id()?;
        let columns = self.opt_columns()?;
        self.expect(K::As)?;
        let materialized = if self.eat(K::Not) {
            self.expect(K::Materialized)?;
            Some(false)
        } else {
            self.eat(K::Materialized).then_some(true)
        };
        self.expect_ch(b'(')?;
        self.enter()?;
        let query = Box::new(self.preparable_stmt()?);
        self.leave();
        self.expect_ch(b')')?;
        let search = self.cte_search()?;
        let cycle = self.cte_cycle()?;
        Ok(Cte { name, columns, materialized, query, search, cycle, pos })
    }

    fn cte_search(&mut self) -> Result<Option<Box<CteSearch>>> {
        let pos = self.pos();
        if !self.eat(K::Search) {
            return Ok(None);
        }
        let breadth_first = match self.one_of(&[K::Depth, K::Breadth]) {
            Some(found) => found == 1,
            None => return Err(self.unexpected()),
        };
        self.expect_all(&[K::First, K::By])?;
        let columns = self.name_list()?;
        self.expect(K::Set)?;
        let seq_column = self.col_id()?;
        Ok(Some(Box::new(CteSearch { columns, breadth_first, seq_column, pos })))
    }

    fn cte_cycle(&mut self) -> Result<Option<Box<CteCycle>>> {
        let pos = self.pos();
        if !self.eat(K::Cycle) {
            return Ok(None);
        }
        let columns = self.name_list()?;
        self.expect(K::Set)?;
        let mark_column = self.col_id()?;
        let boolean = |value| Expr::new(ExprNode::Literal(Literal::Boolean(value)), pos);
        let (mut mark_value, mut mark_default) = (boolean(true), boolean(false));
        if self.eat(K::To) {
            mark_value = self.constant()?;
            self.expect(K::Default)?;
            mark_default = self.constant()?;
        }
        self.expect(K::Using)?;
        let path_column = self.col_id()?;
        Ok(Some(Box::new(CteCycle { columns, mark_column, mark_value, mark_default, path_column, pos })))
    }

    /// `AexprConst`.
    fn constant(&mut self) -> Result<Expr> {
        let plain = !matches!(self.tok.kind, T::Ch(b'('));
        let expr = self.primary()?;
        match expr.node {
            ExprNode::Literal(_) | ExprNode::Cast { .. } if plain => Ok(expr),
            _ => Err(self.unexpected()),
        }
    }
}

fn multiple(what: &str, at: Option<usize>) -> SqlError {
    let error = err!(SqlState::SYNTAX_ERROR, "multiple {what} not allowed");
    match at {
        Some(at) => error.at(at),
        None => error,
    }
}

/// Puts LIMIT and OFFSET onto a query that may have some already (from inside its parentheses).
fn put_limit(query: &mut SelectStmt, limit: Limit) -> Result<()> {
    if let Some(offset) = limit.offset {
        if query.limit.offset.is_some() {
            return Err(multiple("OFFSET clauses", Some(offset.location())));
        }
        query.limit.offset = Some(offset);
    }
    if let Some(count) = limit.count {
        if query.limit.count.is_some() {
            return Err(multiple("LIMIT clauses", Some(count.location())));
        }
        query.limit.count = Some(count);
    }
    if limit.with_ties {
        if query.limit.with_ties {
            return Err(multiple("limit options", None));
        }
        if query.order_by.is_empty() {
            return Err(err!(SqlState::SYNTAX_ERROR, "WITH TIES cannot be specified without ORDER BY clause"));
        }
        if query.locking.iter().any(|lock| lock.wait == LockWait::Skip) {
            return Err(err!(SqlState::SYNTAX_ERROR, "SKIP LOCKED and WITH TIES options cannot be used together"));
        }
        query.limit.with_ties = true;
    }
    Ok(())
}
