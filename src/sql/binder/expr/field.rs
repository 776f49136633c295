//! Parts of values: subscripts, fields of composites, `.*` of rows.

use super::Binder;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::binder::coerce::Context;
use crate::sql::binder::func;
use crate::sql::binder::same::{at, location};
use crate::sql::binder::scope::{ColSource, RteKind};
use crate::sql::parser::ast::{self, ExprNode, Indirection};
use crate::sql::plan::{CallForm, ColId, Expr, ExprKind, Subscript};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;
use std::rc::Rc;

/// Fields of a row value: name, type, collation.
pub(crate) type Shape = Rc<[(SmolStr, Type, Oid)]>;

const MAX_DIMENSIONS: usize = 6;

impl Binder<'_> {
    /// `transformIndirection`.
    pub(super) fn indirection(&mut self, base: &ast::Expr, path: &[Indirection], pos: usize) -> Result<Expr> {
        let base = self.expr(base)?;
        self.apply_path(base, path, pos)
    }

    fn apply_path(&mut self, base: Expr, path: &[Indirection], pos: usize) -> Result<Expr> {
        let mut result = base;
        let mut i = 0;
        while i < path.len() {
            match &path[i] {
                // `f(t.*)`: the row as one value.
                Indirection::Star if i + 1 == path.len() && self.whole_row_entry(&result).is_some() => i += 1,
                Indirection::Star => {
                    return Err(err!(SqlState::SYNTAX_ERROR, "row expansion via \"*\" is not supported here").at(pos));
                }
                Indirection::Field(name) => {
                    result = self.field(result, name, pos)?;
                    i += 1;
                }
                Indirection::Index(_) | Indirection::Slice(..) => {
                    let start = i;
                    while i < path.len() && matches!(path[i], Indirection::Index(_) | Indirection::Slice(..)) {
                        i += 1;
                    }
                    result = self.subscripts(result, &path[start..i])?;
                }
            }
        }
        Ok(result)
    }

    fn field(&mut self, arg: Expr, name: &SmolStr, pos: usize) -> Result<Expr> {
        let ty = arg.ty.oid;
        let whole = self.whole_row_entry(&arg);
        if let Some(e) = self.projection_or_function(name, arg, pos)? {
            return Ok(e);
        }
        if let Some(rte) = whole {
            let rel = self.rtes[rte as usize].alias.clone();
            return Err(self.missing_column(Some(&rel), name, pos));
        }
        Err(if self.desc(self.base_oid(ty)).relation.is_valid() {
            err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" not found in data type {}", self.type_text(ty))
        } else if ty == Oid::RECORD {
            err!(SqlState::UNDEFINED_COLUMN, "could not identify column \"{name}\" in record data type")
        } else {
            let text = self.type_text(ty);
            err!(SqlState::WRONG_OBJECT_TYPE, "column notation .{name} applied to type {text}, which is not a composite type")
        }
        .at(pos))
    }

    /// A field of a row, or the function of that name called on it; None for neither.
    pub(crate) fn projection_or_function(&mut self, name: &SmolStr, arg: Expr, pos: usize) -> Result<Option<Expr>> {
        let arg = match self.select_field(arg, name) {
            Ok(e) => return Ok(Some(e)),
            Err(arg) => arg,
        };
        self.attribute_call(name, arg, pos)
    }

    /// A field of a row value by name; the value back when it has none of that name.
    pub(crate) fn select_field(&mut self, arg: Expr, name: &str) -> Result<Expr, Expr> {
        if let Some(rte) = self.whole_row_entry(&arg) {
            let found = self.rtes[rte as usize].cols.iter().position(|c| c.name == name && !matches!(c.source, ColSource::Dropped));
            return match found {
                Some(attr) => {
                    let mut e = self.rte_column(rte, attr);
                    e.pos = arg.pos;
                    Ok(e)
                }
                None => Err(arg),
            };
        }
        let Some(shape) = self.row_shape(&arg) else { return Err(arg) };
        match shape.iter().position(|f| f.0 == name) {
            Some(index) => Ok(field_of(arg, &shape, index)),
            None => Err(arg),
        }
    }

    /// The range table entry whose whole row this is.
    fn whole_row_entry(&self, e: &Expr) -> Option<u32> {
        let ExprKind::Column(ColId(id)) = e.kind else { return None };
        let col = &self.cols[id as usize];
        (col.attr == u16::MAX && col.rte != u32::MAX && col.depth as usize <= self.scopes.len()).then_some(col.rte)
    }

    /// The fields of a row value, when they are known.
    pub(crate) fn row_shape(&self, e: &Expr) -> Option<Shape> {
        if let Some(relation) = self.composite_relation(e.ty.oid) {
            return Some(relation.live_columns().map(|(_, c)| (c.name.clone(), c.ty, c.collation)).collect());
        }
        match &e.kind {
            ExprKind::Row { fields, names } => {
                Some(fields.iter().zip(names).map(|(f, n)| (n.clone(), f.ty, self.result_collation(f))).collect())
            }
            ExprKind::Column(id) => match self.whole_row_entry(e) {
                Some(rte) => {
                    let cols = self.rtes[rte as usize].cols.iter().filter(|c| !matches!(c.source, ColSource::Dropped));
                    Some(cols.map(|c| (c.name.clone(), c.ty, c.collation)).collect())
                }
                None => self.shapes.get(&id.0).cloned(),
            },
            ExprKind::Call { callee, args, .. } | ExprKind::SetReturning { callee, args } => {
                let actual: func::Types = args.iter().map(|a| a.ty.oid).collect();
                self.call_shape(callee, &actual)
            }
            _ => None,
        }
    }

    /// The record a function with several OUT parameters answers.
    pub(crate) fn call_shape(&self, callee: &crate::sql::plan::Callee, actual: &[Oid]) -> Option<Shape> {
        let out = func::out_params(callee);
        if out.len() < 2 {
            return None;
        }
        let declared = match callee {
            crate::sql::plan::Callee::Builtin(f) => &f.args,
            crate::sql::plan::Callee::User(f) => &f.arg_types,
        };
        let resolve = |ty: Oid| {
            let mut declared: func::Types = declared.iter().copied().collect();
            self.resolve_generics(actual, &mut declared, ty, false).unwrap_or(ty)
        };
        let field = |(i, (name, ty)): (usize, (SmolStr, Oid))| {
            let ty = resolve(ty);
            let name = if name.is_empty() { SmolStr::from(format!("column{}", i + 1)) } else { name };
            (name, Type::new(ty), self.desc(ty).collation)
        };
        Some(out.into_iter().enumerate().map(field).collect())
    }

    /// `*` and `t.*`: names and expressions.
    pub(crate) fn expand_star(&mut self, names: &[SmolStr], pos: usize) -> Result<Vec<(SmolStr, Expr)>> {
        let mut out = Vec::new();
        if names.is_empty() {
            let items: smallvec::SmallVec<[u32; 8]> = self.scope().ns.iter().filter(|i| i.cols_visible).map(|i| i.rte).collect();
            if self.scope().ns.is_empty() {
                return Err(err!(SqlState::SYNTAX_ERROR, "SELECT * with no tables specified is not valid").at(pos));
            }
            for rte in items {
                self.expand_entry(rte, pos, &mut out);
            }
            return Ok(out);
        }
        let (schema, rel) = match names {
            [rel] => (None, rel),
            [schema, rel] => (Some(schema), rel),
            [db, schema, rel] if db == self.cx.catalog.database_name() => (Some(schema), rel),
            [_, _, _] => {
                let name = names.join(".");
                return Err(
                    err!(SqlState::FEATURE_NOT_SUPPORTED, "cross-database references are not implemented: {name}.*").at(pos)
                );
            }
            _ => {
                let name = names.join(".");
                return Err(err!(SqlState::SYNTAX_ERROR, "improper qualified name (too many dotted names): {name}.*").at(pos));
            }
        };
        match self.find_rel(schema, rel, pos)? {
            Some(rte) => self.expand_entry(rte, pos, &mut out),
            None => return Err(self.missing_relation(schema, rel, pos)),
        }
        Ok(out)
    }

    /// `t.*` where one value is wanted: the whole row.
    pub(super) fn star_value(&mut self, names: &[SmolStr], pos: usize) -> Result<Expr> {
        let (schema, rel) = match names {
            [rel] => (None, rel),
            [.., schema, rel] => (Some(schema), rel),
            [] => {
                return Err(err!(SqlState::SYNTAX_ERROR, "row expansion via \"*\" is not supported here").at(pos));
            }
        };
        match self.find_rel(schema, rel, pos)? {
            Some(rte) => Ok(self.whole_row(rte, pos)),
            None => Err(self.missing_relation(schema, rel, pos)),
        }
    }

    /// All columns of an entry.
    pub(crate) fn expand_entry(&mut self, rte: u32, pos: usize, out: &mut Vec<(SmolStr, Expr)>) {
        for attr in 0..self.rtes[rte as usize].cols.len() {
            let col = &self.rtes[rte as usize].cols[attr];
            if matches!(col.source, ColSource::Dropped) || crate::sql::binder::search::is_hidden(&col.name) {
                continue;
            }
            let name = col.name.clone();
            let mut e = self.rte_column(rte, attr);
            e.pos = Some(pos as u32);
            self.collations |= e.collation.is_valid() && e.collation != crate::sql::binder::collate::DEFAULT;
            out.push((name, e));
        }
    }

    /// `(expr).*`.
    pub(crate) fn expand_row_star(&mut self, base: &ast::Expr, path: &[Indirection], pos: usize) -> Result<Vec<(SmolStr, Expr)>> {
        let steps = &path[..path.len() - 1];
        let row = match &base.node {
            ExprNode::Column(c) if c.star && steps.is_empty() => return self.expand_star(&c.names, pos),
            _ => self.expr(base)?,
        };
        let row = self.apply_path(row, steps, pos)?;
        if let Some(rte) = self.whole_row_entry(&row)
            && !matches!(self.rtes[rte as usize].kind, RteKind::Join)
        {
            let mut out = Vec::new();
            self.expand_entry(rte, pos, &mut out);
            return Ok(out);
        }
        if let ExprKind::Row { fields, names } = row.kind {
            return Ok(names.into_iter().zip(fields).collect());
        }
        let Some(shape) = self.row_shape(&row) else {
            let text = self.type_text(row.ty.oid);
            let error = if row.ty.oid == Oid::RECORD {
                err!(SqlState::SYNTAX_ERROR, "a column definition list is required for functions returning \"record\"")
            } else {
                err!(SqlState::WRONG_OBJECT_TYPE, "type {text} is not composite")
            };
            return Err(at(error, location(&row)));
        };
        Ok((0..shape.len()).map(|i| (shape[i].0.clone(), field_of(row.clone(), &shape, i))).collect())
    }

    /// `transformContainerSubscripts`.
    pub(crate) fn subscripts(&mut self, base: Expr, path: &[Indirection]) -> Result<Expr> {
        let pos = base.pos;
        let ty = self.base_type(base.ty);
        let (indices, result) = self.subscript_list(ty, path, location(&base))?;
        let base = if ty.oid == base.ty.oid { base } else { crate::sql::binder::coerce::relabel(base, ty, CallForm::ImplicitCast) };
        let collation = self.desc(result.oid).collation;
        let kind = ExprKind::Subscript { arg: Box::new(base), indices };
        Ok(Expr { kind, ty: result, collation, pos })
    }

    /// Bound subscripts of a container type, and the type of what they select.
    pub(crate) fn subscript_list(&mut self, ty: Type, path: &[Indirection], pos: Option<u32>) -> Result<(Vec<Subscript>, Type)> {
        let desc = self.desc(ty.oid);
        if ty.oid == Oid::JSONB {
            return Ok((self.jsonb_subscripts(path)?, ty));
        }
        if !desc.subscript.is_valid() {
            let text = self.type_text(ty.oid);
            let error = err!(SqlState::DATATYPE_MISMATCH, "cannot subscript type {text} because it does not support subscripting");
            return Err(at(error, pos));
        }
        if path.len() > MAX_DIMENSIONS {
            let error = err!(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMENSIONS})",
                path.len()
            );
            return Err(error);
        }
        let slice = path.iter().any(|s| matches!(s, Indirection::Slice(..)));
        let mut indices = Vec::with_capacity(path.len());
        for step in path {
            indices.push(match step {
                Indirection::Slice(low, high) => {
                    let low = low.as_ref().map(|e| self.array_index(e)).transpose()?;
                    let high = high.as_ref().map(|e| self.array_index(e)).transpose()?;
                    Subscript::Slice(low, high)
                }
                // Among slices a single subscript n means [1:n].
                Indirection::Index(e) if slice => {
                    let one = Expr::constant(crate::sql::types::Datum::Int4(1), Oid::INT4);
                    Subscript::Slice(Some(one), Some(self.array_index(e)?))
                }
                Indirection::Index(e) => Subscript::Index(self.array_index(e)?),
                Indirection::Field(_) | Indirection::Star => continue,
            });
        }
        let result = if slice { ty } else { Type { oid: desc.subscript, typmod: ty.typmod } };
        Ok((indices, result))
    }

    fn array_index(&mut self, e: &ast::Expr) -> Result<Expr> {
        let bound = self.expr(e)?;
        let pos = location(&bound);
        match self.coerce_to_target(bound, Type::new(Oid::INT4), Context::Assignment, CallForm::ImplicitCast, None)? {
            Some(e) => Ok(e),
            None => Err(at(err!(SqlState::DATATYPE_MISMATCH, "array subscript must have type integer"), pos)),
        }
    }

    fn jsonb_subscripts(&mut self, path: &[Indirection]) -> Result<Vec<Subscript>> {
        let mut indices = Vec::with_capacity(path.len());
        for step in path {
            let e = match step {
                Indirection::Index(e) => self.expr(e)?,
                Indirection::Slice(low, high) => {
                    let error = err!(SqlState::DATATYPE_MISMATCH, "jsonb subscript does not support slices");
                    let pos = low.as_ref().or(high.as_ref()).map(|e| e.pos as u32);
                    return Err(at(error, pos));
                }
                Indirection::Field(_) | Indirection::Star => continue,
            };
            let pos = location(&e);
            let target = match e.ty.oid {
                Oid::UNKNOWN | Oid::TEXT => Oid::TEXT,
                oid if self.can_coerce(oid, Oid::INT4, Context::Implicit) => Oid::INT4,
                oid if self.can_coerce(oid, Oid::TEXT, Context::Implicit) => Oid::TEXT,
                oid => {
                    let text = self.type_text(oid);
                    let error = err!(SqlState::DATATYPE_MISMATCH, "subscript type {text} is not supported")
                        .hint("jsonb subscript must be coercible to either integer or text.");
                    return Err(at(error, pos));
                }
            };
            indices.push(Subscript::Index(self.implicit(e, Type::new(target))?));
        }
        Ok(indices)
    }
}

fn field_of(row: Expr, shape: &Shape, index: usize) -> Expr {
    let (_, ty, collation) = shape[index];
    let pos = row.pos;
    Expr { kind: ExprKind::Field { arg: Box::new(row), index }, ty, collation, pos }
}
