// Goes over the batches of a file: whole ones in big reads (recovery, rebuilding, search by time) or just their headers (to find a place).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "broker/disk/file.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/records/record_batch.h"

namespace quokka {

// Whole batches in [from, to) of a file. The bytes of a batch live until the next call.
class BatchScanner {
 public:
  enum class Stop { not_yet, end, torn, corrupt, failed };

  BatchScanner(std::shared_ptr<const File> file, int64_t from, int64_t to, size_t chunk_bytes = 1 << 20)
      : file_(std::move(file)), base_(from), to_(to), chunk_bytes_(chunk_bytes), cursor_({}), end_(from) {}

  std::optional<BatchView> next();
  // Of the batch that next() yielded last.
  int64_t position() const { return position_; }
  // Behind it; where the whole batches end, once next() has returned nullopt.
  int64_t end() const { return end_; }

  Stop stop() const { return stop_; }
  // Of `corrupt` and `failed`.
  Error error() const { return error_; }

 private:
  bool refill(size_t bytes_min);

  std::shared_ptr<const File> file_;
  int64_t base_;  // position of buffer_
  int64_t to_;
  size_t chunk_bytes_;
  std::vector<uint8_t> buffer_;
  BatchCursor cursor_;
  int64_t position_ = -1;
  int64_t end_;
  Stop stop_ = Stop::not_yet;
  Error error_;
};

// Where a batch lies.
struct BatchPlace {
  int64_t position = 0;
  int64_t bytes = 0;
  Offset base_offset;
  Offset last_offset;
  LeaderEpoch leader_epoch;  // -1 in formats 0 and 1
};

// The first batch of [from, to) whose last offset is at or above `offset`; `from` is a batch boundary. Reads headers only. nullopt: there is none.
// CORRUPT_MESSAGE where no batch can be.
Result<std::optional<BatchPlace>> find_batch(const File& file, int64_t from, int64_t to, Offset offset);

}  // namespace quokka
