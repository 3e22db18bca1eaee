// One segment of a log as readers see it: a file of batches and its indexes. Immutable once sealed, shared, and read outside every lock; of the
// active segment only the file may be read here, up to an end that was taken under the partition's lock.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/disk/disk.h"
#include "broker/log/segment_index.h"
#include "protocol/base/ids.h"
#include "protocol/base/mutex.h"

namespace quokka {

struct SegmentIndexes {
  OffsetIndex offsets;
  TimeIndex times;
  std::vector<AbortedEntry> aborted;
};

class Segment {
 public:
  // What a sealed segment is; unknown (0, -1) for the active one.
  struct Seal {
    int64_t bytes = 0;
    Offset next_offset;           // base offset of the segment that follows
    int64_t largest_timestamp = kUnknownTimestamp;
    int64_t modified_ms = 0;      // of the file: what retention goes by where batches have no timestamps
  };
  static constexpr int64_t kUnknownTimestamp = -2;  // not looked up yet

  Segment(Disk& disk, std::string directory, Offset base_offset) : disk_(disk), directory_(std::move(directory)), base_offset_(base_offset) {}

  Offset base_offset() const { return base_offset_; }
  std::string path(std::string_view suffix) const;  // ".log", ".index" ...
  const std::optional<Seal>& seal() const { return seal_; }
  bool sealed() const { return seal_.has_value(); }

  // Any thread. Opened at the first use.
  Result<std::shared_ptr<File>> file() const;
  // Any thread; sealed segments. Loaded at the first use; a damaged or missing index is rebuilt from the batches.
  Result<std::shared_ptr<const SegmentIndexes>> indexes() const;
  // Any thread. True if file() and (of a sealed segment) indexes() are in memory, and so are the headers that a search for the batch with `offset` looks
  // at; from `hint` on in the active one. Asks the kernel, reads nothing.
  bool is_warm(Offset offset, int64_t hint, int64_t bytes) const;
  // True if indexes() is in memory.
  bool has_indexes() const {
    MutexLock lock(mutex_);
    return indexes_ != nullptr;
  }
  // Any thread; sealed segments. A batch boundary at or before the batch that holds `offset`. The index entry it goes by is compared with the batch it
  // points at; an index that lies is rebuilt, for a wrong entry could hide records.
  Result<int64_t> position_before(Offset offset) const;
  // Any thread; sealed segments. -1: its batches have none.
  Result<int64_t> largest_timestamp() const;

  // True if its index files are on disk: nothing more is written for it.
  bool persisted() const {
    MutexLock lock(mutex_);
    return persisted_;
  }
  // Any thread; sealed segments. File and indexes are opened and kept until unpin(), so that readers of this object need its names no longer.
  Status pin() const;
  void unpin() const {
    MutexLock lock(mutex_);
    pinned_ = false;
  }

  // A truncation has made this object stale: what was read through it since is not to be used.
  bool stale() const { return stale_.load(std::memory_order_acquire); }
  void mark_stale() const { stale_.store(true, std::memory_order_release); }
  // Retention took it out of the log: reads go on as long as the file is open, but nothing new is written beside it.
  bool removed() const { return removed_.load(std::memory_order_acquire); }
  void mark_removed() const { removed_.store(true, std::memory_order_release); }
  // Called now and then: gives back the memory and descriptor that nobody used since the last call, once the index files are on disk.
  void drop_if_idle() const;
  // The index files are written and synced.
  void set_persisted() const;

  // Before it is shared.
  void set_file(std::shared_ptr<File> file) {
    MutexLock lock(mutex_);
    file_ = std::move(file);
  }
  // `indexes`: those in memory, whose files are still to be written; nullptr if they are on disk.
  void set_sealed(Seal seal, std::shared_ptr<const SegmentIndexes> indexes);

 private:
  Result<std::shared_ptr<const SegmentIndexes>> load_indexes() const;
  Result<std::vector<AbortedEntry>> rebuild_aborted() const;
  Result<std::shared_ptr<const SegmentIndexes>> rebuild_offsets_and_times(const SegmentIndexes& damaged) const;

  Disk& disk_;
  const std::string directory_;
  const Offset base_offset_;
  std::optional<Seal> seal_;  // constant once shared
  mutable std::atomic<bool> stale_{false};
  mutable std::atomic<bool> removed_{false};

  mutable Mutex mutex_;
  mutable std::shared_ptr<File> file_ GUARDED_BY(mutex_);
  mutable std::shared_ptr<const SegmentIndexes> indexes_ GUARDED_BY(mutex_);
  mutable int64_t largest_timestamp_ GUARDED_BY(mutex_) = kUnknownTimestamp;
  mutable bool used_ GUARDED_BY(mutex_) = false;
  mutable bool persisted_ GUARDED_BY(mutex_) = true;
  mutable bool pinned_ GUARDED_BY(mutex_) = false;
};

using SegmentPtr = std::shared_ptr<const Segment>;
// In order of base offsets; the last is the active one.
using SegmentList = std::vector<SegmentPtr>;

}  // namespace quokka
