#include "broker/handlers/topic_plans.h"

#include <algorithm>
#include <set>

#include "broker/config/topic_settings.h"
#include "coord/topics/placement.h"
#include "protocol/base/topic_name.h"

namespace quokka {

namespace {

// A topic's assignment is one znode, and ZooKeeper takes a megabyte in one request.
constexpr size_t kZnodeBytesMax = 900'000;

Error error(ErrorCode code, std::string message) { return {code, std::move(message)}; }

// What so many partitions take at least: "0":[1,2,3], for each.
bool can_fit_znode(int64_t partitions, int64_t replication_factor) {
  return partitions * (6 + 2 * std::max<int64_t>(replication_factor, 0)) <= static_cast<int64_t>(kZnodeBytesMax);
}

bool fits_znode(const znodes::ReplicaLists& assignment) {
  znodes::Topic topic;
  topic.partitions = assignment;
  return encode(topic).size() <= kZnodeBytesMax;
}

Error too_many_partitions(int64_t partitions) {
  return error(ErrorCode::INVALID_PARTITIONS, "A topic of " + std::to_string(partitions) + " partitions does not fit into its znode in ZooKeeper, which has " +
                                                  std::to_string(kZnodeBytesMax) + " bytes for the list of replicas.");
}

std::string joined(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

std::vector<BrokerRack> racks_of(const ClusterView& view) {
  std::vector<BrokerRack> brokers;
  for (const BrokerView& broker : view.brokers()) brokers.push_back({broker.id, broker.rack});
  return brokers;
}

// Kafka creates a topic whose replicas are nowhere, and its client waits in vain.
Status check_brokers_live(const znodes::ReplicaLists& assignment, const ClusterView& view) {
  std::set<int32_t> unknown;
  for (const auto& [partition, replicas] : assignment) {
    if (replicas.empty())
      return error(ErrorCode::INVALID_REPLICA_ASSIGNMENT, "Cannot have replication factor of 0 for partition id " + std::to_string(partition.value) + ".");
    for (BrokerId id : replicas)
      if (!view.is_live(id)) unknown.insert(id.value);
  }
  if (unknown.empty()) return {};
  std::vector<std::string> ids;
  for (int32_t id : unknown) ids.push_back(std::to_string(id));
  return error(ErrorCode::INVALID_REPLICA_ASSIGNMENT, "Unknown broker(s) in replica assignment: " + joined(ids, ", ") + ".");
}

Status check_given_assignment(const WantedTopic& wanted, const ClusterView& view) {
  if (!wanted.assignment) return {};
  if (Status status = validate_new_assignment(*wanted.assignment); !status) return status;
  return check_brokers_live(*wanted.assignment, view);
}

Result<znodes::ReplicaLists> replicas_of(const WantedTopic& wanted, const ClusterView& view, const BrokerConfig& config, Random& random) {
  if (wanted.assignment) return *wanted.assignment;
  const int32_t partitions = wanted.partitions == -1 ? config.num_partitions : wanted.partitions;
  const int32_t replication_factor = wanted.replication_factor == -1 ? config.default_replication_factor : wanted.replication_factor;
  const auto brokers_max = static_cast<int64_t>(view.brokers().size());
  if (!can_fit_znode(partitions, std::min<int64_t>(replication_factor, brokers_max))) return too_many_partitions(partitions);
  PlacementStart start;
  if (const size_t brokers = view.brokers().size(); brokers > 0) {
    start.index = static_cast<uint32_t>(random.next() % brokers);
    start.shift = static_cast<uint32_t>(random.next() % brokers);
  }
  return place_replicas(racks_of(view), partitions, replication_factor, start);
}

}  // namespace

WantedTopic automatic_topic(std::string_view name, const BrokerConfig& config) {
  WantedTopic topic;
  topic.name = name;
  if (name == kGroupMetadataTopic) {
    topic.partitions = config.offsets_topic_num_partitions;
    topic.replication_factor = static_cast<int16_t>(config.offsets_topic_replication_factor);
    topic.configs = {{"cleanup.policy", "compact"},
                     {"compression.type", "producer"},
                     {"segment.bytes", std::to_string(config.offsets_topic_segment_bytes)}};
  } else if (name == kTransactionStateTopic) {
    topic.partitions = config.transaction_state_log_num_partitions;
    topic.replication_factor = static_cast<int16_t>(config.transaction_state_log_replication_factor);
    topic.configs = {{"cleanup.policy", "compact"},
                     {"compression.type", "uncompressed"},
                     {"min.insync.replicas", std::to_string(config.transaction_state_log_min_isr)},
                     {"segment.bytes", std::to_string(config.transaction_state_log_segment_bytes)},
                     {"unclean.leader.election.enable", "false"}};
  }
  return topic;
}

Result<TopicPlan> plan_topic(WantedTopic wanted, const ClusterView& view, const BrokerConfig& config, const ConfigSources& sources, Random& random) {
  if (view.topic(wanted.name) != nullptr) return error(ErrorCode::TOPIC_ALREADY_EXISTS, "Topic '" + wanted.name + "' already exists.");
  if (!wanted.configs_without_value.empty())
    return error(ErrorCode::INVALID_CONFIG, "Null value not supported for topic configs: " + joined(wanted.configs_without_value, ","));
  if (wanted.assignment && (wanted.partitions != -1 || wanted.replication_factor != -1))
    return error(ErrorCode::INVALID_REQUEST,
                 "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time.");
  Result<znodes::ReplicaLists> assignment = replicas_of(wanted, view, config, random);
  if (!assignment) return assignment.error();
  if (!fits_znode(*assignment)) return too_many_partitions(static_cast<int64_t>(assignment->size()));
  if (Status status = validate_topic_name(wanted.name); !status) return status.error();
  if (Status status = check_given_assignment(wanted, view); !status) return status.error();
  if (Status status = check_topic_overrides(wanted.configs, sources); !status) return status.error();
  return TopicPlan{std::move(wanted.name), *std::move(assignment), std::move(wanted.configs)};
}

Result<znodes::ReplicaLists> plan_more_partitions(std::string_view name, const znodes::Topic& topic, int32_t count,
                                                  const std::optional<std::vector<std::vector<BrokerId>>>& assignments, const ClusterView& view) {
  if (!topic.adding.empty() || !topic.removing.empty())
    return error(ErrorCode::REASSIGNMENT_IN_PROGRESS, "A partition reassignment is in progress for the topic '" + std::string(name) + "'.");
  const auto before = static_cast<int32_t>(topic.partitions.size());
  if (count < before)
    return error(ErrorCode::INVALID_PARTITIONS, "Topic currently has " + std::to_string(before) + " partitions, which is higher than the requested " +
                                                    std::to_string(count) + ".");
  if (count == before) return error(ErrorCode::INVALID_PARTITIONS, "Topic already has " + std::to_string(before) + " partitions.");
  const auto first = topic.partitions.find(PartitionIndex(0));
  if (first == topic.partitions.end()) return error(ErrorCode::UNKNOWN_SERVER_ERROR, "Topic '" + std::string(name) + "' has no partition 0.");

  const int32_t more = count - before;
  const std::vector<BrokerRack> brokers = racks_of(view);
  const auto replication_factor = static_cast<int32_t>(first->second.size());
  if (!can_fit_znode(count, replication_factor)) return too_many_partitions(count);
  if (!assignments)
    return place_replicas(brokers, more, replication_factor, start_of_added_partitions(brokers, first->second), PartitionIndex(before));
  znodes::ReplicaLists added;
  for (size_t i = 0; i < assignments->size(); ++i) added[PartitionIndex(before + static_cast<int32_t>(i))] = (*assignments)[i];
  if (Status status = check_brokers_live(added, view); !status) return status.error();
  if (static_cast<int64_t>(assignments->size()) != more)
    return error(ErrorCode::INVALID_REPLICA_ASSIGNMENT, "Increasing the number of partitions by " + std::to_string(more) + " but " +
                                                            std::to_string(assignments->size()) + " assignments provided.");
  if (Status status = validate_added_assignment(added, before, replication_factor, brokers); !status) return status.error();
  return added;
}

}  // namespace quokka
