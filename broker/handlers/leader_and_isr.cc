// LeaderAndIsr (key 4), versions 0-7, from the controller: which partitions this broker leads and follows.
//
// Fenced by controller epoch and broker epoch; a partition only by a higher leader epoch than known. Runs in order with the other control requests, on the
// pool, since it creates logs. Version 2 brought broker epochs and grouping by topic, 5 topic ids, 6 the recovery state of leaders.
#include <vector>

#include "broker/handlers/control_requests.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/leader_and_isr.h"

namespace quokka {

namespace {

using State = LeaderAndIsrRequest::LeaderAndIsrPartitionState;
using PartitionError = LeaderAndIsrResponse::LeaderAndIsrPartitionError;

ReplicaTable::RoleChange change_of(const State& state, std::string_view topic, const TopicId& id) {
  ReplicaTable::RoleChange change;
  change.partition = {std::string(topic), state.partition_index};
  change.topic_id = id;
  change.role.controller_epoch = state.controller_epoch;
  change.role.leader = state.leader;
  change.role.leader_epoch = state.leader_epoch;
  change.role.partition_epoch = state.partition_epoch;
  change.role.isr.assign(state.isr.begin(), state.isr.end());
  change.role.replicas.assign(state.replicas.begin(), state.replicas.end());
  change.role.recovering = state.leader_recovery_state == 1;
  change.role.is_new = state.is_new;
  return change;
}

std::vector<ReplicaTable::RoleChange> changes_of(const LeaderAndIsrRequest& request) {
  std::vector<ReplicaTable::RoleChange> changes;
  for (const State& state : request.ungrouped_partition_states) changes.push_back(change_of(state, state.topic_name, {}));
  for (const auto& topic : request.topic_states) {
    for (const State& state : topic.partition_states) changes.push_back(change_of(state, topic.topic_name, topic.topic_id));
  }
  return changes;
}

// Names that could not be a directory never reach the disk.
std::vector<ErrorCode> apply(Services& services, const std::vector<ReplicaTable::RoleChange>& changes) {
  std::vector<ReplicaTable::RoleChange> good;
  std::vector<ErrorCode> errors(changes.size(), ErrorCode::INVALID_TOPIC_EXCEPTION);
  std::vector<size_t> places;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (!is_valid_topic_name(changes[i].partition.topic) || changes[i].partition.partition.value < 0) continue;
    places.push_back(i);
    good.push_back(changes[i]);
  }
  const std::vector<ErrorCode> outcome = services.replicas.become(good);
  for (size_t i = 0; i < places.size(); ++i) {
    errors[places[i]] = outcome[i];
    if (outcome[i] != ErrorCode::NONE && outcome[i] != ErrorCode::STALE_CONTROLLER_EPOCH)
      log_error("{} cannot take the role the controller gives it: {}", good[i].partition, name(outcome[i]));
  }
  return errors;
}

void run(Services& services, CallPtr call, const LeaderAndIsrRequest& request) {
  const std::vector<ReplicaTable::RoleChange> changes = changes_of(request);
  LeaderAndIsrResponse response;
  response.error_code =
      fence_control_request(services, request.controller_epoch, request.broker_epoch, request.is_kraft_controller);
  const std::vector<ErrorCode> errors = response.error_code == ErrorCode::NONE ? apply(services, changes)
                                                                               : std::vector<ErrorCode>(changes.size(), response.error_code);
  std::vector<PartitionError> told(changes.size());
  std::vector<LeaderAndIsrResponse::LeaderAndIsrTopicError> topics;
  const bool by_id = call->version() >= 5;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (!by_id) told[i].topic_name = changes[i].partition.topic;
    told[i].partition_index = changes[i].partition.partition;
    told[i].error_code = errors[i];
    if (!by_id) continue;
    if (topics.empty() || topics.back().topic_id != changes[i].topic_id) topics.push_back({changes[i].topic_id, {&told[i], 0}});
    topics.back().partition_errors = {topics.back().partition_errors.begin(), topics.back().partition_errors.size() + 1};
  }
  if (by_id) {
    response.topics = topics;
  } else {
    response.partition_errors = told;
  }
  reply(std::move(call), response);
}

}  // namespace

void handle_leader_and_isr(Services& services, CallPtr call) {
  auto decoded = decode_call<LeaderAndIsrRequest>(call);
  if (!decoded) return;
  services.control.run([&services, call = std::move(call), decoded = *std::move(decoded)]() mutable {
    run(services, std::move(call), decoded.request);
  });
}

}  // namespace quokka
