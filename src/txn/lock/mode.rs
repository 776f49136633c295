//! What can be locked, how strongly, and which strengths exclude each other (PostgreSQL manual, section 13.3).

use crate::kv::Keyspace;
use std::hash::BuildHasher;

/// Row lock strengths, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RowMode {
    /// FOR KEY SHARE
    KeyShare = 0,
    /// FOR SHARE
    Share = 1,
    /// FOR NO KEY UPDATE
    NoKeyUpdate = 2,
    /// FOR UPDATE
    Update = 3,
}

/// Table lock modes in PostgreSQL's order; also used for objects and (Share, Exclusive) advisory locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are PostgreSQL's own")]
pub enum TableMode {
    AccessShare = 0,
    RowShare = 1,
    RowExclusive = 2,
    ShareUpdateExclusive = 3,
    Share = 4,
    ShareRowExclusive = 5,
    Exclusive = 6,
    AccessExclusive = 7,
}

impl TableMode {
    /// The mode with this number, 0 (AccessShare) to 7 (AccessExclusive); larger numbers are AccessExclusive.
    pub fn from_number(n: u8) -> Self {
        match n {
            0 => Self::AccessShare,
            1 => Self::RowShare,
            2 => Self::RowExclusive,
            3 => Self::ShareUpdateExclusive,
            4 => Self::Share,
            5 => Self::ShareRowExclusive,
            6 => Self::Exclusive,
            _ => Self::AccessExclusive,
        }
    }
}

/// Bit `m` of `ROW_CONFLICTS[n]` says that row mode `m` excludes row mode `n`.
const ROW_CONFLICTS: [u8; 4] = [0b1000, 0b1100, 0b1110, 0b1111];

/// As `ROW_CONFLICTS`, for table modes.
const TABLE_CONFLICTS: [u8; 8] =
    [0b1000_0000, 0b1100_0000, 0b1111_0000, 0b1111_1000, 0b1110_1100, 0b1111_1100, 0b1111_1110, 0b1111_1111];

/// What kind of thing a tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum TagKind {
    /// A row, or a key of a unique index about to be inserted.
    Row = 0,
    /// All rows of a table: taken by a transaction that holds too many row locks of it.
    AllRows = 1,
    /// A table.
    Relation = 2,
    /// Any other schema object, or a name about to be taken.
    Object = 3,
    /// An advisory lock with one 64-bit key.
    Advisory = 4,
    /// An advisory lock with two 32-bit keys.
    AdvisoryPair = 5,
}

/// What is locked. Rows are named by a 64-bit hash of their key: two rows that share one exclude each other needlessly, which
/// costs a wait and never correctness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// What `table` and `key` mean.
    pub kind: TagKind,
    /// Row, AllRows: storage id. Relation: OID. Object: class OID. Advisory: database OID.
    pub table: u32,
    /// Row: hash of the key. Object: OID or hash of the name. Advisory: the key.
    pub key: u64,
}

/// One fixed seed, so that every thread names a row alike.
static ROW_HASHER: foldhash::fast::FixedState = foldhash::fast::FixedState::with_seed(0x5bd1_e995_2545_f491);

impl Tag {
    /// A row by its key; `table` is its storage id (the first four bytes of a key in `Keyspace::Data`).
    #[inline]
    pub fn row(ks: Keyspace, key: &[u8]) -> Self {
        let table = key.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b));
        Self { kind: TagKind::Row, table, key: ROW_HASHER.hash_one(key) ^ (ks as u64) }
    }

    /// All rows of a storage id.
    pub fn all_rows(table: u32) -> Self {
        Self { kind: TagKind::AllRows, table, key: 0 }
    }

    /// A table by OID.
    pub fn relation(oid: u32) -> Self {
        Self { kind: TagKind::Relation, table: oid, key: 0 }
    }

    /// A schema object by class and OID.
    pub fn object(class: u32, oid: u32) -> Self {
        Self { kind: TagKind::Object, table: class, key: u64::from(oid) }
    }

    /// A name within a class (and whatever scope the caller puts into `name`): concurrent CREATEs of one name wait for each other.
    pub fn name(class: u32, name: &str) -> Self {
        Self { kind: TagKind::Object, table: class, key: ROW_HASHER.hash_one(name) | 1 << 63 }
    }

    /// `pg_advisory_lock(bigint)`
    pub fn advisory(database: u32, key: i64) -> Self {
        Self { kind: TagKind::Advisory, table: database, key: key as u64 }
    }

    /// `pg_advisory_lock(int, int)`
    pub fn advisory_pair(database: u32, a: i32, b: i32) -> Self {
        Self { kind: TagKind::AdvisoryPair, table: database, key: u64::from(a as u32) << 32 | u64::from(b as u32) }
    }

    /// Mask of the modes that exclude `mode` on this tag.
    #[inline]
    pub(super) fn conflicts(self, mode: u8) -> u8 {
        if self.kind == TagKind::Row { ROW_CONFLICTS[usize::from(mode & 3)] } else { TABLE_CONFLICTS[usize::from(mode & 7)] }
    }

    /// `pg_locks.mode`
    pub fn mode_name(self, mode: u8) -> &'static str {
        const TABLE: [&str; 8] = [
            "AccessShareLock",
            "RowShareLock",
            "RowExclusiveLock",
            "ShareUpdateExclusiveLock",
            "ShareLock",
            "ShareRowExclusiveLock",
            "ExclusiveLock",
            "AccessExclusiveLock",
        ];
        const ROW: [&str; 4] = ["AccessShareLock", "RowShareLock", "ExclusiveLock", "AccessExclusiveLock"];
        if self.kind == TagKind::Row { ROW[usize::from(mode & 3)] } else { TABLE[usize::from(mode & 7)] }
    }

    /// `pg_locks.locktype`
    pub fn type_name(self) -> &'static str {
        match self.kind {
            TagKind::Row => "tuple",
            TagKind::AllRows | TagKind::Relation => "relation",
            TagKind::Object => "object",
            TagKind::Advisory | TagKind::AdvisoryPair => "advisory",
        }
    }

    /// How an error message names this tag (PostgreSQL's `DescribeLockTag`); a row is named by the transaction waited for.
    pub(super) fn describe(self, database: u32, blocker_txid: u64) -> String {
        match self.kind {
            TagKind::Row | TagKind::AllRows => format!("transaction {blocker_txid}"),
            TagKind::Relation => format!("relation {} of database {database}", self.table),
            TagKind::Object => format!("object {} of class {} of database {database}", self.key, self.table),
            TagKind::Advisory => format!("advisory lock [{},{},{},1]", self.table, self.key >> 32, self.key as u32),
            TagKind::AdvisoryPair => format!("advisory lock [{},{},{},2]", self.table, self.key >> 32, self.key as u32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflict_matrices_are_symmetric() {
        let row = Tag::row(Keyspace::Data, b"abcdefgh");
        let table = Tag::relation(1);
        for (tag, n) in [(row, 4u8), (table, 8)] {
            for a in 0..n {
                for b in 0..n {
                    assert_eq!(tag.conflicts(a) >> b & 1, tag.conflicts(b) >> a & 1, "{tag:?} {a} {b}");
                }
            }
        }
    }

    #[test]
    fn share_update_exclusive_excludes_itself_but_not_writers() {
        let t = Tag::relation(1);
        let m = TableMode::ShareUpdateExclusive as u8;
        assert_eq!(t.conflicts(m) >> m & 1, 1);
        assert_eq!(t.conflicts(m) >> (TableMode::RowExclusive as u8) & 1, 0);
        let share = TableMode::Share as u8;
        assert_eq!(t.conflicts(share) >> share & 1, 0);
    }
}
