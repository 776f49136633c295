//! pg_authid, pg_auth_members, pg_database, pg_db_role_setting, pg_tablespace.

use super::Producer;
use super::rows::{Rows, SystemCx, acl, text_array};
use crate::error::Result;
use crate::sql::catalog::BOOTSTRAP_ROLE;
use crate::sql::types::{Datum, Oid};

pub const PRODUCERS: &[(&str, Producer)] = &[
    ("pg_authid", roles),
    ("pg_auth_members", members),
    ("pg_database", databases),
    ("pg_db_role_setting", settings),
    ("pg_tablespace", tablespaces),
    ("pg_default_acl", default_acls),
];

fn roles(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.shared.roles() {
        out.oid("oid", r.oid).text("rolname", r.name.clone()).bool("rolsuper", r.superuser).bool("rolinherit", r.inherit);
        out.bool("rolcreaterole", r.create_role).bool("rolcreatedb", r.create_db).bool("rolcanlogin", r.login);
        out.bool("rolreplication", r.replication).bool("rolbypassrls", r.bypass_rls).int4("rolconnlimit", r.connection_limit);
        if let Some(password) = &r.password {
            out.text("rolpassword", password.as_str());
        }
        if let Some(until) = r.valid_until {
            out.set("rolvaliduntil", Datum::TimestampTz(until));
        }
        out.push();
    }
    Ok(())
}

fn members(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for r in cx.shared.roles() {
        for (role, admin, grantor) in &r.member_of {
            out.oid("roleid", *role).oid("member", r.oid).oid("grantor", *grantor).bool("admin_option", *admin).push();
        }
    }
    Ok(())
}

fn databases(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for d in cx.shared.databases() {
        out.oid("oid", d.oid).text("datname", d.name.clone()).oid("datdba", d.owner).int4("encoding", 6);
        out.char("datlocprovider", 'c').bool("datistemplate", d.is_template).bool("datallowconn", d.allow_connections);
        out.int4("datconnlimit", d.connection_limit)
            .oid("datfrozenxid", Oid(1))
            .oid("datminmxid", Oid(1))
            .oid("dattablespace", Oid(1663));
        out.text("datcollate", "C.UTF-8").text("datctype", "C.UTF-8").set("datacl", acl(cx.shared, d.acl.as_ref())).push();
    }
    Ok(())
}

fn settings(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    let list = |s: &[(smol_str::SmolStr, String)]| text_array(s.iter().map(|(k, v)| format!("{k}={v}")));
    for r in cx.shared.roles().filter(|r| !r.settings.is_empty()) {
        out.oid("setdatabase", Oid::INVALID).oid("setrole", r.oid).set("setconfig", list(&r.settings)).push();
    }
    for d in cx.shared.databases().filter(|d| !d.settings.is_empty()) {
        out.oid("setdatabase", d.oid).oid("setrole", Oid::INVALID).set("setconfig", list(&d.settings)).push();
    }
    Ok(())
}

fn tablespaces(_cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    for (oid, name) in [(1663, "pg_default"), (1664, "pg_global")] {
        out.oid("oid", Oid(oid)).text("spcname", name).oid("spcowner", BOOTSTRAP_ROLE).push();
    }
    Ok(())
}

fn default_acls(cx: &SystemCx<'_>, out: &mut Rows<'_>) -> Result<()> {
    let Some(database) = cx.shared.database(cx.database) else { return Ok(()) };
    for (i, d) in database.default_acls.iter().enumerate() {
        // Grants have no OID of their own.
        let oid = Oid(crate::sql::types::Oid::FIRST_NORMAL.0 + i as u32);
        out.oid("oid", oid).oid("defaclrole", d.role).oid("defaclnamespace", d.schema).char("defaclobjtype", d.kind);
        out.set("defaclacl", acl(cx.shared, Some(&d.acl))).push();
    }
    Ok(())
}
