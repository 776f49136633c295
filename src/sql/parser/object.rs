//! Naming an existing object: COMMENT, SECURITY LABEL, DROP, ALTER EXTENSION ADD.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use crate::err;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    /// `object_type_any_name`, if one is here.
    pub(super) fn any_name_kind(&mut self) -> Result<Option<ObjectType>> {
        let T::Kw(kw) = self.tok.kind else { return Ok(None) };
        let kind = match kw {
            K::Table => ObjectType::Table,
            K::Sequence => ObjectType::Sequence,
            K::View => ObjectType::View,
            K::Index => ObjectType::Index,
            K::Collation => ObjectType::Collation,
            K::Conversion => ObjectType::Conversion,
            K::Statistics => ObjectType::Statistic,
            K::Materialized => {
                self.bump();
                self.expect(K::View)?;
                return Ok(Some(ObjectType::MatView));
            }
            K::Foreign if self.peek() == T::Kw(K::Table) => {
                self.bump();
                ObjectType::ForeignTable
            }
            K::Text => return self.text_search_kind().map(Some),
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(kind))
    }

    /// `drop_type_name`, if one is here.
    pub(super) fn single_name_kind(&mut self) -> Result<Option<ObjectType>> {
        let T::Kw(kw) = self.tok.kind else { return Ok(None) };
        let (kind, rest): (_, &[K]) = match kw {
            K::Access => (ObjectType::AccessMethod, &[K::Method]),
            K::Event => (ObjectType::EventTrigger, &[K::Trigger]),
            K::Extension => (ObjectType::Extension, &[]),
            K::Foreign => (ObjectType::Fdw, &[K::Data, K::Wrapper]),
            K::Procedural => (ObjectType::Language, &[K::Language]),
            K::Language => (ObjectType::Language, &[]),
            K::Publication => (ObjectType::Publication, &[]),
            K::Schema => (ObjectType::Schema, &[]),
            K::Server => (ObjectType::ForeignServer, &[]),
            _ => return Ok(None),
        };
        self.bump();
        self.expect_all(rest)?;
        Ok(Some(kind))
    }

    /// `object_type_name` beyond `drop_type_name`.
    fn shared_name_kind(&mut self) -> Option<ObjectType> {
        const KINDS: [(K, ObjectType); 4] = [
            (K::Database, ObjectType::Database),
            (K::Role, ObjectType::Role),
            (K::Subscription, ObjectType::Subscription),
            (K::Tablespace, ObjectType::Tablespace),
        ];
        let (_, kind) = KINDS.into_iter().find(|(kw, _)| self.at(*kw))?;
        self.bump();
        Some(kind)
    }

    /// FUNCTION, PROCEDURE, ROUTINE.
    pub(super) fn routine_kind(&mut self) -> Option<ObjectType> {
        match self.one_of(&[K::Function, K::Procedure, K::Routine])? {
            0 => Some(ObjectType::Function),
            1 => Some(ObjectType::Procedure),
            _ => Some(ObjectType::Routine),
        }
    }

    /// POLICY, RULE, TRIGGER.
    pub(super) fn part_kind(&mut self) -> Option<ObjectType> {
        match self.one_of(&[K::Policy, K::Rule, K::Trigger])? {
            0 => Some(ObjectType::Policy),
            1 => Some(ObjectType::Rule),
            _ => Some(ObjectType::Trigger),
        }
    }

    /// The object of COMMENT ON.
    fn comment_object(&mut self) -> Result<(ObjectType, ObjectRef)> {
        if let Some(kind) = self.any_name_kind()? {
            return Ok((kind, ObjectRef::Name(self.any_name()?)));
        }
        if let Some(kind) = self.single_name_kind()? {
            return Ok((kind, ObjectRef::Name(self.single_name()?)));
        }
        if let Some(kind) = self.shared_name_kind() {
            return Ok((kind, ObjectRef::Name(self.single_name()?)));
        }
        if let Some(kind) = self.part_kind() {
            let pos = self.pos();
            let name = self.col_id()?;
            self.expect(K::On)?;
            return Ok((kind, ObjectRef::Part { relation: self.any_name()?, name, pos }));
        }
        if self.eat(K::Column) {
            return Ok((ObjectType::Column, ObjectRef::Name(self.any_name()?)));
        }
        if self.eat(K::Constraint) {
            let pos = self.pos();
            let name = self.col_id()?;
            self.expect(K::On)?;
            if self.at(K::Domain) && super::names::is_col_id(self.peek()) {
                self.bump();
                let domain = self.any_name()?;
                let domain = TypeName::new(domain.parts, domain.pos);
                return Ok((ObjectType::DomConstraint, ObjectRef::DomainConstraint { domain, name }));
            }
            return Ok((ObjectType::TabConstraint, ObjectRef::Part { relation: self.any_name()?, name, pos }));
        }
        self.typed_object()
    }

    /// TYPE, DOMAIN, routines, operators, casts, transforms, large objects.
    fn typed_object(&mut self) -> Result<(ObjectType, ObjectRef)> {
        if let Some(kind) = self.routine_kind() {
            return Ok((kind, ObjectRef::Routine(self.function_with_args()?)));
        }
        match self.one_of(&[K::Type, K::Domain, K::Aggregate, K::Operator, K::Cast, K::Transform, K::Large]) {
            Some(0) => Ok((ObjectType::Type, ObjectRef::Type(self.type_name()?))),
            Some(1) => Ok((ObjectType::Domain, ObjectRef::Type(self.type_name()?))),
            Some(2) => Ok((ObjectType::Aggregate, ObjectRef::Routine(self.aggregate_with_args()?))),
            Some(3) => self.operator_object(),
            Some(4) => {
                let (source, target) = self.cast_types()?;
                Ok((ObjectType::Cast, ObjectRef::Cast { source, target }))
            }
            Some(5) => Ok((ObjectType::Transform, self.transform_object()?)),
            Some(_) => {
                self.expect(K::Object)?;
                Ok((ObjectType::LargeObject, ObjectRef::LargeObject(self.large_object()?)))
            }
            None => Err(self.unexpected()),
        }
    }

    /// FOR type LANGUAGE name.
    fn transform_object(&mut self) -> Result<ObjectRef> {
        self.expect(K::For)?;
        let type_name = self.type_name()?;
        self.expect(K::Language)?;
        Ok(ObjectRef::Transform { type_name, language: self.col_id()? })
    }

    /// Behind OPERATOR: an operator, CLASS or FAMILY.
    pub(super) fn operator_object(&mut self) -> Result<(ObjectType, ObjectRef)> {
        match self.class_or_family() {
            Some(word) => {
                let kind = if word == 0 { ObjectType::Opclass } else { ObjectType::Opfamily };
                let name = self.any_name()?;
                self.expect(K::Using)?;
                Ok((kind, ObjectRef::OpClass { name, method: self.col_id()? }))
            }
            None => Ok((ObjectType::Operator, self.operator_with_args()?)),
        }
    }

    /// `operator_with_argtypes`.
    fn operator_with_args(&mut self) -> Result<ObjectRef> {
        let name = self.any_operator()?;
        Ok(ObjectRef::Operator { name, args: self.operator_args()? })
    }

    /// `oper_argtypes`; `None` is NONE.
    pub(super) fn operator_args(&mut self) -> Result<Vec<Option<TypeName>>> {
        self.expect_ch(b'(')?;
        if self.eat(K::None) {
            self.expect_ch(b',')?;
            let right = self.type_name()?;
            self.expect_ch(b')')?;
            return Ok(vec![None, Some(right)]);
        }
        let left = self.type_name()?;
        let at = self.pos();
        if self.eat_ch(b')') {
            return Err(err!(SqlState::SYNTAX_ERROR, "missing argument")
                .hint("Use NONE to denote the missing argument of a unary operator.")
                .at(at));
        }
        self.expect_ch(b',')?;
        let right = if self.eat(K::None) { None } else { Some(self.type_name()?) };
        self.expect_ch(b')')?;
        Ok(vec![Some(left), right])
    }

    pub(super) fn large_object(&mut self) -> Result<SmolStr> {
        Ok(match self.numeric_only()? {
            DefValue::Integer(value) => SmolStr::from(value.to_string()),
            DefValue::Float(digits) => digits,
            _ => SmolStr::default(),
        })
    }

    /// COMMENT ON object IS text.
    pub(super) fn comment(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Comment, K::On])?;
        let (object_type, object) = self.comment_object()?;
        self.expect(K::Is)?;
        let comment = self.text_or_null()?;
        Ok(Statement::Comment(Box::new(CommentStmt { object_type, object, comment })))
    }

    fn text_or_null(&mut self) -> Result<Option<String>> {
        if self.eat(K::Null) { Ok(None) } else { Ok(Some(self.sconst()?.to_string())) }
    }

    /// SECURITY LABEL [FOR provider] ON object IS text.
    pub(super) fn security_label(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Security, K::Label])?;
        let provider = if self.eat(K::For) { Some(self.word_or_string()?) } else { None };
        self.expect(K::On)?;
        if matches!(self.tok.kind, T::Kw(K::Policy | K::Rule | K::Trigger | K::Constraint | K::Operator | K::Cast | K::Transform)) {
            return Err(self.unexpected());
        }
        let (object_type, object) = self.comment_object()?;
        self.expect(K::Is)?;
        let label = self.text_or_null()?;
        Ok(Statement::SecurityLabel(Box::new(SecurityLabelStmt { object_type, object, provider, label })))
    }

    /// The object of ALTER EXTENSION ADD | DROP.
    pub(super) fn extension_member(&mut self) -> Result<(ObjectType, ObjectRef)> {
        if matches!(self.tok.kind, T::Kw(K::Policy | K::Rule | K::Trigger | K::Constraint | K::Column | K::Large)) {
            return Err(self.unexpected());
        }
        self.comment_object()
    }

    /// DROP anything.
    pub(super) fn drop_stmt(&mut self) -> Result<Statement> {
        self.expect(K::Drop)?;
        match self.kind() {
            T::Kw(K::Owned) => {
                self.bump();
                self.expect(K::By)?;
                let roles = self.role_list()?;
                let behavior = self.drop_behavior();
                return Ok(Statement::DropOwned(Box::new(DropOwnedStmt { roles, behavior })));
            }
            T::Kw(K::Database) => return self.drop_database(),
            T::Kw(K::Role | K::User | K::Group) if !self.at_user_mapping() => {
                self.bump();
                let if_exists = self.if_exists()?;
                let roles = self.role_list()?;
                return Ok(Statement::DropRole(Box::new(DropRoleStmt { roles, if_exists })));
            }
            _ => {}
        }
        let mut stmt = DropStmt {
            object_type: ObjectType::Table,
            objects: Vec::new(),
            if_exists: false,
            behavior: DropBehavior::Restrict,
            concurrently: false,
        };
        self.drop_objects(&mut stmt)?;
        Ok(Statement::Drop(Box::new(stmt)))
    }

    fn drop_objects(&mut self, stmt: &mut DropStmt) -> Result<()> {
        if let Some(kind) = self.any_name_kind()? {
            stmt.object_type = kind;
            stmt.concurrently = kind == ObjectType::Index && self.eat(K::Concurrently);
            stmt.if_exists = self.if_exists()?;
            stmt.objects = self.list(|p| p.any_name().map(ObjectRef::Name))?;
        } else if let Some(kind) = self.single_name_kind()? {
            stmt.object_type = kind;
            stmt.if_exists = self.if_exists()?;
            stmt.objects = self.list(|p| p.single_name().map(ObjectRef::Name))?;
        } else if let Some(kind) = self.part_kind() {
            stmt.object_type = kind;
            stmt.if_exists = self.if_exists()?;
            let pos = self.pos();
            let name = self.col_id()?;
            self.expect(K::On)?;
            stmt.objects = vec![ObjectRef::Part { relation: self.any_name()?, name, pos }];
        } else if let Some(kind) = self.routine_kind() {
            stmt.object_type = kind;
            stmt.if_exists = self.if_exists()?;
            stmt.objects = self.list(|p| p.function_with_args().map(ObjectRef::Routine))?;
        } else {
            return self.drop_other(stmt);
        }
        stmt.behavior = self.drop_behavior();
        Ok(())
    }

    fn drop_other(&mut self, stmt: &mut DropStmt) -> Result<()> {
        let words = [K::Type, K::Domain, K::Aggregate, K::Operator, K::Cast, K::Transform, K::Subscription, K::Tablespace, K::User];
        let Some(word) = self.one_of(&words) else { return Err(self.unexpected()) };
        if words[word] == K::User {
            self.expect(K::Mapping)?;
        }
        let class = if words[word] == K::Operator { self.class_or_family() } else { None };
        stmt.if_exists = match words[word] {
            K::Cast | K::Transform | K::User => self.surely_if_exists()?,
            _ => self.if_exists()?,
        };
        match words[word] {
            K::Type | K::Domain => {
                stmt.object_type = if words[word] == K::Type { ObjectType::Type } else { ObjectType::Domain };
                stmt.objects = self.list(|p| p.type_name().map(ObjectRef::Type))?;
            }
            K::Aggregate => {
                stmt.object_type = ObjectType::Aggregate;
                stmt.objects = self.list(|p| p.aggregate_with_args().map(ObjectRef::Routine))?;
            }
            K::Operator => match class {
                Some(class) => {
                    stmt.object_type = if class == 0 { ObjectType::Opclass } else { ObjectType::Opfamily };
                    let name = self.any_name()?;
                    self.expect(K::Using)?;
                    stmt.objects = vec![ObjectRef::OpClass { name, method: self.col_id()? }];
                }
                None => {
                    stmt.object_type = ObjectType::Operator;
                    stmt.objects = self.list(Self::operator_with_args)?;
                }
            },
            K::Cast => {
                stmt.object_type = ObjectType::Cast;
                let (source, target) = self.cast_types()?;
                stmt.objects = vec![ObjectRef::Cast { source, target }];
            }
            K::Transform => {
                stmt.object_type = ObjectType::Transform;
                stmt.objects = vec![self.transform_object()?];
            }
            K::User => {
                stmt.object_type = ObjectType::UserMapping;
                let (role, server) = self.user_mapping()?;
                stmt.objects = vec![ObjectRef::UserMapping { role, server }];
                return Ok(());
            }
            kw => {
                let tablespace = kw == K::Tablespace;
                stmt.object_type = if tablespace { ObjectType::Tablespace } else { ObjectType::Subscription };
                stmt.objects = vec![ObjectRef::Name(self.single_name()?)];
                if tablespace {
                    return Ok(());
                }
            }
        }
        stmt.behavior = self.drop_behavior();
        Ok(())
    }

    fn drop_database(&mut self) -> Result<Statement> {
        self.bump();
        let if_exists = self.if_exists()?;
        let name = self.col_id()?;
        let mut options = Vec::new();
        if self.eat_any_with() || self.at_ch(b'(') {
            options = self.paren_list(|p| {
                let pos = p.pos();
                p.expect(K::Force)?;
                Ok(super::options::option("force", None, pos))
            })?;
        }
        Ok(Statement::DropDatabase(Box::new(DropDatabaseStmt { name, if_exists, options })))
    }
}
