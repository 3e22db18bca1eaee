#include "broker/node/group_metrics.h"

#include <algorithm>
#include <utility>

namespace quokka {
namespace {

// Of both protocols, in the order in which a group goes through them.
constexpr GroupState kStates[] = {GroupState::EMPTY,       GroupState::PREPARING_REBALANCE, GroupState::COMPLETING_REBALANCE, GroupState::ASSIGNING,
                                  GroupState::RECONCILING, GroupState::STABLE,              GroupState::DEAD};

}  // namespace

GroupMetrics::GroupMetrics(Registry& registry) : registry_(registry) {
  collector_ = registry.collect([this](MetricSink& sink) { collect(sink); });
}

void GroupMetrics::set(std::vector<GroupOverview> groups) {
  std::ranges::sort(groups, {}, &GroupOverview::group);
  MutexLock lock(mutex_);
  groups_ = std::move(groups);
}

void GroupMetrics::collect(MetricSink& sink) const {
  MutexLock lock(mutex_);
  std::map<GroupState, double> in_state;
  double offsets = 0;
  for (const GroupOverview& group : groups_) {
    in_state[group.state] += 1;
    offsets += static_cast<double>(group.offsets);
  }
  const std::string all = "kafka_coordinator_group_GroupMetadataManager";
  sink.gauge(all, "NumGroups", {}, static_cast<double>(groups_.size()));
  sink.gauge(all, "NumOffsets", {}, offsets);
  for (const GroupState state : kStates) {
    sink.gauge(all, "NumGroups" + std::string(name(state)), {}, in_state[state]);
  }
  const std::string each = "kafka_coordinator_group_Group";
  for (size_t i = 0; i < std::min(groups_.size(), kGroupsShownMax); ++i) {
    const Labels labels{{"group", groups_[i].group}};
    sink.gauge(each, "Members", labels, static_cast<double>(groups_[i].members));
    sink.gauge(each, "Offsets", labels, static_cast<double>(groups_[i].offsets));
    sink.gauge(each, "Rebalances", labels, static_cast<double>(groups_[i].rebalances));
  }
}

}  // namespace quokka
