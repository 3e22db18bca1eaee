#include "tools/cluster.h"

#include <poll.h>

#include <charconv>

namespace quokka {

Result<ClusterSettings> ClusterSettings::from(const std::string& servers, const ToolProperties& properties, const std::string& client_id) {
  ClusterSettings settings;
  auto parsed = parse_servers(servers);
  if (!parsed.ok()) return parsed.error();
  settings.servers = std::move(*parsed);
  settings.client_id = client_id;
  if (const auto at = properties.find("client.id"); at != properties.end()) settings.client_id = at->second;
  if (const auto at = properties.find("security.protocol"); at != properties.end() && at->second != "PLAINTEXT") {
    return Error{ErrorCode::INVALID_CONFIG, "security.protocol=" + at->second + " is not implemented by these tools: only PLAINTEXT is"};
  }
  for (const auto& [key, value] : {std::pair{"request.timeout.ms", &settings.request_timeout},
                                   std::pair{"default.api.timeout.ms", &settings.api_timeout},
                                   std::pair{"retry.backoff.ms", &settings.retry_backoff}}) {
    const auto at = properties.find(key);
    if (at == properties.end()) continue;
    int64_t ms = 0;
    const char* const end = at->second.data() + at->second.size();
    const auto [stop, error] = std::from_chars(at->second.data(), end, ms);
    if (error != std::errc() || stop != end || ms < 0) {
      return Error{ErrorCode::INVALID_CONFIG, std::string(key) + "=" + at->second + " is not a number of milliseconds"};
    }
    *value = Duration::millis(ms);
  }
  return settings;
}

void Cluster::pause(Duration duration) { ::poll(nullptr, 0, static_cast<int>(duration.to_millis())); }

Result<BrokerLink*> Cluster::any_broker() {
  if (bootstrap_ != nullptr && bootstrap_->is_open()) return bootstrap_.get();
  for (const auto& [id, link] : links_) {
    if (link->is_open()) return link.get();
  }
  std::string tried;
  std::vector<HostPort> candidates = settings_.servers;
  for (const auto& [id, address] : addresses_) candidates.push_back(address);
  for (const HostPort& address : candidates) {
    auto link = BrokerLink::open(address, settings_.client_id, deadline_in(std::min(settings_.request_timeout, Duration::seconds(10))));
    if (link.ok()) {
      bootstrap_ = std::move(*link);
      return bootstrap_.get();
    }
    tried += (tried.empty() ? "" : "; ") + link.error().message;
  }
  return Error{ErrorCode::NETWORK_EXCEPTION, "no broker can be reached: " + tried};
}

Result<BrokerLink*> Cluster::broker(BrokerId id) {
  const auto at = links_.find(id);
  if (at != links_.end() && at->second->is_open()) return at->second.get();
  const auto address = addresses_.find(id);
  if (address == addresses_.end()) {
    return Error{ErrorCode::BROKER_NOT_AVAILABLE, "broker " + std::to_string(id.value) + " is not in the cluster's metadata"};
  }
  auto link = BrokerLink::open(address->second, settings_.client_id, deadline_in(std::min(settings_.request_timeout, Duration::seconds(10))));
  if (!link.ok()) return link.error();
  return (links_[id] = std::move(*link)).get();
}

Result<Answer<MetadataResponse>> Cluster::metadata(const std::optional<std::vector<std::string>>& topics, bool allow_auto_topic_creation) {
  const Result<BrokerLink*> link = any_broker();
  if (!link.ok()) return link.error();
  std::vector<MetadataRequest::MetadataRequestTopic> wanted;
  MetadataRequest request;
  request.topics.reset();
  if (topics) {
    for (const std::string& topic : *topics) wanted.push_back({{}, topic});
    request.topics = wanted;
  }
  request.allow_auto_topic_creation = allow_auto_topic_creation;
  // Without auto-creation version 4 is the first that can say so; before, asking creates.
  auto answer = (*link)->call<MetadataResponse>(request, request_deadline(), MetadataRequest::kVersionMax, 4);
  if (!answer.ok()) return answer;
  addresses_.clear();
  for (const auto& broker : (*answer)->brokers) {
    addresses_[broker.node_id] = {std::string(broker.host), static_cast<uint16_t>(broker.port)};
  }
  for (auto at = links_.begin(); at != links_.end();) {
    const auto address = addresses_.find(at->first);
    at = address == addresses_.end() || !(address->second == at->second->address()) ? links_.erase(at) : std::next(at);
  }
  return answer;
}

Result<BrokerLink*> Cluster::controller() {
  const auto answer = metadata(std::vector<std::string>(), false);
  if (!answer.ok()) return answer.error();
  const BrokerId id = answer->message.controller_id;
  if (id == BrokerId()) return Error{ErrorCode::LEADER_NOT_AVAILABLE, "the cluster has no controller at the moment"};
  return broker(id);
}

}  // namespace quokka
