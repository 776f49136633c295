//! Conditions on a scan's rows that an operator above finds out while it runs.
//!
//! - A sort that keeps the first rows only knows, once it has enough of them, a value of its first key behind which no row counts.
//! - A hash join knows its build side's keys before the first probe row is read: their range, and a bloom filter of them.
//!
//! The scan tests them on the one column they are about, before it decodes the others. They may let rows through that do not
//! count, never keep back one that does; a join filter that keeps hardly any row back switches itself off.

use super::Batch;
use super::batch::{Column, Data, hash_u64};
use super::sort::{SortOrder, sort_prefixes};
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The greatest prefix word of a row that may still be among the first; all words until it is known.
pub type SortBound = Arc<AtomicU64>;

/// The keys of a build side, once they are known.
pub type JoinKeys = Arc<RwLock<Option<Arc<KeyFilter>>>>;

/// One such condition.
#[derive(Clone)]
pub enum DynamicFilter {
    /// Rows that may be among the first of a sort by this column.
    First {
        /// The column's position in the scan's output.
        slot: usize,
        /// How it sorts.
        order: SortOrder,
        /// See [`SortBound`].
        bound: SortBound,
    },
    /// Rows whose integer column may be one of a build side's keys.
    Joins {
        /// The column's position in the scan's output.
        slot: usize,
        /// See [`JoinKeys`].
        keys: JoinKeys,
        /// Rows tested and rows that passed, until the filter is found to be of no use.
        tested: (u64, u64),
    },
}

/// Rows after which a join filter is judged.
const TRIAL: u64 = 16 * 1024;

impl DynamicFilter {
    /// The column it reads.
    pub fn slot(&self) -> usize {
        match self {
            Self::First { slot, .. } | Self::Joins { slot, .. } => *slot,
        }
    }

    /// Leaves out rows that do not count.
    pub fn apply(&mut self, batch: &mut Batch) {
        match self {
            Self::First { slot, order, bound } => {
                let most = bound.load(Ordering::Relaxed);
                if most == u64::MAX {
                    return;
                }
                let mut words = Vec::new();
                sort_prefixes(*order, &batch.columns[*slot], &mut words);
                retain(batch, |i| words[i] <= most);
            }
            Self::Joins { slot, keys, tested } => {
                let Some(filter) = keys.read().clone() else { return };
                if tested.0 > TRIAL && tested.1 * 10 > tested.0 * 9 {
                    return;
                }
                let before = batch.rows() as u64;
                filter.apply(*slot, batch);
                tested.0 += before;
                tested.1 += batch.rows() as u64;
            }
        }
    }
}

fn retain(batch: &mut Batch, keep: impl Fn(usize) -> bool) {
    let rows: Vec<u32> = batch.positions().filter(|&i| keep(i)).map(|i| i as u32).collect();
    if rows.len() < batch.len {
        batch.selection = Some(rows);
    }
}

/// Integer keys of a build side: their range and a bloom filter.
pub struct KeyFilter {
    least: i64,
    most: i64,
    /// Two bits a key in one word; a power of two of words.
    words: Vec<u64>,
}

impl KeyFilter {
    /// Over the keys that are not NULL.
    pub fn new(keys: impl Iterator<Item = i64> + Clone, count: usize) -> Self {
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        let mut words = vec![0u64; (count / 4).next_power_of_two().max(64)];
        let mask = words.len() as u64 - 1;
        for key in keys {
            least = least.min(key);
            most = most.max(key);
            let (at, bits) = Self::bits(key, mask);
            words[at] |= bits;
        }
        Self { least, most, words }
    }

    #[inline]
    fn bits(key: i64, mask: u64) -> (usize, u64) {
        let hash = hash_u64(key as u64);
        ((hash & mask) as usize, 1 << (hash >> 58) | 1 << (hash >> 52 & 63))
    }

    #[inline]
    fn may_have(&self, key: i64) -> bool {
        if key < self.least || key > self.most {
            return false;
        }
        let (at, bits) = Self::bits(key, self.words.len() as u64 - 1);
        self.words[at] & bits == bits
    }

    fn apply(&self, slot: usize, batch: &mut Batch) {
        let column: Column = batch.columns[slot].clone();
        let valid = column.validity().as_deref();
        let holds = |i: usize| valid.is_none_or(|v| v[i]);
        match column.data() {
            Data::I32(v) => retain(batch, |i| self.may_have(v[i].into()) && holds(i)),
            Data::I64(v) => retain(batch, |i| self.may_have(v[i]) && holds(i)),
            Data::I16(v) => retain(batch, |i| self.may_have(v[i].into()) && holds(i)),
            _ => {}
        }
    }
}
