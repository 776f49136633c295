//! Constant folding: immutable built-in calls on constants, and the logic around constants.
//!
//! A call that raises an error is left alone: it must raise only if a row reaches it.

use super::PassCx;
use crate::error::{Result, SqlError};
use crate::sql::binder::same::same;
use crate::sql::executor::batch::ColumnKind;
use crate::sql::expr::context::{CallSite, FnCx, SessionServices};
use crate::sql::expr::registry::{Function, Implementation};
use crate::sql::plan::{Callee, Expr, ExprKind, Rel};
use crate::sql::planner::walk;
use crate::sql::types::array::Array;
use crate::sql::types::io::{self, IoContext, TypeInfo, TypeKind};
use crate::sql::types::{Datum, Oid};

/// Folds every expression of the plan.
pub fn run(mut rel: Rel, _cx: &mut PassCx<'_>) -> Rel {
    fold_rel(&mut rel);
    rel
}

fn fold_rel(rel: &mut Rel) {
    walk::each_expr_mut(rel, &mut fold);
    for child in walk::children_mut(rel) {
        fold_rel(child);
    }
}

/// Folds one expression.
pub fn fold(expr: &mut Expr) {
    walk::rewrite(expr, &mut |e| {
        if let ExprKind::Subquery(s) = &mut e.kind {
            fold_rel(&mut s.plan);
        }
        if let Some(kind) = folded(e) {
            e.kind = kind;
        }
    });
}

/// The constant an expression is, if it is one.
pub fn constant(expr: &Expr) -> Option<&Datum> {
    match &expr.kind {
        ExprKind::Const(value) => Some(value),
        _ => None,
    }
}

fn boolean(value: Option<bool>) -> ExprKind {
    ExprKind::Const(value.map_or(Datum::Null, Datum::Bool))
}

/// Three-valued truth of a constant.
fn truth(expr: &Expr) -> Option<Option<bool>> {
    match constant(expr)? {
        Datum::Bool(b) => Some(Some(*b)),
        Datum::Null => Some(None),
        _ => None,
    }
}

fn folded(expr: &mut Expr) -> Option<ExprKind> {
    match &mut expr.kind {
        ExprKind::Call { callee: Callee::Builtin(f), args, variadic, .. } => {
            let (f, variadic) = (*f, *variadic);
            call(f, args, variadic, expr.ty, expr.collation)
        }
        ExprKind::And(args) => connective(args, false),
        ExprKind::Or(args) => connective(args, true).or_else(|| factored(args)),
        ExprKind::Not(arg) => match truth(arg) {
            Some(value) => Some(boolean(value.map(|b| !b))),
            None => match &mut arg.kind {
                ExprKind::Not(inner) => Some(inner.kind.clone()),
                _ => None,
            },
        },
        ExprKind::IsNull { arg, negated, row: false } => constant(arg).map(|v| boolean(Some(v.is_null() != *negated))),
        ExprKind::BoolTest { arg, value, negated } => truth(arg).map(|v| boolean(Some((v == *value) != *negated))),
        ExprKind::Relabel(arg, _) | ExprKind::Collate(arg) => relabelled(arg, expr.ty.oid),
        ExprKind::Coalesce(args) => coalesce(args),
        ExprKind::Case { operand: None, whens, otherwise } => case(whens, otherwise),
        ExprKind::Array { elements, nested: false } => array(elements, expr.ty.oid),
        _ => None,
    }
}

/// A binary-coercible cast of a constant.
fn relabelled(arg: &Expr, ty: Oid) -> Option<ExprKind> {
    let (from, to) = (ColumnKind::of(arg.ty.oid), ColumnKind::of(ty));
    let bits = matches!((from, to), (ColumnKind::Int4, ColumnKind::Oid) | (ColumnKind::Oid, ColumnKind::Int4));
    if from != to && !bits {
        return None;
    }
    constant(arg).map(|v| ExprKind::Const(to.relabel(v.clone())))
}

fn connective(args: &mut Vec<Expr>, decisive: bool) -> Option<ExprKind> {
    if args.iter().any(|a| truth(a) == Some(Some(decisive))) {
        return Some(boolean(Some(decisive)));
    }
    args.retain(|a| truth(a) != Some(Some(!decisive)));
    match args.len() {
        0 => Some(boolean(Some(!decisive))),
        1 => args.pop().map(|a| a.kind),
        _ => None,
    }
}

/// `(a AND b) OR (a AND c)` as `a AND (b OR c)`: a join condition common to all arms becomes one of the whole. None when the arms
/// have nothing in common.
fn factored(arms: &[Expr]) -> Option<ExprKind> {
    let conjuncts = |arm: &Expr| match &arm.kind {
        ExprKind::And(list) => list.clone(),
        _ => vec![arm.clone()],
    };
    let mut lists: Vec<Vec<Expr>> = arms.iter().map(conjuncts).collect();
    let (first, others) = lists.split_first()?;
    let everywhere = |e: &Expr| !walk::is_volatile(e) && others.iter().all(|list| list.iter().any(|x| same(x, e)));
    let common: Vec<Expr> = first.iter().filter(|e| everywhere(e)).cloned().collect();
    if common.is_empty() {
        return None;
    }
    for list in &mut lists {
        list.retain(|e| !common.iter().any(|c| same(c, e)));
    }
    let mut all = common;
    // An arm that is no more than the common part makes the rest of the others irrelevant.
    if lists.iter().all(|list| !list.is_empty()) {
        let arm = |mut list: Vec<Expr>| match list.len() {
            1 => list.swap_remove(0),
            _ => Expr::new(ExprKind::And(list), Oid::BOOL),
        };
        all.push(Expr::new(ExprKind::Or(lists.into_iter().map(arm).collect()), Oid::BOOL));
    }
    match all.len() {
        1 => all.pop().map(|e| e.kind),
        _ => Some(ExprKind::And(all)),
    }
}

fn coalesce(args: &mut Vec<Expr>) -> Option<ExprKind> {
    args.retain(|a| !matches!(constant(a), Some(Datum::Null)));
    if let Some(i) = args.iter().position(|a| constant(a).is_some()) {
        args.truncate(i + 1);
    }
    match args.len() {
        0 => Some(ExprKind::Const(Datum::Null)),
        1 => args.pop().map(|a| a.kind),
        _ => None,
    }
}

fn case(whens: &mut Vec<(Expr, Expr)>, otherwise: &mut Option<Box<Expr>>) -> Option<ExprKind> {
    whens.retain(|(when, _)| !matches!(truth(when), Some(None | Some(false))));
    if let Some(i) = whens.iter().position(|(when, _)| truth(when) == Some(Some(true))) {
        let (_, then) = whens.remove(i);
        whens.truncate(i);
        *otherwise = Some(Box::new(then));
    }
    if !whens.is_empty() {
        return None;
    }
    Some(otherwise.take().map_or(ExprKind::Const(Datum::Null), |e| e.kind))
}

/// ARRAY[...] of constants.
fn array(elements: &[Expr], ty: Oid) -> Option<ExprKind> {
    let values: Option<Vec<Datum>> = elements.iter().map(|e| constant(e).cloned()).collect();
    let values = values?;
    let first = elements.first()?;
    let element = match io::type_info(&io::BuiltinTypes, ty) {
        Ok(TypeInfo { kind: TypeKind::Array(element), .. }) => element,
        _ => first.ty.oid,
    };
    Some(ExprKind::Const(Datum::Array(std::sync::Arc::new(Array::one_dim(element, values)))))
}

fn call(f: &'static Function, args: &[Expr], variadic: bool, ty: crate::sql::types::Type, collation: Oid) -> Option<ExprKind> {
    // PostgreSQL's catalog calls timestamptz_age immutable, but its answer depends on the session's time zone.
    if f.volatility != 'i' || f.returns_set || f.symbol == "timestamptz_age" {
        return None;
    }
    if f.strict && args.iter().any(|a| matches!(constant(a), Some(Datum::Null))) {
        return Some(ExprKind::Const(Datum::Null));
    }
    let Implementation::Scalar(code) = f.implementation else { return None };
    let values: Vec<Datum> = args.iter().map(|a| constant(a).cloned()).collect::<Option<_>>()?;
    let collation =
        if collation.is_valid() { collation } else { args.iter().map(|a| a.collation).find(|c| c.is_valid()).unwrap_or(collation) };
    let mut site =
        CallSite { arg_types: args.iter().map(|a| a.ty).collect(), returns: Some(ty), collation, variadic, ..CallSite::default() };
    let io = IoContext::plain();
    let mut cx = FnCx { io: &io, session: &NoSession, site: &mut site };
    code(&mut cx, &values).ok().map(ExprKind::Const)
}

/// The session of a call made while planning: immutable functions need none.
struct NoSession;

fn none<T>() -> Result<T> {
    Err(SqlError::internal("session asked while planning"))
}

impl SessionServices for NoSession {
    fn setting(&self, _name: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, _name: &str, _value: Option<&str>, _local: bool) -> Result<String> {
        none()
    }
    fn nextval(&self, _sequence: Oid) -> Result<i64> {
        none()
    }
    fn currval(&self, _sequence: Oid) -> Result<i64> {
        none()
    }
    fn lastval(&self) -> Result<i64> {
        none()
    }
    fn setval(&self, _sequence: Oid, _value: i64, _called: bool) -> Result<i64> {
        none()
    }
    fn statement_timestamp(&self) -> i64 {
        0
    }
    fn current_user(&self) -> (String, Oid) {
        (String::new(), Oid::INVALID)
    }
    fn session_user(&self) -> (String, Oid) {
        (String::new(), Oid::INVALID)
    }
    fn database(&self) -> (String, Oid) {
        (String::new(), Oid::INVALID)
    }
    fn search_path(&self, _implicit: bool) -> Vec<String> {
        Vec::new()
    }
    fn backend_pid(&self) -> i32 {
        0
    }
    fn random(&self) -> f64 {
        0.0
    }
    fn set_seed(&self, _seed: f64) {}
    fn catalog_call(&self, _symbol: &'static str, _args: &[Datum], _site: &CallSite) -> Result<Datum> {
        none()
    }
    fn notice(&self, _notice: SqlError) {}
    fn check_interrupts(&self) -> Result<()> {
        Ok(())
    }
    fn sleep(&self, _seconds: f64) -> Result<()> {
        none()
    }
}
