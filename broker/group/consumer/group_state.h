// The states of a group. A classic group prepares and completes a rebalance; one of the consumer protocol is assigning while its target is not computed for
// the last change yet, and reconciling while members are on their way to it. PURE.
#pragma once

#include <string_view>

namespace quokka {

enum class GroupState { EMPTY, PREPARING_REBALANCE, COMPLETING_REBALANCE, ASSIGNING, RECONCILING, STABLE, DEAD };
std::string_view name(GroupState state);  // Kafka's: "PreparingRebalance"

}  // namespace quokka
