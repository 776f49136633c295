//! Stored tables: what the executor and DDL call to read and change them.
//!
//! | part | what |
//! |---|---|
//! | `tables` | `Tables` (one per server), `TableCx` (one per statement): layouts, foreign keys, row numbers |
//! | `def` | layouts of tables and indexes, once per version of a relation |
//! | `key`, `range` | keys of rows and index entries; from bounds to key ranges |
//! | `decode`, `scan` | stored bytes to batches; table, index and index-only scans |
//! | `point` | one row by a unique key |
//! | `storage` | the executor's questions: scan, lookup, lock, fetch, split |
//! | `write`, `conflict` | insert, update, delete, ON CONFLICT with index maintenance and constraints |
//! | `fk`, `deferred`, `exclude` | foreign keys, deferrable and exclusion constraints |
//! | `bulk`, `build`, `verify` | loads; index builds, rewrites, drops; checking a table |
//! | `messages` | constraint errors in PostgreSQL's words |
//! | `types` | user-defined types' layouts from the catalog alone |
//!
//! A data-modifying statement:
//!
//! ```text
//! let storage = TableStorage::new(txn, catalog);                          // scan, lookup, lock_row, fetch_latest, split
//! let cx = storage.cx(io);
//! let mut modifier = Modifier::new(cx, &exprs, &mut operator.state);     // ModifyState lives with the operator
//! let target = modifier.target(&relation)?;
//! modifier.insert(&target, &row)?;                                        // one datum per column position, NULL where dropped
//! match modifier.lock(&target, &row_key, &old, Modifier::update_mode(&target, columns), WaitPolicy::Block)? {
//!     Locked::Same => { modifier.update(&target, &row_key, &old, &new)?; }
//!     Locked::Changed(now) => { /* evaluate the WHERE clause and SET over `now`, then update(.., &now, ..) */ }
//!     Locked::Gone | Locked::SelfModified | Locked::NotAvailable => {}
//! }
//! modifier.finish()?;                                                     // once, at the end of the statement
//! modifier.check_deferred(None)?;                                         // the session, before COMMIT
//! ```
//!
//! Dropped columns keep their type in the catalog: old rows still hold their values.

mod analyze;
pub mod build;
pub mod bulk;
mod conflict;
mod decode;
mod def;
mod deferred;
mod exclude;
mod fk;
mod index_scan;
mod key;
mod lookup;
pub mod messages;
mod point;
mod range;
mod scan;
pub mod storage;
mod summary;
mod tables;
mod types;
mod verify;
mod write;

#[cfg(test)]
mod scan_tests;
#[cfg(test)]
mod tests;

pub use analyze::{AnalyzeRequest, analyze};
pub use conflict::Inserted;
pub use decode::whole_row;
pub use def::{IndexDef, TableDef, kind_of};
pub use deferred::Deferred;
pub use fk::Event;
pub use index_scan::fetch;
pub use key::Entry;
pub use lookup::lookup;
pub use point::PointReader;
pub use range::key_range;
pub use storage::{TableStorage, row_prefix};
pub use tables::{Activity, ForeignKeyRef, Rows, TableCx, Tables, outgoing};
pub use types::CatalogTypes;
pub use verify::{NoExprs, Report, verify, verify_table};
pub use write::{Locked, Modifier, ModifyState, TableExprs, Target};
