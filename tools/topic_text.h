// How kafka-topics --describe shows topics, and which partitions its filters pick. Pure: what was asked of the brokers comes in.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/uuid.h"

namespace quokka {

struct DescribedPartition {
  PartitionIndex index;
  std::optional<BrokerId> leader;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  // While it is reassigned.
  struct Reassignment {
    std::vector<BrokerId> replicas;
    std::vector<BrokerId> adding;
    std::vector<BrokerId> removing;
  };
  std::optional<Reassignment> reassignment;

  // Without the replicas that come or go.
  size_t replication_factor() const;
};

struct DescribedTopic {
  std::string name;
  TopicId id;
  std::vector<DescribedPartition> partitions;  // by index
  std::vector<std::pair<std::string, std::string>> overrides;  // configuration that is not the default, in the broker's order
  int32_t min_insync_replicas = 1;
};

// What --describe was asked to show. The first four pick partitions and leave out the topics' own lines.
struct DescribeChoice {
  bool under_replicated = false;
  bool unavailable = false;
  bool under_min_isr = false;
  bool at_min_isr = false;
  bool topics_with_overrides = false;  // topics' lines only

  bool picks_partitions() const { return under_replicated || unavailable || under_min_isr || at_min_isr; }
};

std::string describe(const DescribedTopic& topic, const DescribeChoice& choice, const std::set<BrokerId>& live_brokers);

}  // namespace quokka
