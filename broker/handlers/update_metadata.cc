// UpdateMetadata (key 6), versions 0-8, from the controller: the live brokers, and the partitions whose state has changed.
//
// Becomes this broker's ClusterView, whole. Fenced by controller epoch and broker epoch, in order with the other control requests. Version 1 brought
// several endpoints a broker, 2 racks, 3 listener names, 5 grouping by topic, 7 topic ids.
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/control_requests.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/txn/transaction_coordinator.h"
#include "coord/controller/runner.h"
#include "protocol/messages/update_metadata.h"

namespace quokka {

namespace {

using State = UpdateMetadataRequest::UpdateMetadataPartitionState;
using Broker = UpdateMetadataRequest::UpdateMetadataBroker;

PartitionView partition_of(const State& state) {
  PartitionView view;
  view.index = state.partition_index;
  view.leader = state.leader;
  view.leader_epoch = state.leader_epoch;
  view.controller_epoch = state.controller_epoch;
  view.partition_epoch = PartitionEpoch(state.zk_version);
  view.isr.assign(state.isr.begin(), state.isr.end());
  view.replicas.assign(state.replicas.begin(), state.replicas.end());
  view.offline_replicas.assign(state.offline_replicas.begin(), state.offline_replicas.end());
  return view;
}

BrokerView broker_of(const Broker& broker, int16_t version) {
  static constexpr std::string_view kProtocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
  BrokerView view;
  view.id = broker.id;
  if (broker.rack && version >= 2) view.rack = std::string(*broker.rack);
  if (version == 0) view.endpoints.push_back({"PLAINTEXT", std::string(broker.v0_host), broker.v0_port, 0});
  for (const auto& endpoint : broker.endpoints) {
    const auto protocol = static_cast<size_t>(endpoint.security_protocol);
    std::string listener(endpoint.listener);
    if (version < 3 && protocol < std::size(kProtocols)) listener = kProtocols[protocol];
    view.endpoints.push_back({std::move(listener), std::string(endpoint.host), endpoint.port, endpoint.security_protocol});
  }
  return view;
}

ClusterUpdate update_of(const UpdateMetadataRequest& request, int16_t version) {
  ClusterUpdate update;
  update.controller = request.controller_id;
  update.controller_epoch = request.controller_epoch;
  for (const Broker& broker : request.live_brokers) update.brokers.push_back(broker_of(broker, version));
  for (const auto& topic : request.topic_states) {
    TopicView view;
    view.name = topic.topic_name;
    view.id = topic.topic_id;
    for (const State& state : topic.partition_states) view.partitions.push_back(partition_of(state));
    update.topics.push_back(std::move(view));
  }
  for (const State& state : request.ungrouped_partition_states) {
    if (update.topics.empty() || update.topics.back().name != state.topic_name) update.topics.push_back({std::string(state.topic_name), {}, {}});
    update.topics.back().partitions.push_back(partition_of(state));
  }
  return update;
}

void run(Services& services, CallPtr call, const UpdateMetadataRequest& request, ErrorCode fence) {
  UpdateMetadataResponse response;
  response.error_code = fence;
  if (response.error_code == ErrorCode::NONE) {
    const ViewChanges changes = services.view.apply(update_of(request, call->version()));
    if (!changes.brokers_gone.empty() || !changes.brokers_come.empty()) services.replicas.on_live_brokers(services.view.get()->brokers());
    services.groups.on_view();
    services.transactions.on_view();
    services.groups.on_partitions_deleted(changes.deleted);
    services.controller.view_changed();
  }
  reply(std::move(call), response);
}

}  // namespace

void handle_update_metadata(Services& services, CallPtr call) {
  auto decoded = decode_call<UpdateMetadataRequest>(call);
  if (!decoded) return;
  const ControlFence fence{decoded->request.controller_epoch, decoded->request.broker_epoch, decoded->request.is_kraft_controller};
  begin_control_request(services, fence, [&services, call = std::move(call), decoded = *std::move(decoded)](ErrorCode error, Task done) mutable {
    run(services, std::move(call), decoded.request, error);
    done();
  });
}

}  // namespace quokka
