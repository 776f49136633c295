//! Calls of information_schema's own helper functions (`_pg_truetypid` and its kin): their one-expression bodies are bound in
//! the call's place, with the arguments standing for the parameters.

use super::Binder;
use crate::error::{Result, SqlError};
use crate::sql::binder::coerce::Context;
use crate::sql::binder::scope::{Place, Scope};
use crate::sql::parser::ast::FunctionCall;
use crate::sql::parser::parse_expression;
use crate::sql::plan::{CallForm, Expr};
use crate::sql::types::{Oid, Type};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A helper: argument types, result type, body after RETURN.
struct Helper {
    args: Vec<Oid>,
    returns: Oid,
    body: &'static str,
}

fn helpers() -> &'static HashMap<&'static str, Helper> {
    static HELPERS: OnceLock<HashMap<&'static str, Helper>> = OnceLock::new();
    HELPERS.get_or_init(|| {
        let oid = |text: &str| Oid(text.parse().unwrap_or(0));
        let mut map = HashMap::new();
        for line in include_str!("../../catalog/data/proc_sql.tsv").lines() {
            let f: Vec<&'static str> = line.split('\t').collect();
            if f[1].starts_with("_pg_")
                && let Some(body) = f[8].strip_prefix("RETURN ")
            {
                let args = f[2].split_ascii_whitespace().map(oid).collect();
                map.insert(f[1], Helper { args, returns: oid(f[3]), body });
            }
        }
        map
    })
}

impl Binder<'_> {
    /// The expression of a helper's call; None when it is no such call.
    pub(super) fn inline_helper(&mut self, call: &FunctionCall) -> Result<Option<Expr>> {
        let [schema, name] = &call.name[..] else { return Ok(None) };
        if schema != "information_schema" {
            return Ok(None);
        }
        let Some(helper) = helpers().get(name.as_str()).filter(|h| h.args.len() == call.args.len()) else { return Ok(None) };
        let mut args = Vec::with_capacity(call.args.len());
        for (arg, want) in call.args.iter().zip(&helper.args) {
            let e = self.expr(&arg.value)?;
            if !self.can_coerce(e.ty.oid, *want, Context::Implicit) {
                return Ok(None);
            }
            args.push(self.implicit(e, Type::new(*want))?);
        }
        let body = parse_expression(helper.body)?;
        let outer = self.inlined.replace(args);
        let bound = self.in_scope(Scope { barrier: true, ..Scope::new() }, |b| b.expr_at(&body, Place::Other));
        self.inlined = outer;
        let e = bound.map_err(|mut e| {
            e.fields_mut().position = None;
            e
        })?;
        match self.coerce_to_target(e, Type::new(helper.returns), Context::Assignment, CallForm::ImplicitCast, None)? {
            Some(e) => Ok(Some(e)),
            None => Err(SqlError::internal("a helper's body has another type than the helper")),
        }
    }

    /// The argument a parameter number stands for inside a helper's body.
    pub(super) fn inlined_parameter(&self, number: i32) -> Option<Expr> {
        let args = self.inlined.as_ref()?;
        args.get(usize::try_from(number).ok()?.checked_sub(1)?).cloned()
    }

    /// The argument a parameter's name stands for inside a helper's body.
    pub(crate) fn inlined_name(&self, names: &[SmolStr]) -> Option<Expr> {
        let args = self.inlined.as_ref()?;
        match names {
            [one] if one == "typid" => args.first().cloned(),
            [one] if one == "typmod" || one == "mod" => args.get(1).cloned(),
            _ => None,
        }
    }
}
