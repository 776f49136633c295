//! CREATE DOMAIN and ALTER DOMAIN.

use super::naming::{choose_name, target_schema};
use super::types::{check_type_owner, claim_type_name, new_type, of_name};
use super::{notice, stored_expr};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder;
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{DomainCheck, RelKind, UserType, UserTypeKind};
use crate::sql::ddl::alter::rewrite::each_row;
use crate::sql::parser::ast::{self, AlterDomainAction, AlterDomainStmt, Constraint, ConstraintKind, CreateDomainStmt};
use crate::sql::plan::Expr;
use crate::sql::session::SessionCore;
use crate::sql::types::{Datum, Oid, Type, typename};
use smol_str::SmolStr;
use std::sync::Arc;

/// CREATE DOMAIN
pub fn create(core: &SessionCore, stmt: &CreateDomainStmt) -> Result<()> {
    let schema = target_schema(core, stmt.name.schema(), ast::Persistence::Permanent)?;
    let name = stmt.name.last().clone();
    claim_type_name(core, schema, &name)?;
    let base = core.resolve_type(&stmt.type_name)?;
    let view = core.view();
    if typename::is_pseudo(base.oid) {
        let shown = typename::format_type_be(&*view, base.oid);
        return Err(err!(SqlState::DATATYPE_MISMATCH, "\"{shown}\" is not a valid base type for a domain").at(stmt.type_name.pos));
    }
    let mut collation = typename::collation_of(typename::base_type(&*view, base.oid));
    if let Some((named, pos)) = &stmt.collation {
        if !collation.is_valid() {
            let shown = typename::format_type_be(&*view, base.oid);
            return Err(err!(SqlState::DATATYPE_MISMATCH, "collations are not supported by type {shown}").at(*pos));
        }
        collation = super::create_table::collation(core, named, *pos)?;
    }
    let (mut not_null, mut default, mut checks) = (None, None, Vec::new());
    for c in &stmt.constraints {
        match &c.kind {
            ConstraintKind::NotNull | ConstraintKind::Null => {
                let wanted = matches!(c.kind, ConstraintKind::NotNull);
                if not_null.is_some_and(|n| n != wanted) {
                    return Err(err!(SqlState::SYNTAX_ERROR, "conflicting NULL/NOT NULL constraints"));
                }
                not_null = Some(wanted);
            }
            ConstraintKind::Default(e) => {
                if default.is_some() {
                    return Err(err!(SqlState::SYNTAX_ERROR, "multiple default expressions"));
                }
                default = Some(stored_expr::default_text(core, e, &name, base)?);
            }
            ConstraintKind::Check(_) => {
                let check = check(core, &name, base, c, &checks)?.0;
                checks.push(check);
            }
            other => return Err(not_for_domains(other)),
        }
    }
    let default = default.flatten();
    let kind = UserTypeKind::Domain { base, not_null: not_null == Some(true), default, checks, collation };
    let ty = new_type(core, schema, name, kind)?;
    core.change(Change::Type(Arc::new(ty)), false)
}

fn not_for_domains(kind: &ConstraintKind) -> SqlError {
    let what = match kind {
        ConstraintKind::Unique { .. } => "unique constraints",
        ConstraintKind::PrimaryKey(_) => "primary key constraints",
        ConstraintKind::Exclude { .. } => "exclusion constraints",
        ConstraintKind::Foreign(_) => "foreign key constraints",
        ConstraintKind::Generated { .. } => {
            return err!(SqlState::FEATURE_NOT_SUPPORTED, "specifying GENERATED not supported for domains");
        }
        _ => return err!(SqlState::FEATURE_NOT_SUPPORTED, "specifying constraint deferrability not supported for domains"),
    };
    err!(SqlState::SYNTAX_ERROR, "{what} not possible for domains")
}

/// A CHECK of a domain and its bound form. Errors: 42710 for a name in use.
fn check(core: &SessionCore, domain: &str, base: Type, c: &Constraint, others: &[DomainCheck]) -> Result<(DomainCheck, Expr)> {
    let ConstraintKind::Check(ast) = &c.kind else { return Err(not_for_domains(&c.kind)) };
    let taken = |n: &str| others.iter().any(|o| o.name == n);
    let name = match &c.name {
        Some(n) if taken(n) => {
            return Err(err!(SqlState::DUPLICATE_OBJECT, "constraint \"{n}\" for domain \"{domain}\" already exists"));
        }
        Some(n) => n.clone(),
        None => choose_name(taken, domain, None, "check"),
    };
    let bound = core.with_bind(|cx| binder::bind_domain_check(cx, base, ast))?;
    let sql = stored_expr::stored_text(core, None, &bound);
    Ok((DomainCheck { oid: core.server.catalogs.oids.allocate()?, name, sql, validated: !c.not_valid }, bound))
}

/// ALTER DOMAIN
pub fn alter(core: &SessionCore, stmt: &AlterDomainStmt) -> Result<()> {
    let ty = of_name(core, &stmt.name)?;
    if !matches!(ty.kind, UserTypeKind::Domain { .. }) {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a domain", ty.name));
    }
    check_type_owner(core, &ty)?;
    let mut changed = UserType::clone(&ty);
    let UserTypeKind::Domain { base, not_null, default, checks, .. } = &mut changed.kind else {
        return Err(SqlError::internal("not a domain"));
    };
    let missing =
        |name: &SmolStr| err!(SqlState::UNDEFINED_OBJECT, "constraint \"{name}\" of domain \"{}\" does not exist", ty.name);
    match &stmt.action {
        AlterDomainAction::SetDefault(e) => *default = stored_expr::default_text(core, e, &ty.name, *base)?,
        AlterDomainAction::DropDefault => *default = None,
        AlterDomainAction::SetNotNull => {
            each_value(core, ty.oid, |table, column, value| {
                if !value.is_null() {
                    return Ok(());
                }
                Err(err!(SqlState::NOT_NULL_VIOLATION, "column \"{column}\" of table \"{table}\" contains null values"))
            })?;
            *not_null = true;
        }
        AlterDomainAction::DropNotNull => *not_null = false,
        AlterDomainAction::AddConstraint(c) => {
            if matches!(c.kind, ConstraintKind::NotNull | ConstraintKind::Null) {
                *not_null = matches!(c.kind, ConstraintKind::NotNull);
            } else {
                let (made, bound) = check(core, &ty.name, *base, c, checks)?;
                if made.validated {
                    verify(core, ty.oid, &bound)?;
                }
                checks.push(made);
            }
        }
        AlterDomainAction::DropConstraint { name, if_exists, .. } => {
            let before = checks.len();
            checks.retain(|c| c.name != *name);
            if checks.len() == before {
                if !if_exists {
                    return Err(missing(name));
                }
                let message = format!("constraint \"{name}\" of domain \"{}\" does not exist, skipping", ty.name);
                notice(core, SqlState::SUCCESSFUL_COMPLETION, message);
            }
        }
        AlterDomainAction::ValidateConstraint { name } => {
            let Some(c) = checks.iter_mut().find(|c| c.name == *name) else { return Err(missing(name)) };
            let ast = crate::sql::parser::parse_expression(&c.sql)?;
            let bound = core.with_bind(|cx| binder::bind_domain_check(cx, *base, &ast))?;
            verify(core, ty.oid, &bound)?;
            c.validated = true;
        }
    }
    core.change(Change::Type(Arc::new(changed)), false)
}

/// Demands a condition over VALUE of every stored value of a domain. Errors: 23514.
fn verify(core: &SessionCore, domain: Oid, condition: &Expr) -> Result<()> {
    use crate::sql::plan::{ColId, ExprKind};
    fn as_column(e: &mut Expr) {
        if matches!(e.kind, ExprKind::Value) {
            e.kind = ExprKind::Column(ColId(0));
        }
        e.each_child_mut(&mut |c| as_column(c));
    }
    let mut condition = condition.clone();
    as_column(&mut condition);
    let view = core.view();
    let scope = crate::sql::expr::eval::Scope::new(std::iter::once(ColId(0)));
    let mut compiled = crate::sql::expr::eval::compile(&condition, &scope, &mut crate::sql::session::exprs::PlainEnv(&*view))?;
    let exprs = crate::sql::session::exprs::SessionExprs::new(core);
    each_value(core, domain, |table, column, value| {
        let kept = exprs.evaluate(|cx| compiled.eval_row(cx, std::slice::from_ref(value)))?;
        if !matches!(kept, Datum::Bool(false)) {
            return Ok(());
        }
        let message = format!("column \"{column}\" of table \"{table}\" contains values that violate the new constraint");
        Err(SqlError::new(SqlState::CHECK_VIOLATION, message))
    })
}

/// Calls `work` with every stored value of a domain.
fn each_value(core: &SessionCore, domain: Oid, mut work: impl FnMut(&str, &str, &Datum) -> Result<()>) -> Result<()> {
    let view = core.view();
    for relation in view.catalog.relations().filter(|r| r.kind == RelKind::Table) {
        let columns: Vec<usize> = relation.live_columns().filter(|(_, c)| c.ty.oid == domain).map(|(i, _)| i).collect();
        if columns.is_empty() {
            continue;
        }
        each_row(core, relation, |row| columns.iter().try_for_each(|&i| work(&relation.name, &relation.columns[i].name, &row[i])))?;
    }
    Ok(())
}
