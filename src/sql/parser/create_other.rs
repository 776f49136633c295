//! CREATE of casts, collations, operators, text search, publications, statistics, languages, foreign objects.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use crate::err;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    pub(super) fn create_cast(&mut self) -> Result<Statement> {
        self.bump();
        let (source, target) = self.cast_types()?;
        let method = if self.eat(K::Without) {
            self.expect(K::Function)?;
            CastMethod::WithoutFunction
        } else {
            self.expect(K::With)?;
            match self.one_of(&[K::Function, K::Inout]) {
                Some(0) => CastMethod::Function(self.function_with_args()?),
                Some(_) => CastMethod::InOut,
                None => return Err(self.unexpected()),
            }
        };
        let mut context = CastContext::Explicit;
        if self.eat(K::As) {
            context = match self.one_of(&[K::Implicit, K::Assignment]) {
                Some(0) => CastContext::Implicit,
                Some(_) => CastContext::Assignment,
                None => return Err(self.unexpected()),
            };
        }
        Ok(Statement::CreateCast(Box::new(CreateCastStmt { source, target, method, context })))
    }

    /// `(type AS type)`.
    pub(super) fn cast_types(&mut self) -> Result<(TypeName, TypeName)> {
        self.expect_ch(b'(')?;
        let source = self.type_name()?;
        self.expect(K::As)?;
        let target = self.type_name()?;
        self.expect_ch(b')')?;
        Ok((source, target))
    }

    fn define(&mut self, kind: ObjectType, name: QualName, if_not_exists: bool) -> Result<Statement> {
        let from = if kind == ObjectType::Collation && self.eat(K::From) { Some(self.any_name()?) } else { None };
        let definition = if from.is_some() { Vec::new() } else { self.definition()? };
        let stmt = DefineStmt { kind, name, or_replace: false, if_not_exists, params: None, old_style: false, definition, from };
        Ok(Statement::Define(Box::new(stmt)))
    }

    pub(super) fn create_collation(&mut self) -> Result<Statement> {
        self.bump();
        let if_not_exists = self.if_not_exists()?;
        let name = self.any_name()?;
        self.define(ObjectType::Collation, name, if_not_exists)
    }

    pub(super) fn create_operator(&mut self) -> Result<Statement> {
        self.bump();
        let pos = self.pos();
        let op = self.any_operator()?;
        let mut parts = op.qualifier.map_or_else(Vec::new, |q| q.into_vec());
        parts.push(op.symbol);
        self.define(ObjectType::Operator, QualName { parts, pos }, false)
    }

    pub(super) fn create_text_search(&mut self) -> Result<Statement> {
        let kind = self.text_search_kind()?;
        let name = self.any_name()?;
        self.define(kind, name, false)
    }

    /// TEXT SEARCH PARSER | DICTIONARY | TEMPLATE | CONFIGURATION.
    pub(super) fn text_search_kind(&mut self) -> Result<ObjectType> {
        self.expect_all(&[K::Text, K::Search])?;
        match self.one_of(&[K::Parser, K::Dictionary, K::Template, K::Configuration]) {
            Some(0) => Ok(ObjectType::TsParser),
            Some(1) => Ok(ObjectType::TsDictionary),
            Some(2) => Ok(ObjectType::TsTemplate),
            Some(_) => Ok(ObjectType::TsConfiguration),
            None => Err(self.unexpected()),
        }
    }

    pub(super) fn create_statistics(&mut self) -> Result<Statement> {
        self.bump();
        let if_not_exists = self.if_not_exists()?;
        let name = Some(self.any_name()?);
        let kinds = self.opt_columns()?;
        self.expect(K::On)?;
        let exprs = self.list(|p| {
            let (column, expr) = p.column_or_expression()?;
            Ok(StatsElem { column, expr })
        })?;
        self.expect(K::From)?;
        let relations = self.table_refs()?;
        Ok(Statement::CreateStatistics(Box::new(CreateStatsStmt { name, if_not_exists, kinds, exprs, relations })))
    }

    pub(super) fn create_publication(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        let mut for_all_tables = false;
        let mut objects = Vec::new();
        if self.eat(K::For) {
            if self.eat(K::All) {
                self.expect(K::Tables)?;
                for_all_tables = true;
            } else {
                objects = self.publication_objects()?;
            }
        }
        let options = self.opt_definition()?;
        Ok(Statement::CreatePublication(Box::new(CreatePublicationStmt { name, for_all_tables, objects, options })))
    }

    /// `pub_obj_list`: a name alone is of the kind of the object before it.
    pub(super) fn publication_objects(&mut self) -> Result<Vec<PublicationObject>> {
        let mut table = None;
        let (mut fault, mut misnamed) = (None, None);
        let objects = self.list(|p| {
            // ONLY alone gives the grammar no place to point to.
            let pos = if p.at(K::Only) { 0 } else { p.pos() };
            if p.at(K::Table) {
                p.bump();
                table = Some(true);
                return p.publication_table();
            }
            if p.at2(K::Tables, K::In) {
                p.bump();
                p.bump();
                p.expect(K::Schema)?;
                table = Some(false);
            } else if table.is_none() {
                fault.get_or_insert(pos);
            }
            let pos = p.pos();
            if table == Some(false) {
                if p.eat(K::CurrentSchema) {
                    return Ok(PublicationObject::CurrentSchema { pos });
                }
                return Ok(PublicationObject::Schema { name: p.col_id()?, pos });
            }
            if p.at(K::CurrentSchema) {
                p.bump();
                misnamed.get_or_insert(pos);
                return Ok(PublicationObject::CurrentSchema { pos });
            }
            p.publication_table()
        })?;
        match fault {
            Some(pos) => Err(err!(SqlState::SYNTAX_ERROR, "invalid publication object list")
                .detail("One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.")
                .at(pos)),
            None => match misnamed {
                Some(pos) => Err(err!(SqlState::SYNTAX_ERROR, "invalid table name").at(pos)),
                None => Ok(objects),
            },
        }
    }

    fn publication_table(&mut self) -> Result<PublicationObject> {
        let relation = self.relation_expr()?;
        let columns = self.opt_columns()?;
        let where_clause = if self.eat(K::Where) { Some(self.paren_expr()?) } else { None };
        Ok(PublicationObject::Table { relation, columns, where_clause })
    }

    pub(super) fn create_subscription(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        self.expect(K::Connection)?;
        let connection = self.sconst()?.to_string();
        self.expect(K::Publication)?;
        let publications = self.name_list()?;
        let options = self.opt_definition()?;
        Ok(Statement::CreateSubscription(Box::new(CreateSubscriptionStmt { name, connection, publications, options })))
    }

    /// Kinds of objects whose statements carry no more than their name here.
    pub(super) fn create_exotic(&mut self, kw: K) -> Result<Statement> {
        let pos = self.pos();
        let (kind, name) = match kw {
            K::Access => {
                self.expect_all(&[K::Access, K::Method])?;
                let name = self.single_name()?;
                self.expect(K::Type)?;
                if self.one_of(&[K::Index, K::Table]).is_none() {
                    return Err(self.unexpected());
                }
                self.expect(K::Handler)?;
                self.any_name()?;
                ("ACCESS METHOD", Some(name))
            }
            K::Assertion => {
                self.bump();
                self.any_name()?;
                self.expect(K::Check)?;
                self.paren_expr()?;
                self.deferral("ASSERTION")?;
                return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "CREATE ASSERTION is not yet implemented"));
            }
            K::Conversion | K::Default => {
                if kw == K::Default {
                    self.bump();
                }
                self.expect(K::Conversion)?;
                let name = self.any_name()?;
                self.expect(K::For)?;
                self.sconst()?;
                self.expect(K::To)?;
                self.sconst()?;
                self.expect(K::From)?;
                self.any_name()?;
                ("CONVERSION", Some(name))
            }
            K::Trusted | K::Procedural | K::Language => ("LANGUAGE", Some(self.create_language()?)),
            K::Foreign => {
                self.expect_all(&[K::Foreign, K::Data, K::Wrapper])?;
                let name = self.single_name()?;
                self.fdw_options()?;
                self.create_generic_options()?;
                ("FOREIGN DATA WRAPPER", Some(name))
            }
            K::Server => ("SERVER", Some(self.create_server()?)),
            K::User => {
                self.expect_all(&[K::User, K::Mapping])?;
                self.surely_if_not_exists()?;
                self.user_mapping()?;
                self.create_generic_options()?;
                ("USER MAPPING", None)
            }
            K::Transform => {
                self.create_transform()?;
                ("TRANSFORM", None)
            }
            K::Operator => return self.create_operator_class(),
            _ => return Err(self.unexpected()),
        };
        Ok(Statement::CreateOther(Box::new(OtherStmt { kind, name, pos })))
    }

    /// One unqualified name as a `QualName`.
    pub(super) fn single_name(&mut self) -> Result<QualName> {
        let pos = self.pos();
        Ok(QualName { parts: vec![self.col_id()?], pos })
    }

    fn create_language(&mut self) -> Result<QualName> {
        self.eat(K::Trusted);
        self.eat(K::Procedural);
        self.expect(K::Language)?;
        let name = self.single_name()?;
        if self.eat(K::Handler) {
            self.any_name()?;
            if self.eat(K::Inline) {
                self.any_name()?;
            }
            if self.eat2(K::No, K::Validator) {
            } else if self.eat(K::Validator) {
                self.any_name()?;
            }
        }
        Ok(name)
    }

    /// HANDLER, NO HANDLER, VALIDATOR, NO VALIDATOR.
    pub(super) fn fdw_options(&mut self) -> Result<bool> {
        let mut any = false;
        loop {
            if self.eat(K::No) {
                if self.one_of(&[K::Handler, K::Validator]).is_none() {
                    return Err(self.unexpected());
                }
            } else if self.one_of(&[K::Handler, K::Validator]).is_some() {
                self.any_name()?;
            } else {
                return Ok(any);
            }
            any = true;
        }
    }

    fn create_server(&mut self) -> Result<QualName> {
        self.bump();
        self.if_not_exists()?;
        let name = self.single_name()?;
        if self.eat(K::Type) {
            self.sconst()?;
        }
        self.server_version()?;
        self.expect_all(&[K::Foreign, K::Data, K::Wrapper])?;
        self.col_id()?;
        self.create_generic_options()?;
        Ok(name)
    }

    /// VERSION 'x' | NULL, if it is there.
    pub(super) fn server_version(&mut self) -> Result<bool> {
        if !self.eat(K::Version) {
            return Ok(false);
        }
        if !self.eat(K::Null) {
            self.sconst()?;
        }
        Ok(true)
    }

    /// FOR role SERVER name.
    pub(super) fn user_mapping(&mut self) -> Result<(RoleSpec, SmolStr)> {
        self.expect(K::For)?;
        let pos = self.pos();
        let role = if self.eat(K::User) { RoleSpec { kind: RoleKind::CurrentUser, pos } } else { self.role_spec()? };
        self.expect(K::Server)?;
        Ok((role, self.col_id()?))
    }

    fn create_transform(&mut self) -> Result<()> {
        self.expect_all(&[K::Transform, K::For])?;
        self.type_name()?;
        self.expect(K::Language)?;
        self.col_id()?;
        self.expect_ch(b'(')?;
        let Some(first) = self.one_of(&[K::From, K::To]) else { return Err(self.unexpected()) };
        self.expect_all(&[K::Sql, K::With, K::Function])?;
        self.function_with_args()?;
        if self.eat_ch(b',') {
            self.expect(if first == 0 { K::To } else { K::From })?;
            self.expect_all(&[K::Sql, K::With, K::Function])?;
            self.function_with_args()?;
        }
        self.expect_ch(b')')
    }

    fn create_operator_class(&mut self) -> Result<Statement> {
        let pos = self.pos();
        self.bump();
        let class = self.bump().kind == T::Kw(K::Class);
        let name = Some(self.any_name()?);
        if class {
            self.eat(K::Default);
            self.expect_all(&[K::For, K::Type])?;
            self.type_name()?;
        }
        self.expect(K::Using)?;
        self.col_id()?;
        if class {
            if self.eat(K::Family) {
                self.any_name()?;
            }
            self.expect(K::As)?;
            self.operator_class_items()?;
        }
        let kind = if class { "OPERATOR CLASS" } else { "OPERATOR FAMILY" };
        Ok(Statement::CreateOther(Box::new(OtherStmt { kind, name, pos })))
    }

    /// `opclass_item_list`.
    pub(super) fn operator_class_items(&mut self) -> Result<()> {
        self.list(|p| {
            match p.one_of(&[K::Operator, K::Function, K::Storage]) {
                Some(0) => {
                    p.iconst()?;
                    p.any_operator()?;
                    if p.at_ch(b'(') {
                        p.operator_args()?;
                    }
                    if p.eat(K::For) {
                        match p.one_of(&[K::Search, K::Order]) {
                            Some(0) => {}
                            Some(_) => {
                                p.expect(K::By)?;
                                p.any_name()?;
                            }
                            None => return Err(p.unexpected()),
                        }
                    }
                    p.eat(K::Recheck);
                }
                Some(1) => {
                    p.iconst()?;
                    if p.at_ch(b'(') {
                        p.paren_list(Self::type_name)?;
                    }
                    p.function_with_args()?;
                }
                Some(_) => {
                    p.type_name()?;
                }
                None => return Err(p.unexpected()),
            }
            Ok(())
        })?;
        Ok(())
    }
}
