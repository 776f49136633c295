//! The few RocksDB calls the safe crate has no cheap or long-lived form for, wrapped so that the rest of the room is safe code.
//!
//! - Point reads copy straight into the caller's buffer (`rocksdb_get_into_buffer_cf`), with read options made once.
//! - Snapshots and iterators own what they stand on (`Arc<Db>`), where the crate's borrow it.
//! - Sizes count memtables too.
//!
//! Every pointer here comes from RocksDB's own constructors, is freed exactly once by the `Drop` of the struct that holds it,
//! and outlives nothing it points into: an iterator holds its snapshot, a snapshot its database. The C API is thread-safe for
//! databases, snapshots and read options; an iterator is used by one thread at a time (`&mut self`) but may move between them.

use crate::kv::{KeyRange, Keyspace};
use librocksdb_sys as ffi;
use rocksdb::{AsColumnFamilyRef, AsRawPtr, ColumnFamily, DB, Options};
use std::ffi::{CStr, CString, c_char};
use std::ops::Deref;
use std::path::Path;
use std::ptr;
use std::sync::Arc;

/// What RocksDB says went wrong, in its own words.
pub(super) type RawResult<T> = Result<T, String>;

/// Takes an error string RocksDB allocated.
pub(super) fn check(error: *mut c_char) -> RawResult<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: a non-null error is a NUL-terminated string allocated by RocksDB and handed over to us.
    unsafe {
        let text = CStr::from_ptr(error).to_string_lossy().into_owned();
        ffi::rocksdb_free(error.cast());
        Err(text)
    }
}

/// An open database with its column families at hand.
pub(super) struct Db {
    /// Raw handles into `db`; good as long as it, since no column family is ever created or dropped later.
    raw: *mut ffi::rocksdb_t,
    families: [*mut ffi::rocksdb_column_family_handle_t; Keyspace::ALL.len()],
    /// Boxed, so that moving `Db` does not move it.
    db: Box<DB>,
    /// Bytes the block cache holds.
    cache: u64,
}

// SAFETY: `rocksdb_t` and column family handles may be used from any thread at the same time.
unsafe impl Send for Db {}
// SAFETY: as above.
unsafe impl Sync for Db {}

impl Deref for Db {
    type Target = DB;

    fn deref(&self) -> &DB {
        &self.db
    }
}

impl Db {
    /// Wraps an open database; fails if a column family is missing.
    pub(super) fn new(db: DB, cache: usize) -> RawResult<Self> {
        let db = Box::new(db);
        let mut families = [ptr::null_mut(); Keyspace::ALL.len()];
        for ks in Keyspace::ALL {
            let family = db.cf_handle(ks.name()).ok_or_else(|| format!("Corruption: column family {} is missing", ks.name()))?;
            families[ks as usize] = family.inner();
        }
        // SAFETY: the pointer lives as long as `db`, which the new struct owns.
        let raw = unsafe { db.as_raw_ptr() };
        Ok(Self { raw, families, db, cache: cache as u64 })
    }

    /// The crate's handle of a keyspace.
    pub(super) fn family(&self, ks: Keyspace) -> RawResult<&ColumnFamily> {
        self.db.cf_handle(ks.name()).ok_or_else(|| format!("column family {} is missing", ks.name()))
    }

    /// For the calls that are made elsewhere.
    pub(super) fn raw(&self) -> *mut ffi::rocksdb_t {
        self.raw
    }

    /// A keyspace's handle for those.
    pub(super) fn raw_family(&self, ks: Keyspace) -> *mut ffi::rocksdb_column_family_handle_t {
        self.families[ks as usize]
    }

    /// Whether `parts` ranges of this one's size (it has both bounds) are so much that reading them would push most else out of
    /// the block cache.
    pub(super) fn exceeds_cache(&self, ks: Keyspace, range: &KeyRange, parts: u32) -> RawResult<bool> {
        let size = self.sizes(ks, std::slice::from_ref(range))?.iter().sum::<u64>() * u64::from(parts.max(1));
        // Sizes are those of compressed blocks, about half of what the cache would hold.
        Ok(size * 2 > self.cache / 4 * 3)
    }

    /// Reads one key into `out` (cleared first); whether it is there.
    pub(super) fn get(&self, ks: Keyspace, key: &[u8], options: &ReadOptions, out: &mut Vec<u8>) -> RawResult<bool> {
        out.clear();
        if out.capacity() < 256 {
            out.reserve(256);
        }
        loop {
            let (mut len, mut found, mut error) = (0usize, 0u8, ptr::null_mut());
            // SAFETY: all handles are live; RocksDB writes at most `capacity` bytes into the buffer and tells how many it has.
            let copied = unsafe {
                ffi::rocksdb_get_into_buffer_cf(
                    self.raw,
                    options.raw,
                    self.families[ks as usize],
                    key.as_ptr().cast(),
                    key.len(),
                    out.as_mut_ptr().cast(),
                    out.capacity(),
                    &mut len,
                    &mut found,
                    &mut error,
                )
            };
            check(error)?;
            if found == 0 {
                return Ok(false);
            }
            if copied != 0 {
                // SAFETY: RocksDB initialised `len <= capacity` bytes.
                unsafe { out.set_len(len) };
                return Ok(true);
            }
            out.reserve(len);
        }
    }

    /// Reads many keys, sorted ascending.
    pub(super) fn multi_get(&self, ks: Keyspace, keys: &[&[u8]], options: &ReadOptions) -> RawResult<Vec<Option<Vec<u8>>>> {
        let slices: Vec<_> = keys.iter().map(|k| ffi::rocksdb_slice_t { data: k.as_ptr().cast(), size: k.len() }).collect();
        let mut values = vec![ptr::null_mut(); keys.len()];
        let mut errors = vec![ptr::null_mut(); keys.len()];
        // SAFETY: the three arrays have `keys.len()` entries; the keys outlive the call.
        unsafe {
            ffi::rocksdb_batched_multi_get_cf_slice(
                self.raw,
                options.raw,
                self.families[ks as usize],
                keys.len(),
                slices.as_ptr(),
                values.as_mut_ptr(),
                errors.as_mut_ptr(),
                true,
            );
        }
        let mut failed = Ok(());
        let mut out = Vec::with_capacity(keys.len());
        for (value, error) in values.into_iter().zip(errors) {
            failed = failed.and(check(error));
            out.push(take_pinned(value));
        }
        failed.map(|()| out)
    }

    /// Approximate bytes of ranges, memtables included. Every range must have both bounds.
    pub(super) fn sizes(&self, ks: Keyspace, ranges: &[KeyRange]) -> RawResult<Vec<u64>> {
        let starts: Vec<*const c_char> = ranges.iter().map(|r| r.start.as_ptr().cast()).collect();
        let start_lens: Vec<usize> = ranges.iter().map(|r| r.start.len()).collect();
        let ends: Vec<*const c_char> = ranges.iter().map(|r| r.end.as_ptr().cast()).collect();
        let end_lens: Vec<usize> = ranges.iter().map(|r| r.end.len()).collect();
        let mut sizes = vec![0u64; ranges.len()];
        let mut error = ptr::null_mut();
        // SAFETY: every array has `ranges.len()` entries and the keys outlive the call.
        unsafe {
            ffi::rocksdb_approximate_sizes_cf_with_flags(
                self.raw,
                self.families[ks as usize],
                ranges.len() as i32,
                starts.as_ptr(),
                start_lens.as_ptr(),
                ends.as_ptr(),
                end_lens.as_ptr(),
                3, // memtables and files
                sizes.as_mut_ptr(),
                &mut error,
            );
        }
        check(error).map(|()| sizes)
    }

    /// Checks the checksum of every block of every table file.
    pub(super) fn verify_checksums(&self) -> RawResult<()> {
        let mut error = ptr::null_mut();
        // SAFETY: the database is open.
        unsafe { ffi::rocksdb_verify_checksum(self.raw, &mut error) };
        check(error)
    }
}

/// Copies a pinned value out and releases it; `None` for an absent key.
fn take_pinned(value: *mut ffi::rocksdb_pinnableslice_t) -> Option<Vec<u8>> {
    if value.is_null() {
        return None;
    }
    // SAFETY: a non-null value is ours; its bytes are good until it is destroyed.
    unsafe {
        let mut len = 0;
        let bytes = ffi::rocksdb_pinnableslice_value(value, &mut len);
        let copy = if len == 0 { Vec::new() } else { std::slice::from_raw_parts(bytes.cast::<u8>(), len).to_vec() };
        ffi::rocksdb_pinnableslice_destroy(value);
        Some(copy)
    }
}

/// Read options; made once and used for many reads.
pub(super) struct ReadOptions {
    raw: *mut ffi::rocksdb_readoptions_t,
    /// Iterators point to their bounds, which live here.
    bounds: [Option<Box<[u8]>>; 2],
}

// SAFETY: read options are plain data, only read once they are built.
unsafe impl Send for ReadOptions {}
// SAFETY: as above.
unsafe impl Sync for ReadOptions {}

impl ReadOptions {
    /// RocksDB's defaults.
    pub(super) fn new() -> Self {
        // SAFETY: allocates and never fails.
        Self { raw: unsafe { ffi::rocksdb_readoptions_create() }, bounds: [None, None] }
    }

    /// Limits iterators to `range`.
    fn set_range(&mut self, range: &KeyRange) {
        if !range.start.is_empty() {
            let start = self.bounds[0].insert(range.start.as_slice().into());
            // SAFETY: the boxed bytes stay where they are and live as long as the options.
            unsafe { ffi::rocksdb_readoptions_set_iterate_lower_bound(self.raw, start.as_ptr().cast(), start.len()) };
        }
        if !range.end.is_empty() {
            let end = self.bounds[1].insert(range.end.as_slice().into());
            // SAFETY: as above.
            unsafe { ffi::rocksdb_readoptions_set_iterate_upper_bound(self.raw, end.as_ptr().cast(), end.len()) };
        }
    }

    /// Long reads: large read-ahead, blocks do not enter the cache.
    pub(super) fn set_bulk(&mut self) {
        // SAFETY: plain setters on live options.
        unsafe {
            ffi::rocksdb_readoptions_set_fill_cache(self.raw, 0);
            ffi::rocksdb_readoptions_set_readahead_size(self.raw, 2 << 20);
        }
    }
}

impl Drop for ReadOptions {
    fn drop(&mut self) {
        // SAFETY: created in `new`, destroyed once.
        unsafe { ffi::rocksdb_readoptions_destroy(self.raw) };
    }
}

/// A consistent view, with read options that read through it.
pub(super) struct Snap {
    pub(super) options: ReadOptions,
    raw: *const ffi::rocksdb_snapshot_t,
    pub(super) db: Arc<Db>,
}

// SAFETY: a snapshot is an immutable entry in a list the database guards.
unsafe impl Send for Snap {}
// SAFETY: as above.
unsafe impl Sync for Snap {}

impl Snap {
    pub(super) fn new(db: Arc<Db>) -> Self {
        let options = ReadOptions::new();
        // SAFETY: the database is open; the snapshot is released in `drop`, before the database can go.
        let raw = unsafe {
            let raw = ffi::rocksdb_create_snapshot(db.raw);
            ffi::rocksdb_readoptions_set_snapshot(options.raw, raw);
            raw
        };
        Self { options, raw, db }
    }
}

impl Snap {
    /// For the calls that are made elsewhere.
    pub(super) fn raw(&self) -> *const ffi::rocksdb_snapshot_t {
        self.raw
    }
}

impl Drop for Snap {
    fn drop(&mut self) {
        // SAFETY: created from this database, released once; `options` is not used for reads any more.
        unsafe { ffi::rocksdb_release_snapshot(self.db.raw, self.raw) };
    }
}

/// An iterator over a range of one keyspace as a snapshot sees it.
pub(super) struct Iter {
    raw: *mut ffi::rocksdb_iterator_t,
    _options: ReadOptions,
    _snap: Arc<Snap>,
}

// SAFETY: an iterator may be used from any thread, one at a time; `&mut self` on every move sees to that.
unsafe impl Send for Iter {}

impl Iter {
    pub(super) fn new(snap: Arc<Snap>, ks: Keyspace, range: &KeyRange, bulk: bool) -> Self {
        let mut options = ReadOptions::new();
        options.set_range(range);
        if bulk {
            options.set_bulk();
        }
        // SAFETY: the iterator is destroyed before its options (bounds), snapshot and database: see `drop` and the fields.
        let raw = unsafe {
            ffi::rocksdb_readoptions_set_snapshot(options.raw, snap.raw);
            ffi::rocksdb_create_iterator_cf(snap.db.raw, options.raw, snap.db.families[ks as usize])
        };
        Self { raw, _options: options, _snap: snap }
    }

    /// Whether it stands on an entry. If not, `status` tells the end from an error.
    #[inline]
    pub(super) fn valid(&self) -> bool {
        // SAFETY: the iterator is live.
        unsafe { ffi::rocksdb_iter_valid(self.raw) != 0 }
    }

    pub(super) fn status(&self) -> RawResult<()> {
        let mut error = ptr::null_mut();
        // SAFETY: the iterator is live.
        unsafe { ffi::rocksdb_iter_get_error(self.raw, &mut error) };
        check(error)
    }

    pub(super) fn seek_to_first(&mut self) {
        // SAFETY: the iterator is live.
        unsafe { ffi::rocksdb_iter_seek_to_first(self.raw) };
    }

    pub(super) fn seek_to_last(&mut self) {
        // SAFETY: the iterator is live.
        unsafe { ffi::rocksdb_iter_seek_to_last(self.raw) };
    }

    /// Moves on; the iterator must stand on an entry.
    #[inline]
    pub(super) fn next(&mut self) {
        debug_assert!(self.valid());
        // SAFETY: the iterator is live and stands on an entry.
        unsafe { ffi::rocksdb_iter_next(self.raw) };
    }

    /// Key and value of the entry it stands on; `None` past the end.
    #[inline]
    pub(super) fn entry(&self) -> Option<(&[u8], &[u8])> {
        if !self.valid() {
            return None;
        }
        // SAFETY: both slices are good until the iterator moves, which needs `&mut self`.
        unsafe {
            let (key, value) = (ffi::rocksdb_iter_key_slice(self.raw), ffi::rocksdb_iter_value_slice(self.raw));
            Some((bytes(&key), bytes(&value)))
        }
    }
}

/// # Safety
/// The slice must point to that many bytes that live for `'a`.
#[inline]
unsafe fn bytes<'a>(slice: &ffi::rocksdb_slice_t) -> &'a [u8] {
    if slice.size == 0 {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(slice.data.cast(), slice.size) }
}

impl Drop for Iter {
    fn drop(&mut self) {
        // SAFETY: created in `new`, destroyed once, before the fields it points into.
        unsafe { ffi::rocksdb_iter_destroy(self.raw) };
    }
}

/// Writes one table file.
pub(super) struct TableWriter {
    raw: *mut ffi::rocksdb_sstfilewriter_t,
    env: *mut ffi::rocksdb_envoptions_t,
    _options: Arc<Options>,
}

// SAFETY: the writer has no thread of its own and is used through `&mut self`.
unsafe impl Send for TableWriter {}

impl TableWriter {
    /// Starts the file at `path`.
    pub(super) fn create(options: Arc<Options>, path: &Path) -> RawResult<Self> {
        let path = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: the options live as long as the writer; both handles are destroyed in `drop`.
        let writer = unsafe {
            let env = ffi::rocksdb_envoptions_create();
            Self { raw: ffi::rocksdb_sstfilewriter_create(env, options.as_raw_ptr()), env, _options: options }
        };
        let mut error = ptr::null_mut();
        // SAFETY: the writer is live, the path NUL-terminated.
        unsafe { ffi::rocksdb_sstfilewriter_open(writer.raw, path.as_ptr(), &mut error) };
        check(error).map(|()| writer)
    }

    /// Adds an entry; keys must ascend.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> RawResult<()> {
        let mut error = ptr::null_mut();
        // SAFETY: the writer is live and copies key and value.
        unsafe {
            ffi::rocksdb_sstfilewriter_put(
                self.raw,
                key.as_ptr().cast(),
                key.len(),
                value.as_ptr().cast(),
                value.len(),
                &mut error,
            );
        }
        check(error)
    }

    /// Adds the removal of a key; keys must ascend.
    pub(super) fn delete(&mut self, key: &[u8]) -> RawResult<()> {
        let mut error = ptr::null_mut();
        // SAFETY: the writer is live and copies the key.
        unsafe { ffi::rocksdb_sstfilewriter_delete(self.raw, key.as_ptr().cast(), key.len(), &mut error) };
        check(error)
    }

    /// Bytes written so far.
    pub(super) fn size(&self) -> u64 {
        let mut size = 0;
        // SAFETY: the writer is live.
        unsafe { ffi::rocksdb_sstfilewriter_file_size(self.raw, &mut size) };
        size
    }

    /// Completes and syncs the file, which must have entries.
    pub(super) fn finish(self) -> RawResult<()> {
        let mut error = ptr::null_mut();
        // SAFETY: the writer is live.
        unsafe { ffi::rocksdb_sstfilewriter_finish(self.raw, &mut error) };
        check(error)
    }
}

impl Drop for TableWriter {
    fn drop(&mut self) {
        // SAFETY: created in `create`, destroyed once.
        unsafe {
            ffi::rocksdb_sstfilewriter_destroy(self.raw);
            ffi::rocksdb_envoptions_destroy(self.env);
        }
    }
}
