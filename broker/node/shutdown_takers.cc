#include "broker/node/shutdown_takers.h"

#include <algorithm>

namespace quokka {

bool has_takers(const ClusterView& view, BrokerId self, const std::vector<TopicPartition>& left) {
  return std::any_of(left.begin(), left.end(), [&](const TopicPartition& name) {
    const PartitionView* partition = view.partition(name.topic, name.partition);
    if (partition == nullptr) return false;
    return std::any_of(partition->replicas.begin(), partition->replicas.end(), [&](BrokerId id) { return id != self && view.is_live(id); });
  });
}

bool has_others(const ClusterView& view, BrokerId self) { return view.brokers().size() > (view.is_live(self) ? 1u : 0u); }

}  // namespace quokka
