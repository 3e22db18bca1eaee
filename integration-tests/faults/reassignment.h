// Moving a topic's replicas and leaders, asked of whoever is the controller, and looked at in ZooKeeper.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "integration-tests/clients/cluster_znodes.h"
#include "protocol/base/ids.h"

namespace quokka {

using ReplicaPlan = std::map<int32_t, std::vector<int>>;  // partition -> brokers, the preferred leader first

// Where they are now, as the topic's znode says.
ReplicaPlan replicas_of(ClusterZnodes& znodes, const std::string& topic);

// Both throw if the controller refuses any of it.
void reassign(const std::string& bootstrap, const std::string& topic, const ReplicaPlan& plan);
// Back to where the partitions of the plan came from.
void cancel_reassignment(const std::string& bootstrap, const std::string& topic, const ReplicaPlan& plan);
// Partitions that the controller says are moving.
size_t count_reassignments(const std::string& bootstrap);
// Nothing is added or removed any more, and all wanted replicas are in sync.
bool is_reassigned(ClusterZnodes& znodes, const std::string& topic, const ReplicaPlan& plan);

// Puts the replicas of a partition, which stay the same, in an order, and has the first elected. False if that does not lead in time.
bool move_leader(ClusterZnodes& znodes, const std::string& bootstrap, const TopicPartition& tp, const std::vector<int>& replicas, int timeout_ms);

}  // namespace quokka
