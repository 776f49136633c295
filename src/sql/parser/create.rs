//! CREATE: telling the kinds apart; indexes, views, sequences, schemas, databases, types, domains, roles.

use super::ast::*;
use super::cursor::{CreateScope, Parser};
use super::keywords::Kw as K;
use super::lexer::T;
use super::options::{flag, option, text_option};
use crate::err;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    /// CREATE anything.
    pub(super) fn create(&mut self) -> Result<Statement> {
        self.expect(K::Create)?;
        let or_replace = self.at(K::Or);
        if or_replace {
            self.expect_all(&[K::Or, K::Replace])?;
        }
        let persistence = self.opt_temp(or_replace)?;
        let T::Kw(kw) = self.tok.kind else { return Err(self.unexpected()) };
        if !self.may_create(kw, or_replace) {
            return Err(self.unexpected());
        }
        match kw {
            K::View => {
                self.bump();
                return self.create_view(or_replace, persistence, false);
            }
            K::Recursive => {
                self.bump();
                self.expect(K::View)?;
                return self.create_view(or_replace, persistence, true);
            }
            _ if or_replace && persistence != Persistence::Permanent => return Err(self.unexpected()),
            _ if or_replace => return self.create_or_replace(kw),
            K::Table => {
                self.bump();
                return self.create_table(persistence);
            }
            K::Sequence => {
                self.bump();
                return self.create_sequence(persistence);
            }
            K::Materialized if persistence != Persistence::Temporary => {
                self.bump();
                self.expect(K::View)?;
                return self.create_materialized_view(persistence);
            }
            _ if persistence != Persistence::Permanent => return Err(self.unexpected()),
            _ => {}
        }
        match kw {
            K::Unique | K::Index => self.create_index(),
            K::Schema => self.create_schema(),
            K::Database => self.create_database(),
            K::Tablespace => self.create_tablespace(),
            K::Type => self.create_type(),
            K::Domain => self.create_domain(),
            K::Extension => self.create_extension(),
            K::Role | K::Group => self.create_role(kw),
            K::User if !self.at_user_mapping() => self.create_role(kw),
            K::Policy => self.create_policy(),
            K::Statistics => self.create_statistics(),
            K::Cast => self.create_cast(),
            K::Collation => self.create_collation(),
            K::Publication => self.create_publication(),
            K::Subscription => self.create_subscription(),
            K::Event => self.create_event_trigger(),
            K::Foreign if self.peek() == T::Kw(K::Table) => {
                self.bump();
                self.bump();
                self.create_foreign_table()
            }
            K::Text => self.create_text_search(),
            K::Operator if !matches!(self.peek(), T::Kw(K::Class | K::Family)) || self.peek_at(1) == T::Ch(b'.') => {
                self.create_operator()
            }
            K::Function | K::Procedure | K::Trigger | K::Constraint | K::Rule | K::Aggregate => self.create_replaceable(kw, false),
            _ => self.create_exotic(kw),
        }
    }

    /// Whether the place CREATE stands in allows this kind.
    fn may_create(&self, kw: K, or_replace: bool) -> bool {
        match self.create_scope {
            CreateScope::Statement => true,
            CreateScope::Explain => !or_replace && matches!(kw, K::Table | K::Materialized),
            CreateScope::Schema => {
                matches!(kw, K::Table | K::View | K::Recursive | K::Index | K::Unique | K::Sequence | K::Trigger | K::Constraint)
            }
        }
    }

    fn create_or_replace(&mut self, kw: K) -> Result<Statement> {
        match kw {
            K::Function | K::Procedure | K::Trigger | K::Constraint | K::Rule | K::Aggregate => self.create_replaceable(kw, true),
            K::Language | K::Trusted | K::Procedural | K::Transform => self.create_exotic(kw),
            _ => Err(self.unexpected()),
        }
    }

    fn create_replaceable(&mut self, kw: K, or_replace: bool) -> Result<Statement> {
        self.bump();
        match kw {
            K::Function => self.create_function(or_replace, false),
            K::Procedure => self.create_function(or_replace, true),
            K::Trigger => self.create_trigger(or_replace, false),
            K::Constraint => {
                self.expect(K::Trigger)?;
                self.create_trigger(or_replace, true)
            }
            K::Rule => self.create_rule(or_replace),
            _ => self.create_aggregate(or_replace),
        }
    }

    /// `OptTemp`; UNLOGGED is no choice behind OR REPLACE.
    fn opt_temp(&mut self, or_replace: bool) -> Result<Persistence> {
        match self.one_of(&[K::Temporary, K::Temp, K::Local, K::Global]) {
            Some(0 | 1) => Ok(Persistence::Temporary),
            Some(_) => match self.one_of(&[K::Temporary, K::Temp]) {
                Some(_) => Ok(Persistence::Temporary),
                None => Err(self.unexpected()),
            },
            None if self.at(K::Unlogged) && !or_replace => {
                self.bump();
                Ok(Persistence::Unlogged)
            }
            None => Ok(Persistence::Permanent),
        }
    }

    fn create_view(&mut self, or_replace: bool, persistence: Persistence, recursive: bool) -> Result<Statement> {
        let mut relation = self.qualified_name()?;
        relation.persistence = persistence;
        let columns = if recursive { self.columns()? } else { self.opt_columns()? };
        let options = self.opt_reloptions()?;
        self.expect(K::As)?;
        let start = self.pos();
        let mut query = Box::new(self.select_no_parens()?);
        let query_range = (start, self.last_end);
        let mut check_option = None;
        let at = self.pos();
        if self.eat(K::With) {
            let local = self.eat(K::Local);
            if !local {
                self.eat(K::Cascaded);
            }
            self.expect_all(&[K::Check, K::Option])?;
            check_option = Some(if local { CheckOption::Local } else { CheckOption::Cascaded });
            if recursive {
                return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "WITH CHECK OPTION not supported on recursive views").at(at));
            }
        }
        if recursive {
            query = Box::new(recursive_view_query(&relation, &columns, query, start));
        }
        let stmt = ViewStmt { or_replace, relation, columns, recursive, options, query, query_range, check_option };
        Ok(Statement::CreateView(Box::new(stmt)))
    }

    fn create_sequence(&mut self, persistence: Persistence) -> Result<Statement> {
        let if_not_exists = self.if_not_exists()?;
        let mut relation = self.qualified_name()?;
        relation.persistence = persistence;
        let options = self.sequence_options()?;
        Ok(Statement::CreateSequence(Box::new(CreateSeqStmt { relation, if_not_exists, options })))
    }

    fn create_index(&mut self) -> Result<Statement> {
        let unique = self.eat(K::Unique);
        self.expect(K::Index)?;
        let concurrently = self.eat(K::Concurrently);
        let if_not_exists = self.if_not_exists()?;
        let name = if if_not_exists || !self.at(K::On) { Some(self.col_id()?) } else { None };
        self.expect(K::On)?;
        let relation = self.relation_expr()?;
        let method = if self.eat(K::Using) { Some(self.col_id()?) } else { None };
        let columns = self.paren_list(Self::index_elem)?;
        let including = if self.eat(K::Include) { self.paren_list(Self::index_elem)? } else { Vec::new() };
        let nulls_not_distinct = self.nulls_not_distinct()?;
        let options = self.opt_reloptions()?;
        let tablespace = if self.eat(K::Tablespace) { Some(self.col_id()?) } else { None };
        let where_clause = self.where_clause()?;
        Ok(Statement::CreateIndex(Box::new(IndexStmt {
            unique,
            concurrently,
            if_not_exists,
            name,
            relation,
            method,
            columns,
            including,
            nulls_not_distinct,
            options,
            tablespace,
            where_clause,
        })))
    }

    /// `index_elem`.
    pub(super) fn index_elem(&mut self) -> Result<IndexElem> {
        let pos = self.pos();
        let (column, expr) = self.column_or_expression()?;
        let collation = self.opt_collation()?.map(|(name, _)| name);
        let opclass = if self.at_col_id() { Some(self.any_name()?.parts) } else { None };
        let opclass_options = if opclass.is_some() && self.at_ch(b'(') { self.reloptions()? } else { Vec::new() };
        let direction = self.sort_direction();
        let nulls = self.nulls_order();
        Ok(IndexElem { column, expr, collation, opclass, opclass_options, direction, nulls, pos })
    }

    fn create_schema(&mut self) -> Result<Statement> {
        self.bump();
        let if_not_exists = self.if_not_exists()?;
        let name = if self.at(K::Authorization) { None } else { Some(self.col_id()?) };
        let authorization = if self.eat(K::Authorization) { Some(self.role_spec()?) } else { None };
        let at = self.pos();
        let mut elements = Vec::new();
        self.create_scope = CreateScope::Schema;
        while let Some(element) = self.schema_element()? {
            elements.push(element);
        }
        self.create_scope = CreateScope::Statement;
        if if_not_exists && !elements.is_empty() {
            let message = "CREATE SCHEMA IF NOT EXISTS cannot include schema elements";
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "{message}").at(at));
        }
        Ok(Statement::CreateSchema(Box::new(CreateSchemaStmt { name, authorization, if_not_exists, elements })))
    }

    fn schema_element(&mut self) -> Result<Option<Statement>> {
        if self.at(K::Grant) {
            return self.grant().map(Some);
        }
        if self.at(K::Create) { self.create().map(Some) } else { Ok(None) }
    }

    fn create_database(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        self.eat_any_with();
        let options = self.database_options()?;
        Ok(Statement::CreateDatabase(Box::new(CreateDatabaseStmt { name, options })))
    }

    /// `createdb_opt_list`.
    pub(super) fn database_options(&mut self) -> Result<Vec<DefElem>> {
        let mut options = Vec::new();
        loop {
            let pos = self.pos();
            let name = match self.kind() {
                T::Ident | T::UnicodeIdent | T::Kw(K::Encoding | K::Location | K::Owner | K::Tablespace | K::Template) => {
                    self.col_id()?
                }
                T::Kw(K::Connection) => {
                    self.bump();
                    self.expect(K::Limit)?;
                    SmolStr::new_static("connection_limit")
                }
                _ => return Ok(options),
            };
            self.eat_ch(b'=');
            let value = if self.eat(K::Default) {
                None
            } else if self.at_number() {
                Some(self.numeric_only()?)
            } else {
                Some(DefValue::String(self.boolean_or_string()?))
            };
            options.push(option(&name, value, pos));
        }
    }

    fn create_tablespace(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        let owner = if self.eat(K::Owner) { Some(self.role_spec()?) } else { None };
        self.expect(K::Location)?;
        let location = self.sconst()?;
        let options = self.opt_reloptions()?;
        Ok(Statement::CreateTablespace(Box::new(CreateTablespaceStmt { name, owner, location, options })))
    }

    fn create_type(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.any_name()?;
        let kind = if self.at_ch(b'(') {
            CreateTypeKind::Base(self.definition()?)
        } else if !self.eat(K::As) {
            CreateTypeKind::Shell
        } else if self.eat(K::Enum) {
            self.expect_ch(b'(')?;
            let labels = if self.at_ch(b')') { Vec::new() } else { self.list(Self::sconst)? };
            self.expect_ch(b')')?;
            CreateTypeKind::Enum(labels)
        } else if self.eat(K::Range) {
            CreateTypeKind::Range(self.definition()?)
        } else {
            self.expect_ch(b'(')?;
            let columns = if self.at_ch(b')') { Vec::new() } else { self.list(Self::attribute_def)? };
            self.expect_ch(b')')?;
            CreateTypeKind::Composite(columns)
        };
        Ok(Statement::CreateType(Box::new(CreateTypeStmt { name, kind })))
    }

    /// `TableFuncElement` as a column.
    pub(super) fn attribute_def(&mut self) -> Result<ColumnDef> {
        let column = self.table_func_element()?;
        Ok(ColumnDef {
            name: column.name,
            type_name: Some(column.type_name),
            collation: column.collation,
            compression: None,
            constraints: Vec::new(),
            options: Vec::new(),
            pos: column.pos,
        })
    }

    fn create_domain(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.any_name()?;
        self.eat(K::As);
        let type_name = self.type_name()?;
        let (constraints, collation) = self.column_qualifiers()?;
        Ok(Statement::CreateDomain(Box::new(CreateDomainStmt { name, type_name, collation, constraints })))
    }

    fn create_extension(&mut self) -> Result<Statement> {
        self.bump();
        let if_not_exists = self.if_not_exists()?;
        let name = self.col_id()?;
        self.eat_any_with();
        let mut options = Vec::new();
        loop {
            let pos = self.pos();
            match self.one_of(&[K::Schema, K::Version, K::Cascade, K::From]) {
                Some(0) => options.push(text_option("schema", self.col_id()?, pos)),
                Some(1) => options.push(text_option("new_version", self.word_or_string()?, pos)),
                Some(2) => options.push(flag("cascade", true, pos)),
                Some(_) => {
                    self.word_or_string()?;
                    return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "CREATE EXTENSION ... FROM is no longer supported").at(pos));
                }
                None => break,
            }
        }
        Ok(Statement::CreateExtension(Box::new(CreateExtensionStmt { name, if_not_exists, options })))
    }

    fn create_role(&mut self, kw: K) -> Result<Statement> {
        self.bump();
        let kind = role_kind(kw);
        let name = self.role_id()?;
        self.eat_any_with();
        let mut options = Vec::new();
        while let Some(option) = self.role_option(true)? {
            options.push(option);
        }
        Ok(Statement::CreateRole(Box::new(CreateRoleStmt { kind, name, options })))
    }

    /// `CreateOptRoleElem` (`create`) or `AlterOptRoleElem`, if one is here.
    pub(super) fn role_option(&mut self, create: bool) -> Result<Option<DefElem>> {
        let pos = self.pos();
        if self.tok.kind == T::Ident {
            let word = self.col_id()?;
            return match named_role_option(&word) {
                Some((name, on)) => Ok(Some(flag(name, on, pos))),
                None => Err(err!(SqlState::SYNTAX_ERROR, "unrecognized role option \"{word}\"").at(pos)),
            };
        }
        let T::Kw(kw) = self.tok.kind else { return Ok(None) };
        let found = match kw {
            K::Password | K::Encrypted => {
                self.bump();
                if kw == K::Encrypted {
                    self.expect(K::Password)?;
                }
                if kw == K::Password && self.eat(K::Null) {
                    option("password", None, pos)
                } else {
                    text_option("password", self.sconst()?, pos)
                }
            }
            K::Unencrypted => {
                self.bump();
                self.expect(K::Password)?;
                self.sconst()?;
                return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "UNENCRYPTED PASSWORD is no longer supported")
                    .hint("Remove UNENCRYPTED to store the password in encrypted form instead.")
                    .at(pos));
            }
            K::Inherit => {
                self.bump();
                flag("inherit", true, pos)
            }
            K::Connection => {
                self.bump();
                self.expect(K::Limit)?;
                option("connectionlimit", Some(DefValue::Integer(self.signed_iconst()?)), pos)
            }
            K::Valid => {
                self.bump();
                self.expect(K::Until)?;
                text_option("validUntil", self.sconst()?, pos)
            }
            K::User => {
                self.bump();
                option("rolemembers", Some(DefValue::Roles(self.role_list()?)), pos)
            }
            _ if create => return self.create_role_option(kw, pos),
            _ => return Ok(None),
        };
        Ok(Some(found))
    }

    fn create_role_option(&mut self, kw: K, pos: usize) -> Result<Option<DefElem>> {
        let name = match kw {
            K::Sysid => {
                self.bump();
                return Ok(Some(option("sysid", Some(DefValue::Integer(self.iconst()?)), pos)));
            }
            K::Admin => "adminmembers",
            K::Role => "rolemembers",
            K::In => "addroleto",
            _ => return Ok(None),
        };
        self.bump();
        if kw == K::In && self.one_of(&[K::Role, K::Group]).is_none() {
            return Err(self.unexpected());
        }
        Ok(Some(option(name, Some(DefValue::Roles(self.role_list()?)), pos)))
    }
}

/// ROLE, USER or GROUP.
pub(super) fn role_kind(kw: K) -> RoleStmtKind {
    match kw {
        K::User => RoleStmtKind::User,
        K::Group => RoleStmtKind::Group,
        _ => RoleStmtKind::Role,
    }
}

fn named_role_option(word: &str) -> Option<(&'static str, bool)> {
    Some(match word {
        "superuser" => ("superuser", true),
        "nosuperuser" => ("superuser", false),
        "createrole" => ("createrole", true),
        "nocreaterole" => ("createrole", false),
        "replication" => ("isreplication", true),
        "noreplication" => ("isreplication", false),
        "createdb" => ("createdb", true),
        "nocreatedb" => ("createdb", false),
        "login" => ("canlogin", true),
        "nologin" => ("canlogin", false),
        "bypassrls" => ("bypassrls", true),
        "nobypassrls" => ("bypassrls", false),
        "noinherit" => ("inherit", false),
        _ => return None,
    })
}

/// `WITH RECURSIVE view (columns) AS (query) SELECT columns FROM view`.
fn recursive_view_query(relation: &RangeVar, columns: &[SmolStr], query: Box<SelectStmt>, pos: usize) -> SelectStmt {
    let targets = columns.iter().map(|name| {
        let column = ColumnRef { names: vec![name.clone()], star: false };
        Target { name: None, expr: Expr::new(ExprNode::Column(column), pos), pos }
    });
    let core = SelectCore {
        targets: targets.collect(),
        from: vec![FromItem::Table(Box::new(RangeVar::bare(relation.name.clone(), pos)))],
        ..Default::default()
    };
    let cte = Cte {
        name: relation.name.clone(),
        columns: columns.to_vec(),
        materialized: None,
        query: Box::new(Statement::Select(query)),
        search: None,
        cycle: None,
        pos,
    };
    SelectStmt {
        with: Some(Box::new(WithClause { recursive: true, ctes: vec![cte], pos })),
        body: SelectBody::Select(Box::new(core)),
        order_by: Vec::new(),
        limit: Limit::default(),
        locking: Vec::new(),
    }
}
