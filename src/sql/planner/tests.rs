//! Golden plans of statements bound against a small schema.

use super::explain::{Options, Printer, explain};
use super::stats::Stats;
use super::{Planned, plan};
use crate::sql::binder::{BindContext, Params, bind_query, resolve_type};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{Column, Index, IndexKey, RelKind, Relation, StorageId};
use crate::sql::catalog::statistics::{ColumnStatistics, TableStatistics, Values};
use crate::sql::catalog::{Change, schema_oid, testing};
use crate::sql::expr::registry::registry;
use crate::sql::parser::ast::{self, Statement};
use crate::sql::parser::parse;
use crate::sql::plan::{CallForm, Callee, ColId, Expr, ExprKind};
use crate::sql::types::io::{IoContext, output_string};
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;

struct View {
    base: testing::View,
    rows: HashMap<SmolStr, f64>,
    statistics: HashMap<SmolStr, Arc<TableStatistics>>,
}

impl Stats for View {
    fn rows(&self, relation: &Relation) -> f64 {
        self.rows.get(&relation.name).copied().unwrap_or(1000.0)
    }

    fn table(&self, relation: &Relation) -> Option<Arc<TableStatistics>> {
        self.statistics.get(&relation.name).cloned()
    }
}

fn index(oid: u32, name: String, keys: &[&str], columns: &[Column], number: u16, unique: bool) -> Index {
    let keys = keys
        .iter()
        .map(|k| {
            let position = columns.iter().position(|c| c.name == *k).unwrap();
            let ty = columns[position].ty;
            let collation = columns[position].collation;
            IndexKey { column: Some(position as u16), expr: None, ty, collation, opclass: None, desc: false, nulls_first: false }
        })
        .collect();
    Index {
        oid: Oid(oid),
        name: name.into(),
        number,
        unique,
        primary: number == 0,
        nulls_not_distinct: false,
        keys,
        include: Vec::new(),
        predicate: None,
        method: "btree".into(),
        constraint: None,
        options: Vec::new(),
    }
}

/// A catalog of the tables of a script of CREATE TABLE and CREATE INDEX statements.
fn view(script: &str, rows: &[(&str, f64)]) -> View {
    let rows = rows.iter().map(|(n, r)| ((*n).into(), *r)).collect();
    let mut view = View { base: testing::View::default(), rows, statistics: HashMap::new() };
    for (n, raw) in parse(script).unwrap().iter().enumerate() {
        let oid = 20000 + 10 * n as u32;
        match &raw.stmt {
            Statement::CreateTable(create) => {
                let relation = table(&view, create, oid);
                view.base.catalog.apply(&Change::Relation(Arc::new(relation)));
            }
            Statement::CreateIndex(create) => {
                let table = view.base.relation_in(schema_oid::PUBLIC, &create.relation.name).unwrap();
                let mut table = (*table).clone();
                let keys: Vec<SmolStr> = create.columns.iter().filter_map(|k| k.column.clone()).collect();
                let keys: Vec<&str> = keys.iter().map(|k| k.as_str()).collect();
                let number = table.indexes.len() as u16 + 1;
                let name = create.name.clone().unwrap().to_string();
                table.indexes.push(index(oid, name, &keys, &table.columns, number, create.unique));
                view.base.catalog.apply(&Change::Relation(Arc::new(table)));
            }
            _ => {}
        }
    }
    view
}

fn table(view: &View, create: &ast::CreateTableStmt, oid: u32) -> Relation {
    use ast::{ConstraintKind as C, TableElement};
    let io = IoContext::plain();
    let cx = BindContext { catalog: &view.base, io: &io, names: None };
    let mut columns: Vec<Column> = Vec::new();
    let mut primary: Vec<String> = Vec::new();
    for element in &create.elements {
        match element {
            TableElement::Column(def) => {
                let ty = resolve_type(&cx, def.type_name.as_ref().unwrap()).unwrap();
                let text = [Oid::TEXT, Oid::VARCHAR, Oid::BPCHAR].contains(&ty.oid);
                let mut not_null = false;
                for c in &def.constraints {
                    match &c.kind {
                        C::NotNull => not_null = true,
                        C::PrimaryKey(_) => {
                            not_null = true;
                            primary.push(def.name.to_string());
                        }
                        _ => {}
                    }
                }
                columns.push(column(&def.name, ty, if text { Oid(100) } else { Oid::INVALID }, not_null));
            }
            TableElement::Constraint(c) => {
                if let C::PrimaryKey(key) = &c.kind {
                    primary.extend(key.columns.iter().map(|c| c.to_string()));
                }
            }
            _ => {}
        }
    }
    for c in &mut columns {
        c.not_null |= primary.contains(&c.name.to_string());
    }
    let name = create.relation.name.clone();
    let keys: Vec<&str> = primary.iter().map(String::as_str).collect();
    let indexes = if keys.is_empty() { Vec::new() } else { vec![index(oid + 1, format!("{name}_pkey"), &keys, &columns, 0, true)] };
    Relation {
        row_type: Oid(oid + 2),
        row_array_type: Oid(oid + 3),
        columns,
        storage: StorageId(oid),
        indexes,
        ..Relation::new(Oid(oid), schema_oid::PUBLIC, name, Oid(10), RelKind::Table)
    }
}

fn column(name: &str, ty: Type, collation: Oid, not_null: bool) -> Column {
    Column { not_null, ..Column::new(name, ty, collation) }
}

/// A small printer: enough to tell conditions apart.
fn print(e: &Expr, column: &dyn Fn(ColId) -> Option<String>) -> String {
    let p = |e: &Expr| print(e, column);
    let list = |l: &[Expr], sep: &str| l.iter().map(p).collect::<Vec<_>>().join(sep);
    match &e.kind {
        ExprKind::Const(v) if v.is_null() => "NULL".into(),
        ExprKind::Const(v) => output_string(&IoContext::plain(), v, e.ty),
        ExprKind::Column(id) => column(*id).unwrap_or_default(),
        ExprKind::Param(n) => format!("${}", n + 1),
        ExprKind::And(l) => format!("({})", list(l, " AND ")),
        ExprKind::Or(l) => format!("({})", list(l, " OR ")),
        ExprKind::Not(a) => format!("(NOT {})", p(a)),
        ExprKind::IsNull { arg, negated, .. } => format!("({} IS {}NULL)", p(arg), if *negated { "NOT " } else { "" }),
        ExprKind::Call { form: CallForm::Operator(oid), args, .. } if args.len() == 2 => {
            format!("({} {} {})", p(&args[0]), registry().operator(*oid).unwrap().name, p(&args[1]))
        }
        ExprKind::Call { form: CallForm::ImplicitCast, args, .. } => p(&args[0]),
        ExprKind::Call { callee: Callee::Builtin(f), args, .. } => format!("{}({})", f.name, list(args, ", ")),
        ExprKind::Relabel(a, _) => p(a),
        ExprKind::Coalesce(l) => format!("COALESCE({})", list(l, ", ")),
        ExprKind::ArrayCompare { left, array, .. } => format!("({} = ANY ({}))", p(left), p(array)),
        ExprKind::Aggregate(a) => format!("{}({})", a.func.name, if a.star { "*".into() } else { list(&a.args, ", ") }),
        ExprKind::Case { .. } => "CASE".into(),
        _ => "?".into(),
    }
}

fn planned(view: &View, sql: &str) -> Planned {
    let io = IoContext::plain();
    let cx = BindContext { catalog: &view.base, io: &io, names: None };
    let statements = parse(sql).unwrap();
    let query = bind_query(&cx, &statements[0].stmt, &mut Params::inferred([])).unwrap();
    plan(&query, view).unwrap()
}

fn explained(view: &View, sql: &str, costs: bool) -> String {
    let options = Options { costs, ..Options::default() };
    explain(&planned(view, sql), &Printer(print), &options, None).join("\n")
}

/// Prints the plans of the statements in the files named by PLAN_SQL (the first is the schema).
#[test]
#[ignore = "prints plans of a folder of statements"]
fn show_files() {
    let Ok(paths) = std::env::var("PLAN_SQL") else { return };
    let mut paths = paths.split(':');
    let schema = std::fs::read_to_string(paths.next().unwrap()).unwrap();
    let rows = [
        ("lineitem", 6e6),
        ("orders", 1.5e6),
        ("partsupp", 8e5),
        ("part", 2e5),
        ("customer", 1.5e5),
        ("supplier", 1e4),
        ("nation", 25.0),
        ("region", 5.0),
    ];
    let view = view(&schema, &rows);
    for path in paths {
        let sql = std::fs::read_to_string(path).unwrap();
        println!("== {path}\n{}", explained(&view, &sql, true));
    }
}

/// A column of integers 0..=1000 spread evenly over the rows.
fn even(distinct: f32) -> ColumnStatistics {
    let bounds = (0..=100).map(|i| Datum::Int4(i * 10)).collect();
    ColumnStatistics { ty: Oid::INT4, width: 4, distinct, histogram: Values(bounds), ..ColumnStatistics::default() }
}

/// Half of the rows are 1, a quarter 2, a quarter NULL.
fn skewed() -> ColumnStatistics {
    ColumnStatistics {
        ty: Oid::INT4,
        width: 4,
        null_fraction: 0.25,
        distinct: 2.0,
        common: Values(vec![Datum::Int4(1), Datum::Int4(2)]),
        frequencies: vec![0.5, 0.25],
        ..ColumnStatistics::default()
    }
}

fn analyzed(view: &mut View, table: &str, rows: f64, columns: Vec<ColumnStatistics>) {
    let relation = view.base.relation_in(schema_oid::PUBLIC, table).unwrap();
    let columns = columns.into_iter().enumerate().map(|(i, c)| (i as u16, Arc::new(c))).collect();
    let statistics = TableStatistics {
        relation: relation.oid,
        storage: relation.storage,
        rows,
        pages: (rows / 200.0) as u32,
        at: 0,
        columns,
        indexes: Default::default(),
    };
    view.statistics.insert(table.into(), Arc::new(statistics));
    view.rows.insert(table.into(), rows);
}

#[test]
fn rows_are_estimated_by_statistics() {
    let mut view = view("create table t (a int, b int)", &[]);
    analyzed(&mut view, "t", 10_000.0, vec![even(1000.0), skewed()]);
    let rows = |condition: &str| planned(&view, &format!("select * from t where {condition}")).root.estimate.rows.round();
    assert_eq!(rows("a < 100"), 1000.0);
    assert_eq!(rows("a between 100 and 300"), 2000.0);
    assert_eq!(rows("a = 5"), 10.0);
    assert_eq!(rows("b = 1"), 5000.0);
    assert_eq!(rows("b <> 1"), 2500.0);
    assert_eq!(rows("b is null"), 2500.0);
    assert_eq!(rows("b in (1, 2)"), 7500.0);
    assert_eq!(rows("b = 1 or b = 2"), 6250.0);
    assert_eq!(rows("a < 100 and b = 1"), 500.0);
    assert_eq!(rows("not (b = 2)"), 7500.0);
    // No function of PostgreSQL's knows this one: it is tried on the histogram.
    assert!((rows("a % 20 = 0") - 5000.0).abs() < 100.0);
}

#[test]
fn groups_and_having_are_estimated_by_statistics() {
    let mut view = view("create table t (a int, b int)", &[]);
    analyzed(&mut view, "t", 10_000.0, vec![even(1000.0), skewed()]);
    let rows = |sql: &str| planned(&view, sql).root.estimate.rows;
    assert_eq!(rows("select a, count(*) from t group by a"), 1000.0);
    assert_eq!(rows("select b, count(*) from t group by b"), 2.0);
    // Groups have ten rows on average.
    assert!(rows("select a, count(*) from t group by a having count(*) > 5") > 900.0);
    assert!(rows("select a, count(*) from t group by a having count(*) > 50") < 10.0);
}

#[test]
fn joins_start_where_few_rows_are() {
    let script = "create table big (id int primary key, mid int, x int); create table mid (id int primary key, small int);
        create table small (id int primary key, name int); create index big_mid on big (mid); create index mid_small on mid (small)";
    let mut view = view(script, &[]);
    analyzed(&mut view, "big", 1e6, vec![even(-1.0), even(10_000.0), even(1000.0)]);
    analyzed(&mut view, "mid", 1e4, vec![even(-1.0), even(100.0)]);
    analyzed(&mut view, "small", 1e2, vec![even(-1.0), even(-1.0)]);
    let sql = "select sum(big.x) from big, mid, small where big.mid = mid.id and mid.small = small.id and small.name = 7";
    let text = explained(&view, sql, false);
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what} in\n{text}"));
    assert!(place("Seq Scan on small") < place("mid_small on mid") && place("mid_small on mid") < place("big_mid on big"));
    assert!(!text.contains("Hash"), "{text}");
}

#[test]
fn equal_columns_make_one_class() {
    let script =
        "create table a (x int primary key, v int); create table b (x int primary key); create table c (x int primary key)";
    let view = view(script, &[("a", 10.0), ("b", 1e5), ("c", 1e5)]);
    let text = explained(&view, "select a.v from b, c, a where b.x = c.x and c.x = a.x", false);
    // Both large tables are looked up by the small one, b through an equality nobody wrote.
    assert_eq!(text.matches("Index Only Scan").count() + text.matches("Index Scan").count(), 2, "{text}");
    assert!(!text.contains("Hash"), "{text}");
}

#[test]
fn few_outer_rows_restrict_a_grouped_subquery() {
    let script = "create table p (k int primary key, kind int); create table l (k int, n int); create index l_k on l (k)";
    let mut view = view(script, &[]);
    analyzed(&mut view, "p", 1000.0, vec![even(-1.0), even(500.0)]);
    analyzed(&mut view, "l", 1e6, vec![even(1000.0), even(1000.0)]);
    let sql = "select p.k from p where p.kind = 3 and p.k > (select avg(n) from l where l.k = p.k)";
    let text = explained(&view, sql, false);
    assert!(text.contains("Index Scan using l_k on l") && text.contains("Nested Loop"), "{text}");
}

#[test]
fn a_semi_join_is_ordered_with_the_others() {
    let script =
        "create table a (id int primary key, b int); create table b (id int primary key, v int); create table c (b int, f int);
        create index c_b on c (b)";
    let mut view = view(script, &[]);
    analyzed(&mut view, "a", 1e5, vec![even(-1.0), even(1e5)]);
    analyzed(&mut view, "b", 1e5, vec![even(-1.0), even(1000.0)]);
    analyzed(&mut view, "c", 1e6, vec![even(1e5), even(1000.0)]);
    let sql = "select a.id from a, b where a.b = b.id and b.v = 1 and exists (select 1 from c where c.b = b.id and c.f < 20)";
    let text = explained(&view, sql, false);
    assert!(text.contains("Semi Join") && text.contains("c_b on c"), "{text}");
}

#[test]
fn a_left_join_for_rows_without_a_match_is_an_anti_join() {
    let view = view("create table a (id int primary key); create table b (a_id int, v int)", &[("a", 1000.0), ("b", 1000.0)]);
    let text = explained(&view, "select a.id, b.v from a left join b on b.a_id = a.id where b.a_id is null and a.id > 3", false);
    assert!(text.contains("Anti Join") && !text.contains("IS NULL"), "{text}");
    // A column the join's condition says nothing of may be NULL in a match, too.
    let text = explained(&view, "select a.id from a left join b on b.a_id = a.id where b.v is null", false);
    assert!(!text.contains("Anti Join"), "{text}");
}
