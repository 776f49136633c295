//! Parse analysis: names and types. Turns a syntax tree into a typed logical plan, with PostgreSQL's rules for name visibility,
//! overload resolution, implicit casts and grouping, and with its errors.
//!
//! One `Binder` lives for one statement. It keeps a stack of `Scope`s (one a query level, PostgreSQL's ParseState), the range
//! table of the whole statement, and a side table of what each `ColId` is. Aggregates, window functions and set-returning
//! functions are moved out of expressions the moment they are bound: the scope they belong to records the call, the expression
//! gets a column in its place.
//!
//! Files follow PostgreSQL's: `names` and `scope` (parse_relation.c), `expr` (parse_expr.c), `func` (parse_func.c), `oper`
//! (parse_oper.c), `coerce` and `poly` (parse_coerce.c), `from`, `sort` and `window` (parse_clause.c), `agg` (parse_agg.c),
//! `cte` (parse_cte.c), `select`, `setop` (analyze.c), `dml` (analyze.c, rewriteHandler.c), `collate` (parse_collate.c).

mod agg;
mod coerce;
mod collate;
mod colname;
mod cte;
mod dml;
mod expr;
mod from;
mod func;
mod fuzzy;
mod grouping;
mod join;
mod locking;
mod names;
mod oper;
mod params;
mod poly;
mod refs;
pub(crate) mod same;
mod scope;
mod search;
mod select;
mod setop;
mod sort;
mod stored;
mod table_function;
mod target;
mod trace;
mod types;
mod view;
mod window;

#[cfg(test)]
mod tests;

pub use colname::{column_name, index_name};
pub use dml::updatable_columns;
pub use params::Params;
pub use stored::{
    BoundDomainCheck, RelationColumns, Standing, bind_check, bind_default, bind_domain_check, bind_domain_checks, bind_index_expr,
    bind_over_relation, bind_scalar,
};
pub use trace::{Trace, TracedColumn, TracedEntry, bind_traced};
pub use types::{TypeDesc, resolve_type};

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::RelationRef;
use crate::sql::parser::ast;
use crate::sql::plan::{ColId, Expr, Output, Query, QueryTag, Rel};
use crate::sql::types::io::IoContext;
use crate::sql::types::{Oid, Type};
use scope::{Col, CteEntry, Rte, Scope};
use smol_str::SmolStr;

/// How much stack binding may take: what comes after it recurses over the same trees.
const MAX_STACK: usize = if cfg!(test) { 1 << 20 } else { 4 << 20 };

/// What binding needs from outside, for one statement.
pub struct BindContext<'a> {
    /// The catalog.
    pub catalog: &'a dyn CatalogView,
    /// Settings and types for literals.
    pub io: &'a IoContext<'a>,
    /// Names beyond columns: a function's arguments, PL/pgSQL's variables.
    pub names: Option<&'a dyn NameHook>,
}

/// A name that stands for a parameter of the surrounding code (a SQL function's argument, a PL/pgSQL variable).
pub trait NameHook {
    /// The parameter a (possibly qualified) name stands for: its 0-based number and type.
    fn resolve(&self, parts: &[SmolStr]) -> Option<(usize, Type)>;
    /// What to do when the name is a column too.
    fn conflict(&self) -> NameConflict;
}

/// Preferences between a column and a variable of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameConflict {
    /// 42702
    Error,
    /// The column.
    UseColumn,
    /// The variable.
    UseVariable,
}

/// One statement's binding.
pub(crate) struct Binder<'a> {
    cx: &'a BindContext<'a>,
    params: &'a mut Params,
    scopes: Vec<Scope>,
    rtes: Vec<Rte>,
    cols: Vec<Col>,
    ctes: Vec<CteEntry>,
    relations: Vec<(RelationRef, u8)>,
    uses_temp: bool,
    /// Role whose privileges count: a view's owner inside the view.
    role: Option<Oid>,
    stack_base: usize,
    next_cte: u32,
    /// Whether any collation other than the default one was met.
    collations: bool,
    /// Fields of columns that are anonymous records.
    shapes: std::collections::HashMap<u32, expr::Shape>,
    /// Arguments of the information_schema helper whose body is being bound.
    inlined: Option<Vec<Expr>>,
    /// Row locks for the next subquery in FROM.
    pending_locks: locking::Pushed,
    /// What names mean, when asked for.
    trace: Option<Box<Trace>>,
    /// Views being expanded, to stop at a view that contains itself.
    views: Vec<Oid>,
}

/// A bound query level: its plan and its visible columns. `exact` when the plan outputs just these.
pub(crate) struct Bound {
    rel: Rel,
    outputs: Vec<Output>,
    exact: bool,
}

/// Binds a statement that returns or changes rows: SELECT, VALUES, INSERT, UPDATE, DELETE, MERGE.
///
/// Errors carry byte offsets into the source the statement was parsed from. Statements of other kinds are XX000.
pub fn bind_query(cx: &BindContext<'_>, stmt: &ast::Statement, params: &mut Params) -> Result<Query> {
    let mut binder = Binder::new(cx, params);
    let (bound, tag) = binder.statement(stmt)?;
    binder.finish(bound, tag)
}

/// The operator a name means between two types. Errors: 42883, 42725.
pub fn find_binary_operator(cx: &BindContext<'_>, op: &ast::OperatorName, left: Oid, right: Oid, pos: usize) -> Result<Oid> {
    let mut params = Params::none();
    Binder::new(cx, &mut params).binary_operator(op, left, right, pos).map(|o| o.oid)
}

/// A row-locking clause's strength as it is written.
pub fn lock_strength_name(strength: ast::LockStrength) -> &'static str {
    locking::strength_name(strength)
}

/// Binds a query: `bind_query` for a bare `SelectStmt` (CREATE VIEW, CREATE TABLE AS, cursors).
pub fn bind_select(cx: &BindContext<'_>, stmt: &ast::SelectStmt, params: &mut Params) -> Result<Query> {
    let mut binder = Binder::new(cx, params);
    let bound = binder.select(stmt, select::Purpose::Top)?;
    binder.finish(bound, QueryTag::Select)
}

impl Bound {
    /// The plan with exactly the visible columns.
    fn into_exact(self) -> (Rel, Vec<Output>) {
        if self.exact {
            return (self.rel, self.outputs);
        }
        let exprs = self.outputs.iter().map(|o| (o.clone(), output_ref(o))).collect();
        (Rel::Project { input: Box::new(self.rel), exprs }, self.outputs)
    }
}

/// Roughly where the stack is now.
fn stack_pointer() -> usize {
    let here = 0u8;
    std::ptr::from_ref(&here).addr()
}

/// A reference to an output column.
pub(crate) fn output_ref(output: &Output) -> Expr {
    let mut e = Expr::column(output.id, output.ty);
    e.collation = output.collation;
    e
}

impl<'a> Binder<'a> {
    pub(crate) fn new(cx: &'a BindContext<'a>, params: &'a mut Params) -> Self {
        Self {
            cx,
            params,
            scopes: Vec::new(),
            rtes: Vec::new(),
            cols: Vec::new(),
            ctes: Vec::new(),
            relations: Vec::new(),
            uses_temp: false,
            role: None,
            stack_base: stack_pointer(),
            next_cte: 0,
            collations: false,
            shapes: std::collections::HashMap::new(),
            inlined: None,
            pending_locks: Vec::new(),
            trace: None,
            views: Vec::new(),
        }
    }

    /// Any statement with rows in or out; as a statement of its own or inside WITH.
    fn statement(&mut self, stmt: &ast::Statement) -> Result<(Bound, QueryTag)> {
        use ast::Statement as S;
        Ok(match stmt {
            S::Select(s) => (self.select(s, select::Purpose::Top)?, QueryTag::Select),
            S::Insert(s) => (self.insert(s)?, QueryTag::Insert),
            S::Update(s) => (self.update(s)?, QueryTag::Update),
            S::Delete(s) => (self.delete(s)?, QueryTag::Delete),
            S::Merge(s) => (self.merge(s)?, QueryTag::Merge),
            _ => return Err(SqlError::internal("not a query")),
        })
    }

    fn finish(self, bound: Bound, tag: QueryTag) -> Result<Query> {
        self.params.check()?;
        let origins = bound.outputs.iter().map(|o| self.cols[o.id.0 as usize].origin).collect();
        Ok(Query {
            plan: bound.rel,
            outputs: bound.outputs,
            origins,
            params: self.params.types(),
            tag,
            relations: self.relations,
            uses_temp: self.uses_temp,
            next_col: self.cols.len() as u32,
        })
    }

    /// Runs `f` one nesting level deeper. Errors: 54001.
    fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.stack_base.abs_diff(stack_pointer()) > MAX_STACK {
            return Err(err!(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").hint(
                "Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's stack \
                 depth limit is adequate.",
            ));
        }
        f(self)
    }

    /// A new column of the current query level.
    fn new_col(&mut self, what: scope::What) -> ColId {
        let id = ColId(self.cols.len() as u32);
        let depth = self.scopes.len() as u32;
        self.cols.push(Col { depth, what, rte: u32::MAX, attr: 0, origin: None });
        id
    }

    /// A new output column.
    fn new_output(&mut self, name: SmolStr, ty: Type, collation: Oid) -> Output {
        Output { id: self.new_col(scope::What::Plain), name, ty, collation }
    }
}
