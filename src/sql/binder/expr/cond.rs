//! CASE, COALESCE, GREATEST, LEAST, NULLIF, IS DISTINCT FROM, IN, BETWEEN.

use super::{Binder, boolean, row_fields};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::binder::coerce::Context;
use crate::sql::parser::ast::{self, CaseExpr, ExprNode, Literal, OperatorName};
use crate::sql::plan::{CallForm, Callee, Expr, ExprKind};
use crate::sql::types::{Datum, Oid, Type};

impl Binder<'_> {
    pub(super) fn case(&mut self, case: &CaseExpr, pos: usize) -> Result<Expr> {
        let srfs = self.scope().srfs.len();
        let mut operand = None;
        if let Some(arg) = &case.arg {
            let mut arg = self.expr(arg)?;
            if arg.ty.oid == Oid::UNKNOWN {
                arg = self.coerce_to_common(arg, Oid::TEXT, "CASE")?;
            }
            self.assign_collations(&mut arg)?;
            operand = Some(Box::new(arg));
        }
        let mut conditions = Vec::with_capacity(case.whens.len());
        // The ELSE result comes first when the common type is looked for.
        let mut results = Vec::with_capacity(case.whens.len() + 1);
        results.push(Expr::constant(Datum::Null, Oid::UNKNOWN));
        for when in &case.whens {
            let mut condition = self.expr(&when.condition)?;
            if let Some(operand) = &operand {
                let left = Expr { kind: ExprKind::CaseOperand, ty: operand.ty, collation: operand.collation, pos: operand.pos };
                condition = self.make_binary(&OperatorName::bare("="), left, condition, when.pos)?;
            }
            conditions.push(self.coerce_to_boolean(condition, "CASE/WHEN")?);
            results.push(self.expr(&when.result)?);
        }
        if let Some(default) = &case.default {
            results[0] = self.expr(default)?;
        }
        let common = self.common_type(&Self::type_list(&results), "CASE")?;
        let mut otherwise = results.remove(0);
        otherwise = self.coerce_to_common(otherwise, common, "CASE/ELSE")?;
        let mut ty = self.unify_to(&mut results, common, "CASE/WHEN")?;
        if ty.typmod != otherwise.ty.typmod {
            ty.typmod = -1;
        }
        self.trace_case(pos, ty);
        self.no_srf_since(srfs, "CASE")?;
        let otherwise = case.default.is_some().then(|| Box::new(otherwise));
        let kind = ExprKind::Case { operand, whens: conditions.into_iter().zip(results).collect(), otherwise };
        Ok(Expr { kind, ty, collation: Oid::INVALID, pos: Some(pos as u32) })
    }

    pub(super) fn coalesce(&mut self, args: &[ast::Expr], pos: usize) -> Result<Expr> {
        let srfs = self.scope().srfs.len();
        let mut args = args.iter().map(|a| self.expr(a)).collect::<Result<Vec<_>>>()?;
        let ty = self.unify(&mut args, "COALESCE")?;
        self.no_srf_since(srfs, "COALESCE")?;
        Ok(Expr { kind: ExprKind::Coalesce(args), ty, collation: Oid::INVALID, pos: Some(pos as u32) })
    }

    pub(super) fn min_max(&mut self, args: &[ast::Expr], greatest: bool, pos: usize) -> Result<Expr> {
        let mut args = args.iter().map(|a| self.expr(a)).collect::<Result<Vec<_>>>()?;
        let ty = self.unify(&mut args, if greatest { "GREATEST" } else { "LEAST" })?;
        if !self.is_orderable(ty.oid) {
            let text = self.type_text(ty.oid);
            return Err(err!(SqlState::UNDEFINED_FUNCTION, "could not identify a comparison function for type {text}"));
        }
        Ok(Expr { kind: ExprKind::MinMax { greatest, args }, ty, collation: Oid::INVALID, pos: Some(pos as u32) })
    }

    pub(super) fn null_if(&mut self, left: &ast::Expr, right: &ast::Expr, pos: usize) -> Result<Expr> {
        let left = self.expr(left)?;
        let right = self.expr(right)?;
        let (eq, left, right) = self.equality(left, right, "NULLIF", pos)?;
        let ty = left.ty;
        let kind = ExprKind::NullIf { eq, left: Box::new(left), right: Box::new(right) };
        Ok(Expr { kind, ty, collation: Oid::INVALID, pos: Some(pos as u32) })
    }

    /// `left = right`, taken apart. Errors: 42804 when `=` is not boolean.
    pub(crate) fn equality(&mut self, left: Expr, right: Expr, construct: &str, pos: usize) -> Result<(Callee, Expr, Expr)> {
        let e = self.make_binary(&OperatorName::bare("="), left, right, pos)?;
        if e.ty.oid != Oid::BOOL {
            return Err(err!(SqlState::DATATYPE_MISMATCH, "{construct} requires = operator to yield boolean").at(pos));
        }
        match e.kind {
            ExprKind::Call { callee, mut args, .. } if args.len() == 2 => {
                let right = args.pop().unwrap_or_else(|| Expr::constant(Datum::Null, Oid::UNKNOWN));
                let left = args.pop().unwrap_or_else(|| Expr::constant(Datum::Null, Oid::UNKNOWN));
                Ok((callee, left, right))
            }
            _ => Err(crate::error::SqlError::internal("= is not a call of two operands")),
        }
    }

    pub(super) fn distinct(&mut self, left: &ast::Expr, right: &ast::Expr, negated: bool, pos: usize) -> Result<Expr> {
        let null = |e: &ast::Expr| matches!(e.node, ExprNode::Literal(Literal::Null));
        // Against a bare NULL it is a null test; IS DISTINCT FROM NULL means IS NOT NULL.
        let tested = if null(right) {
            Some(left)
        } else if null(left) {
            Some(right)
        } else {
            None
        };
        if let Some(tested) = tested {
            let arg = self.expr(tested)?;
            // Not the row kind of test: a row of NULLs is distinct from NULL.
            return Ok(boolean(ExprKind::IsNull { arg: Box::new(arg), negated: !negated, row: false }, pos));
        }
        let left = self.expr(left)?;
        let right = self.expr(right)?;
        if matches!((&left.kind, &right.kind), (ExprKind::Row { .. }, ExprKind::Row { .. })) {
            return self.row_distinct(row_fields(left), row_fields(right), negated, pos);
        }
        self.one_distinct(left, right, negated, pos)
    }

    fn one_distinct(&mut self, left: Expr, right: Expr, negated: bool, pos: usize) -> Result<Expr> {
        let mut eq = self.make_binary(&OperatorName::bare("="), left, right, pos)?;
        if eq.ty.oid != Oid::BOOL {
            return Err(err!(SqlState::DATATYPE_MISMATCH, "IS DISTINCT FROM requires = operator to yield boolean").at(pos));
        }
        let ExprKind::Call { args, .. } = &mut eq.kind else {
            return Err(crate::error::SqlError::internal("= is not a call of two operands"));
        };
        let operand = |arg: &mut Expr| {
            let slot = Expr { kind: ExprKind::Value, ty: arg.ty, collation: arg.collation, pos: None };
            std::mem::replace(arg, slot)
        };
        let [left, right] = &mut args[..] else {
            return Err(crate::error::SqlError::internal("= is not a call of two operands"));
        };
        let (left, right) = (operand(left), operand(right));
        let eq = Box::new(eq);
        Ok(boolean(ExprKind::Distinct { eq, left: Box::new(left), right: Box::new(right), negated }, pos))
    }

    fn row_distinct(&mut self, left: Vec<Expr>, right: Vec<Expr>, negated: bool, pos: usize) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(err!(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions").at(pos));
        }
        let mut parts = Vec::with_capacity(left.len());
        for (l, r) in left.into_iter().zip(right) {
            parts.push(self.one_distinct(l, r, negated, pos)?);
        }
        Ok(match parts.len() {
            0 => Expr::constant(Datum::Bool(negated), Oid::BOOL),
            1 => parts.swap_remove(0),
            _ if negated => boolean(ExprKind::And(parts), pos),
            _ => boolean(ExprKind::Or(parts), pos),
        })
    }

    /// `transformAExprIn`.
    pub(super) fn in_list(&mut self, left_ast: &ast::Expr, list: &[ast::Expr], negated: bool, pos: usize) -> Result<Expr> {
        let op = OperatorName::bare(if negated { "<>" } else { "=" });
        let left = self.expr(left_ast)?;
        let mut plain = Vec::with_capacity(list.len());
        let mut varying = Vec::new();
        for (i, item) in list.iter().enumerate() {
            let bound = self.expr(item)?;
            if self.has_own_columns(&bound) { varying.push((i, bound)) } else { plain.push((i, bound)) }
        }
        let mut parts = Vec::new();
        let mut left = Some(left);
        if plain.len() > 1
            && let Some((scalar, array)) = self.in_array_type(left.as_ref(), &plain)
        {
            let mut elements = Vec::with_capacity(plain.len());
            for (_, e) in plain.drain(..) {
                elements.push(self.coerce_to_common(e, scalar, "IN")?);
            }
            let kind = ExprKind::Array { elements, nested: false };
            let array = Expr { kind, ty: Type::new(array), collation: Oid::INVALID, pos: None };
            let l = self.again(&mut left, left_ast)?;
            parts.push(self.make_array_compare(&op, !negated, l, array, pos)?);
        }
        plain.append(&mut varying);
        plain.sort_by_key(|(i, _)| *i);
        for (_, right) in plain {
            let l = self.again(&mut left, left_ast)?;
            let both_rows = matches!((&l.kind, &right.kind), (ExprKind::Row { .. }, ExprKind::Row { .. }));
            let e = if both_rows {
                self.row_comparison(&op, row_fields(l), row_fields(right), pos)?
            } else {
                self.make_binary(&op, l, right, pos)?
            };
            parts.push(self.coerce_to_boolean(e, "IN")?);
        }
        Ok(match parts.len() {
            1 => parts.swap_remove(0),
            _ if negated => boolean(ExprKind::And(parts), pos),
            _ => boolean(ExprKind::Or(parts), pos),
        })
    }

    /// The left side, bound once more for each further use.
    fn again(&mut self, first: &mut Option<Expr>, ast: &ast::Expr) -> Result<Expr> {
        match first.take() {
            Some(e) => Ok(e),
            None => self.expr(ast),
        }
    }

    /// Element and array type for an IN list, if one type fits all.
    fn in_array_type(&self, left: Option<&Expr>, list: &[(usize, Expr)]) -> Option<(Oid, Oid)> {
        let types: smallvec::SmallVec<[(Oid, Option<u32>); 8]> =
            left.into_iter().chain(list.iter().map(|(_, e)| e)).map(|e| (e.ty.oid, None)).collect();
        let scalar = self.common_type_opt(&types).ok()?;
        if scalar == Oid::RECORD || !types.iter().all(|(t, _)| self.can_coerce(*t, scalar, Context::Implicit)) {
            return None;
        }
        Some((scalar, self.array_type(scalar)?))
    }

    /// Whether an expression mentions columns of the current level.
    pub(crate) fn has_own_columns(&self, e: &Expr) -> bool {
        if matches!(e.kind, ExprKind::Const(_) | ExprKind::Param(_)) {
            return false;
        }
        let depth = self.scopes.len() as u32;
        let mut found = false;
        self.visit_columns(e, &mut |col, _| found |= col.depth == depth);
        found
    }

    /// BETWEEN is two comparisons; the operand is bound for each.
    pub(super) fn between(
        &mut self,
        arg: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        negated: bool,
        symmetric: bool,
        pos: usize,
    ) -> Result<Expr> {
        let pair = |b: &mut Self, low: &ast::Expr, high: &ast::Expr| -> Result<Expr> {
            let (first, second) = if negated { ("<", ">") } else { (">=", "<=") };
            let one = b.compare(first, arg, low, pos)?;
            let two = b.compare(second, arg, high, pos)?;
            let parts = vec![one, two];
            Ok(boolean(if negated { ExprKind::Or(parts) } else { ExprKind::And(parts) }, pos))
        };
        let forward = pair(self, low, high)?;
        if !symmetric {
            return Ok(forward);
        }
        let backward = pair(self, high, low)?;
        let parts = vec![forward, backward];
        Ok(boolean(if negated { ExprKind::And(parts) } else { ExprKind::Or(parts) }, pos))
    }

    fn compare(&mut self, op: &str, left: &ast::Expr, right: &ast::Expr, pos: usize) -> Result<Expr> {
        let both_rows = matches!((&left.node, &right.node), (ExprNode::Row { .. }, ExprNode::Row { .. }));
        let left = self.expr(left)?;
        let right = self.expr(right)?;
        let op = OperatorName::bare(op);
        let e = if both_rows {
            self.row_comparison(&op, row_fields(left), row_fields(right), pos)?
        } else {
            self.make_binary(&op, left, right, pos)?
        };
        self.coerce_to_boolean(e, "AND")
    }

    /// An implicit cast to a type that is known to fit.
    pub(crate) fn implicit(&mut self, e: Expr, target: Type) -> Result<Expr> {
        self.coerce(e, target, Context::Implicit, CallForm::ImplicitCast, None)
    }
}
