#include "broker/log/log_read.h"

#include <algorithm>

namespace quokka {

namespace {

constexpr int64_t kSearched = 64 << 10;  // of the active segment, from an index entry on

Error truncated_meanwhile() { return Error{ErrorCode::NOT_LEADER_OR_FOLLOWER, "the log was truncated during a read"}; }

// What a failure is once it is known that the log moved on under the read.
Error explained(const Segment& segment, const Error& error) {
  if (segment.stale()) return truncated_meanwhile();
  if (segment.removed()) return Error{ErrorCode::OFFSET_OUT_OF_RANGE, "retention removed the segment during a read"};
  if (error.code == kOutOfDescriptors) return Error{ErrorCode::KAFKA_STORAGE_ERROR, error.message};
  return error;
}

}  // namespace

bool ReadPlan::cold() const {
  if (nothing() || exact()) return false;
  const Segment& segment = *(*segments_)[segment_];
  if (!segment.sealed()) {
    const auto is_warm = [&](Offset offset, int64_t hint) { return segment.is_warm(offset, hint, std::min(active_bytes_, hint + kSearched)); };
    if (first_position_ < 0 && !is_warm(request_.offset, active_first_hint_)) return true;
    const bool end_is_near = end_position_ < 0 && active_end_hint_ < active_first_hint_ + request_.bytes_max;
    return end_is_near && !is_warm(request_.end, active_end_hint_);
  }
  const int64_t bytes = segment.seal()->bytes;
  if (!segment.is_warm(request_.offset, 0, bytes)) return true;
  if (request_.end < segment.seal()->next_offset && !segment.is_warm(request_.end, 0, bytes)) return true;
  if (!request_.aborted_transactions) return false;
  // The list may come from any of the segments behind, as far as nobody knows their indexes.
  return std::any_of(segments_->begin() + static_cast<ptrdiff_t>(segment_), segments_->end(),
                     [](const SegmentPtr& each) { return each->sealed() && !each->has_indexes(); });
}

Result<LogRead> ReadPlan::run() const {
  LogRead read;
  read.base_offset = request_.offset;
  if (nothing()) return read;
  for (size_t index = segment_; index < segments_->size(); ++index) {
    const Segment& segment = *(*segments_)[index];
    if (segment.base_offset() >= request_.end) break;
    const int64_t bytes = segment.sealed() ? segment.seal()->bytes : active_bytes_;
    BatchPlace first;
    auto start = find_start(index, bytes, first);
    if (!start) return explained(segment, start.error());
    if (*start < 0) continue;  // a gap that compaction left up to the next segment
    auto end = find_end(index, bytes, *start);
    if (!end) return explained(segment, end.error());
    if (*end <= *start) break;
    auto file = segment.file();
    if (!file) return explained(segment, file.error());
    if (segment.stale()) return truncated_meanwhile();
    int64_t length = std::min(*end - *start, std::max<int64_t>(request_.bytes_max, 0));
    if (length < first.bytes) {
      if (request_.min_one_message)
        length = first.bytes;
      else
        read.first_batch_incomplete = true;
    }
    read.slice = {std::move(*file), *start, length};
    read.base_offset = first.base_offset;
    if (request_.aborted_transactions) {
      auto aborted = collect_aborted(index, *start + length, first.base_offset);
      if (!aborted) return explained(segment, aborted.error());
      read.aborted = std::move(*aborted);
    }
    return read;
  }
  return read;
}

// Position of the batch that holds request_.offset, or of the first behind it; -1 if this segment has none.
Result<int64_t> ReadPlan::find_start(size_t index, int64_t bytes, BatchPlace& place) const {
  const Segment& segment = *(*segments_)[index];
  const bool active = index + 1 == segments_->size();
  if (active && first_position_ >= 0) {
    place = {first_position_, first_bytes_, first_base_, Offset(), LeaderEpoch()};
    return first_position_;
  }
  int64_t from = active ? active_first_hint_ : 0;
  if (!active) {
    auto before = segment.position_before(request_.offset);
    if (!before) return before.error();
    from = *before;
  }
  auto file = segment.file();
  if (!file) return file.error();
  auto found = find_batch(**file, from, bytes, request_.offset);
  if (!found) return found.error();
  if (!found->has_value()) return int64_t{-1};
  place = **found;
  return place.position;
}

// Where request_.end begins, or the end of the segment.
Result<int64_t> ReadPlan::find_end(size_t index, int64_t bytes, int64_t start) const {
  const Segment& segment = *(*segments_)[index];
  const bool active = index + 1 == segments_->size();
  if (active ? request_.end >= active_end_ : request_.end >= segment.seal()->next_offset) return bytes;
  // Nothing that lies beyond bytes_max need be known exactly.
  if (active && end_position_ >= 0) return end_position_;
  int64_t from = active ? active_end_hint_ : 0;
  if (!active) {
    auto before = segment.position_before(request_.end);
    if (!before) return before.error();
    from = *before;
  }
  if (from >= start + request_.bytes_max && from > start) return from;
  auto file = segment.file();
  if (!file) return file.error();
  auto found = find_batch(**file, std::max(from, start), bytes, request_.end);
  if (!found) return found.error();
  return found->has_value() ? (*found)->position : bytes;
}

// The aborted transactions with records in [from, end of what was read). An abort's marker, and so its entry, may lie in a later segment. The end is
// taken from the index and may be a little high: clients ignore what does not concern them.
Result<std::vector<AbortedTransaction>> ReadPlan::collect_aborted(size_t index, int64_t end_position, Offset from) const {
  const Segment& segment = *(*segments_)[index];
  Offset upper = request_.end;
  if (segment.sealed()) {
    upper = std::min(upper, segment.seal()->next_offset);
    auto indexes = segment.indexes();
    if (!indexes) return indexes.error();
    if (const auto behind = (*indexes)->offsets.offset_at_or_behind(end_position))
      upper = std::min(upper, segment.base_offset() + *behind);
  } else if (upper_hint_.value >= 0) {
    upper = std::min(upper, upper_hint_);
  }
  std::vector<AbortedTransaction> aborted;
  const auto take = [&](const std::vector<AbortedEntry>& entries) {
    for (const AbortedEntry& entry : entries) {
      if (entry.last_offset >= from && entry.first_offset < upper) aborted.push_back({entry.producer_id, entry.first_offset});
      if (entry.last_stable_offset >= upper) return true;
    }
    return false;
  };
  for (; index < segments_->size(); ++index) {
    const Segment& each = *(*segments_)[index];
    if (!each.sealed()) {
      take(active_aborted_);
      break;
    }
    auto indexes = each.indexes();
    if (!indexes) return indexes.error();
    if (take((*indexes)->aborted)) break;
  }
  return aborted;
}

}  // namespace quokka
