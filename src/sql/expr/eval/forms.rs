//! Arrays, records, casts through text and domains: one row at a time.

use super::node::{CallNode, CompiledExpr, DomainChecks, Node};
use super::row::{Row, is_true};
use super::{Scope, compile, subscript};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::executor::context::{DomainDef, ExecCx};
use crate::sql::plan::{ColId, Subquery};
use crate::sql::types::array::{Array, Dim};
use crate::sql::types::datum::Record;
use crate::sql::types::io::{TypeKind, type_info};
use crate::sql::types::{Datum, Oid, Type, io};
use std::sync::Arc;

impl CompiledExpr {
    /// The forms without a short way.
    pub(super) fn compound_at(&mut self, cx: &mut ExecCx<'_>, row: Row<'_>) -> Result<Datum> {
        let ty = self.ty;
        match &mut self.node {
            Node::ArrayCompare { call, any, array } => {
                let left = call.args[0].eval_at(cx, row)?;
                let array = array.eval_at(cx, row)?;
                array_compare(cx, call, *any, left, &array)
            }
            Node::Array { elements, nested, elem } => {
                let values = elements.iter_mut().map(|e| e.eval_at(cx, row)).collect::<Result<Vec<_>>>()?;
                if *nested { nested_array(*elem, values) } else { Ok(flat_array(*elem, values)) }
            }
            Node::Row { fields, ty, names } => {
                let mut values = Vec::with_capacity(fields.len());
                for field in fields {
                    let value = field.eval_at(cx, row)?;
                    values.push((field.ty, value));
                }
                Ok(Datum::Record(Arc::new(Record { ty: *ty, fields: values, names: Arc::clone(names) })))
            }
            Node::Field { arg, index } => Ok(match arg.eval_at(cx, row)? {
                Datum::Record(record) => record.fields.get(*index).map(|(_, v)| v.clone()).unwrap_or_default(),
                _ => Datum::Null,
            }),
            Node::Subscript { arg, indices } => {
                let value = arg.eval_at(cx, row)?;
                let indices = subscript::evaluate(cx, row, indices)?;
                subscript::fetch(&value, indices)
            }
            Node::SubscriptAssign { arg, indices, value, elem } => {
                let container = arg.eval_at(cx, row)?;
                let indices = subscript::evaluate(cx, row, indices)?;
                let value = value.eval_at(cx, row)?;
                subscript::assign(*elem, container, indices, value)
            }
            Node::FieldAssign { arg, index, value } => {
                let record = arg.eval_at(cx, row)?;
                let value_ty = value.ty;
                let value = value.eval_at(cx, row)?;
                let width = match type_info(cx.io.types, ty.oid)?.kind {
                    TypeKind::Composite(fields) => fields.len(),
                    _ => 0,
                };
                field_assign(ty.oid, &record, (*index, width), value_ty, value)
            }
            Node::ViaIo { arg } => {
                let from = arg.ty;
                match arg.eval_at(cx, row)? {
                    Datum::Null => Ok(Datum::Null),
                    value => via_io(cx, &value, from, ty),
                }
            }
            Node::ArrayCoerce { arg, element, elem } => match arg.eval_at(cx, row)? {
                Datum::Array(array) => {
                    let values = array.values.iter().map(|v| with_value(cx, element, row, v.clone())).collect::<Result<_>>()?;
                    Ok(Datum::Array(Arc::new(Array { elem: *elem, dims: array.dims.clone(), values })))
                }
                other => Ok(other),
            },
            Node::RowCoerce { arg, fields } => match arg.eval_at(cx, row)? {
                Datum::Record(record) => row_coerce(cx, row, &record, fields, ty.oid),
                other => Ok(other),
            },
            Node::Domain { arg, ty, checks } => {
                let value = arg.eval_at(cx, row)?;
                if checks.is_none() {
                    *checks = load_domain(cx, *ty)?.map(Box::new);
                }
                match checks {
                    Some(checks) => check_domain(cx, checks, value),
                    None => Ok(value),
                }
            }
            _ => Err(SqlError::internal("expression form without an evaluation")),
        }
    }
}

/// Evaluates `expr` with VALUE standing for `value`.
pub(crate) fn with_value(cx: &mut ExecCx<'_>, expr: &mut CompiledExpr, row: Row<'_>, value: Datum) -> Result<Datum> {
    cx.state.values.push(value);
    let result = expr.eval_at(cx, row);
    cx.state.values.pop();
    result
}

fn array_compare(cx: &mut ExecCx<'_>, call: &mut CallNode, any: bool, left: Datum, array: &Datum) -> Result<Datum> {
    let Datum::Array(array) = array else { return Ok(Datum::Null) };
    if array.values.is_empty() {
        return Ok(Datum::Bool(!any));
    }
    if left.is_null() && call.strict {
        return Ok(Datum::Null);
    }
    let mut unknown = false;
    for value in &array.values {
        match call.invoke_pair(cx, left.clone(), value.clone())? {
            Datum::Bool(b) if b == any => return Ok(Datum::Bool(any)),
            Datum::Bool(_) => {}
            _ => unknown = true,
        }
    }
    Ok(if unknown { Datum::Null } else { Datum::Bool(!any) })
}

/// A one-dimensional array; no elements make the empty array.
pub(crate) fn flat_array(elem: Oid, values: Vec<Datum>) -> Datum {
    let dims = if values.is_empty() { Vec::new() } else { vec![Dim { len: values.len() as i32, lower: 1 }] };
    Datum::Array(Arc::new(Array { elem, dims, values }))
}

/// An array of arrays: one more dimension in front. Errors: 2202E when they differ in shape.
pub(crate) fn nested_array(elem: Oid, parts: Vec<Datum>) -> Result<Datum> {
    let mismatch =
        || err!(SqlState::ARRAY_SUBSCRIPT_ERROR, "multidimensional arrays must have array expressions with matching dimensions");
    let mut inner: Option<Vec<Dim>> = None;
    let mut values = Vec::new();
    let mut count = 0;
    let mut empties = 0;
    for part in parts {
        let Datum::Array(array) = part else {
            empties += 1;
            continue;
        };
        if array.dims.is_empty() {
            empties += 1;
            continue;
        }
        match &inner {
            None => inner = Some(array.dims.clone()),
            Some(dims) if *dims != array.dims => return Err(mismatch()),
            Some(_) => {}
        }
        count += 1;
        values.extend(array.values.iter().cloned());
    }
    let Some(inner) = inner else { return Ok(flat_array(elem, Vec::new())) };
    if empties > 0 {
        return Err(mismatch());
    }
    if inner.len() >= 6 {
        return Err(err!(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "number of array dimensions ({}) exceeds the maximum allowed (6)",
            inner.len() + 1
        ));
    }
    let mut dims = vec![Dim { len: count, lower: 1 }];
    dims.extend(inner);
    Ok(Datum::Array(Arc::new(Array { elem, dims, values })))
}

/// A record with one field replaced; a missing record, or one from before fields were added, has NULLs elsewhere.
fn field_assign(ty: Oid, record: &Datum, (index, width): (usize, usize), value_ty: Type, value: Datum) -> Result<Datum> {
    let mut fields = match record {
        Datum::Record(r) => r.fields.clone(),
        _ => Vec::new(),
    };
    while fields.len() < width.max(index + 1) {
        fields.push((Type::new(Oid::UNKNOWN), Datum::Null));
    }
    fields[index] = (value_ty, value);
    Ok(Datum::Record(Arc::new(Record { ty, fields, names: Arc::from([]) })))
}

/// A cast through text output and input.
pub(crate) fn via_io(cx: &mut ExecCx<'_>, value: &Datum, from: Type, to: Type) -> Result<Datum> {
    if let (Datum::Text(text), Oid::TEXT) = (value, to.oid) {
        return Ok(Datum::Text(text.clone()));
    }
    let text = io::output_string(cx.io, value, from);
    io::input(cx.io, &text, to)
}

fn row_coerce(cx: &mut ExecCx<'_>, row: Row<'_>, record: &Record, fields: &mut [CompiledExpr], ty: Oid) -> Result<Datum> {
    let mut out = Vec::with_capacity(fields.len());
    for (field, expr) in record.fields.iter().zip(fields) {
        let value = with_value(cx, expr, row, field.1.clone())?;
        out.push((expr.ty, value));
    }
    Ok(Datum::Record(Arc::new(Record { ty, fields: out, names: Arc::clone(&record.names) })))
}

/// Domain checks refer to nothing but VALUE.
struct DomainEnv;

impl super::CompileEnv for DomainEnv {
    fn outer_slot(&mut self, _: ColId) -> Result<usize> {
        Err(SqlError::internal("a domain check refers to a column"))
    }

    fn subplan(&mut self, _: &Subquery, _: &Scope) -> Result<super::SubPlan> {
        Err(SqlError::unsupported("a subquery in a domain check"))
    }

    fn array_element(&mut self, array: Oid) -> Result<Oid> {
        Ok(builtin_element(array).unwrap_or(Oid::INVALID))
    }
}

/// Element type of a built-in array type.
pub(crate) fn builtin_element(array: Oid) -> Option<Oid> {
    match crate::sql::types::io::type_info(&crate::sql::types::io::BuiltinTypes, array).ok()?.kind {
        crate::sql::types::io::TypeKind::Array(elem) => Some(elem),
        _ => None,
    }
}

/// Compiles a domain's checks; `None` when the type is no domain.
pub(crate) fn load_domain(cx: &mut ExecCx<'_>, ty: Oid) -> Result<Option<DomainChecks>> {
    let Some(def) = cx.routines.domain(ty)? else { return Ok(None) };
    let DomainDef { name, schema, base, not_null, checks } = &*def;
    let scope = Scope::default();
    let mut compiled = Vec::with_capacity(checks.len());
    for (constraint, condition) in checks {
        compiled.push((constraint.clone(), compile(condition, &scope, &mut DomainEnv)?));
    }
    let below = load_domain(cx, base.oid)?.map(Box::new);
    Ok(Some(DomainChecks { name: name.clone(), schema: schema.clone(), not_null: *not_null, checks: compiled, below }))
}

/// Passes `value` through or fails with 23502 or 23514.
pub(crate) fn check_domain(cx: &mut ExecCx<'_>, domain: &mut DomainChecks, value: Datum) -> Result<Datum> {
    let value = match &mut domain.below {
        Some(below) => check_domain(cx, below, value)?,
        None => value,
    };
    if domain.not_null && value.is_null() {
        return Err(err!(SqlState::NOT_NULL_VIOLATION, "domain {} does not allow null values", domain.name)
            .datatype(domain.schema.as_str(), domain.name.as_str()));
    }
    for (constraint, check) in &mut domain.checks {
        let result = with_value(cx, check, Row::of(&[]), value.clone())?;
        if !result.is_null() && !is_true(&result) {
            return Err(err!(
                SqlState::CHECK_VIOLATION,
                "value for domain {} violates check constraint \"{constraint}\"",
                domain.name
            )
            .datatype(domain.schema.as_str(), domain.name.as_str())
            .constraint(constraint.as_str()));
        }
    }
    Ok(value)
}
