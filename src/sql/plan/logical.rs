//! Logical plans.

use super::expr::{AggCall, ColId, Expr, SortKey, WindowCall};
use crate::sql::catalog::objects::RelationRef;
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// A relational operator tree. Each variant's doc says which columns it outputs.
#[derive(Clone, Debug)]
pub enum Rel {
    /// Rows of a stored or system relation; outputs `columns`.
    Scan(Scan),
    /// Literal rows; outputs `columns`. Zero columns and one row is "FROM nothing".
    Values { columns: Vec<Output>, rows: Vec<Vec<Expr>> },
    /// Functions in FROM (ROWS FROM zips several); outputs `columns` (the ordinality column last).
    FunctionScan { functions: Vec<TableFunction>, columns: Vec<Output>, ordinality: bool },
    /// Outputs its input's columns where `predicate` is true.
    Filter { input: Box<Rel>, predicate: Expr },
    /// Outputs exactly `exprs`.
    Project { input: Box<Rel>, exprs: Vec<(Output, Expr)> },
    /// Set-returning functions in a select list: outputs the input's columns plus `exprs`' (run in lockstep, NULL-padded).
    ProjectSet { input: Box<Rel>, exprs: Vec<(Output, Expr)> },
    /// Outputs left's columns, then (but for Semi and Anti) right's. The right side may refer to the left's columns (`lateral`).
    Join { kind: JoinKind, left: Box<Rel>, right: Box<Rel>, on: Vec<Expr>, lateral: bool },
    /// Outputs `group` columns, then `grouping` columns, then `aggs`. `sets` lists, per grouping set, indexes into `group`
    /// (None is one set of all; empty `group` without sets always gives one row).
    Aggregate {
        input: Box<Rel>,
        group: Vec<(Output, Expr)>,
        sets: Option<Vec<Vec<usize>>>,
        /// GROUPING(...) columns: indexes into `group`.
        grouping: Vec<(Output, Vec<usize>)>,
        aggs: Vec<(Output, AggCall)>,
    },
    /// Outputs the input's columns plus `calls`.
    Window { input: Box<Rel>, windows: Vec<WindowSpec>, calls: Vec<(Output, WindowCall)> },
    /// Outputs the input's columns, ordered.
    Sort { input: Box<Rel>, keys: Vec<SortKey> },
    /// Outputs the input's columns.
    Limit { input: Box<Rel>, limit: Option<Expr>, offset: Option<Expr>, with_ties: Option<Vec<SortKey>> },
    /// Outputs the input's columns; one row per distinct value of `on` (None: of all columns; then first in input order).
    Distinct { input: Box<Rel>, on: Option<Vec<Expr>> },
    /// Outputs `columns`, matched by position with both inputs' output columns.
    SetOp { kind: SetOpKind, all: bool, left: Box<Rel>, right: Box<Rel>, columns: Vec<Output> },
    /// WITH: `ctes` are visible to `body` (and, in order, to one another) through `CteScan`; outputs body's columns.
    With { ctes: Vec<Cte>, body: Box<Rel> },
    /// Rows of a CTE (or, inside a recursive term, of the working table); outputs `columns` by position.
    CteScan { cte: CteId, columns: Vec<Output>, name: SmolStr },
    /// FOR UPDATE / SHARE: outputs its input's columns; locks the rows of the marked scans.
    LockRows { input: Box<Rel>, locks: Vec<RowLock> },
    /// INSERT, UPDATE, DELETE, MERGE; outputs the RETURNING columns.
    Modify(Box<Modify>),
    /// No rows; outputs `columns`.
    Empty { columns: Vec<Output> },
    /// A subquery the planner has planned already, by its number: only in the expressions of physical plans.
    Planned(usize, Vec<Output>),
}

/// An output column: id, name, type.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its id.
    pub id: ColId,
    /// Display name.
    pub name: SmolStr,
    /// Type.
    pub ty: Type,
    /// Collation.
    pub collation: Oid,
}

/// A scan of a relation.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The relation.
    pub relation: RelationRef,
    /// Schema name (display).
    pub schema: SmolStr,
    /// Alias (display).
    pub alias: SmolStr,
    /// Columns read.
    pub columns: Vec<(Output, ScanColumn)>,
    /// Identifies this range-table entry within the statement (row locks, EXPLAIN).
    pub rte: u32,
    /// TABLESAMPLE.
    pub sample: Option<Box<TableSample>>,
}

/// What a scan column reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanColumn {
    /// A table column by position.
    Column(u16),
    /// tableoid
    TableOid,
    /// ctid (made from the row's place in its key order)
    Ctid,
    /// xmin, xmax, cmin, cmax
    Xmin,
    /// xmax
    Xmax,
    /// cmin
    Cmin,
    /// cmax
    Cmax,
    /// The encoded primary key or row number: identifies the row for UPDATE, DELETE and row locks (type bytea).
    RowKey,
    /// The whole row as a composite value.
    WholeRow,
}

/// TABLESAMPLE.
#[derive(Clone, Debug)]
pub struct TableSample {
    /// BERNOULLI or SYSTEM.
    pub method: SmolStr,
    /// Percentage.
    pub percent: Expr,
    /// REPEATABLE seed.
    pub seed: Option<Expr>,
}

/// A function in FROM.
#[derive(Clone, Debug)]
pub struct TableFunction {
    /// The call: a set-returning or ordinary function, or any expression (one row).
    pub call: Expr,
    /// How many of the scan's columns are this function's.
    pub width: usize,
    /// Expand a composite result into its fields.
    pub expand: bool,
}

/// Join kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// INNER, CROSS
    Inner,
    /// LEFT
    Left,
    /// RIGHT
    Right,
    /// FULL
    Full,
    /// Left rows with a match (EXISTS, IN).
    Semi,
    /// Left rows without a match (NOT EXISTS).
    Anti,
}

/// A window: PARTITION BY, ORDER BY, frame.
#[derive(Clone, Debug)]
pub struct WindowSpec {
    /// PARTITION BY
    pub partition: Vec<Expr>,
    /// ORDER BY
    pub order: Vec<SortKey>,
    /// Frame.
    pub frame: Frame,
}

/// A window frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// ROWS, RANGE, GROUPS
    pub mode: FrameMode,
    /// Start.
    pub start: FrameBound,
    /// End.
    pub end: FrameBound,
    /// EXCLUDE
    pub exclude: FrameExclude,
    /// in_range support for RANGE offsets: `(value, offset_start)` tests computed by the executor.
    pub explicit: bool,
}

/// Frame modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameMode {
    /// ROWS
    Rows,
    /// RANGE
    Range,
    /// GROUPS
    Groups,
}

/// Frame bounds.
#[derive(Clone, Debug)]
pub enum FrameBound {
    /// UNBOUNDED PRECEDING
    UnboundedPreceding,
    /// n PRECEDING
    Preceding(Expr),
    /// CURRENT ROW
    CurrentRow,
    /// n FOLLOWING
    Following(Expr),
    /// UNBOUNDED FOLLOWING
    UnboundedFollowing,
}

/// EXCLUDE kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameExclude {
    /// NO OTHERS
    NoOthers,
    /// CURRENT ROW
    CurrentRow,
    /// GROUP
    Group,
    /// TIES
    Ties,
}

/// Set operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOpKind {
    /// UNION
    Union,
    /// INTERSECT
    Intersect,
    /// EXCEPT
    Except,
}

/// Identifies a CTE within a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CteId(pub u32);

/// A common table expression.
#[derive(Clone, Debug)]
pub struct Cte {
    /// Its id.
    pub id: CteId,
    /// Name (display).
    pub name: SmolStr,
    /// The query; for a recursive one the non-recursive term.
    pub plan: Rel,
    /// The recursive term (reads `CteScan` of the same id as working table) and UNION ALL.
    pub recursive: Option<(Rel, bool)>,
    /// Output columns by position.
    pub columns: Vec<Output>,
    /// MATERIALIZED (Some(true)), NOT MATERIALIZED (Some(false)), or unsaid.
    pub materialized: Option<bool>,
    /// How often it is referenced.
    pub references: usize,
}

/// Row locks.
#[derive(Clone, Debug)]
pub struct RowLock {
    /// The scan's `rte`.
    pub rte: u32,
    /// The scan's row key column.
    pub row_key: ColId,
    /// The relation.
    pub relation: RelationRef,
    /// Strength.
    pub strength: LockStrength,
    /// What to do when it is locked.
    pub wait: WaitPolicy,
}

/// Row lock strengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockStrength {
    /// FOR KEY SHARE
    KeyShare,
    /// FOR SHARE
    Share,
    /// FOR NO KEY UPDATE
    NoKeyUpdate,
    /// FOR UPDATE
    Update,
}

/// What to do when a row is locked by another transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPolicy {
    /// Wait.
    Block,
    /// 55P03
    NoWait,
    /// Leave the row out.
    SkipLocked,
}

/// A data-modifying statement.
#[derive(Clone, Debug)]
pub struct Modify {
    /// Target table.
    pub relation: RelationRef,
    /// What it does.
    pub action: ModifyAction,
    /// Source of rows: for INSERT the rows to insert; for UPDATE, DELETE, MERGE the joined target and source rows.
    pub source: Rel,
    /// RETURNING: computed over `new_row` (INSERT, UPDATE) or `old_row` (DELETE) columns and the source's.
    pub returning: Vec<(Output, Expr)>,
    /// Ids by which expressions here refer to the target's row after the change (one per table column position; live only).
    pub new_row: Vec<Option<ColId>>,
    /// CHECK constraints, NOT NULLs and view check options: bound expressions over `new_row`.
    pub checks: Vec<BoundCheck>,
    /// Generated columns: position and expression over `new_row`.
    pub generated: Vec<(u16, Expr)>,
    /// Expressions of indexes over `new_row`, by index OID: key expressions and predicate.
    pub index_exprs: Vec<IndexExprs>,
    /// RETURNING's or checks' id of `tableoid`, if used.
    pub table_oid_col: Option<ColId>,
}

/// Bound expressions of one index, over `Modify::new_row` ids.
#[derive(Clone, Debug)]
pub struct IndexExprs {
    /// The index.
    pub index: Oid,
    /// One per key that is an expression, by key position.
    pub keys: Vec<(usize, Expr)>,
    /// Partial index predicate.
    pub predicate: Option<Expr>,
}

/// A bound CHECK.
#[derive(Clone, Debug)]
pub struct BoundCheck {
    /// Constraint name.
    pub name: SmolStr,
    /// Must not be false.
    pub expr: Expr,
    /// A view's WITH CHECK OPTION (44000, must be true): the view's name.
    pub view: Option<SmolStr>,
}

/// What a data-modifying statement does.
#[derive(Clone, Debug)]
pub enum ModifyAction {
    /// INSERT: `columns[i]` is the source column (by ColId) or default expression for table column i.
    Insert { columns: Vec<InsertColumn>, on_conflict: Option<OnConflict> },
    /// UPDATE: changed columns over source columns; `row_key` and `old_row` name the target's columns in the source.
    Update { row_key: ColId, old_row: Vec<Option<ColId>>, set: Vec<(u16, Expr)> },
    /// DELETE
    Delete { row_key: ColId, old_row: Vec<Option<ColId>> },
    /// MERGE: `row_key` is NULL where the source row has no match.
    Merge { row_key: ColId, old_row: Vec<Option<ColId>>, whens: Vec<MergeWhen> },
}

/// Where an inserted column's value comes from.
#[derive(Clone, Debug)]
pub enum InsertColumn {
    /// A source column.
    Source(ColId),
    /// An expression without input (default); NULL when None.
    Default(Option<Expr>),
    /// Dropped column.
    Dropped,
}

/// ON CONFLICT.
#[derive(Clone, Debug)]
pub struct OnConflict {
    /// Arbiter indexes; empty for any (DO NOTHING without target).
    pub arbiters: Vec<Oid>,
    /// DO UPDATE: changed columns over `existing` and `excluded` ids; None for DO NOTHING.
    pub update: Option<ConflictUpdate>,
}

/// DO UPDATE.
#[derive(Clone, Debug)]
pub struct ConflictUpdate {
    /// Ids of the existing row's columns, by position.
    pub existing: Vec<Option<ColId>>,
    /// Ids of the row proposed for insertion, by position.
    pub excluded: Vec<Option<ColId>>,
    /// Changed columns.
    pub set: Vec<(u16, Expr)>,
    /// WHERE
    pub predicate: Option<Expr>,
}

/// One WHEN of MERGE.
#[derive(Clone, Debug)]
pub struct MergeWhen {
    /// WHEN MATCHED or NOT MATCHED.
    pub matched: bool,
    /// AND condition.
    pub condition: Option<Expr>,
    /// What to do.
    pub action: MergeAction,
}

/// MERGE actions.
#[derive(Clone, Debug)]
pub enum MergeAction {
    /// UPDATE SET
    Update(Vec<(u16, Expr)>),
    /// DELETE
    Delete,
    /// INSERT: value per table column
    Insert(Vec<Option<Expr>>),
    /// DO NOTHING
    Nothing,
}

/// A bound statement that returns or changes rows.
#[derive(Clone, Debug)]
pub struct Query {
    /// The plan.
    pub plan: Rel,
    /// Result columns in order (empty for a data-modifying statement without RETURNING); junk columns are not among them.
    pub outputs: Vec<Output>,
    /// Where result columns come from (`table oid`, `attnum`), for RowDescription.
    pub origins: Vec<Option<(Oid, i16)>>,
    /// Parameter types, inferred or given.
    pub params: Vec<Type>,
    /// Command tag kind.
    pub tag: QueryTag,
    /// Relations read or written with the table lock mode needed (0 AccessShare .. 7 AccessExclusive).
    pub relations: Vec<(RelationRef, u8)>,
    /// Catalog objects whose change invalidates the plan are covered by the catalog version; true when a temp table is used.
    pub uses_temp: bool,
    /// Next free ColId.
    pub next_col: u32,
}

impl Query {
    /// Whether the client is told of result rows: even rows without columns (`SELECT FROM t`) are rows.
    pub fn returns_rows(&self) -> bool {
        !self.outputs.is_empty() || self.tag == QueryTag::Select
    }
}

/// Command tags of query statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryTag {
    /// SELECT n
    Select,
    /// INSERT 0 n
    Insert,
    /// UPDATE n
    Update,
    /// DELETE n
    Delete,
    /// MERGE n
    Merge,
}

/// Shared query.
pub type QueryRef = Arc<Query>;
