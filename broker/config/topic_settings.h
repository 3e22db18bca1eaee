// Topic-level settings: checking overrides, and computing what is in force from overrides, broker settings and defaults.
#pragma once

#include <string>
#include <string_view>

#include "broker/config/broker_config.h"
#include "broker/config/properties.h"
#include "broker/log/log_config.h"
#include "protocol/base/result.h"

namespace quokka {

// INVALID_CONFIG with Kafka's sentence unless every name is known, every value valid, and they fit together and with the broker's settings.
Status check_topic_overrides(const Properties& overrides, const ConfigSources& broker);

// The value of every topic key that is in force on this broker.
Properties effective_topic_settings(const Properties& overrides, const ConfigSources& broker);

// The same, typed. The overrides come from ZooKeeper: a value there that is not valid is left out, so that what another broker wrote
// cannot stop this one; its key is added to `ignored` if that is not null.
LogConfig topic_log_config(const Properties& overrides, const ConfigSources& broker, std::vector<std::string>* ignored = nullptr);

}  // namespace quokka
