//! array_agg, string_agg and the JSON aggregates: results that grow with the group.

use super::{Accumulator, AggregateSpec, Input};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::executor::context::ExecCx;
use crate::sql::expr::context::CallSite;
use crate::sql::expr::eval::{flat_array, nested_array};
use crate::sql::expr::func::json_value::{key_text, to_jsonb, write_json};
use crate::sql::types::json::write_string;
use crate::sql::types::jsonb::Jsonb;
use crate::sql::types::{Datum, Oid, Type};
use smol_str::SmolStr;
use std::any::Any;
use std::sync::Arc;

/// array_agg: NULLs included; over arrays one dimension more.
pub struct Arrays {
    nested: bool,
    elem: Oid,
    groups: Vec<Option<Vec<Datum>>>,
    bytes: usize,
}

impl Arrays {
    /// `result` is the array type answered, `arg` the argument's type.
    pub fn new(result: Oid, arg: Oid) -> Self {
        let nested = result == arg;
        Self { nested, elem: arg, groups: Vec::new(), bytes: 0 }
    }
}

impl Accumulator for Arrays {
    fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups, || None);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.try_each(|row, group| {
            let value = input.args[0].get(row);
            if self.nested && value.is_null() {
                return Err(err!(SqlState::NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays"));
            }
            if let (true, Datum::Array(array)) = (self.nested, &value) {
                self.elem = array.elem;
                if array.values.is_empty() {
                    return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "cannot accumulate empty arrays"));
                }
                let different = self.groups[group].as_ref().and_then(|g| g.first()).is_some_and(|first| match first {
                    Datum::Array(first) => first.dims != array.dims,
                    _ => false,
                });
                if different {
                    return Err(err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "cannot accumulate arrays of different dimensionality"));
                }
            }
            self.bytes += 32;
            self.groups[group].get_or_insert_default().push(value);
            Ok(())
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        match self.groups[group].clone() {
            None => Ok(Datum::Null),
            Some(values) if self.nested => nested_array(self.elem, values),
            Some(values) => Ok(flat_array(self.elem, values)),
        }
    }

    fn memory(&self) -> usize {
        self.bytes
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// string_agg of text or bytea: NULL values are left out; each but the first brings its own delimiter.
#[derive(Default)]
pub struct Strings {
    groups: Vec<Option<Vec<u8>>>,
    binary: bool,
}

impl Accumulator for Strings {
    fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups, || None);
    }

    fn update(&mut self, _: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        let (values, delimiters) = (&input.args[0], &input.args[1]);
        self.binary |= values.kind() == crate::sql::executor::ColumnKind::Bytea;
        input.each(|row, group| {
            let Some(value) = values.get_bytes(row) else { return };
            match &mut self.groups[group] {
                Some(text) => {
                    text.extend_from_slice(delimiters.get_bytes(row).unwrap_or(b""));
                    text.extend_from_slice(value);
                }
                none => *none = Some(value.to_vec()),
            }
        });
        Ok(())
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        Ok(match &self.groups[group] {
            None => Datum::Null,
            Some(bytes) if self.binary => Datum::bytea(bytes),
            Some(bytes) => Datum::text(String::from_utf8_lossy(bytes)),
        })
    }

    fn memory(&self) -> usize {
        self.groups.iter().flatten().map(Vec::len).sum()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

fn type_at(spec: &AggregateSpec<'_>, n: usize) -> Type {
    spec.arg_types.get(n).copied().unwrap_or(Type::new(Oid::TEXT))
}

/// json_agg and jsonb_agg.
pub struct JsonArray {
    binary: bool,
    ty: Type,
    site: CallSite,
    texts: Vec<Option<Vec<u8>>>,
    items: Vec<Option<Vec<Jsonb>>>,
}

impl JsonArray {
    pub fn new(binary: bool, spec: &AggregateSpec<'_>) -> Self {
        Self { binary, ty: type_at(spec, 0), site: CallSite::default(), texts: Vec::new(), items: Vec::new() }
    }
}

impl Accumulator for JsonArray {
    fn resize(&mut self, groups: usize) {
        self.texts.resize_with(groups, || None);
        self.items.resize_with(groups, || None);
    }

    fn update(&mut self, cx: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.try_each(|row, group| {
            let value = input.args[0].get(row);
            let fcx = cx.function(&mut self.site);
            if self.binary {
                let item = to_jsonb(&fcx, &value, self.ty)?;
                self.items[group].get_or_insert_default().push(item);
                return Ok(());
            }
            let out = match &mut self.texts[group] {
                Some(out) => {
                    out.extend_from_slice(b", ");
                    if matches!(value, Datum::Array(_) | Datum::Record(_)) {
                        out.extend_from_slice(b"\n ");
                    }
                    out
                }
                none => none.insert(b"[".to_vec()),
            };
            write_json(&fcx, &value, self.ty, false, out)
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        if self.binary {
            return Ok(self.items[group].clone().map_or(Datum::Null, |items| Datum::Jsonb(Arc::new(Jsonb::Array(items)))));
        }
        Ok(self.texts[group].as_ref().map_or(Datum::Null, |text| {
            let mut text = String::from_utf8_lossy(text).into_owned();
            text.push(']');
            Datum::text(text)
        }))
    }

    fn memory(&self) -> usize {
        self.texts.iter().flatten().map(Vec::len).sum::<usize>() + self.items.iter().flatten().map(|i| i.len() * 48).sum::<usize>()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// json_object_agg and jsonb_object_agg.
pub struct JsonObject {
    binary: bool,
    key: Type,
    value: Type,
    site: CallSite,
    texts: Vec<Option<Vec<u8>>>,
    pairs: Vec<Option<Vec<(SmolStr, Jsonb)>>>,
}

impl JsonObject {
    pub fn new(binary: bool, spec: &AggregateSpec<'_>) -> Self {
        Self {
            binary,
            key: type_at(spec, 0),
            value: type_at(spec, 1),
            site: CallSite::default(),
            texts: Vec::new(),
            pairs: Vec::new(),
        }
    }
}

impl Accumulator for JsonObject {
    fn resize(&mut self, groups: usize) {
        self.texts.resize_with(groups, || None);
        self.pairs.resize_with(groups, || None);
    }

    fn update(&mut self, cx: &mut ExecCx<'_>, input: &Input<'_>) -> Result<()> {
        input.try_each(|row, group| {
            let (key, value) = (input.args[0].get(row), input.args[1].get(row));
            if key.is_null() {
                return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "field name must not be null"));
            }
            let key = key_text(cx.io, &key, self.key);
            let fcx = cx.function(&mut self.site);
            if self.binary {
                let item = to_jsonb(&fcx, &value, self.value)?;
                self.pairs[group].get_or_insert_default().push((key.into(), item));
                return Ok(());
            }
            let out = match &mut self.texts[group] {
                Some(out) => {
                    out.extend_from_slice(b", ");
                    out
                }
                none => none.insert(b"{ ".to_vec()),
            };
            write_string(&key, out);
            out.extend_from_slice(b" : ");
            write_json(&fcx, &value, self.value, false, out)
        })
    }

    fn finish(&mut self, _: &mut ExecCx<'_>, group: usize) -> Result<Datum> {
        if self.binary {
            return Ok(self.pairs[group].clone().map_or(Datum::Null, |pairs| Datum::Jsonb(Arc::new(Jsonb::object(pairs)))));
        }
        Ok(self.texts[group].as_ref().map_or(Datum::Null, |text| {
            let mut text = String::from_utf8_lossy(text).into_owned();
            text.push_str(" }");
            Datum::text(text)
        }))
    }

    fn memory(&self) -> usize {
        self.texts.iter().flatten().map(Vec::len).sum::<usize>() + self.pairs.iter().flatten().map(|i| i.len() * 72).sum::<usize>()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
