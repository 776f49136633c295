//! Expressions kept as text in the catalog (defaults, checks, generated columns, index keys), and expressions outside queries.

use super::coerce::Context;
use super::from::visible;
use super::params::Params;
use super::scope::{Col, ColSource, Place, RteCol, RteKind, Scope, What};
use super::{BindContext, Binder};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::objects::{Column, RelationRef, UserTypeKind};
use crate::sql::catalog::snapshot::TypeEntry;
use crate::sql::parser::{ast, parse_expression};
use crate::sql::plan::{CallForm, ColId, Expr, ExprKind};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

/// Where an expression outside a query stands: what it may contain and how errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// CHECK of a table.
    Check,
    /// DEFAULT of a column.
    Default,
    /// GENERATED ALWAYS AS.
    Generated,
    /// Key of an index.
    IndexExpression,
    /// WHERE of an index.
    IndexPredicate,
    /// ALTER COLUMN ... TYPE ... USING.
    AlterUsing,
    /// WHEN of a trigger.
    TriggerWhen,
    /// COPY FROM ... WHERE.
    CopyWhere,
    /// Argument of EXECUTE.
    ExecuteParameter,
    /// Argument of CALL.
    CallArgument,
    /// Anything else (PL/pgSQL expressions are queries, SET values, partition bounds are not built).
    Other,
}

impl Standing {
    fn place(self) -> Place {
        match self {
            Self::Check => Place::CheckConstraint,
            Self::Default => Place::ColumnDefault,
            Self::Generated => Place::GeneratedColumn,
            Self::IndexExpression => Place::IndexExpression,
            Self::IndexPredicate => Place::IndexPredicate,
            Self::AlterUsing => Place::AlterColTransform,
            Self::TriggerWhen => Place::TriggerWhen,
            Self::CopyWhere => Place::CopyWhere,
            Self::ExecuteParameter => Place::ExecuteParameter,
            Self::CallArgument => Place::CallArgument,
            Self::Other => Place::Other,
        }
    }

    fn boolean(self) -> Option<&'static str> {
        match self {
            Self::Check => Some("CHECK"),
            Self::IndexPredicate | Self::CopyWhere => Some("WHERE"),
            Self::TriggerWhen => Some("WHEN"),
            _ => None,
        }
    }
}

/// A relation's columns under the ids an expression shall use, by position; None for columns out of reach.
#[derive(Clone, Copy)]
pub struct RelationColumns<'r> {
    /// The relation.
    pub relation: &'r RelationRef,
    /// Its columns' ids.
    pub ids: &'r [Option<ColId>],
    /// The name it goes by (`new`, `old` in triggers); None for its own.
    pub alias: Option<&'r str>,
}

/// A domain's constraint.
#[derive(Clone, Debug)]
pub struct BoundDomainCheck {
    /// The domain that has it.
    pub domain: Oid,
    /// Constraint name; empty for NOT NULL.
    pub name: SmolStr,
    /// Must not be false, over `ExprKind::Value`; None for NOT NULL.
    pub expr: Option<Expr>,
}

/// Binds an expression outside any query, coerced to `target` when given (assignment rules).
pub fn bind_scalar(
    cx: &BindContext<'_>,
    e: &ast::Expr,
    target: Option<Type>,
    standing: Standing,
    params: &mut Params,
) -> Result<Expr> {
    let mut binder = Binder::new(cx, params);
    binder.in_scope(Scope::new(), |b| {
        let bound = b.expr_at(e, standing.place())?;
        b.complete_scalar(bound, target, standing)
    })
}

/// Binds an expression over relations' columns (DDL checks it with this before storing it).
pub fn bind_over_relation(
    cx: &BindContext<'_>,
    relations: &[RelationColumns<'_>],
    e: &ast::Expr,
    target: Option<Type>,
    standing: Standing,
) -> Result<Expr> {
    let mut params = Params::none();
    let mut binder = Binder::new(cx, &mut params);
    binder.over_relations(relations, e, target, standing)
}

/// A stored CHECK, generation expression, index key or predicate over a relation's columns.
pub fn bind_check(
    cx: &BindContext<'_>,
    columns: RelationColumns<'_>,
    sql: &str,
    target: Option<Type>,
    standing: Standing,
) -> Result<Expr> {
    let e = parse_expression(sql)?;
    bind_over_relation(cx, &[columns], &e, target, standing)
}

/// An index key or predicate (`target` None) over a relation's columns.
pub fn bind_index_expr(cx: &BindContext<'_>, columns: RelationColumns<'_>, sql: &str, standing: Standing) -> Result<Expr> {
    bind_check(cx, columns, sql, None, standing)
}

/// The default of a column as an expression without input: identity, DEFAULT, or the default of its domain; None for NULL.
pub fn bind_default(cx: &BindContext<'_>, relation: &RelationRef, position: usize) -> Result<Option<Expr>> {
    let mut params = Params::none();
    Binder::new(cx, &mut params).column_default(relation, position)
}

/// All constraints of a domain, those of its base domains first.
pub fn bind_domain_checks(cx: &BindContext<'_>, domain: Oid) -> Result<Vec<BoundDomainCheck>> {
    let Some(TypeEntry::User(user)) = cx.catalog.type_object(domain) else { return Ok(Vec::new()) };
    let UserTypeKind::Domain { base, not_null, checks, .. } = &user.kind else { return Ok(Vec::new()) };
    let mut out = bind_domain_checks(cx, base.oid)?;
    if *not_null {
        out.push(BoundDomainCheck { domain, name: SmolStr::default(), expr: None });
    }
    let mut sorted: Vec<_> = checks.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    for check in sorted {
        let e = parse_expression(&check.sql)?;
        let expr = bind_domain_check(cx, *base, &e)?;
        out.push(BoundDomainCheck { domain, name: check.name.clone(), expr: Some(expr) });
    }
    Ok(out)
}

/// One CHECK of a domain over `base`: VALUE is `ExprKind::Value`.
pub fn bind_domain_check(cx: &BindContext<'_>, base: Type, e: &ast::Expr) -> Result<Expr> {
    let mut params = Params::none();
    let mut binder = Binder::new(cx, &mut params);
    let scope = Scope { value: Some(base), ..Scope::new() };
    binder.in_scope(scope, |b| b.condition(e, Place::DomainCheck, "CHECK"))
}

impl Binder<'_> {
    fn complete_scalar(&mut self, e: Expr, target: Option<Type>, standing: Standing) -> Result<Expr> {
        let mut e = match (standing.boolean(), target) {
            (Some(name), _) => self.coerce_to_boolean(e, name)?,
            (None, Some(target)) => {
                let (from, pos) = (e.ty.oid, super::same::location(&e));
                match self.coerce_to_target(e, target, Context::Assignment, CallForm::ImplicitCast, None)? {
                    Some(e) => e,
                    None => {
                        let (from, to) = (self.type_text(from), self.type_text(target.oid));
                        return Err(super::same::at(err!(SqlState::CANNOT_COERCE, "cannot convert type {from} to {to}"), pos));
                    }
                }
            }
            (None, None) if e.ty.oid == Oid::UNKNOWN => self.implicit(e, Type::new(Oid::TEXT))?,
            (None, None) => e,
        };
        self.assign_collations(&mut e)?;
        Ok(e)
    }

    /// Binds over relations under given ids, with nothing else in sight.
    pub(super) fn over_relations(
        &mut self,
        relations: &[RelationColumns<'_>],
        e: &ast::Expr,
        target: Option<Type>,
        standing: Standing,
    ) -> Result<Expr> {
        self.in_scope(Scope { barrier: true, ..Scope::new() }, |b| {
            for columns in relations {
                b.add_given(columns);
            }
            let bound = b.expr_at(e, standing.place())?;
            b.complete_scalar(bound, target, standing)
        })
    }

    fn add_given(&mut self, columns: &RelationColumns<'_>) {
        let relation = columns.relation;
        let highest = columns.ids.iter().flatten().map(|id| id.0 + 1).max().unwrap_or(0) as usize;
        while self.cols.len() < highest {
            self.cols.push(Col { depth: 0, what: What::Plain, rte: u32::MAX, attr: 0, origin: None });
        }
        // The ids belong to entries of their own; what they are there stays.
        let before: Vec<(usize, Col)> = columns.ids.iter().flatten().map(|id| (id.0 as usize, self.cols[id.0 as usize])).collect();
        let column = |(i, c): (usize, &Column)| {
            let source = match columns.ids.get(i).copied().flatten() {
                Some(id) if !c.dropped => ColSource::Id(id),
                _ => ColSource::Dropped,
            };
            RteCol { name: c.name.clone(), ty: c.ty, collation: c.collation, source }
        };
        let cols = relation.columns.iter().enumerate().map(column).collect();
        let alias = columns.alias.map_or_else(|| relation.name.clone(), SmolStr::new);
        let rte = self.add_rte(alias, columns.alias.is_some(), RteKind::Row { relation: RelationRef::clone(relation) }, cols);
        self.scope_mut().ns.push(visible(rte));
        for (id, col) in before {
            if col.rte != u32::MAX {
                self.cols[id] = col;
            }
        }
    }

    /// A stored expression of a statement's own table, over ids of the statement.
    pub(super) fn stored(
        &mut self,
        columns: RelationColumns<'_>,
        sql: &str,
        target: Option<Type>,
        standing: Standing,
    ) -> Result<Expr> {
        let e = parse_expression(sql)?;
        self.over_relations(&[columns], &e, target, standing).map_err(|mut e| {
            e.fields_mut().position = None;
            e
        })
    }

    /// A default of a function's argument.
    pub(super) fn stored_default(&mut self, sql: &str, ty: Oid) -> Result<Expr> {
        let e = parse_expression(sql)?;
        self.in_scope(Scope { barrier: true, ..Scope::new() }, |b| {
            let bound = b.expr_at(&e, Place::FunctionDefault)?;
            if super::poly::is_polymorphic(ty) {
                return Ok(bound);
            }
            match b.coerce_to_target(bound, Type::new(ty), Context::Assignment, CallForm::ImplicitCast, None)? {
                Some(e) => Ok(e),
                None => Err(SqlError::internal("the default of a function argument has the wrong type")),
            }
        })
    }

    /// `build_column_default`.
    pub(super) fn column_default(&mut self, relation: &RelationRef, position: usize) -> Result<Option<Expr>> {
        let column = &relation.columns[position];
        if column.identity.is_some() {
            let Some(sequence) = self.cx.catalog.identity_sequence(relation.oid, position) else {
                return Err(SqlError::internal("no owned sequence found"));
            };
            let next = Expr::new(ExprKind::NextVal(sequence), Oid::INT8);
            return self.coerce_to_target(next, column.ty, Context::Assignment, CallForm::ImplicitCast, None);
        }
        if column.generated {
            return Ok(None);
        }
        let text = match &column.default {
            Some(default) => Some(default.sql.clone()),
            None => self.domain_default(column.ty.oid),
        };
        let Some(text) = text else { return self.null_default(column) };
        let e = parse_expression(&text)?;
        let result = self.in_scope(Scope { barrier: true, ..Scope::new() }, |b| {
            let bound = b.expr_at(&e, Place::ColumnDefault)?;
            let from = bound.ty.oid;
            match b.coerce_to_target(bound, column.ty, Context::Assignment, CallForm::ImplicitCast, None)? {
                Some(mut e) => {
                    b.assign_collations(&mut e)?;
                    Ok(e)
                }
                None => {
                    let (to, from) = (b.type_text(column.ty.oid), b.type_text(from));
                    Err(err!(
                        SqlState::DATATYPE_MISMATCH,
                        "column \"{}\" is of type {to} but default expression is of type {from}",
                        column.name
                    )
                    .hint("You will need to rewrite or cast the expression."))
                }
            }
        });
        result.map(Some).map_err(|mut e| {
            e.fields_mut().position = None;
            e
        })
    }

    /// NULL of a domain column must still pass the domain's constraints.
    fn null_default(&mut self, column: &Column) -> Result<Option<Expr>> {
        if self.desc(column.ty.oid).kind != b'd' {
            return Ok(None);
        }
        let null = Expr::constant(crate::sql::types::Datum::Null, Oid::UNKNOWN);
        self.coerce_to_target(null, column.ty, Context::Assignment, CallForm::ImplicitCast, None)
    }

    fn domain_default(&self, oid: Oid) -> Option<String> {
        match self.cx.catalog.type_object(oid) {
            Some(TypeEntry::User(user)) => match &user.kind {
                UserTypeKind::Domain { default, base, .. } => default.clone().or_else(|| self.domain_default(base.oid)),
                _ => None,
            },
            _ => None,
        }
    }
}
