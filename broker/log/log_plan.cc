// Log: planning reads under the lock. Only what is in memory is looked at.
#include <algorithm>

#include "broker/log/log.h"

namespace quokka {

Result<ReadPlan> Log::plan_read(const ReadRequest& request) const {
  if (request.offset < log_start_ || request.offset > log_end())
    return Error{ErrorCode::OFFSET_OUT_OF_RANGE, partition_.str() + " holds offsets " + std::to_string(log_start_.value) + " to " +
                                                     std::to_string(log_end().value) + ", not " + std::to_string(request.offset.value)};
  ReadPlan plan;
  plan.request_ = request;
  plan.segments_ = segments_;
  if (plan.nothing()) return plan;

  const SegmentList& list = *segments_;
  const auto above = std::upper_bound(list.begin(), list.end(), request.offset,
                                      [](Offset offset, const SegmentPtr& segment) { return offset < segment->base_offset(); });
  plan.segment_ = above == list.begin() ? 0 : static_cast<size_t>(above - list.begin()) - 1;
  plan.active_bytes_ = active_.bytes();
  plan.active_end_ = active_.next_offset();
  plan.active_first_hint_ = active_.position_before(request.offset);
  plan.active_end_hint_ = active_.position_before(request.end);
  if (request.offset >= active_.base_offset()) {
    if (const auto* place = active_.recent(request.offset)) {
      plan.first_position_ = place->position;
      plan.first_base_ = place->base_offset;
      plan.first_bytes_ = place->bytes;
    }
  }
  if (request.end >= active_.next_offset())
    plan.end_position_ = active_.bytes();
  else if (const auto* place = active_.recent(request.end))
    plan.end_position_ = place->position;

  if (request.aborted_transactions) {
    for (const AbortedEntry& entry : active_.indexes().aborted)
      if (entry.last_offset >= request.offset && entry.first_offset < request.end) plan.active_aborted_.push_back(entry);
    const int64_t from = plan.first_position_ >= 0 ? plan.first_position_ : plan.active_first_hint_;
    // The place of the first batch is not known more closely than one index interval and one batch.
    if (plan.first_position_ >= 0 && request.bytes_max < INT32_MAX) {
      const int64_t end = from + std::max<int64_t>(request.bytes_max, plan.first_bytes_);
      if (const auto behind = active_.indexes().offsets.offset_at_or_behind(end)) plan.upper_hint_ = active_.base_offset() + *behind;
    }
  }
  return plan;
}

TimestampPlan Log::plan_timestamp_search(std::optional<int64_t> timestamp) const {
  TimestampPlan plan;
  plan.segments_ = segments_;
  plan.timestamp_ = timestamp;
  plan.log_start_ = timestamp ? log_start_ : Offset(0);  // the largest timestamp may be that of a deleted record, as in Kafka
  plan.active_bytes_ = active_.bytes();
  plan.active_largest_ = active_.largest_timestamp();
  const int64_t wanted = timestamp ? *timestamp : active_.largest_timestamp();
  if (const auto below = active_.indexes().times.lookup(wanted - 1))
    plan.active_position_ = active_.indexes().offsets.lookup(below->relative_offset);
  return plan;
}

TimestampedOffset Log::earliest() const {
  // An epoch is answered only if it is that of the first record: Kafka's ListOffsets looks at the first entry.
  LeaderEpoch epoch;
  if (!epochs_.entries().empty() && epochs_.entries().front().start <= log_start_) epoch = epochs_.entries().front().epoch;
  return {-1, log_start_, epoch};
}

TimestampedOffset Log::latest(Offset end) const { return {-1, end, epochs_.latest()}; }

}  // namespace quokka
