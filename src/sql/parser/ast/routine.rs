//! CREATE FUNCTION, TRIGGER, RULE, POLICY, CAST, and objects given by a definition list.

use super::{DefElem, Expr, ObjectType, ObjectWithArgs, QualName, RangeVar, RoleSpec, SmolStr, Statement, TypeName};

/// Options carry PostgreSQL's names: as (List of 1 or 2 strings), language, transform, window, volatility, strict, security,
/// leakproof, cost, rows, support, set, parallel.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateFunctionStmt {
    pub or_replace: bool,
    pub is_procedure: bool,
    pub name: QualName,
    /// RETURNS TABLE columns are at the end, mode `Table`.
    pub params: Vec<FunctionParameter>,
    /// `None` when not written (OUT parameters or a procedure decide).
    pub returns: Option<TypeName>,
    pub options: Vec<DefElem>,
    pub body: Option<Box<RoutineBody>>,
}

/// A SQL-standard body.
#[derive(Debug, Clone, PartialEq)]
pub enum RoutineBody {
    /// `RETURN expr`.
    Return(Expr),
    /// `BEGIN ATOMIC ... END`.
    Atomic(Vec<Statement>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct FunctionParameter {
    pub name: Option<SmolStr>,
    pub mode: ParamMode,
    pub type_name: TypeName,
    pub default: Option<Expr>,
    pub pos: usize,
}

/// `Default` is IN without the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamMode {
    Default,
    In,
    Out,
    InOut,
    Variadic,
    Table,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateTriggerStmt {
    pub or_replace: bool,
    pub is_constraint: bool,
    pub name: SmolStr,
    pub relation: RangeVar,
    pub function: QualName,
    /// Arguments as strings.
    pub args: Vec<SmolStr>,
    pub row: bool,
    pub timing: TriggerTiming,
    pub events: TriggerEvents,
    /// UPDATE OF columns.
    pub columns: Vec<SmolStr>,
    pub when: Option<Expr>,
    pub transitions: Vec<TriggerTransition>,
    pub deferrable: bool,
    pub initially_deferred: bool,
    /// FROM table of constraint triggers.
    pub constraint_from: Option<RangeVar>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerTiming {
    Before,
    After,
    InsteadOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TriggerEvents {
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
    pub truncate: bool,
}

/// `REFERENCING NEW TABLE AS name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerTransition {
    pub name: SmolStr,
    pub is_new: bool,
    pub is_table: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateEventTriggerStmt {
    pub name: SmolStr,
    pub event: SmolStr,
    /// WHEN variable IN (values).
    pub when: Vec<(SmolStr, Vec<SmolStr>)>,
    pub function: QualName,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RuleStmt {
    pub or_replace: bool,
    pub name: SmolStr,
    pub relation: RangeVar,
    pub event: RuleEvent,
    pub where_clause: Option<Expr>,
    pub instead: bool,
    /// Empty is NOTHING.
    pub actions: Vec<Statement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleEvent {
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreatePolicyStmt {
    pub name: SmolStr,
    pub table: RangeVar,
    pub permissive: bool,
    /// `all`, `select`, `insert`, `update`, `delete`.
    pub command: &'static str,
    /// PUBLIC when not written.
    pub roles: Vec<RoleSpec>,
    pub using: Option<Expr>,
    pub with_check: Option<Expr>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateCastStmt {
    pub source: TypeName,
    pub target: TypeName,
    pub method: CastMethod,
    pub context: CastContext,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CastMethod {
    Function(ObjectWithArgs),
    WithoutFunction,
    InOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CastContext {
    Explicit,
    Assignment,
    Implicit,
}

/// CREATE AGGREGATE | OPERATOR | TEXT SEARCH ... | COLLATION name (definition).
#[derive(Debug, Clone, PartialEq)]
pub struct DefineStmt {
    pub kind: ObjectType,
    /// Operators: the last part is the symbol.
    pub name: QualName,
    pub or_replace: bool,
    pub if_not_exists: bool,
    /// Aggregates: parameters; `None` is `(*)` or the old style.
    pub params: Option<Vec<FunctionParameter>>,
    /// Aggregates: the old style without argument list.
    pub old_style: bool,
    pub definition: Vec<DefElem>,
    /// CREATE COLLATION name FROM other.
    pub from: Option<QualName>,
}
