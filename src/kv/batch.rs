//! The unit of atomic change.

use super::{KeyRange, Keyspace, SortedRun};

/// One change of a batch.
#[derive(Debug)]
pub enum Op {
    /// Sets a key.
    Put(Keyspace, Vec<u8>, Vec<u8>),
    /// Removes a key; absent keys are fine.
    Delete(Keyspace, Vec<u8>),
    /// Removes every key of a range.
    DeleteRange(Keyspace, KeyRange),
    /// Adds a sorted run. Its keys must not collide with other keys of the batch.
    Ingest(SortedRun),
}

/// Changes applied together, in order, across keyspaces: all or none, also through a crash.
#[derive(Debug, Default)]
pub struct WriteBatch {
    /// The changes in order; a later one wins over an earlier one on the same key.
    pub ops: Vec<Op>,
    /// Bytes of keys and values.
    pub bytes: usize,
}

impl WriteBatch {
    /// Whether it adds sorted runs.
    pub fn has_runs(&self) -> bool {
        self.ops.iter().any(|op| matches!(op, Op::Ingest(_)))
    }

    /// Sets a key.
    pub fn put(&mut self, ks: Keyspace, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.ops.push(Op::Put(ks, key, value));
    }

    /// Removes a key.
    pub fn delete(&mut self, ks: Keyspace, key: Vec<u8>) {
        self.bytes += key.len();
        self.ops.push(Op::Delete(ks, key));
    }

    /// Removes every key of a range.
    pub fn delete_range(&mut self, ks: Keyspace, range: KeyRange) {
        self.bytes += range.start.len() + range.end.len();
        self.ops.push(Op::DeleteRange(ks, range));
    }

    /// Adds a sorted run.
    pub fn ingest(&mut self, run: SortedRun) {
        self.ops.push(Op::Ingest(run));
    }

    /// Appends the changes of `other`.
    pub fn append(&mut self, other: WriteBatch) {
        self.bytes += other.bytes;
        self.ops.extend(other.ops);
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}
