//! Physical plans: which operator runs where, with which access path.
//!
//! A node says which columns it outputs, in order; expressions still name columns by `ColId`, and the builder turns an id into
//! its position among the input's outputs (or into an outer slot when no input has it: a correlation). A plan is immutable and
//! can be built into operators any number of times.

use crate::sql::catalog::objects::RelationRef;
use crate::sql::plan::{
    AggCall, ColId, Expr, JoinKind, Modify, Output, RowLock, ScanColumn, SetOpKind, SortKey, TableFunction, TableSample,
    WindowCall, WindowSpec,
};
use crate::sql::types::Oid;
use smol_str::SmolStr;

/// What a node is expected to cost, in PostgreSQL's units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Rows it answers.
    pub rows: f64,
    /// Average bytes of a row.
    pub width: u32,
    /// Cost before the first row.
    pub startup: f64,
    /// Cost of all rows.
    pub total: f64,
}

/// A node of a physical plan.
#[derive(Clone, Debug)]
pub struct Physical {
    /// The operator.
    pub node: Node,
    /// Columns it outputs, in order.
    pub outputs: Vec<Output>,
    /// What it is expected to cost.
    pub estimate: Estimate,
}

/// Operators.
#[derive(Clone, Debug)]
pub enum Node {
    /// Rows of a relation.
    Scan(ScanNode),
    /// Literal rows.
    Values(Vec<Vec<Expr>>),
    /// Functions in FROM.
    FunctionScan { functions: Vec<TableFunction>, ordinality: bool },
    /// Rows for which every condition is true.
    Filter { input: Box<Physical>, conditions: Vec<Expr> },
    /// One expression per output.
    Project { input: Box<Physical>, exprs: Vec<Expr> },
    /// Set-returning functions: the input's columns, then one per expression.
    ProjectSet { input: Box<Physical>, exprs: Vec<Expr> },
    /// Hash join; the right side is the hash table unless told otherwise.
    HashJoin(HashJoinNode),
    /// For each left row the right side again (rescanned when it depends on the left row).
    NestedLoop(NestedLoopNode),
    /// For each batch of left rows the matching rows of an index.
    LookupJoin(Box<LookupJoinNode>),
    /// Grouping and aggregates.
    Aggregate(AggregateNode),
    /// Window functions over input sorted by the node below; outputs the input's columns plus `calls`'.
    Window { input: Box<Physical>, windows: Vec<WindowSpec>, calls: Vec<WindowCall> },
    /// Sorted rows. `top` keeps only the first `limit + offset` rows.
    Sort { input: Box<Physical>, keys: Vec<SortKey>, top: Option<TopRows> },
    /// Some of the rows.
    Limit { input: Box<Physical>, limit: Option<Expr>, offset: Option<Expr>, with_ties: Option<Vec<SortKey>> },
    /// One row per distinct value of the expressions; `sorted` when equal rows arrive together.
    Distinct { input: Box<Physical>, on: Vec<Expr>, sorted: bool },
    /// UNION ALL: inputs' columns match by position.
    Append(Vec<Physical>),
    /// INTERSECT, EXCEPT (`all` or not): inputs' columns match by position. UNION is Distinct over Append.
    SetOp { kind: SetOpKind, all: bool, left: Box<Physical>, right: Box<Physical> },
    /// Materialised common table expressions and the query that reads them.
    With { ctes: Vec<CteNode>, body: Box<Physical> },
    /// Rows of a CTE slot (inside a recursive term: of its working table).
    CteScan { slot: usize, name: SmolStr, working: bool },
    /// Row locks.
    LockRows { input: Box<Physical>, locks: Vec<RowLock> },
    /// INSERT, UPDATE, DELETE, MERGE. `Modify::source` is empty here: the rows come from `source`.
    Modify { modify: Box<Modify>, source: Box<Physical> },
    /// No rows.
    Empty,
}

/// A scan.
#[derive(Clone, Debug)]
pub struct ScanNode {
    /// The relation.
    pub relation: RelationRef,
    /// Schema name (display).
    pub schema: SmolStr,
    /// Alias (display).
    pub alias: SmolStr,
    /// Range table entry.
    pub rte: u32,
    /// What each output reads, one per output.
    pub columns: Vec<ScanColumn>,
    /// How rows are found.
    pub access: AccessPath,
    /// Backwards along the access path.
    pub reverse: bool,
    /// Conditions on the rows found, over the outputs.
    pub filter: Vec<Expr>,
    /// TABLESAMPLE.
    pub sample: Option<Box<TableSample>>,
    /// About how many rows will be asked for, when few.
    pub limit_hint: Option<u64>,
    /// May be read in pieces by several threads.
    pub parallel: bool,
    /// The order of the rows along an index was asked for.
    pub ordered: bool,
}

/// How a scan finds its rows.
#[derive(Clone, Debug)]
pub enum AccessPath {
    /// All rows.
    Table,
    /// Through an index.
    Index(IndexPath),
}

/// An index and where to look in it.
#[derive(Clone, Debug)]
pub struct IndexPath {
    /// `pg_class.oid` of the index.
    pub index: Oid,
    /// Its name (display).
    pub name: SmolStr,
    /// Conditions on the first key columns, one a column.
    pub equal: Vec<KeyCondition>,
    /// A range on the key column after them.
    pub range: Option<KeyRange>,
    /// Types of the key columns that `equal` and `range` talk about.
    pub key_types: Vec<Oid>,
    /// The conditions as written, for EXPLAIN.
    pub conditions: Vec<Expr>,
    /// The index has every column the scan reads.
    pub only: bool,
}

/// A condition that fixes one key column. The expressions do not depend on the scanned row.
#[derive(Clone, Debug)]
pub enum KeyCondition {
    /// `=`: NULL finds nothing.
    Equal(Expr),
    /// `= ANY (array)`: NULL elements find nothing.
    AnyOf(Expr),
    /// IS NULL
    IsNull,
}

/// A range of one key column. The expressions do not depend on the scanned row; a NULL bound finds nothing.
#[derive(Clone, Debug, Default)]
pub struct KeyRange {
    /// Lower bounds (the greatest counts) and whether they are inclusive.
    pub lower: Vec<(Expr, bool)>,
    /// Upper bounds (the least counts) and whether they are inclusive.
    pub upper: Vec<(Expr, bool)>,
    /// IS NOT NULL without bounds.
    pub not_null: bool,
}

/// Hash join.
#[derive(Clone, Debug)]
pub struct HashJoinNode {
    /// Which rows come out.
    pub kind: JoinKind,
    /// Probes, unless `build_left`.
    pub left: Box<Physical>,
    /// Is hashed, unless `build_left`.
    pub right: Box<Physical>,
    /// Equal expressions: over left, over right.
    pub keys: Vec<JoinKey>,
    /// Further conditions over both.
    pub residual: Vec<Expr>,
    /// The left side is hashed and the right one probes.
    pub build_left: bool,
}

/// One equality of a join.
#[derive(Clone, Debug)]
pub struct JoinKey {
    /// Over the left input.
    pub left: Expr,
    /// Over the right input.
    pub right: Expr,
    /// The whole condition, for EXPLAIN.
    pub condition: Expr,
    /// NULLs are equal (IS NOT DISTINCT FROM).
    pub null_safe: bool,
}

/// Nested loop.
#[derive(Clone, Debug)]
pub struct NestedLoopNode {
    /// Which rows come out: Inner, Left, Semi or Anti.
    pub kind: JoinKind,
    /// Outer side.
    pub left: Box<Physical>,
    /// Inner side.
    pub right: Box<Physical>,
    /// Conditions over both.
    pub on: Vec<Expr>,
    /// Left columns the right side refers to: set as outer values before it is rescanned. Empty: it runs once and is kept.
    pub params: Vec<ColId>,
}

/// Lookup join: index nested loop over batches.
#[derive(Clone, Debug)]
pub struct LookupJoinNode {
    /// Which rows come out: Inner, Left, Semi or Anti.
    pub kind: JoinKind,
    /// Outer side.
    pub left: Box<Physical>,
    /// The relation looked up (its access path is not used; its filter is).
    pub inner: ScanNode,
    /// Columns of the inner side, in order.
    pub inner_outputs: Vec<Output>,
    /// All columns of the inner side that conditions name, for EXPLAIN.
    pub inner_names: Vec<(ColId, ScanColumn)>,
    /// The index.
    pub index: Oid,
    /// Its name.
    pub index_name: SmolStr,
    /// Values of the index's first key columns, over the left input, of the key columns' own types.
    pub keys: Vec<Expr>,
    /// Types of those key columns.
    pub key_types: Vec<Oid>,
    /// The conditions the keys stand for, for EXPLAIN.
    pub conditions: Vec<Expr>,
    /// Further conditions over both sides.
    pub residual: Vec<Expr>,
    /// At most one row per key.
    pub unique: bool,
    /// The index has every column needed.
    pub only: bool,
    /// Rows and costs of one lookup, for EXPLAIN.
    pub inner_estimate: Estimate,
}

/// How groups are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggStrategy {
    /// No GROUP BY: one group.
    Plain,
    /// By hash.
    Hashed,
    /// Equal groups arrive together.
    Sorted,
}

/// Aggregation. Outputs group columns, then grouping columns, then aggregates.
#[derive(Clone, Debug)]
pub struct AggregateNode {
    /// Input.
    pub input: Box<Physical>,
    /// How.
    pub strategy: AggStrategy,
    /// Group expressions.
    pub group: Vec<Expr>,
    /// Grouping sets: indexes into `group`.
    pub sets: Option<Vec<Vec<usize>>>,
    /// GROUPING(...) columns: indexes into `group`.
    pub grouping: Vec<Vec<usize>>,
    /// Aggregates.
    pub aggs: Vec<AggCall>,
}

/// First rows of a sort.
#[derive(Clone, Debug)]
pub struct TopRows {
    /// LIMIT
    pub limit: Expr,
    /// OFFSET
    pub offset: Option<Expr>,
}

/// A CTE to be kept.
#[derive(Clone, Debug)]
pub struct CteNode {
    /// Where its rows are kept.
    pub slot: usize,
    /// Slot of the working table its recursive term reads.
    pub working: Option<usize>,
    /// Name.
    pub name: SmolStr,
    /// The query; for a recursive one the non-recursive term.
    pub plan: Physical,
    /// The recursive term, and whether it is UNION ALL.
    pub recursive: Option<(Physical, bool)>,
    /// Changes data: runs to its end even when nobody reads it.
    pub modifies: bool,
}

/// A subquery in an expression, planned. Expressions name it by number (`Rel::Planned`).
#[derive(Clone, Debug)]
pub struct SubplanNode {
    /// The plan.
    pub plan: Physical,
    /// Outer columns it refers to.
    pub correlations: Vec<ColId>,
    /// It calls volatile functions.
    pub volatile: bool,
}

impl Physical {
    /// The node's inputs, left to right.
    pub fn children(&self) -> Vec<&Physical> {
        match &self.node {
            Node::Scan(_) | Node::Values(_) | Node::FunctionScan { .. } | Node::CteScan { .. } | Node::Empty => Vec::new(),
            Node::Filter { input, .. }
            | Node::Project { input, .. }
            | Node::ProjectSet { input, .. }
            | Node::Window { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. }
            | Node::Distinct { input, .. }
            | Node::LockRows { input, .. } => vec![input],
            Node::HashJoin(j) => vec![&j.left, &j.right],
            Node::NestedLoop(j) => vec![&j.left, &j.right],
            Node::LookupJoin(j) => vec![&j.left],
            Node::Aggregate(a) => vec![&a.input],
            Node::Append(inputs) => inputs.iter().collect(),
            Node::SetOp { left, right, .. } => vec![left, right],
            Node::With { ctes, body } => {
                let mut all: Vec<&Physical> = Vec::new();
                for cte in ctes {
                    all.push(&cte.plan);
                    all.extend(cte.recursive.as_ref().map(|(step, _)| step));
                }
                all.push(body);
                all
            }
            Node::Modify { source, .. } => vec![source],
        }
    }

    /// Ids of the outputs, in order.
    pub fn ids(&self) -> impl Iterator<Item = ColId> + '_ {
        self.outputs.iter().map(|o| o.id)
    }

    /// Position of a column among the outputs.
    pub fn position(&self, id: ColId) -> Option<usize> {
        self.outputs.iter().position(|o| o.id == id)
    }
}
