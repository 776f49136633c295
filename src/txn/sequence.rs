//! Sequences: outside transactions, fast from memory, never a value twice - not after a rollback, not after a crash.
//!
//! A sequence's record in `pg_metadata` runs ahead of what was handed out: `nextval` logs the value 32 steps on, then answers
//! from memory until it gets there. A crash skips at most those. The record is written without a sync, as in PostgreSQL; whoever
//! used a value commits after it in the same log, so a commit that survives keeps it.
//!
//! A sequence is named by a storage id: RESTART and TRUNCATE ... RESTART IDENTITY give it a new one in the catalog, which makes
//! them transactional.
//!
//! | record | bytes |
//! |---|---|
//! | key | `seq/` storage id (u32 BE) |
//! | value | last value (i64 BE), is_called (u8) |

use crate::err;
use crate::error::{Result, SqlState};
use crate::kv::{Durability, Keyspace, Store, WriteBatch};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;

/// Values logged ahead (PostgreSQL's `SEQ_LOG_VALS`).
const LOG_AHEAD: i64 = 32;

/// What a sequence's definition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceParams {
    /// START
    pub start: i64,
    /// INCREMENT, never 0
    pub increment: i64,
    /// MINVALUE
    pub min: i64,
    /// MAXVALUE
    pub max: i64,
    /// CYCLE
    pub cycle: bool,
}

/// What `SELECT * FROM sequence` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceState {
    /// Last value handed out, or the first one to be if `is_called` is false.
    pub last_value: i64,
    /// Values that can be handed out before the next log record.
    pub log_count: i64,
    /// Whether `last_value` was handed out.
    pub is_called: bool,
}

/// All sequences in use.
pub struct Sequences {
    store: Arc<dyn Store>,
    states: RwLock<HashMap<u32, Arc<Mutex<Option<SequenceState>>>>>,
}

/// The key of a sequence's record.
pub fn sequence_key(storage: u32) -> Vec<u8> {
    [b"seq/".as_slice(), &storage.to_be_bytes()].concat()
}

impl Sequences {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, states: RwLock::default() }
    }

    fn slot(&self, storage: u32) -> Arc<Mutex<Option<SequenceState>>> {
        if let Some(slot) = self.states.read().get(&storage) {
            return Arc::clone(slot);
        }
        Arc::clone(self.states.write().entry(storage).or_default())
    }

    fn load(&self, storage: u32, params: &SequenceParams) -> Result<SequenceState> {
        let mut value = Vec::new();
        if self.store.get(Keyspace::Metadata, &sequence_key(storage), &mut value).wait()?
            && let Some((last, rest)) = value.split_first_chunk::<8>()
        {
            let is_called = rest.first().is_some_and(|b| *b != 0);
            return Ok(SequenceState { last_value: i64::from_be_bytes(*last), log_count: 0, is_called });
        }
        Ok(SequenceState { last_value: params.start, log_count: 0, is_called: false })
    }

    fn log(&self, storage: u32, last: i64, is_called: bool) -> Result<()> {
        let mut batch = WriteBatch::default();
        let value = [last.to_be_bytes().as_slice(), &[u8::from(is_called)]].concat();
        batch.put(Keyspace::Metadata, sequence_key(storage), value);
        Ok(self.store.commit(batch, Durability::Buffered)?)
    }

    /// The next value, and whether a record was logged for it (the transaction must then sync when it commits). `name` is for
    /// 2200H at the limit.
    pub fn next(&self, storage: u32, params: &SequenceParams, name: &str) -> Result<(i64, bool)> {
        let slot = self.slot(storage);
        let mut slot = slot.lock();
        let mut state = match *slot {
            Some(state) => state,
            None => self.load(storage, params)?,
        };
        let value = if state.is_called { step(state.last_value, params, name)? } else { state.last_value };
        let logs = state.log_count == 0;
        if logs {
            let ahead = ahead(value, params);
            self.log(storage, ahead.0, true)?;
            state.log_count = ahead.1;
        } else {
            state.log_count -= 1;
        }
        *slot = Some(SequenceState { last_value: value, is_called: true, ..state });
        Ok((value, logs))
    }

    /// `setval`: the value must be within the bounds (22003).
    pub fn set(&self, storage: u32, params: &SequenceParams, name: &str, value: i64, is_called: bool) -> Result<()> {
        if value < params.min || value > params.max {
            return Err(err!(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "setval: value {value} is out of bounds for sequence \"{name}\" ({}..{})",
                params.min,
                params.max
            ));
        }
        let slot = self.slot(storage);
        let mut slot = slot.lock();
        self.log(storage, value, is_called)?;
        *slot = Some(SequenceState { last_value: value, log_count: 0, is_called });
        Ok(())
    }

    /// The state of a sequence now.
    pub fn state(&self, storage: u32, params: &SequenceParams) -> Result<SequenceState> {
        let slot = self.slot(storage);
        let mut slot = slot.lock();
        match *slot {
            Some(state) => Ok(state),
            None => {
                let state = self.load(storage, params)?;
                *slot = Some(state);
                Ok(state)
            }
        }
    }

    /// Forgets a dropped sequence.
    pub fn forget(&self, storage: u32) {
        self.states.write().remove(&storage);
    }
}

/// The value after `last`, or 2200H.
fn step(last: i64, params: &SequenceParams, name: &str) -> Result<i64> {
    let up = params.increment > 0;
    if let Some(next) = last.checked_add(params.increment)
        && next <= params.max
        && next >= params.min
    {
        return Ok(next);
    }
    if params.cycle {
        return Ok(if up { params.min } else { params.max });
    }
    let (word, bound) = if up { ("maximum", params.max) } else { ("minimum", params.min) };
    Err(err!(SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED, "nextval: reached {word} value of sequence \"{name}\" ({bound})"))
}

/// The value to log so that as many as possible of the next `LOG_AHEAD` values are covered, and how many are.
fn ahead(value: i64, params: &SequenceParams) -> (i64, i64) {
    let room =
        if params.increment > 0 { i128::from(params.max) - i128::from(value) } else { i128::from(value) - i128::from(params.min) };
    let steps = (room / i128::from(params.increment.unsigned_abs())).clamp(0, i128::from(LOG_AHEAD)) as i64;
    (value + steps * params.increment, steps)
}
