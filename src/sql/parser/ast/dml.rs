//! INSERT, UPDATE, DELETE, MERGE, COPY, TRUNCATE.

use super::{DefElem, DropBehavior, Expr, FromItem, Indirection, RangeVar, SelectStmt, SmolStr, Statement, Target, WithClause};

#[derive(Debug, Clone, PartialEq)]
pub struct InsertStmt {
    pub with: Option<Box<WithClause>>,
    /// With its alias, if any.
    pub relation: RangeVar,
    /// Empty when no list was written.
    pub columns: Vec<ColumnTarget>,
    pub overriding: Option<Overriding>,
    /// `None` is DEFAULT VALUES.
    pub source: Option<Box<SelectStmt>>,
    pub on_conflict: Option<Box<OnConflict>>,
    pub returning: Vec<Target>,
}

/// A column to assign to, perhaps a part of it: `a`, `a[1]`, `a.field`.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnTarget {
    pub name: SmolStr,
    pub path: Vec<Indirection>,
    pub pos: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overriding {
    User,
    System,
}

/// ON CONFLICT; `pos` is at ON.
#[derive(Debug, Clone, PartialEq)]
pub struct OnConflict {
    pub target: Option<ConflictTarget>,
    pub action: ConflictAction,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConflictTarget {
    /// `(columns or expressions) [WHERE predicate]`; `pos` is at `(`.
    Index { elements: Vec<super::IndexElem>, predicate: Option<Expr>, pos: usize },
    /// `ON CONSTRAINT name`; `pos` is at ON.
    Constraint { name: SmolStr, pos: usize },
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConflictAction {
    Nothing,
    Update { set: Vec<SetClause>, where_clause: Option<Expr> },
}

#[derive(Debug, Clone, PartialEq)]
pub struct UpdateStmt {
    pub with: Option<Box<WithClause>>,
    pub relation: RangeVar,
    pub set: Vec<SetClause>,
    pub from: Vec<FromItem>,
    /// May be `ExprNode::CurrentOf`.
    pub where_clause: Option<Expr>,
    pub returning: Vec<Target>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SetClause {
    Single {
        target: ColumnTarget,
        value: Expr,
    },
    /// `(a, b) = row expression or subquery`.
    Multiple {
        targets: Vec<ColumnTarget>,
        source: Expr,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct DeleteStmt {
    pub with: Option<Box<WithClause>>,
    pub relation: RangeVar,
    pub using: Vec<FromItem>,
    /// May be `ExprNode::CurrentOf`.
    pub where_clause: Option<Expr>,
    pub returning: Vec<Target>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MergeStmt {
    pub with: Option<Box<WithClause>>,
    pub relation: RangeVar,
    pub source: FromItem,
    pub on: Expr,
    pub whens: Vec<MergeWhen>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MergeWhen {
    pub matched: bool,
    pub condition: Option<Expr>,
    pub action: MergeAction,
    pub pos: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MergeAction {
    Update(Vec<SetClause>),
    Delete,
    /// `values` is `None` for DEFAULT VALUES.
    Insert {
        columns: Vec<ColumnTarget>,
        overriding: Option<Overriding>,
        values: Option<Vec<Expr>>,
    },
    Nothing,
}

/// COPY; options of the old syntax are turned into the new one's names.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyStmt {
    pub source: CopySource,
    /// FROM rather than TO.
    pub is_from: bool,
    pub target: CopyTarget,
    pub options: Vec<DefElem>,
    pub where_clause: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CopySource {
    Table {
        relation: RangeVar,
        columns: Vec<SmolStr>,
    },
    /// SELECT, INSERT, UPDATE or DELETE.
    Query(Box<Statement>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyTarget {
    /// STDIN / STDOUT.
    Client,
    File(String),
    Program(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct TruncateStmt {
    pub relations: Vec<RangeVar>,
    pub restart_identity: bool,
    pub behavior: DropBehavior,
}
