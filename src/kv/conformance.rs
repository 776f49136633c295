//! The suite every engine passes: random operations against a plain map, and the contract's sharper points one by one.
//!
//! A failure prints the seed; `ORBIT_SEED=n` repeats it.

use super::{Block, Cursor, Direction, Durability, FillLimit, KeyRange, Keyspace, Result, ScanHints, Snapshot, Store, WriteBatch};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;
/// What the store should hold.
pub type Model = [Map; 3];

/// The seed of this run.
pub fn seed() -> u64 {
    std::env::var("ORBIT_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| rand::rng().random())
}

fn key(rng: &mut StdRng) -> Vec<u8> {
    let len = rng.random_range(1..5);
    (0..len).map(|_| [0, 1, 7, 0x80, 0xfe, 0xff][rng.random_range(0..6)]).collect()
}

fn value(rng: &mut StdRng) -> Vec<u8> {
    let len = if rng.random_ratio(1, 20) { 5000 } else { rng.random_range(0..20) };
    vec![rng.random(); len]
}

fn range(rng: &mut StdRng) -> KeyRange {
    let start = if rng.random_ratio(1, 6) { Vec::new() } else { key(rng) };
    let end = if rng.random_ratio(1, 6) { Vec::new() } else { key(rng) };
    KeyRange { start, end }
}

fn keyspace(rng: &mut StdRng) -> Keyspace {
    Keyspace::ALL[rng.random_range(0..3)]
}

fn inside(map: &Map, range: &KeyRange) -> Vec<(Vec<u8>, Vec<u8>)> {
    map.iter().filter(|(k, _)| range.contains(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Random batches, reads, scans and snapshots; after each batch the store must answer as the model does.
pub fn random_operations(store: &dyn Store, model: &mut Model, seed: u64, rounds: usize) {
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut kept: Vec<(Arc<dyn Snapshot>, Model)> = Vec::new();
    for _ in 0..rounds {
        random_batch(store, model, &mut rng);
        check_latest(store, model, &mut rng);
        if rng.random_ratio(1, 4) {
            kept.push((store.snapshot(), model.clone()));
        }
        if let Some((snapshot, then)) = kept.get(rng.random_range(0..kept.len() + 1)) {
            check_view(&**snapshot, then, &mut rng);
        }
        if rng.random_ratio(1, 8) && !kept.is_empty() {
            kept.remove(rng.random_range(0..kept.len()));
        }
        match rng.random_range(0..30) {
            0 => store.flush().unwrap(),
            1 => store.compact(keyspace(&mut rng), &range(&mut rng)).unwrap(),
            _ => {}
        }
    }
    for ks in Keyspace::ALL {
        assert_eq!(all(&*store.snapshot(), ks, Direction::Forward), inside(&model[ks as usize], &KeyRange::default()));
    }
    store.verify().unwrap();
}

fn random_batch(store: &dyn Store, model: &mut Model, rng: &mut StdRng) {
    let mut batch = WriteBatch::default();
    if store.caps().ingest && rng.random_ratio(1, 10) {
        add_run(store, &mut batch, model, rng);
    }
    let has_run = !batch.is_empty();
    for _ in 0..rng.random_range(0..12) {
        let ks = keyspace(rng);
        if has_run && ks == Keyspace::Data {
            continue;
        }
        let map = &mut model[ks as usize];
        match rng.random_range(0..10) {
            0..6 => {
                let (k, v) = (key(rng), value(rng));
                map.insert(k.clone(), v.clone());
                batch.put(ks, k, v);
            }
            6..9 => {
                let k = key(rng);
                map.remove(&k);
                batch.delete(ks, k);
            }
            _ => {
                let doomed = range(rng);
                map.retain(|k, _| !doomed.contains(k));
                batch.delete_range(ks, doomed);
            }
        }
    }
    let durability = if rng.random_ratio(1, 3) { Durability::Sync } else { Durability::Buffered };
    store.commit(batch, durability).unwrap();
}

/// A run in `pg_data`; the rest of the batch keeps out of that keyspace.
fn add_run(store: &dyn Store, batch: &mut WriteBatch, model: &mut Model, rng: &mut StdRng) {
    let entries: Map = (0..rng.random_range(0..30)).map(|_| (key(rng), value(rng))).collect();
    let mut run = store.run_writer(Keyspace::Data).unwrap();
    let (mut kept, mut removed) = (Map::new(), Vec::new());
    for (k, v) in &entries {
        if rng.random_ratio(1, 4) {
            run.delete(k).unwrap();
            removed.push(k.clone());
        } else {
            run.put(k, v).unwrap();
            kept.insert(k.clone(), v.clone());
        }
    }
    let run = run.finish().unwrap();
    assert_eq!(run.entries, entries.len() as u64);
    if rng.random_ratio(1, 4) {
        return;
    }
    batch.ingest(run);
    let map = &mut model[Keyspace::Data as usize];
    map.retain(|k, _| !removed.contains(k));
    map.extend(kept);
}

fn check_latest(store: &dyn Store, model: &Model, rng: &mut StdRng) {
    let mut out = Vec::new();
    for _ in 0..5 {
        let (ks, k) = (keyspace(rng), key(rng));
        let found = store.get(ks, &k, &mut out).wait().unwrap();
        assert_eq!(found.then_some(&out), model[ks as usize].get(&k), "{k:02x?} in {}", ks.name());
    }
    check_view(&*store.snapshot(), model, rng);
    let (ks, range) = (keyspace(rng), range(rng));
    let points = store.split_points(ks, &range, 4).unwrap();
    assert!(points.len() < 4 && points.is_sorted() && points.iter().all(|p| range.contains(p)));
    store.approximate_size(ks, &range).unwrap();
}

fn check_view(view: &dyn Snapshot, model: &Model, rng: &mut StdRng) {
    let ks = keyspace(rng);
    let map = &model[ks as usize];
    let mut out = vec![1];
    let k = key(rng);
    let found = view.get(ks, &k, &mut out).wait().unwrap();
    assert_eq!(found.then_some(&out), map.get(&k));
    let mut keys: Vec<_> = (0..rng.random_range(0..8)).map(|_| key(rng)).collect();
    keys.sort();
    let slices: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let expected: Vec<_> = keys.iter().map(|k| map.get(k).cloned()).collect();
    assert_eq!(view.multi_get(ks, &slices).wait().unwrap(), expected);
    check_pick(view, ks, map, rng);
    check_scan(view, ks, map, rng);
}

/// Some of the keys that are there and some that are not.
fn check_pick(view: &dyn Snapshot, ks: Keyspace, map: &Map, rng: &mut StdRng) {
    let share = rng.random_range(1..20);
    let mut keys: Vec<_> = map.keys().filter(|_| rng.random_ratio(1, share)).cloned().collect();
    keys.extend((0..rng.random_range(0..4)).map(|_| key(rng)));
    keys.sort();
    keys.dedup();
    let slices: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let mut block = Block::default();
    view.pick(ks, &slices, &mut block).wait().unwrap();
    let expected: Vec<_> = keys.iter().filter_map(|k| Some((k.as_slice(), map.get(k)?.as_slice()))).collect();
    assert_eq!(block.iter().collect::<Vec<_>>(), expected);
}

/// A scan in random steps with random seeks.
fn check_scan(view: &dyn Snapshot, ks: Keyspace, map: &Map, rng: &mut StdRng) {
    let range = range(rng);
    let direction = if rng.random() { Direction::Forward } else { Direction::Backward };
    let mut expected = inside(map, &range);
    if direction == Direction::Backward {
        expected.reverse();
    }
    let hints = ScanHints { bulk: rng.random(), parts: rng.random_range(0..3), keys_only: rng.random_ratio(1, 3) };
    if hints.keys_only {
        expected.iter_mut().for_each(|(_, value)| value.clear());
    }
    let mut cursor = view.scan(ks, &range, direction, hints).unwrap();
    let mut block = Block::default();
    let mut at = 0;
    loop {
        if rng.random_ratio(1, 4) {
            let target = key(rng);
            cursor.seek(&target).wait().unwrap();
            let before = |k: &Vec<u8>| if direction == Direction::Forward { *k < target } else { *k > target };
            at += expected[at..].iter().take_while(|(k, _)| before(k)).count();
        }
        let limit = FillLimit { entries: rng.random_range(1..7), bytes: rng.random_range(1..200) };
        cursor.fill(&mut block, limit).wait().unwrap();
        assert!(block.len() <= limit.entries);
        let got: Vec<_> = block.iter().map(|(k, v)| (k.to_vec(), v.to_vec())).collect();
        let want: Vec<_> = expected[at..].iter().take(got.len().max(1)).cloned().collect();
        assert_eq!(got, want, "{direction:?} scan of {range:02x?}");
        if got.is_empty() {
            return;
        }
        let size = |entries: &[(Vec<u8>, Vec<u8>)]| entries.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
        assert!(size(&got[..got.len() - 1]) < limit.bytes, "filled past its limit");
        at += got.len();
    }
}

/// Every entry of a keyspace.
pub fn all(view: &dyn Snapshot, ks: Keyspace, direction: Direction) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut cursor = view.scan(ks, &KeyRange::default(), direction, ScanHints::default()).unwrap();
    drain(&mut *cursor)
}

fn drain(cursor: &mut dyn Cursor) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut block = Block::default();
    let mut entries = Vec::new();
    loop {
        cursor.fill(&mut block, FillLimit { entries: 100, bytes: 1 << 20 }).wait().unwrap();
        if block.is_empty() {
            return entries;
        }
        entries.extend(block.iter().map(|(k, v)| (k.to_vec(), v.to_vec())));
    }
}

/// Sets `n` in all keyspaces in one batch.
fn put_all(store: &dyn Store, n: u32) -> Result<()> {
    let mut batch = WriteBatch::default();
    for ks in Keyspace::ALL {
        batch.put(ks, b"n".to_vec(), n.to_be_bytes().to_vec());
    }
    store.commit(batch, Durability::Buffered)
}

/// While one thread commits, others must see each batch whole and never go back.
pub fn batches_are_atomic(store: &Arc<dyn Store>) {
    put_all(&**store, 0).unwrap();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = Vec::new();
                    while last != 500u32.to_be_bytes() {
                        let view = store.snapshot();
                        let read = |ks| view.multi_get(ks, &[b"n"]).wait().unwrap().remove(0).unwrap();
                        let [a, b, c] = Keyspace::ALL.map(read);
                        assert!(a == b && b == c && a >= last, "{a:?} {b:?} {c:?} after {last:?}");
                        last = a;
                    }
                })
            })
            .collect();
        for n in 1..=500 {
            put_all(&**store, n).unwrap();
        }
        readers.into_iter().for_each(|r| r.join().unwrap());
    });
}

/// A scan over many entries is cut into pieces that together are the whole.
pub fn split_points_cover(store: &dyn Store) {
    let mut batch = WriteBatch::default();
    for n in 0..20_000u32 {
        batch.put(Keyspace::Data, [b"split".as_slice(), &n.to_be_bytes()].concat(), vec![7; 100]);
    }
    store.commit(batch, Durability::Buffered).unwrap();
    let whole = KeyRange::prefix(b"split");
    let points = store.split_points(Keyspace::Data, &whole, 4).unwrap();
    assert_eq!(points.len(), 3, "{points:02x?}");
    assert!(store.approximate_size(Keyspace::Data, &whole).unwrap() > 500_000);
    let starts = std::iter::once(&whole.start).chain(&points);
    let ends = points.iter().chain(std::iter::once(&whole.end));
    let view = store.snapshot();
    let counts: Vec<_> = starts
        .zip(ends)
        .map(|(start, end)| {
            let piece = KeyRange { start: start.clone(), end: end.clone() };
            drain(
                &mut *view
                    .scan(Keyspace::Data, &piece, Direction::Forward, ScanHints { bulk: true, ..ScanHints::default() })
                    .unwrap(),
            )
            .len()
        })
        .collect();
    assert_eq!(counts.iter().sum::<usize>(), 20_000);
    assert!(counts.iter().all(|n| (2_500..=8_000).contains(n)), "{counts:?}");
}

/// Runs are checked, visible with their batch, and gone when unused.
pub fn runs_are_ingested(store: &dyn Store) {
    let mut run = store.run_writer(Keyspace::Data).unwrap();
    run.put(b"run2", b"x").unwrap();
    assert!(run.put(b"run1", b"x").is_err());
    drop(run);
    let mut run = store.run_writer(Keyspace::Data).unwrap();
    for n in 0..5000u32 {
        run.put(&[b"run".as_slice(), &n.to_be_bytes()].concat(), &[1; 50]).unwrap();
    }
    let before = store.snapshot();
    let mut batch = WriteBatch::default();
    batch.put(Keyspace::Tables, b"run table".to_vec(), b"made".to_vec());
    batch.ingest(run.finish().unwrap());
    store.commit(batch, Durability::Buffered).unwrap();
    let range = KeyRange::prefix(b"run");
    let count = |view: &dyn Snapshot| {
        drain(&mut *view.scan(Keyspace::Data, &range, Direction::Backward, ScanHints::default()).unwrap()).len()
    };
    assert_eq!((count(&*before), count(&*store.snapshot())), (0, 5000));
    assert!(all(&*store.snapshot(), Keyspace::Metadata, Direction::Forward).iter().all(|(k, _)| !k.starts_with(b"\0ingest")));
}

/// The whole suite on an empty store.
pub fn run(store: &Arc<dyn Store>, rounds: usize) {
    random_operations(&**store, &mut Model::default(), seed(), rounds);
    batches_are_atomic(store);
    runs_are_ingested(&**store);
    split_points_cover(&**store);
}

#[test]
fn memory_conforms() {
    let store: Arc<dyn Store> = super::memory::MemoryStore::new();
    run(&store, 1500);
}
