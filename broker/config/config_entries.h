// What DescribeConfigs tells about a key: value, source, synonyms.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/config_key.h"

namespace quokka {

// The values are those of DescribeConfigs.
enum class ConfigSource : int8_t {
  unknown = 0,
  topic = 1,
  broker = 2,          // dynamic, this broker
  broker_default = 3,  // dynamic, all brokers
  fixed = 4,           // server.properties
  built_in = 5,
  broker_logger = 6,
};

struct ConfigEntry {
  struct Synonym {
    std::string name;
    std::optional<std::string> value;
    ConfigSource source;
    bool operator==(const Synonym&) const = default;
  };

  std::string name;
  std::optional<std::string> value;  // nullopt: unset or sensitive
  ConfigSource source = ConfigSource::built_in;
  bool sensitive = false;
  bool read_only = false;
  ConfigType type = ConfigType::unknown;
  std::vector<Synonym> synonyms;  // every place that gives a value, strongest first
  std::string documentation;      // "" for an unknown key
};

// Of this broker: every key of Kafka's table, our own where they are set (so that Kafka's brokers and ours list the same), and keys that were given
// though unknown (hidden like passwords, since they might be ones).
std::vector<ConfigEntry> describe_broker(const ConfigSources& sources);
// Of the entity for all brokers: the dynamic defaults only.
std::vector<ConfigEntry> describe_broker_default(const ConfigSources& sources);
std::vector<ConfigEntry> describe_topic(const Properties& overrides, const ConfigSources& broker);

}  // namespace quokka
