// Whether it is worth waiting for leaderships that a controlled shutdown could not move.
#pragma once

#include <vector>

#include "coord/view/cluster_view.h"

namespace quokka {

// True if a replica of any of `left` is on another live broker: it may come into sync, or leave. The controller moves a leadership at once to whoever can
// take it, so the others that are in sync stop as well, and when a whole cluster stops this broker waits for those that asked before it only.
bool has_takers(const ClusterView& view, BrokerId self, const std::vector<TopicPartition>& left);

// True if the view knows another broker.
bool has_others(const ClusterView& view, BrokerId self);

}  // namespace quokka
