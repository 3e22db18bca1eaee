// What has to reach the device before a log's recovery point may rise: prepared under the partition's lock, performed outside it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/disk/disk.h"
#include "broker/log/segment.h"
#include "protocol/base/ids.h"

namespace quokka {

// A small file of a log (index, snapshot, checkpoint) whose content is final.
struct PendingFile {
  std::string path;
  std::string content;
};

class Flush {
 public:
  Flush(Flush&&) = default;
  Flush& operator=(Flush&&) = default;

  // Any thread, without the lock; waits for the device. Batches first, then what describes them. An error is final.
  Status run();
  // Everything below is on the device when run() has succeeded.
  Offset end() const { return end_; }

 private:
  friend class Log;
  Flush(Disk& disk, std::string directory) : disk_(&disk), directory_(std::move(directory)) {}

  Status write_indexes(const Segment& segment);

  Disk* disk_;
  std::string directory_;
  Offset end_;
  std::vector<SegmentPtr> sealed_;    // batches to sync, indexes to write
  SegmentPtr active_;                 // batches to sync
  std::vector<PendingFile> snapshots_;
  std::optional<std::string> epochs_;  // new content of the checkpoint
  bool sync_directory_ = false;
};

}  // namespace quokka
