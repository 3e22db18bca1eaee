// Kafka's producer snapshot file.
//   snapshot := version:int16=1 crc:uint32 count:int32 entry*       crc: CRC-32C of what follows it
//   entry    := producer_id:int64 producer_epoch:int16 last_sequence:int32 last_offset:int64 offset_delta:int32 timestamp:int64
//               coordinator_epoch:int32 open_transaction_start:int64
#pragma once

#include <string>
#include <vector>

#include "broker/producer/producer_states.h"
#include "protocol/base/bytes.h"

namespace quokka {

std::string encode_producer_snapshot(const std::vector<ProducerEntry>& entries);
// CORRUPT_MESSAGE and what is wrong for anything else than a whole snapshot.
Result<std::vector<ProducerEntry>> decode_producer_snapshot(Bytes bytes);

}  // namespace quokka
