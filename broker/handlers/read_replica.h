// Which replica a consumer should read from (KIP-392): one in its own rack, by replica.selector.class.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "broker/replica/leader.h"
#include "coord/view/cluster_view.h"

namespace quokka {

// The two classes that Kafka brings; others cannot be loaded.
inline constexpr std::string_view kLeaderSelector = "org.apache.kafka.common.replica.LeaderSelector";
inline constexpr std::string_view kRackAwareSelector = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

// Of the in-sync `holders` of the offset the one in `rack` that is nearest to the leader; nullopt where that is the leader itself or nobody, or where
// the chosen one has no endpoint on the consumer's listener.
std::optional<BrokerId> rack_aware_replica(const ClusterView& view, std::string_view listener, std::string_view rack, BrokerId leader,
                                           const std::vector<Leader::Holder>& holders);

}  // namespace quokka
