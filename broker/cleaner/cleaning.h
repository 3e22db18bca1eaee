// One cleaning of one log, step by step: each step reads and writes about one buffer and blocks for no more than that. First the keys of the dirty part
// go into the offset map; then segments, grouped, are copied without what need not stay, and each group is replaced by its copy.
//
// Steps run on the pool, one at a time. The lock of the partition is held for the plan, to ask for the last batch of a producer, and for the two halves
// of a replacement; never across a read, write or sync. The segments that are read are pinned, so that readers who hold them go on. If the log changes
// under it (truncation, deletion, retention), the cleaning ends without a trace.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "broker/cleaner/batch_filter.h"
#include "broker/cleaner/cleaned_transactions.h"
#include "broker/cleaner/offset_map.h"
#include "broker/log/active_segment.h"
#include "broker/log/batch_scanner.h"
#include "broker/log/log_directories.h"

namespace quokka {

// What is to be cleaned: log_choice.h decided it from the view.
struct CleaningPlan {
  PartitionLogPtr log;
  CompactionView view;
  Offset first_dirty;
  size_t segments = 0;  // of view.segments, from the first on
  int64_t dirty_bytes = 0;
};

class Cleaning {
 public:
  struct Settings {
    size_t map_bytes_max = 128 << 20;
    double map_load = 0.9;
    size_t buffer_bytes = 256 << 10;
    HashSecret secret;
  };
  struct Counts {
    int64_t bytes_read = 0;  // of the copy, not of the map
    int64_t map_bytes_read = 0;
    int64_t bytes_written = 0;
    FilterCounts records;
    double map_utilization = 0;
  };
  enum class State {
    going_on,
    done,        // the log is clean up to end()
    superseded,  // the log changed under it: nothing to tell
  };

  // `disk` and `directories` outlive it.
  Cleaning(Disk& disk, LogDirectories& directories, CleaningPlan plan, const Settings& settings, WallTime now);
  ~Cleaning();
  Cleaning(const Cleaning&) = delete;
  Cleaning& operator=(const Cleaning&) = delete;

  // Pool. An error is the reason why this log cannot be cleaned now: CORRUPT_MESSAGE, KAFKA_STORAGE_ERROR, kOutOfDescriptors. Nothing of the log was
  // changed by what failed; groups that were replaced before stay so.
  Result<State> step();
  // Pool. Removes what was begun; instead of a further step.
  void abandon();
  // Bytes that the last step read and wrote.
  int64_t step_bytes() const { return step_bytes_; }
  const PartitionLogPtr& log() const { return plan_.log; }
  Offset first_dirty() const { return plan_.first_dirty; }
  int64_t dirty_bytes() const { return plan_.dirty_bytes; }
  Offset end() const { return std::max(plan_.first_dirty, map_.latest().next()); }
  Counts counts() const;

 private:
  enum class Phase { map, copy, finished };
  // What is read. Where the page cache did not hold it when the cleaning came to it, it is forgotten again.
  struct Source {
    SegmentPtr segment;
    std::shared_ptr<File> file;
    std::vector<bool> cached;  // by windows
    std::unique_ptr<BatchScanner> scanner;
    size_t forgotten = 0;      // windows
  };
  struct Copy {
    std::shared_ptr<Segment> segment;
    std::shared_ptr<File> file;
    ActiveSegment indexes;
    std::vector<uint8_t> buffer;
    int64_t bytes = 0;  // in the file
    std::vector<AbortedEntry> aborted;
    size_t windows = 0, cold_windows = 0;  // of the sources
  };

  Result<State> take_step();
  Result<State> map_step();
  Status map_batch(const BatchView& batch);
  Status begin_map();
  void begin_copy();
  Result<State> copy_step();
  Result<bool> begin_group();
  Status copy_batch(const BatchView& batch);
  Result<State> finish_group();
  Result<bool> write_files();
  Status write_file(const std::string& path, const std::string& content);
  Result<State> replace(bool has_aborted);
  Status sync(const Status& synced);
  Status flush_copy();
  Status open_source(Offset from);
  // The batches of one step. At the end of the segment source_ is gone and next_segment_ the one behind.
  Status read_source(const std::function<Status(const BatchView&)>& each);
  void close_source();
  void forget_read(bool all);
  Result<std::vector<AbortedEntry>> aborted_in(Offset from, Offset upper) const;
  std::optional<LastOfProducer> last_of(ProducerId producer) const;
  SegmentList row(size_t first, size_t end) const;
  void drop_copy();
  void unpin();
  bool is_superseded() const;
  const Segment& segment(size_t index) const { return *(*plan_.view.segments)[index]; }

  Disk& disk_;
  LogDirectories& directories_;
  CleaningPlan plan_;
  const Settings settings_;
  const WallTime now_;
  int64_t legacy_horizon_ms_ = 0;
  OffsetMap map_;
  bool map_full_ = false;
  bool map_begun_ = false;

  Phase phase_ = Phase::map;
  size_t next_segment_ = 0;           // to open
  std::optional<Source> source_;
  std::optional<Copy> copy_;
  std::vector<size_t> groups_;        // sizes
  size_t group_ = 0;
  size_t group_first_ = 0;            // segment
  std::vector<SegmentPtr> pinned_;
  CleanedTransactions transactions_;
  std::optional<BatchFilter> filter_;
  DecompressionScratch scratch_;
  std::vector<uint8_t> plain_;
  Counts counts_;
  int64_t step_bytes_ = 0;
};

}  // namespace quokka
