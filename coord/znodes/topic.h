// /brokers/topics/<topic> and the state of its partitions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/uuid.h"

namespace quokka::znodes {

using ReplicaLists = std::map<PartitionIndex, std::vector<BrokerId>>;

struct Topic {
  TopicId id;               // zero: none (written by a cluster older than 2.8)
  ReplicaLists partitions;  // all replicas of every partition, the first is the preferred leader
  ReplicaLists adding;      // only partitions under reassignment
  ReplicaLists removing;

  bool operator==(const Topic&) const = default;
};

std::string encode(const Topic& topic);
// `name` is only for the error's text.
Result<Topic> parse_topic(std::string_view name, std::string_view json);

enum class LeaderRecoveryState : uint8_t { recovered = 0, recovering = 1 };

// /brokers/topics/<topic>/partitions/<p>/state; the partition epoch is the version of this znode.
struct PartitionState {
  BrokerId leader{-1};  // -1: none; the in-sync set then keeps its last members
  LeaderEpoch leader_epoch{0};
  ControllerEpoch controller_epoch{0};
  std::vector<BrokerId> isr;
  LeaderRecoveryState leader_recovery_state = LeaderRecoveryState::recovered;

  bool operator==(const PartitionState&) const = default;
};

std::string encode(const PartitionState& state);
Result<PartitionState> parse_partition_state(const TopicPartition& partition, std::string_view json);

}  // namespace quokka::znodes
