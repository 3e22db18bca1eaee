// Offsets where consumers of before 0.9 keep them, and where OffsetCommit and OffsetFetch of version 0 still put them: one znode a partition,
// /consumers/<group>/offsets/<topic>/<partition>, that holds the number.
#pragma once

#include <optional>
#include <string>

#include "coord/session/zookeeper_session.h"
#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka {

// On the loop of coordination, where `done` runs too. UNKNOWN_SERVER_ERROR for a group or topic that cannot be a znode, and when ZooKeeper fails.
void commit_to_zookeeper(ZookeeperSession& session, const std::string& group, const TopicPartition& partition, int64_t offset,
                         Function<void(ErrorCode)> done);
// nullopt: none was committed.
void fetch_from_zookeeper(ZookeeperSession& session, const std::string& group, const TopicPartition& partition,
                          Function<void(Result<std::optional<int64_t>>)> done);

}  // namespace quokka
