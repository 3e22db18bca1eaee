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
  if (overrides.empty()) {
    overrides_.erase(topic);
  } else {
    overrides_[topic] = std::move(overrides);
  }
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
