// The small text files of a log directory, in Kafka's format. Pure: bytes in, bytes out.
//   offset checkpoint  := "0\n" count "\n" (topic " " partition " " offset "\n")*        an empty file has no entries
//   meta.properties    := Java properties: version=0 broker.id cluster.id [directory.id]
//   partition.metadata := "version: 0\ntopic_id: " uuid
//   .kafka_cleanshutdown := {"version":0,"brokerEpoch":-1}
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/ids.h"
#include "protocol/base/result.h"
#include "protocol/base/time.h"
#include "protocol/base/uuid.h"

namespace quokka {

using OffsetCheckpoint = std::map<TopicPartition, Offset>;

std::string encode_offset_checkpoint(const OffsetCheckpoint& offsets);
// CORRUPT_MESSAGE and the line for anything else.
Result<OffsetCheckpoint> decode_offset_checkpoint(std::string_view text);

struct MetaProperties {
  int32_t version = 0;
  std::optional<BrokerId> broker_id;
  std::optional<std::string> cluster_id;
  std::optional<std::string> directory_id;  // kept if present
};

std::string encode_meta_properties(const MetaProperties& properties, WallTime now);
Result<MetaProperties> decode_meta_properties(std::string_view text);

std::string encode_partition_metadata(TopicId topic_id);
Result<TopicId> decode_partition_metadata(std::string_view text);

inline constexpr std::string_view kCleanShutdownContent = R"({"version":0,"brokerEpoch":-1})";

}  // namespace quokka
