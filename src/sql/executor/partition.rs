//! Rows dealt out to temporary files by the hash of their key: what hash tables do with the rows they have no room for.
//!
//! Rows of one key end in one partition, whatever batch they come in. A partition that is again too large is dealt out by other
//! bits of the hash; past `DEEPEST` levels its keys cannot be told apart by hash, and it is worked on in memory.

use super::spill::{Run, RunWriter};
use super::{Batch, Column};
use crate::error::Result;

/// Partitions of one level.
const WIDTH: usize = 16;
/// Levels after which dealing out again does not help.
const DEEPEST: u32 = 6;

/// Memory a hash table may take: twice work_mem, as with PostgreSQL's `hash_mem_multiplier`.
pub(super) fn hash_budget(work_mem: usize, level: u32) -> usize {
    if level >= DEEPEST { usize::MAX } else { work_mem.saturating_mul(2) }
}

/// Files being filled.
pub(super) struct Partitions {
    writers: Vec<Option<RunWriter>>,
    level: u32,
}

impl Partitions {
    /// Empty partitions of a level: 0 for rows of the input, one more for rows that come from a partition.
    pub fn new(level: u32) -> Self {
        Self { writers: (0..WIDTH).map(|_| None).collect(), level }
    }

    fn of(&self, hash: u64) -> usize {
        // The hash table itself goes by the lowest bits, so these are others.
        (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (60 - 4 * self.level)) as usize % WIDTH
    }

    /// Writes rows of a batch to their partitions. `hashes` has one word per row in `rows`.
    pub fn deal(&mut self, columns: &[Column], rows: &[u32], hashes: &[u64]) -> Result<()> {
        let mut chosen: Vec<Vec<u32>> = vec![Vec::new(); WIDTH];
        rows.iter().zip(hashes).for_each(|(&row, &hash)| chosen[self.of(hash)].push(row));
        for (n, rows) in chosen.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let writer = match &mut self.writers[n] {
                Some(writer) => writer,
                place @ None => place.insert(RunWriter::create()?),
            };
            writer.write(&Batch::new(columns.iter().map(|c| c.gather(&rows)).collect(), rows.len()))?;
        }
        Ok(())
    }

    /// The partitions that have rows, by their number.
    pub fn finish(self) -> Result<Vec<(usize, Run)>> {
        let filled = self.writers.into_iter().enumerate().filter_map(|(n, w)| w.map(|w| (n, w)));
        filled.map(|(n, writer)| Ok((n, writer.finish()?))).collect()
    }
}
