// ElectLeaders (key 43), versions 0-2: preferred replicas lead again (KIP-460), or with type 1 any live replica leads a partition without leader, at the
// price of records.
//
// Answered when this broker's clients see the new leaders, or after the time-out: REQUEST_TIMED_OUT for those that are not seen. By partition:
// ELECTION_NOT_NEEDED (left out when null asked for all partitions), PREFERRED_LEADER_NOT_AVAILABLE, ELIGIBLE_LEADERS_NOT_AVAILABLE,
// UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION (being deleted). NOT_CONTROLLER, elsewhere, stands at each partition too. Version 1 brought the
// type; another one than 0 and 1 is UNKNOWN_SERVER_ERROR, as in Kafka.
#include <map>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/partition_outcomes.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "coord/controller/runner.h"
#include "protocol/messages/elect_leaders.h"

namespace quokka {

namespace {

using Topic = ElectLeadersResponse::ReplicaElectionResult;
using Partition = Topic::PartitionResult;

std::vector<TopicPartition> all_partitions(const ClusterView& view) {
  std::vector<TopicPartition> partitions;
  view.for_each_topic([&](const TopicView& topic) {
    for (const PartitionView& partition : topic.partitions) partitions.push_back({topic.name, partition.index});
  });
  return partitions;
}

void answer(CallPtr call, const PartitionOutcomes& outcomes, const TopicNames& names) {
  ElectLeadersResponse response;
  const ByTopic<Topic, Partition> answers(
      outcomes, names, &Topic::partition_result, [](std::string_view name) { return Topic{name, {}}; },
      [](PartitionIndex index, const PartitionOutcome& outcome) { return Partition{index, outcome.error, message_of(outcome)}; });
  response.replica_election_results = answers.topics;
  reply(std::move(call), response);
}

// What was asked comes back as it was asked, even a topic without partitions and a partition asked for twice.
void refuse_type(CallPtr call, const ElectLeadersRequest& request) {
  std::vector<std::vector<Partition>> partitions;
  std::vector<Topic> topics;
  if (request.topic_partitions) {
    for (const auto& topic : *request.topic_partitions) {
      std::vector<Partition>& of_topic = partitions.emplace_back();
      for (PartitionIndex index : topic.partitions) of_topic.push_back({index, ErrorCode::UNKNOWN_SERVER_ERROR, {}});
      topics.push_back({topic.topic, of_topic});
    }
  }
  ElectLeadersResponse response;
  response.error_code = ErrorCode::UNKNOWN_SERVER_ERROR;
  response.replica_election_results = topics;
  reply(std::move(call), response);
}

PartitionOutcomes all_with(const std::vector<TopicPartition>& partitions, ErrorCode error) {
  PartitionOutcomes outcomes;
  for (const TopicPartition& tp : partitions) outcomes[tp] = {error, {}};
  return outcomes;
}

}  // namespace

void handle_elect_leaders(Services& services, CallPtr call) {
  const auto decoded = decode_call<ElectLeadersRequest>(call);
  if (!decoded) return;
  const ElectLeadersRequest& request = decoded->request;
  const bool all = !request.topic_partitions;
  const int8_t type = call->version() == 0 ? int8_t{0} : request.election_type;
  if (type != 0 && type != 1) return refuse_type(std::move(call), request);
  std::vector<TopicPartition> partitions;
  TopicNames names;
  if (all) {
    partitions = all_partitions(*services.view.get());
  } else {
    using Asked = ElectLeadersRequest::TopicPartitions;
    NamedMemory memory;
    memory.add_all(*request.topic_partitions, &Asked::topic, &Asked::partitions);
    if (!memory.reserve(call, decoded->arena.bytes_used())) return;
    partitions = named_partitions(*request.topic_partitions, &Asked::topic, &Asked::partitions, names);
  }
  services.controller.elect_leaders(
      type == 0 ? ElectionType::preferred : ElectionType::unclean, partitions, Duration::millis(request.timeout_ms),
      [partitions, all, names = std::move(names), answered = std::move(call)](Result<PartitionOutcomes> outcomes) mutable {
        PartitionOutcomes told = outcomes ? *std::move(outcomes) : all_with(partitions, outcomes.code());
        if (all) std::erase_if(told, [](const auto& each) { return each.second.error == ErrorCode::ELECTION_NOT_NEEDED; });
        answer(std::move(answered), told, names);
      });
}

}  // namespace quokka
