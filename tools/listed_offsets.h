// Where logs begin and end, and which offset belongs to a time: ListOffsets to the leaders.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/client/blocking_client.h"

namespace quokka {

// Any other timestamp, in ms, asks for the first record that is not older; -1 is the answer when there is none.
inline constexpr int64_t kLatestTimestamp = -1;
inline constexpr int64_t kEarliestTimestamp = -2;

using ListedOffsets = std::map<TopicPartition, Result<Offset>>;

// Of partitions (sorted) that this broker leads.
Result<ListedOffsets> listed_offsets(BlockingConnection& leader, const std::vector<TopicPartition>& partitions, int64_t timestamp, bool read_committed,
                                     Duration timeout);

// Of any partitions, from whoever leads them: again while leaders change. UNKNOWN_TOPIC_OR_PARTITION stands at those that do not exist.
Result<ListedOffsets> listed_offsets(BlockingClient& client, const std::vector<TopicPartition>& partitions, int64_t timestamp);

}  // namespace quokka
