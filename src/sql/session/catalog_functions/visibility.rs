//! Visibility, names and comments.

use super::Call;
use crate::error::Result;
use crate::sql::catalog::objects::RelKind;
use crate::sql::catalog::{CommentKey, schema_oid};
use crate::sql::expr::registry::registry;
use crate::sql::types::io::TypeLookup;
use crate::sql::types::{Datum, Oid, typename};

/// Functions of this family; None for others.
pub fn call(c: &Call<'_>) -> Result<Option<Datum>> {
    let view = c.core.view();
    let oid = c.oid(0);
    Ok(Some(match c.symbol {
        "pg_table_is_visible" => {
            let found = match view.catalog.relation(oid) {
                Some(r) => Some((r.schema, r.name.clone())),
                None => view.catalog.index(oid).map(|(t, i)| (t.schema, i.name.clone())),
            };
            found.map_or(Datum::Null, |(schema, name)| Datum::Bool(view.relation_is_visible(schema, &name)))
        }
        "pg_type_is_visible" => match view.catalog.user_type(oid) {
            Some(t) => Datum::Bool(view.type_is_visible(t.schema, &t.name)),
            None if typename::builtin(oid).is_some() => Datum::Bool(true),
            None => view.catalog.type_entry(oid).map_or(Datum::Null, |_| Datum::Bool(true)),
        },
        "pg_function_is_visible" => match view.catalog.function(oid) {
            Some(f) => Datum::Bool(view.path.contains(&f.schema)),
            None => registry().function(oid).map_or(Datum::Null, |_| Datum::Bool(true)),
        },
        "pg_operator_is_visible"
        | "pg_opclass_is_visible"
        | "pg_opfamily_is_visible"
        | "pg_collation_is_visible"
        | "pg_conversion_is_visible"
        | "pg_ts_config_is_visible"
        | "pg_ts_dict_is_visible"
        | "pg_ts_parser_is_visible"
        | "pg_ts_template_is_visible"
        | "pg_statistics_obj_is_visible" => Datum::Bool(view.path.contains(&schema_oid::PG_CATALOG)),
        "pg_get_userbyid" => match view.shared.role(oid) {
            Some(r) => Datum::Text(r.name.clone()),
            None => Datum::text(format!("unknown (OID={oid})")),
        },
        "obj_description/26 19" => comment(c, class_of(c.text(1)), oid, 0),
        "obj_description/26" => {
            [1259, 2615, 1247, 1255, 2606].iter().map(|&k| comment(c, Oid(k), oid, 0)).find(|d| !d.is_null()).unwrap_or_default()
        }
        "shobj_description/26 19" => comment(c, class_of(c.text(1)), oid, 0),
        "col_description/26 23" => comment(c, Oid(1259), oid, c.int(1) as i32),
        "to_regclass" => reg(c, Oid::REGCLASS),
        "to_regtype" => reg(c, Oid::REGTYPE),
        "to_regproc" => reg(c, Oid::REGPROC),
        "to_regprocedure" => reg(c, Oid::REGPROCEDURE),
        "to_regoper" => reg(c, Oid::REGOPER),
        "to_regoperator" => reg(c, Oid::REGOPERATOR),
        "to_regnamespace" => reg(c, Oid::REGNAMESPACE),
        "to_regrole" => reg(c, Oid::REGROLE),
        "to_regcollation" => reg(c, Oid::REGCOLLATION),
        "pg_my_temp_schema" => Datum::Oid(view.temp_schema.unwrap_or_default()),
        "pg_is_other_temp_schema" => Datum::Bool(false),
        "pg_relation_is_publishable" => {
            Datum::Bool(view.catalog.relation(oid).is_some_and(|r| r.kind == RelKind::Table && r.oid >= Oid::FIRST_NORMAL))
        }
        "pg_relation_is_updatable" => match view.catalog.relation(oid).map(|r| r.kind) {
            Some(RelKind::Table) => Datum::Int4(INSERT_EVENT | CHANGE_EVENTS),
            // Rows without a column to set can only be deleted.
            Some(RelKind::View) => match updatable(c, oid) {
                Some(columns) if columns.contains(&true) => Datum::Int4(INSERT_EVENT | CHANGE_EVENTS),
                Some(_) => Datum::Int4(1 << 4),
                None => Datum::Int4(0),
            },
            _ => Datum::Int4(0),
        },
        "pg_column_is_updatable" => Datum::Bool(match view.catalog.relation(oid).map(|r| r.kind) {
            Some(RelKind::Table) => c.int(1) > 0,
            Some(RelKind::View) => {
                let at = usize::try_from(c.int(1)).ok().and_then(|n| n.checked_sub(1));
                at.is_some_and(|at| updatable(c, oid).is_some_and(|columns| columns.get(at) == Some(&true)))
            }
            _ => false,
        }),
        "pg_collation_for" => match c.site.arg_types.first() {
            Some(t) if typename::collation_of(t.oid).is_valid() => {
                use crate::sql::catalog::lookup::CatalogView;
                let collation = if c.site.collation.is_valid() { c.site.collation } else { Oid(100) };
                view.collation_name(collation).map_or(Datum::Null, |n| Datum::text(format!("\"{n}\"")))
            }
            _ => Datum::Null,
        },
        "pg_collation_actual_version" | "pg_database_collation_actual_version" | "pg_tablespace_location" => Datum::text(""),
        "pg_describe_object" => describe(c),
        "pg_sequence_last_value" => sequence_value(c)?,
        "pg_sequence_parameters" => sequence_parameters(c),
        "pg_identify_object" => identify(c),
        "current_query" => Datum::text(&*c.core.entry.activity.lock().query),
        "row_security_active" | "row_security_active_name" => Datum::Bool(false),
        "pg_settings_get_flags" => crate::sql::system::text_list(Vec::new()),
        "pg_partition_root" => Datum::Null,
        _ => return Ok(None),
    }))
}

/// Bits of pg_relation_is_updatable: UPDATE and DELETE, INSERT.
const CHANGE_EVENTS: i32 = (1 << 2) | (1 << 4);
const INSERT_EVENT: i32 = 1 << 3;

fn updatable(c: &Call<'_>, view: Oid) -> Option<Vec<bool>> {
    let relation = c.core.view().catalog.relation(view).cloned()?;
    c.core.with_bind(|cx| Ok(crate::sql::binder::updatable_columns(cx, &relation))).ok().flatten()
}

fn class_of(name: &str) -> Oid {
    Oid(match name {
        "pg_class" => 1259,
        "pg_namespace" => 2615,
        "pg_type" => 1247,
        "pg_proc" => 1255,
        "pg_constraint" => 2606,
        "pg_database" => 1262,
        "pg_authid" => 1260,
        "pg_tablespace" => 1213,
        "pg_trigger" => 2620,
        "pg_operator" => 2617,
        "pg_opclass" => 2616,
        "pg_rewrite" => 2618,
        "pg_extension" => 3079,
        _ => 0,
    })
}

fn comment(c: &Call<'_>, class: Oid, object: Oid, column: i32) -> Datum {
    let view = c.core.view();
    if let Some(text) = view.catalog.comment(CommentKey { class, object, column }) {
        return Datum::Text(text.clone());
    }
    match (class.0, object) {
        (2615, schema_oid::PUBLIC) => Datum::text("standard public schema"),
        (2615, schema_oid::PG_CATALOG) => Datum::text("system catalog schema"),
        (1262, Oid(1)) => Datum::text("default template for new databases"),
        (1262, Oid(4)) => Datum::text("unmodifiable empty database"),
        (1262, Oid(5)) => Datum::text("default administrative connection database"),
        _ => Datum::Null,
    }
}

fn reg(c: &Call<'_>, kind: Oid) -> Datum {
    c.core.view().reg_in(kind, c.text(0)).map_or(Datum::Null, Datum::Oid)
}

fn describe(c: &Call<'_>) -> Datum {
    let (view, object) = (c.core.view(), c.oid(1));
    let name = |kind: Oid| view.reg_out(kind, object).unwrap_or_default();
    let text = match c.oid(0).0 {
        1259 => {
            let word = view.catalog.relation(object).map_or("index", |r| crate::sql::session::view::relation_word(r));
            let base = format!("{word} {}", name(Oid::REGCLASS));
            match view.catalog.relation(object).and_then(|r| r.columns.get((c.int(2) - 1).max(0) as usize)) {
                Some(column) if c.int(2) > 0 => format!("column {} of {base}", column.name),
                _ => base,
            }
        }
        1247 => format!("type {}", name(Oid::REGTYPE)),
        1255 => format!("function {}", name(Oid::REGPROCEDURE)),
        2615 => format!("schema {}", name(Oid::REGNAMESPACE)),
        1260 => format!("role {}", name(Oid::REGROLE)),
        _ => return Datum::Null,
    };
    Datum::text(text)
}

fn record(fields: Vec<(Oid, Datum)>) -> Datum {
    let fields = fields.into_iter().map(|(ty, value)| (crate::sql::types::Type::new(ty), value)).collect();
    let names = std::sync::Arc::from([]);
    Datum::Record(std::sync::Arc::new(crate::sql::types::datum::Record { ty: Oid::RECORD, fields, names }))
}

fn sequence_parameters(c: &Call<'_>) -> Datum {
    let view = c.core.view();
    let Some(s) = view.catalog.relation(c.oid(0)).and_then(|r| r.sequence.clone()) else { return Datum::Null };
    let numbers = [s.start, s.min, s.max, s.increment].map(|n| (Oid::INT8, Datum::Int8(n)));
    let mut fields = numbers.to_vec();
    fields.push((Oid::BOOL, Datum::Bool(s.cycle)));
    fields.push((Oid::INT8, Datum::Int8(s.cache)));
    fields.push((Oid::OID, Datum::Oid(s.ty)));
    record(fields)
}

/// pg_identify_object: kind, schema, name and full name of an object.
fn identify(c: &Call<'_>) -> Datum {
    use crate::sql::catalog::lookup::CatalogView;
    use crate::sql::session::view::quote_identifier;
    let (view, object) = (c.core.view(), c.oid(1));
    let bare = view.without_path();
    let schema_of = |oid: Oid| view.schema_name(oid).map(|n| quote_identifier(&n).into_owned());
    let (kind, schema, name, identity) = match c.oid(0).0 {
        1259 => match (view.catalog.relation(object), view.catalog.index(object)) {
            (Some(r), _) => {
                let word = crate::sql::session::view::relation_word(r).to_owned();
                let full = bare.class_name(object).unwrap_or_default();
                match r.columns.get((c.int(2) - 1).max(0) as usize).filter(|_| c.int(2) > 0) {
                    Some(column) => {
                        (format!("{word} column"), schema_of(r.schema), None, format!("{full}.{}", quote_identifier(&column.name)))
                    }
                    None => (word, schema_of(r.schema), Some(quote_identifier(&r.name).into_owned()), full),
                }
            }
            (None, Some((t, i))) => {
                let name = quote_identifier(&i.name).into_owned();
                ("index".to_owned(), schema_of(t.schema), Some(name), bare.class_name(object).unwrap_or_default())
            }
            _ => return Datum::Null,
        },
        1247 => ("type".to_owned(), None, None, bare.reg_out(Oid::REGTYPE, object).unwrap_or_default()),
        1255 => ("function".to_owned(), None, None, bare.reg_out(Oid::REGPROCEDURE, object).unwrap_or_default()),
        2615 => {
            let name = schema_of(object).unwrap_or_default();
            ("schema".to_owned(), None, Some(name.clone()), name)
        }
        _ => return Datum::Null,
    };
    let text = |t: Option<String>| t.map_or(Datum::Null, Datum::text);
    record(vec![
        (Oid::TEXT, Datum::text(kind)),
        (Oid::TEXT, text(schema)),
        (Oid::TEXT, text(name)),
        (Oid::TEXT, Datum::text(identity)),
    ])
}

fn sequence_value(c: &Call<'_>) -> Result<Datum> {
    let view = c.core.view();
    let Some(relation) = view.catalog.relation(c.oid(0)) else { return Ok(Datum::Null) };
    let params = crate::sql::session::sequence_params(relation)?;
    let state = c.core.server.txns.sequences().state(relation.storage.0, &params)?;
    Ok(if state.is_called { Datum::Int8(state.last_value) } else { Datum::Null })
}
