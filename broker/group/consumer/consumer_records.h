// Records of groups of the consumer protocol: from values to the bytes that a Kafka with that protocol writes, and back.
//
// key := version:int16 group member?     3 the group's epoch; 4 its topics; 5 a member; 6 the target's epoch; 7 a member's target; 8 what a member has
#pragma once

#include "broker/group/consumer/consumer_values.h"
#include "broker/journal/journal.h"
#include "protocol/base/result.h"

namespace quokka {

JournalEntry encode_consumer_record(const std::string& group, const ConsumerRecord& record);

struct DecodedConsumerRecord {
  std::string group;
  ConsumerRecord record;
};
// Of keys that has_consumer_key(). INVALID_RECORD names what is wrong.
Result<DecodedConsumerRecord> decode_consumer_record(Bytes key, std::optional<Bytes> value);
bool has_consumer_key(int16_t key_version);

}  // namespace quokka
