//! Sorted runs of a transaction that outgrew its memory, in one temporary file that vanishes with it.
//!
//! | run | is |
//! |---|---|
//! | blocks | entries back to back, about 32 KiB each |
//! | entry | key length u32, value length u32 (`FFFFFFFF`: deleted), key, value |
//! | index | first key, offset and length of each block, in memory |
//! | filter | Bloom filter of all keys, in memory, about 12 bits a key; only where keys are looked up |

use crate::error::{Result, SqlError, SqlState};
use crate::kv::KeyRange;
use std::fs::{File, OpenOptions};
use std::hash::BuildHasher;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::writes::Value;

const BLOCK: usize = 32 << 10;
const DELETED: u32 = u32::MAX;

/// A transaction's temporary file; already unlinked, so that nothing is left behind whatever happens.
#[derive(Debug)]
pub(super) struct SpillFile {
    file: File,
    len: AtomicU64,
}

impl SpillFile {
    /// Makes a file in `folder` (created if missing).
    pub fn create(folder: &Path) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let path = folder.join(format!("txn-{}-{}.tmp", std::process::id(), NUMBER.fetch_add(1, Relaxed)));
        let make = || {
            std::fs::create_dir_all(folder)?;
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        };
        let file = make().map_err(|e| failed("create", &e))?;
        Ok(Self { file, len: AtomicU64::new(0) })
    }
}

#[cold]
fn failed(action: &str, e: &std::io::Error) -> SqlError {
    let code = if e.kind() == std::io::ErrorKind::StorageFull { SqlState::DISK_FULL } else { SqlState::IO_ERROR };
    SqlError::new(code, format!("could not {action} temporary file: {e}"))
}

#[derive(Debug)]
struct BlockRef {
    first: Box<[u8]>,
    offset: u64,
    len: u32,
}

/// One sorted run.
#[derive(Debug)]
pub(super) struct SpillRun {
    file: Arc<SpillFile>,
    blocks: Vec<BlockRef>,
    last: Box<[u8]>,
    /// Nobody looks up single keys of a run without one.
    filter: Option<Filter>,
}

/// Entries of a block, cut at their boundaries: the bytes are the block's own.
#[derive(Debug, Default)]
pub(super) struct BlockEntries {
    pub bytes: Vec<u8>,
    pub entries: Vec<EntryAt>,
}

/// Where an entry stands in its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryAt {
    pub key: u32,
    pub value: u32,
    pub end: u32,
    pub deleted: bool,
}

impl BlockEntries {
    pub fn key(&self, i: usize) -> &[u8] {
        let e = self.entries[i];
        &self.bytes[e.key as usize..e.value as usize]
    }

    pub fn value(&self, i: usize) -> Option<&[u8]> {
        let e = self.entries[i];
        (!e.deleted).then(|| &self.bytes[e.value as usize..e.end as usize])
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    pub fn push(&mut self, key: &[u8], value: Option<&[u8]>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value.unwrap_or_default());
        let deleted = value.is_none();
        self.entries.push(EntryAt { key: start as u32, value: middle as u32, end: self.bytes.len() as u32, deleted });
    }

    /// Finds the entries in `bytes`.
    fn cut(&mut self) {
        self.entries.clear();
        let mut at = 0;
        while let Some(head) = self.bytes.get(at..at + 8) {
            let key_len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            let value_len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
            let deleted = value_len == DELETED;
            let key = at as u32 + 8;
            let value = key + key_len;
            let end = if deleted { value } else { value + value_len };
            if end as usize > self.bytes.len() {
                break;
            }
            self.entries.push(EntryAt { key, value, end, deleted });
            at = end as usize;
        }
    }
}

/// Bytes gathered before they are written.
const WRITE: usize = 512 << 10;

impl SpillRun {
    /// Writes a run of `count` entries with ascending keys. Without `keyed` its keys cannot be looked up cheaply.
    pub fn write<'a>(
        file: &Arc<SpillFile>,
        count: usize,
        keyed: bool,
        entries: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<Self> {
        let start = file.len.load(Relaxed);
        let mut run =
            Self { file: Arc::clone(file), blocks: Vec::new(), last: Box::default(), filter: keyed.then(|| Filter::new(count)) };
        let mut out: Vec<u8> = Vec::with_capacity(WRITE + BLOCK);
        let (mut written, mut left) = (start, BLOCK);
        let mut last_at = 0..0;
        for (key, value) in entries {
            if left >= BLOCK {
                if out.len() >= WRITE {
                    file.file.write_all_at(&out, written).map_err(|e| failed("write", &e))?;
                    written += out.len() as u64;
                    out.clear();
                }
                run.end_block(written + out.len() as u64);
                run.blocks.push(BlockRef { first: key.into(), offset: written + out.len() as u64, len: 0 });
                left = 0;
            }
            let before = out.len();
            out.extend_from_slice(&(key.len() as u32).to_le_bytes());
            out.extend_from_slice(&value.map_or(DELETED, |v| v.len() as u32).to_le_bytes());
            out.extend_from_slice(key);
            last_at = out.len() - key.len()..out.len();
            out.extend_from_slice(value.unwrap_or_default());
            left += out.len() - before;
            if let Some(filter) = &mut run.filter {
                filter.add(key);
            }
        }
        run.last = out[last_at].into();
        file.file.write_all_at(&out, written).map_err(|e| failed("write", &e))?;
        written += out.len() as u64;
        run.end_block(written);
        file.len.store(written, Relaxed);
        Ok(run)
    }

    fn end_block(&mut self, offset: u64) {
        if let Some(block) = self.blocks.last_mut() {
            block.len = (offset - block.offset) as u32;
        }
    }

    /// Whether a key of `range` may be in the run.
    pub fn overlaps(&self, range: &KeyRange) -> bool {
        let first = self.blocks.first().map_or(&[][..], |b| &b.first);
        *self.last >= *range.start && (range.end.is_empty() || first < range.end.as_slice())
    }

    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The first key of a block.
    pub fn first_key(&self, block: usize) -> Option<&[u8]> {
        self.blocks.get(block).map(|b| &*b.first)
    }

    /// The last key.
    pub fn last_key(&self) -> &[u8] {
        &self.last
    }

    /// First key of each block and the block's length.
    pub fn block_keys(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.blocks.iter().map(|b| (&*b.first, b.len))
    }

    /// The block that holds the last key at or before `key`; 0 if the run begins after it.
    pub fn block_of(&self, key: &[u8]) -> usize {
        self.blocks.partition_point(|b| *b.first <= *key).saturating_sub(1)
    }

    /// Reads a block's entries.
    pub fn read(&self, block: usize, out: &mut BlockEntries) -> Result<()> {
        let at = &self.blocks[block];
        out.bytes.resize(at.len as usize, 0);
        self.file.file.read_exact_at(&mut out.bytes, at.offset).map_err(|e| failed("read", &e))?;
        out.cut();
        Ok(())
    }

    /// The entry of a key: its value, or `Some(None)` where it was deleted.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        if self.blocks.is_empty() || *key > *self.last || *key < *self.blocks[0].first {
            return Ok(None);
        }
        if self.filter.as_ref().is_some_and(|f| !f.may_contain(key)) {
            return Ok(None);
        }
        let mut block = BlockEntries::default();
        self.read(self.block_of(key), &mut block)?;
        let at = block.entries.partition_point(|e| block.bytes[e.key as usize..e.value as usize] < *key);
        let found = at < block.entries.len() && block.key(at) == key;
        Ok(found.then(|| block.value(at).map(Arc::from)))
    }
}

/// A Bloom filter with six probes from one hash.
#[derive(Debug)]
pub(super) struct Filter {
    bits: Vec<u64>,
}

static FILTER_HASHER: foldhash::fast::FixedState = foldhash::fast::FixedState::with_seed(0x1234_5678_9abc_def1);

impl Filter {
    fn new(count: usize) -> Self {
        Self { bits: vec![0; (count * 12 / 64 + 1).next_power_of_two()] }
    }

    fn probes(&self, key: &[u8]) -> impl Iterator<Item = (usize, u64)> + use<> {
        let hash = FILTER_HASHER.hash_one(key);
        let (mut at, step, mask) = (hash, hash.rotate_left(32) | 1, self.bits.len() as u64 * 64 - 1);
        (0..6).map(move |_| {
            at = at.wrapping_add(step);
            let bit = at & mask;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn add(&mut self, key: &[u8]) {
        for (word, bit) in self.probes(key) {
            self.bits[word] |= bit;
        }
    }

    fn may_contain(&self, key: &[u8]) -> bool {
        self.probes(key).all(|(word, bit)| self.bits[word] & bit != 0)
    }
}
