//! ROW constructors and row comparison.

use super::{Binder, boolean, row_fields};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::oper::operator_text;
use crate::sql::parser::ast::{self, ExprNode, OperatorName};
use crate::sql::plan::{Expr, ExprKind, RowOp, Subquery, SubqueryKind};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

impl Binder<'_> {
    /// `transformRowExpr`; `t.*` among the fields expands.
    pub(super) fn row(&mut self, fields: &[ast::Expr], pos: usize) -> Result<Expr> {
        let fields = self.expr_list(fields)?;
        if fields.len() > 1664 {
            return Err(err!(SqlState::TOO_MANY_COLUMNS, "ROW expressions can have at most 1664 entries").at(pos));
        }
        let names = (1..=fields.len()).map(|i| SmolStr::from(format!("f{i}"))).collect();
        Ok(Expr {
            kind: ExprKind::Row { fields, names },
            ty: Type::new(Oid::RECORD),
            collation: Oid::INVALID,
            pos: Some(pos as u32),
        })
    }

    /// `transformExpressionList`: expressions, stars expanded.
    pub(crate) fn expr_list(&mut self, list: &[ast::Expr]) -> Result<Vec<Expr>> {
        let mut out = Vec::with_capacity(list.len());
        for e in list {
            match &e.node {
                ExprNode::Column(c) if c.star => {
                    for (_, e) in self.expand_star(&c.names, e.pos)? {
                        out.push(e);
                    }
                }
                ExprNode::Indirection { base, path } if matches!(path.last(), Some(ast::Indirection::Star)) => {
                    for (_, e) in self.expand_row_star(base, path, e.pos)? {
                        out.push(e);
                    }
                }
                _ => out.push(self.expr(e)?),
            }
        }
        Ok(out)
    }

    /// `make_row_comparison_op`.
    pub(crate) fn row_comparison(&mut self, op: &OperatorName, left: Vec<Expr>, right: Vec<Expr>, pos: usize) -> Result<Expr> {
        if left.len() != right.len() {
            return Err(err!(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions").at(pos));
        }
        if left.is_empty() {
            return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot compare rows of zero length").at(pos));
        }
        let mut parts = Vec::with_capacity(left.len());
        for (l, r) in left.into_iter().zip(right) {
            let nested = matches!((&l.kind, &r.kind), (ExprKind::Row { .. }, ExprKind::Row { .. }));
            let e =
                if nested { self.row_comparison(op, row_fields(l), row_fields(r), pos)? } else { self.make_binary(op, l, r, pos)? };
            if e.ty.oid != Oid::BOOL {
                let text = self.type_text(e.ty.oid);
                return Err(
                    err!(SqlState::DATATYPE_MISMATCH, "row comparison operator must yield boolean, not type {text}").at(pos)
                );
            }
            parts.push(e);
        }
        if parts.len() == 1 {
            return Ok(parts.swap_remove(0));
        }
        let order = match op.symbol.as_str() {
            "=" => return Ok(boolean(ExprKind::And(parts), pos)),
            "<>" => return Ok(boolean(ExprKind::Or(parts), pos)),
            "<" => RowOp::Lt,
            "<=" => RowOp::Le,
            ">=" => RowOp::Ge,
            ">" => RowOp::Gt,
            _ => {
                let name = operator_text(op);
                return Err(err!(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "could not determine interpretation of row comparison operator {name}"
                )
                .hint("Row comparison operators must be associated with btree operator families.")
                .at(pos));
            }
        };
        self.row_order(order, parts, pos)
    }

    /// Operands of the column comparisons, both sides of one type each.
    fn row_order(&mut self, op: RowOp, parts: Vec<Expr>, pos: usize) -> Result<Expr> {
        let mut left = Vec::with_capacity(parts.len());
        let mut right = Vec::with_capacity(parts.len());
        for part in parts {
            let ExprKind::Call { args, .. } = part.kind else {
                return Err(SqlError::unsupported("ordering comparison of nested rows").at(pos));
            };
            let mut args = args;
            if args.len() == 2 && args[0].ty.oid != args[1].ty.oid {
                self.unify(&mut args, "ROW")?;
            }
            let mut args = args.into_iter();
            left.extend(args.next());
            right.extend(args.next());
        }
        Ok(boolean(ExprKind::RowCompare { op, left, right }, pos))
    }

    /// `(a, b) op (SELECT x, y ...)`.
    pub(super) fn row_compare_subquery(
        &mut self,
        op: &OperatorName,
        left: &ast::Expr,
        right: &ast::Expr,
        pos: usize,
    ) -> Result<Expr> {
        let ExprNode::SubLink(link) = &right.node else { return Err(SqlError::internal("not a subquery")) };
        let left = self.expr(left)?;
        let left = row_fields(left);
        self.check_sublink_place(right.pos)?;
        let (plan, outputs) = self.sub_select(&link.query)?;
        if outputs.len() != left.len() {
            let how = if outputs.len() > left.len() { "many" } else { "few" };
            return Err(err!(SqlState::SYNTAX_ERROR, "subquery has too {how} columns").at(pos));
        }
        // The subquery's row as one record, whose fields are compared.
        let names: Vec<SmolStr> = outputs.iter().map(|o| o.name.clone()).collect();
        let types: Vec<(Type, Oid)> = outputs.iter().map(|o| (o.ty, o.collation)).collect();
        let record = Expr {
            kind: ExprKind::Subquery(Box::new(Subquery { kind: SubqueryKind::Row, plan })),
            ty: Type::new(Oid::RECORD),
            collation: Oid::INVALID,
            pos: Some(right.pos as u32),
        };
        let _ = names;
        // One evaluation for all fields: compare with ROW(...) through a CASE operand.
        let mut fields = Vec::with_capacity(types.len());
        for (index, (ty, collation)) in types.into_iter().enumerate() {
            let operand = Expr::new(ExprKind::CaseOperand, Oid::RECORD);
            fields.push(Expr { kind: ExprKind::Field { arg: Box::new(operand), index }, ty, collation, pos: None });
        }
        let test = self.row_comparison(op, left, fields, pos)?;
        let always = Expr::constant(crate::sql::types::Datum::Bool(true), Oid::BOOL);
        Ok(boolean(ExprKind::Case { operand: Some(Box::new(record)), whens: vec![(always, test)], otherwise: None }, pos))
    }
}
