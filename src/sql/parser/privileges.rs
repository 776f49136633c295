//! GRANT, REVOKE, ALTER DEFAULT PRIVILEGES, REASSIGN OWNED.

use super::ast::*;
use super::cursor::{CreateScope, Parser};
use super::keywords::Kw as K;
use super::lexer::T;
use crate::err;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    /// GRANT privileges or roles.
    pub(super) fn grant(&mut self) -> Result<Statement> {
        self.expect(K::Grant)?;
        let privileges = self.privileges()?;
        if self.eat(K::On) {
            let target = self.privilege_target()?;
            self.expect(K::To)?;
            let grantees = self.grantees()?;
            let grant_option = self.eat_with_option(K::Grant)?;
            let grantor = self.granted_by()?;
            let behavior = DropBehavior::Restrict;
            let stmt = GrantStmt { is_grant: true, target, privileges, grantees, grant_option, grantor, behavior };
            return Ok(Statement::Grant(Box::new(stmt)));
        }
        self.check_role_list(&privileges)?;
        if self.create_scope == CreateScope::Schema {
            return Err(self.unexpected());
        }
        self.expect(K::To)?;
        let grantees = self.role_list()?;
        let admin_option = self.eat_with_option(K::Admin)?;
        let grantor = self.granted_by()?;
        let behavior = DropBehavior::Restrict;
        let stmt = GrantRoleStmt { is_grant: true, roles: privileges, grantees, admin_option, grantor, behavior };
        Ok(Statement::GrantRole(Box::new(stmt)))
    }

    pub(super) fn revoke(&mut self) -> Result<Statement> {
        self.expect(K::Revoke)?;
        let grant_option = self.at(K::Grant);
        let admin_option = self.at2(K::Admin, K::Option);
        if grant_option || admin_option {
            self.bump();
            self.expect_all(&[K::Option, K::For])?;
        }
        let privileges = self.privileges()?;
        if !admin_option && self.eat(K::On) {
            let target = self.privilege_target()?;
            self.expect(K::From)?;
            let grantees = self.grantees()?;
            let grantor = self.granted_by()?;
            let behavior = self.drop_behavior();
            let stmt = GrantStmt { is_grant: false, target, privileges, grantees, grant_option, grantor, behavior };
            return Ok(Statement::Grant(Box::new(stmt)));
        }
        if grant_option {
            return Err(self.unexpected());
        }
        self.check_role_list(&privileges)?;
        self.expect(K::From)?;
        let grantees = self.role_list()?;
        let grantor = self.granted_by()?;
        let behavior = self.drop_behavior();
        let stmt = GrantRoleStmt { is_grant: false, roles: privileges, grantees, admin_option, grantor, behavior };
        Ok(Statement::GrantRole(Box::new(stmt)))
    }

    /// ALL PRIVILEGES names no role.
    fn check_role_list(&self, privileges: &[Privilege]) -> Result<()> {
        if privileges.is_empty() { Err(self.unexpected()) } else { Ok(()) }
    }

    /// `privileges`; none means ALL.
    fn privileges(&mut self) -> Result<Vec<Privilege>> {
        let pos = self.pos();
        if self.eat(K::All) {
            self.eat(K::Privileges);
            if self.at_ch(b'(') {
                return Ok(vec![Privilege { name: None, columns: self.columns()?, pos }]);
            }
            return Ok(Vec::new());
        }
        self.list(|p| {
            let pos = p.pos();
            if p.at2(K::Alter, K::System) {
                p.bump();
                p.bump();
                return Ok(Privilege { name: Some(SmolStr::new_static("alter system")), columns: Vec::new(), pos });
            }
            let name = match p.kind() {
                T::Kw(K::Select | K::References | K::Create) => p.col_label()?,
                _ => p.col_id()?,
            };
            Ok(Privilege { name: Some(name), columns: p.opt_columns()?, pos })
        })
    }

    /// `privilege_target`.
    fn privilege_target(&mut self) -> Result<GrantTarget> {
        if self.eat(K::All) {
            let object_type = self.plural_kind()?;
            self.expect_all(&[K::In, K::Schema])?;
            return Ok(GrantTarget::AllInSchema { object_type, schemas: self.name_list()? });
        }
        let names = |object_type, names| Ok(GrantTarget::Names { object_type, names });
        let T::Kw(kw) = self.tok.kind else { return self.granted_tables() };
        match kw {
            K::Table => {
                self.bump();
                self.granted_tables()
            }
            K::Sequence if super::names::is_col_id(self.peek()) => {
                self.bump();
                let relations = self.list(Self::qualified_name)?;
                Ok(GrantTarget::Relations { object_type: ObjectType::Sequence, relations })
            }
            K::Foreign => {
                self.bump();
                match self.one_of(&[K::Data, K::Server]) {
                    Some(0) => {
                        self.expect(K::Wrapper)?;
                        names(ObjectType::Fdw, self.name_list()?)
                    }
                    Some(_) => names(ObjectType::ForeignServer, self.name_list()?),
                    None => Err(self.unexpected()),
                }
            }
            K::Function | K::Procedure | K::Routine if !matches!(self.peek(), T::Ch(b'.' | b',') | T::Kw(K::To | K::From)) => {
                let object_type = self.routine_kind().unwrap_or(ObjectType::Function);
                let routines = self.list(Self::function_with_args)?;
                Ok(GrantTarget::Routines { object_type, routines })
            }
            K::Type | K::Domain if super::names::is_col_id(self.peek()) => {
                self.bump();
                let object_type = if kw == K::Type { ObjectType::Type } else { ObjectType::Domain };
                Ok(GrantTarget::Types { object_type, names: self.list(Self::any_name)? })
            }
            K::Large if self.peek() == T::Kw(K::Object) => {
                self.bump();
                self.bump();
                names(ObjectType::LargeObject, self.list(Self::large_object)?)
            }
            K::Parameter if super::names::is_col_id(self.peek()) => {
                self.bump();
                names(ObjectType::ParameterAcl, self.list(Self::setting_name)?)
            }
            _ => self.granted_names(kw),
        }
    }

    fn granted_names(&mut self, kw: K) -> Result<GrantTarget> {
        const KINDS: [(K, ObjectType); 4] = [
            (K::Database, ObjectType::Database),
            (K::Language, ObjectType::Language),
            (K::Schema, ObjectType::Schema),
            (K::Tablespace, ObjectType::Tablespace),
        ];
        match KINDS.into_iter().find(|(word, _)| *word == kw) {
            Some((_, object_type)) if super::names::is_col_id(self.peek()) => {
                self.bump();
                Ok(GrantTarget::Names { object_type, names: self.name_list()? })
            }
            _ => self.granted_tables(),
        }
    }

    fn granted_tables(&mut self) -> Result<GrantTarget> {
        let relations = self.list(Self::qualified_name)?;
        Ok(GrantTarget::Relations { object_type: ObjectType::Table, relations })
    }

    /// TABLES, SEQUENCES, FUNCTIONS, PROCEDURES, ROUTINES.
    fn plural_kind(&mut self) -> Result<ObjectType> {
        const KINDS: [ObjectType; 5] =
            [ObjectType::Table, ObjectType::Sequence, ObjectType::Function, ObjectType::Procedure, ObjectType::Routine];
        match self.one_of(&[K::Tables, K::Sequences, K::Functions, K::Procedures, K::Routines]) {
            Some(word) => Ok(KINDS[word]),
            None => Err(self.unexpected()),
        }
    }

    /// `grantee_list`.
    fn grantees(&mut self) -> Result<Vec<RoleSpec>> {
        self.list(|p| {
            p.eat(K::Group);
            p.role_spec()
        })
    }

    /// WITH GRANT OPTION or WITH ADMIN OPTION.
    fn eat_with_option(&mut self, word: K) -> Result<bool> {
        if !self.eat(K::With) {
            return Ok(false);
        }
        self.expect(word)?;
        self.expect(K::Option)?;
        Ok(true)
    }

    fn granted_by(&mut self) -> Result<Option<RoleSpec>> {
        if !self.eat(K::Granted) {
            return Ok(None);
        }
        self.expect(K::By)?;
        self.role_spec().map(Some)
    }

    /// Behind ALTER: DEFAULT PRIVILEGES ...
    pub(super) fn alter_default_privileges(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Default, K::Privileges])?;
        let (mut schemas, mut roles) = (Vec::new(), Vec::new());
        let (mut schemas_seen, mut roles_seen) = (false, false);
        let mut twice = None;
        loop {
            let pos = self.pos();
            if self.eat(K::In) {
                self.expect(K::Schema)?;
                schemas = self.name_list()?;
                if std::mem::replace(&mut schemas_seen, true) {
                    twice.get_or_insert(pos);
                }
            } else if self.eat(K::For) {
                if self.one_of(&[K::Role, K::User]).is_none() {
                    return Err(self.unexpected());
                }
                roles = self.role_list()?;
                if std::mem::replace(&mut roles_seen, true) {
                    twice.get_or_insert(pos);
                }
            } else {
                break;
            }
        }
        let action = self.default_acl()?;
        if let (Some(pos), None) = (twice, &self.deferred_error) {
            self.deferred_error = Some(err!(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(pos));
        }
        Ok(Statement::AlterDefaultPrivileges(Box::new(AlterDefaultPrivilegesStmt { schemas, roles, action })))
    }

    /// `DefACLAction`.
    fn default_acl(&mut self) -> Result<GrantStmt> {
        let Some(word) = self.one_of(&[K::Grant, K::Revoke]) else { return Err(self.unexpected()) };
        let is_grant = word == 0;
        let mut grant_option = false;
        if !is_grant && self.at(K::Grant) {
            self.expect_all(&[K::Grant, K::Option, K::For])?;
            grant_option = true;
        }
        let privileges = self.privileges()?;
        self.expect(K::On)?;
        const KINDS: [ObjectType; 6] = [
            ObjectType::Table,
            ObjectType::Function,
            ObjectType::Function,
            ObjectType::Sequence,
            ObjectType::Type,
            ObjectType::Schema,
        ];
        let object_type = match self.one_of(&[K::Tables, K::Functions, K::Routines, K::Sequences, K::Types, K::Schemas]) {
            Some(word) => KINDS[word],
            None => return Err(self.unexpected()),
        };
        self.expect(if is_grant { K::To } else { K::From })?;
        let grantees = self.grantees()?;
        let mut behavior = DropBehavior::Restrict;
        if is_grant {
            grant_option = self.eat_with_option(K::Grant)?;
        } else {
            behavior = self.drop_behavior();
        }
        let target = GrantTarget::Defaults { object_type };
        Ok(GrantStmt { is_grant, target, privileges, grantees, grant_option, grantor: None, behavior })
    }

    /// REASSIGN OWNED BY roles TO role.
    pub(super) fn reassign_owned(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Reassign, K::Owned, K::By])?;
        let roles = self.role_list()?;
        self.expect(K::To)?;
        let new_role = self.role_spec()?;
        Ok(Statement::ReassignOwned(Box::new(ReassignOwnedStmt { roles, new_role })))
    }
}
