// Records of __consumer_offsets: from values to the bytes that Kafka 3.9 writes in ZooKeeper mode, and back from all that a Kafka ever wrote.
//
// record := key value?                       no value: a tombstone
// key    := version:int16 body               0, 1: a committed offset; 2: a group; 3 to 8: of one of the consumer protocol; what is above is not ours to read
// value  := version:int16 body               an offset is written as 3, with an expiry as 1; a group as 3
#pragma once

#include <optional>

#include "broker/group/group_values.h"
#include "broker/journal/journal.h"
#include "protocol/base/result.h"

namespace quokka {

JournalEntry encode_group_record(const StoredGroupRecord& record);

// nullopt: of a kind that another version or protocol has. INVALID_RECORD names what is wrong.
Result<std::optional<StoredGroupRecord>> decode_group_record(Bytes key, std::optional<Bytes> value);

}  // namespace quokka
