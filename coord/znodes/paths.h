// Where every znode of a Kafka cluster lies, below the chroot of zookeeper.connect.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka::znodes {

inline constexpr std::string_view kBrokerIds = "/brokers/ids";
inline constexpr std::string_view kBrokerSequence = "/brokers/seqid";
inline constexpr std::string_view kTopics = "/brokers/topics";
inline constexpr std::string_view kClusterId = "/cluster/id";
inline constexpr std::string_view kController = "/controller";
inline constexpr std::string_view kControllerEpoch = "/controller_epoch";
inline constexpr std::string_view kFeature = "/feature";
inline constexpr std::string_view kMigration = "/migration";
inline constexpr std::string_view kDeleteTopics = "/admin/delete_topics";
inline constexpr std::string_view kReassignPartitions = "/admin/reassign_partitions";
inline constexpr std::string_view kPreferredReplicaElection = "/admin/preferred_replica_election";
inline constexpr std::string_view kIsrChangeNotification = "/isr_change_notification";
inline constexpr std::string_view kLogDirEventNotification = "/log_dir_event_notification";
inline constexpr std::string_view kProducerIdBlock = "/latest_producer_id_block";
inline constexpr std::string_view kConfig = "/config";
inline constexpr std::string_view kConfigChanges = "/config/changes";

// A child of `parent`; `child` is no path itself: it is not empty, holds no '/', and is not "." or ".." (checked).
std::string child_path(std::string_view parent, std::string_view child);

std::string broker_path(BrokerId broker);
std::string topic_path(std::string_view topic);
std::string topic_partitions_path(std::string_view topic);
std::string partition_path(std::string_view topic, PartitionIndex partition);
std::string partition_state_path(std::string_view topic, PartitionIndex partition);
std::string delete_topic_path(std::string_view topic);

// To be created with CreateMode::persistent_sequential: ZooKeeper appends ten digits.
std::string isr_change_prefix();
std::string log_dir_event_prefix();
std::string config_change_prefix();
// The number at the end of a sequential child's name ("config_change_0000000014" with prefix "config_change_": 14).
std::optional<int64_t> sequence_number(std::string_view child, std::string_view prefix);

// Entities of /config. Names of users, clients and ips are sanitized by the caller (config.h), topics and brokers stand raw.
enum class ConfigType { topics, brokers, clients, users, ips };
std::string_view name(ConfigType type);
std::optional<ConfigType> config_type(std::string_view name);
inline constexpr std::string_view kDefaultEntity = "<default>";
std::string config_path(ConfigType type, std::string_view entity);
// `entity_path` as in a change notification: "topics/t", "users/u/clients/c".
std::string config_path(std::string_view entity_path);

// Created empty by every broker at its start, parents too, in this order.
const std::vector<std::string>& persistent_paths();

}  // namespace quokka::znodes
