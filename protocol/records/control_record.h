// Control records: what brokers write between the records of users, one to a batch whose control bit is set. Consumers never see them.
//
// key   := version:int16 type:int16
// value := version:int16 coordinator_epoch:int32          (of ABORT and COMMIT)
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/bytes.h"
#include "protocol/base/ids.h"
#include "protocol/records/record_batch.h"

namespace quokka {

// Types above COMMIT occur in KRaft's own log only. Readers pass over types they do not know.
enum class ControlRecordType : int16_t { ABORT = 0, COMMIT = 1 };

// The end of a transaction in one partition.
struct EndTransactionMarker {
  ControlRecordType type = ControlRecordType::ABORT;
  int32_t coordinator_epoch = -1;  // of the transaction coordinator that wrote it; a lower one is a zombie's

  bool operator==(const EndTransactionMarker&) const = default;
};

// The batch of one marker, 78 bytes; base offset 0 and leader epoch -1 until patched.
std::vector<uint8_t> write_end_transaction_marker(ProducerId producer_id, ProducerEpoch producer_epoch,
                                                  const EndTransactionMarker& marker, int64_t timestamp_ms);

// The marker that a control batch holds; nullopt if it is another control record or none that can be read. Markers are never compressed.
std::optional<EndTransactionMarker> read_end_transaction_marker(const BatchView& batch);

}  // namespace quokka
