//! Expressions (parse_expr.c): the dispatch, literals, boolean operators, casts and value functions.

mod array;
mod call;
mod cond;
mod field;
mod inline;
mod row;
mod sublink;

pub(super) use call::Resolved;
pub(super) use field::Shape;

use super::Binder;
use super::coerce::Context;
use super::same::{at, location};
use super::scope::Place;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::parser::ast::{self, BooleanTest, ExprNode, Literal, OperatorName, SqlValueFunction};
use crate::sql::plan::{CallForm, Expr, ExprKind, SessionValue};
use crate::sql::types::{Datum, Oid, Type, io};
use smol_str::SmolStr;

impl Binder<'_> {
    /// Binds an expression standing at `place`, without collations assigned.
    pub(super) fn expr_at(&mut self, e: &ast::Expr, place: Place) -> Result<Expr> {
        self.at_place(place, |b| b.expr(e))
    }

    /// Binds an expression (`transformExprRecurse`).
    pub(super) fn expr(&mut self, e: &ast::Expr) -> Result<Expr> {
        match &e.node {
            ExprNode::Column(c) if c.star => self.star_value(&c.names, e.pos),
            ExprNode::Column(c) => self.column_ref(c, e.pos),
            ExprNode::Literal(literal) => self.constant(literal, e.pos),
            ExprNode::Param(n) => self.param(*n, e.pos),
            _ => self.nested(|b| b.compound(e)),
        }
    }

    fn compound(&mut self, e: &ast::Expr) -> Result<Expr> {
        let pos = e.pos;
        match &e.node {
            ExprNode::Column(_) | ExprNode::Literal(_) | ExprNode::Param(_) => self.expr(e),
            ExprNode::Indirection { base, path } => self.indirection(base, path, pos),
            ExprNode::Cast { arg, type_name } => self.cast(arg, type_name, pos),
            ExprNode::Collate { arg, collation } => self.collate(arg, collation, pos),
            ExprNode::Function(call) => self.call(call, pos),
            ExprNode::Operator { op, left, right } => self.operator(op, left.as_deref(), right, pos),
            ExprNode::Like { op, left, right, .. } => {
                let left = self.expr(left)?;
                let right = self.expr(right)?;
                self.make_binary(op, left, right, pos)
            }
            ExprNode::And(list) => self.boolean_list(list, "AND", pos),
            ExprNode::Or(list) => self.boolean_list(list, "OR", pos),
            ExprNode::Not(arg) => {
                let arg = self.expr(arg)?;
                let arg = self.coerce_to_boolean(arg, "NOT")?;
                Ok(boolean(ExprKind::Not(Box::new(arg)), pos))
            }
            ExprNode::OpArray { op, quantifier, left, right } => {
                let left = self.expr(left)?;
                let right = self.expr(right)?;
                self.make_array_compare(op, *quantifier == ast::Quantifier::Any, left, right, pos)
            }
            ExprNode::IsDistinct { left, right, negated } => self.distinct(left, right, *negated, pos),
            ExprNode::NullIf { left, right } => self.null_if(left, right, pos),
            ExprNode::InList { left, list, negated } => self.in_list(left, list, *negated, pos),
            ExprNode::Between { arg, low, high, negated, symmetric } => self.between(arg, low, high, *negated, *symmetric, pos),
            ExprNode::NullTest { arg, negated } => {
                let arg = self.expr(arg)?;
                let row = arg.ty.oid == Oid::RECORD || self.desc(arg.ty.oid).relation.is_valid();
                Ok(boolean(ExprKind::IsNull { arg: Box::new(arg), negated: *negated, row }, pos))
            }
            ExprNode::BooleanTest { arg, test } => self.boolean_test(arg, *test, pos),
            ExprNode::Case(case) => self.case(case, pos),
            ExprNode::Coalesce(args) => self.coalesce(args, pos),
            ExprNode::Greatest(args) => self.min_max(args, true, pos),
            ExprNode::Least(args) => self.min_max(args, false, pos),
            ExprNode::Row { fields, .. } => self.row(fields, pos),
            ExprNode::Array(elements) => self.array(elements, None, pos),
            ExprNode::SubLink(link) => self.sublink(link, pos),
            ExprNode::SqlValue { function, precision } => self.sql_value(*function, *precision, pos),
            ExprNode::Grouping(args) => self.grouping(args, pos),
            ExprNode::Xml(_) => Err(SqlError::unsupported("XML").at(pos)),
            ExprNode::CurrentOf(_) => Err(SqlError::internal("WHERE CURRENT OF in an expression")),
            ExprNode::Default => Err(err!(SqlState::SYNTAX_ERROR, "DEFAULT is not allowed in this context").at(pos)),
        }
    }

    /// `make_const`.
    fn constant(&mut self, literal: &Literal, pos: usize) -> Result<Expr> {
        let (value, ty) = match literal {
            Literal::Integer(i) => (Datum::Int4(*i), Oid::INT4),
            Literal::Float(digits) => match digits.parse::<i64>() {
                // Only a minus sign before 2147483648 makes such digits fit.
                Ok(i) => i32::try_from(i).map_or((Datum::Int8(i), Oid::INT8), |i| (Datum::Int4(i), Oid::INT4)),
                Err(_) => (self.read(digits, Oid::NUMERIC, pos)?, Oid::NUMERIC),
            },
            Literal::String(s) => (Datum::Text(s.clone()), Oid::UNKNOWN),
            Literal::BitString(s) => (self.read(s, Oid::BIT, pos)?, Oid::BIT),
            Literal::Boolean(b) => (Datum::Bool(*b), Oid::BOOL),
            Literal::Null => (Datum::Null, Oid::UNKNOWN),
        };
        Ok(Expr { kind: ExprKind::Const(value), ty: Type::new(ty), collation: Oid::INVALID, pos: Some(pos as u32) })
    }

    fn read(&self, text: &str, oid: Oid, pos: usize) -> Result<Datum> {
        io::input(self.cx.io, text, Type::new(oid)).map_err(|e| e.at(pos))
    }

    fn param(&mut self, number: i32, pos: usize) -> Result<Expr> {
        if let Some(e) = self.inlined_parameter(number) {
            return Ok(e);
        }
        let (index, ty) = self.params.reference(number, pos)?;
        let collation = self.desc(ty.oid).collation;
        Ok(Expr { kind: ExprKind::Param(index), ty, collation, pos: Some(pos as u32) })
    }

    fn operator(&mut self, op: &OperatorName, left: Option<&ast::Expr>, right: &ast::Expr, pos: usize) -> Result<Expr> {
        let Some(left_ast) = left else {
            let right = self.expr(right)?;
            return self.make_prefix(op, right, pos);
        };
        let both_rows = matches!((&left_ast.node, &right.node), (ExprNode::Row { .. }, ExprNode::Row { .. }));
        let row_and_query = matches!(&left_ast.node, ExprNode::Row { .. })
            && matches!(&right.node, ExprNode::SubLink(link) if link.kind == ast::SubLinkKind::Scalar);
        if row_and_query {
            return self.row_compare_subquery(op, left_ast, right, pos);
        }
        let left = self.expr(left_ast)?;
        let right = self.expr(right)?;
        if both_rows {
            return self.row_comparison(op, row_fields(left), row_fields(right), pos);
        }
        self.make_binary(op, left, right, pos)
    }

    fn boolean_list(&mut self, list: &[ast::Expr], name: &str, pos: usize) -> Result<Expr> {
        let mut args = Vec::with_capacity(list.len());
        for e in list {
            let arg = self.expr(e)?;
            let arg = self.coerce_to_boolean(arg, name)?;
            args.push(arg);
        }
        Ok(boolean(if name == "AND" { ExprKind::And(args) } else { ExprKind::Or(args) }, pos))
    }

    fn boolean_test(&mut self, arg: &ast::Expr, test: BooleanTest, pos: usize) -> Result<Expr> {
        let (value, negated, name) = match test {
            BooleanTest::IsTrue => (Some(true), false, "IS TRUE"),
            BooleanTest::IsNotTrue => (Some(true), true, "IS NOT TRUE"),
            BooleanTest::IsFalse => (Some(false), false, "IS FALSE"),
            BooleanTest::IsNotFalse => (Some(false), true, "IS NOT FALSE"),
            BooleanTest::IsUnknown => (None, false, "IS UNKNOWN"),
            BooleanTest::IsNotUnknown => (None, true, "IS NOT UNKNOWN"),
        };
        let arg = self.expr(arg)?;
        let arg = self.coerce_to_boolean(arg, name)?;
        Ok(boolean(ExprKind::BoolTest { arg: Box::new(arg), value, negated }, pos))
    }

    /// `transformTypeCast`.
    fn cast(&mut self, arg: &ast::Expr, type_name: &ast::TypeName, pos: usize) -> Result<Expr> {
        let target = self.resolve_type(type_name)?;
        self.trace_type(type_name.pos, target);
        let arg = match &arg.node {
            ExprNode::Array(elements) => {
                let base = self.base_type(target);
                match self.element_type(base.oid) {
                    Some(_) => self.array(elements, Some(base), arg.pos)?,
                    None => self.expr(arg)?,
                }
            }
            _ => self.expr(arg)?,
        };
        self.explicit_cast(arg, target, pos)
    }

    /// An explicit cast. Errors: 42846.
    pub(super) fn explicit_cast(&mut self, arg: Expr, target: Type, pos: usize) -> Result<Expr> {
        let from = arg.ty.oid;
        match self.coerce_to_target(arg, target, Context::Explicit, CallForm::ExplicitCast, Some(pos as u32))? {
            Some(e) => Ok(e),
            None => {
                let (from, to) = (self.type_text(from), self.type_text(target.oid));
                Err(err!(SqlState::CANNOT_COERCE, "cannot cast type {from} to {to}").at(pos))
            }
        }
    }

    fn collate(&mut self, arg: &ast::Expr, name: &[SmolStr], pos: usize) -> Result<Expr> {
        let arg = self.expr(arg)?;
        if arg.ty.oid != Oid::UNKNOWN && !self.desc(arg.ty.oid).collation.is_valid() {
            let text = self.type_text(arg.ty.oid);
            return Err(err!(SqlState::DATATYPE_MISMATCH, "collations are not supported by type {text}").at(pos));
        }
        let collation = self.resolve_collation(name, pos)?;
        self.collations = true;
        let ty = arg.ty;
        Ok(Expr { kind: ExprKind::Collate(Box::new(arg)), ty, collation, pos: Some(pos as u32) })
    }

    fn sql_value(&mut self, function: SqlValueFunction, precision: Option<i32>, pos: usize) -> Result<Expr> {
        use SqlValueFunction as F;
        let (value, oid, name) = match function {
            F::CurrentDate => (SessionValue::CurrentDate, Oid::DATE, ""),
            F::CurrentTime => (SessionValue::CurrentTime, Oid::TIMETZ, "TIME"),
            F::CurrentTimestamp => (SessionValue::CurrentTimestamp, Oid::TIMESTAMPTZ, "TIMESTAMP"),
            F::LocalTime => (SessionValue::LocalTime, Oid::TIME, "TIME"),
            F::LocalTimestamp => (SessionValue::LocalTimestamp, Oid::TIMESTAMP, "TIMESTAMP"),
            F::CurrentRole | F::CurrentUser | F::User => (SessionValue::CurrentUser, Oid::NAME, ""),
            F::SessionUser => (SessionValue::SessionUser, Oid::NAME, ""),
            F::CurrentCatalog => (SessionValue::CurrentCatalog, Oid::NAME, ""),
            F::CurrentSchema => (SessionValue::CurrentSchema, Oid::NAME, ""),
        };
        let typmod = match precision {
            Some(p) if p < 0 => {
                let zone = if matches!(oid, Oid::TIMETZ | Oid::TIMESTAMPTZ) { " WITH TIME ZONE" } else { "" };
                return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "{name}({p}){zone} precision must not be negative").at(pos));
            }
            Some(p) => p.min(6),
            None => -1,
        };
        let collation = self.desc(oid).collation;
        self.collations |= collation.is_valid();
        Ok(Expr { kind: ExprKind::SessionValue(value), ty: Type { oid, typmod }, collation, pos: Some(pos as u32) })
    }

    /// A condition: bound at `place`, coerced to boolean, with collations (`transformWhereClause`).
    pub(super) fn condition(&mut self, e: &ast::Expr, place: Place, construct: &str) -> Result<Expr> {
        let bound = self.expr_at(e, place)?;
        let mut bound = self.coerce_to_boolean(bound, construct)?;
        self.assign_collations(&mut bound)?;
        Ok(bound)
    }

    /// Set-returning calls lifted since `before` are an error inside this construct.
    pub(super) fn no_srf_since(&self, before: usize, construct: &str) -> Result<()> {
        match self.scope().srfs.get(before) {
            None => Ok(()),
            Some(srf) => {
                let error = err!(SqlState::FEATURE_NOT_SUPPORTED, "set-returning functions are not allowed in {construct}")
                    .hint("You might be able to move the set-returning function into a LATERAL FROM item.");
                Err(at(error, location(&srf.call)))
            }
        }
    }
}

/// A boolean expression.
pub(super) fn boolean(kind: ExprKind, pos: usize) -> Expr {
    Expr { kind, ty: Type::new(Oid::BOOL), collation: Oid::INVALID, pos: Some(pos as u32) }
}

/// The fields of a bound ROW, or the expression itself as the only one.
pub(super) fn row_fields(e: Expr) -> Vec<Expr> {
    match e.kind {
        ExprKind::Row { fields, .. } => fields,
        _ => vec![e],
    }
}
