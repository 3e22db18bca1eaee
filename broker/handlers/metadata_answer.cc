#include "broker/handlers/metadata_answer.h"

#include <algorithm>

#include "broker/handlers/authorized_operations.h"
#include "protocol/base/topic_name.h"

namespace quokka {

MetadataAnswer::MetadataAnswer(CallPtr call, Decoded<MetadataRequest> decoded, ClusterViewPtr view, std::string_view cluster_id)
    : call_(std::move(call)), version_(call_->version()), decoded_(std::move(decoded)), view_(std::move(view)), listener_(call_->peer().listener) {
  response_.cluster_id = cluster_id;
  response_.controller_id = view_->controller();
  if (decoded_.request.include_cluster_authorized_operations) response_.cluster_authorized_operations = kClusterOperations;
}

bool MetadataAnswer::all_topics() const {
  const auto& topics = decoded_.request.topics;
  return !topics || (version_ == 0 && topics->empty());
}

bool MetadataAnswer::by_id() const {
  const auto& topics = *decoded_.request.topics;
  return std::any_of(topics.begin(), topics.end(), [](const auto& topic) { return !topic.topic_id.is_zero(); });
}

ErrorCode MetadataAnswer::check() const {
  if (all_topics()) return ErrorCode::NONE;
  const bool ids_served = version_ >= 12;
  for (const auto& topic : *decoded_.request.topics) {
    if (!ids_served && (!topic.name || !topic.topic_id.is_zero())) return ErrorCode::INVALID_REQUEST;
    if (!topic.name && topic.topic_id.is_zero() && !by_id()) return ErrorCode::UNKNOWN_SERVER_ERROR;
  }
  return ErrorCode::NONE;
}

std::vector<std::string_view> MetadataAnswer::add_known() {
  std::vector<std::string_view> missing;
  if (all_topics()) {
    topics_.reserve(view_->topic_count());
    view_->for_each_topic([this](const TopicView& topic) { add_view(topic); });
    return missing;
  }
  const auto& wanted = *decoded_.request.topics;
  topics_.reserve(wanted.size());
  if (by_id()) {
    std::unordered_set<TopicId> seen;
    std::vector<const TopicView*> found;
    for (const auto& topic : wanted) {
      if (topic.topic_id.is_zero() || !seen.insert(topic.topic_id).second) continue;
      if (const TopicView* known = view_->topic(topic.topic_id)) found.push_back(known);
      else add_unknown_id(topic.topic_id);
    }
    for (const TopicView* known : found) add_view(*known);
    return missing;
  }
  std::unordered_set<std::string_view> seen;
  for (const auto& topic : wanted) {
    if (!seen.insert(*topic.name).second) continue;
    if (const TopicView* known = view_->topic(*topic.name)) add_view(*known);
    else missing.push_back(*topic.name);
  }
  return missing;
}

int32_t MetadataAnswer::topic_operations() const {
  return decoded_.request.include_topic_authorized_operations ? kTopicOperations : INT32_MIN;
}

void MetadataAnswer::add_topic(std::string_view name, ErrorCode error) {
  Topic& topic = topics_.emplace_back();
  topic.error_code = error;
  topic.name = name;
  topic.is_internal = is_internal_topic(name);
  topic.topic_authorized_operations = topic_operations();
}

void MetadataAnswer::add_unknown_id(const TopicId& id) {
  Topic& topic = topics_.emplace_back();
  topic.error_code = ErrorCode::UNKNOWN_TOPIC_ID;
  topic.name = std::nullopt;
  topic.topic_id = id;
}

void MetadataAnswer::add_view(const TopicView& view) {
  add_topic(view.name, ErrorCode::NONE);
  std::vector<Partition>& partitions = partitions_.emplace_back();
  partitions.reserve(view.partitions.size());
  for (const PartitionView& partition : view.partitions) partitions.push_back(partition_of(partition));
  topics_.back().topic_id = view.id;
  topics_.back().partitions = partitions;
}

Array<BrokerId> MetadataAnswer::reachable(const std::vector<BrokerId>& ids) {
  if (version_ != 0) return ids;
  std::vector<BrokerId>& kept = ids_.emplace_back();
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(kept), [this](BrokerId id) { return is_reachable(id); });
  return kept;
}

MetadataAnswer::Partition MetadataAnswer::partition_of(const PartitionView& view) {
  Partition partition;
  partition.partition_index = view.index;
  partition.leader_epoch = view.leader_epoch;
  partition.replica_nodes = reachable(view.replicas);
  partition.isr_nodes = reachable(view.isr);
  partition.offline_replicas = view.offline_replicas;
  if (is_reachable(view.leader)) {
    partition.leader_id = view.leader;
    const bool filtered = partition.replica_nodes.size() < view.replicas.size() || partition.isr_nodes.size() < view.isr.size();
    if (filtered) partition.error_code = ErrorCode::REPLICA_NOT_AVAILABLE;
    return partition;
  }
  partition.leader_id = kNoLeader;
  const bool alive = version_ >= 6 && view_->is_live(view.leader);
  partition.error_code = alive ? ErrorCode::LISTENER_NOT_FOUND : ErrorCode::LEADER_NOT_AVAILABLE;
  return partition;
}

void MetadataAnswer::add_brokers() {
  for (const BrokerView& broker : view_->brokers()) {
    const Endpoint* endpoint = broker.endpoint(listener_);
    if (endpoint == nullptr) continue;
    auto& entry = brokers_.emplace_back();
    entry.node_id = broker.id;
    entry.host = endpoint->host;
    entry.port = endpoint->port;
    if (broker.rack) entry.rack = *broker.rack;
  }
  response_.brokers = brokers_;
}

void MetadataAnswer::send() {
  add_brokers();
  response_.topics = topics_;
  reply(std::move(call_), response_);
}

// A refused request names its topics, all with the error, and nothing of the cluster.
void MetadataAnswer::fail(ErrorCode error) {
  MetadataResponse refusal;
  std::vector<Topic> topics;
  for (const auto& wanted : *decoded_.request.topics) {
    Topic& topic = topics.emplace_back();
    topic.error_code = error;
    topic.name = wanted.name.value_or(std::string_view());
    topic.topic_id = wanted.topic_id;
  }
  refusal.topics = topics;
  reply(std::move(call_), refusal);
}

}  // namespace quokka
