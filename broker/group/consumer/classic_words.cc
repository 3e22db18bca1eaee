#include "broker/group/consumer/classic_words.h"

#include <algorithm>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/records/stored/consumer_protocol.h"
#include "protocol/records/stored/versioned.h"

namespace quokka {

namespace {

template <class Topics>
AssignedPartitions by_id(const Topics& named, const GroupTopics& topics) {
  AssignedPartitions made;
  for (const auto& each : named) {
    const std::optional<TopicFacts> facts = topics.find(std::string(each.topic));
    if (facts && !each.partitions.empty()) made[facts->id].insert(each.partitions.begin(), each.partitions.end());
  }
  return made;
}

}  // namespace

std::optional<ClassicSubscription> read_classic_subscription(std::string_view bytes, const GroupTopics& topics) {
  Arena arena = Arena::for_frame(bytes.size());
  const auto read = read_versioned<ConsumerProtocolSubscription>(bytes_of(bytes), arena);
  if (!read) return std::nullopt;
  ClassicSubscription made;
  made.topics.insert(read->topics.begin(), read->topics.end());
  made.owned = by_id(read->owned_partitions, topics);
  if (read->rack_id) made.rack_id = *read->rack_id;
  return made;
}

std::optional<AssignedPartitions> read_classic_assignment(std::string_view bytes, const GroupTopics& topics) {
  if (bytes.empty()) return AssignedPartitions();
  Arena arena = Arena::for_frame(bytes.size());
  const auto read = read_versioned<ConsumerProtocolAssignment>(bytes_of(bytes), arena);
  if (!read) return std::nullopt;
  return by_id(read->assigned_partitions, topics);
}

std::string write_classic_assignment(const AssignedPartitions& assigned, const SubscribedTopics& topics, std::string_view subscription) {
  std::vector<std::vector<PartitionIndex>> indexes;
  std::vector<ConsumerProtocolAssignment::TopicPartition> named;
  indexes.reserve(topics.size());
  for (const auto& [name, facts] : topics) {
    const auto found = assigned.find(facts.id);
    if (found != assigned.end()) named.push_back({name, indexes.emplace_back(found->second.begin(), found->second.end())});
  }
  ConsumerProtocolAssignment message;
  message.assigned_partitions = named;
  const int16_t version = subscription.size() < 2 ? int16_t{0} : load_be<int16_t>(bytes_of(subscription).data());
  const std::vector<uint8_t> bytes =
      versioned(message, std::clamp(version, ConsumerProtocolAssignment::kVersionMin, ConsumerProtocolAssignment::kVersionMax));
  return std::string(text_of(bytes));
}

}  // namespace quokka
