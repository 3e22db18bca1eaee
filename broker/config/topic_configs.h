// The overrides of topics as they stand in ZooKeeper. The settings of a log are computed from them and the broker's own each time they are asked
// for, never from an earlier result (KAFKA-9254).
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/config/throttled_replicas.h"
#include "broker/log/log_config.h"
#include "protocol/base/mutex.h"

namespace quokka {

// Who sends and who copies.
enum class ReplicaSide { leader, follower };

// Any thread.
class TopicConfigs {
 public:
  // `sources` outlive it.
  explicit TopicConfigs(const ConfigSources& sources) : sources_(sources) {}

  void set(const std::string& topic, Properties overrides);
  // What ZooKeeper holds cannot be understood, and the broker's own settings may be weaker: until set() nothing of the topic is deleted, and acks=all
  // waits for every replica.
  void set_unreadable(const std::string& topic);
  LogConfigPtr settings_of(const std::string& topic) const;
  // Do leader.replication.throttled.replicas, or those of followers, name this replica?
  bool is_throttled(ReplicaSide side, const std::string& topic, PartitionIndex partition, BrokerId broker) const;

 private:
  struct Throttled {
    ThrottledReplicas leader, follower;
  };
  void throttle(const std::string& topic, const Properties& overrides) REQUIRES(mutex_);

  const ConfigSources& sources_;
  mutable Mutex mutex_;
  std::map<std::string, Properties> overrides_ GUARDED_BY(mutex_);
  std::map<std::string, Throttled> throttled_ GUARDED_BY(mutex_);
  std::atomic<bool> any_throttled_{false};  // asked for every partition of every fetch
};

}  // namespace quokka
