// Requests to the controller that lie in ZooKeeper: reassignments, preferred elections, notifications.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"

namespace quokka::znodes {

struct Reassignment {
  TopicPartition partition;
  std::vector<BrokerId> replicas;  // the target

  bool operator==(const Reassignment&) const = default;
};

// /admin/reassign_partitions. Entries whose topic name is not legal are left out, as those of unknown topics will be.
std::string encode_reassignments(const std::vector<Reassignment>& reassignments);
Result<std::vector<Reassignment>> parse_reassignments(std::string_view json);

// /admin/preferred_replica_election and /isr_change_notification/isr_change_<seq> have one form.
std::string encode_partitions(const std::vector<TopicPartition>& partitions);
// `path` is only for the error's text. Entries whose topic name is not legal are left out.
Result<std::vector<TopicPartition>> parse_partitions(std::string_view path, std::string_view json);

// /log_dir_event_notification/log_dir_event_<seq>: a log directory of this broker failed.
std::string encode_log_dir_event(BrokerId broker);
Result<BrokerId> parse_log_dir_event(std::string_view path, std::string_view json);

}  // namespace quokka::znodes
