#include "broker/cleaner/log_choice.h"

#include <gtest/gtest.h>

namespace quokka {
namespace {

constexpr WallTime kNow{1'000'000};

// Segments of ten offsets and 100 bytes.
DirtyLog log_of(size_t segments, std::optional<int64_t> first_dirty = std::nullopt) {
  DirtyLog log;
  log.log_start = Offset(0);
  log.log_end = Offset(static_cast<int64_t>(segments) * 10 + 5);
  if (first_dirty) log.first_dirty = Offset(*first_dirty);
  for (size_t i = 0; i < segments; ++i) {
    const auto base = static_cast<int64_t>(i) * 10;
    log.segments.push_back({Offset(base), Offset(base + 10), 100, 900'000 + base, 900'000 + base});
  }
  return log;
}

TEST(LogChoice, TheRatioIsThatOfDirtyBytes) {
  const DirtyLog log = log_of(4, 30);
  const CleanableRange range = cleanable_range(log, kNow);
  EXPECT_EQ(range.segments, 4u);
  EXPECT_EQ(range.clean_bytes, 300);
  EXPECT_EQ(range.dirty_bytes, 100);
  EXPECT_DOUBLE_EQ(range.ratio(), 0.25);
  EXPECT_FALSE(is_due(log, range));
  DirtyLog eager = log;
  eager.min_cleanable_ratio = 0.2;
  EXPECT_TRUE(is_due(eager, range));
  // A segment in which the dirty part begins counts as both, as in Kafka.
  EXPECT_EQ(cleanable_range(log_of(4, 25), kNow).clean_bytes, 300);
  EXPECT_EQ(cleanable_range(log_of(4, 25), kNow).dirty_bytes, 200);
  eager.first_dirty = Offset(40);
  EXPECT_FALSE(is_due(eager, cleanable_range(eager, kNow)));
  EXPECT_FALSE(is_due(log_of(0), cleanable_range(log_of(0), kNow)));
}

TEST(LogChoice, ACheckpointOutsideTheLogMeansThatAllIsDirty) {
  DirtyLog log = log_of(4, 46);
  EXPECT_EQ(first_dirty_offset(log), Offset(0));
  log.first_dirty = Offset(45);
  EXPECT_EQ(first_dirty_offset(log), Offset(45));
  log.first_dirty = Offset(5);
  log.log_start = Offset(12);
  EXPECT_EQ(first_dirty_offset(log), Offset(12));
  log.first_dirty.reset();
  EXPECT_EQ(first_dirty_offset(log), Offset(12));
}

TEST(LogChoice, WhatIsYoungerThanTheMinimumLagStaysDirty) {
  DirtyLog log = log_of(4, 10);
  log.min_compaction_lag_ms = 100'000 - 20;  // 900'020 and below are old enough
  EXPECT_EQ(cleanable_range(log, kNow).segments, 3u);
  log.min_compaction_lag_ms = 200'000;
  EXPECT_EQ(cleanable_range(log, kNow).segments, 1u);  // clean already
  EXPECT_FALSE(is_due(log, cleanable_range(log, kNow)));
}

TEST(LogChoice, WhatIsOlderThanTheMaximumLagIsDueWhateverTheRatio) {
  DirtyLog log = log_of(4, 30);
  log.max_compaction_lag_ms = 60'000;
  const CleanableRange range = cleanable_range(log, kNow);
  EXPECT_EQ(range.overdue_ms, 940'000 - 900'030);
  EXPECT_TRUE(is_due(log, range));
  log.max_compaction_lag_ms = 99'980;
  EXPECT_EQ(cleanable_range(log, kNow).overdue_ms, 0);
  EXPECT_FALSE(is_due(log, cleanable_range(log, kNow)));
}

TEST(LogChoice, GroupsFitIntoOneSegment) {
  const auto segments = log_of(7).segments;
  EXPECT_EQ(group_segments(segments, {300, 64}), (std::vector<size_t>{3, 3, 1}));
  EXPECT_EQ(group_segments(segments, {50, 64}), (std::vector<size_t>{1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(group_segments(segments, {1000, 2}), (std::vector<size_t>{2, 2, 2, 1}));
  EXPECT_TRUE(group_segments({}, {300, 64}).empty());
  // Offsets of a segment are 32 bits from its base.
  std::vector<DirtySegment> far = {{Offset(0), Offset(10), 1}, {Offset(10), Offset(int64_t{INT32_MAX} + 1), 1}, {Offset(int64_t{INT32_MAX} + 1), Offset(int64_t{INT32_MAX} + 5), 1}};
  EXPECT_EQ(group_segments(far, {300, 64}), (std::vector<size_t>{1, 2}));
}

}  // namespace
}  // namespace quokka
