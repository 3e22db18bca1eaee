// StopReplica (key 5), versions 0-4, from the controller: this broker no longer serves these partitions, or has them no more.
//
// Fenced by controller epoch and broker epoch, and since version 3 by leader epoch (-2 while a topic is deleted: KIP-570). In order with the other
// control requests. Version 1 grouped by topic, 3 said per partition whether to delete.
#include <vector>

#include "broker/handlers/control_requests.h"
#include "broker/handlers/coordinator_events.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "protocol/messages/stop_replica.h"

namespace quokka {

namespace {

struct Stop {
  std::string_view topic;
  PartitionIndex partition;
  LeaderEpoch leader_epoch{-1};
  bool remove = false;
};

std::vector<Stop> stops_of(const StopReplicaRequest& request) {
  std::vector<Stop> stops;
  for (const auto& each : request.ungrouped_partitions)
    stops.push_back({each.topic_name, each.partition_index, LeaderEpoch(-1), request.delete_partitions});
  for (const auto& topic : request.topics) {
    for (const PartitionIndex index : topic.partition_indexes) stops.push_back({topic.name, index, LeaderEpoch(-1), request.delete_partitions});
  }
  for (const auto& topic : request.topic_states) {
    for (const auto& each : topic.partition_states)
      stops.push_back({topic.topic_name, each.partition_index, each.leader_epoch, each.delete_partition});
  }
  return stops;
}

void run(Services& services, CallPtr call, const StopReplicaRequest& request, ErrorCode fence) {
  const std::vector<Stop> stops = stops_of(request);
  StopReplicaResponse response;
  response.error_code = fence;
  std::vector<StopReplicaResponse::StopReplicaPartitionError> errors;
  for (const Stop& stop : stops) {
    if (response.error_code != ErrorCode::NONE && response.error_code != ErrorCode::STALE_BROKER_EPOCH) break;  // Kafka lists partitions in one case only
    ErrorCode error = response.error_code;
    if (error == ErrorCode::NONE) {
      error = services.replicas.stop({std::string(stop.topic), stop.partition}, stop.leader_epoch, stop.remove);
      if (error == ErrorCode::NONE) tell_coordinators_of_stop(services, stop.topic, stop.partition, stop.leader_epoch);
    }
    errors.push_back({stop.topic, stop.partition, error});
  }
  response.partition_errors = errors;
  reply(std::move(call), response);
}

}  // namespace

void handle_stop_replica(Services& services, CallPtr call) {
  auto decoded = decode_call<StopReplicaRequest>(call);
  if (!decoded) return;
  const ControlFence fence{decoded->request.controller_epoch, decoded->request.broker_epoch, decoded->request.is_kraft_controller};
  begin_control_request(services, fence, [&services, call = std::move(call), decoded = *std::move(decoded)](ErrorCode error, Task done) mutable {
    run(services, std::move(call), decoded.request, error);
    done();
  });
}

}  // namespace quokka
