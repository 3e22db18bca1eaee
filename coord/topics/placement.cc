#include "coord/topics/placement.h"

#include <algorithm>
#include <map>
#include <set>

#include "protocol/base/check.h"

namespace quokka {
namespace {

Error invalid_assignment(std::string message) { return Error{ErrorCode::INVALID_REPLICA_ASSIGNMENT, std::move(message)}; }

std::string list_text(const std::vector<BrokerId>& brokers) {
  std::string text;
  for (BrokerId each : brokers) text += (text.empty() ? "" : ", ") + std::to_string(each.value);
  return text;
}

bool has_duplicates(const std::vector<BrokerId>& brokers) { return std::set<BrokerId>(brokers.begin(), brokers.end()).size() != brokers.size(); }

// Brokers in the order in which they are gone through, and the rack of each (all alike where racks do not count).
struct Circle {
  std::vector<BrokerId> brokers;
  std::vector<uint32_t> racks;
  uint64_t rack_count = 1;

  size_t size() const { return brokers.size(); }
  // Position of the replica `step` places after the first one's neighbour, never the first one's own.
  size_t follower(size_t first, uint64_t shift, uint64_t step) const { return (first + 1 + (shift + step) % (size() - 1)) % size(); }
};

Circle circle_of(const std::vector<BrokerRack>& brokers) {
  Circle circle;
  if (!brokers.front().rack) {
    for (const BrokerRack& each : brokers) circle.brokers.push_back(each.id);
    circle.racks.assign(brokers.size(), 0);
    return circle;
  }
  circle.brokers = alternate_racks(brokers);
  std::map<std::string, uint32_t> numbers;
  std::map<BrokerId, uint32_t> rack_of;
  for (const BrokerRack& each : brokers) {
    rack_of[each.id] = numbers.emplace(*each.rack, static_cast<uint32_t>(numbers.size())).first->second;
  }
  for (BrokerId each : circle.brokers) circle.racks.push_back(rack_of.at(each));
  circle.rack_count = numbers.size();
  return circle;
}

// Without racks there is one for all, which then has its replica from the start: the next broker in turn is always right.
std::vector<BrokerId> place_one(const Circle& circle, size_t first, uint64_t shift, int32_t replication_factor) {
  std::vector<BrokerId> replicas = {circle.brokers[first]};
  std::set<uint32_t> racks = {circle.racks[first]};
  std::set<size_t> used = {first};
  for (uint64_t step = 0; static_cast<int32_t>(replicas.size()) < replication_factor; ++step) {
    const size_t next = circle.follower(first, shift, step);
    const bool rack_is_free = racks.count(circle.racks[next]) == 0 || racks.size() == circle.rack_count;
    const bool broker_is_free = used.count(next) == 0;
    if (!rack_is_free || !broker_is_free) continue;
    replicas.push_back(circle.brokers[next]);
    racks.insert(circle.racks[next]);
    used.insert(next);
  }
  return replicas;
}

}  // namespace

std::vector<BrokerId> alternate_racks(const std::vector<BrokerRack>& brokers) {
  std::map<std::string, std::vector<BrokerId>> by_rack;
  for (const BrokerRack& each : brokers) {
    QUOKKA_CHECK(each.rack.has_value(), "every broker has a rack here");
    by_rack[*each.rack].push_back(each.id);
  }
  for (auto& [rack, ids] : by_rack) std::sort(ids.begin(), ids.end());
  std::vector<BrokerId> order;
  for (size_t round = 0; order.size() < brokers.size(); ++round) {
    for (const auto& [rack, ids] : by_rack) {
      if (round < ids.size()) order.push_back(ids[round]);
    }
  }
  return order;
}

Result<znodes::ReplicaLists> place_replicas(const std::vector<BrokerRack>& brokers, int32_t partitions, int32_t replication_factor,
                                            PlacementStart start, PartitionIndex first_partition) {
  if (partitions <= 0) return Error{ErrorCode::INVALID_PARTITIONS, "Number of partitions must be larger than 0."};
  if (replication_factor <= 0) return Error{ErrorCode::INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0."};
  if (static_cast<size_t>(replication_factor) > brokers.size()) {
    return Error{ErrorCode::INVALID_REPLICATION_FACTOR, "Replication factor: " + std::to_string(replication_factor) +
                                                            " larger than available brokers: " + std::to_string(brokers.size()) + "."};
  }
  const auto with_rack = std::count_if(brokers.begin(), brokers.end(), [](const BrokerRack& each) { return each.rack.has_value(); });
  if (with_rack != 0 && static_cast<size_t>(with_rack) != brokers.size()) {
    return Error{ErrorCode::UNKNOWN_SERVER_ERROR, "Not all brokers have rack information for replica rack aware assignment."};
  }
  const Circle circle = circle_of(brokers);
  const uint64_t shift_unit = with_rack != 0 ? circle.rack_count : 1;
  znodes::ReplicaLists lists;
  uint64_t shift = start.shift;
  uint64_t partition = static_cast<uint64_t>(std::max(0, first_partition.value));
  for (int32_t i = 0; i < partitions; ++i, ++partition) {
    if (partition > 0 && partition % circle.size() == 0) ++shift;
    const size_t first = (partition + start.index) % circle.size();
    lists[PartitionIndex(static_cast<int32_t>(partition))] = place_one(circle, first, shift * shift_unit, replication_factor);
  }
  return lists;
}

PlacementStart start_of_added_partitions(const std::vector<BrokerRack>& brokers, const std::vector<BrokerId>& replicas_of_partition_0) {
  PlacementStart start;
  for (size_t i = 0; i < brokers.size() && !replicas_of_partition_0.empty(); ++i) {
    if (brokers[i].id < replicas_of_partition_0[0]) continue;
    start.index = start.shift = static_cast<uint32_t>(i);
    break;
  }
  return start;
}

Status validate_new_assignment(const znodes::ReplicaLists& assignment) {
  if (assignment.empty()) return invalid_assignment("The assignment has no partitions.");
  int32_t expected = 0;
  const size_t replication_factor = assignment.begin()->second.size();
  for (const auto& [partition, replicas] : assignment) {
    if (partition.value != expected++) return invalid_assignment("partitions should be a consecutive 0-based integer sequence");
    if (replicas.size() != replication_factor) return invalid_assignment("All partitions should have the same number of replicas");
    if (replicas.empty()) return invalid_assignment("Cannot have replication factor of 0 for partition id " + std::to_string(partition.value) + ".");
    if (has_duplicates(replicas)) {
      return invalid_assignment("Duplicate replica assignment found: " + list_text(replicas) + " for partition " + std::to_string(partition.value));
    }
  }
  return {};
}

Status validate_added_assignment(const znodes::ReplicaLists& added, int32_t first_partition, int32_t replication_factor,
                                 const std::vector<BrokerRack>& brokers) {
  int32_t expected = first_partition;
  for (const auto& [partition, replicas] : added) {
    const std::string id = std::to_string(partition.value);
    if (partition.value != expected++) return invalid_assignment("partitions should be a consecutive integer sequence from " + std::to_string(first_partition));
    if (replicas.empty()) return invalid_assignment("Cannot have replication factor of 0 for partition id " + id + ".");
    if (has_duplicates(replicas)) {
      return invalid_assignment("Duplicate brokers not allowed in replica assignment: " + list_text(replicas) + " for partition id " + id + ".");
    }
    for (BrokerId replica : replicas) {
      if (std::any_of(brokers.begin(), brokers.end(), [&](const BrokerRack& each) { return each.id == replica; })) continue;
      return Error{ErrorCode::BROKER_NOT_AVAILABLE, "Some brokers specified for partition id " + id + " are not available. Specified brokers: " +
                                                        list_text(replicas) + ", broker " + std::to_string(replica.value) + " is not live."};
    }
  }
  for (const auto& [partition, replicas] : added) {
    if (static_cast<int32_t>(replicas.size()) == replication_factor) continue;
    return invalid_assignment("Inconsistent replication factor between partitions, partition 0 has " + std::to_string(replication_factor) +
                              " while partition " + std::to_string(partition.value) + " has replication factor " + std::to_string(replicas.size()) + ".");
  }
  return {};
}

}  // namespace quokka
