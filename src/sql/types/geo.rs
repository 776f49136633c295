//! Geometric types: text in and out. Operators live with the functions.

use super::Oid;
use super::float::{parse_prefix, write_f64};
use super::io::{Reader, invalid_binary, invalid_syntax, is_space};
use crate::err;
use crate::error::{Result, SqlState};

/// A point's coordinates.
pub type Point = (f64, f64);

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

/// A walk over geometric text.
struct Scan<'a> {
    whole: &'a str,
    rest: &'a str,
    ty: &'static str,
}

impl<'a> Scan<'a> {
    fn new(whole: &'a str, ty: &'static str) -> Self {
        let mut scan = Self { whole, rest: whole, ty };
        scan.skip_space();
        scan
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
    }

    fn accept(&mut self, c: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(c) else { return false };
        self.rest = rest;
        true
    }

    fn fail<T>(&self) -> Result<T> {
        Err(invalid_syntax(self.ty, self.whole))
    }

    fn expect(&mut self, c: char) -> Result<()> {
        if self.accept(c) { Ok(()) } else { self.fail() }
    }

    fn number(&mut self) -> Result<f64> {
        let (value, rest) = parse_prefix(self.rest, self.ty, self.whole)?;
        self.rest = rest;
        self.skip_space();
        Ok(value)
    }

    fn point(&mut self) -> Result<Point> {
        self.skip_space();
        let delimited = self.accept('(');
        let x = self.number()?;
        self.expect(',')?;
        let y = self.number()?;
        if delimited {
            self.expect(')')?;
            self.skip_space();
        }
        Ok((x, y))
    }

    /// `n` points with optional delimiters around all of them; whether those were brackets.
    fn points(&mut self, brackets_allowed: bool, n: usize) -> Result<(Vec<Point>, bool)> {
        self.skip_space();
        let mut depth = 0;
        let open = self.rest.starts_with('[');
        if open {
            if !brackets_allowed {
                return self.fail();
            }
            depth = 1;
            self.accept('[');
        } else if let Some(after) = self.rest.strip_prefix('(') {
            let inner = after.trim_start_matches(|c: char| c.is_ascii() && is_space(c as u8));
            // A parenthesis around everything is followed by another, or is the only one.
            if inner.starts_with('(') || !after.contains('(') {
                depth = 1;
                self.rest = inner;
            }
        }
        let mut points = Vec::with_capacity(n);
        for _ in 0..n {
            points.push(self.point()?);
            self.accept(',');
        }
        if depth == 1 {
            if !(self.accept(')') || (open && self.accept(']'))) {
                return self.fail();
            }
            self.skip_space();
        }
        Ok((points, open))
    }

    fn end(&self) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { self.fail() }
    }
}

/// How many points the commas of a text make.
fn point_count(text: &str) -> Option<usize> {
    let commas = text.matches(',').count();
    (commas % 2 == 1).then_some(commas.div_ceil(2))
}

fn two_points(text: &str, ty: &'static str, brackets: bool) -> Result<[Point; 2]> {
    let mut scan = Scan::new(text, ty);
    let (points, _) = scan.points(brackets, 2)?;
    scan.end()?;
    Ok([points[0], points[1]])
}

/// A box from any two opposite corners.
pub fn normalized_box(a: Point, b: Point) -> Geometry {
    Geometry::Box([(a.0.max(b.0), a.1.max(b.1)), (a.0.min(b.0), a.1.min(b.1))])
}

/// The line through two distinct points.
pub fn line_through(a: Point, b: Point) -> Geometry {
    if a.0 == b.0 {
        return Geometry::Line(-1.0, 0.0, a.0);
    }
    if a.1 == b.1 {
        return Geometry::Line(0.0, -1.0, a.1);
    }
    let slope = (a.1 - b.1) / (a.0 - b.0);
    Geometry::Line(slope, -1.0, a.1 - slope * a.0 + 0.0)
}

/// Parses geometric text of a type. Errors: 22P02.
pub fn parse(text: &str, ty: Oid) -> Result<Geometry> {
    match ty {
        Oid::POINT => {
            let mut scan = Scan::new(text, "point");
            let (x, y) = scan.point()?;
            scan.end()?;
            Ok(Geometry::Point(x, y))
        }
        Oid::LSEG => Ok(Geometry::Segment(two_points(text, "lseg", true)?)),
        Oid::BOX => {
            let [a, b] = two_points(text, "box", false)?;
            Ok(normalized_box(a, b))
        }
        Oid::LINE => parse_line(text),
        Oid::PATH => parse_path(text),
        Oid::POLYGON => {
            let Some(n) = point_count(text) else { return Err(invalid_syntax("polygon", text)) };
            let mut scan = Scan::new(text, "polygon");
            let (points, _) = scan.points(false, n)?;
            scan.end()?;
            Ok(Geometry::Polygon(points))
        }
        _ => parse_circle(text),
    }
}

fn parse_line(text: &str) -> Result<Geometry> {
    let mut scan = Scan::new(text, "line");
    if scan.accept('{') {
        let a = scan.number()?;
        scan.expect(',')?;
        let b = scan.number()?;
        scan.expect(',')?;
        let c = scan.number()?;
        scan.expect('}')?;
        scan.skip_space();
        scan.end()?;
        if a == 0.0 && b == 0.0 {
            return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid line specification: A and B cannot both be zero"));
        }
        return Ok(Geometry::Line(a, b, c));
    }
    let [a, b] = two_points(text, "line", true)?;
    if a == b {
        return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid line specification: must be two distinct points"));
    }
    Ok(line_through(a, b))
}

fn parse_path(text: &str) -> Result<Geometry> {
    let Some(n) = point_count(text) else { return Err(invalid_syntax("path", text)) };
    let mut scan = Scan::new(text, "path");
    let single = scan.rest.starts_with('(') && scan.rest.rfind('(') == Some(0);
    if single {
        scan.accept('(');
    }
    let (points, open) = scan.points(true, n)?;
    if single {
        scan.expect(')')?;
        scan.skip_space();
    }
    scan.end()?;
    Ok(Geometry::Path(!open, points))
}

fn parse_circle(text: &str) -> Result<Geometry> {
    let mut scan = Scan::new(text, "circle");
    let mut close = None;
    if scan.accept('<') {
        close = Some('>');
    } else if let Some(after) = scan.rest.strip_prefix('(') {
        let inner = after.trim_start();
        if inner.starts_with('(') {
            scan.rest = inner;
            close = Some(')');
        }
    }
    let centre = scan.point()?;
    scan.accept(',');
    let radius = scan.number()?;
    if radius < 0.0 {
        return scan.fail();
    }
    if let Some(close) = close {
        if !(scan.accept(close) || scan.accept(')')) {
            return scan.fail();
        }
        scan.skip_space();
    }
    scan.end()?;
    Ok(Geometry::Circle(centre, radius))
}

fn write_point(p: Point, digits: i32, out: &mut Vec<u8>) {
    out.push(b'(');
    write_f64(p.0, digits, out);
    out.push(b',');
    write_f64(p.1, digits, out);
    out.push(b')');
}

fn write_points(points: &[Point], digits: i32, out: &mut Vec<u8>) {
    for (i, p) in points.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_point(*p, digits, out);
    }
}

/// Appends geometric text.
pub fn write(g: &Geometry, digits: i32, out: &mut Vec<u8>) {
    let mut wrapped = |open: u8, points: &[Point], close: u8| {
        out.push(open);
        write_points(points, digits, out);
        out.push(close);
    };
    match g {
        Geometry::Segment(ends) => wrapped(b'[', ends, b']'),
        Geometry::Path(true, points) | Geometry::Polygon(points) => wrapped(b'(', points, b')'),
        Geometry::Path(false, points) => wrapped(b'[', points, b']'),
        Geometry::Point(x, y) => write_point((*x, *y), digits, out),
        Geometry::Box(corners) => write_points(corners, digits, out),
        Geometry::Line(a, b, c) => {
            out.push(b'{');
            for (i, v) in [a, b, c].into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_f64(*v, digits, out);
            }
            out.push(b'}');
        }
        Geometry::Circle(centre, radius) => {
            out.push(b'<');
            write_point(*centre, digits, out);
            out.push(b',');
            write_f64(*radius, digits, out);
            out.push(b'>');
        }
    }
}

/// Reads the binary form of a type. Errors: 22P03.
pub fn receive(r: &mut Reader<'_>, ty: Oid) -> Result<Geometry> {
    fn point(r: &mut Reader<'_>) -> Result<Point> {
        Ok((r.f64()?, r.f64()?))
    }
    fn points(r: &mut Reader<'_>, ty: &str) -> Result<Vec<Point>> {
        let n = r.i32()?;
        if !(1..=(1 << 26)).contains(&n) {
            return Err(invalid_binary(format!("invalid number of points in external \"{ty}\" value")));
        }
        (0..n).map(|_| point(r)).collect()
    }
    Ok(match ty {
        Oid::POINT => Geometry::Point(r.f64()?, r.f64()?),
        Oid::LSEG => Geometry::Segment([point(r)?, point(r)?]),
        Oid::BOX => normalized_box(point(r)?, point(r)?),
        Oid::LINE => match (r.f64()?, r.f64()?, r.f64()?) {
            (0.0, 0.0, _) => return Err(invalid_binary("invalid line specification: A and B cannot both be zero")),
            (a, b, c) => Geometry::Line(a, b, c),
        },
        Oid::PATH => {
            let closed = r.u8()? != 0;
            Geometry::Path(closed, points(r, "path")?)
        }
        Oid::POLYGON => Geometry::Polygon(points(r, "polygon")?),
        _ => {
            let (centre, radius) = (point(r)?, r.f64()?);
            if radius < 0.0 {
                return Err(invalid_binary("invalid radius in external \"circle\" value"));
            }
            Geometry::Circle(centre, radius)
        }
    })
}

/// Appends the binary form.
pub fn send(g: &Geometry, out: &mut Vec<u8>) {
    let mut number = |v: f64| out.extend_from_slice(&v.to_be_bytes());
    match g {
        Geometry::Point(x, y) => [*x, *y].into_iter().for_each(&mut number),
        Geometry::Line(a, b, c) => [*a, *b, *c].into_iter().for_each(&mut number),
        Geometry::Segment(points) | Geometry::Box(points) => points.iter().flat_map(|p| [p.0, p.1]).for_each(&mut number),
        Geometry::Circle(p, radius) => [p.0, p.1, *radius].into_iter().for_each(&mut number),
        Geometry::Path(_, points) | Geometry::Polygon(points) => {
            if let Geometry::Path(closed, _) = g {
                out.push(u8::from(*closed));
            }
            out.extend_from_slice(&(points.len() as i32).to_be_bytes());
            for p in points {
                out.extend_from_slice(&p.0.to_be_bytes());
                out.extend_from_slice(&p.1.to_be_bytes());
            }
        }
    }
}
