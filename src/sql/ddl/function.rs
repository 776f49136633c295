//! Routines named by a statement.

use super::notice;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::UserFunction;
use crate::sql::expr::registry::registry;
use crate::sql::parser::ast::{DropStmt, ObjectType, ObjectWithArgs};
use crate::sql::session::SessionCore;
use crate::sql::types::{Oid, typename};
use std::sync::Arc;

/// What messages call a routine of a kind.
fn word(kind: ObjectType) -> &'static str {
    match kind {
        ObjectType::Procedure => "procedure",
        ObjectType::Routine => "routine",
        ObjectType::Aggregate => "aggregate",
        _ => "function",
    }
}

/// A routine with its argument types as messages show it.
fn signature(core: &SessionCore, name: &ObjectWithArgs, args: Option<&[Oid]>) -> String {
    let view = core.view();
    let types: Vec<String> = args.unwrap_or_default().iter().map(|a| typename::format_type_be(&*view, *a)).collect();
    format!("{}({})", name.name, types.join(","))
}

/// Finds a user routine, None when there is none. Errors: 42725 when a bare name is not unique, 42809 for another kind.
pub fn find(core: &SessionCore, name: &ObjectWithArgs, kind: ObjectType) -> Result<Option<Arc<UserFunction>>> {
    let view = core.view();
    let schemas: Vec<Oid> = match name.name.schema() {
        Some(s) => view.schema_oid(s).into_iter().collect(),
        None => view.search_path().to_vec(),
    };
    let fits = |f: &UserFunction| match kind {
        ObjectType::Function => f.kind != 'p',
        ObjectType::Procedure => f.kind == 'p',
        _ => true,
    };
    let named: Vec<Arc<UserFunction>> = schemas.iter().flat_map(|s| view.functions_in(*s, name.name.last())).collect();
    let Some(args) = &name.args else {
        let fitting: Vec<_> = named.iter().filter(|f| fits(f)).collect();
        return match fitting.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(Arc::clone(one))),
            _ => {
                let (what, name) = (word(kind), &name.name);
                let e = err!(SqlState::AMBIGUOUS_FUNCTION, "{what} name \"{name}\" is not unique");
                Err(e.hint(format!("Specify the argument list to select the {what} unambiguously.")))
            }
        };
    };
    let types = args.iter().map(|a| core.resolve_type(a).map(|t| t.oid)).collect::<Result<Vec<Oid>>>()?;
    match named.iter().find(|f| f.arg_types == types) {
        Some(f) if fits(f) => Ok(Some(Arc::clone(f))),
        Some(_) => {
            let article = word(kind);
            Err(err!(SqlState::WRONG_OBJECT_TYPE, "{} is not a {article}", signature(core, name, Some(&types))))
        }
        None => Ok(None),
    }
}

/// 42883 for a routine that is not there.
pub fn undefined(core: &SessionCore, name: &ObjectWithArgs, kind: ObjectType) -> crate::error::SqlError {
    let what = word(kind);
    match &name.args {
        None => err!(SqlState::UNDEFINED_FUNCTION, "could not find a {what} named \"{}\"", name.name),
        Some(args) => {
            let types: Vec<Oid> = args.iter().filter_map(|a| core.resolve_type(a).ok().map(|t| t.oid)).collect();
            err!(SqlState::UNDEFINED_FUNCTION, "{what} {} does not exist", signature(core, name, Some(&types)))
        }
    }
}

/// The routine a DROP names; None when it is missing and IF EXISTS was said.
pub fn drop_target(core: &SessionCore, name: &ObjectWithArgs, stmt: &DropStmt) -> Result<Option<Oid>> {
    let kind = stmt.object_type;
    if let Some(f) = find(core, name, kind)? {
        let view = core.view();
        if !view.has_role_privileges(view.user, f.owner) {
            return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of {} {}", word(kind), f.name));
        }
        return Ok(Some(f.oid));
    }
    if !stmt.if_exists {
        let builtin = name.name.schema().is_none_or(|s| s == "pg_catalog") && name.args.is_some();
        if builtin && registry().functions_named(name.name.last()).next().is_some() {
            let args = name.args.iter().flatten().filter_map(|a| core.resolve_type(a).ok().map(|t| t.oid)).collect::<Vec<_>>();
            if registry().functions_named(name.name.last()).any(|f| f.args == args) {
                let shown = signature(core, name, Some(&args));
                let message = format!("cannot drop function {shown} because it is required by the database system");
                return Err(crate::error::SqlError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message));
            }
        }
        return Err(undefined(core, name, kind));
    }
    let types: Vec<Oid> = name.args.iter().flatten().filter_map(|a| core.resolve_type(a).ok().map(|t| t.oid)).collect();
    let shown = signature(core, name, Some(&types));
    notice(core, SqlState::SUCCESSFUL_COMPLETION, format!("{} {shown} does not exist, skipping", word(kind)));
    Ok(None)
}
