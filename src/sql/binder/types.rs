//! What the binder knows of a type, and type names.

use super::{BindContext, Binder};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{UserType, UserTypeKind};
use crate::sql::catalog::schema_oid::PG_CATALOG;
use crate::sql::catalog::snapshot::TypeEntry;
use crate::sql::parser::ast::{self, ExprNode, Literal, TypeName};
use crate::sql::types::{Oid, Type, typename};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A type's properties for name and overload resolution (the useful part of a `pg_type` row).
#[derive(Clone, Copy, Debug)]
pub struct TypeDesc {
    /// OID.
    pub oid: Oid,
    /// `typtype`: b, c, d, e, p, r, m.
    pub kind: u8,
    /// `typcategory`.
    pub category: u8,
    /// `typispreferred`.
    pub preferred: bool,
    /// Element type of a true array; INVALID otherwise.
    pub elem: Oid,
    /// Element type by subscripting, also of vectors and points; INVALID otherwise.
    pub subscript: Oid,
    /// Its array type.
    pub array: Oid,
    /// Base type of a domain; otherwise the type itself.
    pub base: Type,
    /// Relation of a composite type.
    pub relation: Oid,
    /// `typcollation`.
    pub collation: Oid,
    /// Subtype of a range, range of a multirange.
    pub subtype: Oid,
    /// Multirange of a range type.
    pub multirange: Oid,
    /// False for a shell type.
    pub defined: bool,
}

impl TypeDesc {
    const fn plain(oid: Oid, kind: u8, category: u8) -> Self {
        Self {
            oid,
            kind,
            category,
            preferred: false,
            elem: Oid::INVALID,
            subscript: Oid::INVALID,
            array: Oid::INVALID,
            base: Type::new(oid),
            relation: Oid::INVALID,
            collation: Oid::INVALID,
            subtype: Oid::INVALID,
            multirange: Oid::INVALID,
            defined: true,
        }
    }

    fn array_of(oid: Oid, elem: Oid) -> Self {
        Self { elem, subscript: elem, ..Self::plain(oid, b'b', b'A') }
    }

    fn of_user(t: &UserType, domain_base: impl Fn(Oid) -> TypeDesc) -> Self {
        let mut desc = Self { array: t.array_oid, ..Self::plain(t.oid, b'b', b'U') };
        match &t.kind {
            UserTypeKind::Enum(_) => (desc.kind, desc.category) = (b'e', b'E'),
            UserTypeKind::Domain { base, collation, .. } => {
                (desc.kind, desc.category) = (b'd', domain_base(base.oid).category);
                desc.base = *base;
                desc.collation = *collation;
            }
            UserTypeKind::Composite { relation } => {
                (desc.kind, desc.category) = (b'c', b'C');
                desc.relation = *relation;
            }
            UserTypeKind::Range { subtype, multirange, .. } => {
                (desc.kind, desc.category) = (b'r', b'R');
                desc.subtype = subtype.oid;
                desc.multirange = *multirange;
            }
            UserTypeKind::Shell => {
                (desc.kind, desc.category) = (b'p', b'P');
                desc.defined = false;
            }
        }
        desc
    }
}

/// Indexes over the built-in types, made once.
struct Builtins {
    by_oid: Vec<u16>,
    by_name: HashMap<&'static str, Oid>,
    descs: Vec<TypeDesc>,
}

fn builtins() -> &'static Builtins {
    static BUILTINS: OnceLock<Builtins> = OnceLock::new();
    BUILTINS.get_or_init(|| {
        let mut by_oid = vec![u16::MAX; 6200];
        let mut by_name = HashMap::new();
        let mut descs = Vec::new();
        for t in typename::TYPES.iter() {
            if (t.oid.0 as usize) < by_oid.len() {
                by_oid[t.oid.0 as usize] = descs.len() as u16;
            }
            by_name.insert(t.name, t.oid);
            let mut desc = TypeDesc {
                preferred: t.preferred,
                array: t.array,
                collation: t.collation,
                ..TypeDesc::plain(t.oid, t.kind, t.category)
            };
            if t.is_array() || matches!(t.oid, Oid::INT2VECTOR | Oid::OIDVECTOR) {
                desc.elem = t.elem;
            }
            desc.subscript = t.elem;
            if let Some(r) = typename::builtin_range(t.oid) {
                desc.subtype = r.subtype;
                desc.multirange = r.multirange;
            } else if let Some(r) = typename::builtin_multirange(t.oid) {
                desc.subtype = r.range;
            }
            descs.push(desc);
        }
        Builtins { by_oid, by_name, descs }
    })
}

/// The properties of a type.
pub(crate) fn describe(catalog: &dyn CatalogView, oid: Oid) -> TypeDesc {
    let builtins = builtins();
    if let Some(&i) = builtins.by_oid.get(oid.0 as usize).filter(|i| **i != u16::MAX) {
        return builtins.descs[i as usize];
    }
    match catalog.type_object(oid) {
        Some(TypeEntry::User(t)) => TypeDesc::of_user(&t, |base| describe(catalog, base)),
        Some(TypeEntry::Array(t)) => {
            let collation = describe(catalog, t.oid).collation;
            TypeDesc { collation, ..TypeDesc::array_of(oid, t.oid) }
        }
        Some(TypeEntry::Multirange { range, array }) => match &range.kind {
            UserTypeKind::Range { multirange, .. } if array => TypeDesc::array_of(oid, *multirange),
            UserTypeKind::Range { multirange_array, .. } => {
                TypeDesc { subtype: range.oid, array: *multirange_array, ..TypeDesc::plain(oid, b'm', b'R') }
            }
            _ => TypeDesc::plain(oid, b'b', b'U'),
        },
        Some(TypeEntry::Row(r)) => TypeDesc { relation: r.oid, array: r.row_array_type, ..TypeDesc::plain(oid, b'c', b'C') },
        Some(TypeEntry::RowArray(r)) => TypeDesc::array_of(oid, r.row_type),
        None => TypeDesc { defined: false, ..TypeDesc::plain(oid, b'p', b'P') },
    }
}

/// The OID of a built-in type by `pg_type.typname`.
pub(crate) fn builtin_type_named(name: &str) -> Option<Oid> {
    builtins().by_name.get(name).copied()
}

/// Resolves a type name as written in a statement.
///
/// Errors: 42704 for a name without type or a shell type, 42601 and 22023 for modifiers.
pub fn resolve_type(cx: &BindContext<'_>, name: &TypeName) -> Result<Type> {
    Names { catalog: cx.catalog }.resolve(name).map_err(|e| e.at(name.pos))
}

struct Names<'a> {
    catalog: &'a dyn CatalogView,
}

/// Text of a type name for errors: names, %TYPE, [].
pub(crate) fn type_name_text(name: &TypeName) -> String {
    let mut text = name.names.join(".");
    if name.pct_type {
        text.push_str("%TYPE");
    }
    if !name.array_bounds.is_empty() {
        text.push_str("[]");
    }
    text
}

impl Names<'_> {
    fn resolve(&self, name: &TypeName) -> Result<Type> {
        let missing = || err!(SqlState::UNDEFINED_OBJECT, "type \"{}\" does not exist", type_name_text(name));
        if name.pct_type {
            return self.column_type(name);
        }
        let mut oid = self.lookup(&name.names)?.ok_or_else(missing)?;
        let desc = describe(self.catalog, oid);
        if !desc.defined {
            return Err(err!(SqlState::UNDEFINED_OBJECT, "type \"{}\" is only a shell", type_name_text(name)));
        }
        let typmod = self.typmod(name, oid)?;
        if !name.array_bounds.is_empty() {
            // An array of arrays is the same array type with more dimensions.
            oid = if desc.elem.is_valid() && !matches!(oid, Oid::INT2VECTOR | Oid::OIDVECTOR) { oid } else { desc.array };
            if !oid.is_valid() {
                return Err(missing());
            }
        }
        Ok(Type { oid, typmod })
    }

    fn lookup(&self, names: &[SmolStr]) -> Result<Option<Oid>> {
        let (schema, name) = match names {
            [name] => (None, name),
            [schema, name] => (Some(schema), name),
            [db, schema, name] if db == self.catalog.database_name() => (Some(schema), name),
            [_, _, _] => {
                return Err(err!(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "cross-database references are not implemented: {}",
                    names.join(".")
                ));
            }
            _ => {
                return Err(err!(SqlState::SYNTAX_ERROR, "improper qualified name (too many dotted names): {}", names.join(".")));
            }
        };
        Ok(match schema {
            Some(schema) if schema == "pg_catalog" => builtin_type_named(name).or_else(|| self.catalog.type_in(PG_CATALOG, name)),
            Some(schema) => match self.catalog.schema_oid(schema) {
                Some(oid) => self.catalog.type_in(oid, name),
                None => return Err(err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist")),
            },
            None => find_type(self.catalog, name),
        })
    }

    fn column_type(&self, name: &TypeName) -> Result<Type> {
        let Some((column, relation)) = name.names.split_last() else {
            return Err(err!(SqlState::SYNTAX_ERROR, "improper %TYPE reference (too few dotted names): "));
        };
        let found = match relation {
            [table] => self.catalog.search_path().iter().find_map(|s| self.catalog.relation_in(*s, table)),
            [schema, table] | [_, schema, table] => {
                self.catalog.schema_oid(schema).and_then(|s| self.catalog.relation_in(s, table))
            }
            [] => {
                let text = column;
                return Err(err!(SqlState::SYNTAX_ERROR, "improper %TYPE reference (too few dotted names): {text}"));
            }
            _ => None,
        };
        let table = relation.join(".");
        let Some(found) = found else {
            return Err(err!(SqlState::UNDEFINED_TABLE, "relation \"{table}\" does not exist"));
        };
        match found.column(column) {
            Some(i) => Ok(found.columns[i].ty),
            None => Err(err!(SqlState::UNDEFINED_COLUMN, "column \"{column}\" of relation \"{table}\" does not exist")),
        }
    }

    fn typmod(&self, name: &TypeName, oid: Oid) -> Result<i32> {
        if name.typmods.is_empty() {
            return Ok(-1);
        }
        let mut args: Vec<SmolStr> = Vec::with_capacity(name.typmods.len());
        for typmod in &name.typmods {
            args.push(match &typmod.node {
                ExprNode::Literal(Literal::Integer(i)) => SmolStr::from(itoa::Buffer::new().format(*i)),
                ExprNode::Literal(Literal::Float(s) | Literal::String(s)) => s.clone(),
                ExprNode::Column(c) if c.names.len() == 1 && !c.star => c.names[0].clone(),
                _ => return Err(err!(SqlState::SYNTAX_ERROR, "type modifiers must be simple constants or identifiers")),
            });
        }
        if typename::builtin(oid).is_none_or(|t| t.functions[4].is_empty()) {
            let text = name.names.join(".");
            return Err(err!(SqlState::SYNTAX_ERROR, "type modifier is not allowed for type \"{text}\""));
        }
        let refs: smallvec::SmallVec<[&str; 4]> = args.iter().map(|s| s.as_str()).collect();
        typename::typmod_in(oid, &refs)
    }
}

/// A type by unqualified name through the search path.
pub(crate) fn find_type(catalog: &dyn CatalogView, name: &str) -> Option<Oid> {
    for &schema in catalog.search_path() {
        let found = if schema == PG_CATALOG {
            builtin_type_named(name).or_else(|| catalog.type_in(schema, name))
        } else {
            catalog.type_in(schema, name)
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

impl Binder<'_> {
    /// A type's properties.
    pub(super) fn desc(&self, oid: Oid) -> TypeDesc {
        describe(self.cx.catalog, oid)
    }

    /// A domain's ultimate base type with modifier; other types are their own.
    pub(super) fn base_type(&self, ty: Type) -> Type {
        let mut ty = ty;
        loop {
            let desc = self.desc(ty.oid);
            if desc.kind != b'd' {
                return ty;
            }
            let typmod = if desc.base.typmod >= 0 { desc.base.typmod } else { ty.typmod };
            ty = Type { oid: desc.base.oid, typmod };
        }
    }

    /// A domain's ultimate base type; other types are their own.
    pub(super) fn base_oid(&self, oid: Oid) -> Oid {
        self.base_type(Type::new(oid)).oid
    }

    /// Element type of a true array type (seen through domains when `through`).
    pub(super) fn element_type(&self, oid: Oid) -> Option<Oid> {
        let elem = self.desc(oid).elem;
        elem.is_valid().then_some(elem)
    }

    /// The array type over a type.
    pub(super) fn array_type(&self, oid: Oid) -> Option<Oid> {
        let array = self.desc(oid).array;
        array.is_valid().then_some(array)
    }

    /// `format_type_be`.
    pub(super) fn type_text(&self, oid: Oid) -> String {
        typename::format_type_be(self.cx.io.types, oid)
    }

    pub(super) fn resolve_type(&self, name: &TypeName) -> Result<Type> {
        resolve_type(self.cx, name)
    }

    /// The relation of a composite type or a domain over one.
    pub(super) fn composite_relation(&self, oid: Oid) -> Option<crate::sql::catalog::objects::RelationRef> {
        let desc = self.desc(self.base_oid(oid));
        if desc.relation.is_valid() { self.cx.catalog.relation(desc.relation) } else { None }
    }

    /// A collation by (possibly qualified) name.
    pub(super) fn resolve_collation(&self, parts: &[SmolStr], pos: usize) -> Result<Oid> {
        let catalog = self.cx.catalog;
        let found = match parts {
            [name] => catalog.search_path().iter().find_map(|s| catalog.collation_in(*s, name)),
            [.., schema, name] => match catalog.schema_oid(schema) {
                Some(oid) => catalog.collation_in(oid, name),
                None => return Err(err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist").at(pos)),
            },
            [] => None,
        };
        found.ok_or_else(|| {
            err!(SqlState::UNDEFINED_OBJECT, "collation \"{}\" for encoding \"UTF8\" does not exist", parts.join(".")).at(pos)
        })
    }
}

/// The name of a type written as a plain cast target, when it is unqualified (column naming).
pub(crate) fn last_type_name(name: &ast::TypeName) -> Option<&SmolStr> {
    name.names.last()
}
