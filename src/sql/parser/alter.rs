//! ALTER of everything that is no table.

use super::ast::*;
use super::create::role_kind;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use super::names::named_role;
use super::options::{option, text_option};
use crate::error::Result;

/// Which of the ALTERs common to many kinds a kind has.
#[derive(Clone, Copy)]
struct Common {
    rename: bool,
    owner: bool,
    schema: bool,
    depends: bool,
}

const fn common(rename: bool, owner: bool, schema: bool, depends: bool) -> Common {
    Common { rename, owner, schema, depends }
}

impl Parser<'_> {
    /// ALTER anything.
    pub(super) fn alter(&mut self) -> Result<Statement> {
        self.expect(K::Alter)?;
        let T::Kw(kw) = self.tok.kind else { return Err(self.unexpected()) };
        match kw {
            K::Table | K::Index | K::Sequence | K::View | K::Materialized | K::Foreign
                if kw != K::Foreign || self.peek() == T::Kw(K::Table) =>
            {
                match self.any_name_kind()? {
                    Some(kind) => self.alter_relation(kind),
                    None => Err(self.unexpected()),
                }
            }
            K::Type => self.alter_type(),
            K::Domain => self.alter_domain(),
            K::Function | K::Procedure | K::Routine => self.alter_routine(),
            K::Role | K::User | K::Group if !self.at_user_mapping() => self.alter_role(kw),
            K::Database => self.alter_database(),
            K::Extension => self.alter_extension(),
            K::System => self.alter_system(),
            K::Default => self.alter_default_privileges(),
            K::Policy => self.alter_policy(),
            K::Trigger | K::Rule => self.alter_part(),
            K::Event => self.alter_event_trigger(),
            K::Statistics => self.alter_statistics(),
            K::Publication => self.alter_publication(),
            K::Subscription => self.alter_subscription(),
            K::Aggregate => {
                self.bump();
                let object = ObjectRef::Routine(self.aggregate_with_args()?);
                self.alter_common(ObjectType::Aggregate, object, common(true, true, true, false))
            }
            _ => self.alter_other(kw),
        }
    }

    /// RENAME TO, OWNER TO, SET SCHEMA, `[NO] DEPENDS`, as far as the kind has them.
    fn alter_common(&mut self, object_type: ObjectType, object: ObjectRef, has: Common) -> Result<Statement> {
        if has.rename && self.eat(K::Rename) {
            self.expect(K::To)?;
            return self.renamed(object_type, object, false);
        }
        if has.owner && self.eat(K::Owner) {
            self.expect(K::To)?;
            let owner = self.role_spec()?;
            return Ok(Statement::AlterOwner(Box::new(AlterOwnerStmt { object_type, object, owner })));
        }
        if has.schema && self.eat(K::Set) {
            self.expect(K::Schema)?;
            let schema = self.col_id()?;
            let stmt = AlterObjectSchemaStmt { object_type, object, schema, if_exists: false };
            return Ok(Statement::AlterObjectSchema(Box::new(stmt)));
        }
        if has.depends && matches!(self.kind(), T::Kw(K::No | K::Depends)) {
            return self.depends(object_type, object);
        }
        Err(self.unexpected())
    }

    fn renamed(&mut self, object_type: ObjectType, object: ObjectRef, if_exists: bool) -> Result<Statement> {
        let new_name = self.col_id()?;
        Ok(Statement::Rename(Box::new(RenameStmt {
            object_type,
            relation_type: None,
            object,
            subname: None,
            new_name,
            if_exists,
            behavior: DropBehavior::Restrict,
        })))
    }

    pub(super) fn at_depends(&mut self) -> bool {
        self.at(K::Depends) || self.at2(K::No, K::Depends)
    }

    /// `[NO] DEPENDS ON EXTENSION name`.
    pub(super) fn depends(&mut self, object_type: ObjectType, object: ObjectRef) -> Result<Statement> {
        let remove = self.eat(K::No);
        self.expect_all(&[K::Depends, K::On, K::Extension])?;
        let extension = self.col_id()?;
        Ok(Statement::AlterObjectDepends(Box::new(AlterObjectDependsStmt { object_type, object, extension, remove })))
    }

    fn alter_type(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.any_name()?;
        if self.at2(K::Add, K::Value) {
            self.bump();
            self.bump();
            return self.alter_enum_add(name);
        }
        if self.at(K::Rename) {
            return self.rename_in_type(name);
        }
        if self.at(K::Set) && self.peek() == T::Ch(b'(') {
            self.bump();
            return Ok(Statement::AlterType(Box::new(AlterTypeStmt { name, options: self.operator_definition()? })));
        }
        if matches!(self.tok.kind, T::Kw(K::Owner | K::Set)) {
            return self.alter_common(ObjectType::Type, ObjectRef::Name(name), common(false, true, true, false));
        }
        let commands = self.list(Self::attribute_cmd)?;
        let relation = self.range_var(name, "qualified")?;
        let stmt = AlterTableStmt { object_type: ObjectType::Type, relation, if_exists: false, commands };
        Ok(Statement::AlterTable(Box::new(stmt)))
    }

    fn alter_enum_add(&mut self, name: QualName) -> Result<Statement> {
        let if_not_exists = self.at(K::If);
        if if_not_exists {
            self.expect_all(&[K::If, K::Not, K::Exists])?;
        }
        let value = self.sconst()?;
        let neighbor = match self.one_of(&[K::Before, K::After]) {
            Some(word) => Some(EnumNeighbor { value: self.sconst()?, after: word == 1 }),
            None => None,
        };
        Ok(Statement::AlterEnum(Box::new(AlterEnumStmt::AddValue { name, value, if_not_exists, neighbor })))
    }

    fn rename_in_type(&mut self, name: QualName) -> Result<Statement> {
        self.expect(K::Rename)?;
        if self.eat(K::Value) {
            let from = self.sconst()?;
            self.expect(K::To)?;
            let to = self.sconst()?;
            return Ok(Statement::AlterEnum(Box::new(AlterEnumStmt::RenameValue { name, from, to })));
        }
        if self.eat(K::Attribute) {
            let object = ObjectRef::Relation(self.range_var(name, "qualified")?);
            let subname = Some(self.col_id()?);
            self.expect(K::To)?;
            let new_name = self.col_id()?;
            let behavior = self.drop_behavior();
            let (object_type, relation_type) = (ObjectType::Attribute, Some(ObjectType::Type));
            let stmt = RenameStmt { object_type, relation_type, object, subname, new_name, if_exists: false, behavior };
            return Ok(Statement::Rename(Box::new(stmt)));
        }
        self.expect(K::To)?;
        self.renamed(ObjectType::Type, ObjectRef::Name(name), false)
    }

    /// `alter_type_cmd`.
    fn attribute_cmd(&mut self) -> Result<AlterTableCmd> {
        let Some(word) = self.one_of(&[K::Add, K::Drop, K::Alter]) else { return Err(self.unexpected()) };
        self.expect(K::Attribute)?;
        match word {
            0 => {
                let column = Box::new(self.attribute_def()?);
                Ok(AlterTableCmd::AddAttribute { column, behavior: self.drop_behavior() })
            }
            1 => {
                let if_exists = self.if_exists()?;
                Ok(AlterTableCmd::DropAttribute { name: self.col_id()?, if_exists, behavior: self.drop_behavior() })
            }
            _ => {
                let pos = self.pos();
                let name = self.col_id()?;
                if self.eat(K::Set) {
                    self.expect(K::Data)?;
                }
                self.expect(K::Type)?;
                let type_name = self.type_name()?;
                let collation = self.opt_collation()?;
                let behavior = self.drop_behavior();
                Ok(AlterTableCmd::AlterAttributeType { name, type_name, collation, behavior, pos })
            }
        }
    }

    fn alter_domain(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.any_name()?;
        let action = match self.kind() {
            T::Kw(K::Set) if matches!(self.peek(), T::Kw(K::Default | K::Not)) => {
                self.bump();
                if self.eat(K::Default) {
                    AlterDomainAction::SetDefault(self.expr()?)
                } else {
                    self.expect_all(&[K::Not, K::Null])?;
                    AlterDomainAction::SetNotNull
                }
            }
            T::Kw(K::Drop) => {
                self.bump();
                match self.one_of(&[K::Default, K::Not, K::Constraint]) {
                    Some(0) => AlterDomainAction::DropDefault,
                    Some(1) => {
                        self.expect(K::Null)?;
                        AlterDomainAction::DropNotNull
                    }
                    Some(_) => {
                        let if_exists = self.if_exists()?;
                        let name = self.col_id()?;
                        AlterDomainAction::DropConstraint { name, if_exists, behavior: self.drop_behavior() }
                    }
                    None => return Err(self.unexpected()),
                }
            }
            T::Kw(K::Add) => {
                self.bump();
                AlterDomainAction::AddConstraint(Box::new(self.table_constraint()?))
            }
            T::Kw(K::Validate) => {
                self.bump();
                self.expect(K::Constraint)?;
                AlterDomainAction::ValidateConstraint { name: self.col_id()? }
            }
            T::Kw(K::Rename) if self.peek() == T::Kw(K::Constraint) => return self.rename_domain_constraint(name),
            _ => return self.alter_common(ObjectType::Domain, ObjectRef::Name(name), common(true, true, true, false)),
        };
        Ok(Statement::AlterDomain(Box::new(AlterDomainStmt { name, action })))
    }

    fn rename_domain_constraint(&mut self, name: QualName) -> Result<Statement> {
        self.expect_all(&[K::Rename, K::Constraint])?;
        let subname = Some(self.col_id()?);
        self.expect(K::To)?;
        let new_name = self.col_id()?;
        Ok(Statement::Rename(Box::new(RenameStmt {
            object_type: ObjectType::DomConstraint,
            relation_type: None,
            object: ObjectRef::Name(name),
            subname,
            new_name,
            if_exists: false,
            behavior: DropBehavior::Restrict,
        })))
    }

    fn alter_routine(&mut self) -> Result<Statement> {
        let Some(object_type) = self.routine_kind() else { return Err(self.unexpected()) };
        let function = self.function_with_args()?;
        let set_schema = self.at2(K::Set, K::Schema) && super::names::is_col_id(self.peek_at(1));
        if set_schema || matches!(self.kind(), T::Kw(K::Rename | K::Owner | K::No | K::Depends)) {
            return self.alter_common(object_type, ObjectRef::Routine(function), common(true, true, true, true));
        }
        let options = self.alter_function_options()?;
        Ok(Statement::AlterFunction(Box::new(AlterFunctionStmt { object_type, function, options })))
    }

    fn alter_role(&mut self, kw: K) -> Result<Statement> {
        self.bump();
        let kind = role_kind(kw);
        if kw != K::Group && self.eat(K::All) {
            return self.alter_role_set(None);
        }
        let role = self.role_spec()?;
        if self.at(K::Rename) {
            let pos = role.pos;
            let object = ObjectRef::Name(QualName { parts: vec![named_role(role)?], pos });
            self.bump();
            self.expect(K::To)?;
            let new_name = self.role_id()?;
            return Ok(Statement::Rename(Box::new(RenameStmt {
                object_type: ObjectType::Role,
                relation_type: None,
                object,
                subname: None,
                new_name,
                if_exists: false,
                behavior: DropBehavior::Restrict,
            })));
        }
        if kw == K::Group {
            let pos = self.pos();
            let Some(word) = self.one_of(&[K::Add, K::Drop]) else { return Err(self.unexpected()) };
            self.expect(K::User)?;
            let options = vec![option("rolemembers", Some(DefValue::Roles(self.role_list()?)), pos)];
            return Ok(Statement::AlterRole(Box::new(AlterRoleStmt { kind, role, options, group_action: Some(word == 0) })));
        }
        if matches!(self.tok.kind, T::Kw(K::Set | K::Reset | K::In)) {
            return self.alter_role_set(Some(role));
        }
        self.eat_any_with();
        let mut options = Vec::new();
        while let Some(option) = self.role_option(false)? {
            options.push(option);
        }
        Ok(Statement::AlterRole(Box::new(AlterRoleStmt { kind, role, options, group_action: None })))
    }

    fn alter_role_set(&mut self, role: Option<RoleSpec>) -> Result<Statement> {
        let database = if self.eat(K::In) {
            self.expect(K::Database)?;
            Some(self.col_id()?)
        } else {
            None
        };
        let set = self.set_reset_clause()?;
        Ok(Statement::AlterRoleSet(Box::new(AlterRoleSetStmt { role, database, set })))
    }

    fn alter_database(&mut self) -> Result<Statement> {
        self.bump();
        let object = self.single_name()?;
        let name = object.parts[0].clone();
        let action = match self.kind() {
            T::Kw(kw @ (K::Rename | K::Owner)) if kw == K::Rename || self.peek() == T::Kw(K::To) => {
                return self.alter_common(ObjectType::Database, ObjectRef::Name(object), common(true, true, false, false));
            }
            T::Kw(K::Set) if self.peek() == T::Kw(K::Tablespace) => {
                self.bump();
                self.bump();
                AlterDatabaseAction::SetTablespace(self.col_id()?)
            }
            T::Kw(K::Set | K::Reset) => {
                let set = self.set_reset_clause()?;
                return Ok(Statement::AlterDatabaseSet(Box::new(AlterDatabaseSetStmt { name, set })));
            }
            T::Kw(K::Refresh) => {
                self.expect_all(&[K::Refresh, K::Collation, K::Version])?;
                AlterDatabaseAction::RefreshCollationVersion
            }
            _ => {
                self.eat_any_with();
                AlterDatabaseAction::Options(self.database_options()?)
            }
        };
        Ok(Statement::AlterDatabase(Box::new(AlterDatabaseStmt { name, action })))
    }

    fn alter_extension(&mut self) -> Result<Statement> {
        self.bump();
        let object = self.single_name()?;
        let name = object.parts[0].clone();
        let action = match self.one_of(&[K::Update, K::Add, K::Drop]) {
            Some(0) => {
                let mut options = Vec::new();
                let pos = self.pos();
                while self.eat(K::To) {
                    options.push(text_option("new_version", self.word_or_string()?, pos));
                }
                AlterExtensionAction::Update(options)
            }
            Some(word) => {
                let (object_type, object) = self.extension_member()?;
                if word == 1 {
                    AlterExtensionAction::Add { object_type, object }
                } else {
                    AlterExtensionAction::Drop { object_type, object }
                }
            }
            None => return self.alter_common(ObjectType::Extension, ObjectRef::Name(object), common(false, false, true, false)),
        };
        Ok(Statement::AlterExtension(Box::new(AlterExtensionStmt { name, action })))
    }

    fn alter_policy(&mut self) -> Result<Statement> {
        self.bump();
        let if_exists = self.if_exists()?;
        let pos = self.pos();
        let name = self.col_id()?;
        self.expect(K::On)?;
        let table = self.qualified_name()?;
        if self.at(K::Rename) || if_exists {
            self.expect_all(&[K::Rename, K::To])?;
            let parts = [table.catalog, table.schema, Some(table.name)].into_iter().flatten().collect();
            let relation = QualName { parts, pos: table.pos };
            return self.renamed(ObjectType::Policy, ObjectRef::Part { relation, name, pos }, if_exists);
        }
        let roles = if self.eat(K::To) { Some(self.role_list()?) } else { None };
        let (using, with_check) = self.policy_conditions()?;
        Ok(Statement::AlterPolicy(Box::new(AlterPolicyStmt { name, table, roles, using, with_check })))
    }

    /// ALTER TRIGGER | RULE name ON table.
    fn alter_part(&mut self) -> Result<Statement> {
        let Some(kind) = self.part_kind() else { return Err(self.unexpected()) };
        let pos = self.pos();
        let name = self.col_id()?;
        self.expect(K::On)?;
        let table = self.qualified_name()?;
        let parts = [table.catalog, table.schema, Some(table.name)].into_iter().flatten().collect();
        let object = ObjectRef::Part { relation: QualName { parts, pos: table.pos }, name, pos };
        self.alter_common(kind, object, common(true, false, false, kind == ObjectType::Trigger))
    }

    fn alter_event_trigger(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Event, K::Trigger])?;
        let object = self.single_name()?;
        let name = object.parts[0].clone();
        let action = match self.one_of(&[K::Enable, K::Disable]) {
            Some(0) => match self.one_of(&[K::Replica, K::Always]) {
                Some(0) => EnableAction::EnableReplica,
                Some(_) => EnableAction::EnableAlways,
                None => EnableAction::Enable,
            },
            Some(_) => EnableAction::Disable,
            None => return self.alter_common(ObjectType::EventTrigger, ObjectRef::Name(object), common(true, true, false, false)),
        };
        Ok(Statement::AlterEventTrigger(Box::new(AlterEventTriggerStmt { name, action })))
    }

    fn alter_statistics(&mut self) -> Result<Statement> {
        self.bump();
        let if_exists = self.if_exists()?;
        let name = self.any_name()?;
        if if_exists || self.at2(K::Set, K::Statistics) {
            self.expect_all(&[K::Set, K::Statistics])?;
            let target = self.signed_iconst()?;
            return Ok(Statement::AlterStatistics(Box::new(AlterStatsStmt { name, if_exists, target })));
        }
        self.alter_common(ObjectType::Statistic, ObjectRef::Name(name), common(true, true, true, false))
    }

    fn alter_publication(&mut self) -> Result<Statement> {
        self.bump();
        let object = self.single_name()?;
        let name = object.parts[0].clone();
        let action = match self.kind() {
            T::Kw(K::Set) if self.peek() == T::Ch(b'(') => {
                self.bump();
                AlterPublicationAction::Options(self.definition()?)
            }
            _ => match self.one_of(&[K::Add, K::Set, K::Drop]) {
                Some(0) => AlterPublicationAction::Add(self.publication_objects()?),
                Some(1) => AlterPublicationAction::Set(self.publication_objects()?),
                Some(_) => AlterPublicationAction::Drop(self.publication_objects()?),
                None => {
                    return self.alter_common(ObjectType::Publication, ObjectRef::Name(object), common(true, true, false, false));
                }
            },
        };
        Ok(Statement::AlterPublication(Box::new(AlterPublicationStmt { name, action })))
    }

    fn alter_subscription(&mut self) -> Result<Statement> {
        self.bump();
        let object = self.single_name()?;
        let name = object.parts[0].clone();
        let action = match self.one_of(&[K::Set, K::Connection, K::Refresh, K::Add, K::Drop, K::Enable, K::Disable, K::Skip]) {
            Some(0) if self.at_ch(b'(') => AlterSubscriptionAction::Options(self.definition()?),
            Some(word @ (0 | 3 | 4)) => {
                self.expect(K::Publication)?;
                let names = self.name_list()?;
                let options = self.opt_definition()?;
                match word {
                    0 => AlterSubscriptionAction::SetPublication { names, options },
                    3 => AlterSubscriptionAction::AddPublication { names, options },
                    _ => AlterSubscriptionAction::DropPublication { names, options },
                }
            }
            Some(1) => AlterSubscriptionAction::Connection(self.sconst()?.to_string()),
            Some(2) => {
                self.expect(K::Publication)?;
                AlterSubscriptionAction::Refresh(self.opt_definition()?)
            }
            Some(5) => AlterSubscriptionAction::Enable,
            Some(6) => AlterSubscriptionAction::Disable,
            Some(_) => AlterSubscriptionAction::Skip(self.definition()?),
            None => return self.alter_common(ObjectType::Subscription, ObjectRef::Name(object), common(true, true, false, false)),
        };
        Ok(Statement::AlterSubscription(Box::new(AlterSubscriptionStmt { name, action })))
    }

    /// Schemas, collations, conversions, languages, operators, tablespaces, text search, foreign objects.
    fn alter_other(&mut self, kw: K) -> Result<Statement> {
        let pos = self.pos();
        let other = |kind, name| Ok(Statement::AlterOther(Box::new(OtherStmt { kind, name, pos })));
        match kw {
            K::Collation => {
                self.bump();
                let name = self.any_name()?;
                if self.eat(K::Refresh) {
                    self.expect(K::Version)?;
                    return other("COLLATION", Some(name));
                }
                self.alter_common(ObjectType::Collation, ObjectRef::Name(name), common(true, true, true, false))
            }
            K::Conversion => {
                self.bump();
                let name = ObjectRef::Name(self.any_name()?);
                self.alter_common(ObjectType::Conversion, name, common(true, true, true, false))
            }
            K::Schema | K::Language | K::Procedural => {
                let Some(kind) = self.single_name_kind()? else { return Err(self.unexpected()) };
                let name = ObjectRef::Name(self.single_name()?);
                self.alter_common(kind, name, common(true, true, false, false))
            }
            K::Large => {
                self.expect_all(&[K::Large, K::Object])?;
                let object = ObjectRef::LargeObject(self.large_object()?);
                self.alter_common(ObjectType::LargeObject, object, common(false, true, false, false))
            }
            K::Tablespace => {
                self.bump();
                let name = self.single_name()?;
                if self.one_of(&[K::Set, K::Reset]).is_some() {
                    self.reloptions()?;
                    return other("TABLESPACE", Some(name));
                }
                self.alter_common(ObjectType::Tablespace, ObjectRef::Name(name), common(true, true, false, false))
            }
            K::Operator => self.alter_operator(pos),
            K::Text => self.alter_text_search(pos),
            K::Foreign => {
                self.expect_all(&[K::Foreign, K::Data, K::Wrapper])?;
                let name = self.single_name()?;
                let changed = self.fdw_options()?;
                if self.at(K::Options) {
                    self.alter_generic_options()?;
                } else if !changed {
                    return self.alter_common(ObjectType::Fdw, ObjectRef::Name(name), common(true, true, false, false));
                }
                other("FOREIGN DATA WRAPPER", Some(name))
            }
            K::Server => {
                self.bump();
                let name = self.single_name()?;
                let changed = self.server_version()?;
                if self.at(K::Options) {
                    self.alter_generic_options()?;
                } else if !changed {
                    return self.alter_common(ObjectType::ForeignServer, ObjectRef::Name(name), common(true, true, false, false));
                }
                other("SERVER", Some(name))
            }
            K::User => {
                self.expect_all(&[K::User, K::Mapping])?;
                self.user_mapping()?;
                self.alter_generic_options()?;
                other("USER MAPPING", None)
            }
            _ => Err(self.unexpected()),
        }
    }

    /// `( name = value | NONE, ... )` of ALTER OPERATOR and ALTER TYPE.
    fn operator_definition(&mut self) -> Result<Vec<DefElem>> {
        self.paren_list(|p| {
            let pos = p.pos();
            let name = p.col_label()?;
            p.expect_ch(b'=')?;
            let value = if p.eat(K::None) { None } else { Some(p.def_arg()?) };
            Ok(option(&name, value, pos))
        })
    }

    fn alter_operator(&mut self, pos: usize) -> Result<Statement> {
        self.bump();
        let (kind, object) = self.operator_object()?;
        let name = match &object {
            ObjectRef::OpClass { name, .. } => Some(name.clone()),
            ObjectRef::Operator { name, .. } => Some(QualName { parts: vec![name.symbol.clone()], pos }),
            _ => None,
        };
        if kind == ObjectType::Operator && self.at(K::Set) && self.peek() == T::Ch(b'(') {
            self.bump();
            self.operator_definition()?;
            return Ok(Statement::AlterOther(Box::new(OtherStmt { kind: "OPERATOR", name, pos })));
        }
        if kind == ObjectType::Opfamily {
            match self.one_of(&[K::Add, K::Drop]) {
                Some(0) => self.operator_class_items()?,
                Some(_) => {
                    self.list(|p| {
                        if p.one_of(&[K::Operator, K::Function]).is_none() {
                            return Err(p.unexpected());
                        }
                        p.iconst()?;
                        p.paren_list(Self::type_name)
                    })?;
                }
                None => return self.alter_common(kind, object, common(true, true, true, false)),
            }
            return Ok(Statement::AlterOther(Box::new(OtherStmt { kind: "OPERATOR FAMILY", name, pos })));
        }
        self.alter_common(kind, object, common(kind != ObjectType::Operator, true, true, false))
    }

    fn alter_text_search(&mut self, pos: usize) -> Result<Statement> {
        let kind = self.text_search_kind()?;
        let name = self.any_name()?;
        let label = match kind {
            ObjectType::TsDictionary => "TEXT SEARCH DICTIONARY",
            _ => "TEXT SEARCH CONFIGURATION",
        };
        let done = |name| Ok(Statement::AlterOther(Box::new(OtherStmt { kind: label, name: Some(name), pos })));
        if kind == ObjectType::TsDictionary && self.at_ch(b'(') {
            self.definition()?;
            return done(name);
        }
        if kind == ObjectType::TsConfiguration && matches!(self.tok.kind, T::Kw(K::Add | K::Alter | K::Drop)) {
            let action = self.bump().kind;
            self.expect(K::Mapping)?;
            if action == T::Kw(K::Drop) {
                self.surely_if_exists()?;
            }
            let replace = action == T::Kw(K::Alter) && self.eat(K::Replace);
            if !replace {
                self.expect(K::For)?;
                self.name_list()?;
            }
            if replace || (action == T::Kw(K::Alter) && self.eat(K::Replace)) {
                self.any_name()?;
                self.expect_any_with()?;
                self.any_name()?;
            } else if action != T::Kw(K::Drop) {
                self.expect_any_with()?;
                self.list(Self::any_name)?;
            }
            return done(name);
        }
        let owner = matches!(kind, ObjectType::TsDictionary | ObjectType::TsConfiguration);
        self.alter_common(kind, ObjectRef::Name(name), common(true, owner, true, false))
    }
}
