// ListPartitionReassignments (key 46), version 0: partitions that are being reassigned, of those named or of all (KIP-455).
//
// Partitions that do not move, or do not exist, are left out. NOT_CONTROLLER elsewhere.
#include <map>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/partition_outcomes.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "coord/controller/runner.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace quokka {

namespace {

using Topic = ListPartitionReassignmentsResponse::OngoingTopicReassignment;
using Partition = Topic::OngoingPartitionReassignment;

void answer(CallPtr call, const Result<std::map<TopicPartition, Assignment>>& found) {
  ListPartitionReassignmentsResponse response;
  response.error_message = std::nullopt;
  if (!found) {
    response.error_code = found.code();
    response.error_message = found.error().message;
    return reply(std::move(call), response);
  }
  const ByTopic<Topic, Partition> answers(
      *found, TopicNames(), &Topic::partitions, [](std::string_view name) { return Topic{name, {}}; },
      [](PartitionIndex index, const Assignment& assignment) {
        return Partition{index, assignment.replicas, assignment.adding, assignment.removing};
      });
  response.topics = answers.topics;
  reply(std::move(call), response);
}

}  // namespace

void handle_list_partition_reassignments(Services& services, CallPtr call) {
  const auto decoded = decode_call<ListPartitionReassignmentsRequest>(call);
  if (!decoded) return;
  std::optional<std::vector<TopicPartition>> partitions;
  if (decoded->request.topics) {
    using Asked = ListPartitionReassignmentsRequest::ListPartitionReassignmentsTopics;
    NamedMemory memory;
    memory.add_all(*decoded->request.topics, &Asked::name, &Asked::partition_indexes);
    if (!memory.reserve(call, decoded->arena.bytes_used())) return;
    TopicNames names;  // those that stand for others move nowhere
    partitions = named_partitions(*decoded->request.topics, &Asked::name, &Asked::partition_indexes, names);
  }
  services.controller.list_reassignments(std::move(partitions),
                                         [answered = std::move(call)](Result<std::map<TopicPartition, Assignment>> found) mutable {
                                           answer(std::move(answered), found);
                                         });
}

}  // namespace quokka
