//! Typed expressions.

use super::logical::Rel;
use crate::sql::catalog::objects::UserFunction;
use crate::sql::expr::registry::Function;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::sync::Arc;

/// A column of a statement's plan, unique within the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColId(pub u32);

/// A typed expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Result type.
    pub ty: Type,
    /// Collation of the result: `INVALID` when not collatable. For calls and comparisons the collation they work with (their
    /// inputs'), which is also the result's when the result is collatable.
    pub collation: Oid,
    /// Byte offset in the source for errors, when known.
    pub pos: Option<u32>,
}

/// Which function a call runs.
#[derive(Clone, Debug)]
pub enum Callee {
    /// Built into the server.
    Builtin(&'static Function),
    /// Made by CREATE FUNCTION.
    User(Arc<UserFunction>),
}

/// How a function call was written, for EXPLAIN and view text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallForm {
    /// `f(x)`
    Call,
    /// An operator (its symbol and operator OID).
    Operator(Oid),
    /// A cast written explicitly.
    ExplicitCast,
    /// A cast the binder added.
    ImplicitCast,
    /// SQL-standard syntax (EXTRACT, OVERLAY, ...).
    SqlSyntax,
}

/// Expression forms.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A constant of `Expr::ty`.
    Const(Datum),
    /// A column, of this plan level or an outer one.
    Column(ColId),
    /// A statement parameter `$n`, 0-based.
    Param(usize),
    /// A function or operator call. Strict functions are not called with a NULL argument.
    Call { callee: Callee, args: Vec<Expr>, form: CallForm, variadic: bool },
    /// AND over two or more.
    And(Vec<Expr>),
    /// OR over two or more.
    Or(Vec<Expr>),
    /// NOT
    Not(Box<Expr>),
    /// `IS [NOT] NULL`; `row` tests the fields of a composite.
    IsNull { arg: Box<Expr>, negated: bool, row: bool },
    /// `IS [NOT] TRUE / FALSE / UNKNOWN` (`value` None for UNKNOWN).
    BoolTest { arg: Box<Expr>, value: Option<bool>, negated: bool },
    /// `IS [NOT] DISTINCT FROM`, by the equality call `eq` (its own arguments are `Value` placeholders of the operands' types).
    Distinct { eq: Box<Expr>, left: Box<Expr>, right: Box<Expr>, negated: bool },
    /// NULLIF by the equality function.
    NullIf { eq: Callee, left: Box<Expr>, right: Box<Expr> },
    /// CASE; `operand` was turned into equality conditions by the binder with `CaseOperand` inside.
    Case { operand: Option<Box<Expr>>, whens: Vec<(Expr, Expr)>, otherwise: Option<Box<Expr>> },
    /// The value of the innermost CASE's operand.
    CaseOperand,
    /// The value being checked by a domain constraint, or the element in an array coercion.
    Value,
    /// COALESCE
    Coalesce(Vec<Expr>),
    /// GREATEST (true) or LEAST (false) by btree order.
    MinMax { greatest: bool, args: Vec<Expr> },
    /// `left op ANY/ALL (array)`, with the operator's boolean function; includes IN lists of constants.
    ArrayCompare { op: Callee, op_oid: Oid, any: bool, left: Box<Expr>, array: Box<Expr> },
    /// ARRAY[...]; `nested` when the elements are arrays themselves.
    Array { elements: Vec<Expr>, nested: bool },
    /// ROW(...)
    Row { fields: Vec<Expr>, names: Vec<SmolStr> },
    /// Field `index` of a composite value.
    Field { arg: Box<Expr>, index: usize },
    /// Array or jsonb subscripting: index or slice per dimension.
    Subscript { arg: Box<Expr>, indices: Vec<Subscript> },
    /// Assignment to an array element or slice: the changed array (`UPDATE SET a[1] = x`).
    SubscriptAssign { arg: Box<Expr>, indices: Vec<Subscript>, value: Box<Expr> },
    /// Assignment to a composite's field: the changed composite.
    FieldAssign { arg: Box<Expr>, index: usize, value: Box<Expr> },
    /// Row comparison `(a,b) op (c,d)`: per-column operators, for <, <=, >=, > (`=`, `<>` become AND/OR).
    RowCompare { op: RowOp, left: Vec<Expr>, right: Vec<Expr> },
    /// Same value under another type; no work.
    Relabel(Box<Expr>, CallForm),
    /// Cast through text output and input.
    CoerceViaIo(Box<Expr>, CallForm),
    /// Element-wise cast of an array: `element` computes from `Value`.
    ArrayCoerce { arg: Box<Expr>, element: Box<Expr>, form: CallForm },
    /// Row to composite type, field by field: each computes from `Value` being the field.
    RowCoerce { arg: Box<Expr>, fields: Vec<Expr>, form: CallForm },
    /// Checks the constraints of domain `Expr::ty`.
    CoerceToDomain(Box<Expr>, CallForm),
    /// A subquery in an expression.
    Subquery(Box<Subquery>),
    /// An aggregate call; the binder moves these into `Rel::Aggregate`, so later stages never see one.
    Aggregate(Box<AggCall>),
    /// A window function call; the binder moves these into `Rel::Window`.
    Window(Box<WindowCall>),
    /// GROUPING(...); the binder turns it into a column of `Rel::Aggregate`.
    Grouping(Vec<Expr>),
    /// CURRENT_DATE and friends: the value is fixed by the transaction or session.
    SessionValue(SessionValue),
    /// COLLATE: same value, `Expr::collation` changed.
    Collate(Box<Expr>),
    /// nextval of a sequence known at bind time (defaults, identity).
    NextVal(Oid),
    /// Set-returning call; the binder moves these into `Rel::ProjectSet`.
    SetReturning { callee: Callee, args: Vec<Expr> },
    /// A system column or whole row needing the scan: the row's table OID.
    TableOid,
    /// The key of the row of a table that a cursor stands on (WHERE CURRENT OF); NULL when the cursor's row has none.
    CurrentOf(SmolStr, Oid),
}

/// SQL's value functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionValue {
    /// CURRENT_DATE
    CurrentDate,
    /// CURRENT_TIME(p)
    CurrentTime,
    /// CURRENT_TIMESTAMP(p)
    CurrentTimestamp,
    /// LOCALTIME(p)
    LocalTime,
    /// LOCALTIMESTAMP(p)
    LocalTimestamp,
    /// CURRENT_ROLE, CURRENT_USER, USER
    CurrentUser,
    /// SESSION_USER
    SessionUser,
    /// CURRENT_CATALOG
    CurrentCatalog,
    /// CURRENT_SCHEMA
    CurrentSchema,
}

/// Row comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOp {
    /// <
    Lt,
    /// <=
    Le,
    /// >=
    Ge,
    /// >
    Gt,
}

/// One subscript.
#[derive(Clone, Debug)]
pub enum Subscript {
    /// `[i]`
    Index(Expr),
    /// `[lower:upper]`
    Slice(Option<Expr>, Option<Expr>),
}

/// A subquery in an expression.
#[derive(Clone, Debug)]
pub struct Subquery {
    /// How it is used.
    pub kind: SubqueryKind,
    /// Its plan; references to columns it does not produce itself are correlations.
    pub plan: Rel,
}

/// Uses of a subquery.
#[derive(Clone, Debug)]
pub enum SubqueryKind {
    /// One row, one column; no row is NULL, two rows are 21000.
    Scalar,
    /// EXISTS
    Exists,
    /// ARRAY(SELECT ...)
    Array,
    /// `test` ANY (IN is = ANY) or ALL: `test` is a boolean expression over the outer row and the subquery's columns.
    Quantified { any: bool, test: Box<Expr> },
    /// One row of several columns as a record (multi-column UPDATE SET, row comparison).
    Row,
}

/// Ordering of one sort key.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// What to sort by.
    pub expr: Expr,
    /// DESC.
    pub desc: bool,
    /// NULLS FIRST.
    pub nulls_first: bool,
}

/// An aggregate call.
#[derive(Clone, Debug)]
pub struct AggCall {
    /// Which aggregate.
    pub func: &'static Function,
    /// Arguments (direct arguments of ordered-set aggregates first).
    pub args: Vec<Expr>,
    /// How many of `args` are direct arguments (WITHIN GROUP).
    pub direct: usize,
    /// DISTINCT.
    pub distinct: bool,
    /// ORDER BY inside the call, or WITHIN GROUP's.
    pub order_by: Vec<SortKey>,
    /// FILTER.
    pub filter: Option<Expr>,
    /// count(*).
    pub star: bool,
    /// VARIADIC array.
    pub variadic: bool,
    /// Result type.
    pub ty: Type,
    /// Collation of inputs.
    pub collation: Oid,
}

/// A window function call.
#[derive(Clone, Debug)]
pub struct WindowCall {
    /// The function or aggregate.
    pub func: WindowFunc,
    /// Arguments.
    pub args: Vec<Expr>,
    /// FILTER (aggregates).
    pub filter: Option<Expr>,
    /// count(*).
    pub star: bool,
    /// Window: index into `Rel::Window::windows` after binding.
    pub window: usize,
    /// Result type.
    pub ty: Type,
    /// Collation of inputs.
    pub collation: Oid,
}

/// What a window call runs.
#[derive(Clone, Debug)]
pub enum WindowFunc {
    /// row_number, rank, lag...
    Window(&'static Function),
    /// An aggregate over the frame.
    Aggregate(&'static Function),
}

impl Expr {
    /// An expression without position or collation.
    pub fn new(kind: ExprKind, ty: impl Into<Type>) -> Self {
        Self { kind, ty: ty.into(), collation: Oid::INVALID, pos: None }
    }

    /// A constant.
    pub fn constant(value: Datum, ty: impl Into<Type>) -> Self {
        Self::new(ExprKind::Const(value), ty)
    }

    /// A column reference.
    pub fn column(id: ColId, ty: impl Into<Type>) -> Self {
        Self::new(ExprKind::Column(id), ty)
    }
}
