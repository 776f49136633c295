//! Predicates: three-valued; an error inside an operand makes them unknown.

use super::datetime;
use super::exec::{Exec, Item, Outcome};
use crate::error::Result;
use crate::sql::expr::func::regex::{Options, Regex};
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::jsonpath::{Comparison, Item as Step, Kind};
use std::cmp::Ordering;

impl Exec<'_> {
    /// true, false, or `None` for unknown.
    pub(super) fn predicate(&mut self, step: &Step, value: &Item) -> Result<Option<bool>> {
        match &step.kind {
            Kind::And(a, b) => {
                let left = self.predicate(a, value)?;
                if left == Some(false) {
                    return Ok(left);
                }
                let right = self.predicate(b, value)?;
                Ok(if right == Some(true) { left } else { right })
            }
            Kind::Or(a, b) => {
                let left = self.predicate(a, value)?;
                if left == Some(true) {
                    return Ok(left);
                }
                let right = self.predicate(b, value)?;
                Ok(if right == Some(false) { left } else { right })
            }
            Kind::Not(inner) => Ok(self.predicate(inner, value)?.map(|v| !v)),
            Kind::IsUnknown(inner) => Ok(Some(self.predicate(inner, value)?.is_none())),
            Kind::Exists(inner) => self.exists(inner, value),
            Kind::Compare(op, a, b) => {
                let zoned = self.zoned;
                let zone = self.io.time_zone;
                self.pairs(a, Some(b), value, true, |x, y| compare(*op, x, y, |x, y| datetime::compare(x, y, zoned, zone)))
            }
            Kind::StartsWith(a, b) => self.pairs(a, Some(b), value, false, |x, y| {
                Ok(match (string(x), string(y)) {
                    (Some(x), Some(y)) => Some(x.starts_with(y)),
                    _ => None,
                })
            }),
            Kind::LikeRegex(a, pattern, flags) => {
                let regex = compile(pattern, flags)?;
                self.pairs(a, None, value, false, |x, _| Ok(string(x).map(|s| regex.is_match(s))))
            }
            _ => Ok(None),
        }
    }

    fn quietly<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let saved = std::mem::replace(&mut self.throw, false);
        let result = run(self);
        self.throw = saved;
        result
    }

    fn exists(&mut self, step: &Step, value: &Item) -> Result<Option<bool>> {
        if self.lax {
            return Ok(match self.quietly(|e| e.item(step, value, None))? {
                Outcome::Error => None,
                outcome => Some(outcome == Outcome::Ok),
            });
        }
        Ok(self.quietly(|e| e.results(step, value, false))?.ok().map(|found| !found.is_empty()))
    }

    /// A test over all pairs of both operands' results: in lax mode the first true decides.
    fn pairs(
        &mut self,
        left: &Step,
        right: Option<&Step>,
        value: &Item,
        unwrap_right: bool,
        test: impl Fn(&Item, &Item) -> Result<Option<bool>>,
    ) -> Result<Option<bool>> {
        let Ok(lefts) = self.quietly(|e| e.results(left, value, true))? else { return Ok(None) };
        let rights = match right {
            Some(right) => match self.quietly(|e| e.results(right, value, unwrap_right))? {
                Ok(rights) => rights,
                Err(_) => return Ok(None),
            },
            None => vec![Item::json(Jsonb::Null)],
        };
        let (mut unknown, mut found) = (false, false);
        for x in &lefts {
            for y in &rights {
                match test(x, y)? {
                    None if !self.lax => return Ok(None),
                    None => unknown = true,
                    Some(true) if self.lax => return Ok(Some(true)),
                    Some(true) => found = true,
                    Some(false) => {}
                }
            }
        }
        Ok(match (found, unknown) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        })
    }
}

fn compile(pattern: &str, flags: &str) -> Result<Regex> {
    let quote = flags.contains('q');
    Regex::new(
        pattern,
        Options {
            icase: flags.contains('i'),
            literal: quote,
            newline_stop: !quote && !flags.contains('s'),
            newline_anchors: !quote && flags.contains('m'),
            ..Options::default()
        },
    )
}

fn string(item: &Item) -> Option<&str> {
    match item {
        Item::Json(v) => match &**v {
            Jsonb::String(s) => Some(s),
            _ => None,
        },
        Item::Date(..) => None,
    }
}

fn compare(op: Comparison, x: &Item, y: &Item, dates: impl Fn(&Item, &Item) -> Result<Option<Ordering>>) -> Result<Option<bool>> {
    let order = match (x, y) {
        (Item::Json(x), Item::Json(y)) => match (&**x, &**y) {
            (Jsonb::Null, Jsonb::Null) => Some(Ordering::Equal),
            (Jsonb::Bool(x), Jsonb::Bool(y)) => Some(x.cmp(y)),
            (Jsonb::Number(x), Jsonb::Number(y)) => Some(x.cmp(y)),
            (Jsonb::String(x), Jsonb::String(y)) => Some(x.as_bytes().cmp(y.as_bytes())),
            (Jsonb::Null, _) | (_, Jsonb::Null) => return Ok(Some(op == Comparison::NotEqual)),
            _ => None,
        },
        (Item::Date(..), Item::Date(..)) => dates(x, y)?,
        (Item::Json(v), _) | (_, Item::Json(v)) if matches!(**v, Jsonb::Null) => return Ok(Some(op == Comparison::NotEqual)),
        _ => None,
    };
    Ok(order.map(|order| match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }))
}
