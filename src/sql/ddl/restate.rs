//! Stored texts that follow renames.
//!
//! Before a change every text that mentions the old name is bound, which turns names into objects; after the change it is printed
//! again, which turns the objects into their new names.

use super::stored_expr::{bind_over, stored_text};
use super::view::{Resolved, resolve, stored_query};
use crate::error::Result;
use crate::sql::binder::{self, Params, Standing};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{ConstraintKind, Persistence, Relation, RelationRef, UserType, UserTypeKind};
use crate::sql::parser::parse_expression;
use crate::sql::plan::Expr;
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;
use std::sync::Arc;

/// Where a text of a relation is kept.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Default(usize),
    Check(Oid),
    Key(Oid, usize),
    Predicate(Oid),
}

/// Texts that mention a name, bound.
#[derive(Default)]
pub struct Captured {
    exprs: Vec<(Oid, Slot, Expr)>,
    views: Vec<(Oid, Resolved)>,
    domains: Vec<(Oid, Option<usize>, Expr)>,
}

/// Binds every stored text that mentions a name.
pub fn capture(core: &SessionCore, name: &str) -> Captured {
    let view = core.view();
    let mut out = Captured::default();
    let escaped = name.replace('"', "\"\"");
    let mentions = |sql: &str| sql.contains(&escaped);
    for relation in view.catalog.relations().filter(|r| r.oid >= Oid::FIRST_NORMAL) {
        capture_relation(core, relation, &mentions, &mut out);
    }
    for ty in view.catalog.types().filter(|t| t.oid >= Oid::FIRST_NORMAL) {
        let UserTypeKind::Domain { base, default, checks, .. } = &ty.kind else { continue };
        if let Some(ast) = default.as_deref().filter(|d| mentions(d)).and_then(|d| parse_expression(d).ok())
            && let Ok(e) = core.with_bind(|cx| binder::bind_scalar(cx, &ast, None, Standing::Other, &mut Params::none()))
        {
            out.domains.push((ty.oid, None, e));
        }
        for (i, c) in checks.iter().enumerate().filter(|(_, c)| mentions(&c.sql)) {
            if let Ok(ast) = parse_expression(&c.sql)
                && let Ok(e) = core.with_bind(|cx| binder::bind_domain_check(cx, *base, &ast))
            {
                out.domains.push((ty.oid, Some(i), e));
            }
        }
    }
    out
}

fn capture_relation(core: &SessionCore, relation: &RelationRef, mentions: &dyn Fn(&str) -> bool, out: &mut Captured) {
    let mut add = |slot: Slot, sql: &str| {
        if !mentions(sql) {
            return;
        }
        let bound = parse_expression(sql).and_then(|ast| bind_over(core, relation, &ast, None, Standing::Other));
        if let Ok(e) = bound {
            out.exprs.push((relation.oid, slot, e));
        }
    };
    for (i, c) in relation.live_columns() {
        if let Some(d) = &c.default {
            add(Slot::Default(i), &d.sql);
        }
    }
    for c in &relation.constraints {
        if let ConstraintKind::Check { sql, .. } = &c.kind {
            add(Slot::Check(c.oid), sql);
        }
    }
    for i in &relation.indexes {
        for (n, key) in i.keys.iter().enumerate() {
            if let Some(sql) = &key.expr {
                add(Slot::Key(i.oid, n), sql);
            }
        }
        if let Some(sql) = &i.predicate {
            add(Slot::Predicate(i.oid), sql);
        }
    }
    if let Some(def) = relation.view.as_ref().filter(|d| mentions(&d.sql))
        && let Ok(resolved) = resolve(core, &def.sql)
    {
        out.views.push((relation.oid, resolved));
    }
}

impl Captured {
    /// Prints the texts again, now that the change is made.
    pub fn restate(self, core: &SessionCore) -> Result<()> {
        for (oid, slot, e) in self.exprs {
            let Some(relation) = core.view().catalog.relation(oid).cloned() else { continue };
            let sql = stored_text(core, Some(&relation), &e);
            let mut changed = Relation::clone(&relation);
            set(&mut changed, slot, sql);
            core.change(Change::Relation(Arc::new(changed)), relation.persistence == Persistence::Temporary)?;
        }
        for (oid, resolved) in self.views {
            let Some(relation) = core.view().catalog.relation(oid).cloned() else { continue };
            let names: Vec<_> = relation.columns.iter().map(|c| c.name.clone()).collect();
            let mut changed = Relation::clone(&relation);
            if let Some(def) = &mut changed.view {
                def.sql = stored_query(core, &resolved.stmt, &resolved.trace, &names);
            }
            core.change(Change::Relation(Arc::new(changed)), relation.persistence == Persistence::Temporary)?;
        }
        for (oid, check, e) in self.domains {
            let Some(ty) = core.view().catalog.user_type(oid).cloned() else { continue };
            let sql = stored_text(core, None, &e);
            let mut changed = UserType::clone(&ty);
            if let UserTypeKind::Domain { default, checks, .. } = &mut changed.kind {
                match check {
                    None => *default = Some(sql),
                    Some(i) => checks[i].sql = sql,
                }
            }
            core.change(Change::Type(Arc::new(changed)), false)?;
        }
        Ok(())
    }
}

fn set(relation: &mut Relation, slot: Slot, text: String) {
    match slot {
        Slot::Default(i) => {
            if let Some(d) = &mut relation.columns[i].default {
                d.sql = text;
            }
        }
        Slot::Check(oid) => {
            for c in relation.constraints.iter_mut().filter(|c| c.oid == oid) {
                if let ConstraintKind::Check { sql, .. } = &mut c.kind {
                    sql.clone_from(&text);
                }
            }
        }
        Slot::Key(oid, n) => {
            if let Some(i) = relation.indexes.iter_mut().find(|i| i.oid == oid) {
                i.keys[n].expr = Some(text);
            }
        }
        Slot::Predicate(oid) => {
            if let Some(i) = relation.indexes.iter_mut().find(|i| i.oid == oid) {
                i.predicate = Some(text);
            }
        }
    }
}
