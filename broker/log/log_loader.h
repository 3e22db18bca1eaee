// Opens a log: makes order among the files that a crash left, reads or recovers the segments, and rebuilds what is derived from them. What batches say
// is the truth; indexes, snapshots and the epoch checkpoint are rebuilt from them where they are missing or damaged.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/log/batch_place.h"
#include "broker/log/log.h"

namespace quokka {

class LogLoader {
 public:
  LogLoader(Disk& disk, Log::Opening opening, Log::Recovery& recovery) : disk_(disk), opening_(std::move(opening)), recovery_(recovery) {}

  Result<std::unique_ptr<Log>> open();

 private:
  struct Found {
    Offset base;
    int64_t bytes = 0;
    int64_t modified_ms = 0;
  };
  struct Names;

  Status make_order();
  Status complete_swap(Names& names);
  Status read_small_files();
  Status find_segments();
  Status keep_useful_snapshots();
  Status load_segments();
  Result<bool> reaches_recovery_point();
  Status open_last_as_it_is();
  Status recover_from(size_t first);
  // Reads a segment batch by batch and leaves only whole valid ones in it. Sets `cut` if something was cut off.
  Status recover_segment(size_t index, bool& cut, SegmentIndexes& indexes, Offset& next_offset, int64_t& largest_timestamp);
  Status split_overflow(size_t index, int64_t position, int64_t bytes, Offset base);
  // What is behind a batch that ends at `position` of a segment.
  Status look_behind(size_t index, int64_t position, BatchSurroundings& around);
  Result<std::string_view> why_invalid(const BatchView& batch, size_t index, int64_t end_position, Offset due);
  void note_epoch(const BatchView& batch);
  Status rebuild_epochs();
  Status load_producers(Offset end, bool skip_without_snapshot);
  Status finish();

  std::string path(std::string_view name) const { return opening_.directory + "/" + std::string(name); }
  void note(std::string text) { recovery_.notes.push_back(opening_.partition.str() + ": " + std::move(text)); }

  Disk& disk_;
  const Log::Opening opening_;
  Log::Recovery& recovery_;
  std::unique_ptr<Log> log_;
  std::vector<Found> found_;
  bool epochs_known_ = false;
  LeaderEpoch epoch_before_;  // of the batch that recovery has read last
};

}  // namespace quokka
