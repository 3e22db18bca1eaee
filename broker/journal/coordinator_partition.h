// Which partition of an internal topic holds a group or a transactional id. Every broker and Kafka must find the same.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/base/ids.h"

namespace quokka {

// Java's String.hashCode of `id` (UTF-8 here, UTF-16 there), made positive, modulo `partitions`.
PartitionIndex coordinator_partition(std::string_view id, int32_t partitions);

}  // namespace quokka
