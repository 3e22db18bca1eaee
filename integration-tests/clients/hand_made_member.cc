#include "integration-tests/clients/hand_made_member.h"

#include <utility>
#include <vector>

#include "protocol/messages/consumer_group_describe.h"
#include "protocol/messages/consumer_group_heartbeat.h"
#include "protocol/messages/offset_commit.h"
#include "protocol/messages/offset_fetch.h"

namespace quokka {

HandMadeMember::HandMadeMember(std::string bootstrap, std::string group, std::string id)
    : bootstrap_(std::move(bootstrap)), group_(std::move(group)), id_(std::move(id)) {
  connect_anew();
}

void HandMadeMember::connect_anew() {
  client_ = std::make_unique<BlockingClient>(BlockingClientSettings{.servers = *parse_servers(bootstrap_), .client_id = id_}, [](const std::string&) {});
}

ErrorCode HandMadeMember::leave() {
  const ErrorCode error = ask(-1);
  epoch_ = 0;
  owned_.clear();
  return error;
}

ErrorCode HandMadeMember::commit(int32_t index, int64_t offset, int32_t epoch) {
  OffsetCommitRequest::OffsetCommitRequestTopic::OffsetCommitRequestPartition partition;
  partition.partition_index = PartitionIndex(index);
  partition.committed_offset = Offset(offset);
  std::vector partitions{partition};
  std::vector<OffsetCommitRequest::OffsetCommitRequestTopic> topics{{group_, partitions}};
  OffsetCommitRequest request;
  request.group_id = group_;
  request.member_id = id_;
  request.generation_id_or_member_epoch = epoch;
  request.topics = topics;
  const auto code_of = [](const OffsetCommitResponse& response) { return response.topics[0].partitions[0].error_code; };
  const auto answer = client_->call_coordinator<OffsetCommitResponse>(group_, request, code_of, 9, 9);
  return answer.ok() ? code_of(answer->message) : answer.code();
}

int64_t HandMadeMember::committed(int32_t index) {
  std::vector<PartitionIndex> indexes{PartitionIndex(index)};
  std::vector<OffsetFetchRequest::OffsetFetchRequestGroup::OffsetFetchRequestTopics> topics{{group_, indexes}};
  std::vector<OffsetFetchRequest::OffsetFetchRequestGroup> groups(1);
  groups[0].group_id = group_;
  groups[0].member_id = id_;
  groups[0].member_epoch = epoch_;
  groups[0].topics = Array(topics);
  OffsetFetchRequest request;
  request.groups = groups;
  const auto code_of = [](const OffsetFetchResponse& response) { return response.groups[0].error_code; };
  const auto answer = client_->call_coordinator<OffsetFetchResponse>(group_, request, code_of, 9, 9);
  if (!answer.ok() || code_of(answer->message) != ErrorCode::NONE) return -2;
  return answer->message.groups[0].topics[0].partitions[0].committed_offset.value;
}

std::string HandMadeMember::description() {
  std::vector<std::string_view> groups{group_};
  ConsumerGroupDescribeRequest request;
  request.group_ids = groups;
  const auto code_of = [](const ConsumerGroupDescribeResponse& response) { return response.groups[0].error_code; };
  const auto answer = client_->call_coordinator<ConsumerGroupDescribeResponse>(group_, request, code_of);
  if (!answer.ok()) return std::string(name(answer.code()));
  const auto& described = answer->message.groups[0];
  if (described.error_code != ErrorCode::NONE) return std::string(name(described.error_code));
  return std::string(described.group_state) + ", " + std::to_string(described.members.size()) + " members";
}

ErrorCode HandMadeMember::ask(int32_t epoch) {
  std::vector<std::string_view> topics{group_};
  std::vector<PartitionIndex> indexes;
  for (const int32_t index : owned_) indexes.push_back(PartitionIndex(index));
  std::vector<ConsumerGroupHeartbeatRequest::TopicPartitions> owned;
  if (!indexes.empty() && epoch > 0) owned.push_back({topic_, indexes});
  ConsumerGroupHeartbeatRequest request;
  request.group_id = group_;
  request.member_id = id_;
  request.member_epoch = epoch;
  request.rebalance_timeout_ms = 30'000;
  request.subscribed_topic_names = Array(topics);
  request.topic_partitions = Array(owned);
  const auto code_of = [](const ConsumerGroupHeartbeatResponse& response) { return response.error_code; };
  const auto answer = client_->call_coordinator<ConsumerGroupHeartbeatResponse>(group_, request, code_of);
  if (!answer.ok()) return answer.code();
  const ConsumerGroupHeartbeatResponse& told = answer->message;
  if (told.error_code != ErrorCode::NONE || epoch < 0) return told.error_code;
  epoch_ = told.member_epoch;
  if (told.assignment) {
    owned_.clear();
    for (const auto& topic : told.assignment->topic_partitions) {
      topic_ = topic.topic_id;
      for (const PartitionIndex index : topic.partitions) owned_.insert(index.value);
    }
  }
  return ErrorCode::NONE;
}

}  // namespace quokka
