// Reads: planned under the partition's lock as a snapshot of all bounds, performed outside it on immutable segments. Each bound is taken once
// (KAFKA-9807): data and aborted transactions come from one snapshot.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "broker/disk/file_slice.h"
#include "broker/log/batch_scanner.h"
#include "broker/log/segment.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka {

struct ReadRequest {
  Offset offset;          // the first record wanted
  Offset end;             // exclusive: high watermark, last stable offset or log end
  int64_t bytes_max = 0;
  bool min_one_message = false;  // the first batch whole, even above bytes_max
  bool aborted_transactions = false;  // read committed: list them
};

// An aborted transaction whose records lie in what was read.
struct AbortedTransaction {
  ProducerId producer_id;
  Offset first_offset;

  bool operator==(const AbortedTransaction&) const = default;
};

// Whole batches, but for the last, which bytes_max may cut. The first may begin below the offset asked for.
struct LogRead {
  FileSlice slice;        // length 0: nothing to read
  Offset base_offset;     // of the first batch; the offset asked for if there is none
  bool first_batch_incomplete = false;  // bytes_max cuts the first batch
  std::vector<AbortedTransaction> aborted;
};

class ReadPlan {
 public:
  // Any thread, without the lock. Reads batch headers from the page cache where the plan does not know the place exactly.
  // Errors: KAFKA_STORAGE_ERROR; NOT_LEADER_OR_FOLLOWER if the log was truncated meanwhile (a leader's never is).
  Result<LogRead> run() const;
  // True if run() may wait for the device: index files that are not in memory, batch headers that the page cache does not hold. Such a plan is run on
  // the pool once; after that what it reads is warm. Asks the kernel only where the place is not exact().
  bool cold() const;
  // True if run() reads no file: the place is known, as for reads near the end of the log.
  bool exact() const { return first_position_ >= 0 && end_position_ >= 0; }
  // What is read does not lie in the segment that is written.
  bool in_older_segment() const { return !nothing() && segments_ && segment_ + 1 < segments_->size(); }
  // The plan's end is the same as its beginning.
  bool nothing() const { return request_.offset >= request_.end; }

 private:
  friend class Log;
  Result<int64_t> find_start(size_t index, int64_t bytes, BatchPlace& place) const;
  Result<int64_t> find_end(size_t index, int64_t bytes, int64_t start) const;
  Result<std::vector<AbortedTransaction>> collect_aborted(size_t index, int64_t end_position, Offset from) const;

  ReadRequest request_;
  std::shared_ptr<const SegmentList> segments_;
  size_t segment_ = 0;                  // index of the first segment to look into
  int64_t active_bytes_ = 0;            // end of the active segment when planned
  Offset active_end_;                   // its next offset then
  int64_t active_first_hint_ = 0;       // a batch boundary in the active segment at or before request.offset
  int64_t active_end_hint_ = 0;         // the same for request.end
  int64_t first_position_ = -1;         // exact, if known: the batch that holds request.offset
  Offset first_base_;                   // its base offset
  int32_t first_bytes_ = 0;             // its size
  int64_t end_position_ = -1;           // exact, if known: where request.end begins
  Offset upper_hint_;                   // records of the active segment at or above it do not fit into bytes_max; -1 unknown
  std::vector<AbortedEntry> active_aborted_;
};

// A record's place in time: what ListOffsets answers.
struct TimestampedOffset {
  int64_t timestamp = -1;
  Offset offset;
  LeaderEpoch leader_epoch;

  bool operator==(const TimestampedOffset&) const = default;
};

// A search by record timestamp over one snapshot of the log: for the first record at or above the log start whose timestamp is at or above the one
// asked for, or for the (first) record with the largest timestamp.
class TimestampPlan {
 public:
  // Any thread, without the lock; reads and may decompress batches. nullopt if there is no such record. Errors: KAFKA_STORAGE_ERROR,
  // CORRUPT_MESSAGE, NOT_LEADER_OR_FOLLOWER if the log was truncated meanwhile.
  Result<std::optional<TimestampedOffset>> run() const;

 private:
  friend class Log;
  Result<std::optional<TimestampedOffset>> search(const Segment& segment, int64_t position, int64_t bytes, int64_t timestamp) const;
  Result<std::optional<TimestampedOffset>> search_sealed(const Segment& segment, int64_t timestamp) const;
  Result<std::optional<TimestampedOffset>> at_or_after() const;
  Result<std::optional<TimestampedOffset>> largest() const;

  std::shared_ptr<const SegmentList> segments_;
  std::optional<int64_t> timestamp_;    // nullopt: the largest
  Offset log_start_;
  int64_t active_bytes_ = 0;
  int64_t active_largest_ = -1;
  int64_t active_position_ = 0;         // where to begin in the active segment
};

}  // namespace quokka
