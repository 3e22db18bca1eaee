#include "protocol/client/group_offsets.h"

#include <algorithm>

#include "protocol/client/by_topic.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"

namespace quokka {

Result<OffsetsByPartition> committed_offsets(BlockingClient& client, const std::string& group, const std::optional<std::vector<TopicPartition>>& partitions,
                                             bool require_stable) {
  using Topic = OffsetFetchRequest::OffsetFetchRequestTopic;
  std::vector<TopicPartition> sorted = partitions.value_or(std::vector<TopicPartition>());
  std::ranges::sort(sorted);
  const ByTopic<Topic, PartitionIndex> wanted(sorted, &Topic::name, &Topic::partition_indexes, [](const TopicPartition& name) { return name.partition; });
  OffsetFetchRequest request;
  request.group_id = group;
  request.topics.reset();
  if (partitions) request.topics = wanted.topics;
  return client.persist([&]() -> Result<OffsetsByPartition> {
    const auto connection = client.coordinating_broker(group);
    if (!connection.ok()) return connection.error();
    // From version 8 on groups are asked for in another form; before 7 nobody can wait for open transactions, before 2 ask for all.
    const auto version = (*connection)->version_of(ApiKey::OFFSET_FETCH, partitions ? 1 : 2, 7);
    if (!version.ok()) return version.error();
    request.require_stable = require_stable && *version >= 7;
    const auto answer = client.call_coordinator<OffsetFetchResponse>(group, request, [](const auto& response) { return response.error_code; }, *version, *version);
    if (!answer.ok()) return answer.error();
    if (const ErrorCode code = answer->message.error_code; code != ErrorCode::NONE) return Error{code, "offsets of group " + group + ": " + std::string(name(code))};
    OffsetsByPartition offsets;
    for (const auto& topic : answer->message.topics) {
      for (const auto& partition : topic.partitions) {
        const TopicPartition named{std::string(topic.name), partition.partition_index};
        if (const ErrorCode code = partition.error_code; code != ErrorCode::NONE) {
          client.lost_coordinator(group, code);  // before version 2 the group's errors stand here
          return Error{code, "offset of group " + group + " in " + named.str() + ": " + std::string(name(code))};
        }
        if (partition.committed_offset.value >= 0) offsets[named] = partition.committed_offset;
      }
    }
    return offsets;
  });
}

Status commit_offsets(BlockingClient& client, const std::string& group, const OffsetsByPartition& offsets, const Committer& committer) {
  if (offsets.empty()) return {};
  using Topic = OffsetCommitRequest::OffsetCommitRequestTopic;
  std::vector<TopicPartition> names;
  for (const auto& [name, offset] : offsets) names.push_back(name);
  const ByTopic<Topic, Topic::OffsetCommitRequestPartition> wanted(names, &Topic::name, &Topic::partitions, [&](const TopicPartition& name) {
    Topic::OffsetCommitRequestPartition partition;
    partition.partition_index = name.partition;
    partition.committed_offset = offsets.at(name);
    return partition;
  });
  OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = committer.generation;
  request.member_id = committer.member_id;
  if (committer.instance_id) request.group_instance_id = *committer.instance_id;
  request.topics = wanted.topics;
  const auto first_error = [](const OffsetCommitResponse& response) {
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.error_code != ErrorCode::NONE) return partition.error_code;
      }
    }
    return ErrorCode::NONE;
  };
  // Version 0 goes to ZooKeeper.
  const auto answer = client.call_coordinator<OffsetCommitResponse>(group, request, first_error, OffsetCommitRequest::kVersionMax, 2);
  if (!answer.ok()) return answer.error();
  const ErrorCode code = first_error(answer->message);
  if (code == ErrorCode::NONE) return {};
  return Error{code, "offsets of group " + group + " are not committed: " + std::string(name(code))};
}

}  // namespace quokka
