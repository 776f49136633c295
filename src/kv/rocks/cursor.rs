//! Cursors: many entries for one call into RocksDB. `cursor.cc` is the other side.
//!
//! A call gets the room left in a block's two buffers and appends entries there, so that an entry costs no crossing and no
//! allocation. When one does not fit, the buffers grow and the call is repeated.

use super::raw::{RawResult, Snap, check};
use super::write;
use crate::kv::{Answer, Block, Cursor, Direction, FillLimit, KeyRange, Keyspace, Result, ScanHints};
use librocksdb_sys as ffi;
use std::ffi::{c_char, c_int};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;

/// The C++ object.
#[repr(C)]
struct RawCursor {
    _private: [u8; 0],
}

// What a call of `orbit_cursor_fill` ended with; the third is the end of the limits.
const END: c_int = 0;
const FULL: c_int = 2;

unsafe extern "C" {
    fn orbit_cursor_open(
        db: *mut ffi::rocksdb_t,
        family: *mut ffi::rocksdb_column_family_handle_t,
        snapshot: *const ffi::rocksdb_snapshot_t,
        start: *const c_char,
        start_length: usize,
        end: *const c_char,
        end_length: usize,
        backward: bool,
        keys_only: bool,
        fill_cache: bool,
        readahead: usize,
    ) -> *mut RawCursor;
    fn orbit_cursor_fill(
        cursor: *mut RawCursor,
        bytes: *mut u8,
        room: usize,
        ends: *mut u32,
        entries: usize,
        enough: usize,
        length: *mut usize,
        count: *mut usize,
        error: *mut *mut c_char,
    ) -> c_int;
    fn orbit_cursor_pick(
        cursor: *mut RawCursor,
        keys: *const ffi::rocksdb_slice_t,
        n: usize,
        at: *mut usize,
        bytes: *mut u8,
        room: usize,
        ends: *mut u32,
        length: *mut usize,
        count: *mut usize,
        error: *mut *mut c_char,
    ) -> c_int;
    fn orbit_cursor_seek(cursor: *mut RawCursor, key: *const c_char, length: usize);
    fn orbit_cursor_close(cursor: *mut RawCursor);
}

/// Bytes a block has room for at first: a thousand entries of a narrow table.
const FIRST_ROOM: usize = 64 << 10;

/// Read-ahead of scans that would displace the cache.
const READAHEAD: usize = 2 << 20;

/// A position in a scan of a range as a snapshot sees it.
pub(super) struct RocksCursor {
    raw: *mut RawCursor,
    /// An empty or used up range: nothing more is asked for.
    done: bool,
    path: PathBuf,
    /// The C++ side reads through them.
    _snap: Arc<Snap>,
}

// SAFETY: a cursor may be used from any thread, one at a time; `&mut self` on every call sees to that.
unsafe impl Send for RocksCursor {}

impl RocksCursor {
    /// Opens a scan. A bulk scan of more than a quarter of the block cache leaves the cache alone.
    pub(super) fn new(
        snap: Arc<Snap>,
        ks: Keyspace,
        range: &KeyRange,
        direction: Direction,
        hints: ScanHints,
        path: PathBuf,
    ) -> RawResult<Self> {
        let past_cache = hints.bulk && !range.end.is_empty() && snap.db.exceeds_cache(ks, range, hints.parts)?;
        // SAFETY: all handles are live and stay so as long as `_snap`; the C++ side copies the bounds.
        let raw = unsafe {
            orbit_cursor_open(
                snap.db.raw(),
                snap.db.raw_family(ks),
                snap.raw(),
                range.start.as_ptr().cast(),
                range.start.len(),
                range.end.as_ptr().cast(),
                range.end.len(),
                direction == Direction::Backward,
                hints.keys_only,
                !past_cache,
                if past_cache { READAHEAD } else { 0 },
            )
        };
        let done = !range.end.is_empty() && range.start >= range.end;
        Ok(Self { raw, done, path, _snap: snap })
    }

    fn take(&mut self, block: &mut Block, limit: FillLimit) -> RawResult<()> {
        if self.done {
            return Ok(());
        }
        let entries = limit.entries.max(1);
        block.ends.reserve(entries);
        block.bytes.reserve(FIRST_ROOM.min(limit.bytes));
        loop {
            let (mut length, mut count, mut error) = (block.bytes.len(), block.ends.len(), ptr::null_mut());
            // SAFETY: the cursor is live; both buffers have the room that is named, and what is in them is left as it is.
            let outcome = unsafe {
                orbit_cursor_fill(
                    self.raw,
                    block.bytes.as_mut_ptr(),
                    block.bytes.capacity(),
                    block.ends.as_mut_ptr().cast(),
                    entries,
                    limit.bytes,
                    &mut length,
                    &mut count,
                    &mut error,
                )
            };
            // SAFETY: the call initialised that many bytes and ends, within the capacities.
            unsafe {
                block.bytes.set_len(length);
                block.ends.set_len(count);
            }
            check(error)?;
            if outcome != FULL {
                self.done = outcome == END;
                return Ok(());
            }
            grow(&mut block.bytes);
        }
    }
}

/// Doubles a buffer's room.
fn grow(bytes: &mut Vec<u8>) {
    let room = bytes.capacity().max(64) * 2;
    bytes.reserve(room - bytes.len());
}

/// Fills `block` with the entries at `keys` (ascending); absent ones are left out.
pub(super) fn pick(snap: Arc<Snap>, ks: Keyspace, keys: &[&[u8]], block: &mut Block) -> RawResult<()> {
    block.clear();
    let [first, .., last] = keys else {
        for key in keys {
            let mut value = Vec::new();
            if snap.db.get(ks, key, &snap.options, &mut value)? {
                block.push(key, &value);
            }
        }
        return Ok(());
    };
    let range = KeyRange { start: first.to_vec(), end: [last, &[0][..]].concat() };
    let cursor = RocksCursor::new(snap, ks, &range, Direction::Forward, ScanHints::default(), PathBuf::new())?;
    let slices: Vec<_> = keys.iter().map(|k| ffi::rocksdb_slice_t { data: k.as_ptr().cast(), size: k.len() }).collect();
    block.ends.reserve(keys.len());
    block.bytes.reserve(FIRST_ROOM);
    let mut at = 0;
    loop {
        let (mut length, mut count, mut error) = (block.bytes.len(), block.ends.len(), ptr::null_mut());
        // SAFETY: the cursor is live and goes forward; the keys outlive the call; `ends` has room for one entry a key, `bytes` the
        // room that is named.
        let outcome = unsafe {
            orbit_cursor_pick(
                cursor.raw,
                slices.as_ptr(),
                slices.len(),
                &mut at,
                block.bytes.as_mut_ptr(),
                block.bytes.capacity(),
                block.ends.as_mut_ptr().cast(),
                &mut length,
                &mut count,
                &mut error,
            )
        };
        // SAFETY: the call initialised that many bytes and ends, within the capacities.
        unsafe {
            block.bytes.set_len(length);
            block.ends.set_len(count);
        }
        check(error)?;
        if outcome != FULL {
            return Ok(());
        }
        grow(&mut block.bytes);
    }
}

impl Cursor for RocksCursor {
    fn fill<'a>(&'a mut self, block: &'a mut Block, limit: FillLimit) -> Answer<'a, Result<()>> {
        block.clear();
        Answer::Ready(self.take(block, limit).map_err(|e| write::error(e, &self.path)))
    }

    fn seek<'a>(&'a mut self, key: &'a [u8]) -> Answer<'a, Result<()>> {
        if !self.done {
            // SAFETY: the cursor is live and copies the key.
            unsafe { orbit_cursor_seek(self.raw, key.as_ptr().cast(), key.len()) };
        }
        Answer::Ready(Ok(()))
    }
}

impl Drop for RocksCursor {
    fn drop(&mut self) {
        // SAFETY: opened in `new`, closed once, before the snapshot and database it reads through.
        unsafe { orbit_cursor_close(self.raw) };
    }
}
