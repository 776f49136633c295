//! REASSIGN OWNED and DROP OWNED.

use super::alter::{current, put};
use super::schema::role as role_of;
use super::{drop, owner};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{AclItem, Database, RelKind, Relation, Schema, UserFunction, UserType};
use crate::sql::parser::ast::{DropOwnedStmt, ReassignOwnedStmt};
use crate::sql::session::SessionCore;
use crate::sql::types::Oid;
use std::sync::Arc;

fn check(core: &SessionCore, role: Oid, what: &str) -> Result<()> {
    let view = core.view();
    if view.has_role_privileges(view.user, role) {
        return Ok(());
    }
    Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to {what} objects"))
}

/// REASSIGN OWNED
pub fn reassign(core: &SessionCore, stmt: &ReassignOwnedStmt) -> Result<()> {
    let to = role_of(core, &stmt.new_role)?;
    check(core, to, "reassign")?;
    for spec in &stmt.roles {
        let from = role_of(core, spec)?;
        check(core, from, "reassign")?;
        let view = core.view();
        for r in view.catalog.relations().filter(|r| r.owner == from && r.kind != RelKind::Composite && r.oid >= Oid::FIRST_NORMAL)
        {
            owner::give_relation(core, r.oid, to)?;
        }
        for t in view.catalog.types().filter(|t| t.owner == from) {
            owner::give_type(core, t, to)?;
        }
        for f in view.catalog.functions().filter(|f| f.owner == from) {
            owner::give_function(core, f, to)?;
        }
        for s in view.catalog.schemas().filter(|s| s.owner == from) {
            owner::give_schema(core, s, to)?;
        }
        for d in view.shared.databases().filter(|d| d.owner == from) {
            let mut changed = Database::clone(d);
            changed.owner = to;
            core.change(Change::Database(Arc::new(changed)), false)?;
        }
    }
    Ok(())
}

/// Grants without those to or by some roles; None when there were none of them.
fn without(acl: Option<&Vec<AclItem>>, roles: &[Oid]) -> Option<Vec<AclItem>> {
    let items = acl?;
    let kept: Vec<AclItem> = items.iter().filter(|i| !roles.contains(&i.grantee) && !roles.contains(&i.grantor)).cloned().collect();
    (kept.len() != items.len()).then_some(kept)
}

/// DROP OWNED: what the roles own goes, and so do the privileges they have.
pub fn drop_owned(core: &SessionCore, stmt: &DropOwnedStmt) -> Result<()> {
    let roles = stmt.roles.iter().map(|r| role_of(core, r)).collect::<Result<Vec<_>>>()?;
    for role in &roles {
        check(core, *role, "drop")?;
    }
    revoke_all(core, &roles)?;
    let view = core.view();
    let mine = |owner: Oid| roles.contains(&owner);
    let relations: Vec<Oid> = view
        .catalog
        .relations()
        .filter(|r| mine(r.owner) && r.kind != RelKind::Composite && r.sequence.as_ref().is_none_or(|s| s.owned_by.is_none()))
        .map(|r| r.oid)
        .collect();
    let types: Vec<Oid> = view.catalog.types().filter(|t| mine(t.owner)).map(|t| t.oid).collect();
    let functions: Vec<Oid> = view.catalog.functions().filter(|f| mine(f.owner)).map(|f| f.oid).collect();
    let schemas: Vec<Oid> = view.catalog.schemas().filter(|s| mine(s.owner)).map(|s| s.oid).collect();
    drop::drop_owned_objects(core, &relations, &types, &functions, &schemas, stmt.behavior)
}

fn revoke_all(core: &SessionCore, roles: &[Oid]) -> Result<()> {
    let view = core.view();
    for r in view.catalog.relations().filter(|r| !roles.contains(&r.owner)) {
        let whole = without(r.acl.as_ref(), roles);
        let columns: Vec<_> = r.columns.iter().map(|c| without(c.acl.as_ref(), roles)).collect();
        if whole.is_none() && columns.iter().all(Option::is_none) {
            continue;
        }
        let mut changed = Relation::clone(&*current(core, r.oid)?);
        if whole.is_some() {
            changed.acl = whole;
        }
        for (column, acl) in changed.columns.iter_mut().zip(columns) {
            if let Some(acl) = acl {
                column.acl = (!acl.is_empty()).then_some(acl);
            }
        }
        put(core, changed)?;
    }
    for s in view.catalog.schemas().filter(|s| !roles.contains(&s.owner)) {
        if let Some(acl) = without(s.acl.as_ref(), roles) {
            core.change(Change::Schema(Arc::new(Schema { acl: Some(acl), ..Schema::clone(s) })), false)?;
        }
    }
    for t in view.catalog.types().filter(|t| !roles.contains(&t.owner)) {
        if let Some(acl) = without(t.acl.as_ref(), roles) {
            core.change(Change::Type(Arc::new(UserType { acl: Some(acl), ..UserType::clone(t) })), false)?;
        }
    }
    for f in view.catalog.functions().filter(|f| !roles.contains(&f.owner)) {
        if let Some(acl) = without(f.acl.as_ref(), roles) {
            core.change(Change::Function(Arc::new(UserFunction { acl: Some(acl), ..UserFunction::clone(f) })), false)?;
        }
    }
    for d in view.shared.databases() {
        let acl = without(d.acl.as_ref(), roles).filter(|_| !roles.contains(&d.owner));
        let defaults: Vec<_> = d.default_acls.iter().filter(|x| !roles.contains(&x.role)).cloned().collect();
        if acl.is_some() || defaults.len() != d.default_acls.len() {
            let mut changed = Database::clone(d);
            changed.acl = acl.or(changed.acl);
            changed.default_acls = defaults;
            core.change(Change::Database(Arc::new(changed)), false)?;
        }
    }
    Ok(())
}
