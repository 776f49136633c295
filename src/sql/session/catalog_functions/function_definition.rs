//! Functions as SQL text: pg_get_functiondef, pg_get_function_arguments, pg_get_function_result (ruleutils.c).

use super::Call;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::UserFunction;
use crate::sql::ddl::stored_expr;
use crate::sql::expr::registry::registry;
use crate::sql::session::view::quote_identifier;
use crate::sql::types::{Datum, Oid, typename};
use std::fmt::Write;
use std::sync::Arc;

/// A function's arguments and result, built-in or not.
struct Shape {
    /// Mode, name, type.
    args: Vec<(char, String, Oid)>,
    /// SQL texts of the defaults of the last input arguments.
    defaults: Vec<String>,
    returns: Oid,
    set: bool,
    kind: char,
}

fn shape(c: &Call<'_>, oid: Oid) -> Option<Shape> {
    if let Some(f) = registry().function(oid) {
        // Built-in defaults are constants without commas of their own.
        let defaults = if f.default_count > 0 { f.defaults.split(", ").map(str::to_owned).collect() } else { Vec::new() };
        let args = f.all_args.iter().map(|(m, n, t)| (*m, (*n).to_owned(), *t)).collect();
        return Some(Shape { args, defaults, returns: f.returns, set: f.returns_set, kind: f.kind });
    }
    let f = c.core.view().catalog.function(oid).cloned()?;
    let show = |sql: &String| stored_expr::shown(c.core, None, sql, false);
    Some(Shape {
        args: f.all_args.iter().map(|(m, n, t)| (*m, n.to_string(), *t)).collect(),
        defaults: f.defaults.iter().map(show).collect(),
        returns: f.returns,
        set: f.returns_set,
        kind: f.kind,
    })
}

/// Functions of this family.
pub fn call(c: &Call<'_>) -> Result<Datum> {
    let oid = c.oid(0);
    let Some(shape) = shape(c, oid) else { return Ok(Datum::Null) };
    Ok(match c.symbol {
        "pg_get_function_arguments" => Datum::text(arguments(c, &shape, true)),
        "pg_get_function_identity_arguments" => Datum::text(arguments(c, &shape, false)),
        "pg_get_function_arg_default" => argument_default(&shape, c.int(1)),
        "pg_get_function_result" if shape.kind == 'p' => Datum::Null,
        "pg_get_function_result" => Datum::text(result(c, &shape)),
        _ => match c.core.view().catalog.function(oid).cloned() {
            Some(f) => Datum::text(definition(c, &f, &shape)),
            None => built_in(c, oid, &shape)?,
        },
    })
}

fn is_input(mode: char) -> bool {
    matches!(mode, 'i' | 'b' | 'v')
}

fn argument(c: &Call<'_>, mode: char, name: &str, ty: Oid) -> String {
    let mode = match mode {
        'o' => "OUT ",
        'b' => "INOUT ",
        'v' => "VARIADIC ",
        _ => "",
    };
    let name = if name.is_empty() { String::new() } else { format!("{} ", quote_identifier(name)) };
    format!("{mode}{name}{}", typename::format_type_be(&*c.core.view(), ty))
}

fn arguments(c: &Call<'_>, shape: &Shape, with_defaults: bool) -> String {
    let inputs = shape.args.iter().filter(|a| is_input(a.0)).count();
    let first_default = inputs.saturating_sub(shape.defaults.len());
    let (mut out, mut input) = (Vec::new(), 0_usize);
    for (mode, name, ty) in shape.args.iter().filter(|a| a.0 != 't') {
        let mut text = argument(c, *mode, name, *ty);
        if is_input(*mode) {
            if with_defaults && let Some(default) = input.checked_sub(first_default).and_then(|i| shape.defaults.get(i)) {
                let _ = write!(text, " DEFAULT {default}");
            }
            input += 1;
        }
        out.push(text);
    }
    out.join(", ")
}

/// The default of the n-th argument (from 1, OUT arguments counted).
fn argument_default(shape: &Shape, n: i64) -> Datum {
    let Some(at) = usize::try_from(n).ok().and_then(|n| n.checked_sub(1)) else { return Datum::Null };
    if !shape.args.get(at).is_some_and(|a| is_input(a.0)) {
        return Datum::Null;
    }
    let inputs = shape.args.iter().filter(|a| is_input(a.0)).count();
    let input = shape.args[..at].iter().filter(|a| is_input(a.0)).count();
    let default = (input + shape.defaults.len()).checked_sub(inputs).and_then(|i| shape.defaults.get(i));
    default.map_or(Datum::Null, |d| Datum::text(d.as_str()))
}

fn result(c: &Call<'_>, shape: &Shape) -> String {
    let columns: Vec<String> = shape.args.iter().filter(|a| a.0 == 't').map(|(_, n, t)| argument(c, 'i', n, *t)).collect();
    if !columns.is_empty() {
        return format!("TABLE({})", columns.join(", "));
    }
    let name = typename::format_type_be(&*c.core.view(), shape.returns);
    if shape.set { format!("SETOF {name}") } else { name }
}

/// A built-in function's definition. Errors: 42809 for an aggregate.
fn built_in(c: &Call<'_>, oid: Oid, shape: &Shape) -> Result<Datum> {
    let Some(f) = registry().function(oid) else { return Ok(Datum::Null) };
    if f.kind == 'a' {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is an aggregate function", f.name));
    }
    let mut out = format!("CREATE OR REPLACE FUNCTION pg_catalog.{}({})\n", quote_identifier(f.name), arguments(c, shape, true));
    let _ = write!(out, " RETURNS {}\n LANGUAGE internal\n", result(c, shape));
    let rows = shape.set.then_some(f.rows as f32).filter(|r| *r != 1000.0);
    out.push_str(&properties(f.volatility, f.parallel, f.strict, false, rows));
    let _ = writeln!(out, "AS $function${}$function$", f.symbol);
    Ok(Datum::text(out))
}

/// The line of properties that are not the usual ones, if any.
fn properties(volatility: char, parallel: char, strict: bool, definer: bool, rows: Option<f32>) -> String {
    let mut out = String::new();
    out.push_str(match volatility {
        'i' => " IMMUTABLE",
        's' => " STABLE",
        _ => "",
    });
    out.push_str(match parallel {
        's' => " PARALLEL SAFE",
        'r' => " PARALLEL RESTRICTED",
        _ => "",
    });
    out.push_str(if strict { " STRICT" } else { "" });
    out.push_str(if definer { " SECURITY DEFINER" } else { "" });
    if let Some(rows) = rows {
        let _ = write!(out, " ROWS {rows}");
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn definition(c: &Call<'_>, f: &Arc<UserFunction>, shape: &Shape) -> String {
    let view = c.core.view();
    let schema = view.schema_name(f.schema).unwrap_or_default();
    let kind = if f.kind == 'p' { "PROCEDURE" } else { "FUNCTION" };
    let name = format!("{}.{}", quote_identifier(&schema), quote_identifier(&f.name));
    let mut out = format!("CREATE OR REPLACE {kind} {name}({})\n", arguments(c, shape, true));
    if f.kind != 'p' {
        let _ = writeln!(out, " RETURNS {}", result(c, shape));
    }
    let _ = writeln!(out, " LANGUAGE {}", quote_identifier(&f.language));
    let mut line = properties(f.volatility, f.parallel, f.strict, f.security_definer, None);
    let mut more = String::new();
    if f.leakproof {
        more.push_str(" LEAKPROOF");
    }
    let usual = if f.language == "internal" { 1.0 } else { 100.0 };
    if let Some(cost) = f.cost.filter(|c| *c != usual) {
        let _ = write!(more, " COST {cost}");
    }
    if let Some(rows) = f.rows.filter(|r| *r != 1000.0) {
        let _ = write!(more, " ROWS {rows}");
    }
    if !more.is_empty() {
        line = format!("{}{more}\n", line.trim_end_matches('\n'));
    }
    out.push_str(&line);
    for (setting, value) in &f.settings {
        let shown = if crate::sql::session::utility::is_string_list(setting) {
            value.split(", ").map(|v| crate::sql::deparse::quote_literal(v.trim_matches('"'))).collect::<Vec<_>>().join(", ")
        } else {
            crate::sql::deparse::quote_literal(value)
        };
        let _ = writeln!(out, " SET {} TO {shown}", crate::sql::session::settings::display_name(setting));
    }
    let mut tag = format!("${}", kind.to_lowercase());
    while f.body.contains(&tag) {
        tag.push('x');
    }
    let _ = writeln!(out, "AS {tag}${}{tag}$", f.body);
    out
}
