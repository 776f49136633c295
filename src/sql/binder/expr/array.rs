//! ARRAY[...] (`transformArrayExpr`).

use super::Binder;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::binder::coerce::Context;
use crate::sql::binder::same::{at, location};
use crate::sql::parser::ast::{self, ExprNode};
use crate::sql::plan::{CallForm, Expr, ExprKind};
use crate::sql::types::{Oid, Type};

impl Binder<'_> {
    /// `target` is the array type of an explicit cast around it.
    pub(super) fn array(&mut self, elements: &[ast::Expr], target: Option<Type>, pos: usize) -> Result<Expr> {
        let mut nested = false;
        let mut bound = Vec::with_capacity(elements.len());
        for e in elements {
            let e = match &e.node {
                ExprNode::Array(inner) => {
                    nested = true;
                    let pos = e.pos;
                    self.nested(|b| b.array(inner, target, pos))?
                }
                _ => self.expr(e)?,
            };
            nested |= self.element_type(e.ty.oid).is_some();
            bound.push(e);
        }
        let Some(target) = target else { return self.untyped_array(bound, nested, pos) };
        let elem = self.element_type(target.oid).unwrap_or(Oid::UNKNOWN);
        let want = Type { oid: if nested { target.oid } else { elem }, typmod: target.typmod };
        for e in &mut bound {
            let (from, location) = (e.ty.oid, location(e));
            self.replace(e, |b, e| match b.coerce_to_target(e, want, Context::Explicit, CallForm::ExplicitCast, None)? {
                Some(e) => Ok(e),
                None => {
                    let (from, to) = (b.type_text(from), b.type_text(want.oid));
                    Err(at(err!(SqlState::CANNOT_COERCE, "cannot cast type {from} to {to}"), location))
                }
            })?;
        }
        let typmod = common_typmod(&bound);
        let kind = ExprKind::Array { elements: bound, nested };
        Ok(Expr { kind, ty: Type { oid: target.oid, typmod }, collation: Oid::INVALID, pos: Some(pos as u32) })
    }

    fn untyped_array(&mut self, mut elements: Vec<Expr>, nested: bool, pos: usize) -> Result<Expr> {
        if elements.is_empty() {
            return Err(err!(SqlState::INDETERMINATE_DATATYPE, "cannot determine type of empty array")
                .hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
                .at(pos));
        }
        let common = self.common_type(&Self::type_list(&elements), "ARRAY")?;
        let array = if nested {
            self.element_type(common).map(|_| common).ok_or_else(|| {
                err!(SqlState::UNDEFINED_OBJECT, "could not find element type for data type {}", self.type_text(common)).at(pos)
            })?
        } else {
            self.array_type(common).ok_or_else(|| self.no_array_type(common).at(pos))?
        };
        let ty = self.unify_to(&mut elements, common, "ARRAY")?;
        let kind = ExprKind::Array { elements, nested };
        Ok(Expr { kind, ty: Type { oid: array, typmod: ty.typmod }, collation: Oid::INVALID, pos: Some(pos as u32) })
    }

    /// 42704 for a type without array type.
    pub(crate) fn no_array_type(&self, oid: Oid) -> crate::error::SqlError {
        err!(SqlState::UNDEFINED_OBJECT, "could not find array type for data type {}", self.type_text(oid))
    }
}

fn common_typmod(exprs: &[Expr]) -> i32 {
    match exprs.split_first() {
        Some((first, rest)) if rest.iter().all(|e| e.ty.typmod == first.ty.typmod) => first.ty.typmod,
        _ => -1,
    }
}
