//! CREATE and ALTER SEQUENCE, and the sequences behind serial and identity columns.

use super::naming::{claim_name, target_schema};
use super::notice;
use crate::err;
use crate::error::{Result, SqlError, SqlState};
use crate::sql::catalog::Change;
use crate::sql::catalog::objects::{Column, Persistence, RelKind, Relation, SequenceDef, StorageId};
use crate::sql::parser::ast::{self, CreateSeqStmt, DefElem, DefValue};
use crate::sql::session::SessionCore;
use crate::sql::session::server::TEMPORARY_STORAGE;
use crate::sql::types::{Oid, Type};
use crate::txn::{TableMode, Tag, WaitPolicy};
use smol_str::SmolStr;
use std::sync::Arc;

/// Bounds of a sequence's type.
fn limits(ty: Oid) -> (i64, i64) {
    match ty {
        Oid::INT2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        Oid::INT4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

fn number(option: &DefElem) -> Result<i64> {
    let text = match &option.value {
        Some(DefValue::Integer(i)) => return Ok(i64::from(*i)),
        Some(DefValue::Float(s) | DefValue::String(s)) => s.as_str(),
        _ => return Err(err!(SqlState::SYNTAX_ERROR, "{} requires an integer value", option.name)),
    };
    text.parse().map_err(|_| err!(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bigint: \"{text}\""))
}

fn invalid(message: String) -> SqlError {
    SqlError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// What a list of options asks of a sequence, beyond its definition.
#[derive(Debug, Default)]
pub struct SequenceRequest {
    /// RESTART [WITH n]
    pub restart: Option<Option<i64>>,
    /// OWNED BY, `Some(None)` for NONE.
    pub owned_by: Option<Option<ast::QualName>>,
    /// SEQUENCE NAME of an identity column.
    pub name: Option<ast::QualName>,
}

/// The options as written; what was not given is `None`.
#[derive(Default)]
struct Given {
    ty: Option<Oid>,
    increment: Option<i64>,
    /// `Some(None)`: NO MAXVALUE.
    max: Option<Option<i64>>,
    min: Option<Option<i64>>,
    start: Option<i64>,
    cache: Option<i64>,
    cycle: Option<bool>,
}

/// Reads options. Errors: 42601 for one given twice.
fn read_options(core: &SessionCore, options: &[DefElem]) -> Result<(Given, SequenceRequest)> {
    let (mut given, mut request) = (Given::default(), SequenceRequest::default());
    for o in options {
        let optional = || o.value.as_ref().map(|_| number(o)).transpose();
        let twice = match o.name.as_str() {
            "as" => {
                let Some(DefValue::TypeName(name)) = &o.value else { return Err(SqlError::internal("sequence type")) };
                given.ty.replace(core.resolve_type(name)?.oid).is_some()
            }
            "increment" => given.increment.replace(number(o)?).is_some(),
            "start" => given.start.replace(number(o)?).is_some(),
            "restart" => request.restart.replace(optional()?).is_some(),
            "maxvalue" => given.max.replace(optional()?).is_some(),
            "minvalue" => given.min.replace(optional()?).is_some(),
            "cache" => given.cache.replace(number(o)?).is_some(),
            "cycle" => given.cycle.replace(!matches!(o.value, Some(DefValue::Boolean(false)))).is_some(),
            "owned_by" => {
                let Some(DefValue::Name(name)) = &o.value else { return Err(SqlError::internal("OWNED BY")) };
                let none = name.parts.len() == 1 && name.parts[0] == "none";
                request.owned_by.replace((!none).then(|| name.clone())).is_some()
            }
            "sequence_name" => {
                if let Some(DefValue::Name(name)) = &o.value {
                    request.name = Some(name.clone());
                }
                false
            }
            "generated" => false,
            other => return Err(SqlError::unsupported(format!("sequence option \"{other}\""))),
        };
        if twice {
            return Err(err!(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(o.pos));
        }
    }
    Ok((given, request))
}

/// Applies options to a definition (None: a new one) and checks it as PostgreSQL's init_params does.
pub fn apply_options(
    core: &SessionCore,
    old: Option<&SequenceDef>,
    options: &[DefElem],
    default_type: Oid,
) -> Result<(SequenceDef, SequenceRequest)> {
    let (given, request) = read_options(core, options)?;
    let before = old.map_or(default_type, |o| o.ty);
    let ty = given.ty.unwrap_or(before);
    if !matches!(ty, Oid::INT2 | Oid::INT4 | Oid::INT8) {
        let identity = default_type != Oid::INT8 && old.is_none();
        let what = if identity { "identity column type" } else { "sequence type" };
        return Err(invalid(format!("{what} must be smallint, integer, or bigint")));
    }
    let increment = given.increment.or(old.map(|o| o.increment)).unwrap_or(1);
    if increment == 0 {
        return Err(invalid("INCREMENT must not be zero".into()));
    }
    let (low, high) = limits(ty);
    // A bound that was the old type's own limit follows the type.
    let kept = |value: Option<i64>, limit: Option<i64>| value.filter(|_| !(ty != before && value == limit));
    let old_limits = old.map(|o| limits(o.ty));
    let (default_min, default_max) = if increment > 0 { (1, high) } else { (low, -1) };
    let max = given.max.flatten().or_else(|| kept(old.map(|o| o.max), old_limits.map(|l| l.1))).unwrap_or(default_max);
    let min = given.min.flatten().or_else(|| kept(old.map(|o| o.min), old_limits.map(|l| l.0))).unwrap_or(default_min);
    check_bounds(core, ty, min, max)?;
    let start = given.start.or(old.map(|o| o.start)).unwrap_or(if increment > 0 { min } else { max });
    check_within("START", start, min, max)?;
    if let Some(Some(restart)) = request.restart {
        check_within("RESTART", restart, min, max)?;
    }
    let cache = given.cache.or(old.map(|o| o.cache)).unwrap_or(1);
    if cache <= 0 {
        return Err(invalid(format!("CACHE ({cache}) must be greater than zero")));
    }
    let cycle = given.cycle.or(old.map(|o| o.cycle)).unwrap_or(false);
    let (owned_by, identity) = old.map_or((None, false), |o| (o.owned_by, o.identity));
    Ok((SequenceDef { ty, start, increment, min, max, cache, cycle, owned_by, identity }, request))
}

fn check_bounds(core: &SessionCore, ty: Oid, min: i64, max: i64) -> Result<()> {
    let (low, high) = limits(ty);
    let type_name = crate::sql::types::typename::format_type_be(&*core.view(), ty);
    if max < low || max > high {
        return Err(invalid(format!("MAXVALUE ({max}) is out of range for sequence data type {type_name}")));
    }
    if min < low || min > high {
        return Err(invalid(format!("MINVALUE ({min}) is out of range for sequence data type {type_name}")));
    }
    if min >= max {
        return Err(invalid(format!("MINVALUE ({min}) must be less than MAXVALUE ({max})")));
    }
    Ok(())
}

fn check_within(what: &str, value: i64, min: i64, max: i64) -> Result<()> {
    if value < min {
        return Err(invalid(format!("{what} value ({value}) cannot be less than MINVALUE ({min})")));
    }
    if value > max {
        return Err(invalid(format!("{what} value ({value}) cannot be greater than MAXVALUE ({max})")));
    }
    Ok(())
}

/// The columns every sequence has.
fn columns() -> Vec<Column> {
    let column = |name: &str, ty: Oid| Column { not_null: true, ..Column::new(name, Type::new(ty), Oid::INVALID) };
    vec![column("last_value", Oid::INT8), column("log_cnt", Oid::INT8), column("is_called", Oid::BOOL)]
}

/// Makes a sequence; answers its OID.
pub fn make(core: &SessionCore, schema: Oid, name: SmolStr, def: SequenceDef, owner: Oid, persistence: Persistence) -> Result<Oid> {
    let oids = &core.server.catalogs.oids;
    let temporary = persistence == Persistence::Temporary;
    let storage = oids.allocate()?.0 | if temporary { TEMPORARY_STORAGE } else { 0 };
    let relation = Relation {
        persistence,
        columns: columns(),
        storage: StorageId(storage),
        sequence: Some(def),
        acl: super::grant::initial_acl(core, 'S', schema),
        ..Relation::new(oids.allocate()?, schema, name, owner, RelKind::Sequence)
    };
    let oid = relation.oid;
    core.change(Change::Relation(Arc::new(relation)), temporary)?;
    Ok(oid)
}

/// CREATE SEQUENCE
pub fn create(core: &SessionCore, stmt: &CreateSeqStmt) -> Result<()> {
    let schema = target_schema(core, stmt.relation.schema.as_ref(), stmt.relation.persistence)?;
    if let Err(e) = claim_name(core, schema, &stmt.relation.name) {
        if stmt.if_not_exists && e.code() == SqlState::DUPLICATE_TABLE {
            notice(core, SqlState::DUPLICATE_TABLE, format!("relation \"{}\" already exists, skipping", stmt.relation.name));
            return Ok(());
        }
        return Err(e);
    }
    let (mut def, request) = apply_options(core, None, &stmt.options, Oid::INT8)?;
    if let Some(Some(owner)) = &request.owned_by {
        def.owned_by = Some(owner_column(core, owner, schema)?);
    }
    let persistence = match stmt.relation.persistence {
        ast::Persistence::Temporary => Persistence::Temporary,
        ast::Persistence::Unlogged => Persistence::Unlogged,
        ast::Persistence::Permanent => Persistence::Permanent,
    };
    make(core, schema, stmt.relation.name.clone(), def, core.view().user, persistence)?;
    Ok(())
}

/// The column OWNED BY names. Errors as process_owned_by gives them.
pub fn owner_column(core: &SessionCore, name: &ast::QualName, schema: Oid) -> Result<(Oid, u16)> {
    if name.parts.len() < 2 {
        return Err(err!(SqlState::SYNTAX_ERROR, "invalid OWNED BY option").hint("Specify OWNED BY table.column or OWNED BY NONE."));
    }
    let (column, table) = (name.last(), &name.parts[..name.parts.len() - 1]);
    let range = ast::RangeVar {
        catalog: None,
        schema: table.len().checked_sub(2).map(|i| table[i].clone()),
        name: table[table.len() - 1].clone(),
        inherit: true,
        persistence: ast::Persistence::Permanent,
        alias: None,
        pos: name.pos,
    };
    let relation = super::naming::find_relation(core, &range)?;
    if relation.kind != RelKind::Table {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "sequence cannot be owned by relation \"{}\"", relation.name));
    }
    if relation.schema != schema {
        return Err(err!(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "sequence must be in same schema as table it is linked to"));
    }
    let position = relation
        .column(column)
        .ok_or_else(|| err!(SqlState::UNDEFINED_COLUMN, "column \"{column}\" of relation \"{}\" does not exist", relation.name))?;
    Ok((relation.oid, position as u16))
}

/// RESTART: the sequence begins again at a value. It gets new storage, so that a rollback brings the old state back.
pub fn restart(core: &SessionCore, sequence: &Arc<Relation>, value: Option<i64>) -> Result<()> {
    let mut changed = Relation::clone(sequence);
    let temporary = sequence.persistence == Persistence::Temporary;
    changed.storage = StorageId(core.server.catalogs.oids.allocate()?.0 | if temporary { TEMPORARY_STORAGE } else { 0 });
    let changed = Arc::new(changed);
    core.change(Change::Relation(Arc::clone(&changed)), temporary)?;
    let start = changed.sequence.as_ref().map(|s| s.start);
    if let Some(value) = value
        && Some(value) != start
    {
        let params = crate::sql::session::sequence_params(&changed)?;
        core.server.txns.sequences().set(changed.storage.0, &params, &changed.name, value, false)?;
        core.txn()?.require_sync();
    }
    Ok(())
}

/// Applies options to an existing sequence: new parameters, RESTART, OWNED BY.
pub fn alter(core: &SessionCore, sequence: &Arc<Relation>, options: &[DefElem]) -> Result<()> {
    let old = sequence.sequence.as_ref().ok_or_else(|| SqlError::internal("not a sequence"))?;
    let (mut def, request) = apply_options(core, Some(old), options, old.ty)?;
    if let Some(owner) = &request.owned_by {
        if old.identity {
            let e = err!(SqlState::FEATURE_NOT_SUPPORTED, "cannot change ownership of identity sequence");
            let view = core.view();
            let table = old.owned_by.and_then(|(t, _)| view.catalog.relation(t)).map(|t| t.name.clone()).unwrap_or_default();
            return Err(e.detail(format!("Sequence \"{}\" is linked to table \"{table}\".", sequence.name)));
        }
        def.owned_by = match owner {
            Some(name) => Some(owner_column(core, name, sequence.schema)?),
            None => None,
        };
    }
    let params = crate::sql::session::sequence_params(sequence)?;
    let state = core.server.txns.sequences().state(sequence.storage.0, &params)?;
    let restart = request.restart.map(|value| value.unwrap_or(def.start));
    let value = restart.unwrap_or(state.last_value);
    if value < def.min {
        return Err(invalid(format!("RESTART value ({value}) cannot be less than MINVALUE ({})", def.min)));
    }
    if value > def.max {
        return Err(invalid(format!("RESTART value ({value}) cannot be greater than MAXVALUE ({})", def.max)));
    }
    let mut changed = Relation::clone(sequence);
    changed.sequence = Some(def);
    let temporary = sequence.persistence == Persistence::Temporary;
    changed.storage = StorageId(core.server.catalogs.oids.allocate()?.0 | if temporary { TEMPORARY_STORAGE } else { 0 });
    let changed = Arc::new(changed);
    core.change(Change::Relation(Arc::clone(&changed)), temporary)?;
    let params = crate::sql::session::sequence_params(&changed)?;
    let called = restart.is_none() && state.is_called;
    core.server.txns.sequences().set(changed.storage.0, &params, &changed.name, value, called)?;
    core.txn()?.require_sync();
    Ok(())
}

/// ALTER SEQUENCE.
pub fn alter_statement(core: &SessionCore, stmt: &ast::AlterSeqStmt) -> Result<()> {
    let Some(relation) = super::alter::find(core, &stmt.relation, stmt.if_exists)? else { return Ok(()) };
    if relation.kind != RelKind::Sequence {
        return Err(err!(SqlState::WRONG_OBJECT_TYPE, "\"{}\" is not a sequence", relation.name));
    }
    super::naming::check_owner(core, &relation)?;
    core.txn()?.lock(Tag::relation(relation.oid.0), TableMode::ShareRowExclusive, WaitPolicy::Block)?;
    core.refresh_view()?;
    let relation = super::alter::current(core, relation.oid)?;
    alter(core, &relation, &stmt.options)
}
