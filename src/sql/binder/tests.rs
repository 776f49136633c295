//! Statements bound against a small schema: result types and PostgreSQL's errors.

use super::{BindContext, Params, bind_query, resolve_type};
use crate::error::Result;
use crate::sql::catalog::objects::{
    Column, Constraint, ConstraintKind, DefaultDef, DomainCheck, EnumLabel, Identity, Index, IndexKey, RelKind, Relation,
    StorageId, UserType, UserTypeKind, ViewDef,
};
use crate::sql::catalog::testing::View;
use crate::sql::catalog::{Change, schema_oid};
use crate::sql::parser::ast::{self, Statement};
use crate::sql::parser::parse;
use crate::sql::plan::{ColId, Expr, ExprKind, ModifyAction, Output, Rel, SubqueryKind};
use crate::sql::types::io::IoContext;
use crate::sql::types::typename::format_type;
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;
use std::collections::HashSet;
use std::sync::Arc;

const SCHEMA: &str = "
    create table t (a int primary key, b text, c numeric(10,2), d date default '2020-01-01', e int[], f varchar(5), check (a > 0));
    create table u (id int generated always as identity primary key, a int, g int generated always as (a * 2) stored, j jsonb);
    create table w (a int, b text, x float8);
    create view v as select a, b from t where a > 1;
";

/// An enum, a domain and a composite type, and a table of them.
fn user_types(view: &mut View) {
    let user = |oid: u32, name: &str, kind| UserType {
        oid: Oid(oid),
        array_oid: Oid(oid + 1),
        schema: schema_oid::PUBLIC,
        name: name.into(),
        owner: Oid(10),
        kind,
        acl: None,
    };
    let label = |oid: u32, text: &str| EnumLabel { oid: Oid(oid), order: oid as f32, label: text.into() };
    let mood = UserTypeKind::Enum(vec![label(30001, "sad"), label(30002, "ok")]);
    let check = DomainCheck { oid: Oid(30010), name: "posint_check".into(), sql: "value > 0".into(), validated: true };
    let posint = UserTypeKind::Domain {
        base: Oid::INT4.into(),
        not_null: false,
        default: None,
        checks: vec![check],
        collation: Oid::INVALID,
    };
    let mut pt = blank("pt", 30030, vec![column("x", Oid::INT4.into()), column("y", Oid::FLOAT8.into())]);
    pt.kind = RelKind::Composite;
    (pt.row_type, pt.row_array_type) = (Oid(30040), Oid(30041));
    let columns = vec![
        column("m", Oid(30020).into()),
        column("p", Oid(30022).into()),
        column("q", Oid(30040).into()),
        column("qs", Oid(30041).into()),
    ];
    for change in [
        Change::Relation(Arc::new(pt)),
        Change::Type(Arc::new(user(30020, "mood", mood))),
        Change::Type(Arc::new(user(30022, "posint", posint))),
        Change::Type(Arc::new(user(30040, "pt", UserTypeKind::Composite { relation: Oid(30030) }))),
        Change::Relation(Arc::new(blank("y", 30050, columns))),
    ] {
        view.catalog.apply(&change);
    }
}

fn schema() -> View {
    let mut view = View::default();
    user_types(&mut view);
    for raw in parse(SCHEMA).unwrap() {
        let relation = match &raw.stmt {
            Statement::CreateTable(create) => table(&view, create),
            Statement::CreateView(create) => {
                let text = &SCHEMA[create.query_range.0..create.query_range.1];
                let query = described(&view, text).unwrap();
                let cols = query.iter().map(|(name, ty)| column(name, *ty)).collect();
                let mut relation = blank(&create.relation.name, 20000, cols);
                relation.kind = RelKind::View;
                relation.view = Some(ViewDef { sql: text.to_string(), check_option: None, depends: Vec::new() });
                relation
            }
            _ => continue,
        };
        view.catalog.apply(&Change::Relation(Arc::new(relation)));
    }
    view
}

fn column(name: &str, ty: Type) -> Column {
    let collation = if ty.oid == Oid::TEXT || ty.oid == Oid::VARCHAR { Oid(100) } else { Oid::INVALID };
    Column::new(name, ty, collation)
}

fn blank(name: &str, oid: u32, columns: Vec<Column>) -> Relation {
    Relation {
        row_type: Oid(oid + 1),
        row_array_type: Oid(oid + 2),
        columns,
        storage: StorageId(oid),
        ..Relation::new(Oid(oid), schema_oid::PUBLIC, name, Oid(10), RelKind::Table)
    }
}

fn table(view: &View, create: &ast::CreateTableStmt) -> Relation {
    use ast::{ConstraintKind as C, TableElement};
    let io = IoContext { types: view, ..IoContext::plain() };
    let cx = BindContext { catalog: view, io: &io, names: None };
    let oid = 20000 + 1000 * u32::from(create.relation.name.as_bytes()[0]);
    let mut relation = blank(&create.relation.name, oid, Vec::new());
    for element in &create.elements {
        match element {
            TableElement::Column(def) => {
                let position = relation.columns.len() as u16;
                let mut col = column(&def.name, resolve_type(&cx, def.type_name.as_ref().unwrap()).unwrap());
                for constraint in &def.constraints {
                    match &constraint.kind {
                        C::NotNull => col.not_null = true,
                        C::PrimaryKey(_) => relation.indexes.push(primary(oid, position, col.ty)),
                        C::Identity { .. } => col.identity = Some(Identity::Always),
                        C::Generated { .. } => {
                            col.generated = true;
                            col.default = Some(DefaultDef { oid: Oid(1), sql: "a * 2".into() });
                        }
                        C::Default(_) => col.default = Some(DefaultDef { oid: Oid(1), sql: "'2020-01-01'::date".into() }),
                        _ => {}
                    }
                }
                relation.columns.push(col);
            }
            TableElement::Constraint(_) => relation.constraints.push(Constraint {
                oid: Oid(oid + 50),
                name: "t_a_check".into(),
                kind: ConstraintKind::Check { sql: "a > 0".into(), columns: vec![0] },
                deferrable: false,
                deferred: false,
                validated: true,
                no_inherit: false,
            }),
            _ => {}
        }
    }
    relation
}

fn primary(oid: u32, position: u16, ty: Type) -> Index {
    let key = IndexKey {
        column: Some(position),
        expr: None,
        ty,
        collation: Oid::INVALID,
        opclass: None,
        desc: false,
        nulls_first: false,
    };
    Index {
        oid: Oid(oid + 10),
        name: "pkey".into(),
        number: 0,
        unique: true,
        primary: true,
        nulls_not_distinct: false,
        keys: vec![key],
        include: Vec::new(),
        predicate: None,
        method: "btree".into(),
        constraint: None,
        options: Vec::new(),
    }
}

fn described(view: &View, sql: &str) -> Result<Vec<(SmolStr, Type)>> {
    let io = IoContext { types: view, ..IoContext::plain() };
    let cx = BindContext { catalog: view, io: &io, names: None };
    let statements = parse(sql)?;
    let query = bind_query(&cx, &statements[0].stmt, &mut Params::inferred([]))?;
    check_plan(&query.plan, &HashSet::new(), sql);
    let produced = produces(&query.plan);
    assert!(query.outputs.iter().all(|o| produced.contains(&o.id)), "{sql}: result columns are not in the plan");
    Ok(query.outputs.iter().map(|o| (o.name.clone(), o.ty)).collect())
}

/// The columns an operator outputs.
fn produces(rel: &Rel) -> HashSet<ColId> {
    let ids = |outputs: &[Output]| outputs.iter().map(|o| o.id).collect::<HashSet<_>>();
    let firsts = |list: &[(Output, Expr)]| list.iter().map(|(o, _)| o.id).collect::<HashSet<_>>();
    match rel {
        Rel::Scan(scan) => scan.columns.iter().map(|(o, _)| o.id).collect(),
        Rel::Values { columns, .. }
        | Rel::FunctionScan { columns, .. }
        | Rel::SetOp { columns, .. }
        | Rel::CteScan { columns, .. }
        | Rel::Empty { columns }
        | Rel::Planned(_, columns) => ids(columns),
        Rel::Project { exprs, .. } => firsts(exprs),
        Rel::ProjectSet { input, exprs } => produces(input).union(&firsts(exprs)).copied().collect(),
        Rel::Join { left, right, .. } => produces(left).union(&produces(right)).copied().collect(),
        Rel::Aggregate { group, grouping, aggs, .. } => {
            let mut all = firsts(group);
            all.extend(grouping.iter().map(|(o, _)| o.id));
            all.extend(aggs.iter().map(|(o, _)| o.id));
            all
        }
        Rel::Window { input, calls, .. } => {
            let mut all = produces(input);
            all.extend(calls.iter().map(|(o, _)| o.id));
            all
        }
        Rel::Filter { input, .. }
        | Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::Distinct { input, .. }
        | Rel::LockRows { input, .. } => produces(input),
        Rel::With { body, .. } => produces(body),
        Rel::Modify(modify) => firsts(&modify.returning),
    }
}

/// Every column an expression mentions comes from its operator's input or from an outer query.
fn check_plan(rel: &Rel, outer: &HashSet<ColId>, sql: &str) {
    let mut visible = outer.clone();
    let mut left_side = None;
    rel.each_input(&mut |input| {
        let own = produces(input);
        visible.extend(&own);
        left_side.get_or_insert(own);
    });
    if let Rel::Modify(modify) = rel {
        visible.extend(modify.new_row.iter().flatten());
        if let ModifyAction::Insert { on_conflict: Some(c), .. } = &modify.action
            && let Some(update) = &c.update
        {
            visible.extend(update.existing.iter().chain(&update.excluded).flatten());
        }
    }
    rel.own_exprs(&mut |e| check_expr(e, &visible, sql));
    let mut first = true;
    rel.each_input(&mut |input| {
        let mut reach = outer.clone();
        if let (false, Rel::Join { lateral: true, .. }, Some(left)) = (first, rel, &left_side) {
            reach.extend(left);
        }
        first = false;
        check_plan(input, &reach, sql);
    });
}

fn check_expr(e: &Expr, visible: &HashSet<ColId>, sql: &str) {
    if let ExprKind::Column(id) = e.kind {
        assert!(visible.contains(&id), "{sql}: column {id:?} is out of reach");
    }
    assert!(
        !matches!(e.kind, ExprKind::Aggregate(_) | ExprKind::Window(_) | ExprKind::Grouping(_)),
        "{sql}: a call was not moved into its operator"
    );
    match &e.kind {
        ExprKind::Subquery(sub) => {
            check_plan(&sub.plan, visible, sql);
            if let SubqueryKind::Quantified { test, .. } = &sub.kind {
                let all = visible.union(&produces(&sub.plan)).copied().collect();
                check_expr(test, &all, sql);
            }
        }
        _ => e.each_child(&mut |c| check_expr(c, visible, sql)),
    }
}

/// Columns as `name type, ...`, or the error as `code message @position | detail | hint`.
fn describe(view: &View, sql: &str) -> String {
    match described(view, sql) {
        Ok(columns) => {
            let text = |(name, ty): &(SmolStr, Type)| format!("{name} {}", format_type(view, *ty));
            columns.iter().map(text).collect::<Vec<_>>().join(", ")
        }
        Err(e) => {
            let f = e.fields();
            let mut text = format!("{} {}", f.code.as_str(), f.message);
            if let Some(p) = f.position {
                text += &format!(" @{}", p + 1);
            }
            for extra in [&f.detail, &f.hint].into_iter().flatten() {
                text += &format!(" | {extra}");
            }
            text
        }
    }
}

/// `answers.tsv` holds statements and what PostgreSQL 15 said of them over the same schema.
#[test]
fn answers_as_postgres() {
    let view = schema();
    let mut wrong = Vec::new();
    for line in include_str!("answers.tsv").lines() {
        let (sql, wanted) = line.split_once('\t').unwrap();
        let got = describe(&view, sql);
        if got != wanted {
            wrong.push(format!("{sql}\n  wanted {wanted}\n  got    {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Prints what each line of the file named by BINDER_SQL binds to, for comparison by hand.
#[test]
#[ignore = "prints answers for a file of statements"]
fn show_file() {
    let Ok(path) = std::env::var("BINDER_SQL") else { return };
    let view = schema();
    for line in std::fs::read_to_string(path).unwrap().lines().filter(|l| !l.trim().is_empty()) {
        println!("{}", describe(&view, line));
    }
}
