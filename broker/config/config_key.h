// What is known about a configuration key: one row of the tables in broker_keys.cc and topic_keys.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/result.h"
#include "protocol/base/text_parts.h"

namespace quokka {

// The values are those of DescribeConfigs.
enum class ConfigType : int8_t {
  unknown = 0,
  boolean = 1,
  text = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  real = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

// How a broker key may change while the broker runs (KIP-226).
enum class UpdateMode : uint8_t {
  read_only,
  cluster_wide,  // at the default entity or at one broker
  per_broker,    // at one broker
  per_listener,  // at one broker, and only with the prefix listener.name.<listener>.
  dynamic_only,  // never read from the properties file
};

struct ConfigKey {
  const char* name;
  ConfigType type;
  const char* default_value;  // nullptr: unset
  UpdateMode update;          // of a topic key: cluster_wide
  // What a value may be, as a person reads it: "[1..]", "[0..1]", "[a, b]", "[1..9] or -1"; "" for any value of the type.
  const char* valid;
  // Broker key: the topic key whose default it gives. Topic key: the broker key that gives its default. "" for none.
  const char* counterpart;
  bool zookeeper;  // has an effect in a cluster of Kafka coordinated by ZooKeeper
  bool internal;   // Kafka does not show it unless it is set
  const char* documentation;

  bool sensitive() const { return type == ConfigType::password; }
};

// INVALID_CONFIG with Kafka's sentence ("Invalid value 0 for configuration num.partitions: Value must be at least 1") unless the text is
// a value of the key.
Status check_value(const ConfigKey& key, std::string_view text);

// The text as Kafka shows the value: trimmed, numbers and booleans in one form, lists without blanks. The text is valid.
std::string canonical_value(const ConfigKey& key, std::string_view text);
// Of the canonical text of a key of an integer type.
inline int64_t integer_in(std::string_view canonical) { return number_in(canonical).value_or(0); }

}  // namespace quokka
