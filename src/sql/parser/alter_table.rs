//! ALTER TABLE, INDEX, SEQUENCE, VIEW, MATERIALIZED VIEW, FOREIGN TABLE.

use super::ast::*;
use super::cursor::Parser;
use super::keywords::Kw as K;
use super::lexer::T;
use super::options::{flag, option};
use crate::err;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    /// ALTER of a relation; the current token is behind the kind's words.
    pub(super) fn alter_relation(&mut self, kind: ObjectType) -> Result<Statement> {
        if self.at(K::All) && matches!(kind, ObjectType::Table | ObjectType::Index | ObjectType::MatView) {
            return self.move_all(kind);
        }
        let if_exists = self.if_exists()?;
        let tables = matches!(kind, ObjectType::Table | ObjectType::ForeignTable);
        let relation = if tables { self.relation_expr()? } else { self.qualified_name()? };
        if self.at(K::Rename) {
            return self.rename_relation(kind, relation, if_exists);
        }
        if kind != ObjectType::Index && self.eat2(K::Set, K::Schema) {
            let schema = self.col_id()?;
            let object = ObjectRef::Relation(relation);
            return Ok(Statement::AlterObjectSchema(Box::new(AlterObjectSchemaStmt {
                object_type: kind,
                object,
                schema,
                if_exists,
            })));
        }
        if matches!(kind, ObjectType::Index | ObjectType::MatView) && self.at_depends() && !if_exists {
            return self.depends(kind, ObjectRef::Relation(relation));
        }
        if kind == ObjectType::Sequence {
            let no_inherit = self.at2(K::No, K::Inherit) || self.at2(K::No, K::Force);
            if !no_inherit {
                let options = self.sequence_options()?;
                if !options.is_empty() {
                    return Ok(Statement::AlterSequence(Box::new(AlterSeqStmt { relation, if_exists, options })));
                }
            }
        }
        let commands = self.relation_commands(kind)?;
        Ok(Statement::AlterTable(Box::new(AlterTableStmt { object_type: kind, relation, if_exists, commands })))
    }

    fn relation_commands(&mut self, kind: ObjectType) -> Result<Vec<AlterTableCmd>> {
        if matches!(kind, ObjectType::Table | ObjectType::Index) && self.eat(K::Attach) {
            self.expect(K::Partition)?;
            let partition = self.qualified_name()?;
            let bound = if kind == ObjectType::Table { Some(self.partition_bound()?) } else { None };
            return Ok(vec![AlterTableCmd::AttachPartition { partition, bound }]);
        }
        if kind == ObjectType::Table && self.eat(K::Detach) {
            self.expect(K::Partition)?;
            let partition = self.qualified_name()?;
            if self.eat(K::Finalize) {
                return Ok(vec![AlterTableCmd::DetachPartitionFinalize { partition }]);
            }
            let concurrently = self.eat(K::Concurrently);
            return Ok(vec![AlterTableCmd::DetachPartition { partition, concurrently }]);
        }
        self.list(Self::alter_table_cmd)
    }

    /// `ALL IN TABLESPACE a [OWNED BY roles] SET TABLESPACE b [NOWAIT]`.
    fn move_all(&mut self, object_type: ObjectType) -> Result<Statement> {
        self.expect_all(&[K::All, K::In, K::Tablespace])?;
        let from_tablespace = self.col_id()?;
        let mut owned_by = Vec::new();
        if self.eat(K::Owned) {
            self.expect(K::By)?;
            owned_by = self.role_list()?;
        }
        self.expect_all(&[K::Set, K::Tablespace])?;
        let to_tablespace = self.col_id()?;
        let nowait = self.eat(K::Nowait);
        let stmt = AlterTableMoveAllStmt { object_type, from_tablespace, owned_by, to_tablespace, nowait };
        Ok(Statement::AlterTableMoveAll(Box::new(stmt)))
    }

    /// `RENAME TO, RENAME [COLUMN] a TO b, RENAME CONSTRAINT a TO b`.
    fn rename_relation(&mut self, kind: ObjectType, relation: RangeVar, if_exists: bool) -> Result<Statement> {
        self.expect(K::Rename)?;
        let mut stmt = RenameStmt {
            object_type: kind,
            relation_type: None,
            object: ObjectRef::Relation(relation),
            subname: None,
            new_name: SmolStr::default(),
            if_exists,
            behavior: DropBehavior::Restrict,
        };
        let columns = !matches!(kind, ObjectType::Index | ObjectType::Sequence);
        if !self.at(K::To) && columns {
            stmt.relation_type = Some(kind);
            if kind == ObjectType::Table && self.eat(K::Constraint) {
                stmt.object_type = ObjectType::TabConstraint;
            } else {
                self.eat(K::Column);
                stmt.object_type = ObjectType::Column;
            }
            stmt.subname = Some(self.col_id()?);
        }
        self.expect(K::To)?;
        stmt.new_name = self.col_id()?;
        Ok(Statement::Rename(Box::new(stmt)))
    }

    /// `alter_table_cmd`.
    fn alter_table_cmd(&mut self) -> Result<AlterTableCmd> {
        let T::Kw(kw) = self.tok.kind else { return Err(self.unexpected()) };
        if kw == K::Options {
            return Ok(AlterTableCmd::FdwOptions(self.alter_generic_options()?));
        }
        const STARTS: [K; 16] = [
            K::Add,
            K::Drop,
            K::Alter,
            K::Set,
            K::Enable,
            K::Disable,
            K::Validate,
            K::Cluster,
            K::Inherit,
            K::No,
            K::Force,
            K::Of,
            K::Not,
            K::Owner,
            K::Reset,
            K::Replica,
        ];
        if self.one_of(&STARTS).is_none() {
            return Err(self.unexpected());
        }
        match kw {
            K::Add => self.alter_add(),
            K::Drop => self.alter_drop(),
            K::Alter => self.alter_alter(),
            K::Set => self.alter_set(),
            K::Enable | K::Disable => self.alter_enable(kw == K::Enable),
            K::Validate => {
                self.expect(K::Constraint)?;
                Ok(AlterTableCmd::ValidateConstraint { name: self.col_id()? })
            }
            K::Cluster => {
                self.expect(K::On)?;
                Ok(AlterTableCmd::ClusterOn { index: self.col_id()? })
            }
            K::Inherit => Ok(AlterTableCmd::Inherit(self.qualified_name()?)),
            K::No => match self.one_of(&[K::Inherit, K::Force]) {
                Some(0) => Ok(AlterTableCmd::NoInherit(self.qualified_name()?)),
                Some(_) => {
                    self.expect_all(&[K::Row, K::Level, K::Security])?;
                    Ok(AlterTableCmd::RowSecurity(RowSecurity::NoForce))
                }
                None => Err(self.unexpected()),
            },
            K::Force => {
                self.expect_all(&[K::Row, K::Level, K::Security])?;
                Ok(AlterTableCmd::RowSecurity(RowSecurity::Force))
            }
            K::Of => {
                let name = self.any_name()?;
                Ok(AlterTableCmd::OfType(TypeName::new(name.parts, name.pos)))
            }
            K::Not => {
                self.expect(K::Of)?;
                Ok(AlterTableCmd::NotOf)
            }
            K::Owner => {
                self.expect(K::To)?;
                Ok(AlterTableCmd::ChangeOwner(self.role_spec()?))
            }
            K::Reset => Ok(AlterTableCmd::ResetOptions(self.reloptions()?)),
            _ => {
                self.expect(K::Identity)?;
                Ok(AlterTableCmd::ReplicaIdentity(self.replica_identity()?))
            }
        }
    }

    fn replica_identity(&mut self) -> Result<ReplicaIdentity> {
        match self.one_of(&[K::Nothing, K::Full, K::Default, K::Using]) {
            Some(0) => Ok(ReplicaIdentity::Nothing),
            Some(1) => Ok(ReplicaIdentity::Full),
            Some(2) => Ok(ReplicaIdentity::Default),
            Some(_) => {
                self.expect(K::Index)?;
                Ok(ReplicaIdentity::Index(self.col_id()?))
            }
            None => Err(self.unexpected()),
        }
    }

    fn alter_add(&mut self) -> Result<AlterTableCmd> {
        if self.at_table_constraint() {
            return Ok(AlterTableCmd::AddConstraint(Box::new(self.table_constraint()?)));
        }
        self.eat(K::Column);
        let if_not_exists = self.if_not_exists()?;
        Ok(AlterTableCmd::AddColumn { column: Box::new(self.column_def()?), if_not_exists })
    }

    fn alter_drop(&mut self) -> Result<AlterTableCmd> {
        let constraint = self.eat(K::Constraint);
        if !constraint {
            self.eat(K::Column);
        }
        let if_exists = self.if_exists()?;
        let name = self.col_id()?;
        let behavior = self.drop_behavior();
        Ok(if constraint {
            AlterTableCmd::DropConstraint { name, if_exists, behavior }
        } else {
            AlterTableCmd::DropColumn { name, if_exists, behavior }
        })
    }

    fn alter_set(&mut self) -> Result<AlterTableCmd> {
        if self.at_ch(b'(') {
            return Ok(AlterTableCmd::SetOptions(self.reloptions()?));
        }
        match self.one_of(&[K::Without, K::Logged, K::Unlogged, K::Access, K::Tablespace]) {
            Some(0) => match self.one_of(&[K::Oids, K::Cluster]) {
                Some(0) => Ok(AlterTableCmd::SetWithoutOids),
                Some(_) => Ok(AlterTableCmd::SetWithoutCluster),
                None => Err(self.unexpected()),
            },
            Some(1) => Ok(AlterTableCmd::SetLogged),
            Some(2) => Ok(AlterTableCmd::SetUnlogged),
            Some(3) => {
                self.expect(K::Method)?;
                Ok(AlterTableCmd::SetAccessMethod(self.col_id()?))
            }
            Some(_) => Ok(AlterTableCmd::SetTablespace(self.col_id()?)),
            None => Err(self.unexpected()),
        }
    }

    /// ENABLE | DISABLE TRIGGER, RULE, ROW LEVEL SECURITY.
    fn alter_enable(&mut self, enable: bool) -> Result<AlterTableCmd> {
        let mut action = if enable { EnableAction::Enable } else { EnableAction::Disable };
        if enable {
            match self.one_of(&[K::Always, K::Replica]) {
                Some(0) => action = EnableAction::EnableAlways,
                Some(_) => action = EnableAction::EnableReplica,
                None => {}
            }
        }
        let plain = matches!(action, EnableAction::Enable | EnableAction::Disable);
        match self.one_of(&[K::Trigger, K::Rule, K::Row]) {
            Some(0) if plain && self.eat(K::All) => Ok(AlterTableCmd::TriggersAll { enable }),
            Some(0) if plain && self.eat(K::User) => Ok(AlterTableCmd::TriggersUser { enable }),
            Some(0) => Ok(AlterTableCmd::Trigger { action, name: self.col_id()? }),
            Some(1) => Ok(AlterTableCmd::Rule { action, name: self.col_id()? }),
            Some(_) if plain => {
                self.expect_all(&[K::Level, K::Security])?;
                Ok(AlterTableCmd::RowSecurity(if enable { RowSecurity::Enable } else { RowSecurity::Disable }))
            }
            _ => Err(self.unexpected()),
        }
    }

    fn alter_alter(&mut self) -> Result<AlterTableCmd> {
        let pos = self.pos();
        if self.eat(K::Constraint) {
            let name = self.col_id()?;
            let (deferrable, initially_deferred) = self.deferral("FOREIGN KEY")?;
            return Ok(AlterTableCmd::AlterConstraint { name, deferrable, initially_deferred, pos });
        }
        self.eat(K::Column);
        if let T::Int(number) = self.tok.kind {
            self.bump();
            self.expect_all(&[K::Set, K::Statistics])?;
            return Ok(AlterTableCmd::SetStatistics { column: ColumnKey::Number(number), target: self.signed_iconst()? });
        }
        let pos = self.pos();
        let name = self.col_id()?;
        match self.kind() {
            T::Kw(K::Options) => Ok(AlterTableCmd::AlterColumnFdwOptions { name, options: self.alter_generic_options()? }),
            T::Kw(K::Reset) => {
                self.bump();
                Ok(AlterTableCmd::ResetColumnOptions { name, options: self.reloptions()? })
            }
            T::Kw(K::Restart) => self.alter_identity(name),
            T::Kw(K::Drop) => {
                self.bump();
                self.alter_column_drop(name)
            }
            T::Kw(K::Add) => {
                let at = self.pos();
                self.bump();
                self.expect(K::Generated)?;
                let always = self.generated_when()?;
                self.expect_all(&[K::As, K::Identity])?;
                Ok(AlterTableCmd::AddIdentity { name, always, options: self.paren_sequence_options()?, pos: at })
            }
            T::Kw(K::Set) if self.peek() != T::Kw(K::Data) => self.alter_column_set(name),
            T::Kw(K::Set | K::Type) => {
                if self.eat(K::Set) {
                    self.expect(K::Data)?;
                }
                self.expect(K::Type)?;
                let type_name = self.type_name()?;
                let collation = self.opt_collation()?;
                let using = if self.eat(K::Using) { Some(self.expr()?) } else { None };
                Ok(AlterTableCmd::AlterColumnType { name, type_name, collation, using, pos })
            }
            _ => Err(self.unexpected()),
        }
    }

    fn alter_column_drop(&mut self, name: SmolStr) -> Result<AlterTableCmd> {
        match self.one_of(&[K::Default, K::Not, K::Expression, K::Identity]) {
            Some(0) => Ok(AlterTableCmd::DropDefault { name }),
            Some(1) => {
                self.expect(K::Null)?;
                Ok(AlterTableCmd::DropNotNull { name })
            }
            Some(2) => Ok(AlterTableCmd::DropExpression { name, if_exists: self.surely_if_exists()? }),
            Some(_) => Ok(AlterTableCmd::DropIdentity { name, if_exists: self.surely_if_exists()? }),
            None => Err(self.unexpected()),
        }
    }

    fn alter_column_set(&mut self, name: SmolStr) -> Result<AlterTableCmd> {
        match self.peek() {
            T::Kw(K::Default) => {
                self.bump();
                self.bump();
                Ok(AlterTableCmd::SetDefault { name, expr: self.expr()? })
            }
            T::Kw(K::Not) => {
                self.bump();
                self.bump();
                self.expect(K::Null)?;
                Ok(AlterTableCmd::SetNotNull { name })
            }
            T::Kw(K::Statistics) => {
                self.bump();
                self.bump();
                Ok(AlterTableCmd::SetStatistics { column: ColumnKey::Name(name), target: self.signed_iconst()? })
            }
            T::Kw(K::Storage) => {
                self.bump();
                self.bump();
                Ok(AlterTableCmd::SetStorage { name, storage: self.col_id()? })
            }
            T::Kw(K::Compression) => {
                self.bump();
                Ok(AlterTableCmd::SetCompression { name, compression: self.compression()? })
            }
            T::Ch(b'(') => {
                self.bump();
                Ok(AlterTableCmd::SetColumnOptions { name, options: self.reloptions()? })
            }
            _ => self.alter_identity(name),
        }
    }

    /// `RESTART [WITH n]`, `SET GENERATED ...`, `SET sequence option`, several in a row.
    fn alter_identity(&mut self, name: SmolStr) -> Result<AlterTableCmd> {
        let mut options = Vec::new();
        loop {
            let pos = self.pos();
            if self.eat(K::Restart) {
                let number = self.eat_any_with() || self.at_number();
                options.push(option("restart", if number { Some(self.numeric_only()?) } else { None }, pos));
            } else if self.eat(K::Set) {
                if self.eat(K::Generated) {
                    options.push(flag("generated", self.generated_when()?, pos));
                } else {
                    let Some(found) = self.sequence_option()? else { return Err(self.unexpected()) };
                    if matches!(found.name.as_str(), "as" | "restart" | "owned_by") {
                        let message = format!("sequence option \"{}\" not supported here", found.name);
                        return Err(err!(SqlState::SYNTAX_ERROR, "{message}").at(found.pos));
                    }
                    options.push(found);
                }
            } else if options.is_empty() {
                return Err(self.unexpected());
            } else {
                return Ok(AlterTableCmd::SetIdentity { name, options });
            }
        }
    }
}
