//! Transactions, settings, prepared statements, cursors, privileges, maintenance.

use super::{
    DefElem, DropBehavior, Expr, FunctionCall, ObjectRef, ObjectType, ObjectWithArgs, QualName, RangeVar, RoleSpec, SelectStmt,
    SmolStr, Statement, TypeName,
};

#[derive(Debug, Clone, PartialEq)]
pub enum TransactionStmt {
    Begin {
        modes: Vec<TransactionMode>,
    },
    /// START TRANSACTION: the same as BEGIN but for its command tag.
    Start {
        modes: Vec<TransactionMode>,
    },
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(SmolStr),
    Release(SmolStr),
    RollbackTo(SmolStr),
    PrepareTransaction(String),
    CommitPrepared(String),
    RollbackPrepared(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionMode {
    Isolation { level: IsolationLevel, pos: usize },
    ReadOnly { value: bool, pos: usize },
    Deferrable { value: bool, pos: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationLevel {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

/// SET, RESET, and what ALTER ROLE / DATABASE / SYSTEM / FUNCTION carry.
#[derive(Debug, Clone, PartialEq)]
pub struct VariableSetStmt {
    pub kind: VariableSet,
    /// SET LOCAL.
    pub local: bool,
}

/// Names are lower-cased as written unless quoted; dotted names are joined by a dot.
#[derive(Debug, Clone, PartialEq)]
pub enum VariableSet {
    /// `SET name = values`; special forms use PostgreSQL's names: `timezone`, `client_encoding`, `role`,
    /// `session_authorization`, `xmloption`, `search_path` (SET SCHEMA).
    Value {
        name: SmolStr,
        values: Vec<SetValue>,
    },
    /// `SET name TO DEFAULT`.
    Default {
        name: SmolStr,
    },
    /// `SET name FROM CURRENT`.
    Current {
        name: SmolStr,
    },
    Reset {
        name: SmolStr,
    },
    ResetAll,
    /// SET TRANSACTION modes.
    Transaction(Vec<TransactionMode>),
    /// SET SESSION CHARACTERISTICS AS TRANSACTION modes.
    SessionCharacteristics(Vec<TransactionMode>),
    /// SET TRANSACTION SNAPSHOT 'id'.
    TransactionSnapshot(String),
}

/// One value of SET.
#[derive(Debug, Clone, PartialEq)]
pub enum SetValue {
    /// A bare word or a string.
    String(SmolStr),
    Integer(i32),
    /// Any other number with its sign.
    Float(SmolStr),
    /// `SET TIME ZONE INTERVAL '...' ...`: a cast expression.
    Interval(Box<Expr>),
}

/// SHOW name; `all` for SHOW ALL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableShowStmt {
    pub name: SmolStr,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SetConstraintsStmt {
    /// Empty is ALL.
    pub constraints: Vec<RangeVar>,
    pub deferred: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PrepareStmt {
    pub name: SmolStr,
    pub arg_types: Vec<TypeName>,
    /// SELECT, INSERT, UPDATE or DELETE.
    pub query: Statement,
    /// Byte range of the query's text in the source.
    pub query_range: (usize, usize),
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExecuteStmt {
    pub name: SmolStr,
    pub params: Vec<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeclareCursorStmt {
    pub name: SmolStr,
    pub binary: bool,
    /// ASENSITIVE / INSENSITIVE.
    pub asensitive: bool,
    pub insensitive: bool,
    /// SCROLL `Some(true)`, NO SCROLL `Some(false)`.
    pub scroll: Option<bool>,
    pub hold: bool,
    pub query: Box<SelectStmt>,
    /// Byte range of the query's text in the source.
    pub query_range: (usize, usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchStmt {
    pub direction: FetchDirection,
    pub cursor: SmolStr,
    /// MOVE rather than FETCH.
    pub is_move: bool,
}

/// `i64::MAX` counts stand for ALL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchDirection {
    Forward(i64),
    Backward(i64),
    Absolute(i64),
    Relative(i64),
}

impl FetchDirection {
    /// The count that means ALL.
    pub const ALL: i64 = i64::MAX;
}

#[derive(Debug, Clone, PartialEq)]
pub struct ExplainStmt {
    /// The plain words ANALYZE and VERBOSE appear as options too.
    pub options: Vec<DefElem>,
    pub query: Statement,
}

/// VACUUM and ANALYZE; plain words appear as options (full, freeze, verbose, analyze).
#[derive(Debug, Clone, PartialEq)]
pub struct VacuumStmt {
    pub is_vacuum: bool,
    pub options: Vec<DefElem>,
    pub relations: Vec<VacuumRelation>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct VacuumRelation {
    pub relation: RangeVar,
    pub columns: Vec<SmolStr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ClusterStmt {
    pub relation: Option<RangeVar>,
    pub index: Option<SmolStr>,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReindexStmt {
    pub target: ReindexTarget,
    /// `concurrently`, `verbose`, `tablespace`.
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ReindexTarget {
    Index(RangeVar),
    Table(RangeVar),
    Schema(SmolStr),
    System(SmolStr),
    Database(SmolStr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscardMode {
    All,
    Temp,
    Plans,
    Sequences,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LockStmt {
    pub relations: Vec<RangeVar>,
    pub mode: LockMode,
    pub nowait: bool,
}

/// Table lock modes, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyStmt {
    pub channel: SmolStr,
    pub payload: Option<String>,
}

/// DO; `code` is `None` when no string was written.
#[derive(Debug, Clone, PartialEq)]
pub struct DoStmt {
    /// `as` (String) and `language`, in the order written.
    pub options: Vec<DefElem>,
}

/// CALL; `pos` is at the procedure's name.
#[derive(Debug, Clone, PartialEq)]
pub struct CallStmt {
    pub call: FunctionCall,
    pub pos: usize,
}

/// COMMENT ON; `None` is NULL.
#[derive(Debug, Clone, PartialEq)]
pub struct CommentStmt {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub comment: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SecurityLabelStmt {
    pub object_type: ObjectType,
    pub object: ObjectRef,
    pub provider: Option<SmolStr>,
    pub label: Option<String>,
}

/// GRANT and REVOKE on objects.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantStmt {
    pub is_grant: bool,
    pub target: GrantTarget,
    /// Empty is ALL PRIVILEGES.
    pub privileges: Vec<Privilege>,
    pub grantees: Vec<RoleSpec>,
    /// WITH GRANT OPTION, or GRANT OPTION FOR.
    pub grant_option: bool,
    pub grantor: Option<RoleSpec>,
    pub behavior: DropBehavior,
}

/// `name` is `None` for `ALL (columns)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Privilege {
    pub name: Option<SmolStr>,
    pub columns: Vec<SmolStr>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum GrantTarget {
    Relations {
        object_type: ObjectType,
        relations: Vec<RangeVar>,
    },
    Routines {
        object_type: ObjectType,
        routines: Vec<ObjectWithArgs>,
    },
    /// DATABASE, SCHEMA, LANGUAGE, TABLESPACE, FOREIGN ..., PARAMETER (dots joined), LARGE OBJECT numbers.
    Names {
        object_type: ObjectType,
        names: Vec<SmolStr>,
    },
    /// TYPE, DOMAIN.
    Types {
        object_type: ObjectType,
        names: Vec<QualName>,
    },
    /// ALL TABLES | SEQUENCES | FUNCTIONS | PROCEDURES | ROUTINES IN SCHEMA.
    AllInSchema {
        object_type: ObjectType,
        schemas: Vec<SmolStr>,
    },
    /// ALTER DEFAULT PRIVILEGES ... ON TABLES | FUNCTIONS ...
    Defaults {
        object_type: ObjectType,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct GrantRoleStmt {
    pub is_grant: bool,
    pub roles: Vec<Privilege>,
    pub grantees: Vec<RoleSpec>,
    pub admin_option: bool,
    pub grantor: Option<RoleSpec>,
    pub behavior: DropBehavior,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlterDefaultPrivilegesStmt {
    pub schemas: Vec<SmolStr>,
    pub roles: Vec<RoleSpec>,
    pub action: GrantStmt,
}
