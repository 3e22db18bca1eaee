// DescribeProducers (key 61), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct DescribeProducersRequest {
  static constexpr const char* kName = "DescribeProducersRequest";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_PRODUCERS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct TopicRequest {
    std::string_view name;
    Array<PartitionIndex> partition_indexes;
  };
  Array<TopicRequest> topics;
};

inline void fields(Codec& c, DescribeProducersRequest::TopicRequest& m) {
  c.field(m.name, "name");
  c.field(m.partition_indexes, "partition_indexes");
}
inline void fields(Codec& c, DescribeProducersRequest& m) {
  c.field(m.topics, "topics");
}

struct DescribeProducersResponse {
  static constexpr const char* kName = "DescribeProducersResponse";
  static constexpr ApiKey kApiKey = ApiKey::DESCRIBE_PRODUCERS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct TopicResponse {
    struct PartitionResponse {
      struct ProducerState {
        ProducerId producer_id{0};
        int32_t producer_epoch = 0;
        int32_t last_sequence = -1;
        int64_t last_timestamp = -1;
        int32_t coordinator_epoch = 0;
        Offset current_txn_start_offset;
      };
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
      std::optional<std::string_view> error_message;
      Array<ProducerState> active_producers;
    };
    std::string_view name;
    Array<PartitionResponse> partitions;
  };
  int32_t throttle_time_ms = 0;
  Array<TopicResponse> topics;
};

inline void fields(Codec& c, DescribeProducersResponse::TopicResponse::PartitionResponse::ProducerState& m) {
  c.field(m.producer_id, "producer_id");
  c.field(m.producer_epoch, "producer_epoch");
  c.field(m.last_sequence, "last_sequence");
  c.field(m.last_timestamp, "last_timestamp");
  c.field(m.coordinator_epoch, "coordinator_epoch");
  c.field(m.current_txn_start_offset, "current_txn_start_offset");
}
inline void fields(Codec& c, DescribeProducersResponse::TopicResponse::PartitionResponse& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.active_producers, "active_producers");
}
inline void fields(Codec& c, DescribeProducersResponse::TopicResponse& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, DescribeProducersResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.topics, "topics");
}

}  // namespace quokka
