//! Target lists: select lists, RETURNING lists (parse_target.c).

use super::Binder;
use super::colname::column_name;
use super::scope::Place;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::parser::ast::{self, ExprNode, Indirection};
use crate::sql::plan::{Expr, ExprKind, Output};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

/// An entry of a target list.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub name: SmolStr,
    pub expr: Expr,
    /// Made for ORDER BY and the like, not asked for.
    pub junk: bool,
}

impl Binder<'_> {
    /// `transformTargetList`.
    pub(super) fn target_list(&mut self, targets: &[ast::Target], place: Place) -> Result<Vec<Target>> {
        let before = self.enter(place);
        let mut out = Vec::with_capacity(targets.len() + 2);
        for target in targets {
            match &target.expr.node {
                ExprNode::Column(c) if c.star => {
                    let expanded = self.expand_star(&c.names, target.expr.pos)?;
                    self.trace_star(target.expr.pos, &expanded);
                    out.extend(expanded.into_iter().map(|(name, expr)| Target { name, expr, junk: false }));
                }
                ExprNode::Indirection { base, path } if matches!(path.last(), Some(Indirection::Star)) => {
                    let expanded = self.expand_row_star(base, path, target.expr.pos)?;
                    out.extend(expanded.into_iter().map(|(name, expr)| Target { name, expr, junk: false }));
                }
                _ => {
                    let expr = self.expr(&target.expr)?;
                    let name = target.name.clone().unwrap_or_else(|| column_name(&target.expr));
                    out.push(Target { name, expr, junk: false });
                }
            }
        }
        self.enter(before);
        if out.len() > 1664 {
            return Err(err!(SqlState::TOO_MANY_COLUMNS, "target lists can have at most 1664 entries"));
        }
        Ok(out)
    }

    /// Output columns still of unknown type become text.
    pub(super) fn resolve_unknown_targets(&mut self, targets: &mut [Target]) -> Result<()> {
        for target in targets {
            if target.expr.ty.oid == Oid::UNKNOWN {
                self.replace(&mut target.expr, |b, e| b.implicit(e, Type::new(Oid::TEXT)))?;
            }
        }
        Ok(())
    }

    /// The output column of a target: a new id, its origin, its record shape.
    pub(super) fn target_output(&mut self, target: &Target) -> Output {
        let collation = self.result_collation(&target.expr);
        let output = self.new_output(target.name.clone(), target.expr.ty, collation);
        if let ExprKind::Column(id) = target.expr.kind {
            self.cols[output.id.0 as usize].origin = self.cols[id.0 as usize].origin;
        }
        if target.expr.ty.oid == Oid::RECORD
            && let Some(shape) = self.row_shape(&target.expr)
        {
            self.shapes.insert(output.id.0, shape);
        }
        output
    }

    /// RETURNING: outputs and expressions, ready for the plan.
    pub(super) fn returning_list(&mut self, targets: &[ast::Target]) -> Result<Vec<(Output, Expr)>> {
        let mut list = self.target_list(targets, Place::Returning)?;
        self.resolve_unknown_targets(&mut list)?;
        let mut out = Vec::with_capacity(list.len());
        for mut target in list {
            self.assign_collations(&mut target.expr)?;
            let output = self.target_output(&target);
            out.push((output, target.expr));
        }
        Ok(out)
    }
}
