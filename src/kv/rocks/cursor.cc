// Cursors that hand out many entries a call: the C side of `cursor.rs`.
//
// A scan costs what it does for each entry, and RocksDB's public iterator spends two thirds of that on what a scan does not need:
// it copies every key to compare it with the next, counts statistics, and is asked four questions an entry through the C
// interface. So a forward cursor stands directly on RocksDB's internal iterator (files and memtables merged, range deletions
// applied) and does the rest here: it leaves out versions newer than the snapshot, older versions of a key, and deleted keys.
// A backward cursor uses the public iterator, for which going back over versions is solved.
//
// The internal headers come from the very sources the library is built from (see build.rs), with the same definitions.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "db/db_impl/db_impl.h"
#include "db/dbformat.h"
#include "memory/arena.h"
#include "rocksdb/c.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "table/internal_iterator.h"

// How RocksDB's C interface wraps its objects.
struct rocksdb_t {
  ROCKSDB_NAMESPACE::DB* rep;
};
struct rocksdb_snapshot_t {
  const ROCKSDB_NAMESPACE::Snapshot* rep;
};
struct rocksdb_column_family_handle_t {
  ROCKSDB_NAMESPACE::ColumnFamilyHandle* rep;
  bool immortal;
};

namespace {

using ROCKSDB_NAMESPACE::Arena;
using ROCKSDB_NAMESPACE::ColumnFamilyHandle;
using ROCKSDB_NAMESPACE::DB;
using ROCKSDB_NAMESPACE::DBImpl;
using ROCKSDB_NAMESPACE::ExtractInternalKeyFooter;
using ROCKSDB_NAMESPACE::InternalIterator;
using ROCKSDB_NAMESPACE::InternalKey;
using ROCKSDB_NAMESPACE::IterateResult;
using ROCKSDB_NAMESPACE::IterBoundCheck;
using ROCKSDB_NAMESPACE::Iterator;
using ROCKSDB_NAMESPACE::ReadOptions;
using ROCKSDB_NAMESPACE::SequenceNumber;
using ROCKSDB_NAMESPACE::Slice;
using ROCKSDB_NAMESPACE::Status;
using ROCKSDB_NAMESPACE::ValueType;

constexpr size_t kFooter = 8;

// What a call of `fill` ended with; `cursor.rs` knows the numbers.
enum Outcome : int { kEnd = 0, kLimit = 1, kFull = 2 };

// Keys and narrow rows are shorter than a call of memcpy is worth. Reads and writes exactly `n` bytes, some of them twice.
inline void Copy(uint8_t* to, const char* from, size_t n) {
  if (n > 32) {
    memcpy(to, from, n);
  } else if (n >= 16) {
    memcpy(to, from, 16);
    memcpy(to + n - 16, from + n - 16, 16);
  } else if (n >= 8) {
    memcpy(to, from, 8);
    memcpy(to + n - 8, from + n - 8, 8);
  } else {
    for (size_t i = 0; i < n; i++) {
      to[i] = static_cast<uint8_t>(from[i]);
    }
  }
}

// The caller's buffers.
struct Output {
  uint8_t* bytes;
  size_t room;
  uint32_t* ends;  // two an entry: where its key and its value end
  size_t entries;
  size_t enough;  // bytes after which no further entry is wanted
  size_t length;
  size_t count;

  bool Append(const Slice& key, const Slice& value) {
    if (room - length < key.size() + value.size()) {
      return false;
    }
    Copy(bytes + length, key.data(), key.size());
    length += key.size();
    ends[2 * count] = static_cast<uint32_t>(length);
    Copy(bytes + length, value.data(), value.size());
    length += value.size();
    ends[2 * count + 1] = static_cast<uint32_t>(length);
    count++;
    return true;
  }

  bool Reached() const { return count >= entries || length >= enough; }
};

}  // namespace

// A position in a scan of one range.
struct orbit_cursor_t {
  orbit_cursor_t(const Slice& start, const Slice& end, bool keys_only)
      : start_(start.data(), start.size()), end_(end.data(), end.size()), end_slice_(end_), start_slice_(start_), keys_only_(keys_only) {}
  virtual ~orbit_cursor_t() = default;
  // Appends entries until the buffers or the limits say stop.
  virtual Outcome Fill(Output& out, Status& status) = 0;
  // Moves on to the first entry at or past the key, in scan order; never back.
  virtual void Seek(const Slice& key) = 0;

 protected:
  const std::string start_, end_;
  const Slice end_slice_, start_slice_;
  const bool keys_only_;
  ReadOptions options_;
};

namespace {

class Forward final : public orbit_cursor_t {
 public:
  Forward(DB* db, ColumnFamilyHandle* family, const ReadOptions& options, const Slice& start, const Slice& end, bool keys_only)
      : orbit_cursor_t(start, end, keys_only), snapshot_(options.snapshot->GetSequenceNumber()) {
    options_ = options;
    if (!end_.empty()) {
      options_.iterate_upper_bound = &end_slice_;
    }
    auto* impl = static_cast<DBImpl*>(db->GetRootDB());
    entries_ = impl->NewInternalIterator(options_, &arena_, snapshot_, family);
  }

  ~Forward() override { entries_->~InternalIterator(); }

  Outcome Fill(Output& out, Status& status) override {
    if (!started_) {
      Go(start_slice_);
    } else if (used_) {
      Step();
    }
    used_ = false;
    while (valid_) {
      const Slice key = User();
      if (bound_ != IterBoundCheck::kInbound && !end_.empty() && key.compare(end_slice_) >= 0) {
        valid_ = false;
        return kEnd;
      }
      const uint64_t footer = ExtractInternalKeyFooter(key_);
      const SequenceNumber sequence = footer >> 8;
      if (sequence <= snapshot_ && !IsOlderVersion(key)) {
        switch (static_cast<ValueType>(footer & 0xff)) {
          case ROCKSDB_NAMESPACE::kTypeValue:
            if (!out.Append(key, keys_only_ ? Slice() : entries_->value())) {
              return kFull;
            }
            Remember(key, sequence);
            if (out.Reached()) {
              used_ = true;
              return kLimit;
            }
            break;
          case ROCKSDB_NAMESPACE::kTypeDeletion:
          case ROCKSDB_NAMESPACE::kTypeSingleDeletion:
            Remember(key, sequence);
            break;
          default:
            status = Status::Corruption("an entry of a kind that is never written");
            return kEnd;
        }
      }
      Step();
    }
    status = entries_->status();
    return kEnd;
  }

  void Seek(const Slice& target) override {
    if (!started_) {
      Go(target.compare(start_slice_) < 0 ? start_slice_ : target);
    } else if (valid_ && User().compare(target) < 0) {
      Go(target);
    }
  }

  // Appends the entries at keys `at` to `n` (ascending); absent ones are left out. At `kFull` it can be called again.
  Outcome Pick(const Slice* keys, size_t n, size_t& at, Output& out, Status& status) {
    for (; at < n; at++) {
      const Slice& wanted = keys[at];
      Approach(wanted);
      for (; valid_ && User() == wanted; Step()) {
        const uint64_t footer = ExtractInternalKeyFooter(key_);
        if ((footer >> 8) > snapshot_) {
          continue;
        }
        const auto type = static_cast<ValueType>(footer & 0xff);
        if (type == ROCKSDB_NAMESPACE::kTypeValue) {
          if (!out.Append(wanted, entries_->value())) {
            return kFull;
          }
        } else if (type != ROCKSDB_NAMESPACE::kTypeDeletion && type != ROCKSDB_NAMESPACE::kTypeSingleDeletion) {
          status = Status::Corruption("an entry of a kind that is never written");
          return kEnd;
        }
        break;
      }
      if (!valid_ && !entries_->status().ok()) {
        status = entries_->status();
        return kEnd;
      }
    }
    return kEnd;
  }

 private:
  // Steps worth taking before a search, and how often to search at once after they were in vain.
  static constexpr int kSteps = 8, kPatience = 16;

  Slice User() const { return Slice(key_.data(), key_.size() - kFooter); }

  // Moves onto the first version of the first key at or past `wanted`, which is not behind the cursor.
  void Approach(const Slice& wanted) {
    if (started_ && valid_) {
      if (User().compare(wanted) >= 0) {
        return;
      }
      if (patience_ > 0) {
        patience_--;
      } else {
        for (int i = 0; i < kSteps && valid_; i++) {
          Step();
          if (valid_ && User().compare(wanted) >= 0) {
            return;
          }
        }
        patience_ = kPatience;
      }
    }
    Go(wanted);
  }

  void Go(const Slice& target) {
    started_ = true;
    used_ = false;
    has_last_ = false;
    if (target.empty()) {
      entries_->SeekToFirst();
    } else {
      InternalKey key(target, snapshot_, ROCKSDB_NAMESPACE::kValueTypeForSeek);
      entries_->Seek(key.Encode());
    }
    valid_ = entries_->Valid();
    if (valid_) {
      key_ = entries_->key();
      bound_ = entries_->UpperBoundCheckResult();
    }
  }

  void Step() {
    IterateResult result;
    valid_ = entries_->NextAndGetResult(&result);
    if (valid_) {
      key_ = result.key;
      bound_ = result.bound_check_result;
    }
  }

  // Versions of a key come newest first; the first visible one counts.
  bool IsOlderVersion(const Slice& key) const {
    return has_last_ && key.size() == last_.size() && memcmp(key.data(), last_.data(), key.size()) == 0;
  }

  // Below sequence number zero there is no older version to leave out.
  void Remember(const Slice& key, SequenceNumber sequence) {
    has_last_ = sequence != 0;
    if (has_last_) {
      last_.assign(key.data(), key.size());
    }
  }

  const SequenceNumber snapshot_;
  Arena arena_;
  InternalIterator* entries_;
  Slice key_;
  IterBoundCheck bound_ = IterBoundCheck::kUnknown;
  std::string last_;
  bool has_last_ = false;
  int patience_ = 0;
  bool started_ = false;
  bool valid_ = false;
  // The entry it stands on was handed out. The step past it is taken only when more is asked for.
  bool used_ = false;
};

class Backward final : public orbit_cursor_t {
 public:
  Backward(DB* db, ColumnFamilyHandle* family, const ReadOptions& options, const Slice& start, const Slice& end, bool keys_only)
      : orbit_cursor_t(start, end, keys_only) {
    options_ = options;
    if (!start_.empty()) {
      options_.iterate_lower_bound = &start_slice_;
    }
    if (!end_.empty()) {
      options_.iterate_upper_bound = &end_slice_;
    }
    entries_.reset(db->NewIterator(options_, family));
  }

  Outcome Fill(Output& out, Status& status) override {
    if (!started_) {
      started_ = true;
      entries_->SeekToLast();
    } else if (used_) {
      entries_->Prev();
    }
    used_ = false;
    while (entries_->Valid()) {
      if (!out.Append(entries_->key(), keys_only_ ? Slice() : entries_->value())) {
        return kFull;
      }
      if (out.Reached()) {
        used_ = true;
        return kLimit;
      }
      entries_->Prev();
    }
    status = entries_->status();
    return kEnd;
  }

  void Seek(const Slice& target) override {
    if (started_ && (!entries_->Valid() || entries_->key().compare(target) <= 0)) {
      return;
    }
    started_ = true;
    used_ = false;
    entries_->SeekForPrev(target);
  }

 private:
  std::unique_ptr<Iterator> entries_;
  bool started_ = false;
  bool used_ = false;
};

}  // namespace

extern "C" {

// Opens a cursor over [start, end) as the snapshot sees it; an empty end is no bound. `readahead` 0 leaves it to RocksDB.
orbit_cursor_t* orbit_cursor_open(rocksdb_t* db, rocksdb_column_family_handle_t* family, const rocksdb_snapshot_t* snapshot,
                                  const char* start, size_t start_length, const char* end, size_t end_length, bool backward,
                                  bool keys_only, bool fill_cache, size_t readahead) {
  ReadOptions options;
  options.snapshot = snapshot->rep;
  options.fill_cache = fill_cache;
  options.readahead_size = readahead;
  options.io_activity = ROCKSDB_NAMESPACE::Env::IOActivity::kDBIterator;
  const Slice first(start, start_length), last(end, end_length);
  if (backward) {
    options.io_activity = ROCKSDB_NAMESPACE::Env::IOActivity::kUnknown;
    return new Backward(db->rep, family->rep, options, first, last, keys_only);
  }
  return new Forward(db->rep, family->rep, options, first, last, keys_only);
}

// Appends entries behind the `*length` bytes and `*count` entries that are there. At `kFull` the next entry did not fit: more room
// is needed. An error is a string to be freed with `rocksdb_free`.
int orbit_cursor_fill(orbit_cursor_t* cursor, uint8_t* bytes, size_t room, uint32_t* ends, size_t entries, size_t enough,
                      size_t* length, size_t* count, char** error) {
  Output out{bytes, room, ends, entries, enough, *length, *count};
  Status status;
  const Outcome outcome = cursor->Fill(out, status);
  *length = out.length;
  *count = out.count;
  if (!status.ok()) {
    *error = strdup(status.ToString().c_str());
  }
  return outcome;
}

// Appends the entries at `n` ascending keys, from key `*at` on, as `orbit_cursor_fill` does. The cursor goes forward.
int orbit_cursor_pick(orbit_cursor_t* cursor, const rocksdb_slice_t* keys, size_t n, size_t* at, uint8_t* bytes, size_t room,
                      uint32_t* ends, size_t* length, size_t* count, char** error) {
  static_assert(sizeof(rocksdb_slice_t) == sizeof(Slice), "a slice is a pointer and a length");
  Output out{bytes, room, ends, n, SIZE_MAX, *length, *count};
  Status status;
  const Outcome outcome = static_cast<Forward*>(cursor)->Pick(reinterpret_cast<const Slice*>(keys), n, *at, out, status);
  *length = out.length;
  *count = out.count;
  if (!status.ok()) {
    *error = strdup(status.ToString().c_str());
  }
  return outcome;
}

void orbit_cursor_seek(orbit_cursor_t* cursor, const char* key, size_t length) { cursor->Seek(Slice(key, length)); }

void orbit_cursor_close(orbit_cursor_t* cursor) { delete cursor; }
}
