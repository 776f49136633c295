//! has_*_privilege, pg_has_role, acldefault (PostgreSQL's acl.c).

use super::Call;
use crate::err;
use crate::error::{Result, SqlState};
use crate::sql::catalog::objects::AclItem;
use crate::sql::session::view::{SessionView, bits};
use crate::sql::types::io::TypeLookup;
use crate::sql::types::{Datum, Oid};

/// Functions of this family; None for others.
pub fn call(c: &Call<'_>) -> Result<Option<Datum>> {
    if let Some(rest) = c.symbol.strip_prefix("pg_has_role_") {
        return has_role(c, rest).map(Some);
    }
    if c.symbol == "acldefault_sql" {
        return Ok(Some(acl_default(c)));
    }
    let Some(rest) = c.symbol.strip_prefix("has_") else { return Ok(None) };
    let Some((kind, shape)) = rest.split_once("_privilege_") else { return Ok(None) };
    let words: Vec<&str> = shape.split('_').collect();
    let explicit_role = match kind {
        "column" => words.len() == 3,
        _ => words.len() == 2,
    };
    let view = c.core.view();
    let role = if explicit_role { role_argument(c, &view, words[0])? } else { view.user };
    let at = usize::from(explicit_role);
    let by_name = words[at] == "name";
    let privileges = c.text(c.args.len() - 1);
    let answer = match kind {
        "table" | "any_column" | "sequence" | "column" => relation(c, &view, kind, role, at, by_name, privileges)?,
        "schema" => schema(c, &view, role, at, by_name, privileges)?,
        "database" => database(c, &view, role, at, by_name, privileges)?,
        "function" => {
            let oid = if by_name { view.reg_in(Oid::REGPROCEDURE, c.text(at))? } else { c.oid(at) };
            match view.catalog.function(oid) {
                Some(f) => Some(view.granted(role, f.owner, f.acl.as_ref(), bits::EXECUTE) & bits::EXECUTE != 0),
                None => Some(true),
            }
        }
        "type" => {
            let oid = if by_name { view.reg_in(Oid::REGTYPE, c.text(at))? } else { c.oid(at) };
            match view.catalog.user_type(oid) {
                Some(t) => Some(view.granted(role, t.owner, t.acl.as_ref(), bits::USAGE) & bits::USAGE != 0),
                None => Some(true),
            }
        }
        "language" | "tablespace" | "foreign_data_wrapper" | "server" | "parameter" => {
            Some(kind == "language" || view.is_superuser(role))
        }
        _ => return Ok(None),
    };
    Ok(Some(answer.map_or(Datum::Null, Datum::Bool)))
}

fn role_argument(c: &Call<'_>, view: &SessionView, word: &str) -> Result<Oid> {
    if word == "id" {
        return Ok(c.oid(0));
    }
    let name = c.text(0);
    if name == "public" {
        return Ok(Oid::INVALID);
    }
    view.shared.role_named(name).map(|r| r.oid).ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "role \"{name}\" does not exist"))
}

const WORDS: &[(&str, u32)] = &[
    ("INSERT", 1),
    ("SELECT", 2),
    ("UPDATE", 4),
    ("DELETE", 8),
    ("TRUNCATE", bits::TRUNCATE),
    ("REFERENCES", bits::REFERENCES),
    ("TRIGGER", bits::TRIGGER),
    ("EXECUTE", bits::EXECUTE),
    ("USAGE", bits::USAGE),
    ("CREATE", bits::CREATE),
    ("TEMPORARY", bits::TEMP),
    ("TEMP", bits::TEMP),
    ("CONNECT", bits::CONNECT),
];

/// Privileges named in a list `SELECT, INSERT WITH GRANT OPTION`: bits with grant options in the upper half.
fn wanted(list: &str) -> Result<Vec<u32>> {
    let one = |item: &str| {
        let upper = item.trim().to_ascii_uppercase();
        let (word, grant) = match upper.strip_suffix(" WITH GRANT OPTION") {
            Some(w) => (w.trim(), true),
            None => (upper.as_str(), false),
        };
        let found = WORDS.iter().find(|(w, _)| *w == word);
        let (_, bit) =
            found.ok_or_else(|| err!(SqlState::INVALID_PARAMETER_VALUE, "unrecognized privilege type: \"{}\"", item.trim()))?;
        Ok(if grant { bit << 16 | bit } else { *bit })
    };
    list.split(',').map(one).collect()
}

fn any(have: u32, list: &str) -> Result<bool> {
    Ok(wanted(list)?.iter().any(|w| have & w == *w))
}

fn relation(c: &Call<'_>, view: &SessionView, kind: &str, role: Oid, at: usize, by_name: bool, list: &str) -> Result<Option<bool>> {
    let oid = if by_name { view.reg_in(Oid::REGCLASS, c.text(at))? } else { c.oid(at) };
    wanted(list)?;
    let Some(r) = view.catalog.relation(oid) else { return Ok(None) };
    let public = if r.oid < Oid::FIRST_NORMAL { 2 } else { 0 };
    let have = view.granted(role, r.owner, r.acl.as_ref(), public);
    if any(have, list)? {
        return Ok(Some(true));
    }
    let columns: Vec<usize> = match kind {
        "any_column" => r.live_columns().map(|(i, _)| i).collect(),
        "column" => match c.args.get(at + 1) {
            Some(Datum::Text(name)) => {
                let found = r.column(name);
                let missing = || err!(SqlState::UNDEFINED_COLUMN, "column \"{name}\" of relation \"{}\" does not exist", r.name);
                vec![found.ok_or_else(missing)?]
            }
            _ => vec![(c.int(at + 1) - 1).max(0) as usize],
        },
        _ => return Ok(Some(false)),
    };
    for i in columns {
        if let Some(acl) = r.columns.get(i).and_then(|col| col.acl.as_ref())
            && any(view.granted(role, Oid::INVALID, Some(acl), 0), list)?
        {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

fn schema(c: &Call<'_>, view: &SessionView, role: Oid, at: usize, by_name: bool, list: &str) -> Result<Option<bool>> {
    let oid = if by_name { view.reg_in(Oid::REGNAMESPACE, &quoted(c.text(at)))? } else { c.oid(at) };
    let Some(s) = view.catalog.schema(oid) else { return Ok(None) };
    let public = if s.oid < Oid::FIRST_NORMAL { bits::USAGE } else { 0 };
    any(view.granted(role, s.owner, s.acl.as_ref(), public), list).map(Some)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn database(c: &Call<'_>, view: &SessionView, role: Oid, at: usize, by_name: bool, list: &str) -> Result<Option<bool>> {
    let found = if by_name {
        let name = c.text(at);
        let d = view.shared.database_named(name);
        Some(d.ok_or_else(|| err!(SqlState::INVALID_CATALOG_NAME, "database \"{name}\" does not exist"))?)
    } else {
        view.shared.database(c.oid(at))
    };
    let Some(d) = found else { return Ok(None) };
    any(view.granted(role, d.owner, d.acl.as_ref(), bits::CONNECT | bits::TEMP), list).map(Some)
}

fn has_role(c: &Call<'_>, shape: &str) -> Result<Datum> {
    let view = c.core.view();
    let words: Vec<&str> = shape.split('_').collect();
    let (member, at) = if words.len() == 2 { (role_argument(c, &view, words[0])?, 1) } else { (view.user, 0) };
    let role = if words[at] == "name" {
        let name = c.text(at);
        let found = view.shared.role_named(name).map(|r| r.oid);
        found.ok_or_else(|| err!(SqlState::UNDEFINED_OBJECT, "role \"{name}\" does not exist"))?
    } else {
        c.oid(at)
    };
    let answer = c.text(c.args.len() - 1).split(',').any(|p| match p.trim().to_ascii_uppercase().as_str() {
        "USAGE" => view.has_role_privileges(member, role),
        _ => view.is_member(member, role),
    });
    Ok(Datum::Bool(answer))
}

/// The privileges an object has while nothing was granted: everything for its owner, some for PUBLIC.
fn acl_default(c: &Call<'_>) -> Datum {
    let kind = match c.args.first() {
        Some(Datum::Char(k)) => *k as char,
        _ => ' ',
    };
    let owner = c.oid(1);
    let (all, public) = match kind {
        'r' => (0x7f, 0),
        's' => (0x106, 0),
        'd' => (0xe00, 0xc00),
        'f' => (0x80, 0x80),
        'l' | 'T' => (0x100, 0x100),
        'n' => (0x300, 0),
        't' => (0x200, 0),
        'F' | 'S' => (0x100, 0),
        _ => (0, 0),
    };
    let mut items = Vec::new();
    if public != 0 {
        items.push(AclItem { grantee: Oid::INVALID, grantor: owner, bits: public });
    }
    items.push(AclItem { grantee: owner, grantor: owner, bits: all });
    crate::sql::system::acl_array(&c.core.view().shared, Some(&items))
}
