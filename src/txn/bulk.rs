//! Many entries at once: a load, an index build.
//!
//! Entries are gathered in a [`Stage`] per key range (a table's rows, each of its indexes) in whatever order they come. Full
//! stages go to a [`Sorter`], whose thread sorts them and writes each as a run of the transaction's kind (`spill`); the caller,
//! which meanwhile fills the next stages, gets them back sorted, looks for what it must (duplicates) and adds the runs to the
//! transaction with [`Txn::add_runs`]. At commit all runs of a transaction are merged into table files of the store.

use super::spill::{SpillFile, SpillRun};
use super::transaction::Txn;
use super::view::ReadView;
use super::writes::Lookup;
use crate::error::{Result, SqlError};
use crate::kv::{Block, FillLimit, KeyRange, Keyspace, ScanHints};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// The byte most keys go on with behind what they share: the tag of a value that is not NULL.
const COMMON: u8 = 1;
/// Bytes in front of every key of a table or index that all its keys share.
const SHARED: usize = 6;

/// An entry of a stage: where it stands, and a word whose order agrees with its key's.
#[derive(Clone, Copy, Debug)]
struct Ref {
    prefix: u64,
    at: u32,
    key: u32,
    value: u32,
    row: u32,
}

/// Entries with keys that begin alike, gathered in any order.
#[derive(Debug, Default)]
pub struct Stage {
    bytes: Vec<u8>,
    refs: Vec<Ref>,
    disordered: bool,
    /// The answer of `duplicate`, once known.
    duplicate: Option<Option<usize>>,
    /// Keys may be looked up singly later.
    keyed: bool,
    /// Its keys are removed: they have no values.
    removed: bool,
}

impl Stage {
    /// An empty stage; `keyed` if single keys of its runs will be looked up.
    pub fn new(keyed: bool) -> Self {
        Self { keyed, ..Self::default() }
    }

    /// An empty stage of keys to be removed.
    pub fn of_removed(keyed: bool) -> Self {
        Self { keyed, removed: true, ..Self::default() }
    }

    /// An empty stage of the same kind with room for as much.
    pub fn another(&self) -> Self {
        let room = |n: usize| n + n / 16;
        let (bytes, refs) = (Vec::with_capacity(room(self.bytes.len())), Vec::with_capacity(room(self.refs.len())));
        Self { bytes, refs, keyed: self.keyed, removed: self.removed, ..Self::default() }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.refs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.refs.is_empty()
    }

    /// Memory its entries take.
    pub fn byte_len(&self) -> usize {
        self.bytes.len() + self.refs.len() * size_of::<Ref>()
    }

    /// Forgets the entries, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.refs.clear();
        self.disordered = false;
        self.duplicate = None;
    }

    /// Adds an entry of row number `row`: `write` appends the key, then the value, and answers where the value begins,
    /// relative to the length of the buffer it was given. Answers where the key stands (see [`Stage::bytes`]).
    pub fn push(&mut self, row: u32, write: impl FnOnce(&mut Vec<u8>) -> Result<usize>) -> Result<Range<usize>> {
        let start = self.bytes.len();
        let middle = match write(&mut self.bytes) {
            Ok(middle) => middle,
            Err(e) => {
                self.bytes.truncate(start);
                return Err(e);
            }
        };
        let key = &self.bytes[start..middle];
        if let Some(last) = self.refs.last()
            && !self.disordered
        {
            let last = &self.bytes[last.at as usize..(last.at + last.key) as usize];
            self.disordered = last >= key;
        }
        self.refs.push(Ref {
            prefix: prefix(key),
            at: start as u32,
            key: (middle - start) as u32,
            value: (self.bytes.len() - middle) as u32,
            row,
        });
        Ok(start..middle)
    }

    /// Bytes pushed.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    fn key_of(&self, r: &Ref) -> &[u8] {
        &self.bytes[r.at as usize..(r.at + r.key) as usize]
    }

    /// Key, value and row of the `i`-th entry.
    pub fn entry(&self, i: usize) -> (&[u8], &[u8], u32) {
        let r = &self.refs[i];
        let middle = (r.at + r.key) as usize;
        (self.key_of(r), &self.bytes[middle..middle + r.value as usize], r.row)
    }

    /// The entry of a row number, before or after sorting.
    pub fn of_row(&self, row: u32) -> Option<(&[u8], &[u8])> {
        let at = self.refs.iter().position(|r| r.row == row)?;
        let (key, value, _) = self.entry(at);
        Some((key, value))
    }

    /// Sorts by key; equal keys by row.
    pub fn sort(&mut self) {
        if !self.disordered {
            return;
        }
        let bytes = &self.bytes;
        let key = |r: &Ref| &bytes[r.at as usize..(r.at + r.key) as usize];
        self.refs.sort_unstable_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))).then_with(|| a.row.cmp(&b.row)));
        self.disordered = false;
    }

    /// Of a sorted stage: the entry whose key an earlier row has already, the one of the first such row.
    pub fn duplicate(&self) -> Option<usize> {
        if let Some(known) = self.duplicate {
            return known;
        }
        let equal = |i: &usize| {
            let (a, b) = (&self.refs[*i - 1], &self.refs[*i]);
            a.prefix == b.prefix && self.key_of(a) == self.key_of(b)
        };
        (1..self.refs.len()).filter(equal).min_by_key(|&i| self.refs[i].row)
    }

    /// The range of a sorted stage's keys.
    pub fn range(&self) -> KeyRange {
        let (Some(first), Some(last)) = (self.refs.first(), self.refs.last()) else { return KeyRange::default() };
        let mut end = self.key_of(last).to_vec();
        end.push(0);
        KeyRange { start: self.key_of(first).to_vec(), end }
    }

    fn write(&self, file: &Arc<SpillFile>) -> Result<SpillRun> {
        let entries = self.refs.iter().map(|r| {
            let middle = (r.at + r.key) as usize;
            let value = (!self.removed).then(|| &self.bytes[middle..middle + r.value as usize]);
            (self.key_of(r), value)
        });
        SpillRun::write(file, self.refs.len(), self.keyed, entries)
    }
}

/// Eight bytes of the key past what all share, so that their order never contradicts the keys'. The tag of the first column is
/// left out where it is the common one.
fn prefix(key: &[u8]) -> u64 {
    let rest = key.get(SHARED..).unwrap_or_default();
    let mut word = [0; 8];
    let n = rest.len().min(8);
    word[..n].copy_from_slice(&rest[..n]);
    let word = u64::from_be_bytes(word);
    let next = u64::from(rest.get(8).copied().unwrap_or(0));
    // NULLs (and most row numbers, which come in order anyway) share the outermost words.
    match word >> 56 {
        tag if tag == u64::from(COMMON) => (word << 8) | next,
        tag if tag < u64::from(COMMON) => 0,
        _ => u64::MAX,
    }
}

/// Stages that came back sorted, and the run each was written to.
pub struct Sorted {
    /// The stages in the order they were given.
    pub stages: Vec<Stage>,
    runs: Vec<Option<SpillRun>>,
}

/// The way to a sorting thread and back.
struct Thread {
    to: SyncSender<Vec<Stage>>,
    from: Receiver<Result<Sorted>>,
}

/// Sorts stages and writes them, on a thread of its own.
pub struct Sorter {
    folder: PathBuf,
    thread: Option<Thread>,
    pending: usize,
}

impl Sorter {
    /// For a transaction.
    pub fn new(txn: &Txn) -> Self {
        Self { folder: txn.server().options.spill_folder.clone(), thread: None, pending: 0 }
    }

    /// Whether something was submitted.
    pub fn is_started(&self) -> bool {
        self.thread.is_some()
    }

    /// Hands stages over; answers those handed over before, now sorted. Errors: 53100, 58030.
    pub fn submit(&mut self, stages: Vec<Stage>) -> Result<Option<Sorted>> {
        let earlier = self.take()?;
        if self.thread.is_none() {
            self.thread = Some(start(self.folder.clone())?);
        }
        let Some(thread) = &self.thread else { return Ok(earlier) };
        thread.to.send(stages).map_err(|_| SqlError::internal("the sorting thread is gone"))?;
        self.pending += 1;
        Ok(earlier)
    }

    /// Waits for stages handed over; `None` when none are left.
    pub fn take(&mut self) -> Result<Option<Sorted>> {
        let Some(thread) = self.thread.as_ref().filter(|_| self.pending > 0) else { return Ok(None) };
        self.pending -= 1;
        thread.from.recv().map_err(|_| SqlError::internal("the sorting thread is gone"))?.map(Some)
    }
}

fn start(folder: PathBuf) -> Result<Thread> {
    let (to, stages) = sync_channel::<Vec<Stage>>(1);
    let (sorted, from) = sync_channel(2);
    let work = move || {
        let mut file = None;
        while let Ok(stages) = stages.recv() {
            if sorted.send(sort_stages(stages, &mut file, &folder)).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("bulk-sorter".into()).spawn(work);
    thread.map_err(|e| SqlError::internal(format!("could not start a thread: {e}")))?;
    Ok(Thread { to, from })
}

fn sort_stages(mut stages: Vec<Stage>, file: &mut Option<Arc<SpillFile>>, folder: &std::path::Path) -> Result<Sorted> {
    let file = match file {
        Some(file) => file,
        None => file.insert(Arc::new(SpillFile::create(folder)?)),
    };
    let mut runs = Vec::with_capacity(stages.len());
    for stage in &mut stages {
        stage.sort();
        // A stage with duplicates is an error to come: nothing is written.
        stage.duplicate = Some(stage.duplicate());
        let write = !stage.is_empty() && (stage.removed || stage.duplicate == Some(None));
        runs.push(if write { Some(stage.write(file)?) } else { None });
    }
    Ok(Sorted { stages, runs })
}

/// Keys looked up in the store at a time.
const LOOKUPS: usize = 1024;

impl Txn {
    /// Adds the runs of sorted stages to the transaction's writes.
    pub fn add_runs(&self, ks: Keyspace, sorted: &mut Sorted) -> Result<()> {
        let runs: Vec<SpillRun> = sorted.runs.iter_mut().filter_map(Option::take).collect();
        self.add_spill_runs(ks, runs)
    }

    /// Adds sorted or unsorted stages to the transaction's writes, in memory.
    pub fn put_stages(&self, ks: Keyspace, stages: &[Stage]) -> Result<()> {
        for stage in stages {
            let entries = (0..stage.len()).map(|i| stage.entry(i)).map(|(key, value, _)| (key, value));
            if stage.removed { self.delete_many(ks, entries.map(|(key, _)| key))? } else { self.put_many(ks, entries)? }
        }
        Ok(())
    }

    /// Of a sorted stage: an entry whose key exists, the one of the first such row; `fresh` if only this transaction can have
    /// made one. The caller has locked the keys if anybody else may write them.
    pub fn find_existing(&self, ks: Keyspace, stage: &Stage, fresh: bool) -> Result<Option<usize>> {
        let range = stage.range();
        let view = self.latest_view();
        let own = view.has_own_writes(ks, &range);
        let stored = !fresh && view.has_stored(ks, &range)?;
        if !own && !stored {
            return Ok(None);
        }
        let mut found: Option<usize> = None;
        let mut note = |i: usize| {
            if found.is_none_or(|f| stage.refs[i].row < stage.refs[f].row) {
                found = Some(i);
            }
        };
        let mut asked: Vec<usize> = Vec::new();
        for i in 0..stage.len() {
            let known = if own { view.own(ks, stage.entry(i).0)? } else { Lookup::Unknown };
            match known {
                Lookup::Put(_) => note(i),
                Lookup::Deleted => {}
                Lookup::Unknown if stored => asked.push(i),
                Lookup::Unknown => {}
            }
        }
        for some in asked.chunks(LOOKUPS) {
            let keys: Vec<&[u8]> = some.iter().map(|&i| stage.entry(i).0).collect();
            let values = view.committed_many(ks, &keys)?;
            some.iter().zip(values).filter(|(_, value)| value.is_some()).for_each(|(&i, _)| note(i));
        }
        Ok(found)
    }
}

impl ReadView {
    /// Whether the store has a key of the range.
    fn has_stored(&self, ks: Keyspace, range: &KeyRange) -> Result<bool> {
        let mut cursor = self.committed_scan(ks, range, ScanHints::default())?;
        let mut block = Block::default();
        cursor.fill(&mut block, FillLimit { entries: 1, bytes: 1 }).wait()?;
        Ok(!block.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(keys: &[&[u8]]) -> Stage {
        let mut stage = Stage::new(true);
        for (row, key) in keys.iter().enumerate() {
            let write = |out: &mut Vec<u8>| {
                out.extend_from_slice(b"prefix");
                out.extend_from_slice(key);
                let middle = out.len();
                out.push(row as u8);
                Ok(middle)
            };
            stage.push(row as u32, write).unwrap();
        }
        stage
    }

    #[test]
    fn stages_sort_by_key_and_tell_duplicates() {
        let tag = COMMON;
        let keys: Vec<Vec<u8>> = vec![
            vec![tag, 9, 1],
            vec![255],
            vec![tag, 9],
            vec![tag, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2],
            vec![0],
            vec![tag, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1],
        ];
        let mut s = stage(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>());
        s.sort();
        let mut expected = keys.clone();
        expected.sort();
        let got: Vec<Vec<u8>> = (0..s.len()).map(|i| s.entry(i).0[6..].to_vec()).collect();
        assert_eq!(got, expected);
        assert_eq!(s.duplicate(), None);
        let mut twice = stage(&[&[tag, 3], &[tag, 2], &[tag, 2], &[tag, 3]]);
        twice.sort();
        let at = twice.duplicate().expect("there are two");
        assert_eq!(twice.entry(at).2, 2);
    }
}
