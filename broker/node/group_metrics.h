// Series about the groups that this broker coordinates: Kafka's counts of groups and offsets, and members and rebalances of each group.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/group/group_values.h"
#include "broker/metrics/registry.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class GroupMetrics {
 public:
  // More groups than that have no series of their own: the first by name do.
  static constexpr size_t kGroupsShownMax = 1000;

  // `registry` outlives it, and renders nothing any more when it is destroyed.
  explicit GroupMetrics(Registry& registry);
  ~GroupMetrics() { registry_.remove_collector(collector_); }
  GroupMetrics(const GroupMetrics&) = delete;
  GroupMetrics& operator=(const GroupMetrics&) = delete;

  // What the coordinator has now.
  void set(std::vector<GroupOverview> groups);

 private:
  void collect(MetricSink& sink) const;

  Registry& registry_;
  uint64_t collector_ = 0;  // constant after construction
  mutable Mutex mutex_;
  std::vector<GroupOverview> groups_ GUARDED_BY(mutex_);  // by name
};

}  // namespace quokka
