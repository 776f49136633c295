//! ALTER of everything, RENAME, OWNER, SET SCHEMA, DROP.

use super::{
    ColumnDef, Constraint, DefElem, DropBehavior, Expr, ObjectRef, ObjectType, ObjectWithArgs, PartitionBound, PublicationObject,
    QualName, QualNameParts, RangeVar, RoleSpec, RoleStmtKind, SmolStr, TypeName, VariableSetStmt,
};

/// ALTER TABLE | INDEX | SEQUENCE | VIEW | MATERIALIZED VIEW | FOREIGN TABLE | TYPE (composite).
#[derive(Debug, Clone, PartialEq)]
pub struct AlterTableStmt {
    pub object_type: ObjectType,
    pub relation: RangeVar,
    pub if_exists: bool,
    pub commands: Vec<AlterTableCmd>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterTableCmd {
    AddColumn {
        column: Box<ColumnDef>,
        if_not_exists: bool,
    },
    DropColumn {
        name: SmolStr,
        if_exists: bool,
        behavior: DropBehavior,
    },
    /// `collation` and `using` as written; `pos` is at the column's name.
    AlterColumnType {
        name: SmolStr,
        type_name: TypeName,
        collation: Option<(QualNameParts, usize)>,
        using: Option<Expr>,
        pos: usize,
    },
    SetDefault {
        name: SmolStr,
        expr: Expr,
    },
    DropDefault {
        name: SmolStr,
    },
    SetNotNull {
        name: SmolStr,
    },
    DropNotNull {
        name: SmolStr,
    },
    DropExpression {
        name: SmolStr,
        if_exists: bool,
    },
    AddIdentity {
        name: SmolStr,
        always: bool,
        options: Vec<DefElem>,
        pos: usize,
    },
    /// Options: `generated` (Boolean: always) and sequence options, `restart`.
    SetIdentity {
        name: SmolStr,
        options: Vec<DefElem>,
    },
    DropIdentity {
        name: SmolStr,
        if_exists: bool,
    },
    /// By name, or by number for expression indexes.
    SetStatistics {
        column: ColumnKey,
        target: i32,
    },
    SetColumnOptions {
        name: SmolStr,
        options: Vec<DefElem>,
    },
    ResetColumnOptions {
        name: SmolStr,
        options: Vec<DefElem>,
    },
    SetStorage {
        name: SmolStr,
        storage: SmolStr,
    },
    SetCompression {
        name: SmolStr,
        compression: SmolStr,
    },
    AlterColumnFdwOptions {
        name: SmolStr,
        options: Vec<DefElem>,
    },
    AddConstraint(Box<Constraint>),
    AlterConstraint {
        name: SmolStr,
        deferrable: bool,
        initially_deferred: bool,
        pos: usize,
    },
    ValidateConstraint {
        name: SmolStr,
    },
    DropConstraint {
        name: SmolStr,
        if_exists: bool,
        behavior: DropBehavior,
    },
    SetWithoutOids,
    ClusterOn {
        index: SmolStr,
    },
    SetWithoutCluster,
    SetLogged,
    SetUnlogged,
    Trigger {
        action: EnableAction,
        name: SmolStr,
    },
    TriggersAll {
        enable: bool,
    },
    TriggersUser {
        enable: bool,
    },
    Rule {
        action: EnableAction,
        name: SmolStr,
    },
    Inherit(RangeVar),
    NoInherit(RangeVar),
    OfType(TypeName),
    NotOf,
    ChangeOwner(RoleSpec),
    SetAccessMethod(SmolStr),
    SetTablespace(SmolStr),
    SetOptions(Vec<DefElem>),
    ResetOptions(Vec<DefElem>),
    ReplicaIdentity(ReplicaIdentity),
    RowSecurity(RowSecurity),
    FdwOptions(Vec<DefElem>),
    /// `bound` is `None` for ALTER INDEX ... ATTACH PARTITION.
    AttachPartition {
        partition: RangeVar,
        bound: Option<PartitionBound>,
    },
    DetachPartition {
        partition: RangeVar,
        concurrently: bool,
    },
    DetachPartitionFinalize {
        partition: RangeVar,
    },
    /// ALTER TYPE name ADD / DROP / ALTER ATTRIBUTE ... CASCADE on composite types.
    AddAttribute {
        column: Box<ColumnDef>,
        behavior: DropBehavior,
    },
    DropAttribute {
        name: SmolStr,
        if_exists: bool,
        behavior: DropBehavior,
    },
    AlterAttributeType {
        name: SmolStr,
        type_name: TypeName,
        collation: Option<(QualNameParts, usize)>,
        behavior: DropBehavior,
        pos: usize,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum ColumnKey {
    Name(SmolStr),
    Number(i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnableAction {
    Enable,
    EnableAlways,
    EnableReplica,
    Disable,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ReplicaIdentity {
    Nothing,
    Full,
    Default,
    Index(SmolStr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSecurity {
    Enable,
    Disable,
    Force,
    NoForce,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterTableMoveAllStmt {
    pub object_type: ObjectType,
    pub from_tablespace: SmolStr,
    pub owned_by: Vec<RoleSpec>,
    pub to_tablespace: SmolStr,
    pub nowait: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterSeqStmt {
    pub relation: RangeVar,
    pub if_exists: bool,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterDomainStmt {
    pub name: QualName,
    pub action: AlterDomainAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterDomainAction {
    SetDefault(Expr),
    DropDefault,
    SetNotNull,
    DropNotNull,
    AddConstraint(Box<Constraint>),
    DropConstraint { name: SmolStr, if_exists: bool, behavior: DropBehavior },
    ValidateConstraint { name: SmolStr },
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterEnumStmt {
    AddValue { name: QualName, value: SmolStr, if_not_exists: bool, neighbor: Option<EnumNeighbor> },
    RenameValue { name: QualName, from: SmolStr, to: SmolStr },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumNeighbor {
    pub value: SmolStr,
    /// AFTER rather than BEFORE.
    pub after: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterTypeStmt {
    pub name: QualName,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterFunctionStmt {
    pub object_type: ObjectType,
    pub function: ObjectWithArgs,
    pub options: Vec<DefElem>,
}

/// ALTER ROLE | USER options, ALTER GROUP ADD | DROP USER.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterRoleStmt {
    pub kind: RoleStmtKind,
    pub role: RoleSpec,
    pub options: Vec<DefElem>,
    /// ALTER GROUP: `Some(true)` ADD USER, `Some(false)` DROP USER (members are in `options` as `rolemembers`).
    pub group_action: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterRoleSetStmt {
    /// `None` is ALL.
    pub role: Option<RoleSpec>,
    pub database: Option<SmolStr>,
    pub set: VariableSetStmt,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterDatabaseStmt {
    pub name: SmolStr,
    pub action: AlterDatabaseAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterDatabaseAction {
    Options(Vec<DefElem>),
    RefreshCollationVersion,
    SetTablespace(SmolStr),
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterDatabaseSetStmt {
    pub name: SmolStr,
    pub set: VariableSetStmt,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterExtensionStmt {
    pub name: SmolStr,
    pub action: AlterExtensionAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterExtensionAction {
    /// UPDATE [TO version].
    Update(Vec<DefElem>),
    Add {
        object_type: ObjectType,
        object: ObjectRef,
    },
    Drop {
        object_type: ObjectType,
        object: ObjectRef,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterPolicyStmt {
    pub name: SmolStr,
    pub table: RangeVar,
    pub roles: Option<Vec<RoleSpec>>,
    pub using: Option<Expr>,
    pub with_check: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterStatsStmt {
    pub name: QualName,
    pub if_exists: bool,
    pub target: i32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterPublicationStmt {
    pub name: SmolStr,
    pub action: AlterPublicationAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterPublicationAction {
    Options(Vec<DefElem>),
    Add(Vec<PublicationObject>),
    Set(Vec<PublicationObject>),
    Drop(Vec<PublicationObject>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterSubscriptionStmt {
    pub name: SmolStr,
    pub action: AlterSubscriptionAction,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterSubscriptionAction {
    Options(Vec<DefElem>),
    Connection(String),
    Refresh(Vec<DefElem>),
    AddPublication { names: Vec<SmolStr>, options: Vec<DefElem> },
    DropPublication { names: Vec<SmolStr>, options: Vec<DefElem> },
    SetPublication { names: Vec<SmolStr>, options: Vec<DefElem> },
    Enable,
    Disable,
    Skip(Vec<DefElem>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterEventTriggerStmt {
    pub name: SmolStr,
    pub action: EnableAction,
}

/// ALTER ... RENAME.
#[derive(Debug, Clone, PartialEq)]
pub struct RenameStmt {
    /// What is renamed; for columns, attributes and constraints `Column`, `Attribute`, `TabConstraint`, `DomConstraint`.
    pub object_type: ObjectType,
    /// The kind of relation the statement names (ALTER VIEW v RENAME COLUMN ...).
    pub relation_type: Option<ObjectType>,
    pub object: ObjectRef,
    /// Old name of a column, attribute or constraint.
    pub subname: Option<SmolStr>,
    pub new_name: SmolStr,
    pub if_exists: bool,
    pub behavior: DropBehavior,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterOwnerStmt {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub owner: RoleSpec,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterObjectSchemaStmt {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub schema: SmolStr,
    pub if_exists: bool,
}

/// `ALTER ... [NO] DEPENDS ON EXTENSION`.
#[derive(Debug, Clone, PartialEq)]
pub struct AlterObjectDependsStmt {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub extension: SmolStr,
    pub remove: bool,
}

/// DROP of everything but roles, databases and owned objects.
#[derive(Debug, Clone, PartialEq)]
pub struct DropStmt {
    pub object_type: ObjectType,
    pub objects: Vec<ObjectRef>,
    pub if_exists: bool,
    pub behavior: DropBehavior,
    pub concurrently: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DropRoleStmt {
    pub roles: Vec<RoleSpec>,
    pub if_exists: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DropDatabaseStmt {
    pub name: SmolStr,
    pub if_exists: bool,
    /// `force`.
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DropOwnedStmt {
    pub roles: Vec<RoleSpec>,
    pub behavior: DropBehavior,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReassignOwnedStmt {
    pub roles: Vec<RoleSpec>,
    pub new_role: RoleSpec,
}
