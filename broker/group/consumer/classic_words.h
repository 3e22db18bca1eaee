// What members of the classic protocol say and are told inside JoinGroup and SyncGroup, where their group speaks the consumer protocol or comes from the one
// to the other (KIP-848). PURE.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "broker/group/consumer/consumer_values.h"

namespace quokka {

struct ClassicSubscription {
  std::set<std::string> topics;
  AssignedPartitions owned;  // of topics that exist
  std::optional<std::string> rack_id;
};

// nullopt: these bytes are none.
std::optional<ClassicSubscription> read_classic_subscription(std::string_view bytes, const GroupTopics& topics);
// Of topics that exist. No bytes at all are no partitions: what a member has that was not assigned any yet.
std::optional<AssignedPartitions> read_classic_assignment(std::string_view bytes, const GroupTopics& topics);
// Of `topics`; in the version of the member's subscription.
std::string write_classic_assignment(const AssignedPartitions& assigned, const SubscribedTopics& topics, std::string_view subscription);

}  // namespace quokka
