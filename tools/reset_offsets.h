// Which offsets kafka-consumer-groups --reset-offsets gives a group: what the options say, and what is in the logs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/client/group_offsets.h"
#include "tools/listed_offsets.h"
#include "tools/options.h"
#include "tools/reset_plan.h"

namespace quokka {

// The options of which one says where to: "to-earliest", "from-file" ...
const std::vector<std::string>& reset_scenarios();

// The partitions that a --topic means. UNKNOWN_TOPIC_OR_PARTITION: there is no such topic.
Result<std::vector<TopicPartition>> chosen_partitions(BlockingClient& client, const std::string& topic_option);

class OffsetReset {
 public:
  // Options with one of the scenarios. Both outlive it.
  OffsetReset(const Options& options, BlockingClient& client) : options_(options), client_(client) {}

  // Reads what lies in files and in the words of options. INVALID_REQUEST says what is wrong there.
  Status prepare();
  // Offsets within the logs; empty with a line on standard output if a file has none for the group.
  Result<OffsetsByPartition> plan(const std::string& group);

 private:
  Result<std::vector<TopicPartition>> partitions_of(const std::string& group);
  Result<OffsetsByPartition> at(const std::vector<TopicPartition>& partitions, int64_t timestamp);
  Result<OffsetsByPartition> since(const std::vector<TopicPartition>& partitions, int64_t timestamp);
  Result<OffsetsByPartition> current(const std::string& group, const std::vector<TopicPartition>& partitions);
  Result<OffsetsByPartition> shifted(const std::string& group, const std::vector<TopicPartition>& partitions, int64_t by);
  // Those beyond an end of their log are that end, with a warning.
  Result<OffsetsByPartition> within_logs(OffsetsByPartition offsets);

  const Options& options_;
  BlockingClient& client_;
  std::optional<int64_t> since_ms_;
  std::optional<ResetPlan> from_file_;
};

}  // namespace quokka
