// AlterPartition (key 56), versions 0-3: leaders propose in-sync sets to the controller (KIP-497), which alone writes them.
//
// Refused as a whole: NOT_CONTROLLER, STALE_BROKER_EPOCH. Version 1 brought the recovery state, version 2 topic ids instead of names (UNKNOWN_TOPIC_ID)
// and INELIGIBLE_REPLICA where OPERATION_NOT_ATTEMPTED was, version 3 the epoch of each member (KIP-903).
#include <deque>
#include <map>
#include <vector>

#include "broker/handlers/handlers.h"
#include "broker/handlers/named_partitions.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "coord/controller/runner.h"
#include "protocol/messages/alter_partition.h"

namespace quokka {

namespace {

using Topic = AlterPartitionResponse::TopicData;

AlterIsr proposal_of(const AlterPartitionRequest::TopicData& topic, const AlterPartitionRequest::TopicData::PartitionData& partition, int16_t version,
                     const std::string& name) {
  AlterIsr proposal;
  proposal.topic = name;
  proposal.topic_id = topic.topic_id;
  proposal.partition = partition.partition_index;
  proposal.leader_epoch = partition.leader_epoch;
  proposal.partition_epoch = partition.partition_epoch;
  proposal.recovering = partition.leader_recovery_state == 1;
  proposal.isr.assign(partition.new_isr.begin(), partition.new_isr.end());
  if (version >= 3) {
    for (const auto& member : partition.new_isr_with_epochs) {
      proposal.isr.push_back(member.broker_id);
      proposal.isr_epochs.push_back(member.broker_epoch);
    }
  }
  return proposal;
}

void answer(CallPtr call, const AlterIsrAnswer& outcome, const TopicNames& names) {
  AlterPartitionResponse response;
  response.error_code = outcome.error;
  // Partitions of one topic stand together, topics in the order asked.
  std::map<std::pair<std::string, TopicId>, size_t> places;
  std::vector<Topic> topics;
  std::deque<std::vector<Topic::PartitionData>> partitions;
  for (const AlterIsrAnswer::Partition& told : outcome.partitions) {
    const auto [at, added] = places.try_emplace({told.topic, told.topic_id}, topics.size());
    if (added) {
      topics.push_back({names.outward(told.topic), told.topic_id, {}});
      partitions.emplace_back();
    }
    Topic::PartitionData& partition = partitions[at->second].emplace_back();
    partition.partition_index = told.partition;
    partition.error_code = told.error;
    if (told.error != ErrorCode::NONE) continue;
    partition.leader_id = told.state.leader;
    partition.leader_epoch = told.state.leader_epoch;
    partition.isr = told.state.isr;
    partition.leader_recovery_state = told.state.recovering ? 1 : 0;
    partition.partition_epoch = told.state.partition_epoch;
  }
  for (size_t i = 0; i < topics.size(); ++i) topics[i].partitions = partitions[i];
  response.topics = topics;
  reply(std::move(call), response);
}

}  // namespace

void handle_alter_partition(Services& services, CallPtr call) {
  const auto decoded = decode_call<AlterPartitionRequest>(call);
  if (!decoded) return;
  using Asked = AlterPartitionRequest::TopicData;
  NamedMemory memory;
  memory.add_all(decoded->request.topics, &Asked::topic_name, &Asked::partitions);
  if (!memory.reserve(call, decoded->arena.bytes_used())) return;
  TopicNames names;
  AlterIsrRequest request;
  request.broker = decoded->request.broker_id;
  request.broker_epoch = decoded->request.broker_epoch;
  request.version = call->version();
  for (const auto& topic : decoded->request.topics) {
    const std::string name = names.inward(topic.topic_name);
    for (const auto& partition : topic.partitions) request.partitions.push_back(proposal_of(topic, partition, call->version(), name));
  }
  services.controller.alter_partition(std::move(request), [names = std::move(names), answered = std::move(call)](AlterIsrAnswer outcome) mutable {
    answer(std::move(answered), outcome, names);
  });
}

}  // namespace quokka
