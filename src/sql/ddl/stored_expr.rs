//! Expressions kept in the catalog: bound against their table, then stored as SQL text with every name resolved.

use crate::error::{Result, SqlError};
use crate::sql::binder::{self, RelationColumns};
use crate::sql::catalog::objects::Relation;
use crate::sql::deparse::{self, Names};
use crate::sql::parser::ast;
use crate::sql::plan::{ColId, Expr};
use crate::sql::session::SessionCore;
use crate::sql::session::view::{SessionView, quote_identifier};
use crate::sql::types::{Oid, Type};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Names of one relation's columns and of what else an expression mentions.
pub struct RelationNames<'a> {
    /// The catalog.
    pub view: &'a SessionView,
    /// The relation.
    pub relation: Option<&'a Relation>,
    /// Which column each id is.
    pub columns: Vec<(ColId, usize)>,
}

impl Names for RelationNames<'_> {
    fn column(&self, id: ColId) -> Option<String> {
        let (_, position) = self.columns.iter().find(|(c, _)| *c == id)?;
        self.relation.map(|r| quote_identifier(&r.columns[*position].name).into_owned())
    }

    fn function(&self, schema: Oid, name: &str) -> String {
        let visible = self.view.path.iter().find(|s| self.view.catalog.functions_named(**s, name).next().is_some()) == Some(&schema);
        self.view.qualified(schema, name, visible)
    }

    fn relation(&self, oid: Oid) -> String {
        self.view.class_name(oid).unwrap_or_else(|| oid.to_string())
    }

    fn collation(&self, oid: Oid) -> String {
        use crate::sql::catalog::lookup::CatalogView;
        self.view.collation_name(oid).map_or_else(|| oid.to_string(), |n| format!("{}", quote_identifier(&n)))
    }
}

/// The text of a bound expression over a relation.
pub fn text(core: &SessionCore, relation: Option<&Relation>, columns: &RelationColumns, expr: &Expr, pretty: bool) -> String {
    let view = core.view();
    let io = core.io();
    let cx = io.context(core.transaction_start.load(Ordering::Relaxed), &*view);
    let names = RelationNames { view: &view, relation, columns: columns.positions() };
    deparse::expression(&cx, &names, expr, pretty)
}

/// Binds a default and answers its text; None for a NULL default. Errors: 42804, 0A000 for columns, subqueries, aggregates.
pub fn default_text(core: &SessionCore, expr: &ast::Expr, column: &str, ty: Type) -> Result<Option<String>> {
    let bound = core.with_bind(|cx| binder::bind_default(cx, expr, column, ty))?;
    let is_null = matches!(&bound.kind, crate::sql::plan::ExprKind::Const(d) if d.is_null());
    let none = RelationColumns::default();
    Ok((!is_null).then(|| text(core, None, &none, &bound, false)))
}

/// Binds a CHECK over a relation; answers its text and the columns it mentions.
pub fn check_text(core: &SessionCore, relation: &Arc<Relation>, expr: &ast::Expr) -> Result<(String, Vec<u16>)> {
    let (bound, columns) = core.with_bind(|cx| binder::bind_check(cx, relation, expr))?;
    let mut used = columns.used_in(&bound);
    used.sort_unstable();
    used.dedup();
    Ok((text(core, Some(relation), &columns, &bound, false), used))
}

/// Binds any expression over a relation (index keys, generated columns, predicates); answers its text, type and collation.
pub fn over_relation(core: &SessionCore, relation: &Arc<Relation>, expr: &ast::Expr, what: binder::StoredUse) -> Result<(String, Type, Oid)> {
    let (bound, columns) = core.with_bind(|cx| binder::bind_over_relation(cx, relation, expr, what))?;
    Ok((text(core, Some(relation), &columns, &bound, false), bound.ty, bound.collation))
}

/// 42P17 unless every function of the expression is immutable.
pub fn require_immutable(expr_is_immutable: bool, message: &str) -> Result<()> {
    if expr_is_immutable { Ok(()) } else { Err(SqlError::new(crate::error::SqlState::INVALID_OBJECT_DEFINITION, message)) }
}
