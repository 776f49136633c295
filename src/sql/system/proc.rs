//! pg_proc, pg_operator, pg_cast, pg_aggregate and the operator class catalogs: what the function registry really has, with
//! PostgreSQL's own numbers, and user functions.

use super::Producer;
use super::rows::{Rows, SystemCx, acl, array, oid_field, table, vector};
use crate::error::Result;
use crate::sql::catalog::objects::{Index, IndexKey, UserFunction};
use crate::sql::catalog::{BOOTSTRAP_ROLE, schema_oid};
use crate::sql::expr::registry::{Function, Implementation, registry};
use crate::sql::types::{Datum, Oid};
use std::collections::HashMap;
use std::sync::OnceLock;

pub const PRODUCERS: &[(&str, Producer)] = &[
    ("pg_proc", procedures),
    ("pg_operator", operators),
    ("pg_cast", casts),
    ("pg_aggregate", aggregates),
    ("pg_opclass", operator_classes),
    ("pg_opfamily", operator_families),
    ("pg_amop", family_operators),
    ("pg_amproc", family_procedures),
    ("pg_am", access_methods),
    ("pg_language", languages),
];

const OPCLASS: &str = include_str!("../catalog/data/opclass.tsv");
const OPFAMILY: &str = include_str!("../catalog/data/opfamily.tsv");
const AMOP: &str = include_str!("../catalog/data/amop.tsv");
const AMPROC: &str = include_str!("../catalog/data/amproc.tsv");
const AM: &str = include_str!("../catalog/data/am.tsv");
const LANGUAGE: &str = include_str!("../catalog/data/language.tsv");
const PROC: &str = include_str!("../catalog/data/proc.tsv");
const AGGREGATE: &str = include_str!("../catalog/data/aggregate.tsv");

/// PostgreSQL's internal functions, implemented here or not.
pub fn data() -> impl Iterator<Item = Vec<&'static str>> {
    table(PROC)
}

/// The name of a function that reads or writes values of a type.
pub fn io_function_name(oid: Oid) -> Option<&'static str> {
    if !super::types::io_functions().contains(&oid) {
        return None;
    }
    data().find(|f| f[0].parse() == Ok(oid.0)).map(|f| f[1])
}

fn io_functions(out: &mut Rows<'_>) -> Result<()> {
    let known = super::types::io_functions();
    for f in data() {
        let oid = oid_field(f[0])?;
        if !known.contains(&oid) || registry().function(oid).is_some() {
            continue;
        }
        let letter = |s: &str| s.chars().next().unwrap_or(' ');
        let args: Vec<Oid> = f[2].split_ascii_whitespace().map(oid_field).collect::<Result<_>>()?;
        out.oid("oid", oid).text("proname", f[1]).oid("pronamespace", schema_oid::PG_CATALOG).oid("proowner", BOOTSTRAP_ROLE);
        out.oid("prolang", Oid(12)).set("procost", Datum::Float4(1.0)).set("prorows", Datum::Float4(0.0)).char("prokind", 'f');
        out.bool("proisstrict", f[5] == "t")
            .bool("proretset", false)
            .char("provolatile", letter(f[6]))
            .char("proparallel", letter(f[14]));
        out.int2("pronargs", args.len() as i16).int2("pronargdefaults", 0).oid("prorettype", oid_field(f[3])?);
        out.set("proargtypes", oids(&args)).text("prosrc", f[13]).push();
    }
    Ok(())
}

/// The default btree operator class of a type.
pub fn default_operator_class(ty: Oid) -> Oid {
    static ALL: OnceLock<HashMap<u32, Oid>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        table(OPCLASS)
            .filter(|f| f[1] == "403" && f[5] == "t")
            .filter_map(|f| Some((f[4].parse().ok()?, Oid(f[0].parse().ok()?))))
            .collect()
    });
    let fallback = match ty {
        Oid::VARCHAR => Oid::TEXT,
        other => other,
    };
    all.get(&fallback.0).copied().unwrap_or(if ty >= Oid::FIRST_NORMAL { Oid(3522) } else { Oid(2277) })
}

/// An operator class.
#[derive(Clone, Copy, Debug)]
pub struct OperatorClass {
    /// Name.
    pub name: &'static str,
    /// Type of the values indexed.
    pub input: Oid,
    /// Taken where none is named.
    pub default: bool,
}

/// The operator classes of an access method.
pub fn operator_classes_of(method: Oid) -> impl Iterator<Item = OperatorClass> {
    let of = move |f: &Vec<&'static str>| f[1].parse() == Ok(method.0);
    table(OPCLASS).filter(of).map(|f| OperatorClass { name: f[2], input: Oid(f[4].parse().unwrap_or(0)), default: f[5] == "t" })
}

/// Whether this is the operator class an access method takes for a type by itself.
pub fn is_default_opclass(method: Oid, ty: Oid, name: &str) -> bool {
    let mut known = operator_classes_of(method).filter(|c| c.name == name);
    // A type without a class of its own only has its kind's, which is the default.
    known.any(|c| c.default && (c.input == ty || !operator_classes_of(method).any(|o| o.default && o.input == ty)))
}

/// The operator class of an index key.
pub fn operator_class(index: &Index, key: &IndexKey) -> Oid {
    let method = super::class::access_method(&index.method);
    let named = key.opclass.as_ref().and_then(|name| {
        table(OPCLASS).find(|f| f[2] == name.as_str() && f[1].parse() == Ok(method.0)).and_then(|f| f[0].parse().ok()).map(Oid)
    });
    named.unwrap_or_else(|| {
        if method == Oid(403) {
            return default_operator_class(key.ty.oid);
        }
        table(OPCLASS)
            .find(|f| f[1].parse() == Ok(method.0) && f[5] == "t" && f[4].parse() == Ok(key.ty.oid.0))
            .and_then(|f| f[0].parse().ok())
            .map_or_else(|| default_operator_class(key.ty.oid), Oid)
    })
}

/// The `=` operator of a type.
pub fn equality_operator(ty: Oid) -> Oid {
    let plain = if ty == Oid::VARCHAR { Oid::TEXT } else { ty };
    registry().operators_named("=").find(|o| o.left == plain && o.right == plain).map_or(Oid::INVALID, |o| o.oid)
}

fn procedures(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for f in registry().functions() {
        built_in(f, out);
    }
    io_functions(out)?;
    for f in cx.catalog.functions() {
        user_function(cx, f, out);
    }
    Ok(())
}

fn built_in(f: &Function, out: &mut Rows<'_>) {
    let sql = matches!(f.implementation, Implementation::Sql(_));
    out.oid("oid", f.oid).text("proname", f.name).oid("pronamespace", schema_oid::PG_CATALOG).oid("proowner", BOOTSTRAP_ROLE);
    out.oid("prolang", Oid(if sql { 14 } else { 12 })).set("procost", Datum::Float4(f.cost as f32));
    out.set("prorows", Datum::Float4(f.rows as f32)).oid("provariadic", f.variadic).char("prokind", f.kind);
    out.bool("proisstrict", f.strict).bool("proretset", f.returns_set).char("provolatile", f.volatility);
    out.char("proparallel", f.parallel).int2("pronargs", f.args.len() as i16).int2("pronargdefaults", f.default_count as i16);
    out.oid("prorettype", f.returns).set("proargtypes", oids(&f.args)).text("prosrc", f.symbol);
    let args: Vec<(char, &str, Oid)> = f.all_args.iter().map(|(m, n, t)| (*m, *n, *t)).collect();
    arguments(&args, out);
    if f.default_count > 0 {
        out.text("proargdefaults", f.defaults);
    }
    out.push();
}

fn oids(list: &[Oid]) -> Datum {
    vector(Oid::OID, list.iter().map(|&o| Datum::Oid(o)).collect())
}

fn arguments(args: &[(char, &str, Oid)], out: &mut Rows<'_>) {
    if args.iter().any(|(mode, ..)| *mode != 'i') {
        out.set("proallargtypes", array(Oid::OID, args.iter().map(|a| Datum::Oid(a.2)).collect()));
        out.set("proargmodes", array(Oid::CHAR, args.iter().map(|a| Datum::Char(a.0 as u8)).collect()));
    }
    if args.iter().any(|(_, name, _)| !name.is_empty()) {
        out.set("proargnames", array(Oid::TEXT, args.iter().map(|a| Datum::text(a.1)).collect()));
    }
}

fn user_function(cx: &SystemCx<'_>, f: &UserFunction, out: &mut Rows<'_>) {
    let (language, cost) = match f.language.as_str() {
        "plpgsql" => (Oid(13577), 100.0),
        "internal" => (Oid(12), 1.0),
        _ => (Oid(14), 100.0),
    };
    out.oid("oid", f.oid).text("proname", f.name.clone()).oid("pronamespace", f.schema).oid("proowner", f.owner);
    out.oid("prolang", language).set("procost", Datum::Float4(f.cost.unwrap_or(cost))).bool("proleakproof", f.leakproof);
    out.set("prorows", Datum::Float4(f.rows.unwrap_or(if f.returns_set { 1000.0 } else { 0.0 }))).oid("provariadic", f.variadic);
    out.char("prokind", f.kind).bool("prosecdef", f.security_definer).bool("proisstrict", f.strict);
    out.bool("proretset", f.returns_set).char("provolatile", f.volatility).char("proparallel", f.parallel);
    out.int2("pronargs", f.arg_types.len() as i16).int2("pronargdefaults", f.defaults.len() as i16);
    out.oid("prorettype", f.returns).set("proargtypes", oids(&f.arg_types)).text("prosrc", f.body.as_str());
    let args: Vec<(char, &str, Oid)> = f.all_args.iter().map(|(m, n, t)| (*m, n.as_str(), *t)).collect();
    arguments(&args, out);
    if !f.defaults.is_empty() {
        out.text("proargdefaults", f.defaults.join(", "));
    }
    out.set("proconfig", super::rows::text_array(f.settings.iter().map(|(k, v)| format!("{k}={v}"))));
    out.set("proacl", acl(cx.shared, f.acl.as_ref())).push();
}

fn operators(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for o in registry().operators() {
        out.oid("oid", o.oid).text("oprname", o.name).oid("oprnamespace", schema_oid::PG_CATALOG).oid("oprowner", BOOTSTRAP_ROLE);
        out.char("oprkind", if o.left.is_valid() { 'b' } else { 'l' }).bool("oprcanmerge", o.merges).bool("oprcanhash", o.hashes);
        out.oid("oprleft", o.left).oid("oprright", o.right).oid("oprresult", o.result).oid("oprcom", o.commutator);
        out.oid("oprnegate", o.negator).oid("oprcode", o.function.oid).push();
    }
    Ok(())
}

fn casts(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for c in registry().casts() {
        out.oid("oid", c.oid).oid("castsource", c.source).oid("casttarget", c.target);
        out.oid("castfunc", c.function.map_or(Oid::INVALID, |f| f.oid))
            .char("castcontext", c.context)
            .char("castmethod", c.method)
            .push();
    }
    Ok(())
}

fn aggregates(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    let columns = [
        "aggtransfn",
        "aggfinalfn",
        "aggcombinefn",
        "aggserialfn",
        "aggdeserialfn",
        "aggmtransfn",
        "aggminvtransfn",
        "aggmfinalfn",
    ];
    for f in table(AGGREGATE) {
        let function = oid_field(f[0])?;
        if registry().function(function).is_none() {
            continue;
        }
        let letter = |s: &str| s.chars().next().unwrap_or(' ');
        out.oid("aggfnoid", function).char("aggkind", letter(f[1])).int2("aggnumdirectargs", f[2].parse().unwrap_or(0));
        for (i, column) in columns.iter().enumerate() {
            out.oid(column, oid_field(f[3 + i])?);
        }
        out.bool("aggfinalextra", f[11] == "t").bool("aggmfinalextra", f[12] == "t").char("aggfinalmodify", letter(f[13]));
        out.char("aggmfinalmodify", letter(f[14])).oid("aggsortop", oid_field(f[15])?).oid("aggtranstype", oid_field(f[16])?);
        out.int4("aggtransspace", f[17].parse().unwrap_or(0)).oid("aggmtranstype", oid_field(f[18])?);
        out.int4("aggmtransspace", f[19].parse().unwrap_or(0));
        for (column, field) in [("agginitval", f[20]), ("aggminitval", f[21])] {
            if !field.is_empty() {
                out.text(column, field);
            }
        }
        out.push();
    }
    Ok(())
}

/// Copies a data file's OID and text columns by position.
fn copy(text: &'static str, columns: &[(&str, char)], out: &mut Rows<'_>) -> Result<()> {
    for f in table(text) {
        for ((column, kind), field) in columns.iter().zip(&f) {
            match kind {
                'o' => out.oid(column, oid_field(field)?),
                's' => out.int2(column, field.parse().unwrap_or(0)),
                'b' => out.bool(column, *field == "t"),
                'c' => out.char(column, field.chars().next().unwrap_or(' ')),
                _ => out.text(column, *field),
            };
        }
        out.push();
    }
    Ok(())
}

fn operator_classes(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for f in table(OPCLASS) {
        out.oid("oid", oid_field(f[0])?).oid("opcmethod", oid_field(f[1])?).text("opcname", f[2]);
        out.oid("opcnamespace", schema_oid::PG_CATALOG).oid("opcowner", BOOTSTRAP_ROLE).oid("opcfamily", oid_field(f[3])?);
        out.oid("opcintype", oid_field(f[4])?).bool("opcdefault", f[5] == "t").oid("opckeytype", oid_field(f[6])?).push();
    }
    Ok(())
}

fn operator_families(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for f in table(OPFAMILY) {
        out.oid("oid", oid_field(f[0])?).oid("opfmethod", oid_field(f[1])?).text("opfname", f[2]);
        out.oid("opfnamespace", schema_oid::PG_CATALOG).oid("opfowner", BOOTSTRAP_ROLE).push();
    }
    Ok(())
}

fn family_operators(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    let columns = [
        ("oid", 'o'),
        ("amopfamily", 'o'),
        ("amoplefttype", 'o'),
        ("amoprighttype", 'o'),
        ("amopstrategy", 's'),
        ("amoppurpose", 'c'),
        ("amopopr", 'o'),
        ("amopmethod", 'o'),
        ("amopsortfamily", 'o'),
    ];
    copy(AMOP, &columns, out)
}

fn family_procedures(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    let columns = [
        ("oid", 'o'),
        ("amprocfamily", 'o'),
        ("amproclefttype", 'o'),
        ("amprocrighttype", 'o'),
        ("amprocnum", 's'),
        ("amproc", 'o'),
    ];
    copy(AMPROC, &columns, out)
}

fn access_methods(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    copy(AM, &[("oid", 'o'), ("amname", 't'), ("amhandler", 'o'), ("amtype", 'c')], out)
}

fn languages(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for f in table(LANGUAGE) {
        out.oid("oid", oid_field(f[0])?).text("lanname", f[1]).oid("lanowner", BOOTSTRAP_ROLE).bool("lanispl", f[2] == "t");
        out.bool("lanpltrusted", f[3] == "t").push();
    }
    Ok(())
}
