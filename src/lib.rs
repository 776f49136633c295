//! Orbit: a PostgreSQL-compatible server whose storage is a log-structured merge tree.
//!
//! The rooms, top to bottom; a lower one never imports a higher one:
//! `server` (listener, sessions' protocol state machine) -> `sql` (parser, binder, planner, executor, catalog) ->
//! `txn` (snapshots, locks, commit pipeline) -> `kv` (the store seam and its engines), with `wire` (codec), `encoding` (keys
//! and rows) and `sql::types` as ground floor.

pub mod cli;
pub mod config;
pub mod database;
pub mod encoding;
pub mod error;
pub mod kv;
pub mod server;
pub mod sql;
pub mod txn;
pub mod wire;
