#include "tools/listed_offsets.h"

#include <algorithm>
#include <set>

#include "protocol/messages/list_offsets.h"
#include "protocol/client/by_topic.h"

namespace quokka {
namespace {

using Topic = ListOffsetsRequest::ListOffsetsTopic;

Error failure(const TopicPartition& partition, ErrorCode code) {
  return Error{code, "offsets of " + partition.str() + ": " + std::string(name(code))};
}

// Sorts those that are wanted by their leaders; what does not exist goes to `offsets` at once.
Result<std::map<BrokerId, std::vector<TopicPartition>>> by_leader(BlockingClient& client, const std::vector<TopicPartition>& partitions,
                                                                  ListedOffsets& offsets) {
  std::set<std::string> topics;
  for (const TopicPartition& each : partitions) topics.insert(each.topic);
  const auto metadata = client.metadata(std::vector<std::string>(topics.begin(), topics.end()), false);
  if (!metadata.ok()) return metadata.error();
  std::map<TopicPartition, BrokerId> leaders;
  for (const auto& topic : metadata->message.topics) {
    for (const auto& partition : topic.partitions) leaders[{std::string(topic.name.value_or("")), partition.partition_index}] = partition.leader_id;
  }
  std::map<BrokerId, std::vector<TopicPartition>> led;
  for (const TopicPartition& each : partitions) {
    const auto leader = leaders.find(each);
    if (leader == leaders.end()) {
      offsets.insert_or_assign(each, failure(each, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    } else if (leader->second.value < 0) {
      return failure(each, ErrorCode::LEADER_NOT_AVAILABLE);
    } else {
      led[leader->second].push_back(each);
    }
  }
  return led;
}

}  // namespace

Result<ListedOffsets> listed_offsets(BlockingConnection& leader, const std::vector<TopicPartition>& partitions, int64_t timestamp, bool read_committed,
                                     Duration timeout) {
  ByTopic<Topic, Topic::ListOffsetsPartition> wanted(partitions, &Topic::name, &Topic::partitions, [timestamp](const TopicPartition& name) {
    Topic::ListOffsetsPartition partition;
    partition.partition_index = name.partition;
    partition.timestamp = timestamp;
    return partition;
  });
  ListOffsetsRequest request;
  request.replica_id = BrokerId();
  request.topics = wanted.topics;
  const int16_t version_min = read_committed ? 2 : 1;
  const auto version = leader.version_of(ApiKey::LIST_OFFSETS, version_min, ListOffsetsRequest::kVersionMax);
  if (!version.ok()) return version.error();
  if (*version >= 2) request.isolation_level = read_committed ? 1 : 0;
  const auto answer = leader.call<ListOffsetsResponse>(request, timeout, *version, version_min);
  if (!answer.ok()) return answer.error();
  ListedOffsets offsets;
  for (const auto& topic : answer->message.topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition named{std::string(topic.name), partition.partition_index};
      if (partition.error_code == ErrorCode::NONE) offsets.insert_or_assign(named, partition.offset);
      else offsets.insert_or_assign(named, failure(named, partition.error_code));
    }
  }
  return offsets;
}

Result<ListedOffsets> listed_offsets(BlockingClient& client, const std::vector<TopicPartition>& partitions, int64_t timestamp) {
  std::vector<TopicPartition> sorted = partitions;
  std::ranges::sort(sorted);
  return client.persist([&]() -> Result<ListedOffsets> {
    ListedOffsets offsets;
    if (sorted.empty()) return offsets;
    const auto led = by_leader(client, sorted, offsets);
    if (!led.ok()) return led.error();
    for (const auto& [leader, names] : *led) {
      const auto broker = client.broker(leader);
      if (!broker.ok()) return broker.error();
      auto found = listed_offsets(**broker, names, timestamp, false, client.settings().request_timeout);
      if (!found.ok()) return found.error();
      for (auto& [name, offset] : *found) {
        if (!offset.ok() && is_retriable(offset.code())) return offset.error();
        offsets.insert_or_assign(name, std::move(offset));
      }
    }
    return offsets;
  });
}

}  // namespace quokka
