//! Geometric types: lines and segments that meet, distances, closest points (geo_ops.c).

use super::geo_relations::{bounds, box_overlap, geo, hypotenuse, length, of, point, same, same_point};
use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::geo::{Geometry as G, Point};

type Line = (f64, f64, f64);
type Segment = [Point; 2];

fn zero(v: f64) -> bool {
    same(v, 0.0)
}

fn slope([a, b]: Segment) -> f64 {
    if same(a.0, b.0) {
        f64::INFINITY
    } else if same(a.1, b.1) {
        0.0
    } else {
        (a.1 - b.1) / (a.0 - b.0)
    }
}

/// The slope of what stands upright on a segment.
fn upright([a, b]: Segment) -> f64 {
    if same(a.0, b.0) {
        0.0
    } else if same(a.1, b.1) {
        f64::INFINITY
    } else {
        (a.0 - b.0) / (b.1 - a.1)
    }
}

fn line_through(p: Point, slope: f64) -> Line {
    if slope.is_infinite() {
        return (-1.0, 0.0, p.0);
    }
    if slope == 0.0 {
        return (0.0, -1.0, p.1);
    }
    (slope, -1.0, p.1 - slope * p.0)
}

fn line_of(s: Segment) -> Line {
    line_through(s[0], slope(s))
}

/// Where two lines meet; `None` for parallel ones.
fn crossing(a: Line, b: Line) -> Option<Point> {
    let (a, b) = if zero(a.1) { (b, a) } else { (a, b) };
    if zero(a.1) || same(b.0, a.0 * (b.1 / a.1)) {
        return None;
    }
    let x = (a.1 * b.2 - b.1 * a.2) / (a.0 * b.1 - b.0 * a.1);
    let y = -(a.0 * x + a.2) / a.1;
    // Minus zero is shown as zero.
    Some((x + 0.0, y + 0.0))
}

fn on_segment(p: Point, s: Segment) -> bool {
    same(length(p, s[0]) + length(p, s[1]), length(s[0], s[1]))
}

fn meets_line(s: Segment, l: Line) -> Option<Point> {
    let p = crossing(line_of(s), l).filter(|p| on_segment(*p, s))?;
    // An end of the segment is given as it is.
    Some(s.into_iter().find(|end| same_point(*end, p)).unwrap_or(p))
}

fn meet(a: Segment, b: Segment) -> Option<Point> {
    meets_line(a, line_of(b)).filter(|p| on_segment(*p, b))
}

/// The point of a segment nearest to another point.
fn nearest(p: Point, s: Segment) -> Point {
    if let Some(foot) = meets_line(s, line_through(p, upright(s))) {
        return foot;
    }
    if length(p, s[0]) < length(p, s[1]) { s[0] } else { s[1] }
}

fn nearest_on_line(p: Point, l: Line) -> Point {
    let upright = if zero(l.0) {
        f64::INFINITY
    } else if zero(l.1) {
        0.0
    } else {
        l.1 / l.0
    };
    crossing(l, line_through(p, upright)).unwrap_or(p)
}

/// The sides of a shape.
fn sides(g: &G) -> Vec<Segment> {
    let ring = |points: &[Point], closed: bool| {
        let mut out: Vec<Segment> = points.windows(2).map(|w| [w[0], w[1]]).collect();
        if closed && points.len() > 1 {
            out.push([points[points.len() - 1], points[0]]);
        }
        out
    };
    match g {
        G::Segment(s) => vec![*s],
        G::Box([h, l]) => ring(&[*l, (l.0, h.1), *h, (h.0, l.1)], true),
        G::Polygon(points) => ring(points, true),
        G::Path(closed, points) => ring(points, *closed),
        _ => Vec::new(),
    }
}

/// Whether a point lies in a polygon, box or circle, or on its edge.
pub(super) fn inside(p: Point, g: &G) -> bool {
    match g {
        G::Circle(c, r) => length(*c, p) <= *r,
        G::Box(_) => box_overlap(bounds(g), [p, p]),
        G::Polygon(_) | G::Path(true, _) => {
            let all = sides(g);
            let crosses = |s: &&Segment| {
                let [a, b] = **s;
                (a.1 > p.1) != (b.1 > p.1) && p.0 < (b.0 - a.0) * (p.1 - a.1) / (b.1 - a.1) + a.0
            };
            all.iter().any(|s| on_segment(p, *s)) || all.iter().filter(crosses).count() % 2 == 1
        }
        _ => false,
    }
}

fn any_point(g: &G) -> Option<Point> {
    match g {
        G::Point(x, y) => Some((*x, *y)),
        G::Polygon(points) | G::Path(_, points) => points.first().copied(),
        G::Segment(ends) | G::Box(ends) => Some(ends[0]),
        G::Circle(c, _) => Some(*c),
        G::Line(..) => None,
    }
}

/// Whether two shapes have a point in common.
pub(super) fn overlapping(a: &G, b: &G) -> bool {
    let within = |inner: &G, outer: &G| any_point(inner).is_some_and(|p| inside(p, outer));
    within(a, b) || within(b, a) || sides(a).iter().any(|s| sides(b).iter().any(|t| meet(*s, *t).is_some()))
}

fn point_distance(p: Point, g: &G) -> f64 {
    if inside(p, g) && !matches!(g, G::Path(..)) {
        return 0.0;
    }
    match g {
        G::Point(x, y) => length(p, (*x, *y)),
        G::Circle(c, r) => (length(p, *c) - r).max(0.0),
        G::Line(a, b, c) => length(p, nearest_on_line(p, (*a, *b, *c))),
        _ => sides(g).into_iter().map(|s| length(p, nearest(p, s))).fold(f64::INFINITY, f64::min),
    }
}

/// The distance of two shapes.
pub(super) fn distance(a: &G, b: &G) -> Result<f64> {
    Ok(match (a, b) {
        (G::Point(x, y), other) | (other, G::Point(x, y)) => point_distance((*x, *y), other),
        (G::Circle(c, r), G::Circle(d, s)) => (length(*c, *d) - (r + s)).max(0.0),
        (G::Circle(c, r), other) | (other, G::Circle(c, r)) => (point_distance(*c, other) - r).max(0.0),
        // Boxes are as far apart as their centres.
        (G::Box([h, l]), G::Box([u, v])) => length(((h.0 + l.0) / 2.0, (h.1 + l.1) / 2.0), ((u.0 + v.0) / 2.0, (u.1 + v.1) / 2.0)),
        (G::Line(a, b, c), G::Line(d, e, f)) => line_distance((*a, *b, *c), (*d, *e, *f)),
        (G::Segment(s), G::Line(a, b, c)) | (G::Line(a, b, c), G::Segment(s)) => {
            let line = (*a, *b, *c);
            match meets_line(*s, line) {
                Some(_) => 0.0,
                None => s.iter().map(|p| length(*p, nearest_on_line(*p, line))).fold(f64::INFINITY, f64::min),
            }
        }
        _ if overlapping(a, b) => 0.0,
        _ => {
            let ends = |from: &G, to: &G| {
                let far: Vec<f64> = sides(from).into_iter().flatten().map(|p| point_distance(p, to)).collect();
                far.into_iter().fold(f64::INFINITY, f64::min)
            };
            ends(a, b).min(ends(b, a))
        }
    })
}

fn line_distance(a: Line, b: Line) -> f64 {
    if crossing(a, b).is_some() {
        return 0.0;
    }
    let ratio = if !zero(a.0) && !zero(b.0) {
        a.0 / b.0
    } else if !zero(a.1) && !zero(b.1) {
        a.1 / b.1
    } else {
        1.0
    };
    (a.2 - ratio * b.2).abs() / hypotenuse(a.0, a.1)
}

fn segment(d: &Datum) -> Result<Segment> {
    match of(d)? {
        G::Segment(s) => Ok(*s),
        _ => Err(SqlError::internal("a segment was expected")),
    }
}

fn line(d: &Datum) -> Result<Line> {
    match of(d)? {
        G::Line(a, b, c) => Ok((*a, *b, *c)),
        _ => Err(SqlError::internal("a line was expected")),
    }
}

fn at(p: Option<Point>) -> Result<Datum> {
    p.map_or(Ok(Datum::Null), |(x, y)| geo(G::Point(x, y)))
}

fn lines_upright(a: Line, b: Line) -> bool {
    if zero(a.0) {
        zero(b.1)
    } else if zero(b.0) {
        zero(a.1)
    } else if zero(a.1) {
        zero(b.0)
    } else if zero(b.1) {
        zero(a.0)
    } else {
        same((a.0 * b.0) / (a.1 * b.1), -1.0)
    }
}

fn meets_box(s: Segment, g: &G) -> bool {
    s.iter().any(|p| inside(*p, g)) || sides(g).iter().any(|side| meet(s, *side).is_some())
}

fn on_line(p: Point, l: Line) -> bool {
    zero(l.0 * p.0 + l.1 * p.1 + l.2)
}

macro_rules! distances {
    ($($symbol:literal)*) => { &[$(f($symbol, |_, a| Ok(Datum::Float8(distance(of(&a[0])?, of(&a[1])?)?))),)*] };
}

/// Distances by symbol.
pub const DISTANCES: &[Entry] = distances! {
    "point_distance" "box_distance" "circle_distance" "lseg_distance" "line_distance" "path_distance" "poly_distance"
    "dist_bp" "dist_bs" "dist_cpoint" "dist_cpoly" "dist_lp" "dist_ls" "dist_pathp" "dist_pb" "dist_pc" "dist_pl" "dist_polyc"
    "dist_polyp" "dist_ppath" "dist_ppoly" "dist_ps" "dist_sb" "dist_sl" "dist_sp"
};

/// Lines and segments by symbol.
pub const LINES: &[Entry] = &[
    f("line_construct_pp", |_, a| {
        let (p, q) = (point(&a[0])?, point(&a[1])?);
        if same_point(p, q) {
            let message = "invalid line specification: must be two distinct points";
            return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "{message}"));
        }
        let l = line_of([p, q]);
        geo(G::Line(l.0, l.1, l.2))
    }),
    f("line_intersect", |_, a| boolean(crossing(line(&a[0])?, line(&a[1])?).is_some())),
    f("line_interpt", |_, a| at(crossing(line(&a[0])?, line(&a[1])?))),
    f("line_parallel", |_, a| boolean(crossing(line(&a[0])?, line(&a[1])?).is_none())),
    f("line_perp", |_, a| boolean(lines_upright(line(&a[0])?, line(&a[1])?))),
    f("line_vertical", |_, a| boolean(zero(line(&a[0])?.1))),
    f("line_horizontal", |_, a| boolean(zero(line(&a[0])?.0))),
    f("line_eq", |_, a| {
        let (l, m) = (line(&a[0])?, line(&a[1])?);
        boolean(crossing(l, m).is_none() && zero(line_distance(l, m)))
    }),
    f("lseg_intersect", |_, a| boolean(meet(segment(&a[0])?, segment(&a[1])?).is_some())),
    f("lseg_interpt", |_, a| at(meet(segment(&a[0])?, segment(&a[1])?))),
    f("lseg_parallel", |_, a| {
        let (s, t) = (slope(segment(&a[0])?), slope(segment(&a[1])?));
        boolean(same(s, t))
    }),
    f("lseg_perp", |_, a| {
        let (s, t) = (slope(segment(&a[0])?), upright(segment(&a[1])?));
        boolean(same(s, t))
    }),
    f("lseg_vertical", |_, a| segment(&a[0]).and_then(|[p, q]| boolean(same(p.0, q.0)))),
    f("lseg_horizontal", |_, a| segment(&a[0]).and_then(|[p, q]| boolean(same(p.1, q.1)))),
    f("path_inter", |_, a| {
        let (p, q) = (sides(of(&a[0])?), sides(of(&a[1])?));
        boolean(p.iter().any(|s| q.iter().any(|t| meet(*s, *t).is_some())))
    }),
    f("inter_sl", |_, a| boolean(meets_line(segment(&a[0])?, line(&a[1])?).is_some())),
    f("inter_sb", |_, a| boolean(meets_box(segment(&a[0])?, of(&a[1])?))),
    f("inter_lb", |_, a| {
        let l = line(&a[0])?;
        boolean(sides(of(&a[1])?).iter().any(|s| meets_line(*s, l).is_some()))
    }),
    f("on_pl", |_, a| boolean(on_line(point(&a[0])?, line(&a[1])?))),
    f("on_ps", |_, a| boolean(on_segment(point(&a[0])?, segment(&a[1])?))),
    f("on_ppath", |_, a| {
        let (p, path) = (point(&a[0])?, of(&a[1])?);
        boolean(inside(p, path) || sides(path).iter().any(|s| on_segment(p, *s)))
    }),
    f("on_sl", |_, a| {
        let (s, l) = (segment(&a[0])?, line(&a[1])?);
        boolean(s.iter().all(|p| on_line(*p, l)))
    }),
    f("on_sb", |_, a| {
        let (s, g) = (segment(&a[0])?, of(&a[1])?);
        boolean(s.iter().all(|p| inside(*p, g)))
    }),
    f("close_ps", |_, a| at(Some(nearest(point(&a[0])?, segment(&a[1])?)))),
    f("close_pl", |_, a| at(Some(nearest_on_line(point(&a[0])?, line(&a[1])?)))),
    f("close_pb", |_, a| {
        let (p, g) = (point(&a[0])?, of(&a[1])?);
        if inside(p, g) {
            return at(Some(p));
        }
        let candidates = sides(g).into_iter().map(|s| nearest(p, s));
        at(candidates.min_by(|x, y| length(p, *x).total_cmp(&length(p, *y))))
    }),
    f("close_lseg", |_, a| {
        let (s, t) = (segment(&a[0])?, segment(&a[1])?);
        if let Some(p) = meet(s, t) {
            return at(Some(p));
        }
        let from_ends = s.iter().map(|p| (nearest(*p, t), length(*p, nearest(*p, t))));
        let to_ends = t.iter().map(|q| (*q, length(*q, nearest(*q, s))));
        at(from_ends.chain(to_ends).min_by(|x, y| x.1.total_cmp(&y.1)).map(|x| x.0))
    }),
];
