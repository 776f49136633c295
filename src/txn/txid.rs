//! Transaction ids: 64 bits, assigned when something asks for one (`txid_current()`, `pg_locks`, a deadlock's DETAIL), never
//! used twice, also across crashes.
//!
//! Ids are handed out from memory below a limit that is on disk. Opening the store skips to the old limit and writes a new one;
//! whoever comes near the limit raises it by another block before the ids run out.

use super::proc::Proc;
use crate::error::Result;
use crate::kv::{Durability, Keyspace, Store, WriteBatch};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const KEY: &[u8] = b"txn/next_id";
const BLOCK: u64 = 1 << 20;
/// PostgreSQL's first id for ordinary transactions in a fresh cluster is near this.
const FIRST: u64 = 730;

/// The allocator.
pub struct Txids {
    store: Arc<dyn Store>,
    next: AtomicU64,
    limit: Mutex<u64>,
}

impl std::fmt::Debug for Txids {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Txids(next {})", self.next())
    }
}

impl Txids {
    /// Goes on after the last id any earlier run may have used.
    pub(super) fn open(store: Arc<dyn Store>) -> Result<Self> {
        let mut value = Vec::new();
        let found = store.get(Keyspace::Metadata, KEY, &mut value).wait()?;
        let start = if found { value.first_chunk().map_or(FIRST, |b| u64::from_be_bytes(*b)) } else { FIRST };
        let txids = Self { store, next: AtomicU64::new(start), limit: Mutex::new(start) };
        txids.raise(&mut txids.limit.lock())?;
        Ok(txids)
    }

    fn raise(&self, limit: &mut u64) -> Result<()> {
        let raised = *limit + BLOCK;
        let mut batch = WriteBatch::default();
        batch.put(Keyspace::Metadata, KEY.to_vec(), raised.to_be_bytes().to_vec());
        self.store.commit(batch, Durability::Sync)?;
        *limit = raised;
        Ok(())
    }

    /// The id the next transaction would get.
    pub fn next(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// The id of the session's running transaction, assigned now if it has none.
    pub fn of(&self, proc: &Proc) -> u64 {
        proc.txid_or_assign(|| {
            let id = self.next.fetch_add(1, Relaxed);
            if id.is_multiple_of(1024) {
                let mut limit = self.limit.lock();
                if id + BLOCK / 2 > *limit
                    && let Err(e) = self.raise(&mut limit)
                {
                    tracing::warn!("could not reserve transaction ids: {e}");
                }
            }
            id
        })
    }
}
