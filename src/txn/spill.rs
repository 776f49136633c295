//! Sorted runs of a transaction that outgrew its memory, in one temporary file that vanishes with it.
//!
//! | run | is |
//! |---|---|
//! | blocks | entries back to back, about 32 KiB each |
//! | entry | key length u32, value length u32 (`FFFFFFFF`: deleted), key, value |
//! | index | first key, offset and length of each block, in memory |
//! | filter | Bloom filter of all keys, in memory, about 10 bits a key |

use crate::error::{Result, SqlError, SqlState};
use crate::kv::KeyRange;
use std::fs::{File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::writes::{Key, Value};

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
    filter: Filter,
}

impl SpillRun {
    /// Writes a run of `count` entries with ascending keys.
    pub fn write<'a>(
        file: &Arc<SpillFile>,
        count: usize,
        entries: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<Self> {
        let start = file.len.load(Relaxed);
        let mut out = BufWriter::with_capacity(256 << 10, At { file: &file.file, offset: start });
        let (mut blocks, mut filter, mut last) = (Vec::<BlockRef>::new(), Filter::new(count), Box::<[u8]>::default());
        let mut offset = start;
        for (key, value) in entries {
            if blocks.last().is_none_or(|b| b.len as usize >= BLOCK) {
                blocks.push(BlockRef { first: key.into(), offset, len: 0 });
            }
            let value_len = value.map_or(DELETED, |v| v.len() as u32);
            let head = [(key.len() as u32).to_le_bytes(), value_len.to_le_bytes()].concat();
            for part in [&head[..], key, value.unwrap_or_default()] {
                out.write_all(part).map_err(|e| failed("write", &e))?;
                offset += part.len() as u64;
            }
            if let Some(block) = blocks.last_mut() {
                block.len = (offset - block.offset) as u32;
            }
            filter.add(key);
            last = key.into();
        }
        out.flush().map_err(|e| failed("write", &e))?;
        file.len.store(offset, Relaxed);
        Ok(Self { file: Arc::clone(file), blocks, last, filter })
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

    /// The block that holds the last key at or before `key`; 0 if the run begins after it.
    pub fn block_of(&self, key: &[u8]) -> usize {
        self.blocks.partition_point(|b| *b.first <= *key).saturating_sub(1)
    }

    /// Reads a block's entries.
    pub fn read(&self, block: usize) -> Result<Vec<(Key, Value)>> {
        let at = &self.blocks[block];
        let mut bytes = vec![0; at.len as usize];
        self.file.file.read_exact_at(&mut bytes, at.offset).map_err(|e| failed("read", &e))?;
        Ok(entries(&bytes).map(|(k, v)| (Arc::from(k), v.map(Arc::from))).collect())
    }

    /// The entry of a key: its value, or `Some(None)` where it was deleted.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        if self.blocks.is_empty() || *key > *self.last || *key < *self.blocks[0].first || !self.filter.may_contain(key) {
            return Ok(None);
        }
        let at = &self.blocks[self.block_of(key)];
        let mut bytes = vec![0; at.len as usize];
        self.file.file.read_exact_at(&mut bytes, at.offset).map_err(|e| failed("read", &e))?;
        Ok(entries(&bytes).find(|(k, _)| *k == key).map(|(_, v)| v.map(Arc::from)))
    }
}

fn entries(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let key_len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let value_len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let (key, rest) = rest.split_at_checked(key_len)?;
        if value_len == DELETED {
            bytes = rest;
            return Some((key, None));
        }
        let (value, rest) = rest.split_at_checked(value_len as usize)?;
        bytes = rest;
        Some((key, Some(value)))
    })
}

/// Writes at a position of a shared file.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Write for At<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let n = self.file.write_at(buf, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A Bloom filter with six probes from one hash.
#[derive(Debug)]
struct Filter {
    bits: Vec<u64>,
}

static FILTER_HASHER: foldhash::fast::FixedState = foldhash::fast::FixedState::with_seed(0x1234_5678_9abc_def1);

impl Filter {
    fn new(count: usize) -> Self {
        Self { bits: vec![0; (count * 10 / 64 + 1).next_power_of_two()] }
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
