//! Figures about the database: sizes, where to split a scan, metrics, and whether all of it can be read.

use super::raw::{Db, Iter, RawResult, Snap};
use crate::kv::{KeyRange, Keyspace, Metric};
use rocksdb::statistics::Ticker;
use rocksdb::{CompactOptions, Options, properties};
use std::sync::Arc;

/// Candidate cuts looked at for each piece asked for.
const CANDIDATES_PER_PIECE: usize = 16;

/// First and last key of a range; `None` if it is empty.
fn edges(db: &Arc<Db>, ks: Keyspace, range: &KeyRange) -> RawResult<Option<(Vec<u8>, Vec<u8>)>> {
    if !range.end.is_empty() && range.start >= range.end {
        return Ok(None);
    }
    let mut iter = Iter::new(Arc::new(Snap::new(db.clone())), ks, range, false);
    iter.seek_to_first();
    let Some(first) = iter.entry().map(|(key, _)| key.to_vec()) else {
        return iter.status().map(|()| None);
    };
    iter.seek_to_last();
    let last = iter.entry().map(|(key, _)| key.to_vec());
    iter.status()?;
    Ok(last.map(|last| (first, last)))
}

/// Approximate bytes in files and memtables.
pub(super) fn approximate_size(db: &Arc<Db>, ks: Keyspace, range: &KeyRange) -> RawResult<u64> {
    let Some((first, mut last)) = edges(db, ks, range)? else {
        return Ok(0);
    };
    last.push(0);
    Ok(db.sizes(ks, &[KeyRange { start: first, end: last }])?.iter().sum())
}

/// Keys that cut a range into about equal parts: evenly spaced candidates between its first and last key, weighed by what RocksDB
/// says lies between them.
pub(super) fn split_points(db: &Arc<Db>, ks: Keyspace, range: &KeyRange, pieces: usize) -> RawResult<Vec<Vec<u8>>> {
    if pieces < 2 {
        return Ok(Vec::new());
    }
    let Some((first, last)) = edges(db, ks, range)? else {
        return Ok(Vec::new());
    };
    let mut cuts = between(&first, &last, pieces * CANDIDATES_PER_PIECE);
    cuts.extend(file_edges(db, ks)?.into_iter().filter(|key| *key > first && *key < last));
    cuts.sort_unstable();
    cuts.dedup();
    let mut starts = vec![first];
    starts.extend_from_slice(&cuts);
    let ends = cuts.iter().cloned().chain([last]);
    let parts: Vec<_> = starts.into_iter().zip(ends).map(|(start, end)| KeyRange { start, end }).collect();
    let sizes = db.sizes(ks, &parts)?;
    Ok(balance(&cuts, &sizes, pieces))
}

/// Picks the cuts that come nearest to equal parts. `sizes[i]` lies before `cuts[i]`, the last size after the last cut.
fn balance(cuts: &[Vec<u8>], sizes: &[u64], pieces: usize) -> Vec<Vec<u8>> {
    let total: u64 = sizes.iter().sum();
    if total == 0 {
        return Vec::new();
    }
    let (total, pieces) = (u128::from(total), pieces as u128);
    let mut chosen = Vec::new();
    let (mut seen, mut goal) = (0u128, 1u128);
    for (cut, size) in cuts.iter().zip(sizes) {
        seen += u128::from(*size);
        if seen * pieces >= goal * total && seen < total {
            chosen.push(cut.clone());
            goal = seen * pieces / total + 1;
        }
    }
    chosen
}

/// Evenly spaced keys between two: the eight bytes after their common prefix taken as a number.
fn between(first: &[u8], last: &[u8], count: usize) -> Vec<Vec<u8>> {
    let common = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let number = |key: &[u8]| {
        let mut word = [0; 8];
        let rest = &key[common..];
        let len = rest.len().min(8);
        word[..len].copy_from_slice(&rest[..len]);
        u128::from(u64::from_be_bytes(word))
    };
    let (low, high) = (number(first), number(last));
    let step = |i: usize| low + (high - low) * i as u128 / (count as u128 + 1);
    let key = |n: u128| [&first[..common], &(n as u64).to_be_bytes()].concat();
    let mut keys: Vec<_> = (1..=count).map(step).filter(|n| *n > low && *n < high).map(key).collect();
    keys.dedup();
    keys
}

/// Where the table files of a keyspace begin.
fn file_edges(db: &Db, ks: Keyspace) -> RawResult<Vec<Vec<u8>>> {
    let files = db.live_files().map_err(|e| e.into_string())?;
    Ok(files.into_iter().filter(|f| f.column_family_name == ks.name()).filter_map(|f| f.start_key).collect())
}

/// Reads every block of every file, and every entry in order.
pub(super) fn verify(db: &Arc<Db>) -> RawResult<()> {
    db.verify_checksums()?;
    let snap = Arc::new(Snap::new(db.clone()));
    for ks in Keyspace::ALL {
        let mut iter = Iter::new(snap.clone(), ks, &KeyRange::default(), true);
        let mut previous: Option<Vec<u8>> = None;
        iter.seek_to_first();
        while let Some((key, _)) = iter.entry() {
            match &mut previous {
                Some(last) if key <= last.as_slice() => return Err(format!("Corruption: keys of {} are out of order", ks.name())),
                Some(last) => {
                    last.clear();
                    last.extend_from_slice(key);
                }
                none => *none = Some(key.to_vec()),
            }
            iter.next();
        }
        iter.status()?;
    }
    Ok(())
}

/// Merges the files of a range down to the last level, dropping what is deleted.
pub(super) fn compact(db: &Arc<Db>, ks: Keyspace, range: &KeyRange) -> RawResult<()> {
    let handle = db.family(ks)?;
    let mut options = CompactOptions::default();
    options.set_exclusive_manual_compaction(false);
    options.set_bottommost_level_compaction(rocksdb::BottommostLevelCompaction::ForceOptimized);
    let bound = |key: &[u8]| (!key.is_empty()).then(|| key.to_vec());
    db.compact_range_cf_opt(handle, bound(&range.start), bound(&range.end), &options);
    Ok(())
}

/// Properties of each keyspace, of the database, and RocksDB's counters where statistics are on.
pub(super) fn metrics(db: &Arc<Db>, options: &Options) -> Vec<Metric> {
    let mut out = Vec::new();
    let per_family = [
        ("estimate_num_keys", properties::ESTIMATE_NUM_KEYS),
        ("live_sst_files_size_bytes", properties::LIVE_SST_FILES_SIZE),
        ("memtables_size_bytes", properties::CUR_SIZE_ALL_MEM_TABLES),
        ("immutable_memtables", properties::NUM_IMMUTABLE_MEM_TABLE),
        ("pending_compaction_bytes", properties::ESTIMATE_PENDING_COMPACTION_BYTES),
    ];
    for ks in Keyspace::ALL {
        let Some(handle) = db.cf_handle(ks.name()) else { continue };
        for (name, property) in per_family {
            if let Ok(Some(value)) = db.property_int_value_cf(handle, property) {
                out.push((format!("rocksdb_{name}{{keyspace=\"{}\"}}", ks.name()), value as f64));
            }
        }
        for level in 0..7 {
            let text = db.property_value_cf(handle, properties::num_files_at_level(level));
            if let Some(files) = text.ok().flatten().and_then(|t| t.parse::<f64>().ok()) {
                out.push((format!("rocksdb_files{{keyspace=\"{}\",level=\"{level}\"}}", ks.name()), files));
            }
        }
    }
    let whole = [
        ("block_cache_usage_bytes", properties::BLOCK_CACHE_USAGE),
        ("block_cache_capacity_bytes", properties::BLOCK_CACHE_CAPACITY),
        ("running_compactions", properties::NUM_RUNNING_COMPACTIONS),
        ("running_flushes", properties::NUM_RUNNING_FLUSHES),
        ("snapshots", properties::NUM_SNAPSHOTS),
        ("background_errors", properties::BACKGROUND_ERRORS),
        ("write_stopped", properties::IS_WRITE_STOPPED),
        ("delayed_write_rate_bytes", properties::ACTUAL_DELAYED_WRITE_RATE),
    ];
    let data = db.cf_handle(Keyspace::Data.name());
    for (name, property) in whole {
        if let Some(Ok(Some(value))) = data.map(|handle| db.property_int_value_cf(handle, property)) {
            out.push((format!("rocksdb_{name}"), value as f64));
        }
    }
    out.extend(counters(options));
    out
}

fn counters(options: &Options) -> Vec<Metric> {
    if options.get_statistics().is_none() {
        return Vec::new();
    }
    let tickers = [
        Ticker::BlockCacheHit,
        Ticker::BlockCacheMiss,
        Ticker::BloomFilterUseful,
        Ticker::MemtableHit,
        Ticker::MemtableMiss,
        Ticker::NumberKeysWritten,
        Ticker::NumberKeysRead,
        Ticker::BytesWritten,
        Ticker::BytesRead,
        Ticker::IterBytesRead,
        Ticker::StallMicros,
        Ticker::WalFileSynced,
        Ticker::WalFileBytes,
        Ticker::CompactReadBytes,
        Ticker::CompactWriteBytes,
        Ticker::FlushWriteBytes,
    ];
    let name = |ticker: &Ticker| format!("{}_total", ticker.name().replace('.', "_"));
    tickers.iter().map(|ticker| (name(ticker), options.get_ticker_count(*ticker) as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_follow_the_weight() {
        let cuts: Vec<_> = (1u8..8).map(|n| vec![n]).collect();
        assert_eq!(balance(&cuts, &[10; 8], 4), [vec![2], vec![4], vec![6]]);
        assert_eq!(balance(&cuts, &[70, 0, 0, 0, 0, 0, 0, 10], 4), [vec![1]]);
        assert!(balance(&cuts, &[0; 8], 4).is_empty());
        let keys = between(b"row-000", b"row-900", 9);
        assert_eq!(keys.len(), 9);
        let range = KeyRange { start: b"row-000".to_vec(), end: b"row-900".to_vec() };
        assert!(keys.iter().all(|k| range.contains(k)));
        assert!(between(b"same", b"same", 9).is_empty());
    }
}
