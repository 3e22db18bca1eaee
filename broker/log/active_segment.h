// The segment that is written: its file, its growing indexes, and the places of the last batches. Guarded by the lock of the partition.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "broker/log/log_config.h"
#include "broker/log/segment.h"
#include "protocol/base/time.h"

namespace quokka {

class ActiveSegment {
 public:
  // One append as the segment must know it: several batches may come in one write.
  struct Batch {
    Offset base_offset;
    Offset last_offset;
    int32_t bytes;
    int64_t max_timestamp;
  };
  struct Place {
    Offset base_offset;
    Offset last_offset;
    int64_t position;
    int32_t bytes;
  };

  ActiveSegment() = default;

  // `segment` has an open file; `next_offset` is its base offset if it is new.
  void reset(SegmentPtr segment, std::shared_ptr<File> file, int64_t bytes, Offset next_offset, SegmentIndexes indexes);

  const SegmentPtr& segment() const { return segment_; }
  const std::shared_ptr<File>& file() const { return file_; }
  Offset base_offset() const { return base_offset_; }
  Offset next_offset() const { return next_offset_; }
  int64_t bytes() const { return bytes_; }
  const SegmentIndexes& indexes() const { return indexes_; }
  int64_t largest_timestamp() const { return largest_timestamp_; }
  // Max timestamp of the first batch: what segment.ms counts from. nullopt in an empty segment.
  std::optional<int64_t> first_timestamp() const { return first_timestamp_; }
  WallTime created() const { return created_; }
  WallTime modified() const { return modified_; }

  // The bytes of the batch are in the file at bytes(). Index entries are added before it where one is due.
  void on_written(const Batch& batch, int32_t index_interval_bytes);
  void on_aborted(const AbortedEntry& entry) { indexes_.aborted.push_back(entry); }
  bool indexes_full(int32_t segment_index_bytes) const;

  // A batch boundary at or before the batch that holds `offset`.
  int64_t position_before(Offset offset) const;
  // The place of the batch that holds `offset` (or the first after it), if it is among the last appended.
  const Place* recent(Offset offset) const;

  // The time index ends with the largest timestamp, as Kafka's does at roll and close.
  void finish_time_index();
  Segment::Seal seal(Offset next_base, WallTime now) const;

  void set_end(int64_t bytes, Offset next_offset) {
    bytes_ = bytes;
    next_offset_ = next_offset;
  }
  void set_first_timestamp(int64_t timestamp) { first_timestamp_ = timestamp; }
  // A batch that was in the file already, above the last index entry: found when the segment was opened.
  void on_found(const Batch& batch, int64_t position);
  void set_created(WallTime now) { created_ = now; }
  void set_modified(WallTime now) { modified_ = now; }

  // The offset and time index of the whole batches in [0, bytes) of a segment's file.
  static Result<SegmentIndexes> rebuild(const std::shared_ptr<File>& file, Offset base_offset, int64_t bytes,
                                        int32_t index_interval_bytes = LogConfig().index_interval_bytes);

 private:
  static constexpr size_t kRecentPlaces = 128;

  void remember(const Place& place);

  SegmentPtr segment_;
  Offset base_offset_{0};
  std::shared_ptr<File> file_;
  int64_t bytes_ = 0;
  Offset next_offset_{0};
  SegmentIndexes indexes_;
  int64_t bytes_since_entry_ = 0;
  int64_t largest_timestamp_ = -1;
  Offset offset_of_largest_;
  std::optional<int64_t> first_timestamp_;  // max timestamp of the first batch
  WallTime created_;
  WallTime modified_;
  std::array<Place, kRecentPlaces> recent_{};  // a ring
  size_t recent_begin_ = 0;
  size_t recent_count_ = 0;
};

}  // namespace quokka
