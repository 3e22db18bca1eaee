#include "tools/group_queries.h"

#include <algorithm>

#include "protocol/client/by_topic.h"
#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/delete_groups.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_delete.h"
#include "protocol/records/stored/consumer_protocol.h"
#include "protocol/records/stored/versioned.h"

namespace quokka {
namespace {

constexpr std::string_view kConsumer = "consumer";

Error group_error(const std::string& group, ErrorCode code) { return Error{code, "group " + group + ": " + text_of_group_error(code)}; }

bool is_consumer_group(std::string_view protocol_type) { return protocol_type.empty() || protocol_type == kConsumer; }

// ListGroups of one broker.
Result<std::vector<ListedGroup>> listed_by(BlockingClient& client, BrokerId id, const GroupFilter& filter) {
  const auto broker = client.broker(id);
  if (!broker.ok()) return broker.error();
  std::vector<std::string_view> states(filter.states.begin(), filter.states.end()), types(filter.types.begin(), filter.types.end());
  ListGroupsRequest request;
  request.states_filter = states;
  request.types_filter = types;
  const int16_t version_min = !types.empty() ? 5 : !states.empty() ? 4 : 0;
  const auto answer = (*broker)->call<ListGroupsResponse>(request, client.settings().request_timeout, ListGroupsRequest::kVersionMax, version_min);
  if (!answer.ok()) return answer.error();
  if (const ErrorCode code = answer->message.error_code; code != ErrorCode::NONE) {
    return Error{code, "groups of broker " + std::to_string(id.value) + ": " + text_of_group_error(code)};
  }
  std::vector<ListedGroup> groups;
  for (const auto& group : answer->message.groups) {
    if (!is_consumer_group(group.protocol_type)) continue;
    groups.push_back({std::string(group.group_id), std::string(group.group_state.empty() ? "Unknown" : group.group_state), "Classic"});
    if (!group.group_type.empty()) groups.back().type = group.group_type == "classic" ? "Classic" : group.group_type == "consumer" ? "Consumer" : std::string(group.group_type);
  }
  return groups;
}

// Empty if the bytes are no assignment.
std::set<TopicPartition> assignment_of(Bytes bytes) {
  std::set<TopicPartition> assigned;
  Arena arena = Arena::for_frame(bytes.size());
  const auto assignment = read_versioned<ConsumerProtocolAssignment>(bytes, arena);
  if (!assignment.ok()) return assigned;
  for (const auto& topic : assignment->assigned_partitions) {
    for (const PartitionIndex index : topic.partitions) assigned.insert({std::string(topic.topic), index});
  }
  return assigned;
}

// What both protocols tell of a member.
template <class Member>
DescribedGroupMember described_member(const Member& member, const std::optional<std::string_view>& instance_id) {
  DescribedGroupMember made;
  made.id = member.member_id;
  if (instance_id) made.instance_id = std::string(*instance_id);
  made.client_id = member.client_id;
  made.host = member.client_host;
  return made;
}

DescribedConsumerGroup described(const DescribeGroupsResponse::DescribedGroup& group) {
  DescribedConsumerGroup result;
  result.id = group.group_id;
  result.state = group.group_state;
  result.assignor = group.protocol_data;
  for (const auto& member : group.members) {
    DescribedGroupMember& made = result.members.emplace_back(described_member(member, member.group_instance_id));
    made.assignment = assignment_of(member.member_assignment);
  }
  for (const auto& rebalance : group.rebalances) {
    DescribedRebalance& made = result.rebalances.emplace_back();
    made.began = {rebalance.began_ms};
    if (rebalance.ended_ms >= 0) made.ended = WallTime{rebalance.ended_ms};
    made.generation = rebalance.generation;
    made.members = rebalance.members;
    made.reason = rebalance.reason;
  }
  return result;
}

DescribedConsumerGroup described(const ConsumerGroupDescribeResponse::DescribedGroup& group) {
  DescribedConsumerGroup result;
  result.id = group.group_id;
  result.state = group.group_state;
  result.assignor = group.assignor_name;
  for (const auto& member : group.members) {
    DescribedGroupMember& made = result.members.emplace_back(described_member(member, member.instance_id));
    for (const auto& topic : member.assignment.topic_partitions) {
      for (const PartitionIndex index : topic.partitions) made.assignment.insert({std::string(topic.topic_name), index});
    }
  }
  return result;
}

// nullopt: the coordinator does not know it as a group of the consumer protocol, or does not know that.
Result<std::optional<DescribedConsumerGroup>> describe_by_consumer_protocol(BlockingClient& client, const std::string& group) {
  std::vector<std::string_view> groups{group};
  ConsumerGroupDescribeRequest request;
  request.group_ids = groups;
  const auto code_of = [](const ConsumerGroupDescribeResponse& response) { return response.groups.empty() ? ErrorCode::UNKNOWN_SERVER_ERROR : response.groups[0].error_code; };
  const auto answer = client.call_coordinator<ConsumerGroupDescribeResponse>(group, request, code_of);
  if (answer.code() == ErrorCode::UNSUPPORTED_VERSION) return std::optional<DescribedConsumerGroup>();
  if (!answer.ok()) return answer.error();
  const ErrorCode code = code_of(answer->message);
  if (code == ErrorCode::GROUP_ID_NOT_FOUND || code == ErrorCode::UNSUPPORTED_VERSION) return std::optional<DescribedConsumerGroup>();
  if (code != ErrorCode::NONE) return group_error(group, code);
  return std::optional(described(answer->message.groups[0]));
}

}  // namespace

std::string text_of_group_error(ErrorCode code) {
  switch (code) {
    case ErrorCode::GROUP_ID_NOT_FOUND: return "The group id does not exist.";
    case ErrorCode::NON_EMPTY_GROUP: return "The group is not empty.";
    case ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC: return "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it.";
    case ErrorCode::UNKNOWN_TOPIC_OR_PARTITION: return "This server does not host this topic-partition.";
    case ErrorCode::INVALID_GROUP_ID: return "The configured groupId is invalid.";
    default: return std::string(name(code));
  }
}

Result<std::vector<ListedGroup>> list_consumer_groups(BlockingClient& client, const GroupFilter& filter) {
  return client.persist([&]() -> Result<std::vector<ListedGroup>> {
    const auto metadata = client.metadata(std::vector<std::string>(), false);
    if (!metadata.ok()) return metadata.error();
    std::vector<ListedGroup> all;
    for (const auto& broker : metadata->message.brokers) {
      const auto groups = listed_by(client, broker.node_id, filter);
      if (!groups.ok()) return groups.error();
      all.insert(all.end(), groups->begin(), groups->end());
    }
    // A group that moves between the two questions is seen twice.
    std::ranges::sort(all, {}, &ListedGroup::id);
    all.erase(std::unique(all.begin(), all.end(), [](const ListedGroup& a, const ListedGroup& b) { return a.id == b.id; }), all.end());
    return all;
  });
}

Result<DescribedConsumerGroup> describe_consumer_group(BlockingClient& client, const std::string& group, bool with_rebalances) {
  std::vector<std::string_view> groups{group};
  DescribeGroupsRequest request;
  request.groups = groups;
  request.include_rebalances = with_rebalances;
  const auto code_of = [](const DescribeGroupsResponse& response) { return response.groups.empty() ? ErrorCode::UNKNOWN_SERVER_ERROR : response.groups[0].error_code; };
  const auto answer = client.call_coordinator<DescribeGroupsResponse>(group, request, code_of);
  if (!answer.ok()) return answer.error();
  if (const ErrorCode code = code_of(answer->message); code != ErrorCode::NONE) return group_error(group, code);
  const auto& found = answer->message.groups[0];
  if (!is_consumer_group(found.protocol_type)) {
    return Error{ErrorCode::INVALID_REQUEST, "GroupId " + group + " is not a consumer group (" + std::string(found.protocol_type) + ")."};
  }
  DescribedConsumerGroup result = described(found);
  if (result.state == "Dead") {
    auto modern = describe_by_consumer_protocol(client, group);
    if (!modern.ok()) return modern.error();
    if (*modern) result = *std::move(*modern);
  }
  const auto coordinator = client.coordinator(group);
  if (!coordinator.ok()) return coordinator.error();
  result.coordinator = coordinator->id;
  result.coordinator_address = coordinator->address;
  return result;
}

Result<DeletedOffsets> delete_offsets(BlockingClient& client, const std::string& group, const std::vector<TopicPartition>& partitions) {
  using Topic = OffsetDeleteRequest::OffsetDeleteRequestTopic;
  std::vector<TopicPartition> sorted = partitions;
  std::ranges::sort(sorted);
  const ByTopic<Topic, Topic::OffsetDeleteRequestPartition> wanted(
      sorted, &Topic::name, &Topic::partitions, [](const TopicPartition& name) { return Topic::OffsetDeleteRequestPartition{name.partition}; });
  OffsetDeleteRequest request;
  request.group_id = group;
  request.topics = wanted.topics;
  const auto answer = client.call_coordinator<OffsetDeleteResponse>(group, request, [](const auto& response) { return response.error_code; });
  if (!answer.ok()) return answer.error();
  if (const ErrorCode code = answer->message.error_code; code != ErrorCode::NONE) return group_error(group, code);
  DeletedOffsets outcomes;
  for (const auto& topic : answer->message.topics) {
    for (const auto& partition : topic.partitions) outcomes[{std::string(topic.name), partition.partition_index}] = partition.error_code;
  }
  return outcomes;
}

Status delete_consumer_group(BlockingClient& client, const std::string& group) {
  std::vector<std::string_view> groups{group};
  DeleteGroupsRequest request;
  request.groups_names = groups;
  const auto code_of = [](const DeleteGroupsResponse& response) { return response.results.empty() ? ErrorCode::UNKNOWN_SERVER_ERROR : response.results[0].error_code; };
  const auto answer = client.call_coordinator<DeleteGroupsResponse>(group, request, code_of);
  if (!answer.ok()) return answer.error();
  const ErrorCode code = code_of(answer->message);
  return code == ErrorCode::NONE ? Status() : Status(Error{code, text_of_group_error(code)});
}

Result<std::vector<TopicPartition>> partitions_of_topic(BlockingClient& client, const std::string& topic) {
  return client.persist([&]() -> Result<std::vector<TopicPartition>> {
    const auto metadata = client.metadata(std::vector<std::string>{topic}, false);
    if (!metadata.ok()) return metadata.error();
    std::vector<TopicPartition> partitions;
    for (const auto& found : metadata->message.topics) {
      if (found.error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) return partitions;
      if (found.error_code != ErrorCode::NONE && found.partitions.empty()) return Error{found.error_code, "topic '" + topic + "': " + std::string(name(found.error_code))};
      for (const auto& partition : found.partitions) partitions.push_back({topic, partition.partition_index});
    }
    std::ranges::sort(partitions);
    return partitions;
  });
}

}  // namespace quokka
