//! pg_type, pg_enum, pg_range, pg_collation: built-in types from PostgreSQL's own catalog, user types from ours.

use super::Producer;
use super::rows::{Rows, SystemCx, acl, oid_field, table};
use crate::error::Result;
use crate::sql::catalog::objects::{RelKind, UserType, UserTypeKind};
use crate::sql::catalog::snapshot::{TypeEntry, array_name};
use crate::sql::catalog::{BOOTSTRAP_ROLE, schema_oid};
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::OnceLock;

pub const PRODUCERS: &[(&str, Producer)] =
    &[("pg_type", types), ("pg_enum", enums), ("pg_range", ranges), ("pg_collation", collations)];

const TYPES: &str = include_str!("../catalog/data/type.tsv");
const COLLATIONS: &str = include_str!("../catalog/data/collation.tsv");
const RANGES: &str = include_str!("../catalog/data/range.tsv");

/// How values of a type are laid out in PostgreSQL, as pg_attribute repeats it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// `typlen`
    pub len: i16,
    /// `typbyval`
    pub by_value: bool,
    /// `typalign`
    pub align: char,
    /// `typstorage`
    pub storage: char,
}

/// The shape of a built-in type; user types: enums are 4 bytes, the rest variable.
pub fn shape(ty: Oid) -> Shape {
    static ALL: OnceLock<HashMap<u32, Shape>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        table(TYPES)
            .map(|f| {
                let letter = |s: &str| s.chars().next().unwrap_or('i');
                let shape =
                    Shape { len: f[2].parse().unwrap_or(-1), by_value: f[3] == "t", align: letter(f[18]), storage: letter(f[19]) };
                (f[0].parse().unwrap_or(0), shape)
            })
            .collect()
    });
    all.get(&ty.0).copied().unwrap_or(Shape { len: -1, by_value: false, align: 'i', storage: 'x' })
}

/// The functions types are read and written with: they run without being called, so they have no code of their own here.
pub fn io_functions() -> &'static std::collections::HashSet<Oid> {
    static ALL: OnceLock<std::collections::HashSet<Oid>> = OnceLock::new();
    ALL.get_or_init(|| {
        let built_in = table(TYPES).flat_map(|f| [9, 12, 13, 14, 15, 16, 17].map(|i| Oid(f[i].parse().unwrap_or(0))));
        let families = ["enum", "domain", "range", "multirange", "record", "array"].into_iter();
        let of_kinds = families.flat_map(|k| ["in", "out", "recv", "send"].map(|s| proc_named(&format!("{k}_{s}"))));
        built_in.chain(of_kinds).collect()
    })
}

/// Whether a type is an array.
pub fn is_array(cx: &SystemCx<'_>, ty: Oid) -> bool {
    static BUILT_IN: OnceLock<std::collections::HashSet<u32>> = OnceLock::new();
    match cx.catalog.type_entry(ty) {
        Some(TypeEntry::Array(_) | TypeEntry::RowArray(_) | TypeEntry::Multirange { array: true, .. }) => true,
        Some(_) => false,
        None => BUILT_IN
            .get_or_init(|| table(TYPES).filter(|f| f[5] == "A").filter_map(|f| f[0].parse().ok()).collect())
            .contains(&ty.0),
    }
}

/// OID, array OID, name, base type, modifier, CHECK.
type Domain = (Oid, Oid, &'static str, Oid, i32, Option<&'static str>);

/// The domains of information_schema.
pub const INFORMATION_DOMAINS: &[Domain] = &[
    (Oid(13221), Oid(13220), "cardinal_number", Oid::INT4, -1, Some("(VALUE >= 0)")),
    (Oid(13224), Oid(13223), "character_data", Oid::VARCHAR, -1, None),
    (Oid(13226), Oid(13225), "sql_identifier", Oid::NAME, -1, None),
    (Oid(13232), Oid(13231), "time_stamp", Oid::TIMESTAMPTZ, 2, None),
    (
        Oid(13234),
        Oid(13233),
        "yes_or_no",
        Oid::VARCHAR,
        7,
        Some("((VALUE)::text = ANY ((ARRAY['YES'::character varying, 'NO'::character varying])::text[]))"),
    ),
];

/// The base type of a domain of information_schema.
pub fn information_domain(ty: Oid) -> Option<Type> {
    // They have the OIDs just below those of users' objects.
    if !(13_000..16_384).contains(&ty.0) {
        return None;
    }
    INFORMATION_DOMAINS.iter().find(|d| d.0 == ty).map(|d| Type { oid: d.3, typmod: d.4 })
}

fn types(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for f in table(TYPES) {
        built_in(&f, out)?;
    }
    for t in cx.catalog.types().filter(|t| t.oid >= Oid::FIRST_NORMAL) {
        user_type(cx, t, out);
    }
    for r in cx.catalog.relations().filter(|r| r.oid >= Oid::FIRST_NORMAL && r.row_type.is_valid() && r.kind != RelKind::Composite)
    {
        base(r.row_type, &r.name, r.schema, r.owner, 'c', 'C', out);
        out.oid("typrelid", r.oid).oid("typarray", r.row_array_type);
        io("record", out);
        out.char("typalign", 'd').char("typstorage", 'x').int2("typlen", -1).push();
        if r.row_array_type.is_valid() {
            array_type(r.row_array_type, &r.name, r.schema, r.owner, r.row_type, out);
        }
    }
    Ok(())
}

fn proc_named(name: &str) -> Oid {
    static ALL: OnceLock<HashMap<&'static str, Oid>> = OnceLock::new();
    let all = ALL.get_or_init(|| super::proc::data().filter_map(|f| Some((f[1], Oid(f[0].parse().ok()?)))).collect());
    all.get(name).copied().unwrap_or(Oid::INVALID)
}

/// Sets the four I/O functions of a family (`record_in`, ...).
fn io(family: &str, out: &mut Rows<'_>) {
    for (column, suffix) in [("typinput", "in"), ("typoutput", "out"), ("typreceive", "recv"), ("typsend", "send")] {
        out.oid(column, proc_named(&format!("{family}_{suffix}")));
    }
}

fn built_in(f: &[&'static str], out: &mut Rows<'_>) -> Result<()> {
    let letter = |s: &str| s.chars().next().unwrap_or(' ');
    let number = |s: &str| s.parse::<i32>().unwrap_or(-1);
    out.oid("oid", oid_field(f[0])?).text("typname", f[1]).oid("typnamespace", oid_field(f[23])?).oid("typowner", BOOTSTRAP_ROLE);
    out.int2("typlen", number(f[2]) as i16).bool("typbyval", f[3] == "t").char("typtype", letter(f[4]));
    out.char("typcategory", letter(f[5])).bool("typispreferred", f[6] == "t").bool("typisdefined", true);
    out.char("typdelim", letter(f[7])).oid("typrelid", oid_field(f[8])?).oid("typsubscript", oid_field(f[9])?);
    out.oid("typelem", oid_field(f[10])?).oid("typarray", oid_field(f[11])?).oid("typinput", oid_field(f[12])?);
    out.oid("typoutput", oid_field(f[13])?).oid("typreceive", oid_field(f[14])?).oid("typsend", oid_field(f[15])?);
    out.oid("typmodin", oid_field(f[16])?).oid("typmodout", oid_field(f[17])?).char("typalign", letter(f[18]));
    out.char("typstorage", letter(f[19])).oid("typbasetype", oid_field(f[20])?).int4("typtypmod", number(f[21]));
    out.oid("typcollation", oid_field(f[22])?).push();
    Ok(())
}

fn base(oid: Oid, name: &SmolStr, schema: Oid, owner: Oid, kind: char, category: char, out: &mut Rows<'_>) {
    out.oid("oid", oid).text("typname", name.clone()).oid("typnamespace", schema).oid("typowner", owner);
    out.char("typtype", kind).char("typcategory", category).bool("typisdefined", true).char("typdelim", ',');
    out.int4("typtypmod", -1);
}

fn array_type(oid: Oid, element_name: &str, schema: Oid, owner: Oid, element: Oid, out: &mut Rows<'_>) {
    base(oid, &array_name(element_name), schema, owner, 'b', 'A', out);
    io("array", out);
    out.oid("typelem", element).oid("typsubscript", proc_named("array_subscript_handler")).int2("typlen", -1);
    out.char("typalign", 'd').char("typstorage", 'x').push();
}

fn user_type(cx: &SystemCx<'_>, t: &UserType, out: &mut Rows<'_>) {
    let named = |kind, category, out: &mut Rows<'_>| base(t.oid, &t.name, t.schema, t.owner, kind, category, out);
    match &t.kind {
        UserTypeKind::Enum(_) => {
            named('e', 'E', out);
            io("enum", out);
            out.int2("typlen", 4).bool("typbyval", true).char("typalign", 'i').char("typstorage", 'p');
        }
        UserTypeKind::Domain { base: b, not_null, default, collation, .. } => {
            let category = table(TYPES).find(|f| f[0].parse() == Ok(b.oid.0)).and_then(|f| f[5].chars().next()).unwrap_or('U');
            named('d', category, out);
            io("domain", out);
            let s = shape(b.oid);
            out.int2("typlen", s.len).bool("typbyval", s.by_value).char("typalign", s.align).char("typstorage", s.storage);
            out.oid("typbasetype", b.oid).int4("typtypmod", b.typmod).bool("typnotnull", *not_null).oid("typcollation", *collation);
            if let Some(d) = default {
                out.text("typdefault", d.as_str()).text("typdefaultbin", d.as_str());
            }
        }
        UserTypeKind::Composite { relation } => {
            named('c', 'C', out);
            io("record", out);
            out.oid("typrelid", *relation).int2("typlen", -1).char("typalign", 'd').char("typstorage", 'x');
        }
        UserTypeKind::Range { multirange, multirange_array, multirange_name, .. } => {
            base(*multirange, multirange_name, t.schema, t.owner, 'm', 'R', out);
            io("multirange", out);
            out.int2("typlen", -1).oid("typarray", *multirange_array).char("typalign", 'i').char("typstorage", 'x').push();
            array_type(*multirange_array, multirange_name, t.schema, t.owner, *multirange, out);
            named('r', 'R', out);
            io("range", out);
            out.int2("typlen", -1).char("typalign", 'i').char("typstorage", 'x');
        }
        UserTypeKind::Shell => {
            named('p', 'P', out);
            out.bool("typisdefined", false).int2("typlen", 4).bool("typbyval", true);
        }
    }
    out.oid("typarray", t.array_oid).set("typacl", acl(cx.shared, t.acl.as_ref())).push();
    if t.array_oid.is_valid() {
        array_type(t.array_oid, &t.name, t.schema, t.owner, t.oid, out);
    }
}

fn enums(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for t in cx.catalog.types() {
        let UserTypeKind::Enum(labels) = &t.kind else { continue };
        for l in labels {
            out.oid("oid", l.oid).oid("enumtypid", t.oid).set("enumsortorder", Datum::Float4(l.order));
            out.text("enumlabel", l.label.clone()).push();
        }
    }
    Ok(())
}

fn ranges(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for f in table(RANGES) {
        let columns = ["rngtypid", "rngsubtype", "rngmultitypid", "rngcollation", "rngsubopc", "rngcanonical", "rngsubdiff"];
        for (column, field) in columns.iter().zip(&f) {
            out.oid(column, oid_field(field)?);
        }
        out.push();
    }
    for t in cx.catalog.types() {
        let UserTypeKind::Range { subtype, multirange, collation, .. } = &t.kind else { continue };
        out.oid("rngtypid", t.oid).oid("rngsubtype", subtype.oid).oid("rngmultitypid", *multirange).oid("rngcollation", *collation);
        out.oid("rngsubopc", super::proc::default_operator_class(subtype.oid)).push();
    }
    Ok(())
}

fn collations(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for f in table(COLLATIONS) {
        let letter = |s: &str| s.chars().next().unwrap_or(' ');
        out.oid("oid", oid_field(f[0])?)
            .text("collname", f[1])
            .oid("collnamespace", schema_oid::PG_CATALOG)
            .oid("collowner", BOOTSTRAP_ROLE);
        out.char("collprovider", letter(f[3]))
            .bool("collisdeterministic", f[4] == "t")
            .int4("collencoding", f[5].parse().unwrap_or(-1));
        if !f[6].is_empty() {
            out.text("collcollate", f[6]).text("collctype", f[7]);
        }
        out.push();
    }
    Ok(())
}
