//! What every changed row brings along: CHECK constraints, generated columns, index expressions; and the rules of identity and
//! generated columns.

use super::{Binder, TargetEntry};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::stored::{RelationColumns, Standing};
use crate::sql::catalog::objects::{Column, ConstraintKind, Identity, RelationRef};
use crate::sql::parser::ast::Overriding;
use crate::sql::plan::{BoundCheck, ColId, Expr, IndexExprs};
use smol_str::SmolStr;

/// The bound expressions of `Modify` over a new row.
pub(super) struct RowRules {
    pub checks: Vec<BoundCheck>,
    pub generated: Vec<(u16, Expr)>,
    pub index_exprs: Vec<IndexExprs>,
}

impl Binder<'_> {
    /// Binds a table's row expressions over the ids of a new row.
    pub(super) fn row_rules(
        &mut self,
        relation: &RelationRef,
        new_row: &[Option<ColId>],
        view_checks: Vec<(SmolStr, Expr)>,
    ) -> Result<RowRules> {
        let columns = RelationColumns { relation, ids: new_row, alias: None };
        let mut constraints: Vec<_> = relation.constraints.iter().collect();
        constraints.sort_by(|a, b| a.name.cmp(&b.name));
        let mut checks = Vec::new();
        for constraint in constraints {
            if let ConstraintKind::Check { sql, .. } = &constraint.kind {
                let expr = self.stored(columns, sql, None, Standing::Check)?;
                checks.push(BoundCheck { name: constraint.name.clone(), expr, view: None });
            }
        }
        for (view, expr) in view_checks {
            checks.push(BoundCheck { name: view.clone(), expr, view: Some(view) });
        }
        let mut generated = Vec::new();
        for (i, column) in relation.live_columns().filter(|(_, c)| c.generated) {
            if let Some(default) = &column.default {
                let expr = self.stored(columns, &default.sql, Some(column.ty), Standing::Generated)?;
                generated.push((i as u16, expr));
            }
        }
        let mut index_exprs = Vec::new();
        for index in &relation.indexes {
            let mut keys = Vec::new();
            for (i, key) in index.keys.iter().enumerate() {
                if let Some(sql) = &key.expr {
                    keys.push((i, self.stored(columns, sql, None, Standing::IndexExpression)?));
                }
            }
            let predicate = match &index.predicate {
                Some(sql) => Some(self.stored(columns, sql, None, Standing::IndexPredicate)?),
                None => None,
            };
            if !keys.is_empty() || predicate.is_some() {
                index_exprs.push(IndexExprs { index: index.oid, keys, predicate });
            }
        }
        Ok(RowRules { checks, generated, index_exprs })
    }

    /// Whether an inserted value for a column is to be replaced by its default. Errors: 428C9.
    pub(super) fn check_inserted(target: &TargetEntry, attr: u16, default: bool, overriding: Option<Overriding>) -> Result<bool> {
        let column = &target.base.columns[attr as usize];
        if default {
            return Ok(true);
        }
        if column.generated {
            return Err(no_insert(column).detail(format!("Column \"{}\" is a generated column.", column.name)));
        }
        match (column.identity, overriding) {
            (Some(_), Some(Overriding::User)) => Ok(true),
            (Some(Identity::Always), None) => Err(no_insert(column)
                .detail(format!("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", column.name))
                .hint("Use OVERRIDING SYSTEM VALUE to override.")),
            _ => Ok(false),
        }
    }

    /// Errors: 428C9 for a generated or always-identity column set to anything but DEFAULT.
    pub(super) fn check_updated(column: &Column, default: bool) -> Result<()> {
        if default {
            return Ok(());
        }
        let detail = if column.generated {
            format!("Column \"{}\" is a generated column.", column.name)
        } else if column.identity == Some(Identity::Always) {
            format!("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", column.name)
        } else {
            return Ok(());
        };
        Err(err!(SqlState::GENERATED_ALWAYS, "column \"{}\" can only be updated to DEFAULT", column.name).detail(detail))
    }
}

fn no_insert(column: &Column) -> SqlError {
    err!(SqlState::GENERATED_ALWAYS, "cannot insert a non-DEFAULT value into column \"{}\"", column.name)
}
