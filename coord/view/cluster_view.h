// What this broker knows about the cluster: an immutable snapshot, built from the controller's UpdateMetadata requests. It decides nothing and
// reads nothing itself; who needs the cluster takes the snapshot once and works on it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/mutex.h"
#include "protocol/base/uuid.h"

namespace quokka {

// Leaders that are no broker: a partition without leader, and one that is being deleted (in UpdateMetadata: forget the partition).
inline constexpr BrokerId kNoLeader{-1};
inline constexpr BrokerId kLeaderDuringDelete{-2};

// Where a broker listens, as registered and advertised.
struct Endpoint {
  std::string listener;  // name as in `listeners`, upper case
  std::string host;
  int32_t port = -1;
  int16_t security_protocol = 0;  // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL

  bool operator==(const Endpoint&) const = default;
};

struct BrokerView {
  BrokerId id;
  std::vector<Endpoint> endpoints;
  std::optional<std::string> rack;

  // nullptr when the broker has no such listener.
  const Endpoint* endpoint(std::string_view listener) const;
  bool operator==(const BrokerView&) const = default;
};

struct PartitionView {
  PartitionIndex index;
  BrokerId leader = kNoLeader;
  LeaderEpoch leader_epoch;
  ControllerEpoch controller_epoch;  // of the controller that chose this state
  PartitionEpoch partition_epoch;    // version of the state znode
  std::vector<BrokerId> isr;
  std::vector<BrokerId> replicas;  // the first is the preferred leader
  std::vector<BrokerId> offline_replicas;

  bool operator==(const PartitionView&) const = default;
};

struct TopicView {
  std::string name;
  TopicId id;                             // zero when the topic has none
  std::vector<PartitionView> partitions;  // ascending by index; an index may be missing while a topic is being created

  // nullptr when not known.
  const PartitionView* partition(PartitionIndex index) const;
};

using TopicViewPtr = std::shared_ptr<const TopicView>;
using BrokerViews = std::vector<BrokerView>;

// One UpdateMetadata as values. Brokers are all live ones and replace the set before; topics are a difference.
struct ClusterUpdate {
  BrokerId controller;
  ControllerEpoch controller_epoch;
  BrokerViews brokers;
  // Partitions replace those of the same index, with leader kLeaderDuringDelete they go; a topic goes with its last partition. A new non-zero
  // topic id under a known name is another topic: the partitions of the old one go.
  std::vector<TopicView> topics;
};

// What an update did, for those who keep something per partition (coordinators drop offsets of deleted partitions, waiters look again).
struct ViewChanges {
  std::vector<TopicPartition> deleted;  // not in the new view
  std::vector<TopicPartition> changed;  // new, or any field differs
  std::vector<BrokerId> brokers_gone;
  std::vector<BrokerId> brokers_come;
};

// Immutable and shared. Topics lie in shards, so that the next view copies only the shards it changes: an update of one topic among 20,000 takes
// some microseconds.
class ClusterView {
 public:
  ClusterView();  // nobody known

  // Increases with every view of one holder: a cache key.
  uint64_t revision() const { return revision_; }

  // -1 when not known.
  BrokerId controller() const { return controller_; }
  ControllerEpoch controller_epoch() const { return controller_epoch_; }

  // Ascending by id.
  const BrokerViews& brokers() const { return *brokers_; }
  const BrokerView* broker(BrokerId id) const;
  bool is_live(BrokerId id) const { return broker(id) != nullptr; }
  // nullptr when the broker is not live or has no such listener.
  const Endpoint* endpoint(BrokerId id, std::string_view listener) const;

  // Pointers live as long as the view. nullptr when not known.
  const TopicView* topic(std::string_view name) const;
  const TopicView* topic(const TopicId& id) const;
  const PartitionView* partition(std::string_view topic_name, PartitionIndex index) const;
  const PartitionView* partition(const TopicPartition& tp) const { return partition(tp.topic, tp.partition); }
  // The topic itself to keep longer than the view.
  TopicViewPtr topic_ptr(std::string_view name) const;

  size_t topic_count() const { return topic_count_; }
  size_t partition_count() const { return partition_count_; }

  // Every topic, in an order that is the same for the same topics (not alphabetical).
  template <class F>
  void for_each_topic(F&& f) const {
    for (const auto& shard : by_name_) {
      if (shard == nullptr) continue;
      for (const TopicViewPtr& each : *shard) f(*each);
    }
  }

  // The view after `update`; this one stays as it is.
  std::shared_ptr<const ClusterView> after(const ClusterUpdate& update, ViewChanges& changes) const;

 private:
  static constexpr size_t kShards = 256;
  using Shard = std::vector<TopicViewPtr>;  // ascending by name, or by id

  const TopicViewPtr* find(std::string_view name) const;
  void apply_topic(const TopicView& update, ViewChanges& changes);
  void replace(const TopicView* old, TopicViewPtr now);

  uint64_t revision_ = 0;
  BrokerId controller_;
  ControllerEpoch controller_epoch_;
  std::shared_ptr<const BrokerViews> brokers_;
  std::array<std::shared_ptr<const Shard>, kShards> by_name_;  // null: empty
  std::array<std::shared_ptr<const Shard>, kShards> by_id_;    // only topics with an id
  size_t topic_count_ = 0;
  size_t partition_count_ = 0;
};

using ClusterViewPtr = std::shared_ptr<const ClusterView>;

// The one place of a broker where the current view is found.
class ViewHolder {
 public:
  ViewHolder() : view_(std::make_shared<const ClusterView>()) {}

  // Any thread. Never null.
  ClusterViewPtr get() const {
    MutexLock lock(mutex_);
    return view_;
  }

  // One caller at a time: control requests run one after another. Readers see the old view until it returns.
  ViewChanges apply(const ClusterUpdate& update);

 private:
  mutable Mutex mutex_;
  ClusterViewPtr view_ GUARDED_BY(mutex_);
};

}  // namespace quokka
