// What lies in a stopped broker's log directories, for the history of a run. Whether it is Quokka or Apache Kafka that wrote it makes no difference.
#pragma once

#include <string>
#include <vector>

#include "integration-tests/faults/history.h"

namespace quokka {

struct StoredSegments {
  int32_t partition = 0;
  int64_t log_start = 0;               // as checkpointed, or where the first segment begins
  std::vector<std::string> segments;  // their bytes
};
// Of a topic in one directory of log.dirs. Throws if it cannot be read.
std::vector<StoredSegments> read_segments(const std::string& log_directory, const std::string& topic);

// The replicas of a topic in one directory of log.dirs. Bytes behind the last whole batch are left out. Throws if the directory cannot be read.
std::vector<ReplicaLog> read_replica_logs(int32_t broker, const std::string& log_directory, const std::string& topic);

// Lines in which a broker says that it became the controller.
std::vector<ControllerClaim> controller_claims(const std::string& broker_output);

}  // namespace quokka
