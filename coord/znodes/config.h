// /config: entities' overrides and the notifications of their changes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coord/znodes/paths.h"
#include "protocol/base/result.h"

namespace quokka::znodes {

using ConfigMap = std::map<std::string, std::string>;

// The znode of an entity: {"version":1,"config":{...}}.
std::string encode_config(const ConfigMap& config);
// `path` is only for the error's text. A missing or null "config" is an empty one.
Result<ConfigMap> parse_config(std::string_view path, std::string_view json);

// Percent-encoding of user, client and ip names, as Kafka does it. kDefaultEntity is no name: it stands as it is and is not passed here.
std::string sanitize(std::string_view name);
// nullopt when it is no encoding of anything.
std::optional<std::string> desanitize(std::string_view text);

// What changed: path below /config, for example "topics/t", "brokers/<default>", "users/a%20b/clients/c".
struct ConfigChange {
  std::string entity_path;

  bool operator==(const ConfigChange&) const = default;
};
std::string encode(const ConfigChange& change);
// Reads version 1 (entity_type, entity_name) too.
Result<ConfigChange> parse_config_change(std::string_view path, std::string_view json);

// An entity path taken apart. For "users/u/clients/c" there are both parts; names are as they stand in ZooKeeper (sanitized).
struct ConfigEntity {
  ConfigType type = ConfigType::topics;
  std::string entity;
  std::optional<std::string> client;  // only below a user

  bool operator==(const ConfigEntity&) const = default;
  std::string path() const;  // "users/u/clients/c"
};
// Topic names must be legal, broker names a number or "<default>".
Result<ConfigEntity> parse_entity_path(std::string_view entity_path);

}  // namespace quokka::znodes
