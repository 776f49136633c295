//! Geometric types: construction, arithmetic, sizes, and where one lies beside another (geo_ops.c).
//!
//! Coordinates less than `EPSILON` apart count as equal, as in PostgreSQL.

use super::geo_distance::{distance, inside, overlapping};
use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::geo::{Geometry as G, Point};

const EPSILON: f64 = 1.0e-6;

pub(super) fn same(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= EPSILON
}

pub(super) fn less(a: f64, b: f64) -> bool {
    a + EPSILON < b
}

pub(super) fn at_most(a: f64, b: f64) -> bool {
    a <= b + EPSILON
}

pub(super) fn same_point(a: Point, b: Point) -> bool {
    same(a.0, b.0) && same(a.1, b.1)
}

pub(super) fn of(d: &Datum) -> Result<&G> {
    match d {
        Datum::Geo(g) => Ok(g),
        _ => Err(SqlError::internal("a geometric function got another value")),
    }
}

pub(super) fn geo(g: G) -> Result<Datum> {
    Ok(Datum::Geo(g.into()))
}

pub(super) fn point(d: &Datum) -> Result<Point> {
    match of(d)? {
        G::Point(x, y) => Ok((*x, *y)),
        _ => Err(SqlError::internal("a point was expected")),
    }
}

fn number(d: &Datum) -> f64 {
    match d {
        Datum::Float8(v) => *v,
        Datum::Int4(v) => f64::from(*v),
        _ => 0.0,
    }
}

fn float(v: f64) -> Result<Datum> {
    Ok(Datum::Float8(v))
}

/// Upper right and lower left corner of what surrounds a shape.
pub(super) fn bounds(g: &G) -> [Point; 2] {
    let around = |points: &[Point]| {
        let first = points.first().copied().unwrap_or_default();
        let widen = |[h, l]: [Point; 2], p: &Point| [(h.0.max(p.0), h.1.max(p.1)), (l.0.min(p.0), l.1.min(p.1))];
        points.iter().fold([first, first], widen)
    };
    match g {
        G::Box(corners) => *corners,
        G::Circle(c, r) => [(c.0 + r, c.1 + r), (c.0 - r, c.1 - r)],
        G::Polygon(points) | G::Path(_, points) => around(points),
        G::Segment(ends) => around(ends),
        G::Point(x, y) => [(*x, *y), (*x, *y)],
        G::Line(..) => [(f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY)],
    }
}

fn beside(a: &[Datum], test: impl Fn([Point; 2], [Point; 2]) -> bool) -> Result<Datum> {
    boolean(test(bounds(of(&a[0])?), bounds(of(&a[1])?)))
}

fn box_within(outer: [Point; 2], inner: [Point; 2]) -> bool {
    at_most(inner[0].0, outer[0].0)
        && at_most(outer[1].0, inner[1].0)
        && at_most(inner[0].1, outer[0].1)
        && at_most(outer[1].1, inner[1].1)
}

pub(super) fn box_overlap(a: [Point; 2], b: [Point; 2]) -> bool {
    at_most(a[1].0, b[0].0) && at_most(b[1].0, a[0].0) && at_most(a[1].1, b[0].1) && at_most(b[1].1, a[0].1)
}

fn area(g: &G) -> Option<f64> {
    match g {
        G::Box([h, l]) => Some((h.0 - l.0) * (h.1 - l.1)),
        G::Circle(_, r) => Some(std::f64::consts::PI * r * r),
        G::Path(true, points) => {
            let n = points.len();
            let sum: f64 = (0..n).map(|i| (points[i], points[(i + 1) % n])).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum();
            Some(sum.abs() / 2.0)
        }
        _ => None,
    }
}

/// PostgreSQL's own formula, to the last digit.
pub(super) fn hypotenuse(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    if x.is_infinite() || y.is_infinite() {
        return f64::INFINITY;
    }
    let (x, y) = if x < y { (y, x) } else { (x, y) };
    if y == 0.0 {
        return x;
    }
    let ratio = y / x;
    x * (1.0 + ratio * ratio).sqrt()
}

pub(super) fn length(a: Point, b: Point) -> f64 {
    hypotenuse(a.0 - b.0, a.1 - b.1)
}

fn path_length(g: &G) -> f64 {
    let (closed, points) = match g {
        G::Path(closed, points) => (*closed, points.as_slice()),
        G::Segment(ends) => (false, ends.as_slice()),
        _ => return 0.0,
    };
    let closing = if closed && points.len() > 1 { length(points[points.len() - 1], points[0]) } else { 0.0 };
    points.windows(2).map(|w| length(w[0], w[1])).sum::<f64>() + closing
}

fn plus(a: Point, b: Point) -> Result<Point> {
    Ok((a.0 + b.0, a.1 + b.1))
}

fn minus(a: Point, b: Point) -> Result<Point> {
    Ok((a.0 - b.0, a.1 - b.1))
}

fn times(a: Point, b: Point) -> Result<Point> {
    Ok((a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0))
}

fn over(a: Point, b: Point) -> Result<Point> {
    let square = b.0 * b.0 + b.1 * b.1;
    if square == 0.0 {
        return Err(err!(SqlState::DIVISION_BY_ZERO, "division by zero"));
    }
    Ok(((a.0 * b.0 + a.1 * b.1) / square, (b.0 * a.1 - a.0 * b.1) / square))
}

fn ordered(a: Point, b: Point) -> G {
    G::Box([(a.0.max(b.0), a.1.max(b.1)), (a.0.min(b.0), a.1.min(b.1))])
}

/// Moves, turns or scales every point of a shape.
fn moved(a: &[Datum], by: impl Fn(Point, Point) -> Result<Point>, scale: impl Fn(f64, f64) -> f64) -> Result<Datum> {
    let p = point(&a[1])?;
    geo(match of(&a[0])? {
        G::Point(x, y) => {
            let q = by((*x, *y), p)?;
            G::Point(q.0, q.1)
        }
        G::Box([h, l]) => ordered(by(*h, p)?, by(*l, p)?),
        G::Path(closed, points) => G::Path(*closed, points.iter().map(|q| by(*q, p)).collect::<Result<_>>()?),
        G::Circle(c, r) => G::Circle(by(*c, p)?, scale(*r, hypotenuse(p.0, p.1))),
        _ => return Err(SqlError::internal("a shape that does not move")),
    })
}

fn rank(a: &[Datum], measure: impl Fn(&G) -> f64, test: impl Fn(f64, f64) -> bool) -> Result<Datum> {
    boolean(test(measure(of(&a[0])?), measure(of(&a[1])?)))
}

fn covers(g: &G) -> f64 {
    area(g).unwrap_or(0.0)
}

fn count(g: &G) -> f64 {
    match g {
        G::Path(_, points) | G::Polygon(points) => points.len() as f64,
        _ => 0.0,
    }
}

fn same_shape(a: &G, b: &G) -> bool {
    match (a, b) {
        (G::Point(x, y), G::Point(u, v)) => same_point((*x, *y), (*u, *v)),
        (G::Box(a), G::Box(b)) | (G::Segment(a), G::Segment(b)) => same_point(a[0], b[0]) && same_point(a[1], b[1]),
        (G::Circle(c, r), G::Circle(d, s)) => same(*r, *s) && same_point(*c, *d),
        (G::Polygon(a), G::Polygon(b)) => {
            let n = a.len();
            let turned = |start: usize, back: bool| {
                (0..n).all(|i| same_point(a[i], b[if back { (start + n - i) % n } else { (start + i) % n }]))
            };
            n == b.len() && (0..n).any(|start| turned(start, false) || turned(start, true))
        }
        _ => false,
    }
}

fn joined(a: &[Datum]) -> Result<Datum> {
    match (of(&a[0])?, of(&a[1])?) {
        (G::Path(false, p), G::Path(false, q)) => geo(G::Path(false, p.iter().chain(q).copied().collect())),
        _ => Ok(Datum::Null),
    }
}

/// A polygon of n points on a circle.
fn circle_polygon(n: i64, c: Point, r: f64) -> Result<Datum> {
    if r == 0.0 {
        return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot convert circle with radius zero to polygon"));
    }
    if n < 2 {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "must request at least 2 points"));
    }
    let step = 2.0 * std::f64::consts::PI / n as f64;
    let at = |i: i64| (c.0 - r * (step * i as f64).cos(), c.1 + r * (step * i as f64).sin());
    geo(G::Polygon((0..n).map(at).collect()))
}

fn corners(d: &Datum) -> Result<[Point; 2]> {
    Ok(bounds(of(d)?))
}

fn opened(a: &[Datum], closed: bool) -> Result<Datum> {
    match of(&a[0])? {
        G::Path(_, points) => geo(G::Path(closed, points.clone())),
        _ => Err(SqlError::internal("a path was expected")),
    }
}

fn is_closed(a: &[Datum]) -> Result<bool> {
    Ok(matches!(of(&a[0])?, G::Path(true, _)))
}

fn slope_of(a: Point, b: Point) -> f64 {
    if same(a.0, b.0) {
        f64::INFINITY
    } else if same(a.1, b.1) {
        0.0
    } else {
        (a.1 - b.1) / (a.0 - b.0)
    }
}

macro_rules! beside {
    ($($symbol:literal $test:expr;)*) => { &[$(f($symbol, |_, a| beside(a, $test)),)*] };
}

/// Relations of surrounding boxes by symbol.
pub const SIDES: &[Entry] = beside! {
    "box_left" |a, b| less(a[0].0, b[1].0);
    "box_overleft" |a, b| at_most(a[0].0, b[0].0);
    "box_overright" |a, b| at_most(b[1].0, a[1].0);
    "box_right" |a, b| less(b[0].0, a[1].0);
    "box_below" |a, b| less(a[0].1, b[1].1);
    "box_below_eq" |a, b| at_most(a[0].1, b[1].1);
    "box_overbelow" |a, b| at_most(a[0].1, b[0].1);
    "box_overabove" |a, b| at_most(b[1].1, a[1].1);
    "box_above" |a, b| less(b[0].1, a[1].1);
    "box_above_eq" |a, b| at_most(b[0].1, a[1].1);
    "box_overlap" box_overlap;
    "box_contain" box_within;
    "box_contained" |a, b| box_within(b, a);
    "box_contain_pt" box_within;
    "on_pb" |a, b| box_within(b, a);
    "poly_left" |a, b| a[0].0 < b[1].0;
    "poly_overleft" |a, b| a[0].0 <= b[0].0;
    "poly_overright" |a, b| a[1].0 >= b[1].0;
    "poly_right" |a, b| a[1].0 > b[0].0;
    "poly_below" |a, b| a[0].1 < b[1].1;
    "poly_overbelow" |a, b| a[0].1 <= b[0].1;
    "poly_overabove" |a, b| a[1].1 >= b[1].1;
    "poly_above" |a, b| a[1].1 > b[0].1;
    "circle_left" |a, b| less(a[0].0, b[1].0);
    "circle_overleft" |a, b| at_most(a[0].0, b[0].0);
    "circle_overright" |a, b| at_most(b[1].0, a[1].0);
    "circle_right" |a, b| less(b[0].0, a[1].0);
    "circle_below" |a, b| less(a[0].1, b[1].1);
    "circle_overbelow" |a, b| at_most(a[0].1, b[0].1);
    "circle_overabove" |a, b| at_most(b[1].1, a[1].1);
    "circle_above" |a, b| less(b[0].1, a[1].1);
    "point_left" |a, b| less(a[0].0, b[0].0);
    "point_right" |a, b| less(b[0].0, a[0].0);
    "point_below" |a, b| less(a[0].1, b[0].1);
    "point_above" |a, b| less(b[0].1, a[0].1);
    "point_vert" |a, b| same(a[0].0, b[0].0);
    "point_horiz" |a, b| same(a[0].1, b[0].1);
};

/// Construction, arithmetic and sizes by symbol.
pub const SHAPES: &[Entry] = &[
    f("construct_point", |_, a| geo(G::Point(number(&a[0]), number(&a[1])))),
    f("points_box", |_, a| geo(ordered(point(&a[0])?, point(&a[1])?))),
    f("lseg_construct", |_, a| geo(G::Segment([point(&a[0])?, point(&a[1])?]))),
    f("cr_circle", |_, a| geo(G::Circle(point(&a[0])?, number(&a[1])))),
    f("circle_poly", |_, a| match of(&a[1])? {
        G::Circle(c, r) => circle_polygon(number(&a[0]) as i64, *c, *r),
        _ => Err(SqlError::internal("a circle was expected")),
    }),
    f("point_add", |_, a| moved(a, plus, |r, _| r)),
    f("point_sub", |_, a| moved(a, minus, |r, _| r)),
    f("point_mul", |_, a| moved(a, times, |r, s| r * s)),
    f("point_div", |_, a| moved(a, over, |r, s| r / s)),
    f("box_add", |_, a| moved(a, plus, |r, _| r)),
    f("box_sub", |_, a| moved(a, minus, |r, _| r)),
    f("box_mul", |_, a| moved(a, times, |r, s| r * s)),
    f("box_div", |_, a| moved(a, over, |r, s| r / s)),
    f("path_add_pt", |_, a| moved(a, plus, |r, _| r)),
    f("path_sub_pt", |_, a| moved(a, minus, |r, _| r)),
    f("path_mul_pt", |_, a| moved(a, times, |r, s| r * s)),
    f("path_div_pt", |_, a| moved(a, over, |r, s| r / s)),
    f("circle_add_pt", |_, a| moved(a, plus, |r, _| r)),
    f("circle_sub_pt", |_, a| moved(a, minus, |r, _| r)),
    f("circle_mul_pt", |_, a| moved(a, times, |r, s| r * s)),
    f("circle_div_pt", |_, a| moved(a, over, |r, s| r / s)),
    f("path_add", |_, a| joined(a)),
    f("path_open", |_, a| opened(a, false)),
    f("path_close", |_, a| opened(a, true)),
    f("path_isopen", |_, a| boolean(!is_closed(a)?)),
    f("path_isclosed", |_, a| boolean(is_closed(a)?)),
    f("path_npoints", |_, a| Ok(Datum::Int4(count(of(&a[0])?) as i32))),
    f("poly_npoints", |_, a| Ok(Datum::Int4(count(of(&a[0])?) as i32))),
    f("path_length", |_, a| float(path_length(of(&a[0])?))),
    f("lseg_length", |_, a| float(path_length(of(&a[0])?))),
    f("path_area", |_, a| Ok(area(of(&a[0])?).map_or(Datum::Null, Datum::Float8))),
    f("box_area", |_, a| float(covers(of(&a[0])?))),
    f("circle_area", |_, a| float(covers(of(&a[0])?))),
    f("circle_diameter", |_, a| corners(&a[0]).and_then(|[h, l]| float(h.0 - l.0))),
    f("circle_radius", |_, a| match of(&a[0])? {
        G::Circle(_, r) => float(*r),
        _ => Err(SqlError::internal("a circle was expected")),
    }),
    f("box_width", |_, a| corners(&a[0]).and_then(|[h, l]| float(h.0 - l.0))),
    f("box_height", |_, a| corners(&a[0]).and_then(|[h, l]| float(h.1 - l.1))),
    f("box_diagonal", |_, a| geo(G::Segment(corners(&a[0])?))),
    f("boxes_bound_box", |_, a| {
        let ([h, l], [u, v]) = (corners(&a[0])?, corners(&a[1])?);
        geo(G::Box([(h.0.max(u.0), h.1.max(u.1)), (l.0.min(v.0), l.1.min(v.1))]))
    }),
    f("box_intersect", |_, a| {
        let ([h, l], [u, v]) = (corners(&a[0])?, corners(&a[1])?);
        if !box_overlap([h, l], [u, v]) {
            return Ok(Datum::Null);
        }
        geo(G::Box([(h.0.min(u.0), h.1.min(u.1)), (l.0.max(v.0), l.1.max(v.1))]))
    }),
    f("point_slope", |_, a| float(slope_of(point(&a[0])?, point(&a[1])?))),
    f("point_eq", |_, a| boolean(same_shape(of(&a[0])?, of(&a[1])?))),
    f("point_ne", |_, a| boolean(!same_shape(of(&a[0])?, of(&a[1])?))),
    f("box_same", |_, a| boolean(same_shape(of(&a[0])?, of(&a[1])?))),
    f("lseg_eq", |_, a| boolean(same_shape(of(&a[0])?, of(&a[1])?))),
    f("lseg_ne", |_, a| boolean(!same_shape(of(&a[0])?, of(&a[1])?))),
    f("circle_same", |_, a| boolean(same_shape(of(&a[0])?, of(&a[1])?))),
    f("poly_same", |_, a| boolean(same_shape(of(&a[0])?, of(&a[1])?))),
    f("box_lt", |_, a| rank(a, covers, less)),
    f("box_gt", |_, a| rank(a, covers, |x, y| less(y, x))),
    f("box_eq", |_, a| rank(a, covers, same)),
    f("box_le", |_, a| rank(a, covers, at_most)),
    f("box_ge", |_, a| rank(a, covers, |x, y| at_most(y, x))),
    f("circle_lt", |_, a| rank(a, covers, less)),
    f("circle_gt", |_, a| rank(a, covers, |x, y| less(y, x))),
    f("circle_eq", |_, a| rank(a, covers, same)),
    f("circle_ne", |_, a| rank(a, covers, |x, y| !same(x, y))),
    f("circle_le", |_, a| rank(a, covers, at_most)),
    f("circle_ge", |_, a| rank(a, covers, |x, y| at_most(y, x))),
    f("lseg_lt", |_, a| rank(a, path_length, less)),
    f("lseg_gt", |_, a| rank(a, path_length, |x, y| less(y, x))),
    f("lseg_le", |_, a| rank(a, path_length, at_most)),
    f("lseg_ge", |_, a| rank(a, path_length, |x, y| at_most(y, x))),
    f("path_n_lt", |_, a| rank(a, count, |x, y| x < y)),
    f("path_n_gt", |_, a| rank(a, count, |x, y| x > y)),
    f("path_n_eq", |_, a| rank(a, count, |x, y| x == y)),
    f("path_n_le", |_, a| rank(a, count, |x, y| x <= y)),
    f("path_n_ge", |_, a| rank(a, count, |x, y| x >= y)),
    f("circle_contain_pt", |_, a| circle_has(&a[0], &a[1])),
    f("pt_contained_circle", |_, a| circle_has(&a[1], &a[0])),
    f("circle_contain", |_, a| circle_within(&a[0], &a[1])),
    f("circle_contained", |_, a| circle_within(&a[1], &a[0])),
    f("circle_overlap", |_, a| boolean(distance(of(&a[0])?, of(&a[1])?)? <= EPSILON)),
    f("poly_contain_pt", |_, a| boolean(inside(point(&a[1])?, of(&a[0])?))),
    f("pt_contained_poly", |_, a| boolean(inside(point(&a[0])?, of(&a[1])?))),
    f("poly_contain", |_, a| boolean(poly_within(of(&a[0])?, of(&a[1])?))),
    f("poly_contained", |_, a| boolean(poly_within(of(&a[1])?, of(&a[0])?))),
    f("poly_overlap", |_, a| boolean(overlapping(of(&a[0])?, of(&a[1])?))),
];

fn circle_has(circle: &Datum, p: &Datum) -> Result<Datum> {
    match of(circle)? {
        G::Circle(c, r) => boolean(length(*c, point(p)?) <= *r),
        _ => Err(SqlError::internal("a circle was expected")),
    }
}

fn circle_within(outer: &Datum, inner: &Datum) -> Result<Datum> {
    match (of(outer)?, of(inner)?) {
        (G::Circle(c, r), G::Circle(d, s)) => boolean(at_most(length(*c, *d), r - s)),
        _ => Err(SqlError::internal("circles were expected")),
    }
}

/// Whether a polygon's points and the middles of its sides lie in another one.
fn poly_within(outer: &G, inner: &G) -> bool {
    let G::Polygon(points) = inner else { return false };
    let n = points.len();
    let middle = |i: usize| {
        let (a, b) = (points[i], points[(i + 1) % n]);
        ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
    };
    box_within(bounds(outer), bounds(inner)) && (0..n).all(|i| inside(points[i], outer) && inside(middle(i), outer))
}
