// Decides what is wrong with what a consumer group was told: who owned what, which offsets were committed, and what was read. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "integration-tests/faults/history.h"

namespace quokka {

// An offset of the group that a member committed, or was told; of one monotonic clock.
struct GroupOffset {
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t invoked_ns = 0, completed_ns = 0;
};

// What a generation of a group gave to a member, and what the member read until it was taken away.
struct Ownership {
  std::string member;  // its process's name, or the instance id of a static one, who goes on with what it had before it died
  int32_t generation = -1;
  std::set<int32_t> partitions;
  Polls polls;
};

struct GroupHistory {
  std::vector<Ownership> ownerships;
  std::vector<GroupOffset> offsets;  // acknowledged commits, and what members were told
};

// What was asked for after another's answer is not below it.
void check_group_offsets(std::vector<GroupOffset> offsets, Findings& findings);
// `input`: the topic that the group reads.
Findings check_group(const GroupHistory& group, const History& input);

}  // namespace quokka
