//! Two engines at once, every answer compared: the test tool that tells where two engines, or an engine and its past, differ.
//!
//! The first difference panics with what was asked and what each side said. Answers that may differ by design (sizes, split
//! points, metrics) come from the first engine; split points are checked for order and range.

use super::{
    Answer, Block, Caps, Cursor, Direction, Durability, Error, FillLimit, KeyRange, Keyspace, Metric, Op, Result, RunWriter,
    ScanHints, Snapshot, SortedRun, State, Store, WriteBatch,
};
use parking_lot::RwLock;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// Two stores that must agree.
pub struct MirrorStore {
    first: Arc<dyn Store>,
    second: Arc<dyn Store>,
    /// Held exclusively while a commit reaches one side and not yet the other.
    commits: RwLock<()>,
}

impl MirrorStore {
    /// Runs both; they must hold the same entries already.
    pub fn new(first: Arc<dyn Store>, second: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { first, second, commits: RwLock::new(()) })
    }
}

/// Both sides must have the same answer, or both an error.
#[track_caller]
fn agree<T: PartialEq + Debug>(what: impl FnOnce() -> String, first: Result<T>, second: Result<T>) -> Result<T> {
    match (first, second) {
        (Ok(a), Ok(b)) if a == b => Ok(a),
        (Err(a), Err(_)) => Err(a),
        (a, b) => panic!("{} differs: the first engine says {a:?}, the second {b:?}", what()),
    }
}

fn both_get(
    what: &str,
    key: &[u8],
    out: &mut Vec<u8>,
    first: impl FnOnce(&mut Vec<u8>) -> Result<bool>,
    second: impl FnOnce(&mut Vec<u8>) -> Result<bool>,
) -> Result<bool> {
    let mut other = Vec::new();
    let (a, b) = (first(out), second(&mut other));
    let (a, b) = (a.map(|found| found.then(|| out.clone())), b.map(|found| found.then_some(other)));
    agree(|| format!("{what} of {key:02x?}"), a, b).map(|value| value.is_some())
}

impl Store for MirrorStore {
    fn name(&self) -> &'static str {
        "mirror"
    }

    fn caps(&self) -> Caps {
        let (a, b) = (self.first.caps(), self.second.caps());
        Caps { range_delete: a.range_delete && b.range_delete, ingest: a.ingest && b.ingest, durable: a.durable && b.durable }
    }

    fn state(&self) -> State {
        match self.first.state() {
            State::Serving => self.second.state(),
            other => other,
        }
    }

    fn snapshot(&self) -> Arc<dyn Snapshot> {
        let _whole = self.commits.read();
        Arc::new(MirrorSnapshot { first: self.first.snapshot(), second: self.second.snapshot() })
    }

    fn get<'a>(&'a self, ks: Keyspace, key: &[u8], out: &'a mut Vec<u8>) -> Answer<'a, Result<bool>> {
        let _whole = self.commits.read();
        let (first, second) = (&self.first, &self.second);
        Answer::Ready(both_get("get", key, out, |o| first.get(ks, key, o).wait(), |o| second.get(ks, key, o).wait()))
    }

    fn commit(&self, batch: WriteBatch, durability: Durability) -> Result<()> {
        let (mut a, mut b) = (WriteBatch::default(), WriteBatch::default());
        for op in batch.ops {
            match op {
                Op::Put(ks, key, value) => {
                    a.put(ks, key.clone(), value.clone());
                    b.put(ks, key, value);
                }
                Op::Delete(ks, key) => {
                    a.delete(ks, key.clone());
                    b.delete(ks, key);
                }
                Op::DeleteRange(ks, range) => {
                    a.delete_range(ks, range.clone());
                    b.delete_range(ks, range);
                }
                Op::Ingest(run) => {
                    let runs = run.payload.downcast::<[SortedRun; 2]>();
                    let [first, second] = *runs.map_err(|_| Error::Engine("sorted run of another engine".into()))?;
                    a.ingest(first);
                    b.ingest(second);
                }
            }
        }
        let _alone = self.commits.write();
        agree(|| "commit".to_owned(), self.first.commit(a, durability), self.second.commit(b, durability))
    }

    fn run_writer(&self, ks: Keyspace) -> Result<Box<dyn RunWriter>> {
        Ok(Box::new(MirrorRun { keyspace: ks, first: self.first.run_writer(ks)?, second: self.second.run_writer(ks)? }))
    }

    fn approximate_size(&self, ks: Keyspace, range: &KeyRange) -> Result<u64> {
        self.first.approximate_size(ks, range)
    }

    fn split_points(&self, ks: Keyspace, range: &KeyRange, pieces: usize) -> Result<Vec<Vec<u8>>> {
        let points = self.first.split_points(ks, range, pieces)?;
        for sides in [&points, &self.second.split_points(ks, range, pieces)?] {
            assert!(sides.is_sorted() && sides.iter().all(|p| range.contains(p)), "split points of {range:02x?}: {sides:02x?}");
        }
        Ok(points)
    }

    fn checkpoint(&self, folder: &Path) -> Result<()> {
        self.first.checkpoint(folder)
    }

    fn verify(&self) -> Result<()> {
        self.first.verify()?;
        self.second.verify()
    }

    fn flush(&self) -> Result<()> {
        self.first.flush()?;
        self.second.flush()
    }

    fn metrics(&self) -> Vec<Metric> {
        self.first.metrics()
    }

    fn compact(&self, ks: Keyspace, range: &KeyRange) -> Result<()> {
        self.first.compact(ks, range)?;
        self.second.compact(ks, range)
    }

    fn close(&self) -> Result<()> {
        self.first.close()?;
        self.second.close()
    }
}

struct MirrorSnapshot {
    first: Arc<dyn Snapshot>,
    second: Arc<dyn Snapshot>,
}

impl Snapshot for MirrorSnapshot {
    fn get<'a>(&'a self, ks: Keyspace, key: &[u8], out: &'a mut Vec<u8>) -> Answer<'a, Result<bool>> {
        let (first, second) = (&self.first, &self.second);
        Answer::Ready(both_get("snapshot get", key, out, |o| first.get(ks, key, o).wait(), |o| second.get(ks, key, o).wait()))
    }

    fn multi_get<'a>(&'a self, ks: Keyspace, keys: &[&[u8]]) -> Answer<'a, Result<Vec<Option<Vec<u8>>>>> {
        let (a, b) = (self.first.multi_get(ks, keys).wait(), self.second.multi_get(ks, keys).wait());
        Answer::Ready(agree(|| format!("multi_get of {keys:02x?}"), a, b))
    }

    fn pick<'a>(&'a self, ks: Keyspace, keys: &[&[u8]], out: &'a mut Block) -> Answer<'a, Result<()>> {
        let mut other = Block::default();
        let (a, b) = (self.first.pick(ks, keys, out).wait(), self.second.pick(ks, keys, &mut other).wait());
        let a = a.map(|()| out.iter().collect::<Vec<_>>());
        let b = b.map(|()| other.iter().collect::<Vec<_>>());
        Answer::Ready(agree(|| format!("pick of {keys:02x?}"), a, b).map(drop))
    }

    fn scan(&self, ks: Keyspace, range: &KeyRange, direction: Direction, hints: ScanHints) -> Result<Box<dyn Cursor>> {
        Ok(Box::new(MirrorCursor {
            what: format!("{direction:?} scan of {} over {range:02x?}", ks.name()),
            first: self.first.scan(ks, range, direction, hints)?,
            second: self.second.scan(ks, range, direction, hints)?,
        }))
    }
}

struct MirrorCursor {
    what: String,
    first: Box<dyn Cursor>,
    second: Box<dyn Cursor>,
}

impl Cursor for MirrorCursor {
    fn fill<'a>(&'a mut self, block: &'a mut Block, limit: FillLimit) -> Answer<'a, Result<()>> {
        let mut other = Block::default();
        let a = self.first.fill(block, limit).wait();
        let b = self.second.fill(&mut other, limit).wait();
        let a = a.map(|()| block.iter().collect::<Vec<_>>());
        let b = b.map(|()| other.iter().collect::<Vec<_>>());
        Answer::Ready(agree(|| self.what.clone(), a, b).map(drop))
    }

    fn seek<'a>(&'a mut self, key: &'a [u8]) -> Answer<'a, Result<()>> {
        let (a, b) = (self.first.seek(key).wait(), self.second.seek(key).wait());
        Answer::Ready(agree(|| format!("{}: seek to {key:02x?}", self.what), a, b))
    }
}

struct MirrorRun {
    keyspace: Keyspace,
    first: Box<dyn RunWriter>,
    second: Box<dyn RunWriter>,
}

impl RunWriter for MirrorRun {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        agree(|| format!("run put of {key:02x?}"), self.first.put(key, value), self.second.put(key, value))
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        agree(|| format!("run delete of {key:02x?}"), self.first.delete(key), self.second.delete(key))
    }

    fn finish(self: Box<Self>) -> Result<SortedRun> {
        let runs = [self.first.finish()?, self.second.finish()?];
        let entries = runs[0].entries;
        Ok(SortedRun { keyspace: self.keyspace, payload: Box::new(runs), entries })
    }
}
