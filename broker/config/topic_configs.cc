#include "broker/config/topic_configs.h"

#include <memory>
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
