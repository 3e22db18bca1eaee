// The state of a partition as its znode has it, both ways.
#pragma once

#include <optional>
#include <string>

#include "coord/controller/election.h"
#include "coord/session/zookeeper_session.h"

namespace quokka {

std::string state_znode(const LeaderAndIsr& state);
// The partition epoch is the version in `stat`. nullopt, and logged, when the data cannot be understood.
std::optional<LeaderAndIsr> parse_state_znode(const TopicPartition& tp, const ZnodeData& data, const ZnodeStat& stat);

}  // namespace quokka
