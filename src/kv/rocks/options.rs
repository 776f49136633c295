//! What the configuration's `[persistence.rocksdb]` section may say, and how it becomes RocksDB's options.
//!
//! Every key takes effect and shows in the OPTIONS file RocksDB keeps in its folder. Beyond the keys, all keyspaces get: full
//! bloom filters on whole keys and a small one on the memtable, a hash index inside data blocks, a HyperClock block cache,
//! and a log recovery that opens after a torn tail but refuses a damaged middle.

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, DataBlockIndexType, Options,
    statistics::StatsLevel,
};
use serde::{Deserialize, Serialize};

/// The `[persistence.rocksdb]` section. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RocksOptions {
    /// Keep a write-ahead log. Without it a crash loses what was not yet flushed, whatever `synchronous_commit` says.
    pub enable_wal: bool,
    /// Size at which a memtable is flushed.
    pub write_buffer_size: usize,
    /// Memtables of a keyspace in memory before writers wait.
    pub max_write_buffer_number: i32,
    /// Memtables merged into one flush.
    pub min_write_buffer_number_to_merge: i32,
    /// Level-0 files that start a compaction.
    pub level0_file_num_compaction_trigger: i32,
    /// Size of table files.
    pub target_file_size_base: u64,
    /// Flush and compaction threads.
    pub max_background_jobs: i32,
    /// Cache of uncompressed blocks, shared by all keyspaces.
    pub block_cache_size: usize,
    /// Collect counters for the metrics endpoint.
    pub enable_statistics: bool,
    /// Block compression.
    pub compression_type: Compression,
    /// Keep index and filter blocks in the block cache (bounded memory) rather than beside it.
    pub cache_index_and_filter_blocks: bool,
    /// Never evict index and filter blocks of level 0 from the cache.
    pub pin_l0_filter_and_index_blocks: bool,
    /// Bloom filter bits a key; 0 for no filters.
    pub bloom_filter_bits_per_key: u32,
    /// Overlap log and memtable writes of different batches. Commits are grouped into one batch already, so it gains nothing.
    pub enable_pipelined_write: bool,
    /// Several writers may fill a memtable at once.
    pub allow_concurrent_memtable_write: bool,
    /// Size of uncompressed data blocks.
    pub block_size: usize,
}

impl Default for RocksOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            enable_wal: true,
            write_buffer_size: 128 << 20,
            max_write_buffer_number: 4,
            min_write_buffer_number_to_merge: 1,
            level0_file_num_compaction_trigger: 4,
            target_file_size_base: 64 << 20,
            max_background_jobs: cores.clamp(2, 16) as i32,
            block_cache_size: 256 << 20,
            enable_statistics: true,
            compression_type: Compression::Lz4,
            cache_index_and_filter_blocks: true,
            pin_l0_filter_and_index_blocks: true,
            bloom_filter_bits_per_key: 10,
            enable_pipelined_write: false,
            allow_concurrent_memtable_write: true,
            block_size: 16 << 10,
        }
    }
}

/// Block compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Compression {
    /// Blocks as they are.
    None,
    /// LZ4.
    Lz4,
}

impl TryFrom<String> for Compression {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "none" => Ok(Self::None),
            "lz4" => Ok(Self::Lz4),
            _ => Err(format!("compression_type \"{name}\" is not available: use \"lz4\" or \"none\"")),
        }
    }
}

impl From<Compression> for &'static str {
    fn from(value: Compression) -> Self {
        match value {
            Compression::None => "none",
            Compression::Lz4 => "lz4",
        }
    }
}

/// Keys between two that a data block holds whole. A point read walks half of them; 16, RocksDB's own, make it a fifth slower.
const RESTART_INTERVAL: i32 = 4;

impl RocksOptions {
    /// Checks values against each other; the text names the key.
    pub fn validate(&self) -> Result<(), String> {
        let least = |key: &str, value: u64, least: u64| {
            if value < least { Err(format!("{key} must be at least {least}, not {value}")) } else { Ok(()) }
        };
        least("write_buffer_size", self.write_buffer_size as u64, 64 << 10)?;
        least("max_write_buffer_number", self.max_write_buffer_number.max(0) as u64, 2)?;
        least("min_write_buffer_number_to_merge", self.min_write_buffer_number_to_merge.max(0) as u64, 1)?;
        least("level0_file_num_compaction_trigger", self.level0_file_num_compaction_trigger.max(0) as u64, 1)?;
        least("target_file_size_base", self.target_file_size_base, 64 << 10)?;
        least("max_background_jobs", self.max_background_jobs.max(0) as u64, 1)?;
        least("block_cache_size", self.block_cache_size as u64, 1 << 20)?;
        least("block_size", self.block_size as u64, 1 << 10)?;
        if self.min_write_buffer_number_to_merge >= self.max_write_buffer_number {
            return Err("min_write_buffer_number_to_merge must be less than max_write_buffer_number".to_owned());
        }
        if self.bloom_filter_bits_per_key > 30 {
            return Err(format!("bloom_filter_bits_per_key must be at most 30, not {}", self.bloom_filter_bits_per_key));
        }
        if self.block_size > 4 << 20 {
            return Err(format!("block_size must be at most {}, not {}", 4 << 20, self.block_size));
        }
        if self.enable_pipelined_write && !self.enable_wal {
            return Err("enable_pipelined_write needs enable_wal".to_owned());
        }
        Ok(())
    }

    /// RocksDB's options for the database and, alike, for each of its column families.
    pub(super) fn build(&self) -> Options {
        let mut o = Options::default();
        o.create_if_missing(true);
        o.create_missing_column_families(true);
        self.set_log(&mut o);
        self.set_tree(&mut o);
        self.set_background(&mut o);
        o.set_block_based_table_factory(&self.table());
        o
    }

    fn set_log(&self, o: &mut Options) {
        // A record cut off at the log's end was never acknowledged: open without it. A damaged record before the end, or a log
        // shorter than it was when synced and closed, is an error: what follows it was acknowledged.
        o.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        o.set_track_and_verify_wals_in_manifest(true);
        o.set_wal_bytes_per_sync(1 << 20);
        o.set_max_total_wal_size((4 * self.write_buffer_size as u64).max(1 << 30));
        // Without a log, only flushing all keyspaces together keeps batches whole.
        o.set_atomic_flush(!self.enable_wal);
        o.set_enable_pipelined_write(self.enable_pipelined_write);
        o.set_allow_concurrent_memtable_write(self.allow_concurrent_memtable_write);
        o.set_keep_log_file_num(4);
        o.set_max_log_file_size(16 << 20);
    }

    fn set_tree(&self, o: &mut Options) {
        o.set_write_buffer_size(self.write_buffer_size);
        o.set_max_write_buffer_number(self.max_write_buffer_number);
        o.set_min_write_buffer_number_to_merge(self.min_write_buffer_number_to_merge);
        o.set_level_zero_file_num_compaction_trigger(self.level0_file_num_compaction_trigger);
        o.set_level_zero_slowdown_writes_trigger((5 * self.level0_file_num_compaction_trigger).max(20));
        o.set_level_zero_stop_writes_trigger((9 * self.level0_file_num_compaction_trigger).max(36));
        o.set_target_file_size_base(self.target_file_size_base);
        o.set_max_bytes_for_level_base(
            (self.write_buffer_size as u64 * self.level0_file_num_compaction_trigger as u64).max(64 << 20),
        );
        o.set_level_compaction_dynamic_level_bytes(true);
        o.set_memtable_prefix_bloom_ratio(if self.bloom_filter_bits_per_key == 0 { 0.0 } else { 0.02 });
        o.set_memtable_whole_key_filtering(self.bloom_filter_bits_per_key != 0);
        o.set_compression_type(match self.compression_type {
            Compression::None => DBCompressionType::None,
            Compression::Lz4 => DBCompressionType::Lz4,
        });
    }

    fn set_background(&self, o: &mut Options) {
        o.set_max_background_jobs(self.max_background_jobs);
        o.set_max_subcompactions((self.max_background_jobs / 2).clamp(1, 4) as u32);
        o.set_bytes_per_sync(1 << 20);
        o.set_avoid_unnecessary_blocking_io(true);
        o.set_max_open_files(open_files_limit());
        if self.enable_statistics {
            o.enable_statistics();
            o.set_statistics_level(StatsLevel::ExceptHistogramOrTimers);
        }
        // RocksDB's own habit of writing them into its text log every ten minutes; the metrics endpoint has them.
        o.set_stats_dump_period_sec(0);
        o.set_stats_persist_period_sec(0);
    }

    fn table(&self) -> BlockBasedOptions {
        let mut t = BlockBasedOptions::default();
        t.set_block_size(self.block_size);
        t.set_block_cache(&Cache::new_hyper_clock_cache(self.block_cache_size, 0));
        t.set_cache_index_and_filter_blocks(self.cache_index_and_filter_blocks);
        t.set_pin_l0_filter_and_index_blocks_in_cache(self.pin_l0_filter_and_index_blocks);
        t.set_index_type(BlockBasedIndexType::BinarySearch);
        t.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
        t.set_data_block_hash_ratio(0.75);
        t.set_block_restart_interval(RESTART_INTERVAL);
        t.set_whole_key_filtering(true);
        if self.bloom_filter_bits_per_key > 0 {
            t.set_bloom_filter(f64::from(self.bloom_filter_bits_per_key), false);
        }
        t
    }
}

/// Table files RocksDB may keep open: all of them where the process may have that many, else three quarters of its limit.
fn open_files_limit() -> i32 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the struct it is given.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 || limit.rlim_cur >= 100_000 {
        return -1;
    }
    (limit.rlim_cur * 3 / 4).max(64) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_checked() {
        let parsed: RocksOptions = toml::from_str("write_buffer_size = 268435456\ncompression_type = \"none\"").unwrap();
        assert_eq!((parsed.write_buffer_size, parsed.compression_type), (256 << 20, Compression::None));
        let unknown = toml::from_str::<RocksOptions>("write_bufer_size = 1").unwrap_err().to_string();
        assert!(unknown.contains("write_bufer_size"), "{unknown}");
        let refused = toml::from_str::<RocksOptions>("compression_type = \"zstd\"").unwrap_err().to_string();
        assert!(refused.contains("use \"lz4\" or \"none\""), "{refused}");
        let merge = RocksOptions { min_write_buffer_number_to_merge: 4, ..RocksOptions::default() };
        assert!(merge.validate().unwrap_err().contains("min_write_buffer_number_to_merge"));
        assert_eq!(RocksOptions::default().validate(), Ok(()));
    }
}
