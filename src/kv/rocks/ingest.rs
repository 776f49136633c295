//! Sorted runs: table files built beside the visible store and added to it by a commit.
//!
//! RocksDB adds files and writes batches each atomically, but not both together. So a commit with runs first writes its ordinary
//! keys and, in the same synced batch, an *intent*: a key in `pg_metadata` that lists the run files. Then the files are added
//! and the intent is removed. All of it happens behind the store's gate, so no reader sees a part. After a crash the intent says
//! which files in `ingest/` still have to be added (RocksDB moves a file out of there once it has it); files no intent names
//! belong to commits that never happened and are removed.
//!
//! Intent: key `00 "ingest"`; value: version byte 1, then keyspace byte, name length (u16 LE) and file name of each file.

use super::raw::TableWriter;
use super::{RocksStore, write};
use crate::kv::{Durability, Error, KeyRange, Keyspace, Result, RunWriter, SortedRun};
use rocksdb::{IngestExternalFileOptions, Options};
use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const INTENT_KEY: &[u8] = b"\0ingest";
const INTENT_VERSION: u8 = 1;

/// The folder where runs wait for their commit.
pub(super) struct RunFolder {
    path: PathBuf,
    next: AtomicU64,
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |e| match e.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Error::DiskFull(e.to_string()),
        _ => Error::Io { action, path: path.clone(), reason: e.to_string() },
    }
}

impl RunFolder {
    /// Opens the folder, creating it (and its parents) if need be.
    pub(super) fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(io("create directory", path))?;
        for folder in path.ancestors().skip(1).take(2).filter(|p| !p.as_os_str().is_empty()) {
            sync_folder(folder)?;
        }
        Ok(Self { path: path.to_owned(), next: AtomicU64::new(1) })
    }

    fn next_file(&self) -> PathBuf {
        loop {
            let path = self.path.join(format!("{:08}.sst", self.next.fetch_add(1, Ordering::Relaxed)));
            if !path.exists() {
                return path;
            }
        }
    }

    /// Removes every file but those in `kept`.
    fn remove_others(&self, kept: &HashSet<PathBuf>) -> Result<()> {
        for entry in std::fs::read_dir(&self.path).map_err(io("read directory", &self.path))? {
            let path = entry.map_err(io("read directory", &self.path))?.path();
            if !kept.contains(&path) {
                std::fs::remove_file(&path).map_err(io("remove file", &path))?;
            }
        }
        Ok(())
    }
}

/// Gives memory that writing table files took, and that lies free in many places, back to the system.
fn release_memory() {
    // SAFETY: touches only free memory of the C library's allocator, which RocksDB uses.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|f| f.sync_all()).map_err(io("fsync directory", path))
}

/// Files of a finished run; removed on drop unless a commit took them. And the key ranges of which it removes much.
struct RunFiles(Vec<PathBuf>, Vec<KeyRange>);

/// Removals within one table or index after which the files they lie over are merged at once.
const MANY_REMOVED: u64 = 50_000;
/// Bytes that keys of one table or index have in common.
const SHARED: usize = 6;

/// Counts the removals of a run, table by table.
#[derive(Default)]
struct Removals {
    count: u64,
    first: Vec<u8>,
    last: Vec<u8>,
    much: Vec<KeyRange>,
}

impl Removals {
    fn add(&mut self, key: &[u8]) {
        if self.count == 0 || key.get(..SHARED) != self.first.get(..SHARED) {
            self.end();
            self.first.extend_from_slice(key);
        }
        self.count += 1;
        self.last.clear();
        self.last.extend_from_slice(key);
    }

    /// No more of this table.
    fn end(&mut self) {
        let (first, mut last) = (std::mem::take(&mut self.first), std::mem::take(&mut self.last));
        if std::mem::take(&mut self.count) >= MANY_REMOVED {
            last.push(0);
            self.much.push(KeyRange { start: first, end: last });
        }
    }
}

impl Drop for RunFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!("could not remove unused run \"{}\": {error}", path.display());
            }
        }
    }
}

/// A run being written, cut into files of the tree's file size.
pub(super) struct RocksRun {
    keyspace: Keyspace,
    folder: Arc<RunFolder>,
    options: Arc<Options>,
    file_size: u64,
    open: Option<TableWriter>,
    files: RunFiles,
    entries: u64,
    last: Vec<u8>,
    removals: Removals,
}

impl RocksRun {
    pub(super) fn new(keyspace: Keyspace, folder: Arc<RunFolder>, options: Arc<Options>, file_size: u64) -> Self {
        let (files, removals) = (RunFiles(Vec::new(), Vec::new()), Removals::default());
        Self { keyspace, folder, options, file_size, open: None, files, entries: 0, last: Vec::new(), removals }
    }

    fn writer(&mut self) -> Result<&mut TableWriter> {
        match &mut self.open {
            Some(writer) => Ok(writer),
            place @ None => {
                let path = self.folder.next_file();
                let writer = TableWriter::create(self.options.clone(), &path).map_err(|e| write::error(e, &path))?;
                self.files.0.push(path);
                Ok(place.insert(writer))
            }
        }
    }

    fn finish_file(&mut self) -> Result<()> {
        match self.open.take() {
            Some(writer) => writer.finish().map_err(|e| write::error(e, &self.folder.path)),
            None => Ok(()),
        }
    }

    fn add(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        if self.entries > 0 && key <= self.last.as_slice() {
            return Err(Error::Engine("keys of a sorted run must ascend".into()));
        }
        let writer = self.writer()?;
        let added = match value {
            Some(value) => writer.put(key, value),
            None => writer.delete(key),
        };
        added.map_err(|e| write::error(e, &self.folder.path))?;
        if value.is_none() {
            self.removals.add(key);
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        self.entries += 1;
        // Asking costs a call into RocksDB, and a file may well be a little larger.
        if self.entries.is_multiple_of(64) && self.open.as_ref().is_some_and(|w| w.size() >= self.file_size) {
            self.finish_file()?;
        }
        Ok(())
    }
}

impl RunWriter for RocksRun {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.add(key, Some(value))
    }

    fn delete(&mut self, key: &[u8]) -> Result<()> {
        self.add(key, None)
    }

    fn finish(mut self: Box<Self>) -> Result<SortedRun> {
        self.finish_file()?;
        sync_folder(&self.folder.path)?;
        self.removals.end();
        let mut files = std::mem::replace(&mut self.files, RunFiles(Vec::new(), Vec::new()));
        files.1 = std::mem::take(&mut self.removals.much);
        Ok(SortedRun { keyspace: self.keyspace, payload: Box::new(files), entries: self.entries })
    }
}

impl RocksStore {
    /// Commits ordinary keys and runs as one. Always synced.
    pub(super) fn commit_with_runs(&self, mut writes: rocksdb::WriteBatch, runs: Vec<SortedRun>) -> Result<()> {
        let mut files: Vec<(Keyspace, RunFiles)> = Vec::new();
        for run in runs {
            let payload = run.payload.downcast::<RunFiles>().map_err(|_| Error::Engine("sorted run of another engine".into()))?;
            files.push((run.keyspace, *payload));
        }
        let _alone = self.writers.write();
        self.health.writable()?;
        let metadata = self.db.family(Keyspace::Metadata).map_err(|e| self.error(e))?;
        let listed: Vec<_> = files.iter().flat_map(|(ks, run)| run.0.iter().map(|path| (*ks, path.clone()))).collect();
        writes.put_cf(metadata, INTENT_KEY, encode_intent(&listed));
        let mut gate = self.gate.write();
        // From here on the files are the intent's: even after a failed write it may stand in the log.
        for (_, run) in &mut files {
            run.0.clear();
        }
        self.write(writes, Durability::Sync)?;
        let removed = files.iter_mut().flat_map(|(ks, run)| std::mem::take(&mut run.1).into_iter().map(|range| (*ks, range)));
        let removed: Vec<(Keyspace, KeyRange)> = removed.collect();
        let added = self.add_files(&listed).and_then(|()| self.forget_intent());
        if let Err(error) = &added {
            let reason = format!("a bulk commit could not be completed and will be at the next start: {error}");
            self.health.poison(&reason);
            *gate = Some(reason.clone());
            return Err(Error::Poisoned(reason));
        }
        drop(gate);
        release_memory();
        self.merge_removals(removed);
        added
    }

    /// Merges what was removed with what it removes, in the background: scans would pass over both.
    fn merge_removals(&self, removed: Vec<(Keyspace, KeyRange)>) {
        if removed.is_empty() {
            return;
        }
        let db = self.db.clone();
        let merge = move || {
            for (ks, range) in removed {
                if let Err(error) = super::measure::compact(&db, ks, &range) {
                    tracing::warn!("could not merge removed rows: {error}");
                }
            }
            release_memory();
        };
        if let Err(error) = std::thread::Builder::new().name("removals".into()).spawn(merge) {
            tracing::warn!("removed rows are not merged: {error}");
        }
    }

    /// Adds files in order, neighbours of one keyspace together.
    fn add_files(&self, files: &[(Keyspace, PathBuf)]) -> Result<()> {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        for group in files.chunk_by(|a, b| a.0 == b.0) {
            let handle = self.db.family(group[0].0).map_err(|e| self.error(e))?;
            let paths: Vec<&Path> = group.iter().map(|(_, path)| path.as_path()).collect();
            self.db.ingest_external_file_cf_opts(handle, &options, paths).map_err(|e| self.error(e.into_string()))?;
        }
        if self.wal { Ok(()) } else { self.flush_log() }
    }

    /// Later commits follow the removal in the log, so it needs no sync of its own.
    fn forget_intent(&self) -> Result<()> {
        let metadata = self.db.family(Keyspace::Metadata).map_err(|e| self.error(e))?;
        let mut writes = rocksdb::WriteBatch::default();
        writes.delete_cf(metadata, INTENT_KEY);
        self.write(writes, Durability::Buffered)
    }

    /// At open: adds the files of an interrupted commit, removes those of commits that never happened.
    pub(super) fn finish_ingestions(&self) -> Result<()> {
        let mut intent = Vec::new();
        let found = self.db.get(Keyspace::Metadata, INTENT_KEY, &self.latest, &mut intent).map_err(|e| self.error(e))?;
        if found {
            let mut files = decode_intent(&intent, &self.runs.path)?;
            files.retain(|(_, path)| path.exists());
            tracing::info!("completing a bulk commit: {} files to add", files.len());
            self.add_files(&files)?;
            self.forget_intent()?;
        }
        self.runs.remove_others(&HashSet::new())
    }
}

#[cfg(test)]
impl RocksStore {
    /// The first half of a commit with a run and the key `beside`: what a crash before the second half leaves.
    pub(super) fn interrupted_commit(&self, mut run: SortedRun) {
        let files = std::mem::take(&mut run.payload.downcast_mut::<RunFiles>().expect("our own run").0);
        let listed: Vec<_> = files.into_iter().map(|path| (run.keyspace, path)).collect();
        let mut writes = rocksdb::WriteBatch::default();
        writes.put_cf(self.db.family(Keyspace::Data).expect("family"), b"beside", b"1");
        writes.put_cf(self.db.family(Keyspace::Metadata).expect("family"), INTENT_KEY, encode_intent(&listed));
        self.write(writes, Durability::Sync).expect("write");
    }
}

fn encode_intent(files: &[(Keyspace, PathBuf)]) -> Vec<u8> {
    let mut out = vec![INTENT_VERSION];
    for (ks, path) in files {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        out.push(*ks as u8);
        out.extend_from_slice(&(name.len() as u16).to_le_bytes());
        out.extend_from_slice(name);
    }
    out
}

fn decode_intent(bytes: &[u8], folder: &Path) -> Result<Vec<(Keyspace, PathBuf)>> {
    let damaged = || Error::Corruption("record of a bulk commit".into());
    let (&version, mut rest) = bytes.split_first().ok_or_else(damaged)?;
    if version != INTENT_VERSION {
        return Err(damaged());
    }
    let mut files = Vec::new();
    while let [ks, low, high, tail @ ..] = rest {
        let keyspace = *Keyspace::ALL.get(usize::from(*ks)).ok_or_else(damaged)?;
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        let name = tail.get(..len).and_then(|n| std::str::from_utf8(n).ok()).ok_or_else(damaged)?;
        files.push((keyspace, folder.join(name)));
        rest = &tail[len..];
    }
    if rest.is_empty() { Ok(files) } else { Err(damaged()) }
}
