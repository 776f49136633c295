//! pg_class, pg_attribute, pg_attrdef, pg_index, pg_namespace, pg_sequence, pg_description and what depends on them.

use super::Producer;
use super::rows::{Rows, SystemCx, acl, array, text_array, vector};
use crate::error::Result;
use crate::sql::catalog::objects::{Column, ConstraintKind, Identity, Index, Persistence, RelKind, Relation, UserTypeKind};
use crate::sql::catalog::{BOOTSTRAP_ROLE, schema_oid};
use crate::sql::types::{Datum, Oid};
use smol_str::SmolStr;

pub const PRODUCERS: &[(&str, Producer)] = &[
    ("pg_class", classes),
    ("pg_attribute", attributes),
    ("pg_attrdef", defaults),
    ("pg_index", indexes),
    ("pg_namespace", namespaces),
    ("pg_sequence", sequences),
    ("pg_init_privs", initial_privileges),
    ("pg_description", descriptions),
    ("pg_shdescription", shared_descriptions),
    ("pg_rewrite", rewrites),
];

/// `pg_class.relkind` of a relation.
pub fn relkind(relation: &Relation) -> char {
    match relation.kind {
        RelKind::Table | RelKind::System => 'r',
        RelKind::View => 'v',
        RelKind::MatView => 'm',
        RelKind::Sequence => 'S',
        RelKind::Composite => 'c',
    }
}

fn persistence(relation: &Relation) -> char {
    match relation.persistence {
        Persistence::Permanent => 'p',
        Persistence::Unlogged => 'u',
        Persistence::Temporary => 't',
    }
}

fn classes(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.catalog.relations() {
        class(cx, r, out);
        for index in &r.indexes {
            index_class(cx, r, index, out);
        }
    }
    Ok(())
}

fn options(list: &[(smol_str::SmolStr, smol_str::SmolStr)]) -> Datum {
    text_array(list.iter().map(|(k, v)| format!("{k}={v}")))
}

fn class(cx: &SystemCx<'_>, r: &Relation, out: &mut Rows<'_>) {
    let stored = matches!(r.kind, RelKind::Table | RelKind::MatView | RelKind::System);
    let checks = r.constraints.iter().filter(|c| matches!(c.kind, ConstraintKind::Check { .. })).count();
    let foreign = r.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::ForeignKey(_)));
    out.oid("oid", r.oid).text("relname", r.name.clone()).oid("relnamespace", r.schema).oid("reltype", r.row_type);
    out.oid("relowner", r.owner).oid("relam", if stored { Oid(2) } else { Oid::INVALID });
    out.oid("relfilenode", if stored || r.kind == RelKind::Sequence { r.oid } else { Oid::INVALID });
    let statistics = cx.catalog.statistics(r.oid).filter(|s| s.storage == r.storage);
    let unknown = if matches!(r.kind, RelKind::Table | RelKind::MatView) { -1.0 } else { 0.0 };
    out.set("reltuples", Datum::Float4(statistics.map_or(unknown, |s| s.rows as f32)));
    out.int4("relpages", statistics.map_or(0, |s| s.pages as i32));
    out.bool("relhasindex", !r.indexes.is_empty()).char("relpersistence", persistence(r)).char("relkind", relkind(r));
    out.int2("relnatts", r.columns.len() as i16).int2("relchecks", checks as i16);
    out.bool("relhasrules", r.kind == RelKind::View).bool("relhastriggers", foreign || is_referenced(cx, r.oid));
    out.oid("reloftype", r.notes.of_type.unwrap_or_default());
    out.bool("relispopulated", r.populated).char("relreplident", if stored { replica_identity(r) } else { 'n' });
    out.set("relfrozenxid", Datum::Oid(Oid(if stored { 1 } else { 0 })));
    out.set("relminmxid", Datum::Oid(Oid(if stored { 1 } else { 0 })));
    out.set("relacl", acl(cx.shared, r.acl.as_ref())).set("reloptions", options(&r.options)).push();
}

fn replica_identity(r: &Relation) -> char {
    if r.kind == RelKind::System { 'n' } else { r.notes.replica_identity.unwrap_or('d') }
}

fn is_referenced(cx: &SystemCx<'_>, table: Oid) -> bool {
    cx.catalog
        .relations()
        .any(|r| r.constraints.iter().any(|c| matches!(&c.kind, ConstraintKind::ForeignKey(f) if f.target == table)))
}

fn index_class(cx: &SystemCx<'_>, r: &Relation, index: &Index, out: &mut Rows<'_>) {
    let known = cx.catalog.statistics(r.oid).filter(|s| s.storage == r.storage).and_then(|s| s.indexes.get(&index.oid));
    let (entries, pages) = known.copied().unwrap_or((0.0, 1));
    out.oid("oid", index.oid).text("relname", index.name.clone()).oid("relnamespace", r.schema).oid("relowner", r.owner);
    out.oid("relam", access_method(&index.method)).oid("relfilenode", index.oid).set("reltuples", Datum::Float4(entries as f32));
    out.int4("relpages", pages as i32);
    out.char("relpersistence", persistence(r)).char("relkind", 'i');
    out.int2("relnatts", (index.keys.len() + index.include.len()) as i16).bool("relispopulated", true).char("relreplident", 'n');
    out.set("relfrozenxid", Datum::Oid(Oid::INVALID)).set("relminmxid", Datum::Oid(Oid::INVALID));
    out.set("reloptions", options(&index.options)).push();
}

/// `pg_am.oid` of an access method's name.
pub fn access_method(name: &str) -> Oid {
    Oid(match name {
        "hash" => 405,
        "gist" => 783,
        "gin" => 2742,
        "spgist" => 4000,
        "brin" => 3580,
        _ => 403,
    })
}

/// The name of an index access method.
pub fn access_method_name(method: Oid) -> Option<&'static str> {
    ["btree", "hash", "gist", "gin", "spgist", "brin"].into_iter().find(|name| access_method(name) == method)
}

/// System columns every stored relation has: name, number, type.
const SYSTEM_COLUMNS: &[(&str, i16, Oid)] = &[
    ("ctid", -1, Oid::TID),
    ("xmin", -2, Oid::XID),
    ("cmin", -3, Oid::CID),
    ("xmax", -4, Oid::XID),
    ("cmax", -5, Oid::CID),
    ("tableoid", -6, Oid::OID),
];

fn attributes(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.catalog.relations() {
        for (i, c) in r.columns.iter().enumerate() {
            attribute(cx, r.oid, (i + 1) as i16, c, out);
        }
        if matches!(r.kind, RelKind::Table | RelKind::MatView | RelKind::System) {
            for (name, number, ty) in SYSTEM_COLUMNS {
                shape(*ty, out);
                out.oid("attrelid", r.oid).text("attname", *name).oid("atttypid", *ty).int2("attnum", *number);
                out.int4("attcacheoff", -1).int4("atttypmod", -1).bool("attnotnull", true).bool("attislocal", true);
                out.int4("attstattarget", 0).set("attidentity", Datum::Char(0)).set("attgenerated", Datum::Char(0));
                out.set("attcompression", Datum::Char(0)).push();
            }
        }
        for index in &r.indexes {
            index_attributes(r, index, out);
        }
    }
    Ok(())
}

/// Columns that repeat a type's properties.
fn shape(ty: Oid, out: &mut Rows<'_>) {
    let info = super::types::shape(ty);
    out.int2("attlen", info.len).bool("attbyval", info.by_value).char("attalign", info.align).char("attstorage", info.storage);
}

fn attribute(cx: &SystemCx<'_>, relation: Oid, number: i16, c: &Column, out: &mut Rows<'_>) {
    shape(c.ty.oid, out);
    if cx.catalog.user_type(c.ty.oid).is_some_and(|t| matches!(t.kind, UserTypeKind::Enum(_))) {
        out.int2("attlen", 4).bool("attbyval", true).char("attalign", 'i').char("attstorage", 'p');
    }
    if let Some(storage) = c.storage {
        out.char("attstorage", storage);
    }
    out.oid("attrelid", relation).text("attname", c.name.clone());
    out.oid("atttypid", if c.dropped { Oid::INVALID } else { c.ty.oid });
    out.int4("attstattarget", if c.dropped { 0 } else { c.statistics.unwrap_or(-1) }).int2("attnum", number);
    let dims = i32::from(super::types::is_array(cx, c.ty.oid) && !c.dropped);
    out.int4("attndims", dims).int4("attcacheoff", -1).int4("atttypmod", c.ty.typmod);
    out.bool("attnotnull", c.not_null).bool("atthasdef", c.default.is_some()).bool("atthasmissing", c.missing.is_some());
    let identity = match c.identity {
        Some(Identity::Always) => b'a',
        Some(Identity::ByDefault) => b'd',
        None => 0,
    };
    out.set("attidentity", Datum::Char(identity)).set("attgenerated", Datum::Char(if c.generated { b's' } else { 0 }));
    let compression = match c.compression.as_deref() {
        Some("pglz") => b'p',
        Some("lz4") => b'l',
        _ => 0,
    };
    out.set("attcompression", Datum::Char(compression)).bool("attisdropped", c.dropped).bool("attislocal", true);
    out.oid("attcollation", c.collation).set("attacl", acl(cx.shared, c.acl.as_ref()));
    out.set("attoptions", options(&c.options));
    if let Some(missing) = &c.missing {
        out.set("attmissingval", array(Oid::TEXT, vec![Datum::text(missing.as_str())]));
    }
    out.push();
}

fn index_attributes(r: &Relation, index: &Index, out: &mut Rows<'_>) {
    let included = index.include.iter().map(|&c| (Some(c), r.columns[c as usize].ty, r.columns[c as usize].collation));
    let keys = index.keys.iter().map(|k| (k.column, k.ty, k.collation));
    let mut taken: Vec<SmolStr> = Vec::new();
    for (i, (column, ty, collation)) in keys.chain(included).enumerate() {
        shape(ty.oid, out);
        let name = match column {
            Some(c) => r.columns[c as usize].name.clone(),
            None => expression_name(index, i, &taken),
        };
        taken.push(name.clone());
        out.oid("attrelid", index.oid).text("attname", name).oid("atttypid", ty.oid).int4("attstattarget", -1);
        out.int2("attnum", (i + 1) as i16).int4("attcacheoff", -1).int4("atttypmod", ty.typmod).bool("attislocal", true);
        out.set("attidentity", Datum::Char(0)).set("attgenerated", Datum::Char(0)).set("attcompression", Datum::Char(0));
        out.oid("attcollation", collation).push();
    }
}

/// The name of an index column that is an expression (ChooseIndexColumnNames).
fn expression_name(index: &Index, at: usize, taken: &[SmolStr]) -> SmolStr {
    let sql = index.keys.get(at).and_then(|k| k.expr.as_deref());
    let ast = sql.and_then(|sql| crate::sql::parser::parse_expression(sql).ok());
    let base = ast.map_or_else(|| SmolStr::new_static("expr"), |e| crate::sql::binder::index_name(&e));
    let numbered = (1..).map(|n| SmolStr::from(format!("{base}{n}")));
    std::iter::once(base.clone()).chain(numbered).find(|n| !taken.contains(n)).unwrap_or_default()
}

fn defaults(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.catalog.relations() {
        for (i, c) in r.columns.iter().enumerate() {
            if let Some(d) = &c.default {
                out.oid("oid", d.oid).oid("adrelid", r.oid).int2("adnum", (i + 1) as i16).text("adbin", d.sql.as_str()).push();
            }
        }
    }
    Ok(())
}

fn indexes(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.catalog.relations() {
        for index in &r.indexes {
            let number = |c: u16| Datum::Int2(c as i16 + 1);
            let keys = index.keys.iter().map(|k| k.column.map_or(Datum::Int2(0), number));
            let all: Vec<Datum> = keys.chain(index.include.iter().map(|&c| number(c))).collect();
            let deferred = index.constraint.and_then(|oid| r.constraints.iter().find(|c| c.oid == oid));
            out.oid("indexrelid", index.oid).oid("indrelid", r.oid).int2("indnatts", all.len() as i16);
            out.int2("indnkeyatts", index.keys.len() as i16).bool("indisunique", index.unique);
            out.bool("indnullsnotdistinct", index.nulls_not_distinct).bool("indisprimary", index.primary);
            out.bool("indisexclusion", is_exclusion(r, index.oid))
                .bool("indisclustered", r.notes.clustered_on == Some(index.oid))
                .bool("indisreplident", r.notes.replica_index == Some(index.oid));
            out.bool("indimmediate", !deferred.is_some_and(|c| c.deferrable)).bool("indisvalid", true);
            out.bool("indisready", true).bool("indislive", true).set("indkey", vector(Oid::INT2, all));
            out.set("indcollation", vector(Oid::OID, index.keys.iter().map(|k| Datum::Oid(k.collation)).collect()));
            let class = |k: &crate::sql::catalog::objects::IndexKey| Datum::Oid(super::proc::operator_class(index, k));
            out.set("indclass", vector(Oid::OID, index.keys.iter().map(class).collect()));
            let option =
                |k: &crate::sql::catalog::objects::IndexKey| Datum::Int2(i16::from(k.desc) | i16::from(k.nulls_first) << 1);
            out.set("indoption", vector(Oid::INT2, index.keys.iter().map(option).collect()));
            let exprs: Vec<&str> = index.keys.iter().filter_map(|k| k.expr.as_deref()).collect();
            if !exprs.is_empty() {
                out.text("indexprs", exprs.join(", "));
            }
            if let Some(predicate) = &index.predicate {
                out.text("indpred", predicate.as_str());
            }
            out.push();
        }
    }
    Ok(())
}

fn is_exclusion(r: &Relation, index: Oid) -> bool {
    r.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::Exclude { index: i, .. } if i == index))
}

fn namespaces(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for s in cx.catalog.schemas() {
        let mut grants = s.acl.clone();
        if grants.is_none() && [schema_oid::PG_CATALOG, schema_oid::INFORMATION_SCHEMA].contains(&s.oid) {
            let item = |grantee: Oid, bits: u32| crate::sql::catalog::objects::AclItem { grantee, grantor: BOOTSTRAP_ROLE, bits };
            grants = Some(vec![item(BOOTSTRAP_ROLE, 0x300), item(Oid::INVALID, 0x100)]);
        }
        out.oid("oid", s.oid).text("nspname", s.name.clone()).oid("nspowner", s.owner);
        out.set("nspacl", acl(cx.shared, grants.as_ref())).push();
    }
    Ok(())
}

/// The grants a new database comes with: what pg_dump leaves out.
fn initial_privileges(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    let fresh = crate::sql::catalog::Catalog::bootstrap();
    for s in fresh.schemas().filter(|s| s.acl.is_some()) {
        out.oid("objoid", s.oid).oid("classoid", Oid(2615)).char("privtype", 'i').set("initprivs", acl(cx.shared, s.acl.as_ref()));
        out.push();
    }
    Ok(())
}

fn sequences(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.catalog.relations() {
        let Some(s) = &r.sequence else { continue };
        out.oid("seqrelid", r.oid).oid("seqtypid", s.ty).int8("seqstart", s.start).int8("seqincrement", s.increment);
        out.int8("seqmax", s.max).int8("seqmin", s.min).int8("seqcache", s.cache).bool("seqcycle", s.cycle).push();
    }
    Ok(())
}

/// Catalogs whose objects' comments go to pg_shdescription: pg_authid, pg_database, pg_tablespace.
const SHARED_CLASSES: [Oid; 3] = [Oid(1260), Oid(1262), Oid(1213)];

fn descriptions(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for (at, text) in cx.catalog.comments().filter(|(at, _)| !SHARED_CLASSES.contains(&at.class)) {
        out.oid("objoid", at.object).oid("classoid", at.class).int4("objsubid", at.column).text("description", text.clone()).push();
    }
    for (oid, class, text) in
        [(schema_oid::PUBLIC, 2615, "standard public schema"), (schema_oid::PG_CATALOG, 2615, "system catalog schema")]
    {
        let at = crate::sql::catalog::CommentKey { class: Oid(class), object: oid, column: 0 };
        if cx.catalog.comment(at).is_none() {
            out.oid("objoid", oid).oid("classoid", Oid(class)).text("description", text).push();
        }
    }
    Ok(())
}

fn shared_descriptions(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for (at, text) in cx.catalog.comments().filter(|(at, _)| SHARED_CLASSES.contains(&at.class)) {
        out.oid("objoid", at.object).oid("classoid", at.class).text("description", text.clone()).push();
    }
    Ok(())
}

/// Every view has its `_RETURN` rule; its OID is the view's own, since nothing else is in pg_rewrite.
fn rewrites(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.catalog.relations().filter(|r| r.view.is_some()) {
        out.oid("oid", r.oid).text("rulename", "_RETURN").oid("ev_class", r.oid).char("ev_type", '1').char("ev_enabled", 'O');
        out.bool("is_instead", true).text("ev_qual", "<>").text("ev_action", "<>").push();
    }
    Ok(())
}
