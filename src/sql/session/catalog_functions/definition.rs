//! Definitions as SQL text (ruleutils.c).

use super::Call;
use crate::error::Result;
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{
    Constraint, ConstraintKind, FkAction, ForeignKey, Index, IndexKey, Relation, RelationRef, UserTypeKind,
};
use crate::sql::ddl::stored_expr;
use crate::sql::session::SessionCore;
use crate::sql::session::view::quote_identifier;
use crate::sql::types::{Datum, Oid};
use std::sync::Arc;

/// Functions of this family; None for others.
pub fn call(c: &Call<'_>) -> Result<Option<Datum>> {
    let pretty = c.bool(c.args.len().saturating_sub(1));
    Ok(Some(match c.symbol {
        "pg_get_expr" => expr(c, false)?,
        "pg_get_expr_ext" => expr(c, pretty)?,
        "pg_get_constraintdef" => constraint(c, false)?,
        "pg_get_constraintdef_ext" => constraint(c, pretty)?,
        "pg_get_indexdef" => index(c, 0, false)?,
        "pg_get_indexdef_ext" => index(c, c.int(1), pretty)?,
        "pg_get_viewdef" | "pg_get_viewdef_ext" | "pg_get_viewdef_wrap" => view(c, c.oid(0)),
        "pg_get_viewdef_name" | "pg_get_viewdef_name_ext" => {
            use crate::sql::types::io::TypeLookup;
            view(c, c.core.view().reg_in(Oid::REGCLASS, c.text(0))?)
        }
        "pg_get_ruledef" | "pg_get_ruledef_ext" => rule(c),
        "pg_get_triggerdef" | "pg_get_triggerdef_ext" | "pg_get_partkeydef" | "pg_get_partition_constraintdef" => Datum::Null,
        "pg_get_statisticsobjdef" | "pg_get_statisticsobjdef_columns" | "pg_get_function_sqlbody" => Datum::Null,
        "pg_get_function_arg_default"
        | "pg_get_function_arguments"
        | "pg_get_function_identity_arguments"
        | "pg_get_function_result"
        | "pg_get_functiondef" => return super::function_definition::call(c).map(Some),
        "pg_get_serial_sequence" => serial(c)?,
        "pg_get_replica_identity_index" => match c.core.view().catalog.relation(c.oid(0)).and_then(|r| r.primary_key()) {
            Some(key) => Datum::Oid(key.oid),
            None => Datum::Null,
        },
        _ => return Ok(None),
    }))
}

/// A stored expression's text as the session shows it; a domain's CHECK as stored.
fn shown_text(core: &SessionCore, relation: Option<&RelationRef>, sql: &str, pretty: bool, domain: bool) -> String {
    if domain { sql.to_owned() } else { stored_expr::shown(core, relation, sql, pretty) }
}

fn expr(c: &Call<'_>, pretty: bool) -> Result<Datum> {
    let sql = c.text(0);
    let view = c.core.view();
    let relation = view.catalog.relation(c.oid(1)).or_else(|| view.catalog.index(c.oid(1)).map(|(t, _)| t));
    Ok(Datum::text(shown_text(c.core, relation, sql, pretty, false)))
}

fn column_list(relation: &Relation, columns: &[u16]) -> String {
    let names: Vec<_> = columns.iter().map(|&i| quote_identifier(&relation.columns[i as usize].name).into_owned()).collect();
    names.join(", ")
}

fn action(a: FkAction) -> &'static str {
    match a {
        FkAction::NoAction => "",
        FkAction::Restrict => "RESTRICT",
        FkAction::Cascade => "CASCADE",
        FkAction::SetNull => "SET NULL",
        FkAction::SetDefault => "SET DEFAULT",
    }
}

fn foreign_key(core: &SessionCore, relation: &Relation, f: &ForeignKey) -> String {
    let view = core.view();
    let target = view.catalog.relation(f.target).cloned();
    let mut out = format!("FOREIGN KEY ({}) REFERENCES ", column_list(relation, &f.columns));
    if let Some(t) = &target {
        out.push_str(&view.class_name(t.oid).unwrap_or_default());
        out.push_str(&format!("({})", column_list(t, &f.target_columns)));
    }
    if f.match_full {
        out.push_str(" MATCH FULL");
    }
    if f.on_update != FkAction::NoAction {
        out.push_str(&format!(" ON UPDATE {}", action(f.on_update)));
    }
    if f.on_delete != FkAction::NoAction {
        out.push_str(&format!(" ON DELETE {}", action(f.on_delete)));
        if !f.delete_set_columns.is_empty() {
            out.push_str(&format!(" ({})", column_list(relation, &f.delete_set_columns)));
        }
    }
    out
}

/// The text of a table constraint.
pub fn constraint_text(core: &SessionCore, relation: &RelationRef, c: &Constraint, pretty: bool) -> String {
    let key = |word: &str, oid: Oid| {
        let Some(i) = relation.indexes.iter().find(|i| i.oid == oid) else { return word.to_owned() };
        let columns: Vec<u16> = i.keys.iter().filter_map(|k| k.column).collect();
        let mut out = format!(
            "{word}{} ({})",
            if i.nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" },
            column_list(relation, &columns)
        );
        if !i.include.is_empty() {
            out.push_str(&format!(" INCLUDE ({})", column_list(relation, &i.include)));
        }
        out
    };
    let mut out = match &c.kind {
        ConstraintKind::Check { sql, .. } => {
            let text = shown_text(core, Some(relation), sql, pretty, false);
            format!("CHECK ({text})")
        }
        ConstraintKind::PrimaryKey { index } => key("PRIMARY KEY", *index),
        ConstraintKind::Unique { index } => key("UNIQUE", *index),
        ConstraintKind::ForeignKey(f) => foreign_key(core, relation, f),
        ConstraintKind::Exclude { index, operators } => exclusion(core, relation, *index, operators, pretty),
    };
    if c.no_inherit && matches!(c.kind, ConstraintKind::Check { .. }) {
        out.push_str(" NO INHERIT");
    }
    if c.deferrable {
        out.push_str(" DEFERRABLE");
    }
    if c.deferred {
        out.push_str(" INITIALLY DEFERRED");
    }
    if !c.validated {
        out.push_str(" NOT VALID");
    }
    out
}

/// EXCLUDE as it is written: the index's definition with an operator behind each key.
fn exclusion(core: &SessionCore, relation: &RelationRef, index: Oid, operators: &[Oid], pretty: bool) -> String {
    let Some(i) = relation.indexes.iter().find(|i| i.oid == index) else { return "EXCLUDE".to_owned() };
    let key = |k: &IndexKey| key_text(core, relation, &i.method, k, pretty, false);
    let names = crate::sql::ddl::operator_names(operators);
    let keys: Vec<String> = i.keys.iter().zip(names).map(|(k, op)| format!("{} WITH {op}", key(k))).collect();
    let mut out = format!("EXCLUDE USING {} ({})", i.method, keys.join(", "));
    if !i.include.is_empty() {
        out.push_str(&format!(" INCLUDE ({})", column_list(relation, &i.include)));
    }
    if let Some(p) = &i.predicate {
        out.push_str(&format!(" WHERE ({})", shown_text(core, Some(relation), p, pretty, false)));
    }
    out
}

fn constraint(c: &Call<'_>, pretty: bool) -> Result<Datum> {
    let (view, wanted) = (c.core.view(), c.oid(0));
    for r in view.catalog.relations() {
        if let Some(found) = r.constraints.iter().find(|k| k.oid == wanted) {
            return Ok(Datum::text(constraint_text(c.core, r, found, pretty)));
        }
    }
    for t in view.catalog.types() {
        if let UserTypeKind::Domain { checks, .. } = &t.kind
            && let Some(k) = checks.iter().find(|k| k.oid == wanted)
        {
            let suffix = if k.validated { "" } else { " NOT VALID" };
            let sql = if pretty { k.sql.strip_prefix('(').and_then(|s| s.strip_suffix(')')).unwrap_or(&k.sql) } else { &k.sql };
            return Ok(Datum::text(format!("CHECK ({sql}){suffix}")));
        }
    }
    Ok(Datum::Null)
}

/// Whether an index expression needs no parentheses around it (looks_like_function).
fn looks_like_function(sql: &str) -> bool {
    use crate::sql::parser::ast::ExprNode as N;
    let Ok(e) = crate::sql::parser::parse_expression(sql) else { return false };
    matches!(
        e.node,
        N::Function(_) | N::Coalesce(_) | N::Greatest(_) | N::Least(_) | N::NullIf { .. } | N::SqlValue { .. } | N::Xml(_)
    )
}

fn key_text(core: &SessionCore, relation: &RelationRef, method: &str, key: &IndexKey, pretty: bool, alone: bool) -> String {
    let mut out = match (key.column, &key.expr) {
        (Some(i), _) => quote_identifier(&relation.columns[i as usize].name).into_owned(),
        (None, Some(sql)) => {
            let text = shown_text(core, Some(relation), sql, pretty, false);
            if looks_like_function(sql) { text } else { format!("({text})") }
        }
        (None, None) => String::new(),
    };
    if alone {
        return out;
    }
    let of_type = || crate::sql::types::typename::collation_of(key.ty.oid);
    let natural = key.column.map_or_else(of_type, |i| relation.columns[i as usize].collation);
    if key.collation != natural
        && let Some(name) = core.view().collation_name(key.collation)
    {
        out.push_str(&format!(" COLLATE {}", quote_identifier(&name)));
    }
    if let Some(class) = &key.opclass
        && !crate::sql::system::is_default_opclass(crate::sql::system::access_method(method), key.ty.oid, class)
    {
        out.push_str(&format!(" {class}"));
    }
    match (key.desc, key.nulls_first) {
        (true, true) => out.push_str(" DESC"),
        (true, false) => out.push_str(" DESC NULLS LAST"),
        (false, true) => out.push_str(" NULLS FIRST"),
        (false, false) => {}
    }
    out
}

/// CREATE INDEX as PostgreSQL prints it.
pub fn index_text(core: &SessionCore, relation: &RelationRef, i: &Index, pretty: bool) -> String {
    let view = core.view();
    let table = if pretty {
        view.class_name(relation.oid).unwrap_or_default()
    } else {
        let schema = view.schema_name(relation.schema).unwrap_or_default();
        format!("{}.{}", quote_identifier(&schema), quote_identifier(&relation.name))
    };
    let keys: Vec<String> = i.keys.iter().map(|k| key_text(core, relation, &i.method, k, pretty, false)).collect();
    let unique = if i.unique { "UNIQUE " } else { "" };
    let mut out = format!("CREATE {unique}INDEX {} ON {table} USING {} ({})", quote_identifier(&i.name), i.method, keys.join(", "));
    if !i.include.is_empty() {
        out.push_str(&format!(" INCLUDE ({})", column_list(relation, &i.include)));
    }
    if i.nulls_not_distinct {
        out.push_str(" NULLS NOT DISTINCT");
    }
    if !i.options.is_empty() {
        let plain = |v: &str| quote_identifier(v) == v;
        let quoted = |v: &str| if plain(v) { v.to_owned() } else { crate::sql::deparse::quote_literal(v) };
        let list: Vec<String> = i.options.iter().map(|(k, v)| format!("{k}={}", quoted(v))).collect();
        out.push_str(&format!(" WITH ({})", list.join(", ")));
    }
    if let Some(p) = &i.predicate {
        let text = shown_text(core, Some(relation), p, pretty, false);
        out.push_str(&format!(" WHERE {text}"));
    }
    out
}

fn index(c: &Call<'_>, column: i64, pretty: bool) -> Result<Datum> {
    let view = c.core.view();
    let Some((table, index)) = view.catalog.index(c.oid(0)).map(|(t, i)| (Arc::clone(t), i.clone())) else {
        return Ok(Datum::Null);
    };
    if column == 0 {
        return Ok(Datum::text(index_text(c.core, &table, &index, pretty)));
    }
    let n = column as usize - 1;
    if let Some(key) = index.keys.get(n) {
        return Ok(Datum::text(key_text(c.core, &table, &index.method, key, pretty, true)));
    }
    Ok(match index.include.get(n - index.keys.len().min(n)) {
        Some(&i) => Datum::text(quote_identifier(&table.columns[i as usize].name).into_owned()),
        None => Datum::text(""),
    })
}

fn view(c: &Call<'_>, oid: Oid) -> Datum {
    let pretty = matches!(c.args.get(1), Some(Datum::Bool(true) | Datum::Int4(_)));
    match c.core.view().catalog.relation(oid).filter(|r| r.view.is_some()) {
        Some(r) => Datum::text(crate::sql::ddl::view::shown_query(c.core, r, pretty)),
        None => Datum::text("Not a view"),
    }
}

fn rule(c: &Call<'_>) -> Datum {
    let view = c.core.view();
    match view.catalog.relation(c.oid(0)).filter(|r| r.view.is_some()) {
        Some(r) => {
            let sql = crate::sql::ddl::view::shown_query(c.core, r, false);
            let name = view.class_name(r.oid).unwrap_or_default();
            Datum::text(format!("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO {name} DO INSTEAD {sql}"))
        }
        None => Datum::Null,
    }
}

fn serial(c: &Call<'_>) -> Result<Datum> {
    use crate::err;
    use crate::error::SqlState;
    use crate::sql::types::io::TypeLookup;
    let view = c.core.view();
    let table = view.reg_in(Oid::REGCLASS, c.text(0))?;
    let Some(relation) = view.catalog.relation(table) else { return Ok(Datum::Null) };
    let column = c.text(1);
    let position = relation
        .column(column)
        .ok_or_else(|| err!(SqlState::UNDEFINED_COLUMN, "column \"{column}\" of relation \"{}\" does not exist", relation.name))?;
    let owned = |r: &&RelationRef| r.sequence.as_ref().and_then(|s| s.owned_by) == Some((table, position as u16));
    Ok(match view.catalog.relations().find(owned) {
        Some(s) => {
            let schema = view.schema_name(s.schema).unwrap_or_default();
            Datum::text(format!("{}.{}", quote_identifier(&schema), quote_identifier(&s.name)))
        }
        None => Datum::Null,
    })
}
