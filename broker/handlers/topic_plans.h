// What a topic that is asked for becomes: its replicas and settings, or why not. For CreateTopics, CreatePartitions and automatic creation. PURE but
// for the random place where the first replica goes; what only ZooKeeper knows (names that are being deleted or collide) is not looked at here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/broker_config.h"
#include "coord/view/cluster_view.h"
#include "coord/znodes/topic.h"
#include "protocol/base/loop.h"
#include "protocol/base/result.h"

namespace quokka {

struct WantedTopic {
  std::string name;
  int32_t partitions = -1;                          // -1: num.partitions
  int16_t replication_factor = -1;                  // -1: default.replication.factor
  std::optional<znodes::ReplicaLists> assignment;   // instead of the two
  Properties configs;
  std::vector<std::string> configs_without_value;   // which is an error
};

struct TopicPlan {
  std::string name;
  znodes::ReplicaLists assignment;
  Properties configs;

  int32_t partitions() const { return static_cast<int32_t>(assignment.size()); }
  int16_t replication_factor() const { return assignment.empty() ? int16_t{0} : static_cast<int16_t>(assignment.begin()->second.size()); }
};

// A topic that is created because somebody asked for it by name: internal ones with their own settings, others with the broker's defaults.
WantedTopic automatic_topic(std::string_view name, const BrokerConfig& config);

// Errors in Kafka's order: TOPIC_ALREADY_EXISTS, INVALID_CONFIG (no value), INVALID_REQUEST, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR,
// INVALID_TOPIC_EXCEPTION, INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG.
Result<TopicPlan> plan_topic(WantedTopic wanted, const ClusterView& view, const BrokerConfig& config, const ConfigSources& sources, Random& random);

// `assignments`: the replicas of each new partition; nullopt places them. Gives the new partitions. Errors: REASSIGNMENT_IN_PROGRESS,
// INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICATION_FACTOR.
Result<znodes::ReplicaLists> plan_more_partitions(std::string_view name, const znodes::Topic& topic, int32_t count,
                                                  const std::optional<std::vector<std::vector<BrokerId>>>& assignments, const ClusterView& view);

}  // namespace quokka
