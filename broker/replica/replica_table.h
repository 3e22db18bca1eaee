// The partitions of which this broker has a replica, and the controller's changes to them. Lookups are any thread's; changes come one at a time.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/replica/partition.h"
#include "coord/view/cluster_view.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Copies partitions from their leaders. Any thread.
class Fetchers {
 public:
  virtual ~Fetchers() = default;
  // Fetches from `leader` until unfollow, or follow with another leader.
  virtual void follow(PartitionPtr partition, BrokerId leader) = 0;
  virtual void unfollow(const TopicPartition& partition) = 0;
};

class ReplicaTable {
 public:
  struct Ports {
    LogDirectories& directories;
    IsrProposals& proposals;
    Fetchers& fetchers;
    Loop& clock;
    Registry& metrics;
  };
  using ConfigOf = std::function<LogConfigPtr(const std::string& topic)>;

  ReplicaTable(BrokerId self, Duration replica_lag_max, Ports ports, ConfigOf config_of);

  // --- Any thread. nullptr if this broker has no replica of it, or it is offline.
  PartitionPtr find(std::string_view topic, PartitionIndex partition) const;
  // The replica is assigned to this broker but its directory is offline.
  bool is_offline(const TopicPartition& partition) const;
  std::vector<PartitionPtr> all() const;
  // Kafka's numbers about all of them.
  void collect(MetricSink& sink) const;

  // --- Control requests: one caller at a time, on a pool thread (logs are created).
  struct RoleChange {
    TopicPartition partition;
    TopicId topic_id;  // zero if the topic has none
    BrokerEpoch registration{-1};  // the life of this broker that the controller speaks to; -1 if the request does not say
    PartitionRole role;
  };
  // LeaderAndIsr. One error for each change, in order: NONE, STALE_CONTROLLER_EPOCH (an epoch that is not newer), INCONSISTENT_TOPIC_ID,
  // UNKNOWN_TOPIC_OR_PARTITION (not assigned here), KAFKA_STORAGE_ERROR. A log of another topic id is that of a deleted topic, whose end this broker
  // missed, if the controller did not speak of it in this registration: it is set aside as a stray (H28; KAFKA-14616).
  std::vector<ErrorCode> become(const std::vector<RoleChange>& changes);
  // StopReplica. `leader_epoch` -1 is none given, -2 that of a topic deletion. Errors: FENCED_LEADER_EPOCH, KAFKA_STORAGE_ERROR.
  ErrorCode stop(const TopicPartition& partition, LeaderEpoch leader_epoch, bool remove_log);
  // The topic's settings changed.
  void reconfigure(const std::string& topic, const LogConfigPtr& config);
  // A directory failed: its partitions are served no more.
  void on_directory_offline(const std::vector<TopicPartition>& partitions);

  // The registered brokers, whenever they change.
  void on_live_brokers(const BrokerViews& brokers);

  // Every half of replica.lag.time.max.ms: replicas that lag leave the in-sync sets.
  void on_tick();

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view topic, PartitionIndex p) const { return std::hash<std::string_view>()(topic) * 31 + static_cast<size_t>(p.value); }
    size_t operator()(const TopicPartition& tp) const { return (*this)(tp.topic, tp.partition); }
    size_t operator()(const std::pair<std::string_view, PartitionIndex>& tp) const { return (*this)(tp.first, tp.second); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const TopicPartition& a, const TopicPartition& b) const { return a == b; }
    bool operator()(const std::pair<std::string_view, PartitionIndex>& a, const TopicPartition& b) const {
      return a.first == b.topic && a.second == b.partition;
    }
    bool operator()(const TopicPartition& a, const std::pair<std::string_view, PartitionIndex>& b) const { return (*this)(b, a); }
  };
  struct Shard {
    mutable Mutex mutex;
    // A null pointer marks an offline replica.
    std::unordered_map<TopicPartition, PartitionPtr, Hash, Equal> partitions GUARDED_BY(mutex);
  };

  static constexpr size_t kShards = 16;
  Shard& shard_of(std::string_view topic, PartitionIndex partition) const;
  size_t offline_count() const;
  void put(const TopicPartition& name, PartitionPtr partition);
  void erase(const TopicPartition& name);
  Result<PartitionLogPtr> log_for(const RoleChange& change);
  Result<PartitionPtr> find_or_create(const RoleChange& change);
  // The controller spoke of the partition in this registration, or the change comes late, from an earlier one.
  bool was_told(const RoleChange& change) const;
  // INCONSISTENT_TOPIC_ID, STALE_CONTROLLER_EPOCH, or the table holds no replica of another topic id.
  ErrorCode reconcile_topic_id(const RoleChange& change);
  ErrorCode become_one(const RoleChange& change);

  Partition::Surroundings surroundings_;
  Fetchers& fetchers_;
  const ConfigOf config_of_;
  mutable std::array<Shard, kShards> shards_;
  // Control requests only.
  BrokerEpoch registration_{-1};
  std::set<TopicPartition> told_;  // replicas of this broker that the controller spoke of in this registration
  using LiveBrokers = std::shared_ptr<const std::vector<BrokerId>>;
  LiveBrokers live_brokers() const EXCLUDES(live_mutex_);
  mutable Mutex live_mutex_;
  LiveBrokers live_ GUARDED_BY(live_mutex_);  // null until told: then all count as live
};

}  // namespace quokka
