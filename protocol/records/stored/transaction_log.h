// Records of __transaction_state: one transactional id with its producer, state and partitions.
#pragma once

#include "protocol/wire/codec.h"

namespace quokka {

struct TransactionLogKey {
  static constexpr const char* kName = "TransactionLogKey";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = kNeverFlexible;
  std::string_view transactional_id;
};

inline void fields(Codec& c, TransactionLogKey& m) {
  c.field(m.transactional_id, "transactional_id");
}

struct TransactionLogValue {
  static constexpr const char* kName = "TransactionLogValue";
  static constexpr int16_t kVersionMin = 0, kVersionMax = 1, kFlexibleFrom = 1;
  struct PartitionsSchema {
    std::string_view topic;
    Array<PartitionIndex> partition_ids;
  };
  ProducerId producer_id{0};
  ProducerEpoch producer_epoch{0};
  int32_t transaction_timeout_ms = 0;
  int8_t transaction_status = 0;
  std::optional<Array<PartitionsSchema>> transaction_partitions = Array<PartitionsSchema>();
  int64_t transaction_last_update_timestamp_ms = 0;
  int64_t transaction_start_timestamp_ms = 0;
};

inline void fields(Codec& c, TransactionLogValue::PartitionsSchema& m) {
  c.field(m.topic, "topic");
  c.field(m.partition_ids, "partition_ids");
}
inline void fields(Codec& c, TransactionLogValue& m) {
  c.field(m.producer_id, "producer_id");
  c.field(m.producer_epoch, "producer_epoch");
  c.field(m.transaction_timeout_ms, "transaction_timeout_ms");
  c.field(m.transaction_status, "transaction_status");
  c.field(m.transaction_partitions, "transaction_partitions", always(), always());
  c.field(m.transaction_last_update_timestamp_ms, "transaction_last_update_timestamp_ms");
  c.field(m.transaction_start_timestamp_ms, "transaction_start_timestamp_ms");
}

}  // namespace quokka
