// Names inside a log directory: partition directories and files of segments, as Kafka writes them. Pure. A path is only ever built from a valid topic
// name, wherever the name came from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/ids.h"
#include "protocol/base/uuid.h"

namespace quokka {

// What a directory in log.dirs is, by its name.
struct DirectoryName {
  enum class Kind { partition, deleted, stray, future };
  Kind kind = Kind::partition;
  TopicPartition partition;
};

// nullopt: not a partition's directory.
std::optional<DirectoryName> parse_directory_name(std::string_view name);
// "<topic>-<partition>.<32 hex>-delete" and its like, the topic cut where the name would pass 255 characters (not for future).
std::string marked_directory_name(const TopicPartition& partition, const Uuid& unique, DirectoryName::Kind kind);

// 20 decimal digits and the suffix (".log").
std::string segment_file_name(Offset base_offset, std::string_view suffix);
// The offset of "<20 digits><suffix>"; nullopt for other names.
std::optional<Offset> parse_segment_file_name(std::string_view name, std::string_view suffix);

}  // namespace quokka
