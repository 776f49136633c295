//! Roles: CREATE, ALTER, DROP ROLE, membership (user.c).

use super::notice;
use super::schema::role as role_of;
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{AclItem, Role};
use crate::sql::parser::ast::{
    AlterRoleStmt, CreateRoleStmt, DefElem, DefValue, DropRoleStmt, GrantRoleStmt, RoleKind, RoleSpec, RoleStmtKind,
};
use crate::sql::session::SessionCore;
use crate::sql::session::view::relation_word;
use crate::sql::types::{Datum, Oid, Type, io};
use crate::txn::{TableMode, Tag, WaitPolicy};
use crate::wire::scram::Verifier;
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Takes the lock that keeps two sessions from changing roles at once.
fn lock(core: &SessionCore) -> Result<()> {
    core.txn()?.lock(Tag::name(1260, ""), TableMode::Exclusive, WaitPolicy::Block)?;
    core.refresh_view()
}

fn denied(message: &str) -> SqlError {
    SqlError::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

fn user(core: &SessionCore) -> Option<Arc<Role>> {
    let view = core.view();
    view.shared.role(view.user).cloned()
}

/// The role as it is now.
fn role(core: &SessionCore, oid: Oid) -> Result<Arc<Role>> {
    core.view().shared.role(oid).cloned().ok_or_else(|| SqlError::internal("role vanished"))
}

fn put(core: &SessionCore, role: Role) -> Result<()> {
    core.change(Change::Role(Arc::new(role)), false)
}

fn boolean(o: &DefElem) -> bool {
    !matches!(o.value, Some(DefValue::Boolean(false)))
}

fn text(o: &DefElem) -> Option<&SmolStr> {
    match &o.value {
        Some(DefValue::String(s)) => Some(s),
        _ => None,
    }
}

fn specs(o: &DefElem) -> &[RoleSpec] {
    match &o.value {
        Some(DefValue::Roles(list)) => list,
        _ => &[],
    }
}

/// The stored form of a password: what already is a verifier is kept.
fn verifier(password: &str) -> String {
    match Verifier::parse(password) {
        Some(_) => password.to_owned(),
        None => Verifier::new(password).to_string(),
    }
}

/// Applies attribute options to a role; membership options are left to the caller.
fn apply(core: &SessionCore, role: &mut Role, options: &[DefElem]) -> Result<()> {
    let mut seen: Vec<&str> = Vec::new();
    for o in options {
        if seen.contains(&o.name.as_str()) {
            return Err(err!(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(o.pos));
        }
        seen.push(&o.name);
        match o.name.as_str() {
            "password" => {
                role.password = match text(o) {
                    Some(p) if p.is_empty() => {
                        notice(
                            core,
                            SqlState::SUCCESSFUL_COMPLETION,
                            "empty string is not a valid password, clearing password".into(),
                        );
                        None
                    }
                    Some(p) => Some(verifier(p)),
                    None => None,
                }
            }
            "superuser" => role.superuser = boolean(o),
            "inherit" => role.inherit = boolean(o),
            "createrole" => role.create_role = boolean(o),
            "createdb" => role.create_db = boolean(o),
            "canlogin" => role.login = boolean(o),
            "isreplication" => role.replication = boolean(o),
            "bypassrls" => role.bypass_rls = boolean(o),
            "connectionlimit" => {
                if let Some(DefValue::Integer(n)) = o.value {
                    if n < -1 {
                        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "invalid connection limit: {n}"));
                    }
                    role.connection_limit = n;
                }
            }
            "validUntil" => {
                let view = core.view();
                let settings = core.io();
                let cx = settings.context(core.transaction_start.load(Ordering::Relaxed), &*view);
                role.valid_until = match io::input(&cx, text(o).map_or("", |t| t.as_str()), Type::new(Oid::TIMESTAMPTZ))? {
                    Datum::TimestampTz(at) => Some(at),
                    _ => None,
                };
            }
            "sysid" => notice(core, SqlState::SUCCESSFUL_COMPLETION, "SYSID can no longer be specified".into()),
            "addroleto" | "rolemembers" | "adminmembers" => {}
            other => return Err(SqlError::unsupported(format!("role option \"{other}\""))),
        }
    }
    Ok(())
}

/// CREATE ROLE, USER, GROUP
pub fn create(core: &SessionCore, stmt: &CreateRoleStmt) -> Result<()> {
    lock(core)?;
    let name = &stmt.name;
    let mut made = Role {
        oid: core.server.catalogs.oids.allocate()?,
        name: name.clone(),
        superuser: false,
        inherit: true,
        create_role: false,
        create_db: false,
        login: stmt.kind == RoleStmtKind::User,
        replication: false,
        bypass_rls: false,
        connection_limit: -1,
        password: None,
        valid_until: None,
        member_of: Vec::new(),
        settings: Vec::new(),
    };
    apply(core, &mut made, &stmt.options)?;
    let me = user(core);
    if !me.as_ref().is_some_and(|u| u.superuser) {
        if made.superuser {
            return Err(denied("must be superuser to create superusers"));
        }
        if made.replication {
            return Err(denied("must be superuser to create replication users"));
        }
        if made.bypass_rls {
            return Err(denied("must be superuser to create bypassrls users"));
        }
        if !me.is_some_and(|u| u.create_role) {
            return Err(denied("permission denied to create role"));
        }
    }
    if name.starts_with("pg_") {
        return Err(err!(SqlState::RESERVED_NAME, "role name \"{name}\" is reserved")
            .detail("Role names starting with \"pg_\" are reserved."));
    }
    if core.view().shared.role_named(name).is_some() {
        return Err(err!(SqlState::DUPLICATE_OBJECT, "role \"{name}\" already exists"));
    }
    let oid = made.oid;
    put(core, made)?;
    let grantor = core.view().user;
    for o in &stmt.options {
        for spec in specs(o) {
            let other = role_of(core, spec)?;
            match o.name.as_str() {
                "addroleto" => add_member(core, other, oid, false, grantor)?,
                "rolemembers" => add_member(core, oid, other, false, grantor)?,
                "adminmembers" => add_member(core, oid, other, true, grantor)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// ALTER ROLE and ALTER GROUP
pub fn alter(core: &SessionCore, stmt: &AlterRoleStmt) -> Result<()> {
    lock(core)?;
    let oid = role_of(core, &stmt.role)?;
    let old = role(core, oid)?;
    let me = user(core);
    let superuser = me.as_ref().is_some_and(|u| u.superuser);
    let touches = |name: &str| stmt.options.iter().any(|o| o.name == name);
    if !superuser {
        if old.superuser || touches("superuser") {
            return Err(denied("must be superuser to alter superuser roles or change superuser attribute"));
        }
        if old.replication || touches("isreplication") {
            return Err(denied("must be superuser to alter replication roles or change replication attribute"));
        }
        if touches("bypassrls") {
            return Err(denied("must be superuser to change bypassrls attribute"));
        }
        let own_password = stmt.options.iter().all(|o| o.name == "password") && me.as_ref().is_some_and(|u| u.oid == oid);
        if !own_password && !me.is_some_and(|u| u.create_role) {
            return Err(denied("permission denied"));
        }
    }
    if let Some(add) = stmt.group_action {
        let grantor = core.view().user;
        for spec in stmt.options.iter().flat_map(specs) {
            let member = role_of(core, spec)?;
            if add { add_member(core, oid, member, false, grantor)? } else { remove_member(core, oid, member, false)? }
        }
        return Ok(());
    }
    let mut changed = Role::clone(&old);
    apply(core, &mut changed, &stmt.options)?;
    put(core, changed)
}

fn add_member(core: &SessionCore, group: Oid, member: Oid, admin: bool, grantor: Oid) -> Result<()> {
    let view = core.view();
    let (group_name, member_name) = (view.role_name(group), view.role_name(member));
    let reaches = |from: Oid, to: Oid| {
        let mut open = vec![from];
        let mut seen = Vec::new();
        while let Some(r) = open.pop() {
            if r == to {
                return true;
            }
            if !seen.contains(&r) {
                seen.push(r);
                open.extend(view.shared.role(r).iter().flat_map(|r| r.member_of.iter().map(|m| m.0)));
            }
        }
        false
    };
    if reaches(group, member) {
        let message = format!("role \"{group_name}\" is a member of role \"{member_name}\"");
        return Err(SqlError::new(SqlState::INVALID_GRANT_OPERATION, message));
    }
    let mut changed = Role::clone(&*role(core, member)?);
    if let Some(known) = changed.member_of.iter_mut().find(|m| m.0 == group) {
        if !admin || known.1 {
            let message = format!("role \"{member_name}\" is already a member of role \"{group_name}\"");
            notice(core, SqlState::SUCCESSFUL_COMPLETION, message);
            return Ok(());
        }
        (known.1, known.2) = (true, grantor);
    } else {
        changed.member_of.push((group, admin, grantor));
    }
    put(core, changed)
}

fn remove_member(core: &SessionCore, group: Oid, member: Oid, admin_only: bool) -> Result<()> {
    let mut changed = Role::clone(&*role(core, member)?);
    let Some(at) = changed.member_of.iter().position(|m| m.0 == group) else {
        let view = core.view();
        let message = format!("role \"{}\" is not a member of role \"{}\"", view.role_name(member), view.role_name(group));
        core.queue_notice(SqlError::new(SqlState::WARNING, message).severity(Severity::Warning));
        return Ok(());
    };
    if admin_only {
        changed.member_of[at].1 = false;
    } else {
        changed.member_of.remove(at);
    }
    put(core, changed)
}

/// GRANT and REVOKE of roles.
pub fn grant(core: &SessionCore, stmt: &GrantRoleStmt) -> Result<()> {
    lock(core)?;
    let view = core.view();
    let grantor = match &stmt.grantor {
        Some(spec) => role_of(core, spec)?,
        None => view.user,
    };
    let members = stmt.grantees.iter().map(|s| role_of(core, s)).collect::<Result<Vec<_>>>()?;
    for privilege in &stmt.roles {
        let Some(name) = &privilege.name else { continue };
        if !privilege.columns.is_empty() {
            return Err(err!(SqlState::INVALID_GRANT_OPERATION, "column names cannot be included in GRANT/REVOKE ROLE"));
        }
        let group = view.shared.role_named(name).cloned();
        let group = group.ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "role \"{name}\" does not exist"))?;
        check_admin(core, &group)?;
        for &member in &members {
            if stmt.is_grant {
                add_member(core, group.oid, member, stmt.admin_option, grantor)?;
            } else {
                remove_member(core, group.oid, member, stmt.admin_option)?;
            }
        }
    }
    Ok(())
}

/// 42501 unless the user may decide who is a member of a role.
fn check_admin(core: &SessionCore, group: &Role) -> Result<()> {
    let me = user(core);
    if me.as_ref().is_some_and(|u| u.superuser) {
        return Ok(());
    }
    if group.superuser {
        return Err(denied("must be superuser to alter superusers"));
    }
    let admin = me.is_some_and(|u| u.create_role || u.member_of.iter().any(|m| m.0 == group.oid && m.1));
    if admin { Ok(()) } else { Err(denied(&format!("must have admin option on role \"{}\"", group.name))) }
}

/// DROP ROLE
pub fn drop(core: &SessionCore, stmt: &DropRoleStmt) -> Result<()> {
    lock(core)?;
    let me = user(core);
    if !me.as_ref().is_some_and(|u| u.superuser || u.create_role) {
        return Err(denied("permission denied to drop role"));
    }
    let mut gone = Vec::new();
    for spec in &stmt.roles {
        let RoleKind::Named(name) = &spec.kind else {
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "cannot use special role specifier in DROP ROLE"));
        };
        let Some(found) = core.view().shared.role_named(name).cloned() else {
            if stmt.if_exists {
                notice(core, SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist, skipping"));
                continue;
            }
            return Err(err!(SqlState::UNDEFINED_OBJECT, "role \"{name}\" does not exist"));
        };
        let users = core.users.read().clone();
        if found.oid == users.current {
            return Err(err!(SqlState::OBJECT_IN_USE, "current user cannot be dropped"));
        }
        if found.oid == users.session {
            return Err(err!(SqlState::OBJECT_IN_USE, "session user cannot be dropped"));
        }
        if found.superuser && !me.as_ref().is_some_and(|u| u.superuser) {
            return Err(denied("must be superuser to drop superusers"));
        }
        gone.push(found);
    }
    for found in &gone {
        let needed = dependents(core, found.oid);
        if !needed.is_empty() {
            let message = format!("role \"{}\" cannot be dropped because some objects depend on it", found.name);
            return Err(SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message).detail(needed.join("\n")));
        }
    }
    for found in gone {
        let members: Vec<Arc<Role>> =
            core.view().shared.roles().filter(|r| r.member_of.iter().any(|m| m.0 == found.oid)).cloned().collect();
        for member in members {
            let mut changed = Role::clone(&member);
            changed.member_of.retain(|m| m.0 != found.oid);
            put(core, changed)?;
        }
        core.change(Change::DropRole(found.oid), false)?;
    }
    Ok(())
}

/// What a role owns or has privileges on, as messages name it.
fn dependents(core: &SessionCore, role: Oid) -> Vec<String> {
    let view = core.view();
    let named = |acl: Option<&Vec<AclItem>>| acl.into_iter().flatten().any(|i| i.grantee == role || i.grantor == role);
    let mut out = Vec::new();
    let mut add = |owner: Oid, acl: bool, what: String| {
        if owner == role {
            out.push(format!("owner of {what}"));
        } else if acl {
            out.push(format!("privileges for {what}"));
        }
    };
    for d in view.shared.databases() {
        add(d.owner, named(d.acl.as_ref()), format!("database {}", d.name));
    }
    for s in view.catalog.schemas() {
        add(s.owner, named(s.acl.as_ref()), format!("schema {}", s.name));
    }
    for r in view
        .catalog
        .relations()
        .filter(|r| r.oid >= Oid::FIRST_NORMAL && r.kind != crate::sql::catalog::objects::RelKind::Composite)
    {
        let name = view.class_name(r.oid).unwrap_or_default();
        let columns = r.columns.iter().any(|c| named(c.acl.as_ref()));
        let owned = r.sequence.as_ref().is_some_and(|s| s.owned_by.is_some()) && r.owner == role;
        if !owned {
            add(r.owner, named(r.acl.as_ref()) || columns, format!("{} {name}", relation_word(r)));
        }
    }
    for t in view.catalog.types().filter(|t| t.oid >= Oid::FIRST_NORMAL) {
        add(t.owner, named(t.acl.as_ref()), format!("type {}", crate::sql::types::typename::format_type_be(&*view, t.oid)));
    }
    for f in view.catalog.functions() {
        use crate::sql::types::io::TypeLookup;
        add(f.owner, named(f.acl.as_ref()), format!("function {}", view.reg_out(Oid::REGPROCEDURE, f.oid).unwrap_or_default()));
    }
    out
}
