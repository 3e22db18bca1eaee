#include "broker/log/active_segment.h"

#include "broker/log/batch_scanner.h"

namespace quokka {

void ActiveSegment::reset(SegmentPtr segment, std::shared_ptr<File> file, int64_t bytes, Offset next_offset, SegmentIndexes indexes) {
  segment_ = std::move(segment);
  base_offset_ = segment_->base_offset();
  file_ = std::move(file);
  bytes_ = bytes;
  next_offset_ = next_offset;
  indexes_ = std::move(indexes);
  bytes_since_entry_ = 0;
  largest_timestamp_ = -1;
  offset_of_largest_ = Offset();
  if (!indexes_.times.entries().empty()) {
    const TimeIndex::Entry last = indexes_.times.entries().back();
    largest_timestamp_ = last.timestamp;
    offset_of_largest_ = base_offset_ + last.relative_offset;
  }
  first_timestamp_.reset();
  recent_begin_ = 0;
  recent_count_ = 0;
}

void ActiveSegment::on_written(const Batch& batch, int32_t index_interval_bytes) {
  if (bytes_ == 0) first_timestamp_ = batch.max_timestamp;
  if (batch.max_timestamp > largest_timestamp_) {
    largest_timestamp_ = batch.max_timestamp;
    offset_of_largest_ = batch.last_offset;
  }
  if (bytes_since_entry_ > index_interval_bytes) {
    indexes_.offsets.append(static_cast<int32_t>(batch.last_offset - base_offset_), static_cast<int32_t>(bytes_));
    finish_time_index();
    bytes_since_entry_ = 0;
  }
  remember({batch.base_offset, batch.last_offset, bytes_, batch.bytes});
  bytes_since_entry_ += batch.bytes;
  bytes_ += batch.bytes;
  next_offset_ = batch.last_offset.next();
}

void ActiveSegment::on_found(const Batch& batch, int64_t position) {
  if (batch.max_timestamp > largest_timestamp_) {
    largest_timestamp_ = batch.max_timestamp;
    offset_of_largest_ = batch.last_offset;
  }
  remember({batch.base_offset, batch.last_offset, position, batch.bytes});
  bytes_since_entry_ += batch.bytes;
  bytes_ = position + batch.bytes;
  next_offset_ = batch.last_offset.next();
}

void ActiveSegment::remember(const Place& place) {
  recent_[(recent_begin_ + recent_count_) % kRecentPlaces] = place;
  if (recent_count_ < kRecentPlaces)
    ++recent_count_;
  else
    recent_begin_ = (recent_begin_ + 1) % kRecentPlaces;
}

bool ActiveSegment::indexes_full(int32_t segment_index_bytes) const {
  const auto limit = static_cast<size_t>(segment_index_bytes);
  // The time index keeps room for the entry that is added at the roll.
  return indexes_.offsets.entries().size() >= limit / OffsetIndex::kEntryBytes ||
         indexes_.times.entries().size() + 1 >= limit / TimeIndex::kEntryBytes;
}

int64_t ActiveSegment::position_before(Offset offset) const { return indexes_.offsets.lookup(offset - base_offset_); }

const ActiveSegment::Place* ActiveSegment::recent(Offset offset) const {
  if (recent_count_ == 0 || offset >= next_offset_) return nullptr;
  const auto at = [&](size_t i) -> const Place& { return recent_[(recent_begin_ + i) % kRecentPlaces]; };
  if (offset < at(0).base_offset) return nullptr;
  size_t first = 0;
  size_t count = recent_count_;
  while (count > 0) {
    const size_t half = count / 2;
    if (at(first + half).last_offset < offset) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first < recent_count_ ? &at(first) : nullptr;
}

void ActiveSegment::finish_time_index() {
  if (largest_timestamp_ >= 0) indexes_.times.append(largest_timestamp_, static_cast<int32_t>(offset_of_largest_ - base_offset_));
}

Segment::Seal ActiveSegment::seal(Offset next_base, WallTime now) const { return {bytes_, next_base, largest_timestamp_, now.ms}; }

Result<SegmentIndexes> ActiveSegment::rebuild(const std::shared_ptr<File>& file, Offset base_offset, int64_t bytes, int32_t index_interval_bytes) {
  ActiveSegment builder;
  builder.base_offset_ = base_offset;
  BatchScanner scanner(file, 0, bytes);
  Offset last(base_offset.value - 1);
  while (auto batch = scanner.next()) {
    if (batch->last_offset() <= last || batch->last_offset() - base_offset > INT32_MAX)
      return Error{ErrorCode::CORRUPT_MESSAGE, file->path() + ": the batch at position " + std::to_string(scanner.position()) + " has offset " +
                                                   std::to_string(batch->last_offset().value) + ", which does not fit"};
    last = batch->last_offset();
    builder.on_written({batch->base_offset(), last, static_cast<int32_t>(batch->size()), batch->max_timestamp_ms()}, index_interval_bytes);
  }
  if (scanner.stop() == BatchScanner::Stop::failed || scanner.stop() == BatchScanner::Stop::corrupt) return scanner.error();
  builder.finish_time_index();
  return std::move(builder.indexes_);
}

}  // namespace quokka
