#include "broker/config/config_rules.h"

#include <string_view>

#include "broker/config/broker_keys.h"
#include "broker/config/protocol_version.h"

namespace quokka {
namespace {

struct Refusal {
  const char* key;     // a last "*" stands for any rest of the name
  const char* harmless;  // the value that is no reason to refuse; nullptr: none is
  const char* reason;
};

constexpr const char* kClassReason = "classes cannot be loaded, and what it would forbid would be allowed";

constexpr Refusal kRefusals[] = {
    {"authorizer.class.name", "", "there is no authorization yet: everybody could do everything"},
    {"ssl.client.auth", "none", "there is no TLS yet: clients would not be asked for certificates"},
    {"zookeeper.set.acl", "false", "znodes are not protected yet: anybody who reaches ZooKeeper could change them"},
    {"zookeeper.ssl.client.enable", "false", "connections to ZooKeeper are not encrypted yet"},
    {"zookeeper.ssl.*", nullptr, "connections to ZooKeeper are not encrypted yet"},
    {"remote.log.storage.system.enable", "false", "there is no tiered storage: what Kafka moved there could not be read"},
    {"zookeeper.metadata.migration.enable", "false", "this broker stays with ZooKeeper and takes no part in a migration to KRaft"},
    {"process.roles", "", "this broker is coordinated by ZooKeeper, not by KRaft; leave it empty and set zookeeper.connect"},
    {"create.topic.policy.class.name", "", kClassReason},
    {"alter.config.policy.class.name", "", kClassReason},
    {"principal.builder.class", "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
     "classes cannot be loaded, and clients would be known by other names"},
    {"config.providers*", "", "values kept elsewhere cannot be fetched yet: write them into the properties file"},
};

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  return name == pattern;
}

int64_t number(const Properties& effective, const char* key) { return integer_in(effective.at(key)); }

Error broken(std::string message) { return Error{ErrorCode::INVALID_CONFIG, std::move(message)}; }

std::string key_and_value(const Properties& effective, const char* key) {
  auto at = effective.find(key);
  return std::string(key) + "=" + (at == effective.end() ? "" : at->second);
}

Status check_identity(const BrokerConfig& config) {
  int32_t id = config.broker_id.value;
  if (!config.broker_id_generation_enable && id < 0)
    return broken("broker.id=" + std::to_string(id) + ": broker.id must be greater than or equal to 0");
  if (config.broker_id_generation_enable && (id < -1 || id > config.reserved_broker_max_id))
    return broken("broker.id=" + std::to_string(id) +
                  ": broker.id must be greater than or equal to -1 and not greater than reserved.broker.max.id (" +
                  std::to_string(config.reserved_broker_max_id) + ")");
  return {};
}

Status check_logs(const BrokerConfig& config, const Properties& effective) {
  if (number(effective, "log.roll.ms") < 1) return broken("log.roll.ms must be greater than or equal to 1");
  if (number(effective, "log.roll.jitter.ms") < 0) return broken("log.roll.jitter.ms must be greater than or equal to 0");
  int64_t retention_ms = number(effective, "log.retention.ms");
  if (retention_ms < 1 && retention_ms != -1) return broken("log.retention.ms must be unlimited (-1) or, greater than or equal to 1");
  if (config.log_dirs.empty()) return broken("At least one log directory must be defined via log.dirs or log.dir.");
  int64_t threads = number(effective, "log.cleaner.threads");
  if (threads == 0 || number(effective, "log.cleaner.dedupe.buffer.size") / threads <= 1024 * 1024)
    return broken(key_and_value(effective, "log.cleaner.dedupe.buffer.size") + ": log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread (" +
                  key_and_value(effective, "log.cleaner.threads") + ").");
  if (number(effective, "log.cleaner.min.compaction.lag.ms") > number(effective, "log.cleaner.max.compaction.lag.ms"))
    return broken(key_and_value(effective, "log.cleaner.min.compaction.lag.ms") + " must not be above " +
                  key_and_value(effective, "log.cleaner.max.compaction.lag.ms"));
  return {};
}

Status check_replication(const BrokerConfig& config) {
  const std::string selector = config.replica_selector_class.value_or("");
  if (!selector.empty() && selector != "org.apache.kafka.common.replica.LeaderSelector" &&
      selector != "org.apache.kafka.common.replica.RackAwareReplicaSelector")
    return broken("replica.selector.class=" + selector + ": classes cannot be loaded; org.apache.kafka.common.replica.RackAwareReplicaSelector is built in");
  std::string wait = "replica.fetch.wait.max.ms=" + std::to_string(config.replica_fetch_wait_max_ms) + ": ";
  if (config.replica_fetch_wait_max_ms > config.replica_socket_timeout_ms)
    return broken(wait + "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts");
  if (config.replica_fetch_wait_max_ms > config.replica_lag_time_max_ms)
    return broken(wait + "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR");
  return {};
}

Status check_network(const BrokerConfig& config, const Properties& effective) {
  if (config.queued_max_request_bytes > 0 && config.queued_max_request_bytes < config.socket_request_max_bytes)
    return broken(key_and_value(effective, "queued.max.request.bytes") +
                  ": queued.max.request.bytes must be larger or equal to socket.request.max.bytes (" +
                  std::to_string(config.socket_request_max_bytes) + ")");
  if (config.max_connections_per_ip == 0 && config.max_connections_per_ip_overrides.empty())
    return broken("max.connections.per.ip=0: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.");
  int64_t delay_ms = number(effective, "connection.failed.authentication.delay.ms");
  if (config.connections_max_idle_ms >= 0 && delay_ms >= config.connections_max_idle_ms)
    return broken("connection.failed.authentication.delay.ms=" + std::to_string(delay_ms) +
                  " should always be less than connections.max.idle.ms=" + std::to_string(config.connections_max_idle_ms) +
                  " to prevent failed authentication responses from timing out");
  return {};
}

Status check_mode(const Properties& effective) {
  auto controllers = effective.find("controller.listener.names");
  if (controllers != effective.end() && !controllers->second.empty())
    return broken("controller.listener.names must be empty when not running in KRaft mode: [" + controllers->second + "]");
  std::string protocols = "," + effective.at("group.coordinator.rebalance.protocols") + ",";
  if (protocols.find(",classic,") == std::string::npos || protocols.find(",share,") != std::string::npos)
    return broken(key_and_value(effective, "group.coordinator.rebalance.protocols") + ": it must contain classic, and share is not served");
  return {};
}

Status check_consumer_groups(const BrokerConfig& config) {
  const auto within = [](std::string_view what, int32_t low, int32_t value, int32_t high) -> Status {
    const std::string key = "group.consumer.", end = std::string(what) + ".ms";
    if (low > high) return broken(key + "max." + end + " must be greater than or equal to " + key + "min." + end);
    if (value < low || value > high)
      return broken(key + end + "=" + std::to_string(value) + " must be between " + key + "min." + end + "=" + std::to_string(low) + " and " + key + "max." +
                    end + "=" + std::to_string(high));
    return Status();
  };
  Status status = within("heartbeat.interval", config.group_consumer_min_heartbeat_interval_ms, config.group_consumer_heartbeat_interval_ms,
                         config.group_consumer_max_heartbeat_interval_ms);
  if (status)
    status = within("session.timeout", config.group_consumer_min_session_timeout_ms, config.group_consumer_session_timeout_ms,
                    config.group_consumer_max_session_timeout_ms);
  return status;
}

}  // namespace

Status refuse_what_would_weaken(const Properties& given) {
  for (const auto& [name, value] : given) {
    // With a listener prefix a key promises the same.
    const ConfigKey* key = find_broker_key(name);
    std::string_view base = key ? key->name : std::string_view(name);
    for (const Refusal& refusal : kRefusals) {
      if (!matches(refusal.key, base)) continue;
      std::string in_form = key ? canonical_value(*key, value) : value;
      bool harmless = (refusal.harmless && in_form == refusal.harmless) || (key && key->default_value && in_form == key->default_value);
      if (!harmless)
        return broken(name + "=" + (key && key->sensitive() ? "[hidden]" : value) + " is not possible: " + refusal.reason +
                      ". Remove the key to start without it.");
      break;
    }
  }
  if (auto version = given.find("inter.broker.protocol.version"); version != given.end()) {
    auto full = full_protocol_version(version->second);
    if (full && !is_served_protocol_version(*full))
      return broken("inter.broker.protocol.version=" + version->second +
                    " is not possible: brokers speak 3.0-IV1 to 3.9-IV0 here. Older clusters are upgraded to 3.0 or later first.");
  }
  return {};
}

Status refuse_secure_listeners(const Listeners& listeners) {
  for (const ListenerEndpoint& endpoint : listeners.bound)
    if (endpoint.protocol != SecurityProtocol::PLAINTEXT)
      return broken("listeners=" + endpoint.str() + " is not possible: its protocol " + std::string(name(endpoint.protocol)) +
                    " is not implemented yet, PLAINTEXT is.");
  if (listeners.inter_broker_protocol != SecurityProtocol::PLAINTEXT)
    return broken("security.inter.broker.protocol=" + std::string(name(listeners.inter_broker_protocol)) +
                  " is not possible: PLAINTEXT is what is implemented yet.");
  return {};
}

Status check_together(const BrokerConfig& config, const Properties& effective) {
  if (config.zookeeper_connect.empty())
    return broken("Missing required configuration `zookeeper.connect` which has no default value: host:port of the ZooKeeper servers, separated by commas.");
  Status status = check_identity(config);
  if (status) status = check_mode(effective);
  if (status) status = check_consumer_groups(config);
  if (status) status = check_logs(config, effective);
  if (status) status = check_replication(config);
  if (status) status = check_network(config, effective);
  return status;
}

}  // namespace quokka
