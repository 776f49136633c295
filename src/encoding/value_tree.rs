//! Stored forms of the tree-like and irregular values: jsonb, text search, geometry. See `value` for the conventions.

use super::value::{Reader, Writer};
use super::{damaged, numeric};
use crate::error::Result;
use crate::sql::types::geo::Geometry;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::tsearch::{TsQuery, TsVector};

pub(super) fn put_jsonb(w: &mut Writer<'_>, value: &Jsonb) -> Result<()> {
    match value {
        Jsonb::Null => w.out.push(0),
        Jsonb::Bool(v) => w.out.push(1 + u8::from(*v)),
        Jsonb::Number(n) => {
            w.out.push(3);
            w.number(n);
        }
        Jsonb::String(s) => {
            w.out.push(4);
            w.blob(s.as_bytes());
        }
        Jsonb::Array(elements) => {
            w.enter()?;
            w.out.push(5);
            w.count(elements.len() as u64);
            for element in elements {
                put_jsonb(w, element)?;
            }
            w.depth -= 1;
        }
        Jsonb::Object(members) => {
            w.enter()?;
            w.out.push(6);
            w.count(members.len() as u64);
            for (key, member) in members {
                w.blob(key.as_bytes());
                put_jsonb(w, member)?;
            }
            w.depth -= 1;
        }
    }
    Ok(())
}

pub(super) fn get_jsonb(r: &mut Reader<'_>) -> Result<Jsonb> {
    Ok(match r.u8()? {
        0 => Jsonb::Null,
        1 => Jsonb::Bool(false),
        2 => Jsonb::Bool(true),
        3 => Jsonb::Number(numeric::get(r.blob()?)?),
        4 => Jsonb::String(r.str()?.into()),
        tag @ (5 | 6) => {
            r.enter()?;
            let count = r.count()?;
            let value = if tag == 5 {
                Jsonb::Array((0..count).map(|_| get_jsonb(r)).collect::<Result<_>>()?)
            } else {
                Jsonb::Object((0..count).map(|_| Ok((r.str()?.into(), get_jsonb(r)?))).collect::<Result<_>>()?)
            };
            r.depth -= 1;
            value
        }
        _ => return Err(damaged("jsonb tag")),
    })
}

pub(super) fn put_tsvector(w: &mut Writer<'_>, value: &TsVector) {
    w.count(value.lexemes.len() as u64);
    for (lexeme, positions) in &value.lexemes {
        w.blob(lexeme.as_bytes());
        w.count(positions.len() as u64);
        for (position, weight) in positions {
            w.raw(&position.to_le_bytes());
            w.raw(&[*weight]);
        }
    }
}

pub(super) fn get_tsvector(r: &mut Reader<'_>) -> Result<TsVector> {
    let count = r.count()?;
    let lexemes = (0..count)
        .map(|_| {
            let lexeme = r.str()?.to_owned();
            let positions = r.count()?;
            let positions = (0..positions).map(|_| Ok((u16::from_le_bytes(r.array()?), r.u8()?))).collect::<Result<_>>()?;
            Ok((lexeme, positions))
        })
        .collect::<Result<_>>()?;
    Ok(TsVector { lexemes })
}

pub(super) fn put_tsquery(w: &mut Writer<'_>, value: &TsQuery) -> Result<()> {
    w.enter()?;
    match value {
        TsQuery::Empty => w.out.push(0),
        TsQuery::Lexeme(lexeme, weights, prefix) => {
            w.raw(&[1, *weights, u8::from(*prefix)]);
            w.blob(lexeme.as_bytes());
        }
        TsQuery::Not(inner) => {
            w.out.push(2);
            put_tsquery(w, inner)?;
        }
        TsQuery::And(a, b) => put_pair(w, 3, a, b)?,
        TsQuery::Or(a, b) => put_pair(w, 4, a, b)?,
        TsQuery::Phrase(a, b, distance) => {
            put_pair(w, 5, a, b)?;
            w.raw(&distance.to_le_bytes());
        }
    }
    w.depth -= 1;
    Ok(())
}

fn put_pair(w: &mut Writer<'_>, tag: u8, a: &TsQuery, b: &TsQuery) -> Result<()> {
    w.out.push(tag);
    put_tsquery(w, a)?;
    put_tsquery(w, b)
}

pub(super) fn get_tsquery(r: &mut Reader<'_>) -> Result<TsQuery> {
    r.enter()?;
    let tag = r.u8()?;
    let query = match tag {
        0 => TsQuery::Empty,
        1 => {
            let [weights, prefix] = r.array()?;
            TsQuery::Lexeme(r.str()?.to_owned(), weights, prefix != 0)
        }
        2 => TsQuery::Not(Box::new(get_tsquery(r)?)),
        3..=5 => {
            let (a, b) = (Box::new(get_tsquery(r)?), Box::new(get_tsquery(r)?));
            match tag {
                3 => TsQuery::And(a, b),
                4 => TsQuery::Or(a, b),
                _ => TsQuery::Phrase(a, b, u16::from_le_bytes(r.array()?)),
            }
        }
        _ => return Err(damaged("tsquery tag")),
    };
    r.depth -= 1;
    Ok(query)
}

fn put_point(w: &mut Writer<'_>, (x, y): (f64, f64)) {
    w.raw(&x.to_le_bytes());
    w.raw(&y.to_le_bytes());
}

fn put_points(w: &mut Writer<'_>, points: &[(f64, f64)]) {
    w.count(points.len() as u64);
    points.iter().for_each(|p| put_point(w, *p));
}

pub(super) fn put_geo(w: &mut Writer<'_>, value: &Geometry) {
    match value {
        Geometry::Point(x, y) => {
            w.out.push(0);
            put_point(w, (*x, *y));
        }
        Geometry::Line(a, b, c) => {
            w.out.push(1);
            put_point(w, (*a, *b));
            w.raw(&c.to_le_bytes());
        }
        Geometry::Segment(points) => {
            w.out.push(2);
            points.iter().for_each(|p| put_point(w, *p));
        }
        Geometry::Box(points) => {
            w.out.push(3);
            points.iter().for_each(|p| put_point(w, *p));
        }
        Geometry::Path(closed, points) => {
            w.raw(&[4, u8::from(*closed)]);
            put_points(w, points);
        }
        Geometry::Polygon(points) => {
            w.out.push(5);
            put_points(w, points);
        }
        Geometry::Circle(centre, radius) => {
            w.out.push(6);
            put_point(w, *centre);
            w.raw(&radius.to_le_bytes());
        }
    }
}

pub(super) fn get_geo(r: &mut Reader<'_>) -> Result<Geometry> {
    let f = |r: &mut Reader<'_>| r.array().map(f64::from_le_bytes);
    let point = |r: &mut Reader<'_>| Ok::<_, crate::error::SqlError>((f(r)?, f(r)?));
    let points = |r: &mut Reader<'_>| {
        let count = r.count()?;
        (0..count).map(|_| point(r)).collect::<Result<Vec<_>>>()
    };
    Ok(match r.u8()? {
        0 => Geometry::Point(f(r)?, f(r)?),
        1 => Geometry::Line(f(r)?, f(r)?, f(r)?),
        2 => Geometry::Segment([point(r)?, point(r)?]),
        3 => Geometry::Box([point(r)?, point(r)?]),
        4 => Geometry::Path(r.u8()? != 0, points(r)?),
        5 => Geometry::Polygon(points(r)?),
        6 => Geometry::Circle(point(r)?, f(r)?),
        _ => return Err(damaged("geometry tag")),
    })
}
