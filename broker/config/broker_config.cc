// From text to typed fields. A key is acted upon if it has a row in `kBindings` or is read by name below; `kNotActedUpon` is all the rest.
#include "broker/config/broker_config.h"

#include <algorithm>
#include <set>
#include <variant>

#include "broker/config/broker_keys.h"
#include "broker/config/config_rules.h"
#include "broker/config/protocol_version.h"

namespace quokka {
namespace {

using Field = std::variant<int32_t BrokerConfig::*, int64_t BrokerConfig::*, bool BrokerConfig::*, double BrokerConfig::*, std::string BrokerConfig::*,
                           std::optional<std::string> BrokerConfig::*>;

struct Binding {
  const char* key;
  Field field;
};

using C = BrokerConfig;

const Binding kBindings[] = {
    {"broker.id.generation.enable", &C::broker_id_generation_enable},
    {"reserved.broker.max.id", &C::reserved_broker_max_id},
    {"broker.rack", &C::broker_rack},
    {"replica.selector.class", &C::replica_selector_class},
    {"zookeeper.connect", &C::zookeeper_connect},
    {"zookeeper.session.timeout.ms", &C::zookeeper_session_timeout_ms},
    {"zookeeper.max.in.flight.requests", &C::zookeeper_max_in_flight_requests},
    {"num.network.threads", &C::num_network_threads},
    {"num.io.threads", &C::num_io_threads},
    {"background.threads", &C::background_threads},
    {"socket.listen.backlog.size", &C::socket_listen_backlog_size},
    {"socket.receive.buffer.bytes", &C::socket_receive_buffer_bytes},
    {"socket.send.buffer.bytes", &C::socket_send_buffer_bytes},
    {"socket.request.max.bytes", &C::socket_request_max_bytes},
    {"socket.connection.setup.timeout.ms", &C::socket_connection_setup_timeout_ms},
    {"socket.connection.setup.timeout.max.ms", &C::socket_connection_setup_timeout_max_ms},
    {"queued.max.request.bytes", &C::queued_max_request_bytes},
    {"connections.max.idle.ms", &C::connections_max_idle_ms},
    {"max.connections", &C::max_connections},
    {"max.connections.per.ip", &C::max_connections_per_ip},
    {"request.timeout.ms", &C::request_timeout_ms},
    {"auto.create.topics.enable", &C::auto_create_topics_enable},
    {"delete.topic.enable", &C::delete_topic_enable},
    {"num.partitions", &C::num_partitions},
    {"default.replication.factor", &C::default_replication_factor},
    {"min.insync.replicas", &C::min_insync_replicas},
    {"num.recovery.threads.per.data.dir", &C::num_recovery_threads_per_data_dir},
    {"log.retention.check.interval.ms", &C::log_retention_check_interval_ms},
    {"log.flush.scheduler.interval.ms", &C::log_flush_scheduler_interval_ms},
    {"log.flush.offset.checkpoint.interval.ms", &C::log_flush_offset_checkpoint_interval_ms},
    {"log.flush.start.offset.checkpoint.interval.ms", &C::log_flush_start_offset_checkpoint_interval_ms},
    {"log.initial.task.delay.ms", &C::log_initial_task_delay_ms},
    {"producer.id.expiration.ms", &C::producer_id_expiration_ms},
    {"producer.id.expiration.check.interval.ms", &C::producer_id_expiration_check_interval_ms},
    {"log.cleaner.enable", &C::log_cleaner_enable},
    {"log.cleaner.threads", &C::log_cleaner_threads},
    {"log.cleaner.dedupe.buffer.size", &C::log_cleaner_dedupe_buffer_size},
    {"log.cleaner.io.buffer.load.factor", &C::log_cleaner_io_buffer_load_factor},
    {"log.cleaner.io.buffer.size", &C::log_cleaner_io_buffer_size},
    {"log.cleaner.io.max.bytes.per.second", &C::log_cleaner_io_max_bytes_per_second},
    {"log.cleaner.backoff.ms", &C::log_cleaner_backoff_ms},
    {"fetch.max.bytes", &C::fetch_max_bytes},
    {"max.incremental.fetch.session.cache.slots", &C::max_incremental_fetch_session_cache_slots},
    {"num.replica.fetchers", &C::num_replica_fetchers},
    {"replica.fetch.backoff.ms", &C::replica_fetch_backoff_ms},
    {"replica.fetch.max.bytes", &C::replica_fetch_max_bytes},
    {"replica.fetch.min.bytes", &C::replica_fetch_min_bytes},
    {"replica.fetch.response.max.bytes", &C::replica_fetch_response_max_bytes},
    {"replica.fetch.wait.max.ms", &C::replica_fetch_wait_max_ms},
    {"replica.high.watermark.checkpoint.interval.ms", &C::replica_high_watermark_checkpoint_interval_ms},
    {"replica.lag.time.max.ms", &C::replica_lag_time_max_ms},
    {"replica.socket.receive.buffer.bytes", &C::replica_socket_receive_buffer_bytes},
    {"replica.socket.timeout.ms", &C::replica_socket_timeout_ms},
    {"replication.quota.window.num", &C::replication_quota_window_num},
    {"replication.quota.window.size.seconds", &C::replication_quota_window_size_seconds},
    {"auto.leader.rebalance.enable", &C::auto_leader_rebalance_enable},
    {"leader.imbalance.check.interval.seconds", &C::leader_imbalance_check_interval_seconds},
    {"leader.imbalance.per.broker.percentage", &C::leader_imbalance_per_broker_percentage},
    {"controller.socket.timeout.ms", &C::controller_socket_timeout_ms},
    {"controlled.shutdown.enable", &C::controlled_shutdown_enable},
    {"controlled.shutdown.max.retries", &C::controlled_shutdown_max_retries},
    {"controlled.shutdown.retry.backoff.ms", &C::controlled_shutdown_retry_backoff_ms},
    {"offsets.topic.num.partitions", &C::offsets_topic_num_partitions},
    {"offsets.topic.replication.factor", &C::offsets_topic_replication_factor},
    {"offsets.topic.segment.bytes", &C::offsets_topic_segment_bytes},
    {"offsets.topic.compression.codec", &C::offsets_topic_compression_codec},
    {"offsets.load.buffer.size", &C::offsets_load_buffer_size},
    {"offsets.commit.timeout.ms", &C::offsets_commit_timeout_ms},
    {"offsets.commit.required.acks", &C::offsets_commit_required_acks},
    {"group.min.session.timeout.ms", &C::group_min_session_timeout_ms},
    {"group.max.session.timeout.ms", &C::group_max_session_timeout_ms},
    {"group.initial.rebalance.delay.ms", &C::group_initial_rebalance_delay_ms},
    {"group.max.size", &C::group_max_size},
    {"group.consumer.session.timeout.ms", &C::group_consumer_session_timeout_ms},
    {"group.consumer.min.session.timeout.ms", &C::group_consumer_min_session_timeout_ms},
    {"group.consumer.max.session.timeout.ms", &C::group_consumer_max_session_timeout_ms},
    {"group.consumer.heartbeat.interval.ms", &C::group_consumer_heartbeat_interval_ms},
    {"group.consumer.min.heartbeat.interval.ms", &C::group_consumer_min_heartbeat_interval_ms},
    {"group.consumer.max.heartbeat.interval.ms", &C::group_consumer_max_heartbeat_interval_ms},
    {"group.consumer.max.size", &C::group_consumer_max_size},
    {"group.consumer.migration.policy", &C::group_consumer_migration_policy},
    {"offset.metadata.max.bytes", &C::offset_metadata_max_bytes},
    {"offsets.retention.minutes", &C::offsets_retention_minutes},
    {"offsets.retention.check.interval.ms", &C::offsets_retention_check_interval_ms},
    {"transaction.state.log.num.partitions", &C::transaction_state_log_num_partitions},
    {"transaction.state.log.replication.factor", &C::transaction_state_log_replication_factor},
    {"transaction.state.log.segment.bytes", &C::transaction_state_log_segment_bytes},
    {"transaction.state.log.min.isr", &C::transaction_state_log_min_isr},
    {"transaction.state.log.load.buffer.size", &C::transaction_state_log_load_buffer_size},
    {"transaction.max.timeout.ms", &C::transaction_max_timeout_ms},
    {"transactional.id.expiration.ms", &C::transactional_id_expiration_ms},
    {"transaction.abort.timed.out.transaction.cleanup.interval.ms", &C::transaction_abort_timed_out_transaction_cleanup_interval_ms},
    {"transaction.remove.expired.transaction.cleanup.interval.ms", &C::transaction_remove_expired_transaction_cleanup_interval_ms},
    {"transaction.partition.verification.enable", &C::transaction_partition_verification_enable},
    {"quokka.admin.host", &C::quokka_admin_host},
    {"quokka.admin.port", &C::quokka_admin_port},
    {"quokka.requests.in.flight.max", &C::quokka_requests_in_flight_max},
    {"quokka.connection.bytes.max", &C::quokka_connection_bytes_max},
};

// Read by name in this room, or checked there.
const std::set<std::string_view> read_by_name = {
    "broker.id", "node.id", "inter.broker.protocol.version", "zookeeper.connection.timeout.ms", "listeners", "advertised.listeners",
    "listener.security.protocol.map", "inter.broker.listener.name", "security.inter.broker.protocol", "control.plane.listener.name",
    "max.connections.per.ip.overrides", "log.dir", "log.dirs", "num.replica.alter.log.dirs.threads", "log.retention.minutes",
    "log.retention.hours", "log.roll.hours", "log.roll.jitter.hours", "process.roles", "controller.listener.names",
    "group.coordinator.rebalance.protocols", "group.consumer.assignors", "quokka.strict.config",
};

// These say how Java does what is done here another way: nothing is lost when they are ignored.
const std::set<std::string_view> without_meaning = {
    "auto.include.jmx.reporter", "delete.records.purgatory.purge.interval.requests", "fetch.purgatory.purge.interval.requests",
    "producer.purgatory.purge.interval.requests", "zookeeper.clientCnxnSocket",
};

// `text` is canonical and valid; nullopt leaves an optional field unset and any other as it is.
void set_field(BrokerConfig& config, const Field& field, const std::optional<std::string>& text) {
  if (!text) return;
  if (auto* member = std::get_if<int32_t BrokerConfig::*>(&field)) config.**member = static_cast<int32_t>(integer_in(*text));
  else if (auto* wide = std::get_if<int64_t BrokerConfig::*>(&field)) config.**wide = integer_in(*text);
  else if (auto* flag = std::get_if<bool BrokerConfig::*>(&field)) config.**flag = *text == "true";
  else if (auto* real = std::get_if<double BrokerConfig::*>(&field)) config.**real = std::stod(*text);
  else if (auto* string = std::get_if<std::string BrokerConfig::*>(&field)) config.**string = *text;
  else if (auto* optional = std::get_if<std::optional<std::string> BrokerConfig::*>(&field)) config.**optional = *text;
}

Result<std::map<std::string, int32_t>> parse_ip_overrides(std::string_view text) {
  std::map<std::string, int32_t> overrides;
  for (std::string_view part : between_commas(text)) {
    size_t colon = part.rfind(':');
    const int32_t count = colon == std::string::npos ? -1 : number_in<int32_t>(part.substr(colon + 1)).value_or(-1);
    if (colon == 0 || count < 0)
      return Error{ErrorCode::INVALID_CONFIG, "Invalid value " + std::string(part) +
                                                  " for configuration max.connections.per.ip.overrides: entries have the form host:count"};
    overrides[std::string(part.substr(0, colon))] = count;
  }
  return overrides;
}

// By Kafka's names of classes, or by what they are called in requests.
Result<std::vector<std::string>> parse_consumer_assignors(std::string_view text) {
  constexpr std::string_view package = "org.apache.kafka.coordinator.group.assignor.";
  std::vector<std::string> names;
  for (std::string_view each : between_commas(text)) {
    std::string_view name = each.starts_with(package) ? each.substr(package.size()) : each;
    if (name == "UniformAssignor") name = "uniform";
    if (name == "RangeAssignor") name = "range";
    if (name != "uniform" && name != "range")
      return Error{ErrorCode::INVALID_CONFIG, "group.consumer.assignors=" + std::string(text) + ": classes cannot be loaded; uniform and range are built in"};
    names.emplace_back(name);
  }
  if (names.empty()) return Error{ErrorCode::INVALID_CONFIG, "group.consumer.assignors must name uniform, range or both"};
  return names;
}

// Every key that has a value, in canonical form.
Properties effective_properties(const ConfigSources& sources) {
  Properties all;
  auto fill = [&](std::span<const ConfigKey> keys) {
    for (const ConfigKey& key : keys)
      if (std::optional<std::string> value = sources.effective(key.name)) all[key.name] = std::move(*value);
  };
  fill(broker_keys());
  fill(own_broker_keys());
  return all;
}

std::optional<std::string> given_value(const ConfigSources& sources, const ConfigKey& key) {
  std::string name(key.name);
  for (const Properties* source : {&sources.broker, &sources.cluster_default, &sources.fixed}) {
    if (source == &sources.fixed && key.update == UpdateMode::dynamic_only) continue;
    if (auto at = source->find(name); at != source->end()) return at->second;
  }
  return std::nullopt;
}

std::optional<std::string> direct_value(const ConfigSources& sources, std::string_view name) {
  const ConfigKey* key = find_broker_key(name);
  if (!key) return std::nullopt;
  if (std::optional<std::string> value = given_value(sources, *key)) return canonical_value(*key, *value);
  if (key->default_value) return key->default_value;
  return std::nullopt;
}

std::optional<std::string> in_millis(const std::optional<std::string>& value, int64_t unit_ms) {
  if (!value) return std::nullopt;
  return std::to_string(integer_in(*value) * unit_ms);
}

constexpr int64_t minute_ms = 60'000, hour_ms = 3'600'000;

Status set_identity(BrokerConfig& config, const ConfigSources& sources) {
  std::string broker = direct_value(sources, "broker.id").value_or("-1"), node = direct_value(sources, "node.id").value_or("-1");
  bool broker_given = sources.fixed.contains("broker.id"), node_given = sources.fixed.contains("node.id");
  if (broker_given && node_given && broker != node)
    return Error{ErrorCode::INVALID_CONFIG, "You must set `node.id` to the same value as `broker.id`: they are " + node + " and " + broker + "."};
  config.broker_id = BrokerId(static_cast<int32_t>(integer_in(broker_given ? broker : node)));
  return {};
}

Status check_given_values(const Properties& given) {
  for (const auto& [name, value] : given) {
    const ConfigKey* key = find_broker_key(name);
    if (!key) continue;
    Status status = check_value(*key, value);
    if (!status) return status;
  }
  return {};
}

// Prefixes of keys that belong to plugins, which have keys of their own.
bool is_plugin_key(std::string_view name) {
  for (std::string_view prefix : {"listener.name.", "rsm.config.", "rlmm.config.", "config.providers", "authorizer.", "kafka.metrics.",
                                  "metrics.", "log4j.", "super.users", "allow.everyone.if.no.acl.found"})
    if (name.starts_with(prefix)) return true;
  return false;
}

}  // namespace

std::optional<std::string> ConfigSources::effective(std::string_view key) const {
  if (key == "log.retention.ms") {
    std::optional<std::string> value = direct_value(*this, key);
    if (!value) value = in_millis(direct_value(*this, "log.retention.minutes"), minute_ms);
    if (!value) value = in_millis(direct_value(*this, "log.retention.hours"), hour_ms);
    return integer_in(*value) < 0 ? "-1" : *value;
  }
  if (key == "log.roll.ms" || key == "log.roll.jitter.ms") {
    std::optional<std::string> value = direct_value(*this, key);
    return value ? value : in_millis(direct_value(*this, key == "log.roll.ms" ? "log.roll.hours" : "log.roll.jitter.hours"), hour_ms);
  }
  std::optional<std::string> value = direct_value(*this, key);
  if (value) return value;
  if (key == "log.flush.interval.ms") return direct_value(*this, "log.flush.scheduler.interval.ms");
  if (key == "zookeeper.connection.timeout.ms") return direct_value(*this, "zookeeper.session.timeout.ms");
  if (key == "log.dirs") return direct_value(*this, "log.dir");
  return std::nullopt;
}

Result<BrokerConfig> make_broker_config(const ConfigSources& sources) {
  for (const Properties* given : {&sources.fixed, &sources.cluster_default, &sources.broker}) {
    Status status = check_given_values(*given);
    if (!status) return status.error();
  }
  Status refused = refuse_what_would_weaken(sources.fixed);
  if (!refused) return refused.error();

  BrokerConfig config;
  Properties effective = effective_properties(sources);
  for (const Binding& binding : kBindings) {
    auto at = effective.find(binding.key);
    set_field(config, binding.field, at == effective.end() ? std::nullopt : std::optional(at->second));
  }
  Status status = set_identity(config, sources);
  if (!status) return status.error();
  config.inter_broker_protocol_version = *full_protocol_version(effective.at("inter.broker.protocol.version"));
  config.zookeeper_connection_timeout_ms = static_cast<int32_t>(integer_in(effective.at("zookeeper.connection.timeout.ms")));
  for (std::string_view directory : between_commas(effective.at("log.dirs"))) config.log_dirs.emplace_back(directory);
  auto movers = effective.find("num.replica.alter.log.dirs.threads");
  config.num_replica_alter_log_dirs_threads =
      movers == effective.end() ? static_cast<int32_t>(config.log_dirs.size()) : static_cast<int32_t>(integer_in(movers->second));
  config.quokka_admin_port_given = sources.fixed.contains("quokka.admin.port");

  Result<std::map<std::string, int32_t>> overrides = parse_ip_overrides(effective["max.connections.per.ip.overrides"]);
  if (!overrides) return overrides.error();
  config.max_connections_per_ip_overrides = std::move(*overrides);
  Result<std::vector<std::string>> assignors = parse_consumer_assignors(effective["group.consumer.assignors"]);
  if (!assignors) return assignors.error();
  config.group_consumer_assignors = std::move(*assignors);
  // Kafka's default is without the consumer protocol in this mode, which cannot be told from the wish to be without it but by who says so.
  const std::string protocols = "," + effective.at("group.coordinator.rebalance.protocols") + ",";
  config.consumer_protocol = !sources.fixed.contains("group.coordinator.rebalance.protocols") || protocols.find(",consumer,") != std::string::npos;
  Result<Listeners> listeners = resolve_listeners(effective, sources.fixed);
  if (!listeners) return listeners.error();
  config.listeners = std::move(*listeners);

  status = refuse_secure_listeners(config.listeners);
  if (status) status = check_together(config, effective);
  if (!status) return status.error();
  return config;
}

ConfigRemarks remarks_on(const Properties& given) {
  static const std::set<std::string_view> bound = [] {
    std::set<std::string_view> keys = read_by_name;
    for (const Binding& binding : kBindings) keys.insert(binding.key);
    // What a topic key takes as its default is acted upon in topic_settings.
    for (const ConfigKey& key : broker_keys())
      if (*key.counterpart != '\0') keys.insert(key.name);
    return keys;
  }();
  ConfigRemarks remarks;
  for (const auto& [name, value] : given) {
    const ConfigKey* key = find_broker_key(name);
    if (!key) {
      if (is_plugin_key(name)) {
        remarks.not_acted_upon.push_back(name);
        continue;
      }
      std::string_view nearest = nearest_broker_key(name);
      remarks.warnings.push_back("unknown key " + name + " has no effect" +
                                 (nearest.empty() ? std::string() : "; did you mean " + std::string(nearest) + "?"));
    } else if (key->update == UpdateMode::dynamic_only) {
      remarks.warnings.push_back(name + " has no effect in a properties file: it is set with kafka-configs.sh --alter");
    } else if (!key->zookeeper && !bound.contains(name) && !without_meaning.contains(name)) {
      remarks.warnings.push_back(name + " has no effect in a cluster coordinated by ZooKeeper");
    } else if (key->name != name || (!bound.contains(name) && !without_meaning.contains(name))) {
      remarks.not_acted_upon.push_back(name);
    }
  }
  return remarks;
}

Result<LoadedConfig> load_broker_config(const std::string& path, const std::vector<std::string>& overrides) {
  Result<Properties> properties = read_properties(path);
  if (!properties) return properties.error();
  LoadedConfig loaded;
  loaded.sources.fixed = std::move(*properties);
  for (const std::string& argument : overrides) {
    Status status = apply_override(loaded.sources.fixed, argument);
    if (!status) return status.error();
  }
  Result<BrokerConfig> config = make_broker_config(loaded.sources);
  if (!config) return config.error();
  loaded.config = std::move(*config);
  loaded.remarks = remarks_on(loaded.sources.fixed);
  if (loaded.sources.effective("quokka.strict.config") == "true") {
    for (const std::string& warning : loaded.remarks.warnings)
      if (warning.starts_with("unknown key")) return Error{ErrorCode::INVALID_CONFIG, warning + " (quokka.strict.config is set)"};
  }
  return loaded;
}

}  // namespace quokka
