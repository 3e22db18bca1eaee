// LeaderAndIsr (key 4), versions 0-7, from the controller: which partitions this broker leads and follows.
//
// Fenced by controller epoch and broker epoch; a partition only by a higher leader epoch than known. Runs in order with the other control requests, on the
// pool, since it creates logs. Version 2 brought broker epochs and grouping by topic, 5 topic ids, 6 the recovery state of leaders.
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/handlers/control_requests.h"
#include "broker/handlers/coordinator_events.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "coord/configs/config_store.h"
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
  change.role.reassigning = !state.adding_replicas.empty() || !state.removing_replicas.empty();
  return change;
}

std::vector<ReplicaTable::RoleChange> changes_of(const LeaderAndIsrRequest& request) {
  std::vector<ReplicaTable::RoleChange> changes;
  for (const State& state : request.ungrouped_partition_states) changes.push_back(change_of(state, state.topic_name, {}));
  for (const auto& topic : request.topic_states) {
    for (const State& state : topic.partition_states) changes.push_back(change_of(state, topic.topic_name, topic.topic_id));
  }
  for (ReplicaTable::RoleChange& change : changes) change.registration = request.broker_epoch;
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
    if (outcome[i] == ErrorCode::NONE) tell_coordinators(services, good[i]);
    if (outcome[i] != ErrorCode::NONE && outcome[i] != ErrorCode::STALE_CONTROLLER_EPOCH)
      log_error("{} cannot take the role the controller gives it: {}", good[i].partition, name(outcome[i]));
  }
  return errors;
}

// Topics that this broker gets its first replica of: nobody notified it of their settings.
std::set<std::string> topics_without_replica(const Services& services, const LeaderAndIsrRequest& request) {
  std::set<std::string> topics;
  for (const State& state : request.ungrouped_partition_states) {
    if (is_valid_topic_name(state.topic_name) && !services.replicas.find(state.topic_name, state.partition_index))
      topics.emplace(state.topic_name);
  }
  for (const auto& topic : request.topic_states) {
    for (const State& state : topic.partition_states) {
      if (is_valid_topic_name(topic.topic_name) && !services.replicas.find(topic.topic_name, state.partition_index))
        topics.emplace(topic.topic_name);
    }
  }
  return topics;
}

// On the coordination loop. `then` runs on the pool when all are read; a topic whose settings cannot be read loses nothing.
void read_configs(Services& services, const std::set<std::string>& topics, std::shared_ptr<Task> then) {
  auto left = std::make_shared<size_t>(topics.size());
  for (const std::string& topic : topics) {
    services.configs.read({znodes::ConfigType::topics, topic, std::nullopt}, [&services, topic, left, then](Result<znodes::ConfigMap> read) {
      if (read) {
        services.topic_configs.set(topic, *std::move(read));
      } else {
        log_error("{}", read.error().message);
        services.topic_configs.set_unreadable(topic);
      }
      if (--*left == 0) services.pool.run([then] { (*then)(); });
    });
  }
}

void run(Services& services, CallPtr call, const LeaderAndIsrRequest& request, ErrorCode fence) {
  const std::vector<ReplicaTable::RoleChange> changes = changes_of(request);
  LeaderAndIsrResponse response;
  response.error_code = fence;
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
  const ControlFence fence{decoded->request.controller_epoch, decoded->request.broker_epoch, decoded->request.is_kraft_controller};
  begin_control_request(services, fence, [&services, call = std::move(call), decoded = *std::move(decoded)](ErrorCode error, Task done) mutable {
    std::set<std::string> unknown;
    if (error == ErrorCode::NONE) unknown = topics_without_replica(services, decoded.request);
    Task then = [&services, call = std::move(call), decoded = std::move(decoded), done = std::move(done), error]() mutable {
      run(services, std::move(call), decoded.request, error);
      done();
    };
    if (unknown.empty()) return then();
    services.coordination.post([&services, unknown = std::move(unknown), then = std::move(then)]() mutable {
      read_configs(services, unknown, std::make_shared<Task>(std::move(then)));
    });
  });
}

}  // namespace quokka
