#include "broker/config/topic_settings.h"

#include "broker/config/topic_keys.h"

namespace quokka {
namespace {

constexpr std::string_view kBeforeMax = "message.timestamp.before.max.ms", kAfterMax = "message.timestamp.after.max.ms",
                           kDifferenceMax = "message.timestamp.difference.max.ms";

Error broken(std::string message) { return Error{ErrorCode::INVALID_CONFIG, std::move(message)}; }

bool is_default(const Properties& settings, std::string_view name) {
  return settings.at(std::string(name)) == find_topic_key(name)->default_value;
}

// The older key rules both directions where the newer ones are left alone.
void apply_timestamp_difference(Properties& settings) {
  for (std::string_view name : {kBeforeMax, kAfterMax})
    if (is_default(settings, name)) settings[std::string(name)] = settings.at(std::string(kDifferenceMax));
}

// What topics have that set nothing.
Properties broker_defaults(const ConfigSources& broker) {
  Properties settings;
  for (const ConfigKey& key : topic_keys()) {
    std::optional<std::string> value;
    if (*key.counterpart != '\0') value = broker.effective(key.counterpart);
    settings[key.name] = value ? canonical_value(key, *value) : key.default_value;
  }
  // Records are of format 2 since protocol version 3.0, whatever the broker's key says.
  settings["message.format.version"] = find_topic_key("message.format.version")->default_value;
  apply_timestamp_difference(settings);
  return settings;
}

std::optional<CompressionCodec> codec_of(std::string_view name) {
  if (name == "uncompressed") return CompressionCodec::NONE;
  if (name == "gzip") return CompressionCodec::GZIP;
  if (name == "snappy") return CompressionCodec::SNAPPY;
  if (name == "lz4") return CompressionCodec::LZ4;
  if (name == "zstd") return CompressionCodec::ZSTD;
  return std::nullopt;  // producer
}

void set_numbers(LogConfig& config, const Properties& settings) {
  auto wide = [&](const char* name) { return integer_in(settings.at(name)); };
  auto narrow = [&](const char* name) { return static_cast<int32_t>(wide(name)); };
  config.segment_bytes = narrow("segment.bytes");
  config.segment_ms = wide("segment.ms");
  config.segment_jitter_ms = wide("segment.jitter.ms");
  config.segment_index_bytes = narrow("segment.index.bytes");
  config.index_interval_bytes = narrow("index.interval.bytes");
  config.file_delete_delay_ms = wide("file.delete.delay.ms");
  config.flush_messages = wide("flush.messages");
  config.flush_ms = wide("flush.ms");
  config.retention_ms = wide("retention.ms");
  config.retention_bytes = wide("retention.bytes");
  config.delete_retention_ms = wide("delete.retention.ms");
  config.min_compaction_lag_ms = wide("min.compaction.lag.ms");
  config.max_compaction_lag_ms = wide("max.compaction.lag.ms");
  config.max_message_bytes = narrow("max.message.bytes");
  config.timestamp_before_max_ms = wide(kBeforeMax.data());
  config.timestamp_after_max_ms = wide(kAfterMax.data());
  config.gzip_level = narrow("compression.gzip.level");
  config.lz4_level = narrow("compression.lz4.level");
  config.zstd_level = narrow("compression.zstd.level");
  config.min_insync_replicas = narrow("min.insync.replicas");
}

Status check_together(const Properties& settings) {
  int64_t min_lag = integer_in(settings.at("min.compaction.lag.ms")), max_lag = integer_in(settings.at("max.compaction.lag.ms"));
  if (min_lag > max_lag)
    return broken("conflict topic config setting min.compaction.lag.ms (" + std::to_string(min_lag) + ") > max.compaction.lag.ms (" +
                  std::to_string(max_lag) + ")");
  if (settings.at("remote.log.delete.on.disable") == "true" || settings.at("remote.log.copy.disable") == "true")
    return broken("It is invalid to set `remote.log.delete.on.disable` or `remote.log.copy.disable` under Zookeeper's mode.");
  if (settings.at("remote.storage.enable") == "true")
    return broken("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.");
  return {};
}

}  // namespace

Status check_topic_overrides(const Properties& overrides, const ConfigSources& broker) {
  for (const auto& [name, value] : overrides)
    if (!find_topic_key(name)) return broken("Unknown topic config name: " + name);
  for (const auto& [name, value] : overrides) {
    Status status = check_value(*find_topic_key(name), value);
    if (!status) return status;
  }
  return check_together(effective_topic_settings(overrides, broker));
}

Properties effective_topic_settings(const Properties& overrides, const ConfigSources& broker) {
  Properties settings = broker_defaults(broker);
  for (const auto& [name, value] : overrides)
    if (const ConfigKey* key = find_topic_key(name); key && check_value(*key, value).ok()) settings[name] = canonical_value(*key, value);
  return settings;
}

LogConfig topic_log_config(const Properties& overrides, const ConfigSources& broker, std::vector<std::string>* ignored) {
  if (ignored) {
    for (const auto& [name, value] : overrides) {
      const ConfigKey* key = find_topic_key(name);
      if (!key || !check_value(*key, value).ok()) ignored->push_back(name);
    }
  }
  Properties settings = effective_topic_settings(overrides, broker);
  apply_timestamp_difference(settings);
  LogConfig config;
  set_numbers(config, settings);
  config.preallocate = settings.at("preallocate") == "true";
  config.down_conversion = settings.at("message.downconversion.enable") == "true";
  config.unclean_leader_election = settings.at("unclean.leader.election.enable") == "true";
  const std::string& policy = settings.at("cleanup.policy");
  config.cleanup_delete = policy.find("delete") != std::string::npos;
  config.cleanup_compact = policy.find("compact") != std::string::npos;
  bool append_time = settings.at("message.timestamp.type") == "LogAppendTime";
  config.timestamp_type = append_time ? TimestampType::LOG_APPEND_TIME : TimestampType::CREATE_TIME;
  config.compression = codec_of(settings.at("compression.type"));
  config.min_cleanable_dirty_ratio = std::stod(settings.at("min.cleanable.dirty.ratio"));
  config.producer_id_expiration_ms = integer_in(*broker.effective("producer.id.expiration.ms"));
  return config;
}

}  // namespace quokka
