// How kafka-consumer-groups shows groups: Kafka's layouts, column by column. Pure: what was asked of the brokers comes in.
//
// Where Kafka 3.9 lost the line ends between the rows of a reset and of deleted offsets, and the topics' names of an assignment, they are as they were
// until 3.6.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"
#include "protocol/client/group_offsets.h"

namespace quokka {

struct ListedGroup {
  std::string id;
  std::string state;
  std::string type;
};

struct DescribedGroupMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  std::set<TopicPartition> assignment;
};

// A rebalance as the coordinator remembers it.
struct DescribedRebalance {
  WallTime began;
  std::optional<WallTime> ended;
  int32_t generation = -1;  // -1 while members are joining
  int32_t members = 0;
  std::string reason;
};

struct DescribedConsumerGroup {
  std::string id;
  std::string state;     // "Dead": there is none
  std::string assignor;  // of a stable group
  BrokerId coordinator;
  HostPort coordinator_address;
  std::vector<DescribedGroupMember> members;
  std::vector<DescribedRebalance> rebalances;  // oldest first; none where the coordinator does not tell
};

// A partition that a group reads or has read.
struct GroupOffset {
  std::optional<TopicPartition> partition;
  std::optional<Offset> committed;
  std::optional<Offset> log_end;
  const DescribedGroupMember* member = nullptr;  // who reads it
};

// Rows of `describe`: of members with partitions, those with most of them first, then what nobody reads.
std::vector<GroupOffset> group_offsets(const DescribedConsumerGroup& group, const OffsetsByPartition& committed, const OffsetsByPartition& log_ends);

std::string listing_text(const std::vector<ListedGroup>& groups, bool with_type, bool with_state);
std::string offsets_text(const std::string& group, const std::vector<GroupOffset>& rows);
std::string members_text(const DescribedConsumerGroup& group, bool with_assignment);
std::string state_text(const DescribedConsumerGroup& group);
// Not in Kafka: why the group rebalanced the last times, newest first.
std::string rebalances_text(const DescribedConsumerGroup& group);
std::string reset_text(const std::map<std::string, OffsetsByPartition>& plan);
// Partition -1: the topic could not be looked at.
std::string deleted_offsets_text(const std::vector<std::pair<TopicPartition, std::optional<std::string>>>& outcomes);

}  // namespace quokka
