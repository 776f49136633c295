//! Geometric types.

/// A geometric value.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Geometry {
    /// point
    Point(f64, f64),
    /// line: Ax + By + C = 0
    Line(f64, f64, f64),
    /// lseg
    Segment([(f64, f64); 2]),
    /// box: upper right, lower left
    Box([(f64, f64); 2]),
    /// path: closed, points
    Path(bool, Vec<(f64, f64)>),
    /// polygon
    Polygon(Vec<(f64, f64)>),
    /// circle: centre, radius
    Circle((f64, f64), f64),
}
