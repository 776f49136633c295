//! What value input and output ask of the catalog: user types, enum labels, names behind `reg*` values.

use super::view::{SessionView, quote_identifier};
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::binder::{self, BindContext};
use crate::sql::catalog::lookup::CatalogView;
use crate::sql::catalog::objects::{UserType, UserTypeKind};
use crate::sql::catalog::schema_oid;
use crate::sql::catalog::snapshot::TypeEntry;
use crate::sql::expr::registry::registry;
use crate::sql::parser;
use crate::sql::types::datum::EnumValue;
use crate::sql::types::io::{IoContext, TypeInfo, TypeKind, TypeLookup};
use crate::sql::types::{Oid, Type, typename};
use smol_str::SmolStr;
use std::sync::Arc;

impl SessionView {
    fn user_type_info(&self, t: &UserType) -> TypeInfo {
        let kind = match &t.kind {
            UserTypeKind::Enum(_) => TypeKind::Enum,
            UserTypeKind::Domain { base, .. } => TypeKind::Domain(*base),
            UserTypeKind::Composite { relation } => TypeKind::Composite(self.fields(*relation)),
            UserTypeKind::Range { subtype, .. } => TypeKind::Range { subtype: subtype.oid },
            UserTypeKind::Shell => TypeKind::Pseudo,
        };
        TypeInfo { oid: t.oid, name: self.type_name(t.schema, &t.name), kind, delim: b',' }
    }

    fn fields(&self, relation: Oid) -> Arc<[(SmolStr, Type)]> {
        let columns = self.catalog.relation(relation).map(|r| r.live_columns().map(|(_, c)| (c.name.clone(), c.ty)).collect());
        columns.unwrap_or_else(|| Arc::from([]))
    }

    fn type_name(&self, schema: Oid, name: &str) -> SmolStr {
        self.qualified(schema, name, self.type_is_visible(schema, name)).into()
    }

    /// Splits a possibly qualified name in text (a `reg*` literal) and finds its schema: None when unqualified.
    fn reg_name(&self, text: &str) -> Result<(Option<Oid>, SmolStr)> {
        let parts = parse_qualified(text)?;
        match parts.as_slice() {
            [name] => Ok((None, name.clone())),
            [schema, name] => {
                let found = self.schema_oid(schema);
                let oid = found.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist"))?;
                Ok((Some(oid), name.clone()))
            }
            [database, schema, name] if database == self.database_name() => {
                let found = self.schema_oid(schema);
                let oid = found.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{schema}\" does not exist"))?;
                Ok((Some(oid), name.clone()))
            }
            _ => Err(err!(SqlState::SYNTAX_ERROR, "improper qualified name (too many dotted names): {text}")),
        }
    }

    fn class_in(&self, text: &str) -> Result<Oid> {
        let missing = || err!(SqlState::UNDEFINED_TABLE, "relation \"{}\" does not exist", text.replace('"', ""));
        let (schema, name) = self.reg_name(text)?;
        let found = match schema {
            Some(s) => self.catalog.class_oid(s, &name),
            None => self.path.iter().find_map(|s| self.catalog.class_oid(*s, &name)),
        };
        found.ok_or_else(missing)
    }

    fn regtype_in(&self, text: &str) -> Result<Oid> {
        let name = parser::parse_type_name(text)?;
        let io = IoContext { types: self, ..IoContext::plain() };
        let cx = BindContext { catalog: self, io: &io, names: None };
        binder::resolve_type(&cx, &name).map(|t| t.oid).map_err(|mut e| {
            e.fields_mut().position = None;
            e
        })
    }

    /// Functions of a name: built-in and user ones, as (OID, argument types).
    fn functions_called(&self, schema: Option<Oid>, name: &str) -> Vec<(Oid, Vec<Oid>)> {
        let mut found = Vec::new();
        let schemas: Vec<Oid> = schema.map_or_else(|| self.path.to_vec(), |s| vec![s]);
        for s in schemas {
            if s == schema_oid::PG_CATALOG {
                found.extend(registry().functions_named(name).map(|f| (f.oid, f.args.clone())));
            }
            found.extend(self.catalog.functions_named(s, name).map(|f| (f.oid, f.arg_types.clone())));
        }
        found
    }

    fn regproc_in(&self, text: &str) -> Result<Oid> {
        let (schema, name) = self.reg_name(text)?;
        match self.functions_called(schema, &name).as_slice() {
            [] => Err(err!(SqlState::UNDEFINED_FUNCTION, "function \"{text}\" does not exist")),
            [(oid, _)] => Ok(*oid),
            _ => Err(err!(SqlState::AMBIGUOUS_FUNCTION, "more than one function named \"{text}\"")),
        }
    }

    fn argument_list(&self, text: &str) -> Result<(String, Vec<Oid>)> {
        let Some((name, rest)) = text.split_once('(') else {
            return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "expected a left parenthesis"));
        };
        let Some(inside) = rest.trim_end().strip_suffix(')') else {
            return Err(err!(SqlState::INVALID_TEXT_REPRESENTATION, "expected a right parenthesis"));
        };
        let mut types = Vec::new();
        for part in inside.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            types.push(if part.eq_ignore_ascii_case("none") { Oid::INVALID } else { self.regtype_in(part)? });
        }
        Ok((name.trim().to_owned(), types))
    }

    fn regprocedure_in(&self, text: &str) -> Result<Oid> {
        let (name, types) = self.argument_list(text)?;
        let (schema, name) = self.reg_name(&name)?;
        let found = self.functions_called(schema, &name).into_iter().find(|(_, args)| *args == types);
        found.map(|f| f.0).ok_or_else(|| err!(SqlState::UNDEFINED_FUNCTION, "function \"{text}\" does not exist"))
    }

    fn regoper_in(&self, text: &str) -> Result<Oid> {
        let name = text.rsplit('.').next().unwrap_or(text);
        let mut found = registry().operators_named(name);
        match (found.next(), found.next()) {
            (Some(o), None) => Ok(o.oid),
            (Some(_), Some(_)) => Err(err!(SqlState::AMBIGUOUS_FUNCTION, "more than one operator named {text}")),
            _ => Err(err!(SqlState::UNDEFINED_FUNCTION, "operator does not exist: {text}")),
        }
    }

    fn regoperator_in(&self, text: &str) -> Result<Oid> {
        let (name, types) = self.argument_list(text)?;
        let name = name.rsplit('.').next().unwrap_or(&name).to_owned();
        let [left, right] = types.as_slice() else {
            return Err(err!(SqlState::UNDEFINED_PARAMETER, "missing argument")
                .hint("Use NONE to denote the missing argument of a unary operator."));
        };
        let found = registry().operators_named(&name).find(|o| o.left == *left && o.right == *right);
        found.map(|o| o.oid).ok_or_else(|| err!(SqlState::UNDEFINED_FUNCTION, "operator does not exist: {text}"))
    }

    fn single_name(text: &str) -> Result<SmolStr> {
        match parse_qualified(text)?.as_slice() {
            [name] => Ok(name.clone()),
            _ => Err(err!(SqlState::INVALID_NAME, "invalid name syntax")),
        }
    }

    fn arguments_text(&self, args: &[Oid]) -> String {
        let names: Vec<String> = args.iter().map(|a| typename::format_type_be(self, *a)).collect();
        names.join(",")
    }

    /// A function's name as `regproc` prints it.
    fn function_name(&self, oid: Oid, with_arguments: bool) -> Option<String> {
        let (schema, name, args) = match registry().function(oid) {
            Some(f) => (schema_oid::PG_CATALOG, SmolStr::new_static(f.name), f.args.clone()),
            None => match self.catalog.function(oid) {
                Some(f) => (f.schema, f.name.clone(), f.arg_types.clone()),
                // The functions behind types exist by name only.
                None => return crate::sql::system::io_function_name(oid).map(str::to_owned),
            },
        };
        let same_name = self.functions_called(None, &name);
        let visible = if with_arguments {
            same_name.iter().find(|(_, a)| *a == args).is_some_and(|(o, _)| *o == oid)
        } else {
            same_name.len() == 1 && same_name[0].0 == oid
        };
        let mut out = self.qualified(schema, &name, visible);
        if with_arguments {
            out.push_str(&format!("({})", self.arguments_text(&args)));
        }
        Some(out)
    }

    fn operator_name(&self, oid: Oid, with_arguments: bool) -> Option<String> {
        let o = registry().operator(oid)?;
        if !with_arguments {
            let alone = registry().operators_named(o.name).count() == 1;
            return Some(if alone { o.name.to_owned() } else { format!("pg_catalog.{}", o.name) });
        }
        let operand = |t: Oid| if t.is_valid() { typename::format_type_be(self, t) } else { "NONE".to_owned() };
        Some(format!("{}({},{})", o.name, operand(o.left), operand(o.right)))
    }
}

/// Parses a dotted name as it stands in text: folding, quotes. Errors: 42602.
pub fn parse_qualified(text: &str) -> Result<Vec<SmolStr>> {
    let invalid = || err!(SqlState::INVALID_NAME, "invalid name syntax");
    let mut parts = Vec::new();
    let mut chars = text.trim().chars().peekable();
    loop {
        let mut part = String::new();
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next() {
                    Some('"') if chars.next_if_eq(&'"').is_some() => part.push('"'),
                    Some('"') => break,
                    Some(c) => part.push(c),
                    None => return Err(invalid()),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != '.' && !c.is_whitespace()) {
                part.extend(c.to_lowercase());
            }
        }
        if part.is_empty() {
            return Err(invalid());
        }
        parts.push(SmolStr::from(part));
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        match chars.next() {
            None => return Ok(parts),
            Some('.') => {}
            Some(_) => return Err(invalid()),
        }
    }
}

fn missing(what: &str, name: &str) -> SqlError {
    err!(SqlState::UNDEFINED_OBJECT, "{what} \"{name}\" does not exist")
}

impl TypeLookup for SessionView {
    fn type_info(&self, oid: Oid) -> Option<TypeInfo> {
        Some(match self.catalog.type_entry(oid)? {
            TypeEntry::User(t) => self.user_type_info(&t),
            TypeEntry::Array(t) => TypeInfo {
                oid,
                name: format!("{}[]", self.type_name(t.schema, &t.name)).into(),
                kind: TypeKind::Array(t.oid),
                delim: b',',
            },
            TypeEntry::Multirange { range, array } => {
                let UserTypeKind::Range { multirange, multirange_name, .. } = &range.kind else { return None };
                let name = self.type_name(range.schema, multirange_name);
                match array {
                    false => TypeInfo { oid, name, kind: TypeKind::Multirange { range: range.oid }, delim: b',' },
                    true => TypeInfo { oid, name: format!("{name}[]").into(), kind: TypeKind::Array(*multirange), delim: b',' },
                }
            }
            TypeEntry::Row(r) => {
                let kind = TypeKind::Composite(self.fields(r.oid));
                TypeInfo { oid, name: self.type_name(r.schema, &r.name), kind, delim: b',' }
            }
            TypeEntry::RowArray(r) => {
                let name = format!("{}[]", self.type_name(r.schema, &r.name)).into();
                TypeInfo { oid, name, kind: TypeKind::Array(r.row_type), delim: b',' }
            }
        })
    }

    fn enum_value(&self, ty: Oid, label: &str) -> Option<EnumValue> {
        let UserTypeKind::Enum(labels) = &self.catalog.user_type(ty)?.kind else { return None };
        labels.iter().find(|l| l.label == label).map(|l| EnumValue { label: l.oid, order: l.order })
    }

    fn enum_label(&self, label: Oid) -> Option<SmolStr> {
        self.catalog.enum_label(label)
    }

    fn reg_in(&self, kind: Oid, text: &str) -> Result<Oid> {
        match kind {
            Oid::REGCLASS => self.class_in(text),
            Oid::REGTYPE => self.regtype_in(text),
            Oid::REGPROC => self.regproc_in(text),
            Oid::REGPROCEDURE => self.regprocedure_in(text),
            Oid::REGOPER => self.regoper_in(text),
            Oid::REGOPERATOR => self.regoperator_in(text),
            Oid::REGNAMESPACE => {
                let name = Self::single_name(text)?;
                let found = self.schema_oid(&name);
                found.ok_or_else(|| err!(SqlState::INVALID_SCHEMA_NAME, "schema \"{name}\" does not exist"))
            }
            Oid::REGROLE => {
                let name = Self::single_name(text)?;
                self.shared.role_named(&name).map(|r| r.oid).ok_or_else(|| missing("role", &name))
            }
            Oid::REGCOLLATION => {
                let (schema, name) = self.reg_name(text)?;
                let found = self.collation_in(schema.unwrap_or(schema_oid::PG_CATALOG), &name);
                found.ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "collation \"{name}\" for encoding \"UTF8\" does not exist"))
            }
            Oid::REGCONFIG => {
                let (_, name) = self.reg_name(text)?;
                text_search_config(&name).ok_or_else(|| missing("text search configuration", text))
            }
            // `simple` is the one dictionary there is.
            Oid::REGDICTIONARY => match self.reg_name(text)? {
                (None, name) if name == "simple" => Ok(SIMPLE_DICTIONARY),
                (Some(schema), name) if schema == schema_oid::PG_CATALOG && name == "simple" => Ok(SIMPLE_DICTIONARY),
                _ => Err(missing("text search dictionary", text)),
            },
            _ => Err(SqlError::internal("not a reg type")),
        }
    }

    fn reg_out(&self, kind: Oid, oid: Oid) -> Option<String> {
        match kind {
            Oid::REGCLASS => self.class_name(oid),
            Oid::REGTYPE => {
                let known = typename::builtin(oid).is_some() || self.catalog.type_entry(oid).is_some();
                known.then(|| typename::format_type_be(self, oid))
            }
            Oid::REGPROC => self.function_name(oid, false),
            Oid::REGPROCEDURE => self.function_name(oid, true),
            Oid::REGOPER => self.operator_name(oid, false),
            Oid::REGOPERATOR => self.operator_name(oid, true),
            Oid::REGNAMESPACE => self.schema_name(oid).map(|n| quote_identifier(&n).into_owned()),
            Oid::REGROLE => self.shared.role(oid).map(|r| quote_identifier(&r.name).into_owned()),
            Oid::REGCOLLATION => self.collation_name(oid).map(|n| quote_identifier(&n).into_owned()),
            Oid::REGCONFIG => match oid.0 {
                3748 => Some("simple".into()),
                13094 => Some("english".into()),
                _ => None,
            },
            Oid::REGDICTIONARY if oid == SIMPLE_DICTIONARY => Some("simple".into()),
            _ => None,
        }
    }
}

/// `pg_ts_dict.oid` of `simple`.
const SIMPLE_DICTIONARY: Oid = Oid(3765);

fn text_search_config(name: &str) -> Option<Oid> {
    match name {
        "simple" => Some(Oid(3748)),
        "english" => Some(Oid(13094)),
        _ => None,
    }
}
