//! FROM: tables, subqueries, functions, joins.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::{Category, Kw as K};
use super::lexer::T;
use super::names::is_type_function_name;
use crate::err;
use crate::error::{Result, SqlState};

/// What stood in parentheses in FROM.
enum ParenTable {
    Select(Box<SelectStmt>),
    Joined(FromItem),
}

impl Parser<'_> {
    /// The list behind FROM (or USING).
    pub(super) fn table_refs(&mut self) -> Result<Vec<FromItem>> {
        self.list(Self::table_ref)
    }

    /// `table_ref`: one element with the joins behind it.
    pub(super) fn table_ref(&mut self) -> Result<FromItem> {
        self.enter()?;
        let first = self.table_primary()?;
        let item = self.joins(first, &mut false)?;
        self.leave();
        Ok(item)
    }

    /// Joins behind `left`.
    fn joins(&mut self, mut left: FromItem, joined: &mut bool) -> Result<FromItem> {
        let mut count = 0;
        loop {
            let pos = self.pos();
            let natural = self.at(K::Natural);
            let cross = self.at(K::Cross);
            if !self.at_join() {
                return Ok(left);
            }
            if natural || cross {
                self.bump();
            }
            let kind = if cross { JoinKind::Inner } else { self.join_kind() };
            self.expect(K::Join)?;
            count = self.grow(count)?;
            let mut join = JoinExpr {
                kind,
                natural,
                left,
                right: if natural || cross { self.table_primary()? } else { self.table_ref()? },
                using: Vec::new(),
                using_alias: None,
                on: None,
                alias: None,
                pos,
            };
            if !natural && !cross {
                self.join_condition(&mut join)?;
            }
            left = FromItem::Join(Box::new(join));
            *joined = true;
        }
    }

    fn at_join(&self) -> bool {
        matches!(self.tok.kind, T::Kw(K::Natural | K::Cross | K::Join | K::Inner | K::Left | K::Right | K::Full))
    }

    fn join_kind(&mut self) -> JoinKind {
        let kind = match self.one_of(&[K::Inner, K::Left, K::Right, K::Full]) {
            None | Some(0) => return JoinKind::Inner,
            Some(1) => JoinKind::Left,
            Some(2) => JoinKind::Right,
            Some(_) => JoinKind::Full,
        };
        self.eat(K::Outer);
        kind
    }

    fn join_condition(&mut self, join: &mut JoinExpr) -> Result<()> {
        if self.eat(K::On) {
            join.on = Some(self.expr()?);
            return Ok(());
        }
        self.expect(K::Using)?;
        join.using = self.columns()?;
        if self.eat(K::As) {
            join.using_alias = Some(self.col_id()?);
        }
        Ok(())
    }

    fn table_primary(&mut self) -> Result<FromItem> {
        let pos = self.pos();
        match self.kind() {
            T::Kw(K::Lateral) => {
                self.bump();
                self.lateral()
            }
            T::Ch(b'(') => {
                self.bump();
                self.enter()?;
                let content = self.paren_table()?;
                self.leave();
                self.expect_ch(b')')?;
                match content {
                    ParenTable::Select(query) => self.subquery(*query, false, pos),
                    ParenTable::Joined(item) => self.aliased_join(item),
                }
            }
            T::Kw(K::Only) => {
                let mut relation = self.relation_expr()?;
                relation.alias = self.alias_clause()?;
                self.sampled(relation)
            }
            _ => self.table_or_function(),
        }
    }

    fn lateral(&mut self) -> Result<FromItem> {
        let pos = self.pos();
        if self.at_ch(b'(') {
            let query = self.select_with_parens()?;
            return self.subquery(query, true, pos);
        }
        if self.at(K::Xmltable) && self.peek() == T::Ch(b'(') {
            return self.xml_table(true);
        }
        if self.at_rows_from() {
            return self.rows_from(true);
        }
        let call = self.windowless_call()?;
        self.function_item(call, true, pos)
    }

    /// Behind `(`: a query or a join; stops before `)`.
    fn paren_table(&mut self) -> Result<ParenTable> {
        if self.at_query() {
            return Ok(ParenTable::Select(Box::new(self.select_no_parens()?)));
        }
        let mut joined = false;
        if !self.at_ch(b'(') {
            let first = self.table_primary()?;
            let item = self.joins(first, &mut joined)?;
            return if joined { Ok(ParenTable::Joined(item)) } else { Err(self.unexpected()) };
        }
        let pos = self.pos();
        self.bump();
        self.enter()?;
        let inner = self.paren_table()?;
        self.leave();
        self.expect_ch(b')')?;
        let first = match inner {
            ParenTable::Select(query) => {
                if self.at_ch(b')') {
                    return Ok(ParenTable::Select(query));
                }
                if self.at_select_continuation() {
                    return Ok(ParenTable::Select(Box::new(self.select_after_parens(*query)?)));
                }
                // Only a join or an alias can follow in here.
                if !self.at_col_id() && !self.at(K::As) && !self.at_join() {
                    return Err(self.unexpected());
                }
                self.subquery(*query, false, pos)?
            }
            ParenTable::Joined(item) => {
                if self.at_ch(b')') {
                    return Ok(ParenTable::Joined(item));
                }
                self.aliased_join(item)?
            }
        };
        let item = self.joins(first, &mut joined)?;
        if joined { Ok(ParenTable::Joined(item)) } else { Err(self.unexpected()) }
    }

    fn aliased_join(&mut self, mut item: FromItem) -> Result<FromItem> {
        let alias = self.alias_clause()?;
        if let FromItem::Join(join) = &mut item {
            join.alias = alias;
        }
        Ok(item)
    }

    fn subquery(&mut self, query: SelectStmt, lateral: bool, pos: usize) -> Result<FromItem> {
        let alias = self.alias_clause()?;
        if alias.is_none() {
            let (message, hint) = match query.body {
                SelectBody::Values(_) => ("VALUES in FROM must have an alias", "For example, FROM (VALUES ...) [AS] foo."),
                _ => ("subquery in FROM must have an alias", "For example, FROM (SELECT ...) [AS] foo."),
            };
            return Err(err!(SqlState::SYNTAX_ERROR, "{message}").hint(hint).at(pos));
        }
        Ok(FromItem::Subquery(Box::new(FromSubquery { lateral, query, alias, pos })))
    }

    /// `[AS] name [(columns)]`.
    pub(super) fn alias_clause(&mut self) -> Result<Option<Alias>> {
        if !self.eat(K::As) && !self.at_col_id() {
            return Ok(None);
        }
        let name = self.col_id()?;
        let columns = self.opt_columns()?;
        Ok(Some(Alias { name, columns }))
    }

    /// `relation_expr`: a table's name with ONLY or `*`.
    pub(super) fn relation_expr(&mut self) -> Result<RangeVar> {
        if self.eat(K::Only) {
            let parens = self.eat_ch(b'(');
            let mut relation = self.qualified_name()?;
            if parens {
                self.expect_ch(b')')?;
            }
            relation.inherit = false;
            return Ok(relation);
        }
        let relation = self.qualified_name()?;
        self.eat_ch(b'*');
        Ok(relation)
    }

    fn table_or_function(&mut self) -> Result<FromItem> {
        let pos = self.pos();
        if self.at(K::Xmltable) && self.peek() == T::Ch(b'(') {
            return self.xml_table(false);
        }
        if self.at_rows_from() {
            return self.rows_from(false);
        }
        if let T::Kw(kw) = self.tok.kind
            && let Some(call) = self.special_function(kw, pos)?
        {
            return self.function_item(call, false, pos);
        }
        if self.category() == Some(Category::TypeFunc) {
            let name = vec![self.type_function_name()?];
            let call = self.application(name)?;
            return self.function_item(Expr::new(ExprNode::Function(Box::new(call)), pos), false, pos);
        }
        let callable = is_type_function_name(self.tok.kind);
        let first = self.col_id()?;
        let name = if matches!(self.tok.kind, T::Ch(b'.' | b'[')) {
            let mut path = Vec::new();
            self.indirection(&mut path)?;
            self.function_name_of(first, path, pos)?
        } else if self.at_ch(b'(') && !callable {
            return Err(self.unexpected());
        } else {
            QualName { parts: vec![first], pos }
        };
        if self.at_ch(b'(') {
            let call = self.application(name.parts)?;
            return self.function_item(Expr::new(ExprNode::Function(Box::new(call)), pos), false, pos);
        }
        let mut relation = self.range_var(name, "qualified")?;
        self.eat_ch(b'*');
        relation.alias = self.alias_clause()?;
        self.sampled(relation)
    }

    /// ROWS FROM (: the word ROWS alone may name a table.
    fn at_rows_from(&mut self) -> bool {
        self.at2(K::Rows, K::From)
    }

    fn rows_from(&mut self, lateral: bool) -> Result<FromItem> {
        let pos = self.pos();
        self.bump();
        self.bump();
        let functions = self.paren_list(Self::rows_from_item)?;
        self.function_end(FromFunction {
            lateral,
            ordinality: false,
            rows_from: true,
            functions,
            alias: None,
            columns: Vec::new(),
            pos,
        })
    }

    /// A function in FROM.
    fn function_item(&mut self, function: Expr, lateral: bool, pos: usize) -> Result<FromItem> {
        let functions = vec![RowsFromItem { function, columns: Vec::new() }];
        let (alias, columns) = (None, Vec::new());
        self.function_end(FromFunction { lateral, ordinality: false, rows_from: false, functions, alias, columns, pos })
    }

    /// WITH ORDINALITY and the alias.
    fn function_end(&mut self, mut item: FromFunction) -> Result<FromItem> {
        if self.kind() == T::WithLa {
            self.bump();
            self.expect(K::Ordinality)?;
            item.ordinality = true;
        }
        (item.alias, item.columns) = self.function_alias()?;
        Ok(FromItem::Function(Box::new(item)))
    }

    /// `func_expr_windowless`: a call without FILTER and OVER.
    pub(super) fn windowless_call(&mut self) -> Result<Expr> {
        let pos = self.pos();
        if let T::Kw(kw) = self.tok.kind
            && let Some(call) = self.special_function(kw, pos)?
        {
            return Ok(call);
        }
        let name = self.func_name()?;
        let call = self.application(name.parts)?;
        Ok(Expr::new(ExprNode::Function(Box::new(call)), pos))
    }

    fn rows_from_item(&mut self) -> Result<RowsFromItem> {
        let function = self.windowless_call()?;
        let columns = if self.eat(K::As) { self.paren_list(Self::table_func_element)? } else { Vec::new() };
        Ok(RowsFromItem { function, columns })
    }

    /// `func_alias_clause`: an alias with column names or with a column definition list.
    fn function_alias(&mut self) -> Result<(Option<Alias>, Vec<FromColumnDef>)> {
        let word = self.eat(K::As);
        if word && self.at_ch(b'(') {
            return Ok((None, self.paren_list(Self::table_func_element)?));
        }
        if !word && !self.at_col_id() {
            return Ok((None, Vec::new()));
        }
        let name = self.col_id()?;
        let mut alias = Alias { name, columns: Vec::new() };
        if !self.at_ch(b'(') {
            return Ok((Some(alias), Vec::new()));
        }
        if matches!(self.peek_at(1), T::Ch(b',' | b')')) {
            alias.columns = self.columns()?;
            return Ok((Some(alias), Vec::new()));
        }
        Ok((Some(alias), self.paren_list(Self::table_func_element)?))
    }

    /// `TableFuncElement`.
    pub(super) fn table_func_element(&mut self) -> Result<FromColumnDef> {
        let pos = self.pos();
        let name = self.col_id()?;
        let type_name = self.func_type()?;
        let collation = self.opt_collation()?;
        Ok(FromColumnDef { name, type_name, collation, pos })
    }

    /// COLLATE name, with its position.
    pub(super) fn opt_collation(&mut self) -> Result<Option<CollateName>> {
        let pos = self.pos();
        if self.eat(K::Collate) { Ok(Some((self.any_name()?.parts, pos))) } else { Ok(None) }
    }

    /// TABLESAMPLE, if it is there.
    fn sampled(&mut self, relation: RangeVar) -> Result<FromItem> {
        if !self.eat(K::Tablesample) {
            return Ok(FromItem::Table(Box::new(relation)));
        }
        let pos = self.pos();
        let method = self.func_name()?.parts;
        let args = self.paren_list(Self::expr)?;
        let mut repeatable = None;
        if self.eat(K::Repeatable) {
            self.expect_ch(b'(')?;
            repeatable = Some(self.expr()?);
            self.expect_ch(b')')?;
        }
        Ok(FromItem::TableSample(Box::new(TableSample { relation, method, args, repeatable, pos })))
    }

    fn xml_table(&mut self, lateral: bool) -> Result<FromItem> {
        let pos = self.pos();
        self.bump();
        self.expect_ch(b'(')?;
        let mut namespaces = Vec::new();
        if self.at(K::Xmlnamespaces) && self.peek() == T::Ch(b'(') {
            self.bump();
            namespaces = self.paren_list(Self::xml_namespace)?;
            self.expect_ch(b',')?;
        }
        let row_expr = self.primary()?;
        let doc_expr = self.xml_passing()?;
        self.expect(K::Columns)?;
        let columns = self.list(Self::xml_column)?;
        self.expect_ch(b')')?;
        let alias = self.alias_clause()?;
        Ok(FromItem::XmlTable(Box::new(XmlTable { lateral, row_expr, doc_expr, namespaces, columns, alias, pos })))
    }

    fn xml_namespace(&mut self) -> Result<Target> {
        let pos = self.pos();
        if self.eat(K::Default) {
            return Ok(Target { name: None, expr: self.b_expr()?, pos });
        }
        let expr = self.b_expr()?;
        self.expect(K::As)?;
        Ok(Target { name: Some(self.col_label()?), expr, pos })
    }

    fn xml_column(&mut self) -> Result<XmlTableColumn> {
        let pos = self.pos();
        let name = self.col_id()?;
        let mut column =
            XmlTableColumn { name, type_name: None, for_ordinality: false, not_null: false, path: None, default: None, pos };
        if self.eat(K::For) {
            self.expect(K::Ordinality)?;
            column.for_ordinality = true;
            return Ok(column);
        }
        column.type_name = Some(self.type_name()?);
        let mut null_seen = false;
        loop {
            let at = self.pos();
            let twice = |what: &str, name: &str| Err(err!(SqlState::SYNTAX_ERROR, "{what} for column \"{name}\"").at(at));
            match self.kind() {
                T::Ident => {
                    let option = self.col_id()?;
                    let value = self.b_expr()?;
                    if option != "path" {
                        return Err(err!(SqlState::SYNTAX_ERROR, "unrecognized column option \"{option}\"").at(at));
                    }
                    if column.path.replace(value).is_some() {
                        return twice("only one PATH value is allowed", &column.name);
                    }
                }
                T::Kw(K::Default) => {
                    self.bump();
                    let value = self.b_expr()?;
                    if column.default.replace(value).is_some() {
                        return twice("only one DEFAULT value is allowed", &column.name);
                    }
                }
                T::Kw(K::Not | K::Null) => {
                    column.not_null = self.eat(K::Not);
                    self.expect(K::Null)?;
                    if null_seen {
                        return twice("conflicting or redundant NULL / NOT NULL declarations", &column.name);
                    }
                    null_seen = true;
                }
                _ => return Ok(column),
            }
        }
    }
}
