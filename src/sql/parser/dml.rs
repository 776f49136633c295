//! INSERT, UPDATE, DELETE, MERGE, TRUNCATE.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use crate::error::Result;

impl Parser<'_> {
    /// `PreparableStmt`: a query or a data change, with or without WITH.
    pub(super) fn preparable_stmt(&mut self) -> Result<Statement> {
        let with = if self.at_any_with() { Some(self.with_clause()?) } else { None };
        match self.kind() {
            T::Kw(K::Insert) => self.insert(with),
            T::Kw(K::Update) => self.update(with),
            T::Kw(K::Delete) => self.delete(with),
            T::Kw(K::Merge) => self.merge(with),
            _ => Ok(Statement::Select(Box::new(self.select_after_with(with)?))),
        }
    }

    /// Whether a `PreparableStmt` starts here.
    pub(super) fn at_preparable(&self) -> bool {
        matches!(
            self.tok.kind,
            T::Ch(b'(')
                | T::WithLa
                | T::Kw(K::Select | K::Values | K::Table | K::With | K::Insert | K::Update | K::Delete | K::Merge)
        )
    }

    fn insert(&mut self, with: Option<Box<WithClause>>) -> Result<Statement> {
        self.expect_all(&[K::Insert, K::Into])?;
        let mut relation = self.qualified_name()?;
        if self.eat(K::As) {
            relation.alias = Some(Alias { name: self.col_id()?, columns: Vec::new() });
        }
        let mut stmt = InsertStmt {
            with,
            relation,
            columns: Vec::new(),
            overriding: None,
            source: None,
            on_conflict: None,
            returning: Vec::new(),
        };
        // A parenthesis may open the column list or a query.
        if self.at_ch(b'(') && !self.query_in_parens() {
            stmt.columns = self.paren_list(Self::column_target)?;
        } else if self.eat(K::Default) {
            self.expect(K::Values)?;
            return self.insert_end(stmt);
        }
        stmt.overriding = self.overriding()?;
        stmt.source = Some(Box::new(self.select_no_parens()?));
        self.insert_end(stmt)
    }

    /// Whether a query stands behind the parenthesis at hand.
    fn query_in_parens(&mut self) -> bool {
        matches!(self.peek(), T::Ch(b'(') | T::WithLa | T::Kw(K::Select | K::With | K::Table))
            || (self.peek() == T::Kw(K::Values) && self.peek_at(1) == T::Ch(b'('))
    }

    fn overriding(&mut self) -> Result<Option<Overriding>> {
        if !self.eat(K::Overriding) {
            return Ok(None);
        }
        let kind = match self.one_of(&[K::User, K::System]) {
            Some(0) => Overriding::User,
            Some(_) => Overriding::System,
            None => return Err(self.unexpected()),
        };
        self.expect(K::Value)?;
        Ok(Some(kind))
    }

    fn insert_end(&mut self, mut stmt: InsertStmt) -> Result<Statement> {
        if self.at(K::On) {
            stmt.on_conflict = Some(Box::new(self.on_conflict()?));
        }
        stmt.returning = self.returning()?;
        Ok(Statement::Insert(Box::new(stmt)))
    }

    fn on_conflict(&mut self) -> Result<OnConflict> {
        let pos = self.pos();
        self.expect_all(&[K::On, K::Conflict])?;
        let at = self.pos();
        let target = if self.at_ch(b'(') {
            let elements = self.paren_list(Self::index_elem)?;
            let predicate = self.where_clause()?;
            Some(ConflictTarget::Index { elements, predicate, pos: at })
        } else if self.eat(K::On) {
            self.expect(K::Constraint)?;
            Some(ConflictTarget::Constraint { name: self.col_id()?, pos: at })
        } else {
            None
        };
        self.expect(K::Do)?;
        let action = if self.eat(K::Nothing) {
            ConflictAction::Nothing
        } else {
            self.expect_all(&[K::Update, K::Set])?;
            let set = self.list(Self::set_clause)?;
            ConflictAction::Update { set, where_clause: self.where_clause()? }
        };
        Ok(OnConflict { target, action, pos })
    }

    /// RETURNING, if it is there.
    fn returning(&mut self) -> Result<Vec<Target>> {
        if self.eat(K::Returning) { self.target_list() } else { Ok(Vec::new()) }
    }

    /// `insert_column_item` / `set_target`.
    fn column_target(&mut self) -> Result<ColumnTarget> {
        let pos = self.pos();
        let name = self.col_id()?;
        let mut path = Vec::new();
        self.indirection(&mut path)?;
        self.check_indirection(&path)?;
        Ok(ColumnTarget { name, path, pos })
    }

    fn set_clause(&mut self) -> Result<SetClause> {
        if self.at_ch(b'(') {
            let targets = self.paren_list(Self::column_target)?;
            self.expect_ch(b'=')?;
            return Ok(SetClause::Multiple { targets, source: self.expr()? });
        }
        let target = self.column_target()?;
        self.expect_ch(b'=')?;
        Ok(SetClause::Single { target, value: self.expr()? })
    }

    /// A table with ONLY, `*` and an alias, as UPDATE and DELETE take it.
    fn changed_relation(&mut self) -> Result<RangeVar> {
        let mut relation = self.relation_expr()?;
        // SET is no alias without AS.
        if self.eat(K::As) || (self.at_col_id() && !self.at(K::Set)) {
            relation.alias = Some(Alias { name: self.col_id()?, columns: Vec::new() });
        }
        Ok(relation)
    }

    /// WHERE condition or WHERE CURRENT OF cursor.
    fn where_or_current(&mut self) -> Result<Option<Expr>> {
        if !self.eat(K::Where) {
            return Ok(None);
        }
        let pos = self.pos();
        if self.at2(K::Current, K::Of) {
            self.bump();
            self.bump();
            return Ok(Some(Expr::new(ExprNode::CurrentOf(self.col_id()?), pos)));
        }
        self.expr().map(Some)
    }

    fn update(&mut self, with: Option<Box<WithClause>>) -> Result<Statement> {
        self.expect(K::Update)?;
        let relation = self.changed_relation()?;
        self.expect(K::Set)?;
        let set = self.list(Self::set_clause)?;
        let from = if self.eat(K::From) { self.table_refs()? } else { Vec::new() };
        let where_clause = self.where_or_current()?;
        let returning = self.returning()?;
        Ok(Statement::Update(Box::new(UpdateStmt { with, relation, set, from, where_clause, returning })))
    }

    fn delete(&mut self, with: Option<Box<WithClause>>) -> Result<Statement> {
        self.expect_all(&[K::Delete, K::From])?;
        let relation = self.changed_relation()?;
        let using = if self.eat(K::Using) { self.table_refs()? } else { Vec::new() };
        let where_clause = self.where_or_current()?;
        let returning = self.returning()?;
        Ok(Statement::Delete(Box::new(DeleteStmt { with, relation, using, where_clause, returning })))
    }

    fn merge(&mut self, with: Option<Box<WithClause>>) -> Result<Statement> {
        self.expect_all(&[K::Merge, K::Into])?;
        let relation = self.changed_relation()?;
        self.expect(K::Using)?;
        let source = self.table_ref()?;
        self.expect(K::On)?;
        let on = self.expr()?;
        let mut whens = vec![self.merge_when()?];
        while self.at(K::When) {
            whens.push(self.merge_when()?);
        }
        Ok(Statement::Merge(Box::new(MergeStmt { with, relation, source, on, whens })))
    }

    fn merge_when(&mut self) -> Result<MergeWhen> {
        let pos = self.pos();
        self.expect(K::When)?;
        let matched = !self.eat(K::Not);
        self.expect(K::Matched)?;
        let condition = if self.eat(K::And) { Some(self.expr()?) } else { None };
        self.expect(K::Then)?;
        let action = match self.kind() {
            T::Kw(K::Update) if matched => {
                self.bump();
                self.expect(K::Set)?;
                MergeAction::Update(self.list(Self::set_clause)?)
            }
            T::Kw(K::Delete) if matched => {
                self.bump();
                MergeAction::Delete
            }
            T::Kw(K::Insert) if !matched => self.merge_insert()?,
            _ => {
                self.expect_all(&[K::Do, K::Nothing])?;
                MergeAction::Nothing
            }
        };
        Ok(MergeWhen { matched, condition, action, pos })
    }

    fn merge_insert(&mut self) -> Result<MergeAction> {
        self.bump();
        if self.eat(K::Default) {
            self.expect(K::Values)?;
            return Ok(MergeAction::Insert { columns: Vec::new(), overriding: None, values: None });
        }
        let columns = if self.at_ch(b'(') { self.paren_list(Self::column_target)? } else { Vec::new() };
        let overriding = self.overriding()?;
        self.expect(K::Values)?;
        let values = Some(self.paren_list(Self::expr)?);
        Ok(MergeAction::Insert { columns, overriding, values })
    }

    /// `TRUNCATE [TABLE] ...`
    pub(super) fn truncate(&mut self) -> Result<Statement> {
        self.bump();
        self.eat(K::Table);
        let relations = self.list(Self::relation_expr)?;
        let mut restart_identity = false;
        if let Some(word) = self.one_of(&[K::Continue, K::Restart]) {
            self.expect(K::Identity)?;
            restart_identity = word == 1;
        }
        let behavior = self.drop_behavior();
        Ok(Statement::Truncate(Box::new(TruncateStmt { relations, restart_identity, behavior })))
    }
}
