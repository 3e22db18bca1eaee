// DescribeTransactions (key 65), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeTransactionsRequest {
  static constexpr const char* kName = "DescribeTransactionsRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_TRANSACTIONS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  Array<std::string_view> transactional_ids;
};

inline void fields(Codec& c, DescribeTransactionsRequest& m) {
  c.field(m.transactional_ids, "transactional_ids");
}

struct DescribeTransactionsResponse {
  static constexpr const char* kName = "DescribeTransactionsResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_TRANSACTIONS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct TransactionState {
    struct TopicData {
      std::string_view topic;
      Array<PartitionIndex> partitions;
    };
    ErrorCode error_code = ErrorCode::NONE;
    std::string_view transactional_id;
    std::string_view transaction_state;
    int32_t transaction_timeout_ms = 0;
    int64_t transaction_start_time_ms = 0;
    ProducerId producer_id{0};
    ProducerEpoch producer_epoch{0};
    Array<TopicData> topics;
  };
  int32_t throttle_time_ms = 0;
  Array<TransactionState> transaction_states;
};

inline void fields(Codec& c, DescribeTransactionsResponse::TransactionState::TopicData& m) {
  c.field(m.topic, "topic");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, DescribeTransactionsResponse::TransactionState& m) {
  c.field(m.error_code, "error_code");
  c.field(m.transactional_id, "transactional_id");
  c.field(m.transaction_state, "transaction_state");
  c.field(m.transaction_timeout_ms, "transaction_timeout_ms");
  c.field(m.transaction_start_time_ms, "transaction_start_time_ms");
  c.field(m.producer_id, "producer_id");
  c.field(m.producer_epoch, "producer_epoch");
  c.field(m.topics, "topics");
}
inline void fields(Codec& c, DescribeTransactionsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.transaction_states, "transaction_states");
}

}  // namespace quokka
