//! CREATE of tables, indexes, views, sequences, schemas, types, roles, databases.

use super::{
    DefElem, Expr, IntoClause, NullsOrder, QualName, QualNameParts, RangeVar, RoleSpec, SelectStmt, SmolStr, SortDirection,
    Statement, TypeName,
};

#[derive(Debug, Clone, PartialEq)]
pub struct CreateTableStmt {
    /// Its `persistence` tells TEMP and UNLOGGED.
    pub relation: RangeVar,
    pub if_not_exists: bool,
    pub elements: Vec<TableElement>,
    pub inherits: Vec<RangeVar>,
    /// `OF type`.
    pub of_type: Option<TypeName>,
    pub partition_of: Option<Box<PartitionOf>>,
    pub partition_by: Option<Box<PartitionSpec>>,
    pub access_method: Option<SmolStr>,
    pub options: Vec<DefElem>,
    pub on_commit: OnCommit,
    pub tablespace: Option<SmolStr>,
    /// CREATE FOREIGN TABLE: server and options.
    pub foreign: Option<Box<ForeignTable>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ForeignTable {
    pub server: SmolStr,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCommit {
    #[default]
    NoOp,
    PreserveRows,
    DeleteRows,
    Drop,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TableElement {
    Column(ColumnDef),
    Constraint(Constraint),
    Like(TableLike),
}

/// A column of a table or composite type.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDef {
    pub name: SmolStr,
    /// `None` in typed tables and partitions (`CREATE TABLE .. OF`).
    pub type_name: Option<TypeName>,
    /// COLLATE name and the position of COLLATE.
    pub collation: Option<(QualNameParts, usize)>,
    pub compression: Option<SmolStr>,
    pub constraints: Vec<Constraint>,
    /// OPTIONS (...) of foreign tables' columns.
    pub options: Vec<DefElem>,
    pub pos: usize,
}

/// A column or table constraint; DEFERRABLE and friends are folded into the constraint they follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub name: Option<SmolStr>,
    pub kind: ConstraintKind,
    pub deferrable: bool,
    pub initially_deferred: bool,
    /// NOT VALID.
    pub not_valid: bool,
    /// NO INHERIT.
    pub no_inherit: bool,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintKind {
    Null,
    NotNull,
    Default(Expr),
    /// `GENERATED ALWAYS | BY DEFAULT AS IDENTITY (options)`.
    Identity {
        always: bool,
        options: Vec<DefElem>,
    },
    /// `GENERATED ALWAYS AS (expr) STORED`.
    Generated {
        expr: Expr,
    },
    Check(Expr),
    PrimaryKey(IndexConstraint),
    Unique {
        nulls_not_distinct: bool,
        index: IndexConstraint,
    },
    Exclude {
        elements: Vec<(IndexElem, super::OperatorName)>,
        method: Option<SmolStr>,
        predicate: Option<Expr>,
        index: IndexConstraint,
    },
    Foreign(Box<ForeignKey>),
}

/// What PRIMARY KEY, UNIQUE and EXCLUDE share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IndexConstraint {
    /// Empty for column constraints and USING INDEX.
    pub columns: Vec<SmolStr>,
    pub including: Vec<SmolStr>,
    pub options: Vec<DefElem>,
    pub tablespace: Option<SmolStr>,
    /// USING INDEX name.
    pub existing_index: Option<SmolStr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ForeignKey {
    /// Empty for column constraints.
    pub columns: Vec<SmolStr>,
    pub table: RangeVar,
    /// Empty when the primary key is meant.
    pub ref_columns: Vec<SmolStr>,
    pub matching: FkMatch,
    pub on_update: FkAction,
    pub on_delete: FkAction,
    /// `ON DELETE SET NULL | DEFAULT (columns)`.
    pub delete_columns: Vec<SmolStr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FkMatch {
    #[default]
    Simple,
    Full,
    Partial,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FkAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

/// `LIKE table INCLUDING ...`.
#[derive(Debug, Clone, PartialEq)]
pub struct TableLike {
    pub relation: RangeVar,
    pub options: LikeOptions,
}

/// What LIKE copies besides names, types and NOT NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LikeOptions {
    pub comments: bool,
    pub compression: bool,
    pub constraints: bool,
    pub defaults: bool,
    pub generated: bool,
    pub identity: bool,
    pub indexes: bool,
    pub statistics: bool,
    pub storage: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionSpec {
    /// `list`, `range`, `hash` as written (folded); other words are refused later with PostgreSQL's message.
    pub strategy: SmolStr,
    pub params: Vec<PartitionElem>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionElem {
    /// A plain column, or an expression.
    pub column: Option<SmolStr>,
    pub expr: Option<Expr>,
    pub collation: Option<QualNameParts>,
    pub opclass: Option<QualNameParts>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PartitionOf {
    pub parent: RangeVar,
    pub bound: PartitionBound,
}

/// FOR VALUES ... or DEFAULT; MINVALUE / MAXVALUE are column references to `minvalue` / `maxvalue`, as in PostgreSQL.
#[derive(Debug, Clone, PartialEq)]
pub enum PartitionBound {
    Default { pos: usize },
    List { values: Vec<Expr>, pos: usize },
    Range { lower: Vec<Expr>, upper: Vec<Expr>, pos: usize },
    Hash { modulus: i32, remainder: i32, pos: usize },
}

/// CREATE TABLE AS, CREATE MATERIALIZED VIEW (SELECT INTO stays a SELECT).
#[derive(Debug, Clone, PartialEq)]
pub struct CreateTableAsStmt {
    pub into: IntoClause,
    pub materialized_view: bool,
    pub if_not_exists: bool,
    /// A SELECT, or an EXECUTE.
    pub query: Statement,
    /// Byte range of the query's text in the source.
    pub query_range: (usize, usize),
}

#[derive(Debug, Clone, PartialEq)]
pub struct IndexStmt {
    pub unique: bool,
    pub concurrently: bool,
    pub if_not_exists: bool,
    pub name: Option<SmolStr>,
    pub relation: RangeVar,
    /// `None` is btree.
    pub method: Option<SmolStr>,
    pub columns: Vec<IndexElem>,
    pub including: Vec<IndexElem>,
    pub nulls_not_distinct: bool,
    pub options: Vec<DefElem>,
    pub tablespace: Option<SmolStr>,
    pub where_clause: Option<Expr>,
}

/// A key of an index or ON CONFLICT target.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexElem {
    /// A plain column, or an expression.
    pub column: Option<SmolStr>,
    pub expr: Option<Expr>,
    pub collation: Option<QualNameParts>,
    pub opclass: Option<QualNameParts>,
    pub opclass_options: Vec<DefElem>,
    /// Never `Using`.
    pub direction: SortDirection,
    pub nulls: NullsOrder,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ViewStmt {
    pub or_replace: bool,
    pub relation: RangeVar,
    pub columns: Vec<SmolStr>,
    pub recursive: bool,
    pub options: Vec<DefElem>,
    pub query: Box<SelectStmt>,
    /// Byte range of the query's text in the source.
    pub query_range: (usize, usize),
    pub check_option: Option<CheckOption>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckOption {
    Local,
    Cascaded,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RefreshMatViewStmt {
    pub relation: RangeVar,
    pub concurrently: bool,
    pub skip_data: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateSeqStmt {
    pub relation: RangeVar,
    pub if_not_exists: bool,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateSchemaStmt {
    /// `None` when only AUTHORIZATION names it.
    pub name: Option<SmolStr>,
    pub authorization: Option<RoleSpec>,
    pub if_not_exists: bool,
    /// CREATE TABLE, INDEX, SEQUENCE, TRIGGER, VIEW, GRANT inside the statement.
    pub elements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateDatabaseStmt {
    pub name: SmolStr,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateTablespaceStmt {
    pub name: SmolStr,
    pub owner: Option<RoleSpec>,
    pub location: SmolStr,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateTypeStmt {
    pub name: QualName,
    pub kind: CreateTypeKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CreateTypeKind {
    Enum(Vec<SmolStr>),
    Composite(Vec<ColumnDef>),
    Range(Vec<DefElem>),
    /// `CREATE TYPE name (INPUT = ...)`.
    Base(Vec<DefElem>),
    /// `CREATE TYPE name`.
    Shell,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateDomainStmt {
    pub name: QualName,
    pub type_name: TypeName,
    pub collation: Option<(QualNameParts, usize)>,
    pub constraints: Vec<Constraint>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateExtensionStmt {
    pub name: SmolStr,
    pub if_not_exists: bool,
    /// schema, new_version, cascade.
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleStmtKind {
    Role,
    User,
    Group,
}

/// Options carry PostgreSQL's names: password, superuser, inherit, createrole, createdb, canlogin, isreplication, bypassrls,
/// connectionlimit, validUntil, sysid, addroleto, rolemembers, adminmembers.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateRoleStmt {
    pub kind: RoleStmtKind,
    pub name: SmolStr,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateStatsStmt {
    pub name: Option<QualName>,
    pub if_not_exists: bool,
    pub kinds: Vec<SmolStr>,
    /// Columns (plain column references) or expressions.
    pub exprs: Vec<StatsElem>,
    pub relations: Vec<super::FromItem>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct StatsElem {
    pub column: Option<SmolStr>,
    pub expr: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreatePublicationStmt {
    pub name: SmolStr,
    pub for_all_tables: bool,
    pub objects: Vec<PublicationObject>,
    pub options: Vec<DefElem>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PublicationObject {
    Table { relation: RangeVar, columns: Vec<SmolStr>, where_clause: Option<Expr> },
    Schema { name: SmolStr, pos: usize },
    CurrentSchema { pos: usize },
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateSubscriptionStmt {
    pub name: SmolStr,
    pub connection: String,
    pub publications: Vec<SmolStr>,
    pub options: Vec<DefElem>,
}
