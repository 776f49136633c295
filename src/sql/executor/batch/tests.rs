use super::*;
use crate::sql::types::numeric::Numeric;

#[test]
fn numeric_column_keeps_values_of_another_scale() {
    let mut b = ColumnBuilder::new(ColumnKind::Numeric, 4);
    b.push_decimal(150, 2);
    b.push_null();
    b.push_decimal(7, 0);
    let c = b.finish();
    assert!(matches!(c.get(0), Datum::Numeric(Numeric::Small(150, 2))));
    assert!(c.is_null(1));
    assert!(matches!(c.get(2), Datum::Numeric(Numeric::Small(7, 0))));
}

#[test]
fn equal_values_hash_alike_across_representations() {
    let a = Column::from_datums(ColumnKind::Numeric, [Datum::Numeric(Numeric::Small(150, 2))]);
    let b = Column::from_datums(ColumnKind::Numeric, [Datum::Numeric(Numeric::Small(15, 1)), Datum::Numeric(Numeric::Small(1, 0))]);
    let narrow = Column::from_datums(ColumnKind::Int4, [Datum::Int4(-5)]);
    let wide = Column::constant(ColumnKind::Int8, Datum::Int8(-5), 1);
    let hash = |c: &Column| {
        let mut h = [0];
        c.hash_into(0..1, &mut h);
        h[0]
    };
    assert_eq!(hash(&a), hash(&b));
    assert_eq!(hash(&narrow), hash(&wide));
}

#[test]
fn selection_compacts_and_gathers_nulls() {
    let rows: Vec<[Datum; 2]> = (0..10).map(|i| [Datum::Int4(i), Datum::text(format!("row {i}"))]).collect();
    let mut batch = Batch::from_rows(&[ColumnKind::Int4, ColumnKind::Text], &rows);
    batch.selection = Some(vec![2, 9]);
    let batch = batch.compact();
    assert_eq!(batch.rows(), 2);
    assert_eq!(batch.columns[1].get_bytes(1), Some(&b"row 9"[..]));
    let outer = batch.columns[0].gather_or_null(&[1, u32::MAX]);
    assert_eq!(outer.get_i64(0), Some(9));
    assert!(outer.is_null(1));
}
