//! Assignments (`transformAssignedExpr`): a value to a column, an array element or a field.

use super::{Binder, TargetEntry};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::coerce::Context;
use crate::sql::binder::same::{at, location};
use crate::sql::binder::scope::Place;
use crate::sql::parser::ast::{self, ColumnTarget, ExprNode, Indirection};
use crate::sql::plan::{CallForm, Expr, ExprKind};
use crate::sql::types::{Datum, Oid, Type};

/// A value to assign: an expression or DEFAULT.
#[derive(Debug)]
pub(super) enum Value {
    Expr(Expr),
    Default,
}

impl Value {
    pub fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }
}

impl Binder<'_> {
    /// Binds a value that may be DEFAULT.
    pub(super) fn value(&mut self, e: &ast::Expr) -> Result<Value> {
        if let ExprNode::Default = e.node {
            return Ok(Value::Default);
        }
        self.expr(e).map(Value::Expr)
    }

    /// Position of an assigned column in the named relation. Errors: 42703, 0A000 for system columns.
    pub(super) fn assigned_column(&self, target: &TargetEntry, column: &ColumnTarget) -> Result<usize> {
        match target.seen.column(&column.name) {
            Some(i) => Ok(i),
            None if self.scope().place == Place::UpdateSource
                && crate::sql::binder::scope::system_column(&column.name).is_some() =>
            {
                Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot assign to system column \"{}\"", column.name).at(column.pos))
            }
            None => Err(Self::no_target_column(&target.seen, &column.name, column.pos)),
        }
    }

    /// Coerces a value to the column, or builds the changed array or composite; `old` is the value a part is changed in.
    pub(super) fn assign(
        &mut self,
        target: &TargetEntry,
        column: usize,
        path: &[Indirection],
        value: Expr,
        old: Option<Expr>,
        pos: usize,
    ) -> Result<Expr> {
        let (name, ty) = (target.seen.columns[column].name.clone(), target.seen.columns[column].ty);
        let mut e = if path.is_empty() {
            self.assign_whole(&name, ty, value)?
        } else {
            let old = old.unwrap_or_else(|| Expr::constant(Datum::Null, ty));
            self.assign_part(&name, ty, old, path, value, pos)?
        };
        self.assign_collations(&mut e)?;
        Ok(e)
    }

    fn assign_whole(&mut self, name: &str, ty: Type, value: Expr) -> Result<Expr> {
        let (from, pos) = (value.ty.oid, location(&value));
        match self.coerce_to_target(value, ty, Context::Assignment, CallForm::ImplicitCast, None)? {
            Some(e) => Ok(e),
            None => {
                let (to, from) = (self.type_text(ty.oid), self.type_text(from));
                let error = err!(SqlState::DATATYPE_MISMATCH, "column \"{name}\" is of type {to} but expression is of type {from}")
                    .hint("You will need to rewrite or cast the expression.");
                Err(at(error, pos))
            }
        }
    }

    /// `transformAssignmentIndirection`.
    fn assign_part(&mut self, name: &str, ty: Type, old: Expr, path: &[Indirection], value: Expr, pos: usize) -> Result<Expr> {
        let Some(first) = path.first() else { return self.assign_leaf(name, ty, value, pos) };
        match first {
            Indirection::Star => {
                Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "row expansion via \"*\" is not supported here").at(pos))
            }
            Indirection::Field(field) => self.assign_field(name, ty, old, (field, &path[1..]), value, pos),
            Indirection::Index(_) | Indirection::Slice(..) => {
                let count = path.iter().take_while(|s| matches!(s, Indirection::Index(_) | Indirection::Slice(..))).count();
                let base = self.base_type(ty);
                let (indices, part) = self.subscript_list(base, &path[..count], Some(pos as u32))?;
                let inner = if count < path.len() {
                    let kind = ExprKind::Subscript { arg: Box::new(old.clone()), indices: indices.clone() };
                    Expr { kind, ty: part, collation: Oid::INVALID, pos: None }
                } else {
                    Expr::constant(Datum::Null, part)
                };
                let from = value.ty.oid;
                let value_pos = location(&value);
                let leaf = count == path.len();
                let value = if leaf && base.oid != Oid::JSONB {
                    match self.coerce_to_target(value, part, Context::Assignment, CallForm::ImplicitCast, None)? {
                        Some(e) => e,
                        None => {
                            let (want, got) = (self.type_text(part.oid), self.type_text(from));
                            let error = err!(
                                SqlState::DATATYPE_MISMATCH,
                                "subscripted assignment to \"{name}\" requires type {want} but expression is of type {got}"
                            )
                            .hint("You will need to rewrite or cast the expression.");
                            return Err(at(error, value_pos));
                        }
                    }
                } else {
                    self.assign_part(name, part, inner, &path[count..], value, pos)?
                };
                let kind = ExprKind::SubscriptAssign { arg: Box::new(old), indices, value: Box::new(value) };
                let e = Expr { kind, ty: base, collation: Oid::INVALID, pos: Some(pos as u32) };
                self.column_value(e, ty)
            }
        }
    }

    /// A changed value of a domain passes the domain's checks again.
    fn column_value(&mut self, e: Expr, ty: Type) -> Result<Expr> {
        if e.ty.oid == ty.oid {
            return Ok(e);
        }
        self.coerce(e, ty, Context::Assignment, CallForm::ImplicitCast, None)
    }

    fn assign_field(
        &mut self,
        name: &str,
        ty: Type,
        old: Expr,
        (field, rest): (&str, &[Indirection]),
        value: Expr,
        pos: usize,
    ) -> Result<Expr> {
        let base = self.base_type(ty);
        let Some(relation) = self.composite_relation(base.oid) else {
            let text = self.type_text(ty.oid);
            return Err(err!(
                SqlState::DATATYPE_MISMATCH,
                "cannot assign to field \"{field}\" of column \"{name}\" because its type {text} is not a composite type"
            )
            .at(pos));
        };
        let found = relation.live_columns().enumerate().find(|(_, (_, c))| c.name == field).map(|(i, (_, c))| (i, c.ty));
        let Some((index, field_ty)) = found else {
            let text = self.type_text(ty.oid);
            return Err(err!(
                SqlState::UNDEFINED_COLUMN,
                "cannot assign to field \"{field}\" of column \"{name}\" because there is no such column in data type {text}"
            )
            .at(pos));
        };
        let inner = if rest.is_empty() {
            Expr::constant(Datum::Null, field_ty)
        } else {
            Expr::new(ExprKind::Field { arg: Box::new(old.clone()), index }, field_ty)
        };
        let value = self.assign_part(field, field_ty, inner, rest, value, pos)?;
        let kind = ExprKind::FieldAssign { arg: Box::new(old), index, value: Box::new(value) };
        let e = Expr { kind, ty: base, collation: Oid::INVALID, pos: Some(pos as u32) };
        self.column_value(e, ty)
    }

    fn assign_leaf(&mut self, name: &str, ty: Type, value: Expr, _pos: usize) -> Result<Expr> {
        let (from, pos) = (value.ty.oid, location(&value));
        match self.coerce_to_target(value, ty, Context::Assignment, CallForm::ImplicitCast, None)? {
            Some(e) => Ok(e),
            None => {
                let (want, got) = (self.type_text(ty.oid), self.type_text(from));
                let error =
                    err!(SqlState::DATATYPE_MISMATCH, "subfield \"{name}\" is of type {want} but expression is of type {got}")
                        .hint("You will need to rewrite or cast the expression.");
                Err(at(error, pos))
            }
        }
    }

    /// DEFAULT of a column, coerced; None for NULL.
    pub(super) fn default_value(&mut self, target: &TargetEntry, column: usize) -> Result<Option<Expr>> {
        if !std::sync::Arc::ptr_eq(&target.seen, &target.base) && target.seen.columns[column].default.is_some() {
            return self.column_default(&target.seen, column);
        }
        match target.map[column] {
            Some(attr) => self.column_default(&target.base, attr as usize),
            None => Ok(None),
        }
    }

    /// DEFAULT where a part of a column is assigned. Errors: 0A000.
    pub(super) fn check_default_path(path: &[Indirection], pos: usize) -> Result<()> {
        let what = match path.first() {
            None => return Ok(()),
            Some(Indirection::Index(_) | Indirection::Slice(..)) => "an array element",
            Some(Indirection::Field(_) | Indirection::Star) => "a subfield",
        };
        Err(SqlError::new(SqlState::FEATURE_NOT_SUPPORTED, format!("cannot set {what} to DEFAULT")).at(pos))
    }
}
