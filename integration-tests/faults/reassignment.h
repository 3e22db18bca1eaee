// Moving a topic's replicas, asked of whoever is the controller, and looked at in ZooKeeper.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "integration-tests/clients/cluster_znodes.h"

namespace quokka {

using ReplicaPlan = std::map<int32_t, std::vector<int>>;  // partition -> brokers, the preferred leader first

// Throws if the controller refuses any of it.
void reassign(const std::string& bootstrap, const std::string& topic, const ReplicaPlan& plan);
// Nothing is added or removed any more, and all wanted replicas are in sync.
bool is_reassigned(ClusterZnodes& znodes, const std::string& topic, const ReplicaPlan& plan);

}  // namespace quokka
