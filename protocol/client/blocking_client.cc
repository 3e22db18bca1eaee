#include "protocol/client/blocking_client.h"

#include <algorithm>

#include "protocol/messages/find_coordinator.h"

namespace quokka {

Result<std::unique_ptr<BlockingConnection>> BlockingClient::connect(const HostPort& address) {
  ClientSettings settings;
  settings.host = address.host;
  settings.port = address.port;
  settings.client_id = settings_.client_id;
  settings.connect_timeout = std::min(settings_.connect_timeout, settings_.request_timeout);
  settings.request_timeout = settings_.request_timeout;
  return BlockingConnection::open(loop_, streams_, std::move(settings));
}

void BlockingClient::warn_once(const std::string& text) {
  if (text != last_warning_) warn_(text);
  last_warning_ = text;
}

Result<BlockingConnection*> BlockingClient::any_broker() {
  loop_.run_ready();  // notices connections that were closed meanwhile
  if (bootstrap_ != nullptr && bootstrap_->is_open()) return bootstrap_.get();
  for (const auto& [id, connection] : connections_) {
    if (connection->is_open()) return connection.get();
  }
  std::vector<HostPort> candidates = settings_.servers;
  for (const auto& [id, address] : addresses_) candidates.push_back(address);
  std::string tried;
  for (const HostPort& address : candidates) {
    auto connection = connect(address);
    if (connection.ok()) return (bootstrap_ = std::move(*connection)).get();
    tried += (tried.empty() ? "" : "; ") + connection.error().message;
  }
  return Error{ErrorCode::NETWORK_EXCEPTION, "no broker can be reached: " + tried};
}

Result<BlockingConnection*> BlockingClient::broker(BrokerId id) {
  loop_.run_ready();
  const auto at = connections_.find(id);
  if (at != connections_.end() && at->second->is_open()) return at->second.get();
  const auto address = addresses_.find(id);
  if (address == addresses_.end()) {
    return Error{ErrorCode::BROKER_NOT_AVAILABLE, "broker " + std::to_string(id.value) + " is not in the cluster's metadata"};
  }
  auto connection = connect(address->second);
  if (!connection.ok()) return connection.error();
  return (connections_[id] = std::move(*connection)).get();
}

Result<Answer<MetadataResponse>> BlockingClient::metadata(const std::optional<std::vector<std::string>>& topics, bool allow_auto_topic_creation) {
  const Result<BlockingConnection*> connection = any_broker();
  if (!connection.ok()) return connection.error();
  std::vector<MetadataRequest::MetadataRequestTopic> wanted;
  MetadataRequest request;
  request.topics.reset();
  if (topics) {
    for (const std::string& topic : *topics) wanted.push_back({{}, topic});
    request.topics = wanted;
  }
  request.allow_auto_topic_creation = allow_auto_topic_creation;
  // Version 4 is the first that can ask without creating.
  auto answer = (*connection)->call<MetadataResponse>(request, settings_.request_timeout, MetadataRequest::kVersionMax, 4);
  if (!answer.ok()) return answer;
  addresses_.clear();
  for (const auto& broker : answer->message.brokers) {
    addresses_[broker.node_id] = {std::string(broker.host), static_cast<uint16_t>(broker.port)};
  }
  std::erase_if(connections_, [this](const auto& each) {
    const auto address = addresses_.find(each.first);
    return address == addresses_.end() || !(address->second == each.second->address());
  });
  return answer;
}

Result<BlockingConnection*> BlockingClient::controller() {
  const auto answer = metadata(std::vector<std::string>(), false);
  if (!answer.ok()) return answer.error();
  const BrokerId id = answer->message.controller_id;
  if (id == BrokerId()) return Error{ErrorCode::LEADER_NOT_AVAILABLE, "the cluster has no controller at the moment"};
  return broker(id);
}

Result<BlockingClient::Coordinator> BlockingClient::coordinator(const std::string& group) {
  if (const auto known = coordinators_.find(group); known != coordinators_.end()) return known->second;
  const Result<BlockingConnection*> connection = any_broker();
  if (!connection.ok()) return connection.error();
  FindCoordinatorRequest request;
  request.key = group;
  constexpr int16_t kOneKeyVersionMax = 3;
  const auto answer = (*connection)->call<FindCoordinatorResponse>(request, settings_.request_timeout, kOneKeyVersionMax);
  if (!answer.ok()) return answer.error();
  const FindCoordinatorResponse& found = answer->message;
  if (found.error_code != ErrorCode::NONE) return Error{found.error_code, "group " + group + " has no coordinator yet: " + std::string(name(found.error_code))};
  return coordinators_[group] = {found.node_id, {std::string(found.host), static_cast<uint16_t>(found.port)}};
}

Result<BlockingConnection*> BlockingClient::coordinating_broker(const std::string& group) {
  loop_.run_ready();
  const Result<Coordinator> found = coordinator(group);
  if (!found.ok()) return found.error();
  auto& kept = coordinator_connections_[group];
  if (kept != nullptr && kept->is_open() && kept->address() == found->address) return kept.get();
  auto connection = connect(found->address);
  if (!connection.ok()) {
    coordinators_.erase(group);  // another one may have taken over
    return connection.error();
  }
  return (kept = std::move(*connection)).get();
}

void BlockingClient::disconnect_coordinator(const std::string& group) { coordinator_connections_.erase(group); }

bool BlockingClient::lost_coordinator(const std::string& group, ErrorCode code) {
  const bool is_elsewhere = code == ErrorCode::NOT_COORDINATOR || code == ErrorCode::COORDINATOR_NOT_AVAILABLE;
  if (is_elsewhere || code == ErrorCode::NETWORK_EXCEPTION || code == ErrorCode::REQUEST_TIMED_OUT) coordinators_.erase(group);
  return is_elsewhere || code == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
}

}  // namespace quokka
