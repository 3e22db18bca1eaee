// AlterPartitionReassignments (key 45), version 0: partitions move to other replicas, or with null replicas back to where they came from (KIP-455).
//
// Answered when what was asked is recorded; the moves go on, and the time-out is not looked at, as in Kafka. NOT_CONTROLLER elsewhere. By partition:
// INVALID_REPLICA_ASSIGNMENT (no replicas, one twice, one that is not live; or what would remain has no replica in sync, which Kafka allows),
// NO_REASSIGNMENT_IN_PROGRESS, UNKNOWN_TOPIC_OR_PARTITION.
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/partition_outcomes.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "coord/controller/runner.h"
#include "protocol/messages/alter_partition_reassignments.h"

namespace quokka {

namespace {

using Topic = AlterPartitionReassignmentsResponse::ReassignableTopicResponse;
using Partition = Topic::ReassignablePartitionResponse;

void answer(CallPtr call, const Result<PartitionOutcomes>& outcomes, const TopicNames& names) {
  AlterPartitionReassignmentsResponse response;
  response.error_message = std::nullopt;
  if (!outcomes) {
    response.error_code = outcomes.code();
    response.error_message = outcomes.error().message;
    return reply(std::move(call), response);
  }
  const ByTopic<Topic, Partition> answers(
      *outcomes, names, &Topic::partitions, [](std::string_view name) { return Topic{name, {}}; },
      [](PartitionIndex index, const PartitionOutcome& outcome) { return Partition{index, outcome.error, message_of(outcome)}; });
  response.responses = answers.topics;
  reply(std::move(call), response);
}

}  // namespace

void handle_alter_partition_reassignments(Services& services, CallPtr call) {
  const auto decoded = decode_call<AlterPartitionReassignmentsRequest>(call);
  if (!decoded) return;
  using Asked = AlterPartitionReassignmentsRequest::ReassignableTopic;
  NamedMemory memory;
  memory.add_all(decoded->request.topics, &Asked::name, &Asked::partitions);
  if (!memory.reserve(call, decoded->arena.bytes_used())) return;
  TopicNames names;
  std::vector<ReassignRequest> requests;
  for (const auto& topic : decoded->request.topics) {
    const std::string name = names.inward(topic.name);
    for (const auto& partition : topic.partitions) {
      ReassignRequest& request = requests.emplace_back();
      request.tp = {name, partition.partition_index};
      if (partition.replicas) request.target.emplace(partition.replicas->begin(), partition.replicas->end());
    }
  }
  services.controller.alter_reassignments(std::move(requests),
                                          [names = std::move(names), answered = std::move(call)](Result<PartitionOutcomes> outcomes) mutable {
                                            answer(std::move(answered), outcomes, names);
                                          });
}

}  // namespace quokka
