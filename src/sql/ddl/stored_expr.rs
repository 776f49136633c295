//! Expressions kept in the catalog: bound against their table, then stored as SQL text with every name resolved.
//!
//! A relation's columns have their positions as ids, as `session::exprs` numbers them.

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::{self, Params, RelationColumns, Standing};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{Relation, RelationRef};
use crate::sql::deparse::{self, Names};
use crate::sql::expr::eval::{CompiledExpr, Scope, compile};
use crate::sql::parser::ast;
use crate::sql::plan::{Callee, ColId, Expr, ExprKind};
use crate::sql::session::SessionCore;
use crate::sql::session::exprs::{PlainEnv, column_ids, column_scope};
use crate::sql::session::view::{SessionView, quote_identifier};
use crate::sql::types::{Oid, Type, typename};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Names of one relation's columns and of what else an expression mentions.
pub struct RelationNames<'a> {
    /// The catalog.
    pub view: &'a SessionView,
    /// The relation whose columns are ids 0, 1, ...
    pub relation: Option<&'a Relation>,
}

impl Names for RelationNames<'_> {
    fn column(&self, id: ColId) -> Option<String> {
        let column = self.relation?.columns.get(id.0 as usize)?;
        Some(quote_identifier(&column.name).into_owned())
    }

    fn function(&self, schema: Oid, name: &str) -> String {
        let visible =
            self.view.path.iter().find(|s| self.view.catalog.functions_named(**s, name).next().is_some()) == Some(&schema);
        self.view.qualified(schema, name, visible)
    }

    fn relation(&self, oid: Oid) -> String {
        self.view.class_name(oid).unwrap_or_else(|| oid.to_string())
    }

    fn collation(&self, oid: Oid) -> String {
        self.view.collation_name(oid).map_or_else(|| oid.to_string(), |n| quote_identifier(&n).into_owned())
    }
}

/// The text of a bound expression over a relation.
pub fn text(core: &SessionCore, relation: Option<&Relation>, expr: &Expr, pretty: bool) -> String {
    let view = core.view();
    let io = core.io();
    let cx = io.context(core.transaction_start.load(Ordering::Relaxed), &*view);
    let names = RelationNames { view: &view, relation };
    deparse::expression(&cx, &names, expr, pretty)
}

/// The text to store: like `text`, but every name outside pg_catalog is qualified, so that no search path changes its meaning.
pub fn stored_text(core: &SessionCore, relation: Option<&Relation>, expr: &Expr) -> String {
    let view = core.view().without_path();
    let io = core.io();
    let cx = io.context(core.transaction_start.load(Ordering::Relaxed), &view);
    let names = RelationNames { view: &view, relation };
    deparse::expression(&cx, &names, expr, false)
}

/// A stored expression's text as the session shows it; as stored when it cannot be bound.
pub fn shown(core: &SessionCore, relation: Option<&RelationRef>, sql: &str, pretty: bool) -> String {
    let again = || -> Result<String> {
        let ast = crate::sql::parser::parse_expression(sql)?;
        let bound = match relation {
            Some(r) => bind_over(core, r, &ast, None, Standing::Other)?,
            None => core.with_bind(|cx| binder::bind_scalar(cx, &ast, None, Standing::Other, &mut Params::none()))?,
        };
        Ok(text(core, relation.map(|r| &**r), &bound, pretty))
    };
    again().unwrap_or_else(|_| sql.to_owned())
}

/// Compiles an expression over a relation's rows (or, without columns, over no row).
pub fn compiled(core: &SessionCore, relation: Option<&Relation>, expr: &Expr) -> Result<CompiledExpr> {
    let view = core.view();
    let scope = relation.map_or_else(Scope::default, column_scope);
    compile(expr, &scope, &mut PlainEnv(&*view))
}

/// Binds a default without input columns. Errors: 42804, 0A000 for columns, subqueries, aggregates.
pub fn bind_default(core: &SessionCore, expr: &ast::Expr, column: &str, ty: Type) -> Result<Expr> {
    let bind = |target| core.with_bind(|cx| binder::bind_scalar(cx, expr, target, Standing::Default, &mut Params::none()));
    match bind(Some(ty)) {
        Err(e) if e.code() == SqlState::CANNOT_COERCE => {
            let Ok(plain) = bind(None) else { return Err(e) };
            let view = core.view();
            let show = |oid| typename::format_type_be(&*view, oid);
            let (to, from) = (show(ty.oid), show(plain.ty.oid));
            let message = format!("column \"{column}\" is of type {to} but default expression is of type {from}");
            Err(SqlError::new(SqlState::DATATYPE_MISMATCH, message).hint("You will need to rewrite or cast the expression."))
        }
        other => other,
    }
}

/// Binds a default and answers its text; None for a NULL default.
pub fn default_text(core: &SessionCore, expr: &ast::Expr, column: &str, ty: Type) -> Result<Option<String>> {
    let bound = bind_default(core, expr, column, ty)?;
    let is_null = matches!(&bound.kind, ExprKind::Const(d) if d.is_null());
    Ok((!is_null).then(|| stored_text(core, None, &bound)))
}

/// Binds an expression over a relation's columns, coerced to `target` when given.
pub fn bind_over(
    core: &SessionCore,
    relation: &RelationRef,
    expr: &ast::Expr,
    target: Option<Type>,
    standing: Standing,
) -> Result<Expr> {
    let ids = column_ids(relation);
    let columns = RelationColumns { relation, ids: &ids, alias: None };
    core.with_bind(|cx| binder::bind_over_relation(cx, &[columns], expr, target, standing))
}

/// The columns (positions) an expression over a relation mentions, in order.
pub fn used_columns(expr: &Expr) -> Vec<u16> {
    fn walk(e: &Expr, out: &mut Vec<u16>) {
        if let ExprKind::Column(id) = &e.kind
            && !out.contains(&(id.0 as u16))
        {
            out.push(id.0 as u16);
        }
        e.each_child(&mut |c| walk(c, out));
    }
    let mut out = Vec::new();
    walk(expr, &mut out);
    out
}

/// Binds a CHECK over a relation; answers its text and the columns it mentions.
pub fn check_text(core: &SessionCore, relation: &Arc<Relation>, expr: &ast::Expr) -> Result<(String, Vec<u16>)> {
    let bound = bind_over(core, relation, expr, None, Standing::Check)?;
    Ok((stored_text(core, Some(relation), &bound), used_columns(&bound)))
}

/// Binds an index key or predicate; answers its text, type and collation. Errors: 42P17 unless immutable.
pub fn over_relation(
    core: &SessionCore,
    relation: &Arc<Relation>,
    expr: &ast::Expr,
    standing: Standing,
) -> Result<(String, Type, Oid)> {
    let bound = bind_over(core, relation, expr, None, standing)?;
    let place = if standing == Standing::IndexPredicate { "predicate" } else { "expression" };
    require_immutable(&bound, &format!("functions in index {place} must be marked IMMUTABLE"))?;
    Ok((stored_text(core, Some(relation), &bound), bound.ty, bound.collation))
}

/// Binds a generation expression; answers its text. Errors: 42P17 for volatile functions and other generated columns.
pub fn generated_text(core: &SessionCore, relation: &Arc<Relation>, expr: &ast::Expr, position: usize) -> Result<String> {
    let column = &relation.columns[position];
    let bound = match bind_over(core, relation, expr, Some(column.ty), Standing::Generated) {
        Err(e) if e.code() == SqlState::CANNOT_COERCE => {
            let Ok(plain) = bind_over(core, relation, expr, None, Standing::Generated) else { return Err(e) };
            let view = core.view();
            let show = |oid| typename::format_type_be(&*view, oid);
            let (to, from) = (show(column.ty.oid), show(plain.ty.oid));
            let message = format!("column \"{}\" is of type {to} but default expression is of type {from}", column.name);
            return Err(
                SqlError::new(SqlState::DATATYPE_MISMATCH, message).hint("You will need to rewrite or cast the expression.")
            );
        }
        other => other?,
    };
    for used in used_columns(&bound) {
        let other = &relation.columns[usize::from(used)];
        if other.generated {
            let e = err!(
                SqlState::INVALID_OBJECT_DEFINITION,
                "cannot use generated column \"{}\" in column generation expression",
                other.name
            );
            return Err(e.detail("A generated column cannot reference another generated column."));
        }
    }
    require_immutable(&bound, "generation expression is not immutable")?;
    Ok(stored_text(core, Some(relation), &bound))
}

/// The least stable function an expression calls: `i`, `s` or `v`.
pub fn volatility(expr: &Expr) -> char {
    let own = |callee: &Callee| match callee {
        Callee::Builtin(f) => f.volatility,
        Callee::User(f) => f.volatility,
    };
    let mut worst = match &expr.kind {
        ExprKind::Call { callee, .. } | ExprKind::SetReturning { callee, .. } => own(callee),
        ExprKind::Distinct { .. } => 'i',
        ExprKind::NullIf { eq, .. } => own(eq),
        ExprKind::ArrayCompare { op, .. } => own(op),
        ExprKind::SessionValue(_) => 's',
        ExprKind::CoerceViaIo(arg, _) => io_volatility(arg.ty.oid).max(io_volatility(expr.ty.oid)),
        ExprKind::NextVal(_) => 'v',
        _ => 'i',
    };
    // The letters are in the order of stability.
    expr.each_child(&mut |c| worst = worst.max(volatility(c)));
    worst
}

/// How stable a type's text input and output are: those that look at settings or the catalog are not immutable.
fn io_volatility(oid: Oid) -> char {
    let scalar = typename::builtin_elem(oid).unwrap_or(oid);
    match scalar {
        Oid::DATE | Oid::TIMESTAMP | Oid::TIMESTAMPTZ | Oid::TIMETZ | Oid::INTERVAL | Oid::REGCLASS | Oid::RECORD | Oid::MONEY => {
            's'
        }
        o if o != oid => 's',
        o if o >= Oid::FIRST_NORMAL => 's',
        _ => 'i',
    }
}

/// 42P17 unless every function of the expression is immutable.
pub fn require_immutable(expr: &Expr, message: &str) -> Result<()> {
    if volatility(expr) == 'i' { Ok(()) } else { Err(SqlError::new(SqlState::INVALID_OBJECT_DEFINITION, message)) }
}
