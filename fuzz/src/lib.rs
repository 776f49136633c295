//! The wire room on its own: what is fuzzed needs neither SQL nor RocksDB, and builds in a minute without them.

#[path = "../../src/error.rs"]
pub mod error;
#[path = "../../src/wire/mod.rs"]
pub mod wire;
