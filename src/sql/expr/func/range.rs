//! Ranges and multiranges: constructors, bounds, relations, set operations. The algebra is `types::range`.

use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::expr::context::FnCx;
use crate::sql::types::compare::{Bound, compare_lower, compare_upper};
use crate::sql::types::io::{TypeKind, type_info};
use crate::sql::types::range::{Multirange, Range};
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

fn r(d: &Datum) -> &Range {
    d.as_range()
}

fn m(d: &Datum) -> &Multirange {
    d.as_multirange()
}

fn range(v: Range) -> Result<Datum> {
    Ok(Datum::Range(Arc::new(v)))
}

fn multirange(v: Multirange) -> Result<Datum> {
    Ok(Datum::Multirange(Arc::new(v)))
}

/// Range functions by symbol.
pub const RANGES: &[Entry] = &[
    f("range_constructor2", |cx, a| construct(cx, a, "[)")),
    f("range_constructor3", |cx, a| {
        if a[2].is_null() {
            return Err(SqlError::new(SqlState::DATA_EXCEPTION, "range constructor flags argument must not be null"));
        }
        construct(cx, a, a[2].as_str())
    }),
    f("range_lower", |_, a| Ok(bound_value(&r(&a[0]).lower))),
    f("range_upper", |_, a| Ok(bound_value(&r(&a[0]).upper))),
    f("range_empty", |_, a| boolean(r(&a[0]).empty)),
    f("range_lower_inc", |_, a| boolean(matches!(r(&a[0]).lower, Some((_, true))))),
    f("range_upper_inc", |_, a| boolean(matches!(r(&a[0]).upper, Some((_, true))))),
    f("range_lower_inf", |_, a| boolean(!r(&a[0]).empty && r(&a[0]).lower.is_none())),
    f("range_upper_inf", |_, a| boolean(!r(&a[0]).empty && r(&a[0]).upper.is_none())),
    f("range_contains_elem", |_, a| boolean(r(&a[0]).contains_value(&a[1]))),
    f("elem_contained_by_range", |_, a| boolean(r(&a[1]).contains_value(&a[0]))),
    f("range_contains", |_, a| boolean(r(&a[0]).contains(r(&a[1])))),
    f("range_contained_by", |_, a| boolean(r(&a[1]).contains(r(&a[0])))),
    f("range_overlaps", |_, a| boolean(r(&a[0]).overlaps(r(&a[1])))),
    f("range_before", |_, a| boolean(r(&a[0]).before(r(&a[1])))),
    f("range_after", |_, a| boolean(r(&a[0]).after(r(&a[1])))),
    f("range_overleft", |_, a| boolean(r(&a[0]).over_left(r(&a[1])))),
    f("range_overright", |_, a| boolean(r(&a[0]).over_right(r(&a[1])))),
    f("range_adjacent", |_, a| boolean(r(&a[0]).adjacent(r(&a[1])))),
    f("range_union", |_, a| r(&a[0]).union(r(&a[1])).and_then(range)),
    f("range_intersect", |_, a| range(r(&a[0]).intersect(r(&a[1])))),
    f("range_minus", |_, a| r(&a[0]).minus(r(&a[1])).and_then(range)),
    f("range_merge", |_, a| range(r(&a[0]).merge(r(&a[1])))),
    f("int4range_canonical", |_, a| Ok(a[0].clone())),
    f("int8range_canonical", |_, a| Ok(a[0].clone())),
    f("daterange_canonical", |_, a| Ok(a[0].clone())),
    f("int4range_subdiff", |_, a| Ok(Datum::Float8(f64::from(a[0].as_int4()) - f64::from(a[1].as_int4())))),
    f("int8range_subdiff", |_, a| Ok(Datum::Float8(a[0].as_int8() as f64 - a[1].as_int8() as f64))),
    f("numrange_subdiff", |_, a| a[0].as_numeric().sub(a[1].as_numeric())?.to_f64().map(Datum::Float8)),
    f("daterange_subdiff", |_, a| Ok(Datum::Float8(f64::from(a[0].as_date()) - f64::from(a[1].as_date())))),
    f("tsrange_subdiff", |_, a| Ok(Datum::Float8((a[0].as_timestamp() as f64 - a[1].as_timestamp() as f64) / 1e6))),
    f("tstzrange_subdiff", |_, a| Ok(Datum::Float8((a[0].as_timestamptz() as f64 - a[1].as_timestamptz() as f64) / 1e6))),
];

/// Multirange functions by symbol.
pub const MULTIRANGES: &[Entry] = &[
    f("multirange_constructor0", |cx, _| multirange(Multirange { ty: result_type(cx), ranges: Vec::new() })),
    f("multirange_constructor1", |cx, a| multirange(Multirange::new(result_type(cx), vec![r(&a[0]).clone()]))),
    f("multirange_constructor2", |cx, a| multirange(Multirange::new(result_type(cx), members(a)?))),
    f("multirange_lower", |_, a| Ok(m(&a[0]).ranges.first().map_or(Datum::Null, |r| bound_value(&r.lower)))),
    f("multirange_upper", |_, a| Ok(m(&a[0]).ranges.last().map_or(Datum::Null, |r| bound_value(&r.upper)))),
    f("multirange_empty", |_, a| boolean(m(&a[0]).ranges.is_empty())),
    f("multirange_lower_inc", |_, a| boolean(m(&a[0]).ranges.first().is_some_and(|r| matches!(r.lower, Some((_, true)))))),
    f("multirange_upper_inc", |_, a| boolean(m(&a[0]).ranges.last().is_some_and(|r| matches!(r.upper, Some((_, true)))))),
    f("multirange_lower_inf", |_, a| boolean(m(&a[0]).ranges.first().is_some_and(|r| r.lower.is_none()))),
    f("multirange_upper_inf", |_, a| boolean(m(&a[0]).ranges.last().is_some_and(|r| r.upper.is_none()))),
    set("multirange_unnest", |_, a| {
        let ranges = m(&a[0]).ranges.clone();
        Ok(column(ranges.into_iter().map(|r| Datum::Range(Arc::new(r)))))
    }),
    f("range_merge_from_multirange", |cx, a| range(m(&a[0]).span(range_type(cx, m(&a[0]).ty)?))),
    f("multirange_union", |_, a| multirange(m(&a[0]).union(m(&a[1])))),
    f("multirange_intersect", |_, a| multirange(m(&a[0]).intersect(m(&a[1])))),
    f("multirange_minus", |_, a| multirange(m(&a[0]).minus(m(&a[1])))),
    f("multirange_contains_elem", |_, a| boolean(m(&a[0]).contains_value(&a[1]))),
    f("elem_contained_by_multirange", |_, a| boolean(m(&a[1]).contains_value(&a[0]))),
    f("multirange_contains_range", |_, a| boolean(m(&a[0]).contains_range(r(&a[1])))),
    f("range_contained_by_multirange", |_, a| boolean(m(&a[1]).contains_range(r(&a[0])))),
    f("multirange_contains_multirange", |_, a| boolean(m(&a[0]).contains(m(&a[1])))),
    f("multirange_contained_by_multirange", |_, a| boolean(m(&a[1]).contains(m(&a[0])))),
    f("range_contains_multirange", |_, a| boolean(m(&a[1]).ranges.iter().all(|x| r(&a[0]).contains(x)))),
    f("multirange_contained_by_range", |_, a| boolean(m(&a[0]).ranges.iter().all(|x| r(&a[1]).contains(x)))),
    f("multirange_overlaps_range", |_, a| boolean(m(&a[0]).overlaps_range(r(&a[1])))),
    f("range_overlaps_multirange", |_, a| boolean(m(&a[1]).overlaps_range(r(&a[0])))),
    f("multirange_overlaps_multirange", |_, a| boolean(m(&a[0]).overlaps(m(&a[1])))),
    f("range_before_multirange", |_, a| boolean(before(one(&a[0]), many(&a[1])))),
    f("multirange_before_range", |_, a| boolean(before(many(&a[0]), one(&a[1])))),
    f("multirange_before_multirange", |_, a| boolean(before(many(&a[0]), many(&a[1])))),
    f("range_after_multirange", |_, a| boolean(before(many(&a[1]), one(&a[0])))),
    f("multirange_after_range", |_, a| boolean(before(one(&a[1]), many(&a[0])))),
    f("multirange_after_multirange", |_, a| boolean(before(many(&a[1]), many(&a[0])))),
    f("range_overleft_multirange", |_, a| boolean(over_left(one(&a[0]), many(&a[1])))),
    f("multirange_overleft_range", |_, a| boolean(over_left(many(&a[0]), one(&a[1])))),
    f("multirange_overleft_multirange", |_, a| boolean(over_left(many(&a[0]), many(&a[1])))),
    f("range_overright_multirange", |_, a| boolean(over_right(one(&a[0]), many(&a[1])))),
    f("multirange_overright_range", |_, a| boolean(over_right(many(&a[0]), one(&a[1])))),
    f("multirange_overright_multirange", |_, a| boolean(over_right(many(&a[0]), many(&a[1])))),
    f("range_adjacent_multirange", |_, a| boolean(adjacent(one(&a[0]), many(&a[1])))),
    f("multirange_adjacent_range", |_, a| boolean(adjacent(many(&a[0]), one(&a[1])))),
    f("multirange_adjacent_multirange", |_, a| boolean(adjacent(many(&a[0]), many(&a[1])))),
];

fn bound_value(b: &Bound) -> Datum {
    b.as_ref().map_or(Datum::Null, |(v, _)| v.clone())
}

fn result_type(cx: &FnCx<'_>) -> Oid {
    cx.site.returns.map_or(Oid::INVALID, |t| t.oid)
}

fn construct(cx: &FnCx<'_>, a: &[Datum], flags: &str) -> Result<Datum> {
    let (lower_inside, upper_inside) = match flags {
        "[]" => (true, true),
        "[)" => (true, false),
        "(]" => (false, true),
        "()" => (false, false),
        _ => {
            return Err(err!(SqlState::SYNTAX_ERROR, "invalid range bound flags")
                .hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\"."));
        }
    };
    let bound = |v: &Datum, inside: bool| if v.is_null() { None } else { Some((v.clone(), inside)) };
    range(Range::new(result_type(cx), bound(&a[0], lower_inside), bound(&a[1], upper_inside))?)
}

/// The ranges of a constructor call: an array, or one argument each.
fn members(a: &[Datum]) -> Result<Vec<Range>> {
    let values = match a {
        [Datum::Array(array)] if array.dims.len() > 1 => {
            return Err(SqlError::new(
                SqlState::CARDINALITY_VIOLATION,
                "multiranges cannot be constructed from multidimensional arrays",
            ));
        }
        [Datum::Array(array)] => &array.values[..],
        direct => direct,
    };
    values
        .iter()
        .map(|v| match v {
            Datum::Null => Err(SqlError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "multirange values cannot contain null members")),
            other => Ok(r(other).clone()),
        })
        .collect()
}

fn range_type(cx: &FnCx<'_>, multirange: Oid) -> Result<Oid> {
    match type_info(cx.io.types, multirange)?.kind {
        TypeKind::Multirange { range } => Ok(range),
        _ => Err(SqlError::internal(format!("type {multirange} is not a multirange type"))),
    }
}

/// First and last range of a value; `None` when it holds nothing.
type Span<'d> = Option<(&'d Range, &'d Range)>;

fn one(d: &Datum) -> Span<'_> {
    Some((r(d), r(d))).filter(|(x, _)| !x.empty)
}

fn many(d: &Datum) -> Span<'_> {
    let ranges = &m(d).ranges;
    Some((ranges.first()?, ranges.last()?))
}

fn before(x: Span<'_>, y: Span<'_>) -> bool {
    matches!((x, y), (Some((_, last)), Some((first, _))) if last.before(first))
}

fn over_left(x: Span<'_>, y: Span<'_>) -> bool {
    matches!((x, y), (Some((_, a)), Some((_, b))) if compare_upper(&a.upper, &b.upper).is_le())
}

fn over_right(x: Span<'_>, y: Span<'_>) -> bool {
    matches!((x, y), (Some((a, _)), Some((b, _))) if compare_lower(&a.lower, &b.lower).is_ge())
}

fn adjacent(x: Span<'_>, y: Span<'_>) -> bool {
    let (Some((first_x, last_x)), Some((first_y, last_y))) = (x, y) else { return false };
    let meets = |left: &Range, right: &Range| left.before(right) && left.adjacent(right);
    meets(last_x, first_y) || meets(last_y, first_x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(low: i32, high: i32) -> Range {
        Range::new(Oid::INT4RANGE, Some((Datum::Int4(low), true)), Some((Datum::Int4(high), false))).unwrap()
    }

    #[test]
    fn adjacency_looks_at_the_outer_ends_only() {
        let both = Datum::Multirange(Arc::new(Multirange::new(Oid::INT4MULTIRANGE, vec![ints(1, 3), ints(5, 7)])));
        let single = |low, high| Datum::Range(Arc::new(ints(low, high)));
        assert!(adjacent(one(&single(7, 9)), many(&both)));
        assert!(!adjacent(one(&single(3, 4)), many(&both)));
        assert!(before(one(&single(-3, 1)), many(&both)));
    }
}
