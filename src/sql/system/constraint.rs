//! pg_constraint, pg_depend and pg_trigger-free foreign key facts.

use super::Producer;
use super::rows::{Rows, SystemCx, array};
use crate::error::Result;
use crate::sql::catalog::objects::{Constraint, ConstraintKind, FkAction, RelKind, Relation, UserTypeKind};
use crate::sql::types::{Datum, Oid};

pub const PRODUCERS: &[(&str, Producer)] = &[("pg_constraint", constraints), ("pg_depend", dependencies)];

fn attnums(columns: &[u16]) -> Datum {
    array(Oid::INT2, columns.iter().map(|&c| Datum::Int2(c as i16 + 1)).collect())
}

fn constraints(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.catalog.relations() {
        for c in &r.constraints {
            table_constraint(cx, r, c, out);
        }
    }
    for t in cx.catalog.types() {
        let UserTypeKind::Domain { checks, .. } = &t.kind else { continue };
        for check in checks {
            out.oid("oid", check.oid).text("conname", check.name.clone()).oid("connamespace", t.schema).char("contype", 'c');
            out.bool("convalidated", check.validated).oid("contypid", t.oid).set("confupdtype", Datum::Char(b' '));
            out.bool("conislocal", true).text("conbin", check.sql.as_str()).push();
        }
    }
    Ok(())
}

fn action(a: FkAction) -> char {
    match a {
        FkAction::NoAction => 'a',
        FkAction::Restrict => 'r',
        FkAction::Cascade => 'c',
        FkAction::SetNull => 'n',
        FkAction::SetDefault => 'd',
    }
}

fn table_constraint(cx: &SystemCx<'_>, r: &Relation, c: &Constraint, out: &mut Rows<'_>) {
    out.oid("oid", c.oid).text("conname", c.name.clone()).oid("connamespace", r.schema).bool("condeferrable", c.deferrable);
    out.bool("condeferred", c.deferred).bool("convalidated", c.validated).oid("conrelid", r.oid).bool("conislocal", true);
    out.bool("connoinherit", c.no_inherit || !matches!(c.kind, ConstraintKind::Check { .. }));
    match &c.kind {
        ConstraintKind::Check { sql, columns } => {
            out.char("contype", 'c').text("conbin", sql.as_str());
            if !columns.is_empty() {
                out.set("conkey", attnums(columns));
            }
        }
        ConstraintKind::PrimaryKey { index } | ConstraintKind::Unique { index } => {
            let primary = matches!(c.kind, ConstraintKind::PrimaryKey { .. });
            out.char("contype", if primary { 'p' } else { 'u' }).oid("conindid", *index);
            if let Some(i) = r.indexes.iter().find(|i| i.oid == *index) {
                let columns: Vec<u16> = i.keys.iter().filter_map(|k| k.column).collect();
                out.set("conkey", attnums(&columns));
            }
        }
        ConstraintKind::Exclude { index, operators } => {
            out.char("contype", 'x').oid("conindid", *index);
            out.set("conexclop", super::array(Oid::OID, operators.iter().map(|o| Datum::Oid(*o)).collect()));
            if let Some(i) = r.indexes.iter().find(|i| i.oid == *index) {
                let columns: Vec<u16> = i.keys.iter().map(|k| k.column.unwrap_or(u16::MAX)).collect();
                out.set("conkey", attnums(&columns));
            }
        }
        ConstraintKind::ForeignKey(f) => {
            out.char("contype", 'f').oid("conindid", f.target_index).oid("confrelid", f.target);
            out.char("confupdtype", action(f.on_update)).char("confdeltype", action(f.on_delete));
            out.char("confmatchtype", if f.match_full { 'f' } else { 's' });
            out.set("conkey", attnums(&f.columns)).set("confkey", attnums(&f.target_columns));
            let equality = |column: &u16| {
                let ty = cx.catalog.relation(f.target).and_then(|t| t.columns.get(*column as usize)).map(|c| c.ty.oid);
                Datum::Oid(ty.map_or(Oid::INVALID, super::proc::equality_operator))
            };
            let operators = array(Oid::OID, f.target_columns.iter().map(equality).collect());
            out.set("conpfeqop", operators.clone()).set("conppeqop", operators.clone()).set("conffeqop", operators);
            if !f.delete_set_columns.is_empty() {
                out.set("confdelsetcols", attnums(&f.delete_set_columns));
            }
        }
    }
    out.push();
}

struct Edge {
    class: u32,
    object: Oid,
    sub: i32,
    ref_class: u32,
    ref_object: Oid,
    ref_sub: i32,
    kind: char,
}

const CLASS: u32 = 1259;
const CONSTRAINT: u32 = 2606;
const NAMESPACE: u32 = 2615;
const ATTRDEF: u32 = 2604;
const TYPE: u32 = 1247;
const PROC: u32 = 1255;
const REWRITE: u32 = 2618;

fn dependencies(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    let mut edges = Vec::new();
    for r in cx.catalog.relations().filter(|r| r.oid >= Oid::FIRST_NORMAL) {
        relation_edges(cx, r, &mut edges);
    }
    for t in cx.catalog.types() {
        if t.oid >= Oid::FIRST_NORMAL {
            edges.push(Edge {
                class: TYPE,
                object: t.oid,
                sub: 0,
                ref_class: NAMESPACE,
                ref_object: t.schema,
                ref_sub: 0,
                kind: 'n',
            });
        }
    }
    for f in cx.catalog.functions() {
        let mut edge = |ref_class: u32, ref_object: Oid, kind: char| {
            edges.push(Edge { class: PROC, object: f.oid, sub: 0, ref_class, ref_object, ref_sub: 0, kind });
        };
        edge(NAMESPACE, f.schema, 'n');
        // A range type's constructors are part of it.
        if f.language == "internal" {
            edge(TYPE, f.returns, 'i');
        }
    }
    for e in edges {
        out.oid("classid", Oid(e.class)).oid("objid", e.object).int4("objsubid", e.sub);
        out.oid("refclassid", Oid(e.ref_class)).oid("refobjid", e.ref_object).int4("refobjsubid", e.ref_sub);
        out.char("deptype", e.kind).push();
    }
    Ok(())
}

fn relation_edges(cx: &SystemCx<'_>, r: &Relation, edges: &mut Vec<Edge>) {
    let mut edge = |class: u32, object: Oid, sub: i32, ref_class: u32, ref_object: Oid, ref_sub: i32, kind: char| {
        edges.push(Edge { class, object, sub, ref_class, ref_object, ref_sub, kind });
    };
    edge(CLASS, r.oid, 0, NAMESPACE, r.schema, 0, 'n');
    for (i, c) in r.columns.iter().enumerate() {
        let number = i as i32 + 1;
        if c.ty.oid >= Oid::FIRST_NORMAL && !c.dropped {
            edge(CLASS, r.oid, number, TYPE, c.ty.oid, 0, 'n');
        }
        if let Some(d) = &c.default {
            edge(ATTRDEF, d.oid, 0, CLASS, r.oid, number, if c.generated { 'i' } else { 'a' });
            for s in cx.catalog.relations().filter(|s| s.kind == RelKind::Sequence && mentions_sequence(&d.sql, &s.name)) {
                edge(ATTRDEF, d.oid, 0, CLASS, s.oid, 0, 'n');
            }
        }
    }
    if let Some((table, column)) = r.sequence.as_ref().and_then(|s| s.owned_by) {
        let identity = r.sequence.as_ref().is_some_and(|s| s.identity);
        edge(CLASS, r.oid, 0, CLASS, table, column as i32 + 1, if identity { 'i' } else { 'a' });
    }
    for index in &r.indexes {
        match index.constraint {
            Some(constraint) => edge(CLASS, index.oid, 0, CONSTRAINT, constraint, 0, 'i'),
            None => {
                for column in index.keys.iter().filter_map(|k| k.column).chain(index.include.iter().copied()) {
                    edge(CLASS, index.oid, 0, CLASS, r.oid, i32::from(column) + 1, 'a');
                }
            }
        }
    }
    for c in &r.constraints {
        let columns: Vec<u16> = match &c.kind {
            ConstraintKind::Check { columns, .. } => columns.clone(),
            ConstraintKind::PrimaryKey { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index, .. } => r
                .indexes
                .iter()
                .find(|i| i.oid == *index)
                .map(|i| i.keys.iter().filter_map(|k| k.column).collect())
                .unwrap_or_default(),
            ConstraintKind::ForeignKey(f) => {
                edge(CONSTRAINT, c.oid, 0, CLASS, f.target_index, 0, 'n');
                for column in &f.target_columns {
                    edge(CONSTRAINT, c.oid, 0, CLASS, f.target, i32::from(*column) + 1, 'n');
                }
                f.columns.clone()
            }
        };
        for column in columns {
            edge(CONSTRAINT, c.oid, 0, CLASS, r.oid, i32::from(column) + 1, 'a');
        }
    }
    if let Some(view) = &r.view {
        edge(REWRITE, r.oid, 0, CLASS, r.oid, 0, 'i');
        for target in &view.depends {
            if cx.catalog.relation(*target).is_some() {
                edge(REWRITE, r.oid, 0, CLASS, *target, 0, 'n');
            }
        }
    }
}

/// Whether a default's text is a nextval of the sequence.
fn mentions_sequence(sql: &str, name: &str) -> bool {
    sql.starts_with("nextval(") && sql.contains(name)
}
