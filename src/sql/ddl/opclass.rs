//! Operator classes of index keys: the one named, or the access method's default for the type (GetDefaultOpClass).

use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::session::SessionCore;
use crate::sql::system::{OperatorClass, access_method, operator_classes_of};
use crate::sql::types::io::{TypeKind, type_info};
use crate::sql::types::{Oid, Type, typename};

/// Types an operator class for which also serves `ty`, best first: itself, what it is binary coercible to, its kind's pseudo-type.
fn accepted(core: &SessionCore, ty: Oid) -> Vec<Oid> {
    let view = core.view();
    let base = typename::base_type(&*view, ty);
    let mut out = vec![base];
    match base {
        Oid::VARCHAR => out.push(Oid::TEXT),
        Oid::CIDR => out.push(Oid::INET),
        _ => {}
    }
    if let Ok(info) = type_info(&*view, base) {
        out.extend(match info.kind {
            TypeKind::Array(_) => Some(Oid::ANYARRAY),
            TypeKind::Enum => Some(Oid::ANYENUM),
            TypeKind::Range { .. } => Some(Oid::ANYRANGE),
            TypeKind::Multirange { .. } => Some(Oid::ANYMULTIRANGE),
            TypeKind::Composite(_) => Some(Oid::RECORD),
            _ => None,
        });
    }
    out
}

/// Checks that keys of a type can be indexed by a method. Errors: 42704 without an operator class, 42804 for one of other types.
pub fn check(core: &SessionCore, method: &str, ty: Type, named: Option<&str>) -> Result<()> {
    let am = access_method(method);
    let accepted = accepted(core, ty.oid);
    let shown = || typename::format_type_be(&*core.view(), ty.oid);
    let fits = |c: &OperatorClass| accepted.contains(&c.input);
    if let Some(name) = named {
        let mut known = operator_classes_of(am).filter(|c| c.name == name).peekable();
        if known.peek().is_none() {
            let message = format!("operator class \"{name}\" does not exist for access method \"{method}\"");
            return Err(SqlError::new(SqlState::UNDEFINED_OBJECT, message));
        }
        return if known.any(|c| fits(&c)) {
            Ok(())
        } else {
            Err(err!(SqlState::DATATYPE_MISMATCH, "operator class \"{name}\" does not accept data type {}", shown()))
        };
    }
    if operator_classes_of(am).any(|c| c.default && fits(&c)) {
        return Ok(());
    }
    let message = format!("data type {} has no default operator class for access method \"{method}\"", shown());
    Err(SqlError::new(SqlState::UNDEFINED_OBJECT, message)
        .hint("You must specify an operator class for the index or define a default operator class for the data type."))
}
