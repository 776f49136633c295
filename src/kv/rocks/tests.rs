//! RocksDB passes the store suite, survives reopening and torn logs, refuses damaged ones, and obeys its options.

use super::*;
use crate::kv::conformance::{self, Model, all};
use crate::kv::memory::MemoryStore;
use crate::kv::mirror::MirrorStore;
use crate::kv::{Direction, Op};
use std::fs;

/// Small buffers, so that little data reaches files and compactions.
fn small() -> RocksOptions {
    RocksOptions {
        write_buffer_size: 64 << 10,
        target_file_size_base: 64 << 10,
        block_cache_size: 4 << 20,
        max_background_jobs: 2,
        ..RocksOptions::default()
    }
}

fn put(store: &RocksStore, key: &str, value: &str, durability: Durability) {
    let mut batch = WriteBatch::default();
    batch.put(Keyspace::Data, key.into(), value.into());
    store.commit(batch, durability).unwrap();
}

fn get(store: &RocksStore, key: &str) -> Option<String> {
    let mut out = Vec::new();
    let found = store.get(Keyspace::Data, key.as_bytes(), &mut out).wait().unwrap();
    found.then(|| String::from_utf8(out).unwrap())
}

/// Copies the folder as a killed process would leave it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else if entry.file_name() != "LOCK" {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// The newest log file.
fn log_of(folder: &Path) -> PathBuf {
    let logs = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "log"));
    logs.filter(|p| fs::metadata(p).unwrap().len() > 0).max().unwrap()
}

#[test]
fn rocksdb_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = open(folder.path(), &small()).unwrap();
    conformance::run(&store, 300);
}

#[test]
fn rocksdb_and_memory_agree() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = MirrorStore::new(open(folder.path(), &small()).unwrap(), MemoryStore::new());
    conformance::random_operations(&*store, &mut Model::default(), conformance::seed(), 200);
    conformance::runs_are_ingested(&*store);
}

#[test]
fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    for round in 0..4 {
        let store = open(folder.path(), &small()).unwrap();
        conformance::random_operations(&*store, &mut model, conformance::seed(), 60);
        if round % 2 == 0 {
            store.close().unwrap();
            let refused = store.commit(WriteBatch { ops: vec![Op::Delete(Keyspace::Data, vec![1])], bytes: 1 }, Durability::Sync);
            assert!(matches!(refused, Err(Error::Poisoned(_))));
        }
    }
}

#[test]
fn a_torn_tail_opens_and_a_damaged_middle_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    let store = open(&live, &RocksOptions::default()).unwrap();
    for n in 0..200 {
        put(&store, &format!("k{n:03}"), &"v".repeat(100), Durability::Sync);
    }
    let torn = folder.path().join("torn");
    copy(&live, &torn);
    let log = log_of(&torn);
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() - 30]).unwrap();
    let reopened = open(&torn, &RocksOptions::default()).unwrap();
    assert_eq!((get(&reopened, "k198").is_some(), get(&reopened, "k199")), (true, None));

    let damaged = folder.path().join("damaged");
    copy(&live, &damaged);
    let log = log_of(&damaged);
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&log, &bytes).unwrap();
    let refused = open(&damaged, &RocksOptions::default()).err().unwrap();
    assert!(matches!(refused, Error::Corruption(_)), "{refused}");
}

#[test]
fn a_missing_or_shortened_closed_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    let store = open(&live, &RocksOptions::default()).unwrap();
    put(&store, "first", "1", Durability::Sync);
    // Flushing one keyspace starts a new log while the other keyspace still needs the old one.
    let mut batch = WriteBatch::default();
    batch.put(Keyspace::Tables, b"t".to_vec(), b"1".to_vec());
    store.commit(batch, Durability::Sync).unwrap();
    store.db.flush_cf(store.db.family(Keyspace::Tables).unwrap()).unwrap();
    put(&store, "second", "2", Durability::Sync);
    let copied = folder.path().join("copied");
    copy(&live, &copied);
    assert_eq!(get(&open(&copied, &RocksOptions::default()).unwrap(), "first").as_deref(), Some("1"));
    let shortened = folder.path().join("shortened");
    copy(&live, &shortened);
    let newest = log_of(&shortened);
    let oldest = fs::read_dir(&shortened).unwrap().map(|e| e.unwrap().path());
    let oldest = oldest.filter(|p| p.extension().is_some_and(|e| e == "log") && *p != newest).min().unwrap();
    let bytes = fs::read(&oldest).unwrap();
    fs::write(&oldest, &bytes[..bytes.len() - 5]).unwrap();
    let refused = open(&shortened, &RocksOptions::default()).err().unwrap();
    assert!(matches!(refused, Error::Corruption(_)), "{refused}");
}

#[test]
fn a_second_server_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let _store = open(folder.path(), &small()).unwrap();
    let refused = open(folder.path(), &small()).err().unwrap();
    assert!(matches!(&refused, Error::Locked(path) if path == folder.path()), "{refused}");
}

#[test]
fn options_are_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let options = RocksOptions {
        write_buffer_size: 3 << 20,
        max_write_buffer_number: 7,
        min_write_buffer_number_to_merge: 2,
        level0_file_num_compaction_trigger: 9,
        target_file_size_base: 5 << 20,
        max_background_jobs: 3,
        bloom_filter_bits_per_key: 12,
        block_size: 8 << 10,
        ..RocksOptions::default()
    };
    let store = open(folder.path(), &options).unwrap();
    let files = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path());
    let file = files.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("OPTIONS")).max().unwrap();
    let text = fs::read_to_string(file).unwrap();
    let section = &text[text.find("[CFOptions \"pg_data\"]").unwrap()..];
    for line in [
        "write_buffer_size=3145728",
        "max_write_buffer_number=7",
        "min_write_buffer_number_to_merge=2",
        "level0_file_num_compaction_trigger=9",
        "target_file_size_base=5242880",
        "compression=kLZ4Compression",
        "memtable_whole_key_filtering=true",
        "filter_policy=bloomfilter",
        "block_size=8192",
        "cache_index_and_filter_blocks=true",
        "pin_l0_filter_and_index_blocks_in_cache=true",
        "data_block_index_type=kDataBlockBinaryAndHash",
        "checksum=kXXH3",
    ] {
        assert!(section.contains(&format!("  {line}")), "{line} is not in force:\n{section}");
    }
    for line in ["max_background_jobs=3", "enable_pipelined_write=false", "allow_concurrent_memtable_write=true"] {
        assert!(text.contains(&format!("  {line}")), "{line} is not in force");
    }
    put(&store, "k", "v", Durability::Sync);
    let metrics = store.metrics();
    let metric = |name: &str| metrics.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("{name} in {metrics:?}")).1;
    assert_eq!(metric("rocksdb_number_keys_written_total"), 1.0);
    assert!(metric("rocksdb_block_cache_capacity_bytes") >= f64::from(256 << 20));
    assert!(metric("rocksdb_estimate_num_keys{keyspace=\"pg_data\"}") >= 1.0);
}

#[test]
fn checkpoints_open_and_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("live"), &small()).unwrap();
    let mut model = Model::default();
    conformance::random_operations(&*store, &mut model, conformance::seed(), 80);
    let copied = folder.path().join("copy");
    store.checkpoint(&copied).unwrap();
    put(&store, "after", "1", Durability::Sync);
    assert!(store.checkpoint(&copied).is_err());
    let copy = open(&copied, &small()).unwrap();
    copy.verify().unwrap();
    for ks in Keyspace::ALL {
        let expected: Vec<_> = model[ks as usize].clone().into_iter().collect();
        assert_eq!(all(&*copy.snapshot(), ks, Direction::Forward), expected);
    }
}

/// A crash between the synced batch and the added files: the next start completes the commit, once.
#[test]
fn an_interrupted_bulk_commit_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    let store = open(&live, &small()).unwrap();
    let mut run = store.run_writer(Keyspace::Data).unwrap();
    for n in 0..3000 {
        run.put(format!("bulk{n:05}").as_bytes(), &[5; 100]).unwrap();
    }
    let run = run.finish().unwrap();
    let mut unused = store.run_writer(Keyspace::Data).unwrap();
    unused.put(b"never", b"committed").unwrap();
    let unused = unused.finish().unwrap();
    store.interrupted_commit(run);
    let crashed = folder.path().join("crashed");
    copy(&live, &crashed);
    drop((store, unused));
    for _ in 0..2 {
        let store = open(&crashed, &small()).unwrap();
        assert!(get(&store, "bulk00000").is_some() && get(&store, "bulk02999").is_some());
        assert_eq!((get(&store, "beside").as_deref(), get(&store, "never")), (Some("1"), None));
        assert_eq!(fs::read_dir(crashed.join("ingest")).unwrap().count(), 0);
        assert!(all(&*store.snapshot(), Keyspace::Metadata, Direction::Forward).is_empty());
    }
}

#[test]
fn without_a_log_only_what_was_flushed_survives() {
    let folder = tempfile::tempdir().unwrap();
    let options = RocksOptions { enable_wal: false, ..small() };
    let live = folder.path().join("live");
    let store = open(&live, &options).unwrap();
    assert!(!store.caps().durable);
    put(&store, "flushed", "1", Durability::Sync);
    store.flush().unwrap();
    put(&store, "lost", "1", Durability::Sync);
    let crashed = folder.path().join("crashed");
    copy(&live, &crashed);
    let store = open(&crashed, &options).unwrap();
    assert_eq!((get(&store, "flushed").as_deref(), get(&store, "lost")), (Some("1"), None));
}

#[test]
fn errors_speak_the_stores_language() {
    let path = Path::new("/data");
    let error = |text: &str| write::error(text.to_owned(), path);
    assert!(matches!(error("IO error: No space left on device: While appending to file"), Error::DiskFull(_)));
    assert!(matches!(error("Corruption: block checksum mismatch"), Error::Corruption(_)));
    assert!(matches!(error("IO error: While fsync: /data/1.log: Input/output error"), Error::Io { .. }));
    let health = write::Health::default();
    health.note(&Err(Error::DiskFull("full".into())));
    assert!(health.writable().is_ok() && matches!(health.state(), State::ReadOnly(_)));
    health.note(&Ok(()));
    assert_eq!(health.state(), State::Serving);
    health.note(&Err(error("IO error: While fsync: Input/output error")));
    health.note(&Ok(()));
    assert!(matches!(health.writable(), Err(Error::Poisoned(_))));
}
