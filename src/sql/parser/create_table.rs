//! CREATE TABLE, CREATE TABLE AS, CREATE FOREIGN TABLE.

use super::ast::*;
use super::cursor::{CreateScope, Parser};
use super::keywords::Kw as K;
use super::lexer::T;
use crate::err;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    /// Behind CREATE [TEMP ...] TABLE.
    pub(super) fn create_table(&mut self, persistence: Persistence) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let mut relation = self.qualified_name()?;
        relation.persistence = persistence;
        let mut stmt = CreateTableStmt {
            relation,
            if_not_exists,
            elements: Vec::new(),
            inherits: Vec::new(),
            of_type: None,
            partition_of: None,
            partition_by: None,
            access_method: None,
            options: Vec::new(),
            on_commit: OnCommit::NoOp,
            tablespace: None,
            foreign: None,
        };
        let only_query = self.create_scope == CreateScope::Explain;
        let names = self.create_scope == CreateScope::Statement && self.at_ch(b'(') && self.only_names_in_parens();
        match self.kind() {
            _ if only_query || names => return self.create_table_as(stmt),
            T::Ch(b'(') => {
                stmt.elements = self.table_elements()?;
                stmt.inherits = self.inherits()?;
            }
            T::Kw(K::Of) => {
                self.bump();
                let name = self.any_name()?;
                stmt.of_type = Some(TypeName::new(name.parts, name.pos));
                stmt.elements = self.typed_elements()?;
            }
            T::Kw(K::Partition) => stmt.partition_of = Some(self.partition_of(&mut stmt.elements)?),
            _ if self.create_scope == CreateScope::Schema => return Err(self.unexpected()),
            _ => return self.create_table_as(stmt),
        }
        stmt.partition_by = self.partition_spec()?;
        self.table_properties(&mut stmt)?;
        Ok(Statement::CreateTable(Box::new(stmt)))
    }

    /// `(a` followed by `,` or `)`: the column names of CREATE TABLE AS.
    fn only_names_in_parens(&mut self) -> bool {
        super::names::is_col_id(self.peek()) && matches!(self.peek_at(1), T::Ch(b',' | b')'))
    }

    /// USING, WITH, ON COMMIT, TABLESPACE.
    fn table_properties(&mut self, stmt: &mut CreateTableStmt) -> Result<()> {
        if self.eat(K::Using) {
            stmt.access_method = Some(self.col_id()?);
        }
        if self.eat(K::With) {
            stmt.options = self.reloptions()?;
        } else if self.eat(K::Without) {
            self.expect(K::Oids)?;
        }
        stmt.on_commit = self.on_commit()?;
        if self.eat(K::Tablespace) {
            stmt.tablespace = Some(self.col_id()?);
        }
        Ok(())
    }

    fn on_commit(&mut self) -> Result<OnCommit> {
        if !self.eat(K::On) {
            return Ok(OnCommit::NoOp);
        }
        self.expect(K::Commit)?;
        let action = match self.one_of(&[K::Drop, K::Delete, K::Preserve]) {
            Some(0) => return Ok(OnCommit::Drop),
            Some(1) => OnCommit::DeleteRows,
            Some(_) => OnCommit::PreserveRows,
            None => return Err(self.unexpected()),
        };
        self.expect(K::Rows)?;
        Ok(action)
    }

    /// The rest of CREATE TABLE ... AS.
    fn create_table_as(&mut self, mut stmt: CreateTableStmt) -> Result<Statement> {
        let columns = self.opt_columns()?;
        self.table_properties(&mut stmt)?;
        self.expect(K::As)?;
        let start = self.pos();
        let query = if self.at(K::Execute) { self.execute()? } else { Statement::Select(Box::new(self.select_no_parens()?)) };
        let query_range = (start, self.last_end);
        let into = IntoClause {
            relation: stmt.relation,
            columns,
            access_method: stmt.access_method,
            options: stmt.options,
            on_commit: stmt.on_commit,
            tablespace: stmt.tablespace,
            skip_data: self.with_data()?,
        };
        let if_not_exists = stmt.if_not_exists;
        let stmt = CreateTableAsStmt { into, materialized_view: false, if_not_exists, query, query_range };
        Ok(Statement::CreateTableAs(Box::new(stmt)))
    }

    /// `WITH [NO] DATA`; true for NO.
    pub(super) fn with_data(&mut self) -> Result<bool> {
        if !self.eat(K::With) {
            return Ok(false);
        }
        let no = self.eat(K::No);
        self.expect(K::Data)?;
        Ok(no)
    }

    /// CREATE MATERIALIZED VIEW, behind these words.
    pub(super) fn create_materialized_view(&mut self, persistence: Persistence) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let mut relation = self.qualified_name()?;
        relation.persistence = persistence;
        let columns = self.opt_columns()?;
        let access_method = if self.eat(K::Using) { Some(self.col_id()?) } else { None };
        let options = self.opt_reloptions()?;
        let tablespace = if self.eat(K::Tablespace) { Some(self.col_id()?) } else { None };
        self.expect(K::As)?;
        let start = self.pos();
        let query = Statement::Select(Box::new(self.select_no_parens()?));
        let query_range = (start, self.last_end);
        let skip_data = self.with_data()?;
        let into = IntoClause { relation, columns, access_method, options, on_commit: OnCommit::NoOp, tablespace, skip_data };
        let stmt = CreateTableAsStmt { into, materialized_view: true, if_not_exists, query, query_range };
        Ok(Statement::CreateTableAs(Box::new(stmt)))
    }

    /// CREATE FOREIGN TABLE, behind these words.
    pub(super) fn create_foreign_table(&mut self) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let relation = self.qualified_name()?;
        let mut elements = Vec::new();
        let mut inherits = Vec::new();
        let mut partition_of = None;
        if self.at(K::Partition) {
            partition_of = Some(self.partition_of(&mut elements)?);
        } else {
            elements = self.table_elements()?;
            inherits = self.inherits()?;
        }
        self.expect(K::Server)?;
        let server = self.col_id()?;
        let options = self.create_generic_options()?;
        Ok(Statement::CreateTable(Box::new(CreateTableStmt {
            relation,
            if_not_exists,
            elements,
            inherits,
            of_type: None,
            partition_of,
            partition_by: None,
            access_method: None,
            options: Vec::new(),
            on_commit: OnCommit::NoOp,
            tablespace: None,
            foreign: Some(Box::new(ForeignTable { server, options })),
        })))
    }

    fn inherits(&mut self) -> Result<Vec<RangeVar>> {
        if self.eat(K::Inherits) { self.paren_list(Self::qualified_name) } else { Ok(Vec::new()) }
    }

    /// `( elements )`, perhaps none.
    fn table_elements(&mut self) -> Result<Vec<TableElement>> {
        self.expect_ch(b'(')?;
        if self.eat_ch(b')') {
            return Ok(Vec::new());
        }
        let elements = self.list(Self::table_element)?;
        self.expect_ch(b')')?;
        Ok(elements)
    }

    fn table_element(&mut self) -> Result<TableElement> {
        if self.at_table_constraint() {
            return Ok(TableElement::Constraint(self.table_constraint()?));
        }
        if self.eat(K::Like) {
            let relation = self.qualified_name()?;
            return Ok(TableElement::Like(TableLike { relation, options: self.like_options()? }));
        }
        Ok(TableElement::Column(self.column_def()?))
    }

    /// `columnDef`.
    pub(super) fn column_def(&mut self) -> Result<ColumnDef> {
        let pos = self.pos();
        let name = self.col_id()?;
        let type_name = Some(self.type_name()?);
        let compression = if self.at(K::Compression) { Some(self.compression()?) } else { None };
        let options = self.create_generic_options()?;
        let (constraints, collation) = self.column_qualifiers()?;
        Ok(ColumnDef { name, type_name, collation, compression, constraints, options, pos })
    }

    /// COMPRESSION method | DEFAULT.
    pub(super) fn compression(&mut self) -> Result<SmolStr> {
        self.expect(K::Compression)?;
        if self.eat(K::Default) { Ok(SmolStr::new_static("default")) } else { self.col_id() }
    }

    fn like_options(&mut self) -> Result<LikeOptions> {
        let mut options = LikeOptions::default();
        while let Some(word) = self.one_of(&[K::Including, K::Excluding]) {
            let on = word == 0;
            let T::Kw(kw) = self.tok.kind else { return Err(self.unexpected()) };
            let all = kw == K::All;
            let slots = [
                (K::Comments, &mut options.comments),
                (K::Compression, &mut options.compression),
                (K::Constraints, &mut options.constraints),
                (K::Defaults, &mut options.defaults),
                (K::Generated, &mut options.generated),
                (K::Identity, &mut options.identity),
                (K::Indexes, &mut options.indexes),
                (K::Statistics, &mut options.statistics),
                (K::Storage, &mut options.storage),
            ];
            let mut known = all;
            for (name, slot) in slots {
                if all || name == kw {
                    *slot = on;
                    known = true;
                }
            }
            if !known {
                return Err(self.unexpected());
            }
            self.bump();
        }
        Ok(options)
    }

    /// Columns of a typed table or partition: names with constraints only.
    fn typed_elements(&mut self) -> Result<Vec<TableElement>> {
        if !self.at_ch(b'(') {
            return Ok(Vec::new());
        }
        self.paren_list(|p| {
            if p.at_table_constraint() {
                return Ok(TableElement::Constraint(p.table_constraint()?));
            }
            let pos = p.pos();
            let name = p.col_id()?;
            if p.eat(K::With) {
                p.expect(K::Options)?;
            }
            let (constraints, collation) = p.column_qualifiers()?;
            let column = ColumnDef { name, type_name: None, collation, compression: None, constraints, options: Vec::new(), pos };
            Ok(TableElement::Column(column))
        })
    }

    fn partition_of(&mut self, elements: &mut Vec<TableElement>) -> Result<Box<PartitionOf>> {
        self.expect_all(&[K::Partition, K::Of])?;
        let parent = self.qualified_name()?;
        *elements = self.typed_elements()?;
        Ok(Box::new(PartitionOf { parent, bound: self.partition_bound()? }))
    }

    /// PARTITION BY, if it is there.
    fn partition_spec(&mut self) -> Result<Option<Box<PartitionSpec>>> {
        let pos = self.pos();
        if !self.eat(K::Partition) {
            return Ok(None);
        }
        self.expect(K::By)?;
        let strategy = self.col_id()?;
        let params = self.paren_list(Self::partition_elem)?;
        Ok(Some(Box::new(PartitionSpec { strategy, params, pos })))
    }

    fn partition_elem(&mut self) -> Result<PartitionElem> {
        let pos = self.pos();
        let (column, expr) = self.column_or_expression()?;
        let collation = self.opt_collation()?.map(|(name, _)| name);
        let opclass = if self.at_col_id() { Some(self.any_name()?.parts) } else { None };
        Ok(PartitionElem { column, expr, collation, opclass, pos })
    }

    /// A key of an index or partition: a column, a function call, or an expression in parentheses.
    pub(super) fn column_or_expression(&mut self) -> Result<(Option<SmolStr>, Option<Expr>)> {
        let pos = self.pos();
        if self.eat_ch(b'(') {
            let expr = self.expr()?;
            self.expect_ch(b')')?;
            return Ok((None, Some(expr)));
        }
        let special = match self.kind() {
            T::Kw(kw) => self.special_function(kw, pos)?,
            _ => None,
        };
        if special.is_some() {
            return Ok((None, special));
        }
        if self.at_col_id() && !matches!(self.peek(), T::Ch(b'(' | b'.' | b'[')) {
            return Ok((Some(self.col_id()?), None));
        }
        Ok((None, Some(self.windowless_call()?)))
    }

    /// `PartitionBoundSpec`.
    pub(super) fn partition_bound(&mut self) -> Result<PartitionBound> {
        let pos = self.pos();
        if self.eat(K::Default) {
            return Ok(PartitionBound::Default { pos });
        }
        self.expect_all(&[K::For, K::Values])?;
        let pos = self.pos();
        match self.one_of(&[K::With, K::In, K::From]) {
            Some(0) => self.hash_bound(),
            Some(1) => Ok(PartitionBound::List { values: self.paren_list(Self::expr)?, pos }),
            Some(_) => {
                let lower = self.paren_list(Self::expr)?;
                self.expect(K::To)?;
                Ok(PartitionBound::Range { lower, upper: self.paren_list(Self::expr)?, pos })
            }
            None => Err(self.unexpected()),
        }
    }

    fn hash_bound(&mut self) -> Result<PartitionBound> {
        let start = self.pos();
        let parts = self.paren_list(|p| {
            let pos = p.pos();
            Ok((p.non_reserved_word()?, p.iconst()?, pos))
        })?;
        let (mut modulus, mut remainder) = (None, None);
        for (name, value, pos) in parts {
            let slot = match name.as_str() {
                "modulus" => &mut modulus,
                "remainder" => &mut remainder,
                _ => {
                    let message = format!("unrecognized hash partition bound specification \"{name}\"");
                    return Err(err!(SqlState::SYNTAX_ERROR, "{message}").at(pos));
                }
            };
            if slot.replace(value).is_some() {
                return Err(err!(SqlState::DUPLICATE_OBJECT, "{name} for hash partition provided more than once").at(pos));
            }
        }
        match (modulus, remainder) {
            (Some(modulus), Some(remainder)) => Ok(PartitionBound::Hash { modulus, remainder, pos: start }),
            (None, _) => Err(err!(SqlState::SYNTAX_ERROR, "modulus for hash partition must be specified")),
            _ => Err(err!(SqlState::SYNTAX_ERROR, "remainder for hash partition must be specified")),
        }
    }
}
