//! Functions in FROM (transformRangeFunction): ROWS FROM, WITH ORDINALITY, column definition lists, multi-argument unnest.

use super::Binder;
use super::colname::column_name;
use super::expr::Shape;
use super::from::rename;
use super::func;
use super::same::{at, location};
use super::scope::{Place, RteKind, WholeRow};
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::parser::ast::{self, ExprNode, FromColumnDef, FromFunction, FunctionCall};
use crate::sql::plan::{Callee, Expr, ExprKind, Output, Rel, TableFunction};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

/// A function of the list with its own columns.
struct Item {
    call: Expr,
    name: SmolStr,
    columns: Vec<(SmolStr, Type, Oid)>,
    whole: WholeRow,
}

impl Binder<'_> {
    pub(super) fn range_function(&mut self, from: &FromFunction) -> Result<u32> {
        let before = std::mem::replace(&mut self.scope_mut().lateral_active, true);
        let items = self.at_place(Place::FromFunction, |b| b.function_items(from));
        self.scope_mut().lateral_active = before;
        let items = items?;
        let whole = match &items[..] {
            [one] if !from.ordinality => one.whole,
            _ => WholeRow::Record,
        };
        let name = from.alias.as_ref().map_or_else(|| items[0].name.clone(), |a| a.name.clone());
        let mut columns = Vec::new();
        let mut functions = Vec::with_capacity(items.len());
        for item in items {
            for (name, ty, collation) in &item.columns {
                columns.push(self.new_output(name.clone(), *ty, *collation));
            }
            functions.push(TableFunction { call: item.call, width: item.columns.len(), expand: item.whole != WholeRow::Scalar });
        }
        if from.ordinality {
            columns.push(self.new_output(SmolStr::new_static("ordinality"), Type::new(Oid::INT8), Oid::INVALID));
        }
        let mut cols = Self::output_cols(&columns);
        rename(&mut cols, from.alias.as_ref())?;
        let named: Vec<Output> = columns.into_iter().zip(&cols).map(|(o, c)| Output { name: c.name.clone(), ..o }).collect();
        let rel = Rel::FunctionScan { functions, columns: named, ordinality: from.ordinality };
        Ok(self.add_rte(name, from.alias.is_some(), RteKind::Function { rel: Some(Box::new(rel)), whole }, cols))
    }

    fn function_items(&mut self, from: &FromFunction) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(from.functions.len());
        let mut spread = false;
        for item in &from.functions {
            if item.columns.is_empty()
                && let Some(calls) = split_unnest(&item.function)
            {
                spread = true;
                for call in &calls {
                    let bound = self.function_expr(call)?;
                    items.push((bound, SmolStr::new_static("unnest"), &[][..]));
                }
                continue;
            }
            let bound = self.function_expr(&item.function)?;
            items.push((bound, column_name(&item.function), &item.columns[..]));
        }
        if let Some(first) = from.columns.first() {
            let syntax = |message: &str, hint: &str| Err(err!(SqlState::SYNTAX_ERROR, "{message}").hint(hint).at(first.pos));
            if items.len() != 1 {
                return if from.rows_from || !spread {
                    syntax(
                        "ROWS FROM() with multiple functions cannot have a column definition list",
                        "Put a separate column definition list for each function inside ROWS FROM().",
                    )
                } else {
                    syntax(
                        "UNNEST() with multiple arguments cannot have a column definition list",
                        "Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list to each one.",
                    )
                };
            }
            if from.ordinality {
                return syntax(
                    "WITH ORDINALITY cannot be used with a column definition list",
                    "Put the column definition list inside ROWS FROM().",
                );
            }
            items[0].2 = &from.columns;
        }
        let alias = from.alias.as_ref().filter(|_| items.len() == 1).map(|a| a.name.clone());
        items.into_iter().map(|(call, name, defs)| self.function_item(call, name, defs, alias.as_ref())).collect()
    }

    fn function_expr(&mut self, e: &ast::Expr) -> Result<Expr> {
        let mut bound = self.expr(e)?;
        if bound.ty.oid == Oid::UNKNOWN {
            bound = self.implicit(bound, Type::new(Oid::TEXT))?;
        }
        self.assign_collations(&mut bound)?;
        let mut nested = None;
        bound.each_child(&mut |child| find_set(child, &mut nested));
        if let Some(pos) = nested {
            let error = err!(SqlState::FEATURE_NOT_SUPPORTED, "set-returning functions must appear at top level of FROM");
            return Err(at(error, pos));
        }
        Ok(bound)
    }

    fn function_item(&mut self, call: Expr, name: SmolStr, defs: &[FromColumnDef], alias: Option<&SmolStr>) -> Result<Item> {
        let shape = self.function_shape(&call);
        let composite = self.composite_relation(call.ty.oid).is_some();
        if let Some(first) = defs.first() {
            let message = if call.ty.oid != Oid::RECORD {
                if composite {
                    "a column definition list is redundant for a function returning a named composite type"
                } else {
                    "a column definition list is only allowed for functions returning \"record\""
                }
            } else if shape.is_some() {
                "a column definition list is redundant for a function with OUT parameters"
            } else {
                ""
            };
            if !message.is_empty() {
                return Err(err!(SqlState::SYNTAX_ERROR, "{message}").at(first.pos));
            }
            let columns = self.column_defs(defs)?;
            return Ok(Item { call, name, columns, whole: WholeRow::Record });
        }
        if let Some(shape) = shape {
            let whole = if composite { WholeRow::Composite(call.ty.oid) } else { WholeRow::Record };
            return Ok(Item { call, name, columns: shape.to_vec(), whole });
        }
        if call.ty.oid == Oid::RECORD {
            let error = err!(SqlState::SYNTAX_ERROR, "a column definition list is required for functions returning \"record\"");
            return Err(at(error, location(&call)));
        }
        let column = single_out_name(&call).or_else(|| alias.cloned()).unwrap_or_else(|| name.clone());
        let columns = vec![(column, call.ty, self.result_collation(&call))];
        Ok(Item { call, name, columns, whole: WholeRow::Scalar })
    }

    /// Columns of a function with a composite result.
    fn function_shape(&self, call: &Expr) -> Option<Shape> {
        if let Some(relation) = self.composite_relation(call.ty.oid) {
            return Some(relation.live_columns().map(|(_, c)| (c.name.clone(), c.ty, c.collation)).collect());
        }
        if call.ty.oid != Oid::RECORD {
            return None;
        }
        match &call.kind {
            ExprKind::Call { callee, args, .. } | ExprKind::SetReturning { callee, args } => {
                let types: func::Types = args.iter().map(|a| a.ty.oid).collect();
                self.call_shape(callee, &types)
            }
            _ => None,
        }
    }

    fn column_defs(&mut self, defs: &[FromColumnDef]) -> Result<Vec<(SmolStr, Type, Oid)>> {
        let mut columns: Vec<(SmolStr, Type, Oid)> = Vec::with_capacity(defs.len());
        for def in defs {
            if def.type_name.setof {
                let name = &def.name;
                return Err(err!(SqlState::INVALID_TABLE_DEFINITION, "column \"{name}\" cannot be declared SETOF").at(def.pos));
            }
            if columns.iter().any(|c| c.0 == def.name) {
                return Err(err!(SqlState::DUPLICATE_COLUMN, "column name \"{}\" specified more than once", def.name).at(def.pos));
            }
            let ty = self.resolve_type(&def.type_name)?;
            self.trace_type(def.type_name.pos, ty);
            let collation = match &def.collation {
                Some((name, pos)) => self.resolve_collation(name, *pos)?,
                None => self.desc(ty.oid).collation,
            };
            columns.push((def.name.clone(), ty, collation));
        }
        Ok(columns)
    }
}

fn find_set(e: &Expr, found: &mut Option<Option<u32>>) {
    if let ExprKind::SetReturning { .. } = e.kind {
        *found = found.or(Some(e.pos));
    }
    e.each_child(&mut |c| find_set(c, found));
}

/// The name of a function's only OUT parameter.
fn single_out_name(call: &Expr) -> Option<SmolStr> {
    let (ExprKind::Call { callee, .. } | ExprKind::SetReturning { callee, .. }) = &call.kind else { return None };
    let out = func::out_params(callee);
    match (&out[..], callee) {
        ([(name, _)], Callee::Builtin(_) | Callee::User(_)) if !name.is_empty() => Some(name.clone()),
        _ => None,
    }
}

/// `unnest(a, b)` is `ROWS FROM (unnest(a), unnest(b))`.
fn split_unnest(e: &ast::Expr) -> Option<Vec<ast::Expr>> {
    let ExprNode::Function(call) = &e.node else { return None };
    let plain =
        call.order_by.is_empty() && call.filter.is_none() && call.over.is_none() && !call.star && !call.distinct && !call.variadic;
    let named = call.name.len() == 1 && call.name[0] == "unnest" && call.args.iter().all(|a| a.name.is_none());
    if call.args.len() < 2 || !plain || !named {
        return None;
    }
    let one = |arg: &ast::FunctionArg| {
        let call = FunctionCall {
            name: vec![SmolStr::new_static("pg_catalog"), SmolStr::new_static("unnest")],
            args: vec![arg.clone()],
            ..(**call).clone()
        };
        ast::Expr::new(ExprNode::Function(Box::new(call)), e.pos)
    };
    Some(call.args.iter().map(one).collect())
}
