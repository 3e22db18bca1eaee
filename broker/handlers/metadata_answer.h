// A Metadata request and the answer as it grows: the part that looks at the view and decides nothing about creation.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "broker/handlers/reply.h"
#include "coord/view/cluster_view.h"
#include "protocol/messages/metadata.h"

namespace quokka {

// Not moved once made: the response borrows from it, from the view and from the call's frame.
class MetadataAnswer {
 public:
  // On the connection's loop.
  MetadataAnswer(CallPtr call, Decoded<MetadataRequest> decoded, ClusterViewPtr view, std::string_view cluster_id);
  MetadataAnswer(const MetadataAnswer&) = delete;
  MetadataAnswer& operator=(const MetadataAnswer&) = delete;

  // NONE unless the whole request is refused; then answer with fail.
  ErrorCode check() const;
  // Adds what the view knows of the topics asked for. Gives the names, in the request's frame, that it does not know, each once.
  std::vector<std::string_view> add_known();
  // A topic without partitions. The name lives as long as this.
  void add_topic(std::string_view name, ErrorCode error);
  bool may_create() const { return decoded_.request.allow_auto_topic_creation; }

  // Both once, at the end; nothing else may be called then.
  void send();
  void fail(ErrorCode error);

 private:
  using Topic = MetadataResponse::MetadataResponseTopic;
  using Partition = Topic::MetadataResponsePartition;

  bool all_topics() const;
  bool by_id() const;
  void add_brokers();
  void add_view(const TopicView& topic);
  void add_unknown_id(const TopicId& id);
  Partition partition_of(const PartitionView& view);
  bool is_reachable(BrokerId id) const { return view_->endpoint(id, listener_) != nullptr; }
  // Version 0: only replicas that are reachable.
  Array<BrokerId> reachable(const std::vector<BrokerId>& ids);
  int32_t topic_operations() const;

  CallPtr call_;
  const int16_t version_;
  Decoded<MetadataRequest> decoded_;
  const ClusterViewPtr view_;
  const std::string listener_;
  MetadataResponse response_;
  std::vector<MetadataResponse::MetadataResponseBroker> brokers_;
  std::vector<Topic> topics_;
  std::deque<std::vector<Partition>> partitions_;
  std::deque<std::vector<BrokerId>> ids_;
};

}  // namespace quokka
