#include "broker/cleaner/log_choice.h"

#include <algorithm>

namespace quokka {

Offset first_dirty_offset(const DirtyLog& log) {
  const Offset checkpoint = log.first_dirty.value_or(log.log_start);
  return checkpoint < log.log_start || checkpoint > log.log_end ? log.log_start : checkpoint;
}

CleanableRange cleanable_range(const DirtyLog& log, WallTime now) {
  CleanableRange range;
  range.first_dirty = first_dirty_offset(log);
  int64_t oldest = INT64_MAX;
  for (const DirtySegment& segment : log.segments) {
    const bool dirty = segment.next_offset > range.first_dirty;
    if (dirty && log.min_compaction_lag_ms > 0 && segment.largest_timestamp > now.ms - log.min_compaction_lag_ms) break;
    ++range.segments;
    if (segment.base_offset < range.first_dirty) range.clean_bytes += segment.bytes;
    if (!dirty) continue;
    range.dirty_bytes += segment.bytes;
    if (segment.first_timestamp > 0) oldest = std::min(oldest, segment.first_timestamp);
  }
  const int64_t until = now.ms - std::min(log.max_compaction_lag_ms, INT64_MAX / 2);
  if (oldest < until) range.overdue_ms = until - oldest;
  return range;
}

bool is_due(const DirtyLog& log, const CleanableRange& range) {
  return range.dirty_bytes > 0 && (range.overdue_ms > 0 || range.ratio() > log.min_cleanable_ratio);
}

std::vector<size_t> group_segments(const std::vector<DirtySegment>& segments, GroupLimits limits) {
  std::vector<size_t> groups;
  Offset base;
  int64_t bytes = 0;
  for (const DirtySegment& segment : segments) {
    // Index entries are 32 bits: the last offset is counted from the group's base.
    const bool fits = !groups.empty() && groups.back() < limits.segments_max && bytes + segment.bytes <= limits.bytes_max &&
                      segment.next_offset - base <= INT32_MAX;
    if (fits) {
      ++groups.back();
      bytes += segment.bytes;
      continue;
    }
    groups.push_back(1);
    base = segment.base_offset;
    bytes = segment.bytes;
  }
  return groups;
}

}  // namespace quokka
