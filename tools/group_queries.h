// What kafka-consumer-groups asks brokers about groups, and has them do.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/client/blocking_client.h"
#include "tools/consumer_group_text.h"

namespace quokka {

// Consumer groups of all brokers, by id. Empty filters let everything through.
struct GroupFilter {
  std::vector<std::string> states;
  std::vector<std::string> types;
};
Result<std::vector<ListedGroup>> list_consumer_groups(BlockingClient& client, const GroupFilter& filter);

// State "Dead" where there is none. INVALID_REQUEST if it is no group of consumers. `with_rebalances`: what its coordinator remembers of them.
Result<DescribedConsumerGroup> describe_consumer_group(BlockingClient& client, const std::string& group, bool with_rebalances);

// Error of the group; else those of the partitions.
using DeletedOffsets = std::map<TopicPartition, ErrorCode>;
Result<DeletedOffsets> delete_offsets(BlockingClient& client, const std::string& group, const std::vector<TopicPartition>& partitions);

Status delete_consumer_group(BlockingClient& client, const std::string& group);

// Empty if there is no such topic.
Result<std::vector<TopicPartition>> partitions_of_topic(BlockingClient& client, const std::string& topic);

// What an error of a group means, in Kafka's words.
std::string text_of_group_error(ErrorCode code);

}  // namespace quokka
