// Limits the copying of chosen replicas, so that a reassignment leaves something to the clients (KIP-73; Kafka's ReplicationQuotaManager). A broker has two:
// of what it sends as a leader (leader.replication.throttled.rate) and of what it copies as a follower (follower.replication.throttled.rate). The topics
// say which replicas (leader.replication.throttled.replicas, follower.replication.throttled.replicas).
//
// What is copied of a chosen partition counts, whoever copies. While the rate is above the limit, chosen replicas that are not in sync wait; one in sync
// never does, or it would fall out for it. What was let through is not cut: the limit holds on average over the windows.
//
// Kafka counts the bytes of the answer around the records too.
#pragma once

#include <atomic>
#include <limits>
#include <string>

#include "broker/config/topic_configs.h"
#include "broker/quota/byte_rate.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Any thread.
class ReplicationThrottle {
 public:
  static constexpr int64_t unlimited = std::numeric_limits<int64_t>::max();
  struct Settings {
    ReplicaSide side = ReplicaSide::leader;
    BrokerId self;
    int32_t windows = 11;                    // replication.quota.window.num
    Duration window = Duration::seconds(1);  // replication.quota.window.size.seconds
  };

  // `topics` outlive it.
  ReplicationThrottle(Settings settings, const TopicConfigs& topics)
      : settings_(settings), topics_(topics), rate_(settings.windows, settings.window) {}

  void set_limit(int64_t bytes_per_second) { limit_ = bytes_per_second; }
  int64_t limit() const { return limit_; }

  // Must a replica of this partition wait, if it is not in sync?
  bool holds_back(const std::string& topic, PartitionIndex partition, MonoTime now) EXCLUDES(mutex_);
  // Counts if the partition is chosen.
  void record(const std::string& topic, PartitionIndex partition, size_t bytes, MonoTime now) EXCLUDES(mutex_);
  // Of the chosen partitions.
  double bytes_per_second(MonoTime now) EXCLUDES(mutex_);

 private:
  const Settings settings_;
  const TopicConfigs& topics_;
  std::atomic<int64_t> limit_{unlimited};
  Mutex mutex_;
  ByteRate rate_ GUARDED_BY(mutex_);
};

}  // namespace quokka
