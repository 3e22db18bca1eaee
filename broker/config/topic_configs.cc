#include "broker/config/topic_configs.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/config/topic_settings.h"
#include "protocol/base/log.h"

namespace quokka {

void TopicConfigs::set(const std::string& topic, Properties overrides) {
  MutexLock lock(mutex_);
  throttle(topic, overrides);
  if (overrides.empty()) {
    overrides_.erase(topic);
  } else {
    overrides_[topic] = std::move(overrides);
  }
}

void TopicConfigs::throttle(const std::string& topic, const Properties& overrides) {
  const auto named = [&](const char* key) {
    const auto given = overrides.find(key);
    return given == overrides.end() ? ThrottledReplicas() : ThrottledReplicas::of(given->second);
  };
  Throttled replicas{named("leader.replication.throttled.replicas"), named("follower.replication.throttled.replicas")};
  if (replicas.leader.empty() && replicas.follower.empty()) {
    throttled_.erase(topic);
  } else {
    throttled_[topic] = std::move(replicas);
  }
  any_throttled_ = !throttled_.empty();
}

bool TopicConfigs::is_throttled(ReplicaSide side, const std::string& topic, PartitionIndex partition, BrokerId broker) const {
  if (!any_throttled_) return false;
  MutexLock lock(mutex_);
  const auto found = throttled_.find(topic);
  if (found == throttled_.end()) return false;
  return (side == ReplicaSide::leader ? found->second.leader : found->second.follower).contains(partition, broker);
}

void TopicConfigs::set_unreadable(const std::string& topic) {
  log_error("topic {}: its settings, znode /config/topics/{}, cannot be understood. Until the znode is mended nothing of the topic is deleted, and produce "
            "requests with acks=all need all its replicas in sync",
            topic, topic);
  set(topic, {{"cleanup.policy", "delete"},
              {"retention.ms", "-1"},
              {"retention.bytes", "-1"},
              {"unclean.leader.election.enable", "false"},
              {"min.insync.replicas", std::to_string(INT32_MAX)}});
}

LogConfigPtr TopicConfigs::settings_of(const std::string& topic) const {
  Properties overrides;
  {
    MutexLock lock(mutex_);
    if (const auto found = overrides_.find(topic); found != overrides_.end()) overrides = found->second;
  }
  std::vector<std::string> ignored;
  auto settings = std::make_shared<const LogConfig>(topic_log_config(overrides, sources_, &ignored));
  for (const std::string& key : ignored) log_warn("the setting {} of topic {} in ZooKeeper is not valid and is left out", key, topic);
  return settings;
}

}  // namespace quokka
