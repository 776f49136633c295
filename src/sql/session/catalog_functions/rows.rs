//! Set-returning functions about the catalog and the server.

use crate::error::{Result, SqlError};
use crate::sql::expr::context::CallSite;
use crate::sql::parser;
use crate::sql::session::SessionCore;
use crate::sql::session::settings::{Kind, definitions};
use crate::sql::types::{Datum, Oid};

/// Runs a set-returning function by symbol. Errors: 0A000 for one that is not built.
pub fn call(core: &SessionCore, symbol: &'static str, args: &[Datum], _site: &CallSite) -> Result<Vec<Vec<Datum>>> {
    match symbol {
        "show_all_settings" => Ok(settings(core)),
        "pg_stat_get_activity" => Ok(activity(core, args)),
        "pg_prepared_statement" => Ok(prepared(core)),
        "pg_cursor" => Ok(cursors(core)),
        "pg_lock_status" => Ok(locks(core)),
        "pg_get_keywords" => Ok(keywords()),
        "aclexplode" => Ok(acl_explode(core, args)),
        "pg_options_to_table" => Ok(options(args)),
        "pg_timezone_names" => Ok(zones(core)),
        "pg_prepared_xact"
        | "pg_listening_channels"
        | "pg_available_extensions"
        | "pg_available_extension_versions"
        | "pg_hba_file_rules"
        | "pg_partition_tree"
        | "pg_partition_ancestors"
        | "pg_config"
        | "pg_timezone_abbrevs" => Ok(Vec::new()),
        _ => Err(SqlError::unsupported(format!("function {symbol}"))),
    }
}

fn text_or_null(s: &str) -> Datum {
    if s.is_empty() { Datum::Null } else { Datum::text(s) }
}

fn settings(core: &SessionCore) -> Vec<Vec<Datum>> {
    let settings = core.settings.lock();
    let mut all: Vec<_> = definitions().values().collect();
    all.sort_by_key(|d| d.name.to_ascii_lowercase());
    let row = |d: &&crate::sql::session::settings::Definition| {
        let kind = match d.kind {
            Kind::Bool => "bool",
            Kind::Integer => "integer",
            Kind::Real => "real",
            Kind::String => "string",
            Kind::Enum => "enum",
        };
        let values = crate::sql::system::text_list(d.values.iter().map(|v| (*v).to_owned()).collect());
        vec![
            Datum::text(d.name),
            Datum::text(settings.get(d.name).unwrap_or("")),
            text_or_null(d.unit),
            Datum::text(d.category),
            Datum::text(d.description),
            Datum::Null,
            Datum::text(d.context),
            Datum::text(kind),
            Datum::text(settings.source(d.name)),
            text_or_null(d.min),
            text_or_null(d.max),
            if d.values.is_empty() { Datum::Null } else { values },
            Datum::text(d.boot),
            Datum::text(settings.reset_value(d.name).unwrap_or("")),
            Datum::Null,
            Datum::Null,
            Datum::Bool(false),
        ]
    };
    all.iter().map(row).collect()
}

fn activity(core: &SessionCore, args: &[Datum]) -> Vec<Vec<Datum>> {
    let wanted = match args.first() {
        Some(Datum::Int4(pid)) => Some(*pid),
        _ => None,
    };
    let view = core.view();
    let sessions = core.server.sessions.lock();
    sessions
        .values()
        .filter(|s| wanted.is_none_or(|w| w == s.pid))
        .map(|s| {
            let a = s.activity.lock();
            let user = view.shared.role_named(&s.user).map_or(Datum::Null, |r| Datum::Oid(r.oid));
            let time = |t: i64| if t == 0 { Datum::Null } else { Datum::TimestampTz(t) };
            let mut row = vec![
                Datum::Oid(s.database),
                Datum::Int4(s.pid),
                user,
                Datum::text(a.application.as_str()),
                Datum::text(a.state),
                Datum::text(&*a.query),
                Datum::Null,
                Datum::Null,
                if s.pid == core.entry.pid {
                    Datum::TimestampTz(core.transaction_start.load(std::sync::atomic::Ordering::Relaxed))
                } else {
                    a.xact_start.map_or(Datum::Null, Datum::TimestampTz)
                },
                time(a.query_start),
                Datum::TimestampTz(s.started),
                time(a.state_change),
                Datum::Null,
                Datum::Null,
                Datum::Int4(-1),
                Datum::Null,
                Datum::Null,
                Datum::text("client backend"),
                Datum::Bool(false),
            ];
            row.resize(30, Datum::Null);
            row
        })
        .collect()
}

fn prepared(core: &SessionCore) -> Vec<Vec<Datum>> {
    let listing = core.listing.lock();
    let row = |(name, sql, at, types, from_sql): &(String, std::sync::Arc<str>, i64, Vec<Oid>, bool)| {
        let types = crate::sql::system::array(Oid::REGTYPE, types.iter().map(|t| Datum::Oid(*t)).collect());
        vec![
            Datum::text(name.as_str()),
            Datum::text(&**sql),
            Datum::TimestampTz(*at),
            types,
            Datum::Bool(*from_sql),
            Datum::Int8(0),
            Datum::Int8(0),
        ]
    };
    listing.statements.iter().map(row).collect()
}

fn cursors(core: &SessionCore) -> Vec<Vec<Datum>> {
    let listing = core.listing.lock();
    let row = |c: &super::super::cursor::Listed| {
        vec![
            Datum::text(c.name.as_str()),
            Datum::text(&*c.statement),
            Datum::Bool(c.hold),
            Datum::Bool(c.binary),
            Datum::Bool(c.scroll),
            Datum::TimestampTz(c.created),
        ]
    };
    listing.cursors.iter().map(row).collect()
}

fn locks(core: &SessionCore) -> Vec<Vec<Datum>> {
    let list = core.server.txns.locks().list();
    list.iter().map(super::super::stats::lock_row).collect()
}

fn keywords() -> Vec<Vec<Datum>> {
    parser::keyword_list()
        .map(|(word, category, bare)| {
            let (letter, description) = match category {
                'C' => ('C', "unreserved (cannot be function or type name)"),
                'T' => ('T', "reserved (can be function or type name)"),
                'R' => ('R', "reserved"),
                _ => ('U', "unreserved"),
            };
            let label = if bare { "can be bare label" } else { "requires AS" };
            vec![Datum::text(word), Datum::Char(letter as u8), Datum::Bool(bare), Datum::text(description), Datum::text(label)]
        })
        .collect()
}

fn array_values(args: &[Datum]) -> Vec<Datum> {
    match args.first() {
        Some(Datum::Array(a)) => a.values.clone(),
        _ => Vec::new(),
    }
}

fn acl_explode(core: &SessionCore, args: &[Datum]) -> Vec<Vec<Datum>> {
    const NAMES: [(char, &str); 12] = [
        ('a', "INSERT"),
        ('r', "SELECT"),
        ('w', "UPDATE"),
        ('d', "DELETE"),
        ('D', "TRUNCATE"),
        ('x', "REFERENCES"),
        ('t', "TRIGGER"),
        ('X', "EXECUTE"),
        ('U', "USAGE"),
        ('C', "CREATE"),
        ('T', "TEMPORARY"),
        ('c', "CONNECT"),
    ];
    let view = core.view();
    let role = |name: &str| view.shared.role_named(name.trim_matches('"')).map_or(Oid::INVALID, |r| r.oid);
    let mut out = Vec::new();
    for item in array_values(args) {
        let Datum::Text(text) = item else { continue };
        let Some((grantee, rest)) = text.split_once('=') else { continue };
        let Some((letters, grantor)) = rest.rsplit_once('/') else { continue };
        let mut chars = letters.chars().peekable();
        while let Some(c) = chars.next() {
            let grantable = chars.next_if_eq(&'*').is_some();
            let Some((_, name)) = NAMES.iter().find(|(l, _)| *l == c) else { continue };
            out.push(vec![Datum::Oid(role(grantor)), Datum::Oid(role(grantee)), Datum::text(*name), Datum::Bool(grantable)]);
        }
    }
    out
}

fn options(args: &[Datum]) -> Vec<Vec<Datum>> {
    let split = |d: Datum| match d {
        Datum::Text(t) => match t.split_once('=') {
            Some((k, v)) => vec![Datum::text(k), Datum::text(v)],
            None => vec![Datum::Text(t), Datum::Null],
        },
        _ => vec![Datum::Null, Datum::Null],
    };
    array_values(args).into_iter().map(split).collect()
}

fn zones(core: &SessionCore) -> Vec<Vec<Datum>> {
    use crate::sql::expr::context::SessionServices;
    let now = core.statement_timestamp() + 946_684_800_000_000;
    let Ok(at) = jiff::Timestamp::from_microsecond(now) else { return Vec::new() };
    jiff::tz::db()
        .available()
        .filter_map(|name| {
            let zone = jiff::tz::TimeZone::get(name.as_str()).ok()?;
            let info = zone.to_offset_info(at);
            let micros = i64::from(info.offset().seconds()) * 1_000_000;
            let offset = crate::sql::types::interval::Interval { micros, days: 0, months: 0 };
            let daylight = info.dst().is_dst();
            Some(vec![Datum::text(name.as_str()), Datum::text(info.abbreviation()), Datum::Interval(offset), Datum::Bool(daylight)])
        })
        .collect()
}
