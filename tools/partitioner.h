// Which partition a record goes to: the choice that Kafka's own producers make, so that keys stay where they are.
#pragma once

#include <cstdint>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"

namespace quokka {

// MurmurHash2 (32 bit) with Kafka's seed.
int32_t murmur2(Bytes bytes);

// Of a record with a key. `partitions_count` > 0.
inline PartitionIndex partition_of_key(Bytes key, int32_t partitions_count) {
  return PartitionIndex((murmur2(key) & 0x7fffffff) % partitions_count);
}

}  // namespace quokka
