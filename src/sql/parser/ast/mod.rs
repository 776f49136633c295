//! The syntax tree: what a statement says, before any name is looked up.
//!
//! Node shapes follow PostgreSQL's raw parse tree (`gram.y` / `parsenodes.h`), so that everything said there about name
//! resolution, error positions and deparsing can be applied here unchanged. Every `pos` is a byte offset into the source
//! text the statement was parsed from, at the place PostgreSQL's own node location points to. Identifiers are already
//! case-folded and cut to 63 bytes.
//!
//! - `expr`: expressions, function calls, type names
//! - `select`: queries and table expressions
//! - `dml`: INSERT, UPDATE, DELETE, MERGE, COPY
//! - `ddl`: tables, columns, constraints, indexes, views, sequences, types, schemas
//! - `alter`: ALTER of everything, DROP, RENAME
//! - `routine`: functions, triggers, rules, policies, operators, aggregates, casts
//! - `utility`: transactions, settings, cursors, privileges, maintenance

mod alter;
mod ddl;
mod dml;
mod expr;
mod routine;
mod select;
mod utility;

pub use alter::*;
pub use ddl::*;
pub use dml::*;
pub use expr::*;
pub use routine::*;
pub use select::*;
pub use utility::*;

pub use smol_str::SmolStr;

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    // Queries and data changes.
    Select(Box<SelectStmt>),
    Insert(Box<InsertStmt>),
    Update(Box<UpdateStmt>),
    Delete(Box<DeleteStmt>),
    Merge(Box<MergeStmt>),
    Copy(Box<CopyStmt>),
    Truncate(Box<TruncateStmt>),

    // Definitions.
    CreateTable(Box<CreateTableStmt>),
    CreateTableAs(Box<CreateTableAsStmt>),
    CreateIndex(Box<IndexStmt>),
    CreateView(Box<ViewStmt>),
    RefreshMatView(Box<RefreshMatViewStmt>),
    CreateSequence(Box<CreateSeqStmt>),
    CreateSchema(Box<CreateSchemaStmt>),
    CreateDatabase(Box<CreateDatabaseStmt>),
    CreateTablespace(Box<CreateTablespaceStmt>),
    CreateType(Box<CreateTypeStmt>),
    CreateDomain(Box<CreateDomainStmt>),
    CreateExtension(Box<CreateExtensionStmt>),
    CreateRole(Box<CreateRoleStmt>),
    CreateFunction(Box<CreateFunctionStmt>),
    CreateTrigger(Box<CreateTriggerStmt>),
    CreateEventTrigger(Box<CreateEventTriggerStmt>),
    CreateRule(Box<RuleStmt>),
    CreatePolicy(Box<CreatePolicyStmt>),
    CreateCast(Box<CreateCastStmt>),
    CreateStatistics(Box<CreateStatsStmt>),
    /// CREATE AGGREGATE / OPERATOR / COLLATION / TEXT SEARCH ... with a definition list (also base and shell types are
    /// `CreateType`).
    Define(Box<DefineStmt>),
    CreatePublication(Box<CreatePublicationStmt>),
    CreateSubscription(Box<CreateSubscriptionStmt>),
    /// CREATE of a kind of object that has no structure of its own here.
    CreateOther(Box<OtherStmt>),

    // Changes of definitions.
    AlterTable(Box<AlterTableStmt>),
    /// ALTER TABLE | INDEX | MATERIALIZED VIEW ALL IN TABLESPACE ...
    AlterTableMoveAll(Box<AlterTableMoveAllStmt>),
    AlterSequence(Box<AlterSeqStmt>),
    AlterDomain(Box<AlterDomainStmt>),
    AlterEnum(Box<AlterEnumStmt>),
    /// ALTER TYPE name SET (...).
    AlterType(Box<AlterTypeStmt>),
    AlterFunction(Box<AlterFunctionStmt>),
    AlterRole(Box<AlterRoleStmt>),
    AlterRoleSet(Box<AlterRoleSetStmt>),
    AlterDatabase(Box<AlterDatabaseStmt>),
    AlterDatabaseSet(Box<AlterDatabaseSetStmt>),
    AlterExtension(Box<AlterExtensionStmt>),
    AlterPolicy(Box<AlterPolicyStmt>),
    AlterStatistics(Box<AlterStatsStmt>),
    AlterPublication(Box<AlterPublicationStmt>),
    AlterSubscription(Box<AlterSubscriptionStmt>),
    AlterSystem(Box<VariableSetStmt>),
    AlterDefaultPrivileges(Box<AlterDefaultPrivilegesStmt>),
    AlterEventTrigger(Box<AlterEventTriggerStmt>),
    AlterOther(Box<OtherStmt>),
    Rename(Box<RenameStmt>),
    AlterOwner(Box<AlterOwnerStmt>),
    AlterObjectSchema(Box<AlterObjectSchemaStmt>),
    AlterObjectDepends(Box<AlterObjectDependsStmt>),
    Drop(Box<DropStmt>),
    DropRole(Box<DropRoleStmt>),
    DropDatabase(Box<DropDatabaseStmt>),
    DropOwned(Box<DropOwnedStmt>),
    ReassignOwned(Box<ReassignOwnedStmt>),
    Comment(Box<CommentStmt>),
    SecurityLabel(Box<SecurityLabelStmt>),

    // Privileges.
    Grant(Box<GrantStmt>),
    GrantRole(Box<GrantRoleStmt>),

    // Transactions, settings, sessions.
    Transaction(Box<TransactionStmt>),
    Set(Box<VariableSetStmt>),
    Show(VariableShowStmt),
    SetConstraints(Box<SetConstraintsStmt>),
    Prepare(Box<PrepareStmt>),
    Execute(Box<ExecuteStmt>),
    /// `None` is DEALLOCATE ALL.
    Deallocate(Option<SmolStr>),
    DeclareCursor(Box<DeclareCursorStmt>),
    Fetch(Box<FetchStmt>),
    /// `None` is CLOSE ALL.
    ClosePortal(Option<SmolStr>),
    Explain(Box<ExplainStmt>),
    Vacuum(Box<VacuumStmt>),
    Cluster(Box<ClusterStmt>),
    Reindex(Box<ReindexStmt>),
    CheckPoint,
    Discard(DiscardMode),
    Lock(Box<LockStmt>),
    Listen(SmolStr),
    Notify(NotifyStmt),
    /// `None` is UNLISTEN *.
    Unlisten(Option<SmolStr>),
    Do(Box<DoStmt>),
    Call(Box<CallStmt>),
    Load(SmolStr),
    /// RETURN expr, only inside SQL-standard routine bodies.
    Return(Box<Expr>),
}

/// A possibly qualified name (`any_name`, `func_name`): one to three or more parts as written.
#[derive(Debug, Clone, PartialEq)]
pub struct QualName {
    /// Parts, outermost first.
    pub parts: Vec<SmolStr>,
    /// Offset of the first part.
    pub pos: usize,
}

impl QualName {
    /// The last part: the object's own name.
    pub fn last(&self) -> &SmolStr {
        &self.parts[self.parts.len() - 1]
    }

    /// The part before the last: the schema, when written.
    pub fn schema(&self) -> Option<&SmolStr> {
        self.parts.len().checked_sub(2).map(|i| &self.parts[i])
    }
}

impl std::fmt::Display for QualName {
    /// Parts joined by dots, unquoted, as PostgreSQL's `NameListToString` prints them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

/// CASCADE or RESTRICT; RESTRICT is also what no word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DropBehavior {
    #[default]
    Restrict,
    Cascade,
}

/// A named option with an optional value, as in WITH (...), COPY options, function attributes, sequence options.
#[derive(Debug, Clone, PartialEq)]
pub struct DefElem {
    /// `toast` in `toast.autovacuum_enabled`.
    pub namespace: Option<SmolStr>,
    /// Name, folded to lower case unless quoted.
    pub name: SmolStr,
    /// Value, when one was written.
    pub value: Option<DefValue>,
    /// ADD / SET / DROP before the option (OPTIONS lists of foreign objects).
    pub action: DefAction,
    /// Offset of the option's name.
    pub pos: usize,
}

/// The value of a `DefElem`.
#[derive(Debug, Clone, PartialEq)]
pub enum DefValue {
    /// Quoted string, or a bare word (bare words are folded already).
    String(SmolStr),
    /// Integer that fits i32.
    Integer(i32),
    /// Any other number, as written (with its sign).
    Float(SmolStr),
    /// TRUE / FALSE set by the grammar itself (CYCLE / NO CYCLE, LOGIN / NOLOGIN ...).
    Boolean(bool),
    /// `*` (COPY ... FORCE_QUOTE *).
    Star,
    /// A type name (also function names and plain words in definition lists).
    TypeName(Box<TypeName>),
    /// An operator name.
    Operator(OperatorName),
    /// A name (OWNED BY a.b.c).
    Name(QualName),
    /// A parenthesised list.
    List(Vec<DefValue>),
    /// An expression (SET TRANSACTION options never use it; rule-like options do).
    Expr(Box<Expr>),
    /// Roles (IN ROLE a, b; ROLE ...; ADMIN ...).
    Roles(Vec<RoleSpec>),
    /// SET x = y inside a function's options.
    Set(Box<VariableSetStmt>),
}

/// What an OPTIONS (...) element asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DefAction {
    #[default]
    Unspecified,
    Set,
    Add,
    Drop,
}

/// A role as the grammar knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSpec {
    pub kind: RoleKind,
    pub pos: usize,
}

/// What a role reference says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleKind {
    Named(SmolStr),
    CurrentRole,
    CurrentUser,
    SessionUser,
    Public,
}

/// Kinds of objects, for DROP, COMMENT, RENAME, OWNER, GRANT and friends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectType {
    AccessMethod,
    Aggregate,
    Attribute,
    Cast,
    Column,
    Collation,
    Conversion,
    Database,
    DomConstraint,
    Domain,
    EventTrigger,
    Extension,
    Fdw,
    ForeignServer,
    ForeignTable,
    Function,
    Index,
    Language,
    LargeObject,
    MatView,
    Opclass,
    Operator,
    Opfamily,
    ParameterAcl,
    Policy,
    Procedure,
    Publication,
    Role,
    Routine,
    Rule,
    Schema,
    Sequence,
    Statistic,
    Subscription,
    TabConstraint,
    Table,
    Tablespace,
    Transform,
    Trigger,
    TsConfiguration,
    TsDictionary,
    TsParser,
    TsTemplate,
    Type,
    UserMapping,
    View,
}

/// The object a COMMENT, SECURITY LABEL, DROP, RENAME ... names.
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectRef {
    /// Table-like objects, types given by `any_name`, schemas, roles...: one name.
    Name(QualName),
    /// A relation (RENAME, SET SCHEMA, OWNER).
    Relation(RangeVar),
    /// A type (TYPE and DOMAIN where the grammar takes a type name).
    Type(TypeName),
    /// FUNCTION / PROCEDURE / ROUTINE / AGGREGATE with its argument types.
    Routine(ObjectWithArgs),
    /// OPERATOR with its argument types (`None` is NONE).
    Operator { name: OperatorName, args: Vec<Option<TypeName>> },
    /// COLUMN t.c, CONSTRAINT c ON t, TRIGGER t ON r, RULE, POLICY: the relation's name and the part's name.
    Part { relation: QualName, name: SmolStr, pos: usize },
    /// CONSTRAINT c ON DOMAIN d.
    DomainConstraint { domain: TypeName, name: SmolStr },
    /// CAST (a AS b).
    Cast { source: TypeName, target: TypeName },
    /// TRANSFORM FOR type LANGUAGE l.
    Transform { type_name: TypeName, language: SmolStr },
    /// OPERATOR CLASS / FAMILY name USING method.
    OpClass { name: QualName, method: SmolStr },
    /// USER MAPPING FOR role SERVER s.
    UserMapping { role: RoleSpec, server: SmolStr },
    /// LARGE OBJECT number.
    LargeObject(SmolStr),
}

/// A routine name with argument types; `args` is `None` when no parentheses were written.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectWithArgs {
    pub name: QualName,
    /// Input argument types (for aggregates: of direct and ordered arguments together).
    pub args: Option<Vec<TypeName>>,
    /// Full parameters, modes included, when they were written that way.
    pub params: Vec<FunctionParameter>,
}

/// CREATE or ALTER of an object kind this tree gives no structure: enough to say what is not supported.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherStmt {
    /// The kind as in the command tag, e.g. `FOREIGN DATA WRAPPER`.
    pub kind: &'static str,
    /// The object's name, when the form has one.
    pub name: Option<QualName>,
    pub pos: usize,
}
