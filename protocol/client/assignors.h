// How partitions are shared out among the members of a group, by the one that leads it. PURE.
//
// Range: per topic, members in order take neighbouring partitions. Cooperative-sticky (KIP-429): members keep what they have, as far as that is fair, and
// what is to move is given to nobody until who has it has let go and joined again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol/base/ids.h"

namespace quokka {

struct SubscribedMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::set<std::string> topics;
  std::set<TopicPartition> owned;  // as it says
  int32_t owned_generation = -1;   // of that
};

using PartitionCounts = std::map<std::string, int32_t>;                 // by topic; one that is not there has none
using Assignments = std::map<std::string, std::set<TopicPartition>>;  // by member, all of them

Assignments assign_ranges(const std::vector<SubscribedMember>& members, const PartitionCounts& partitions);
Assignments assign_cooperatively(const std::vector<SubscribedMember>& members, const PartitionCounts& partitions);

}  // namespace quokka
