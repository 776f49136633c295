//! User types: enums, composites, ranges, shells; ALTER TYPE.

use super::create_table::column_shape;
use super::naming::target_schema;
use super::notice;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{EnumLabel, RelKind, Relation, UserFunction, UserType, UserTypeKind};
use crate::sql::catalog::snapshot::TypeEntry;
use crate::sql::parser::ast::{
    self, AlterEnumStmt, ColumnDef, CreateTypeKind, CreateTypeStmt, DefElem, DefValue, ObjectRef, QualName, TypeName,
};
use crate::sql::session::SessionCore;
use crate::sql::types::{Oid, Type, typename};
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;
use std::sync::Arc;

/// The user type a type name stands for. Errors: 42704, 42501 for built-in ones.
pub fn named_type(core: &SessionCore, name: &TypeName) -> Result<Arc<UserType>> {
    let ty = core.resolve_type(name)?;
    let view = core.view();
    match view.catalog.type_entry(ty.oid) {
        Some(TypeEntry::User(t)) if t.oid >= Oid::FIRST_NORMAL => Ok(t),
        Some(TypeEntry::Row(r)) => {
            let e = err!(SqlState::WRONG_OBJECT_TYPE, "{} is a table's row type", r.name);
            Err(e.hint("Use ALTER TABLE instead."))
        }
        Some(TypeEntry::Array(t)) => {
            let shown = typename::format_type_be(&*view, t.oid);
            let e = err!(SqlState::WRONG_OBJECT_TYPE, "cannot alter array type {}", typename::format_type_be(&*view, ty.oid));
            Err(e.hint(format!("You can alter type {shown}, which will alter the array type as well.")))
        }
        _ => {
            let shown = typename::format_type_be(&*view, ty.oid);
            Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of type {shown}"))
        }
    }
}

/// A qualified name as a type name.
fn type_name(name: &QualName) -> TypeName {
    TypeName::new(name.parts.clone(), name.pos)
}

/// The user type of a qualified name.
pub fn of_name(core: &SessionCore, name: &QualName) -> Result<Arc<UserType>> {
    named_type(core, &type_name(name)).map_err(|mut e| {
        e.fields_mut().position = None;
        e
    })
}

/// The user type an object reference names.
pub fn from_object(core: &SessionCore, object: &ObjectRef) -> Result<Arc<UserType>> {
    match object {
        ObjectRef::Type(name) | ObjectRef::DomainConstraint { domain: name, .. } => named_type(core, name),
        ObjectRef::Name(name) => of_name(core, name),
        ObjectRef::Relation(r) => {
            let parts = r.schema.iter().cloned().chain(std::iter::once(r.name.clone())).collect();
            named_type(core, &TypeName::new(parts, r.pos))
        }
        _ => Err(SqlError::internal("not the name of a type")),
    }
}

/// 42501 unless the user owns the type.
pub fn check_type_owner(core: &SessionCore, ty: &UserType) -> Result<()> {
    let view = core.view();
    if view.has_role_privileges(view.user, ty.owner) {
        return Ok(());
    }
    Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of type {}", typename::format_type_be(&*view, ty.oid)))
}

/// Takes a type's name in a schema. Errors: 42710.
pub fn claim_type_name(core: &SessionCore, schema: Oid, name: &str) -> Result<()> {
    core.txn()?.lock(Tag::name(schema.0, name), TableMode::Exclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    if core.view().catalog.type_named(schema, name).is_some() {
        return Err(err!(SqlState::DUPLICATE_OBJECT, "type \"{name}\" already exists"));
    }
    Ok(())
}

/// A user type of a kind, its OIDs allocated.
pub fn new_type(core: &SessionCore, schema: Oid, name: SmolStr, kind: UserTypeKind) -> Result<UserType> {
    let oids = &core.server.catalogs.oids;
    Ok(UserType {
        oid: oids.allocate()?,
        array_oid: oids.allocate()?,
        schema,
        name,
        owner: core.view().user,
        kind,
        acl: super::grant::initial_acl(core, 'T', schema),
    })
}

/// CREATE TYPE
pub fn create(core: &SessionCore, stmt: &CreateTypeStmt) -> Result<()> {
    if matches!(stmt.kind, CreateTypeKind::Base(_)) {
        return Err(SqlError::unsupported("CREATE TYPE of a base type"));
    }
    let schema = target_schema(core, stmt.name.schema(), ast::Persistence::Permanent)?;
    let name = stmt.name.last().clone();
    if let CreateTypeKind::Composite(columns) = &stmt.kind {
        return composite(core, schema, name, columns);
    }
    let shell = core.view().catalog.type_named(schema, &name).and_then(|oid| core.view().catalog.user_type(oid).cloned());
    let shell = shell.filter(|t| matches!(t.kind, UserTypeKind::Shell));
    if let Some(shell) = &shell {
        core.change(Change::DropType(shell.oid), false)?;
    }
    claim_type_name(core, schema, &name)?;
    let kind = match &stmt.kind {
        CreateTypeKind::Enum(labels) => UserTypeKind::Enum(enum_labels(core, labels)?),
        CreateTypeKind::Range(options) => range(core, schema, &name, options)?,
        _ => UserTypeKind::Shell,
    };
    let ty = Arc::new(new_type(core, schema, name, kind)?);
    core.change(Change::Type(Arc::clone(&ty)), false)?;
    range_functions(core, &ty)
}

/// The constructors a range type brings: `name(lower, upper [, bounds])` and its multirange's.
fn range_functions(core: &SessionCore, ty: &UserType) -> Result<()> {
    let UserTypeKind::Range { subtype, multirange, multirange_name, .. } = &ty.kind else { return Ok(()) };
    let array = ty.array_oid;
    let element = subtype.oid;
    let list: [(&SmolStr, &str, &[Oid], Oid); 5] = [
        (&ty.name, "range_constructor2", &[element, element], ty.oid),
        (&ty.name, "range_constructor3", &[element, element, Oid::TEXT], ty.oid),
        (multirange_name, "multirange_constructor0", &[], *multirange),
        (multirange_name, "multirange_constructor1", &[ty.oid], *multirange),
        (multirange_name, "multirange_constructor2", &[array], *multirange),
    ];
    for (name, symbol, args, returns) in list {
        let variadic = symbol == "multirange_constructor2";
        let mode = |i: usize| if variadic && i == 0 { 'v' } else { 'i' };
        let function = UserFunction {
            oid: core.server.catalogs.oids.allocate()?,
            schema: ty.schema,
            name: name.clone(),
            owner: ty.owner,
            language: SmolStr::new_static("internal"),
            arg_types: args.to_vec(),
            all_args: args.iter().enumerate().map(|(i, a)| (mode(i), SmolStr::default(), *a)).collect(),
            defaults: Vec::new(),
            returns,
            returns_set: false,
            kind: 'f',
            variadic: if variadic { ty.oid } else { Oid::INVALID },
            strict: symbol.starts_with("multirange"),
            volatility: 'i',
            body: symbol.to_owned(),
            cost: None,
            rows: None,
            parallel: 's',
            leakproof: false,
            security_definer: false,
            settings: Vec::new(),
            acl: None,
        };
        core.change(Change::Function(Arc::new(function)), false)?;
    }
    Ok(())
}

fn check_label(label: &str) -> Result<()> {
    if label.len() <= 63 {
        return Ok(());
    }
    Err(err!(SqlState::INVALID_NAME, "invalid enum label \"{label}\"").detail("Labels must be 63 bytes or less."))
}

fn enum_labels(core: &SessionCore, labels: &[SmolStr]) -> Result<Vec<EnumLabel>> {
    let mut out: Vec<EnumLabel> = Vec::with_capacity(labels.len());
    for (i, label) in labels.iter().enumerate() {
        check_label(label)?;
        if out.iter().any(|l| l.label == *label) {
            let e =
                err!(SqlState::UNIQUE_VIOLATION, "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"");
            return Err(e);
        }
        out.push(EnumLabel { oid: core.server.catalogs.oids.allocate()?, order: i as f32 + 1.0, label: label.clone() });
    }
    Ok(out)
}

fn composite(core: &SessionCore, schema: Oid, name: SmolStr, columns: &[ColumnDef]) -> Result<()> {
    super::naming::claim_name(core, schema, &name)?;
    claim_type_name(core, schema, &name)?;
    let mut shapes = Vec::with_capacity(columns.len());
    for def in columns {
        if columns.iter().filter(|c| c.name == def.name).count() > 1 {
            return Err(err!(SqlState::DUPLICATE_COLUMN, "column \"{}\" specified more than once", def.name));
        }
        shapes.push(column_shape(core, def)?);
    }
    let relation = core.server.catalogs.oids.allocate()?;
    let ty = new_type(core, schema, name.clone(), UserTypeKind::Composite { relation })?;
    let shape = Relation {
        row_type: ty.oid,
        row_array_type: ty.array_oid,
        columns: shapes,
        ..Relation::new(relation, schema, name, ty.owner, RelKind::Composite)
    };
    core.change(Change::Relation(Arc::new(shape)), false)?;
    core.change(Change::Type(Arc::new(ty)), false)
}

/// `foo_range` makes `foo_multirange`, others get `_multirange` behind.
fn multirange_name(name: &str) -> SmolStr {
    match name.find("range") {
        Some(at) => format!("{}multi{}", &name[..at], &name[at..]).into(),
        None => format!("{}_multirange", name.chars().take(52).collect::<String>()).into(),
    }
}

fn range(core: &SessionCore, schema: Oid, name: &str, options: &[DefElem]) -> Result<UserTypeKind> {
    let mut subtype: Option<Type> = None;
    let mut collation = None;
    let mut named = None;
    for o in options {
        match (o.name.as_str(), &o.value) {
            ("subtype", Some(DefValue::TypeName(t))) => subtype = Some(core.resolve_type(t)?),
            ("collation", Some(DefValue::TypeName(t))) => collation = Some(super::create_table::collation(core, &t.names, o.pos)?),
            ("multirange_type_name", Some(DefValue::TypeName(t))) => named = t.names.last().cloned(),
            ("subtype_diff" | "subtype_opclass", Some(_)) => {}
            ("canonical", Some(_)) => return Err(SqlError::unsupported("a canonical function of a range type")),
            (other, _) => return Err(err!(SqlState::SYNTAX_ERROR, "type attribute \"{other}\" not recognized")),
        }
    }
    let subtype = subtype.ok_or_else(|| err!(SqlState::SYNTAX_ERROR, "type attribute \"subtype\" is required"))?;
    let view = core.view();
    if typename::is_pseudo(subtype.oid) {
        let shown = typename::format_type_be(&*view, subtype.oid);
        return Err(err!(SqlState::DATATYPE_MISMATCH, "range subtype cannot be {shown}"));
    }
    super::index::check_ordered(core, subtype, "btree")?;
    let oids = &core.server.catalogs.oids;
    let multirange_name = named.unwrap_or_else(|| multirange_name(name));
    if view.catalog.type_named(schema, &multirange_name).is_some() {
        return Err(err!(SqlState::DUPLICATE_OBJECT, "type \"{multirange_name}\" already exists"));
    }
    let collation = collation.unwrap_or_else(|| typename::collation_of(subtype.oid));
    Ok(UserTypeKind::Range {
        subtype,
        multirange: oids.allocate()?,
        multirange_array: oids.allocate()?,
        multirange_name,
        collation,
    })
}

/// ALTER TYPE ... ADD VALUE, RENAME VALUE.
pub fn alter_enum(core: &SessionCore, stmt: &AlterEnumStmt) -> Result<()> {
    let name = match stmt {
        AlterEnumStmt::AddValue { name, .. } | AlterEnumStmt::RenameValue { name, .. } => name,
    };
    let ty = of_name(core, name)?;
    check_type_owner(core, &ty)?;
    core.txn()?.lock(Tag::name(1247, &ty.name), TableMode::Exclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    let ty = core.view().catalog.user_type(ty.oid).cloned().ok_or_else(|| SqlError::internal("type vanished"))?;
    let mut changed = UserType::clone(&ty);
    let UserTypeKind::Enum(labels) = &mut changed.kind else {
        let shown = typename::format_type_be(&*core.view(), ty.oid);
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "{shown} is not an enum"));
    };
    match stmt {
        AlterEnumStmt::AddValue { value, if_not_exists, neighbor, .. } => {
            check_label(value)?;
            if labels.iter().any(|l| l.label == *value) {
                let message = format!("enum label \"{value}\" already exists");
                if *if_not_exists {
                    notice(core, SqlState::DUPLICATE_OBJECT, format!("{message}, skipping"));
                    return Ok(());
                }
                return Err(SqlError::new(SqlState::DUPLICATE_OBJECT, message));
            }
            let (at, order) = place(labels, neighbor.as_ref())?;
            labels.insert(at, EnumLabel { oid: core.server.catalogs.oids.allocate()?, order, label: value.clone() });
        }
        AlterEnumStmt::RenameValue { from, to, .. } => {
            check_label(to)?;
            let Some(at) = labels.iter().position(|l| l.label == *from) else {
                return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "\"{from}\" is not an existing enum label"));
            };
            if labels.iter().any(|l| l.label == *to) {
                return Err(err!(SqlState::DUPLICATE_OBJECT, "enum label \"{to}\" already exists"));
            }
            let texts = super::restate::capture(core, from);
            labels[at].label = to.clone();
            core.change(Change::Type(Arc::new(changed)), false)?;
            return texts.restate(core);
        }
    }
    core.change(Change::Type(Arc::new(changed)), false)
}

/// Where a new label goes: its place in the list, its sort position between its neighbours.
fn place(labels: &[EnumLabel], neighbor: Option<&ast::EnumNeighbor>) -> Result<(usize, f32)> {
    let Some(neighbor) = neighbor else {
        return Ok((labels.len(), labels.last().map_or(1.0, |l| l.order + 1.0)));
    };
    let found = labels
        .iter()
        .position(|l| l.label == neighbor.value)
        .ok_or_else(|| err!(SqlState::INVALID_PARAMETER_VALUE, "\"{}\" is not an existing enum label", neighbor.value))?;
    let at = if neighbor.after { found + 1 } else { found };
    let order = match (at.checked_sub(1).and_then(|i| labels.get(i)), labels.get(at)) {
        (Some(before), Some(after)) => (before.order + after.order) / 2.0,
        (Some(before), None) => before.order + 1.0,
        (None, Some(after)) => after.order - 1.0,
        (None, None) => 1.0,
    };
    Ok((at, order))
}
