//! Whole queries, from text to rows, against PostgreSQL 15's recorded answers (`testdata`).
//!
//! A `.sql` file holds queries separated by lines of `--`; the `.out` file beside it their answers as `psql -At -F '|'` printed
//! them. The queries read no tables: VALUES, functions and CTEs make their rows.

use super::build::build;
use super::testing::{MemoryTables, with_tables};
use crate::error::Result;
use crate::sql::binder::{BindContext, Params, bind_query};
use crate::sql::catalog::Catalog;
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{Relation, RelationRef, UserFunction};
use crate::sql::catalog::schema_oid;
use crate::sql::catalog::snapshot::TypeEntry;
use crate::sql::parser::parse;
use crate::sql::planner::{DefaultStats, plan};
use crate::sql::types::Oid;
use crate::sql::types::io::{BuiltinTypes, IoContext, output_string};
use smol_str::SmolStr;
use std::sync::Arc;

struct View(Catalog);

impl CatalogView for View {
    fn schema_oid(&self, name: &str) -> Option<Oid> {
        self.0.schema_named(name).map(|s| s.oid)
    }
    fn schema_name(&self, oid: Oid) -> Option<SmolStr> {
        self.0.schema(oid).map(|s| s.name.clone())
    }
    fn search_path(&self) -> &[Oid] {
        &[schema_oid::PG_CATALOG, schema_oid::PUBLIC]
    }
    fn relation_in(&self, schema: Oid, name: &str) -> Option<RelationRef> {
        self.0.relation_named(schema, name).cloned()
    }
    fn class_oid(&self, schema: Oid, name: &str) -> Option<Oid> {
        self.0.class_oid(schema, name)
    }
    fn relation(&self, oid: Oid) -> Option<RelationRef> {
        self.0.relation(oid).cloned()
    }
    fn type_in(&self, schema: Oid, name: &str) -> Option<Oid> {
        self.0.type_named(schema, name)
    }
    fn type_object(&self, oid: Oid) -> Option<TypeEntry> {
        self.0.type_entry(oid)
    }
    fn functions_in(&self, schema: Oid, name: &str) -> Vec<Arc<UserFunction>> {
        self.0.functions_named(schema, name).cloned().collect()
    }
    fn function(&self, oid: Oid) -> Option<Arc<UserFunction>> {
        self.0.function(oid).cloned()
    }
    fn identity_sequence(&self, _: Oid, _: usize) -> Option<Oid> {
        None
    }
    fn collation_in(&self, _: Oid, name: &str) -> Option<Oid> {
        (name == "C").then_some(Oid(950))
    }
    fn collation_name(&self, _: Oid) -> Option<SmolStr> {
        Some("C".into())
    }
    fn database_name(&self) -> &str {
        "actors"
    }
    fn check_schema(&self, _: Option<Oid>, _: Oid) -> Result<()> {
        Ok(())
    }
    fn check_relation(&self, _: Option<Oid>, _: &Relation, _: u32, _: &[u16]) -> Result<()> {
        Ok(())
    }
    fn check_function(&self, _: Option<Oid>, _: &UserFunction) -> Result<()> {
        Ok(())
    }
}

/// Runs one query; rows as `psql -At` prints them.
fn run(view: &View, sql: &str) -> Result<Vec<String>> {
    run_within(view, sql, 4 << 20)
}

/// As `run`, with so much work_mem.
fn run_within(view: &View, sql: &str, work_mem: usize) -> Result<Vec<String>> {
    let io = IoContext::plain();
    let raw = parse(sql)?.remove(0);
    let mut params = Params::none();
    let query = bind_query(&BindContext { catalog: view, io: &io, names: None }, &raw.stmt, &mut params)?;
    let planned = plan(&query, &DefaultStats)?;
    let mut root = build(&planned, &BuiltinTypes)?;
    with_tables(&MemoryTables::default(), |cx| {
        cx.work_mem = work_mem;
        let mut rows = Vec::new();
        while let Some(batch) = root.next(cx)? {
            for position in batch.positions() {
                let cells = planned.outputs.iter().zip(&planned.columns).map(|(&at, output)| {
                    let value = batch.columns[at].get(position);
                    if value.is_null() { String::new() } else { output_string(&io, &value, output.ty) }
                });
                rows.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
        Ok(rows)
    })
}

fn check(sql: &str, out: &str) {
    let view = View(Catalog::bootstrap());
    let mut answers = out.split("--\n");
    let mut wrong = 0;
    for query in sql.split("--\n").map(str::trim).filter(|q| !q.is_empty()) {
        let want = answers.next().unwrap_or("<no answer recorded>\n");
        let got = match run(&view, query) {
            Ok(rows) => rows.iter().map(|r| format!("{r}\n")).collect(),
            Err(e) => format!("ERROR:  {}\n", e.message()),
        };
        if got != want {
            wrong += 1;
            println!("{query}\n-- wanted\n{want}-- got\n{got}");
        }
    }
    assert_eq!(wrong, 0, "queries answered differently");
}

#[test]
fn aggregates() {
    check(include_str!("testdata/aggregate.sql"), include_str!("testdata/aggregate.out"));
}

#[test]
fn joins_and_subqueries() {
    check(include_str!("testdata/join.sql"), include_str!("testdata/join.out"));
}

#[test]
fn windows() {
    check(include_str!("testdata/window.sql"), include_str!("testdata/window.out"));
}

#[test]
fn expressions() {
    check(include_str!("testdata/expression.sql"), include_str!("testdata/expression.out"));
}

#[test]
fn operators_that_spill_answer_the_same() {
    let view = View(Catalog::bootstrap());
    let rows = "(SELECT i, i * 7919 % 3001 AS k, 'text ' || i % 1777 AS t FROM generate_series(1, 9000) AS g(i)) AS r";
    let queries = [
        format!("SELECT k, count(*), sum(i), min(t), array_agg(i ORDER BY i DESC) FROM {rows} GROUP BY k"),
        format!("SELECT k % 7, t, count(*) FILTER (WHERE i % 3 = 0) FROM {rows} GROUP BY GROUPING SETS ((k % 7), (t), ())"),
        format!("SELECT count(DISTINCT k), count(DISTINCT t), sum(DISTINCT i % 4000) FROM {rows}"),
        format!("SELECT i % 3, string_agg(DISTINCT t, ',' ORDER BY t) FROM {rows} GROUP BY 1"),
        format!("SELECT DISTINCT k, t FROM {rows}"),
        format!("SELECT DISTINCT ON (k) k, i FROM {rows} ORDER BY k, i DESC"),
        format!("SELECT k, t FROM {rows} UNION SELECT k + 1, t FROM {rows}"),
        format!("SELECT k FROM {rows} INTERSECT ALL SELECT k * 2 FROM {rows}"),
        format!("SELECT k, t FROM {rows} EXCEPT SELECT k, t FROM {rows} WHERE i % 2 = 0"),
        format!("SELECT k FROM {rows} EXCEPT ALL SELECT k FROM {rows} WHERE i < 4000"),
        format!(
            "SELECT i, t, sum(i) OVER (PARTITION BY i % 2 ORDER BY k), lag(t, 2) OVER (PARTITION BY i % 2 ORDER BY k) FROM {rows}"
        ),
        format!("WITH c AS MATERIALIZED (SELECT * FROM {rows}) SELECT a.i, b.t FROM c AS a JOIN c AS b ON a.i = b.k"),
        "WITH RECURSIVE n(i, t) AS (SELECT 1, repeat('x', 40) UNION ALL SELECT i + 1, t FROM n WHERE i < 2000) SELECT * FROM n"
            .into(),
        format!("SELECT k, count(*) FROM (SELECT * FROM {rows} ORDER BY k) AS s GROUP BY k ORDER BY k"),
    ];
    for query in queries {
        let mut whole = run(&view, &query).expect("runs in memory");
        let mut spilled = run_within(&view, &query, 16 << 10).expect("runs in files");
        if !query.ends_with("ORDER BY k") && !query.contains("DISTINCT ON") {
            whole.sort();
            spilled.sort();
        }
        assert!(whole.len() > 2 || query.contains("count(DISTINCT"), "{query}");
        assert!(whole == spilled, "answered differently when spilled: {query}");
    }
}
