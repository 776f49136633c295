//! From a plan's expression to one that runs: columns become positions, functions become code.

use super::in_list::InList;
use super::kernel::Kernel;
use super::node::{CallNode, CompiledExpr, Node, SubscriptNode, Target};
use super::subquery::SubPlan;
use crate::error::{Result, SqlError};
use crate::sql::expr::context::CallSite;
use crate::sql::expr::registry::Implementation;
use crate::sql::plan::{Callee, ColId, Expr, ExprKind, Subquery, Subscript};
use crate::sql::types::{Oid, Type};
use std::collections::HashMap;
use std::sync::Arc;

/// Where an expression's columns are.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    columns: HashMap<ColId, usize>,
    width: usize,
}

impl Scope {
    /// A scope over an operator's output columns, in order.
    pub fn new(columns: impl IntoIterator<Item = ColId>) -> Self {
        let mut scope = Self::default();
        scope.extend(columns);
        scope
    }

    /// Adds columns to the right.
    pub fn extend(&mut self, columns: impl IntoIterator<Item = ColId>) {
        for id in columns {
            self.columns.insert(id, self.width);
            self.width += 1;
        }
    }

    /// Position of a column.
    pub fn slot(&self, id: ColId) -> Option<usize> {
        self.columns.get(&id).copied()
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// What compiling needs from the plan builder.
pub trait CompileEnv {
    /// The slot of an outer column. Errors: XX000 when no outer plan has it.
    fn outer_slot(&mut self, id: ColId) -> Result<usize>;
    /// Builds a subquery's plan for an expression over `scope`.
    fn subplan(&mut self, subquery: &Subquery, scope: &Scope) -> Result<SubPlan>;
    /// The element type of an array type.
    fn array_element(&mut self, array: Oid) -> Result<Oid>;
}

/// Compiles `expr` over `scope`.
pub fn compile(expr: &Expr, scope: &Scope, env: &mut dyn CompileEnv) -> Result<CompiledExpr> {
    let mut compiler = Compiler { scope, env };
    compiler.expr(expr)
}

struct Compiler<'a> {
    scope: &'a Scope,
    env: &'a mut dyn CompileEnv,
}

impl Compiler<'_> {
    fn expr(&mut self, expr: &Expr) -> Result<CompiledExpr> {
        let node = match self.simple(expr)? {
            Some(node) => node,
            None => self.compound(expr)?,
        };
        Ok(CompiledExpr::new(node, expr.ty))
    }

    fn boxed(&mut self, expr: &Expr) -> Result<Box<CompiledExpr>> {
        Ok(Box::new(self.expr(expr)?))
    }

    fn list(&mut self, exprs: &[Expr]) -> Result<Vec<CompiledExpr>> {
        exprs.iter().map(|e| self.expr(e)).collect()
    }

    fn optional(&mut self, expr: Option<&Expr>) -> Result<Option<CompiledExpr>> {
        expr.map(|e| self.expr(e)).transpose()
    }

    /// Leaves, calls and logic.
    fn simple(&mut self, expr: &Expr) -> Result<Option<Node>> {
        Ok(Some(match &expr.kind {
            ExprKind::Const(value) => Node::Const(value.clone()),
            ExprKind::Column(id) => match self.scope.slot(*id) {
                Some(slot) => Node::Slot(slot),
                None => Node::Outer(self.env.outer_slot(*id)?),
            },
            ExprKind::Param(n) => Node::Param(*n),
            ExprKind::CaseOperand => Node::CaseOperand,
            ExprKind::Value => Node::Value,
            ExprKind::SessionValue(v) => Node::SessionValue(*v),
            ExprKind::NextVal(sequence) => Node::NextVal(*sequence),
            ExprKind::Call { callee, args, variadic, .. } => {
                let args = self.list(args)?;
                Node::Call(Box::new(call(callee, args, expr.ty, expr_collation(expr), *variadic)?))
            }
            ExprKind::And(arms) => Node::And(self.list(arms)?),
            ExprKind::Or(arms) => Node::Or(self.list(arms)?),
            ExprKind::Not(arg) => Node::Not(self.boxed(arg)?),
            ExprKind::IsNull { arg, negated, row } => Node::IsNull { arg: self.boxed(arg)?, negated: *negated, row: *row },
            ExprKind::BoolTest { arg, value, negated } => {
                Node::BoolTest { arg: self.boxed(arg)?, value: *value, negated: *negated }
            }
            ExprKind::Distinct { eq, left, right, negated } => {
                let args = vec![self.expr(left)?, self.expr(right)?];
                let (callee, collation) = equality_of(eq)?;
                Node::Distinct { eq: Box::new(call(callee, args, Oid::BOOL.into(), collation, false)?), negated: *negated }
            }
            ExprKind::NullIf { eq, left, right } => {
                let args = vec![self.expr(left)?, self.expr(right)?];
                Node::NullIf(Box::new(call(eq, args, Oid::BOOL.into(), expr.collation, false)?))
            }
            ExprKind::Case { operand, whens, otherwise } => Node::Case {
                operand: self.optional(operand.as_deref())?.map(Box::new),
                whens: whens.iter().map(|(when, then)| Ok((self.expr(when)?, self.expr(then)?))).collect::<Result<_>>()?,
                otherwise: self.optional(otherwise.as_deref())?.map(Box::new),
            },
            ExprKind::Coalesce(args) => Node::Coalesce(self.list(args)?),
            ExprKind::MinMax { greatest, args } => Node::MinMax { greatest: *greatest, args: self.list(args)? },
            ExprKind::Relabel(arg, _) | ExprKind::Collate(arg) => Node::Relabel(self.boxed(arg)?),
            _ => return Ok(None),
        }))
    }

    /// Arrays, records, casts and subqueries.
    fn compound(&mut self, expr: &Expr) -> Result<Node> {
        Ok(match &expr.kind {
            ExprKind::ArrayCompare { op, any, left, array, .. } => self.array_compare(op, *any, left, array)?,
            ExprKind::Array { elements, nested } => {
                Node::Array { elements: self.list(elements)?, nested: *nested, elem: self.env.array_element(expr.ty.oid)? }
            }
            ExprKind::Row { fields, names } => {
                Node::Row { fields: self.list(fields)?, ty: expr.ty.oid, names: Arc::from(names.as_slice()) }
            }
            ExprKind::Field { arg, index } => Node::Field { arg: self.boxed(arg)?, index: *index },
            ExprKind::Subscript { arg, indices } => Node::Subscript { arg: self.boxed(arg)?, indices: self.subscripts(indices)? },
            ExprKind::SubscriptAssign { arg, indices, value } => Node::SubscriptAssign {
                arg: self.boxed(arg)?,
                indices: self.subscripts(indices)?,
                value: self.boxed(value)?,
                elem: if expr.ty.oid == Oid::JSONB { Oid::JSONB } else { self.env.array_element(expr.ty.oid)? },
            },
            ExprKind::FieldAssign { arg, index, value } => {
                Node::FieldAssign { arg: self.boxed(arg)?, index: *index, value: self.boxed(value)? }
            }
            ExprKind::RowCompare { op, left, right } => {
                Node::RowCompare { op: *op, left: self.list(left)?, right: self.list(right)? }
            }
            ExprKind::CoerceViaIo(arg, _) => Node::ViaIo { arg: self.boxed(arg)? },
            ExprKind::ArrayCoerce { arg, element, .. } => Node::ArrayCoerce {
                arg: self.boxed(arg)?,
                element: self.boxed(element)?,
                elem: self.env.array_element(expr.ty.oid)?,
            },
            ExprKind::RowCoerce { arg, fields, .. } => Node::RowCoerce { arg: self.boxed(arg)?, fields: self.list(fields)? },
            ExprKind::CoerceToDomain(arg, _) => Node::Domain { arg: self.boxed(arg)?, ty: expr.ty.oid, checks: None },
            ExprKind::Subquery(subquery) => Node::Subquery(Box::new(self.env.subplan(subquery, self.scope)?)),
            ExprKind::CurrentOf(cursor, table) => Node::CurrentOf(cursor.clone(), *table),
            other => return Err(SqlError::internal(format!("expression form left in a physical plan: {}", form_name(other)))),
        })
    }

    fn array_compare(&mut self, op: &Callee, any: bool, left: &Expr, array: &Expr) -> Result<Node> {
        let array_expr = self.expr(array)?;
        let left_expr = self.expr(left)?;
        if let Some(list) = InList::new(op, any, &left_expr, &array_expr) {
            return Ok(Node::InList(Box::new(list.with_left(left_expr))));
        }
        let element = CompiledExpr::new(Node::Const(crate::sql::types::Datum::Null), Type::new(Oid::ANYELEMENT));
        let mut node = call(op, vec![left_expr, element], Oid::BOOL.into(), left.collation, false)?;
        if let Callee::Builtin(f) = op
            && let [_, right] = f.args[..]
        {
            node.site.arg_types[1] = right.into();
        }
        Ok(Node::ArrayCompare { call: Box::new(node), any, array: Box::new(array_expr) })
    }

    fn subscripts(&mut self, indices: &[Subscript]) -> Result<Vec<SubscriptNode>> {
        indices
            .iter()
            .map(|index| {
                Ok(match index {
                    Subscript::Index(e) => SubscriptNode::Index(self.expr(e)?),
                    Subscript::Slice(lower, upper) => {
                        SubscriptNode::Slice(self.optional(lower.as_ref())?, self.optional(upper.as_ref())?)
                    }
                })
            })
            .collect()
    }
}

/// The collation a call works under: its own, or its arguments' when the result has none (comparisons).
fn expr_collation(expr: &Expr) -> Oid {
    match &expr.kind {
        ExprKind::Call { args, .. } if !expr.collation.is_valid() => {
            args.iter().map(|a| a.collation).find(|c| c.is_valid()).unwrap_or(Oid::INVALID)
        }
        _ => expr.collation,
    }
}

/// The equality function inside a DISTINCT's `eq` expression.
fn equality_of(eq: &Expr) -> Result<(&Callee, Oid)> {
    match &eq.kind {
        ExprKind::Call { callee, .. } => Ok((callee, expr_collation(eq))),
        _ => Err(SqlError::internal("IS DISTINCT FROM without an equality function")),
    }
}

/// A call node over compiled arguments.
pub(crate) fn call(callee: &Callee, args: Vec<CompiledExpr>, returns: Type, collation: Oid, variadic: bool) -> Result<CallNode> {
    let site = CallSite {
        arg_types: args.iter().map(|a| a.ty).collect(),
        returns: Some(returns),
        collation,
        variadic,
        columns: Vec::new(),
        cache: None,
    };
    let (target, strict, volatile, kernel) = match callee {
        Callee::Builtin(f) => {
            let target = match f.implementation {
                Implementation::Scalar(code) => Target::Scalar(code),
                Implementation::Sql(body) => Target::Sql(f, body),
                _ => return Err(SqlError::unsupported(format!("function {} in this place", f.name))),
            };
            (target, f.strict, f.volatility == 'v', Kernel::of(f.symbol, &args))
        }
        Callee::User(f) if f.language == "internal" => (Target::Scalar(internal(&f.body)?), f.strict, false, None),
        Callee::User(f) => (Target::User(Arc::clone(f)), f.strict, f.volatility == 'v', None),
    };
    Ok(CallNode { target, strict, volatile, args, site, kernel, values: Vec::new() })
}

/// The code of a user's function in language `internal`: what range types bring.
fn internal(symbol: &str) -> Result<crate::sql::expr::registry::ScalarFn> {
    let known = crate::sql::expr::registry::registry().functions().find(|f| f.symbol == symbol).map(|f| f.implementation);
    match known {
        Some(Implementation::Scalar(code)) => Ok(code),
        _ => Err(SqlError::internal(format!("there is no built-in function {symbol}"))),
    }
}

fn form_name(kind: &ExprKind) -> &'static str {
    match kind {
        ExprKind::Aggregate(_) => "aggregate",
        ExprKind::Window(_) => "window function",
        ExprKind::Grouping(_) => "GROUPING",
        ExprKind::SetReturning { .. } => "set-returning function",
        ExprKind::TableOid => "tableoid",
        _ => "unexpected",
    }
}
