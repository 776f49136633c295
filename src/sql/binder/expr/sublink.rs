//! Subqueries in expressions (`transformSubLink`).

use super::{Binder, boolean, row_fields};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::binder::output_ref;
use crate::sql::binder::scope::Place;
use crate::sql::binder::select::Purpose;
use crate::sql::parser::ast::{OperatorName, SelectStmt, SubLink, SubLinkKind};
use crate::sql::plan::{Expr, ExprKind, Output, Rel, Subquery, SubqueryKind};
use crate::sql::types::Type;

impl Binder<'_> {
    pub(super) fn sublink(&mut self, link: &SubLink, pos: usize) -> Result<Expr> {
        self.check_sublink_place(pos)?;
        match link.kind {
            SubLinkKind::Exists => {
                let (plan, _) = self.sub_select(&link.query)?;
                Ok(boolean(subquery(SubqueryKind::Exists, plan), pos))
            }
            SubLinkKind::Scalar | SubLinkKind::Array => self.one_column(link, pos),
            SubLinkKind::Any | SubLinkKind::All => self.quantified(link, pos),
        }
    }

    /// Binds a subquery of the current level: its exact plan and columns.
    pub(crate) fn sub_select(&mut self, query: &SelectStmt) -> Result<(Rel, Vec<Output>)> {
        Ok(self.select(query, Purpose::Sub)?.into_exact())
    }

    fn one_column(&mut self, link: &SubLink, pos: usize) -> Result<Expr> {
        let (plan, outputs) = self.sub_select(&link.query)?;
        let [output] = &outputs[..] else {
            return Err(err!(SqlState::SYNTAX_ERROR, "subquery must return only one column").at(pos));
        };
        let (kind, ty, collation) = if link.kind == SubLinkKind::Scalar {
            (SubqueryKind::Scalar, output.ty, output.collation)
        } else {
            let oid = output.ty.oid;
            let array = if self.element_type(oid).is_some() { Some(oid) } else { self.array_type(oid) };
            let array = array.ok_or_else(|| self.no_array_type(oid).at(pos))?;
            (SubqueryKind::Array, Type { oid: array, typmod: output.ty.typmod }, output.collation)
        };
        Ok(Expr { kind: subquery(kind, plan), ty, collation, pos: Some(pos as u32) })
    }

    fn quantified(&mut self, link: &SubLink, pos: usize) -> Result<Expr> {
        let left = match &link.test {
            Some(test) => row_fields(self.expr(test)?),
            None => Vec::new(),
        };
        let (plan, outputs) = self.sub_select(&link.query)?;
        if left.len() != outputs.len() {
            let how = if left.len() < outputs.len() { "many" } else { "few" };
            return Err(err!(SqlState::SYNTAX_ERROR, "subquery has too {how} columns").at(pos));
        }
        let equals = OperatorName::bare("=");
        let op = link.op.as_ref().unwrap_or(&equals);
        let test = self.row_comparison(op, left, outputs.iter().map(output_ref).collect(), pos)?;
        let kind = SubqueryKind::Quantified { any: link.kind == SubLinkKind::Any, test: Box::new(test) };
        Ok(boolean(subquery(kind, plan), pos))
    }

    /// Errors: 0A000 where no subquery may stand.
    pub(super) fn check_sublink_place(&self, pos: usize) -> Result<()> {
        let what = match self.scope().place {
            Place::CheckConstraint | Place::DomainCheck => "check constraint",
            Place::ColumnDefault | Place::FunctionDefault => "DEFAULT expression",
            Place::IndexExpression => "index expression",
            Place::IndexPredicate => "index predicate",
            Place::AlterColTransform => "transform expression",
            Place::ExecuteParameter => "EXECUTE parameter",
            Place::TriggerWhen => "trigger WHEN condition",
            Place::CallArgument => "CALL argument",
            Place::CopyWhere => "COPY FROM WHERE condition",
            Place::GeneratedColumn => "column generation expression",
            _ => return Ok(()),
        };
        Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot use subquery in {what}").at(pos))
    }
}

fn subquery(kind: SubqueryKind, plan: Rel) -> ExprKind {
    ExprKind::Subquery(Box::new(Subquery { kind, plan }))
}
