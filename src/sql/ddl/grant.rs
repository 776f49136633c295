//! GRANT, REVOKE and ALTER DEFAULT PRIVILEGES (aclchk.c, acl.c).

use super::alter::{current, put};
use super::naming::find_relation;
use super::schema::role as role_of;
use super::{function, types};
use crate::err;
use crate::error::{Result, Severity, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{AclItem, Database, DefaultAcl, RelKind, Relation, Schema, UserFunction, UserType};
use crate::sql::parser::ast::{
    AlterDefaultPrivilegesStmt, DropBehavior, GrantStmt, GrantTarget, ObjectType, Privilege, RoleKind, RoleSpec,
};
use crate::sql::session::SessionCore;
use crate::sql::session::view::{denied, relation_word};
use crate::sql::types::Oid;
use smol_str::SmolStr;
use std::sync::Arc;

/// Names of privileges by bit.
const NAMES: [&str; 12] = [
    "insert",
    "select",
    "update",
    "delete",
    "truncate",
    "references",
    "trigger",
    "execute",
    "usage",
    "create",
    "temporary",
    "connect",
];

/// What a kind of object may have granted: all its privileges, those PUBLIC has by default, and what messages call it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    all: u32,
    public: u32,
    word: &'static str,
    plural: &'static str,
}

const TABLE: Kind = Kind { all: 0x7F, public: 0, word: "table", plural: "relation" };
const COLUMN: Kind = Kind { all: 0x27, public: 0, word: "column", plural: "column" };
const SEQUENCE: Kind = Kind { all: 0x106, public: 0, word: "sequence", plural: "sequence" };
const DATABASE: Kind = Kind { all: 0xE00, public: 0xC00, word: "database", plural: "database" };
const FUNCTION: Kind = Kind { all: 0x80, public: 0x80, word: "function", plural: "function" };
const SCHEMA: Kind = Kind { all: 0x300, public: 0, word: "schema", plural: "schema" };
const TYPE: Kind = Kind { all: 0x100, public: 0x100, word: "type", plural: "type" };

/// The grants an object has when none were ever made.
fn default_acl(kind: Kind, owner: Oid) -> Vec<AclItem> {
    let mut out = Vec::new();
    if kind.public != 0 {
        out.push(AclItem { grantee: Oid::INVALID, grantor: owner, bits: kind.public });
    }
    out.push(AclItem { grantee: owner, grantor: owner, bits: kind.all });
    out
}

/// One GRANT or REVOKE, its roles looked up.
struct Order {
    grant: bool,
    option: bool,
    grantees: Vec<Oid>,
    cascade: bool,
}

fn grantees(core: &SessionCore, specs: &[RoleSpec]) -> Result<Vec<Oid>> {
    let one = |spec: &RoleSpec| match spec.kind {
        RoleKind::Public => Ok(Oid::INVALID),
        _ => role_of(core, spec),
    };
    specs.iter().map(one).collect()
}

fn order(core: &SessionCore, stmt: &GrantStmt) -> Result<Order> {
    let grantees = grantees(core, &stmt.grantees)?;
    if stmt.is_grant && stmt.grant_option && grantees.contains(&Oid::INVALID) {
        return Err(err!(SqlState::INVALID_GRANT_OPERATION, "grant options can only be granted to roles"));
    }
    Ok(Order { grant: stmt.is_grant, option: stmt.grant_option, grantees, cascade: stmt.behavior == DropBehavior::Cascade })
}

/// The bits of a list of privileges; none means all. Errors: 42601, 0LP01.
fn bits(list: &[Privilege], kind: Kind) -> Result<u32> {
    let mut out = 0;
    for p in list {
        let Some(name) = &p.name else {
            out |= kind.all;
            continue;
        };
        let lower = if name == "temp" { "temporary" } else { name.as_str() };
        let Some(bit) = NAMES.iter().position(|n| *n == lower) else {
            return Err(err!(SqlState::SYNTAX_ERROR, "unrecognized privilege type \"{name}\""));
        };
        if kind.all & (1 << bit) == 0 {
            let message = format!("invalid privilege type {} for {}", lower.to_uppercase(), kind.plural);
            return Err(SqlError::new(SqlState::INVALID_GRANT_OPERATION, message));
        }
        out |= 1 << bit;
    }
    Ok(if list.is_empty() { kind.all } else { out })
}

/// Who grants (the owner, for whoever has its privileges) and which of the wanted privileges it may grant.
fn grantor(core: &SessionCore, owner: Oid, acl: &[AclItem], wanted: u32) -> (Oid, u32) {
    let view = core.view();
    if view.has_role_privileges(view.user, owner) {
        return (owner, wanted);
    }
    let mine = |i: &&AclItem| !i.grantee.is_valid() || view.has_role_privileges(view.user, i.grantee);
    let options = acl.iter().filter(mine).fold(0, |all, i| all | (i.bits >> 16));
    (view.user, wanted & options)
}

fn warn(core: &SessionCore, code: SqlState, message: String) {
    core.queue_notice(SqlError::new(code, message).severity(Severity::Warning));
}

/// Changes an object's grants. Errors: 42501, 2BP01.
fn apply(
    core: &SessionCore,
    o: &Order,
    acl: Option<&Vec<AclItem>>,
    owner: Oid,
    kind: Kind,
    wanted: u32,
    name: &str,
) -> Result<Vec<AclItem>> {
    let mut items = acl.cloned().unwrap_or_else(|| default_acl(kind, owner));
    let (from, may) = grantor(core, owner, &items, wanted);
    if may == 0 && wanted != 0 {
        let view = core.view();
        let any = items
            .iter()
            .any(|i| (!i.grantee.is_valid() || view.has_role_privileges(view.user, i.grantee)) && i.bits & 0xFFFF & kind.all != 0);
        if !any {
            return Err(denied(kind.word, name));
        }
    }
    match (o.grant, may == 0, may == wanted) {
        (_, _, true) => {}
        (true, true, _) => warn(core, SqlState::PRIVILEGE_NOT_GRANTED, format!("no privileges were granted for \"{name}\"")),
        (true, ..) => warn(core, SqlState::PRIVILEGE_NOT_GRANTED, format!("not all privileges were granted for \"{name}\"")),
        (false, true, _) => warn(core, SqlState::PRIVILEGE_NOT_REVOKED, format!("no privileges could be revoked for \"{name}\"")),
        (false, ..) => warn(core, SqlState::PRIVILEGE_NOT_REVOKED, format!("not all privileges could be revoked for \"{name}\"")),
    }
    for &to in &o.grantees {
        change(&mut items, o, from, to, may, owner)?;
    }
    items.retain(|i| i.bits != 0);
    Ok(items)
}

/// One grantee's part of a GRANT or REVOKE.
fn change(items: &mut Vec<AclItem>, o: &Order, from: Oid, to: Oid, bits: u32, owner: Oid) -> Result<()> {
    let at = items.iter().position(|i| i.grantee == to && i.grantor == from);
    if o.grant {
        let at = at.unwrap_or_else(|| {
            items.push(AclItem { grantee: to, grantor: from, bits: 0 });
            items.len() - 1
        });
        items[at].bits |= bits | if o.option { bits << 16 } else { 0 };
        return Ok(());
    }
    let Some(at) = at else { return Ok(()) };
    let before = items[at].bits;
    items[at].bits &= !(bits << 16);
    if !o.option {
        items[at].bits &= !bits;
    }
    let lost = (before & !items[at].bits) >> 16;
    if lost == 0 || to == owner {
        return Ok(());
    }
    // What the grantee granted on with an option it no longer has.
    let still = items.iter().filter(|i| i.grantee == to).fold(0, |all, i| all | (i.bits >> 16));
    let lost = lost & !still;
    let dependent: Vec<Oid> = items.iter().filter(|i| i.grantor == to && i.bits & lost != 0).map(|i| i.grantee).collect();
    if dependent.is_empty() {
        return Ok(());
    }
    if !o.cascade {
        return Err(
            err!(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, "dependent privileges exist").hint("Use CASCADE to revoke them too.")
        );
    }
    let plain = Order { grant: false, option: false, grantees: Vec::new(), cascade: true };
    dependent.into_iter().try_for_each(|next| change(items, &plain, to, next, lost, owner))
}

/// GRANT and REVOKE on objects.
pub fn execute(core: &SessionCore, stmt: &GrantStmt) -> Result<()> {
    if let Some(spec) = &stmt.grantor
        && role_of(core, spec)? != core.view().user
    {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "grantor must be current user"));
    }
    let o = order(core, stmt)?;
    match &stmt.target {
        GrantTarget::Relations { object_type, relations } => {
            for name in relations {
                let relation = find_relation(core, name)?;
                grant_relation(core, &o, &stmt.privileges, relation.oid, *object_type)?;
            }
        }
        GrantTarget::AllInSchema { object_type, schemas } => all_in_schema(core, &o, stmt, *object_type, schemas)?,
        GrantTarget::Routines { object_type, routines } => {
            for name in routines {
                let found =
                    function::find(core, name, *object_type)?.ok_or_else(|| function::undefined(core, name, *object_type))?;
                grant_function(core, &o, &stmt.privileges, &found)?;
            }
        }
        GrantTarget::Types { names, .. } => {
            for name in names {
                let ty = types::of_name(core, name)?;
                let wanted = bits(&stmt.privileges, TYPE)?;
                let mut changed = UserType::clone(&ty);
                changed.acl = Some(apply(core, &o, ty.acl.as_ref(), ty.owner, TYPE, wanted, &ty.name)?);
                core.change(Change::Type(Arc::new(changed)), false)?;
            }
        }
        GrantTarget::Names { object_type, names } => names.iter().try_for_each(|n| grant_named(core, &o, stmt, *object_type, n))?,
        GrantTarget::Defaults { .. } => return Err(SqlError::internal("default privileges outside ALTER DEFAULT PRIVILEGES")),
    }
    Ok(())
}

fn grant_named(core: &SessionCore, o: &Order, stmt: &GrantStmt, kind: ObjectType, name: &SmolStr) -> Result<()> {
    let view = core.view();
    match kind {
        ObjectType::Schema => {
            let schema = view.catalog.schema_named(name).cloned();
            let schema = schema.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"))?;
            let wanted = bits(&stmt.privileges, SCHEMA)?;
            let mut changed = Schema::clone(&schema);
            let acl = schema.acl.clone().or_else(|| initial_schema_acl(&schema));
            changed.acl = Some(apply(core, o, acl.as_ref(), schema.owner, SCHEMA, wanted, name)?);
            core.change(Change::Schema(Arc::new(changed)), false)
        }
        ObjectType::Database => {
            let database = view.shared.database_named(name).cloned();
            let database = database.ok_or_else(|| err!(SqlState::INVALID_CATALOG_NAME, "database \"{name}\" does not exist"))?;
            let wanted = bits(&stmt.privileges, DATABASE)?;
            let mut changed = Database::clone(&database);
            changed.acl = Some(apply(core, o, database.acl.as_ref(), database.owner, DATABASE, wanted, name)?);
            core.change(Change::Database(Arc::new(changed)), false)
        }
        other => {
            let verb = if stmt.is_grant { "GRANT" } else { "REVOKE" };
            Err(SqlError::unsupported(format!("{verb} ON {}", crate::sql::parser::object_words(other))))
        }
    }
}

/// Schemas of a new database have grants for PUBLIC.
fn initial_schema_acl(schema: &Schema) -> Option<Vec<AclItem>> {
    let public =
        matches!(schema.oid, crate::sql::catalog::schema_oid::PUBLIC | crate::sql::catalog::schema_oid::INFORMATION_SCHEMA);
    public.then(|| {
        let owner = AclItem { grantee: schema.owner, grantor: schema.owner, bits: SCHEMA.all };
        vec![owner, AclItem { grantee: Oid::INVALID, grantor: schema.owner, bits: 1 << 8 }]
    })
}

fn grant_function(core: &SessionCore, o: &Order, privileges: &[Privilege], f: &UserFunction) -> Result<()> {
    let wanted = bits(privileges, FUNCTION)?;
    let mut changed = UserFunction::clone(f);
    changed.acl = Some(apply(core, o, f.acl.as_ref(), f.owner, FUNCTION, wanted, &f.name)?);
    core.change(Change::Function(Arc::new(changed)), false)
}

fn all_in_schema(core: &SessionCore, o: &Order, stmt: &GrantStmt, kind: ObjectType, schemas: &[SmolStr]) -> Result<()> {
    let view = core.view();
    for name in schemas {
        let schema = view.catalog.schema_named(name);
        let schema = schema.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"))?.oid;
        match kind {
            ObjectType::Table | ObjectType::Sequence => {
                let fits = |r: &Relation| match r.kind {
                    RelKind::Sequence => kind == ObjectType::Sequence,
                    RelKind::Table | RelKind::View | RelKind::MatView => kind == ObjectType::Table,
                    _ => false,
                };
                for r in view.catalog.relations().filter(|r| r.schema == schema && fits(r)) {
                    grant_relation(core, o, &stmt.privileges, r.oid, kind)?;
                }
            }
            _ => {
                let fits = |f: &UserFunction| match kind {
                    ObjectType::Function => f.kind != 'p',
                    ObjectType::Procedure => f.kind == 'p',
                    _ => true,
                };
                for f in view.catalog.functions().filter(|f| f.schema == schema && fits(f)) {
                    grant_function(core, o, &stmt.privileges, f)?;
                }
            }
        }
    }
    Ok(())
}

fn grant_relation(core: &SessionCore, o: &Order, privileges: &[Privilege], oid: Oid, asked: ObjectType) -> Result<()> {
    let relation = current(core, oid)?;
    if relation.kind == RelKind::Composite {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is a composite type", relation.name));
    }
    if asked == ObjectType::Sequence && relation.kind != RelKind::Sequence {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a sequence", relation.name));
    }
    if relation.oid < Oid::FIRST_NORMAL {
        return Err(SqlError::unsupported("GRANT on system catalogs"));
    }
    let sequence = relation.kind == RelKind::Sequence;
    let base = if sequence { SEQUENCE } else { TABLE };
    let kind = Kind { word: relation_word(&relation), ..base };
    let mut changed = Relation::clone(&relation);
    let whole: Vec<Privilege> = privileges.iter().filter(|p| p.columns.is_empty()).cloned().collect();
    if privileges.is_empty() || !whole.is_empty() {
        // Sequences take the privileges tables have that mean something for them.
        let wanted = if sequence && asked == ObjectType::Table {
            bits(&whole, Kind { all: 0x7F | 0x100, ..TABLE })? & SEQUENCE.all
        } else {
            bits(&whole, kind)?
        };
        changed.acl = Some(apply(core, o, relation.acl.as_ref(), relation.owner, kind, wanted, &relation.name)?);
        if !o.grant {
            for c in changed.columns.iter_mut().filter(|c| c.acl.is_some()) {
                let kept = apply(core, o, c.acl.as_ref(), relation.owner, COLUMN, wanted & COLUMN.all, &relation.name)?;
                c.acl = (!kept.is_empty()).then_some(kept);
            }
        }
    }
    for p in privileges.iter().filter(|p| !p.columns.is_empty()) {
        if sequence {
            return Err(err!(
                SqlState::INVALID_GRANT_OPERATION,
                "sequence \"{}\" only supports USAGE, SELECT, and UPDATE privileges",
                relation.name
            ));
        }
        let wanted = bits(std::slice::from_ref(p), COLUMN)?;
        for name in &p.columns {
            let position = relation.column(name).ok_or_else(|| {
                err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", relation.name)
            })?;
            let before = changed.columns[position].acl.clone().unwrap_or_default();
            let kept = apply(core, o, Some(&before), relation.owner, Kind { word: kind.word, ..COLUMN }, wanted, &relation.name)?;
            changed.columns[position].acl = (!kept.is_empty()).then_some(kept);
        }
    }
    put(core, changed).map(|_| ())
}

/// The letter of pg_default_acl and the kind of an object type.
fn default_kind(object: ObjectType) -> Result<(char, Kind)> {
    Ok(match object {
        ObjectType::Table => ('r', TABLE),
        ObjectType::Sequence => ('S', SEQUENCE),
        ObjectType::Function | ObjectType::Routine | ObjectType::Procedure => ('f', FUNCTION),
        ObjectType::Type | ObjectType::Domain => ('T', TYPE),
        ObjectType::Schema => ('n', SCHEMA),
        _ => return Err(SqlError::internal("no such default privileges")),
    })
}

/// ALTER DEFAULT PRIVILEGES
pub fn alter_default(core: &SessionCore, stmt: &AlterDefaultPrivilegesStmt) -> Result<()> {
    let GrantTarget::Defaults { object_type } = &stmt.action.target else {
        return Err(SqlError::internal("ALTER DEFAULT PRIVILEGES without a kind of object"));
    };
    let (letter, kind) = default_kind(*object_type)?;
    let view = core.view();
    let o = order(core, &stmt.action)?;
    let wanted = bits(&stmt.action.privileges, kind)?;
    let roles = match stmt.roles.as_slice() {
        [] => vec![view.user],
        list => list.iter().map(|r| role_of(core, r)).collect::<Result<Vec<_>>>()?,
    };
    let mut schemas = Vec::new();
    for name in &stmt.schemas {
        let schema = view.catalog.schema_named(name);
        schemas.push(schema.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"))?.oid);
    }
    if !schemas.is_empty() && letter == 'n' {
        return Err(err!(SqlState::INVALID_GRANT_OPERATION, "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS"));
    }
    if schemas.is_empty() {
        schemas.push(Oid::INVALID);
    }
    let database = view.shared.database(view.database.0).cloned().ok_or_else(|| SqlError::internal("database vanished"))?;
    let mut changed = Database::clone(&database);
    for &role in &roles {
        if !view.is_member(view.user, role) {
            return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be member of role \"{}\"", view.role_name(role)));
        }
        for &schema in &schemas {
            let at = changed.default_acls.iter().position(|d| d.role == role && d.schema == schema && d.kind == letter);
            let start = match at {
                Some(i) => changed.default_acls.remove(i).acl,
                None if schema.is_valid() => Vec::new(),
                None => default_acl(kind, role),
            };
            let mut acl = start;
            for &to in &o.grantees {
                change(&mut acl, &o, role, to, wanted, role)?;
            }
            acl.retain(|i| i.bits != 0);
            let plain = if schema.is_valid() { Vec::new() } else { default_acl(kind, role) };
            if acl != plain {
                changed.default_acls.push(DefaultAcl { role, schema, kind: letter, acl });
            }
        }
    }
    core.change(Change::Database(Arc::new(changed)), false)
}

/// The grants a new object of the user's gets from ALTER DEFAULT PRIVILEGES; None for the usual ones.
pub fn initial_acl(core: &SessionCore, letter: char, schema: Oid) -> Option<Vec<AclItem>> {
    let view = core.view();
    let database = view.shared.database(view.database.0)?;
    let found = |schema: Oid| database.default_acls.iter().find(|d| d.role == view.user && d.schema == schema && d.kind == letter);
    let (global, local) = (found(Oid::INVALID), found(schema));
    if global.is_none() && local.is_none() {
        return None;
    }
    let kind = match letter {
        'r' => TABLE,
        'S' => SEQUENCE,
        'f' => FUNCTION,
        'T' => TYPE,
        _ => SCHEMA,
    };
    let mut acl = global.map_or_else(|| default_acl(kind, view.user), |d| d.acl.clone());
    for item in local.iter().flat_map(|d| &d.acl) {
        match acl.iter_mut().find(|i| i.grantee == item.grantee && i.grantor == item.grantor) {
            Some(known) => known.bits |= item.bits,
            None => acl.push(item.clone()),
        }
    }
    Some(acl)
}
