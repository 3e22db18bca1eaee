// Who is to have which partitions in a group of the consumer protocol: the assignors "uniform" and "range" that Kafka's server has. PURE.
//
// uniform: balanced within one partition where all subscribe to the same; then as little is moved as that allows.
// range:   of each topic consecutive partitions for each member in the order of members, so that topics of the same size are parted alike.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "broker/group/consumer/consumer_values.h"

namespace quokka {

struct AssigningMember {
  std::optional<std::string> instance_id;
  std::set<std::string> topics;
  AssignedPartitions target;  // so far
};
using AssigningMembers = std::map<std::string, AssigningMember>;  // by member id
using Targets = std::map<std::string, AssignedPartitions>;        // an entry for every member

// Topics that do not exist are not in `topics`, and nobody gets any of them.
Targets assign_uniform(const AssigningMembers& members, const SubscribedTopics& topics);
Targets assign_range(const AssigningMembers& members, const SubscribedTopics& topics);

// nullptr if there is none of the name.
using Assignor = Targets (*)(const AssigningMembers&, const SubscribedTopics&);
Assignor find_assignor(std::string_view name);

}  // namespace quokka
