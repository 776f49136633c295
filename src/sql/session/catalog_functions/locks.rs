//! Advisory locks, transaction ids, other sessions.

use super::Call;
use crate::err;
use crate::error::{Result, Severity, SqlState};
use crate::sql::types::{Datum, Oid};
use crate::txn::{TableMode, Tag, WaitPolicy};

/// Functions of this family; None for others.
pub fn call(c: &Call<'_>) -> Result<Option<Datum>> {
    if c.symbol.contains("advisory") {
        return advisory(c).map(Some);
    }
    let server = &c.core.server;
    Ok(Some(match c.symbol {
        "pg_current_xact_id" => transaction_id(c, c.core.txn()?.txid()),
        "pg_current_xact_id_if_assigned" => c.core.proc.txid().map_or(Datum::Null, |id| transaction_id(c, id)),
        "pg_xact_status" => status(c)?,
        "pg_cancel_backend" => {
            let target = server.sessions.lock().get(&(c.int(0) as i32)).cloned();
            signal(c, target.is_some(), || target.iter().for_each(|t| t.interrupt.cancel()))
        }
        "pg_terminate_backend" => {
            let target = server.sessions.lock().get(&(c.int(0) as i32)).cloned();
            signal(c, target.is_some(), || target.iter().for_each(|t| t.interrupt.terminate()))
        }
        "pg_postmaster_start_time" | "pg_conf_load_time" => Datum::TimestampTz(server.started),
        "pg_is_in_recovery" | "pg_is_wal_replay_paused" | "pg_jit_available" => Datum::Bool(false),
        "pg_reload_conf" | "pg_rotate_logfile" => Datum::Bool(false),
        "pg_blocking_pids" => pids(server.txns.locks().blocking_pids(c.int(0) as i32)),
        "pg_safe_snapshot_blocking_pids" => pids(Vec::new()),
        "inet_client_addr" | "inet_client_port" | "inet_server_addr" | "inet_server_port" => Datum::Null,
        "pg_last_wal_receive_lsn" | "pg_last_wal_replay_lsn" | "pg_last_xact_replay_timestamp" => Datum::Null,
        "pg_trigger_depth" => Datum::Int4(0),
        "pg_notification_queue_usage" => Datum::Float8(0.0),
        "xid_age" => Datum::Int4(server.txns.txids().next().saturating_sub(u64::from(c.oid(0).0)).min(i32::MAX as u64) as i32),
        "mxid_age" => Datum::Int4(0),
        s if s.starts_with("pg_stat_get_") => statistics(s),
        "pg_stat_reset" | "pg_stat_clear_snapshot" => Datum::text(""),
        _ => return Ok(None),
    }))
}

/// Counters nothing is counted for yet are zero, times never were.
fn statistics(symbol: &str) -> Datum {
    if symbol.ends_with("_time") { Datum::Null } else { Datum::Int8(0) }
}

/// The `txid_` functions answer bigint, those that came after them xid8.
fn transaction_id(c: &Call<'_>, id: u64) -> Datum {
    if c.site.returns.is_some_and(|t| t.oid == Oid::INT8) { Datum::Int8(id as i64) } else { Datum::U64(id) }
}

/// Whether a transaction runs; how an earlier one ended is not kept, as PostgreSQL does not keep it for old ones.
fn status(c: &Call<'_>) -> Result<Datum> {
    let id = match c.args.first() {
        Some(Datum::U64(id)) => *id,
        _ => c.int(0) as u64,
    };
    let txns = &c.core.server.txns;
    if id >= txns.txids().next() {
        return Err(err!(SqlState::INVALID_PARAMETER_VALUE, "transaction ID {id} is in the future"));
    }
    let running = txns.procs().list().iter().any(|p| p.txid() == Some(id));
    Ok(if running { Datum::text("in progress") } else { Datum::Null })
}

fn pids(list: Vec<i32>) -> Datum {
    crate::sql::system::array(Oid::INT4, list.into_iter().map(Datum::Int4).collect())
}

fn signal(c: &Call<'_>, found: bool, act: impl FnOnce()) -> Datum {
    if !found {
        let notice = err!(SqlState::WARNING, "PID {} is not a PostgreSQL server process", c.int(0));
        c.core.queue_notice(notice.severity(Severity::Warning));
        return Datum::Bool(false);
    }
    act();
    Datum::Bool(true)
}

fn advisory(c: &Call<'_>) -> Result<Datum> {
    let core = c.core;
    let locks = core.server.txns.locks();
    if c.symbol == "pg_advisory_unlock_all" {
        locks.unlock_session_all(&core.proc);
        return Ok(Datum::text(""));
    }
    let database = core.entry.database.0;
    let tag = if c.symbol.ends_with("int8") {
        Tag::advisory(database, c.int(0))
    } else {
        Tag::advisory_pair(database, c.int(0) as i32, c.int(1) as i32)
    };
    let shared = c.symbol.contains("shared");
    let mode = if shared { TableMode::Share } else { TableMode::Exclusive };
    if c.symbol.starts_with("pg_advisory_unlock") {
        let held = locks.unlock_session(&core.proc, tag, mode);
        if !held {
            let name = if shared { "ShareLock" } else { "ExclusiveLock" };
            let notice = err!(SqlState::WARNING, "you don't own a lock of type {name}");
            core.queue_notice(notice.severity(Severity::Warning));
        }
        return Ok(Datum::Bool(held));
    }
    let policy = if c.symbol.starts_with("pg_try") { WaitPolicy::Try } else { WaitPolicy::Block };
    let outcome = if c.symbol.contains("xact") {
        core.txn()?.lock(tag, mode, policy)?
    } else {
        locks.acquire_session(&core.proc, tag, mode, policy)?
    };
    Ok(if c.symbol.starts_with("pg_try") { Datum::Bool(outcome.granted()) } else { Datum::text("") })
}
