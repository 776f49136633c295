//! Operators against what SQL says they answer.

use super::batch::Batch;
use super::hash_join::{HashJoin, JoinColumn, JoinMode, JoinSpec};
use super::hash_table::{BuildSide, BuildWorker, SharedBuild};
use super::nested_loop::{LoopMode, NestedLoop};
use super::sort::{Sort, SortColumn, TopRows};
use super::testing::with_cx;
use super::*;
use crate::sql::expr::eval::CompiledExpr;
use crate::sql::expr::registry::registry;
use crate::sql::plan::{CallForm, Callee, ColId, Expr, ExprKind};
use crate::sql::types::{Datum, Oid, Type};

/// Batches given beforehand.
struct Given(Vec<Batch>, usize);

impl Operator for Given {
    fn next(&mut self, _: &mut ExecCx<'_>) -> Result<Option<Batch>> {
        self.1 += 1;
        Ok(self.0.get(self.1 - 1).cloned())
    }

    fn rescan(&mut self, _: &mut ExecCx<'_>) -> Result<()> {
        self.1 = 0;
        Ok(())
    }
}

/// Two integer columns in batches of three rows; `None` is NULL.
fn given(rows: &[(Option<i32>, i32)]) -> BoxOperator {
    let datums: Vec<[Datum; 2]> = rows.iter().map(|(a, b)| [a.map_or(Datum::Null, Datum::Int4), Datum::Int4(*b)]).collect();
    let kinds = [ColumnKind::Int4, ColumnKind::Int4];
    Box::new(Given(datums.chunks(3).map(|c| Batch::from_rows(&kinds, c)).collect(), 0))
}

fn slot(n: usize) -> CompiledExpr {
    CompiledExpr::slot(n, Type::new(Oid::INT4))
}

fn rows(mut operator: BoxOperator) -> Vec<String> {
    with_cx(|cx| {
        let mut out = Vec::new();
        while let Some(batch) = operator.next(cx).expect("runs") {
            for position in batch.positions() {
                let cells = batch.row(position).into_iter().map(|d| match d {
                    Datum::Int4(v) => v.to_string(),
                    Datum::Int8(v) => v.to_string(),
                    Datum::Null => "-".into(),
                    other => format!("{other:?}"),
                });
                out.push(cells.collect::<Vec<String>>().join(","));
            }
        }
        out
    })
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

struct NoEnv;

impl crate::sql::expr::eval::CompileEnv for NoEnv {
    fn outer_slot(&mut self, _: ColId) -> Result<usize> {
        Err(crate::error::SqlError::internal("no outer columns here"))
    }

    fn subplan(
        &mut self,
        _: &crate::sql::plan::Subquery,
        _: &crate::sql::expr::eval::Scope,
    ) -> Result<crate::sql::expr::eval::SubPlan> {
        Err(crate::error::SqlError::internal("no subqueries here"))
    }

    fn array_element(&mut self, _: Oid) -> Result<Oid> {
        Ok(Oid::INT4)
    }
}

/// `symbol(column a, column b)` over the first four columns.
fn call(symbol: &str, a: u32, b: u32, ty: Oid) -> Expr {
    let function = registry().functions().find(|f| f.symbol == symbol).expect("built in");
    let args = vec![Expr::column(ColId(a), Oid::INT4), Expr::column(ColId(b), Oid::INT4)];
    Expr::new(ExprKind::Call { callee: Callee::Builtin(function), args, form: CallForm::Call, variadic: false }, ty)
}

fn compiled(expr: &Expr) -> CompiledExpr {
    let scope = crate::sql::expr::eval::Scope::new((0..4).map(ColId));
    crate::sql::expr::eval::compile(expr, &scope, &mut NoEnv).expect("compiles")
}

const LEFT: [(Option<i32>, i32); 5] = [(Some(1), 10), (Some(2), 20), (None, 30), (Some(2), 40), (Some(4), 50)];
const RIGHT: [(Option<i32>, i32); 4] = [(Some(2), 25), (Some(3), 35), (None, 45), (Some(2), 15)];

fn built(rows: &[(Option<i32>, i32)]) -> SharedBuild {
    let worker = BuildWorker { input: given(rows), keys: vec![slot(0)] };
    BuildSide::new(vec![worker], vec![ColumnKind::Int4; 2], Vec::new()).shared()
}

fn hash_join(mode: JoinMode, residual: Option<CompiledExpr>) -> Vec<String> {
    use JoinColumn::{Build, Probe};
    let output = match mode {
        JoinMode::Semi | JoinMode::Anti => vec![Probe(0), Probe(1)],
        JoinMode::BuildSemi | JoinMode::BuildAnti => vec![Build(0), Build(1)],
        _ => vec![Probe(0), Probe(1), Build(0), Build(1)],
    };
    let spec = JoinSpec {
        mode,
        probe_keys: vec![slot(0)],
        residual,
        probe_kinds: vec![ColumnKind::Int4; 2],
        build_kinds: vec![ColumnKind::Int4; 2],
        output,
    };
    sorted(rows(Box::new(HashJoin::new(given(&LEFT), built(&RIGHT), spec))))
}

#[test]
fn hash_join_modes() {
    let pairs = ["2,20,2,15", "2,20,2,25", "2,40,2,15", "2,40,2,25"];
    let left = ["-,30,-,-", "1,10,-,-", "4,50,-,-"];
    let right = ["-,-,-,45", "-,-,3,35"];
    let all = |parts: &[&[&str]]| sorted(parts.iter().flat_map(|p| p.iter().map(|s| (*s).to_string())).collect());
    assert_eq!(hash_join(JoinMode::Inner, None), all(&[&pairs]));
    assert_eq!(hash_join(JoinMode::Left, None), all(&[&pairs, &left]));
    assert_eq!(hash_join(JoinMode::Right, None), all(&[&pairs, &right]));
    assert_eq!(hash_join(JoinMode::Full, None), all(&[&pairs, &left, &right]));
    assert_eq!(hash_join(JoinMode::Semi, None), ["2,20", "2,40"]);
    assert_eq!(hash_join(JoinMode::Anti, None), ["-,30", "1,10", "4,50"]);
    assert_eq!(hash_join(JoinMode::BuildSemi, None), ["2,15", "2,25"]);
    assert_eq!(hash_join(JoinMode::BuildAnti, None), ["-,45", "3,35"]);
}

#[test]
fn residual_conditions_decide_what_matched() {
    let less = || Some(compiled(&call("int4lt", 1, 3, Oid::BOOL)));
    assert_eq!(hash_join(JoinMode::Inner, less()), ["2,20,2,25"]);
    assert_eq!(hash_join(JoinMode::Anti, less()), ["-,30", "1,10", "2,40", "4,50"]);
    assert_eq!(hash_join(JoinMode::Left, less()), ["-,30,-,-", "1,10,-,-", "2,20,2,25", "2,40,-,-", "4,50,-,-"]);
}

#[test]
fn nested_loop_agrees_with_the_hash_join() {
    for (lopped, hashed) in [
        (LoopMode::Inner, JoinMode::Inner),
        (LoopMode::Left, JoinMode::Left),
        (LoopMode::Semi, JoinMode::Semi),
        (LoopMode::Anti, JoinMode::Anti),
    ] {
        let on = Some(compiled(&call("int4eq", 0, 2, Oid::BOOL)));
        let kinds = vec![ColumnKind::Int4; 2];
        let join = NestedLoop::new(given(&LEFT), given(&RIGHT), lopped, on, kinds);
        assert_eq!(sorted(rows(Box::new(join))), hash_join(hashed, None));
    }
}

fn sort(top: Option<i64>, desc: bool, nulls_first: bool) -> Vec<String> {
    let keys = vec![SortColumn { expr: slot(0), desc, nulls_first }, SortColumn { expr: slot(1), desc: false, nulls_first: false }];
    let limit = |n: i64| compiled(&Expr::constant(Datum::Int8(n), Oid::INT8));
    let top = top.map(|n| TopRows { limit: limit(n), offset: None });
    rows(Box::new(Sort::new(given(&LEFT), keys, 2, top)))
}

#[test]
fn sorts_place_nulls_and_directions() {
    assert_eq!(sort(None, false, false), ["1,10", "2,20", "2,40", "4,50", "-,30"]);
    assert_eq!(sort(None, true, true), ["-,30", "4,50", "2,20", "2,40", "1,10"]);
    assert_eq!(sort(Some(2), true, false), ["4,50", "2,20"]);
}

#[test]
fn sort_spills_and_merges() {
    let many: Vec<(Option<i32>, i32)> = (0..20_000).map(|i| (Some((i * 7919) % 20_011), i)).collect();
    let keys = vec![SortColumn { expr: slot(0), desc: false, nulls_first: false }];
    let mut sort = Sort::new(given(&many), keys, 2, None);
    let mut last = None;
    let mut count = 0;
    with_cx(|cx| {
        cx.work_mem = 40_000;
        while let Some(batch) = sort.next(cx).expect("runs") {
            for position in batch.positions() {
                let value = batch.columns[0].get_i64(position);
                assert!(last <= value);
                last = value;
                count += 1;
            }
        }
    });
    assert_eq!(count, 20_000);
}

#[test]
fn and_stops_before_a_division_by_zero() {
    let zero = || Expr::constant(Datum::Int4(0), Oid::INT4);
    let function = |symbol: &str| Callee::Builtin(registry().functions().find(|f| f.symbol == symbol).expect("built in"));
    let make = |symbol: &str, args: Vec<Expr>, ty: Oid| {
        Expr::new(ExprKind::Call { callee: function(symbol), args, form: CallForm::Call, variadic: false }, ty)
    };
    let a = || Expr::column(ColId(0), Oid::INT4);
    let guarded = Expr::new(
        ExprKind::And(vec![
            make("int4ne", vec![a(), zero()], Oid::BOOL),
            make(
                "int4gt",
                vec![make("int4div", vec![Expr::constant(Datum::Int4(10), Oid::INT4), a()], Oid::INT4), zero()],
                Oid::BOOL,
            ),
        ]),
        Oid::BOOL,
    );
    let input = given(&[(Some(0), 1), (Some(5), 2), (None, 3), (Some(0), 4)]);
    let filtered = super::filter::Filter::new(input, compiled(&guarded));
    assert_eq!(rows(Box::new(filtered)), ["5,2"]);
    let bare = make("int4div", vec![Expr::constant(Datum::Int4(10), Oid::INT4), a()], Oid::INT4);
    let mut failing = super::project::Project::new(given(&[(Some(0), 1)]), vec![compiled(&bare)]);
    let error = with_cx(|cx| failing.next(cx)).expect_err("divides by zero");
    assert_eq!(error.message(), "division by zero");
}

#[test]
fn integer_overflow_is_an_error_only_where_it_counts() {
    let sum = call("int4pl", 0, 1, Oid::INT4);
    let mut add = super::project::Project::new(given(&[(Some(i32::MAX), 1)]), vec![compiled(&sum)]);
    assert_eq!(with_cx(|cx| add.next(cx)).expect_err("overflows").message(), "integer out of range");
    let mut batch =
        Batch::from_rows(&[ColumnKind::Int4; 2], &[[Datum::Int4(i32::MAX), Datum::Int4(1)], [Datum::Int4(1), Datum::Int4(2)]]);
    batch.selection = Some(vec![1]);
    let column = with_cx(|cx| compiled(&sum).eval(cx, &batch)).expect("only the selected row is added");
    assert_eq!(column.get_i64(1), Some(3));
}

#[test]
fn a_join_that_spills_answers_the_same() {
    let many = |n: i32, by: i32| (0..n).map(|i| (Some(i / by), i)).collect::<Vec<_>>();
    let (left, right) = (many(3000, 3), many(5000, 2));
    let join = |work_mem: usize| {
        let spec = JoinSpec {
            mode: JoinMode::Full,
            probe_keys: vec![slot(0)],
            residual: None,
            probe_kinds: vec![ColumnKind::Int4; 2],
            build_kinds: vec![ColumnKind::Int4; 2],
            output: vec![JoinColumn::Probe(1), JoinColumn::Build(1)],
        };
        let mut join = HashJoin::new(given(&left), built(&right), spec);
        let mut out = Vec::new();
        with_cx(|cx| {
            cx.work_mem = work_mem;
            while let Some(batch) = join.next(cx).expect("runs") {
                out.extend(batch.positions().map(|p| (batch.columns[0].get_i64(p), batch.columns[1].get_i64(p))));
            }
        });
        out.sort();
        out
    };
    let whole = join(64 << 20);
    assert_eq!(whole.len(), 3000 * 2 + 3000);
    assert_eq!(join(10_000), whole);
}
