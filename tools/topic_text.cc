#include "tools/topic_text.h"

#include <algorithm>

namespace quokka {
namespace {

std::string joined(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (const BrokerId broker : brokers) text += (text.empty() ? "" : ",") + std::to_string(broker.value);
  return text;
}

bool is_picked(const DescribedPartition& partition, const DescribedTopic& topic, const DescribeChoice& choice,
               const std::set<BrokerId>& live_brokers) {
  if (!choice.picks_partitions()) return true;
  const auto min_isr = static_cast<size_t>(std::max(topic.min_insync_replicas, 0));
  return (choice.under_replicated && partition.isr.size() < partition.replication_factor()) ||
         (choice.unavailable && (!partition.leader || !live_brokers.contains(*partition.leader))) ||
         (choice.under_min_isr && (!partition.leader || partition.isr.size() < min_isr)) ||
         (choice.at_min_isr && partition.isr.size() == min_isr);
}

std::string topic_line(const DescribedTopic& topic) {
  std::string line = "Topic: " + topic.name;
  if (!topic.id.is_zero()) line += "\tTopicId: " + topic.id.str();
  line += "\tPartitionCount: " + std::to_string(topic.partitions.size());
  line += "\tReplicationFactor: " + std::to_string(topic.partitions.empty() ? 0 : topic.partitions.front().replication_factor());
  line += "\tConfigs: ";
  for (size_t i = 0; i < topic.overrides.size(); ++i) {
    line += (i == 0 ? "" : ",") + topic.overrides[i].first + "=" + topic.overrides[i].second;
  }
  return line + "\n";
}

std::string partition_line(const DescribedTopic& topic, const DescribedPartition& partition) {
  std::string line = "\tTopic: " + topic.name + "\tPartition: " + std::to_string(partition.index.value);
  line += "\tLeader: " + (partition.leader ? std::to_string(partition.leader->value) : "none");
  line += "\tReplicas: " + joined(partition.replicas) + "\tIsr: " + joined(partition.isr);
  if (partition.reassignment) {
    line += "\tAdding Replicas: " + joined(partition.reassignment->adding);
    line += "\tRemoving Replicas: " + joined(partition.reassignment->removing);
  }
  // Eligible leader replicas exist without ZooKeeper only.
  return line + "\tElr: N/A\tLastKnownElr: N/A\n";
}

}  // namespace

size_t DescribedPartition::replication_factor() const {
  if (!reassignment) return replicas.size();
  // It may have ended between the two answers: then no replica of it is left that comes or goes.
  const auto changes = [&](BrokerId broker) {
    return std::ranges::count(reassignment->adding, broker) + std::ranges::count(reassignment->removing, broker) > 0;
  };
  if (std::ranges::none_of(replicas, changes)) return replicas.size();
  return reassignment->replicas.size() - reassignment->adding.size();
}

std::string describe(const DescribedTopic& topic, const DescribeChoice& choice, const std::set<BrokerId>& live_brokers) {
  std::string text;
  if (!choice.picks_partitions() && (!choice.topics_with_overrides || !topic.overrides.empty())) text += topic_line(topic);
  if (choice.topics_with_overrides) return text;
  for (const DescribedPartition& partition : topic.partitions) {
    if (is_picked(partition, topic, choice, live_brokers)) text += partition_line(topic, partition);
  }
  return text;
}

}  // namespace quokka
