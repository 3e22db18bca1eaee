#include "coord/znodes/paths.h"

#include <charconv>

#include "protocol/base/check.h"

namespace quokka::znodes {

std::string child_path(std::string_view parent, std::string_view child) {
  QUOKKA_CHECK(!child.empty() && child != "." && child != ".." && child.find('/') == std::string_view::npos, std::string(child));
  std::string path(parent);
  path += '/';
  path += child;
  return path;
}

std::string broker_path(BrokerId broker) { return child_path(kBrokerIds, std::to_string(broker.value)); }
std::string topic_path(std::string_view topic) { return child_path(kTopics, topic); }
std::string topic_partitions_path(std::string_view topic) { return topic_path(topic) + "/partitions"; }

std::string partition_path(std::string_view topic, PartitionIndex partition) {
  return topic_partitions_path(topic) + "/" + std::to_string(partition.value);
}

std::string partition_state_path(std::string_view topic, PartitionIndex partition) { return partition_path(topic, partition) + "/state"; }
std::string delete_topic_path(std::string_view topic) { return child_path(kDeleteTopics, topic); }

std::string isr_change_prefix() { return std::string(kIsrChangeNotification) + "/isr_change_"; }
std::string log_dir_event_prefix() { return std::string(kLogDirEventNotification) + "/log_dir_event_"; }
std::string config_change_prefix() { return std::string(kConfigChanges) + "/config_change_"; }

std::optional<int64_t> sequence_number(std::string_view child, std::string_view prefix) {
  if (child.substr(0, prefix.size()) != prefix) return std::nullopt;
  const std::string_view digits = child.substr(prefix.size());
  int64_t number = 0;
  const auto [stop, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::string_view name(ConfigType type) {
  switch (type) {
    case ConfigType::topics: return "topics";
    case ConfigType::brokers: return "brokers";
    case ConfigType::clients: return "clients";
    case ConfigType::users: return "users";
    case ConfigType::ips: return "ips";
  }
  return "";
}

std::optional<ConfigType> config_type(std::string_view text) {
  for (ConfigType type : {ConfigType::topics, ConfigType::brokers, ConfigType::clients, ConfigType::users, ConfigType::ips}) {
    if (text == name(type)) return type;
  }
  return std::nullopt;
}

std::string config_path(ConfigType type, std::string_view entity) { return child_path(child_path(kConfig, name(type)), entity); }
std::string config_path(std::string_view entity_path) { return std::string(kConfig) + "/" + std::string(entity_path); }

const std::vector<std::string>& persistent_paths() {
  static const std::vector<std::string> paths = {
      "/consumers",     "/brokers/ids",       "/brokers/topics",          "/config/changes",
      "/admin/delete_topics", "/brokers/seqid", "/isr_change_notification", "/latest_producer_id_block",
      "/log_dir_event_notification", "/config/topics", "/config/clients",   "/config/users",
      "/config/brokers", "/config/ips"};
  return paths;
}

}  // namespace quokka::znodes
