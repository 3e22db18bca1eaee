// TimestampPlan: which record a timestamp points at.
#include <vector>

#include "broker/log/log_read.h"
#include "protocol/records/compression.h"

namespace quokka {

namespace {

// The first record of the batch at or above `log_start` with a timestamp at or above `timestamp`.
Result<std::optional<TimestampedOffset>> find_record(const BatchView& batch, int64_t timestamp, Offset log_start) {
  if (!batch.is_v2()) {
    if (batch.last_offset() < log_start) return std::optional<TimestampedOffset>();
    return std::optional(TimestampedOffset{batch.max_timestamp_ms(), batch.last_offset(), LeaderEpoch()});
  }
  std::vector<uint8_t> plain;
  Bytes records = batch.payload();
  if (batch.is_compressed()) {
    DecompressionScratch scratch;
    const DecompressionLimits limits;
    if (auto status = decompress(batch.codec(), records, batch.magic(), limits, scratch, plain); !status) return status.error();
    records = plain;
  }
  RecordCursor cursor(batch, records);
  RecordView record;
  while (cursor.next(record))
    if (record.timestamp_ms >= timestamp && record.offset >= log_start)
      return std::optional(TimestampedOffset{record.timestamp_ms, record.offset, batch.leader_epoch()});
  if (!cursor.ok()) return Error{ErrorCode::CORRUPT_MESSAGE, "the batch at offset " + std::to_string(batch.base_offset().value) + ": " + std::string(cursor.error())};
  return std::optional<TimestampedOffset>();
}

}  // namespace

Result<std::optional<TimestampedOffset>> TimestampPlan::run() const {
  auto found = timestamp_ ? at_or_after() : largest();
  if (found.code() == kOutOfDescriptors) found = Error{ErrorCode::KAFKA_STORAGE_ERROR, found.error().message};
  for (const SegmentPtr& segment : *segments_)
    if (segment->stale()) return Error{ErrorCode::NOT_LEADER_OR_FOLLOWER, "the log was truncated during a search"};
  return found;
}

Result<std::optional<TimestampedOffset>> TimestampPlan::search(const Segment& segment, int64_t position, int64_t bytes, int64_t timestamp) const {
  auto file = segment.file();
  if (!file) return file.error();
  BatchScanner scanner(std::move(*file), position, bytes, 64 << 10);
  while (auto batch = scanner.next()) {
    if (batch->max_timestamp_ms() < timestamp) continue;
    auto found = find_record(*batch, timestamp, log_start_);
    if (!found || found->has_value()) return found;
  }
  if (scanner.stop() != BatchScanner::Stop::end && scanner.stop() != BatchScanner::Stop::torn) return scanner.error();
  return std::optional<TimestampedOffset>();
}

Result<std::optional<TimestampedOffset>> TimestampPlan::search_sealed(const Segment& segment, int64_t timestamp) const {
  auto indexes = segment.indexes();
  if (!indexes) return indexes.error();
  int64_t position = 0;
  // Entries at or above the timestamp tell nothing about the first such batch; the last one below it does.
  if (const auto below = (*indexes)->times.lookup(timestamp - 1)) {
    auto before = segment.position_before(segment.base_offset() + below->relative_offset);
    if (!before) return before.error();
    position = *before;
  }
  return search(segment, position, segment.seal()->bytes, timestamp);
}

Result<std::optional<TimestampedOffset>> TimestampPlan::at_or_after() const {
  for (const SegmentPtr& segment : *segments_) {
    if (!segment->sealed()) break;
    if (segment->seal()->next_offset <= log_start_) continue;
    auto segment_largest = segment->largest_timestamp();
    if (!segment_largest) return segment_largest.error();
    if (*segment_largest < *timestamp_) continue;
    auto found = search_sealed(*segment, *timestamp_);
    if (!found || found->has_value()) return found;
  }
  if (active_largest_ < *timestamp_) return std::optional<TimestampedOffset>();
  return search(*segments_->back(), active_position_, active_bytes_, *timestamp_);
}

Result<std::optional<TimestampedOffset>> TimestampPlan::largest() const {
  int64_t best = -1;
  const Segment* where = nullptr;
  for (const SegmentPtr& segment : *segments_) {
    if (segment->sealed() && segment->seal()->next_offset <= log_start_) continue;
    int64_t of_segment = active_largest_;
    if (segment->sealed()) {
      auto known = segment->largest_timestamp();
      if (!known) return known.error();
      of_segment = *known;
    }
    if (of_segment <= best) continue;
    best = of_segment;
    where = segment.get();
  }
  if (where == nullptr) return std::optional<TimestampedOffset>();
  if (where->sealed()) return search_sealed(*where, best);
  return search(*where, active_position_, active_bytes_, best);
}

}  // namespace quokka
