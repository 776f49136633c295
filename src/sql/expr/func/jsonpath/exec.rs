//! Evaluation of a path, as PostgreSQL's `jsonpath_exec.c`: items yield sequences; errors are thrown or, in silent mode and inside
//! predicates, only reported; lax mode wraps and unwraps arrays and forgives what is missing.

use super::datetime;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::types::Datum;
use crate::sql::types::io::IoContext;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::jsonpath::{self, Arithmetic, Item as Step, Kind, Method, Path};
use crate::sql::types::numeric::Numeric;
use std::sync::Arc;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    NotFound,
    Error,
}

/// A value on the way: JSON, or a date from `.datetime()` with its zone (seconds west) where it had one.
#[derive(Clone, Debug)]
pub enum Item {
    Json(Arc<Jsonb>),
    Date(Datum, i32),
}

impl Item {
    pub fn json(v: Jsonb) -> Self {
        Self::Json(Arc::new(v))
    }

    /// The value as jsonb; dates are ISO 8601 strings.
    pub fn to_jsonb(&self) -> Jsonb {
        match self {
            Self::Json(v) => (**v).clone(),
            Self::Date(value, west) => Jsonb::String(datetime::text(value, *west).into()),
        }
    }

    fn number(&self) -> Option<&Numeric> {
        match self {
            Self::Json(v) => match &**v {
                Jsonb::Number(n) => Some(n),
                _ => None,
            },
            Self::Date(..) => None,
        }
    }

    fn is_array(&self) -> bool {
        matches!(self, Self::Json(v) if matches!(**v, Jsonb::Array(_)))
    }

    /// Elements of an array, values of an object.
    fn children(&self) -> Vec<Item> {
        match self {
            Self::Json(v) => match &**v {
                Jsonb::Array(values) => values.iter().cloned().map(Item::json).collect(),
                Jsonb::Object(pairs) => pairs.iter().map(|(_, v)| Item::json(v.clone())).collect(),
                _ => Vec::new(),
            },
            Self::Date(..) => Vec::new(),
        }
    }

    fn is_container(&self) -> bool {
        matches!(self, Self::Json(v) if !v.is_scalar())
    }
}

/// Where results go; nowhere when only existence matters.
pub type Found<'f> = Option<&'f mut Vec<Item>>;

/// One evaluation.
pub struct Exec<'a> {
    root: Item,
    variables: Option<&'a Jsonb>,
    pub(super) current: Item,
    pub(super) lax: bool,
    ignore_structural: bool,
    pub(super) throw: bool,
    pub(super) zoned: bool,
    array_size: Option<i64>,
    pub(super) io: &'a IoContext<'a>,
}

fn reborrow<'x>(found: &'x mut Found<'_>) -> Found<'x> {
    found.as_mut().map(|f| &mut **f)
}

impl<'a> Exec<'a> {
    pub fn new(path: &Path, root: Item, variables: Option<&'a Jsonb>, throw: bool, zoned: bool, io: &'a IoContext<'a>) -> Self {
        let current = root.clone();
        Self { root, variables, current, lax: path.lax, ignore_structural: path.lax, throw, zoned, array_size: None, io }
    }

    /// Throws, or only reports, an error.
    pub(super) fn fail(&self, error: SqlError) -> Result<Outcome> {
        if self.throw { Err(error) } else { Ok(Outcome::Error) }
    }

    fn structural(&self, code: SqlState, message: String) -> Result<Outcome> {
        if self.ignore_structural { Ok(Outcome::NotFound) } else { self.fail(SqlError::new(code, message)) }
    }

    /// Evaluates a chain on a value.
    pub fn item(&mut self, step: &Step, value: &Item, found: Found<'_>) -> Result<Outcome> {
        self.step(step, value, found, self.lax)
    }

    /// Goes on to the next step, or keeps the value.
    pub(super) fn next(&mut self, step: Option<&Step>, value: Item, mut found: Found<'_>) -> Result<Outcome> {
        match step {
            Some(next) => self.item(next, &value, found),
            None => {
                if let Some(found) = reborrow(&mut found) {
                    found.push(value);
                }
                Ok(Outcome::Ok)
            }
        }
    }

    fn step(&mut self, step: &Step, value: &Item, found: Found<'_>, unwrap: bool) -> Result<Outcome> {
        let next = step.next.as_deref();
        match &step.kind {
            kind if kind.is_predicate() => {
                let verdict = self.predicate(step, value)?;
                if next.is_none() && found.is_none() {
                    return Ok(Outcome::Ok);
                }
                self.next(next, Item::json(verdict.map_or(Jsonb::Null, Jsonb::Bool)), found)
            }
            Kind::Null => self.next(next, Item::json(Jsonb::Null), found),
            Kind::Bool(v) => self.next(next, Item::json(Jsonb::Bool(*v)), found),
            Kind::Number(v) => self.next(next, Item::json(Jsonb::Number(v.clone())), found),
            Kind::String(v) => self.next(next, Item::json(Jsonb::String(v.as_str().into())), found),
            Kind::Variable(name) => {
                let value = self
                    .variables
                    .and_then(|v| v.get(name))
                    .cloned()
                    .ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "could not find jsonpath variable \"{name}\""))?;
                self.next(next, Item::json(value), found)
            }
            Kind::Root => self.next(next, self.root.clone(), found),
            Kind::Current => self.next(next, self.current.clone(), found),
            Kind::Last => match self.array_size {
                Some(size) => self.next(next, Item::json(Jsonb::Number((size - 1).into())), found),
                None => Err(SqlError::internal("evaluating jsonpath LAST outside of array subscript")),
            },
            Kind::Key(_) | Kind::AnyKey | Kind::AnyElement | Kind::Elements(_) | Kind::Any(..) => {
                self.accessor(step, value, found, unwrap)
            }
            Kind::Filter(condition) => {
                if unwrap && value.is_array() {
                    return self.unwrapped(step, value, found, false);
                }
                let outer = std::mem::replace(&mut self.current, value.clone());
                let verdict = self.predicate(condition, value);
                self.current = outer;
                if verdict? == Some(true) { self.next(next, value.clone(), found) } else { Ok(Outcome::NotFound) }
            }
            Kind::Arithmetic(op, left, right) => self.arithmetic(*op, left, right, value, next, found),
            Kind::Sign(minus, operand) => self.sign(*minus, operand, value, next, found),
            Kind::Method(method) => self.method(*method, step, value, found, unwrap),
            Kind::Datetime(template) => {
                if unwrap && value.is_array() {
                    return self.unwrapped(step, value, found, false);
                }
                match datetime::parse(value, template.as_deref(), self.io) {
                    Ok(date) => self.next(next, date, found),
                    Err(e) => self.fail(e),
                }
            }
            _ => Ok(Outcome::NotFound),
        }
    }

    /// A step on each element of an array.
    fn unwrapped(&mut self, step: &Step, value: &Item, found: Found<'_>, unwrap: bool) -> Result<Outcome> {
        self.each(Some(step), &value.children(), found, (1, 1, 1), false, unwrap)
    }

    fn accessor(&mut self, step: &Step, value: &Item, found: Found<'_>, unwrap: bool) -> Result<Outcome> {
        let next = step.next.as_deref();
        let document = if let Item::Json(v) = value { Some(&**v) } else { None };
        match (&step.kind, document) {
            (Kind::Key(key), Some(object @ Jsonb::Object(_))) => match object.get(key) {
                Some(member) => self.next(next, Item::json(member.clone()), found),
                None => self.structural(SqlState::SQL_JSON_MEMBER_NOT_FOUND, format!("JSON object does not contain key \"{key}\"")),
            },
            (Kind::AnyKey, Some(Jsonb::Object(_))) => self.each(next, &value.children(), found, (1, 1, 1), false, self.lax),
            (Kind::Key(_) | Kind::AnyKey, Some(Jsonb::Array(_))) if unwrap => self.unwrapped(step, value, found, false),
            (Kind::Key(_), _) => self.structural(
                SqlState::SQL_JSON_MEMBER_NOT_FOUND,
                "jsonpath member accessor can only be applied to an object".into(),
            ),
            (Kind::AnyKey, _) => self.structural(
                SqlState::SQL_JSON_OBJECT_NOT_FOUND,
                "jsonpath wildcard member accessor can only be applied to an object".into(),
            ),
            (Kind::AnyElement, Some(Jsonb::Array(_))) => self.each(next, &value.children(), found, (1, 1, 1), false, self.lax),
            (Kind::AnyElement, _) if self.lax => self.next(next, value.clone(), found),
            (Kind::AnyElement, _) => self.structural(
                SqlState::SQL_JSON_ARRAY_NOT_FOUND,
                "jsonpath wildcard array accessor can only be applied to an array".into(),
            ),
            (Kind::Elements(subscripts), _) if value.is_array() || self.lax => self.elements(subscripts, value, next, found),
            (Kind::Elements(_), _) => self
                .structural(SqlState::SQL_JSON_ARRAY_NOT_FOUND, "jsonpath array accessor can only be applied to an array".into()),
            (Kind::Any(first, last), _) => self.any(*first, *last, value, next, found),
            _ => Ok(Outcome::NotFound),
        }
    }

    fn any(&mut self, first: u32, last: u32, value: &Item, next: Option<&Step>, mut found: Found<'_>) -> Result<Outcome> {
        let mut outcome = Outcome::NotFound;
        if first == 0 {
            let saved = std::mem::replace(&mut self.ignore_structural, true);
            let result = self.next(next, value.clone(), reborrow(&mut found));
            self.ignore_structural = saved;
            outcome = result?;
            if outcome == Outcome::Ok && found.is_none() {
                return Ok(outcome);
            }
        }
        if value.is_container() {
            return self.each(next, &value.children(), found, (1, first, last), true, self.lax);
        }
        Ok(outcome)
    }

    /// A step on each child, down to a depth. `levels` are the children's own, the first and the last wanted.
    fn each(
        &mut self,
        step: Option<&Step>,
        children: &[Item],
        mut found: Found<'_>,
        levels: (u32, u32, u32),
        ignore: bool,
        unwrap: bool,
    ) -> Result<Outcome> {
        let (level, first, last) = levels;
        let mut outcome = Outcome::NotFound;
        if level > last {
            return Ok(outcome);
        }
        for child in children {
            let leaf_wanted = first == u32::MAX && last == u32::MAX && !child.is_container();
            if level >= first || leaf_wanted {
                outcome = match step {
                    Some(step) => {
                        let saved = self.ignore_structural;
                        self.ignore_structural |= ignore;
                        let result = self.step(step, child, reborrow(&mut found), unwrap);
                        self.ignore_structural = saved;
                        result?
                    }
                    None => {
                        if let Some(found) = reborrow(&mut found) {
                            found.push(child.clone());
                        }
                        Outcome::Ok
                    }
                };
                if outcome == Outcome::Error || (outcome == Outcome::Ok && found.is_none()) {
                    return Ok(outcome);
                }
            }
            if level < last && child.is_container() {
                let deeper = (level + 1, first, last);
                outcome = self.each(step, &child.children(), reborrow(&mut found), deeper, ignore, unwrap)?;
                if outcome == Outcome::Error || (outcome == Outcome::Ok && found.is_none()) {
                    return Ok(outcome);
                }
            }
        }
        Ok(outcome)
    }

    fn subscript(&mut self, step: &Step, value: &Item) -> Result<Result<i64, Outcome>> {
        let mut found = Vec::new();
        if self.item(step, value, Some(&mut found))? == Outcome::Error {
            return Ok(Err(Outcome::Error));
        }
        let refuse = |message: &str| SqlError::new(SqlState::INVALID_SQL_JSON_SUBSCRIPT, message);
        let [one] = &found[..] else {
            return self.fail(refuse("jsonpath array subscript is not a single numeric value")).map(Err);
        };
        let Some(number) = one.number() else {
            return self.fail(refuse("jsonpath array subscript is not a single numeric value")).map(Err);
        };
        match number.trunc(0).and_then(|n| n.to_i32()) {
            Ok(n) => Ok(Ok(n.into())),
            Err(_) => self.fail(refuse("jsonpath array subscript is out of integer range")).map(Err),
        }
    }

    fn elements(
        &mut self,
        subscripts: &[(Step, Option<Step>)],
        value: &Item,
        next: Option<&Step>,
        found: Found<'_>,
    ) -> Result<Outcome> {
        let values = if value.is_array() { value.children() } else { vec![value.clone()] };
        let outer = self.array_size.replace(values.len() as i64);
        let outcome = self.subscripted(subscripts, value, &values, next, found);
        self.array_size = outer;
        outcome
    }

    fn subscripted(
        &mut self,
        subscripts: &[(Step, Option<Step>)],
        value: &Item,
        values: &[Item],
        next: Option<&Step>,
        mut found: Found<'_>,
    ) -> Result<Outcome> {
        let size = values.len() as i64;
        let mut outcome = Outcome::NotFound;
        for (from, to) in subscripts {
            let from = match self.subscript(from, value)? {
                Ok(from) => from,
                Err(outcome) => return Ok(outcome),
            };
            let to = match to.as_ref().map(|to| self.subscript(to, value)).transpose()? {
                None => from,
                Some(Ok(to)) => to,
                Some(Err(outcome)) => return Ok(outcome),
            };
            if !self.ignore_structural && (from < 0 || from > to || to >= size) {
                let code = SqlState::INVALID_SQL_JSON_SUBSCRIPT;
                return self.fail(SqlError::new(code, "jsonpath array subscript is out of bounds"));
            }
            for element in values.iter().take((to.min(size - 1) + 1).max(0) as usize).skip(from.max(0) as usize) {
                outcome = self.next(next, element.clone(), reborrow(&mut found))?;
                if outcome == Outcome::Error || (outcome == Outcome::Ok && found.is_none()) {
                    return Ok(outcome);
                }
            }
        }
        Ok(outcome)
    }

    /// A chain's results; in lax mode arrays among them are replaced by their elements when asked for.
    pub(super) fn results(&mut self, step: &Step, value: &Item, unwrap: bool) -> Result<Result<Vec<Item>, Outcome>> {
        let mut found = Vec::new();
        if self.item(step, value, Some(&mut found))? == Outcome::Error {
            return Ok(Err(Outcome::Error));
        }
        if !(unwrap && self.lax) {
            return Ok(Ok(found));
        }
        let flat = found.into_iter().flat_map(|item| if item.is_array() { item.children() } else { vec![item] });
        Ok(Ok(flat.collect()))
    }

    fn arithmetic(
        &mut self,
        op: Arithmetic,
        left: &Step,
        right: &Step,
        value: &Item,
        next: Option<&Step>,
        found: Found<'_>,
    ) -> Result<Outcome> {
        let (left, right) = match (self.results(left, value, true)?, self.results(right, value, true)?) {
            (Ok(left), Ok(right)) => (left, right),
            _ => return Ok(Outcome::Error),
        };
        let single = |values: &[Item]| if let [one] = values { one.number().cloned() } else { None };
        let not_single = |side: &str| {
            err!(
                SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED,
                "{side} operand of jsonpath operator {} is not a single numeric value",
                jsonpath::arithmetic(op)
            )
        };
        let Some(x) = single(&left) else { return self.fail(not_single("left")) };
        let Some(y) = single(&right) else { return self.fail(not_single("right")) };
        let result = match op {
            Arithmetic::Add => x.add(&y),
            Arithmetic::Subtract => x.sub(&y),
            Arithmetic::Multiply => x.mul(&y),
            Arithmetic::Divide => x.div(&y),
            Arithmetic::Modulo => x.rem(&y),
        };
        match result {
            Ok(n) => self.next(next, Item::json(Jsonb::Number(n)), found),
            Err(e) => self.fail(e),
        }
    }

    fn sign(&mut self, minus: bool, operand: &Step, value: &Item, next: Option<&Step>, mut found: Found<'_>) -> Result<Outcome> {
        let Ok(values) = self.results(operand, value, true)? else { return Ok(Outcome::Error) };
        let mut outcome = Outcome::NotFound;
        for item in values {
            let Some(n) = item.number() else {
                return self.fail(err!(
                    SqlState(*b"2203B"),
                    "operand of unary jsonpath operator {} is not a numeric value",
                    if minus { '-' } else { '+' }
                ));
            };
            let result = Item::json(Jsonb::Number(if minus { n.neg() } else { n.clone() }));
            match self.next(next, result, reborrow(&mut found))? {
                Outcome::Error => return Ok(Outcome::Error),
                Outcome::Ok if found.is_none() => return Ok(Outcome::Ok),
                Outcome::Ok => outcome = Outcome::Ok,
                Outcome::NotFound => {}
            }
        }
        Ok(outcome)
    }

    fn method(&mut self, method: Method, step: &Step, value: &Item, found: Found<'_>, unwrap: bool) -> Result<Outcome> {
        let next = step.next.as_deref();
        let keeps_arrays = matches!(method, Method::Type | Method::Size);
        if unwrap && !keeps_arrays && value.is_array() {
            return self.unwrapped(step, value, found, false);
        }
        let name = method.name();
        let result = match method {
            Method::Type => Jsonb::String(match value {
                Item::Json(v) => v.type_name().into(),
                Item::Date(date, _) => datetime::type_name(date).into(),
            }),
            Method::Size => match value {
                Item::Json(v) if matches!(**v, Jsonb::Array(_)) => Jsonb::Number((value.children().len() as i64).into()),
                _ if self.lax => Jsonb::Number(Numeric::ONE),
                _ => {
                    return self.structural(
                        SqlState::SQL_JSON_ARRAY_NOT_FOUND,
                        format!("jsonpath item method .{name}() can only be applied to an array"),
                    );
                }
            },
            Method::Abs | Method::Floor | Method::Ceiling => {
                let Some(n) = value.number() else {
                    return self.fail(err!(
                        SqlState::NON_NUMERIC_SQL_JSON_ITEM,
                        "jsonpath item method .{name}() can only be applied to a numeric value"
                    ));
                };
                Jsonb::Number(match method {
                    Method::Abs => n.abs(),
                    Method::Floor => n.floor()?,
                    _ => n.ceil()?,
                })
            }
            Method::Double => match double(value) {
                Ok(n) => Jsonb::Number(n),
                Err(e) => return self.fail(e),
            },
            Method::KeyValue => return self.key_value(value, next, found),
        };
        self.next(next, Item::json(result), found)
    }

    fn key_value(&mut self, value: &Item, next: Option<&Step>, mut found: Found<'_>) -> Result<Outcome> {
        let Item::Json(document) = value else { return Ok(Outcome::NotFound) };
        let Jsonb::Object(pairs) = &**document else {
            return self.fail(err!(
                SqlState::SQL_JSON_OBJECT_NOT_FOUND,
                "jsonpath item method .keyvalue() can only be applied to an object"
            ));
        };
        let mut outcome = Outcome::NotFound;
        for (key, member) in pairs {
            let described = Jsonb::object(vec![
                ("id".into(), Jsonb::Number(Numeric::ZERO)),
                ("key".into(), Jsonb::String(key.clone())),
                ("value".into(), member.clone()),
            ]);
            outcome = self.next(next, Item::json(described), reborrow(&mut found))?;
            if outcome == Outcome::Error || (outcome == Outcome::Ok && found.is_none()) {
                break;
            }
        }
        Ok(outcome)
    }
}

fn double(value: &Item) -> Result<Numeric> {
    let refuse = |message: &str| SqlError::new(SqlState::NON_NUMERIC_SQL_JSON_ITEM, message);
    match value {
        Item::Json(v) => match &**v {
            Jsonb::Number(n) => match n.to_f64() {
                Ok(_) => Ok(n.clone()),
                Err(_) => {
                    Err(refuse("numeric argument of jsonpath item method .double() is out of range for type double precision"))
                }
            },
            Jsonb::String(s) => match crate::sql::types::float::parse_f64(s) {
                Ok(d) if d.is_finite() => Numeric::from_f64(d),
                _ => Err(refuse(
                    "string argument of jsonpath item method .double() is not a valid representation of a double precision number",
                )),
            },
            _ => Err(refuse("jsonpath item method .double() can only be applied to a string or numeric value")),
        },
        Item::Date(..) => Err(refuse("jsonpath item method .double() can only be applied to a string or numeric value")),
    }
}
