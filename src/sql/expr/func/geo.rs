//! Geometric types: the casts between them.
//!
//! `'((0,0),(2,2))'::box::circle` is the circle around the box, `'<(0,0),2>'::circle::box` the box inside the circle.

use super::support::*;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::geo::{Geometry, Point};

/// Functions of geometric types by symbol.
pub const FUNCTIONS: &[Entry] = &[
    f("box_circle", |_, a| box_circle(of(&a[0])?)),
    f("circle_box", |_, a| circle_box(of(&a[0])?)),
    f("box_poly", |_, a| box_poly(of(&a[0])?)),
    f("poly_box", |_, a| poly_box(of(&a[0])?)),
    f("point_box", |_, a| match of(&a[0])? {
        Geometry::Point(x, y) => geo(Geometry::Box([(*x, *y), (*x, *y)])),
        _ => wrong(),
    }),
    f("lseg_center", |_, a| centre(of(&a[0])?)),
    f("box_center", |_, a| centre(of(&a[0])?)),
    f("circle_center", |_, a| centre(of(&a[0])?)),
    f("poly_center", |_, a| match poly_circle(of(&a[0])?)? {
        Geometry::Circle(c, _) => geo(Geometry::Point(c.0, c.1)),
        _ => wrong(),
    }),
    f("poly_circle", |_, a| geo(poly_circle(of(&a[0])?)?)),
    f("poly_path", |_, a| match of(&a[0])? {
        Geometry::Polygon(points) => geo(Geometry::Path(true, points.clone())),
        _ => wrong(),
    }),
    f("path_poly", |_, a| match of(&a[0])? {
        Geometry::Path(true, points) => geo(Geometry::Polygon(points.clone())),
        Geometry::Path(false, _) => Err(err!(SqlState::INVALID_PARAMETER_VALUE, "open path cannot be converted to polygon")),
        _ => wrong(),
    }),
];

fn of(d: &Datum) -> Result<&Geometry> {
    match d {
        Datum::Geo(g) => Ok(g),
        _ => Err(SqlError::internal("a geometric function got another value")),
    }
}

fn geo(g: Geometry) -> Result<Datum> {
    Ok(Datum::Geo(g.into()))
}

fn wrong<T>() -> Result<T> {
    Err(SqlError::internal("a geometric function got another shape"))
}

fn middle(a: Point, b: Point) -> Point {
    ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
}

/// The centre of a segment, box or circle.
fn centre(g: &Geometry) -> Result<Datum> {
    let (x, y) = match g {
        Geometry::Segment([a, b]) | Geometry::Box([a, b]) => middle(*a, *b),
        Geometry::Circle(c, _) => *c,
        _ => return wrong(),
    };
    geo(Geometry::Point(x, y))
}

/// The circle through a box's corners.
fn box_circle(g: &Geometry) -> Result<Datum> {
    let Geometry::Box([high, low]) = g else { return wrong() };
    let c = middle(*high, *low);
    geo(Geometry::Circle(c, (c.0 - high.0).hypot(c.1 - high.1)))
}

/// The box whose corners lie on a circle.
fn circle_box(g: &Geometry) -> Result<Datum> {
    let Geometry::Circle(c, radius) = g else { return wrong() };
    let half = radius / std::f64::consts::SQRT_2;
    geo(Geometry::Box([(c.0 + half, c.1 + half), (c.0 - half, c.1 - half)]))
}

fn box_poly(g: &Geometry) -> Result<Datum> {
    let Geometry::Box([high, low]) = g else { return wrong() };
    geo(Geometry::Polygon(vec![*low, (low.0, high.1), *high, (high.0, low.1)]))
}

/// The smallest box around a polygon.
fn poly_box(g: &Geometry) -> Result<Datum> {
    let Geometry::Polygon(points) = g else { return wrong() };
    let first = *points.first().unwrap_or(&(0.0, 0.0));
    let (high, low) =
        points.iter().fold((first, first), |(high, low), p| ((high.0.max(p.0), high.1.max(p.1)), (low.0.min(p.0), low.1.min(p.1))));
    geo(Geometry::Box([high, low]))
}

/// The circle about a polygon's mean point at the mean distance of its points.
fn poly_circle(g: &Geometry) -> Result<Geometry> {
    let Geometry::Polygon(points) = g else { return wrong() };
    let n = points.len() as f64;
    let sum = points.iter().fold((0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1));
    let c = (sum.0 / n, sum.1 / n);
    let radius = points.iter().map(|p| (p.0 - c.0).hypot(p.1 - c.1)).sum::<f64>() / n;
    Ok(Geometry::Circle(c, radius))
}
