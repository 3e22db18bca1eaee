// CreatePartitions (key 37), versions 0-3, flexible from 2.
//
// 3: THROTTLING_QUOTA_EXCEEDED may come back (KIP-599).
#pragma once

#include "protocol/messages/api_table.h"
#include "protocol/wire/codec.h"

namespace quokka {

struct CreatePartitionsRequest {
  static constexpr const char* kName = "CreatePartitionsRequest";
  static constexpr ApiKey kApiKey = ApiKey::CREATE_PARTITIONS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct CreatePartitionsTopic {
    struct CreatePartitionsAssignment {
      Array<BrokerId> broker_ids;
    };
    std::string_view name;
    int32_t count = 0;
    std::optional<Array<CreatePartitionsAssignment>> assignments = Array<CreatePartitionsAssignment>();
  };
  Array<CreatePartitionsTopic> topics;
  int32_t timeout_ms = 0;
  bool validate_only = false;
};

inline void fields(Codec& c, CreatePartitionsRequest::CreatePartitionsTopic::CreatePartitionsAssignment& m) {
  c.field(m.broker_ids, "broker_ids");
}
inline void fields(Codec& c, CreatePartitionsRequest::CreatePartitionsTopic& m) {
  c.field(m.name, "name");
  c.field(m.count, "count");
  c.field(m.assignments, "assignments", always(), always());
}
inline void fields(Codec& c, CreatePartitionsRequest& m) {
  c.field(m.topics, "topics");
  c.field(m.timeout_ms, "timeout_ms");
  c.field(m.validate_only, "validate_only");
}

struct CreatePartitionsResponse {
  static constexpr const char* kName = "CreatePartitionsResponse";
  static constexpr ApiKey kApiKey = ApiKey::CREATE_PARTITIONS;
  static constexpr int16_t kVersionMin = 0, kVersionMax = 3, kFlexibleFrom = 2;
  struct CreatePartitionsTopicResult {
    std::string_view name;
    ErrorCode error_code = ErrorCode::NONE;
    std::optional<std::string_view> error_message;
  };
  int32_t throttle_time_ms = 0;
  Array<CreatePartitionsTopicResult> results;
};

inline void fields(Codec& c, CreatePartitionsResponse::CreatePartitionsTopicResult& m) {
  c.field(m.name, "name");
  c.field(m.error_code, "error_code");
  c.field(m.error_message, "error_message", always(), always());
}
inline void fields(Codec& c, CreatePartitionsResponse& m) {
  c.field(m.throttle_time_ms, "throttle_time_ms");
  c.field(m.results, "results");
}

}  // namespace quokka
