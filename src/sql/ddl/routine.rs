//! CREATE FUNCTION for the language `sql`.
//!
//! `CREATE FUNCTION add(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT a + b'` stores the body as text; unless a
//! type depends on the call, the body is bound once to check it.

use super::naming::target_schema;
use super::stored_expr;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::UserFunction;
use crate::sql::parser::ast::{CreateFunctionStmt, DefValue, ParamMode, Persistence};
use crate::sql::session::{SessionCore, sql_function};
use crate::sql::types::{Oid, Type, typename};
use smol_str::SmolStr;
use std::sync::Arc;

/// The options of a CREATE FUNCTION.
#[derive(Default)]
struct Options {
    language: Option<SmolStr>,
    body: Option<String>,
    volatility: Option<char>,
    strict: bool,
    cost: Option<f32>,
    rows: Option<f32>,
    parallel: Option<char>,
    leakproof: bool,
    security_definer: bool,
    settings: Vec<(SmolStr, String)>,
}

/// The arguments of a CREATE FUNCTION.
#[derive(Default)]
struct Arguments {
    inputs: Vec<Oid>,
    all: Vec<(char, SmolStr, Oid)>,
    defaults: Vec<String>,
    variadic: Oid,
    /// Types of the OUT, INOUT and TABLE arguments.
    outputs: Vec<Oid>,
    table: bool,
}

fn invalid(message: impl Into<String>) -> SqlError {
    SqlError::new(SqlState::INVALID_FUNCTION_DEFINITION, message.into())
}

/// CREATE FUNCTION. Errors: 42P13, 42723, 0A000 for other languages and procedures.
pub fn create(core: &SessionCore, stmt: &CreateFunctionStmt) -> Result<()> {
    if stmt.is_procedure {
        return Err(SqlError::unsupported("CREATE PROCEDURE"));
    }
    if stmt.body.is_some() {
        return Err(SqlError::unsupported("a function body in standard SQL"));
    }
    let schema = target_schema(core, stmt.name.schema(), Persistence::Permanent)?;
    let name = stmt.name.last().clone();
    let options = options(core, stmt)?;
    let language = options.language.ok_or_else(|| invalid("no language specified"))?;
    match language.as_str() {
        "sql" => {}
        "plpgsql" | "c" | "internal" => return Err(SqlError::unsupported(format!("CREATE FUNCTION with LANGUAGE {language}"))),
        _ => return Err(err!(SqlState::UNDEFINED_OBJECT, "language \"{language}\" does not exist")),
    }
    let body = options.body.ok_or_else(|| invalid("no function body specified"))?;
    let arguments = arguments(core, stmt)?;
    let (returns, returns_set) = result(core, stmt, &arguments)?;
    if returns == Oid::TRIGGER {
        return Err(invalid("SQL functions cannot return type trigger"));
    }
    let old = core.view().functions_in(schema, &name).into_iter().find(|f| f.arg_types == arguments.inputs);
    if let Some(old) = &old {
        replaceable(core, stmt, old, returns, returns_set)?;
    }
    let view = core.view();
    let oid = match &old {
        Some(old) => old.oid,
        None => core.server.catalogs.oids.allocate()?,
    };
    let function = UserFunction {
        oid,
        schema,
        name,
        owner: old.as_ref().map_or(view.user, |f| f.owner),
        language,
        arg_types: arguments.inputs,
        all_args: arguments.all,
        defaults: arguments.defaults,
        returns,
        returns_set,
        kind: 'f',
        variadic: arguments.variadic,
        strict: options.strict,
        volatility: options.volatility.unwrap_or('v'),
        body,
        cost: options.cost,
        rows: options.rows,
        parallel: options.parallel.unwrap_or('u'),
        leakproof: options.leakproof,
        security_definer: options.security_definer,
        settings: options.settings,
        acl: old.as_ref().and_then(|f| f.acl.clone()),
    };
    // Dumps define functions before the tables these read, with the check off.
    let checked = core.settings.lock().bool("check_function_bodies");
    if checked && !sql_function::is_generic(&function) {
        sql_function::within(core, &function, || {
            sql_function::prepare(core, &function.body, &sql_function::signature(&function, None))
        })?;
    }
    core.change(Change::Function(Arc::new(function)), false)
}

/// Whether CREATE may take the place of a function with the same arguments. Errors: 42723, 42501, 42P13.
fn replaceable(core: &SessionCore, stmt: &CreateFunctionStmt, old: &UserFunction, returns: Oid, set: bool) -> Result<()> {
    let view = core.view();
    if !stmt.or_replace {
        return Err(err!(SqlState::DUPLICATE_FUNCTION, "function \"{}\" already exists with same argument types", old.name));
    }
    if !view.has_role_privileges(view.user, old.owner) {
        return Err(err!(SqlState::INSUFFICIENT_PRIVILEGE, "must be owner of function {}", old.name));
    }
    if old.returns != returns || old.returns_set != set {
        let types: Vec<String> = old.arg_types.iter().map(|a| typename::format_type_be(&*view, *a)).collect();
        return Err(invalid("cannot change return type of existing function").hint(format!(
            "Use DROP FUNCTION {}({}) first.",
            old.name,
            types.join(",")
        )));
    }
    Ok(())
}

fn options(core: &SessionCore, stmt: &CreateFunctionStmt) -> Result<Options> {
    let mut out = Options::default();
    let mut seen: Vec<&str> = Vec::new();
    for option in &stmt.options {
        if seen.contains(&option.name.as_str()) && option.name != "set" {
            return Err(err!(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(option.pos));
        }
        seen.push(option.name.as_str());
        match (option.name.as_str(), &option.value) {
            ("as", Some(DefValue::List(parts))) => match &parts[..] {
                [DefValue::String(body)] => out.body = Some(body.to_string()),
                _ => return Err(invalid("only one AS item needed for language \"sql\"")),
            },
            ("language", Some(DefValue::String(language))) => out.language = Some(language.clone()),
            ("volatility", Some(DefValue::String(word))) => out.volatility = word.chars().next(),
            ("strict", Some(DefValue::Boolean(strict))) => out.strict = *strict,
            ("security", Some(DefValue::Boolean(definer))) => out.security_definer = *definer,
            ("set", Some(DefValue::Set(set))) => super::configure::change(core, &mut out.settings, set)?,
            ("leakproof", Some(DefValue::Boolean(leakproof))) => out.leakproof = *leakproof,
            ("cost", Some(value)) => out.cost = Some(positive(value, "COST")?),
            ("rows", Some(value)) => out.rows = Some(positive(value, "ROWS")?),
            ("parallel", Some(DefValue::String(word))) => {
                out.parallel = Some(match word.as_str() {
                    "safe" => 's',
                    "restricted" => 'r',
                    "unsafe" => 'u',
                    _ => {
                        let message = "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE";
                        return Err(SqlError::new(SqlState::SYNTAX_ERROR, message));
                    }
                });
            }
            (other, _) => return Err(SqlError::unsupported(format!("function option {}", other.to_uppercase()))),
        }
    }
    Ok(out)
}

/// COST or ROWS. Errors: 22023.
fn positive(value: &DefValue, what: &str) -> Result<f32> {
    let number = match value {
        DefValue::Integer(n) => *n as f32,
        DefValue::Float(text) => text.parse().unwrap_or(0.0),
        _ => 0.0,
    };
    if number > 0.0 { Ok(number) } else { Err(err!(SqlState::INVALID_PARAMETER_VALUE, "{what} must be positive")) }
}

fn arguments(core: &SessionCore, stmt: &CreateFunctionStmt) -> Result<Arguments> {
    let mut out = Arguments { variadic: Oid::INVALID, ..Arguments::default() };
    for p in &stmt.params {
        if p.type_name.setof {
            return Err(invalid("functions cannot accept set arguments"));
        }
        let ty = core.resolve_type(&p.type_name)?.oid;
        let (mode, input, output) = match p.mode {
            ParamMode::Default | ParamMode::In => ('i', true, false),
            ParamMode::Out => ('o', false, true),
            ParamMode::InOut => ('b', true, true),
            ParamMode::Variadic => ('v', true, false),
            ParamMode::Table => ('t', false, true),
        };
        if input && out.variadic.is_valid() {
            return Err(invalid("VARIADIC parameter must be the last input parameter"));
        }
        if mode == 'v' {
            out.variadic = variadic_element(core, ty)?;
        }
        let name = p.name.clone().unwrap_or_default();
        let side = |m: char| matches!(m, 'i' | 'b' | 'v');
        let same = |(m, n, _): &&(char, SmolStr, Oid)| *n == name && (side(*m) == input || *m == 'b' || mode == 'b');
        if !name.is_empty() && out.all.iter().any(|a| same(&a)) {
            return Err(invalid(format!("parameter name \"{name}\" used more than once")));
        }
        match &p.default {
            Some(_) if !input => return Err(invalid("only input parameters can have default values")),
            Some(e) => {
                let text = stored_expr::default_text(core, e, &name, Type::new(ty))?;
                out.defaults.push(text.unwrap_or_else(|| "NULL".into()));
            }
            None if input && !out.defaults.is_empty() => {
                return Err(invalid("input parameters after one with a default value must also have defaults"));
            }
            None => {}
        }
        if input {
            out.inputs.push(ty);
        }
        if output {
            out.outputs.push(ty);
        }
        out.table |= mode == 't';
        out.all.push((mode, name, ty));
    }
    Ok(out)
}

/// What a VARIADIC argument's array holds. Errors: 42P13 when it is no array.
fn variadic_element(core: &SessionCore, ty: Oid) -> Result<Oid> {
    use crate::sql::types::io::{TypeKind, type_info};
    match ty {
        Oid::ANYARRAY => return Ok(Oid::ANYELEMENT),
        Oid::ANYCOMPATIBLEARRAY => return Ok(Oid::ANYCOMPATIBLE),
        Oid::ANY => return Ok(Oid::ANY),
        _ => {}
    }
    match type_info(&*core.view(), ty)?.kind {
        TypeKind::Array(element) => Ok(element),
        _ => Err(invalid("VARIADIC parameter must be an array")),
    }
}

/// The result type, and whether a set of it.
fn result(core: &SessionCore, stmt: &CreateFunctionStmt, arguments: &Arguments) -> Result<(Oid, bool)> {
    let row = match arguments.outputs[..] {
        [] => None,
        [one] => Some(one),
        _ => Some(Oid::RECORD),
    };
    if arguments.table {
        return Ok((row.unwrap_or(Oid::RECORD), true));
    }
    let Some(written) = &stmt.returns else {
        return row.map(|ty| (ty, false)).ok_or_else(|| invalid("function result type must be specified"));
    };
    let ty = core.resolve_type(written)?.oid;
    if let Some(row) = row.filter(|r| *r != ty) {
        let wanted = typename::format_type_be(&*core.view(), row);
        return Err(invalid(format!("function result type must be {wanted} because of OUT parameters")));
    }
    Ok((ty, written.setof))
}
