//! Every section and key of the configuration: type, default, and the line that explains it.
//!
//! One table makes the structs, the defaults, reading by name, and the commented file in `config/orbit-server.toml`.

use super::value::{Bytes, Compression, LogFormat, Provider, Setting, Time};
use std::path::PathBuf;
use std::time::Duration;
use toml_edit::Value;

/// A section as the reader and the writer see it.
pub trait Section {
    /// The keys, in the order of the file.
    fn keys(&self) -> &'static [&'static str];
    /// Sets a key from TOML; the error says what was expected.
    fn set(&mut self, key: &str, value: &Value) -> Result<(), String>;
    /// Sets a key from the text of an environment variable.
    fn set_text(&mut self, key: &str, text: &str) -> Result<(), String>;
    /// Key, value as TOML, explanation.
    fn lines(&self) -> Vec<(&'static str, String, &'static str)>;
}

macro_rules! sections {
    ($($(#[doc = $about:literal])* $name:ident {
        $($(#[doc = $doc:literal])* $key:ident: $ty:ty = $default:expr;)*
    })*) => {$(
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[doc = $doc])* pub $key: $ty,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl Section for $name {
            fn keys(&self) -> &'static [&'static str] {
                &[$(stringify!($key)),*]
            }
            fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
                match key {
                    $(stringify!($key) => self.$key = Setting::from_toml(value)?,)*
                    _ => return Err("unknown key".to_owned()),
                }
                Ok(())
            }
            fn set_text(&mut self, key: &str, text: &str) -> Result<(), String> {
                match key {
                    $(stringify!($key) => self.$key = Setting::from_text(text)?,)*
                    _ => return Err("unknown key".to_owned()),
                }
                Ok(())
            }
            fn lines(&self) -> Vec<(&'static str, String, &'static str)> {
                vec![$((stringify!($key), self.$key.to_toml(), concat!($($doc),*))),*]
            }
        }
    )*};
}

sections! {
    /// Where data lives.
    Persistence {
        /// The store: "rocksdb" (on disk) or "memory" (gone when the server stops)
        provider: Provider = Provider::RocksDb;
        /// The data folder; the store is in its postgresql/, the cluster's identity in its cluster/
        data_dir: PathBuf = PathBuf::from("./orbit_integrated_data");
    }

    /// RocksDB's options.
    Rocks {
        /// Write-ahead log; without it a crash loses what was not yet flushed, acknowledged or not
        enable_wal: bool = true;
        /// Size of a memtable, bytes
        write_buffer_size: Bytes = Bytes(128 << 20);
        /// Memtables kept before writes wait for a flush
        max_write_buffer_number: i32 = 4;
        /// Memtables merged into one flush
        min_write_buffer_number_to_merge: i32 = 1;
        /// Files in level 0 that start a compaction
        level0_file_num_compaction_trigger: i32 = 4;
        /// Size of a table file in level 1, bytes
        target_file_size_base: Bytes = Bytes(64 << 20);
        /// Flushes and compactions at a time
        max_background_jobs: i32 = 4;
        /// Cache of uncompressed blocks, bytes
        block_cache_size: Bytes = Bytes(256 << 20);
        /// Keep RocksDB's own counters
        enable_statistics: bool = false;
        /// Block compression below the top levels: "lz4" or "none"
        compression_type: Compression = Compression::Lz4;
        /// Keep index and filter blocks in the block cache, so that its size bounds them too
        cache_index_and_filter_blocks: bool = true;
        /// Never evict level 0's index and filter blocks
        pin_l0_filter_and_index_blocks: bool = true;
        /// Bits of bloom filter a key; 0 for none
        bloom_filter_bits_per_key: u32 = 10;
        /// Write the log and the memtable of different groups at the same time
        enable_pipelined_write: bool = true;
        /// Several writers fill one memtable at the same time
        allow_concurrent_memtable_write: bool = true;
        /// Size of a data block before compression, bytes
        block_size: Bytes = Bytes(16 << 10);
    }

    /// Encryption of connections.
    Security {
        /// Encrypt connections; this build has no TLS and refuses to start with true
        enable_tls: bool = false;
        /// The server's certificate chain, PEM
        cert_path: PathBuf = PathBuf::new();
        /// The certificate's private key, PEM
        key_path: PathBuf = PathBuf::new();
    }

    /// What listens where.
    Protocols {
        /// Serve PostgreSQL's protocol
        postgres_enabled: bool = true;
        /// Addresses to listen on, comma-separated; "*" or "0.0.0.0" for all; clients from elsewhere than this machine need a password
        postgres_bind_address: String = "127.0.0.1".to_owned();
        /// TCP port, and the number in the Unix socket's name
        postgres_port: u16 = 15432;
        /// Folder of the Unix socket `.s.PGSQL.<port>`; "" for none
        unix_socket_directory: PathBuf = PathBuf::from("/tmp");
    }

    /// Bounds on clients and statements.
    Server {
        /// Sessions at a time
        max_connections: u32 = 2000;
        /// Time a client has to log in
        authentication_timeout: Time = Time(Duration::from_secs(60));
        /// Longest message a client may send, bytes (at most 1GB)
        max_message_size: Bytes = Bytes(1 << 30);
        /// Time a statement may run; 0 for no limit
        statement_timeout: Time = Time(Duration::ZERO);
        /// Time a statement waits for a lock; 0 for no limit
        lock_timeout: Time = Time(Duration::ZERO);
        /// Time to wait for a lock before looking for a deadlock
        deadlock_timeout: Time = Time(Duration::from_secs(1));
        /// Time a session may idle inside a transaction; 0 for no limit
        idle_in_transaction_session_timeout: Time = Time(Duration::ZERO);
        /// Time a session may idle; 0 for no limit
        idle_session_timeout: Time = Time(Duration::ZERO);
        /// Memory a sort or hash may use before it spills to disk, bytes
        work_mem: Bytes = Bytes(16 << 20);
        /// Threads that serve clients; 0 for one per core
        worker_threads: u32 = 0;
    }

    /// The server's log, on standard error.
    Logging {
        /// What is logged: a level, or RUST_LOG's syntax; RUST_LOG overrides it
        filter: String = "info,orbit_protocols::postgres_wire::persistent_storage::rows=warn".to_owned();
        /// How lines look: "text" or "json"
        format: LogFormat = LogFormat::Text;
    }
}

/// A section of the guide that has comments only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Firewall;

impl Section for Firewall {
    fn keys(&self) -> &'static [&'static str] {
        &[]
    }
    fn set(&mut self, _key: &str, _value: &Value) -> Result<(), String> {
        Err("unknown key".to_owned())
    }
    fn set_text(&mut self, _key: &str, _text: &str) -> Result<(), String> {
        Err("unknown key".to_owned())
    }
    fn lines(&self) -> Vec<(&'static str, String, &'static str)> {
        Vec::new()
    }
}
