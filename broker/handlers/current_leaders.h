// What an answer tells about partitions that are led elsewhere, so that a client needs no extra Metadata round (KIP-951).
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "broker/handlers/services.h"
#include "coord/view/cluster_view.h"
#include "protocol/base/topic_name.h"

namespace quokka {

// For a partition that the view does not have. A broker that was told nothing yet, since it just started, sends its clients to look for another
// leader: at UNKNOWN_TOPIC_OR_PARTITION, which Kafka answers then too, librdkafka gives up.
inline ErrorCode unknown_partition_error(const ClusterView& view) {
  return view.brokers().empty() ? ErrorCode::NOT_LEADER_OR_FOLLOWER : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
}

// For a partition that this broker has no replica of: KAFKA_STORAGE_ERROR (its directory is offline), NOT_LEADER_OR_FOLLOWER (others have it), or
// the above.
inline ErrorCode missing_partition_error(const Services& services, const ClusterView& view, std::string_view topic, PartitionIndex partition) {
  if (topic.size() > kTopicNameBytesMax) return unknown_partition_error(view);  // not copied for each partition
  if (services.replicas.is_offline({std::string(topic), partition})) return ErrorCode::KAFKA_STORAGE_ERROR;
  return view.partition(topic, partition) != nullptr ? ErrorCode::NOT_LEADER_OR_FOLLOWER : unknown_partition_error(view);
}

// Collects current leaders and the endpoints that go with them; NodeEndpoint is the response's own struct.
template <class NodeEndpoint>
class CurrentLeaders {
 public:
  // `enabled`: the version has room for it.
  CurrentLeaders(const Services& services, std::string_view listener, bool enabled)
      : services_(services), listener_(listener), view_(services.view.get()), enabled_(enabled) {}

  template <class LeaderIdAndEpoch>
  void tell(std::string_view topic, PartitionIndex index, LeaderIdAndEpoch& into) {
    if (!enabled_) return;
    if (const PartitionPtr partition = services_.replicas.find(topic, index)) {
      into.leader_id = partition->leader();
      into.leader_epoch = partition->leader_epoch();
    } else if (const PartitionView* known = view_->partition(topic, index)) {
      into.leader_id = known->leader;
      into.leader_epoch = known->leader_epoch;
    } else {
      return;
    }
    const BrokerView* broker = view_->broker(into.leader_id);
    const Endpoint* endpoint = broker == nullptr ? nullptr : broker->endpoint(listener_);
    if (endpoint == nullptr || !told_.emplace(into.leader_id, endpoints_.size()).second) return;
    NodeEndpoint node;
    node.node_id = into.leader_id;
    node.host = endpoint->host;
    node.port = endpoint->port;
    if (broker->rack) node.rack = *broker->rack;
    endpoints_.push_back(node);
  }

  // Borrowed from this, which lives until the response is encoded.
  const std::vector<NodeEndpoint>& endpoints() const { return endpoints_; }

 private:
  const Services& services_;
  const std::string_view listener_;
  const ClusterViewPtr view_;
  const bool enabled_;
  std::map<BrokerId, size_t> told_;
  std::vector<NodeEndpoint> endpoints_;
};

}  // namespace quokka
