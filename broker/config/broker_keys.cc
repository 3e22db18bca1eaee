#include "broker/config/broker_keys.h"

#include <algorithm>
#include <array>

#include "protocol/base/nearest_name.h"

namespace quokka {
namespace {

constexpr ConfigKey kOwnKeys[] = {
    {"quokka.admin.host", ConfigType::text, "127.0.0.1", UpdateMode::read_only, "non-empty string", "", true, false,
     "Address on which /metrics and /health are served."},
    {"quokka.admin.port", ConfigType::int32, "9644", UpdateMode::read_only, "[-1..65535]", "", true, false,
     "Port on which /metrics and /health are served; 0: a free one; -1: none. If the default is taken, a free one is used."},
    {"quokka.connection.bytes.max", ConfigType::int64, "134217728", UpdateMode::read_only, "[1048576..]", "", true, false,
     "Bytes of requests and answers of one connection in memory; above, the connection is not read."},
    {"quokka.requests.in.flight.max", ConfigType::int32, "256", UpdateMode::read_only, "[1..]", "", true, false,
     "Unanswered requests of one connection; above, the connection is not read."},
    {"quokka.strict.config", ConfigType::boolean, "false", UpdateMode::read_only, "", "", true, false,
     "Whether a key that nobody knows stops the start instead of giving a warning."},
};

constexpr std::string_view kListenerPrefix = "listener.name.";

const ConfigKey* find_in(std::span<const ConfigKey> keys, std::string_view name) {
  auto at = std::lower_bound(keys.begin(), keys.end(), name,
                             [](const ConfigKey& key, std::string_view wanted) { return key.name < wanted; });
  return at != keys.end() && at->name == name ? &*at : nullptr;
}

// "listener.name.internal.scram-sha-256.sasl.jaas.config" -> "sasl.jaas.config"; "" without a prefix.
std::string_view without_listener_prefix(std::string_view name) {
  if (!name.starts_with(kListenerPrefix)) return {};
  size_t dot = name.find('.', kListenerPrefix.size());
  if (dot == std::string_view::npos) return {};
  std::string_view base = name.substr(dot + 1);
  for (std::string_view key : {"sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class",
                               "sasl.server.callback.handler.class", "connections.max.reauth.ms"})
    if (base.ends_with(key)) return key;
  return base;
}

}  // namespace

std::span<const ConfigKey> own_broker_keys() { return kOwnKeys; }

const ConfigKey* find_broker_key(std::string_view name) {
  if (const ConfigKey* key = find_in(broker_keys(), name)) return key;
  if (const ConfigKey* key = find_in(kOwnKeys, name)) return key;
  std::string_view base = without_listener_prefix(name);
  return base.empty() ? nullptr : find_in(broker_keys(), base);
}

std::vector<std::string_view> broker_key_synonyms(std::string_view name) {
  using Group = std::vector<std::string_view>;
  static const std::array<Group, 3> groups = {Group{"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
                                              Group{"log.roll.ms", "log.roll.hours"},
                                              Group{"log.roll.jitter.ms", "log.roll.jitter.hours"}};
  for (const Group& group : groups)
    if (std::find(group.begin(), group.end(), name) != group.end()) return group;
  if (name == "log.flush.interval.ms") return {name, "log.flush.scheduler.interval.ms"};
  std::string_view base = without_listener_prefix(name);
  if (!base.empty()) return {name, base};
  return {name};
}

std::string_view nearest_broker_key(std::string_view name) {
  NearestName nearest(name);
  for (const ConfigKey& key : broker_keys()) nearest.look_at(key.name);
  for (const ConfigKey& key : kOwnKeys) nearest.look_at(key.name);
  return nearest.found();
}

}  // namespace quokka
