// Which part of a log may be cleaned, how dirty it is, and which log comes next. Pure, but for what a segment knows of itself (its largest timestamp),
// which the caller has looked up.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/time.h"

namespace quokka {

struct DirtySegment {
  Offset base_offset;
  Offset next_offset;
  int64_t bytes = 0;
  int64_t largest_timestamp = -1;  // of dirty segments, with min_compaction_lag_ms above 0
  int64_t first_timestamp = -1;    // of dirty segments, with a finite max_compaction_lag_ms; -1 unknown
};

// A log as the choice sees it.
struct DirtyLog {
  Offset log_start;
  Offset log_end;
  std::optional<Offset> first_dirty;   // of the checkpoint
  std::vector<DirtySegment> segments;  // those that may be rewritten, from the first on
  int64_t min_compaction_lag_ms = 0;
  int64_t max_compaction_lag_ms = INT64_MAX;
  double min_cleanable_ratio = 0.5;
};

// Where cleaning begins: the checkpoint, unless it is not within the log (then all of it is dirty).
Offset first_dirty_offset(const DirtyLog& log);

struct CleanableRange {
  Offset first_dirty;
  size_t segments = 0;      // so many from the first on are cleaned
  int64_t clean_bytes = 0;  // in segments that begin below first_dirty
  int64_t dirty_bytes = 0;  // in segments that reach above it
  int64_t overdue_ms = 0;   // since max.compaction.lag.ms passed for the oldest dirty record

  double ratio() const { return clean_bytes + dirty_bytes > 0 ? static_cast<double>(dirty_bytes) / static_cast<double>(clean_bytes + dirty_bytes) : 0; }
};

CleanableRange cleanable_range(const DirtyLog& log, WallTime now);
// Dirty enough (min.cleanable.dirty.ratio), or overdue.
bool is_due(const DirtyLog& log, const CleanableRange& range);

// Neighbours that together fit into one segment: sizes of groups, in order. All of `segments` are grouped.
struct GroupLimits {
  int64_t bytes_max = 0;
  size_t segments_max = 64;  // their files are open while a group is cleaned
};
std::vector<size_t> group_segments(const std::vector<DirtySegment>& segments, GroupLimits limits);

}  // namespace quokka
