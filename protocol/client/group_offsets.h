// The offsets that a group has committed, over its coordinator.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/client/blocking_client.h"

namespace quokka {

using OffsetsByPartition = std::map<TopicPartition, Offset>;

// Who commits: a member of the group's generation, or, as it stands, somebody outside, which a group without members allows.
struct Committer {
  int32_t generation = -1;
  std::string member_id;
  std::optional<std::string> instance_id;
};

// Of `partitions`, or of all without them; those without an offset are left out. `require_stable` waits for open transactions.
Result<OffsetsByPartition> committed_offsets(BlockingClient& client, const std::string& group, const std::optional<std::vector<TopicPartition>>& partitions,
                                             bool require_stable);

// All or an error: the first one that a partition has.
Status commit_offsets(BlockingClient& client, const std::string& group, const OffsetsByPartition& offsets, const Committer& committer = {});

}  // namespace quokka
