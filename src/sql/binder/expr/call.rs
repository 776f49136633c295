//! Function calls (`ParseFuncOrColumn`): ordinary functions, casts in function's clothing, and the doors to aggregates and
//! window functions.

use super::Binder;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::coerce::Context;
use crate::sql::binder::func::{self, Candidate, Detail, Types};
use crate::sql::binder::same::{at, location};
use crate::sql::binder::scope::Place;
use crate::sql::parser::ast::{CallForm as AstForm, FunctionCall};
use crate::sql::plan::{CallForm, Callee, Expr, ExprKind};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;

/// A resolved call on its way to becoming an expression.
pub(crate) struct Resolved {
    pub callee: Callee,
    pub args: Vec<Expr>,
    pub returns: Oid,
    /// VARIADIC was written, or arguments were gathered into an array.
    pub variadic: bool,
}

impl Binder<'_> {
    /// `transformFuncCall`.
    pub(super) fn call(&mut self, call: &FunctionCall, pos: usize) -> Result<Expr> {
        if let Some(e) = self.inline_helper(call)? {
            return Ok(e);
        }
        let mut args = Vec::with_capacity(call.args.len());
        let mut names: Vec<SmolStr> = Vec::new();
        for arg in &call.args {
            args.push(self.expr(&arg.value)?);
            match &arg.name {
                Some(name) if names.contains(name) => {
                    return Err(err!(SqlState::SYNTAX_ERROR, "argument name \"{name}\" used more than once").at(arg.pos));
                }
                Some(name) => names.push(name.clone()),
                None if !names.is_empty() => {
                    return Err(err!(SqlState::SYNTAX_ERROR, "positional argument cannot follow named argument").at(arg.pos));
                }
                None => {}
            }
        }
        if call.within_group {
            for key in &call.order_by {
                let e = self.expr_at(&key.expr, Place::OrderBy)?;
                args.push(e);
            }
        }
        let mut filter = None;
        if let Some(e) = &call.filter {
            let bound = self.expr_at(e, Place::Filter)?;
            filter = Some(self.coerce_to_boolean(bound, "FILTER")?);
        }
        // A bare f(x) may mean the column f of x.
        let plain = !(call.star || call.distinct || call.within_group || call.variadic)
            && call.order_by.is_empty()
            && call.over.is_none()
            && filter.is_none()
            && names.is_empty();
        let types: Types = args.iter().map(|a| a.ty.oid).collect();
        let detail = self.find_function(&call.name, &args, &names, &types, call.variadic).map_err(|e| e.at(pos))?;
        match detail {
            Detail::Found(candidate) => self.found_call(call, *candidate, args, filter, pos),
            Detail::Coercion(target) => {
                self.reject_decorations(call, filter.is_some(), pos)?;
                let arg = args.swap_remove(0);
                let form = CallForm::Call;
                self.coerce(arg, Type::new(target), Context::Explicit, form, Some(pos as u32))
            }
            other => {
                if plain && let ([name], 1) = (&call.name[..], args.len()) {
                    let arg = args.swap_remove(0);
                    match self.select_field(arg, name) {
                        Ok(e) => return Ok(e),
                        Err(arg) => args.push(arg),
                    }
                }
                Err(self.no_function(call, &names, &types, matches!(other, Detail::Multiple)).at(pos))
            }
        }
    }

    /// `arg.name` as a call `name(arg)`; None when there is no such function.
    pub(crate) fn attribute_call(&mut self, name: &SmolStr, arg: Expr, pos: usize) -> Result<Option<Expr>> {
        let types = [arg.ty.oid];
        let path = [name.clone()];
        let args = vec![arg];
        match self.find_function(&path, &args, &[], &types, false)? {
            Detail::Found(c) if func::kind(&c.callee) == 'f' => {
                let resolved = self.complete(*c, args, false, pos)?;
                self.finish_call(resolved, name, CallForm::Call, pos).map(Some)
            }
            Detail::Coercion(target) => {
                let mut args = args;
                let arg = args.swap_remove(0);
                self.coerce(arg, Type::new(target), Context::Explicit, CallForm::Call, Some(pos as u32)).map(Some)
            }
            _ => Ok(None),
        }
    }

    #[cold]
    fn no_function(&self, call: &FunctionCall, names: &[SmolStr], types: &[Oid], multiple: bool) -> SqlError {
        let signature = self.signature_text(&call.name, names, types);
        if multiple {
            return err!(SqlState::AMBIGUOUS_FUNCTION, "function {signature} is not unique")
                .hint("Could not choose a best candidate function. You might need to add explicit type casts.");
        }
        let error = err!(SqlState::UNDEFINED_FUNCTION, "function {signature} does not exist");
        if call.order_by.len() > 1 && !call.within_group {
            return error.hint(
                "No aggregate function matches the given name and argument types. Perhaps you misplaced ORDER BY; ORDER BY must appear \
                 after all regular arguments of the aggregate.",
            );
        }
        error.hint("No function matches the given name and argument types. You might need to add explicit type casts.")
    }

    /// Errors for aggregate decorations on something that is none.
    fn reject_decorations(&self, call: &FunctionCall, filter: bool, pos: usize) -> Result<()> {
        let name = call.name.join(".");
        let what = if call.star {
            format!("{name}(*) specified, but {name} is not an aggregate function")
        } else if call.distinct {
            format!("DISTINCT specified, but {name} is not an aggregate function")
        } else if call.within_group {
            format!("WITHIN GROUP specified, but {name} is not an aggregate function")
        } else if !call.order_by.is_empty() {
            format!("ORDER BY specified, but {name} is not an aggregate function")
        } else if filter {
            format!("FILTER specified, but {name} is not an aggregate function")
        } else if call.over.is_some() {
            format!("OVER specified, but {name} is not a window function nor an aggregate function")
        } else {
            return Ok(());
        };
        Err(SqlError::new(SqlState::WRONG_OBJECT_TYPE, what).at(pos))
    }

    fn found_call(
        &mut self,
        call: &FunctionCall,
        candidate: Candidate,
        args: Vec<Expr>,
        filter: Option<Expr>,
        pos: usize,
    ) -> Result<Expr> {
        let name = call.name[call.name.len() - 1].clone();
        self.trace_call(pos, &candidate.callee);
        if let Callee::User(f) = &candidate.callee {
            self.cx.catalog.check_function(self.role, f)?;
        }
        match func::kind(&candidate.callee) {
            'p' => {
                let types: Types = args.iter().map(|a| a.ty.oid).collect();
                let signature = self.signature_text(&call.name, &[], &types);
                Err(err!(SqlState::WRONG_OBJECT_TYPE, "{signature} is a procedure").hint("To call a procedure, use CALL.").at(pos))
            }
            'a' => {
                self.check_aggregate_shape(call, &candidate, &args, pos)?;
                let resolved = self.complete(candidate, args, call.variadic, pos)?;
                if !call.args.iter().all(|a| a.name.is_none()) {
                    return Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "aggregates cannot use named arguments").at(pos));
                }
                match &call.over {
                    Some(over) => self.window_call(call, over, resolved, filter, pos),
                    None => self.aggregate_call(call, resolved, filter, pos),
                }
            }
            'w' => {
                let Some(over) = &call.over else {
                    return Err(err!(SqlState::WRONG_OBJECT_TYPE, "window function {name} requires an OVER clause").at(pos));
                };
                if call.within_group {
                    return Err(err!(SqlState::WRONG_OBJECT_TYPE, "window function {name} cannot have WITHIN GROUP").at(pos));
                }
                let resolved = self.complete(candidate, args, call.variadic, pos)?;
                self.window_call(call, over, resolved, filter, pos)
            }
            _ => {
                self.reject_decorations(call, filter.is_some(), pos)?;
                let resolved = self.complete(candidate, args, call.variadic, pos)?;
                let form = if call.form == AstForm::SqlSyntax { CallForm::SqlSyntax } else { CallForm::Call };
                self.finish_call(resolved, &name, form, pos)
            }
        }
    }

    /// Defaults, polymorphism, argument coercion, variadic array.
    pub(in crate::sql::binder) fn complete(
        &mut self,
        candidate: Candidate,
        mut args: Vec<Expr>,
        written_variadic: bool,
        pos: usize,
    ) -> Result<Resolved> {
        let Candidate { callee, args: mut declared, variadic: spread, defaulted, numbers, .. } = candidate;
        let mut variadic = written_variadic;
        if defaulted > 0 {
            self.add_defaults(&callee, &mut args, defaulted, numbers.as_deref())?;
        }
        let actual: Types = args.iter().map(|a| a.ty.oid).collect();
        let returns = self.resolve_generics(&actual, &mut declared, func::returns(&callee), false).map_err(|e| e.at(pos))?;
        self.coerce_arguments(&mut args, &declared)?;
        if let Some(numbers) = numbers {
            args = in_parameter_order(args, &numbers);
        }
        let element = func::variadic(&callee);
        if spread > 0 && element != Oid::ANY {
            let elements = args.split_off(args.len() - spread);
            let ty = elements.first().map_or(Type::new(element), |e| e.ty);
            let array =
                self.array_type(ty.oid).ok_or_else(|| at(self.no_array_type(ty.oid), elements.first().and_then(location)))?;
            let kind = ExprKind::Array { elements, nested: false };
            args.push(Expr { kind, ty: Type::new(array), collation: Oid::INVALID, pos: None });
            variadic = true;
        }
        if element == Oid::ANY
            && written_variadic
            && let Some(last) = args.last()
            && self.element_type(self.base_oid(last.ty.oid)).is_none()
        {
            return Err(at(err!(SqlState::DATATYPE_MISMATCH, "VARIADIC argument must be an array"), location(last)));
        }
        Ok(Resolved { callee, args, returns, variadic })
    }

    /// Appends the defaults of the parameters that got no argument.
    fn add_defaults(&mut self, callee: &Callee, args: &mut Vec<Expr>, count: usize, numbers: Option<&[u16]>) -> Result<()> {
        let (texts, params): (Vec<String>, Types) = match callee {
            Callee::Builtin(f) => (split_defaults(f.defaults), f.args.iter().copied().collect()),
            Callee::User(f) => (f.defaults.clone(), f.arg_types.iter().copied().collect()),
        };
        let total = params.len();
        let given = args.len();
        for i in 0..count {
            let parameter = numbers.map_or(given + i, |n| n[given + i] as usize);
            let Some(text) = (parameter + texts.len()).checked_sub(total).and_then(|at| texts.get(at)) else {
                return Err(SqlError::internal("missing default of a function argument"));
            };
            args.push(self.stored_default(text, params[parameter])?);
        }
        Ok(())
    }

    /// The expression of a call to an ordinary or set-returning function.
    pub(crate) fn finish_call(&mut self, call: Resolved, name: &str, form: CallForm, pos: usize) -> Result<Expr> {
        let Resolved { callee, args, returns, variadic } = call;
        let collation = self.desc(returns).collation;
        let ty = Type::new(returns);
        if !func::returns_set(&callee) {
            let kind = ExprKind::Call { callee, args, form, variadic };
            return Ok(Expr { kind, ty, collation, pos: Some(pos as u32) });
        }
        self.check_srf_place(pos)?;
        if self.scope().place == Place::FromFunction {
            let kind = ExprKind::SetReturning { callee, args };
            return Ok(Expr { kind, ty, collation, pos: Some(pos as u32) });
        }
        let types: Types = args.iter().map(|a| a.ty.oid).collect();
        let shape = if returns == Oid::RECORD { self.call_shape(&callee, &types) } else { None };
        let e = self.lift_srf(callee, args, ty, collation, pos, name)?;
        if let (Some(shape), ExprKind::Column(id)) = (shape, &e.kind) {
            self.shapes.insert(id.0, shape);
        }
        Ok(e)
    }

    /// `check_srf_call_placement`.
    fn check_srf_place(&self, pos: usize) -> Result<()> {
        let place = self.scope().place;
        let what = match place {
            Place::SelectTarget
            | Place::FromFunction
            | Place::WindowPartition
            | Place::WindowOrder
            | Place::GroupBy
            | Place::OrderBy
            | Place::DistinctOn
            | Place::ValuesSingle
            | Place::None
            | Place::Other => return Ok(()),
            Place::WindowFrameRange | Place::WindowFrameRows | Place::WindowFrameGroups => "window definitions",
            _ => place.long_name(),
        };
        Err(err!(SqlState::FEATURE_NOT_SUPPORTED, "set-returning functions are not allowed in {what}").at(pos))
    }
}

/// Arguments sorted into their parameters' places.
fn in_parameter_order(args: Vec<Expr>, numbers: &[u16]) -> Vec<Expr> {
    let mut placed: Vec<(u16, Expr)> = numbers.iter().copied().zip(args).collect();
    placed.sort_by_key(|(n, _)| *n);
    placed.into_iter().map(|(_, e)| e).collect()
}

/// The built-ins' defaults are one list of constants: split at commas outside quotes and parentheses.
fn split_defaults(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let (mut depth, mut quoted, mut start) = (0, false, 0);
    for (i, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                out.push(text[start..i].trim().to_string());
                start = i + 1;
            }
            _ => {}
        }
    }
    if !text.trim().is_empty() {
        out.push(text[start..].trim().to_string());
    }
    out
}
