//! Functions written in SQL: the body's statements are planned once a statement, with the arguments as parameters, and run in
//! order; the last one's rows are the result.
//!
//! ```sql
//! CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b';   -- plans SELECT $1 + $2
//! ```

use super::SessionCore;
use super::exprs::SessionExprs;
use super::query::CachedPlan;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::{self, BindContext, NameConflict, NameHook, Params, Standing};
use crate::sql::catalog::objects::UserFunction;
use crate::sql::expr::context::CallSite;
use crate::sql::expr::registry::Function;
use crate::sql::parser::{self, ast::Statement};
use crate::sql::plan::{Expr, ExprKind, QueryTag};
use crate::sql::planner::walk;
use crate::sql::types::datum::Record;
use crate::sql::types::io::{TypeKind, type_info};
use crate::sql::types::{Datum, Oid, Type, typename};
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a call asks of a function's body.
pub struct Signature<'a> {
    /// The function's name.
    pub name: &'a str,
    /// Names of the input arguments, empty where there is none.
    pub names: Vec<SmolStr>,
    /// Their types at this call.
    pub types: Vec<Type>,
    /// The result type at this call.
    pub returns: Type,
    /// Columns of a result that is a row of OUT or TABLE arguments; empty otherwise.
    pub columns: Vec<(SmolStr, Type)>,
}

/// A body ready to run.
pub struct SqlFunction {
    statements: Vec<Arc<CachedPlan>>,
    returns: Type,
    result: Shape,
}

/// How the last statement's columns become the result.
enum Shape {
    /// Returns void.
    Nothing,
    /// One column, converted.
    Scalar(Option<Expr>),
    /// A row; its columns, converted.
    Row { columns: Vec<(SmolStr, Type)>, convert: Vec<Option<Expr>> },
}

impl NameHook for Signature<'_> {
    fn resolve(&self, parts: &[SmolStr]) -> Option<(usize, Type)> {
        let name = match parts {
            [name] => name,
            [function, name] if function == self.name => name,
            _ => return None,
        };
        let at = self.names.iter().position(|n| !n.is_empty() && n == name)?;
        Some((at, self.types[at]))
    }

    fn conflict(&self) -> NameConflict {
        NameConflict::UseColumn
    }
}

fn is_polymorphic(ty: Oid) -> bool {
    matches!(ty, Oid::ANY | Oid::ANYELEMENT | Oid::ANYARRAY | Oid::ANYNONARRAY | Oid::ANYENUM | Oid::ANYRANGE | Oid::ANYMULTIRANGE)
        || matches!(
            ty,
            Oid::ANYCOMPATIBLE
                | Oid::ANYCOMPATIBLEARRAY
                | Oid::ANYCOMPATIBLENONARRAY
                | Oid::ANYCOMPATIBLERANGE
                | Oid::ANYCOMPATIBLEMULTIRANGE
        )
}

/// Whether a function's types depend on the call.
pub fn is_generic(function: &UserFunction) -> bool {
    is_polymorphic(function.returns) || function.all_args.iter().any(|(_, _, ty)| is_polymorphic(*ty))
}

/// What a user function is at a call; at none (`CREATE FUNCTION`) its declared types.
pub fn signature<'a>(function: &'a UserFunction, site: Option<&CallSite>) -> Signature<'a> {
    let inputs = function.all_args.iter().filter(|(mode, ..)| matches!(mode, 'i' | 'b' | 'v'));
    let names = inputs.map(|(_, name, _)| name.clone()).collect();
    let actual = |declared: Oid, given: Option<Type>| match given {
        Some(ty) if is_polymorphic(declared) => ty,
        _ => Type::new(declared),
    };
    let given = |i: usize| site.and_then(|s| s.arg_types.get(i)).copied();
    let types = function.arg_types.iter().enumerate().map(|(i, &ty)| actual(ty, given(i))).collect();
    let returns = actual(function.returns, site.and_then(|s| s.returns));
    let columns = if function.returns == Oid::RECORD {
        let outputs = function.all_args.iter().filter(|(mode, ..)| matches!(mode, 'o' | 'b' | 't'));
        outputs.map(|(_, name, ty)| (name.clone(), Type::new(*ty))).collect()
    } else {
        Vec::new()
    };
    Signature { name: &function.name, names, types, returns, columns }
}

/// What a built-in written in SQL is at a call.
pub fn builtin_signature(function: &'static Function, site: &CallSite) -> Signature<'static> {
    let types: Vec<Type> = function.args.iter().map(|&ty| Type::new(ty)).collect();
    let names = vec![SmolStr::default(); types.len()];
    let returns = site.returns.unwrap_or(Type::new(function.returns));
    Signature { name: function.name, names, types, returns, columns: Vec::new() }
}

/// Runs `work` as a function's body runs: as its owner with SECURITY DEFINER, under the settings of its SET clauses.
pub fn within<T>(core: &SessionCore, function: &UserFunction, work: impl FnOnce() -> Result<T>) -> Result<T> {
    if !function.security_definer && function.settings.is_empty() {
        return work();
    }
    let before = core.users.read().current;
    let depth = core.depth.fetch_add(1, Ordering::Relaxed) + 1;
    if function.security_definer {
        core.users.write().current = function.owner;
    }
    let set = |(name, value): &(SmolStr, String)| core.settings.lock().set(name, value, true, depth);
    let result = function.settings.iter().try_for_each(set).and_then(|()| core.refresh_view()).and_then(|()| work());
    core.settings.lock().rollback(depth);
    core.users.write().current = before;
    core.depth.fetch_sub(1, Ordering::Relaxed);
    core.refresh_view()?;
    result
}

/// Binds and plans a body. Errors: 42P13 when its last statement does not give the result, and the statements' own.
pub fn prepare(core: &SessionCore, body: &str, signature: &Signature<'_>) -> Result<SqlFunction> {
    let mut statements = Vec::new();
    for raw in parser::parse(body)? {
        if !matches!(
            raw.stmt,
            Statement::Select(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_)
        ) {
            return Err(SqlError::unsupported(format!("{} in an SQL function", parser::command_tag(&raw.stmt))));
        }
        let view = core.view();
        let io = core.io();
        let context = io.context(core.transaction_start.load(Ordering::Relaxed), &*view);
        let cx = BindContext { catalog: &*view, io: &context, names: Some(signature) };
        let query = binder::bind_query(&cx, &raw.stmt, &mut Params::fixed(signature.types.iter().copied()))?;
        statements.push(Arc::new(core.plan_bound(query)?));
    }
    let result = shape(core, statements.last().map(|p| &**p), signature)?;
    Ok(SqlFunction { statements, returns: signature.returns, result })
}

fn mismatch(core: &SessionCore, returns: Type, detail: String) -> SqlError {
    let declared = typename::format_type_be(&*core.view(), returns.oid);
    err!(SqlState::INVALID_FUNCTION_DEFINITION, "return type mismatch in function declared to return {declared}").detail(detail)
}

/// Checks the last statement against the result type (`check_sql_fn_retval`).
fn shape(core: &SessionCore, last: Option<&CachedPlan>, signature: &Signature<'_>) -> Result<Shape> {
    let returns = signature.returns;
    if returns.oid == Oid::VOID {
        return Ok(Shape::Nothing);
    }
    let Some(last) = last.filter(|p| p.query.returns_rows()) else {
        let detail = "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.";
        return Err(mismatch(core, returns, detail.into()));
    };
    let outputs = &last.query.outputs;
    let view = core.view();
    let mut columns = signature.columns.clone();
    if columns.is_empty()
        && let TypeKind::Composite(fields) = type_info(&*view, returns.oid)?.kind
    {
        columns = fields.to_vec();
    }
    let whole = outputs.len() == 1 && outputs[0].ty.oid == returns.oid;
    if columns.is_empty() && returns.oid == Oid::RECORD && !whole {
        let columns = outputs.iter().map(|o| (o.name.clone(), o.ty)).collect();
        return Ok(Shape::Row { columns, convert: vec![None; outputs.len()] });
    }
    if columns.is_empty() || whole {
        let [output] = &outputs[..] else {
            return Err(mismatch(core, returns, "Final statement must return exactly one column.".into()));
        };
        let Ok(convert) = conversion(core, output.ty, returns) else {
            let actual = typename::format_type_be(&*view, output.ty.oid);
            return Err(mismatch(core, returns, format!("Actual return type is {actual}.")));
        };
        return Ok(Shape::Scalar(convert));
    }
    if columns.len() != outputs.len() {
        let many = if outputs.len() > columns.len() { "many" } else { "few" };
        return Err(mismatch(core, returns, format!("Final statement returns too {many} columns.")));
    }
    let mut convert = Vec::with_capacity(columns.len());
    for (n, (output, (_, ty))) in outputs.iter().zip(&columns).enumerate() {
        let Ok(converted) = conversion(core, output.ty, *ty) else {
            let (actual, wanted) = (typename::format_type_be(&*view, output.ty.oid), typename::format_type_be(&*view, ty.oid));
            let detail = format!("Final statement returns {actual} instead of {wanted} at column {}.", n + 1);
            return Err(mismatch(core, returns, detail));
        };
        convert.push(converted);
    }
    Ok(Shape::Row { columns, convert })
}

/// The assignment cast from one type to another as an expression over `$1`; none where the types are the same.
fn conversion(core: &SessionCore, from: Type, to: Type) -> Result<Option<Expr>> {
    if from.oid == to.oid && (to.typmod < 0 || from.typmod == to.typmod) {
        return Ok(None);
    }
    let parameter = parser::parse_expression("$1")?;
    let mut params = Params::fixed([from]);
    core.with_bind(|cx| binder::bind_scalar(cx, &parameter, Some(to), Standing::ExecuteParameter, &mut params)).map(Some)
}

fn converted(core: &SessionCore, value: Datum, convert: Option<&Expr>) -> Result<Datum> {
    let Some(convert) = convert else { return Ok(value) };
    let mut bound = convert.clone();
    walk::rewrite(&mut bound, &mut |e| {
        if matches!(e.kind, ExprKind::Param(_)) {
            e.kind = ExprKind::Const(value.clone());
        }
    });
    SessionExprs::new(core).constant(&bound)
}

impl SqlFunction {
    /// Runs the body and answers the last statement's rows as result values; `first` asks for the first row only.
    pub fn run(&self, core: &SessionCore, args: &[Datum], first: bool) -> Result<Vec<Datum>> {
        let Some((last, before)) = self.statements.split_last() else { return Ok(Vec::new()) };
        for plan in before {
            core.run_to_end(&mut core.start(Arc::clone(plan), args.to_vec())?)?;
        }
        let mut running = core.start(Arc::clone(last), args.to_vec())?;
        let rows = if first && last.query.tag == QueryTag::Select && !matches!(self.result, Shape::Nothing) {
            let mut row = Vec::new();
            while let Some(batch) = core.next_batch(&mut running)? {
                if batch.rows() > 0 {
                    row.push(batch.row(batch.position(0)));
                    break;
                }
            }
            row
        } else {
            core.run_to_end(&mut running)?
        };
        rows.into_iter().map(|row| self.value(core, row)).collect()
    }

    fn value(&self, core: &SessionCore, row: Vec<Datum>) -> Result<Datum> {
        match &self.result {
            Shape::Nothing => Ok(Datum::text("")),
            Shape::Scalar(convert) => converted(core, row.into_iter().next().unwrap_or(Datum::Null), convert.as_ref()),
            Shape::Row { columns, convert } => {
                let mut fields = Vec::with_capacity(columns.len());
                for ((value, convert), (_, ty)) in row.into_iter().zip(convert).zip(columns) {
                    fields.push((*ty, converted(core, value, convert.as_ref())?));
                }
                let names = columns.iter().map(|(name, _)| name.clone()).collect();
                Ok(Datum::Record(Arc::new(Record { ty: self.returns.oid, fields, names })))
            }
        }
    }

    /// The value of a call that is no set: the first row's, NULL when there is none.
    pub fn call(&self, core: &SessionCore, args: &[Datum]) -> Result<Datum> {
        let first = self.run(core, args, true)?.into_iter().next();
        if matches!(self.result, Shape::Nothing) {
            return Ok(Datum::text(""));
        }
        Ok(first.unwrap_or(Datum::Null))
    }
}
