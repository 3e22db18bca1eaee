// AlterPartitionReassignments (key 45), versions 0, flexible from 0.
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct AlterPartitionReassignmentsRequest {
  static constexpr const char* kName = "AlterPartitionReassignmentsRequest";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_PARTITION_REASSIGNMENTS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct ReassignableTopic {
    struct ReassignablePartition {
      PartitionIndex partition_index;
      std::optional<Array<BrokerId>> replicas;
    };
    std::string_view name;
    Array<ReassignablePartition> partitions;
  };
  int32_t timeout_ms = 60000;
  Array<ReassignableTopic> topics;
};

inline void fields(Codec& c, AlterPartitionReassignmentsRequest::ReassignableTopic::ReassignablePartition& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.replicas, "replicas", always(), always());
}
inline void fields(Codec& c, AlterPartitionReassignmentsRequest::ReassignableTopic& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, AlterPartitionReassignmentsRequest& m) {
  c.field(m.timeout_ms, "timeout_ms");
  c.field(m.topics, "topics");
}

struct AlterPartitionReassignmentsResponse {
  static constexpr const char* kName = "AlterPartitionReassignmentsResponse";
  static constexpr ApiKey kApiKey = ApiKey::ALTER_PARTITION_REASSIGNMENTS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 0, kFlexibleFrom = 0;
  struct ReassignableTopicResponse {
    struct ReassignablePartitionResponse {
      PartitionIndex partition_index;
      ErrorCode error_code = ErrorCode::NONE;
      std::optional<std::string_view> error_message = std::string_view();
    };
    std::string_view name;
    Array<ReassignablePartitionResponse> partitions;
  };
  int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::NONE;
  std::optional<std::string_view> error_message = std::string_view();
  Array<ReassignableTopicResponse> responses;
};

inline void fields(Codec& c, AlterPartitionReassignmentsResponse::ReassignableTopicResponse::ReassignablePartitionResponse& m) {
  c.field(m.partition_index, "partition_index");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
}
inline void fields(Codec& c, AlterPartitionReassignmentsResponse::ReassignableTopicResponse& m) {
  c.field(m.name, "name");
  c.field(m.partitions, "partitions");
}
inline void fields(Codec& c, AlterPartitionReassignmentsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
  c.field(m.responses, "responses");
}

}  // namespace quokka
