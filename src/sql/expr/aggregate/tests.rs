use super::*;
use crate::sql::executor::batch::{ColumnBuilder, ColumnKind};
use crate::sql::executor::testing::with_cx;
use crate::sql::expr::registry::registry;
use crate::sql::types::io::{self, IoContext};
use crate::sql::types::numeric::Numeric;

fn run(name: &str, oids: &[Oid], result: Oid, columns: &[Column]) -> String {
    let func = registry().functions_named(name).find(|f| f.kind == 'a').expect("aggregate");
    let types: Vec<Type> = oids.iter().map(|&o| o.into()).collect();
    let spec = AggregateSpec { func, arg_types: &types, direct: 0, orders: Vec::new(), ty: result.into() };
    let mut accumulator = create(&spec).expect("implemented");
    accumulator.resize(1);
    let rows: Vec<u32> = (0..columns.first().map_or(0, Column::len) as u32).collect();
    with_cx(|cx| {
        accumulator.update(cx, &Input { rows: &rows, groups: &[], args: columns }).expect("update");
        let value = accumulator.finish(cx, 0).expect("finish");
        io::output_string(&IoContext::plain(), &value, result.into())
    })
}

fn ints(values: &[i32]) -> Column {
    Column::from_datums(ColumnKind::Int4, values.iter().map(|&v| Datum::Int4(v)))
}

#[test]
fn results_are_postgresqls() {
    assert_eq!(run("avg", &[Oid::INT4], Oid::NUMERIC, &[ints(&[1, 2, 4])]), "2.3333333333333333");
    assert_eq!(run("sum", &[Oid::INT4], Oid::INT8, &[ints(&[i32::MAX, i32::MAX])]), "4294967294");
    assert_eq!(run("stddev", &[Oid::INT4], Oid::NUMERIC, &[ints(&[1, 2, 4])]), "1.5275252316519467");
    assert_eq!(run("variance", &[Oid::INT4], Oid::NUMERIC, &[ints(&[1, 2, 4])]), "2.3333333333333333");
    assert_eq!(run("array_agg", &[Oid::INT4], Oid::INT4_ARRAY, &[ints(&[3, 1])]), "{3,1}");
    assert_eq!(run("max", &[Oid::INT4], Oid::INT4, &[ints(&[3, 1])]), "3");
    let empty = ColumnBuilder::new(ColumnKind::Int4, 0).finish();
    assert_eq!(run("sum", &[Oid::INT4], Oid::INT8, &[empty]), "");
}

#[test]
fn numeric_sums_keep_the_larger_scale() {
    let column = Column::from_datums(
        ColumnKind::Numeric,
        [Numeric::Small(150, 2), Numeric::Small(1, 0), Numeric::Small(i64::MAX, 1)].map(Datum::Numeric),
    );
    assert_eq!(run("sum", &[Oid::NUMERIC], Oid::NUMERIC, &[column]), "922337203685477583.20");
}
