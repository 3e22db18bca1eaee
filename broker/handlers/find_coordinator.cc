// FindCoordinator (key 10), versions 0-6: the broker that leads the partition of an internal topic which holds a group or a transactional id.
//
// The topic comes into being when somebody asks first; meanwhile, and while the partition has no leader or the number of partitions is not known here
// (broker/journal/coordinator_topic.h), COORDINATOR_NOT_AVAILABLE, at which clients
// ask again. 1: transactions (key type 1) and error texts. 4: many keys (KIP-699). 6: share groups (key type 2), which ZooKeeper mode never has.
// An unknown key type is INVALID_REQUEST for every key.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/group/group_coordinator.h"
#include "broker/handlers/handlers.h"
#include "broker/handlers/reply.h"
#include "broker/handlers/services.h"
#include "broker/handlers/topic_creation.h"
#include "broker/txn/transaction_coordinator.h"
#include "protocol/base/topic_name.h"
#include "protocol/messages/find_coordinator.h"

namespace quokka {

namespace {

constexpr int8_t kGroup = 0, kTransaction = 1, kShare = 2;

struct Found {
  ErrorCode error = ErrorCode::NONE;
  BrokerId id{-1};
  const Endpoint* endpoint = nullptr;  // the view's
};

std::string_view text_of_error(ErrorCode error) {
  if (error == ErrorCode::NONE) return "NONE";
  return error == ErrorCode::COORDINATOR_NOT_AVAILABLE ? "The coordinator is not available." : "The request is malformed or not of this version.";
}

Found find(Services& services, const ClusterView& view, std::string_view listener, int8_t key_type, std::string_view key, int16_t version) {
  if (key_type == kShare) return {version < 6 ? ErrorCode::INVALID_REQUEST : ErrorCode::COORDINATOR_NOT_AVAILABLE};
  if (key_type != kGroup && key_type != kTransaction) return {ErrorCode::INVALID_REQUEST};
  const std::string_view topic_name = key_type == kGroup ? kGroupMetadataTopic : kTransactionStateTopic;
  const TopicView* topic = view.topic(topic_name);
  if (topic == nullptr || topic->partitions.empty()) {
    // A broker that was told nothing yet does not know that it is missing.
    if (!view.brokers().empty()) begin_automatic_topic(services, topic_name);
    return {ErrorCode::COORDINATOR_NOT_AVAILABLE};
  }
  const std::optional<PartitionIndex> index = key_type == kGroup ? services.groups.partition_of(key) : services.transactions.partition_of(key);
  const PartitionView* partition = index ? topic->partition(*index) : nullptr;
  const Endpoint* endpoint = partition == nullptr ? nullptr : view.endpoint(partition->leader, listener);
  if (endpoint == nullptr) return {ErrorCode::COORDINATOR_NOT_AVAILABLE};
  return {ErrorCode::NONE, partition->leader, endpoint};
}

}  // namespace

void handle_find_coordinator(Services& services, CallPtr call) {
  const auto decoded = decode_call<FindCoordinatorRequest>(call);
  if (!decoded) return;
  const FindCoordinatorRequest& request = decoded->request;
  const int16_t version = call->version();
  const std::string listener = call->peer().listener;
  const ClusterViewPtr view = services.view.get();
  FindCoordinatorResponse response;
  std::vector<FindCoordinatorResponse::Coordinator> coordinators;
  if (version < 4) {
    const Found found = find(services, *view, listener, request.key_type, request.key, version);
    response.error_code = found.error;
    response.error_message = text_of_error(found.error);
    response.node_id = found.id;
    if (found.endpoint != nullptr) response.host = found.endpoint->host;
    response.port = found.endpoint != nullptr ? found.endpoint->port : -1;
  }
  for (std::string_view key : request.coordinator_keys) {
    const Found found = find(services, *view, listener, request.key_type, key, version);
    auto& coordinator = coordinators.emplace_back();
    coordinator.key = key;
    coordinator.error_code = found.error;
    coordinator.node_id = found.id;
    if (found.endpoint != nullptr) coordinator.host = found.endpoint->host;
    coordinator.port = found.endpoint != nullptr ? found.endpoint->port : -1;
  }
  response.coordinators = coordinators;
  reply(std::move(call), response);
}

}  // namespace quokka
