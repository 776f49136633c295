//! Run-time settings (PostgreSQL manual, chapter 20): names, types, bounds and defaults are PostgreSQL 15's own
//! (`catalog/data/settings.tsv`); a session keeps only what differs from the server's defaults.
//!
//! SET LOCAL and the undoing of SET by ROLLBACK work by a journal of old values: each entry notes at which savepoint depth a
//! value was replaced, and whether the replacement ends with the transaction.

use crate::error::{Result, SqlError, SqlState};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

const DATA: &str = include_str!("../catalog/data/settings.tsv");

/// Value types of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// on/off
    Bool,
    /// Integer, perhaps with a unit.
    Integer,
    /// Floating point, perhaps with a unit.
    Real,
    /// Free text.
    String,
    /// One of a list.
    Enum,
}

/// What PostgreSQL knows about a setting.
#[derive(Debug)]
pub struct Definition {
    /// Name as SHOW ALL prints it.
    pub name: &'static str,
    /// Base unit: `kB`, `8kB`, `ms`, `s`, `min`, `B`, `MB` or empty.
    pub unit: &'static str,
    /// Category for pg_settings.
    pub category: &'static str,
    /// Description.
    pub description: &'static str,
    /// Who may change it when.
    pub context: &'static str,
    /// Type.
    pub kind: Kind,
    /// Bounds of numbers.
    pub min: &'static str,
    /// Upper bound.
    pub max: &'static str,
    /// Values of an enum.
    pub values: Vec<&'static str>,
    /// Built-in default in base units.
    pub boot: &'static str,
}

/// Settings whose value here differs from PostgreSQL's built-in default.
const OURS: &[(&str, &str)] = &[
    ("server_version", "15.18"),
    ("server_version_num", "150018"),
    ("TimeZone", "UTC"),
    ("log_timezone", "UTC"),
    ("client_encoding", "UTF8"),
    ("server_encoding", "UTF8"),
    ("lc_collate", "C.UTF-8"),
    ("lc_ctype", "C.UTF-8"),
    ("lc_messages", "C.UTF-8"),
    ("lc_monetary", "C.UTF-8"),
    ("lc_numeric", "C.UTF-8"),
    ("lc_time", "C.UTF-8"),
    ("default_text_search_config", "pg_catalog.english"),
    ("max_stack_depth", "2048"),
    ("max_connections", "100"),
    ("transaction_isolation", "read committed"),
    ("application_name", ""),
    ("search_path", "\"$user\", public"),
    ("session_authorization", ""),
    ("is_superuser", "on"),
    ("in_hot_standby", "off"),
    ("data_checksums", "on"),
    ("wal_buffers", "512"),
    ("listen_addresses", "localhost"),
    ("port", "15432"),
];

/// Parameters whose changes a client is told of (protocol chapter, ParameterStatus).
pub const REPORTED: &[&str] = &[
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

/// Every setting, by lower-case name.
pub fn definitions() -> &'static HashMap<String, Definition> {
    static ALL: OnceLock<HashMap<String, Definition>> = OnceLock::new();
    ALL.get_or_init(|| DATA.lines().map(definition).map(|d| (d.name.to_ascii_lowercase(), d)).collect())
}

fn definition(line: &'static str) -> Definition {
    let f: Vec<&'static str> = line.split('\t').collect();
    let boot = OURS.iter().find(|(n, _)| *n == f[0]).map_or(f[9], |(_, v)| v);
    Definition {
        name: f[0],
        unit: f[1],
        category: f[2],
        description: f[3],
        context: f[4],
        kind: match f[5] {
            "bool" => Kind::Bool,
            "integer" => Kind::Integer,
            "real" => Kind::Real,
            "enum" => Kind::Enum,
            _ => Kind::String,
        },
        min: f[6],
        max: f[7],
        values: if f[8].is_empty() { Vec::new() } else { f[8].split(',').collect() },
        boot,
    }
}

fn find(name: &str) -> Result<&'static Definition> {
    definitions()
        .get(&name.to_ascii_lowercase())
        .ok_or_else(|| SqlError::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\"")))
}

/// Where a value came from, for pg_settings and for what may be overridden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Connection start, ALTER ROLE/DATABASE SET: what RESET goes back to.
    Session,
    /// SET.
    Set,
}

#[derive(Debug)]
struct Undo {
    name: String,
    old: Option<String>,
    /// Savepoint depth at which the value was replaced.
    depth: usize,
    /// SET LOCAL: undone at COMMIT too.
    local: bool,
}

/// One session's settings.
#[derive(Debug, Default)]
pub struct Settings {
    /// Changed values in canonical text form, by lower-case name.
    values: HashMap<String, String>,
    /// What RESET restores, where it differs from the built-in default.
    reset: HashMap<String, String>,
    journal: Vec<Undo>,
    generation: Arc<AtomicU64>,
}

impl Settings {
    /// Grows with every change; caches of derived state compare it.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The counter behind `generation`, to be looked at without the settings' lock.
    pub fn generation_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.generation)
    }

    fn changed(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The canonical value: base units, lower-case booleans.
    pub fn get(&self, name: &str) -> Option<&str> {
        let lower = name.to_ascii_lowercase();
        if let Some(v) = self.values.get(&lower).or_else(|| self.reset.get(&lower)) {
            return Some(v);
        }
        definitions().get(&lower).map(|d| d.boot)
    }

    /// The value as SHOW prints it. Errors: 42704 for an unknown name.
    pub fn show(&self, name: &str) -> Result<String> {
        let lower = name.to_ascii_lowercase();
        match definitions().get(&lower) {
            Some(d) => Ok(display(d, self.get(&lower).unwrap_or(d.boot))),
            None => {
                self.get(&lower).map(str::to_owned).ok_or_else(|| find(name).err().unwrap_or_else(|| SqlError::internal("setting")))
            }
        }
    }

    /// A boolean setting.
    pub fn bool(&self, name: &str) -> bool {
        self.get(name) == Some("on")
    }

    /// An integer setting in base units.
    pub fn int(&self, name: &str) -> i64 {
        self.get(name).and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// The value RESET would restore.
    pub fn reset_value(&self, name: &str) -> Option<&str> {
        let lower = name.to_ascii_lowercase();
        self.reset.get(&lower).map(String::as_str).or_else(|| definitions().get(&lower).map(|d| d.boot))
    }

    /// Sets what RESET restores (start-up packet, ALTER ROLE ... SET).
    pub fn set_initial(&mut self, name: &str, value: &str) -> Result<()> {
        let canonical = validate(name, value, true)?;
        self.reset.insert(name.to_ascii_lowercase(), canonical);
        self.changed();
        Ok(())
    }

    /// Sets what the server's configuration says, whoever else may change it.
    pub fn set_by_server(&mut self, name: &str, value: &str) -> Result<()> {
        let canonical = canonical(find(name)?, value)?;
        self.reset.insert(name.to_ascii_lowercase(), canonical);
        self.changed();
        Ok(())
    }

    /// SET: `depth` is the savepoint depth, 0 outside a transaction block.
    pub fn set(&mut self, name: &str, value: &str, local: bool, depth: usize) -> Result<()> {
        let canonical = validate(name, value, false)?;
        self.replace(name, Some(canonical), local, depth);
        Ok(())
    }

    /// SET of a name that has no definition of its own (`role`): the value is checked by the caller.
    pub fn set_unchecked(&mut self, name: &str, value: &str, local: bool, depth: usize) {
        self.replace(name, Some(value.to_owned()), local, depth);
    }

    /// Sets a value that no user may set (is_superuser, transaction state).
    pub fn force(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_ascii_lowercase(), value.to_owned());
        self.changed();
    }

    /// RESET
    pub fn reset(&mut self, name: &str, depth: usize) -> Result<()> {
        if !name.contains('.') {
            check_context(find(name)?)?;
        }
        self.replace(name, None, false, depth);
        Ok(())
    }

    /// RESET ALL
    pub fn reset_all(&mut self, depth: usize) {
        let keep = [
            "transaction_isolation",
            "transaction_read_only",
            "transaction_deferrable",
            "role",
            "session_authorization",
            "is_superuser",
        ];
        let names: Vec<String> = self.values.keys().filter(|n| !keep.contains(&n.as_str())).cloned().collect();
        for name in names {
            self.replace(&name, None, false, depth);
        }
    }

    fn replace(&mut self, name: &str, value: Option<String>, local: bool, depth: usize) {
        let lower = name.to_ascii_lowercase();
        let old = match value {
            Some(v) => self.values.insert(lower.clone(), v),
            None => self.values.remove(&lower),
        };
        self.journal.push(Undo { name: lower, old, depth, local });
        self.changed();
    }

    /// The transaction committed: plain SETs stay, SET LOCALs end.
    pub fn commit(&mut self) {
        // A later plain SET of the same name makes an earlier SET LOCAL's old value obsolete: walk back, remembering.
        let mut settled: Vec<String> = Vec::new();
        for undo in std::mem::take(&mut self.journal).into_iter().rev() {
            if settled.contains(&undo.name) {
                continue;
            }
            if undo.local {
                self.restore(undo.name, undo.old);
            } else {
                settled.push(undo.name);
            }
        }
    }

    /// The transaction, or its savepoints deeper than or at `depth`, rolled back.
    pub fn rollback(&mut self, depth: usize) {
        while self.journal.last().is_some_and(|u| u.depth >= depth) {
            if let Some(undo) = self.journal.pop() {
                self.restore(undo.name, undo.old);
            }
        }
    }

    /// A savepoint was released: its changes now belong to the level below.
    pub fn release(&mut self, depth: usize) {
        for undo in &mut self.journal {
            undo.depth = undo.depth.min(depth.saturating_sub(1));
        }
    }

    fn restore(&mut self, name: String, old: Option<String>) {
        match old {
            Some(v) => self.values.insert(name, v),
            None => self.values.remove(&name),
        };
        self.changed();
    }

    /// Whether SET changed it in this session.
    pub fn source(&self, name: &str) -> &'static str {
        let lower = name.to_ascii_lowercase();
        if self.values.contains_key(&lower) {
            "session"
        } else if self.reset.contains_key(&lower) {
            "client"
        } else {
            "default"
        }
    }

    /// Names of custom (dotted) settings.
    pub fn custom(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().chain(&self.reset).filter(|(n, _)| n.contains('.')).map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// The display name of a setting (its own capitals), or the name as given.
pub fn display_name(name: &str) -> SmolStr {
    definitions().get(&name.to_ascii_lowercase()).map_or_else(|| name.into(), |d| d.name.into())
}

fn check_context(d: &Definition) -> Result<()> {
    let why = match d.context {
        "internal" => "cannot be changed",
        "postmaster" => "cannot be changed without restarting the server",
        "sighup" => "cannot be changed now",
        "backend" | "superuser-backend" => "cannot be set after connection start",
        _ => return Ok(()),
    };
    Err(SqlError::new(SqlState::CANT_CHANGE_RUNTIME_PARAM, format!("parameter \"{}\" {why}", d.name)))
}

/// Checks a value and gives its canonical form.
fn validate(name: &str, value: &str, starting: bool) -> Result<String> {
    if name.contains('.') {
        return custom(name, value);
    }
    let d = find(name)?;
    if !(starting && d.context.contains("backend")) {
        check_context(d)?;
    }
    let canonical = canonical(d, value)?;
    refuse_unbuilt(d, &canonical)?;
    Ok(canonical)
}

/// A value in base units, lower-case booleans. Errors: 22023.
fn canonical(d: &Definition, value: &str) -> Result<String> {
    Ok(match d.kind {
        Kind::Bool => parse_bool(value).map(|b| if b { "on" } else { "off" }.to_owned()).ok_or_else(|| {
            SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("parameter \"{}\" requires a Boolean value", d.name))
        })?,
        Kind::Integer => integer(d, value)?,
        Kind::Real => real(d, value)?,
        Kind::Enum => enumerated(d, value)?,
        Kind::String => text(d, value)?,
    })
}

/// Values that would change meaning in ways this server does not offer.
fn refuse_unbuilt(d: &Definition, value: &str) -> Result<()> {
    let refused = match d.name {
        "standard_conforming_strings" => value == "off",
        "array_nulls" => value == "off",
        "transform_null_equals" => value == "on",
        "zero_damaged_pages" | "ignore_checksum_failure" => value == "on",
        _ => false,
    };
    if refused { Err(SqlError::unsupported(format!("setting \"{}\" to \"{value}\"", d.name))) } else { Ok(()) }
}

fn custom(name: &str, value: &str) -> Result<String> {
    let valid = name.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '$')
    });
    if valid {
        return Ok(value.to_owned());
    }
    Err(SqlError::new(SqlState::INVALID_NAME, format!("invalid configuration parameter name \"{name}\""))
        .detail("Custom parameter names must be two or more simple identifiers separated by dots."))
}

/// PostgreSQL's booleans: any unambiguous prefix of true, false, yes, no, on, off, and 1, 0.
pub fn parse_bool(value: &str) -> Option<bool> {
    let v = value.trim().to_ascii_lowercase();
    let prefix = |word: &str, least: usize| v.len() >= least && word.starts_with(&v);
    match v.as_str() {
        "1" => Some(true),
        "0" => Some(false),
        _ if prefix("true", 1) || prefix("yes", 1) || prefix("on", 2) => Some(true),
        _ if prefix("false", 1) || prefix("no", 1) || prefix("off", 2) => Some(false),
        _ => None,
    }
}

fn invalid(d: &Definition, value: &str) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for parameter \"{}\": \"{value}\"", d.name))
}

/// Units a base unit can be given in: name and how many base units (as a fraction) it is.
fn units(base: &str) -> &'static [(&'static str, f64)] {
    match base {
        "B" => &[("TB", 1_099_511_627_776.0), ("GB", 1_073_741_824.0), ("MB", 1_048_576.0), ("kB", 1024.0), ("B", 1.0)],
        "kB" => &[("TB", 1_073_741_824.0), ("GB", 1_048_576.0), ("MB", 1024.0), ("kB", 1.0), ("B", 1.0 / 1024.0)],
        "MB" => &[("TB", 1_048_576.0), ("GB", 1024.0), ("MB", 1.0), ("kB", 1.0 / 1024.0), ("B", 1.0 / 1_048_576.0)],
        "8kB" => &[("TB", 134_217_728.0), ("GB", 131_072.0), ("MB", 128.0), ("kB", 0.125), ("B", 1.0 / 8192.0)],
        "ms" => &[("d", 86_400_000.0), ("h", 3_600_000.0), ("min", 60_000.0), ("s", 1000.0), ("ms", 1.0), ("us", 0.001)],
        "s" => &[("d", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 0.001), ("us", 0.000_001)],
        "min" => &[("d", 1440.0), ("h", 60.0), ("min", 1.0), ("s", 1.0 / 60.0), ("ms", 1.0 / 60_000.0), ("us", 1.0 / 60_000_000.0)],
        _ => &[],
    }
}

fn unit_hint(base: &str) -> &'static str {
    match base {
        "ms" | "s" | "min" => "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".",
        _ => "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".",
    }
}

/// A number with an optional unit, in base units.
fn scaled(d: &Definition, value: &str) -> Result<f64> {
    let trimmed = value.trim();
    let digits = trimmed
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E' | 'x' | 'X')))
        .unwrap_or(trimmed.len());
    let (number, unit) = (&trimmed[..digits], trimmed[digits..].trim());
    let parsed = match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).map(|n| n as f64).ok(),
        None => number.parse::<f64>().ok(),
    };
    let parsed = parsed.ok_or_else(|| invalid(d, value))?;
    if unit.is_empty() {
        return Ok(parsed);
    }
    match units(d.unit).iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => Ok(parsed * factor),
        None if d.unit.is_empty() => Err(invalid(d, value)),
        None => Err(invalid(d, value).hint(unit_hint(d.unit))),
    }
}

fn integer(d: &Definition, value: &str) -> Result<String> {
    let n = scaled(d, value)?.round_ties_even();
    let (min, max): (f64, f64) = (d.min.parse().unwrap_or(f64::MIN), d.max.parse().unwrap_or(f64::MAX));
    if n.abs() > 9.0e15 {
        return Err(invalid(d, value).hint("Value exceeds integer range."));
    }
    if n < min || n > max {
        return Err(out_of_range(d, &format!("{}", n as i64)));
    }
    Ok(format!("{}", n as i64))
}

fn real(d: &Definition, value: &str) -> Result<String> {
    let n = scaled(d, value)?;
    let (min, max): (f64, f64) = (d.min.parse().unwrap_or(f64::MIN), d.max.parse().unwrap_or(f64::MAX));
    if n < min || n > max {
        return Err(out_of_range(d, &format!("{n}")));
    }
    Ok(format!("{n}"))
}

fn out_of_range(d: &Definition, shown: &str) -> SqlError {
    let space = if d.unit.is_empty() { "" } else { " " };
    SqlError::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("{shown}{space}{} is outside the valid range for parameter \"{}\" ({} .. {})", d.unit, d.name, d.min, d.max),
    )
}

fn enumerated(d: &Definition, value: &str) -> Result<String> {
    if let Some(found) = d.values.iter().find(|v| v.eq_ignore_ascii_case(value)) {
        return Ok((*found).to_owned());
    }
    // Hidden spellings of on and off that several enums take.
    let spelled = match parse_bool(value) {
        Some(b) if value.len() > 1 || value == "1" || value == "0" => Some(if b { "on" } else { "off" }),
        _ => None,
    };
    match spelled.filter(|s| d.values.contains(s)) {
        Some(s) => Ok(s.to_owned()),
        None => Err(invalid(d, value).hint(format!("Available values: {}.", d.values.join(", ")))),
    }
}

fn text(d: &Definition, value: &str) -> Result<String> {
    match d.name {
        "client_encoding" => encoding(d, value),
        "DateStyle" => date_style(d, value),
        "TimeZone" | "log_timezone" => time_zone(d, value),
        "application_name" => Ok(value.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(63).collect()),
        _ => Ok(value.to_owned()),
    }
}

fn encoding(d: &Definition, value: &str) -> Result<String> {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "utf8" | "unicode" => Ok("UTF8".into()),
        "sqlascii" | "latin1" | "iso88591" | "latin9" | "win1252" | "eucjp" | "sjis" | "big5" | "gbk" | "koi8r" | "win1251" => {
            Err(SqlError::unsupported(format!("client encoding \"{value}\"")))
        }
        _ => Err(invalid(d, value)),
    }
}

/// DateStyle is two settings in one: output style and field order; parts not named keep their defaults.
fn date_style(d: &Definition, value: &str) -> Result<String> {
    let (mut style, mut order) = ("ISO", "MDY");
    for word in value.split(',').map(str::trim) {
        match word.to_ascii_lowercase().as_str() {
            "iso" => style = "ISO",
            "sql" => style = "SQL",
            "german" => {
                style = "German";
                order = "DMY";
            }
            w if w.starts_with("postgres") => style = "Postgres",
            "ymd" => order = "YMD",
            "mdy" | "us" | "noneuro" | "noneuropean" => order = "MDY",
            "dmy" | "european" | "euro" => order = "DMY",
            "default" => (style, order) = ("ISO", "MDY"),
            w => {
                return Err(invalid(d, value).detail(format!("Unrecognized key word: \"{w}\".")));
            }
        }
    }
    Ok(format!("{style}, {order}"))
}

/// A zone's name in its own spelling; numbers are hours east, printed as PostgreSQL prints them (`<+02>-02`).
fn time_zone(d: &Definition, value: &str) -> Result<String> {
    let v = value.trim().trim_matches('\'');
    if let Ok(hours) = v.parse::<f64>() {
        return Ok(fixed_zone((hours * 3600.0) as i32));
    }
    match v.to_ascii_lowercase().as_str() {
        "utc" => return Ok("UTC".into()),
        "gmt" => return Ok("GMT".into()),
        "default" | "local" => return Ok("UTC".into()),
        _ => {}
    }
    if let Ok(zone) = jiff::tz::TimeZone::get(v) {
        return Ok(zone.iana_name().unwrap_or(v).to_owned());
    }
    if jiff::tz::TimeZone::posix(v).is_ok() {
        return Ok(v.to_owned());
    }
    Err(invalid(d, value))
}

/// The name of a fixed offset (seconds east of UTC): `<+02>-02`.
fn fixed_zone(east: i32) -> String {
    let part = |seconds: i32| {
        let (sign, s) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
        let mut out = format!("{sign}{:02}", s / 3600);
        if s % 3600 != 0 {
            out.push_str(&format!(":{:02}", s % 3600 / 60));
        }
        out
    };
    let west = part(-east);
    format!("<{}>{}", part(east), if east == 0 { "+00" } else { west.as_str() })
}

/// SHOW's form: numbers in the largest unit that divides them.
fn display(d: &Definition, value: &str) -> String {
    if d.kind != Kind::Integer || d.unit.is_empty() {
        return if d.kind == Kind::Real && !d.unit.is_empty() && value != "0" { real_display(d, value) } else { value.to_owned() };
    }
    let Ok(n) = value.parse::<i64>() else { return value.to_owned() };
    if n <= 0 {
        return value.to_owned();
    }
    for (unit, factor) in units(d.unit) {
        if *factor >= 1.0 && n % (*factor as i64) == 0 {
            return format!("{}{unit}", n / (*factor as i64));
        }
        if *factor < 1.0 {
            // 8kB pages print in kB.
            return format!("{}{unit}", (n as f64 / factor).round() as i64);
        }
    }
    value.to_owned()
}

fn real_display(d: &Definition, value: &str) -> String {
    let n: f64 = value.parse().unwrap_or(0.0);
    for (unit, factor) in units(d.unit) {
        let scaled = n / factor;
        if scaled.fract() == 0.0 {
            return format!("{scaled}{unit}");
        }
    }
    format!("{value}{}", d.unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_and_shown_as_postgresql_does() {
        let mut s = Settings::default();
        s.set("work_mem", "64MB", false, 0).unwrap();
        assert_eq!((s.get("work_mem"), s.show("work_mem").unwrap().as_str()), (Some("65536"), "64MB"));
        s.set("statement_timeout", "1500", false, 0).unwrap();
        assert_eq!(s.show("statement_timeout").unwrap(), "1500ms");
        s.set("datestyle", "german", false, 0).unwrap();
        assert_eq!(s.show("DateStyle").unwrap(), "German, DMY");
        assert_eq!(
            s.set("work_mem", "1", false, 0).unwrap_err().message(),
            "1 kB is outside the valid range for parameter \"work_mem\" (64 .. 2147483647)"
        );
        assert_eq!(s.set("nothing", "1", false, 0).unwrap_err().code(), SqlState::UNDEFINED_OBJECT);
        assert_eq!(
            s.set("enable_seqscan", "maybe", false, 0).unwrap_err().message(),
            "parameter \"enable_seqscan\" requires a Boolean value"
        );
        s.set("my.own", "x", false, 0).unwrap();
        assert_eq!(s.show("my.own").unwrap(), "x");
    }

    #[test]
    fn rollback_and_set_local_restore() {
        let mut s = Settings::default();
        s.set("work_mem", "1MB", false, 1).unwrap();
        s.set("work_mem", "2MB", true, 1).unwrap();
        s.commit();
        assert_eq!(s.show("work_mem").unwrap(), "1MB");
        s.set("work_mem", "8MB", false, 1).unwrap();
        s.set("work_mem", "9MB", false, 2).unwrap();
        s.rollback(2);
        assert_eq!(s.show("work_mem").unwrap(), "8MB");
        s.rollback(0);
        assert_eq!(s.show("work_mem").unwrap(), "1MB");
    }
}
