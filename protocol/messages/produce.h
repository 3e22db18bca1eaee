// Produce (key 0), versions 0-11, flexible from 9.
//
// 0-2: message sets v0 and v1; 1 throttle time, 2 log append time. 3: record batches v2, transactional id. 5: log start offset. 8: errors of single
// records. 10: the current leader in the answer (KIP-951). 7 (zstd), 4, 6, 9 and 11 have the fields of the version before.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct ProduceRequest {
  static constexpr const char* kName = "ProduceRequest";
  static constexpr ApiKey kApiKey = ApiKey::PRODUCE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 11, kFlexibleFrom = 9;
  struct TopicProduceData {
    struct PartitionProduceData {
      PartitionIndex index;
      Records records;
    };
    std::string_view name;
    Array<PartitionProduceData> partition_data;
  };
  std::optional<std::string_view> transactional_id;
  int16_t acks = 0;
  int32_t timeout_ms = 0;
  Array<TopicProduceData> topic_data;
};

inline void fields(Codec& c, ProduceRequest::TopicProduceData::PartitionProduceData& m) {
  c.field(m.index, "index");
  c.field(m.records, "records", always(), always());
}
inline void fields(Codec& c, ProduceRequest::TopicProduceData& m) {
  c.field(m.name, "name");
  c.field(m.partition_data, "partition_data");
}
inline void fields(Codec& c, ProduceRequest& m) {
  c.field(m.transactional_id, "transactional_id", since(3), since(3));
  c.field(m.acks, "acks");
  c.field(m.timeout_ms, "timeout_ms");
  c.field(m.topic_data, "topic_data");
}

struct ProduceResponse {
  static constexpr const char* kName = "ProduceResponse";
  static constexpr ApiKey kApiKey = ApiKey::PRODUCE;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 11, kFlexibleFrom = 9;
  struct TopicProduceResponse {
    struct PartitionProduceResponse {
      struct BatchIndexAndErrorMessage {
        int32_t batch_index = 0;
        std::optional<std::string_view> batch_index_error_message;
      };
      struct LeaderIdAndEpoch {
        BrokerId leader_id;
        LeaderEpoch leader_epoch;

        bool operator==(const LeaderIdAndEpoch&) const = default;
      };
      PartitionIndex index;
      ErrorCode error_code = ErrorCode::NONE;
      Offset base_offset{0};
      int64_t log_append_time_ms = -1;
      Offset log_start_offset;
      Array<BatchIndexAndErrorMessage> record_errors;
      std::optional<std::string_view> error_message;
      LeaderIdAndEpoch current_leader;
    };
    std::string_view name;
    Array<PartitionProduceResponse> partition_responses;
  };
  struct NodeEndpoint {
    BrokerId node_id{0};
    std::string_view host;
    int32_t port = 0;
    std::optional<std::string_view> rack;
  };
  Array<TopicProduceResponse> responses;
  int32_t throttle_time_ms = 0;
  Array<NodeEndpoint> node_endpoints;
};

inline void fields(Codec& c, ProduceResponse::TopicProduceResponse::PartitionProduceResponse::BatchIndexAndErrorMessage& m) {
  c.field(m.batch_index, "batch_index", since(8));
  c.field(m.batch_index_error_message, "batch_index_error_message", since(8), since(8));
}
inline void fields(Codec& c, ProduceResponse::TopicProduceResponse::PartitionProduceResponse::LeaderIdAndEpoch& m) {
  c.field(m.leader_id, "leader_id", since(10));
  c.field(m.leader_epoch, "leader_epoch", since(10));
}
inline void fields(Codec& c, ProduceResponse::TopicProduceResponse::PartitionProduceResponse& m) {
  c.field(m.index, "index");
  c.field(m.error_code, "error_code");
  c.field(m.base_offset, "base_offset");
  c.field(m.log_append_time_ms, "log_append_time_ms", since(2).or_dropped());
  c.field(m.log_start_offset, "log_start_offset", since(5).or_dropped());
  c.field(m.record_errors, "record_errors", since(8).or_dropped());
  c.field(m.error_message, "error_message", since(8).or_dropped(), since(8));
  c.tag(m.current_leader, 0, "current_leader", since(10));
}
inline void fields(Codec& c, ProduceResponse::TopicProduceResponse& m) {
  c.field(m.name, "name");
  c.field(m.partition_responses, "partition_responses");
}
inline void fields(Codec& c, ProduceResponse::NodeEndpoint& m) {
  c.field(m.node_id, "node_id", since(10));
  c.field(m.host, "host", since(10));
  c.field(m.port, "port", since(10));
  c.field(m.rack, "rack", since(10), since(10));
}
inline void fields(Codec& c, ProduceResponse& m) {
  c.field(m.responses, "responses");
  c.field(m.throttle_time_ms, "throttle_time_ms", since(1).or_dropped());
  c.tag(m.node_endpoints, 0, "node_endpoints", since(10));
}

}  // namespace quokka
