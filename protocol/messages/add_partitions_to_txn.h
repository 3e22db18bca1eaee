// AddPartitionsToTxn (key 24), versions 0-5, flexible from 3.
//
// 4: brokers ask for several transactions at once, and only to verify them (KIP-890).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AddPartitionsToTxnRequest {
  static constexpr const char* kName = "AddPartitionsToTxnRequest";
  static constexpr ApiKey kApiKey = ApiKey::ADD_PARTITIONS_TO_TXN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 3;
  struct AddPartitionsToTxnTopic {
    std::string_view name;
    Array<PartitionIndex> partitions;
  };
  struct AddPartitionsToTxnTransaction {
    std::string_view transactional_id;
    ProducerId producer_id{0};
    ProducerEpoch producer_epoch{0};
    bool verify_only = false;
    Array<AddPartitionsToTxnTopic> topics;
  };
  Array<AddPartitionsToTxnTransaction> transactions;
  std::string_view v3_and_below_transactional_id;
  ProducerId v3_and_below_producer_id{0};
  int16_t v3_and_below_producer_epoch = 0;
  Array<AddPartitionsToTxnTopic> v3_and_below_topics;
};

inline void fields(Codec& c, AddPartitionsToTxnRequest::AddPartitionsToTxnTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, AddPartitionsToTxnRequest::AddPartitionsToTxnTransaction& m) {
  c.field(m.transactional_id, "transactional_id", since(4));
  c.field(m.producer_id, "producer_id", since(4));
  c.field(m.producer_epoch, "producer_epoch", since(4));
  c.field(m.verify_only, "verify_only", since(4));
  c.field(m.topics, "topics", since(4));
}
inline void fields(Codec& c, AddPartitionsToTxnRequest& m) {
  c.field(m.transactions, "transactions", since(4));
  c.field(m.v3_and_below_transactional_id, "v3_and_below_transactional_id", until(3));
  c.field(m.v3_and_below_producer_id, "v3_and_below_producer_id", until(3));
  c.field(m.v3_and_below_producer_epoch, "v3_and_below_producer_epoch", until(3));
  c.field(m.v3_and_below_topics, "v3_and_below_topics", until(3));
}

struct AddPartitionsToTxnResponse {
  static constexpr const char* kName = "AddPartitionsToTxnResponse";
  static constexpr ApiKey kApiKey = ApiKey::ADD_PARTITIONS_TO_TXN;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 5, kFlexibleFrom = 3;
  struct AddPartitionsToTxnPartitionResult {
    PartitionIndex partition_index;
    ErrorCode partition_error_code = ErrorCode::NONE;
  };
  struct AddPartitionsToTxnTopicResult {
    std::string_view name;
    Array<AddPartitionsToTxnPartitionResult> results_by_partition;
  };
  struct AddPartitionsToTxnResult {
    std::string_view transactional_id;
    Array<AddPartitionsToTxnTopicResult> topic_results;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  Array<AddPartitionsToTxnResult> results_by_transaction;
  Array<AddPartitionsToTxnTopicResult> results_by_topic_v3_and_below;
};

inline void fields(Codec& c, AddPartitionsToTxnResponse::AddPartitionsToTxnPartitionResult& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.partition_error_code, "partition_error_code");
}
inline void fields(Codec& c, AddPartitionsToTxnResponse::AddPartitionsToTxnTopicResult& m) {
  c.field(m.name, "name");
  c.field(m.results_by_partition, "results_by_partition");
}
inline void fields(Codec& c, AddPartitionsToTxnResponse::AddPartitionsToTxnResult& m) {
  c.field(m.transactional_id, "transactional_id", since(4));
  c.field(m.topic_results, "topic_results", since(4));
}
inline void fields(Codec& c, AddPartitionsToTxnResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code", since(4).or_dropped());
  c.field(m.results_by_transaction, "results_by_transaction", since(4));
  c.field(m.results_by_topic_v3_and_below, "results_by_topic_v3_and_below", until(3));
}

}  // namespace quokka
