//! UNION, INTERSECT, EXCEPT (transformSetOperationStmt): branches, common column types, ORDER BY over the whole.

use super::select::Purpose;
use super::{Binder, Bound, output_ref};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::parser::ast::{SelectBody, SelectStmt, SetOperation, SetOperator};
use crate::sql::plan::{Expr, ExprKind, Output, Rel, SetOpKind};
use crate::sql::types::{Oid, Type};

/// One side of a set operation.
pub(super) struct Branch {
    pub rel: Rel,
    pub outputs: Vec<Output>,
}

impl Binder<'_> {
    pub(super) fn set_operation(&mut self, stmt: &SelectStmt, op: &SetOperation, _purpose: Purpose) -> Result<Bound> {
        if let Some(lock) = stmt.locking.first() {
            let name = super::locking::strength_name(lock.strength);
            return Err(SqlError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("{name} is not allowed with UNION/INTERSECT/EXCEPT"),
            ));
        }
        let Branch { rel, outputs } = self.set_tree(op)?;
        if stmt.order_by.is_empty() && stmt.limit.count.is_none() && stmt.limit.offset.is_none() {
            return Ok(Bound { rel, outputs, exact: true });
        }
        self.order_outputs(stmt, rel, outputs, "*SELECT* 1", Some("UNION/INTERSECT/EXCEPT"))
    }

    fn set_tree(&mut self, op: &SetOperation) -> Result<Branch> {
        self.nested(|b| {
            let left = b.set_branch(&op.left)?;
            let right = b.set_branch(&op.right)?;
            b.combine(op, left, right)
        })
    }

    /// A branch: another set operation in place, or a query of its own.
    pub(super) fn set_branch(&mut self, stmt: &SelectStmt) -> Result<Branch> {
        let bare = stmt.with.is_none()
            && stmt.order_by.is_empty()
            && stmt.locking.is_empty()
            && stmt.limit.count.is_none()
            && stmt.limit.offset.is_none();
        if let (SelectBody::SetOperation(inner), true) = (&stmt.body, bare) {
            return self.set_tree(inner);
        }
        if let SelectBody::Select(core) = &stmt.body
            && let Some(into) = &core.into
        {
            return Err(err!(SqlState::SYNTAX_ERROR, "INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT")
                .at(into.relation.pos));
        }
        let (rel, outputs) = self.select(stmt, Purpose::Open)?.into_exact();
        Ok(Branch { rel, outputs })
    }

    fn combine(&mut self, op: &SetOperation, mut left: Branch, mut right: Branch) -> Result<Branch> {
        let (kind, name) = match op.op {
            SetOperator::Union => (SetOpKind::Union, "UNION"),
            SetOperator::Intersect => (SetOpKind::Intersect, "INTERSECT"),
            SetOperator::Except => (SetOpKind::Except, "EXCEPT"),
        };
        self.check_width(&left, &right, name)?;
        let types = self.unify_branches(&mut left, &mut right, name)?;
        let all = op.all;
        let mut columns = Vec::with_capacity(types.len());
        for (i, ty) in types.iter().enumerate() {
            let pos = column_pos(&right.rel, i);
            if !(all && kind == SetOpKind::Union) {
                self.check_comparable(ty.oid, column_pos(&left.rel, i).or(pos))?;
            }
            let (l, r) = (&left.outputs[i], &right.outputs[i]);
            let collation = self.common_collation(
                *ty,
                &[(l.collation, column_pos(&left.rel, i)), (r.collation, pos)],
                all && kind == SetOpKind::Union,
            )?;
            columns.push(self.new_output(l.name.clone(), *ty, collation));
        }
        let left = self.cast_branch(left, &types)?;
        let right = self.cast_branch(right, &types)?;
        let rel = Rel::SetOp { kind, all, left: Box::new(left.rel), right: Box::new(right.rel), columns: columns.clone() };
        Ok(Branch { rel, outputs: columns })
    }

    /// Errors: 42601 for different numbers of columns.
    pub(super) fn check_width(&self, left: &Branch, right: &Branch, name: &str) -> Result<()> {
        if left.outputs.len() == right.outputs.len() {
            return Ok(());
        }
        let error = err!(SqlState::SYNTAX_ERROR, "each {name} query must have the same number of columns");
        Err(super::same::at(error, column_pos(&right.rel, 0)))
    }

    /// The common type of each column; open literals take it in place.
    pub(super) fn unify_branches(&mut self, left: &mut Branch, right: &mut Branch, name: &str) -> Result<Vec<Type>> {
        let mut types = Vec::with_capacity(left.outputs.len());
        for i in 0..left.outputs.len() {
            let (l, r) = (left.outputs[i].ty, right.outputs[i].ty);
            let pair = [(l.oid, column_pos(&left.rel, i)), (r.oid, column_pos(&right.rel, i))];
            let common = self.common_type(&pair, name)?;
            let typmod = if l == r { l.typmod } else { -1 };
            let ty = Type { oid: common, typmod };
            self.settle_unknown(left, i, ty)?;
            self.settle_unknown(right, i, ty)?;
            types.push(ty);
        }
        Ok(types)
    }

    /// A branch's literal or parameter of unknown type becomes the column's type where it stands.
    pub(super) fn settle_unknown(&mut self, branch: &mut Branch, i: usize, ty: Type) -> Result<()> {
        if branch.outputs[i].ty.oid != Oid::UNKNOWN {
            return Ok(());
        }
        let Some(exprs) = projection(&mut branch.rel) else { return Ok(()) };
        let (output, e) = &mut exprs[i];
        if !matches!(e.kind, ExprKind::Const(_) | ExprKind::Param(_)) {
            return Ok(());
        }
        self.replace(e, |b, e| {
            let mut e = b.implicit(e, Type::new(ty.oid))?;
            b.assign_collations(&mut e)?;
            Ok(e)
        })?;
        let collation = self.result_collation(e);
        (output.ty, output.collation) = (e.ty, collation);
        (branch.outputs[i].ty, branch.outputs[i].collation) = (e.ty, collation);
        Ok(())
    }

    /// Casts a branch's columns where their types differ from the common ones.
    pub(super) fn cast_branch(&mut self, branch: Branch, types: &[Type]) -> Result<Branch> {
        if branch.outputs.iter().zip(types).all(|(o, t)| o.ty.oid == t.oid) {
            return Ok(branch);
        }
        let mut exprs: Vec<(Output, Expr)> = Vec::with_capacity(types.len());
        for (output, ty) in branch.outputs.iter().zip(types) {
            let mut e = output_ref(output);
            if e.ty.oid != ty.oid {
                e = self.coerce_to_common(e, ty.oid, "UNION")?;
            }
            self.assign_collations(&mut e)?;
            let collation = self.result_collation(&e);
            let new = self.new_output(output.name.clone(), e.ty, collation);
            exprs.push((new, e));
        }
        let outputs = exprs.iter().map(|(o, _)| o.clone()).collect();
        Ok(Branch { rel: Rel::Project { input: Box::new(branch.rel), exprs }, outputs })
    }
}

/// The projection that makes a plan's columns.
fn projection(rel: &mut Rel) -> Option<&mut Vec<(Output, Expr)>> {
    match rel {
        Rel::Project { exprs, .. } => Some(exprs),
        Rel::Sort { input, .. } | Rel::Limit { input, .. } | Rel::Distinct { input, .. } | Rel::LockRows { input, .. } => {
            projection(input)
        }
        Rel::With { body, .. } => projection(body),
        _ => None,
    }
}

/// Where a plan's column stands in the source.
pub(super) fn column_pos(rel: &Rel, i: usize) -> Option<u32> {
    match rel {
        Rel::Project { exprs, .. } => exprs.get(i).and_then(|(_, e)| super::same::location(e)),
        Rel::Values { rows, .. } => rows.first()?.get(i).and_then(super::same::location),
        Rel::Sort { input, .. } | Rel::Limit { input, .. } | Rel::Distinct { input, .. } | Rel::LockRows { input, .. } => {
            column_pos(input, i)
        }
        Rel::With { body, .. } => column_pos(body, i),
        Rel::SetOp { left, .. } => column_pos(left, i),
        _ => None,
    }
}
