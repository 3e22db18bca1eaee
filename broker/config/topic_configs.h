// The overrides of topics as they stand in ZooKeeper. The settings of a log are computed from them and the broker's own each time they are asked
// for, never from an earlier result (KAFKA-9254).
#pragma once

#include <map>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/log/log_config.h"
#include "protocol/base/mutex.h"

namespace quokka {

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

 private:
  const ConfigSources& sources_;
  mutable Mutex mutex_;
  std::map<std::string, Properties> overrides_ GUARDED_BY(mutex_);
};

}  // namespace quokka
