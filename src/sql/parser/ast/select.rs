//! Queries: SELECT, VALUES, TABLE, set operations, table expressions.

use super::{ColumnRef, Expr, QualNameParts, SmolStr, SortBy, Statement, TypeName, WindowDef};

/// A query: a body and what applies to the body's whole result.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectStmt {
    pub with: Option<Box<WithClause>>,
    pub body: SelectBody,
    pub order_by: Vec<SortBy>,
    pub limit: Limit,
    pub locking: Vec<LockingClause>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SelectBody {
    /// Also `TABLE t`, which is `SELECT * FROM t`.
    Select(Box<SelectCore>),
    Values(Vec<Vec<Expr>>),
    SetOperation(Box<SetOperation>),
}

/// `SELECT ... FROM ... WHERE ... GROUP BY ... HAVING ... WINDOW ...`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SelectCore {
    pub distinct: Distinct,
    pub targets: Vec<Target>,
    pub into: Option<Box<IntoClause>>,
    pub from: Vec<FromItem>,
    pub where_clause: Option<Expr>,
    pub group_by: Vec<GroupItem>,
    /// GROUP BY DISTINCT.
    pub group_distinct: bool,
    pub having: Option<Expr>,
    pub windows: Vec<WindowDef>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub enum Distinct {
    #[default]
    No,
    Yes,
    On(Vec<Expr>),
}

/// An output column: `expr AS name`; `pos` is at the expression's first token.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub name: Option<SmolStr>,
    pub expr: Expr,
    pub pos: usize,
}

/// `left UNION | INTERSECT | EXCEPT [ALL] right`.
#[derive(Debug, Clone, PartialEq)]
pub struct SetOperation {
    pub op: SetOperator,
    pub all: bool,
    pub left: SelectStmt,
    pub right: SelectStmt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOperator {
    Union,
    Intersect,
    Except,
}

/// LIMIT / OFFSET / FETCH. LIMIT ALL is a `Null` literal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Limit {
    pub offset: Option<Box<Expr>>,
    pub count: Option<Box<Expr>>,
    pub with_ties: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct LockingClause {
    pub strength: LockStrength,
    /// OF tables; none means all.
    pub relations: Vec<RangeVar>,
    pub wait: LockWait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockStrength {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockWait {
    Block,
    Skip,
    NoWait,
}

#[derive(Debug, Clone, PartialEq)]
pub enum GroupItem {
    Expr(Expr),
    /// `()`.
    Empty {
        pos: usize,
    },
    Rollup {
        items: Vec<Expr>,
        pos: usize,
    },
    Cube {
        items: Vec<Expr>,
        pos: usize,
    },
    Sets {
        items: Vec<GroupItem>,
        pos: usize,
    },
}

/// WITH.
#[derive(Debug, Clone, PartialEq)]
pub struct WithClause {
    pub recursive: bool,
    pub ctes: Vec<Cte>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    pub name: SmolStr,
    pub columns: Vec<SmolStr>,
    /// `Some(true)` MATERIALIZED, `Some(false)` NOT MATERIALIZED.
    pub materialized: Option<bool>,
    /// SELECT, INSERT, UPDATE or DELETE.
    pub query: Box<Statement>,
    pub search: Option<Box<CteSearch>>,
    pub cycle: Option<Box<CteCycle>>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CteSearch {
    pub columns: Vec<SmolStr>,
    pub breadth_first: bool,
    pub seq_column: SmolStr,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CteCycle {
    pub columns: Vec<SmolStr>,
    pub mark_column: SmolStr,
    /// `TO value DEFAULT value`; TRUE and FALSE when not written.
    pub mark_value: Expr,
    pub mark_default: Expr,
    pub path_column: SmolStr,
    pub pos: usize,
}

/// SELECT INTO / CREATE TABLE AS target.
#[derive(Debug, Clone, PartialEq)]
pub struct IntoClause {
    pub relation: RangeVar,
    pub columns: Vec<SmolStr>,
    pub access_method: Option<SmolStr>,
    pub options: Vec<super::DefElem>,
    pub on_commit: super::OnCommit,
    pub tablespace: Option<SmolStr>,
    /// WITH NO DATA.
    pub skip_data: bool,
}

/// A relation by name.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeVar {
    pub catalog: Option<SmolStr>,
    pub schema: Option<SmolStr>,
    pub name: SmolStr,
    /// False for `ONLY t`.
    pub inherit: bool,
    pub persistence: Persistence,
    pub alias: Option<Alias>,
    pub pos: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    #[default]
    Permanent,
    Unlogged,
    Temporary,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub name: SmolStr,
    pub columns: Vec<SmolStr>,
}

/// An element of FROM.
#[derive(Debug, Clone, PartialEq)]
pub enum FromItem {
    Table(Box<RangeVar>),
    Subquery(Box<FromSubquery>),
    Function(Box<FromFunction>),
    Join(Box<JoinExpr>),
    TableSample(Box<TableSample>),
    XmlTable(Box<XmlTable>),
}

/// `[LATERAL] (SELECT ...) alias`; PostgreSQL 15 demands an alias, see the error text in the grammar. `pos` is at `(`.
#[derive(Debug, Clone, PartialEq)]
pub struct FromSubquery {
    pub lateral: bool,
    pub query: SelectStmt,
    pub alias: Option<Alias>,
    pub pos: usize,
}

/// A function, or ROWS FROM (several), in FROM.
#[derive(Debug, Clone, PartialEq)]
pub struct FromFunction {
    pub lateral: bool,
    pub ordinality: bool,
    pub rows_from: bool,
    /// One item unless `rows_from`. Each is a `Function`, `SqlValue`, `Coalesce`, cast ... expression.
    pub functions: Vec<RowsFromItem>,
    pub alias: Option<Alias>,
    /// Column definition list after the alias.
    pub columns: Vec<FromColumnDef>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RowsFromItem {
    pub function: Expr,
    /// `AS (a int, b text)` inside ROWS FROM.
    pub columns: Vec<FromColumnDef>,
}

/// A column of a column definition list.
#[derive(Debug, Clone, PartialEq)]
pub struct FromColumnDef {
    pub name: SmolStr,
    pub type_name: TypeName,
    pub collation: Option<(QualNameParts, usize)>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct JoinExpr {
    pub kind: JoinKind,
    pub natural: bool,
    pub left: FromItem,
    pub right: FromItem,
    pub using: Vec<SmolStr>,
    /// `USING (...) AS alias`.
    pub using_alias: Option<SmolStr>,
    pub on: Option<Expr>,
    /// `(a JOIN b ...) AS alias`.
    pub alias: Option<Alias>,
    /// Offset of the join's first keyword (NATURAL, CROSS, LEFT, JOIN ...).
    pub pos: usize,
}

/// CROSS JOIN is `Inner` without condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
}

/// `t TABLESAMPLE method (args) [REPEATABLE (seed)]`; `pos` is at the method's name.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSample {
    pub relation: RangeVar,
    pub method: QualNameParts,
    pub args: Vec<Expr>,
    pub repeatable: Option<Expr>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct XmlTable {
    pub lateral: bool,
    pub row_expr: Expr,
    pub doc_expr: Expr,
    pub namespaces: Vec<Target>,
    pub columns: Vec<XmlTableColumn>,
    pub alias: Option<Alias>,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct XmlTableColumn {
    pub name: SmolStr,
    pub type_name: Option<TypeName>,
    pub for_ordinality: bool,
    pub not_null: bool,
    pub path: Option<Expr>,
    pub default: Option<Expr>,
    pub pos: usize,
}

impl RangeVar {
    /// An unqualified relation without alias.
    pub fn bare(name: SmolStr, pos: usize) -> Self {
        Self { catalog: None, schema: None, name, inherit: true, persistence: Persistence::Permanent, alias: None, pos }
    }
}

impl Target {
    /// The star of `SELECT *`.
    pub fn star(pos: usize) -> Self {
        let column = ColumnRef { names: Vec::new(), star: true };
        Self { name: None, expr: Expr::new(super::ExprNode::Column(column), pos), pos }
    }
}
